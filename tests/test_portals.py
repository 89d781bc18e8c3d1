"""Named portals: the file, what it may say, which portal is meant, and `aioliferay portals`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from aioliferay._portals import Kind, NamedPortal, chosen, place, read
from aioliferay.testing import FakePortal
from cli_home import Home
from command import Ended, caller
from discovery_files import assert_error

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cr3t-pässwörd"
TWO = """
default = "staging"

[portals.staging]
server = "https://staging.example.com/api/jsonws/"
user = "joe@example.com"
timeout = 5

[portals."the live one"]
server = "https://www.example.com"
auth = "oauth2-code"
client_id = "id-1"
scope = "everything.read"
"""


@pytest.fixture
def home(monkeypatch, tmp_path) -> Home:
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def run(home, monkeypatch, capsys) -> Callable[..., Ended]:
    return caller(monkeypatch, capsys)


def test_file_is_in_the_folder_of_the_platform(home, monkeypatch):
    """The file is `aioliferay.toml` in the platform's folder for configurations, or what the variable names."""
    assert platformdirs.user_config_path("aioliferay", appauthor=False) / "aioliferay.toml" == place()
    assert home.folder in place().parents
    monkeypatch.setenv("AIOLIFERAY_CONFIG", "~/mine.toml")
    assert home.folder / "mine.toml" == place()


def test_portals_are_read(home):
    """A portal has a server, and perhaps a user, a kind of authentication, and what that needs."""
    home.name(TWO)
    staging = NamedPortal("https://staging.example.com", name="staging", user="joe@example.com", timeout=5)
    live = NamedPortal(
        "https://www.example.com", name="the live one", auth=Kind.OAUTH2_CODE, client_id="id-1", scope="everything.read"
    )
    assert {"staging": staging, "the live one": live} == read().portals
    assert [staging, live, staging] == [chosen(None, None), chosen("the live one", None), chosen("staging", None)]
    assert ["--portal staging", "--portal 'the live one'"] == [staging.option, live.option]


def test_file_that_the_reference_shows_is_one(home):
    """The file in the reference can be copied as it stands."""
    page = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
    if not page.exists():
        pytest.skip("the page is not part of what is tested here")
    home.name(page.read_text("utf-8").partition("```toml\n")[2].partition("```")[0])
    assert ({"staging", "live"}, "staging") == (set(read().portals), read().default)


def test_server_needs_no_file(home, monkeypatch):
    """A portal that is given by its URL needs no file, and no file can be in its way."""
    monkeypatch.setenv("AIOLIFERAY_CONFIG", "/no/such/file")
    portal = chosen(None, "http://localhost:8080/api/jsonws/")
    assert ("http://localhost:8080", "--server http://localhost:8080") == (portal.server, portal.option)


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ('[portals.x]\nserver = "http://h"\npassword = "SECRET"', ["[x] holds a secret, 'password': take it out"]),
        ('[portals.x]\nserver = "http://h"\nclientSecret = "SECRET"', ["holds a secret, 'clientSecret'"]),
        ('[portals.x]\nserver = "http://h"\naccess-token = "SECRET"', ["holds a secret, 'access-token'"]),
        ('PASSWD = "SECRET"', ["holds a secret, 'PASSWD'"]),
        ('[portals.x.more]\napi_key = "SECRET"', ["[more] holds a secret, 'api_key'"]),
        ('[portals.x]\nserver = "http://joe:SECRET@h"', ["[portals.x]: the URL holds credentials"]),
        ('[portals.x]\nsever = "SECRET"', ["[portals.x] has a key 'sever', which means nothing: did you mean 'server'?"]),
        ('[portals.x]\nserver = "http://h"\nqqq = "SECRET"', ["has a key 'qqq'", "there are server, user, auth"]),
        ('portal = "SECRET"', ["has a key 'portal', which means nothing: did you mean 'portals'?"]),
        ('portals = "SECRET"', ["portals must be tables that begin with [portals.NAME]"]),
        ('[portals]\nx = "SECRET"', ["'x' in portals must be a table that begins with [portals.NAME]"]),
        ('[portals.""]\nserver = "http://h"', ["'' in portals must be a table"]),
        ("[portals.x]\nuser = 'SECRET'", ["[portals.x] has no server: add a line such as server ="]),
        ("[portals.x]\nserver = 1", ["[portals.x]: server must be text, in quotes"]),
        ('[portals.x]\nserver = "localhost:8080"', ["[portals.x]: the server must be a URL such as"]),
        ('[portals.x]\nserver = "http://h"\nauth = "SECRET"', ["auth must be one of sign-in, basic, oauth2-client"]),
        ('[portals.x]\nserver = "http://h"\ntimeout = "SECRET"', ["timeout must be a number of seconds, without quotes"]),
        ('[portals.x]\nserver = "http://h"\ntimeout = true', ["timeout must be a number of seconds"]),
        ('[portals.x]\nserver = "http://h"\ntimeout = 0', ["timeout must be a number of seconds"]),
        ('default = "SECRET"\n[portals.x]\nserver = "http://h"', ["default must be the name of a portal of the file: x"]),
        ("default = []", ["default must be the name of a portal of the file: it has none"]),
        ("[portals.x]\nserver = SECRET", ["is no TOML (at line 2, column 10)", "texts stand in quotes"]),
        ("[portals.x\n", ["is no TOML (at line 1, column"]),
    ],
)
def test_file_that_says_what_it_may_not_is_refused(text, texts, home, run):
    """A secret, an unknown key, a wrong value, bad TOML: one line names file and place, and shows no value."""
    file = home.name(text.replace("SECRET", SECRET))
    ended = run("portals")
    assert_error(ended, str(file), *texts)
    assert SECRET not in ended.err
    assert "Traceback" not in ended.err


