"""Renewals of credentials: what bounds them, who waits, and what remains when they fail."""

# ruff: noqa: ARG002 - what a way to authenticate is asked with

from __future__ import annotations

import traceback
from types import SimpleNamespace

import anyio
import httpx
import pytest

from aioliferay import AuthenticationError, NoAnswerError, NotSentError, ProtocolError, Session
from aioliferay._auth import Step, lasting
from aioliferay.auth import BearerAuth, Request
from aioliferay.errors import LiferayError
from passes import Gate, Pass, Passes

anyio_test = pytest.mark.anyio


@anyio_test
async def test_a_renewal_does_not_inherit_the_limits_of_who_began_it():
    """An impatient caller who begins a renewal ends only its own call: others get what it brings, in their own time."""
    gate = Gate()
    gate.open = anyio.Event()
    async with gate.session(Passes()) as session:
        impatient = session.call("/x/get-it", timeout=0.05)
        patient = session.call("/x/get-it")
        batch = session.batch(deadline=0.05)
        late = batch.call("/x/get-it")
        await batch.invoke(return_exceptions=True)
        with pytest.raises(NotSentError, match="its time ran out"):
            await impatient
        assert "not sent" == late.outcome.name
        gate.open.set()
        assert 1 == await patient
    assert 1 == gate.asked


@pytest.mark.parametrize(("limit", "seconds"), [(None, 30.0), (0.5, 0.5)])
@anyio_test
async def test_each_step_of_a_renewal_is_bounded(limit, seconds):
    """A renewal has the session's limit for each of its steps, and 30 seconds where the session has none."""
    gate = Gate()
    gate.open = anyio.Event()
    session = Session("http://portal.test", auth=Passes(), timeout=limit, http=httpx.AsyncClient(transport=gate))
    async with session:
        keeper = session._exchange.invoker.auth
        assert seconds == keeper.seconds
        keeper.seconds = 0.05
        with pytest.raises(NoAnswerError, match=r"no answer from http://portal.test/pass within 0.05 s") as caught:
            await session.call("/x/get-it")
        assert "not sent" == caught.value.outcome


@anyio_test
async def test_functions_of_a_renewal_are_bounded():
    """A function that never brings a token ends the call in the session's time, and closing does not wait for it."""

    async def never():
        await anyio.sleep_forever()

    client = httpx.AsyncClient(transport=Gate())
    with anyio.fail_after(4):
        async with Session("http://portal.test", auth=BearerAuth(never), http=client, timeout=0.05) as session:
            with pytest.raises(NotSentError, match=r"a function did not end within 0.05 s"):
                await session.call("/x/get-it")


@anyio_test
async def test_a_function_that_calls_its_own_session():
    """A function that brings tokens and calls the session that waits for them is told so, rather than wait for itself."""

    async def fetch():
        return await session.call("/x/get-token")

    client = httpx.AsyncClient(transport=Gate())
    with anyio.fail_after(4):
        async with Session("http://portal.test", auth=BearerAuth(fetch), http=client) as session:
            with pytest.raises(NotSentError, match="cannot call that session: give it one of its own"):
                await session.call("/x/get-it")


@anyio_test
async def test_closing_does_not_wait_for_a_renewal_that_nobody_waits_for():
    """When every call that waited for credentials is given up, closing ends the renewal at once."""
    gate = Gate()
    gate.open = anyio.Event()
    with anyio.fail_after(4):
        async with gate.session(Passes()) as session:
            call = session.call("/x/get-it")
            await anyio.sleep(0.1)
            call.cancel()
            await anyio.sleep(0.3)
    assert 1 == gate.asked


@anyio_test
async def test_what_a_callback_begins_waits_for_itself():
    """A batch that a callback of a call sends waits for credentials by itself: that the call has ended is not its end."""
    gate, ended, batches = Gate(), anyio.Event(), []

    def again(_):
        gate.present = 2
        batch = session.batch(callback=SimpleNamespace(on_success=lambda _: None, on_failure=lambda _: None))
        batches.append(batch.call("/x/get-it"))
        batches[0].add_done_callback(lambda _: ended.set())
        batch.invoke_soon()

    async with gate.session(Passes()) as session:
        session.call("/x/get-it").add_done_callback(again)
        with anyio.fail_after(4):
            await ended.wait()
        assert 1 == batches[0].result()
    assert 2 == gate.asked


@anyio_test
async def test_a_person_is_asked_only_while_somebody_waits():
    """What asks a person ends with the last call that waits for it; the next call asks anew."""
    asked, left = [], anyio.Event()

    class Personal(Passes):
        def obtain(self, server, old, now):
            yield Step(self.ask, is_personal=True)
            return Pass(1)

        async def ask(self):
            asked.append("asked")
            if len(asked) == 1:
                try:
                    await anyio.sleep_forever()
                finally:
                    asked.append("left")
                    left.set()

    async with Gate().session(Personal()) as session:
        session._exchange.invoker.auth.seconds = 0.01  # a person takes longer
        with pytest.raises(NotSentError, match="its time ran out"):
            await session.call("/x/get-it", timeout=0.1)
        with anyio.fail_after(4):
            await left.wait()
        assert 1 == await session.call("/x/get-it")
    assert ["asked", "left", "asked"] == asked


