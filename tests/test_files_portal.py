"""Files on the fake portal, which answers as the recordings of a running 6.2.5 do: uploads, documents, WebDAV, portraits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aioliferay import (
    AccessDeniedError,
    AuthenticationError,
    Failed,
    NotFoundError,
    NotRun,
    RetryPolicy,
    ServerError,
    Session,
    Unknown,
)
from aioliferay._core import codec, multipart
from aioliferay.auth import OAuth2Password, SignIn
from aioliferay.files import UploadFile, portrait_url
from aioliferay.services import ServiceContext
from aioliferay.services.v62 import DLAppService
from aioliferay.testing import FakePortal

pytestmark = pytest.mark.anyio
ADMINISTRATOR, JOE = ("test@liferay.com", "test"), ("joe@liferay.com", "joe")
PATH = "/dlapp/add-file-entry"
ENTRY = {
    "repositoryId": 20182, "folderId": 0, "sourceFileName": "minutes.txt", "mimeType": "text/plain", "title": "minutes",
    "description": None, "changeLog": "",
}  # fmt: skip
WEBDAV = "/webdav/guest/document_library"
SOON = RetryPolicy(first_delay=0)


@pytest.fixture
def portal():
    return FakePortal()


@pytest.fixture
def url(portal):
    with portal.serve() as url:
        yield url


def _sent(portal):
    """Return what came as files, in order."""
    return [(upload.filename, upload.size) for upload in portal.uploads]


async def test_file_comes_back_as_it_was(url):
    """What is uploaded as a document can be downloaded again, by a signed-in session."""
    data = "Hello é漢😀\n".encode() + bytes(range(256)) * 100
    async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
        entry = await session.upload(PATH, ENTRY, files={"file": data})
        assert data == await session.download("/documents/20182/0/minutes")
        assert data == await session.download(f"/documents/20182/{entry['uuid']}")
    assert ("minutes", len(data), "") == (entry["title"], entry["size"], entry["description"])


async def test_parameters_of_an_upload_are_those_of_a_call(portal, url):
    """Lists, numbers and null reach a service by a form as they do in a call."""

    @portal.service("/test/take-all")
    def take_all(names: list[str], ids: list[int], count: int, text: str | None, file: object) -> None:
        """Take a file and more."""

    params = {"names": ["ä", 'b"'], "ids": [1, 2], "count": 7, "text": None}
    async with Session(url, auth=ADMINISTRATOR) as session:
        await session.upload("/test/take-all", params, files={"file": b"x"}, returns=None)
    (execution,) = portal.executions
    assert b"x" == bytes(execution.parameters["file"])
    assert params == {name: execution.parameters[name] for name in params}


async def test_service_context_of_an_upload(url):
    """A service context goes with an upload, as with any call."""
    context = ServiceContext(scope_group_id=20182, add_guest_permissions=True)
    async with Session(url, auth=ADMINISTRATOR) as session:
        await session.upload(PATH, {**ENTRY, "serviceContext": context}, files={"file": b"for all"})
    async with Session(url) as guest:
        assert b"for all" == await guest.download("/documents/20182/0/minutes")


async def test_typed_service_uploads(portal, url, tmp_path):
    """A typed service, and one by its name, upload where a file is among their parameters; other calls are no uploads."""
    path = tmp_path / "minutes.txt"
    path.write_bytes(b"from a path")
    given = {"repository_id": 20182, "folder_id": 0, "source_file_name": "a", "mime_type": "text/plain", "change_log": ""}
    async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
        service = DLAppService(session)
        first = await service.add_file_entry(**given, title="a", description="", file=UploadFile(path))
        second = await session.services.dlapp.add_file_entry(
            **given, title="b", description=None, file=UploadFile(b"2", "b")
        )
        await session.discover()
        third = await session.services.dlapp.add_file_entry(**given, title="c", description="", file=UploadFile(b"33"))
        assert b"from a path" == await session.download("/documents/20182/0/a")
        assert 3 == len(await service.get_file_entries(repository_id=20182, folder_id=0))
    assert [11, 1, 2] == [entry["size"] for entry in (first, second, third)]
    assert [("minutes.txt", 11), ("b", 1), ("file", 2)] == _sent(portal)


async def test_batch_refuses_a_file(session):
    """A typed service on a batch refuses a file on the line of the call, and says what to do."""
    given = {"repository_id": 1, "folder_id": 0, "source_file_name": "a", "mime_type": "b", "title": "c"}
    for service in (DLAppService(session.batch()), session.batch().services.dlapp):
        with pytest.raises(TypeError, match=r"a file never travels in a batch: give it to session\.upload\("):
            service.add_file_entry(**given, description="", change_log="", file=UploadFile(b"x"))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"repositoryId": 987654}, "No Group exists with the key {repositoryId=987654}"),
        ({"folderId": 987654}, "No RepositoryEntry exists with the primary key 987654"),
        ({"title": "a/b*?"}, "a/b*?"),
        ({"folderId": "x"}, "Conversion failed"),
    ],
)
async def test_upload_that_the_portal_refuses(url, changed, error):
    """The portal's refusals are those of the recordings; the upload failed, and did nothing."""
    async with Session(url, auth=ADMINISTRATOR) as session:
        call = session.upload(PATH, {**ENTRY, **changed}, files={"file": b"x"})
        with pytest.raises(ServerError) as caught:
            await call
    assert error in str(caught.value)
    assert isinstance(call.outcome, Failed)


