"""`aioliferay generate`: typed services in a folder, what it says, what it refuses, and `--check`."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aioliferay import Session
from aioliferay.testing import FakePortal
from command import Ended, caller
from discovery_files import NEW, OLD, answering, assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ADMINISTRATOR = ("test@liferay.com", "test")


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., Ended]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    call = caller(monkeypatch, capsys)
    return lambda *arguments: call("generate", *map(str, arguments))


@pytest.fixture
def old(tmp_path) -> Path:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(OLD))
    return file


@pytest.fixture
def out(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder that is not there yet, whose package can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "portal_services"
    for name in [name for name in sys.modules if name.partition(".")[0] == "portal_services"]:
        del sys.modules[name]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_written_files_are_told(old, out, run):
    """The result says which services were written, where they are, and how one is imported."""
    ended = run("--catalog", old, "--out", out)
    count = len(contents(out))
    expected = f"""\
{old}: 2 services with 4 methods, in {out}
{count} files written, 0 removed, 0 as before
from portal_services import BlogsEntryService
"""
    assert Ended(0, expected, "") == ended
    assert f"\n0 files written, 0 removed, {count} as before\n" in run("--catalog", old, "--out", out).out


def test_part_of_a_package_is_imported_from_it(old, tmp_path, run, monkeypatch):
    """In a folder that is itself a package, the services are imported as a part of that."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.chdir(package)
    assert run("--catalog", old, "--out", "liferay").out.endswith("from shop.liferay import BlogsEntryService\n")


def test_folder_that_cannot_be_imported_is_written_all_the_same(old, tmp_path, run):
    """A folder whose name is none of Python's gets its files; no line tells how to import them."""
    ended = run("--catalog", old, "--out", tmp_path / "a-b")
    assert (0, 2) == (ended.code, len(ended.out.splitlines()))


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
def test_services_of_a_portal_work(version, out, run):
    """Services of a portal, made as a guest, call that portal."""
    with FakePortal(version).serve() as url:
        ended = run("--server", url, "--out", out)
        assert 0 == ended.code
        assert (version != "6.2") == ("--context blogs" in ended.err) == (" models of results, in " in ended.out)
        service: Any = importlib.import_module("portal_services").UserService

        async def name_of_a_user() -> str:
            async with Session(url, auth=ADMINISTRATOR) as session:
                user = await service(session).get_user_by_id(user_id=20199)
                return user["emailAddress"] if isinstance(user, dict) else user.email_address

        assert ADMINISTRATOR[0] == anyio.run(name_of_a_user)


def test_services_of_a_context_are_written(out, run):
    """`--context` of 7.x gives the services of this context alone."""
    with FakePortal("7.4").serve() as url:
        ended = run("--server", url, "--context", "blogs", "--out", out)
    assert (0, "") == (ended.code, ended.err)
    assert ": 1 service with " in ended.out
    assert importlib.import_module("portal_services").BlogsEntryService.name == "blogs.blogsentry"


@pytest.mark.parametrize("glob", ["blogs*", "BlogsEntry", "blogsentry", "BlogsEntryService"])
def test_services_are_chosen_by_glob(glob, out, run):
    """`--service` takes a service's name in any spelling, or a glob."""
    assert "Liferay 6.2: 1 service with " in run("--version", "6.2", "--service", glob, "--out", out).out
    assert "user" not in " ".join(contents(out))


def test_services_of_several_globs_are_written(out, run):
    """`--service` can be given several times."""
    assert (
        ": 3 services with "
        in run("--version", "6.2", "--service", "user", "--service", "role", "--service", "team", "--out", out).out
    )


def test_services_that_are_no_more_are_removed(old, out, run):
    """A second run removes the generated files of services that are no more, and leaves other files alone."""
    run("--catalog", old, "--out", out)
    (out / "mine.py").write_text("mine = 1\n")
    (out / "data.json").write_text("{}")
    before = set(contents(out))
    assert " 1 removed" in run("--catalog", old, "--service", "blogs*", "--out", out).out
    assert 1 == len(before - set(contents(out)))
    assert {"mine.py", "data.json"} <= set(contents(out))


