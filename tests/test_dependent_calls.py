"""Calls that depend on each other, through the whole client: in one request or in stages, under failures and faults."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.lowlevel
import httpx
import pytest
from pydantic import BaseModel, Field

from aioliferay import (
    BatchError,
    BatchLimits,
    Cancelled,
    DependencyError,
    Failed,
    NoAnswerError,
    NotFoundError,
    NotSent,
    Ok,
    ResultError,
    RetryPolicy,
    ServerError,
    Session,
    Unknown,
)
from aioliferay.testing import FakePortal, JavaError

pytestmark = pytest.mark.anyio
ADMIN = ("test@liferay.com", "test")
IN_SITE = {"serviceContext": {"scopeGroupId": 20182}}
AT_ONCE = RetryPolicy(first_delay=0)


class UserCard(BaseModel):
    """What a page shows of a user."""

    user_id: int = Field(alias="userId")
    screen_name: str = Field(alias="screenName")


@pytest.fixture
def portal():
    portal = FakePortal(blog_entries=0)

    @portal.service("/thing/get-thing")
    def get_thing(thing_id: int) -> dict[str, object]:
        return {"thingId": thing_id, "next": thing_id + 1, "größe": 3, "inner": {"thingId": thing_id + 10}, "a.b": 5}

    @portal.service("/thing/get-nothing")
    def get_nothing() -> dict[str, object] | None:
        return None

    @portal.service("/thing/get-things")
    def get_things(count: int) -> list[dict[str, object]]:
        return [{"thingId": number, "odd": number % 2} for number in range(count)]

    @portal.service("/thing/add-thing")
    def add_thing(name: str) -> dict[str, object]:
        return {"thingId": 100, "name": name}

    @portal.service("/thing/delete-thing")
    def delete_thing(thing_id: int) -> None:
        return None

    return portal


@asynccontextmanager
async def opened(portal, **options):
    """Open a session with a portal in this process."""
    async with (
        httpx.AsyncClient(transport=portal.transport()) as client,
        Session(portal.url, auth=ADMIN, http=client, **options) as session,
    ):
        yield session


def bodies(portal):
    """Return the statements of each request."""
    return [json.loads(request.body) for request in portal.requests]


def ran(portal, path):
    """Return how often a service ran."""
    return sum(execution.path == path for execution in portal.executions)


async def test_example_of_the_issue_takes_one_request():
    """Over a real socket, two calls and two that depend on them take one request, and each has the result of its own."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=ADMIN) as session:
            async with session.batch() as batch:
                user = batch.call("/user/get-user-by-id", {"userId": 20199}, returns=UserCard)
                contact = batch.call("/contact/get-contact", {"contactId": user["contactId"]})
                groups = batch.call("/group/get-user-sites")
                creators = batch.call(
                    "/user/get-user-by-id", {"userId": groups.each["creatorUserId"]}, returns=list[UserCard]
                )
            assert len(portal.requests) == 1
            assert (await user).screen_name == "test"
            plain = await session.call("/contact/get-contact", {"contactId": 20200})
            assert await contact == plain
            assert await groups == await session.call("/group/get-user-sites")
            assert [card.user_id for card in await creators] == [group["creatorUserId"] for group in await groups]


async def test_nested_parent_is_always_white_listed(portal):
    """A parent that others are nested in shows only the names referred to: else 6.2 would show a password's hash."""
    async with opened(portal) as session, session.batch(dependent="nested") as batch:
        user = batch.call("/user/get-current-user")
        contact = batch.call("/contact/get-contact", {"contactId": user["contactId"]})
        batch.call("/company/get-company-by-id", {"companyId": contact["companyId"]})
    ((plain, nest),) = bodies(portal)
    assert plain == {"/user/get-current-user": {}}
    (outer,) = nest
    assert outer.startswith("$1[contactId] = ")
    assert all("[" in key for key, value in nest[outer].items() if any(name.startswith("$") for name in value))
    assert "password" not in await user


async def test_staged_and_nested_give_the_same(portal):
    """In stages, one a link of the chain, the results are those of the nest."""
    results = []
    async with opened(portal) as session:
        for dependent in ("nested", "staged"):
            batch = session.batch(dependent=dependent)
            first = batch.call("/thing/get-thing", {"thingId": 1})
            second = batch.call("/thing/get-thing", {"thingId": first["next"]})
            batch.call("/thing/get-thing", {"thingId": second["next"]})
            before = len(portal.requests)
            results.append(await batch.invoke())
            assert len(portal.requests) - before == {"nested": 1, "staged": 3}[dependent]
    assert results[0] == results[1]
    assert [1, 2, 3] == [result["thingId"] for result in results[0]]


