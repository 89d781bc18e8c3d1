"""What can go wrong between a client and its portal, the answers that others give in the portal's name, and two ways to
reach a portal. Knows no connections of clients.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Upstream: TypeAlias = Callable[[bytes, bytes], Awaitable[bytes]]  # a request's head and body -> the whole answer

END = b"\r\n\r\n"
_PAGE = b"<html><head><title>Maintenance</title></head><body>We are back soon.</body></html>"


class Kind(StrEnum):
    """What can go wrong. The names are the rows of the table in `docs/explanation/failure.md`."""

    REFUSED = "connection refused"
    RESET_AT_ACCEPT = "reset at once when the connection is made"
    RESET_UNREAD = "reset before the request is read"
    RESET_WITHIN = "reset in the middle of the request"
    RESET_AFTER = "reset after it was executed, without an answer"
    CUT_IN_HEAD = "reset within the head of the answer"
    CUT_AT_BODY = "reset after the head of the answer"
    CUT_IN_BODY = "reset within the body of the answer"
    TRUNCATED = "body of the answer cut short, closed cleanly"
    HELD_BEFORE = "time-out, not executed"
    HELD_AFTER = "time-out after it was executed"
    TOO_LARGE = "413 to bodies above a limit"
    REQUEST_TIMEOUT = "408"
    TOO_MANY = "429 with Retry-After: 0"
    UNAUTHORIZED = "401"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    PAGE = "HTML page, status 200"
    ERROR_PAGE = "HTML page, status 500"
    EMPTY_OBJECT = "{} with status 200"
    HIDDEN_ERROR = "{} with status 500"
    DOUBLED = "answer sent twice"
    DOUBLED_APART = "answer sent twice, in two pieces"
    DRIBBLED = "answer in single bytes"
    DELAYED = "answer delayed"


FORGED = {
    Kind.TOO_LARGE: (413, "Payload Too Large", b"", b""),
    Kind.REQUEST_TIMEOUT: (408, "Request Timeout", b"Connection: close\r\n", b""),
    Kind.TOO_MANY: (429, "Too Many Requests", b"Retry-After: 0\r\n", b""),
    Kind.UNAUTHORIZED: (401, "Unauthorized", b'WWW-Authenticate: Basic realm="x"\r\n', b""),
    Kind.BAD_GATEWAY: (502, "Bad Gateway", b"", _PAGE),
    Kind.UNAVAILABLE: (503, "Service Unavailable", b"Retry-After: 0\r\n", b""),
    Kind.GATEWAY_TIMEOUT: (504, "Gateway Timeout", b"", b"gateway timeout"),
    Kind.PAGE: (200, "OK", b"Content-Type: text/html\r\n", _PAGE),
    Kind.ERROR_PAGE: (500, "Internal Server Error", b"Content-Type: text/html\r\n", _PAGE),
    Kind.EMPTY_OBJECT: (200, "OK", b"Content-Type: application/json\r\n", b"{}"),
    Kind.HIDDEN_ERROR: (500, "Internal Server Error", b"Content-Type: application/json\r\n", b"{}"),
}
HELD = {Kind.HELD_BEFORE, Kind.HELD_AFTER}
LOSING = {
    Kind.RESET_UNREAD, Kind.RESET_WITHIN, Kind.RESET_AFTER,
    Kind.CUT_IN_HEAD, Kind.CUT_AT_BODY, Kind.CUT_IN_BODY, Kind.TRUNCATED,
}  # fmt: skip
OF_CONNECTIONS = {Kind.REFUSED, Kind.RESET_AT_ACCEPT}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: with requests number `first` (from 0) and later, `times` times, or for ever (None).

    `is_run`: a forged answer replaces the portal's, which has run the request; else the portal never sees it. A `TOO_LARGE`
    meets bodies of more than `largest` bytes only. Requests are counted by their first byte; those of `REFUSED` and
    `RESET_AT_ACCEPT` have none: these two meet new connections once `first` requests have come.
    """

    kind: Kind
    first: int = 0
    times: int | None = 1
    is_run: bool = False
    largest: int = 0


def forged(kind: Kind) -> bytes:
    """Return the answer that takes the place of the portal's."""
    status, reason, headers, body = FORGED[kind]
    return b"HTTP/1.1 %d %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, reason.encode(), headers, len(body), body)


def in_process(app: object) -> Upstream:
    """Return an upstream that calls an ASGI application in this event loop."""

    async def upstream(head: bytes, body: bytes) -> bytes:
        request, *lines = head.removesuffix(END).split(b"\r\n")
        method, target, _ = request.split(b" ")
        path, _, query = target.partition(b"?")
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method.decode(), "scheme": "http",
            "path": path.decode(), "raw_path": path, "query_string": query, "headers": headers, "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        sent: list[dict] = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)
        head_lines = b"".join(b"%s: %s\r\n" % pair for pair in sent[0]["headers"])
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return b"HTTP/1.1 %d Status\r\n%s\r\n%s" % (sent[0]["status"], head_lines, content)

    return upstream


def over_tcp(url: str) -> Upstream:
    """Return an upstream that asks a server, over a new connection each time."""
    parts = urlsplit(url)

    async def upstream(head: bytes, body: bytes) -> bytes:
        async with await anyio.connect_tcp(parts.hostname, parts.port) as stream:
            await stream.send(head + body)
            answer = b""
            while END not in answer:
                answer += await stream.receive()
            size = int(re.search(rb"(?i)content-length: *(\d+)", answer)[1])
            while len(answer) < answer.index(END) + len(END) + size:
                answer += await stream.receive()
            return answer

    return upstream
