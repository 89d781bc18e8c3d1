"""A session that acts as somebody else over the connections of another; how both are closed."""

from __future__ import annotations

import asyncio
import gc
import warnings
import weakref

import anyio
import httpx
import pytest

from aioliferay import (
    AuthenticationError,
    BasicAuth,
    BatchLimits,
    BearerAuth,
    ClosedError,
    NoAnswerError,
    NotSent,
    RetryPolicy,
    Session,
    SignIn,
    Unknown,
    catalogs,
)
from aioliferay._session_base import SessionBase
from aioliferay.errors import InsecureTransportWarning, NotSentError
from aioliferay.observe import ExchangeStarted
from aioliferay.testing import FakePortal, File
from auto_parts import HeldWire, nothing_is_left_of
from wire import under_virtual_time

anyio_test = pytest.mark.anyio
ADMINISTRATOR, JOE = ("test@liferay.com", "test"), ("joe@liferay.com", "joe")
SHOWN = ("authorization", "cookie", "x-csrf-token", "accept-language", "host", "x-who", "x-app")


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def portal():
    return FakePortal()


@pytest.fixture
def session(portal):
    return Session(portal.url, auth=ADMINISTRATOR, http=httpx.AsyncClient(transport=portal.transport()))


def basic(user, password):
    return httpx.BasicAuth(user, password)._auth_header


def read(session, value=1, **options):
    return session.call("/x/get-echo", {"value": value}, **options)


def shown(request):
    """Return what a request tells of who calls, and in which language and company."""
    return {name: request.headers[name] for name in SHOWN if name in request.headers}


async def shown_by(wire, *sessions):
    """Return what requests of these sessions tell."""
    del wire.requests[:]
    for session in sessions:
        await read(session)
    return [{name: value for name, value in shown(each).items() if name != "host"} for each in wire.requests]


# --- who calls


@anyio_test
async def test_acting_as_has_credentials_of_its_own(wire):
    """Each session calls as its own user, whatever the form of the credentials; nobody is a guest."""
    session = wire.session(auth=("ann", "a"))
    ways = [("bob", "b"), BasicAuth("cyd", "c"), BearerAuth("token"), httpx.BasicAuth("dan", "d"), None]
    others = [session.acting_as(each) for each in ways]
    expected = [
        basic("ann", "a"),
        basic("bob", "b"),
        basic("cyd", "c"),
        "Bearer token",
        basic("dan", "d"),
        None,
        basic("ann", "a"),
    ]
    told = await shown_by(wire, session, *others, session)
    assert expected == [each.pop("authorization", None) for each in told]
    assert [{}] * 7 == told


@anyio_test
async def test_acting_as_inherits_headers_that_are_not_personal(wire):
    """It has the session's headers, but for those that say who calls; its own take the place of their likes."""
    personal = {"AUTHORIZATION": "Bearer ann", "Cookie": "JSESSIONID=ann", "x-CSRF-token": "ann"}
    session = wire.session(headers={**personal, "X-App": "blog", "Accept-Language": "de"})
    guest = session.acting_as(headers={"accept-language": "fr"})
    bob = session.acting_as(headers={"Authorization": "Bearer bob", "Cookie": "JSESSIONID=bob"})
    own, of_guest, of_bob = await shown_by(wire, session, guest, bob)
    assert {"authorization", "cookie", "x-csrf-token"} < own.keys()
    assert {"x-app": "blog", "accept-language": "fr"} == of_guest
    assert {"x-app": "blog", "accept-language": "de", "authorization": "Bearer bob", "cookie": "JSESSIONID=bob"} == of_bob