async def test_auto_decides_by_the_cost_of_a_request(portal):
    """`auto` nests where a request is dear, or was not measured yet, and makes stages where it is cheap; it says why."""
    async with opened(portal) as session:
        batch = session.batch()
        user = batch.call("/user/get-current-user")
        batch.call("/contact/get-contact", {"contactId": user["contactId"]})
        seconds = session._exchange.invoker.seconds
        assert ("nested", 1) == (batch.explain().dependent, len(batch.explain().requests))
        assert "none was measured" in batch.explain().why
        seconds.append(0.0005)
        assert ("staged", 2) == (batch.explain().dependent, len(batch.explain().requests))
        assert "0.5 ms" in batch.explain().why
        seconds.clear()
        seconds.append(0.11)
        assert ("nested", 1) == (batch.explain().dependent, len(batch.explain().requests))
        assert "110.0 ms" in batch.explain().why
        assert portal.requests == []
        await batch.invoke()
    assert len(portal.requests) == 1


async def test_write_with_select_hosts_its_dependents(portal):
    """What depends on a write with `select=` travels with it, without it goes in the next request. A write runs once."""
    async with opened(portal) as session:
        for select, requests in ((["folderId"], 1), (None, 2)):
            portal.requests.clear()
            portal.executions.clear()
            async with session.batch(dependent="nested") as batch:
                folder = {"parentFolderId": 0, "name": "outer", "description": "", **IN_SITE}
                outer = batch.call("/bookmarksfolder/add-folder", folder, select=select)
                batch.call("/bookmarksfolder/add-folder", {**folder, "parentFolderId": outer["folderId"], "name": "inner"})
            assert requests == len(portal.requests)
            assert 2 == ran(portal, "/bookmarksfolder/add-folder")
            assert select is None or {"folderId"} == set(await outer)


