"""A session's background work, on both back ends."""

from __future__ import annotations

import asyncio
import logging
import sys

import anyio
import anyio.lowlevel
import pytest

from aioliferay._tasks import BackgroundTasks, current_loop


def _never():
    raise AssertionError("no task was lost")


@pytest.fixture
def tasks():
    return BackgroundTasks()


@pytest.mark.anyio
async def test_start_runs_later(tasks):
    """The work begins on a later tick of the scheduler, never inside the call that starts it."""
    ran = anyio.Event()

    async def work():
        ran.set()

    tasks.start(work, lost=_never)
    assert not ran.is_set()
    await ran.wait()


@pytest.mark.anyio
async def test_join_of_nothing(tasks):
    """Without tasks there is nothing to wait for, before and after there were some."""
    await tasks.join()
    tasks.start(anyio.lowlevel.checkpoint, lost=_never)
    await tasks.join()
    await tasks.join()


@pytest.mark.anyio
async def test_join_waits_for_all(tasks):
    """Joining waits for every task, also for those that others started meanwhile."""
    gate, ended = anyio.Event(), []

    async def late():
        await anyio.lowlevel.checkpoint()
        ended.append("late")

    async def early():
        await gate.wait()
        tasks.start(late, lost=_never)
        ended.append("early")

    async with anyio.create_task_group() as group:
        tasks.start(early, lost=_never)
        group.start_soon(tasks.join)
        group.start_soon(tasks.join)
        await anyio.wait_all_tasks_blocked()
        assert ended == []
        gate.set()
    assert ended == ["early", "late"]


@pytest.mark.anyio
async def test_join_cancelled(tasks):
    """Giving up the waiting leaves the tasks alone."""
    gate, ended = anyio.Event(), anyio.Event()

    async def work():
        await gate.wait()
        ended.set()

    tasks.start(work, lost=_never)
    with anyio.move_on_after(0):
        await tasks.join()
    assert not ended.is_set()
    gate.set()
    await tasks.join()
    assert ended.is_set()


@pytest.mark.anyio
async def test_cancel_ends_every_task(tasks):
    """Cancelling ends the tasks that wait and those that have not begun, and they may clean up; joining sees their end."""
    waiting, cleaned = anyio.Event(), []

    async def work():
        waiting.set()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            cleaned.append("cleaned")

    tasks.start(work, lost=_never)
    await waiting.wait()
    tasks.start(work, lost=lambda: None)
    tasks.cancel()
    await tasks.join()
    assert cleaned == ["cleaned", "cleaned"]
    tasks.cancel()


@pytest.mark.anyio
async def test_cancel_harms_nobody_else(tasks):
    """Cancelling the tasks cancels neither the canceller nor the joiner, and new tasks may start afterwards."""
    tasks.start(anyio.sleep_forever, lost=_never)
    await anyio.wait_all_tasks_blocked()
    tasks.cancel()
    await tasks.join()
    await anyio.lowlevel.checkpoint()
    ran = anyio.Event()

    async def work():
        ran.set()

    tasks.start(work, lost=_never)
    await ran.wait()


@pytest.mark.anyio
async def test_exception_is_logged(tasks, caplog):
    """What the work raises is logged with its traceback, and harms nobody."""

    async def work():
        raise LookupError("for this reason")

    tasks.start(work, lost=_never)
    await tasks.join()
    (record,) = caplog.records
    assert ("aioliferay", logging.ERROR) == (record.name, record.levelno)
    assert record.exc_info is not None
    assert "for this reason" in str(record.exc_info[1])


@pytest.mark.anyio
async def test_task_outlives_its_starter(tasks):
    """A task belongs to the session: whoever started it may be cancelled, and it goes on."""
    gate, ended = anyio.Event(), anyio.Event()

    async def work():
        await gate.wait()
        ended.set()

    async with anyio.create_task_group() as group:

        async def starter():
            tasks.start(work, lost=_never)
            await anyio.sleep_forever()

        group.start_soon(starter)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    gate.set()
    await tasks.join()
    assert ended.is_set()


@pytest.mark.anyio
async def test_task_joined_from_another_task(tasks):
    """One task may start the work and another one end it: nothing ties a session to the task that opened it."""
    async with anyio.create_task_group() as group:

        async def opener():
            tasks.start(anyio.sleep_forever, lost=_never)

        group.start_soon(opener)
    async with anyio.create_task_group() as group:

        async def closer():
            tasks.cancel()
            await tasks.join()

        group.start_soon(closer)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_lost_when_cancelled_before_the_first_step(tasks, anyio_backend):
    """A task that was cancelled with its loop before it began is reported as lost; its work never ran."""
    lost = []
    others = asyncio.all_tasks()
    tasks.start(_never_awaited, lost=lambda: lost.append("lost"))
    (task,) = asyncio.all_tasks() - others
    task.cancel()
    await tasks.join()
    assert lost == ["lost"]


async def _never_awaited():
    raise AssertionError("this must not run")


def test_start_outside_a_loop(tasks):
    """Outside an event loop the text says where calls may be made; nothing is left behind."""
    with pytest.raises(RuntimeError, match="no event loop runs here: make calls inside an async function"):
        tasks.start(_never_awaited, lost=_never)
    anyio.run(tasks.join)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_loop_ends_before_the_task(tasks, backend):
    """A loop that ends early either lets the work see its cancellation or reports it as lost: somebody is told."""
    told = []

    async def work():
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            told.append("cancelled")
            raise

    async def main():
        tasks.start(work, lost=lambda: told.append("lost"))

    anyio.run(main, backend=backend)
    assert len(told) == 1
    anyio.run(tasks.join, backend=backend)


def test_start_without_trio(tasks, monkeypatch):
    """Trio is not needed, not even installed, by who runs on asyncio."""
    monkeypatch.delitem(sys.modules, "trio", raising=False)
    ended = []

    async def main():
        tasks.start(asyncio.Event().wait, lost=lambda: None)
        tasks.start(_ending, lost=_never)
        await asyncio.sleep(0)
        tasks.cancel()
        await tasks.join()

    async def _ending():
        ended.append(1)

    asyncio.run(main())
    assert ended == [1]


def test_start_on_asyncio_while_trio_is_known(tasks):
    """That trio is imported does not make every loop trio's."""
    ran = []

    async def work():
        ran.append(1)

    async def main():
        tasks.start(work, lost=_never)
        await tasks.join()

    import trio  # noqa: F401, PLC0415 - the import is what is tested

    asyncio.run(main())
    assert ran == [1]


@pytest.mark.anyio
async def test_current_loop_is_the_same_within_one_loop():
    """What tells an event loop from others is the same object in all its tasks."""
    seen = []

    async def look():
        seen.append(current_loop())

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        group.start_soon(look)
    assert seen[0] is seen[1] is current_loop()


def test_callback_that_wants_to_exit_does_not_break_trio(caplog):
    """A SystemExit out of background work is logged on trio, which would take it for a bug of its own."""
    trio = pytest.importorskip("trio")

    async def leave():
        raise SystemExit

    async def main():
        tasks = BackgroundTasks()
        tasks.start(leave, lost=lambda: None)
        await tasks.join()

    trio.run(main)
    assert "wanted to end the program" in caplog.text
