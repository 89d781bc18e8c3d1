"""The work of a stream: which commands go together, when, in which order, what is held meanwhile, and what troubles do."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import logging

import anyio
import anyio.lowlevel
import httpx
import pytest

from aioliferay import (
    BatchLimits,
    ClosedError,
    ConnectError,
    NotFoundError,
    NotSentError,
    ProtocolError,
    RetryPolicy,
    ServerError,
    StreamCommand,
    Unknown,
)
from aioliferay._flow import Flow
from aioliferay.errors import NoAnswerError
from streaming import (
    BAD_READ,
    BAD_WRITE,
    READ,
    WRITE,
    Tap,
    all_of,
    assert_nothing_left,
    names_of,
    reads,
    writes,
)
from wire import Wire

anyio_test = pytest.mark.anyio
FIXED = {"calls": 10, "parallel": 2}


@pytest.fixture
def session(wire):
    """Make a session of a guest: of one with a password, the first request goes ahead of all others."""
    return wire.session()


@pytest.fixture
def jumping():
    """Run an async function under virtual time."""
    pytest.importorskip("trio.testing")
    trio = pytest.importorskip("trio")
    return lambda run: trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def sizes(wire):
    return [len(batch) for batch in wire.batches]


# What comes, and what is sent.


@pytest.mark.parametrize("ordered", [True, False])
@anyio_test
async def test_each_command_has_its_result(session, ordered):
    """Each command of a stream has one item: with its position, the very object, and its own result."""
    commands = reads(300)
    items = await all_of(session.stream(commands, ordered=ordered))
    assert list(range(300)) == sorted(item.position for item in items)
    for item in items:
        assert item.command is commands[item.position]
        assert (item.position, None) == (item.result, item.error)
    if ordered:
        assert sorted(items, key=lambda item: item.position) == items
    assert_nothing_left(session)


@anyio_test
async def test_empty_stream(wire, session):
    """A stream without commands ends at once, and sends nothing."""

    async def nothing():
        return
        yield

    for commands in ([], iter(()), nothing()):
        assert [] == await all_of(session.stream(commands))
    assert not wire.requests
    assert_nothing_left(session)


@anyio_test
async def test_endless_commands(wire, session):
    """Commands without end are taken as far as results are taken."""
    taken = 0

    def commands():
        nonlocal taken
        for value in itertools.count():
            taken += 1
            yield READ, {"value": value}

    async with session.stream(commands(), calls=10, parallel=2) as stream:
        async for item in stream:
            if item.position == 1000:
                break
    assert 1000 < taken < 1100 + 2 * 2 * 64
    assert_nothing_left(session)


@anyio_test
async def test_types_of_results(session):
    """`returns=` of the stream holds for each command that does not say otherwise."""
    command = StreamCommand(READ, {"value": "7"}, returns=str)
    items = await all_of(session.stream([(READ, {"value": "7"}), command, (READ, {"value": "x"})], returns=int))
    assert [7, "7"] == [item.result for item in items[:2]]
    assert "does not fit returns=int" in str(items[2].error)
    assert "x" == items[2].result


@anyio_test
async def test_catalog_of_the_session_tells_reads(wire, session):
    """What the session's catalog knows of reads holds in a stream, too; a command may say it by itself."""
    await all_of(session.stream([StreamCommand(WRITE, {"value": value}, is_read=True) for value in range(30)], calls=30))
    assert [30] == sizes(wire)


@anyio_test
async def test_errors_tell_where_the_stream_was_made(session):
    """The error of an item names the line that opened the stream, as there is no line of its own."""
    stream = session.stream([(BAD_READ, {"value": 1}), (BAD_WRITE, {"value": 2.5})])
    line = inspect.currentframe().f_lineno - 1
    for item in await all_of(stream):
        assert (__file__, line) == item.error.site


# How many go together.


@anyio_test
async def test_fixed_sizes(wire, session):
    """`calls=` and `parallel=` fix the size of requests and how many there are at once."""
    wire.steps = 5
    items = await all_of(session.stream(reads(105), calls=10, parallel=3))
    assert [10] * 10 + [5] == sizes(wire)
    assert 3 == wire.most_busy
    assert list(range(105)) == [item.result for item in items]


@anyio_test
async def test_one_at_a_time_is_one_at_a_time(wire, session):
    """With `parallel=1` there is one request of reads at a time, also where a failed call is looked for."""
    wire.steps = 3
    commands = [*reads(60), (BAD_READ, {"value": "x"}), *reads(60)]
    items = await all_of(session.stream(commands, calls=40, parallel=1))
    assert 1 == wire.most_busy
    assert 120 == names_of(items).count("ok")


