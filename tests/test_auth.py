"""Who calls: flows as generators of requests."""

from __future__ import annotations

import base64
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import Authentication, BasicAuth, BearerAuth
from aioliferay._auth import authenticated, authentication_of
from aioliferay._core.messages import Answer, Request
from aioliferay.errors import NotSentError

REQUEST = Request("POST", "http://portal.test/api/jsonws/invoke", {"Accept": "application/json"}, b"[]")
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def _only_request(auth):
    """Run a flow that sends one request, and return it."""
    flow = auth.flow(REQUEST)
    request = next(flow)
    with pytest.raises(StopIteration):
        flow.send(Answer(401))
    return request


@given(_TEXT.filter(lambda user: ":" not in user), _TEXT)
def test_basic_flow(user, password):
    """User and password go out in UTF-8, with every request, once; nothing else of the request changes."""
    request = _only_request(BasicAuth(user, password))
    scheme, _, told = request.headers["Authorization"].partition(" ")
    assert ("Basic", f"{user}:{password}") == (scheme, base64.b64decode(told).decode())
    assert request.with_header("Authorization", "") == REQUEST.with_header("Authorization", "")


def test_basic_flow_in_bytes():
    """The header is exactly what Liferay's own Mobile SDK sends."""
    assert _only_request(BasicAuth("test@liferay.com", "test")).headers["Authorization"] == (
        "Basic dGVzdEBsaWZlcmF5LmNvbTp0ZXN0"
    )


def test_bearer_flow():
    """The token goes out with every request."""
    assert _only_request(BearerAuth("abc.def-_~+/=")).headers["Authorization"] == "Bearer abc.def-_~+/="


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "text"),
    [
        (BasicAuth, ("a:b", "topsecret"), ValueError, "a user name for basic authentication cannot contain ':'"),
        (BasicAuth, (7, "topsecret"), TypeError, "takes a pair of texts"),
        (BasicAuth, ("u", b"topsecret"), TypeError, "takes a pair of texts"),
        (BasicAuth, ("u", None), TypeError, "takes a pair of texts"),
        (BasicAuth, ("u", "topsecret\ud800"), ValueError, "(?i)utf-8"),
        (BearerAuth, (b"topsecret",), TypeError, "takes the token as text"),
        (BearerAuth, ("",), ValueError, "printable ASCII text without spaces"),
        (BearerAuth, ("topsecret\n",), ValueError, "printable ASCII text without spaces"),
        (BearerAuth, ("top secret",), ValueError, "printable ASCII text without spaces"),
        (BearerAuth, ("topsecret\u00e9",), ValueError, "printable ASCII text without spaces"),
    ],
)
def test_credentials_of_a_wrong_kind(kind, arguments, error, text):
    """Credentials that cannot travel are refused when they are given, and not shown."""
    with pytest.raises(error, match=text) as caught:
        kind(*arguments)
    assert "secret" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("auth", [BasicAuth("user", "topsecret"), BearerAuth("topsecret")])
def test_repr_hides_the_secret(auth):
    """Neither `repr` nor `str` shows a secret, and neither does the request that carries it."""
    encoded = base64.b64encode(b"user:topsecret").decode()
    shown = f"{auth!r} {auth} {_only_request(auth)!r} {_only_request(auth)}"
    assert "topsecret" not in shown
    assert encoded not in shown
    assert "hidden" in repr(auth)


def test_basic_repr_shows_the_user():
    """Whose credentials they are, one may see."""
    assert repr(BasicAuth("test@liferay.com", "topsecret")) == "BasicAuth('test@liferay.com', password hidden)"


class _Challenged:
    """Answers a challenge, and counts how often; nothing of it derives from this library."""

    def __init__(self):
        self.closed = 0

    def flow(self, request, /):
        """Ask without credentials first, and again with the challenge."""
        try:
            answer = yield request
            while answer.status == 401:
                answer = yield request.with_header("Authorization", answer.headers["www-authenticate"])
        finally:
            self.closed += 1


