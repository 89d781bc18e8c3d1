"""Signing in to the portal once, as a browser does: cookies, and the token that each call must show. Sends nothing."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aioliferay._auth import BasicAuth, lasting
from aioliferay._core.messages import Request
from aioliferay._core.pages import cookie_header, cookies_of, token_of
from aioliferay._core.refusals import is_of_the_gate
from aioliferay.errors import AuthenticationError, ProtocolError, RedirectError, SignInWarning

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from aioliferay._auth import Verdict
    from aioliferay._core.messages import Answer

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_LONGEST_URL: Final = 8000
_REFUSED: Final = frozenset({403, 500})
_SHOWN_AGAIN: Final = frozenset({200, 401, 403, 500})
_NO_SUCH_PAGE: Final = frozenset({404, 405, 410, 501})
_SESSION: Final = "JSESSIONID"
_NAMED: Final = "liferay-portal"  # the header of the portal's own pages, which those of its container and of proxies lack
_LASTING_SECONDS: Final = 60.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
_PROBE: Final = b'{"/portal/get-build-number":{}}'
_SIGN_IN_PORTLET: Final = re.compile(r"(?:58$|com_liferay_login)")  # of 6.2, and of 7.x
_WRONG: Final = "the portal does not take this user with this password"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session at the portal: its cookies and token, or, where the portal has no sign-in page, the header of basic.

    `last_used` in seconds since 1970; `root` is the path of the portal; `id` tells one sign-in from the next.
    """

    cookies: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    token: str = field(default="", repr=False)
    basic: str = field(default="", repr=False)
    last_used: float = 0.0
    root: str = ""
    id: object = field(default_factory=object, repr=False, compare=False)


