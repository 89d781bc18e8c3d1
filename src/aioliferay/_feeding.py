"""The input of a job, read block by block, and its commands, one after another. Knows which lines ended in earlier runs;
does not know what becomes of the others.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

import anyio
import anyio.to_thread

from aioliferay._core import codec
from aioliferay._lines import INVALID, BadLine, LineCommand
from aioliferay._recording import STANDARD
from aioliferay.errors import LiferayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aioliferay._recording import Recorder

_BLOCK: Final = 131_072
_WINDOW: Final = 4096  # bytes that tell one input from another


class JobError(LiferayError):
    """The job cannot be run as it is: the text says why, and what to do."""


class Reader(Protocol):
    """Makes commands of blocks of bytes: `JsonLines`, `CsvLines`. `columns`: of CSV, as soon as they are known."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def feed(self, block: bytes) -> Iterator[LineCommand | BadLine]:
        """Yield what ends in the block."""
        ...

    def finish(self) -> Iterator[LineCommand | BadLine]:
        """Yield what is left."""
        ...


class Source:
    """The bytes of a job's input: a file, or a part of it, or standard input.

    Raises:
        JobError: it cannot be opened.
    """

    def __init__(self, path: str, start: int = 0, end: int | None = None) -> None:
        self.path = path
        self._start = start
        self._end = end
        self._next = start
        self._file = None
        if path != STANDARD:
            try:
                self._file = Path(path).open("rb")  # noqa: SIM115 - `close` closes it
                self._file.seek(start)
            except OSError as error:
                raise JobError(f"{path} cannot be read: {error.strerror or error}") from error

    @property
    def size(self) -> int | None:
        """Bytes up to the end of the part; None if nobody knows. It grows with the file."""
        if self._file is None:
            return None
        size = os.fstat(self._file.fileno()).st_size
        return size if self._end is None else min(size, self._end)

    def seek(self, offset: int) -> None:
        """Read from there on."""
        if self._file is not None:
            self._file.seek(offset)
            self._next = offset

    async def read(self) -> bytes:
        """Return the next bytes, as many as are there at once; none at the end.

        Raises:
            JobError: it cannot be read.
        """
        try:
            block = await (_standard_block() if self._file is None else anyio.to_thread.run_sync(self._block))
        except OSError as error:
            raise JobError(f"{self.path} cannot be read: {error.strerror or error}") from error
        self._next += len(block)
        return block

    def digest(self, offset: int) -> str:
        """Return what tells the bytes before an offset from others, by the first and the last of them; it blocks."""
        told = hashlib.blake2b(digest_size=16)
        with Path(self.path).open("rb") as file:
            for first in (self._start, max(self._start, offset - _WINDOW)):
                file.seek(first)
                told.update(file.read(min(_WINDOW, offset - first)))
        return told.hexdigest()

    def close(self) -> None:
        """Close the file, but not standard input."""
        if self._file is not None:
            self._file.close()

    def _block(self) -> bytes:
        if self._file is None or (self._end is not None and self._next >= self._end):
            return b""
        return self._file.read(_BLOCK if self._end is None else min(_BLOCK, self._end - self._next))


async def _standard_block() -> bytes:
    descriptor = sys.stdin.fileno()
    with suppress(OSError, NotImplementedError):  # a file, which makes nobody wait
        await anyio.wait_readable(descriptor)  # a thread that waits could not be stopped
    return await anyio.to_thread.run_sync(os.read, descriptor, _BLOCK, abandon_on_cancel=True)


class Feed:
    """The commands of a job that have not ended, as an asynchronous iterator: no generator, which might be left half-way.

    Args:
        source: where the bytes come from.
        reader: what makes commands of them.
        recorder: is told of lines that are no commands, and of those that are handed out.
        is_strict: whether a line that is no command is the end.
        on_bad: called for each of these.

    Attributes:
        taken: how many lines were taken, also of those that are no commands.
        offset: bytes of the input up to the end of the last of them.
        failure: why the input could not be read to its end; None if it was, or will be.
        refused: which line was the end because it is no command; "" if none was.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        recorder: Recorder,
        *,
        is_strict: bool = False,
        on_bad: Callable[[BadLine], object] = lambda _: None,
    ) -> None:
        self.taken = 0
        self.offset = 0
        self.failure: JobError | None = None
        self.refused = ""
        self._source = source
        self._reader = reader
        self._recorder = recorder
        self._is_strict = is_strict
        self._on_bad = on_bad
        self._ready: Iterator[LineCommand | BadLine] = iter(())
        self._is_last = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LineCommand:
        try:
            while not self.refused:
                for each in self._ready:
                    if self._is_wanted(each) and isinstance(each, LineCommand):
                        return each
                    if self.refused:
                        break
                    if self._recorder.is_full:
                        await self._recorder.flush()
                else:
                    await self._read_on()
        except ValueError as error:
            self.failure = JobError(f"{self._source.path} cannot be read: {error}")
        except JobError as error:
            self.failure = error
        raise StopAsyncIteration

    async def _read_on(self) -> None:
        if self._is_last:
            raise StopAsyncIteration
        block = await self._source.read()
        self._is_last = not block
        self._ready = self._reader.feed(block) if block else self._reader.finish()

    def _is_wanted(self, each: LineCommand | BadLine) -> bool:
        place = each.place
        if place.line in self._recorder.ended:
            self._recorder.skip(place)
            self._recorder.note(place)
            return False
        reason = each.reason if isinstance(each, BadLine) else _misfit(each) if self._is_strict else ""
        if reason and self._is_strict:
            self.refused = f"{_where(each)} of {self._source.path} is no command that can be sent: {reason}"
            return False
        self.taken += 1
        self.offset = place.end
        self._recorder.columns = self._reader.columns
        self._recorder.note(place)
        if isinstance(each, BadLine):
            self._recorder.set_aside(each, INVALID, reason)
            self._on_bad(each)
        return True


def _where(each: LineCommand | BadLine) -> str:
    first, last = each.place.line, each.place.last
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _misfit(command: LineCommand) -> str:
    """Return why a command cannot be sent; "" if it can."""
    try:
        codec.command(command.path, command.params, select=command.select, idempotent=command.idempotent)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""
