"""No request ever carries two identities: who calls, in which company, in which language."""

from __future__ import annotations

import gc
import json
import random
import weakref

import anyio
import anyio.lowlevel
import httpx
import pytest

from aioliferay import (
    AutoBatchSession,
    BasicAuth,
    BatchLimits,
    BearerAuth,
    ClosedError,
    LiferayError,
    RetryPolicy,
    Session,
    SignIn,
)
from aioliferay.auth import ForwardedCookies
from aioliferay.testing import FakePortal
from aioliferay.testing._server import serve
from auto_parts import HeldWire, nothing_is_left_of

anyio_test = pytest.mark.anyio
TOLD = ("authorization", "cookie", "x-csrf-token", "accept-language", "x-time-zone", "host", "x-who")
USERS = 50


class Recorder:
    """An ASGI application that writes down what each request tells of who calls, and which users' calls are in it."""

    def __init__(self, dice):
        self.seen = []
        self._dice = dice

    def session(self):
        """Return a session over a client that has credentials of its own."""
        transport = httpx.ASGITransport(self)
        client = httpx.AsyncClient(
            transport=transport, auth=("root", "secret"), cookies={"A": "root"}, headers={"Cookie": "b"}
        )
        return Session("http://portal.test", http=client)

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        body, is_over = b"", False
        while not is_over:
            message = await receive()
            body += message["body"]
            is_over = not message.get("more_body")
        headers = {}
        for name, value in scope["headers"]:
            assert name not in headers or name == b"accept"
            headers[name.decode()] = value.decode()
        statements = [params for statement in json.loads(body) for params in statement.values()]
        self.seen.append(({name: headers.get(name) for name in TOLD}, {params["user"] for params in statements}))
        for _ in range(self._dice.randrange(8)):
            await anyio.lowlevel.checkpoint()
        answer = json.dumps([params["user"] for params in statements]).encode()
        kind = [(b"content-type", b"application/json"), (b"set-cookie", b"JSESSIONID=%d; Path=/" % len(self.seen))]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": answer})


class Header:
    """A way to authenticate of the tests' own: a header. Equal to every other, and so is its hash."""

    def __init__(self, who):
        self.who = who

    def flow(self, request, /):
        yield request.with_header("X-Who", self.who)

    def __eq__(self, other):
        return isinstance(other, Header)

    def __hash__(self):
        return 1


class Unhashable(Header):
    __hash__ = None


class OnBehalf(BasicAuth):
    """One technical user's password, on behalf of another: equal to its likes, as they are to their parent's objects."""

    def __init__(self, who):
        super().__init__("technical", "secret")
        self._who = who

    def flow(self, request, /):
        for signed in super().flow(request):
            yield signed.with_header("X-Who", self._who)


def fetcher(token):
    async def fetch():
        await anyio.lowlevel.checkpoint()
        return token

    return fetch


def basic(user):
    return httpx.BasicAuth(user, "secret")._auth_header


# What `acting_as` is given for a user, and what is to be seen of that at the portal. The objects of some are made once.
KINDS = {
    "pair": (lambda who: ((who, "secret"), {}), lambda who: {"authorization": basic(who)}),
    "basic": (lambda who: (BasicAuth(who, "secret"), {}), lambda who: {"authorization": basic(who)}),
    "bearer": (lambda who: (BearerAuth(who), {}), lambda who: {"authorization": f"Bearer {who}"}),
    "fetched": (lambda who: (BearerAuth(fetcher(who)), {}), lambda who: {"authorization": f"Bearer {who}"}),
    "httpx": (lambda who: (httpx.BasicAuth(who, "secret"), {}), lambda who: {"authorization": basic(who)}),
    "header": (lambda who: (Header(who), {}), lambda who: {"x-who": who}),
    "unhashable": (lambda who: (Unhashable(who), {}), lambda who: {"x-who": who}),
    "heir": (lambda who: (OnBehalf(who), {}), lambda who: {"authorization": basic("technical"), "x-who": who}),
    "authorization": (
        lambda who: (None, {"Authorization": f"Bearer {who}"}), lambda who: {"authorization": f"Bearer {who}"}
    ),
    "cookie": (
        lambda who: (None, {"Cookie": f"JSESSIONID={who}", "X-CSRF-Token": who}),
        lambda who: {"cookie": f"JSESSIONID={who}", "x-csrf-token": who},
    ),
    "language": (lambda who: (("ann", "secret"), {"Accept-Language": who}),
                 lambda who: {"authorization": basic("ann"), "accept-language": who}),
    "time zone": (lambda who: (("ann", "secret"), {"X-Time-Zone": who}),
                  lambda who: {"authorization": basic("ann"), "x-time-zone": who}),
    "company": (lambda who: (("ann", "secret"), {"Host": f"{who}.test"}),
                lambda who: {"authorization": basic("ann"), "host": f"{who}.test"}),
}  # fmt: skip