@anyio_test
async def test_sizes_follow_what_the_portal_shows(wire, session):
    """Left alone, requests grow: a portal that takes a fixed time for each gets larger ones, and never more than four."""

    class Steady(Wire):
        async def _dawdle(self):
            await anyio.sleep(0.01)  # twice

    steady = Steady()
    await all_of(steady.session().stream(reads(20_000)))
    assert 50 == sizes(steady)[0]
    assert 200 <= max(sizes(steady)) <= 1000
    assert 2 <= steady.most_busy <= 4


@pytest.mark.parametrize(
    ("of_session", "options", "most"),
    [
        (None, {}, 1000),
        (BatchLimits(max_calls=70), {}, 70),
        (None, {"limits": BatchLimits(max_calls=80)}, 80),
        (BatchLimits(max_calls=70), {"limits": BatchLimits(max_calls=90)}, 90),
        (BatchLimits(max_calls=70), {"calls": 200}, 200),
    ],
)
def test_limits_of_calls(wire, of_session, options, most):
    """A request has 1,000 calls at most; the limits of the session or of the stream, or `calls=`, count instead."""
    flow = Flow(wire.session(limits=of_session), [], options, None)
    assert most == flow._terms.limits.max_calls


@pytest.mark.parametrize("options", [{"parallel": 3}, {"limits": BatchLimits(max_parallel=3)}])
def test_limits_of_requests_at_once(wire, options):
    """No more requests are under way than `parallel=` says, or else the limits."""
    flow = Flow(wire.session(), [], options, None)
    assert 3 == flow._connections.value


@pytest.mark.parametrize("more", [0, 1])
@anyio_test
async def test_bytes_bound_a_request(wire, session, more):
    """A request has as many bytes as the limits allow, to the byte, and not one more."""
    one = len(b'{"/x/get-echo":{"value":1000}}')
    most = 10 * one + 9 + 2
    commands = [(READ, {"value": value}) for value in range(1000, 1100)]
    items = await all_of(session.stream(commands, calls=50, parallel=1, limits=BatchLimits(max_bytes=most - more)))
    assert ([10] * 10 if not more else [9] * 11 + [1]) == sizes(wire)
    assert max(len(request.content) for request in wire.requests) <= most - more
    assert ["ok"] * 100 == names_of(items)


@anyio_test
async def test_statement_that_is_too_large_goes_alone(wire, session):
    """A statement that is larger than a request may be goes by itself, and the others go as they would."""
    commands = reads(20)
    commands.insert(10, (READ, {"value": "x" * 2000}))
    items = await all_of(session.stream(commands, calls=50, parallel=1, limits=BatchLimits(max_bytes=1000)))
    assert [10, 1, 10] == sizes(wire)
    assert ["ok"] * 21 == names_of(items)


class Narrow(Wire):
    """Refuses larger requests than `most` bytes. `refused`: after how many others each of these came."""

    def __init__(self, most):
        super().__init__()
        self.most = most
        self.refused = []

    async def handle_async_request(self, request):
        if len(request.content) > self.most:
            self.refused.append(len(self.requests))
            return httpx.Response(413)
        return await super().handle_async_request(request)


@anyio_test
async def test_portal_that_takes_small_requests_only():
    """After a 413 nothing is lost, and requests are as large as the portal takes them, or nearly: few more are refused."""
    wire = Narrow(2000)
    items = await all_of(wire.session().stream(reads(20_000)))
    assert ["ok"] * 20_000 == names_of(items)
    assert wire.refused
    assert max(wire.refused) < len(wire.requests) / 2
    later = [len(request.content) for request in wire.requests[-20:-1]]
    assert min(later) > 500


@anyio_test
async def test_statements_that_the_portal_does_not_take():
    """Statements too large for the portal are told as not run; they do not make the requests of others small for ever."""
    wire = Narrow(10_000)
    commands = reads(6000)
    for place in range(100, 6000, 500):
        commands[place] = (READ, {"value": "x" * 20_000})
    items = await all_of(wire.session().stream(commands))
    assert 12 == names_of(items).count("not run")
    assert 5988 == names_of(items).count("ok")
    assert max(sizes(wire)[-20:]) >= 50


# When they go.


@anyio_test
async def test_slow_source_does_not_wait_for_a_full_request(wire, session):
    """A command that comes alone goes at once if nothing is in flight; nobody waits for a request to be full."""
    tap = Tap(reads(100))
    stream = session.stream(tap, calls=50)
    async with anyio.create_task_group() as group:
        items = []

        async def collect():
            async for item in stream:
                items.append(item.result)  # noqa: PERF401 - others look at it meanwhile

        group.start_soon(collect)
        for count in (1, 2, 3):
            await tap.let(count)
            while len(items) < tap.given:
                await anyio.wait_all_tasks_blocked()
        assert list(range(6)) == items
        assert 3 == len(wire.batches)
        await tap.let(94)
    assert list(range(100)) == items
    assert tap.is_closed
    assert_nothing_left(session)


