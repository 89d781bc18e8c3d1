"""Ways to say who calls, as generators of requests: a flow yields a request, is given its answer, and may yield another.
Knows no HTTP library and no event loop, so each flow is tested with `next` and `send`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from aioliferay.errors import NotSentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from aioliferay._core.messages import Answer, Request


@runtime_checkable
class Authentication(Protocol):
    """A way to authenticate. Write your own by writing `flow`; it may keep state between requests.

    A flow that can renew its credentials looks at `answer.is_unauthenticated`, yields what it needs for new ones, and yields
    the request again: once, and only where the portal provably did not run it, or where it only reads.
    """

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Yield the request with credentials; each `yield` returns the answer. The last answer is the one that counts."""
        ...


class BasicAuth:
    """User name (on a stock portal: the e-mail address) and password with every request, in UTF-8.

    A real portal takes about 110 ms to check a password, every time (`real-timings.md` §0): one more reason to batch.
    """

    def __init__(self, user: str, password: str) -> None:
        if not isinstance(user, str) or not isinstance(password, str):
            raise TypeError("auth= takes a pair of texts: (user, password)")
        if ":" in user:
            raise ValueError("a user name for basic authentication cannot contain ':'")
        try:
            pair = f"{user}:{password}".encode()
        except UnicodeEncodeError:
            raise ValueError("user and password must be text that UTF-8 can carry") from None  # its cause shows the password
        self._user = user
        self._header = "Basic " + base64.b64encode(pair).decode("ascii")

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Yield the request once, with its `Authorization` header."""
        yield request.with_header("Authorization", self._header)

    def __repr__(self) -> str:
        return f"BasicAuth({self._user!r}, password hidden)"


class BearerAuth:
    """A bearer token, such as an OAuth 2 access token of a 7.x portal, with every request."""

    def __init__(self, token: str) -> None:
        if not isinstance(token, str):
            raise TypeError("BearerAuth takes the token as text")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("a bearer token is printable ASCII text without spaces")
        self._header = f"Bearer {token}"

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Yield the request once, with its `Authorization` header."""
        yield request.with_header("Authorization", self._header)

    def __repr__(self) -> str:
        return "BearerAuth(token hidden)"


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


def authentication_of(auth: Any) -> Authentication | None:
    """Return the authentication object that `auth=` means: None, a pair, or an object with a `flow`.

    Raises:
        TypeError: it is none of these; the text does not show it.
    """
    if auth is None or isinstance(auth, Authentication):
        return auth
    kind = type(cast("object", auth))
    if issubclass(kind, tuple) and len(auth) == 2:
        return BasicAuth(*auth)
    raise TypeError(f"auth= takes (user, password), an authentication object or None, not {kind.__name__}")
