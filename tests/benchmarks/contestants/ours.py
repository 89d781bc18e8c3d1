"""aioliferay in its several uses. Knows its public face only; recovery, call sites and hooks are as they are by default."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Self

from contestants.base import Contestant

from aioliferay import BatchLimits, Session, catalogs
from aioliferay.auth import SignIn
from aioliferay.services.v62 import BlogsEntryService

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command

CHUNK = 1_000
AT_ONCE = 4
HUGE = 1 << 30  # bytes
USER, PASSWORD = "test@liferay.com", "test"
WAYS_IN = {"guest": lambda: None, "basic": lambda: (USER, PASSWORD), "signed in": lambda: SignIn(USER, PASSWORD)}


class Ours(Contestant):
    """What all of these share: a session."""

    async def __aenter__(self) -> Self:
        self.session = Session(self.url, auth=WAYS_IN[self.way_in](), limits=self.limits(), timeout=None)
        return self

    def limits(self) -> BatchLimits | None:
        """Return the limits of the session: all calls in one request, as the peers have it."""
        return BatchLimits(max_calls=max(self.size, 500), max_bytes=HUGE, max_answer_bytes=HUGE)

    async def __aexit__(self, *_: object) -> None:
        await self.session.aclose()


class Batch(Ours):
    """A batch whose calls are made by path; `invoke()` returns the results."""

    async def run(self, commands: list[Command]) -> list[Any]:
        """Make all calls in one batch."""
        async with self.session.batch() as batch:
            for path, params, returns in commands:
                batch.call(path, params, returns=returns)
            return await batch.invoke()


class AwaitedBatch(Ours):
    """A batch whose calls are kept, and awaited after its block: each caller gets its own result."""

    async def run(self, commands: list[Command]) -> list[Any]:
        """Make all calls in one batch."""
        async with self.session.batch() as batch:
            calls = [batch.call(path, params, returns=returns) for path, params, returns in commands]
        return [await call for call in calls]


class CatalogBatch(Batch):
    """The same in a session that has a catalog, as after `discover()`."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.session.catalog = catalogs.shipped("6.2")
        return self


class DefaultBatch(Batch):
    """The same with the limits that a session has by default: 500 calls a request."""

    def limits(self) -> None:
        """Return no limits of its own."""


class ChunkedBatch(Batch):
    """The same for a portal whose time goes by statement: ten requests at once, of a tenth of the calls."""

    def limits(self) -> BatchLimits:
        """Return limits that a user sets."""
        return BatchLimits(max_calls=max(self.size // 10, 1), max_parallel=10)


class PlannedBatch(Ours):
    """A batch in which every second call needs a result of the call before it: planned and split, and not sent."""

    def limits(self) -> None:
        """Return no limits of its own: there is something to split."""

    async def run(self, commands: list[Command]) -> list[None]:
        """Make all calls, and ask what would be sent."""
        batch = self.session.batch()
        for first, second in zip(commands[::2], commands[1::2], strict=True):
            parent = batch.call(first.path, first.params)
            batch.call(second.path, {"entryId": parent["entryId"]})
        batch.explain()
        await batch.aclose()
        return [None] * len(commands)


class GeneratedService(Ours):
    """A batch whose calls are made by a generated service; the work must be void."""

    def given(self, commands: Iterable[Command]) -> Any:
        """Return the entries' numbers: the service knows the path and the names."""
        return (
            [params["entryId"] for _, params, _ in commands]
            if isinstance(commands, list)
            else (params["entryId"] for _, params, _ in commands)
        )

    async def run(self, commands: list[int]) -> list[Any]:
        """Make all calls in one batch."""
        async with self.session.batch() as batch:
            blogs = BlogsEntryService(batch)
            for entry_id in commands:
                blogs.delete_entry(entry_id=entry_id)
            return await batch.invoke()


class Automatic(Ours):
    """An automatic batch: tasks make calls and await them, as if each were a request."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.auto = self.session.auto(max_pending=1_000_000)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.auto.aclose()
        await super().__aexit__()

    async def one(self, command: Command) -> Any:
        """Make one call."""
        return await self.auto.call(command.path, command.params)


class Streamed(Ours):
    """An endless list of commands, 4 requests of 1,000 in flight; results are counted and forgotten."""

    pace: ClassVar[dict[str, int]] = {"calls": CHUNK, "parallel": AT_ONCE}

    async def run(self, commands: Iterable[Command]) -> int:
        """Make all calls, and return how many results there were."""
        count = 0
        pairs = ((path, params) for path, params, _ in commands)
        async with self.session.stream(pairs, **self.pace) as stream:
            async for item in stream:
                count += item.error is None
        return count


class PacedStream(Streamed):
    """The same as the library finds best by itself, with the limits that a session has by default."""

    pace: ClassVar[dict[str, int]] = {}
    limits = DefaultBatch.limits


class Single(Ours):
    """Calls of the session itself, one after another: each is a request."""

    async def run(self, commands: list[Command]) -> list[Any]:
        """Make the calls one after another."""
        return [await self.session.call(path, params, returns=returns) for path, params, returns in commands]


class DefaultAutomatic(Automatic):
    """The same with the limits that a session has by default."""

    limits = DefaultBatch.limits


class DefaultSingle(Single):
    """The same with the limits that a session has by default."""

    limits = DefaultBatch.limits


class DefaultGather(DefaultSingle):
    """Calls of the session itself, all at once: each is a request."""

    async def run(self, commands: list[Command]) -> list[Any]:
        """Make the calls all at once."""
        return await asyncio.gather(*[self.session.call(path, params) for path, params, _ in commands])
