"""One HTTP request and its answer, and what becomes of everything that can go wrong on the way."""

from __future__ import annotations

from types import SimpleNamespace

import anyio
import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import ConnectError, NoAnswerError, NotSentError, TransportError
from aioliferay._core.messages import Answer, Request
from aioliferay._http import Transport, _Whole
from aioliferay._trip import Trip

LIMIT = 1_048_576
URL = "http://portal.test/api/jsonws/invoke"
REQUEST = Request("POST", URL, {"Content-Type": "application/json"}, b"[]")


def _routed(**behaviour):
    """Return a client whose every request is answered as told, without a network, and what it was sent."""
    router = respx.MockRouter(assert_all_called=False)
    route = router.route().mock(**behaviour)
    return httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)), route


def _request(url, **headers):
    return Request("POST", url, headers, b"[]")


async def _failure(client, request=REQUEST, timeout=5.0):  # noqa: ASYNC109 - handed on, as in the library
    transport, trip = Transport(client), Trip()
    with pytest.raises((NotSentError, TransportError)) as caught:
        await transport.send(request, trip, timeout=timeout, max_bytes=LIMIT)
    await transport.aclose()
    return caught.value, trip


@pytest.mark.anyio
async def test_send_sends_the_request_as_it_is():
    """Method, URL, headers and body go out unchanged; status, lower-case header names and bytes come back."""
    client, route = _routed(return_value=httpx.Response(503, headers={"X-Y": "z"}, content=b"\xff\x00"))
    answer = await Transport(client).send(Request("PUT", URL, {"A": "1"}, b"\x00\xfe"), Trip(), timeout=1.0, max_bytes=LIMIT)
    sent = route.calls.last.request
    assert (503, "z", b"\xff\x00") == (answer.status, answer.headers["x-y"], answer.body)
    assert ("PUT", URL, "1", b"\x00\xfe") == (sent.method, str(sent.url), sent.headers["a"], sent.content)


@pytest.mark.anyio
async def test_send_does_not_follow_redirects():
    """A redirect is an answer like any other: following it would turn POST into GET."""
    client, route = _routed(return_value=httpx.Response(302, headers={"Location": "http://elsewhere.test/"}))
    client.follow_redirects = True
    answer = await Transport(client).send(REQUEST, Trip(), timeout=1.0, max_bytes=LIMIT)
    assert (302, "http://elsewhere.test/") == (answer.status, answer.headers["location"])
    assert len(route.calls) == 1


_NEVER_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol]
_SENT = [
    httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.RemoteProtocolError,
    httpx.DecodingError, RuntimeError,
]  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("kind", _NEVER_SENT)
async def test_error_without_a_connection(kind):
    """Without a connection nothing was sent: a `ConnectError`, which is a `NotSentError`; the cause is kept."""
    error, _ = await _failure(_routed(side_effect=kind("for this reason"))[0])
    assert type(error) is ConnectError
    assert isinstance(error, NotSentError)
    assert isinstance(error.__cause__, kind)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", _SENT)
async def test_error_after_sending(kind):
    """Once the request may have left, no answer means that nobody knows; a client that traces nothing counts as such."""
    error, trip = await _failure(_routed(side_effect=kind("for this reason"))[0])
    assert type(error) is NoAnswerError
    assert trip.is_sent
    assert isinstance(error.__cause__, kind)
    assert ("within 5 s" if issubclass(kind, httpx.TimeoutException) else "for this reason") in str(error)


@pytest.mark.anyio
async def test_error_without_a_text():
    """An error of the HTTP library without a text is named by its class."""
    error, _ = await _failure(_routed(side_effect=httpx.ReadError(""))[0])
    assert "failed before the answer was complete: ReadError" in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (httpx.PoolTimeout, "no connection was free within 5 s: too many requests at once, or too slow ones"),
        (httpx.ConnectTimeout, "no connection to http://portal.test/api/jsonws/invoke: it did not answer in time; is the"),
        (httpx.ConnectError, "no connection to http://portal.test/api/jsonws/invoke: why; is the portal running, and the"),
    ],
)
async def test_error_text_names_the_remedy(kind, text):
    """The text tells what is wrong in words of the user's, with the URL."""
    error, _ = await _failure(_routed(side_effect=kind("why"))[0])
    assert text in str(error)


