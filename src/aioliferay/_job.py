"""A job: a file of commands, or a part of it, what is to be done with it, and how far that is. Knows what tells one job from
another, and how one becomes several; does not run it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from aioliferay._feeding import JobError
from aioliferay._lines import CsvLines, Splitter
from aioliferay._recording import STANDARD, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aioliferay._feeding import Source

_FORMAT: Final = 1
_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be run: the lines of a file, or of a part of it. It can be pickled.

    Attributes:
        source: path of the commands; `-` is standard input.
        results: path of the file to which results go; `-` is standard output.
        journal: path of the journal that makes the job resumable; None for none.
        template: of a command, as JSON; then the input is CSV.
        delimiter: between the fields of CSV.
        columns: names of the columns, where the part does not begin with the header.
        start: bytes of the file before the part; a line begins there.
        end: bytes of the file up to the end of the part; None is all of it.
        lines_before: lines of the file before the part.
        owner: who calls, in words that hold no secret: a journal belongs to one portal and one caller.
        calls: in one request, and `parallel`: requests at once; None for what proves best.
        writes: "alone", a request for each, so that the outcome of each is known; or "together".
        is_strict: whether a line that is no command stops the run.
        is_overwriting: whether results may take the place of others, which belong to no journal.
        is_durable: whether all that is put down waits for the disk, so that it survives the end of the computer, too.
        repeats_failed: whether lines that failed in an earlier run are sent again.
        repeats_unknown: whether lines are sent again of which nobody knows whether they ran.
    """

    source: str
    results: str
    journal: str | None = None
    template: str | None = None
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    start: int = 0
    end: int | None = None
    lines_before: int = 0
    owner: str = ""
    calls: int | None = None
    parallel: int | None = None
    writes: Literal["alone", "together"] = "alone"
    is_strict: bool = False
    is_overwriting: bool = False
    is_durable: bool = False
    repeats_failed: bool = False
    repeats_unknown: bool = False


class Notice(NamedTuple):
    """A line that somebody should hear of.

    Attributes:
        line: its number; `last` is that of the line where it ends.
        last: as `line`, but for records of CSV with line ends in them.
        outcome: "invalid", "unknown", "failed"; of a line that goes again with the next run "not sent", "not run" or "lost".
        id: as its author gave it.
        path: of its call, "" of none.
        text: what is wrong.
    """

    line: int
    last: int
    outcome: str
    id: Any
    path: str
    text: str


