"""Every way in where something is wrong: passwords, portals, tokens, clients that others use too. Over real HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import anyio
import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from aioliferay import (
    AccessDeniedError,
    AuthenticationError,
    Failed,
    NoAnswerError,
    NotFoundError,
    NotRun,
    NotSentError,
    Ok,
    ProtocolError,
    Session,
    SignIn,
    Unknown,
)
from aioliferay._core import codec, multipart
from aioliferay._core.messages import Answer
from aioliferay.auth import (
    OAuth2AuthorizationCode,
    OAuth2ClientCredentials,
    OAuth2Password,
    OAuth2Token,
)
from aioliferay.errors import AnswerTooLargeError
from aioliferay.testing import FakePortal, File, JavaError
from loopback import HEAD, loopback, read_request

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


ENTRY = {"repositoryId": 20182, "folderId": 0, "sourceFileName": "m.txt", "mimeType": "text/plain", "title": "m"}
ENTRY |= {"description": "", "changeLog": ""}


@pytest.mark.parametrize("version", ["7.0", "7.4"])
@anyio_test
async def test_upload_with_a_token_that_the_portal_does_not_take(version):
    """A page instead of an answer means a token that is not the session's: nothing ran, and the next upload does."""
    await _upload_twice(version, {"not run"}, _spoil_token)


@pytest.mark.parametrize(("version", "outcome"), [("6.2", "not run"), ("7.0", "not run"), ("7.4", "failed")])
@anyio_test
async def test_upload_that_meets_the_end_of_its_session(version, outcome):
    """A guest was refused: by the gate or a policy, nothing ran; 7.3 and later hide whose refusal it is."""
    await _upload_twice(version, {outcome}, lambda portal, _: portal.forget_sessions())


@anyio_test
async def test_upload_that_meets_a_page_of_the_portals():
    """Also with status 500, as 6.2 has for its other services, such a page means that nothing ran."""

    def fail(portal, _):
        portal.misbehave(status=500, html=True, headers={"Liferay-Portal": "Liferay Portal"})

    await _upload_twice("6.2", {"not run"}, fail)


def _spoil_token(_, session):
    keeper = session._exchange.invoker.auth
    keeper._credentials = replace(keeper._credentials, token="spoilt")


async def _upload_twice(version, outcomes, spoil):
    """Upload what can be read once: first after the session is spoilt, then again."""
    portal = FakePortal(version)
    path = "/dlapp/add-file-entry"

    async def pieces():
        yield b"once"

    with portal.serve() as url:
        async with Session(url, auth=SignIn("test@liferay.com", "test")) as session:
            await session.current_user()
            spoil(portal, session)
            call = session.upload(path, ENTRY, files={"file": pieces()})
            with pytest.raises(AuthenticationError) as caught:
                await call
            await session.upload(path, ENTRY, files={"file": pieces()})
    assert outcomes == {call.outcome.name}
    if version != "6.2" or caught.value.status == 500:
        text = "did not know the session any more.*; upload it anew: its content can be read once only"
        assert re.search(text, str(caught.value))
        assert isinstance(caught.value.__cause__, AccessDeniedError | ProtocolError)
    assert 2 == len(portal.sign_ins)
    assert 1 == sum(each.path == path for each in portal.executions)


@anyio_test
async def test_upload_that_its_service_refuses_to_a_guest():
    """What a service says itself stays its word, also where the session had ended."""
    portal = FakePortal("7.0")

    @portal.service("/thing/add-thing", guest=True)
    def add_thing(file: File) -> int:
        """Have nothing to do with it."""
        raise JavaError("com.liferay.portal.NoSuchThingException", "no thing")

    async def pieces():
        yield b"once"

    with portal.serve() as url:
        async with Session(url, auth=SignIn(*_JOE)) as session:
            await session.current_user()
            portal.forget_sessions()
            with pytest.raises(NotFoundError, match="no thing"):
                await session.upload("/thing/add-thing", files={"file": pieces()})


@pytest.mark.parametrize("auth", [SignIn(*_JOE), OAuth2ClientCredentials("id", "secret")], ids=["front page", "token"])
@anyio_test
async def test_endless_answers_where_credentials_are_asked_for(auth):
    """An answer without an end, where a page or a token is due, is not read beyond 16 MiB; the call is not sent."""
    sent = 0

    async def conduct(stream):
        nonlocal sent
        await read_request(stream)
        await stream.send(HEAD + b"Connection: close\r\n\r\n")
        while True:
            await stream.send(bytes(1_000_000))
            sent += 1_000_000

    async with loopback(conduct) as url, Session(url, auth=auth) as session:
        call = session.call("/x/add-it")
        with pytest.raises(AnswerTooLargeError):
            await call
    assert "not sent" == call.outcome.name
    assert 16_000_000 < sent < 40_000_000  # some of it is in buffers of the system


@pytest.mark.parametrize("auth", [SignIn(*_JOE), OAuth2ClientCredentials("id", "secret")], ids=["front page", "token"])
@anyio_test
async def test_slow_answers_where_credentials_are_asked_for(auth):
    """An answer that does not come ends the call in the session's time; it is not sent."""

    async def never(_):
        await anyio.sleep_forever()

    client = httpx.AsyncClient(transport=httpx.MockTransport(never))
    async with client, Session("http://portal.test", auth=auth, http=client, timeout=0.05) as session:
        call = session.call("/x/add-it")
        with pytest.raises(NoAnswerError, match=r"within 0\.05 s"):
            await call
    assert "not sent" == call.outcome.name


_COMMAND = codec.command("/dlapp/add-file-entry", {})
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["exception", "message", "error", "type", "throwable", "x"]), inner, max_size=4)
    ),
)


@given(
    st.sampled_from([200, 204, 302, 400, 401, 403, 404, 408, 413, 500, 503]),
    st.binary() | _JSON.map(json.dumps).map(str.encode) | st.text().map(lambda text: f"<html>{text}".encode()),
    st.booleans(),
)
def test_any_answer_to_an_upload(status, body, may_be_null):
    """Whatever comes back for an upload: it ends, and only an answer with status 200 and JSON in it is a result."""
    outcome = multipart.decode(Answer(status, {}, body), _COMMAND, may_be_null=may_be_null)
    if isinstance(outcome, Ok):
        assert 200 == status
        assert from_json(body) == (outcome.value if outcome.value is not None or body.strip() == b"null" else {})
    else:
        assert isinstance(outcome, Failed | NotRun | Unknown)
        assert str(outcome.error)
