"""Liferay behind FastAPI: a session for each process, dependencies, whose credentials a request brings, errors as problems.
Knows FastAPI; does not know how calls travel.
"""

import inspect
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any, Final, Literal, Protocol, Unpack, cast

try:
    from fastapi import Depends, FastAPI, HTTPException, Request, Response, WebSocket
    from fastapi.requests import HTTPConnection
    from fastapi.responses import JSONResponse
    from fastapi.websockets import WebSocketState

    Depends(scope="function")  # a TypeError before 0.121
except (ImportError, TypeError) as _error:
    _text = "aioliferay.fastapi needs FastAPI 0.121 or later: pip install 'aioliferay[fastapi]'"
    raise ImportError(_text, name="fastapi") from _error

from aioliferay import errors
from aioliferay._auth import BearerAuth, authentication_of
from aioliferay._auto_session import AutoBatchSession, AutoOptions
from aioliferay._batch_session import BatchSession
from aioliferay._core.packing import BatchLimits
from aioliferay._core.recovery import RetryPolicy, retry_after
from aioliferay._forwarded import ForwardedCookies
from aioliferay._options import SessionOptions, apart
from aioliferay._sessions import Session

__all__ = [  # noqa: RUF022 - in the order of use
    "portal_lifespan", "PortalOptions", "Forward", "CallersToken", "CallersCookies",
    "SessionDep", "BatchDep", "AutoDep", "OwnSessionDep", "install_handlers",
]  # fmt: skip

_logger = logging.getLogger("aioliferay")
_KEY: Final = "aioliferay"  # in the state of an application
_COOKIES: Final = ("JSESSIONID", "COOKIE_SUPPORT", "GUEST_LANGUAGE_ID")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BUSY: Final = frozenset({429, 502, 503, 504})
_WHEN: Final = re.compile(r"; try again after (.{1,40})$")  # the end of what a busy portal's error says
_DETAILS: Final = {  # the first of several errors in this order is the answer
    401: "the portal does not know who calls",
    503: "the portal cannot be reached, or is too busy",
    502: "the portal refused what this application asked, or its answer is of no use",
    403: "the portal does not allow this",
    404: "the portal does not have what was asked for",
}
_STATUSES: Final = {  # by the first kind that an error is of
    errors.NoSuchServiceError: None,
    errors.AuthenticationError: 401,
    errors.AccessDeniedError: 403,
    errors.NotFoundError: 404,
    errors.TransportError: 503,
    errors.NotSentError: 503,
    errors.ServerError: 502,
    errors.ProtocolError: 502,
    errors.RedirectError: 502,
    errors.ResultError: 502,
}
_UNANSWERED: Final = "the portal did not answer"
_OWN: Final = "the portal does not know this application"
_ANONYMOUS: Final = "this needs the credentials of a user of the portal"
_UNUSABLE: Final = "these are no credentials that the portal could know"
_FOREIGN: Final = "a page of another site made the browser send this"
_CLOSING: Final = {502: 1011, 503: 1013}  # how a WebSocket is closed: an error, try again later; else 1008, policy


class PortalOptions(SessionOptions, total=False):
    """The options of `Session`."""

    retry: RetryPolicy | None
    limits: BatchLimits | None


class Forward(Protocol):
    """Tells as whom a request calls the portal. Such a function may be async, too."""

    def __call__(self, connection: HTTPConnection, /) -> Any:
        """Return what `auth=` takes, or None if the request brings no credentials; it may raise an `HTTPException`."""
        ...


class CallersToken:
    """The bearer token of the request (`Authorization: Bearer ...`) goes on to the portal.

    The portal must take this token: it is one of its own OAuth 2 access tokens, and it goes to the portal only. Any other
    `Authorization` header, or a token that no header could carry, is answered with 401.
    """

    challenge: str = "Bearer"

    def __call__(self, connection: HTTPConnection, /) -> BearerAuth | None:
        """Return the token, or None where there is no `Authorization` header."""
        auth = _token_of(connection)
        if isinstance(auth, Exception):
            raise _Refusal(401, _UNUSABLE, self.challenge)
        return auth


