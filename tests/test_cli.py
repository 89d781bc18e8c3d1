"""The command line: options, exit codes, one clear line for each error, and the portal that it serves."""

from __future__ import annotations

import errno
import importlib.util
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aioliferay import cli
from aioliferay.testing import FakePortal
from command import Ended, caller, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "s3cr3t-pässwörd"
USER = ("--user", "test@liferay.com", "--password-env", "PORTAL_PASSWORD")


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., Ended]:
    monkeypatch.setenv("PORTAL_PASSWORD", PASSWORD)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return caller(monkeypatch, capsys)


@pytest.fixture
def served() -> Iterator[tuple[FakePortal, str]]:
    portal = FakePortal()
    with portal.serve() as url:
        yield portal, url


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def assert_error(ended: Ended, *parts: str) -> None:
    """One line of error on standard error, nothing else, and no password in it."""
    assert 1 == ended.code
    assert 1 == len(ended.err.splitlines())
    assert ended.err.startswith("error: ")
    for part in parts:
        assert part in ended.err
    assert PASSWORD not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_version_is_told(run):
    """`--version` tells the version of the package."""
    assert Ended(0, "aioliferay 0.1.0\n", "") == run("--version")


@pytest.mark.parametrize(
    ("command", "example"),
    [
        ("demo", "aioliferay demo --server http://localhost:8080"),
        ("serve", "aioliferay serve --port 8081 --version 7.4"),
    ],
)
def test_help_shows_an_example(command, example, run):
    """`--help` of each command shows an example, and fits into 80 columns."""
    ended = run(command, "--help")
    assert 0 == ended.code
    assert example in ended.out
    assert 80 >= max(map(len, ended.out.splitlines()))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "Usage: aioliferay"),
        (("dmeo",), "No such command 'dmeo'"),
        (("demo", "--sever", "http://localhost"), "No such option"),
        (("demo", "--user", "joe"), "it goes with --server"),
        (("demo", "--password-env", "X"), "it goes with --server"),
        (("demo", "--site", "1"), "it goes with --server"),
        (("demo", "--server", "http://localhost", "--password-env", "X"), "'--user'"),
        (("demo", "--server", "http://localhost", "--user", "joe"), "'--password-env'"),
        (("demo", "--server", "http://localhost", *USER, "--site", "0"), "'--site'"),
        (("serve", "--port", "65536"), "'--port'"),
        (("serve", "--version", "6.1"), "'--version'"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, text, run):
    """Wrong usage is told on standard error, with exit code 2."""
    ended = run(*arguments)
    assert 2 == ended.code
    assert text in ended.out + ended.err


@pytest.mark.parametrize(
    ("server", "text"),
    [
        ("localhost:8080", "the server must be a URL such as 'http://localhost:8080'"),
        ("ftp://localhost", "the server must be a URL"),
        ("http://localhost:99999", "the server URL"),
        ("http://[::1", "the server URL cannot be read"),
        ("", "the server must be a URL"),
        ("http://127.0.0.1:8080/?x=1", "without '?' and '#'"),
        (f"http://joe:{PASSWORD}@127.0.0.1:8080", "--password-env"),
        (f"joe:{PASSWORD}@localhost:8080", "--password-env"),
        ("https://nowhere.invalid:8080", "is the portal running, and the server URL right?"),
    ],
)
def test_demo_with_a_wrong_url_names_the_cause(server, text, run):
    """A URL that cannot work ends in one line that says why; credentials in it are not shown."""
    assert_error(run("demo", "--server", server, *USER), text)


def test_demo_with_a_closed_port_names_the_cause(closed_port, run):
    """Where nothing listens, the line names the address and what to check."""
    ended = run("demo", "--server", f"http://127.0.0.1:{closed_port}", *USER)
    assert_error(ended, f"no connection to http://127.0.0.1:{closed_port}", "is the portal running")


def test_demo_with_a_wrong_password_names_the_options(served, run):
    """A refused password points to the two options that say who calls."""
    assert_error(run("demo", "--server", served[1], *USER), "check --user", "--password-env")


