"""A stream as whoever takes its items sees it: how it ends, early or late, by whom, and that nothing is left behind.

`AIOLIFERAY_STREAM_SCENARIOS` sets how many scenarios are generated.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from functools import partial

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings

from aioliferay import ClosedError, Failed, NotSent, NotSentError, Ok, ServerError, Session, StreamItem
from aioliferay.testing import FakePortal
from loopback import loopback, read_request
from stream_scenarios import judge, play, scenarios
from streaming import READ, WRITE, Tap, all_of, assert_nothing_left, names_of, reads, writes
from wire import Wire

COUNT = int(os.environ.get("AIOLIFERAY_STREAM_SCENARIOS", "150"))
anyio_test = pytest.mark.anyio


@pytest.fixture
def session(wire):
    """Make a session of a guest: of one with a password, the first request goes ahead of all others."""
    return wire.session()


# Items.


def test_item_tells_what_became_of_a_command():
    """An item has the result or the error of its outcome; the other is None."""
    error = ServerError(exception="x")
    assert (7, None) == (StreamItem(0, "/x/get-it", Ok(7)).result, StreamItem(0, "/x/get-it", Ok(7)).error)
    assert (None, error) == (
        StreamItem(0, "/x/get-it", Failed(error)).result,
        StreamItem(0, "/x/get-it", Failed(error)).error,
    )


@anyio_test
async def test_item_is_a_value(session):
    """Items are equal if they tell the same of the same, however they came about, and show what they tell."""
    (item,) = await all_of(session.stream([READ]))
    assert StreamItem(0, READ, Ok(None)) == item != StreamItem(0, READ, Ok(1))
    assert item != (0, READ, Ok(None))
    assert {item: 1}[StreamItem(0, READ, Ok(None))] == 1
    assert f"StreamItem(position=0, command={READ!r}, outcome=Ok(value=None, error=None, is_inferred=False))" == repr(item)


@anyio_test
async def test_item_of_what_is_no_command(session):
    """What could not be sent has an item, too, with a reason."""
    (item,) = await all_of(session.stream([7]))
    assert (0, 7, NotSent, NotSentError) == (item.position, item.command, type(item.outcome), type(item.error))


@anyio_test
async def test_items_are_not_kept(session):
    """A stream forgets commands and results that were taken: it is as large after a million of them."""

    class Params(dict):
        """One that can be watched."""

    watches = []

    def commands():
        for path, params in reads(1000):
            watched = Params(params)
            watches.append(weakref.ref(watched))
            yield path, watched

    stream = session.stream(commands(), calls=10, parallel=2)
    async for item in stream:
        assert watches[item.position]() is item.command[1]
        alive = sum(watch() is not None for watch in watches[: item.position])
        assert alive <= 2 * 10  # those of its own request, or of the one before it
    del item
    await anyio.wait_all_tasks_blocked()
    gc.collect()
    assert not any(watch() for watch in watches)
    assert_nothing_left(session)


# The end.


@anyio_test
async def test_end_of_a_stream_is_for_ever(session):
    """A stream that has ended stays so: it gives no more items, and starts nothing."""
    stream = session.stream(reads(3))
    assert 3 == len(await all_of(stream))
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    stream.stop()
    await stream.aclose()
    assert [] == await all_of(stream)


@anyio_test
async def test_stream_that_is_never_taken(wire, session):
    """A stream of which no item is taken sends nothing, takes no command, and needs no closing."""
    taken = []
    stream = session.stream(taken.append(n) or READ for n in range(9))
    await anyio.wait_all_tasks_blocked()
    del stream
    async with session.stream(taken.append(n) or READ for n in range(9)) as stream:
        await stream.aclose()
        assert [] == await all_of(stream)
    assert [] == taken == wire.requests
    assert_nothing_left(session)


LEAVING = ["aclose", "async with", "aclosing", "break", "break and forget", "raise"]


async def leave(way, stream, session):
    """Take one item, and leave a stream in a way."""
    if way == "aclose":
        assert 0 == (await anext(stream)).result
        await stream.aclose()
    elif way == "async with":
        async with stream:
            assert 0 == (await anext(stream)).result
    elif way == "aclosing":
        async with contextlib.aclosing(stream) as items:
            async for _ in items:
                break
    elif way == "raise":
        with pytest.raises(LookupError):
            async with stream:
                async for _ in stream:
                    raise LookupError
    else:
        async for _ in stream:
            break


@pytest.mark.parametrize("way", LEAVING)
@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
@anyio_test
async def test_leaving_early(wire, session, way, kind):
    """However a stream is left, its requests are aborted, its generator is closed, and the portal hears nothing more."""
    closed = []

    def plain():
        try:
            yield from reads(10_000)
        finally:
            closed.append(threading.get_ident())

    async def later():
        try:
            for command in reads(10_000):
                yield command
        finally:
            closed.append(threading.get_ident())

    stream = session.stream(plain() if kind == "plain" else later(), calls=10, parallel=2)
    await leave(way, stream, session)
    if way == "break":
        stream = None
    elif way == "break and forget":
        del stream
    gc.collect()
    await anyio.wait_all_tasks_blocked()
    sent = len(wire.requests)
    assert sent < 40
    assert [threading.get_ident()] == closed
    assert 0 == wire.busy
    await anyio.wait_all_tasks_blocked()
    assert sent == len(wire.requests)
    assert_nothing_left(session)


@anyio_test
async def test_leaving_early_closes_connections():
    """What is in flight when a stream is left is cut off: the portal sees its connection close."""
    asked, gone = [], anyio.Event()

    async def conduct(stream):
        await read_request(stream)
        asked.append(1)
        if len(asked) == 2:
            everybody.set()
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            await stream.receive()
        gone.set()

    everybody = anyio.Event()
    async with loopback(conduct) as url, Session(url) as session, session.stream(reads(100), calls=10, parallel=2) as stream:
        async with anyio.create_task_group() as group:
            group.start_soon(all_of, stream)
            await everybody.wait()
            await stream.aclose()
        with anyio.fail_after(10):
            await gone.wait()
        assert_nothing_left(session)


@anyio_test
async def test_closing_ends_whoever_waits(wire, session):
    """If a stream is closed while a task waits for its next item, that task sees its end, and no error."""
    wire.hold()
    stream = session.stream(reads(100), calls=10, parallel=2)
    ended = []

    async def take():
        ended.append(await all_of(stream))

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await wire.arrived.wait()
        await stream.aclose()
    assert [[]] == ended
    assert_nothing_left(session)


@anyio_test
async def test_closing_while_the_source_is_slow(session):
    """A stream that waits for its source, with nothing in flight, can be closed; the source is closed first."""
    tap = Tap(reads(10))
    stream = session.stream(tap)
    async with anyio.create_task_group() as group:
        group.start_soon(all_of, stream)
        await anyio.wait_all_tasks_blocked()
        await stream.aclose()
        assert tap.is_closed
    assert_nothing_left(session)


def test_closing_over_a_source_that_does_not_end():
    """A source whose clean-up hangs holds up the closing of its stream for five seconds at most."""
    trio = pytest.importorskip("trio")

    async def commands():
        try:
            yield READ
            yield READ
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(60)

    async def main():
        stream = Wire().session().stream(commands())
        await anext(stream)
        began = anyio.current_time()
        await stream.aclose()
        assert 5.0 == anyio.current_time() - began

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@anyio_test
async def test_failures_of_reads_that_nobody_took_are_not_logged(session, caplog):
    """Who leaves a stream does not want to hear of the reads that failed behind; of a write that failed he does."""
    caplog.set_level(logging.INFO, "aioliferay")
    for path, logged in [("/x/get-fail", 0), ("/x/update-fail", 1)]:
        async with session.stream([READ, (path, {"value": "lost"}), *reads(300)], calls=1) as stream:
            await anext(stream)
            await anyio.wait_all_tasks_blocked()
        del stream
        gc.collect()
        assert logged == sum("nobody looked" in record.message for record in caplog.records)
        caplog.clear()


# Cancellation.


@anyio_test
async def test_cancelled_wait_for_an_item_loses_nothing(wire, session):
    """Who is cancelled while waiting for an item, by a limit of time, may go on: no item is lost."""
    gate = wire.hold()
    async with session.stream(reads(40), calls=10, parallel=1) as stream:
        for _ in range(3):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await anext(stream)
            assert scope.cancelled_caught
        gate.set()
        assert list(range(40)) == [item.result for item in await all_of(stream)]
    assert_nothing_left(session)


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
@pytest.mark.parametrize("path", [READ, WRITE])
@anyio_test
async def test_cancelled_at_every_step(path, kind):
    """Cancelled at any step, whoever takes the items is out at once; what comes out agrees with the portal's journal."""

    async def later(commands):
        for command in commands:
            await anyio.lowlevel.checkpoint()
            yield command

    for step in range(60):
        wire = Wire()
        wire.steps = 2
        session, items = wire.session(), []
        commands = reads(12, path)
        stream = session.stream(commands if kind == "plain" else later(commands), calls=4, parallel=2)

        async def take(stream=stream, items=items):
            async with stream:
                async for item in stream:
                    await anyio.lowlevel.checkpoint()
                    items.append(item)

        async with anyio.create_task_group() as group:
            group.start_soon(take)
            for _ in range(step):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert_nothing_left(session)
        ran = [value for _, value in wire.executed]
        assert len(set(ran)) == len(ran)
        for item in items:
            assert item.outcome.name == "ok"
            assert item.result in ran
        sent = len(wire.requests)
        await anyio.wait_all_tasks_blocked()
        assert sent == len(wire.requests)


