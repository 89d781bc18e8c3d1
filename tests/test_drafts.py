"""Calls of a stream that nobody looks at are never made; who looks at one finds what it would have been."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import RootModel

from aioliferay import Ok, ResultError, StreamCommand
from aioliferay._calling import make_call
from aioliferay._core import codec
from aioliferay._drafts import Drafts, drafts_of
from aioliferay._many import adapters_of, body_of, pending_of, settle_results
from aioliferay.observe import ExchangeStarted
from streaming import READ, WRITE, all_of, assert_nothing_left, names_of, reads

SITE = ("here.py", 1)
VALUES = st.none() | st.booleans() | st.integers(1 - 2**63, 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
COMMANDS = st.lists(
    st.tuples(st.sampled_from([READ, WRITE]), st.dictionaries(st.sampled_from(["value", "text"]), VALUES)), min_size=1
)
NUMBERS = st.lists(st.tuples(st.just(READ), st.fixed_dictionaries({"value": st.integers(1 - 2**63, 2**63 - 1)})), min_size=1)
ODD = [
    (READ, {"value": True}), (READ, {"value": "x"}), (READ, {}), (WRITE, {"value": 1}), (READ, {"text": 1}),
    (READ, {"value": 1, "text": "x"}), ("".join([*READ]), {"value": 1}),
]  # fmt: skip
ODDER = [
    [READ, {"value": 1}], (READ, {"value": 1}, 1), (READ,), (), READ, None, (READ, [1]), (READ, None),
    (READ, {"value": 2**63}), (READ, {"value": -(2**63) - 1}), (READ, {"x+": 1}), (READ, {1: 1}), ("no path", {"value": 1}),
    (1, {"value": 1}),
    (READ, {"value": 1.5}), (READ, {"value": "\ud800"}), StreamCommand(READ, {"value": 1}),
]  # fmt: skip
anyio_test = pytest.mark.anyio
for _path in (READ, WRITE):
    codec.command(_path, {"value": 1, "text": ""})


class Value(RootModel[int]):
    """A result that can be watched."""


def drafts(commands, returns=Any):
    found = drafts_of(commands, returns, catalog=None, site=SITE)
    assert found is not None
    return found


def alone(command, returns=Any):
    path, params = command
    return make_call(path, params, returns=returns, sender=None, options={}, site=SITE)


def are_made(calls):
    return calls._calls is not None


@given(COMMANDS | NUMBERS, COMMANDS | NUMBERS)
def test_drafts_are_what_the_calls_would_be(some, others):
    """Count, bytes and kinds are those of the calls; so is the body, before and after somebody looked at them."""
    calls = drafts(some)
    calls.join(drafts(others))
    singly = [alone(command) for command in (*some, *others)]
    body = body_of(singly)
    assert (len(singly), len(body) - 1) == (len(calls), calls.length)
    assert all(call.is_read for call in singly) is calls.are_reads
    assert body_of(calls) == body
    assert not are_made(calls)
    assert [call.command for call in singly] == [call.command for call in calls]
    assert [(SITE, True, None)] * len(calls) == [(call.site, call.is_plain, call.adapter) for call in calls]
    assert calls[-1] is calls[:][-1]
    assert body_of(calls) == body


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("odd", ODD + ODDER)
def test_odd_command_among_numbers(odd, place):
    """Commands with a number each are written together; one of another kind among them is as it would be alone."""
    commands = reads(3)
    commands.insert(place, odd)
    found = drafts_of(commands, Any, catalog=None, site=SITE)
    assert (found is None) is (odd in ODDER)
    assert found is None or body_of(found) == body_of([alone(command) for command in commands])


@pytest.mark.parametrize(("returns", "result"), [(Any, 7), (None, None)])
def test_results_of_drafts(returns, result):
    """Results end them all at once, and no call is made; who looks at one later finds it ended."""
    calls = drafts(reads(3), returns)
    assert adapters_of(calls) is None
    assert 3 == len(pending_of(drafts(reads(3))))
    assert [] == settle_results(calls, [result] * 3, calls.trip)
    assert [result] * 3 == calls.ends
    assert [] == pending_of(calls)
    assert not are_made(calls)
    assert [result] * 3 == [call.result() for call in calls]


def test_results_of_drafts_with_a_type():
    """Results that were read as their type are theirs; an outcome among them is a result like others."""
    calls = drafts(reads(2), Value)
    assert [codec.adapter_for(Value)] * 2 == adapters_of(calls)
    assert [] == settle_results(calls, [Value(1), Ok(2)], calls.trip, are_typed=True)
    assert [Value(1), Ok(Ok(2))] == calls.ends
    assert [Value(1), Ok(2)] == [call.result() for call in calls]


def test_results_that_do_not_fit():
    """Where one has no result of its type, each call is looked at, and only that one is left to who says why."""
    for returns, results in ((Value, [1, "no number"]), (None, [None, 7])):
        calls = drafts(reads(2), returns)
        ((call, result),) = settle_results(calls, results, calls.trip)
        assert (calls[1], results[1]) == (call, result)
        assert calls[0].done()
        assert not calls.ends


def test_drafts_that_were_looked_at():
    """Calls that somebody has are told themselves, also if one has ended otherwise meanwhile."""
    calls = drafts(reads(2))
    first, second = calls
    assert [] == settle_results(calls, [5, 6], calls.trip)
    assert ([], [5, 6]) == ([*calls.ends], [first.result(), second.result()])
    calls = drafts(reads(2))
    first, second = calls
    first.cancel()
    assert not calls.is_plain
    for call, result in settle_results(calls, [5, 6], calls.trip):
        call.settle(Ok(result))
    assert (True, 6) == (first.cancelled(), second.result())


@anyio_test
@pytest.mark.parametrize("is_watched", [False, True])
async def test_stream_with_and_without_a_look(wire, monkeypatch, is_watched):
    """A stream brings the same whether somebody looks at its calls before they leave, or nobody does, and none is made."""
    seen, made = [], []
    make = Drafts._made
    monkeypatch.setattr(Drafts, "_made", lambda calls: made.append(calls) or make(calls))

    async def look(commands):
        seen.extend(position for position, _ in commands)

    session = wire.session()
    options = {"before_send": look} if is_watched else {}
    items = await all_of(session.stream(reads(300), calls=50, parallel=2, **options))
    assert [(n, (READ, {"value": n}), n) for n in range(300)] == [(i.position, i.command, i.result) for i in items]
    assert {"ok"} == {*names_of(items)}
    assert is_watched is bool(made)
    assert [*range(300 if is_watched else 0)] == sorted(seen)
    assert_nothing_left(session)


@anyio_test
async def test_stream_whose_requests_are_looked_at_in_flight(wire):
    """Who looks at the calls of a request while it is in flight changes nothing."""
    session = wire.session()
    looks = []

    class Looking:
        def on_event(self, event):
            if isinstance(event, ExchangeStarted):
                looks.extend(len([*run.calls]) for run in session._exchange.traffic.runs)

    session._exchange.invoker.hooks = (Looking(),)
    items = await all_of(session.stream(reads(40), calls=10, parallel=1))
    assert [*range(40)] == [item.result for item in items]
    assert looks
    assert_nothing_left(session)


@anyio_test
async def test_one_result_of_another_type(wire):
    """Among thousands of results of a type, one that does not fit is an error of its own item."""
    session = wire.session()
    commands = [*reads(99), (READ, {"value": "no number"}), *reads(100)]
    items = await all_of(session.stream(commands, returns=Value, calls=100))
    failed = [item.position for item in items if isinstance(item.error, ResultError)]
    assert [99] == failed
    assert [Value(n) for n in [*range(99), *range(100)]] == [item.result for item in items if item.error is None]


@anyio_test
async def test_results_are_not_kept(wire):
    """A stream forgets results that were taken."""
    watches = []
    session = wire.session()
    stream = session.stream(reads(1000), returns=Value, calls=10, parallel=2)
    async for item in stream:
        watches.append(weakref.ref(item.result))
        assert sum(watch() is not None for watch in watches) <= 2 * 10
    del item
    await anyio.wait_all_tasks_blocked()
    gc.collect()
    assert not any(watch() for watch in watches)
