"""Downloads over real sockets: where they go, how a part is continued, who is shown credentials."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile

import anyio
import pytest

from aioliferay import (
    AccessDeniedError,
    AuthenticationError,
    BasicAuth,
    BatchLimits,
    BearerAuth,
    ClosedError,
    ConnectError,
    NoAnswerError,
    NotFoundError,
    NotSentError,
    ProtocolError,
    RetryPolicy,
    Session,
    _downloads,
    _moving,
)
from aioliferay.errors import AnswerTooLargeError, CallbackError, RedirectError
from aioliferay.files import Download
from file_server import DATE, MODIFIED, Library, serving

pytestmark = pytest.mark.anyio
DATA = os.urandom(300_000)
ONCE = RetryPolicy(attempts=1)
SOON = RetryPolicy(first_delay=0)
NAMED = {"content-type": "text/plain", "content-disposition": 'attachment; filename="rec priv.txt"'}


class Asynchronous:
    """A file whose `write` is asynchronous, such as anyio's."""

    def __init__(self):
        self.data = b""

    async def write(self, data):
        self.data += data


class Stingy(io.RawIOBase):
    """A file that takes few bytes at once, and knows no places."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data[:7_000])
        return len(data[:7_000])


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


async def test_download_to_a_path(tmp_path):
    """A file appears whole, in the place of what was there, with what the portal says of it; nothing else is left."""
    target = tmp_path / "minutes.txt"
    target.write_bytes(b"old")
    library = Library(DATA, headers=NAMED)
    async with serving(library) as url, Session(url, headers={"X-Own": "1"}) as session:
        done = await session.download("/documents/7/0/rec+priv?x=1#page", target)
    assert Download(target, len(DATA), "text/plain", "rec priv.txt", is_resumed=False) == done
    assert DATA == target.read_bytes()
    assert ["minutes.txt"] == files_in(tmp_path)
    (asked,) = library.asked
    assert ("GET", "/documents/7/0/rec+priv?x=1") == (asked.method, asked.target)
    assert {"accept": "*/*", "accept-encoding": "identity", "x-own": "1"}.items() <= asked.headers.items()
    assert "range" not in asked.headers


@pytest.mark.parametrize("as_what", [str, lambda path: path, lambda path: _FsPath(os.fsencode(path))])
async def test_path_of_any_kind(tmp_path, as_what):
    """A path may be text, too."""
    async with serving(Library(DATA)) as url, Session(url) as session:
        done = await session.download("documents/x", as_what(tmp_path / "x"))
        assert tmp_path / "x" == done.path
    assert DATA == (tmp_path / "x").read_bytes()


class _FsPath:
    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return self._path


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_mode_of_a_file(tmp_path):
    """A file has the permissions of any new file."""
    (tmp_path / "new").touch()
    async with serving(Library(DATA)) as url, Session(url) as session:
        await session.download("/x", tmp_path / "x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "x").stat().st_mode


async def test_download_into_memory():
    """Without a place the bytes are returned."""
    async with serving(Library(DATA)) as url, Session(url) as session:
        assert DATA == await session.download("/documents/x")


@pytest.mark.parametrize("has_length", [True, False])
async def test_download_that_is_too_large_for_memory(has_length):
    """More than the session's limit is not kept in memory; the text says where it could go."""
    library = Library(DATA, has_length=has_length)
    limits = BatchLimits(max_answer_bytes=200_000)
    async with serving(library) as url, Session(url, limits=limits, retry=SOON) as session:
        with pytest.raises(AnswerTooLargeError, match=r"larger than 200000 bytes, .*: give a path as to="):
            await session.download("/documents/x")
        assert [] == _busy(session)
    assert 1 == len(library.asked)


def _busy(session):
    pool = session._exchange.invoker.transport._client._transport._pool
    return [connection for connection in pool.connections if not connection.is_idle()]


@pytest.mark.parametrize("kind", [io.BytesIO, Asynchronous, Stingy])
async def test_download_into_an_open_file(kind):
    """A file that is open is written to, from where it stands, and stays open; `write` may be asynchronous."""
    file = kind()
    async with serving(Library(DATA, headers=NAMED)) as url, Session(url) as session:
        if kind is io.BytesIO:
            file.write(b"before ")
        done = await session.download("/documents/x", file)
    written = file.getvalue() if kind is io.BytesIO else file.data
    assert DATA == written.removeprefix(b"before ")
    assert Download(None, len(DATA), "text/plain", "rec priv.txt", is_resumed=False) == done