@anyio_test
@pytest.mark.parametrize("own_auth", [None, ("ann", "a")])
async def test_acting_as_takes_nothing_personal_of_a_given_client(wire, own_auth):
    """Authentication, cookies and personal headers of a given client are for its own session, not for those beside it."""
    client = httpx.AsyncClient(
        transport=wire,
        auth=("client", "secret"),
        cookies={"JSESSIONID": "client"},
        headers={"Authorization": "Bearer client", "X-CSRF-Token": "client", "Cookie": "more=client", "X-App": "blog"},
    )
    session = Session("http://portal.test", auth=own_auth, http=client)
    others = [session.acting_as(each) for each in (None, ("bob", "b"), BearerAuth("token"), httpx.BasicAuth("dan", "d"))]
    again = others[1].acting_as()
    own, *theirs = await shown_by(wire, session, *others, again)
    assert "client" in own["cookie"]
    assert (basic(*own_auth) if own_auth else basic("client", "secret")) == own["authorization"]
    assert [None, basic("bob", "b"), "Bearer token", basic("dan", "d"), None] == [
        each.pop("authorization", None) for each in theirs
    ]
    assert [{"x-app": "blog"}] * 5 == theirs
    assert "secret" not in repr(theirs)


@anyio_test
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_acting_as_over_a_given_client_and_a_network(portal, library):
    """The same over a network, with a client of either library."""
    http = pytest.importorskip(library)
    headers = {"Authorization": "Bearer client", "X-CSRF-Token": "client", "X-App": "blog"}
    with portal.serve() as url:
        client = http.AsyncClient(auth=ADMINISTRATOR, cookies={"A": "client"}, headers=headers)
        async with client, Session(url, http=client) as session:
            assert (await session.current_user())["userId"] == 20199
            assert (await session.acting_as(JOE).current_user())["userId"] == 20514
            async with session.acting_as(SignIn(*JOE)) as joe:
                assert (await joe.current_user())["userId"] == 20514
            with pytest.raises(AuthenticationError):
                await session.acting_as().current_user()
    own, *theirs = portal.requests
    assert (basic(*ADMINISTRATOR), "A=client") == (own.headers["authorization"], own.headers["cookie"])
    assert {None, basic(*JOE)} == {request.headers.get("authorization") for request in theirs}
    assert not any("client" in request.headers.get(name, "") for request in theirs for name in ("cookie", "x-csrf-token"))
    assert {"blog"} == {request.headers.get("x-app") for request in theirs}


@anyio_test
async def test_cookies_of_the_portal_are_for_nobody(wire):
    """A cookie that an answer sets for one user is not sent by another, nor by anybody."""
    wire.script = [httpx.Response(200, json=[1], headers={"Set-Cookie": "JSESSIONID=anns; Path=/"})]
    client = httpx.AsyncClient(transport=wire)
    session = Session("http://portal.test", auth=("ann", "a"), http=client)
    told = await shown_by(wire, session, session.acting_as(), session)
    assert [None] * 3 == [each.get("cookie") for each in told]
    assert not client.cookies


@anyio_test
async def test_acting_as_from_one_that_acts(wire):
    """Who acts as somebody else can be asked for a third: that one has nothing of the second's credentials."""
    session = wire.session(auth=("ann", "a"), headers={"X-App": "blog"})
    bob = session.acting_as(("bob", "b"), headers={"Cookie": "bob=1", "X-Who": "web"})
    cyd = bob.acting_as(headers={"Authorization": "Bearer cyd"})
    told = await shown_by(wire, bob, cyd)
    assert {"x-app": "blog", "x-who": "web", "authorization": basic("bob", "b"), "cookie": "bob=1"} == told[0]
    assert {"x-app": "blog", "x-who": "web", "authorization": "Bearer cyd"} == told[1]


@anyio_test
async def test_host_of_another_company(wire):
    """A session may act in another company of the portal, which is told by the header Host."""
    session = wire.session()
    other = session.acting_as(headers={"Host": "other.test"})
    await read(session)
    await read(other)
    assert ["portal.test", "other.test"] == [each.headers["host"] for each in wire.requests]
    assert ["portal.test"] * 2 == [each.url.host for each in wire.requests]


