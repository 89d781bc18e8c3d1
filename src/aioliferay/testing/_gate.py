"""Who sends a request to the services: by Basic, by a bearer's token, by a session. Knows no service and runs nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple, cast

from aioliferay.testing import _pages as pages
from aioliferay.testing._registry import Caller
from aioliferay.testing._sample_store import COMPANY_ID
from aioliferay.testing._web import read_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioliferay.testing._browser import Browser
    from aioliferay.testing._java import Version
    from aioliferay.testing._oauth2 import OAuth2
    from aioliferay.testing._records import RecordedRequest
    from aioliferay.testing._sessions import Visitor

_GUEST = Caller(None, COMPANY_ID, is_administrator=False)


class Entry(NamedTuple):
    """A caller; `is_by_session` where only a cookie told who it is."""

    caller: Caller
    is_by_session: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Gate:
    """Tells callers apart."""

    version: Version
    browser: Browser
    oauth2: OAuth2

    def caller_of(self, user_id: int) -> Caller:
        """The caller of that user's id."""
        return Caller(user_id, COMPANY_ID, is_administrator=self.browser.samples.is_administrator(user_id))

    async def enter(self, recorded: RecordedRequest, visitor: Visitor) -> Entry | pages.PortalResponse:
        """Let a caller in, perhaps as a guest, or give the answer of 401 that 7.x gives at once.

        On 6.2 credentials that prove nobody are as none: the session counts, if there is one.
        """
        credentials = read_credentials(recorded.headers.get("authorization"))
        if credentials is not None:
            known = await self.browser.check_password(credentials.login, credentials.password)
            if known is not None:
                return Entry(self._noted(recorded, known))
            if self.version != "6.2":
                return pages.PortalResponse(401, b"", headers={"WWW-Authenticate": 'Basic realm="PortalRealm"'})
        bearer = self.bearer(recorded)
        if isinstance(bearer, pages.PortalResponse):
            return bearer
        if bearer is not None:
            return Entry(self._noted(recorded, bearer))
        if visitor.session is not None and visitor.session.user_id is not None:
            return Entry(self._noted(recorded, visitor.session.user_id), is_by_session=True)
        return Entry(_GUEST)

    def viewer(self, recorded: RecordedRequest, visitor: Visitor) -> Caller | pages.PortalResponse:
        """Who asks for a document: by a session, on 7.x by a token too (OAuth2WebServerServletAuthVerifierFilter)."""
        bearer = self.bearer(recorded)
        if isinstance(bearer, pages.PortalResponse):
            return bearer
        by_session = visitor.session.user_id if visitor.session else None
        known = by_session if bearer is None else bearer
        return _GUEST if known is None else self._noted(recorded, known)

    def bearer(self, recorded: RecordedRequest) -> int | pages.PortalResponse | None:
        """The user of a bearer's token; None without one, and on 6.2; an answer of 401 for one that is not good."""
        scheme, _, token = recorded.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self.version == "6.2":
            return None
        known = self.oauth2.user_of(token.strip())
        return pages.PortalResponse(401, b"", headers={"WWW-Authenticate": "Bearer"}) if known is None else known

    def has_token(self, recorded: RecordedRequest, visitor: Visitor, parameters: Mapping[str, object]) -> bool:
        """Whether a call in a session shows the session's token.

        As `p_auth`, which counts first unless it is empty, or as X-CSRF-Token. 6.2 asks for none where the body is
        multipart (F.5).
        """
        content_type = recorded.headers.get("content-type", "")
        if self.version == "6.2" and content_type.partition(";")[0].strip().lower() == "multipart/form-data":
            return True
        sent = parameters.get("p_auth", "")
        first = cast("list[object]", sent)[0] if isinstance(sent, list) else sent
        token = str(first) or recorded.headers.get("x-csrf-token", "")
        return visitor.session is not None and token == visitor.session.token

    def _noted(self, recorded: RecordedRequest, user_id: int) -> Caller:
        recorded.user_id = user_id
        return self.caller_of(user_id)
