"""The spine: what one trip tells hooks, authentication flows and calls."""

from __future__ import annotations

import logging
from functools import partial

import anyio
import httpx
import pytest
from pydantic import BaseModel, model_validator

from aioliferay import (
    AuthenticationError,
    BatchError,
    Cancelled,
    ClosedError,
    NoAnswerError,
    NotFoundError,
    NotRun,
    NotSent,
    NotSentError,
    ResultError,
    Unknown,
    _session_base,
)
from aioliferay.auth import Request
from aioliferay.observe import ExchangeCompleted, ExchangeFailed, ExchangeStarted

pytestmark = pytest.mark.anyio


class Recorder:
    def __init__(self):
        self.events = []

    def on_event(self, event):
        self.events.append(event)


async def test_hook_sees_each_exchange(wire):
    """A hook is told of each request: its number, calls, bytes, status and seconds; never of contents."""
    recorder = Recorder()
    async with wire.session(hooks=[recorder]) as session:
        await session.call("/x/get-echo", {"value": "secret"})
        async with session.batch() as batch:
            batch.call("/x/get-echo")
            batch.call("/x/delete-fail")
            await batch.invoke(return_exceptions=True)
    started, completed, again, failed, *isolated = recorder.events
    size = len(wire.requests[0].content)
    assert ExchangeStarted(1, 1, size) == started
    assert ExchangeCompleted(1, 1, size, len('["secret"]'), 200, completed.elapsed) == completed
    assert ExchangeStarted(2, 2, len(wire.requests[1].content)) == again
    assert isinstance(failed, ExchangeFailed)
    assert isinstance(failed.error, NotFoundError)
    assert ["ExchangeStarted", "ExchangeCompleted"] == [type(event).__name__ for event in isolated]  # the read again
    assert completed.elapsed > 0
    assert "secret" not in repr(recorder.events)


async def test_hook_is_told_of_a_cancelled_exchange(wire):
    """A request that was cancelled has failed without an error."""
    recorder = Recorder()
    wire.hold()
    async with wire.session(hooks=[recorder]) as session, anyio.create_task_group() as group:
        batch = session.batch()
        batch.call("/x/get-echo")
        group.start_soon(batch.invoke)
        await wire.arrived.wait()
        group.cancel_scope.cancel()
    assert recorder.events[-1].error is None


async def test_hook_that_raises_harms_no_call(wire, caplog):
    """What a hook raises is logged."""

    class Broken:
        def on_event(self, event):
            raise ZeroDivisionError(event.number)

    with caplog.at_level(logging.ERROR, "aioliferay"):
        async with wire.session(hooks=[Broken()]) as session:
            assert await session.call("/x/get-echo", {"value": 1}) == 1
    assert "a hook of a session failed" in caplog.text


class TokenFlow:
    """Asks for a token first, and again when it is refused: a flow as users may write it."""

    def flow(self, request):
        for _ in range(2):
            token = yield Request("GET", "http://portal.test/token")
            answer = yield request.with_header("Authorization", "Bearer " + token.body.decode())
            if answer.status != 401:
                return


class TokenWire(httpx.AsyncBaseTransport):
    """A portal with tokens, of which the first is worth nothing."""

    def __init__(self, broken=""):
        self.paths = []
        self.tokens = 0
        self.broken = broken

    async def handle_async_request(self, request):
        self.paths.append(request.url.path)
        if request.url.path == self.broken:
            raise httpx.ReadError("cut")
        if request.url.path == "/token":
            self.tokens += 1
            return httpx.Response(200, text=f"t{self.tokens}")
        is_right = request.headers["authorization"] == "Bearer t2"
        return httpx.Response(200, json=[1]) if is_right else httpx.Response(401)


def _session(transport, **options):
    from aioliferay import Session  # noqa: PLC0415 - only here

    return Session("http://portal.test", http=httpx.AsyncClient(transport=transport), **options)


async def test_authentication_flow_may_send_requests_of_its_own():
    """A flow of the user's asks for a token, is refused, asks again, and the call succeeds."""
    wire = TokenWire()
    async with _session(wire, auth=TokenFlow()) as session:
        assert await session.call("/x/get-echo") == 1
    assert ["/token", "/api/jsonws/invoke"] * 2 == wire.paths


async def test_authentication_flow_that_gives_up_leaves_the_last_answer():
    """The flow's last answer counts: 401 means that nothing ran."""

    class Never(TokenFlow):
        def flow(self, request):
            yield request.with_header("Authorization", "Bearer none")

    async with _session(TokenWire(), auth=Never()) as session:
        call = session.call("/x/get-echo")
        with pytest.raises(AuthenticationError):
            await call
    assert isinstance(call.outcome, NotRun)


async def test_failure_of_the_flows_own_request_means_not_sent():
    """When a token cannot be had, the calls themselves were not sent."""
    async with _session(TokenWire(broken="/token"), auth=TokenFlow()) as session:
        call = session.call("/x/update-echo")
        with pytest.raises(NoAnswerError):
            await call
    assert isinstance(call.outcome, NotSent)


async def test_flow_that_raises_ends_the_calls():
    """What a flow raises becomes the cause of each call's error; nothing was sent."""

    class Broken:
        def flow(self, _):
            raise ZeroDivisionError("mine")
            yield

    async with _session(TokenWire(), auth=Broken()) as session:
        call = session.call("/x/update-echo")
        with pytest.raises(NotSentError, match="ZeroDivisionError: mine") as caught:
            await call
    assert isinstance(call.outcome, NotSent)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_flow_that_raises_after_the_answer_leaves_the_outcome_unknown():
    """When a flow fails on the answer, the calls may have run."""

    class Broken:
        def flow(self, request):
            yield request
            raise ZeroDivisionError("mine")

    class Open(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _):
            return httpx.Response(200, json=[1])

    async with _session(Open(), auth=Broken()) as session:
        call = session.call("/x/update-echo")
        with pytest.raises(NoAnswerError, match="ZeroDivisionError: mine"):
            await call
    assert isinstance(call.outcome, Unknown)


