"""The work of a stream: commands go out in chunks, and what becomes of these is put down. Knows how many are on their way;
the pace knows how many should be.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import anyio

from aioliferay import _deadline as deadline
from aioliferay._alarms import user_site
from aioliferay._calling import make_call
from aioliferay._core.messages import NotSent
from aioliferay._core.recovery import retry_after
from aioliferay._core.window import Pace
from aioliferay._nests import end_cancelled
from aioliferay._options import BatchOptions
from aioliferay._supply import read, supply_of
from aioliferay.errors import ClosedError, LiferayError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aioliferay._call import Call
    from aioliferay._http import Trip
    from aioliferay._invoker import Posted
    from aioliferay._session_base import SessionBase
    from aioliferay._supply import Supply

_MAX_CALLS: Final = 1000
_PIECE: Final = 64  # commands taken at once
_GATHER_SECONDS: Final = 0.002
_SLOW_DOWN: Final = frozenset({413, 429, 503})
_MOST_WAITS: Final = 16
_AHEAD: Final = 2  # as many chunks are on their way or done as may be under way, twice
_LAST_SECONDS: Final = 5.0
_CLOSED: Final = "the session was closed before the stream had ended"


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


class _Chunk:
    """Commands that go together: their positions follow one another. An entry without a call could not be made one."""

    __slots__ = ("commands", "due", "entries", "first", "has_calls", "is_done", "is_reading", "length", "under_way")

    def __init__(self, first: int) -> None:
        self.first = first
        self.commands: list[Any] = []
        self.entries: list[Call[Any] | NotSent] = []
        self.length = 0
        self.has_calls = False
        self.is_reading = True
        self.is_done = False
        self.under_way = 1
        self.due: float | None = None

    @property
    def calls(self) -> list[Call[Any]]:
        return [entry for entry in self.entries if not isinstance(entry, NotSent)]

    @property
    def places(self) -> range:
        return range(self.first, self.first + len(self.entries))

    def add(self, command: Any, entry: Call[Any] | NotSent) -> None:
        self.commands.append(command)
        self.entries.append(entry)
        if not isinstance(entry, NotSent):
            self.has_calls = True
            self.is_reading = self.is_reading and entry.command.is_read
            self.length += len(entry.command.statement) + 1


class _Bell:
    """Wakes one task. Who waits has just seen that there is nothing to do."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self, until: float = math.inf) -> None:
        event = self._event = self._event or anyio.Event()
        with anyio.CancelScope(deadline=until):
            await event.wait()


