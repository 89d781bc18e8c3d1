"""OAuth 2: the grants by themselves, step by step."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import socket
import threading
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import AuthenticationError, NotSentError, ProtocolError
from aioliferay._loopback import code_from_browser
from aioliferay.auth import (
    Answer,
    OAuth2AuthorizationCode,
    OAuth2ClientCredentials,
    OAuth2Password,
    OAuth2Token,
    Request,
)
from aioliferay.errors import LiferayError

anyio_test = pytest.mark.anyio
_SERVER = "http://portal.test"


def _answer(status=200, **content):
    return Answer(status, body=json.dumps(content).encode())


_GOOD = _answer(access_token="A", token_type="Bearer", expires_in=600, scope="all", refresh_token="R")


def _run(way, *answers, old=None, now=1000.0):
    flow = way.obtain(_SERVER, old, now)
    sent = []
    try:
        sent.append(next(flow))
        for answer in answers:
            sent += [flow.send(answer)]
    except StopIteration as end:
        return sent, end.value
    raise AssertionError(f"it wants more: {sent[-1]}")


def _form(request):
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_client_credentials():
    """A client shows its id and secret in a form, and gets a token that lasts as long as the portal says."""
    sent, token = _run(OAuth2ClientCredentials("id", "s3cret", scope="read"), _GOOD)
    assert f"{_SERVER}/o/oauth2/token" == sent[0].url
    assert {"grant_type": "client_credentials", "client_id": "id", "client_secret": "s3cret", "scope": "read"} == _form(
        sent[0]
    )
    assert ("A", "R", 1600.0, 600.0, "all") == (
        token.access_token, token.refresh_token, token.expires_at, token.lifetime, token.scope
    )  # fmt: skip


def test_password():
    """A user's name and password go to the token endpoint, once."""
    sent, _ = _run(OAuth2Password("id", user="u", password="p", token_url="http://elsewhere.test/token"), _GOOD)
    assert "http://elsewhere.test/token" == sent[0].url
    assert {"grant_type": "password", "client_id": "id", "username": "u", "password": "p"} == _form(sent[0])


def test_tokens_are_refreshed():
    """A token is renewed by its refresh token; where that is refused, the grant begins anew."""
    way = OAuth2Password("id", user="u", password="p")
    old = OAuth2Token("old", "R1")
    sent, token = _run(way, _answer(access_token="B"), old=old)
    assert {"grant_type": "refresh_token", "client_id": "id", "refresh_token": "R1"} == _form(sent[0])
    assert ("B", "R1", math.inf) == (token.access_token, token.refresh_token, token.expires_at)
    sent, token = _run(way, _answer(400, error="invalid_grant"), _GOOD, old=old)
    assert ["refresh_token", "password"] == [_form(each)["grant_type"] for each in sent]
    assert "A" == token.access_token


def test_tokens_can_be_handed_in_and_saved():
    """A token that was saved is used as it is until it is due; each new one is told, to be saved."""
    saved = []
    given = OAuth2Token("mine", "R", 2000.0, 600.0)
    way = OAuth2ClientCredentials("id", token=given, on_token=saved.append)
    for _ in range(2):  # also for the next session, and after an attempt that failed
        assert ([], given) == _run(way)
    flow = way.obtain(_SERVER, None, 1950.0)
    assert "refresh_token" == _form(next(flow))["grant_type"]
    save = flow.send(_GOOD)
    anyio.run(save)
    assert ["A"] == [token.access_token for token in saved]

    async def save_later(token):
        saved.append(token)

    flow = OAuth2ClientCredentials("id", on_token=save_later).obtain(_SERVER, None, 0.0)
    next(flow)
    anyio.run(flow.send(_GOOD))
    assert 2 == len(saved)


@pytest.mark.parametrize(
    ("expires_at", "lifetime", "now", "is_due"),
    [
        (1000, 600, 939, False),
        (1000, 600, 940, True),
        (1000, 30, 984, False),
        (1000, 30, 985, True),
        (math.inf, math.inf, 1e12, False),
    ],
)
def test_tokens_are_due_a_minute_ahead(expires_at, lifetime, now, is_due):
    """A token is renewed a minute before its end; one of a short life, at half of it."""
    assert is_due is OAuth2ClientCredentials("id").is_due(OAuth2Token("A", "", expires_at, lifetime), now)


