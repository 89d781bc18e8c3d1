"""What `aioliferay discover` and `aioliferay generate` do with a portal's services. Knows where catalogs come from, and
tells what goes wrong in words of its own; does not know the command line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from aioliferay._core.catalog import Catalog
from aioliferay._core.version import KNOWN
from aioliferay._finding import find, nearest, services_like
from aioliferay._showing import counted, document, shown
from aioliferay._terminal import CommandError
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    CatalogError,
    ConnectError,
    LiferayError,
    RedirectError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aioliferay import Session
    from aioliferay._terminal import Screen
    from aioliferay.codegen import Differences

CORE: Final = "core"
"""How the command line calls the context without a name."""

_CLASS: Final = re.compile(r"^class (\w+)\(Service\)", re.MULTILINE)
_MODEL: Final = re.compile(r"^class \w+\(Model\)", re.MULTILINE)
_DISCOVERY: Final = "/api/jsonws?discover=/*"
_IS_IT_ON: Final = (
    "; if --server is the root of a portal, is its discovery switched on (jsonws.web.service.api.discoverable=true)?"
)
_TELL_THEIR_REMEDY: Final = frozenset({429, 502, 503, 504})


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
            f"{error.message or 'access is denied'}: the portal does not tell its services to everybody; name a user who "
            "may see them with --user and --password-env"
        ) from None
    except TransportError as error:
        remedy = "" if isinstance(error, ConnectError) else "; is the portal running, and well? then try again"
        raise CommandError(f"{error}{remedy}") from None
    except LiferayError as error:
        if isinstance(error, RedirectError) or error.status in _TELL_THEIR_REMEDY:
            raise
        raise CommandError(f"{str(error)[:400]}{_IS_IT_ON}") from None
    version = session.portal.version
    title = f"{session.server} (Liferay {version})" if version else session.server
    if version is None or version.major > 6:
        if not contexts:
            screen.warn(
                "note: Liferay 7 lists one context at a time, and this is its core; others need --context, such as "
                "--context blogs --context journal"
            )
        remedy = "a context is what stands before the dot in a service's name, such as blogs in blogs.blogsentry"
        _checked(catalog, contexts, title, remedy=remedy)
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


def generate(source: Source, out: Path, globs: Sequence[str], screen: Screen, *, is_check: bool) -> None:
    """Write typed services, or compare them with those that were written before.

    Raises:
        CommandError: no service is called so, a file in the folder was not generated, or it cannot be written; nothing was
            written then. Or the files differ.
        CatalogError: a name of a service cannot be one in Python.
    """
    from aioliferay import codegen  # noqa: PLC0415 - as above

    names = _chosen(source, globs)
    version = source.version if source.is_shipped else ""
    files = codegen.generate(source.catalog, version=version, services=names)
    if is_check:
        _compare(codegen.differences(files, out), out, screen)
        return
    try:
        told = codegen.write(files, out)
    except OSError as error:
        reason = str(error) if error.errno is None else f"{out} cannot be written: {error.strerror}; choose another --out"
        raise CommandError(reason) from None
    services = source.catalog.services
    count = sum(len(services[name]) for name in names)
    models = len(_MODEL.findall(files.get("models.py", "")))
    with_models = f" and {counted(models, 'model')} of results" if models else ""
    screen.say(f"{source.title}: {counted(len(names), 'service')} with {counted(count, 'method')}{with_models}, in {out}")
    written, removed = len(told.missing) + len(told.differing), len(told.superfluous)
    screen.say(f"{counted(written, 'file')} written, {removed} removed, {len(files) - written} as before")
    for line in _import_line(files, out):
        screen.say(line)


def _chosen(source: Source, globs: Sequence[str]) -> list[str]:
    """Return the names of the services that are meant.

    Raises:
        CommandError: there are none.
    """
    if not source.catalog.actions:
        raise CommandError(_not_found(source, None))
    names = set[str]()
    for glob in globs or ("*",):
        if not (meant := services_like(source.catalog, glob)):
            services = [name for name in nearest(source.catalog, glob, 99) if name in source.catalog.services][:4]
            close = f"; nearest: {', '.join(services)}" if services else "; `aioliferay discover` lists all"
            raise CommandError(f"no service of {source.title} is called like {glob!r}{close}")
        names.update(meant)
    return sorted(names)


def _compare(told: Differences, out: Path, screen: Screen) -> None:
    for line in str(told).splitlines():
        screen.say(line)
    if told:
        raise CommandError(f"{out} is not what would be generated: run the same command without --check")
    screen.say(f"{out} is up to date")


def _import_line(files: Mapping[str, str], out: Path) -> Iterator[str]:
    """Return how one of the services is imported: the folder is a package, and perhaps a part of another one."""
    classes = (match[1] for name in sorted(files) if (match := _CLASS.search(files[name])))
    folder = out.resolve()
    parts = [folder.name]
    while (folder := folder.parent).joinpath("__init__.py").is_file():
        parts.insert(0, folder.name)
    if all(part.isidentifier() for part in parts):
        yield f"from {'.'.join(parts)} import {next(classes)}"


def _not_found(source: Source, pattern: str | None) -> str:
    if pattern is None:
        return (
            f"{source.title} lists no services; ask for another --context, or take another --server, --catalog or --version"
        )
    told = f"no service and no method of {source.title} is called like {pattern!r}"
    if close := nearest(source.catalog, pattern):
        told += f"; nearest: {', '.join(close)}"
    others = [version for version in KNOWN if source.is_shipped and _is_known(version, pattern)]
    if others:
        told += f"; other versions have it: {', '.join(f'--version {version}' for version in others)}"
    return told if close or others else f"{told}, and none nearly so; without a name all services are listed"


def _is_known(version: str, pattern: str) -> bool:
    found = find(from_shipped(version, ()).catalog, pattern)
    return bool(found.services or found.methods)


def _name_of(context: str) -> str:
    return "" if context == CORE else context


def _narrowed(catalog: Catalog, contexts: Sequence[str], title: str) -> Catalog:
    """Return the services of some contexts only; all without any.

    Raises:
        CommandError: one of them has none.
    """
    if not contexts:
        return catalog
    listed = ", ".join(sorted({action.context or CORE for action in catalog.actions}))
    wanted = _checked(catalog, contexts, title, remedy=f"there are: {listed or 'none'}")
    return Catalog.model_construct(
        actions=tuple(action for action in catalog.actions if action.context in wanted),
        types=catalog.types,
        version=catalog.version,
        contexts=wanted,
    )


def _checked(catalog: Catalog, contexts: Sequence[str], title: str, *, remedy: str) -> frozenset[str]:
    """Return the names of the contexts.

    Raises:
        CommandError: the catalog has no services of one of them.
    """
    known = {action.context for action in catalog.actions}
    for context in contexts:
        if _name_of(context) not in known:
            raise CommandError(f"{title} has no services in context {context!r}; {remedy}")
    return frozenset(map(_name_of, contexts))
