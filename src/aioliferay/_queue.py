"""Calls that wait to travel together. Knows when a batch is closed and who must be told; does not know how it travels."""

from __future__ import annotations

import inspect
import math
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
import anyio.lowlevel

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors, user_site
from aioliferay._core.messages import NotRun, NotSent, Ok
from aioliferay._many import Taken, callback_errors_of, failed_of, pending_of, results_of
from aioliferay._nests import end_cancelled
from aioliferay._plain import UNKNOWN
from aioliferay._tasks import End
from aioliferay._trip import Trip
from aioliferay.errors import BatchError, BatchSplitError, BatchSplitWarning, CallbackError, LiferayError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aioliferay._call import Call
    from aioliferay._exchange import Exchange
    from aioliferay._options import Terms
    from aioliferay._plain import Known
    from aioliferay._tasks import BackgroundTasks
    from aioliferay.errors import Remainder

NEVER_BEGAN: Final = "the task that was to send it was cancelled before it began"
_MOST_TICKS: Final = 16
_QUIET_TICKS: Final = 2
_LAST_WORD_SECONDS: Final = 1.0
_warned: dict[str | tuple[str, type[Warning], int], int] = {}  # the registry of `warnings`: once a site, unless filtered


class BatchCallback(Protocol):
    """Receives what becomes of each batch. Both methods may be plain or `async`; what they raise is a `CallbackError`."""

    def on_success(self, results: list[Any], /) -> Awaitable[None] | None:
        """Take the results, in call order."""

    def on_failure(self, error: BatchError, /) -> Awaitable[None] | None:
        """Take the errors of the failed calls; the others keep their results."""


