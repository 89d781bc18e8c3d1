"""Where the command line takes passwords, secrets and tokens from, and in which order; what it tells where it fails."""

from __future__ import annotations

import json
import math
import os
import sys
from typing import TYPE_CHECKING

import keyring
import pytest

from aioliferay import _credentials as credentials
from aioliferay._portals import NamedPortal
from aioliferay._terminal import CommandError
from aioliferay.auth import OAuth2Token
from aioliferay.testing import FakePortal
from cli_home import FileKeyring, Home, OpenKeyring
from command import Ended, caller
from discovery_files import assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER = "http://127.0.0.1:8080"
PORTAL = NamedPortal(SERVER, client_id="id-1")
SERVICE = f"aioliferay:{SERVER}"
SECRET = "s3cr3t-pässwörd"


@pytest.fixture
def home(monkeypatch, tmp_path) -> Home:
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def run(home, monkeypatch, capsys) -> Callable[..., Ended]:
    return caller(monkeypatch, capsys)


@pytest.fixture
def served() -> Iterator[tuple[FakePortal, str]]:
    portal = FakePortal()
    with portal.serve() as url:
        yield portal, url


def found(user: str | None = None, password_env: str | None = None, portal: NamedPortal = PORTAL) -> tuple[str, str, str]:
    secret = credentials.password_of(portal, user, password_env)
    return ("", "", "") if secret is None else (secret.user, secret.value, secret.source)


def test_passwords_are_looked_for_in_order(home, monkeypatch):
    """Options come before the environment, that before the keyring, that before `~/.netrc`."""
    assert ("", "", "") == found()
    home.netrc("machine 127.0.0.1 login joe password of-netrc")
    assert ("joe", "of-netrc", "~/.netrc") == found() == found("joe")
    home.keyring.set_password(SERVICE, "joe", "of-keyring")
    assert ("joe", "of-keyring", "the keyring") == found("joe")
    monkeypatch.setenv("AIOLIFERAY_USER", "joe")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "of-environment")
    assert ("joe", "of-environment", "AIOLIFERAY_PASSWORD") == found()
    monkeypatch.setenv("MINE", "of-option")
    assert ("joe", "of-option", "--password-env") == found(password_env="MINE")


def test_user_is_that_of_the_option_then_of_the_environment_then_of_the_file(home, monkeypatch):
    """Who calls is said by the option, or else by the environment, or else by the file."""
    portal = NamedPortal(SERVER, user="of-file")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "x")
    assert "of-file" == found(portal=portal)[0]
    monkeypatch.setenv("AIOLIFERAY_USER", "of-environment")
    assert "of-environment" == found(portal=portal)[0]
    monkeypatch.setenv("MINE", "y")
    assert ("of-option", "y", "--password-env") == found("of-option", "MINE", portal)


def test_password_of_another_user_is_never_taken(home, monkeypatch):
    """A password is only used for the user to whom it belongs, wherever it stands."""
    monkeypatch.setenv("AIOLIFERAY_USER", "ann")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", SECRET)
    home.put(OpenKeyring()).set_password(SERVICE, "ann", SECRET)
    home.netrc(f"machine 127.0.0.1 login ann password {SECRET}")
    with pytest.raises(CommandError, match="there is no password for 'joe' at http"):
        found("joe")


def test_keyring_that_knows_users_needs_no_user(home):
    """Where the keyring can say who there is, nobody needs to name a user; else it is told who."""
    home.keyring.set_password(SERVICE, "joe", SECRET)
    assert ("", "", "") == found()
    home.put(OpenKeyring())
    assert ("joe", SECRET, "the keyring") == found()


def test_netrc_entry_is_that_of_the_host(home):
    """The entry of the portal's host counts, whatever the port; `default` is for no portal, nor is half an entry."""
    home.netrc(f"machine elsewhere login joe password {SECRET}\ndefault login joe password {SECRET}")
    assert ("", "", "") == found()
    home.netrc(f"machine 127.0.0.1 password {SECRET}")
    assert ("", "", "") == found()
    home.netrc("machine 127.0.0.1 login joe")
    assert ("", "", "") == found()
    home.netrc('machine 127.0.0.1\n  login "joe b"\n  password "a b#c"')
    assert ("joe b", "a b#c", "~/.netrc") == found()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"machine 127.0.0.1 login joe password {SECRET} {SECRET}", ".netrc, line 1 is no netrc"),
        (f"# mine\n{SECRET}\n", ".netrc, line "),
        (f"machine 127.0.0.1 login joe pasword {SECRET}", ".netrc, line 1 is no netrc"),
    ],
)
def test_netrc_that_is_none_is_told_without_its_contents(text, place, home, run):
    """Bad syntax is told with its line and what belongs there; nothing of the file is shown."""
    home.netrc(text)
    ended = run("whoami", "--server", SERVER)
    assert_error(
        ended, place, "an entry reads machine HOST login USER password PASSWORD", "--auth none does without the file"
    )
    assert SECRET not in ended.err
    assert "pasword" not in ended.err


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_netrc_that_others_may_read_is_refused(home, run):
    """A password that others may read is not used; a file without an entry for the portal is nobody's concern."""
    file = home.netrc(f"machine 127.0.0.1 login joe password {SECRET}", mode=0o640)
    ended = run("whoami", "--server", SERVER)
    assert_error(ended, f"{file} is open to other users: chmod 600 {file}")
    assert SECRET not in ended.err
    home.netrc(f"machine elsewhere login joe password {SECRET}", mode=0o644)
    assert ("", "", "") == found()


