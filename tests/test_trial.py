"""Passwords and tokens that a session has for good: wrong ones are tried once, right ones cost nothing."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext

import anyio
import httpx
import pytest

from aioliferay import (
    AuthenticationError,
    BatchLimits,
    BearerAuth,
    NoAnswerError,
    NoSuchServiceError,
    NotSentError,
    Session,
    _trial,
)
from aioliferay._core.messages import Answer
from aioliferay._trial import Trial, trial_of
from aioliferay.auth import BasicAuth
from aioliferay.testing import FakePortal, JavaError

pytestmark = pytest.mark.anyio
_JOE = ("joe@liferay.com", "joe")
_WRONG = ("joe@liferay.com", "wrong")
_BUILD = "/portal/get-build-number"
every_version = pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch):
    """Let a first answer take as long as it may on a busy computer."""
    monkeypatch.setattr(_trial, "_AHEAD_SECONDS", 3600.0)


def _paths(portal):
    return [[next(iter(each)) for each in json.loads(request.body)] for request in portal.requests]


@every_version
@pytest.mark.parametrize(
    "options",
    [
        {"auth": _WRONG},
        {"headers": {"Authorization": "Basic am9lOndyb25n"}},
        {"auth": httpx.BasicAuth(*_WRONG)},
        {"http": {"auth": _WRONG}},
    ],
)
async def test_a_wrong_password_is_tried_once(version, options):
    """A hundred concurrent calls with a wrong password try it once; calls after them do not try it again."""
    portal = FakePortal(version)
    client = httpx.AsyncClient(**options.get("http", {}))
    with portal.serve() as url:
        async with client, Session(url, **{**options, "http": client}) as session:
            calls = [session.call("/user/get-current-user") for _ in range(100)]
            for call in calls:
                with pytest.raises(AuthenticationError):
                    await call
            with pytest.raises(AuthenticationError, match="was not asked again: it may lock an account") as caught:
                await session.call("/user/get-current-user")
            upload = session.upload("/dlapp/add-file-entry", files={"file": b"x"})
            with pytest.raises(AuthenticationError, match="was not asked again"):
                await upload
    assert 1 == len(portal.requests)
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert {"not run": 1, "not sent": 99} == Counter(call.outcome.name for call in calls)
    assert "not sent" == upload.outcome.name


async def test_a_wrong_password_and_a_batch_of_many_requests():
    """A batch that is too large for one request tries a wrong password once."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_WRONG, limits=BatchLimits(max_calls=3)) as session:
            batch = session.batch()
            calls = [batch.call("/user/get-user-by-id", {"userId": number}) for number in range(30)]
            await batch.invoke(return_exceptions=True)
    assert 1 == len(portal.requests)
    assert {AuthenticationError} == {type(call.exception()) for call in calls}


@pytest.mark.parametrize("auth", [_WRONG, BearerAuth("wrong")])
@pytest.mark.parametrize(("verb", "options"), [("get", {}), ("add", {"on_failure": "infer"})])
async def test_a_wrong_password_is_not_searched_with(auth, verb, options):
    """6.2 says first that there is no such service: before many requests follow from that, one call looks who is known."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=auth) as session:
            batch = session.batch(**options)
            calls = [batch.call(f"/x-portlet.thing/{verb}-{number}") for number in range(64)]
            await batch.invoke(return_exceptions=True)
    assert 2 == len(portal.requests)
    assert [_BUILD] == _paths(portal)[1]
    for call in calls:
        with pytest.raises(AuthenticationError, match=f"{call.path} was refused: Authenticated access required") as caught:
            call.result()
        assert isinstance(caught.value.__cause__, NoSuchServiceError)
        assert "unknown" == call.outcome.name


async def test_a_wrong_password_and_single_calls():
    """A single call that guests get the same answer to is left at that; after a second one we look who is known."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_WRONG) as session:
            batch = session.batch(writes="alone")
            calls = [batch.call(f"/x-portlet.thing/add-{number}") for number in range(64)]
            await batch.invoke(return_exceptions=True)
    assert 3 == len(portal.requests)
    kinds = [type(call.exception()) for call in calls]
    assert [NoSuchServiceError, AuthenticationError, *[NotSentError] * 62] == kinds
    assert ["failed", "failed", "not sent"] == [call.outcome.name for call in calls[:3]]