class Crowd:
    """Fifty users of one process, and what the portal has to see of each."""

    def __init__(self, host):
        self.ways, self.expected = [], []
        for number in range(USERS):
            given, told = [*KINDS.values()][number % len(KINDS)]
            self.ways.append(given(f"user{number}"))
            self.expected.append({**dict.fromkeys(TOLD), "host": host, **told(f"user{number}")})

    async def work(self, number, root, dice):
        """Do what one request to a server does: act as the user, and call in one of many ways."""
        auth, headers = self.ways[number]
        door = root.acting_as(auth, headers=headers)
        for _ in range(3):
            verb = dice.choice(["get", "get", "update"])
            made = [door.call(f"/x/{verb}-user", {"user": number}) for _ in range(dice.randrange(1, 4))]
            if dice.randrange(4) == 0:
                made[0].cancel()
            for call in made:
                with pytest.raises(LiferayError) if call.cancelled() else _nothing():
                    assert number == await call

    def judge(self, seen):
        """No request had calls of two users, and each showed what its user has to show, no more and no less."""
        assert {number for _, users in seen for number in users} == set(range(USERS))
        for told, users in seen:
            (number,) = users
            assert self.expected[number] == told


class _nothing:  # noqa: N801 - a context that does nothing, as contextlib's
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


async def crowded(crowd, root, dice, *, repeats):
    async with anyio.create_task_group() as group:
        for number in [*range(USERS)] * repeats:
            group.start_soon(crowd.work, number, root, dice)
            if dice.randrange(3) == 0:
                await anyio.lowlevel.checkpoint()


@anyio_test
@pytest.mark.parametrize("options", [{}, {"deduplicate": True}, {"window": 0, "limits": BatchLimits(max_parallel=1)}])
async def test_fifty_users_in_one_process(options):
    """Hundreds of interleaved calls of 50 users: no request carries two users, languages, time zones or companies."""
    dice = random.Random(len(str(options)))  # noqa: S311 - the same each time
    recorder = Recorder(dice)
    async with recorder.session() as session, session.auto(**options) as root:
        crowd = Crowd("portal.test")
        await crowded(crowd, root, dice, repeats=6)
        await nothing_is_left_of(root)
    crowd.judge(recorder.seen)
    assert len(recorder.seen) < 6 * USERS * 3


@anyio_test
async def test_fifty_users_without_batches():
    """The same with a session that each time acts as another."""
    dice = random.Random(5)  # noqa: S311 - as above
    recorder = Recorder(dice)
    async with recorder.session() as session:
        crowd = Crowd("portal.test")
        await crowded(crowd, session, dice, repeats=2)
    crowd.judge(recorder.seen)


@anyio_test
async def test_fifty_users_over_a_network():
    """The same over a real network, on connections that all of them share."""
    dice = random.Random(7)  # noqa: S311 - as above
    recorder = Recorder(dice)
    with serve(recorder, host="127.0.0.1", port=0) as url:
        crowd = Crowd(url.removeprefix("http://"))
        async with AutoBatchSession(url, auth=("root", "secret")) as root:
            await crowded(crowd, root, dice, repeats=3)
    crowd.judge(recorder.seen)


# --- which identities are equal


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def auto(wire):
    return wire.session(auth=("root", "r"), headers={"X-App": "blog"}).auto()


def read(door, value=1, **options):
    return door.call("/x/get-echo", {"value": value}, **options)


