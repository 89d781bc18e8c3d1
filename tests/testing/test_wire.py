import functools
import json
import os
import pathlib
import re
from collections.abc import Callable

import pytest
from wire_replay import Record, Replay, load

from aioliferay.testing import FakePortal

FILE = pathlib.Path(__file__).parents[1] / "data" / "wire-6.2.5.jsonl"
KEPT_BACK = [pathlib.Path(name) for name in os.environ.get("AIOLIFERAY_WIRE", "").split(os.pathsep) if name]
RECORDS = load([FILE, *KEPT_BACK])

PAGES = "a page of the portal that no client of its services asks for"

# What is not replayed: a pattern that a record's whole name matches, and why.
LEFT_OUT = {
    r"uploads/webdav/digest-propfind": "listing by WebDAV, which is no way to a document's content",
    r"basics/write/user-(add-big-facebook-id|delete)": "adding users, a method of 27 parameters, is not among the samples",
    r"auth/host/none": "the HTTP server in front refuses a request of HTTP/1.1 without Host; the portal does not see it",
    r"discovery/page/(user-home|control-panel-basic|axis|favicon|protected)|discovery/version/head-static": PAGES,
    r"nesting/list/fan-out-full/.*": "four properties of a company are shown at top level (basics/mixed-10), not there",
}

SEEDED = '<p>Hi &amp; "bye" é</p>'
ROW = {"serviceContext": {"scopeGroupId": 20182}}
TAGS = [{"/assettag/add-tag": {"name": name, "tagProperties": None} | ROW} for name in ("rec-a", "rec-b")]
FOLDER = {"/bookmarksfolder/add-folder": {"parentFolderId": 0, "name": "t1", "description": ""} | ROW}


def seed(titles: list[str], content: str) -> Callable[[FakePortal], None]:
    def add(portal: FakePortal) -> None:
        for title in titles:
            portal.add_blog_entry(title, content=content)

    return add


def library(*documents: tuple[str, int]) -> Callable[[FakePortal], None]:
    def add(portal: FakePortal) -> None:
        for title, size in documents:
            portal.document(title, b"x" * size)

    return add


def call(*commands: object) -> Callable[[FakePortal], None]:
    request = {"method": "POST", "path": "/api/jsonws/invoke", "body": json.dumps(commands)}

    def send(portal: FakePortal) -> None:
        Replay(portal).send(request, "basic-admin")

    return send


# What the recorder had done before by other means, or in calls that are not among the records.
STAGES: list[tuple[str, Callable[[FakePortal], None]]] = [
    (r"(failures|nesting|direct|auth|uploads)/.*", call(*TAGS)),
    (r"failures/persist-last/.*", call(FOLDER)),
    (r"uploads/(text/list|leftovers.*)", library(("b.txt", 2), ("hello", 6))),
    (r"uploads/leftovers.*", library(*((f"rec {name}", 1) for name in ("be", "by big", "by null", "fp")))),
    (r"auth/csrf-multipart/left.*", library(*((f"rec {name}", 3) for name in ("ck4", "m2", "m3")))),
    (r"direct/blogs/.*", seed(["Direct one", "Direct two"], "<p>content of the entry</p>")),
    (r"basics/blogs/(.+-1|by-url-title|trash-restore-delete)", seed(["Seed 1-0"], SEEDED)),
    *((rf"basics/blogs/.+-{count}", seed([f"Seed {count}-{n}" for n in range(count)], SEEDED)) for count in (3, 10)),
]


def reason_to_leave_out(name: str) -> str | None:
    return next((reason for pattern, reason in LEFT_OUT.items() if re.fullmatch(pattern, name)), None)


RECORDED = load([FILE])
REPLAYED = [name for name in RECORDS if reason_to_leave_out(name) is None]
OMITTED = [name for name in RECORDED if reason_to_leave_out(name) is not None]


@functools.cache
def chain(name: str) -> tuple[str, ...]:
    """The records that a record needs, each after what it needs itself, and the record."""
    needed: dict[str, None] = {}
    for other in RECORDS[name].get("depends_on", ()):
        if other in RECORDS:
            needed |= dict.fromkeys(chain(other))
    return (*needed, name)


def differences(name: str) -> list[str]:
    portal = FakePortal(blog_entries=0)
    for pattern, prepare in STAGES:
        if re.fullmatch(pattern, name):
            prepare(portal)
    replay = Replay(portal)
    return [replay.differences(RECORDS[each]) for each in chain(name)][-1]


@pytest.mark.parametrize("name", REPLAYED)
def test_portal_answers_as_recorded(name):
    """To a request that a real 6.2.5 was sent, the portal gives the answer it gave."""
    assert [] == differences(name)


@pytest.mark.parametrize("name", OMITTED)
def test_left_out_record_differs(name):
    """No record is left out that could be replayed."""
    assert differences(name)


@pytest.mark.parametrize("pattern", LEFT_OUT)
def test_left_out_pattern_is_needed(pattern):
    """Every line of the table leaves something out."""
    assert any(re.fullmatch(pattern, name) for name in OMITTED)


def test_left_out_records_are_few():
    """Most of the recording is replayed."""
    assert len(OMITTED) < len(RECORDED) / 50


def test_replay_reports_difference():
    """A comparison finds what is missing, what is too much and what is another."""
    record: Record = RECORDS["nesting/whitelist/one/single"] | {
        "response": {"status": 201, "headers": {"content-type": "text/plain"}, "body": '{"a3": 1}'}
    }
    record["response"]["headers"] = {"content-type": "application/json; charset=utf-8"}
    found = Replay(FakePortal()).differences(record)
    assert ["status 200 for 201", "$.a3: missing", "$.a2: extra 'US'"] == found
