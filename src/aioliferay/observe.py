"""What happened on the wire, as frozen records, and the one method that receives them. Knows no secrets and no bodies."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "ExchangeCompleted",
    "ExchangeEvent",
    "ExchangeFailed",
    "ExchangeStarted",
    "Hook",
    "LoggingHook",
    "RetryScheduled",
]


@dataclass(frozen=True, slots=True)
class ExchangeStarted:
    """A request is about to leave: its number in the session (from 1), its calls, the bytes of its body."""

    number: int
    calls: int
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class ExchangeCompleted:
    """The portal ran every call of the request. `elapsed` is in seconds."""

    number: int
    calls: int
    sent_bytes: int
    received_bytes: int
    status: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class ExchangeFailed:
    """The request did not bring results; `error` tells why (None when it was cancelled). `elapsed` is in seconds."""

    number: int
    calls: int
    sent_bytes: int
    error: BaseException | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Calls of the failed request `number` will be sent again, `delay` seconds from now, in one request."""

    number: int
    calls: int
    delay: float


ExchangeEvent = ExchangeStarted | ExchangeCompleted | ExchangeFailed | RetryScheduled


class Hook(Protocol):
    """Receives every event of a session, in order. What it raises is logged and harms no call; it must not block."""

    def on_event(self, event: ExchangeEvent, /) -> None:
        """Take note of one event."""


class LoggingHook:
    """Writes each exchange to a logger of the standard library; texts are made only if the level is enabled."""

    def __init__(self, logger: logging.Logger | None = None, level: int = logging.DEBUG) -> None:
        self._logger = logger or logging.getLogger("aioliferay")
        self._level = level

    def on_event(self, event: ExchangeEvent, /) -> None:
        """Log one line: the request's number, its calls, bytes and seconds."""
        match event:
            case ExchangeStarted():
                self._logger.log(self._level, "request %d: %d calls, %d bytes", event.number, event.calls, event.sent_bytes)
            case ExchangeCompleted():
                text = "request %d: done in %.4f s, %d bytes received"
                self._logger.log(self._level, text, event.number, event.elapsed, event.received_bytes)
            case ExchangeFailed():
                text = "request %d: failed after %.4f s: %s"
                self._logger.log(self._level, text, event.number, event.elapsed, event.error or "cancelled")
            case RetryScheduled():
                text = "request %d: %d calls go out again in %.3f s"
                self._logger.log(self._level, text, event.number, event.calls, event.delay)
