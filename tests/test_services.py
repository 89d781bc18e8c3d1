"""Services by name, on every front door, with and without a catalog; and the base of typed services."""

from __future__ import annotations

import json
import re

import pytest

from aioliferay import Reference, ServerError, Session, catalogs
from aioliferay._services import ANY, Service
from aioliferay.services import OrderByComparator, ServiceContext, for_version
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_GROUP = "groupId:long -> object\ngroupId:long name:string serviceContext:a.ServiceContext -> int"


class GroupService(Service):
    """What the generator makes, in small."""

    __slots__ = ()
    name = "group"

    def get_group(self, *, group_id, returns=ANY, **options):
        return self._call("/group/get-group", {"groupId": group_id}, "groupId", returns, options)

    def get_count(self, *, group_id, name=None, service_context=None, **options):
        params = {"groupId": group_id, "name": name, "serviceContext": service_context}
        return self._call("/group/get-count", params, "groupId", "int", options)

    def delete_group(self, *, group_id, **options):
        return self._call("/group/delete-group", {"groupId": group_id}, "groupId", "void", options)

    def add_group(self, **params):
        return self._overloaded("/group/add-group", _GROUP.replace("-> ", ""), params)


def _queued(batch):
    """Return what a batch would send: path and parameters of each call."""
    statements = json.loads(b"[%b]" % b",".join(call.command.statement for call in batch._queue.pending()))
    return [pair for statement in statements for pair in statement.items()]


@anyio_test
async def test_services_work_on_a_session_and_on_a_batch(wire, session):
    """A service is the same on every front door: a session sends each call by itself, a batch collects them."""
    assert 1 == await session.services.x.get_echo(value=1)
    async with session.batch() as batch:
        first = batch.services["x"].get_echo(value=2)
        second = batch.services.x.get_echo(value=3)
        kept = batch.services.x.get_echo(value="4", returns=int)
    assert (2, 3, 4) == (first.result(), await second, kept.result())
    assert [["/x/get-echo"], ["/x/get-echo", "/x/get-echo", "/x/get-echo"]] == wire.batches


@anyio_test
async def test_names_follow_liferays_rules(session):
    """Without a catalog, Python's names become the portal's by Liferay's own rules; options are told from parameters."""
    batch = session.batch()
    batch.services["blogs.blogsentry"].get_group_entries(group_id=1, class_pk=2, from_=3, a__b=4, timeout_=5)
    batch.services.blogsentry.get_entry(entry_id=1, select=["title"], timeout=9, returns=dict, idempotent=True)
    batch.services.portal.test_add_class_name__rollback()
    assert [
        ("/blogs.blogsentry/get-group-entries", {"groupId": 1, "classPk": 2, "from": 3, "a_B": 4, "timeout": 5}),
        ("$it[title] = /blogsentry/get-entry", {"entryId": 1}),
        ("/portal/test-add-class-name_-rollback", {}),
    ] == _queued(batch)
    await batch.aclose()


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        (AttributeError, "no service 'blogentry'; did you mean services.blogsentry?", lambda it: it.blogentry),
        (LookupError, "no service 'BlogsEntry'; did you mean services.blogsentry?", lambda it: it["BlogsEntry"]),
        (AttributeError, "no service 'zzzzzzz'", lambda it: it.zzzzzzz),
        (AttributeError, "did you mean get_user_by_id(user_id: long)?", lambda it: it.user.get_user_by_i),
        (AttributeError, "user has no method 'zzzzzzzzzzzzzz'", lambda it: it.user.zzzzzzzzzzzzzz),
        (
            TypeError,
            "no parameter is called 'userid', did you mean 'user_id'?; it takes get_user_by_id(user_id: long)",
            lambda it: it.user.get_user_by_id(userid=1),
        ),
        (TypeError, "no parameter is called 'qqqqqq';", lambda it: it.user.get_user_by_id(qqqqqq=1)),
        (
            TypeError,
            "company_id: 'name' missing; it takes get_group(group_id: long) or get_group(company_id: long, ",
            lambda it: it.group.get_group(company_id=1),
        ),
        (TypeError, "no overload takes group_id, name;", lambda it: it.group.get_group(group_id=1, name="x")),
        (TypeError, "no overload takes no parameters: 'group_id' missing", lambda it: it.group.get_group()),
        (TypeError, "/group/get-group: group_id cannot be None", lambda it: it.group.get_group(group_id=None)),
        (TypeError, "takes 1 positional argument", lambda it: it.group.get_group(1)),
        (TypeError, "a service has a name", lambda it: it[5]),
        (AttributeError, "no service is called '_x'", lambda it: it._x),
        (AttributeError, "no method of a service is called '_x'", lambda it: it.user._x),
    ],
)
@anyio_test
async def test_catalog_refuses_wrong_names_before_sending(wire, session, kind, text, wrong):
    """With a catalog a wrong name is refused at its own line, with the nearest right name and what the method takes."""
    session.catalog = catalogs.shipped("6.2")
    for services in (session.services, session.batch().services):
        with pytest.raises(kind, match=re.escape(text)):
            wrong(services)
    assert [] == wire.requests