@pytest.mark.parametrize("known", [True, False])
async def test_a_right_password_is_searched_with(known):
    """Who is known to the portal costs one call more for a session, before its first search, or none if that is known."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_JOE) as session:
            if known:
                await session.call("/user/get-current-user")
            for _ in range(2):
                batch = session.batch()
                calls = [batch.call(f"/x-portlet.thing/get-{number}") for number in range(8)]
                await batch.invoke(return_exceptions=True)
                assert {NoSuchServiceError} == {type(call.exception()) for call in calls}
    assert (0 if known else 1) == _paths(portal).count([_BUILD])
    assert 2 * 15 + 1 == len(portal.requests)


@pytest.mark.parametrize(("path", "more"), [("/thing/get-thing", 0), ("/x-portlet.thing/get-thing", 1)])
async def test_what_a_service_says_shows_who_is_known(path, more):
    """What a service of 6.2's core raises shows that it ran for a user; a plugin's may be open to guests."""
    portal = FakePortal()

    @portal.service(path)
    def get_thing(thing_id: int) -> int:
        """Find nothing."""
        raise JavaError("com.liferay.portal.NoSuchThingException", f"no thing {thing_id}")

    with portal.serve() as url:
        async with Session(url, auth=_JOE) as session:
            batch = session.batch()
            for number in range(2):
                batch.call(path, {"thingId": number})
            await batch.invoke(return_exceptions=True)
    assert 3 + more == len(portal.requests)


@pytest.mark.parametrize("mishap", [{"status": 503}, {"drop": "after"}, {"status": 403, "body": "no"}])
async def test_who_cannot_be_looked_up(mishap):
    """Where the portal does not say who is known, the search goes on as if all were well."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_JOE) as session:
            portal.misbehave(body='{"exception": "x.Y", "message": "boom"}')
            portal.misbehave(**mishap)
            batch = session.batch()
            calls = [batch.call(_BUILD) for _ in range(2)]
            await batch.invoke()
    assert ["ok", "ok"] == [call.outcome.name for call in calls]
    assert 4 == len(portal.requests)


