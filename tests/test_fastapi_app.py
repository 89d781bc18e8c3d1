"""The example application under uvicorn, with a portal behind it and an HTTP client in front."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import httpx
import pytest

from aioliferay import SignIn
from aioliferay.fastapi import CallersCookies
from aioliferay.testing import FakePortal
from app_server import cookies_of, served

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
NAMES = {"test": "Test", "joe": "Joe"}  # screen names, and what the page calls them


@pytest.fixture
def example(monkeypatch):
    """Return the package of the example, imported as uvicorn imports it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from fastapi_app import app, settings  # noqa: PLC0415 - it is on the path now

    yield lambda url, **options: app.create_app(settings.Settings(url, **options))
    for name in [name for name in sys.modules if name.partition(".")[0] == "fastapi_app"]:
        del sys.modules[name]


def _header(cookies, **others):
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies | others).items())}


def _invocations(portal):
    return [each for each in portal.requests if each.path.endswith("/invoke")]


def test_page_needs_one_request_for_its_eight_calls(example):
    """The page shows what eight calls brought, which travelled in one request; what users wrote is escaped."""
    portal = FakePortal(blog_entries=3)
    portal.add_blog_entry("<script>alert(1)</script>")
    with portal.serve() as url, served(example(url, options={"auth": SignIn("joe@liferay.com", "joe")})) as app:
        page = httpx.get(app)
        (request,) = _invocations(portal)
        told = httpx.get(f"{app}/api/dashboard").json()
    assert (200, 8) == (page.status_code, len(json.loads(request.body)))
    assert "Hello Joe. You are a member of /joe." in page.text
    assert "4 entries, 0 in the trash, 0 tags." in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "alert(1)<" not in page.text
    assert {"user_id": 20514, "first_name": "Joe"} == told["user"]
    assert ["<script>alert(1)</script>", "Entry 3", "Entry 2", "Entry 1"] == [each["title"] for each in told["newest"]]


def test_statuses_of_deleting(example):
    """Deleting has the status of what became of it: done, not there, not allowed, not known, not a number, portal down."""
    portal = FakePortal()
    cookies = {name: cookies_of(portal, name) for name in NAMES}
    with portal.serve() as url, served(example(url, forward=CallersCookies())) as app, httpx.Client(base_url=app) as client:

        def delete(entry, user=None, **headers):
            answer = client.delete(f"/api/entries/{entry}", headers=headers | (_header(cookies[user]) if user else {}))
            return answer.status_code

        assert 403 == delete(20885, "joe")
        assert 401 == delete(20885)
        assert 401 == client.delete("/api/entries/20885", headers=_header({"JSESSIONID": "1"})).status_code
        assert 403 == delete(20885, "test", Origin="https://evil.test")
        assert 204 == delete(20885, "test", Origin=app)
        assert 404 == delete(20885, "test")
        assert 422 == delete("x", "test")
        portal.misbehave(status=503, headers={"Retry-After": "60"})
        assert 503 == delete(20876, "test")
        portal.misbehave(drop="after")
        assert 503 == delete(20876, "test")
    done = [each for each in portal.executions if each.path == "/blogsentry/delete-entry" and each.error is None]
    assert [20885, 20876] == [int(each.parameters["entryId"]) for each in done]
    assert {20199} == {each.user_id for each in done}


def test_every_error_is_a_problem(example):
    """Problems have their own media type, say nothing of the portal's, and 401 names the cookie that is missing."""
    portal = FakePortal()
    cookies = cookies_of(portal, "joe")
    with portal.serve() as url, served(example(url, forward=CallersCookies())) as app:
        answers = [
            httpx.get(app),
            httpx.delete(f"{app}/api/entries/1", headers=_header(cookies)),
            httpx.delete(f"{app}/api/entries/20885", headers=_header(cookies)),
        ]
    assert [401, 404, 403] == [each.status_code for each in answers]
    assert {"application/problem+json"} == {each.headers["content-type"] for each in answers}
    assert 'cookie-name="JSESSIONID"' in answers[0].headers["www-authenticate"]
    assert not re.search("liferay|Exception|BlogsEntry|DELETE", "".join(each.text for each in answers[1:]))


