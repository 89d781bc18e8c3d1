"""A job on more than one machine: it is cut into partitions, which the workers of a Dask cluster run. Knows Dask's client;
does not know how a partition is run.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import uuid
from collections import Counter
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import anyio

try:
    import distributed
    from distributed.client import FutureCancelledError
except ImportError as _error:
    _text = "aioliferay.dask needs Dask's distributed: pip install 'aioliferay[dask]'"
    raise ImportError(_text, name="distributed") from _error

from aioliferay._feeding import JobError
from aioliferay._job import Job, Progress, parts_of
from aioliferay._partition import STOPPED, LineFailure, Orders, PartSummary, run_part
from aioliferay._sessions import Session
from aioliferay.auth import BasicAuth, SignIn
from aioliferay.errors import LiferayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from distributed import Client

__all__ = [  # noqa: RUF022 - in the order of use
    "run_on", "run_on_sync", "Job", "FromEnvironment",
    "ClusterSummary", "PartSummary", "LineFailure", "Progress", "JobError",
]  # fmt: skip

_dask: Any = distributed  # it tells no types
_GRACE_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 1.0
_PARTITION_LINES: Final = 1_000_000
_MAX_REQUESTS: Final = 8
_GONE: Final = "the scheduler of the cluster was lost, or somebody cancelled the partition"


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """Opens a session as the user whom two environment variables of the **worker** name: no password travels.

    Args:
        server: URL of the portal's root.
        user: name of the variable that holds the user's name.
        password: name of the variable that holds the password.
        way: "sign-in" signs in once for each partition; "basic" sends the password with every request.
        timeout: seconds that one request may take in all, None for no limit.
    """

    server: str
    user: str = "AIOLIFERAY_USER"
    password: str = "AIOLIFERAY_PASSWORD"  # noqa: S105 - the name of a variable
    way: Literal["sign-in", "basic"] = "sign-in"
    timeout: float | None = 30.0

    @property
    def owner(self) -> str:
        """Who calls: the name of the user, as this process has it."""
        return self._read(self.user)

    def __call__(self) -> Session:
        """Open a session.

        Raises:
            JobError: this process lacks one of the variables.
        """
        kind = BasicAuth if self.way == "basic" else SignIn
        return Session(self.server, auth=kind(self._read(self.user), self._read(self.password)), timeout=self.timeout)

    def _read(self, name: str) -> str:
        value = os.environ.get(name)
        if not value:
            raise JobError(
                f"the environment of the worker has no {name}: it says who calls the portal, or with which password"
            )
        return value


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """How a job on a cluster ended.

    Attributes:
        parts: how each partition ended, in order.
    """

    parts: Sequence[PartSummary] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """Lines that have ended, by outcome ("ok", "failed", "unknown", "invalid"), in all runs together."""
        return dict(sum((Counter(part.counts) for part in self.parts), Counter[str]()))

    @property
    def lines(self) -> int:
        """Lines that have ended in this run, but for those of attempts whose worker was lost."""
        return sum(part.lines for part in self.parts)

    @property
    def failures(self) -> Sequence[LineFailure]:
        """Lines that ended other than well, in order, up to 1,000 of each partition; all of them stand in the results."""
        return [failure for part in self.parts for failure in part.failures]

    @property
    def stopped(self) -> str:
        """Why the run ended before its input did, told once; "" if it did not."""
        return "" if (part := self._first) is None else part.stopped

    @property
    def error(self) -> Exception | None:
        """What stopped it, if that was an error."""
        return None if (part := self._first) is None else part.error

    @property
    def is_well(self) -> bool:
        """Whether every line of the input has ended, and went well."""
        return all(part.is_well for part in self.parts)

    @property
    def _first(self) -> PartSummary | None:
        stopped = [part for part in self.parts if part.stopped]
        return min(stopped, key=lambda part: (part.error is None, part.stopped == STOPPED), default=None)


async def run_on(  # noqa: PLR0913 - keyword-only, but for what is always there
    client: Client,
    job: Job,
    opens: Callable[[], Session],
    *,
    partition_lines: int = _PARTITION_LINES,
    max_requests: int = _MAX_REQUESTS,
    on_progress: Callable[[Progress], object] | None = None,
) -> ClusterSummary:
    """Run a job on the workers of a cluster, and return how it ended: what `aioliferay run` does, on more than one machine.

    The input is cut into partitions. Each has results and a journal of its own, beside those that the job names, with its
    number in their names, and is run by one worker at a time, in a session of its own. If a worker is lost, another one goes
    on from the journal: no line that has ended is sent again or lost, and a write that may have run is listed as unknown. If
    the run stops, the same call goes on from there.

    What would fail everywhere stops the run, and is told once: refused credentials, a portal that does not answer, a file
    that cannot be used. Before the portal has answered for the first time, the cluster sends one request at a time.

    If it is cancelled, the workers send nothing more, what is in flight has five seconds to end, and what is known is put
    down first. The same happens if the client is lost.

    Args:
        client: of the cluster, made with `asynchronous=True`, in this event loop, which is asyncio's as all of Dask's.
        job: what is to be run. All its paths are absolute, the workers and nobody else need to see them, and results and
            journal are in one folder, which all workers share.
        opens: opens a session. It is called on the workers, for each partition, and travels to them: it must not hold
            credentials, but find them there. `FromEnvironment` does that.
        partition_lines: lines of a partition, the last one excepted; the same in all runs of a job.
        max_requests: to the portal at once, of all workers together.
        on_progress: called about once a second while something happens.

    Raises:
        JobError: the job cannot be partitioned, or was partitioned in another way in the run before; nothing was sent.
        LiferayError: the cluster has lost its scheduler, or too many workers before the partitions were known.
        TypeError, ValueError: an argument cannot be used.
    """
    _check(job, opens, partition_lines=partition_lines, max_requests=max_requests)
    if not client.asynchronous:
        raise TypeError("run_on takes a Client(asynchronous=True) of this event loop: for any other one, use run_on_sync")
    return await _Run(client, job, on_progress).to_its_end(opens, partition_lines, max_requests)


def run_on_sync(  # noqa: PLR0913 - as above
    client: Client,
    job: Job,
    opens: Callable[[], Session],
    *,
    partition_lines: int = _PARTITION_LINES,
    max_requests: int = _MAX_REQUESTS,
    on_progress: Callable[[Progress], object] | None = None,
) -> ClusterSummary:
    """Do the same as `run_on`, and block until it is done; Ctrl-C is a cancellation.

    Args:
        client: of the cluster, of the usual kind, and not `asynchronous=True`.
        job: see `run_on`, as for all others; `on_progress` is called in the client's thread.
        opens: see there.
        partition_lines: see there.
        max_requests: see there.
        on_progress: see there.

    Raises:
        JobError, LiferayError, TypeError, ValueError: see there.
    """
    _check(job, opens, partition_lines=partition_lines, max_requests=max_requests)
    if client.asynchronous:
        raise TypeError("run_on_sync would block the event loop of this client: use await run_on")
    ended = threading.Event()

    async def run() -> ClusterSummary:
        try:
            return await _Run(client, job, on_progress).to_its_end(opens, partition_lines, max_requests)
        finally:
            ended.set()

    loop: asyncio.AbstractEventLoop = cast("Any", client.loop).asyncio_loop
    future = asyncio.run_coroutine_threadsafe(run(), loop)
    try:
        while not (future.done() or loop.is_closed()):  # another thread may close the client
            wait([future], timeout=_LOOK_SECONDS)
    except BaseException:
        if future.cancel():
            ended.wait(2 * _GRACE_SECONDS)
        raise
    if not future.done():
        raise LiferayError(_GONE)
    return future.result()


class _Run:
    """One run of a job, as its client sees it: in the event loop of Dask's client."""

    def __init__(self, client: Client, job: Job, on_progress: Callable[[Progress], object] | None) -> None:
        self._client: Any = client
        self._job = job
        self._on_progress = on_progress
        self._name = f"aioliferay-{uuid.uuid4().hex[:12]}"
        self._jobs: Sequence[Job] = ()
        self._sizes: Sequence[int] = ()
        self._told: dict[int, tuple[Mapping[str, int], int, int]] = {}  # by number: counts, lines, bytes
        self._stopped: Any = self._event("stopped")

    async def to_its_end(self, opens: Callable[[], Session], lines: int, max_requests: int) -> ClusterSummary:
        """Plan it, and run it."""
        self._jobs, self._sizes, mark = await self._answer(self._submit("plan", plan, self._job, lines))
        semaphores = [self._semaphore("requests", max_requests), self._semaphore("first", 1)]
        if self._on_progress is not None:
            self._client.subscribe_topic(self._name, self._hear)
        futures: list[Any] = []
        try:
            for semaphore in semaphores:
                await semaphore
            orders = Orders(self._name, max_requests, opens, mark)
            for number, job in enumerate(self._jobs, 1):
                futures.append(self._submit(f"part-{number:05}", run_part, number, job, orders))
            return ClusterSummary(await asyncio.gather(*map(self._ended, range(1, len(futures) + 1), futures)))
        finally:
            with anyio.CancelScope(shield=True), suppress(OSError, RuntimeError):  # of a scheduler that is gone
                await self._settle(futures)
                for semaphore in semaphores:
                    # One with the leases of a lost worker stays: to close it makes the scheduler warn.
                    if not await semaphore.get_value():
                        await semaphore.close()
            if self._on_progress is not None:
                self._client.unsubscribe_topic(self._name)

    async def _ended(self, number: int, future: Any) -> PartSummary:
        """Return how a partition ended, also if that was with the last worker that tried it."""
        job = self._jobs[number - 1]
        try:
            part: PartSummary = await self._answer(future)
        except distributed.KilledWorker as error:
            times = error.allowed_failures + 1
            text = f"its worker was lost {times} times: look for the reason in the logs of the workers"
            failure = LiferayError(text)
            return PartSummary(number=number, results=job.results, journal=str(job.journal), stopped=text, error=failure)
        size = self._sizes[number - 1] if part.is_well else self._told.get(number, ({}, 0, 0))[2]
        self._told[number] = part.counts, part.lines, size
        self._tell()
        return part

    async def _answer(self, future: Any) -> Any:
        try:
            return await future
        except FutureCancelledError as error:
            raise LiferayError(_GONE) from error

    async def _settle(self, futures: Sequence[Any]) -> None:
        """Have partitions stop that have not ended, and clear what the scheduler keeps of the run."""
        if any(not future.done() for future in futures):
            await self._stopped.set()
            with anyio.move_on_after(_GRACE_SECONDS):
                await asyncio.gather(*map(self._ended, range(1, len(futures) + 1), futures), return_exceptions=True)
            await self._client.cancel(futures)
        job = self._job
        begun = job.is_overwriting or job.repeats_failed or job.repeats_unknown
        numbers = [f"begun-{number}" for number in range(1, len(futures) + 1)] if begun else []
        for name in ["stopped", "answered", *numbers]:
            await self._event(name).clear()

    def _hear(self, event: tuple[float, Any]) -> None:
        number, counts, lines, offset = event[1]
        self._told[number] = counts, lines, offset
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        counts = sum((Counter(counts) for counts, _, _ in self._told.values()), Counter[str]())
        lines = sum(lines for _, lines, _ in self._told.values())
        offset = sum(offset for _, _, offset in self._told.values())
        self._on_progress(Progress(dict(counts), lines, offset, sum(self._sizes)))

    def _submit(self, name: str, function: Callable[..., object], *args: object) -> Any:
        return self._client.submit(function, *args, key=f"{self._name}-{name}", pure=False)

    def _event(self, name: str) -> Any:
        return _dask.Event(f"{self._name}-{name}", client=self._client)

    def _semaphore(self, name: str, leases: int) -> Any:
        client = self._client
        return _dask.Semaphore(leases, f"{self._name}-{name}", scheduler_rpc=client.scheduler, loop=client.loop)


