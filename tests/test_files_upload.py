"""Uploads over real sockets: what goes out, how it is told, aborted, timed and refused."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import socket
import tempfile
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from aioliferay import (
    BasicAuth,
    CallCancelledError,
    Cancelled,
    ClosedError,
    ConnectError,
    Failed,
    NoAnswerError,
    NotRun,
    NotSent,
    NotSentError,
    Ok,
    ProtocolError,
    ResultError,
    RetryPolicy,
    ServerError,
    Session,
    Unknown,
    _uploads,
)
from aioliferay._core.values import ServiceContext
from aioliferay.errors import CallbackError
from aioliferay.files import UploadFile
from aioliferay.observe import ExchangeCompleted, ExchangeFailed, ExchangeStarted, RetryScheduled
from file_server import serving

pytestmark = pytest.mark.anyio
PATH = "/dlapp/add-file-entry"
DATA = bytes(range(256)) * 1500  # several pieces
MUCH = 64 * 1024 * 1024
ONCE = RetryPolicy(attempts=1)


def taking(asked, answer=None):
    """Return a conduct that takes forms and answers the number of bytes of each file, or `answer`."""

    async def conduct(connection):
        while True:
            request = await connection.request()
            asked.append(request)
            sizes = {name: len(value) for name, value in request.parts if isinstance(value, bytes)}
            await connection.json(sizes if answer is None else answer)

    return conduct


async def pieces(*data):
    for piece in data:
        yield piece


async def endless():
    while True:
        yield bytes(65_536)


class Asynchronous:
    """A file whose `read` is asynchronous, such as starlette's `UploadFile`."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    async def read(self, size):
        return self._file.read(size)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "minutes.bin"
    path.write_bytes(DATA)
    return path


CONTENTS = {
    "bytes": lambda _: (DATA, "file", True),
    "bytearray": lambda _: (bytearray(DATA), "file", True),
    "path": lambda path: (path, "minutes.bin", True),
    "path as bytes": lambda path: (_FsPath(os.fsencode(path)), "minutes.bin", True),
    "open file": lambda path: (path.open("rb"), "minutes.bin", True),
    "unbuffered file": lambda path: (path.open("rb", buffering=0), "minutes.bin", True),
    "memory": lambda _: (io.BytesIO(DATA), "file", True),
    "spooled": lambda _: (_spooled(), "file", True),
    "asynchronous file": lambda _: (Asynchronous(DATA), "file", False),
    "iterator": lambda _: (pieces(DATA[:7], b"", DATA[7:100_000], memoryview(DATA)[100_000:]), "file", False),
    "named": lambda path: (UploadFile(path, 'Grüße "x"\r\n.txt', "text/plain"), "Grüße %22x%22%0D%0A.txt", True),
}


class _FsPath:
    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return self._path


def _spooled():
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - the test closes it
    file.write(DATA)
    file.seek(0)
    return file


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
async def test_upload_of_any_content(content, path):
    """Bytes, paths, files and iterators arrive as they are, with their length where it is known, else in chunks."""
    given, filename, has_size = content(path)
    asked = []
    async with serving(taking(asked)) as url, Session(url) as session:
        assert {"file": len(DATA)} == await session.upload(PATH, {"title": "Tätigkeit"}, files={"file": given})
    if hasattr(given, "close"):
        assert not given.closed
        given.close()
    (request,) = asked
    (_, title), (name, file) = request.parts
    assert ("POST", "/api/jsonws/dlapp/add-file-entry", "Tätigkeit", "file") == (request.method, request.target, title, name)
    assert (DATA, filename) == (bytes(file), file.filename)
    assert file.content_type == ("text/plain" if isinstance(given, UploadFile) else "")
    assert has_size == ("content-length" in request.headers) == ("transfer-encoding" not in request.headers)


async def test_upload_begins_where_the_file_stands(path):
    """Of an open file the part is sent that is left to read."""
    asked = []
    with path.open("rb") as file:
        file.seek(1000)
        async with serving(taking(asked)) as url, Session(url) as session:
            assert {"file": len(DATA) - 1000} == await session.upload(PATH, files={"file": file})
    assert DATA[1000:] == bytes(dict(asked[0].parts)["file"])


