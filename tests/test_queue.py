"""When a batch is closed and who is told: early awaits, background flushes, callbacks, turns."""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from aioliferay import (
    BatchError,
    BatchSplitWarning,
    CallCancelledError,
    LiferayError,
    NotFoundError,
    NotSent,
    NotSentError,
    Unknown,
)
from aioliferay.errors import BatchSplitError, CallbackError

pytestmark = pytest.mark.anyio


async def gather(*awaitables):
    """Await all, each in a task of its own, on either back end."""
    results = [None] * len(awaitables)

    async def wait(position, awaitable):
        results[position] = await awaitable

    async with anyio.create_task_group() as group:
        for position, awaitable in enumerate(awaitables):
            group.start_soon(wait, position, awaitable)
    return results


async def test_await_in_the_block_sends_the_batch(wire, session):
    """Awaiting a queued call inside the block sends everything queued, in one request."""
    async with session.batch() as batch:
        calls = [batch.call("/x/get-echo", {"value": value}) for value in range(3)]
        assert await calls[1] == 1
        assert [0, 1, 2] == [call.result() for call in calls]
    assert [3] == [len(request) for request in wire.batches]


async def test_gather_in_the_block_is_one_request(wire, session):
    """Awaiting many calls at once inside the block sends one request."""
    async with session.batch() as batch:
        assert await gather(*[batch.call("/x/get-echo", {"value": value}) for value in range(10)]) == list(range(10))
    assert [10] == [len(request) for request in wire.batches]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncio_gather_in_the_block_is_one_request(wire, session):
    """The gather of asyncio works on calls as they are."""
    async with session.batch() as batch:
        assert await asyncio.gather(*[batch.call("/x/get-echo", {"value": value}) for value in range(10)]) == list(range(10))
    assert [10] == [len(request) for request in wire.batches]


async def test_task_group_that_makes_and_awaits_calls_is_one_request(wire, session):
    """Tasks that each make a call and await it share one request."""
    results = []
    async with session.batch() as batch:

        async def one(value):
            results.append(await batch.call("/x/get-echo", {"value": value}))

        async with anyio.create_task_group() as group:
            for value in range(10):
                group.start_soon(one, value)
    assert list(range(10)) == sorted(results)
    assert [10] == [len(request) for request in wire.batches]


async def test_awaits_nested_three_deep_are_one_request(wire, session):
    """Tasks that start tasks that start tasks, each awaiting a call of its own, share one request."""
    async with session.batch() as batch:

        async def node(depth, value):
            call = batch.call("/x/get-echo", {"value": value})
            below = [node(depth - 1, value * 2 + side) for side in (0, 1)] if depth else []
            return await gather(call, *below)

        result = await node(3, 1)
    assert [1, [2, [4, [8], [9]], [5, [10], [11]]], [3, [6, [12], [13]], [7, [14], [15]]]] == result
    assert [15] == [len(request) for request in wire.batches]


async def test_await_in_the_block_of_a_cancelled_waiter_harms_nobody(wire, session):
    """A waiter that is cancelled while the batch is in flight leaves call, siblings and request alone."""
    gate = wire.hold()
    async with session.batch() as batch:
        first = batch.call("/x/update-echo", {"value": 1})
        second = batch.call("/x/get-echo", {"value": 2})
        async with anyio.create_task_group() as group:

            async def impatient():
                with anyio.CancelScope() as scope:
                    group.start_soon(cancel_when_arrived, scope)
                    await first

            async def cancel_when_arrived(scope):
                await wire.arrived.wait()
                scope.cancel()
                await anyio.wait_all_tasks_blocked()
                gate.set()

            group.start_soon(impatient)
            assert await second == 2
    assert first.result() == 1
    assert [2] == [len(request) for request in wire.batches]


async def test_call_cancelled_while_queued_is_not_sent(wire, session):
    """A call cancelled while queued is taken out of the request; the results are those of the others."""
    async with session.batch() as batch:
        batch.call("/x/update-echo", {"value": 1}).cancel()
        batch.call("/x/get-echo", {"value": 2})
        assert len(batch) == 1
        assert await batch.invoke() == [2]
    assert [("/x/get-echo", 2)] == wire.executed


