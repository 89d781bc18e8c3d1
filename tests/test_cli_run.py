"""`aioliferay run`: files and options, exit codes, what is told of lines and of progress, interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from aioliferay import _running
from aioliferay._access import Access
from aioliferay._portals import Kind, NamedPortal
from aioliferay._run_commands import _owner
from aioliferay.auth import BasicAuth, SignIn
from aioliferay.testing import FakePortal
from cli_home import Home
from command import COMMAND, Ended, caller, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

READ, WRITE = "/tally/get-number", "/tally/add-number"
TEMPLATE = '{"path": "/tally/get-number", "params": {"number": "{number:int}"}, "id": "{name}"}'
USER = ("--user", "joe@liferay.com", "--password-env", "PORTAL_PASSWORD", "--auth", "basic")


@pytest.fixture
def home(monkeypatch, tmp_path) -> Home:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORTAL_PASSWORD", "joe")
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def run(home, monkeypatch, capsys) -> Callable[..., Ended]:
    call = caller(monkeypatch, capsys)
    return lambda *arguments: call("run", *arguments)


@pytest.fixture
def served() -> Iterator[tuple[FakePortal, str]]:
    portal = FakePortal()
    for path in (READ, WRITE):
        portal.service(path)(answer)
    with portal.serve() as url:
        yield portal, url


def answer(number: int) -> int:
    return number


def ask(folder: Path, *paths: str) -> str:
    """Write a line for each path with its number, and what is no path as it is; return the file's name."""
    lines = [
        json.dumps({"path": path, "params": {"number": number}, "id": f"n{number}"}) if path.startswith("/") else path
        for number, path in enumerate(paths, 1)
    ]
    (folder / "calls.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return "calls.jsonl"


def results(text: str | bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def numbers(portal: FakePortal, path: str = WRITE) -> list[object]:
    return [each.parameters["number"] for each in portal.executions if each.path == path]


def test_file_is_run_and_all_is_well(served, run, tmp_path):
    """Each line has its result in the file, standard output has nothing, and the exit code is 0."""
    portal, url = served
    ended = run(ask(tmp_path, READ, WRITE, READ), "--out", "out.jsonl", "--server", url, *USER)
    assert Ended(0, "", "ended: 3 ok\n") == ended
    assert [(1, "n1", 1), (2, "n2", 2), (3, "n3", 3)] == sorted(
        (line["line"], line["id"], line["result"]) for line in results((tmp_path / "out.jsonl").read_bytes())
    )
    assert [2] == numbers(portal)


def test_lines_that_fail_make_the_exit_code_1(served, run, tmp_path):
    """Lines that fail, and those that are no commands, are told and counted; all others have their results."""
    ended = run(ask(tmp_path, READ, "oops", "/tally/get-nothing", "/x"), "--out", "out.jsonl", "--server", served[1], *USER)
    *told, last = ended.err.splitlines()
    two, four = sorted(told)
    assert (1, "", "ended: 1 ok, 1 failed, 2 no command") == (ended.code, ended.out, last)
    assert "line 2: it is no JSON: expected value at character 1" == two
    assert four.startswith("line 4 (id n4): ")
    assert "no command that can be sent: the path '/x' is not of the form '/service/method'" in four
    assert ["failed", "invalid", "invalid", "ok"] == sorted(
        str(line["outcome"]) for line in results((tmp_path / "out.jsonl").read_bytes())
    )


def test_rerun_with_a_journal_goes_on(served, run, tmp_path):
    """With a journal, a line that has ended is not sent again; lines that are added are."""
    portal, url = served
    arguments = ("--out", "out.jsonl", "--journal", "run.sqlite", "--server", url, *USER)
    run(ask(tmp_path, WRITE, "/tally/get-nothing"), *arguments)
    ended = run(ask(tmp_path, WRITE, "/tally/get-nothing", WRITE), *arguments)
    assert Ended(1, "", "ended: 2 ok, 1 failed\n") == ended
    assert [1, 3] == numbers(portal)
    assert Ended(1, "", "ended: 2 ok, 1 failed\n") == run("calls.jsonl", *arguments, "--repeat-failed", "--durable")
    assert [1, 2, 2, 3] == sorted(line["line"] for line in results((tmp_path / "out.jsonl").read_bytes()))


def test_csv_with_a_template(served, run, tmp_path, monkeypatch):
    """A template makes a command of each record, given as it is or in a file, with another delimiter."""
    (tmp_path / "calls.csv").write_text('name;number\na;7\n"b\nc";x\n')
    (tmp_path / "template.json").write_text(f"\ufeff{TEMPLATE}")
    for template in (TEMPLATE, "@template.json"):
        ended = run("calls.csv", "--out", "-", "--template", template, "--delimiter", ";", "--server", served[1], *USER)
        ok, bad = sorted(results(ended.out), key=lambda line: line["line"])
        assert (2, "a", 7) == (ok["line"], ok["id"], ok["result"])
        assert (3, "invalid") == (bad["line"], bad["outcome"])
        assert (1, "lines 3 to 4: its column 'number' is no whole number") == (ended.code, ended.err.splitlines()[0])
    (tmp_path / "calls.tsv").write_text("name\tnumber\na\t7\n")
    ended = run("calls.tsv", "--out", "-", "--template", TEMPLATE, "--delimiter", "\\t", "--server", served[1], *USER)
    assert (0, 7) == (ended.code, results(ended.out)[0]["result"])


def piped(url: str, count: int, **pipes: object) -> subprocess.CompletedProcess[str]:
    """Run the command with so many lines on its standard input."""
    lines = "".join(json.dumps({"path": READ, "params": {"number": number}}) + "\n" for number in range(count))
    command = [COMMAND, "run", "-", "--out", "-", "--quiet", "--server", url, *USER]
    return subprocess.run(command, input=lines, stderr=subprocess.PIPE, text=True, check=False, timeout=60, **pipes)  # noqa: S603 - our own


def test_standard_input_and_output(served, home):
    """Commands come from a pipe, and results go into one; nothing else does."""
    done = piped(served[1], 300, stdout=subprocess.PIPE)
    assert (0, "", list(range(300))) == (
        done.returncode,
        done.stderr,
        sorted(line["result"] for line in results(done.stdout)),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break in another way there")
def test_reader_that_goes_away_ends_the_run(served, home):
    """If nobody reads the results any more, the run ends, and nobody sees a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:  # noqa: PTH123 - a descriptor
        done = piped(served[1], 2000, stdout=pipe)
    assert (1, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "Missing argument 'FILE'"),
        (("calls.jsonl",), "Missing option '--out'"),
        (("calls.csv", "--out", "x"), "CSV needs a --template, which makes a command of each record"),
        (("calls.jsonl", "--out", "x", "--template", "@nowhere"), "nowhere cannot be read: No such file or directory"),
        (("calls.jsonl", "--out", "x", "--template", "@latin.json"), "latin.json cannot be read: it is no text in UTF-8"),
        (("calls.jsonl", "--out", "x", "--template", "{"), "the template is no JSON"),
        (("calls.jsonl", "--out", "x", "--template", "{}", "--delimiter", "ab"), "it is one character, such as ; or \\t"),
        (("calls.jsonl", "--out", "x", "--repeat-failed"), "only a journal knows these lines: it goes with --journal"),
        (("calls.jsonl", "--out", "x", "--repeat-unknown"), "only a journal knows these lines: it goes with --journal"),
        (("calls.jsonl", "--out", "x", "--writes", "often"), "'--writes'"),
        (("calls.jsonl", "--out", "x", "--calls", "0"), "'--calls'"),
        (("calls.jsonl", "--out", "taken", "--server", "http://127.0.0.1:1"), "taken has results already"),
        (("calls.jsonl", "--out", "calls.jsonl"), "input, results and journal must be different files"),
        (("calls.jsonl", "--out", "x", "--journal", "calls.jsonl"), "input, results and journal must be different files"),
        (("calls.jsonl", "--out", "x", "--journal", "taken"), "taken is no journal: name another file, or remove it"),
        (("-", "--out", "x", "--journal", "y"), "a journal needs a file as input"),
        (("calls.jsonl", "--out", "-", "--journal", "y"), "it needs a file for them"),
        (("nowhere", "--out", "x"), "nowhere cannot be read: No such file or directory"),
        (("calls.jsonl", "--out", "x", "--portal", "p"), "one of them says which portal"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, text, run, tmp_path):
    """What cannot be done as it is asked for is told before anything is sent, with exit code 2."""
    ask(tmp_path, READ)
    (tmp_path / "taken").write_bytes(b"x" * 5000)
    (tmp_path / "latin.json").write_bytes(b"\xe4")
    if arguments and "--server" not in arguments:
        arguments = (*arguments, "--server", "http://127.0.0.1:1")
    ended = run(*arguments, *(("--auth", "none") if arguments else ()))
    assert (2, "") == (ended.code, ended.out)
    assert text in " ".join(ended.err.split())
    assert b"x" * 5000 == (tmp_path / "taken").read_bytes()


def test_journal_of_another_user_or_portal_is_refused(served, run, tmp_path):
    """A journal belongs to one portal and one user: another is refused, and told whose it is."""
    arguments = (ask(tmp_path, READ), "--out", "out.jsonl", "--journal", "run.sqlite", "--server")
    run(*arguments, served[1], *USER)
    for other in ((served[1], "--auth", "none"), ("http://127.0.0.1:1", *USER)):
        ended = run(*arguments, *other)
        told = f"run.sqlite belongs to a run at {served[1]} as joe@liferay.com: go on there"
        assert (2, True) == (ended.code, told in " ".join(ended.err.split()))


def test_other_results_are_refused_unless_overwritten(served, run, tmp_path):
    """Results are overwritten only if asked, and never those of a journal."""
    arguments = (ask(tmp_path, READ), "--out", "out.jsonl", "--server", served[1], *USER)
    assert [0, 2, 0] == [run(*arguments, *more).code for more in ((), (), ("--overwrite",))]
    assert 1 == len(results((tmp_path / "out.jsonl").read_bytes()))
    (tmp_path / "out.jsonl").unlink()
    assert [0, 2] == [run(*arguments, "--journal", "j", *more).code for more in ((), ("--overwrite",))]


def test_strict_run_stops_at_a_bad_line(served, run, tmp_path):
    """`--strict` stops at a line that is no command, and names it."""
    ended = run(ask(tmp_path, READ, "oops", READ), "--out", "out.jsonl", "--strict", "--server", served[1], *USER)
    assert (1, "") == (ended.code, ended.out)
    first, *rest = ended.err.splitlines()
    assert first.startswith("error: line 2 of calls.jsonl is no command that can be sent: it is no JSON")
    assert ["ended: 1 ok", "what is not in the results did not run, or only read"] == rest


def test_portal_that_is_down_is_told_once(run, tmp_path):
    """Without a connection the run stops with the first line, tells why once, and how to go on."""
    arguments = (ask(tmp_path, *[READ, WRITE] * 500), "--out", "out.jsonl", "--journal", "run.sqlite", "--auth", "none")
    ended = run(*arguments, "--server", "http://127.0.0.1:1")
    first, *rest = ended.err.splitlines()
    assert (1, "") == (ended.code, ended.out)
    assert first.startswith("error: ")
    assert "no connection to http://127.0.0.1:1" in first
    assert "ended: no line" == rest[0]
    assert rest[1].startswith("not ended: ")
    assert rest[1].endswith(" of those that were taken up; the same command goes on from here")
    assert b"" == (tmp_path / "out.jsonl").read_bytes()


def test_wrong_password_is_tried_once(served, run, tmp_path, monkeypatch):
    """A refused password stops the run, with the remedy; no line is lost, and no secret is shown or kept."""
    portal, url = served
    monkeypatch.setenv("PORTAL_PASSWORD", "s3cr3t")
    arguments = (ask(tmp_path, *[WRITE] * 50), "--out", "out.jsonl", "--journal", "run.sqlite", "--server", url, *USER)
    ended = run(*arguments)
    assert 1 == ended.code
    assert "error: the portal does not know this user with this password: check --user" in ended.err
    assert len(portal.requests) <= 2
    monkeypatch.setenv("PORTAL_PASSWORD", "joe")
    assert 0 == run(*arguments).code
    assert sorted(range(1, 51)) == sorted(numbers(portal))
    for file in tmp_path.iterdir():
        assert b"s3cr3t" not in file.read_bytes()


def test_url_that_cannot_work_is_told(run, tmp_path):
    """A URL that is none is told, in one line."""
    ended = run(ask(tmp_path, READ), "--out", "x", "--server", "ftp://localhost", "--auth", "none")
    assert 1 == ended.code
    assert ended.err.startswith("error: ")


def test_quiet_run_tells_nothing_if_all_is_well(served, run, tmp_path):
    """`--quiet` leaves only what is wrong."""
    arguments = ("--quiet", "--overwrite", "--out", "out.jsonl", "--server", served[1], *USER)
    assert Ended(0, "", "") == run(ask(tmp_path, READ), *arguments)
    ended = run(ask(tmp_path, READ, "oops"), *arguments)
    assert ["line 2: it is no JSON: expected value at character 1", "ended: 1 ok, 1 no command"] == ended.err.splitlines()


def test_many_bad_lines_are_not_all_told(served, run, tmp_path):
    """Fifty lines of a kind are told, then how many more there are."""
    ended = run(ask(tmp_path, *["oops"] * 60), "--out", "out.jsonl", "--server", served[1], *USER)
    *lines, more, last = ended.err.splitlines()
    assert (50, "and 10 lines more that are no command", "ended: 60 no command") == (len(lines), more, last)


def test_unknown_lines_are_told_with_what_to_do(served, run, tmp_path):
    """A write without an answer is told with its number, id and path, and how it is sent again."""
    portal, url = served
    arguments = (ask(tmp_path, WRITE), "--out", "out.jsonl", "--journal", "run.sqlite", "--server", url, *USER)
    portal.misbehave(drop="after")
    ended = run(*arguments)
    first, *rest = ended.err.splitlines()
    assert first.startswith("line 1 (id n1): unknown: /tally/add-number: ")
    told = "of those that are unknown, nobody knows if they ran: look at the portal; --repeat-unknown sends them again"
    assert (1, ["ended: 1 unknown", told]) == (ended.code, rest)
    assert [Ended(0, "", "ended: 1 ok\n"), [1, 1]] == [run(*arguments, "--repeat-unknown"), numbers(portal)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_exits_with_3_and_goes_on(number, home, tmp_path):
    """A signal lets end what is in flight, and puts it down: the exit code is 3, and the same command does the rest."""
    portal = FakePortal(statement_cost=0.01)
    portal.service(WRITE)(answer)
    with portal.serve() as url:
        arguments = (ask(tmp_path, *[WRITE] * 120), "--out", "out.jsonl", "--journal", "run.sqlite", "--server", url, *USER)
        with started("run", *arguments, **home.variables) as process:
            while len(portal.executions) < 5:
                assert process.poll() is None, process.stderr.read()
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        assert (3, "interrupted") == (process.returncode, err.splitlines()[0])
        assert err.splitlines()[-1].endswith("the same command goes on from here")
        assert len(portal.executions) < 120
        with started("run", *arguments, **home.variables) as process:
            _, err = process.communicate(timeout=60)
    assert (0, "ended: 120 ok\n") == (process.returncode, err)
    assert list(range(1, 121)) == sorted(numbers(portal))


def test_interruption_of_a_run_in_a_terminal(served, run, tmp_path):
    """Ctrl-C at a terminal is heard by a run whatever it waits for; the write that is in flight is put down."""
    portal, url = served

    @portal.service("/tally/add-interruption")
    def interrupt(number: int) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return number

    arguments = ("--out", "out.jsonl", "--journal", "run.sqlite", "--server", url, *USER)
    ended = run(ask(tmp_path, WRITE, "/tally/add-interruption", *[WRITE] * 5000), *arguments)
    assert (3, "") == (ended.code, ended.out)
    assert "interrupted" == ended.err.splitlines()[0]
    assert 5002 > len(portal.executions) == len(results((tmp_path / "out.jsonl").read_bytes()))


def test_interruption_before_anything_was_begun(run, tmp_path, monkeypatch):
    """Who interrupts before a run has begun gets the same exit code."""

    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise _running.JournalError("too late")

    monkeypatch.setattr(_running._Run, "to_its_end", interrupt)
    ended = run(ask(tmp_path, READ), "--out", "out.jsonl", "--server", "http://127.0.0.1:1", "--auth", "none")
    assert (3, "") == (ended.code, ended.out)


def test_owner_of_a_journal_is_no_secret():
    """A journal knows its caller by the user's name, the client's id, or as a guest."""
    portal = NamedPortal("http://localhost", client_id="id-7")
    assert "a guest" == _owner(Access(portal))
    assert "joe" == _owner(Access(portal, Kind.BASIC, BasicAuth("joe", "s3cr3t")))
    assert "joe" == _owner(Access(portal, Kind.SIGN_IN, SignIn("joe", "s3cr3t")))
    assert "client id-7" == _owner(Access(portal, Kind.OAUTH2_CLIENT, SimpleNamespace()))
