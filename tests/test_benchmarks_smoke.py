"""The benchmark suite measures what it says, in a small run; how fast anything is, it tells who runs it in full."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"
sys.path.append(str(BENCHMARKS))  # scripts that import each other by name

import bench  # noqa: E402 - found by the line above
import job  # noqa: E402 - as above
import publishing  # noqa: E402 - as above
from contestants.base import CONTESTANTS  # noqa: E402 - as above
from measured_portal import Processors  # noqa: E402 - as above
from noise import Figure, Look  # noqa: E402 - as above
from rows import TARGETS, Job  # noqa: E402 - as above
from sections import SECTIONS, tables  # noqa: E402 - as above
from works import FIRST, WORKS  # noqa: E402 - as above

pytestmark = pytest.mark.slow

PAGE = BENCHMARKS.parent.parent / "docs" / "explanation" / "performance.md"
RESULTS = PAGE.parent / "performance" / "results.json"
ALL = [*(target.name for target in TARGETS), *SECTIONS]


@pytest.fixture(scope="module")
def servers():
    """A bench with both of its servers."""
    running = bench.Bench(is_noise_fine=True)
    with running.serving("loopback", "loopback_server.py"), running.serving("portal", "measured_portal.py"):
        yield running


def run(servers, kind, contestant, work="void", size=20, **more):
    """What one small job brings for its only contestant."""
    each = Job(kind, (contestant,), work, size, **more)
    spec = each.spec(servers.roots, 1) | {"turns": (1, 1), "warm": 2, "tasks": 3}
    return asyncio.run(job.KINDS[kind](spec, WORKS[work]))[contestant]


@pytest.mark.parametrize(
    ("form", "body", "answer"),
    [
        ("invoke", [{"/a/b": {"id": 1}}, {"/c/d": {}}], [None, None]),
        ("single", {"/a/b": {}}, None),
        ("graphql", [{"query": "q", "variables": {}}] * 2, [{"data": {"entry": None}}] * 2),
        ("jsonrpc", {"jsonrpc": "2.0", "id": 7, "method": "m"}, {"jsonrpc": "2.0", "id": 7, "result": None}),
        (
            "jsonrpc",
            [{"jsonrpc": "2.0", "method": "m", "id": number} for number in (5, 3)],
            [{"jsonrpc": "2.0", "id": number, "result": None} for number in (5, 3)],
        ),
    ],
)
def test_server_answers_each_form_of_a_request(servers, form, body, answer):
    """Each statement has its answer, under its own id where the form has ids."""
    assert answer == httpx.post(f"{servers.roots['loopback']}/null/0/0/{form}", json=body).json()


def test_server_answers_microsoft_graph(servers):
    """A batch of Microsoft Graph has its bodies under the ids of its requests, in any order of these."""
    body = {"requests": [{"id": name, "method": "GET", "url": "/x"} for name in ("b", "a")]}
    answer = httpx.post(f"{servers.roots['loopback']}/entry/0/0/$batch", json=body).json()["responses"]
    assert [("b", FIRST), ("a", FIRST + 1)] == [(each["id"], each["body"]["entryId"]) for each in answer]
    assert {200} == {each["status"] for each in answer}


def test_server_refuses_a_body_of_unknown_length(servers):
    """It reads lengths only: a chunked body ends with a refusal, not with a wrong count."""
    answer = httpx.post(f"{servers.roots['loopback']}/null/0/0/invoke", content=iter([b"[]"]))
    assert httpx.codes.LENGTH_REQUIRED == answer.status_code


@pytest.mark.parametrize(
    ("contestant", "work", "requests"),
    [
        ("floor", "void", 1),
        ("floor", "entries", 1),
        ("model floor", "one model", 1),
        ("batch", "void", 1),
        ("batch", "mixed models", 1),
        ("awaited", "entries", 1),
        ("default batch", "reads", 1),
        ("chunks", "reads", 10),
        ("service", "void", 1),
        ("catalog batch", "void", 1),
        ("single", "reads", 20),
    ],
)
def test_contestant_gets_the_results_of_its_calls(servers, contestant, work, requests):
    """The server counts the requests that a contestant is known for, and each call is a statement."""
    found = run(servers, "timing", contestant, work)
    assert (requests, 20) == (found["requests"], found["statements"])
    assert 0 < found["cpu"]
    assert 0 < found["wall"]


def test_contestants_take_turns(servers, monkeypatch):
    """Nobody runs several times in a row: each turn has every contestant once, and the requests of one run are counted."""
    taken = []

    class Watched(job.Turns):
        async def take(self):
            taken.append(self)
            await super().take()

    monkeypatch.setattr(job, "Turns", Watched)
    spec = Job("timing", ("floor", "sketch", "batch"), size=5).spec(servers.roots, 1) | {"turns": (4, 9), "seconds": 0}
    found = asyncio.run(job.timing(spec, WORKS["void"]))
    turns = [taken[start : start + 3] for start in range(0, 12, 3)]
    assert 12 == len(taken)
    assert {3} == {len(set(turn)) for turn in turns}
    assert len({tuple(map(id, turn)) for turn in turns}) > 1
    assert [1, 1, 1] == [columns["requests"] for columns in found.values()]


@pytest.mark.parametrize(
    ("each", "is_quick", "turns", "seconds"),
    [
        (Job("timing", ("floor",)), False, (5, 50), 3.0),
        (Job("timing", ("floor",)), True, (2, 2), 3.0),
        (Job("timing", ("floor",), size=100_000), False, (1, 1), 3.0),
        (Job("timing", ("httpx sequential",)), False, (1, 1), 3.0),
        (Job("timing", ("portal batch",), way_in="basic"), False, (1, 15), 0.1),
    ],
)
def test_number_of_turns(each, is_quick, turns, seconds):
    """Short runs have many turns, and long ones few."""
    spec = each.spec({"loopback": "http://x", "portal": "http://y"}, 1, is_quick=is_quick)
    assert (turns, seconds) == (spec["turns"], spec["seconds"])


def test_results_of_other_calls_are_refused():
    """A contestant that returns fewer results, or others, is not measured."""
    work = WORKS["entries"]
    right = [{"entryId": FIRST + position} for position in range(3)]
    work.check(right, 3, each=3)
    for wrong in (right[:2], right[::-1], [None] * 3):
        with pytest.raises(RuntimeError, match="results for 3 commands"):
            work.check(wrong, 3, each=3)


def test_burst_travels_together(servers):
    """A task for each call, all at once, and the automatic batch sends a single request."""
    assert (1, 20) == tuple(run(servers, "burst", "auto", "reads")[column] for column in ("requests", "statements"))


def test_staggered_calls_have_percentiles(servers):
    """Tasks that pause between calls are asked what each took; the slow ones are not quicker than the middle."""
    found = run(servers, "staggered", "auto", "reads", each=5)
    assert 0 < found["p50"] <= found["p99"] <= found["p99.9"]
    assert 1 <= found["requests"] <= 15


@pytest.mark.parametrize(("contestant", "work"), [("stream", "reads"), ("chunked posts", "entries")])
def test_flow_is_counted(servers, contestant, work):
    """An endless run has as many results as calls, in requests of at most a thousand."""
    found = run(servers, "flow", contestant, work, 3_000)
    assert 3 <= found["requests"]
    assert 0 <= found["bytes"]


def test_memory_is_that_of_the_calls(servers):
    """A call in a batch takes more than its 47 bytes on the wire, and less than a task would."""
    assert 47 < run(servers, "memory", "batch", size=2_000)["bytes"] < 3_000


@pytest.mark.parametrize(("way_in", "contestant"), [("basic", "portal batch"), ("signed in", "portal auto")])
def test_portal_with_costs_takes_users_in(servers, way_in, contestant):
    """The fake portal lets a user in, with either way; the calls are answered before it."""
    assert 1 == run(servers, "timing", contestant, "reads", 3, way_in=way_in)["requests"]


def test_portal_has_two_processors():
    """The third piece of work waits for the first to be done."""
    processors = Processors()
    assert [11.0, 12.0, 12.0] == [processors.done_at(10.0, seconds) for seconds in (1.0, 2.0, 1.0)]


@pytest.mark.parametrize(
    ("values", "limit", "is_most", "verdict"),
    [
        ([1.0, 1.1, 1.2], 1.1, True, "holds"),
        ([1.0, 1.1, 1.2], 1.05, True, "within the noise"),
        ([1.0, 1.1, 1.2], 1.15, False, "within the noise"),
        ([1.1, 1.1, 1.1], 1.0, True, "misses"),
        ([1.1], 1.2, False, "misses"),
    ],
)
def test_verdict_knows_the_noise(values, limit, is_most, verdict):
    """A median on the wrong side of its limit is a miss only if the rounds do not lie too far apart to tell."""
    assert verdict == Figure.of(values).judged(limit, is_most=is_most)


def test_load_of_others_is_what_is_not_ours():
    """Of three seconds of work in two seconds one was ours: one processor was busy with something else."""
    assert 1.0 == Look(12.0, 103.0, 6.0).foreign_since(Look(10.0, 100.0, 5.0))
    assert 0.0 == Look(12.0, None, 6.0).foreign_since(Look(10.0, None, 5.0))


def test_look_counts_processes():
    """Work of this process is ours, and so nobody else's."""
    before = Look.at([])
    until = time.process_time() + 0.1
    while time.process_time() < until:  # ten ticks of the system's clock, which counts in hundredths of a second
        pass
    after = Look.at([])
    assert before.own < after.own
    assert after.busy is None or before.busy < after.busy