@anyio_test
async def test_every_door_acts_as_the_user(portal, session):
    """Calls, batches, automatic batches, streams, services, uploads and downloads of it are the user's."""
    joe = session.acting_as(JOE)
    document = portal.document("notes", b"text", guest=True)

    @portal.service("/x/add-file")
    def add_file(file: File) -> int:
        return 1

    assert (await joe.current_user())["emailAddress"] == JOE[0]
    async with joe.batch() as batch:
        batch.call("/portal/get-build-number")
    await joe.services.portal.get_build_number()
    async with joe.auto() as auto:
        auto.call("/portal/get-build-number")
        auto.services.portal.get_build_number()
    async with joe.stream(["/portal/get-build-number"]) as stream:
        assert [item.result async for item in stream] == [6205]
    assert b"text" == await joe.download(document.path)
    await joe.upload("/x/add-file", files={"file": b"text"})
    assert {basic(*JOE)} == {request.headers.get("authorization") for request in portal.requests}
    await session.call("/portal/get-build-number")
    assert 20199 == portal.requests[-1].user_id


@anyio_test
async def test_acting_as_has_the_options_of_its_session(wire):
    """Time limit, limits, repetition, hooks and catalog are the session's; the catalog of one is that of all."""
    events = []

    class Watch:
        def on_event(self, event, /):
            events.append(event)

    session = wire.session(hooks=[Watch()], limits=BatchLimits(max_calls=2), timeout=7, retry=RetryPolicy(attempts=2))
    other = session.acting_as(("bob", "b"))
    other.catalog = catalogs.shipped("6.2")
    assert session.catalog is other.catalog
    assert (7, session.exchange.terms) == (other.exchange.timeout, other.exchange.terms)
    async with other.batch() as batch:
        for _ in range(3):
            batch.call("/x/get-echo")
    assert [2, 1] == sorted(event.calls for event in events if isinstance(event, ExchangeStarted))[::-1]
    assert (session.url, session.server) == (other.url, other.server)


@anyio_test
async def test_wrong_password_of_one_stops_no_other(portal, session):
    """What the portal refuses is refused to that user only; it is asked once with a wrong password."""
    wrong = session.acting_as(("joe@liferay.com", "wrong"))
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            await wrong.current_user()
    assert (await session.acting_as(JOE).current_user())["userId"] == 20514
    assert (await session.current_user())["userId"] == 20199
    assert 1 == sum(request.user_id is None for request in portal.requests)


@anyio_test
async def test_allowance_for_repetitions_is_shared(wire):
    """Who acts over the same connections shares the session's allowance: no user's trouble becomes many repetitions."""
    session = wire.session(retry=RetryPolicy(attempts=3, first_delay=0, burst=4, ratio=0))
    wire.answer = httpx.ReadError("cut")
    others = [session.acting_as((f"user{number}", "x")) for number in range(5)]
    for other in others:
        with pytest.raises(NoAnswerError):
            await read(other)
    assert 5 + 4 == len(wire.requests)


@anyio_test
async def test_portals_limit_is_learnt_once(wire):
    """What one learns of the size of requests, the others know."""
    session = wire.session()
    wire.script = [httpx.Response(413)]
    async with session.acting_as(("ann", "a")).batch() as batch:
        for _ in range(4):
            batch.call("/x/get-echo")
    async with session.acting_as(("bob", "b")).batch() as batch:
        for _ in range(4):
            batch.call("/x/get-echo")
    assert [4, 1, 1, 1, 1, 1, 1, 1, 1] == wire.sizes


# --- secrets


def test_acting_as_shows_no_secret():
    """Neither text form nor error nor frame of the library shows the credentials."""
    session = Session("http://portal.test", headers={"Authorization": "Bearer topsecret"})
    assert "topsecret" not in repr(session.acting_as(("joe", "topsecret")))
    assert "topsecret" not in repr(session.acting_as(BearerAuth("topsecret"))._exchange)

    def act():
        session.acting_as(("joe", "topsecret"), headers={"Content-Length": "1"})

    with pytest.raises(ValueError, match="headers= cannot set") as caught:
        act()
    frame, told = caught.value.__traceback__, []
    while frame is not None:
        if "aioliferay" in frame.tb_frame.f_globals["__name__"]:
            told += [repr(value) for name, value in frame.tb_frame.f_locals.items() if name not in {"self", "inherited"}]
        frame = frame.tb_next
    assert told
    assert "topsecret" not in "".join(told)


