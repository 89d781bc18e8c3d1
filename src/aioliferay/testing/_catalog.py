"""What a running Liferay 6.2.5 publishes, as its discovery told and the package keeps it. Knows no service that plays it."""

from __future__ import annotations

import functools
import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypedDict, cast

from aioliferay.testing._java import JavaError, JavaType
from aioliferay.testing._registry import Action, Catalog, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioliferay.testing._java import Version

FILE = Path(__file__).parents[1] / "catalogs" / "liferay-6.2.json.gz"
_VERSIONS: frozenset[Version] = frozenset({"6.2"})
_NAMES = {
    "list": "java.util.List",
    "map": "java.util.Map",
    "object": "java.lang.Object",
    "string": "java.lang.String",
}
_DATE = re.compile("Date(GT|LT)?$")


class _Parameter(TypedDict):
    name: str
    type: str


class _Described(TypedDict):
    method: Literal["GET", "POST"]
    parameters: list[_Parameter]
    path: str
    response: str


@functools.cache
def catalog() -> Catalog:
    """The catalog of 6.2.5: read once in a process, shared by its portals, never changed."""
    read = json.loads(gzip.decompress(FILE.read_bytes()))
    overloads: dict[str, list[Action]] = {}
    for described in cast("list[_Described]", read["actions"]):
        overloads.setdefault(described["path"], []).append(_action(described))
    found = {path: tuple(actions) for path, actions in overloads.items()}
    return Catalog(found, frozenset(_classes(action for actions in found.values() for action in actions)))


def _action(described: _Described) -> Action:
    path = described["path"]
    return Action(
        path=path,
        parameters=tuple(Parameter(each["name"], _parameter_type(each), each["name"]) for each in described["parameters"]),
        returns=parse_type(described["response"]),
        method=described["method"],
        is_guest_open=False,
        versions=_VERSIONS,
        interface="",
        function=functools.partial(_unplayed, path),
        described=cast("dict[str, object]", described),
    )


def _unplayed(path: str, /, **given: object) -> NoReturn:
    del given
    text = f'the stand-in knows {path} but does not play it; register it with portal.service("{path}")'
    raise JavaError("java.lang.UnsupportedOperationException", text)


def _parameter_type(parameter: _Parameter) -> JavaType:
    """The type; a `long` called ...Date is a java.util.Date, as each of those is in the source."""
    is_date = parameter["type"] == "long" and _DATE.search(parameter["name"]) is not None
    return JavaType("java.util.Date") if is_date else parse_type(parameter["type"])


@functools.cache
def parse_type(text: str) -> JavaType:
    """The type that a text in 6.2's discovery names: `long[]`, `map<string,object<java.lang.Long>>`, `object<list>`.

    What discovery calls `string` may be a java.util.Locale too, `object` a java.io.Serializable; neither shows in a
    conversion. Types without a converter are named all the same: what a parameter of theirs takes, `_convert` says.
    """
    if text.endswith("[]"):
        item = parse_type(text.removesuffix("[]"))
        return JavaType(f"{item.name}[]", (item,))
    name, bracket, rest = text.partition("<")
    if name == "object" and bracket:
        return parse_type(rest.removesuffix(">"))
    return JavaType(_NAMES.get(name, name), tuple(map(parse_type, _split(rest.removesuffix(">")))))


def _split(text: str) -> Iterator[str]:
    """The parts between the commas that stand in no brackets."""
    part = ""
    for piece in text.split(",") if text else ():
        part += f",{piece}" if part else piece
        if part.count("<") == part.count(">"):
            yield part
            part = ""


def _classes(actions: Iterator[Action]) -> Iterator[str]:
    """The names of all classes in the actions' types: a class hint may name any of them."""
    for action in actions:
        for kind in [action.returns, *(parameter.type for parameter in action.parameters)]:
            yield from _class_names(kind)


def _class_names(kind: JavaType) -> Iterator[str]:
    if "." in kind.name and not kind.is_array:
        yield kind.name
    for item in kind.items:
        yield from _class_names(item)
