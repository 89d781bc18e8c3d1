"""Typed services, and what their parameters are made of. The classes are in `v62`, `v70`, `v71`, `v72` and `v73`.

They are generated when the package is built, from the catalogs that come with it. `from aioliferay.services.v62 import
BlogsEntryService` imports this one service only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from aioliferay._calling import CallOptions
from aioliferay._core.messages import Reference
from aioliferay._core.values import OrderByComparator, ServiceContext, Typed, UploadFile, WorkflowAction
from aioliferay._core.version import PortalVersion, version_of
from aioliferay._services import ANY, Door, JavaObject, JSONObject, Service

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "ANY",
    "CallOptions",
    "Door",
    "JSONObject",
    "JavaObject",
    "OrderByComparator",
    "PortalVersion",
    "Reference",
    "Service",
    "ServiceContext",
    "Typed",
    "UploadFile",
    "WorkflowAction",
    "for_version",
]


def for_version(version: PortalVersion | str | float | tuple[int, int]) -> ModuleType:
    """Return the package of typed services for a Liferay version; for a newer one than 7.3, that of 7.3.

    Args:
        version: what `session.portal_version()` returned, `"6.2"`, `"7.3"`, or a build number such as 7110.

    Raises:
        ValueError: it is no version.
    """
    return import_module(f"{__name__}.v{version_of(version).catalog.replace('.', '')}")