def test_acting_as_checks_its_arguments():
    """What is no authentication, and what is no header, is refused at once."""
    session = Session("http://portal.test")
    with pytest.raises(TypeError, match="auth= takes"):
        session.acting_as("joe:secret")
    with pytest.raises(TypeError, match="headers= maps"):
        session.acting_as(headers={"X-Number": 1})


def test_acting_as_warns_of_plain_http():
    """A password that would go over plain HTTP to another computer brings the warning of a session."""
    session = Session("http://portal.example.com")
    with pytest.warns(InsecureTransportWarning, match="password for http://portal.example.com") as caught:
        session.acting_as(("joe", "secret"))
    assert __file__ == caught[0].filename


# --- closing


@anyio_test
async def test_closing_it_leaves_the_session_open(wire):
    """It can be closed alone: it takes no more calls then, and the session and the others go on."""
    session = wire.session(auth=("ann", "a"))
    bob, cyd = session.acting_as(("bob", "b")), session.acting_as(("cyd", "c"))
    async with bob as entered:
        assert entered is bob
        assert await read(bob) == 1
    await bob.aclose()
    assert bob.is_closed
    for refused in (lambda: read(bob), bob.acting_as, lambda: read(bob.auto()), lambda: read(bob.batch())):
        with pytest.raises(ClosedError):
            refused()
    assert (await read(cyd), await read(session)) == (1, 1)
    assert not session.is_closed


@anyio_test
async def test_closing_it_waits_for_its_own_calls_only(wire):
    """Closing it waits for its calls, also those just made and those of its automatic batches, and for nobody else's."""
    session = wire.session()
    bob, cyd = (session.acting_as(headers={"X-Who": name}) for name in ("bob", "cyd"))
    wire.is_holding = True
    foreign = read(cyd, 0)
    await anyio.wait_all_tasks_blocked()
    auto = bob.auto(window=0.001)
    calls = [read(bob, 1), read(auto, 2)]
    async with anyio.create_task_group() as group:
        group.start_soon(bob.aclose)
        await anyio.wait_all_tasks_blocked()
        assert {0, 1, 2} == {value for number in range(3) for value in wire.values(number)}
        assert bob.is_closed
        for gate in wire.gates[1:]:
            gate.set()
    assert [1, 2] == [call.result() for call in calls]
    assert not foreign.done()
    wire.let_all()
    await foreign
    await nothing_is_left_of(auto)


@anyio_test
async def test_closing_it_in_its_own_callback(wire):
    """A callback of a call may close it: it does not wait for itself."""
    session = wire.session()
    bob = session.acting_as(("bob", "b"))
    ended = anyio.Event()

    async def close():
        await bob.aclose()
        ended.set()

    async with anyio.create_task_group() as group:
        read(bob).add_done_callback(lambda _: group.start_soon(close))
        with anyio.fail_after(4):
            await ended.wait()


async def test_closing_it_gives_up_after_the_grace_period(wire):
    """What has not ended after 5 seconds is cancelled, if it is its own; what is queued is not sent."""
    session = wire.session()
    bob, cyd = session.acting_as(("bob", "b")), session.acting_as(("cyd", "c"))
    auto = bob.auto(window=1000)
    wire.is_holding = True
    own, foreign, write, flying = read(bob), read(cyd), bob.call("/x/update-echo"), read(auto, 1)
    await anyio.wait_all_tasks_blocked()
    queued = read(auto, 2)
    started = anyio.current_time()
    await bob.aclose()
    assert 5 == pytest.approx(anyio.current_time() - started)
    assert own.cancelled()
    assert flying.cancelled()
    assert isinstance(write.outcome, Unknown)
    assert isinstance(queued.outcome, NotSent)
    assert write.exception()
    assert queued.exception()
    assert not foreign.done()
    wire.let_all()
    assert await foreign == 1
    assert not any(2 in wire.values(number) for number in range(len(wire.requests)))
    await nothing_is_left_of(auto)


