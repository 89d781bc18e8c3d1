"""Every fault, at every position, under every policy: the portal's journal agrees with the outcomes of the calls.

`AIOLIFERAY_SCENARIOS` sets how many scenarios are generated; `AIOLIFERAY_FAULT_TABLE` names a file for a table of what came
out.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, given, note, settings

from aioliferay import Cancelled, Failed, LiferayError, NotRun, NotSent, Ok, Unknown
from aioliferay.auth import Answer
from fault_proxy import Passage
from faults import OF_CONNECTIONS, Fault, Kind, over_tcp
from judging import Tally, judge
from scenarios import Ask, Attempt, Evidence, Made, Scenario, play, portals, scenarios

COUNT = int(os.environ.get("AIOLIFERAY_SCENARIOS", "2000"))
SHARES = {"asyncio": 0.6, "trio": 0.4}
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_certificate")]
CHUNK = 2_500  # Hypothesis remembers every example of a run
LONGEST = 30  # seconds for one scenario: it would hang
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def tally():
    """Counts over all scenarios of this module; writes the table in the end, if somebody wants it."""
    counts = Tally()
    yield counts
    if name := os.environ.get("AIOLIFERAY_FAULT_TABLE"):
        Path(name).write_text(counts.table() + "\n", "utf-8")


async def seen(scenario, *arguments):
    with anyio.fail_after(LONGEST):
        return await play(scenario, *arguments)


def run_scenarios(backend, count, tally, *, offered, upstream=None):
    """Play `count` generated scenarios in one event loop, and judge each."""
    strategy = scenarios(list(offered))
    with start_blocking_portal(backend) as loop:

        @settings(max_examples=count, phases=[Phase.reuse, Phase.generate, Phase.shrink], **QUIET)
        @given(strategy)
        def run(scenario):
            evidence = loop.call(seen, scenario, offered, upstream)
            tally.add(evidence)
            try:
                judge(evidence)
            except AssertionError:
                note(
                    "\n".join(f"{each.keys} {each.answer and each.answer.body} {each.passage}" for each in evidence.attempts)
                )
                raise

        run()


@pytest.mark.parametrize("backend", SHARES)
def test_outcomes_agree_with_journal(backend, tally):
    """Whatever goes wrong, wherever: no write runs twice, and each outcome is true and says all that a client can know."""
    before, wanted = tally.scenarios, int(COUNT * SHARES[backend])
    while (left := wanted - (tally.scenarios - before)) > 0:
        run_scenarios(backend, min(left, CHUNK), tally, offered=portals())
    assert wanted <= tally.scenarios - before


@pytest.mark.parametrize("backend", SHARES)
@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_each_fault(backend, kind, tally):
    """Each fault is met by each kind of call, together and alone, at the first request and later, once and for ever."""
    kinds = ("read", "bad read", "read", "write", "bad write", "repeatable write")
    offered = portals(["6.2"])
    with start_blocking_portal(backend) as loop:
        for writes in "together", "alone":
            for first in 0, 2:
                for times in 1, None:
                    fault = Fault(kind, first, times, largest=60)
                    scenario = Scenario(kinds=kinds, faults=(fault,), writes=writes, attempts=2)
                    evidence = loop.call(seen, scenario, offered)
                    tally.add(evidence)
                    judge(evidence)
                    met = {each.fault for each in evidence.passages} | OF_CONNECTIONS
                    assert first > 0 or kind in met


@pytest.mark.parametrize("backend", SHARES)
def test_reads_are_isolated(backend):
    """Of 200 reads, 3 of them bad, 197 have their results and 3 their own errors, after few further requests."""
    kinds = ["read"] * 200
    for place in 17, 80, 199:
        kinds[place] = "bad read"
    with start_blocking_portal(backend) as loop:
        for version in "6.2", "7.4":
            evidence = loop.call(seen, Scenario(kinds=tuple(kinds), version=version), portals([version]))
            judge(evidence)
            assert [17, 80, 199] == [place for place, made in enumerate(evidence.made) if isinstance(made.outcome, Failed)]
            assert 197 == sum(isinstance(made.outcome, Ok) for made in evidence.made)


def test_server_of_its_own(tally):
    """What holds of a portal in the client's event loop holds of a server in a thread of its own."""
    offered = portals(["6.2"])
    with offered["6.2"].serve() as url:
        run_scenarios("asyncio", 60, tally, offered=offered, upstream=over_tcp(url))


