"""Calls that do not travel one in one statement: several nested in one, and one as several, an element of a list each. To
the exchange each is a call; what becomes of it is handed on. Does not know how it is sent.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from aioliferay._call import Call
from aioliferay._calling import referred
from aioliferay._core import codec, nesting
from aioliferay._core.elements import Elements, in_shape
from aioliferay._core.messages import Cancelled, Failed, NotRun, NotSent, Ok, Outcome, Unknown
from aioliferay.errors import (
    AnswerTooLargeError,
    CallCancelledError,
    DependencyError,
    LiferayError,
    ProtocolError,
    ResultError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aioliferay._core.elements import Shape
    from aioliferay._core.messages import Command
    from aioliferay._core.plan import Nest
    from aioliferay._trip import Trip


_INTEGER: Final = range(-(2**31), 2**31)  # a larger number may be a date: 7.x writes a long as text, and ids are smaller


def conclude(call: Call[Any], outcome: Outcome[Any], position_of: Callable[[Call[Any]], int]) -> None:
    """Settle a call with what became of it at the portal, in the form that the caller asked for."""
    if not isinstance(outcome, Ok):
        call.settle(outcome, position=position_of(call))
        return
    if outcome.is_inferred and call.adapter is codec.adapter_for(None):
        call.settle(Ok(None, is_inferred=True))  # nobody asked for the result that was lost
        return
    raw, command = outcome.value, call.command
    if command.listed != command.select:
        outcome = replace(outcome, value=nesting.selected(raw, command.select))
    fitted = outcome if outcome.error is not None else codec.fit(outcome, call.adapter, command.path)
    call.settle(fitted, raw, position=None if fitted.error is None else position_of(call))


def singles(calls: Sequence[Call[Any]]) -> Iterator[Call[Any]]:
    """Yield the calls, and instead of a nest those that are in it."""
    for call in calls:
        if isinstance(call, NestedCalls):
            yield from call.members
        else:
            yield call


class NestedCalls(Call[Any]):
    """The calls of one nest, which travel in one statement.

    A refused nest does not tell which of its calls failed. It is taken apart: those that read have not ended then, and go
    again, one statement each (`left`). A write that may have run is never sent again, and its dependents get no result.

    Attributes:
        members: the calls whose results the nest brings.
        everyone: these, and the outermost call, whose result may be another statement's.
        error: why it was taken apart, if the portal refused it.
        lost: how deep in it the results of services were that its answer does not have.
        lengths: of the lists in its answer, by service.
        odd: properties, by service, that reach a nested call in another form than alone.
    """

    __slots__ = ("_calls", "_is_apart", "_nest", "_position_of", "error", "everyone", "lengths", "lost", "members", "odd")

    def __init__(
        self, nest: Nest, command: Command, calls: Mapping[int, Call[Any]], position_of: Callable[[Call[Any]], int]
    ) -> None:
        root = calls[nest.root.call]
        self.begin(command, None, None, site=root.site)
        self._nest = nest
        self._calls = calls
        self._position_of = position_of
        self._is_apart = False
        self.members: list[Call[Any]] = [calls[position] for position in nest.root.calls()]
        self.everyone: list[Call[Any]] = list(dict.fromkeys([root, *self.members]))
        self.error: LiferayError | None = None
        self.lost: dict[str, int] = {}
        self.lengths: dict[str, int] = {}
        self.odd: set[tuple[str, str]] = set()

    @property
    def nested(self) -> int:
        """How many statements are in the outermost."""
        return self._nest.size

    def follows(self, call: Call[Any]) -> bool:
        """Tell whether its outermost call is this one, whose result is a statement of its own before it."""
        return not self._nest.root.is_shown and self.everyone[0] is call

    @property
    def whole(self) -> Call[Any]:
        """The call of the user's that it stands for: the outermost."""
        return self.everyone[0]

    @property
    def left(self) -> list[Call[Any]]:
        """The calls that have not ended though the nest has."""
        return [call for call in self.everyone if not call.done()]

    def is_whole(self, now: float) -> bool:
        """Tell whether all of its calls still want to be sent; else it must not be sent as it is."""
        return not any(call.done() or call.limit(now, math.inf) <= now for call in self.everyone)

    def take_apart(self) -> None:
        """End the nest, and leave its calls to be sent each by itself."""
        self._is_apart = True
        for call in self.members:
            if call.command.is_read:
                call.settle_doubt()

    def done(self) -> bool:
        """Tell whether the nest has ended."""
        return self._is_apart or all(call.done() for call in self.members)

    def settle(
        self, outcome: Outcome[Any], raw: object = None, *, is_told: bool = False, position: int | None = None
    ) -> None:
        """Hand on what became of the nest to its calls; `raw` and `position` are the nest's and of no use to them."""
        _ = raw, position
        if self.done():
            return
        if isinstance(outcome, Ok) and outcome.error is None:
            self._share(outcome.value)
        elif self._is_puzzle(outcome):
            self.error = outcome.error
            for call in self.members:
                if not self._may_go_again(call, outcome):
                    error = _of(call, outcome.error)
                    if isinstance(error, ServerError):
                        error.calls = max(error.calls, self.command.calls)  # it may be another's in the nest
                    self._finish(call, Unknown(error), is_told=is_told)
        else:
            for call in self.members:
                self._finish(call, replace(outcome, error=_of(call, outcome.error)), is_told=is_told)
        self.take_apart()

    def _is_puzzle(self, outcome: Outcome[Any]) -> bool:
        """Tell whether the outcome of the whole says little of its calls, and more can be learnt from each by itself."""
        error = outcome.error
        match outcome:
            case NotRun() if not outcome.is_inferred:
                return isinstance(error, ProtocolError) and error.status == 413  # smaller ones may pass
            case Failed():
                return True
            case Unknown():
                return not self.command.is_read or isinstance(error, ServerError | AnswerTooLargeError)
            case _:
                return False

    def _may_go_again(self, call: Call[Any], outcome: Outcome[Any]) -> bool:
        if call.command.is_read or isinstance(outcome, NotRun):
            return True
        return call.command.is_idempotent and isinstance(outcome.error, ServerError | AnswerTooLargeError)

    def _share(self, value: object) -> None:
        self._note_length(self.command.path, value)
        for position, depth, result in nesting.results_of(self._nest, value):
            call = self._calls[position]
            self._note_length(call.path, result)
            if call.done():
                continue
            if result is nesting.MISSING and self._is_grounded(call):
                self.lost[call.path] = min(depth, self.lost.get(call.path, depth))
            if not call.command.is_read and result is nesting.MISSING:
                lost = ResultError("it ran, but the portal's answer to the calls nested in one another lacks its result")
                self._finish(call, Ok(None, _of(call, lost)))
            elif result is not nesting.MISSING and (not call.command.is_read or self._is_grounded(call)):
                conclude(call, Ok(result), self._position_of)

    def _is_grounded(self, call: Call[Any]) -> bool:
        """Tell whether a nested call got what it would have got alone.

        A name that a result lacks reached it as null, and of a list in a list the portal shows a white-list nothing. What is
        no plain value reached it as a Java object: a date, for one, which shows here as a number of milliseconds.
        """
        try:
            values = [(reference, referred(reference, call.command)) for reference in call.command.references]
        except DependencyError:
            return False
        is_grounded = True
        for reference, value in values:
            if reference.source not in self.everyone:
                continue  # it was filled in here
            is_flat = not isinstance(value, Elements) or all(part is None for part in value.shape)
            if not is_flat or not all(map(_is_plain, value.values if isinstance(value, Elements) else [value])):
                self.odd.add((reference.source.path, reference.name))
                is_grounded = False
        return is_grounded

    def _note_length(self, path: str, value: object) -> None:
        if isinstance(value, list):
            self.lengths[path] = max(self.lengths.get(path, 0), len(cast("list[object]", value)))

    def _finish(self, call: Call[Any], outcome: Outcome[Any], *, is_told: bool = False) -> None:
        call.settle(outcome, is_told=is_told, position=self._position_of(call))

    @property
    def has_timeout(self) -> bool:
        """Whether all of its calls have a limit of their own."""
        return all(call.has_timeout for call in self.members)

    def limit(self, now: float, default: float) -> float:
        """Return the time until which its most patient call may take."""
        return max(call.limit(now, default) for call in self.members)

    @property
    def is_doubtful(self) -> bool:
        """Whether a request that is over may have run one of its calls."""
        return any(call.is_doubtful for call in self.members)

    @property
    def is_sent(self) -> bool:
        """Whether a request with it has left, or may have."""
        return any(call.is_sent for call in self.members)

    def depart(self, trip: Trip) -> None:
        """Note that the nest is in a request that is about to leave."""
        for call in self.members:
            call.depart(trip)

    def doubt(self) -> None:
        """Note that a request with it had an end that tells nothing."""
        for call in self.members:
            call.doubt()

    def infer_not_run(self) -> None:
        """Note that the request that is over did not run it, as the portal's message lets conclude."""
        for call in self.members:
            call.infer_not_run()


