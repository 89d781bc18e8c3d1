"""Automatic batches: when they close, how they end, and what becomes of each call."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import weakref

import anyio
import httpx
import pytest

from aioliferay import (
    BatchLimits,
    ClosedError,
    ConnectError,
    NoAnswerError,
    NotFoundError,
    NotSent,
    NotSentError,
    Ok,
    RetryPolicy,
    Unknown,
)
from aioliferay._core.window import Window
from aioliferay._options import Terms
from aioliferay._room import Room
from aioliferay.errors import TooManyCallsError
from auto_parts import HeldWire, nothing_is_left_of, read, takes, thing, ticks, write
from wire import under_virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def session(wire):
    return wire.session()


@pytest.fixture
def auto(session):
    return session.auto(window=1000)


@pytest.fixture
def sharing(session):
    return session.auto(window=1000, deduplicate=True, dependent="staged")


# --- when a batch closes


async def test_calls_of_one_tick_travel_together(wire, auto):
    """Calls that tasks make within one scheduler tick are one request, and each gets its own result."""
    results = {}

    async def one(value):
        results[value] = await read(auto, value)

    async with anyio.create_task_group() as group:
        for value in range(100):
            group.start_soon(one, value)
    assert [100] == wire.sizes
    assert {value: value for value in range(100)} == results
    await nothing_is_left_of(auto)


async def test_unawaited_call_leaves_by_itself(wire, auto):
    """A call that nobody awaits is sent, too."""
    call = read(auto, 1)
    assert not call.done()
    await anyio.wait_all_tasks_blocked()
    assert call.result() == 1
    await nothing_is_left_of(auto)


async def test_idle_lane_does_not_wait(wire):
    """Where nothing is in flight, no time passes between a call and its request, whatever the window."""
    started = anyio.current_time()
    auto = wire.session().auto(window=1000)
    assert [1, 2, 3] == [await read(auto, value) for value in (1, 2, 3)]
    assert started == anyio.current_time()


test_idle_lane_does_not_wait = under_virtual_time(test_idle_lane_does_not_wait)


async def test_busy_lane_waits_for_an_answer(wire, auto):
    """Calls that come while a request is in flight wait for others, and leave together when its answer returns."""
    wire.is_holding = True
    first = read(auto, 0)
    await anyio.wait_all_tasks_blocked()
    calls = []
    for value in (1, 2, 3):
        calls.append(read(auto, value))
        await anyio.wait_all_tasks_blocked()
    assert [1] == wire.sizes
    wire.gates[0].set()
    await first
    await anyio.wait_all_tasks_blocked()
    assert [1, 3] == wire.sizes
    wire.let_all()
    assert [1, 2, 3] == [await call for call in calls]
    await nothing_is_left_of(auto)


async def test_busy_lane_waits_no_longer_than_the_window(wire):
    """If no answer returns, calls leave 2 ms after the first of them; those that follow do not put that off."""
    wire.is_holding = True
    auto = wire.session().auto()
    read(auto, 0)
    await anyio.wait_all_tasks_blocked()
    read(auto, 1)
    await anyio.sleep(0.0015)
    read(auto, 2)
    await anyio.sleep(0.0004)
    assert [1] == wire.sizes
    await anyio.sleep(0.0002)
    assert [1, 2] == wire.sizes
    wire.let_all()
    await auto.aclose()


test_busy_lane_waits_no_longer_than_the_window = under_virtual_time(test_busy_lane_waits_no_longer_than_the_window)


async def work(seconds):
    """Let time pass in which the thread is busy."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    await anyio.sleep(seconds)


async def busy_lane(wire, *, latency=0.002, **options):
    """Return an automatic batch with two requests in flight, in a thread that was at work all the time so far."""

    async def before(_):
        await work(latency)

    auto = wire.session().auto(**options)
    wire.before = before
    for value in range(9):
        await read(auto, value)
    wire.before = None
    wire.is_holding = True
    for value in (0, 1):
        read(auto, value)
        await work(0.0101)
    assert [1, 1] == wire.sizes[9:]
    return auto


