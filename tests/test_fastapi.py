"""FastAPI applications with a portal behind them: lifespan, dependencies, as whom a request calls, errors as problems."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from http import HTTPStatus
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.requests import HTTPConnection
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from aioliferay import BasicAuth, BearerAuth, RetryPolicy
from aioliferay.auth import ForwardedCookies
from aioliferay.errors import (
    AccessDeniedError,
    AnswerTooLargeError,
    AuthenticationError,
    BatchError,
    CallbackError,
    CallCancelledError,
    ClosedError,
    ConnectError,
    DependencyError,
    NoAnswerError,
    NoSuchServiceError,
    NotFoundError,
    NotSentError,
    ProtocolError,
    RedirectError,
    ResultError,
    ServerError,
    TooManyCallsError,
)
from aioliferay.fastapi import (
    AutoDep,
    BatchDep,
    CallersCookies,
    CallersToken,
    OwnSessionDep,
    SessionDep,
    install_handlers,
    portal_lifespan,
)
from aioliferay.testing import FakePortal
from app_server import app_of, client_of, cookies_of, lifespan_of, posts_of, token_of, who

_ADMINISTRATOR = ("test@liferay.com", "test")
_DELETE = "/blogsentry/delete-entry"
both_backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@both_backends
@pytest.mark.parametrize("path", ["/session", "/auto", "/batch", "/own"])
def test_every_dependency_calls_the_portal(path, backend):
    """Each dependency calls with the credentials of the application."""
    portal = FakePortal()
    with client_of(app_of(portal, auth=_ADMINISTRATOR), backend) as client:
        assert "test" == client.get(path).json()
    assert [20199] == [each.user_id for each in posts_of(portal)]


def test_a_process_has_one_session():
    """All requests share one session, which is closed with the application; the next start opens another."""
    portal = FakePortal()
    app, seen = app_of(portal), []

    @app.get("/seen")
    async def see(session: SessionDep, own: OwnSessionDep, auto: AutoDep):
        seen.append((session, own, auto))

    for _ in range(2):
        with client_of(app) as client:
            assert [200, 200] == [client.get("/seen").status_code for _ in range(2)]
            assert not seen[-1][0].is_closed
        assert seen[-1][0].is_closed
    (one, own, auto), again, other, _ = seen
    assert (one, own, auto) == again
    assert one is own
    assert one is not other[0]


def test_an_application_starts_while_its_portal_is_down():
    """Nothing is sent before the first call, which then has a problem."""
    app = FastAPI(lifespan=portal_lifespan("http://127.0.0.1:9", auth=_ADMINISTRATOR))
    install_handlers(app)

    @app.get("/")
    async def call(session: SessionDep):
        await session.call("/portal/get-build-number")

    with client_of(app) as client:
        assert 503 == client.get("/").status_code


def test_applications_of_one_process_do_not_mix():
    """Each application calls its own portal, also where one is mounted in the other and has a portal of its own."""
    first, second = FakePortal(), FakePortal()
    inner, plain = app_of(second, auth=("joe@liferay.com", "joe")), FastAPI()
    inner_lifespan = inner.router.lifespan_context
    outer_lifespan = lifespan_of(first, auth=_ADMINISTRATOR)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with outer_lifespan(app) as state, inner_lifespan(inner):
            yield {**state, "mine": 1}

    @plain.get("/")
    async def by_session(session: SessionDep):
        return await who(session)

    outer = FastAPI(lifespan=lifespan)
    outer.add_api_route("/", by_session)
    outer.mount("/inner", inner)
    outer.mount("/plain", plain)  # without a portal of its own
    with client_of(outer) as client:
        assert ["test", "joe", "test"] == [client.get(path).json() for path in ("/", "/inner/session", "/plain/")]
    assert [{20199}, {20514}] == [{each.user_id for each in posts_of(portal)} for portal in (first, second)]


def test_a_lifespan_of_one_s_own_need_not_hand_on_the_state():
    """The application itself finds its portal also where its own lifespan yields nothing."""
    portal = FakePortal()
    app = FastAPI()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with lifespan_of(portal, auth=_ADMINISTRATOR)(app):
            yield

    app.router.lifespan_context = lifespan

    @app.get("/")
    async def by_session(session: SessionDep):
        return await who(session)

    with client_of(app) as client:
        assert "test" == client.get("/").json()
    assert not hasattr(app.state, "aioliferay")


def test_what_is_missing_is_told():
    """Without a lifespan, and with two of them, the error says what to do."""
    app = app_of(FakePortal())
    client = TestClient(app)  # without `with`: the lifespan does not run
    with pytest.raises(RuntimeError, match=r"no portal is open here: give the application lifespan=portal_lifespan"):
        client.get("/session")
    app.include_router(app_of(FakePortal()).router)
    with pytest.raises(RuntimeError, match="has a portal already"), TestClient(app):
        pass


@pytest.mark.parametrize(
    ("forward", "kind"), [("token", ValueError), (1, TypeError), (CallersToken, TypeError), (BearerAuth("x"), TypeError)]
)
def test_forward_is_checked_at_once(forward, kind):
    """What `forward=` cannot be is refused where it is written."""
    with pytest.raises(kind, match="forward= is 'bearer', 'cookie'"):
        portal_lifespan("http://portal.test", forward=forward)


def test_guests_need_a_way_to_be_somebody_else():
    """Where all requests call with the application's credentials, none of them is a guest's."""
    with pytest.raises(ValueError, match="needs forward="):
        portal_lifespan("http://portal.test", guests=True)


@both_backends
def test_a_batch_is_sent_before_the_response(backend):
    """What an endpoint queued has run when the response comes, and its failure is the response."""
    portal = FakePortal()
    app = app_of(portal, auth=_ADMINISTRATOR)

    @app.delete("/{entry_id}", status_code=204)
    async def delete(entry_id: int, batch: BatchDep):
        batch.call(_DELETE, {"entryId": entry_id}, returns=None)
        batch.call("/blogsentry/get-entry", {"entryId": 20876})

    with client_of(app, backend) as client:
        assert 204 == client.delete("/20885").status_code
        assert 404 == client.delete("/20885").status_code
    assert [_DELETE, "/blogsentry/get-entry"] == [each.path for each in portal.executions][:2]
    assert 1 == len([each for each in portal.executions if each.path == _DELETE and each.error is None])


@both_backends
@pytest.mark.parametrize("error", [HTTPException(409, "no"), KeyError("no")])
def test_nothing_is_sent_if_the_endpoint_raises(error, backend):
    """If an endpoint raises, whatever it is, nothing of its batch is sent, and the response is the error's."""
    portal = FakePortal()
    app = app_of(portal, auth=_ADMINISTRATOR)

    @app.delete("/")
    async def delete(batch: BatchDep):
        batch.call(_DELETE, {"entryId": 20885})
        raise error

    with client_of(app, backend) as client:
        assert {HTTPException: 409, KeyError: 500}[type(error)] == client.delete("/").status_code
    assert [] == portal.requests


