"""A cluster in virtual time: streams, each with a pace of its own, at one portal and under one limit. Nothing sleeps."""

from __future__ import annotations

import heapq
import math
import sys
from itertools import count
from pathlib import Path

from aioliferay._core.window import Pace

sys.path.insert(0, str(Path(__file__).parent / "core"))
from simulated_servers import Request, Server, linear, table

PORTALS = {  # a Liferay 6.2.5 as real-timings.md has it, in seconds; it was measured with two processors
    "reads, signed in": lambda processors: Server(linear(0.0004, 0.00002), workers=processors, network=0.001),
    "reads, basic authentication": lambda processors: Server(linear(0.110, 0.00002), workers=processors, network=0.001),
    "reads of users with `select`": lambda processors: Server(
        table((1, 0.0008), (10, 0.0039), (50, 0.0162), (100, 0.0377), (200, 0.0825), (500, 2.161), (1000, 20.0)),
        workers=processors,
        is_sharing=True,
        network=0.001,
    ),
}


class Worker:
    """A partition: its pace, and how many of its calls are neither answered nor under way."""

    def __init__(self, waiting: int, calls: int | None) -> None:
        self.pace = Pace(max_calls=1000, max_parallel=4, calls=calls)
        self.waiting = waiting
        self.under_way = 0

    def wants(self, now: float) -> bool:
        return self.waiting > 0 and self.under_way < self.pace.parallel and now >= self.pace.resumes

    def take(self, now: float) -> Request:
        calls = min(self.pace.calls, self.waiting)
        self.waiting -= calls
        self.under_way += 1
        return Request(calls, now, self.under_way)


def rate(server: Server, total: int, *, workers: int, requests: int, calls: int | None = None) -> float:
    """Return the calls that are answered in a second, with so many workers, and requests of all of them at once.

    The servers of this module refuse nothing.
    """
    crowd = [Worker(total // workers, calls) for _ in range(workers)]
    travels: list[tuple[float, int, bool, Request]] = []
    owners: dict[int, tuple[Worker, Request]] = {}  # the request, too: its id is another's as soon as it is gone
    numbers = count()
    now, free, turn, left = 0.0, requests, 0, sum(worker.waiting for worker in crowd)
    while left:
        for _ in range(workers):
            worker = crowd[turn % workers]
            turn += 1
            if free and worker.wants(now):
                request = worker.take(now)
                owners[id(request)] = worker, request
                free -= 1
                heapq.heappush(travels, (now + server.network / 2, next(numbers), True, request))
        if free and any(worker.wants(now) for worker in crowd):
            continue
        arrives, ends = travels[0][0] if travels else math.inf, server.next_end()
        now = min(arrives, ends)
        if ends <= arrives:
            heapq.heappush(travels, (now + server.network / 2, next(numbers), False, server.finish(now)))
            continue
        _, _, is_out, request = heapq.heappop(travels)
        if is_out:
            server.take(now, request)
            continue
        worker, _ = owners.pop(id(request))
        worker.under_way -= 1
        free += 1
        left -= request.calls
        worker.pace.answered(now, calls=request.calls, seconds=now - request.left, under_way=request.under_way)
    return (total // workers * workers) / now
