"""The results of a job, appended to their file, and its journal in step with them. Knows what is put down in which order, so
that nothing is lost or done twice after a kill; does not know what decides an outcome.
"""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import anyio
import anyio.to_thread
from pydantic_core import from_json, to_json

from aioliferay._journal import Change, Journal, Sent, Spans
from aioliferay._lines import BadLine, Ended, LineCommand, Place, ended, failure_line, result_line
from aioliferay.errors import LiferayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

STANDARD: Final = "-"
"""Names standard input, or standard output."""

_MOST_LINES: Final = 1000  # of results, before they are written
_MOST_BYTES: Final = 1024 * 1024
_STRIDE: Final = 256  # lines from one point to the next from which a later run may read on
_PIECE: Final = 1024 * 1024


class ResultsError(LiferayError):
    """The file of results cannot be used: the text says why, and what to do."""


class Point(NamedTuple):
    """A place between two lines of the input: how many lines and bytes come before it."""

    line: int = 0
    offset: int = 0


class Results:
    """The file of results, to which whole lines are appended. Every method may block.

    Args:
        path: of the file; `-` is standard output.
        length: bytes that are known to be in it; None for a file that is begun.
        is_overwriting: whether a file that is begun may take the place of another.

    Raises:
        ResultsError: it holds results already, or not those that it should, or cannot be opened.
    """

    def __init__(self, path: str, length: int | None = None, *, is_overwriting: bool = False) -> None:
        self._path = path
        try:
            self._file = self._opened(length, is_overwriting=is_overwriting)
        except OSError as error:
            raise ResultsError(f"{path} cannot be opened for results: {error.strerror or error}") from error
        self.length = length or 0

    def adopt(self) -> list[Ended]:
        """Return what the whole lines tell that are in the file and not known to be; what follows them is cut off."""
        found: list[Ended] = []
        self._file.seek(self.length)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                found.append(ended(line))
            except ValueError:
                break
            self.length += len(line)
        self._file.seek(self.length)
        self._file.truncate()
        return found

    def append(self, lines: Sequence[bytes], *, is_durable: bool = False) -> None:
        """Append whole lines, and hand them to the operating system; with `is_durable`, to the disk.

        Raises:
            ResultsError: they cannot be written.
            BrokenPipeError: nobody reads the standard output any more.
        """
        content = b"".join(lines)
        try:
            self._file.write(content)
            self._file.flush()
            if is_durable:
                os.fsync(self._file.fileno())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ResultsError(f"{self._path} cannot be written: {error.strerror or error}") from error
        self.length += len(content)

    def close(self) -> None:
        """Close the file, but not standard output."""
        if self._path != STANDARD:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()

    def _opened(self, length: int | None, *, is_overwriting: bool) -> BinaryIO:
        if self._path == STANDARD:
            return sys.stdout.buffer
        # Not "a": a torn line is cut off. Not "x": a kill may have come before the first line, or before the journal.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        file = os.fdopen(descriptor, "r+b")
        try:
            self._check(file, length, is_overwriting=is_overwriting)
        except BaseException:
            file.close()
            raise
        return file

    def _check(self, file: BinaryIO, length: int | None, *, is_overwriting: bool) -> None:
        size = os.fstat(file.fileno()).st_size
        if length is None:
            if size and not is_overwriting:
                raise ResultsError(
                    f"{self._path} has results already: name another file, or the journal that they belong to "
                    "(--journal), or have it overwritten (--overwrite)"
                )
            if size:  # a device has none, and cannot be cut
                file.truncate(0)
            return
        file.seek(max(length - 1, 0))
        if size < length or (length and file.read(1) != b"\n"):
            raise ResultsError(
                f"{self._path} is not as the last run left it: {length:,} bytes of results should be there; put it back, or "
                "begin anew with another journal and other results"
            )