async def test_calls_queued_in_flight_go_into_the_next_batch(wire, session):
    """Calls made while a request is in flight are sent afterwards: nothing is lost."""
    gate = wire.hold()
    async with session.batch() as batch:
        batch.call("/x/get-echo", {"value": 1})
        async with anyio.create_task_group() as group:

            async def queue_more():
                await wire.arrived.wait()
                batch.call("/x/get-echo", {"value": 2})
                gate.set()

            group.start_soon(queue_more)
            assert await batch.invoke() == [1]
        assert await batch.invoke() == [2]


async def test_call_awaited_while_its_request_is_under_way(wire, session):
    """Whoever begins to wait for a call after its request has left is woken with its result."""

    async def open_gate():
        await anyio.wait_all_tasks_blocked()
        gate.set()

    async with session.batch() as batch:
        for _ in range(2):  # the first call of a service is made with care, those after it are not
            gate = wire.hold()
            calls = [batch.call("/x/get-echo", {"value": value}) for value in (1, 2)]
            async with anyio.create_task_group() as group:
                group.start_soon(batch.invoke)
                await wire.arrived.wait()
                group.start_soon(open_gate)
                with anyio.fail_after(3):
                    assert [1, 2] == await gather(*calls)


@pytest.mark.parametrize("returns", [[Any, int], [int, Any], [int, int], [None, int], [Any, None]])
async def test_types_of_a_batch_are_those_of_its_calls(wire, session, returns):
    """A type counts for its own call, also if all others of the batch have none, and the services are known by then."""
    wire.answer = httpx.Response(200, json=[None if kind is None else "7" for kind in returns])
    for _ in range(2):  # the first call of a service is made with care, those after it are not
        async with session.batch() as batch:
            calls = [batch.call("/x/get-echo", returns=kind) for kind in returns]
            await batch.invoke()
        assert [{Any: "7", int: 7, None: None}[kind] for kind in returns] == [call.result() for call in calls]


async def test_requests_of_one_batch_go_one_after_another(wire, session):
    """Two flushes of one batch keep the order of their writes."""
    gate = wire.hold()
    async with session.batch() as batch:
        batch.call("/x/update-echo", {"value": 1})
        async with anyio.create_task_group() as group:
            group.start_soon(batch.invoke)
            await wire.arrived.wait()
            batch.call("/x/update-echo", {"value": 2})
            group.start_soon(batch.invoke)
            await anyio.wait_all_tasks_blocked()
            assert len(wire.requests) == 1
            gate.set()
    assert [1, 2] == [value for _, value in wire.executed]


async def test_invoke_cancelled_in_the_queue_is_not_sent(wire, session):
    """An invoke that is cancelled while another request of its batch is in flight sends nothing."""
    gate = wire.hold()
    async with session.batch() as batch:
        batch.call("/x/update-echo", {"value": 1})
        async with anyio.create_task_group() as group:
            group.start_soon(batch.invoke)
            await wire.arrived.wait()
            waiting = batch.call("/x/update-echo", {"value": 2})
            with anyio.CancelScope() as scope:
                group.start_soon(_cancel_when_blocked, scope)
                await batch.invoke()
            assert scope.cancelled_caught
            gate.set()
    assert waiting.cancelled()
    assert not waiting.outcome.is_sent
    assert [("/x/update-echo", 1)] == wire.executed


async def _cancel_when_blocked(scope):
    await anyio.wait_all_tasks_blocked()
    scope.cancel()


async def test_early_await_that_splits_the_batch_warns_once_a_line(wire, session):
    """Awaits in a loop split the batch; one warning for the line says so."""
    with pytest.warns(BatchSplitWarning, match=r"test_queue\.py:\d+ sent this batch before it was complete") as caught:
        async with session.batch() as batch:
            for value in range(4):
                assert await batch.call("/x/get-echo", {"value": value}) == value
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert [1, 1, 1, 1] == [len(request) for request in wire.batches]


async def test_early_await_under_gather_names_the_line_of_the_call(wire, session):
    """Where an event loop's own task awaits, the warning names the line where the call was made."""
    with pytest.warns(BatchSplitWarning) as caught:
        async with session.batch() as batch:
            for value in range(2):
                await gather(batch.call("/x/get-echo", {"value": value}))
    assert caught[0].filename == __file__