async def test_file_that_takes_nothing_just_now():
    """A non-blocking file that is full is an error, and not a loop."""

    class Full(io.RawIOBase):
        def write(self, _):
            return None

    async with serving(Library(DATA)) as url, Session(url) as session:
        with pytest.raises(BlockingIOError):
            await session.download("/x", Full())


async def test_file_whose_write_returns_nothing():
    """An object that only has `write`, and returns nothing, has taken everything."""

    class Simple:
        data = b""

        def write(self, data):
            self.data += data

    file = Simple()
    async with serving(Library(DATA)) as url, Session(url) as session:
        await session.download("/x", file)
    assert DATA == file.data


@pytest.mark.parametrize(
    ("url", "options", "kind", "text"),
    [
        (7, {}, TypeError, "the address of a file is text, such as"),
        ("ftp://x/y", {}, ValueError, "begins with http: or https:, not 'ftp://x/y'"),
        ("http://u:topsecret@x/y", {}, ValueError, "holds credentials"),
        ("/x", {"to": 7}, TypeError, "to= takes a path, a file opened for writing bytes, or None, not int"),
        ("/x", {"to": io.StringIO()}, TypeError, "opened as text: open it with mode 'wb'"),
        ("/x", {"timeout": -1}, ValueError, "timeout= takes a positive number"),
        ("/x", {"progress": "x"}, TypeError, "progress= takes a function, not str"),
        ("/x", {"files": 1}, TypeError, "a download has no option 'files'; it has progress, resume, timeout"),
    ],
)
async def test_download_that_cannot_be(url, options, kind, text):
    """What cannot be asked for is refused before anything is sent; a closed session refuses everything."""
    async with Session("http://127.0.0.1:1") as session:
        with pytest.raises(kind, match=text) as caught:
            await session.download(url, **options)
        assert "topsecret" not in str(caught.value)
    with pytest.raises(ClosedError):
        await session.download("/x")


async def test_place_that_cannot_be_written(tmp_path):
    """A folder, or a path without one, is an `OSError` before anything is asked."""
    async with Session("http://127.0.0.1:1") as session:
        with pytest.raises(IsADirectoryError, match="is a folder: name the file"):
            await session.download("/x", tmp_path)
        with pytest.raises(FileNotFoundError):
            await session.download("/x", tmp_path / "nowhere" / "x")
    assert [] == files_in(tmp_path)


async def test_disk_that_is_full(tmp_path, monkeypatch):
    """What the system says of the disk is raised as it is, and nothing is left but what can be continued."""

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aioliferay._targets.PathTarget._flush", full)
    library = Library(DATA)
    async with serving(library) as url, Session(url, retry=SOON) as session:
        with pytest.raises(OSError, match="No space left"):
            await session.download("/x", tmp_path / "x")
        assert [] == _busy(session)
    assert [] == files_in(tmp_path)
    assert 1 == len(library.asked)


async def test_place_that_is_taken_meanwhile(tmp_path):
    """A folder that has come to the place of the file ends the download, and nothing else is left."""

    def take(*_):
        (tmp_path / "x" / "y").mkdir(parents=True, exist_ok=True)

    async with serving(Library(DATA)) as url, Session(url) as session:
        with pytest.raises(OSError):  # noqa: PT011 - which one, depends on the system
            await session.download("/x", tmp_path / "x", progress=take)
    assert ["x"] == files_in(tmp_path)


async def test_progress_of_a_download(tmp_path):
    """A function is told what has come, and how much there is, if the portal says; it may be asynchronous."""
    known, unknown = [], []

    async def tell(*told):
        unknown.append(told)

    async with serving(Library(DATA)) as url, Session(url) as session:
        await session.download("/x", tmp_path / "x", progress=lambda *told: known.append(told))
    async with serving(Library(DATA, has_length=False)) as url, Session(url) as session:
        await session.download("/x", progress=tell)
    assert (len(DATA), len(DATA)) == known[-1]
    assert (len(DATA), None) == unknown[-1]
    assert sorted(known) == known
    assert len(known) > 2


