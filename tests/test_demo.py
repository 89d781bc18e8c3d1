"""`aioliferay demo`: what it tells is true, and nothing of it stays on a real portal, whatever happens."""

from __future__ import annotations

import os
import re
import signal
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from aioliferay import _demo
from aioliferay.testing import FakePortal
from command import Ended, caller, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

USER = ("--user", "test@liferay.com", "--password-env", "PORTAL_PASSWORD")
REQUESTS = 2 + 1 + 1 + 1 + 20 + 1  # who am I, add, look, delete, one by one, look
ADD, LOOK, DELETE, FIRST_SINGLE = 3, 4, 5, 6
MISHAPS: list[dict[str, object]] = [
    {"drop": "before", "statement": 0},
    {"drop": "after", "statement": 0},
    {"status": 503},
    {"truncate": 3},
    {"html": True},
    {"count": 1},
    {"body": "[{}]"},
]


class Watched(FakePortal):
    """A portal that does something of the test's when its nth request comes, or has been answered."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[int, Callable[[], None]] = {}
        self.after: dict[int, Callable[[], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = len(self.requests) + 1
        self.before.pop(number, int)()  # a client that has gone again is not counted
        await super().__call__(scope, receive, send)
        self.after.pop(number, int)()


@pytest.fixture
def portal() -> Watched:
    return Watched()


@pytest.fixture
def url(portal) -> Iterator[str]:
    with portal.serve() as url:
        yield url


@pytest.fixture
def demo(url, monkeypatch, capsys) -> Callable[..., Ended]:
    monkeypatch.setenv("PORTAL_PASSWORD", "test")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(_demo, "LOOKS", (0.0, 0.0, 0.0))
    call = caller(monkeypatch, capsys)
    return lambda *more: call("demo", "--server", url, *USER, *more)


def interrupt(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def folders_of(url: str, site: int = 20201) -> list[object]:
    with httpx.Client(auth=("test@liferay.com", "test"), trust_env=False) as client:
        return client.get(f"{url}/api/jsonws/bookmarksfolder/get-folders", params={"groupId": site}).json()


def ran(portal: FakePortal, path: str) -> int:
    return sum(execution.path == path for execution in portal.executions)


def test_demo_deletes_twenty_entries_and_tells_each(monkeypatch, capsys):
    """The demo deletes ten entries in one request and ten in ten, and shows each call with its result."""
    portal = FakePortal(password_cost=0.0)
    monkeypatch.setattr("aioliferay.testing.FakePortal", lambda *_, **__: portal)
    ended = caller(monkeypatch, capsys)("demo")
    assert (0, "") == (ended.code, ended.err)
    assert 20 == len(re.findall(r"^ +\d+  /blogsentry/delete-entry entryId=\d+ -> null$", ended.out, re.MULTILINE))
    assert 20 == ran(portal, "/blogsentry/delete-entry")
    assert re.search(r"^in one batch +10 +1 +[\d.]+$", ended.out, re.MULTILINE)
    assert re.search(r"^one by one +10 +10 +[\d.]+$", ended.out, re.MULTILINE)
    assert "One by one took 10 times as many requests, and" in ended.out
    assert "Checked: the portal had 40 blog entries before and has 20 now." in ended.out


def test_demo_as_installed_is_readable_in_a_pipe():
    """In a pipe there are no colour codes, and no line is wider than a terminal of 80 columns."""
    with started("demo", COLUMNS="20", HTTP_PROXY="http://127.0.0.1:9", no_proxy="") as process:
        out, err = process.communicate(timeout=60)
    assert (0, "") == (process.returncode, err)
    assert "\x1b" not in out
    assert 80 >= max(map(len, out.splitlines()))
    ratio = re.search(r"and ([\d.]+) times as long", out)
    assert ratio is not None
    assert 3 < float(ratio[1]) < 12


def test_demo_with_too_few_entries_says_so(monkeypatch, capsys):
    """A portal without the entries that the demo needs is named as the cause."""
    portal = FakePortal(blog_entries=5)
    monkeypatch.setattr("aioliferay.testing.FakePortal", lambda *_, **__: portal)
    ended = caller(monkeypatch, capsys)("demo")
    assert (1, "error: the portal has 5 blog entries to delete where 20 were due: does somebody else work on it?\n") == (
        ended.code,
        ended.err,
    )


def test_demo_of_a_real_portal_adds_and_deletes_twenty_folders(demo, portal, url):
    """Against a real portal, ten folders come and go in two requests and ten in twenty, in the user's own site."""
    ended = demo()
    assert (0, "") == (ended.code, ended.err)
    assert 20 == len(
        re.findall(r"/bookmarksfolder/add-folder name='aioliferay demo \w{8} \d\d' -> \d+$", ended.out, re.MULTILINE)
    )
    assert 20 == len(re.findall(r"/bookmarksfolder/delete-folder folderId=\d+ -> null$", ended.out, re.MULTILINE))
    assert re.search(r"^in batches +20 +2 +[\d.]+$", ended.out, re.MULTILINE)
    assert re.search(r"^one by one +20 +20 +[\d.]+$", ended.out, re.MULTILINE)
    assert 80 >= max(map(len, ended.out.splitlines()))
    assert REQUESTS == len(portal.requests)
    assert (20, 20) == (ran(portal, "/bookmarksfolder/add-folder"), ran(portal, "/bookmarksfolder/delete-folder"))
    assert [] == folders_of(url)


