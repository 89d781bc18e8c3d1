"""What type checkers make of typed services and services by name. Never run: `mypy --strict` and pyright read it."""

from __future__ import annotations

import datetime as dt
from typing import Any, assert_type

from pydantic import BaseModel

from aioliferay import BatchSession, Call, Session
from aioliferay.catalogs import Catalog, shipped
from aioliferay.services import OrderByComparator, PortalVersion, ServiceContext, UploadFile, for_version, v62
from aioliferay.services.v62 import (
    AssetTagService,
    AssetVocabularyService,
    BlogsEntryService,
    BookmarksFolderService,
    CountryService,
    DLAppService,
    GroupService,
    PortalService,
    UserService,
)


class User(BaseModel):
    """A result as a model."""

    user_id: int


async def results(session: Session, batch: BatchSession) -> None:
    """Results have the type that the service declares, or that `returns=` names; on every front door."""
    blogs = BlogsEntryService(batch)
    assert_type(blogs.delete_entry(entry_id=1), Call[None])
    assert_type(blogs.get_entry(entry_id=1), Call[dict[str, Any]])
    assert_type(blogs.get_entry(entry_id=1, returns=User), Call[User])
    assert_type(await blogs.get_entry(entry_id=1, select=["title"]), dict[str, Any])
    assert_type(blogs.get_group_entries_count(group_id=1, status=0), Call[int])
    assert_type(PortalService(session).get_build_number(), Call[int])
    assert_type(PortalService(session).get_auto_deploy_directory(), Call[str | None])
    assert_type(await GroupService(session).get_user_sites_groups(returns=list[User]), list[User])
    assert_type(UserService(session).has_role_user(role_id=1, user_id=2), Call[bool])
    assert_type(v62.UserService(session).get_user_by_id(user_id=1, returns=User, timeout=5), Call[User])


def overloads(batch: BatchSession) -> None:
    """Overloads are told apart by the names of parameters."""
    group = GroupService(batch)
    assert_type(group.get_group(group_id=1), Call[dict[str, Any]])
    assert_type(group.get_group(company_id=1, name="Guest", returns=User), Call[User])
    group.get_group(company_id=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportUnknownMemberType]
    assert_type(CountryService(batch).get_countries(active=True, returns=list[User]), Call[list[User]])


def references(batch: BatchSession) -> None:
    """What another call will bring is taken where a value is."""
    user = UserService(batch).get_user_by_id(user_id=20199)
    GroupService(batch).get_group(group_id=user["groupId"])
    sites = GroupService(batch).get_user_sites_groups()
    per_site = UserService(batch).get_user_by_id(user_id=sites.each["creatorUserId"], returns=list[User])
    assert_type(per_site, Call[list[User]])
    batch.services.group.get_group(group_id=user["groupId"])


def values(batch: BatchSession) -> None:
    """Parameters take Python's own types."""
    context = ServiceContext(scope_group_id=1)
    BookmarksFolderService(batch).add_folder(parent_folder_id=0, name="n", description=None)
    BookmarksFolderService(batch).add_folder(parent_folder_id=0, name="n", description=None, service_context=context)
    titles = {"en_US": "Hello"}
    AssetVocabularyService(batch).add_vocabulary(
        title="t", title_map=titles, description_map=titles, settings="", service_context=context
    )
    obc = OrderByComparator("com.liferay.portlet.asset.util.comparator.AssetTagNameComparator")
    AssetTagService(batch).get_group_tags(group_id=1, start=0, end=1, obc=obc)
    BlogsEntryService(batch).get_company_entries(company_id=1, display_date=dt.datetime.now(dt.UTC), status=0, max=1)
    DLAppService(batch).add_file_entry(
        repository_id=1,
        folder_id=0,
        source_file_name="a",
        mime_type="text/plain",
        title="a",
        description=None,
        change_log=None,
        bytes=b"x",
    )
    DLAppService(batch).add_file_entry(
        repository_id=1,
        folder_id=0,
        source_file_name="a",
        mime_type="text/plain",
        title="a",
        description=None,
        change_log=None,
        file=UploadFile(b"x"),
    )


def mistakes(batch: BatchSession) -> None:
    """Wrong types, names and places are found by the type checker."""
    blogs = BlogsEntryService(batch)
    blogs.delete_entry(entry_id="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    blogs.delete_entry(entry_id=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    blogs.delete_entry(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    blogs.delete_entry(entryId=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    blogs.delete_entry(entry_id=1, timout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    BlogsEntryService("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def by_name(session: Session, batch: BatchSession) -> None:
    """Services by name take anything, and return what `returns=` names."""
    assert_type(session.services.user.get_user_by_id(user_id=1), Call[Any])
    assert_type(batch.services["blogs.blogsentry"].get_entry(entry_id=1, returns=User), Call[User])
    assert_type(batch.services.blogsentry.delete_entry(entry_id=1, returns=None), Call[None])
    assert_type(await session.discover("blogs"), Catalog)
    assert_type(session.catalog, Catalog | None)
    session.catalog = shipped("6.2")
    assert_type(await session.portal_version(), PortalVersion)
    for_version(await session.portal_version())