class CallersCookies:
    """The session that the browser has with the portal: its cookies go on to the portal, and no others.

    The browser sends them if the application has the portal's host name. What would do harm comes from other sites, as
    browsers send cookies with what these ask for: a WebSocket, or a request by a method other than GET, HEAD and OPTIONS, is
    answered with 403 if `Sec-Fetch-Site`, or `Origin` and `Host`, show that a page of another origin made it. So let no
    endpoint for GET change anything, and let a proxy before the application hand on the `Host` header.

    Args:
        names: of the cookies, by default `JSESSIONID`, `COOKIE_SUPPORT` and `GUEST_LANGUAGE_ID`. The first one tells the
            session, and a request without it brings no credentials.
        trusted_origins: whose pages may make such requests, too, such as `https://portal.example.com`.
    """

    def __init__(self, names: Sequence[str] = _COOKIES, *, trusted_origins: Sequence[str] = ()) -> None:
        if isinstance(names, str) or isinstance(trusted_origins, str) or not names:
            raise TypeError("names and trusted_origins are lists of texts, and there is at least one name")
        self._names = tuple(names)
        self._trusted = frozenset(trusted_origins)
        self.challenge: str = f'Cookie realm="Liferay", cookie-name="{self._names[0]}"'

    def __call__(self, connection: HTTPConnection, /) -> ForwardedCookies | None:
        """Return the session, or None where its cookie is missing."""
        auth = _cookies_of(connection, self._names)
        if isinstance(auth, Exception):
            raise _Refusal(401, _UNUSABLE, self.challenge)
        if auth is not None and self._is_foreign(connection):
            raise _Refusal(403, _FOREIGN)
        return auth

    def _is_foreign(self, connection: HTTPConnection) -> bool:
        headers = connection.headers
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if connection.scope.get("method") in _READING or origin in self._trusted:
            return False
        if site is not None:
            return site not in {"same-origin", "none"}
        return origin is not None and origin.partition("://")[2] != headers.get("host")  # a browser tells the origin


@dataclass(frozen=True, slots=True)
class _Portal:
    """What a process has open."""

    session: Session
    auto: AutoBatchSession
    forward: Forward | None
    are_guests_welcome: bool
    has_credentials: bool

    @property
    def challenge(self) -> str:
        return getattr(self.forward, "challenge", "Bearer")

    async def for_caller(self, connection: HTTPConnection) -> AutoBatchSession:
        """Return the automatic batch that acts as who made the request."""
        if self.forward is None:
            return self.auto
        auth = self.forward(connection)
        if inspect.isawaitable(auth):
            auth = await auth
        auth = authentication_of(auth) if isinstance(auth, tuple) else auth  # at once: it hides the password
        if auth is None and not self.are_guests_welcome:
            raise _Refusal(401, _ANONYMOUS, self.challenge)
        return self.auto.acting_as(auth)


class _Refusal(HTTPException):
    """A request that does not get as far as the portal."""

    def __init__(self, status: int, detail: str, challenge: str | None = None) -> None:
        super().__init__(status, detail, {"WWW-Authenticate": challenge} if challenge else None)


def portal_lifespan(
    server: str,
    *,
    forward: Literal["bearer", "cookie"] | Forward | None = None,
    guests: bool = False,
    auto: AutoOptions | None = None,
    **options: Unpack[PortalOptions],
) -> Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """Return a lifespan that opens one `Session` for the process: `FastAPI(lifespan=portal_lifespan("http://..."))`.

    Nothing is sent to the portal before the first call, so that the application starts also while the portal is down. A
    lifespan of your own enters it with `async with portal_lifespan(...)(app) as state` and yields what is in `state`, so
    that mounted applications find the portal, too. Each application has its own portal.

    Args:
        server: URL of the portal's root.
        forward: as whom requests call the portal. None: all of them by `auth=`. "bearer": by the request's own token, as
            `CallersToken()`. "cookie": by the session that the browser has with the portal, as `CallersCookies()`. Or a
            function from the request (an `HTTPConnection`) to what `auth=` takes. `auth=` is then never used for a request,
            but for `OwnSessionDep`.
        guests: whether requests that bring no credentials call as a guest of the portal; otherwise they are answered
            with 401.
        auto: options of the automatic batch that `AutoDep` gives: those of `Session.auto`.
        **options: those of `Session`.

    Raises:
        TypeError, ValueError: `forward` is none of these; where the application starts, what `Session` raises, and a
            `RuntimeError` if it has a portal already.
    """
    chosen = _forward_of(forward)
    if guests and chosen is None:
        raise ValueError("guests= is about requests without credentials: it needs forward=")
    own, rest = apart(options)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[Mapping[str, Any], None]:
        if hasattr(app.state, _KEY):
            raise RuntimeError("this application has a portal already: mount another application for another portal")
        async with Session(server, **own, **rest) as session, session.auto(**(auto or {})) as shared:
            portal = _Portal(session, shared, chosen, guests, own.get("auth") is not None)
            setattr(app.state, _KEY, portal)
            try:
                yield {_KEY: portal}
            finally:
                delattr(app.state, _KEY)

    return lifespan


