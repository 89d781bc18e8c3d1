"""Every way in, over real HTTP against a portal that plays the server's side of it."""

from __future__ import annotations

import gc
import io
import logging
import traceback
import warnings

import anyio
import httpx
import pytest

from aioliferay import (
    AuthenticationError,
    BatchError,
    BatchSession,
    BearerAuth,
    Session,
    SignIn,
)
from aioliferay.auth import OAuth2AuthorizationCode, OAuth2ClientCredentials, OAuth2Password, OAuth2Token, sign_in
from aioliferay.errors import SignInWarning
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_JOE = ("joe@liferay.com", "joe")
every_version = pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])


def _paths(portal):
    return [(request.method, request.path) for request in portal.requests]


@every_version
@anyio_test
async def test_signing_in_once(version):
    """One sign-in serves all calls and batches of a session; closing it signs out, and the password went only once."""
    portal = FakePortal(version)
    with portal.serve() as url:
        async with Session(url, auth=SignIn(*_JOE)) as session:
            assert "joe" == (await session.current_user())["screenName"]
            async with session.batch() as batch:
                users = [batch.call("/user/get-user-by-id", {"userId": 20514}) for _ in range(5)]
            assert [20514] * 5 == [int(user.result()["userId"]) for user in users]
    assert 1 == len(portal.sign_ins)
    assert ("GET", "/c/portal/logout") == _paths(portal)[-1]
    assert not any("authorization" in request.headers for request in portal.requests)
    assert not any("p_auth" in request.query or "p_auth" in request.path for request in portal.requests)
    assert all("x-csrf-token" in each.headers for each in portal.requests if each.path.endswith("/invoke"))


@every_version
@anyio_test
async def test_the_portal_forgets_the_session(version):
    """When the portal has forgotten the session, calls sign in anew and run; single writes, too, which were refused."""
    portal = FakePortal(version)
    delete = "/blogs.blogsentry/delete-entry" if version == "7.4" else "/blogsentry/delete-entry"
    with portal.serve() as url:
        async with Session(url, auth=SignIn("test@liferay.com", "test")) as session:
            await session.current_user()
            portal.forget_sessions()
            async with session.batch() as batch:
                users = [batch.call("/user/get-user-by-id", {"userId": 20514}) for _ in range(3)]
            assert ["joe"] * 3 == [user.result()["screenName"] for user in users]
            portal.forget_sessions()
            assert None is await session.call(delete, {"entryId": portal.add_blog_entry("doomed")}, returns=None)
    assert 3 == len(portal.sign_ins)
    assert 1 == len([each for each in portal.executions if each.path == delete])


@every_version
@anyio_test
async def test_a_batch_of_writes_when_the_portal_has_forgotten_the_session(version):
    """6.2 refuses all that a guest asks, so a batch of writes is sent again; of 7.x it is unknown what it ran of it."""
    portal = FakePortal(version)
    delete = "/blogs.blogsentry/delete-entry" if version == "7.4" else "/blogsentry/delete-entry"
    with portal.serve() as url:
        async with Session(url, auth=SignIn("test@liferay.com", "test")) as session:
            await session.current_user()
            doomed = [portal.add_blog_entry(f"doomed {number}") for number in range(3)]
            portal.forget_sessions()
            batch = session.batch()
            calls = [batch.call(delete, {"entryId": entry_id}, returns=None) for entry_id in doomed]
            await batch.invoke(return_exceptions=True)
            assert {"ok" if version == "6.2" else "unknown"} == {call.outcome.name for call in calls}
            assert "test" == (await session.current_user())["screenName"]
    assert (3 if version == "6.2" else 0) == len([each for each in portal.executions if each.path == delete])


