"""The front door of batches that form by themselves, as a user opens, uses and closes it."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from aioliferay import (
    AutoBatchSession,
    BatchLimits,
    BearerAuth,
    Cancelled,
    ClosedError,
    DependencyError,
    LiferayError,
    NotSent,
    Ok,
    RetryPolicy,
    ServerError,
    Session,
    Unknown,
    _auto_session,
)
from aioliferay._core.catalog import Action, Catalog
from aioliferay.errors import TooManyCallsError
from aioliferay.services import v62
from aioliferay.testing import FakePortal
from auto_parts import HeldWire, nothing_is_left_of, ticks
from jumping import run_jumping

anyio_test = pytest.mark.anyio


class User(BaseModel):
    userId: int  # noqa: N815 - the portal's name


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def session(wire):
    return wire.session()


def read(door, value=1, **options):
    return door.call("/x/get-echo", {"value": value}, **options)


async def burst(door, count):
    """Let as many tasks make and await one call each."""
    results = []

    async def one(number):
        results.append(await door.call("/user/get-user-by-id", {"userId": 20199 if number % 2 else 20514}, returns=User))

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, number)
    assert sorted([20199, 20514] * (count // 2)) == sorted(each.userId for each in results)


# --- as few requests as can be


@anyio_test
async def test_thousand_tasks_are_two_requests():
    """1,000 tasks that each await one call make two requests of 500 calls."""
    portal = FakePortal()
    client = httpx.AsyncClient(transport=portal.transport())
    async with Session(portal.url, auth=("test@liferay.com", "test"), http=client) as session:
        await burst(session.auto(), 1000)
    assert [500, 500] == [len(json.loads(request.body)) for request in portal.requests]


@anyio_test
async def test_thousand_tasks_are_two_requests_over_a_network():
    """The same over a real network, with a session of its own."""
    portal = FakePortal()
    with portal.serve() as url:
        async with AutoBatchSession(url, auth=("test@liferay.com", "test")) as auto:
            await burst(auto, 1000)
            await nothing_is_left_of(auto)
    assert [500, 500] == [len(json.loads(request.body)) for request in portal.requests]


@anyio_test
async def test_plain_session_sends_each_call_by_itself(wire, session):
    """Nothing of this happens without asking for it: a session sends a request for each call."""
    calls = [read(session, value) for value in range(5)]
    assert list(range(5)) == [await call for call in calls]
    assert [1] * 5 == wire.sizes


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("window", [0.002, 0.01])
def test_steady_load_takes_few_requests(backend, window):
    """Tasks that call in a loop share requests all the time, not only in the beginning, whatever is slow."""

    async def play():
        wire = HeldWire()
        dice = random.Random(3)  # noqa: S311 - the same each time

        async def loop():
            for value in range(20):
                assert value == await read(auto, value)
                if dice.randrange(4) == 0:
                    await anyio.sleep(0.001 * dice.random())

        async def slow(request):
            await anyio.sleep(0.003 + 0.002 * dice.random())

        wire.before = slow
        auto = wire.session().auto(window=window)
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(loop)
        await nothing_is_left_of(auto)
        return wire.sizes

    sizes = run_jumping(backend, play)
    assert 2000 == sum(sizes)
    assert len(sizes) <= 100
    assert sum(size for size in sizes if size < 5) < 100


# --- options


@anyio_test
async def test_options_of_automatic_batches(wire, session):
    """Window, pending calls, sharing and all options of a batch can be given; a request has no more calls than `limits=`."""
    auto = session.auto(
        window=0.5, max_pending=7, deduplicate=True, limits=BatchLimits(max_calls=2), retry=RetryPolicy(attempts=1),
        writes="alone", on_failure="infer", dependent="staged", deadline=5,
    )  # fmt: skip
    terms = auto._room.terms
    assert (2, 1, "staged", 5) == (terms.limits.max_calls, terms.retry.attempts, terms.dependent, terms.deadline)
    assert (True, True, True) == (terms.are_writes_alone, terms.is_inferring, terms.are_kinds_apart)
    assert 0.5 == auto._room.window.seconds
    calls = [read(auto, value) for value in (1, 1, 2, 3)]
    assert [1, 1, 2, 3] == [await call for call in calls]
    assert [1, 2] == sorted(wire.sizes)


@anyio_test
async def test_options_of_the_session_by_default(wire):
    """What is not given is as the session has it."""
    limits, retry = BatchLimits(max_calls=400), RetryPolicy(attempts=2)
    auto = wire.session(limits=limits, retry=retry).auto()
    assert (limits, retry) == (auto._room.terms.limits, auto._room.terms.retry)
    assert 0.002 == auto._room.window.seconds
    for value in range(10_000):
        read(auto, value)
    with pytest.raises(TooManyCallsError, match="10000 calls are pending"):
        read(auto)
    await auto.aclose()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"max_pending": 0}, ValueError, "max_pending= takes at least 1, not 0"),
        ({"max_pending": 1.5}, TypeError, "max_pending= takes a number of calls, not float"),
        ({"max_pending": True}, TypeError, "max_pending= takes a number of calls, not bool"),
        ({"window": -1}, ValueError, "a window cannot be -1 seconds"),
        ({"window": float("inf")}, ValueError, "a window cannot be inf seconds"),
        ({"window": float("nan")}, ValueError, "a window cannot be nan seconds"),
        ({"window": "2 ms"}, TypeError, "window= takes a number of seconds, not str"),
        ({"window": None}, TypeError, "window= takes a number of seconds, not NoneType"),
        ({"writes": "never"}, ValueError, "writes= is"),
        ({"colour": "red"}, TypeError, "a batch has no option 'colour'"),
        ({"auth": ("a", "b")}, TypeError, "auth: these belong to the session, which is given already"),
    ],
)
def test_options_that_cannot_be(session, options, error, text):
    """A value that an option cannot have is refused at once, with the name of the option."""
    with pytest.raises(error, match=text):
        session.auto(**options)


# --- too many calls


@anyio_test
async def test_too_many_pending_calls(wire, session):
    """With as many calls pending as allowed, `call` raises and `ready()` waits; ended calls make room."""
    auto = session.auto(max_pending=2)
    await auto.ready()
    calls = [read(auto, 1), read(auto, 2)]
    with pytest.raises(TooManyCallsError, match=r"/x/get-echo: 2 calls are pending already: await ready\(\)") as caught:
        read(auto, 3)
    assert isinstance(caught.value, LiferayError)
    await auto.ready()
    assert [1, 2] == [call.result() for call in calls]
    assert await read(auto, 3) == 3
    await nothing_is_left_of(auto)


@anyio_test
async def test_producers_that_wait_their_turn(wire, session):
    """Any number of tasks may make calls without end: `ready()` lets no more be pending than allowed, and loses nobody."""
    wire.steps = 1
    auto = session.auto(max_pending=10, window=0)
    most = 0

    async def produce(first):
        nonlocal most
        for value in range(first, first + 40):
            await auto.ready()
            call = read(auto, value)
            most = max(most, len(auto))
            call.add_done_callback(lambda call: done.append(call.result()))

    done = []
    async with anyio.create_task_group() as group:
        for first in range(0, 400, 40):
            group.start_soon(produce, first)
    await auto.aclose()
    assert list(range(400)) == sorted(done)
    assert 10 == most
    await nothing_is_left_of(auto)


# --- what it is


@anyio_test
async def test_services_travel_together(wire, session):
    """Services by name and typed services make calls of the automatic batch."""
    auto = session.auto()
    made = [auto.services.user.get_user_by_id(user_id=1), v62.PortalService(auto).get_build_number()]
    made += [read(auto), auto.services.user.get_user_count()]
    await auto.aclose()
    assert [4] == wire.sizes
    assert all(call.done() and (call.exception() or True) for call in made)


@anyio_test
async def test_catalog_tells_reads_and_writes(wire, session):
    """Where the catalog says more than a name, calls go with those of their kind; it refuses what it does not have."""
    session.catalog = Catalog(
        actions=[Action(path=path, method="GET", response="Object") for path in ("/x/search", "/x/get-echo")]
    )
    auto = session.auto()
    assert auto.portal is session.portal
    for path in "/x/search", "/x/get-echo", "/x/update-echo":
        auto.call(path)
    with pytest.raises(AttributeError, match="nonsense"):
        auto.services.nonsense  # noqa: B018 - looking is enough
    await auto.aclose()
    assert sorted([["/x/update-echo"], ["/x/search", "/x/get-echo"]]) == sorted(wire.batches)
    await nothing_is_left_of(auto)


def test_files_do_not_travel_in_batches(session):
    """A file is refused at once, with what to do."""
    auto = session.auto()
    with pytest.raises(
        TypeError, match=r"/dlapp/add-file-entry: a file never travels in a batch: give it to session.upload"
    ):
        auto.upload("/dlapp/add-file-entry", files={"file": b""})


@anyio_test
async def test_text_form_and_size(session):
    """Its text form names the portal, how many calls are pending, and whether it is closed; it is true without calls."""
    auto = session.auto()
    assert (0, True) == (len(auto), bool(auto))
    call = read(auto)
    assert 1 == len(auto)
    assert "<AutoBatchSession http://portal.test 1 pending>" == repr(auto)
    await call
    await auto.aclose()
    assert "<AutoBatchSession http://portal.test 0 pending closed>" == repr(auto)


@anyio_test
async def test_used_from_many_tasks_and_batches(wire, session):
    """Two automatic batches of one session, and one of the block kind, do not mix their calls."""
    one, two = session.auto(), session.auto(deduplicate=True)
    async with session.batch() as batch:
        calls = [read(door, value) for door in (one, two, batch) for value in range(3)]
    assert [0, 1, 2] * 3 == [await call for call in calls]
    assert [3, 3, 3] == wire.sizes
    await nothing_is_left_of(one, two)


# --- for whom


class Unhashable:
    """A way to authenticate that is equal to others, and is no key."""

    __hash__ = None

    def __eq__(self, other):
        return isinstance(other, Unhashable)

    def flow(self, request, /):
        yield request


@anyio_test
async def test_acting_as(wire, session):
    """Calls for equal credentials and headers travel together, others do not; objects of other classes are themselves."""
    auto = session.auto()
    fetch, own = _token, Unhashable()
    ways = [
        (("ann", "a"), {}),
        (("ann", "a"), {"X-A": "1"}),
        (None, {}),
        (BearerAuth(fetch), {}),
        (own, {}),
        (Unhashable(), {}),
    ]
    ways += [(BearerAuth(_UnhashableFunction()), {}) for _ in range(2)]
    calls = [read(auto.acting_as(auth, headers=headers), number) for number, (auth, headers) in enumerate(ways * 2)]
    assert list(range(16)) == [await call for call in calls]
    assert [(number, number + 8) for number in range(8)] == sorted(tuple(wire.values(number)) for number in range(8))
    with pytest.raises(TypeError, match="auth= takes"):
        auto.acting_as("ann:a")
    await nothing_is_left_of(auto)


async def _token():
    return "token"


class _UnhashableFunction:
    __hash__ = None

    async def __call__(self):
        return "token"


@anyio_test
async def test_users_that_are_kept(wire, session, monkeypatch):
    """Of many users those that were used last are kept; calls of the others have their results, too."""
    monkeypatch.setattr(_auto_session, "_MOST_USERS", 3)
    auto = session.auto()
    doors = [auto.acting_as((name, "x")) for name in ("ann", "bob", "cyd", "ann", "dan")]
    calls = [read(door, value) for value, door in enumerate(doors)]
    assert doors[0]._gathering is doors[3]._gathering is auto.acting_as(("ann", "x"))._gathering
    assert doors[1]._gathering is not auto.acting_as(("bob", "x"))._gathering
    assert 3 == len(auto._users)
    await auto.aclose()
    assert list(range(5)) == [call.result() for call in calls]
    await nothing_is_left_of(auto)


@anyio_test
async def test_leaving_the_block_of_a_user(session):
    """It waits for this user's calls, closes nothing, and lets an exception pass without a word to the calls."""
    auto = session.auto()
    async with auto.acting_as(("ann", "a")) as ann:
        call = read(ann)
    assert call.done()
    with pytest.raises(KeyError):
        async with ann:
            call = read(ann, 2)
            raise KeyError
    assert await call == 2
    assert not auto.is_closed


