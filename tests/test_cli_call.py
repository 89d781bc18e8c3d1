"""`aioliferay call` and `aioliferay whoami`: arguments, results, failures; one request; what is shown on a terminal."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from aioliferay._call_arguments import names, parsed
from aioliferay.testing import Caller, FakePortal
from cli_home import Home
from command import COMMAND, Ended, caller, started
from discovery_files import assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOE = ("--user", "joe@liferay.com", "--password-env", "PORTAL_PASSWORD", "--auth", "basic")
ADMINISTRATOR = ("--user", "test@liferay.com", "--password-env", "PORTAL_PASSWORD", "--auth", "basic")


@pytest.fixture
def home(monkeypatch, tmp_path) -> Home:
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def run(home, monkeypatch, capsys) -> Callable[..., Ended]:
    monkeypatch.setenv("PORTAL_PASSWORD", "joe")
    return caller(monkeypatch, capsys)


@pytest.fixture(params=["6.2", "7.0", "7.4"])
def every(request) -> Iterator[tuple[FakePortal, str]]:
    portal = FakePortal(request.param)
    with portal.serve() as url:
        yield portal, url


@pytest.fixture
def served() -> Iterator[tuple[FakePortal, str]]:
    portal = FakePortal()
    with portal.serve() as url:
        yield portal, url


def posted(portal: FakePortal) -> list[str]:
    return [request.body.decode() for request in portal.requests if request.path.endswith("/invoke")]


def test_result_is_readable_json(every, run):
    """The result comes as indented JSON, and nothing else does."""
    ended = run("call", "/user/get-user-by-id", "userId=20514", "--select", "firstName,lastName", "--server", every[1], *JOE)
    assert Ended(0, '{\n  "firstName": "Joe",\n  "lastName": "Bloggs"\n}\n', "") == ended


def test_calls_with_a_plus_between_travel_in_one_request(every, run):
    """Several calls are one request, and their results one list in their order."""
    portal, url = every
    ended = run("call", "/portal/get-build-number", "+", "/user/get-user-by-id", "userId=20514", "--server", url, *JOE)
    build, user = json.loads(ended.out)
    assert (0, "", "joe") == (ended.code, ended.err, user["screenName"])
    assert isinstance(build, int)
    assert 1 == len(portal.requests)


def test_python_spelling_is_the_same_call(served, run):
    """`user.get_user_by_id user_id=...` sends what `/user/get-user-by-id userId=...` sends."""
    portal, url = served
    run("call", "/user/get-user-by-id", "userId=20514", "--server", url, *JOE)
    run("call", "user.get_user_by_id", "user_id=20514", "--server", url, *JOE)
    one, two = posted(portal)
    assert one == two == '[{"/user/get-user-by-id":{"userId":"20514"}}]'


def test_python_spelling_of_a_service_with_a_context(run):
    """What stands before the last dot is the service: with its context, if it has one."""
    (ended,) = [run("call", "blogs.blogsentry.get_entry", "entry_id:=1", "--explain", "--server", "http://localhost:1")]
    assert '[{"/blogs.blogsentry/get-entry":{"entryId":1}}]' in ended.out


def test_values_are_text_or_json(served, run):
    """`=` sends text as it stands, `:=` sends JSON; a value may hold either sign, and any letter."""
    portal, url = served
    values = ["a=1", "b:=1", "c:=[1, null]", 'd:={"e": "ü"}', "f=x:=y=z", "g=", "h=ü", "i=:=", "j:=null", "k= l\n"]
    run("call", "/foo/bar", *values, "--server", url, *JOE)
    expected = {"a": "1", "b": 1, "c": [1, None], "d": {"e": "ü"}, "f": "x:=y=z", "g": "", "h": "ü", "i": ":="}
    assert [{"/foo/bar": {**expected, "j": None, "k": " l\n"}}] == json.loads(posted(portal)[0])


def test_parameters_of_a_json_object(served, run, monkeypatch):
    """`--json-params` adds parameters, also from standard input, where no list of processes shows them."""
    portal, url = served
    run("call", "/foo/bar", "a=1", "--json-params", '{"b": [2]}', "--server", url, *JOE)
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"c": {"d": "3"}}'))
    run("call", "/foo/bar", "--json-params", "-", "--server", url, *JOE)
    assert [{"a": "1", "b": [2]}, {"c": {"d": "3"}}] == [json.loads(body)[0]["/foo/bar"] for body in posted(portal)]


def test_parameter_that_is_called_like_an_option_of_pythons():
    """A parameter may be called as Python's options of a call are: it stays a parameter."""
    (asked,) = parsed(["user.get_user", "timeout=5", "select=x"])
    made = []

    class Batch:
        services = {"user": type("User", (), {"get_user": staticmethod(lambda **params: made.append(params))})}  # noqa: RUF012 - a double

    asked.made(Batch(), select=None)  # type: ignore[arg-type]  # as above
    assert [{"timeout_": "5", "select_": "x"}] == made


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "'PATH'"),
        (("/a/b", "userId", "1"), "'userId' is no parameter: write name=value for text, name:=value for JSON"),
        (("/a/b", "+"), "a call is missing: write a path before and after each +"),
        (("+", "/a/b"), "a call is missing"),
        (("/a/b", "+", "+", "/a/c"), "a call is missing"),
        (("/a/b", "+", "userId=1"), "a path comes first, such as /user/get-user-by-id, and not 'userId'="),
        (("/a/b", "x:=[1"), "x:= is no JSON: expecting ',' delimiter, at character 3; write x=... for text as it is"),
        (("/a/b", "x:=NaN"), "x:= is no JSON: JSON knows no NaN"),
        (("/a/b", "x=1", "x:=2"), "parameter 'x' is given twice"),
        (("/a/b", "x=1", "--json-params", '{"x": 2}'), "parameter 'x' is given twice"),
        (("/a/b", "--json-params", "[1]"), "--json-params takes a JSON object"),
        (("/a/b", "--json-params", "{x"), "--json-params is no JSON: expecting property name"),
        (("/a/b", "+", "/a/c", "--json-params", "{}"), "--json-params goes with one call"),
        (("/a/b", "+", "/a/c", "--select", "x"), "it goes with one call, and there are more"),
        (("/a/b", "--select", " , "), "--select takes names of properties with commas between"),
        (("/a/b", "--timeout", "0"), "'--timeout'"),
        (("/a/b", "--auth", "kerberos"), "'--auth'"),
        (("/a/b", "--server", "http://localhost", "--portal", "x"), "one of them says which portal"),
        (("/a/b", "--auth", "none", "--user", "joe"), "it does not go with --auth none"),
        (("/a/b", "--auth", "oauth2-client", "--password-env", "X"), "it does not go with --auth oauth2-client"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, text, run):
    """What cannot be understood is told before any portal is asked, with exit code 2."""
    ended = run("call", *arguments)
    assert (2, "") == (ended.code, ended.out)
    assert text in " ".join(ended.err.split())


