"""A Python value → what the portal takes for it. Knows Liferay's types (`protocol.md` A.6); knows nothing of statements."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import numbers
import operator
import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from aioliferay._core.messages import Reference
from aioliferay._core.values import ServiceContext, Typed, UploadFile


def fastest() -> Callable[[Any], bytes]:
    """Return what writes values of JSON's own types: orjson's `dumps` where it is installed."""
    try:
        from orjson import dumps  # noqa: PLC0415 - it is an extra
    except ImportError:
        return to_json
    return dumps


write: Final = fastest()
"""Returns values of JSON's own types as JSON: what pydantic and orjson write is the same.

Raises:
    TypeError, ValueError: a text holds what UTF-8 cannot carry.
"""
_PLAIN: Final = frozenset({str, bool, type(None)})
_LONG: Final = range(-(2**63), 2**63)
_DEEPEST: Final = 100
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def plain(params: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of the parameters in JSON's own types, ready for `encode`.

    Raises:
        TypeError: a value has no form that the portal takes.
        ValueError: a value is out of range, not finite, or not text that UTF-8 can carry.
    """
    result: dict[str, object] = {}
    for name, value in params.items():
        if _is_plain(value):
            result[name] = value
        elif isinstance(value, Typed):
            result.update([_typed(name, value)])
        else:
            result[name] = value_of(value, name)
    return result


def encode(params: dict[str, object]) -> bytes:
    """Return the JSON object of plain parameters, in UTF-8.

    Raises:
        ValueError: a text holds what UTF-8 cannot carry.
    """
    try:
        return to_json(params)
    except PydanticSerializationError:
        for name, value in params.items():
            _check_text(name, name)
            _check_text(value, name)
        raise  # pragma: no cover - every value is of JSON's own types by now, so only text can fail


def value_of(value: object, where: str, depth: int = 0) -> object:
    """Return the value as JSON's own types; `where` names the parameter in the error."""
    if _is_plain(value):
        return value
    if depth > _DEEPEST:
        raise ValueError(f"parameter {where[:40]!r} is nested deeper than {_DEEPEST} levels, or contains itself")
    if isinstance(value, Reference | Typed):
        what = "a reference" if isinstance(value, Reference) else type(value).__name__
        raise TypeError(f"parameter {where!r} holds {what} inside another value: {what} must be the whole value")
    if isinstance(value, UploadFile):
        raise TypeError(f"parameter {where!r} has a value that cannot be sent: {_describe(value)}")
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value, where, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return value_of(fields, where, depth)
    raise TypeError(f"parameter {where!r} has a value that cannot be sent: {_describe(value)}")


def _is_plain(value: object) -> bool:
    kind = type(value)
    return kind in _PLAIN or (kind is int and value in _LONG)


def _describe(value: object) -> str:
    name = type(value).__name__
    if isinstance(value, UploadFile) or hasattr(value, "read") or hasattr(value, "__fspath__"):
        return f"{name}: a file never travels in a batch: give it to session.upload()"
    if isinstance(value, dt.time | dt.timedelta):
        return f"{name}: the portal knows points in time only, give a datetime"
    if callable(getattr(value, "__await__", None)):
        return f'{name}: await it first, or refer to one property of a call\'s result with call["name"]'
    return f"{name}: give text, a number, a date, bytes, a list, a mapping or a model"


def _integer(value: Any, where: str, _: int) -> int:
    number = operator.index(value)
    if number not in _LONG:
        raise ValueError(f"parameter {where!r} is out of the range of a long (64 bits)")
    return number


def _float(value: Any, where: str, _: int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"parameter {where!r} is not a finite number: {number}")
    return number


def _decimal(value: Decimal, where: str, _: int) -> str:
    if not value.is_finite():
        raise ValueError(f"parameter {where!r} is not a finite number: {value}")
    return str(value)


def _milliseconds(value: dt.date, where: str, _: int) -> int:
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if value.utcoffset() is None:
        raise ValueError(f"parameter {where!r} is a datetime without a time zone: give it one, such as datetime.UTC")
    return (value - _EPOCH) // dt.timedelta(milliseconds=1)


def _bytes(value: bytes | bytearray | memoryview, _: str, __: int) -> str:
    # Java's bytes are signed, and the portal reads `byte[]` from JSON *text* (protocol.md B.4).
    return "[" + ",".join(str(byte - 256 if byte > 127 else byte) for byte in bytes(value)) + "]"


def _list(value: list[object], where: str, depth: int) -> list[object]:
    return [value_of(item, where, depth + 1) for item in value]


def _mapping(value: Mapping[object, object], where: str, depth: int) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"parameter {where!r} has a key that is not text: {key!r}")
        result[str.__str__(key)] = value_of(item, f"{where}.{key}", depth + 1)
    return result


def _typed(name: str, value: Typed) -> tuple[str, object]:
    # The portal takes a class with a value from JSON *text* only: an object would be dropped (`protocol.md` A.5).
    if value.value is None:
        return f"+{name}", value.java_class
    plain_value = value_of(value.value, name)
    return f"{name}:{value.java_class}", plain_value if isinstance(plain_value, str) else to_json(plain_value).decode()


def _service_context(value: ServiceContext, where: str, depth: int) -> object:
    return _mapping(cast("Mapping[object, object]", value.to_params()), where, depth)


def _model(value: BaseModel, where: str, depth: int) -> object:
    return value_of(value.model_dump(by_alias=True), where, depth)


# In this order: a bool is plain, an IntEnum is a number, a StrEnum is text, any other Enum goes by its name (Java's rule).
_CONVERSIONS: Final[tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any, str, int], object]], ...]] = (
    (str, lambda value, _, __: str.__str__(value)),
    (numbers.Integral, _integer),
    (Enum, lambda value, _, __: value.name),
    (numbers.Real, _float),
    (Decimal, _decimal),
    (dt.date, _milliseconds),
    ((bytes, bytearray, memoryview), _bytes),
    (uuid.UUID, lambda value, _, __: str(value)),
    (ServiceContext, _service_context),
    (BaseModel, _model),
    (Mapping, _mapping),
    ((list, tuple, AbstractSet), _list),
)


def _check_text(value: object, where: str) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"parameter {where!r} holds text that UTF-8 cannot carry: {error.reason}") from None
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _check_text(item, where)
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            _check_text(key, where)
            _check_text(item, where)
