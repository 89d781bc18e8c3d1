"""The benchmark suite: `python tests/benchmarks/bench.py --help`. Knows rounds, and where results are written."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noise import MOST_FOREIGN, Look
from publishing import figures, page_with, short, tables_of, write
from rows import TARGETS, Job, Round, Target
from sections import SECTIONS, Rounds

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs" / "explanation"
LEAST_ROUNDS = 7
TRIES = 3  # of a job that was disturbed, before its round goes without it
COUNTED = 3  # rounds of what is counted
EXTRA = 2  # times as many rounds as are asked for, until enough of them were quiet
JOB_SECONDS = 900
NAMED = (
    "aioliferay", "httpx", "httpcore", "anyio", "pydantic", "sniffio", "orjson", "aiodataloader", "pjrpc", "gql", "web3",
    "msgraph-core", "aiohttp",
)  # fmt: skip


def say(text: str = "") -> None:
    """Write a line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a line about the work."""
    sys.stderr.write(text + "\n")


class Bench:
    """Runs jobs in processes of their own against servers in processes of their own, and keeps what they bring."""

    def __init__(self, *, is_noise_fine: bool, is_quick: bool = False) -> None:
        self.is_noise_fine = is_noise_fine
        self.is_quick = is_quick
        self.roots: dict[str, str] = {}
        self.helpers: list[int] = []
        self.discarded = 0

    @contextlib.contextmanager
    def serving(self, name: str, script: str) -> Generator[None]:
        """Let a server run."""
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, HERE / script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.roots[name] = process.stdout.readline().strip()
        if not self.roots[name]:
            raise RuntimeError(f"{script} did not start: what it wrote stands above")
        self.helpers.append(process.pid)
        try:
            yield
        finally:
            self.helpers.remove(process.pid)
            process.communicate(timeout=10)

    @contextlib.contextmanager
    def awake(self) -> Generator[None]:
        """Keep the processors from sleeping, where that can be done; see `awake.py`."""
        with contextlib.ExitStack() as stack:
            for processor in os.sched_getaffinity(0) if sys.platform == "linux" else ():
                command = [sys.executable, HERE / "awake.py", str(processor)]
                waker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own script
                waker.stdout.readline()
                stack.callback(waker.communicate)
                stack.callback(self.helpers.remove, waker.pid)
                self.helpers.append(waker.pid)
            yield

    def round(self, number: int, jobs: Sequence[Job]) -> Round:
        """Run all jobs once, in an order of this round's own; those that were disturbed too often are missing."""
        order = random.Random(number).sample(jobs, len(jobs))  # noqa: S311 - an order
        found = {job: self._quiet(job, number) for job in order}
        return {job: result for job, result in found.items() if result is not None}

    def _quiet(self, job: Job, number: int) -> dict[str, dict[str, float]] | None:
        for _ in range(TRIES):
            before = Look.at(self.helpers)
            result = self._run(job, number)
            foreign = Look.at(self.helpers).foreign_since(before)
            if foreign <= MOST_FOREIGN or self.is_noise_fine:
                return result
            self.discarded += 1
            note(f"discarded, {foreign:.2f} processors were busy with something else: {job.label}")
        return None

    def _run(self, job: Job, number: int) -> dict[str, dict[str, float]]:
        spec = json.dumps(job.spec(self.roots, number, is_quick=self.is_quick))
        process = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, HERE / "job.py", spec], capture_output=True, text=True, timeout=JOB_SECONDS, check=False
        )
        if process.returncode:
            raise RuntimeError(f"{job.label} failed:\n{process.stderr}")
        return json.loads(process.stdout)


def measured(groups: Sequence[Sequence[Job]], rounds: int, bench: Bench, *, until: float = math.inf) -> list[Round]:
    """Run rounds until each group of jobs that are compared was often enough whole in one, or too many were disturbed.

    No round begins after `until`, a time of `time.monotonic`. Memory is counted, not clocked: three rounds do.
    """
    found: list[Round] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(bench.awake())
        stack.enter_context(bench.serving("loopback", "loopback_server.py"))
        if any(job.way_in for group in groups for job in group):
            stack.enter_context(bench.serving("portal", "measured_portal.py"))
        for number in range(rounds * EXTRA):
            lacking = [
                group
                for group in groups
                if sum(set(group) <= each.keys() for each in found) < min(rounds, COUNTED if is_counted(group) else rounds)
            ]
            jobs = list(dict.fromkeys(job for group in lacking for job in group))
            if not jobs or time.monotonic() > until:
                break
            note(f"round {number + 1}: {len(jobs)} jobs")
            found.append(bench.round(number, jobs))
    return found