async def test_upload_of_a_pipe():
    """What comes out of a pipe is sent as it comes, until its end."""
    asked = []
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source:
        os.write(writing, b"some")
        os.close(writing)
        async with serving(taking(asked)) as url, Session(url) as session:
            assert {"file": 4} == await session.upload(PATH, files={"file": source})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
async def test_upload_of_a_named_pipe(tmp_path):
    """A path may lead to a pipe: its length is not known, and it is sent in chunks."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    asked = []
    async with serving(taking(asked)) as url, Session(url) as session, anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, pipe.write_bytes, b"out of a pipe")
        assert {"file": 13} == await session.upload(PATH, files={"file": pipe})
    assert "chunked" == asked[0].headers["transfer-encoding"]


async def test_upload_with_parameters_and_several_files():
    """Parameters come first, as fields by Liferay's rules; an `UploadFile` among them is a file."""
    asked = []
    params = {
        "a": [1, "x"],
        "b": None,
        "file": UploadFile(b"1", "one.txt"),
        "serviceContext": ServiceContext(scope_group_id=7),
    }
    async with serving(taking(asked)) as url, Session(url) as session:
        assert {"file": 1, "other": 2} == await session.upload(PATH, params, files={"other": b"22"})
    parts = [(name, value) for name, value in asked[0].parts if isinstance(value, str)]
    assert [("a", '[1,"x"]'), ("-b", ""), ("serviceContext", '{"scopeGroupId":7}')] == parts
    assert ["other", "file"] == [name for name, value in asked[0].parts if isinstance(value, bytes)]


async def test_upload_with_the_result_of_a_call():
    """A parameter may be a property of a result that is there; one that is pending is refused at once."""
    asked = []

    async def conduct(connection):
        while True:
            request = await connection.request()
            if request.target.endswith("/invoke"):
                await connection.json([[{"groupId": 7}] if b"groups" in request.body else {"groupId": 7}])
            else:
                asked.append(request)
                await connection.json({"fileEntryId": 9})

    async with serving(conduct) as url, Session(url) as session:
        site = session.call("/group/get-group")
        with pytest.raises(ValueError, match="it refers to a call that is pending elsewhere"):
            session.upload(PATH, {"repositoryId": site["groupId"]}, files={"file": b"x"})
        await site
        upload = session.upload(PATH, {"repositoryId": site["groupId"]}, files={"file": b"x"})
        await upload
        sites = session.call("/group/get-groups")
        await sites
        with pytest.raises(ValueError, match="an upload cannot run for each element of a list"):
            session.upload(PATH, {"id": sites.each["groupId"]}, files={"file": b"x"})
        async with session.batch() as batch:
            batch.call("/dlapp/get-file-entry", {"fileEntryId": upload["fileEntryId"]})
    assert ("repositoryId", "7") == asked[0].parts[0]


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (
            {"files": {"file": "minutes.txt"}},
            TypeError,
            r"file 'file': what is uploaded is bytes, .* pathlib.Path\(\.\.\.\)",
        ),
        ({"files": {"file": 7}}, TypeError, "an asynchronous iterator of bytes, or an UploadFile of one of these, not int$"),
        ({"files": {"file": io.StringIO("x")}}, TypeError, "the file was opened as text: open it with mode 'rb'"),
        ({"files": {"file": UploadFile("x")}}, TypeError, "what is uploaded is bytes"),
        ({"files": {"file": UploadFile(b"x", 7)}}, TypeError, "its name and its type are text, not int"),
        ({"files": {"file": UploadFile(b"x", "a", "no type")}}, ValueError, "'no type' is no MIME type"),
        ({"files": {"a:b": b""}}, ValueError, "'a:b' is not a plain parameter name"),
        ({"files": {7: b""}}, ValueError, "7 is not a plain parameter name"),
        ({"files": [b""]}, TypeError, "files= maps names of parameters to contents; it is list"),
        ({"files": {}}, ValueError, r"no file is given: use session\.call\(\)"),
        ({}, ValueError, r"no file is given: use session\.call\(\)"),
        ({"files": {"file": b""}, "params": {"file": 1}}, ValueError, "'file' is given twice"),
        ({"files": {"file": b""}, "params": [1]}, TypeError, "the parameters must be a mapping"),
        ({"files": {"file": b""}, "params": {"+x": 1}}, ValueError, "is not a plain parameter name"),
        ({"files": {"file": b""}, "path": "dlapp"}, ValueError, "is not of the form"),
        ({"files": {"file": b""}, "timeout": 0}, ValueError, "timeout= takes a positive number"),
        ({"files": {"file": b""}, "progress": 7}, TypeError, "an upload: progress= takes a function, not int"),
        (
            {"files": {"file": b""}, "select": ["a"]},
            TypeError,
            "an upload has no option 'select'; it has files, timeout, progr",
        ),
        ({"files": {"file": b""}, "returns": 7}, TypeError, "returns="),
    ],
)
async def test_upload_that_cannot_be(arguments, kind, text):
    """What cannot be sent is an error on the line of the call."""
    async with Session("http://127.0.0.1:1") as session:
        with pytest.raises(kind, match=text):
            session.upload(**{"path": PATH, **arguments})
    with pytest.raises(ClosedError, match="the session is closed"):
        session.upload(PATH, files={"file": b""})


