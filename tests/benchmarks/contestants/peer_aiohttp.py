"""`asyncio.gather` over single aiohttp calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import aiohttp
from contestants.base import Contestant, dumps, loads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command


class AiohttpGather(Contestant):
    """A task and a request for each call, 100 connections, as a `ClientSession` has by default."""

    async def __aenter__(self) -> Self:
        self.client = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    def given(self, commands: Iterable[Command]) -> list[dict[str, Any]]:
        """Return the statements, ready to be dumped."""
        return [{path: params} for path, params, _ in commands]

    async def one(self, command: dict[str, Any]) -> Any:
        """Make one call."""
        async with self.client.post(f"{self.url}/single", data=dumps(command)) as response:
            return loads(await response.read())
