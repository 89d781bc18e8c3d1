"""What a request says: its path as Tomcat reads it, its parameters wherever they are, its credentials. Knows no service."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from aioliferay.testing._java import File, JavaError
from aioliferay.testing._multipart import MultipartReader, size_error

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_FORM = 2_097_152  # bytes; Tomcat's maxPostSize
_FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class Credentials(NamedTuple):
    """What a Basic header holds."""

    login: str
    password: str


@dataclasses.dataclass(frozen=True, slots=True)
class Incoming:
    """A request's command and its other parameters: text, a list of texts when repeated, or files.

    `command` is the parameter `cmd` if there is one, else the raw body that no form has consumed.
    """

    command: str | bytes
    parameters: dict[str, object]
    files: tuple[tuple[str, File], ...] = ()


class Body(NamedTuple):
    """The body of a request; `multipart` has read it already where it is not kept. `limit` is in bytes, for multipart."""

    content: bytes
    multipart: MultipartReader | None = None
    limit: int | None = None


def resolve_path(raw: bytes) -> str | None:
    """The path as Tomcat hands it on, None where it answers 400.

    Path parameters (`;x=1`) are cut, `%69` is decoded, `//` and dots are resolved; an encoded slash or backslash is refused.
    """
    text = raw.decode("latin-1")
    if re.search(r"%2f|%5c|%(?![0-9a-f]{2})", text, re.IGNORECASE):
        return None
    segments = [unquote(segment.partition(";")[0]) for segment in text.split("/")]
    if segments[-1] in {".", ".."}:
        segments.append("")
    kept: list[str] = []
    for segment in segments[:-1]:
        if segment == ".." and not kept:
            return None
        if segment == "..":
            kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/" + "/".join([*kept, segments[-1]])


def read_request(*, method: str, query: str, content_type: str, body: Body) -> Incoming:
    """Collect the parameters, query first.

    Raises `JavaError` (UploadException) for a multipart body that is broken or too long.
    """
    pairs: list[tuple[str, object]] = [*_decoded(query)]
    media_type = content_type.partition(";")[0].strip().lower()
    command: str | bytes = body.content
    files: list[tuple[str, File]] = []
    if media_type == MULTIPART:
        command = b""
        parts = _parts(body, content_type)
        files += [(name, value) for name, value in parts if isinstance(value, File)]
        pairs += parts
    elif media_type == _FORM and method == "POST" and len(body.content) <= LONGEST_FORM:
        command = b""
        pairs += _decoded(body.content.decode("latin-1"))
    parameters = _merged(pairs)
    given = [value for name, value in pairs if name == "cmd"]
    parameters.pop("cmd", None)
    first = given[0] if given else command
    return Incoming(first if isinstance(first, str | bytes) else str(first), parameters, tuple(files))


def _parts(body: Body, content_type: str) -> list[tuple[str, str | File]]:
    reader = body.multipart
    if reader is None:
        reader = MultipartReader(content_type)
        reader.feed(body.content)
    if body.limit is not None and reader.length > body.limit:
        raise size_error(reader.length, body.limit)
    return reader.parts()


def _decoded(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")


def _merged(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    merged: dict[str, list[object]] = {}
    for name, value in pairs:
        merged.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in merged.items()}


def read_credentials(header: str | None) -> Credentials | None:
    """The login and password of a Basic header, None if there is no such header or it cannot be read."""
    scheme, *rest = (header or "none").split() or ["none"]
    if scheme.lower() != "basic" or len(rest) != 1:
        return None
    try:
        decoded = base64.b64decode(rest[0] + "=" * (-len(rest[0]) % 4), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None
    login, separator, password = decoded.partition(":")
    return Credentials(login, password) if separator else None


def utf8_text(command: str | bytes) -> str:
    """The command as text.

    Raises `JavaError` (IllegalArgumentException) when its bytes are not UTF-8, whatever their declared charset.
    """
    if isinstance(command, str):
        return command
    try:
        return command.decode()
    except UnicodeDecodeError:
        message = "java.nio.charset.MalformedInputException: Input length = 1"
        raise JavaError("java.lang.IllegalArgumentException", message) from None
