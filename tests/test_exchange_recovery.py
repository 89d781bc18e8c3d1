"""What the spine does after a failure: isolation, retries, splitting, deadlines, and what is left to send again."""

from __future__ import annotations

import contextlib
import math

import anyio
import anyio.lowlevel
import httpx
import pytest

from aioliferay import (
    AuthenticationError,
    BatchError,
    BatchLimits,
    Cancelled,
    ClosedError,
    ConnectError,
    Failed,
    NoAnswerError,
    NotFoundError,
    NotRun,
    NotSent,
    NotSentError,
    Ok,
    ProtocolError,
    RetryPolicy,
    ServerError,
    Unknown,
)
from aioliferay.auth import Request
from aioliferay.errors import LiferayError
from aioliferay.observe import RetryScheduled
from wire import under_virtual_time

pytestmark = pytest.mark.anyio

AT_ONCE = RetryPolicy(first_delay=0)
REFUSED = httpx.ConnectError("refused")
CUT = httpx.ReadError("cut")


def hidden():
    """Return 7.4's error, which tells nothing."""
    return httpx.Response(500, json={})


def names(calls):
    """Return the names of the calls' outcomes."""
    return [call.outcome.name for call in calls]


@pytest.mark.parametrize("bad", [(7,), (0, 199), (3, 100, 150), (197, 198, 199)])
@pytest.mark.parametrize("is_told", [True, False])
async def test_reads_are_isolated(wire, bad, is_told, monkeypatch):
    """Of 200 reads with k bad ones 200 - k have their results; at most 2k·log2(200) + 2 further requests, 4 at once."""
    if not is_told:
        run = wire._run
        monkeypatch.setattr(
            wire, "_run", lambda statements: hidden() if "exception" in run(statements).text else run(statements)
        )
    wire.steps = 3
    async with wire.session() as session, session.batch() as batch:
        calls = [batch.call(f"/x/get-{'fail' if value in bad else 'echo'}", {"value": value}) for value in range(200)]
        with pytest.raises(BatchError) as caught:
            await batch.invoke()
    assert [value if value not in bad else None for value in range(200)] == [
        getattr(c.outcome, "value", None) for c in calls
    ]
    assert {Failed} == {type(calls[value].outcome) for value in bad}
    assert list(bad) == [error.position for error in caught.value.exceptions]
    assert len(wire.requests) - 1 <= 2 * len(bad) * math.log2(200) + 2
    assert wire.most_busy <= 4
    if is_told:  # the message names the bad one: it alone, and the others
        assert len(wire.requests) - 1 <= 2 * len(bad)
        assert [f"no entry {value}" for value in bad] == [error.message for error in caught.value.exceptions]


async def test_message_that_misleads_is_believed_once(wire, monkeypatch):
    """A message that names an innocent call costs two requests, and is not asked again."""
    misleading = {"exception": "x.NoSuchEntryException", "message": "no entry 1"}
    run = wire._run
    monkeypatch.setattr(
        wire,
        "_run",
        lambda sent: httpx.Response(200, json=misleading) if "exception" in (answer := run(sent)).text else answer,
    )
    async with wire.session() as session, session.batch() as batch:
        calls = [batch.call(f"/x/get-{'fail' if value == 50 else 'echo'}", {"value": value}) for value in range(64)]
        await batch.invoke(return_exceptions=True)
    assert [50] == [position for position, call in enumerate(calls) if isinstance(call.outcome, Failed)]
    assert len(wire.requests) - 1 <= 2 * 6 + 2


async def test_isolation_spends_its_budget_and_says_so(wire):
    """When the budget of requests is spent, the remaining calls are unknown and their errors name the budget."""
    limits = BatchLimits(isolation_requests=5)
    wire.script = [hidden() for _ in range(6)]
    async with wire.session(limits=limits) as session, session.batch() as batch:
        calls = [batch.call("/x/get-echo", {"value": value}) for value in range(16)]
        errors = await batch.invoke(return_exceptions=True)
    assert len(wire.requests) == 6
    assert ["unknown"] * 16 == names(calls)
    assert all("spent its budget of 5 requests and 30 s" in str(error) for error in errors)


async def test_isolation_can_be_switched_off(wire):
    """With a budget of 0 the failure stays with all calls of the request."""
    async with wire.session(limits=BatchLimits(isolation_requests=0)) as session, session.batch() as batch:
        calls = [batch.call("/x/get-echo"), batch.call("/x/get-fail")]
        await batch.invoke(return_exceptions=True)
    assert ["unknown", "unknown"] == names(calls)
    assert len(wire.requests) == 1


