"""How many batches may be in flight at once, and whether the next one may wait longer. It is told what requests took, and
knows neither calls nor connections.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

_SEVERAL: Final = 4  # requests before anything follows from them
_SLOWER: Final = 1.4  # so many times the fastest request: they wait for each other at the portal
_FAR: Final = 0.005  # seconds that a request takes at least; a nearer portal answers before the next batch is due
_NEAR: Final = 0.01  # seconds: one of the last answers came sooner, although requests delay each other in a busy thread
_ANSWERS: Final = 9  # that the load of a thread is told by
_BUSY: Final = 0.95  # a share of the time
_STILL_BUSY: Final = 0.8  # the same once requests are few: the thread has to wait for each


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
    def is_near(self) -> bool:
        """Whether answers come so soon that batches may as well wait for them."""
        return min(self._last, default=_NEAR) < _NEAR

    @property
    def count(self) -> int:
        """How many batches may be in flight now."""
        if len(self._last) < _SEVERAL or self._fastest < _FAR:
            return self.few
        return self.most if median_low(self._last) <= _SLOWER * self._fastest else self.few


@dataclass(slots=True)
class Load:
    """Whether the program's own thread is what takes the time, by how long it was at work from answer to answer.

    Then nothing is gained by more requests at once: each takes from that thread what many calls would.

    Attributes:
        is_full: the thread is hardly ever idle. If it has time again now that requests are few, it is not.
    """

    is_full: bool = False
    _answers: deque[tuple[float, float]] = field(default_factory=lambda: deque[tuple[float, float]](maxlen=_ANSWERS))

    def note(self, now: float, worked: float) -> None:
        """Note an answer: the time, and the seconds that the thread has been at work so far."""
        self._answers.append((now, worked))
        (began, before), (ended, after) = self._answers[0], self._answers[-1]
        least = (_STILL_BUSY if self.is_full else _BUSY) * (ended - began)
        self.is_full = len(self._answers) == _ANSWERS and after - before >= least
