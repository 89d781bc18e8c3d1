"""gql's batches over httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from contestants.base import Contestant
from gql import Client, GraphQLRequest, gql
from gql.transport.httpx import HTTPXAsyncTransport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command

QUERY = gql("mutation ($entryId: Int!) { entry: deleteEntry(entryId: $entryId) }")


class Gql(Contestant):
    """`session.execute_batch` of requests which share one parsed document."""

    async def __aenter__(self) -> Self:
        self.client = Client(transport=HTTPXAsyncTransport(url=f"{self.url}/graphql", timeout=None))
        self.session = await self.client.connect_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close_async()

    def given(self, commands: Iterable[Command]) -> Any:
        """Return the variables of each request."""
        return [params for _, params, _ in commands] if isinstance(commands, list) else (each[1] for each in commands)

    async def run(self, commands: Any) -> list[Any]:
        """Make all calls in one batch."""
        requests = [GraphQLRequest(QUERY, variable_values=params) for params in commands]
        return [result["entry"] for result in await self.session.execute_batch(requests)]
