"""Which services a portal has, under which paths and with which parameters. Knows no request."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from aioliferay.testing._java import JavaType, Name, Version, camel_case, java_type
from aioliferay.testing._text import normalize_camel_case, to_camel_case

F = TypeVar("F", bound=Callable[..., Any])
ALL_VERSIONS: frozenset[Version] = frozenset({"6.2", "7.0", "7.4"})
_JAVA_LANG = "Boolean Byte Character Class Double Exception Float Integer Long Object Runtime Short String System Thread"
_JAVA_UTIL = "ArrayList Calendar Collection Date HashMap HashSet LinkedHashMap LinkedList List Locale Map Set TreeMap"
KNOWN_CLASSES = frozenset(
    {
        "com.liferay.portal.kernel.util.OrderByComparator",
        "com.liferay.portal.service.ServiceContext",
        "com.liferay.portlet.asset.util.comparator.AssetTagNameComparator",
        "com.liferay.portlet.blogs.util.comparator.EntryDisplayDateComparator",
        "java.io.File",
        *(f"java.lang.{name}" for name in _JAVA_LANG.split()),
        *(f"java.util.{name}" for name in _JAVA_UTIL.split()),
    }
)
PATH = re.compile(r"/[^/]+/[^/.]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `user_id` is None for a guest."""

    user_id: int | None
    company_id: int
    is_administrator: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Execution:
    """One service method that really ran, nested ones too.

    `request` is the request's number, `statement` the place of the top-level statement in it (from 0), `error` the
    Java class of what the service threw.
    """

    path: str
    parameters: Mapping[str, object]
    user_id: int | None
    request: int
    statement: int
    error: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter on the wire; `argument` is its Python name."""

    name: str
    type: JavaType
    argument: str


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """One method; overloads have one each.

    `described` is what 6.2's discovery tells of it, None if that follows from the rest; `description` and
    `is_deprecated` are what 7.x's discovery tells besides.
    """

    path: str
    parameters: tuple[Parameter, ...]
    returns: JavaType
    method: Literal["GET", "POST"]
    is_guest_open: bool
    versions: frozenset[Version]
    interface: str
    function: Callable[..., Any]
    caller_argument: str | None = None
    described: Mapping[str, object] | None = None
    description: str = ""
    is_deprecated: bool = False

    @property
    def signature(self) -> str:
        """The order of overloads: path, count and names."""
        return "-".join([self.path, str(len(self.parameters)), *(parameter.name for parameter in self.parameters)])

    @property
    def rank(self) -> bytes:
        """The signature as Java compares it."""
        return self.signature.encode("utf-16-be", "surrogatepass")

    @property
    def names(self) -> frozenset[str]:
        """The parameters' names as they are compared on 6.2."""
        return frozenset(normalize_camel_case(parameter.name) for parameter in self.parameters)


class Catalog(NamedTuple):
    """The methods of a real portal that nothing plays, by path, and the names of the classes in their types."""

    overloads: Mapping[str, tuple[Action, ...]]
    classes: frozenset[str]


NO_CATALOG = Catalog({}, frozenset())

_HINTS: dict[tuple[object, ...], dict[str, Any]] = {}


class Registry:
    """The services of one portal: `actions` in order of registration, `classes` those that hints may name.

    What the `catalog` has and no registered service of the same path and parameter names replaces is there too.
    """

    def __init__(self, catalog: Catalog = NO_CATALOG) -> None:
        self.actions: list[Action] = []
        self.classes = KNOWN_CLASSES | catalog.classes
        self._catalog = catalog
        self._registered: dict[str, list[Action]] = {}
        self._overloads: dict[tuple[str, Version], list[Action]] = {}

    def service(
        self,
        path: str,
        *,
        versions: frozenset[Version] = ALL_VERSIONS,
        guest: bool = False,
        method: Literal["GET", "POST"] | None = None,
        interface: str = "",
    ) -> Callable[[F], F]:
        """Register the decorated function, plain or async, under `path`; several under one path are overloads.

        Parameter names become camelCase, their types follow from the annotations; one annotated `Caller` receives the
        caller. `guest` opens the method to guests; `method` is derived from the name if not given; `interface` is the
        Java service and method ("a.FooService#hello") named in 7.x's refusals and discovery, which shows the docstring
        too. Raises ValueError for a path or signature that is taken or malformed.
        """
        if not PATH.fullmatch(path):
            raise ValueError(f"{path!r} is no path of a service: it looks like /service/method or /context.service/method")

        def register(function: F) -> F:
            verb = method or ("GET" if re.match(r"(get|has|is)\b", path.rpartition("/")[2]) else "POST")
            parameters, returns, caller_argument = _signature(path, function)
            action = Action(
                path=path,
                parameters=parameters,
                returns=returns,
                method=verb,
                is_guest_open=guest,
                versions=versions,
                interface=interface or _interface(path),
                function=function,
                caller_argument=caller_argument,
                description=inspect.cleandoc(function.__doc__ or ""),
                is_deprecated=hasattr(function, "__deprecated__"),
            )
            overloads = self._registered.setdefault(path, [])
            if any(old.signature == action.signature and old.versions & versions for old in overloads):
                raise ValueError(f"{path} has a method with these parameters already")
            overloads.append(action)
            self.actions.append(action)
            self._overloads.clear()
            return function

        return register

    def find(self, path: str, names: Iterable[str], version: Version) -> Action | None:
        """The method for a path (with its `.N` hint) and the names of the parameters sent, or None.

        The one with most parameters sent wins, the first in order of signature among equals. 7.x ignores case here.
        """
        base, hint = _split_hint(path, version)
        sent = list(names)
        best: Action | None = None
        most = -1
        for action in self._overloads_of(base, version):
            wanted = len(action.parameters)
            count = _count_matches(action, sent, version)
            if hint in (None, wanted) and count > most and (hint is not None or count >= wanted):
                best, most = action, count
        return best

    def published(self, version: Version) -> list[Action]:
        """Every method there is in a version, in order of signature."""
        paths = self._registered.keys() | self._catalog.overloads.keys()
        found = [action for path in paths for action in self._overloads_of(path, version)]
        return sorted(found, key=lambda action: action.rank)

    def _overloads_of(self, path: str, version: Version) -> list[Action]:
        """The methods of a path in order of signature, the catalog's only where no registered one replaces them."""
        known = self._overloads.get((path, version))
        if known is not None:
            return known
        found = [action for action in self._registered.get(path, ()) if version in action.versions]
        replaced = {action.names for action in found}
        unplayed = self._catalog.overloads.get(path, ())
        found += [action for action in unplayed if version in action.versions and action.names not in replaced]
        found.sort(key=lambda action: action.rank)
        if found:  # or else any path that is asked for would be kept
            self._overloads[path, version] = found
        return found