@pytest.mark.parametrize("refusal", [401, 418])
@anyio_test
async def test_fruitless_renewals_pause(refusal):
    """After two renewals in a row that bring nothing, refusals are told as they are, until one is accepted or a minute."""
    gate, way, now = Gate(), Passes(), 1000.0
    gate.refusal = refusal
    async with gate.session(way) as session:
        keeper = session._exchange.invoker.auth
        keeper.now = lambda: now
        await session.call("/x/get-it")
        real, gate.present = gate.present, 5
        gate.issued = 4
        for _ in range(5):
            with pytest.raises(LiferayError):
                await session.call("/x/get-it")
        assert 3 == way.asked
        now += 59
        with pytest.raises(LiferayError):
            await session.call("/x/get-it")
        assert 3 == way.asked
        now += 1
        with pytest.raises(LiferayError):
            await session.call("/x/get-it")
        assert 4 == way.asked
        gate.present = 4  # what was given is accepted at last
        assert 1 == await session.call("/x/get-it")
        gate.present = gate.issued = real
        assert 1 == await session.call("/x/get-it")
        assert 5 == way.asked


@anyio_test
async def test_an_accepted_answer_counts():
    """Renewals that end well never add up to a pause: ten in a row are as good as one."""
    gate, way = Gate(), Passes()
    async with gate.session(way) as session:
        for number in range(1, 11):
            gate.present = number
            assert 1 == await session.call("/x/get-it")
    assert 10 == way.asked


@anyio_test
async def test_lasting_errors_are_kept_for_a_while():
    """What is worth no second attempt at once is told again for its time, and then credentials are asked for again."""
    now = 1000.0

    class Odd(Passes):
        def obtain(self, server, old, now):
            self.asked += 1
            if self.asked == 1:
                raise lasting(ProtocolError("odd"), 60)
            return Pass(int((yield Request("GET", f"{server}/pass")).body))

    way = Odd()
    async with Gate().session(way) as session:
        session._exchange.invoker.auth.now = lambda: now
        for _ in range(3):
            with pytest.raises(ProtocolError, match="odd"):
                await session.call("/x/get-it")
        assert 1 == way.asked
        now += 60
        assert 1 == await session.call("/x/get-it")


@pytest.mark.parametrize("status", [403, 500])
@anyio_test
async def test_a_refused_write_whose_renewal_fails_did_not_run(status):
    """Where the portal refused before anything ran, and then gives no credentials, the outcome says that nothing ran."""

    class Paged(Passes):
        def verdict(self, answer, credentials):
            return "refused" if answer.status == status else "accepted"

    gate = Gate()
    async with gate.session(Paged()) as session:
        await session.call("/x/get-it")
        gate.present, gate.refusal = 2, status
        gate.issued = 7
        for failing in (503, 200, 200, 200, 403):
            gate.pass_status = failing
            batch = session.batch()
            writes = [batch.call("/x/add-it") for _ in range(2)]
            await batch.invoke(return_exceptions=True)
            assert {"not sent"} == {write.outcome.name for write in writes}
            assert {AuthenticationError} == {type(write.exception()) for write in writes}
    assert ["/x/get-it"] == gate.executed


@anyio_test
async def test_what_is_optional_may_fail(caplog):
    """A step that is not needed is logged when it fails, without its text, which may be secret; the renewal goes on."""

    class Saving(Passes):
        def obtain(self, server, old, now):
            yield Step(self.save, told="not saved")
            return Pass(1)

        async def save(self):
            raise OSError("s3cret")

    async with Gate().session(Saving()) as session:
        assert 1 == await session.call("/x/get-it")
    assert "not saved: OSError" in caplog.text
    assert "s3cret" not in caplog.text


@anyio_test
async def test_tracebacks_hold_no_frames_that_know_secrets():
    """The error of a renewal shows the frames of a user's own function, and none of the library's that know its results."""

    async def fetch():
        raise RuntimeError("out of order")

    async with Session("http://portal.test", auth=BearerAuth(fetch), http=httpx.AsyncClient(transport=Gate())) as session:
        with pytest.raises(NotSentError, match="out of order") as caught:
            await session.call("/x/get-it")
    assert ["fetch"] == [frame.name for frame in traceback.extract_tb(caught.value.__cause__.__traceback__)]

    async def answer(_):
        raise httpx.ReadError("cut")

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with Session("http://portal.test", auth=Passes(), http=client) as session:
        with pytest.raises(NoAnswerError) as caught:
            await session.call("/x/get-it")
    assert caught.value.__cause__.__traceback__ is None
    assert not [frame for frame in traceback.extract_tb(caught.value.__traceback__) if frame.name in {"_obtain", "obtain"}]
