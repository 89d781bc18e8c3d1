"""Calls that wait for others of their kind: whoever calls as the same user, they travel together. Knows when a batch closes;
does not know how it travels.

A lane is for one user, and for calls that read or for calls that write. Its batch closes a scheduler tick after the first
call if nothing of the lane is in flight, else when an answer returns or the window is over, whichever comes first. Under a
steady load the tick alone would send nearly every call by itself: each answer wakes one task, whose next call leaves alone.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import anyio

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors
from aioliferay._call import Call
from aioliferay._core import codec
from aioliferay._core.messages import Cancelled, NotSent, Ok, Outcome
from aioliferay._nests import end_cancelled
from aioliferay._queue import NEVER_BEGAN
from aioliferay.errors import CallCancelledError, ClosedError, NotSentError, TooManyCallsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioliferay._core.window import Window
    from aioliferay._exchange import Exchange
    from aioliferay._http import Trip
    from aioliferay._options import Terms
    from aioliferay._tasks import BackgroundTasks


class Room:
    """How much may be under way and pending at once, for all users of one automatic batch together.

    Attributes:
        window: how long a batch waits for more calls.
        terms: on which they travel.
        is_sharing: whether identical reads share a statement.
        slots: batches that may be in flight.
        connections: requests that may be.
        pending: calls that have not ended.
        gatherings: who calls.
        is_closed: no further calls are taken.
        is_abandoned: what has not left is not sent.
    """

    def __init__(self, window: Window, terms: Terms, *, max_pending: int, is_sharing: bool) -> None:
        self.window = window
        self.terms = terms
        self.is_sharing = is_sharing
        parallel = terms.limits.max_parallel
        self.slots = anyio.Semaphore(parallel, fast_acquire=True)
        self.connections = anyio.Semaphore(parallel, fast_acquire=True)
        self.pending = 0
        self.gatherings: WeakSet[Gathering] = WeakSet()
        self.is_closed = False
        self.is_abandoned = False
        self._max_pending = max_pending
        self._waiting: deque[anyio.Event] = deque()
        self._empty: anyio.Event | None = None

    def check(self, path: str) -> None:
        """Refuse a call if there are too many.

        Raises:
            TooManyCallsError: as its name says.
        """
        if self.pending >= self._max_pending:
            raise TooManyCallsError(
                f"{self.pending} calls are pending already: await ready() before a call, or allow more with max_pending=",
                path=path,
            )

    async def ready(self) -> None:
        """Wait until a call may be made."""
        while self.pending >= self._max_pending:
            event = anyio.Event()
            self._waiting.append(event)
            try:
                await event.wait()
            finally:
                if event.is_set():
                    self._wake()  # the place may be another's, if this one does not take it
                else:
                    self._waiting.remove(event)

    def release(self, count: int) -> None:
        """Note that so many calls have ended."""
        self.pending -= count
        self._wake()
        if not self.pending and self._empty is not None:
            self._empty.set()
            self._empty = None

    def abandon(self, cause: BaseException) -> None:
        """End what has not left, because the block raised."""
        self.is_abandoned = True
        for gathering in self.gatherings:
            gathering.abandon(cause)

    async def join(self) -> None:
        """Wait until no call is pending."""
        while self.pending:
            self._empty = self._empty or anyio.Event()
            await self._empty.wait()

    def _wake(self) -> None:
        if self._waiting and self.pending < self._max_pending:
            self._waiting.popleft().set()


class Gathering:
    """The calls of one user. To its calls it is who sends them."""

    def __init__(self, room: Room, exchange: Exchange, tasks: BackgroundTasks) -> None:
        self.room = room
        self.exchange = exchange
        self.tasks = tasks
        room.gatherings.add(self)
        self._lanes: dict[bool, Lane] = {is_read: Lane(self, is_read=is_read) for is_read in (True, False)}
        self._shared: dict[bytes, SharedCall] = {}

    def flush_soon(self, call: Call[Any], /) -> None:
        """Do nothing: calls leave by themselves."""

    def append(self, call: Call[Any]) -> None:
        """Queue a call; it leaves soon.

        Raises:
            RuntimeError: no event loop runs here; the call was not made.
        """
        if call.has_timeout and (watch := deadline.watch(self.tasks, [call])) is not None:
            call.add_done_callback(lambda _: watch.cancel())
        if call.command.params is not None:
            self._append_dependent(call)
        elif self.room.is_sharing and call.command.is_read:
            self._append_shared(call)
        else:
            self._lanes[call.command.is_read].append(call)
        self.room.pending += 1

    def _append_dependent(self, call: Call[Any]) -> None:
        """Queue a call with those that it needs, or, if these do not wait in one place, once they have ended."""
        sources = {id(source): source for reference in call.command.references if not (source := reference.source).done()}
        own = self._lanes[call.command.is_read]
        for lane in self._lanes.values() if sources else (own,):
            if lane.members.issuperset(sources):
                lane.append(call)
                lane.has_links = lane.has_links or bool(sources)
                return
        left = set(sources)

        def ended(source: Call[Any]) -> None:
            left.discard(id(source))
            if not left:
                own.append_late(call)

        for source in sources.values():
            source.add_done_callback(ended)

    def _append_shared(self, call: Call[Any]) -> None:
        shared = self._shared.get(call.command.statement)
        if shared is None or shared.done():
            shared = self._shared[call.command.statement] = SharedCall(call)
            self._lanes[True].append(shared)
        else:
            shared.join(call)

    def abandon(self, cause: BaseException) -> None:
        """End what is queued."""
        for lane in self._lanes.values():
            lane.abandon(cause)

    def forget(self, calls: Sequence[Call[Any]]) -> None:
        """Forget what identical reads could have shared: it has ended."""
        for call in calls:
            if isinstance(call, SharedCall) and self._shared.get(call.key) is call:
                del self._shared[call.key]


class Lane:
    """Calls of one user that read, or that write: what is queued, and what closes its batches.

    Attributes:
        members: ids of the calls that are queued.
        has_links: calls are queued that need others of the queue.
    """

    def __init__(self, gathering: Gathering, *, is_read: bool) -> None:
        self.members: set[int] = set()
        self.has_links = False
        self._gathering = gathering
        self._is_read = is_read
        self._calls: list[Call[Any]] = []
        self._length = 0
        self._opened = -math.inf
        self._in_flight = 0
        self._has_carrier = False  # a task that will take what is queued
        self._returned: anyio.Event | None = None

    def append(self, call: Call[Any]) -> None:
        """Queue a call."""
        if not self._has_carrier:
            self._start()
        if not self._calls and self._in_flight:
            self._opened = anyio.current_time()
        self._calls.append(call)
        self.members.add(id(call))
        self._length += len(call.command.statement) + 1
        if self._returned is not None and self._is_full:
            self._returned.set()

    def append_late(self, call: Call[Any]) -> None:
        """Queue a call that waited for others, unless nothing can be sent any more."""
        try:
            if not self._gathering.room.is_abandoned:
                self.append(call)
                return
            error = NotSentError("what it needs has no result, and its block has ended", path=call.path)
        except RuntimeError:  # no event loop runs here any more
            error = NotSentError(NEVER_BEGAN, path=call.path)
        call.settle(NotSent(error))
        self._tell([call])

    @property
    def _is_full(self) -> bool:
        limits = self._gathering.room.terms.limits
        return len(self._calls) >= limits.max_calls or self._length >= limits.max_bytes

    def _start(self) -> None:
        self._gathering.tasks.start(self._carry, lost=self._lose)
        self._has_carrier = True

    async def _carry(self) -> None:
        """Wait until the batch closes, and send it. The task began a scheduler tick after the first call."""
        room = self._gathering.room
        try:
            await self._due()
            await room.slots.acquire()
        except BaseException:
            self._lose()
            raise
        try:
            await self._send(self._take())
        finally:
            room.slots.release()

    async def _due(self) -> None:
        now = anyio.current_time()
        end = self._gathering.room.window.closes_at(now, opened=self._opened, in_flight=self._in_flight)
        if end > now and not self._is_full:
            self._returned = self._returned or anyio.Event()
            with anyio.CancelScope(deadline=end):
                await self._returned.wait()
            self._returned = None

    def _take(self) -> list[Call[Any]]:
        """Take what goes in one batch out of the queue: of reads as many as a request holds, of what keeps an order all."""
        self._has_carrier = False
        calls, count = self._calls, len(self._calls)
        if self._is_read and not self.has_links:
            count = min(count, self._gathering.room.terms.limits.max_calls)
        taken, self._calls = calls[:count], calls[count:]
        self.members = {id(call) for call in self._calls}
        self._length = sum([len(call.command.statement) + 1 for call in self._calls])
        self.has_links = False
        if self._calls:
            self._start()
        for call in taken:
            call.leave_queue()
        return taken

    async def _send(self, calls: list[Call[Any]]) -> None:
        gathering, room = self._gathering, self._gathering.room
        self._in_flight += 1
        until = anyio.current_time() + room.terms.deadline
        watch = deadline.watch(gathering.tasks, calls, until) if not math.isinf(until) else None
        try:
            pending = [call for call in calls if not call.done()]
            if pending:
                await gathering.exchange.run(pending, room.terms, until, connections=room.connections)
        finally:
            self._in_flight -= 1
            for call in calls:
                end_cancelled(call)
            if watch is not None:
                watch.cancel()
            if self._returned is not None:
                self._returned.set()
                self._returned = None
            self._tell(calls)

    def abandon(self, cause: BaseException) -> None:
        """End what is queued, because its block raised `cause`."""
        self._end(f"the block of its automatic batch raised {type(cause).__name__}, so it was not sent", NotSentError, cause)

    def _lose(self) -> None:
        """End what is queued: the task that was to send it was cancelled."""
        self._has_carrier = False
        if self._gathering.exchange.traffic.is_closing:
            self._end("the session was closed before it was sent", ClosedError)
        else:
            self._end(NEVER_BEGAN, NotSentError)

    def _end(self, why: str, kind: type[NotSentError], cause: BaseException | None = None) -> None:
        calls, self._calls = self._calls, []
        self.members.clear()
        for call in calls:
            error = kind(why, path=call.path)
            error.__cause__ = cause
            call.settle(NotSent(error))
        self._tell(calls)

    def _tell(self, calls: list[Call[Any]]) -> None:
        """Run the callbacks of calls that have ended, and make room for others."""
        gathering = self._gathering
        gathering.forget(calls)
        callers = [caller for call in calls for caller in (call.callers if isinstance(call, SharedCall) else (call,))]
        gathering.room.release(len(callers))
        log_callback_errors([error for caller in callers for error in caller.run_callbacks()])


class SharedCall(Call[Any]):
    """One statement for calls that ask the same: each of them gets a result of its own.

    Attributes:
        callers: the users' calls.
        key: the statement that they have in common.
    """

    __slots__ = ("callers", "key")

    def __init__(self, first: Call[Any]) -> None:
        super().__init__(first.command, sender=None, adapter=None, timeout=None, site=first.site)
        self.callers: list[Call[Any]] = []
        self.key: bytes = first.command.statement
        self.join(first)

    def join(self, call: Call[Any]) -> None:
        """Let another call have the same result."""
        self.callers.append(call)
        if self._trip is not None:
            call.depart(self._trip)
        call.add_done_callback(self._note_end)

    def depart(self, trip: Trip) -> None:
        """Note that the call is in a request that is about to leave."""
        super().depart(trip)
        for caller in self.callers:
            caller.depart(trip)

    def settle(
        self, outcome: Outcome[Any], raw: object = None, *, is_told: bool = False, position: int | None = None
    ) -> None:
        """End the calls with what became of the statement; the first outcome stays."""
        if self.done():
            return
        outcome = self._truthful(outcome) if outcome.error is not None else outcome
        super().settle(outcome, raw, is_told=True)
        for number, caller in enumerate(self.callers):
            if not isinstance(outcome, Ok):
                error = outcome.error.for_call(caller.path)
                caller.settle(replace(outcome, error=error), is_told=is_told, position=position)
                continue
            own = Ok(copy.deepcopy(outcome.value) if number else outcome.value)  # who changes his changes no other
            caller.settle(codec.fit(own, caller.adapter, caller.path), own.value)

    def _note_end(self, _: Call[Any]) -> None:
        if not self.done() and all(caller.done() for caller in self.callers):
            error = CallCancelledError("nobody waits for it any more", path=self.path)
            self.settle(Cancelled(error, is_sent=self.is_sent))
