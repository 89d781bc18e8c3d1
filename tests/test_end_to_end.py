"""Real HTTP over loopback: the client against the fake portal behind uvicorn, on both back ends."""

from __future__ import annotations

import json
import socket

import anyio
import anyio.lowlevel
import httpx
import pytest

from aioliferay import (
    AccessDeniedError,
    AuthenticationError,
    BatchError,
    BatchSession,
    BearerAuth,
    CallCancelledError,
    ConnectError,
    Failed,
    LiferayError,
    NoAnswerError,
    NoSuchServiceError,
    NotFoundError,
    NotRun,
    NotSent,
    NotSentError,
    Ok,
    ProtocolError,
    RetryPolicy,
    ServerError,
    Session,
    Unknown,
)
from aioliferay.errors import RedirectError
from aioliferay.testing import FakePortal

pytestmark = pytest.mark.anyio
ADMIN = ("test@liferay.com", "test")
JOE = ("joe@liferay.com", "joe")


@pytest.fixture(scope="module")
def served():
    """Serve one portal for the module: starting a server for each test would be most of the time."""
    portal = FakePortal()
    with portal.serve() as url:
        yield portal, url


@pytest.fixture
def portal(served):
    served[0].requests.clear()
    served[0].executions.clear()
    return served[0]


@pytest.fixture
def url(served):
    return served[1]


async def _entries(session, count):
    listed = await session.call("/blogsentry/get-group-entries", {"groupId": 20182, "status": 0, "start": 0, "end": count})
    return [entry["entryId"] for entry in listed]


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
async def test_tutorial_deletes_ten_entries_in_one_request(version):
    """Ten blog entries are deleted in one request, on every version, and are gone."""
    portal = FakePortal(version)
    service = "/blogs.blogsentry" if version == "7.4" else "/blogsentry"
    with portal.serve() as url:
        async with Session(url, auth=ADMIN) as session:
            listed = await session.call(
                f"{service}/get-group-entries", {"groupId": 20182, "status": 0, "start": 0, "end": 10}
            )
            ids = [entry["entryId"] for entry in listed]
            before = len(portal.requests)
            async with session.batch() as batch:
                calls = [batch.call(f"{service}/delete-entry", {"entryId": entry}, returns=None) for entry in ids]
                assert await batch.invoke() == [None] * 10
            assert len(portal.requests) == before + 1
            assert all(call.outcome == Ok(None) for call in calls)
            count = await session.call(f"{service}/get-group-entries-count", {"groupId": 20182, "status": 0}, returns=int)
    assert count == 30


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
async def test_long_is_an_int_on_every_version(version):
    """With `returns=int` a long is an int, whether the portal writes it as a number or as text."""
    portal = FakePortal(version)
    with portal.serve() as url:
        async with Session(url, auth=ADMIN) as session:
            found = await session.call(
                "/user/get-user-id-by-email-address", {"companyId": 20155, "emailAddress": ADMIN[0]}, returns=int
            )
    assert found == 20199


async def test_batch_with_credentials_of_its_own(portal, url):
    """A batch given credentials opens and closes a session of its own."""
    async with BatchSession(url, auth=ADMIN) as batch:
        number = batch.call("/portal/get-build-number", returns=int)
    assert await number == 6205
    assert len(portal.requests) == 1


async def test_cookies_are_not_sent_back(portal, url):
    """The portal sets a session cookie with every answer; the client never returns it."""
    async with Session(url, auth=ADMIN) as session, httpx.AsyncClient() as client:
        assert "set-cookie" in (await client.get(f"{url}/api/jsonws/invoke?cmd=[]")).headers
        for _ in range(3):
            await session.call("/portal/get-build-number")
    assert not any("cookie" in request.headers for request in portal.requests)


async def test_cookies_of_a_given_client_are_its_own(portal, url):
    """Cookies that a given client was made with are sent, those that the portal sets are not."""
    async with httpx.AsyncClient(cookies={"SERVERID": "a"}) as client:
        for _ in range(2):
            async with Session(url, auth=ADMIN, http=client) as session:
                await session.call("/portal/get-build-number")
                await session.call("/portal/get-build-number")
        assert not client.is_closed
    assert ["SERVERID=a"] * 4 == [request.headers.get("cookie") for request in portal.requests]


