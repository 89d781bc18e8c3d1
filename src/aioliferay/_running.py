"""One run of a job on one session: commands are taken from its input, and what becomes of them is put down. Knows when a
line has ended, and when a run must stop; does not know how commands travel.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread

from aioliferay._core.messages import Failed, NotRun, NotSent, Ok
from aioliferay._feeding import Feed, JobError, Source
from aioliferay._job import Notice, Progress, Stop, Summary, check, check_facts, facts_of
from aioliferay._journal import Journal, JournalError
from aioliferay._lines import INVALID, BadLine, CsvLines, JsonLines, LineCommand
from aioliferay._recording import Recorder, Results, ResultsError
from aioliferay.errors import (
    AccessDeniedError,
    AnswerTooLargeError,
    AuthenticationError,
    ClosedError,
    ConnectError,
    LiferayError,
    NoAnswerError,
    NotSentError,
    RedirectError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aioliferay._core.messages import Outcome
    from aioliferay._feeding import Reader
    from aioliferay._job import Job
    from aioliferay._recording import Point
    from aioliferay._sessions import Session
    from aioliferay._stream import Stream, StreamItem

_TICK_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 5.0
_PATIENCE: Final = 3  # requests in a row without a word of the portal's
_HOPELESS: Final = (ConnectError, AuthenticationError, RedirectError, ClosedError)
_LOST: Final = "its request may have left before a run was stopped, and nobody put down what became of it"
_ABORTED: Final = "the run was stopped before its answer came: it may have run"


async def run_job(
    session: Session,
    job: Job,
    *,
    on_progress: Callable[[Progress], object] | None = None,
    on_notice: Callable[[Notice], object] | None = None,
    stop: Stop | None = None,
) -> Summary:
    """Run the lines of a job that have not ended yet, and put down what becomes of each.

    If it is cancelled, what is in flight is aborted, and what is known is put down first.

    Args:
        session: with the portal; it stays open.
        job: what is to be run.
        on_progress: called now and then, at least five times a second while something happens.
        on_notice: called for lines that somebody should hear of.
        stop: to end the run early.

    Raises:
        JobError: the job cannot be run as it is; nothing was sent.
        JournalError: the journal can no longer be written.
        ResultsError: the results can no longer be written.
        BrokenPipeError: the results go to standard output, and nobody reads it any more.
    """
    run = _Run(session, job, stop or Stop())
    run.on_progress = on_progress or run.on_progress
    run.on_notice = on_notice or run.on_notice
    try:
        await anyio.to_thread.run_sync(run.open)
        return await run.to_its_end()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(run.close)


class _HaltedError(Exception):
    """What was about to leave must not: the run is stopping."""


class _Run:
    """One run of a job: its lines are taken, and what becomes of them is put down."""

    def __init__(self, session: Session, job: Job, stop: Stop) -> None:
        self.on_progress: Callable[[Progress], object] = lambda _: None
        self.on_notice: Callable[[Notice], object] = lambda _: None
        self._session = session
        self._job = job
        self._stop = stop
        self._closing = ExitStack()
        self._scope = anyio.CancelScope()
        self._silent = set[int | None]()
        self._hurry = anyio.Event()
        self._writing = set[int]()
        self._written = anyio.Event()
        self._lost: list[LineCommand] = []
        self._lines = 0
        self._left = 0
        self._trouble: LiferayError | None = None
        self._failure: Exception | None = None

    def open(self) -> None:
        """Open the files, and take over what the run before left. It blocks.

        Raises:
            JobError: they do not go together, or cannot be used.
        """
        try:
            self._open()
        except (JournalError, ResultsError) as error:
            raise JobError(str(error)) from error

    def _open(self) -> None:
        job = self._job
        check(job)
        source = self._source = Source(job.source, job.start, job.end)
        self._closing.callback(source.close)
        journal = None if job.journal is None else Journal(job.journal, is_durable=job.is_durable)
        facts: Mapping[str, Any] = {}
        if journal is not None:
            self._closing.callback(journal.close)
            facts = journal.facts()
        if facts:
            check_facts(job, self._session.server, source, facts)
        results = Results(job.results, facts.get("length"), is_overwriting=job.is_overwriting)
        self._closing.callback(results.close)
        self._recorder = Recorder(
            results,
            journal,
            first=job.lines_before + 1,
            start=job.start,
            digest=None if journal is None else source.digest,
            is_durable=job.is_durable,
        )
        self._take_over(facts_of(job, self._session.server))
        self._begin = self._recorder.point
        source.seek(self._begin.offset)
        reader = _reader(job, self._begin, self._recorder.columns)
        self._feed = Feed(source, reader, self._recorder, is_strict=job.is_strict, on_bad=self._note_bad)

    def close(self) -> None:
        """Close the files. It blocks."""
        self._closing.close()

    async def to_its_end(self) -> Summary:
        """Run the lines that have not ended."""
        for command in self._lost:
            self._tell(command, "unknown", _LOST)
        job = self._job
        stream = self._session.stream(
            self._feed, ordered=False, before_send=self._before, writes=job.writes, calls=job.calls, parallel=job.parallel
        )
        self._stop.tell(partial(self._halt, stream))
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._tick)
                with self._scope:
                    await self._follow(stream)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._settle_rest(stream)
        self._tell_progress()
        if self._failure is not None:
            raise self._failure
        return self._summary()

    async def _before(self, items: Sequence[tuple[int, LineCommand]]) -> None:
        """Put down what is about to leave, as soon as it is known that the writes before it are no reason to stop."""
        lines = [command.place.line for _, command in items if not command.is_read]
        while lines and self._writing and not self._is_stopping:
            self._written = anyio.Event()
            await self._written.wait()
        await self._recorder.mark(items)
        if self._is_stopping:
            for line in lines:
                self._recorder.leave(line)
            raise _HaltedError
        self._writing.update(lines)

    async def _follow(self, stream: Stream[LineCommand]) -> None:
        try:
            async for item in stream:
                self._settle(item, stream)
                if self._recorder.is_urgent:
                    self._hurry.set()
                if self._recorder.is_full:
                    await self._recorder.flush()
        except _HaltedError:
            pass  # by itself
        except ClosedError as error:
            self._trouble = self._trouble or error
        except Exception as error:  # noqa: BLE001 - raised when all that is known has been put down
            self._failure = error

    async def _tick(self) -> None:
        """Put down what was told, at once where that is urgent, and as much at a time as has come by then."""
        told = anyio.current_time()
        try:
            while True:
                with anyio.move_on_after(_TICK_SECONDS):
                    await self._hurry.wait()
                self._hurry = anyio.Event()
                await self._recorder.flush()
                if anyio.current_time() >= told + _TICK_SECONDS:
                    told = anyio.current_time()
                    self._tell_progress()
        except Exception as error:  # noqa: BLE001 - as above
            self._failure = error
            self._scope.cancel()

    async def _settle_rest(self, stream: Stream[LineCommand]) -> None:
        """Abort what is in flight, if anything is, and put down the rest."""
        await stream.aclose()
        for command in [*self._recorder.marked.values()]:
            self._recorder.set_aside(command, "unknown", NoAnswerError(_ABORTED))
            self._lines += 1
            self._tell(command, "unknown", _ABORTED)
        try:
            await self._recorder.flush()
        except (LiferayError, OSError) as error:
            self._failure = self._failure or error

    def _halt(self, stream: Stream[LineCommand]) -> None:
        stream.stop()
        self._scope.deadline = anyio.current_time() + _GRACE_SECONDS

    def _settle(self, item: StreamItem[LineCommand], stream: Stream[LineCommand]) -> None:
        command, error = item.command, item.error
        verdict = _verdict(command, item.outcome)
        if error is None:
            self._recorder.ok(command, item.result)
        elif verdict:
            self._recorder.set_aside(command, verdict, error)
        else:
            self._recorder.leave(command.place.line)
        self._lines += bool(verdict)
        self._left += not verdict
        if error is None or verdict == "failed":
            self._silent.clear()
        elif not self._is_stopping:
            self._weigh(error, item.outcome, stream)
            if verdict or not self._is_stopping:
                self._tell(command, verdict or item.outcome.name, str(error))
        self._writing.discard(command.place.line)
        self._written.set()

    def _weigh(self, error: LiferayError, outcome: Outcome[Any], stream: Stream[LineCommand]) -> None:
        """Stop where going on would only fail the next lines, too."""
        if isinstance(error, ServerError | AnswerTooLargeError) and not isinstance(error, AuthenticationError):
            is_hopeless = isinstance(error, AccessDeniedError) and isinstance(outcome, NotRun)
        else:
            self._silent.add(error.request)
            is_hopeless = isinstance(error, _HOPELESS) or error.status == 407 or len(self._silent) >= _PATIENCE
        if is_hopeless:
            self._trouble = error
            stream.stop()

    @property
    def _is_stopping(self) -> bool:
        return self._trouble is not None or bool(self._stop.reason)

    def _take_over(self, facts: Mapping[str, Any]) -> None:
        recorder = self._recorder
        self._lost = recorder.pick_up()
        for command in self._lost:
            if self._job.repeats_unknown:
                recorder.leave(command.place.line)
            else:
                recorder.set_aside(command, "unknown", NoAnswerError(_LOST))
        recorder.begun(facts)
        if self._job.repeats_unknown:
            self._lost = []
            recorder.recall("unknown")
        if self._job.repeats_failed:
            recorder.recall("failed")

    def _note_bad(self, bad: BadLine) -> None:
        self._lines += 1
        self.on_notice(Notice(bad.place.line, bad.place.last, INVALID, bad.id, "", bad.reason))

    def _tell(self, command: LineCommand, outcome: str, text: str) -> None:
        self.on_notice(Notice(command.place.line, command.place.last, outcome, command.id, command.path, text))

    def _tell_progress(self) -> None:
        begin, feed = self._begin.offset, self._feed
        part = (self._lines + self._left) / feed.taken if feed.taken else 1.0
        offset = begin + int((feed.offset - begin) * part)
        self.on_progress(Progress(self._recorder.counts, self._lines, offset, self._source.size))

    def _summary(self) -> Summary:
        feed = self._feed
        if feed.failure is not None and not feed.taken:
            raise feed.failure
        trouble = self._trouble or feed.failure
        stopped = self._stop.reason or feed.refused or ("" if trouble is None else str(trouble))
        return Summary(dict(self._recorder.counts), self._lines, feed.taken - self._lines, stopped, trouble)


def _verdict(command: LineCommand, outcome: Outcome[Any]) -> str:
    """Return the outcome of a line that has ended; "" if it goes again with the next run."""
    error = outcome.error
    match outcome:
        case Ok() | Failed():
            return outcome.name
        case NotSent():
            is_no_command = type(error) is NotSentError and isinstance(error.__cause__, TypeError | ValueError)
            return INVALID if is_no_command else ""
        case NotRun():
            return "failed" if outcome.error.status == 413 else ""
        case _:
            return "" if command.is_repeatable and not isinstance(error, AnswerTooLargeError) else "unknown"


def _reader(job: Job, begin: Point, columns: tuple[str, ...]) -> Reader:
    if job.template is None:
        return JsonLines(begin.line, begin.offset)
    header = job.columns if begin.offset == job.start else columns
    return CsvLines(job.template, delimiter=job.delimiter, columns=header, number=begin.line, offset=begin.offset)