async def test_mixed_batch_repeats_reads_only(wire):
    """Reads of a refused mixed batch get their results; its writes ran at most once and are unknown."""
    async with wire.session() as session, session.batch() as batch:
        kinds = ("get-echo", "update-echo", "get-fail", "delete-echo", "get-echo")
        calls = [batch.call(f"/x/{kind}", {"value": value}) for value, kind in enumerate(kinds)]
        await batch.invoke(return_exceptions=True)
    assert ["ok", "unknown", "failed", "unknown", "ok"] == names(calls)
    writes = [path for path, _ in wire.executed if "get" not in path]
    assert ["/x/update-echo"] == writes


async def test_writes_alone_are_attributed(wire):
    """With writes="alone" each write has a request of its own and a known outcome; reads never share it; order is kept."""
    async with wire.session() as session, session.batch(writes="alone") as batch:
        kinds = ("get-echo", "get-echo", "delete-echo", "delete-fail", "get-echo", "update-echo")
        calls = [batch.call(f"/x/{kind}", {"value": value}) for value, kind in enumerate(kinds)]
        assert 5 == len(batch.explain().requests)
        await batch.invoke(return_exceptions=True)
    assert ["ok", "ok", "ok", "failed", "ok", "ok"] == names(calls)
    assert [[f"/x/{kind}" for kind in group] for group in (kinds[:2], *([kind] for kind in kinds[2:]))] == wire.batches


async def test_infer_concludes_from_the_message(wire):
    """on_failure="infer": the named call failed, those before it ran, those after it are sent again; marked as inferred."""
    async with wire.session() as session, session.batch(on_failure="infer") as batch:
        lost = batch.call("/x/add-echo", {"value": 100})
        void = batch.call("/x/delete-echo", {"value": 101}, returns=None)
        read = batch.call("/x/get-echo", {"value": 102})
        bad = batch.call("/x/delete-fail", {"value": 103})
        after = batch.call("/x/delete-echo", {"value": 104})
        worse = batch.call("/x/delete-fail", {"value": 105})
        await batch.invoke(return_exceptions=True)
    assert ["ok", "ok", "ok", "failed", "ok", "failed"] == names([lost, void, read, bad, after, worse])
    assert after.outcome.is_inferred  # the message about the second failure tells that it ran
    assert "its result was lost" in str(lost.exception())
    assert void.result() is None
    assert [True, True, False, True] == [call.outcome.is_inferred for call in (lost, void, read, bad)]
    assert read.result() == 102
    assert worse.outcome.is_inferred
    writes = [value for path, value in wire.executed if "get" not in path]
    assert [100, 101, 103, 104, 105] == writes


@pytest.mark.parametrize("is_true", [True, False])
async def test_infer_asks_a_named_read_again_first(wire, monkeypatch, is_true):
    """When the message names a read, it is asked again: only if it fails once more are writes concluded upon."""
    run = wire._run
    told = httpx.Response(200, json={"exception": "x.NoSuchEntryException", "message": "no entry 101"})
    monkeypatch.setattr(wire, "_run", lambda sent: told if "exception" in (answer := run(sent)).text else answer)
    async with wire.session() as session, session.batch(on_failure="infer") as batch:
        kinds = ("add-echo", "get-fail" if is_true else "get-echo", "add-echo" if is_true else "add-fail", "add-echo")
        calls = [batch.call(f"/x/{kind}", {"value": 100 + value}) for value, kind in enumerate(kinds)]
        await batch.invoke(return_exceptions=True)
    if is_true:
        assert ["ok", "failed", "ok", "ok"] == names(calls)
        assert [True, False, False, False] == [call.outcome.is_inferred for call in calls]
    else:
        assert ["unknown", "ok", "unknown", "unknown"] == names(calls)
    writes = [value for path, value in wire.executed if "get" not in path]
    assert len(set(writes)) == len(writes)