def test_authentication_of():
    """`auth=` is nothing, a pair, or any object with a `flow`."""
    own = _Challenged()
    assert authentication_of(None) is None
    assert own is authentication_of(own)
    assert isinstance(own, Authentication)
    pair = authentication_of(("test@liferay.com", "test"))
    assert isinstance(pair, BasicAuth)
    assert _only_request(BasicAuth("test@liferay.com", "test")) == _only_request(pair)


@pytest.mark.parametrize(
    "auth", ["user:topsecret", ("topsecret",), ["u", "topsecret"], ("u", "topsecret", 1), {"topsecret"}, 7]
)
def test_authentication_of_a_wrong_kind(auth):
    """Anything else is refused, without showing it."""
    with pytest.raises(TypeError, match=r"auth= takes \(user, password\), an authentication object or None, not") as caught:
        authentication_of(auth)
    assert "topsecret" not in str(caught.value)


def _always(_):
    return True


def _portal(*answers):
    """Return a `send` that gives these answers in turn, and the requests it got."""
    requests, left = [], list(answers)

    async def send(request):
        requests.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send, requests


@pytest.mark.anyio
async def test_authenticated_with_a_challenge():
    """A flow may send the request again once; the last answer is the one that counts, and the flow is closed."""
    answers = [Answer(401, {"www-authenticate": str(number)}) for number in range(2)]
    send, requests = _portal(*answers, Answer(200, {}, b"[1]"))
    auth = _Challenged()
    assert answers[1] == await authenticated(REQUEST, auth, send, may_repeat=_always)
    assert [None, "0"] == [request.headers.get("Authorization") for request in requests]
    assert auth.closed == 1


@pytest.mark.anyio
async def test_authenticated_does_not_repeat_what_may_have_run():
    """Whatever a flow wants: a request that the portal may have run is not sent again."""
    send, requests = _portal(Answer(401, {"www-authenticate": "x"}))
    auth = _Challenged()
    assert 401 == (await authenticated(REQUEST, auth, send, may_repeat=lambda _: False)).status
    assert [REQUEST] == requests
    assert auth.closed == 1


@pytest.mark.anyio
async def test_authenticated_answers_with_the_request_itself():
    """What a flow asks for beside the request is not taken for its answer."""

    class Tidy:
        """Says good-bye after the answer."""

        def flow(self, request, /):
            """Yield the request, and another."""
            yield request
            yield Request("GET", "http://portal.test/bye")

    send, requests = _portal(Answer(200, {}, b"[1]"), Answer(204))
    assert Answer(200, {}, b"[1]") == await authenticated(REQUEST, Tidy(), send, may_repeat=_always)
    assert 2 == len(requests)


@pytest.mark.anyio
async def test_authenticated_when_sending_fails():
    """A network failure goes through to the caller, and the flow is closed at once."""
    send, _ = _portal(Answer(401, {"www-authenticate": "x"}), ConnectionError("gone"))
    auth = _Challenged()
    with pytest.raises(ConnectionError, match="gone"):
        await authenticated(REQUEST, auth, send, may_repeat=_always)
    assert auth.closed == 1


class _Silent:
    """A flow that yields nothing."""

    def flow(self, _, /):
        """Yield nothing."""
        yield from ()


@pytest.mark.anyio
async def test_authenticated_without_a_request():
    """A flow that does not yield the request is a mistake, named by the class of its object; nothing was sent."""
    with pytest.raises(NotSentError, match="the flow of _Silent ended without yielding the request itself"):
        await authenticated(REQUEST, _Silent(), _portal()[0], may_repeat=_always)


@pytest.mark.anyio
async def test_authenticated_when_the_flow_raises():
    """What a flow raises goes through as it is."""

    class Broken:
        """Gives up after the first answer."""

        def flow(self, request, /):
            """Yield once, and raise."""
            yield request
            raise LookupError("no token")

    with pytest.raises(LookupError, match="no token"):
        await authenticated(REQUEST, Broken(), _portal(Answer(200))[0], may_repeat=_always)


@pytest.mark.parametrize("kind", [BasicAuth, BearerAuth])
def test_flow_is_pure(kind):
    """A flow is a plain generator: it neither waits nor knows an event loop."""
    assert inspect.isgeneratorfunction(kind.flow)