class _Connecting(httpx.AsyncBaseTransport):
    """A network that begins to connect, for ever."""

    async def handle_async_request(self, request):
        await request.extensions["trace"]("connection.connect_tcp.started", {})
        await anyio.sleep_forever()


@pytest.mark.anyio
async def test_timeout_while_connecting():
    """Time that runs out before there is a connection is a `ConnectError`: nothing was sent."""
    error, trip = await _failure(httpx.AsyncClient(transport=_Connecting()), timeout=0.01)
    assert type(error) is ConnectError
    assert not trip.is_sent
    assert f"no connection to {URL} within 0.01 s; is the portal running" in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url", ["http://portal.test:99999/x", "http://\x00/", "ht tp://x/", "ftp://portal.test/", "http:///x"]
)
async def test_error_of_an_unusable_url(url):
    """A URL that the HTTP library cannot use was never sent to."""
    error, trip = await _failure(None, _request(url))
    assert isinstance(error, NotSentError)
    assert not trip.is_sent


def _giving_cookies(seen):
    def handle(request):
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers=[("Set-Cookie", "JSESSIONID=1; Path=/"), ("Set-Cookie", "A=2")], content=b"[]")

    return httpx.MockTransport(handle)


async def _cookies_of_three_trips(client, seen, request=REQUEST):
    for _ in range(3):
        await Transport(client).send(request, Trip(), timeout=5.0, max_bytes=LIMIT)
    transport = Transport(client)
    for _ in range(2):
        await transport.send(request, Trip(), timeout=5.0, max_bytes=LIMIT)
    return set(seen)


@pytest.mark.anyio
async def test_cookies_of_the_portal_are_not_sent_back():
    """What the portal sets is not sent back, by no session over the client, or two users would share a session."""
    seen = []
    async with httpx.AsyncClient(transport=_giving_cookies(seen)) as client:
        assert {None} == await _cookies_of_three_trips(client, seen)


@pytest.mark.anyio
async def test_cookies_of_a_given_client_are_sent():
    """Cookies that the client was made with are its owner's will: they are sent, and only they."""
    seen = []
    async with httpx.AsyncClient(transport=_giving_cookies(seen), cookies={"OWN": "7"}) as client:
        assert {"OWN=7"} == await _cookies_of_three_trips(client, seen)


@pytest.mark.anyio
async def test_cookie_header_of_the_caller_is_sent():
    """A Cookie header that somebody wrote on purpose is sent: by an authentication flow, or by the client's own headers."""
    seen = []
    async with httpx.AsyncClient(transport=_giving_cookies(seen)) as client:
        assert {"X=1"} == await _cookies_of_three_trips(client, seen, _request(URL, Cookie="X=1"))
    seen.clear()
    async with httpx.AsyncClient(transport=_giving_cookies(seen), headers={"cookie": "Y=2"}) as client:
        assert {"Y=2"} == await _cookies_of_three_trips(client, seen)


@pytest.mark.anyio
async def test_aclose_closes_only_an_own_client():
    """A given client stays open: it is not ours. An own one is closed, and refuses further requests as not sent."""
    client, _ = _routed(return_value=httpx.Response(200, content=b"[]"))
    await Transport(client).aclose()
    assert not client.is_closed
    await client.aclose()
    for transport in (Transport(), Transport(client)):
        await transport.aclose()
        with pytest.raises(NotSentError, match="HTTP client is closed"):
            await transport.send(REQUEST, Trip(), timeout=1.0, max_bytes=LIMIT)