@anyio_test
async def test_a_hundred_calls_when_the_session_has_ended():
    """A hundred concurrent calls at the moment when the session has ended sign in once, and all of them run."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=SignIn(*_JOE)) as session:
            await session.current_user()
            portal.forget_sessions()
            calls = [session.call("/user/get-user-by-id", {"userId": 20514}) for _ in range(100)]
            assert ["joe"] * 100 == [(await call)["screenName"] for call in calls]
    assert 2 == len(portal.sign_ins)


@every_version
@anyio_test
async def test_a_wrong_password_is_tried_once(version):
    """Wrong credentials cause one attempt, whatever comes after: a portal may lock an account after some."""
    portal = FakePortal(version)
    with portal.serve() as url:
        async with Session(url, auth=SignIn("joe@liferay.com", "s3cret-wrong")) as session:
            calls = [session.call("/user/get-current-user") for _ in range(10)]
            for call in calls:
                with pytest.raises(AuthenticationError, match="does not take this user with this password") as caught:
                    await call
            with pytest.raises(BatchError):
                async with session.batch() as batch:
                    batch.call("/user/get-current-user")
            shown = "".join(traceback.format_exception(caught.value)) + repr(session) + repr(batch)
        assert [False] == [attempt.is_successful for attempt in portal.sign_ins]
        assert "s3cret" not in shown
        with pytest.raises(AuthenticationError):
            await sign_in(url, "joe@liferay.com", "wrong")
        session = await sign_in(url, *_JOE)
        assert "joe" == (await session.current_user())["screenName"]
        await session.aclose()
        async with BatchSession(url, auth=SignIn(*_JOE)) as batch:
            user = batch.call("/user/get-current-user")
        assert "joe" == user.result()["screenName"]


@anyio_test
async def test_a_portal_without_a_sign_in_page():
    """Where there is no sign-in page, the password goes with every request, with one warning for all calls."""
    portal = FakePortal(sign_in_page=False)
    with portal.serve() as url:
        with pytest.warns(SignInWarning, match="no sign-in page") as caught:
            async with Session(url, auth=SignIn(*_JOE)) as session:
                for _ in range(3):
                    assert "joe" == (await session.current_user())["screenName"]
        assert 1 == len(caught)
    assert 4 == len([request for request in portal.requests if "authorization" in request.headers])  # and one to try it


@pytest.mark.parametrize(
    "quoting",
    [
        'Liferay.authToken="{token}";',
        "Liferay.authToken='{token}';",
        "Liferay.authToken = '{token}';",
        'Liferay.authToken  =  "{token}"',
    ],
)
@anyio_test
async def test_the_token_in_any_quoting(quoting):
    """The token is found in the page however the portal quotes it."""
    with FakePortal(quoting=quoting).serve() as url:
        async with Session(url, auth=SignIn(*_JOE)) as session:
            assert "joe" == (await session.current_user())["screenName"]


@anyio_test
async def test_an_idle_session_is_renewed_ahead():
    """A session that nobody used for longer than the portal keeps it is renewed before a call is sent in vain."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=SignIn(*_JOE, idle_seconds=0.0)) as session:
            await session.current_user()
            await anyio.sleep(0.01)
            await session.current_user()
    assert 2 == len(portal.sign_ins)
    assert 2 == len([path for path in _paths(portal) if path[1].endswith("/invoke")])


@anyio_test
async def test_identities_of_sessions_never_mix():
    """Two users over one HTTP client keep their own cookies; the client's own jar stays as it was."""
    portal = FakePortal()
    with portal.serve() as url:
        async with httpx.AsyncClient() as client:
            one = Session(url, auth=SignIn(*_JOE), http=client)
            other = Session(url, auth=SignIn("test@liferay.com", "test"), http=client)
            for _ in range(3):
                assert "joe" == (await one.current_user())["screenName"]
                assert "test" == (await other.current_user())["screenName"]
            assert not dict(client.cookies)
            await one.aclose()
            assert "test" == (await other.current_user())["screenName"]
            await other.aclose()
    assert 2 == len(portal.sign_ins)


@anyio_test
async def test_a_cancelled_session_signs_out_or_leaves_at_once():
    """Who is cancelled leaves at once; who leaves by an exception signs out all the same."""
    portal = FakePortal()
    with portal.serve() as url:
        with pytest.raises(RuntimeError, match="mine"):
            async with Session(url, auth=SignIn(*_JOE)) as session:
                await session.current_user()
                raise RuntimeError("mine")
        assert ("GET", "/c/portal/logout") == _paths(portal)[-1]
        with anyio.CancelScope() as scope:
            async with Session(url, auth=SignIn(*_JOE)) as session:
                await session.current_user()
                scope.cancel()
                await anyio.sleep_forever()
    gc.collect()


@anyio_test
async def test_secrets_are_in_no_log(caplog):
    """At DEBUG, no log of the library holds password, token or cookie."""
    portal = FakePortal("7.4")
    with portal.serve() as url, caplog.at_level(logging.DEBUG, logger="aioliferay"):
        async with Session(url, auth=SignIn(*_JOE)) as session:
            await session.current_user()
            portal.forget_sessions()
            await session.current_user()
    assert "password=" not in caplog.text
    assert "JSESSIONID" not in caplog.text