@anyio_test
async def test_closed_in_flight_is_told_truly(wire, session):
    """Of writes in flight when a stream is closed by another task nothing comes; the portal ran each once at most."""
    wire.steps = 3
    stream = session.stream(writes(50))
    items = []

    async def take():
        items.extend([item async for item in stream])

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        while len(wire.executed) < 5:
            await anyio.lowlevel.checkpoint()
        await stream.aclose()
    assert 5 <= len(wire.executed) <= 6
    assert ["ok"] * len(items) == names_of(items)


@anyio_test
async def test_session_left_by_an_exception(wire):
    """A session that is left by an exception aborts the reads of its streams at once."""
    wire.hold()
    with pytest.raises(LookupError), anyio.fail_after(3):
        async with wire.session() as session, session.stream(reads(1000), calls=10, parallel=2) as stream:
            async with anyio.create_task_group() as group:
                group.start_soon(all_of, stream)
                await wire.arrived.wait()
                group.cancel_scope.cancel()
            raise LookupError
    assert_nothing_left(session)


@anyio_test
async def test_session_left_in_the_midst_of_a_stream(wire):
    """A session that is left while a stream goes on ends it: the stream is told that it was closed."""
    async with wire.session() as session:
        stream = session.stream(reads(1000), calls=10, parallel=2)
        first = await anext(stream)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await session.aclose()
    assert 0 == first.position
    with pytest.raises(ClosedError):
        await all_of(stream)
    assert_nothing_left(session)