class SignIn:
    """Sign in once, and call as the signed-in user: no password is checked for each request any more.

    A request under basic authentication costs about 110 ms on a real portal, and one in a signed-in session 0.4 to 0.7 ms
    (`real-timings.md` §0). `Session(url, auth=SignIn(user, password))` signs in with its first call, signs in again when
    the portal's session has ended, and signs out when it is closed. Each session has its own cookies.

    A wrong password is tried once: the portal may lock an account after some. Where a portal has no sign-in page, basic
    authentication is used instead, with one `SignInWarning`, if one cheap call shows that the portal takes it.

    Args:
        user: as in the portal's sign-in form: on a stock portal the e-mail address.
        password: of the user.
        idle_seconds: after which a session of the portal is taken to have ended; the portal's own limit is 30 minutes.
    """

    def __init__(self, user: str, password: str, *, idle_seconds: float = 840.0) -> None:
        self._user = user
        form = _form(user, password)
        basic = None if isinstance(form, Exception) or ":" in user else BasicAuth(user, password)
        del password  # what prints the local variables of a traceback shall not find it
        if isinstance(form, Exception):
            raise form
        self._basic = basic
        self._form = form
        self._idle_seconds = idle_seconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SignIn) and (self._form, self._idle_seconds) == (other._form, other._idle_seconds)

    def __hash__(self) -> int:
        return hash(self._form)

    def __repr__(self) -> str:
        return f"SignIn({self._user!r}, password hidden)"

    def obtain(self, server: str, old: SignedIn | None, now: float) -> Generator[Request, Answer, SignedIn]:
        """Sign in: fetch the front page for its cookies, post the form, read the token from the front page.

        Raises:
            AuthenticationError: the portal does not take this user with this password.
            RedirectError: the portal is elsewhere; the password was not sent.
            ProtocolError: it is no portal, or has trouble; or it takes them, and shows no token.
        """
        if old is not None and old.basic:
            raise AuthenticationError("the portal does not know this user with this password")
        visit = _Visit(server, now)
        home = yield from visit.front_page()
        if home.status in _REDIRECTS:
            location = home.headers.get("location", "")
            raise RedirectError(
                f"the portal is elsewhere: its front page redirects to {location[:200]!r}; give that address as the server",
                location=location,
                status=home.status,
            )
        has_name = _NAMED in home.headers
        is_portal = has_name or token_of(home.body) is not None
        if home.status != 200 or not (is_portal or visit.jar):
            text = f"the portal's front page has status {home.status}{'' if is_portal else ', and is none of a portal'}"
            raise ProtocolError(f"{text}: no password was sent", status=home.status)
        answer = yield visit.request("POST", "/c/portal/login", _FORM, self._form)
        if answer.status in _NO_SUCH_PAGE and is_portal:
            again = yield visit.request("GET", "/c/portal/login")  # a portal that starts has no pages for a while
            if again.status in _NO_SUCH_PAGE:
                return (yield from self._fallback(server, now))
        _check_signed_in(answer, is_known=visit.makes_known(answer), has_name=has_name)
        visit.keep(answer)
        page = yield from visit.front_page()
        token = token_of(page.body)
        if token is None:
            yield visit.request("GET", "/c/portal/logout")
            text = f"the portal signed the user in and its front page shows no token (status {page.status})"
            raise lasting(ProtocolError(text, status=page.status), _LASTING_SECONDS)
        return SignedIn(visit.jar, token, "", now, visit.root)

    def is_due(self, credentials: SignedIn, now: float) -> bool:
        """Tell whether the portal has probably ended the session, as nobody used it."""
        return not credentials.basic and now - credentials.last_used > self._idle_seconds

    def signed(self, request: Request, credentials: SignedIn) -> Request:
        """Return the request with cookies and token, which never go into a URL: these end up in logs."""
        if credentials.basic:
            return request.with_header("Authorization", credentials.basic)
        signed = request.with_header("Cookie", cookie_header(credentials.cookies))
        return signed.with_header("X-CSRF-Token", credentials.token)

    def verdict(self, answer: Answer, credentials: SignedIn) -> Verdict:
        """Tell what an answer says of the session.

        The portal refuses a wrong token with a page of its own, which carries its header, before it reads the statements;
        pages of the container, after a crash, do not (`auth/cookie/no-token`, `failures/malformed/deep-array`). To who has
        no session any more it gives a new one, of a guest: 6.2 refuses all that guests ask ("Authenticated access required",
        `protocol.md` F.6), 7.x runs what is open to guests. Anything else is none of the session's business.
        """
        if answer.status in _REFUSED and answer.body.lstrip()[:1] == b"<" and _NAMED in answer.headers:
            return "refused"
        ours = credentials.cookies.get(_SESSION)
        theirs = cookies_of(answer.set_cookies, root=credentials.root, now=credentials.last_used)
        is_replaced = ours is not None and theirs.get(_SESSION, ours) != ours
        return "doubtful" if is_replaced or is_of_the_gate(answer) else "accepted"

    def used(self, credentials: SignedIn, now: float) -> SignedIn:
        """Return the session as it is after a use, from which the portal counts anew."""
        return replace(credentials, last_used=now)

    def farewell(self, server: str, credentials: SignedIn) -> Request | None:
        """Return the request that signs out."""
        if credentials.basic:
            return None
        return Request("GET", f"{server}/c/portal/logout", _with_cookies({}, credentials.cookies))

    def _fallback(self, server: str, now: float) -> Generator[Request, Answer, SignedIn]:
        """Take basic authentication, after one call that tells whether the password is right: others wait for it."""
        if self._basic is None:
            raise AuthenticationError("the portal has no sign-in page, and this user name cannot go by basic authentication")
        text = (
            f"{server} has no sign-in page (/c/portal/login): the password goes with every request, by basic authentication"
        )
        warnings.warn(text, SignInWarning, stacklevel=2)
        (request,) = self._basic.flow(Request("POST", f"{server}/api/jsonws/invoke", _with_cookies(_JSON, {}), _PROBE))
        answer = yield request
        if is_of_the_gate(answer):
            raise AuthenticationError(_WRONG, status=answer.status)
        if not (answer.status < 300 or answer.status in {403, 404}):
            text = f"the portal answered status {answer.status} where basic authentication was tried"
            raise ProtocolError(text, status=answer.status)
        return SignedIn(basic=request.headers["Authorization"], last_used=now)


