"""How much may be under way and pending at once in an automatic batch, for all of its users together. Knows no calls."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

import anyio

from aioliferay._core.slots import Load, Slots
from aioliferay._core.window import Window
from aioliferay._options import Terms
from aioliferay._plain import UNKNOWN
from aioliferay.errors import NotSentError, TooManyCallsError

if TYPE_CHECKING:
    from aioliferay._invoker import Posted
    from aioliferay._plain import Known
    from aioliferay._trip import Trip


class Party(Protocol):
    """One user of an automatic batch; `known`: services whose calls need no further look."""

    known: Known

    def end(self, why: str, kind: type[NotSentError], cause: BaseException | None = None) -> None:
        """End what is queued."""


_MOST: Final = 16  # batches in flight, unless the limits say otherwise: at 20 ms some are free whenever a window is over
_WINDOW: Final = Window()
_PATIENT: Final = Window(0.01)  # an answer comes before, but for a slow call, which is not to hold up the others


class Room:
    """How much may be under way and pending at once, for all users of one automatic batch together.

    Attributes:
        terms: on which they travel.
        is_sharing: whether identical reads share a statement.
        connections: requests that may be in flight.
        pending: calls that have not ended.
        parties: who calls.
        is_closed: no further calls are taken.
        is_abandoned: what has not left is not sent.
    """

    def __init__(self, window: Window | None, terms: Terms, *, max_pending: int, is_sharing: bool) -> None:
        self._window = window
        self.terms = replace(terms, are_kinds_apart=True)
        self.plain_terms = terms  # of calls that are all of one kind
        self.is_sharing = is_sharing
        few, are_limits_own = terms.limits.max_parallel, terms.limits is not Terms().limits
        self._slots = Slots(few, few if are_limits_own else max(few, _MOST))
        self.connections = anyio.Semaphore(self._slots.most, fast_acquire=True)
        self._load = Load()
        self._in_flight = 0
        self._is_crowded = False  # there were several since there was none
        self._line: deque[anyio.Event] = deque()
        self.pending = 0
        self.parties: WeakSet[Party] = WeakSet()
        self.is_closed = False
        self.is_abandoned = False
        self.max_pending = max_pending
        self._waiting: deque[anyio.Event] = deque()
        self._empty: anyio.Event | None = None

    @property
    def is_patient(self) -> bool:
        """Whether a batch waits longer for more calls, because this thread is what takes the time, and not the way."""
        return self._window is None and self._load.is_full and self._slots.is_near

    @property
    def window(self) -> Window:
        """How long a batch waits for more calls."""
        return self._window or (_PATIENT if self.is_patient else _WINDOW)

    def check(self, path: str) -> None:
        """Refuse a call if there are too many.

        Raises:
            TooManyCallsError: as its name says.
        """
        if self.pending >= self.max_pending:
            raise TooManyCallsError(
                f"{self.pending} calls are pending already: await ready() before a call, or allow more with max_pending=",
                path=path,
            )

    async def ready(self) -> None:
        """Wait until a call may be made."""
        stand = self._waiting.append
        while self.pending >= self.max_pending:
            event = anyio.Event()
            stand(event)
            try:
                await event.wait()
            finally:
                if event.is_set():
                    self._wake()  # the place may be another's, if this one does not take it
                else:
                    self._waiting.remove(event)
            stand = self._waiting.appendleft  # who finds the place taken keeps the place in line

    def release(self, count: int) -> None:
        """Note that so many calls have ended."""
        self.pending -= count
        self._wake()
        if not self.pending and self._empty is not None:
            self._empty.set()
            self._empty = None

    def close(self) -> None:
        """Take no more calls."""
        self.is_closed = True
        for party in self.parties:
            party.known = UNKNOWN

    def abandon(self, cause: BaseException) -> None:
        """End what has not left, because the block raised `cause`."""
        self.is_abandoned = True
        why = f"the block of its automatic batch raised {type(cause).__name__}, so it was not sent"
        for party in [*self.parties]:
            party.end(why, NotSentError, cause)

    async def enter(self) -> None:
        """Wait until one more batch may be in flight, and let it be."""
        stand = self._line.append
        while self._in_flight >= self._slots.count:
            event = anyio.Event()
            stand(event)
            try:
                await event.wait()
            except BaseException:
                if event.is_set():
                    self._call_next()
                else:
                    self._line.remove(event)
                raise
            stand = self._line.appendleft  # who finds the place taken keeps the place in line
        self._in_flight += 1
        self._is_crowded = self._is_crowded or self._in_flight > 1

    def leave(self) -> None:
        """Note that a batch is over."""
        self._in_flight -= 1
        self._is_crowded = self._is_crowded and self._in_flight > 0
        self._call_next()

    def learn(self, posted: Posted, trip: Trip) -> None:
        """Learn from a request."""
        if posted.error is None and trip.elapsed is not None:
            self._slots.note(trip.elapsed, is_alone=not self._is_crowded)
            self._load.note(anyio.current_time(), time.thread_time())

    def _call_next(self) -> None:
        for _ in range(self._slots.count - self._in_flight):
            if self._line:
                self._line.popleft().set()

    async def join(self) -> None:
        """Wait until no call is pending."""
        while self.pending:
            self._empty = self._empty or anyio.Event()
            await self._empty.wait()

    def _wake(self) -> None:
        if self._waiting and self.pending < self.max_pending:
            self._waiting.popleft().set()
