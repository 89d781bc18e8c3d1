"""The command line: all commands of `aioliferay`, and those two that run a portal of their own: demo and serve."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

import anyio

try:
    import typer

    from aioliferay._terminal import NO_RETRY, CommandError, InterruptedBySignal, Screen, ended_well, run
except ImportError as _error:
    _missing = (_error.name or "more").partition(".")[0]
    raise SystemExit(f"the command line needs {_missing}, which is not installed: pip install 'aioliferay[cli]'") from None

from aioliferay import (
    AccessDeniedError,
    LiferayError,
    NoSuchServiceError,
    Session,
    _call_commands,
    _catalog_commands,
    _demo,
    _portal_commands,
    _run_commands,
)
from aioliferay._access import Access, PortalOption, Wish, access_of, plain_access

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from aioliferay.testing import FakePortal

_PASSWORD_SECONDS: Final = 0.11
_ADMINISTRATOR: Final = ("test@liferay.com", "test")
_REMEDIES: Final[Mapping[type[LiferayError], str]] = {
    AccessDeniedError: "choose a --site where the user may add bookmarks folders, or another --user",
    NoSuchServiceError: "is the server a Liferay 6.2?",
}


class PortalVersion(StrEnum):
    """The portals that can be served."""

    V6_2 = "6.2"
    V7_0 = "7.0"
    V7_4 = "7.4"


app: typer.Typer = typer.Typer(
    name="aioliferay",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line, and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted (143 by SIGTERM)."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a stream put in its place may lack it
    app(prog_name="aioliferay")


def _tell_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if is_wanted:
        Screen().say(f"aioliferay {version('aioliferay')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    is_version_wanted: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version and exit.")
    ] = False,
) -> None:
    """Call Liferay's JSON web services, look at them, and develop against a portal without having one."""


@app.command()
def demo(
    server: Annotated[str | None, typer.Option(help="URL of a real Liferay 6.2.", metavar="URL")] = None,
    portal: PortalOption = None,
    user: Annotated[str | None, typer.Option(help="User on that portal, usually an e-mail address.")] = None,
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="Name of the environment variable with the user's password.")
    ] = None,
    site: Annotated[
        int | None, typer.Option(min=1, metavar="ID", help="Site to work in.  [default: the user's own]", show_default=False)
    ] = None,
) -> None:
    """Do the same work in one batch and one by one, and compare.

    Without options, against a portal that comes with aioliferay: twenty blog entries are deleted. With --server or --portal,
    against a real Liferay 6.2: twenty bookmarks folders are added and deleted again, also if you press Ctrl-C.

    \b
    Examples:
      aioliferay demo
      aioliferay demo --server http://localhost:8080 \\
          --user test@liferay.com --password-env LIFERAY_PASSWORD
    """  # noqa: D301 - typer wants the character itself
    wish = Wish(portal, server, user, password_env)
    wish.check()
    if server is None and portal is None:
        for name, value in (("--user", user), ("--password-env", password_env), ("--site", site)):
            if value is not None:
                raise typer.BadParameter("it goes with --server: name the portal, too", param_hint=f"'{name}'")
        with ended_well(_REMEDIES):
            _demo_embedded(Screen())
        return
    for name, value in (("--user", user), ("--password-env", password_env)):
        if value is None and portal is None:
            raise typer.BadParameter("a real portal needs it: who are you there?", param_hint=f"'{name}'")
    with ended_well(_REMEDIES):
        access = access_of(wish) if server is None else plain_access(server, user, password_env)
        with access.refusals_told():
            _demo_real(Screen(), access, site=site)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")] = 8080,
    portal_version: Annotated[
        PortalVersion, typer.Option("--version", help="Liferay version to answer like.")
    ] = PortalVersion.V6_2,
) -> None:
    """Run a portal in memory for development, until Ctrl-C.

    \b
    Examples:
      aioliferay serve
      aioliferay serve --port 8081 --version 7.4
    """  # noqa: D301 - typer wants the character itself
    with ended_well(), suppress(InterruptedBySignal, KeyboardInterrupt):
        portal = _fake_portal(portal_version.value)
        with _without_proxy(host), _listening(portal, host, port) as url:
            run(partial(_serve_until_stopped, portal, url, Screen()))


for _command in (
    _catalog_commands.discover,
    _catalog_commands.generate,
    _call_commands.call,
    _run_commands.run,
    _call_commands.whoami,
    _portal_commands.portals,
    _portal_commands.login,
    _portal_commands.logout,
):
    app.command()(_command)


