"""Documents and pictures over HTTP: `/documents`, `/webdav` and `/image`. Knows no service."""

from __future__ import annotations

import base64
import dataclasses
import email.utils
import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote_plus

from aioliferay.testing._digest import challenge, verified_user
from aioliferay.testing._pages import PortalResponse
from aioliferay.testing._sample_store import STARTED_AT
from aioliferay.testing._streams import StreamedResponse, requested_range

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from aioliferay.testing._browser import Browser
    from aioliferay.testing._documents import Document, Library
    from aioliferay.testing._knobs import Knobs
    from aioliferay.testing._records import RecordedRequest
    from aioliferay.testing._registry import Caller
    from aioliferay.testing._samples import Samples
    from aioliferay.testing._sessions import Visitor

_PORTRAITS = frozenset({"/image/user_male_portrait", "/image/user_female_portrait", "/image/user_portrait"})
# one grey pixel of our own
_PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


@dataclasses.dataclass(frozen=True, slots=True)
class Downloads:
    """The portal's files; `caller_of` makes a caller of a user's id."""

    browser: Browser
    samples: Samples
    knobs: Knobs
    caller_of: Callable[[int], Caller]

    def document(self, recorded: RecordedRequest, visitor: Visitor, base_url: str, *, caller: Caller) -> PortalResponse:
        """A document by `/documents/<group>/<folder>/<title>[/<uuid>]` or `/documents/<group>/<uuid>`."""
        document = self._found(recorded.path.removeprefix("/documents/").split("/"))
        if document is None or not document.content.is_there:
            return self.browser.not_found(visitor)
        if not document.is_visible_to(caller):
            if caller.user_id is None:
                return self.browser.to_sign_in(_target(recorded), visitor, base_url)
            return self.browser.themed(401, "Status", visitor)  # WebServerServlet.processPrincipalException
        cookies = self.browser.bare_cookies(visitor)
        if self.knobs.documents_location is not None:
            return PortalResponse(302, b"", headers={"Location": self.knobs.documents_location}, cookies=cookies)
        headers = _described(document, document.filename)
        headers["Last-Modified"] = _http_date(document.modified)
        if recorded.headers.get("if-modified-since") == headers["Last-Modified"]:
            return PortalResponse(304, b"", headers={"Last-Modified": headers["Last-Modified"]}, cookies=cookies)
        if self.knobs.ranges:
            headers |= {"Accept-Ranges": "bytes", "ETag": document.etag}
        self._library.note_reading(document)
        return _content(document, headers, cookies, recorded, has_ranges=self.knobs.ranges)

    def webdav(self, path: str, recorded: RecordedRequest, visitor: Visitor) -> PortalResponse:
        """A document by `/webdav/<site>/document_library/<folder>/.../<title>`, for who proves himself by Digest.

        Ranges are served and announced (GetMethodImpl calls ServletResponseUtil.sendFileWithRangeHeader).
        """
        cookies = self.browser.bare_cookies(visitor)
        user_id = visitor.session.user_id if visitor.session else None
        if user_id is None:
            login = verified_user(
                recorded.headers.get("authorization", ""),
                method=recorded.method,
                target=_target(recorded),
                password_of=self.samples.password_of,
            )
            user_id = None if login is None else self.samples.user_id(login)
        if user_id is None:
            headers = {"WWW-Authenticate": challenge(recorded.number, has_qop=self.knobs.qop)}
            return PortalResponse(401, b"", headers=headers, cookies=cookies)
        recorded.user_id = user_id
        if recorded.method not in {"GET", "HEAD"}:
            return PortalResponse(405, b"", headers={"Allow": "GET, HEAD"}, cookies=cookies)
        document = self._at(path.removeprefix("/webdav/").split("/"))
        if document is None or not document.content.is_there:
            return PortalResponse(404, b"", headers={}, cookies=cookies)
        if not document.is_visible_to(self.caller_of(user_id)):
            return PortalResponse(412, b"", headers={}, cookies=cookies)  # WebDAVServlet, for a PrincipalException
        headers = _described(document, document.title) | {"Accept-Ranges": "bytes"}
        if self.knobs.ranges:
            headers["ETag"] = document.etag
        self._library.note_reading(document)
        return _content(document, headers, cookies, recorded, has_ranges=True)

    def image(self, path: str, recorded: RecordedRequest, visitor: Visitor) -> PortalResponse:
        """A portrait: that of `img_id` if `img_id_token` is right, else everybody's."""
        cookies = self.browser.bare_cookies(visitor)
        if path not in _PORTRAITS:
            return PortalResponse(404, b"", headers={}, cookies=cookies)
        sent = parse_qs(recorded.query)
        wanted = sent.get("img_id", ["0"])[0]
        portrait = self.samples.portrait(int(wanted)) if wanted.isdecimal() else None
        if portrait is not None and sent.get("img_id_token") != [portrait.token]:
            portrait = None
        content, modified = (_PICTURE, STARTED_AT) if portrait is None else (portrait.content, portrait.modified)
        headers = {
            "Cache-Control": "max-age=315360000, public",
            "Content-Type": "image/png",
            "ETag": f'"{zlib.crc32(content):08x}"',
            "Last-Modified": _http_date(modified),
            "Vary": "Accept-Encoding",
        }
        if recorded.headers.get("if-modified-since") == headers["Last-Modified"]:
            return PortalResponse(304, b"", headers=headers, cookies=cookies)
        return PortalResponse(200, content, headers=headers, cookies=cookies)

    @property
    def _library(self) -> Library:
        return self.samples.documents.library

    def _found(self, parts: list[str]) -> Document | None:
        names = [unquote_plus(part) for part in parts]
        if not names[0].isdecimal():
            return None
        group_id = int(names[0])
        if len(names) in {2, 4}:
            return self._library.by_uuid(group_id, names[-1])
        if len(names) == 3 and names[1].isdecimal():
            return self._library.by_title(group_id, int(names[1]), names[2])
        return None

    def _at(self, names: list[str]) -> Document | None:
        if len(names) < 3 or names[1] != "document_library":
            return None
        group_id = self._library.site_id(names[0])
        folder_id = None if group_id is None else self._library.folder_id(group_id, names[2:-1])
        if group_id is None or folder_id is None:
            return None
        return self._library.by_title(group_id, folder_id, names[-1])


