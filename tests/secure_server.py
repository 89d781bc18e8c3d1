"""Servers for tests of connections: hypercorn, which speaks HTTP/2, with TLS or without; and a proxy that forwards."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import hypercorn.asyncio
import hypercorn.config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import trustme


class Versions:
    """An application around another one: notes the version of HTTP, and the scheme, of each request."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on."""
        if scope["type"] == "http":
            self.seen.append(f"{scope['scheme']} {scope['http_version']}")
        await self._application(scope, receive, send)


class _Config(hypercorn.config.Config):
    """Takes a TLS context as it is."""

    context: ssl.SSLContext | None = None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        """Return the context."""
        return self.context

    @property
    def ssl_enabled(self) -> bool:
        """Whether there is one."""
        return self.context is not None


@contextmanager
def serving(application: Any, certificate: trustme.LeafCert | None = None) -> Iterator[str]:
    """Serve an application on a free port of the loopback interface, and yield the URL; with a certificate over TLS."""
    config = _Config()
    config.bind = ["127.0.0.1:0"]
    config.loglevel = "CRITICAL"
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 1.0
    if certificate is not None:
        config.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        config.context.set_alpn_protocols(["h2", "http/1.1"])
        certificate.configure_cert(config.context)
    server = _Server(application, config)
    server.thread.start()
    server.ready.wait(10)
    try:
        yield f"http{'' if certificate is None else 's'}://localhost:{server.port}"
    finally:
        server.stop()


class _Server:
    """hypercorn in a thread of its own."""

    def __init__(self, application: Any, config: _Config) -> None:
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(application, config), daemon=True)
        self.port = 0

    def _run(self, application: Any, config: _Config) -> None:
        asyncio.run(self._serve(application, config))

    async def _serve(self, application: Any, config: _Config) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        sockets = config.create_sockets()
        listener = (sockets.secure_sockets or sockets.insecure_sockets)[0]
        self.port = listener.getsockname()[1]
        config.create_sockets = lambda: sockets  # type: ignore[method-assign]  # its port is told before it serves
        self.ready.set()
        await hypercorn.asyncio.serve(application, config, shutdown_trigger=self._end.wait)

    def stop(self) -> None:
        """End the server, and wait for that."""
        self._loop.call_soon_threadsafe(self._end.set)
        self.thread.join(10)


class Proxy:
    """A proxy that forwards HTTP, and tunnels anything else, for who knows the password, if it has one."""

    def __init__(self, url: str, seen: list[str], credentials: tuple[str, str] | None) -> None:
        self.url = url
        self.seen = seen  # the first line of each request
        self._expected = None if credentials is None else base64.b64encode(":".join(credentials).encode())

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        """Serve one request, and what follows over its connection."""
        head = b""
        async with stream:
            while b"\r\n\r\n" not in head:
                head += await stream.receive()
            line, _, rest = head.partition(b"\r\n")
            self.seen.append(line.decode())
            fields, _, body = rest.partition(b"\r\n\r\n")
            lines = fields.split(b"\r\n")
            if self._expected is not None and not any(self._expected in each for each in lines):
                answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                await stream.send(answer)
                return
            await self._forward(stream, line, lines, body)

    async def _forward(self, stream: anyio.abc.SocketStream, line: bytes, lines: list[bytes], body: bytes) -> None:
        method, target, version = line.split(b" ")
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        host, _, port = place.decode().rpartition(":")
        async with await anyio.connect_tcp(host, int(port)) as there:
            if method == b"CONNECT":
                await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await there.send(body) if body else None
            else:
                path = b"/" + target.split(b"/", 3)[3]
                kept = [each for each in lines if not each.lower().startswith((b"proxy-", b"connection:"))]
                await there.send(b"\r\n".join([b" ".join([method, path, version]), *kept, b"Connection: close", b"", body]))
            async with anyio.create_task_group() as group:
                group.start_soon(_pump, stream, there)
                await _pump(there, stream)
                group.cancel_scope.cancel()


async def _pump(source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream) -> None:
    try:
        async for data in source:
            await sink.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # either side has gone


@asynccontextmanager
async def proxying(credentials: tuple[str, str] | None = None) -> AsyncIterator[Proxy]:
    """Run a proxy on a free port of the loopback interface."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no database query, but a listener
        proxy = Proxy(f"http://127.0.0.1:{port}", [], credentials)
        group.start_soon(listener.serve, proxy.serve)
        yield proxy
        group.cancel_scope.cancel()
