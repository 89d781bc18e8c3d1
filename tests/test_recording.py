"""Results in their file, and the journal in step: what is put down when, and what a run finds that comes after a kill."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import pytest

from aioliferay import NotFoundError
from aioliferay._journal import Journal, JournalError
from aioliferay._lines import BadLine, LineCommand, Place
from aioliferay._recording import Point, Recorder, Results, ResultsError

pytestmark = pytest.mark.anyio
FAILURE = NotFoundError("no such thing", path="/x/y")


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.kill()


class Desk:
    """A folder with a journal and results, and recorders one after another, as of runs that are killed."""

    def __init__(self, folder) -> None:
        self.out, self.path = folder / "results.jsonl", folder / "run.sqlite"
        self.open = None

    def recorder(self, **options) -> Recorder:
        self.kill()
        journal = Journal(self.path)
        results = Results(str(self.out), journal.facts().get("length"))
        self.open = Recorder(results, journal, **options)
        return self.open

    def kill(self) -> None:
        """Close the files without a word, as the end of the process does: what was written stays."""
        if self.open is not None:
            self.open.close()
        self.open = None

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.read_bytes().splitlines()]


def command(line, path="/x/get-y", *, is_read=True, first=None) -> LineCommand:
    return LineCommand(path, is_read=is_read, place=Place(first or line, line, line, line * 10), id=f"n{line}")


def write(line) -> LineCommand:
    return command(line, "/x/add-y", is_read=False)


def told(recorder) -> dict[str, object]:
    """What the journal says."""
    journal = recorder._journal
    facts = journal.facts()
    return {
        "ended": list(journal.ended()),
        "sent": [sent.line for sent in journal.sent()],
        "aside": {name: journal.aside(name) for name in ("failed", "unknown", "invalid") if journal.aside(name)},
        "counts": facts["counts"],
        "length": facts["length"],
    }


async def test_results_come_before_the_journal_says_so(desk):
    """A flush appends the results to their file; then the journal has their length, lines and counts."""
    recorder = desk.recorder()
    recorder.begun({"job": 1})
    recorder.ok(command(1), {"a": None})
    recorder.set_aside(command(3, first=2), "failed", FAILURE)
    recorder.set_aside(BadLine(Place(5, 5, 7, 70), "it has no path", "x"), "invalid", "it has no path")
    assert [] == desk.lines()
    await recorder.flush()
    assert [(1, "ok"), (3, "failed"), (5, "invalid")] == [(line["line"], line["outcome"]) for line in desk.lines()]
    expected = {"ended": [(1, 3), (5, 7)], "sent": [], "aside": {"failed": [3], "invalid": [5]}}
    counts = {"ok": 1, "failed": 1, "invalid": 1}
    assert {**expected, "counts": counts, "length": desk.out.stat().st_size} == told(recorder)
    assert 1 == recorder._journal.facts()["job"]


async def test_write_is_in_the_journal_before_it_may_run(desk):
    """Before writes leave, their lines are in the journal; reads and what may be repeated need no line there."""
    recorder = desk.recorder()
    again = LineCommand("/x/add-y", idempotent=True, is_read=False, place=Place(3, 3, 3, 30))
    await recorder.mark([(0, command(1)), (1, write(2)), (2, again)])
    assert [2] == told(recorder)["sent"]
    assert {2: write(2)} == recorder.marked
    recorder.ok(write(2), None)
    assert recorder.is_urgent
    await recorder.flush()
    assert ([], [(2, 2)]) == (told(recorder)["sent"], told(recorder)["ended"])
    assert not recorder.is_urgent


async def test_reads_do_not_hurry(desk):
    """Reads alone need no transaction of their own, before or after."""
    recorder = desk.recorder()
    await recorder.mark([(0, command(1))])
    recorder.ok(command(1), 1)
    assert not recorder.is_urgent
    assert not recorder._journal.facts()


@pytest.mark.parametrize(("count", "result"), [(1000, 0), (11, "x" * 100_000)])
async def test_much_is_put_down_before_there_is_more(desk, count, result):
    """A thousand lines, or a megabyte, are full."""
    recorder = desk.recorder()
    for line in range(1, count + 1):
        assert not recorder.is_full
        recorder.ok(command(line), result)
    assert recorder.is_full


async def test_line_that_did_not_run_is_free_again(desk):
    """A write that did not run after all is not in the journal any more: the next run sends it again."""
    recorder = desk.recorder()
    await recorder.mark([(0, write(1)), (1, write(2))])
    recorder.leave(1)
    recorder.leave(7)
    await recorder.flush()
    assert ([2], []) == (told(recorder)["sent"], told(recorder)["ended"])


async def test_kill_after_sending_leaves_a_line_of_which_nobody_knows(desk):
    """A write that was sent, and has no outcome, is told to the next run with its id and path."""
    await desk.recorder().mark([(0, write(4))])
    (lost,) = desk.recorder().pick_up()
    assert (4, "n4", "/x/add-y", False) == (lost.place.line, lost.id, lost.path, lost.is_repeatable)


async def test_kill_between_results_and_journal_loses_nothing(desk):
    """Results that are in the file, and not yet in the journal, are adopted: their lines have ended, however they did."""
    recorder = desk.recorder()
    await recorder.mark([(0, write(1)), (1, write(2)), (2, write(3))])
    length = desk.out.stat().st_size
    recorder.ok(write(1), 1)
    recorder.set_aside(write(2), "failed", FAILURE)
    recorder._results.append(recorder._lines)
    assert length < desk.out.stat().st_size
    recorder = desk.recorder()
    assert [3] == [lost.place.line for lost in recorder.pick_up()]
    recorder.begun({})
    assert {
        "ended": [(1, 2)],
        "sent": [3],
        "aside": {"failed": [2]},
        "counts": {"ok": 1, "failed": 1},
        "length": desk.out.stat().st_size,
    } == told(recorder)


@pytest.mark.parametrize(
    "torn", [b'{"line":2,"outcome":"ok"', b"\0\0\0\n", b'{"line":2,"outco\n{"line":3,"outcome":"ok"}\n']
)
async def test_torn_line_is_cut_off(desk, torn):
    """A line that a kill has torn is cut off, with all that may follow it, and the next result takes its place."""
    recorder = desk.recorder()
    recorder.ok(command(1), 1)
    await recorder.flush()
    recorder._results.append([b'{"line":5,"id":null,"outcome":"ok","result":0}\n', torn])
    recorder = desk.recorder()
    assert [] == recorder.pick_up()
    recorder.ok(command(2), 2)
    await recorder.flush()
    assert [1, 5, 2] == [line["line"] for line in desk.lines()]
    assert [(1, 2), (5, 5)] == told(recorder)["ended"]


async def test_what_was_known_is_known_to_the_next_run(desk):
    """Counts, ended lines, columns, and where to read on are those of the run before."""
    recorder = desk.recorder(first=11, start=100)
    assert Point(10, 100) == recorder.point
    recorder.columns = ("a", "b")
    for line in range(11, 1011):
        recorder.note(command(line).place)
        if line != 900:
            recorder.ok(command(line), None)
    await recorder.flush()
    recorder = desk.recorder(first=11, start=100)
    assert ({"ok": 999}, ("a", "b"), [(11, 899), (901, 1010)]) == (recorder.counts, recorder.columns, list(recorder.ended))
    assert 899 >= recorder.point.line > 600
    assert recorder.point.line * 10 == recorder.point.offset
    recorder.skip(Place(11, 12, 12, 120))
    recorder.note(command(20).place)
    assert 10_100 == recorder._reach


async def test_lines_can_be_recalled(desk):
    """Lines that are set aside are not there any more when they are to be sent again, and reading begins anew."""
    recorder = desk.recorder()
    for line in range(1, 600):
        recorder.note(command(line).place)
        recorder.set_aside(command(line), "failed" if line in {5, 7} else "unknown" if line == 6 else "invalid", "why")
    await recorder.flush()
    assert 0 < recorder.point.line
    recorder.recall("failed")
    await recorder.flush()
    assert Point(0, 0) == recorder.point
    assert ({"unknown": [6]}, [(1, 4), (6, 6), (8, 599)]) == (
        {name: lines for name, lines in told(recorder)["aside"].items() if name != "invalid"},
        told(recorder)["ended"],
    )
    assert (0, 1) == (recorder.counts["failed"], recorder.counts["unknown"])


async def test_whoever_asks_has_all_put_down_in_few_transactions(desk, monkeypatch):
    """Many who wait share a transaction, and none goes on before its own lines are down."""
    recorder = desk.recorder()
    commits = []
    commit = Journal.commit
    monkeypatch.setattr(Journal, "commit", lambda *a: (commits.append(threading.get_ident()), commit(*a)))

    async def send(line) -> None:
        await recorder.mark([(line, write(line))])
        assert line in told_sent

    told_sent = Sent(recorder)
    async with anyio.create_task_group() as group:
        for line in range(1, 101):
            group.start_soon(send, line)
    assert len(commits) < 5
    assert threading.get_ident() not in commits


class Sent:
    def __init__(self, recorder) -> None:
        self.recorder = recorder

    def __contains__(self, line) -> bool:
        return line in {sent.line for sent in self.recorder._journal.sent()}


async def test_cancelled_flush_loses_nothing(desk):
    """Whenever whoever waits for a flush is cancelled, what was told is put down, by this flush or by the next."""
    recorder = desk.recorder()
    for line in range(1, 30):
        recorder.ok(command(line), line)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(recorder.flush)
                for _ in range(line % 6):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()
    await recorder.flush()
    assert list(range(1, 30)) == [line["line"] for line in desk.lines()]
    assert ([(1, 29)], {"ok": 29}) == (told(recorder)["ended"], told(recorder)["counts"])


async def test_failure_to_write_is_told_to_everybody(desk):
    """If the journal cannot be written, nobody goes on: neither who asked, nor who comes later."""
    recorder = desk.recorder()
    recorder._journal.close()
    with pytest.raises(JournalError, match="cannot be used"):
        await recorder.mark([(0, write(1))])
    with pytest.raises(JournalError, match="cannot be used"):
        await recorder.mark([(1, write(2))])
    with pytest.raises(JournalError, match="cannot be used"):
        await recorder.flush()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
async def test_full_disk_is_told():
    """Results that cannot be written are told with the reason."""
    results = Results("/dev/full")
    recorder = Recorder(results)
    recorder.ok(command(1), 1)
    with pytest.raises(ResultsError, match="/dev/full cannot be written: No space left on device"):
        await recorder.flush()
    recorder.close()


async def test_without_journal_results_are_written(tmp_path):
    """Without a journal the results are put down all the same; nothing is taken over, recalled, or marked."""
    recorder = Recorder(Results(str(tmp_path / "out")), is_durable=True)
    assert [] == recorder.pick_up()
    recorder.recall("failed")
    recorder.begun({})
    await recorder.mark([(0, write(1))])
    recorder.set_aside(write(1), "failed", FAILURE)
    recorder.leave(2)
    await recorder.flush()
    recorder.close()
    assert 1 == json.loads((tmp_path / "out").read_bytes())["line"]
    assert {"failed": 1} == recorder.counts


async def test_digest_of_the_input_goes_along(desk):
    """With each transaction goes what tells the input, up to where it was read, from others."""
    recorder = desk.recorder(digest=lambda offset: f"<{offset}>")
    recorder.begun({})
    assert (0, "<0>") == (recorder._journal.facts()["reach"], recorder._journal.facts()["digest"])
    recorder.note(command(3).place)
    recorder.ok(command(3), None)
    await recorder.flush()
    assert (30, "<30>") == (recorder._journal.facts()["reach"], recorder._journal.facts()["digest"])


def test_results_take_the_place_of_none(tmp_path):
    """A file with results in it is refused, and stays as it is, unless it is to be overwritten; an empty one is taken."""
    path = tmp_path / "out.jsonl"
    path.touch()
    Results(str(path)).close()
    path.write_text("precious\n")
    with pytest.raises(ResultsError, match=r"out\.jsonl has results already: name another file"):
        Results(str(path))
    assert "precious\n" == path.read_text()
    Results(str(path), is_overwriting=True).close()
    assert "" == path.read_text()


@pytest.mark.parametrize("content", ["", "12345", "123456789012345"])
def test_results_that_are_not_those_of_the_run_before_are_refused(content, tmp_path):
    """Results that are shorter than the journal knows them, or whose lines are others, are refused and stay as they are."""
    path = tmp_path / "out.jsonl"
    path.write_text(content)
    with pytest.raises(ResultsError, match=r"is not as the last run left it: 10 bytes of results should be there"):
        Results(str(path), 10)
    assert content == path.read_text()


def test_results_that_cannot_be_opened_are_told(tmp_path):
    """A folder that is not there is told."""
    with pytest.raises(ResultsError, match="cannot be opened for results: No such file or directory"):
        Results(str(tmp_path / "nowhere" / "out"))


def test_standard_output_takes_results(monkeypatch):
    """Standard output takes results, stays open, and a reader that has gone is told as such."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer))
    results = Results("-")
    results.append([b"a\n", b"b\n"])
    results.close()
    assert (b"a\nb\n", 4) == (buffer.getvalue(), results.length)
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=pipe))
        with pytest.raises(BrokenPipeError):
            Results("-").append([b"a\n"])
