"""The spine: calls go out together, outcomes come back one by one. Knows one trip; does not know who closed the batch."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay._auth import Authentication, authenticated
from aioliferay._call import bound
from aioliferay._core import codec, plan
from aioliferay._core.messages import Answer, Cancelled, Command, NotSent, Outcome, Request, Unknown, merged
from aioliferay._http import Transport, Trip
from aioliferay.errors import (
    CallCancelledError,
    ClosedError,
    LiferayError,
    NoAnswerError,
    NotSentError,
)
from aioliferay.observe import ExchangeCompleted, ExchangeEvent, ExchangeFailed, ExchangeStarted, Hook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aioliferay._call import Call

_logger = logging.getLogger("aioliferay")
_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}


class UnderWay:
    """A run that has not ended: its calls, what cancels it, and what to wait for."""

    def __init__(self, calls: Sequence[Call[Any]]) -> None:
        self.calls = calls
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()


@dataclass(slots=True)
class Exchange:
    """The way from a session to its portal and back.

    Attributes:
        url: of the invoker.
        transport: carries requests.
        auth: says who calls.
        headers: sent with every request.
        timeout: of a request without a tighter one, in seconds.
        hooks: told what happens.
        is_closed: nothing is sent any more.
        count: requests sent so far.
        under_way: the runs that have not ended.
    """

    url: str
    transport: Transport
    auth: Authentication | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout: float | None = None
    hooks: Sequence[Hook] = ()
    is_closed: bool = False
    count: int = 0
    under_way: list[UnderWay] = field(default_factory=list["UnderWay"])

    async def run(self, calls: Sequence[Call[Any]]) -> None:
        """Send the calls, in one request unless they depend on each other, and settle each of them.

        Never raises what a call suffers. When it is cancelled, the request is aborted, every call is settled (a write that
        may have run as unknown), and the cancellation goes on; a cancellation by `cancel()` ends here.
        """
        run = UnderWay(calls)
        self.under_way.append(run)
        try:
            with run.scope:
                for stage in stages_of(calls):
                    await self._trip(stage)
        finally:
            for call in calls:
                end_cancelled(call)
            self.under_way.remove(run)
            run.ended.set()

    async def join(self) -> None:
        """Wait until no request is under way."""
        while self.under_way:
            await self.under_way[0].ended.wait()

    def cancel(self, *, only_reads: bool = False) -> None:
        """Abort the requests that are under way, whoever sent them, or those that only read; their calls are settled."""
        for run in self.under_way:
            if not only_reads or all(call.command.is_read for call in run.calls):
                run.scope.cancel()

    async def _trip(self, calls: Sequence[Call[Any]]) -> None:
        calls = self._departing(calls)
        if not calls:
            return
        commands = [call.command for call in calls]
        body = codec.encode(commands)
        self.count += 1
        number, started = self.count, time.perf_counter()
        self._notice(ExchangeStarted(number, len(calls), len(body)))
        trip = Trip()
        error: BaseException | None = None
        answer = Answer(0)
        try:
            answer = await self._ask(body, trip, _tightest(calls, self.timeout))
            outcomes = codec.decode(answer, commands)
            error = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
        except Exception as failure:  # noqa: BLE001 - also what an authentication flow of the user's raises ends as an outcome
            error = failure
            outcomes = _unanswered(failure, commands, trip)
        except BaseException:
            self._notice(ExchangeFailed(number, len(calls), len(body), None, time.perf_counter() - started))
            _settle_cancelled(calls, trip)
            raise
        elapsed = time.perf_counter() - started
        if error is not None:
            self._notice(ExchangeFailed(number, len(calls), len(body), error, elapsed))
        else:
            received = len(answer.body)
            self._notice(ExchangeCompleted(number, len(calls), len(body), received, answer.status, elapsed))
        for call, outcome in zip(calls, outcomes, strict=True):
            call.settle(codec.fit(outcome, call.adapter, call.path), getattr(outcome, "value", None))

    async def _ask(self, body: bytes, trip: Trip, timeout: float | None) -> Answer:  # noqa: ASYNC109 - it is handed on
        async def send(request: Request) -> Answer:
            # A flow may ask for a token first: only the invocation itself decides whether the calls were sent.
            own = trip if request.url == self.url else Trip()
            return await self.transport.send(request, own, timeout=timeout)

        return await authenticated(Request("POST", self.url, merged(_JSON, self.headers), body), self.auth, send)

    def _departing(self, calls: Sequence[Call[Any]]) -> list[Call[Any]]:
        """Return the calls that still want to be sent, with their references replaced."""
        departing: list[Call[Any]] = []
        for call in calls:
            if call.done():
                continue
            try:
                if self.is_closed:
                    raise ClosedError("the session is closed: open a new one", path=call.path)
                command = call.command if call.command.params is None else bound(call.command)
            except NotSentError as error:
                call.settle(NotSent(error))
            else:
                call.depart(command)
                departing.append(call)
        return departing

    def _notice(self, event: ExchangeEvent) -> None:
        for hook in self.hooks:
            try:
                hook.on_event(event)
            except Exception:
                _logger.exception("a hook of a session failed")


def end_cancelled(call: Call[Any]) -> None:
    """Settle a call, if nothing else has, that was not sent because its sender was cancelled."""
    if not call.done():
        error = CallCancelledError("it was cancelled before it was sent", path=call.path)
        call.settle(Cancelled(error, is_sent=False))


def stages_of(calls: Sequence[Call[Any]]) -> list[Sequence[Call[Any]]]:
    """Return the calls request by request; more than one request only if calls depend on each other."""
    if all(call.command.params is None for call in calls):
        return [calls]
    positions = {id(call): position for position, call in enumerate(calls)}
    planned = [
        plan.Planned(
            tuple(positions[id(ref.source)] for ref in call.command.references if id(ref.source) in positions),
            call.command.is_read,
        )
        for call in calls
    ]
    return [[calls[position] for position in stage] for stage in plan.stages(planned)]


def _tightest(calls: Sequence[Call[Any]], default: float | None) -> float | None:
    limits = [limit for call in calls if (limit := default if call.timeout is None else call.timeout) is not None]
    tightest = min(limits, default=math.inf)
    return None if math.isinf(tightest) else tightest


def _unanswered(failure: Exception, commands: Sequence[Command], trip: Trip) -> list[Outcome[Any]]:
    if isinstance(failure, LiferayError):
        error: LiferayError = failure
    else:
        kind = NoAnswerError if trip.is_sent else NotSentError
        error = kind(f"the request failed: {type(failure).__name__}: {failure}")
        error.__cause__ = failure
    outcome = Unknown if trip.is_sent and not isinstance(error, NotSentError) else NotSent
    return [outcome(error.for_call(command.path)) for command in commands]


def _settle_cancelled(calls: Sequence[Call[Any]], trip: Trip) -> None:
    for call in calls:
        text = (
            "it was cancelled in flight; the portal may have run it"
            if trip.is_sent
            else "it was cancelled before it was sent"
        )
        error = CallCancelledError(text, path=call.path)
        if trip.is_sent and not call.command.is_read:
            call.settle(Unknown(error), is_told=True)
        else:
            call.settle(Cancelled(error, is_sent=trip.is_sent))