def _demo_embedded(screen: Screen) -> None:
    portal = _fake_portal("6.2", password_cost=_PASSWORD_SECONDS)
    with _without_proxy("127.0.0.1"), portal.serve() as url:
        screen.say(f"Portal: aioliferay's stand-in for Liferay 6.2, at {url}")
        screen.say(f"It takes {_PASSWORD_SECONDS} s to check a password, as measured on a real portal.")
        screen.say()

        async def job(_: _demo.Interruption) -> None:
            meter = _demo.Meter()
            async with Session(url, auth=_ADMINISTRATOR, hooks=[meter], retry=NO_RETRY) as session:
                await _demo.delete_entries(session, meter, screen)

        run(job)


def _demo_real(screen: Screen, access: Access, *, site: int | None) -> None:
    async def job(interruption: _demo.Interruption) -> None:
        meter = _demo.Meter()
        async with access.session([meter]) as session:
            visit = await _demo.arrive(session, site)
            screen.say(f"Portal: build {visit.build} at {session.server}, user {visit.user_id}, site {visit.site}")
            screen.say()
            await _demo.add_and_delete_folders(session, meter, screen, site=visit.site, interruption=interruption)

    run(job)


async def _serve_until_stopped(portal: FakePortal, url: str, screen: Screen, _: _demo.Interruption) -> None:
    near = url.replace("//0.0.0.0:", "//127.0.0.1:")
    path = "/blogs.blogsentry/get-group-entries" if portal.version == "7.4" else "/blogsentry/get-group-entries"
    async with Session(near, auth=_ADMINISTRATOR) as session:
        window = {"groupId": _demo.GUEST_SITE, "status": 0, "start": -1, "end": -1}
        entries = await session.call(path, window, select=["entryId"], returns=list[_demo.Entry])
    ids = [entry.entry_id for entry in entries]
    portal.requests.clear()
    portal.executions.clear()
    for line in _welcome(portal.version, url, near):
        screen.say(line)
    screen.say(f"Blog    {len(ids)} entries in site 20182: entryId {min(ids)} to {max(ids)}")
    for line in _suggestions(near):
        screen.say(line)
    await anyio.sleep_forever()


def _welcome(portal_version: str, url: str, near: str) -> Iterator[str]:
    yield f"A stand-in for Liferay {portal_version} answers at {url} until Ctrl-C."
    yield "It keeps everything in memory: the next start begins afresh."
    if not _is_loopback(near) or near != url:
        yield "Other computers may reach it, and its passwords are no secret."
    yield ""
    yield "Users   test@liferay.com / test  administrator, userId 20199, contactId 20200"
    yield "        joe@liferay.com / joe    ordinary user, userId 20514"
    yield "Sites   20182 (Guest), 20201 (the administrator's own), in company 20155"


def _suggestions(url: str) -> Iterator[str]:
    batch = '[{"/portal/get-build-number":{}},{"/user/get-current-user":{}}]'
    yield ""
    yield "What to type next, in another terminal; one call, and two in one request:"
    yield ""
    yield f"curl -u joe@liferay.com:joe {url}/api/jsonws/user/get-current-user"
    yield f"curl -u joe@liferay.com:joe -d 'cmd={batch}' {url}/api/jsonws/invoke"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fake_portal(portal_version: Literal["6.2", "7.0", "7.4"], *, password_cost: float = 0.0) -> FakePortal:
    try:
        from aioliferay.testing import FakePortal  # noqa: PLC0415 - a demo against a real portal starts without it
    except ImportError as error:
        raise CommandError(f"the portal needs {error.name}, which is not installed: pip install 'aioliferay[cli]'") from None
    return FakePortal(portal_version, password_cost=password_cost)


@contextmanager
def _listening(portal: FakePortal, host: str, port: int) -> Generator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(portal.serve(host=host, port=port))
        except OSError as error:
            # Python adds the address to the text of some, the system's own text is shorter.
            is_own = isinstance(error, socket.gaierror) or error.errno is None
            reason = error.strerror if is_own else os.strerror(error.errno or 0)
            raise CommandError(
                f"cannot listen at {host}, port {port}: {reason}; choose another with --port or --host"
            ) from None
        yield url


@contextmanager
def _without_proxy(host: str) -> Generator[None]:
    """Keep the HTTP library from taking a proxy of the environment to this computer itself."""
    before = os.environ.get("no_proxy")
    others = before or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = f"{others},{host}" if others else host
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before