async def _user_call(batch: BatchDep):
    return batch.call("/user/get-current-user", select=["screenName"])


async def _audited(batch: BatchDep):
    yield
    batch.call("/portal/get-build-number")


def test_dependencies_of_a_request_share_its_batch():
    """Dependencies of the application's own get the same batch as the endpoint, also at their end: one request for all."""
    portal = FakePortal()
    app = app_of(portal, auth=_ADMINISTRATOR)

    @app.get("/both")
    async def both(
        batch: BatchDep,
        user: Annotated[object, Depends(_user_call)],
        audit: Annotated[None, Depends(_audited, scope="function")],
    ):
        batch.call("/portal/get-build-number")
        return [len(batch), user.done()]

    with client_of(app) as client:
        assert [2, False] == client.get("/both").json()
    assert [3] == [len(json.loads(each.body)) for each in posts_of(portal)]


@both_backends
def test_plain_functions_may_queue_and_not_call(backend):
    """A `def` endpoint runs in a thread: what it queues is sent before the response; what would leave at once says no."""
    portal = FakePortal()
    app, errors = FastAPI(lifespan=lifespan_of(portal, auth=_ADMINISTRATOR)), []

    @app.delete("/")
    def delete(batch: BatchDep):
        batch.call(_DELETE, {"entryId": 20885}, returns=None)

    @app.get("/")
    def call(session: SessionDep, auto: AutoDep):
        for each in session, auto:
            try:
                each.call("/portal/get-build-number")
            except RuntimeError as error:
                errors.append(str(error))

    with client_of(app, backend) as client:
        assert [200, 200] == [client.delete("/").status_code, client.get("/").status_code]
    assert ["no event loop runs here: make calls inside an async function"] * 2 == errors
    assert [_DELETE] == [each.path for each in portal.executions]