async def test_early_await_without_further_calls_is_no_split(wire, session):
    """Awaiting the whole batch inside the block costs no request more, so nothing warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with session.batch() as batch:
            await batch.call("/x/get-echo")
            await batch.invoke()
            batch.call("/x/get-echo")
    assert len(wire.requests) == 2


async def test_early_await_on_a_strict_batch_refuses_further_calls(wire, session):
    """A strict batch raises at the call that would need a second request; that call is not made."""
    async with session.batch(strict=True) as batch:
        await batch.call("/x/get-echo")
        with pytest.raises(
            BatchSplitError, match=r"/x/get-echo: an await at .*test_queue\.py:\d+ .* this call was not made"
        ):
            batch.call("/x/get-echo")
    assert len(wire.requests) == 1


async def test_leaving_raises_failures_of_early_flushes_nobody_saw(wire, session):
    """A failure in a batch that an early await sent is raised on leaving, unless somebody has looked at it."""
    with pytest.raises(BatchError) as caught:
        async with session.batch() as batch:
            seen = batch.call("/x/delete-fail")
            unseen = batch.call("/x/update-echo")
            with pytest.raises(NotFoundError):
                await seen
    assert [unseen.exception()] == list(caught.value.exceptions)


async def test_leaving_waits_for_background_flushes(wire, session):
    """The block ends only when everything it sent is settled."""
    gate = wire.hold()
    async with anyio.create_task_group() as group:

        async def impatient(call):
            await call

        async with session.batch() as batch:
            call = batch.call("/x/get-echo", {"value": 1})
            group.start_soon(impatient, call)
            await wire.arrived.wait()

            async def open_gate():
                await anyio.wait_all_tasks_blocked()
                assert not call.done()
                gate.set()

            group.start_soon(open_gate)
        assert call.done()


class Recorder:
    """A callback that remembers."""

    def __init__(self):
        self.told = []

    def on_success(self, results):
        self.told.append(results)

    def on_failure(self, error):
        self.told.append(error)


class AsyncRecorder(Recorder):
    """The same, with async methods."""

    async def on_success(self, results):
        await anyio.lowlevel.checkpoint()
        self.told.append(results)

    async def on_failure(self, error):
        await anyio.lowlevel.checkpoint()
        self.told.append(error)


@pytest.mark.parametrize("kind", [Recorder, AsyncRecorder])
async def test_callback_receives_results_and_errors(wire, session, kind):
    """The batch's callback, plain or async, gets each batch's results in call order, or one error for all that failed."""
    callback = kind()
    async with session.batch(callback=callback) as batch:
        batch.call("/x/get-echo", {"value": 1})
        batch.call("/x/get-echo", {"value": 2})
        assert await batch.invoke() == [1, 2]
        batch.call("/x/get-fail", {"value": 3})
        with pytest.raises(BatchError) as caught:
            await batch.invoke()
        batch.callback = None
        batch.call("/x/get-echo")
    assert callback.told[0] == [1, 2]
    assert list(caught.value.exceptions) == list(callback.told[1].exceptions)
    assert len(callback.told) == 2


async def test_callback_may_keep_its_list(session):
    """What a callback does to the list of results that it is given changes nothing for others."""
    callback = Recorder()
    async with session.batch(callback=callback) as batch:
        for _ in range(2):
            call = batch.call("/x/get-echo", {"value": 1})
            taken = await batch.invoke()
            callback.told.pop().clear()
            assert [1] == taken
            assert 1 == call.result()


async def test_invoke_soon_tells_the_callback(wire, session):
    """`invoke_soon()` sends without being awaited; what is queued afterwards goes into the next request."""
    callback = Recorder()
    async with session.batch(callback=callback) as batch:
        batch.call("/x/get-echo", {"value": 1})
        batch.invoke_soon()
        batch.call("/x/get-fail")
        batch.invoke_soon()
        batch.invoke_soon()
    assert callback.told[0] == [1]
    assert isinstance(callback.told[1].exceptions[0], NotFoundError)
    assert [1, 1] == [len(request) for request in wire.batches]


async def test_invoke_soon_without_callback_is_refused(session):
    """Without a callback nobody would learn of the results: that is refused, and nothing is lost."""
    async with session.batch() as batch:
        call = batch.call("/x/get-echo", {"value": 1})
        with pytest.raises(RuntimeError, match=r"needs a callback"):
            batch.invoke_soon()
    assert call.result() == 1


def test_invoke_soon_outside_a_loop_keeps_the_calls(session):
    """Without an event loop the calls stay queued."""
    batch = session.batch(callback=Recorder())
    call = batch.call("/x/get-echo", {"value": 1})
    with pytest.raises(RuntimeError, match="no event loop runs here"):
        batch.invoke_soon()
    assert len(batch) == 1
    assert asyncio.run(batch.invoke()) == [1]
    assert call.result() == 1


async def test_callbacks_of_calls_run_after_all_are_settled_in_call_order(wire, session):
    """Per-call callbacks run when the whole request is settled, in call order."""
    order = []
    async with session.batch() as batch:
        calls = [batch.call("/x/get-echo", {"value": value}) for value in range(3)]
        for call in reversed(calls):
            call.add_done_callback(lambda call: order.append((call.result(), all(other.done() for other in calls))))
    assert [(0, True), (1, True), (2, True)] == order


async def test_callback_that_raises_is_raised_after_the_others_ran(wire, session):
    """What callbacks raise is collected and raised; the other callbacks run, and results stay."""

    class Broken(Recorder):
        def on_success(self, results):
            super().on_success(results)
            raise ZeroDivisionError("batch")

    def broken(_):
        raise ZeroDivisionError("call")

    callback = Broken()
    with pytest.raises(BatchError, match="2 callbacks raised") as caught:
        async with session.batch(callback=callback) as batch:
            call = batch.call("/x/get-echo", {"value": 1})
            call.add_done_callback(broken)
    assert callback.told == [[1]]
    assert [CallbackError, CallbackError] == [type(error) for error in caught.value.exceptions]
    assert ["call", "batch"] == [str(error.__cause__) for error in caught.value.exceptions]
    assert call.result() == 1


async def test_callback_errors_do_not_replace_failures(wire, session, caplog):
    """With failed calls both are raised; with return_exceptions=True what callbacks raised is logged."""

    def broken(_):
        raise ZeroDivisionError

    async with session.batch() as batch:
        batch.call("/x/get-fail").add_done_callback(broken)
        with pytest.raises(BatchError) as caught:
            await batch.invoke()
        batch.call("/x/get-fail").add_done_callback(broken)
        with caplog.at_level(logging.ERROR):
            (error,) = await batch.invoke(return_exceptions=True)
    assert [NotFoundError, CallbackError] == [type(error) for error in caught.value.exceptions]
    assert isinstance(error, NotFoundError)
    assert "a callback of the call raised ZeroDivisionError" in caplog.text


async def test_callback_is_told_when_its_batch_is_cancelled(wire, session):
    """A batch cancelled in flight tells its callback, so that nobody waits for ever."""
    callback = AsyncRecorder()
    wire.hold()
    with anyio.CancelScope() as scope:
        async with session.batch(callback=callback) as batch:
            call = batch.call("/x/update-echo")
            async with anyio.create_task_group() as group:
                group.start_soon(batch.invoke)
                await wire.arrived.wait()
                scope.cancel()
    assert isinstance(call.outcome, Unknown)
    assert [call.exception()] == list(callback.told[0].exceptions)


async def test_session_closed_in_mid_flush_tells_the_callback(wire, session):
    """Closing the session before its grace is over does not leave a background flush without an end."""
    callback = Recorder()
    wire.hold()
    batch = session.batch(callback=callback)
    call = batch.call("/x/update-echo")
    batch.invoke_soon()
    await wire.arrived.wait()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await session.aclose()
    assert isinstance(call.outcome, Unknown)
    assert len(callback.told) == 1


def test_loop_that_ends_before_the_flush_settles_the_calls(wire, session, caplog):
    """A flush that its event loop never began ends its calls as not sent."""
    batch = session.batch(callback=Recorder())

    async def leave_at_once():
        call = batch.call("/x/update-echo")
        single = session.call("/x/update-echo")
        batch.invoke_soon()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return call, single

    for call in asyncio.run(leave_at_once()):
        assert isinstance(call.outcome, NotSent)
        assert "cancelled before it began" in str(call.exception())
    assert wire.requests == []


async def test_batch_left_while_its_own_session_is_broken_raises_the_cause(wire, session):
    """A transport failure gives each call an error of its own, with the HTTP library's as the cause."""
    wire.answer = httpx.ReadError("cut")
    with pytest.raises(BatchError) as caught:
        async with session.batch() as batch:
            batch.call("/x/update-echo")
            batch.call("/x/update-echo")
    first, second = caught.value.exceptions
    assert first is not second
    assert first.__cause__ is second.__cause__ is wire.answer


