"""Credentials that the portal gives: obtained once, renewed once, by whoever needs them first."""

# ruff: noqa: ARG002 - what a way to authenticate is asked with

from __future__ import annotations

from functools import partial

import anyio
import httpx
import pytest

from aioliferay import AuthenticationError, CallCancelledError, NotSentError, Session, _session_base
from aioliferay._auth import Step
from aioliferay.auth import BearerAuth, OAuth2ClientCredentials, OAuth2Token, Request
from aioliferay.errors import LiferayError
from passes import Gate, Pass, Passes

anyio_test = pytest.mark.anyio


@anyio_test
async def test_credentials_are_obtained_once():
    """The first call obtains credentials, all others use them, and closing the session gives them back."""
    gate, way = Gate(), Passes()
    async with gate.session(way) as session:
        for _ in range(3):
            assert 1 == await session.call("/x/get-it")
    assert (1, 1, 3) == (gate.asked, gate.given_back, len(gate.executed))


@anyio_test
async def test_a_hundred_calls_renew_once():
    """A hundred concurrent calls at the moment when credentials end cause one renewal, and no failure."""
    gate, way = Gate(), Passes()
    async with gate.session(way) as session:
        await session.call("/x/get-it")
        gate.present = 2
        calls = [session.call("/x/add-it") for _ in range(100)]
        assert [1] * 100 == [await call for call in calls]
    assert 2 == gate.asked
    assert 101 == len(gate.executed)


@anyio_test
async def test_credentials_are_renewed_ahead_of_their_end():
    """Credentials that are due are renewed before a call is sent with them; what is always due is no endless loop."""
    gate, way = Gate(), Passes(lifetime=-1)
    async with gate.session(way) as session:
        await session.call("/x/get-it")
        await session.call("/x/get-it")
    assert (2, 2) == (gate.asked, len(gate.executed))


@anyio_test
async def test_a_cancelled_caller_does_not_cancel_the_renewal():
    """Who gives up while credentials are renewed harms nobody else: the renewal goes on, once."""
    gate, way = Gate(), Passes()
    gate.open = anyio.Event()
    async with gate.session(way) as session:
        first, second = session.call("/x/get-it"), session.call("/x/get-it")
        with anyio.move_on_after(0.05):
            await first
        first.cancel()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_awaited, session.call("/x/get-it"))
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        gate.open.set()
        assert 1 == await second
        with pytest.raises(CallCancelledError):
            first.result()
    assert 1 == gate.asked


async def _awaited(call):
    await call


@anyio_test
async def test_a_refusal_is_final():
    """Credentials that the portal refuses to give are asked for once; later calls fail at once with the same error."""
    gate, way = Gate(), Passes()
    gate.pass_status = 403
    async with gate.session(way) as session:
        calls = [session.call("/x/get-it") for _ in range(20)]
        for call in calls:
            with pytest.raises(AuthenticationError, match="no pass"):
                await call
        with pytest.raises(AuthenticationError):
            await session.call("/x/get-it")
    assert (1, 0) == (gate.asked, gate.given_back)
    assert len({id(call.exception()) for call in calls}) == 20


@anyio_test
async def test_useless_credentials_are_not_asked_for_for_ever():
    """A portal that gives credentials and never accepts them is asked a few times in all, not with every call."""
    gate, way = Gate(), Passes()
    async with gate.session(way) as session:
        original = gate.handle_async_request

        async def refuse(request):
            if request.url.path == "/pass" or request.method == "DELETE":
                return await original(request)
            return httpx.Response(401)

        gate.handle_async_request = refuse
        for _ in range(20):
            with pytest.raises(LiferayError):
                await session.call("/x/get-it")
    assert gate.asked <= 4


@pytest.mark.parametrize(("refusal", "executed"), [(401, ["/x/add-it"] * 2), (418, [])])
@anyio_test
async def test_writes_are_repeated_only_if_they_did_not_run(refusal, executed):
    """After a renewal, writes are sent again if the refusal proves that none of them ran, and not otherwise."""
    gate, way = Gate(), Passes()
    gate.refusal = refusal
    async with gate.session(way) as session:
        await session.call("/x/get-it")
        gate.present = 2
        batch = session.batch()
        writes = [batch.call("/x/add-it") for _ in range(2)]
        await batch.invoke(return_exceptions=True)
        assert {"ok" if executed else "unknown"} == {write.outcome.name for write in writes}
        assert 1 == await session.call("/x/get-it")  # the credentials are new in any case
    assert ["/x/get-it", *executed, "/x/get-it"] == gate.executed
    assert 2 == gate.asked


@anyio_test
async def test_a_renewal_that_breaks_is_tried_again():
    """A renewal that finds no connection is tried again, as a call is; nothing of it is remembered."""
    gate, way = Gate(), Passes()
    original = gate.handle_async_request
    failures = [httpx.ConnectError("gone"), None]

    async def flaky(request):
        if request.url.path == "/pass" and (failure := failures.pop(0)):
            raise failure
        return await original(request)

    gate.handle_async_request = flaky
    async with gate.session(way) as session:
        assert 1 == await session.call("/x/add-it")
    assert ["/x/add-it"] == gate.executed


@anyio_test
async def test_a_way_that_fails_in_its_own_code():
    """What a way to authenticate raises by itself ends calls as not sent, with its cause; nothing hangs."""

    class Broken(Passes):
        def obtain(self, server, old, now):
            raise RuntimeError("out of order")
            yield

    async with Gate().session(Broken()) as session:
        with pytest.raises(NotSentError, match="no credentials: RuntimeError: out of order") as caught:
            await session.call("/x/get-it")
        assert isinstance(caught.value.__cause__, RuntimeError) or caught.value.__cause__ is None