@pytest.mark.skipif(os.name != "posix", reason="signals of processes are POSIX's")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_interrupted_from_the_keyboard(backend):
    """Ctrl-C in the midst of a stream ends the program as it should: with a KeyboardInterrupt, at once, and no warning."""
    script = """
import signal, sys, anyio
from aioliferay import Session

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored

async def commands():
    try:
        while True:
            yield "/portal/get-build-number"
    finally:
        print("closed", flush=True)

async def main():
    async with Session(sys.argv[1], auth=("test@liferay.com", "test")) as session:
        async for item in session.stream(commands(), calls=5):
            assert item.outcome.name == "ok", item
            if item.position == 50:
                print("begun", flush=True)

anyio.run(main, backend=sys.argv[2])
"""
    with FakePortal(statement_cost=0.001).serve() as url:
        command = [sys.executable, "-W", "error", "-c", script, url, backend]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own words
            assert "begun\n" == process.stdout.readline()
            process.send_signal(signal.SIGINT)
            try:
                said, errors = process.communicate(timeout=10)
            finally:
                process.kill()
    assert "closed\n" == said
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "Warning" not in errors
    assert "never" not in errors


# Tasks and threads.


@pytest.mark.parametrize("ordered", [True, False])
@anyio_test
async def test_several_tasks_share_a_stream(session, ordered):
    """Several tasks may take the items of one stream: each item goes to one of them, and none is lost."""
    stream = session.stream(reads(2000), calls=50, parallel=2, ordered=ordered)
    taken = [[], [], []]

    async def work(items):
        async for item in stream:
            items.append(item.result)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for items in taken:
            group.start_soon(work, items)
    assert list(range(2000)) == sorted(item for items in taken for item in items)
    assert min(map(len, taken)) > 200
    assert_nothing_left(session)


@anyio_test
async def test_error_of_the_source_goes_to_one_of_several_tasks(session):
    """If the source raises, one of the tasks that take items gets the error; to the others the stream has ended."""

    def commands():
        yield from reads(30)
        raise LookupError("no more")

    stream = session.stream(commands(), calls=10)
    taken, raised = [], []

    async def work():
        try:
            async for item in stream:
                taken.append(item.result)
                await anyio.lowlevel.checkpoint()
        except LookupError as error:
            raised.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(work)
    assert list(range(30)) == sorted(taken)
    assert 1 == len(raised)