def test_requests_carry_the_token():
    """A call shows the token in its header; with status 401 nothing ran."""
    way = OAuth2ClientCredentials("id")
    token = OAuth2Token("A")
    assert "Bearer A" == way.signed(Request("POST", _SERVER), token).headers["Authorization"]
    assert ["refused", "doubtful", "accepted"] == [
        way.verdict(each, token) for each in (Answer(401), Answer(200, is_unauthenticated=True), Answer(403))
    ]
    assert token is way.used(token, 0)
    assert way.farewell(_SERVER, token) is None


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        (
            AuthenticationError,
            "invalid_client: no such client",
            _answer(401, error="invalid_client", error_description="no such client"),
        ),
        (AuthenticationError, "invalid_grant", _answer(400, error="invalid_grant", error_description=5)),
        (ProtocolError, "status 404", Answer(404, body=b"<html>")),
        (ProtocolError, "status 500", Answer(500, body=b"")),
        (ProtocolError, "no access token", Answer(200, body=b"<html>")),
        (ProtocolError, "no access token", _answer(token="x")),
        (ProtocolError, "no access token", _answer(access_token=5)),
        (ProtocolError, "no access token", _answer(access_token="")),
        (ProtocolError, "no access token", _answer(access_token="a b")),
        (ProtocolError, "no access token", Answer(200, body=b"[1]")),
    ],
)
def test_refusals_of_the_token_endpoint(kind, text, answer):
    """A refusal is the portal's own word; what is no answer of a token endpoint is told as such, and may be tried again."""
    with pytest.raises(kind, match=text):
        _run(OAuth2ClientCredentials("id", "s3cret"), answer)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (600, 600.0),
        ("600", 600.0),
        (None, math.inf),
        ("soon", math.inf),
        (0, 0.0),
        (-5, 0.0),
        ("nan", math.inf),
        ([1], math.inf),
    ],
)
def test_lifetimes(expires_in, lifetime):
    """A life that the portal does not tell, or tells as nonsense, is endless: a refusal will tell; a past one is over."""
    assert lifetime == _run(OAuth2ClientCredentials("id"), _answer(access_token="A", expires_in=expires_in))[1].lifetime


def test_secrets_stay_secret():
    """Neither ways nor tokens show a secret."""
    ways = [
        OAuth2ClientCredentials("id", "s3cret"),
        OAuth2Password("id", "s3cret", user="u", password="s3cret"),
        OAuth2AuthorizationCode("id", "s3cret"),
        OAuth2Token("s3cret", "s3cret"),
    ]
    assert "s3cret" not in repr(ways)
    with pytest.raises(TypeError):
        OAuth2ClientCredentials(5)
    with pytest.raises(TypeError):
        OAuth2Password("id", user="u", password=5)


@pytest.mark.parametrize("token", [OAuth2Token("A", "R", 1600.0, 600.0, "all"), OAuth2Token("A")])
def test_tokens_as_plain_json(token):
    """A token can be saved as plain JSON, which knows no infinity, and read again."""
    text = json.dumps(token.to_dict(), allow_nan=False)
    assert token == OAuth2Token.from_dict(json.loads(text))


@pytest.mark.parametrize(
    ("saved", "kind"),
    [
        (None, ValueError),
        ({}, ValueError),
        ([1], ValueError),
        ({"access_token": 5}, TypeError),
        ({"access_token": "s3cret", "refresh_token": None}, TypeError),
        ({"access_token": "s3cret", "expires_at": "soon"}, TypeError),
        ({"access_token": "s3cret", "lifetime": math.nan}, TypeError),
    ],
)
def test_what_is_no_saved_token(saved, kind):
    """What is no saved token is refused, without being shown."""
    with pytest.raises(kind, match="saved token") as caught:
        OAuth2Token.from_dict(saved)
    assert "s3cret" not in str(caught.value)


@given(
    st.integers(100, 599),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["access_token", "error", "error_description", "expires_in", "refresh_token", "scope"]),
                inner,
            )
        ),
    ),
)
def test_any_answer_of_the_token_endpoint(status, document):
    """Whatever a token endpoint answers, the end is a token or one of the library's errors."""
    try:
        _, token = _run(OAuth2ClientCredentials("id"), Answer(status, body=json.dumps(document).encode()))
    except LiferayError:
        return
    assert token.access_token.isascii()


