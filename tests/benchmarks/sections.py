"""The tables beside the targets: which jobs they need, and what stands in them. Knows figures; does not measure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contestants.base import CONTESTANTS
from rows import (
    BURSTS,
    FAST_ENTRIES,
    FLOWS,
    LATE_WANDER,
    LATENCIES,
    LATENCY,
    MIB,
    MIXED_MODELS,
    ONE_MODEL,
    PEERS,
    TARGETS,
    VOID,
    WANDER,
    Job,
    peer_job,
)
from works import WORKS, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from noise import Figure

Rounds = dict[str, list[dict[str, dict[str, float]]]]  # what the rounds brought, by the label of the job
SIZES = (1, 10, 1_000, 100_000)
OURS = ("batch", "awaited", "service", "catalog batch", "default batch")
NEAR = ("floor", "sketch", "batch")  # compared closely
PAUSES = (0, 5, 20)  # ms
COLD = {name: Job("timing", (name, "web3")) for name in NEAR}  # each run comes after a long one of somebody else's
LATE = ("floor", "sketch", "batch", "aiodataloader", "pjrpc", "aiohttp gather")
ENTRIES = ("pjrpc", "aiodataloader", "web3", "gql", "aiohttp gather", "httpx sequential")
PORTAL_SIZES = (1, 10, 100, 1_000)
WAYS = {
    "portal batch": "one batch",
    "portal auto": "automatic batch",
    "portal gather": "gather",
    "portal single": "one by one",
}
WAYS_IN = ("basic", "signed in")


@dataclass(frozen=True)
class Table:
    """A table with its title, and the name of its place on the page; cells are text."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sized(name: str, size: int) -> Job:
    """Return the job in which a contestant makes so many void calls."""
    if name in NEAR:
        return VOID if size == VOID.size else replace(VOID, contestants=NEAR, size=size)
    if size == VOID.size and name in OURS:
        return Job("timing", OURS)
    return peer_job(name) if size == VOID.size and name in PEERS else Job("timing", (name,), size=size)


def paused(pause: int) -> Job:
    """Return the job in which those that are compared closely pause for so many ms before each run."""
    return replace(VOID, contestants=NEAR, pause=pause) if pause else VOID


def _late(name: str) -> Job:
    return replace(sized(name, VOID.size), latency=LATENCY, contestants=(name,))


def _entries(name: str) -> Job:
    return Job("timing", (name,), "entries")


def portal_job(way_in: str, way: str, size: int) -> Job:
    """Return the job in which so many reads are made of the portal, as one that is known by basic authentication or not."""
    return Job("timing", (way,), "reads", size=size, way_in=way_in)


def _is_bearable(way_in: str, way: str, size: int) -> bool:
    # Under basic authentication 1,000 requests take a minute or two: the table says what follows from 100.
    return way in {"portal batch", "portal auto"} or way_in == "signed in" or size <= 100


def _sizes(name: str) -> list[int]:
    least = VOID.size if name in OURS[1:] else 1  # the variants differ little
    return [size for size in SIZES if least <= size <= CONTESTANTS[name].most]


SWEEP = ["floor", "sketch", *OURS, *PEERS]
SECTIONS: dict[str, list[Job]] = {
    "sizes": [sized(name, size) for name in SWEEP for size in _sizes(name)],
    "works": [FAST_ENTRIES, ONE_MODEL, MIXED_MODELS, *map(_entries, ENTRIES)],
    "pauses": [*map(paused, PAUSES), *COLD.values()],
    "late": [_late(name) for name in LATE],
    "peak": [
        Job("memory", (name,), size=min(100_000, CONTESTANTS[name].most)) for name in SWEEP if name != "httpx sequential"
    ],
    "flow": [job for jobs in FLOWS.values() for job in jobs.values()],
    "automatic": [*BURSTS.values(), WANDER, LATE_WANDER],
    "portal": [
        portal_job(way_in, way, size)
        for way_in in WAYS_IN for way in WAYS for size in PORTAL_SIZES if _is_bearable(way_in, way, size)
    ],
}  # fmt: skip


