"""A job as a value: files that go together, what tells one journal's job from another, parts, and the wish to stop."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from aioliferay import ConnectError
from aioliferay._feeding import JobError, Source
from aioliferay._job import Job, Stop, Summary, check, check_facts, facts_of, parts_of

SERVER = "http://portal.test"
LINES = b"".join(b'{"path": "/x/get-y", "id": %d}\n' % number for number in range(1, 201))


@pytest.fixture
def job(tmp_path) -> Job:
    (tmp_path / "calls.jsonl").write_bytes(LINES)
    return job_in(tmp_path)


def job_in(folder) -> Job:
    return Job(
        source=str(folder / "calls.jsonl"),
        results=str(folder / "out.jsonl"),
        journal=str(folder / "run.sqlite"),
        owner="joe",
    )


def put_down(job, reach=1000) -> dict[str, object]:
    """Return the facts that a journal has of a job, of which so many bytes were read."""
    source = Source(job.source, job.start, job.end)
    try:
        return {**facts_of(job, SERVER), "reach": reach, "digest": source.digest(reach)}
    finally:
        source.close()


def is_accepted(job, facts, server=SERVER) -> str:
    """Return why a journal with these facts is refused; "" if it is not."""
    source = Source(job.source, job.start, job.end)
    try:
        check_facts(job, server, source, facts)
    except JobError as error:
        return str(error)
    finally:
        source.close()
    return ""


def test_job_can_be_sent_to_another_process(job):
    """A job and its summary can be pickled, as whoever spreads jobs over computers needs it."""
    assert job == pickle.loads(pickle.dumps(job))  # noqa: S301 - our own
    summary = Summary({"ok": 1}, 1, 0, "why", ConnectError("no connection", path="/x/y"))
    again = pickle.loads(pickle.dumps(summary))  # noqa: S301 - our own
    assert (summary.counts, str(summary.error)) == (again.counts, str(again.error))


@pytest.mark.parametrize(
    ("expected", "summary"),
    [
        (True, Summary({"ok": 3, "failed": 0}, 3)),
        (True, Summary()),
        (False, Summary({"ok": 3, "failed": 1}, 4)),
        (False, Summary({"ok": 3, "invalid": 1}, 4)),
        (False, Summary({"ok": 3}, 3, left=1)),
        (False, Summary({"ok": 3}, 3, stopped="interrupted")),
    ],
)
def test_summary_tells_whether_all_is_well(expected, summary):
    """All is well if every line has ended, and went well."""
    assert expected is summary.is_well


def test_first_reason_to_stop_counts():
    """Who asks for the end first gives the reason; who wants to be told is told once, however late."""
    stop, told = Stop(), []
    stop.tell(lambda: told.append(1))
    stop.ask("one")
    stop.ask("two")
    assert ("one", [1]) == (stop.reason, told)
    stop.tell(lambda: told.append(2))
    assert [1, 2] == told
    Stop().ask("nobody listens")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"source": "-"}, "what came on standard input does not come again: a journal needs a file as input"),
        ({"results": "-"}, "a journal must know how far the results got: it needs a file for them"),
        ({"journal": "out.jsonl"}, "input, results and journal must be different files"),
        ({"results": "calls.jsonl", "journal": None}, "input, results and journal must be different files"),
        ({"source": "./run.sqlite"}, "input, results and journal must be different files"),
    ],
)
def test_files_that_do_not_go_together_are_refused(changes, text, job, tmp_path, monkeypatch):
    """One file cannot be two, and a journal needs files."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JobError, match=f"^{text}$"):
        check(replace(job, **changes))


@pytest.mark.parametrize("changes", [{}, {"journal": None, "source": "-", "results": "-"}, {"journal": None}])
def test_files_that_go_together(changes, job):
    """Standard input and output go without a journal."""
    check(replace(job, **changes))


def test_journal_of_the_same_job_is_accepted(job):
    """The same job goes on, though its other options may change."""
    facts = put_down(job)
    assert "" == is_accepted(replace(job, is_strict=True, repeats_failed=True, writes="together", calls=5), facts)


def test_files_may_be_moved_together(job, tmp_path):
    """Files that were moved to another folder together are the same job."""
    facts = put_down(job)
    (tmp_path / "new").mkdir()
    (tmp_path / "calls.jsonl").rename(tmp_path / "new" / "calls.jsonl")
    assert "" == is_accepted(job_in(tmp_path / "new"), facts)


