"""What a call is to the library: its command, the request that carries it, how it ends, exactly once, and who is woken then.
Knows no callers' side.
"""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeVar, cast

import anyio

from aioliferay._alarms import Alarm, run_callbacks, site_of, user_place
from aioliferay._core.messages import Cancelled, Command, Failed, NotRun, NotSent, Ok, Outcome, Unknown
from aioliferay._tasks import is_trio
from aioliferay.errors import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType

    from aioliferay._core.codec import Adapter
    from aioliferay._core.messages import Form
    from aioliferay._trip import Trip
    from aioliferay.errors import CallbackError

T = TypeVar("T")


class _Mark(Enum):
    PENDING = "it has not ended"


PENDING: Final = _Mark.PENDING
OUTCOMES: Final = frozenset[type]({Ok, Failed, NotSent, NotRun, Unknown, Cancelled})


class Sender(Protocol):
    """Whoever will send a queued call; `trip`: of the request that what is queued next will be in."""

    @property
    def trip(self) -> Trip: ...


class Settling(Generic[T]):
    """A call as its senders see it; see `Call`.

    `_end` is PENDING, an outcome, or, of a call that has nothing but a result, that result itself.
    """

    __slots__ = (
        "__weakref__", "_adapter", "_code", "_content", "_end", "_form", "_more", "_place", "_trip", "_waiters",
    )  # fmt: skip

    def begin(
        self,
        command: Command,
        sender: Sender | None,
        adapter: Adapter | None,
        timeout: float | None = None,
        site: tuple[str, int] | None = None,
    ) -> None:
        """Take what it is: most calls are filled in from outside, see `_plain`, and would pay for a constructor."""
        self._form: Form | None = None
        self._content: Any = command  # or, if it has a form, the content of that
        self._adapter = adapter
        self._end: Any = PENDING
        self._trip: Trip | None = None if sender is None else sender.trip
        self._waiters: anyio.Event | list[asyncio.Future[None]] | asyncio.Future[None] | None = None
        self._code: CodeType | None = None
        self._place: Any = site
        if site is None:
            self._code, self._place = user_place(1)
        self._more: _More | None = None
        if timeout is not None:
            self._add_more().start_clock(timeout)

    @property
    def path(self) -> str:
        """The path of the service, such as `/user/get-user-by-id`."""
        return self._form.path if self._form is not None else self.command.path

    @property
    def site(self) -> tuple[str, int]:
        """File and line where the call was made."""
        return self._place if self._code is None else site_of(self._code, self._place)

    @property
    def is_given_up(self) -> bool:
        """Whether somebody cancelled it with `cancel()`; then it is no failure of its batch."""
        return self._more is not None and self._more.is_given_up

    def _waiter(self) -> Iterable[Any]:
        """Return what a task waits for with `yield from`. It may wake before the end."""
        loop = None
        if self._trip is not None:
            loop, self._trip.is_bare = self._trip.loop, False
        if loop is None:
            if is_trio():
                self._waiters = self._waiters if isinstance(self._waiters, anyio.Event) else anyio.Event()
                return self._waiters.wait().__await__()
            loop = asyncio.get_running_loop()
        # An Event costs fifteen times as much as a future, and ten thousand tasks may wait for a call each.
        future = loop.create_future()
        if self._waiters is None:
            self._waiters = future
        elif isinstance(self._waiters, list):
            self._waiters.append(future)
        else:
            self._waiters = [cast("asyncio.Future[None]", self._waiters), future]
        return future

    @property
    def command(self) -> Command:
        """The command; it has its references replaced once they are known."""
        if self._form is None:
            return cast("Command", self._content)
        return Command(self._form.path, self.statement, None, (), is_read=self._form.is_read)

    @property
    def statement(self) -> bytes:
        """The encoded statement; empty while references are open."""
        return self.command.statement if self._form is None else self._form.statement(self._content)

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self._form.is_read if self._form is not None else self.command.is_read

    @property
    def is_plain(self) -> bool:
        """Whether nothing is to be known of it but its statement: no option was given, nobody refers to it."""
        return self._form is not None and self._more is None

    @property
    def outcome_unseen(self) -> Outcome[T] | None:
        """The outcome, or None; asking is no look at a failure."""
        if self._end is PENDING:
            return None
        return self._end if type(self._end) in OUTCOMES else Ok(self._end)

    @property
    def outcome_value(self) -> Any:
        """The result, None if there is none; asking is no look at a failure."""
        return getattr(self.outcome_unseen, "value", None)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of properties that references were made to."""
        return () if self._more is None else self._more.wanted

    @property
    def adapter(self) -> Adapter | None:
        """The type asked for, None for the result as it comes."""
        return self._adapter

    @property
    def has_timeout(self) -> bool:
        """Whether the caller set a limit of its own."""
        return self._more is not None and self._more.timeout is not None

    @property
    def allowed(self) -> str:
        """The time that the caller allows, for texts."""
        seconds = None if self._more is None else self._more.timeout
        return "the deadline of its batch" if seconds is None else f"{seconds:g} s"

    @property
    def has_failed(self) -> bool:
        """Whether the portal refused it; asking is no look at the failure."""
        return isinstance(self._end, Failed)

    @property
    def has_error(self) -> bool:
        """Whether it ended without a result, or with one of another type than was asked for; asking is no look."""
        return type(self._end) in OUTCOMES and self._end.error is not None

    @property
    def is_asked_to_wait(self) -> bool:
        """Whether the portal has asked for a pause, and the call may go again after it; asking is no look at the failure."""
        is_open = isinstance(self._end, NotRun | Unknown) and self._end.error.status in {429, 503}
        return is_open and (isinstance(self._end, NotRun) or self.command.is_repeatable)

    @property
    def is_doubtful(self) -> bool:
        """Whether a request that is over may have run it."""
        return self._more is not None and self._more.doubt == "ran"

    @property
    def is_sent(self) -> bool:
        """Whether a request with it has left, or may have."""
        return self.is_doubtful or (self._trip is not None and self._trip.is_sent)

    def limit(self, now: float, default: float) -> float:
        """Return the time until which the call may take; `default` if the caller set no limit."""
        if self._more is None or self._more.timeout is None:
            return default
        if self._more.deadline is None:  # it was made where no event loop ran
            self._more.deadline = now + self._more.timeout
        return self._more.deadline

    @property
    def raw(self) -> Any:
        """The result as it came, for references; the result itself if it was first referred to after it came."""
        if self._more is not None and self._more.raw is not None:
            return self._more.raw
        return self.outcome_value

    @property
    def is_unseen_failure(self) -> bool:
        """Whether the call failed and nobody has looked."""
        return self._more is not None and self._more.alarm is not None

    def belongs_to(self, sender: Sender) -> bool:
        """Tell whether `sender` has this call queued or in flight."""
        return self._trip is not None and self._trip.sender is sender

    def bind(self, command: Command) -> None:
        """Take the command with its references replaced, or with another white-list."""
        self._content, self._form = command, None

    def depart(self, trip: Trip) -> None:
        """Note that the call is in a request that is about to leave."""
        self._trip = trip

    def doubt(self) -> None:
        """Note that a request with it had an end that tells nothing: the call may have run."""
        self._add_more().doubt = "ran"

    def settle_doubt(self) -> None:
        """Note that what an earlier request did to it does not matter: it reads, and is asked again by itself."""
        if self._more is not None:
            self._more.doubt = None

    def infer_not_run(self) -> None:
        """Note that the request that is over did not run it, as the portal's message lets conclude."""
        self._add_more().doubt = "inferred"

    def reopen(self, sender: Sender | None) -> None:
        """Let a call go again that provably did not run, or only reads: it is as if it had just been made."""
        self._silence()
        self._end = PENDING
        self._trip = None if sender is None else sender.trip
        if self._more is not None:
            self._more.doubt = self._more.deadline = None
            if self._more.timeout is not None:
                self._more.start_clock(self._more.timeout)

    def settle(self, outcome: Outcome[T], raw: object = None, *, is_told: bool = False, position: int | None = None) -> None:
        """End the call; the first outcome stays. `is_told`: somebody learns of the failure in another way."""
        if self._end is not PENDING:
            return
        if outcome.error is not None:
            outcome = self._truthful(outcome)
            self._describe(outcome, position)
        if self._trip is not None:
            self._trip.is_plain = False
        self._end = outcome
        if isinstance(outcome, Ok) and outcome.error is None and not outcome.is_inferred:
            self._end = outcome if type(outcome.value) in OUTCOMES else outcome.value
        more = self._more
        if more is not None and more.wanted:  # else it would double the memory of a typed result
            more.raw = raw
        if outcome.error is not None and not is_told and not isinstance(outcome, Cancelled):
            self._add_more().alarm = Alarm(outcome.error)
        if self._waiters is not None:
            self.wake()

    def wake(self) -> None:
        """Wake whoever waits for the end of the call."""
        waiters, self._waiters = self._waiters, None
        if isinstance(waiters, asyncio.Future):  # of most calls
            if not waiters.done():
                waiters.set_result(None)
        elif isinstance(waiters, list):
            for future in waiters:
                if not future.done():
                    future.set_result(None)
        elif waiters is not None:
            waiters.set()

    def _add_more(self) -> _More:
        if self._more is None:
            self._more = _More()
            if self._trip is not None:
                self._trip.is_plain = False
        return self._more

    def _truthful(self, outcome: Outcome[T]) -> Outcome[T]:
        """Return what is true of the call as a whole: an earlier request may have run it, or was concluded not to have."""
        doubt = None if self._more is None else self._more.doubt
        if doubt is None or getattr(outcome, "is_inferred", False):  # concluded from the very request that made the doubt
            return outcome
        is_read = self.command.is_read
        match outcome, doubt:
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
        error.command, error.site, error.outcome, error.position = self.command, self.site, outcome.name, position
        if self._trip is not None and self._trip.number:
            error.request, error.elapsed = self._trip.number, self._trip.elapsed
            if error.status is None:
                error.status = self._trip.status
        error.note_place()

    def _silence(self) -> None:
        if self._more is not None and self._more.alarm is not None:
            self._more.alarm.is_armed = False
            self._more.alarm = None

    def run_callbacks(self) -> list[CallbackError]:
        """Run the callbacks of a settled call once; return what they raised."""
        if self._more is None or not self._more.callbacks:
            return []
        callbacks, self._more.callbacks = self._more.callbacks, ()
        return run_callbacks(callbacks, self, self.path)


class _More:
    """What only few calls have.

    `doubt`: what an earlier request leaves open: it may have run the call, or was concluded not to have. `wanted`: names of
    properties that were referred to. `raw`: the result as it came, for these.
    """

    __slots__ = ("alarm", "callbacks", "deadline", "doubt", "is_given_up", "raw", "timeout", "wanted")

    def __init__(self) -> None:
        self.timeout: float | None = None
        self.deadline: float | None = None
        self.callbacks: Sequence[Callable[[Any], object]] = ()
        self.wanted: tuple[str, ...] = ()
        self.doubt: Literal["ran", "inferred"] | None = None
        self.alarm: Alarm | None = None
        self.raw: Any = None
        self.is_given_up = False

    def start_clock(self, timeout: float) -> None:
        """Let the caller's limit run from now on."""
        self.timeout = timeout
        with contextlib.suppress(RuntimeError):  # no event loop runs yet: it runs from when the call is about to leave
            self.deadline = anyio.current_time() + timeout