def test_a_session_works_after_the_response():
    """Work in the background of a request calls as its user; the batch of the request is closed by then."""
    portal = FakePortal()
    app, after = app_of(portal, auth=_ADMINISTRATOR), []

    async def later(session, batch):
        after.append(await who(session))
        after.append(str(batch))

    @app.get("/later")
    async def respond(session: SessionDep, batch: BatchDep, tasks: BackgroundTasks):
        tasks.add_task(later, session, batch)

    with client_of(app) as client:
        client.get("/later")
    assert "test" == after[0]
    assert "closed" in after[1]


@both_backends
def test_web_sockets_have_sessions(backend):
    """A WebSocket route may take every dependency, and calls as who opened it."""
    portal = FakePortal("7.4", clock=time.monotonic)
    app = app_of(portal, forward="bearer")

    @app.websocket("/talk")
    async def talk(socket: WebSocket, session: SessionDep, auto: AutoDep, batch: BatchDep):
        await socket.accept()
        await socket.send_json([await who(each) for each in (session, auto, batch)])

    joe = {"Authorization": f"Bearer {token_of(portal, 'joe')}"}
    with client_of(app, backend) as client, client.websocket_connect("/talk", headers=joe) as socket:
        assert ["joe"] * 3 == socket.receive_json()


@both_backends
def test_requests_call_with_their_own_token(backend):
    """Each request acts as the bearer of its token; the application's own credentials are for its own session only."""
    portal = FakePortal("7.4", clock=time.monotonic)
    tokens = {name: {"Authorization": f"Bearer {token_of(portal, name)}"} for name in ("test", "joe")}
    with client_of(app_of(portal, forward="bearer", auth=("joe@liferay.com", "joe")), backend) as client:
        for path in ("/session", "/auto", "/batch"):
            assert [*tokens] == [client.get(path, headers=each).json() for each in tokens.values()]
        assert "joe" == client.get("/own", headers=tokens["test"]).json()
        assert "joe" == client.get("/own").json()
    assert not [each for each in posts_of(portal)[:6] if "basic" in each.headers["authorization"].lower()]


@both_backends
@pytest.mark.parametrize("version", ["6.2", "7.4"])
def test_requests_call_in_the_browser_s_session(version, backend):
    """Each request acts as whose cookies it brings: the token is read once for each, and no other cookie goes on."""
    portal = FakePortal(version, clock=time.monotonic)
    cookies = {name: cookies_of(portal, name) | {"mine": "secret of the application"} for name in ("test", "joe")}
    before = len(portal.requests)
    with client_of(app_of(portal, forward="cookie"), backend) as client:
        for name, sent in cookies.items():
            header = {"Cookie": "; ".join(f"{key}={value}" for key, value in sent.items())}
            for path in ("/session", "/auto", "/batch"):
                assert name == client.get(path, headers=header).json()
    ours = portal.requests[before:]
    assert (2, 6) == (len([each for each in ours if each.path == "/"]), len(posts_of(portal)))
    sent = {pair.partition("=")[0] for each in ours for pair in each.headers["cookie"].split("; ")}
    assert {"JSESSIONID", "COOKIE_SUPPORT", "GUEST_LANGUAGE_ID"} >= sent
    assert not any("c/portal/logout" in each.path for each in ours)


