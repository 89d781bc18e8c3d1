"""Bodies of requests and answers, piece by piece: how they move, stall, end early, are cut off. Knows, of the HTTP library's
inside, what has no public way to it; names neither its modules nor its classes, and sends no request itself.
"""

from __future__ import annotations

import operator
import socket
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import anyio

from aioliferay._decoding import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioliferay._core.messages import Answer

_OWN_CONNECTION: Final = frozenset({b"HTTP/1.0", b"HTTP/1.1"})
_BEHIND: Final = operator.attrgetter("stream._stream._httpcore_stream._stream._connection._h11_state.trailing_data")


class Content(Protocol):
    """A body that is sent piece by piece."""

    @property
    def size(self) -> int | None:
        """How many bytes it has in all; None if nobody knows."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether its last byte was returned."""
        ...

    def restart(self) -> None:
        """Begin, perhaps again; raise if it cannot be read twice."""
        ...

    async def next(self) -> bytes:
        """Return the next piece; nothing at the end. Called once the piece before has gone out."""
        ...


class Sink(Protocol):
    """What takes the body of an answer piece by piece."""

    async def begin(self, answer: Answer) -> bool:
        """Look at the head of an answer, and tell whether its body is wanted; or raise, and it is not read."""
        ...

    async def write(self, data: bytes) -> None:
        """Take the next piece."""
        ...


@dataclass(slots=True)
class Stream:
    """What is streamed in one exchange. Its time limit is one for each pause: as long as something moves, it goes on.

    Attributes:
        content: the body of the request, in place of the request's own.
        sink: takes the body of the answer.
        digest: user and password, for the challenge of the digest scheme.
        is_foreign: whether the server is not the portal: it gets no credentials, no cookies, and no header of the session's.
        failure: what the content raised, and its cause, which the HTTP library takes away.
    """

    content: Content | None = None
    sink: Sink | None = None
    digest: tuple[str, str] | None = field(default=None, repr=False)
    is_foreign: bool = False
    failure: BaseException | None = None
    cause: BaseException | None = None
    _scope: anyio.CancelScope | None = None
    _longest_pause: float = float("inf")

    def watch(self, scope: anyio.CancelScope, longest_pause: float | None) -> None:
        """Let `scope` end where nothing has moved for some seconds."""
        self._scope = scope
        self._longest_pause = float("inf") if longest_pause is None else longest_pause
        self.moved()

    def moved(self) -> None:
        """Note that something has moved: the time until the next must is counted from now."""
        if self._scope is not None:
            self._scope.deadline = anyio.current_time() + self._longest_pause

    def rests(self) -> None:
        """Note that it is not the network's turn: what the caller's own files and functions take is not counted."""
        if self._scope is not None:
            self._scope.deadline = float("inf")


class Outgoing:
    """A content as the HTTP library takes it. No generator: a cancel would leave one unfinished, which trio warns of."""

    def __init__(self, stream: Stream, client: Any = None, message: Any = None) -> None:
        self._stream = stream
        self._content: Any = stream.content
        self._client = client
        self._message = message
        self._wire: Any = None

    def __aiter__(self) -> Self:
        self._content.restart()
        self._wire = None
        return self

    async def __anext__(self) -> bytes:
        if not self._content.is_whole:
            self._stop_if_answered()
        self._stream.rests()
        try:
            data: bytes = await self._content.next()
        except Exception as error:
            self._stream.failure, self._stream.cause = error, error.__cause__
            raise
        finally:
            self._stream.moved()
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        """Do nothing: who made the content closes it."""

    def _stop_if_answered(self) -> None:
        """Stop sending where the server has answered already, or is gone: a portal to which the upload is too large, say.

        The library takes its own error for a broken pipe, and reads the answer. If it sent on until the pipe breaks, the
        answer would be lost on asyncio, which reads nothing while it writes. With TLS one cannot see from outside whether
        what has come is an answer.
        """
        self._wire = self._wire or _wire_of(self._client, self._message)
        if self._wire is None or self._wire.get_extra_info("ssl_object") is not None:
            return
        if self._wire.get_extra_info("is_readable"):
            library = type(self._wire).__module__.partition(".")[0]
            raise sys.modules[library].WriteError("the server answered before it had all")


def outgoing(stream: Stream, client: Any, message: Any) -> Any:
    """Return a content as a stream of the library's own kind, for a message that was made with an `Outgoing`."""
    base = next(kind for kind in type(message.stream).__mro__ if kind.__name__ == "AsyncByteStream")
    return _outgoing_kind(base)(stream, client, message)


