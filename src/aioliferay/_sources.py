"""What is uploaded: bytes, paths, open files, iterators, and the form that is made of them. Read piece by piece, in threads
where reading blocks. Knows no request.
"""

from __future__ import annotations

import inspect
import io
import os
import stat
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

import anyio
import anyio.to_thread

from aioliferay._core import multipart
from aioliferay._core.values import FilePath, UploadFile
from aioliferay.errors import CallbackError, NotSentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

T = TypeVar("T")


class Readable(Protocol):
    """A file opened for reading bytes, or an object whose `read` is asynchronous."""

    def read(self, size: int, /) -> bytes | Awaitable[bytes] | None:
        """Return at most `size` bytes; nothing at the end."""
        ...


FileLike = UploadFile | bytes | bytearray | memoryview | FilePath | Readable | AsyncIterable[bytes]
Progress = Callable[[int, int | None], object]
_PIECE: Final = 64 * 1024  # bytes that go out at once
_READ: Final = 4 * _PIECE  # bytes that are read at once: a thread costs more than a read
_LINE_END: Final = b"\r\n"
_LAST_SECONDS: Final = 2.0


class Source(Protocol):
    """The content of one file.

    Attributes:
        size: bytes that are left to read, once it is open; None if nobody knows.
        is_rereadable: whether it can be read again from its beginning.
    """

    size: int | None
    is_rereadable: bool

    async def open(self) -> None:
        """Get ready; a second time, begin again. The size stays: it was announced."""
        ...

    async def read(self) -> bytes:
        """Return some bytes; nothing at the end."""
        ...

    async def aclose(self) -> None:
        """Close what was opened here."""
        ...


class _Bytes:
    is_rereadable = True

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0
        self.size: int | None = len(content)

    async def open(self) -> None:
        self._place = 0

    async def read(self) -> bytes:
        data = self._content[self._place : self._place + _PIECE]
        self._place += len(data)
        return data

    async def aclose(self) -> None:
        pass


class _Path:
    """A file that is opened as late as it is sent."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: io.FileIO | None = None
        self._is_closed = False
        self.size: int | None = None
        self.is_rereadable = True

    async def open(self) -> None:
        if self._file is None:
            await anyio.to_thread.run_sync(self._open)
        else:
            await anyio.to_thread.run_sync(self._file.seek, 0)

    def _open(self) -> None:
        self._file = io.FileIO(self._path)
        status = os.fstat(self._file.fileno())
        self.is_rereadable = stat.S_ISREG(status.st_mode)  # and no pipe
        self.size = status.st_size if self.is_rereadable else None
        if self._is_closed:  # meanwhile: asyncio, where its own cancellation strikes, does not wait for threads
            self._file.close()

    async def read(self) -> bytes:
        return b"" if self._file is None else _checked(await anyio.to_thread.run_sync(self._file.read, _READ))

    async def aclose(self) -> None:
        self._is_closed = True
        if self._file is not None:
            self._file.close()


class _File:
    """A file that the caller has opened, and closes; from where it stands."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._is_async = inspect.iscoroutinefunction(file.read)
        self._start: int | None = None
        self._is_open = False
        self.size: int | None = None
        self.is_rereadable = False

    async def open(self) -> None:
        if self._is_open:
            await anyio.to_thread.run_sync(self._file.seek, self._start)
        elif not self._is_async:
            with suppress(OSError, ValueError, AttributeError, TypeError):  # it knows no places, or not its end
                await anyio.to_thread.run_sync(self._measure)
        self._is_open = True

    def _measure(self) -> None:
        file = self._file
        if not file.seekable():
            return
        start: int = file.tell()
        try:
            self.size = max(0, file.seek(0, os.SEEK_END) - start)
        finally:
            file.seek(start)
            self._start = start
            self.is_rereadable = True

    async def read(self) -> bytes:
        if self._is_async:
            return _checked(await self._file.read(_READ))
        # Who cancels need not wait for what comes out of a pipe. A file on disk may be used again, and so is waited for.
        is_pipe = not self.is_rereadable
        return _checked(await anyio.to_thread.run_sync(self._file.read, _READ, abandon_on_cancel=is_pipe))

    async def aclose(self) -> None:
        pass


class _Iterator:
    """An iterator of bytes. It is closed, if it was begun: it cannot be used again."""

    size: int | None = None
    is_rereadable = False

    def __init__(self, content: AsyncIterable[bytes]) -> None:
        self._content = content
        self._iterator: AsyncIterator[bytes] | None = None

    async def open(self) -> None:
        pass

    async def read(self) -> bytes:
        self._iterator = self._iterator or aiter(self._content)
        async for data in self._iterator:
            if checked := _checked(data):
                return checked
        return b""

    async def aclose(self) -> None:
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            with suppress(Exception):  # its own failure, at its end, changes nothing here
                await close()


def _checked(data: object) -> bytes:
    if data is None:
        raise BlockingIOError("it is non-blocking, and has nothing to read just now")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"it gives {type(data).__name__}, not bytes")
    return bytes(cast("bytes", data))


