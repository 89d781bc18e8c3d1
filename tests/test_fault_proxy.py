"""The fault proxy does what it is told: else the scenarios prove nothing."""

from __future__ import annotations

import anyio
import httpx
import pytest

from aioliferay.testing import FakePortal
from fault_proxy import FaultProxy
from faults import FORGED, HELD, Fault, Kind, in_process, over_tcp

pytestmark = pytest.mark.anyio

BODY = b'[{"/portal/get-build-number":{}}]'
ANSWER = b'["an answer of some length"]'
WHOLE = {Kind.DOUBLED, Kind.DOUBLED_APART, Kind.DRIBBLED, Kind.DELAYED}
RUN = WHOLE | {Kind.RESET_AFTER, Kind.CUT_IN_HEAD, Kind.CUT_AT_BODY, Kind.CUT_IN_BODY, Kind.TRUNCATED, Kind.HELD_AFTER}
CUT = {Kind.CUT_IN_HEAD, Kind.CUT_AT_BODY, Kind.CUT_IN_BODY, Kind.TRUNCATED}
RESET = {Kind.RESET_AT_ACCEPT, Kind.RESET_UNREAD, Kind.RESET_WITHIN, Kind.RESET_AFTER}


class Portal:
    """An upstream that counts what it is asked."""

    def __init__(self):
        self.asked = []

    async def __call__(self, _, body):
        self.asked.append(body)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)


@pytest.fixture
def portal():
    return Portal()


class Whole(httpx.ByteStream):
    """A body in one piece. httpx's own is an async generator, of which trio warns when a reset leaves it unfinished."""

    def __aiter__(self):
        return Once(list(self))


class Once:
    def __init__(self, left):
        self.left = left

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


async def ask(client, proxy, body=BODY):
    timeout = 0.05 if HELD & {fault.kind for fault in proxy.faults} else 30
    request = client.build_request("POST", proxy.url, content=body, timeout=timeout)
    request.stream = Whole(body)
    return await client.send(request)


async def test_no_fault_changes_nothing(portal):
    """Without a fault a request reaches the portal, and its answer the client, on one connection for all."""
    async with FaultProxy(portal).running() as proxy, httpx.AsyncClient() as client:
        for _ in range(3):
            answer = await ask(client, proxy)
            assert (200, ANSWER) == (answer.status_code, answer.content)
        await client.aclose()
        await proxy.quiet()
    assert [BODY] * 3 == portal.asked
    assert [(BODY, None, True, True)] * 3 == [
        (each.body, each.fault, each.is_run, each.is_answered) for each in proxy.passages
    ]
    assert (1, 1) == (proxy.connections, proxy.most_at_once)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in FORGED], ids=lambda kind: kind.name)
async def test_fault_of_connection(portal, kind):
    """A fault of the connection happens to one request, which has run before or never; the next one comes through."""
    async with FaultProxy(portal, [Fault(kind)]).running() as proxy, httpx.AsyncClient() as client:
        if kind in WHOLE:
            assert ANSWER == (await ask(client, proxy)).content
        else:
            with pytest.raises(httpx.TransportError) as caught:
                await ask(client, proxy)
            assert (kind in HELD) == isinstance(caught.value, httpx.ReadTimeout)
            assert (kind is Kind.REFUSED) == isinstance(caught.value, httpx.ConnectError)
            assert kind not in CUT or isinstance(caught.value, httpx.ReadError | httpx.RemoteProtocolError)
        assert [BODY] * (kind in RUN) == portal.asked
        proxy.note_refusal()
        async with httpx.AsyncClient() as other:
            assert ANSWER == (await ask(other, proxy)).content
    assert proxy._is_spent(0)


@pytest.mark.parametrize("is_run", [True, False])
@pytest.mark.parametrize("kind", FORGED, ids=lambda kind: kind.name)
async def test_forged_answer(portal, kind, is_run):
    """An answer that somebody else gives comes whole, whether the portal has run the request or not."""
    async with FaultProxy(portal, [Fault(kind, is_run=is_run)]).running() as proxy, httpx.AsyncClient() as client:
        answer = await ask(client, proxy)
        assert FORGED[kind][0] == answer.status_code
        assert FORGED[kind][3] == answer.content
        assert [BODY] * is_run == portal.asked
        assert ANSWER == (await ask(client, proxy)).content
    assert [kind, None] == [each.fault for each in proxy.passages]
    assert [is_run, True] == [each.is_run for each in proxy.passages]