def test_health_tells_whether_the_portal_answers(example):
    """Health asks for nobody's credentials; a portal that refuses strangers is up, and one that is not there is down."""
    portal = FakePortal()
    with portal.serve() as url, served(example(url, forward=CallersCookies())) as app:
        assert (200, {"portal": "up"}) == ((answer := httpx.get(f"{app}/health")).status_code, answer.json())
    with served(example("http://127.0.0.1:9", forward=CallersCookies())) as app:
        assert (503, {"portal": "down"}) == ((answer := httpx.get(f"{app}/health")).status_code, answer.json())
        assert 503 == httpx.get(app, headers=_header({"JSESSIONID": "1"})).status_code


def test_200_concurrent_requests_of_different_users_do_not_mix(example):
    """Of 200 concurrent requests each has the answer for its own user; nobody's calls travel in anybody else's request."""
    portal = FakePortal(statement_cost=0.0005)
    cookies = {name: cookies_of(portal, name) for name in NAMES}
    before, answers = len(portal.requests), []

    async def ask(client, number):
        name = (*NAMES, None)[number % 3]
        path = ("/", "/api/dashboard")[number % 2]
        headers = _header(cookies[name], mine=str(number)) if name else {}
        answers.append((name, await client.get(path, headers=headers)))

    async def ask_all(app):
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=app, limits=limits, timeout=60) as client, anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(ask, client, number)

    with portal.serve() as url, served(example(url, forward=CallersCookies())) as app:
        anyio.run(ask_all, app)
    assert {("test", 200): 67, ("joe", 200): 67, (None, 401): 66} == Counter(
        (who, each.status_code) for who, each in answers
    )
    for who, answer in answers:
        if who is not None:
            others = {*NAMES.values()} - {NAMES[who]}
            assert NAMES[who] in answer.text
            assert not any(f"Hello {other}" in answer.text or f'first_name":"{other}' in answer.text for other in others)
    users = {cookies["test"]["JSESSIONID"]: 20199, cookies["joe"]["JSESSIONID"]: 20514}
    ours = portal.requests[before:]
    for request in ours:
        sent = dict(pair.split("=", 1) for pair in request.headers["cookie"].split("; "))
        assert {"JSESSIONID", "COOKIE_SUPPORT", "GUEST_LANGUAGE_ID"} >= set(sent)
        assert request.path == "/" or users[sent["JSESSIONID"]] == request.user_id
    assert 2 == len([each for each in ours if each.path == "/"])  # each user's token was read once
    assert len(_invocations(portal)) < 134  # pages of one user shared requests


def test_the_application_describes_itself(example):
    """The description of the interface has what callers give, and nothing of the portal."""
    with served(example("http://127.0.0.1:9")) as app:
        described = httpx.get(f"{app}/openapi.json").json()
    assert ["/", "/api/dashboard", "/api/entries/{entry_id}", "/health"] == list(described["paths"])
    assert ["entry_id"] == [each["name"] for each in described["paths"]["/api/entries/{entry_id}"]["delete"]["parameters"]]


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({"LIFERAY_USER": "joe@liferay.com", "LIFERAY_PASSWORD": "joe", "LIFERAY_SITE": "20182"}, 200),
        ({"LIFERAY_FORWARD": "cookie"}, 401),
        ({"LIFERAY_FORWARD": "bearer"}, 401),
    ],
)
def test_the_command_line_shown_starts_it(environment, status):
    """The line of the package's docstring starts the application, in a process of its own, and a signal ends it."""
    text = (EXAMPLES / "fastapi_app" / "__init__.py").read_text(encoding="utf-8")
    words = re.search(r"uvicorn (.*)", text)[1].split()
    portal = FakePortal()
    with portal.serve() as url:
        command = [sys.executable, "-m", "uvicorn", *words, "--port", "0"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LIFERAY")}
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=EXAMPLES.parent.parent,
            env={**clean, **environment, "LIFERAY_URL": url},
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                address = None
                while address is None:
                    line = process.stderr.readline()
                    assert line, "it ended"
                    address = re.search(r"http://127\.0\.0\.1:\d+", line)
                answer = httpx.get(address[0])
            finally:
                process.terminate()
            process.communicate(timeout=20)
    assert status == answer.status_code
    assert status != 200 or portal.requests[-1].path == "/c/portal/logout"  # the application ended as it should
    assert status != 401 or answer.headers["www-authenticate"].lower().startswith(environment["LIFERAY_FORWARD"])
