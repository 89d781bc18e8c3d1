"""Scenarios: what is asked of a portal, on which terms, and what goes wrong on the way; and how one is played. Knows nothing
of what is right: `judging.py` does.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
from hypothesis import strategies as st

from aioliferay import BatchLimits, ConnectError, RetryPolicy, Session
from aioliferay.observe import ExchangeFailed
from aioliferay.testing import FakePortal, JavaError
from fault_proxy import FaultProxy, Passage
from faults import HELD, Fault, Kind, in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from aioliferay import Outcome
    from aioliferay.auth import Answer, Request
    from aioliferay.testing import Execution
    from faults import Upstream

VERSIONS = ("6.2", "7.4")
_AUTHORIZATION = "Basic " + base64.b64encode(b"test@liferay.com:test").decode()
_HELD_SECONDS = 0.05  # the client's patience where a fault never answers: only the client's own clock ends it
_PATIENT_SECONDS = 30.0
_PATHS = {
    "read": "/thing/get-good",
    "bad read": "/thing/get-bad",
    "absent read": "/thing/get-absent",
    "write": "/thing/add-good",
    "bad write": "/thing/add-bad",
    "absent write": "/thing/add-absent",
    "repeatable write": "/thing/update-good",
    "bad repeatable write": "/thing/update-bad",
}
_COMMON = ("read", "write", "bad read", "bad write")


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a scenario; `key` is its own among all calls."""

    kind: str
    key: int

    @property
    def path(self) -> str:
        """The service."""
        return _PATHS[self.kind]

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.kind.endswith("read")

    @property
    def is_repeatable(self) -> bool:
        """Whether it may run more than once."""
        return self.is_read or "repeatable" in self.kind

    @property
    def is_good(self) -> bool:
        """Whether the service does what it is asked."""
        return self.kind in {"read", "write", "repeatable write"}

    @property
    def value(self) -> str:
        """The result of a good one."""
        return f"{self.path} of {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is played. `cancel_after`: checkpoints of the scheduler after which `invoke()` is cancelled."""

    kinds: tuple[str, ...]
    first_key: int = 1
    version: str = "6.2"
    faults: tuple[Fault, ...] = ()
    writes: str = "together"
    on_failure: str = "isolate"
    attempts: int = 3
    timed_out_reads: bool = False
    max_calls: int = 500
    max_bytes: int = 1_048_576
    max_parallel: int = 4
    isolation_requests: int = 200
    is_refreshing: bool = False
    max_requests: int | None = None
    closes_idle: bool = False
    cancel_after: int | None = None

    @property
    def asks(self) -> list[Ask]:
        """The calls; their keys are numbers one after another, so that some are contained in others."""
        return [Ask(kind, self.first_key + place) for place, kind in enumerate(self.kinds)]

    @property
    def label(self) -> str:
        """The row of the table that it belongs to: one fault, among calls that the portal would run, or what is mixed."""
        names = [fault.kind.value for fault in self.faults]
        if self.cancel_after is not None:
            names.append("cancelled")
        if not all(ask.is_good for ask in self.asks):
            names.append("calls that the portal refuses")
        return names[0] if len(names) == 1 else "several of them" if names else "none"


@dataclass(slots=True)
class Attempt:
    """One request as the client means it: the keys of its calls, in order, the size of its body, the answer it has read."""

    number: int
    keys: list[int]
    size: int
    answer: Answer | None = None
    passage: Passage | None = None


