"""Services by name, `services.user.get_group_users(group_id=1)`, and the base of generated classes. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from types import GenericAlias, NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol, TypeVar, cast, overload

from pydantic import BaseModel

from aioliferay._calling import through
from aioliferay._core import naming
from aioliferay._core.messages import Reference
from aioliferay._core.values import Typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Unpack

    from aioliferay._call import Call
    from aioliferay._calling import CallOptions, Params
    from aioliferay._core.catalog import Action, Catalog
    from aioliferay._portal import Portal

    _Names = tuple[Mapping[str, object], frozenset[str]]  # all that an overload takes, and what it cannot do without

T = TypeVar("T")
JSONObject = dict[str, Any]
JavaObject = Mapping[str, Any] | BaseModel | Typed | Enum | str
"""What a parameter of a Java class takes: its properties, JSON text of these, or a constant of an enumeration."""
Text = str | None
_SIMPLE: Final[Mapping[str, Any]] = {
    "boolean": bool,
    **dict.fromkeys(("byte", "int", "long", "short"), int),
    **dict.fromkeys(("float", "double"), float),
    "char": str,
    "string": Text,
}
_RESULTS: Final[Mapping[str, Any]] = {
    "void": None,
    **_SIMPLE,
    **{f"{name}?": kind | None for name, kind in _SIMPLE.items()},
    **{f"{name}[]": GenericAlias(list, str if name == "string" else kind) for name, kind in _SIMPLE.items()},
}
ANY: Any = Any  # the result as it comes


class Door(Protocol):
    """A front door: whatever makes calls of paths and parameters, such as a `Session` or a `BatchSession`."""

    @property
    def portal(self) -> Portal:
        """What is known of its portal."""
        ...

    def call(self, path: str, params: Params = ..., *, returns: Any = ..., **options: Unpack[CallOptions]) -> Call[Any]:
        """Make a call."""
        ...


class HasServices:
    """What a front door offers besides `call`."""

    @property
    def services(self) -> Services:
        """The portal's services by name, for calls of this session or batch: `services.blogsentry.get_entry(entry_id=1)`."""
        return Services(cast("Door", self))


class Service:
    """The base of a typed service: a class with a method for each method of the service.

    Each method takes parameters by keyword, and the options of `Session.call`. Where the result is an object or a list,
    `returns=` is its type, as of `Session.call`; left out, it is a model, if the service has models, or what JSON gives.

    Args:
        door: a session, which sends each call by itself, or a batch, which collects them.

    Attributes:
        portal_version: the Liferay version whose catalog the class was made from, "" if it was made from another.
        name: of the service, such as `blogsentry`.
    """

    __slots__ = ("_door",)
    portal_version: ClassVar[str] = ""
    name: ClassVar[str] = ""

    def __init__(self, door: Door) -> None:
        if not callable(getattr(door, "call", None)):
            raise TypeError(f"{type(self).__name__} takes a session or a batch, not {type(door).__name__}")
        self._door = door
        if self.portal_version:
            door.portal.note_services(self.portal_version)

    def _call(  # noqa: PLR0913, PLR0917 - each generated method calls it: their text stays short
        self,
        path: str,
        params: dict[str, object],
        primitives: str,
        returns: Any,
        options: CallOptions,
        models: Callable[[], Any] | None = None,
    ) -> Call[Any]:
        """Make a call.

        Args:
            path: as it is sent.
            params: as they are sent.
            primitives: names of parameters that cannot be null, with spaces between.
            returns: a type; or, as text, a word: the portal's for a simple type, such as `long` or `string[]`, or a model,
                `@BlogsEntry` or `@BlogsEntry[]`. What may be null has `?` behind.
            options: of the call.
            models: gives the module of the models.
        """
        if self.portal_version:
            self._door.portal.note_services(self.portal_version)
        kinds = {*map(type, params.values())}
        if NoneType in kinds:  # not `None in`, which would compare values of the caller's own
            params = _without_nulls(path, params, primitives.split())
        if isinstance(returns, str):  # the method's own: for each element of a list, a list of it
            returns = _RESULTS[returns] if returns in _RESULTS else _type_of(returns, models)
            returns = GenericAlias(list, returns) if Reference in kinds and _is_each(params) else returns
        return through(self._door, path, params, kinds, returns, options)

    def _find(  # noqa: PLR0913, PLR0917 - as above
        self,
        path: str,
        params: dict[str, object],
        primitives: str,
        returns: Any,
        options: CallOptions,
        models: Callable[[], Any] | None = None,
    ) -> Call[Any]:
        """Make a call whose result may be null, whatever `returns` is."""
        returns = f"{returns}?" if isinstance(returns, str) else _or_null(returns)
        return self._call(path, params, primitives, returns, options, models)

    def _overloaded(
        self, path: str, overloads: str, given: dict[str, Any], models: Callable[[], Any] | None = None
    ) -> Call[Any]:
        """Make a call of the overload that takes what is given.

        Args:
            path: as it is sent.
            overloads: words. Each overload is its parameters, `name:type` or `python_name=name:type`, and then its result,
                as in `_call`; `object` is what comes as it is.
            given: parameters by their names in Python, and options of the call.
            models: as in `_call`.
        """
        known = _parsed(overloads)
        options: Any = {name: given.pop(name) for name in naming.OPTIONS & given.keys()}
        for each in known:
            if given.keys() <= each.names.keys() and each.required <= given.keys():
                params = {each.names[name]: value for name, value in given.items()}
                returns = options.pop("returns", None)
                if returns is None:
                    returns = each.returns
                elif each.returns.endswith("?"):
                    returns = _or_null(returns)
                return self._call(path, params, each.primitives, returns, options, models)
        method = naming.free(path.rpartition("/")[2].replace("-", "_"))
        takes = [f"{method}({', '.join(each.told)})" for each in known]
        raise TypeError(_misfit(f"{self.name}.{method}", given, [(each.names, each.required) for each in known], takes))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._door!r}>"