async def test_upload_on_a_batch_is_refused():
    """A batch refuses a file, and says where to give it."""
    async with Session("http://127.0.0.1:1") as session:
        with pytest.raises(TypeError, match=r"a file never travels in a batch: give it to session\.upload\("):
            session.batch().upload(PATH, files={"file": b""})


async def test_upload_with_a_type_of_result():
    """The result fits `returns=`, as of any call."""
    async with serving(taking([], {"size": "7"})) as url, Session(url) as session:
        assert {"size": 7} == await session.upload(PATH, files={"file": b"x"}, returns=dict[str, int])
        with pytest.raises(ResultError, match="the result does not fit"):
            await session.upload(PATH, files={"file": b"x"}, returns=list[int])


@pytest.mark.parametrize("returns", [None, int | None, dict[str, int] | None])
async def test_empty_answer_where_nothing_is_due(returns):
    """`{}` is null where a result may be null: a 7.3 portal says the same of an upload that it has rejected."""
    async with serving(taking([], {})) as url, Session(url) as session:
        assert None is await session.upload(PATH, files={"file": b"x"}, returns=returns)


async def test_empty_answer_where_a_result_is_due():
    """`{}` where a result is due is an error that names both reasons."""
    async with serving(taking([], {})) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": b"x"}, returns=dict[str, int])
        with pytest.raises(ServerError, match="either it rejected the upload and hides why"):
            await call
        assert isinstance(call.outcome, Unknown)
        with pytest.raises(ServerError):
            await session.upload(PATH, files={"file": b"x"})
        with pytest.raises(ServerError):
            await session.upload(PATH, files={"file": b"x"}, returns=_Picky)


class _Picky:
    @classmethod
    def __get_pydantic_core_schema__(cls, *_):
        from pydantic_core import core_schema  # noqa: PLC0415 - only here

        def validate(_):
            raise RuntimeError("never")

        return core_schema.no_info_plain_validator_function(validate)


async def test_progress_is_told_as_pieces_go_out():
    """A function is told what has gone out, up to the end, and how much there is; where nobody knows it is told None."""
    known, unknown = [], []

    async def tell(sent, total):
        unknown.append((sent, total))

    asked = []
    async with serving(taking(asked)) as url, Session(url) as session:
        await session.upload(PATH, files={"file": DATA}, progress=lambda sent, total: known.append((sent, total)))
        await session.upload(PATH, files={"file": pieces(DATA)}, progress=tell)
    length = len(asked[0].body)
    assert [(length, length)] == known[-1:]
    assert {length} == {total for _, total in known}
    assert [sent for sent, _ in known] == sorted({sent for sent, _ in known})
    assert max(after - before for (before, _), (after, _) in itertools.pairwise(known)) <= 65_536
    assert (len(asked[1].body), None) == unknown[-1]


@pytest.mark.parametrize("is_async", [True, False])
async def test_progress_that_raises_aborts(is_async):
    """What the function raises ends the upload, which did not run, and its connection; the next call is answered."""
    closed = anyio.Event()

    async def conduct(connection):
        request = await connection.head()
        if request.target.endswith("invoke"):
            await connection.body(request)
            await connection.json([7])
        else:
            await connection.until_closed()
            closed.set()

    def tell(sent, _):
        if sent > 100_000:
            raise KeyError("enough")

    async def tell_later(sent, total):
        tell(sent, total)

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": endless()}, progress=tell_later if is_async else tell)
        with pytest.raises(CallbackError, match="the progress callback raised KeyError: 'enough'") as caught:
            await call
        with anyio.fail_after(5):
            await closed.wait()
        assert 7 == await session.call("/x/get-y")
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(call.outcome, NotRun)


