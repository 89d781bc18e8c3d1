"""How sure a figure is: what else the machine did meanwhile, and how far the rounds lie apart. Knows nothing of clients."""

from __future__ import annotations

import math
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_FOREIGN = 0.10  # of one processor
_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # the columns of idle time and of waiting for disks
_GUEST = 8  # this and the next are in the first two columns, too


@dataclass(frozen=True)
class Look:
    """What all processors have worked so far, and what of it was ours, in seconds; `busy` is None where Linux is not."""

    when: float
    busy: float | None
    own: float

    @classmethod
    def at(cls, helpers: Sequence[int]) -> Look:
        """Look now; `helpers` are the processes that belong to the measurement beside this one and its finished children."""
        times = os.times()
        own = sum(times[:4]) + sum(map(_used_by, helpers))
        return cls(time.perf_counter(), _busy(), own)

    def foreign_since(self, before: Look) -> float:
        """Return how many processors were busy with something else, on average; 0 where nobody can tell."""
        if self.busy is None or before.busy is None:
            return 0.0
        seconds = max(self.when - before.when, 1e-9)
        return max(0.0, (self.busy - before.busy - (self.own - before.own)) / seconds)


def _busy() -> float | None:
    if not _STAT.exists():
        return None
    columns = [int(text) for text in _STAT.read_text().splitlines()[0].split()[1:]]
    ticks = sum(value for place, value in enumerate(columns[:_GUEST]) if place not in _IDLE)  # with what others stole
    return ticks / os.sysconf("SC_CLK_TCK")


def _used_by(process: int) -> float:
    if not _STAT.exists():
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # its own and its children's, user and system


@dataclass(frozen=True)
class Figure:
    """The median of rounds, and the half width of the band in which it lies: the notch of a box plot (McGill 1978)."""

    median: float
    band: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Return the figure of some rounds. Fewer than three have no band: what they say is not sure."""
        if len(values) < 3:
            return cls(statistics.median(values), 0.0)
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), 1.58 * (high - low) / math.sqrt(len(values)))

    def judged(self, limit: float, *, is_most: bool) -> str:
        """Tell whether a limit "holds", the median misses it "within the noise" (by less than the band), or "misses" it."""
        excess = self.median - limit if is_most else limit - self.median
        if excess <= 0:
            return "holds"
        return "within the noise" if excess <= self.band else "misses"
