"""A client of the caller's own, given as `http=`: HTTP/2, certificates, proxies, limits. Over real sockets."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager

import anyio
import httpx
import httpx2
import pytest
import trustme

from aioliferay import (
    BatchLimits,
    CallCancelledError,
    Cancelled,
    ConnectError,
    NoAnswerError,
    NotRun,
    NotSent,
    ProtocolError,
    RetryPolicy,
    Session,
    SignIn,
)
from aioliferay.testing import FakePortal
from secure_server import Versions, proxying, serving

pytestmark = pytest.mark.anyio
ADMINISTRATOR = ("test@liferay.com", "test")
PATH = "/dlapp/add-file-entry"
ENTRY = {"repositoryId": 20182, "folderId": 0, "sourceFileName": "a", "mimeType": "a/b", "description": "", "changeLog": ""}
MUCH = 3_000_000
ONCE = RetryPolicy(attempts=1)
AUTHORITY = trustme.CA()
libraries = pytest.mark.parametrize("library", [httpx, httpx2])
secure = pytest.mark.parametrize("is_secure", [True, False], ids=["tls", "plain"])


def _trusting():
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def _certificate(name="localhost"):
    return AUTHORITY.issue_cert(name)


@asynccontextmanager
async def _http2(library, portal, *, is_secure, **options):
    """Give a session that speaks HTTP/2 only, and look afterwards whether all of it was that."""
    versions = Versions(portal)
    trust = {"verify": _trusting()} if is_secure else {}
    with serving(versions, _certificate() if is_secure else None) as url:
        async with (
            library.AsyncClient(http1=is_secure, http2=True, **trust) as client,
            Session(url, http=client, **options) as session,
        ):
            yield session
    assert {"https 2" if is_secure else "http 2"} == set(versions.seen)


async def _pieces(size=MUCH):
    for _ in range(size // 50_000):
        yield bytes(50_000)


@libraries
@secure
@pytest.mark.parametrize("auth", [ADMINISTRATOR, SignIn(*ADMINISTRATOR)], ids=["basic", "sign-in"])
async def test_http2_calls(library, is_secure, auth):
    """Calls, batches, and many of them at once over one connection of HTTP/2, also in a sign-in session."""
    portal = FakePortal()
    async with _http2(library, portal, is_secure=is_secure, auth=auth, limits=BatchLimits(max_calls=10)) as session:
        calls = [session.call("/user/get-user-by-id", {"userId": 20514}) for _ in range(50)]
        assert ["joe"] * 50 == [(await call)["screenName"] for call in calls]
        async with session.batch() as batch:
            users = [batch.call("/user/get-user-by-id", {"userId": 20514}) for _ in range(35)]
            missing = batch.call("/x-portlet.thing/get-thing")
            await batch.invoke(return_exceptions=True)
        assert ["joe"] * 35 == [user.result()["screenName"] for user in users]
        assert "No JSON web service action" in str(missing.exception())


@libraries
@secure
@pytest.mark.parametrize("kind", ["bytes", "path", "iterator"])
async def test_http2_moves_files(library, is_secure, kind, tmp_path):
    """Files are streamed over HTTP/2 in both directions, and progress is told.

    Nothing else goes over the connection meanwhile: there httpcore may wait for ever (pydantic/httpx2, issue 1133).
    """
    portal, told = FakePortal(), []
    portal.document("minutes", MUCH)
    (tmp_path / "big").write_bytes(bytes(MUCH))
    content = {"bytes": bytes(MUCH), "path": tmp_path / "big", "iterator": _pieces()}[kind]
    async with _http2(library, portal, is_secure=is_secure, auth=SignIn(*ADMINISTRATOR)) as session:
        upload = session.upload(
            PATH, ENTRY | {"title": "t"}, files={"file": content}, progress=lambda *sent: told.append(sent)
        )
        assert MUCH == (await upload)["size"]
        got = await session.download("/documents/20182/0/minutes", tmp_path / "got")
    assert (MUCH, MUCH) == (got.size, (tmp_path / "got").stat().st_size)
    assert len(told) > 10
    assert sorted(told) == told
    assert told[-1][0] > MUCH


@libraries
async def test_http2_upload_that_is_cancelled(library):
    """An upload over HTTP/2 is aborted before its end, so that it does not run; the connection serves on."""
    portal, begun = FakePortal(), anyio.Event()

    async def endless():
        while True:
            yield bytes(50_000)

    def begin(sent, _):
        if sent > 200_000:
            begun.set()

    async with _http2(library, portal, is_secure=False, auth=ADMINISTRATOR) as session:
        await session.call("/portal/get-build-number")
        upload = session.upload(PATH, ENTRY | {"title": "t"}, files={"file": endless()}, progress=begin)
        await begun.wait()
        upload.cancel()
        with pytest.raises(CallCancelledError):
            await upload
        assert isinstance(upload.outcome, Cancelled)
        assert not upload.outcome.is_sent
        assert 6205 == await session.call("/portal/get-build-number")
    assert [] == [each for each in portal.executions if each.path == PATH]


@libraries
@pytest.mark.parametrize("write", [True, False])
async def test_http2_without_an_answer(library, write):
    """Who gives up on an answer over HTTP/2 leaves a write unknown; the connection serves on."""
    portal = FakePortal()
    path, params = ("/assettag/add-tag", {"name": "x"}) if write else ("/portal/get-build-number", {})
    async with _http2(library, portal, is_secure=False, auth=ADMINISTRATOR) as session:
        await session.call("/portal/get-build-number")
        portal.misbehave(delay=30)
        call = session.call(path, params, timeout=0.3)
        with pytest.raises(NoAnswerError):
            await call
        assert "unknown" == call.outcome.name
        assert 6205 == await session.call("/portal/get-build-number")


@libraries
@pytest.mark.parametrize("kind", ["bytes", "iterator"])
async def test_http2_upload_that_is_too_large(library, kind):
    """A portal that refuses an upload over HTTP/2 as too large is understood as over HTTP/1.1."""
    portal = FakePortal(max_upload_bytes=100_000)
    content = bytes(MUCH) if kind == "bytes" else _pieces()
    async with _http2(library, portal, is_secure=False, auth=ADMINISTRATOR) as session:
        with pytest.raises(Exception, match=r"UploadException|too large|exceeds"):
            await session.upload(PATH, ENTRY | {"title": "t"}, files={"file": content})


@libraries
async def test_certificates_of_an_own_authority(library, tmp_path):
    """A client that trusts an authority of the caller's own reaches a portal with its certificate, to move files, too."""
    portal = FakePortal()
    portal.document("minutes", MUCH)
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(portal, _certificate()) as url:
        for title, verify in (("t", _trusting()), ("u", ssl.create_default_context(cafile=tmp_path / "ca.pem"))):
            async with (
                library.AsyncClient(verify=verify) as client,
                Session(url, auth=SignIn(*ADMINISTRATOR), http=client) as session,
            ):
                assert "test" == (await session.current_user())["screenName"]
                assert MUCH == (await session.upload(PATH, ENTRY | {"title": title}, files={"file": _pieces()}))["size"]
                assert MUCH == len(await session.download("/documents/20182/0/minutes"))


