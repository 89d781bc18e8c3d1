"""One run of a job: what is sent and put down, what goes again, and what is refused."""

from __future__ import annotations

import json

import httpx
import pytest

from aioliferay import BatchLimits
from aioliferay._feeding import JobError
from aioliferay._job import Notice, parts_of
from aioliferay._journal import Journal
from aioliferay._running import run_job
from job_desk import BAD_READ, BAD_WRITE, READ, WRITE, Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


async def test_each_line_is_sent_once_and_has_its_result(desk, wire):
    """Reads travel together, writes alone; each line has its result; a second run sends nothing and tells the same."""
    desk.ask(*[READ] * 5, WRITE, WRITE, "oops", BAD_WRITE, READ)
    async with wire.session() as session:
        summary = await desk.run(session)
        assert {"ok": 8, "failed": 1, "invalid": 1} == summary.counts
        assert (10, 0, "", None, False) == (summary.lines, summary.left, summary.stopped, summary.error, summary.is_well)
        assert sorted([(READ, n) for n in (1, 2, 3, 4, 5, 10)] + [(WRITE, 6), (WRITE, 7), (BAD_WRITE, 9)]) == sorted(
            wire.executed
        )
        assert all(len(batch) == 1 for batch in wire.batches if batch[0] != READ)
        again = await desk.run(session)
    assert (summary.counts, 0, 9) == (again.counts, again.lines, len(wire.executed))
    assert [(number, f"n{number}") for number in (1, 2, 3, 4, 5, 6, 7, 10)] == sorted(
        (line["result"], line["id"]) for line in desk.results() if line["outcome"] == "ok"
    )
    assert {8: "invalid", 9: "failed"} == {line: name for line, name in desk.outcomes().items() if name != "ok"}
    assert [Notice(8, 8, "invalid", None, "", "it is no JSON: expected value at character 1")] == desk.notices


async def test_failed_lines_are_sent_again_if_asked(desk, wire):
    """Lines that failed have ended, and go again only if asked; the results then have a line more for each."""
    desk.ask(READ, BAD_WRITE, "oops", BAD_READ)
    async with wire.session() as session:
        await desk.run(session)
        executed = len(wire.executed)
        await desk.run(session)
        assert executed == len(wire.executed)
        summary = await desk.run(session, repeats_failed=True)
    assert {(BAD_WRITE, 2), (BAD_READ, 4)} == set(wire.executed[executed:])
    assert ({"ok": 1, "failed": 2, "invalid": 1}, 2) == (summary.counts, summary.lines)
    assert [1, 2, 2, 3, 4, 4] == sorted(line["line"] for line in desk.results())


async def test_line_that_was_sent_and_has_no_outcome_is_unknown(desk, wire):
    """A write that a killed run had sent is told as unknown, has a result that says so, and is not sent again."""
    async with wire.session() as session:
        await desk.killed(session, 2)
        desk.ask(WRITE, WRITE, READ)
        summary = await desk.run(session)
        assert [(WRITE, 1), (READ, 3)] == sorted(wire.executed)
        assert ({"ok": 2, "unknown": 1}, 2, False) == (summary.counts, summary.lines, summary.is_well)
        assert [(2, "unknown")] == desk.told()
        assert (desk.notices[0].id, desk.notices[0].path) == ("n2", WRITE)
        (unknown,) = [line for line in desk.results() if line["outcome"] == "unknown"]
        assert ("n2", WRITE, "NoAnswerError") == (unknown["id"], unknown["path"], unknown["error"]["type"])
        await desk.run(session)
        assert (2, 1) == (len(wire.executed), len(desk.notices))


async def test_unknown_lines_are_sent_again_if_asked(desk, wire):
    """Unknown lines go again if asked: those that are put down as such, and those that a killed run has just left."""
    async with wire.session() as session:
        await desk.killed(session, 2)
        desk.ask(WRITE, WRITE, WRITE)
        await desk.run(session)
        desk.leave_sent(3)
        summary = await desk.run(session, repeats_unknown=True)
    assert [(WRITE, 1), (WRITE, 2), (WRITE, 3)] == sorted(wire.executed)
    assert ({"ok": 3, "unknown": 0}, True, [(2, "unknown")]) == (summary.counts, summary.is_well, desk.told())


async def test_write_without_an_answer_is_unknown(desk, wire):
    """A write whose answer is lost is unknown and has a result; a read goes again with the next run, and has none."""
    desk.ask(WRITE, READ, READ)
    wire.script = [httpx.ReadError("cut"), httpx.ReadError("cut")]
    async with wire.session() as session:
        summary = await desk.run(session)
        assert ({1: "unknown"}, 2) == (desk.outcomes(), summary.left)
        assert [(1, "unknown"), (2, "unknown"), (3, "unknown")] == sorted(desk.told())
        summary = await desk.run(session)
    assert {1: "unknown", 2: "ok", 3: "ok"} == desk.outcomes()
    assert [(READ, 2), (READ, 3)] == wire.executed


async def test_answer_that_is_too_large_is_no_reason_to_read_again(desk, wire):
    """A read whose answer is too large would be so again: it has ended, and nobody has its result."""
    desk.ask(READ)
    wire.answer = httpx.Response(200, content=b"[" + b" " * 5000 + b"1]")
    async with wire.session(limits=BatchLimits(max_answer_bytes=1000)) as session:
        summary = await desk.run(session)
    assert ({1: "unknown"}, 0, "") == (desk.outcomes(), summary.left, summary.stopped)


async def test_command_that_is_too_large_has_failed(desk, wire):
    """A command that is too large for the portal, alone, would be so again: it has failed."""
    desk.ask(WRITE)
    wire.answer = httpx.Response(413)
    async with wire.session() as session:
        await desk.run(session)
    assert {1: "failed"} == desk.outcomes()