@pytest.mark.parametrize("auth", [None, ("test@liferay.com", "wrong")])
async def test_upload_of_a_guest(url, auth):
    """Whom the portal does not know it refuses before anything runs."""
    async with Session(url, auth=auth) as session:
        call = session.upload(PATH, ENTRY, files={"file": b"x"})
        with pytest.raises(AuthenticationError, match="Authenticated access required"):
            await call
    assert isinstance(call.outcome, NotRun)


async def test_upload_that_is_too_large_for_6_2(url, portal):
    """6.2 spells a rejection out, with status 200."""
    portal.knobs.max_upload_bytes = 1_000_000
    async with Session(url, auth=ADMINISTRATOR) as session:
        call = session.upload(PATH, ENTRY, files={"file": bytes(32_000_000)})
        with pytest.raises(ServerError, match="exceeds the configured maximum") as caught:
            await call
    assert caught.value.is_a("UploadException")
    assert isinstance(call.outcome, Failed)


async def test_upload_that_is_too_large_for_7_4():
    """Later portals say `{}`, as of a service without a result: where one is due, that is an error."""
    portal = FakePortal("7.4", max_upload_bytes=1000)
    params = {name: value or "" for name, value in ENTRY.items()}
    with portal.serve() as url:
        async with Session(url, auth=ADMINISTRATOR) as session:
            call = session.upload(PATH, params, files={"file": bytes(5000)})
            with pytest.raises(ServerError, match="either it rejected the upload and hides why"):
                await call
            assert isinstance(call.outcome, Unknown)
            assert None is await session.upload(PATH, params, files={"file": bytes(5000)}, returns=None)
    assert [] == portal.executions


async def test_empty_answer_of_a_portal_that_is_known(url, portal):
    """Of a portal that is known to spell rejections out, `{}` is null, whatever is due."""

    @portal.service("/test/take-file")
    def take_file(file: object) -> None:
        """Take a file, and return nothing."""

    async with Session(url, auth=ADMINISTRATOR) as session:
        with pytest.raises(ServerError):
            await session.upload("/test/take-file", files={"file": b"x"})
        await session.portal_version()
        assert None is await session.upload("/test/take-file", files={"file": b"x"})


@pytest.mark.parametrize("is_rereadable", [True, False])
async def test_session_that_the_portal_has_forgotten(url, portal, is_rereadable):
    """A sign-in session is renewed, and the form sent again if it can be read again; else the next upload is in it."""

    async def pieces():
        yield b"once"

    async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
        await session.call("/portal/get-build-number")
        portal.forget_sessions()
        call = session.upload(PATH, ENTRY, files={"file": b"once" if is_rereadable else pieces()})
        if is_rereadable:
            assert 4 == (await call)["size"]
        else:
            with pytest.raises(AuthenticationError):
                await call
            assert isinstance(call.outcome, NotRun)
            await session.upload(PATH, ENTRY, files={"file": pieces()})
    assert 2 == len(portal.sign_ins)
    assert 1 == sum(execution.path == PATH for execution in portal.executions)