async def test_connection_refused_is_retried_for_writes_too(wire):
    """What was not sent may be sent again, whatever it does; the same call object resolves."""
    events = []
    hook = type("Hook", (), {"on_event": lambda _, event: events.append(event)})()
    wire.script = [REFUSED, REFUSED]
    async with wire.session(retry=AT_ONCE, hooks=[hook]) as session:
        call = session.call("/x/update-echo", {"value": 1})
        assert await call == 1
    assert [RetryScheduled(1, 1, 0.0), RetryScheduled(2, 1, 0.0)] == [e for e in events if isinstance(e, RetryScheduled)]


@pytest.mark.parametrize("fault", [CUT, httpx.Response(502), httpx.Response(503), httpx.Response(504)])
async def test_lost_answer_is_retried_for_reads_only(wire, fault):
    """After a request without an answer, or a gateway's error, reads go again; a write may have run and does not."""
    wire.script = [fault]
    async with wire.session(retry=AT_ONCE) as session, session.batch() as batch:
        calls = [batch.call("/x/get-echo", {"value": 1}), batch.call("/x/update-echo"), batch.call("/x/get-echo")]
        later = session.batch()
        calls.append(later.call("/x/update-echo", {"value": 2}))
        await batch.invoke(return_exceptions=True)
        await later.invoke()
    assert ["ok", "unknown", "ok", "ok"] == names(calls)
    assert [
        ["/x/get-echo", "/x/update-echo", "/x/get-echo"],
        ["/x/get-echo", "/x/get-echo"],
        ["/x/update-echo"],
    ] == wire.batches


async def test_idempotent_write_is_retried_and_keeps_doubt(wire):
    """A write declared idempotent goes again; refused the second time it is unknown: the first may have done it."""
    wire.script = [CUT]
    async with wire.session(retry=AT_ONCE) as session:
        assert await session.call("/x/update-echo", {"value": 1}, idempotent=True) == 1
        wire.script = [CUT]
        gone = session.call("/x/delete-fail", {"value": 2}, idempotent=True)
        with pytest.raises(NotFoundError):
            await gone
        wire.script = [CUT, REFUSED, REFUSED]
        doubtful = session.call("/x/update-echo", idempotent=True)
        with pytest.raises(NoAnswerError, match="a request that may have run it has no result"):
            await doubtful
    assert isinstance(gone.outcome, Unknown)
    assert isinstance(doubtful.outcome, Unknown)


async def test_attempts_are_bounded(wire):
    """`attempts` counts the first request too; the last error is raised."""
    wire.answer = REFUSED
    async with wire.session(retry=RetryPolicy(attempts=4, first_delay=0)) as session:
        with pytest.raises(ConnectError) as caught:
            await session.call("/x/get-echo")
    assert len(wire.requests) == 4
    assert (4, "not sent") == (caught.value.request, caught.value.outcome)


async def test_retries_of_a_session_are_capped(wire):
    """A session repeats a share of its requests and no more: a portal that is down is not flooded."""
    wire.answer = REFUSED
    async with wire.session(retry=RetryPolicy(attempts=5, first_delay=0, burst=3, ratio=0)) as session:
        for _ in range(10):
            with contextlib.suppress(ConnectError):
                await session.call("/x/get-echo")
    assert 13 <= len(wire.requests) <= 14  # one may come back with time


async def test_retry_after_is_honoured(wire):
    """The pause is at least what the portal asks for, in seconds or as a date; a pause too long is not waited for."""
    dated = {"Retry-After": "Mon, 23 Nov 2026 10:00:07 GMT", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}
    wire.script = [httpx.Response(429, headers={"Retry-After": "20"}), httpx.Response(503, headers=dated)]
    async with wire.session(retry=AT_ONCE) as session:
        started = anyio.current_time()
        assert await session.call("/x/get-echo", {"value": 1}) == 1
        assert anyio.current_time() - started == pytest.approx(27)
        wire.script = [httpx.Response(429, headers={"Retry-After": "3600"})]
        with pytest.raises(ProtocolError, match="try again after 3600"):
            await session.call("/x/update-echo")
        wire.script = [httpx.Response(429, headers={"Retry-After": "20"})]
        hurried = session.call("/x/update-echo", timeout=10)
        with pytest.raises(ProtocolError):
            await hurried
        assert anyio.current_time() - started == pytest.approx(27)
        assert isinstance(hurried.outcome, NotRun)


test_retry_after_is_honoured = under_virtual_time(test_retry_after_is_honoured)