class Progress(NamedTuple):
    """How far a job is.

    Attributes:
        counts: lines that have ended, by outcome ("ok", "failed", "unknown", "invalid"), in all runs together.
        lines: lines that have ended in this run.
        offset: bytes of the input that are behind it, as far as can be told.
        size: bytes of the input; None if nobody knows.
    """

    counts: Mapping[str, int]
    lines: int
    offset: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended. It can be pickled.

    Attributes:
        counts: lines that have ended, by outcome, in all runs together.
        lines: lines that have ended in this run.
        left: lines that this run took up and that have not ended: they go again with the next one.
        stopped: why the run ended before its input did; "" if it did not.
        error: what stopped it, if that was an error.
    """

    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    lines: int = 0
    left: int = 0
    stopped: str = ""
    error: Exception | None = None

    @property
    def is_well(self) -> bool:
        """Whether every line of the input has ended, and went well."""
        return not (self.left or self.stopped or any(count for name, count in self.counts.items() if name != "ok"))


class Stop:
    """The wish that a run ends early: it sends nothing more, and what is in flight has five seconds to end."""

    def __init__(self) -> None:
        self.reason = ""
        self._told: Callable[[], object] = lambda: None

    def ask(self, reason: str) -> None:
        """Ask for the end; the first reason counts."""
        if not self.reason:
            self.reason = reason
            self._told()

    def tell(self, told: Callable[[], object]) -> None:
        """Have a function called as soon as somebody asks."""
        self._told = told
        if self.reason:
            told()


def parts_of(job: Job, lines: int) -> list[Job]:
    """Return jobs of so many lines or a few more, which together are the job. It reads the whole input, and blocks.

    Each has results and a journal of its own: the number of the part, from 1, is added to their names. Lines keep the
    numbers that they have in the whole file.

    Raises:
        JobError: the input cannot be read, or is standard input.
    """
    if STANDARD in {job.source, job.results}:
        raise JobError("standard input and output have no parts: a job in parts needs files")
    parts: list[Job] = []
    begin = point = Point(job.lines_before, job.start)
    columns = job.columns
    try:
        for point, names in _line_ends(job):
            if point.line - begin.line >= lines:
                parts.append(_part(job, begin, point.offset, columns, len(parts) + 1))
                begin, columns = point, names
    except (OSError, ValueError) as error:
        raise JobError(f"{job.source} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if parts and begin == point:  # nothing is left, yet: what is added to the file belongs to the last part
        return [*parts[:-1], replace(parts[-1], end=job.end)]
    return [*parts, _part(job, begin, job.end, columns, len(parts) + 1)]


def _line_ends(job: Job) -> Iterator[tuple[Point, tuple[str, ...]]]:
    """Yield where lines of the input end, those inside of a record of CSV excepted, and the columns of CSV."""
    splitter = Splitter(job.lines_before, job.start)
    # Its template makes no command, and costs nothing: the places are what is wanted.
    records = CsvLines("{}", delimiter=job.delimiter, columns=job.columns, number=job.lines_before, offset=job.start)
    left = (job.end or Path(job.source).stat().st_size) - job.start
    with Path(job.source).open("rb") as file:
        file.seek(job.start)
        while block := file.read(min(_BLOCK, left)):
            left -= len(block)
            if job.template is None:
                yield from ((Point(line.number, line.end), ()) for line in splitter.feed(block))
            else:
                for record in records.feed(block):
                    yield Point(record.place.last, record.place.end), records.columns


def _part(job: Job, begin: Point, end: int | None, columns: tuple[str, ...], number: int) -> Job:
    return replace(
        job,
        start=begin.offset,
        end=end,
        lines_before=begin.line,
        columns=columns,
        results=_numbered(job.results, number),
        journal=None if job.journal is None else _numbered(job.journal, number),
    )


def _numbered(path: str, number: int) -> str:
    """Return `run-00007.sqlite` for `run.sqlite` and 7."""
    place = Path(path)
    return str(place.with_name(f"{place.stem}-{number:05}{place.suffix}"))


def check(job: Job) -> None:
    """Refuse files that do not go together.

    Raises:
        JobError: as its name says.
    """
    if job.journal is None:
        places = [job.source, job.results]
    elif job.source == STANDARD:
        raise JobError("what came on standard input does not come again: a journal needs a file as input")
    elif job.results == STANDARD:
        raise JobError("a journal must know how far the results got: it needs a file for them")
    else:
        places = [job.source, job.results, job.journal]
    files = [Path(place).resolve() for place in places if place != STANDARD]
    if len(set(files)) < len(files):
        raise JobError("input, results and journal must be different files")


def facts_of(job: Job, server: str) -> dict[str, Any]:
    """Return what tells a job from others, for its journal, but for its input."""
    return {
        "format": _FORMAT,
        "server": server,
        "owner": job.owner,
        "text": [job.template, job.delimiter, job.start, job.end],
        "results": _relative(job),
    }


def check_facts(job: Job, server: str, source: Source, facts: Mapping[str, Any]) -> None:
    """Refuse a journal whose facts are of another job. It blocks.

    Raises:
        JobError: as its name says.
    """
    own = facts_of(job, server)
    what = ""
    if job.is_overwriting:
        what = "has begun: leave --overwrite out to go on, or remove it to begin anew"
    elif facts["format"] != _FORMAT:
        what = "was written by another version of aioliferay: finish the job with that"
    elif [facts["server"], facts["owner"]] != [server, job.owner]:
        caller = f" as {facts['owner']}" if facts["owner"] else ""
        what = f"belongs to a run at {facts['server']}{caller}: go on there, or name another journal and other results"
    elif facts["text"] != own["text"]:
        what = "belongs to a run with another template, delimiter or part: use that, or name another journal"
    elif facts["results"] != own["results"]:
        what = f"belongs to results in {facts['results']!r} beside it: name these, or another journal"
    elif (source.size or 0) < facts["reach"] or source.digest(facts["reach"]) != facts["digest"]:
        what = (
            f"belongs to another input, or {source.path} was changed where it has been read: lines may be added at its end "
            "only; name the input of that run, or another journal and other results"
        )
    if what:
        raise JobError(f"{job.journal} {what}")


def _relative(job: Job) -> str:
    """Return where the results are, seen from the journal: both may be moved together."""
    results, folder = Path(job.results).resolve(), Path(job.journal or "").resolve().parent
    return os.path.relpath(results, folder) if folder.drive == results.drive else str(results)
