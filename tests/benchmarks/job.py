"""One measurement in a process of its own: `python job.py '{"kind": "timing", ...}'` prints what came out as JSON. Knows
clocks and memory; does not know what the figures are compared with.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from contestants.base import CONTESTANTS, Contestant
from works import WORKS, Work

Run = Callable[..., Awaitable[Any]]
WARM_CALLS = 200
LONGEST_WARM_SECONDS = 2.0
PAUSE = 0.010  # seconds, at most, between the calls of a task
_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class Sample(NamedTuple):
    """What one run took."""

    wall: float
    cpu: float


class Turns:
    """The runs of one contestant: samples, the last results, and what the server counted of the first."""

    def __init__(self, run: Run, spec: dict[str, Any]) -> None:
        self._run = run
        self._url = spec["url"]
        self._pause = spec["pause"] / 1e3
        self.samples: list[Sample] = []
        self.requests = self.statements = 0
        self.results: Any = None

    async def take(self) -> None:
        """Run once. What other contestants have left behind is no part of it."""
        self.results = None
        before = None if self.samples else stats(self._url)
        until = time.perf_counter() + self._pause
        while time.perf_counter() < until:
            pass
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        self.results = await self._run()
        self.samples.append(Sample(time.perf_counter() - wall, time.process_time() - cpu))
        if before is not None:
            self.requests, self.statements = since(before, self._url)

    def columns(self) -> dict[str, float]:
        """Return the medians."""
        found = {column: statistics.median(getattr(each, column) for each in self.samples) for column in Sample._fields}
        return found | {"requests": self.requests, "statements": self.statements}


async def timing(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Let contestants make the same calls, each once in a turn, in an order that changes; seconds of wall and of client CPU.

    Whoever runs several times in a row is quicker, and the more so the shorter a run is: so nobody does.
    """
    dice = random.Random(spec["seed"])  # noqa: S311 - an order
    commands = [work.command(position) for position in range(spec["size"])]
    all_turns: dict[str, Turns] = {}
    seconds = 0.0
    async with AsyncExitStack() as stack:
        for name in spec["contestants"]:
            player = await stack.enter_async_context(made(name, spec))
            run = partial(run_of(player, spec), player.given(commands))
            seconds += await warmed(run, player, work, spec)
            all_turns[name] = Turns(run, spec)
        gc.freeze()  # else each collection would look at all modules, and leave the processor's caches cold
        stack.callback(gc.unfreeze)
        least, most = spec["turns"]
        for _ in range(max(least, min(most, round(spec["seconds"] / seconds)))):
            for name in dice.sample(list(all_turns), len(all_turns)):
                await all_turns[name].take()
    for name, turns in all_turns.items():
        each = max(1, turns.statements // (turns.requests or 1))
        if name != "future":
            work.check(turns.results, spec["size"], each=each, is_exact=name != "model floor")
    return {name: turns.columns() for name, turns in all_turns.items()}


def made(name: str, spec: dict[str, Any]) -> Contestant:
    """Make a contestant."""
    player = CONTESTANTS[name].load()(spec["url"], spec["size"])
    player.way_in = spec.get("way_in", "guest")
    return player


def run_of(player: Contestant, spec: dict[str, Any]) -> Run:
    """Return how a contestant makes many calls: its own way, or a task for each."""
    return partial(Contestant.run, player) if spec["kind"] == "burst" else player.run


async def warmed(run: Run, player: Contestant, work: Work, spec: dict[str, Any]) -> float:
    """Let a contestant run until it is warm; return the seconds that a run takes."""
    few = [work.command(position) for position in range(min(spec["size"], spec["warm"]))]
    for _ in range(3):
        begun = time.perf_counter()
        await run_of(player, spec)(player.given(few))
        seconds = (time.perf_counter() - begun) * spec["size"] / len(few)
    if seconds < LONGEST_WARM_SECONDS:
        begun = time.perf_counter()
        await run()
        seconds = time.perf_counter() - begun
    return seconds


def stats(url: str) -> dict[str, int]:
    """Return what the server has seen so far."""
    root = "/".join(url.split("/", 3)[:3])
    with urllib.request.urlopen(f"{root}/stats") as answer:  # noqa: S310 - on loopback
        return json.load(answer)


def since(before: dict[str, int], url: str) -> tuple[int, int]:
    """Return the requests and statements that the server has seen since then."""
    after = stats(url)
    return after.get("requests", 0) - before.get("requests", 0), after.get("statements", 0) - before.get("statements", 0)


async def memory(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Return the bytes that a contestant's calls take at most, from the first one made to the last result."""
    (name,) = spec["contestants"]
    size = spec["size"]
    async with made(name, spec) as player:
        few = [work.command(position) for position in range(min(size, WARM_CALLS))]
        for _ in range(3):
            await player.run(player.given(few))
        gc.collect()
        tracemalloc.start()
        begun, _ = tracemalloc.get_traced_memory()
        results = await player.run(player.given(work.command(position) for position in range(size)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        work.check(results, size, each=size)
    return {name: {"bytes": (peak - begun) / size}}


async def flow(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Return what an endless run takes in time, and in memory of the process above its start."""
    (name,) = spec["contestants"]
    size = spec["size"]
    async with made(name, spec) as player:
        await player.run(player.given(iter([work.command(0)])))  # modules are loaded, and nothing is warm
        gc.collect()
        begun, before = resident(), stats(spec["url"])
        wall, cpu = time.perf_counter(), time.process_time()
        count = await player.run(player.given(work.command(position) for position in range(size)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak, (requests, _) = resident("VmHWM"), since(before, spec["url"])
    if count != size:
        raise RuntimeError(f"{count} results for {size} commands")
    return {name: {"wall": wall, "cpu": cpu, "bytes": peak - begun, "requests": requests}}


def resident(line: str = "VmRSS") -> int:
    """Return the bytes of memory that this process has now; `VmHWM`: at most since the last look at what it has now."""
    if line == "VmRSS" and _CLEAR.exists():
        _CLEAR.write_text("5")
    if not _STATUS.exists():
        import resource  # noqa: PLC0415 - where Linux' files are not

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    (value,) = (each.split()[1] for each in _STATUS.read_text().splitlines() if each.startswith(line))
    return int(value) * 1024


async def staggered(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Let tasks make calls in a loop with pauses; seconds of wall and CPU, and of what single calls took."""
    found = {}
    names = random.Random(spec["seed"]).sample(spec["contestants"], len(spec["contestants"]))  # noqa: S311 - an order
    for name in names:
        async with made(name, spec) as player:
            await wander(player, work, spec | {"tasks": 10}, [])
            gc.collect()
            before, latencies = stats(spec["url"]), []
            wall, cpu = time.perf_counter(), time.process_time()
            await wander(player, work, spec, latencies)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            requests, _ = since(before, spec["url"])
        cuts = statistics.quantiles(latencies, n=1000)
        found[name] = {
            "wall": wall,
            "cpu": cpu,
            "requests": requests,
            **{f"p{percent}": cuts[int(percent * 10) - 1] for percent in (50, 90, 95, 99, 99.9)},
        }
    return found


async def wander(player: Contestant, work: Work, spec: dict[str, Any], latencies: list[float]) -> None:
    """Run the tasks to their end; what each call took is added to `latencies`."""

    async def task(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same pauses for everybody
        (command,) = player.given([work.command(number)])
        for _ in range(spec["each"]):
            await asyncio.sleep(dice.uniform(0, PAUSE))
            begun = time.perf_counter()
            await player.one(command)
            latencies.append(time.perf_counter() - begun)

    await asyncio.gather(*map(task, range(spec["tasks"])))


async def importing(spec: dict[str, Any], _: Work) -> dict[str, Any]:
    """Return the CPU that imports take in a fresh interpreter; all modules are compiled already, in a cache of this job."""
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        space = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        space["PYTHONPYCACHEPREFIX"] = cache
        for modules in spec["imports"].values():
            await imported(modules, space)
        for name, modules in spec["imports"].items():
            seconds = [await imported(modules, space) for _ in range(spec["repeats"])]
            found[name] = {"cpu": statistics.median(seconds)}
    return found


async def imported(modules: str, space: dict[str, str]) -> float:
    """Return the CPU that one import takes."""
    script = f"import time; begun = time.process_time(); import {modules}; print(time.process_time() - begun)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE, env=space)
    return float((await process.communicate())[0])


KINDS = {"timing": timing, "burst": timing, "memory": memory, "flow": flow, "staggered": staggered, "importing": importing}


def main(text: str) -> None:
    """Do one job."""
    spec = json.loads(text)
    if spec.get("is_plain"):
        sys.modules["orjson"] = None  # type: ignore[assignment] # for the library; the floor has it already
    sys.stdout.write(json.dumps(asyncio.run(KINDS[spec["kind"]](spec, WORKS[spec["work"]]))))


if __name__ == "__main__":
    main(sys.argv[1])
