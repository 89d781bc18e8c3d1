"""Secrets: no text, and no local variable that a traceback can show, holds one, whatever goes wrong."""

from __future__ import annotations

import base64
import socket
import struct
import traceback
from contextlib import suppress
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute

from aioliferay import (
    AuthenticationError,
    AutoBatchSession,
    BatchSession,
    BearerAuth,
    LiferayError,
    RetryPolicy,
    Session,
    SignIn,
)
from aioliferay._auth import authentication_of
from aioliferay._options import checked_headers
from aioliferay.auth import (
    BasicAuth,
    OAuth2AuthorizationCode,
    OAuth2ClientCredentials,
    OAuth2Password,
    OAuth2Token,
    sign_in,
)
from aioliferay.testing import FakePortal
from loopback import loopback, read_request

anyio_test = pytest.mark.anyio
WORD = "S3CRET-1"
PORTAL = "http://portal.test"


class _Telling:
    """No client, and its `repr` tells too much."""

    def __repr__(self):
        return WORD


async def _reset(stream):
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - no database query, but a stream
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _leave(stream):
    await read_request(stream)


async def _babble(stream):
    await read_request(stream)
    await stream.send(b"HTTP/9.9 nonsense\r\n\r\n")


async def _hang(stream):
    await read_request(stream)
    with suppress(anyio.EndOfStream):
        await stream.receive()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: BasicAuth("a:b", WORD),
        lambda: BasicAuth("a", WORD.encode()),
        lambda: BearerAuth(WORD + "\n"),
        lambda: BearerAuth(WORD.encode()),
        lambda: SignIn(5, WORD),
        lambda: SignIn("u", WORD + "\ud800"),
        lambda: OAuth2ClientCredentials(5, WORD),
        lambda: OAuth2Password("id", WORD, user="u", password=WORD, token=OAuth2Token(WORD, WORD), other=1),
        lambda: OAuth2Password("id", WORD, user=5, password=WORD),
        lambda: OAuth2Password("id", WORD, user="u", password=WORD, other=1),
        lambda: OAuth2AuthorizationCode("id", WORD, other=1),
        lambda: authentication_of(("a:b", WORD)),
        lambda: authentication_of(["u", WORD]),
        lambda: Session(PORTAL, auth=("a:b", WORD)),
        lambda: Session(PORTAL, auth=["u", WORD]),
        lambda: Session("portal", auth=("u", WORD), headers={"X-Key": WORD}),
        lambda: Session(PORTAL, headers={"X-Key": WORD.encode()}),
        lambda: Session(PORTAL, headers={"X-Key": WORD}, timeout="x"),
        lambda: Session(PORTAL, http=_Telling()),
        lambda: Session(PORTAL.replace("//", f"//u:{WORD}@")),
        lambda: Session(PORTAL).acting_as(("a:b", WORD)),
        lambda: Session(PORTAL).acting_as(headers={"X-Key": WORD.encode()}),
        lambda: BatchSession(PORTAL, auth=("a:b", WORD)),
        lambda: BatchSession(PORTAL, auth=("u", WORD), headers={"X-Key": WORD}, writes="x"),
        lambda: BatchSession(Session(PORTAL), headers={"X-Key": WORD}),
        lambda: AutoBatchSession(PORTAL, headers={"X-Key": WORD.encode()}),
        lambda: OAuth2Token.from_dict({"access_token": WORD, "scope": 5}),
        lambda: OAuth2Token.from_dict({"token": WORD}),
        lambda: checked_headers({"X-Key": WORD.encode()}),
        lambda: checked_headers({"X-Key": WORD, "Content-Length": "1"}),
        lambda: checked_headers([("X-Key", WORD)]),
    ],
)
def test_what_refuses_a_secret_does_not_show_it(attempt):
    """Wherever a secret goes in and something is wrong, no local variable of a traceback holds it, nor the text."""
    with pytest.raises((TypeError, ValueError)) as caught:
        attempt()
    _check_hidden(caught.value)


@pytest.mark.parametrize("user", ["joe@liferay.com", 5])
@anyio_test
async def test_signing_in_at_once_does_not_show_the_password(user):
    """Neither where the portal refuses it, nor where it is of a wrong kind."""
    with FakePortal().serve() as url, pytest.raises((AuthenticationError, TypeError)) as caught:
        await sign_in(url, user, WORD)
    _check_hidden(caught.value)


def _check_hidden(error):
    """Fail if a frame of the library's shows the secret, or the text does, as rich and the like print them."""
    left, ours = [traceback.TracebackException.from_exception(error, capture_locals=True)], []
    while left:
        step = left.pop()
        left += [each for each in (step.__cause__, step.__context__) if each is not None]
        ours += [frame for frame in step.stack if not frame.filename.startswith(str(Path(__file__).parent))]
        assert not _tells("".join(step.format_exception_only()))
    assert not [(frame.name, frame.locals) for frame in ours if _tells(str(frame.locals))]
    assert any("aioliferay" in frame.filename for frame in ours)


def _tells(text):
    encoded = base64.b64encode(f"u:{WORD}".encode()).decode()
    return WORD in text or encoded in text


def test_an_error_that_is_handled_already_keeps_its_frames():
    """What the caller handles just then is none of this: its local variables stay."""
    with pytest.raises(KeyError) as outer:
        _handling_another_error()
    frames = [frame for frame, _ in traceback.walk_tb(outer.value.__context__.__traceback__)]
    assert "mine" == frames[-1].f_locals["value"]


def _handling_another_error():
    try:
        _failing("mine")
    except LookupError:
        with suppress(TypeError):
            authentication_of(5)
        raise KeyError from None


def _failing(value):
    raise LookupError


@pytest.mark.parametrize(
    ("library", "conduct"),
    [("own", _reset), ("httpx2", _reset), ("own", _leave), ("own", _babble), ("httpx", _hang)],
    ids=lambda part: part if isinstance(part, str) else part.__name__.strip("_"),
)
@pytest.mark.parametrize(
    "options",
    [
        {"auth": ("u", WORD)},
        {"auth": BearerAuth(WORD)},
        {"auth": SignIn("u", WORD)},
        {"auth": OAuth2Password("id", WORD, user="u", password=WORD)},
        {"auth": httpx.BasicAuth("u", WORD)},
        {"headers": {"X-Key": WORD}},
    ],
    ids=lambda options: type(options.get("auth")).__name__,
)
@anyio_test
async def test_what_fails_under_way_does_not_show_it(library, options, conduct):
    """An error of the network shows no secret in local variables: frames that hold what was sent are left out."""
    client = None if library == "own" else pytest.importorskip(library).AsyncClient()
    async with loopback(conduct) as url:
        async with Session(url, http=client, timeout=0.2, retry=RetryPolicy(attempts=1), **options) as session:
            with pytest.raises(LiferayError) as caught:
                await session.call("/x/add-it", {"value": "x" * (3_000_000 if conduct is _reset else 1)})
        if client is not None:
            await client.aclose()
    _check_hidden(caught.value)
