"""The front doors: sessions and batches as a user opens, uses and closes them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import json
from dataclasses import dataclass
from typing import Annotated

import anyio
import anyio.lowlevel
import httpx
import pytest
import pytest_asyncio
from pydantic import BaseModel, ConfigDict

from aioliferay import (
    BasicAuth,
    BatchError,
    BatchSession,
    BearerAuth,
    Call,
    CallCancelledError,
    ClosedError,
    ConnectError,
    LiferayError,
    NoAnswerError,
    NotFoundError,
    NotSent,
    NotSentError,
    Ok,
    ProtocolError,
    RawParams,
    ResultError,
    Session,
    Unknown,
    _session_base,
)
from aioliferay.testing import FakePortal
from wire import under_virtual_time

anyio_test = pytest.mark.anyio


class User(BaseModel):
    userId: int  # noqa: N815 - the portal's name


@anyio_test
async def test_session_call_is_one_request(wire, session):
    """A call on a session is a request of its own, posted as an array of one."""
    assert await session.call("/x/get-echo", {"value": 1}) == 1
    assert await session.call("/x/get-echo", {"value": 2}) == 2
    assert [["/x/get-echo"], ["/x/get-echo"]] == wire.batches
    assert [{"/x/get-echo": {"value": 2}}] == json.loads(wire.requests[1].content)


@anyio_test
async def test_session_call_posts_json_to_invoke_with_credentials(wire, session):
    """The request goes to /api/jsonws/invoke as JSON in UTF-8, with basic authentication."""
    await session.call("/x/get-echo", {"value": "ä"})
    request = wire.requests[0]
    assert request.method == "POST"
    assert request.url == "http://portal.test/api/jsonws/invoke"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["authorization"] == httpx.BasicAuth("test@liferay.com", "test")._auth_header
    assert '"ä"'.encode() in request.content


@anyio_test
async def test_session_call_unawaited_is_sent(wire, session):
    """A call that nobody awaits is sent all the same, at the latest when the session closes."""
    async with session:
        session.call("/x/update-echo", {"value": 1})
    assert [("/x/update-echo", 1)] == wire.executed


@anyio_test
async def test_session_call_after_close_raises_with_remedy(session):
    """A closed session refuses a call at once and names the remedy."""
    await session.aclose()
    with pytest.raises(ClosedError, match=r"/x/get-echo: the session is closed: open a new one"):
        session.call("/x/get-echo")
    with pytest.raises(ClosedError):
        await session.__aenter__()
    await session.aclose()


def test_session_call_outside_a_loop_raises():
    """Without an event loop a session's call says so, and leaves nothing behind."""
    with pytest.raises(RuntimeError, match="no event loop runs here"):
        Session("http://portal.test").call("/x/get-echo")


@anyio_test
async def test_session_closed_in_another_task(wire):
    """A session may be opened in one task and closed in another."""
    session = wire.session()

    async def enter():
        await session.__aenter__()

    async def leave():
        await session.__aexit__(None, None, None)

    async with anyio.create_task_group() as group:
        group.start_soon(enter)
    call = session.call("/x/get-echo", {"value": 3})
    async with anyio.create_task_group() as group:
        group.start_soon(leave)
    assert call.result() == 3
    assert session.is_closed


@pytest_asyncio.fixture
async def lifespan_session(wire):
    async with wire.session() as session:
        yield session


@pytest.mark.asyncio
async def test_session_from_asyncio_fixture(lifespan_session):
    """A pytest-asyncio fixture can hold a session open around a test."""
    assert await lifespan_session.call("/x/get-echo", {"value": 4}) == 4


@pytest.fixture
async def anyio_session(wire):
    async with wire.session() as session:
        yield session


@anyio_test
async def test_session_from_anyio_fixture(anyio_session):
    """An anyio fixture can hold a session open around a test, on both back ends."""
    async with anyio_session.batch() as batch:
        call = batch.call("/x/get-echo", {"value": 5})
    assert call.result() == 5


@anyio_test
async def test_session_close_waits_for_calls_in_flight(wire, session):
    """Closing waits for what is in flight."""
    gate = wire.hold()
    call = session.call("/x/get-echo", {"value": 1})
    await wire.arrived.wait()
    async with anyio.create_task_group() as group:
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        assert not call.done()
        gate.set()
    assert call.result() == 1


