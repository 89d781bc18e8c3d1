"""An asyncio-native (and trio-capable) client for Liferay's JSON web services, built around the batch session.

Names are loaded when they are first used: `import aioliferay` costs nothing by itself.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from aioliferay._auth import Authentication, BasicAuth, BearerAuth
    from aioliferay._auto_session import AutoBatchSession
    from aioliferay._batch_session import BatchSession
    from aioliferay._call import Call
    from aioliferay._core.messages import (
        Cancelled,
        Failed,
        NotRun,
        NotSent,
        Ok,
        Outcome,
        RawParams,
        Reference,
        Unknown,
    )
    from aioliferay._core.packing import BatchLimits
    from aioliferay._core.recovery import RetryPolicy
    from aioliferay._queue import BatchCallback
    from aioliferay._sessions import Session
    from aioliferay._sign_in import SignIn
    from aioliferay._stream import StreamItem
    from aioliferay._supply import StreamCommand
    from aioliferay.errors import (
        AccessDeniedError,
        AuthenticationError,
        BatchError,
        BatchSplitWarning,
        CallCancelledError,
        ClosedError,
        ConnectError,
        DependencyError,
        LiferayError,
        NoAnswerError,
        NoSuchServiceError,
        NotFoundError,
        NotSentError,
        ProtocolError,
        ResultError,
        ServerError,
        TransportError,
    )

__all__ = [  # noqa: RUF022 - under headings
    # front doors
    "Session",
    "BatchSession",
    "AutoBatchSession",
    "StreamCommand",
    "StreamItem",
    "BatchCallback",
    "BatchLimits",
    "RetryPolicy",
    # calls and what becomes of them
    "Call",
    "Reference",
    "RawParams",
    "Outcome",
    "Ok",
    "Failed",
    "NotSent",
    "NotRun",
    "Unknown",
    "Cancelled",
    # authentication
    "Authentication",
    "BasicAuth",
    "BearerAuth",
    "SignIn",
    # errors
    "LiferayError",
    "TransportError",
    "ConnectError",
    "NoAnswerError",
    "NotSentError",
    "ServerError",
    "AuthenticationError",
    "AccessDeniedError",
    "NoSuchServiceError",
    "NotFoundError",
    "ProtocolError",
    "ResultError",
    "DependencyError",
    "CallCancelledError",
    "ClosedError",
    "BatchError",
    "BatchSplitWarning",
]

_HOMES = {
    "Authentication": "_auth",
    "AutoBatchSession": "_auto_session",
    "BasicAuth": "_auth",
    "BatchCallback": "_queue",
    "BatchLimits": "_core.packing",
    "BatchSession": "_batch_session",
    "BearerAuth": "_auth",
    "Call": "_call",
    "RetryPolicy": "_core.recovery",
    "Session": "_sessions",
    "SignIn": "_sign_in",
    "StreamCommand": "_supply",
    "StreamItem": "_stream",
    **dict.fromkeys(
        ("Cancelled", "Failed", "NotRun", "NotSent", "Ok", "Outcome", "RawParams", "Reference", "Unknown"), "_core.messages"
    ),
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return _import_module("aioliferay.errors")
    if name not in __all__:
        raise AttributeError(f"module 'aioliferay' has no attribute {name!r}")
    member: object = getattr(_import_module(f"aioliferay.{_HOMES.get(name, 'errors')}"), name)
    if str(getattr(member, "__module__", "")).startswith("aioliferay"):
        member.__module__ = "aioliferay"  # tracebacks and documentation name the public place
    globals()[name] = member
    return member


def __dir__() -> list[str]:
    return [*__all__, "errors"]
