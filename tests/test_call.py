"""One call and its waiters: the interface of a future, on both back ends."""

from __future__ import annotations

import asyncio
import copy
import gc
import linecache
import logging

import anyio
import pytest

from aioliferay import (
    BatchError,
    CallCancelledError,
    Cancelled,
    DependencyError,
    Failed,
    NotFoundError,
    NotSent,
    Ok,
    Reference,
)
from aioliferay.errors import NotSettledError

pytestmark = pytest.mark.anyio


async def test_call_pending_has_no_result(session):
    """A call that has not ended has no result, error or outcome, and says what to do."""
    async with session.batch() as batch:
        call = batch.call("/x/get-echo", {"value": 1})
        assert not call.done()
        assert not call.cancelled()
        assert repr(call) == "<Call /x/get-echo pending>"
        for ask in (call.result, call.exception, lambda: call.outcome):
            with pytest.raises(NotSettledError, match="/x/get-echo: the call has not ended yet: await it"):
                ask()
    assert call.done()
    assert Ok(1) == call.outcome
    assert call.exception() is None
    assert repr(call) == "<Call /x/get-echo Ok>"


async def test_call_awaited_many_times_by_many_tasks(wire, session):
    """A call can be awaited any number of times, before and after it ended, and runs once."""
    results = []
    call = session.call("/x/get-echo", {"value": 1})

    async def wait():
        results.append(await call)
        results.append(await call)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(wait)
    assert [1] * 6 == results
    assert len(wire.executed) == 1


async def test_call_alone_that_fails_is_failed(session):
    """A call that travelled alone and was refused is known to have failed."""
    call = session.call("/x/update-fail", {"value": 7})
    with pytest.raises(NotFoundError, match="/x/update-fail was refused: no entry 7"):
        await call
    assert isinstance(call.outcome, Failed)
    assert call.exception() is call.outcome.error


async def test_call_cancelled_before_it_left_is_not_sent(wire, session):
    """A call cancelled before the next tick never leaves; waiters get a CallCancelledError."""
    call = session.call("/x/update-echo")
    assert call.cancel()
    assert not call.cancel()
    with pytest.raises(CallCancelledError, match="/x/update-echo: the call was cancelled"):
        await call
    assert Cancelled(call.exception(), is_sent=False) == call.outcome
    await session.aclose()
    assert wire.requests == []


async def test_call_cancelled_in_flight_only_detaches(wire, session):
    """Cancelling a call in flight wakes its waiters; the request goes on, its answer is ignored."""
    gate = wire.hold()
    async with session.batch() as batch, anyio.create_task_group() as group:
        first = batch.call("/x/update-echo", {"value": 1})
        second = batch.call("/x/update-echo", {"value": 2})

        async def wait():
            with pytest.raises(CallCancelledError):
                await first

        group.start_soon(wait)
        await wire.arrived.wait()
        first.cancel()
        gate.set()
        assert await second == 2
    assert first.outcome.is_sent
    assert len(wire.executed) == 2


async def test_call_done_callbacks(wire, session, caplog):
    """A callback runs when the call ended, or at once if it has; what it raises is logged where nobody awaits."""
    told = []

    def broken(_):
        raise ZeroDivisionError("mine")

    call = session.call("/x/get-echo", {"value": 1})
    call.add_done_callback(broken)
    call.add_done_callback(lambda call: told.append(call.result()))
    with caplog.at_level(logging.ERROR, "aioliferay"):
        await call
        await session.aclose()
        call.add_done_callback(lambda call: told.append(call.result()))
    assert [1, 1] == told
    assert "/x/get-echo: a callback of the call raised ZeroDivisionError: mine" in caplog.text


async def test_call_done_callbacks_run_on_cancel(session):
    """Cancelling a call runs its callbacks."""
    told = []
    call = session.call("/x/get-echo")
    call.add_done_callback(told.append)
    call.cancel()
    assert told == [call]


async def test_call_failure_nobody_looked_at_is_logged(session, caplog):
    """A failure is logged when its call is collected, unless somebody looked at it."""
    with caplog.at_level(logging.ERROR, "aioliferay"):
        async with session:
            session.call("/x/get-fail", {"value": "unseen"})
            seen = session.call("/x/get-fail", {"value": "seen"})
            ended = anyio.Event()
            seen.add_done_callback(lambda _: ended.set())
            await ended.wait()
            assert seen.exception() is not None
        del seen
        gc.collect()
    assert "a call failed and nobody looked: /x/get-fail was refused: no entry unseen" in caplog.text
    assert "no entry seen" not in caplog.text


async def test_call_site_is_the_line_of_the_call(session):
    """A call knows the line of the user's code that made it."""
    file, line = session.call("/x/get-echo").site
    assert file == __file__
    assert "session.call" in linecache.getline(file, line)