async def test_session_close_gives_up_after_the_grace_period(wire):
    """What has not ended five seconds after the close began is cancelled."""
    trio = pytest.importorskip("trio")
    wire.hold()
    session = wire.session()
    call = session.call("/x/get-echo")
    started = trio.current_time()
    await session.aclose()
    assert call.cancelled()
    assert trio.current_time() - started == pytest.approx(5)


test_session_close_gives_up_after_the_grace_period = under_virtual_time(test_session_close_gives_up_after_the_grace_period)


async def _ended(call):
    with contextlib.suppress(LiferayError):
        await call
    return call.done()


async def test_call_timeout_is_tighter_than_the_session(wire):
    """A call that is out of time ends alone; the request goes on for the others, up to the session's limit."""
    trio = pytest.importorskip("trio")
    wire.hold()
    async with wire.session(timeout=20) as session:
        started = trio.current_time()
        async with session.batch() as batch:
            calls = [batch.call("/x/get-echo", **options) for options in ({}, {"timeout": 3}, {"timeout": float("inf")})]
            with pytest.raises(NoAnswerError):
                await calls[1]
            assert trio.current_time() - started == pytest.approx(3)
            results = [call.exception() for call in calls if await _ended(call)]
        assert trio.current_time() - started == pytest.approx(20)
        unlimited = session.call("/x/get-echo", timeout=float("inf"))
        with trio.move_on_after(1000):
            await unlimited
        assert not unlimited.done()
    assert "no answer within 3 s; the portal may still be at work" in str(results[1])
    for error in results[0], results[2]:
        assert "no answer from http://portal.test/api/jsonws/invoke within 20 s" in str(error)
        assert error.is_timeout


test_call_timeout_is_tighter_than_the_session = under_virtual_time(test_call_timeout_is_tighter_than_the_session)


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("http://localhost:8080", "http://localhost:8080/api/jsonws/invoke"),
        ("http://localhost:8080/", "http://localhost:8080/api/jsonws/invoke"),
        ("https://example.test/portal/", "https://example.test/portal/api/jsonws/invoke"),
        ("http://localhost/api/jsonws", "http://localhost/api/jsonws/invoke"),
        ("http://localhost/api/jsonws/invoke", "http://localhost/api/jsonws/invoke"),
        ("http://[::1]:8080", "http://[::1]:8080/api/jsonws/invoke"),
    ],
)
def test_session_server_url_is_the_portal_root(server, url):
    """The portal's root, with a context path or not, or its JSON address lead to the same place."""
    assert url == Session(server).url


@pytest.mark.parametrize(
    "server",
    [
        "",
        "localhost:8080",
        "ftp://x",
        "http://",
        "http://u:p@x",
        "http://x:99999",
        "http://x:0",
        "http://x/?a=1",
        "http://x/#a",
        "http://[",
    ],
)
def test_session_bad_server_url_is_refused(server):
    """A server that is no plain http(s) URL is refused before anything is sent, without showing a password."""
    with pytest.raises(ValueError, match="server") as caught:
        Session(server)
    assert "u:p" not in str(caught.value)


def test_session_server_of_wrong_type_is_refused():
    """The server is text."""
    with pytest.raises(TypeError, match="must be a URL as text"):
        Session(b"http://x")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("timeout", "error"), [(0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("3", TypeError)]
)
def test_timeout_that_is_no_time_is_refused(timeout, error):
    """A timeout is a positive number of seconds."""
    with pytest.raises(error, match="timeout="):
        Session("http://x", timeout=timeout)


def test_session_texts_hold_no_secret():
    """Neither session nor batch shows a credential."""
    for auth in (("joe", "s3cret"), BasicAuth("joe", "s3cret"), BearerAuth("s3cret")):
        session = Session("https://x", auth=auth)
        assert "s3cret" not in f"{session!r}{session.batch()!r}{session.batch().explain()}"


@anyio_test
async def test_session_takes_an_authentication_object_of_the_http_library(wire):
    """An `httpx.Auth` is accepted as it is."""
    async with wire.session(auth=httpx.BasicAuth("a", "b")) as session:
        await session.call("/x/get-echo")
    assert wire.requests[0].headers["authorization"].startswith("Basic ")


@anyio_test
async def test_session_headers_are_sent(wire):
    """Headers of the session go out with each request, and win over the library's own."""
    async with wire.session(headers={"User-Agent": "mine", "Accept-Language": "pt-BR"}) as session:
        await session.call("/x/get-echo")
    assert wire.requests[0].headers["user-agent"] == "mine"
    assert wire.requests[0].headers["accept-language"] == "pt-BR"


