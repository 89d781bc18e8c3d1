"""JSON → Python values, always as pydantic reads it, and faster where orjson is installed. Knows where the two differ, and
what cheap looks at the bytes rule that out; does not know what the values mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Callable

_SMALL: Final = 8_000
"""Bytes up to which the looks cost more than orjson saves."""
_LONG: Final = b"0" * 19
_STEP: Final = 3
_STEPS: Final = b"0" * (len(_LONG) // _STEP)
_STEPPED: Final = _STEP * (len(_STEPS) - 1) + 1
_DIGITS: Final = bytes(b"0"[0] if byte in b"0123456789" else b" "[0] for byte in range(256))


def reader(loads: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Return a function that does what `from_json` does: with `loads` of orjson wherever its result is the same.

    What orjson refuses, `from_json` decides. Integers beyond 64 bits would become floats. (Values may be nested deeper, in
    1,024 levels and not 200: no harm.)
    """
    if loads is None:
        return from_json

    def read(body: bytes) -> Any:
        if len(body) <= _SMALL or has_long_number(body):
            return from_json(body)
        try:
            return loads(body)
        except ValueError:
            return from_json(body)

    return read


def has_long_number(body: bytes) -> bool:
    """Tell whether 19 digits stand in a row anywhere: no integer without that many is beyond 64 bits.

    This looks at every third byte first, which costs a third of orjson's own time: 19 digits are six of these in a row,
    and a date in milliseconds, of 13 digits, is five at most.
    """
    steps = body[::_STEP].translate(_DIGITS)
    found = steps.find(_STEPS)
    # Beyond so many finds a look at every byte is cheaper: ids in a row may look like one number.
    for _ in range(16 + len(body) // 2048):
        if found < 0:
            return False
        start = _STEP * found
        if body[start : start + _STEPPED].isdigit():
            break
        found = steps.find(_STEPS, found + 1)
    return _LONG in body.translate(_DIGITS)


def faster() -> Callable[[bytes], Any] | None:
    """Return orjson's `loads`; None where it is not installed."""
    try:
        from orjson import loads  # noqa: PLC0415 - it is an extra
    except ImportError:
        return None
    return loads


read: Final = reader(faster())
"""What `from_json` would return for a body, or raise of it."""