@anyio_test
async def test_catalog_knows_names_and_verbs(session):
    """With a catalog the wire has the exact names of Java, a service context that is None is left out, reads are known."""
    session.catalog = catalogs.shipped("6.2")
    batch = session.batch()
    address = batch.services.address
    address.get_addresses(class_name="x", class_pk=1)
    batch.services.bookmarksfolder.add_folder(parent_folder_id=0, name="n", description=None, service_context=None)
    batch.services.user.get_user_by_id(user_id=1)
    assert [
        ("/address/get-addresses", {"className": "x", "classPK": 1}),
        ("/bookmarksfolder/add-folder", {"parentFolderId": 0, "name": "n", "description": None}),
        ("/user/get-user-by-id", {"userId": 1}),
    ] == _queued(batch)
    assert [True, False, True] == [call.command.is_read for call in batch._queue.pending()]
    await batch.aclose()


@anyio_test
async def test_catalog_is_silent_on_contexts_that_it_does_not_list(session):
    """A catalog of the core says nothing on services of other contexts: these are called as without one."""
    session.catalog = catalogs.shipped("6.2")
    batch = session.batch()
    batch.services["my-portlet.thing"].do_it(some_id=1)
    assert [("/my-portlet.thing/do-it", {"someId": 1})] == _queued(batch)
    await batch.aclose()


@anyio_test
async def test_catalog_tells_reads_of_any_call(session):
    """A session's catalog tells reads and writes apart for `call`, too; what the caller says counts more."""
    document = {"services": [{"path": "/x/search-all", "method": "GET", "returns": {"type": "list"}}]}
    session.catalog = catalogs.parse(json.dumps(document))
    batch = session.batch()
    batch.call("/x/search-all")
    batch.call("/x/search-all", is_read=False)
    batch.call("/x/other", is_read=True)
    batch.call("/x/other")
    assert [True, False, True, False] == [call.command.is_read for call in batch._queue.pending()]
    await batch.aclose()