async def test_busy_thread_sends_fewer_requests(wire):
    """While the program's own thread takes all the time, calls wait until the last request in flight is over."""
    auto = await busy_lane(wire)
    for value in (2, 3):
        read(auto, value)
    await work(0.005)
    wire.gates[-2].set()
    await work(0.004)
    assert [1, 1] == wire.sizes[9:]
    wire.gates[-1].set()
    await anyio.wait_all_tasks_blocked()
    assert [1, 1, 2] == wire.sizes[9:]
    wire.let_all()
    await auto.aclose()


test_busy_thread_sends_fewer_requests = under_virtual_time(test_busy_thread_sends_fewer_requests)


async def test_busy_thread_waits_no_longer_than_ten_milliseconds(wire):
    """A slow request holds calls up for 10 ms at most, however busy the thread is."""
    auto = await busy_lane(wire)
    read(auto, 2)
    await work(0.0099)
    assert [1, 1] == wire.sizes[9:]
    await work(0.0002)
    assert [1, 1, 1] == wire.sizes[9:]
    wire.let_all()
    await auto.aclose()


test_busy_thread_waits_no_longer_than_ten_milliseconds = under_virtual_time(
    test_busy_thread_waits_no_longer_than_ten_milliseconds
)


async def test_busy_thread_and_a_portal_that_is_far(wire):
    """Where every answer takes longer than 10 ms anyway, nothing waits for the last one, however busy the thread is."""
    auto = await busy_lane(wire, latency=0.015)
    read(auto, 2)
    await work(0.0019)
    assert [1, 1] == wire.sizes[9:]
    await work(0.0002)
    assert [1, 1, 1] == wire.sizes[9:]
    wire.let_all()
    await auto.aclose()


test_busy_thread_and_a_portal_that_is_far = under_virtual_time(test_busy_thread_and_a_portal_that_is_far)


async def test_window_of_the_user_in_a_busy_thread(wire):
    """A window that was given counts, also in a busy thread; and any answer closes the batch then."""
    auto = await busy_lane(wire, window=0.01)
    read(auto, 2)
    await work(0.005)
    wire.gates[-2].set()
    await anyio.wait_all_tasks_blocked()
    assert [1, 1, 1] == wire.sizes[9:]
    wire.let_all()
    await auto.aclose()


test_window_of_the_user_in_a_busy_thread = under_virtual_time(test_window_of_the_user_in_a_busy_thread)


async def test_any_answer_of_the_lane_closes_the_batch(wire):
    """With several requests in flight, the first answer sends what waits."""
    auto = wire.session().auto(window=5)
    wire.is_holding = True
    for value in range(3):
        read(auto, value)
        await anyio.sleep(6)
    assert [1, 1, 1] == wire.sizes
    read(auto, 3)
    wire.gates[2].set()
    await anyio.wait_all_tasks_blocked()
    assert [1, 1, 1, 1] == wire.sizes
    wire.let_all()
    await auto.aclose()


test_any_answer_of_the_lane_closes_the_batch = under_virtual_time(test_any_answer_of_the_lane_closes_the_batch)


async def test_lane_that_was_busy_is_idle_again(wire):
    """After a busy time, a call in an idle lane leaves at once, and the next busy time has a window of its own."""
    auto = wire.session().auto(window=10)
    for _ in range(2):
        wire.is_holding = True
        read(auto, 0)
        await anyio.wait_all_tasks_blocked()
        late = read(auto, 1)
        await anyio.sleep(3)
        assert not late.is_sent
        await anyio.sleep(7.001)
        assert late.is_sent
        wire.let_all()
        await late
        started = anyio.current_time()
        await read(auto, 2)
        assert started == anyio.current_time()