def test_demo_without_permission_names_the_way_out(served, run, monkeypatch):
    """A user who may not add folders is pointed to another site or user; the clean-up finds nothing to do."""
    monkeypatch.setenv("PORTAL_PASSWORD", "joe")
    ended = run("demo", "--server", served[1], *USER[2:], "--user", "joe@liferay.com", "--site", "20182")
    assert 1 == ended.code
    assert "PrincipalException" in ended.err.splitlines()[-1]
    assert "choose a --site where the user may add bookmarks folders" in ended.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("mishap", "text"),
    [
        ({"html": True}, "a web page"),
        ({"body": "garbage"}, "is no JSON"),
        ({"body": ""}, "nothing at all"),
        ({"status": 503}, "status 503"),
        ({"drop": "before"}, "failed before the answer was complete"),
        (
            {"body": '{"exception": "x.Y", "message": "No JSON web service action with path /x"}'},
            "is the server a Liferay 6.2?",
        ),
        ({"body": '{"exception": "x.Y", "message": "' + "long \\u001b[31m\\n" * 500 + '"}'}, "..."),
        ({"status": 302, "headers": {"location": "https://elsewhere.test/"}}, "https://elsewhere.test/"),
    ],
)
def test_demo_of_a_portal_that_answers_amiss_names_the_cause(mishap, text, served, run):
    """HTML, garbage, nothing, a refusal, a cut connection, a redirect: one line each, without control characters."""
    portal, url = served
    portal.misbehave(**mishap)
    ended = run("demo", "--server", url, *USER)
    assert_error(ended, text)
    assert "\x1b" not in ended.err
    assert 1000 > len(ended.err)


@pytest.mark.parametrize(("value", "text"), [(None, "is not set"), ("", "is empty")])
def test_demo_without_a_password_says_where_it_belongs(value, text, run, monkeypatch):
    """A missing or empty variable is told without its name, which may be the password given by mistake."""
    if value is not None:
        monkeypatch.setenv("NO_SUCH_VARIABLE", value)
    ended = run("demo", "--server", "http://127.0.0.1:1", "--user", "joe", "--password-env", "NO_SUCH_VARIABLE")
    assert_error(ended, "the environment variable that --password-env names", text)
    assert "NO_SUCH_VARIABLE" not in ended.err


def test_demo_with_an_impossible_user_says_why(run):
    """A user name that basic authentication cannot carry is told as such."""
    assert_error(run("demo", "--server", "http://127.0.0.1:1", *USER[2:], "--user", "a:b"), "cannot contain ':'")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_cli_without_its_extra_names_the_remedy(missing):
    """Without typer or rich, importing the command line ends in one line that says what to install."""
    program = f"import sys; sys.modules[{missing!r}] = None; import aioliferay.cli"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    expected = f"the command line needs {missing}, which is not installed: pip install 'aioliferay[cli]'\n"
    assert (1, "", expected) == (ended.returncode, ended.stdout, ended.stderr)


