"""A fake Liferay portal to test against: an ASGI application that answers like the real server.

Names are loaded when first used, so that the pytest plugin in this package starts without a web server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aioliferay.testing._documents import Document
    from aioliferay.testing._java import (
        Array,
        Bean,
        Calendar,
        Excluded,
        File,
        IntObject,
        JavaEnum,
        JavaError,
        JavaLong,
        JavaType,
        Locale,
        LocaleMap,
        Long,
        LongObject,
        Model,
        Name,
        ServiceContext,
        Shown,
        Version,
    )
    from aioliferay.testing._knobs import Knobs
    from aioliferay.testing._oauth2 import OAuth2Client, TokenRequest
    from aioliferay.testing._records import RecordedRequest, Upload
    from aioliferay.testing._registry import Caller, Execution
    from aioliferay.testing._sessions import SignInAttempt
    from aioliferay.testing.portal import FakePortal

__all__ = [  # noqa: RUF022 - in groups, by what a reader looks for
    # the portal, and what it records
    "Execution",
    "FakePortal",
    "Knobs",
    "RecordedRequest",
    "Version",
    # ways in: sessions, tokens, files
    "Document",
    "OAuth2Client",
    "SignInAttempt",
    "TokenRequest",
    "Upload",
    # for services of one's own: who calls, and failures
    "Caller",
    "JavaError",
    # Java's types, in the signatures of services
    "Array",
    "Calendar",
    "File",
    "IntObject",
    "JavaEnum",
    "JavaLong",
    "JavaType",
    "Locale",
    "LocaleMap",
    "Long",
    "LongObject",
    "Name",
    "ServiceContext",
    # results with properties
    "Bean",
    "Excluded",
    "Model",
    "Shown",
]

_HOMES = {
    "Caller": "_registry",
    "Document": "_documents",
    "Execution": "_registry",
    "FakePortal": "portal",
    "Knobs": "_knobs",
    "OAuth2Client": "_oauth2",
    "RecordedRequest": "_records",
    "SignInAttempt": "_sessions",
    "TokenRequest": "_oauth2",
    "Upload": "_records",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    public = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, '_java')}"), name)
    if isinstance(public, type) and public.__module__.startswith(f"{__name__}."):
        public.__module__ = __name__
    globals()[name] = public
    return public


def __dir__() -> list[str]:
    return sorted(__all__)
