"""Where passwords, client secrets and tokens come from, in which order, and where they are kept. Signs nobody in."""

from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from aioliferay import _keyring
from aioliferay._terminal import CommandError, Screen, password_in
from aioliferay.auth import OAuth2Token

if TYPE_CHECKING:
    from aioliferay._portals import NamedPortal

USER: Final = "AIOLIFERAY_USER"
PASSWORD: Final = "AIOLIFERAY_PASSWORD"  # noqa: S105 - the name of a variable
CLIENT_SECRET: Final = "AIOLIFERAY_CLIENT_SECRET"  # noqa: S105 - as above
KEYRING: Final = "the keyring"
_GROUP_AND_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_TOLD_OF_TOKENS: Final = ("access_token", "refresh_token", "expires_at", "lifetime", "scope")


@dataclass(frozen=True, slots=True)
class Secret:
    """A password or a client's secret, whose it is, and where it came from, in words."""

    user: str
    value: str = field(repr=False)
    source: str


def service_of(portal: NamedPortal, what: str = "") -> str:
    """Return under which name the keyring keeps passwords for a portal; or `what`, such as "token".

    They are kept apart: a keyring that is asked for anybody's password of a service may answer with whatever it has of it.
    """
    return f"aioliferay{f'-{what}' if what else ''}:{portal.server}"


def user_of(portal: NamedPortal, user: str | None) -> str:
    """Return who calls: by the option, the environment, or the file; "" if nobody says."""
    return user or os.environ.get(USER) or portal.user


def password_of(portal: NamedPortal, user: str | None, password_env: str | None) -> Secret | None:
    """Return the password of whoever calls: by the options, the environment, the keyring, or `~/.netrc`; None for a guest.

    A password that belongs to another user is never taken: a portal may lock an account after some wrong ones.

    Raises:
        CommandError: a user has no password, a password has no user, or a source cannot be used.
    """
    wanted = user_of(portal, user)
    if password_env is not None:
        password = password_in(password_env)
        if not wanted:
            raise CommandError(f"--password-env names a password, and nobody says whose: add --user, or export {USER}")
        return Secret(wanted, password, "--password-env")
    found = _from_environment(wanted) or _from_keyring(portal, wanted) or _from_netrc(portal, wanted)
    if found is None and wanted:
        missing = f"there is no password for {wanted!r} at {portal.server}"
        remedy = f"`{login_line(portal, wanted)}` keeps one in the keyring, or export {PASSWORD}"
        if user or os.environ.get(USER):
            raise CommandError(f"{missing}: {remedy}, or name the variable that holds it with --password-env")
        Screen().warn(f"note: {missing}, so calls are a guest's: {remedy}")
    return found


def client_secret_of(portal: NamedPortal) -> Secret | None:
    """Return the secret of the portal's OAuth 2 client: from the environment, or from the keyring."""
    if secret := os.environ.get(CLIENT_SECRET):
        return Secret(portal.client_id, secret, CLIENT_SECRET)
    found = _keyring.read(service_of(portal, "client-secret"), portal.client_id)
    return None if found is None else Secret(portal.client_id, found[1], KEYRING)


def token_of(portal: NamedPortal) -> OAuth2Token | None:
    """Return the access token that is kept for the portal, if there is one."""
    found = _keyring.read(service_of(portal, "token"), portal.client_id)
    try:
        told: Any = json.loads(found[1]) if found else None
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    fields = cast("dict[str, Any]", told)
    known = {name: fields[name] for name in _TOLD_OF_TOKENS if fields.get(name) is not None}
    is_text = all(isinstance(known.get(name, ""), str) for name in ("access_token", "refresh_token", "scope"))
    is_number = all(isinstance(known.get(name, 0.0), int | float) for name in ("expires_at", "lifetime"))
    return OAuth2Token(**known) if known.get("access_token") and is_text and is_number else None


def keep_token(portal: NamedPortal, token: OAuth2Token) -> None:
    """Keep an access token in the keyring.

    Raises:
        CommandError: there is none, or it does not take it.
    """
    told = {name: getattr(token, name) for name in _TOLD_OF_TOKENS}
    document = {name: value for name, value in told.items() if value != math.inf}  # JSON knows no infinity
    _keyring.keep(service_of(portal, "token"), portal.client_id, json.dumps(document))


def login_line(portal: NamedPortal, user: str = "") -> str:
    """Return the command that keeps a password for the portal, ready to be typed."""
    is_told = not user or user == portal.user
    return f"aioliferay login {portal.option}{'' if is_told else f' --user {user}'}"


def _from_environment(wanted: str) -> Secret | None:
    password = os.environ.get(PASSWORD)
    if not password:
        return None
    if not wanted:
        raise CommandError(f"{PASSWORD} is set, and nobody says whose it is: export {USER}, or add --user")
    owner = os.environ.get(USER) or wanted
    return Secret(wanted, password, PASSWORD) if owner == wanted else None


def _from_keyring(portal: NamedPortal, wanted: str) -> Secret | None:
    found = _keyring.read(service_of(portal), wanted or None)
    return None if found is None else Secret(*found, KEYRING)


def _from_netrc(portal: NamedPortal, wanted: str) -> Secret | None:
    """Return the entry of the portal's host; the entry `default` is for anybody, and so for no portal."""
    file = Path("~/.netrc").expanduser()
    login, password = _entry_of(file, urlsplit(portal.server).hostname or "")
    if not login or not password or (wanted and login != wanted):
        return None
    _check_private(file)
    return Secret(login, password, "~/.netrc")


def _entry_of(file: Path, host: str) -> tuple[str, str]:
    import netrc  # noqa: PLC0415 - only those need it who are still without a password

    try:
        login, _, password = netrc.netrc(str(file)).hosts.get(host, ("", "", ""))
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}; --auth none does without the file") from None
    except netrc.NetrcParseError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        # Its own text is not shown: it may hold a password.
        raise CommandError(
            f"{file}{line} is no netrc: an entry reads machine HOST login USER password PASSWORD, and what holds spaces "
            'or "#" stands in double quotes; --auth none does without the file'
        ) from None
    except ValueError:
        raise CommandError(f"{file} is no text in UTF-8: save it as such; --auth none does without the file") from None
    return login or "", password or ""


def _check_private(file: Path) -> None:
    """Refuse a file that others may read, or write.

    Raises:
        CommandError: it is one.
    """
    if os.name != "posix":
        return
    status = file.stat()
    if status.st_uid != os.getuid():
        raise CommandError(f"{file} belongs to another user: it must be yours before its passwords are used")
    if status.st_mode & _GROUP_AND_OTHERS:
        raise CommandError(f"{file} is open to other users: chmod 600 {file}, and change the passwords that others saw")
