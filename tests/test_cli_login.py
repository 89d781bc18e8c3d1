"""`aioliferay login` and `logout`, OAuth 2 on the command line, and that no secret is ever shown."""

from __future__ import annotations

import getpass
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import keyring.backends.fail
import pytest

from aioliferay.testing import FakePortal
from cli_home import FileKeyring, Home, OpenKeyring
from command import COMMAND, Ended, caller
from discovery_files import assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "s3cr3t-pässwörd"


@pytest.fixture
def home(monkeypatch, tmp_path) -> Home:
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def run(home, monkeypatch, capsys) -> Callable[..., Ended]:
    """Runs a command; `typed` is its standard input."""
    call = caller(monkeypatch, capsys)

    def run(*arguments: str, typed: str = "", is_terminal: bool = False) -> Ended:
        monkeypatch.setattr(sys, "stdin", Keyboard(typed) if is_terminal else io.StringIO(typed))
        return call(*arguments)

    return run


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def served(home) -> Iterator[tuple[FakePortal, str]]:
    portal = FakePortal()
    with portal.serve() as url:
        home.name(f'default = "x"\n[portals.x]\nserver = "{url}"\nuser = "joe@liferay.com"')
        yield portal, url


def test_login_keeps_the_password_and_later_commands_find_it(served, home, run):
    """`login` tries the password once and keeps it in the keyring, where the other commands find it; `logout` removes it."""
    portal, url = served
    expected = f"kept: the password of joe@liferay.com for {url}, in the keyring (keyring of the tests)\n"
    assert Ended(0, expected, "") == run("login", typed="joe\n")
    assert {f"aioliferay:{url}": {"joe@liferay.com": "joe"}} == home.keyring.kept
    assert [True] == [each.is_successful for each in portal.sign_ins]
    assert "authentication  sign-in, password from the keyring\n" in run("whoami").out
    assert Ended(0, f"the password of joe@liferay.com removed for {url}\n", "") == run("logout")
    assert {} == home.keyring.kept
    assert Ended(0, f"nothing removed for {url}\n", "") == run("logout")


def test_login_at_a_url(served, home, run):
    """A portal that has no name is given by its URL, and its user by the option."""
    _, url = served
    assert 0 == run("login", "--server", url, "--user", "test@liferay.com", "--auth", "basic", typed="test\r\n").code
    assert "user id         20199\n" in run("whoami", "--server", url, "--user", "test@liferay.com").out
    home.put(OpenKeyring())
    assert "user id         20199\n" in run("whoami", "--server", url).out
    assert "the password of test@liferay.com removed" in run("logout", "--server", url).out


def test_login_with_a_wrong_password_keeps_nothing(served, home, run):
    """A wrong password is tried once and not kept."""
    portal, _ = served
    ended = run("login", typed=f"{SECRET}\n")
    assert_error(ended, "the portal does not know this user with this password", "which came from what was typed")
    assert SECRET not in ended.err
    assert ({}, [False]) == (home.keyring.kept, [each.is_successful for each in portal.sign_ins])


def test_login_asks_unseen_on_a_terminal(served, home, run, monkeypatch):
    """On a terminal the password is asked for without being shown."""
    asked: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or "joe")
    assert 0 == run("login", is_terminal=True).code
    assert [f"Password of joe@liferay.com at {served[1]}: "] == asked


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (KeyboardInterrupt, 130, "interrupted\n"),
        (EOFError, 1, "nothing was typed, and nothing is kept"),
        (lambda: warnings.warn("echo", getpass.GetPassWarning, stacklevel=1), 1, "this terminal cannot hide what is typed"),
    ],
)
def test_login_that_is_broken_off(  # noqa: PLR0913, PLR0917 - fixtures
    raised, code, text, home, run, monkeypatch
):
    """Ctrl-C, an end of input, a terminal that would show the password: nothing is sent and nothing is kept."""

    def ask(_: str) -> str:
        if error := raised():
            raise error
        return SECRET

    monkeypatch.setattr(getpass, "getpass", ask)
    ended = run("login", "--server", "http://127.0.0.1:1", "--user", "joe", is_terminal=True)
    assert (code, "", True) == (ended.code, ended.out, text in ended.err)
    assert {} == home.keyring.kept


class Garbled(io.StringIO):
    def readline(self, *_: object) -> str:
        return b"\xff".decode()


def test_login_with_nothing_to_read_is_told(served, home, run, monkeypatch, capsys):
    """An empty pipe, none at all, and bytes that are no text are told."""
    assert_error(run("login"), "Password of joe@liferay.com", "nothing was typed, and nothing is kept")
    for stdin, text in ((None, "nothing was typed"), (Garbled(), "is no text in the terminal's encoding")):
        call = caller(monkeypatch, capsys)
        monkeypatch.setattr(sys, "stdin", stdin)
        assert_error(call("login"), text)


def test_login_without_a_user_is_told(served, run):
    """A password belongs to a user: somebody must say to whom."""
    assert_error(run("login", "--server", served[1], typed="x"), "whose password? add --user, or export AIOLIFERAY_USER")
    assert_error(run("login", "--auth", "none"), "is used as a guest, who has no password: add --auth sign-in")


