"""One partition of a job on a worker of a Dask cluster: its session, its turn at the portal, when it stops, what it tells.
Knows its worker and the scheduler; does not know who wants the partition, and where the others are.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.to_thread
import distributed
from pydantic_core import from_json

from aioliferay._feeding import JobError
from aioliferay._job import Stop
from aioliferay._running import run_job
from aioliferay.errors import AccessDeniedError, AuthenticationError, LiferayError, ServerError
from aioliferay.observe import ExchangeCompleted, ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from concurrent.futures import Future

    from aioliferay._job import Job, Progress, Summary
    from aioliferay._sessions import Session
    from aioliferay._under_way import Traffic
    from aioliferay.observe import ExchangeEvent

T = TypeVar("T")
_dask: Any = distributed  # it tells no types

STOPPED: Final = "the run was stopped"
_MOST_FAILURES: Final = 1000  # that a partition tells of
_TURN_SECONDS: Final = 1.0  # to wait for a turn before looking whether the run goes on
_LOOK_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 1.0
_LOCK_SECONDS: Final = 120.0  # a network file system keeps the locks of a computer that is gone for up to 90
_FORSAKEN: Final = "nobody waits for the run any more"
_CUT_OFF: Final = "the scheduler of the cluster cannot be reached, or has forgotten the run"


@dataclass(frozen=True, slots=True)
class LineFailure:
    """A line that ended other than well.

    Attributes:
        line: its number in the whole input, from 1.
        id: as its author gave it.
        outcome: "failed", "unknown" or "invalid".
        path: of its call, "" of none.
        text: what is wrong.
    """

    line: int
    id: Any
    outcome: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSummary:
    """How a partition ended.

    Attributes:
        number: of the partition, from 1; `results` and `journal`: paths of its files.
        counts: lines that have ended, by outcome ("ok", "failed", "unknown", "invalid"), in all runs together.
        lines: lines that have ended in this run, in the attempt that came to its end.
        left: lines that were taken up and have not ended: they go again with the next run.
        failures: lines that ended other than well, in order, 1,000 at most; all of them stand in the results.
        stopped: why it ended before its lines did; "" if it did not.
        error: what stopped it, if that was an error.
    """

    number: int
    results: str
    journal: str
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    lines: int = 0
    left: int = 0
    failures: tuple[LineFailure, ...] = ()
    stopped: str = ""
    error: Exception | None = None

    @property
    def is_well(self) -> bool:
        """Whether every line of the partition has ended, and went well."""
        return not (self.left or self.stopped or any(count for name, count in self.counts.items() if name != "ok"))


@dataclass(frozen=True, slots=True)
class Orders:
    """What all partitions of a run are told.

    Attributes:
        run: its name: what it has on the scheduler is called after it.
        max_requests: to the portal at once, of all partitions together.
        opens: opens a session; it is called on the worker, so that no credentials travel.
        mark: path of the file that tells the folder of the job from others, and what stands in it.
    """

    run: str
    max_requests: int
    opens: Callable[[], Session] = field(repr=False)
    mark: tuple[str, str]


def run_part(number: int, job: Job, orders: Orders) -> PartSummary:
    """Run a partition in this thread of a worker, and return how it ended, whatever happens."""
    part = PartSummary(number=number, results=job.results, journal=str(job.journal))
    return anyio.run(_Partition(part, job, orders).run, backend="asyncio")


class _Scheduler:
    """What a partition asks of the scheduler. The answers come to the worker's event loop, and it has one of its own."""

    def __init__(self, run: str) -> None:
        self.worker: Any = _dask.get_worker()
        self._key: object = self.worker.get_current_task()
        self.scheduler: Any = self.worker.scheduler
        self._run = run

    def start(self, ask: Callable[[], Awaitable[T]]) -> Future[T]:
        """Ask in the worker's event loop."""

        async def asked() -> T:
            return await ask()

        return asyncio.run_coroutine_threadsafe(asked(), self.worker.loop.asyncio_loop)

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask in the worker's event loop, and wait for the answer."""
        return await asyncio.wrap_future(self.start(ask))

    def event(self, name: str) -> Any:
        """Return an event of the run, to be asked in the worker's event loop."""
        return _dask.Event(f"{self._run}-{name}", client=self)

    def semaphore(self, name: str, leases: int) -> Any:
        """Return a semaphore of the run."""
        return _dask.Semaphore(leases, f"{self._run}-{name}", scheduler_rpc=self.scheduler, loop=self.worker.loop)

    def sync(self, ask: Callable[..., Any], **arguments: object) -> Any:
        """Stand in for an event's client: a real one might belong to another event loop."""
        return ask(**arguments)

    @property
    def is_waiting(self) -> bool:
        """Whether the scheduler still waits for this task: not if the client has gone, or has given it up."""
        return getattr(self.worker.state.tasks.get(self._key), "state", "") in {"executing", "long-running"}


