"""Catalog → typed service modules, as text; and what of it a folder has already. Asks no portal, and formats no files."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aioliferay._core.version import KNOWN
from aioliferay.catalogs import shipped
from aioliferay.codegen._files import MARKER, Differences, differences, write
from aioliferay.codegen._methods import check, methods_of
from aioliferay.codegen._models import model_names, models_source
from aioliferay.codegen._modules import ServiceClass, package_source, service_source
from aioliferay.codegen._names import Capitals, class_names, module_names
from aioliferay.codegen._types import Types

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aioliferay._core.catalog import Catalog

__all__ = ["MARKER", "Differences", "differences", "generate", "write"]


def generate(
    catalog: Catalog,
    *,
    version: str = "",
    services: str | Iterable[str] = "*",
    models: bool = True,
    others: Iterable[Catalog] | None = None,
) -> dict[str, str]:
    """Return the files of a package of typed services: their names, such as `_blogsentry.py`, and their contents.

    The same catalog gives the same text, whatever the order of its parts. Each file begins with `MARKER`.

    Args:
        catalog: what the portal has, such as `await session.discover()` or `catalogs.from_file(...)`.
        version: of Liferay, such as "6.2", if the services are those of every portal of this version: then a warning tells
            who calls them on another.
        services: wildcards of the services wanted, such as "blogs.*"; matched with the service and its context
            (`blogs.blogsentry`), whatever the case.
        models: whether to make `models.py` too, of the Java classes that results are of, where the catalog describes them.
        others: catalogs that tell how names are written (`DLAppService`, not `DlappService`) and what lists are of, where
            this one does not; by default those that come with the library.

    Raises:
        CatalogError: a name in it cannot be called, or would be code; the text tells which.
        ValueError: no service matches, or the version is none of those whose catalogs come with the library.
    """
    if version and version not in KNOWN:
        raise ValueError(f"version= is one of {', '.join(KNOWN)}, or left out, not {version!r}")
    known = [shipped(each) for each in KNOWN] if others is None else [*others]
    chosen = _chosen(catalog, [services] if isinstance(services, str) else [*services])
    actions = [action for action in catalog.actions if action.service in chosen]
    for action in actions:
        check(action)
    described = model_names(catalog, actions) if models else {}
    types = Types(catalog, known, described)
    classes = class_names(catalog.services, Capitals([catalog, *known]))
    modules = module_names(catalog.services)
    told = version or re.sub(r"[^\w. ()/-]", "", catalog.version, flags=re.ASCII)[:40].strip().removeprefix("Liferay ")
    origin = f"Liferay {told}" if told else "a portal"
    marker = f"{MARKER} from the catalog of {origin}; do not edit."
    files = {"__init__.py": package_source({classes[each]: modules[each] for each in chosen}, origin, marker)}
    if described:
        files["models.py"] = models_source(catalog, described, origin, marker)
    for each in chosen:
        service = ServiceClass(each, classes[each], origin, version, methods_of(each, catalog, types))
        files[f"{modules[each]}.py"] = service_source(service, marker)
    return dict(sorted(files.items()))


def _chosen(catalog: Catalog, wildcards: list[str]) -> list[str]:
    chosen = [each for each in sorted(catalog.services) if any(fnmatchcase(each.lower(), one.lower()) for one in wildcards)]
    if not chosen:
        text = f"no service matches {' or '.join(map(repr, wildcards))}; there are {len(catalog.services)}"
        raise ValueError(f"{text}, such as {', '.join(sorted(catalog.services)[:5])}" if catalog.services else text)
    return chosen
