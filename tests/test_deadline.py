"""Calls whose time runs out, under virtual time (which trio has)."""

from __future__ import annotations

import asyncio
import functools
import math

import pytest

from aioliferay._call import Call
from aioliferay._core import codec
from aioliferay._core.messages import Ok
from aioliferay._deadline import expire, watch
from aioliferay._tasks import BackgroundTasks
from aioliferay._trip import Trip
from aioliferay.errors import LiferayError

trio = pytest.importorskip("trio")
pytest.importorskip("trio.testing")


def _virtual(test):
    """Run the test on a clock that jumps to the next thing that happens."""

    @functools.wraps(test)
    def run():
        trio.run(test, clock=trio.testing.MockClock(autojump_threshold=0))

    return run


def _call(timeout=None, *, is_sent=False):
    call = Call()
    call.begin(codec.command("/x/get-y"), sender=None, adapter=None, timeout=timeout)
    call.depart(Trip(is_sent=is_sent, number=1))
    return call


async def _ends(calls):
    """Return the seconds until each call ended, in order of the calls; None for those that go on for a day."""
    began, ends = trio.current_time(), [None] * len(calls)

    async def wait(place):
        with pytest.raises(LiferayError):
            await calls[place]
        ends[place] = round(trio.current_time() - began, 6)

    with trio.move_on_after(86_400):
        async with trio.open_nursery() as nursery:
            for place in range(len(calls)):
                nursery.start_soon(wait, place)
    return ends


@_virtual
async def test_watch_ends_each_call_in_its_time():
    """Each call ends when its own time has come, whatever their order; those without a limit go on."""
    calls = [_call(7), _call(), _call(3, is_sent=True), _call(math.inf)]
    assert watch(BackgroundTasks(), calls) is not None
    assert [7, None, 3, None] == await _ends(calls)
    assert ["not sent", "unknown"] == [calls[0].outcome.name, calls[2].outcome.name]


@_virtual
async def test_watch_ends_all_at_the_deadline():
    """The deadline of a batch ends every call, those with more time of their own too; the tighter limit counts."""
    calls = [_call(7), _call(), _call(3)]
    watch(BackgroundTasks(), calls, until=trio.current_time() + 5)
    assert [5, 5, 3] == await _ends(calls)
    assert "the deadline of its batch" in str(calls[1].exception())


@_virtual
async def test_watch_of_a_deadline_that_is_over():
    """Calls whose time is over already end with the watch's first step, not at once inside it."""
    calls = [_call(), _call(1)]
    await trio.sleep(2)
    watch(BackgroundTasks(), calls, until=trio.current_time() - 1)
    assert not any(call.done() for call in calls)
    assert [0, 0] == await _ends(calls)


@_virtual
async def test_watch_counts_from_the_call():
    """A call's time counts from the line on which it was made, not from the sending of its batch."""
    call = _call(7)
    await trio.sleep(2)
    watch(BackgroundTasks(), [call])
    assert [5] == await _ends([call])


def test_watch_counts_from_itself_for_calls_made_without_a_loop():
    """Where no event loop ran when a call was made, its time counts from the beginning of the watch."""
    call = _call(3)

    @_virtual
    async def run():
        await trio.sleep(2)
        watch(BackgroundTasks(), [call])
        assert [3] == await _ends([call])

    run()


@_virtual
async def test_watch_of_nobody_in_a_hurry():
    """Without a limit there is no task, also where a caller asked for none by name."""
    tasks = BackgroundTasks()
    for calls in ([], [_call()], [_call(math.inf), _call()]):
        assert watch(tasks, calls) is None
    assert watch(tasks, [], until=trio.current_time() + 5) is None
    await tasks.join()


@_virtual
async def test_watch_waits_for_nobody_who_has_ended():
    """A call that ends by itself keeps its outcome, and the watch falls asleep for no such call."""
    calls, tasks = [_call(3), _call(7)], BackgroundTasks()
    watch(tasks, calls)
    began = trio.current_time()
    await trio.sleep(1)
    for call in calls:
        call.settle(Ok(1))
    await tasks.join()
    assert 3 == pytest.approx(trio.current_time() - began)  # it slept for the first already, and not for the second
    assert [1, 1] == [call.result() for call in calls]


@_virtual
async def test_watch_can_be_ended():
    """What the watch returned ends it: then nobody's time runs out any more."""
    calls, tasks = [_call(3)], BackgroundTasks()
    scope = watch(tasks, calls)
    await trio.sleep(1)
    scope.cancel()
    await tasks.join()
    assert [None] == await _ends(calls)


@pytest.mark.parametrize(
    ("is_sent", "name", "text"),
    [
        (False, "not sent", "/x/get-y: its time ran out (0.5 s) before it was sent"),
        (True, "unknown", "/x/get-y: no answer within 0.5 s; the portal may still be at work on it"),
    ],
)
def test_expire(is_sent, name, text):
    """A call out of time tells the time that it had, and whether it was sent: only then may it have run."""
    call = _call(0.5, is_sent=is_sent)
    expire(call)
    assert (name, text) == (call.outcome.name, str(call.exception()))
    assert is_sent == getattr(call.exception(), "is_timeout", False)


def test_expire_after_the_end():
    """A call that has ended cannot run out of time."""
    call = _call(0.5)
    call.settle(Ok(1))
    expire(call)
    assert 1 == call.result()


@_virtual
async def test_watch_that_never_began_loses_nothing():
    """A watch that is ended before its first step leaves its calls to whoever sends them."""
    call, tasks = _call(3), BackgroundTasks()
    watch(tasks, [call]).cancel()
    await tasks.join()
    assert not call.done()


def test_watch_outlives_no_loop():
    """A watch whose event loop ended before its first step leaves its calls to whoever sends them, too."""
    call = _call(3)

    async def run():
        watch(BackgroundTasks(), [call])

    asyncio.run(run())
    assert not call.done()
