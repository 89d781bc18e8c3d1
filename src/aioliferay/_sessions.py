"""The front door for single calls, through which the others are opened. Knows when a single call leaves: at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from aioliferay import _deadline as deadline
from aioliferay._alarms import log_callback_errors
from aioliferay._auto_session import AutoBatchSession, AutoOptions
from aioliferay._batch_session import BatchSession
from aioliferay._calling import CallOptions, make_call
from aioliferay._core.messages import NotSent
from aioliferay._keeper import want
from aioliferay._plain import Door
from aioliferay._queue import NEVER_BEGAN, BatchCallback
from aioliferay._session_base import SessionBase
from aioliferay._stream import Stream
from aioliferay.errors import NotSentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._exchange import Exchange
    from aioliferay._flow import StreamOptions
    from aioliferay._hints import Hints
    from aioliferay._options import BatchOptions
    from aioliferay._plain import Known
    from aioliferay._tasks import BackgroundTasks
    from aioliferay._trip import Trip

C = TypeVar("C")


class Session(Door, SessionBase):
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

    def _open_line(self) -> None:
        self._line = _Line(self.known, self._exchange, self._tasks, self._hints)

    def _call_with_care(self, path: str, params: Params, returns: Any, options: CallOptions) -> Call[Any]:
        self._check_open(path)
        catalog = self.portal.catalog
        call = make_call(path, params, returns=returns, sender=None, options=options, catalog=catalog)
        self._line.append(call)
        self.known.learn(path, catalog)
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


class _Line:
    """Sends each call by itself, from the next scheduler tick on."""

    def __init__(self, known: Known, exchange: Exchange, tasks: BackgroundTasks, hints: Hints | None) -> None:
        self.known = known
        self.trip: Trip | None = None
        self._exchange = exchange
        self._tasks = tasks
        self._hints = hints

    def append(self, call: Call[Any]) -> None:
        """Send a call."""
        end = partial(call.settle, NotSent(NotSentError(NEVER_BEGAN, path=call.path)))
        self._tasks.start(partial(self._send, call), lost=end)
        if self._hints is not None:
            self._hints.note(call)

    async def _send(self, call: Call[Any]) -> None:
        watch = deadline.watch(self._tasks, [call])
        want(call.add_done_callback)
        try:
            await self._exchange.run([call])
        finally:
            if watch is not None:
                watch.cancel()
            log_callback_errors(call.run_callbacks())
