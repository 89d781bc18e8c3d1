"""When a run of a job stops before its end: hopeless cases, interruptions, failures; and what it leaves to the next run."""

from __future__ import annotations

import anyio
import httpx
import pytest

from aioliferay import RetryPolicy, _running
from aioliferay._feeding import JobError
from aioliferay._job import Stop
from aioliferay._journal import Journal, JournalError
from aioliferay._recording import Results, ResultsError
from job_desk import BAD_WRITE, READ, WRITE, Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


PAGE = "<html><form action='/c/portal/login'></form></html>"


@pytest.mark.parametrize(
    ("answer", "text", "requests"),
    [
        (httpx.ConnectError("refused"), "no connection", 3),
        (httpx.Response(401), "the portal asks for credentials", 1),
        (httpx.Response(200, text=PAGE, headers={"content-type": "text/html"}), "sign-in page", 1),
        (httpx.Response(302, headers={"location": "http://elsewhere.test/"}), "the portal is elsewhere", 1),
        (httpx.Response(407), "status 407", 1),
    ],
)
async def test_hopeless_run_stops_at_once(answer, text, requests, desk, wire):
    """Where every line would fail in the same way, the run stops with the first: nothing is lost, and the same goes on."""
    desk.ask(*[WRITE] * 50)
    wire.answer = answer
    async with wire.session(retry=RetryPolicy(first_delay=0)) as session:
        summary = await desk.run(session)
        assert requests >= len(wire.requests)
        assert text in summary.stopped
        assert text in str(summary.error)
        assert ([], 0) == (desk.results(), summary.lines)
        assert summary.left > 0
        assert [] == desk.notices
        wire.answer = None
        summary = await desk.run(session)
    assert (True, 50) == (summary.is_well, len(wire.executed))


async def test_refusal_of_the_address_stops_at_once(desk, wire):
    """A portal that refuses this computer refuses all of its calls."""
    desk.ask(*[WRITE] * 50)
    wire.answer = httpx.Response(403, text="Access denied for 10.0.0.1")
    async with wire.session() as session:
        summary = await desk.run(session)
    assert (1, True) == (len(wire.requests), "Access denied for 10.0.0.1" in summary.stopped)


@pytest.mark.parametrize("answer", [httpx.ReadError("cut"), httpx.Response(503), httpx.Response(200, text="<p>down</p>")])
async def test_silence_stops_after_a_while(answer, desk, wire):
    """Three requests in a row without a word of the portal's are enough: the other lines are not wasted on it."""
    desk.ask(*[WRITE] * 50)
    wire.answer = answer
    async with wire.session() as session:
        summary = await desk.run(session)
    assert (3, 3) == (len(wire.requests), len(desk.results()))
    assert {"unknown": 3} == summary.counts
    assert summary.stopped


async def test_silence_now_and_then_does_not_stop(desk, wire):
    """A request without an answer among others that have one is no reason to stop."""
    desk.ask(*[WRITE] * 12)
    wire.script = [httpx.ReadError("cut"), httpx.ReadError("cut"), None] * 4
    async with wire.session() as session:
        summary = await desk.run(session)
    assert ({"unknown": 8, "ok": 4}, "") == (summary.counts, summary.stopped)


async def test_refusals_do_not_stop(desk, wire):
    """That the portal refuses line after line is its word, and no reason to stop, also where nobody knows what ran."""
    desk.ask(*[BAD_WRITE] * 30)
    async with wire.session() as session:
        summary = await desk.run(session, writes="together", calls=5)
    assert ({"unknown": 30}, "") == (summary.counts, summary.stopped)


async def test_asked_to_stop_it_lets_end_what_is_in_flight(desk, wire):
    """Who asks for the end gets what is in flight, put down; nothing more is sent, and the next run goes on."""
    desk.ask(*[WRITE] * 9)
    stop, gate = Stop(), wire.hold()
    summaries = []

    async def run(session) -> None:
        summaries.append(await desk.run(session, stop=stop))

    async with wire.session() as session:
        async with anyio.create_task_group() as group:
            group.start_soon(run, session)
            await wire.arrived.wait()
            stop.ask("interrupted")
            gate.set()
        (summary,) = summaries
        assert ({"ok": 1}, "interrupted", None) == (summary.counts, summary.stopped, summary.error)
        assert (1, []) == (len(wire.executed), desk.notices)
        assert summary.left > 0
        wire.gate = None
        summary = await desk.run(session)
    assert (True, 9) == (summary.is_well, len(wire.executed))


