"""The part of a session that moves files: uploads as calls of their own, downloads. What does it is loaded when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack, cast, overload

from aioliferay._discovery import Explorer
from aioliferay.errors import ClosedError

if TYPE_CHECKING:
    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._downloads import Download
    from aioliferay._exchange import Exchange
    from aioliferay._moving import Destination, DownloadOptions, UploadOptions
    from aioliferay._services import Door
    from aioliferay._tasks import BackgroundTasks

T = TypeVar("T")
_BUILD: Final = "/portal/get-build-number"


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
        from aioliferay._moving import upload_of  # noqa: PLC0415 - most programs move no files

        self._check_open(path)
        return upload_of(self, path, params, returns, options)

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
        from aioliferay._moving import downloaded  # noqa: PLC0415 - as above

        self._check_open()
        return await downloaded(self, url, to, options)

    async def check(self) -> None:
        """Make a call that tells whether the portal accepts the credentials, which are renewed if it does not."""
        await cast("Door", self).call(_BUILD)

    @property
    def exchange(self) -> Exchange:
        """The spine of the session."""
        return self._exchange

    @property
    def tasks(self) -> BackgroundTasks:
        """What the session does in the background."""
        return self._tasks

    def _check_open(self, path: str | None = None) -> None:
        if self._is_closed:
            raise ClosedError("the session is closed: open a new one", path=path)