# --- the end


@anyio_test
async def test_block_waits_for_pending_calls(wire, session):
    """Leaving the block waits for what is queued, in flight, or waits for another call, awaited or not; then no more."""
    wire.is_holding = True
    async with anyio.create_task_group() as group:
        async with session.auto(window=0.001, dependent="staged") as auto:
            first = auto.call("/x/get-echo", {"value": {"id": 1}})
            await anyio.wait_all_tasks_blocked()
            calls = [first, read(auto, 2), auto.call("/x/update-echo", {"value": first["id"]})]
            group.start_soon(_let_all, wire)
        assert [{"id": 1}, 2, 1] == [call.result() for call in calls]
    assert auto.is_closed
    assert not session.is_closed
    for refused in (lambda: read(auto), auto.acting_as):
        with pytest.raises(ClosedError, match="the automatic batch is closed: make another one"):
            refused()
    with pytest.raises(ClosedError):
        await auto.__aenter__()
    await auto.aclose()
    await nothing_is_left_of(auto)


async def _let_all(wire):
    await anyio.wait_all_tasks_blocked()
    wire.let_all()


@anyio_test
async def test_closed_session_closes_it(wire, session):
    """With its session it is closed, too."""
    auto = session.auto()
    ann = auto.acting_as(("ann", "a"))
    assert await read(ann) == 1
    await session.aclose()
    for door in auto, ann:
        assert door.is_closed
        with pytest.raises(ClosedError, match="the session is closed"):
            read(door)
    await auto.aclose()


