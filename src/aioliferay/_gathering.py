"""Calls that wait for others of their kind: whoever calls as the same user, they travel together. Knows when a batch closes;
does not know how it travels.

A lane is for one user, and for calls that read or for calls that write. Its batch closes a scheduler tick after the first
call if nothing of the lane is in flight, else when an answer returns or the window is over, whichever comes first. While
the program's own thread is what takes the time, it is the last answer, and a longer window: requests are to be few. Under a
steady load the tick alone would send nearly every call by itself: each answer wakes one task, whose next call leaves alone.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors
from aioliferay._call import Call
from aioliferay._core import codec
from aioliferay._core.messages import NotSent, Ok, Outcome
from aioliferay._many import Taken, callback_errors_of, lengths_of, taken_at_once
from aioliferay._queue import NEVER_BEGAN
from aioliferay._stages import widened
from aioliferay._trip import Trip
from aioliferay.errors import ClosedError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioliferay._exchange import Exchange
    from aioliferay._invoker import Posted
    from aioliferay._plain import Known
    from aioliferay._room import Room
    from aioliferay._tasks import BackgroundTasks
    from aioliferay._under_way import Sharing


class Gathering:
    """The calls of one user, in two lanes; `late` wait for others elsewhere. To its calls it is who sends them."""

    def __init__(self, room: Room, exchange: Exchange, tasks: BackgroundTasks, known: Known) -> None:
        self.room = room
        self.known = known
        self.trip = Trip(self)
        self.exchange = exchange
        self.tasks = tasks
        self.late: set[Call[Any]] = set()
        room.parties.add(self)
        self.lanes: dict[bool, Lane] = {is_read: Lane(self, is_read=is_read) for is_read in (True, False)}
        self.shared: dict[bytes, SharedCall] = {}

    def append(self, call: Call[Any]) -> None:
        """Queue a call; it leaves soon.

        Raises:
            RuntimeError: no event loop runs here; the call was not made.
            TooManyCallsError: as of `Room.check`.
        """
        room = self.room
        if room.pending >= room.max_pending:
            room.check(call.path)
        form = call._form  # noqa: SLF001 - see `_many`
        if form is None or call._more is not None or room.is_sharing:  # noqa: SLF001 - as above
            self._append_with_care(call)
        else:
            self.lanes[form.is_read].append(call)
        room.pending += 1

    def _append_with_care(self, call: Call[Any]) -> None:
        if not call.is_plain and call.command.params is not None:
            self._append_dependent(call)
        elif self.room.is_sharing and call.is_read:
            self._append_shared(call)
        else:
            self.lanes[call.is_read].append(call, is_plain=call.is_plain)
        if call.has_timeout and (watch := deadline.watch(self.tasks, [call])) is not None:
            call.add_done_callback(lambda _: watch.cancel())

    def _append_dependent(self, call: Call[Any]) -> None:
        """Queue a call with those that it needs, or, if these do not wait in one place, once they have ended."""
        sources = {id(source): source for reference in call.command.references if not (source := reference.source).done()}
        own = self.lanes[call.is_read]
        for lane in self.lanes.values() if sources else (own,):
            if all(lane.holds(source) for source in sources.values()):
                lane.append(call, is_plain=False)
                lane.has_links = lane.has_links or bool(sources)
                return

        def ended(source: Call[Any]) -> None:
            del sources[id(source)]
            if not sources:
                self.late.discard(call)
                own.append_late(call)

        self.late.add(call)
        for source in [*sources.values()]:
            source.add_done_callback(ended)

    def _append_shared(self, call: Call[Any]) -> None:
        lane, statement = self.lanes[True], call.statement
        shared = self.shared.get(statement)
        # Other calls may refer to more than it selects, which is too late once the statement has left.
        is_late = not call.is_plain and call.command.listed and not (shared is not None and lane.holds(shared))
        if shared is None or shared.done() or is_late:
            shared = SharedCall(call)
            lane.append(shared, is_plain=False)
            self.shared[statement] = shared
        else:
            shared.join(call)

    def forget(self) -> None:
        """Share no read that was made before now: a request with writes is over, and it may have run before these."""
        self.shared.clear()

    @property
    def pending(self) -> list[Call[Any]]:
        """The user's calls that have not ended: in a queue, in flight, or late."""
        return [*self._callers([call for lane in self.lanes.values() for call in lane.calls]), *self.late]

    async def join(self) -> None:
        """Wait until the calls have ended that are pending now."""
        for call in self.pending:
            ended = anyio.Event()
            call.add_done_callback(lambda _: ended.set())  # noqa: B023 - the next one is made when this has ended
            await ended.wait()

    def end(self, why: str, kind: type[NotSentError], cause: BaseException | None = None) -> None:
        """End what is queued."""
        for lane in self.lanes.values():
            lane.end(why, kind, cause)

    def release(self, calls: Sequence[Call[Any]]) -> Sequence[Call[Any]]:
        """Make room for others: these calls have ended. Return the users' own ones."""
        for call in calls if self.room.is_sharing else ():
            if isinstance(call, SharedCall) and self.shared.get(call.key) is call:
                del self.shared[call.key]
        callers = self._callers(calls)
        self.room.release(len(callers))
        return callers

    def _callers(self, calls: Sequence[Call[Any]]) -> Sequence[Call[Any]]:
        if not self.room.is_sharing:
            return calls
        return [caller for call in calls for caller in (call.callers if isinstance(call, SharedCall) else (call,))]


