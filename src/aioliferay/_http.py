"""One HTTP request and its answer, errors mapped. The only module that names the HTTP library, and it names no exception of
it: a client of the same shape (httpx2's) raises classes of its own with the same names.
"""

from __future__ import annotations

import copy
import http.cookiejar
import inspect
import sys
import weakref
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import urljoin
from urllib.request import getproxies

import anyio
import httpx

from aioliferay._bodies import Outgoing, body_of, outgoing, take
from aioliferay._core.messages import Answer, merged
from aioliferay._decoding import acceptable
from aioliferay._tasks import current_loop
from aioliferay.errors import ConnectError, LiferayError, NoAnswerError, NotSentError, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from aioliferay._bodies import Stream
    from aioliferay._core.messages import Request
    from aioliferay._trip import Trip

_CONNECT_SECONDS: Final = 10.0
# A server that closes an idle connection while a request comes in leaves everybody in the dark about that request. A stock
# Tomcat closes after 20 s, Apache httpd before it after 5 s. To be earlier costs a new connection, which is little.
_KEEPALIVE_SECONDS: Final = 4.0
_MAX_CONNECTIONS: Final = 40  # all may idle: httpcore 1.0 counts every connection where it means the idle ones
_MOST_URLS: Final = 100
_DEFAULTS: Final = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}
_NEVER_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
_FOREIGN: Final = frozenset({"host", "accept", "accept-encoding", "connection", "user-agent", "range", "if-range"})
_first_cookies: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()  # of given clients, before we used them


@dataclass(slots=True)
class _Shared:
    """What transports over the same connections have in common: which event loop they belong to, how many are free."""

    loop: object = None
    free: anyio.Semaphore | None = None