class Turns:
    """The partition's part in the limit on requests: each is on its way under a lease of the cluster's semaphore.

    Before any answer has come from the portal, the whole cluster sends one request at a time: what would fail all of them,
    such as a wrong password, is tried once. As a hook of the session, it learns what the portal answers.
    """

    def __init__(self, scheduler: _Scheduler, orders: Orders, stop: Stop) -> None:
        self._scheduler = scheduler
        self._stop = stop
        self._all = scheduler.semaphore("requests", orders.max_requests)
        self._first = scheduler.semaphore("first", 1)
        self._answered = scheduler.event("answered")
        self._stopped = scheduler.event("stopped")
        self._alone = anyio.Lock()
        self._is_first = self._is_proved = False
        self._asked = set["Future[Any]"]()
        self.traffic: Traffic | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Be in it as long as a request is on its way. Once the run stops, nothing more is sent."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._alone)
            is_granted = await self._is_granted()
            if self._is_proved:
                await stack.aclose()
            if not is_granted and self.traffic is not None:
                self.traffic.is_closed = True
            try:
                yield
            finally:
                if is_granted:
                    self._give_back(self._all)

    def on_event(self, event: ExchangeEvent, /) -> None:
        """Learn what the portal answers."""
        if self._is_proved:
            return
        error = event.error if isinstance(event, ExchangeFailed) else None
        if isinstance(error, AuthenticationError) and self.traffic is not None:
            self.traffic.is_closed = True  # not once more: a portal may lock the account
        is_of_caller = isinstance(error, AuthenticationError | AccessDeniedError)
        if isinstance(event, ExchangeCompleted) or (isinstance(error, ServerError) and not is_of_caller):
            self._is_proved = True
            self._start(partial(self._prove, is_first=self._is_first))
            self._is_first = False

    async def aclose(self) -> None:
        """Give everything back, and see it given back."""
        if self._is_first:
            self._give_back(self._first)
        while self._asked:
            await asyncio.wait([asyncio.wrap_future(future) for future in [*self._asked]])

    async def _is_granted(self) -> bool:
        try:
            while not self._stop.reason:
                if (await self._may_send()) and await self._take(self._all):
                    return True
        except (OSError, RuntimeError):
            self._stop.ask(_CUT_OFF)
        return False

    async def _may_send(self) -> bool:
        """Tell whether an answer has come from the portal; if none has, whether the first request is this partition's."""
        if self._is_proved or self._is_first:
            return True
        ask = self._scheduler.ask
        self._is_first = not await ask(self._answered.is_set) and await self._take(self._first)
        if await ask(self._stopped.is_set):  # whoever was first before has failed
            self._stop.ask(STOPPED)
            return False
        self._is_proved = await ask(self._answered.is_set)
        if self._is_proved and self._is_first:
            self._give_back(self._first)
            self._is_first = False
        return self._is_proved or self._is_first

    async def _prove(self, *, is_first: bool) -> None:
        await self._answered.set()
        if is_first:
            await self._first.release()

    async def _take(self, semaphore: Any) -> bool:
        future = self._start(partial(semaphore.acquire, timeout=_TURN_SECONDS))
        try:
            # Not cancelled: it would not be known whether there is a lease that must be given back.
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            future.add_done_callback(partial(self._give_back_unused, semaphore))
            raise

    def _give_back_unused(self, semaphore: Any, future: Future[Any]) -> None:
        if future.exception() is None and future.result():
            self._give_back(semaphore)

    def _give_back(self, semaphore: Any) -> None:
        self._start(semaphore.release)  # nobody waits for that

    def _start(self, ask: Callable[[], Awaitable[T]]) -> Future[T]:
        future = self._scheduler.start(ask)
        self._asked.add(future)
        future.add_done_callback(self._asked.discard)
        return future