async def test_failure_stops_the_batch_and_says_so(portal, url):
    """The portal runs in order and stops: the calls share its error, and their outcome is unknown."""
    async with Session(url, auth=ADMIN) as session:
        (entry, *_) = await _entries(session, 1)
        portal.executions.clear()
        with pytest.raises(BatchError, match="3 of 3 calls have no result") as caught:
            async with session.batch() as batch:
                for value in (entry, 1, entry):
                    batch.call("/blogsentry/delete-entry", {"entryId": value})
    assert len(portal.executions) == 2
    for error in caught.value.exceptions:
        assert isinstance(error, NotFoundError)
        assert error.is_a("NoSuchEntryException")
        assert "batch of 3 calls" in str(error)


@pytest.mark.parametrize(
    ("auth", "path", "params", "kind", "text"),
    [
        (
            ("test@liferay.com", "wrong"),
            "/user/get-user-by-id",
            {"userId": 20199},
            AuthenticationError,
            "check the credentials",
        ),
        (
            ("nobody@liferay.com", "x"),
            "/user/get-user-by-id",
            {"userId": 20199},
            AuthenticationError,
            "check the credentials",
        ),
        (None, "/user/get-user-by-id", {"userId": 20199}, AuthenticationError, "Authenticated access required"),
        (JOE, "/blogsentry/delete-entry", {"entryId": "first"}, AccessDeniedError, "PrincipalException"),
        (ADMIN, "/user/get-no-such-thing", {}, NoSuchServiceError, "check the path and the names of all parameters"),
        (ADMIN, "/blogsentry/get-entry", {"entry": 1}, NoSuchServiceError, "check the path"),
        (ADMIN, "/user/get-user-by-id", {"userId": 1}, NotFoundError, "No User exists with the primary key 1"),
        (ADMIN, "/user/get-user-by-id", {"userId": "abc"}, ServerError, "onversion"),
    ],
)
async def test_bad_input_gives_one_clear_error(  # noqa: PLR0913, PLR0917 - a table of cases
    portal, url, auth, path, params, kind, text
):
    """Wrong password, no permission, unknown service, misspelt parameter: one error that names cause and remedy."""
    async with Session(url, auth=ADMIN) as admin:
        (first, *_) = await _entries(admin, 1)
    params = {name: first if value == "first" else value for name, value in params.items()}
    async with Session(url, auth=auth) as session:
        call = session.call(path, params)
        with pytest.raises(kind) as caught:
            await call
    assert isinstance(call.outcome, NotRun if "Authenticated access" in str(call.exception()) else Failed)
    assert text in str(caught.value)
    assert path in str(caught.value)
    if auth is not None:
        assert auth[1] not in str(caught.value).replace(auth[0], "").split()


async def test_bearer_token_refused_by_a_7x_portal():
    """A 7.x portal answers wrong credentials with 401; the call was not run."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=("test@liferay.com", "wrong")) as session:
            call = session.call("/user/get-user-by-id", {"userId": 20199})
            with pytest.raises(AuthenticationError, match="check the credentials"):
                await call
    assert isinstance(call.outcome, NotRun)
    assert BearerAuth("x").__class__.__name__ in repr(BearerAuth("x"))


async def test_7_4_portal_that_hides_its_errors():
    """Where every failure is `{}`, the status decides; a void success is never mistaken for it."""
    portal = FakePortal("7.4")
    with portal.serve() as url:
        async with Session(url, auth=ADMIN) as session:
            call = session.call("/blogs.blogsentry/delete-entry", {"entryId": 1})
            with pytest.raises(NotFoundError, match=r"serialize\.throwable"):
                await call
    assert call.exception().status == 404
    assert call.exception().exception == ""


@pytest.mark.parametrize(
    ("fault", "kind", "outcome", "ran"),
    [
        ({"drop": "before"}, NoAnswerError, Unknown, 0),
        ({"drop": "after", "statement": 1}, NoAnswerError, Unknown, 2),
        ({"drop": "after", "statement": 2, "truncate": 5}, NoAnswerError, Unknown, 3),
        ({"truncate": 5}, ProtocolError, Unknown, 3),
        ({"html": True}, ProtocolError, Unknown, 0),
        ({"count": 1}, ProtocolError, Unknown, 3),
        ({"count": -1}, ProtocolError, Unknown, 3),
        ({"body": ""}, ProtocolError, Unknown, 3),
        ({"body": "garbage"}, ProtocolError, Unknown, 3),
        ({"body": "{}"}, ProtocolError, Unknown, 3),
        ({"body": "null"}, ProtocolError, Unknown, 3),
        ({"status": 503, "headers": {"Retry-After": "1"}}, LiferayError, Unknown, 0),
        ({"status": 413, "times": 4}, LiferayError, NotRun, 0),
        ({"status": 302, "headers": {"Location": "http://elsewhere.test/"}}, RedirectError, NotRun, 0),
    ],
    ids=str,
)
async def test_fault_settles_every_call_truthfully(  # noqa: PLR0913, PLR0917 - a table of cases
    portal, url, fault, kind, outcome, ran
):
    """Whatever goes wrong on the way, every call ends, none with a result that it did not get, and the next one works."""
    async with Session(url, auth=ADMIN, retry=RetryPolicy(attempts=1)) as session:
        portal.misbehave(**fault)
        with pytest.raises(BatchError) as caught:
            async with session.batch() as batch:
                calls = [batch.call("/portal/get-build-number") for _ in range(3)]
        assert [kind] * 3 == [
            next(base for base in type(error).__mro__ if base is kind) for error in caught.value.exceptions
        ]
        assert [outcome] * 3 == [type(call.outcome) for call in calls]
        assert ran == len(portal.executions)
        assert await session.call("/portal/get-build-number") == 6205


async def test_timeout_says_that_the_portal_may_go_on(portal, url):
    """A request that takes too long ends as unknown; the text says that the portal may be at work on it."""
    async with Session(url, auth=ADMIN) as session:
        portal.misbehave(delay=30)
        call = session.call("/portal/get-build-number", timeout=0.2)
        with pytest.raises(NoAnswerError, match=r"within 0\.2 s; the portal may still be at work"):
            await call
    assert isinstance(call.outcome, Unknown)


async def test_port_closed_is_not_sent():
    """Where nothing listens, calls end as not sent, with the address and the remedy."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Session(f"http://127.0.0.1:{port}", auth=ADMIN) as session:
        call = session.call("/portal/get-build-number")
        with pytest.raises(ConnectError, match=rf"no connection to http://127\.0\.0\.1:{port}.*is the portal running"):
            await call
    assert isinstance(call.outcome, NotSent)
    assert isinstance(call.exception(), NotSentError)


