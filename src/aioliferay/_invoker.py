"""One request with statements, and its answer read. Knows who calls and who watches; does not know what comes after."""

from __future__ import annotations

import logging
import math
import sys
from collections import deque
from dataclasses import dataclass, field, replace
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay._auth import Authentication, authenticated
from aioliferay._core import codec
from aioliferay._core.messages import Answer, Command, Failed, NotRun, NotSent, Outcome, Request, Unknown, merged
from aioliferay._core.recovery import shows_caller
from aioliferay._core.refusals import is_unauthenticated
from aioliferay._keeper import Keeper
from aioliferay._many import adapters_of, body_of, commands_of, count_of
from aioliferay._portal import Portal
from aioliferay._trial import Trial, trial_of
from aioliferay._trip import Trip
from aioliferay.errors import (
    AnswerTooLargeError,
    AuthenticationError,
    LiferayError,
    NoAnswerError,
    NotSentError,
    ServerError,
)
from aioliferay.observe import ExchangeCompleted, ExchangeEvent, ExchangeFailed, ExchangeStarted, Hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aioliferay._bodies import Stream
    from aioliferay._call import Call
    from aioliferay._http import Transport

_logger = logging.getLogger("aioliferay")
_FLOW_SECONDS: Final = 60.0  # for a request of a flow, such as for a token, where the request itself is a stream
_MOST_BYTES: Final = 16 * 1024 * 1024  # of an answer to a request for credentials
_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
_LIBRARIES: Final = frozenset({"anyio", "h11", "h2", "hpack", "httpcore", "httpcore2", "httpx", "httpx2", "trio"})
_FOR_ANYBODY: Final = b'[{"/portal/get-build-number":{}}]'  # whom the portal knows


@dataclass(slots=True)
class Posted:
    """What request `number` brought: results or outcomes, one a call, the first error, headers, the size of the body.

    `typed`: the body of the answer, if its results have been read as the types that the calls ask for.
    """

    number: int
    results: Sequence[Any]
    outcomes: Sequence[Outcome[Any]]
    error: LiferayError | None
    headers: Mapping[str, str]
    sent_bytes: int
    typed: bytes | None = None

    def untyped(self) -> Sequence[Any]:
        """Return the results as they came."""
        return codec.results(Answer(200, body=self.typed or b""), len(self.results)) or ()