class Measured:
    """The figures of a run, by job."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds

    def median(self, job: Job, name: str, column: str) -> float | None:
        """Return the median of the rounds, also of those of a quick run; None if the job was not measured."""
        rounds = self._rounds.get(job.label) or self._rounds.get(job.small().label)
        return statistics.median(each[name][column] for each in rounds) if rounds else None

    def is_small(self, job: Job) -> bool:
        """Tell whether only a quick run has figures of a job."""
        return job.label not in self._rounds


def number(value: float | None) -> str:
    """Return a figure with three digits that count."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def targets_table(figures: Mapping[str, Figure]) -> Table:
    """Return the table of targets, with the figures that there are."""
    rows = []
    for target in TARGETS:
        if target.name in figures:
            figure = figures[target.name]
            limit = f"{'≤' if target.is_most else '≥'} {target.limit:g} {target.unit}".strip()
            verdict = figure.judged(target.limit, is_most=target.is_most)
            band = f" ± {number(figure.band)}" if figure.band else ""
            rows.append([target.what, limit, number(figure.median) + band, verdict])
    return Table("targets", "Targets", ["what", "target", "measured", ""], rows)


def tables(measured: Measured) -> list[Table]:
    """Return all tables for which there are figures, beside that of the targets."""
    made = [
        _sizes(measured, "cpu", "Client CPU for a void call (µs)", lambda value, size: value / size * 1e6),
        _sizes(measured, "wall", "Wall time of all calls (ms)", lambda value, _: value * 1e3),
        _sizes(measured, "requests", "Requests sent", lambda value, _: value),
        _paused(measured),
        _works(measured),
        _late_table(measured),
        _memory(measured),
        _flows(measured),
        _bursts(measured),
        *(_wandered(measured, job) for job in (WANDER, LATE_WANDER)),
        *(_portals(measured, way_in) for way_in in WAYS_IN),
    ]
    return [table for table in made if table.rows]


def _sizes(measured: Measured, column: str, title: str, scale: Callable[[float, int], float]) -> Table:
    rows = []
    for name in SWEEP:
        values = [measured.median(sized(name, size), name, column) for size in SIZES]
        if sum(value is not None for value in values) > 1:  # else it was measured for a target only
            cells = [None if value is None else scale(value, size) for value, size in zip(values, SIZES, strict=True)]
            rows.append([CONTESTANTS[name].title, *(number(cell) for cell in cells)])
    return Table(column, title, ["calls", *(f"{size:,}" for size in SIZES)], rows)


def _paused(measured: Measured) -> Table:
    rows = []
    for pause in PAUSES:
        runs = [measured.median(paused(pause), name, "cpu") for name in NEAR]
        if None not in runs:
            text = f"an empty loop of {pause} ms" if pause else "the run of another of these"
            rows.append([text, *(number(None if run is None else run * 1e3) for run in runs)])
    runs = [measured.median(job, name, "cpu") for name, job in COLD.items()]
    if None not in runs:
        rows.append(["a run of web3.py, or of its own", *(number(None if run is None else run * 1e3) for run in runs)])
        theirs = [measured.median(job, "web3", "cpu") for job in COLD.values()]
        ratios = [their / our for their, our in zip(theirs, runs, strict=True) if their is not None and our is not None]
        rows.append(["the same: web3.py over it", *map(number, ratios)])
    head = ["what is before each run", *(CONTESTANTS[name].title for name in NEAR)]
    return Table("pauses", "1,000 void calls after a pause: client CPU (ms)", head, rows)


def _works(measured: Measured) -> Table:
    rows = []
    for job, name, text in (
        (FAST_ENTRIES, "floor", "untyped"), (FAST_ENTRIES, "batch", "untyped"),
        *((_entries(name), name, "untyped") for name in ENTRIES),
        (ONE_MODEL, "model floor", "models of one class"), (ONE_MODEL, "batch", "models of one class"),
        (MIXED_MODELS, "batch", "models of four classes"),
    ):  # fmt: skip
        if (cpu := measured.median(job, name, "cpu")) is not None:
            wall = measured.median(job, name, "wall") or 0
            rows.append([CONTESTANTS[name].title, text, number(cpu / job.size * 1e6), number(wall * 1e3)])
    title = "1,000 entries of 23 properties and 600 bytes"
    return Table("works", title, ["", "results", "client CPU for a call (µs)", "wall time of all (ms)"], rows)


