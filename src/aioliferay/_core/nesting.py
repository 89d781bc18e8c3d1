"""A nest ⇄ one statement and its result. Knows the notation of names, white-lists and references (`protocol.md` A.4); does
not know which calls are nested where.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from aioliferay._core.messages import NestCommand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aioliferay._core.messages import Command
    from aioliferay._core.plan import Nest, Node

MISSING: Final = object()
"""Stands for the result of a call that its nest's answer does not have, or not in the form that the call asks for."""


class Flag(NamedTuple):
    """A parameter that the portal fills in: its name, the position of the call it comes from, the property's name there."""

    parameter: str
    source: int
    name: str


class Bare(NamedTuple):
    """A call to be nested: its command, its literal parameters as an encoded JSON object, and what the portal fills in."""

    command: Command
    literal: bytes
    flags: Sequence[Flag]


def command_of(nest: Nest, bare: Mapping[int, Bare]) -> NestCommand:
    """Return the whole nest as one command; `bare` has its calls by their position."""
    commands = [bare[position].command for position in set(_positions(nest.root))]
    return NestCommand(
        path=bare[nest.root.call].command.path,
        statement=b"{%b}" % _Writer(nest, bare).entry(nest.root),
        params=None,
        select=(),
        is_read=all(command.is_read for command in commands),
        is_idempotent=all(command.is_repeatable for command in commands),
        members=sum(1 for _ in nest.root.calls()),
    )


def _positions(root: Node) -> Iterator[int]:
    yield root.call
    for child in root.children:
        yield from _positions(child)


class _Writer:
    """Writes the statements of a nest, each with the names of what the others take from it."""

    def __init__(self, nest: Nest, bare: Mapping[int, Bare]) -> None:
        self._bare = bare
        self._hosts: dict[int, Node] = {}
        self._listed: dict[int, dict[str, None]] = {}  # by the statement's number
        self._note(nest.root)

    def _note(self, node: Node) -> None:
        if node.children:
            self._hosts[node.call] = node
        self._listed[node.number] = dict.fromkeys(self._bare[node.call].command.listed if node.is_shown else ())
        for flag in self._inner(node):
            self._listed[self._hosts[flag.source].number][flag.name] = None
        for child in node.children:
            self._note(child)

    def _inner(self, node: Node) -> list[Flag]:
        return [flag for flag in self._bare[node.call].flags if node.parent is not None and flag.source in self._hosts]

    def entry(self, node: Node) -> bytes:
        """Return key and value of a statement."""
        command, literal, _ = self._bare[node.call]
        listed = self._listed[node.number]
        white_list = f"[{','.join(listed)}]" if listed else ""
        parts = [literal[1:-1]] if len(literal) > 2 else []
        parts += [
            f'"@{_spelt(flag.parameter)}":"${self._hosts[flag.source].number}.{flag.name}"'.encode()
            for flag in self._inner(node)
        ]
        parts += [self.entry(child) for child in node.children]
        return b'"%b":{%b}' % (f"${node.number}{white_list} = {command.path}".encode(), b",".join(parts))


def _spelt(name: str) -> str:
    """Return a parameter's name as the portal spells it inside: of a run of capitals only the ends stay, as in `classPk`.

    It spells literal names so by itself, but not those of references (`protocol.md` A.5; Liferay's `CamelCaseUtil`).
    """
    first, dot, rest = name.partition(".")
    return first[:1] + re.sub(r"(?<=[A-Z])[A-Z]+(?![a-z0-9_])", lambda run: run[0].lower(), first[1:]) + dot + rest


def results_of(nest: Nest, value: object) -> Iterator[tuple[int, int, object]]:
    """Take the answer to a nest apart: yield the position of each call that it shows, outer ones first, how deep it is
    nested, and its result.

    A result carries no trace of the calls nested in it. It is `MISSING` where the answer has none, or where a call is to run
    for each element of what is no list, or the other way round.
    """
    return _apart(nest.root, value)


def _apart(node: Node, value: object) -> Iterator[tuple[int, int, object]]:
    if node.is_shown:
        yield node.call, node.depth, _without(value, {str(child.number) for child in node.children})
    for child in node.children:
        is_list = isinstance(value, list)
        found = _picked(value, str(child.number)) if is_list == child.is_fan else MISSING
        yield from _apart(child, found)


def _picked(value: object, key: str) -> object:
    if isinstance(value, list):
        items = [_picked(item, key) for item in cast("list[object]", value)]
        return MISSING if any(item is MISSING for item in items) else items
    return cast("dict[str, object]", value).get(key, MISSING) if isinstance(value, dict) else MISSING


def _without(value: object, keys: set[str]) -> object:
    if not keys:
        return value
    if isinstance(value, list):
        return [_without(item, keys) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: item for name, item in cast("dict[str, object]", value).items() if name not in keys}
    return value


def selected(value: object, select: Sequence[str]) -> object:
    """Cut a result down to the selected properties, as the portal does: of a list, each element; None stays None."""
    if value is None or value is MISSING:
        return value
    if isinstance(value, list):
        return [selected(item, select) for item in cast("list[object]", value)]
    properties = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {name: properties.get(name) for name in select}


def found(value: object, names: Sequence[str]) -> Any:
    """Return the property of a property of a result; `MISSING` if there is none."""
    for name in names:
        value = cast("dict[str, object]", value).get(name, MISSING) if isinstance(value, dict) else MISSING
    return value