@pytest.mark.parametrize("is_resumable", [True, False])
async def test_progress_that_raises_ends_the_download(tmp_path, is_resumable):
    """What the function raises ends the download and its connection; a part is left only if it can be continued."""

    def stop(received, _):
        if received > 100_000:
            raise KeyError("enough")

    library = Library(DATA, headers={"etag": '"1"'} if is_resumable else {})
    async with serving(library) as url, Session(url, retry=SOON) as session:
        with pytest.raises(CallbackError, match="the progress callback raised KeyError: 'enough'") as caught:
            await session.download("/x", tmp_path / "x", progress=stop)
        assert [] == _busy(session)
        assert 1 == len(library.asked)
        assert ([".x.partial"] if is_resumable else []) == files_in(tmp_path)
        assert is_resumable == (await session.download("/x", tmp_path / "x")).is_resumed
    assert isinstance(caught.value.__cause__, KeyError)
    assert DATA == (tmp_path / "x").read_bytes()
    assert ["x"] == files_in(tmp_path)


VALIDATORS = {
    "etag": {"etag": '"1"'},
    "date": {"last-modified": MODIFIED, "date": DATE},
}


@pytest.mark.parametrize("headers", VALIDATORS.values(), ids=VALIDATORS)
@pytest.mark.parametrize("to", ["path", "memory", "file"])
async def test_connection_that_is_cut_is_continued(tmp_path, headers, to):
    """Within a download the rest is asked for, by the state of the file that has begun."""
    library = Library(DATA, headers=headers, cuts=[100_000, 200_000])
    place = {"path": tmp_path / "x", "memory": None, "file": io.BytesIO()}[to]
    async with serving(library) as url, Session(url, retry=SOON) as session:
        done = await session.download("/x", place)
        assert [] == _busy(session)
    assert DATA == (done if to == "memory" else place.getvalue() if to == "file" else place.read_bytes())
    assert [None, "bytes=100000-", "bytes=200000-"] == [asked.headers.get("range") for asked in library.asked]
    assert next(iter(headers.values())) == library.asked[1].headers["if-range"]
    if to != "memory":
        assert done.is_resumed


async def test_cut_of_a_file_that_cannot_be_continued(tmp_path):
    """Without a state by which to ask for the rest, the whole is asked for again."""
    library = Library(DATA, headers={"etag": 'W/"1"'}, cuts=[100_000])
    async with serving(library) as url, Session(url, retry=SOON) as session:
        done = await session.download("/x", tmp_path / "x")
    assert not done.is_resumed
    assert [None, None] == [asked.headers.get("range") for asked in library.asked]
    assert DATA == (tmp_path / "x").read_bytes()


@pytest.mark.parametrize("can_go_back", [True, False])
async def test_cut_of_a_file_that_is_open(can_go_back):
    """An open file is written anew from where it stood, if it can; else the download fails."""
    file = io.BytesIO(b"before and a tail") if can_go_back else Asynchronous()
    if can_go_back:
        file.seek(6)
    library = Library(DATA, headers={}, cuts=[100_000])
    async with serving(library) as url, Session(url, retry=SOON) as session:
        if can_go_back:
            await session.download("/x", file)
            assert b"before" + DATA == file.getvalue()
        else:
            with pytest.raises(NoAnswerError, match="what was written to the file cannot be taken back"):
                await session.download("/x", file)


async def test_part_that_an_earlier_attempt_left(tmp_path):
    """A part is kept under a name that the next download of the same address to the same path finds."""
    target = tmp_path / "x"
    library = Library(DATA, cuts=[100_000])
    async with serving(library) as url:
        async with Session(url, retry=ONCE) as session:
            with pytest.raises(NoAnswerError, match=r"the connection to .* failed .*; 100000 bytes have come"):
                await session.download("/x", target)
        assert [".x.partial"] == files_in(tmp_path)
        told = []
        async with Session(url, retry=ONCE) as session:
            done = await session.download("/x", target, progress=lambda *each: told.append(each))
    assert done.is_resumed
    assert DATA == target.read_bytes()
    assert told[0][0] > 100_000
    assert (len(DATA), len(DATA)) == told[-1]
    assert ["x"] == files_in(tmp_path)