def test_batch_forgotten_with_calls_warns(session):
    """A batch that is collected with calls queued says so."""
    session.batch().call("/x/get-echo")
    with pytest.warns(ResourceWarning, match="forgotten with 1 calls queued"):
        gc.collect()


@pytest.mark.parametrize("is_at_exit", [False, True])
async def test_block_cancelled_aborts_its_early_flush(wire, session, is_at_exit):
    """A cancelled block aborts its request in flight also where an early await had sent it; nothing runs afterwards."""
    wire.hold()

    async def wait(call):
        with pytest.raises(LiferayError):
            await call

    async with anyio.create_task_group() as outer:
        with anyio.CancelScope() as scope:
            async with session.batch() as batch:
                call = batch.call("/x/update-echo", {"value": 1})
                outer.start_soon(wait, call)
                await wire.arrived.wait()
                outer.start_soon(_cancel_when_blocked, scope)
                if not is_at_exit:
                    await call
        assert scope.cancelled_caught
        assert isinstance(call.outcome, Unknown)
    assert wire.executed == []


async def test_block_that_raises_takes_back_what_waits_in_line(wire, session):
    """When the block raises, calls that wait behind another request of the batch are not sent either."""
    gate = wire.hold()

    async def impatient(call):
        with pytest.raises(NotSentError):
            await call

    async with anyio.create_task_group() as group:
        with pytest.raises(KeyError):
            async with session.batch() as batch:
                first = batch.call("/x/update-echo", {"value": 1})
                group.start_soon(batch.invoke)
                await wire.arrived.wait()
                second = batch.call("/x/update-echo", {"value": 2})
                group.start_soon(impatient, second)
                await anyio.wait_all_tasks_blocked()
                raise KeyError
        gate.set()
    assert first.result() == 1
    assert [("/x/update-echo", 1)] == wire.executed


