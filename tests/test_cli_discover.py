"""`aioliferay discover`: where services come from, what a name means, how they are shown."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aioliferay.testing import FakePortal
from command import COMMAND, Ended, caller, started
from discovery_files import NEW, OLD, assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "s3cr3t-pässwörd"
USER = ("--user", "test@liferay.com", "--password-env", "PORTAL_PASSWORD")


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., Ended]:
    monkeypatch.setenv("PORTAL_PASSWORD", PASSWORD)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    call = caller(monkeypatch, capsys)
    return lambda *arguments: call("discover", *arguments)


@pytest.fixture
def old(tmp_path) -> str:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(OLD))
    return str(file)


@pytest.fixture
def new(tmp_path) -> str:
    file = tmp_path / "new.json.gz"
    file.write_bytes(gzip.compress(json.dumps(NEW).encode()))
    return str(file)


@pytest.fixture(params=["6.2", "7.0", "7.4"])
def portal(request) -> Iterator[tuple[str, str]]:
    with FakePortal(request.param).serve() as url:
        yield request.param, url


@pytest.fixture
def modern() -> Iterator[str]:
    with FakePortal("7.4").serve() as url:
        yield url


def test_services_are_listed(old, run):
    """Without a name, all services are listed: how many methods each has, and how many of these read and write."""
    expected = f"""\
{old}: 2 services, 4 methods (2 reads, 2 writes)

service             methods  reads  writes
blogsentry                2      1       1
sample-portlet.foo        2      1       1
"""
    assert Ended(0, expected, "") == run("--catalog", old)


def test_service_is_shown_with_its_methods(old, run):
    """One service is shown with the signatures of its methods, classes without their packages; then methods of others."""
    expected = f"""\
{old}: blogsentry, 2 methods (1 read, 1 write)

write  add_entry(title: string, service_context: ServiceContext) -> BlogsEntry
read   get_entry(entry_id: long) -> BlogsEntry
read   get_entry(group_id: long, url_title: string) -> BlogsEntry

Methods of other services:
read   sample-portlet.foo.get_blogs_count() -> int
"""
    assert Ended(0, expected, "") == run("--catalog", old, "Blogs")


def test_method_is_shown_in_full(old, run):
    """One method is shown with the portal's names and types of its overloads' parameters."""
    expected = f"""\
{old}: blogsentry.get_entry, 2 overloads

path    /blogsentry/get-entry
python  session.services.blogsentry.get_entry(...)

get_entry(entry_id)
    entry_id  entryId  long
    reads, returns object<com.liferay.portlet.blogs.model.BlogsEntry>

get_entry(group_id, url_title)
    group_id   groupId   long
    url_title  urlTitle  string
    reads, returns object<com.liferay.portlet.blogs.model.BlogsEntry>
"""
    assert Ended(0, expected, "") == run("--catalog", old, "get_entry")


def test_method_is_shown_with_what_the_portal_tells_of_it(new, run):
    """What 7.x tells of a method is shown: descriptions, that it is deprecated, and the properties of its result."""
    expected = f"""\
{new}: blogs.blogsentry.get_entry

path    /blogs.blogsentry/get-entry
python  session.services["blogs.blogsentry"].get_entry(...)

get_entry(entry_id)
    Returns the entry. Or fails.
    entry_id  entryId  long
        its primary key
    reads, returns com.liferay.blogs.model.BlogsEntry, deprecated
    for select=: content, entryId
