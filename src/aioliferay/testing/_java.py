"""Java's types and values as far as a portal's services show them. Knows no JSON and no statement."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar, cast

Version = Literal["6.2", "7.0", "7.4"]
T = TypeVar("T")


class JavaError(Exception):
    """A Java exception thrown by a service or by the engine.

    `java_class` is the full class name, `message` may be None; `is_not_found` says that the class extends
    NoSuchModelException, which decides the HTTP status on later portals.
    """

    def __init__(
        self,
        java_class: str,
        message: str | None = None,
        *,
        cause: JavaError | None = None,
        is_not_found: bool = False,
    ) -> None:
        super().__init__(java_class, message)
        self.java_class = java_class
        self.message = message
        self.cause = cause
        self.is_not_found = is_not_found

    def __str__(self) -> str:
        return f"{self.java_class}: {self.message}" if self.message else self.java_class


@dataclasses.dataclass(frozen=True, slots=True)
class JavaType:
    """A Java type: `name` as in source (`long`, `long[]`, `java.util.List`), `items` the component or type parameters.

    `python` is the Python class of a bean, an enumeration or the like.
    """

    name: str
    items: tuple[JavaType, ...] = ()
    python: type | None = dataclasses.field(default=None, compare=False)

    @property
    def is_array(self) -> bool:
        """True for `long[]` and its like."""
        return self.name.endswith("[]")

    @property
    def is_primitive(self) -> bool:
        """True for types that cannot be null."""
        return self.name in BOXES


BOXES: dict[str, str] = {
    "boolean": "java.lang.Boolean",
    "byte": "java.lang.Byte",
    "double": "java.lang.Double",
    "float": "java.lang.Float",
    "int": "java.lang.Integer",
    "long": "java.lang.Long",
    "short": "java.lang.Short",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Name:
    """The Java name of a parameter or property whose Python name does not say it: `Annotated[str, Name("badNAME")]`."""

    text: str


class Mark(enum.Enum):
    """How a property of a bean is annotated in Java."""

    SHOWN = "@JSON"
    EXCLUDED = "@JSON(include=false)"


Shown: Literal[Mark.SHOWN] = Mark.SHOWN
Excluded: Literal[Mark.EXCLUDED] = Mark.EXCLUDED


class JavaLong(int):
    """A whole number that Java keeps as a long, a JSON string in 7.x."""


Long = Annotated[int, JavaType("long")]
LongObject = Annotated[int | None, JavaType("java.lang.Long")]
IntObject = Annotated[int | None, JavaType("java.lang.Integer")]
Calendar = Annotated[datetime, JavaType("java.util.Calendar")]


class Locale(str):
    """A java.util.Locale, written as `en_US`."""

    __slots__ = ()


LocaleMap = dict[Locale, str]


class File(bytes):
    """The content of a java.io.File parameter, and the name and type it was sent under.

    Of a file above 1 MiB the bytes are not kept: it is empty, while `size` and `sha256` tell of what came.
    """

    filename: str = ""
    content_type: str = ""
    counted: tuple[int, str] | None = None

    @property
    def size(self) -> int:
        """How many bytes came."""
        return len(self) if self.counted is None else self.counted[0]

    @property
    def sha256(self) -> str:
        """The SHA-256 of what came, in hexadecimal."""
        return hashlib.sha256(self).hexdigest() if self.counted is None else self.counted[1]


class JavaEnum(enum.Enum):
    """Base of enumerations: parameters take a constant's name, results show it."""


class Array(list[T], Generic[T]):
    """A Java array: `Array[Long]` is `long[]`, `Array[LongObject]` is `Long[]`, `list[LongObject]` is `List<Long>`."""

    component: JavaType = JavaType("java.lang.Object")

    def __init__(self, items: Iterable[T] = (), component: JavaType | None = None) -> None:
        super().__init__(items)
        if component is not None:
            self.component = component


class JavaMap(dict[str, object]):
    """A map the invoker itself makes; `is_hash` tells HashMap from LinkedHashMap, `capacity` is that it begins with."""

    def __init__(self, items: Mapping[str, object] | None = None, *, is_hash: bool = True, capacity: int = 16) -> None:
        super().__init__(items or {})
        self.is_hash = is_hash
        self.capacity = capacity


class Getter(NamedTuple):
    """One public getter of a bean."""

    name: str
    read: Callable[[], object]
    is_plain: bool = True
    is_marked: bool = False
    is_excluded: bool = False