def test_wrong_usage_shows_no_value(run):
    """A value that cannot be read may be a password: it is not repeated."""
    for arguments in (["p:=s3cr3t"], ["--json-params", "s3cr3t"], ["p=s3cr3t", "p=s3cr3t"], ["+", "p=s3cr3t"]):
        assert "s3cr3t" not in run("call", "/user/update-password", *arguments).err


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["/a/b/c"], ["the path '/a/b/c' is not of the form '/service/method'"]),
        (["user"], ["the path 'user' is not of the form"]),
        (["_user.get_x"], ["the path '_user.get_x' is not of the form"]),
        (["/a/b", "-x=1"], ["No such option"]),
        (["/a/b", "@x=1"], ["'@x' is not a plain parameter name"]),
        (["/a/b", "=1"], ["'' is not a plain parameter name"]),
        (["/a/b", "--select", "a b"], ["'a b' in select= is not a plain property name"]),
        (["/a/b", "x:=99999999999999999999"], ["parameter 'x' is out of the range of a long"]),
    ],
)
def test_call_that_cannot_be_made_is_told(arguments, texts, run):
    """A path or a name that is code to the portal, or a value out of range, is refused before anything is sent."""
    ended = run("call", *arguments, "--server", "http://127.0.0.1:1", "--auth", "none")
    assert ended.code in {1, 2}
    for text in texts:
        assert text in ended.err


def test_unknown_service_suggests_discover(served, run):
    """Where no service is called so, the line says what lists those that there are."""
    _, url = served
    ended = run("call", "/user/get-usr-by-id", "userId=1", "--server", url, *JOE)
    assert_error(
        ended, "No JSON web service action with path /user/get-usr-by-id", f"`aioliferay discover --server {url} user`"
    )


def test_unknown_service_of_a_portal_that_hides_its_errors_suggests_discover(run):
    """A portal that does not tell what is missing gets the same suggestion."""
    with FakePortal("7.4").serve() as url:
        assert_error(run("call", "user.get_usr", "--server", url, *JOE), f"`aioliferay discover --server {url} user`")


def test_thing_that_is_not_there_is_told(served, run):
    """What the portal says of a thing that is not there is told, without a suggestion that would not help."""
    ended = run("call", "/user/get-user-by-id", "userId=1", "--server", served[1], *ADMINISTRATOR[:4], "--auth", "basic")
    assert 1 == ended.code
    ended = run("call", "/blogsentry/get-entry", "entryId=1", "--server", served[1], *JOE)
    assert_error(ended, "/blogsentry/get-entry was refused: No BlogsEntry exists with the primary key 1")
    assert "discover" not in ended.err


