"""What is measured: jobs, and the targets that their figures are held to. Knows the ratios; does not measure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from contestants.base import CONTESTANTS
from works import WORKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIB = 1 << 20
TIMES = "\N{MULTIPLICATION SIGN}"
LATENCIES = f"{TIMES} the latency"
LATENCY = 20  # ms
TASKS = 200
IMPORTED = 5  # times, each in a fresh interpreter
SLOW = frozenset({"httpx gather", "httpx sequential", "aiohttp gather"})  # one run is sample enough
LONG = SLOW | {"web3", "gql", "msgraph"}  # a run is so long that what comes after it starts cold
IMPORTS = {"aioliferay": "aioliferay", "its parts": "httpx, anyio, pydantic"}


@dataclass(frozen=True)
class Job:
    """One measurement in a process of its own; contestants that are compared closely share one.

    Attributes:
        kind: what is measured; see `job.KINDS`.
        contestants: who takes part.
        work: what is asked.
        size: calls.
        latency: of the server, in ms.
        cost: of a statement at the server, in µs.
        each: calls of each task that wanders.
        is_plain: whether the library finds no faster JSON.
        pause: before each run, in ms, which are spent in an empty loop.
        way_in: how a portal is told who calls; empty for the server on loopback.
    """

    kind: str
    contestants: tuple[str, ...]
    work: str = "void"
    size: int = 1_000
    latency: int = 0
    cost: int = 0
    each: int = 0
    is_plain: bool = False
    pause: int = 0
    way_in: str = ""

    @property
    def label(self) -> str:
        """What stands for it in files."""
        parts = {name: value for name, value in asdict(self).items() if value and name not in {"kind", "contestants"}}
        return f"{self.kind} {'+'.join(self.contestants)} " + " ".join(f"{name}={value}" for name, value in parts.items())

    def spec(self, roots: Mapping[str, str], seed: int, *, is_quick: bool = False) -> dict[str, Any]:
        """Return what the process is told."""
        url = f"{roots['loopback']}/{WORKS[self.work].shape}/{self.latency}/{self.cost}"
        if self.way_in:
            url = roots["portal"]
        turns, seconds = (2, 2) if is_quick else (5, 50), 3.0  # at least and at most; how long they may take
        if self.way_in:
            turns, seconds = (1, 15), 0.1
        if self.size > 1_000 or not SLOW.isdisjoint(self.contestants):
            turns = 1, 1
        return asdict(self) | {
            "url": url,
            "seed": seed,
            "turns": turns,
            "seconds": seconds,
            "repeats": IMPORTED,
            "warm": 5 if self.way_in else 200,
            "way_in": self.way_in or "guest",
            "tasks": TASKS,
            "imports": IMPORTS,
        }

    def small(self) -> Job:
        """Return a smaller one, for a quick look."""
        return replace(self, size=self.size // 20 if self.kind == "flow" else self.size, each=min(self.each, 10))


Round = dict[Job, dict[str, dict[str, float]]]  # what one round brought, by job, contestant and column


@dataclass(frozen=True)
class Target:
    """A row of the table of targets.

    Attributes:
        name: for the command line.
        what: is measured, as a reader reads it.
        limit: what the figure is held to; at most, or at least if not `is_most`.
        unit: of the figure.
        jobs: whose figures it needs.
        value: the figure of one round.
    """

    name: str
    what: str
    limit: float
    unit: str
    jobs: tuple[Job, ...]
    value: Callable[[Round], float]
    is_most: bool = True


def _per(unit: Job, name: str, other: str, column: str = "cpu") -> Callable[[Round], float]:
    return lambda found: found[unit][name][column] / found[unit][other][column]


def _between(first: tuple[Job, str], second: tuple[Job, str], column: str) -> Callable[[Round], float]:
    return lambda found: found[first[0]][first[1]][column] / found[second[0]][second[1]][column]


VOID = Job("timing", ("floor", "sketch", "batch", "future"))
BIG = replace(VOID, contestants=("batch",), size=100_000)
ENTRIES = Job("timing", ("floor", "batch"), "entries", is_plain=True)
FAST_ENTRIES = replace(ENTRIES, is_plain=False)
ONE_MODEL = Job("timing", ("model floor", "batch"), "one model")
MIXED_MODELS = replace(ONE_MODEL, work="mixed models")
ONE = Job("timing", ("floor", "single"), "reads", size=1)
LATE = Job("timing", ("floor", "batch"), latency=LATENCY)
MEMORY = Job("memory", ("batch",), size=100_000)
STREAMS = ("stream", "paced stream", "chunked posts")
FLOWS = {
    work: {who: Job("flow", (who,), work, 1_000_000) for who in whose}
    for work, whose in (("reads", STREAMS), ("entries", ("stream", "chunked posts")))
}
BURSTS = {who: Job("burst", (who,), "reads") for who in ("auto", "aiodataloader", "aiohttp gather", "httpx gather")}
WANDER = Job("staggered", ("default auto", "aiodataloader", "ideal"), "reads", each=50)
LATE_WANDER = replace(WANDER, latency=LATENCY)
COSTLY = Job("timing", ("batch", "chunks"), "reads", cost=1_000)
IMPORT = Job("importing", ())
PEERS = {
    "aiodataloader": 2.0, "pjrpc": 2.7, "web3": 16, "gql": 18, "msgraph": 30, "aiohttp gather": 45, "httpx sequential": 320,
}  # fmt: skip


def _slope(name: str, what: str, work: str, who: str) -> Target:
    """Return a row for the power of the number of calls with which the cost grows: 1 is in proportion."""
    few = Job("timing", (who,), work)
    many = replace(few, size=100_000)

    def value(found: Round) -> float:
        return math.log(found[many][who]["cpu"] / found[few][who]["cpu"]) / math.log(many.size / few.size)

    return Target(
        f"slope-{name}", f"power with which the cost grows from 1,000 to 100,000: {what}", 1.1, "", (few, many), value
    )


def peer_job(name: str) -> Job:
    """Return the job in which a peer takes turns with ours; one whose run is long makes its turns by itself."""
    return Job("timing", (name,) if name in LONG else (name, "batch"))


def _peer(name: str, limit: float) -> Target:
    job = peer_job(name)
    title = f"client CPU, 1,000 void calls: {CONTESTANTS[name].title}, over ours"
    jobs = (job, VOID) if name in LONG else (job,)
    value = _between((job, name), (jobs[-1], "batch"), "cpu")
    return Target(f"peer-{name.replace(' ', '-')}", title, limit, TIMES, jobs, value, is_most=False)


def _stream(work: str, most: float) -> list[Target]:
    ours, bare = FLOWS[work]["stream"], FLOWS[work]["chunked posts"]
    results = {"reads": "void results", "entries": "600-byte results"}[work]
    head = f"stream of 1,000,000 calls, 4 of 1,000 in flight, {results}"
    speed = _between((bare, "chunked posts"), (ours, "stream"), "wall")
    return [
        Target(
            f"stream-memory-{work}", f"{head}: memory above the start", most, "MiB", (ours,),
            lambda found: found[ours]["stream"]["bytes"] / MIB,
        ),
        Target(
            f"stream-speed-{work}", f"{head}: throughput over bare chunked POSTs", 0.7, TIMES, (ours, bare), speed,
            is_most=False,
        ),
    ]  # fmt: skip


def _burst(peer: str, least: float) -> Target:
    value = _between((BURSTS[peer], peer), (BURSTS["auto"], "auto"), "wall")
    what = f"automatic batch, burst of 1,000 tasks: throughput over {CONTESTANTS[peer].title}"
    jobs = (BURSTS["auto"], BURSTS[peer])
    return Target(f"burst-{peer.replace(' ', '-')}", what, least, TIMES, jobs, value, is_most=False)


def _late_wander(column: str) -> Callable[[Round], float]:
    return lambda found: found[LATE_WANDER]["default auto"][column] * 1e3 / LATENCY


def _wander(name: str, what: str, limit: float, job: Job, value: Callable[[Round], float]) -> Target:
    head = "automatic batch, 200 tasks with pauses of 0 to 10 ms"
    unit = LATENCIES if name.startswith("late-p") else TIMES
    return Target(f"staggered-{name}", f"{head}: {what}", limit, unit, (job,), value, is_most=name != "throughput")


TARGETS = [
    Target("cpu", "client CPU, 1,000 untyped void calls in one batch", 2.2, "F", (VOID,), _per(VOID, "batch", "floor")),
    Target(
        "machinery", "machinery per call (client less F), in asyncio futures created, set, awaited", 4, "futures", (VOID,),
        lambda found: (found[VOID]["batch"]["cpu"] - found[VOID]["floor"]["cpu"]) / found[VOID]["future"]["cpu"],
    ),
    Target(
        "entries", "1,000 entries untyped, core dependencies only", 1.8, "F", (ENTRIES,), _per(ENTRIES, "batch", "floor"),
    ),
    Target(
        "entries-fast", "1,000 entries untyped, with orjson installed", 1.4, "F", (FAST_ENTRIES,),
        _per(FAST_ENTRIES, "batch", "floor"),
    ),
    Target(
        "models-mixed", "1,000 entries as models of four classes, over validate_json + POST", 1.4, TIMES, (MIXED_MODELS,),
        _per(MIXED_MODELS, "batch", "model floor"),
    ),
    Target(
        "models-one", "1,000 entries as models of one class, over validate_json + POST", 1.2, TIMES, (ONE_MODEL,),
        _per(ONE_MODEL, "batch", "model floor"),
    ),
    Target(
        "scale", "CPU per call at 100,000 over that at 1,000", 1.0, TIMES, (BIG, VOID),
        lambda found: found[BIG]["batch"]["cpu"] / BIG.size / (found[VOID]["batch"]["cpu"] / VOID.size),
    ),
    _slope("planning", "planning of calls that depend on others", "reads", "planned"),
    _slope("splitting", "default limits, 200 requests", "void", "default batch"),
    _slope("decoding", "entries untyped, and settling", "entries", "batch"),
    Target("single", "client CPU, one call over one raw POST", 1.10, TIMES, (ONE,), _per(ONE, "single", "floor")),
    *[_peer(name, limit) for name, limit in PEERS.items()],
    Target(
        "latency", "wall, 1,000 calls at 20 ms latency", 1.2, LATENCIES, (LATE,),
        lambda found: found[LATE]["batch"]["wall"] * 1e3 / LATENCY,
    ),
    Target(
        "memory", "peak memory per pending void call at 100,000", 400, "B", (MEMORY,),
        lambda found: found[MEMORY]["batch"]["bytes"],
    ),
    *_stream("reads", 8),
    *_stream("entries", 60),
    _burst("aiohttp gather", 7),
    _burst("httpx gather", 50),
    _burst("aiodataloader", 0.85),
    _wander(
        "throughput", "throughput over aiodataloader, latency 0", 1.35, WANDER,
        _per(WANDER, "aiodataloader", "default auto", "wall"),
    ),
    _wander("p99", "p99 over aiodataloader's, latency 0", 0.5, WANDER, _per(WANDER, "default auto", "aiodataloader", "p99")),
    _wander("late-p50", "p50 at 20 ms", 1.25, LATE_WANDER, _late_wander("p50")),
    _wander("late-p99", "p99 at 20 ms", 1.45, LATE_WANDER, _late_wander("p99")),
    _wander(
        "late-requests", "requests over aiodataloader's at 20 ms", 0.75, LATE_WANDER,
        _per(LATE_WANDER, "default auto", "aiodataloader", "requests"),
    ),
    Target(
        "parallel", "server at 1 ms a statement, 1,000 reads: one batch over chunks in parallel", 6, TIMES, (COSTLY,),
        _per(COSTLY, "batch", "chunks", "wall"), is_most=False,
    ),
    Target(
        "import", "process time of `import aioliferay` over `import httpx, anyio, pydantic`", 1.10, TIMES, (IMPORT,),
        _per(IMPORT, "aioliferay", "its parts"),
    ),
]  # fmt: skip
