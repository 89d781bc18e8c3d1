"""Automatic batches: calls that need results of others, wherever these are."""

from __future__ import annotations

import anyio
import httpx
import pytest

from aioliferay import (
    BatchLimits,
    Cancelled,
    DependencyError,
    NotSent,
    Session,
)
from aioliferay.testing import FakePortal
from auto_parts import HeldWire, nothing_is_left_of, read, thing, write

pytestmark = pytest.mark.anyio


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def session(wire):
    return wire.session()


@pytest.fixture
def portal_session():
    portal = FakePortal()

    @portal.service("/test/get-sum")
    def get_sum(first: int, second: int) -> int:
        return first + second

    client = httpx.AsyncClient(transport=portal.transport())
    return Session(portal.url, auth=("test@liferay.com", "test"), http=client)


@pytest.fixture
def auto(session):
    return session.auto(window=1000)


@pytest.fixture
def staged(session):
    return session.auto(window=1000, dependent="staged")


async def test_reference_to_a_queued_call(wire, staged):
    """A call that needs a call of the same tick follows in the same run; nobody has to await the first."""
    parent = thing(staged, id=7)
    other = thing(staged, id=8)
    child = read(staged, parent["id"])
    second = read(staged, other["id"])
    assert (await child, await second) == (7, 8)
    assert [2, 2] == wire.sizes
    await nothing_is_left_of(staged)


@pytest.mark.parametrize(("first", "second"), [(read, read), (read, write), (write, read), (write, write)])
@pytest.mark.parametrize("state", ["queued", "in flight", "settled"])
async def test_reference_from_any_lane_to_any(wire, staged, first, second, state):
    """A read or a write may need a read or a write, be it queued, in flight or ended; they share no request."""
    wire.is_holding = True
    parent = first(staged, {"id": 7})
    if state != "queued":
        await anyio.wait_all_tasks_blocked()
    if state == "settled":
        wire.let_all()
        await parent
    child = second(staged, parent["id"])
    wire.let_all()
    assert await child == 7
    assert [1, 1] == wire.sizes
    await nothing_is_left_of(staged)


async def test_chain_through_both_lanes(wire, staged):
    """A chain of reads and writes runs in its order, and takes a request for each change between the two."""
    one = thing(staged, id=1)
    two = write(staged, one["id"])
    three = staged.call("/x/get-echo", {"value": {"id": 3}, "after": one["id"]})
    four = staged.call("/x/update-echo", {"value": {"id": 4}, "after": three["id"]})
    five = read(staged, four["id"])
    assert await five == 4
    assert (await two, await three) == (1, {"id": 3})
    assert all(len({"get" in path for path in batch}) == 1 for batch in wire.batches)
    await nothing_is_left_of(staged)


async def test_diamond_over_two_lanes(wire, staged):
    """A call that needs a queued read and a queued write waits for both."""
    left, right = thing(staged, id=1), staged.call("/x/update-echo", {"value": {"id": 2}})
    both = staged.call("/x/get-echo", {"value": left["id"], "more": right["id"]})
    below = staged.call("/x/update-echo", {"value": {"id": 9}, "more": right["id"]})
    assert (await both, await below) == (1, {"id": 9})
    assert 4 == sum(wire.sizes)
    await nothing_is_left_of(staged)


async def test_chain_of_calls_that_wait(wire, staged):
    """A call may need a call that itself waits for one in flight."""
    wire.is_holding = True
    parent = thing(staged, id=1)
    await anyio.wait_all_tasks_blocked()
    child = write(staged, parent["id"])
    again = staged.call("/x/get-echo", {"value": {"id": 5}, "after": parent["id"]})
    grandchild = staged.call("/x/get-echo", {"value": again["id"]})
    assert [1] == wire.sizes
    wire.let_all()
    assert (await child, await grandchild) == (1, 5)
    await nothing_is_left_of(staged)


async def test_calls_of_more_than_one_request_that_need_each_other(wire, session):
    """Calls that need others stay with these, also where they are more than a request may have."""
    auto = session.auto(dependent="staged", limits=BatchLimits(max_calls=3))
    parents = [thing(auto, id=number) for number in range(4)]
    children = [read(auto, parent["id"]) for parent in parents]
    writes = [write(auto, parent["id"]) for parent in parents]
    assert [0, 1, 2, 3] == [await call for call in children] == [await call for call in writes]
    assert 12 == sum(wire.sizes)
    assert max(wire.sizes) <= 3
    await nothing_is_left_of(auto)


