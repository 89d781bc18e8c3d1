"""One request with statements, and its answer read. Knows who calls and who watches; does not know what comes after."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from aioliferay._auth import Authentication, authenticated
from aioliferay._core import codec
from aioliferay._core.messages import Answer, Command, Failed, NotRun, NotSent, Outcome, Request, Unknown, merged
from aioliferay._core.refusals import is_unauthenticated
from aioliferay._http import Transport, Trip
from aioliferay._keeper import Keeper
from aioliferay._portal import Portal
from aioliferay.errors import LiferayError, NoAnswerError, NotSentError
from aioliferay.observe import ExchangeCompleted, ExchangeEvent, ExchangeFailed, ExchangeStarted, Hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aioliferay._bodies import Stream

_logger = logging.getLogger("aioliferay")
_FLOW_SECONDS: Final = 60.0  # for a request of a flow, such as for a token, where the request itself is a stream
_MOST_BYTES: Final = 16 * 1024 * 1024  # of an answer to a request for credentials
_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}


@dataclass(slots=True)
class Posted:
    """What request `number` brought: an outcome a command, the first error, the answer's headers, the size of the body."""

    number: int
    outcomes: Sequence[Outcome[Any]]
    error: LiferayError | None
    headers: Mapping[str, str]
    sent_bytes: int


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
    """

    url: str
    transport: Transport
    auth: Authentication | Keeper | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    hooks: Sequence[Hook] = ()
    count: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=16))
    portal: Portal = field(default_factory=Portal)

    def __post_init__(self) -> None:
        """Give the keeper of credentials its connection."""
        if isinstance(self.auth, Keeper):
            self.auth.carry = self._fetch

    @property
    def fastest(self) -> float | None:
        """The seconds that a request takes at least, by the last ones; None if none was answered yet."""
        return min(self.seconds, default=None)

    async def post(self, commands: Sequence[Command], trip: Trip, *, timeout: float | None, max_bytes: int) -> Posted:  # noqa: ASYNC109 - the HTTP library needs the number too
        """Post the commands in one request, note in `trip` how far it came, and return what became of each of them.

        Raises nothing but a cancellation, after which `trip` tells whether the request had left.
        """
        body = codec.encode(commands)
        self.count += 1
        trip.number, started = self.count, time.perf_counter()
        size, calls = len(body), sum([command.calls for command in commands])
        self.notice(ExchangeStarted(trip.number, calls, size))
        answer = Answer(0)
        error: Exception | None = None
        try:
            answer = await self._ask(body, commands, trip, timeout, max_bytes)
            outcomes = codec.decode(answer, commands)
            error = outcomes[0].error
        except Exception as failure:  # noqa: BLE001 - also what an authentication flow of the user's raises ends as an outcome
            error = failure
            outcomes = _unanswered(failure, commands, trip)
        except BaseException:
            trip.elapsed = time.perf_counter() - started
            self.notice(ExchangeFailed(trip.number, calls, size, None, trip.elapsed))
            raise
        trip.elapsed = time.perf_counter() - started
        if answer.status:
            self.seconds.append(trip.elapsed)
        if error is None:
            received = len(answer.body)
            self.notice(ExchangeCompleted(trip.number, calls, size, received, answer.status, trip.elapsed))
        else:
            self.notice(ExchangeFailed(trip.number, calls, size, error, trip.elapsed))
            self.portal.note_failure(answer, error)
        return Posted(trip.number, outcomes, outcomes[0].error, answer.headers, size)

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
            return await self._send(own, trip, timeout, max_bytes, may_repeat=may_repeat or _always, stream=stream)

        own = await self.auth.signed(own)
        return await self.transport.send(own, trip, timeout=timeout, max_bytes=max_bytes, stream=stream)

    async def _ask(
        self,
        body: bytes,
        commands: Sequence[Command],
        trip: Trip,
        timeout: float | None,  # noqa: ASYNC109 - it is handed on
        max_bytes: int,
    ) -> Answer:
        def may_repeat(answer: Answer, is_gate: bool = False) -> bool:  # noqa: FBT001, FBT002 - as the keeper calls it
            if not is_gate and not _may_repeat(answer, commands):
                return False
            trip.is_sent = False  # what left did not run
            return True

        invocation = Request("POST", self.url, merged(_JSON, self.headers), body)
        return await self._send(invocation, trip, timeout, max_bytes, may_repeat=may_repeat)

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
        async def send(request: Request) -> Answer:
            if request.url == own.url:
                return await self.transport.send(request, trip, timeout=timeout, max_bytes=max_bytes, stream=stream)
            # A flow may ask for a token first: only the request itself decides whether the calls were sent. Others may wait
            # for that token too, and so a stream's own time is not its time.
            seconds = timeout if stream is None else _FLOW_SECONDS
            return await self.transport.send(request, Trip(), timeout=seconds, max_bytes=max_bytes)

        if self.auth is None:
            return await send(own)

        async def send_for_flow(request: Request) -> Answer:
            answer = await send(request)
            return replace(answer, is_unauthenticated=True) if is_unauthenticated(answer) else answer

        if isinstance(self.auth, Keeper):
            patience = self.auth.patience(timeout if stream is None else None)  # a stream's is that of its pauses
            return await self.auth.send(own, send_for_flow, may_repeat=may_repeat, patience=patience)
        return await authenticated(own, self.auth, send_for_flow, may_repeat=may_repeat)

    async def _fetch(self, request: Request) -> Answer:
        """Send a request for credentials, within the limits of their keeper: many may wait for it, each with its own."""
        seconds = self.auth.seconds if isinstance(self.auth, Keeper) else _FLOW_SECONDS
        if self.transport.is_home(request.url, self.url):
            request = replace(request, headers=merged(self.headers, request.headers))
        answer = await self.transport.send(request, Trip(), timeout=seconds, max_bytes=_MOST_BYTES)
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


def _unanswered(failure: Exception, commands: Sequence[Command], trip: Trip) -> list[Outcome[Any]]:
    if isinstance(failure, LiferayError):
        error: LiferayError = failure
    else:
        kind = NoAnswerError if trip.is_sent else NotSentError
        error = kind(f"the request failed: {type(failure).__name__}: {failure}")
        error.__cause__ = failure
    outcome = Unknown if trip.is_sent and not isinstance(error, NotSentError) else NotSent
    return [outcome(error.for_call(command.path)) for command in commands]