test_closing_it_gives_up_after_the_grace_period = under_virtual_time(test_closing_it_gives_up_after_the_grace_period)


@anyio_test
async def test_block_of_it_that_raises(wire):
    """Left by an exception, it waits for its writes and aborts its reads; the others' go on."""
    session = wire.session()
    wire.is_holding = True
    foreign = read(session, 0)
    await anyio.wait_all_tasks_blocked()
    async with anyio.create_task_group() as group:
        with pytest.raises(KeyError):
            async with session.acting_as(headers={"X-Who": "bob"}) as bob:
                own, write = read(bob, 1), bob.call("/x/update-echo", {"value": 2})
                await anyio.wait_all_tasks_blocked()
                group.start_soon(let_all_when_blocked, wire)
                raise KeyError
    assert own.cancelled()
    assert write.result() == 2
    assert await foreign == 0
    assert not session.is_closed


async def let_all_when_blocked(wire):
    await anyio.wait_all_tasks_blocked()
    wire.let_all()


@anyio_test
async def test_block_of_it_that_is_cancelled(wire):
    """Left by a cancellation, it waits for nothing."""
    session = wire.session()
    wire.is_holding = True
    with anyio.CancelScope() as scope:
        async with session.acting_as(("bob", "b")) as bob:
            call = bob.call("/x/update-echo", {"value": 2})
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert isinstance(call.outcome, Unknown)
    assert call.exception()
    assert [] == session.exchange.traffic.runs
    wire.let_all()
    assert await read(session) == 1


@anyio_test
async def test_closing_the_session_closes_all(wire):
    """Closing the session waits for the calls of all who act over its connections; then none of them takes any."""
    session = wire.session()
    bob = session.acting_as(("bob", "b"))
    cyd = bob.acting_as(("cyd", "c"))
    wire.is_holding = True
    await anyio.wait_all_tasks_blocked()
    calls = [read(bob, 1), read(cyd, 2), read(cyd.auto(), 3)]
    async with anyio.create_task_group() as group:
        group.start_soon(session.aclose)
        await anyio.wait_all_tasks_blocked()
        wire.let_all()
    assert [1, 2, 3] == [call.result() for call in calls]
    for each in session, bob, cyd:
        assert each.is_closed
        with pytest.raises(ClosedError):
            read(each)
        await each.aclose()
    with pytest.raises(ClosedError):
        session.acting_as()


@anyio_test
async def test_block_of_the_session_that_is_cancelled(wire):
    """A session that is left by a cancellation ends the calls of all at once."""
    wire.is_holding = True
    with anyio.CancelScope() as scope:
        async with wire.session() as session:
            calls = [read(session), session.acting_as(JOE).call("/x/update-echo")]
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert calls[0].cancelled()
    assert isinstance(calls[1].outcome, Unknown)
    assert calls[1].exception()
    assert session.is_closed
    assert ([], {}) == (session.exchange.traffic.runs, session.tasks._scopes)


@anyio_test
async def test_session_that_is_never_closed(portal):
    """A session with connections of its own that is forgotten open says so; one whose client was given does not."""
    with portal.serve() as url:
        session = Session(url, auth=ADMINISTRATOR)
        await session.current_user()
        client = session.exchange.invoker.transport._client
        with pytest.warns(ResourceWarning, match="was never closed: use `async with`"):
            del session
            gc.collect()
        await client.aclose()