@pytest.mark.skipif(os.name != "posix", reason="owners are those of POSIX")
def test_netrc_of_another_user_is_refused(home, run, monkeypatch):
    """A file that belongs to somebody else is not trusted."""
    home.netrc(f"machine 127.0.0.1 login joe password {SECRET}")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert_error(run("whoami", "--server", SERVER), ".netrc belongs to another user")


def test_netrc_that_cannot_be_read_is_told(home, run):
    """A folder in its place, or bytes that are no text: one line says so."""
    (home.folder / ".netrc").mkdir()
    assert_error(run("whoami", "--server", SERVER), ".netrc cannot be read: Is a directory; --auth none")
    (home.folder / ".netrc").rmdir()
    home.netrc("").write_bytes(b"machine \xff login \xfe")
    assert_error(run("whoami", "--server", SERVER), ".netrc is no text in UTF-8")


@pytest.mark.parametrize(
    ("arguments", "variables", "text"),
    [
        (("--user", "joe"), {}, "`aioliferay login --server http://127.0.0.1:8080 --user joe` keeps one in the keyring"),
        ((), {"AIOLIFERAY_USER": "joe"}, "or name the variable that holds it with --password-env"),
        ((), {"AIOLIFERAY_PASSWORD": SECRET}, "AIOLIFERAY_PASSWORD is set, and nobody says whose it is"),
        (("--password-env", "MINE"), {"MINE": SECRET}, "--password-env names a password, and nobody says whose"),
        (("--user", "joe", "--password-env", "MINE"), {}, "that --password-env names is not set"),
        (("--user", "joe", "--password-env", "MINE"), {"MINE": ""}, "that --password-env names is empty"),
        (
            ("--user", "a:b", "--password-env", "MINE", "--auth", "basic"),
            {"MINE": SECRET},
            "a user name for basic authentication cannot contain ':'; see --user and the password",
        ),
        (("--user", "joe", "--password-env", "MINE"), {"MINE": "\udcff"}, "must be text that UTF-8 can carry"),
    ],
)
def test_credentials_that_lack_something_are_told(arguments, variables, text, run, monkeypatch):
    """A user without a password, or a password without a user, is told, and nothing is sent."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = run("whoami", "--server", SERVER, *arguments)
    assert_error(ended, text)
    assert SECRET not in ended.err


def test_user_of_the_file_without_a_password_is_a_guest(served, home, run):
    """Where only the file names a user, and he has no password, calls are a guest's, and a note says so."""
    portal, url = served
    home.name(f'[portals.x]\nserver = "{url}"\nuser = "joe"')
    ended = run("whoami", "--portal", "x")
    assert (0, True) == (ended.code, "user            a guest\n" in ended.out)
    assert ended.err.startswith(f"note: there is no password for 'joe' at {url}, so calls are a guest's: `aioliferay login")
    assert [] == portal.sign_ins


@pytest.mark.parametrize("auth", ["sign-in", "basic"])
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("option", "check --user (usually the e-mail address) and the environment variable that --password-env names"),
        ("environment", "which came from AIOLIFERAY_PASSWORD"),
        ("keyring", "which came from the keyring; `aioliferay login --portal x` keeps another"),
        ("netrc", "which came from ~/.netrc"),
    ],
)
def test_wrong_password_is_tried_once_and_its_source_told(  # noqa: PLR0913, PLR0917 - fixtures
    source, told, auth, served, home, run, monkeypatch
):
    """A wrong password is tried once, however many calls there are, and the line says where it came from."""
    portal, url = served
    home.name(f'[portals.x]\nserver = "{url}"\nuser = "joe@liferay.com"\nauth = "{auth}"')
    options: tuple[str, ...] = ()
    if source == "option":
        monkeypatch.setenv("MINE", SECRET)
        options = ("--password-env", "MINE")
    elif source == "environment":
        monkeypatch.setenv("AIOLIFERAY_PASSWORD", SECRET)
    elif source == "keyring":
        home.keyring.set_password(f"aioliferay:{url}", "joe@liferay.com", SECRET)
    else:
        home.netrc(f"machine 127.0.0.1 login joe@liferay.com password {SECRET}")
    ended = run("call", "/portal/get-build-number", "+", "/user/get-current-user", "--portal", "x", *options)
    assert (1, "") == (ended.code, ended.out)
    assert told in ended.err.splitlines()[-1]
    assert SECRET not in ended.err
    tries = [each for each in portal.requests if "authorization" in each.headers or each.path == "/c/portal/login"]
    assert 1 == len(tries)


