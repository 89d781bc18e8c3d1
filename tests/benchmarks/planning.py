"""What planning costs: seconds per call for graphs of many calls. Run it: `python tests/benchmarks/planning.py [calls]`.

Prints the median of seven rounds in microseconds per call: the plan alone, and all that is decided before a batch departs.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING

from aioliferay import Session
from aioliferay._core.plan import Need, Planned, plan
from aioliferay._options import Terms
from aioliferay._stages import Learnt, route_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
PARENTS: dict[str, Callable[[int], list[int]]] = {
    "independent": lambda _: [],
    "chain": lambda position: [position - 1] if position else [],
    "pairs": lambda position: [position - 1] if position % 2 else [],
    "one parent": lambda position: [0] if position else [],
    "diamonds": lambda position: [position - 1, position - 2] if position % 3 == 2 else [],
}


def microseconds(work: Callable[[], object], calls: int) -> float:
    """Return what one call costs, the median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        rounds.append(time.perf_counter() - begun)
    return statistics.median(rounds) / calls * 1e6


async def measure(calls: int) -> None:
    """Print a line for each form of graph."""
    print(  # noqa: T201 - a command
        f"{'graph':14}{'plan, nested':>14}{'plan, staged':>14}{'all':>10}   (microseconds per call, {calls} calls)"
    )
    for name, parents_of in PARENTS.items():
        told = [Planned([Need(parent) for parent in parents_of(position)]) for position in range(calls)]
        async with Session("http://portal.test") as session:
            batch = session.batch()
            made = []
            for position in range(calls):
                params = {f"p{parent}": made[parent]["id"] for parent in parents_of(position)}
                made.append(batch.call("/thing/get-thing", params))
            nested, staged = (
                microseconds(lambda told=told: plan(told, 50), calls),
                microseconds(lambda told=told: plan(told), calls),
            )
            everything = microseconds(lambda made=made: route_of(made, Terms(), Learnt()), calls)
            print(f"{name:14}{nested:14.2f}{staged:14.2f}{everything:10.2f}")  # noqa: T201 - a command
            await batch.aclose()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