@anyio_test
async def test_authorization_code_with_a_browser(free_tcp_port):
    """The user's browser comes back with a code; the code is exchanged with the verifier that only this program knows."""
    shown = []
    is_shown = anyio.Event()

    def show(url):
        shown.append(url)
        anyio.from_thread.run_sync(is_shown.set)

    redirect = f"http://127.0.0.1:{free_tcp_port}/callback"
    way = OAuth2AuthorizationCode("id", redirect_uri=redirect, open_url=show, scope="all")
    flow = way.obtain(_SERVER, None, 0.0)
    wait = next(flow)
    code = None

    async def come_back():
        nonlocal code
        code = await wait()

    async with anyio.create_task_group() as group:
        group.start_soon(come_back)
        await is_shown.wait()
        query = {name: values[0] for name, values in parse_qs(urlsplit(shown[0]).query).items()}
        assert b"404" in await _visit(free_tcp_port, "/favicon.ico")
        assert b"404" in await _visit(free_tcp_port, "/callback?code=forged&state=wrong")
        assert b"200 OK" in await _visit(free_tcp_port, f"/callback?code=C0DE&state={query['state']}")
    assert shown[0].startswith(f"{_SERVER}/o/oauth2/authorize?")
    assert ("code", "id", redirect, "S256", "all") == tuple(
        query[name] for name in ("response_type", "client_id", "redirect_uri", "code_challenge_method", "scope")
    )
    exchange = _form(flow.send(code))
    assert ("authorization_code", "C0DE", redirect) == (exchange["grant_type"], exchange["code"], exchange["redirect_uri"])
    digest = hashlib.sha256(exchange["code_verifier"].encode()).digest()
    assert query["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@anyio_test
async def test_authorization_code_refused_by_the_user(free_tcp_port):
    """A user who refuses ends the waiting, with the portal's word."""
    redirect = f"http://127.0.0.1:{free_tcp_port}/callback"
    failure = None

    async def wait():
        nonlocal failure
        with pytest.raises(AuthenticationError, match="access_denied not today") as caught:
            await code_from_browser("http://portal.test", redirect, "S", lambda _: None)
        failure = caught.value

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.sleep(0.1)
        await _visit(free_tcp_port, "/callback?error=access_denied&error_description=not+today&state=S")
    assert failure is not None


@anyio_test
async def test_redirect_uri_must_be_of_this_computer():
    """Nobody can listen at an address of another computer."""
    for uri in ("http://example.com:80/", "http://127.0.0.1/", "http://127.0.0.1:99999/", "http://["):
        with pytest.raises(NotSentError, match="no address of this computer"):
            await code_from_browser("http://portal.test", uri, "S", lambda _: None)


@anyio_test
async def test_browser_that_does_not_end(free_tcp_port):
    """A browser may end only with its last window: the code counts as soon as it is there, also from who leaves early."""
    ended = threading.Event()

    def browse(_):
        with socket.create_connection(("127.0.0.1", free_tcp_port)) as stream:
            stream.sendall(b"GET /callback?code=C0DE&state=S HTTP/1.1\r\nHost: x\r\n\r\n")
        ended.wait(30)

    try:
        with anyio.fail_after(20):
            redirect = f"http://127.0.0.1:{free_tcp_port}/callback"
            assert "C0DE" == await code_from_browser("http://portal.test", redirect, "S", browse)
    finally:
        ended.set()


@anyio_test
async def test_browser_that_cannot_be_opened(free_tcp_port):
    """Where no browser can be opened, nobody waits for it, and the error names the address to open."""

    def fail(_):
        raise OSError("no display")

    redirect = f"http://127.0.0.1:{free_tcp_port}/callback"
    for open_url, text in (
        (lambda _: False, "no browser could be opened; open http://portal.test/ask"),
        (fail, "no display"),
    ):
        with anyio.fail_after(20), pytest.raises(AuthenticationError, match=text) as caught:
            await code_from_browser("http://portal.test/ask", redirect, "S", open_url)
        assert "http://portal.test/ask" in str(caught.value)


async def _visit(port, target):
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        with pytest.raises(anyio.EndOfStream):
            while True:
                received += await stream.receive()
        return received