@anyio_test
async def test_commands_gather_while_all_lanes_are_taken(wire, session):
    """What comes while as many requests are in flight as may be travels together afterwards."""
    gate, tap = wire.hold(), Tap(reads(30))
    stream = session.stream(tap, calls=20, parallel=1)
    async with anyio.create_task_group() as group:
        items = []

        async def collect():
            items.extend([item.result async for item in stream])

        group.start_soon(collect)
        await anyio.wait_all_tasks_blocked()
        await tap.let(1)
        await wire.arrived.wait()
        for count in (5, 5, 5):
            await tap.let(count)
        assert 16 == tap.given
        gate.set()
        await tap.let(14)
    assert list(range(30)) == items
    assert [1, 20, 9] == sizes(wire)


def test_commands_gather_for_a_moment(jumping):
    """While a request is in flight, and another one may be, commands wait two milliseconds for others."""

    async def main():
        wire, tap = Wire(), Tap(reads(30))
        gate = wire.hold()
        stream = wire.session().stream(tap, calls=20, parallel=2)
        async with anyio.create_task_group() as group:
            group.start_soon(all_of, stream)
            await anyio.lowlevel.checkpoint()
            await tap.let(1)
            await wire.arrived.wait()
            began = anyio.current_time()
            for count in (3, 4, 5):
                await tap.let(count)
                assert [1] == sizes(wire)
            await anyio.sleep(0.003)
            assert [1, 12] == sizes(wire)
            assert anyio.current_time() - began < 0.004
            gate.set()
            await tap.let(17)

    jumping(main)


@anyio_test
async def test_source_as_fast_as_it_can(wire, session):
    """An asynchronous source that never waits fills requests as a list does, and does not starve others."""

    async def commands():
        for command in reads(2000):
            yield command

    items = await all_of(session.stream(commands(), calls=100, parallel=1))
    assert list(range(2000)) == [item.result for item in items]
    assert 20 <= len(wire.batches) <= 23


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
@pytest.mark.parametrize(("calls", "parallel"), [(10, 2), (100, 3), (1, 1)])
@anyio_test
async def test_back_pressure(wire, session, kind, calls, parallel):
    """If nobody takes items, requests end and no more leave; what is held is bounded, however much there is."""
    taken = 0

    def count():
        nonlocal taken
        for command in reads(100_000):
            taken += 1
            yield command

    async def later():
        for command in count():
            yield command

    commands = count() if kind == "plain" else later()
    async with session.stream(commands, calls=calls, parallel=parallel) as stream:
        assert 0 == taken
        first = await anext(stream)
        assert 0 == first.result
        await anyio.wait_all_tasks_blocked()
        while wire.busy:
            await anyio.wait_all_tasks_blocked()
        most = 2 * parallel * max(calls, 64)  # on their way, or done and not taken; one more chunk waits
        ahead = 0 if kind == "plain" else 128
        assert most <= taken <= most + 3 * calls + 64 + ahead
        sent = sum(sizes(wire))
        assert most <= sent <= most + 2 * calls
        await anyio.wait_all_tasks_blocked()
        assert (taken, sent) == (taken, sum(sizes(wire)))
        second = await anext(stream)
        assert 1 == second.position
    assert_nothing_left(session)


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
@anyio_test
async def test_large_commands_are_held_by_their_bytes(session, kind):
    """Of large commands fewer are taken and held than of small ones, so that memory is bounded in bytes, too."""
    taken, text = 0, "x" * 200_000

    def plain():
        nonlocal taken
        for value in range(10_000):
            taken += 1
            yield READ, {"value": text + str(value)}

    async def later():
        for command in plain():
            yield command

    commands = plain() if kind == "plain" else later()
    async with session.stream(commands, calls=1000, parallel=2, limits=BatchLimits(max_bytes=1_000_000)) as stream:
        await anext(stream)
        await anyio.wait_all_tasks_blocked()
        held = taken * len(text)
        assert 3_000_000 < held < 2 * 2 * 1_000_000 + 5_000_000
    assert_nothing_left(session)


@anyio_test
async def test_no_more_requests_than_lanes(wire, session):
    """However slow the portal and quick the source, no more requests are in flight than were asked for."""
    gate = wire.hold()
    async with session.stream(reads(1000), calls=10, parallel=3) as stream, anyio.create_task_group() as group:
        group.start_soon(anext, stream)
        await anyio.wait_all_tasks_blocked()
        assert 3 == wire.busy == len(wire.requests)
        gate.set()


