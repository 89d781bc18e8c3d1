"""Automatic batches: identical reads that share a statement."""

from __future__ import annotations

import gc
from typing import Annotated, Any

import anyio
import httpx
import pytest
from pydantic import BeforeValidator

from aioliferay import (
    NotFoundError,
    NotSent,
    ResultError,
    Unknown,
)
from auto_parts import HeldWire, nothing_is_left_of, read, thing, write
from wire import under_virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def session(wire):
    return wire.session()


@pytest.fixture
def sharing(session):
    return session.auto(window=1000, deduplicate=True, dependent="staged")


async def test_identical_reads_share_a_statement(wire, sharing):
    """Reads with the same path and parameters are one statement, and each has a result of its own, which it may change."""
    calls = [thing(sharing, id=1, tags=["a"]) for _ in range(3)]
    results = [await call for call in calls]
    results[0]["tags"].append("b")
    assert [{"id": 1, "tags": tags} for tags in (["a", "b"], ["a"], ["a"])] == results
    assert [1] == wire.sizes
    await nothing_is_left_of(sharing)


async def test_reads_share_while_they_are_in_flight(wire, sharing):
    """A read that comes while its like is in flight has the result of that; one that comes after the result asks again."""
    wire.is_holding = True
    early = thing(sharing, id=1)
    await anyio.wait_all_tasks_blocked()
    late = thing(sharing, id=1)
    assert early.is_sent
    assert late.is_sent
    wire.let_all()
    assert (await early, await late) == ({"id": 1}, {"id": 1})
    assert [1] == wire.sizes
    await thing(sharing, id=1)
    assert [1, 1] == wire.sizes
    await nothing_is_left_of(sharing)


async def test_only_identical_reads_share(wire, sharing):
    """Reads with other parameters or properties share nothing, nor do writes, nor anything without `deduplicate=True`."""
    for value, options in [
        (1, {}),
        (1, {}),
        (2, {}),
        (1, {"select": ["a"]}),
        (1, {"select": ["a"]}),
        (1, {"select": ["b"]}),
    ]:
        read(sharing, value, **options)
    write(sharing, 1)
    write(sharing, 1)
    read(sharing, 1, is_read=False)
    await sharing.aclose()
    assert [3, 4] == sorted(wire.sizes)
    plain = sharing._session.auto()
    assert [1, 1] == [await call for call in (read(plain, 1), read(plain, 1))]
    assert 2 == wire.sizes[-1]


@pytest.mark.parametrize("is_alone", [False, True])
async def test_who_has_seen_a_write_shares_no_older_read(wire, session, is_alone):
    """A read that is made after a write has ended never has the result of one that left before; other reads still share."""
    auto = session.auto(window=0, deduplicate=True, writes="alone")
    wire.is_holding = True
    older = thing(auto, id=1)
    await anyio.wait_all_tasks_blocked()
    writes = [write(auto, value) for value in ((2,) if is_alone else (2, 3))]
    await anyio.wait_all_tasks_blocked()
    between = thing(auto, id=1)
    wire.gates[1].set()
    assert await writes[0] == 2
    after = [thing(auto, id=1), thing(auto, id=1)]
    await anyio.wait_all_tasks_blocked()
    read_requests = [number for number, batch in enumerate(wire.batches) if batch == ["/x/get-echo"]]
    assert 2 == len(read_requests)
    wire.gates[0].set()
    assert await older == await between == {"id": 1}
    assert not any(call.done() for call in after)
    wire.let_all()
    assert [{"id": 1}] * 2 == [await call for call in after]
    await auto.aclose()
    await nothing_is_left_of(auto)


async def test_sharing_reads_have_types_of_their_own(wire, sharing):
    """Each of them has its own `returns=`, and one whose type does not fit fails alone."""
    number = sharing.call("/x/get-echo", {"value": "7"}, returns=int)
    wrong = sharing.call("/x/get-echo", {"value": "7"}, returns=list[int])
    plain = sharing.call("/x/get-echo", {"value": "7"})
    assert (await number, await plain) == (7, "7")
    with pytest.raises(ResultError):
        await wrong
    assert [1] == wire.sizes


async def test_type_that_changes_its_input_harms_nobody(sharing):
    """What a validator does to a result is done to that of its own call only."""

    def emptied(value):
        value.clear()
        return value

    calls = [sharing.call("/x/get-echo", {"value": [1, 2]}, returns=each) for each in
             (Annotated[Any, BeforeValidator(emptied)], list[int], Annotated[Any, BeforeValidator(emptied)])]  # fmt: skip
    assert [[], [1, 2], []] == [await call for call in calls]


async def test_sharing_reads_fail_with_errors_of_their_own(wire, sharing, caplog):
    """Each has an error of its own, with the line where it was made; raising one leaves the other's traceback alone."""
    calls = [sharing.call("/x/get-fail", {"value": 1})]
    calls += [sharing.call("/x/get-fail", {"value": 1})]
    errors = []
    for call in calls:
        with pytest.raises(NotFoundError) as caught:
            await call
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert errors[1].site[1] == errors[0].site[1] + 1
    assert [call.site for call in calls] == [error.site for error in errors]
    assert errors[0].__traceback__ is not errors[1].__traceback__
    assert [1] == wire.sizes
    await nothing_is_left_of(sharing)
    gc.collect()
    assert "nobody looked" not in caplog.text


