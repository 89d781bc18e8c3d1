"""The front doors: a session with one portal, and batches over it. Knows the portal's address and what is open; does not
know when a batch is closed nor how it travels.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, Unpack, overload

import anyio

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors
from aioliferay._auth import Authentication, authentication_of
from aioliferay._calling import CallOptions, checked_timeout, make_call
from aioliferay._core.messages import NotSent, merged
from aioliferay._exchange import Exchange
from aioliferay._files import Files
from aioliferay._http import Transport
from aioliferay._invoker import Invoker
from aioliferay._keeper import kept, want
from aioliferay._options import (
    INVOKE,
    BatchOptions,
    DoorOptions,
    Terms,
    apart,
    checked_headers,
    root_of,
    user_agent,
    warn_if_insecure,
)
from aioliferay._queue import NEVER_BEGAN, BatchCallback, CallQueue
from aioliferay._services import HasServices
from aioliferay._tasks import BackgroundTasks, is_prompt
from aioliferay.errors import ClosedError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._core.explaining import Explanation
    from aioliferay._core.packing import BatchLimits
    from aioliferay._core.recovery import RetryPolicy
    from aioliferay._portal import Portal
    from aioliferay.observe import Hook

T = TypeVar("T")
_GRACE_SECONDS: Final = 5.0
_LAST_SECONDS: Final = 1.0


class Session(Files):
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

    def __init__(  # noqa: PLR0913 - the architecture's own list; grouped options come with their issues
        self,
        server: str,
        *,
        auth: tuple[str, str] | Authentication | Any = None,
        timeout: float | None = 30.0,
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
        limits: BatchLimits | None = None,
        http: Any = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        is_foreign = hasattr(auth, "async_auth_flow")
        auth = own = authentication_of(auth)  # at once: what shows local variables in a traceback shows no password then
        self.server: str = root_of(server)
        self._tasks = BackgroundTasks()
        invoker = Invoker(
            url=self.server + INVOKE,
            transport=Transport(http, auth=auth if is_foreign else None, has_own_auth=auth is not None),
            auth=None if is_foreign else kept(own, self.server, self._tasks, seconds=timeout),
            headers=merged({"User-Agent": user_agent()}, checked_headers(headers or {})),
            hooks=tuple(hooks),
        )
        self._exchange = Exchange(invoker, checked_timeout(timeout), Terms().changed({"limits": limits, "retry": retry}))
        self._is_closed = False
        warn_if_insecure(self.server, own, stacklevel=2)

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

    @property
    def url(self) -> str:
        """Where calls are posted."""
        return self._exchange.invoker.url

    @property
    def is_closed(self) -> bool:
        """Whether the session has been closed, or is about to be: it takes no more calls."""
        return self._is_closed

    async def aclose(self) -> None:
        """Close the session: wait up to 5 seconds for calls in flight, cancel the rest, close the connections.

        From now on every call fails with a `ClosedError`. Cancelling this skips the wait. Closing twice does nothing.
        """
        await self._close(_GRACE_SECONDS)

    async def _close(self, grace: float) -> None:
        self._is_closed = True
        self._exchange.invoker.close_soon()
        try:
            if grace:
                with anyio.move_on_after(grace):
                    await self._exchange.join()
                    await self._tasks.join()
        finally:
            self._exchange.is_closed = True
            # Bounded: a callback that closes its own session from a task of its own would wait for itself.
            with anyio.move_on_after(_LAST_SECONDS, shield=True):
                self._exchange.cancel()
                self._tasks.cancel()
                await self._exchange.join()
                await self._tasks.join()
                if grace:
                    await self._exchange.invoker.aclose()
            with anyio.CancelScope(shield=True):
                await self._exchange.invoker.transport.aclose()

    async def __aenter__(self) -> Self:
        if self.is_closed:
            raise ClosedError("the session is closed: open a new one")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave(kind)

    async def _leave(self, kind: type[BaseException] | None) -> None:
        # Who leaves by an exception will not look at what is read; who is cancelled, or interrupted, wants out at once.
        if kind is not None:
            self._exchange.cancel(only_reads=True)
        await self._close(0 if is_prompt(kind) else _GRACE_SECONDS)

    def __del__(self) -> None:
        exchange: Exchange | None = getattr(self, "_exchange", None)
        if exchange is not None and not self._is_closed and exchange.invoker.count and exchange.invoker.transport.is_own:
            text = f"a session with {self.server} was never closed: use `async with`, or await session.aclose()"
            warnings.warn(text, ResourceWarning, stacklevel=1, source=self)

    def __repr__(self) -> str:
        return f"<Session {self.server}{' closed' if self.is_closed else ''}>"

    async def _send_one(self, call: Call[Any]) -> None:
        watch = deadline.watch(self._tasks, [call])
        want(call.add_done_callback)
        try:
            await self._exchange.run([call])
        finally:
            if watch is not None:
                watch.cancel()
            log_callback_errors(call.run_callbacks())


class BatchSession(HasServices):
    """Collects calls and sends them in one request.

    Leaving the block sends what is queued, and so does `await batch.invoke()`, after which the batch can be used again.
    Awaiting a call that is still queued sends everything queued on the next scheduler tick, so a block never waits for
    itself. If the block raises, what is queued is not sent and the exception goes on as it is. If the block is cancelled
    while its request is in flight, the request is aborted: writes end with an unknown outcome, reads as cancelled.

    Args:
        session: a `Session`; or the URL of a portal, for a session of its own that ends with the batch.
        callback: receives the results or the errors of each batch; what is awaited raises all the same.
        strict: raise a `BatchSplitError` where an early await splits the batch, rather than warn.
        **options: `writes="alone"` sends each write in a request of its own, so that each outcome is known (by default
            `"together"`). `on_failure="infer"` concludes from the portal's message which call of a refused request failed
            (by default `"isolate"`: reads go again, by halves, writes are unknown). `dependent="nested"` sends calls that
            need results of others in the same request where it can, `"staged"` in later ones (by default `"auto"`: what is
            faster). `deadline=`, seconds from the closing of the batch for each of its calls to end. `limits=`, `retry=`, in
            place of the session's. With a URL also those of `Session`: `auth=`, `timeout=`, `headers=`, `http=`, `hooks=`.
    """

    def __init__(
        self,
        session: Session | str,
        *,
        callback: BatchCallback | None = None,
        strict: bool = False,
        **options: Unpack[DoorOptions],
    ) -> None:
        self._is_owner = not isinstance(session, Session)
        own, rest = apart(options)
        if not isinstance(session, Session):
            session = Session(session, retry=rest.get("retry"), limits=rest.get("limits"), **own)
        elif own:
            raise TypeError(f"{', '.join(own)}: these belong to the session, which is given already")
        self._session = session
        self.portal: Portal = session.portal
        self._queue = CallQueue(
            session._exchange,  # noqa: SLF001 - the other door of this house
            session._tasks,  # noqa: SLF001 - as above
            callback=callback,
            strict=strict,
            terms=session._exchange.terms.changed(rest),  # noqa: SLF001 - as above
            renew=self._renewed,
        )
        self._is_closed = False
        self._is_entered = False

    @property
    def callback(self) -> BatchCallback | None:
        """Receives the results or the errors of each batch; may be set at any time."""
        return self._queue.callback

    @callback.setter
    def callback(self, callback: BatchCallback | None) -> None:
        self._queue.callback = callback

    @overload
    def call(self, path: str, params: Params = ..., *, returns: None, **options: Unpack[CallOptions]) -> Call[None]: ...
    @overload
    def call(self, path: str, params: Params = ..., *, returns: type[T], **options: Unpack[CallOptions]) -> Call[T]: ...
    @overload
    def call(self, path: str, params: Params = ..., *, returns: Any = ..., **options: Unpack[CallOptions]) -> Call[Any]: ...
    def call(self, path: str, params: Params = None, *, returns: Any = Any, **options: Unpack[CallOptions]) -> Call[Any]:
        """Queue a call of a service; nothing is sent yet. The arguments are those of `Session.call`.

        A parameter may be what an earlier call of the batch will bring: `user["contactId"]`, or `sites.each["groupId"]`.

        Raises:
            TypeError: a name, a value or `returns` is of a wrong type.
            ValueError: the path or a name is not plain, or a value is out of range.
            ClosedError: the batch or its session is closed.
            BatchSplitError: the batch is strict, and an early await has sent a part of it.
        """
        self._check_open(path)
        self._queue.check_split(path)
        call = make_call(path, params, returns=returns, sender=self._queue, options=options, catalog=self.portal.catalog)
        self._queue.append(call)
        return call

    async def invoke(self, *, return_exceptions: bool = False) -> list[Any]:
        """Send what is queued, in one request, and return the results in call order; `[]` without a request if nothing is.

        Args:
            return_exceptions: raise nothing; the errors stand in the list.

        Raises:
            BatchError: calls failed, or callbacks raised. Every call is settled by then and keeps its own result.
        """
        self._check_open(None)
        self._queue.allow_split()
        calls = self._queue.take()
        return self._queue.report(calls, await self._queue.send(calls), return_exceptions=return_exceptions)

    def invoke_soon(self) -> None:
        """Send what is queued in the background, for callers that cannot await; the batch's callback is told.

        Raises:
            RuntimeError: the batch has no callback, or no event loop runs here; the calls stay queued.
            ClosedError: the batch is closed.
        """
        self._check_open(None)
        if self._queue.callback is None:
            raise RuntimeError("invoke_soon() needs a callback to tell: set batch.callback, or await batch.invoke()")
        self._queue.allow_split()
        self._queue.send_soon()

    def explain(self) -> Explanation:
        """Tell which requests would be sent, and why there is more than one; send nothing. It prints readably."""
        from aioliferay._explained import explanation_of  # noqa: PLC0415 - few programs ask

        learnt = self._session._exchange.learnt  # noqa: SLF001 - the other door of this house
        return explanation_of(self._session.url, self._queue.pending(), self._queue.terms, learnt)

    def upload(self, path: str, *_: object, **__: object) -> NoReturn:
        """Refuse: files never travel in a batch.

        Raises:
            TypeError: always; the text says what to do.
        """
        raise TypeError(f"{path}: a file never travels in a batch: give it to session.upload({path!r}, ...)")

    async def aclose(self) -> None:
        """Close the batch without sending: what is queued ends as not sent. A session of its own is closed too."""
        await self._shut()
        if self._is_owner:
            await self._session.aclose()

    def __len__(self) -> int:
        """Return the number of calls that are queued."""
        return len(self._queue.pending())

    def __bool__(self) -> bool:
        """Return True: an empty batch is a batch."""
        return True

    async def __aenter__(self) -> Self:
        self._check_open(None)
        if self._is_entered:
            raise RuntimeError("this batch is entered already: make another one with session.batch()")
        self._is_entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                calls, callback_errors = await self._queue.finish()
                self._queue.report([call for call in calls if not call.is_given_up], callback_errors)
            else:
                await self._queue.abandon(
                    f"the block of its batch raised {type(error).__name__}, so it was not sent", cause=error
                )
        except BaseException as failure:
            kind = type(failure)
            raise
        finally:
            await self._shut()
            if is_prompt(kind):
                await self._queue.abort()
            if self._is_owner:
                await self._session._leave(kind)  # noqa: SLF001 - the other door of this house

    def __repr__(self) -> str:
        return f"<BatchSession {self._session.server} {len(self)} queued{' closed' if self._is_closed else ''}>"

    def _renewed(self, calls: Sequence[Call[Any]]) -> BatchSession:
        if self._session.is_closed:
            raise ClosedError("the session is closed: open it around the batch, and send the rest before it ends")
        batch = BatchSession(self._session, callback=self.callback, strict=self._queue.strict)
        batch._queue.terms = self._queue.terms
        for call in calls:
            call.reopen(batch._queue)
            batch._queue.append(call)
        return batch

    async def _shut(self) -> None:
        self._is_closed = True
        await self._queue.abandon("the batch was closed before it was sent", kind=ClosedError)

    def _check_open(self, path: str | None) -> None:
        if self._is_closed:
            raise ClosedError("the batch is closed: make another one with session.batch()", path=path)
        if self._session.is_closed:
            raise ClosedError("the session is closed: open a new one", path=path)
