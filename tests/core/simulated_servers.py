"""Servers in virtual time, and a stream that sends requests to them: what a pace is tried against. Nothing sleeps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from itertools import count, pairwise
from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aioliferay._core.window import Pace

_REFUSING = 0.001  # seconds that a refusal takes


class Refusal(NamedTuple):
    status: int
    pause: float | None = None


class Request(NamedTuple):
    calls: int
    left: float
    under_way: int
    refusal: Refusal | None = None


def linear(fixed: float, each: float) -> Callable[[int], float]:
    """Return what requests cost whose calls cost the same each, in seconds."""
    return lambda calls: fixed + each * calls


def table(*points: tuple[int, float], fixed: float = 0.0) -> Callable[[int], float]:
    """Return what requests of up to 1,000 calls cost, in seconds: between two measured points, a power of their number."""
    pieces = [
        (start, cost, math.log(more / cost) / math.log(end / start)) for (start, cost), (end, more) in pairwise(points)
    ]

    def cost_of(calls: int) -> float:
        start, cost, power = next(piece for piece in reversed(pieces) if calls >= piece[0])
        return fixed + cost * (calls / start) ** power

    return [math.nan, *map(cost_of, range(1, 1001))].__getitem__


@dataclass
class Bucket:
    """Lets `rate` requests a second in, or calls, and no more than `size` at once after a time without any."""

    rate: float
    size: float = 1.0
    counts_calls: bool = False
    says_when: bool = False

    def __post_init__(self) -> None:
        self._saved = self.size
        self._then = 0.0

    def refuse(self, now: float, calls: int, _active: int) -> Refusal | None:
        self._saved = min(self.size, self._saved + (now - self._then) * self.rate)
        self._then = now
        wanted = calls if self.counts_calls else 1
        if self._saved < wanted - 1e-9:
            return Refusal(429, math.ceil((wanted - self._saved) / self.rate) if self.says_when else None)
        self._saved -= wanted
        return None


@dataclass
class Crowd:
    """Refuses what comes while `most` requests are being answered."""

    most: int
    pause: float | None = None

    def refuse(self, _now: float, _calls: int, active: int) -> Refusal | None:
        return Refusal(503, self.pause) if active >= self.most else None


@dataclass
class Size:
    """Refuses requests of more than `most` calls."""

    most: int

    def refuse(self, _now: float, calls: int, _active: int) -> Refusal | None:
        return Refusal(413) if calls > self.most else None


class Server:
    """Answers requests after `cost(calls)` seconds of work, give or take a random share (`noise`).

    `workers` requests are worked at at once. The others wait in line; or all share the workers (`is_sharing`), who are
    slowed down by `strain` for each request beyond their number. The network takes `network / 2` seconds each way.
    """

    def __init__(  # noqa: PLR0913 - what servers differ in
        self,
        cost: Callable[[int], float],
        *limits: Bucket | Crowd | Size,
        workers: int = 2,
        is_sharing: bool = False,
        strain: float = 0.0,
        network: float = 0.0,
        noise: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.cost = cost
        self.limits: Sequence[Bucket | Crowd | Size] = limits
        self.network = network
        self._workers = workers
        self._is_sharing = is_sharing
        self._strain = strain
        self._noise = noise
        self._random = Random(seed)  # noqa: S311 - a game of chance that must be repeatable
        self._numbers = count()
        self._free = [0.0] * workers  # when each is, if requests wait in line
        self._work: list[tuple[float, int, Request]] = []  # when it ends: by the clock, or by the work that each has had
        self._had = 0.0  # seconds of work that a request would have had which was there from the beginning
        self._then = 0.0

    def refuse(self, now: float, calls: int) -> Refusal | None:
        return next((no for limit in self.limits if (no := limit.refuse(now, calls, len(self._work)))), None)

    def take(self, now: float, request: Request) -> None:
        work = self.cost(request.calls) * self._random.uniform(1 - self._noise, 1 + self._noise)
        if self._is_sharing:
            self._share(now)
            end = self._had + work
        else:
            end = max(now, self._free[0]) + work
            heapreplace(self._free, end)
        heappush(self._work, (end, next(self._numbers), request))

    def next_end(self) -> float:
        if not self._work:
            return math.inf
        if self._is_sharing:
            return self._then + max(0.0, self._work[0][0] - self._had) / self._speed()
        return self._work[0][0]

    def finish(self, now: float) -> Request:
        if self._is_sharing:
            self._share(now)
        return heappop(self._work)[2]

    def _share(self, now: float) -> None:
        if self._work:
            self._had += (now - self._then) * self._speed()
        self._then = now

    def _speed(self) -> float:
        active = len(self._work)
        return min(1.0, self._workers / active) / (1.0 + self._strain * max(0, active - self._workers))


class Stream:
    """Sends `total` calls, with as much under way as the pace allows; refused ones go again."""

    def __init__(self, pace: Pace, server: Server, total: int) -> None:
        self._pace, self._server, self._total = pace, server, total
        self._waiting = total
        self._under_way = 0
        self._travels: list[tuple[float, int, bool, Request]] = []  # when it is there, number, whether it is on the way back
        self._numbers = count()
        self._wakes = 0.0  # when more may be sent, if nothing happens before
        self.answered = 0
        self.requests = 0

    def run(self, limit: float = math.inf, changes: Sequence[tuple[float, Callable[[Server], None]]] = ()) -> float:
        """Return the seconds until all are answered, or infinity if that takes more than `limit`, or surely will.

        Surely means: in a quarter of the time not even half of what is due was done. `changes` happen to the server at their
        times.
        """
        now, server, coming = 0.0, self._server, list(changes)
        while self.answered < self._total:
            arrival = self._travels[0][0] if self._travels else math.inf
            end = server.next_end()
            now = min(arrival, end, self._wakes)
            while coming and coming[0][0] <= now:
                coming.pop(0)[1](server)
            if now > limit or (now > limit / 4 and self.answered < self._total / 8):
                return math.inf
            if end <= now:
                self._travel(now, is_back=True, request=server.finish(now))
            elif arrival <= now:
                _, _, is_back, request = heappop(self._travels)
                self._arrive(now, is_back=is_back, request=request)
            else:
                self._send(now)
        return now

    def _send(self, now: float) -> None:
        pace = self._pace
        resumes, parallel = pace.resumes, pace.parallel
        while self._waiting and self._under_way < parallel and now >= resumes:
            calls = min(pace.calls, self._waiting)
            self._waiting -= calls
            self._under_way += 1
            self.requests += 1
            self._travel(now, is_back=False, request=Request(calls, now, self._under_way))
        self._wakes = resumes if self._waiting and self._under_way < parallel else math.inf

    def _travel(self, now: float, *, is_back: bool, request: Request) -> None:
        there = now + self._server.network / 2 + (_REFUSING if request.refusal else 0.0)
        if there > now:
            heappush(self._travels, (there, next(self._numbers), is_back, request))
        else:
            self._arrive(now, is_back=is_back, request=request)

    def _arrive(self, now: float, *, is_back: bool, request: Request) -> None:
        if is_back:
            self._end(now, request)
        elif (refusal := self._server.refuse(now, request.calls)) is None:
            self._server.take(now, request)
        else:
            self._travel(now, is_back=True, request=request._replace(refusal=refusal))

    def _end(self, now: float, request: Request) -> None:
        self._under_way -= 1
        calls, left, under_way, refusal = request
        if refusal is None:
            self.answered += calls
            self._pace.answered(now, calls=calls, seconds=now - left, under_way=under_way)
        else:
            self._waiting += calls
            self._pace.refused(now, calls=calls, status=refusal.status, pause=refusal.pause)
        self._send(now)