class Transport:
    """Sends requests through an HTTP client, its own or a given one.

    Cookies that the portal sets are not sent back: they save nothing under basic authentication, bring the CSRF rule with
    them, and could tie calls of different users together. Cookies that a given client was made with are sent.
    """

    def __init__(self, client: Any = None, *, auth: Any = None, has_own_auth: bool = False) -> None:
        """Take a client, or make one. `auth` is the HTTP library's own; `has_own_auth` keeps a given client's auth out."""
        if client is not None and not inspect.iscoroutinefunction(getattr(client, "send", None)):
            raise TypeError(f"http= takes an httpx.AsyncClient or a client of the same shape, not {type(client).__name__}")
        self.is_own: bool = client is None
        self._pool: httpx.AsyncHTTPTransport | None = None
        self._client: Any = client
        if client is None:
            self._client, self._pool = _own_client()
        self._urls: dict[str, httpx.URL] = {}
        self._sender: Any = self._client if client is None else _without_jar(client)
        self._shared = _Shared()
        self._is_guest = False
        self._cookies = _first_cookies.setdefault(self._client, type(self._client.cookies)(self._client.cookies))
        self._is_traced = client is None
        self._options: dict[str, Any] = {"auth": auth} if auth is not None or has_own_auth else {}
        self._digest: Any = None

    async def send(
        self,
        request: Request,
        trip: Trip,
        *,
        timeout: float | None,  # noqa: ASYNC109 - the HTTP library needs the number too
        max_bytes: int,
        stream: Stream | None = None,
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status; redirects are not followed.

        `timeout` bounds the whole exchange, in seconds; `max_bytes` the answer, as received and as decompressed. With a
        `stream`, `timeout` bounds each pause in which nothing moves; a body that its sink takes is not in the answer.

        Raises:
            NotSentError: nothing left (a ConnectError where no connection was made).
            NoAnswerError: the request left, or began to, and no whole answer came.
            ProtocolError: the answer cannot be decompressed; an AnswerTooLargeError if it is larger than `max_bytes`.
        """
        _check_headers(request.headers)
        self._check_usable()
        is_direct = self._pool is not None and stream is None and not self._options
        if is_direct:
            message = self._direct_message(request, trip, timeout)
            trip.is_begun = True
        else:
            message = self._message(request, trip, timeout, stream=stream)
            trip.is_sent = not self._is_traced
        try:
            with nullcontext() if is_direct and timeout is None else anyio.move_on_after(timeout) as scope:
                if stream is not None and scope is not None:
                    stream.watch(scope, timeout)
                async with self._turn():
                    if is_direct and self._pool is not None:
                        response = await self._pool.handle_async_request(message)
                    else:
                        response = await self._sent(message, stream)
                    return await self._read(response, trip, request.url, max_bytes=max_bytes, stream=stream)
        except LiferayError as error:
            if stream is not None and error is stream.failure:
                error.__cause__ = stream.cause
            raise
        except Exception as error:  # noqa: BLE001 - mapped, whatever it is
            mapped = _mapped(error, trip, request.url, timeout)
            # What the library says of a header that it refuses holds the header, which may be a credential.
            raise mapped from (None if type(mapped) is NotSentError else error)
        raise _expired(trip, request.url, timeout, is_stream=stream is not None)

    def shared(self, auth: Any) -> Transport:
        """Return a transport over the same connections for somebody else: nothing that says who calls is taken along."""
        other = copy.copy(self)
        other.take_guest(auth)
        return other

    def take_guest(self, auth: Any) -> None:
        """Forget who it was for."""
        self._is_guest = True
        self._cookies = type(self._cookies)()
        self._options = {"auth": auth}
        self._digest = None

    def is_home(self, url: str, server: str) -> bool:
        """Tell whether a URL has the origin of the portal, as the HTTP library reads both: credentials go nowhere else."""
        try:
            mine, home = (self._client.build_request("GET", each).url for each in (url, server))
        except Exception:  # noqa: BLE001 - whatever the library raises for what is no URL
            return False
        return (mine.scheme, mine.host, mine.port) == (home.scheme, home.host, home.port) and not mine.userinfo

    def _turn(self) -> AbstractAsyncContextManager[object]:
        # Nobody waits in httpcore's own queue: it loses a connection for good when a request that waits there is cancelled.
        if not self.is_own:
            return nullcontext()
        self._shared.free = self._shared.free or anyio.Semaphore(_MAX_CONNECTIONS, fast_acquire=True)
        return self._shared.free

    async def _sent(self, message: Any, stream: Stream | None) -> Any:
        options = self._options if stream is None else self._options_of(stream)
        return await self._sender.send(message, stream=True, follow_redirects=False, **options)

    async def _read(self, response: Any, trip: Trip, url: str, *, max_bytes: int, stream: Stream | None) -> Answer:
        trip.status = response.status_code
        headers = {name.lower(): value for name, value in response.headers.items()}
        if "location" in headers:
            with suppress(ValueError):  # it is no URL
                headers["location"] = urljoin(url, headers["location"])
        cookies: tuple[str, ...] = ()
        if "set-cookie" in headers and hasattr(response.headers, "get_list"):  # a plain mapping has lost all but one
            cookies = tuple(response.headers.get_list("set-cookie"))
        if stream is not None:
            answer = Answer(response.status_code, headers, set_cookies=cookies)
            if await take(response, answer, stream):
                return answer
        is_open = self._pool is not None and url.startswith("http:")
        body = await body_of(response, headers, max_bytes, is_open=is_open)
        return Answer(response.status_code, headers, body, set_cookies=cookies)

    def _options_of(self, stream: Stream) -> dict[str, Any]:
        if stream.is_foreign:
            return {"auth": None}
        if stream.digest is None:
            return self._options
        if self._digest is None:  # kept: it remembers the challenge
            libraries = [sys.modules.get(kind.__module__.partition(".")[0]) for kind in type(self._client).__mro__]
            known = [library.DigestAuth for library in libraries if library is not None and hasattr(library, "DigestAuth")]
            self._digest = (known or [httpx.DigestAuth])[0](*stream.digest)
        return {"auth": self._digest}

    async def aclose(self) -> None:
        """Close the client, unless it was given."""
        if self.is_own and not self._is_guest:
            await self._client.aclose()

    def _check_usable(self) -> None:
        if getattr(self._client, "is_closed", False):
            raise NotSentError("the session's HTTP client is closed" + ("" if self.is_own else ": it was given as http="))
        if self.is_own:
            self._shared.loop = self._shared.loop or current_loop()
            if self._shared.loop is not current_loop():
                raise NotSentError("the session was used in another event loop before: make one session for each loop")

    def _direct_message(self, request: Request, trip: Trip, timeout: float | None) -> httpx.Request:
        """Return the message for the library's connections, without its client, which costs a third of a request.

        What the client would do is not wanted here: cookies, redirects, authentication, hooks.
        """
        # Of `timeout` the whole exchange is told once: for each read and write again it would be a timer of its own.
        connect = _CONNECT_SECONDS if timeout is None else min(timeout, _CONNECT_SECONDS)
        try:
            url = self._urls.get(request.url)
            if url is None:
                url = httpx.URL(request.url)
                if len(self._urls) < _MOST_URLS:
                    self._urls[request.url] = url
            length = {"Content-Length": str(len(request.body))} if request.body or request.method == "POST" else {}
            headers = merged({"Host": url.netloc.decode("ascii"), **_DEFAULTS, **length}, request.headers)
            named = {name: value for name, value in headers.items() if value or name.lower() != "cookie"}
            message = httpx.Request(request.method, url, headers=named, stream=_Whole(request.body, trip))
        except Exception as error:
            raise NotSentError(f"no request could be made of this: {type(error).__name__}: {error}") from error
        message.extensions["timeout"] = {"connect": connect}
        return message

    def _message(self, request: Request, trip: Trip, timeout: float | None, *, stream: Stream | None) -> Any:
        connect = _CONNECT_SECONDS if timeout is None else min(timeout, _CONNECT_SECONDS)
        content = None if stream is None else stream.content
        length = {} if content is None or content.size is None else {"content-length": str(content.size)}
        wait = timeout if stream is None else None  # a stream counts its pauses itself
        try:
            message = self._client.build_request(
                request.method,
                request.url,
                content=request.body if stream is None or content is None else Outgoing(stream),
                headers={**request.headers, **length},
                timeout=(connect, wait, wait, wait),
                extensions={"trace": self._tracer(trip)},
            )
            if stream is not None and stream.is_foreign:
                return _bare(message, request.url)
            self._set_cookies(message, request.headers)
            if "accept-encoding" not in {name.lower() for name in request.headers}:
                message.headers["accept-encoding"] = acceptable(message.headers.get("accept-encoding"))
        except Exception as error:
            raise NotSentError(f"no request could be made of this: {type(error).__name__}: {error}") from error
        if stream is not None and content is not None:
            message.stream = outgoing(stream, self._client, message)
        elif isinstance(message.stream, httpx.ByteStream):
            message.stream = _Whole(request.body)
        return message

    def _set_cookies(self, message: Any, headers: Mapping[str, str]) -> None:
        own = {name.lower(): value for name, value in headers.items()}
        given = own.get("cookie", None if self._is_guest else self._client.headers.get("cookie"))
        message.headers.pop("cookie", None)
        for name in ("authorization", "x-csrf-token") if self._is_guest else ():
            if name not in own:  # the client's own
                message.headers.pop(name, None)
        if given is None:
            self._cookies.set_cookie_header(message)
        elif given:  # "" stands for none at all, not even those of the client
            message.headers["cookie"] = given

    def _tracer(self, trip: Trip) -> Any:
        async def trace(event: str, _: object) -> None:
            if not self._is_traced:
                self._is_traced = True
                trip.is_sent = False
            trip.is_begun = True
            if event.endswith(".send_request_headers.started"):
                trip.is_sent = True

        return trace


def _without_jar(client: Any) -> Any:
    """Return a given client with everything that is its own but the cookies: what the portal sets is not for its owner.

    It shares the state of the client, so that hooks, authentication and what a subclass counts work as they do there.
    """
    cookies = client.cookies
    if not hasattr(cookies, "jar") or not hasattr(client, "__dict__"):
        return client
    nowhere = type(cookies)(http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])))
    kind = cast("Any", type(client))
    view: Any = object.__new__(type(kind.__name__, (kind,), {"cookies": property(lambda _: nowhere), "__del__": _nothing}))
    view.__dict__ = client.__dict__
    return view


def _nothing(_: object) -> None:
    """Leave what a client does at its end to the client."""


class _Whole(httpx.ByteStream):
    """A body in one piece. The library's own is an async generator, which a cancel leaves unfinished: trio warns of that."""

    def __init__(self, body: bytes, trip: Trip | None = None) -> None:
        super().__init__(body)
        self._body = body
        self._trip = trip

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._trip is not None:  # the head has left, and without the rest nothing runs
            self._trip.is_sent = True
        return _Once(self._body)


class _Once:
    def __init__(self, body: bytes) -> None:
        self._left = [body]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


def _own_client() -> tuple[httpx.AsyncClient, httpx.AsyncHTTPTransport | None]:
    """Return a client, and the connections under it, unless proxies of the environment stand between."""
    jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx.Limits(
        max_connections=_MAX_CONNECTIONS,
        max_keepalive_connections=_MAX_CONNECTIONS,
        keepalive_expiry=_KEEPALIVE_SECONDS,
    )
    if getproxies().keys() & {"http", "https", "all"}:
        return httpx.AsyncClient(cookies=jar, follow_redirects=False, limits=limits), None
    pool = httpx.AsyncHTTPTransport(limits=limits)
    return httpx.AsyncClient(cookies=jar, follow_redirects=False, transport=pool), pool


def _bare(message: Any, url: str) -> Any:
    """Return a message for a server that is not the portal: without what the client adds to every request by itself."""
    headers = {name: value for name, value in message.headers.items() if name.lower() in _FOREIGN}
    return type(message)(message.method, url, headers=headers, extensions=message.extensions)


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        # The HTTP library would say so too, with the value, which may be a credential.
        if not (value.isascii() and value.replace("\t", " ").isprintable() and value == value.strip()):
            raise NotSentError(f"the value of header {name!r} has characters or spaces that HTTP does not allow")


def _mapped(error: Exception, trip: Trip, url: str, timeout: float | None) -> NotSentError | TransportError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    reason = _reason_of(error)
    if "LocalProtocolError" in kinds:
        return NotSentError("the HTTP library refuses the request: a header has characters that HTTP does not allow")
    if kinds & _NEVER_SENT or not trip.is_sent:
        if "PoolTimeout" in kinds:
            return ConnectError(f"no connection was free {_within(timeout)}: too many requests at once, or too slow ones")
        if "ConnectTimeout" in kinds:
            reason = "it did not answer in time"
        return ConnectError(f"no connection to {url}: {reason}; is the portal running, and the server URL right?")
    if "TimeoutException" in kinds:
        return _expired(trip, url, timeout)
    if "TransportError" not in kinds:
        return NoAnswerError(f"the HTTP client raised {type(error).__name__} instead of giving the answer: {reason}")
    return NoAnswerError(f"the connection to {url} failed before the answer was complete: {reason}")


def _reason_of(error: BaseException) -> str:
    if text := str(error):
        return text
    step = error.__cause__ or error.__context__
    while step is not None:
        if isinstance(step, OSError) and (text := str(step)):  # reset, TLS: what the system said
            return text
        step = step.__cause__ or step.__context__
    return type(error).__name__


def _expired(trip: Trip, url: str, timeout: float | None, *, is_stream: bool = False) -> TransportError:
    if not trip.is_begun and not trip.is_sent:
        return ConnectError(f"no connection was free {_within(timeout)}: too many requests at once, or too slow ones")
    if not trip.is_sent:
        return ConnectError(f"no connection to {url} {_within(timeout)}; is the portal running, and the server URL right?")
    if is_stream:
        return NoAnswerError(f"nothing moved between here and {url} for {timeout:g} s", is_timeout=True)
    text = f"no answer from {url} {_within(timeout)}; the portal may still be at work on it"
    return NoAnswerError(text, is_timeout=True)


def _within(timeout: float | None) -> str:
    return "in time" if timeout is None else f"within {timeout:g} s"
