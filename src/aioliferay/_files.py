"""The part of a session that moves files: uploads as calls of their own, and downloads. Never in a batch."""

from __future__ import annotations

import io
import math
import os
import re
import secrets
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack, cast, overload
from urllib.parse import urldefrag, urlsplit

import anyio

from aioliferay._calling import checked_timeout, make_call
from aioliferay._core import multipart
from aioliferay._core.codec import is_plain_name
from aioliferay._core.downloads import filename_of
from aioliferay._core.messages import NotSent, RawParams
from aioliferay._core.values import UploadFile
from aioliferay._discovery import Explorer
from aioliferay._downloads import Asker, Download, Fetch
from aioliferay._exchange import UnderWay
from aioliferay._queue import NEVER_BEGAN
from aioliferay._sources import FileLike, Form, Progress
from aioliferay._targets import FileTarget, MemoryTarget, PathTarget
from aioliferay._uploads import LONGEST_PAUSE, Upload, UploadCall
from aioliferay.errors import ClosedError, NoAnswerError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._core.messages import Command
    from aioliferay._core.values import FilePath
    from aioliferay._services import Door
    from aioliferay._targets import Writable
    from aioliferay._tasks import BackgroundTasks

    Destination = str | FilePath | Writable

T = TypeVar("T")
_SERVICES: Final = "/api/jsonws"
_BUILD: Final = "/portal/get-build-number"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class UploadOptions(TypedDict, total=False):
    """What `Session.upload` takes besides the parameters of the service."""

    files: Mapping[str, FileLike]
    """Contents by the names of parameters: bytes, paths, files opened for reading bytes, asynchronous iterators of bytes, or
    `UploadFile`s of these, which have a name and a type."""
    timeout: float | None
    """Seconds from now for the whole upload. None: as long as something moves at least every 60 seconds."""
    progress: Progress | None
    """Called with the bytes that have gone out, and how many there are in all, or None."""


class DownloadOptions(TypedDict, total=False):
    """What `Session.download` takes besides an address."""

    progress: Progress | None
    """Called with the bytes that have come, and how many there are in all, or None."""
    resume: bool
    """Whether to continue what an earlier attempt at the same path left, and to leave what can be continued."""
    timeout: float | None
    """Seconds from now for the whole download. None: as long as something moves at least every 60 seconds."""