@anyio_test
async def test_one_slow_request_does_not_hold_up_others(session, wire):
    """Unordered, a slow request holds up nobody; ordered, what comes after it waits, and after a while the others do."""

    class Slow(Wire):
        async def _answer(self, request):
            if b'"value":0}' in request.content:
                await gate.wait()
            return await super()._answer(request)

    for ordered in (False, True):
        slow, gate = Slow(), anyio.Event()
        async with (
            slow.session().stream(reads(5000), ordered=ordered, **FIXED) as stream,
            anyio.create_task_group() as group,
        ):
            positions = []

            async def collect(stream=stream, positions=positions):
                async for item in stream:
                    positions.append(item.position)

            group.start_soon(collect)
            await anyio.wait_all_tasks_blocked()
            while slow.busy > 1:
                await anyio.wait_all_tasks_blocked()
            if ordered:
                assert [] == positions
                assert len(slow.requests) <= 2 * 2 * 64 // 10 + 2
            else:
                assert 4990 == len(positions)
            gate.set()
        assert list(range(5000)) == (positions if ordered else sorted(positions))


# Reads and writes.


@anyio_test
async def test_writes_go_alone_and_in_order(wire, session):
    """Each write has a request of its own; they go one after another, in the order of the commands."""
    wire.steps = 3
    items = await all_of(session.stream(writes(50)))
    assert [1] * 50 == sizes(wire)
    assert 1 == wire.most_busy
    assert list(range(50)) == [value for _, value in wire.executed] == [item.result for item in items]


@anyio_test
async def test_reads_go_beside_writes(wire, session):
    """While a write is in flight, reads that stand behind it go, and no other write does."""
    gate = wire.hold()
    commands = [(WRITE, {"value": 0}), *reads(5), (WRITE, {"value": 1}), *reads(5)]
    async with session.stream(commands) as stream, anyio.create_task_group() as group:
        items = []

        async def collect():
            items.extend([item async for item in stream])

        group.start_soon(collect)
        await anyio.wait_all_tasks_blocked()
        assert [[READ] * 5, [WRITE]] == sorted(wire.batches)
        gate.set()
    assert [[READ] * 5] * 2 + [[WRITE]] * 2 == sorted(wire.batches)
    assert [0, 1] == [value for path, value in wire.executed if path == WRITE]
    assert list(range(12)) == [item.position for item in items]


@anyio_test
async def test_writes_together(wire, session):
    """With `writes="together"` writes share requests, with reads, too; these go one after another, in order."""
    wire.steps = 3
    commands = [(WRITE if value % 3 else READ, {"value": value}) for value in range(200)]
    items = await all_of(session.stream(commands, writes="together", calls=20, parallel=2))
    assert list(range(200)) == [value for _, value in wire.executed] == [item.result for item in items]
    assert max(sizes(wire)) > 1
    assert 1 == wire.most_busy


@anyio_test
async def test_failed_call_harms_no_other(session):
    """A command that the portal refuses fails by itself, read or write; all others have their results."""
    commands = [*reads(40), (BAD_READ, {"value": "r"}), *writes(3), (BAD_WRITE, {"value": "w"}), *writes(3), *reads(40)]
    items = await all_of(session.stream(commands, calls=100))
    assert [40, 44] == [item.position for item in items if item.outcome.name == "failed"]
    assert 86 == names_of(items).count("ok")
    assert all(isinstance(items[place].error, NotFoundError) for place in (40, 44))
    assert [item.result for item in items[41:44]] == [0, 1, 2]


@pytest.mark.parametrize("share", [2, 3, 10])
@anyio_test
async def test_many_failed_calls_harm_no_other(session, share):
    """Also where so many reads fail that looking for them takes more requests than the limits allow for one search."""
    commands = [
        (READ if value % share else BAD_READ, {"value": "same" if not value % share else value}) for value in range(900)
    ]
    items = await all_of(session.stream(commands, calls=450, parallel=2))
    for item in items:
        assert ("ok" if item.position % share else "failed") == item.outcome.name
        assert item.position % share == 0 or item.result == item.position


@anyio_test
async def test_who_wants_no_search_gets_none(wire, session):
    """With `isolation_requests=0` a refused request goes once: its reads are unknown."""
    limits = BatchLimits(isolation_requests=0)
    items = await all_of(session.stream([*reads(9), BAD_READ], calls=10, limits=limits))
    assert ["unknown"] * 10 == names_of(items)
    assert 1 == len(wire.requests)


def test_stream_that_waits_does_not_hold_up_the_closing(jumping, wire):
    """A stream whose source has nothing to give ends at once when its session is closed."""

    async def slow():
        yield READ, {"value": 1}
        await anyio.sleep_forever()

    async def main():
        async with wire.session() as session:
            stream = session.stream(slow())
            assert 1 == (await anext(stream)).result
            begun = anyio.current_time()
        assert 1 > anyio.current_time() - begun
        with pytest.raises(ClosedError):
            await anext(stream)

    jumping(main)


