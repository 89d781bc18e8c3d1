"""Java types as a discovery names them (`protocol.md` A.10) → Python types, as text. Knows no service and no module."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from aioliferay._services import is_primitive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aioliferay._core.catalog import Action, Catalog, Parameter

_DEEPEST: Final = 20
_SHORT: Final = {
    "com.liferay.portal.kernel.json.JSONArray": "jsonarray",
    "java.io.File": "file",
    "java.io.Serializable": "object",
    "java.lang.Object": "object",
    "java.math.BigDecimal": "bigdecimal",
    "java.math.BigInteger": "biginteger",
    "*": "object",
    "?": "object",
} | {
    f"java.util.{name}": short
    for short, names in {
        "date": ("Calendar", "Date"),
        "list": ("ArrayList", "Collection", "HashSet", "LinkedHashSet", "LinkedList", "List", "Set", "SortedSet", "TreeSet"),
        "map": ("HashMap", "LinkedHashMap", "Map", "SortedMap", "TreeMap"),
        "string": ("Locale", "TimeZone"),
    }.items()
    for name in names
}
_SCALARS: Final = {
    "boolean": "bool",
    "byte": "int",
    "short": "int",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "char": "str",
    "string": "str",
    "java.lang.Boolean": "bool",
    "java.lang.Byte": "int",
    "java.lang.Character": "str",
    "java.lang.Class": "str",
    "java.lang.Double": "float",
    "java.lang.Float": "float",
    "java.lang.Integer": "int",
    "java.lang.Long": "int",
    "java.lang.Short": "int",
    "java.lang.String": "str",
    "biginteger": "int",
    "number": "float",
}
_OTHERS: Final = {
    "object": "Any",
    "map": "Any",  # 7.x says so of `java.lang.Object` too
    "bigdecimal": "Decimal | float",
    "date": "int | datetime",
    "file": "UploadFile",
    "jsonarray": "Sequence[Any]",
    "OrderByComparator": "OrderByComparator",
    "ServiceContext": "ServiceContext",
}
_FIELDS: Final = _SCALARS | {"bigdecimal": "Decimal", "date": "datetime", "jsonarray": "list[Any]"}
_VAGUE: Final = frozenset({"list", "object"})
_UNREFERRED: Final = frozenset({"UploadFile", "OrderByComparator", "ServiceContext"})
_DATE: Final = re.compile(r"(?:(?:^d|D)ate(?:GT|LT)?|(?:^s|S)tartTime|(?:^e|E)ndTime|AccessTime)$")
_WORDS: Final = {"bool": "boolean", "int": "int", "float": "double", "str": "string"}


class JavaType(NamedTuple):
    """A type: `[]` is an array of its first argument, `list` and `map` are all that Java has of these."""

    name: str
    args: tuple[JavaType, ...] = ()


class Result(NamedTuple):
    """What a method returns.

    Attributes:
        type: in Python.
        word: of `Service._overloaded`, "" if the type is what `returns=` says.
        is_optional: whether it may be null.
    """

    type: str
    word: str = ""
    is_optional: bool = False


_RESULTS: Final = {
    "bigdecimal": Result("float", "double?", is_optional=True),
    "date": Result("int", "int?", is_optional=True),
    "jsonarray": Result("list[Any]"),
    "void": Result("None", "void"),
}


@lru_cache(maxsize=4096)
def java_type(text: str) -> JavaType:
    """Read a type: 6.2's `object<java.lang.Long>` is the class itself. What cannot be read is a class of that name."""
    text = "".join(text.split())
    if text.count("<") + text.count("[") > _DEEPEST:
        return JavaType("object")
    if text.endswith("[]"):
        return JavaType("[]", (java_type(text[:-2]),))
    name, bracket, inner = text.partition("<")
    if not bracket or not inner.endswith(">"):
        return JavaType(_SHORT.get(text, text))
    args = tuple(java_type(part) for part in _parts(inner[:-1]))
    if name == "object" and len(args) == 1:
        return JavaType("map", (JavaType("string"), JavaType("object"))) if args[0] == JavaType("map") else args[0]
    return JavaType(_SHORT.get(name, name), args)


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that are inside of no brackets."""
    depth = begin = 0
    for place, letter in enumerate(f"{text},"):
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            if text[begin:place]:
                yield text[begin:place]
            begin = place + 1


def names_of(text: str) -> set[str]:
    """Return the Java classes that a type names."""
    return {name for name in re.findall(r"[\w.$]+", text) if "." in name}


def _value(kind: JavaType) -> str:
    """Return the Python type of a value that is not null."""
    name, args = kind
    if name in {"[]", "list"}:
        return _sequence(kind)
    if name == "map" and args:
        return f"Mapping[str, {_value(args[1])}]" if len(args) == 2 else "Mapping[str, Any]"
    if name in _SCALARS or name in _OTHERS:
        return _SCALARS.get(name) or _OTHERS[name]
    simple = name.rpartition(".")[2]
    return simple if simple in _UNREFERRED else "JavaObject"


def _sequence(kind: JavaType) -> str:
    if not kind.args:
        return "Sequence[Any]"
    if kind == JavaType("[]", (JavaType("byte"),)):
        return "bytes"
    element = _value(kind.args[0])
    return f"list[{element}]" if element in _WORDS else f"Sequence[{element}]"


class Types:
    """The types of one catalog.

    Args:
        catalog: whose types are asked for.
        others: tell what lists and maps are of, where the catalog does not, such as those of 7.x that come with the library.
        models: names of models in Python, by their Java classes.
    """

    def __init__(self, catalog: Catalog, others: Iterable[Catalog] = (), models: Mapping[str, str] | None = None) -> None:
        self._models = models or {}
        self._is_reduced = not any("object<" in action.returns for action in catalog.actions)
        self._known = _known_by_name(others) if self._is_reduced else {}

    def parameter(self, parameter: Parameter) -> str:
        """Return what a parameter takes: `int | Reference`."""
        kind = java_type(parameter.type)
        value = _value(kind)
        if kind.name in _VAGUE and not kind.args:
            value = self._known.get((kind.name, parameter.name), value)
        if parameter.type == "long" and _DATE.search(parameter.name):
            value = "int | datetime"
        if value == "Any":
            return value
        referred = "" if value in _UNREFERRED else " | Reference"
        return f"{value}{referred}" if is_primitive(parameter.type) else f"{value}{referred} | None"

    def result(self, action: Action) -> Result:
        """Return what an action returns; one that fetches may find nothing."""
        name, args = kind = java_type(action.returns)
        if name in _SCALARS:
            is_optional = not is_primitive(name)
            return Result(_SCALARS[name], _WORDS[_SCALARS[name]] + "?" * is_optional, is_optional)
        if name in {"list", "[]"}:
            return self._list(kind)
        if name in _RESULTS:
            return _RESULTS[name]
        if not args and (name == "map" or (name == "object" and not self._is_reduced)):
            return Result("Any")
        model = self._models.get(name)
        return Result(f"models.{model}" if model else "JSONObject", is_optional="/fetch-" in action.path)

    def _list(self, kind: JavaType) -> Result:
        element = kind.args[0].name if kind.args else "object"
        if element in _SCALARS:
            return Result(f"list[{_SCALARS[element]}]", f"{_WORDS[_SCALARS[element]]}[]")
        if element in self._models:
            return Result(f"list[models.{self._models[element]}]")
        return Result("list[Any]" if element in {"[]", "list"} else "list[JSONObject]")


def field_type(name: str, kind: str, models: Mapping[str, str]) -> str:
    """Return the type of a property in a model, where it is not null."""
    if kind == "long" and name.endswith("Date"):
        return "datetime"
    return _field(java_type(kind), models)


def _field(kind: JavaType, models: Mapping[str, str]) -> str:
    name, args = kind
    if name in {"[]", "list"}:
        return f"list[{_field(args[0], models) if args else 'Any'}]"
    if name == "map" and args:
        return f"dict[str, {_field(args[1], models) if len(args) == 2 else 'Any'}]"
    return _FIELDS.get(name) or models.get(name, "Any")


def _known_by_name(catalogs: Iterable[Catalog]) -> dict[tuple[str, str], str]:
    """Return the Python types of parameters that are of the same list or map wherever they are told, by kind and name."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    parameters = (parameter for catalog in catalogs for action in catalog.actions for parameter in action.parameters)
    for parameter in parameters:
        kind = java_type(parameter.type)
        if kind.args or kind.name not in _VAGUE:
            found["list" if kind.name in {"list", "[]"} else "object", parameter.name].add(_value(kind))
    return {key: value for key, (value, *more) in found.items() if not more and value.startswith(("list", "Map", "Seq"))}