@anyio_test
async def test_leaving_that_is_cancelled(wire, session):
    """Cancelling the wait at the end of the block leaves the calls alone; no more are taken."""
    wire.is_holding = True
    with anyio.CancelScope() as scope:
        async with session.auto() as auto:
            call = read(auto)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    assert auto.is_closed
    wire.let_all()
    assert await call == 1
    await nothing_is_left_of(auto)


@anyio_test
@pytest.mark.parametrize("how", ["leave", "raise", "cancel"])
async def test_session_of_its_own_ends_with_it(how):
    """Made from a URL it has a session of its own, with its options, which is closed with it, however it is left."""
    portal = FakePortal()
    with portal.serve() as url:
        with contextlib.suppress(KeyError), anyio.CancelScope() as scope:
            async with AutoBatchSession(
                url, auth=("test@liferay.com", "test"), headers={"X-App": "blog"}, timeout=9
            ) as auto:
                build = auto.call("/portal/get-build-number")
                ann = auto.acting_as(("joe@liferay.com", "joe")).call("/portal/get-build-number")
                assert (await build, await ann) == (6205, 6205)
                late = auto.call("/portal/get-build-number")
                if how == "raise":
                    raise KeyError
                if how == "cancel":
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
        assert {"blog"} == {request.headers["x-app"] for request in portal.requests}
        assert auto._session.is_closed
        assert auto._session.exchange.invoker.transport._client.is_closed
        assert (how == "leave") == isinstance(late.outcome, Ok)
        assert late.done()
        assert late.cancelled() or late.exception() is None or isinstance(late.outcome, NotSent)
        await nothing_is_left_of(auto)


