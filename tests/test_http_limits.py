"""Answers that are too large, or compressed in one way or another, over real sockets and without a network."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import NoAnswerError, ProtocolError
from aioliferay._core.messages import Request
from aioliferay._decoding import Body, acceptable
from aioliferay._http import Transport
from aioliferay._trip import Trip
from aioliferay.errors import AnswerTooLargeError
from loopback import HEAD, loopback, read_request

MIB = 1_048_576


@asynccontextmanager
async def _transport(client=None):
    """Give a transport, and look afterwards whether it has left a connection in use."""
    transport = Transport(client)
    yield transport
    client = transport._client
    assert [] == [one for one in client._transport._pool.connections if not one.is_idle()]
    await client.aclose()


def _answer(body, *headers):
    lines = b"".join(header + b"\r\n" for header in headers)
    return HEAD + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _keeping(*answers):
    """Return a conduct that gives these answers on one connection, and then waits until the client closes it."""

    async def conduct(stream):
        for answer in answers:
            await read_request(stream)
            await stream.send(answer)
        await stream.receive()

    return conduct


async def _post(transport, url, *, max_bytes=MIB, headers=None):
    trip = Trip()
    return await transport.send(Request("POST", url, headers or {}, b"[]"), trip, timeout=10.0, max_bytes=max_bytes)


async def _refused(conduct, kind, client=None, *, max_bytes=MIB):
    """Return the error of a request that `conduct` answers, and make sure that the next one is answered all the same."""
    is_first = True

    async def first_rude(stream):
        nonlocal is_first
        if is_first:
            is_first = False
            await conduct(stream)
        else:
            await _keeping(_answer(b"[2]"))(stream)

    async with loopback(first_rude) as url, _transport(client) as transport:
        trip = Trip()
        with pytest.raises(kind) as caught:
            await transport.send(Request("POST", url, {}, b"[]"), trip, timeout=10.0, max_bytes=max_bytes)
        assert 200 == trip.status
        assert b"[2]" == (await _post(transport, url)).body
    return caught.value


def _raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "": lambda data: data,
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "X-GZip": gzip.compress,
    "deflate": zlib.compress,
    " deflate ": _raw_deflate,
    "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
    "deflate,gzip": lambda data: gzip.compress(zlib.compress(data)),
    "identity, gzip, identity": gzip.compress,
}


def _bomb(megabytes, packer):
    """Return zeros compressed, made quickly: the block of a million repeats without a state. It has no proper end."""
    start = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (megabytes - 1)


def _gzipped_bomb(megabytes):
    return _bomb(megabytes, zlib.compressobj(wbits=16 + zlib.MAX_WBITS))


BOMBS = {
    "gzip": lambda: _gzipped_bomb(1024),
    "deflate": lambda: _bomb(1024, zlib.compressobj()),
    "gzip, gzip": lambda: gzip.compress(_gzipped_bomb(1024)),
    "gzip, deflate": lambda: zlib.compress(_gzipped_bomb(1024)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", PACKERS)
async def test_encoded_answers_are_read(encoding):
    """Answers in gzip and in both forms of deflate, alone or in two layers, give what was packed."""
    body = b'["' + b"\xc3\xa4x" * 70_000 + b'"]'
    answer = _answer(PACKERS[encoding](body), b"Content-Encoding:" + encoding.encode())
    async with loopback(_keeping(answer, answer)) as url, _transport() as transport:
        for _ in range(2):
            assert body == (await _post(transport, url)).body
        assert 1 == len(transport._client._transport._pool.connections)


@given(st.sampled_from(sorted(PACKERS)), st.data())
def test_body_is_the_same_in_whatever_pieces_it_comes(encoding, data):
    """How the network divides a body makes no difference, nor its size at the edge of a step."""
    size = data.draw(st.sampled_from([0, 1, 2, 3, 65_535, 65_536, 65_537, 131_072, 200_000]))
    whole = data.draw(st.binary(min_size=size, max_size=size) if size < 4 else st.just(bytes(size)))
    packed = PACKERS[encoding](whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packed)), max_size=5)))
    body = Body(encoding, max_bytes=MIB, status=200)
    for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True):
        body.feed(packed[start:end])
    assert whole == body.finish()


@pytest.mark.parametrize("encoding", PACKERS)
def test_body_may_come_byte_by_byte(encoding):
    """Even what a byte alone cannot tell, such as the form of deflate, is understood."""
    body = Body(encoding, max_bytes=MIB, status=200)
    for byte in PACKERS[encoding](b"[1, 2]"):
        body.feed(bytes([byte]))
    assert b"[1, 2]" == body.finish()


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("size", [65_536, 100_000])
def test_body_of_the_limit_is_taken_and_one_byte_more_is_not(encoding, size):
    """The limit is exact, for what is received as for what is decompressed."""
    exact = Body(encoding, max_bytes=size, status=200)
    exact.feed(PACKERS[encoding](bytes(size)))
    assert bytes(size) == exact.finish()
    over = Body(encoding, max_bytes=size, status=200)
    over.feed(PACKERS[encoding](bytes(size + 1)))
    with pytest.raises(AnswerTooLargeError):
        over.finish()


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_body_that_decompresses_to_nothing_is_bounded(encoding):
    """Compressed data that never gives anything is bounded too: what is received counts, and so does each layer."""
    empty = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    endless = empty.flush(zlib.Z_FULL_FLUSH) + empty.flush(zlib.Z_FULL_FLUSH) + b"\x00\x00\x00\xff\xff" * 300_000
    body = Body(encoding, max_bytes=MIB, status=200)
    body.feed(endless if encoding == "gzip" else gzip.compress(endless))
    with pytest.raises(AnswerTooLargeError):
        body.finish()


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", BOMBS)
async def test_bomb_is_not_inflated(encoding):
    """A gigabyte in a megabyte or less is refused at the limit, in memory of the limit's size."""
    bomb = BOMBS[encoding]()
    assert 2 * MIB > len(bomb)
    tracemalloc.start()
    try:
        conduct = _keeping(_answer(bomb, b"Content-Encoding: " + encoding.encode()))
        error = await _refused(conduct, AnswerTooLargeError, max_bytes=16 * MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 16 * MIB * 1.125 + 5 * MIB > peak  # what the server of this test holds is counted too
    assert 200 == error.status


@pytest.mark.anyio
async def test_answer_of_the_limit_takes_memory_of_its_size():
    """An answer as large as allowed is held once, not twice."""
    packed = gzip.compress(bytes(16 * MIB), 1)
    async with loopback(_keeping(_answer(packed, b"Content-Encoding: gzip"))) as url, _transport() as transport:
        tracemalloc.start()
        try:
            answer = await _post(transport, url, max_bytes=16 * MIB)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert 16 * MIB == len(answer.body)
    assert 16 * MIB * 1.125 + 2 * MIB > peak


@pytest.mark.anyio
@pytest.mark.parametrize("is_given", [True, False], ids=["given client", "own client"])
async def test_announced_size_is_refused_unread(is_given):
    """A length beyond the limit is refused before the body is there; the text names limit and remedy."""
    conduct = _keeping(HEAD + b"Content-Length: 1048577\r\n\r\n")
    error = await _refused(conduct, AnswerTooLargeError, httpx.AsyncClient() if is_given else None)
    expected = (
        "the answer is larger than 1048576 bytes and was not read to its end: ask for less with select=, "
        "put fewer calls into a batch, or raise limits=BatchLimits(max_answer_bytes=...)"
    )
    assert expected == str(error)
    assert 200 == error.status


@pytest.mark.anyio
async def test_endless_answer_is_cut():
    """An answer without a length is read up to the limit; then the connection is closed, and the server sees it."""
    seen = anyio.Event()

    async def endless(stream):
        await read_request(stream)
        await stream.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                await stream.send(b"10000\r\n" + bytes(65_536) + b"\r\n")
        finally:
            seen.set()

    await _refused(endless, AnswerTooLargeError)
    with anyio.fail_after(5):
        await seen.wait()


@pytest.mark.anyio
@pytest.mark.parametrize("tail", [b"", b"[3]" * 100_000], ids=["all of it", "part of it"])
async def test_answer_refused_in_the_middle_leaves_no_connection_half_read(tail):
    """What is left of a refused answer is not taken for the next one, whether it has come already or not."""
    conduct = _keeping(_answer(b"\x1f\x8b" + bytes(100_000) + tail, b"Content-Encoding: gzip"))
    error = await _refused(conduct, ProtocolError)
    assert "the answer cannot be read: its compressed data is damaged" in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("br", "it is encoded as 'br'; gzip and deflate are what is asked for"),
        ("zstd", "it is encoded as 'zstd'"),
        ("gzip, BR", "it is encoded as 'br'"),
        ("gzip, gzip, deflate", "it is compressed 3 times over"),
    ],
)
async def test_encoding_that_was_not_asked_for(encoding, text):
    """An encoding that cannot be read is named; the portal has answered, so this is no failure of the network."""
    conduct = _keeping(_answer(b"\x8b\x00\x80[]\x03", b"Content-Encoding: " + encoding.encode()))
    error = await _refused(conduct, ProtocolError)
    assert text in str(error)
    assert not isinstance(error, AnswerTooLargeError)


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["gzip", "deflate", " deflate ", "gzip, gzip"])
async def test_compressed_data_that_breaks_off(encoding):
    """Compressed data without its end is no whole answer, even if HTTP's own frame is complete."""
    packed = PACKERS[encoding](b"[1, 2, 3, 4, 5, 6, 7, 8]")
    for end in {1, 2, 5, len(packed) - 1}:
        conduct = _keeping(_answer(packed[:end], b"Content-Encoding:" + encoding.encode()), _answer(b"[2]"))
        error = await _refused(conduct, NoAnswerError)
        assert not error.is_timeout
        assert "the answer was not complete: its compressed data breaks off" == str(error)


