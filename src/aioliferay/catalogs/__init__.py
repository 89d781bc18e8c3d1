"""Catalogs of services: those that come with the library, and those in files of yours. Knows where they are kept."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from aioliferay._core.catalog import Action, Catalog, JavaClass, Parameter, Property, parse
from aioliferay._core.version import KNOWN, PortalVersion, version_of
from aioliferay.errors import CatalogError

if TYPE_CHECKING:
    import os

__all__ = [
    "KNOWN",
    "Action",
    "Catalog",
    "JavaClass",
    "Parameter",
    "PortalVersion",
    "Property",
    "from_file",
    "parse",
    "shipped",
]


def shipped(version: PortalVersion | str | float | tuple[int, int]) -> Catalog:
    """Return the catalog of a Liferay version that comes with the library; of a newer one, the newest that does.

    6.2 is that of a running 6.2.5. In those of 7.0 to 7.3 the types are reduced: `object` for every class, `list` for every
    list and array, and no properties.

    Args:
        version: `"6.2"`, `"7.3"`, a build number such as 7110, or what `session.portal_version()` returned.

    Raises:
        ValueError: it is no version.
    """
    return _shipped(version_of(version).catalog)


@lru_cache
def _shipped(version: str) -> Catalog:
    packed = Path(__file__).with_name(f"liferay-{version}.json.gz").read_bytes()
    return parse(gzip.decompress(packed)).model_copy(update={"version": version})


def from_file(file: str | os.PathLike[str]) -> Catalog:
    """Return the catalog in a file: what a portal answers to `/api/jsonws?discover`, perhaps compressed by gzip.

    Raises:
        CatalogError: it is none; the text names the place.
        OSError: the file cannot be read.
    """
    content = Path(file).read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return parse(content)
    try:
        return parse(gzip.decompress(content))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CatalogError(f"{file} begins like a file that gzip compressed, and cannot be decompressed: {error}") from None