class Recorder:
    """Puts down what becomes of lines, many at a time: what is told is in memory until somebody awaits `flush`.

    After a kill, the journal and what the file of results has beyond it tell all that must be known: before a write leaves,
    its line is in the journal; results are in their file before the journal says that their lines have ended.

    Args:
        results: where lines go.
        journal: None for a job that cannot be resumed.
        first: number of the job's first line; `start`: bytes of the input before it.
        digest: tells the bytes of the input before an offset from others; it may block.
        is_durable: wait for the disk, and not for the operating system only.

    Attributes:
        ended: lines that have ended.
        counts: how many lines have ended, by outcome, in all runs together.
        columns: names of the columns of an input in CSV.
        marked: lines that may have run, and have no outcome.
        point: where the next run may read on: every line before it has ended.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, but for the files
        self,
        results: Results,
        journal: Journal | None = None,
        *,
        first: int = 1,
        start: int = 0,
        digest: Callable[[int], str] | None = None,
        is_durable: bool = False,
    ) -> None:
        facts: Mapping[str, Any] = {} if journal is None else journal.facts()
        self.ended = Spans() if journal is None else journal.ended()
        self.counts: Counter[str] = Counter(facts.get("counts"))
        self.columns: tuple[str, ...] = tuple(facts.get("columns", ()))
        self._results = results
        self._journal = journal
        self._begin = Point(first - 1, start)
        self._digest = digest
        self._is_durable = is_durable
        self.marked: dict[int, LineCommand] = {}
        self._lines: list[bytes] = []
        self._bytes = 0
        self._change = Change()
        self._is_dirty = False
        self.point = Point(*facts.get("point", (first - 1, start)))
        self._points = deque[Point]()
        self._reach = int(facts.get("reach", start))
        self._lock = anyio.Lock()
        self._limiter = anyio.CapacityLimiter(1)
        self._failure: Exception | None = None

    def pick_up(self) -> list[LineCommand]:
        """Take over what the run before left; return the lines that were sent and have no outcome. It blocks."""
        if self._journal is None:
            return []
        for line, name, path in self._journal.sent():
            self.marked[line] = LineCommand(path, place=Place(line, line, line, 0), id=from_json(name))
        for line, outcome in self._results.adopt():
            self._end(line, line, outcome)
        return list(self.marked.values())

    def recall(self, outcome: str) -> None:
        """Have those lines sent again that are set aside with this outcome. It blocks."""
        for line in () if self._journal is None else self._journal.aside(outcome):
            self.ended.discard(line)
            self.counts[outcome] -= 1
            self._change.recalled.append(line)
            self._is_dirty = True
            self.point = self._begin

    def begun(self, facts: Mapping[str, Any]) -> None:
        """Put down what a run begins with, together with what it took over. It blocks."""
        self._write(self._taken(), facts)

    def note(self, place: Place) -> None:
        """Note that a line of the input is about to be handed out, or need not be: lines come in order."""
        if place.last >= (self._points[-1] if self._points else self.point).line + _STRIDE:
            self._points.append(Point(place.last, place.end))
        self._reach = max(self._reach, place.end)

    def ok(self, command: LineCommand, result: object) -> None:
        """Tell that a command went well."""
        self._keep(result_line(command, result))
        self._end(command.place.first, command.place.last, "ok", command.place.line)

    def set_aside(self, asked: LineCommand | BadLine, outcome: str, error: LiferayError | str) -> None:
        """Tell that a line has ended other than well."""
        self._keep(failure_line(asked, outcome, error))
        self._end(asked.place.first, asked.place.last, outcome, asked.place.line)

    def skip(self, place: Place) -> None:
        """Tell that a line had ended before; it may be known without the blank lines around it."""
        self.ended.add(place.first, place.last)
        self._is_dirty = True

    def leave(self, line: int) -> None:
        """Tell that a line did not run, or that it makes no difference whether it did: it is sent again by the next run."""
        if self.marked.pop(line, None) is not None:
            self._change.settled.append(line)
            self._is_dirty = True

    async def mark(self, items: Iterable[tuple[int, LineCommand]]) -> None:
        """Put down that these commands of a stream may run from now on.

        Raises:
            LiferayError: it cannot be put down: they must not be sent.
        """
        writes = [command for _, command in items if not command.is_repeatable]
        if not writes or self._journal is None:
            return
        for command in writes:
            self._change.sent.append(Sent(command.place.line, to_json(command.id).decode(), command.path))
            self.marked[command.place.line] = command
        self._is_dirty = True
        await self.flush()

    @property
    def is_urgent(self) -> bool:
        """Whether what was told should be put down soon: the outcome of a write is among it."""
        return bool(self._change.settled)

    @property
    def is_full(self) -> bool:
        """Whether so much was told that it must be put down before there is more."""
        return len(self._lines) >= _MOST_LINES or self._bytes >= _MOST_BYTES

    async def flush(self) -> None:
        """Put down all that was told so far. Cancelling this does not stop what has begun.

        Raises:
            JournalError: the journal cannot be written.
            ResultsError: the results cannot be written.
            BrokenPipeError: nobody reads the standard output any more.
        """
        async with self._lock:
            if self._failure is not None:
                raise self._failure
            if not (self._lines or self._is_dirty):
                return  # somebody else's flush had all of it
            with anyio.CancelScope(shield=True):  # what is taken would be lost where a thread is not even begun
                await anyio.to_thread.run_sync(self._write, self._taken(), limiter=self._limiter)

    def close(self) -> None:
        """Close both files. It blocks."""
        self._results.close()
        if self._journal is not None:
            self._journal.close()

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)

    def _end(self, first: int, last: int, outcome: str, line: int = 0) -> None:
        self.ended.add(first, last)
        self.counts[outcome] += 1
        self._is_dirty = True
        if self._journal is not None:
            if outcome != "ok":
                self._change.aside.append((line or first, outcome))
            self.leave(line or first)

    def _taken(self) -> tuple[list[bytes], Change]:
        change, self._change = self._change, Change()
        lines, self._lines = self._lines, []
        self._bytes = 0
        self._is_dirty = False
        change.gone, change.spans = self.ended.changes()
        unbroken = self.ended.unbroken(self._begin.line + 1)
        while self._points and self._points[0].line <= unbroken:
            self.point = self._points.popleft()
        change.facts = {
            "counts": dict(self.counts),
            "columns": self.columns,
            "point": self.point,
            "reach": self._reach,
        }
        return lines, change

    def _write(self, taken: tuple[list[bytes], Change], more: Mapping[str, Any] | None = None) -> None:
        lines, change = taken
        try:
            if lines:
                self._results.append(lines, is_durable=self._is_durable)
            if self._journal is not None:
                change.facts = {**change.facts, **(more or {}), "length": self._results.length}
                if self._digest is not None:
                    change.facts["digest"] = self._digest(change.facts["reach"])
                self._journal.commit(change)
        except Exception as error:
            self._failure = error
            raise
