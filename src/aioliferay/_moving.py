"""How a session moves files: what an upload and a download are made of, and how long they may take."""

from __future__ import annotations

import io
import math
import os
import re
import secrets
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict
from urllib.parse import urldefrag, urlsplit

import anyio

from aioliferay._calling import checked_timeout, make_call
from aioliferay._core import multipart
from aioliferay._core.codec import is_plain_name
from aioliferay._core.downloads import filename_of
from aioliferay._core.messages import NotSent, RawParams
from aioliferay._core.values import UploadFile
from aioliferay._downloads import Asker, Download, Fetch
from aioliferay._queue import NEVER_BEGAN
from aioliferay._sources import Form
from aioliferay._targets import FileTarget, MemoryTarget, PathTarget
from aioliferay._under_way import UnderWay
from aioliferay._uploads import LONGEST_PAUSE, Upload, UploadCall
from aioliferay.errors import ClosedError, NoAnswerError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from aioliferay._calling import Params
    from aioliferay._core.messages import Command
    from aioliferay._core.values import FilePath
    from aioliferay._exchange import Exchange
    from aioliferay._portal import Portal
    from aioliferay._sources import FileLike, Progress
    from aioliferay._targets import Writable
    from aioliferay._tasks import BackgroundTasks

    Destination = str | FilePath | Writable

_SERVICES: Final = "/api/jsonws"
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


class Mover(Protocol):
    """What of a session moves files."""

    server: str

    @property
    def portal(self) -> Portal:
        """What is known of the portal."""
        ...

    @property
    def exchange(self) -> Exchange:
        """The spine."""
        ...

    @property
    def tasks(self) -> BackgroundTasks:
        """What runs in the background."""
        ...

    async def check(self) -> None:
        """Find out whether the portal accepts the credentials."""
        ...


def upload_of(session: Mover, path: str, params: Params, returns: Any, options: UploadOptions) -> UploadCall[Any]:
    """Begin an upload; see `Files.upload`."""
    _check_options(f"{path}: an upload", options, UploadOptions)
    timeout = checked_timeout(options.get("timeout"))
    given, files = _apart(path, params, options.get("files"))
    made = make_call(path, given, returns=returns, sender=None, options={"is_read": False}, catalog=session.portal.catalog)
    call = UploadCall(made, _form(made.command, files, options.get("progress")))
    upload = Upload(call, session.exchange, f"{session.server}{_SERVICES}{path}", timeout=timeout)
    end = partial(call.settle, NotSent(NotSentError(NEVER_BEGAN, path=path)))
    call.can_abort(session.tasks.start(upload.run, lost=end))
    return call


async def downloaded(session: Mover, url: str, to: Destination | None, options: DownloadOptions) -> Download | bytes:
    """Fetch a file; see `Files.download`."""
    _check_options("a download", options, DownloadOptions)
    timeout = checked_timeout(options.get("timeout"))
    target = _target(to, session.exchange.terms.limits.max_answer_bytes, is_resuming=options.get("resume", True))
    asker = Asker(session.server, session.exchange, session.check)
    pause = LONGEST_PAUSE if timeout is None else None
    fetch = Fetch(_url(url, session.server), target, asker, options.get("progress"), pause)
    with _under_way(session, timeout):
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
def _under_way(session: Mover, timeout: float | None) -> Generator[None]:
    """Let a download end with its session, or when its time is over."""
    run = UnderWay((), session.exchange.terms, math.inf, owner=session.exchange)
    limit = anyio.CancelScope(deadline=math.inf if timeout is None else anyio.current_time() + timeout)
    session.exchange.traffic.runs.append(run)
    try:
        with run.scope, limit:
            yield
    finally:
        session.exchange.traffic.runs.remove(run)
        run.ended.set()
    if limit.cancelled_caught:
        raise NoAnswerError(f"the download was not complete within {timeout:g} s", is_timeout=True)
    if run.scope.cancelled_caught:
        raise ClosedError("the session was closed before the download was complete")


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