@anyio_test
async def test_session_of_its_own_is_closed_by_aclose():
    """Without a block, `aclose()` closes the session, too."""
    portal = FakePortal()
    with portal.serve() as url:
        auto = AutoBatchSession(url, auth=("test@liferay.com", "test"))
        call = auto.call("/portal/get-build-number")
        await auto.aclose()
        assert call.result() == 6205
        assert auto._session.is_closed


def test_made_where_no_loop_runs():
    """It may be made before the event loop runs, as an application's modules do."""
    wire = HeldWire()
    auto = wire.session().auto(max_pending=1)
    ann = auto.acting_as(("ann", "a"))

    async def main():
        await auto.ready()
        assert await read(ann, 5) == 5
        await auto.aclose()

    anyio.run(main)


# --- any order of things: what is generated


@dataclass(frozen=True)
class Make:
    """Make a call: of a kind, for a user, that needs another, with a limit of time."""

    kind: str
    user: int = 0
    parent: int | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Do:
    """Do something else: to a call, a waiter or a request, counted from the last one."""

    what: str
    which: int = 0
    seconds: float = 0.0


_KINDS = ["read"] * 4 + ["same"] * 2 + ["write"] * 3 + ["bad read", "bad write"]
_MAKES = st.builds(
    Make, st.sampled_from(_KINDS), st.integers(0, 2), st.none() | st.integers(0, 3), st.sampled_from([None] * 4 + [0.5, 8.0])
)
_WHATS = ["wait", "cancel_a_waiter", "cancel", "cut", "stand_in_line", "let_all", "hold"] + ["answer"] * 3 + ["tick"] * 2
_DOES = st.builds(Do, st.sampled_from(_WHATS), st.integers(0, 3))
_TIMES = st.builds(Do, st.just("advance"), st.just(0), st.sampled_from([0.001, 0.002, 0.6, 9.0]))
_WAYS_OUT = ["leave", "raise", "cancelled leave", "close session"]
_ENDS = st.builds(Do, st.sampled_from(_WAYS_OUT))
_STEPS = st.lists(_MAKES | _MAKES | _DOES | _DOES | _TIMES | _ENDS, min_size=1, max_size=40)
_PATHS = {
    "read": "/x/get-echo", "same": "/x/get-echo", "write": "/x/update-echo",
    "bad read": "/x/get-fail", "bad write": "/x/update-fail",
}  # fmt: skip
_USERS = [None, ("ann", "a"), ("bob", "b")]


