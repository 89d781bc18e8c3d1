"""Services as tables, signatures and JSON. Knows how they look, not where they come from; writes nothing itself."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aioliferay._core.catalog import element_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aioliferay._core.catalog import Action, Catalog, Parameter
    from aioliferay._finding import Found, Method

_PACKAGE: Final = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")
_OBJECT: Final = re.compile(r"^object<(.*)>$")
_HARD: Final = "\xa0"  # a space at which no line is folded


class Line(NamedTuple):
    """A line of the result, and its style on a terminal."""

    text: str = ""
    style: str = ""


def shown(catalog: Catalog, found: Found, *, title: str, width: int | None) -> Iterator[Line]:
    """Return what was found: one method in full, one service with its methods, or a table.

    Args:
        catalog: of the portal, for what is known of the results.
        found: a service or a method at least.
        title: whose services these are.
        width: columns to which lines are folded; None: not at all.
    """
    if not found.services and len(found.methods) == 1:
        yield from _method(catalog, found.methods[0], title, width)
        return
    yield Line(f"{title}: {_summary(found)}", "bold")
    if len(found.services) == 1:
        (methods,) = found.services.values()
        yield Line()
        yield from _signatures(methods, width, is_qualified=False)
    elif found.services:
        yield Line()
        yield from _table(found.services, width)
    if found.methods:
        yield Line()
        if found.services:
            yield Line("Methods of other services:", "bold")
        yield from _signatures(found.methods, width, is_qualified=True)


def _summary(found: Found) -> str:
    if not found.services:
        return f"{len(found.methods)} methods"
    methods = [method for each in found.services.values() for method in each]
    reads = sum(method.is_read for method in methods)
    told = f"{counted(len(methods), 'method')} ({counted(reads, 'read')}, {counted(len(methods) - reads, 'write')})"
    if len(found.services) == 1:
        return f"{next(iter(found.services))}, {told}"
    return f"{len(found.services)} services, {told}"


def counted(count: int, noun: str) -> str:
    """Return a number and what it counts: `1 method`, `2 methods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _table(services: dict[str, list[Method]], width: int | None) -> Iterator[Line]:
    longest = max(map(len, services))
    column = longest if width is None else min(longest, max(width - 25, 10))
    yield Line(f"{'service':{column}}  methods  reads  writes", "bold")
    for name, methods in services.items():
        reads = sum(method.is_read for method in methods)
        if len(name) > column:
            yield Line(name)
        beginning = name if len(name) <= column else ""
        yield Line(f"{beginning:{column}}  {len(methods):7}  {reads:5}  {len(methods) - reads:6}")


def _signatures(methods: Iterable[Method], width: int | None, *, is_qualified: bool) -> Iterator[Line]:
    for method in methods:
        for action in method.overloads:
            name = f"{action.service}.{action.python_name}" if is_qualified else action.python_name
            kind = "read " if action.is_read else "write"
            deprecated = ", deprecated" if action.is_deprecated else ""
            yield from _folded(f"{kind}{_HARD}{_HARD}{_signature(name, action)}{deprecated}", width, indent=11)


def _signature(name: str, action: Action) -> str:
    """Return `get_entry(entry_id: long) -> BlogsEntry`, with classes without their packages, folded between parameters."""
    takes = ", ".join(f"{each}:{_HARD}{_short(parameter.type)}" for each, parameter in action.by_python_name.items())
    return f"{name}({takes}) ->{_HARD}{_short(action.returns)}"


def _short(kind: str) -> str:
    return _PACKAGE.sub("", _OBJECT.sub(r"\1", kind))


def _folded(text: str, width: int | None, *, indent: int) -> Iterator[Line]:
    lines = [text]
    if width is not None:
        behind = " " * indent
        lines = textwrap.wrap(text, width, subsequent_indent=behind, break_long_words=False, break_on_hyphens=False)
    for line in lines:
        yield Line(line.replace(_HARD, " "))


def _method(catalog: Catalog, method: Method, title: str, width: int | None) -> Iterator[Line]:
    first = method.overloads[0]
    service = f".{first.service}" if first.service.isidentifier() else f'["{first.service}"]'
    overloads = f", {len(method.overloads)} overloads" if len(method.overloads) > 1 else ""
    yield Line(f"{title}: {method.name}{overloads}", "bold")
    yield Line()
    yield Line(f"path    {method.path}")
    yield Line(f"python  session.services{service}.{first.python_name}(...)")
    for action in method.overloads:
        yield Line()
        yield from _overload(catalog, action, width)


def _overload(catalog: Catalog, action: Action, width: int | None) -> Iterator[Line]:
    names = list(action.by_python_name)
    yield from _folded(f"{action.python_name}({', '.join(names)})", width, indent=8)
    yield from _indented(action.description, 4, width)
    parameters = list(action.by_python_name.items())
    columns = [max(map(len, column)) for column in zip(*((name, each.name) for name, each in parameters), strict=True)]
    for name, parameter in parameters:
        note = _note(parameter)
        yield Line(f"    {name:{columns[0]}}  {parameter.name:{columns[1]}}  {parameter.type}{note}")
        yield from _indented(parameter.description, 8, width)
    deprecated = ", deprecated" if action.is_deprecated else ""
    yield Line(f"    {'reads' if action.is_read else 'writes'}, returns {action.returns}{deprecated}")
    properties = ", ".join(_properties(catalog, action))
    if properties:
        yield from _folded(f"{_HARD * 4}for{_HARD}select=: {properties}", width, indent=8)


def _note(parameter: Parameter) -> str:
    return ", may be left out" if parameter.name == "serviceContext" else ""


def _indented(text: str, indent: int, width: int | None) -> Iterator[Line]:
    bare = " ".join(text.split())
    if bare:
        yield from _folded(f"{_HARD * indent}{bare}", width, indent=indent)


def _properties(catalog: Catalog, action: Action) -> list[str]:
    described = catalog.by_class.get(element_type(action.returns))
    return [] if described is None else [each.name for each in described.properties]


def document(catalog: Catalog, found: Found, *, version: str) -> str:
    """Return what was found as one JSON document; the reference of the command line describes its keys."""
    by_service = dict(found.services)
    for method in found.methods:
        by_service.setdefault(method.overloads[0].service, []).append(method)
    services = [
        {
            "service": name,
            "context": name.rpartition(".")[0],
            "actions": [_action(catalog, action) for method in by_service[name] for action in method.overloads],
        }
        for name in sorted(by_service)
    ]
    return json.dumps({"version": version, "services": services}, indent=2) + "\n"


def _action(catalog: Catalog, action: Action) -> dict[str, Any]:
    parameters = [
        {"name": each.name, "python_name": name, "type": each.type, "description": each.description}
        for name, each in action.by_python_name.items()
    ]
    return {
        "path": action.path,
        "python_name": action.python_name,
        "method": action.method,
        "is_read": action.is_read,
        "is_deprecated": action.is_deprecated,
        "description": action.description,
        "parameters": parameters,
        "returns": action.returns,
        "properties": _properties(catalog, action),
    }
