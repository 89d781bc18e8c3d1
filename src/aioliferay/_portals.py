"""Named portals: the file in which they stand, what it may say, and which portal is meant. Holds no secret, by its law."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from aioliferay._core.naming import nearest
from aioliferay._options import root_of
from aioliferay._terminal import URL_WITH_CREDENTIALS, CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "AIOLIFERAY_CONFIG"
_NAME: Final = "aioliferay.toml"
_TEXTS: Final = (
    "server",
    "user",
    "auth",
    "client_id",
    "scope",
    "redirect_uri",
    "authorize_url",
    "token_url",
)
_KEYS: Final = (*_TEXTS, "timeout")
_SECRET: Final = re.compile(r"passw|passphrase|pwd|secret|token|credential|apikey")


class Kind(StrEnum):
    """Kinds of authentication."""

    SIGN_IN = "sign-in"
    BASIC = "basic"
    OAUTH2_CLIENT = "oauth2-client"
    OAUTH2_CODE = "oauth2-code"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class NamedPortal:
    """A portal, as the file describes it, or as it is given by its URL, without a name then.

    Attributes:
        server: URL of its root.
        name: in the file.
        user: who calls, if the file says so.
        auth: the kind of authentication, if the file says so.
        client_id: of an OAuth 2 application, and the other settings of OAuth 2: `scope` to `token_url`.
        timeout: seconds for each request.
    """

    server: str
    name: str = ""
    user: str = ""
    auth: Kind | None = None
    client_id: str = ""
    scope: str = ""
    redirect_uri: str = ""
    authorize_url: str = ""
    token_url: str = ""
    timeout: float | None = None

    @property
    def option(self) -> str:
        """The option that names it."""
        return f"--portal {shlex.quote(self.name)}" if self.name else f"--server {shlex.quote(self.server)}"


@dataclass(frozen=True, slots=True)
class PortalFile:
    """What the file says: portals by name, and the one that is meant if none is named, if there is one."""

    path: Path
    is_there: bool = False
    portals: Mapping[str, NamedPortal] = field(default_factory=dict[str, NamedPortal])
    default: str = ""


def chosen(name: str | None, server: str | None) -> NamedPortal:
    """Return the portal of that name or at that URL; without either, the file's default.

    Raises:
        CommandError: there is none, the URL cannot work, or the file cannot be used.
    """
    if server is not None:
        return NamedPortal(_root(server))
    file = read()
    if name is None and not file.default:
        raise CommandError(
            f"which portal? give --server URL, or --portal NAME, or write default = NAME into {file.path}; "
            f"`aioliferay portals` lists those that have names"
        )
    portal = file.portals.get(name or file.default)
    if portal is not None:
        return portal
    meant = nearest(name or "", file.portals)
    if not file.is_there:
        more = "there is no such file yet; `aioliferay portals` shows what it may say"
    elif meant:
        more = f"did you mean {meant!r}?"
    else:
        more = f"it has {', '.join(file.portals) or 'none at all'}"
    raise CommandError(f"no portal is called {name!r} in {file.path}: {more}")


def read() -> PortalFile:
    """Return what the file says; nothing, if it is not there.

    Raises:
        CommandError: it cannot be read, or says what it may not; the text names the place, and shows no value.
    """
    import tomllib  # noqa: PLC0415 - only those who name portals need it

    path = place()
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if os.environ.get(VARIABLE):
            raise CommandError(f"{VARIABLE} names {path}, which is not there: write it, or unset the variable") from None
        return PortalFile(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is no text in UTF-8: save it as such") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at .*\)$", str(error))
        raise CommandError(
            f"{path} is no TOML{f' {where[0]}' if where else ''}: texts stand in quotes, a portal begins with [portals.NAME]"
        ) from None
    return _understood(told, path)


def place() -> Path:
    """Return where the file is, or would be."""
    if told := os.environ.get(VARIABLE):
        return Path(told).expanduser()
    try:
        import platformdirs  # noqa: PLC0415 - as above
    except ImportError:
        raise CommandError(
            "named portals need platformdirs, which is not installed: pip install 'aioliferay[cli]'"
        ) from None
    return platformdirs.user_config_path("aioliferay", appauthor=False) / _NAME


def _understood(told: dict[str, Any], path: Path) -> PortalFile:
    _refuse_secrets(told, str(path))
    _refuse_unknown(told, ("default", "portals"), str(path))
    portals: dict[str, NamedPortal] = {}
    tables = told.get("portals", {})
    if not isinstance(tables, dict):
        raise CommandError(f"{path}: portals must be tables that begin with [portals.NAME]")
    for name, table in cast("dict[str, Any]", tables).items():
        where = f"{path}: [portals.{name}]"
        if not isinstance(table, dict) or not name:
            raise CommandError(f"{path}: {name!r} in portals must be a table that begins with [portals.NAME]")
        portals[name] = _portal(name, cast("dict[str, Any]", table), where)
    default = told.get("default", "")
    if not isinstance(default, str) or (default and default not in portals):
        raise CommandError(
            f"{path}: default must be the name of a portal of the file: {', '.join(portals) or 'it has none'}"
        )
    return PortalFile(path, True, portals, default)  # noqa: FBT003 - it is there


def _portal(name: str, table: dict[str, Any], where: str) -> NamedPortal:
    _refuse_unknown(table, _KEYS, where)
    for key in _TEXTS:
        if not isinstance(table.get(key, ""), str):
            raise CommandError(f"{where}: {key} must be text, in quotes")
    timeout = table.get("timeout")
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and timeout > 0):
        raise CommandError(f"{where}: timeout must be a number of seconds, without quotes")
    if not table.get("server"):
        raise CommandError(f'{where} has no server: add a line such as server = "http://localhost:8080"')
    if "auth" in table and table["auth"] not in set(Kind):
        raise CommandError(f"{where}: auth must be one of {', '.join(Kind)}")
    try:
        table["server"] = _root(table["server"])
    except CommandError as error:
        raise CommandError(f"{where}: {error}") from None
    if "auth" in table:
        table["auth"] = Kind(table["auth"])
    return NamedPortal(name=name, **table)


def _refuse_unknown(table: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            meant = nearest(key, known)
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(known)}"
            raise CommandError(f"{where} has a key {key!r}, which means nothing: {hint}")


def _refuse_secrets(table: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _refuse_secrets(cast("dict[str, Any]", value), f"{where}: [{key}]")
        elif key not in _KEYS and _SECRET.search(re.sub(r"[^a-z]", "", key.lower())):
            raise CommandError(
                f"{where} holds a secret, {key!r}: take it out of the file, and change it where others could read it; "
                "`aioliferay login` keeps a password in the keyring"
            )


def _root(server: str) -> str:
    if "@" in server:
        raise CommandError(URL_WITH_CREDENTIALS)
    try:
        return root_of(server)
    except ValueError as error:
        raise CommandError(str(error)) from None