class CallQueue:
    """The queue of one batch session, and the background flushes that awaiting its calls brings about."""

    def __init__(  # noqa: PLR0913 - keyword-only, and handed on by one caller
        self,
        exchange: Exchange,
        tasks: BackgroundTasks,
        known: Known,
        *,
        callback: BatchCallback | None,
        strict: bool,
        terms: Terms,
        renew: Callable[[Sequence[Call[Any]]], Remainder],
    ) -> None:
        self.callback = callback
        self.strict = strict
        self.terms = terms
        self._renew = renew
        self._exchange = exchange
        self._tasks = tasks
        self._calls: list[Call[Any]] = []
        self.append = self._calls.append
        self.trip = Trip(self, queue=self, is_bare=True)
        self.known = self._known = known
        self._last_turn: _Turn | None = None
        self._in_line: list[Sequence[Call[Any]]] = []
        self._is_flush_due = False
        self._flushes: set[anyio.CancelScope] = set()
        self._trips: set[_Turn] = set()
        self._ended: anyio.Event | None = None
        self._unreported: list[Call[Any]] = []
        self.split_site: tuple[str, int] | None = None
        self._warned_sites: set[tuple[str, int]] = set()

    def __del__(self) -> None:
        # The queue, not the batch: calls keep it alive, and a call that somebody still has can be awaited.
        if (count := len(self.pending())) > 0:
            text = f"a batch was forgotten with {count} calls queued: use `async with`, or await batch.invoke()"
            warnings.warn(text, ResourceWarning, stacklevel=1, source=self)

    def pending(self) -> list[Call[Any]]:
        """Return the calls that are queued and not cancelled."""
        return pending_of(self._calls)

    def take(self) -> Taken[Call[Any]]:
        """Empty the queue, before anything is awaited: what is queued from now on belongs to the next batch."""
        calls = Taken(self._calls, self.trip)
        self._calls = []
        self.append = self._calls.append
        self.trip = Trip(self, queue=self, is_bare=True)
        return calls

    def close(self) -> None:
        """Take no more calls."""
        self.known = self._known = UNKNOWN
        self.trip = Trip()

    def check_split(self, path: str) -> None:
        """Complain if an early await has sent a part of the batch that another call is being made for.

        Raises:
            BatchSplitError: the batch is strict.
        """
        if self.split_site is None:
            return
        file, line = self.split_site
        text = (
            f"an await at {file}:{line} sent this batch before it was complete: it takes several requests (await after it)"
        )
        if self.strict:
            raise BatchSplitError(f"{text}; this call was not made", path=path)
        if self.split_site not in self._warned_sites:
            self._warned_sites.add(self.split_site)
            warnings.warn_explicit(text, BatchSplitWarning, file, line, registry=_warned)
        self.allow_split()

    def allow_split(self) -> None:
        """Note that the user asked for a request of its own: what follows is no split."""
        self.split_site = None
        self.known = self._known

    def _next_turn(self) -> _Turn:
        self._last_turn = _Turn(self._last_turn)
        return self._last_turn

    async def send(self, calls: Sequence[Call[Any]], turn: _Turn | None = None) -> list[CallbackError]:
        """Send calls that were taken, tell their callbacks, and return what these raised.

        When it is cancelled, every call is settled, the callbacks are told all the same, and the cancellation goes on.
        """
        if not calls:
            return []
        self._in_line.append(calls)
        turn = turn or self._next_turn()
        self._trips.add(turn)
        until = math.inf if self.terms.deadline == math.inf else anyio.current_time() + self.terms.deadline
        is_hurried = until < math.inf or not (isinstance(calls, Taken) and calls.is_plain)
        watch = deadline.watch(self._tasks, calls, until) if is_hurried else None
        try:
            async with turn:
                self._in_line.remove(calls)
                await self._exchange.run(calls, self.terms, until, taken=calls if isinstance(calls, Taken) else None)
        except BaseException:
            if calls in self._in_line:
                self._in_line.remove(calls)
            for call in pending_of(calls):
                end_cancelled(call)
            await self._last_word(calls)
            raise
        finally:
            self._end_trip(turn)
            if watch is not None:
                watch.cancel()
        return await self._tell(calls)

    async def finish(self) -> tuple[list[Call[Any]], list[CallbackError]]:
        """Send until nothing is queued, in line or under way, and return the calls that nobody has heard of yet."""
        calls: list[Call[Any]] = []
        errors: list[CallbackError] = []
        while self._calls or self._flushes or self._trips:
            taken = self.take()
            calls += taken
            errors += await self.send(taken)
            await self._all_ended()
        unreported, self._unreported = self._unreported, []
        return [call for call in unreported if call.is_unseen_failure] + calls, errors

    async def abort(self) -> None:
        """Abort the requests of this batch that are under way in the background, and see their calls settled."""
        for scope in self._flushes:
            scope.cancel()
        with anyio.move_on_after(_LAST_WORD_SECONDS, shield=True):
            while self._flushes:
                await self._some_ended()

    async def _all_ended(self) -> None:
        while self._flushes or self._trips:
            await self._some_ended()

    async def _some_ended(self) -> None:
        self._ended = self._ended or anyio.Event()
        await self._ended.wait()

    async def abandon(
        self, why: str, *, cause: BaseException | None = None, kind: type[NotSentError] = NotSentError
    ) -> None:
        """End everything as not sent that is queued, or waits in line behind another request of this batch."""
        queued: Sequence[Call[Any]] = self.take() if self._calls else ()
        for calls in (*self._in_line, queued):
            for position, call in enumerate(calls):
                error = kind(why, path=call.path)
                error.__cause__ = cause
                call.settle(NotSent(error), is_told=True, position=position)
        if queued:  # the tasks that wait in line tell of theirs
            await self._last_word(queued)

    async def _last_word(self, calls: Sequence[Call[Any]]) -> None:
        # Also when cancelled, but not for ever: a callback may wait for something.
        with anyio.move_on_after(_LAST_WORD_SECONDS, shield=True):
            log_callback_errors(await self._tell(calls))

    def send_soon(self) -> None:
        """Send what is queued in the background; the batch's callback is told.

        Raises:
            RuntimeError: no event loop runs here; the calls stay queued.
        """
        if calls := self.pending():
            turn = self._next_turn()  # now, not in the task: trio starts tasks in any order
            try:
                self._start_flush(partial(self._send_in_background, calls, turn), lambda: calls, turn)
            except RuntimeError:
                turn.ended.set()
                raise
            self.take()

    def flush_soon(self, call: Call[Any], /) -> None:
        """Send everything queued on the next scheduler tick, because somebody waits for `call`."""
        if self._is_flush_due:
            return
        self._is_flush_due = True
        self._start_flush(partial(self._flush_early, _waiting_site(call)), self.take)

    def _start_flush(
        self, work: Callable[[], Awaitable[None]], unsent: Callable[[], Sequence[Call[Any]]], turn: _Turn | None = None
    ) -> None:
        async def flush() -> None:
            try:
                await work()
            finally:
                self._end_flush(scope)

        def lost() -> None:
            for call in unsent():
                call.settle(NotSent(NotSentError(NEVER_BEGAN, path=call.path)))
            self._is_flush_due = False
            if turn is not None:
                turn.ended.set()
            self._end_flush(scope)

        scope = self._tasks.start(flush, lost=lost)
        self._flushes.add(scope)

    def _end_flush(self, scope: anyio.CancelScope) -> None:
        self._flushes.discard(scope)
        self._wake()

    def _end_trip(self, turn: _Turn) -> None:
        self._trips.discard(turn)
        self._wake()

    def _wake(self) -> None:
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    async def _flush_early(self, site: tuple[str, int]) -> None:
        try:
            await self._let_others_queue()
        except BaseException:
            for call in (calls := self.take()):
                end_cancelled(call)
            await self._last_word(calls)
            raise
        finally:
            self._is_flush_due = False
        if calls := self.take():
            self.split_site, self.known = site, UNKNOWN
            await self._send_in_background(calls)

    async def _let_others_queue(self) -> None:
        # Tasks that start each other queue their calls in successive ticks: wait until ticks bring no further call. Two of
        # them, because trio runs the tasks of a tick in any order: one may pass between this task's steps unseen.
        queued, quiet = len(self._calls), 0
        for _ in range(_MOST_TICKS):
            await anyio.lowlevel.checkpoint()
            quiet = quiet + 1 if queued == len(self._calls) else 0
            if quiet == _QUIET_TICKS:
                return
            queued = len(self._calls)

    async def _send_in_background(self, calls: Sequence[Call[Any]], turn: _Turn | None = None) -> None:
        log_callback_errors(await self.send(calls, turn))
        self._unreported = [call for call in (*self._unreported, *calls) if call.is_unseen_failure]

    async def _tell(self, calls: Sequence[Call[Any]]) -> list[CallbackError]:
        errors = callback_errors_of(calls)
        if self.callback is None:
            return errors
        try:
            told = self._told(self.callback, calls)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as cause:  # noqa: BLE001 - it must not take the place of what happened to the calls
            return [*errors, _callback_error(cause)]
        if inspect.isawaitable(told):
            try:
                await told
            except Exception as cause:  # noqa: BLE001 - as above; a cancellation while it is awaited is a real one
                errors.append(_callback_error(cause))
        return errors

    def _told(self, callback: BatchCallback, calls: Sequence[Call[Any]]) -> Awaitable[None] | None:
        if (failure := self.failure_of(calls)) is not None:
            return callback.on_failure(failure)
        return callback.on_success(results_of(calls))

    def failure_of(self, calls: Sequence[Call[Any]], callback_errors: Sequence[CallbackError] = ()) -> BatchError | None:
        """Return one error for all calls that failed and callbacks that raised; None if there are none."""
        failed = [(error, call) for call in failed_of(calls) if (error := call.exception()) is not None]
        if not failed and not callback_errors:
            return None
        raised = f"{len(callback_errors)} callbacks raised"
        text = f"{len(failed)} of {len(calls)} calls have no result" if failed else raised
        failure = BatchError(text, [*(error for error, _ in failed), *callback_errors])
        return failure.with_renewal(partial(self._remaining, failed))

    def _remaining(self, failed: Sequence[tuple[LiferayError, Call[Any]]], errors: Sequence[Exception]) -> Remainder:
        wanted = {id(error) for error in errors}
        return self._renew(remaining_of([call for error, call in failed if id(error) in wanted]))

    def raise_failures(self, calls: Sequence[Call[Any]], callback_errors: Sequence[CallbackError]) -> None:
        """Raise one error for all that went wrong, but for calls that somebody gave up."""
        if failed_of(calls) or callback_errors:
            kept = [call for call in calls if not call.is_given_up]
            if (failure := self.failure_of(kept, callback_errors)) is not None:
                raise failure

    def report(
        self, calls: Sequence[Call[Any]], callback_errors: Sequence[CallbackError], *, return_exceptions: bool = False
    ) -> list[Any]:
        """Return the results in call order, or raise one error for all that went wrong."""
        failure = self.failure_of(calls, () if return_exceptions else callback_errors)
        if failure is None:
            return results_of(calls)
        if not return_exceptions:
            raise failure
        log_callback_errors(callback_errors)
        return [call.result() if (error := call.exception()) is None else error for call in calls]