@dataclass
class Scene:
    """One session at a time, with an automatic batch for three users, and everything that is done to them."""

    is_sharing: bool
    wire: HeldWire = field(default_factory=HeldWire)
    made: list[tuple[Make, int, Any]] = field(default_factory=list)
    waiters: list[anyio.CancelScope] = field(default_factory=list)
    group: Any = None

    def open(self):
        self.session = self.wire.session(auth=("root", "r"), retry=RetryPolicy(attempts=1))
        self.enter()

    def enter(self):
        limits = BatchLimits(max_calls=3, max_parallel=2)
        self.auto = self.session.auto(limits=limits, max_pending=8, deduplicate=self.is_sharing, dependent="staged")
        self.users = [self.auto if auth is None else self.auto.acting_as(auth) for auth in _USERS]

    def make(self, step):
        number = len(self.made)
        params = {"value": {"id": _id_of(step, number)}}
        parents = [call for make, _, call in self.made if make.user == step.user]
        if step.parent is not None and parents:
            parent = parents[-1 - step.parent % len(parents)]
            if parent.done() or parent.belongs_to(self.users[step.user]._gathering):
                params["after"] = parent["id"]
        try:
            call = self.users[step.user].call(_PATHS[step.kind], params, timeout=step.timeout)
        except TooManyCallsError:
            assert len(self.auto) == 8
        except DependencyError:  # what it needs has failed already
            assert "after" in params
        else:
            self.made.append((step, number, call))

    async def do(self, step):
        """Do a step other than to make a call: what it is called is a method, or another way to the end."""
        if step.what in _WAYS_OUT:
            await self.end(step.what)
        else:
            await getattr(self, step.what)(step)

    def _chosen(self, things, step):
        return [things[-1 - step.which % len(things)]] if things else []

    async def wait(self, step):
        for _, _, call in self._chosen(self.made, step):
            self.waiters.append(anyio.CancelScope())
            self.group.start_soon(_wait, call, self.waiters[-1])

    async def cancel_a_waiter(self, step):
        for scope in self._chosen(self.waiters, step):
            scope.cancel()

    async def cancel(self, step):
        for _, _, call in self._chosen(self.made, step):
            call.cancel()

    async def answer(self, step):
        for gate in self._chosen(self.wire.gates, step):
            gate.set()

    async def cut(self, step):
        self.wire.cut.update(self._chosen(self.wire.gates, step))
        await self.answer(step)

    async def stand_in_line(self, _):
        self.group.start_soon(self.make_when_ready)

    async def let_all(self, _):
        self.wire.let_all()

    async def hold(self, _):
        self.wire.is_holding = True

    async def tick(self, step):
        await ticks(2 * step.which)

    async def advance(self, step):
        await anyio.sleep(step.seconds)

    async def make_when_ready(self):
        auto = self.auto
        await auto.ready()
        with contextlib.suppress(ClosedError):
            auto.call("/x/get-echo", {"value": {"id": -1}})

    async def end(self, how):
        if how == "close session":
            await self.session.aclose()
        elif how == "raise":
            await self.auto.__aexit__(KeyError, KeyError(), None)
        elif how == "cancelled leave":
            with anyio.move_on_after(0.001):
                await self.auto.aclose()
            self.wire.let_all()
            await self.auto.aclose()
        else:
            self.wire.let_all()
            await self.auto.__aexit__(None, None, None)
            assert len(self.auto) == 0
        with pytest.raises(ClosedError):
            self.auto.call("/x/get-echo")
        if how == "raise":
            self.wire.let_all()
            await ticks(100)
        await nothing_is_left_of(self.auto)
        self.judge()
        if how == "close session":
            self.open()
        else:
            self.enter()

    async def play(self, steps):
        self.open()
        async with anyio.create_task_group() as self.group:
            for step in steps:
                if isinstance(step, Make):
                    self.make(step)
                else:
                    await self.do(step)
                self.keeps_limits()
            self.wire.let_all()
            await self.auto.aclose()
            await nothing_is_left_of(self.auto)
        await self.session.aclose()
        self.judge()
        assert all(call.done() for _, _, call in self.made)

    def keeps_limits(self):
        assert self.wire.most_busy <= 2
        assert 0 <= len(self.auto) <= 8

    def judge(self):
        """Each call has an end that agrees with what the portal ran, and no request had two users or two kinds of calls."""
        ran = [value["id"] for _, value in self.wire.executed]
        writes = [value["id"] for path, value in self.wire.executed if "update" in path]
        assert len(writes) == len({*writes})
        for step, number, call in self.made:
            if call.done():
                _judge(step, number, call.outcome, ran)
        user_of = {number: step.user for step, number, _ in self.made}
        free = {number for step, number, _ in self.made if step.parent is None}
        for place, request in enumerate(self.wire.requests):
            numbers = [value["id"] for value in self.wire.values(place)]
            users = {-1 - each if each < 0 else user_of[each] for each in numbers}
            assert [request.headers["authorization"]] == [_AUTHORIZATIONS[user] for user in users]
            assert 1 == len({"update" in path for path in self.wire.batches[place]})
            assert len(numbers) <= 3
            in_order = [number for number in numbers if number in free and "update" in self.wire.batches[place][0]]
            assert sorted(in_order) == in_order