def _http_date(moment: dt.datetime) -> str:
    return email.utils.format_datetime(moment.replace(microsecond=0), usegmt=True)


def _target(recorded: RecordedRequest) -> str:
    return recorded.path + (f"?{recorded.query}" if recorded.query else "")


def _described(document: Document, filename: str) -> dict[str, str]:
    named = f'filename="{filename}"' if filename.isascii() else f"filename*=UTF-8''{quote(filename, safe='')}"
    return {
        "Cache-Control": "private",
        "Content-Disposition": f"attachment; {named}",
        "Content-Type": str(document.entry["mimeType"]),
    }


def _content(
    document: Document, headers: Mapping[str, str], cookies: tuple[str, ...], recorded: RecordedRequest, *, has_ranges: bool
) -> PortalResponse:
    """The document, or the range that is asked for unless If-Range tells of another one."""
    wanted = recorded.headers.get("range", "") if has_ranges else ""
    condition = recorded.headers.get("if-range")
    if condition is not None and condition not in {headers.get("ETag"), headers.get("Last-Modified")}:
        wanted = ""
    try:
        part = requested_range(wanted, document.size)
    except ValueError:
        return PortalResponse(416, b"", headers={"Content-Range": f"bytes */{document.size}"}, cookies=cookies)
    span = part or (0, document.size)
    told = dict(headers)
    if part:
        told["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{document.size}"
    return StreamedResponse(206 if part else 200, document.content, span=span, headers=told, cookies=cookies)