def source_of(content: object, where: str) -> tuple[Source, str | None]:
    """Return the source that a content means, and the name that it has by itself.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if isinstance(content, bytes | bytearray | memoryview):
        return _Bytes(bytes(cast("bytes", content))), None
    if hasattr(content, "__fspath__"):
        path = os.fsdecode(cast("FilePath", content))
        return _Path(path), os.fsencode(os.path.basename(path)).decode("utf-8", "replace")  # noqa: PTH119 - bytes paths too
    if callable(getattr(content, "read", None)):
        if isinstance(content, io.TextIOBase):
            raise TypeError(f"{where}: the file was opened as text: open it with mode 'rb'")
        name = getattr(content, "name", None)
        return _File(content), os.path.basename(name) if isinstance(name, str) else None  # noqa: PTH119 - it may be no path
    if isinstance(content, AsyncIterable):
        return _Iterator(cast("AsyncIterable[bytes]", content)), None
    hint = ": a path is given as pathlib.Path(...), text as bytes" if isinstance(content, str) else ""
    raise TypeError(
        f"{where}: what is uploaded is bytes, a path, a file opened for reading bytes, an asynchronous iterator of bytes, "
        f"or an UploadFile of one of these, not {type(content).__name__}{hint}"
    )


class Form:
    """The body of an upload: the fields, then the files. Sent piece by piece, and `progress` told what has gone out.

    Attributes:
        size: bytes in all, once it is open; None if nobody knows.
        sent: bytes that have gone out.
        is_whole: whether its end was handed over: before that, the portal runs nothing.
    """

    def __init__(self, path: str, fields: Sequence[tuple[str, str]], *, boundary: str, progress: Progress | None) -> None:
        self._path = path
        self._boundary = boundary
        self._head = b"".join([multipart.field(boundary, name, value) for name, value in fields])
        self._tail = multipart.closing(boundary)
        self._files: list[tuple[str, bytes, Source]] = []
        self._progress = progress
        self._queue: deque[memoryview | _Content] = deque()
        self._is_begun = False
        self._handed = 0
        self.size: int | None = None
        self.sent = 0
        self.is_whole = False

    def add(self, name: str, file: FileLike) -> None:
        """Add a file.

        Raises:
            TypeError, ValueError: it cannot be sent.
        """
        where = f"{self._path}: file {name!r}"
        given = file if isinstance(file, UploadFile) else UploadFile(cast("Any", file))
        for told in (given.filename, given.content_type):
            if told is not None and not isinstance(told, str):
                raise TypeError(f"{where}: its name and its type are text, not {type(told).__name__}")
        multipart.check_content_type(given.content_type, where)
        source, own = source_of(given.content, where)
        filename = given.filename or own or name
        head = multipart.file_head(self._boundary, name, filename=filename, content_type=given.content_type)
        self._files.append((name, head, source))

    @property
    def content_type(self) -> str:
        """The header of the request."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def may_go_again(self) -> bool:
        """Whether the same body can be sent once more."""
        return not self._is_begun or all(source.is_rereadable for _, _, source in self._files)

    async def open(self) -> None:
        """Open what is to be opened, or begin again with it, and count.

        Raises:
            NotSentError: a file cannot be read.
        """
        size: int | None = len(self._head) + len(self._tail)
        for name, head, source in self._files:
            await self._reading(name, source.open)
            size = None if size is None or source.size is None else size + len(head) + source.size + len(_LINE_END)
        self.size = size

    def restart(self) -> None:
        """Begin, perhaps again.

        Raises:
            NotSentError: it cannot be read twice.
        """
        if not self.may_go_again:
            text = "it would have to be sent again, and its content can be read once only: give bytes, a path, or a file"
            raise NotSentError(text, path=self._path)
        self._queue.clear()
        self.sent = self._handed = 0
        self.is_whole = False

    async def next(self) -> bytes:
        """Return the next piece; nothing at the end."""
        await self._tell()
        if not self._handed:
            await self._begin()
        data = await self._piece()
        self._handed += len(data)
        return data

    async def _begin(self) -> None:
        if self._is_begun:
            await self.open()
        self._is_begun = True
        self._queue.append(memoryview(self._head))
        for name, head, source in self._files:
            self._queue += [memoryview(head), _Content(name, source), memoryview(_LINE_END)]
        self._queue.append(memoryview(self._tail))

    async def _piece(self) -> bytes:
        while self._queue:
            first = self._queue.popleft()
            if isinstance(first, _Content):
                data = await self._reading(first.name, first.read)
                if data:
                    self._queue.appendleft(first)
                first = memoryview(data)
            if len(first) > _PIECE:
                self._queue.appendleft(first[_PIECE:])
            if first:
                self.is_whole = not self._queue
                return bytes(first[:_PIECE])
        return b""

    async def _reading(self, name: str, step: Callable[[], Awaitable[T]]) -> T:
        try:
            return await step()
        except Exception as error:
            text = f"the content of file {name!r} cannot be read: {type(error).__name__}: {error}"
            raise NotSentError(text, path=self._path) from error

    async def _tell(self) -> None:
        if self.sent != self._handed:
            self.sent = self._handed
            await report(self._progress, self.sent, self.size, path=self._path)

    async def aclose(self) -> None:
        """Close what was opened here; an iterator that was begun has two seconds for its own end."""
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            for _, _, source in self._files:
                await source.aclose()


class _Content:
    """The content of a file in the queue of a form: as many bytes as were counted."""

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self._source = source
        self._left = source.size

    async def read(self) -> bytes:
        data = await self._source.read()
        if self._left is None:
            return data
        if not data and self._left:
            raise EOFError(f"it became shorter while it was sent: {self._left} bytes are missing")
        data = data[: self._left]
        self._left -= len(data)
        return data


async def report(progress: Progress | None, done: int, total: int | None, *, path: str) -> None:
    """Tell a callback how far something is.

    Raises:
        CallbackError: it raised.
    """
    if progress is None:
        return
    try:
        result = progress(done, total)
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        text = f"the progress callback raised {type(error).__name__}: {error}"
        raise CallbackError(text, path=path) from error