ASYNC_FUNCTION, OBJECT = fetcher("token"), Header("ann")
COOKIES = {"JSESSIONID": "a", "GUEST": "b"}
EQUAL = {
    "pair": (lambda: ("ann", "a"), {}),
    "basic": (lambda: BasicAuth("ann", "a"), {}),
    "bearer": (lambda: BearerAuth("token"), {}),
    "function": (lambda: BearerAuth(ASYNC_FUNCTION), {}),
    "own object": (lambda: OBJECT, {}),
    "guest": (lambda: None, {}),
    "language": (lambda: ("ann", "a"), {"headers": {"Accept-Language": "de"}}),
}


@anyio_test
@pytest.mark.parametrize("name", EQUAL)
async def test_equal_identities_travel_together(wire, auto, name):
    """Calls of equal credentials and headers share a request, also through objects that were made apart."""
    make, options = EQUAL[name]
    calls = [read(auto.acting_as(make(), **options), value) for value in range(5)]
    assert [0, 1, 2, 3, 4] == [await call for call in calls]
    assert [5] == wire.sizes
    await nothing_is_left_of(auto)


@anyio_test
async def test_pair_is_basic_authentication(wire, auto):
    """A pair of user and password is the same as a `BasicAuth` of them; the names of headers have no case."""
    calls = [
        read(auto.acting_as(("ann", "a"), headers={"X-A": "1"})),
        read(auto.acting_as(BasicAuth("ann", "a"), headers={"x-a": "1"})),
    ]
    assert [1, 1] == [await call for call in calls]
    assert [2] == wire.sizes
    assert auto.acting_as(ForwardedCookies(COOKIES))._gathering is auto.acting_as(ForwardedCookies(COOKIES))._gathering
    assert auto.acting_as(SignIn("a", "b"))._gathering is auto.acting_as(SignIn("a", "b"))._gathering


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((("ann", "a"), {}), (("ann", "b"), {})),
        ((("ann", "a"), {}), (("bob", "a"), {})),
        ((("ann", "a"), {}), (None, {})),
        ((BearerAuth("a"), {}), (BearerAuth("b"), {})),
        ((BearerAuth(fetcher("a")), {}), (BearerAuth(fetcher("a")), {})),
        ((BearerAuth("a"), {}), (None, {"Authorization": "Bearer a"})),
        ((SignIn("ann", "a"), {}), (SignIn("ann", "b"), {})),
        ((SignIn("ann", "a"), {}), (("ann", "a"), {})),
        ((SignIn("ann", "a"), {}), (SignIn("ann", "a", idle_seconds=1), {})),
        ((ForwardedCookies(COOKIES), {}), (ForwardedCookies({"JSESSIONID": "b"}), {})),
        ((httpx.BasicAuth("ann", "a"), {}), (httpx.BasicAuth("ann", "a"), {})),
        ((Header("ann"), {}), (Header("bob"), {})),
        ((Unhashable("ann"), {}), (Unhashable("bob"), {})),
        ((OnBehalf("ann"), {}), (OnBehalf("bob"), {})),
        ((BasicAuth("technical", "secret"), {}), (OnBehalf("bob"), {})),
        ((None, {"Accept-Language": "de"}), (None, {"Accept-Language": "fr"})),
        ((None, {"Accept-Language": "de"}), (None, {})),
        ((None, {"X-Time-Zone": "UTC"}), (None, {"X-Time-Zone": "CET"})),
        ((None, {"Host": "a.test"}), (None, {"Host": "b.test"})),
        ((None, {"Cookie": "a=1"}), (None, {"Cookie": "a=2"})),
    ],
)
def test_other_identities_are_apart(auto, one, other):
    """Any difference in credentials or headers is another identity; objects of foreign classes are equal to themselves."""
    doors = [auto.acting_as(auth, headers=headers) for auth, headers in (one, other, one)]
    assert doors[0]._gathering is doors[2]._gathering
    assert doors[0]._gathering is not doors[1]._gathering
    assert doors[0]._session is not doors[1]._session
    assert auto._gathering not in [door._gathering for door in doors]


