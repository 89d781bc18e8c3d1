"""Streams as they may be used and go wrong: what is asked, how it is taken, what the portal does; and what must hold, judged
by the portal's journal. Knows nothing of how the library comes to its outcomes.
"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
from hypothesis import strategies as st

from aioliferay import ClosedError, RetryPolicy, Session, StreamCommand
from aioliferay.testing import FakePortal, JavaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from aioliferay import StreamItem

_PATHS = {
    "read": "/thing/get-good",
    "bad read": "/thing/get-bad",
    "named bad read": "/thing/get-named",
    "write": "/thing/add-good",
    "bad write": "/thing/add-bad",
    "repeatable write": "/thing/update-good",
    "no command": "nowhere",
}
_FAULTS = (
    {"status": 429},
    {"status": 503},
    {"status": 413},
    {"status": 408},
    {"status": 502},
    {"status": 404},
    {"status": 429, "headers": {"Retry-After": "1"}},
    {"drop": "before"},
    {"drop": "before", "statement": 2},
    {"drop": "after"},
    {"drop": "after", "statement": 1},
    {"truncate": 3},
    {"html": True},
    {"count": 1},
    {"count": -1},
    {"delay": 0.004},
    {},
)
ENDS = ("all", "break", "aclose", "stop", "cancel", "session", "source fails")


@dataclass(frozen=True, slots=True)
class Asked:
    """One command; `key` is its own in the scenario, and its place."""

    kind: str
    key: int

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.kind.endswith("read")

    @property
    def command(self) -> Any:
        """The command as it is given."""
        params = {"key": self.key}
        if self.kind == "repeatable write":
            return StreamCommand(_PATHS[self.kind], params, idempotent=True)
        return (_PATHS[self.kind], params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is played. `end`, after `after` items; `pauses`: checkpoints of whoever takes items between two of them."""

    kinds: tuple[str, ...]
    faults: tuple[dict[str, Any], ...] = ()
    is_plain: bool = True
    is_ordered: bool = True
    has_journal: bool = False
    calls: int | None = None
    parallel: int | None = None
    writes: str = "alone"
    end: str = "all"
    after: int = 0
    pauses: int = 0
    gaps: int = 0
    takers: int = 1

    @property
    def asked(self) -> list[Asked]:
        """The commands."""
        return [Asked(kind, key) for key, kind in enumerate(self.kinds)]


def scenarios() -> st.SearchStrategy[Scenario]:
    """Return a strategy for scenarios."""
    kinds = st.one_of(
        st.lists(st.sampled_from(sorted(_PATHS)), max_size=40),
        st.lists(st.sampled_from(["read"] * 19 + ["bad read"]), max_size=300),
        st.lists(st.sampled_from(["read", "read", "write", "repeatable write"]), max_size=80),
        st.integers(0, 900).map(lambda count: ["read"] * count),
    )
    return st.builds(
        Scenario,
        kinds=kinds.map(tuple),
        faults=st.lists(st.sampled_from(_FAULTS), max_size=8).map(tuple),
        is_plain=st.booleans(),
        is_ordered=st.booleans(),
        has_journal=st.booleans(),
        calls=st.one_of(st.none(), st.integers(1, 60)),
        parallel=st.one_of(st.none(), st.integers(1, 5)),
        writes=st.sampled_from(["alone", "alone", "together"]),
        end=st.sampled_from(("all", "all", *ENDS)),
        after=st.integers(0, 60),
        pauses=st.integers(0, 3),
        gaps=st.integers(0, 3),
        takers=st.sampled_from([1, 1, 1, 2, 3]),
    )


@dataclass
class Evidence:
    """What was seen: items in the order in which they came, positions that were told before they left, what was raised."""

    scenario: Scenario
    commands: list[Any]
    portal: FakePortal
    items: list[StreamItem[Any]] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)
    is_source_closed: bool = False
    given: int = 0
    left: tuple[int, int] = (0, 0)

    @property
    def entered(self) -> Counter[Any]:
        """How often the service of each command was entered."""
        return Counter(each.parameters["key"] for each in self.portal.executions)

    @property
    def ran(self) -> Counter[Any]:
        """How often it did what it was asked."""
        return Counter(each.parameters["key"] for each in self.portal.executions if each.error is None)


def _portal(faults: tuple[dict[str, Any], ...]) -> FakePortal:
    portal = FakePortal("7.0", blog_entries=0)

    async def good(key: int) -> int:
        await anyio.lowlevel.checkpoint()
        return key

    def bad(key: int) -> int:
        raise JavaError("com.liferay.test.NoSuchThingException", "no such thing")

    def named(key: int) -> int:
        raise JavaError("com.liferay.test.NoSuchThingException", f"no thing with the primary key {key}")

    for kind, path in _PATHS.items():
        if path.startswith("/"):
            portal.service(path, guest=True)(named if "named" in kind else bad if "bad" in kind else good)
    for fault in faults:
        portal.misbehave(**fault)
    return portal


