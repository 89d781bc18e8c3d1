"""One command and whoever waits for it. Knows what callers may ask; how a call settles is told where it is sent from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from aioliferay._alarms import log_callback_errors, run_callbacks
from aioliferay._core.messages import Cancelled, Outcome, Reference
from aioliferay._settling import OUTCOMES, PENDING, Settling
from aioliferay.errors import CallCancelledError, LiferayError, NotSettledError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")


class Call(Settling[T]):
    """One call of a service, as `Session.call` and `BatchSession.call` return it.

    It is no coroutine: it will be sent whether awaited or not. Await it any number of times, from any number of tasks; a
    cancelled waiter harms neither the call nor other waiters. Awaiting a call that is still queued sends its batch; asking
    for its end in another way does not, so give `asyncio.wait` tasks: `asyncio.wait(map(asyncio.ensure_future, calls))`.

    Attributes:
        path: the service's path.
        site: file and line where the call was made.
        is_given_up: whether somebody cancelled it with `cancel()`; then it is no failure of its batch.
    """

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, T]:
        if self._end is PENDING:
            if self._trip is not None and self._trip.queue is not None:
                self._trip.queue.flush_soon(self)
            while self._end is PENDING:
                yield from self._waiter()
        return self._end if type(self._end) not in OUTCOMES else self.result()

    def done(self) -> bool:
        """Tell whether the call has ended: with a result, an error, or cancelled."""
        return self._end is not PENDING

    def cancelled(self) -> bool:
        """Tell whether the call was cancelled."""
        return isinstance(self._end, Cancelled)

    @property
    def outcome(self) -> Outcome[T]:
        """What became of the call at the portal: `Ok`, `Failed`, `NotSent`, `NotRun`, `Unknown` or `Cancelled`.

        Raises:
            NotSettledError: it has not ended.
        """
        outcome = self.outcome_unseen
        if outcome is None:
            raise NotSettledError("the call has not ended yet: await it, or leave the block of its batch", path=self.path)
        self._silence()
        return outcome

    def result(self) -> T:
        """Return the result without waiting.

        Raises:
            NotSettledError: the call has not ended.
            LiferayError: its own error; see `errors.py`.
        """
        end = self._end
        if end is not PENDING and type(end) not in OUTCOMES:
            return cast("T", end)
        outcome = self.outcome
        if outcome.error is not None:
            # Without the traceback of earlier looks: it would grow with each, and keep their frames alive.
            raise outcome.error.with_traceback(None)
        return outcome.value

    def exception(self) -> LiferayError | None:
        """Return the call's error, or None if it has a result.

        Raises:
            NotSettledError: the call has not ended.
        """
        return self.outcome.error

    def cancel(self) -> bool:
        """Give the call up; every waiter gets a `CallCancelledError`. Return False if it had ended before.

        While it is queued, it is taken out of the request. Later the portal may run it all the same.
        """
        if self._end is not PENDING:
            return False
        error = CallCancelledError("the call was cancelled", path=self.path)
        self._add_more().is_given_up = True
        self.settle(Cancelled(error, is_sent=self.is_sent))
        log_callback_errors(self.run_callbacks())
        return True

    def add_done_callback(self, callback: Callable[[Call[T]], object], /) -> None:
        """Run `callback(call)` when the call has ended, after its whole request is settled; at once if it has ended.

        Callbacks run in the order in which they were added, calls in call order. What one raises becomes a `CallbackError`.
        """
        if self._end is PENDING:
            more = self._add_more()
            more.callbacks = [*more.callbacks, callback]
            return
        log_callback_errors(run_callbacks([callback], self, self.path))

    def remove_done_callback(self, callback: Callable[[Call[T]], object], /) -> int:
        """Take the callback out; return how often it was there."""
        if self._more is None:
            return 0
        kept = [other for other in self._more.callbacks if other != callback]
        removed = len(self._more.callbacks) - len(kept)
        self._more.callbacks = kept
        return removed

    def __getitem__(self, name: str) -> Reference:
        """Refer to a property of the future result, as the parameter of a later call of the same batch.

        Raises:
            TypeError: `name` is no text, or the call runs for each element of a list: its result is a list.
        """
        if self.is_fan:
            raise TypeError(f"{self.path}: its result is a list, one for each element: refer to call.each[{name!r}]")
        return self._reference(name, is_each=False)

    @property
    def each(self) -> Each:
        """Refer to the elements of a result that is a list: `call.each["userId"]` is that property of every one.

        A call with such a parameter runs for each element, and its result is a list in the same order. Lists may stand in
        the list; its result has the same form then. Several such parameters must come from lists of the same form.
        """
        return Each(self)

    __iter__ = None  # with __getitem__ alone, Python would try to iterate

    def __repr__(self) -> str:
        state = "pending" if self._end is PENDING else type(self.outcome_unseen).__name__
        return f"<Call {self.path} {state}>"

    # What follows is for the rest of the library.

    @property
    def whole(self) -> Call[Any]:
        """The call of the user's that it stands for: itself."""
        return self

    @property
    def is_fan(self) -> bool:
        """Whether it runs for each element of a list."""
        return self._form is None and any(reference.is_each for reference in self.command.references)

    def _reference(self, name: str, *, is_each: bool) -> Reference:
        if not isinstance(name, str):
            raise TypeError(f"{self.path}: a reference names a property: call['userId'], not call[{name!r}]")
        more = self._add_more()
        if name not in more.wanted:
            more.wanted = (*more.wanted, name)
        return Reference(self, name, is_each)


class Each:
    """The elements of a call's future result, which is a list: `call.each["userId"]`."""

    __slots__ = ("_call",)

    def __init__(self, call: Call[Any]) -> None:
        self._call = call

    def __getitem__(self, name: str) -> Reference:
        """Refer to a property of every element."""
        return self._call._reference(name, is_each=True)  # noqa: SLF001 - two halves of one notation

    __iter__ = None  # with __getitem__ alone, Python would try to iterate

    def __repr__(self) -> str:
        return f"{self._call!r}.each"
