"""Runs statements one in another as JSONWebServiceInvokerAction does. Knows no parsing of requests and no errors' form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from aioliferay.testing._java import Array, JavaError, JavaMap, Version, as_java, getters_of, java_type
from aioliferay.testing._json import JsonWriter
from aioliferay.testing._statements import (
    Statement,
    as_map,
    get_property,
    out_of_bounds,
    parse_statement,
    read_getter,
)
from aioliferay.testing._text import hash_order

Call = Callable[[Statement, int], Awaitable[object]]


class Invoker:
    """The statements of one request. `call` runs a statement's service method; its int is the top-level place."""

    def __init__(self, version: Version, call: Call, *, java: int = 8) -> None:
        self._version: Version = version
        self._call = call
        self._java = java
        self._place = 0
        self._statements: list[Statement] = []
        self._includes: list[tuple[str, ...]] = []

    async def run(self, command: object, place: int) -> object:
        """Run one command of the batch and return its result; of several keys the first in hash order counts."""
        entries = as_map(command, self._version)
        if not entries:
            raise JavaError("java.lang.IllegalArgumentException")
        key = hash_order(entries)[0]
        self._place = place
        return await self._execute(parse_statement(self._statements, None, key, entries[key], self._version))

    def write(self, result: object) -> str:
        """The JSON of a result or of the list of all; null is `{}`. Raises what the portal finds wrong with names."""
        if result is None:
            return "{}"
        includes = list(self._includes)
        if self._version == "6.2":
            named = [statement.name for statement in self._statements if statement.name is not None]
            includes.extend(_checked_name(name) for name in named)
        return JsonWriter(self._version, includes).write(result)

    async def _execute(self, statement: Statement) -> object:
        result = self._filtered(statement, await self._call(statement, self._place))
        for child in statement.children:
            is_inner = child.is_inner
            if is_inner:
                result = child.push(result)
            items = listed(result)
            if items is not None:
                result = await self._fan_out(child, items)
                child.is_executed = True
                if is_inner:
                    result = child.pop(result)
            else:
                if is_inner:
                    result = child.pop(result)
                result = await self._nest(child, result)
                child.is_executed = True
        return result

    async def _fan_out(self, child: Statement, items: Iterable[object]) -> list[object]:
        results: list[object] = []
        for item in items:
            deeper = listed(item)
            results.append(await self._nest(child, item) if deeper is None else await self._fan_out(child, deeper))
        return results

    async def _nest(self, child: Statement, result: object) -> JavaMap:
        """Run a nested statement for one result of its parent and put its result in."""
        parent = cast("Statement", child.parent)
        self._populate_flags(parent.name, result)
        name = cast("str", child.name)  # one without has a path that no service can have
        value = await self._execute(child)
        entries = self._mapped(parent, result)
        outer, inner_mark, inner = name.partition(".$")
        if not inner_mark:
            entries[name[1:]] = value
            return entries
        if "." in outer:
            text = "Only 1-level inner properties are supported!"
            later = "Inner properties with more than 1 level are not supported"
            raise JavaError("java.lang.IllegalArgumentException", text if self._version == "6.2" else later)
        inside = self._mapped(parent, entries.get(outer), outer)
        inside[inner] = value
        entries[outer] = inside
        return entries

    def _filtered(self, statement: Statement, result: object) -> object:
        items = listed(result)
        if items is not None:
            return [self._white_listed(statement, item) for item in items]
        return self._white_listed(statement, result)

    def _white_listed(self, statement: Statement, result: object) -> object:
        if result is None or statement.white_list is None:
            return result
        entries = self._mapped(statement, result)
        capacity = len(statement.white_list) if self._version == "6.2" else 16
        return JavaMap({name: entries.get(name) for name in statement.white_list}, capacity=capacity)

    def _mapped(self, statement: Statement, value: object, prefix: str | None = None) -> JavaMap:
        """The value as a map that may be added to. 6.2 takes every getter, 7.x what a plain call shows."""
        if value is None:
            raise JavaError("java.lang.NullPointerException")
        if isinstance(value, JavaMap):
            return value
        if isinstance(value, dict):
            return JavaMap(cast("dict[str, object]", value), is_hash=False)
        is_old = self._version == "6.2"
        entries = JavaMap(is_hash=is_old)
        for getter in getters_of(value, java=self._java):
            if getter.is_excluded or not (is_old or getter.is_plain):
                continue
            item = read_getter(value, getter.name, getter.read)
            if is_old or getter.is_marked or not isinstance(item, list | dict):
                entries[getter.name] = item
                if getter.is_marked or not is_old:
                    self._include(statement, getter.name if prefix is None else f"{prefix}.{getter.name}")
        return entries

    def _include(self, statement: Statement, name: str) -> None:
        """Note the path of a property that is shown even if it is a collection."""
        while statement.parent is not None:
            name = f"{(statement.name or '')[1:]}.{name}"
            statement = statement.parent
        self._includes.append(tuple(name.split(".")))

    def _populate_flags(self, name: str | None, result: object) -> None:
        """Resolve the flags that name this result, in all statements of the request not yet finished."""
        if name is None:
            return
        for statement in self._statements:
            if statement.is_executed:
                continue
            for parameter, reference in statement.flags:
                if reference is not None:
                    self._populate_flag(name, result, statement, (parameter, reference))

    def _populate_flag(self, name: str, result: object, statement: Statement, flag: tuple[str, str]) -> None:
        parameter, reference = flag
        own = reference.removeprefix(f"{name}.") if reference.startswith(f"{name}.") else None
        if own is not None and ("." not in own or self._version != "7.4"):
            statement.parameters[parameter] = get_property(result, own)
            return
        if statement.push_target is None:
            return
        root, dot, _ = name.partition(".")
        if not dot:
            raise JavaError("java.lang.NullPointerException")  # `startsWith(null)`: the parent is not the one stepped into
        if reference.startswith(f"{root}."):
            statement.parameters[parameter] = get_property(statement.push_target, reference.removeprefix(f"{root}."))


def _checked_name(name: str) -> tuple[str, ...]:
    if not name:
        raise out_of_bounds()
    if "*" in name[1:]:
        raise JavaError("java.lang.IllegalArgumentException", f"{name[1:]} has special characters")
    return tuple(name[1:].split("."))


def listed(value: object) -> list[object] | None:
    """The elements of a list or an array, None for anything else."""
    if isinstance(value, Array | list):
        return list(cast("list[object]", value))
    if isinstance(value, bytes | tuple):
        return list(cast("list[object]", as_java(cast("object", value), java_type(list[object]))))
    return None