@anyio_test
async def test_batch_sends_one_request_on_leaving(wire, session):
    """Leaving the block sends everything in one request, and each call has its own result."""
    async with session.batch() as batch:
        calls = [batch.call("/x/get-echo", {"value": value}) for value in range(100)]
        assert len(batch) == 100
        assert wire.requests == []
    assert list(range(100)) == [call.result() for call in calls]
    assert len(wire.requests) == 1


@anyio_test
async def test_batch_invoke_returns_results_in_call_order(wire, session):
    """`invoke()` returns the results in call order, and the batch can be used again."""
    async with session.batch() as batch:
        batch.call("/x/get-echo", {"value": "a"})
        batch.call("/x/get-echo", {"value": "b"})
        assert await batch.invoke() == ["a", "b"]
        batch.call("/x/get-echo", {"value": "c"})
        assert await batch.invoke() == ["c"]
    assert [2, 1] == [len(request) for request in wire.batches]


@anyio_test
async def test_batch_empty_sends_nothing(wire, session):
    """An empty batch makes no request, and its result is an empty list."""
    async with session.batch() as batch:
        assert await batch.invoke() == []
    assert wire.requests == []


@anyio_test
async def test_batch_of_its_own_session_closes_it(wire):
    """A batch made with a URL owns its session and closes it."""
    batch = BatchSession("http://portal.test", auth=("a", "b"), http=httpx.AsyncClient(transport=wire))
    async with batch:
        call = batch.call("/x/get-echo", {"value": 1})
    assert await call == 1
    assert batch._session.is_closed


@anyio_test
async def test_batch_over_a_session_leaves_it_open(session):
    """A batch over a given session leaves it open."""
    async with BatchSession(session) as batch:
        batch.call("/x/get-echo")
    assert not session.is_closed


def test_batch_over_a_session_refuses_session_options(session):
    """Options of the session cannot be given to a batch over a ready one."""
    with pytest.raises(TypeError, match="auth: these belong to the session"):
        BatchSession(session, auth=("a", "b"))


@anyio_test
async def test_batch_body_raises_nothing_is_sent(wire, session):
    """An exception in the block leaves unchanged; queued calls end as not sent."""
    body_error = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with session.batch() as batch:
            call = batch.call("/x/update-echo")
            raise body_error
    assert caught.value is body_error
    assert isinstance(call.outcome, NotSent)
    assert "raised KeyError, so it was not sent" in str(call.exception())
    assert call.exception().__cause__ is body_error
    assert wire.requests == []


@anyio_test
async def test_batch_is_closed_after_the_block(session):
    """A batch cannot be used after its block, nor entered twice."""
    async with session.batch() as batch:
        with pytest.raises(RuntimeError, match="entered already"):
            await batch.__aenter__()
    for use in (lambda: batch.call("/x/get-echo"), batch.invoke_soon):
        with pytest.raises(ClosedError, match=r"make another one with session.batch\(\)"):
            use()
    with pytest.raises(ClosedError):
        await batch.invoke()


@anyio_test
async def test_batch_on_a_closed_session_refuses_calls(session):
    """When the session is closed, its batches refuse calls; what is queued ends as not sent."""
    batch = session.batch()
    queued = batch.call("/x/get-echo")
    await session.aclose()
    with pytest.raises(ClosedError, match="the session is closed"):
        batch.call("/x/get-echo")
    with pytest.raises(ClosedError, match="the session is closed"):
        await batch.invoke()
    await batch.aclose()
    assert isinstance(queued.outcome, NotSent)


@anyio_test
async def test_batch_without_a_block_can_be_closed(wire, session):
    """A batch used without a block is closed by `aclose`, which sends nothing."""
    batch = session.batch()
    call = batch.call("/x/get-echo")
    await batch.aclose()
    assert isinstance(call.exception(), ClosedError)
    assert wire.requests == []


@anyio_test
async def test_batch_failure_raises_one_group_and_keeps_siblings(wire, session):
    """Calls fail with one group; each failed call has its own exception object."""
    with pytest.raises(BatchError) as caught:
        async with session.batch() as batch:
            first = batch.call("/x/get-echo", {"value": 1})
            second = batch.call("/x/delete-fail", {"value": 2})
    assert [second.exception()] == list(caught.value.exceptions)
    assert first.result() == 1  # a read is sent again without the other
    assert isinstance(second.outcome, Unknown)
    assert isinstance(second.exception(), NotFoundError)
    assert second.exception().is_a("NoSuchEntryException")
    assert "batch of 2 calls" in str(second.exception())