class Bean:
    """A result shown as a bean, or a parameter made from a JSON object.

    Properties are the annotated attributes and the `@property` methods of the subclass, snake_case becoming
    camelCase, shown alphabetically. `Annotated[list[int], Shown]` is a collection marked `@JSON`,
    `Annotated[str, Excluded]` one marked `@JSON(include=false)`. `java_class` is the full Java class name (default:
    the Python name); an `is_interface` cannot be instantiated, only its implementations (subclasses) can.
    """

    java_class: ClassVar[str] = ""
    is_interface: ClassVar[bool] = False


class Model(Bean):
    """A bean given by its properties, keyed by their Java names.

    `shown` are those of plain calls. `nested` are further getters, which only 6.2 shows: in a white-list, and as the
    parent of nested statements; they have no setter. A `JavaError` as a value is a getter that throws it, a function
    without parameters one that is computed.
    """

    def __init__(self, java_class: str, shown: Mapping[str, object], *, nested: Mapping[str, object] | None = None) -> None:
        self.model_class = java_class
        self.shown: dict[str, object] = dict(shown)
        self.nested: dict[str, object] = dict(nested or {})

    def __getitem__(self, name: str) -> object:
        return self.shown[name] if name in self.shown else self.nested[name]


class ServiceContext:
    """The service context the portal makes from a request; `attributes` holds what the caller set, by Java name."""

    def __init__(self, attributes: Mapping[str, object] | None = None) -> None:
        self.attributes: dict[str, object] = dict(attributes or {})


def camel_case(name: str) -> str:
    """`group_id` -> `groupId`."""
    head, *rest = name.strip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


PLAIN_TYPES: dict[object, JavaType] = {
    int: JavaType("int"),
    bool: JavaType("boolean"),
    float: JavaType("double"),
    str: JavaType("java.lang.String"),
    bytes: JavaType("byte[]", (JavaType("byte"),)),
    datetime: JavaType("java.util.Date"),
    None: JavaType("void"),
    type(None): JavaType("void"),
    File: JavaType("java.io.File"),
    Locale: JavaType("java.util.Locale"),
    ServiceContext: JavaType("com.liferay.portal.service.ServiceContext"),
    list: JavaType("java.util.List"),
    dict: JavaType("java.util.Map"),
    Model: JavaType("java.lang.Object"),
}


def java_type(annotation: object) -> JavaType:
    """The Java type an annotation stands for; what is not known is `java.lang.Object`."""
    metadata = getattr(annotation, "__metadata__", ())
    if marked := next((item for item in metadata if isinstance(item, JavaType)), None):
        return marked
    if metadata:
        return java_type(annotation.__origin__)  # type: ignore[attr-defined] # an Annotated has it
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return _boxed(next(java_type(arg) for arg in typing.get_args(annotation) if arg is not type(None)))
    if origin is not None:
        return _generic_type(origin, tuple(java_type(arg) for arg in typing.get_args(annotation)))
    return _class_type(annotation)


def _class_type(annotation: object) -> JavaType:
    if annotation in PLAIN_TYPES:
        return PLAIN_TYPES[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Bean | JavaEnum):
        return JavaType(java_class_name(annotation), python=annotation)
    return JavaType("java.lang.Object")


def _generic_type(origin: object, items: tuple[JavaType, ...]) -> JavaType:
    if origin is Array:
        return JavaType(f"{items[0].name}[]", items)
    boxed = tuple(_boxed(item) for item in items)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return JavaType("java.util.Map", boxed)
    return JavaType("java.util.List", boxed[:1])


def _boxed(kind: JavaType) -> JavaType:
    return JavaType(BOXES.get(kind.name, kind.name), kind.items, kind.python)


def java_class_name(cls: type) -> str:
    """The full Java class name of a bean's or an enumeration's class."""
    return str(getattr(cls, "java_class", "")) or cls.__name__


def simple_class_name(value: object) -> str:
    """A value's class as error texts name it: `HashMap`, `UserImpl`."""
    if isinstance(value, Model):
        return re.sub("(Impl)?$", "Impl", value.model_class.rpartition(".")[2], count=1)
    if isinstance(value, JavaMap) and not value.is_hash:
        return "LinkedHashMap"
    name = java_class_name(type(value)) if isinstance(value, Bean) else class_of(value, "7.0")
    return name.rpartition(".")[2]


def class_of(value: object, version: Version) -> str:
    """The Java class of a value read from JSON: 6.2 reads whole numbers as Long, 7.x small ones as Integer."""
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, int):
        is_long = version == "6.2" or isinstance(value, JavaLong) or not -(2**31) <= value < 2**31
        return "java.lang.Long" if is_long else "java.lang.Integer"
    pairs: list[tuple[type, str]] = [
        (float, "java.lang.Double"),
        (str, "java.lang.String"),
        (dict, "java.util.HashMap"),
        (list, "java.util.ArrayList"),
        (datetime, "java.util.Date"),
    ]
    return next((name for kind, name in pairs if isinstance(value, kind)), "java.lang.Object")