_AUTHORIZATIONS = [httpx.BasicAuth(*pair)._auth_header for pair in (("root", "r"), ("ann", "a"), ("bob", "b"))]


def _id_of(step, number):
    """Return what tells a call from others; reads of the same are told by their user only."""
    return -1 - step.user if step.kind == "same" else number


def _judge(step, number, outcome, ran):
    match outcome:
        case Ok(value):
            assert {"id": _id_of(step, number)} == value
            assert value["id"] in ran
        case NotSent() | Cancelled(is_sent=False) if step.kind != "same":
            assert number not in ran
        case Unknown(error):
            assert isinstance(error, LiferayError)
        case NotSent() | Cancelled():
            pass
        case failed:
            assert isinstance(failed.error, ServerError)
            assert "bad" in step.kind


async def _wait(call, scope):
    with scope:
        try:
            result = await call
        except LiferayError as error:
            assert error is call.exception()  # noqa: PT017 - the error is the call's own
        else:
            assert result is call.result()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=200, deadline=None)
@given(steps=_STEPS, is_sharing=st.booleans())
def test_auto_keeps_its_promises_in_any_order(backend, steps, is_sharing):
    """In whatever order things are done: no call is lost, doubled, mixed up or left, and nothing else is left either."""
    run_jumping(backend, Scene(is_sharing).play, steps)