@anyio_test
async def test_select_refuses_what_the_result_does_not_have():
    """With a catalog that describes results, a selected or referred name that would come back as null is refused at once."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=("test@liferay.com", "test")) as session:
            await session.discover()
            with pytest.raises(ValueError, match="get-user-by-id has no property 'firstname'; did you mean 'firstName'"):
                session.call("/user/get-user-by-id", {"userId": 20199}, select=["firstname"])
            assert {"firstName": "Test"} == await session.call(
                "/user/get-user-by-id", {"userId": 20199}, select=["firstName"]
            )
            batch = session.batch()
            user = batch.call("/user/get-user-by-id", {"userId": 20199})
            with pytest.raises(ValueError, match="get-user-by-id has no property 'contctId'; did you mean 'contactId'"):
                batch.call("/contact/get-contact", {"contactId": user["contctId"]})
            contact = batch.call("/contact/get-contact", {"contactId": user["contactId"]})
            await batch.invoke()
            assert "Test" == contact.result()["firstName"]
            with pytest.raises(TypeError, match="takes a list of property names"):
                session.call("/user/get-user-by-id", {"userId": 20199}, select="firstName")


def test_services_show_themselves(session):
    """In a prompt, services and methods of a catalog are offered, and show where they belong."""
    assert [] == dir(session.services)
    assert [] == dir(session.services.user)
    session.catalog = catalogs.shipped("6.2")
    assert "blogsentry" in dir(session.services)
    assert "get_user_by_id" in dir(session.services.user)
    assert not hasattr(session.services, "nope")
    assert "<Services of <Session http://portal.test>>" == repr(session.services)
    assert "<service user of <Session http://portal.test>>" == repr(session.services.user)
    assert "</user/get-user-by-id of <Session http://portal.test>>" == repr(session.services.user.get_user_by_id)
    assert "<GroupService of <Session http://portal.test>>" == repr(GroupService(session))
    with pytest.raises(TypeError):
        iter(session.services)


@anyio_test
async def test_typed_service_makes_calls(session):
    """A typed service leaves out a service context that is None, and sends None where Java takes null."""
    batch = session.batch()
    group = GroupService(batch)
    group.get_group(group_id=1, select=["name"])
    group.get_count(group_id=1)
    group.get_count(group_id=1, name="x", service_context=ServiceContext(scope_group_id=2))
    group.add_group(group_id=1, timeout=5)
    group.add_group(group_id=1, name=None)
    group.add_group(group_id=1, name="n", service_context=None, returns=str)
    assert [
        ("$it[name] = /group/get-group", {"groupId": 1}),
        ("/group/get-count", {"groupId": 1, "name": None}),
        ("/group/get-count", {"groupId": 1, "name": "x", "serviceContext": {"scopeGroupId": 2}}),
        ("/group/add-group", {"groupId": 1}),
        ("/group/add-group", {"groupId": 1, "name": None}),
        ("/group/add-group", {"groupId": 1, "name": "n"}),
    ] == _queued(batch)
    await batch.aclose()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("/group/get-group: group_id cannot be None", lambda it: it.get_group(group_id=None)),
        ("/group/add-group: group_id cannot be None", lambda it: it.add_group(group_id=None)),
        (
            "did you mean 'group_id'?; it takes add_group(group_id: long) or add_group(group_id: long, name: string, ",
            lambda it: it.add_group(grup_id=1),
        ),
        ("no overload takes name: 'group_id' missing", lambda it: it.add_group(name="x")),
        ("/group/get-group: a call has no option 'nope'", lambda it: it.get_group(group_id=1, nope=2)),
    ],
)
def test_typed_service_refuses_what_cannot_be(session, text, wrong):
    """A typed service refuses None for a primitive, and parameters that no overload takes, before anything is sent."""
    with pytest.raises(TypeError, match=re.escape(text)):
        wrong(GroupService(session.batch()))


def test_typed_service_needs_a_door():
    """A typed service is made over a session or a batch."""
    with pytest.raises(TypeError, match="GroupService takes a session or a batch, not str"):
        GroupService("http://localhost")


@anyio_test
async def test_typed_service_per_element_of_a_list():
    """A method that is called for each element of a list has a list of its own type for a result."""
    with FakePortal().serve() as url:
        async with Session(url, auth=("test@liferay.com", "test")) as session, session.batch() as batch:
            sites = batch.services.group.get_user_sites_groups()
            group = GroupService(batch)
            groups = group.get_group(group_id=sites.each["groupId"], returns=list[dict])
            build = CountService(batch).get_build_number(group_id=sites.each["groupId"])
        assert [20182, 20201] == sorted(each["groupId"] for each in groups.result())
        assert [6205, 6205] == build.result()


class CountService(Service):
    """A method with a simple result that takes a parameter more than it needs: the portal ignores it."""

    __slots__ = ()

    def get_build_number(self, *, group_id):
        return self._call("/portal/get-build-number", {"groupId": group_id}, "groupId", "int", {})


@anyio_test
async def test_typed_service_takes_references():
    """A result of another call is taken where a value is, also by a typed service; nothing of its type is lost."""
    with FakePortal().serve() as url:
        async with Session(url, auth=("test@liferay.com", "test")) as session:
            batch = session.batch()
            user = batch.services.user.get_user_by_id(user_id=20199)
            reference = user["companyId"]
            assert isinstance(reference, Reference)
            count = batch.services.user.get_company_users_count(company_id=reference, returns=int)
            await batch.invoke()
            assert count.result() > 0


@anyio_test
async def test_comparator_reaches_the_portal():
    """A comparator is instantiated by the portal, by the class that it names."""
    with FakePortal().serve() as url:
        async with Session(url, auth=("test@liferay.com", "test")) as session:
            obc = OrderByComparator("no.such.Comparator")
            with pytest.raises(ServerError, match=re.escape("no.such.Comparator (java.lang.ClassNotFoundException)")):
                await session.services.assettag.get_group_tags(group_id=20182, start=0, end=2, obc=obc)


def test_for_version():
    """The package of typed services is found by a version in any usual form."""
    assert "aioliferay.services.v62" == for_version(6205).__name__
    assert "aioliferay.services.v73" == for_version("7.4").__name__
