"""What the planner is told of calls, and what its plan means for them: what departs with the next requests. Sends none."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pydantic_core import from_json

from aioliferay._calling import bound, is_sure_of, referred, spread
from aioliferay._core import codec, nesting, packing, plan
from aioliferay._core.messages import NotSent, Reference
from aioliferay._core.packing import Nested, Room
from aioliferay._core.plan import MOST_LEVELS, Need, Nest, Planned
from aioliferay._many import body_of, kinds_of, lengths_of
from aioliferay._nests import Fan, NestedCalls
from aioliferay.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aioliferay._call import Call
    from aioliferay._core.messages import Command
    from aioliferay._options import Terms

_ASSUMED_SECONDS: Final = 0.11  # a request under basic authentication (`real-timings.md` §0)
_LEAST_SAVING: Final = 0.01  # seconds; less is not worth that a nest which fails must be taken apart
_ALL: Final = 1_000_000
_NULL: Final = re.compile(r"/[^/]*/(?:fetch|delete|remove|unset)(?:-|\.|$)")
_DOTTED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
# The portal would hand over a java.util.Date: to a text or a long that is not what the milliseconds in its JSON are.
_DATE: Final = re.compile(r"(?:[Dd]ate|[Bb]irthday)$")
_KEY: Final = re.compile(r"(?:[Ii]d|PK|[Kk]ey|[Nn]ame|[Tt]itle|[Uu]uid|URL)$")  # numbers and texts, by Liferay's names


@dataclass(slots=True)
class Learnt:
    """What a session has learnt of its portal.

    Attributes:
        fastest: the seconds that a request takes at least; None if none was answered yet.
        lost: how deep in a nest the result of a service got lost: 7.x shows no list that is nested, 6.2 none two levels deep
        long: services whose results were lists of more elements than may be nested.
        odd: services and properties of theirs that reach a nested call in another form than alone, such as dates.
    """

    fastest: float | None = None
    lost: dict[str, int] = field(default_factory=dict[str, int])
    long: set[str] = field(default_factory=set[str])
    odd: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def note(self, nest: NestedCalls, max_nested: int) -> None:
        """Learn from a nest that has ended."""
        self.lost |= {path: min(depth, self.lost.get(path, depth)) for path, depth in nest.lost.items()}
        self.long.update(path for path, length in nest.lengths.items() if length > max_nested)
        self.odd |= nest.odd


class Route(NamedTuple):
    """In which stages calls go, whether nested where that is possible, and what decided that."""

    plan: plan.Plan
    dependent: Literal["nested", "staged"] = "staged"
    why: str = ""


def are_independent(calls: Sequence[Call[Any]]) -> bool:
    """Tell whether none of the calls needs the result of another: then there is nothing to plan."""
    return all(call.is_plain or call.command.params is None for call in calls)


def route_of(calls: Sequence[Call[Any]], terms: Terms, learnt: Learnt) -> Route:
    """Decide how calls go."""
    if are_independent(calls):
        return Route(plan.Plan([list(range(len(calls)))] if calls else [], {}))
    told = _planned(calls, terms, learnt)
    max_nested = min(terms.limits.max_nested, terms.limits.max_calls - 1)
    if terms.dependent == "staged" or not max_nested:
        return Route(plan.plan(told), why='dependent="staged"' if max_nested else "max_nested=0")
    nested = plan.plan(told, max_nested)
    if not nested.nested or nested.saved < 0:
        why = "none of them can be nested"
        if nested.nested:
            nested, why = plan.plan(told), "nests share no request with writes outside of them, and would take more requests"
        return Route(nested, why=why)
    if terms.dependent == "nested":
        return Route(nested, "nested", 'dependent="nested"')
    cost, fastest = nested.seconds(max_nested), learnt.fastest
    saving = nested.saved * (_ASSUMED_SECONDS if fastest is None else fastest)
    known = "is taken for 110 ms, as none was measured"
    if fastest is not None:
        known = f"took {fastest * 1000:.1f} ms at least so far"
    text = f"a request of this session {known}, so that nesting saves {saving * 1000:.0f} ms and costs {cost * 1000:.1f} ms"
    if saving > max(cost, _LEAST_SAVING):
        return Route(nested, "nested", text)
    return Route(plan.plan(told), "staged", text)


def _planned(calls: Sequence[Call[Any]], terms: Terms, learnt: Learnt) -> list[Planned]:
    positions = {id(call): position for position, call in enumerate(calls)}
    told = [_told(call.command, positions, terms, learnt) for call in calls]
    for position in {need.parent for planned in told for need in planned.needs if need.is_each}:
        elements = _ALL if calls[position].path in learnt.long else _elements_of(calls[position].command)
        told[position] = told[position]._replace(elements=elements)
    return told


def _elements_of(command: Command) -> int:
    """Return how many elements a list may have, by its `start` and `end`; 1 if these do not tell.

    Each element counts as a nested call; there may be a million of them, and a portal that is asked for -1 gives all.
    """
    try:
        params: dict[str, Any] = dict(command.params or from_json(codec.literal(command, {})))
        start, end = int(params["start"]), int(params["end"])
    except (KeyError, TypeError, ValueError):
        return 1
    return _ALL if start < 0 or end < 0 else max(end - start, 1)


def _told(command: Command, positions: Mapping[int, int], terms: Terms, learnt: Learnt) -> Planned:
    needs: list[Need] = []
    is_plain = not command.is_raw or all(map(_DOTTED.fullmatch, command.params or ()))
    if command.params is not None:
        for value in command.params.values():
            if type(value) is not Reference:
                continue
            position = positions.get(id(value.source))
            if position is not None:
                is_odd = bool(learnt.odd) and (value.source.path, value.name) in learnt.odd
                needs.append(Need(position, value.is_each, not is_odd and _can_be_handed_over(value, command)))
            elif value.is_each:
                is_plain = False  # the elements are known: it goes as so many statements
    is_alone = (terms.are_writes_alone or terms.are_kinds_apart) and not command.is_read
    return Planned(
        needs,
        command.is_read,
        bool(command.select),
        is_plain and not is_alone and not _may_be_null(command.path),
        is_plain and not is_alone,
        learnt.lost[command.path] - 1 if command.path in learnt.lost else MOST_LEVELS,
    )


@lru_cache(maxsize=1024)
def _may_be_null(path: str) -> bool:
    return _NULL.match(path) is not None


def _can_be_handed_over(reference: Reference, command: Command) -> bool:
    source: Command = reference.source.command
    # A nest that is refused goes again call by call, but for a write, which may have run: it takes no risk with types.
    is_safe = source.is_read or _KEY.search(reference.name) is not None
    return is_safe and _is_nameable(reference.name) and not reference.inner and is_sure_of(reference, command)


@lru_cache(maxsize=1024)
def _is_nameable(name: str) -> bool:
    return codec.is_plain_name(name) and name != "class" and not _DATE.search(name)


def single(call: Call[Any], position_of: Callable[[Call[Any]], int]) -> list[Call[Any]]:
    """Return what departs for a call that is in no nest: itself, or a part for each element; nothing if it ends here."""
    if call.done():
        return []
    call.bind(widened(call))
    if call.command.params is None:
        return [call]
    try:
        command = bound(call.command)
        if command.params is None:
            call.bind(command)
            return [call]
        shape, commands = spread(command)
    except DependencyError as error:
        call.settle(NotSent(error), position=position_of(call))
        return []
    return [*Fan(call, shape, commands, position_of).parts]


def nested(nest: Nest, calls: Sequence[Call[Any]], position_of: Callable[[Call[Any]], int]) -> NestedCalls | None:
    """Return the calls of a nest, ready to depart; None if not all of them can or want to."""
    inside = {position: calls[position] for position in everyone(nest)}
    if any(call.done() for call in inside.values()):
        return None
    for call in inside.values():
        call.bind(widened(call))
    try:
        command = command_of(nest, inside)
    except DependencyError:
        return None
    return NestedCalls(nest, command, inside, position_of)


def members_of(nest: Nest, calls: Sequence[Call[Any]]) -> list[Call[Any]]:
    """Return all calls of a nest, in call order."""
    return [calls[position] for position in sorted(everyone(nest))]


def everyone(nest: Nest) -> set[int]:
    return {nest.root.call, *nest.root.calls()}


def command_of(nest: Nest, inside: Mapping[int, Call[Any]]) -> Command:
    positions = {id(call): position for position, call in inside.items()}
    return nesting.command_of(nest, {position: _bare(call, positions) for position, call in inside.items()})


def _bare(call: Call[Any], positions: Mapping[int, int]) -> nesting.Bare:
    """Return a call as it is nested: results of calls that are not in the nest are filled in.

    Raises:
        DependencyError: one of these is missing.
    """
    command = widened(call)
    flags: list[nesting.Flag] = []
    values: dict[str, object] = {}
    for name, value in (command.params or {}).items():
        if isinstance(value, Reference):
            if id(value.source) in positions:
                flags.append(nesting.Flag(name, positions[id(value.source)], value.name))
            else:
                values[name] = referred(value, command)
    try:
        return nesting.Bare(command, codec.literal(command, values), flags)
    except (TypeError, ValueError) as error:
        raise DependencyError(f"a property that it refers to cannot be sent: {error}", path=call.path) from error


def widened(call: Call[Any]) -> Command:
    """Return the command with what other calls refer to in its white-list, if it has one."""
    command = call.command
    if not command.listed:
        return command
    more = [name for name in call.wanted if name not in command.listed and codec.is_plain_name(name)]
    return codec.relisted(command, (*command.listed, *more)) if more else command


def requests_of(
    calls: Sequence[Call[Any]], terms: Terms, most_bytes: float, *, has_nests: bool
) -> list[list[Sequence[Call[Any]]]]:
    """Return what departs in a stage wave by wave, and request by request."""
    if not calls:
        return []
    nests = {
        position: Nested(call.nested, len(call.members), position > 0 and call.follows(calls[position - 1]))
        for position, call in (enumerate(calls) if has_nests else ())
        if isinstance(call, NestedCalls)
    }
    lengths = lengths_of(calls)
    room = room_of(terms, most_bytes)
    if not nests and packing.is_one(lengths, room, lambda: kinds_of(calls)):
        return [[calls]]
    waves = packing.waves(lengths, [call.is_read for call in calls], room, nests)
    return [[calls[request.start : request.stop] for request in wave] for wave in waves]


def whole_body_of(calls: Sequence[Call[Any]], terms: Terms, most_bytes: float) -> bytes | None:
    """Return the body of one request with all of these calls, if they may go in one whatever they do."""
    if terms.are_writes_alone or terms.are_kinds_apart or not 0 < len(calls) <= terms.limits.max_calls:
        return None
    body = body_of(calls)
    return body if len(body) <= min(terms.limits.max_bytes, most_bytes) else None


def room_of(terms: Terms, most_bytes: float = math.inf) -> Room:
    limits = terms.limits
    return Room(
        max_calls=limits.max_calls,
        max_bytes=int(min(limits.max_bytes, most_bytes)),
        max_nested=limits.max_nested,
        are_writes_alone=terms.are_writes_alone,
        are_kinds_apart=terms.are_kinds_apart,
    )
