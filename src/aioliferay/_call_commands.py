"""The commands `call` and `whoami`: their options, and what of these goes together."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aioliferay._access import AuthOption, PasswordEnvOption, PortalOption, ServerOption, UserOption, Wish, access_of
from aioliferay._portals import chosen
from aioliferay._terminal import Screen, ended_well, run

if TYPE_CHECKING:
    from aioliferay._call_arguments import Asked
    from aioliferay._demo import Interruption


def call(  # noqa: PLR0913 - the options of a command
    path: Annotated[str, typer.Argument(metavar="PATH", help="Such as /user/get-user-by-id, or user.get_user_by_id.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE", help="Parameters; behind a lone +, another path and its own.", show_default=False
        ),
    ] = None,
    *,
    portal: PortalOption = None,
    server: ServerOption = None,
    user: UserOption = None,
    password_env: PasswordEnvOption = None,
    auth: AuthOption = None,
    select: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these properties of the result, with commas between.")
    ] = None,
    json_params: Annotated[
        str | None, typer.Option(metavar="JSON", help="Parameters as a JSON object; - reads it from standard input.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="SECONDS", help="For the request.  [default: 30]", show_default=False),
    ] = None,
    is_explained: Annotated[bool, typer.Option("--explain", help="Tell what would be sent, and send nothing.")] = False,
) -> None:
    """Call services of a portal, and write the result as JSON.

    NAME=VALUE is text as it stands, which the portal converts. NAME:=VALUE is JSON: a number, a list, an object, null.
    Calls with a + between travel in one request.

    \b
    Examples:
      aioliferay call /user/get-user-by-id userId=20199 --portal staging
      aioliferay call user.get_user_by_id user_id=20199 --select firstName
      aioliferay call /portal/get-build-number + /user/get-current-user
      aioliferay call /user/get-group-users groupId=20182 --explain
    """  # noqa: D301 - typer wants the character itself
    wish = Wish(portal, server, user, password_env, auth)
    wish.check()
    asked, names = _understood([path, *(arguments or [])], json_params, select)
    from aioliferay import _call_jobs  # noqa: PLC0415 - the other commands start without it

    screen = Screen()
    with ended_well():
        if is_explained:
            target = chosen(wish.portal, wish.server)
            screen.show(run(lambda _: _call_jobs.explained(target, asked, names)))
            return
        access = access_of(wish)

        async def job(_: Interruption) -> None:
            await _call_jobs.call(access.session(timeout=timeout), access, asked, screen=screen, select=names)

        with access.refusals_told():
            run(job)


def whoami(  # noqa: PLR0913 - the options of a command
    *,
    portal: PortalOption = None,
    server: ServerOption = None,
    user: UserOption = None,
    password_env: PasswordEnvOption = None,
    auth: AuthOption = None,
    is_json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Tell who you are to a portal, and which version it is.

    \b
    Examples:
      aioliferay whoami --portal staging
      aioliferay whoami --server http://localhost:8080 --json
    """  # noqa: D301 - typer wants the character itself
    wish = Wish(portal, server, user, password_env, auth)
    wish.check()
    from aioliferay import _call_jobs  # noqa: PLC0415 - as above

    with ended_well():
        access = access_of(wish)
        with access.refusals_told():
            person, version = run(lambda _: _call_jobs.who(access))
        told = _call_jobs.identity(access, person, version)
        screen = Screen()
        if is_json:
            screen.show_json(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for line in _call_jobs.card(told, access.told):
            screen.say(line)


def _understood(arguments: list[str], document: str | None, select: str | None) -> tuple[list[Asked], list[str] | None]:
    from aioliferay import _call_arguments  # noqa: PLC0415 - as above

    try:
        asked = _call_arguments.parsed(arguments, sys.stdin.read() if document == "-" else document)
        names = None if select is None else _call_arguments.names(select)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if names is not None and len(asked) > 1:
        raise typer.BadParameter("it goes with one call, and there are more", param_hint="'--select'")
    return asked, names
