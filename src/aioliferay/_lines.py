"""Commands in lines of NDJSON or CSV, and results in lines. Knows text and where its lines are; reads no file and asks no
portal.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pydantic_core import from_json, to_json

from aioliferay._core.codec import is_read_by_name
from aioliferay._core.naming import nearest
from aioliferay._supply import StreamCommand
from aioliferay._templates import Template
from aioliferay.errors import NoAnswerError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aioliferay.errors import LiferayError

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes: a longer line is a bad one, and is not held in memory."""
LONGEST_FIELD: Final = 1024 * 1024
"""Characters of a field of CSV: where a quote is never closed, reading goes on behind so many."""
INVALID: Final = "invalid"
"""The outcome of a line that is no command: nothing was sent, and nothing can be."""

_TOO_LONG: Final = f"it is longer than {LONGEST_LINE:,} bytes"
_KEYS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {  # types, and what is wrong with a value of another
    "path": ((str,), "is no text"),
    "params": ((dict,), 'are no object, such as {"userId": 20199}'),
    "id": ((str, int, float), "is neither text, number, true, false nor null"),
    "select": ((list,), 'is no list of names, such as ["userId"]'),
    "idempotent": ((bool,), "is neither true nor false"),
    "is_read": ((bool,), "is neither true nor false"),
}
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_PLACE: Final = re.compile(r" at line 1 column (\d+)$")


class Place(NamedTuple):
    """Where a command stands in its input.

    Attributes:
        first: number of the first line behind the command before: blank lines and a header go with the command that follows.
        line: number of the line where it begins, from 1.
        last: number of the line where it ends.
        end: bytes of the input up to there.
    """

    first: int
    line: int
    last: int
    end: int