def _of(call: Call[Any], error: LiferayError | None) -> Any:
    return None if error is None else error.for_call(call.path)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | bool) or (isinstance(value, int) and value in _INTEGER)


class Fan:
    """A call that runs for each element of a list, and the calls that do it, one an element.

    Its result is a list of theirs, in the form in which the elements stand. If one of them has none, neither has it.
    """

    def __init__(
        self, whole: Call[Any], shape: Shape, commands: Sequence[Command], position_of: Callable[[Call[Any]], int]
    ) -> None:
        self.whole = whole
        self.parts = [Part(self, command) for command in commands]
        self._shape = shape
        self._position_of = position_of
        self._open = len(self.parts)
        if not self.parts:
            conclude(whole, Ok(in_shape(shape, [])), position_of)

    def note(self, part: Part) -> None:
        """Note that one of the parts has ended."""
        if isinstance(part.outcome, Ok | Unknown) and not self.whole.command.is_read:
            self.whole.doubt()
        self._open -= 1
        if self._open or self.whole.done():
            return
        outcomes = [part.outcome for part in self.parts]
        results = [outcome.value for outcome in outcomes if isinstance(outcome, Ok) and outcome.error is None]
        if len(results) == len(outcomes):
            self.whole.settle_doubt()
            conclude(self.whole, Ok(in_shape(self._shape, results)), self._position_of)
            return
        bad = [place for place, outcome in enumerate(outcomes) if outcome.error is not None]
        self._fail(next((place for place in bad if not isinstance(outcomes[place], Ok)), bad[0]))

    def _fail(self, place: int) -> None:
        outcome = self.parts[place].outcome
        self.parts[place].hand_over_trip()
        error = _of(self.whole, outcome.error)
        error.outcome, error.__notes__ = None, []  # the whole's may be others
        error.add_note(f"element {place} of {len(self.parts)}")
        own: Outcome[Any] = replace(outcome, error=error)
        has_run = any(isinstance(part.outcome, Ok | Unknown) for part in self.parts)
        if has_run and not self.whole.command.is_read and isinstance(outcome, Failed | NotRun | NotSent | Cancelled):
            own = Unknown(error)  # it ran for some of the elements
        self.whole.settle(own, position=self._position_of(self.whole))