@anyio_test
async def test_batch_failure_returned_in_the_list(session):
    """With return_exceptions=True errors stand in the list and nothing is raised."""
    async with session.batch() as batch:
        batch.call("/x/get-fail")
        (error,) = await batch.invoke(return_exceptions=True)
    assert isinstance(error, NotFoundError)
    assert str(error).startswith("/x/get-fail was refused: no entry None")


@anyio_test
async def test_batch_typed_results(wire, session):
    """`returns=` takes any type that pydantic understands; both forms of a long become int."""

    @dataclass
    class Point:
        x: int

    wire.answer = httpx.Response(200, json=["12345678901234", 7, {"userId": "1"}, [{"userId": 2}], None, {"x": 3}, "text"])
    async with session.batch() as batch:
        calls = [batch.call("/x/get-echo", returns=returns) for returns in (int, int, User, list[User], None, Point)]
        untyped = batch.call("/x/get-echo")
    assert [12345678901234, 7, User(userId=1), [User(userId=2)], None, Point(3)] == [call.result() for call in calls]
    assert untyped.result() == "text"


@anyio_test
async def test_batch_result_that_does_not_fit_harms_no_sibling(wire, session):
    """A result that does not fit settles that one call with a ResultError that names the field."""
    with pytest.raises(BatchError) as caught:
        async with session.batch() as batch:
            good = batch.call("/x/get-echo", {"value": {"userId": 1}}, returns=User)
            bad = batch.call("/x/get-echo", {"value": [{"userId": 1}, {"userId": "x"}]}, returns=list[User])
    assert good.result() == User(userId=1)
    (error,) = caught.value.exceptions
    assert isinstance(error, ResultError)
    assert "1.userId" in str(error)
    assert error.value == [{"userId": 1}, {"userId": "x"}]
    assert isinstance(bad.outcome, Ok)


def test_batch_returns_no_type_is_refused(session):
    """A `returns=` that is no type is refused at the line of the call."""
    with pytest.raises(TypeError, match="returns="):
        session.batch().call("/x/get-echo", returns=object())


@pytest.mark.parametrize("path", ["x/get-echo", "$a = /x/get-echo", "/x/get-echo ", "/x", "/x/get-echo\n", "//get-echo", ""])
def test_batch_path_that_is_code_is_refused(session, path):
    """A path that carries the statement language is refused at the line of the call."""
    with pytest.raises(ValueError, match="not of the form '/service/method'"):
        session.batch().call(path)


@pytest.mark.parametrize("name", ["$x = /user/delete-user", "@userId", "+a", "-a", "a:java.io.File", "a.b", "", "a b"])
def test_batch_parameter_name_that_is_code_is_refused(session, name):
    """A parameter name that carries the statement language is refused, and RawParams named as the remedy."""
    with pytest.raises(ValueError, match="RawParams"):
        session.batch().call("/x/get-echo", {name: 1})


@anyio_test
async def test_batch_raw_params_are_sent_as_they_are(wire, session):
    """RawParams lets modifiers through; such a call counts as a write."""
    async with session.batch() as batch:
        batch.call("/x/get-echo", RawParams({"-name": "", "serviceContext.scopeGroupId": 1}))
    assert json.loads(wire.requests[0].content) == [{"/x/get-echo": {"-name": "", "serviceContext.scopeGroupId": 1}}]


@anyio_test
async def test_batch_select_cuts_the_result_down(wire, session):
    """`select=` becomes a white-list of the statement."""
    async with session.batch() as batch:
        batch.call("/x/get-echo", {"value": {"a": 1}}, select=["firstName", "emailAddress"])
    assert list(json.loads(wire.requests[0].content)[0]) == ["$it[firstName,emailAddress] = /x/get-echo"]


def test_batch_upload_is_refused_with_remedy(session):
    """Files never travel in a batch."""
    with pytest.raises(TypeError, match=r"in a batch: give it to session\.upload\('/dlapp/add-file-entry', \.\.\.\)"):
        session.batch().upload("/dlapp/add-file-entry", {"file": b""})


