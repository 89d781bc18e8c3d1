"""The front door of batches that a block closes. Knows what users may ask of a batch; the queue knows when it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

from aioliferay._auth import concealing
from aioliferay._calling import CallOptions, make_call
from aioliferay._options import DoorOptions, apart
from aioliferay._plain import Door
from aioliferay._queue import BatchCallback, CallQueue
from aioliferay._services import HasServices
from aioliferay._session_base import SessionBase
from aioliferay._tasks import is_prompt
from aioliferay.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._core.explaining import Explanation
    from aioliferay._portal import Portal


class BatchSession(Door, HasServices):
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

    @concealing
    def __init__(
        self,
        session: SessionBase | str,
        *,
        callback: BatchCallback | None = None,
        strict: bool = False,
        **options: Unpack[DoorOptions],
    ) -> None:
        self._is_owner = not isinstance(session, SessionBase)
        own, rest = apart(options)
        if not isinstance(session, SessionBase):
            session = SessionBase(session, retry=rest.get("retry"), limits=rest.get("limits"), **own)
        elif own:
            raise TypeError(f"{', '.join(own)}: these belong to the session, which is given already")
        self._session = session
        self.portal: Portal = session.portal
        self._queue = self._line = CallQueue(
            session.exchange,
            session.tasks,
            session.known,
            callback=callback,
            strict=strict,
            terms=session.exchange.terms.changed(rest),
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

    def _call_with_care(self, path: str, params: Params, returns: Any, options: CallOptions) -> Call[Any]:
        self._check_open(path)
        queue, catalog = self._queue, self.portal.catalog
        queue.check_split(path)
        call = make_call(path, params, returns=returns, sender=queue, options=options, catalog=catalog)
        if not call.is_plain:
            queue.trip.is_plain = False
        queue.append(call)
        self._session.known.learn(path, catalog)
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

        session = self._session
        return explanation_of(session.url, self._queue.pending(), self._queue.terms, session.exchange.learnt)

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
                self._queue.raise_failures(calls, callback_errors)
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
                await self._session.leave(kind)

    def __repr__(self) -> str:
        return f"<BatchSession {self._session.server} {len(self)} queued{' closed' if self._is_closed else ''}>"

    def _renewed(self, calls: Sequence[Call[Any]]) -> BatchSession:
        if self._session.is_closed:
            raise ClosedError("the session is closed: open it around the batch, and send the rest before it ends")
        batch = BatchSession(self._session, callback=self.callback, strict=self._queue.strict)
        batch._queue.terms = self._queue.terms
        for call in calls:
            call.reopen(batch._queue)
            batch._queue.trip.is_plain = False
            batch._queue.append(call)
        return batch

    async def _shut(self) -> None:
        self._is_closed = True
        await self._queue.abandon("the batch was closed before it was sent", kind=ClosedError)
        self._queue.close()

    def _check_open(self, path: str | None) -> None:
        if self._is_closed:
            raise ClosedError("the batch is closed: make another one with session.batch()", path=path)
        if self._session.is_closed:
            raise ClosedError("the session is closed: open a new one", path=path)