async def test_cancel_aborts_at_once():
    """`cancel()` ends the request: the server sees the connection end, waiters learn it, and nothing ran."""
    arrived, closed = anyio.Event(), anyio.Event()

    async def conduct(connection):
        await connection.body(await connection.head(), 100_000)
        arrived.set()
        await connection.until_closed()
        closed.set()

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": endless()})
        await arrived.wait()
        assert call.cancel()
        assert not call.cancel()
        with anyio.fail_after(5):
            with pytest.raises(CallCancelledError):
                await call
            await closed.wait()
        assert [] == _busy(session)
    assert Cancelled(call.exception(), is_sent=False) == call.outcome


def _busy(session):
    pool = session._exchange.invoker.transport._client._transport._pool
    return [connection for connection in pool.connections if not connection.is_idle()]


async def test_cancel_of_a_waiter_harms_only_the_waiter():
    """Who waits and is cancelled leaves the upload alone; others get its result."""
    asked = []
    async with serving(taking(asked)) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": DATA})
        with anyio.CancelScope() as scope:
            scope.cancel()
            await call
        assert {"file": len(DATA)} == await call == await call


async def test_cancel_after_the_end_went_out():
    """Once the portal has the whole form, it may run it."""
    arrived = anyio.Event()

    async def conduct(connection):
        await connection.request()
        arrived.set()
        await connection.until_closed()

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": b"x"})
        await arrived.wait()
        call.cancel()
        assert Cancelled(call.exception(), is_sent=True) == call.outcome


async def _cut_in_the_form(connection):
    await connection.body(await connection.head(), 100_000)


async def _cut_after_the_form(connection):
    await connection.request()


async def _cut_in_the_answer(connection):
    await connection.request()
    await connection.begin(200, 100, content_type="application/json")
    await connection.stream.send(b'{"a"')


@pytest.mark.parametrize(
    ("conduct", "outcome"), [(_cut_in_the_form, NotRun), (_cut_after_the_form, Unknown), (_cut_in_the_answer, Unknown)]
)
async def test_connection_that_is_cut(conduct, outcome):
    """A form without its end runs nothing; of a whole one without an answer nobody knows. Neither is sent again."""
    connections = 0

    async def count(connection):
        nonlocal connections
        connections += 1
        await conduct(connection)

    async with serving(count) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": bytes(MUCH if outcome is NotRun else 10)})
        with pytest.raises(NoAnswerError) as caught:
            await call
        assert [] == _busy(session)
    assert outcome is type(call.outcome)
    assert ("so the portal did not run it" in str(caught.value)) == (outcome is NotRun)
    assert 1 == connections