def test_cli_without_its_extra_exits_at_import(monkeypatch):
    """The line is the text of a `SystemExit`, so that Python writes no traceback."""
    monkeypatch.setitem(sys.modules, "typer", None)
    spec = importlib.util.spec_from_file_location("a_second_cli", cli.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.raises(SystemExit, match=r"pip install 'aioliferay\[cli\]'"):
        spec.loader.exec_module(module)


def test_demo_without_the_portal_names_the_remedy(run, monkeypatch):
    """Where the web server of the embedded portal is missing, the line says what to install."""
    monkeypatch.delitem(sys.modules, "aioliferay.testing")
    monkeypatch.setitem(sys.modules, "aioliferay.testing", None)
    assert_error(run("demo"), "pip install 'aioliferay[cli]'")


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
def test_serve_says_what_to_type_next_and_it_works(version):
    """Each `curl` line works as printed, and Ctrl-C ends the portal with exit code 0 and not a word of error."""
    with started("serve", "--port", "0", "--version", version) as process:
        lines = [process.stdout.readline() for _ in range(12)]
        try_as_printed(lines, version)
        process.send_signal(signal.SIGINT)
        assert ("", "", 0) == (*process.communicate(timeout=30), process.returncode)


def try_as_printed(lines: list[str], version: str) -> None:
    """Run the two `curl` lines."""
    assert f"A stand-in for Liferay {version} answers at http://127.0.0.1:" in lines[0]
    commands = [shlex.split(line) for line in lines if line.startswith("curl ")]
    assert 2 == len(commands)
    if shutil.which("curl"):
        one, two = (subprocess.check_output([*command, "-s"], text=True) for command in commands)  # noqa: S603 - as printed
        assert '"emailAddress":"joe@liferay.com"' in one
        assert two.startswith("[")
        assert '"emailAddress":"joe@liferay.com"' in two


@pytest.fixture
def serving(monkeypatch, run) -> Callable[..., Ended]:
    """Runs `serve` in this process; it is stopped as soon as it waits."""

    async def stop() -> None:
        signal.raise_signal(signal.SIGTERM)
        await anyio.Event().wait()

    monkeypatch.setattr(anyio, "sleep_forever", stop)
    return lambda *arguments: run("serve", *arguments)


@pytest.mark.parametrize(("version", "count"), [("6.2", 40), ("7.0", 40), ("7.4", 40)])
def test_serve_tells_users_and_seeded_ids(version, count, serving):
    """The users with their passwords, the sites and the entries are told; the portal has seen no request by then."""
    ended = serving("--port", "0", "--version", version)
    assert (0, "") == (ended.code, ended.err)
    assert "test@liferay.com / test  administrator, userId 20199, contactId 20200" in ended.out
    assert "joe@liferay.com / joe " in ended.out
    assert "20182 (Guest), 20201" in ended.out
    assert f"{count} entries in site 20182: entryId 2" in ended.out
    assert "Other computers" not in ended.out


def test_serve_to_other_computers_warns(serving):
    """An address that others can reach comes with a warning, and with `curl` lines for this computer."""
    ended = serving("--port", "0", "--host", "0.0.0.0")  # noqa: S104 - this is what the warning is about
    assert 0 == ended.code
    assert "Other computers may reach it" in ended.out
    assert "curl -u joe@liferay.com:joe http://127.0.0.1:" in ended.out


def test_serve_at_localhost_does_not_warn(serving):
    """A loopback address by its name is no danger."""
    ended = serving("--port", "0", "--host", "localhost")
    assert (0, True) == (ended.code, "Other computers" not in ended.out)


def test_serve_at_a_name_of_the_network_warns():
    """Whether others can reach a name cannot be known: it counts as reachable."""
    assert [False, True] == [cli._is_loopback(url) for url in ("http://intranet:80", "http://127.0.0.2:80")]


def test_serve_at_a_taken_port_names_the_remedy(taken_port, run):
    """A port that is taken gives one line with the way out."""
    expected = f"cannot listen at 127.0.0.1, port {taken_port}: Address already in use; choose another with --port"
    assert_error(run("serve", "--port", str(taken_port)), expected)


def test_serve_at_an_unknown_host_names_the_cause(run):
    """A host that is none gives one line."""
    assert_error(run("serve", "--host", "nowhere.invalid", "--port", "0"), "cannot listen at nowhere.invalid, port 0")


def test_hangup_under_nohup_stays_ignored(run, served, monkeypatch):
    """A signal that was ignored when the command began, as under nohup, stays ignored."""
    monkeypatch.setenv("PORTAL_PASSWORD", "test")
    seen: list[Any] = []
    original = cli._demo.arrive

    async def arrive(*arguments: Any) -> Any:
        seen.append(signal.getsignal(signal.SIGHUP))
        return await original(*arguments)

    monkeypatch.setattr(cli._demo, "arrive", arrive)
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended = run("demo", "--server", served[1], *USER)
    finally:
        signal.signal(signal.SIGHUP, previous)
    assert (0, [signal.SIG_IGN]) == (ended.code, seen)


def test_full_disk_is_told(run, monkeypatch):
    """Output that cannot be written gives one line."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli.Screen, "say", fail)
    assert_error(run("demo"), "No space left on device")


def test_output_survives_an_encoding_without_its_letters():
    """What a terminal's encoding lacks is escaped: it ends no run."""
    with started("demo", "--server", "http://ä.invalid", *USER, PORTAL_PASSWORD="x", PYTHONIOENCODING="ascii") as process:
        _, err = process.communicate(timeout=30)
    assert 1 == process.returncode
    assert "Traceback" not in err


def test_interrupt_while_the_portal_is_busy_stops_at_once(served, run, monkeypatch):
    """Ctrl-C during a read stops at once, whatever the portal does."""
    portal, url = served
    portal.misbehave(delay=20)

    original = cli._demo.arrive

    async def arrive(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return await original(*arguments)

    monkeypatch.setattr(cli._demo, "arrive", arrive)
    ended = run("demo", "--server", url, *USER)
    assert Ended(130, "", "interrupted\n") == ended