async def test_upload_shows_the_token(url, portal):
    """An upload in a sign-in session shows the token, though 6.2 does not look at it; it is never in the URL."""
    async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
        await session.upload(PATH, ENTRY, files={"file": b"x"})
    (request,) = [request for request in portal.requests if request.path.endswith(PATH)]
    assert request.headers["x-csrf-token"]
    assert "" == request.query


async def test_document_of_a_forgotten_session(url, portal):
    """A document redirects to the sign-in page: the session is renewed by a call, and the document asked for again."""
    portal.document("minutes", b"for users")
    async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
        assert b"for users" == await session.download("/documents/20182/0/minutes")
        portal.forget_sessions()
        assert b"for users" == await session.download("/documents/20182/0/minutes")
    assert 2 == len(portal.sign_ins)


async def test_document_that_this_user_may_not_see(url, portal):
    """Whom the portal knows and does not show a file is told so, as often as he asks; his session stays as it is."""
    portal.document("minutes", b"secret")
    async with Session(url, auth=SignIn(*JOE)) as session:
        for _ in range(5):
            with pytest.raises(AccessDeniedError, match="accepts the credentials, and this user may not see the file"):
                await session.download("/documents/20182/0/minutes")
        assert 6205 == await session.call("/portal/get-build-number")
    assert 1 == len(portal.sign_ins)


async def test_document_by_basic_authentication(url, portal):
    """Documents ignore basic authentication: the text says what does it."""
    portal.document("minutes", b"for users")
    portal.document("public", b"for all", guest=True)
    async with Session(url, auth=ADMINISTRATOR) as session:
        with pytest.raises(AuthenticationError, match=r"use auth=SignIn\(user, password\), or WebDAV"):
            await session.download("/documents/20182/0/minutes")
        assert b"for all" == await session.download("/documents/20182/0/public")
        with pytest.raises(NotFoundError, match="there is no such file"):
            await session.download("/documents/20182/0/nothing")


async def test_document_by_a_token():
    """An access token that the portal has revoked is renewed for a download too, once."""
    portal = FakePortal("7.4")
    portal.document("minutes", b"for users")
    client = portal.oauth2_client
    auth = OAuth2Password(client.id, client.secret, user=ADMINISTRATOR[0], password=ADMINISTRATOR[1])
    with portal.serve() as url:
        async with Session(url, auth=auth) as session:
            assert b"for users" == await session.download("/documents/20182/0/minutes")
            portal.revoke_tokens()
            assert b"for users" == await session.download("/documents/20182/0/minutes")
    assert 2 == len(portal.token_requests)


@pytest.mark.parametrize("qop", [True, False])
async def test_webdav_with_user_and_password(url, portal, qop):
    """WebDAV takes user and password by digest authentication, which the library answers by itself."""
    portal.knobs.qop = qop
    portal.document("two words", b"by WebDAV", folder="Reports")
    async with Session(url, auth=ADMINISTRATOR) as session:
        for _ in range(2):
            assert b"by WebDAV" == await session.download(f"{WEBDAV}/Reports/two%20words")
        assert 6205 == await session.call("/portal/get-build-number")
        with pytest.raises(NotFoundError):
            await session.download(f"{WEBDAV}/nothing")
    statuses = [request.status for request in portal.requests if request.path.startswith("/webdav")]
    assert statuses in ([401, 200, 200, 404], [401, 200, 401, 200, 401, 404])  # a challenge may be good once only


async def test_webdav_with_a_wrong_password(url, portal):
    """A wrong password is tried once."""
    portal.document("minutes", b"x")
    async with Session(url, auth=("test@liferay.com", "wrong")) as session:
        with pytest.raises(AuthenticationError, match="the portal asks for credentials"):
            await session.download(f"{WEBDAV}/minutes")
    assert [401, 401] == [request.status for request in portal.requests]