@pytest.mark.parametrize(
    ("times", "expected"), [(1, [200, 503, 200, 200]), (2, [200, 503, 503, 200]), (None, [200, 503, 503, 503])]
)
async def test_position(portal, times, expected):
    """A fault begins with the request that it is told, and meets as many as it is told."""
    faults = [Fault(Kind.UNAVAILABLE, 1, times)]
    async with FaultProxy(portal, faults).running() as proxy, httpx.AsyncClient() as client:
        assert expected == [(await ask(client, proxy)).status_code for _ in range(4)]


async def test_too_large(portal):
    """413 meets bodies above the limit only."""
    faults = [Fault(Kind.TOO_LARGE, times=None, largest=10)]
    async with FaultProxy(portal, faults).running() as proxy, httpx.AsyncClient() as client:
        assert [200, 413, 200] == [(await ask(client, proxy, b"x" * size)).status_code for size in (10, 11, 10)]


@pytest.mark.parametrize("times", [1, 3, None])
async def test_refused_from_a_request_on(portal, times):
    """After the request before it, connections are refused, idle ones are closed; as often as it is told."""
    faults = [Fault(Kind.REFUSED, 2, times)]
    async with FaultProxy(portal, faults).running() as proxy, httpx.AsyncClient() as client:
        assert [200, 200] == [(await ask(client, proxy)).status_code for _ in range(2)]
        for _ in range(times or 5):
            with pytest.raises(httpx.ConnectError):
                await ask(client, proxy)
            proxy.note_refusal()
        if times is not None:
            assert 200 == (await ask(client, proxy)).status_code
    assert 2 + (times is not None) == len(proxy.passages)


async def test_last_request_of_connection(portal):
    """A connection ends after as many requests as it is told, and says so."""
    async with FaultProxy(portal, max_requests=2).running() as proxy, httpx.AsyncClient() as client:
        said = [(await ask(client, proxy)).headers.get("connection") for _ in range(5)]
    assert [None, "close"] * 2 + [None] == said
    assert [1, 1, 2, 2, 3] == [each.connection for each in proxy.passages]


async def test_closes_idle_connection(portal):
    """A connection that ends without a word is not used again; a request that comes on it all the same is noted as late."""
    async with FaultProxy(portal, closes_idle=True).running() as proxy:
        async with httpx.AsyncClient() as client:
            for _ in range(3):
                assert ANSWER == (await ask(client, proxy)).content
                await anyio.wait_all_tasks_blocked()
        assert [1, 2, 3] == [each.connection for each in proxy.passages]
        request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
        port = int(proxy.url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(request * 2)
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                while True:
                    await stream.receive()
        await proxy.quiet()
    assert 4 == len(portal.asked)
    assert [False] * 4 + [True] == [each.is_late for each in proxy.passages]


async def test_requests_at_once(portal):
    """The proxy counts how many requests are under way at once."""
    gate, both = anyio.Event(), anyio.Event()

    async def upstream(head, body):
        if proxy.at_once == 2:
            both.set()
        await gate.wait()
        return await portal(head, body)

    async with FaultProxy(upstream).running() as proxy, httpx.AsyncClient() as client, anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(ask, client, proxy)
        await both.wait()
        gate.set()
    assert (2, 0) == (proxy.most_at_once, proxy.at_once)


@pytest.mark.parametrize("is_served", [True, False], ids=["over TCP", "in process"])
async def test_real_portal(is_served):
    """Behind the proxy may be a portal in this event loop, or a server of its own."""
    portal = FakePortal()
    with portal.serve() as url:
        upstream = over_tcp(url) if is_served else in_process(portal)
        async with FaultProxy(upstream).running() as proxy, httpx.AsyncClient() as client:
            answer = await client.post(
                f"{proxy.url}/api/jsonws/invoke?x=1",
                content=BODY,
                headers={"Authorization": "Basic dGVzdEBsaWZlcmF5LmNvbTp0ZXN0"},
            )
    assert (200, [6205]) == (answer.status_code, answer.json())
    assert [("/portal/get-build-number", None)] == [(each.path, each.error) for each in portal.executions]
