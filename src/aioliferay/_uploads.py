"""One upload from its first attempt to its outcome: what became of it at the portal, and whether it may go again. Knows that
a form without its end runs nothing; does not know what is in it.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio

from aioliferay._alarms import log_callback_errors
from aioliferay._bodies import Stream
from aioliferay._call import Call
from aioliferay._core import codec, multipart, recovery
from aioliferay._core.messages import Answer, Cancelled, Failed, NotRun, NotSent, Ok, Outcome, Request, Unknown, merged
from aioliferay._trip import Trip
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    CallCancelledError,
    LiferayError,
    NoAnswerError,
    NotSentError,
    ProtocolError,
    ServerError,
)
from aioliferay.observe import ExchangeCompleted, ExchangeFailed, ExchangeStarted, RetryScheduled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioliferay._exchange import Exchange
    from aioliferay._sources import Form

T = TypeVar("T")
LONGEST_PAUSE: Final = 60.0  # seconds in which nothing moves, where the caller sets no limit of his own
_JSON: Final = {"Accept": "application/json"}
_ENDED: Final = "the portal did not know the session any more"
_ONCE: Final = "upload it anew: its content can be read once only"
_BY_POLICY: Final = "Access denied to "
_INCOMPLETE: Final = "it had not gone out to its end, so the portal did not run it"


class UploadCall(Call[T]):
    """A call with files: a request of its own, which `cancel()` aborts at once."""

    __slots__ = ("_abort", "form")

    def __init__(self, call: Call[T], form: Form) -> None:
        self.begin(call.command, None, call.adapter, site=call.site)
        self.form = form
        self._abort: anyio.CancelScope | None = None

    @property
    def is_sent(self) -> bool:
        """Whether the portal may have run it: before it has the end of the form, it does not."""
        return super().is_sent and self.form.is_whole

    def can_abort(self, scope: anyio.CancelScope) -> None:
        """Take what ends the request."""
        self._abort = scope

    def cancel(self) -> bool:
        """Give the call up, and abort its request; every waiter gets a `CallCancelledError`. Return False if it had ended.

        Unless the request was out to its end, the portal does not run it.
        """
        is_cancelled = super().cancel()
        if is_cancelled and self._abort is not None:
            self._abort.cancel()
        return is_cancelled


class Upload:
    """One upload under way."""

    def __init__(self, call: UploadCall[Any], exchange: Exchange, url: str, *, timeout: float | None) -> None:
        self._call = call
        self._form = call.form
        self._exchange = exchange
        self._timeout = timeout
        self._until = math.inf if timeout is None else anyio.current_time() + timeout
        headers = merged(_JSON, exchange.invoker.headers)
        self._request = Request("POST", url, merged(headers, {"Content-Type": call.form.content_type}))
        self._trip = Trip()
        self._end: Outcome[Any] | None = None  # of one that was refused for its credentials, and cannot go again

    async def run(self) -> None:
        """Send it, again where that can do no harm, and settle its call."""
        outcome: Outcome[Any] | None = None
        try:
            with anyio.CancelScope(deadline=self._until):
                outcome = await self._outcome()
            outcome = outcome or self._expired()
        finally:
            await self._form.aclose()
            self._settle(outcome)
            log_callback_errors(self._call.run_callbacks())

    async def _outcome(self) -> Outcome[Any]:
        try:
            await self._form.open()
        except NotSentError as error:
            return NotSent(error)
        attempt = 1
        self._exchange.retries(anyio.current_time()).earn()
        while True:
            outcome, headers = await self._attempt()
            delay = self._delay(outcome, headers, attempt)
            if delay is None:
                return outcome
            self._exchange.invoker.notice(RetryScheduled(self._trip.number, 1, delay))
            await anyio.sleep(delay)
            attempt += 1

    async def _attempt(self) -> tuple[Outcome[Any], Mapping[str, str]]:
        invoker, size = self._exchange.invoker, self._form.size or 0
        invoker.count += 1
        self._trip = trip = Trip(number=invoker.count)
        self._call.depart(trip)
        started = time.perf_counter()
        invoker.notice(ExchangeStarted(trip.number, 1, size))
        answer = Answer(0)
        try:
            answer = await self._answer(trip)
            outcome = self._end or self._decoded(answer)
        except Exception as failure:  # noqa: BLE001 - also what an authentication flow of the user's raises
            outcome = self._failed(failure)
        except BaseException:
            trip.elapsed = time.perf_counter() - started
            invoker.notice(ExchangeFailed(trip.number, 1, self._form.sent, None, trip.elapsed))
            raise
        trip.elapsed = time.perf_counter() - started
        if outcome.error is None:
            told = (trip.number, 1, self._form.sent, len(answer.body), answer.status, trip.elapsed)
            invoker.notice(ExchangeCompleted(*told))
        else:
            invoker.notice(ExchangeFailed(trip.number, 1, self._form.sent, outcome.error, trip.elapsed))
            invoker.portal.note_failure(answer, outcome.error)
        return outcome, answer.headers

    async def _answer(self, trip: Trip) -> Answer:
        return await self._exchange.invoker.carry(
            self._request,
            trip,
            Stream(content=self._form),
            timeout=LONGEST_PAUSE if self._timeout is None else None,
            max_bytes=self._exchange.terms.limits.max_answer_bytes,
            may_repeat=self._may_repeat,
        )

    def _may_repeat(self, answer: Answer, is_gate: bool = False) -> bool:  # noqa: FBT001, FBT002 - as the keeper calls it
        """Tell whether a flow may send the form again: the portal ran nothing, and the form can be read again."""
        outcome = self._decoded(answer)
        is_refused = answer.is_unauthenticated and isinstance(outcome, Failed)
        if not self._form.may_go_again:
            self._end = self._shut_out(answer, outcome) if is_gate or is_refused else outcome
            return False
        if not (is_gate or is_refused or isinstance(outcome, NotRun)):
            return False
        self._trip.is_sent = False
        return True

    def _shut_out(self, answer: Answer, outcome: Outcome[Any]) -> Outcome[Any]:
        """Return what became of an upload that met the end of its session, whatever the answer to it looks like.

        A page of the portal's means a token that it did not take, before it looked for the service. In its JSON a policy
        says that it refuses a guest; any other refusal may be the service's own (`protocol.md` A.3, A.8).
        """
        error = outcome.error
        if not isinstance(error, AccessDeniedError | ProtocolError):
            return outcome
        ended = AuthenticationError(_ENDED, status=answer.status, path=self._call.path)
        ended.remedy = _ONCE
        ended.__cause__ = error
        is_of_service = answer.body.startswith(b"{") and not str(error.args[0]).startswith(_BY_POLICY)
        return Failed(ended) if is_of_service else NotRun(ended)

    def _decoded(self, answer: Answer) -> Outcome[Any]:
        return multipart.decode(answer, self._call.command, may_be_null=self._may_be_null())

    def _may_be_null(self) -> bool:
        """Tell whether `{}` is a result: where null is one by `returns=`, or the portal is known to spell rejections out."""
        version = self._exchange.invoker.portal.version
        if version is not None and (version.major, version.minor) < (7, 3):
            return True
        adapter = self._call.adapter
        if adapter is None:
            return False
        try:
            adapter.validate_python(None)
        except Exception:  # noqa: BLE001 - a validator of the user's own may raise anything
            return False
        return True

    def _failed(self, failure: Exception) -> Outcome[Any]:
        if isinstance(failure, LiferayError):
            error = failure.for_call(self._call.path)
        else:
            kind = NoAnswerError if self._trip.is_sent else NotSentError
            error = kind(f"the upload failed: {type(failure).__name__}: {failure}", path=self._call.path)
            error.__cause__ = failure
        if not self._trip.is_sent:
            return NotSent(error)
        if isinstance(error, NotSentError) or not self._form.is_whole:
            if isinstance(error, NoAnswerError):
                error.args = (f"{error.args[0]}; {_INCOMPLETE}",)
            return NotRun(error)
        return Unknown(error)

    def _delay(self, outcome: Outcome[Any], headers: Mapping[str, str], attempt: int) -> float | None:
        """Return the seconds after which the upload goes again; None if it does not."""
        if outcome.error is None or isinstance(outcome.error, ServerError) or not self._form.may_go_again:
            return None
        now = anyio.current_time()
        situation = recovery.Situation(
            attempt=attempt,
            dice=random.random(),  # noqa: S311 - it spreads pauses
            date=time.time(),
            patience=self._until - now,
            headers=headers,
        )
        step = recovery.next_step([self._call.command], [outcome], situation, self._exchange.terms.retry)
        return step.delay if step.kind == "retry" and self._exchange.retries(now).spend(now) else None

    def _settle(self, outcome: Outcome[Any] | None) -> None:
        call = self._call
        if outcome is None:
            self._settle_cancelled()
        elif isinstance(outcome, Ok):
            call.settle(codec.fit(outcome, call.adapter, call.path), outcome.value)
        else:
            call.settle(outcome)

    def _expired(self) -> Outcome[Any]:
        path = self._call.path
        if not self._trip.is_sent:
            return NotSent(NotSentError(f"its time ran out ({self._timeout:g} s) before it was sent", path=path))
        text = f"no answer within {self._timeout:g} s"
        if self._call.is_sent:
            told = f"{text}; the portal may still be at work on it"
            return Unknown(NoAnswerError(told, is_timeout=True, path=path))
        return NotRun(NoAnswerError(f"{text}; {_INCOMPLETE}", is_timeout=True, path=path))

    def _settle_cancelled(self) -> None:
        if self._call.is_sent:
            error = CallCancelledError("it was cancelled in flight; the portal may have run it", path=self._call.path)
            self._call.settle(Unknown(error), is_told=True)
        else:
            error = CallCancelledError("it was cancelled before it had gone out to its end", path=self._call.path)
            self._call.settle(Cancelled(error, is_sent=False))
