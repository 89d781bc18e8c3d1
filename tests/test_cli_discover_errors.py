"""`aioliferay discover` when something is wrong: names, files, portals, options; and Ctrl-C."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from aioliferay.testing import FakePortal
from command import Ended, caller
from discovery_files import answering, assert_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSWORD = "s3cr3t-pässwörd"
USER = ("--user", "test@liferay.com", "--password-env", "PORTAL_PASSWORD")


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., Ended]:
    monkeypatch.setenv("PORTAL_PASSWORD", PASSWORD)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    call = caller(monkeypatch, capsys)
    return lambda *arguments: call("discover", *arguments)


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (("blgos",), ["of Liferay 6.2 is called like 'blgos'", "nearest: blogsentry"]),
        (("blogsentry.get_entri",), ["nearest: blogsentry.get_entry, "]),
        (("get_grop_entries",), ["nearest: get_group_entries"]),
        (("commerce",), ["is called like 'commerce'; other versions have it: --version 7.3"]),
        (("qqqqq", "--json"), ["and none nearly so; without a name all services are listed"]),
        (("--context", "blogs"), ["Liferay 6.2 has no services in context 'blogs'; there are: core"]),
    ],
)
def test_name_that_nothing_has_tells_the_nearest(arguments, texts, run):
    """Nothing found: the nearest names are told, and other versions that have it; standard output stays empty."""
    assert_error(run(*arguments), *texts)


def test_catalog_without_services_is_told(tmp_path, run):
    """An empty catalog is an error with its remedy."""
    file = tmp_path / "empty.json"
    file.write_text('{"actions": []}')
    assert_error(run("--catalog", str(file)), "lists no services; ask for another --context")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"<html>", "is no catalog: a discovery answers JSON, and this begins with '<html>'"),
        (b"[]", "a discovery answers a JSON object"),
        (b'{"actions": [{"path": "/a/b"}]}', "the discovery cannot be read: actions[0].method"),
        (gzip.compress(b"{}", mtime=0)[:-9], "cannot be decompressed"),
        (b"\x1f\x8b\x08\x00" + b"\0" * 6 + b"\xff" * 20, "cannot be decompressed"),
        (b"\x1f\x8bnothing of the kind", "cannot be decompressed"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_file_that_is_no_catalog_names_the_cause(content, text, tmp_path: Path, run):
    """A file that is missing, broken or something else gives one line that says so and what belongs there."""
    file = tmp_path / "catalog"
    if content is not None:
        file.write_bytes(content)
    assert_error(run("--catalog", str(file)), str(file), text, "--catalog takes a file with the answer of a portal")


@pytest.mark.parametrize(
    ("status", "body", "texts"),
    [
        (200, "<html><title>Shop</title></html>", ["a web page", "'Shop'", "if --server is the root of a portal"]),
        (200, "garbage", ["garbage", "if --server is the root"]),
        (200, "", ["nothing at all", "if --server is the root"]),
        (200, '{"services": [{"path": "/a/b"}]}', ["services[0].method", "if --server is the root"]),
        (404, "<html><title>Not found</title></html>", ["status 404", "its discovery switched on"]),
        (200, '{"exception": "No JSON web service action with path null"}', ["jsonws.web.service.api.discoverable"]),
        (503, "", ["status 503", "try again later"]),
        (302, "", ["https://elsewhere.test/", "give that address"]),
        (401, "", ["does not tell its services to everybody", "--user and --password-env"]),
        (403, '{"exception": "java.lang.SecurityException", "message": "Access denied"}', ["--user and --password-env"]),
    ],
)
def test_portal_that_answers_amiss_names_the_cause(status, body, texts, run):
    """A web page, garbage, a discovery that is switched off, a refusal, a redirect: one line with cause and remedy."""
    with answering(status, body, headers={"Location": "https://elsewhere.test/"}) as url:
        assert_error(run("--server", url), *texts)


@pytest.mark.parametrize(("version", "text"), [("6.2", "status 404"), ("7.4", "a context is what stands before the dot")])
def test_context_that_the_portal_does_not_have_is_told(version, text, run):
    """A context without services is an error on both generations of portals."""
    with FakePortal(version).serve() as url:
        assert_error(run("--server", url, "--context", "nope"), text)


def test_portal_that_does_not_answer_is_told(run):
    """Where nothing listens, and where the answer breaks off, the line names the address or what to do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert_error(run("--server", f"http://127.0.0.1:{port}"), f"no connection to http://127.0.0.1:{port}", "is the portal")
    with answering(200, "{", headers={"Content-Length": "99"}) as url:
        assert_error(run("--server", url), "then try again")


@pytest.mark.parametrize(
    ("server", "text"),
    [("localhost:8080", "the server must be a URL"), (f"http://joe:{PASSWORD}@127.0.0.1", "--password-env")],
)
def test_wrong_url_names_the_cause(server, text, run):
    """A URL that cannot work is told; credentials in it are not shown."""
    ended = run("--server", server)
    assert_error(ended, text)
    assert PASSWORD not in ended.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--version", "6.2", "--server", "http://localhost"), "one of them says whose services"),
        (("--server", "http://localhost", "--catalog", "x"), "one of them says whose services"),
        (("--version", "6.1"), "'--version'"),
        (("--user", "joe", "--password-env", "X"), "it goes with --server"),
        (("--server", "http://localhost", "--user", "joe"), "'--password-env'"),
        (("--server", "http://localhost", "--password-env", "X"), "'--user'"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, text, run):
    """Options that do not go together are told, with exit code 2."""
    ended = run(*arguments)
    assert (2, True) == (ended.code, text in ended.err)


def test_interrupt_stops_at_once(run):
    """Ctrl-C while the portal is busy ends the command with exit code 130."""
    gone = threading.Event()

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        gone.wait(20)

    with answering(200, "{}", before=interrupt) as url:
        ended = run("--server", url)
        gone.set()
    assert Ended(130, "", "interrupted\n") == ended
