"""The commands `portals`, `login` and `logout`: what is known of portals on this computer, and what the keyring holds."""

from __future__ import annotations

import getpass
import json
import signal
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aioliferay import _credentials as credentials
from aioliferay import _keyring, _portals
from aioliferay._access import (
    Access,
    AuthOption,
    PortalOption,
    ServerOption,
    UserOption,
    Wish,
    client_access,
    code_access,
    kind_of,
    password_access,
)
from aioliferay._portals import Kind
from aioliferay._terminal import CommandError, InterruptedBySignal, Screen, ended_well, run
from aioliferay.errors import AccessDeniedError, NoSuchServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioliferay._demo import Interruption
    from aioliferay._portals import NamedPortal, PortalFile

_EXAMPLE: Final = """\
default = "staging"

[portals.staging]
server = "https://staging.example.com"
user = "joe@example.com"
"""


def portals(*, is_json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False) -> None:
    """List the portals that have names, and tell their file.

    \b
    Examples:
      aioliferay portals
      aioliferay portals --json
    """  # noqa: D301 - typer wants the character itself
    with ended_well():
        screen = Screen()
        file = _portals.read()
        if is_json:
            screen.show_json(json.dumps(_document(file), ensure_ascii=False, indent=2))
            return
        for line in _listed(file):
            screen.say(line)


def login(
    *,
    portal: PortalOption = None,
    server: ServerOption = None,
    user: UserOption = None,
    auth: AuthOption = None,
) -> None:
    """Ask for a password, try it once, and keep it in the keyring.

    Where the portal's kind of authentication is oauth2-client, the client's secret is asked for, and where it is
    oauth2-code, your browser asks you. In a pipe, the password is read from standard input.

    \b
    Examples:
      aioliferay login --portal staging
      aioliferay login --server http://localhost:8080 --user test@liferay.com
    """  # noqa: D301 - typer wants the character itself
    wish = Wish(portal, server, user, auth=auth)
    wish.check()
    with ended_well():
        target = _portals.chosen(wish.portal, wish.server)
        kind = kind_of(target, wish)
        if kind is Kind.NONE:
            raise CommandError(f"{target.option} is used as a guest, who has no password: add --auth sign-in")
        backend = _keyring.required()
        told = _logged_in(target, kind, wish)
        Screen().say(f"{told} for {target.server}, in the keyring ({_keyring.name_of(backend)})")


def logout(
    *,
    portal: PortalOption = None,
    server: ServerOption = None,
    user: UserOption = None,
) -> None:
    """Remove from the keyring what `login` keeps there for a portal.

    \b
    Examples:
      aioliferay logout --portal staging
    """  # noqa: D301 - typer wants the character itself
    wish = Wish(portal, server, user)
    wish.check()
    with ended_well():
        target = _portals.chosen(wish.portal, wish.server)
        _keyring.required()
        removed = list(_removed(target, credentials.user_of(target, wish.user)))
        Screen().say(f"{', '.join(removed) or 'nothing'} removed for {target.server}")


def _logged_in(target: NamedPortal, kind: Kind, wish: Wish) -> str:
    """Try credentials once, keep them, and return what is kept, in words."""
    if kind is Kind.OAUTH2_CODE:
        access = code_access(target, None, may_ask=True)
        _try(access)
        if not access.auth.is_kept:
            raise CommandError("the portal let you in, and the keyring did not take the token: is it unlocked?")
        return "kept: the access token"
    if kind is Kind.OAUTH2_CLIENT:
        secret = credentials.Secret(target.client_id, _asked(f"Secret of client {target.client_id}"), "what was typed")
        _try(client_access(target, secret))
        _keyring.keep(credentials.service_of(target, "client-secret"), secret.user, secret.value)
        return f"kept: the secret of client {secret.user}"
    user = credentials.user_of(target, wish.user)
    if not user:
        raise CommandError(f"whose password? add --user, or export {credentials.USER}")
    secret = credentials.Secret(user, _asked(f"Password of {user} at {target.server}"), "what was typed")
    _try(password_access(target, kind, secret))
    _keyring.keep(credentials.service_of(target), user, secret.value)
    return f"kept: the password of {user}"


def _try(access: Access) -> None:
    """Make one call.

    Raises:
        CommandError: the portal does not know who calls; nothing is kept.
    """
    from aioliferay import _call_jobs  # noqa: PLC0415 - the other commands start without it

    async def job(_: Interruption) -> None:
        async with access.session() as session:
            with suppress(AccessDeniedError, NoSuchServiceError):  # it knows who calls, and that was the question
                await _call_jobs.current_user(session)

    with access.refusals_told():
        run(job)


def _asked(what: str) -> str:
    """Return what the user types, unseen; in a pipe, the first line."""
    try:
        if sys.stdin is None or not sys.stdin.isatty():
            secret = (sys.stdin.readline() if sys.stdin else "").rstrip("\r\n")
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error", getpass.GetPassWarning)
                secret = getpass.getpass(f"{what}: ")
    except KeyboardInterrupt:
        raise InterruptedBySignal(signal.SIGINT) from None
    except EOFError:
        secret = ""
    except UnicodeDecodeError:
        raise CommandError("what was typed is no text in the terminal's encoding") from None
    except getpass.GetPassWarning:
        raise CommandError("this terminal cannot hide what is typed: give the password in a pipe") from None
    if not secret:
        raise CommandError(f"{what}: nothing was typed, and nothing is kept")
    return secret


def _removed(target: NamedPortal, user: str) -> Iterator[str]:
    service = credentials.service_of(target)
    found = _keyring.read(service, user or None)
    if found is not None and _keyring.remove(service, found[0]):
        yield f"the password of {found[0]}"
    if target.client_id:
        for what, told in (("client-secret", "the client's secret"), ("token", "the access token")):
            if _keyring.remove(credentials.service_of(target, what), target.client_id):
                yield told


def _listed(file: PortalFile) -> Iterator[str]:
    yield f"File: {file.path}{'' if file.is_there else ' (not there yet)'}"
    yield ""
    if not file.portals:
        yield "It names no portal. It could say:"
        yield ""
        yield from _EXAMPLE.splitlines()
        return
    rows = [("", "name", "server", "user", "auth")]
    for each in file.portals.values():
        mark = "*" if each.name == file.default else ""
        rows.append((mark, each.name, each.server, each.user or "-", each.auth or Kind.SIGN_IN))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    if file.default:
        yield ""
        yield "* is meant where none is named"


def _document(file: PortalFile) -> dict[str, object]:
    """Return what `portals --json` writes; the reference of the command line describes its keys."""
    return {
        "file": str(file.path),
        "default": file.default or None,
        "portals": [
            {
                "name": each.name,
                "server": each.server,
                "user": each.user or None,
                "auth": each.auth or Kind.SIGN_IN,
                "client_id": each.client_id or None,
            }
            for each in file.portals.values()
        ],
    }
