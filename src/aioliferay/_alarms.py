"""Failures that nobody would hear of, callbacks that raise, and the line where a call was made. Knows the log; not calls."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aioliferay.errors import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

    from aioliferay.errors import LiferayError

T = TypeVar("T")
_logger = logging.getLogger("aioliferay")
_LIBRARY: Final = __name__.partition(".")[0] + "."
_ours: set[int] = set()  # ids of the names of the library's modules, which are never unloaded


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


def user_place(depth: int) -> tuple[CodeType | None, Any]:
    """Return the code of the nearest frame outside this library, and the instruction that runs: see `site_of`.

    `depth`: how many frames, the caller's first, are of the library for sure.
    """
    frame: FrameType | None = sys._getframe(depth + 1)  # noqa: SLF001 - documented, and `inspect` is a hundred times slower
    while frame is not None:
        names = frame.f_globals
        if id(names) not in _ours:
            if not names.get("__name__", "").startswith(_LIBRARY):
                return frame.f_code, frame.f_lasti
            _ours.add(id(names))  # modules of the library stay
        frame = frame.f_back
    return None, ("<unknown>", 0)


def site_of(code: CodeType, instruction: int) -> tuple[str, int]:
    """Return file and line of an instruction: to look for the line takes longer than to make a call."""
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end and line is not None)
    return code.co_filename, next(lines, code.co_firstlineno)


def user_site() -> tuple[str, int]:
    """Return file and line of the nearest frame outside this library."""
    code, place = user_place(1)
    return place if code is None else site_of(code, place)


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
