"""Credentials that are obtained from the portal, kept for one session, and renewed once for all calls that wait for it.
Knows when to renew and whom to tell; a `Renewable` knows how.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay._auth import Authentication, Step, lasting_seconds
from aioliferay.errors import AuthenticationError, LiferayError, NotSentError

if TYPE_CHECKING:
    from types import TracebackType

    from aioliferay._auth import Renewable
    from aioliferay._core.messages import Answer, Request
    from aioliferay._tasks import BackgroundTasks

Carry = Callable[["Request"], Awaitable["Answer"]]
_AddCallback = Callable[[Callable[[Any], object]], object]
_logger = logging.getLogger("aioliferay")
_SECONDS: Final = 30.0  # for a step of a renewal, where the session sets no limit
_FAREWELL_SECONDS: Final = 2.0
_FRUITLESS: Final = 2  # renewals in a row whose credentials the portal gave and then did not accept
_FRUITLESS_SECONDS: Final = 60.0  # after which it is asked again
_SAFE: Final = frozenset({"GET", "HEAD"})  # by HTTP's definition they change nothing
_REFUSED: Final = "the portal gives credentials and then does not accept them"


class _Renewal:
    """A renewal under way: who waits, and how it ended."""

    def __init__(self, *, is_forced: bool) -> None:
        self.is_forced = is_forced  # credentials were refused, not due
        self.is_personal = False  # a person is asked just now
        self.has_posted = False  # the portal may have given something that would be lost
        self.is_over = False
        self.waiters: set[anyio.Event] = set()
        self.scope: anyio.CancelScope | None = None
        self.error: LiferayError | None = None

    async def wait(self) -> None:
        """Wait for its end; being cancelled, wait no longer."""
        wake = anyio.Event()
        self.waiters.add(wake)
        try:
            await wake.wait()
        finally:
            self.waiters.discard(wake)

    def end(self, error: LiferayError | None = None) -> None:
        self.error = error
        self.is_over = True
        for waiter in self.waiters:
            waiter.set()


# Of the task that runs: a function that brings credentials must not wait for itself.
_under_way: ContextVar[tuple[_Renewal, ...]] = ContextVar("_under_way", default=())
# What tells the end of a call, and the task that makes it: tasks that it starts inherit this, and have calls of their own.
_when_done: ContextVar[tuple[int, _AddCallback] | None] = ContextVar("_when_done", default=None)


class Keeper:
    """The credentials of one session.

    A renewal runs in a task of the session's own, within limits of its own: it is not cancelled with the caller who began
    it, and does not inherit that caller's limits. What the portal refuses for good, such as a wrong password, is asked for
    once: later calls fail with the same error at once. Credentials that the portal gives and does not accept are renewed
    twice in a row, and then not for a minute, unless an answer was accepted meanwhile.

    Attributes:
        carry: sends a request for credentials; set by who has the connection.
        seconds: that each step of a renewal may take.
        now: tells the seconds of a clock that only goes forward.
    """

    def __init__(self, way: Renewable[Any], server: str, tasks: BackgroundTasks, *, seconds: float | None) -> None:
        self.way = way
        self.carry: Carry = _unconnected
        self.seconds: float = _SECONDS if seconds is None else seconds
        self._session_seconds = math.inf if seconds is None else seconds
        self.now: Callable[[], float] = time.monotonic
        self._server = server
        self._tasks = tasks
        self._credentials: Any = None
        self._renewal: _Renewal | None = None
        self._failure: LiferayError | None = None
        self._failure_until = math.inf
        self._fruitless = 0
        self._fruitless_since = 0.0
        self._is_closing = False

    async def send(
        self,
        request: Request,
        carry: Carry,
        *,
        may_repeat: Callable[[Answer, bool], bool],
        patience: float = math.inf,
    ) -> Answer:
        """Send a request with credentials, renewed before if they are due, and after if the portal refuses them.

        `may_repeat` tells of an answer, and whether it proves that nothing ran, if the request may be sent again. It is
        asked before credentials are renewed, so that a renewal that fails leaves a request that did not run. `patience`:
        seconds for which to wait for credentials; without, each step of a renewal has its limit.

        Raises:
            AuthenticationError: the portal gives no credentials, or refuses those that it gave.
            LiferayError: no answer.
        """
        until = anyio.current_time() + patience
        credentials = await self._current(until)
        answer, verdict = await self._sent(request, credentials, carry)
        if verdict == "accepted":
            return answer
        if not may_repeat(replace(answer, is_unauthenticated=True), verdict == "refused"):
            with suppress(LiferayError):  # for those who come later
                await self._renewed(credentials, until)
            return answer
        renewed = await self._renewed(credentials, until)
        if renewed is not None:
            answer, verdict = await self._sent(request, renewed, carry)
        if verdict == "refused" and answer.status != 401:  # a page, of which nobody else could tell that nothing ran
            may_repeat(answer, True)  # noqa: FBT003 - as above
            raise AuthenticationError(_REFUSED, status=answer.status)
        return answer

    def patience(self, timeout: float | None) -> float:
        """Return for how long a request with this limit waits for credentials: as long as it takes, if it is the session's.

        A person may take minutes, for which no request may.
        """
        is_own = timeout is not None and not math.isclose(timeout, self._session_seconds, abs_tol=1e-3)
        return timeout if is_own and timeout is not None else math.inf

    async def signed(self, request: Request) -> Request:
        """Return a request with credentials, for one whose answer does not tell whether they are accepted: that of a file.

        Raises:
            LiferayError: the portal gives none.
        """
        return self.way.signed(request, await self._current())

    def close_soon(self) -> None:
        """Note that the session is being closed: a renewal for which nobody waits ends at once.

        But not one that has posted something: a portal may take a refresh token once, and have given the next one already.
        That ends by itself, or when the session stops waiting for what is in flight.
        """
        self._is_closing = True
        if self._renewal is not None:
            self._abandon(self._renewal)

    async def aclose(self) -> None:
        """Give the credentials back, if they are of a kind that can be; for 2 seconds at most, and whatever comes of it."""
        if self._renewal is not None and self._renewal not in _under_way.get():  # it is about to have credentials
            with anyio.move_on_after(_FAREWELL_SECONDS):
                await self._renewal.wait()
        credentials, self._credentials = self._credentials, None
        request = None if credentials is None else self.way.farewell(self._server, credentials)
        if request is not None:
            with anyio.move_on_after(_FAREWELL_SECONDS), suppress(LiferayError):
                await self.carry(request)

    async def _sent(self, request: Request, credentials: Any, carry: Carry) -> tuple[Answer, str]:
        answer = await carry(self.way.signed(request, credentials))
        verdict = self.way.verdict(answer, credentials)
        if verdict == "accepted":
            self._fruitless = 0
            if self._credentials is not None and _is_same(self._credentials, credentials):
                self._credentials = self.way.used(self._credentials, time.time())
        return answer, verdict

    async def _current(self, until: float = math.inf) -> Any:
        # Once: what has a very short life is due again at once.
        if self._credentials is None or self.way.is_due(self._credentials, time.time()):
            await self._renew(self._credentials, until, is_forced=False)
        return self._credentials

    async def _renewed(self, refused: Any, until: float) -> Any:
        """Return credentials in place of refused ones; None if it is of no use to ask for more."""
        if self._credentials is not None and not _is_same(self._credentials, refused):
            return await self._current(until)
        if self._fruitless >= _FRUITLESS and self._renewal is None:
            if self.now() - self._fruitless_since < _FRUITLESS_SECONDS:
                return None
            self._fruitless = 0
        await self._renew(refused, until, is_forced=True)
        return self._credentials

    async def _renew(self, old: Any, until: float, *, is_forced: bool) -> None:
        if self._failure is not None and self.now() < self._failure_until:
            raise self._failure.for_call("")
        renewal = self._renewal or self._begin(old, is_forced=is_forced)
        if renewal in _under_way.get():
            raise NotSentError("what brings the credentials of a session cannot call that session: give it one of its own")
        wake = anyio.Event()
        renewal.waiters.add(wake)
        task, add_callback = _when_done.get() or (0, None)
        if add_callback is not None and task == anyio.get_current_task().id:
            add_callback(lambda _: wake.set())
        try:
            with anyio.move_on_after(until - anyio.current_time()):
                await wake.wait()
        finally:
            renewal.waiters.discard(wake)
            self._abandon(renewal)
        if not renewal.is_over:
            raise NotSentError("its time ran out before there were credentials")
        if renewal.error is not None:
            raise renewal.error.for_call("")

    def _begin(self, old: Any, *, is_forced: bool) -> _Renewal:
        renewal = self._renewal = _Renewal(is_forced=is_forced)
        lost = partial(renewal.end, NotSentError("the event loop ended before there were credentials"))
        renewal.scope = self._tasks.start(partial(self._run, renewal, old), lost=lost)
        return renewal

    def _abandon(self, renewal: _Renewal) -> None:
        """End a renewal for which nobody waits, if a person is asked or the session closes; any other is of use later."""
        is_useless = renewal.is_personal or (self._is_closing and not renewal.has_posted)
        if renewal.waiters or renewal.is_over or not is_useless:
            return
        if self._renewal is renewal:  # who comes now begins another one
            self._renewal = None
        if renewal.scope is not None:
            renewal.scope.cancel()

    async def _run(self, renewal: _Renewal, old: Any) -> None:
        _under_way.set((*_under_way.get(), renewal))
        error: LiferayError | None = NotSentError("the session was closed before there were credentials")
        try:
            self._credentials = await self._obtain(renewal, old)
            error = None
            if renewal.is_forced:
                self._fruitless += 1
                self._fruitless_since = self.now()
        except LiferayError as failure:
            error = failure
            seconds = lasting_seconds(failure) or (math.inf if isinstance(failure, AuthenticationError) else 0.0)
            if seconds:
                self._failure, self._failure_until = failure, self.now() + seconds
        except Exception as failure:  # noqa: BLE001 - whatever it is, those who wait are told
            # Without its traceback: the frames of a way hold what it obtained.
            error = NotSentError(f"no credentials: {type(failure).__name__}: {failure}")
            error.__cause__ = failure.with_traceback(None)
        finally:
            if self._renewal is renewal:
                self._renewal = None
            renewal.end(error)

    async def _obtain(self, renewal: _Renewal, old: Any) -> Any:
        flow = self.way.obtain(self._server, old, time.time())
        try:
            step: Any = next(flow)
            while True:
                carry_out = self._asked if hasattr(step, "url") else self._awaited
                step = flow.send(await carry_out(step, renewal))
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    async def _asked(self, request: Request, renewal: _Renewal) -> Answer:
        renewal.has_posted |= request.method not in _SAFE
        try:
            return await self.carry(request)
        except LiferayError as error:
            cause = error.__cause__
            while cause is not None:  # frames of the HTTP library hold what was sent, such as a password
                cause.__traceback__ = None
                cause = cause.__cause__ or cause.__context__
            raise

    async def _awaited(self, function: Any, renewal: _Renewal) -> Any:
        step = function if isinstance(function, Step) else Step(function)
        renewal.is_personal = step.is_personal
        self._abandon(renewal)
        try:
            with anyio.move_on_after(math.inf if step.is_personal else self.seconds):
                return await step()
            error: LiferayError = NotSentError(f"no credentials: a function did not end within {self.seconds:g} s")
        except LiferayError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 - whatever it is, those who wait are told
            error = NotSentError(f"no credentials: {type(failure).__name__}: {failure}")
            error.__cause__ = failure.with_traceback(_inner(failure.__traceback__))
        finally:
            renewal.is_personal = False
        if not step.told:
            raise error
        _logger.warning("%s: %s", step.told, type(error.__cause__ or error).__name__)  # its text may hold what is secret
        return None


def _inner(frames: TracebackType | None) -> TracebackType | None:
    """Return only the frames of a function of the user's: those of this library hold what others have obtained."""
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith("aioliferay."):
        frames = frames.tb_next
    return frames


def want(add_done_callback: _AddCallback) -> None:
    """Note which call this task makes: when that is given up, it waits for credentials no longer."""
    _when_done.set((anyio.get_current_task().id, add_done_callback))


def kept(
    auth: Authentication | Renewable[Any] | None, server: str, tasks: BackgroundTasks, *, seconds: float | None
) -> Authentication | Keeper | None:
    """Return the authentication of a session: a keeper, if its credentials come from the portal."""
    return auth if auth is None or isinstance(auth, Authentication) else Keeper(auth, server, tasks, seconds=seconds)


def _is_same(one: Any, other: Any) -> bool:
    return one is other or getattr(one, "id", one) == getattr(other, "id", other)


async def _unconnected(_: Request) -> Answer:
    raise NotSentError("the session has no connection yet")
