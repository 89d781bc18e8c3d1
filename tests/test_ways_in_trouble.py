"""Every way in where something is wrong: passwords, portals, tokens, clients that others use too. Over real HTTP."""

from __future__ import annotations

import traceback

import anyio
import httpx
import httpx2
import pytest

from aioliferay import AuthenticationError, BearerAuth, NotSentError, ProtocolError, Session, SignIn
from aioliferay.auth import (
    BasicAuth,
    OAuth2AuthorizationCode,
    OAuth2ClientCredentials,
    OAuth2Password,
    OAuth2Token,
    sign_in,
)
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_JOE = ("joe@liferay.com", "joe")
every_version = pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])


@pytest.mark.parametrize("library", [httpx, httpx2])
@anyio_test
async def test_a_given_client_keeps_its_cookies(library):
    """At no time, also while answers come, is anything of the session's in a given client's jar; its own cookies stay."""
    portal, seen = FakePortal(), []

    async def look(_):
        seen.append({cookie.name: cookie.value for cookie in client.cookies.jar})

    with portal.serve() as url:
        hooks = {"request": [look], "response": [look]}
        async with library.AsyncClient(event_hooks=hooks, cookies={"ID": "own", "JSESSIONID": "own"}) as client:
            async with Session(url, auth=SignIn(*_JOE), http=client) as session:
                assert "joe" == (await session.current_user())["screenName"]
            assert [{"ID": "own", "JSESSIONID": "own"}] * 10 == seen  # signing out would have removed them
    assert not any("own" in request.headers.get("cookie", "") for request in portal.requests)


@anyio_test
async def test_headers_of_the_session_go_with_signing_in_and_out():
    """What stands before the portal may ask for a header with every request: it is with those for credentials too."""
    portal = FakePortal("7.4")
    with portal.serve() as url:
        async with Session(url, auth=SignIn(*_JOE), headers={"X-Gateway": "k", "Cookie": "own=1"}) as session:
            await session.current_user()
    assert {"k"} == {request.headers.get("x-gateway") for request in portal.requests}
    assert all(request.headers["user-agent"].startswith("aioliferay/") for request in portal.requests)
    assert not any("own" in request.headers.get("cookie", "") for request in portal.requests)


@pytest.mark.filterwarnings("ignore::aioliferay.errors.SignInWarning")
@every_version
@anyio_test
async def test_a_wrong_password_is_tried_once_without_a_sign_in_page(version):
    """Where basic authentication takes the place of the sign-in page, a hundred calls try a wrong password once."""
    portal = FakePortal(version, sign_in_page=False)
    with portal.serve() as url:
        async with Session(url, auth=SignIn("joe@liferay.com", "wrong")) as session:
            calls = [session.call("/user/get-current-user") for _ in range(100)]
            for call in calls:
                with pytest.raises(AuthenticationError, match="does not take this user with this password"):
                    await call
    assert 1 == len([request for request in portal.requests if "authorization" in request.headers])


@anyio_test
async def test_trouble_is_no_wrong_password():
    """A page of the container's, at any step of signing in, ends one call; the next one signs in."""
    for path in ("/", "/c/portal/login"):
        portal = FakePortal()
        portal.misbehave(path=path, status=500, html=True)
        with portal.serve() as url:
            async with Session(url, auth=SignIn(*_JOE)) as session:
                with pytest.raises(ProtocolError, match="status 500"):
                    await session.current_user()
                assert "joe" == (await session.current_user())["screenName"]