test_lane_that_was_busy_is_idle_again = under_virtual_time(test_lane_that_was_busy_is_idle_again)


async def test_slow_request_holds_up_nobody(wire, session):
    """While one request takes for ever, calls that come meanwhile are answered."""
    auto = session.auto(window=0)
    wire.is_holding = True
    slow = read(auto, 0)
    await anyio.wait_all_tasks_blocked()
    wire.is_holding = False
    assert list(range(1, 20)) == [await read(auto, value) for value in range(1, 20)]
    assert not slow.done()
    wire.let_all()
    assert await slow == 0
    await nothing_is_left_of(auto)


@pytest.mark.parametrize(
    ("limits", "expected"), [(BatchLimits(max_calls=3), [1, 1, 3]), (BatchLimits(max_bytes=3 * 27), [1, 1, 1, 2])]
)
async def test_full_batch_does_not_wait(wire, session, limits, expected):
    """A batch that has as many calls, or bytes, as a request may have leaves before the window is over."""
    auto = session.auto(window=1000, limits=limits)
    wire.is_holding = True
    read(auto, 0)
    for value in (1, 2):
        await anyio.wait_all_tasks_blocked()
        assert [1] == wire.sizes
        read(auto, value)
    await anyio.wait_all_tasks_blocked()
    assert [1] == wire.sizes
    read(auto, 3)
    await anyio.wait_all_tasks_blocked()
    assert 4 == sum(wire.sizes)
    wire.let_all()
    read(auto, 4)
    await auto.aclose()
    assert expected == sorted(wire.sizes)


async def test_no_more_requests_in_flight_than_allowed(wire, session):
    """As many requests are in flight as `max_parallel` says, of all lanes; what comes then waits, and leaves together."""
    auto = session.auto(window=0, limits=BatchLimits(max_parallel=2))
    wire.is_holding = True
    for value in range(6):
        (write if value == 1 else read)(auto, value)
        await anyio.wait_all_tasks_blocked()
    assert [1, 1] == wire.sizes
    wire.gates[1].set()
    await anyio.wait_all_tasks_blocked()
    assert [1, 1, 4] == wire.sizes
    wire.let_all()
    await auto.aclose()
    assert 2 == wire.most_busy
    await nothing_is_left_of(auto)


async def test_batches_of_several_requests_share_the_connections(wire, session):
    """Also where batches are cut into several requests, no more of these are in flight than allowed, for all users."""
    auto = session.auto(limits=BatchLimits(max_parallel=2, max_bytes=60))
    wire.steps = 2
    users = [auto.acting_as(headers={"X-Who": name}) for name in ("ann", "bob", "cyd")]
    calls = [read(user, value) for user in users for value in range(8)]
    assert [*range(8)] * 3 == [await call for call in calls]
    assert 12 == len(wire.requests)
    assert 2 == wire.most_busy
    await nothing_is_left_of(auto)


async def test_reads_of_many_requests_go_in_parallel(wire, auto):
    """More reads than a request may have go in several at once, each as full as it may be."""
    wire.steps = 3
    calls = [read(auto, value) for value in range(1201)]
    await auto.aclose()
    assert [500, 500, 201] == wire.sizes
    assert 3 == wire.most_busy
    assert list(range(1201)) == [call.result() for call in calls]
    await nothing_is_left_of(auto)


async def test_writes_of_many_requests_keep_their_order(wire, auto):
    """Writes that were queued together run in call order, in one request after the other if they are many."""
    wire.steps = 3
    for value in range(1201):
        write(auto, value)
    await auto.aclose()
    assert [500, 500, 201] == wire.sizes
    assert 1 == wire.most_busy
    assert list(range(1201)) == [value for _, value in wire.executed]