_Signature = tuple[tuple[Parameter, ...], JavaType, str | None]
_SIGNATURES: dict[tuple[object, ...], _Signature] = {}


def _signature(path: str, function: Callable[..., Any]) -> _Signature:
    """The parameters, result and caller's parameter of a function; those of the samples' methods are read once."""
    if not str(getattr(function, "__module__", "")).startswith("aioliferay.testing."):
        return _read_signature(path, function)
    method = inspect.unwrap(function)
    key = (method.__code__, *function.__annotations__.items())
    if key not in _SIGNATURES:
        _SIGNATURES[key] = _read_signature(path, function)
    return _SIGNATURES[key]


def _read_signature(path: str, function: Callable[..., Any]) -> _Signature:
    try:
        hints = _hints(function)
    except NameError as error:
        raise TypeError(f"the annotations of {path} cannot be read at run time: {error}") from error
    parameters: list[Parameter] = []
    caller_argument: str | None = None
    for argument in inspect.signature(function).parameters:
        hint = hints.get(argument)
        if hint is Caller:
            caller_argument = argument
            continue
        named = next((item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Name)), None)
        name = named.text if named else camel_case(argument)
        kind = java_type(hints.get(argument, object))
        parameters.append(Parameter(name, kind, argument))
    returns = java_type(hints["return"]) if "return" in hints else JavaType("java.lang.Object")
    return tuple(parameters), returns, caller_argument


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, evaluated once for all functions of a module that are annotated with the same text."""
    written = getattr(function, "__annotations__", {})
    if not all(isinstance(annotation, str) for annotation in written.values()):
        return typing.get_type_hints(function, include_extras=True)
    key = (function.__module__, *written.items())
    if key not in _HINTS:
        _HINTS[key] = typing.get_type_hints(function, include_extras=True)
    return _HINTS[key]


def _interface(path: str) -> str:
    """A service interface's name for want of a given one: `/foo/hello-world` -> `FooService#helloWorld`."""
    service, _, method = path[1:].partition("/")
    return f"com.liferay.portal.kernel.service.{service.rpartition('.')[2].capitalize()}Service#{to_camel_case(method)}"


def split_context(path: str) -> tuple[str | None, str]:
    """The context before the last full stop of the first part, if any, and the rest: `/a.foo/x` -> `/a`, `/foo/x`."""
    slash = path.find("/", 1)
    dot = path.rfind(".", 0, slash + 1) if slash != -1 else -1
    return (None, path) if dot == -1 else (path[:dot], f"/{path[dot + 1 :]}")


def _split_hint(path: str, version: Version) -> tuple[str, int | None]:
    """The path without `.N`, and N; 6.2 takes anything after the full stop for a number, nought if it is none."""
    context, rest = split_context(path)
    base, dot, text = rest.partition(".")
    is_number = re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII) is not None
    if not dot or (version != "6.2" and not is_number):
        return path, None
    full = f"{context}.{base[1:]}" if context is not None else base
    return full, int(text) if is_number else 0


def _count_matches(action: Action, sent: list[str], version: Version) -> int:
    if version == "6.2":
        return sum(normalize_camel_case(parameter.name) in sent for parameter in action.parameters)
    lowered = [name.lower() for name in sent]
    return sum(lowered.count(parameter.name.lower()) for parameter in action.parameters)
