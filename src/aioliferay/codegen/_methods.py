"""Actions of a catalog → the methods that a class has, with what each takes and returns. Knows no layout of the text."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aioliferay._core import naming
from aioliferay._core.catalog import Action
from aioliferay._core.codec import is_plain_name, is_read_by_name
from aioliferay._services import is_primitive, is_service_context
from aioliferay.codegen._types import Result
from aioliferay.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aioliferay._core.catalog import Catalog, Parameter
    from aioliferay.codegen._types import Types

_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+/[A-Za-z0-9_-]+", re.ASCII)
# In the body of a class the first are attributes already, and the others name types and decorators.
_TAKEN: Final = frozenset(
    {"name", "portal_version", "bool", "bytes", "datetime", "float", "int", "list", "models", "overload", "str", "type"}
)


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter, as a method takes it.

    Attributes:
        name: in Python.
        wire: as the portal spells it.
        kind: the portal's type; of overloads that differ in nothing else, all of them with `|` between.
        type: in Python.
        description: the portal's, "" if it has none.
    """

    name: str
    wire: str
    kind: str
    type: str
    description: str = ""

    @property
    def is_primitive(self) -> bool:
        """Whether it cannot be null."""
        return all(is_primitive(kind) for kind in self.kind.split("|"))

    @property
    def is_renamed(self) -> bool:
        """Whether Python's name does not follow from the portal's."""
        return self.name != naming.snake(self.wire)

    @property
    def is_optional(self) -> bool:
        """Whether it may be left out."""
        return self.wire == "serviceContext" and is_service_context(self.kind)


@dataclass(frozen=True, slots=True)
class Signature:
    """One overload of a method.

    Attributes:
        arguments: in Java's order.
        result: what it returns, in Python.
        returns: the portal's type of that; of overloads that cannot be told apart, all.
        description: the portal's, "" if it has none.
        is_deprecated: whether the portal says so.
    """

    arguments: tuple[Argument, ...]
    result: Result
    returns: tuple[str, ...]
    description: str = ""
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a class.

    Attributes:
        name: in Python.
        path: such as `/blogsentry/get-entry`.
        is_read: whether it changes nothing.
        signatures: of the overloads, of which no two take the same names.
    """

    name: str
    path: str
    is_read: bool
    signatures: tuple[Signature, ...]

    @property
    def is_named_otherwise(self) -> bool:
        """Whether its name tells the wrong thing about what it changes."""
        return is_read_by_name(self.path) != self.is_read


def methods_of(service: str, catalog: Catalog, types: Types) -> list[Method]:
    """Return the methods of a service, by their paths.

    Raises:
        CatalogError: a path or the name of a parameter is no plain one.
    """
    paths = sorted(path for path in catalog.by_path if path.split("/")[1] == service)
    taken: set[str] = set()
    return [
        Method(
            name=_unique(_method_name(path), taken),
            path=path,
            is_read=bool(catalog.is_read(path)),
            signatures=_signatures(catalog.by_path[path], types),
        )
        for path in paths
    ]


def check(action: Action) -> None:
    """Raise a CatalogError if an action cannot be called: its names are not plain, and would be code."""
    names = [parameter.name for parameter in action.parameters if not is_plain_name(parameter.name)]
    if not _PATH.fullmatch(action.path) or names:
        what = f"its parameter {names[0][:200]!r} is" if names else "that is"
        raise CatalogError(
            f"{action.path[:200]!r} cannot be called: {what} not a plain name; generate the other services, by their names"
        )


def _method_name(path: str) -> str:
    name = naming.free(path.rpartition("/")[2].replace("-", "_"))
    if name in _TAKEN:
        return f"{name}_"
    return name if name[0].isalpha() else f"call_{name.strip('_')}"


def _unique(name: str, taken: set[str]) -> str:
    free = name if name not in taken else next(each for n in range(2, 10_000) if (each := f"{name}_{n}") not in taken)
    taken.add(free)
    return free


def _signatures(actions: Sequence[Action], types: Types) -> tuple[Signature, ...]:
    """Return a signature for each set of names: overloads that differ only in the order, or in a context, are one."""
    groups: dict[frozenset[str], list[tuple[Action, list[Argument]]]] = defaultdict(list)
    for action in sorted(actions, key=Action.model_dump_json):
        arguments = list(_arguments(action, types))
        groups[frozenset(each.name for each in arguments if not each.is_optional)].append((action, arguments))
    found = [_merged([each for each, _ in group], [each for _, each in group], types) for group in groups.values()]
    return tuple(sorted(found, key=lambda each: (len(each.arguments), [argument.name for argument in each.arguments])))


def _arguments(action: Action, types: Types) -> Iterator[Argument]:
    taken: set[str] = set()
    wires: set[str] = set()
    for parameter in action.parameters:
        if parameter.name not in wires:  # LPS-31221: discoveries that list one twice
            wires.add(parameter.name)
            yield _argument(parameter, _unique(_parameter_name(parameter), taken), types)


def _parameter_name(parameter: Parameter) -> str:
    name = parameter.python_name
    return f"{name.strip('_')}_" if name.startswith("_") else name  # in a class `__name` would be another name


def _argument(parameter: Parameter, name: str, types: Types) -> Argument:
    return Argument(name, parameter.name, _plain(parameter.type), types.parameter(parameter), parameter.description)


def _plain(kind: str) -> str:
    """Return a type without what no type has, and what would be code where it is written."""
    return re.sub(r"[^\w.$<>,\[\]*?]", "", kind)


def _merged(actions: Sequence[Action], parts: Sequence[Sequence[Argument]], types: Types) -> Signature:
    """Make one signature of overloads that take the same names."""
    longest = max(parts, key=lambda arguments: (len(arguments), [each.name for each in arguments]))
    alike = {each.name: [other for part in parts for other in part if other.name == each.name] for each in longest}
    arguments = tuple(_of_all(alike[each.name]) for each in longest)
    described = next((action for action in actions if action.description), actions[0])
    return Signature(
        arguments=arguments,
        result=_result([types.result(action) for action in actions]),
        returns=tuple(sorted({_plain(action.returns) for action in actions})),
        description=described.description,
        is_deprecated=all(action.is_deprecated for action in actions),
    )


def _of_all(arguments: Sequence[Argument]) -> Argument:
    first = arguments[0]
    kinds = sorted({each.kind for each in arguments})
    if len(kinds) == 1:
        return first
    parts = list(dict.fromkeys(part for each in arguments for part in each.type.split(" | ")))
    parts = ["Any"] if "Any" in parts else sorted(parts, key=lambda part: (part == "None", part == "Reference"))
    return Argument(first.name, first.wire, "|".join(kinds), " | ".join(parts), first.description)


def _result(results: Iterable[Result]) -> Result:
    """Return what overloads that cannot be told apart return."""
    different = dict.fromkeys(results)
    some = [each for each in different if each.type != "None"]
    if len(different) == 1 or not some:
        return next(iter(different))
    if len(some) > 1:
        return Result("Any")
    only = some[0]
    word = f"{only.word.removesuffix('?')}?" if only.word else ""
    return Result(only.type, word, is_optional=True)
