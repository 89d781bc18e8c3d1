"""The commands `discover` and `generate`: their options, and what of these goes together."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from aioliferay._access import PortalOption, access_of, plain_access
from aioliferay._access import Wish as Way
from aioliferay._portals import Kind
from aioliferay._terminal import Screen, ended_well, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioliferay._catalog_jobs import Source
    from aioliferay._demo import Interruption


class CatalogVersion(StrEnum):
    """The portals whose services come with aioliferay."""

    V6_2 = "6.2"
    V7_0 = "7.0"
    V7_1 = "7.1"
    V7_2 = "7.2"
    V7_3 = "7.3"


_Server = Annotated[str | None, typer.Option("--server", metavar="URL", help="Ask the portal at this URL.")]
_File = Annotated[
    Path | None,
    typer.Option("--catalog", metavar="FILE", help="Read a portal's answer to /api/jsonws?discover from a file."),
]
_Contexts = Annotated[
    list[str] | None,
    typer.Option("--context", metavar="CTX", help="Only services of this context; core is the portal's own. Repeatable."),
]
_User = Annotated[str | None, typer.Option(help="User to ask as.  [default: a guest]", show_default=False)]
_PasswordEnv = Annotated[
    str | None, typer.Option(metavar="VAR", help="Name of the environment variable with the user's password.")
]


def discover(  # noqa: PLR0913 - the options of a command
    *,
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help="Name, or part of a name.  [default: all services]", show_default=False),
    ] = None,
    portal_version: Annotated[
        CatalogVersion | None,
        typer.Option(
            "--version", help="Liferay version, of those that aioliferay knows.  [default: 6.2]", show_default=False
        ),
    ] = None,
    server: _Server = None,
    portal: PortalOption = None,
    catalog: _File = None,
    context: _Contexts = None,
    is_json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
    user: _User = None,
    password_env: _PasswordEnv = None,
) -> None:
    """List, search and show the services of a portal.

    One service is shown with its methods, one method with its parameters, and more as a table. A name may be spelt as in
    Java, in Python or in a path, and hold * and ?.

    \b
    Examples:
      aioliferay discover --version 6.2 blogs
      aioliferay discover blogsentry.get_entry
      aioliferay discover /blogsentry/get-entry --json
      aioliferay discover --server http://localhost:8080 --context blogs
    """  # noqa: D301 - typer wants the character itself
    wish = _Wish(portal_version, server, portal, catalog, context or (), user, password_env)
    if wish.is_open:
        wish = wish._replace(version=CatalogVersion.V6_2)
    wish.check()
    from aioliferay import _catalog_jobs  # noqa: PLC0415 - the other commands start without it

    with ended_well():
        screen = Screen()
        _catalog_jobs.discover(wish.source(screen), pattern, screen, is_json=is_json)


def generate(  # noqa: PLR0913 - the options of a command
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the package to write.")],
    portal_version: Annotated[
        CatalogVersion | None, typer.Option("--version", help="Liferay version, of those that aioliferay knows.")
    ] = None,
    server: _Server = None,
    portal: PortalOption = None,
    catalog: _File = None,
    context: _Contexts = None,
    service: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only services called so, such as 'blogs*'. Repeatable.")
    ] = None,
    is_check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if files differ, and list them.")
    ] = False,
    user: _User = None,
    password_env: _PasswordEnv = None,
) -> None:
    """Write typed services for a portal and its plugins.

    They become a Python package. Files in the folder that were not generated are never overwritten.

    \b
    Examples:
      aioliferay generate --server http://localhost:8080 --out src/shop/liferay
      aioliferay generate --server http://localhost:8080 \\
          --context sample-portlet --out src/shop/liferay --check
      aioliferay generate --version 6.2 --service 'blogs*' --out typed
    """  # noqa: D301 - typer wants the character itself
    wish = _Wish(portal_version, server, portal, catalog, context or (), user, password_env)
    wish.check()
    from aioliferay import _catalog_jobs  # noqa: PLC0415 - the other commands start without it

    with ended_well():
        screen = Screen()
        _catalog_jobs.generate(wish.source(screen), out, service or (), screen, is_check=is_check)


class _Wish(NamedTuple):
    """Whose services a command is to work with."""

    version: CatalogVersion | None
    server: str | None
    portal: str | None
    catalog: Path | None
    contexts: Sequence[str]
    user: str | None
    password_env: str | None

    @property
    def is_open(self) -> bool:
        """Whether nothing says whose services are meant."""
        return (self.version, self.server, self.portal, self.catalog).count(None) == 4

    def check(self) -> None:
        """Refuse what does not go together."""
        if (self.version, self.server, self.portal, self.catalog).count(None) != 3:
            hint = "'--version' / '--server' / '--portal' / '--catalog'"
            raise typer.BadParameter("one of them says whose services", param_hint=hint)
        for name, value, other in (
            ("--user", self.user, self.password_env),
            ("--password-env", self.password_env, self.user),
        ):
            if value is not None and self.server is None and self.portal is None:
                raise typer.BadParameter("it goes with --server: name the portal, too", param_hint=f"'{name}'")
            if value is None and other is not None and self.portal is None:
                raise typer.BadParameter("a user has a password: name both, or none", param_hint=f"'{name}'")

    def source(self, screen: Screen) -> Source:
        """Return the services: read from the library, a file, or a portal."""
        from aioliferay import _catalog_jobs  # noqa: PLC0415 - as above

        if self.version is not None:
            return _catalog_jobs.from_shipped(self.version.value, self.contexts)
        if self.catalog is not None:
            return _catalog_jobs.from_file(self.catalog, self.contexts)
        if self.server is not None:
            access = plain_access(self.server, self.user, self.password_env)
        else:
            access = access_of(Way(self.portal, None, self.user, self.password_env))

        async def job(_: Interruption) -> Source:
            async with access.session() as session:
                return await _catalog_jobs.from_portal(session, self.contexts, screen, is_guest=access.kind is Kind.NONE)

        with access.refusals_told():
            return run(job)