async def test_no_connection_is_tried_again():
    """Where no connection was made nothing was read: the upload goes again, even that of an iterator."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        events = []
        hook = type("Hook", (), {"on_event": lambda _, event: events.append(event)})()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with Session(url, retry=RetryPolicy(first_delay=0), hooks=[hook]) as session:
            call = session.upload(PATH, files={"file": pieces(b"x")})
            with pytest.raises(ConnectError):
                await call
    assert isinstance(call.outcome, NotSent)
    assert 3 == sum(isinstance(event, ExchangeFailed) for event in events)
    assert 2 == sum(isinstance(event, RetryScheduled) for event in events)


async def test_server_that_is_busy_is_asked_again():
    """429 and 408 say that nothing was processed: what can be read again is sent again, the rest is not."""
    asked = []

    async def conduct(connection):
        while True:
            asked.append(await connection.request())
            if len(asked) % 2:
                await connection.answer(b"", 429, retry_after="0")
            else:
                await connection.json({"done": True})

    async with serving(conduct) as url, Session(url, retry=RetryPolicy(first_delay=0)) as session:
        assert {"done": True} == await session.upload(PATH, files={"file": io.BytesIO(DATA)})
        call = session.upload(PATH, files={"file": pieces(DATA)})
        with pytest.raises(ProtocolError, match="status 429"):
            await call
    assert isinstance(call.outcome, NotRun)
    assert [DATA] * 3 == [bytes(dict(request.parts)["file"]) for request in asked]


class _Renewing(BasicAuth):
    """Basic authentication that tries a second time, with the right password."""

    def flow(self, request):
        answer = yield request.with_header("Authorization", "wrong")
        if answer.is_unauthenticated:
            yield request.with_header("Authorization", "right")


@pytest.mark.parametrize("content", ["bytes", "path", "open file", "memory", "iterator", "asynchronous file"])
async def test_credentials_that_are_renewed(content, path):
    """Where the portal asked for credentials it ran nothing: the same form goes again, if it can be read again."""
    asked = []
    given, _, can_go_again = CONTENTS[content](path)

    async def conduct(connection):
        while True:
            asked.append(await connection.request())
            is_right = asked[-1].headers["authorization"] == "right"
            await connection.answer(b'{"done":true}' if is_right else b"", 200 if is_right else 401)

    told = []
    async with serving(conduct) as url, Session(url, auth=_Renewing("u", "p")) as session:
        call = session.upload(PATH, files={"file": given}, progress=lambda sent, _: told.append(sent))
        if can_go_again:
            assert {"done": True} == await call
        else:
            with pytest.raises(ServerError, match="the portal asks for credentials"):
                await call
            assert isinstance(call.outcome, NotRun)
    if hasattr(given, "close"):
        given.close()
    assert [DATA] * (2 if can_go_again else 1) == [bytes(dict(request.parts)["file"]) for request in asked]
    assert (told != sorted(told)) == can_go_again  # it begins anew


async def test_library_auth_that_repeats_by_itself():
    """So it is where an authentication object of the HTTP library sends again: what cannot be read twice is not."""
    import httpx  # noqa: PLC0415 - only here

    asked = []

    async def conduct(connection):
        while True:
            asked.append(await connection.request())
            if "authorization" in asked[-1].headers:
                await connection.json({"done": True})
            else:
                await connection.answer(b"", 401, www_authenticate='Digest realm="PortalRealm", nonce="1"')

    async with serving(conduct) as url:
        async with Session(url, auth=httpx.DigestAuth("u", "p")) as session:
            assert {"done": True} == await session.upload(PATH, files={"file": DATA})
        async with Session(url, auth=httpx.DigestAuth("u", "p")) as session:
            call = session.upload(PATH, files={"file": pieces(DATA)})
            with pytest.raises(NotSentError, match="it would have to be sent again, and its content can be read once only"):
                await call
    assert isinstance(call.outcome, NotRun)
    assert [DATA] * 3 == [bytes(dict(request.parts)["file"]) for request in asked]


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("has_size", [True, False])
async def test_server_that_answers_before_it_has_all(library, has_size):
    """A portal to which an upload is too large says so without reading it: the answer is read, and not lost."""
    told = b'{"exception":"com.liferay.portal.kernel.upload.UploadException","message":"the request was rejected"}'

    async def conduct(connection):
        await connection.head()
        await connection.answer(told, connection="close")

    client = pytest.importorskip(library).AsyncClient()
    async with client, serving(conduct) as url, Session(url, http=client) as session:
        for _ in range(10):
            call = session.upload(PATH, files={"file": bytes(MUCH) if has_size else endless()})
            with pytest.raises(ServerError, match="the request was rejected") as caught:
                await call
            assert isinstance(call.outcome, Failed)
            assert caught.value.is_a("UploadException")


async def test_server_that_answers_early_and_reads_on():
    """A server that answers first and reads the rest all the same is believed at once."""

    async def conduct(connection):
        request = await connection.head()
        await connection.answer(b"", 413)
        await connection.body(request)

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": bytes(MUCH)})
        with pytest.raises(ProtocolError, match="status 413"):
            await call
        assert [] == _busy(session)
    assert isinstance(call.outcome, NotRun)


async def test_time_for_the_whole():
    """`timeout=` is for the whole: what is not out by then did not run."""

    async def conduct(connection):
        await connection.body(await connection.head(), 100_000)
        await connection.stream.send(b"")
        await anyio.sleep_forever()

    async def slow():
        yield bytes(100_000)
        await anyio.sleep_forever()

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": slow()}, timeout=0.3)
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.3 s; it had not gone out to its end") as caught:
            await call
        assert caught.value.is_timeout
        assert isinstance(call.outcome, NotRun)
        assert [] == _busy(session)


async def test_time_for_the_whole_after_the_end_went_out():
    """A portal that has the whole form may still be at work."""

    async def conduct(connection):
        await connection.request()
        await anyio.sleep_forever()

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": b"x"}, timeout=0.3)
        with pytest.raises(NoAnswerError, match="the portal may still be at work on it"):
            await call
        assert isinstance(call.outcome, Unknown)


async def test_time_for_the_whole_before_it_began():
    """Without a connection in time nothing was sent."""

    async def never(_):
        raise AssertionError

    async with serving(never) as url, Session(url) as session:
        transport = session._exchange.invoker.transport
        transport._shared.free = anyio.Semaphore(0)
        call = session.upload(PATH, files={"file": b"x"}, timeout=0.1)
        with pytest.raises(NotSentError, match=r"its time ran out \(0\.1 s\) before it was sent"):
            await call
        assert isinstance(call.outcome, NotSent)
        transport._shared.free = None


async def test_pause_in_which_nothing_moves(monkeypatch):
    """Without a limit of the caller's an upload ends where nothing moves for long; a slow source is no such pause."""
    monkeypatch.setattr(_uploads, "LONGEST_PAUSE", 0.3)

    async def deaf(connection):
        await connection.head()
        await anyio.sleep_forever()

    async def slow():
        for _ in range(3):
            yield b"x"
            await anyio.sleep(0.4)

    async with serving(deaf) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": bytes(MUCH)})
        with pytest.raises(NoAnswerError, match=r"nothing moved between here and http\S+ for 0\.3 s; it had not gone"):
            await call
        assert isinstance(call.outcome, NotRun)
    async with serving(taking([])) as url, Session(url) as session:
        assert {"file": 3} == await session.upload(PATH, files={"file": slow()})