@pytest.mark.anyio
async def test_empty_answer_that_calls_itself_compressed():
    """An empty body is empty, whatever it is said to be compressed with; what comes behind compressed data is ignored."""
    for body, packed in ((b"", b""), (b"[]", gzip.compress(b"[]") + b"\n\n")):
        async with (
            loopback(_keeping(_answer(packed, b"Content-Encoding: gzip"))) as url,
            _transport() as transport,
        ):
            assert body == (await _post(transport, url)).body


async def _asked(client, headers=None):
    heads = []

    async def conduct(stream):
        heads.append((await read_request(stream)).decode())
        await stream.send(_answer(b"[]"))
        await stream.receive()

    async with loopback(conduct) as url, _transport(client) as transport:
        await _post(transport, url, headers=headers)
    return [line.partition(":")[2].strip() for line in heads[0].split("\r\n") if line.lower().startswith("accept-encoding:")]


@pytest.mark.anyio
async def test_accept_encoding_is_what_can_be_read():
    """Only gzip and deflate are asked for, whatever else a given client would take; who wants other ones says so."""
    assert ["gzip, deflate"] == await _asked(None)
    assert ["gzip, deflate"] == await _asked(httpx.AsyncClient(headers={"Accept-Encoding": "gzip, deflate, br, zstd"}))
    assert ["identity"] == await _asked(httpx.AsyncClient(headers={"Accept-Encoding": "identity"}))
    assert ["br"] == await _asked(None, {"accept-encoding": "br"})


