"""pjrpc's asynchronous batch over httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx
from contestants.base import Contestant
from pjrpc.client.backend.httpx import AsyncClient

if TYPE_CHECKING:
    from works import Command


class Pjrpc(Contestant):
    """`async with client.batch() as batch: batch(method, **params)`, then `batch.get_results()`."""

    async def __aenter__(self) -> Self:
        self.http = httpx.AsyncClient(timeout=None)  # noqa: S113 - a server on loopback that is ours
        self.client = AsyncClient(f"{self.url}/jsonrpc", http_client=self.http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def run(self, commands: list[Command]) -> list[Any]:
        """Make all calls in one batch."""
        async with self.client.batch() as batch:
            for path, params, _ in commands:
                batch(path, **params)
        return list(batch.get_results())
