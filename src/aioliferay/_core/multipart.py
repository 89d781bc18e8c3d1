"""Parameters and files → the pieces of a multipart/form-data body, and what the direct URL of a service answers to it. Knows
Liferay's rules for forms (`protocol.md` A.5, A.6); reads no file and sends nothing.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic_core import from_json, to_json

from aioliferay._core import codec
from aioliferay._core.messages import Answer, Command, Ok, Outcome, Unknown
from aioliferay._core.refusals import refusal, refused
from aioliferay.errors import ProtocolError, ServerError

# What browsers escape (the HTML standard, "multipart/form-data encoding algorithm"); and the other control characters, and
# the backslash, which some readers take for an escape of the quote behind it.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"\\]')
_EMPTY: Final = (
    "it answered {} where a result is due: either it rejected the upload and hides why, as 7.3 and later do by default, or "
    "the service has no result, which returns=None would say"
)


def fields_of(command: Command) -> list[tuple[str, str]]:
    """Return the parameters of a command without references as names and values of form fields.

    Null is the field `-name`; lists, mappings and service contexts are JSON text.
    """
    plain: dict[str, object] = from_json(codec.literal(command, {}))
    return [_field(name, value) for name, value in plain.items()]


def _field(name: str, value: object) -> tuple[str, str]:
    if value is None:
        return (f"-{name}" if codec.is_plain_name(name) else name), ""
    return name, value if isinstance(value, str) else to_json(value).decode()


def field(boundary: str, name: str, value: str) -> bytes:
    """Return a form field as it is sent."""
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{escaped(name)}"\r\n\r\n{value}\r\n'.encode()


def file_head(boundary: str, name: str, *, filename: str, content_type: str | None = None) -> bytes:
    """Return what is sent before the content of a file; a line break follows the content. Without a type none is sent."""
    told = f"Content-Type: {content_type}\r\n" if content_type else ""
    line = f'Content-Disposition: form-data; name="{escaped(name)}"; filename="{escaped(filename)}"'
    return f"--{boundary}\r\n{line}\r\n{told}\r\n".encode()


def closing(boundary: str) -> bytes:
    """Return the end of the body. The portal runs no service whose form lacks it (`protocol.md` F.34)."""
    return f"--{boundary}--\r\n".encode()


def escaped(text: str) -> str:
    """Return a name so that it cannot end the quotes or the line in which it stands; what UTF-8 cannot carry becomes `?`."""
    sendable = text.encode("utf-8", "replace").decode()
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", sendable)


def check_content_type(content_type: str | None, where: str) -> None:
    """Check that a MIME type can stand in a header.

    Raises:
        ValueError: it cannot.
    """
    if content_type is not None and not re.fullmatch(r"[!-~]+/[!-~]+(?:[ !-~]*[!-~])?", content_type):
        raise ValueError(f"{where}: {content_type[:100]!r} is no MIME type, such as 'text/plain'")


def decode(answer: Answer, command: Command, *, may_be_null: bool) -> Outcome[Any]:
    """Say what the answer of a direct URL means. Never raises.

    A void result and null are `{}` there. From 7.3 on, the rejection of an upload (too large, say) is the same by default
    (`protocol.md` A.3). So `{}` is a result only if `may_be_null`; else what became of the call is unknown.
    """
    error = refusal(answer)
    if error is not None:
        return refused(error, [command])[0]
    excerpt = answer.body[:80].decode("utf-8", "replace")
    if answer.status != 200:
        told = ProtocolError(f"status {answer.status} with {excerpt!r}", status=answer.status, excerpt=excerpt)
        return refused(told, [command])[0]
    try:
        value = from_json(answer.body)
    except ValueError as problem:
        text = f"the portal answered {excerpt!r}, which is no JSON ({problem}); is the server URL right?"
        return refused(ProtocolError(text, excerpt=excerpt), [command])[0]
    if value != {}:
        return Ok(value)
    return Ok(None) if may_be_null else Unknown(ServerError(_EMPTY, path=command.path))
