"""A server on loopback that answers statements which it only counts. Knows six forms of a request, the latency and what a
statement costs, all three from the URL; does not know who calls.

`http://127.0.0.1:PORT/null/20/1000/invoke`: null results, 20 ms for a request and 1,000 µs more for each statement.
"""

from __future__ import annotations

import asyncio
import json
import re
import selectors
import sys
import threading
from collections import Counter
from functools import lru_cache

from works import results_of

_ID = re.compile(rb'"id": ?("[^"]*"|\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
_REFUSED = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
seen: Counter[str] = Counter()  # requests and statements since the server began


def whole(body: bytes) -> bytes:
    """Return an answer with its head."""
    return _HEAD.format(len(body)).encode() + body


@lru_cache(maxsize=64)
def _listed(shape: str, count: int) -> bytes:
    return whole(b"[%b]" % b",".join(results_of(shape, count)))


@lru_cache(maxsize=64)
def _fields(shape: str, count: int) -> bytes:
    return whole(b"[%b]" % b",".join(b'{"data":{"entry":%b}}' % result for result in results_of(shape, count)))


@lru_cache(maxsize=64)
def _results(shape: str, count: int) -> list[bytes]:
    return results_of(shape, count)


def _rpc(shape: str, ids: list[bytes], *, is_batch: bool) -> bytes:
    results = zip(ids, _results(shape, len(ids)), strict=True)
    items = b",".join([b'{"jsonrpc":"2.0","id":%b,"result":%b}' % pair for pair in results])
    return whole(b"[%b]" % items if is_batch else items)


def _graph(shape: str, ids: list[bytes]) -> bytes:
    head = b'"status":200,"headers":{"Content-Type":"application/json"}'
    results = zip(ids, _results(shape, len(ids)), strict=True)
    items = b",".join([b'{"id":%b,%b,"body":%b}' % (name, head, result) for name, result in results])
    return whole(b'{"responses":[%b]}' % items)


def answered(form: str, shape: str, body: bytes) -> tuple[int, bytes]:
    """Return how many statements a body has, and the answer to them with its head.

    Args:
        form: the last part of the path: "invoke" (Liferay), "jsonrpc", "graphql", "$batch" (Microsoft Graph), or what has
            one statement a request.
        shape: "null" or "entry".
        body: as it came.
    """
    is_batch = body.startswith(b"[")
    if form == "invoke":
        count = body.count(b'{"/')
        return count, _listed(shape, count)
    if form == "graphql":
        count = body.count(b'"query"')
        return count, _fields(shape, count)
    if form == "jsonrpc":
        ids = _ID.findall(body)
        return len(ids), _rpc(shape, ids, is_batch=is_batch)
    if form == "$batch":
        ids = _ID.findall(body)
        return len(ids), _graph(shape, ids)
    return 1, whole(_results(shape, 1)[0])


class Connection(asyncio.Protocol):
    """One connection, kept alive. Its requests are answered one after another."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._needed = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        self.transport = transport  # type: ignore[assignment] # a server's is one

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while len(self._received) >= max(self._needed, 1):
            end = self._received.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            head = bytes(self._received[:end])
            length = _LENGTH.search(head)
            if length is None and not head.startswith((b"GET", b"DELETE")):
                self.transport.write(_REFUSED)
                self.transport.close()
                return
            self._needed = end + (int(length[1]) if length else 0)
            if len(self._received) < self._needed:
                return
            body = bytes(self._received[end : self._needed])
            del self._received[: self._needed]
            self._needed = 0
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer a request, when its time has come."""
        target = head.split(b" ", 2)[1].decode()
        if target == "/stats":
            self.transport.write(whole(json.dumps(seen).encode()))
            return
        shape, latency, cost, *_, form = target.partition("?")[0].strip("/").split("/")
        count, answer = answered(form, shape, body)
        seen["requests"] += 1
        seen["statements"] += count
        delay = int(latency) / 1e3 + int(cost) * count / 1e6
        if delay:
            asyncio.get_running_loop().call_later(delay, self.transport.write, answer)
        else:
            self.transport.write(answer)


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose clock is exact: `epoll` counts in milliseconds, `select` in microseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def serve(protocol: type[asyncio.Protocol] = Connection) -> None:
    """Serve until the standard input ends; the first line of the output is the URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(serve())
