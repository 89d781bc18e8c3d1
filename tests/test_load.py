"""Many tasks share one session through a network that fails now and then: nothing is lost, nothing is done twice."""

from __future__ import annotations

import gc
import random
import sys

import anyio
import pytest

from aioliferay import RetryPolicy, Session
from fault_proxy import FaultProxy
from faults import OF_CONNECTIONS, Fault, Kind, in_process
from judging import Case, judge_calls
from scenarios import Ask, Diary, Evidence, Scenario, leftovers_of, make, portals

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

TASKS = 200
ROUNDS = 4
CALLS = 24  # a batch; and one call by itself, a task and round: 20,000 in all
SHARE = 0.05  # of the requests meet a fault
LONGEST = 120  # seconds until the test gives up; it takes a quarter of them
GROWTH = 1.05  # of memory from half of the work to its end
KINDS = [kind for kind in Kind if kind not in OF_CONNECTIONS]  # these meet a connection, not a share of the requests
READS = ["read"] * 99 + ["bad read"]
MIXED = ["read"] * 48 + ["write"] * 40 + ["repeatable write"] * 10 + ["bad read", "bad write"]


def faults(dice, requests):
    """Spread faults over so many requests."""
    return [Fault(dice.choice(KINDS), first=number, largest=400) for number in range(requests) if dice.random() < SHARE]


class Load:
    """One round: its calls, and what was seen of them."""

    def __init__(self, session, number):
        self.session = session
        self.dice = random.Random(number)  # noqa: S311 - the same load each time
        self.made = []
        self.last_key = number * 100_000

    def ask(self, kinds):
        self.last_key += 1
        return Ask(self.dice.choice(kinds), self.last_key)

    async def work(self):
        """Do what one task does: a batch, and a call by itself."""
        batch = self.session.batch(writes=self.dice.choice(["together"] * 7 + ["alone"]))
        kinds = self.dice.choice([READS, MIXED])
        made = [make(batch, self.ask(kinds)) for _ in range(CALLS)]
        items = await batch.invoke(return_exceptions=True)
        assert [each.error or each.outcome.value for each in made] == items
        self.made += made
        done = anyio.Event()
        self.made.append(make(self.session, self.ask(READS), done.set))
        await done.wait()


async def play_round(number, session, diary, proxy, portal):
    """Let all tasks work at once, judge what came of it, forget it, and return how much is in memory."""
    load = Load(session, number)
    async with anyio.create_task_group() as group:
        for _ in range(TASKS):
            group.start_soon(load.work)
    while proxy.at_once or session._tasks._scopes:  # noqa: ASYNC110 - the portal works on when a client has given up
        await anyio.sleep(0.01)
    assert TASKS * (CALLS + 1) == len(load.made)
    assert [] == leftovers_of(session)
    diary.match(proxy.passages)
    scenario = Scenario(kinds=(), faults=tuple(proxy.faults))
    judge_calls(Case(Evidence(scenario, load.made, [], diary.attempts, portal.executions)))
    assert {"ok", "failed", "unknown"} <= {made.outcome.name for made in load.made}
    del load
    for record in diary.attempts, proxy.passages, portal.executions, portal.requests:
        record.clear()
    gc.collect()
    return sys.getallocatedblocks()


async def test_many_tasks_share_a_session():
    """200 tasks make 20,000 calls, 5 % of the requests fail: each call has one end, which is true; memory does not grow."""
    portal = portals(["6.2"])["6.2"]
    diary = Diary()
    spread = faults(random.Random(1), 10_000)  # noqa: S311 - as above
    async with FaultProxy(in_process(portal), spread, max_requests=100).running() as proxy:
        session = Session(proxy.url, auth=diary, timeout=2, retry=RetryPolicy(first_delay=0))
        async with session:
            with anyio.fail_after(LONGEST):
                blocks = [await play_round(number, session, diary, proxy, portal) for number in range(ROUNDS)]
        await proxy.quiet()
    assert diary.count > 2 * ROUNDS * TASKS
    assert blocks[-1] < GROWTH * blocks[ROUNDS // 2 - 1]


async def test_session_outlives_a_portal_that_hangs():
    """Requests that run out of time all at once give their connections back, those in line for one too."""
    portal = portals(["6.2"])["6.2"]
    fault = Fault(Kind.HELD_BEFORE, times=100)
    async with FaultProxy(in_process(portal), [fault]).running() as proxy:
        async with Session(proxy.url, auth=Diary(), timeout=0.5, retry=RetryPolicy(attempts=1)) as session:
            made = [make(session, Ask("read", key)) for key in range(300)]
            while session._tasks._scopes:  # noqa: ASYNC110 - what is left of a task is nobody's to await
                await anyio.sleep(0.01)
            assert {1} == {each.endings for each in made}
            assert [] == leftovers_of(session)
        await proxy.quiet()