@pytest.mark.parametrize(
    ("forward", "headers", "challenge"),
    [
        ("bearer", {}, "Bearer"),
        ("bearer", {"Authorization": "Basic dGVzdDp0ZXN0"}, "Bearer"),
        ("bearer", {"Authorization": "Bearer"}, "Bearer"),
        ("bearer", {"Authorization": "Bearer a b"}, "Bearer"),
        ("bearer", [("Authorization", "Bearer a"), ("Authorization", "Bearer b")], "Bearer"),
        ("cookie", {}, 'Cookie realm="Liferay", cookie-name="JSESSIONID"'),
        ("cookie", {"Cookie": "COOKIE_SUPPORT=true; other=1"}, 'Cookie realm="Liferay", cookie-name="JSESSIONID"'),
        ("cookie", {"Cookie": 'JSESSIONID="a b\\073"; x'}, None),
        ("cookie", {"Cookie": "JSESSIONID=" + "a" * 5000}, 'Cookie realm="Liferay", cookie-name="JSESSIONID"'),
        (lambda _: None, {}, "Bearer"),
    ],
)
def test_who_brings_no_credentials_is_told_to(forward, headers, challenge):
    """Without credentials, or with some that cannot be any, the answer is 401 and says what is missing."""
    portal = FakePortal()
    with client_of(app_of(portal, forward=forward, auth=_ADMINISTRATOR)) as client:
        answer = client.get("/session", headers=headers)
    assert 401 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]
    if challenge is not None:
        assert challenge == answer.headers["www-authenticate"]
        assert [] == portal.requests


def test_guests_may_be_welcome():
    """With `guests=True`, who brings no credentials calls as a guest; who brings unusable ones is still refused."""
    portal = FakePortal("7.4", clock=time.monotonic)

    @portal.service("/foo/hello", guest=True)
    def hello() -> str:
        return "hello"

    app = app_of(portal, forward="bearer", guests=True, auth=_ADMINISTRATOR)

    @app.get("/hello")
    async def say(auto: AutoDep):
        return await auto.call("/foo/hello")

    with client_of(app) as client:
        assert "hello" == client.get("/hello").json()
        assert 403 == client.get("/session").status_code
        assert 401 == client.get("/hello", headers={"Authorization": "Bearer"}).status_code
        assert 401 == client.get("/hello", headers={"Authorization": "Bearer unknown"}).status_code
    assert {None} == {each.user_id for each in portal.requests}


def test_whose_session_has_ended_is_no_guest():
    """Cookies of a session that has ended are answered with 401, also where guests are welcome."""
    portal = FakePortal("7.4", clock=time.monotonic)
    cookies = cookies_of(portal, "joe")
    portal.forget_sessions()
    with client_of(app_of(portal, forward="cookie", guests=True)) as client:
        answer = client.get("/session", headers={"Cookie": f"JSESSIONID={cookies['JSESSIONID']}"})
    assert 401 == answer.status_code
    assert "Cookie" == answer.headers["www-authenticate"].partition(" ")[0]


@both_backends
def test_a_function_tells_who_calls(backend):
    """A function, plain or async, tells from the request as whom it calls: a pair, an object, or None."""
    portal = FakePortal()

    async def forward(connection: HTTPConnection):
        name = connection.headers.get("x-user")
        return {"joe": ("joe@liferay.com", "joe"), "test": BasicAuth(*_ADMINISTRATOR)}.get(name)

    forward.challenge = "Custom"
    with client_of(app_of(portal, forward=forward), backend) as client:
        for name in ("joe", "test"):
            assert name == client.get("/batch", headers={"X-User": name}).json()
        assert "Custom" == client.get("/batch").headers["www-authenticate"]