@pytest.mark.parametrize("is_in_flight", [False, True])
async def test_cancelled_call_leaves_its_like_alone(wire, sharing, is_in_flight):
    """Giving one of them up harms no other."""
    wire.is_holding = is_in_flight
    calls = [read(sharing, 1) for _ in range(3)]
    if is_in_flight:
        await anyio.wait_all_tasks_blocked()
    assert calls[0].cancel()
    wire.let_all()
    assert [1, 1] == [await call for call in calls[1:]]
    assert is_in_flight == calls[0].outcome.is_sent
    assert [1] == wire.sizes
    await nothing_is_left_of(sharing)


@pytest.mark.parametrize("is_in_flight", [False, True])
async def test_read_that_everybody_gave_up(wire, sharing, is_in_flight):
    """A statement that nobody waits for any more is not sent; who asks the same again gets a new one."""
    wire.is_holding = is_in_flight
    calls = [read(sharing, 1) for _ in range(2)]
    if is_in_flight:
        await anyio.wait_all_tasks_blocked()
    assert all(call.cancel() for call in calls)
    again = read(sharing, 1)
    wire.let_all()
    assert await again == 1
    assert [1] * (1 + is_in_flight) == wire.sizes
    await nothing_is_left_of(sharing)


async def test_sharing_reads_have_time_limits_of_their_own(wire):
    """One that is out of time ends alone. If all are before the statement has left, it never does."""
    sharing = wire.session().auto(window=10, deduplicate=True)
    wire.is_holding = True
    patient, hasty = read(sharing, 1), read(sharing, 1, timeout=3)
    await anyio.sleep(4)
    assert isinstance(hasty.outcome, Unknown)
    gone = [read(sharing, 2, timeout=seconds) for seconds in (1, 2)]
    await anyio.sleep(11)
    assert [NotSent, NotSent] == [type(call.outcome) for call in gone]
    assert [1] == wire.sizes
    wire.let_all()
    assert await patient == 1
    await nothing_is_left_of(sharing)


test_sharing_reads_have_time_limits_of_their_own = under_virtual_time(test_sharing_reads_have_time_limits_of_their_own)


async def test_reference_to_a_read_that_is_shared(wire, sharing):
    """What a call refers to is the result of its own parent, also where that shares its statement."""
    wire.is_holding = True
    first = thing(sharing, id=7)
    queued = read(sharing, first["id"])
    await anyio.wait_all_tasks_blocked()
    second = thing(sharing, id=7)
    in_flight = write(sharing, second["id"])
    wire.let_all()
    assert (await queued, await in_flight) == (7, 7)
    assert await read(sharing, second["id"]) == 7
    assert [1, 1, 1, 1] == wire.sizes
    await nothing_is_left_of(sharing)


async def test_selected_read_does_not_join_one_in_flight(wire, session):
    """Reads with `select=` share as long as they are queued: later references could not be served by what has left."""
    auto = session.auto(window=0, deduplicate=True)
    wire.is_holding = True
    calls = [sharing_read(auto), sharing_read(auto)]
    await anyio.wait_all_tasks_blocked()
    calls.append(sharing_read(auto))
    await anyio.wait_all_tasks_blocked()
    assert [1, 1] == wire.sizes
    wire.let_all()
    assert [{"a": 1}] * 3 == [await call for call in calls]
    await nothing_is_left_of(auto)


def sharing_read(auto):
    return auto.call("/x/get-echo", {"value": {"a": 1}}, select=["a"])


async def test_statement_that_the_portal_cannot_cut_down_is_shared(wire, sharing):
    """Where a getter fails, the shared read goes again without its white-list, and each result is cut down here."""
    told = {"exception": "jodd.bean.BeanException", "message": "Getter failed: getSomething"}
    wire.script = [httpx.Response(200, json=told)]
    calls = [sharing.call("/x/get-echo", {"value": {"a": 1, "b": 2}}, select=["a"]) for _ in range(2)]
    results = [await call for call in calls]
    assert [{"a": 1}, {"a": 1}] == results
    assert results[0] is not results[1]
    assert [1, 1] == wire.sizes
    await nothing_is_left_of(sharing)


def test_call_outside_a_loop_leaves_nothing_behind(wire):
    """A call that fails because no event loop runs is not there for its like, or for anybody, once one does."""
    auto = wire.session().auto(deduplicate=True)
    for options in {}, {"timeout": 5}:
        with pytest.raises(RuntimeError, match="no event loop runs here"):
            read(auto, 1, **options)
    assert len(auto) == 0

    async def main():
        assert await read(auto, 1) == 1
        await nothing_is_left_of(auto)

    anyio.run(main)
