"""Connections: which are kept, which are not used again, and what a server that closes them does to a request."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import asynccontextmanager, suppress

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSStream

from aioliferay import NoAnswerError, ProtocolError
from aioliferay._bodies import body_of
from aioliferay._core.messages import Request
from aioliferay._http import Transport
from aioliferay._trip import Trip
from loopback import HEAD, loopback, read_request

LIMIT = 1_048_576


@asynccontextmanager
async def _transport(client=None):
    """Give a transport, and look afterwards whether it has left a connection in use."""
    transport = Transport(client)
    yield transport
    assert [] == [one for one in _connections(transport) if not one.is_idle()]
    await transport._client.aclose()


def _connections(transport):
    return transport._client._transport._pool.connections


def _answer(body, *, status=b"200 OK", last=False):
    close = b"Connection: close\r\n" if last else b""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, close, len(body), body)


async def _post(transport, url, body=b"[]", trip=None, *, timeout=10.0):  # noqa: ASYNC109 - handed on, as in the library
    request = Request("POST", url, {}, body)
    return await transport.send(request, trip or Trip(), timeout=timeout, max_bytes=LIMIT)


def _socket(stream):
    return stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - no database query, but a stream


def _will_reset(stream):
    _socket(stream).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _until_readable(transport):
    """Wait until the one connection of a pool has noticed that the server has closed it."""
    (connection,) = _connections(transport)
    await _until(connection.has_expired)


async def _until(condition):
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - nobody sets an event when the system has received something
            await anyio.sleep(0.001)


@pytest.mark.anyio
async def test_connections_are_not_kept_longer_than_servers_keep_them():
    """Idle connections go before the 5 seconds of Apache httpd and the 20 of a Tomcat are over."""
    async with _transport() as transport:
        pool = transport._client._transport._pool
        assert (4.0, 40, 40) == (pool._keepalive_expiry, pool._max_connections, pool._max_keepalive_connections)


@pytest.mark.anyio
async def test_no_request_is_lost_where_the_server_closes_after_100():
    """A Tomcat closes a connection after 100 requests, and says so: not one of 250 requests is lost."""
    seen = []

    async def conduct(stream):
        for number in range(1, 101):
            seen.append((await read_request(stream)).rpartition(b"\n")[2])
            await stream.send(_answer(seen[-1], last=number == 100))

    async with loopback(conduct) as url, _transport() as transport:
        for number in range(250):
            assert b"%d" % number == (await _post(transport, url, b"%d" % number)).body
    assert [b"%d" % number for number in range(250)] == seen


@pytest.mark.anyio
@pytest.mark.parametrize("is_reset", [True, False])
async def test_no_request_is_lost_where_the_server_has_closed(is_reset):
    """A connection that the server closed while it was idle, without a word, is not used: a new one is made."""
    served = 0

    async def conduct(stream):
        nonlocal served
        await read_request(stream)
        served += 1
        await stream.send(_answer(b"%d" % served))
        if is_reset:
            _will_reset(stream)

    client = httpx.AsyncClient(limits=httpx.Limits(keepalive_expiry=60))
    async with loopback(conduct) as url, _transport(client) as transport:
        for number in range(1, 6):
            assert b"%d" % number == (await _post(transport, url)).body
            if _connections(transport):
                await _until_readable(transport)


class _Meddling(httpx.AsyncHTTPTransport):
    """Calls `meddle` at one event of a request."""

    event = ""
    meddle = None

    async def handle_async_request(self, request):
        trace = request.extensions["trace"]

        async def meddling(event, info):
            await trace(event, info)
            if event == self.event:
                await self.meddle()

        request.extensions["trace"] = meddling
        return await super().handle_async_request(request)


@pytest.mark.anyio
@pytest.mark.parametrize("is_reset", [True, False])
@pytest.mark.parametrize("event", ["headers.started", "headers.complete", "body.complete"])
async def test_error_of_a_connection_closed_as_the_request_leaves(event, is_reset):
    """Closed between the look at an idle connection and the answer, nobody knows: the request had begun to leave."""
    bell, closed = anyio.Event(), anyio.Event()

    async def conduct(stream):
        await read_request(stream)
        await stream.send(_answer(b"[1]"))
        await bell.wait()
        if is_reset:
            _will_reset(stream)
        await stream.aclose()
        closed.set()

    async def close():
        bell.set()
        await closed.wait()

    meddling, trip = _Meddling(), Trip()
    async with loopback(conduct) as url, _transport(httpx.AsyncClient(transport=meddling)) as transport:
        await _post(transport, url)
        meddling.event, meddling.meddle = f"http11.send_request_{event}", close
        with pytest.raises(NoAnswerError, match="failed before the answer was complete") as caught:
            await _post(transport, url, b"[]", trip)
    assert (True, None, False) == (trip.is_sent, trip.status, caught.value.is_timeout)


async def _linger(stream):
    _socket(stream).shutdown(socket.SHUT_WR)
    while True:
        await stream.receive()


async def _drain(stream):
    while True:
        await stream.receive()


async def _reset(stream):
    _will_reset(stream)


@pytest.mark.anyio
@pytest.mark.parametrize("ending", [_linger, _drain, _reset], ids=lambda ending: ending.__name__.strip("_"))
@pytest.mark.parametrize("size", [1_048_576, 20_000_000])
async def test_answer_that_comes_while_the_request_is_sent(ending, size):
    """A server that has seen enough says so and closes: that is its answer, unless it takes it back by a reset."""

    async def conduct(stream):
        await stream.receive(1024)
        await stream.send(_answer(b"big", status=b"413 Too Large", last=True))
        await ending(stream)

    async with loopback(conduct) as url, _transport() as transport:
        trip = Trip()
        seen = None
        with suppress(*([NoAnswerError] if ending is _reset else [])):
            answer = await _post(transport, url, bytes(size), trip)
            seen = (answer.status, answer.body, trip.status)
    assert seen == (413, b"big", 413) or (ending is _reset and (seen, trip.status) == (None, None))


def _anonymous(side):
    """Return a TLS context that needs no certificate."""
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    return context


async def _in_one_piece(stream, answer):
    await stream.send(answer + answer)


async def _in_two_pieces(stream, answer):
    await stream.send(answer)
    await stream.send(answer)


async def _in_two_records(stream, answer):
    """Send two records of TLS in one piece."""
    for _ in range(2):
        stream._ssl_object.write(answer)
    await stream.transport_stream.send(stream._write_bio.read())


@pytest.mark.anyio
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("size", [0, 70_000])
@pytest.mark.parametrize("give", [_in_one_piece, _in_two_pieces, _in_two_records], ids=lambda give: give.__name__.strip("_"))
async def test_answer_that_comes_twice(library, give, size):
    """What comes behind an answer is not taken for the next one: a doubled answer costs its connection, and nothing else."""
    is_tls = give is _in_two_records
    served = 0

    async def conduct(stream):
        nonlocal served
        if is_tls:
            stream = await _under_tls(stream)
        while True:
            await read_request(stream)
            served += 1
            await give(stream, _answer(b"%d" % served + bytes(size)))

    client = pytest.importorskip(library).AsyncClient(verify=_anonymous(ssl.PROTOCOL_TLS_CLIENT))
    async with loopback(conduct) as url, _transport(client) as transport:
        for number in range(1, 5):
            answer = await _post(transport, url.replace("http:", "https:") if is_tls else url)
            assert b"%d" % number == answer.body[: len(answer.body) - size]
            if give is _in_two_pieces and _connections(transport):
                await _until_readable(transport)


async def _under_tls(stream):
    context = _anonymous(ssl.PROTOCOL_TLS_SERVER)
    return await TLSStream.wrap(stream, server_side=True, ssl_context=context, standard_compatible=False)


@pytest.mark.anyio
@pytest.mark.parametrize("nonsense", [b"", b"nonsense"])
async def test_connection_that_ends_with_its_answer(nonsense):
    """A server that ends TLS with its answer, or talks nonsense, is not asked again over that connection."""
    connections = 0

    async def conduct(stream):
        nonlocal connections
        connections += 1
        tls = await _under_tls(stream)
        await read_request(tls)
        tls._ssl_object.write(_answer(b"[]"))
        if not nonsense:
            with suppress(ssl.SSLWantReadError):
                tls._ssl_object.unwrap()
        await stream.send(tls._write_bio.read() + nonsense)
        await stream.receive()

    client = httpx.AsyncClient(verify=_anonymous(ssl.PROTOCOL_TLS_CLIENT))
    async with loopback(conduct) as url, _transport(client) as transport:
        for _ in range(3):
            assert b"[]" == (await _post(transport, url.replace("http:", "https:"))).body
    assert 3 == connections


class _Streaming:
    """An answer over a socket that knows no `shutdown`."""

    status_code = 200
    is_stream_consumed = False

    def __init__(self):
        self.headers = {"content-encoding": "gzip"}
        self.extensions = {"http_version": b"HTTP/1.1", "network_stream": self}
        self.stream = self
        self.ends = []

    def get_extra_info(self, _):
        return None

    async def __aiter__(self):
        while not self.ends:
            yield b"nope"

    async def aclose(self):
        self.ends.append("closed")


@pytest.mark.anyio
async def test_connection_without_a_socket_is_closed_under_a_refused_answer():
    """Where the event loop's sockets cannot be shut down the connection is closed: a refused answer ends."""
    answer = _Streaming()
    with pytest.raises(ProtocolError, match="its compressed data is damaged"):
        await body_of(answer, answer.headers, LIMIT)
    assert ["closed", "closed"] == answer.ends