@anyio_test
async def test_each_session_has_its_own_credentials():
    """One way to authenticate may serve many sessions: their credentials are never shared."""
    gate, way = Gate(), Passes()
    async with gate.session(way) as one, gate.session(way) as other:
        await one.call("/x/get-it")
        await other.call("/x/get-it")
    assert (2, 2) == (gate.asked, gate.given_back)


@anyio_test
async def test_bearer_tokens_from_a_function():
    """A function of the caller's brings tokens: asked once, and once more when the portal refuses the token."""
    gate = Gate()
    tokens = iter(["a", "b"])
    fetched = []

    async def fetch():
        fetched.append(next(tokens))
        return fetched[-1]

    async def answer(request):
        good = request.headers["authorization"] == f"Bearer {wanted[-1]}"
        return httpx.Response(200, json=[1]) if good else httpx.Response(401)

    wanted = ["a"]
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with Session("http://portal.test", auth=BearerAuth(fetch), http=client) as session:
        await session.call("/x/get-it")
        wanted.append("b")
        calls = [session.call("/x/add-it") for _ in range(10)]
        assert [1] * 10 == [await call for call in calls]
    assert ["a", "b"] == fetched
    assert gate.asked == 0


@anyio_test
async def test_bearer_function_that_brings_no_token():
    """What is no token is told as such, without showing it."""

    async def fetch():
        return "two words"

    async with Session("http://portal.test", auth=BearerAuth(fetch), http=httpx.AsyncClient(transport=Gate())) as session:
        with pytest.raises(NotSentError, match="printable ASCII text without spaces") as caught:
            await session.call("/x/get-it")
        assert "two words" not in str(caught.value)


class Posting(Passes):
    """Asks for passes by POST, and tells each."""

    def __init__(self, told):
        super().__init__()
        self._told = told

    def obtain(self, server, old, now):
        answer = yield Request("POST", f"{server}/pass")
        yield Step(partial(self._told, int(answer.body)))
        return Pass(int(answer.body))


@anyio_test
async def test_closing_lets_a_renewal_end_that_has_posted():
    """What has been posted when the session closes may have been granted: it is taken, told and given back."""
    gate, told = Gate(), []
    gate.open = anyio.Event()

    async def tell(number):
        await anyio.lowlevel.checkpoint()
        told.append(number)

    session = gate.session(Posting(tell))
    call = session.call("/x/get-it")
    await anyio.wait_all_tasks_blocked()
    call.cancel()
    async with anyio.create_task_group() as group:
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        assert (1, [], 0) == (gate.asked, told, gate.given_back)
        gate.open.set()
    assert ([1], 1) == (told, gate.given_back)


@anyio_test
async def test_closing_does_not_wait_for_ever(monkeypatch):
    """A renewal that has posted something and has no answer has as long as other things in flight."""
    monkeypatch.setattr(_session_base, "_GRACE_SECONDS", 0.05)
    gate = Gate()
    gate.open = anyio.Event()
    session = gate.session(Posting(anyio.sleep))
    call = session.call("/x/get-it")
    await anyio.wait_all_tasks_blocked()
    call.cancel()
    with anyio.fail_after(4):
        await session.aclose()
    assert (1, 0) == (gate.asked, gate.given_back)


@anyio_test
async def test_closing_in_the_middle_of_a_renewal_of_somebody_elses():
    """A session that acts as somebody else lets its own renewal end too, and gives back what it got."""
    gate, told = Gate(), []
    gate.open = anyio.Event()

    async def tell(number):
        told.append(number)

    async with gate.session(None) as session:
        other = session.acting_as(Posting(tell))
        call = other.call("/x/get-it")
        await anyio.wait_all_tasks_blocked()
        call.cancel()
        async with anyio.create_task_group() as group:
            group.start_soon(other.aclose)
            await anyio.wait_all_tasks_blocked()
            gate.open.set()
    assert ([1], 1) == (told, gate.given_back)


@anyio_test
async def test_a_renewal_that_closes_its_session(monkeypatch):
    """What is told of new credentials may close the session: the renewal does not wait for its own end."""
    monkeypatch.setattr(_session_base, "_GRACE_SECONDS", 0.05)
    gate = Gate()

    async def close(_):
        await session.aclose()

    session = gate.session(Posting(close))
    call = session.call("/x/get-it")
    with anyio.fail_after(4), pytest.raises(CallCancelledError, match="it was cancelled before it was sent"):
        await call


@anyio_test
async def test_a_rotated_token_is_saved_though_nobody_waits():
    """A portal that takes each refresh token once has given the next one when the session closes: it is saved."""
    saved, asked, until = [], anyio.Event(), anyio.Event()

    async def answer(request):
        asked.set()
        await until.wait()
        return httpx.Response(200, json={"access_token": "a2", "refresh_token": "r2", "expires_in": 600})

    way = OAuth2ClientCredentials("id", "secret", token=OAuth2Token("a1", "r1", 1.0, 600.0), on_token=saved.append)
    session = Session("http://portal.test", auth=way, http=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    call = session.call("/x/get-it")
    await asked.wait()
    call.cancel()
    async with anyio.create_task_group() as group:
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        until.set()
    assert ["r2"] == [token.refresh_token for token in saved]
