"""Typed services over HTTP, against a portal that knows the whole catalog of 6.2.5."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic reads it
import inspect
from typing import get_overloads

import httpx
import pytest
from pydantic import BaseModel, Field

from aioliferay import LiferayError, NoSuchServiceError, ServerError, Session, SignIn, catalogs
from aioliferay._core import naming
from aioliferay.services import OrderByComparator, ServiceContext, for_version, v62
from aioliferay.services.v62 import (
    AssetTagService,
    BlogsEntryService,
    BookmarksFolderService,
    ContactService,
    GroupService,
    PortalService,
    UserService,
)
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_ADMINISTRATOR = ("test@liferay.com", "test")
_VALUES = {"long": 1, "int": 1, "boolean": True, "double": 1.5, "string": "x", "byte[]": b"x"}


class Folder(BaseModel):
    folder_id: int = Field(alias="folderId")
    name: str
    description: str
    created: dt.datetime = Field(alias="createDate")


@anyio_test
async def test_a_day_of_work_with_typed_services():
    """Folders are added, read as models, and deleted, each step in one request; nothing is left behind."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            context = ServiceContext(scope_group_id=20182, add_guest_permissions=True)
            async with session.batch() as batch:
                folders = BookmarksFolderService(batch)
                added = [
                    folders.add_folder(
                        parent_folder_id=0, name=f"Ünï {number}", description="d", service_context=context, returns=Folder
                    )
                    for number in range(5)
                ]
            names = [call.result().name for call in added]
            assert [f"Ünï {number}" for number in range(5)] == names
            assert all(call.result().created.tzinfo is not None for call in added)
            async with session.batch() as batch:
                folders = BookmarksFolderService(batch)
                read = [folders.get_folder(folder_id=call.result().folder_id, returns=Folder) for call in added]
                count = folders.get_folders_count(group_id=20182, parent_folder_id=0)
            assert [call.result() for call in added] == [call.result() for call in read]
            before = count.result()
            async with session.batch() as batch:
                for call in added:
                    BookmarksFolderService(batch).delete_folder(folder_id=call.result().folder_id)
            left = await BookmarksFolderService(session).get_folders_count(group_id=20182, parent_folder_id=0)
            assert before - 5 == left
    assert 4 == len(portal.requests)


@anyio_test
async def test_dependent_calls_of_typed_services():
    """Typed services refer to each other's results, in one request where the portal can do that."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            async with session.batch(dependent="nested") as batch:
                user = UserService(batch).get_user_by_id(user_id=20199)
                contact = ContactService(batch).get_contact(contact_id=user["contactId"])
                sites = GroupService(batch).get_user_sites_groups()
                groups = GroupService(batch).get_group(group_id=sites.each["groupId"], returns=list[dict])
                build = PortalService(batch).get_build_number()
            assert "Test" == contact.result()["firstName"]
            assert [each["groupId"] for each in sites.result()] == [each["groupId"] for each in groups.result()]
            assert 6205 == build.result()
    assert 1 == len(portal.requests)


@anyio_test
async def test_typed_services_in_a_signed_in_session():
    """Services, references and sign-in sessions go together."""
    with FakePortal(password_cost=0.0).serve() as url:
        async with Session(url, auth=SignIn(*_ADMINISTRATOR)) as session:
            tags = await AssetTagService(session).get_group_tags(group_id=20182)
            assert isinstance(tags, list)
            obc = OrderByComparator("com.liferay.portlet.asset.util.comparator.AssetTagNameComparator")
            with pytest.raises(ServerError, match="Unmatched argument type"):  # as recorded: its class is of another loader
                await AssetTagService(session).get_group_tags(group_id=20182, start=0, end=2, obc=obc)


@anyio_test
async def test_services_of_62_on_a_7_are_refused_by_name():
    """A service that moved is told as one that is not there."""
    with FakePortal("7.4", serialize_throwable=True).serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            with pytest.warns(UserWarning, match="is Liferay 7.x"), pytest.raises(NoSuchServiceError):
                await BlogsEntryService(session).get_entry(entry_id=20795)
            assert for_version(await session.portal_version()).__name__.endswith(".v73")


def _arguments(action):
    """Return a value for every parameter that the portal can convert, by its declared type."""
    values = {}
    for parameter in action.parameters:
        kind = parameter.type
        if kind.endswith("[]") or kind.startswith(("list", "java.util.Collection")):
            value = [] if kind != "byte[]" else b"x"
        elif kind.startswith(("map", "java.util.LinkedHashMap")):
            value = {}
        else:
            value = _VALUES.get(kind)
        values[naming.snake(parameter.name)] = value
    return values


@pytest.mark.anyio
async def test_every_method_is_found_by_the_portal():
    """Each of the 1,198 methods of 6.2, called through its class, reaches the method of the portal that it names."""
    portal = FakePortal()
    client = httpx.AsyncClient(transport=portal.transport())
    by_name = {service.name: service for service in (getattr(v62, name) for name in v62.__all__)}
    reached = 0
    async with Session(portal.url, auth=_ADMINISTRATOR, http=client) as session:
        for action in catalogs.shipped("6.2").actions:
            method = getattr(by_name[action.service](session), naming.free(action.path.rpartition("/")[2].replace("-", "_")))
            failure = await _failure_of(method(**_arguments(action)))
            assert not isinstance(failure, NoSuchServiceError), (action.path, failure)
            reached += 1
    assert 1198 == reached
    assert all(inspect.isfunction(each) for each in get_overloads(BlogsEntryService.get_group_entries))


async def _failure_of(call):
    try:
        await call
    except LiferayError as error:
        return error
    return None
