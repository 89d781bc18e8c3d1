"""What a request says: its path as Tomcat reads it, its parameters wherever they are, its credentials. Knows no service."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from aioliferay.testing._java import File, JavaError

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_FORM = 2_097_152  # bytes; Tomcat's maxPostSize
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_DISPOSITION_VALUE = re.compile(r'\b(name|filename)="([^"]*)"', re.IGNORECASE)


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


def read_request(*, method: str, query: str, content_type: str, body: bytes) -> Incoming:
    """Collect the parameters, query first.

    Raises `JavaError` (UploadException) for a broken multipart body.
    """
    pairs: list[tuple[str, object]] = [*_decoded(query)]
    media_type = content_type.partition(";")[0].strip().lower()
    command: str | bytes = body
    if media_type == _MULTIPART:
        command = b""
        pairs += _parts(body, content_type)
    elif media_type == _FORM and method == "POST" and len(body) <= LONGEST_FORM:
        command = b""
        pairs += _decoded(body.decode("latin-1"))
    parameters = _merged(pairs)
    given = [value for name, value in pairs if name == "cmd"]
    parameters.pop("cmd", None)
    first = given[0] if given else command
    return Incoming(first if isinstance(first, str | bytes) else str(first), parameters)


def _decoded(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")


def _merged(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    merged: dict[str, list[object]] = {}
    for name, value in pairs:
        merged.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in merged.items()}


def _parts(body: bytes, content_type: str) -> list[tuple[str, object]]:
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        raise _upload_error("the request was rejected because no multipart boundary was found")
    mark = b"--" + boundary[1].encode("latin-1")
    start = body.find(mark)
    if start < 0:
        return []  # a body without the boundary counts as one without parts
    chunks = (b"\r\n" + body[start:]).split(b"\r\n" + mark)
    if not chunks[-1].startswith(b"--"):
        raise _upload_error("Stream ended unexpectedly")
    return [part for chunk in chunks[1:-1] if (part := _part(chunk)) is not None]


def _upload_error(message: str) -> JavaError:
    cause = "org.apache.commons.fileupload.FileUploadException"
    return JavaError("com.liferay.portal.kernel.upload.UploadException", f"{cause}: {message}")


def _part(chunk: bytes) -> tuple[str, object] | None:
    head, separator, content = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise _upload_error("Stream ended unexpectedly")
    for line in head.decode("utf-8", "replace").splitlines():
        if line.lower().startswith("content-disposition:"):
            values = {name.lower(): value for name, value in _DISPOSITION_VALUE.findall(line)}
            if "name" not in values:
                return None
            if "filename" not in values:
                return values["name"], content.decode("utf-8", "replace")
            file = File(content)
            file.filename = values["filename"]
            return values["name"], file
    return None


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
