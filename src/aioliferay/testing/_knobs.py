"""What can be set on a fake portal while it runs. Knows none of the parts that it is set on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

OLD_QUOTING = 'Liferay.authToken="{token}";'  # F.30
LATER_QUOTING = "Liferay.authToken = '{token}';"  # B.4


@dataclasses.dataclass(slots=True, kw_only=True)
class Knobs:
    """How the ways into a portal behave; all but the last two are options of `FakePortal`, and all may be changed any time.

    Attributes:
        session_seconds: after how many idle seconds a session is gone.
        sign_in_page: whether there is one; without it `/c/portal/login` is 404, and no page has a token.
        quoting: the statement in pages that tells the session's token, with `{token}` where it stands.
        oauth2_seconds: how long an access token is good for.
        max_upload_bytes: the longest multipart body that is taken; None is any.
        ranges: whether documents are served in ranges, with an ETag, as by servers in front of a portal.
        clock: the time in seconds, for sessions and tokens; by default the event loop's, which tests may make virtual.
        documents_location: where every document is to be found instead: `/documents/...` answers 302 to that URL.
        qop: whether the Digest challenge of WebDAV offers `qop="auth"`, which Liferay's does not.
    """

    session_seconds: float = 1800.0
    sign_in_page: bool = True
    quoting: str = OLD_QUOTING
    oauth2_seconds: int = 600
    max_upload_bytes: int | None = None
    ranges: bool = False
    clock: Callable[[], float] = anyio.current_time
    documents_location: str | None = None
    qop: bool = False
