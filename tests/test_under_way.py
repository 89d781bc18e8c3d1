"""What is under way over the connections of a session: whom to wait for, what may still be spent."""

from __future__ import annotations

import math

import anyio
import pytest

from aioliferay import BatchLimits
from aioliferay._call import Call
from aioliferay._core import codec
from aioliferay._options import Terms
from aioliferay._under_way import Traffic, UnderWay

pytestmark = pytest.mark.anyio
TERMS = Terms(limits=BatchLimits(isolation_requests=2, isolation_seconds=30, max_parallel=3))


def call_of(path="/x/get-echo"):
    call = Call()
    call.begin(codec.command(path), sender=None, adapter=None)
    return call


def run_of(*calls, owner="me", until=math.inf, **sharing):
    return UnderWay(calls or [call_of()], TERMS, until, owner=owner, **sharing)


class Stand(Call):
    """A call that stands for another, as one in a nest does."""

    __slots__ = ("of",)

    def __init__(self, of):
        self.begin(of.command, sender=None, adapter=None)
        self.of = of

    @property
    def whole(self):
        return self.of


async def test_position_is_that_of_the_users_call():
    """A call's place is that in its batch, also where another stands for it; equal calls have places of their own."""
    calls = [call_of() for _ in range(3)]
    run = run_of(*calls)
    assert [0, 1, 2] == [run.position(call) for call in calls]
    assert 2 == run.position(Stand(calls[2]))


async def test_search_has_a_budget():
    """The search for a failed call ends with its requests, or its seconds from the first of them, whichever is first."""
    run = run_of()
    assert [True, True, False, False] == [run.may_search(now) for now in (5, 6, 7, 8)]
    run = run_of()
    assert [True, False] == [run.may_search(now) for now in (5, 35)]


async def test_search_ends_a_request():
    """A request of a search ends with the time for the search, any other with the batch's, and no request after that."""
    run = run_of(until=100)
    assert 100 == run.latest(is_search=True)
    run.may_search(5)
    assert (35, 100) == (run.latest(is_search=True), run.latest(is_search=False))
    run = run_of(until=20)
    run.may_search(5)
    assert 20 == run.latest(is_search=True)


async def test_connections_are_its_own_or_shared():
    """Once several requests go at once, a run has as many connections as its limits say, unless it shares its door's."""
    run = run_of()
    assert run.connections is None
    run.limit_parallel()
    own = run.connections
    run.limit_parallel()
    assert (3, own) == (own.value, run.connections)
    shared = anyio.Semaphore(1)
    await shared.acquire()
    assert run_of(connections=shared).connections is shared
    assert run_of().meter is None
    assert run_of(meter=print).meter is print


async def test_join_waits_for_all_or_for_those_of_one():
    """Who closes a session waits for all its runs; who closes one that acts as somebody else waits for its own."""
    traffic, ended = Traffic(), []
    runs = {owner: run_of(owner=owner) for owner in ("me", "you")}
    traffic.runs.extend(runs.values())

    async def join(owner):
        await traffic.join(owner)
        ended.append(owner)

    async with anyio.create_task_group() as group:
        for owner in None, "me", "you", "nobody":
            group.start_soon(join, owner)
        await anyio.wait_all_tasks_blocked()
        assert ["nobody"] == ended
        for owner, expected in (("you", {"nobody", "you"}), ("me", {"nobody", "you", "me", None})):
            traffic.runs.remove(runs[owner])
            runs[owner].ended.set()
            await anyio.wait_all_tasks_blocked()
            assert expected == set(ended)


async def test_join_waits_for_those_that_come_meanwhile():
    """A run that begins while others are waited for is waited for, too."""
    traffic = Traffic()
    first, second = run_of(), run_of()
    traffic.runs.append(first)
    async with anyio.create_task_group() as group:
        group.start_soon(traffic.join)
        await anyio.wait_all_tasks_blocked()
        traffic.runs[:] = [second]
        first.ended.set()
        await anyio.wait_all_tasks_blocked()
        traffic.runs.clear()
        second.ended.set()


@pytest.mark.parametrize(
    ("owner", "only_reads", "expected"),
    [
        (None, False, "me reads, me writes, you reads, you writes"),
        (None, True, "me reads, you reads"),
        ("me", False, "me reads, me writes"),
        ("you", True, "you reads"),
        ("nobody", False, ""),
    ],
)
async def test_cancel_aborts_all_or_some(owner, only_reads, expected):
    """All runs are aborted, or those of an owner, or those that only read: one with a write among its calls does not."""
    traffic = Traffic()
    runs = {}
    for each in "me", "you":
        runs[f"{each} reads"] = run_of(call_of(), call_of(), owner=each)
        runs[f"{each} writes"] = run_of(call_of(), call_of("/x/update-echo"), owner=each)
    traffic.runs.extend(runs.values())
    traffic.cancel(owner, only_reads=only_reads)
    assert expected == ", ".join(name for name, run in runs.items() if run.scope.cancel_called)


async def test_traffic_begins_with_nothing():
    """Sessions that share nothing yet have no runs, no limits but their own, and each its own traffic."""
    traffic, other = Traffic(), Traffic()
    assert ([], False, False, None, math.inf) == (
        traffic.runs, traffic.is_closing, traffic.is_closed, traffic.allowance, traffic.most_bytes
    )  # fmt: skip
    assert traffic.learnt is not other.learnt
    assert traffic.keepers is not other.keepers
    await traffic.join()
    traffic.cancel()
    async with traffic.gate(), traffic.gate():
        pass  # it lets everybody pass, unless somebody sets another