def test_acceptable_keeps_what_can_be_read():
    """Of a list only what can be read is left, with its weights; where nothing is left, everything that can be."""
    assert "GZIP;q=0.5, identity; q=0" == acceptable("br;q=1, GZIP;q=0.5, *;q=0.1, identity; q=0")
    assert {"gzip, deflate"} == {acceptable(None), acceptable(""), acceptable("br")}


async def _zeros(scope, receive, send):
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-encoding", b"gzip")]})
    await send({"type": "http.response.body", "body": _gzipped_bomb(2)})


async def _pieces():
    yield gzip.compress(bytes(MIB))[:500]
    yield gzip.compress(bytes(MIB))[500:]


def _streamed(_):
    return httpx.Response(503, headers={"content-encoding": "gzip"}, content=_pieces())


def _read_before(_):
    return httpx.Response(503, headers={"content-encoding": "gzip"}, content=gzip.compress(bytes(MIB)))


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning")  # httpx's own, left by us
@pytest.mark.parametrize(
    "network",
    [httpx.ASGITransport(_zeros), httpx.MockTransport(_streamed), httpx.MockTransport(_read_before)],
    ids=["ASGI", "streamed", "read before"],
)
async def test_limit_without_a_network(network):
    """The limit holds for applications in the same process and for doubles, read before or not."""
    async with httpx.AsyncClient(transport=network) as client:
        with pytest.raises(AnswerTooLargeError) as caught:
            await _post(Transport(client), "http://portal.test/", max_bytes=MIB - 1)
    assert 503 == caught.value.status


@pytest.mark.anyio
@pytest.mark.parametrize("handler", [_streamed, _read_before])
async def test_compressed_answers_without_a_network(handler):
    """Compressed answers of doubles are read, and so are answers that a hook of the client's has read before."""

    async def read(response):
        await response.aread()

    for hooks in ([], [read]):
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler), event_hooks={"response": hooks}) as client:
            assert bytes(MIB) == (await _post(Transport(client), "http://portal.test/")).body


@pytest.mark.anyio
@pytest.mark.parametrize("is_broken", [True, False])
async def test_limit_of_a_client_of_the_same_shape(is_broken):
    """httpx2's client keeps the limit too, and leaves nothing behind."""
    httpx2 = pytest.importorskip("httpx2")
    packed = _gzipped_bomb(64) if is_broken else gzip.compress(bytes(MIB))
    conduct = _keeping(_answer(packed, b"Content-Encoding: gzip"))
    if is_broken:
        await _refused(conduct, AnswerTooLargeError, httpx2.AsyncClient())
    else:
        async with loopback(conduct) as url, _transport(httpx2.AsyncClient()) as transport:
            assert bytes(MIB) == (await _post(transport, url)).body