"""
    assert Ended(0, expected, "") == run("--catalog", new, "getEntry")


def test_parameter_that_the_portal_sets_is_marked(old, run):
    """A parameter that the portal sets by itself is marked."""
    ended = run("--catalog", old, "add-entry")
    assert "object<com.liferay.portal.service.ServiceContext>, may be left out\n" in ended.out


@pytest.mark.parametrize(
    "name",
    [
        "get_entry",
        "getEntry",
        "get-entry",
        "blogsentry.get_entry",
        "blogsentry/get-entry",
        "/blogsentry/get-entry",
        "/api/jsonws/blogsentry/get-entry",
        "http://localhost:8080/api/jsonws/blogsentry/get-entry",
        "BlogsEntry#getEntry",
        "BlogsEntryService.getEntry",
        "*get_ent*",
        "b*.get_e?try",
    ],
)
def test_method_is_found_in_any_spelling(name, old, run):
    """A method is found by its name in Java, in Python, in a path, in an address, or by a glob."""
    assert run("--catalog", old, name).out.startswith(f"{old}: blogsentry.get_entry, 2 overloads\n")


@pytest.mark.parametrize("name", ["blogs", "BlogsEntry", "BlogsEntryService", "blogs.blogsentry", "blogs*", "*entry"])
def test_service_is_found_in_any_spelling(name, new, run):
    """A service is found by its class, its name with and without its context, a part of it, or a glob."""
    assert run("--catalog", new, name).out.startswith(f"{new}: blogs.blogsentry, 1 method (1 read, 0 writes)\n")


def test_name_that_is_one_comes_before_its_parts(run):
    """A service that is called exactly so is shown alone; a note tells how to see the others that contain the name."""
    ended = run("user")
    assert (0, True) == (ended.code, ended.out.startswith("Liferay 6.2: user, "))
    assert ended.err.startswith("note: ")
    assert ended.err.endswith(" more names contain it; '*user*' shows them, too\n")
    assert "\nusergroup " in run("*user*").out


def test_methods_of_many_services_are_listed(run):
    """Methods of several services are listed with the names of these."""
    lines = run("--version", "7.3", "move_entry").out.splitlines()
    assert lines[0].startswith("Liferay 7.3: ")
    assert any(line.startswith("write  bookmarks.bookmarksentry.move_entry(entry_id: long, ") for line in lines)


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.1", "7.2", "7.3"])
def test_services_that_come_with_the_library_are_listed(version, run):
    """The services of five Liferay versions are known without a portal."""
    ended = run("--version", version)
    assert (0, "") == (ended.code, ended.err)
    assert ended.out.startswith(f"Liferay {version}: ")
    assert "\ndlapp " in ended.out


def test_services_of_a_context_are_listed(run):
    """`--context` leaves the services of some contexts; `core` is that without a name."""
    names = [
        line.split()[0] for line in run("--version", "7.2", "--context", "blogs", "--context", "kb").out.splitlines()[3:]
    ]
    assert ["blogs.blogsentry", "kb.kbarticle", "kb.kbcomment", "kb.kbfolder", "kb.kbtemplate"] == names
    assert "blogs.blogsentry" not in run("--version", "7.2", "--context", "core").out


def test_portal_is_asked_as_a_guest(portal, run):
    """A portal tells its services to guests."""
    version, url = portal
    ended = run("--server", url)
    assert (0, True) == (ended.code, ended.out.startswith(f"{url} (Liferay {version}): "))
    assert "\nuser " in ended.out


def test_portal_7_lists_its_core_and_says_so(portal, run):
    """Without `--context`, a note tells that 7.x listed its core only; 6.2 lists everything."""
    version, url = portal
    expected = "" if version == "6.2" else "note: Liferay 7 lists one context at a time, and this is its core; others need"
    err = run("--server", url).err
    assert err.startswith(expected)
    assert (version != "6.2") == len(err.splitlines())
    assert "" == run("--server", url, "--context", "core").err


def test_portal_7_is_asked_for_its_contexts(modern, run):
    """Each `--context` is asked for, and nothing else."""
    ended = run("--server", modern, "--context", "blogs")
    assert ended.out.startswith(f"{modern} (Liferay 7.4): blogs.blogsentry, ")
    assert "" == ended.err
    assert "\nuser " in run("--server", modern, "--context", "blogs", "--context", "core").out


def test_portal_is_asked_as_a_user(modern, run, monkeypatch):
    """The password comes from the environment; a wrong one is told as such."""
    assert_error(run("--server", modern, *USER), "check --user", "--password-env")
    monkeypatch.setenv("PORTAL_PASSWORD", "test")
    assert 0 == run("--server", modern, *USER).code
    assert_error(run("--server", modern, *USER[:3], "NO_SUCH_VARIABLE"), "is not set")


def test_json_is_one_document(old, run):
    """`--json` writes one document with the keys that the reference names."""
    ended = run("--catalog", old, "--json", "add_entry")
    parameters = [
        {"name": "title", "python_name": "title", "type": "string", "description": ""},
        {
            "name": "serviceContext",
            "python_name": "service_context",
            "type": "object<com.liferay.portal.service.ServiceContext>",
            "description": "",
        },
    ]
    action = {
        "path": "/blogsentry/add-entry",
        "python_name": "add_entry",
        "method": "POST",
        "is_read": False,
        "is_deprecated": False,
        "description": "",
        "parameters": parameters,
        "returns": "object<com.liferay.portlet.blogs.model.BlogsEntry>",
        "properties": [],
    }
    expected = {"version": "", "services": [{"service": "blogsentry", "context": "", "actions": [action]}]}
    assert (0, expected, "") == (ended.code, json.loads(ended.out), ended.err)


def test_json_of_a_portal_is_all_of_standard_output(portal, run):
    """`--json` of a whole portal is its version and its services; notes are on standard error."""
    version, url = portal
    told = json.loads(run("--server", url, "--json").out)
    assert version == told["version"]
    (user,) = (each for each in told["services"] if each["service"] == "user")
    assert ["name", "python_name", "type", "description"] == list(user["actions"][0]["parameters"][0])


def test_terminal_folds_signatures_between_parameters(old):
    """On a terminal, lines are folded to its width, and never within a parameter."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    arguments = [COMMAND, "discover", "--catalog", old, "blogsentry"]
    control, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": "52", "TERM": "xterm"}
    subprocess.run(arguments, stdout=terminal, env=environment, check=True)  # noqa: S603 - our own
    lines = os.read(control, 65536).decode().replace("\r", "").splitlines()
    os.close(terminal)
    os.close(control)
    assert lines[2:5] == [
        "write  add_entry(title: string,",
        "           service_context: ServiceContext)",
        "           -> BlogsEntry",
    ]


