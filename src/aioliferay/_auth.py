"""Ways to say who calls, as generators of requests: a flow yields a request, is given its answer, and may yield another.
Knows no HTTP library and no event loop, so each flow is tested with `next` and `send`.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass, field
from functools import wraps
from traceback import clear_frames
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, cast, runtime_checkable

from aioliferay.errors import NotSentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from aioliferay._core.messages import Answer, Request
    from aioliferay.errors import LiferayError

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound="LiferayError")
Verdict = Literal["accepted", "refused", "doubtful"]


@runtime_checkable
class Authentication(Protocol):
    """A way to authenticate. Write your own by writing `flow`; it may keep state between requests.

    A flow that can renew its credentials looks at `answer.is_unauthenticated`, yields what it needs for new ones, and yields
    the request again: once, and only where the portal provably did not run it, or where it only reads.
    """

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Yield the request with credentials; each `yield` returns the answer. The last answer is the one that counts."""
        ...


class Renewable(Protocol[C]):
    """A way to authenticate with credentials that the portal gives and that end: a session by cookies, an access token."""

    def obtain(self, server: str, old: C | None, now: float) -> Generator[Any, Any, C]:
        """Yield requests, and get their answers, or yield a `Step`, and get its result; return new credentials.

        `old` are those before, if there were any; `now` is the time in seconds since 1970.
        """
        ...

    def is_due(self, credentials: C, now: float) -> bool:
        """Tell whether credentials have ended, or are about to."""
        ...

    def signed(self, request: Request, credentials: C) -> Request:
        """Return the request with credentials."""
        ...

    def verdict(self, answer: Answer, credentials: C) -> Verdict:
        """Tell what an answer says of the credentials.

        "accepted"; "refused" before anything ran; or "doubtful": the portal does not know who calls, and may have run some.
        """
        ...

    def used(self, credentials: C, now: float) -> C:
        """Return the credentials after an answer to them: their use may have made them last longer."""
        ...

    def farewell(self, server: str, credentials: C) -> Request | None:
        """Return the request that gives credentials back, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """A function to await between requests for credentials.

    Attributes:
        function: it has as long as a request, and what it raises ends the renewal.
        is_personal: it asks a person, and has its own limit; it ends as soon as nobody waits for the credentials.
        told: what is logged if it fails, where the renewal does without; "" where it does not.
    """

    function: Callable[[], Awaitable[Any]] = field(repr=False)
    is_personal: bool = False
    told: str = ""

    async def __call__(self) -> Any:
        """Call the function."""
        return await self.function()


def lasting(error: E, seconds: float) -> E:
    """Return the error, marked so that credentials are not asked for again for so many seconds."""
    vars(error)["_lasting_seconds"] = seconds
    return error


def lasting_seconds(error: LiferayError) -> float:
    """Return for how long an error is to be taken for the answer."""
    return float(vars(error).get("_lasting_seconds", 0.0))


def concealing(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function so that its errors show none of its arguments, and nothing made of them, as local variables.

    Of these some may be secret. The lines of the traceback stay.
    """

    @wraps(function)
    def concealed(*args: P.args, **kwargs: P.kwargs) -> T:
        before = sys.exception()
        try:
            return function(*args, **kwargs)
        except Exception as error:
            del args, kwargs
            step: BaseException | None = error
            while step is not None and step is not before:  # what the caller handles just now is not of this function
                clear_frames(step.__traceback__)
                step = step.__cause__ or step.__context__
            raise

    return concealed


class BasicAuth:
    """User name (on a stock portal: the e-mail address) and password with every request, in UTF-8.

    A real portal takes about 110 ms to check a password, every time (`real-timings.md` §0): one more reason to batch.
    """

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        header = _basic(user, password)
        del password  # what prints the local variables of a traceback shall not find it
        if isinstance(header, Exception):
            raise header
        self._header = header

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Yield the request once, with its `Authorization` header."""
        yield request.with_header("Authorization", self._header)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BasicAuth) and self._header == other._header

    def __hash__(self) -> int:
        return hash(self._header)

    def __repr__(self) -> str:
        return f"BasicAuth({self._user!r}, password hidden)"


class BearerAuth:
    """A bearer token, such as an OAuth 2 access token of a 7.x portal, with every request.

    Args:
        token: the token; or an async function that returns one. The function is called with the first call, and again,
            once for all calls that wait, when the portal refuses its token.
    """

    def __init__(self, token: str | Callable[[], Awaitable[str]]) -> None:
        self._fetch = token if callable(token) else None
        bearer = Bearer("") if callable(token) else _bearer(token)
        del token  # as in `BasicAuth`
        if isinstance(bearer, Exception):
            raise bearer
        self._bearer = bearer

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Yield the request once, with its `Authorization` header."""
        yield request.with_header("Authorization", self._bearer.header)

    @property
    def fetched(self) -> Fetched | None:
        """How tokens are fetched, if a function does that."""
        return None if self._fetch is None else Fetched(self._fetch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BearerAuth) and (self._bearer, self._fetch) == (other._bearer, other._fetch)

    def __hash__(self) -> int:
        return hash((self._bearer, self._fetch))

    def __repr__(self) -> str:
        return "BearerAuth(token hidden)"