@pytest.mark.skipif(sys.platform != "linux", reason="classes of processes are Linux' own")
def test_processors_are_kept_awake():
    """Each processor has a process of its own that gives way to any other, is no foreign load, and ends with the run."""
    running = bench.Bench(is_noise_fine=True)
    with running.awake():
        wakers = list(running.helpers)
        assert os.sched_getaffinity(0) == set().union(*map(os.sched_getaffinity, wakers))
        assert len(wakers) == len(os.sched_getaffinity(0))
        assert {os.SCHED_IDLE} == {os.sched_getscheduler(waker) for waker in wakers}
    assert [] == running.helpers
    assert [] == [waker for waker in wakers if Path(f"/proc/{waker}").exists()]


def full_report():
    """A report in which everything took the same."""
    columns = dict.fromkeys(("wall", "cpu", "bytes", "requests", "p50", "p90", "p95", "p99", "p99.9"), 1.0)
    jobs = [each for target in TARGETS for each in target.jobs] + [each for jobs in SECTIONS.values() for each in jobs]
    round_ = {each: dict.fromkeys((*each.contestants, "aioliferay", "its parts"), columns) for each in jobs}
    return publishing.short(
        {
            "date": "2026-11-26",
            "python": "CPython 3.11.7",
            "system": "Linux",
            "transport": "httpx",
            "versions": {"httpx": "0.28.1"},
            "faster JSON in the library": False,
            "rounds": 7,
            "targets": bench.figures_of(TARGETS, [round_] * 7, {each: each for each in jobs}),
            "not measured": [],
            "samples": {each.label: [result] * 7 for each, result in round_.items()},
        }
    )