@anyio_test
async def test_oauth2_client_credentials():
    """A client gets a token with the first call, uses it for all, and renews it once when the portal revokes it."""
    portal = FakePortal("7.4")
    client = portal.oauth2_client
    with portal.serve() as url:
        async with Session(url, auth=OAuth2ClientCredentials(client.id, client.secret)) as session:
            assert "test" == (await session.current_user())["screenName"]
            portal.revoke_tokens()
            calls = [session.call("/user/get-current-user") for _ in range(100)]
            assert {"test"} == {(await call)["screenName"] for call in calls}
        assert 2 == len(portal.token_requests)
        async with Session(url, auth=OAuth2ClientCredentials(client.id, "s3cret-wrong")) as session:
            for _ in range(3):
                with pytest.raises(AuthenticationError, match="invalid_client") as caught:
                    await session.current_user()
            assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert 3 == len(portal.token_requests)


@anyio_test
async def test_oauth2_tokens_are_refreshed_and_saved():
    """A user's token is refreshed by its refresh token, and each new one is handed over to be saved."""
    portal = FakePortal("7.4")
    client, saved = portal.oauth2_client, []
    with portal.serve() as url:
        way = OAuth2Password(client.id, client.secret, user=_JOE[0], password=_JOE[1], on_token=saved.append)
        async with Session(url, auth=way) as session:
            assert "joe" == (await session.current_user())["screenName"]
            portal.knobs.oauth2_seconds = 0
        ended = OAuth2Token(saved[-1].access_token, saved[-1].refresh_token, 1.0, 600.0)
        portal.knobs.oauth2_seconds = 600
        way = OAuth2Password(client.id, client.secret, user=_JOE[0], password=_JOE[1], token=ended, on_token=saved.append)
        async with Session(url, auth=way) as session:
            assert "joe" == (await session.current_user())["screenName"]
    assert ["password", "refresh_token"] == [each.grant_type for each in portal.token_requests]
    assert 2 == len(saved)


@anyio_test
async def test_oauth2_with_a_browser(free_tcp_port):
    """A user signs in with a browser, which the portal sends back to this computer with a code."""
    portal = FakePortal("7.4")
    client = portal.oauth2_public_client
    redirect = f"http://127.0.0.1:{free_tcp_port}/callback"
    client.redirect_uris = (redirect,)

    def browse(url):
        with httpx.Client(follow_redirects=True) as browser:
            browser.get(url, auth=_JOE)

    with portal.serve() as url:
        way = OAuth2AuthorizationCode(client.id, redirect_uri=redirect, open_url=browse)
        async with Session(url, auth=way) as session:
            assert "joe" == (await session.current_user())["screenName"]
    assert ["authorization_code"] == [each.grant_type for each in portal.token_requests]


@anyio_test
async def test_bearer_tokens():
    """A token from elsewhere is good as it is; a function is asked again when the portal refuses its token."""
    portal = FakePortal("7.4")
    client = portal.oauth2_client
    asked = 0

    async def fetch():
        nonlocal asked
        asked += 1
        async with httpx.AsyncClient() as http:
            form = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
            return (await http.post(f"{url}/o/oauth2/token", data=form)).json()["access_token"]

    with portal.serve() as url:
        async with Session(url, auth=BearerAuth(await fetch())) as session:
            assert "test" == (await session.current_user())["screenName"]
        async with Session(url, auth=BearerAuth(fetch)) as session:
            await session.current_user()
            portal.revoke_tokens()
            await session.current_user()
    assert 3 == asked


@anyio_test
async def test_httpx_digest_is_taken_as_it_is():
    """An authentication object of the HTTP library's goes through: its digest opens WebDAV, which basic does not."""
    portal = FakePortal()
    with portal.serve() as url:
        async with Session(url, auth=httpx.DigestAuth("test@liferay.com", "test")) as session:
            with pytest.raises(AuthenticationError):
                await session.current_user()  # the JSON web services know no digest


def test_sessions_show_no_secret():
    """Neither a session nor its authentication shows a secret, also to what prints every local variable."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session = Session("http://portal.test", auth=SignIn("u", "s3cret"))
    out = io.StringIO()
    print(session, vars(session), session._exchange, session._exchange.invoker, session._exchange.invoker.auth, file=out)
    assert "s3cret" not in out.getvalue()
