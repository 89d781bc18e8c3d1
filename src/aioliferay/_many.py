"""What is done with many calls at once. It looks into them: by way of their methods, it would cost several times as much."""

# ruff: noqa: SLF001 - as above

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aioliferay._core.codec import NOTHING
from aioliferay._core.encoding import write
from aioliferay._core.messages import Ok
from aioliferay._drafts import as_drafts
from aioliferay._settling import OUTCOMES, PENDING, Settling
from aioliferay._trip import Trip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aioliferay._core.codec import Adapter
    from aioliferay._core.messages import Command
    from aioliferay.errors import CallbackError

C = TypeVar("C", bound=Settling[Any])


def pending_of(calls: Iterable[C]) -> list[C]:
    """Return the calls that have not ended."""
    drafts = as_drafts(calls)
    if drafts is not None and drafts.ends:
        return []
    return [call for call in calls if call._end is PENDING]


class Taken(list[C]):
    """Calls that were taken out of a queue, and have not ended.

    Attributes:
        trip: of the request that they will be in, if that is one.
        results: of all of them, until somebody takes these; None if they came in another way than in one piece.
    """

    def __init__(self, calls: Iterable[C], trip: Trip) -> None:
        super().__init__(calls if trip.is_plain else pending_of(calls))
        self.trip: Trip = trip
        self.results: list[Any] | None = None
        trip.queue = None

    @cached_property
    def adapters(self) -> set[Adapter | None]:
        """What reads their results, each once."""
        return {None} if self.trip.is_bare else {call._adapter for call in self}

    @property
    def is_plain(self) -> bool:
        """Whether nothing is known of them but their statements, and none has ended in another way than by its result."""
        return self.trip.is_plain


def taken_at_once(calls: Iterable[C], sender: Any = None) -> Taken[C]:
    """Take calls that wait, and had no trip in common so far."""
    pending = pending_of(calls)
    trip = Trip(sender, is_plain=are_plain(pending))
    depart(pending, trip)
    return Taken(pending, trip)


def are_plain(calls: Iterable[Settling[Any]]) -> bool:
    """Tell whether nothing is known of calls but their statements: no option was given, none refers to another."""
    return not [call for call in calls if call._more is not None or call._form is None]


def depart(calls: Iterable[Settling[Any]], trip: Trip) -> None:
    """Note that plain calls are in a request that is about to leave."""
    for call in calls:
        call._trip = trip


def have_timeouts(calls: Iterable[Settling[Any]]) -> bool:
    """Tell whether a limit was set for one of the calls."""
    return any(call._more is not None and call.has_timeout for call in calls)


def body_of(calls: Sequence[Settling[Any]]) -> bytes:
    """Return the body of a request: a JSON array, also for one call (the null result of a single object would be `{}`)."""
    if (drafts := as_drafts(calls)) is not None:
        return drafts.body
    form, *others = {call._form for call in calls}
    if form is not None and not others:
        return b"[%b]" % form.statements([call._content for call in calls], write)
    return b"[%b]" % b",".join([call.statement for call in calls])


def commands_of(calls: Iterable[Settling[Any]]) -> list[Command]:
    """Return the commands of calls."""
    return [call.command for call in calls]


def count_of(calls: Sequence[Settling[Any]]) -> int:
    """Return how many calls have their results in an answer: several of them, where one stands for a nest."""
    return sum([1 if call._form is not None else call.command.calls for call in calls])


def lengths_of(calls: Iterable[Settling[Any]]) -> list[int]:
    """Return the lengths of the calls' statements, in bytes."""
    return [
        len(call.statement)
        if (form := call._form) is None
        else len(form.head) + len(form.tail) + len(str(call._content) if form.is_number else call._content)
        for call in calls
    ]


def kinds_of(calls: Iterable[Settling[Any]]) -> set[bool]:
    """Return whether the calls read: for all of them, for none, or for some."""
    return {call._form.is_read if call._form is not None else call.is_read for call in calls}


def adapters_of(calls: Sequence[Settling[Any]]) -> list[Adapter] | None:
    """Return what reads the result of each call, if all of them have a type, and they are to have any."""
    adapters = _each_adapter_of(calls)
    if None in adapters or adapters == {NOTHING}:
        return None
    return [*adapters] * len(calls) if len(adapters) == 1 else [cast("Adapter", call._adapter) for call in calls]


def _each_adapter_of(calls: Iterable[Settling[Any]]) -> set[Any]:
    """Return what reads the results of calls, each once."""
    if (drafts := as_drafts(calls)) is not None:
        return {drafts.adapter}
    return calls.adapters if isinstance(calls, Taken) else {call._adapter for call in calls}


def settle_results(
    calls: Sequence[C], results: Sequence[Any], trip: Trip, *, are_typed: bool = False
) -> list[tuple[C, Any]]:
    """End the calls with the results of their request; return those of which more must be known, with their results.

    `are_typed`: the results have the types that the calls ask for.
    """
    if are_typed:
        _settle(calls, [Ok(value) if type(value) in OUTCOMES else value for value in results])
        return []
    if trip.is_plain and _need_no_type(_each_adapter_of(calls), results):
        if isinstance(calls, Taken) and isinstance(results, list):
            calls.results = results
        _settle(calls, results, are_awaited=not trip.is_bare)
        return []
    rest: list[tuple[C, Any]] = []
    for call, result in zip(calls, results, strict=True):
        adapter, value = call._adapter, result
        if call._form is None or call._more is not None or call._end is not PENDING:
            rest.append((call, result))
            continue
        if adapter is not None and (adapter is not NOTHING or result is not None):
            try:
                value = adapter.validate_python(result)
            except Exception:  # noqa: BLE001 - whoever concludes the call tells what is wrong
                rest.append((call, result))
                continue
        call._end = value if type(value) not in OUTCOMES else Ok(value)
        if call._waiters is not None:
            call.wake()
    return rest


def _settle(calls: Sequence[Settling[Any]], ends: Sequence[Any], *, are_awaited: bool = True) -> None:
    drafts = as_drafts(calls)
    if drafts is not None and drafts.take(ends):
        return
    if not are_awaited:  # the look for waiters is a third of the loop
        for call, end in zip(calls, ends, strict=True):
            call._end = end
        return
    for call, end in zip(calls, ends, strict=True):
        call._end = end
        if call._waiters is not None:
            call.wake()


def _need_no_type(adapters: set[Any], results: Sequence[Any]) -> bool:
    """Tell whether the results are as all calls asked for them: as they come, or none."""
    (adapter, *others) = adapters
    return not others and (adapter is None or (adapter is NOTHING and results.count(None) == len(results)))


def results_of(calls: Iterable[Settling[Any]]) -> list[Any]:
    """Return the results of calls none of which has failed."""
    if isinstance(calls, Taken) and calls.is_plain:
        results, calls.results = calls.results, None
        return [call._end for call in calls] if results is None else results
    return [call.outcome_value if call._end.__class__ in OUTCOMES else call._end for call in calls]


def failed_of(calls: Iterable[C]) -> list[C]:
    """Return the calls that ended without a result, or with one of another type than was asked for."""
    if isinstance(calls, Taken) and calls.is_plain:
        return []
    return [call for call in calls if call._end.__class__ in OUTCOMES and call.has_error]


def callback_errors_of(calls: Iterable[Settling[Any]]) -> list[CallbackError]:
    """Run the callbacks of settled calls, in call order; return what they raised."""
    if isinstance(calls, Taken) and calls.is_plain:
        return []
    return [error for call in calls if call._more is not None for error in call.run_callbacks()]
