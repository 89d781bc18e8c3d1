"""Bodies that are streamed through clients of any kind, and connections under them that are not plain sockets."""

from __future__ import annotations

import ssl

import anyio
import httpx
import pytest

from aioliferay import AuthenticationError, Failed, NotRun, ProtocolError, ServerError, Session
from aioliferay._bodies import Stream, take
from aioliferay._core.messages import Answer
from aioliferay.auth import SignIn
from aioliferay.testing import FakePortal
from file_server import Connection, Library, serving
from test_http_connections import _anonymous, _under_tls

pytestmark = pytest.mark.anyio
PATH = "/dlapp/add-file-entry"
DATA = bytes(range(256)) * 2000
TOO_LARGE = b'{"exception":"com.liferay.portal.kernel.upload.UploadException","message":"too large"}'


async def test_client_without_a_network():
    """A client whose transport is no network's sends and fetches files as any other."""
    got = []

    async def answer(request):
        got.append((request.headers.get("content-length"), await request.aread()))
        return httpx.Response(200, content=b'{"a":1}')

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client,
        Session("http://portal.test", http=client) as session,
    ):
        assert {"a": 1} == await session.upload(PATH, files={"file": b"some"})
        assert b'{"a":1}' == await session.download("/x")
    assert str(len(got[0][1])) == got[0][0]
    assert b"some" in got[0][1]


async def test_client_in_process(tmp_path):
    """So does one that calls the fake portal in process."""
    portal = FakePortal()
    document = portal.document("large", 1_000_000)
    params = {"repositoryId": 20182, "folderId": 0, "sourceFileName": "a", "mimeType": "a/b", "description": ""}
    async with (
        httpx.AsyncClient(transport=portal.transport()) as client,
        Session("http://portal.test", http=client, auth=SignIn("test@liferay.com", "test")) as session,
    ):
        upload = session.upload(PATH, {**params, "title": "t", "changeLog": ""}, files={"file": DATA})
        assert len(DATA) == (await upload)["size"]
        await session.download(document.path, tmp_path / "large")
    assert b"".join(document.chunks()) == (tmp_path / "large").read_bytes()


def _secure(conduct):
    async def under_tls(connection):
        await conduct(Connection(await _under_tls(connection.stream)))

    return under_tls


async def test_files_under_tls(tmp_path):
    """Under TLS files go the same ways; an answer that comes early is read once the form is out, or the connection ends."""

    async def early(connection):
        asked = await connection.head()
        await connection.answer(TOO_LARGE)
        await connection.body(asked)

    async def closing(connection):
        await connection.head()
        await connection.answer(TOO_LARGE, connection="close")

    client = httpx.AsyncClient(verify=_anonymous(ssl.PROTOCOL_TLS_CLIENT))
    async with client:
        for conduct in (early, closing):
            async with (
                serving(_secure(conduct)) as url,
                Session(url.replace("http:", "https:"), http=client) as session,
            ):
                call = session.upload(PATH, files={"file": bytes(16_000_000)})
                with anyio.fail_after(20):
                    await _ended(call)
                assert isinstance(call.outcome, Failed if conduct is early else Failed | NotRun)
        async with serving(_secure(Library(DATA))) as url, Session(url.replace("http:", "https:"), http=client) as session:
            await session.download("/x", tmp_path / "x")
    assert DATA == (tmp_path / "x").read_bytes()


async def _ended(call):
    ended = anyio.Event()
    call.add_done_callback(lambda _: ended.set())
    await ended.wait()
    call.exception()


async def test_answer_that_comes_twice():
    """What comes behind a file is not taken for the next answer."""
    served = 0

    async def conduct(connection):
        nonlocal served
        while True:
            await connection.request()
            served += 1
            body = b"file %d" % served
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            await connection.stream.send(answer + answer)

    async with serving(conduct) as url, Session(url) as session:
        for number in range(1, 4):
            assert b"file %d" % number == await session.download("/x")


class _Streaming:
    """An answer over a connection that others share, as those of HTTP/2 do."""

    is_stream_consumed = False
    extensions = {"http_version": b"HTTP/2"}  # noqa: RUF012 - a double

    def __init__(self):
        self.stream = self
        self.closed = 0

    async def __aiter__(self):
        yield b"some"
        yield b"more"

    async def aclose(self):
        self.closed += 1


class _Failing:
    async def begin(self, _):
        return True

    async def write(self, _):
        raise ZeroDivisionError


async def test_sink_that_fails_over_a_shared_connection():
    """Where the connection is not the answer's own, it is not cut: the answer is closed."""
    answer = _Streaming()
    with pytest.raises(ZeroDivisionError):
        await take(answer, Answer(200), Stream(sink=_Failing()))
    assert 1 == answer.closed


async def test_credentials_that_are_not_renewed():
    """Where signing in again fails, the download's error is that the portal wants to know who asks, with that reason."""
    portal = FakePortal()
    portal.document("minutes", b"x")
    with portal.serve() as url:
        async with Session(url, auth=SignIn("test@liferay.com", "test")) as session:
            await session.call("/portal/get-build-number")
            portal.forget_sessions()
            portal.misbehave(path="/c/portal/login", status=500, html=True)
            with pytest.raises(AuthenticationError, match="the portal redirects to its sign-in page") as caught:
                await session.download("/documents/20182/0/minutes")
    assert isinstance(caught.value.__cause__, ServerError | ProtocolError)
