"""Collects the parameters of one call and prepares a method's arguments. Knows no statements and no HTTP."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

from aioliferay.testing._convert import (
    all_subclasses,
    convert,
    default_value,
    implementation_name,
    set_property,
)
from aioliferay.testing._java import Bean, File, JavaError, JavaType, ServiceContext, Version
from aioliferay.testing._text import hash_order, java_string, normalize_camel_case, to_camel_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aioliferay.testing._registry import Action, Parameter

VOID = object()


class RepeatedText(str):
    """A request parameter sent several times: a String[], of which Java's text shows no element."""

    __slots__ = ()


@dataclasses.dataclass(slots=True)
class Parameters:
    """What was sent for one call, by parameter: values, class hints and inner properties."""

    values: dict[str, object] = dataclasses.field(default_factory=lambda: {"serviceContext": VOID})
    types: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    inner: dict[str, list[tuple[str, object]]] = dataclasses.field(default_factory=dict[str, list[tuple[str, object]]])

    def put(self, key: str, value: object) -> None:
        """Take one parameter with its modifier: `-name`, `+name`, `+name:Class`, `name:Class`, `name.property`."""
        name, value = self._unmodified(key, value)
        base, dot, rest = name.partition(".")
        if dot:
            self.inner.setdefault(base, []).append((rest, value))
        else:
            self.values[name] = value

    def _unmodified(self, key: str, value: object) -> tuple[str, object]:
        if key.startswith("-"):
            return key[1:], None
        name, colon, type_name = key.removeprefix("+").partition(":")
        if colon:
            self.types[name] = type_name
        elif key.startswith("+") and value is not None:
            self.types[name], value = java_string(value), VOID
        is_hinted = bool(colon) or key.startswith("+")
        is_text = isinstance(value, str) and value.strip(" ") not in {"", "null"}
        return name, VOID if is_hinted and not is_text else value

    def put_sent(self, sent: Mapping[str, object]) -> None:
        """Take a command's parameters, whose names are normalised already, in the order given."""
        for name, value in sent.items():
            self.put(name, value)

    def put_request(self, extra: Mapping[str, object], *, is_json_rpc: bool = False) -> None:
        """Take parameters of the query, the form or a JSON-RPC request."""
        for name, value in extra.items():
            taken = value
            if isinstance(value, list) and not is_json_rpc:
                taken = _repeated(cast("list[object]", value))
            self.put(normalize_camel_case(name), taken)

    def put_path(self, parts: Iterable[str]) -> None:
        """Take what follows the method in a direct URL: `/user-id/1/-name`. Raises IllegalArgumentException."""
        left = iter(part for part in parts if part)
        for part in left:
            if part.startswith("-"):
                self.put(to_camel_case(part[1:]), None)
            elif part.startswith("+"):
                self.put(to_camel_case(part), None)
            elif (value := next(left, None)) is not None:
                self.put(to_camel_case(part), value)
            else:
                raise JavaError("java.lang.IllegalArgumentException", f"Missing value for parameter {part}")


def _repeated(values: list[object]) -> object:
    if values and all(isinstance(value, File) for value in values):
        return values
    return RepeatedText("[Ljava.lang.String;@1b2c3d4e")


def ordered(parameters: Mapping[str, object], version: Version, *, size: int) -> dict[str, object]:
    """A command's parameters as its HashMap gives them back; 6.2 makes the map for `size` entries."""
    return {name: parameters[name] for name in hash_order(parameters, size if version == "6.2" else 16)}


def arguments(action: Action, sent: Parameters, version: Version, classes: frozenset[str]) -> dict[str, object]:
    """The arguments by wire name. Raises `JavaError` for what does not convert, and for a null number."""
    prepared = {
        parameter.name: _argument(parameter, place, sent, version, classes)
        for place, parameter in enumerate(action.parameters)
    }
    if any(parameter.type.is_primitive and prepared[parameter.name] is None for parameter in action.parameters):
        raise JavaError("java.lang.IllegalArgumentException")
    return prepared


def _argument(  # one call site
    parameter: Parameter, place: int, sent: Parameters, version: Version, classes: frozenset[str]
) -> object:
    name = normalize_camel_case(parameter.name)
    value = sent.values.get(name)
    if value is not None:
        kind = parameter.type
        if name in sent.types:
            kind = _hinted(kind, sent.types[name], place, version, classes)
        value = default_value(kind) if value is VOID else convert(value, kind, version)
    for inner_name, inner_value in sent.inner.get(name, ()):
        if value is not None:
            set_property(value, inner_name, inner_value, version)
    return value


def _hinted(  # as above
    kind: JavaType, name: str, place: int, version: Version, classes: frozenset[str]
) -> JavaType:
    """The type a class hint names; 7.4 allows only the declared class and its implementation."""
    wanted = _own_name(kind, version)
    subclass = _subclass(kind, name)
    if subclass is None and name != wanted and name not in classes:
        raise JavaError("java.lang.ClassNotFoundException", name)
    if version == "7.4" and "com.liferay" in name and "Util" in name:
        raise JavaError("java.lang.IllegalArgumentException", f"Not instantiating {name}")
    if name == wanted:
        return kind
    if subclass is None:
        text = f"Unmatched argument type {name} for method argument {place}"
        raise JavaError("java.lang.IllegalArgumentException", text)
    if version == "7.4" and name != implementation_name(kind.name):
        text = f"{name} is not allowed to be instantiated"
        raise JavaError("jodd.typeconverter.TypeConversionException", text)
    return subclass


def _own_name(kind: JavaType, version: Version) -> str:
    is_moved = kind.python is ServiceContext or kind.name.endswith(".ServiceContext")
    return kind.name.replace("portal.service", "portal.kernel.service") if is_moved and version != "6.2" else kind.name


def _subclass(kind: JavaType, name: str) -> JavaType | None:
    if kind.python is None or not issubclass(kind.python, Bean):
        return None
    found = [cls for cls in all_subclasses(kind.python) if cls.java_class == name]
    return JavaType(name, python=found[-1]) if found else None
