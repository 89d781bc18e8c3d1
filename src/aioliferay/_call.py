"""One command and whoever waits for it. Knows how a call settles, exactly once; does not know how it travels."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import anyio

from aioliferay._alarms import Alarm, log_callback_errors, run_callbacks, user_site
from aioliferay._core.messages import Cancelled, Command, Failed, NotRun, NotSent, Outcome, Reference, Unknown
from aioliferay.errors import (
    CallbackError,
    CallCancelledError,
    LiferayError,
    NoAnswerError,
    NotSettledError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pydantic_core import SchemaValidator

    from aioliferay._http import Trip

T = TypeVar("T")


class Sender(Protocol):
    """Whoever will send a queued call."""

    def flush_soon(self, call: Call[Any], /) -> None:
        """Send everything queued on the next scheduler tick, because somebody waits for `call`."""


class Call(Generic[T]):
    """One call of a service, as `Session.call` and `BatchSession.call` return it.

    It is no coroutine: it will be sent whether awaited or not. Await it any number of times, from any number of tasks; a
    cancelled waiter harms neither the call nor other waiters. Awaiting a call that is still queued sends its batch; asking
    for its end in another way does not, so give `asyncio.wait` tasks: `asyncio.wait(map(asyncio.ensure_future, calls))`.

    Attributes:
        path: the service's path.
        site: file and line where the call was made.
        is_given_up: whether somebody cancelled it with `cancel()`; then it is no failure of its batch.
    """

    __slots__ = (
        "__weakref__", "_adapter", "_alarm", "_callbacks", "_command", "_deadline", "_doubt", "_is_queued",
        "_outcome", "_raw", "_sender", "_settled", "_timeout", "_trip", "_wanted", "is_given_up", "site",
    )  # fmt: skip

    def __init__(
        self,
        command: Command,
        *,
        sender: Sender | None,
        adapter: SchemaValidator | None,
        timeout: float | None,
        site: tuple[str, int] | None = None,
    ) -> None:
        self._command = command
        self._sender = sender
        self._adapter = adapter
        self._timeout = timeout
        self._outcome: Outcome[T] | None = None
        self._raw: Any = None
        self._settled: anyio.Event | None = None
        self._callbacks: list[Callable[[Call[T]], object]] | None = None
        self._alarm: Alarm | None = None
        self._is_queued = sender is not None
        self._wanted: tuple[str, ...] | None = None
        self._doubt: Literal["ran", "inferred"] | None = None
        self._trip: Trip | None = None
        self._deadline: float | None = None
        if timeout is not None:
            self._start_clock()
        self.is_given_up: bool = False
        self.site: tuple[str, int] = site or user_site()

    @property
    def path(self) -> str:
        """The path of the service, such as `/user/get-user-by-id`."""
        return self._command.path

    def __await__(self) -> Generator[Any, None, T]:
        if self._outcome is None:
            yield from self._wait().__await__()
        return self.result()

    async def _wait(self) -> None:
        if self._sender is not None and self._is_queued:
            self._sender.flush_soon(self)
        while self._outcome is None:
            self._settled = self._settled or anyio.Event()
            await self._settled.wait()

    def done(self) -> bool:
        """Tell whether the call has ended: with a result, an error, or cancelled."""
        return self._outcome is not None

    def cancelled(self) -> bool:
        """Tell whether the call was cancelled."""
        return isinstance(self._outcome, Cancelled)

    @property
    def outcome(self) -> Outcome[T]:
        """What became of the call at the portal: `Ok`, `Failed`, `NotSent`, `NotRun`, `Unknown` or `Cancelled`.

        Raises:
            NotSettledError: it has not ended.
        """
        if self._outcome is None:
            raise NotSettledError("the call has not ended yet: await it, or leave the block of its batch", path=self.path)
        self._silence()
        return self._outcome

    def result(self) -> T:
        """Return the result without waiting.

        Raises:
            NotSettledError: the call has not ended.
            LiferayError: its own error; see `errors.py`.
        """
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
        if self._outcome is not None:
            return False
        error = CallCancelledError("the call was cancelled", path=self.path)
        self.is_given_up = True
        self.settle(Cancelled(error, is_sent=self.is_sent))
        log_callback_errors(self.run_callbacks())
        return True

    def add_done_callback(self, callback: Callable[[Call[T]], object], /) -> None:
        """Run `callback(call)` when the call has ended, after its whole request is settled; at once if it has ended.

        Callbacks run in the order in which they were added, calls in call order. What one raises becomes a `CallbackError`.
        """
        if self._outcome is None:
            self._callbacks = [*(self._callbacks or ()), callback]
            return
        log_callback_errors(run_callbacks([callback], self, self.path))

    def remove_done_callback(self, callback: Callable[[Call[T]], object], /) -> int:
        """Take the callback out; return how often it was there."""
        kept = [other for other in self._callbacks or () if other != callback]
        removed = len(self._callbacks or ()) - len(kept)
        self._callbacks = kept
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
        state = "pending" if self._outcome is None else type(self._outcome).__name__
        return f"<Call {self.path} {state}>"

    # What follows is for the rest of the library.

    @property
    def command(self) -> Command:
        """The command; it has its references replaced once they are known."""
        return self._command

    @property
    def whole(self) -> Call[Any]:
        """The call of the user's that it stands for: itself."""
        return self

    @property
    def is_fan(self) -> bool:
        """Whether it runs for each element of a list."""
        return any(reference.is_each for reference in self._command.references)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of properties that references were made to."""
        return self._wanted or ()

    def _reference(self, name: str, *, is_each: bool) -> Reference:
        if not isinstance(name, str):
            raise TypeError(f"{self.path}: a reference names a property: call['userId'], not call[{name!r}]")
        if name not in self.wanted:
            self._wanted = (*self.wanted, name)
        return Reference(self, name, is_each)

    @property
    def adapter(self) -> SchemaValidator | None:
        """The type asked for, None for the result as it comes."""
        return self._adapter

    @property
    def has_timeout(self) -> bool:
        """Whether the caller set a limit of its own."""
        return self._timeout is not None

    @property
    def allowed(self) -> str:
        """The time that the caller allows, for texts."""
        return "the deadline of its batch" if self._timeout is None else f"{self._timeout:g} s"

    @property
    def has_failed(self) -> bool:
        """Whether the portal refused it; asking is no look at the failure."""
        return isinstance(self._outcome, Failed)

    @property
    def is_asked_to_wait(self) -> bool:
        """Whether the portal has asked for a pause, and the call may go again after it; asking is no look at the failure."""
        is_open = isinstance(self._outcome, NotRun | Unknown) and self._outcome.error.status in {429, 503}
        return is_open and (isinstance(self._outcome, NotRun) or self._command.is_repeatable)

    @property
    def is_doubtful(self) -> bool:
        """Whether a request that is over may have run it."""
        return self._doubt == "ran"

    @property
    def is_sent(self) -> bool:
        """Whether a request with it has left, or may have."""
        return self.is_doubtful or (self._trip is not None and self._trip.is_sent)

    def limit(self, now: float, default: float) -> float:
        """Return the time until which the call may take; `default` if the caller set no limit."""
        if self._timeout is None:
            return default
        if self._deadline is None:  # it was made where no event loop ran
            self._deadline = now + self._timeout
        return self._deadline

    def _start_clock(self) -> None:
        with contextlib.suppress(RuntimeError):  # no event loop runs yet: the clock starts when the call is about to leave
            self._deadline = anyio.current_time() + (self._timeout or 0)

    @property
    def raw(self) -> Any:
        """The result as it came, for references; the result itself if it was first referred to after it came."""
        return self._raw if self._raw is not None else getattr(self._outcome, "value", None)

    @property
    def is_unseen_failure(self) -> bool:
        """Whether the call failed and nobody has looked."""
        return self._alarm is not None

    def belongs_to(self, sender: Sender) -> bool:
        """Tell whether `sender` has this call queued or in flight."""
        return self._sender is sender

    def leave_queue(self) -> None:
        """Note that somebody is about to send the call: awaiting it needs no further flush."""
        self._is_queued = False

    def bind(self, command: Command) -> None:
        """Take the command with its references replaced, or with another white-list."""
        self._command = command

    def depart(self, trip: Trip) -> None:
        """Note that the call is in a request that is about to leave."""
        self._trip = trip

    def doubt(self) -> None:
        """Note that a request with it had an end that tells nothing: the call may have run."""
        self._doubt = "ran"

    def settle_doubt(self) -> None:
        """Note that what an earlier request did to it does not matter: it reads, and is asked again by itself."""
        self._doubt = None

    def infer_not_run(self) -> None:
        """Note that the request that is over did not run it, as the portal's message lets conclude."""
        self._doubt = "inferred"

    def reopen(self, sender: Sender | None) -> None:
        """Let a call go again that provably did not run, or only reads: it is as if it had just been made."""
        self._silence()
        self._outcome = self._trip = self._doubt = None
        self._sender = sender
        self._is_queued = sender is not None
        self._deadline = None
        if self._timeout is not None:
            self._start_clock()

    def settle(self, outcome: Outcome[T], raw: object = None, *, is_told: bool = False, position: int | None = None) -> None:
        """End the call; the first outcome stays. `is_told`: somebody learns of the failure in another way."""
        if self._outcome is not None:
            return
        if outcome.error is not None:
            outcome = self._truthful(outcome)
            self._describe(outcome, position)
        self._outcome = outcome
        if self._wanted is not None:  # else it would double the memory of a typed result
            self._raw = raw
        self._sender = None
        if outcome.error is not None and not is_told and not isinstance(outcome, Cancelled):
            self._alarm = Alarm(outcome.error)
        if self._settled is not None:
            self._settled.set()
            self._settled = None

    def _truthful(self, outcome: Outcome[T]) -> Outcome[T]:
        """Return what is true of the call as a whole: an earlier request may have run it, or was concluded not to have."""
        is_read = self._command.is_read
        if getattr(outcome, "is_inferred", False):  # concluded from the very request that made the doubt
            return outcome
        match outcome, self._doubt:
            case ((NotSent(error) | NotRun(error)), "inferred"):
                return NotRun(error, is_inferred=True)
            case Failed(error), "inferred" if not is_read:
                return Failed(error, is_inferred=True)
            case NotSent(cause), "ran":
                error = NoAnswerError(f"a request that may have run it has no result, and no other followed: {cause}")
                error.__cause__ = cause
            case NotRun(error), "ran":
                pass
            case Failed(error), "ran" if not is_read:
                pass  # a deletion that is repeated finds nothing to delete
            case Cancelled(error), "ran":
                if is_read:
                    return Cancelled(error, is_sent=True)
            case _:
                return outcome
        return Unknown(error)

    def _describe(self, outcome: Outcome[T], position: int | None) -> None:
        error = outcome.error
        if error is None or error.outcome is not None:
            return
        error.command, error.site, error.outcome, error.position = self._command, self.site, outcome.name, position
        if self._trip is not None and self._trip.number:
            error.request, error.elapsed = self._trip.number, self._trip.elapsed
            if error.status is None:
                error.status = self._trip.status
        error.note_place()

    def run_callbacks(self) -> list[CallbackError]:
        """Run the callbacks of a settled call once; return what they raised."""
        callbacks, self._callbacks = self._callbacks, None
        return run_callbacks(callbacks, self, self.path) if callbacks else []

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.is_armed = False
            self._alarm = None


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