def test_every_target_has_a_figure():
    """The figures that a full run brings are enough for each target and each table, and the page has a place for each."""
    report = full_report()
    assert {target.name for target in TARGETS} == set(report["targets"])
    assert len(ALL) == len(set(ALL))
    places = [match["name"] for match in publishing.PLACE.finditer(PAGE.read_text("utf-8"))]
    assert {"about", *(table.name for table in publishing.tables_of(report))} == set(places)
    assert len(places) == len(set(places))
    assert set(publishing.PLOTS) <= set(places)


def test_every_contestant_takes_part():
    """Nobody is listed in vain, and nobody plays who is not listed."""
    jobs = [each for target in TARGETS for each in target.jobs] + [each for jobs in SECTIONS.values() for each in jobs]
    assert set(CONTESTANTS) == {name for each in jobs for name in each.contestants}
    assert [] == [each for each in jobs for name in each.contestants if each.size > CONTESTANTS[name].most]


def test_check_complains_of_misses_and_of_what_is_missing():
    """`--check` fails for a target that is missed by more than the noise, and for one that could not be measured."""
    report = full_report() | {"targets": {"cpu": [2.0] * 7, "single": [1.0, 1.2, 1.3], "scale": [1.5] * 7}}
    assert ["scale: 1.5 \N{MULTIPLICATION SIGN} ± 0, target 1"] == bench.failures(report)
    assert bench.failures(report | {"targets": {}, "not measured": ["cpu"]})[0].startswith("cpu: too much else ran")