def _late_table(measured: Measured) -> Table:
    rows = []
    for name in LATE:
        if (wall := measured.median(_late(name), name, "wall")) is not None:
            requests = measured.median(_late(name), name, "requests")
            rows.append([CONTESTANTS[name].title, number(wall * 1e3), number(wall * 1e3 / LATENCY), f"{requests:,.0f}"])
    title = f"1,000 void calls to a server {LATENCY} ms away"
    return Table("late", title, ["", "wall time (ms)", LATENCIES, "requests"], rows)


def _memory(measured: Measured) -> Table:
    rows = []
    for job in SECTIONS["peak"]:
        (name,) = job.contestants
        if (value := measured.median(job, name, "bytes")) is not None:
            rows.append([CONTESTANTS[name].title, f"{job.size:,}", number(value)])
    title = "Peak memory of a void call, from the first call made to the last result"
    return Table("memory", title, ["", "calls", "bytes a call"], rows)


def _flows(measured: Measured) -> Table:
    rows = []
    for work, jobs in FLOWS.items():
        for name, job in jobs.items():
            count = job.small().size if measured.is_small(job) else job.size
            if (wall := measured.median(job, name, "wall")) is not None:
                cpu, room, requests = (measured.median(job, name, column) or 0 for column in ("cpu", "bytes", "requests"))
                cells = [number(count / wall), number(cpu / count * 1e6), number(room / MIB), f"{requests:,.0f}"]
                rows.append([CONTESTANTS[name].title, f"{len(results_of(WORKS[work].shape, 1)[0])} bytes", *cells])
    head = ["", "results of", "calls a second", "client CPU for a call (µs)", "memory above the start (MiB)", "requests"]
    return Table("flow", "A stream of 1,000,000 calls", head, rows)


def _bursts(measured: Measured) -> Table:
    rows = []
    for name, job in BURSTS.items():
        if (wall := measured.median(job, name, "wall")) is not None:
            cpu, requests = (measured.median(job, name, column) or 0 for column in ("cpu", "requests"))
            cells = [number(wall * 1e3), number(job.size / wall), number(cpu / job.size * 1e6), f"{requests:,.0f}"]
            rows.append([CONTESTANTS[name].title, *cells])
    head = ["", "wall time (ms)", "calls a second", "client CPU for a call (µs)", "requests"]
    return Table("burst", "A burst: 1,000 tasks, each with one call", head, rows)


def _wandered(measured: Measured, job: Job) -> Table:
    rows = []
    for name in job.contestants:
        if (wall := measured.median(job, name, "wall")) is not None:
            percentiles = [measured.median(job, name, column) or 0 for column in ("p50", "p90", "p95", "p99", "p99.9")]
            requests = measured.median(job, name, "requests")
            cells = [*(number(value * 1e3) for value in percentiles), number(wall), f"{requests:,.0f}"]
            rows.append([CONTESTANTS[name].title, *cells])
    name = "staggered-late" if job.latency else "staggered"
    title = f"200 tasks that pause 0 to 10 ms before each call, server {job.latency} ms away: milliseconds of a call"
    return Table(name, title, ["", "p50", "p90", "p95", "p99", "p99.9", "seconds in all", "requests"], rows)


def _portals(measured: Measured, way_in: str) -> Table:
    rows = []
    for way, text in WAYS.items():
        walls = [measured.median(portal_job(way_in, way, size), way, "wall") for size in PORTAL_SIZES]
        if walls[0] is not None:
            cells = [number(None if wall is None else wall * 1e3) for wall in walls]
            if walls[-1] is None and walls[-2] is not None:
                cells[-1] = f"({number(walls[-2] * 1e4)})"
            rows.append([text, *cells])
    title = {"basic": "under basic authentication", "signed in": "signed in"}[way_in]
    head = ["reads", *(f"{size:,}" for size in PORTAL_SIZES)]
    return Table(f"portal-{way_in.replace(' ', '-')}", f"Reads from a portal, {title}: milliseconds", head, rows)