async def test_authority_from_the_environment(monkeypatch, tmp_path):
    """The library's own client takes authorities from `SSL_CERT_FILE`, as the HTTP library does."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(FakePortal(), _certificate()) as url:
        async with Session(url, auth=ADMINISTRATOR) as session:
            assert 6205 == await session.call("/portal/get-build-number")


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("localhost", None),
        ("localhost", httpx.AsyncClient),
        ("localhost", httpx2.AsyncClient),
        ("portal.test", lambda: httpx.AsyncClient(verify=_trusting())),
        ("portal.test", lambda: httpx2.AsyncClient(verify=_trusting())),
    ],
)
async def test_certificates_that_are_not_trusted(name, client):
    """A certificate of an unknown authority, or for another name, is refused before anything is sent; it says why."""
    portal = FakePortal()
    given = None if client is None else client()
    with serving(portal, _certificate(name)) as url:
        async with Session(url, auth=ADMINISTRATOR, http=given, retry=ONCE) as session:
            call = session.call("/assettag/add-tag", {"name": "x"})
            with pytest.raises(ConnectError, match="certificate verify failed"):
                await call
            assert isinstance(call.outcome, NotSent)
        if given is not None:
            await given.aclose()
    assert [] == portal.requests


@libraries
@secure
async def test_proxy(library, is_secure, tmp_path):
    """Everything goes through a proxy that wants a password, which the portal does not see: calls, sign-ins, files."""
    portal = FakePortal()
    portal.document("minutes", MUCH)
    with serving(portal, _certificate() if is_secure else None) as url:
        async with proxying(("user", "s3cret")) as proxy:
            through = library.Proxy(proxy.url, auth=("user", "s3cret"))
            async with (
                library.AsyncClient(proxy=through, verify=_trusting()) as client,
                Session(url, auth=SignIn(*ADMINISTRATOR), http=client) as session,
            ):
                assert "test" == (await session.current_user())["screenName"]
                assert MUCH == (await session.upload(PATH, ENTRY | {"title": "t"}, files={"file": _pieces()}))["size"]
                assert MUCH == (await session.download("/documents/20182/0/minutes", tmp_path / "got")).size
    assert proxy.seen
    assert {"CONNECT" if is_secure else "GET", "CONNECT" if is_secure else "POST"} == {
        line.split()[0] for line in proxy.seen
    }
    assert not any("proxy-authorization" in request.headers for request in portal.requests)
    assert 7 == len(portal.requests)


async def test_proxy_of_the_environment(monkeypatch):
    """The library's own client goes through the proxy that the environment names."""
    portal = FakePortal()
    with portal.serve() as url:
        async with proxying() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "")
            async with Session(url, auth=ADMINISTRATOR) as session:
                assert 6205 == await session.call("/portal/get-build-number")
    assert [f"POST {url}/api/jsonws/invoke HTTP/1.1"] == proxy.seen