class Files(Explorer):
    """The part of a session that uploads and downloads."""

    _tasks: BackgroundTasks
    _is_closed: bool

    @overload
    def upload(self, path: str, params: Params = ..., *, returns: None, **options: Unpack[UploadOptions]) -> Call[None]: ...
    @overload
    def upload(self, path: str, params: Params = ..., *, returns: type[T], **options: Unpack[UploadOptions]) -> Call[T]: ...
    @overload
    def upload(
        self, path: str, params: Params = ..., *, returns: Any = ..., **options: Unpack[UploadOptions]
    ) -> Call[Any]: ...
    def upload(self, path: str, params: Params = None, *, returns: Any = Any, **options: Unpack[UploadOptions]) -> Call[Any]:
        """Call a service with files: a request of its own, whose body is read and sent piece by piece.

        The upload begins on the next scheduler tick, whether the call is awaited or not. `cancel()` aborts it at once; a
        cancelled waiter harms only itself. An upload that did not go out to its end did not run, and its outcome says so.

        It is not repeated by itself, unless the portal provably ran nothing (it asked for credentials, or no connection was
        made), and the content can be read again: bytes, a path, or a file that can seek.

        From 7.3 on, a portal that rejects an upload (too large, say) answers the same as a service without a result. So with
        `returns=None` such a rejection counts as done; where a result is due it is a `ServerError`.

        Args:
            path: of the service, such as `/dlapp/add-file-entry`.
            params: as of `Session.call`; an `UploadFile` among them is a file.
            returns: the type of the result, as of `Session.call`.
            **options: `files=`, contents by the names of parameters: bytes, a `pathlib.Path` (opened when it is sent), a
                file opened for reading bytes (from where it stands; it is not closed; `read` may be asynchronous), an
                asynchronous iterator of bytes, or an `UploadFile` of one of these, which has a name and a type.
                `progress=`, a function, also an asynchronous one: it is called with the bytes of the body that have gone
                out, and how many there are in all, or None if nobody knows; what it raises aborts the upload as a
                `CallbackError`. `timeout=`, seconds from now for the whole; by default there is no limit as long as
                something moves at least every 60 seconds.

        Raises:
            TypeError: a name, a value, a content or `returns` is of a wrong type.
            ValueError: the path or a name is not plain, or a value is out of range; a parameter refers to a pending call.
            ClosedError: the session is closed.
        """
        self._check_open(path)
        _check_options(f"{path}: an upload", options, UploadOptions)
        timeout = checked_timeout(options.get("timeout"))
        given, files = _apart(path, params, options.get("files"))
        made = make_call(path, given, returns=returns, sender=None, options={"is_read": False}, catalog=self.portal.catalog)
        call = UploadCall(made, _form(made.command, files, options.get("progress")))
        upload = Upload(call, self._exchange, f"{self.server}{_SERVICES}{path}", timeout=timeout)
        end = partial(call.settle, NotSent(NotSentError(NEVER_BEGAN, path=path)))
        call.can_abort(self._tasks.start(upload.run, lost=end))
        return call

    @overload
    async def download(self, url: str, to: None = None, **options: Unpack[DownloadOptions]) -> bytes: ...
    @overload
    async def download(self, url: str, to: Destination, **options: Unpack[DownloadOptions]) -> Download: ...
    async def download(
        self, url: str, to: Destination | None = None, **options: Unpack[DownloadOptions]
    ) -> Download | bytes:
        """Fetch a file, piece by piece, and tell what was written; without `to`, return its bytes.

        To a path, the file appears whole or not at all: what comes is written beside it, and then renamed. A part is kept as
        `.<name>.partial`, if the portal gave a strong `ETag` or a `Last-Modified` by which the rest can be asked for; the
        next download of the same address to the same path continues it. Within one download, the session's `retry=` does so.

        Redirects are followed, five at most. Only the portal's own origin sees credentials, cookies and the session's
        headers; after a redirect to another server nobody does. `/webdav` is asked by digest authentication, if the session
        has user and password.

        Args:
            url: absolute, or from the portal's root, such as `/documents/20182/0/minutes.pdf`.
            to: a path; a file opened for writing bytes, or an object with `async write(data)`, which is not closed; None
                for the bytes, of which there may be `BatchLimits.max_answer_bytes`.
            **options: `progress=`, a function, also an asynchronous one: it is called with the bytes that have come, and how
                many there are in all, or None if the portal does not tell; what it raises ends the download as a
                `CallbackError`. `resume=False` neither continues nor leaves a part. `timeout=`, seconds from now for the
                whole; by default there is no limit as long as something moves at least every 60 seconds.

        Raises:
            AuthenticationError: the portal wants to know first who asks: status 401, or its sign-in page.
            NotFoundError, AccessDeniedError: there is no such file, or not for this user.
            NoAnswerError, ConnectError: the connection failed. What has come is kept, if it can be continued.
            LiferayError: any other answer; see `errors.py`.
            OSError: the file cannot be written.
            TypeError, ValueError: an argument is none of these.
        """
        self._check_open()
        _check_options("a download", options, DownloadOptions)
        timeout = checked_timeout(options.get("timeout"))
        target = _target(to, self._exchange.terms.limits.max_answer_bytes, is_resuming=options.get("resume", True))
        asker = Asker(self.server, self._exchange, self._check)
        pause = LONGEST_PAUSE if timeout is None else None
        fetch = Fetch(_url(url, self.server), target, asker, options.get("progress"), pause)
        with self._under_way(timeout):
            await fetch.run()
        if isinstance(target, MemoryTarget):
            return target.content
        return Download(
            path=target.path if isinstance(target, PathTarget) else None,
            size=target.size,
            content_type=fetch.headers.get("content-type", ""),
            filename=filename_of(fetch.headers.get("content-disposition", "")),
            is_resumed=fetch.is_resumed,
        )

    @contextmanager
    def _under_way(self, timeout: float | None) -> Generator[None]:
        """Let a download end with its session, or when its time is over."""
        run = UnderWay((), self._exchange.terms, math.inf)
        limit = anyio.CancelScope(deadline=math.inf if timeout is None else anyio.current_time() + timeout)
        self._exchange.under_way.append(run)
        try:
            with run.scope, limit:
                yield
        finally:
            self._exchange.under_way.remove(run)
            run.ended.set()
        if limit.cancelled_caught:
            raise NoAnswerError(f"the download was not complete within {timeout:g} s", is_timeout=True)
        if run.scope.cancelled_caught:
            raise ClosedError("the session was closed before the download was complete")

    async def _check(self) -> None:
        """Make a call that tells whether the portal accepts the credentials, which are renewed if it does not."""
        await cast("Door", self).call(_BUILD)

    def _check_open(self, path: str | None = None) -> None:
        if self._is_closed:
            raise ClosedError("the session is closed: open a new one", path=path)


