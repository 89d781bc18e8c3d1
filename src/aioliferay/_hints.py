"""Single calls that a batch would carry, told to developers. Knows where calls were made; changes nothing."""

from __future__ import annotations

import linecache
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay.errors import BatchHint

if TYPE_CHECKING:
    from aioliferay._call import Call

ENOUGH: Final = 5  # calls in a row
_GAP_SECONDS: Final = 1.0  # between the end of one and the next: who pauses longer does not wait for requests
_MOST_PLACES: Final = 1000
_CALL: Final = re.compile(r"[\w.]+\.call\(")
_told: set[tuple[str, int]] = set()  # once for each line in a process


@dataclass(slots=True)
class _Row:
    """Calls that one task makes in one line."""

    count: int = 0
    pending: int = 0
    ended: float = 0.0


class Hints:
    """Watches the single calls of a session."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, tuple[str, int]], _Row] = {}

    def note(self, call: Call[Any]) -> None:
        """Note a call that was just made, and warn if it is one of a row that a batch would carry in one request."""
        key = (anyio.get_current_task().id, call.site)
        if call.site in _told:
            return
        if len(self._rows) >= _MOST_PLACES:
            self._rows.clear()
        row = self._rows.setdefault(key, _Row())
        if row.count and not row.pending and anyio.current_time() - row.ended > _GAP_SECONDS:
            row.count = 0
        row.count += 1
        row.pending += 1
        call.add_done_callback(lambda _: _end(row))
        if row.count >= ENOUGH:
            del self._rows[key]
            _told.add(call.site)
            file, line = call.site
            warnings.warn_explicit(_text(file, line), BatchHint, file, line)


def _end(row: _Row) -> None:
    row.pending -= 1
    row.ended = anyio.current_time()


def _text(file: str, line: int) -> str:
    source = linecache.getline(file, line).strip()
    rewritten = _CALL.sub("batch.call(", source).replace("await ", "") if _CALL.search(source) else "call = batch.call(...)"
    shown = f" ({source})" if source else ""
    return (
        f"{ENOUGH} calls in a row from {file}:{line}{shown}, each in a request of its own; for one request, put "
        f"`async with session.batch() as batch:` around the loop, `{rewritten}` into it, and take the results after it"
    )
