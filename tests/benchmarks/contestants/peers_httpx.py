"""httpx by itself, and aiodataloader in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx
from aiodataloader import DataLoader
from contestants.base import Contestant, dumps, loads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command


class _Httpx(Contestant):
    async def __aenter__(self) -> Self:
        self.client = httpx.AsyncClient(timeout=None)  # noqa: S113 - a server on loopback that is ours
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    def given(self, commands: Iterable[Command]) -> list[dict[str, Any]]:
        """Return the statements, ready to be dumped."""
        return [{path: params} for path, params, _ in commands]


class HttpxGather(_Httpx):
    """`asyncio.gather` over single calls."""

    async def one(self, command: dict[str, Any]) -> Any:
        """Make one call."""
        response = await self.client.post(f"{self.url}/single", content=dumps(command))
        return loads(response.content)


class HttpxSequential(HttpxGather):
    """Single calls, one after another."""

    async def run(self, commands: list[dict[str, Any]]) -> list[Any]:
        """Make the calls one after another."""
        return [await self.one(command) for command in commands]


class Loader(_Httpx):
    """A `DataLoader` whose load function posts the statements of all keys in one request."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()

        async def load(keys: list[dict[str, Any]]) -> list[Any]:
            response = await self.client.post(f"{self.url}/invoke", content=dumps(keys))
            return loads(response.content)

        self.loader = DataLoader(load, cache=False)
        return self

    async def run(self, commands: list[dict[str, Any]]) -> list[Any]:
        """Load all keys."""
        return await self.loader.load_many(commands)

    async def one(self, command: dict[str, Any]) -> Any:
        """Load one key."""
        return await self.loader.load(command)
