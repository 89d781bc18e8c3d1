"""Where a download goes: a path, an open file, memory. Knows how a file comes to be whole at once, and how a part of it is
kept for the next attempt; knows no request.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import secrets
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeVar

import anyio.to_thread

from aioliferay.errors import AnswerTooLargeError, NoAnswerError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
_BUFFERED: Final = 256 * 1024  # bytes: a thread costs more than a write
_MAGIC: Final = b"\naioliferay part\n"
_LONGEST_NOTE: Final = 16 * 1024
_LONGEST_NAME: Final = 200  # bytes, of the 255 that most file systems allow
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Part:
    """What there is of a file: `size` bytes of that state of it which `validator` names; `total` bytes if it is known."""

    url: str
    validator: str
    size: int
    total: int | None = None


class Writable(Protocol):
    """What `to=` takes besides paths: a file opened for writing bytes, or an object whose `write` is asynchronous."""

    def write(self, data: bytes, /) -> object:
        """Write the next bytes; if it returns a number, that many of them."""
        ...


class Target(Protocol):
    """Takes the bytes of one download.

    Attributes:
        size: bytes that it has.
    """

    size: int

    async def open(self, url: str) -> Part | None:
        """Get ready; return what is there already."""
        ...

    async def restart(self, total: int | None) -> None:
        """Throw away what is there; `total` bytes will come, if that is known.

        Raises:
            LiferayError: that cannot be.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Take the next bytes."""
        ...

    async def finish(self) -> None:
        """Be whole."""
        ...

    def abandon(self, part: Part | None) -> None:
        """Give up, at once; keep the part, if there is one. Does nothing after `finish`."""
        ...


class MemoryTarget:
    """Keeps a file of at most `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = io.BytesIO()
        self.size = 0

    async def open(self, url: str) -> None:
        """Do nothing: nothing is there."""

    async def restart(self, total: int | None) -> None:
        """Empty it."""
        self._check(total or 0)
        self._data = io.BytesIO()
        self.size = 0

    async def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._check(self.size + len(data))
        self._data.write(data)
        self.size += len(data)

    def _check(self, size: int) -> None:
        if size > self._most:
            raise AnswerTooLargeError(
                f"the file is larger than {self._most} bytes, which is what is kept in memory: give a path as to=, or raise "
                "limits=BatchLimits(max_answer_bytes=...)"
            )

    async def finish(self) -> None:
        """Do nothing."""

    def abandon(self, part: Part | None) -> None:
        """Do nothing."""

    @property
    def content(self) -> bytes:
        """What was downloaded."""
        return self._data.getvalue()


class FileTarget:
    """A file that the caller has opened, and closes; `write` may be asynchronous. From where it stands."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._is_async = inspect.iscoroutinefunction(file.write)
        self._start: int | None = None
        self.size = 0

    async def open(self, url: str) -> None:  # noqa: ARG002 - a target is told
        """Note where it stands."""
        if not self._is_async:
            with suppress(OSError, ValueError, AttributeError):  # it knows no places
                self._start = self._file.tell() if self._file.seekable() else None

    async def restart(self, total: int | None) -> None:  # noqa: ARG002 - a target is told
        """Go back to where it stood."""
        if not self.size:
            return
        if self._start is None:
            raise NoAnswerError("the download broke off, and what was written to the file cannot be taken back")
        await anyio.to_thread.run_sync(self._rewind, self._start)
        self.size = 0

    def _rewind(self, start: int) -> None:
        self._file.seek(start)
        self._file.truncate()

    async def write(self, data: bytes) -> None:
        """Write the next bytes."""
        if self._is_async:
            await self._file.write(data)
        else:
            await anyio.to_thread.run_sync(self._written, data)
        self.size += len(data)

    def _written(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = self._file.write(view)
            if count is None and isinstance(self._file, io.RawIOBase):
                raise BlockingIOError("the file is non-blocking, and takes nothing just now")
            view = view[len(view) if count is None else count :]

    async def finish(self) -> None:
        """Do nothing: it is the caller's."""

    def abandon(self, part: Part | None) -> None:
        """Do nothing: it is the caller's."""


class PathTarget:
    """A file that appears whole, or not at all.

    What comes is written beside it, under a name of its own. Given up, it is renamed to a name that the next attempt finds,
    with a note behind the bytes of which file they are a part; whoever renames it back has it for himself.
    """

    def __init__(self, path: Path, *, is_resuming: bool) -> None:
        self.path = path
        self._is_resuming = is_resuming
        self._working = _beside(path, f"{secrets.token_hex(4)}.part")
        self._kept = _beside(path, "partial")
        self._file: BinaryIO | None = None
        self._buffer = bytearray()
        # A task of asyncio's that is cancelled by itself, without anyio, does not wait for its thread.
        self._lock = threading.Lock()
        self._is_over = False
        self.size = 0

    async def open(self, url: str) -> Part | None:
        """Make the file beside it, or take one that an earlier attempt left.

        Raises:
            OSError: neither can be.
        """
        return await self._in_thread(self._open, url)

    async def _in_thread(self, step: Callable[..., T], *given: object) -> T:
        def locked() -> T:
            with self._lock:
                if self._is_over:
                    raise NotSentError("the download is over")
                return step(*given)

        return await anyio.to_thread.run_sync(locked)

    def _open(self, url: str) -> Part | None:
        if self.path.is_dir():
            raise IsADirectoryError(f"{self.path} is a folder: name the file that is to be written")
        part = self._taken(url) if self._is_resuming else None
        if self._file is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
            self._file = os.fdopen(os.open(self._working, flags, 0o666), "r+b", buffering=0)
        self.size = part.size if part is not None else 0
        return part

    def _taken(self, url: str) -> Part | None:
        try:
            self._kept.rename(self._working)
        except OSError:  # mostly: there is none
            return None
        try:
            self._file = file = os.fdopen(os.open(self._working, os.O_RDWR | _NO_FOLLOW), "r+b", buffering=0)
            part = _note_of(file)
            if part is not None and part.url == url:
                file.truncate(part.size)
                file.seek(part.size)
                return part
        except (OSError, ValueError, KeyError, TypeError):
            pass  # whatever it is, it is no part of this file
        self._discard()
        return None

    async def restart(self, total: int | None) -> None:  # noqa: ARG002 - a target is told
        """Empty it."""
        self._buffer.clear()
        self.size = 0
        await self._in_thread(self._empty)

    def _empty(self) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    async def write(self, data: bytes) -> None:
        """Take the next bytes; they are written when there are enough."""
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= _BUFFERED:
            await self._in_thread(self._flush)

    def _flush(self) -> None:
        while self._buffer and self._file is not None:
            count = self._file.write(self._buffer)
            del self._buffer[:count]

    async def finish(self) -> None:
        """Put it in the place of whatever was there."""
        await self._in_thread(self._finish)

    def _finish(self) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()
            self._working.replace(self.path)
            self._file = None
            self._kept.unlink(missing_ok=True)  # a part of an older state

    def abandon(self, part: Part | None) -> None:
        """Rename it so that the next attempt finds it, or remove it. Without a thread: no cancellation gets between."""
        with self._lock:
            self._is_over = True
            if self._file is not None:
                self._abandon(self._file, part)

    def _abandon(self, file: BinaryIO, part: Part | None) -> None:
        try:
            if part is not None and self._is_resuming and not file.closed:
                self._flush()
                file.write(_note(part))
                file.close()
                self._working.replace(self._kept)
                return
        except OSError:
            pass  # then there is nothing to continue
        self._discard()

    def _discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        with suppress(OSError):
            self._working.unlink(missing_ok=True)


def _beside(path: Path, ending: str) -> Path:
    name = path.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return path.with_name(f".{name}.{ending}")


def _note(part: Part) -> bytes:
    told = {"url": part.url, "validator": part.validator, "size": part.size, "total": part.total}
    data = json.dumps(told).encode()
    return data + len(data).to_bytes(4) + _MAGIC


def _note_of(file: BinaryIO) -> Part | None:
    """Read the note at the end of a file; None if nobody but this user can have written it there, or there is none."""
    status = os.fstat(file.fileno())
    is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    end = len(_MAGIC) + 4
    if not (stat.S_ISREG(status.st_mode) and is_own) or status.st_size < end:
        return None
    file.seek(status.st_size - end)
    tail = file.read(end)
    length = int.from_bytes(tail[:4])
    if tail[4:] != _MAGIC or not 0 < length <= min(_LONGEST_NOTE, status.st_size - end):
        return None
    file.seek(status.st_size - end - length)
    told = json.loads(file.read(length))
    part = Part(str(told["url"]), str(told["validator"]), int(told["size"]), told["total"])
    is_sound = part.size == status.st_size - end - length and isinstance(part.total, int | None) and part.size > 0
    return part if is_sound and part.validator.isascii() and part.validator.isprintable() else None