def test_same_services_give_the_same_files(old, tmp_path, run):
    """The same catalog gives the same files, byte by byte."""
    run("--catalog", old, "--out", tmp_path / "one")
    run("--catalog", old, "--out", tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_check_passes_if_nothing_differs(old, out, run):
    """`--check` after a run ends well."""
    run("--catalog", old, "--out", out)
    assert Ended(0, f"{out} is up to date\n", "") == run("--catalog", old, "--out", out, "--check")


def test_check_lists_what_differs_and_writes_nothing(old, out, run):
    """`--check` lists what is missing, differs or is superfluous, ends with 1, and leaves the folder as it is."""
    run("--catalog", old, "--out", out)
    missing, differing = sorted(contents(out))[-2:]
    (out / missing).unlink()
    (out / differing).write_bytes((out / differing).read_bytes() + b"# edited\n")
    before = contents(out)
    ended = run("--catalog", old, "--out", out, "--check")
    expected = f"error: {out} is not what would be generated: run the same command without --check\n"
    assert Ended(1, f"missing: {missing}\ndiffering: {differing}\n", expected) == ended
    assert before == contents(out)


def test_check_of_no_folder_makes_none(old, out, run):
    """`--check` of a folder that is not there ends with 1, and there is still none."""
    ended = run("--catalog", old, "--out", out, "--check")
    assert (1, True, False) == (ended.code, "missing: __init__.py\n" in ended.out, out.exists())


def test_file_that_was_not_generated_is_not_overwritten(old, out, run):
    """A file in the way that was not generated is kept, nothing is written, and the line says what to do."""
    out.mkdir()
    (out / "__init__.py").write_text("mine = 1\n")
    assert_error(
        run("--catalog", old, "--out", out), f"{out / '__init__.py'} was not generated by aioliferay", "move it away"
    )
    assert {"__init__.py": b"mine = 1\n"} == contents(out)


def test_folder_that_cannot_be_written_is_told(old, tmp_path, run):
    """Where no folder can be, the line names the place and the option."""
    (tmp_path / "taken").write_text("")
    assert_error(run("--catalog", old, "--out", tmp_path / "taken"), "taken cannot be written: ", "choose another --out")
    assert_error(run("--catalog", old, "--out", tmp_path / "taken" / "x"), "cannot be written: ", "choose another --out")


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (
            ("--version", "6.2", "--service", "blgos"),
            ["no service of Liferay 6.2 is called like 'blgos'; nearest: blogsentry"],
        ),
        (("--version", "6.2", "--service", "qqqq"), ["is called like 'qqqq'", "`aioliferay discover` lists all"]),
        (("--version", "6.2", "--context", "blogs"), ["no services in context 'blogs'"]),
        (("--catalog", "no-such-file"), ["no-such-file cannot be read", "--catalog takes a file"]),
        (("--server", "localhost"), ["the server must be a URL"]),
        (("--server", "http://127.0.0.1:1"), ["no connection to http://127.0.0.1:1"]),
    ],
)
def test_what_cannot_be_made_names_the_cause(arguments, texts, out, run):
    """Services that are not there, no catalog, no portal: one line with cause and remedy, and no folder."""
    assert_error(run(*arguments, "--out", out), *texts)
    assert not out.exists()


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (200, "<html><title>Shop</title></html>", "a web page"),
        (404, "<html><title>Not found</title></html>", "is its discovery switched on"),
        (200, '{"actions": []}', "lists no services"),
        (200, json.dumps({**NEW, "services": [{**NEW["services"][0], "path": "/a/b'c"}]}), "b'c"),
    ],
)
def test_portal_that_tells_no_services_names_the_cause(status, body, text, out, run):
    """A web page, a discovery that is switched off, no services, a name that is none: one line, and no folder."""
    with answering(status, body) as url:
        ended = run("--server", url, "--out", out)
    assert text in ended.err.splitlines()[-1]
    assert (1, "", False) == (ended.code, ended.out, out.exists())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "'--out'"),
        (("--out", "x"), "one of them says whose services"),
        (("--out", "x", "--version", "6.2", "--server", "http://localhost"), "one of them says whose services"),
        (("--out", "x", "--catalog", "y", "--user", "joe", "--password-env", "X"), "it goes with --server"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, text, run):
    """Options that are missing or do not go together are told, with exit code 2."""
    ended = run(*arguments)
    assert (2, True) == (ended.code, text in ended.err)


def test_help_shows_an_example(run):
    """`--help` shows examples, and fits into 80 columns."""
    ended = run("--help")
    assert "  aioliferay generate --server http://localhost:8080 --out src/shop/liferay\n" in ended.out
    assert 80 >= max(map(len, ended.out.splitlines()))


def test_commands_are_listed(monkeypatch, capsys):
    """`aioliferay --help` lists the commands, each with a sentence that is not cut."""
    ended = caller(monkeypatch, capsys)("--help")
    listed = [line.split()[0] for line in ended.out.partition("Commands:\n")[2].splitlines() if "..." not in line]
    commands = ["demo", "serve", "discover", "generate", "call", "whoami", "portals", "login", "logout"]
    assert commands == listed