async def test_batches_share_one_look():
    """Batches that are refused at the same time have one call for all of them that looks who is known."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=_JOE) as session, anyio.create_task_group() as group:
            for number in range(5):
                batch = session.batch()
                for place in range(2):
                    batch.call(f"/x-portlet.thing/get-{number}-{place}")
                group.start_soon(_quietly, batch)
    assert 1 == _paths(portal).count([_BUILD])


async def _quietly(batch):
    await batch.invoke(return_exceptions=True)


async def test_flows_of_the_users_own_are_left_alone():
    """A flow may know more than we do: each of its requests goes out, whatever the portal said to the one before."""
    portal = FakePortal("7.4")

    class Own(BasicAuth):
        def flow(self, request):
            yield from super().flow(request)

    with portal.serve() as url:
        async with Session(url, auth=Own(*_WRONG)) as session:
            for _ in range(3):
                with pytest.raises(AuthenticationError, match="the portal asks for credentials"):
                    await session.call("/user/get-current-user")
    assert 3 == len(portal.requests)


@pytest.mark.parametrize(
    ("auth", "headers", "is_password"),
    [
        (None, {}, None),
        (None, {"X-Key": "k"}, None),
        (None, {"authorization": "BASIC dTpw"}, True),
        (None, {"Authorization": "Bearer t"}, False),
        (BasicAuth("u", "p"), {"Authorization": "Bearer t"}, True),
        (BearerAuth("t"), {}, False),
        (httpx.BasicAuth("u", "p"), {}, True),
        (httpx.DigestAuth("u", "p"), {}, None),
    ],
)
def test_what_is_tried(auth, headers, is_password):
    """Passwords and tokens are tried, in whatever way they are given; what changes by itself is not."""
    trial = trial_of(auth, headers)
    assert is_password == (None if trial is None else trial._is_password)


REFUSED, DONE, ODD = Answer(401), Answer(200, {}, b"[1]"), Answer(200, {}, b'{"exception": "x.Y", "message": "no"}')


def _sender(answer, gone=None, until=None):
    """Return a function that sends: it notes that it did in `gone`, waits for `until`, and gives the answer."""

    async def send(waited):
        if gone is not None:
            gone.append(waited)
        if until is not None:
            await until.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send


async def _sent(trial, answer):
    """Send a request; return whether it went out."""
    gone = []
    try:
        await trial.send(_sender(answer, gone))
    except AuthenticationError:
        assert not gone
    return bool(gone)


@pytest.mark.parametrize("answer", [DONE, ODD, REFUSED, NoAnswerError("cut")])
async def test_one_goes_ahead(answer):
    """Until a first request has ended, others wait; then they go, unless it was refused."""
    trial, gone, until = Trial(is_password=True), [], anyio.Event()
    with pytest.raises(ExceptionGroup) if isinstance(answer, Exception) else nullcontext():
        async with anyio.create_task_group() as group:
            group.start_soon(trial.send, _sender(answer, gone, until))
            await anyio.wait_all_tasks_blocked()
            for _ in range(5):
                group.start_soon(_sent, trial, DONE)
            await anyio.wait_all_tasks_blocked()
            assert [0.0] == gone
            until.set()
    assert (answer is not REFUSED) == await _sent(trial, DONE)


async def test_a_slow_one_does_not_hold_up_others(monkeypatch):
    """Who has waited for a while goes without an answer to the first, and from then on all do; the wait counts."""
    monkeypatch.setattr(_trial, "_AHEAD_SECONDS", 0.01)
    trial, gone, until = Trial(is_password=True), [], anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(trial.send, _sender(DONE, [], until))
        await anyio.wait_all_tasks_blocked()
        await trial.send(_sender(DONE, gone))
        await trial.send(_sender(DONE, gone))
        assert gone[0] > gone[1] == 0.0
        until.set()


async def test_who_has_little_time_waits_for_half_of_it():
    """A request with a short limit keeps half of it for itself."""
    trial, gone, until = Trial(is_password=True), [], anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(trial.send, _sender(DONE, [], until))
        await anyio.wait_all_tasks_blocked()
        await trial.send(_sender(DONE, gone), 0.02)
        until.set()
    assert 1 == len(gone)


async def test_who_gives_up_lets_others_go():
    """A first request that is cancelled tells nothing: the others wait no longer."""
    trial, gone, done = Trial(is_password=True), [], anyio.Event()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as first:
                first.start_soon(trial.send, _sender(DONE, [], anyio.Event()))
                await anyio.wait_all_tasks_blocked()
                group.start_soon(_then, done, trial.send, _sender(DONE, gone))
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        await done.wait()
    assert 1 == len(gone)


async def _then(done, function, *arguments):
    await function(*arguments)
    done.set()


async def test_tokens_do_not_wait():
    """Nobody is locked out for a wrong token: no request goes ahead. But what was refused is not shown again at once."""
    trial, until = Trial(is_password=False), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(trial.send, _sender(REFUSED, [], until))
        await anyio.wait_all_tasks_blocked()
        assert await _sent(trial, ODD)
        until.set()
    assert not await _sent(trial, DONE)


async def test_a_refusal_is_kept_for_a_minute():
    """What the portal refused it is asked again after a minute: somebody may have put it right meanwhile."""
    trial, now = Trial(is_password=True), 1000.0
    trial.now = lambda: now
    for _ in range(3):
        assert await _sent(trial, REFUSED)
        assert not await _sent(trial, DONE)
        now += 59.9
        assert not await _sent(trial, DONE)
        now += 0.1
    assert await _sent(trial, DONE)
    assert await _sent(trial, DONE)


async def test_what_was_good_may_be_refused_once():
    """A refusal of what the portal has taken before may be an accident; two in a row are not."""
    trial = Trial(is_password=True)
    trial.confirm()
    for _ in range(3):
        assert await _sent(trial, REFUSED)
        assert not trial.is_examined
        trial.confirm()
    for _ in range(2):
        assert await _sent(trial, REFUSED)
    assert not await _sent(trial, DONE)
    trial.confirm()  # by an answer to what was on its way
    assert await _sent(trial, DONE)


async def test_after_an_accident_one_goes_ahead():
    """After a refusal of what was good, one request goes ahead again, and the next of those that wait after it."""
    trial, gone = Trial(is_password=True), []
    trial.confirm()
    await _sent(trial, REFUSED)
    until = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(trial.send, _sender(DONE, gone, until))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(trial.send, _sender(DONE, gone))
        await anyio.wait_all_tasks_blocked()
        assert 1 == len(gone)
        until.set()
    assert 2 == len(gone)


async def test_looking_who_is_known():
    """A look ends with the answer of a call for everybody; it is not made where that is known, or just was refused."""
    asked = []

    def ask(answer):
        async def send():
            asked.append(answer)
            return await _sender(answer)(0.0)

        return send

    trial = Trial(is_password=True)
    assert None is await trial.examine(ask(NoAnswerError("cut")))
    assert None is await trial.examine(ask(DONE))
    assert None is await trial.examine(ask(REFUSED))  # not made
    assert [DONE] == asked[1:]
    trial = Trial(is_password=True)
    for text in ("the portal asks for credentials", "was not asked again"):
        assert text in str(await trial.examine(ask(REFUSED)))
    assert [REFUSED] == asked[2:]