async def test_timed_out_read_is_not_repeated_unless_asked(wire):
    """A portal works on after its client has gone: a read that timed out is repeated only with timed_out_reads=True."""
    gate = wire.hold()
    async with wire.session(timeout=5, retry=AT_ONCE) as session:
        with pytest.raises(NoAnswerError) as caught:
            await session.call("/x/get-echo")
        assert caught.value.is_timeout
        assert len(wire.requests) == 1
    async with wire.session(timeout=5, retry=RetryPolicy(first_delay=0, timed_out_reads=True)) as session:
        call = session.call("/x/get-echo", {"value": 1})
        await anyio.sleep(7)
        gate.set()
        assert await call == 1
    assert len(wire.requests) == 3


test_timed_out_read_is_not_repeated_unless_asked = under_virtual_time(test_timed_out_read_is_not_repeated_unless_asked)


async def test_deadline_ends_every_call_of_the_batch(wire):
    """deadline= bounds a batch as a whole: what is under way is unknown, what waits is not sent and never will be."""
    wire.hold()
    async with wire.session() as session:
        batch = session.batch(deadline=4, limits=BatchLimits(max_calls=1))
        calls = [batch.call("/x/update-echo"), batch.call("/x/update-echo")]
        started = anyio.current_time()
        await batch.invoke(return_exceptions=True)
        assert anyio.current_time() - started == pytest.approx(4)
    assert ["unknown", "not sent"] == names(calls)
    assert len(wire.requests) == 1


test_deadline_ends_every_call_of_the_batch = under_virtual_time(test_deadline_ends_every_call_of_the_batch)


async def test_call_that_is_out_of_time_is_never_sent(wire):
    """The clock of timeout= runs from the call on; expired in the queue or in a pause, a call is not sent."""
    async with wire.session(retry=RetryPolicy(first_delay=8)) as session, session.batch() as batch:
        late = batch.call("/x/update-echo", timeout=3)
        kept = batch.call("/x/get-echo", {"value": 1})
        await anyio.sleep(4)
        await batch.invoke(return_exceptions=True)
        assert ["not sent", "ok"] == names([late, kept])
        assert "its time ran out (3 s) before it was sent" in str(late.exception())
        wire.script = [httpx.Response(429, headers={"Retry-After": "5"})]
        waiting = [batch.call("/x/update-echo", timeout=2), batch.call("/x/update-echo", {"value": 2})]
        with pytest.raises(NotSentError):
            await waiting[0]
        await batch.invoke(return_exceptions=True)
        assert await waiting[1] == 2
    assert [["/x/get-echo"], ["/x/update-echo", "/x/update-echo"], ["/x/update-echo"]] == wire.batches


test_call_that_is_out_of_time_is_never_sent = under_virtual_time(test_call_that_is_out_of_time_is_never_sent)


async def test_batch_is_split_by_count_and_bytes(wire):
    """A batch larger than its limits takes several requests; a call that is too large goes alone; order is kept."""
    async with wire.session(limits=BatchLimits(max_calls=3, max_bytes=200)) as session, session.batch() as batch:
        calls = [batch.call("/x/update-echo", {"value": value}) for value in (1, 2, 3, 4, "x" * 300, 5)]
        assert [1, 2, 3, 4, "x" * 300, 5] == await batch.invoke()
    assert [3, 1, 1, 1] == [len(request) for request in wire.batches]
    assert all(len(request.content) <= 200 for request in wire.requests if b"xxx" not in request.content)
    assert ["ok"] * 6 == names(calls)


async def test_reads_go_in_parallel_writes_in_order(wire):
    """Chunks of reads share up to max_parallel connections; a chunk with a write has none beside it."""
    wire.steps = 5
    async with wire.session(limits=BatchLimits(max_calls=2, max_parallel=3)) as session:
        async with session.batch() as batch:
            for value in range(20):
                batch.call("/x/get-echo", {"value": value})
        assert wire.most_busy == 3
        wire.most_busy = 0
        async with session.batch() as batch:
            for value in range(20):
                batch.call("/x/update-echo", {"value": value})
        assert wire.most_busy == 1
    assert list(range(20)) == [value for path, value in wire.executed if "update" in path]