def test_demo_site_is_where_it_works(demo, portal):
    """`--site` chooses the site; the portal's silent choice of the Guest site never counts."""
    ended = demo("--site", "20182")
    assert 0 == ended.code
    assert 10 == portal.requests[ADD - 1].body.count(b'"scopeGroupId":20182')
    assert "user 20199, site 20182" in ended.out


@pytest.mark.parametrize(
    ("moment", "number"),
    [*(("before", number) for number in range(1, REQUESTS + 1)), *(("after", number) for number in range(1, REQUESTS))],
)
def test_demo_interrupted_at_a_request_leaves_nothing(moment, number, demo, portal, url):
    """Ctrl-C at any request: the exit code is 130, and no folder stays."""
    getattr(portal, moment)[number] = interrupt
    ended = demo()
    assert 130 == ended.code
    assert "interrupted" == ended.err.splitlines()[-1]
    assert "error" not in ended.err
    assert [] == folders_of(url)


@pytest.mark.parametrize("number", [ADD, FIRST_SINGLE])
def test_demo_interrupted_twice_leaves_nothing(number, demo, portal, url):
    """A second Ctrl-C, while the demo cleans up, changes nothing."""
    portal.before[number] = interrupt
    portal.before[number + 1] = interrupt
    assert 130 == demo().code
    assert [] == folders_of(url)