def test_search_is_a_part_of_what_a_request_costs(jumping):
    """Where each tenth read fails, large requests run most of their reads again and again: requests stay small."""

    class Busy(Wire):
        async def _answer(self, request):
            before = len(self.executed)
            answer = await super()._answer(request)
            await anyio.sleep(0.0005 * (len(self.executed) - before))
            return answer

    async def main():
        busy = Busy()
        commands = [(READ if value % 10 else BAD_READ, {"value": value}) for value in range(3000)]
        items = await all_of(busy.session().stream(commands))
        assert [2700, 300] == [names_of(items).count(name) for name in ("ok", "failed")]
        assert len(busy.executed) < 3 * 3000

    jumping(main)


@anyio_test
async def test_commands_that_cannot_be_sent(wire, session):
    """What cannot be sent is an item in its place, with what is wrong, and harms no other; alone it makes no request."""
    commands = ["nowhere", *reads(3), 7, (READ, {"value": object()}), *writes(2), ("nowhere", {})]
    items = await all_of(session.stream(commands))
    assert ["not sent", "ok", "ok", "ok", "not sent", "not sent", "ok", "ok", "not sent"] == names_of(items)
    assert all(isinstance(items[place].error, NotSentError) for place in (0, 4, 5, 8))
    assert commands == [item.command for item in items]
    wire.requests.clear()
    assert ["not sent"] * 300 == names_of(await all_of(session.stream([7] * 300)))
    assert not wire.requests
    assert_nothing_left(session)


# Before a request leaves.


@anyio_test
async def test_before_send_is_awaited_first(wire, session):
    """`before_send` is awaited before the request leaves, with positions and the very commands that can be sent."""
    commands = [*reads(3), 7, *writes(2), *reads(2)]
    told = []

    async def before_send(pairs):
        sent = sum(sizes(wire))
        await anyio.lowlevel.checkpoint()
        assert sent == sum(sizes(wire)) - (sum(sizes(wire)) - sent)
        for place, command in pairs:
            assert command is commands[place]
            assert command[1]["value"] not in [value for path, value in wire.executed if path == command[0]][place:]
        told.append(([place for place, _ in pairs], len(wire.requests)))

    items = await all_of(session.stream(commands, before_send=before_send, parallel=1))
    assert [[0, 1, 2], [4], [5], [6, 7]] == [places for places, _ in told]
    assert all(requests <= number for number, (_, requests) in enumerate(told))
    assert [0, 1, 2, None, 0, 1, 0, 1] == [item.result for item in items]


@anyio_test
async def test_before_send_is_not_bothered_for_nothing(session):
    """Where a request has nothing to carry, `before_send` is not called."""
    told = []

    async def before_send(pairs):
        told.append(pairs)

    await all_of(session.stream([7, 8], before_send=before_send))
    assert [] == told


@anyio_test
async def test_before_send_that_raises_ends_the_stream(wire, session):
    """If `before_send` raises, its request is not sent, what was sent before comes, and then the error."""

    async def before_send(pairs):
        if pairs[0][0] == 20:
            await anyio.wait_all_tasks_blocked()
            raise OSError("the disk is full")

    stream = session.stream(reads(1000), before_send=before_send, **FIXED)
    items = []
    with pytest.raises(OSError, match="the disk is full"):
        items.extend([item async for item in stream])
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert 20 == len(wire.executed)
    assert_nothing_left(session)


@anyio_test
async def test_before_send_does_not_see_the_same_twice(wire, session):
    """A request that goes again after a pause, or in parts, is told once."""
    wire.script = [httpx.Response(429), httpx.Response(413)]
    told = []

    async def before_send(pairs):
        told.extend(place for place, _ in pairs)

    items = await all_of(session.stream(reads(30), before_send=before_send, calls=10, parallel=1))
    assert ["ok"] * 30 == names_of(items)
    assert list(range(30)) == told


# The end of the source.


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
@anyio_test
async def test_source_that_raises(session, kind):
    """What the source gave before it raised is sent, and comes; then its own error does, once."""

    def plain():
        yield from reads(25)
        raise LookupError("no line 26")

    async def later():
        for command in plain():
            yield command

    stream = session.stream(plain() if kind == "plain" else later(), **FIXED)
    items = []
    with pytest.raises(LookupError, match="no line 26"):
        async for item in stream:
            items.append(item)  # noqa: PERF401 - it raises
    assert list(range(25)) == [item.result for item in items]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert_nothing_left(session)