async def _broken():
    yield b"some"
    raise ZeroDivisionError("broken")


async def _text():
    yield "text"


@pytest.mark.parametrize(
    ("content", "text", "outcome"),
    [
        (Path("/nowhere/minutes.txt"), "FileNotFoundError", NotSent),
        (Path("/"), "IsADirectoryError", NotSent),
        (_broken, "ZeroDivisionError: broken", NotRun),
        (_text, "TypeError: it gives str, not bytes", NotRun),
    ],
)
async def test_content_that_cannot_be_read(content, text, outcome):
    """A content that fails ends its upload, with the reason; the portal did not run it."""
    async with serving(taking([])) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": content() if callable(content) else content})
        with pytest.raises(NotSentError, match=f"the content of file 'file' cannot be read: {re.escape(text)}") as caught:
            await call
        assert caught.value.__cause__ is not None
        assert outcome is type(call.outcome)
        assert [] == _busy(session)


async def test_file_that_shrinks_while_it_is_sent(path):
    """A file that has become shorter than its length that was announced is not sent as if it were whole."""

    def shrink(sent, _):
        if sent > 60_000:
            path.write_bytes(b"short")

    async with serving(taking([])) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": path}, progress=shrink)
        with pytest.raises(NotSentError, match=r"it became shorter while it was sent: \d+ bytes are missing"):
            await call
    assert isinstance(call.outcome, NotRun)


async def test_file_that_grows_while_it_is_sent(path):
    """Of a file that grows that much is sent which was announced."""

    def grow(*_):
        with path.open("ab") as file:
            file.write(DATA)

    async with serving(taking([])) as url, Session(url) as session:
        assert {"file": len(DATA)} == await session.upload(PATH, files={"file": path}, progress=grow)


async def test_iterator_is_closed():
    """An iterator that was begun is closed, whatever became of the upload; one that was not is left alone."""
    ended = []

    async def source():
        try:
            while True:
                yield bytes(100_000)
        finally:
            ended.append(True)
            await anyio.lowlevel.checkpoint()

    def stop(sent, _):
        if sent > 1000:
            raise KeyError

    async with serving(taking([])) as url, Session(url) as session:
        with pytest.raises(CallbackError):
            await session.upload(PATH, files={"file": source()}, progress=stop)
        assert [True] == ended
    untouched = pieces(b"all of it")
    async with Session("http://127.0.0.1:1", retry=ONCE) as session:
        with pytest.raises(ConnectError):
            await session.upload(PATH, files={"file": untouched})
    assert [b"all of it"] == [piece async for piece in untouched]


