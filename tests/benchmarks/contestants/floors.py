"""What no client can be cheaper than. Knows orjson, httpx, pydantic and asyncio; nothing of batches."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import httpx
from contestants.base import Contestant, dumps, loads
from pydantic import TypeAdapter
from works import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command

CHUNK = 1_000
AT_ONCE = 4


class Floor(Contestant):
    """orjson's dump of the command list, one `httpx.AsyncClient.post` of those bytes, orjson's load of the answer."""

    async def __aenter__(self) -> Self:
        self.client = httpx.AsyncClient(timeout=None)  # noqa: S113 - a server on loopback that is ours
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    def given(self, commands: Iterable[Command]) -> list[dict[str, Any]]:
        """Return the command list, ready to be dumped."""
        return [{path: params} for path, params, _ in commands]

    async def run(self, commands: list[dict[str, Any]]) -> Any:
        """Make all calls in one request."""
        response = await self.client.post(f"{self.url}/invoke", content=dumps(commands))
        return loads(response.content)


class ModelFloor(Floor):
    """The same, with the answer read straight into models of one class."""

    adapter = TypeAdapter(list[Entry])

    async def run(self, commands: list[dict[str, Any]]) -> Any:
        """Make all calls in one request."""
        response = await self.client.post(f"{self.url}/invoke", content=dumps(commands))
        return self.adapter.validate_json(response.content)


class ChunkedPosts(Floor):
    """An endless list of commands in bare POSTs of 1,000, four at once; results are counted and forgotten."""

    def given(self, commands: Iterable[Command]) -> Any:
        """Return the commands one by one: there are more than memory holds."""
        return ({path: params} for path, params, _ in commands)

    async def run(self, commands: Any) -> int:
        """Make all calls, and return how many results there were."""
        return sum(await asyncio.gather(*[self._send(commands) for _ in range(AT_ONCE)]))

    async def _send(self, commands: Any) -> int:
        count = 0
        while chunk := list(islice(commands, CHUNK)):
            response = await self.client.post(f"{self.url}/invoke", content=dumps(chunk))
            for _ in loads(response.content):
                count += 1
        return count


class Ideal(Contestant):
    """Calls that take the server's latency, and nothing else: what tasks with pauses take at least, however they call."""

    def given(self, commands: Iterable[Command]) -> list[Command]:
        """Return the commands as they are."""
        return [*commands]

    async def one(self, _: Command) -> None:
        """Wait for the latency, if there is any."""
        _, latency, _ = self.url.rsplit("/", 2)
        if latency != "0":
            await asyncio.sleep(int(latency) / 1000)


class Futures(Contestant):
    """The unit of the machinery: an `asyncio` future for each call, created, set and awaited."""

    async def run(self, commands: Any) -> list[None]:
        """Wait for as many futures as there are commands."""
        loop = asyncio.get_running_loop()
        results = []
        for _ in commands:
            future = loop.create_future()
            future.set_result(None)
            results.append(await future)
        return results