@anyio_test
async def test_crash_pages_are_none_of_the_sessions_business():
    """Pages of the container's after crashes cost no sign-in, and leave the session as good as it was."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=SignIn(*_JOE)) as session:
            await session.current_user()
            portal.misbehave(status=500, html=True, times=3)
            for _ in range(3):
                with pytest.raises(ProtocolError):
                    await session.call("/assettag/add-tag", {"name": "x"})
            portal.forget_sessions()
            assert "joe" == (await session.current_user())["screenName"]
    assert 2 == len(portal.sign_ins)


@anyio_test
async def test_a_saved_token_is_not_used_up():
    """A token that was handed in serves each session of its object, and outlives an attempt that found no connection."""
    portal, saved = FakePortal("7.4"), []
    client = portal.oauth2_client
    options = {"user": _JOE[0], "password": _JOE[1], "on_token": saved.append}
    with portal.serve() as url:
        async with Session(url, auth=OAuth2Password(client.id, client.secret, **options)) as session:
            await session.current_user()
        ended = OAuth2Token(saved[0].access_token, saved[0].refresh_token, 1.0, 600.0)
        portal.misbehave(path="/o/oauth2/token", status=503)
        async with Session(url, auth=OAuth2AuthorizationCode(client.id, client.secret, token=ended)) as session:
            with pytest.raises(ProtocolError, match="status 503"):
                await session.current_user()
            await session.current_user()
        good = OAuth2AuthorizationCode(client.id, client.secret, token=saved[0], open_url=lambda _: False)
        async with Session(url, auth=good) as one, Session(url, auth=good) as other:
            for session in (one, other):
                assert "joe" == (await session.current_user())["screenName"]
    assert {"password", "refresh_token"} == {each.grant_type for each in portal.token_requests}


@anyio_test
async def test_a_token_that_cannot_be_saved_is_used(caplog):
    """A function that fails to save a token costs no call, and no second request for a token; it is logged."""
    portal = FakePortal("7.4")
    client = portal.oauth2_client

    def fail(token):
        raise OSError(f"disk full: {token.access_token}")

    with portal.serve() as url:
        async with Session(url, auth=OAuth2ClientCredentials(client.id, client.secret, on_token=fail)) as session:
            for _ in range(3):
                await session.current_user()
    assert 1 == len(portal.token_requests)
    assert "on_token failed: a new token was not saved: OSError" in caplog.text
    assert "disk full" not in caplog.text


@anyio_test
async def test_the_browser_is_awaited_only_while_somebody_waits(free_tcp_port):
    """When the last call that waits for the user is given up, nothing listens for the browser any more."""
    redirect = f"http://127.0.0.1:{free_tcp_port}/callback"
    way = OAuth2AuthorizationCode("id", redirect_uri=redirect, open_url=lambda _: None)
    with anyio.fail_after(4):
        async with Session("http://portal.test", auth=way) as session:
            with pytest.raises(NotSentError, match="its time ran out"):
                await session.call("/x/get-it", timeout=0.2)
            await anyio.sleep(0.1)
            with pytest.raises(OSError, match="connect"):
                await anyio.connect_tcp("127.0.0.1", free_tcp_port)


@anyio_test
async def test_passwords_are_in_no_local_variable():
    """Who prints the local variables of a traceback finds no password in those of this library."""
    portal = FakePortal()
    word = "s3cret-".upper() + "1"
    with portal.serve() as url:
        for attempt in (
            lambda: sign_in(url, "joe@liferay.com", word),
            lambda: sign_in(url, 5, word),
            lambda: _made(SignIn, 5, word),
            lambda: _made(BasicAuth, "a:b", word),
            lambda: _made(BearerAuth, word + "\n"),
            lambda: _made(OAuth2Password, "id", word, user=5, password=word),
            lambda: _made(OAuth2Password, "id", word, user="u", password=word, other=1),
            lambda: _made(OAuth2AuthorizationCode, "id", word, other=1),
            lambda: _made(OAuth2ClientCredentials, 5, word),
        ):
            with pytest.raises((AuthenticationError, TypeError, ValueError)) as caught:
                await attempt()
            frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
            ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("aioliferay.")]
            assert ours
            assert not [frame for frame in ours if word in repr(frame.f_locals)]


async def _made(kind, *values, **options):
    return kind(*values, **options)