def is_counted(group: Sequence[Job]) -> bool:
    """Tell whether nothing is clocked in these jobs."""
    return all(job.kind == "memory" for job in group)


def figures_of(targets: Iterable[Target], rounds: Sequence[Round], small: dict[Job, Job]) -> dict[str, list[float]]:
    """Return the values of each target, one for each round that has all that it needs."""
    values: dict[str, list[float]] = {}
    for target in targets:
        for each in rounds:
            view = {job: each[small[job]] for job in target.jobs if small[job] in each}
            if len(view) == len(target.jobs):
                values.setdefault(target.name, []).append(target.value(view))
    return values


def machine() -> dict[str, Any]:
    """Return what was measured on, and with what."""
    versions = {}
    for name in NAMED:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "transport": "httpx",
        "versions": versions,
        "faster JSON in the library": has_faster_json(),
    }


def has_faster_json() -> bool:
    """Tell whether the library takes orjson where it is installed."""
    script = "import sys, aioliferay, aioliferay._core.codec; print('orjson' in sys.modules)"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "True"  # noqa: S603 - ours


def report_of(
    names: Sequence[str], *, rounds: int, is_quick: bool, is_noise_fine: bool, minutes: float = math.inf
) -> dict[str, Any]:
    """Measure the rows and tables of these names, and return all there is to know."""
    about = machine()
    targets = [target for target in TARGETS if target.name in names]
    if not about["faster JSON in the library"]:
        targets = [target for target in targets if target.name != "entries-fast"]
    wanted = [*(target.jobs for target in targets), *((job,) for name in names for job in SECTIONS.get(name, ()))]
    small = {job: job.small() if is_quick else job for jobs in wanted for job in jobs}
    bench = Bench(is_noise_fine=is_noise_fine, is_quick=is_quick)
    until = time.monotonic() + minutes * 60
    found = measured([[small[job] for job in jobs] for jobs in wanted], rounds, bench, until=until)
    samples: Rounds = {}
    for each in found:
        for job, result in each.items():
            samples.setdefault(job.label, []).append(result)
    values = figures_of(targets, found, small)
    return short(
        about
        | {
            "rounds": min(rounds, len(found)),
            "is quick": is_quick,
            "jobs discarded": bench.discarded,
            "targets": values,
            "not measured": [target.name for target in targets if target.name not in values],
            "samples": samples,
        }
    )


def failures(report: dict[str, Any]) -> list[str]:
    """Return what `--check` complains of: targets that are missed by more than the noise, or could not be measured."""
    known = figures(report)
    missed = []
    for target in TARGETS:
        figure = known.get(target.name)
        if figure is not None and figure.judged(target.limit, is_most=target.is_most) == "misses":
            missed.append(f"{target.name}: {figure.median:.3g} {target.unit} ± {figure.band:.2g}, target {target.limit:g}")
    return missed + [f"{name}: too much else ran on this machine" for name in report["not measured"]]


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    names = [*(target.name for target in TARGETS), *SECTIONS]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", metavar="NAME,...", help=f"some of: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, help=f"{LEAST_ROUNDS} by default")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no further round after that")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: to see that it works")
    parser.add_argument("--noisy", action="store_true", help="keep what was measured while something else ran")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed by more than the noise")
    parser.add_argument("--out", type=Path, help="folder for JSON and plots; a full run writes those of the docs")
    chosen = parser.parse_args(arguments)
    chosen.names = chosen.rows.split(",") if chosen.rows else names
    if unknown := set(chosen.names) - set(names):
        parser.error(f"there is no row {min(unknown)!r}")
    chosen.is_full = not (chosen.rows or chosen.quick or chosen.noisy)
    chosen.rounds = chosen.rounds or (3 if chosen.quick else LEAST_ROUNDS)
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; return the status of the command."""
    chosen = options(arguments)
    report = report_of(
        chosen.names,
        rounds=chosen.rounds,
        is_quick=chosen.quick,
        is_noise_fine=chosen.noisy,
        minutes=chosen.minutes,
    )
    for table in tables_of(report):
        say(f"\n## {table.title}\n\n{table}")
    is_published = chosen.is_full and chosen.out is None and chosen.rounds >= LEAST_ROUNDS
    folder = DOCS / "performance" if is_published else chosen.out or Path(tempfile.mkdtemp(prefix="bench-"))
    write(report, folder)
    if is_published:
        page = DOCS / "performance.md"
        page.write_text(page_with(page.read_text("utf-8"), report), "utf-8")
    say(f"\nwritten to {folder}")
    complaints = failures(report) if chosen.check else []
    for complaint in complaints:
        say(f"missed: {complaint}")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