async def test_write_never_depends_on_a_read_in_one_request(portal):
    """A misspelt name fails the write here; inside of a nest it would have reached the write as null."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        write = batch.call("/thing/add-thing", {"name": thing["thingld"]})
        assert len(batch.explain().requests) == 2
        await batch.invoke(return_exceptions=True)
    assert isinstance(write.exception(), DependencyError)
    assert "has only" in str(write.exception())
    assert 0 == ran(portal, "/thing/add-thing")


async def test_missing_property_of_a_read_is_told(portal):
    """A name that the result lacks is the dependent's error, though the portal ran it with null."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        lost = batch.call("/country/get-countries", {"nope": thing["nope"]})
        good = batch.call("/thing/get-thing", {"thingId": thing["next"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(lost.exception(), DependencyError)
    assert good.result()["thingId"] == 2


async def test_failed_parent_fails_its_dependents_only(portal):
    """The dependents of a failed parent get a `DependencyError`, its error as the cause; the others have their results."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        users = [batch.call("/user/get-user-by-id", {"userId": user_id}) for user_id in (20199, 1, 20514)]
        contacts = [batch.call("/contact/get-contact", {"contactId": user["contactId"]}) for user in users]
        build = batch.call("/portal/get-build-number")
        with pytest.raises(BatchError) as caught:
            await batch.invoke()
    assert [NotFoundError, DependencyError] == [type(error) for error in caught.value.exceptions]
    assert caught.value.exceptions[1].__cause__ is users[1].exception()
    assert isinstance(users[1].outcome, Failed)
    assert isinstance(contacts[1].outcome, NotSent)
    assert [20200, 20515] == [contacts[place].result()["contactId"] for place in (0, 2)]
    assert build.result() == 6205


async def test_failed_dependent_keeps_its_parent(portal):
    """A dependent that the portal refuses has its own error; parent and siblings have their results."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        user = batch.call("/user/get-current-user")
        bad = batch.call("/group/get-group", {"groupId": user["facebookId"]})
        contact = batch.call("/contact/get-contact", {"contactId": user["contactId"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(bad.outcome, Failed)
    assert bad.exception().calls == 1
    assert contact.result()["contactId"] == user.result()["contactId"]


async def test_refused_nest_with_a_write_is_not_repeated(portal):
    """When a nest with a write is refused, the write may have run: it is unknown, not repeated, and nothing uses it."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
        bad = batch.call("/group/get-group", {"groupId": write["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(write.outcome, Unknown)
    assert "does not say which one failed" in str(write.exception())
    assert isinstance(bad.exception(), DependencyError)
    assert bad.exception().__cause__ is write.exception()
    assert 1 == ran(portal, "/thing/add-thing")
    assert 1 == len(portal.requests)


async def test_nest_never_makes_another_write_unknown(portal):
    """A nest may be refused where its calls are not, as under a getter that fails: no write shares its request."""
    async with opened(portal) as session, session.batch(dependent="nested") as batch:
        user = batch.call("/user/get-user-by-id", {"userId": 20159})
        contact = batch.call("/contact/get-contact", {"contactId": user["contactId"]})
        write = batch.call("/thing/add-thing", {"name": "x"})
        assert [2, 1] == [len(request.calls) for request in batch.explain().requests]
    assert (await contact)["classPK"] == 20159
    assert (await write)["thingId"] == 100
    assert 1 == ran(portal, "/thing/add-thing")


async def test_parent_that_may_be_null_is_no_host(portal):
    """Nothing is nested under `fetch-...`: the portal refuses a nest whose parent is null. Alone it is a clear error."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        country = batch.call("/country/fetch-country", {"countryId": 999999})
        region = batch.call("/region/get-regions", {"countryId": country["countryId"]})
        assert len(batch.explain().requests) == 2
        await batch.invoke(return_exceptions=True)
        assert country.result() is None
        assert "whose result is NoneType" in str(region.exception())
        nothing = batch.call("/thing/get-nothing")
        child = batch.call("/thing/get-thing", {"thingId": nothing["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert nothing.outcome == Ok(None)
    assert isinstance(child.exception(), DependencyError)


async def test_property_of_a_property_is_filled_in_here(portal):
    """`call["a"]["b"]` takes a stage, as does what the portal cannot name, and brings what it would alone."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        names = [thing["inner"]["thingId"], thing["größe"], thing["a.b"]]
        calls = [batch.call("/thing/get-thing", {"thingId": name}) for name in names]
        lacking = batch.call("/thing/get-thing", {"thingId": thing["inner"]["nope"]})
        await batch.invoke(return_exceptions=True)
    assert [11, 3, 5] == [call.result()["thingId"] for call in calls]
    assert "has no such property inside of 'inner'" in str(lacking.exception())
    assert 2 == len(portal.requests)


@pytest.mark.parametrize("dependent", ["nested", "staged"])
async def test_each_runs_for_every_element(portal, dependent):
    """A call per element has a list of results in the same order, also below another such call; of no elements, none."""
    async with opened(portal) as session:
        batch = session.batch(dependent=dependent)
        things = batch.call("/thing/get-things", {"count": 3})
        each = batch.call("/thing/get-thing", {"thingId": things.each["thingId"]})
        deeper = batch.call("/thing/get-thing", {"thingId": each.each["next"]})
        inner = batch.call("/thing/get-thing", {"thingId": each.each["inner"]["thingId"]})
        none = batch.call("/thing/get-things", {"count": 0})
        empty = batch.call("/thing/get-thing", {"thingId": none.each["thingId"]})
        lists = batch.call("/thing/get-things", {"count": each.each["next"]})
        deepest = batch.call("/thing/get-thing", {"thingId": lists.each["thingId"]})
        await batch.invoke()
    assert [0, 1, 2] == [thing["thingId"] for thing in each.result()]
    assert [1, 2, 3] == [thing["thingId"] for thing in deeper.result()]
    assert [10, 11, 12] == [thing["thingId"] for thing in inner.result()]
    assert [] == empty.result()
    assert [[0], [0, 1], [0, 1, 2]] == [[thing["thingId"] for thing in part] for part in deepest.result()]


async def test_two_lists_go_side_by_side(portal):
    """Elements of two lists of the same form go in pairs; lists that differ are refused with both sizes."""
    async with opened(portal) as session:
        batch = session.batch()
        two, more = (batch.call("/thing/get-things", {"count": count}) for count in (2, 3))
        again = batch.call("/thing/get-thing", {"thingId": two.each["thingId"]})
        pairs = batch.call("/thing/get-thing", {"thingId": again.each["next"], "odd": two.each["odd"]})
        uneven = batch.call("/thing/get-thing", {"thingId": two.each["thingId"], "odd": more.each["odd"]})
        await batch.invoke(return_exceptions=True)
    assert [1, 2] == [thing["thingId"] for thing in pairs.result()]
    assert "lists that differ: they have 2 and 3 elements" in str(uneven.exception())


async def test_each_of_a_write_tells_how_far_it_came(portal):
    """A write for every element is unknown as a whole if one of them fails after others ran, and names the element."""
    refused = []

    @portal.service("/thing/remove-thing")
    def remove_thing(thing_id: int) -> None:
        if thing_id == 2:
            refused.append(thing_id)
            raise JavaError("java.lang.RuntimeException", "no")

    async with opened(portal) as session:
        batch = session.batch(writes="alone")
        things = batch.call("/thing/get-things", {"count": 4})
        removed = batch.call("/thing/remove-thing", {"thingId": things.each["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(removed.outcome, Unknown)
    assert "element 2 of 4" in removed.exception().__notes__
    assert [2] == refused


@pytest.mark.parametrize("value", [7, {"thingId": 1}])
async def test_each_of_no_list_is_told(portal, value):
    """Elements of what is no list, and a property of what is one, are the dependent's error."""

    @portal.service("/thing/get-value")
    def get_value() -> object:
        return value

    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        parent = batch.call("/thing/get-value")
        child = batch.call("/thing/get-thing", {"thingId": parent.each["thingId"]})
        things = batch.call("/thing/get-things", {"count": 2})
        other = batch.call("/thing/get-thing", {"thingId": things["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(child.exception(), DependencyError)
    assert "call.each['thingId']" in str(other.exception())


async def test_select_gets_referenced_names_and_loses_them(portal):
    """What others refer to is asked for beyond `select=`, and does not show in the result; nested or in stages."""
    async with opened(portal) as session:
        for dependent in ("nested", "staged"):
            batch = session.batch(dependent=dependent)
            user = batch.call("/user/get-current-user", select=["screenName"])
            contact = batch.call("/contact/get-contact", {"contactId": user["contactId"]}, select=["contactId"])
            things = batch.call("/thing/get-things", {"count": 2}, select=["odd"])
            each = batch.call("/thing/get-thing", {"thingId": things.each["thingId"]}, select=["next"])
            await batch.invoke()
            assert {"screenName": "test"} == user.result()
            assert {"contactId": 20200} == contact.result()
            assert [{"odd": 0}, {"odd": 1}] == things.result()
            assert [{"next": 1}, {"next": 2}] == each.result()


async def test_select_model_takes_the_fields(portal):
    """`select="model"` asks for the aliases of the model's fields, also for a list of models."""
    async with opened(portal) as session, session.batch() as batch:
        user = batch.call("/user/get-current-user", returns=UserCard, select="model")
        users = batch.call("/user/get-group-users", {"groupId": 20182}, returns=list[UserCard], select="model")
        with pytest.raises(TypeError, match="select='model' takes the names from returns="):
            batch.call("/user/get-current-user", returns=int, select="model")
    assert "$it[userId,screenName] = /user/get-current-user" in bodies(portal)[0][0]
    assert (await user).screen_name == "test"
    assert isinstance((await users)[0], UserCard)


async def test_getter_failure_drops_the_white_list_of_its_read(portal):
    """A white-list that the portal cannot apply is applied here; others stay: they may name what shows in one only."""
    async with opened(portal) as session, session.batch() as batch:
        users = [
            batch.call("/user/get-user-by-id", {"userId": user_id}, select=["userId", "groupId"])
            for user_id in (20199, 20159)
        ]
    assert [(20199, 20201), (20159, None)] == [tuple((await user).values()) for user in users]
    assert [2, 1, 1, 1] == [len(body) for body in bodies(portal)]


async def test_getter_failure_of_a_write_is_unknown(portal):
    """A write whose white-list cannot be applied has run: it is not said to have failed, and not repeated."""
    portal.misbehave(
        body=json.dumps({"exception": "jodd.bean.BeanException", "message": "Getter failed: UserImpl#getGroup(); <--- x"})
    )
    async with opened(portal) as session:
        batch = session.batch()
        write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
        await batch.invoke(return_exceptions=True)
    assert isinstance(write.outcome, Unknown)
    assert 1 == ran(portal, "/thing/add-thing")


async def test_list_that_a_nest_loses_is_asked_for_once(portal):
    """7.x shows no list inside of a nest: it is asked for again, and the session nests that service no more."""
    portal = FakePortal("7.0")
    async with opened(portal) as session:
        for expected in (2, 2):
            portal.requests.clear()
            batch = session.batch(dependent="nested")
            group = batch.call("/group/get-group", {"groupId": 20182})
            users = batch.call("/user/get-group-users", {"groupId": group["groupId"]})
            await batch.invoke()
            assert ["test"] == [user["screenName"] for user in users.result()]
            assert expected == len(portal.requests)
        assert 1 == len(bodies(portal)[0])


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_nest_of_reads_without_an_answer_goes_again_as_it_is(portal, drop):
    """A nest that only reads is repeated whole when its connection is cut."""
    with portal.serve() as url:
        async with Session(url, auth=ADMIN, retry=AT_ONCE) as session:
            portal.misbehave(drop=drop)
            async with session.batch(dependent="nested") as batch:
                thing = batch.call("/thing/get-thing", {"thingId": 1})
                child = batch.call("/thing/get-thing", {"thingId": thing["next"]})
            assert (await child)["thingId"] == 2
    first, second = bodies(portal)
    assert first == second


async def test_nest_with_a_write_without_an_answer_is_unknown(portal):
    """A nest with a write is not repeated when its answer is lost; what depends on the write is not sent."""
    with portal.serve() as url:
        async with Session(url, auth=ADMIN, retry=AT_ONCE) as session:
            portal.misbehave(drop="after")
            batch = session.batch(dependent="nested")
            write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
            child = batch.call("/thing/get-thing", {"thingId": write["thingId"]})
            await batch.invoke(return_exceptions=True)
    assert isinstance(write.exception(), NoAnswerError)
    assert "unknown" == write.outcome.name
    assert isinstance(child.exception(), DependencyError)
    assert 1 == ran(portal, "/thing/add-thing") == len(portal.requests)


async def test_nest_that_is_too_large_is_taken_apart(portal):
    """After a 413 the calls of a nest go one by one; a write among them did not run, and runs once."""
    async with opened(portal) as session:
        for calls in (1, 2):
            portal.misbehave(status=413)
            async with session.batch(dependent="nested") as batch:
                write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
                child = batch.call("/thing/get-thing", {"thingId": write["thingId"]})
                if calls > 1:
                    thing = batch.call("/thing/get-thing", {"thingId": 1})
                    other = batch.call("/thing/get-thing", {"thingId": thing["next"]})
            assert {"thingId": 100} == await write
    assert [100, 2] == [(await call)["thingId"] for call in (child, other)]
    assert 2 == ran(portal, "/thing/add-thing")


async def test_nests_are_spread_over_requests(portal):
    """A request has at most `max_nested` nested calls; each parent's result is in the request of its nest."""
    async with opened(portal, limits=BatchLimits(max_nested=3)) as session, session.batch(dependent="nested") as batch:
        things = [batch.call("/thing/get-thing", {"thingId": number}) for number in range(8)]
        children = [batch.call("/thing/get-thing", {"thingId": thing["next"]}) for thing in things]
    assert [6, 6, 4] == sorted((len(body) for body in bodies(portal)), reverse=True)
    assert list(range(1, 9)) == [(await child)["thingId"] for child in children]


async def test_budget_of_the_search_counts_what_was_nested(portal):
    """When nothing may be spent on a search, the calls of a refused nest are unknown, and say so."""
    async with opened(portal, limits=BatchLimits(isolation_requests=0)) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        bad = batch.call("/group/get-group", {"groupId": thing["next"]})
        await batch.invoke(return_exceptions=True)
    assert ["unknown", "not sent"] == [call.outcome.name for call in (thing, bad)]
    assert "spent its budget" in str(thing.exception())
    assert 1 == len(portal.requests)


async def test_cancelled_dependent_leaves_the_rest(portal):
    """A dependent that is cancelled before the request leaves is not sent; its siblings have their results."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        gone = batch.call("/country/get-countries", {"x": thing["next"]})
        child = batch.call("/thing/get-thing", {"thingId": thing["next"]})
        assert gone.cancel()
        await batch.invoke()
    assert child.result()["thingId"] == 2
    assert 0 == ran(portal, "/country/get-countries")


async def test_dependent_cancelled_between_stages_is_not_sent(portal):
    """A nest of a later stage that has lost a call goes one by one, and without that call."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        first = batch.call("/thing/get-thing", {"thingId": 1})
        middle = batch.call("/thing/get-thing", {"thingId": first["inner"]["thingId"]})
        gone = batch.call("/country/get-countries", {"x": middle["next"]})
        last = batch.call("/thing/get-thing", {"thingId": middle["next"]})
        portal.misbehave(delay=0.05)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(batch.invoke, return_exceptions=True))
            while not portal.requests:
                await anyio.lowlevel.checkpoint()
            gone.cancel()
    assert last.result()["thingId"] == 12
    assert 0 == ran(portal, "/country/get-countries")


async def test_parent_given_up_fails_its_dependents(portal):
    """A call that refers to a cancelled one is refused on its line; one that was queued already ends as not sent."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        parent = batch.call("/thing/get-thing", {"thingId": 1})
        child = batch.call("/thing/get-thing", {"thingId": parent["next"]})
        parent.cancel()
        with pytest.raises(DependencyError, match="which has no result"):
            batch.call("/thing/get-thing", {"thingId": parent["next"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(child.exception(), DependencyError)
    assert [] == portal.requests


async def test_invoke_cancelled_in_flight_ends_all_of_a_nest(portal):
    """When the request of a nest is aborted, reads end as cancelled, writes as unknown, and nothing is left behind."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
        child = batch.call("/thing/get-thing", {"thingId": write["thingId"]})
        things = batch.call("/thing/get-things", {"count": 2})
        each = batch.call("/thing/get-thing", {"thingId": things.each["thingId"]})
        portal.misbehave(delay=60)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(batch.invoke)
            while not portal.requests:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert [] == session._exchange.traffic.runs
    assert isinstance(write.outcome, Unknown)
    assert all(isinstance(call.outcome, Cancelled) for call in (child, things, each))


async def test_nested_call_runs_out_of_time_alone(portal):
    """A nested call with a time of its own ends in time; the others have their results."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        hurried = batch.call("/thing/get-thing", {"thingId": thing["next"]}, timeout=0.02)
        child = batch.call("/thing/get-thing", {"thingId": thing["next"]})
        portal.misbehave(delay=0.2)
        await batch.invoke(return_exceptions=True)
    assert isinstance(hurried.exception(), NoAnswerError)
    assert child.result()["thingId"] == 2


async def test_remaining_holds_a_nest_that_did_not_run(portal):
    """`remaining()` of a batch that found no connection has parents and dependents, and sends them in one request again."""
    with portal.serve() as url:
        async with Session(url, auth=ADMIN, retry=RetryPolicy(attempts=1)) as session:
            portal.misbehave(status=429)
            with pytest.raises(BatchError) as caught:
                async with session.batch(dependent="nested") as batch:
                    write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
                    child = batch.call("/thing/get-thing", {"thingId": write["thingId"]})
            rest = caught.value.remaining()
            assert 2 == len(rest)
            await rest.invoke()
    assert (await child)["thingId"] == 100
    assert 2 == len(portal.requests)


async def test_writes_alone_are_not_nested(portal):
    """With `writes="alone"` nothing shares a request with a write, not even what depends on it."""
    async with opened(portal) as session, session.batch(dependent="nested", writes="alone") as batch:
        write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
        batch.call("/thing/get-thing", {"thingId": write["thingId"]})
    assert [1, 1] == [len(body) for body in bodies(portal)]
    assert "$1" not in json.dumps(bodies(portal))


async def test_result_that_does_not_fit_keeps_its_dependents(portal):
    """A parent whose result does not fit `returns=` has its own error; its dependents go on with the result as it came."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1}, returns=UserCard)
        child = batch.call("/thing/get-thing", {"thingId": thing["next"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(thing.exception(), ResultError)
    assert child.result()["thingId"] == 2


async def test_explain_shows_statements_stages_and_reasons(portal):
    """`explain()` tells the statements with their calls, the stages and why, and what may be repeated; it sends nothing."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        thing = batch.call("/thing/get-thing", {"thingId": 1})
        batch.call("/thing/get-thing", {"thingId": thing["next"]})
        batch.call("/thing/add-thing", {"name": thing["next"]}, idempotent=True)
        explained = batch.explain()
        assert [] == portal.requests
        await batch.invoke()
    first, second = explained.requests
    assert (1, 2) == (first.stage, second.stage)
    assert first.body == portal.requests[0].body
    assert second.body is None
    assert [((0,), False), ((1,), True)] == [
        (tuple(call.position for call in statement.calls), statement.is_repeated) for statement in first.statements
    ]
    assert ["read", "idempotent"] == [request.calls[0].retry for request in explained.requests]
    assert {2: "a write gets the results of reads in a later request"} == explained.reasons
    text = str(explained)
    assert "nested: /thing/get-thing (read)" in text
    assert "curl -u USER" in text
    assert "test@liferay.com" not in text


async def test_reference_made_in_another_form_is_refused(portal):
    """A reference names text; the elements of a call that runs per element are its result, which has no properties."""
    async with opened(portal) as session, session.batch() as batch:
        things = batch.call("/thing/get-things", {"count": 1})
        each = batch.call("/thing/get-thing", {"thingId": things.each["thingId"]})
        for wrong in (lambda: things.each[0], lambda: things["a"][0], lambda: things[0]):
            with pytest.raises(TypeError, match="names a property"):
                wrong()
        with pytest.raises(TypeError, match=r"refer to call\.each\['next'\]"):
            each["next"]
        assert repr(things.each["a"]["b"]) == "<Call /thing/get-things pending>.each['a']['b']"
        with pytest.raises(TypeError):
            iter(things.each)


async def test_each_of_an_ended_call_goes_at_once(portal):
    """A single call may refer to the elements of a result that is there: it sends one statement for each, in one request."""
    async with opened(portal) as session:
        things = session.call("/thing/get-things", {"count": 3})
        await things
        each = await session.call("/thing/get-thing", {"thingId": things.each["thingId"]})
        assert [0, 1, 2] == [thing["thingId"] for thing in each]
        with pytest.raises(DependencyError, match="no such property"):
            session.call("/thing/get-thing", {"thingId": things.each["nope"]})
    assert [1, 3] == [len(body) for body in bodies(portal)]


async def test_each_fails_with_the_error_of_its_element(portal):
    """A read for every element of which one fails has that error, and names the element; other calls are unharmed."""

    @portal.service("/thing/get-rare")
    def get_rare(thing_id: int) -> int:
        if thing_id == 1:
            raise JavaError("java.lang.RuntimeException", "no")
        return thing_id

    async with opened(portal) as session:
        batch = session.batch(dependent="staged")
        things = batch.call("/thing/get-things", {"count": 3})
        rare = batch.call("/thing/get-rare", {"thingId": things.each["thingId"]})
        good = batch.call("/thing/get-thing", {"thingId": things.each["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert isinstance(rare.exception(), ServerError)
    assert isinstance(rare.outcome, Failed)
    assert "element 1 of 3" in rare.exception().__notes__
    assert 3 == len(good.result())


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
async def test_parameter_of_capitals_reaches_a_nested_call(version):
    """The portal spells `classPK` as `classPk` inside, but not in a reference: a nested call gets the value all the same."""
    portal = FakePortal(version)

    @portal.service("/site/get-site")
    def get_site() -> dict[str, object]:
        return {"friendlyURL": "/a"}

    @portal.service("/site/get-by-url")
    def get_by_url(friendlyURL: str | None) -> str:  # noqa: N803 - as the portal spells it
        return f"<{friendlyURL}>"

    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        site = batch.call("/site/get-site")
        found = batch.call("/site/get-by-url", {"friendlyURL": site["friendlyURL"]})
        await batch.invoke()
    assert "</a>" == found.result()
    assert 1 == len(portal.requests)


async def test_list_of_lists_is_not_white_listed(portal):
    """A white-list goes one level into lists only: elements further down are asked for in a stage of their own."""

    @portal.service("/thing/get-matrix")
    def get_matrix() -> list[list[dict[str, int]]]:
        return [[{"thingId": 1}, {"thingId": 2}], [{"thingId": 3}]]

    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        matrix = batch.call("/thing/get-matrix")
        each = batch.call("/thing/get-thing", {"thingId": matrix.each["thingId"]})
        await batch.invoke()
    assert [[1, 2], [3]] == [[thing["thingId"] for thing in row] for row in each.result()]


async def test_nothing_is_inferred_beside_a_nest(portal):
    """With `on_failure="infer"` no conclusion is drawn from a refused nest: a key may have been handed over in it."""

    @portal.service("/thing/drop-thing")
    def drop_thing(thing_id: int) -> None:
        raise JavaError("com.example.NoSuchThingException", f"No Thing exists with the primary key {thing_id}")

    async with opened(portal) as session:
        batch = session.batch(dependent="nested", on_failure="infer")
        thing = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
        calls = [batch.call("/thing/drop-thing", {"thingId": value}) for value in (thing["thingId"], 100)]
        await batch.invoke(return_exceptions=True)
    assert ["unknown", "unknown", "failed"] == [call.outcome.name for call in (thing, *calls)]
    assert not calls[1].outcome.is_inferred


async def test_deep_chain_is_cut(portal):
    """A chain goes as deep as the portal and the parser can read, whatever the limits allow, and on in a further stage."""
    async with opened(portal, limits=BatchLimits(max_calls=5000, max_nested=4000)) as session:
        batch = session.batch(dependent="nested")
        calls = [batch.call("/thing/get-thing", {"thingId": 0}, select=["next"])]
        for _ in range(90):
            calls.append(batch.call("/thing/get-thing", {"thingId": calls[-1]["next"]}, select=["next"]))
        results = await batch.invoke()
    assert list(range(1, 92)) == [result["next"] for result in results]
    assert 3 == len(portal.requests)


async def test_write_takes_no_null_that_may_be_no_property(portal):
    """A white-list has null for a name that the portal does not know: a write takes it only if `select=` has the name."""
    async with opened(portal) as session:
        for select, ran_by_then in ((["screenName"], 0), (["screenName", "commentz"], 1)):
            batch = session.batch()
            user = batch.call("/user/get-current-user", select=select)
            write = batch.call("/thing/add-thing", {"name": user["commentz"]})
            await batch.invoke(return_exceptions=True)
            assert ran_by_then == ran(portal, "/thing/add-thing")
            assert isinstance(write.exception(), DependencyError) == (not ran_by_then)
        batch = session.batch(dependent="nested")
        first = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"])
        second = batch.call("/thing/add-thing", {"name": first["nope"]})
        await batch.invoke(return_exceptions=True)
    assert "if null is meant, put 'nope' into its select=" in str(second.exception())
    assert {"thingId": 100} == first.result()


async def test_idempotent_write_of_a_refused_nest_goes_again(portal):
    """A write that may be repeated is, when its nest was refused: then each call has its own result or error."""
    async with opened(portal) as session:
        batch = session.batch(dependent="nested")
        write = batch.call("/thing/add-thing", {"name": "x"}, select=["thingId"], idempotent=True)
        bad = batch.call("/group/get-group", {"groupId": write["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert {"thingId": 100} == write.result()
    assert isinstance(bad.outcome, Failed)


async def test_list_of_known_length_counts_its_elements(portal):
    """A list counts as many nested calls as `start` and `end` allow; one that turned out to be long is remembered."""

    @portal.service("/thing/get-range")
    def get_range(start: int, end: int) -> list[dict[str, int]]:
        return [{"thingId": number} for number in range(start, 60 if end < 0 else end)]

    async with opened(portal) as session:
        for start, end, requests in ((0, 50, 1), (0, 51, 2), (-1, -1, 2)):
            batch = session.batch(dependent="nested")
            things = batch.call("/thing/get-range", {"start": start, "end": end})
            batch.call("/thing/get-thing", {"thingId": things.each["thingId"]})
            assert requests == len(batch.explain().requests)
            await batch.invoke()
        for requests in (1, 2):
            batch = session.batch(dependent="nested")
            things = batch.call("/thing/get-things", {"count": 60})
            each = batch.call("/thing/get-thing", {"thingId": things.each["thingId"]})
            assert requests == len(batch.explain().requests)
            await batch.invoke()
            assert 60 == len(each.result())


async def test_error_of_an_element_tells_its_own_request(portal):
    """The error of a call per element names the element and the request that failed, once each."""

    @portal.service("/thing/get-rare")
    def get_rare(thing_id: int) -> int:
        raise JavaError("java.lang.RuntimeException", f"no {thing_id}")

    async with opened(portal) as session:
        batch = session.batch(dependent="staged")
        things = batch.call("/thing/get-things", {"count": 1})
        rare = batch.call("/thing/get-rare", {"thingId": things.each["thingId"]})
        await batch.invoke(return_exceptions=True)
    assert ["element 0 of 1"] == rare.exception().__notes__[:1]
    assert 2 == len(rare.exception().__notes__)
    assert (1, 2, "failed") == (rare.exception().position, rare.exception().request, rare.exception().outcome)