class _Overload(NamedTuple):
    names: Mapping[str, str]
    required: frozenset[str]
    primitives: str
    returns: str
    told: list[str]


@lru_cache(maxsize=4096)
def _parsed(overloads: str) -> list[_Overload]:
    result: list[_Overload] = []
    parameters: list[tuple[str, str, str]] = []
    for word in overloads.split():
        name, colon, kind = word.partition(":")
        if colon:
            python_name, _, wire = name.rpartition("=")
            parameters.append((python_name or naming.snake(wire), wire, kind))
        else:
            result.append(_overload(parameters, returns=word))
            parameters = []
    return result


def _overload(parameters: Sequence[tuple[str, str, str]], returns: str) -> _Overload:
    names = {python_name: wire for python_name, wire, _ in parameters}
    required = frozenset(each for each, wire, kind in parameters if wire != "serviceContext" or not is_service_context(kind))
    primitives = " ".join(wire for _, wire, kind in parameters if is_primitive(kind))
    return _Overload(names, required, primitives, returns, [f"{python_name}: {kind}" for python_name, _, kind in parameters])


def is_primitive(kind: str) -> bool:
    """Tell whether the portal refuses null for a parameter of a type."""
    return kind in _SIMPLE and kind != "string"


def is_service_context(kind: str) -> bool:
    """Tell whether a type is that of service contexts, which may be left out: the portal makes one."""
    return kind.removesuffix(">").endswith(".ServiceContext")


def result_of(kind: str) -> Any:
    """Return what `returns=` is for a type of a result: objects and lists come as they are."""
    return _RESULTS.get(kind, Any)


def _or_null(returns: Any) -> Any:
    return returns if returns is Any else returns | None


def _type_of(word: str, models: Callable[[], Any] | None) -> Any:
    """Return the type that a word of `Service._call` means."""
    if models is None or not word.startswith("@"):
        return result_of(word)
    model: Any = getattr(models(), word.strip("@?[]"))
    returns = GenericAlias(list, model) if "[]" in word else model
    return _or_null(returns) if word.endswith("?") else returns


def _without_nulls(path: str, params: dict[str, object], primitives: Iterable[str]) -> dict[str, object]:
    """Return the parameters without a service context that is None.

    Raises:
        TypeError: a primitive is None.
    """
    for name in primitives:
        if params.get(name, 0) is None:
            raise TypeError(f"{path}: {naming.snake(name)} cannot be None: to the portal {name} is a number or a boolean")
    return {name: value for name, value in params.items() if value is not None or name != "serviceContext"}


def _is_each(params: Mapping[str, object]) -> bool:
    """Tell whether a call runs for each element of a list: then so many results of its own type come, as a list."""
    return any(isinstance(value, Reference) and value.is_each for value in params.values())


class Services:
    """The services of a portal: `services.blogsentry`, or `services["blogs.blogsentry"]` where a context belongs to it.

    Their methods take keyword arguments in Python's spelling, and the options of `call`:
    `services.user.get_user_by_id(user_id=20199, select=["firstName"])`. Without a catalog nothing is checked before the
    portal is asked: `get_user_by_id` is `/user/get-user-by-id` and `user_id` is `userId`, by Liferay's own rules
    (`protocol.md` A.9). With one, see `Session.catalog`, a wrong name is an `AttributeError`, a `LookupError` or a
    `TypeError` at once.
    """

    __slots__ = ("_door",)

    def __init__(self, door: Door) -> None:
        self._door = door

    def __getattr__(self, name: str) -> ServiceProxy:
        if name.startswith("_"):
            raise AttributeError(f"no service is called {name!r}")
        self._check(name, AttributeError)
        return ServiceProxy(self._door, name)

    def __getitem__(self, name: str) -> ServiceProxy:
        if not isinstance(name, str):
            raise TypeError(f"a service has a name, such as services['blogs.blogsentry'], not {name!r}")
        self._check(name, LookupError)
        return ServiceProxy(self._door, name)

    __iter__ = None  # with __getitem__ alone, Python would try to iterate

    def __dir__(self) -> list[str]:
        known = _covering(self._door.portal.catalog, "")
        return [] if known is None else [name for name in known.services if name.isidentifier()]

    def __repr__(self) -> str:
        return f"<Services of {self._door!r}>"

    def _check(self, name: str, kind: type[Exception]) -> None:
        known = _covering(self._door.portal.catalog, name)
        if known is None or name in known.services:
            return
        elsewhere = [each for each in known.services if each.rpartition(".")[2] == name]
        meant = elsewhere[0] if elsewhere else naming.nearest(name, known.services)
        text = f"the portal has no service {name!r}"
        if meant is not None:
            text += f"; did you mean {f'services[{meant!r}]' if '.' in meant else f'services.{meant}'}?"
        raise kind(text)