@anyio_test
async def test_batch_explain_sends_nothing(wire, session):
    """`explain()` shows the requests that would be sent, with a curl line without credentials."""
    async with session.batch(dependent="staged") as batch:
        assert str(batch.explain()) == "nothing is queued: no request would be sent"
        assert batch.explain().curl == ""
        first = batch.call("/x/get-echo", {"value": "it's"})
        batch.call("/x/get-echo", {"value": first["id"]})
        explained = batch.explain()
        assert wire.requests == []
        first.cancel()
        await batch.invoke(return_exceptions=True)
    assert [("/x/get-echo",), ("/x/get-echo",)] == [request.paths for request in explained.requests]
    assert explained.requests[1].body is None
    assert "curl -u USER 'http://portal.test/api/jsonws/invoke'" in str(explained)
    assert "it'\\''s" in explained.curl


@anyio_test
async def test_batch_is_true_when_empty(session):
    """An empty batch is a batch: `if batch` asks whether there is one."""
    assert session.batch()
    assert len(session.batch()) == 0


@anyio_test
async def test_batch_cancelled_in_flight_aborts_and_says_so(wire, session):
    """A block cancelled in flight ends writes as unknown and reads as cancelled; the next batch is not harmed."""
    wire.hold()
    with anyio.CancelScope() as scope:
        async with session.batch() as batch:
            read = batch.call("/x/get-echo")
            write = batch.call("/x/update-echo")
            async with anyio.create_task_group() as group:

                async def cancel():
                    await wire.arrived.wait()
                    scope.cancel()

                group.start_soon(cancel)
                await batch.invoke()
    assert scope.cancelled_caught
    assert read.outcome.is_sent
    assert isinstance(write.outcome, Unknown)
    assert isinstance(write.exception(), CallCancelledError)
    wire.gate = None
    assert await session.call("/x/get-echo", {"value": 9}) == 9


def test_calls_have_one_type_at_every_door(session):
    """Both doors return a Call."""

    async def use():
        async with session.batch() as batch:
            assert type(batch.call("/x/get-echo")) is type(session.call("/x/get-echo")) is Call

    asyncio.run(use())


@anyio_test
async def test_session_closed_by_a_callback_of_its_own(wire):
    """A callback may close the session from inside its background task: nobody waits for themselves."""

    class Closing:
        async def on_success(self, _):
            await session.aclose()

        async def on_failure(self, _):
            await session.aclose()

    session = wire.session()
    batch = session.batch(callback=Closing())
    call = batch.call("/x/get-echo", {"value": 1})
    batch.invoke_soon()
    with anyio.fail_after(3):
        assert await call == 1
        await session.aclose()
    assert session.is_closed


@anyio_test
async def test_session_auth_wins_over_the_clients(wire):
    """A given client's own credentials never take the place of the session's: that would be another identity."""
    client = httpx.AsyncClient(transport=wire, auth=("admin", "x"))
    async with Session("http://portal.test", auth=("joe", "y"), http=client) as session:
        await session.call("/x/get-echo")
    async with Session("http://portal.test", http=client) as session:
        await session.call("/x/get-echo")
    joe, admin = (request.headers["authorization"] for request in wire.requests)
    assert httpx.BasicAuth("joe", "y")._auth_header == joe
    assert httpx.BasicAuth("admin", "x")._auth_header == admin


@anyio_test
async def test_call_awaited_often_keeps_its_traceback_short(session):
    """Each await of a failed call raises without the frames of earlier awaits."""

    def depth(error):
        traceback, frames = error.__traceback__, 0
        while traceback is not None:
            traceback, frames = traceback.tb_next, frames + 1
        return frames

    call = session.call("/x/get-fail")
    depths = []
    for _ in range(5):
        with pytest.raises(NotFoundError) as caught:
            await call
        depths.append(depth(caught.value))
    assert len(set(depths)) == 1


@pytest.mark.parametrize("own_batch", [False, True])
def test_session_left_by_cancellation_is_prompt(wire, own_batch):
    """Who leaves by cancellation does not wait five seconds for calls in flight."""
    trio = pytest.importorskip("trio")

    async def main():
        wire.hold()
        options = {"http": httpx.AsyncClient(transport=wire)}
        with trio.move_on_after(1):
            if own_batch:
                async with BatchSession("http://portal.test", **options) as batch:
                    await batch.call("/x/get-echo")
            else:
                async with Session("http://portal.test", **options) as session:
                    await session.call("/x/get-echo")
        assert trio.current_time() == pytest.approx(started + 1)

    clock = trio.testing.MockClock(autojump_threshold=0)
    started = clock.current_time()
    trio.run(main, clock=clock)