def test_who_calls_is_asked_once_for_a_request():
    """However many dependencies a request has, the function that tells who calls is called once, and all act as he does."""
    portal, asked = FakePortal(), []

    def forward(connection: HTTPConnection):
        asked.append(connection.url.path)
        return ("joe@liferay.com", "joe")

    app = app_of(portal, forward=forward)

    @app.get("/all")
    async def by_all(session: SessionDep, auto: AutoDep, batch: BatchDep):
        return [await who(each) for each in (session, auto, batch)]

    with client_of(app) as client:
        assert ["joe"] * 3 == client.get("/all").json()
    assert ["/all"] == asked


def test_a_function_may_refuse():
    """What such a function raises is the answer, such as an `HTTPException` of the application's own."""

    def forward(connection: HTTPConnection):
        raise HTTPException(418, "no")

    with client_of(app_of(FakePortal(), forward=forward)) as client:
        assert (418, {"detail": "no"}) == ((answer := client.get("/session")).status_code, answer.json())


def _connection(method="POST", kind="http", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "headers": [(b"host", b"app.test"), (b"cookie", b"JSESSIONID=1"), *raw]}
    return HTTPConnection(scope | ({"method": method} if kind == "http" else {}))


@pytest.mark.parametrize(
    ("is_served", "connection"),
    [
        (True, _connection("GET", origin="https://evil.test", sec_fetch_site="cross-site")),
        (True, _connection("HEAD", origin="https://evil.test")),
        (True, _connection()),
        (True, _connection(origin="https://app.test")),
        (True, _connection(origin="https://evil.test", sec_fetch_site="same-origin")),  # a proxy changed the host
        (True, _connection(sec_fetch_site="none")),
        (True, _connection(origin="https://portal.test", sec_fetch_site="same-site")),  # trusted
        (True, _connection(kind="websocket", origin="http://app.test")),
        (False, _connection(origin="https://evil.test")),
        (False, _connection(origin="https://app.test:8443")),
        (False, _connection(origin="null")),
        (False, _connection(origin="http://[")),
        (False, _connection("DELETE", origin="https://app.test", sec_fetch_site="cross-site")),
        (False, _connection("PATCH", sec_fetch_site="same-site")),
        (False, _connection(kind="websocket", origin="https://evil.test")),
        (False, _connection(kind="websocket", sec_fetch_site="cross-site")),
    ],
)
def test_other_sites_cannot_use_the_browser_s_session(is_served, connection):
    """What may change something is refused if a page of another origin made the browser send it."""
    way = CallersCookies(trusted_origins=["https://portal.test"])
    if is_served:
        assert ForwardedCookies({"JSESSIONID": "1"}) == way(connection)
    else:
        with pytest.raises(HTTPException, match="another site") as caught:
            way(connection)
        assert 403 == caught.value.status_code


def test_a_request_that_another_site_made_does_not_reach_the_portal():
    """It is a problem of status 403, and nothing is sent to the portal, not even to learn the token."""
    portal = FakePortal()
    with client_of(app_of(portal, forward="cookie")) as client:
        headers = {"Cookie": "JSESSIONID=1", "Origin": "https://evil.test"}
        answer = client.post("/session", headers=headers)
    assert (403, "a page of another site made the browser send this") == (answer.status_code, answer.json()["detail"])
    assert [] == portal.requests


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (["JSESSIONID=1; COOKIE_SUPPORT=true; ID=secret; a"], {"JSESSIONID": "1", "COOKIE_SUPPORT": "true"}),
        (["JSESSIONID=1; JSESSIONID=2"], {"JSESSIONID": "1"}),
        (["GUEST_LANGUAGE_ID=de_DE", " JSESSIONID = 1"], {"JSESSIONID": "1", "GUEST_LANGUAGE_ID": "de_DE"}),
        (["JSESSIONID=1; GUEST_LANGUAGE_ID="], {"JSESSIONID": "1"}),
        (['JSESSIONID="1=2"'], {"JSESSIONID": '"1=2"'}),
    ],
)
def test_cookies_go_on_as_they_came(sent, expected):
    """Of the portal's cookies, and of no others, the first of each name goes on, as it was sent."""
    scope = {"type": "http", "method": "GET", "headers": [(b"cookie", value.encode()) for value in sent]}
    assert ForwardedCookies(expected) == CallersCookies()(HTTPConnection(scope))