class _Turn:
    """A place in the line of a batch's requests, which go one after another: writes keep their order."""

    __slots__ = ("ended", "previous")

    def __init__(self, previous: _Turn | None) -> None:
        self.previous = previous
        self.ended = End()

    async def __aenter__(self) -> None:
        previous = self.previous
        try:
            while previous is not None:
                await previous.ended.wait()
                previous = previous.previous  # who was cancelled in the line left before its own turn came
        except BaseException:
            self.ended.set()
            raise
        self.previous = None

    async def __aexit__(self, *_: object) -> None:
        self.ended.set()


def _callback_error(cause: BaseException) -> CallbackError:
    error = CallbackError(f"the callback of the batch raised {type(cause).__name__}: {cause}")
    error.__cause__ = cause
    return error


def remaining_of(calls: Sequence[Call[Any]]) -> list[Call[Any]]:
    """Return the calls that provably did not run and may yet: not those that need the result of one that failed."""
    remaining: dict[int, Call[Any]] = {}
    for call in calls:
        if not call.done():  # it is in such a batch already
            continue
        outcome = call.outcome
        did_not_run = isinstance(outcome, NotSent) or (isinstance(outcome, NotRun) and not outcome.is_inferred)
        sources: list[Call[Any]] = [reference.source for reference in call.command.references]
        if did_not_run and all(isinstance(source.outcome, Ok) or id(source) in remaining for source in sources):
            remaining[id(call)] = call
    return list(remaining.values())


def _waiting_site(call: Call[Any]) -> tuple[str, int]:
    file, line = user_site()
    # Under `gather` and task groups the nearest foreign frame is the event loop's: the line of the call says more.
    is_loop = any(part in file for part in ("asyncio", "trio", "anyio", "outcome"))
    return call.site if is_loop else (file, line)
