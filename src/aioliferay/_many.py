"""What is done with many calls at once. It looks into them: by way of their methods, it would cost several times as much."""

# ruff: noqa: SLF001 - as above

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from aioliferay._core.codec import NOTHING
from aioliferay._http import Trip
from aioliferay._settling import RESULT, Settling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aioliferay._core.messages import Command
    from aioliferay.errors import CallbackError

C = TypeVar("C", bound=Settling[Any])


def pending_of(calls: Iterable[C]) -> list[C]:
    """Return the calls that have not ended."""
    return [call for call in calls if call._outcome is None]


class Taken(list[C]):
    """Calls that were taken out of a queue. Awaiting one of them needs no further flush: it has a trip.

    Attributes:
        trip: of the request that they will be in, if that is one.
        is_plain: whether nothing is to be known of them but their statements: no option was given, none refers to another.
    """

    def __init__(self, calls: Iterable[C], *, is_plain: bool) -> None:
        super().__init__([call for call in calls if call._outcome is None])
        self.trip: Trip = (trip := Trip())
        self.is_plain: bool = is_plain
        for call in self:
            call._trip = trip


def have_timeouts(calls: Iterable[Settling[Any]]) -> bool:
    """Tell whether a limit was set for one of the calls."""
    return any(call._more is not None and call.has_timeout for call in calls)


def body_of(calls: Sequence[Settling[Any]]) -> bytes:
    """Return the body of a request: a JSON array, also for one call (the null result of a single object would be `{}`)."""
    first = calls[0]._form
    if first is not None and len({call._form for call in calls}) == 1:  # one head for all of them
        return b"[%b%b}]" % (first.head, (b"},%b" % first.head).join([call._statement for call in calls]))
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
        len(call._statement) if (form := call._form) is None else len(form.head) + len(call._statement) + 1 for call in calls
    ]


def kinds_of(calls: Iterable[Settling[Any]]) -> set[bool]:
    """Return whether the calls read: for all of them, for none, or for some."""
    return {call._form.is_read if call._form is not None else call.is_read for call in calls}


def settle_results(calls: Sequence[C], results: Sequence[Any]) -> list[tuple[C, Any]]:
    """End the calls with the results of their request; return those of which more must be known, with their results."""
    rest: list[tuple[C, Any]] = []
    for call, result in zip(calls, results, strict=True):
        adapter, value = call._adapter, result
        if call._form is None or call._more is not None or call._outcome is not None:
            rest.append((call, result))
            continue
        if adapter is not None and (adapter is not NOTHING or result is not None):
            try:
                value = adapter.validate_python(result)
            except Exception:  # noqa: BLE001 - whoever concludes the call tells what is wrong
                rest.append((call, result))
                continue
        call._value = value
        call._outcome = RESULT
        call._sender = None
        if call._waiters is not None:
            call.wake()
    return rest


def results_of(calls: Iterable[Settling[Any]]) -> list[Any]:
    """Return the results of calls none of which has failed."""
    return [call._value if call._outcome is RESULT else call.outcome_value for call in calls]


def failed_of(calls: Iterable[C]) -> list[C]:
    """Return the calls that ended without a result, or with one of another type than was asked for."""
    return [call for call in calls if call._outcome is not RESULT and call.has_error]


def callback_errors_of(calls: Iterable[Settling[Any]]) -> list[CallbackError]:
    """Run the callbacks of settled calls, in call order; return what they raised."""
    return [error for call in calls if call._more is not None for error in call.run_callbacks()]
