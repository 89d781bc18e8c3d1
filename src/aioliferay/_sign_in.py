"""Signing in to the portal once, as a browser does: cookies, and the token that each call must show. Sends nothing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from aioliferay._auth import BasicAuth
from aioliferay._core.messages import Request
from aioliferay._core.pages import cookie_header, cookies_of, token_of
from aioliferay.errors import AuthenticationError, ProtocolError, SignInWarning

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from aioliferay._auth import Verdict
    from aioliferay._core.messages import Answer

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_REFUSED: Final = frozenset({403, 500})
_SESSION: Final = "JSESSIONID"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session at the portal: its cookies and token, or, where the portal has no sign-in page, the header of basic.

    `last_used` in seconds since 1970; `id` tells one sign-in from the next.
    """

    cookies: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    token: str = field(default="", repr=False)
    basic: str = field(default="", repr=False)
    last_used: float = 0.0
    id: object = field(default_factory=object, repr=False, compare=False)


class SignIn:
    """Sign in once, and call as the signed-in user: no password is checked for each request any more.

    A request under basic authentication costs about 110 ms on a real portal, and one in a signed-in session 0.4 to 0.7 ms
    (`real-timings.md` §0). `Session(url, auth=SignIn(user, password))` signs in with its first call, signs in again when
    the portal's session has ended, and signs out when it is closed. Each session has its own cookies.

    A wrong password is tried once: the portal may lock an account after some. Where a portal has no sign-in page, basic
    authentication is used instead, with one `SignInWarning`.

    Args:
        user: as in the portal's sign-in form: on a stock portal the e-mail address.
        password: of the user.
        idle_seconds: after which a session of the portal is taken to have ended; the portal's own limit is 30 minutes.
    """

    def __init__(self, user: str, password: str, *, idle_seconds: float = 840.0) -> None:
        if not isinstance(user, str) or not isinstance(password, str):
            raise TypeError("SignIn takes a user and a password, both text")
        try:
            self._form = urlencode({"login": user, "password": password, "rememberMe": "true"}).encode()
        except UnicodeEncodeError:
            raise ValueError("user and password must be text that UTF-8 can carry") from None  # its cause shows the password
        self._user = user
        self._basic = BasicAuth(user, password) if ":" not in user else None
        self._idle_seconds = idle_seconds

    def __repr__(self) -> str:
        return f"SignIn({self._user!r}, password hidden)"

    def obtain(self, server: str, old: SignedIn | None, now: float) -> Generator[Request, Answer, SignedIn]:
        """Sign in: fetch the front page for its cookies, post the form, read the token from the front page.

        Raises:
            AuthenticationError: the portal does not take this user with this password.
            ProtocolError: it does, and shows no token.
        """
        if old is not None and old.basic:
            raise AuthenticationError("the portal does not know this user with this password")
        jar: dict[str, str] = {}
        _keep(jar, (yield Request("GET", f"{server}/")))
        answer = yield Request("POST", f"{server}/c/portal/login", _with_cookies(_FORM, jar), self._form)
        _keep(jar, answer)
        if answer.status in {404, 405, 410, 501}:
            return self._fallback(server, now)
        _check_signed_in(answer)
        page = yield Request("GET", f"{server}/", _with_cookies({}, jar))
        for _ in range(_MOST_REDIRECTS):
            _keep(jar, page)
            location = page.headers.get("location", "")
            if page.status not in _REDIRECTS or not _is_of(server, location):
                break
            page = yield Request("GET", location, _with_cookies({}, jar))
        token = token_of(page.body)
        if token is None:
            raise ProtocolError(f"the portal signed the user in and its front page shows no token (status {page.status})")
        return SignedIn(jar, token, "", now)

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
        `protocol.md` F.6), 7.x runs what is open to guests.
        """
        if answer.status in _REFUSED and answer.body.lstrip()[:1] == b"<":
            return "refused" if "liferay-portal" in answer.headers else "doubtful"
        ours = credentials.cookies.get(_SESSION)
        is_replaced = ours is not None and cookies_of(answer.set_cookies).get(_SESSION, ours) != ours
        return "doubtful" if answer.is_unauthenticated or is_replaced else "accepted"

    def used(self, credentials: SignedIn, now: float) -> SignedIn:
        """Return the session as it is after a use, from which the portal counts anew."""
        return replace(credentials, last_used=now)

    def farewell(self, server: str, credentials: SignedIn) -> Request | None:
        """Return the request that signs out."""
        if credentials.basic:
            return None
        return Request("GET", f"{server}/c/portal/logout", _with_cookies({}, credentials.cookies))

    def _fallback(self, server: str, now: float) -> SignedIn:
        if self._basic is None:
            raise AuthenticationError("the portal has no sign-in page, and this user name cannot go by basic authentication")
        text = (
            f"{server} has no sign-in page (/c/portal/login): the password goes with every request, by basic authentication"
        )
        warnings.warn(text, SignInWarning, stacklevel=2)
        header = next(self._basic.flow(Request("GET", server))).headers["Authorization"]
        return SignedIn(basic=header, last_used=now)


def _check_signed_in(answer: Answer) -> None:
    """Raise an AuthenticationError if the form was refused: 6.2 answers a page with status 500, or the form again."""
    status = answer.status
    if status > 500 or status in {408, 413, 429}:
        raise ProtocolError(f"the portal answered the sign-in form with status {status}", status=status)
    if status not in _REDIRECTS or "login" in urlsplit(answer.headers.get("location", "")).query:
        raise AuthenticationError("the portal does not take this user with this password", status=status)


def _keep(jar: dict[str, str], answer: Answer) -> None:
    for name, value in cookies_of(answer.set_cookies).items():
        if value is None:
            jar.pop(name, None)
        else:
            jar[name] = value


def _with_cookies(headers: Mapping[str, str], jar: Mapping[str, str]) -> dict[str, str]:
    return {**headers, "Cookie": cookie_header(jar)} if jar else dict(headers)


def _is_of(server: str, url: str) -> bool:
    """Tell whether a URL has the origin of the portal: cookies go nowhere else."""
    return urlsplit(url)[:2] == urlsplit(server)[:2]