def test_call_that_is_lost_is_logged_by_none(caplog):
    """A fault ends as outcomes alone: the library logs no error of its own."""
    scenario = Scenario(kinds=("read", "write", "bad read"), faults=(Fault(Kind.CUT_IN_BODY, times=None),))
    with start_blocking_portal() as loop, caplog.at_level(logging.WARNING, "aioliferay"):
        judge(loop.call(seen, scenario, portals(["6.2"])))
    assert [] == caplog.records


class Ran:
    """An execution."""

    def __init__(self, key, error=None):
        self.parameters = {"key": key}
        self.error = error


def attempt(number, keys, body, status=200):
    lost = Passage(number, 1, Kind.RESET_AFTER)
    if body is None:
        return Attempt(number, keys, 20 * len(keys), None, lost)
    return Attempt(number, keys, 20 * len(keys), Answer(status, {}, body))


def made(kind, key, outcome):
    return Made(Ask(kind, key), outcome, outcome.error, 1)


def evidence(outcome, *, kind="write", body=b'["/thing/add-good of 1"]', runs=(), status=200, **options):
    """What is seen of one call in one request."""
    scenario = Scenario(kinds=(kind,), faults=(Fault(Kind.RESET_AFTER),), **options)
    item = outcome.error if outcome.error is not None else outcome.value
    return Evidence(scenario, [made(kind, 1, outcome)], [item], [attempt(0, [1], body, status)], list(runs))


ERROR = LiferayError("an error")
REFUSED = b'{"exception":"java.lang.X","message":"No Thing exists with the primary key 1"}'
OK = Ok("/thing/add-good of 1")
FAILED = Failed(ERROR)
UNKNOWN = Unknown(ERROR)
NOT_CONNECTED = [Attempt(0, [1], 20)]
TWO = [attempt(0, [1, 2], b"[1, 2]")]
TRUE = {
    "ran": evidence(OK, runs=[Ran(1)]),
    "failed": evidence(FAILED, kind="bad write", body=REFUSED, runs=[Ran(1, "java.lang.X")]),
    "lost, ran": evidence(UNKNOWN, body=None, runs=[Ran(1)]),
    "lost, did not run": evidence(UNKNOWN, body=None),
    "gateway": evidence(UNKNOWN, body=b"", status=503),
    "too many": evidence(NotRun(ERROR), body=b"", status=429, attempts=1),
    "not connected": replace(evidence(NotSent(ERROR), attempts=1), attempts=NOT_CONNECTED),
    "cancelled": evidence(Cancelled(ERROR, is_sent=False), body=None, cancel_after=3),
}
FALSE = {
    "ran twice": ("entered 2 times", evidence(OK, runs=[Ran(1), Ran(1)])),
    "ok, did not run": ("ran it 0 times", evidence(OK)),
    "result of another": ("result of another", evidence(Ok("/thing/add-good of 2"), runs=[Ran(1)])),
    "failed, ran": ("ran it 1 times", evidence(FAILED, body=REFUSED, runs=[Ran(1)])),
    "failed, never asked": ("refused it 0 times", evidence(FAILED, body=REFUSED)),
    "failed, nobody knows": ("after ..lost", evidence(FAILED, kind="bad write", body=None, runs=[Ran(1, "X")])),
    "not sent, ran": ("ran it 1 times", evidence(NotSent(ERROR), body=None, runs=[Ran(1)])),
    "not sent, was sent": ("after ..lost", evidence(NotSent(ERROR), body=None)),
    "not run, ran": ("ran it 1 times", evidence(NotRun(ERROR), body=None, runs=[Ran(1)])),
    "not run, nobody knows": ("after ..gateway", evidence(NotRun(ERROR), body=b"", status=503)),
    "unknown, ran": ("after ..results", evidence(UNKNOWN, runs=[Ran(1)])),
    "unknown, failed": ("after ..error", evidence(UNKNOWN, kind="bad write", body=REFUSED, runs=[Ran(1, "X")])),
    "unknown, did not run": ("after ..refused", evidence(UNKNOWN, body=b"", status=429)),
    "unknown, not connected": ("after ..no connection", replace(evidence(UNKNOWN), attempts=NOT_CONNECTED)),
    "unknown, never sent": ("Unknown.*after ..$", replace(evidence(UNKNOWN, cancel_after=3), attempts=[])),
    "read given up": ("after ..results", evidence(UNKNOWN, kind="read", body=b'["a"]', runs=[Ran(1)])),
    "read given up early": ("after ..gateway", evidence(UNKNOWN, kind="read", body=b"", status=503)),
    "write given up early": ("after ..refused", evidence(NotRun(ERROR), body=b"", status=429)),
    "cancelled by nobody": ("nobody cancelled", evidence(Cancelled(ERROR, is_sent=False), body=None)),
    "cancelled, ran": ("ran it 1", evidence(Cancelled(ERROR, is_sent=False), body=None, runs=[Ran(1)], cancel_after=3)),
    "cancelled, was sent": ("not cancelled but", evidence(Cancelled(ERROR, is_sent=True), body=None, cancel_after=3)),
    "no item": ("0 items", replace(TRUE["ran"], items=[])),
    "no items": ("returned nothing", replace(TRUE["ran"], items=None)),
    "item of another": ("in the list", replace(TRUE["ran"], items=["/thing/add-good of 2"])),
    "left behind": ("a task", replace(TRUE["ran"], leftovers=["a task"])),
    "not settled": ("ended 0 times", replace(TRUE["ran"], made=[Made(Ask("write", 1))])),
    "settled twice": ("ended 2 times", replace(TRUE["ran"], made=[replace(TRUE["ran"].made[0], endings=2)])),
    "sent again": (
        "sent again after",
        replace(TRUE["lost, ran"], attempts=[attempt(0, [1], None), attempt(1, [1], None)]),
    ),
    "too many at once": ("5 requests at once", replace(TRUE["ran"], most_at_once=5)),
    "too large": ("40 bytes", replace(TRUE["ran"], attempts=TWO, scenario=Scenario(kinds=("write",), max_bytes=30))),
    "too long": ("2 calls in", replace(TRUE["ran"], attempts=TWO, scenario=Scenario(kinds=("write",), max_calls=1))),
    "not alone": ("a write and", replace(TRUE["ran"], attempts=TWO, scenario=Scenario(kinds=("write",), writes="alone"))),
    "twice in one": ("is twice in", replace(TRUE["ran"], attempts=[attempt(0, [1, 1], b"[1, 1]")])),
}