@dataclass(frozen=True, slots=True)
class Bearer:
    """The `Authorization` header of a token, in a box that does not show it."""

    header: str = field(repr=False)


class Fetched:
    """Bearer tokens that an async function brings."""

    def __init__(self, fetch: Callable[[], Awaitable[str]]) -> None:
        self._fetch = fetch

    def obtain(self, server: str, old: Bearer | None, now: float) -> Generator[Any, Any, Bearer]:  # noqa: ARG002 - as `Renewable`
        """Fetch a token."""
        bearer = _bearer((yield Step(self._fetch)))
        if isinstance(bearer, Exception):
            raise bearer
        return bearer

    def is_due(self, credentials: Bearer, now: float) -> bool:  # noqa: ARG002 - as above
        """Return False: nobody knows how long it lasts."""
        return False

    def signed(self, request: Request, credentials: Bearer) -> Request:
        """Return the request with its `Authorization` header."""
        return request.with_header("Authorization", credentials.header)

    def verdict(self, answer: Answer, credentials: Bearer) -> Verdict:  # noqa: ARG002 - as above
        """Tell what an answer says of the token: with status 401 nothing ran."""
        return bearer_verdict(answer)

    def used(self, credentials: Bearer, now: float) -> Bearer:  # noqa: ARG002 - as above
        """Return the header: its use changes nothing."""
        return credentials

    def farewell(self, server: str, credentials: Bearer) -> Request | None:  # noqa: ARG002 - as above
        """Return None: a token simply ends."""
        return None


def bearer_verdict(answer: Answer) -> Verdict:
    """Tell what an answer says of a bearer token: with status 401 nothing ran."""
    if answer.status == 401:
        return "refused"
    return "doubtful" if answer.is_unauthenticated else "accepted"


def _basic(user: object, password: object) -> str | Exception:
    """Return the `Authorization` header, or what is wrong: raised here, its traceback would hold the password."""
    if not isinstance(user, str) or not isinstance(password, str):
        return TypeError("auth= takes a pair of texts: (user, password)")
    if ":" in user:
        return ValueError("a user name for basic authentication cannot contain ':'")
    try:
        pair = f"{user}:{password}".encode()
    except UnicodeEncodeError:
        return ValueError("user and password must be text that UTF-8 can carry")
    return "Basic " + base64.b64encode(pair).decode("ascii")


def _bearer(token: object) -> Bearer | Exception:
    """Return the header, or what is wrong, as `_basic`."""
    if not isinstance(token, str):
        return TypeError("BearerAuth takes the token as text, or an async function that returns it")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        return ValueError("a bearer token is printable ASCII text without spaces")
    return Bearer(f"Bearer {token}")


async def authenticated(
    request: Request,
    auth: Authentication,
    send: Callable[[Request], Awaitable[Answer]],
    *,
    may_repeat: Callable[[Answer], bool],
) -> Answer:
    """Send the request as the flow wants it, and return its last answer.

    The request itself is sent twice at most, and the second time only if `may_repeat` says so of its first answer: a flow
    cannot know whether the portal ran it.

    Raises:
        NotSentError: the flow ended without yielding the request.
    """
    flow = auth.flow(request)
    told: Answer | None = None  # of the request itself
    is_last = False
    try:
        step = next(flow, None)
        while step is not None:
            is_own = step.url == request.url
            if is_own and is_last:
                break
            answer = await send(step)
            step = _after(flow, answer)
            if is_own:
                is_last = told is not None or (step is not None and not may_repeat(answer))
                told = answer
    finally:
        flow.close()
    if told is None:
        raise NotSentError(f"the flow of {type(auth).__name__} ended without yielding the request itself")
    return told


def _after(flow: Generator[Request, Answer, None], answer: Answer) -> Request | None:
    try:
        return flow.send(answer)
    except StopIteration:
        return None


@concealing
def authentication_of(auth: Any) -> Authentication | Renewable[Any] | None:
    """Return the authentication object that `auth=` means: None, a pair, an object with a `flow`, or one with `obtain`.

    Raises:
        TypeError: it is none of these; the text does not show it.
    """
    if isinstance(auth, BearerAuth):
        return auth.fetched or auth
    if auth is None or isinstance(auth, Authentication) or hasattr(auth, "async_auth_flow"):
        return cast("Authentication | None", auth)  # or the HTTP library's own, which goes to it as it is
    kind = type(cast("object", auth))
    if hasattr(kind, "obtain"):
        return cast("Renewable[Any]", auth)
    if issubclass(kind, tuple) and len(auth) == 2:
        return BasicAuth(*auth)
    raise TypeError(f"auth= takes (user, password), an authentication object or None, not {kind.__name__}")