@pytest.mark.asyncio
async def test_session_left_by_asyncio_cancellation_is_prompt(wire, monkeypatch):
    """An asyncio cancellation comes only once, and still no grace is given: here it would be an hour."""
    monkeypatch.setattr(_session_base, "_GRACE_SECONDS", 3600)
    wire.hold()

    async def stay():
        async with wire.session() as session:
            await session.call("/x/get-echo")

    task = asyncio.create_task(stay())
    await wire.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_session_in_two_event_loops_says_so():
    """A session of one event loop, used in another, gives one clear error and sends nothing."""
    session = Session("http://127.0.0.1:9")

    async def use():
        return (await session.batch().invoke(), session.call("/x/get-echo"))[1]

    async def outcome_of(call):
        with pytest.raises(LiferayError) as caught:
            await call
        return caught.value

    async def first():
        return await outcome_of(await use())

    asyncio.run(first())
    error = asyncio.run(first())
    assert "another event loop" in str(error)
    asyncio.run(session.aclose())


@anyio_test
@pytest.mark.parametrize("is_invoked", [False, True])
async def test_call_given_up_in_flight(wire, session, is_invoked):
    """The end of the block does not report a call that its maker gave up; the list of `invoke()` keeps its place."""
    gate = wire.hold()
    async with anyio.create_task_group() as group, session.batch() as batch:
        given_up = batch.call("/x/update-echo", {"value": 1})
        batch.call("/x/update-echo", {"value": 2})

        async def give_up():
            await wire.arrived.wait()
            given_up.cancel()
            gate.set()

        group.start_soon(give_up)
        if is_invoked:
            assert await batch.invoke(return_exceptions=True) == [given_up.exception(), 2]
    assert given_up.cancelled()


async def _open_when_blocked(gate):
    await anyio.wait_all_tasks_blocked()
    gate.set()


@anyio_test
async def test_cookies_of_an_answer_that_was_cut_are_taken_back(wire):
    """Cookies that the portal set do not stay in a given client's jar, nor do they replace its own."""
    wire.answer = httpx.Response(200, json=[1], headers=[("Set-Cookie", "JSESSIONID=a"), ("Set-Cookie", "mine=theirs")])
    async with httpx.AsyncClient(transport=wire) as client:
        client.cookies.set("mine", "own", domain="portal.test")
        async with Session("http://portal.test", http=client) as session:
            await session.call("/x/get-echo")
        assert dict(client.cookies) == {"mine": "own"}


def test_batch_returns_a_model_that_is_built_late(session):
    """A model whose schema is built on first use is accepted; a default that looks like a schema stays as it is."""

    class Late(BaseModel):
        model_config = ConfigDict(defer_build=True)
        kind: dict[str, str] = {"type": "model"}

    call = session.batch().call("/x/get-echo", returns=Late)
    assert call.adapter.validate_python({}).kind == {"type": "model"}
    call.cancel()


@pytest.mark.parametrize("client", [httpx.Client(), "x", object()])
def test_session_client_that_is_none_is_refused(client):
    """A client that cannot be awaited is refused when the session is made."""
    with pytest.raises(TypeError, match=r"http= takes an httpx\.AsyncClient"):
        Session("http://portal.test", http=client)


@anyio_test
async def test_session_with_a_closed_client_sends_nothing(wire):
    """A given client that is closed means: not sent, and the text says so."""
    client = httpx.AsyncClient(transport=wire)
    await client.aclose()
    async with Session("http://portal.test", http=client) as session:
        call = session.call("/x/update-echo")
        with pytest.raises(NotSentError, match="HTTP client is closed: it was given as http="):
            await call
    assert isinstance(call.outcome, NotSent)


@pytest.mark.asyncio
async def test_session_of_its_own_connections_forgotten_warns():
    """A session that was used and never closed says so when it is collected."""
    session = Session("http://127.0.0.1:9")
    await session.batch().invoke()
    with pytest.raises(LiferayError):
        await session.call("/x/get-echo")
    await anyio.wait_all_tasks_blocked()  # from 3.12 on the call's task ends a tick after its waiter is woken
    with pytest.warns(ResourceWarning, match="was never closed"):
        del session
        gc.collect()


