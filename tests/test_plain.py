"""The short way to a call: it makes the same call as the long one, or gives up; also the passes over many calls."""

from __future__ import annotations

import datetime as dt
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel, model_validator

from aioliferay import RawParams, catalogs
from aioliferay._calling import make_call
from aioliferay._core import codec
from aioliferay._core.messages import Ok
from aioliferay._drafts import drafts_of
from aioliferay._many import (
    Taken,
    adapters_of,
    body_of,
    count_of,
    failed_of,
    kinds_of,
    lengths_of,
    pending_of,
    results_of,
    settle_results,
    taken_at_once,
)
from aioliferay._plain import Door, Known
from aioliferay._trip import Trip
from aioliferay.errors import ClosedError, ResultError
from aioliferay.observe import ExchangeCompleted


class Queue:
    def __init__(self):
        self.known = Known()
        self.trip = Trip(self, queue=self)

    def append(self, call):
        self.last = call

    def flush_soon(self, _):
        raise AssertionError


class Desk(Door):
    """A door whose calls are looked at by nobody: what would have to be made with care is not made."""

    def __init__(self, catalog=None):
        self._line = QUEUE
        QUEUE.known = Known()
        for path in PATHS:
            QUEUE.known.learn(path, catalog)

    def _call_with_care(self, *_):
        return None


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


class Entry(BaseModel):
    id: int


class Numeral(RootModel[int]):
    @property
    def value(self):
        return self.root