def test_file_that_cannot_be_read_is_told(home, run, monkeypatch):
    """A folder, another encoding, a variable that names nothing: one line names the place."""
    monkeypatch.setenv("AIOLIFERAY_CONFIG", str(home.folder))
    assert_error(run("portals"), f"{home.folder} cannot be read: Is a directory")
    home.name("").write_bytes(b"# \xff")
    assert_error(run("portals"), "is no text in UTF-8: save it as such")
    monkeypatch.setenv("AIOLIFERAY_CONFIG", "/no/such/file")
    assert_error(run("portals"), "AIOLIFERAY_CONFIG names /no/such/file, which is not there")


def test_portal_that_is_not_named_is_told(home, run):
    """A name that no portal has, or no name and no default: the line says which there are, or what to do."""
    file = home.name(TWO.replace('default = "staging"', ""))
    assert_error(run("call", "/a/b"), "which portal? give --server URL", f"write default = NAME into {file}")
    assert_error(
        run("call", "/a/b", "--portal", "stagin"), f"no portal is called 'stagin' in {file}: did you mean 'staging'?"
    )
    assert_error(run("call", "/a/b", "--portal", "qqq"), "it has staging, the live one")
    file.write_text("")
    assert_error(run("call", "/a/b", "--portal", "qqq"), "it has none at all")


def test_portal_without_a_file_is_told(home, run):
    """Where there is no file yet, the line says where it would be, and how one learns what it may say."""
    assert_error(run("whoami", "--portal", "x"), "there is no such file yet; `aioliferay portals` shows what it may say")


def test_platformdirs_that_is_missing_is_told(home, run, monkeypatch):
    """Without platformdirs the line says what to install; a variable makes up for it."""
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert_error(run("portals"), "named portals need platformdirs", "pip install 'aioliferay[cli]'")
    home.name(TWO)
    assert 0 == run("portals").code


def test_portals_are_listed(home, run):
    """`portals` says in which file they stand, and lists them; the default one has a star."""
    file = home.name(TWO)
    expected = f"""\
File: {file}

   name          server                       user             auth
*  staging       https://staging.example.com  joe@example.com  sign-in
   the live one  https://www.example.com      -                oauth2-code

* is meant where none is named
"""
    assert Ended(0, expected, "") == run("portals")
    file.write_text(TWO.replace('default = "staging"', ""))
    assert "*" not in run("portals").out


def test_portals_as_json(home, run):
    """`portals --json` tells the same, for programs."""
    file = home.name(TWO)
    told = json.loads(run("portals", "--json").out)
    assert (str(file), "staging", 2) == (told["file"], told["default"], len(told["portals"]))
    expected = {"name": "the live one", "server": "https://www.example.com", "user": None, "auth": "oauth2-code"}
    assert expected | {"client_id": "id-1"} == told["portals"][1]


def test_portals_without_a_file_show_what_it_may_say(home, run):
    """Where there is no file, `portals` says where it would be, and its example is one that works."""
    ended = run("portals")
    assert (0, "") == (ended.code, ended.err)
    assert f"File: {place()} (not there yet)\n\nIt names no portal. It could say:\n\n" in ended.out
    home.name(ended.out.partition("It could say:")[2])
    assert ["staging"] == list(read().portals)


@pytest.mark.parametrize("command", ["discover", "generate", "demo"])
def test_other_commands_take_a_named_portal(command, home, run, monkeypatch, tmp_path):
    """`discover`, `generate` and `demo` take `--portal` where they take `--server`, and find its password."""
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "test")
    portal = FakePortal(password_cost=0.01)
    with portal.serve() as url:
        home.name(f'[portals.staging]\nserver = "{url}"\nuser = "test@liferay.com"')
        options = ["--service", "user", "--out", str(tmp_path / "out")] if command == "generate" else []
        ended = run(command, "--portal", "staging", *options)
    assert (0, True) == (ended.code, url in ended.out)
    assert [True] == [attempt.is_successful for attempt in portal.sign_ins]


@pytest.mark.parametrize("command", ["discover", "generate"])
def test_wrong_password_for_a_named_portal_is_tried_once(command, home, run, monkeypatch, tmp_path):
    """A wrong password is told with its source, and tried once."""
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", SECRET)
    portal = FakePortal()
    with portal.serve() as url:
        home.name(f'[portals.staging]\nserver = "{url}"\nuser = "test@liferay.com"')
        ended = run(command, "--portal", "staging", *(["--out", str(tmp_path)] if command == "generate" else []))
    assert_error(ended, "the portal does not know this user with this password", "which came from AIOLIFERAY_PASSWORD")
    assert 1 == len(portal.sign_ins)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("discover", "--portal", "x", "--server", "http://h"), "one of them says whose services"),
        (("discover", "--portal", "x", "--version", "6.2"), "one of them says whose services"),
        (("generate", "--out", "o", "--portal", "x", "--catalog", "f"), "one of them says whose services"),
        (("demo", "--portal", "x", "--server", "http://h"), "one of them says which portal"),
    ],
)
def test_portal_does_not_go_with_server(arguments, text, run):
    """A named portal and something else that says which portal do not go together."""
    ended = run(*arguments)
    assert (2, True) == (ended.code, text in " ".join(ended.err.split()))