async def test_batch_left_waits_for_who_is_in_line(wire, session):
    """The end of the block sends nobody away who waits for their turn."""
    gate = wire.hold()
    results = []

    async def invoke(batch):
        results.extend(await batch.invoke())

    async with anyio.create_task_group() as group:
        async with session.batch() as batch:
            for value in (1, 2):
                batch.call("/x/update-echo", {"value": value})
                group.start_soon(invoke, batch)
                await anyio.wait_all_tasks_blocked()
            group.start_soon(_open_when_blocked, gate)
        assert results == [1, 2]


async def test_batch_aborted_tells_its_callback(wire, session):
    """A batch whose block raises tells its callback that nothing was sent."""
    told = []

    class Callback:
        async def on_success(self, results):
            told.append(results)

        async def on_failure(self, error):
            told.append(error)

    with pytest.raises(KeyError):
        async with session.batch(callback=Callback()) as batch:
            batch.call("/x/update-echo")
            raise KeyError
    assert [NotSentError] == [type(error) for error in told[0].exceptions]


async def test_early_flush_cancelled_before_it_took_its_calls_settles_them(wire, session):
    """However early a flush is cancelled, its calls end."""
    batch = session.batch()
    call = batch.call("/x/update-echo")
    async with anyio.create_task_group() as group:
        group.start_soon(_expect_an_end, call)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        session._tasks.cancel()
    assert call.cancelled()
    assert wire.requests == []


async def _expect_an_end(call):
    with pytest.raises(CallCancelledError):
        await call


async def _open_when_blocked(gate):
    await anyio.wait_all_tasks_blocked()
    gate.set()
