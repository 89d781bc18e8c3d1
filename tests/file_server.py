"""A server of files, over real sockets: takes forms, gives bytes in ranges, and fails where it is told to."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from aioliferay.testing._multipart import MultipartReader
from loopback import loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

END = b"\r\n\r\n"
MODIFIED, DATE = "Sun, 22 Nov 2026 22:44:45 GMT", "Sun, 22 Nov 2026 22:50:00 GMT"


@dataclass
class Asked:
    """A request as it came: `body` as far as it was read."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def parts(self) -> list[tuple[str, object]]:
        """The parts of a form, read by the fake portal's own reader."""
        reader = MultipartReader(self.headers["content-type"])
        reader.feed(self.body)
        return reader.parts()


class Connection:
    """One connection of a client: requests are read from it, and answers given, in steps of any size."""

    def __init__(self, stream: anyio.abc.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def _more(self) -> None:
        self._buffer += await self.stream.receive()

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    async def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            await self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def head(self) -> Asked:
        """Read the head of a request."""
        while END not in self._buffer:
            await self._more()
        head, _, self._buffer = self._buffer.partition(END)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = [line.partition(":") for line in lines]
        return Asked(method, target, {name.lower(): value.strip() for name, _, value in pairs})

    async def body(self, asked: Asked, most: int | None = None) -> Asked:
        """Read the body of a request, or `most` bytes of it."""
        if "chunked" in asked.headers.get("transfer-encoding", ""):
            while size := int(await self._line(), 16):
                asked.body += (await self._take(size + 2))[:-2]
                if most is not None and len(asked.body) >= most:
                    return asked
            await self._line()
            return asked
        length = int(asked.headers.get("content-length", "0"))
        asked.body = await self._take(length if most is None else min(most, length))
        return asked

    async def request(self) -> Asked:
        """Read a whole request."""
        return await self.body(await self.head())

    async def answer(self, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
        """Give a whole answer."""
        await self.begin(status, len(body), **headers)
        await self.stream.send(body)

    async def begin(self, status: int = 200, length: int | None = None, **headers: str) -> None:
        """Give the head of an answer."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if length is not None:
            told.setdefault("content-length", str(length))
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        await self.stream.send(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode("latin-1"))

    async def json(self, value: object) -> None:
        """Give an answer in JSON."""
        await self.answer(json.dumps(value).encode(), content_type="application/json")

    async def until_closed(self) -> None:
        """Wait until the client has closed the connection."""
        try:
            while True:
                await self._more()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass


@asynccontextmanager
async def serving(conduct: Callable[[Connection], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve each connection as `conduct` does, and yield the root's URL."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        await conduct(Connection(stream))

    async with loopback(serve) as url:
        yield url.removesuffix("/api/jsonws/invoke")


@dataclass
class Library:
    """Gives one file, in ranges if they are asked for; `cuts` are the places of the file at which connections end.

    Attributes:
        content: of the file.
        headers: of each answer.
        asked: all requests.
        has_ranges: whether ranges are served.
        has_length: whether an answer tells how long it is; else it ends with its connection.
    """

    content: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"etag": '"1"'})
    asked: list[Asked] = field(default_factory=list)
    has_ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    has_length: bool = True
    change: Callable[[Library], object] = lambda _: None  # before each answer

    async def __call__(self, connection: Connection) -> None:
        """Answer requests until a cut."""
        while True:
            asked = await connection.request()
            self.asked.append(asked)
            self.change(self)
            if not await self._give(connection, asked):
                return

    async def _give(self, connection: Connection, asked: Asked) -> bool:
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        state = asked.headers.get("if-range")
        if wanted and self.has_ranges and state in {None, self.headers.get("etag"), self.headers.get("last-modified")}:
            start = int(wanted[1])
        if start >= len(self.content) > 0:
            await connection.answer(b"", 416, content_range=f"bytes */{len(self.content)}")
            return True
        told = dict(self.headers)
        if start:
            told["content-range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        length = len(self.content) - start if self.has_length else None
        await connection.begin(206 if start else 200, length, **told)
        end = self.cuts.pop(0) if self.cuts else len(self.content)
        await connection.stream.send(self.content[start:end])
        return end == len(self.content) and self.has_length