async def _left(tmp_path, url, **options):
    """Leave a part of 100,000 bytes."""
    async with Session(url, retry=ONCE) as session:
        with pytest.raises(NoAnswerError):
            await session.download("/x", tmp_path / "x", **options)


def _new_etag(library):
    library.headers = {"etag": '"2"'}
    library.content = library.content[::-1]


def _no_ranges(library):
    library.has_ranges = False


def _shorter(library):
    library.content = library.content[:50_000]
    library.headers = {"etag": '"1"'}


def _wrong_range(library):
    library.headers = {"etag": '"1"', "content-range": "bytes 5-9/10"} if library.asked[-1].headers.get("range") else {}


def _other_length(library):
    library.content += b"more"


@pytest.mark.parametrize("change", [_new_etag, _no_ranges, _shorter, _other_length])
async def test_part_of_another_state(tmp_path, change):
    """A part of another state of the file is thrown away, whether the server starts afresh, or its answer does not fit."""
    library = Library(DATA, cuts=[100_000])
    async with serving(library) as url:
        await _left(tmp_path, url)
        change(library)
        async with Session(url, retry=ONCE) as session:
            done = await session.download("/x", tmp_path / "x")
    assert not done.is_resumed
    assert "bytes=100000-" == library.asked[1].headers["range"]
    assert library.content == (tmp_path / "x").read_bytes()
    assert ["x"] == files_in(tmp_path)


WRONG = {
    "other place": {"content-range": "bytes 5-9/300000"},
    "no place": {},
    "other state": {"content-range": "bytes 100000-299999/300000", "etag": '"9"'},
    "several": {"content-type": "multipart/byteranges; boundary=x"},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
async def test_part_that_is_not_the_one(tmp_path, headers):
    """A 206 that brings something else than the rest is not taken: the whole is asked for."""
    ranges = []

    async def conduct(connection):
        while True:
            asked = await connection.request()
            ranges.append(asked.headers.get("range"))
            if ranges == [None]:
                await connection.begin(200, len(DATA), etag='"1"')
                await connection.stream.send(DATA[:100_000])
                return
            if ranges[-1]:
                await connection.begin(206, 200_000, **headers)
                await connection.stream.send(DATA[100_000:])
            else:
                await connection.answer(DATA, etag='"1"')

    async with serving(conduct) as url, Session(url, retry=SOON) as session:
        done = await session.download("/x", tmp_path / "x")
    assert [None, "bytes=100000-", None] == ranges
    assert not done.is_resumed
    assert DATA == (tmp_path / "x").read_bytes()


async def test_part_that_nobody_asked_for():
    """A 206 to who asked for everything is an error."""

    async def conduct(connection):
        await connection.request()
        await connection.answer(b"xxxxx", 206, content_range="bytes 5-9/10")

    async with serving(conduct) as url, Session(url) as session:
        with pytest.raises(ProtocolError, match="status 206 where a file was due"):
            await session.download("/x")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda _: b"",
        lambda data: data[100_000:],
        lambda data: data.replace(b'"size": 100000', b'"size": 100001'),
        lambda data: data.replace(b'"validator": "', b'"validator": 7, "x": "'),
        lambda data: data.replace(b'"total": 300000', b'"total": "x"'),
        lambda data: data.replace(b'{"url"', b'["url"'),
        lambda data: data.replace(b"/x", b"/y"),
        lambda data: data.replace(b'\\"1\\"', b"\\r\\n\\t\\u00e9"),
    ],
)
async def test_part_that_is_damaged(tmp_path, damage):
    """What is not a part of this file, as it was left, is thrown away."""
    library = Library(DATA, cuts=[100_000])
    async with serving(library) as url:
        await _left(tmp_path, url)
        part = tmp_path / ".x.partial"
        before = part.read_bytes()
        part.write_bytes(damage(before))
        assert before != part.read_bytes()
        async with Session(url) as session:
            done = await session.download("/x", tmp_path / "x")
    assert not done.is_resumed
    assert "range" not in library.asked[-1].headers
    assert ["x"] == files_in(tmp_path)


