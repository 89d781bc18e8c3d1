"""Sessions by cookie: who has one, its token, and when it ends. Knows no page and no password."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import string
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioliferay.testing._knobs import Knobs

_ID = re.compile(r"[0-9A-F]{32}")
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_TOKEN_LENGTH = 8  # portal.properties: auth.token.length
_NO_COOKIES: Mapping[str, str] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A form with a login and a password that was posted to the sign-in page; `number` is that of the request."""

    number: int
    login: str
    is_successful: bool


@dataclasses.dataclass(slots=True)
class WebSession:
    """One session; `user_id` is None for a guest's. `used_at` in seconds; `has_language` once its language was told."""

    id: str
    user_id: int | None
    used_at: float
    has_language: bool

    @property
    def token(self) -> str:
        """What calls in this session must show as `p_auth` or X-CSRF-Token."""
        digest = hashlib.sha256(self.id.encode()).digest()
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_TOKEN_LENGTH])


class Visitor(NamedTuple):
    """Who sent a request, as far as its cookies tell."""

    number: int
    cookies: Mapping[str, str]
    session: WebSession | None


class Sessions:
    """The sessions of one portal.

    A session's id is the number of the request that began it, so that those of guests who never come back, one for each
    call without cookies, need not be kept.
    """

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._kept: dict[str, WebSession] = {}
        self._ended: set[str] = set()
        self._first = 1

    def visitor(self, cookies: str | None, number: int) -> Visitor:
        """Read a request's Cookie header; a session that is found counts as used now."""
        if not cookies:
            return Visitor(number, _NO_COOKIES, None)
        pairs = [pair.strip().partition("=") for pair in cookies.split(";")]
        sent = {name: value.strip('"') for name, _, value in pairs}
        return Visitor(number, sent, self._find(sent.get("JSESSIONID", ""), number))

    def begin(self, number: int, user_id: int | None = None) -> WebSession:
        """Begin a session with the request of that number."""
        session = WebSession(session_id(number), user_id, self._knobs.clock(), has_language=False)
        self._kept[session.id] = session
        return session

    def end(self, session: WebSession) -> None:
        """End a session, as signing out does."""
        self._kept.pop(session.id, None)
        self._ended.add(session.id)

    def forget(self, number: int) -> None:
        """Forget all sessions, those begun by the request of that number included."""
        self._kept.clear()
        self._first = number + 1

    def _find(self, key: str, number: int) -> WebSession | None:
        session = self._kept.get(key)
        now = self._knobs.clock()
        if session is None:
            is_known = _ID.fullmatch(key) and self._first <= int(key, 16) < number and key not in self._ended
            if not is_known:
                return None
            session = self._kept[key] = WebSession(key, None, now, has_language=True)
        elif now - session.used_at > self._knobs.session_seconds:
            self.end(session)
            return None
        session.used_at = now
        return session


def session_id(number: int) -> str:
    """The id of the session that the request of that number began."""
    return f"{number:032X}"