@anyio_test
async def test_own_connections_are_closed_with_the_session(portal):
    """A session's own connections are closed by it, and not by who acts over them; no warning comes from these."""
    with portal.serve() as url:
        session = Session(url, auth=ADMINISTRATOR)
        joe = session.acting_as(JOE)
        assert (await joe.current_user())["userId"] == 20514
        await joe.aclose()
        assert (await session.current_user())["userId"] == 20199
        await session.aclose()
        assert session.exchange.invoker.transport._client.is_closed
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del joe
            gc.collect()


@anyio_test
async def test_forgotten_one_leaves_no_trace(wire):
    """Who acts as somebody else need not be closed: when nobody has it any more, nothing of it is left."""
    session = wire.session()
    refs = []
    for number in range(3):
        other = session.acting_as((f"user{number}", "x"))
        await read(other)
        refs.append(weakref.ref(other))
    del other
    await anyio.wait_all_tasks_blocked()
    gc.collect()
    assert [None] * 3 == [each() for each in refs]
    assert {} == session.tasks._scopes


def test_call_of_it_outside_a_loop():
    """Without an event loop its calls say so, as those of the session do, and leave nothing behind."""
    session = Session("http://portal.test")
    joe = session.acting_as()
    with pytest.raises(RuntimeError, match="event loop"):
        read(joe)
    assert {} == joe.tasks._scopes == session.tasks._scopes


def test_task_of_it_that_never_began(wire):
    """If its task is cancelled before it began, its call was not sent."""

    async def main():
        session = wire.session()
        joe = session.acting_as(JOE)
        call = read(joe)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(NotSentError, match="cancelled before it began"):
            await call
        assert {} == joe.tasks._scopes == session.tasks._scopes

    asyncio.run(main())


# --- signing in


def cookies_in(portal, path="/api/jsonws/invoke"):
    return [request.headers.get("cookie") for request in portal.requests if request.path == path]


@anyio_test
async def test_who_signs_in_has_a_session_of_its_own(portal, session):
    """Each signs in once, with cookies of its own, which no other request carries, and is signed out at the end."""
    async with session:
        joe = session.acting_as(SignIn(*JOE))
        admin = session.acting_as(SignIn(*ADMINISTRATOR))
        async with anyio.create_task_group() as group:
            for each in (joe, admin, session) * 4:
                group.start_soon(each.current_user)
        assert 2 == len(portal.sign_ins)
        assert {None, *cookies_in(portal)} == {*cookies_in(portal)}
        assert 3 == len({*cookies_in(portal)})
        await admin.aclose()
        assert 1 == len(cookies_in(portal, "/c/portal/logout"))
        assert (await joe.current_user())["userId"] == 20514
    assert 2 == len({*cookies_in(portal, "/c/portal/logout")}) == len(cookies_in(portal, "/c/portal/logout"))
    assert 2 == len(portal.sign_ins)
    for request in portal.requests:
        assert "authorization" not in request.headers or "cookie" not in request.headers


@anyio_test
async def test_who_closes_at_once_is_signed_out_after_its_calls(portal, session):
    """Closing it right after a call: that runs first, and the sign-out comes last."""
    async with session:
        joe = session.acting_as(SignIn(*JOE))
        calls = [joe.call("/portal/get-build-number"), joe.auto().call("/portal/get-build-number")]
        await joe.aclose()
        assert [6205, 6205] == [call.result() for call in calls]
        assert "/c/portal/logout" == portal.requests[-1].path
    assert (1, 1) == (len(portal.sign_ins), len(cookies_in(portal, "/c/portal/logout")))


@anyio_test
async def test_closing_in_the_other_order(portal, session):
    """Who closes the session first, and then who acts over it, signs out once."""
    joe = session.acting_as(SignIn(*JOE))
    await joe.current_user()
    await session.aclose()
    await joe.aclose()
    assert (1, 1) == (len(portal.sign_ins), len(cookies_in(portal, "/c/portal/logout")))


def test_is_a_session():
    """It is of the class of the session that it was made from."""

    class Mine(Session):
        pass

    assert type(Mine("http://portal.test").acting_as()) is Mine
    assert isinstance(Mine("http://portal.test").acting_as(), SessionBase)
