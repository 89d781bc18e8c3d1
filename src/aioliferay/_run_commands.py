"""The command `run`: its options, its progress on a terminal and in a log, what is told of lines, and its exit codes."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, Self

import anyio
import typer

from aioliferay import Session, _terminal
from aioliferay._access import AuthOption, PasswordEnvOption, PortalOption, ServerOption, UserOption, Wish, access_of
from aioliferay._portals import Kind
from aioliferay._terminal import InterruptedBySignal, Screen, ended_well, shortened
from aioliferay.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from aioliferay._access import Access
    from aioliferay._demo import Interruption
    from aioliferay._job import Job, Notice, Progress, Summary

_INTERRUPTED: Final = 3
_TIMEOUT: Final = 30.0
_MOST_TOLD: Final = 50  # lines of each kind
_EVERY_SECONDS: Final = 10.0  # in a log
_LOOK_BACK_SECONDS: Final = 20.0
_WORDS: Final = {"ok": "ok", "failed": "failed", "unknown": "unknown", "invalid": "no command"}
_SAME_AGAIN: Final = "the same command goes on from here"
_NO_JOURNAL: Final = "what is not in the results did not run, or only read"


class Writes(StrEnum):
    """How writes travel."""

    ALONE = "alone"
    TOGETHER = "together"


SourceArgument = Annotated[str, typer.Argument(metavar="FILE", help="Commands, one a line; - is standard input.")]
OutOption = Annotated[str, typer.Option("--out", metavar="FILE", help="Where results go; - is standard output.")]
JournalOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Keeps how far the run is: the same command goes on from there.")
]
TemplateOption = Annotated[
    str | None, typer.Option(metavar="JSON", help="The input is CSV, and this a command with {column} in it; or @FILE.")
]
DelimiterOption = Annotated[str, typer.Option(metavar="CHAR", help="Between the fields of CSV; \\t is a tab.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Stop at a line that is no command.")]
RepeatFailedOption = Annotated[bool, typer.Option("--repeat-failed", help="Send lines again that failed before.")]
RepeatUnknownOption = Annotated[
    bool, typer.Option("--repeat-unknown", help="Send lines again of which nobody knows if they ran.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Let results take the place of others that have no journal.")
]
DurableOption = Annotated[
    bool, typer.Option("--durable", help="Wait for the disk with every step: nothing is lost if the power fails.")
]
WritesOption = Annotated[Writes, typer.Option(help="Whether each write has a request of its own.")]
CallsOption = Annotated[
    int | None, typer.Option(min=1, help="Calls in one request.  [default: what proves best]", show_default=False)
]
ParallelOption = Annotated[
    int | None, typer.Option(min=1, help="Requests at once.  [default: what proves best]", show_default=False)
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(min=0.001, metavar="SECONDS", help="For each request.  [default: 30]", show_default=False),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Tell nothing but what is wrong.")]


def run(  # noqa: PLR0913 - the options of a command
    source: SourceArgument,
    *,
    out: OutOption,
    journal: JournalOption = None,
    template: TemplateOption = None,
    delimiter: DelimiterOption = ",",
    portal: PortalOption = None,
    server: ServerOption = None,
    user: UserOption = None,
    password_env: PasswordEnvOption = None,
    auth: AuthOption = None,
    is_strict: StrictOption = False,
    repeats_failed: RepeatFailedOption = False,
    repeats_unknown: RepeatUnknownOption = False,
    is_overwriting: OverwriteOption = False,
    is_durable: DurableOption = False,
    writes: WritesOption = Writes.ALONE,
    calls: CallsOption = None,
    parallel: ParallelOption = None,
    timeout: TimeoutOption = None,
    is_quiet: QuietOption = False,
) -> None:
    """Call services for each line of a file, and write the results to another.

    A line is {"path": "/user/get-user-by-id", "params": {"userId": 20199}}, and may have an "id", "select", "idempotent" and
    "is_read". The exit code is 0 if all went well, 1 if some lines did not, 2 after wrong usage, 3 if it was interrupted.

    \b
    Examples:
      aioliferay run calls.jsonl --out results.jsonl --portal staging
      aioliferay run calls.jsonl --out results.jsonl --journal run.sqlite
      aioliferay run users.csv --out results.jsonl \\
          --template '{"path": "/user/get-user-by-id", "params": {"userId": "{id}"}}'
    """  # noqa: D301 - typer wants the character itself
    from aioliferay._job import Job  # noqa: PLC0415 - the other commands start without it

    job = Job(
        source=source,
        results=out,
        journal=journal,
        template=_template(source, template),
        delimiter=_delimiter(delimiter),
        writes=writes.value,
        calls=calls,
        parallel=parallel,
        is_strict=is_strict,
        is_overwriting=is_overwriting,
        is_durable=is_durable,
        repeats_failed=repeats_failed,
        repeats_unknown=repeats_unknown,
    )
    raise typer.Exit(_done(job, Wish(portal, server, user, password_env, auth), timeout, is_quiet=is_quiet))


def _done(job: Job, wish: Wish, timeout: float | None, *, is_quiet: bool) -> int:
    """Run the job, and return the exit code."""
    wish.check()
    for name, is_wanted in (("--repeat-failed", job.repeats_failed), ("--repeat-unknown", job.repeats_unknown)):
        if is_wanted and job.journal is None:
            raise typer.BadParameter("only a journal knows these lines: it goes with --journal", param_hint=f"'{name}'")
    with ended_well():
        access = access_of(wish)
        return _Work(replace(job, owner=_owner(access)), access, timeout).done(Teller(is_quiet=is_quiet))


def _template(source: str, told: str | None) -> str | None:
    if told is None:
        if source.lower().endswith((".csv", ".tsv")):
            raise typer.BadParameter("CSV needs a --template, which makes a command of each record", param_hint="'FILE'")
        return None
    if not told.startswith("@"):
        return told
    try:
        return Path(told[1:]).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise typer.BadParameter(f"{told[1:]} cannot be read: {reason}", param_hint="'--template'") from None


def _delimiter(told: str) -> str:
    char = "\t" if told == "\\t" else told
    if len(char) != 1 or char in '"\r\n':
        raise typer.BadParameter("it is one character, such as ; or \\t", param_hint="'--delimiter'")
    return char


def _owner(access: Access) -> str:
    """Return who calls, in words that hold no secret."""
    if access.kind is Kind.NONE:
        return "a guest"
    if access.kind in {Kind.SIGN_IN, Kind.BASIC}:
        return str(getattr(access.auth, "_user", ""))
    return f"client {access.portal.client_id}"


class _Work:
    """A job, run for somebody who looks on, and may interrupt it."""

    def __init__(self, job: Job, access: Access, timeout: float | None) -> None:
        self._job = job
        self._access = access
        self._timeout = timeout or access.portal.timeout or _TIMEOUT

    def done(self, teller: Teller) -> int:
        """Run it, and return the exit code.

        Raises:
            typer.BadParameter: it cannot be run as it is; nothing was sent.
        """
        from aioliferay._feeding import JobError  # noqa: PLC0415 - as above
        from aioliferay._job import Summary  # noqa: PLC0415 - as above

        is_interrupted = False
        self._summary = Summary(stopped="interrupted")  # unless more becomes of it
        try:
            with teller:
                _terminal.run(lambda interruption: self._run(teller, interruption))
        except JobError as error:
            raise typer.BadParameter(str(error)) from None
        except InterruptedBySignal:
            is_interrupted = True
        teller.finish(self._summary, self._why, has_journal=self._job.journal is not None)
        return _INTERRUPTED if is_interrupted else 0 if self._summary.is_well else 1

    async def _run(self, teller: Teller, interruption: Interruption) -> None:
        from aioliferay._job import Stop  # noqa: PLC0415 - as above
        from aioliferay._running import run_job  # noqa: PLC0415 - as above

        stop = Stop()

        def look(progress: Progress) -> None:
            if interruption.signal is not None:
                stop.ask("interrupted")
            teller.show(progress)

        # What is in flight ends in order: the interruption is for the job to hear, and cancels nothing here.
        with anyio.CancelScope(shield=True):
            async with Session(self._access.portal.server, auth=self._access.auth, timeout=self._timeout) as session:
                self._summary = await run_job(session, self._job, on_progress=look, on_notice=teller.tell, stop=stop)

    @property
    def _why(self) -> str:
        """Why it stopped, in words for whoever typed the command; "" if it did not."""
        error = self._summary.error
        refused = self._access.refused(error) if isinstance(error, AuthenticationError) else ""
        return refused or shortened(self._summary.stopped)


class _Look(NamedTuple):
    """How far a job was at some time, in seconds of any clock."""

    now: float
    lines: int
    offset: int


class Estimate:
    """How fast a job goes, and how long it will take, by the last seconds. It is told the time."""

    def __init__(self) -> None:
        self._looks = deque[_Look]()
        self._size: int | None = None

    def add(self, now: float, progress: Progress) -> None:
        """Look at a job."""
        self._looks.append(_Look(now, progress.lines, progress.offset))
        self._size = progress.size
        while len(self._looks) > 2 and self._looks[1].now < now - _LOOK_BACK_SECONDS:
            self._looks.popleft()

    @property
    def rate(self) -> float:
        """Lines in a second."""
        first, last = self._looks[0], self._looks[-1]
        return (last.lines - first.lines) / (last.now - first.now) if last.now > first.now else 0.0

    @property
    def part(self) -> float | None:
        """How much is behind it, from 0 to 1; None if nobody knows."""
        return min(self._looks[-1].offset / self._size, 1.0) if self._size else None

    @property
    def seconds(self) -> float | None:
        """Seconds that are left; None if nobody knows."""
        first, last = self._looks[0], self._looks[-1]
        if not self._size or last.offset <= first.offset:
            return None
        return max(self._size - last.offset, 0) * (last.now - first.now) / (last.offset - first.offset)

    def told(self, progress: Progress) -> str:
        """Return all of it in words, but for the part."""
        counts = progress.counts
        parts = [f"{sum(counts.values()):,} lines", f"{self.rate:,.0f} a second"]
        parts += [f"{counts[name]:,} {word}" for name, word in _WORDS.items() if name != "ok" and counts.get(name)]
        if (seconds := self.seconds) is not None:
            parts.append(f"{_duration(seconds)} left")
        return ", ".join(parts)


class Teller:
    """Tells on standard error how far a job is: by a bar where somebody looks, else by a line now and then."""

    def __init__(self, *, is_quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_quiet = is_quiet
        self._clock = clock
        self._estimate = Estimate()
        self._next = clock() + _EVERY_SECONDS
        self._screen = Screen()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._told = Counter[str]()

    def __enter__(self) -> Self:
        if not self._is_quiet and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def show(self, progress: Progress) -> None:
        """Tell how far a job is."""
        now = self._clock()
        self._estimate.add(now, progress)
        if self._bar is not None:
            text = self._estimate.told(progress)
            if self._task is None:
                self._task = self._bar.add_task(text, total=None)
            self._bar.update(self._task, description=text, completed=progress.offset, total=progress.size)
        elif not self._is_quiet and now >= self._next:
            self._next = now + _EVERY_SECONDS
            part = self._estimate.part
            self._say(f"{'' if part is None else f'{part:.0%}: '}{self._estimate.told(progress)}")

    def tell(self, notice: Notice) -> None:
        """Tell of a line."""
        self._told[notice.outcome] += 1
        if self._told[notice.outcome] > _MOST_TOLD:
            return
        where = f"line {notice.line}" if notice.line == notice.last else f"lines {notice.line} to {notice.last}"
        name = "" if notice.id is None else f" (id {notice.id})"
        path = "" if notice.text.startswith(notice.path) else f"{notice.path}: "
        what = "" if notice.outcome == "invalid" else f"{notice.outcome}: "
        self._say(f"{where}{name}: {what}{path}{shortened(notice.text)}")

    def finish(self, summary: Summary, why: str, *, has_journal: bool) -> None:
        """Tell how a run ended, and what can be done about what it left.

        Args:
            summary: of the run.
            why: it stopped before the end of its input; "" if it did not.
            has_journal: whether another run can go on where this one ended.
        """
        for outcome, count in self._told.items():
            if count > _MOST_TOLD:
                self._say(f"and {count - _MOST_TOLD:,} lines more that are {_WORDS.get(outcome, outcome)}")
        if why:
            self._say(why if why == "interrupted" else f"error: {why}")
        elif self._is_quiet and summary.is_well:
            return
        counts = summary.counts
        told = [f"{counts[name]:,} {word}" for name, word in _WORDS.items() if counts.get(name)]
        self._say(f"ended: {', '.join(told) or 'no line'}")
        if summary.left or summary.stopped:
            left = f"not ended: {summary.left:,} of those that were taken up; " if summary.left else ""
            self._say(f"{left}{_SAME_AGAIN if has_journal else _NO_JOURNAL}")
        if counts.get("unknown"):
            again = "; --repeat-unknown sends them again" if has_journal else ""
            self._say(f"of those that are unknown, nobody knows if they ran: look at the portal{again}")

    def _say(self, text: str) -> None:
        if self._bar is None:
            self._screen.warn(text)
        else:  # above the bar, which is drawn anew
            self._bar.console.print("".join(char if char.isprintable() else " " for char in text))


def _bar() -> Bar:
    from rich.console import Console  # noqa: PLC0415 - only who looks at a terminal needs it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415 - as above

    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False, emoji=False)
    text = TextColumn("{task.description}", markup=False)
    return Progress(BarColumn(bar_width=30), TaskProgressColumn(), text, console=console, transient=True)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds <= 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