async def test_elements_of_a_list_in_flight(wire, staged):
    """A call for each element of a list runs once that has come."""
    wire.is_holding = True
    parent = staged.call("/x/get-echo", {"value": [{"id": 1}, {"id": 2}, {"id": 3}]})
    await anyio.wait_all_tasks_blocked()
    child = write(staged, parent.each["id"])
    wire.let_all()
    assert [1, 2, 3] == await child
    again = read(staged, parent.each["id"])
    assert [1, 2, 3] == await again
    assert [1, 3, 3] == wire.sizes
    await nothing_is_left_of(staged)


@pytest.mark.parametrize("is_in_flight", [False, True])
async def test_parent_that_fails(wire, staged, is_in_flight):
    """What needs a call that failed is not sent; its cause is that call's error. What waits for it does not run either."""
    wire.is_holding = is_in_flight
    parent = staged.call("/x/get-fail", {"value": 1})
    if is_in_flight:
        await anyio.wait_all_tasks_blocked()
    child = write(staged, parent["id"])
    grandchild = write(staged, child["id"])
    fine = write(staged, 5)
    wire.let_all()
    for call, needed in (child, parent), (grandchild, child):
        with pytest.raises(DependencyError) as caught:
            await call
        assert caught.value.__cause__ is needed.exception()
        assert isinstance(call.outcome, NotSent)
    assert await fine == 5
    assert [("/x/get-fail", 1), ("/x/update-echo", 5)] == sorted(wire.executed)
    await nothing_is_left_of(staged)


@pytest.mark.parametrize("is_in_flight", [False, True])
async def test_parent_that_is_cancelled(wire, staged, is_in_flight):
    """What needs a call that was given up is not sent."""
    wire.is_holding = is_in_flight
    parent = thing(staged, id=1)
    if is_in_flight:
        await anyio.wait_all_tasks_blocked()
    child = read(staged, parent["id"])
    assert parent.cancel()
    wire.let_all()
    with pytest.raises(DependencyError):
        await child
    await nothing_is_left_of(staged)


async def test_dependent_that_is_cancelled(wire, staged):
    """A call that was given up while it waited for another is not sent."""
    wire.is_holding = True
    parent = thing(staged, id=1)
    await anyio.wait_all_tasks_blocked()
    child = write(staged, parent["id"])
    grandchild = write(staged, child["id"])
    assert child.cancel()
    wire.let_all()
    with pytest.raises(DependencyError):
        await grandchild
    assert isinstance(child.outcome, Cancelled)
    assert not child.outcome.is_sent
    assert [1] == wire.sizes
    await nothing_is_left_of(staged)


async def test_reference_to_another_users_pending_call(staged):
    """A call that is pending for somebody else cannot be referred to; once it has its result, it can."""
    theirs = thing(staged.acting_as(("joe", "secret")), id=1)
    with pytest.raises(ValueError, match="pending elsewhere"):
        read(staged, theirs["id"])
    await theirs
    assert await read(staged, theirs["id"]) == 1
    await nothing_is_left_of(staged)


USER = {"userId": 20199}


@pytest.mark.parametrize("is_sharing", [False, True])
@pytest.mark.parametrize("dependent", ["nested", "staged"])
async def test_referred_property_that_is_not_selected(portal_session, is_sharing, dependent):
    """A property that others refer to is asked for, and is not in the result of who did not select it."""
    auto = portal_session.auto(deduplicate=is_sharing, dependent=dependent)
    users = [auto.call("/user/get-user-by-id", USER, select=["firstName"]) for _ in range(2)]
    contact = auto.call("/contact/get-contact", {"contactId": users[1]["contactId"]})
    assert [{"firstName": "Test"}] * 2 == [await user for user in users]
    assert (await contact)["contactId"] == 20200
    await nothing_is_left_of(auto)


async def test_referred_property_where_the_parent_travels_alone(portal_session):
    """The same where the dependent cannot travel with its parent, because it needs a write of the other lane as well."""
    auto = portal_session.auto()
    user = auto.call("/user/get-user-by-id", USER, select=["firstName"])
    other = auto.call("/group/get-group", {"groupId": 20182}, is_read=False)
    both = auto.call("/test/get-sum", {"first": user["contactId"], "second": other["groupId"]})
    assert await user == {"firstName": "Test"}
    assert await both == 20200 + 20182
    await nothing_is_left_of(auto)
