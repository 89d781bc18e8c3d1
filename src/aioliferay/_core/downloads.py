"""What the head of an answer says of a file: its name, its size, whether a part of it can be continued. Knows HTTP's rules
(RFC 6266, 8187, 9110) and Liferay's habits; reads and writes nothing.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from aioliferay._core.refusals import refusal
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    LiferayError,
    NotFoundError,
    ProtocolError,
    RedirectError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioliferay._core.messages import Answer

_WHOLE: Final = frozenset({200, 203})
_GONE: Final = frozenset({404, 410})
_OF_THE_WAY: Final = frozenset({408, 413, 429, 502, 503, 504})
_PARAMETER: Final = re.compile(r""";\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)""", re.ASCII)
_STRONG_TAG: Final = re.compile(r'"[!#-~]*"')
_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_QUOTED: Final = re.compile(r'\\(["\\])')
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_NAME: Final = 255


def is_whole(answer: Answer) -> bool:
    """Tell whether a head announces the file, from its first byte on."""
    return answer.status in _WHOLE and not is_page(answer)


def is_page(answer: Answer) -> bool:
    """Tell whether a head may announce a page of the portal, such as that for signing in, and not a file.

    The portal names each file that it sends (`Content-Disposition`); pages have no name.
    """
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "text/html" and "content-disposition" not in answer.headers


def failure_of(answer: Answer) -> LiferayError | None:
    """Return the error of an answer that has no file to be taken; None if its body is a page and what was asked for."""
    error = refusal(answer)
    if isinstance(error, RedirectError | ServerError):
        return error
    if answer.status == 412:  # what WebDAV makes of a PrincipalException (Liferay's `WebDAVServlet`)
        return AccessDeniedError("this user may not see the file", status=answer.status)
    if answer.status in _GONE:
        return NotFoundError("there is no such file", status=answer.status)
    if answer.status in _WHOLE:
        return None
    if error is not None and answer.status in _OF_THE_WAY:
        return error
    return ProtocolError(f"the portal answered status {answer.status} where a file was due", status=answer.status)


def is_sign_in(error: LiferayError | None) -> bool:
    """Tell whether the portal wants to know first who asks."""
    return isinstance(error, AuthenticationError)


def size_of(headers: Mapping[str, str]) -> int | None:
    """Return the number of bytes that a head announces."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def validator_of(headers: Mapping[str, str]) -> str:
    """Return what tells this state of a file from every other, for `If-Range`; "" if the portal gives nothing of the kind.

    That is a strong `ETag`; or `Last-Modified`, if it was a second or more before the answer: the file could have been
    changed twice within a second.
    """
    if headers.get("accept-ranges", "").strip().lower() == "none":
        return ""
    tag = headers.get("etag", "").strip()
    if tag:
        return tag if _STRONG_TAG.fullmatch(tag) else ""
    modified, sent = (headers.get(name, "").strip() for name in ("last-modified", "date"))
    try:
        is_old = (parsedate_to_datetime(sent) - parsedate_to_datetime(modified)).total_seconds() >= 1
    except (ValueError, TypeError, OverflowError):
        return ""
    return modified if is_old and modified.isascii() and modified.isprintable() else ""


def total_of_rest(answer: Answer, offset: int, total: int | None) -> int | None:
    """Return how long a file is whose rest an answer brings, from byte `offset` to its end; None if it does not.

    `total` is what is known of it.
    """
    match = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if answer.status != 206 or match is None:
        return None
    first, last, size = map(int, match.groups())
    is_rest = first == offset <= last == size - 1 and size == (total or size)
    return size if is_rest and size_of(answer.headers) in {None, size - offset} else None


def filename_of(disposition: str) -> str | None:
    """Return the name that a `Content-Disposition` gives, without folders, safe as the name of a file; None without one."""
    parameters: dict[str, str] = {}
    _, semicolon, rest = disposition.partition(";")
    for match in _PARAMETER.finditer(semicolon + rest):
        parameters.setdefault(match[1].lower(), match[2].strip())
    name = _extended(parameters.get("filename*", ""))
    if name is None and "filename" in parameters:
        name = _plain(parameters["filename"])
    return None if name is None else _basename(name)


def _extended(value: str) -> str | None:
    charset, apostrophe, rest = value.strip('"').partition("'")
    _, second, encoded = rest.partition("'")
    if not (apostrophe and second and encoded.isascii()) or charset.lower() not in {"utf-8", "iso-8859-1"}:
        return None
    try:
        return _unescaped(encoded).decode(charset)
    except UnicodeDecodeError:
        return None


def _plain(value: str) -> str:
    if value.startswith('"'):
        value = _QUOTED.sub(r"\1", value[1:].removesuffix('"'))
    # A name that is not ASCII goes to most clients as a URL would have it (Liferay's `ServletResponseUtil`); others do not.
    if "%" in value and value.isascii():
        try:
            decoded = _unescaped(value).decode()
        except UnicodeDecodeError:
            return value
        return value if decoded.isascii() else decoded
    return value


def _unescaped(text: str) -> bytes:
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode("ascii"))


def _basename(name: str) -> str | None:
    last = _CONTROLS.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()[:_LONGEST_NAME]
    return None if last in {"", ".", ".."} else last