async def test_call_item_is_a_reference(session):
    """`call["name"]` refers to a property of the future result; anything but a name is refused."""
    async with session.batch() as batch:
        call = batch.call("/x/get-echo")
        assert Reference(call, "userId") == call["userId"]
        assert repr(call["userId"]) == "<Call /x/get-echo pending>['userId']"
        with pytest.raises(TypeError, match=r"call\['userId'\], not call\[0\]"):
            call[0]
        with pytest.raises(TypeError):
            iter(call)


async def test_reference_makes_a_second_request(wire, session):
    """A staged call that refers to another's result is sent after it, with the property in place."""
    async with session.batch(dependent="staged") as batch:
        user = batch.call("/x/get-echo", {"value": {"contactId": 5}}, returns=dict[str, int])
        contact = batch.call("/x/get-echo", {"value": user["contactId"]})
        other = batch.call("/x/get-echo", {"value": 9})
        assert await batch.invoke() == [{"contactId": 5}, 5, 9]
    assert [2, 1] == [len(request) for request in wire.batches]
    assert contact.result() == 5
    assert other.result() == 9


async def test_reference_to_an_ended_call_is_filled_in_at_once(wire, session):
    """A reference to a call that has ended needs no second request, wherever that call was made."""
    user = session.call("/x/get-echo", {"value": {"contactId": 5}})
    await user
    assert await session.call("/x/get-echo", {"value": user["contactId"]}) == 5


async def test_reference_to_a_pending_call_of_elsewhere_is_refused(session):
    """A reference to a call of another batch, or of none, is refused at the line of the call."""
    async with session.batch() as batch, session.batch() as other:
        call = batch.call("/x/get-echo")
        for door in (other, session):
            with pytest.raises(ValueError, match="pending elsewhere"):
                door.call("/x/get-echo", {"value": call["x"]})


async def test_reference_to_a_failed_call_fails_only_its_dependents(wire, session):
    """The dependents of a failed call are not sent and say why; the error of the parent is the cause."""
    async with session.batch() as batch:
        parent = batch.call("/x/get-fail")
        child = batch.call("/x/get-echo", {"value": parent["x"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(child.outcome, NotSent)
    assert "it needs 'x' of /x/get-fail, which has no result" in str(child.exception())
    assert child.exception().__cause__ is parent.exception()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"b": 1, "c": 2}, "has only b, c"),
        (None, "is NoneType"),
        ([1], "is a list: refer to its elements with call.each['a']"),
    ],
)
async def test_reference_to_a_missing_property_is_told(session, value, told):
    """A property that the result does not have is an error of the dependent call, not a silent null."""
    async with session.batch() as batch:
        parent = batch.call("/x/get-echo", {"value": value})
        child = batch.call("/x/get-echo", {"value": parent["a"]})
        await batch.invoke(return_exceptions=True)
    assert f"it needs 'a' of /x/get-echo, whose result {told}" in str(child.exception())


async def test_error_of_a_call_can_be_copied(session):
    """Errors keep their attributes when they are copied, as each call of a batch gets its own."""
    call = session.call("/x/get-fail", {"value": 1})
    with pytest.raises(NotFoundError):
        await call
    twin = copy.copy(call.exception())
    assert vars(call.exception()) == vars(twin)


async def test_call_callback_that_raises_a_cancellation_is_contained(session):
    """Even a CancelledError out of a callback, as a future's result may raise, is contained; the others run."""
    told = []

    def cancelled(_):
        raise asyncio.CancelledError

    async with session.batch() as batch:
        call = batch.call("/x/get-echo", {"value": 1})
        call.add_done_callback(cancelled)
        call.add_done_callback(lambda call: told.append(call.result()))
        with pytest.raises(BatchError, match="1 callbacks raised"):
            await batch.invoke()
    assert told == [1]


async def test_call_callback_can_be_taken_out(session):
    """A callback that was taken out does not run."""
    told = []
    async with session.batch() as batch:
        call = batch.call("/x/get-echo", {"value": 1})
        call.add_done_callback(told.append)
        call.add_done_callback(told.append)
        assert call.remove_done_callback(told.append) == 2
        assert call.remove_done_callback(told.append) == 0
    assert told == []


async def test_reference_made_after_a_typed_result_says_what_to_do(session):
    """A property of a typed result that has come already is taken from the result itself; the error says so."""
    call = session.call("/x/get-echo", {"value": [["a", 1]]}, returns=tuple[tuple[str, int]])
    await call
    with pytest.raises(DependencyError, match=r"take the property from call\.result\(\) yourself"):
        session.call("/x/get-echo", {"value": call["a"]})
