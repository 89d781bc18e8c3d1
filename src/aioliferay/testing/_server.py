"""A portal behind a real socket: uvicorn in a background thread, whose connections can be cut."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple, cast

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator

    from starlette.types import ASGIApp, Receive, Scope, Send

CONNECTION = "aioliferay.connection"  # the scope's extension that is the `Connection`
_IDLE_SECONDS = 20  # as Tomcat
_STOP_SECONDS = 1  # for answers still under way
_FLUSH_SECONDS = 5  # for a client that does not read


class Connection(NamedTuple):
    """The connection that a request came by."""

    transport: asyncio.Transport

    async def cut(self) -> None:
        """Close the connection in the midst of an answer, once what was sent of it has left."""
        with anyio.move_on_after(_FLUSH_SECONDS):
            while self.transport.get_write_buffer_size():  # noqa: ASYNC110 - asyncio has no event for it
                await anyio.sleep(0.001)
        self.transport.abort()


class _Protocol(H11Protocol):
    """uvicorn's protocol, telling the application how to cut its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        application = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CONNECTION] = Connection(transport)
            await application(scope, receive, send)

        self.app = app


@contextlib.contextmanager
def serve(app: ASGIApp, *, host: str, port: int) -> Generator[str, None, None]:
    """Serve `app` and yield the base URL; connections are accepted from the first moment on and closed at the end."""
    listener = _listener(host, port)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name=f"portal at {host}", daemon=True)
    thread.start()
    try:
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{cast('tuple[str, int]', listener.getsockname())[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _listener(host: str, port: int) -> socket.socket:
    # Not `socket.create_server`: asyncio switches Nagle's delays off (40 ms an answer) only where the protocol is named.
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let a second server take the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
