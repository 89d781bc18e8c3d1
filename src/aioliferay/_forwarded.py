"""The session that a browser has with the portal, used on its behalf: its cookies, and the token that its pages show.
Signs nobody in or out, and sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from aioliferay._auth import lasting
from aioliferay._core.messages import Request
from aioliferay._core.pages import cookie_header, cookies_of, token_of
from aioliferay._core.refusals import is_of_the_gate
from aioliferay._sign_in import SignedIn, is_sign_in_page
from aioliferay.errors import AuthenticationError, ProtocolError, RedirectError

if TYPE_CHECKING:
    from collections.abc import Generator

    from aioliferay._auth import Verdict
    from aioliferay._core.messages import Answer

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_REFUSED: Final = frozenset({403, 500})
_NAMED: Final = "liferay-portal"  # the header of the portal's own pages
_LASTING_SECONDS: Final = 60.0
_LONGEST: Final = 4096  # bytes of the header: a portal takes 8 KiB for all of a request's
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x21-\x3a\x3c-\x7e](?:[\x20-\x3a\x3c-\x7e]*[\x21-\x3a\x3c-\x7e])?")  # printable, without ';'
_OVER: Final = "the browser's session with the portal has ended, or nobody is signed in there"


class ForwardedCookies:
    """The session that somebody's browser has with the portal, for calls on that user's behalf.

    For a web application that the browser sends the portal's cookies to, because both have the same host name. The first
    call reads the session's token from the portal's front page; each call then shows cookies and token, as the portal's own
    pages do. It never signs in: when the portal has ended the session, calls fail with an `AuthenticationError`. It never
    signs out either. Objects with equal cookies are equal.

    Whoever has these cookies is that user. A web application that takes them from its requests must refuse requests that
    another site made the browser send: see `aioliferay.fastapi.CallersCookies`.

    Args:
        cookies: name to value, as the browser sent them.
        session_cookie: the name of the one that tells which session it is.

    Raises:
        TypeError: these are no texts.
        ValueError: the session's cookie is missing, or a name or value is none that a cookie can have; none is shown.
    """

    def __init__(self, cookies: Mapping[str, str], *, session_cookie: str = "JSESSIONID") -> None:
        kept = _checked(cookies, session_cookie)
        del cookies  # what prints the local variables of a traceback shall not find them
        if isinstance(kept, Exception):
            raise kept
        self._cookies = kept
        self._session_cookie = session_cookie

    def obtain(self, server: str, old: SignedIn | None, now: float) -> Generator[Request, Answer, SignedIn]:
        """Fetch the portal's front page and read the session's token from it.

        Raises:
            AuthenticationError: the session has ended, or the portal refused the token that it shows.
            RedirectError: the portal is elsewhere; the cookies were not sent there.
            ProtocolError: the portal has trouble, or its front page shows no token.
        """
        root = urlsplit(server).path
        page = yield from self._front_page(server, root, now)
        token = token_of(page.body)
        if token is None:
            error = ProtocolError(f"the portal's front page shows no token (status {page.status})", status=page.status)
            raise lasting(error, _LASTING_SECONDS if page.status == 200 else 0.0)
        if old is not None and token == old.token:
            raise _over(page)
        return SignedIn(self._cookies, token, "", now, root)

    def is_due(self, credentials: SignedIn, now: float) -> bool:  # noqa: ARG002 - as `Renewable`
        """Return False: the browser uses the session too, and only the portal knows when it ends."""
        return False

    def signed(self, request: Request, credentials: SignedIn) -> Request:
        """Return the request with cookies and token."""
        signed = request.with_header("Cookie", cookie_header(credentials.cookies))
        return signed.with_header("X-CSRF-Token", credentials.token)

    def verdict(self, answer: Answer, credentials: SignedIn) -> Verdict:
        """Tell what an answer says of the session: as `SignIn.verdict`, for a session cookie of any name."""
        if answer.status in _REFUSED and answer.body.lstrip()[:1] == b"<" and _NAMED in answer.headers:
            return "refused"
        is_over = self._is_replaced(answer, credentials.root, credentials.last_used) or is_of_the_gate(answer)
        return "doubtful" if is_over else "accepted"

    def used(self, credentials: SignedIn, now: float) -> SignedIn:  # noqa: ARG002 - as `Renewable`
        """Return the session: its use changes nothing here."""
        return credentials

    def farewell(self, server: str, credentials: SignedIn) -> Request | None:  # noqa: ARG002 - as `Renewable`
        """Return None: the session is the browser's, which goes on with it."""
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForwardedCookies) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"ForwardedCookies({', '.join(self._cookies)}; values hidden)"

    @property
    def _key(self) -> tuple[str, frozenset[tuple[str, str]]]:
        return self._session_cookie, frozenset(self._cookies.items())

    def _front_page(self, server: str, root: str, now: float) -> Generator[Request, Answer, Answer]:
        """Fetch the front page, also where it leads elsewhere at the portal; return the last answer."""
        url = f"{server}/"
        for _ in range(_MOST_REDIRECTS + 1):
            page = yield Request("GET", url, {"Cookie": cookie_header(self._cookies)})
            if self._is_replaced(page, root, now):  # who has no session any more gets a new one, of a guest
                raise _over(page)
            if page.status not in _REDIRECTS:
                return page
            url = _next(server, url, page)
        raise ProtocolError("the portal's front page leads from redirect to redirect")

    def _is_replaced(self, answer: Answer, root: str, now: float) -> bool:
        ours = self._cookies[self._session_cookie]
        return cookies_of(answer.set_cookies, root=root, now=now).get(self._session_cookie, ours) != ours


def _over(page: Answer) -> AuthenticationError:
    # For a minute, not for good: another node of the portal may know the session, or its user may sign in in it.
    return lasting(AuthenticationError(_OVER, status=page.status), _LASTING_SECONDS)


def _next(server: str, url: str, page: Answer) -> str:
    """Return where a redirect of the front page leads.

    Raises:
        AuthenticationError: to the sign-in page.
        RedirectError: to another origin, where cookies do not go.
    """
    location = page.headers.get("location", "")
    if is_sign_in_page(location):
        raise _over(page)
    try:
        target = urljoin(url, location)
        is_at_home = urlsplit(target)[:2] == urlsplit(server)[:2]
    except ValueError:
        is_at_home, target = False, ""
    if not is_at_home:
        raise RedirectError(
            f"the portal is elsewhere: its front page redirects to {location[:200]!r}; give that address as the server",
            location=location,
            status=page.status,
        )
    return target


def _checked(cookies: object, session_cookie: str) -> dict[str, str] | Exception:
    """Return a copy of the cookies, or what is wrong: raised here, its traceback would hold them."""
    if not isinstance(cookies, Mapping):
        return TypeError("ForwardedCookies takes a mapping of names to values")
    kept: dict[str, str] = {}
    for name, value in cookies.items():  # pyright: ignore[reportUnknownVariableType]  # of whatever types: that is checked
        if not isinstance(name, str) or not isinstance(value, str):
            return TypeError("names and values of cookies are text")
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return ValueError("names and values of cookies are printable ASCII text, without ';'")
        kept[name] = value
    if session_cookie not in kept:
        return ValueError(f"the cookie {session_cookie!r} is missing, which tells the session")
    if len(cookie_header(kept)) > _LONGEST:
        return ValueError(f"cookies of more than {_LONGEST} bytes: a portal would refuse them")
    return kept
