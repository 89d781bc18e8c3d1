"""One HTTP request over real sockets: what a server, or none, can do to it."""

from __future__ import annotations

import socket

import anyio
import httpx
import pytest

from aioliferay import ConnectError, NoAnswerError, NotSentError, TransportError
from aioliferay._core.messages import Answer, Request
from aioliferay._http import Transport
from aioliferay._trip import Trip
from loopback import HEAD, answering, loopback, read_request

LIMIT = 1_048_576


def _request(url, **headers):
    return Request("POST", url, headers, b"[]")


async def _failure(client, request, timeout=5.0):  # noqa: ASYNC109 - handed on, as in the library
    transport, trip = Transport(client), Trip()
    with pytest.raises((NotSentError, TransportError)) as caught:
        await transport.send(request, trip, timeout=timeout, max_bytes=LIMIT)
    await transport.aclose()
    return caught.value, trip


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["Bearer topsecret\n", "topsecret\u20ac", "topsecret ", "\ttopsecret", "top\x00secret"])
@pytest.mark.parametrize("is_given", [True, False], ids=["given client", "own client"])
async def test_error_of_a_header_hides_its_value(value, is_given):
    """A header that cannot be sent is named, but not shown: it may be a credential. Nothing was sent."""
    async with loopback(answering(b"[]")) as url:
        client = httpx.AsyncClient() if is_given else None
        error, trip = await _failure(client, _request(url, Authorization=value))
        if client is not None:
            await client.aclose()
    assert type(error) is NotSentError
    assert not trip.is_sent
    assert "Authorization" in str(error)
    assert "topsecret" not in f"{error} {error!r} {error.__cause__} {error.__context__}"


@pytest.mark.anyio
async def test_error_of_a_given_clients_header_hides_its_value():
    """So is a header that the given client adds by itself."""
    async with loopback(answering(b"[]")) as url, httpx.AsyncClient(headers={"X-Token": "topsecret\n"}) as client:
        error, _ = await _failure(client, _request(url))
    assert type(error) is NotSentError
    assert "topsecret" not in f"{error} {error!r} {error.__cause__}"


@pytest.mark.anyio
async def test_error_of_a_closed_port():
    """Where nobody listens nothing is sent, and the text asks whether the portal runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error, trip = await _failure(None, _request(f"http://127.0.0.1:{taken.getsockname()[1]}/"))
    assert type(error) is ConnectError
    assert not trip.is_sent
    assert "is the portal running, and the server URL right?" in str(error)


@pytest.mark.anyio
async def test_error_of_an_unknown_host():
    """A host name that nobody knows is a `ConnectError`, with a given client too."""
    for client in (None, httpx.AsyncClient()):
        error, trip = await _failure(client, _request("http://nosuchhost.invalid/"))
        assert type(error) is ConnectError
        assert not trip.is_sent
        assert "http://nosuchhost.invalid/" in str(error)
        if client is not None:
            await client.aclose()


async def _hang_up_at_once(_):
    """Close the connection without reading."""


async def _hang_up_after_reading(stream):
    await read_request(stream)


async def _hang_up_in_mid_head(stream):
    await read_request(stream)
    await stream.send(HEAD)


async def _hang_up_in_mid_body(stream):
    await read_request(stream)
    await stream.send(HEAD + b"Content-Length: 100\r\n\r\n[1,2")


async def _hang_up_in_mid_chunk(stream):
    await read_request(stream)
    await stream.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[1,")


async def _garbage(stream):
    await read_request(stream)
    await stream.send(b"220 this is FTP\r\n" * 10)


_RUDE = [
    _hang_up_at_once, _hang_up_after_reading, _hang_up_in_mid_head, _hang_up_in_mid_body, _hang_up_in_mid_chunk, _garbage,
]  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("conduct", _RUDE, ids=lambda conduct: conduct.__name__.strip("_"))
@pytest.mark.parametrize("is_given", [True, False], ids=["given client", "own client"])
async def test_error_of_a_rude_server(conduct, is_given):
    """Whenever the connection fails after the request's first byte, the outcome is unknown, and no half answer is read."""
    async with loopback(conduct) as url:
        client = httpx.AsyncClient() if is_given else None
        error, trip = await _failure(client, _request(url))
        if client is not None:
            await client.aclose()
    assert type(error) is NoAnswerError
    assert trip.is_sent
    assert not error.is_timeout
    assert f"the connection to {url} failed before the answer was complete" in str(error)


