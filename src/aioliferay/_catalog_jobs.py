"""What `aioliferay discover` and `aioliferay generate` do with a portal's services. Knows where catalogs come from, and their
own words for what goes wrong; does not know the command line.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from aioliferay import AccessDeniedError, AuthenticationError, CatalogError, ConnectError, LiferayError, TransportError
from aioliferay._core.catalog import Catalog
from aioliferay._core.version import KNOWN
from aioliferay._finding import find, nearest
from aioliferay._showing import document, shown
from aioliferay._terminal import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from aioliferay import Session
    from aioliferay._terminal import Screen

CORE: Final = "core"
"""How the command line calls the context without a name."""

_DISCOVERY: Final = "/api/jsonws?discover=/*"
_NO_DISCOVERY: Final = (
    f"the services are read from {_DISCOVERY} of --server, which must be the root of a portal whose discovery is not switched "
    "off (jsonws.web.service.api.discoverable); with --catalog they are read from a file, with --version from aioliferay itself"
)


class Source(NamedTuple):
    """Services, and whose they are.

    Attributes:
        catalog: the services.
        title: whose they are, for people: `Liferay 6.2`.
        version: the Liferay version, such as "6.2"; "" if nothing tells it.
        is_shipped: whether they come with the library.
    """

    catalog: Catalog
    title: str
    version: str = ""
    is_shipped: bool = False


def from_shipped(version: str, contexts: Sequence[str]) -> Source:
    """Return the services of a Liferay version, of these contexts or of all.

    Raises:
        CommandError: there is no such context.
    """
    from aioliferay import catalogs  # noqa: PLC0415 - a demo starts without it

    title = f"Liferay {version}"
    return Source(_narrowed(catalogs.shipped(version), contexts, title), title, version, is_shipped=True)


def from_file(file: Path, contexts: Sequence[str]) -> Source:
    """Return the services in a file, of these contexts or of all.

    Raises:
        CommandError: it holds no catalog, or no such context.
    """
    from aioliferay import catalogs  # noqa: PLC0415 - as above

    remedy = f"--catalog takes a file with the answer of a portal to {_DISCOVERY}"
    try:
        catalog = catalogs.from_file(file)
    except OSError as error:
        raise CommandError(f"the catalog {file} cannot be read: {error.strerror or error}; {remedy}") from None
    except (EOFError, zlib.error) as error:
        raise CommandError(f"the catalog {file} cannot be decompressed: {error}; {remedy}") from None
    except CatalogError as error:
        raise CommandError(f"{file} is no catalog: {error}; {remedy}") from None
    title = str(file)
    return Source(_narrowed(catalog, contexts, title), title, str(catalog.portal_version or ""))


async def from_portal(session: Session, contexts: Sequence[str], screen: Screen, *, is_guest: bool) -> Source:
    """Ask a portal for its services of these contexts; without any, of its core, and say so if it has others.

    Raises:
        CommandError: it tells none; the text says why, and what to do.
        LiferayError: no answer, or the user is not known.
    """
    try:
        catalog = await session.discover(*(_name_of(context) for context in contexts))
    except (AuthenticationError, AccessDeniedError) as error:
        if isinstance(error, AuthenticationError) and not is_guest:
            raise
        raise CommandError(
            f"{error.message or 'access is denied'}: the portal does not tell its services to everybody; name a user who may "
            "see them with --user and --password-env"
        ) from None
    except TransportError as error:
        remedy = "" if isinstance(error, ConnectError) else "; is the portal running, and well? then try again"
        raise CommandError(f"{error}{remedy}") from None
    except LiferayError as error:
        raise CommandError(f"{str(error)[:250]}; {_NO_DISCOVERY}") from None
    version = session.portal.version
    title = f"{session.server} (Liferay {version})" if version else session.server
    if version is None or version.major > 6:
        if not contexts:
            screen.warn(
                "note: Liferay 7 lists one context at a time, and this is its core; others need --context, such as "
                "--context blogs --context journal"
            )
        _narrowed(catalog, contexts, title)
    return Source(catalog, title, str(version or ""))


def discover(source: Source, pattern: str | None, screen: Screen, *, is_json: bool) -> None:
    """Write what a pattern means, all services without one.

    Raises:
        CommandError: nothing is called like that; the text tells the nearest names.
    """
    found = find(source.catalog, pattern)
    if not found.services and not found.methods:
        raise CommandError(_not_found(source, pattern))
    if is_json:
        screen.hand_over(document(source.catalog, found, version=source.version))
    else:
        for line in shown(source.catalog, found, title=source.title, width=screen.width):
            screen.say(line.text, style=line.style)
    if found.more:
        screen.warn(f"note: {found.more} more names contain it; '*{pattern}*' shows them, too")


def _not_found(source: Source, pattern: str | None) -> str:
    if pattern is None:
        return f"{source.title} lists no services: {_NO_DISCOVERY}"
    told = f"no service and no method of {source.title} is called like {pattern!r}"
    close = nearest(source.catalog, pattern)
    if close:
        return f"{told}; nearest: {', '.join(close)}"
    if source.is_shipped:
        others = [version for version in KNOWN if version != source.version and _is_known(version, pattern)]
        if others:
            return f"{told}; other versions have it: {', '.join(f'--version {version}' for version in others)}"
    return f"{told}, and none nearly so; without a name all services are listed"


def _is_known(version: str, pattern: str) -> bool:
    found = find(from_shipped(version, ()).catalog, pattern)
    return bool(found.services or found.methods)


def _name_of(context: str) -> str:
    return "" if context == CORE else context


def _narrowed(catalog: Catalog, contexts: Iterable[str], title: str) -> Catalog:
    """Return the services of some contexts only; all without any.

    Raises:
        CommandError: one of them has none.
    """
    wanted = {_name_of(context) for context in contexts}
    if not wanted:
        return catalog
    known = {action.context for action in catalog.actions}
    if unknown := sorted(wanted - known):
        listed = ", ".join(sorted(name or CORE for name in known)) or "none"
        raise CommandError(
            f"{title} has no services in context {unknown[0]!r}: it is the part before the dot in a service's name, as in "
            f"blogs.blogsentry; there are: {listed}"
        )
    return Catalog.model_construct(
        actions=tuple(action for action in catalog.actions if action.context in wanted),
        types=catalog.types,
        version=catalog.version,
        contexts=frozenset(wanted),
    )
