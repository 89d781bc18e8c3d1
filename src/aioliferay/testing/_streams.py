"""Answers whose body is made while it is sent, in whole or a range of it. Knows no document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio

from aioliferay.testing._faults import ConnectionCutError
from aioliferay.testing._pages import PortalResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from aioliferay.testing._content import Content


_LOOK_AFTER = 16  # chunks


class StreamedResponse(PortalResponse):
    """A response with the bytes of a document in a span, which are never all in memory."""

    def __init__(
        self, status: int, content: Content, *, span: tuple[int, int], headers: Mapping[str, str], cookies: tuple[str, ...]
    ) -> None:
        super().__init__(status, b"", headers=headers, cookies=cookies)
        self._content = content
        self._start, self._end = span
        self._last = self._end
        self.headers["Content-Length"] = str(self._end - self._start)

    def shorten(self, length: int | None, *, is_cut: bool) -> None:
        """Keep `length` bytes of the body; when cut, the head still announces all of it."""
        if length is None:
            return
        self.is_cut = is_cut
        self._last = min(self._end, self._start + length)
        if not is_cut:
            self.headers["Content-Length"] = str(self._last - self._start)

    def without_body(self) -> None:
        """Make this the answer to HEAD: the length stays."""
        self._last = self._start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, as long as the client is there.

        Raises `ConnectionCutError` in the midst of a body that is cut.
        """
        del scope
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for place, chunk in enumerate(self._content.chunks(self._start, self._last), start=1):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if place % _LOOK_AFTER == 0 and await _has_gone(receive):
                return
        if self.is_cut:
            raise ConnectionCutError
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _has_gone(receive: Receive) -> bool:
    """Whether the client has gone: sending to it would not tell."""
    with anyio.move_on_after(0):
        return bool((await receive())["type"] == "http.disconnect")
    return False


def requested_range(header: str, size: int) -> tuple[int, int] | None:
    """The start and end of the range that a Range header asks for; None where it counts for nothing.

    Raises `ValueError` for one that cannot be satisfied. Several ranges at once count for nothing.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip(), re.ASCII)
    if match is None or match[0].endswith("=-"):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise ValueError(f"no bytes from {start} of {size}")
    return start, end
