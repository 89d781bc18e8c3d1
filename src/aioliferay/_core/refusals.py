"""What an answer says that is not a list of results: whose error it is and what became of the calls. Knows every form in
which a portal of any version refuses (`protocol.md` A.3); does not know how results are read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from aioliferay._core.messages import Answer, Command, Failed, NotRun, Outcome, Unknown
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    LiferayError,
    NoSuchServiceError,
    NotFoundError,
    ProtocolError,
    RedirectError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 502, 503, 504})
_OF_THE_WAY: Final = _BUSY | {408, 413}  # what stands before a portal says these with pages of its own
_NOT_RUN: Final = frozenset(
    {407, 408, 413, 429}
)  # by HTTP's definition the request was not processed; of 502-504 nobody knows
_CORE_PATH: Final = re.compile(r"/[^./]+/")
_DENIED_HOST: Final = "Access denied for "
_NO_GUESTS: Final = "Authenticated access required"
_LOGIN_PAGE: Final = re.compile(rb"/c/portal/login|p_p_id(?:=|%3D)(?:58|com_liferay_login)|name=\"[^\"]*_login\"")
_NO_IDENTITY: Final = re.compile(r"Authenticated access required|must be authenticated", re.IGNORECASE)
_DENIED_CLASSES: Final = re.compile(r"(?:^|\.)(?:PrincipalException|SecurityException|AccessControlException)\b")
_NOT_FOUND_CLASSES: Final = re.compile(r"(?:^|\.)(?:NoSuch\w+Exception)\b")


def refusal(answer: Answer) -> LiferayError | None:
    """Return the error of an answer that cannot hold results; None when it may."""
    body = answer.body.lstrip()
    if answer.status in _REDIRECTS:
        return _of_redirect(answer)
    if answer.status == 401:
        return AuthenticationError("the portal asks for credentials", status=401)
    if body.startswith(b"{"):
        return _of_object(answer)
    if body.startswith(b"<") and answer.status not in _OF_THE_WAY:
        return _of_html(answer)
    if not body and answer.status < 400:
        return ProtocolError("the portal answered nothing at all", status=answer.status)
    return None if body.startswith(b"[") and answer.status not in _BUSY else _of_status(answer)


def refused(error: LiferayError, commands: Sequence[Command]) -> list[Outcome[Any]]:
    """Return what became of each call of a refused request.

    A batch runs in order and stops at the first failure, unnamed; what ran before it stays done (`protocol.md` A.3). So a
    call is known to have failed only if it travelled alone.
    """
    kind = _fate(error, commands)
    if isinstance(error, ServerError):
        error.calls = sum(command.calls for command in commands)
    return [kind(error.for_call(command.path)) for command in commands]


def is_getter_failure(error: LiferayError) -> bool:
    """Tell whether the portal could not apply a white-list, because a getter of the result failed (`protocol.md` F).

    The service has run by then.
    """
    return isinstance(error, ServerError) and error.is_a("BeanException") and error.message.startswith("Getter failed")


def is_unauthenticated(answer: Answer) -> bool:
    """Tell whether the answer says, in any of its forms, that the portal does not know who calls."""
    if answer.status == 200 and answer.body.startswith(b"["):  # results: most answers
        return False
    return isinstance(refusal(answer), AuthenticationError)


def is_of_the_gate(answer: Answer) -> bool:
    """Tell whether the answer is the gate's, which knows no caller, and not a service's own, which asks for another one."""
    error = refusal(answer)
    return isinstance(error, AuthenticationError) and (not error.exception or error.message == _NO_GUESTS)


def _fate(error: LiferayError, commands: Sequence[Command]) -> type[Failed | NotRun | Unknown]:
    if isinstance(error, RedirectError) or _is_gate(error, commands) or _status_of(error) in _NOT_RUN:
        return NotRun
    if isinstance(error, ServerError) and len(commands) == 1:
        has_run = is_getter_failure(error) and bool(commands[0].listed) and not commands[0].is_read
        return Unknown if has_run else Failed
    return Unknown


def _status_of(error: LiferayError) -> int | None:
    return error.status if isinstance(error, ProtocolError) else None


def _is_gate(error: LiferayError, commands: Sequence[Command]) -> bool:
    """Tell whether the gate refused, before any statement ran.

    6.2 refuses guests statement by statement, but nothing in its core is open to them (`protocol.md` F.7): the first
    statement failed already. A plugin's service may be open, and may have run before another was refused.
    """
    if not isinstance(error, AuthenticationError):
        return isinstance(error, AccessDeniedError) and not error.exception and error.message.startswith(_DENIED_HOST)
    if not error.exception:
        return True
    is_first = len(commands) == 1 or (error.status == 200 and all(_CORE_PATH.match(command.path) for command in commands))
    return is_first and error.message == _NO_GUESTS


def _of_redirect(answer: Answer) -> LiferayError:
    location = answer.headers.get("location", "")
    if _LOGIN_PAGE.search(location.encode()):
        return AuthenticationError("the portal redirects to its sign-in page", status=answer.status)
    text = "the portal redirects without saying where; is the server URL right?"
    if location:
        text = f"the portal is elsewhere: it redirects to {location!r}; give that address as the server"
    return RedirectError(text, location=location, status=answer.status)


def _of_html(answer: Answer) -> LiferayError:
    if _LOGIN_PAGE.search(answer.body):
        return AuthenticationError("the portal answered its sign-in page", status=answer.status)
    if answer.status == 403:
        return AccessDeniedError(_text_of(answer.body), status=403)
    text = f"the portal answered a web page (HTML, status {answer.status}) where JSON was due: {_text_of(answer.body)!r}"
    return ProtocolError(
        f"{text}; is the server URL the portal's root, and nothing between you and it?",
        status=answer.status,
        excerpt=_text_of(answer.body),
    )


def _of_status(answer: Answer) -> LiferayError | None:
    if answer.status < 400:
        return None
    if answer.status == 403:
        return AccessDeniedError(_text_of(answer.body), status=403)
    if answer.status in _BUSY:
        after = answer.headers.get("retry-after")
        when = f"after {after}" if after else "later"
        told = f" with {excerpt!r}" if (excerpt := _text_of(answer.body)) else ""
        text = f"status {answer.status}{told}: the portal, or what stands before it, is busy or starting; try again {when}"
    elif answer.status == 408:
        text = "status 408: the portal did not receive the request in time"
    elif answer.status == 413:
        text = "status 413: the request is too large for the portal, or for what stands before it; send less in one call"
    else:
        text = f"status {answer.status} with {_text_of(answer.body)!r}, which is no answer of the portal's JSON web services"
    return ProtocolError(
        text,
        status=answer.status,
        excerpt=_text_of(answer.body),
    )


def _of_object(answer: Answer) -> LiferayError | None:
    """Read an exception in the dialects of 6.1, 6.2 and 7.x; `{}` is one too, where the portal hides its errors (7.3+)."""
    try:
        value: dict[str, Any] = from_json(answer.body)
    except ValueError:
        return None
    if not value and answer.status >= 400:
        return _hidden(answer.status)
    if "exception" not in value:
        return None
    if isinstance(value.get("error"), dict):
        inner: dict[str, Any] = value["error"]
        return _server_error(_text(inner.get("type")), _text(inner.get("message")), answer.status)
    told = _text(value["exception"])
    if "message" in value:
        return _server_error(told, _text(value["message"]), answer.status)
    java_class, colon, message = told.partition(": ")
    return _server_error(java_class, message if colon else "", answer.status)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _hidden(status: int) -> ServerError:
    text = "it hides its errors (json.service.serialize.throwable=false)"
    if status == 403:
        return AccessDeniedError(text, status=status)
    if status == 404:
        return NotFoundError(f"no such thing, or no such service or parameter: {text}", status=status)
    return ServerError(text, status=status)


def _server_error(java_class: str, message: str, status: int) -> ServerError:
    return _kind(java_class, message)(message, exception=java_class, status=status)


def _kind(java_class: str, message: str) -> type[ServerError]:
    if message.startswith("No JSON web service action"):
        return NoSuchServiceError
    if _DENIED_CLASSES.search(java_class):
        return AuthenticationError if _NO_IDENTITY.search(message) else AccessDeniedError
    if _NOT_FOUND_CLASSES.search(java_class):
        return NotFoundError
    return ServerError


def _text_of(page: bytes) -> str:
    head = page[:20_000].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", head, re.IGNORECASE | re.DOTALL)
    return " ".join((title.group(1) if title else re.sub(r"<[^>]*>", " ", head)).split())[:120]
