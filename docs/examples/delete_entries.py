"""Delete ten blog entries in one request, then ten others one by one, and count.

Start a portal with `aioliferay serve`, then run this with its URL. It prints:

    one batch: 10 entries deleted, 1 request
    one by one: 10 entries deleted, 10 requests
"""
# ruff: noqa: INP001, T201 - an example is a script, and it prints

import asyncio
import sys

from aioliferay import Session
from aioliferay.observe import ExchangeEvent, ExchangeStarted
from aioliferay.services.v62 import BlogsEntryService

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8080"
SITE = 20182


class Counter:
    """Counts the requests of a session."""

    requests = 0

    def on_event(self, event: ExchangeEvent) -> None:
        """Count a request that leaves."""
        self.requests += isinstance(event, ExchangeStarted)


async def newest(session: Session) -> list[int]:
    """Return the numbers of the ten newest entries."""
    entries = await BlogsEntryService(session).get_group_entries(group_id=SITE, status=0, start=0, end=10)
    return [entry["entryId"] for entry in entries]


async def main() -> None:
    """Do it both ways."""
    counter = Counter()
    async with Session(SERVER, auth=("test@liferay.com", "test"), hooks=[counter]) as session:
        entry_ids = await newest(session)
        before = counter.requests
        async with session.batch() as batch:
            blogs = BlogsEntryService(batch)
            for entry_id in entry_ids:
                blogs.delete_entry(entry_id=entry_id)
        print(f"one batch: {len(entry_ids)} entries deleted, {counter.requests - before} request")

        entry_ids = await newest(session)
        before = counter.requests
        for entry_id in entry_ids:
            await BlogsEntryService(session).delete_entry(entry_id=entry_id)
        print(f"one by one: {len(entry_ids)} entries deleted, {counter.requests - before} requests")


if __name__ == "__main__":
    asyncio.run(main())