def test_login_without_a_keyring_is_told_before_anything_is_typed(served, home, run, monkeypatch):
    """Without the extra, or without a backend, the line says what to install, and what else can hold the password."""
    home.put(keyring.backends.fail.Keyring())
    ended = run("login", typed="joe\n")
    assert_error(ended, "this computer offers no keyring: install a backend", "AIOLIFERAY_PASSWORD or ~/.netrc")
    monkeypatch.setitem(sys.modules, "keyring", None)
    for command in ("login", "logout"):
        assert_error(run(command), "the keyring needs keyring, which is not installed: pip install 'aioliferay[keyring]'")
    assert [] == served[0].requests


def test_keyring_that_does_not_take_it_is_told(served, home, run, monkeypatch):
    """A keyring that refuses, or takes the password and has it no more, is told without what it was."""
    home.keyring.is_forgetful = True
    assert_error(run("login", typed="joe\n"), "the keyring (keyring of the tests) did not keep it: choose another backend")

    def refuse(*_: object) -> None:
        raise keyring.errors.PasswordSetError(f"cannot keep {SECRET}")

    monkeypatch.setattr(FileKeyring, "set_password", refuse)
    monkeypatch.setattr(served[0]._samples, "is_password", lambda *_: True)
    ended = run("login", typed=f"{SECRET}\n")
    assert_error(ended, "the keyring does not do it: PasswordSetError: cannot keep ...; is it unlocked?")
    assert SECRET not in ended.err


def test_logout_of_a_locked_keyring_is_told(served, home, run, monkeypatch):
    """A keyring that does not remove is told."""
    run("login", typed="joe\n")

    def refuse(*_: object) -> None:
        raise keyring.errors.PasswordDeleteError

    monkeypatch.setattr(FileKeyring, "delete_password", refuse)
    assert_error(run("logout"), "the keyring does not do it: PasswordDeleteError; is it unlocked?")


def test_user_who_may_not_see_himself_can_log_in(home, run):
    """A user whom the portal knows, and to whom it denies the call that asks who he is, has the right password."""
    portal = FakePortal("7.4")
    with portal.serve() as url:
        portal.misbehave(status=403, body='{"exception": "java.lang.SecurityException", "message": "denied"}')
        assert 0 == run("login", "--server", url, "--user", "joe@liferay.com", typed="joe\n").code


EVERY_COMMAND = (
    ("portals",),
    ("portals", "--json"),
    ("login",),
    ("whoami",),
    ("whoami", "--json"),
    ("whoami", "--auth", "basic"),
    ("whoami", "--password-env", "AIOLIFERAY_PASSWORD"),
    ("call", "/portal/get-build-number"),
    ("call", "/portal/get-build-number", "--explain"),
    ("call", "/user/get-user-by-id", "userId=1", "+", "/no/such-service"),
    ("call", "/portal/get-build-number", "--server", "http://127.0.0.1:1"),
    ("call", "/no/such/path"),
    ("discover", "--portal", "x", "user"),
    ("discover", "--portal", "x", "--context", "nope"),
    ("generate", "--portal", "x", "--service", "user", "--out", "typed"),
    ("demo", "--portal", "x"),
    ("logout",),
    ("whoami", "--portal", "nope"),
)


@pytest.mark.parametrize("is_right", [True, False])
def test_no_command_shows_the_password(is_right, home, monkeypatch):
    """No command shows the password, right or wrong: not in its output, its errors or tracebacks, nor as an argument."""
    portal = FakePortal()
    with portal.serve() as url:
        home.name(f'default = "x"\n[portals.x]\nserver = "{url}"\nuser = "joe@liferay.com"')
        password = "joe-" + SECRET
        monkeypatch.setattr(portal._samples, "is_password", lambda _, given: is_right and given == password)
        variables = {"AIOLIFERAY_PASSWORD": password, "PYTHONIOENCODING": "utf-8", "PYTHONFAULTHANDLER": "1"}
        for arguments in EVERY_COMMAND if is_right else EVERY_COMMAND[2:10]:
            shown, seen = shown_by(arguments, password, {**os.environ, **variables}, home.folder)
            assert "s3cr3t" not in shown, arguments
            assert "Traceback" not in shown, arguments
            assert "s3cr3t" not in seen, arguments
    if is_right:
        assert all(each.is_successful for each in portal.sign_ins)


def shown_by(arguments: tuple[str, ...], typed: str, environment: dict[str, str], folder: Path) -> tuple[str, str]:
    """Run the command; return all that it writes, and what a list of processes shows of it."""
    pipe = subprocess.PIPE
    command = [COMMAND, *arguments]
    with subprocess.Popen(  # noqa: S603 - our own
        command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, env=environment, cwd=folder
    ) as process:
        listed = Path(f"/proc/{process.pid}/cmdline")
        seen = listed.read_bytes().decode() if listed.exists() else ""
        out, _ = process.communicate(f"{typed}\n".encode(), timeout=60)
    return out.decode(), seen