class ServiceProxy:
    """A service whose methods are attributes: see `Services`."""

    __slots__ = ("_door", "_name")

    def __init__(self, door: Door, name: str) -> None:
        self._door = door
        self._name = name

    def __getattr__(self, name: str) -> Method:
        if name.startswith("_"):
            raise AttributeError(f"no method of a service is called {name!r}")
        methods = self._methods()
        if methods is not None and name not in methods:
            meant = naming.nearest(name, methods)
            text = f"{self._name} has no method {name!r}"
            if meant is not None:
                takes = " or ".join(action.signature for action in methods[meant])
                text += f"; did you mean {takes}?"
            raise AttributeError(text)
        return Method(self._door, self._name, name)

    def __dir__(self) -> list[str]:
        return [*(self._methods() or ())]

    def __repr__(self) -> str:
        return f"<service {self._name} of {self._door!r}>"

    def _methods(self) -> Mapping[str, tuple[Action, ...]] | None:
        known = _covering(self._door.portal.catalog, self._name)
        return None if known is None else known.services.get(self._name, {})


class Method:
    """A method of a service, ready to be called: see `Services`."""

    __slots__ = ("_door", "_name", "_service")

    def __init__(self, door: Door, service: str, name: str) -> None:
        self._door = door
        self._service = service
        self._name = name

    @property
    def path(self) -> str:
        """The path, such as `/user/get-user-by-id`."""
        return f"/{self._service}/{naming.dashed(self._name)}"

    @overload
    def __call__(self, /, *, returns: None, **params: Any) -> Call[None]: ...
    @overload
    def __call__(self, /, *, returns: type[T], **params: Any) -> Call[T]: ...
    @overload
    def __call__(self, /, **params: Any) -> Call[Any]: ...
    def __call__(self, /, **params: Any) -> Call[Any]:
        """Make the call: parameters by their names in Python, and the options of `Session.call`.

        Raises:
            TypeError: by the session's catalog no overload takes these parameters, or one of them cannot be None; a value or
                an option is of a wrong type.
            ValueError: a name is not plain, or a value is out of range.
        """
        options: Any = {name: params.pop(name) for name in naming.OPTIONS & params.keys()}
        returns = options.pop("returns", Any)
        known = _covering(self._door.portal.catalog, self._service)
        if known is None:
            named = {naming.camel(name): value for name, value in params.items()}
            return through(self._door, self.path, named, {*map(type, named.values())}, returns, options)
        action = known.find(self.path, params)
        if action is None:
            raise TypeError(self._misfit(params, known.overloads(self.path)))
        by_name = action.by_python_name
        named = {by_name[name].name: value for name, value in params.items()}
        if None in params.values():
            primitives = [parameter.name for parameter in action.parameters if parameter.is_primitive]
            named = _without_nulls(self.path, named, primitives)
        return through(self._door, self.path, named, {*map(type, named.values())}, returns, options)

    def __repr__(self) -> str:
        return f"<{self.path} of {self._door!r}>"

    def _misfit(self, given: Mapping[str, object], overloads: Sequence[Action]) -> str:
        names = [(action.by_python_name, action.required) for action in overloads]
        return _misfit(f"{self._service}.{self._name}", given, names, [action.signature for action in overloads])


def _covering(catalog: Catalog | None, service: str) -> Catalog | None:
    """Return the catalog, if it knows the context of a service."""
    return catalog if catalog is not None and service.rpartition(".")[0] in catalog.contexts else None


def _misfit(method: str, given: Mapping[str, object], known: Sequence[_Names], takes: Sequence[str]) -> str:
    """Tell what is wrong with the names of parameters: the nearest right names, and what the method takes."""
    return f"{method}: {'; '.join(_wrongs(given, known))}; it takes {' or '.join(takes)}"


def _wrongs(given: Mapping[str, object], known: Sequence[_Names]) -> Iterator[str]:
    everything = dict.fromkeys(name for names, _ in known for name in names)
    wrong = [name for name in given if name not in everything]
    for name in wrong:
        meant = naming.nearest(name, everything)
        yield f"no parameter is called {name!r}" + (f", did you mean {meant!r}?" if meant else "")
    if not wrong:
        near = [required for names, required in known if given.keys() <= names.keys()] or [each[1] for each in known]
        lacking = min((sorted(required - given.keys()) for required in near), key=len)
        told = f": {', '.join(map(repr, lacking))} missing" if lacking else ""
        yield f"no overload takes {', '.join(given) or 'no parameters'}{told}"