class Flow:
    """The work of a stream, which goes on between items: commands are taken, sent in chunks, and their ends put down."""

    def __init__(self, session: SessionBase, commands: Any, options: StreamOptions, returns: Any) -> None:
        own = cast("dict[str, Any]", {**options})
        self._is_ordered = bool(own.pop("ordered", True))
        self._before_send = own.pop("before_send", None)
        calls, parallel = (_count(name, own.pop(name, None)) for name in ("calls", "parallel"))
        terms = session.exchange.terms.changed(cast("BatchOptions", {"writes": "alone", **own}))
        limits = terms.limits
        most = max(limits.max_calls, calls or (1 if own.get("limits") is not None else _MAX_CALLS))
        self._terms = replace(terms, limits=replace(limits, max_calls=most))
        most_parallel = max(limits.max_parallel, parallel or 1)
        self._connections = anyio.Semaphore(most_parallel)
        self._reading = Pace(max_calls=most, max_parallel=most_parallel, calls=calls, parallel=parallel)
        self._writing = Pace(max_calls=1 if terms.are_writes_alone else most, max_parallel=1, calls=None, parallel=1)
        self._returns = returns
        self._session = session
        self._source = commands
        self._supply: Supply | None = None
        self._site = user_site()
        self._pump_bell, self._taker_bell = _Bell(), _Bell()
        self._scopes: set[anyio.CancelScope] = set()
        self._chunks: deque[_Chunk] = deque()  # that nobody has taken yet, in the order in which they are to be taken
        self._position = 0
        self._untaken = 0
        self._reads_under_way = 0
        self._is_writing = False
        self._is_stopping = False
        self._is_over = False
        self._failure: BaseException | None = None

    # The side of who iterates.

    async def next_items(self) -> deque[tuple[int, Any, Call[Any] | NotSent]]:
        """Return what became of the next commands.

        Raises:
            StopAsyncIteration: all of them have been returned.
            ClosedError: the session was closed.
            Exception: what the iterable, or `before_send`, raised.
        """
        if self._supply is None and not self._is_over:
            self._begin()
        while True:
            chunk = self._taken()
            if chunk is not None:
                self._untaken -= len(chunk.entries)
                self._pump_bell.ring()
                return deque(zip(chunk.places, chunk.commands, chunk.entries, strict=True))
            if self._is_over and not self._chunks:
                failure, self._failure = self._failure, None
                raise StopAsyncIteration if failure is None else failure
            await self._taker_bell.wait()

    def _taken(self) -> _Chunk | None:
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
        """Abort everything."""
        self._is_stopping = True
        for scope in [*self._scopes]:
            scope.cancel()
        if self._supply is not None:
            self._supply.cancel()

    async def aclose(self) -> None:
        """Abort everything, and see it ended."""
        self.cancel()
        self._chunks.clear()
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            while self._scopes:
                await self._taker_bell.wait()
            if self._supply is not None:
                await self._supply.aclose()
        self._is_over, self._failure = True, None

    # The side of the background tasks.

    def _begin(self) -> None:
        self._supply = supply_of(self._source, self._session.tasks, self._pump_bell.ring, ahead=2 * _PIECE)
        self._source = None
        self._start(self._pump)

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

    async def _pump(self) -> None:
        """Take commands, and start their chunks."""
        try:
            await self._run_dry()
        except Exception as failure:  # noqa: BLE001 - the caller's own, raised where the items are taken
            self._failure = failure
        except BaseException:
            self._failure = ClosedError(_CLOSED)
            raise
        finally:
            self._is_over = True

    async def _run_dry(self) -> None:
        supply = cast("Supply", self._supply)
        chunk = _Chunk(0)
        while not self._is_stopping:
            wanted = self._pace_of(chunk).calls - len(chunk.entries)
            taken = supply.take(min(_PIECE, wanted)) if wanted > 0 else []
            for command in taken:
                entry = self._made(command)
                if self._must_close(chunk, entry):
                    await self._send(chunk)
                    chunk = _Chunk(self._position)
                chunk.add(command, entry)
                self._position += 1
            if taken and len(taken) < wanted:
                continue
            if not chunk.entries:
                if supply.is_over:
                    break
                await self._pump_bell.wait()
            elif supply.is_over or len(taken) >= wanted or not await self._gather(chunk):
                await self._send(chunk)
                chunk = _Chunk(self._position)
        if chunk.entries:
            self._put_down_unsent(chunk)
        if supply.failure is not None:
            raise supply.failure

    async def _gather(self, chunk: _Chunk) -> bool:
        """Wait for more commands where none are there just now; return False when the chunk is to go as it is."""
        now = anyio.current_time()
        if not self._has_room(chunk):
            await self._pump_bell.wait(self._pause_end(chunk))
            return True
        if chunk.due is None:
            chunk.due = now + (_GATHER_SECONDS if self._reads_under_way or self._is_writing else 0.0)
        elif chunk.due <= now:
            return False
        await self._pump_bell.wait(chunk.due)
        return True

    def _made(self, command: Any) -> Call[Any] | NotSent:
        """Return the call that a command is; what is no command, or cannot be sent, ends here and harms no other."""
        try:
            path, params, returns, options = read(command, self._returns)
            catalog = self._session.portal.catalog
            return make_call(path, params, returns=returns, sender=None, options=options, catalog=catalog, site=self._site)
        except (TypeError, ValueError, LiferayError) as cause:
            error = NotSentError(f"no command that can be sent: {cause}")
            error.__cause__ = cause
            return NotSent(error)

    def _must_close(self, chunk: _Chunk, entry: Call[Any] | NotSent) -> bool:
        if isinstance(entry, NotSent) or not chunk.has_calls:
            return False
        if self._terms.are_writes_alone and not (chunk.is_reading and entry.command.is_read):
            return True
        return chunk.length + len(entry.command.statement) >= self._terms.limits.max_bytes

    def _pace_of(self, chunk: _Chunk) -> Pace:
        return self._reading if chunk.is_reading else self._writing

    def _pause_end(self, chunk: _Chunk) -> float:
        """Return the time at which the pause that the portal has asked for is over; infinite without one."""
        resumes = self._pace_of(chunk).resumes
        return resumes if resumes > anyio.current_time() else math.inf

    def _has_room(self, chunk: _Chunk) -> bool:
        pace = self._pace_of(chunk)
        if self._is_writing and not chunk.is_reading:  # writes keep their order
            return False
        if self._reads_under_way >= pace.parallel and chunk.is_reading:
            return False
        most = _AHEAD * self._reading.parallel * max(self._reading.calls, _PIECE)
        return self._untaken < most and math.isinf(self._pause_end(chunk))

    async def _send(self, chunk: _Chunk) -> None:
        """Send a chunk as soon as there is room."""
        while not (self._is_stopping or self._session.is_closed or self._has_room(chunk)):
            await self._pump_bell.wait(self._pause_end(chunk))
        if self._session.is_closed:
            raise ClosedError(_CLOSED)
        if self._is_stopping:
            self._put_down_unsent(chunk)
            return
        if self._before_send is not None:
            entries = zip(chunk.places, chunk.commands, chunk.entries, strict=True)
            await self._before_send([(place, each) for place, each, entry in entries if not isinstance(entry, NotSent)])
        self._chunks.append(chunk)
        self._untaken += len(chunk.entries)
        self._reads_under_way += chunk.is_reading
        self._is_writing = self._is_writing or not chunk.is_reading
        chunk.under_way = self._reads_under_way + self._is_writing
        self._start(partial(self._carry, chunk), partial(self._put_down, chunk))

    async def _carry(self, chunk: _Chunk) -> None:
        """Bring a chunk to its end, again and again where the portal asks to wait."""
        calls = chunk.calls
        watch = deadline.watch(self._session.tasks, calls)
        try:
            for _ in range(_MOST_WAITS):
                until = anyio.current_time() + self._terms.deadline
                await self._session.exchange.run(
                    calls, self._terms, until, connections=self._connections, meter=partial(self._note, chunk)
                )
                calls = [call for call in calls if call.is_asked_to_wait]
                pause = self._pace_of(chunk).resumes - anyio.current_time()
                if not calls or self._is_stopping or pause > self._terms.retry.longest_retry_after:
                    break
                for call in calls:
                    call.reopen(None)
                await anyio.sleep(max(pause, 0.0))
        finally:
            if watch is not None:
                watch.cancel()
            self._put_down(chunk)

    def _note(self, chunk: _Chunk, posted: Posted, trip: Trip) -> None:
        """Let the pace learn from a request."""
        pace, now, calls = self._pace_of(chunk), anyio.current_time(), len(posted.outcomes)
        if posted.error is None:
            pace.answered(now, calls=calls, seconds=trip.elapsed or 0.0, under_way=chunk.under_way)
        elif posted.error.status in _SLOW_DOWN:
            pause = retry_after(posted.headers, time.time())
            pace.refused(now, calls=calls, status=posted.error.status, pause=pause)

    def _put_down(self, chunk: _Chunk) -> None:
        """Leave what became of a chunk to who iterates."""
        for call in chunk.calls:
            end_cancelled(call)
        chunk.is_done = True
        self._reads_under_way -= chunk.is_reading
        self._is_writing = self._is_writing and chunk.is_reading

    def _put_down_unsent(self, chunk: _Chunk) -> None:
        for call in chunk.calls:
            call.settle(NotSent(NotSentError("the stream was stopped before it was sent", path=call.path)), is_told=True)
        chunk.is_done = True
        self._chunks.append(chunk)
        self._untaken += len(chunk.entries)
        self._taker_bell.ring()


def _count(name: str, value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{name}= takes a number or None, not {type(value).__name__}")
    if value is not None and value < 1:
        raise ValueError(f"{name}= takes at least 1, not {value}")
    return value