@anyio_test
async def test_batch_dates_of_models_are_milliseconds(wire, session):
    """Dates near 1970 are read as milliseconds, in nested models and dataclasses too, unless the model says otherwise."""

    class Inner(BaseModel):
        birthday: dt.datetime

    class Outer(BaseModel):
        createDate: dt.datetime  # noqa: N815 - the portal's name
        day: dt.date
        inner: list[Inner]

    @dataclass
    class Point:
        when: dt.datetime

    class Seconds(BaseModel):
        model_config = ConfigDict(val_temporal_unit="seconds")
        when: dt.datetime

    hour = dt.datetime(1969, 12, 31, 23, tzinfo=dt.UTC)
    value = {"createDate": -3600000, "day": 86400000, "inner": [{"birthday": -3600000}]}
    async with session.batch() as batch:
        outer = batch.call("/x/get-echo", {"value": value}, returns=Outer)
        point = batch.call("/x/get-echo", {"value": {"when": -3600000}}, returns=Point)
        seconds = batch.call("/x/get-echo", {"value": {"when": 3600}}, returns=Seconds)
        plain = batch.call("/x/get-echo", {"value": -3600000}, returns=dt.datetime)
    assert Outer(createDate=hour, day=dt.date(1970, 1, 2), inner=[Inner(birthday=hour)]) == outer.result()
    assert Point(hour) == point.result()
    assert seconds.result().when == dt.datetime(1970, 1, 1, 1, tzinfo=dt.UTC)
    assert plain.result() == hour


def test_batch_returns_that_cannot_be_remembered(session):
    """A type with metadata that cannot be hashed works; what is no type is refused with the path."""
    session.batch().call("/x/get-echo", returns=Annotated[list[int], {"a": 1}]).cancel()
    with pytest.raises(TypeError, match=r"/x/get-echo: returns=\[1\] is not a type"):
        session.batch().call("/x/get-echo", returns=[1])


async def _cancel_when_blocked(scope):
    await anyio.wait_all_tasks_blocked()
    scope.cancel()


@anyio_test
async def test_session_headers_replace_their_like(wire):
    """A header is sent once, whatever its case; credentials of `auth=` win over a header of the session's."""
    headers = {"user-agent": "mine", "CONTENT-TYPE": "application/json", "authorization": "Bearer x"}
    async with wire.session(auth=("a", "b"), headers=headers) as session:
        await session.call("/x/get-echo")
    sent = [name.lower() for name, _ in wire.requests[0].headers.raw]
    assert len(sent) == len(set(sent))
    assert wire.requests[0].headers["authorization"].startswith("Basic ")
    assert wire.requests[0].headers["user-agent"] == "mine"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_session_header_of_the_length_is_refused(name):
    """How long a request is, no header of the session's may say."""
    with pytest.raises(ValueError, match="headers= cannot set"):
        Session("http://x", headers={name: "1"})


@pytest.mark.parametrize("headers", [{"X": 1}, {1: "x"}])
def test_session_header_that_is_no_text_is_refused(headers):
    """Headers are text; the error does not show the value."""
    with pytest.raises(TypeError, match="headers= maps names to values"):
        Session("http://x", headers=headers)


@anyio_test
@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_busy_portal_is_told_even_as_a_web_page(wire, session, status):
    """A busy portal, or a proxy with its error page, is named as such, with the time to wait."""
    wire.answer = httpx.Response(status, html="<html><title>Busy</title></html>", headers={"Retry-After": "7"})
    with pytest.raises(ProtocolError, match=rf"status {status} with 'Busy': .*busy or starting; try again after 7"):
        await session.call("/x/get-echo")


@pytest.mark.asyncio
async def test_session_with_too_many_requests_at_once_says_so():
    """Who waits for a free connection until the time is over is not told that the portal is down."""
    with FakePortal().serve() as url:
        async with Session(url, timeout=0.3, auth=("test@liferay.com", "test")) as session:
            session._exchange.invoker.transport._client._transport._pool._max_connections = 1
            gate = session.call("/portal/get-build-number")
            await gate
            portal_holds = session._exchange.invoker.transport._client.stream("GET", url)
            async with portal_holds:
                call = session.call("/portal/get-build-number")
                with pytest.raises(ConnectError, match="no connection was free within"):
                    await call
    assert isinstance(call.outcome, NotSent)