class _Visit:
    """One visit to the portal, with its cookies; its `repr` shows none."""

    def __init__(self, server: str, now: float) -> None:
        self.root = urlsplit(server).path
        self.jar: dict[str, str] = {}
        self._server = server
        self._now = now

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        """Return a request with the cookies of the visit, and no others."""
        return Request(method, f"{self._server}{path}", _with_cookies(headers or {}, self.jar), body)

    def front_page(self) -> Generator[Request, Answer, Answer]:
        """Fetch the front page, also where it leads elsewhere at the portal; return the last answer."""
        page = yield self.request("GET", "/")
        self.keep(page)
        for _ in range(_MOST_REDIRECTS):
            location = page.headers.get("location", "")
            if page.status not in _REDIRECTS or not _is_of(self._server, location):
                break
            page = yield Request("GET", location, _with_cookies({}, self.jar))
            self.keep(page)
        return page

    def makes_known(self, answer: Answer) -> bool:
        """Tell whether an answer makes another session of the visit's, or sets the cookie that tells who it is."""
        cookies, before = self._cookies_of(answer), self.jar.get(_SESSION)
        return cookies.get("ID") is not None or (cookies.get(_SESSION) or before) != before

    def keep(self, answer: Answer) -> None:
        """Keep the cookies of an answer."""
        for name, value in self._cookies_of(answer).items():
            if value is None:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def _cookies_of(self, answer: Answer) -> dict[str, str | None]:
        return cookies_of(answer.set_cookies, root=self.root, now=self._now)


def _form(user: object, password: object) -> bytes | Exception:
    """Return the sign-in form, or what is wrong: raised here, its traceback would hold the password."""
    if not isinstance(user, str) or not isinstance(password, str):
        return TypeError("SignIn takes a user and a password, both text")
    try:
        return urlencode({"login": user, "password": password, "rememberMe": "true"}).encode()
    except UnicodeEncodeError:
        return ValueError("user and password must be text that UTF-8 can carry")


def _check_signed_in(answer: Answer, *, is_known: bool, has_name: bool) -> None:
    """Raise an AuthenticationError if the form was refused: 6.2 answers a page with status 500, others the form again.

    `has_name` tells that the portal names itself on its pages: then a page without its name is of its container, or of a
    proxy, and says nothing of the password.
    """
    status, is_redirect = answer.status, answer.status in _REDIRECTS
    if is_redirect and is_sign_in_page(answer.headers.get("location", "")):
        raise AuthenticationError(_WRONG, status=status)
    if is_redirect and is_known:
        return
    if is_redirect:  # perhaps to a sign-in page of its own, where the password would be wrong: not again at once
        text = "the portal answered the sign-in form with a redirect, and signed nobody in"
        raise lasting(ProtocolError(text, status=status), _LASTING_SECONDS)
    if status in _SHOWN_AGAIN and (_NAMED in answer.headers or not has_name):
        raise AuthenticationError(_WRONG, status=status)
    raise ProtocolError(f"the portal answered the sign-in form with status {status}", status=status)


def is_sign_in_page(url: str) -> bool:
    """Tell whether an address is of a sign-in page: by the end of its path, or by the portlet or action in its query."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query)
    except ValueError:
        return False
    return parts.path.rstrip("/").endswith("/login") or any(
        value == "/login/login" or (name == "p_p_id" and _SIGN_IN_PORTLET.match(value)) for name, value in query
    )


def _with_cookies(headers: Mapping[str, str], jar: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with these cookies: with none, the request has none, also none of a given client's."""
    return {**headers, "Cookie": cookie_header(jar)}


def _is_of(server: str, url: str) -> bool:
    """Tell whether a URL has the origin of the portal: cookies go nowhere else."""
    try:
        return len(url) < _LONGEST_URL and urlsplit(url)[:2] == urlsplit(server)[:2]
    except ValueError:
        return False