@anyio_test
async def test_stop_with_nothing_in_flight(session):
    """A stream that is stopped before its first item ends at once, and takes nothing."""
    stream = session.stream(Tap(reads(10)))
    stream.stop()
    assert [] == await all_of(stream)
    assert_nothing_left(session)


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
@anyio_test
async def test_stop_lets_what_is_in_flight_come(wire, session, kind):
    """A stopped stream gives what is in flight its time; what was taken and not sent comes as not sent; nothing is lost."""
    gate, taken = wire.hold(), []

    def plain():
        for command in reads(10_000):
            taken.append(command)
            yield command

    async def later():
        for command in plain():
            yield command

    stream = session.stream(plain() if kind == "plain" else later(), **FIXED)
    items = []

    async def collect():
        items.extend([item async for item in stream])

    async with anyio.create_task_group() as group:
        group.start_soon(collect)
        await anyio.wait_all_tasks_blocked()
        assert 2 == wire.busy
        stream.stop()
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert list(range(len(taken))) == [item.position for item in items]
    assert taken == [item.command for item in items]
    assert ["ok"] * 20 + ["not sent"] * (len(taken) - 20) == names_of(items)
    assert len(taken) > 20
    assert "the stream was stopped before it was sent" in str(items[-1].error)
    assert 20 == len(wire.executed)
    assert_nothing_left(session)


@anyio_test
async def test_stop_while_the_source_is_waited_for(session):
    """A stream that waits for its source ends when it is stopped, and the source is closed."""
    tap = Tap(reads(10))
    stream = session.stream(tap)
    async with anyio.create_task_group() as group:
        items = []

        async def collect():
            items.extend([item.result async for item in stream])

        group.start_soon(collect)
        await anyio.wait_all_tasks_blocked()
        await tap.let(3)
        stream.stop()
    assert [0, 1, 2] == items
    assert tap.is_closed
    assert_nothing_left(session)


@anyio_test
async def test_stop_while_commands_gather(wire, session):
    """Commands that wait for others, or for room, when the stream is stopped come as not sent."""
    gate, tap = wire.hold(), Tap(reads(30))
    stream = session.stream(tap, calls=20, parallel=1)
    async with anyio.create_task_group() as group:
        items = []

        async def collect():
            items.extend([item async for item in stream])

        group.start_soon(collect)
        await anyio.wait_all_tasks_blocked()
        await tap.let(1)
        await wire.arrived.wait()
        await tap.let(6)
        stream.stop()
        gate.set()
    assert ["ok", *["not sent"] * 6] == names_of(items)
    assert [1] == sizes(wire)
    assert_nothing_left(session)


# Portals that ask to wait.


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry", [None, RetryPolicy(attempts=1)])
@anyio_test
async def test_portal_that_is_busy(wire, status, retry):
    """Reads that the portal was too busy for go again after a pause: no call fails because of it."""
    session = wire.session(retry=retry)
    busy = httpx.Response(status)
    wire.script = [busy, None, busy, busy, busy, None, busy, busy]
    items = await all_of(session.stream(reads(40), **FIXED))
    assert list(range(40)) == [item.result for item in items]
    assert ["ok"] * 40 == names_of(items)
    assert_nothing_left(session)


@anyio_test
async def test_writes_that_the_portal_is_busy_for(wire, session):
    """A write goes again after 429, which says that it did not run; after 503 only if that is harmless."""
    commands = [*writes(2), StreamCommand(WRITE, {"value": 2}, idempotent=True), (WRITE, {"value": 3})]
    wire.script = [httpx.Response(429), httpx.Response(429), None, httpx.Response(503), httpx.Response(503), None]
    items = await all_of(session.stream(commands))
    assert ["ok", "unknown", "ok", "ok"] == names_of(items)
    assert [0, 2, 3] == [value for _, value in wire.executed]


@anyio_test
async def test_idempotent_write_keeps_its_doubt(wire, session):
    """A write that may have run before the portal asked to wait is unknown, even if it could not be sent afterwards."""
    wire.script = [httpx.Response(503), *[httpx.ConnectError("refused")] * 40]
    (item,) = await all_of(session.stream([StreamCommand(WRITE, {"value": 2}, idempotent=True)]))
    assert isinstance(item.outcome, Unknown)


def test_portal_that_names_a_time(jumping):
    """`Retry-After` is waited for: by the calls that were refused, and by all that come after them."""

    async def main():
        wire = Wire()
        wire.script = [httpx.Response(429, headers={"Retry-After": "20"})]
        times = []
        wire.session = wire.session
        stream = wire.session().stream(reads(50), calls=10, parallel=1)
        began = anyio.current_time()
        async for item in stream:
            times.append(anyio.current_time() - began)
            assert item.position == item.result
        assert 50 == len(times)
        assert 19.9 < times[0] < 21

    jumping(main)


def test_portal_that_asks_for_too_long(jumping):
    """A pause longer than `longest_retry_after=` is no reason to be idle for so long: the calls end at once, as not run."""

    async def main():
        wire = Wire()
        wire.script = [httpx.Response(429, headers={"Retry-After": "3600"})]
        began = anyio.current_time()
        stream = wire.session().stream(reads(30), calls=10, parallel=1)
        items = [(item.outcome.name, anyio.current_time() - began) async for item in stream]
        assert [("not run", 0)] * 10 == [(name, int(seconds)) for name, seconds in items[:10]]
        assert {"ok"} == {name for name, _ in items[10:]}
        assert 29 < items[-1][1] < 31

    jumping(main)


