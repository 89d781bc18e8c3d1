"""Commands ⇄ bytes ⇄ outcomes, for both generations of the wire (6.2 and 7.x). Knows the grammar of a statement and what
every kind of answer means; does not know who sends or who waits.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, to_json

from aioliferay._core import encoding, parsing
from aioliferay._core.messages import Answer, Command, Form, Ok, Outcome, RawParams, Reference
from aioliferay._core.refusals import refusal, refused
from aioliferay.errors import LiferayError, ProtocolError, ResultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic_core.core_schema import CoreConfig

P = TypeVar("P")
T = TypeVar("T")
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+/[A-Za-z0-9_-]+(?:\.[0-9]+)?", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MILLISECONDS: Final = cast("CoreConfig", {"val_temporal_unit": "milliseconds"})  # newer than its declaration
_MOST_PATHS: Final = 10_000
_MOST_NAMES: Final = 100  # of one path
forms: Final[dict[str, Form]] = {}
"""Of paths that were checked."""
_NAMED: Final = frozenset({"fields", "choices"})  # schemas by names: of fields, of the values of a tag
_VALUES: Final = frozenset({"default", "expected", "metadata"})  # what looks like a schema in these is none
_READ: Final = re.compile(r"/[^/]*/(?:get|has|is)(?:-|\.|$)")


def command(
    path: str,
    params: Mapping[str, object] | None = None,
    *,
    select: Sequence[str] | None = None,
    idempotent: bool | None = None,
    is_read: bool | None = None,
) -> Command:
    """Check and encode one call. `is_read`: whether it changes nothing, where more is known than its name.

    Paths, parameter names and selected names are refused unless they are plain: they are code to the portal, and a malformed
    statement fails the whole batch *after* earlier statements ran (`protocol.md` A.2, A.4).

    Raises:
        TypeError: the path, a name or a value is of a wrong type.
        ValueError: the path or a name is not plain, or a value is out of range.
    """
    _check_path(path)
    params = _checked(path, {} if params is None else params)
    selected = _selection(path, select)
    is_raw = isinstance(params, RawParams)
    is_read = (is_read_by_name(path) if is_read is None else is_read) and not is_raw and idempotent is not False
    is_idempotent = bool(idempotent)
    known = {name: value for name, value in params.items() if type(value) is not Reference}
    is_whole = len(known) == len(params)
    if known.get("serviceContext", 0) is None and not is_raw:  # of null the portal makes a NullPointerException (F.36)
        del known["serviceContext"]
    if is_whole:
        statement = _statement(path, known, selected)
        _remember(path, params)
        return Command(path, statement, None, selected, is_read, is_idempotent, is_raw, listed=selected)
    # A copy, reduced to JSON's types: what the caller does to its own mapping later is no concern of a checked command.
    plain = _naming(path, encoding.plain, known)
    _naming(path, encoding.encode, plain)
    waiting = {**plain, **{name: value for name, value in params.items() if type(value) is Reference}}
    return Command(path, b"", waiting, selected, is_read, is_idempotent, is_raw, listed=selected)


def _remember(path: str, params: Mapping[str, object]) -> None:
    """Remember a path and names that were checked, for calls that are made without a look at anything else."""
    form = forms.get(path) or Form(path, is_read_by_name(path), _head(path, ()), b"}")
    if len(forms) < _MOST_PATHS:
        forms[path] = form
    for name in params:
        is_new = name not in form.of_number and len(form.of_number) < _MOST_NAMES
        if is_new and is_plain_name(name) and name != "serviceContext":
            form.learn(name)


def bind(waiting: Command, values: Mapping[str, object]) -> Command:
    """Return the command with references of `params` replaced: `values` gives one by parameter name. Others stay.

    Raises:
        TypeError, ValueError: a value cannot be sent.
    """
    params = {**(waiting.params or {}), **values}
    if any(type(value) is Reference for value in params.values()):
        _naming(waiting.path, encoding.plain, values)
        return replace(waiting, params=params)
    return replace(waiting, statement=_statement(waiting.path, params, waiting.listed), params=None)


def literal(command: Command, values: Mapping[str, object]) -> bytes:
    """Return the parameters that are no references, and those of `values`, as an encoded JSON object.

    Raises:
        TypeError, ValueError: a value cannot be sent.
    """
    if command.params is None:
        return command.statement[len(_head(command.path, command.listed)) : -1]
    params = {**command.params, **values}
    known = {name: value for name, value in params.items() if type(value) is not Reference}
    return _naming(command.path, encoding.encode, _naming(command.path, encoding.plain, known))


def relisted(command: Command, listed: tuple[str, ...]) -> Command:
    """Return the command with another white-list in its statement, none if it is empty; its `select` stays."""
    if command.params is not None:
        return replace(command, listed=listed)
    head = _head(command.path, command.listed)
    return replace(command, statement=_head(command.path, listed) + command.statement[len(head) :], listed=listed)


def is_plain_name(name: str) -> bool:
    """Tell whether a name of a parameter or property is no code to the portal."""
    return _NAME.fullmatch(name) is not None


def encode(commands: Sequence[Command]) -> bytes:
    """Return the request's body: a JSON array, also for one command (a single object's null result would be `{}`)."""
    return b"[%b]" % b",".join([command.statement for command in commands])


def results(answer: Answer, count: int) -> list[Any] | None:
    """Return the results in an answer, one a command; None if it is anything else, of which `decode` says more."""
    if answer.status != 200:
        return None
    try:
        value: Any = parsing.read(answer.body)
    except ValueError:
        return None
    return value if isinstance(value, list) and len(value) == count else None  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # it narrows Any to list[Unknown]


def typed_results(answer: Answer, adapters: Sequence[Adapter]) -> list[Any] | None:
    """Return the results in an answer, each as its type, without dictionaries in between.

    None if one does not fit, if it is anything else, or if results of these types in this order are here for the first time:
    what reads them costs more than it saves once.
    """
    if answer.status != 200:
        return None
    one, *others = {*adapters}
    try:
        values = one.read_all(answer.body) if not others else _row_of(tuple(adapters)).read(answer.body)
    except Exception:  # noqa: BLE001 - a validator of the user's may raise anything: whoever looks at each result tells
        return None
    return values if len(values) == len(adapters) else None


def decode(answer: Answer, commands: Sequence[Command]) -> list[Outcome[Any]]:
    """Say what the answer means: one outcome a command, in their order. Never raises."""
    refused_by_status = refusal(answer)
    if refused_by_status is not None:
        return refused(refused_by_status, commands)
    try:
        value: Any = parsing.read(answer.body)
    except ValueError as error:
        told = ProtocolError(
            f"the portal answered {_excerpt(answer.body)!r}, which is no JSON ({error}); is the server URL right?",
            status=answer.status,
            excerpt=_excerpt(answer.body),
        )
        return refused(told, commands)
    results: list[Any] | None = value if isinstance(value, list) else None  # pyright: ignore[reportUnknownVariableType]  # it narrows Any to list[Unknown]
    if results is not None and answer.status == 200 and len(results) == len(commands):
        return [Ok(item) for item in results]
    return refused(_mismatch(answer, results, len(commands)), commands)


def fit(outcome: Outcome[Any], adapter: Adapter | None, path: str) -> Outcome[Any]:
    """Return the outcome with its value as the type that the caller asked for."""
    if adapter is None or not isinstance(outcome, Ok):
        return outcome
    try:
        return Ok(_validated(outcome.value, adapter))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the result itself"
        more = f" ({error.error_count()} problems in all)" if error.error_count() > 1 else ""
        return _misfit(outcome, f"the result does not fit returns={error.title}: {place}: {first['msg']}{more}", error, path)
    except Exception as error:  # noqa: BLE001 - a validator of the user's own may raise anything, and must harm one call only
        return _misfit(outcome, f"the result cannot be read as returns=: {type(error).__name__}: {error}", error, path)


class Adapter:
    """Reads results as one type.

    Attributes:
        validate_python: reads one that is JSON's values already.
        validate_json: reads one that is JSON.
    """

    __slots__ = ("_of_all", "_schema", "validate_json", "validate_python")

    def __init__(self, schema: Any) -> None:
        one = _validator_of(schema)
        self.validate_python: Callable[..., Any] = one.validate_python
        self.validate_json: Callable[..., Any] = one.validate_json
        self._schema: Any = schema
        self._of_all: SchemaValidator | None = None

    def read_all(self, body: bytes) -> list[Any]:
        """Return all results of an answer, straight from its JSON, without dictionaries in between.

        Raises:
            ValueError: it is no list, or one of them does not fit.
        """
        if self._of_all is None:
            self._of_all = _validator_of(core_schema.list_schema(self._schema))
        return cast("list[Any]", self._of_all.validate_json(body))

    def named(self, name: str) -> Any:
        """Return the type for schemas that name it."""
        return {**self._schema, "ref": name}


class _Row:
    """Reads lists whose elements have these types, in this order, from the second list on."""

    def __init__(self, adapters: tuple[Adapter, ...]) -> None:
        self._adapters = adapters
        self._lists = 0
        self._of_each: SchemaValidator | None = None

    def read(self, body: bytes) -> list[Any]:
        """Return the elements; none if this is the first list, or pydantic has no names for these types.

        Raises:
            ValueError: it is no such list.
        """
        self._lists += 1
        if self._lists == 2:
            names = {adapter: f"type-{number}" for number, adapter in enumerate({*self._adapters})}
            kinds = [adapter.named(name) for adapter, name in names.items()]
            each: list[Any] = [core_schema.definition_reference_schema(names[adapter]) for adapter in self._adapters]
            self._of_each = _validator_of(core_schema.definitions_schema(core_schema.tuple_schema(each), kinds))
        return [] if self._of_each is None else list(self._of_each.validate_json(body))


_row_of = lru_cache(maxsize=16)(_Row)


def _validator_of(schema: Any) -> SchemaValidator:
    # Not the ready validators of nested models: they know nothing of milliseconds.
    return SchemaValidator(schema, _MILLISECONDS, _use_prebuilt=False)


def adapter_for(returns: Any) -> Adapter:
    """Return what reads a type, remembered where the type can be.

    Numbers become dates as milliseconds, as the portal means them, in models too: pydantic by itself takes small ones for
    seconds, and Liferay's default birthday is near zero. A model's own `val_temporal_unit` stays.

    Raises:
        TypeError: pydantic does not understand the type.
    """
    try:
        hash(returns)
    except TypeError:
        return _adapter_for(returns)
    return _remembered_adapter_for(returns)


def _adapter_for(returns: Any) -> Adapter:
    try:
        adapter = TypeAdapter(returns)
    except PydanticUserError as error:
        raise TypeError(f"returns={returns!r} is not a type that pydantic understands: {error.message}") from error
    if not adapter.pydantic_complete and not adapter.rebuild(raise_errors=False):
        raise TypeError(f"returns={returns!r} is not a type that pydantic understands: it names one that is not defined yet")
    return Adapter(_in_milliseconds(adapter.core_schema))


_remembered_adapter_for = lru_cache(maxsize=1024)(_adapter_for)


def _in_milliseconds(schema: Any) -> Any:
    kind = type(cast("object", schema))
    if kind is list or kind is tuple:
        parts: list[Any] = [_in_milliseconds(part) for part in schema]
        return parts if kind is list else tuple(parts)
    if kind is not dict:
        return schema
    result = {key: value if key in _VALUES else _parts_in_milliseconds(key, value) for key, value in schema.items()}
    if schema.get("type") in {"model", "dataclass", "typed-dict"}:
        result["config"] = {"val_temporal_unit": "milliseconds"} | (schema.get("config") or {})
    return result


def _parts_in_milliseconds(key: str, part: Any) -> Any:
    if key in _NAMED and isinstance(part, dict):  # of any names, which mean nothing here
        return {name: _in_milliseconds(part[name]) for name in cast("Iterable[Any]", part)}
    return _in_milliseconds(part)


NOTHING: Final = adapter_for(None)


def _check_path(path: object) -> None:
    if not isinstance(path, str):
        raise TypeError(f"the path must be text such as '/user/get-user-by-id', not {type(path).__name__}")
    if not _PATH.fullmatch(path):
        raise ValueError(
            f"the path {path[:200]!r} is not of the form '/service/method' or '/context.service/method', "
            "such as '/user/get-user-by-id'"
        )


def _checked(path: str, params: Mapping[str, object]) -> Mapping[str, object]:
    if not hasattr(params, "items"):
        raise TypeError(f"{path}: the parameters must be a mapping of names to values, not {type(params).__name__}")
    is_raw = isinstance(params, RawParams)
    for name in params:
        if not isinstance(name, str):
            raise TypeError(f"{path}: the name of a parameter must be text, not {name!r}")
        if not is_raw and not is_plain_name(name):
            raise ValueError(
                f"{path}: {name[:200]!r} is not a plain parameter name; what '+', '-', '@', '$', '.' and ':' do in a name "
                "is code to the portal: if your program means that, use RawParams"
            )
    return params


def _selection(path: str, select: Sequence[str] | None) -> tuple[str, ...]:
    if select is None:
        return ()
    names = () if isinstance(select, str) else tuple(select)
    if isinstance(select, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{path}: select= takes a list of property names, such as ['firstName', 'emailAddress']")
    if not names:
        raise ValueError(f"{path}: select= names no property; leave it out for the full result")
    for name in names:
        if not is_plain_name(name):
            raise ValueError(f"{path}: {name[:200]!r} in select= is not a plain property name")
    return names


def is_read_by_name(path: str) -> bool:
    """Tell whether a service changes nothing, as far as its name says: `get*`, `has*` and `is*` (`protocol.md` A.8)."""
    return _READ.match(path) is not None


def _statement(path: str, params: Mapping[str, object], select: tuple[str, ...]) -> bytes:
    encoded = _naming(path, encoding.encode, _naming(path, encoding.plain, params))
    return b"%b%b}" % (_head(path, select), encoded)


@lru_cache(maxsize=1024)
def _head(path: str, listed: tuple[str, ...]) -> bytes:
    key = f"$it[{','.join(listed)}] = {path}" if listed else path
    return b'{"%b":' % key.encode()


def _naming(path: str, convert: Callable[[P], T], params: P) -> T:
    try:
        return convert(params)
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _misfit(outcome: Ok[Any], text: str, cause: Exception, path: str) -> Ok[Any]:
    error = ResultError(text, value=outcome.value, path=path)
    error.__cause__ = cause
    return Ok(outcome.value, error)


def _validated(value: object, adapter: Adapter) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        try:
            return adapter.validate_json(to_json(value))  # a strict model takes text for a date only from JSON, which it was
        except ValidationError:
            raise error from None


def _mismatch(answer: Answer, results: list[Any] | None, count: int) -> LiferayError:
    if results is not None:
        what = f"{len(results)} results for {count} calls"
    else:
        what = f"{_excerpt(answer.body)!r} where a list of {count} results was due"
    text = f"the portal answered {what}, with status {answer.status}"
    return ProtocolError(text, status=answer.status, excerpt=_excerpt(answer.body))


def _excerpt(body: bytes) -> str:
    return body[:80].decode("utf-8", "replace")