def test_missing_permission_is_told(served, run):
    """Who is known and may not do it is told to call as somebody else."""
    ended = run("call", "/user/get-user-by-id", "userId=20199", "--server", served[1], *JOE)
    assert_error(ended, "PrincipalException", "name another --user, or have this one permitted")


def test_guest_is_told_how_to_sign_in(every, run):
    """Without credentials calls are a guest's; where the portal refuses these, the line says how to sign in."""
    _, url = every
    ended = run("call", "/user/get-user-by-id", "userId=20514", "--server", url)
    assert_error(ended, f"`aioliferay login --server {url}`", "--user and --password-env")
    ended = run("call", "/user/get-user-by-id", "userId=20514", "--server", url, "--auth", "none")
    assert_error(ended, "call as a user: --auth sign-in, --user and --password-env")


def test_guest_may_call_what_is_open(served, run):
    """What the portal opens to guests needs no credentials."""
    portal, url = served

    @portal.service("/foo/hello", guest=True)
    def hello(caller: Caller) -> str:
        return f"hello {caller.user_id}"

    assert Ended(0, '"hello None"\n', "") == run("call", "/foo/hello", "--server", url)


def test_failed_call_of_several_is_named(served, run):
    """Where some calls fail, the results of the others come, null in the places of the failed, and these are named."""
    _, url = served
    calls = ["/portal/get-build-number", "+", "/blogsentry/get-entry", "entryId=1", "+", "/portal/get-build-number"]
    ended = run("call", *calls, "--server", url, *JOE)
    assert (1, [6205, None, 6205]) == (ended.code, json.loads(ended.out))
    note, error = ended.err.splitlines()
    told = "call 1 /portal/get-build-number ok; call 2 /blogsentry/get-entry failed; call 3 /portal/get-build-number ok"
    assert f"note: {told}" == note
    assert error.startswith("error: /blogsentry/get-entry was refused: No BlogsEntry exists")


def test_no_portal_ends_in_one_line_for_several_calls(run):
    """If nothing could be sent, there is no result at all, and each call is told as not sent."""
    ended = run("call", "/a/get-b", "+", "/a/get-c", "--server", "http://127.0.0.1:1")
    assert (1, "") == (ended.code, ended.out)
    assert "note: call 1 /a/get-b not sent; call 2 /a/get-c not sent" == ended.err.splitlines()[0]
    assert "no connection to http://127.0.0.1:1" in ended.err.splitlines()[1]


@pytest.mark.parametrize(
    ("mishap", "text"),
    [
        ({"html": True}, "a web page"),
        ({"status": 503}, "status 503"),
        ({"drop": "after"}, "failed before the answer was complete"),
        ({"delay": 5}, "within 0.2 s; the portal may still be at work on it"),
        ({"body": '{"exception": "x.Y", "message": "' + "long \\u001b[31m\\n" * 500 + '"}'}, "..."),
    ],
)
def test_portal_that_answers_amiss_is_told(mishap, text, served, run):
    """A page, no answer, a long refusal: one line, without control characters, and nothing is sent again."""
    portal, url = served
    portal.misbehave(**mishap)
    ended = run("call", "/portal/get-build-number", "--server", url, "--timeout", "0.2", *JOE)
    assert_error(ended, text)
    assert "\x1b" not in ended.err
    assert 1 == len(posted(portal))


def test_explain_sends_nothing(served, run, monkeypatch):
    """`--explain` tells the request and a `curl` line for it; it asks for no credentials, and sends nothing."""
    portal, url = served
    monkeypatch.setenv("AIOLIFERAY_USER", "joe@liferay.com")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "s3cr3t")
    ended = run("call", "/user/get-user-by-id", "userId=1", "+", "/portal/get-build-number", "--server", url, "--explain")
    assert (0, "") == (ended.code, ended.err)
    assert f"1 request(s) to {url}/api/jsonws/invoke\n1. 2 calls" in ended.out
    assert '[{"/user/get-user-by-id":{"userId":"1"}},{"/portal/get-build-number":{}}]' in ended.out
    assert "s3cr3t" not in ended.out
    assert [] == portal.requests
    assert_error(run("call", "/a/b/c", "--server", url, "--explain"), "is not of the form")


def test_whoami_tells_user_portal_and_way_in(every, run):
    """`whoami` tells user, id, e-mail, version, kind of authentication, and where the password came from."""
    portal, url = every
    ended = run("whoami", "--server", url, *JOE)
    build = {"6.2": 6205, "7.0": 7006, "7.4": 7413}[portal.version]
    expected = f"""\
server          {url}
portal          Liferay {portal.version}, build {build}
authentication  basic, password from --password-env
user            Joe Bloggs (joe)
user id         20514
e-mail          joe@liferay.com
"""
    assert Ended(0, expected, "") == ended


