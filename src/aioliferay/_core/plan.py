"""Which calls travel together: dependencies → stages and nests. Knows the order to keep and what the portal can do inside
one statement; knows neither contents nor results.

A *nest* is one statement with others inside: the portal runs the outer one, hands properties of its result to the inner
ones, and answers everything at once. What cannot be done in one statement goes in a further *stage*, with results filled in.
Three rules keep the results what they would be alone (`protocol.md` A.4, F.3; Liferay's `JSONWebServiceInvokerAction`):

* A call is nested under one chain of parents. Siblings run in any order, and none sees the other's result.
* Nothing is nested below a call that runs per element: the portal would give it the first element's properties every time.
* A write never gets what a read returned inside of a nest: a name that the result lacks would reach it as null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


MOST_LEVELS: Final = 40
"""How deep calls are nested at most: JSON that is much deeper is refused, by the portal and by parsers here."""


class Need(NamedTuple):
    """What a call needs of another: the position of that call, whether per element, whether the portal can hand it over."""

    parent: int
    is_each: bool = False
    can_nest: bool = True


class Planned(NamedTuple):
    """What the planner must know of a call.

    Attributes:
        needs: results of other calls of the plan.
        is_read: whether it only reads.
        is_selected: whether it has `select=`: its own statement is white-listed.
        can_host: whether others may be nested in its statement; not if its result may be null.
        can_nest: whether it may be nested in another's.
        deepest: how deep it may be nested; further down its result would get lost.
        elements: of its result, at most, if it is a list; 1 if that is not known.
    """

    needs: Sequence[Need] = ()
    is_read: bool = True
    is_selected: bool = False
    can_host: bool = True
    can_nest: bool = True
    deepest: int = MOST_LEVELS
    elements: int = 1

    @property
    def is_fan(self) -> bool:
        """Whether it runs for each element of a list."""
        return any(need.is_each for need in self.needs)


@dataclass(slots=True, eq=False)
class Node:
    """One statement of a nest.

    Attributes:
        call: position of the call that it runs.
        number: the name of its result; no other statement of the plan has it.
        parent: the statement that it stands in; None for the outermost.
        is_shown: whether its result is the call's; else it runs a second time, for those nested in it.
        is_fan: whether it runs for each element of its parent's result.
        depth: how many statements it stands in.
        children: the statements in it.
    """

    call: int
    number: int
    parent: Node | None
    is_shown: bool
    is_fan: bool
    depth: int = 0
    barrier: Node | None = None  # the last write that is sure to have run before it
    children: Sequence[Node] = ()

    def add(self, child: Node) -> None:
        """Put a statement into this one."""
        if isinstance(self.children, list):
            self.children.append(child)
        else:
            self.children = [child]

    def calls(self) -> Iterator[int]:
        """Yield the positions of the calls whose results it shows."""
        nodes: list[Node] = [self]
        while nodes:
            node = nodes.pop()
            if node.is_shown:
                yield node.call
            nodes.extend(reversed(node.children))


@dataclass(slots=True, eq=False)
class Nest:
    """Calls that travel in one statement: the outermost, its stage, and how many calls run in it.

    `epoch` counts the writes of the whole plan up to its end, and `last_write` is the last in it.
    """

    root: Node
    stage: int
    epoch: int
    size: int = 0
    last_write: Node | None = None


_ORDER: Final = "calls keep their order about a write"
Entry = int | Nest
"""What makes a statement: a call by itself, or a nest."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages, to be sent one after another, of entries in the order of their statements.

    `reasons` tells why a call waits for a later stage than the first: its position → a text. `nested` counts statements in
    nests, and `saved` the requests that there would be more without any, sizes aside; it may be below 0.
    """

    stages: list[list[Entry]]
    reasons: dict[int, str]
    nested: int = 0
    saved: int = 0

    def seconds(self, max_nested: int) -> float:
        """Return about how much longer the portal takes for the nests than for the same calls side by side.

        Fitted to 1, 10 and 50 white-listed users with a contact on a running 6.2.5 (`real-timings.md` §4): 0.5, 4 and 31 ms.
        """
        full, rest = divmod(self.nested, max_nested or 1)
        return sum(0.00035 * count + 0.0000055 * count * count for count in (*[max_nested] * full, rest))


def plan(calls: Sequence[Planned], max_nested: int = 0) -> Plan:
    """Return in which stages, and in which nests, the calls go. At most `max_nested` go into one nest; 0 makes none.

    A call comes after the calls it refers to. A write comes after all calls made before it, and no call overtakes a write
    made before it, so the portal sees what it would see if the calls came one by one. Within a stage call order is kept.

    Raises:
        ValueError: a call needs itself, or one made after it: calls that need each other could never be sent.
    """
    return _Planner(calls, max_nested).planned()


class _Wish(NamedTuple):
    """Where a call would be nested: under the parent whose result comes last."""

    parent: int
    is_fan: bool
    can_nest: bool
    has_others: bool  # it runs for each element, and needs another result beside the list


class _Order:
    """The stages of calls so far: a write is in none before an earlier call, and no call in one before an earlier write."""

    __slots__ = ("highest", "last_write", "levels")

    def __init__(self) -> None:
        self.levels: list[int] = []
        self.highest = self.last_write = 0

    def earliest(self, call: Planned) -> int:
        """Return the first stage in which the call may be a statement of its own."""
        level = self.last_write if call.is_read else self.highest
        for need in call.needs:
            level = max(level, self.levels[need.parent] + 1)
        return level

    def add(self, call: Planned, level: int) -> None:
        """Note in which stage the next call is."""
        self.levels.append(level)
        self.highest = max(self.highest, level)
        if not call.is_read:
            self.last_write = level


class _Planner:
    """Goes through the calls once, in call order."""

    def __init__(self, calls: Sequence[Planned], max_nested: int) -> None:
        self._calls = calls
        self._max_nested = max_nested
        self._order = _Order()
        self._staged = _Order()  # as it would be without nests
        self._level = self._order.levels
        self._before: list[int] = []  # writes made before a call
        self._leaves: dict[int, tuple[Nest, Node]] = {}  # calls that are nested, and where
        self._hosts: dict[int, tuple[Nest, Node]] = {}  # calls that others are nested in, and where
        self._roots: list[list[int]] = []
        self._reasons: dict[int, str] = {}
        self._writes = self._number = self._nested = 0

    def planned(self) -> Plan:
        for position, call in enumerate(self._calls):
            self._before.append(self._writes)
            if not call.needs:
                self._put_in_stage(position, call, _ORDER)
            elif (reason := self._nested_in(position, call, self._wish(position, call.needs))) is not None:
                self._put_in_stage(position, call, reason)
            if self._max_nested:
                self._staged.add(call, self._staged.earliest(call))
            if not call.is_read:
                self._writes += 1
        stages: list[list[Entry]] = [list(self._entries(roots)) for roots in self._roots]
        saved = self._staged.highest + 1 - sum(map(self._requests, stages)) if self._nested else 0
        return Plan(stages, self._reasons, self._nested, saved)

    def _requests(self, stage: Sequence[Entry]) -> int:
        """Return how many requests a stage takes, sizes aside: a nest shares none with a write outside of it."""
        requests = 1
        has_nest = has_write = False
        for entry in stage:
            is_nest = isinstance(entry, Nest)
            is_write = not self._calls[entry.root.call if isinstance(entry, Nest) else entry].is_read
            if (is_nest and has_write) or (is_write and has_nest):
                requests += 1
                has_nest = has_write = False
            has_nest, has_write = has_nest or is_nest, has_write or is_write
        return requests

    def _entries(self, roots: Sequence[int]) -> Iterator[Entry]:
        for position in roots:
            if position not in self._hosts:
                yield position
                continue
            nest, node = self._hosts[position]
            if not node.is_shown:
                yield position
            yield nest

    def _put_in_stage(self, position: int, call: Planned, reason: str) -> None:
        level = self._order.earliest(call)
        if level:
            self._reasons[position] = reason
        while len(self._roots) <= level:
            self._roots.append([])
        self._roots[level].append(position)
        self._order.add(call, level)

    def _wish(self, position: int, needs: Sequence[Need]) -> _Wish:
        for need in needs:
            if need.parent >= position:
                raise ValueError(f"call {position} needs the result of call {need.parent}, which is not made before it")
        if len(needs) == 1:
            ((parent, is_each, can_nest),) = needs
            return _Wish(parent, is_each, can_nest, has_others=False)
        level = self._level
        parent = max((need.parent for need in needs), key=lambda parent: (level[parent], parent))
        return _Wish(
            parent,
            any(need.is_each for need in needs),
            all(need.can_nest for need in needs if level[need.parent] == level[parent]),
            any(need.is_each and need.parent != parent for need in needs),
        )

    def _nested_in(self, position: int, call: Planned, wish: _Wish) -> str | None:
        """Nest the call, or return why it cannot be."""
        reason = self._objection(position, call, wish)
        if reason is not None:
            return reason
        parent = wish.parent
        nest, host, cost = self._place_in(parent)
        grown = nest.size + cost + (self._calls[parent].elements - 1 if wish.is_fan else 0)
        if grown > self._max_nested:
            return f"a request has at most {self._max_nested} nested calls (max_nested=)"
        if host.depth >= call.deepest:
            return "so deep in a nest its result would get lost"
        reason = self._disorder(call, nest, host)
        if reason is not None:
            return reason
        if parent not in self._hosts:
            self._hosts[parent] = nest, host
            if cost > 1 and host.parent is not None:
                host.parent.add(host)
        self._number += 1
        node = Node(position, self._number, host, is_shown=True, is_fan=wish.is_fan, depth=host.depth + 1)
        node.barrier = host.barrier
        host.add(node)
        self._nested += grown - nest.size
        nest.size = grown
        if not call.is_read:
            node.barrier = nest.last_write = node
            nest.epoch += 1
        self._order.add(call, nest.stage)
        self._leaves[position] = nest, node
        return None

    def _objection(self, position: int, call: Planned, wish: _Wish) -> str | None:  # noqa: PLR0911 - a table, read line by line
        """Tell what forbids to nest the call under its parent, wherever that is."""
        if not self._max_nested:
            return "it needs a result"
        host = self._calls[wish.parent]
        if host.is_fan:
            return "the call that it needs runs for each element of a list"
        if not host.can_host:
            return "the call that it needs may have no result, or has parameters among which nothing can be nested"
        if not call.can_nest:
            return "it has parameters with which it cannot be nested"
        if not host.is_read and not host.is_selected:
            return "the write that it needs is not sent twice, and has no select="
        if not call.is_read and (reason := self._objection_to_write(position, wish, host)) is not None:
            return reason
        if not wish.can_nest:
            return "the portal cannot hand over such a property as it is alone"
        if wish.has_others:
            return "it runs for each element of a list, and needs another result beside it"
        return None

    def _objection_to_write(self, position: int, wish: _Wish, host: Planned) -> str | None:
        """Tell what forbids to nest a write there: what it is given cannot be looked at before it runs."""
        if host.is_read:
            return "a write gets the results of reads in a later request"
        if wish.is_fan:
            return "a write for each element waits for the list"
        return _ORDER if wish.parent != position - 1 else None

    def _place_in(self, parent: int) -> tuple[Nest, Node, int]:
        """Return the nest and the statement to nest in, and by how many statements the nest grows with one more call.

        A read whose full result is wanted runs twice: once for its result, once white-listed for what is nested in it.
        """
        if parent in self._hosts:
            return *self._hosts[parent], 1
        call = self._calls[parent]
        if parent in self._leaves:
            nest, leaf = self._leaves[parent]
            if call.is_selected:
                return nest, leaf, 1
            self._number += 1
            twin = Node(parent, self._number, leaf.parent, is_shown=False, is_fan=False, depth=leaf.depth)
            twin.barrier = leaf.barrier
            return nest, twin, 2
        self._number += 1
        root = Node(parent, self._number, None, is_shown=call.is_selected, is_fan=False)
        nest = Nest(root, self._level[parent], self._before[parent])
        if not call.is_read:
            root.barrier = nest.last_write = root
            nest.epoch += 1
        return nest, root, 1

    def _disorder(self, call: Planned, nest: Nest, host: Node) -> str | None:
        """Tell what forbids to nest the call there: other parents elsewhere, or the order of writes."""
        if len(call.needs) > 1:
            others = {need.parent for need in call.needs if self._level[need.parent] >= nest.stage}
            above: Node | None = host
            while above is not None and others:
                others.discard(above.call)
                above = above.parent
            if others:
                return "it needs results of calls that are not nested in one another"
        return _ORDER if self._writes != nest.epoch or host.barrier is not nest.last_write else None