_DECLARED: dict[type[Bean], dict[str, tuple[str, Any]]] = {}


def _declared(cls: type[Bean]) -> dict[str, tuple[str, Any]]:
    if cls in _DECLARED:
        return _DECLARED[cls]
    # The facade gives `Bean` a module that does not know the name; a subclass's own module knows its own names.
    hints = typing.get_type_hints(cls, localns={"ClassVar": ClassVar}, include_extras=True)
    found = {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not ClassVar}
    for name, member in inspect.getmembers(cls, lambda member: isinstance(member, property)):
        found[name] = typing.get_type_hints(member.fget, include_extras=True).get("return")
    _DECLARED[cls] = {_wire_name(name, hint): (name, hint) for name, hint in found.items() if not name.startswith("_")}
    return _DECLARED[cls]


def _wire_name(name: str, hint: object) -> str:
    explicit = next((item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Name)), None)
    return explicit.text if explicit else camel_case(name)


def properties_of(cls: type[Bean]) -> dict[str, tuple[str, JavaType]]:
    """The properties of a bean's class: Java name -> (attribute, type)."""
    return {wire: (name, java_type(hint)) for wire, (name, hint) in _declared(cls).items()}


def listed_properties(cls: type[Bean]) -> dict[str, JavaType]:
    """The properties that a plain answer shows of a bean's class: collections only if marked."""
    shown: dict[str, JavaType] = {}
    for wire, (_, hint) in _declared(cls).items():
        marks = getattr(hint, "__metadata__", ())
        kind = java_type(hint)
        is_collection = kind.is_array or kind.name in {"java.util.List", "java.util.Map"}
        if Excluded not in marks and (Shown in marks or not is_collection):
            shown[wire] = kind
    return shown


def getters_of(value: object, *, java: int = 8) -> list[Getter]:
    """The public getters of any value, `class` left out; of scalars only a string has some (`blank` since Java 11)."""
    if isinstance(value, Model):
        shown = [Getter(name, functools.partial(_computed, item), is_marked=True) for name, item in value.shown.items()]
        rest = [n for n in value.nested if n not in value.shown]
        hidden = [Getter(name, functools.partial(_computed, value.nested[name]), is_plain=False) for name in rest]
        return sorted(shown + hidden)
    if isinstance(value, Bean):
        return sorted(_bean_getters(value))
    if isinstance(value, str):
        blank = [Getter("blank", lambda: not value.strip())] if java >= 11 else []  # Java 11's isBlank()
        return [*blank, Getter("empty", lambda: not value)]
    return []


def _computed(value: object) -> object:
    if isinstance(value, JavaError):
        raise value
    return cast("Callable[[], object]", value)() if isinstance(value, types.FunctionType) else value


def _bean_getters(bean: Bean) -> Iterable[Getter]:
    for wire, (name, hint) in _declared(type(bean)).items():
        if hasattr(bean, name):
            marks = getattr(hint, "__metadata__", ())
            read = functools.partial(_read_attribute, bean, name, java_type(hint))
            yield Getter(wire, read, is_marked=Shown in marks, is_excluded=Excluded in marks)


def _read_attribute(bean: Bean, name: str, kind: JavaType) -> object:
    return as_java(getattr(bean, name), kind)


def as_java(value: object, kind: JavaType) -> object:
    """A Python value as its declared type keeps it: longs marked as such, `long[]` told from `List<Long>`."""
    unchanged = value
    if isinstance(value, int) and not isinstance(value, bool) and kind.name in ("long", "java.lang.Long"):
        return JavaLong(value)
    if isinstance(value, bytes) and not isinstance(value, File):
        return Array([byte - 256 if byte > 127 else byte for byte in value], JavaType("byte"))  # signed
    if isinstance(value, list | tuple):
        items = cast("Iterable[object]", value)
        item_kind = kind.items[0] if kind.items else JavaType("java.lang.Object")
        converted = [as_java(item, item_kind) for item in items]
        is_array = kind.is_array or isinstance(value, Array)
        return Array(converted, item_kind if kind.is_array else None) if is_array else converted
    if isinstance(value, dict) and len(kind.items) > 1:
        entries = cast("dict[object, object]", value).items()
        return {str(key): as_java(item, kind.items[1]) for key, item in entries}
    return unchanged


def epoch_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970; a moment without time zone is taken for UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
