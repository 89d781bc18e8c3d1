"""A portal behind a real socket: uvicorn in a background thread, whose connections can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator

    from starlette.types import ASGIApp, Receive, Scope, Send

ABORT = "aioliferay.abort"  # the scope's extension that cuts the connection
_IDLE_SECONDS = 20  # as Tomcat
_STOP_SECONDS = 1  # for answers still under way


class _Protocol(H11Protocol):
    """uvicorn's protocol, telling the application how to cut its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        application = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[ABORT] = transport.abort
            await application(scope, receive, send)

        self.app = app


@contextlib.contextmanager
def serve(app: ASGIApp, *, host: str, port: int) -> Generator[str, None, None]:
    """Serve `app` and yield the base URL; connections are accepted from the first moment on and closed at the end."""
    listener = socket.create_server((host, port))
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
        yield f"http://{host}:{cast('tuple[str, int]', listener.getsockname())[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
