"""Read a user and the user's sites in one request, as typed objects.

Start a portal with `aioliferay serve`, then run this with its URL. It prints:

    Test Test <test@liferay.com>
    the site /guest has the number 20182
"""
# ruff: noqa: INP001, T201 - an example is a script, and it prints

import asyncio
import sys

from pydantic import BaseModel, Field

from aioliferay import BatchSession
from aioliferay.services.v62 import GroupService, UserService

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8080"


class User(BaseModel):
    """What this program wants to know of a user."""

    first_name: str = Field(alias="firstName")
    last_name: str = Field(alias="lastName")
    email: str = Field(alias="emailAddress")


class Site(BaseModel):
    """What this program wants to know of a site; a newer portal sends the number as text, and it becomes an int."""

    group_id: int = Field(alias="groupId")
    url: str = Field(alias="friendlyURL")


async def main() -> None:
    """Make two calls in one request."""
    async with BatchSession(SERVER, auth=("test@liferay.com", "test")) as batch:
        user_call = UserService(batch).get_user_by_id(user_id=20199, returns=User)
        site_call = GroupService(batch).get_group(group_id=20182, returns=Site)

    user, site = await user_call, await site_call
    print(f"{user.first_name} {user.last_name} <{user.email}>")
    print(f"the site {site.url} has the number {site.group_id}")


if __name__ == "__main__":
    asyncio.run(main())