def test_names_of_cookies_may_be_others():
    """A portal with other names, or one behind a balancer that sets a cookie, is served, too."""
    scope = {"type": "http", "method": "GET", "headers": [(b"cookie", b"SID=1; SERVER=a; JSESSIONID=2")]}
    way = CallersCookies(["SID", "SERVER"])
    assert ForwardedCookies({"SID": "1", "SERVER": "a"}, session_cookie="SID") == way(HTTPConnection(scope))
    assert 'Cookie realm="Liferay", cookie-name="SID"' == way.challenge
    for wrong in ({"names": "SID"}, {"names": []}, {"trusted_origins": "https://portal.test"}):
        with pytest.raises(TypeError, match="lists of texts"):
            CallersCookies(**wrong)


def _raising(error, portal=None, **options):
    """Return an application whose endpoint raises this error."""
    app = app_of(portal or FakePortal(), **options)

    @app.get("/raise")
    async def fail():
        raise error

    return app


def _answer(app, **headers):
    with client_of(app) as client:
        return client.get("/raise", headers=headers)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFoundError("secret")),
        (403, AccessDeniedError("secret", status=403)),
        (401, AuthenticationError("secret")),
        (503, ConnectError("secret")),
        (503, NoAnswerError("secret")),
        (503, NoAnswerError("secret", is_timeout=True)),
        (503, NotSentError("secret")),
        (503, ClosedError("secret")),
        (503, TooManyCallsError("secret")),
        (503, ProtocolError("secret", status=503)),
        (503, ProtocolError("secret", status=429)),
        (503, ServerError("secret", status=504)),
        (502, ProtocolError("secret", status=404, excerpt="secret")),
        (502, ProtocolError("secret")),
        (502, AnswerTooLargeError("secret")),
        (502, ServerError("secret", exception="com.example.secret")),
        (502, RedirectError("secret", location="http://secret.test/")),
        (502, ResultError("secret", value="secret")),
        (502, DependencyError("secret")),
        (500, NoSuchServiceError("secret")),
        (500, CallCancelledError("secret")),
        (500, CallbackError("secret")),
        (500, KeyError("secret")),
        (404, BatchError("secret", [NotFoundError("secret", path="/secret")])),
        (404, ExceptionGroup("secret", [ExceptionGroup("secret", [NotFoundError("secret")])])),
        (500, ExceptionGroup("secret", [NotFoundError("secret"), KeyError("secret")])),
        (500, BatchError("secret", [NotFoundError("secret"), NoSuchServiceError("secret")])),
    ],
)
def test_errors_are_problems(status, error):
    """Trouble of the portal is a problem with a status of its own and no text of the portal's; a mistake is a mistake."""
    answer = _answer(_raising(error))
    assert status == answer.status_code
    assert "secret" not in answer.text
    if status != 500:
        assert "application/problem+json" == answer.headers["content-type"]
        assert "no-store" == answer.headers["cache-control"]
        problem = answer.json()
        assert ("about:blank", status, HTTPStatus(status).phrase) == (problem["type"], problem["status"], problem["title"])
        assert problem["detail"]


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (401, [NotFoundError, ConnectError, AuthenticationError]),
        (503, [AccessDeniedError, ProtocolError, ConnectError]),
        (502, [NotFoundError, ProtocolError]),
        (403, [NotFoundError, AccessDeniedError]),
    ],
)
def test_of_several_errors_one_is_the_answer(status, kinds):
    """The status is of the error that must be put right first; all are listed, in call order."""
    errors = [kind("no") for kind in kinds]
    for position, error in enumerate(errors):
        error.position, error.outcome = position, "failed"
    answer = _answer(_raising(BatchError("no", errors)))
    assert (status, status) == (answer.status_code, answer.json()["status"])
    assert [(0, "failed"), (1, "failed")] == [(each["call"], each["outcome"]) for each in answer.json()["errors"]][:2]
    assert len(kinds) == len(answer.json()["errors"])
    assert not {"call", "outcome"} & set(answer.json())


