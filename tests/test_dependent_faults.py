"""Calls that depend on each other, under every kind of fault: the portal's journal agrees with the outcomes.

`AIOLIFERAY_GRAPHS` sets the number of graphs of all such tests; a tenth of it meets faults here.
"""

from __future__ import annotations

import os
from collections import Counter

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aioliferay import Cancelled, DependencyError, Failed, NotRun, NotSent, Ok, RetryPolicy, Session, Unknown
from aioliferay.testing import FakePortal, JavaError

pytestmark = pytest.mark.slow

COUNT = max(int(os.environ.get("AIOLIFERAY_GRAPHS", "5000")) // 10, 10)
ADMIN = ("test@liferay.com", "test")
AT_ONCE = RetryPolicy(first_delay=0)
FAULTS = [
    {},
    {"status": 413},
    {"status": 429},
    {"status": 503},
    {"html": True},
    {"body": b"{}"},
    {"body": b"{}", "status": 500},
    {"count": 1},
    {"count": -1},
    {"truncate": 9},
    {"drop": "before"},
    {"drop": "before", "statement": 1},
    {"drop": "after"},
    {"drop": "after", "statement": 1},
]


class Case:
    """A portal whose services know their executions by the key they were given, on a socket of its own."""

    def __init__(self):
        self.portal = FakePortal(blog_entries=0)
        self.entered = Counter()

        # `ref` only makes a call depend on another.
        @self.portal.service("/thing/get-thing")
        def get_thing(key: int, ref: int, bad: bool) -> dict[str, object]:  # noqa: FBT001 - what the wire brings
            return self._made(key, bad=bad)

        @self.portal.service("/thing/get-things")
        def get_things(key: int, ref: int, bad: bool) -> list[dict[str, object]]:  # noqa: FBT001 - as above
            return [self._made(key, bad=bad)] * 2

        @self.portal.service("/thing/add-thing")
        def add_thing(key: int, ref: int, bad: bool) -> dict[str, object]:  # noqa: FBT001 - as above
            return self._made(key, bad=bad)

    def begin(self, faults):
        """Forget what was, and let the next requests go wrong."""
        self.entered.clear()
        self.portal._faults._waiting.clear()
        for fault in faults:
            self.portal.misbehave(**fault)

    def _made(self, key, *, bad):
        if bad:
            raise JavaError("com.example.NoSuchThingException", f"no thing {key}")
        self.entered[key] += 1
        return {"key": key, "ref": key, "password": "secret"}


@st.composite
def graphs(draw):
    """Draw calls: kind, the earlier call that each refers to, whether it is selected, whether the portal refuses it."""
    calls = []
    for position in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(["get", "get", "get", "list", "add"]))
        parent = draw(st.none() | st.integers(0, position - 1)) if position else None
        calls.append((kind, parent, draw(st.booleans()), draw(st.integers(0, 9)) == 0))
    return calls


def queued(batch, calls):
    """Queue the calls of a graph; each has its position as its key."""
    made = []
    for key, (kind, parent, is_selected, is_bad) in enumerate(calls):
        ref = 0
        if parent is not None:
            is_list = calls[parent][0] == "list" or made[parent].is_fan
            ref = made[parent].each["ref"] if is_list else made[parent]["ref"]
        path = {"get": "/thing/get-thing", "list": "/thing/get-things", "add": "/thing/add-thing"}[kind]
        select = ["key"] if is_selected else None
        made.append(batch.call(path, {"key": key, "ref": ref, "bad": is_bad}, select=select))
    return made


def judged(case, calls, made):
    """Fail unless the outcome of every call agrees with how often the portal ran it."""
    for key, call in enumerate(made):
        kind, parent, is_selected, _ = calls[key]
        ran, outcome = case.entered[key], call.outcome
        told = f"call {key} of {calls} is {outcome}, and ran {ran} times"
        assert not isinstance(outcome, Cancelled), told
        if kind == "add" and not _runs_per_element(calls, key):
            assert ran <= 1, told
        if kind == "add" and isinstance(outcome, Failed | NotSent | NotRun):
            assert ran == 0, told
        if isinstance(outcome, Ok):
            assert ran >= 1 or outcome.value == [], told
            assert not is_selected or "secret" not in str(outcome.value), told
        if isinstance(call.exception(), DependencyError):
            assert made[parent].exception() in {call.exception().__cause__, None}, told


def _runs_per_element(calls, key):
    parent = calls[key][1]
    return parent is not None and (calls[parent][0] == "list" or _runs_per_element(calls, parent))


async def play(case, url, calls, dependent):
    """Send a graph, and return its calls."""
    async with Session(url, auth=ADMIN, retry=AT_ONCE) as session:
        batch = session.batch(dependent=dependent)
        made = queued(batch, calls)
        with anyio.fail_after(30):
            await batch.invoke(return_exceptions=True)
        assert [] == session._exchange.traffic.runs
    return made


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_journal_agrees_with_outcomes(backend, one_certificate):
    """Whatever goes wrong on the way, no write runs twice, and what is said not to have run has not."""
    seen, case = Counter(), Case()
    with start_blocking_portal(backend) as loop, case.portal.serve() as url:

        @settings(max_examples=COUNT // 2, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(graphs(), st.lists(st.sampled_from(FAULTS), max_size=3), st.sampled_from(["nested", "nested", "staged"]))
        def scenario(calls, faults, dependent):
            case.begin(faults)
            made = loop.call(play, case, url, calls, dependent)
            judged(case, calls, made)
            seen.update(call.outcome.name for call in made)

        scenario()
    if COUNT >= 200:  # of a few graphs, some bring nothing of a kind
        assert {"ok", "failed", "not sent", "unknown"} <= set(seen)


def test_judge_can_fail():
    """The judge sees a write that ran twice, and one that is said not to have run."""
    case, calls = Case(), [("add", None, False, False)]

    class Said:
        def __init__(self, outcome):
            self.outcome = outcome

        def exception(self):
            return self.outcome.error

    case.entered[0] = 2
    with pytest.raises(AssertionError):
        judged(case, calls, [Said(Unknown(ValueError()))])
    case.entered[0] = 1
    with pytest.raises(AssertionError):
        judged(case, calls, [Said(NotSent(ValueError()))])
    judged(case, calls, [Said(Unknown(ValueError()))])