async def test_stop_that_was_asked_for_before_sends_nothing(desk, wire):
    """A run that was stopped before it began sends nothing."""
    desk.ask(*[READ] * 9)
    stop = Stop()
    stop.ask("interrupted")
    async with wire.session() as session:
        summary = await desk.run(session, stop=stop)
    assert ([], "interrupted", {}) == (wire.requests, summary.stopped, summary.counts)


async def test_what_does_not_end_in_time_is_aborted(desk, wire, monkeypatch):
    """What is still in flight after the time that it has is aborted: a write is unknown then, and put down as such."""
    monkeypatch.setattr(_running, "_GRACE_SECONDS", 0.01)
    desk.ask(WRITE, WRITE)
    stop = Stop()
    wire.hold()
    async with wire.session() as session, anyio.create_task_group() as group:

        async def run() -> None:
            summary = await desk.run(session, stop=stop)
            assert ({"unknown": 1}, "interrupted") == (summary.counts, summary.stopped)

        group.start_soon(run)
        await wire.arrived.wait()
        stop.ask("interrupted")
    assert ({1: "unknown"}, [(1, "unknown")]) == (desk.outcomes(), desk.told())


async def test_cancelled_run_puts_down_what_it_knows(desk, wire):
    """A run that is cancelled aborts what is in flight, puts down what is known, and leaves the rest to the next run."""
    desk.ask(READ, WRITE, WRITE)
    async with wire.session() as session:
        async with anyio.create_task_group() as group:
            group.start_soon(desk.run, session)
            await wire.arrived.wait()
            wire.hold()
            await wire.arrived.wait()
            group.cancel_scope.cancel()
        assert "unknown" in desk.outcomes().values()
        wire.gate = None
        await desk.run(session)
    outcomes = desk.outcomes()
    assert [1, 2, 3] == list(outcomes)
    assert 1 == [*outcomes.values()].count("unknown")


async def test_closed_session_stops(desk, wire):
    """A session that is closed under a run ends it, with what is known put down."""
    desk.ask(*[WRITE] * 5)
    gate = wire.hold()
    session = wire.session()

    async def run() -> None:
        summaries.append(await desk.run(session))

    summaries = []
    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await wire.arrived.wait()
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        gate.set()
    (summary,) = summaries
    assert "closed" in summary.stopped
    assert len(wire.executed) == summary.counts.get("ok", 0) + summary.counts.get("unknown", 0)


async def test_journal_that_fails_stops_before_the_next_write(desk, wire, monkeypatch):
    """If the journal cannot be written, no write leaves, and the reason is raised."""
    desk.ask(WRITE, WRITE)
    commit = Journal.commit

    def fail(journal, change) -> None:
        if change.sent:
            raise JournalError("the disk is full")
        commit(journal, change)

    monkeypatch.setattr(Journal, "commit", fail)
    async with wire.session() as session:
        with pytest.raises(JournalError, match="the disk is full"):
            await desk.run(session)
    assert [] == wire.requests


async def test_results_that_cannot_be_written_stop_it(desk, wire, monkeypatch):
    """If the results cannot be written, the run ends with the reason, also where nothing else happens."""
    desk.ask(READ)

    def fail(*_: object, **__: object) -> None:
        raise ResultsError("the disk is full")

    monkeypatch.setattr(Results, "append", fail)
    wire.script = [None]
    async with wire.session() as session:
        with pytest.raises(ResultsError, match="the disk is full"):
            await desk.run(session)


async def test_failure_between_two_answers_is_noticed(desk, wire, monkeypatch):
    """If the results cannot be written while the portal is slow, the run does not wait for it."""
    desk.ask(READ, WRITE)

    def fail(*_: object, **__: object) -> None:
        raise ResultsError("the disk is full")

    async with wire.session() as session, anyio.create_task_group() as group:

        async def run() -> None:
            with pytest.raises(ResultsError, match="the disk is full"):
                await desk.run(session)

        group.start_soon(run)
        await wire.arrived.wait()
        wire.hold()
        monkeypatch.setattr(Results, "append", fail)


async def test_input_that_ends_in_the_middle_of_a_block_is_told(desk, wire, monkeypatch):
    """If the input breaks off after some lines, these end, and the reason is told."""
    desk.ask(*[READ] * 5000)
    block = _running.Source._block
    blocks = []

    def fail(source) -> bytes:
        blocks.append(source)
        if len(blocks) > 1:
            raise OSError(5, "Input/output error")
        return block(source)

    monkeypatch.setattr(_running.Source, "_block", fail)
    async with wire.session() as session:
        summary = await desk.run(session)
    assert "calls.jsonl cannot be read: Input/output error" in summary.stopped
    assert isinstance(summary.error, JobError)
    assert 0 < summary.counts["ok"] < 5000
    assert 0 == summary.left
