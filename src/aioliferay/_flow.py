"""The work of a stream: commands go out in chunks, and what becomes of these is put down. Knows how many are on their way;
the pace knows how many should be.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
import anyio.lowlevel

from aioliferay import _deadline as deadline
from aioliferay._alarms import user_site
from aioliferay._call import Call
from aioliferay._chunks import Chunk, reopen
from aioliferay._core.messages import NotSent
from aioliferay._core.window import Pace
from aioliferay._drafts import Drafts
from aioliferay._many import pending_of
from aioliferay._nests import end_cancelled
from aioliferay._options import BatchOptions, Terms
from aioliferay._supply import Bell, check_iterable, entries_of, raised, supply_of
from aioliferay.errors import ClosedError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from aioliferay._session_base import SessionBase
    from aioliferay._supply import Supply, Totals

_MAX_CALLS: Final = 1000
_FIRST_PIECE: Final = 16  # commands taken at once, until it is known how large they are
_LARGEST_PIECE: Final = 256
_LEAST: Final = 64  # commands of a chunk, where it is asked how many may be held: a chunk may have one
_GATHER_SECONDS: Final = 0.002
_MOST_WAITS: Final = 16
_AHEAD: Final = 2  # as many chunks are on their way or done as may be under way, twice
_LAST_SECONDS: Final = 5.0
_CLOSED: Final = "the session was closed before the stream had ended"
_STOPPED: Final = "the stream was stopped before it was sent"


class StreamOptions(BatchOptions, total=False):
    """What `Session.stream` takes."""

    ordered: bool
    """Whether items come in the order of the commands, or as soon as they are there."""
    calls: int | None
    """Calls in one request; left out, what the portal shows to be best."""
    parallel: int | None
    """Requests at once; left out, what the portal shows to be best."""
    before_send: Callable[[Sequence[tuple[int, Any]]], Awaitable[None]] | None
    """Awaited before a request leaves, with the positions of its commands and the commands, for who keeps a journal."""


class Flow:
    """The work of a stream, which goes on between items: commands are taken, sent in chunks, and their ends put down.

    Attributes:
        items: position, command, and call or end of the next commands, until who iterates takes them.
        are_plain: whether all of these ends are results.
    """

    def __init__(self, session: SessionBase, commands: Any, options: StreamOptions, returns: Any) -> None:
        check_iterable(commands)
        own = cast("dict[str, Any]", {**options})
        self._is_ordered = bool(own.pop("ordered", True))
        self._before_send = _function("before_send", own.pop("before_send", None))
        calls, parallel = (_count(name, own.pop(name, None)) for name in ("calls", "parallel"))
        terms = session.exchange.terms.changed(cast("BatchOptions", {"writes": "alone", **own}))
        limits = terms.limits
        most = max(calls or 1, _MAX_CALLS if limits is Terms().limits else limits.max_calls)
        most_parallel = parallel or limits.max_parallel
        self._terms = replace(terms, limits=replace(limits, max_calls=most))
        self._reading_terms = replace(self._terms, are_writes_alone=False)  # where all are reads, there is nothing to part
        self._connections = anyio.Semaphore(most_parallel, fast_acquire=True)
        self._reading = Pace(max_calls=most, max_parallel=most_parallel, calls=calls, parallel=parallel)
        self._writing = Pace(max_calls=1 if terms.are_writes_alone else most, max_parallel=1, calls=None, parallel=1)
        self._returns = returns
        self._session = session
        self._source: Any = commands
        self._supply: Supply | None = None
        self._site = user_site()
        self._pump_bell, self._taker_bell = Bell(), Bell()
        self._scopes: set[anyio.CancelScope] = set()
        self._chunks: deque[Chunk] = deque()  # that nobody has taken yet, in the order in which they are to be taken
        self._next_position = 0  # once no more are taken
        self._untaken = self._untaken_bytes = 0
        self._reads_under_way = 0
        self._is_writing = False
        self._is_stopping = False
        self._is_aborted = False
        self._is_over = False
        self._failure: BaseException | None = None
        self.items: Iterator[tuple[int, Any, Any]] = iter(())
        self.are_plain = True

    # The side of who iterates.

    async def fill(self) -> None:
        """Put what became of the next commands into `items`, or wait until there may be some; several tasks may, and share.

        Raises:
            StopAsyncIteration: all of them have been taken.
            ClosedError: the session was closed.
            Exception: what the iterable, or `before_send`, raised.
        """
        if self._supply is None and not self._is_over:
            self._begin()
        self.items = iter(())  # those that were taken are free
        chunk = self._taken()
        if chunk is not None:
            self._untaken -= len(chunk.entries)
            self._untaken_bytes -= chunk.length
            self.items = zip(chunk.places, chunk.commands, chunk.ends, strict=True)
            self.are_plain = chunk.are_results
            self._pump_bell.ring()
            self._taker_bell.ring()
        elif self._is_over and not self._chunks:
            failure, self._failure = self._failure, None
            raise StopAsyncIteration if failure is None else failure
        else:
            await self._taker_bell.wait()

    def _taken(self) -> Chunk | None:
        if self._is_ordered:
            return self._chunks.popleft() if self._chunks and self._chunks[0].is_done else None
        chunk = next((chunk for chunk in self._chunks if chunk.is_done), None)
        if chunk is not None:
            self._chunks.remove(chunk)
        return chunk

    def stop(self) -> None:
        """Take no further commands."""
        self._is_stopping = True
        self._pump_bell.ring()

    def cancel(self) -> None:
        """Abort everything. Of reads that failed, and that nobody has taken, nobody wants to hear."""
        self._is_stopping = self._is_aborted = True
        ended = [end for chunk in self._chunks if chunk.is_done for end in chunk.ends]
        for end in (*ended, *(end for _, _, end in self.items)):  # which is empty then
            if isinstance(end, Call) and end.is_read:
                end.exception()
        for scope in [*self._scopes]:
            scope.cancel()

    async def aclose(self) -> None:
        """Abort everything, and see it ended."""
        self.cancel()
        self._chunks.clear()
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            while self._scopes:
                await self._taker_bell.wait()
        self._chunks.clear()
        self._is_over = True

    # The side of the background tasks.

    def _begin(self) -> None:
        self._session.exchange.traffic.bells.add(self._pump_bell)
        self._supply = supply_of(self._source, self._session.tasks, self._pump_bell.ring, ahead=2 * _FIRST_PIECE)
        self._source = None
        self._start(partial(self._pump, self._supply))

    def _start(self, work: Callable[[], Awaitable[None]], lost: Callable[[], None] = lambda: None) -> None:
        async def run() -> None:
            try:
                await work()
            finally:
                self._end(scope)

        def end() -> None:
            lost()
            self._end(scope)

        scope = self._session.tasks.start(run, lost=end)
        self._scopes.add(scope)

    def _end(self, scope: anyio.CancelScope) -> None:
        self._scopes.discard(scope)
        self._taker_bell.ring()
        self._pump_bell.ring()

    async def _pump(self, supply: Supply) -> None:
        """Take commands, and start their chunks."""
        failure: BaseException | None = None
        try:
            await self._run_dry(supply)
        except Exception as error:  # noqa: BLE001 - the caller's own, raised where the items are taken
            failure = error
        except BaseException as error:
            failure = ClosedError(_CLOSED) if self._session.is_closed else raised(error)
            raise
        finally:
            try:
                await supply.aclose()
                self._put_down_unsent(supply.take(sys.maxsize))
            finally:
                self._failure = None if self._is_aborted else failure or supply.failure
                self._is_over = True

    async def _run_dry(self, supply: Supply) -> None:
        chunk, piece = Chunk(0), _FIRST_PIECE
        while not self._is_stopping:
            wanted = self._pace_of(chunk).calls - len(chunk.entries)
            taken = supply.take(min(piece, wanted)) if wanted > 0 else []
            entries, totals = entries_of(taken, self._returns, catalog=self._session.portal.catalog, site=self._site)
            if taken:
                piece = self._next_piece(len(taken), totals)
                supply.ahead = min(2 * _LEAST, 2 * piece)
            if isinstance(entries, Drafts) and self._fit(chunk, totals):
                chunk.add_all(taken, entries)
            else:
                chunk = await self._add_singly(chunk, taken, entries)
            if len(chunk.entries) >= self._pace_of(chunk).calls:
                chunk = await self._send(chunk)
            elif taken:
                await anyio.lowlevel.checkpoint()
            elif not chunk.entries:
                if supply.is_over:
                    return
                self._check_open()
                await self._pump_bell.wait()
            elif supply.is_over or not await self._gather(chunk):
                chunk = await self._send(chunk)
        if chunk.entries:
            self._put_down(chunk)
        self._next_position = chunk.places.stop

    async def _add_singly(self, chunk: Chunk, commands: Sequence[Any], entries: Sequence[Call[Any] | NotSent]) -> Chunk:
        """Put commands into a chunk, send it where it is full, and return the one that the last command is in."""
        for command, entry in zip(commands, entries, strict=True):
            if self._must_close(chunk, entry):
                chunk = await self._send(chunk)
            chunk.add(command, entry)
        return chunk

    async def _gather(self, chunk: Chunk) -> bool:
        """Wait for more commands where none are there just now; return False when the chunk is to go as it is."""
        now = anyio.current_time()
        if not self._has_room(chunk):
            self._check_open()
            await self._pump_bell.wait(self._pause_end(chunk))
            return True
        if chunk.due is None:
            chunk.due = now + (_GATHER_SECONDS if self._reads_under_way or self._is_writing else 0.0)
        elif chunk.due <= now:
            return False
        await self._pump_bell.wait(chunk.due)
        return True

    def _next_piece(self, count: int, last: Totals) -> int:
        """Return how many commands to take at once: few if they are large, one if it is likely to go alone, and wait."""
        if self._terms.are_writes_alone and not last.are_reads:
            return 1
        return max(1, min(2 * count, _LARGEST_PIECE, self._terms.limits.max_bytes * count // max(last.length, 1)))

    def _fit(self, chunk: Chunk, more: Totals) -> bool:
        """Tell whether calls may go with a chunk, all of them."""
        if self._terms.are_writes_alone and not (chunk.is_reading and more.are_reads):
            return False
        return chunk.length + more.length + 1 <= self._most_bytes

    def _must_close(self, chunk: Chunk, entry: Call[Any] | NotSent) -> bool:
        if isinstance(entry, NotSent) or not chunk.has_calls:
            return False
        if self._terms.are_writes_alone and not (chunk.is_reading and entry.is_read):
            return True
        return chunk.length + len(entry.statement) + 2 > self._most_bytes

    @property
    def _most_bytes(self) -> float:
        return min(self._terms.limits.max_bytes, self._session.exchange.traffic.most_bytes)

    def _pace_of(self, chunk: Chunk) -> Pace:
        return self._reading if chunk.is_reading else self._writing

    def _pause_end(self, chunk: Chunk) -> float:
        """Return the time at which the pause that the portal has asked for is over; infinite without one."""
        resumes = self._pace_of(chunk).resumes
        return resumes if resumes > anyio.current_time() else math.inf

    def _has_room(self, chunk: Chunk) -> bool:
        is_late = self._reads_under_way >= self._reading.parallel if chunk.is_reading else self._is_writing
        most = _AHEAD * self._reading.parallel * max(self._reading.calls, _LEAST)
        most_bytes = _AHEAD * self._reading.parallel * self._terms.limits.max_bytes
        is_much = self._untaken >= most or self._untaken_bytes >= most_bytes
        return not (is_late or is_much) and math.isinf(self._pause_end(chunk))

    def _check_open(self) -> None:
        if self._session.is_closed:
            raise ClosedError(_CLOSED)

    async def _send(self, chunk: Chunk) -> Chunk:
        """Send a chunk as soon as there is room, and return the next one."""
        while not (self._is_stopping or self._has_room(chunk)):
            self._check_open()
            await self._pump_bell.wait(self._pause_end(chunk))
        self._check_open()
        if self._is_stopping:
            self._put_down(chunk)
            return Chunk(chunk.places.stop)
        if self._before_send is not None and chunk.has_calls:
            entries = zip(chunk.places, chunk.commands, chunk.entries, strict=True)
            await self._before_send([(place, each) for place, each, entry in entries if not isinstance(entry, NotSent)])
        self._chunks.append(chunk)
        self._untaken += len(chunk.entries)
        self._untaken_bytes += chunk.length
        self._reads_under_way += chunk.is_reading
        self._is_writing = self._is_writing or not chunk.is_reading
        chunk.under_way = self._reads_under_way + self._is_writing
        self._start(partial(self._carry, chunk), partial(self._end_of, chunk))
        return Chunk(chunk.places.stop)

    async def _carry(self, chunk: Chunk) -> None:
        """Bring a chunk to its end, again and again where the portal asks to wait."""
        calls = chunk.calls
        now = anyio.current_time()
        until = now + self._terms.deadline
        is_hurried = not isinstance(calls, Drafts) or until < math.inf
        watch = deadline.watch(self._session.tasks, calls, until) if is_hurried else None
        ends = {} if watch is None else {id(call): call.limit(now, until) for call in calls}
        try:
            await self._run(chunk, calls, until)
            for _ in range(_MOST_WAITS):
                pause = max(self._pace_of(chunk).resumes - anyio.current_time(), 0.0)
                latest = anyio.current_time() + pause
                unfinished = [] if self._is_stopping else chunk.unfinished(calls, self._terms)
                calls = [call for call in unfinished if ends.get(id(call), math.inf) > latest]
                if not calls:
                    break
                for call in calls:
                    reopen(call)
                await anyio.sleep(pause)
                await self._run(chunk, calls, until)
            chunk.learn_search(self._pace_of(chunk))
        finally:
            if watch is not None:
                watch.cancel()
            self._end_of(chunk)

    async def _run(self, chunk: Chunk, calls: Sequence[Call[Any]], until: float) -> None:
        """Send calls; after a search for failed ones that has spent its budget, as many at once as this is enough for."""
        most = max(self._terms.limits.isolation_requests // 2 if chunk.is_searched else len(calls), 1)
        for start in range(0, len(calls), most):
            part = calls if most == len(calls) else calls[start : start + most]
            await self._session.exchange.run(
                part,
                self._reading_terms if chunk.is_reading else self._terms,
                until,
                connections=self._connections,
                taken=part if isinstance(part, Drafts) else None,
                meter=partial(chunk.learn, pace=self._pace_of(chunk), longest=self._terms.retry.longest_retry_after),
            )

    def _end_of(self, chunk: Chunk) -> None:
        """Leave what became of a chunk that was sent to who iterates."""
        for call in pending_of(chunk.calls):
            end_cancelled(call)
        chunk.is_done = True
        self._reads_under_way -= chunk.is_reading
        self._is_writing = self._is_writing and chunk.is_reading

    def _put_down(self, chunk: Chunk) -> None:
        """Leave a chunk that is not sent, because the stream was stopped, to who iterates."""
        for call in chunk.calls:
            call.settle(NotSent(NotSentError(_STOPPED, path=call.path)), is_told=True)
        chunk.is_done = True
        self._chunks.append(chunk)
        self._untaken += len(chunk.entries)
        self._untaken_bytes += chunk.length
        self._taker_bell.ring()

    def _put_down_unsent(self, commands: Sequence[Any]) -> None:
        """Leave commands that were read ahead to who iterates, if he has stopped the stream."""
        chunk = Chunk(self._next_position)
        for command in commands:
            chunk.add(command, NotSent(NotSentError(_STOPPED)))
        if chunk.entries and self._is_stopping and not self._is_aborted:
            self._put_down(chunk)


def _count(name: str, value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{name}= takes a number or None, not {type(value).__name__}")
    if value is not None and value < 1:
        raise ValueError(f"{name}= takes at least 1, not {value}")
    return value


def _function(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise TypeError(f"{name}= takes an async function or None, not {type(value).__name__}")
    return value
