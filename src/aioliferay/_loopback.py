"""One visit of a browser to this computer, after a user was asked elsewhere. Knows the visit; not what the code is for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.abc

from aioliferay.errors import AuthenticationError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable

_WAIT_SECONDS: Final = 300.0
_VISIT_SECONDS: Final = 10.0
_LONGEST_HEAD: Final = 16 * 1024
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_PAGE: Final = b"<!doctype html><title>Signed in</title><p>You may close this window, and go back to the program."


async def code_from_browser(url: str, redirect_uri: str, state: str, open_url: Callable[[str], object]) -> str:
    """Show the page to the user, and return the code with which the browser comes back.

    Raises:
        AuthenticationError: the user was refused, or did not come back within five minutes.
        NotSentError: this computer cannot listen at the address.
    """
    host, port, path = _address_of(redirect_uri)
    visit = _Visit(path, state)
    try:
        listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    except OSError as error:
        raise NotSentError(f"cannot listen at {redirect_uri}: {error}") from error
    async with listener:
        with anyio.move_on_after(_WAIT_SECONDS):
            async with anyio.create_task_group() as group:
                group.start_soon(listener.serve, visit.receive)
                group.start_soon(_show, url, open_url, visit)
                await visit.came.wait()
                group.cancel_scope.cancel()
    if visit.code is None:
        raise AuthenticationError(f"the user was not signed in: {visit.told or 'nobody came back within five minutes'}")
    return visit.code


def _address_of(redirect_uri: str) -> tuple[str, int, str]:
    with suppress(ValueError):  # what is no URL
        parts = urlsplit(redirect_uri)
        if parts.hostname in _LOCAL and parts.port is not None:
            return parts.hostname, parts.port, parts.path or "/"
    raise NotSentError(f"the redirect URI {redirect_uri!r} is no address of this computer, such as http://127.0.0.1:8765/")


async def _show(url: str, open_url: Callable[[str], object], visit: _Visit) -> None:
    """Show the page; some browsers end only with their last window, long after the visit."""
    try:
        is_shown = await anyio.to_thread.run_sync(open_url, url, abandon_on_cancel=True) is not False
        why = ""
    except Exception as error:  # noqa: BLE001 - of the user's own function
        is_shown, why = False, f" ({type(error).__name__}: {error})"
    if not is_shown and not visit.came.is_set():
        visit.told = f"no browser could be opened{why}; open {url}"
        visit.came.set()


class _Visit:
    def __init__(self, path: str, state: str) -> None:
        self.came = anyio.Event()
        self.code: str | None = None
        self.told = ""
        self._path = path
        self._state = state

    async def receive(self, stream: anyio.abc.SocketStream) -> None:
        """Answer one request. What is not the expected one, such as for an icon, changes nothing."""
        is_expected = False
        with anyio.move_on_after(_VISIT_SECONDS):
            async with stream:
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError, ValueError):
                    is_expected = self._read(await _target(stream))
                    status = b"200 OK" if is_expected else b"404 Not Found"
                    head = b"HTTP/1.1 %b\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                    page = _PAGE if is_expected else b""
                    await stream.send(head % (status, len(page)) + page)
        if is_expected:  # who leaves early, or does not read, has come all the same
            self.came.set()

    def _read(self, target: str) -> bool:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path != self._path or query.get("state") != [self._state]:
            return False
        if "code" in query:
            self.code = query["code"][0]
        self.told = " ".join(query.get("error", []) + query.get("error_description", []))[:300] or "no code came back"
        return True


async def _target(stream: anyio.abc.SocketStream) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
        if len(received) > _LONGEST_HEAD:
            raise ValueError("too long")
    method, target, *_ = received.split(b"\r\n")[0].decode("latin-1").split(" ")
    if method != "GET":
        raise ValueError("no GET")
    return target