class Lane:
    """Calls of one user that read, or that write. `has_links`: some of those queued need others of these."""

    def __init__(self, gathering: Gathering, *, is_read: bool) -> None:
        self.has_links = False
        self._gathering = gathering
        self._is_read = is_read
        self._calls: deque[Call[Any]] = deque()
        self._trip = Trip(gathering)
        self._length = self._measured = 0  # bytes of the first so many
        self._opened = -math.inf
        self._end = math.inf
        self._in_flight: list[list[Call[Any]]] = []
        self._has_carrier = False  # a task that will take what is queued
        self._returned: anyio.Event | None = None

    def append(self, call: Call[Any], *, is_plain: bool = True) -> None:
        """Queue a call; `is_plain` as of the call."""
        if not self._has_carrier:
            self._start()
        if not is_plain:
            self._trip.is_plain = False
        if not self._calls and self._in_flight:
            self._opened = anyio.current_time()
        self._calls.append(call)
        call._trip = self._trip  # noqa: SLF001 - see `_many`: this is done for each call, and most have nothing more to it
        if self._returned is not None and (self._is_over or self._is_full):
            self._returned.set()

    @property
    def calls(self) -> list[Call[Any]]:
        """Those that are queued, or in flight."""
        return [*self._calls, *(call for calls in self._in_flight for call in calls)]

    def holds(self, call: Call[Any]) -> bool:
        """Tell whether a call is queued here."""
        trip = call._trip  # noqa: SLF001 - as above
        return trip is self._trip

    def append_late(self, call: Call[Any]) -> None:
        """Queue a call that waited for others, unless nothing can be sent any more."""
        try:
            if not self._gathering.room.is_abandoned:
                self.append(call, is_plain=False)
                return
            error = NotSentError("its block raised before there was what it needs, so it was not sent", path=call.path)
        except RuntimeError:  # no event loop runs here any more
            error = NotSentError(NEVER_BEGAN, path=call.path)
        call.settle(NotSent(error))
        self._tell([call])

    @property
    def _is_over(self) -> bool:
        """Whether the window is over: each call that comes looks, as timers are late, by a millisecond."""
        loop = self._trip.loop  # to ask anyio takes ten times as long
        return (anyio.current_time() if loop is None else loop.time()) >= self._end

    @property
    def _is_full(self) -> bool:
        limits = self._gathering.room.terms.limits
        count = len(self._calls)
        if self._measured < count < limits.max_calls:
            lengths = lengths_of([self._calls[position] for position in range(self._measured, count)])
            self._length += sum(lengths) + len(lengths)
            self._measured = count
        return count >= limits.max_calls or self._length >= limits.max_bytes

    def _start(self) -> None:
        self._has_carrier = True
        try:
            self._gathering.tasks.start(self._carry, lost=self._lose)
            self._trip.loop = self._gathering.tasks.loop
        except RuntimeError:
            self._has_carrier = False
            raise

    async def _carry(self) -> None:
        """Wait until the batch closes, and send it. The task began a scheduler tick after the first call."""
        room = self._gathering.room
        try:
            if not self._calls:  # an eager task: it began before the tick, and even before its first call was queued
                await anyio.lowlevel.checkpoint()
            await self._due()
            await room.enter()
        except BaseException:
            self._lose()
            raise
        try:
            await self._send(*self._take())
        finally:
            room.leave()

    async def _due(self) -> None:
        now = anyio.current_time()
        end = self._gathering.room.window.closes_at(now, opened=self._opened, in_flight=len(self._in_flight))
        if end > now and not self._is_full:
            self._end = end
            self._returned = self._returned or anyio.Event()
            with anyio.CancelScope(deadline=end):
                await self._returned.wait()
            self._returned = None

    def _take(self) -> tuple[list[Call[Any]], Taken[Call[Any]]]:
        """Take what goes in one batch: of reads as many as a request holds, else all. Return it, and what has not ended."""
        self._has_carrier = False
        count = len(self._calls)
        if self._is_read and not self.has_links:
            count = min(count, self._gathering.room.terms.limits.max_calls)
        if count == len(self._calls):
            calls, self._calls = [*self._calls], deque()
            taken = Taken(calls, self._trip)
            self._trip = Trip(self._gathering)
        else:
            calls = [self._calls.popleft() for _ in range(count)]
            taken = taken_at_once(calls, self._gathering)
            taken.trip.loop = self._trip.loop
        self._length = self._measured = 0
        if self.has_links:
            taken.trip.is_plain, self.has_links = False, False
        if self._calls:
            self._start()
        for call in () if taken.is_plain else taken:
            if call.wanted and call.command.listed:  # who refers to it may travel later
                call.bind(widened(call))
        return calls, taken

    async def _send(self, calls: list[Call[Any]], taken: Taken[Call[Any]]) -> None:
        gathering, room = self._gathering, self._gathering.room
        self._in_flight.append(calls)
        until = anyio.current_time() + room.terms.deadline
        watch = deadline.watch(gathering.tasks, calls, until) if not math.isinf(until) else None
        try:
            if taken:
                meter = room.learn if self._is_read else self._learn
                sharing: Sharing = {"connections": room.connections, "taken": taken, "meter": meter}
                terms = room.plain_terms if taken.is_plain else room.terms
                await gathering.exchange.run(taken, terms, until, **sharing)
        finally:
            self._in_flight.remove(calls)
            if watch is not None:
                watch.cancel()
            if not (self._in_flight and room.is_patient):
                self._opened = -math.inf  # what waits is due, also if its carrier has not begun
                if self._returned is not None:
                    self._returned.set()
            self._tell(taken if taken.is_plain else calls)

    def _learn(self, posted: Posted, trip: Trip) -> None:
        self._gathering.room.learn(posted, trip)
        self._gathering.forget()

    def _lose(self) -> None:
        """End what is queued: the task that was to send it was cancelled."""
        self._has_carrier = False
        is_closing = self._gathering.exchange.traffic.is_closing
        why = "the session was closed before it was sent" if is_closing else NEVER_BEGAN
        self.end(why, ClosedError if is_closing else NotSentError)

    def end(self, why: str, kind: type[NotSentError], cause: BaseException | None = None) -> None:
        """End what is queued."""
        calls, self._calls = [*self._calls], deque()
        self._length = self._measured = 0
        self.has_links = False
        for call in calls:
            error = kind(why, path=call.path)
            error.__cause__ = cause
            call.settle(NotSent(error))
        self._tell(calls)

    def _tell(self, calls: Sequence[Call[Any]]) -> None:
        """Run the callbacks of calls that have ended, and make room for others."""
        callers = self._gathering.release(calls)
        log_callback_errors(callback_errors_of(callers))