class Part(Call[Any]):
    """A call that runs for one element."""

    __slots__ = ("_fan",)

    def __init__(self, fan: Fan, command: Command) -> None:
        self.begin(command, None, None, site=fan.whole.site)
        self._fan = fan

    @property
    def whole(self) -> Call[Any]:
        """The call of the user's that it stands for."""
        return self._fan.whole

    def done(self) -> bool:
        """Tell whether it has ended, or the call that it is a part of."""
        return super().done() or self.whole.done()

    def settle(
        self, outcome: Outcome[Any], raw: object = None, *, is_told: bool = False, position: int | None = None
    ) -> None:
        """End it, and tell the call that it is a part of."""
        _ = is_told
        if self.done():
            return
        super().settle(outcome, raw, is_told=True, position=position)
        self._fan.note(self)

    @property
    def has_timeout(self) -> bool:
        """Whether the caller set a limit."""
        return self.whole.has_timeout

    @property
    def allowed(self) -> str:
        """The time that the caller allows, for texts."""
        return self.whole.allowed

    def limit(self, now: float, default: float) -> float:
        """Return the time until which the call may take."""
        return self.whole.limit(now, default)

    def depart(self, trip: Trip) -> None:
        """Note that it is in a request that is about to leave."""
        super().depart(trip)
        self.whole.depart(trip)

    def hand_over_trip(self) -> None:
        """Let the request that had it last be the one that the whole call tells of."""
        if self._trip is not None:
            self.whole.depart(self._trip)

    def doubt(self) -> None:
        """Note that a request with it had an end that tells nothing."""
        super().doubt()
        self.whole.doubt()


def end_cancelled(call: Call[Any]) -> None:
    """Settle a call, if nothing else has, whose sender was cancelled before it was sent (again)."""
    if not call.done():
        error = CallCancelledError(_cancelled(is_sent=call.is_doubtful), path=call.path)
        call.settle(Cancelled(error, is_sent=False))


def settle_cancelled(calls: Sequence[Call[Any]], trip: Trip) -> None:
    """Settle the calls of a request that was cancelled: a write that may have run is unknown."""
    for call in singles(calls):
        error = CallCancelledError(_cancelled(is_sent=trip.is_sent or call.is_doubtful), path=call.path)
        if trip.is_sent and not call.command.is_read:
            call.settle(Unknown(error), is_told=True)
        else:
            call.settle(Cancelled(error, is_sent=trip.is_sent))


def _cancelled(*, is_sent: bool) -> str:
    if is_sent:
        return "it was cancelled in flight; the portal may have run it"
    return "it was cancelled before it was sent"
