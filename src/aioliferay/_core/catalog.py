"""What a portal tells of its services (`protocol.md` A.10), in the formats of 6.2 and 7.x. Knows no file and no network."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from aioliferay._core import naming
from aioliferay._core.version import PortalVersion
from aioliferay.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CONTEXT: Final = frozenset({"serviceContext"})  # the portal makes one
_CALLER: Final = frozenset(
    {"userId", "user", "companyId"}
)  # 7.x fills them in (A.5); 6.2.5 does not (`nesting/nest/flag-top`)
_PATH: Final = re.compile(r"/[^/]+/[^/]+")
_PRIMITIVE: Final = frozenset({"boolean", "byte", "char", "double", "float", "int", "long", "short"})


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")


def _or_empty(value: object) -> object:
    return () if value is None else value


_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


def _type_of(value: object) -> object:
    """Return the type of 7.x's `{"type": ..., "description": ...}`, and 6.2's bare text as it is."""
    return cast("dict[str, object]", value).get("type") if isinstance(value, dict) else value


class Parameter(_Part):
    """A parameter of a service.

    Attributes:
        name: in Java's spelling, such as `classPK`.
        type: as the portal names it, such as `long` or `map<string,string>`.
        description: of 7.x, where it has one.
    """

    name: str
    type: str
    description: _Text = ""

    @property
    def python_name(self) -> str:
        """The name in Python, such as `class_pk`."""
        return naming.snake(self.name)

    @property
    def is_primitive(self) -> bool:
        """Whether the portal refuses null for it."""
        return self.type in _PRIMITIVE


class Action(_Part):
    """One method of a service; overloads are actions of their own.

    Attributes:
        path: such as `/blogsentry/get-entry`, with its context.
        method: `GET` if it reads, `POST` if it writes.
        parameters: in Java's order.
        returns: the type of the result, as the portal names it.
        name: of 7.x, such as `BlogsEntry#getEntry`.
        description: of 7.x, where it has one.
        is_deprecated: of 7.x.
    """

    path: Annotated[str, Field(pattern="^/")]
    method: str
    parameters: Annotated[tuple[Parameter, ...], BeforeValidator(_or_empty)] = ()
    returns: Annotated[str, BeforeValidator(_type_of), Field(validation_alias="response")]
    name: _Text = ""
    description: _Text = ""
    is_deprecated: bool = Field(default=False, validation_alias="deprecated")

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing: what is not plainly a `GET` may."""
        return self.method.upper() == "GET"

    @property
    def service(self) -> str:
        """The service, such as `blogsentry` or `blogs.blogsentry`."""
        return self.path.split("/")[1]

    @property
    def context(self) -> str:
        """The context, such as `blogs`; "" for the portal's core."""
        return self.service.rpartition(".")[0]

    @property
    def python_name(self) -> str:
        """The method in Python, such as `get_entry`."""
        return naming.free(self.path.rpartition("/")[2].replace("-", "_"))

    @cached_property
    def by_python_name(self) -> Mapping[str, Parameter]:
        """The parameters by their names in Python."""
        return {parameter.python_name: parameter for parameter in self.parameters}

    @property
    def required(self) -> frozenset[str]:
        """What it cannot do without, by its name in Python: the portal makes a service context itself."""
        return frozenset(name for name, each in self.by_python_name.items() if each.name not in _CONTEXT)

    @property
    def signature(self) -> str:
        """What it takes, for people: `get_entry(entry_id: long)`."""
        told = ", ".join(f"{name}: {parameter.type}" for name, parameter in self.by_python_name.items())
        return f"{self.python_name}({told})"


class Property(_Part):
    """A property of a Java class."""

    name: str
    type: str


class JavaClass(_Part):
    """A class that results or parameters are of, as 7.x lists them. `properties` is empty where it tells none."""

    name: str = Field(validation_alias="type")
    properties: tuple[Property, ...] = ()
    is_interface: bool = Field(default=False, validation_alias="interface")