async def test_part_that_is_whole(tmp_path):
    """A part that has every byte is not asked for the rest of: there is none."""
    library = Library(DATA)
    async with serving(library) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("aioliferay._targets.PathTarget._finish", _raising)
            async with Session(url) as session:
                with pytest.raises(OSError, match="not now"):
                    await session.download("/x", tmp_path / "x")
        assert [".x.partial"] == files_in(tmp_path)
        async with Session(url) as session:
            await session.download("/x", tmp_path / "x")
    assert "range" not in library.asked[-1].headers
    assert DATA == (tmp_path / "x").read_bytes()


def _raising(_):
    raise OSError("not now")


@pytest.mark.skipif(os.name != "posix", reason="symbolic links and owners are POSIX's")
async def test_part_that_somebody_else_put_there(tmp_path, monkeypatch):
    """A link, or a file of another user's, in the place of a part is not followed, and not believed."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / ".x.partial").symlink_to(victim)
    library = Library(DATA, cuts=[len(DATA), 100_000])
    async with serving(library) as url:
        async with Session(url) as session:
            await session.download("/x", tmp_path / "x")
        assert b"mine" == victim.read_bytes()
        await _left(tmp_path, url)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        async with Session(url) as session:
            assert not (await session.download("/x", tmp_path / "x")).is_resumed
    assert ["victim", "x"] == files_in(tmp_path)


async def test_download_that_is_not_to_be_resumed(tmp_path):
    """`resume=False` neither leaves a part nor continues one."""
    library = Library(DATA, cuts=[100_000, 100_000])
    async with serving(library) as url:
        await _left(tmp_path, url, resume=False)
        assert [] == files_in(tmp_path)
        await _left(tmp_path, url)
        async with Session(url) as session:
            assert not (await session.download("/x", tmp_path / "x", resume=False)).is_resumed
    assert [None] * 3 == [asked.headers.get("range") for asked in library.asked]
    assert ["x"] == files_in(tmp_path)


async def test_two_downloads_to_one_path(tmp_path):
    """Two at once do not get into each other's way, nor do they share a part that was left."""
    library = Library(DATA, cuts=[100_000])
    async with serving(library) as url:
        await _left(tmp_path, url)
        async with Session(url) as session, anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(session.download, "/x", tmp_path / "x")
    assert DATA == (tmp_path / "x").read_bytes()
    assert ["x"] == files_in(tmp_path)
    assert 1 == sum("range" in asked.headers for asked in library.asked)


async def test_name_that_is_long(tmp_path):
    """A name that leaves no room for another ending does as well."""
    target = tmp_path / ("x" * 250)
    library = Library(DATA, cuts=[100_000])
    async with serving(library) as url, Session(url, retry=SOON) as session:
        await session.download("/x", target)
    assert DATA == target.read_bytes()


@pytest.mark.parametrize("is_empty", [True, False])
async def test_file_that_is_short(tmp_path, is_empty):
    """An empty file is a file."""
    data = b"" if is_empty else b"x"
    async with serving(Library(data)) as url, Session(url) as session:
        done = await session.download("/x", tmp_path / "x")
        assert data == await session.download("/x")
    assert len(data) == done.size
    assert data == (tmp_path / "x").read_bytes()


FAILURES = {
    "401": ((401, {}, b""), AuthenticationError),
    "sign-in redirect": ((302, {"location": "/c/portal/login?redirect=x"}, b""), AuthenticationError),
    "sign-in page": ((200, {"content-type": "text/html"}, b"<html><form action='/c/portal/login'>"), AuthenticationError),
    "403": ((403, {}, b""), AccessDeniedError),
    "404": ((404, {"content-type": "text/html"}, b"<html>gone</html>"), NotFoundError),
    "500": ((500, {}, b"<html>oops</html>"), ProtocolError),
    "encoded": ((200, {"content-encoding": "gzip"}, b"x"), ProtocolError),
    "nowhere": ((302, {}, b""), RedirectError),
}