@dataclass(slots=True)
class Invoker:
    """The portal's invoker, as a session reaches it.

    Attributes:
        url: where statements are posted.
        transport: carries requests.
        auth: says who calls.
        headers: sent with every request.
        hooks: told what happens.
        count: requests sent so far.
        seconds: what the last requests took that were answered.
        portal: what is known of the portal.
        trial: whether the portal takes credentials that do not change.
    """

    url: str
    transport: Transport
    auth: Authentication | Keeper | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    hooks: Sequence[Hook] = ()
    count: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=16))
    portal: Portal = field(default_factory=Portal)
    trial: Trial | None = None

    def __post_init__(self) -> None:
        """Give the keeper of credentials its connection; try others."""
        if isinstance(self.auth, Keeper):
            self.auth.carry = self._fetch
        else:
            self.trial = self.trial or trial_of(self.auth, self.headers)

    @property
    def fastest(self) -> float | None:
        """The seconds that a request takes at least, by the last ones; None if none was answered yet."""
        return min(self.seconds, default=None)

    async def post(  # noqa: PLR0913 - by name
        self,
        calls: Sequence[Call[Any]],
        trip: Trip,
        *,
        body: bytes | None = None,
        now: float,
        timeout: float | None,  # noqa: ASYNC109 - the HTTP library needs the number too
        max_bytes: int,
    ) -> Posted:
        """Post the calls in one request, note in `trip` how far it came, and return what became of each of them.

        `body`: of the request, if it was made already, of calls of which none stands for several. `now`: the time.

        Raises nothing but a cancellation, after which `trip` tells whether the request had left.
        """
        count = len(calls) if body is not None else count_of(calls)
        body = body_of(calls) if body is None else body
        self.count += 1
        trip.number, started = self.count, now
        size = len(body)
        if self.hooks:
            self.notice(ExchangeStarted(trip.number, count, size))
        answer = Answer(0)
        error: Exception | None = None
        results: Sequence[Any] | None = None
        typed: bytes | None = None
        outcomes: Sequence[Outcome[Any]] = ()
        try:
            answer = await self._ask(body, calls, trip, timeout, max_bytes)
            adapters = adapters_of(calls) if trip.is_plain else None
            results = None if adapters is None else codec.typed_results(answer, adapters)
            typed = None if results is None else answer.body
            results = codec.results(answer, len(calls)) if results is None else results
            trial = None if self.trial is None or self.trial.is_examined else self.trial
            if results is None or trial is not None:
                commands = commands_of(calls)
                outcomes = codec.decode(answer, commands)
                if trial is not None:
                    left = None if timeout is None else timeout - (anyio.current_time() - started)
                    outcomes = await self._examined(trial, commands, outcomes, left)
                error = outcomes[0].error
        except Exception as failure:  # noqa: BLE001 - also what an authentication flow of the user's raises ends as an outcome
            error = failure
            outcomes = _unanswered(failure, commands_of(calls), trip)
        except BaseException:
            trip.elapsed = anyio.current_time() - started
            self.notice(ExchangeFailed(trip.number, count, size, None, trip.elapsed))
            raise
        trip.elapsed = anyio.current_time() - started
        if answer.status:
            self.seconds.append(trip.elapsed)
        if error is not None:
            self.notice(ExchangeFailed(trip.number, count, size, error, trip.elapsed))
            self.portal.note_failure(answer, error)
        elif self.hooks:
            received = len(answer.body)
            self.notice(ExchangeCompleted(trip.number, count, size, received, answer.status, trip.elapsed))
        first = outcomes[0].error if outcomes and results is None else None
        return Posted(trip.number, results or (), outcomes, first, answer.headers, size, typed)

    async def ask(self, method: str, url: str, *, timeout: float | None, max_bytes: int) -> Answer:  # noqa: ASYNC109 - as above
        """Send a request that only reads, and return its answer, whatever its status.

        Raises:
            LiferayError: there is no answer.
        """
        request = Request(method, url, merged({"Accept": "application/json"}, self.headers))
        return await self._send(request, Trip(), timeout, max_bytes, may_repeat=_always)

    async def carry(  # noqa: PLR0913 - by name
        self,
        own: Request,
        trip: Trip,
        stream: Stream,
        *,
        timeout: float | None,  # noqa: ASYNC109 - it is handed on
        max_bytes: int,
        may_repeat: Callable[..., bool] | None = None,
    ) -> Answer:
        """Send a request whose body, or whose answer's, is streamed.

        `may_repeat` tells an authentication flow whether the request may go again after an answer. Without it the request is
        for a file. Of its answer nobody can tell whether it refuses the credentials or this user, so none are renewed.

        Raises:
            LiferayError: there is no answer.
        """
        if may_repeat is not None or not isinstance(self.auth, Keeper):

            async def send(_: float = 0.0) -> Answer:
                return await self._send(own, trip, timeout, max_bytes, may_repeat=may_repeat or _always, stream=stream)

            return await send() if self.trial is None or may_repeat is None else await self.trial.send(send)

        own = await self.auth.signed(own)
        return await self._dispatch(own, trip, timeout, max_bytes, stream)

    async def _ask(
        self,
        body: bytes,
        calls: Sequence[Call[Any]],
        trip: Trip,
        timeout: float | None,  # noqa: ASYNC109 - it is handed on
        max_bytes: int,
    ) -> Answer:
        invocation = Request("POST", self.url, merged(_JSON, self.headers), body)
        if self.auth is None and self.trial is None:
            return await self._dispatch(invocation, trip, timeout, max_bytes)

        def may_repeat(answer: Answer, is_gate: bool = False) -> bool:  # noqa: FBT001, FBT002 - as the keeper calls it
            if not is_gate and not _may_repeat(answer, commands_of(calls)):
                return False
            trip.is_sent = False  # what left did not run
            return True

        async def send(waited: float = 0.0) -> Answer:
            left = None if timeout is None else timeout - waited
            return await self._send(invocation, trip, left, max_bytes, may_repeat=may_repeat)

        return await send() if self.trial is None else await self.trial.send(send, math.inf if timeout is None else timeout)

    async def _examined(
        self, trial: Trial, commands: Sequence[Command], outcomes: list[Outcome[Any]], seconds: float | None
    ) -> list[Outcome[Any]]:
        """Return the outcomes, with another error if a call that every user may make shows that the credentials are wrong.

        What guests are told as well, such as that there is no such service, may lead to a search: many requests with them.
        """
        error = outcomes[0].error
        if shows_caller(outcomes, commands):
            trial.confirm()
        is_of_service = isinstance(error, ServerError | AnswerTooLargeError) and not isinstance(error, AuthenticationError)
        if trial.is_examined or not is_of_service or isinstance(outcomes[0], NotRun):
            return outcomes
        trial.doubts += 1
        if len(commands) == 1 and trial.doubts == 1:  # nothing follows from it, unless there are more
            return outcomes

        async def ask() -> Answer:
            request = Request("POST", self.url, merged(_JSON, self.headers), _FOR_ANYBODY)
            return await self._send(request, Trip(), seconds, _MOST_BYTES, may_repeat=_always)

        wrong = await trial.examine(ask)
        if wrong is None:
            return outcomes
        wrong.__cause__ = error
        kind = Failed if isinstance(outcomes[0], Failed) else Unknown
        return [kind(wrong.for_call(command.path)) for command in commands]

    async def _send(  # noqa: PLR0913 - by name
        self,
        own: Request,
        trip: Trip,
        timeout: float | None,  # noqa: ASYNC109 - it is handed on
        max_bytes: int,
        *,
        may_repeat: Callable[..., bool],
        stream: Stream | None = None,
    ) -> Answer:
        if self.auth is None:
            return await self._dispatch(own, trip, timeout, max_bytes, stream)

        async def send(request: Request) -> Answer:
            if request.url == own.url:
                return await self._dispatch(request, trip, timeout, max_bytes, stream)
            # A flow may ask for a token first: only the request itself decides whether the calls were sent. Others may wait
            # for that token too, and so a stream's own time is not its time.
            seconds = timeout if stream is None else _FLOW_SECONDS
            return await self._dispatch(request, Trip(), seconds, max_bytes)

        async def send_for_flow(request: Request) -> Answer:
            answer = await send(request)
            return replace(answer, is_unauthenticated=True) if is_unauthenticated(answer) else answer

        if isinstance(self.auth, Keeper):
            patience = self.auth.patience(timeout if stream is None else None)  # a stream's is that of its pauses
            return await self.auth.send(own, send_for_flow, may_repeat=may_repeat, patience=patience)
        return await authenticated(own, self.auth, send_for_flow, may_repeat=may_repeat)

    async def _dispatch(
        self,
        request: Request,
        trip: Trip,
        timeout: float | None,  # noqa: ASYNC109 - it is handed on
        max_bytes: int,
        stream: Stream | None = None,
    ) -> Answer:
        try:
            return await self.transport.send(request, trip, timeout=timeout, max_bytes=max_bytes, stream=stream)
        except LiferayError as error:
            step = error.__cause__ or error.__context__
            while step is not None:
                step.__traceback__ = _without_libraries(step.__traceback__)
                step = step.__cause__ or step.__context__
            raise

    async def _fetch(self, request: Request) -> Answer:
        """Send a request for credentials, within the limits of their keeper: many may wait for it, each with its own."""
        seconds = self.auth.seconds if isinstance(self.auth, Keeper) else _FLOW_SECONDS
        if self.transport.is_home(request.url, self.url):
            request = replace(request, headers=merged(self.headers, request.headers))
        answer = await self._dispatch(request, Trip(), seconds, _MOST_BYTES)
        return replace(answer, is_unauthenticated=True) if is_unauthenticated(answer) else answer

    def close_soon(self) -> None:
        """Note that the session is being closed: what nobody waits for ends."""
        if isinstance(self.auth, Keeper):
            self.auth.close_soon()

    async def aclose(self) -> None:
        """Give back what the portal gave, such as a session of its own."""
        if isinstance(self.auth, Keeper):
            await self.auth.aclose()

    def notice(self, event: ExchangeEvent) -> None:
        """Tell the hooks."""
        for hook in self.hooks:
            try:
                hook.on_event(event)
            except Exception:
                _logger.exception("a hook of a session failed")