pytestmark = pytest.mark.anyio
QUEUE = Queue()
PATHS = ["/blogsentry/get-entry", "/blogsentry/delete-entry", "/blogs.blogsentry/get-entry.2", "/bad", "no path", "/a/b\n"]
NAMES = ["entryId", "name", "serviceContext", "+x", "$x = /user/delete-user", "x.y", "", "Ä", "a b"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) - 2, 2**63 + 1),
    st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1]),
    st.text(),
    st.sampled_from(
        ["\ud800", '"}', "\x00", Number.ONE, Word.ONE, dt.date(2020, 1, 1), b"x", 1.5, float("nan"), [1], {"a": 1}]
    ),
)
LONGS = st.integers(1 - 2**63, 2**63 - 1)
ONE_FORM = st.lists(st.tuples(st.just(PATHS[0]), st.fixed_dictionaries({"entryId": LONGS})), min_size=1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FORMS = st.lists(
    st.tuples(st.sampled_from(PATHS[:2]), st.dictionaries(st.sampled_from(["entryId", "name"]), LONGS | TEXTS)), min_size=1
)
for _path in PATHS[:3]:
    codec.command(_path, {"entryId": 1, "name": "x"})


def made_by(way, *arguments):
    try:
        return way(*arguments)
    except (TypeError, ValueError) as error:
        return type(error), str(error)


def short(path, params, returns=Any, catalog=None):
    return Desk(catalog).call(path, params, returns=returns)


def in_bulk(path, params, returns=Any, catalog=None):
    calls = drafts_of([(path, params)], returns, catalog=catalog, site=("here", 7))
    return None if calls is None else calls[0]


def long(path, params, returns=Any, catalog=None):
    return make_call(path, params, returns=returns, sender=QUEUE, options={}, catalog=catalog)


@pytest.mark.parametrize("way", [short, in_bulk])
@given(st.sampled_from(PATHS), st.none() | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
@example("/blogsentry/get-entry", {"entryId": True, "name": None})
def test_short_way_makes_the_same_call_or_gives_up(way, path, params):
    """What the short way makes is what the long one makes; what that refuses or converts, the short one leaves to it."""
    quick, slow = made_by(way, path, params), made_by(long, path, params)
    if quick is None:
        return
    assert not isinstance(slow, tuple)
    assert (slow.statement, slow.path, slow.is_read, slow.adapter) == (
        quick.statement,
        quick.path,
        quick.is_read,
        quick.adapter,
    )
    assert slow.command == quick.command
    assert quick.is_plain
    assert (way is short) is quick.belongs_to(QUEUE)
    assert not quick.done()


@pytest.mark.parametrize(
    "params", [None, {}, {"entryId": 1}, {"name": "ä", "entryId": -5}, {"name": None}, {"entryId": False}]
)
def test_short_way_is_taken(params):
    """Names that were checked, with numbers, text, booleans or null, need no longer way."""
    assert short("/blogsentry/get-entry", params) is not None


@pytest.mark.parametrize(
    "params", [RawParams({"entryId": 1}), {"entryId": 2**63}, {"serviceContext": None}, {"+x": "y"}, [1]]
)
def test_short_way_is_not_taken(params):
    """What must be looked at is left to the longer way."""
    assert short("/blogsentry/get-entry", params) is None


def test_short_way_with_types():
    """Results have the type that was asked for; what is no type is left to the longer way, which says so."""
    assert codec.adapter_for(Entry) is short("/blogsentry/get-entry", None, Entry).adapter
    assert codec.adapter_for(None) is short("/blogsentry/get-entry", None, None).adapter
    assert short("/blogsentry/get-entry", None, 3) is None


def test_short_way_with_a_catalog():
    """A catalog that says the same of a service's effect does not stand in the way; one that says otherwise does."""
    catalog = catalogs.shipped("6.2")
    assert short("/blogsentry/get-entry", {"entryId": 1}, catalog=catalog).is_read
    assert short("/blogs.blogsentry/get-entry.2", {"entryId": 1}, catalog=catalog) is None  # it is not in there


def test_place_of_the_call():
    """The call knows the line that made it."""
    call = Desk().call("/blogsentry/get-entry", None)
    assert (__file__, test_place_of_the_call.__code__.co_firstlineno + 2) == call.site
    assert ("here", 7) == in_bulk("/blogsentry/get-entry", {}).site


@given(ONE_FORM | FORMS, st.booleans())
def test_many_calls_are_as_each_of_them(commands, with_long):
    """Bodies, lengths and kinds of many calls are put together from those of each, whichever way they were made."""
    calls = [short(path, params) for path, params in commands]
    calls += [long("/user/get-user", {"x": 1.5})] if with_long else []
    assert b"[" + b",".join([call.statement for call in calls]) + b"]" == body_of(calls)
    assert [len(call.statement) for call in calls] == lengths_of(calls)
    assert {call.is_read for call in calls} == kinds_of(calls)
    assert len(calls) == count_of(calls)


def test_taken_calls_leave_their_queue():
    """Calls that are taken out have a trip, so that awaiting them flushes nothing; those that have ended stay behind."""
    calls = [short("/blogsentry/get-entry", None) for _ in range(3)]
    calls[1].cancel()
    assert not QUEUE.trip.is_plain
    taken = Taken(calls, QUEUE.trip)
    QUEUE.trip = Trip(QUEUE, queue=QUEUE)
    assert [calls[0], calls[2]] == taken == pending_of(calls)
    assert not calls[0].is_sent
    taken.trip.is_sent = True
    assert calls[0].is_sent


def test_results_of_many():
    """Each call has its own result, of its type; those that fit none are left to who says why, as are those referred to."""
    kinds = [Any, None, Entry, Entry, int, None]
    calls = [short("/blogsentry/get-entry", None, returns) for returns in kinds]
    _ = calls[0]["entryId"]
    rest = settle_results(calls, [{"entryId": 1}, None, {"id": 1}, {"id": "x"}, 7, {}], QUEUE.trip)
    assert [(calls[0], {"entryId": 1}), (calls[3], {"id": "x"}), (calls[5], {})] == rest
    assert [None, Entry(id=1), 7] == results_of([calls[1], calls[2], calls[4]])
    assert [] == failed_of([calls[1], calls[2], calls[4]])
    assert "Ok(value=7" in repr(calls[4].outcome)


@pytest.mark.parametrize("returns", [Any, None, Entry])
@pytest.mark.parametrize("results", [[None, None], [{"id": 1}, {"id": 2}], [{"id": 1}, {"id": "x"}], [None, {"id": 1}]])
@pytest.mark.parametrize("is_alike", [True, False])
def test_calls_of_one_type_are_settled_as_those_of_several(returns, results, is_alike):
    """Results of calls that ask for one type come out as they do among calls that ask for others."""
    kinds = [returns, returns] if is_alike else [returns, returns, int]
    calls = [short("/blogsentry/get-entry", None, kind) for kind in kinds]
    taken = taken_at_once(calls)
    rest = settle_results(taken, results if is_alike else [*results, 7], taken.trip)
    fitting = {Any: lambda _: True, None: lambda it: it is None, Entry: lambda it: it is not None and it["id"] != "x"}[
        returns
    ]
    assert [(call, each) for call, each in zip(calls, results, strict=False) if not fitting(each)] == rest
    made = [Entry(**each) if returns is Entry else each for each in results if fitting(each)]
    assert made == [call.result() for call in calls[:2] if call.done()]


def test_outcome_as_a_result():
    """What a validator of the user's makes of a result is that result, even if it is an outcome."""

    class Odd(BaseModel):
        @model_validator(mode="wrap")
        @classmethod
        def _read(cls, value, _):
            return Ok(value)

    call = short("/blogsentry/get-entry", None, Odd)
    assert [] == settle_results([call], [{}], QUEUE.trip)
    assert Ok({}) == call.result()
    assert isinstance(call.outcome, Ok)


def test_results_that_have_their_type():
    """Results that were read as the types of their calls are theirs as they are."""
    calls = [short("/blogsentry/get-entry", None, Entry) for _ in range(2)]
    nothing = short("/blogsentry/get-entry", None, None)
    assert adapters_of(calls) == [codec.adapter_for(Entry)] * 2
    assert adapters_of([*calls, nothing]) == [*[codec.adapter_for(Entry)] * 2, codec.NOTHING]
    assert adapters_of([*calls, short("/blogsentry/get-entry", None)]) is None
    assert adapters_of([nothing]) is None
    assert [] == settle_results(calls, [Entry(id=1), Ok(3)], QUEUE.trip, are_typed=True)
    assert [Entry(id=1), Ok(3)] == [call.result() for call in calls]


async def test_rows_of_several_types(wire):
    """Batches of the same types in the same order have the same results each time, also where one does not fit."""
    async with wire.session() as session:
        for value in (1, 1, 1, "no number", 1):
            async with session.batch() as batch:
                calls = [
                    batch.call("/x/get-echo", {"value": each}, returns=returns)
                    for each, returns in ((value, Numeral), ("x", str), (2, int))
                ]
                await batch.invoke(return_exceptions=True)
            assert ["x", 2] == [call.result() for call in calls[1:]]
            if value == 1:
                assert Numeral(1) == calls[0].result()
            else:
                assert isinstance(calls[0].exception(), ResultError)
                assert ("no number", "no number") == (calls[0].raw, calls[0].exception().value)


class Curious:
    """A hook that asks for a property of a result, or gives the call up, when the answer is there and nobody has it yet."""

    def __init__(self, act):
        self.act = act

    def on_event(self, event, /):
        if isinstance(event, ExchangeCompleted):
            self.act()


async def test_typed_results_that_are_referred_to_late(wire):
    """A property may be referred to up to the last moment: it is there as it came, and the result has its type."""
    calls = []
    async with wire.session(hooks=[Curious(lambda: calls[0]["id"])]) as session, session.batch() as batch:
        calls += [batch.call("/x/get-echo", {"value": 1}), batch.call("/x/get-echo", {"value": 2})]
        await batch.invoke()  # both names are known now
        calls[:] = [batch.call("/x/get-echo", {"value": value}, returns=Numeral) for value in (3, 4)]
        assert [3, 4] == [call.value for call in await batch.invoke()]
        assert (3, Numeral(3)) == (calls[0].raw, calls[0].result())


async def test_call_that_is_given_up_when_the_answer_is_there(wire):
    """A call that is given up in the last moment stays given up; the others have their results."""
    calls = []
    async with wire.session(hooks=[Curious(lambda: calls and calls[0].cancel())]) as session, session.batch() as batch:
        batch.call("/x/get-echo", {"value": 1})
        await batch.invoke()
        calls += [batch.call("/x/get-echo", {"value": value}, returns=Numeral) for value in (3, 4)]
        await batch.invoke(return_exceptions=True)
        assert [True, False] == [call.cancelled() for call in calls]
        assert Numeral(4) == calls[1].result()


async def test_catalog_that_is_set_later(wire):
    """Once a session has a catalog, services that it does not have are looked at with care, as often as they are called."""
    odd, even = "/blogs.blogsentry/get-entry.2", "/blogsentry/get-entry"
    async with wire.session() as session, session.batch() as batch:
        for path in (odd, even):
            batch.call(path, {"entryId": 1})
        assert {odd, even} == session.known.forms.keys()
        session.catalog = catalogs.shipped("6.2")
        assert not session.known.forms
        for path in (odd, even):
            batch.call(path, {"entryId": 1})
        assert {even} == session.known.forms.keys()
        await batch.aclose()


async def test_closed_doors_take_no_call(wire):
    """A call that was made without a look before is refused all the same once its batch or its session is closed."""
    session = wire.session()
    batch, auto = session.batch(), session.auto()
    for door in (batch, auto):
        for _ in range(2):
            door.call("/x/get-echo", {"value": 1})
    await batch.aclose()
    await auto.aclose()
    for door in (batch, auto):
        with pytest.raises(ClosedError):
            door.call("/x/get-echo", {"value": 1})
    left = session.batch(), session.auto(), session
    await session.aclose()
    for door in left:
        with pytest.raises(ClosedError):
            door.call("/x/get-echo", {"value": 1})
