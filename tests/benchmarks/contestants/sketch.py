"""The least batch that gives each caller a result of its own: what a machine makes of the targets. Knows no errors; it
checks nothing, remembers no lines, and sends nothing twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contestants.floors import Floor
from pydantic_core import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    import httpx
    from works import Command


class _Call:
    __slots__ = ("batch", "result")

    def __init__(self, batch: _Batch) -> None:
        self.batch: _Batch | None = batch
        self.result: Any = None

    def __await__(self) -> Generator[Any, Any, Any]:
        if self.batch is not None:
            yield from self.batch.send().__await__()
        return self.result


class _Batch:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url
        self._calls: list[_Call] = []
        self._body = bytearray(b"[")

    def call(self, path: str, params: dict[str, object]) -> _Call:
        self._body += to_json({path: params})
        self._body += b","
        call = _Call(self)
        self._calls.append(call)
        return call

    async def send(self) -> list[Any]:
        calls, body = self._calls, self._body
        self._calls, self._body = [], bytearray(b"[")
        body[-1:] = b"]"
        response = await self._client.post(self._url, content=bytes(body))
        for call, result in zip(calls, from_json(response.content), strict=True):
            call.result, call.batch = result, None
        return [call.result for call in calls]


class Sketch(Floor):
    """Calls in one batch of the least kind; results as they come."""

    def given(self, commands: Iterable[Command]) -> Any:
        """Return the commands as they are."""
        return commands

    async def run(self, commands: Any) -> Any:
        """Make all calls in one request."""
        batch = _Batch(self.client, f"{self.url}/invoke")
        for path, params, _ in commands:
            batch.call(path, params)
        return await batch.send()