@pytest.mark.parametrize(("answer", "kind"), FAILURES.values(), ids=FAILURES)
async def test_answer_without_a_file(tmp_path, answer, kind):
    """Whatever is no file is an error, asked for once, and nothing is left."""
    asked = []
    status, headers, body = answer

    async def conduct(connection):
        while True:
            asked.append(await connection.request())
            await connection.answer(body, status, **headers)

    async with serving(conduct) as url, Session(url, retry=SOON) as session:
        with pytest.raises(kind) as caught:
            await session.download("/x", tmp_path / "x")
        assert [] == _busy(session)
    assert [] == files_in(tmp_path)
    assert 1 == len(asked)
    if kind is AuthenticationError and status != 401:
        assert "use auth=SignIn(user, password)" in str(caught.value)


async def test_page_that_is_what_was_asked_for(tmp_path):
    """A page that is not for signing in is a file like any other."""

    async def conduct(connection):
        while True:
            await connection.request()
            await connection.answer(b"<html>minutes</html>", content_type="text/html")

    async with serving(conduct) as url, Session(url) as session:
        done = await session.download("/x", tmp_path / "x")
        assert b"<html>minutes</html>" == await session.download("/x")
    assert Download(tmp_path / "x", 20, "text/html", None, is_resumed=False) == done


async def test_server_that_is_busy():
    """503 and 429 are asked again, after the pause that they want; no connection is tried again."""
    statuses = [503, 429, 200]

    async def conduct(connection):
        while True:
            await connection.request()
            await connection.answer(b"done", statuses.pop(0), retry_after="0")

    async with serving(conduct) as url, Session(url, retry=SOON) as session:
        assert b"done" == await session.download("/x")
    async with Session("http://127.0.0.1:1", retry=SOON) as session:
        with pytest.raises(ConnectError):
            await session.download("/x")


class Places:
    """Two servers on different ports; the first redirects."""

    def __init__(self):
        self.asked = []
        self.location = ""

    async def home(self, connection):
        while True:
            asked = await connection.request()
            self.asked.append(("home", asked))
            if asked.target.startswith("/again"):
                await connection.answer(b"", 302, location="/again/x")
            elif asked.target.startswith("/start"):
                await connection.answer(b"", 302, location=self.location)
            else:
                await connection.answer(b"at home")

    async def foreign(self, connection):
        while True:
            asked = await connection.request()
            self.asked.append(("foreign", asked))
            if asked.target.startswith("/back/"):
                await connection.answer(b"", 302, location=self.location_back)
            else:
                await connection.answer(b"abroad")


SECRETS = {"authorization", "cookie", "x-csrf-token", "x-own", "x-client"}


def _is_clean(asked):
    return not SECRETS & asked.headers.keys() and "topsecret" not in f"{asked.headers}{asked.target}"


@pytest.mark.parametrize("library", ["own", "httpx", "httpx2"])
async def test_credentials_stay_at_home(library):
    """Only the portal's own origin sees credentials, cookies and headers of the session or its client.

    After a detour not even it does: it was another who sent us there.
    """
    client = None
    if library != "own":
        kind = pytest.importorskip(library)
        given = {"X-Client": "topsecret", "Cookie": "a=topsecret"}
        client = kind.AsyncClient(headers=given, params={"key": "topsecret"}, auth=("u", "topsecret"))
    places = Places()
    async with serving(places.home) as home, serving(places.foreign) as foreign:
        own = {"X-Own": "topsecret", "X-CSRF-Token": "topsecret", "User-Agent": "me"}
        async with Session(home, auth=BearerAuth("topsecret"), headers=own, http=client) as session:
            places.location = f"{foreign}/x"
            assert b"abroad" == await session.download("/start")
            assert b"abroad" == await session.download(f"{foreign}/x")
            places.location, places.location_back = f"{foreign}/back/x", f"{home}/api/jsonws/user/delete-user?userId=1"
            assert b"at home" == await session.download("/start")
            places.location = f"{home}/y"
            assert b"at home" == await session.download("/start")
    if client is not None:
        await client.aclose()
    steps = [(where, _is_clean(asked)) for where, asked in places.asked]
    first = [("home", False), ("foreign", True), ("foreign", True)]
    assert [*first, ("home", False), ("foreign", True), ("home", True), ("home", False), ("home", False)] == steps
    assert "me" == places.asked[1][1].headers["user-agent"]


