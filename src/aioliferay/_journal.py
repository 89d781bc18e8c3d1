"""Which lines of a job have ended, which were sent, and what became of them, in an SQLite file that survives a kill.
Knows numbers of lines, ids and paths; knows neither what a line asks for nor how it is sent.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from aioliferay.errors import LiferayError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

_APPLICATION: Final = 0x616C6A31  # tells our files from everybody else's
_SCHEMA: Final = (
    "CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE ended(first INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
    "CREATE TABLE sent(line INTEGER PRIMARY KEY, id TEXT NOT NULL, path TEXT NOT NULL)",
    "CREATE TABLE aside(line INTEGER PRIMARY KEY, outcome TEXT NOT NULL)",
    f"PRAGMA application_id={_APPLICATION}",
)


class JournalError(LiferayError):
    """The journal cannot be used: the text says why, and what to do."""


class Sent(NamedTuple):
    """A line whose request may have left: its number, its id as JSON, and the path of its call."""

    line: int
    id: str
    path: str


class Spans:
    """Numbers of lines, from 1, as spans without gaps: what they take is decided by the gaps, not by the lines."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        pairs = sorted(spans)
        self._firsts = [first for first, _ in pairs]
        self._lasts = [last for _, last in pairs]
        self._touched: set[int] = set()

    def add(self, first: int, last: int) -> None:
        """Put the lines from `first` to `last` in."""
        start = bisect_left(self._lasts, first - 1)
        stop = bisect_right(self._firsts, last + 1)
        if start < stop:
            self._touched.update(self._firsts[start:stop])
            first = min(first, self._firsts[start])
            last = max(last, self._lasts[stop - 1])
        self._firsts[start:stop] = [first]
        self._lasts[start:stop] = [last]
        self._touched.add(first)

    def discard(self, line: int) -> None:
        """Take a line out, if it is in."""
        place = self._place_of(line)
        if place is None:
            return
        first, last = self._firsts[place], self._lasts[place]
        rest = [(one, other) for one, other in ((first, line - 1), (line + 1, last)) if one <= other]
        self._firsts[place : place + 1] = [one for one, _ in rest]
        self._lasts[place : place + 1] = [other for _, other in rest]
        self._touched.update((first, line + 1))

    def unbroken(self, first: int) -> int:
        """Return the last of the lines that are in without a gap from `first` on; the line before, if that is out."""
        place = self._place_of(first)
        return first - 1 if place is None else self._lasts[place]

    def changes(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Return, since the last time, the first lines of spans that are no more, and the spans that are new or other."""
        now = {first: place for first in self._touched if (place := self._start(first)) is not None}
        gone = [first for first in self._touched if first not in now]
        self._touched.clear()
        return gone, [(first, self._lasts[place]) for first, place in now.items()]

    def _start(self, first: int) -> int | None:
        place = bisect_left(self._firsts, first)
        return place if place < len(self._firsts) and self._firsts[place] == first else None

    def _place_of(self, line: int) -> int | None:
        place = bisect_right(self._firsts, line) - 1
        return place if place >= 0 and line <= self._lasts[place] else None

    def __contains__(self, line: int) -> bool:
        return self._place_of(line) is not None

    def __iter__(self) -> Generator[tuple[int, int]]:
        yield from zip(self._firsts, self._lasts, strict=True)


@dataclass(slots=True)
class Change:
    """What one transaction puts down.

    Attributes:
        sent: lines whose requests are about to leave.
        settled: lines whose marks as sent are void.
        aside: lines that ended other than well, and how.
        recalled: lines that are set aside no longer.
        gone: first lines of spans of ended lines that are no more.
        spans: of ended lines, new or other.
        facts: by name.
    """

    sent: list[Sent] = field(default_factory=list[Sent])
    settled: list[int] = field(default_factory=list[int])
    aside: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    recalled: list[int] = field(default_factory=list[int])
    gone: list[int] = field(default_factory=list[int])
    spans: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Journal:
    """A journal, open in this process and in no other. Every method may block: call them in a worker thread, one at a time.

    What is committed survives the end of the process, however it comes. If the computer itself goes down, the last commits
    may be lost, unless `is_durable`: then each commit waits for the disk.

    Raises:
        JournalError: another process uses the file, it is none of ours, or it cannot be read or written.
    """

    def __init__(self, path: str | Path, *, is_durable: bool = False) -> None:
        self._path = path
        with self._told():
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with self._told():
                self._begin(is_durable=is_durable)
        except BaseException:
            self._connection.close()
            raise

    def facts(self) -> dict[str, Any]:
        """Return what is known of the job, by name; nothing of a new one."""
        return {name: from_json(value) for name, value in self._rows("SELECT name, value FROM facts")}

    def ended(self) -> Spans:
        """Return the lines that have ended."""
        return Spans(self._rows("SELECT first, last FROM ended"))

    def sent(self) -> list[Sent]:
        """Return the lines whose requests may have left, and whose outcome nobody has put down, in order."""
        return [Sent(*row) for row in self._rows("SELECT line, id, path FROM sent ORDER BY line")]

    def aside(self, outcome: str) -> list[int]:
        """Return the lines that are set aside with this outcome, in order."""
        return [line for (line,) in self._rows("SELECT line FROM aside WHERE outcome = ? ORDER BY line", outcome)]

    def commit(self, change: Change) -> None:
        """Put everything down, or nothing.

        Raises:
            JournalError: it cannot be written.
        """
        facts = [(name, to_json(value).decode()) for name, value in change.facts.items()]
        with self._told(), self._transaction("IMMEDIATE"):
            for statement, rows in (
                ("INSERT OR REPLACE INTO sent VALUES (?, ?, ?)", change.sent),
                ("DELETE FROM sent WHERE line = ?", [(line,) for line in change.settled]),
                ("DELETE FROM aside WHERE line = ?", [(line,) for line in change.recalled]),
                ("INSERT OR REPLACE INTO aside VALUES (?, ?)", change.aside),
                ("DELETE FROM ended WHERE first = ?", [(first,) for first in change.gone]),
                ("INSERT OR REPLACE INTO ended VALUES (?, ?)", change.spans),
                ("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts),
            ):
                if rows:
                    self._connection.executemany(statement, rows)

    def close(self) -> None:
        """Close the file; another process may use it then. Closing twice does nothing."""
        self._connection.close()

    def _begin(self, *, is_durable: bool) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        with self._transaction("EXCLUSIVE"):  # and so it stays ours to the end
            (application,) = run("PRAGMA application_id").fetchone()
            (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
            if application != _APPLICATION:
                if application or tables:
                    raise JournalError(f"{self._path} is a database of another program: name another journal")
                for statement in _SCHEMA:
                    run(statement)
        # A commit is then one write to the end of a file. Where the file system cannot do it, SQLite does without.
        run("PRAGMA journal_mode=WAL")
        run(f"PRAGMA synchronous={'FULL' if is_durable else 'NORMAL'}")

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._told():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, kind: str) -> Generator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(_reason(self._path, error)) from error


def _reason(path: str | Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"{path} is in use by another run: wait for its end, or stop it"
    if name.startswith("SQLITE_NOTADB"):
        return f"{path} is no journal: name another file, or remove it"
    if name.startswith("SQLITE_CANTOPEN"):
        return f"{path} cannot be opened as a journal: is {Path(path).absolute().parent} a folder that you may write to?"
    return f"{path} cannot be used: {error}"
