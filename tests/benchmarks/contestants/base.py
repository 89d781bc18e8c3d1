"""What every contestant is. Knows nothing of any client."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from works import Command

try:
    import orjson as fast_json
except ImportError:  # the smoke test runs where it is not installed
    fast_json = None
    from pydantic_core import from_json as loads
    from pydantic_core import to_json as dumps
else:
    dumps, loads = fast_json.dumps, fast_json.loads


class Contestant:
    """One way to make calls, as its documentation shows it.

    `given` is what its program has in hand before the clock runs; `run` makes all the calls and returns their results in
    order; `one` makes a single call. It needs one of the two.
    """

    way_in = "guest"  # whom the portal is told that it is: see `ours`

    def __init__(self, url: str, size: int) -> None:
        self.url = url
        self.size = size

    def given(self, commands: Iterable[Command]) -> Any:
        """Return the commands in the form in which this client takes them."""
        return commands

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def run(self, commands: Any) -> Any:
        """Make all calls, and return their results in order."""
        return await asyncio.gather(*[self.one(command) for command in commands])

    async def one(self, command: Any) -> Any:
        """Make one call, and return its result."""
        (result,) = await self.run([command])
        return result


class Known(NamedTuple):
    """Where a contestant is, what tables call it, how many calls it can bear in a reasonable time."""

    module: str
    name: str
    title: str
    most: int = 100_000

    def load(self) -> type[Contestant]:
        """Import it, and with it the packages that it needs."""
        return getattr(importlib.import_module(f"contestants.{self.module}"), self.name)


CONTESTANTS = {
    "floor": Known("floors", "Floor", "floor F: orjson, one httpx POST, orjson"),
    "model floor": Known("floors", "ModelFloor", "floor for models: one httpx POST, TypeAdapter.validate_json"),
    "chunked posts": Known("floors", "ChunkedPosts", "bare POSTs of 1,000 commands, 4 at once", 10_000_000),
    "sketch": Known("sketch", "Sketch", "the least batch with calls, in 30 lines"),
    "ideal": Known("floors", "Ideal", "calls that take the latency, and nothing else"),
    "future": Known("floors", "Futures", "an asyncio future created, set, awaited"),
    "batch": Known("ours", "Batch", "aioliferay, batch with `call`"),
    "awaited": Known("ours", "AwaitedBatch", "aioliferay, batch, each call awaited"),
    "catalog batch": Known("ours", "CatalogBatch", "aioliferay, batch, session with a catalog"),
    "default batch": Known("ours", "DefaultBatch", "aioliferay, batch, default limits"),
    "chunks": Known("ours", "ChunkedBatch", "aioliferay, batch in parallel chunks"),
    "planned": Known("ours", "PlannedBatch", "aioliferay, batch of dependent calls, planned only"),
    "service": Known("ours", "GeneratedService", "aioliferay, batch through a generated service"),
    "auto": Known("ours", "Automatic", "aioliferay, automatic batch"),
    "default auto": Known("ours", "DefaultAutomatic", "aioliferay, automatic batch, default limits"),
    "stream": Known("ours", "Streamed", "aioliferay, stream, 4 requests of 1,000", 10_000_000),
    "paced stream": Known("ours", "PacedStream", "aioliferay, stream, as it finds best", 10_000_000),
    "single": Known("ours", "Single", "aioliferay, single calls one by one", 1_000),
    "portal batch": Known("ours", "DefaultBatch", "one batch"),
    "portal auto": Known("ours", "DefaultAutomatic", "automatic batch"),
    "portal gather": Known("ours", "DefaultGather", "gather over single calls"),
    "portal single": Known("ours", "DefaultSingle", "single calls one by one", 1_000),
    "aiodataloader": Known("peers_httpx", "Loader", "aiodataloader + httpx"),
    "pjrpc": Known("peer_pjrpc", "Pjrpc", "pjrpc, async batch (httpx)"),
    "web3": Known("peer_web3", "Web3Batch", "web3.py, batch_requests (aiohttp)"),
    "gql": Known("peer_gql", "Gql", "gql, execute_batch (httpx)"),
    "msgraph": Known("peer_msgraph", "MsGraph", "msgraph-core, batch, 20 a request (httpx)", 10_000),
    "aiohttp gather": Known("peer_aiohttp", "AiohttpGather", "gather over single aiohttp calls", 10_000),
    "httpx gather": Known("peers_httpx", "HttpxGather", "gather over single httpx calls", 1_000),
    "httpx sequential": Known("peers_httpx", "HttpxSequential", "single httpx calls one by one", 1_000),
}
