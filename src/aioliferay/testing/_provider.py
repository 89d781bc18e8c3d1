"""The OAuth 2 provider over HTTP: `/o/oauth2/token` and `/o/oauth2/authorize`. Knows no service."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus

from aioliferay.testing import _pages as pages
from aioliferay.testing._oauth2 import OAuth2Error, TokenRequest, require_known
from aioliferay.testing._web import read_credentials

if TYPE_CHECKING:
    from aioliferay.testing._browser import Browser
    from aioliferay.testing._oauth2 import OAuth2
    from aioliferay.testing._records import RecordedRequest
    from aioliferay.testing._sessions import Visitor

_HEADERS = {"Cache-Control": "no-store", "Content-Type": "application/json", "Pragma": "no-cache"}


@dataclasses.dataclass(frozen=True, slots=True)
class Provider:
    """The two pages; `token_requests` notes who asked for tokens."""

    browser: Browser
    oauth2: OAuth2
    token_requests: list[TokenRequest]

    async def answer(self, path: str, recorded: RecordedRequest, visitor: Visitor, base_url: str) -> pages.PortalResponse:
        """The answer at `path`, which is of one of the two."""
        if path == "/o/oauth2/token":
            return await self._token(recorded)
        return await self._authorize(recorded, visitor, base_url)

    async def _token(self, recorded: RecordedRequest) -> pages.PortalResponse:
        if recorded.method != "POST":
            return pages.PortalResponse(405, b"", headers={"Allow": "OPTIONS,POST"})
        is_form = recorded.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        pairs = parse_qsl(recorded.body.decode("utf-8", "replace"), keep_blank_values=True) if is_form else []
        sent = dict(pairs)
        credentials = read_credentials(recorded.headers.get("authorization"))
        basic = None
        if credentials is not None:
            basic = (unquote_plus(credentials.login), unquote_plus(credentials.password))
        status, answer = 200, dict[str, object]()
        try:
            require_known(sent, [name for name in sent if sum(name == other for other, _ in pairs) > 1])
            client = self.oauth2.identify(sent, basic)
            user_id = None
            if sent["grant_type"] == "password":
                user_id = await self.browser.check_password(sent["username"], sent["password"])
            answer = self.oauth2.grant(sent, client, user_id)
        except OAuth2Error as error:
            status, answer = error.status, {"error": error.code, "error_description": error.description}
        client_id = sent.get("client_id", "") if basic is None else basic[0]
        refusal = str(answer["error"]) if "error" in answer else None
        self.token_requests.append(TokenRequest(recorded.number, sent.get("grant_type", ""), client_id, refusal))
        headers = _HEADERS if status != 401 or basic is None else _HEADERS | {"WWW-Authenticate": "Basic"}
        return pages.PortalResponse(status, json.dumps(answer).encode(), headers=headers)

    async def _authorize(self, recorded: RecordedRequest, visitor: Visitor, base_url: str) -> pages.PortalResponse:
        sent = dict(parse_qsl(recorded.query, keep_blank_values=True))
        client = self.oauth2.client_of(sent.get("client_id", ""))
        if client is None or not client.may_redirect_to(sent.get("redirect_uri", "")):
            return pages.page(400, "OAuth 2: unknown client or redirect URI")
        user_id = visitor.session.user_id if visitor.session else None
        credentials = read_credentials(recorded.headers.get("authorization"))
        if credentials is not None:
            user_id = await self.browser.check_password(credentials.login, credentials.password)
        if user_id is None:
            return self.browser.to_sign_in(f"{recorded.path}?{recorded.query}", visitor, base_url)
        recorded.user_id = user_id
        location = self.oauth2.authorize(sent, client, user_id)
        return pages.PortalResponse(302, b"", headers={"Location": location}, cookies=self.browser.bare_cookies(visitor))