def test_portal_that_is_busy_for_ever(jumping):
    """A portal that never stops asking to wait is asked again for about a minute; then the calls end as not run."""

    async def main():
        wire = Wire()
        wire.answer = httpx.Response(429)
        began = anyio.current_time()
        items = await all_of(wire.session().stream(reads(5), calls=5))
        assert ["not run"] * 5 == names_of(items)
        assert 429 == items[0].error.status
        assert 30 < anyio.current_time() - began < 120
        assert 17 == len(wire.requests)

    jumping(main)


@pytest.mark.parametrize("limit", ["deadline", "timeout"])
def test_limits_of_time_hold_while_the_portal_is_busy(jumping, limit):
    """`deadline=` of the stream, and `timeout=` of a command, end calls also while the portal asks to wait."""

    async def main():
        wire = Wire()
        wire.answer = httpx.Response(429)
        began = anyio.current_time()
        options = {"deadline": 3.0} if limit == "deadline" else {}
        timeout = 3.0 if limit == "timeout" else None
        commands = [StreamCommand(READ, {"value": value}, timeout=timeout) for value in range(5)]
        items = await all_of(wire.session().stream(commands, calls=5, **options))
        assert {"not run"} == set(names_of(items)) or {"not sent"} == set(names_of(items))
        assert anyio.current_time() - began <= 3.01

    jumping(main)


def test_timeout_of_one_command_is_its_own(jumping):
    """A command that is out of time ends alone; the others of its request have their results."""

    async def main():
        wire = Wire()
        gate = wire.hold()
        commands = reads(9)
        commands.insert(4, StreamCommand(READ, {"value": 4}, timeout=2.0))
        stream = wire.session(timeout=60).stream(commands, ordered=True, calls=10)
        async with anyio.create_task_group() as group:

            async def later():
                await anyio.sleep(5)
                gate.set()

            group.start_soon(later)
            items = await all_of(stream)
        assert ["ok"] * 4 + ["unknown"] + ["ok"] * 5 == names_of(items)
        assert items[4].error.is_timeout

    jumping(main)


def test_requests_whose_time_runs_out_become_smaller(jumping):
    """A portal that is too slow for large requests gets smaller ones: most calls of a stream do not run out of time."""

    class Slow(Wire):
        async def _dawdle(self):
            await anyio.sleep(len(self.batches[-1]) * 0.5)  # twice

    async def main():
        wire = Slow()
        items = await all_of(wire.session().stream(reads(2000), limits=BatchLimits(max_parallel=1)))
        assert {"unknown"} == set(names_of(items[:50]))
        assert names_of(items[100:]).count("ok") > 0.6 * 1900

    jumping(main)


def test_portal_that_is_gone(jumping):
    """While no connection is made, calls end as not sent, after the usual repetitions; and the stream slows down."""

    async def main():
        wire = Wire()
        wire.answer = httpx.ConnectError("refused")
        stream = wire.session().stream(reads(100_000))
        ended = 0
        with anyio.move_on_after(60):
            async for item in stream:
                assert isinstance(item.error, ConnectError)
                assert item.outcome.name == "not sent"
                ended += 1
        assert 50 <= ended < 2000
        wire.answer = None
        async for item in stream:
            if item.outcome.name == "ok":
                break
        assert item.position == item.result
        await stream.aclose()

    jumping(main)


@anyio_test
async def test_connection_that_is_lost():
    """A request without an answer: its reads go again, its write is unknown, and the stream goes on."""

    class Fragile(Wire):
        def _run(self, statements):
            answer = super()._run(statements)
            if self.executed[-1] in [(READ, 9), (WRITE, 0)] and self.executed.count(self.executed[-1]) == 1:
                raise httpx.ReadError("reset")
            return answer

    wire = Fragile()
    session = wire.session(retry=RetryPolicy(first_delay=0.001))
    items = await all_of(session.stream([*reads(20), *writes(2), *reads(5)], calls=10, parallel=1))
    assert 1 == names_of(items).count("unknown")
    assert 26 == names_of(items).count("ok")
    assert isinstance(items[20].error, NoAnswerError)
    assert 1 == wire.executed.count((WRITE, 0))


@anyio_test
async def test_portal_that_answers_garbage(session, wire):
    """An answer that is none is an error of each call of that request, and of no other."""
    wire.script = [None, httpx.Response(200, text="<html>")]
    items = await all_of(session.stream(reads(30), calls=10, parallel=1))
    assert ["ok"] * 10 + ["unknown"] * 10 + ["ok"] * 10 == names_of(items)
    assert isinstance(items[10].error, ProtocolError | ServerError)


# The end of the session.