class Catalog(_Part):
    """The services of a portal.

    Attributes:
        actions: one for each overload of each method.
        types: Java classes that 7.x describes; none on 6.2.
        version: as the portal tells it; "" on 6.2, which does not.
        contexts: what is listed; "" is the core. Nothing is known of others.
        is_modern: whether the format is that of 7.x.
        skipped: paths that are listed and that no command can name: they have not two parts.
    """

    actions: tuple[Action, ...] = ()
    types: tuple[JavaClass, ...] = ()
    version: str = ""
    contexts: frozenset[str] = frozenset({""})
    is_modern: bool = False
    skipped: tuple[str, ...] = ()

    @property
    def portal_version(self) -> PortalVersion | None:
        """The version of the portal, as far as the catalog tells."""
        return PortalVersion.from_text(self.version)

    @cached_property
    def by_path(self) -> Mapping[str, tuple[Action, ...]]:
        """The overloads of each path."""
        paths: dict[str, list[Action]] = defaultdict(list)
        for action in self.actions:
            paths[action.path].append(action)
        return {path: tuple(actions) for path, actions in paths.items()}

    @cached_property
    def services(self) -> Mapping[str, Mapping[str, tuple[Action, ...]]]:
        """The overloads of each method, by its name in Python, of each service."""
        services: dict[str, dict[str, tuple[Action, ...]]] = defaultdict(dict)
        for actions in self.by_path.values():
            services[actions[0].service][actions[0].python_name] = actions
        return dict(services)

    @cached_property
    def by_class(self) -> Mapping[str, JavaClass]:
        """The classes by their full names."""
        return {each.name: each for each in self.types}

    def overloads(self, path: str) -> tuple[Action, ...]:
        """Return the overloads of a path, whose `.N` tells how many parameters are meant; none if it is not listed."""
        base, dot, count = path.rpartition(".")
        if dot and count.isdigit() and path.rfind("/") < len(base):
            return tuple(action for action in self.by_path.get(base, ()) if len(action.parameters) == int(count))
        return self.by_path.get(path, ())

    @cached_property
    def reads(self) -> Mapping[str, bool]:
        """Whether services change nothing, by path."""
        return {path: all(action.is_read for action in overloads) for path, overloads in self.by_path.items()}

    def is_read(self, path: str) -> bool | None:
        """Tell whether a service changes nothing; None if it is not listed."""
        overloads = self.overloads(path) or self.by_path.get(path.rpartition(".")[0], ())
        return all(action.is_read for action in overloads) if overloads else None

    def properties(self, path: str) -> frozenset[str]:
        """Return the names of properties that a path's results have, or the elements of these; empty if not known."""
        names: set[str] = set()
        for action in self.overloads(path):
            described = self.by_class.get(element_type(action.returns))
            if described is None or described.is_interface:  # what implements it may have more
                return frozenset()
            names.update(each.name for each in described.properties)
        return frozenset(names)

    def merged(self, others: Iterable[Catalog]) -> Catalog:
        """Return one catalog of this one and others, such as of other contexts of the same portal.

        What a later one says of a context takes the place of what an earlier one does.
        """
        parts = (self, *others)
        owners = {context: number for number, part in enumerate(parts) for context in part.contexts}
        actions = [(number, each) for number, part in enumerate(parts) for each in part.actions]
        return Catalog.model_construct(
            actions=tuple(each for number, each in actions if owners[each.context] == number),
            types=tuple({each.name: each for part in parts for each in part.types}.values()),
            version=next((part.version for part in parts if part.version), ""),
            contexts=frozenset(owners),
            is_modern=any(part.is_modern for part in parts),
            skipped=tuple(dict.fromkeys(path for part in parts for path in part.skipped)),
        )

    def find(self, path: str, names: Iterable[str]) -> Action | None:
        """Return the overload of a path that takes these parameters, by their names in Python; None if none does.

        Those that the portal fills in may be missing.
        """
        given = set(names)
        filled_in = {naming.snake(name) for name in _CALLER} if self.is_modern else set[str]()
        best: Action | None = None
        for action in self.by_path.get(path, ()):
            known = action.by_python_name.keys()
            if not action.required - filled_in <= given <= known:
                continue
            if len(given) == len(known):
                return action
            if best is None or len(action.parameters) < len(best.parameters):
                best = action
        return best


