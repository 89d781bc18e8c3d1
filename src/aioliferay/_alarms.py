"""Failures that nobody would hear of, callbacks that raise, and the line where a call was made. Knows the log; not calls."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final, TypeVar

from aioliferay.errors import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from aioliferay.errors import LiferayError

T = TypeVar("T")
_logger = logging.getLogger("aioliferay")
_LIBRARY: Final = __name__.partition(".")[0]


class Alarm:
    """Logs a failure that nobody looked at when its call is collected. Only failed calls have one: a finaliser costs."""

    __slots__ = ("error", "is_armed")

    def __init__(self, error: LiferayError) -> None:
        self.error = error
        self.is_armed = True

    def __del__(self) -> None:
        if self.is_armed:
            _logger.error("a call failed and nobody looked: %s", self.error)


def log_callback_errors(errors: Iterable[CallbackError]) -> None:
    """Log what callbacks raised, where nobody is there to raise it to."""
    for error in errors:
        _logger.error("%s", error, exc_info=error.__cause__)


def user_site() -> tuple[str, int]:
    """Return file and line of the nearest frame outside this library."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - documented, and `inspect` is a hundred times slower
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _LIBRARY:
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("<unknown>", 0)


def run_callbacks(callbacks: Iterable[Callable[[T], object]], call: T, path: str) -> list[CallbackError]:
    """Run the callbacks of a call, and return what they raised."""
    errors: list[CallbackError] = []
    for callback in callbacks:
        try:
            callback(call)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as cause:  # noqa: BLE001 - even a CancelledError, which the result of a future of theirs may be
            error = CallbackError(f"a callback of the call raised {type(cause).__name__}: {cause}", path=path)
            error.__cause__ = cause
            errors.append(error)
    return errors
