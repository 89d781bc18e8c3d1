"""The front door for single calls, through which the others are opened. Knows when a single call leaves: at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors
from aioliferay._auto_session import AutoBatchSession, AutoOptions
from aioliferay._batch_session import BatchSession
from aioliferay._calling import CallOptions, make_call
from aioliferay._core.messages import NotSent
from aioliferay._keeper import want
from aioliferay._plain import plain_call
from aioliferay._queue import NEVER_BEGAN, BatchCallback
from aioliferay._session_base import SessionBase
from aioliferay._stream import Stream
from aioliferay.errors import ClosedError, NotSentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._flow import StreamOptions
    from aioliferay._options import BatchOptions

T = TypeVar("T")
C = TypeVar("C")


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
        hints: whether a `BatchHint` tells of calls in a row that a batch would carry; None: in Python's development mode.

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
        catalog = self.portal.catalog
        call = None if options else plain_call(path, params, returns, None, catalog)
        if call is None:
            call = make_call(path, params, returns=returns, sender=None, options=options, catalog=catalog)
        end = partial(call.settle, NotSent(NotSentError(NEVER_BEGAN, path=call.path)))
        self._tasks.start(partial(self._send_one, call), lost=end)
        if self._hints is not None:
            self._hints.note(call)
        return call

    def batch(
        self, *, callback: BatchCallback | None = None, strict: bool = False, **options: Unpack[BatchOptions]
    ) -> BatchSession:
        """Return a new batch over this session: see `BatchSession`."""
        return BatchSession(self, callback=callback, strict=strict, **options)

    def auto(self, **options: Unpack[AutoOptions]) -> AutoBatchSession:
        """Return an automatic batch over this session: see `AutoBatchSession`."""
        return AutoBatchSession(self, **options)

    def stream(
        self, commands: Iterable[C] | AsyncIterable[C], *, returns: Any = Any, **options: Unpack[StreamOptions]
    ) -> Stream[C]:
        """Call services without end: commands are taken as they are needed, and what becomes of each comes as an item.

        `async for item in session.stream(commands)`. Memory is bounded however many commands there are: some thousand are
        on their way, and no more are taken while nobody takes the items. How many calls go in one request, and how many
        requests at once, follows from what the portal shows. A command that fails, or cannot be sent at all, is an item like
        any other, and harms none.

        Requests that only read go in parallel. Writes keep their order among each other, and each has a request of its own,
        so that its outcome is known; in a signed-in session that costs little. Where reads and writes are mixed, a read may
        run before a write that stands before it: what must see a write belongs in another stream.

        It ends with the iterable. `break` leaves it to the garbage collector, which aborts what is in flight; to see that
        ended, use `async with session.stream(...) as stream`, or `await stream.aclose()`. `stream.stop()` takes no further
        commands, and lets what is in flight come to its end.

        Args:
            commands: an iterable, or an asynchronous one, of paths, pairs (path, parameters), or `StreamCommand` objects.
            returns: the type of the results, where the command does not say; see `call`.
            **options: `ordered=False` gives items as soon as they are there, by default they come in the order of the
                commands. `calls=` and `parallel=` fix how many calls a request has, and how many requests go at once.
                `before_send=`, an async function, is awaited with pairs of position and command before these leave.
                `writes="together"` lets writes share requests. `limits=` bounds the size of requests (by default 1,000
                calls) and how many go at once; `on_failure=`, `retry=`, `deadline=` (seconds for each chunk) are as of
                `BatchSession`.

        Raises:
            TypeError, ValueError: an option has a value that it cannot have. When items are taken, also: whatever the
                iterable or `before_send` raises, after the items before that; a ClosedError if the session was closed.
        """
        self._check_open()
        return Stream(self, commands, options, returns)

    async def _send_one(self, call: Call[Any]) -> None:
        watch = deadline.watch(self._tasks, [call])
        want(call.add_done_callback)
        try:
            await self._exchange.run([call])
        finally:
            if watch is not None:
                watch.cancel()
            log_callback_errors(call.run_callbacks())