@pytest.mark.parametrize("trick", ["http://{host}@{evil}/x", "http://{host}\\@{evil}/x", "http://{host}.{evil}/x"])
async def test_address_that_only_looks_like_home(trick):
    """An address that another reader could take for the portal's gets no credentials, or is refused."""
    places = Places()
    async with serving(places.home) as home, serving(places.foreign) as foreign:
        address = trick.format(host=home.removeprefix("http://"), evil=foreign.removeprefix("http://"))
        places.location = address
        async with Session(home, auth=BearerAuth("topsecret"), retry=ONCE) as session:
            with pytest.raises((ValueError, NotSentError, ConnectError, NoAnswerError)):
                await session.download(address)
            with pytest.raises((RedirectError, NotSentError, ConnectError, NoAnswerError)):
                await session.download("/start")
    assert all(where == "home" for where, _ in places.asked)


@pytest.mark.parametrize("location", ["ftp://x/y", "file:///etc/passwd", "http://[", "javascript:1"])
async def test_redirect_to_what_is_no_web_address(location):
    """A redirect leads to a web address, or nowhere."""
    places = Places()
    places.location = location
    async with serving(places.home) as home, Session(home, retry=ONCE) as session:
        with pytest.raises((RedirectError, NotSentError, NoAnswerError)):
            await session.download("/start")


async def test_redirects_come_to_an_end():
    """Five redirects are followed, and no more."""
    places = Places()
    async with serving(places.home) as home, Session(home) as session:
        with pytest.raises(RedirectError, match=r"more than 5 times, at last to 'http://\S+/again/x'"):
            await session.download("/again")
    assert 6 == len(places.asked)


async def test_time_for_a_whole_download(tmp_path):
    """`timeout=` is for the whole; a part is kept."""

    async def slow(connection):
        await connection.request()
        await connection.begin(200, len(DATA), etag='"1"')
        await connection.stream.send(DATA[:100_000])
        await anyio.sleep_forever()

    async with serving(slow) as url, Session(url) as session:
        with pytest.raises(NoAnswerError, match=r"the download was not complete within 0\.3 s") as caught:
            await session.download("/x", tmp_path / "x", timeout=0.3)
        assert [] == _busy(session)
    assert caught.value.is_timeout
    assert [".x.partial"] == files_in(tmp_path)


async def test_pause_in_which_nothing_comes(tmp_path, monkeypatch):
    """Without a limit a download ends where nothing comes for long; a slow function of the caller's is no such pause."""
    monkeypatch.setattr(_moving, "LONGEST_PAUSE", 0.3)

    async def slow(connection):
        await connection.request()
        await connection.begin(200, len(DATA), etag='"1"')
        await connection.stream.send(DATA[:100])
        await anyio.sleep_forever()

    async def dawdle(*_):
        await anyio.sleep(0.4)

    async with serving(slow) as url, Session(url, retry=SOON) as session:
        with pytest.raises(NoAnswerError, match=r"nothing moved between here and \S+ for 0\.3 s; 100 bytes have come"):
            await session.download("/x", tmp_path / "x")
    async with serving(Library(DATA[:100])) as url, Session(url) as session:
        assert DATA[:100] == await session.download("/x", progress=dawdle)


@pytest.mark.parametrize("is_failing", [True, False])
async def test_session_that_ends_under_a_download(tmp_path, is_failing, monkeypatch):
    """Who leaves a session ends its downloads: at once by an exception, else after its grace."""
    monkeypatch.setattr("aioliferay._session_base._GRACE_SECONDS", 0.2)
    begun = anyio.Event()

    async def slow(connection):
        await connection.request()
        await connection.begin(200, len(DATA), etag='"1"')
        await connection.stream.send(DATA[:100_000])
        await connection.until_closed()

    async def fetch(session):
        with pytest.raises(ClosedError, match="the session was closed before the download was complete"):
            await session.download("/x", tmp_path / "x", progress=lambda *_: begun.set())

    async with serving(slow) as url, anyio.create_task_group() as group:
        with contextlib.suppress(KeyError):
            async with Session(url) as session:
                group.start_soon(fetch, session)
                await begun.wait()
                if is_failing:
                    raise KeyError
    assert [".x.partial"] == files_in(tmp_path)


