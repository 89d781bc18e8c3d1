"""How a call is made, checked, and given the results that it refers to. Does not know how it is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, cast

from aioliferay._call import Call
from aioliferay._core import codec
from aioliferay._core.elements import Elements, Shape, taken
from aioliferay._core.messages import Command, Ok, Reference
from aioliferay._core.naming import nearest
from aioliferay._core.nesting import MISSING, found
from aioliferay._core.selecting import names_of
from aioliferay._core.values import UploadFile
from aioliferay.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aioliferay._core.catalog import Catalog
    from aioliferay._settling import Sender

    Params = Mapping[str, object] | None


class CallOptions(TypedDict, total=False):
    """Options of a call, on every front door."""

    select: Sequence[str] | None
    """Names of properties to which the portal cuts the result down; an unknown name comes as None. "model" takes the names
    from the fields of `returns=`."""
    idempotent: bool | None
    """True if running it twice does no harm; only `get*`, `has*` and `is*` are taken for that by themselves."""
    is_read: bool | None
    """Whether it changes nothing, where its name does not tell: `get*`, `has*` and `is*` do not. A session with a catalog
    knows it from there. Reads are repeated after a failure, and may go in parallel with others."""
    timeout: float | None
    """Seconds from now within which the call must have ended, whatever happens to it, in place of the session's, which is
    for each request. If they are over before it is sent, it never is. `inf` is no limit."""


def make_call(  # noqa: PLR0913 - what a door knows, by name
    path: str,
    params: Params,
    *,
    returns: Any,
    sender: Sender | None,
    options: CallOptions,
    catalog: Catalog | None = None,
    site: tuple[str, int] | None = None,
) -> Call[Any]:
    """Check, encode and wrap one call, for every front door alike."""
    if options:
        _check_options(path, options)
    is_read = options.get("is_read")
    select = _select(path, returns, options)
    if catalog is not None:
        is_read = catalog.is_read(path) if is_read is None else is_read
        if select is not None and not isinstance(select, str):
            _check_properties(path, path, select, catalog)
    command = codec.command(path, params, select=select, idempotent=options.get("idempotent"), is_read=is_read)
    if command.params is not None:
        if catalog is not None:
            for reference in command.references:
                _check_properties(path, reference.source.path, [reference.name], catalog)
        command = _bound_at_once(command, sender)
    try:
        adapter = None if returns is Any else codec.adapter_for(returns)
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from error.__cause__
    call: Call[Any] = Call()
    call.begin(command, sender, adapter, timeout=checked_timeout(options.get("timeout")), site=site)
    return call


def through(  # noqa: PLR0913, PLR0917 - handed on by three callers
    door: Any, path: str, params: Mapping[str, object], kinds: set[type], returns: Any, options: CallOptions
) -> Call[Any]:
    """Make a call at a front door: an upload, if a file is among the parameters, whose classes are `kinds`."""
    make: Callable[..., Call[Any]] = door.upload if UploadFile in kinds else door.call
    return make(path, params, returns=returns, **options) if options else make(path, params, returns=returns)


def _check_options(path: str, options: CallOptions) -> None:
    if unknown := options.keys() - CallOptions.__optional_keys__:
        raise TypeError(f"{path}: a call has no option {min(unknown)!r}; it has {', '.join(CallOptions.__annotations__)}")


def _check_properties(path: str, source: str, names: Sequence[str], catalog: Catalog) -> None:
    """Check names of properties of a source's result, as far as the catalog tells: the portal answers null for a wrong one.

    Raises:
        ValueError: a name is wrong.
    """
    known = catalog.properties(source)
    for name in names if known else ():
        if name not in known:
            meant = nearest(name, known)
            hint = f"; did you mean {meant!r}?" if meant else ""
            raise ValueError(f"{path}: a result of {source} has no property {name!r}{hint}")


def _select(path: str, returns: Any, options: CallOptions) -> Sequence[str] | None:
    select = options.get("select")
    if select != "model":
        return select
    try:
        return names_of(returns)
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from None


def _bound_at_once(command: Command, sender: Sender | None) -> Command:
    """Return the command with what is known of its references filled in; what cannot be is told now."""
    for reference in command.references:
        source: Call[Any] = reference.source
        if source.done():
            referred(reference, command)
        elif sender is None or not source.belongs_to(sender):
            raise ValueError(
                f"{command.path}: it refers to a call that is pending elsewhere: await that one first, or make both in one "
                "batch"
            )
    return bound(command)


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
    """Return the command with the results in place that it refers to and that are known, but for those of a list's elements.

    Raises:
        DependencyError: a result is missing, or has no such property; `__cause__` is the parent's error.
    """
    params = (command.params or {}).items()
    known = [(name, value) for name, value in params if isinstance(value, Reference) and value.source.done()]
    return filled(command, {name: referred(value, command) for name, value in known if not value.is_each})


def filled(command: Command, values: Mapping[str, object]) -> Command:
    """Return the command with `values` in place of the references of these names.

    Raises:
        DependencyError: a value cannot be sent.
    """
    try:
        return codec.bind(command, values)
    except (TypeError, ValueError) as error:
        raise DependencyError(f"a property that it refers to cannot be sent: {error}", path=command.path) from error


def spread(command: Command) -> tuple[Shape, list[Command]]:
    """Return a command for each element of the lists that a command refers to, and how the elements stand in lists.

    These bring all that their white-list has: it is the whole list that is cut down to what was selected.

    Raises:
        DependencyError: a result is missing, is no list, has an element without the property, or two lists differ.
    """
    params = (command.params or {}).items()
    lists = {name: elements_of(value, command) for name, value in params if isinstance(value, Reference)}
    shapes = {elements.shape for elements in lists.values()}
    if len(shapes) > 1:
        sizes = " and ".join(str(len(elements.values)) for elements in lists.values())
        text = f"it runs for each element of lists that differ: they have {sizes} elements, or hold lists in another way"
        raise DependencyError(text, path=command.path)
    columns = [[(name, value) for value in elements.values] for name, elements in lists.items()]
    command = replace(command, select=command.listed)
    return shapes.pop(), [filled(command, dict(row)) for row in zip(*columns, strict=True)]


def referred(reference: Reference, command: Command) -> object:
    """Return what a reference of a command stands for, once its call has ended; of a list's elements, their `Elements`.

    Raises:
        DependencyError: there is no such result or property; `__cause__` is the call's error. To a write it makes no
            difference whether a white-list has null for a name, or the portal does not know the name.
    """
    if reference.is_each:
        return elements_of(reference, command)
    result = _result(reference, command.path)
    value = found(result, (reference.name, *reference.inner))
    if value is MISSING:
        raise _lacking(reference, result, command.path)
    if value is None and not is_sure_of(reference, command):
        raise _perhaps_lacking(reference, command.path)
    return value


def elements_of(reference: Reference, command: Command) -> Elements:
    """Return what a reference to a list's elements stands for.

    Raises:
        DependencyError: as `referred`.
    """
    result = _result(reference, command.path)
    try:
        elements = taken(result, (reference.name, *reference.inner))
    except TypeError:
        raise _lacking(reference, result, command.path) from None
    is_sure = is_sure_of(reference, command)
    for place, value in enumerate(elements.values):
        if value is MISSING:
            text = f"it needs {_named(reference)} of {reference.source.path}, whose element {place} has no such property"
            raise DependencyError(text, path=command.path)
        if value is None and not is_sure:
            raise _perhaps_lacking(reference, command.path)
    return elements


def is_sure_of(reference: Reference, command: Command) -> bool:
    """Tell whether a null there is harmless to the command, or means null and not that the portal does not know the name.

    A white-list answers null for a name that it does not know. Who names it in `select=` gets the same from the portal.
    """
    source: Command = reference.source.command
    return command.is_read or not source.listed or reference.name in source.select


def _perhaps_lacking(reference: Reference, path: str) -> DependencyError:
    source = reference.source.path
    text = (
        f"it needs {_named(reference)} of {source}, which is null, or no property at all: the portal does not tell, because "
        f"{source} has select=; if null is meant, put {reference.name!r} into its select="
    )
    return DependencyError(text, path=path)


def _result(reference: Reference, path: str) -> object:
    source: Call[Any] = reference.source
    if not source.done() or not isinstance(source.outcome, Ok):
        error = source.exception() if source.done() else None
        text = f"it needs {_named(reference)} of {source.path}, which has no result"
        raise DependencyError(text, path=path) from error
    return source.raw


def _lacking(reference: Reference, result: object, path: str) -> DependencyError:
    source: Call[Any] = reference.source
    if isinstance(result, list):
        has = f"is a list: refer to its elements with call.each[{reference.name!r}]"
    elif isinstance(result, Mapping):
        properties = cast("Mapping[str, object]", result)
        has = "is no list: refer to it without .each" if reference.is_each else f"has only {', '.join(properties)}"
        if not reference.is_each and reference.name in properties:
            has = f"has no such property inside of {reference.name!r}"
    else:
        has = f"is {type(result).__name__}"
        if source.adapter is not None:
            has += ": it was made before you referred to it; take the property from call.result() yourself"
    return DependencyError(f"it needs {_named(reference)} of {source.path}, whose result {has}", path=path)


def _named(reference: Reference) -> str:
    return "".join(f"[{name!r}]" for name in (reference.name, *reference.inner)) if reference.inner else repr(reference.name)