async def test_reads_are_cut_by_bytes(wire, session):
    """A request is no longer than `max_bytes`, and a call that is longer by itself goes alone."""
    auto = session.auto(limits=BatchLimits(max_bytes=100))
    calls = [read(auto, "x" * length) for length in (10, 10, 200, 10, 10, 10)]
    await auto.aclose()
    assert [call.result() for call in calls] == ["x" * length for length in (10, 10, 200, 10, 10, 10)]
    assert all(
        len(request.content) <= 100 or len(sizes) == 1 for request, sizes in zip(wire.requests, wire.batches, strict=True)
    )


# --- reads and writes


async def test_reads_and_writes_share_no_request(wire, session):
    """A request has reads, or writes, whatever the names of their methods: as the caller says with `is_read=`."""
    auto = session.auto()
    for value in range(4):
        read(auto, value)
        write(auto, value)
        auto.call("/x/search-echo", {"value": value}, is_read=True)
        auto.call("/x/get-echo", {"value": value}, is_read=False)
        auto.call("/x/get-echo", {"value": value}, idempotent=False)
    await auto.aclose()
    reads, writes = ["/x/get-echo", "/x/search-echo"] * 4, ["/x/update-echo", "/x/get-echo", "/x/get-echo"] * 4
    assert sorted([reads, writes]) == sorted(wire.batches)
    await nothing_is_left_of(auto)


async def test_read_waits_for_no_write(wire, auto):
    """The lanes of reads and of writes do not wait for one another."""
    wire.is_holding = True
    slow = write(auto, 1)
    await anyio.wait_all_tasks_blocked()
    read(auto, 2)
    await ticks()
    await anyio.wait_all_tasks_blocked()
    assert [["/x/update-echo"], ["/x/get-echo"]] == wire.batches
    wire.let_all()
    await slow


# --- time, failures, callbacks


async def test_call_out_of_time_in_the_queue_is_not_sent(wire):
    """A call whose time runs out while it waits for others is not sent; those beside it are."""
    auto = wire.session().auto(window=10)
    wire.is_holding = True
    read(auto, 0)
    await anyio.wait_all_tasks_blocked()
    hasty, patient = write(auto, 1, timeout=3), write(auto, 2, timeout=float("inf"))
    late = read(auto, 3, timeout=3)
    await anyio.sleep(4)
    assert isinstance(late.outcome, NotSent)
    assert isinstance(hasty.outcome, Unknown)
    wire.let_all()
    assert await patient == 2
    await auto.aclose()
    assert {0, 1, 2} == {value for _, value in wire.executed}
    await nothing_is_left_of(auto)


test_call_out_of_time_in_the_queue_is_not_sent = under_virtual_time(test_call_out_of_time_in_the_queue_is_not_sent)


async def test_call_out_of_time_that_waits_for_another(wire):
    """A call whose time runs out while it waits for one in flight is not sent, and ends at once."""
    auto = wire.session().auto(window=10)
    wire.is_holding = True
    parent = thing(auto, id=1)
    await anyio.wait_all_tasks_blocked()
    child = write(auto, parent["id"], timeout=3)
    with takes(3), pytest.raises(NotSentError, match="time ran out"):
        await child
    wire.let_all()
    await auto.aclose()
    assert [1] == wire.sizes
    await nothing_is_left_of(auto)


test_call_out_of_time_that_waits_for_another = under_virtual_time(test_call_out_of_time_that_waits_for_another)


async def test_deadline_of_a_batch(wire):
    """`deadline=` bounds each call from the time when its batch left."""
    auto = wire.session().auto(deadline=5, deduplicate=True)
    wire.is_holding = True
    calls = [read(auto, 1), read(auto, 1), write(auto, 2)]
    with takes(5):
        for call in calls:
            with pytest.raises(NoAnswerError) as caught:
                await call
            assert caught.value.is_timeout
    wire.let_all()
    await auto.aclose()
    await nothing_is_left_of(auto)


test_deadline_of_a_batch = under_virtual_time(test_deadline_of_a_batch)