async def test_command_that_cannot_be_sent_is_invalid(desk, wire):
    """A path that is none, and a value out of range, are put down as lines that are no commands; the others are sent."""
    desk.ask(READ, "/nonsense", READ, '{"path": "/x/get-echo", "params": {"value": 99999999999999999999}}')
    async with wire.session() as session:
        summary = await desk.run(session)
    assert ({1: "ok", 2: "invalid", 3: "ok", 4: "invalid"}, "") == (desk.outcomes(), summary.stopped)
    assert [2, 4] == sorted(line for line, _ in desk.told())


async def test_strict_job_stops_before_a_bad_line(desk, wire):
    """A strict job sends what stands before a bad line, and stops; when that is mended, the same goes on."""
    desk.ask(READ, WRITE, "oops", READ)
    async with wire.session() as session:
        summary = await desk.run(session, is_strict=True)
        assert summary.stopped.startswith(f"line 3 of {desk.job.source} is no command that can be sent: it is no JSON")
        assert ({1: "ok", 2: "ok"}, 0, None, False) == (desk.outcomes(), summary.left, summary.error, summary.is_well)
        desk.ask(READ, WRITE, READ, READ)
        summary = await desk.run(session, is_strict=True)
    assert (True, {1: "ok", 2: "ok", 3: "ok", 4: "ok"}) == (summary.is_well, desk.outcomes())


async def test_progress_is_told(desk, wire):
    """How far a job is comes as lines and bytes; at the end it is all of it."""
    desk.ask(*[READ] * 700)
    async with wire.session() as session:
        await desk.run(session)
    last, size = desk.progress[-1], (desk.folder / "calls.jsonl").stat().st_size
    assert ({"ok": 700}, 700, size, size) == (last.counts, last.lines, last.offset, last.size)
    assert sorted(each.offset for each in desk.progress) == [each.offset for each in desk.progress]


async def test_callback_that_raises_ends_the_run(desk, wire):
    """What a callback raises is raised, after what is known was put down."""
    desk.ask(READ, "oops")
    async with wire.session() as session:
        with pytest.raises(KeyError):
            await run_job(session, desk.job, on_notice={}.__getitem__)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"source": "nowhere.jsonl"}, "nowhere.jsonl cannot be read: No such file or directory"),
        ({"journal": "nowhere/run.sqlite"}, "cannot be opened as a journal"),
        ({"results": "nowhere/out"}, "cannot be opened for results"),
        ({"source": "-"}, "a journal needs a file as input"),
        ({"template": "{"}, "the template is no JSON"),
    ],
)
async def test_job_that_cannot_be_run_is_refused(changes, text, desk, wire):
    """What keeps a job from being run is told before anything is sent."""
    desk.ask(READ)
    async with wire.session() as session:
        with pytest.raises(JobError, match=text):
            await desk.run(session, **changes)
    assert [] == wire.requests


async def test_journal_in_use_is_refused(desk, wire):
    """Two runs do not share a journal."""
    desk.ask(READ)
    journal = Journal(desk.job.journal)
    async with wire.session() as session:
        with pytest.raises(JobError, match="is in use by another run"):
            await desk.run(session)
    journal.close()


async def test_journal_of_another_caller_is_refused(desk, wire):
    """A journal belongs to whoever began it, and stays as it is."""
    desk.ask(READ)
    async with wire.session() as session:
        await desk.run(session)
        with pytest.raises(JobError, match=r"belongs to a run at http://portal.test as j: go on there"):
            await desk.run(session, owner="k")
        assert (await desk.run(session)).is_well


async def test_without_journal_a_file_is_run_once(desk, wire):
    """Without a journal, results are written, and are not overwritten unless asked."""
    desk.ask(READ, WRITE)
    async with wire.session() as session:
        assert (await desk.run(session, journal=None)).is_well
        with pytest.raises(JobError, match="has results already"):
            await desk.run(session, journal=None)
        assert (await desk.run(session, journal=None, is_overwriting=True)).is_well
    assert (2, 4) == (len(desk.results()), len(wire.executed))


async def test_csv_goes_on_behind_its_header(desk, wire):
    """A run of CSV that goes on where another was knows the columns."""
    source = desk.folder / "calls.csv"
    source.write_text("value\n" + "".join(f"{number}\n" for number in range(1000)))
    changes = {"source": str(source), "template": json.dumps({"path": READ, "params": {"value": "{value:int}"}})}
    async with wire.session() as session:
        await desk.run(session, **changes)
        with source.open("a") as file:
            file.write("1000\n")
        summary = await desk.run(session, **changes)
    assert (1, 1001) == (summary.lines, summary.counts["ok"])
    assert [(READ, number) for number in range(1001)] == sorted(wire.executed)
    assert list(range(2, 1003)) == list(desk.outcomes())


async def test_parts_are_the_whole_job(desk, wire):
    """Parts of a job, each run with files of its own, do together what the job does, under the same numbers of lines."""
    desk.ask(*[READ, WRITE, READ, "", BAD_WRITE] * 20)
    parts = parts_of(desk.job, 30)
    async with wire.session() as session:
        summaries = [await run_job(session, part) for part in parts]
        for part in parts:
            assert 0 == (await run_job(session, part)).lines
    assert (4, 60, 20) == (
        len(parts),
        sum(summary.counts["ok"] for summary in summaries),
        sum(summary.counts["failed"] for summary in summaries),
    )
    lines = []
    for part in parts:
        with open(part.results, "rb") as file:  # noqa: ASYNC230, PTH123 - a small file
            lines += [json.loads(line)["line"] for line in file]
    assert [number for number in range(1, 101) if number % 5 != 4] == sorted(lines)
    assert 80 == len(wire.executed)