def _check_options(where: str, options: Mapping[str, object], kind: Any) -> None:
    if unknown := options.keys() - kind.__annotations__.keys():
        raise TypeError(f"{where} has no option {min(unknown)!r}; it has {', '.join(kind.__annotations__)}")
    progress = options.get("progress")
    if progress is not None and not callable(progress):
        raise TypeError(f"{where}: progress= takes a function, not {type(progress).__name__}")


def _apart(path: str, params: Params, files: Any) -> tuple[Params, dict[str, Any]]:
    """Return the parameters that are no files, and those that are."""
    if files is not None and not hasattr(files, "items"):
        raise TypeError(f"{path}: files= maps names of parameters to contents; it is {type(files).__name__}")
    named: dict[str, Any] = dict(files or {})
    if params is None or not hasattr(params, "items"):
        return params, named
    within = {name: value for name, value in params.items() if isinstance(value, UploadFile)}
    rest = {name: value for name, value in params.items() if name not in within}
    if twice := named.keys() & params.keys():
        raise ValueError(f"{path}: {min(twice)!r} is given twice, as a parameter and as a file")
    return RawParams(rest) if isinstance(params, RawParams) else rest, named | within


def _form(command: Command, files: Mapping[str, Any], progress: Progress | None) -> Form:
    path = command.path
    if command.params is not None:
        raise ValueError(f"{path}: an upload cannot run for each element of a list")
    if not files:
        raise ValueError(f"{path}: no file is given: use session.call()")
    form = Form(path, multipart.fields_of(command), boundary=f"aioliferay-{secrets.token_hex(16)}", progress=progress)
    for name, file in files.items():
        if not isinstance(name, str) or not is_plain_name(name):
            raise ValueError(f"{path}: {name!r:.200} is not a plain parameter name")
        form.add(name, file)
    return form


def _target(to: Any, most: int, *, is_resuming: bool) -> MemoryTarget | FileTarget | PathTarget:
    if to is None:
        return MemoryTarget(most)
    if callable(getattr(to, "write", None)):
        if isinstance(to, io.TextIOBase):
            raise TypeError("to= is a file that was opened as text: open it with mode 'wb'")
        return FileTarget(to)
    if isinstance(to, str) or hasattr(to, "__fspath__"):
        return PathTarget(Path(os.fsdecode(to)), is_resuming=is_resuming)
    raise TypeError(f"to= takes a path, a file opened for writing bytes, or None, not {type(to).__name__}")


def _url(url: str, server: str) -> str:
    """Return the absolute form of an address.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(url, str):
        raise TypeError(f"the address of a file is text, such as '/documents/20182/0/minutes.pdf', not {type(url).__name__}")
    url = urldefrag(url).url
    if not _SCHEME.match(url):
        return f"{server}/{url.lstrip('/')}"
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError(
            f"the address of a file is a path of the portal's, or begins with http: or https:, not {url[:200]!r}"
        )
    if "@" in urlsplit(url).netloc:
        raise ValueError(
            "the address of the file holds credentials, which end up in logs: give them as auth= of the session"
        )
    return url
