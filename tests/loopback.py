"""A small TCP server of the tests' own, for everything that an HTTP server would never do."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.abc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Conduct = "Callable[[anyio.abc.SocketStream], Awaitable[None]]"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answering(body: bytes, *, head: bytes = HEAD) -> Conduct:
    """Return a conduct that answers one request with `body`, and closes."""

    async def conduct(stream: anyio.abc.SocketStream) -> None:
        await read_request(stream)
        await stream.send(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return conduct


async def read_request(stream: anyio.abc.SocketStream) -> bytes:
    """Read one request to its end, and return it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")] or [0]
    while len(body) < length:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def loopback(conduct: Conduct) -> AsyncIterator[str]:
    """Serve on a free port of the loopback interface as `conduct` does, and yield the URL."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        try:
            async with stream:
                await conduct(stream)
        except (anyio.BrokenResourceError, anyio.EndOfStream):
            pass  # the client has gone, as some of the tests want it to

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no database query, but a listener
        yield f"http://127.0.0.1:{port}/api/jsonws/invoke"
        group.cancel_scope.cancel()