async def test_events_of_an_upload():
    """Hooks are told of an upload as of any request: one call, and the bytes of its body."""
    events = []
    hook = type("Hook", (), {"on_event": lambda _, event: events.append(event)})()
    asked = []
    async with serving(taking(asked)) as url, Session(url, hooks=[hook]) as session:
        await session.upload(PATH, files={"file": DATA})
    started, completed = events
    assert ExchangeStarted(1, 1, len(asked[0].body)) == started
    assert isinstance(completed, ExchangeCompleted)
    assert (1, 1, len(asked[0].body), 200) == (completed.number, completed.calls, completed.sent_bytes, completed.status)


async def test_error_of_an_upload_tells_where_it_belongs():
    """The error of an upload has the path, the number of its request, the status and the outcome."""

    async def conduct(connection):
        await connection.request()
        await connection.answer(b'{"exception":"a.NoSuchFolderException","message":"no folder 7"}', 200)

    async with serving(conduct) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": b"x"})
        with pytest.raises(ServerError, match="/dlapp/add-file-entry was refused: no folder 7") as caught:
            await call
    assert (PATH, 1, 200, "failed") == (caught.value.path, caught.value.request, caught.value.status, caught.value.outcome)
    assert caught.value.site[0] == __file__


async def test_callbacks_of_an_upload():
    """Callbacks run when it has ended, also where it was cancelled."""
    ended = []
    async with serving(taking([])) as url, Session(url) as session:
        call = session.upload(PATH, files={"file": DATA})
        call.add_done_callback(ended.append)
        await call
        other = session.upload(PATH, files={"file": endless()})
        other.add_done_callback(ended.append)
        other.cancel()
    assert [call, other] == ended


async def test_session_that_is_left_waits_for_an_upload():
    """Leaving a session waits for what is in flight."""
    async with serving(taking([])) as url:
        async with Session(url) as session:
            call = session.upload(PATH, files={"file": DATA})
        assert Ok({"file": len(DATA)}) == call.outcome


@pytest.mark.parametrize("is_whole", [True, False])
async def test_session_that_is_cancelled_aborts_an_upload(is_whole):
    """Who leaves a session by a cancellation aborts its uploads: one that was not out did not run."""
    arrived = anyio.Event()

    async def conduct(connection):
        request = await connection.head()
        await connection.body(request, None if is_whole else 1000)
        arrived.set()
        await connection.until_closed()

    async with serving(conduct) as url:
        with anyio.CancelScope() as scope:
            async with Session(url) as session:
                call = session.upload(PATH, files={"file": b"x" if is_whole else endless()})
                await arrived.wait()
                scope.cancel()
                await anyio.sleep_forever()
    with pytest.raises(CallCancelledError):
        call.result()
    if is_whole:
        assert isinstance(call.outcome, Unknown)
    else:
        assert Cancelled(call.exception(), is_sent=False) == call.outcome


def test_upload_whose_loop_ends_is_settled():
    """An upload that never began, because its event loop ended, was not sent."""

    async def main():
        session = Session("http://127.0.0.1:1")
        return session.upload(PATH, files={"file": b"x"})

    call = anyio.run(main)
    assert isinstance(call.outcome, NotSent) or Cancelled(call.exception(), is_sent=False) == call.outcome


async def test_auth_that_raises_ends_as_an_outcome():
    """What an authentication flow of the user's raises is the upload's error."""

    class Broken(BasicAuth):
        def flow(self, _):
            raise ZeroDivisionError("broken flow")
            yield

    async with Session("http://127.0.0.1:1", auth=Broken("u", "p")) as session:
        call = session.upload(PATH, files={"file": b"x"})
        with pytest.raises(NotSentError, match="the upload failed: ZeroDivisionError: broken flow"):
            await call


async def test_body_is_json_text_in_the_command():
    """The command of an error holds the parameters, and nothing of the files."""
    async with serving(taking([])) as url, Session(url) as session:
        call = session.upload(PATH, {"title": "x"}, files={"file": b"secret"})
        await call
    assert {PATH: {"title": "x"}} == json.loads(call.command.statement)