def test_what_was_not_sent_is_a_consequence():
    """If a call failed, and others were not sent for that reason, the answer is about the one that failed."""
    held, failed = NotSentError("no"), NotFoundError("no")
    held.outcome, failed.outcome = "not sent", "failed"
    assert 404 == _answer(_raising(BatchError("no", [held, failed]))).status_code
    assert 503 == _answer(_raising(BatchError("no", [held]))).status_code


def test_a_call_that_needed_a_failed_one_has_its_problem():
    """What was not sent because another call failed is listed with the problem of that call."""
    error = DependencyError("no")
    error.__cause__ = NotFoundError("no")
    assert 404 == _answer(_raising(error)).status_code


def test_one_error_tells_what_became_of_its_call():
    """A client learns whether what it wanted may have been done all the same."""
    portal = FakePortal()
    app = app_of(portal, auth=_ADMINISTRATOR)

    @app.delete("/")
    async def delete(session: SessionDep):
        await session.call(_DELETE, {"entryId": 20885}, returns=None)

    portal.misbehave(status=503)
    with client_of(app) as client:
        answer = client.delete("/")
    assert (503, "unknown") == (answer.status_code, answer.json()["outcome"])
    assert "call" not in answer.json()


@pytest.mark.parametrize(
    ("sent", "told"), [("60", "60"), ("soon", None), ("Fri, 01 Jan 1999 00:00:00 GMT", "0"), ("", None)]
)
def test_a_pause_that_the_portal_asks_for_is_handed_on(sent, told):
    """`Retry-After` of a busy portal is that of the response, in seconds."""
    portal = FakePortal()
    portal.misbehave(status=503, headers={"Retry-After": sent} if sent else {}, times=10)
    app = app_of(portal, auth=_ADMINISTRATOR, retry=RetryPolicy(attempts=1))
    with client_of(app) as client:
        answers = [client.get(path) for path in ("/session", "/batch")]
    assert [(503, told)] * 2 == [(each.status_code, each.headers.get("retry-after")) for each in answers]


def test_an_application_that_the_portal_does_not_know_is_its_own_fault():
    """If it is the application's own password that is wrong, the caller is not asked for one."""
    with client_of(app_of(FakePortal(), auth=("test@liferay.com", "wrong"))) as client:
        answer = client.get("/session")
    assert (502, "the portal does not know this application") == (answer.status_code, answer.json()["detail"])
    with client_of(app_of(FakePortal())) as client:  # a guest: perhaps the caller may tell who it is
        answer = client.get("/session")
    assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])


def test_a_token_that_the_portal_refused_is_told_as_such():
    """A token that the portal does not take is an invalid one, as RFC 6750 calls it."""
    with client_of(app_of(FakePortal("7.4"), forward="bearer")) as client:
        answer = client.get("/session", headers={"Authorization": "Bearer of-yesterday"})
    assert (401, 'Bearer error="invalid_token"') == (answer.status_code, answer.headers["www-authenticate"])
    assert "of-yesterday" not in answer.text