@anyio_test
async def test_each_item_in_a_task_of_its_own(session):
    """A stream belongs to no task: each item may be taken by another one, within scopes of its own."""
    stream, results = session.stream(reads(25), calls=4), []

    async def take():
        with anyio.fail_after(5):
            async with anyio.create_task_group():
                results.append((await anext(stream)).result)

    for _ in range(25):
        async with anyio.create_task_group() as group:
            group.start_soon(take)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert list(range(25)) == results


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_opened_where_no_loop_runs(backend):
    """A stream may be opened before there is an event loop, and is of the loop in which its first item is taken."""
    session = Wire().session()
    stream = session.stream(reads(30), calls=10)
    items = anyio.run(all_of, stream, backend=backend)
    assert list(range(30)) == [item.result for item in items]


@anyio_test
async def test_stream_of_a_stream(session):
    """What comes out of a stream may be made into commands of another, in bounded memory."""
    first = session.stream(reads(500), calls=20)

    async def commands():
        async for item in first:
            yield WRITE, {"value": item.result}

    items = await all_of(session.stream(commands(), writes="together", calls=20))
    assert list(range(500)) == [item.result for item in items]
    assert_nothing_left(session)


@anyio_test
async def test_stream_from_a_channel(session):
    """Commands may come from other tasks, through a channel, whose end is the stream's."""
    send, receive = anyio.create_memory_object_stream(5)

    async def produce():
        async with send:
            for command in reads(100):
                await send.send(command)

    async with anyio.create_task_group() as group:
        group.start_soon(produce)
        items = await all_of(session.stream(receive))
    assert list(range(100)) == [item.result for item in items]


def test_forgotten_after_its_loop(wire):
    """A stream that is collected after its event loop has ended does nothing, and says nothing."""
    kept = []

    async def main():
        stream = wire.session().stream(reads(1000), calls=10)
        await anext(stream)
        kept.append(stream)

    asyncio.run(main())
    kept.clear()
    gc.collect()


@anyio_test
async def test_collected_by_another_thread(wire, session):
    """If the garbage collector runs in another thread, the stream is left alone there, and ends with its session."""
    gate = wire.hold()
    holder = [session.stream(reads(1000), calls=10)]
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anext(holder[0])
    await wire.arrived.wait()
    await anyio.to_thread.run_sync(holder.clear)
    await anyio.wait_all_tasks_blocked()
    assert session._tasks._scopes
    gate.set()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await session.aclose()
    assert_nothing_left(session)


@anyio_test
async def test_real_portal(session):
    """Over real connections a stream brings what the portal has, each result in its place, reads and writes."""
    portal = FakePortal()

    @portal.service("/echo/get-value")
    def get_value(value: int) -> int:
        return value

    @portal.service("/echo/update-value")
    def update_value(value: int) -> int:
        return value

    with portal.serve() as url:
        async with Session(url, auth=("test@liferay.com", "test")) as real:
            commands = [("/echo/update-value" if n % 10 == 0 else "/echo/get-value", {"value": n}) for n in range(1000)]
            items = [item async for item in real.stream(commands, returns=int)]
            assert list(range(1000)) == [item.result for item in items]
            assert_nothing_left(real)
    ran = [each.parameters["value"] for each in portal.executions if each.path == "/echo/update-value"]
    assert list(range(0, 1000, 10)) == ran


@anyio_test
async def test_portal_that_goes_away_in_mid_stream():
    """A portal that is stopped in mid-stream: what is left of the stream ends as not sent or unknown, and none is lost."""
    stack = contextlib.ExitStack()
    url = stack.enter_context(FakePortal().serve())

    async def before_send(pairs):
        if pairs[0][0] == 120:
            await anyio.to_thread.run_sync(stack.close)

    async with Session(url, auth=("test@liferay.com", "test")) as session:
        commands = ["/portal/get-build-number"] * 160
        items = await all_of(session.stream(commands, calls=10, parallel=2, before_send=before_send))
        assert_nothing_left(session)
    assert list(range(160)) == [item.position for item in items]
    assert {"ok", "not sent"} <= set(names_of(items)) <= {"ok", "not sent", "unknown"}


# All of it, at random.


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_streams_keep_their_promises(backend):
    """Whatever is asked, however it is taken and left, whatever the portal does: the outcomes agree with its journal."""
    run = asyncio.run if backend == "asyncio" else None
    if run is None:
        trio = pytest.importorskip("trio")
        run = partial(_trio_run, trio)

    @settings(
        max_examples=COUNT // (3 if backend == "asyncio" else 1), deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(scenarios())
    def play_and_judge(scenario):
        async def main():
            with anyio.fail_after(120):
                return await play(scenario)

        judge(run(main()))

    play_and_judge()


def _trio_run(trio, coroutine):
    async def main():
        return await coroutine

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
