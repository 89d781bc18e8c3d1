"""OAuth 2 on the command line: clients with a secret, users with a browser, and tokens that the keyring keeps."""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
import urllib.parse
import urllib.request
import webbrowser
from typing import TYPE_CHECKING, Any

import keyring.backends.fail
import pytest

from aioliferay.testing import FakePortal
from cli_home import Home
from command import Ended, caller
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

    def run(*arguments: str, typed: str = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return call(*arguments)

    return run


@pytest.fixture
def modern(home) -> Iterator[tuple[FakePortal, str]]:
    """A portal with OAuth 2, named as `client` and, for users with a browser, as `code`."""
    portal = FakePortal("7.4")
    with portal.serve() as url:
        home.name(f"""
            [portals.client]
            server = "{url}"
            auth = "oauth2-client"
            client_id = "{portal.oauth2_client.id}"

            [portals.code]
            server = "{url}"
            auth = "oauth2-code"
            client_id = "{portal.oauth2_public_client.id}"
            redirect_uri = "http://127.0.0.1:{free_port()}/callback"
        """)
        yield portal, url


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def browser(modern, monkeypatch) -> list[str]:
    """A browser in which joe signs in and agrees; the URLs that it was shown."""
    shown: list[str] = []

    def visit(url: str) -> bool:
        shown.append(url)
        threading.Thread(target=agree, args=(modern[1], url)).start()
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    return shown


def agree(server: str, url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({}))
    opener.open(f"{server}/").close()
    opener.open(f"{server}/c/portal/login", b"login=joe@liferay.com&password=joe").close()
    opener.open(url).close()


def test_client_with_a_secret(modern, home, run, monkeypatch):
    """An OAuth 2 client shows its secret, of the environment or the keyring; `login` tries it and keeps it."""
    portal, url = modern
    call = ("call", "/portal/get-build-number", "--portal", "client")
    assert_error(
        run(*call), "there is no secret for the client", "`aioliferay login --portal client`", "AIOLIFERAY_CLIENT_SECRET"
    )
    monkeypatch.setenv("AIOLIFERAY_CLIENT_SECRET", portal.oauth2_client.secret)
    assert Ended(0, "7413\n", "") == run(*call)
    monkeypatch.setenv("AIOLIFERAY_CLIENT_SECRET", SECRET)
    ended = run(*call)
    assert_error(ended, "invalid_client", "check client_id in [portals.client], and AIOLIFERAY_CLIENT_SECRET")
    assert SECRET not in ended.err
    monkeypatch.delenv("AIOLIFERAY_CLIENT_SECRET")
    assert_error(run("login", "--portal", "client", typed=SECRET), "invalid_client")
    assert {} == home.keyring.kept
    ended = run("login", "--portal", "client", typed=portal.oauth2_client.secret)
    assert (0, True) == (ended.code, f"kept: the secret of client {portal.oauth2_client.id} for {url}" in ended.out)
    assert "authentication  oauth2-client, client secret from the keyring\n" in run("whoami", "--portal", "client").out
    assert "the client's secret removed" in run("logout", "--portal", "client").out


def test_user_with_a_browser(modern, browser, home, run):
    """`login` sends the user to a browser, and keeps the token; later commands need no browser."""
    _, url = modern
    ended = run("login", "--portal", "code")
    assert (0, 1) == (ended.code, len(browser))
    assert ended.err == f"sign in with your browser; if none opens, go to {browser[0]}\n"
    assert f"kept: the access token for {url}" in ended.out
    assert (
        "authentication  oauth2-code, token from the keyring\nuser            Joe Bloggs"
        in run("whoami", "--portal", "code").out
    )
    assert 1 == len(browser)
    assert "the access token removed" in run("logout", "--portal", "code").out


def test_token_is_renewed_and_kept(modern, browser, home, run):
    """A token that has ended is renewed without a browser, and the new one is kept."""
    portal, url = modern
    run("login", "--portal", "code")
    before = kept_token(home, url)
    portal.knobs.clock = lambda now=portal.knobs.clock: now() + 3600  # type: ignore[misc]  # a clock of an hour later
    assert Ended(0, "7413\n", "") == run("call", "/portal/get-build-number", "--portal", "code")
    assert 1 == len(browser)
    assert before["access_token"] != kept_token(home, url)["access_token"]


def kept_token(home: Home, url: str) -> dict[str, Any]:
    ((token,),) = [users.values() for name, users in home.keyring.kept.items() if name == f"aioliferay-token:{url}"]
    return json.loads(token)


def test_command_that_nobody_watches_opens_no_browser(modern, browser, home, run):
    """Where nobody sees a browser, as in a script, the line says what to type."""
    portal, url = modern
    call = ("call", "/portal/get-build-number", "--portal", "code")
    assert_error(run(*call), f"nobody has signed in to {url}: type `aioliferay login --portal code`")
    run("login", "--portal", "code")
    portal.revoke_tokens(refresh=True)
    ended = run(*call)
    assert_error(
        ended, "the portal wants the user to sign in anew, and nobody is here to see a browser: type `aioliferay login"
    )
    assert 1 == len(browser)


def test_command_on_a_terminal_asks_the_user(modern, browser, home, run, monkeypatch):
    """At a terminal any command sends the user to the browser, if there is no token; without a keyring each time."""
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    call = ("call", "/portal/get-build-number", "--portal", "code")
    assert (0, "7413\n") == run(*call)[:2]
    assert (0, "7413\n") == run(*call)[:2]
    assert 1 == len(browser)
    home.put(keyring.backends.fail.Keyring())
    ended = run(*call)
    assert (0, "7413\n", 2) == (*ended[:2], len(browser))
    assert "note: the access token is good for this once: this computer offers no keyring" in ended.err


class Terminal:
    """A standard error that says that it is a terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def test_token_that_the_keyring_does_not_take_is_told(modern, browser, home, run):
    """A login whose token cannot be kept is none."""
    home.keyring.is_forgetful = True
    ended = run("login", "--portal", "code")
    assert (1, "") == (ended.code, ended.out)
    assert "the portal let you in, and the keyring did not take the token" in ended.err.splitlines()[-1]


def test_user_who_is_refused_is_told(modern, home, run, monkeypatch):
    """A user who does not agree is told what to type to be asked anew."""

    def refuse(url: str) -> bool:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        back = f"{query['redirect_uri'][0]}?error=access_denied&state={query['state'][0]}"
        threading.Thread(target=lambda: urllib.request.build_opener().open(back).close()).start()
        return True

    monkeypatch.setattr(webbrowser, "open", refuse)
    ended = run("login", "--portal", "code")
    assert 1 == ended.code
    assert "the user was not signed in: access_denied; `aioliferay login --portal code` asks you anew" in ended.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--portal", "client", "--user", "joe"), "--portal client uses oauth2-client, which takes no --user"),
        (("--portal", "code", "--password-env", "X"), "or add --auth sign-in"),
        (("--server", "http://h", "--auth", "oauth2-code"), "oauth2-code needs an OAuth 2 application: add client_id = ..."),
    ],
)
def test_oauth2_that_lacks_something_is_told(arguments, text, modern, run):
    """A user beside OAuth 2, or OAuth 2 without a client, is told."""
    assert_error(run("whoami", *arguments), text)