def test_client_of_another_shape_is_refused():
    """A client that cannot be awaited is refused at once, by name."""
    for client in (httpx.Client(), "x"):
        with pytest.raises(TypeError, match=rf"not {type(client).__name__}$"):
            Transport(client)


def test_own_client_belongs_to_one_event_loop():
    """Connections of its own cannot be used in another event loop: that is said, and nothing is sent."""
    transport = Transport(_routed(return_value=httpx.Response(200, content=b"[]"))[0])
    transport.is_own = True
    anyio.run(_send, transport)
    with pytest.raises(NotSentError, match="in another event loop before: make one session for each loop"):
        anyio.run(_send, transport)


async def _send(transport):
    await transport.send(REQUEST, Trip(), timeout=1.0, max_bytes=LIMIT)


@pytest.mark.anyio
async def test_cookies_that_a_client_had_before_are_given_back():
    """What the portal sets takes the place of a cookie that the client had only until the answer is there."""
    seen = []
    async with httpx.AsyncClient(transport=_giving_cookies(seen)) as client:
        client.cookies.set("JSESSIONID", "mine", domain="portal.test", path="/")
        await _send(Transport(client))
        assert {"JSESSIONID": "mine"} == dict(client.cookies)


@pytest.mark.anyio
async def test_auth_of_the_http_library_is_handed_on():
    """An authentication object of the HTTP library's is applied by the library."""
    client, route = _routed(return_value=httpx.Response(200, content=b"[]"))
    await Transport(client, auth=httpx.BasicAuth("u", "p")).send(REQUEST, Trip(), timeout=1.0, max_bytes=LIMIT)
    assert route.calls.last.request.headers["authorization"] == "Basic dTpw"


class _ForeignError(Exception):
    """An error that no HTTP library ever named."""


@given(st.sampled_from([*_NEVER_SENT, *_SENT, _ForeignError, ValueError, OSError]), st.text())
def test_error_of_any_kind_is_of_the_tree(kind, text):
    """Whatever a client raises becomes an error of this library's, with the cause, and nothing else."""
    error, _ = anyio.run(_failure, _routed(side_effect=kind(text))[0])
    assert isinstance(error, NotSentError | TransportError)
    assert isinstance(error.__cause__, kind)


class _Jar(dict):
    """Cookies of a client that has nothing to do with httpx."""

    def set_cookie_header(self, message):
        """Add the cookies to a request."""
        if self:
            message.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.items())


class _Client:
    """A client of the same shape as httpx's, and of none of its classes."""

    def __init__(self):
        self.cookies = _Jar(OWN="7")
        self.headers = {}
        self.sent = []

    def build_request(self, method, url, **options):
        """Make a request."""
        return SimpleNamespace(method=method, url=url, stream=options["content"], headers=dict(options["headers"]))

    async def send(self, message, **options):
        """Answer a request."""
        self.sent.append((message, options))
        return SimpleNamespace(status_code=200, headers={"X-Y": "z"}, content=b"[1]")


@pytest.mark.anyio
async def test_a_client_of_the_same_shape_needs_no_class_of_httpx():
    """Any client that makes and sends requests as httpx's does will do."""
    client = _Client()
    assert Answer(200, {"x-y": "z"}, b"[1]") == await Transport(client).send(REQUEST, Trip(), timeout=1.0, max_bytes=LIMIT)
    ((message, options),) = client.sent
    assert ("POST", URL, b"[]") == (message.method, message.url, message.stream)
    assert {"Content-Type": "application/json", "cookie": "OWN=7", "accept-encoding": "gzip, deflate"} == message.headers
    assert {"stream": True, "follow_redirects": False} == options


@pytest.mark.anyio
async def test_body_can_be_sent_again():
    """The body is the same at every reading: an HTTP library may have to send it twice, for a challenge."""
    body = _Whole(b"[1]")
    for _ in range(2):
        assert [part async for part in body] == [b"[1]"]
        assert [part async for part in aiter(body)] == [b"[1]"]
    assert list(body) == [b"[1]"]