def plan(job: Job, lines: int) -> tuple[list[Job], list[int], tuple[str, str]]:
    """Return the partitions of a job, their sizes in bytes, and the mark of its folder. It runs on a worker, and blocks.

    Raises:
        JobError: it cannot be partitioned, or was partitioned in another way before.
    """
    jobs = parts_of(job, lines)
    size = Path(job.source).stat().st_size
    ends = [size if part.end is None else part.end for part in jobs]
    return jobs, [end - part.start for part, end in zip(jobs, ends, strict=True)], _marked(job, lines, size)


def _marked(job: Job, lines: int, size: int) -> tuple[str, str]:
    """Return where the mark of the folder is and what it says; the first run of a job makes it."""
    journal = Path(str(job.journal))
    file = journal.with_name(f"{journal.stem}-partitions.json")
    own = {"lines": lines, "bytes": size}
    try:
        if not file.exists():
            new = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
            new.write_text(json.dumps({**own, "id": uuid.uuid4().hex}), "ascii")
            new.replace(file)
        content = file.read_text("ascii")
        told = {name: json.loads(content)[name] for name in own}
    except OSError as error:
        raise JobError(f"{file} cannot be written: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError):
        raise JobError(f"{file} is none of ours: name another journal") from None
    if told["lines"] != lines:
        raise JobError(f"the run was begun with partitions of {told['lines']:,} lines: it goes on with the same")
    if told["bytes"] != size:
        raise JobError(
            f"{job.source} had {told['bytes']:,} bytes when the run began: what belongs to partitions cannot change"
        )
    return str(file), content


def _check(job: Job, opens: object, *, partition_lines: int, max_requests: int) -> None:
    """Refuse what cannot be used.

    Raises:
        TypeError, ValueError: as its name says.
    """
    if not callable(opens):
        raise TypeError(f"opens= takes a function that opens a session on the worker, not {type(opens).__name__}")
    if partition_lines < 1 or max_requests < 1:
        raise ValueError("partition_lines= and max_requests= take at least 1")
    if job.journal is None:
        raise ValueError("a job on a cluster needs a journal: without one, a lost worker's lines would be sent again")
    if not all(Path(path).is_absolute() for path in (job.source, job.results, job.journal)):
        raise ValueError("the paths of a job on a cluster must be absolute: each worker has a working folder of its own")
    if Path(job.results).parent != Path(job.journal).parent:
        raise ValueError("results and journal of a job on a cluster must be in one folder, which all workers share")