@pytest.mark.parametrize("number", [ADD, DELETE, FIRST_SINGLE, FIRST_SINGLE + 1])
def test_demo_interrupted_while_the_portal_is_slow_leaves_nothing(number, demo, portal, url, monkeypatch):
    """What the portal adds after its client has gone is found and deleted, too."""
    monkeypatch.setattr(_demo, "_ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(_demo, "LOOKS", (0.0, 0.2, 0.6))

    def begin() -> None:
        portal.misbehave(delay=0.3)
        interrupt(signal.SIGTERM)

    portal.before[number] = begin
    assert 143 == demo().code
    assert [] == folders_of(url)


@pytest.mark.parametrize("mishap", MISHAPS, ids=str)
@pytest.mark.parametrize("number", [1, 2, ADD, LOOK, DELETE, FIRST_SINGLE, FIRST_SINGLE + 1, REQUESTS])
def test_demo_with_a_failed_request_leaves_nothing(number, mishap, demo, portal, url):
    """Whatever becomes of a request, one line tells the error, the exit code is 1, and no folder stays."""
    portal.before[number] = lambda: portal.misbehave(**mishap)
    ended = demo()
    assert (1, 1) == (ended.code, ended.err.count("error: "))
    assert "Traceback" not in ended.err
    assert [] == folders_of(url)


@pytest.mark.parametrize("statement", range(10))
@pytest.mark.parametrize("number", [ADD, DELETE])
def test_demo_with_a_batch_cut_at_a_statement_leaves_nothing(number, statement, demo, portal, url):
    """A batch that the portal ran in part, without an answer, is cleaned up by the names of its folders."""
    portal.before[number] = lambda: portal.misbehave(drop="after", statement=statement)
    ended = demo()
    assert 1 == ended.code
    assert "cleaned up: no folder of the demo is left" in ended.err
    assert [] == folders_of(url)


def test_demo_that_cannot_clean_up_says_what_may_be_left(demo, portal):
    """If the portal is gone for good, the site and the names of what may be left are told."""
    portal.before[LOOK] = lambda: portal.misbehave(status=503, times=100)
    ended = demo()
    assert 1 == ended.code
    expected = "not cleaned up: up to 10 bookmarks folders may be left at the top of site 20201; their names begin with "
    assert expected in ended.err
    assert "cleaned up: no folder" not in ended.err


def test_demo_cleans_up_what_it_can(demo, portal, url):
    """A folder that the portal refuses to delete does not protect the others."""
    portal.before[DELETE] = lambda: portal.misbehave(status=503)
    portal.before[DELETE + 2] = lambda: portal.misbehave(status=503)
    assert 1 == demo().code
    assert [] == folders_of(url)


def test_demo_leaves_the_folders_of_others_alone(demo, portal, url):
    """Only folders of this run are deleted, not even those of another run of the demo."""
    with httpx.Client(auth=("test@liferay.com", "test"), trust_env=False) as client:
        scope = {"serviceContext": {"scopeGroupId": 20201}, "parentFolderId": 0, "description": ""}
        folders = [{"/bookmarksfolder/add-folder": {**scope, "name": f"aioliferay demo {n:08} 01"}} for n in range(2)]
        client.post(f"{url}/api/jsonws/invoke", json=folders)
    portal.before[ADD + 1] = lambda: portal.misbehave(drop="after", statement=4)
    assert 1 == demo().code
    assert 2 == len(folders_of(url))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_demo_as_installed_stopped_by_a_signal_leaves_nothing(number, code, portal, url):
    """The real command, hit by a real signal while its batch is under way, deletes its folders and writes no traceback."""
    is_adding = threading.Event()
    portal.before[ADD] = lambda: (portal.misbehave(delay=0.2), is_adding.set())
    with started("demo", "--server", url, *USER, PORTAL_PASSWORD="test") as process:
        assert is_adding.wait(30)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (code, ["interrupted"]) == (process.returncode, err.splitlines()[-1:])
    assert "Traceback" not in err
    assert 10 == ran(portal, "/bookmarksfolder/add-folder")
    assert [] == folders_of(url)


def test_demo_whose_reader_goes_away_leaves_nothing(portal, url):
    """`aioliferay demo ... | head -1` ends at once and cleans up all the same."""
    with started("demo", "--server", url, *USER, PORTAL_PASSWORD="test") as process:
        process.stdout.readline()
        process.stdout.close()
        process.stderr.close()
        assert 0 != process.wait(60)
    assert [] == folders_of(url)


@pytest.mark.parametrize("version", ["7.0", "7.4"])
def test_demo_of_another_version_is_refused(version, monkeypatch, capsys):
    """A portal that is no Liferay 6.2 is named as the cause, before anything is added."""
    monkeypatch.setenv("PORTAL_PASSWORD", "test")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    portal = FakePortal(version)
    with portal.serve() as url:
        ended = caller(monkeypatch, capsys)("demo", "--server", url, *USER)
    assert 1 == ended.code
    assert "the demo needs a Liferay 6.2" in ended.err
    assert 1 == len(portal.requests)


def test_demo_of_a_user_without_a_site_asks_for_one(demo, portal):
    """A user without a site of their own is asked to name one; the Guest site is never taken."""
    portal.before[2] = lambda: portal.misbehave(body='[{"userId": 1}, [{"groupId": 20182, "classPK": 20182, "site": true}]]')
    ended = demo()
    assert 1 == ended.code
    assert "name a site by its id with --site" in ended.err
    assert 2 == len(portal.requests)
