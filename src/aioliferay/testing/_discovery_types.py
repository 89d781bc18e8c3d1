"""How 7.x's discovery names types, and how it describes the classes it names. Knows no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aioliferay.testing._convert import implementation_of
from aioliferay.testing._java import Bean, JavaType, listed_properties
from aioliferay.testing._sample_beans import bean_types, class_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aioliferay.testing._java import Version

_FILE_DATA = "com.liferay.portal.json.data.FileData"  # what a result's java.io.File is shown as
_LISTS = frozenset({"java.util.ArrayList", "java.util.Collection", "java.util.LinkedList", "java.util.List"})
_MAPS = frozenset({"java.util.HashMap", "java.util.LinkedHashMap", "java.util.Map", "java.util.TreeMap"})
_PLAIN = frozenset({"boolean", "byte", "char", "double", "float", "int", "long", "short", "void"})
_SIMPLE = {
    "java.io.Serializable": "map",
    "java.lang.Boolean": "boolean",
    "java.lang.Byte": "byte",
    "java.lang.Double": "double",
    "java.lang.Float": "float",
    "java.lang.Integer": "int",
    "java.lang.Long": "long",
    "java.lang.Number": "number",
    "java.lang.Object": "map",
    "java.lang.Short": "short",
    "java.lang.String": "string",
    "java.math.BigDecimal": "bigdecimal",
    "java.math.BigInteger": "biginteger",
    "java.util.Date": "long",
    "java.util.Locale": "string",
    "java.util.TimeZone": "string",
}
_OF_PARAMETERS = {"java.io.File": "file", "java.lang.Class": "string"}


class Types:
    """The types of one discovery answer (JSONWebServiceDiscoverAction of 7.0): each class that was named, in order."""

    def __init__(self, version: Version) -> None:
        self._version: Version = version
        self._beans = bean_types(version)
        self._classes: dict[str, JavaType] = {}

    def name(self, kind: JavaType, *, is_result: bool = False) -> str:
        """The name of a type; a class that has no short one is noted."""
        if kind.is_array:
            component = kind.items[0] if kind.items else JavaType(kind.name.removesuffix("[]"))
            return f"{self.name(component, is_result=is_result)}[]"
        if kind.name in _PLAIN:
            return kind.name
        simple = _SIMPLE.get(kind.name) or (None if is_result else _OF_PARAMETERS.get(kind.name))
        if simple is not None:
            return simple
        name = self._class(kind)
        if not kind.items:
            return name
        return f"{name}<{','.join(self.name(_raw(item), is_result=is_result) for item in kind.items)}>"

    def _class(self, kind: JavaType) -> str:
        if kind.name in _LISTS:
            return "list"
        if kind.name in _MAPS:
            return "map"
        name = _FILE_DATA if kind.name == "java.io.File" else class_name(kind.name, self._version)
        self._classes.setdefault(name, kind)
        return name

    def described(self) -> list[dict[str, object]]:
        """The classes noted, and those that their properties name; one whose properties are not known has none."""
        described: list[dict[str, object]] = []
        while len(described) < len(self._classes):
            described += [self._described(name) for name in list(self._classes)[len(described) :]]
        return described

    def _described(self, name: str) -> dict[str, object]:
        cls = self._classes[name].python
        bean = self._beans.get(name)
        told: dict[str, object] = {}
        properties: Iterable[tuple[str, JavaType]] | None = None
        if cls is not None and issubclass(cls, Bean):
            found = implementation_of(self._classes[name], self._version)
            told = {"interface": True} if found is None else {}
            properties = listed_properties(found or cls).items()
        elif bean is not None:
            told = {"interface": True} if bean.is_interface else {}
            properties = bean.properties.items()
        if properties is not None:
            told["properties"] = [
                {"name": each, "type": self.name(_raw(kind))} for each, kind in sorted(properties, key=lambda pair: pair[0])
            ]
        return told | {"type": name}


def _raw(kind: JavaType) -> JavaType:
    """The type without its own type parameters, which nobody knows of a type parameter or a property."""
    return kind if kind.is_array else JavaType(kind.name, python=kind.python)