async def test_validator_that_raises_harms_one_call_only(session):
    """A model's own validator may raise anything: its call has a ResultError, the others their results."""

    class Moody(BaseModel):
        @model_validator(mode="before")
        @classmethod
        def refuse(cls, _):
            raise KeyError("mood")

    with pytest.raises(BatchError) as caught:
        async with session.batch() as batch:
            batch.call("/x/get-echo", {"value": {}}, returns=Moody)
            good = batch.call("/x/get-echo", {"value": 1})
    assert [ResultError] == [type(error) for error in caught.value.exceptions]
    assert good.result() == 1


async def test_reference_of_a_value_that_cannot_be_sent_is_told(wire, session):
    """A property that exceeds what can be sent fails the dependent call only."""
    wire.answer = httpx.Response(200, content=b'[{"id": 99999999999999999999999}]')
    async with session.batch(dependent="staged") as batch:
        parent = batch.call("/x/get-echo")
        child = batch.call("/x/get-echo", {"value": parent["id"]})
        await batch.invoke(return_exceptions=True)
    assert parent.exception() is None
    assert "a property that it refers to cannot be sent" in str(child.exception())


async def test_reference_after_a_write_keeps_the_order(wire, session):
    """Stages never let a call overtake a write that was made before it."""
    async with session.batch() as batch:
        first = batch.call("/x/get-echo", {"value": {"id": 1}})
        batch.call("/x/update-echo", {"value": first["id"]})
        batch.call("/x/get-echo", {"value": 2})
        batch.call("/x/update-echo", {"value": 3})
        await batch.invoke()
    assert [{"id": 1}, 1, 2, 3] == [value for _, value in wire.executed]
    assert len(wire.requests) == 2


async def test_stage_cancelled_leaves_later_stages_unsent(wire, session):
    """When the first stage is cancelled in flight, the dependents were not sent."""
    wire.hold()
    batch = session.batch()
    parent = batch.call("/x/get-echo", {"value": {"id": 1}})
    child = batch.call("/x/update-echo", {"value": parent["id"]})
    async with anyio.create_task_group() as group:
        group.start_soon(batch.invoke)
        await wire.arrived.wait()
        group.cancel_scope.cancel()
    assert parent.outcome.is_sent
    assert isinstance(child.outcome, Cancelled)
    assert not child.outcome.is_sent


async def test_session_close_waits_for_a_foreground_invoke(wire, session):
    """Closing waits for the request of another task's `invoke()` too."""
    gate = wire.hold()
    batch = session.batch()
    call = batch.call("/x/update-echo", {"value": 1})
    async with anyio.create_task_group() as group:
        group.start_soon(batch.invoke)
        await wire.arrived.wait()
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        assert not call.done()
        gate.set()
    assert call.result() == 1


async def test_session_left_by_an_exception_waits_for_writes_only(wire, monkeypatch):
    """Who leaves by an exception will not look at what is read: reads are aborted at once, writes have their grace."""
    monkeypatch.setattr(_session_base, "_GRACE_SECONDS", 3600)
    gate = wire.hold()
    async with anyio.create_task_group() as group:
        with pytest.raises(KeyError):
            async with wire.session() as session:
                read = session.call("/x/get-echo")
                write = session.call("/x/update-echo", {"value": 1})
                await anyio.wait_all_tasks_blocked()
                group.start_soon(_open_when_blocked, gate)
                raise KeyError
    assert read.cancelled()
    assert write.result() == 1


async def test_session_close_cancelled_aborts_calls_in_flight(wire, session):
    """A cancelled close does not wait: reads end as cancelled, writes as unknown."""
    await session.call("/x/get-echo")  # before the portal has taken the password, one request goes ahead of the others
    wire.hold()
    read = session.call("/x/get-echo")
    write = session.call("/x/update-echo")
    await wire.arrived.wait()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await session.aclose()
    assert isinstance(read.outcome, Cancelled)
    assert isinstance(write.outcome, Unknown)


async def _open_when_blocked(gate):
    await anyio.wait_all_tasks_blocked()
    gate.set()


async def test_call_on_a_session_closed_meanwhile_is_not_sent(wire, session):
    """A call whose turn comes when the session is closed ends as not sent, and says so."""
    gate = wire.hold()
    batch = session.batch()
    first = batch.call("/x/update-echo", {"value": 1})
    async with anyio.create_task_group() as group:
        group.start_soon(partial(batch.invoke, return_exceptions=True))
        await wire.arrived.wait()
        second = batch.call("/x/update-echo", {"value": 2})
        group.start_soon(partial(batch.invoke, return_exceptions=True))
        await anyio.wait_all_tasks_blocked()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await session.aclose()
        gate.set()
    assert isinstance(first.outcome, Unknown)
    assert isinstance(second.exception(), ClosedError)
    assert wire.executed == []


async def test_call_is_sent_again_by_nobody_after_it_was_cancelled(wire, session):
    """When all calls of a request were cancelled before it left, there is no request."""
    async with session.batch() as batch:
        call = batch.call("/x/get-echo")
        batch.call("/x/get-echo").cancel()
        call.cancel()
    await session._exchange.run([call])
    assert wire.requests == []