async def play(scenario: Scenario) -> Evidence:
    """Play a scenario, and return what was seen."""
    portal = _portal(scenario.faults)
    seen = Evidence(scenario, [asked.command for asked in scenario.asked], portal)
    client = httpx.AsyncClient(transport=portal.transport())
    session = Session(portal.url, http=client, retry=RetryPolicy(attempts=2, first_delay=0.001))

    async def before_send(pairs: Any) -> None:
        await anyio.lowlevel.checkpoint()
        assert pairs
        for place, command in pairs:
            assert command is seen.commands[place]
        seen.told += [place for place, _ in pairs]

    stream = session.stream(
        _plain(seen) if scenario.is_plain else _asynchronous(seen),
        ordered=scenario.is_ordered,
        calls=scenario.calls,
        parallel=scenario.parallel,
        writes=scenario.writes,
        before_send=before_send if scenario.has_journal else None,
    )
    async with session:
        async with aclosing(stream), anyio.create_task_group() as group:
            for _ in range(scenario.takers):
                group.start_soon(_take, stream, session, seen, group.cancel_scope)
        with anyio.fail_after(5):
            await stream.aclose()  # once more does no harm
        seen.left = len(session._tasks._scopes), len(session._exchange.traffic.runs)
    return seen


def _plain(seen: Evidence) -> Generator[Any]:
    try:
        for command in seen.commands:
            if seen.scenario.end == "source fails" and seen.given == seen.scenario.after:
                raise LookupError("no more")
            seen.given += seen.scenario.is_plain
            yield command
    finally:
        seen.is_source_closed = True


async def _asynchronous(seen: Evidence) -> AsyncIterator[Any]:
    with anyio.CancelScope(), closing(_plain(seen)) as commands:  # only the task that entered a scope may leave it
        for command in commands:
            for _ in range(seen.scenario.gaps):
                await anyio.lowlevel.checkpoint()
            seen.given += 1
            yield command


async def _take(stream: Any, session: Session, seen: Evidence, scope: anyio.CancelScope) -> None:
    scenario = seen.scenario
    try:
        async for item in stream:
            seen.items.append(item)
            for _ in range(scenario.pauses):
                await anyio.lowlevel.checkpoint()
            if len(seen.items) == scenario.after + 1:
                match scenario.end:
                    case "break":
                        return
                    case "aclose":
                        await stream.aclose()
                    case "stop":
                        stream.stop()
                    case "cancel":
                        scope.cancel()
                    case "session":
                        await session.aclose()
    except (ClosedError, LookupError) as error:
        seen.raised.append(error)


def judge(seen: Evidence) -> None:
    """Fail unless all holds that must."""
    scenario, items = seen.scenario, seen.items
    assert (0, 0) == seen.left
    assert seen.is_source_closed or seen.given == 0 or (scenario.end == "cancel" and not seen.given)
    places = [item.position for item in items]
    assert len(set(places)) == len(places)
    if scenario.is_ordered and scenario.takers == 1:
        assert list(range(len(places))) == places
    for item in items:
        assert item.command is seen.commands[item.position]
    _judge_end(seen)
    _judge_writes(seen)
    for item in items:
        _judge_item(seen, item)


def _judge_end(seen: Evidence) -> None:
    scenario = seen.scenario
    ended_itself = scenario.end == "all" or len(seen.items) <= scenario.after
    if scenario.end == "source fails":
        assert set(range(seen.given)) == {item.position for item in seen.items}
        assert len(seen.raised) == (1 if len(seen.commands) > scenario.after else 0)
    elif ended_itself and scenario.end != "session":
        assert set(range(len(seen.commands))) == {item.position for item in seen.items}
        assert not seen.raised
    elif scenario.end == "stop":
        assert set(range(seen.given)) == {item.position for item in seen.items}
        assert not seen.raised
    if not scenario.faults and scenario.writes == "alone" and scenario.end in {"all", "source fails"}:
        for item in seen.items:
            kind = scenario.kinds[item.position]
            expected = "not sent" if kind == "no command" else "failed" if "bad" in kind else "ok"
            assert expected == item.outcome.name


def _judge_writes(seen: Evidence) -> None:
    keys = [each.parameters["key"] for each in seen.portal.executions if "/add-" in each.path]
    assert len(keys) == len(set(keys))
    assert sorted(keys) == keys
    if seen.scenario.has_journal:
        assert len(set(seen.told)) == len(seen.told)
        assert set(seen.entered) <= set(seen.told)


def _judge_item(seen: Evidence, item: StreamItem[Any]) -> None:
    asked = seen.scenario.asked[item.position]
    entered, ran, name = seen.entered[asked.key], seen.ran[asked.key], item.outcome.name
    if name == "ok":
        assert asked.key == item.result
        assert ran == 1 if asked.kind == "write" else ran >= 1
        assert "bad" not in asked.kind
    elif name == "failed":
        assert ran == 0 or asked.is_read
    elif (
        name == "not sent"
        or (name == "cancelled" and not item.outcome.is_sent)
        or (name, asked.is_read) == ("not run", False)
    ):
        assert entered == 0
    assert (item.error is None) == (name == "ok")