async def test_read_that_fails_among_many(wire, session):
    """One bad read costs further requests, and harms no other."""
    auto = session.auto()
    calls = [read(auto, value) for value in range(50)]
    bad = auto.call("/x/get-fail", {"value": 77})
    calls += [read(auto, value) for value in range(50, 100)]
    assert list(range(100)) == [await call for call in calls]
    with pytest.raises(NotFoundError):
        await bad
    assert all("get" in path for batch in wire.batches for path in batch)
    await nothing_is_left_of(auto)


async def test_write_that_fails_among_others(wire, session):
    """Writes that share a request with one that fails have the portal's error, and an unknown outcome."""
    auto = session.auto()
    calls = [write(auto, 1), auto.call("/x/update-fail", {"value": 2}), write(auto, 3)]
    reads = [read(auto, 4)]
    await auto.aclose()
    assert [Unknown] * 3 == [type(call.outcome) for call in calls]
    assert reads[0].result() == 4
    await nothing_is_left_of(auto)


@pytest.mark.parametrize("options", [{"writes": "alone"}, {"on_failure": "infer"}])
async def test_write_that_fails_is_told_apart(wire, session, options):
    """With a request for each write, or with conclusions from the portal's message, the outcome of each is known."""
    auto = session.auto(**options)
    paths = ["/x/update-echo", "/x/delete-fail", "/x/update-echo"]
    calls = [auto.call(path, {"value": 1000 + number}) for number, path in enumerate(paths)]
    await auto.aclose()
    assert ["ok", "failed", "ok"] == [call.outcome.name for call in calls]
    assert [("/x/update-echo", 1000), ("/x/delete-fail", 1001), ("/x/update-echo", 1002)] == wire.executed
    await nothing_is_left_of(auto)


async def test_request_that_is_repeated(wire):
    """What provably did not run, and reads, go again, on the terms of the automatic batch."""
    auto = wire.session().auto(retry=RetryPolicy(first_delay=0))
    wire.script = [httpx.ReadError("cut"), httpx.ReadError("cut")]
    calls = [read(auto, value) for value in range(3)]
    assert [0, 1, 2] == [await call for call in calls]
    assert [3, 3, 3] == wire.sizes
    await nothing_is_left_of(auto)


async def test_no_connection(wire, auto):
    """Where no connection is made, each call has an error of its own, and was not sent."""
    wire.answer = httpx.ConnectError("refused")
    calls = [read(auto, 1), write(auto, 2)]
    for call in calls:
        with pytest.raises(ConnectError):
            await call
    assert [NotSent, NotSent] == [type(call.outcome) for call in calls]
    assert calls[0].exception() is not calls[1].exception()
    await nothing_is_left_of(auto)


async def test_write_without_an_answer_stops_those_queued_with_it(wire, session):
    """Writes that were queued together keep their order: after one whose end is not known, the later ones are not sent."""
    auto = session.auto(limits=BatchLimits(max_calls=2))
    wire.script = [None, httpx.ReadError("cut")]
    calls = [write(auto, value) for value in range(6)]
    await auto.aclose()
    assert ["ok", "ok", "unknown", "unknown", "not sent", "not sent"] == [call.outcome.name for call in calls]
    assert [call.exception() is None for call in calls] == [True, True, False, False, False, False]
    await nothing_is_left_of(auto)


async def test_callbacks_run_after_the_whole_batch(wire, sharing, caplog):
    """Callbacks run in call order once the batch has ended; one that raises is logged, and one may make calls."""
    told = []
    calls = [read(sharing, value) for value in (1, 1, 2)]

    def note(call):
        told.append((call, [each.done() for each in calls]))

    def again(call):
        told.append(read(sharing, 9))

    for call in calls:
        call.add_done_callback(note)
    calls[1].add_done_callback(_raise)
    calls[2].add_done_callback(again)
    await calls[2]
    assert [(call, [True] * 3) for call in calls] == told[:3]
    assert await told[3] == 9
    assert "a callback of the call raised KeyError" in caplog.text
    await nothing_is_left_of(sharing)