def element_type(returns: str) -> str:
    """Return the Java class of a result, or of its elements: it is `a.B` of `list<a.B>`, `object<a.B>`, `a.B[]`, `a.B`."""
    inner = returns.removesuffix("[]")
    while inner.endswith(">") and inner.partition("<")[0] in {"list", "object", "java.util.List", "java.util.Collection"}:
        inner = inner.partition("<")[2][:-1]
    return inner


def parse(text: bytes | str) -> Catalog:
    """Return the catalog that a discovery answers, of 6.2 (`actions`) or of 7.x (`services`). Unknown keys are ignored.

    Raises:
        CatalogError: it is none; the text names the place.
    """
    try:
        document: Any = from_json(text)
    except ValueError as error:
        raise CatalogError(f"a discovery answers JSON, and this begins with {_beginning(text)!r}: {error}") from None
    if not isinstance(document, dict):
        raise CatalogError(f"a discovery answers a JSON object, not {_beginning(text)!r}")
    key = "actions" if "actions" in document else "services"
    content = cast("dict[str, Any]", document)
    if key not in content:
        told = "; the portal refused it" if "exception" in content else ""
        raise CatalogError(f"a discovery has 'actions' or 'services', and this has neither: {_beginning(text)!r}{told}")
    context = str(content.get("contextName", "") or "")
    listed = [_renamed(action) for action in _list(content, key)]
    parts = {
        "actions": [action for action in listed if not _is_unreachable(action)],
        "types": _list(content, "types"),
        "version": content.get("version") or "",
        "is_modern": key == "services",
        "skipped": [action["path"] for action in listed if _is_unreachable(action)],
    }
    try:
        catalog = Catalog.model_validate(parts)
    except ValidationError as error:
        raise CatalogError(_place_of(error, key)) from None
    contexts = frozenset(action.context for action in catalog.actions)
    return catalog.model_copy(update={"contexts": contexts or frozenset({context})})


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    part = content.get(key)
    if part is None:
        return []
    if not isinstance(part, list):
        raise CatalogError(f"{key!r} of a discovery is a list, not {type(part).__name__}")
    return cast("list[Any]", part)  # type: ignore[redundant-cast]  # to pyright it is of unknown elements


def _is_unreachable(action: Any) -> bool:
    """Tell whether an action has a path that an annotation made, and that has not two parts (`protocol.md` A.9)."""
    path = cast("dict[str, Any]", action).get("path") if isinstance(action, dict) else None
    return isinstance(path, str) and path.startswith("/") and not _PATH.fullmatch(path)


def _renamed(action: Any) -> Any:
    """Return an action of 7.x with 6.2's name of its result."""
    if not isinstance(action, dict):
        return action
    content = cast("dict[str, Any]", action)
    return content if "response" in content else {**content, "response": content.get("returns")}


def _place_of(error: ValidationError, key: str) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    wire = {"actions": key} | ({"response": "returns.type"} if key == "services" else {})
    names = [wire.get(part, part) if isinstance(part, str) else part for part in first["loc"]]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names).removeprefix(".")
    more = f" ({error.error_count()} problems in all)" if error.error_count() > 1 else ""
    found = "" if first["type"] == "missing" else f", it is {str(first['input'])[:80]!r}"
    return f"the discovery cannot be read: {place}: {first['msg']}{found}{more}"


def _beginning(text: bytes | str) -> str:
    return (text[:120].decode("utf-8", "replace") if isinstance(text, bytes) else text[:120]).strip()
