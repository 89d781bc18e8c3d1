"""web3.py's batches over aiohttp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from contestants.base import Contestant
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.method import Method

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command


class Web3Batch(Contestant):
    """`async with w3.batch_requests() as batch: batch.add(...)`, then `await batch.async_execute()`."""

    async def __aenter__(self) -> Self:
        self.web3 = AsyncWeb3(AsyncHTTPProvider(f"{self.url}/jsonrpc"))
        self.method = Method("blogsentry_deleteEntry")
        self.web3.eth.attach_methods({"entry": self.method})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.web3.provider.disconnect()

    def given(self, commands: Iterable[Command]) -> Any:
        """Return the parameter of each request."""
        return (
            [each[1]["entryId"] for each in commands]
            if isinstance(commands, list)
            else (each[1]["entryId"] for each in commands)
        )

    async def run(self, commands: Any) -> list[Any]:
        """Make all calls in one batch."""
        async with self.web3.batch_requests() as batch:
            for number in commands:
                batch.add(self.method(number))
            return await batch.async_execute()