def test_terminal_that_is_narrow_keeps_columns(run, monkeypatch):
    """A name that is too long for the table takes a line of its own, so that columns stay what they are."""
    monkeypatch.setattr("aioliferay._terminal.Screen.width", 40)
    lines = run("--version", "7.3", "--context", "blogs", "--context", "segments").out.splitlines()
    assert ["segments.segmentsexperience", "service  "] == [
        next(line for line in lines if line.endswith("ence")),
        lines[2][:9],
    ]
    assert 40 >= max(map(len, lines[2:]))


def test_description_is_folded_at_its_place(new, run, monkeypatch):
    """On a terminal, a long text is folded, and stays below what it describes."""
    monkeypatch.setattr("aioliferay._terminal.Screen.width", 24)
    lines = run("--catalog", new, "getEntry").out.splitlines()
    assert ["    Returns the entry.", "    Or fails."] == lines[6:8]


def test_reader_that_goes_away_is_no_error():
    """A program that reads only the beginning, such as `head`, ends the command without a word."""
    with started("discover", "--version", "7.3", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "{\n" == process.stdout.readline()
        process.stdout.close()
        assert "" == process.stderr.read()


def test_services_are_read_only_when_needed():
    """Importing the command line reads no catalog, and does not load what makes typed services."""
    late = {"aioliferay.catalogs", "aioliferay.codegen", "aioliferay._catalog_jobs"}
    program = f"import sys, aioliferay.cli; print({late} & set(sys.modules))"
    assert "set()\n" == subprocess.check_output([sys.executable, "-c", program], text=True)  # noqa: S603 - our own


@pytest.mark.parametrize("example", ["discover --version 6.2 blogs", "discover /blogsentry/get-entry --json"])
def test_help_shows_examples_that_work(example, run):
    """`--help` shows examples in 80 columns, and they do what it says."""
    ended = run("--help")
    assert f"  aioliferay {example}\n" in ended.out
    assert 80 >= max(map(len, ended.out.splitlines()))
    assert 0 == run(*example.split()[1:]).code