class SharedCall(Call[Any]):
    """One statement, `key`, for calls that ask the same, `callers`: each of them gets a result of its own."""

    __slots__ = ("callers", "is_away", "key")

    def __init__(self, first: Call[Any]) -> None:
        self.begin(first.command, sender=None, adapter=None, timeout=None, site=first.site)
        self.callers: list[Call[Any]] = []
        self.is_away = False
        self.key: bytes = first.statement
        self.join(first)

    def join(self, call: Call[Any]) -> None:
        """Let another call have the same result."""
        self.callers.append(call)
        if self._trip is not None and self.is_away:
            call.depart(self._trip)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of properties that references were made to."""
        return tuple(dict.fromkeys(name for caller in self.callers for name in caller.wanted))

    def depart(self, trip: Trip) -> None:
        """Note that the call is in a request that is about to leave."""
        super().depart(trip)
        self.is_away = True
        for caller in self.callers:
            caller.depart(trip)

    def done(self) -> bool:
        """Tell whether it has ended, or nobody waits for it any more."""
        return super().done() or all(caller.done() for caller in self.callers)

    def settle(
        self, outcome: Outcome[Any], raw: object = None, *, is_told: bool = False, position: int | None = None
    ) -> None:
        """End the calls with what became of the statement; the first outcome stays."""
        if self.done():
            return
        outcome = self._truthful(outcome) if outcome.error is not None else outcome
        left = [caller for caller in self.callers if not caller.done()]
        for more, caller in zip(range(len(left) - 1, -1, -1), left, strict=True):
            if not isinstance(outcome, Ok):
                error = outcome.error.for_call(caller.path)
                caller.settle(replace(outcome, error=error), is_told=is_told, position=position)
                continue
            pair = outcome.value, raw
            value, whole = copy.deepcopy(pair) if more else pair  # who changes his result changes no other
            caller.settle(codec.fit(Ok(value), caller.adapter, caller.path), whole)
        super().settle(outcome, raw, is_told=True)  # now: it writes into the error who made the call