@dataclass(slots=True)
class Diary:
    """The authentication of the session; it sees every request, and every answer that the client could read."""

    is_refreshing: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    count: int = 0

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Authenticate, and take note; ask again once, if that is wanted, where the portal does not know who calls."""
        answer = yield from self._noted(request)
        if self.is_refreshing and answer.is_unauthenticated:
            yield from self._noted(request)

    def match(self, passages: Sequence[Passage]) -> None:
        """Note what the proxy saw of each request."""
        attempts = {str(attempt.number): attempt for attempt in self.attempts}
        for passage in passages:
            if (number := passage.header("x-attempt")) is not None:
                attempts[number].passage = passage

    def _noted(self, request: Request) -> Generator[Request, Answer, Answer]:
        keys = [parameters["key"] for statement in json.loads(request.body) for parameters in statement.values()]
        attempt = Attempt(self.count, keys, len(request.body))
        self.count += 1
        self.attempts.append(attempt)
        numbered = request.with_header("X-Attempt", str(attempt.number))
        attempt.answer = yield numbered.with_header("Authorization", _AUTHORIZATION)
        return attempt.answer


@dataclass(slots=True)
class Made:
    """A call that was made: `endings` counts how often it ended."""

    ask: Ask
    outcome: Outcome[Any] | None = None
    error: Exception | None = None
    endings: int = 0


@dataclass(slots=True)
class Evidence:
    """Everything that was seen of a scenario. `items` is what `invoke()` returned, None if it was cancelled.

    `leftovers`: connections in use and tasks of the session when `invoke()` had ended.
    """

    scenario: Scenario
    made: Sequence[Made]
    items: Sequence[object] | None
    attempts: Sequence[Attempt]
    executions: Sequence[Execution]
    passages: Sequence[Passage] = ()
    most_at_once: int = 0
    leftovers: Sequence[str] = ()


def portals(versions: Sequence[str] = VERSIONS) -> dict[str, FakePortal]:
    """Return a portal of each version, with the services that scenarios ask for."""
    made = {version: FakePortal(version, blog_entries=0) for version in versions}
    for portal in made.values():
        for path in _PATHS.values():
            if not path.endswith("absent"):
                _offer(portal, path)
    return made


def _offer(portal: FakePortal, path: str) -> None:
    @portal.service(path)
    def serve(key: int) -> str:
        if path.endswith("bad"):
            text = f"No Thing exists with the primary key {key}"
            raise JavaError("com.liferay.portlet.thing.NoSuchThingException", text, is_not_found=True)
        return f"{path} of {key}"


@dataclass(slots=True)
class _Witness:
    """A hook: connections that were refused are counted by the proxy, which cannot see them."""

    proxy: FaultProxy

    def on_event(self, event: object, /) -> None:
        if isinstance(event, ExchangeFailed) and isinstance(event.error, ConnectError):
            self.proxy.note_refusal()


async def play(scenario: Scenario, portals: Mapping[str, FakePortal], upstream: Upstream | None = None) -> Evidence:
    """Play a scenario through a proxy of its own, and return what was seen."""
    portal = portals[scenario.version]
    portal.executions.clear()
    portal.requests.clear()
    diary = Diary(scenario.is_refreshing)
    proxy = FaultProxy(
        upstream or in_process(portal),
        scenario.faults,
        max_requests=scenario.max_requests,
        closes_idle=scenario.closes_idle,
    )
    async with proxy.running():
        async with _session(scenario, proxy, diary) as session:
            batch = session.batch(writes=scenario.writes, on_failure=scenario.on_failure)
            made = [make(batch, ask) for ask in scenario.asks]
            items = await _invoked(batch, scenario.cancel_after)
            leftovers = leftovers_of(session)
        await proxy.quiet()
    diary.match(proxy.passages)
    return Evidence(
        scenario, made, items, diary.attempts, list(portal.executions), proxy.passages, proxy.most_at_once, leftovers
    )


def _session(scenario: Scenario, proxy: FaultProxy, diary: Diary) -> Session:
    is_held = any(fault.kind in HELD for fault in scenario.faults)
    return Session(
        proxy.url,
        auth=diary,
        timeout=_HELD_SECONDS if is_held else _PATIENT_SECONDS,
        hooks=[_Witness(proxy)],
        retry=RetryPolicy(attempts=scenario.attempts, first_delay=0, timed_out_reads=scenario.timed_out_reads),
        limits=BatchLimits(
            max_calls=scenario.max_calls,
            max_bytes=scenario.max_bytes,
            max_parallel=scenario.max_parallel,
            isolation_requests=scenario.isolation_requests,
        ),
    )


def make(batch: Any, ask: Ask, then: Callable[[], None] = lambda: None) -> Made:
    """Make a call for what is asked, of a batch or of a session."""
    made = Made(ask)

    def end(call: Any) -> None:
        made.endings += 1
        made.outcome, made.error = call.outcome, call.exception()
        then()

    options = {"idempotent": True} if ask.is_repeatable and not ask.is_read else {}
    batch.call(ask.path, {"key": ask.key}, **options).add_done_callback(end)
    return made


async def _invoked(batch: Any, cancel_after: int | None) -> list[object] | None:
    items = None
    if cancel_after is None:
        return await batch.invoke(return_exceptions=True)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def cancel() -> None:
                for _ in range(cancel_after):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()

            group.start_soon(cancel)
            items = await batch.invoke(return_exceptions=True)
            group.cancel_scope.cancel()
    return items


def leftovers_of(session: Session) -> list[str]:
    """Return the connections in use, the tasks and the runs that the session still has."""
    pool = session._exchange.invoker.transport._client._transport._pool
    used = [repr(each) for each in pool.connections if not (each.is_idle() or each.is_closed())]
    tasks = [f"task {task}" for task in session._tasks._scopes.values()]
    return used + tasks + [f"run of {len(run.calls)}" for run in session._exchange.traffic.runs]


_FAULTS = st.builds(
    Fault,
    st.sampled_from(list(Kind)),
    first=st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    times=st.sampled_from([1, 1, 1, 2, 3, None]),
    is_run=st.booleans(),
    largest=st.sampled_from([40, 120, 400]),
)


@st.composite
def scenarios(draw: Any, versions: Sequence[str] = VERSIONS) -> Scenario:
    """Generate (composition of the batch x faults and their positions x policy)."""
    groups = draw(st.lists(st.tuples(st.sampled_from([*_COMMON * 2, *_PATHS]), st.integers(1, 4)), min_size=1, max_size=5))
    count = draw(st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2, 2]))
    faults = tuple(_possible(fault) for fault in draw(st.lists(_FAULTS, min_size=count, max_size=count)))
    return Scenario(
        kinds=tuple(kind for kind, count in groups for _ in range(count)),
        first_key=draw(st.sampled_from([1, 7, 995])),
        version=draw(st.sampled_from(versions)),
        faults=faults,
        writes=draw(st.sampled_from(["together", "alone"])),
        on_failure=draw(st.sampled_from(["isolate", "infer"])),
        attempts=draw(st.sampled_from([1, 2, 3, 3, 4])),
        timed_out_reads=draw(st.booleans()),
        max_calls=draw(st.sampled_from([500, 500, 500, 1, 2, 5])),
        max_bytes=draw(st.sampled_from([1_048_576, 1_048_576, 200])),
        max_parallel=draw(st.sampled_from([4, 4, 1, 2])),
        isolation_requests=draw(st.sampled_from([200, 200, 200, 0, 3])),
        is_refreshing=draw(st.booleans()),
        max_requests=draw(st.sampled_from([None, None, 1, 2, 100])),
        closes_idle=draw(st.integers(0, 4)) == 4,
        cancel_after=draw(st.one_of(st.none(), st.none(), st.none(), st.none(), st.integers(0, 200))),
    )


def _possible(fault: Fault) -> Fault:
    """A portal hides an error of its own behind `{}` and 500: so nothing else may have run when this is forged."""
    is_run = fault.is_run and fault.kind in {
        Kind.BAD_GATEWAY, Kind.UNAVAILABLE, Kind.GATEWAY_TIMEOUT, Kind.PAGE, Kind.ERROR_PAGE, Kind.EMPTY_OBJECT
    }  # fmt: skip
    return Fault(fault.kind, fault.first, fault.times, is_run, fault.largest)