@pytest.mark.anyio
async def test_timeout_of_a_silent_server():
    """A server that reads and never answers: after `timeout` seconds nobody knows."""

    async def silent(stream):
        await read_request(stream)
        await anyio.sleep_forever()

    async with loopback(silent) as url:
        error, trip = await _failure(None, _request(url), timeout=0.3)
    assert type(error) is NoAnswerError
    assert error.is_timeout
    assert trip.is_sent
    assert trip.status is None
    assert f"no answer from {url} within 0.3 s; the portal may still be at work on it" == str(error)


@pytest.mark.anyio
async def test_timeout_bounds_the_whole_exchange():
    """`timeout` counts from the first byte to the last: an answer that drips for ever is given up all the same."""

    async def dripping(stream):
        await read_request(stream)
        await stream.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            await stream.send(b"1\r\n \r\n")

    async with loopback(dripping) as url:
        error, trip = await _failure(None, _request(url), timeout=0.3)
    assert type(error) is NoAnswerError
    assert error.is_timeout
    assert 200 == trip.status
    assert "within 0.3 s" in str(error)


@pytest.mark.anyio
async def test_timeout_before_a_connection_is_free():
    """Whoever waits for a free connection until the time is over was not sent."""
    arrived = anyio.Event()

    async def silent(stream):
        await read_request(stream)
        arrived.set()
        await anyio.sleep_forever()

    limits = httpx.Limits(max_connections=1)
    async with loopback(silent) as url, httpx.AsyncClient(limits=limits) as client, anyio.create_task_group() as group:
        transport = Transport(client)
        group.start_soon(_send, transport, _request(url), Trip())
        await arrived.wait()
        with pytest.raises(ConnectError, match=r"within 0\.05 s"):
            await transport.send(_request(url), trip := Trip(), timeout=0.05, max_bytes=LIMIT)
        assert not trip.is_sent
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_trip_of_an_answered_request():
    """`is_sent` turns true when the request leaves; a second request over the same transport starts anew."""
    async with loopback(answering(b"[1]")) as url:
        transport = Transport()
        trip = Trip()
        answer = await transport.send(_request(url), trip, timeout=None, max_bytes=LIMIT)
        assert (200, b"[1]", True) == (answer.status, answer.body, trip.is_sent)
        await transport.send(_request(url), trip, timeout=5.0, max_bytes=LIMIT)
        await transport.aclose()
    error, trip = await _failure(None, _request("http://nosuchhost.invalid/"))
    assert not trip.is_sent
    assert isinstance(error, ConnectError)


@pytest.mark.anyio
async def test_cancellation_goes_through():
    """Cancelling the sender aborts the request, and the trip tells that it had left."""
    arrived = anyio.Event()

    async def silent(stream):
        await read_request(stream)
        arrived.set()
        await anyio.sleep_forever()

    trip, transport = Trip(), Transport()
    async with loopback(silent) as url:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_send, transport, _request(url), trip)
                await arrived.wait()
                scope.cancel()
    await transport.aclose()
    assert scope.cancelled_caught
    assert trip.is_sent


async def _send(transport, request, trip):
    await transport.send(request, trip, timeout=None, max_bytes=LIMIT)


@pytest.mark.anyio
async def test_cookies_are_not_kept_by_an_own_client():
    """The session's own client keeps no cookies at all."""
    seen = []

    async def conduct(stream):
        seen.append(b"\r\ncookie:" in (await read_request(stream)).lower())
        await stream.send(HEAD + b"Set-Cookie: JSESSIONID=1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]")

    transport = Transport()
    async with loopback(conduct) as url:
        for _ in range(2):
            assert (await transport.send(_request(url), Trip(), timeout=5.0, max_bytes=LIMIT)).body == b"[]"
    await transport.aclose()
    assert [False, False] == seen


@pytest.mark.anyio
async def test_a_client_of_the_same_shape():
    """httpx2's client does the same work with the same errors, though its classes are others."""
    httpx2 = pytest.importorskip("httpx2")
    async with loopback(answering(b"[1]")) as url, httpx2.AsyncClient() as client:
        answer = await Transport(client).send(_request(url), trip := Trip(), timeout=5.0, max_bytes=LIMIT)
        assert Answer(200, answer.headers, b"[1]") == answer
        assert trip.is_sent
    async with httpx2.AsyncClient() as client:
        error, trip = await _failure(client, _request("http://nosuchhost.invalid/"))
    assert type(error) is ConnectError
    assert not trip.is_sent