async def test_413_teaches_a_smaller_limit(wire, monkeypatch):
    """A request that is too large is sent again in parts, writes too, because it was not run; the session remembers."""
    run = wire._run
    limit = 400
    monkeypatch.setattr(
        wire, "_run", lambda sent: httpx.Response(413) if len(wire.requests[-1].content) > limit else run(sent)
    )
    async with wire.session() as session:
        for _ in range(2):
            async with session.batch() as batch:
                for value in range(40):
                    batch.call("/x/update-echo", {"value": value})
        refused = [request for request in wire.requests if len(request.content) > limit]
        assert len(refused) <= 3  # all of the first batch
        alone = session.call("/x/update-echo", {"value": "x" * limit})
        with pytest.raises(ProtocolError, match="send less in one call"):
            await alone
    assert isinstance(alone.outcome, NotRun)
    assert list(range(40)) * 2 == [value for _, value in wire.executed]


async def test_batch_keeps_its_order_after_a_lost_write(wire):
    """After a request with a write that has no answer, what comes later in the batch is not sent; `remaining` has it."""
    wire.script = [CUT]
    async with wire.session(limits=BatchLimits(max_calls=2)) as session:
        batch = session.batch()
        calls = [batch.call("/x/update-echo", {"value": value}) for value in range(5)]
        with pytest.raises(BatchError) as caught:
            await batch.invoke()
        assert ["unknown"] * 2 + ["not sent"] * 3 == names(calls)
        assert "a batch keeps its order" in str(calls[2].exception())
        rest = caught.value.remaining()
        assert 3 == len(rest)
        assert rest is caught.value.remaining()
        assert [2, 3, 4] == await rest.invoke()
    assert [2, 3, 4] == [call.result() for call in calls[2:]]


async def test_remaining_works_with_except_star(wire):
    """Parts of a BatchError have a `remaining` of their own; what failed or depends on it is not in it."""
    wire.script = [REFUSED]
    async with wire.session() as session:
        batch = session.batch()
        first = batch.call("/x/get-echo", {"value": {"id": 1}})
        second = batch.call("/x/get-echo", {"value": first["id"]})
        batch.call("/x/get-echo").cancel()
        bad = session.batch()
        parent = bad.call("/x/delete-fail")
        child = bad.call("/x/delete-echo", {"value": parent["id"]})
        try:
            await batch.invoke()
        except* NotSentError as group:
            async with group.remaining() as again:
                assert 2 == len(again)
        assert 1 == await second
        with pytest.raises(BatchError) as caught:
            await bad.invoke()
        assert isinstance(child.outcome, NotSent)
        assert 0 == len(caught.value.remaining())
        bad.call("/x/delete-fail")
        with pytest.raises(BatchError) as caught:
            await bad.invoke()
    with pytest.raises(ClosedError, match="send the rest before it ends"):
        caught.value.remaining()
    with pytest.raises(LiferayError, match="comes from no batch"):
        BatchError("made up", [ValueError()]).remaining()


async def test_error_tells_its_place(wire):
    """Each member carries command, position, line, request, status, seconds and outcome, and shows them as a note."""
    async with wire.session() as session:
        batch = session.batch()
        batch.call("/x/update-echo")
        call = batch.call("/x/delete-fail", {"value": "secret"})
        errors = await batch.invoke(return_exceptions=True)
    error = errors[1]
    assert ("/x/delete-fail", 1, 1, 200, "unknown") == (
        error.command.path, error.position, error.request, error.status, error.outcome,
    )  # fmt: skip
    assert call.site == error.site
    assert __file__ == error.site[0]
    assert error.elapsed > 0
    (note,) = error.__notes__
    assert f"call 1 of its batch, made at {__file__}:{error.site[1]}; request 1, status 200" in note
    assert note.endswith("outcome: unknown")
    assert "secret" not in f"{error.command!r}{note}"


class Renewing:
    """A flow that asks for a new token when the portal does not know it."""

    def __init__(self):
        self.token = "old"

    def flow(self, request):
        answer = yield request.with_header("Authorization", f"Bearer {self.token}")
        if answer.is_unauthenticated:
            fresh = yield Request("GET", "http://portal.test/token")
            self.token = fresh.body.decode()
            yield request.with_header("Authorization", f"Bearer {self.token}")


class Gate(httpx.AsyncBaseTransport):
    """A portal behind a gate: `refusal` is what a stranger gets."""

    def __init__(self, wire, refusal):
        self.wire = wire
        self.refusal = refusal
        self.asked = 0
        self.held = anyio.Event()

    async def handle_async_request(self, request):
        if request.url.path == "/token":
            self.asked += 1
            if self.asked > 1:
                await self.held.wait()
            return httpx.Response(200, text="new")
        if request.headers["authorization"] != "Bearer new":
            return self.refusal
        return await self.wire.handle_async_request(request)


