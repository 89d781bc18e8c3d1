"""Commands as they come out of iterables: what one says, how far ahead they are read, and who closes what."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import time
import weakref
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import anyio
import anyio.lowlevel
import pytest

from aioliferay import NotSent, NotSentError, RawParams, StreamCommand
from aioliferay._drafts import Drafts
from aioliferay._supply import Bell, check_iterable, entries_of, entry_of, raised, read, supply_of
from aioliferay._tasks import BackgroundTasks

SITE = ("here.py", 1)
anyio_test = pytest.mark.anyio


class Named(NamedTuple):
    path: str
    params: dict[str, Any]


@dataclass
class Odd:
    """A parameter of a class of its own, which raises what nobody expects."""

    failure: BaseException

    def __iter__(self):
        return iter(["a"])

    def items(self):
        raise self.failure


@pytest.fixture
def tasks():
    return BackgroundTasks()


def entry(command, returns=Any):
    return entry_of(command, returns, catalog=None, site=SITE)


# What a command says.


def test_read_forms_of_commands():
    """A command is a path, a pair of path and parameters (any tuple of two), or a StreamCommand."""
    assert ("/x/get-it", None, Any, {}) == read("/x/get-it", Any)
    assert ("/x/get-it", {"a": 1}, int, {}) == read(("/x/get-it", {"a": 1}), int)
    assert ("/x/get-it", {"a": 1}, int, {}) == read(Named("/x/get-it", {"a": 1}), int)
    assert ("/x/get-it", None, Any, {}) == read(StreamCommand("/x/get-it"), Any)


def test_read_returns_of_the_command_counts_more():
    """What a command says of its result counts more than what the stream says; None is a type of a result, too."""
    assert read(StreamCommand("/x/get-it", returns=str), int)[2] is str
    assert read(StreamCommand("/x/get-it"), int)[2] is int
    assert read(StreamCommand("/x/get-it", returns=None), int)[2] is None


def test_read_options():
    """Options that a StreamCommand leaves open are left to the portal's names and to the session; False is not open."""
    command = StreamCommand("/x/get-it", {}, select=["a"], idempotent=False, is_read=True, timeout=2.5)
    assert {"select": ["a"], "idempotent": False, "is_read": True, "timeout": 2.5} == read(command, Any)[3]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (7, "int"),
        (None, "NoneType"),
        (["/x/get-it", {}], "list"),
        (("/x/get-it",), "tuple"),
        (b"/x/get-it", "bytes"),
        ({}, "dict"),
    ],
)
def test_read_refuses_what_is_no_command(command, kind):
    """What is no command is told with its type and the forms that there are."""
    with pytest.raises(TypeError, match=f"^a command is a path, a pair .* or a StreamCommand, not {kind}$"):
        read(command, Any)


def test_entry_is_a_call_that_tells_where_the_stream_was_made():
    """A command that can be sent is a call, with the stream's line as its place and the type that was asked for."""
    call = entry(StreamCommand("/x/get-it", {"a": 1}, is_read=False), int)
    assert b'{"/x/get-it":{"a":1}}' == call.command.statement
    assert (SITE, False) == (call.site, call.command.is_read)
    assert call.adapter is not None


CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (7, "a command is a path"),
        ("nowhere", "the path 'nowhere' is not of the form"),
        (("/x/get-it", 5), "the parameters must be a mapping"),
        (("/x/get-it", {"a b": 1}), "is not a plain parameter name"),
        (("/x/get-it", {"a": float("nan")}), "is not a finite number"),
        (("/x/get-it", {"a": object()}), "object"),
        (("/x/get-it", {"a": "\ud800"}), "a"),
        (("/x/get-it", {"a": CIRCLE}), ""),
        (("/x/get-it", Odd(KeyError("lost"))), "lost"),
        (("/x/get-it", Odd(RuntimeError())), "RuntimeError"),
        (("/x/get-it", RawParams({"-a": object()})), ""),
        (StreamCommand("/x/get-it", returns=object()), "is not a type that pydantic understands"),
        (StreamCommand("/x/get-it", timeout=-1), "takes a positive number of seconds"),
        (StreamCommand("/x/get-it", select=[]), "names no property"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
def test_entry_of_what_cannot_be_sent(command, text):
    """A command that cannot be sent, whatever is wrong with it, is not sent and says why; nothing is raised."""
    outcome = entry(command)
    assert isinstance(outcome, NotSent)
    assert isinstance(outcome.error, NotSentError)
    assert re.match(r"no command that can be sent: .*" + re.escape(text), str(outcome.error), re.DOTALL)
    assert isinstance(outcome.error.__cause__, Exception)


def test_entry_lets_the_program_end():
    """A parameter that is there to end the program ends it."""
    with pytest.raises(KeyboardInterrupt):
        entry(("/x/get-it", Odd(KeyboardInterrupt())))


def test_entry_that_failed_is_no_circle():
    """Errors of commands that cannot be sent hold no frames: millions of them leave nothing to the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        outcome = entry(("/x/get-it", {"a": object()}))
        watch = weakref.ref(outcome.error)
        del outcome
        assert watch() is None
    finally:
        gc.enable()


def test_entries_are_as_single_ones():
    """Many commands made at once are the calls that each would be, and tell what they are together."""
    pairs = [("/x/get-it", {"value": number, "text": "ä"}) for number in range(5)]
    entries_of(pairs, int, catalog=None, site=SITE)  # the names are checked, and known from now on
    entries, totals = entries_of([*pairs, ("/x/get-all", {})], int, catalog=None, site=SITE)
    single = [entry(command, int) for command in [*pairs, ("/x/get-all", {})]]
    assert [call.statement for call in entries] == [call.statement for call in single]
    assert {SITE} == {call.site for call in entries}
    assert {True} == {call.adapter is single[0].adapter for call in entries}
    assert (sum(len(call.statement) + 1 for call in single), True) == (totals.length, totals.are_reads)
    entries, totals = entries_of(pairs, int, catalog=None, site=SITE)
    assert isinstance(entries, Drafts)
    assert all(call.is_plain for call in entries)


@pytest.mark.parametrize(
    "odd",
    [7, "/x/get-it", StreamCommand("/x/get-it"), (["/x/get-it"], {}), ("/x/get-it", {"value": 2.5}), ("/x/get-it", [])],
)
def test_entries_that_are_not_plain(odd):
    """A command that needs a closer look gets it, among others that do not."""
    entry(("/x/update-it", {"value": 1}))
    commands = [("/x/update-it", {"value": 1}), odd, ("/x/update-it", {"value": 2})]
    entries, totals = entries_of(commands, Any, catalog=None, site=SITE)
    single = [entry(command) for command in commands]
    assert [type(each) for each in single] == [type(each) for each in entries]
    calls = [each for each in single if not isinstance(each, NotSent)]
    assert [call.statement for call in calls] == [each.statement for each in entries if not isinstance(each, NotSent)]
    assert (sum(len(call.statement) + 1 for call in calls), False) == totals


# A plain iterable.


def test_iterables_are_told_from_others():
    """A stream takes iterables of both kinds; a text, which is one of characters, is none, nor is a function."""

    async def commands():
        yield "/x/get-it"

    for good in ([], (), {"/x/get-it": 1}, iter([]), commands(), range(3)):
        check_iterable(good)
    for bad in ("/x/get-it", b"/x", 5, None, commands):
        with pytest.raises(TypeError, match=r"^a stream takes an iterable of commands, or an asynchronous one, not "):
            check_iterable(bad)


def test_plain_iterable_is_taken_as_asked():
    """Of a plain iterable as many commands are taken as are asked for, and none before; it is over with the last."""
    asked = []
    supply = supply_of((asked.append(n) or n for n in range(20)), None, print, ahead=5)
    assert [] == asked
    assert list(range(10)) == supply.take(10)
    assert list(range(10)) == asked
    assert not supply.is_over
    assert [10, 11] == supply.take(2)
    assert list(range(12, 20)) == supply.take(100)
    assert supply.is_over
    assert supply.failure is None
    assert [] == supply.take(100)


def test_plain_iterable_that_ends_with_what_was_asked_for():
    """Where exactly as many are asked for as are left, the next question brings the end."""
    supply = supply_of(range(8), None, print, ahead=5)
    assert list(range(8)) == supply.take(8)
    assert not supply.is_over
    assert [] == supply.take(1)
    assert supply.is_over


def test_plain_iterable_that_is_slow_is_asked_in_turns():
    """A slow plain iterable holds up the event loop for some milliseconds, not until all that was asked for is there."""

    def slow():
        for n in range(64):
            time.sleep(0.002)
            yield n

    supply = supply_of(slow(), None, print, ahead=5)
    taken = supply.take(64)
    assert 0 < len(taken) < 64
    assert not supply.is_over
    while not supply.is_over:
        taken += supply.take(64)
    assert list(range(64)) == taken


def test_plain_iterable_that_raises():
    """What an iterable has given before it raises is not lost; then it is over."""

    def commands():
        yield from range(3)
        raise LookupError("no more")

    supply = supply_of(commands(), None, print, ahead=5)
    assert [0, 1, 2] == supply.take(10)
    assert supply.is_over
    assert isinstance(supply.failure, LookupError)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_plain_iterable_that_ends_the_program(kind):
    """What is there to end the program does; it is the iterable's failure, too, but a cancellation is told as what it is."""

    def commands():
        raise kind
        yield

    supply = supply_of(commands(), None, print, ahead=5)
    with pytest.raises(kind):
        supply.take(1)
    assert supply.is_over
    assert isinstance(supply.failure, RuntimeError if kind is asyncio.CancelledError else kind)


@anyio_test
async def test_plain_iterable_is_closed_if_it_is_a_generator(tmp_path):
    """A generator that is left early is closed; a file, which its owner may want to read on, is not."""
    closed = []

    def commands():
        try:
            yield from range(10)
        finally:
            closed.append(True)

    supply = supply_of(commands(), None, print, ahead=5)
    supply.take(1)
    await supply.aclose()
    assert [True] == closed
    assert [] == supply.take(1)
    (tmp_path / "paths").write_text("/x/get-it\n")
    with (tmp_path / "paths").open() as file:
        await supply_of(file, None, print, ahead=5).aclose()
        assert "/x/get-it\n" == file.readline()


# An asynchronous iterable.


async def settle():
    await anyio.wait_all_tasks_blocked()


@anyio_test
async def test_asynchronous_iterable_is_read_ahead_and_not_further(tasks):
    """An asynchronous iterable is read a given number ahead, and goes on as soon as something was taken."""
    read_so_far = []

    async def commands():
        for n in range(20):
            read_so_far.append(n)
            yield n

    rings = []
    supply = supply_of(commands(), tasks, partial(rings.append, 1), ahead=5)
    await settle()
    assert 5 == len(read_so_far) == len(rings)
    assert [0, 1] == supply.take(2)
    await settle()
    assert 7 == len(read_so_far)
    taken = []
    while not supply.is_over:
        taken += supply.take(100)
        await settle()
    assert list(range(2, 20)) == taken + supply.take(100)
    assert 21 == len(rings)
    assert not tasks._scopes


class Counter:
    """An asynchronous iterator that is no generator, and cannot be closed."""

    def __init__(self, end):
        self.left = end

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left


@anyio_test
async def test_asynchronous_iterator_of_ones_own(tasks):
    """Any asynchronous iterator does; it need not have `aclose`."""
    supply = supply_of(Counter(3), tasks, print, ahead=5)
    await settle()
    assert supply.is_over
    assert [2, 1, 0] == supply.take(5)
    await supply.aclose()


@anyio_test
async def test_asynchronous_iterable_that_raises(tasks, caplog):
    """What an asynchronous iterable has given before it raises is not lost; then it is over, and nothing is logged."""

    async def commands():
        yield 1
        raise LookupError("no more")

    supply = supply_of(commands(), tasks, print, ahead=5)
    await settle()
    assert supply.is_over
    assert [1] == supply.take(5)
    assert isinstance(supply.failure, LookupError)
    assert not caplog.records


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@anyio_test
async def test_asynchronous_iterable_that_is_cancelled_by_something_else(tasks, anyio_backend):
    """An iterable that ends because something in it was cancelled has failed: its end is no end of the commands."""

    async def commands():
        yield 1
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    supply = supply_of(commands(), tasks, print, ahead=5)
    await settle()
    assert supply.is_over
    assert "CancelledError was raised in a stream that nobody had cancelled" == str(supply.failure)
    assert isinstance(supply.failure.__cause__, asyncio.CancelledError)


@pytest.mark.parametrize("count", [1, 10])
@anyio_test
async def test_asynchronous_generator_is_closed_by_the_task_that_reads_it(tasks, count):
    """A generator that is left early is closed by the task that began it; what it gave before may still be taken."""
    seen = []

    async def commands():
        try:
            async with anyio.create_task_group():  # which only the same task may leave
                for n in range(count):
                    yield n
                await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            seen.append(anyio.get_current_task().id)

    async def begin():
        seen.append(anyio.get_current_task().id)
        return supply_of(commands(), tasks, print, ahead=5)

    supply = await begin()
    await settle()
    await supply.aclose()
    assert supply.is_over
    assert supply.failure is None
    assert list(range(min(count, 5))) == supply.take(100)
    assert 2 == len(seen) == len(set(seen))
    assert not tasks._scopes


@anyio_test
async def test_asynchronous_generator_whose_end_fails(tasks, caplog):
    """A generator that raises while it is closed is over all the same, and the failure is logged."""

    async def commands():
        try:
            yield 1
            await anyio.sleep_forever()
        finally:
            raise LookupError("badly left")

    supply = supply_of(commands(), tasks, print, ahead=1)
    await settle()
    with anyio.fail_after(5):
        await supply.aclose()
    assert supply.is_over
    assert ["a background task of a session failed"] == [record.message for record in caplog.records]
    assert logging.ERROR == caplog.records[0].levelno


def test_asynchronous_generator_that_does_not_end_is_given_up():
    """A generator whose clean-up does not end is cancelled after five seconds."""
    trio = pytest.importorskip("trio")
    ended = []

    async def commands():
        try:
            yield 1
        finally:
            await anyio.sleep(4)
            ended.append("patience")
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(anyio.current_time())

    async def main():
        supply = supply_of(commands(), BackgroundTasks(), print, ahead=1)
        await settle()
        began = anyio.current_time()
        await supply.aclose()
        assert ["patience", 5.0] == [ended[0], ended[1] - began]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_asynchronous_iterable_lost_with_its_loop():
    """If the event loop ends before the reading began, the iterable is over."""
    supplies = []

    async def main():
        supplies.append(supply_of(Counter(3), BackgroundTasks(), print, ahead=5))

    asyncio.run(main())
    assert supplies[0].is_over


def test_raised():
    """What a caller's own code raises is raised as it is, but for a cancellation, which would be taken for a real one."""
    for failure in (LookupError(), KeyboardInterrupt(), SystemExit()):
        assert failure is raised(failure)
    for odd in (asyncio.CancelledError(), GeneratorExit()):
        assert odd is raised(odd).__cause__


@anyio_test
async def test_bell_wakes_all_who_wait():
    """A bell wakes whoever waits when it rings, and lets a later ring wake those who come later."""
    bell, woken = Bell(), []
    bell.ring()

    async def wait(number):
        await bell.wait()
        woken.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(wait, number)
        await settle()
        assert [] == woken
        bell.ring()
        await settle()
        assert [0, 1, 2] == sorted(woken)
        await bell.wait(anyio.current_time())