@lru_cache(maxsize=4)
def _outgoing_kind(base: type) -> Any:
    return type("Outgoing", (Outgoing, base), {})


def _wire_of(client: Any, message: Any) -> Any:
    """Return the stream under the connection that carries a message, if that is one of HTTP/1.1; None if it is not known."""
    with suppress(AttributeError, TypeError):
        for each in client._transport_for_url(message.url)._pool._requests:  # noqa: SLF001 - there is no public way
            if each.request.extensions is message.extensions:
                connection = each.connection._connection  # noqa: SLF001 - as above
                return connection._network_stream if hasattr(connection, "_h11_state") else None  # noqa: SLF001 - as above
    return None


async def take(response: Any, answer: Answer, stream: Stream) -> bool:
    """Give the body of an answer to the sink, if it wants it; tell whether it did. The answer is closed then.

    What the sink raises costs the connection, as the rest of the body would have to be read.
    """
    sink = stream.sink
    if sink is None:
        return False
    stream.rests()
    try:
        if not await sink.begin(answer):
            stream.moved()
            return False
        if getattr(response, "is_stream_consumed", True):
            await sink.write(response.content)
        else:
            await _pour(response, sink, stream)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await response.aclose()
        raise
    await response.aclose()
    return True


async def _pour(response: Any, sink: Sink, stream: Stream) -> None:
    failure: BaseException | None = None
    stream.moved()
    pieces = aiter(response.stream)
    try:
        async for data in pieces:
            if failure is not None:
                continue  # to leave this loop would leave the library's generators unfinished; the connection has been cut
            stream.rests()
            try:
                await sink.write(data)
            except BaseException as error:  # noqa: BLE001 - a cancellation too: it is raised below
                failure = error
                if not await cut(response):
                    await _close(pieces)
                    break
            stream.moved()
    except Exception:
        if failure is None:
            raise
    if failure is not None:
        raise failure
    if has_more(response):
        await cut(response)


async def _close(pieces: Any) -> None:
    with anyio.CancelScope(shield=True), suppress(AttributeError):  # no generator has nothing to close
        await pieces.aclose()


async def body_of(response: Any, headers: Mapping[str, str], max_bytes: int, *, is_open: bool = False) -> bytes:
    """Read the body, and close the answer; a body that is refused costs its connection, as it would have to be read.

    `headers`: those of the answer, by names in lower case. `is_open`: there is no TLS on the way, for sure.
    """
    if getattr(response, "is_stream_consumed", True):  # by a hook of the client's, or it never came over a network
        body = Body(max_bytes=max_bytes, status=response.status_code)
        body.feed(response.content)
        return body.finish()
    body = Body(headers.get("content-encoding", ""), max_bytes=max_bytes, status=response.status_code)
    try:
        body.expect(int(headers.get("content-length", 0)))
        if not body.is_refused:
            await _fill(body, response, is_open=is_open)
        return body.finish()
    finally:
        await response.aclose()


async def _fill(body: Body, response: Any, *, is_open: bool) -> None:
    try:
        async for data in response.stream:
            body.feed(data)
            # To leave this loop would leave the library's generators unfinished, which trio warns of. Cut, they end.
            if body.is_refused and not await cut(response):
                return
    except Exception:
        if not body.is_refused:
            raise
    if not body.is_refused and has_more(response, is_open=is_open):
        await cut(response)


async def cut(response: Any) -> bool:
    """End the connection under an answer, and tell whether the answer had one for itself, which could be ended."""
    stream = response.extensions.get("network_stream")
    if stream is None or response.extensions.get("http_version") not in _OWN_CONNECTION:
        return False
    try:
        # Not closed: of a closed socket the library's pool cannot ask whether it is readable. It closes what has ended.
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side was faster
    except (TypeError, AttributeError):  # a socket that knows no shutdown, as uvloop's
        await stream.aclose()
    return True


def has_more(response: Any, *, is_open: bool = False) -> bool:
    """Whether bytes behind the answer have come with it: a copy of it, say, which would pass for the next answer.

    The HTTP library keeps them for the next request, and looks only into the system's socket before it uses a connection
    again. There is no public way to see what its parser holds; where the private one has changed, the answer is no.
    """
    with suppress(AttributeError):
        if _BEHIND(response)[0]:
            return True
    stream = None if is_open else response.extensions.get("network_stream")
    tls = None if stream is None else stream.get_extra_info("ssl_object")
    if tls is None or response.extensions.get("http_version") not in _OWN_CONNECTION:
        return False
    try:
        tls.read(1)  # it has no socket of its own: it looks into what has been received, and never waits
    except ssl.SSLWantReadError:
        return False
    except OSError:  # its end, for one
        return True
    return True