def install_handlers(app: FastAPI) -> None:
    """Let errors of the portal be answered as problems (RFC 9457, `application/problem+json`).

    404 for what the portal does not have, 403 for what it does not allow, 401 for who is not known to it, 503 where it
    cannot be reached, did not answer or is busy, 502 for any other refusal or answer, and for a portal that does not know
    the application itself. Of several errors (a `BatchError`, or a task group's) the first of 401, 503, 502, 403, 404 is the
    answer, that of a call that was not sent last, and `errors` lists all. What is a mistake in the application stays an
    error of the application: a service that the portal does not have, or a group with other errors in it.

    An answer has no text of the portal's. Those of 5xx are logged with all that is known (logger `aioliferay`). On a
    WebSocket the handshake is refused, or the connection closed.
    """
    for kind in (errors.LiferayError, ExceptionGroup, _Refusal):
        app.add_exception_handler(kind, cast("Any", _answer))  # of both kinds of connection, for which there is no type


async def _for_caller(connection: HTTPConnection) -> AutoBatchSession:
    return await _portal_of(connection).for_caller(connection)


_Acting = Annotated[AutoBatchSession, Depends(_for_caller)]


async def _session(auto: _Acting) -> Session:
    return cast("Session", auto._session)  # noqa: SLF001 - the session and the automatic batch share what signs them in


async def _own_session(connection: HTTPConnection) -> Session:
    return _portal_of(connection).session


SessionDep = Annotated[Session, Depends(_session)]
"""A `Session` that acts as who made the request. It need not be closed, and may be used after the response."""


async def _batch(session: SessionDep) -> AsyncGenerator[BatchSession, None]:
    async with session.batch() as batch:
        yield batch


AutoDep = _Acting
"""The `AutoBatchSession` of the process, acting as who made the request. Calls of a user's requests travel together."""

BatchDep = Annotated[BatchSession, Depends(_batch, scope="function")]
"""A `BatchSession` for the request. What is queued when the endpoint returns is sent before the response, so that failures
become the response; if the endpoint raises, it is not sent."""

OwnSessionDep = Annotated[Session, Depends(_own_session)]
"""The `Session` of the process, with the credentials given as `auth=`, whoever made the request."""


def _forward_of(forward: object) -> Forward | None:
    if isinstance(forward, str):
        if forward not in {"bearer", "cookie"}:
            raise ValueError(f"forward= is 'bearer', 'cookie' or a function, not {forward!r}")
        return CallersToken() if forward == "bearer" else CallersCookies()
    if forward is not None and (inspect.isclass(forward) or not callable(forward)):
        raise TypeError("forward= is 'bearer', 'cookie', a function from the request to what auth= takes, or None")
    return cast("Forward | None", forward)


def _portal_of(connection: HTTPConnection) -> _Portal:
    if (portal := _found(connection)) is None:
        raise RuntimeError("no portal is open here: give the application lifespan=portal_lifespan(...), and let it run")
    return portal


def _found(connection: HTTPConnection) -> _Portal | None:
    # A mounted application has no lifespan of its own, but the state that the lifespan of the outer one gave.
    app = connection.scope["app"]
    found = getattr(app.state, _KEY, None) or connection.scope.get("state", {}).get(_KEY)
    return cast("_Portal | None", found)