@pytest.mark.parametrize("added", [b"", b'{"path": "/x/new"}\n' * 500])
def test_lines_may_be_added_to_the_input(added, job, tmp_path):
    """Lines that are added at the end make no other input, also where it was short when it was begun."""
    (tmp_path / "calls.jsonl").write_bytes(LINES[:990])
    facts = put_down(job, reach=990)
    (tmp_path / "calls.jsonl").write_bytes(LINES[:990] + added)
    assert "" == is_accepted(job, facts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        LINES[: 31 * 150],
        b'{"path": "/x/get-z", "id": 1}\n' + LINES[30:],
        LINES[:5000] + b"\n" + LINES[5000:],
        LINES.replace(b'"id": 190', b'"id":  190'),
    ],
)
def test_journal_of_another_input_is_refused(content, job, tmp_path):
    """An input that is shorter, begins in another way, or in which lines were put in or taken out, is another one."""
    facts = put_down(job, reach=len(LINES) - 10)
    (tmp_path / "calls.jsonl").write_bytes(content)
    told = is_accepted(job, facts)
    assert "run.sqlite belongs to another input, or " in told
    assert "was changed where it has been read: lines may be added at its end only" in told


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"template": '{"path": "/x/z"}'}, "another template, delimiter or part: use that, or name another journal"),
        ({"delimiter": ";"}, "another template, delimiter or part"),
        ({"start": 31}, "another template, delimiter or part"),
        ({"owner": "ann"}, "belongs to a run at http://portal.test as joe: go on there"),
        ({"results": "other.jsonl"}, "belongs to results in 'out.jsonl' beside it: name these, or another journal"),
        ({"is_overwriting": True}, "has begun: leave --overwrite out to go on, or remove it to begin anew"),
    ],
)
def test_journal_of_another_job_is_refused(changes, text, job):
    """A journal of another template, part, caller, or other results is refused with what it belongs to."""
    assert text in is_accepted(replace(job, **changes), put_down(job))


def test_journal_of_another_portal_is_refused(job):
    """A journal belongs to one portal; where nobody is named, only that is told."""
    job = replace(job, owner="")
    assert "belongs to a run at http://portal.test: go on there" in is_accepted(job, put_down(job), "http://other.test")


def test_journal_of_another_version_is_refused(job):
    """A journal that another version has written is not guessed at."""
    assert "was written by another version" in is_accepted(job, {**put_down(job), "format": 7})


def lines_of(parts) -> list[bytes]:
    found = []
    for part in parts:
        with open(part.source, "rb") as file:  # noqa: PTH123 - a small file
            content = file.read()
        found.append(content[part.start : part.end])
    return found


def test_parts_are_the_whole(job):
    """Parts hold whole lines, each so many but the last, and know how many come before; files are named by their numbers."""
    parts = parts_of(job, 90)
    assert LINES == b"".join(lines_of(parts))
    assert [90, 90, 20] == [content.count(b"\n") for content in lines_of(parts)]
    assert [0, 90, 180] == [part.lines_before for part in parts]
    assert parts[0].results.endswith("out-00001.jsonl")
    assert parts[2].journal.endswith("run-00003.sqlite")
    assert [(0, 3124), (3124, None)] == [(part.start, part.end) for part in parts_of(job, 101)]
    assert [(0, None)] == [(part.start, part.end) for part in parts_of(job, 200)]
    assert [None, None] == [part.journal for part in parts_of(replace(job, journal=None), 150)]


def test_part_can_be_divided(job):
    """A part of a file can be cut into parts of its own, which end where it ends."""
    part = parts_of(job, 90)[1]
    parts = parts_of(part, 40)
    assert lines_of([part])[0] == b"".join(lines_of(parts))
    assert ([90, 130, 170], part.end) == ([each.lines_before for each in parts], parts[-1].end)


def test_parts_of_csv_cut_no_record(tmp_path):
    """Records of CSV with line ends in them stay whole, and later parts know the columns."""
    content = b'id,n\n"a\nb",1\nc,2\n"d\n\ne",3\nf,4\n'
    (tmp_path / "calls.csv").write_bytes(content)
    job = Job(source=str(tmp_path / "calls.csv"), results=str(tmp_path / "out"), template='{"path": "{id}"}')
    parts = parts_of(job, 3)
    assert [b'id,n\n"a\nb",1\n', b'c,2\n"d\n\ne",3\n', b"f,4\n"] == lines_of(parts)
    assert [(), ("id", "n"), ("id", "n")] == [part.columns for part in parts]
    assert [0, 3, 7] == [part.lines_before for part in parts]


def test_job_that_has_no_parts_is_refused(job, tmp_path):
    """Standard input, a file that is not there, and one that is no text, have no parts."""
    with pytest.raises(JobError, match="standard input and output have no parts"):
        parts_of(replace(job, source="-"), 5)
    with pytest.raises(JobError, match="nowhere cannot be read: No such file or directory"):
        parts_of(replace(job, source=str(tmp_path / "nowhere")), 5)
    (tmp_path / "calls.jsonl").write_bytes(b"\xff\xfea\0\n\0")
    with pytest.raises(JobError, match="cannot be read: it is UTF-16"):
        parts_of(job, 5)
