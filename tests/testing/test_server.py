import functools
import socket
import threading

import anyio
import httpx
import pytest

from aioliferay.testing import FakePortal

ADMINISTRATOR = ("test@liferay.com", "test")
READ = [{"/portal/get-build-number": {}}]

pytestmark = pytest.mark.anyio


async def test_portal_serves_over_tcp():
    """The portal answers on a real port from the moment the block is entered, many connections at once."""
    portal = FakePortal()
    answers = []

    async def ask(client):
        answers.append((await client.post("/api/jsonws/invoke", json=READ)).json())

    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url, auth=ADMINISTRATOR) as client, anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask, client)
    assert [[6205]] * 10 == answers
    assert list(range(1, 11)) == [request.number for request in portal.requests]


async def test_portal_serves_over_ipv6():
    """An IPv6 address is served as well, and its URL has brackets."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with FakePortal().serve(host="::1") as url:
        assert url.startswith("http://[::1]:")
        async with httpx.AsyncClient(base_url=url, auth=ADMINISTRATOR) as client:
            assert [6205] == (await client.post("/api/jsonws/invoke", json=READ)).json()


async def test_answers_are_not_delayed():
    """Connections have no Nagle delay: it would add 40 ms to each answer."""
    without_delay = []

    class Probe(FakePortal):
        async def __call__(self, scope, receive, send):
            transport = scope["extensions"]["aioliferay.connection"].transport
            sock = transport.get_extra_info("socket")
            without_delay.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await super().__call__(scope, receive, send)

    with Probe().serve() as url:
        async with httpx.AsyncClient(base_url=url) as client:
            await client.post("/api/jsonws/invoke", json=READ)
    assert [1] == [int(bool(value)) for value in without_delay]


async def test_connection_is_kept():
    """Several requests go over one connection, and the address in the discovery is the one that was asked."""
    with FakePortal().serve() as url:
        async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=1)) as client:
            answers = [(await client.get("/api/jsonws?discover=/portal/*")).json() for _ in range(3)]
    assert [f"{url}/api/jsonws"] * 3 == [answer["baseURL"] for answer in answers]


async def test_server_is_gone_after_the_block():
    """After the block nobody listens, and no thread is left."""
    before = threading.active_count()
    with FakePortal().serve() as url:
        assert before < threading.active_count()
    assert before == threading.active_count()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


def test_block_can_be_left_at_once():
    """A server that nobody asked stops as well."""
    with FakePortal().serve() as url:
        assert url.startswith("http://127.0.0.1:")


async def test_work_goes_on_after_client_has_gone():
    """The portal works on when the client has given up."""
    portal = FakePortal()
    started, gate, ended = threading.Event(), threading.Event(), threading.Event()

    @portal.service("/foo/slow")
    async def slow() -> None:
        started.set()
        await anyio.to_thread.run_sync(gate.wait)
        ended.set()

    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url, auth=ADMINISTRATOR) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(functools.partial(client.post, "/api/jsonws/invoke", content=b'[{"/foo/slow": {}}]'))
            await anyio.to_thread.run_sync(started.wait)
            tasks.cancel_scope.cancel()
        gate.set()
        await anyio.to_thread.run_sync(ended.wait)
    assert ["/foo/slow"] == [run.path for run in portal.executions]
