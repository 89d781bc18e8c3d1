"""The portal's answers as Starlette responses: headers, cookies, small stand-ins for its HTML. Knows no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from aioliferay.testing._faults import ConnectionCutError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from aioliferay.testing._java import Version

LONGEST_COUNTED_BODY = 8192  # bytes; above it Tomcat sends chunks without a Content-Length
LANGUAGE_COOKIE = "GUEST_LANGUAGE_ID=en_US; Max-Age=1471228928; Path=/; HttpOnly"

PORTAL_HEADERS: dict[Version, str] = {
    "6.2": "Liferay Portal Community Edition 6.2 CE GA6 (Newton / Build 6205 / January 6, 2016)",
    "7.0": "Liferay Community Edition Portal 7.0.6 GA7 (Wilberforce / Build 7006 / April 17, 2018)",
    "7.4": "Liferay Community Edition Portal 7.4.3.112 CE GA112 (Cavanaugh / Build 7413 / February 20, 2024)",
}
HTML = {"Content-Type": "text/html;charset=UTF-8"}
_TOKEN_PLACE = 4690  # characters before the script with the token (F.30)
_FILLING = '<link rel="alternate" href="#filling" hreflang="x-none" />\n' * 130
_COMMON_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "X-XSS-Protection": "1"}


class PortalResponse(Response):
    """A response that counts its body as Tomcat does, and carries several cookies."""

    def __init__(self, status: int, content: bytes, *, headers: Mapping[str, str], cookies: tuple[str, ...] = ()) -> None:
        super().__init__(content, status, headers=_COMMON_HEADERS | dict(headers))
        if len(content) > LONGEST_COUNTED_BODY:
            del self.headers["Content-Length"]
        for cookie in cookies:
            self.headers.append("Set-Cookie", cookie)
        self.is_cut = False

    def shorten(self, length: int | None, *, is_cut: bool) -> None:
        """Keep `length` bytes of the body; when cut, the head still announces all of it."""
        if length is None:
            return
        self.is_cut = is_cut
        self.headers["Content-Length"] = str(len(self.body) if is_cut else len(self.body[:length]))
        self.body = self.body[:length]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response.

        Raises `ConnectionCutError` in the midst of a body that is cut.
        """
        if not self.is_cut:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        raise ConnectionCutError

    def without_body(self) -> None:
        """Make this the answer to HEAD: the length stays."""
        self.headers["Content-Length"] = str(len(self.body))
        self.body = b""


def session_cookie(key: str) -> str:
    """The cookie of a new session."""
    return f"JSESSIONID={key}; Path=/; HttpOnly"


def json_response(status: int, body: bytes, *, key: str | None, user_agent: str = "") -> PortalResponse:
    """An answer of the JSON services; `key` is the id of the new session, None when the request came with one."""
    media_type = "text/javascript" if "MSIE" in user_agent else "application/json"
    headers = {
        "Cache-Control": "private, no-cache, no-store, must-revalidate",
        "Content-Type": f"{media_type};charset=UTF-8",
    }
    cookies = () if key is None else (session_cookie(key), LANGUAGE_COOKIE)
    return PortalResponse(status, body, headers=headers, cookies=cookies)


def page(
    status: int, title: str, *, headers: Mapping[str, str] | None = None, cookies: tuple[str, ...] = ()
) -> PortalResponse:
    """A small HTML page."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return PortalResponse(status, text.encode(), headers=HTML | dict(headers or {}), cookies=cookies)


def container_error(status: int, title: str, *, cookies: tuple[str, ...] = ()) -> PortalResponse:
    """A page of Tomcat itself, which closes the connection."""
    return page(status, f"HTTP Status {status} - {title}", headers={"Connection": "close"}, cookies=cookies)


def themed_page(status: int, title: str, *, version: Version, script: str, cookies: tuple[str, ...] = ()) -> PortalResponse:
    """A page of the portal's theme, as long as a real one; `script` stands where the real one has the session's token."""
    head = f"<!DOCTYPE html><html><head><title>{title} - Liferay</title>"
    before = _FILLING[: _TOKEN_PLACE - len(head)]
    text = f"{head}{before}<script>{script}</script>{_FILLING}{_FILLING}</head><body><h1>{title}</h1></body></html>"
    headers = HTML | {"Liferay-Portal": PORTAL_HEADERS[version]}
    if status >= 500:
        headers["Connection"] = "close"
    return PortalResponse(status, text.encode(), headers=headers, cookies=cookies)
