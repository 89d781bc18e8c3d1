"""What `aioliferay call` and `aioliferay whoami` do: one request, its results and failures told. Knows no option."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, Field

from aioliferay import AccessDeniedError, LiferayError, NoSuchServiceError, NotFoundError, ServerError
from aioliferay._portals import Kind
from aioliferay._terminal import CommandError, open_session, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aioliferay import BatchSession, Call, Session
    from aioliferay._access import Access
    from aioliferay._call_arguments import Asked
    from aioliferay._core.version import PortalVersion
    from aioliferay._portals import NamedPortal
    from aioliferay._terminal import Screen

CURRENT_USER: Final = "/user/get-current-user"


class Person(BaseModel):
    """What is told of a user."""

    user_id: int = Field(alias="userId")
    email: str | None = Field(alias="emailAddress")
    screen_name: str | None = Field(alias="screenName")
    first_name: str | None = Field(alias="firstName")
    last_name: str | None = Field(alias="lastName")

    @property
    def name(self) -> str:
        """First and last name, as far as there are any."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)


async def explained(portal: NamedPortal, asked: Sequence[Asked], select: Sequence[str] | None) -> str:
    """Return what would be sent, without credentials; send nothing.

    Raises:
        CommandError: a call cannot be made like this.
    """
    async with open_session(portal.server, None) as session:
        batch = session.batch()
        _made(batch, asked, select)
        told = str(batch.explain())
        await batch.aclose()
    return told


async def call(
    session: Session, access: Access, asked: Sequence[Asked], *, screen: Screen, select: Sequence[str] | None
) -> None:
    """Send the calls in one request, and write the result, or the list of results, as JSON.

    If some of several calls fail, null stands in their places, and a line on standard error says which they are.

    Args:
        session: with the portal; it is closed before anything is written.
        access: the way in.
        asked: the calls.
        screen: where results go.
        select: properties to which the portal cuts the result down.

    Raises:
        CommandError: a call cannot be made like this, or failed.
    """
    async with session:
        batch = session.batch()
        calls = _made(batch, asked, select)
        await batch.invoke(return_exceptions=True)
    failures = [(each, error) for each, made in zip(asked, calls, strict=True) if (error := made.exception()) is not None]
    if len(failures) < len(calls):
        results: list[Any] = [made.result() if made.exception() is None else None for made in calls]
        screen.show_json(json.dumps(results if len(asked) > 1 else results[0], ensure_ascii=False, indent=2))
    if failures:
        first, error = failures[0]
        if len(calls) > 1:
            screen.warn(f"note: {'; '.join(_fates(calls))}")
        if not isinstance(error, LiferayError):
            raise error
        raise CommandError(_failure(access, first, error))


def _made(batch: BatchSession, asked: Sequence[Asked], select: Sequence[str] | None) -> list[Call[Any]]:
    try:
        return [each.made(batch, select=select) for each in asked]
    except (TypeError, ValueError) as error:
        raise CommandError(shortened(str(error))) from None


def _fates(calls: Sequence[Call[Any]]) -> Iterator[str]:
    for number, each in enumerate(calls, 1):
        yield f"call {number} {each.path} {each.outcome.name}"


def _failure(access: Access, asked: Asked, error: LiferayError) -> str:
    """Return what went wrong, and the remedy."""
    if refused := access.refused(error):
        return refused
    told = shortened(str(error))
    option = access.portal.option
    if isinstance(error, NoSuchServiceError) or (isinstance(error, NotFoundError) and not error.exception):
        return f"{told}; `aioliferay discover {option} {asked.service}` lists what there is"
    if isinstance(error, AccessDeniedError):
        if access.kind is Kind.NONE:
            return f"{told}; calls are a guest's: {access.invitation}"
        return f"{told}; name another --user, or have this one permitted"
    return told


async def who(access: Access) -> tuple[Person | None, PortalVersion | None]:
    """Return who calls, None for a guest, and which version the portal is, None where it does not tell.

    Raises:
        LiferayError: no answer, or a refusal.
    """
    async with access.session() as session:
        person = None if access.kind is Kind.NONE else await current_user(session)
        version: PortalVersion | None = None
        with suppress(ServerError):  # it need not tell everybody
            version = await session.portal_version()
    return person, version


async def current_user(session: Session) -> Person:
    """Return who calls.

    Raises:
        LiferayError: no answer, or a refusal.
    """
    return await session.call(CURRENT_USER, select="model", returns=Person)


def identity(access: Access, person: Person | None, version: PortalVersion | None) -> dict[str, Any]:
    """Return what `whoami --json` writes; the reference of the command line describes its keys."""
    return {
        "server": access.portal.server,
        "portal": access.portal.name or None,
        "version": None if version is None else str(version),
        "build": None if version is None else version.build or None,
        "auth": access.kind.value,
        "source": access.source or None,
        "user_id": None if person is None else person.user_id,
        "email": None if person is None else person.email,
        "screen_name": None if person is None else person.screen_name,
        "name": None if person is None else person.name,
    }


def card(told: Mapping[str, Any], authentication: str) -> Iterator[str]:
    """Return the same in lines for people."""
    named = f" ({told['portal']})" if told["portal"] else ""
    version = f"Liferay {told['version']}" if told["version"] else "it does not tell its version"
    build = f", build {told['build']}" if told["build"] else ""
    yield f"server          {told['server']}{named}"
    yield f"portal          {version}{build}"
    yield f"authentication  {authentication}"
    if told["user_id"] is None:
        yield "user            a guest"
        return
    yield f"user            {told['name']} ({told['screen_name']})"
    yield f"user id         {told['user_id']}"
    yield f"e-mail          {told['email']}"
