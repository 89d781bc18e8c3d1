"""What the dashboard shows, and the eight calls that bring it."""

import asyncio
from datetime import datetime

from pydantic import BaseModel, Field

from aioliferay import AutoBatchSession, BatchSession, Session
from aioliferay.services.v62 import (
    AssetTagService,
    BlogsEntryService,
    CompanyService,
    GroupService,
    PortalService,
    UserService,
)

APPROVED, IN_TRASH = 0, 8


class User(BaseModel):
    """Who looks at the dashboard."""

    user_id: int = Field(validation_alias="userId")
    first_name: str = Field(validation_alias="firstName")


class Site(BaseModel):
    """A site that the user is a member of."""

    group_id: int = Field(validation_alias="groupId")
    url: str = Field(validation_alias="friendlyURL")


class Entry(BaseModel):
    """An entry of the blog."""

    entry_id: int = Field(validation_alias="entryId")
    title: str
    author: str = Field(validation_alias="userName")
    date: datetime = Field(validation_alias="displayDate")


class Dashboard(BaseModel):
    """All that the page shows."""

    user: User
    company: str
    build: int
    newest: list[Entry]
    entries: int
    in_trash: int
    tags: int
    sites: list[Site]


async def read_dashboard(calls: Session | BatchSession | AutoBatchSession, site: int) -> Dashboard:
    """Make eight calls, and wait for all of them.

    A `Session` sends eight requests, a `BatchSession` one. An `AutoBatchSession` sends one, too, and other requests of the
    same user that are under way share it.
    """
    blog = BlogsEntryService(calls)
    user = UserService(calls).get_current_user(returns=User, select="model")
    company = CompanyService(calls).get_company_by_web_id(web_id="liferay.com", select=["webId"])
    build = PortalService(calls).get_build_number()
    newest = blog.get_group_entries(group_id=site, status=APPROVED, max=5, returns=list[Entry], select="model")
    entries = blog.get_group_entries_count(group_id=site, status=APPROVED)
    in_trash = blog.get_group_entries_count(group_id=site, status=IN_TRASH)
    tags = AssetTagService(calls).get_group_tags_count(group_id=site)
    sites = GroupService(calls).get_user_sites_groups(returns=list[Site], select="model")
    await asyncio.gather(user, company, build, newest, entries, in_trash, tags, sites)
    return Dashboard(
        user=user.result(),
        company=company.result()["webId"],
        build=build.result(),
        newest=newest.result(),
        entries=entries.result(),
        in_trash=in_trash.result(),
        tags=tags.result(),
        sites=sites.result(),
    )