@pytest.mark.anyio
@pytest.mark.parametrize("is_tls", [True, False])
async def test_connection_is_kept(is_tls):
    """A connection over which nothing went wrong is used again, with TLS too."""
    connections = 0

    async def conduct(stream):
        nonlocal connections
        connections += 1
        if is_tls:
            stream = await _under_tls(stream)
        while True:
            await read_request(stream)
            await stream.send(_answer(b"[]"))

    client = httpx.AsyncClient(verify=_anonymous(ssl.PROTOCOL_TLS_CLIENT))
    async with loopback(conduct) as url, _transport(client) as transport:
        for _ in range(5):
            await _post(transport, url.replace("http:", "https:") if is_tls else url)
    assert 1 == connections


@pytest.mark.anyio
@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_connection_of_an_answer_given_up_is_closed(is_cancelled):
    """Who gives up in the middle of the body, cancelled or out of time, leaves no connection behind; the head was seen."""
    sent, seen, trip = anyio.Event(), anyio.Event(), Trip()

    async def conduct(stream):
        await read_request(stream)
        await stream.send(HEAD + b"Content-Length: 100\r\n\r\n[1,")
        sent.set()
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        seen.set()

    async with loopback(conduct) as url, _transport() as transport:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_give_up, transport, url, trip, None if is_cancelled else 0.3)
                await sent.wait()
                await _until(lambda: trip.status is not None)
                if is_cancelled:
                    scope.cancel()
        with anyio.fail_after(5):
            await seen.wait()
    assert is_cancelled == scope.cancelled_caught
    assert (True, 200) == (trip.is_sent, trip.status)


async def _give_up(transport, url, trip, seconds):
    with pytest.raises(NoAnswerError, match=r"within 0\.3 s"):
        await _post(transport, url, trip=trip, timeout=seconds)
