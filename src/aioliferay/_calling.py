"""How a call is made, checked, and given the results that it refers to. Does not know how it is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict, cast

from aioliferay._call import Call, Sender
from aioliferay._core import codec
from aioliferay._core.messages import Command, Ok, Reference
from aioliferay.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Params = Mapping[str, object] | None


class CallOptions(TypedDict, total=False):
    """Options of a call, on every front door."""

    select: Sequence[str] | None
    """Names of properties to which the portal cuts the result down; an unknown name comes as None."""
    idempotent: bool | None
    """True if running it twice does no harm; only `get*`, `has*` and `is*` are taken for that by themselves."""
    timeout: float | None
    """Seconds from now within which the call must have ended, whatever happens to it, in place of the session's, which is
    for each request. If they are over before it is sent, it never is. `inf` is no limit."""


def make_call(path: str, params: Params, *, returns: Any, sender: Sender | None, options: CallOptions) -> Call[Any]:
    """Check, encode and wrap one call, for every front door alike."""
    command = codec.command(path, params, select=options.get("select"), idempotent=options.get("idempotent"))
    if command.params is not None:
        pending = [reference.source for reference in command.references if not reference.source.done()]
        if not pending:
            command = bound(command)
        elif sender is None or not all(source.belongs_to(sender) for source in pending):
            raise ValueError(
                f"{path}: it refers to a call that is pending elsewhere: await that one first, or make both in one batch"
            )
    try:
        adapter = None if returns is Any else codec.adapter_for(returns)
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from error.__cause__
    return Call(command, sender=sender, adapter=adapter, timeout=checked_timeout(options.get("timeout")))


def checked_timeout(timeout: float | None, name: str = "timeout") -> float | None:
    """Return the number of seconds as it is, which may be infinite, or None.

    Raises:
        TypeError, ValueError: it is none.
    """
    if timeout is None:
        return None
    if not isinstance(timeout, int | float) or isinstance(timeout, bool):
        raise TypeError(f"{name}= takes a number of seconds or None, not {type(timeout).__name__}")
    if math.isnan(timeout) or timeout <= 0:
        raise ValueError(f"{name}= takes a positive number of seconds, not {timeout}")
    return float(timeout)


def bound(command: Command) -> Command:
    """Return the command with the results it refers to in place.

    Raises:
        DependencyError: a result is missing, or has no such property; `__cause__` is the parent's error.
    """
    params = (command.params or {}).items()
    values = {name: _property(value, command.path) for name, value in params if isinstance(value, Reference)}
    try:
        return codec.bind(command, values)
    except (TypeError, ValueError) as error:
        raise DependencyError(f"a property that it refers to cannot be sent: {error}", path=command.path) from error


def _property(reference: Reference, path: str) -> object:
    source: Call[Any] = reference.source
    if not source.done() or not isinstance(source.outcome, Ok):
        error = source.exception() if source.done() else None
        raise DependencyError(f"it needs {reference.name!r} of {source.path}, which has no result", path=path) from error
    result: object = source.raw
    if not isinstance(result, Mapping):
        has = f"is {type(result).__name__}"
        if source.adapter is not None:
            has += ": it was made before you referred to it; take the property from call.result() yourself"
    elif reference.name in (properties := cast("Mapping[str, object]", result)):
        return properties[reference.name]
    else:
        has = f"has only {', '.join(properties)}"
    raise DependencyError(f"it needs {reference.name!r} of {source.path}, whose result {has}", path=path)