class _Partition:
    """A partition on its worker."""

    def __init__(self, part: PartSummary, job: Job, orders: Orders) -> None:
        self._part = part
        self._job = job
        self._orders = orders
        self._stop = Stop()
        self._scheduler = _Scheduler(orders.run)
        self._stopped = self._scheduler.event("stopped")
        self._turns = Turns(self._scheduler, orders, self._stop)
        self._next = 0.0

    async def run(self) -> PartSummary:
        """Run it, and have the others stop if it had to."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch)
            self._part = await self._run()
            group.cancel_scope.cancel()
        return self._part

    async def _run(self) -> PartSummary:
        part = self._part
        try:
            if await self._scheduler.ask(self._stopped.is_set):
                return replace(part, stopped=STOPPED)
            self._check_folder()
            self._job = await self._as_begun()
            summary = await self._summary()
            stopped, error = summary.stopped, summary.error
            failures = await anyio.to_thread.run_sync(failures_in, self._job, summary.counts)
            part = replace(part, counts=summary.counts, lines=summary.lines, left=summary.left, failures=failures)
        except Exception as failure:  # noqa: BLE001 - told to whoever runs the job, once, and not in the logs of all workers
            stopped, error = str(failure) or type(failure).__name__, failure
            if not isinstance(failure, LiferayError):  # its class may mean nothing elsewhere
                error = LiferayError(f"{type(failure).__name__}: {failure}")
        if stopped and not self._stop.reason and not _is_in_use(error):
            # Before anybody else may send the first request: what stops this partition would stop that one, too.
            with suppress(OSError, RuntimeError):
                await self._scheduler.ask(self._stopped.set)
        with suppress(OSError, RuntimeError):
            await self._turns.aclose()
        return replace(part, stopped=stopped, error=error)

    async def _watch(self) -> None:
        """Stop when the others do, or when nobody is left who wants to know."""
        while not self._stop.reason:
            await anyio.sleep(_LOOK_SECONDS)
            try:
                if not self._scheduler.is_waiting:
                    self._stop.ask(_FORSAKEN)
                elif await self._scheduler.ask(self._stopped.is_set):
                    self._stop.ask(STOPPED)
            except (OSError, RuntimeError):
                self._stop.ask(_CUT_OFF)

    def _check_folder(self) -> None:
        """Refuse a folder of the same name that is another one: the journals of a lost worker would not be there."""
        path, content = self._orders.mark
        with suppress(OSError):
            if Path(path).read_text("ascii") == content:
                return
        raise JobError(
            f"{Path(path).parent} on {self._scheduler.worker.address} is not the folder where the run began: results and "
            "journals must be in one that all workers share, such as a network file system"
        )

    async def _as_begun(self) -> Job:
        """Return the job as it is after a worker was lost: what was wanted for its beginning was done, or is too late."""
        job = self._job
        if not (job.is_overwriting or job.repeats_failed or job.repeats_unknown):
            return job
        begun = self._scheduler.event(f"begun-{self._part.number}")
        if await self._scheduler.ask(begun.is_set):
            return replace(job, is_overwriting=False, repeats_failed=False, repeats_unknown=False)
        await self._scheduler.ask(begun.set)
        return job

    async def _summary(self) -> Summary:
        until = anyio.current_time() + _LOCK_SECONDS
        while True:
            try:
                return await self._run_once()
            except JobError as error:  # the worker before may still be at it, though the scheduler has given it up
                if not _is_in_use(error) or self._stop.reason or anyio.current_time() > until:
                    raise
            await anyio.sleep(_LOOK_SECONDS)

    async def _run_once(self) -> Summary:
        orders, turns = self._orders, self._turns
        session = orders.opens()
        turns.traffic = traffic = session.exchange.traffic
        traffic.gate = turns.turn
        invoker = session.exchange.invoker
        invoker.hooks = (*invoker.hooks, turns)
        job = self._job if self._job.owner else replace(self._job, owner=getattr(orders.opens, "owner", ""))
        try:
            return await run_job(session, job, on_progress=self._tell, stop=self._stop)
        finally:
            async with turns.turn() if invoker.count else nullcontext():  # a session that has signed in signs out
                await session.aclose()

    def _tell(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _TELL_SECONDS
            counts = dict(progress.counts)
            told = [self._part.number, counts, progress.lines, progress.offset - self._job.start]
            self._scheduler.worker.log_event(self._orders.run, told)


def failures_in(job: Job, counts: Mapping[str, int]) -> tuple[LineFailure, ...]:
    """Return lines that ended other than well, the first ones or nearly so, in order; of one that went again, the last."""
    if not any(count for name, count in counts.items() if name != "ok"):
        return ()
    found: dict[int, LineFailure] = {}
    with Path(job.results).open("rb") as file:
        for content in file:
            told = from_json(content)
            if told["outcome"] == "ok":
                found.pop(told["line"], None)
            else:
                text = str(told["error"]["message"])
                found[told["line"]] = LineFailure(told["line"], told["id"], told["outcome"], told.get("path", ""), text)
            if len(found) > 2 * _MOST_FAILURES:
                found = {line: found[line] for line in sorted(found)[:_MOST_FAILURES]}
    return tuple(found[line] for line in sorted(found)[:_MOST_FAILURES])


def _is_in_use(error: BaseException | None) -> bool:
    """Tell whether it is that a journal is open in another process."""
    step = error
    while step is not None and not hasattr(step, "sqlite_errorname"):
        step = step.__cause__
    return str(getattr(step, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