@pytest.mark.parametrize("name", TRUE)
def test_judge_takes_the_truth(name):
    """The judge has nothing to say against outcomes that are right."""
    judge(TRUE[name])


@pytest.mark.parametrize("name", FALSE)
def test_judge_can_fail(name):
    """The judge finds each kind of untruth."""
    text, told = FALSE[name]
    with pytest.raises(AssertionError, match=text):
        judge(told)


def test_judge_counts_requests_of_isolation():
    """More further requests than isolation needs are an untruth too."""
    calls = [made("read", key, Ok(f"/thing/get-good of {key}")) for key in (1, 2)]
    items = [call.outcome.value for call in calls]
    attempts = [attempt(number, [1, 2], REFUSED) for number in range(3)] + [attempt(3, [1, 2], b"[]")]
    told = Evidence(Scenario(kinds=("read", "read")), calls, items, attempts, [Ran(1), Ran(2)])
    with pytest.raises(AssertionError, match="3 further requests"):
        judge(told)


def test_judge_wants_writes_in_order():
    """Writes that ran in another order than that of their calls are an untruth."""
    calls = [made("write", key, Ok(f"/thing/add-good of {key}")) for key in (1, 2)]
    items = [call.outcome.value for call in calls]
    told = Evidence(Scenario(kinds=("write", "write")), calls, items, [attempt(0, [1, 2], b"[1, 2]")], [Ran(1), Ran(2)])
    judge(told)
    with pytest.raises(AssertionError, match="in the order"):
        judge(replace(told, executions=[Ran(2), Ran(1)]))


def test_table():
    """The tally's table has a row for each fault, and tells of unknown calls what the journal says."""
    tally = Tally()
    for each in TRUE["ran"], TRUE["lost, ran"], TRUE["lost, ran"], TRUE["lost, did not run"], TRUE["cancelled"]:
        tally.add(each)
    assert 5 == tally.scenarios
    told, _, head, _, *rows = tally.table().splitlines()
    assert told.startswith("5 scenarios, ")
    assert "| fault | ok | failed | not run | not sent | unknown, ran | unknown, did not run | cancelled |" == head
    assert [
        "| reset after it was executed, without an answer | 1 | 0 | 0 | 0 | 2 | 1 | 0 |",
        "| several of them | 0 | 0 | 0 | 0 | 0 | 0 | 1 |",
    ] == rows