def _raise(_):
    raise KeyError


async def test_waiter_that_is_cancelled_harms_nobody(wire, auto):
    """Cancelling a task that waits for a call leaves the call and its batch alone."""
    wire.is_holding = True
    calls = [write(auto, value) for value in range(3)]
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(_wait, calls[0])
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    wire.let_all()
    assert [0, 1, 2] == [await call for call in calls]
    assert [3] == wire.sizes
    await nothing_is_left_of(auto)


async def _wait(call):
    await call


async def test_call_that_is_cancelled_in_the_queue_is_not_sent(wire, auto):
    """A queued call that is given up is taken out of its batch; if all are, there is no request."""
    calls = [write(auto, value) for value in range(3)]
    assert calls[1].cancel()
    assert (await calls[0], await calls[2]) == (0, 2)
    assert [2] == wire.sizes
    assert write(auto, 3).cancel()
    await nothing_is_left_of(auto)
    assert [2] == wire.sizes


async def test_call_that_is_cancelled_in_flight(wire, auto):
    """A call that is given up in flight ends at once; the request goes on."""
    wire.is_holding = True
    calls = [write(auto, value) for value in range(2)]
    await anyio.wait_all_tasks_blocked()
    assert calls[0].cancel()
    assert calls[0].outcome.is_sent
    wire.let_all()
    assert await calls[1] == 1
    assert [("/x/update-echo", 0), ("/x/update-echo", 1)] == wire.executed
    await nothing_is_left_of(auto)


# --- how it ends


async def test_closing_session_sends_what_is_queued(wire, session):
    """A session that is closed waits for automatic batches: for what is queued, in flight, or depends on either."""
    auto = session.auto(window=0.001, dependent="staged")
    wire.is_holding = True
    first = thing(auto, id=1)
    await anyio.wait_all_tasks_blocked()
    calls = [read(auto, 2), write(auto, first["id"])]
    async with anyio.create_task_group() as group:
        group.start_soon(session.aclose)
        await ticks()
        with pytest.raises(ClosedError):
            read(auto, 3)
        wire.let_all()
    assert [2, 1] == [call.result() for call in calls]
    await nothing_is_left_of(auto)


async def test_closing_session_gives_up_after_the_grace_period(wire):
    """What has not ended 5 seconds after the close began is cancelled; what has not left says that it was closed."""
    session = wire.session()
    auto = session.auto(window=100, limits=BatchLimits(max_parallel=1))
    wire.is_holding = True
    flying = [read(auto, 1), write(auto, 2)]
    await anyio.wait_all_tasks_blocked()
    queued = [read(auto, 3), write(auto, 4), read(auto, flying[0].each["id"])]
    with takes(5):
        await session.aclose()
    assert 1 == len(wire.requests)
    sent = {1: flying[0], 2: flying[1]}.pop(wire.values(0)[0])
    assert sent.outcome.name in {"cancelled", "unknown"}
    for call in {*flying, *queued} - {sent, queued[2]}:
        with pytest.raises(ClosedError, match=r"session (was|is) closed"):
            call.result()
    assert not isinstance(queued[2].outcome, Ok)
    await nothing_is_left_of(auto)


test_closing_session_gives_up_after_the_grace_period = under_virtual_time(
    test_closing_session_gives_up_after_the_grace_period
)