@anyio_test
async def test_identity_of_one_that_acts(wire, auto):
    """Who acts for one can be asked for another; what they inherit is a part of who they are."""
    ann = auto.acting_as(("ann", "a"), headers={"Accept-Language": "de"})
    calls = [
        read(ann.acting_as(("bob", "b")), 1),
        read(auto.acting_as(("bob", "b")), 2),
        read(ann.acting_as(("bob", "b")), 3),
    ]
    assert [1, 2, 3] == [await call for call in calls]
    assert {("de", (1, 3)), (None, (2,))} == {
        (request.headers.get("accept-language"), tuple(wire.values(number))) for number, request in enumerate(wire.requests)
    }


@anyio_test
async def test_identical_reads_of_two_users_share_nothing(wire):
    """With `deduplicate=True`, the same read of two users is two statements, in two requests."""
    auto = wire.session().auto(deduplicate=True)
    calls = [read(auto.acting_as(each)) for each in (("ann", "a"), ("bob", "b"), ("ann", "a"), None, None)]
    assert [1] * 5 == [await call for call in calls]
    assert [1, 1, 1] == wire.sizes
    assert 3 == len({request.headers.get("authorization") for request in wire.requests})
    await nothing_is_left_of(auto)


@anyio_test
async def test_limits_are_for_all_users_together(wire):
    """As many calls are pending, and requests in flight, as allowed for all users together."""
    auto = wire.session().auto(max_pending=6)
    wire.is_holding = True
    users = [auto.acting_as(headers={"X-Who": f"user{number}"}) for number in range(6)]
    calls = [read(user, value) for value, user in enumerate(users)]
    assert 6 == len(auto) == len(users[0])
    with pytest.raises(LiferayError, match="6 calls are pending already"):
        read(users[0])
    await anyio.wait_all_tasks_blocked()
    assert 4 == wire.busy
    wire.let_all()
    assert [*range(6)] == [await call for call in calls]
    assert 4 == wire.most_busy
    await nothing_is_left_of(auto)


# --- how long they are kept


@anyio_test
async def test_users_that_were_used_last_are_kept(wire, auto):
    """What 1,024 users have is kept, those used longest ago go first; who holds one goes on with it."""
    kept = auto.acting_as(("user0", "x"))
    gone = weakref.ref(auto.acting_as(("user1", "x"))._gathering)
    for number in range(2, 1024):
        auto.acting_as((f"user{number}", "x"))
    assert auto.acting_as(("user0", "x"))._gathering is kept._gathering
    auto.acting_as(("user1024", "x"))
    gc.collect()
    assert gone() is None
    assert auto.acting_as(("user0", "x"))._gathering is kept._gathering
    for number in range(2000, 2000 + 1024):
        auto.acting_as((f"user{number}", "x"))
    again = auto.acting_as(("user0", "x"))
    assert again._gathering is not kept._gathering
    assert (await read(kept, 1), await read(again, 2)) == (1, 2)
    assert 1024 == len(auto._users)
    await auto.aclose()
    for door in auto, kept, again:
        with pytest.raises(ClosedError):
            read(door)
    await nothing_is_left_of(auto)


@anyio_test
async def test_calls_of_a_user_who_is_kept_no_longer(wire, auto):
    """Calls that are pending when their user makes way for others have their results; closing waits for them, too."""
    wire.is_holding = True
    call = read(auto.acting_as(("user0", "x")), 7)
    for number in range(1, 1100):
        auto.acting_as((f"user{number}", "x"))
    gc.collect()
    async with anyio.create_task_group() as group:
        group.start_soon(auto.aclose)
        await anyio.wait_all_tasks_blocked()
        assert not call.done()
        wire.let_all()
    assert call.result() == 7
    await nothing_is_left_of(auto)


# --- leaving


@anyio_test
async def test_leaving_one_user_waits_for_that_user(wire, auto):
    """The block of one user waits for this user's calls, not for the others'; it closes nothing."""
    wire.is_holding = True
    others = [read(auto, 1), read(auto.acting_as(("bob", "b")), 2)]
    await anyio.wait_all_tasks_blocked()
    async with anyio.create_task_group() as group:
        async with auto.acting_as(("ann", "a")) as ann:
            call = read(ann, 3)
            group.start_soon(_answer, wire, 3)
        assert call.result() == 3
        assert not any(other.done() for other in others)
    assert not ann.is_closed
    wire.let_all()
    assert await read(ann, 4) == 4
    await auto.aclose()


