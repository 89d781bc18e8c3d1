"""The front door for single calls, through which the others are opened. Knows when a single call leaves: at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors
from aioliferay._batch_session import BatchSession
from aioliferay._calling import CallOptions, make_call
from aioliferay._core.messages import NotSent
from aioliferay._keeper import want
from aioliferay._queue import NEVER_BEGAN, BatchCallback
from aioliferay._session_base import SessionBase
from aioliferay.errors import ClosedError, NotSentError

if TYPE_CHECKING:
    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._options import BatchOptions

T = TypeVar("T")


class Session(SessionBase):
    """A session with one portal, for one user.

    Each call is a request of its own; `batch()` makes many calls travel in one. A session may be opened in one task
    and closed in another, by `async with` or by `await session.aclose()`. Any number of tasks of one event loop may use it.

    Args:
        server: URL of the portal's root, such as `http://localhost:8080`.
        auth: `(user, password)`, an `Authentication`, an authentication object of the HTTP library, or None for a guest.
        timeout: seconds that one request may take in all, None for no limit. Connecting may take 10 of them.
        headers: sent with every request.
        retry: what is sent again after a failure, when and how often.
        limits: how large requests and answers may become.
        http: a ready `httpx.AsyncClient`, or a client of the same shape; the session does not close it.
        hooks: receive what happens on the wire (`aioliferay.observe`).

    Raises:
        ValueError, TypeError: the server is not a URL of this form, or holds credentials; `auth` is none of these.
    """

    @overload
    def call(self, path: str, params: Params = ..., *, returns: None, **options: Unpack[CallOptions]) -> Call[None]: ...
    @overload
    def call(self, path: str, params: Params = ..., *, returns: type[T], **options: Unpack[CallOptions]) -> Call[T]: ...
    @overload
    def call(self, path: str, params: Params = ..., *, returns: Any = ..., **options: Unpack[CallOptions]) -> Call[Any]: ...
    def call(self, path: str, params: Params = None, *, returns: Any = Any, **options: Unpack[CallOptions]) -> Call[Any]:
        """Call a service: the request leaves on the next scheduler tick, whether the call is awaited or not.

        Args:
            path: `/service/method` or `/context.service/method`, in the portal's spelling (`/blogsentry/get-entry`).
            params: by the portal's names (`{"entryId": 1}`). Dates, bytes, enums, UUIDs and models are encoded.
            returns: the type of the result, anything that pydantic understands; None for a call without one. Left out,
                the result is the JSON as it comes (a long is a number on 6.2 and text on 7.x; with `int` it is a number).
            **options: `select=`, a list of property names: the portal cuts the result down to these, and an unknown name
                comes as None; "model" takes the names from the fields of `returns=`. `idempotent=True`, if running it twice
                does no harm; `is_read=True`, if it changes nothing, as is taken of `get*`, `has*` and `is*`. `timeout=`,
                seconds from now within which the call must have ended, in place of the session's, which counts for each
                request; if they are over before it is sent, it never is.

        Raises:
            TypeError: a name, a value or `returns` is of a wrong type.
            ValueError: the path or a name is not plain, or a value is out of range.
            ClosedError: the session is closed.
        """
        if self.is_closed:
            raise ClosedError("the session is closed: open a new one", path=path)
        call = make_call(path, params, returns=returns, sender=None, options=options, catalog=self.portal.catalog)
        end = partial(call.settle, NotSent(NotSentError(NEVER_BEGAN, path=call.path)))
        self._tasks.start(partial(self._send_one, call), lost=end)
        return call

    def batch(
        self, *, callback: BatchCallback | None = None, strict: bool = False, **options: Unpack[BatchOptions]
    ) -> BatchSession:
        """Return a new batch over this session: see `BatchSession`."""
        return BatchSession(self, callback=callback, strict=strict, **options)

    async def _send_one(self, call: Call[Any]) -> None:
        watch = deadline.watch(self._tasks, [call])
        want(call.add_done_callback)
        try:
            await self._exchange.run([call])
        finally:
            if watch is not None:
                watch.cancel()
            log_callback_errors(call.run_callbacks())