@libraries
@pytest.mark.parametrize(("is_secure", "kind", "outcome"), [(True, ConnectError, NotSent), (False, ProtocolError, NotRun)])
async def test_proxy_that_refuses(library, is_secure, kind, outcome):
    """A proxy that does not take its password ends a write as not sent, or as not run; nothing of it is shown."""
    portal = FakePortal()
    with serving(portal, _certificate() if is_secure else None) as url:
        async with proxying(("user", "other")) as proxy:
            through = library.Proxy(proxy.url, auth=("user", "s3cret"))
            async with (
                library.AsyncClient(proxy=through, verify=_trusting()) as client,
                Session(url, auth=ADMINISTRATOR, http=client, retry=ONCE) as session,
            ):
                call = session.call("/assettag/add-tag", {"name": "x"})
                with pytest.raises(kind, match="407") as caught:
                    await call
    assert isinstance(call.outcome, outcome)
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__!r}"
    assert [] == portal.requests


@libraries
async def test_proxy_that_is_not_there(library, free_tcp_port):
    """Without the proxy there is no connection: a write is not sent."""
    async with (
        library.AsyncClient(proxy=f"http://127.0.0.1:{free_tcp_port}") as client,
        Session("http://portal.test", auth=ADMINISTRATOR, http=client, retry=ONCE) as session,
    ):
        call = session.call("/assettag/add-tag", {"name": "x"})
        with pytest.raises(ConnectError):
            await call
    assert isinstance(call.outcome, NotSent)


@libraries
async def test_limits_and_timeout_of_a_client(library):
    """A client's own limit of connections holds, and calls wait for one; its time limit gives way to the session's."""
    portal = FakePortal()
    busy = most = 0

    @portal.service("/thing/get-thing")
    async def get_thing() -> int:
        """Note how many are under way."""
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await anyio.sleep(0.05)
        busy -= 1
        return 1

    with portal.serve() as url:
        async with (
            library.AsyncClient(limits=library.Limits(max_connections=2), timeout=0.01) as client,
            Session(url, auth=ADMINISTRATOR, http=client) as session,
        ):
            calls = [session.call("/thing/get-thing") for _ in range(12)]
            assert [1] * 12 == [await call for call in calls]
    assert 2 == most