def test_problems_work_without_a_portal():
    """The handlers need no portal: errors of a session that an application opened by itself are problems, too."""
    app = FastAPI()
    install_handlers(app)

    @app.get("/raise")
    async def fail():
        raise AuthenticationError("no")

    answer = _answer(app)
    assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])


def test_trouble_is_logged_and_what_callers_did_is_not(caplog):
    """What is 5xx stands in the log with the portal's text, if it is not just down with a traceback; 4xx does not."""
    _answer(_raising(ConnectError("no such host")), Authorization="Bearer s3cret")
    _answer(_raising(ProtocolError("of no use", status=200)), Authorization="Bearer s3cret")
    _answer(_raising(NotFoundError("not here")))
    down, odd = [each for each in caplog.records if each.name == "aioliferay"]
    assert "a request is answered with 503: no such host" == down.getMessage()
    assert "a request is answered with 502: of no use" == odd.getMessage()
    assert (None, ProtocolError) == (down.exc_info, odd.exc_info[0])
    assert "s3cret" not in caplog.text


def test_without_handlers_errors_are_errors():
    """Handlers are for who wants them: without, an error of the portal is one of the application, and 401 is still 401."""
    app = FastAPI(lifespan=lifespan_of(FakePortal(), forward="bearer"))

    @app.get("/raise")
    async def fail():
        raise NotFoundError("no")

    @app.get("/session")
    async def by_session(session: SessionDep):
        return await who(session)

    with client_of(app) as client:
        assert 500 == client.get("/raise").status_code
        answer = client.get("/session")
        assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])


@both_backends
def test_a_web_socket_that_fails_is_refused_or_closed(backend):
    """Before it is accepted, a WebSocket is refused with the problem; later it is closed with a code that tells why."""
    portal = FakePortal()
    app = app_of(portal, forward="bearer", guests=True)

    @app.websocket("/early")
    async def early(socket: WebSocket, session: SessionDep):
        await who(session)

    @app.websocket("/late")
    async def late(socket: WebSocket, auto: AutoDep):
        await socket.accept()
        await who(auto)

    @app.websocket("/down")
    async def down(socket: WebSocket):
        await socket.accept()
        raise ConnectError("no")

    with client_of(app, backend) as client:
        with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/early"):
            pass
        assert (401, "Unauthorized") == (refused.value.status_code, refused.value.json()["title"])
        for path, code in (("/late", 1008), ("/down", 1013)):
            with client.websocket_connect(path) as socket, pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            assert code == closed.value.code


@pytest.mark.anyio
async def test_a_server_without_refusals_has_its_web_sockets_closed():
    """A server that knows no answer to the handshake but yes or no is told no."""
    app, sent = FastAPI(), []
    install_handlers(app)

    @app.websocket("/")
    async def fail(socket: WebSocket):
        raise NotFoundError("no")

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "subprotocols": [], "root_path": ""}
    await app(scope, receive, send)
    reason = "the portal does not have what was asked for"
    assert [{"type": "websocket.close", "code": 1008, "reason": reason}] == sent


def _old_depends(dependency=None, *, use_cache=True):
    """Stand for FastAPI before 0.121."""


@pytest.mark.parametrize("broken", ["missing", "old"])
def test_without_fastapi_the_import_says_what_to_install(broken, monkeypatch):
    """Where FastAPI is missing, or too old for batches that are sent before the response, importing says so."""
    module = sys.modules["aioliferay.fastapi"]
    if broken == "missing":
        monkeypatch.setitem(sys.modules, "fastapi", None)
    else:
        monkeypatch.setattr("fastapi.Depends", _old_depends)
    monkeypatch.delitem(sys.modules, "aioliferay.fastapi")
    try:
        with pytest.raises(ImportError, match=r"FastAPI 0\.121 or later: pip install 'aioliferay\[fastapi\]'"):
            importlib.import_module("aioliferay.fastapi")
    finally:
        sys.modules["aioliferay.fastapi"] = module