async def test_session_that_is_left_waits_for_a_download():
    """Leaving a session in peace waits for its downloads."""
    got = []

    async def fetch(session):
        got.append(await session.download("/x"))

    library = Library(DATA)
    async with serving(library) as url, anyio.create_task_group() as group, Session(url) as session:
        group.start_soon(fetch, session)
        while not library.asked:
            await anyio.lowlevel.checkpoint()
    assert [DATA] == got


async def test_library_auth_on_a_download():
    """An authentication object of the HTTP library answers a challenge by itself."""
    import httpx  # noqa: PLC0415 - only here

    async def conduct(connection):
        while True:
            asked = await connection.request()
            if asked.headers.get("authorization", "").startswith("Digest "):
                await connection.answer(b"for you")
            else:
                await connection.answer(b"", 401, www_authenticate='Digest realm="PortalRealm", nonce="1"')

    async with serving(conduct) as url, Session(url, auth=httpx.DigestAuth("u", "p")) as session:
        assert b"for you" == await session.download("/webdav/guest/document_library/x")


@pytest.mark.parametrize("library", ["own", "httpx", "httpx2", "subclass"])
async def test_webdav_is_asked_by_digest(library):
    """User and password answer WebDAV's challenge, once for several files; elsewhere they go by basic authentication."""
    seen = []

    async def conduct(connection):
        while True:
            asked = await connection.request()
            scheme = asked.headers.get("authorization", "").partition(" ")[0]
            seen.append((asked.target, scheme))
            if scheme == "Digest" or asked.target == "/portal/x":
                await connection.answer(b"for you")
            else:
                await connection.answer(b"", 401, www_authenticate='Digest realm="PortalRealm", nonce="1"')

    client = None
    if library == "subclass":
        client = type("Own", (pytest.importorskip("httpx2").AsyncClient,), {})()
    elif library != "own":
        client = pytest.importorskip(library).AsyncClient()
    async with serving(conduct) as url, Session(f"{url}/portal", auth=("u", "pässword:x"), http=client) as session:
        for _ in range(2):
            assert b"for you" == await session.download("/webdav/guest/x")
        assert b"for you" == await session.download("/x")
    if client is not None:
        await client.aclose()
    webdav = "/portal/webdav/guest/x"
    assert [(webdav, ""), (webdav, "Digest"), (webdav, "Digest"), ("/portal/x", "Basic")] == seen


async def test_flow_of_the_users_own_on_a_download():
    """A flow that renews its credentials is given the chance, also for files."""

    class Renewing(BasicAuth):
        def flow(self, request):
            answer = yield request.with_header("Authorization", "wrong")
            if answer.is_unauthenticated:
                yield request.with_header("Authorization", "right")

    async def conduct(connection):
        while True:
            asked = await connection.request()
            is_right = asked.headers["authorization"] == "right"
            await connection.answer(b"for you" if is_right else b"", 200 if is_right else 401)

    async with serving(conduct) as url, Session(url, auth=Renewing("u", "p")) as session:
        assert b"for you" == await session.download("/x")


async def test_temporary_files_are_beside_the_target(tmp_path, monkeypatch):
    """Nothing is written elsewhere, which might be another disk."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    seen = []
    async with serving(Library(DATA)) as url, Session(url) as session:
        await session.download("/x", tmp_path / "x", progress=lambda *_: seen.extend(files_in(tmp_path)))
    assert all(name.startswith(".x.") and name.endswith(".part") for name in seen)


def test_limit_of_a_pause_is_that_of_uploads():
    """Uploads and downloads may pause equally long."""
    assert _downloads.LONGEST_PAUSE == _moving.LONGEST_PAUSE == 60


async def test_error_of_a_download_names_the_file():
    """An error names the file, without the query, which may hold a token."""

    async def conduct(connection):
        await connection.request()
        await connection.answer(b"", 404)

    async with serving(conduct) as url, Session(url) as session:
        with pytest.raises(NotFoundError, match=r"^/documents/x was refused: there is no such file") as caught:
            await session.download("/documents/x?token=topsecret")
    assert "topsecret" not in str(caught.value)
