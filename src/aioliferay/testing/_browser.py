"""What a browser gets: the portal's pages, signing in and out. Knows no service and checks no token."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio

from aioliferay.testing import _pages as pages
from aioliferay.testing._sample_store import COMPANY_ID
from aioliferay.testing._sessions import SignInAttempt
from aioliferay.testing._web import Body, read_request

if TYPE_CHECKING:
    from aioliferay.testing._java import Version
    from aioliferay.testing._knobs import Knobs
    from aioliferay.testing._records import Costs, RecordedRequest
    from aioliferay.testing._samples import Samples
    from aioliferay.testing._sessions import Sessions, Visitor, WebSession

_SUPPORT_COOKIE = "COOKIE_SUPPORT=true; Max-Age=1471228928; Path=/; HttpOnly"
_YEAR = "Max-Age=31536000; Path=/; HttpOnly"
_HOME = frozenset({"/", "/web/guest", "/web/guest/home", "/de/web/guest/home"})
_FORM = (
    "/web/guest/home?p_p_id=58&p_p_lifecycle=0&p_p_state=maximized&p_p_mode=view&saveLastPath=false"
    "&_58_struts_action=%2Flogin%2Flogin"
)
_SIGN_IN = "/c/portal/login"
_SIGN_OUT = b'<script type="text/javascript">location.href="\\x2fc";</script>'


@dataclasses.dataclass(frozen=True, slots=True)
class Browser:
    """The portal's pages; `sign_ins` notes who tried to sign in."""

    version: Version
    samples: Samples
    sessions: Sessions
    knobs: Knobs
    costs: Costs
    sign_ins: list[SignInAttempt]

    async def answer(self, path: str, recorded: RecordedRequest, visitor: Visitor, base_url: str) -> pages.PortalResponse:
        """The page at `path`, a redirect, or 404; only pages name the version."""
        if path == _SIGN_IN and self.knobs.sign_in_page:
            return await self._sign_in(recorded, visitor, base_url)
        if path == "/c/portal/logout":
            return self._sign_out(visitor)
        if path in {"/c", "/c/portal/layout"}:
            is_guest = visitor.session is None or visitor.session.user_id is None
            target = "/web/guest/home" if path != "/c" else "/c/portal/layout" if is_guest else "/"
            return self._redirect(base_url + target, visitor, is_html=path != "/c")
        if path in _HOME:
            return self.themed(200, "Welcome", visitor)
        is_file = "." in path.rpartition("/")[2]
        if is_file or path == "/api" or path.startswith("/api/"):
            headers = {"Cache-Control": "max-age=315360000, public"} if is_file else {}
            return pages.page(404, "Not Found", headers=headers, cookies=self.bare_cookies(visitor))
        return self.not_found(visitor)

    def not_found(self, visitor: Visitor) -> pages.PortalResponse:
        """The page for what is not there."""
        _, cookies = self._arrive(visitor)
        named = {"Liferay-Portal": pages.PORTAL_HEADERS[self.version]}
        return pages.page(404, "Status - Liferay", headers=named, cookies=cookies)

    def themed(self, status: int, title: str, visitor: Visitor) -> pages.PortalResponse:
        """A page with the token of the visitor's session."""
        session, cookies = self._arrive(visitor)
        script = self.knobs.quoting.replace("{token}", session.token) if self.knobs.sign_in_page else ""
        return pages.themed_page(status, title, version=self.version, script=script, cookies=cookies)

    def bare_cookies(self, visitor: Visitor) -> tuple[str, ...]:
        """The cookie that everything sets for a visitor without a session."""
        return () if visitor.session else (pages.session_cookie(self.sessions.begin(visitor.number).id),)

    def to_sign_in(self, target: str, visitor: Visitor, base_url: str) -> pages.PortalResponse:
        """The redirect to the sign-in page of a guest who asked for `target`, path and query as sent."""
        location = f"{base_url}{_SIGN_IN}?redirect={quote(target, safe='')}"
        return pages.PortalResponse(302, b"", headers={"Location": location}, cookies=self.bare_cookies(visitor))

    async def check_password(self, login: str, password: str) -> int | None:
        """The user of that login and password, None if there is none; it takes its time for a known login."""
        user_id = self.samples.user_id(login)
        if user_id is None:
            return None
        if self.costs.password:
            await anyio.sleep(self.costs.password)
        return user_id if self.samples.is_password(user_id, password) else None

    def _arrive(self, visitor: Visitor) -> tuple[WebSession, tuple[str, ...]]:
        """The visitor's session, a new one if needed, and the cookies that a page sets."""
        session = visitor.session or self.sessions.begin(visitor.number)
        cookies: tuple[str, ...] = () if visitor.session else (pages.session_cookie(session.id),)
        if "COOKIE_SUPPORT" not in visitor.cookies:
            cookies += (_SUPPORT_COOKIE,)
        if not session.has_language:
            session.has_language = True
            cookies += (pages.LANGUAGE_COOKIE,)
        return session, cookies

    def _redirect(self, location: str, visitor: Visitor, *, is_html: bool = True) -> pages.PortalResponse:
        _, cookies = self._arrive(visitor)
        headers = {"Liferay-Portal": pages.PORTAL_HEADERS[self.version], "Location": location}
        return pages.PortalResponse(302, b"", headers=headers | (pages.HTML if is_html else {}), cookies=cookies)

    async def _sign_in(self, recorded: RecordedRequest, visitor: Visitor, base_url: str) -> pages.PortalResponse:
        content_type = recorded.headers.get("content-type", "")
        kind = "" if content_type.lower().startswith("multipart/") else content_type
        sent = read_request(
            method=recorded.method, query=recorded.query, content_type=kind, body=Body(recorded.body)
        ).parameters
        login, password, redirect = (str(sent.get(name, "")) for name in ("login", "password", "redirect"))
        if login and password:
            return await self._check(login, password, sent, visitor, base_url)
        if visitor.session is None or visitor.session.user_id is None:
            return self._redirect(base_url + _FORM, visitor)
        return self._redirect(base_url + (redirect if redirect.startswith("/") else "/c"), visitor)

    async def _check(
        self, login: str, password: str, sent: dict[str, object], visitor: Visitor, base_url: str
    ) -> pages.PortalResponse:
        has_cookies = "COOKIE_SUPPORT" in visitor.cookies  # LoginUtil.login refuses who keeps none before all else
        user_id = await self.check_password(login, password) if has_cookies else None
        self.sign_ins.append(SignInAttempt(visitor.number, login, is_successful=user_id is not None))
        headers = {"Liferay-Portal": pages.PORTAL_HEADERS[self.version]}
        if user_id is None:
            _, cookies = self._arrive(visitor)
            return pages.page(500, "Sign-in failed", headers=headers | {"Connection": "close"}, cookies=cookies)
        if visitor.session is not None:
            self.sessions.end(visitor.session)  # the session is another one after signing in
        session = self.sessions.begin(visitor.number, user_id)
        is_remembered = str(sent.get("rememberMe", "")).lower() in {"true", "on"}
        cookies = (pages.session_cookie(session.id), *_identity(user_id, login, session.token, is_remembered=is_remembered))
        redirect = str(sent.get("redirect", ""))
        headers["Location"] = base_url + (redirect if redirect.startswith("/") else "/c")
        return pages.PortalResponse(302, b"", headers=headers | pages.HTML, cookies=cookies)

    def _sign_out(self, visitor: Visitor) -> pages.PortalResponse:
        headers = {
            "Cache-Control": "no-cache",
            "Content-Type": "text/html;charset=utf-8",
            "Liferay-Portal": pages.PORTAL_HEADERS[self.version],
            "Pragma": "no-cache",
        }
        is_signed_in = visitor.session is not None and visitor.session.user_id is not None
        _, cookies = self._arrive(visitor)
        gone = ["COMPANY_ID", "ID", "PASSWORD", "REMEMBER_ME"]
        if "REMEMBER_ME" not in visitor.cookies:
            gone.insert(0, "LOGIN")
        if visitor.session is not None and is_signed_in:
            headers["Expires"] = "-1"
            self.sessions.end(visitor.session)
        dead = (f'{name}=""; Max-Age=0; Path=/; HttpOnly' for name in gone)
        return pages.PortalResponse(200, _SIGN_OUT, headers=headers, cookies=(*cookies, *dead))


def _identity(user_id: int, login: str, secret: str, *, is_remembered: bool) -> tuple[str, ...]:
    """The cookies that tell who signed in; none of them signs anybody in here."""
    life = _YEAR if is_remembered else "Path=/; HttpOnly"
    values = {"COMPANY_ID": str(COMPANY_ID), "ID": f"{user_id:X}{secret}", "USER_UUID": f"{user_id:X}{secret}2"}
    if is_remembered:
        values |= {"LOGIN": login, "PASSWORD": f"hidden{secret}", "REMEMBER_ME": "true", "SCREEN_NAME": f"hidden{secret}3"}
    return tuple(f"{name}={value}; {life}" for name, value in values.items())
