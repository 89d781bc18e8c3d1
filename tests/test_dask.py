"""A job on a Dask cluster: two worker processes and a portal in this process, which judges what ran, and how often."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import anyio
import dask
import pytest
from distributed import Client, LocalCluster, Status

from aioliferay import AuthenticationError, ConnectError, LiferayError, Session
from aioliferay._journal import Journal
from aioliferay.dask import FromEnvironment, JobError, run_on, run_on_sync
from dask_desk import READ, REFUSED, WRITE, CountingPortal, Desk

FAST = {  # after a kill, leases are free again in three seconds, and not in forty
    "distributed.scheduler.locks.lease-timeout": "3s",
    "distributed.scheduler.locks.lease-validation-interval": "500ms",
    "distributed.worker.daemon": False,
}


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes."""
    with (
        dask.config.set(FAST),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with Client(cluster) as client:
        yield client


@pytest.fixture
def portal() -> CountingPortal:
    return CountingPortal(statement_cost=0.005)


@pytest.fixture
def closed_desk(tmp_path):
    """A portal whose services are not for guests."""
    portal = CountingPortal(guest=False)
    with portal.serve() as url:
        yield Desk(tmp_path, portal, url)


@pytest.fixture
def desk(portal, tmp_path):
    with portal.serve() as url:
        yield Desk(tmp_path, portal, url)


def workers_of(cluster, client) -> list[int]:
    """Return the processes of both workers, once Dask's nannies know them: they give up one that dies before that."""
    client.wait_for_workers(2)
    while not all(
        nanny.process is not None and nanny.process.status is Status.running for nanny in cluster.workers.values()
    ):
        time.sleep(0.01)
    return [nanny.pid for nanny in cluster.workers.values()]


def test_every_line_runs_once(desk, client):
    """Two workers share the partitions; each line runs once, keeps its number, and the same call again sends nothing."""
    desk.ask(*[READ, READ, WRITE, READ] * 60)
    progress = []
    summary = run_on_sync(client, desk.job, desk.opens, partition_lines=50, on_progress=progress.append)
    assert (True, {"ok": 240}, 240, "", None) == (
        summary.is_well,
        summary.counts,
        summary.lines,
        summary.stopped,
        summary.error,
    )
    assert [(1, 50), (2, 50), (3, 50), (4, 50), (5, 40)] == [(part.number, part.lines) for part in summary.parts]
    assert str(desk.folder / "out-00002.jsonl") == summary.parts[1].results
    assert str(desk.folder / "run-00002.sqlite") == summary.parts[1].journal
    assert [(n, f"n{n}", n) for n in range(1, 241)] == [(line["line"], line["id"], line["result"]) for line in desk.told()]
    assert dict.fromkeys(range(3, 241, 4), 1) == desk.ran()
    assert ({"ok": 240}, 240, desk.source.stat().st_size) == (progress[-1].counts, progress[-1].lines, progress[-1].offset)
    assert progress[-1].size == progress[-1].offset
    requests = len(desk.portal.requests)
    again = run_on_sync(client, desk.job, desk.opens, partition_lines=50)
    assert (True, {"ok": 240}, 0) == (again.is_well, again.counts, again.lines)
    assert requests == len(desk.portal.requests)


def test_limit_holds_for_all_workers_together(desk, client):
    """However many partitions want to send, and however many requests each, the portal has so many at once and no more."""
    desk.ask(*[READ] * 240)
    job = replace(desk.job, calls=4, parallel=4)
    for most in (1, 3):
        desk.portal.most = 0
        job = replace(job, results=str(desk.folder / f"out{most}.jsonl"), journal=str(desk.folder / f"run{most}.sqlite"))
        summary = run_on_sync(client, job, desk.opens, partition_lines=60, max_requests=most)
        assert (True, most) == (summary.is_well, desk.portal.most)


def test_failures_are_collected(desk, client):
    """What the portal refuses and what is no command is in the summary with its number and the reason, and stops nobody."""
    desk.ask(READ, REFUSED, "no command", READ, READ, REFUSED)
    summary = run_on_sync(client, desk.job, desk.opens, partition_lines=3)
    assert (False, "", {"ok": 3, "failed": 2, "invalid": 1}) == (summary.is_well, summary.stopped, summary.counts)
    assert [(2, "n2", "failed", REFUSED), (3, None, "invalid", ""), (6, "n6", "failed", REFUSED)] == [
        (each.line, each.id, each.outcome, each.path) for each in summary.failures
    ]
    assert "it is no JSON" in summary.failures[1].text
    desk.portal.is_refusing = False
    again = run_on_sync(client, replace(desk.job, repeats_failed=True), desk.opens, partition_lines=3)
    assert ([3], {"ok": 5, "invalid": 1}) == ([each.line for each in again.failures], again.counts)


def test_killed_workers_neither_lose_nor_repeat_lines(desk, cluster, client):
    """SIGKILL for both workers in the middle: others go on from the journals, and what nobody knows is listed, not repeated.

    Lines that are to be repeated if they are unknown are those of earlier runs, and not those of this one.
    """
    desk.ask(*[READ, WRITE, WRITE, READ] * 40)
    pids = workers_of(cluster, client)

    def kill(_number) -> None:
        if desk.ran().total() >= 25:
            while pids:
                os.kill(pids.pop(), signal.SIGKILL)

    desk.portal.on_write = kill
    job = replace(desk.job, repeats_unknown=True, is_overwriting=True)
    summary = run_on_sync(client, job, desk.opens, partition_lines=40)
    assert [] == pids
    assert ("", 160) == (summary.stopped, sum(summary.counts.values()))
    lost = [each.line for each in summary.failures]
    assert {1, 2} >= {len(lost)}
    assert {"ok": 160 - len(lost), "unknown": len(lost)} == summary.counts
    assert {"unknown"} == {each.outcome for each in summary.failures}
    told = desk.told()
    assert [*range(1, 161)] == [line["line"] for line in told]
    assert {1} == set(desk.ran().values())
    assert set(desk.writes()) - set(lost) <= set(desk.ran())

    again = run_on_sync(client, replace(desk.job, repeats_unknown=True), desk.opens, partition_lines=40)
    assert ({"ok": 160}, len(lost), ()) == (again.counts, again.lines, tuple(again.failures))
    assert set(desk.writes()) == set(desk.ran())
    assert {number for number, times in desk.ran().items() if times > 1} <= set(lost)


def test_partition_that_kills_its_workers_is_given_up(desk, cluster, client):
    """A partition whose workers die again and again is told as such; the others come to their ends."""
    desk.ask(*[READ] * 4, WRITE, *[READ] * 5)

    def kill(_number) -> None:
        for pid in workers_of(cluster, client):
            os.kill(pid, signal.SIGKILL)

    desk.portal.on_write = kill
    before, cluster.scheduler.allowed_failures = cluster.scheduler.allowed_failures, 0
    try:
        summary = run_on_sync(client, desk.job, desk.opens, partition_lines=5)
    finally:
        cluster.scheduler.allowed_failures = before
    assert ["its worker was lost 1 times: look for the reason in the logs of the workers"] == [
        part.stopped for part in summary.parts if part.number == 1
    ]
    assert isinstance(summary.error, LiferayError)
    desk.portal.on_write = lambda _: None
    again = run_on_sync(client, desk.job, desk.opens, partition_lines=5)
    assert ({"ok": 9, "unknown": 1}, [5]) == (again.counts, [each.line for each in again.failures])
    assert {5: 1} == desk.ran()


@pytest.fixture
def environment(client):
    """Sets variables of the environment of the workers, and of them only."""

    def change(**variables) -> None:
        client.wait_for_workers(2)
        client.run(_set, variables)

    yield change
    client.run(_forget, ["AIOLIFERAY_USER", "AIOLIFERAY_PASSWORD"])


def _set(variables) -> None:
    for name, value in variables.items():
        os.environ[name] = value


def _forget(names) -> None:
    for name in names:
        os.environ.pop(name, None)


@pytest.mark.parametrize("way", ["basic", "sign-in"])
def test_wrong_password_is_tried_once(way, closed_desk, client, environment):
    """A wrong password costs one attempt, whatever the number of partitions, and one report; corrected, the run goes on."""
    desk = closed_desk
    environment(AIOLIFERAY_USER="test@liferay.com", AIOLIFERAY_PASSWORD="guessed")
    desk.ask(*[READ, WRITE] * 40)
    job = replace(desk.job, owner="", calls=2, parallel=4)
    opens = FromEnvironment(desk.opens.args[0], way=way)
    summary = run_on_sync(client, job, opens, partition_lines=10)
    tries = desk.portal.sign_ins if way == "sign-in" else [each for each in desk.portal.requests if each.body]
    assert 1 == len(tries)
    assert isinstance(summary.error, AuthenticationError)
    assert str(summary.error) == summary.stopped
    assert ({}, 0, [], []) == (summary.counts, summary.lines, summary.failures, desk.portal.executions)
    assert 1 == sum(part.error is not None for part in summary.parts)
    assert "guessed" not in repr(summary)

    environment(AIOLIFERAY_PASSWORD="test")
    summary = run_on_sync(client, job, opens, partition_lines=10)
    assert (True, {"ok": 80}, {1}) == (summary.is_well, summary.counts, set(desk.ran().values()))
    environment(AIOLIFERAY_USER="joe@liferay.com")
    summary = run_on_sync(client, job, opens, partition_lines=10)
    assert "belongs to a run at" in summary.stopped
    assert "as test@liferay.com" in summary.stopped


def test_worker_without_credentials_is_told_once(desk, client):
    """A worker whose environment lacks the password says which variable it misses, and nothing is sent."""
    desk.ask(*[READ] * 40)
    summary = run_on_sync(client, desk.job, FromEnvironment(desk.opens.args[0]), partition_lines=5)
    assert isinstance(summary.error, LiferayError)
    assert "the environment of the worker has no AIOLIFERAY_USER" in summary.stopped
    assert [] == desk.portal.requests


def broken() -> Session:
    raise KeyError("vault")


def test_function_that_fails_is_told(desk, client):
    """What the function raises that opens sessions stops the run, and comes as an error of the library."""
    desk.ask(*[READ] * 10)
    summary = run_on_sync(client, desk.job, broken, partition_lines=5)
    assert ("'vault'", "KeyError: 'vault'", LiferayError) == (summary.stopped, str(summary.error), type(summary.error))


def test_portal_that_is_down_stops_all(tmp_path, client):
    """A portal that cannot be reached is told once; nothing is lost."""
    desk = Desk(tmp_path, CountingPortal(), "http://127.0.0.1:1")
    desk.ask(*[READ] * 30)
    summary = run_on_sync(client, desk.job, desk.opens, partition_lines=5)
    assert isinstance(summary.error, ConnectError)
    assert (1, 0) == (sum(part.error is not None for part in summary.parts), summary.lines)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancelled_run_stops_its_workers(desk, cluster):
    """Who cancels the run has it ended when the cancellation is through: nothing runs after that, and all is resumable."""
    desk.ask(*[WRITE] * 200)
    async with Client(cluster.scheduler_address, asynchronous=True) as client:
        with anyio.CancelScope() as scope:
            done = anyio.get_cancelled_exc_class()
            thread = threading.get_ident()

            def cancel(progress) -> None:
                assert thread == threading.get_ident()
                if progress.lines:
                    scope.cancel()

            with pytest.raises(done):
                await run_on(client, desk.job, desk.opens, partition_lines=50, on_progress=cancel)
        ran = desk.ran()
        assert 200 > ran.total() == len(desk.told())
        desk.portal.statement_cost = 0
        summary = await run_on(client, desk.job, desk.opens, partition_lines=50)
    assert (True, {"ok": 200}, 200 - ran.total()) == (summary.is_well, summary.counts, summary.lines)
    assert {1} == set(desk.ran().values())


CLIENT = """
import sys
from functools import partial
from distributed import Client
from aioliferay import Session
from aioliferay.dask import Job, run_on_sync

address, url, folder = sys.argv[1:]
job = Job(source=f"{folder}/calls.jsonl", results=f"{folder}/out.jsonl", journal=f"{folder}/run.sqlite", owner="guest")
run_on_sync(Client(address), job, partial(Session, url), partition_lines=150)
"""


def test_killed_client_stops_the_workers(desk, cluster, client):
    """When the client of a run is killed, its workers put down what they know, and send nothing more."""
    desk.ask(*[WRITE] * 300)
    reached = threading.Event()
    desk.portal.on_write = lambda _: reached.set()
    command = [sys.executable, "-c", CLIENT, cluster.scheduler_address, desk.opens.args[0], str(desk.folder)]
    with subprocess.Popen(command) as other:  # noqa: S603 - our own
        reached.wait()
        other.kill()
    while any(client.run(_busy).values()):
        time.sleep(0.01)
    ran = desk.ran().total()
    assert 300 > ran == len(desk.told())
    summary = run_on_sync(client, desk.job, desk.opens, partition_lines=150)
    assert (True, 300 - ran, {1}) == (summary.is_well, summary.lines, set(desk.ran().values()))


def _busy(dask_worker) -> int:
    return len(dask_worker.active_threads)


def test_journal_in_use_is_waited_for(desk, client):
    """A partition whose journal another process has open, as a worker that was given up wrongly, waits for it to be free."""
    desk.ask(*[READ] * 30)
    journal = Journal(desk.folder / "run-00002.sqlite")

    def free(progress) -> None:
        if progress.counts.get("ok") == 20:
            journal.close()

    summary = run_on_sync(client, desk.job, desk.opens, partition_lines=10, on_progress=free)
    assert (True, {"ok": 30}) == (summary.is_well, summary.counts)


def test_folder_that_is_not_shared_is_refused(desk, client):
    """A worker that sees another folder of the same name runs nothing there: the journals of others are not in it."""
    desk.ask(*[WRITE] * 300)
    mark = desk.folder / "run-partitions.json"
    desk.portal.on_write = lambda _: mark.unlink(missing_ok=True)
    summary = run_on_sync(client, desk.job, desk.opens, partition_lines=50)
    assert "is not the folder where the run began" in summary.stopped
    assert isinstance(summary.error, JobError)
    assert 300 > desk.ran().total() == len(desk.told())


def test_run_goes_on_with_the_same_partitions_only(desk, client):
    """Other partitions, or another input, are refused before anything is sent."""
    desk.ask(*[READ] * 20)
    run_on_sync(client, desk.job, desk.opens, partition_lines=10)
    requests = len(desk.portal.requests)
    with pytest.raises(JobError, match="begun with partitions of 10 lines"):
        run_on_sync(client, desk.job, desk.opens, partition_lines=7)
    desk.ask(*[READ] * 21)
    with pytest.raises(JobError, match="bytes when the run began"):
        run_on_sync(client, desk.job, desk.opens, partition_lines=10)
    (desk.folder / "run-partitions.json").write_text("{}")
    with pytest.raises(JobError, match="none of ours"):
        run_on_sync(client, desk.job, desk.opens, partition_lines=10)
    (desk.folder / "run-partitions.json").unlink()
    (desk.folder / "run-partitions.json").mkdir()
    with pytest.raises(JobError, match="cannot be written"):
        run_on_sync(client, desk.job, desk.opens, partition_lines=10)
    assert requests == len(desk.portal.requests)


@pytest.mark.parametrize(
    ("changes", "options", "error"),
    [
        ({"journal": None}, {}, ValueError("needs a journal")),
        ({"source": "calls.jsonl"}, {}, ValueError("must be absolute")),
        ({"journal": "/elsewhere/run.sqlite"}, {}, ValueError("must be in one folder")),
        ({}, {"opens": ("user", "password")}, TypeError("opens= takes a function")),
        ({}, {"partition_lines": 0}, ValueError("at least 1")),
        ({}, {"max_requests": 0}, ValueError("at least 1")),
    ],
)
def test_what_cannot_be_run_is_refused(changes, options, error, desk, client):
    """What would go wrong on a cluster is refused where it was written."""
    arguments = {"opens": desk.opens, **options}
    with pytest.raises(type(error), match=str(error)):
        run_on_sync(client, replace(desk.job, **changes), arguments.pop("opens"), **arguments)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_each_kind_of_client_has_its_function(desk, client, cluster):
    """A client of the wrong kind is told which function is for it."""
    with pytest.raises(TypeError, match="use run_on_sync"):
        await run_on(client, desk.job, desk.opens)
    async with Client(cluster.scheduler_address, asynchronous=True) as other:
        with pytest.raises(TypeError, match="use await run_on"):
            run_on_sync(other, desk.job, desk.opens)