def test_whoami_as_json(served, run):
    """`whoami --json` tells the same, for programs."""
    ended = run("whoami", "--server", served[1], "--json", *JOE)
    expected = {"server": served[1], "portal": None, "version": "6.2", "build": 6205, "auth": "basic"}
    expected |= {"source": "--password-env", "user_id": 20514, "email": "joe@liferay.com", "screen_name": "joe"}
    assert (0, expected | {"name": "Joe Bloggs"}) == (ended.code, json.loads(ended.out))


def test_whoami_of_a_guest(served, run):
    """A guest is told as such; a portal need not tell its version to him."""
    portal, url = served
    assert "authentication  none: calls are a guest's\nuser            a guest\n" in run("whoami", "--server", url).out
    portal.misbehave(status=401)
    assert 0 == run("whoami", "--server", url).code


def test_whoami_without_a_portal_is_told(run):
    """Where nothing listens, the line says so."""
    assert_error(run("whoami", "--server", "http://127.0.0.1:1"), "no connection to http://127.0.0.1:1")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo terminals")
@pytest.mark.parametrize(("variables", "has_colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_terminal_gets_colour_and_nothing_that_harms_it(variables, has_colour, served, home):
    """On a terminal the JSON is coloured, unless that is not wanted; control characters of the portal's are escaped."""
    portal, url = served

    @portal.service("/foo/get-bad", guest=True)
    def bad() -> str:
        return "ü \x9b31m \u202e \U000e0001"

    shown = on_terminal("call", "/foo/get-bad", "--server", url, **{"TERM": "xterm-256color", "COLUMNS": "40", **variables})
    assert r"ü \u009b31m \u202e \udb40\udc01" in shown
    assert has_colour == ("\x1b[" in shown)


def on_terminal(*arguments: str, **variables: str) -> str:
    """Run the command with a terminal as its standard output, and return what that gets."""
    master, slave = os.openpty()
    environment = {**os.environ, **variables}
    with subprocess.Popen([COMMAND, *arguments], stdout=slave, stderr=subprocess.STDOUT, env=environment) as process:  # noqa: S603 - our own
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 4096):
                shown += piece
        except OSError:
            pass  # the end, on Linux
        os.close(master)
    assert 0 == process.returncode
    return shown.decode()


def test_pipe_gets_letters_as_they_are(served, home):
    """In a pipe, letters come as they are, without colour; those that its encoding lacks are escaped as in JSON."""
    portal, url = served

    @portal.service("/foo/get-text", guest=True)
    def text() -> str:
        return "äß 中 😀"

    for encoding, expected in (("utf-8", '"äß 中 😀"\n'), ("latin-1", '"\\u00e4\\u00df \\u4e2d \\ud83d\\ude00"\n')):
        arguments = ("call", "/foo/get-text", "--server", url)
        with started(*arguments, PYTHONIOENCODING=encoding, FORCE_COLOR="1") as process:
            assert expected == process.communicate(timeout=30)[0]


def test_reader_that_leaves_is_no_error(served, home):
    """A reader that has enough, such as `head`, ends the command without a word."""
    portal, url = served

    @portal.service("/foo/get-much", guest=True)
    def much() -> list[str]:
        return ["x" * 100] * 20_000

    with started("call", "/foo/get-much", "--server", url) as process:
        assert "[\n" == process.stdout.readline()
        process.stdout.close()
        process.wait(30)
        assert "" == process.stderr.read()


def test_interrupt_stops_at_once(served, home):
    """Ctrl-C while the portal is busy ends the command with exit code 130 and one word."""
    portal, url = served
    reached = threading.Event()

    @portal.service("/foo/get-slow", guest=True)
    async def slow() -> None:
        reached.set()
        await anyio.sleep(20)

    with started("call", "/foo/get-slow", "--server", url) as process:
        assert reached.wait(30)
        process.send_signal(signal.SIGINT)
        assert ("", "interrupted\n", 130) == (*process.communicate(timeout=30), process.returncode)


@pytest.mark.parametrize("command", ["call", "whoami", "portals", "login", "logout"])
def test_help_shows_an_example(command, run):
    """`--help` of each command shows an example, and fits into 80 columns."""
    ended = run(command, "--help")
    assert (0, True) == (ended.code, f"    aioliferay {command}" in ended.out)
    assert 80 >= max(map(len, ended.out.splitlines()))


def test_names_may_have_spaces_around_them():
    """`--select` takes names with commas between, and spaces do not matter."""
    assert ["a", "b"] == names(" a , b,")


def test_closed_port_names_the_address(run):
    """Where nothing listens, the line names call and address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ended = run("call", "/portal/get-build-number", "--server", f"http://127.0.0.1:{port}", *JOE)
    assert_error(ended, f"/portal/get-build-number: no connection to http://127.0.0.1:{port}")
