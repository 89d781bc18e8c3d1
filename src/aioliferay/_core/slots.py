"""How many batches may be in flight at once. It is told what requests took, and knows neither calls nor connections."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

_SEVERAL: Final = 4  # requests before anything follows from them
_SLOWER: Final = 1.4  # so many times the fastest request: they wait for each other at the portal
_FAR: Final = 0.005  # seconds that a request takes at least; a nearer portal answers before the next batch is due


@dataclass(slots=True)
class Slots:
    """How many batches may be in flight: a few, and more while it is the way to the portal that takes long, not its work.

    A portal whose processors are busy answers more requests at once more slowly each: the batches may as well wait, and
    grow. A portal that is far away does not mind.

    Attributes:
        few: as many always.
        most: as many at most.
    """

    few: int
    most: int
    _fastest: float = 0.0
    _last: deque[float] = field(default_factory=lambda: deque[float](maxlen=16))

    def note(self, seconds: float, *, is_alone: bool) -> None:
        """Learn from a request that was answered; one that was alone in flight tells anew what it takes at least."""
        self._fastest = seconds if is_alone or not self._last else min(seconds, self._fastest)
        self._last.append(seconds)

    @property
    def count(self) -> int:
        """How many batches may be in flight now."""
        if len(self._last) < _SEVERAL or self._fastest < _FAR:
            return self.few
        return self.most if median_low(self._last) <= _SLOWER * self._fastest else self.few
