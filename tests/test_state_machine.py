"""Any order of queueing, awaiting, cancelling, invoking and aborting: Hypothesis looks for one that breaks a promise."""

from __future__ import annotations

import warnings
from contextlib import ExitStack

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from aioliferay import (
    BatchError,
    BatchSplitWarning,
    Cancelled,
    LiferayError,
    NotSent,
    Ok,
    ServerError,
    Session,
    Unknown,
)
from aioliferay.testing import FakePortal, JavaError

pytestmark = pytest.mark.slow


class AbortError(Exception):
    """Leaves a block."""


class BatchMachine(RuleBasedStateMachine):
    """One session, one batch at a time, and everything that users do to them."""

    backend = "asyncio"
    calls = Bundle("calls")

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", BatchSplitWarning)
        self.loop = self.stack.enter_context(start_blocking_portal(self.backend))
        self.portal = FakePortal()
        _register(self.portal)
        client = httpx.AsyncClient(transport=self.portal.transport())
        self.session = Session(self.portal.url, auth=("test@liferay.com", "test"), http=client)
        self.made = {}
        self.batches = []
        self.waiters = []
        self.open_batch()

    def open_batch(self):
        async def enter():
            self.batch = await self.session.batch().__aenter__()

        self.loop.call(enter)
        self.batches.append([])

    def settle(self):
        self.loop.call(anyio.wait_all_tasks_blocked)

    @rule(target=calls, service=st.sampled_from(["get-echo", "update-echo", "update-echo", "get-fail", "update-fail"]))
    def queue(self, service):
        number = len(self.made)

        async def make():
            return self.batch.call(f"/test/{service}", {"number": number}, returns=int)

        call = self.loop.call(make)
        self.made[number] = call
        self.batches[-1].append(number)
        return number

    @rule(number=calls)
    def start_to_await(self, number):
        async def new_scope():
            return anyio.CancelScope()

        scope = self.loop.call(new_scope)

        async def wait():
            with scope:
                try:
                    assert await self.made[number] == number
                except LiferayError as error:
                    assert error is self.made[number].exception()  # noqa: PT017 - the error is the call's own

        self.waiters.append((scope, self.loop.start_task_soon(wait)))

    @rule(data=st.data())
    def cancel_a_waiter(self, data):
        if self.waiters:
            scope, _ = data.draw(st.sampled_from(self.waiters))
            self.loop.call(scope.cancel)

    @rule(number=calls)
    def cancel_the_call(self, number):
        self.loop.call(self.made[number].cancel)

    @rule()
    def invoke(self):
        async def invoke():
            return await self.batch.invoke(return_exceptions=True)

        queued = [number for number in self.batches[-1] if not self.made[number].done()]
        results = iter(self.loop.call(invoke))
        # What an early await has sent meanwhile is not in the list; what is, is in call order.
        for result in results:
            while queued and result not in {queued[0], self.made[queued[0]].exception()}:
                queued.pop(0)
            assert queued, "a result that belongs to no call, or out of order"
            queued.pop(0)

    @rule(ticks=st.integers(0, 12))
    def invoke_and_cancel(self, ticks):
        async def run():
            async with anyio.create_task_group() as group:
                group.start_soon(_quiet_invoke, self.batch)
                for _ in range(ticks):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()

        self.loop.call(run)

    @rule()
    def leave_the_block(self):
        async def leave():
            try:
                await self.batch.__aexit__(None, None, None)
            except BatchError as error:
                assert all(isinstance(member, LiferayError) for member in error.exceptions)  # noqa: PT017 - a group's members

        self.loop.call(leave)
        assert all(self.made[number].done() for number in self.batches[-1])
        self.open_batch()

    @rule()
    def abort_the_block(self):
        async def abort():
            error = AbortError()
            await self.batch.__aexit__(AbortError, error, None)

        self.loop.call(abort)
        self.settle()
        assert all(self.made[number].done() for number in self.batches[-1])
        self.open_batch()

    @rule()
    def let_everything_run(self):
        self.settle()

    @invariant()
    def no_write_ran_twice(self):
        ran = self._ran("/test/update-")
        assert len(ran) == len(set(ran))

    @invariant()
    def outcomes_agree_with_the_journal(self):
        ran = set(self._ran())
        for number, call in self.made.items():
            if not call.done():
                continue
            match call.outcome:
                case Ok(value):
                    assert value == number
                    assert number in ran
                case NotSent() | Cancelled(is_sent=False):
                    assert number not in ran
                case Unknown(error):
                    assert isinstance(error, LiferayError)
                case Cancelled():
                    pass
                case failed:
                    assert isinstance(failed.error, ServerError)

    @invariant()
    def writes_of_a_batch_ran_in_call_order(self):
        ran = self._ran("/test/update-")
        for numbers in self.batches:
            of_batch = [number for number in ran if number in numbers]
            assert sorted(of_batch) == of_batch

    def _ran(self, prefix="/test/"):
        return [execution.parameters["number"] for execution in self.portal.executions if execution.path.startswith(prefix)]

    def teardown(self):
        self.leave_the_block()
        self.loop.call(self.session.aclose)
        for _, future in self.waiters:
            future.result(timeout=20)
        assert all(call.done() for call in self.made.values())
        assert not self.session._tasks._scopes
        self.outcomes_agree_with_the_journal()
        self.made.clear()
        self.stack.close()


def _register(portal):
    def number_of(number: int) -> int:
        return number

    def fail(number: int) -> int:
        raise JavaError("com.liferay.test.NoSuchThingException", f"no thing {number}")

    for verb in ("get", "update"):
        portal.service(f"/test/{verb}-echo")(number_of)
        portal.service(f"/test/{verb}-fail")(fail)


async def _quiet_invoke(batch):
    await batch.invoke(return_exceptions=True)


class TrioBatchMachine(BatchMachine):
    """The same on trio."""

    backend = "trio"


@pytest.mark.parametrize("machine", [BatchMachine, TrioBatchMachine])
def test_batch_keeps_its_promises_in_any_order(machine):
    """No call is lost, doubled or given another's answer, in whatever order things are done."""
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415 - only here

    run_state_machine_as_test(machine, settings=settings(max_examples=100, stateful_step_count=30, deadline=None))
