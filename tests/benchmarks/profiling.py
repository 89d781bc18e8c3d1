"""Where the time of a contestant goes: `python tests/benchmarks/profiling.py batch void 1000`. Knows no targets."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import sys

from bench import Bench, say
from contestants.base import CONTESTANTS
from job import made, run_of, warmed
from rows import Job
from works import WORKS


async def profiled(job: Job, roots: dict[str, str], repeats: int) -> pstats.Stats:
    """Run a job's contestant under the profiler."""
    spec = job.spec(roots, 0)
    work = WORKS[job.work]
    async with made(job.contestants[0], spec) as player:
        run, given = run_of(player, spec), [work.command(position) for position in range(job.size)]
        await warmed(lambda: run(player.given(given)), player, work, spec)
        profile = cProfile.Profile()
        for _ in range(repeats):
            ready = player.given(given)
            profile.enable()
            await run(ready)
            profile.disable()
    return pstats.Stats(profile, stream=sys.stdout)


def main() -> None:
    """Profile a contestant, and print its functions by the time that each took by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("work", choices=WORKS, nargs="?", default="void")
    parser.add_argument("size", type=int, nargs="?", default=1_000)
    parser.add_argument("--burst", action="store_true", help="a task for each call")
    parser.add_argument("--latency", type=int, default=0, help="of the server, in ms")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--lines", type=int, default=40)
    chosen = parser.parse_args()
    kind = "burst" if chosen.burst else "timing"
    job = Job(kind, (chosen.contestant,), chosen.work, chosen.size, latency=chosen.latency)
    bench = Bench(is_noise_fine=True)
    with bench.serving("loopback", "loopback_server.py"):
        stats = asyncio.run(profiled(job, bench.roots, chosen.repeats))
    say(f"{job.label}, {chosen.repeats} times; the profiler makes calls of functions dearer than they are")
    stats.strip_dirs().sort_stats("tottime").print_stats(chosen.lines)


if __name__ == "__main__":
    main()