async def test_block_that_raises_sends_nothing_more(wire, session):
    """If the block raises, what has not left is not sent, for whomever; what is in flight goes on."""
    wire.is_holding = True
    told = []
    with pytest.raises(KeyError):
        async with session.auto(window=1000, deduplicate=True, dependent="staged") as auto:
            flying = thing(auto, id=1)
            await anyio.wait_all_tasks_blocked()
            queued = [read(auto, 2), read(auto, 2), write(auto, 3), read(auto.acting_as(("joe", "x")), 4)]
            waiting = write(auto, flying["id"])
            queued[0].add_done_callback(told.append)
            raise KeyError
    for call in queued:
        error = call.exception()
        assert "the block of its automatic batch raised KeyError" in str(error)
        assert isinstance(error.__cause__, KeyError)
        assert isinstance(call.outcome, NotSent)
    assert [queued[0]] == told
    wire.let_all()
    assert await flying == {"id": 1}
    with pytest.raises(NotSentError, match="its block raised before there was what it needs"):
        await waiting
    assert [1] == wire.sizes
    await nothing_is_left_of(auto)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_loop_that_ends(wire, backend):
    """When the event loop ends, each call has an end, too: none is left pending for ever."""
    made = []

    async def main():
        auto = wire.session().auto(window=1000)
        wire.is_holding = True
        flying = thing(auto, id=1)
        await anyio.wait_all_tasks_blocked()
        made.extend([flying, read(auto, 2), write(auto, 3), write(auto, flying["id"])])

    anyio.run(main, backend=backend)
    assert all(call.done() for call in made)
    assert not any(isinstance(call.outcome, Ok) for call in made)
    assert all(call.exception() for call in made)


def test_task_that_never_began(wire):
    """If the task that was to send calls is cancelled before its first step, they were not sent, and say so."""

    async def main():
        auto = wire.session().auto()
        calls = [read(auto, 1), write(auto, 2)]
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for call in calls:
            with pytest.raises(NotSentError, match="cancelled before it began"):
                await call
        assert [] == wire.sizes
        assert await read(auto, 3) == 3
        await nothing_is_left_of(auto)

    asyncio.run(main())


def test_parent_that_ends_where_no_loop_runs(wire):
    """What waits for a call that is given up outside of the event loop was not sent."""

    async def make():
        wire.is_holding = True
        parent = thing(auto, id=1)
        await anyio.wait_all_tasks_blocked()
        return parent, write(auto, parent["id"])

    async def end():
        wire.let_all()
        await nothing_is_left_of(auto)

    auto = wire.session().auto()
    with asyncio.Runner() as runner:
        parent, child = runner.run(make())
        assert parent.cancel()
        with pytest.raises(NotSentError, match="cancelled before it began"):
            child.result()
        runner.run(end())


async def test_join_of_one_user_waits_for_what_is_pending_now(wire, session):
    """Joining one user's calls waits for those that are pending now, and not for others, or for those that come later."""
    auto = session.auto(window=0)
    wire.is_holding = True
    read(auto.acting_as(("joe", "x")), 1)
    gathering, ended = auto._gathering, []
    await gathering.join()
    calls = [read(auto, 2), write(auto, 3)]

    async def join():
        await gathering.join()
        ended.append([call.done() for call in calls])

    async with anyio.create_task_group() as group:
        group.start_soon(join)
        await anyio.wait_all_tasks_blocked()
        later = read(auto, 4)
        await anyio.wait_all_tasks_blocked()
        for number, gate in enumerate(wire.gates):
            if {2, 3} & {*wire.values(number)}:
                gate.set()
    assert [[True, True]] == ended
    assert not later.done()
    wire.let_all()
    await auto.aclose()


async def test_forgotten_batch_sends_its_calls(wire, session):
    """Calls leave also if nobody keeps the automatic batch; nothing of it is in memory then."""
    auto = session.auto()
    call = read(auto, 1)
    forgotten = weakref.ref(auto._gathering)
    del auto
    gc.collect()
    assert await call == 1
    await anyio.wait_all_tasks_blocked()
    del call
    gc.collect()
    assert forgotten() is None