async def _answer(wire, value):
    await anyio.wait_all_tasks_blocked()
    for number, gate in enumerate(wire.gates):
        if value in wire.values(number):
            gate.set()


@anyio_test
async def test_leaving_under_steady_load(wire, auto):
    """The block of a user ends when the calls are answered that were pending then, though others call without a pause."""
    wire.steps = 2
    left = anyio.Event()

    async def load(door):
        while not left.is_set():
            await read(door)

    async def leave():
        async with auto.acting_as(("ann", "a")) as ann:
            await read(ann)
        left.set()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for offset in range(8):
                group.start_soon(load, auto if offset % 2 else auto.acting_as(("ann", "a")))
                for _ in range(offset):
                    await anyio.lowlevel.checkpoint()
            group.start_soon(leave)
    await auto.aclose()


@anyio_test
async def test_block_of_one_user_that_raises(auto):
    """An exception in the block of one user leaves the calls alone: they are not this block's own."""
    with pytest.raises(KeyError):
        async with auto.acting_as(("ann", "a")) as ann:
            call = read(ann, 1)
            raise KeyError
    assert await call == 1
    await nothing_is_left_of(auto)


# --- signing in, and secrets


@anyio_test
async def test_users_who_sign_in():
    """Each user signs in once, however many objects say so, with a session of its own, and is signed out at the end."""
    portal = FakePortal()
    users = [("test@liferay.com", "test"), ("joe@liferay.com", "joe")]
    client = httpx.AsyncClient(transport=portal.transport())
    async with Session(portal.url, http=client, retry=RetryPolicy(attempts=1)) as session:
        auto = session.auto()

        async def work(user):
            for _ in range(3):
                told = await auto.acting_as(SignIn(*user)).services.user.get_current_user()
                assert user[0] == told["emailAddress"]

        async with anyio.create_task_group() as group:
            for user in users * 10:
                group.start_soon(work, user)
        await nothing_is_left_of(auto)
    assert sorted(user for user, _ in users) == sorted(attempt.login for attempt in portal.sign_ins)
    out = [request.headers["cookie"] for request in portal.requests if request.path == "/c/portal/logout"]
    assert 2 == len({*out}) == len(out)


@anyio_test
async def test_no_secret_is_shown(wire):
    """Neither text forms nor errors show credentials."""
    auto = wire.session().auto()
    ann = auto.acting_as(("ann", "topsecret"), headers={"X-Token": "topsecret"})
    wire.answer = httpx.ReadError("cut")
    call = read(ann)
    with pytest.raises(LiferayError) as caught:
        await call
    shown = [repr(ann), repr(call), str(caught.value), repr(caught.value), *caught.value.__notes__, repr(ann._session)]
    assert "topsecret" not in "".join(shown)


def test_no_frame_shows_a_secret():
    """Where it fails, no frame of the library holds the password in a local variable."""
    auto = AutoBatchSession("http://portal.test")

    def act():
        auto.acting_as(("joe", "topsecret"), headers={"Content-Length": "1"})

    with pytest.raises(ValueError, match="headers= cannot set") as caught:
        act()
    frame, shown = caught.value.__traceback__, []
    while frame is not None:
        if "aioliferay" in frame.tb_frame.f_globals["__name__"]:
            shown += [repr(value) for value in frame.tb_frame.f_locals.values()]
        frame = frame.tb_next
    assert shown
    assert "topsecret" not in "".join(shown)


@pytest.mark.parametrize("headers", [{1: "x"}, {"X": ["x"]}, {"X": 1}, {"Transfer-Encoding": "x"}])
def test_headers_are_checked(auto, headers):
    """What is no header is refused as a session does it, and nothing is kept of it."""
    with pytest.raises((TypeError, ValueError), match="headers="):
        auto.acting_as(headers=headers)
    assert not auto._users