async def test_webdav_in_a_session(url, portal):
    """A signed-in session is enough for WebDAV."""
    portal.document("minutes", b"x")
    async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
        assert b"x" == await session.download(f"{WEBDAV}/minutes")
    async with Session(url, auth=JOE) as session:
        with pytest.raises(AccessDeniedError):
            await session.download(f"{WEBDAV}/minutes")


async def test_large_document_is_continued(url, portal, tmp_path):
    """A large document whose connection is cut is continued where ranges are served, and is whole then."""
    document = portal.document("large", 20_000_000)
    portal.knobs.ranges = True
    portal.misbehave(path="/documents/*", drop="after", truncate=12_345_678)
    async with Session(url, auth=SignIn(*ADMINISTRATOR), retry=SOON) as session:
        done = await session.download(document.path, tmp_path / "large")
    assert done.is_resumed
    assert b"".join(document.chunks()) == (tmp_path / "large").read_bytes()
    assert ["large"] == [path.name for path in tmp_path.iterdir()]


async def test_large_document_of_a_stock_portal(url, portal, tmp_path):
    """A stock portal serves no ranges of documents: the whole comes again."""
    document = portal.document("large", 2_000_000)
    portal.misbehave(path="/documents/*", drop="after", truncate=1_234_567)
    async with Session(url, auth=SignIn(*ADMINISTRATOR), retry=SOON) as session:
        done = await session.download(document.path, tmp_path / "large")
    assert not done.is_resumed
    assert b"".join(document.chunks()) == (tmp_path / "large").read_bytes()


async def test_document_that_is_elsewhere(url, portal):
    """A portal may send to another server, which sees no cookie and no token."""
    portal.document("minutes", b"x")
    other = FakePortal()
    other.document("public", b"abroad", guest=True)
    with other.serve() as abroad:
        portal.knobs.documents_location = f"{abroad}/documents/20182/0/public"
        async with Session(url, auth=SignIn(*ADMINISTRATOR)) as session:
            assert b"abroad" == await session.download("/documents/20182/0/minutes")
    (request,) = other.requests
    assert not {"cookie", "x-csrf-token", "authorization"} & request.headers.keys()


async def test_portrait_of_a_user(url):
    """The address of a user's portrait leads to the picture."""
    async with Session(url, auth=ADMINISTRATOR) as session:
        await session.call("/user/update-portrait", {"userId": 20199, "bytes": b"\x89PNG mine"})
        user = await session.call("/user/get-user-by-id", {"userId": 20199}, select=["portraitId", "uuid"])
        assert b"\x89PNG mine" == await session.download(portrait_url(user))
        assert b"\x89PNG mine" == await session.download(portrait_url(user, server=url))
        other = await session.download(portrait_url({"portraitId": 0, "uuid": "x"}, male=False))
        assert other.startswith(b"\x89PNG")


def test_recorded_uploads_are_what_is_sent():
    """The fields of recorded uploads are those that the library makes of the same parameters."""
    checked = 0
    for line in (Path(__file__).parent / "data" / "wire-6.2.5.jsonl").read_text("utf-8").strip().split("\n"):
        record = json.loads(line)
        body = record["request"].get("body")
        if record["name"] not in {"uploads/text/add", "uploads/text/update", "uploads/null-description"}:
            continue
        boundary = "RecBoundary7d4"
        head, _, rest = body.encode().partition(b'--RecBoundary7d4\r\nContent-Disposition: form-data; name="file"')
        pieces = [part.partition("\r\n\r\n") for part in head.decode().split(f"--{boundary}\r\n")[1:]]
        fields = [(told.split('"')[1], value.removesuffix("\r\n")) for told, _, value in pieces]
        params = {name.lstrip("-"): None if name.startswith("-") else value for name, value in fields}
        made = multipart.fields_of(codec.command(record["request"]["path"].removeprefix("/api/jsonws"), params))
        assert head == b"".join(multipart.field(boundary, name, value) for name, value in made)
        assert rest.endswith(multipart.closing(boundary))
        checked += 1
    assert checked == 3