async def test_failure_that_nobody_looks_at_is_logged(session, caplog):
    """A call that fails while nobody waits is told in the log."""
    session.auto().call("/x/get-fail", {"value": 3})
    await anyio.wait_all_tasks_blocked()
    gc.collect()
    assert "a call failed and nobody looked: /x/get-fail was refused: no entry 3" in caplog.text


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks(wire):
    """Where the event loop starts tasks at once, calls travel together all the same."""

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        auto = wire.session().auto(limits=BatchLimits(max_calls=3))
        calls = [read(auto, value) for value in range(7)]
        assert list(range(7)) == [await call for call in calls]
        await nothing_is_left_of(auto)

    asyncio.run(main())
    assert [1, 3, 3] == sorted(wire.sizes)


# --- how many calls may be pending


@pytest.fixture
def room():
    return Room(Window(), Terms(), max_pending=2, is_sharing=False)


async def test_room_that_is_full(room):
    """With as many calls pending as allowed, there is no room for another; the error says what to do."""
    room.pending = 1
    room.check("/x/get-echo")
    room.pending = 2
    with pytest.raises(TooManyCallsError, match=r"/x/get-echo: 2 calls are pending already: await ready\(\) before a call"):
        room.check("/x/get-echo")


async def stand_in_line(room, name, admitted):
    await room.ready()
    admitted.append(name)
    room.pending += 1


async def test_ready_admits_as_many_as_there_is_room(room):
    """Whoever waits is admitted as calls end, in the order of the line, and never more than there is room for."""
    room.pending, admitted = 2, []
    async with anyio.create_task_group() as group:
        for name in range(6):
            group.start_soon(stand_in_line, room, name, admitted)
            await anyio.wait_all_tasks_blocked()
        assert [] == admitted
        for released, expected in (1, 1), (2, 3), (1, 4), (1, 5), (1, 6):
            room.release(released)
            await anyio.wait_all_tasks_blocked()
            assert list(range(expected)) == admitted
            assert 2 == room.pending
    room.release(2)
    await room.ready()


async def test_place_that_is_taken_by_another(room):
    """Who is woken and finds the place taken keeps the place in the line."""
    room.pending, admitted = 2, []
    async with anyio.create_task_group() as group:
        for name in range(3):
            group.start_soon(stand_in_line, room, name, admitted)
            await anyio.wait_all_tasks_blocked()
        room.release(1)
        room.pending += 1  # somebody who does not stand in line
        await anyio.wait_all_tasks_blocked()
        assert [] == admitted
        for expected in (1, 2, 3):
            room.release(1)
            await anyio.wait_all_tasks_blocked()
            assert list(range(expected)) == admitted


async def test_cancelled_waiter_loses_no_place(room):
    """Who gives up in the line leaves the place to the next."""
    room.pending, admitted = 2, []
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(cancel_when_blocked, scope)
            await stand_in_line(room, "impatient", admitted)
        group.start_soon(stand_in_line, room, "next", admitted)
        await anyio.wait_all_tasks_blocked()
        room.release(1)
    assert ["next"] == admitted


async def cancel_when_blocked(scope):
    await anyio.wait_all_tasks_blocked()
    scope.cancel()


def test_waiter_that_is_woken_and_cancelled(room):
    """Who is cancelled just when woken leaves the place to the next."""

    async def main():
        room.pending, admitted = 2, []
        waiting = []
        for name in "abc":
            waiting.append(asyncio.create_task(stand_in_line(room, name, admitted)))
            await ticks()
        room.release(1)
        waiting[0].cancel()
        await asyncio.wait(waiting[:2])
        assert waiting[0].cancelled()
        assert ["b"] == admitted
        room.release(1)
        await waiting[2]

    asyncio.run(main())


async def test_join_waits_for_the_last_call(room):
    """Joining waits until nothing is pending, also what came meanwhile."""
    await room.join()
    room.pending = 1
    async with anyio.create_task_group() as group:
        group.start_soon(room.join)
        group.start_soon(room.join)
        await anyio.wait_all_tasks_blocked()
        room.pending += 1
        room.release(1)
        await anyio.wait_all_tasks_blocked()
        room.release(1)
