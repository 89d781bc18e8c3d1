"""What is under way over the connections of one session, whoever it acts as, and what was learnt of the portal on the way.
Knows whom to wait for; sends nothing.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from weakref import WeakSet

import anyio

from aioliferay._stages import Learnt
from aioliferay._tasks import End
from aioliferay._trip import Trip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from aioliferay._call import Call
    from aioliferay._core.recovery import RetryAllowance
    from aioliferay._drafts import Drafts
    from aioliferay._invoker import Posted
    from aioliferay._keeper import Keeper
    from aioliferay._many import Taken
    from aioliferay._options import Terms
    from aioliferay.errors import LiferayError


class Sharing(TypedDict, total=False):
    """What a run has in common with others of the same front door."""

    connections: anyio.Semaphore
    """In place of its own: how many of their requests may be under way at once."""
    meter: Callable[[Posted, Trip], object]
    """Told of each request that is over."""
    taken: Taken[Call[Any]] | Drafts | None
    """The calls themselves, if they come from a queue, or are only drafts."""


class UnderWay:
    """A run that has not ended: its calls, what cancels it, what to wait for, and what it may still spend."""

    def __init__(
        self,
        calls: Sequence[Call[Any]],
        terms: Terms,
        until: float,
        *,
        owner: object,
        **sharing: Unpack[Sharing],
    ) -> None:
        self.calls = calls
        taken = sharing.get("taken")
        self.is_plain = taken is not None and taken.is_plain
        self.trip = None if taken is None else taken.trip
        self._trips: list[Trip] = []
        self.is_settled = False  # each of its calls has its result
        self.owner = owner
        self.terms = terms
        self.until = until
        self.scope = anyio.CancelScope()
        self.ended = End()
        self.connections = sharing.get("connections")
        self.meter = sharing.get("meter")
        self.held: LiferayError | None = None  # nothing more is sent: a write before it may not have run, or not yet
        self.is_guided = True
        self._searches_left = terms.limits.isolation_requests
        self._search_until: float | None = None
        self.has_nests = False
        self.parts: list[Call[Any]] = []  # of calls that run for each element of a list
        self._positions: dict[int, int] | None = None

    def next_trip(self) -> Trip:
        """Return the trip of a request that has only some of the calls, or has them again."""
        trip = Trip()
        if self.trip is not None:
            self.trip.is_plain = False
            trip.sender = self.trip.sender
            self._trips.append(trip)
        return trip

    def limit_parallel(self) -> None:
        """Note that several of its requests go at once, from here on not more than the limit."""
        self.connections = self.connections or anyio.Semaphore(self.terms.limits.max_parallel, fast_acquire=True)

    def end(self) -> None:
        """Note that nothing more is sent."""
        for trip in self._trips if self.trip is None else (self.trip, *self._trips):
            trip.sender = trip.loop = None
        self.ended.set()

    def position(self, call: Call[Any]) -> int:
        """Return the call's place in the batch."""
        if self._positions is None:
            self._positions = {id(call): position for position, call in enumerate(self.calls)}
        return self._positions[id(call.whole)]

    def may_search(self, now: float) -> bool:
        """Take one request from the budget of isolation, if there is one left."""
        if self._search_until is None:
            self._search_until = now + self.terms.limits.isolation_seconds
        self._searches_left -= 1
        return self._searches_left >= 0 and now < self._search_until

    def latest(self, *, is_search: bool) -> float:
        """Return the time at which a request must end for the batch's sake."""
        return min(self.until, self._search_until) if is_search and self._search_until is not None else self.until


@dataclass(slots=True)
class Traffic:
    """What a session shares with those that act as somebody else over its connections.

    Attributes:
        runs: those that have not ended.
        doors: sessions over these connections.
        bells: of streams that are under way: rung when it is closed.
        is_closing: no further calls are taken.
        is_closed: nothing is sent any more.
        allowance: how many repetitions there may still be; None before the first request.
        most_bytes: of one request, as the portal has refused larger ones.
        learnt: how the portal nests calls.
        keepers: of credentials that the portal gave to sessions that act as somebody else.
        gate: what each request passes, and is in until it is over: a limit that others have a part in.
    """

    runs: list[UnderWay] = field(default_factory=list["UnderWay"])
    doors: WeakSet[Any] = field(default_factory=WeakSet[Any])
    bells: WeakSet[Any] = field(default_factory=WeakSet[Any])
    is_closing: bool = False
    is_closed: bool = False
    allowance: RetryAllowance | None = None
    most_bytes: float = math.inf
    learnt: Learnt = field(default_factory=Learnt)
    keepers: WeakSet[Keeper] = field(default_factory=WeakSet["Keeper"])
    gate: Callable[[], AbstractAsyncContextManager[object]] = nullcontext

    async def join(self, owner: object = None) -> None:
        """Wait until no run is left, or none of an owner's."""
        while left := self._of(owner):
            await left[0].ended.wait()

    def cancel(self, owner: object = None, *, only_reads: bool = False) -> None:
        """Abort the runs, or those of an owner, or those that only read; their calls are settled."""
        for run in self._of(owner):
            if not only_reads or all(call.is_read for call in run.calls):
                run.scope.cancel()

    def _of(self, owner: object) -> list[UnderWay]:
        return [run for run in self.runs if owner is None or run.owner is owner]