async def test_unknown_host_is_not_sent():
    """A host that does not exist ends calls as not sent."""
    async with Session("http://no-such-host.invalid", retry=RetryPolicy(attempts=1)) as session:
        call = session.call("/portal/get-build-number")
        with pytest.raises(ConnectError, match=r"no connection to http://no-such-host\.invalid"):
            await call
    assert isinstance(call.outcome, NotSent)


async def test_wrong_path_of_the_server_is_named(url):
    """A server URL that is not the portal's root leads to a web page, and the error says so."""
    async with Session(f"{url}/no/such/context", auth=ADMIN) as session:
        with pytest.raises(ProtocolError, match=r"web page .*is the server URL the portal's root"):
            await session.call("/portal/get-build-number")


async def test_cancel_in_flight_leaves_the_session_usable(portal, url):
    """Whatever tick of a real request a cancel hits, the next call on the session gets its own answer."""
    async with Session(url, auth=ADMIN) as session:
        for tick in range(0, 60, 3):
            batch = session.batch()
            ours = [batch.call("/user/get-user-by-id", {"userId": 20199}) for _ in range(3)]
            async with anyio.create_task_group() as group:

                async def quietly(batch=batch):
                    await batch.invoke(return_exceptions=True)

                group.start_soon(quietly)
                for _ in range(tick):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            assert all(call.done() for call in ours)
            for call in ours:
                assert isinstance(call.exception(), CallCancelledError | None)
            assert await session.call("/portal/get-build-number") == 6205


async def test_two_hundred_tasks_share_one_session(portal, url):
    """Many tasks on one session each get their own answer."""

    def value_of(value):
        return f"v{value}"

    async with Session(url, auth=ADMIN) as session:

        async def work(worker):
            async with session.batch() as batch:
                calls = [
                    batch.call("/user/get-user-id-by-email-address", {"companyId": 20155, "emailAddress": email})
                    for email in (ADMIN[0], JOE[0])
                ]
            answers.append((value_of(worker), [call.result() for call in calls]))

        answers = []
        async with anyio.create_task_group() as group:
            for worker in range(200):
                group.start_soon(work, worker)
    assert len({worker for worker, _ in answers}) == 200
    assert len({str(ids) for _, ids in answers}) == 1
    assert len(portal.requests) == 200


async def test_curl_line_of_explain_is_the_request(portal, url):
    """The body that `explain()` shows is the body that is sent."""
    async with BatchSession(url, auth=ADMIN) as batch:
        batch.call("/country/get-country-by-a2", {"a2": "BR"}, select=["name"])
        shown = batch.explain().requests[0].body
        assert await batch.invoke() == [{"name": "brazil"}]
    assert shown == portal.requests[-1].body
    assert json.loads(shown) == [{"$it[name] = /country/get-country-by-a2": {"a2": "BR"}}]