@dataclass(frozen=True, slots=True)
class LineCommand(StreamCommand):
    """A command, where it stands, and the id that its author gave it."""

    place: Place = Place(0, 0, 0, 0)  # noqa: RUF009 - frozen
    id: Any = None

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again though it may have run: a read, or declared idempotent."""
        return bool(self.idempotent or self.is_read)


class BadLine(NamedTuple):
    """A line that is no command: where it stands, what is wrong, and the id, as far as it can be read."""

    place: Place
    reason: str
    id: Any = None


class RawLine(NamedTuple):
    """A line as it stands: its number, bytes of the input up to its end, its content; None if that is too long."""

    number: int
    end: int
    content: bytes | None


class Splitter:
    """Cuts blocks of bytes into lines; `number` and `offset`: lines and bytes that come before.

    Raises:
        ValueError: the input begins as UTF-16 does.
    """

    def __init__(self, number: int = 0, offset: int = 0) -> None:
        self._number = number
        self._end = offset
        self._is_start = offset == 0
        self._rest: list[bytes] = []
        self._length = 0  # of the rest, also of what was not kept

    def feed(self, block: bytes) -> list[RawLine]:
        """Return the lines that end in the block."""
        first, *others = block.split(b"\n")
        self._keep(first)
        if not others:
            return []
        lines = [self._taken(1)]
        last = others.pop()
        for content in others:
            self._end += len(content) + 1
            self._number += 1
            lines.append(RawLine(self._number, self._end, content if len(content) <= LONGEST_LINE else None))
        self._keep(last)
        return lines

    def finish(self) -> list[RawLine]:
        """Return the last line, if nothing ends it."""
        return [self._taken(0)] if self._length else []

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length <= LONGEST_LINE:
            self._rest.append(piece)
        else:
            self._rest.clear()

    def _taken(self, line_end: int) -> RawLine:
        content = b"".join(self._rest) if self._length <= LONGEST_LINE else None
        self._end += self._length + line_end
        self._number += 1
        self._rest.clear()
        self._length = 0
        if self._is_start:
            self._is_start = False
            if content is not None and content.startswith(_UTF16_MARKS):
                raise ValueError("it is UTF-16: save it as UTF-8")
            content = None if content is None else content.removeprefix(_UTF8_MARK)
        return RawLine(self._number, self._end, content)


class JsonLines:
    """Reads commands in NDJSON, block by block. `number` and `offset` as for `Splitter`."""

    columns: tuple[str, ...] = ()

    def __init__(self, number: int = 0, offset: int = 0) -> None:
        self._lines = Splitter(number, offset)
        self._behind = number + 1

    def feed(self, block: bytes) -> Iterator[LineCommand | BadLine]:
        """Yield the commands that end in the block, and the lines that are none.

        Raises:
            ValueError: the input is no text in UTF-8 at all.
        """
        return self._read(self._lines.feed(block))

    def finish(self) -> Iterator[LineCommand | BadLine]:
        """Yield what the last line is, if nothing ends it."""
        return self._read(self._lines.finish())

    def _read(self, lines: Iterable[RawLine]) -> Iterator[LineCommand | BadLine]:
        for number, end, content in lines:
            if content is not None and not content.strip():
                continue
            place = Place(self._behind, number, number, end)
            self._behind = number + 1
            yield BadLine(place, _TOO_LONG) if content is None else _from_json(content, place)


class CsvLines:
    """Reads commands in CSV, block by block: a template makes one of each record. The first record is the header.

    `columns` are those of a header that stands elsewhere; `number` and `offset` as for `Splitter`.
    """

    def __init__(
        self, template: str, *, delimiter: str = ",", columns: tuple[str, ...] = (), number: int = 0, offset: int = 0
    ) -> None:
        # It is for the whole process; to lower it would harm others.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
        self.columns = columns
        self._text = template
        self._template = Template(template, columns) if columns else None
        self._lines = Splitter(number, offset)
        self._behind = number + 1
        self._waiting: list[RawLine] = []
        self._next = 0
        self._is_last = False
        self._reader = csv.reader(self._texts(), delimiter=delimiter, strict=True)

    def feed(self, block: bytes) -> Iterator[LineCommand | BadLine]:
        """Yield the commands of the records that end in the block, and the records that make none.

        Raises:
            ValueError: the input is no text in UTF-8 at all, or the template does not fit the header.
        """
        self._waiting += self._lines.feed(block)
        yield from self._read()

    def finish(self) -> Iterator[LineCommand | BadLine]:
        """Yield what the last record is, if nothing ends it.

        Raises:
            ValueError: there is no header.
        """
        self._waiting += self._lines.finish()
        self._is_last = True
        yield from self._read()
        if self._template is None:
            raise ValueError("it has no header: the first line names the columns")

    def _read(self) -> Iterator[LineCommand | BadLine]:
        while True:
            start, row, reason = self._next, [], ""
            try:
                row = next(self._reader)
            except (_OutOfLinesError, StopIteration):
                del self._waiting[:start]
                self._next = 0
                return
            except csv.Error as error:
                reason = f"it is no CSV: {error}"
            except _LineTooLongError:
                reason = _TOO_LONG
            record = self._waiting[start : self._next]
            reason = reason or _unreadable(row)
            if not (reason or "".join(row).strip()) and len(row) < 2:
                continue  # blank
            if self._template is None:
                self._begin(row, reason)
                continue
            place = Place(self._behind, record[0].number, record[-1].number, record[-1].end)
            self._behind = place.last + 1
            yield self._command(self._template, row, place, reason)

    def _begin(self, row: list[str], reason: str) -> None:
        if reason:
            raise ValueError(f"its header cannot be read: {reason}")
        self.columns = tuple(name.strip() for name in row)
        self._template = Template(self._text, self.columns)

    def _command(self, template: Template, row: list[str], place: Place, reason: str) -> LineCommand | BadLine:
        if not reason and len(row) != len(self.columns):
            reason = f"it has {len(row)} fields, and the header has {len(self.columns)}"
        if reason:
            return BadLine(place, reason)
        try:
            value = template.filled(row)
        except ValueError as error:
            return BadLine(place, str(error))
        return _from_value(value, place)

    def _texts(self) -> Iterator[str]:
        return _Texts(self)

    def next_text(self) -> str:
        """Return the next line for the reader of CSV."""
        if self._next == len(self._waiting):
            # A generator would be at its end after the first of these.
            raise StopIteration if self._is_last else _OutOfLinesError
        content = self._waiting[self._next].content
        self._next += 1
        if content is None:
            raise _LineTooLongError
        return f"{content.decode(errors='surrogateescape')}\n"


class _Texts(Iterator[str]):
    """The lines of a `CsvLines`, as far as there are any yet."""

    def __init__(self, lines: CsvLines) -> None:
        self._lines = lines

    def __next__(self) -> str:
        return self._lines.next_text()


class _OutOfLinesError(Exception):
    """The record goes on in the next block."""


class _LineTooLongError(Exception):
    """The record has a line that was not kept."""


def result_line(asked: LineCommand, result: object) -> bytes:
    """Return the line of results for a command that went well."""
    return to_json({"line": asked.place.line, "id": asked.id, "outcome": "ok", "result": result}) + b"\n"


def failure_line(asked: LineCommand | BadLine, outcome: str, error: LiferayError | str) -> bytes:
    """Return the line of results for a command that did not go well, or is none."""
    head: dict[str, Any] = {"line": asked.place.line, "id": asked.id, "outcome": outcome}
    if isinstance(asked, LineCommand):
        head["path"] = asked.path
    return to_json({**head, "error": _described(error)}) + b"\n"


class Ended(NamedTuple):
    """What a line of results tells of a line of the input."""

    line: int
    outcome: str


def ended(content: bytes) -> Ended:
    """Return what a line of results tells.

    Raises:
        ValueError: it is none.
    """
    value: Any = from_json(content)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - of the kind that is promised
    told = cast("dict[str, Any]", value)
    line, outcome = told.get("line"), told.get("outcome")
    if type(line) is not int or not isinstance(outcome, str):
        raise ValueError("it tells no line, or no outcome")
    return Ended(line, outcome)


def _described(error: LiferayError | str) -> dict[str, Any]:
    if isinstance(error, str):
        return {"type": "ValueError", "message": error}
    told: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ServerError):
        told["exception"] = error.exception
    if isinstance(error, NoAnswerError):
        told["is_timeout"] = error.is_timeout
    if error.status is not None:
        told["status"] = error.status
    return told


def _from_json(content: bytes, place: Place) -> LineCommand | BadLine:
    try:
        value: Any = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        return BadLine(place, f"it is no JSON: {_PLACE.sub(_character, str(error))}")
    return _from_value(value, place)


def _from_value(value: Any, place: Place) -> LineCommand | BadLine:
    if type(value) is not dict:
        return BadLine(place, 'it is no object, such as {"path": "/user/get-user-by-id", "params": {"userId": 20199}}')
    told = cast("dict[str, Any]", value)
    name = told.get("id")
    reason = _misfit(told)
    if reason:
        return BadLine(place, reason, name if _is_scalar(name) else None)
    path, idempotent, is_read = told["path"], told.get("idempotent"), told.get("is_read")
    # Said, and not left to the session: what is put down before a write leaves depends on it.
    is_read = (is_read_by_name(path) if is_read is None else is_read) and idempotent is not False
    return LineCommand(
        path,
        told.get("params"),
        select=told.get("select"),
        idempotent=idempotent,
        is_read=is_read,
        place=place,
        id=name,
    )


def _misfit(told: dict[str, Any]) -> str:
    """Return what keeps an object from being a command; "" if nothing does."""
    if unknown := next((key for key in told if key not in _KEYS), ""):
        meant = nearest(unknown, _KEYS)
        hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(_KEYS)}"
        return f"its key {unknown!r} means nothing: {hint}"
    for key, value in told.items():
        if not (value is None or isinstance(value, _KEYS[key][0])):
            return f"its {key} {_KEYS[key][1]}"
    names = cast("list[object]", told.get("select") or ())
    if not all(isinstance(name, str) for name in names):
        return f"its select {_KEYS['select'][1]}"
    if not _is_scalar(told.get("id")):
        return f"its id {_KEYS['id'][1]}"
    return "" if told.get("path") is not None else "it has no path"


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))


def _unreadable(row: list[str]) -> str:
    """Return why a record of CSV cannot be used though it was read; "" if it can."""
    is_text = not any("\ud800" <= letter <= "\udfff" for field in row for letter in field)
    return "" if is_text else "it is no text in UTF-8"


def _character(found: re.Match[str]) -> str:
    return f" at character {found[1]}"