def _always(*_: object) -> bool:
    return True


def _may_repeat(answer: Answer, commands: Sequence[Command]) -> bool:
    """Tell whether a flow may send the same statements again after this answer."""
    outcome = codec.decode(answer, commands)[0]
    if isinstance(outcome, NotRun):
        return True
    is_alone = len(commands) == 1 and commands[0].calls == 1 and isinstance(outcome, Failed)  # what it does was not done
    return answer.is_unauthenticated and (is_alone or all(command.is_repeatable for command in commands))


def _without_libraries(frames: TracebackType | None) -> TracebackType | None:
    """Return the frames without those that hold what was sent, in local variables: a header in it may be a credential."""
    kept: TracebackType | None = None
    for frame, line in reversed([*walk_tb(frames)]):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in sys.stdlib_module_names and package not in _LIBRARIES:
            kept = TracebackType(kept, frame, frame.f_lasti, line)
    return kept


def _unanswered(failure: Exception, commands: Sequence[Command], trip: Trip) -> list[Outcome[Any]]:
    if isinstance(failure, LiferayError):
        error: LiferayError = failure
    else:
        kind = NoAnswerError if trip.is_sent else NotSentError
        error = kind(f"the request failed: {type(failure).__name__}: {failure}")
        error.__cause__ = failure
    outcome = Unknown if trip.is_sent and not isinstance(error, NotSentError) else NotSent
    return [outcome(error.for_call(command.path)) for command in commands]