def _token_of(connection: HTTPConnection) -> BearerAuth | Exception | None:
    """Return what is wrong with a token rather than raise it: no frame of a traceback shall hold one."""
    sent = connection.headers.getlist("authorization")
    if not sent:
        return None
    scheme, _, token = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer":
        return ValueError("no bearer token")
    try:
        return BearerAuth(token.strip())
    except ValueError as error:
        return error


def _cookies_of(connection: HTTPConnection, names: Sequence[str]) -> ForwardedCookies | Exception | None:
    """Read the cookies as they were sent; the first of a name counts, as browsers send the one of the longest path first."""
    pairs = [pair.partition("=") for sent in connection.headers.getlist("cookie") for pair in sent.split(";")]
    sent = {name.strip(): value.strip() for name, _, value in reversed(pairs)}
    if names[0] not in sent:
        return None
    try:
        return ForwardedCookies({name: sent[name] for name in names if sent.get(name)}, session_cookie=names[0])
    except ValueError as error:
        return error


async def _answer(connection: Request | WebSocket, error: Exception) -> Response | None:
    portal, headers = _found(connection), {"Cache-Control": "no-store"}  # it is for this caller, and may be over soon
    if isinstance(error, _Refusal):
        problem: dict[str, Any] = _problem(error.status_code, error.detail)
        headers |= error.headers or {}
    else:
        problems = [_problem_of(each, portal) for each in _leaves(error)]
        if None in problems:
            raise error
        first = min(filter(None, problems), key=_rank)
        problem = {name: value for name, value in first.items() if name != "call"}
        if len(problems) > 1:
            problem = _problem(first["status"], first["detail"]) | {"errors": problems}
        headers |= _headers_of(connection, first["status"], error, portal)
    status: int = problem["status"]
    if status >= 500:
        details = None if status == 503 else error  # who is down is that for each request
        _logger.error("a request is answered with %d: %s", status, error, exc_info=details)
    if isinstance(connection, WebSocket):
        is_open = connection.application_state is not WebSocketState.CONNECTING
        if is_open or "websocket.http.response" not in (connection.scope.get("extensions") or ()):
            await connection.close(_CLOSING.get(status, 1008), problem["detail"])
            return None
    return JSONResponse(problem, status, headers, "application/problem+json")


def _problem(status: int, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def _rank(problem: Mapping[str, Any]) -> tuple[bool, int]:
    return problem.get("outcome") == "not sent", [*_DETAILS].index(problem["status"])  # as a rule, that is a consequence


def _problem_of(error: Exception, portal: _Portal | None) -> dict[str, Any] | None:
    """Return the problem of one error; None if it is a mistake in the application."""
    status = _status_of(error)
    if status is None or not isinstance(error, errors.LiferayError):
        return None
    if status == 401 and portal is not None and portal.forward is None and portal.has_credentials:
        problem = _problem(502, _OWN)
    else:
        problem = _problem(status, _UNANSWERED if isinstance(error, errors.NoAnswerError) else _DETAILS[status])
    told = {"outcome": error.outcome, "call": error.position}
    return problem | {name: value for name, value in told.items() if value is not None}


def _status_of(error: BaseException | None) -> int | None:
    if isinstance(error, errors.DependencyError):
        return _status_of(error.__cause__) or 502
    if isinstance(error, errors.ServerError | errors.ProtocolError) and error.status in _BUSY:
        return 503
    return next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), None)


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for each in cast("ExceptionGroup[Exception]", error).exceptions:
            yield from _leaves(each)
    else:
        yield error


def _headers_of(connection: HTTPConnection, status: int, error: Exception, portal: _Portal | None) -> dict[str, str]:
    if status == 401:
        challenge = "Bearer" if portal is None else portal.challenge
        is_refused = challenge == "Bearer" and "authorization" in connection.headers
        return {"WWW-Authenticate": f'{challenge} error="invalid_token"' if is_refused else challenge}
    asked = [match[1] for each in _leaves(error) if (match := _WHEN.search(str(each)))] if status == 503 else []
    seconds = [after for text in asked if (after := retry_after({"retry-after": text}, time.time())) is not None]
    return {"Retry-After": str(ceil(max(seconds)))} if seconds else {}