def _stranger():
    told = {"exception": "java.lang.SecurityException", "message": "Authenticated access required"}
    return httpx.Response(200, json=told)


@pytest.mark.parametrize("refusal", [httpx.Response(401), _stranger()], ids=["401", "gate"])
async def test_credentials_are_renewed_once(wire, refusal):
    """401 or the gate's refusal: the flow renews, and the same request goes again, writes too, because nothing ran."""
    from aioliferay import Session  # noqa: PLC0415 - only here

    client = httpx.AsyncClient(transport=Gate(wire, refusal))
    async with Session("http://portal.test", http=client, auth=Renewing()) as session, session.batch() as batch:
        batch.call("/x/update-echo", {"value": 1})
        batch.call("/x/get-echo", {"value": 2})
        assert [1, 2] == await batch.invoke()
    assert 1 == len(wire.requests)


async def test_other_security_errors_are_not_repeated(wire):
    """A plugin's service may be open to guests, and have run: a write beside it is not sent again by a guess."""
    from aioliferay import Session  # noqa: PLC0415 - only here

    client = httpx.AsyncClient(transport=Gate(wire, _stranger()))
    auth = Renewing()
    async with Session("http://portal.test", http=client, auth=auth) as session:
        batch = session.batch()
        calls = [batch.call("/plugin.x/update-echo"), batch.call("/x/update-echo")]
        await batch.invoke(return_exceptions=True)
    assert ["unknown", "unknown"] == names(calls)
    assert all(isinstance(call.exception(), AuthenticationError) for call in calls)
    assert [] == wire.requests


async def test_cancel_while_credentials_are_renewed(wire):
    """What the gate refused did not run: cancelled during the renewal, a write is known not to have been sent."""
    from aioliferay import Session  # noqa: PLC0415 - only here

    gate = Gate(wire, httpx.Response(401))
    gate.asked = 1
    async with Session("http://portal.test", http=httpx.AsyncClient(transport=gate), auth=Renewing()) as session:
        batch = session.batch()
        call = batch.call("/x/update-echo")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(batch.invoke)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert Cancelled(call.exception(), is_sent=False) == call.outcome


@pytest.mark.parametrize("ticks", range(0, 60, 4))
async def test_cancel_during_isolation_settles_every_call(wire, ticks):
    """At whatever tick a cancel hits the search for a failed call: every call ends, no write twice, nothing left behind."""
    wire.steps = 1
    async with wire.session() as session:
        batch = session.batch()
        kinds = ["get-echo"] * 6 + ["get-fail"] + ["update-echo"]
        calls = [batch.call(f"/x/{kind}", {"value": value}) for value, kind in enumerate(kinds)]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_quietly, batch)
            for _ in range(ticks):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert all(call.done() for call in calls)
        assert wire.busy == 0
        assert session._exchange.traffic.runs == []
        for call, kind in zip(calls[:6], kinds, strict=False):
            assert isinstance(call.outcome, Ok | Cancelled), kind
    assert 0 == len([path for path, _ in wire.executed if "update" in path])


async def _quietly(batch):
    await batch.invoke(return_exceptions=True)


async def test_cancel_during_a_pause(wire):
    """Cancelled in a back-off, what was not sent is cancelled unsent, and what may have run says so."""
    wire.script = [REFUSED, CUT]
    async with wire.session(retry=RetryPolicy(first_delay=3600, max_delay=3600)) as session:
        ends = []
        for idempotent in (False, True):
            ends.append(session.call("/x/update-echo", idempotent=idempotent))
            await anyio.wait_all_tasks_blocked()
        session._exchange.traffic.cancel()
        await session._exchange.traffic.join()
    assert Cancelled(ends[0].exception(), is_sent=False) == ends[0].outcome
    assert isinstance(ends[1].outcome, Unknown)


async def test_refused_error_keeps_its_text_where_isolation_cannot_help(wire):
    """Writes that shared a refused request say that the portal does not name the one that failed."""
    async with wire.session() as session, session.batch() as batch:
        batch.call("/x/update-echo")
        batch.call("/x/update-fail")
        errors = await batch.invoke(return_exceptions=True)
    assert all(isinstance(error, ServerError) for error in errors)
    assert all("the batch of 2 calls and does not say which one failed" in str(error) for error in errors)