@anyio_test
async def test_session_closed_in_mid_stream(wire, session):
    """If the session is closed, what is in flight comes, and then a ClosedError; no further command is sent."""
    gate = wire.hold()
    stream = session.stream(reads(1000), **FIXED)
    items, raised = [], []

    async def collect():
        try:
            async for item in stream:
                items.append(item)  # noqa: PERF401 - it raises
        except ClosedError as error:
            raised.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(collect)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert list(range(20)) == [item.result for item in items]
    assert ["the session was closed before the stream had ended"] == [str(error) for error in raised]
    assert 20 == len(wire.executed)
    assert_nothing_left(session)


def test_session_closed_over_a_slow_portal(jumping):
    """What is in flight has five seconds when its session is closed; then reads are cancelled, a write is unknown."""

    async def main():
        for command, outcome in [((READ, {"value": 0}), "cancelled"), ((WRITE, {"value": 0}), "unknown")]:
            wire = Wire()
            wire.hold()
            session = wire.session()
            stream = session.stream([command] * 50, calls=10, parallel=1)
            items = []

            async def collect(stream=stream, items=items):
                with pytest.raises(ClosedError):
                    async for item in stream:
                        items.append(item)

            async with anyio.create_task_group() as group:
                group.start_soon(collect)
                await anyio.wait_all_tasks_blocked()
                began = anyio.current_time()
                await session.aclose()
            assert 5.0 == anyio.current_time() - began
            assert {outcome} == set(names_of(items))
            assert_nothing_left(session)

    jumping(main)


@anyio_test
async def test_stream_of_a_closed_session(session):
    """A stream is not opened on a closed session; one that was opened before and has not begun ends with a ClosedError."""
    early = session.stream(reads(10))
    await session.aclose()
    with pytest.raises(ClosedError):
        session.stream(reads(10))
    with pytest.raises(ClosedError):
        await anext(early)


def test_lost_with_its_loop(wire):
    """A stream whose event loop ends before its first request left has ended; nothing is said but by the loop."""
    streams = []

    async def main():
        stream = wire.session().stream(reads(10))
        streams.append(stream)
        stream._flow._begin()

    asyncio.run(main())
    assert not streams[0]._flow._scopes
    assert not wire.requests


def test_chunk_lost_with_its_loop(wire):
    """Calls whose request could not begin before the event loop ended have ended, as not sent by anybody."""
    streams = []

    async def main():
        stream = wire.session().stream(reads(10))
        streams.append(stream)
        stream._flow._begin()
        await asyncio.sleep(0)  # enough for the pump to start a request's task, not for that to run

    asyncio.run(main())
    (chunk,) = streams[0]._flow._chunks
    assert chunk.is_done
    assert {"cancelled"} == {call.outcome.name for call in chunk.calls}


# Options.


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"calls": 0}, ValueError, "calls= takes at least 1, not 0"),
        ({"parallel": -1}, ValueError, "parallel= takes at least 1, not -1"),
        ({"calls": 2.5}, TypeError, "calls= takes a number or None, not float"),
        ({"parallel": True}, TypeError, "parallel= takes a number or None, not bool"),
        ({"before_send": 5}, TypeError, "before_send= takes an async function or None, not int"),
        ({"writes": "never"}, ValueError, "writes= is 'together' or 'alone', not 'never'"),
        ({"deadline": 0}, ValueError, "deadline= takes a positive number"),
        ({"limits": 5}, TypeError, "limits= takes a BatchLimits, not int"),
        ({"chunk": 5}, TypeError, "has no option 'chunk'"),
    ],
)
def test_options_are_checked_at_once(session, options, kind, text):
    """An option that cannot be is told on the line that opens the stream."""
    with pytest.raises(kind, match=text):
        session.stream([], **options)


@pytest.mark.parametrize("commands", ["/x/get-it", None, 7])
def test_source_is_checked_at_once(session, commands):
    """What is no iterable of commands is told on the line that opens the stream."""
    with pytest.raises(TypeError, match="a stream takes an iterable of commands"):
        session.stream(commands)


@anyio_test
async def test_nothing_is_logged_of_failures_that_were_told(session, caplog):
    """Failures that come as items are told: none of them is logged as overlooked."""
    caplog.set_level(logging.INFO, "aioliferay")
    commands = [(BAD_READ if value % 5 == 0 else READ, {"value": value}) for value in range(50)]
    await all_of(session.stream([*commands, 7, (BAD_WRITE, {"value": 1})]))
    assert [] == [record for record in caplog.records if record.name == "aioliferay"]


@anyio_test
async def test_bodies_are_those_of_calls(wire, session):
    """A command of a stream is, byte for byte, the statement of a call."""
    await all_of(session.stream([(READ, {"value": "ä"}), StreamCommand(READ, {"value": 1}, select=["a", "b"])]))
    assert [[{READ: {"value": "ä"}}, {"$it[a,b] = /x/get-echo": {"value": 1}}]] == [
        json.loads(request.content) for request in wire.requests
    ]