def test_sign_in_is_what_a_password_is_for(served, run, monkeypatch):
    """User and password sign in, by default; `--auth basic` sends them with the request instead."""
    portal, url = served
    monkeypatch.setenv("AIOLIFERAY_USER", "joe@liferay.com")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "joe")
    assert Ended(0, "6205\n", "") == run("call", "/portal/get-build-number", "--server", url)
    assert ([True], "/c/portal/logout") == ([each.is_successful for each in portal.sign_ins], portal.requests[-1].path)
    portal.requests.clear()
    assert Ended(0, "6205\n", "") == run("call", "/portal/get-build-number", "--server", url, "--auth", "basic")
    assert ([True], 1) == ([each.is_successful for each in portal.sign_ins], len(portal.requests))


def test_portal_without_a_sign_in_page_is_told_in_a_line(run, monkeypatch):
    """What the library warns of is a line of the command's, without a place in its source."""
    monkeypatch.setenv("AIOLIFERAY_USER", "joe@liferay.com")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "joe")
    with FakePortal(sign_in_page=False).serve() as url:
        ended = run("call", "/portal/get-build-number", "--server", url)
    assert (0, "6205\n", 1) == (ended.code, ended.out, len(ended.err.splitlines()))
    assert ended.err.startswith(f"warning: {url} has no sign-in page (/c/portal/login): the password goes with every")


def test_keyring_that_is_not_there_is_passed_over(home, monkeypatch):
    """Without the extra, without a backend, and with one that fails, the next source is asked."""
    home.netrc("machine 127.0.0.1 login joe password of-netrc")
    for backend in (keyring.backends.fail.Keyring(), FileKeyring()):
        home.put(backend)
        assert "of-netrc" == found("joe")[1]
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "of-netrc" == found("joe")[1]


def test_keyring_that_fails_is_told(served, home, run, monkeypatch):
    """A keyring that is locked, broken or badly chosen is told in a note, and the next source is asked."""
    _, url = served
    home.netrc("machine 127.0.0.1 login joe@liferay.com password joe")
    home.put(OpenKeyring()).is_locked = True
    ended = run("call", "/portal/get-build-number", "--server", url)
    assert Ended(0, "6205\n", "note: the keyring cannot be read: KeyringLocked: it is locked\n") == ended

    def fail(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(OpenKeyring, "get_credential", fail)
    ended = run("call", "/portal/get-build-number", "--server", url)
    assert Ended(0, "6205\n", "note: the keyring cannot be read: ValueError\n") == ended
    monkeypatch.setattr(keyring, "get_keyring", fail)
    ended = run("call", "/portal/get-build-number", "--server", url)
    assert Ended(0, "6205\n", "note: the keyring cannot be loaded: ValueError\n") == ended


def test_client_secret_is_that_of_the_environment_then_of_the_keyring(home, monkeypatch):
    """A client's secret is in the environment, or else in the keyring, apart from passwords."""
    assert credentials.client_secret_of(PORTAL) is None
    home.put(OpenKeyring()).set_password(f"aioliferay-client-secret:{SERVER}", "id-1", "of-keyring")
    assert credentials.Secret("id-1", "of-keyring", "the keyring") == credentials.client_secret_of(PORTAL)
    assert ("", "", "") == found()
    monkeypatch.setenv("AIOLIFERAY_CLIENT_SECRET", "of-environment")
    assert credentials.Secret("id-1", "of-environment", "AIOLIFERAY_CLIENT_SECRET") == credentials.client_secret_of(PORTAL)


def test_token_comes_back_as_it_was_kept(home):
    """An access token comes back from the keyring with all that belongs to it."""
    for token in (OAuth2Token("a", "r", 1.5, 60.0, "s"), OAuth2Token("a", "", math.inf, math.inf, "")):
        credentials.keep_token(PORTAL, token)
        assert token == credentials.token_of(PORTAL)


@pytest.mark.parametrize("kept", ["", "x", "[]", "{}", '{"access_token": 1}', '{"access_token": "a", "expires_at": "x"}'])
def test_token_that_cannot_be_read_is_none(kept, home):
    """What is no token counts as none: the user is asked again."""
    home.keyring.set_password(f"aioliferay-token:{SERVER}", "id-1", kept)
    assert credentials.token_of(PORTAL) is None


def test_secret_is_in_no_repr(home):
    """What holds a secret does not show it."""
    assert "of-option" not in repr(credentials.Secret("joe", "of-option", "--password-env"))
    assert json.dumps(home.keyring.kept) == "{}"
