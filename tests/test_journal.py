"""The journal of a job: spans of lines, what survives, what is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aioliferay import LiferayError
from aioliferay._journal import Change, Journal, JournalError, Sent, Spans

LINES = st.integers(1, 40)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), LINES, st.integers(0, 6)),
        st.tuples(st.just("discard"), LINES, st.just(0)),
        st.tuples(st.just("save"), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.sqlite"


def applied(table, spans):
    gone, changed = spans.changes()
    for first in gone:
        table.pop(first, None)
    table.update(changed)


@settings(max_examples=150)
@given(STEPS)
def test_spans_are_a_set_of_lines(steps):
    """Spans hold what a set would hold, touch nowhere, and their changes keep a table equal to them."""
    spans, expected, table = Spans(), set(), {}
    for what, line, more in steps:
        if what == "add":
            spans.add(line, line + more)
            expected.update(range(line, line + more + 1))
        elif what == "discard":
            spans.discard(line)
            expected.discard(line)
        else:
            applied(table, spans)
        assert expected == {number for first, last in spans for number in range(first, last + 1)}
        assert [number in expected for number in range(50)] == [number in spans for number in range(50)]
        pairs = list(spans)
        assert all(last + 1 < first for (_, last), (first, _) in pairwise(pairs))
        for first in (1, 7):
            gap = next(number for number in range(first, 100) if number not in expected)
            assert gap - 1 == spans.unbroken(first)
    applied(table, spans)
    assert dict(spans) == table
    assert ([], []) == spans.changes()


def test_spans_can_be_taken_up_again():
    """Spans made of pairs, in whatever order, are those pairs, and nothing about them has changed."""
    spans = Spans([(9, 12), (1, 3)])
    assert [(1, 3), (9, 12)] == list(spans)
    assert ([], []) == spans.changes()


def test_new_journal_knows_nothing(path):
    """A journal that is begun has no facts, no lines that ended, were sent, or are set aside."""
    journal = Journal(path)
    assert ({}, [], [], []) == (journal.facts(), list(journal.ended()), journal.sent(), journal.aside("failed"))
    journal.close()


def test_commit_is_there_for_the_next_run(path):
    """What was committed is there when the journal is opened again."""
    journal = Journal(path)
    sent = [Sent(5, '"a"', "/x/add-y"), Sent(4, "null", "/x/add-z")]
    journal.commit(
        Change(sent=sent, aside=[(2, "failed"), (3, "unknown")], spans=[(1, 3)], facts={"length": 7, "p": [1, 2]})
    )
    journal.close()
    journal = Journal(path, is_durable=True)
    assert {"length": 7, "p": [1, 2]} == journal.facts()
    assert [(1, 3)] == list(journal.ended())
    assert sorted(sent) == journal.sent()
    assert ([2], [3]) == (journal.aside("failed"), journal.aside("unknown"))
    journal.commit(Change(settled=[4], recalled=[2], gone=[1], spans=[(3, 3)], facts={"length": 9}))
    assert [sent[0]] == journal.sent()
    assert ([], [3], [(3, 3)], 9) == (
        journal.aside("failed"),
        journal.aside("unknown"),
        list(journal.ended()),
        journal.facts()["length"],
    )
    journal.close()
    journal.close()


def test_commit_is_whole_or_not_at_all(path):
    """A transaction that fails leaves nothing of itself, and the journal goes on."""
    journal = Journal(path)
    with pytest.raises(JournalError, match="cannot be used"):
        journal.commit(Change(sent=[Sent(1, "1", "/x/y")], spans=[(1, None)]))  # type: ignore[list-item]  # what fails
    assert [] == journal.sent()
    journal.commit(Change(spans=[(1, 1)]))
    assert [(1, 1)] == list(journal.ended())
    journal.close()


def test_journal_in_use_is_refused(path):
    """Only one run may use a journal, in this process and in others; it is free when that run has ended."""
    journal = Journal(path)
    with pytest.raises(JournalError, match=r"run\.sqlite is in use by another run: wait for its end, or stop it"):
        Journal(path)
    code = "import sys\nfrom aioliferay._journal import *\ntry: Journal(sys.argv[1])\nexcept JournalError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert "is in use by another run" in done.stdout
    journal.close()
    Journal(path).close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no signal 9")
def test_commit_survives_kill(path):
    """What was committed is there after kill -9, and what was not is not; the journal is free."""
    code = (
        "import os, sys\nfrom aioliferay._journal import *\n"
        "journal = Journal(sys.argv[1])\n"
        "journal.commit(Change(spans=[(1, 3)]))\n"
        "journal._connection.execute('BEGIN')\n"
        "journal._connection.execute('INSERT INTO ended VALUES (7, 8)')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False)  # noqa: S603 - our own words
    assert -9 == done.returncode
    journal = Journal(path)
    assert [(1, 3)] == list(journal.ended())
    journal.close()


def test_empty_file_becomes_a_journal(path):
    """A kill may come before the first transaction: a file without content is a new journal."""
    path.touch()
    journal = Journal(path)
    assert {} == journal.facts()
    journal.close()


def test_file_that_is_no_journal_is_left_alone(path):
    """A file of another kind is refused, and stays as it is."""
    content = b'{"path": "/user/get-current-user"}\n' * 200
    path.write_bytes(content)
    with pytest.raises(JournalError, match="is no journal: name another file, or remove it"):
        Journal(path)
    assert content == path.read_bytes()


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs(x)", "PRAGMA application_id=7"])
def test_database_of_another_program_is_left_alone(path, statement):
    """A database of another program is refused, and stays as it is."""
    with sqlite3.connect(path) as theirs:
        theirs.execute(statement)
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="is a database of another program: name another journal"):
        Journal(path)
    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_journal_that_cannot_be_opened_names_the_folder(tmp_path):
    """A folder that is not there is named."""
    with pytest.raises(JournalError, match=r"cannot be opened as a journal: is .*nowhere a folder that you may write to"):
        Journal(tmp_path / "nowhere" / "run.sqlite")


def test_damaged_journal_is_refused(path):
    """A journal that was damaged is not trusted."""
    journal = Journal(path)
    journal.commit(Change(spans=[(1, 3)]))
    journal.close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4000)
    with pytest.raises(JournalError, match=r"run\.sqlite cannot be used: "):
        Journal(path)


def test_error_of_a_journal_is_of_the_family():
    """Whoever catches the library's errors catches this one."""
    assert issubclass(JournalError, LiferayError)
