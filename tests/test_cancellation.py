"""A cancel at every step: whoever comes next gets their own answer, and every call has ended."""

from __future__ import annotations

from functools import partial

import anyio
import anyio.lowlevel
import pytest

from aioliferay import Cancelled, NotSent, Ok, Unknown
from wire import Wire

pytestmark = pytest.mark.anyio
STEPS = 40


async def cancelled_at(step, scenario):
    """Run the scenario in a task, let `step` ticks pass, and cancel it; return whether it had ended before."""
    ended = False

    async def run():
        nonlocal ended
        await scenario()
        ended = True

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        for _ in range(step):
            await anyio.lowlevel.checkpoint()
        was_ended = ended
        group.cancel_scope.cancel()
    return was_ended


def honest(wire, calls):
    """Check that what each call says of itself agrees with the portal's journal."""
    ran = [value for _, value in wire.executed]
    for value, call in calls.items():
        match call.outcome:
            case Ok(result):
                assert result == value
            case NotSent() | Cancelled(is_sent=False):
                assert value not in ran
            case other:
                assert isinstance(other, Unknown | Cancelled)


async def _exit_of_the_block(session, calls):
    async with session.batch() as batch:
        for value in range(3):
            calls[value] = batch.call("/x/update-echo" if value else "/x/get-echo", {"value": value})


async def _invoke(session, calls):
    batch = session.batch()
    for value in range(3):
        calls[value] = batch.call("/x/update-echo", {"value": value})
    await batch.invoke()


async def _await_in_the_block(session, calls):
    async with session.batch() as batch:
        for value in range(3):
            calls[value] = batch.call("/x/update-echo", {"value": value})
        await calls[1]


async def _single_call(session, calls):
    calls[0] = session.call("/x/update-echo", {"value": 0})
    await calls[0]


async def _dependent_calls(session, calls):
    async with session.batch() as batch:
        calls[0] = batch.call("/x/get-echo", {"value": 0})
        parent = batch.call("/x/get-echo", {"value": {"id": 1}})
        calls[1] = batch.call("/x/update-echo", {"value": parent["id"]})


async def _two_tasks_share_a_batch(session, calls):
    async with session.batch() as batch, anyio.create_task_group() as group:

        async def one(value):
            calls[value] = batch.call("/x/update-echo", {"value": value})
            await calls[value]

        for value in range(3):
            group.start_soon(one, value)


async def _callbacks(session, calls):
    class Callback:
        async def on_success(self, _):
            await anyio.lowlevel.checkpoint()

        async def on_failure(self, _):
            await anyio.lowlevel.checkpoint()

    batch = session.batch(callback=Callback())
    for value in range(2):
        calls[value] = batch.call("/x/update-echo", {"value": value})
    batch.invoke_soon()
    await calls[1]


SCENARIOS = [
    _exit_of_the_block, _invoke, _await_in_the_block, _single_call, _dependent_calls, _two_tasks_share_a_batch, _callbacks,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::aioliferay.BatchSplitWarning")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__.strip("_"))
async def test_cancel_at_every_step_harms_nobody_else(scenario):
    """Whichever step a cancel hits, every call ends truthfully and the next calls get their own answers."""
    ended = False
    for step in range(STEPS):
        wire = Wire()
        wire.steps = 3
        calls = {}
        async with wire.session() as session:
            ended = await cancelled_at(step, partial(scenario, session, calls))
            next_call = session.call("/x/get-echo", {"value": f"next {step}"})
            async with session.batch() as batch:
                in_batch = [batch.call("/x/get-echo", {"value": f"{name} {step}"}) for name in ("a", "b")]
            assert await next_call == f"next {step}"
            assert [f"a {step}", f"b {step}"] == [call.result() for call in in_batch]
        honest(wire, calls)
        assert len(wire.executed) == len({str(pair) for pair in wire.executed})
    assert ended, "the steps must reach beyond the end of the scenario"


async def test_cancel_while_closing_at_every_step():
    """Whichever step of closing a cancel hits, every call ends and the session is closed."""
    for step in range(20):
        wire = Wire()
        wire.steps = 4
        session = wire.session()
        calls = {value: session.call("/x/update-echo", {"value": value}) for value in range(3)}
        await cancelled_at(step, session.aclose)
        honest(wire, calls)
        assert session.is_closed
