"""An asyncio-native (and trio-capable) client for Liferay's JSON web services, built around the batch session."""

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

for _member in [globals()[name] for name in __all__]:
    if str(getattr(_member, "__module__", "")).startswith("aioliferay"):
        _member.__module__ = "aioliferay"  # tracebacks and documentation name the public place