def test_page_shows_what_was_measured():
    """The tables of the page are those of the results beside it; a page that is written twice stays as it is."""
    page = PAGE.read_text("utf-8")
    filled = publishing.page_with(page, full_report())
    assert "*Not measured yet.*" not in filled
    assert filled == publishing.page_with(filled, full_report())
    if RESULTS.exists():
        assert page == publishing.page_with(page, json.loads(RESULTS.read_text("utf-8")))


def test_full_run_is_published(tmp_path, monkeypatch):
    """A full run writes its tables into the page and its figures beside it; its status tells of misses if it is asked."""
    (tmp_path / "performance.md").write_text(PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(bench, "DOCS", tmp_path)
    monkeypatch.setattr(bench, "report_of", lambda *_, **__: full_report())
    assert 0 == bench.main([])
    assert 1 == bench.main(["--check"])  # where everything takes the same, others are no slower
    assert "medians of 7 rounds" in (tmp_path / "performance.md").read_text("utf-8")
    written = json.loads((tmp_path / "performance" / "results.json").read_text("utf-8"))
    assert full_report() == written


def test_disturbed_job_takes_those_with_it_that_it_is_compared_with(monkeypatch):
    """Figures of one row come from the same round: if one of its jobs was disturbed, the round after it has them all."""
    first, second, other = (Job("timing", (name,)) for name in ("floor", "batch", "awaited"))
    ran = []

    def round_(self, number, jobs):
        ran.append(jobs)
        return {each: {} for each in jobs if (number, each) != (0, second)}

    monkeypatch.setattr(bench.Bench, "round", round_)
    found = bench.measured([[first, second], [other]], 1, bench.Bench(is_noise_fine=True))
    assert [[first, second, other], [first, second]] == ran
    assert 2 == len(found)


def test_round_of_a_busy_machine_goes_without_its_job(monkeypatch, capsys):
    """A job that something else disturbs is run again, a few times, and then left out of its round."""
    monkeypatch.setattr(Look, "foreign_since", lambda *_: 0.5)
    busy = bench.Bench(is_noise_fine=False)
    monkeypatch.setattr(busy, "_run", lambda *_: {})
    assert {} == busy.round(0, [Job("timing", ("floor",))])
    assert bench.TRIES == busy.discarded
    assert "0.50 processors were busy with something else" in capsys.readouterr().err


def test_job_that_fails_stops_the_run(servers):
    """What a contestant raises is told with its job."""
    with pytest.raises(RuntimeError, match=r"timing floor work=void size=2 failed(.|\n)*Connect"):
        replaced = bench.Bench(is_noise_fine=True)
        replaced.roots = {"loopback": "http://127.0.0.1:1"}
        replaced.round(0, [replace(Job("timing", ("floor",)), size=2)])


def test_command_measures_and_writes(tmp_path):
    """The command prints the tables of the rows that were picked, and writes all figures of each round."""
    command = [sys.executable, BENCHMARKS / "bench.py", "--quick", "--noisy", "--rounds", "1", "--out", tmp_path]
    done = subprocess.run([*command, "--rows", "cpu,machinery"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert "| client CPU, 1,000 untyped void calls in one batch | ≤ 2.2 F |" in done.stdout
    report = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert {"cpu", "machinery"} == set(report["targets"])
    assert [1, 1] == [len(values) for values in report["targets"].values()]
    ((found,),) = report["samples"].values()
    assert [*[(1, 1_000)] * 3, (0, 0)] == [(found[name]["requests"], found[name]["statements"]) for name in found]
    assert tables(publishing.Measured({})) == []


def test_command_knows_its_rows(capsys):
    """A row that does not exist is refused before anything is measured."""
    with pytest.raises(SystemExit):
        bench.options(["--rows", "cpu,nonsense"])
    assert "there is no row 'nonsense'" in capsys.readouterr().err
    assert (ALL, 7, True) == (bench.options([]).names, bench.options([]).rounds, bench.options([]).is_full)
    assert (3, False) == (bench.options(["--quick"]).rounds, bench.options(["--quick"]).is_full)
