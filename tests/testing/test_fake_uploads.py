"""Uploads to direct URLs, and the services of the document library."""

import hashlib

import httpx
import pytest
from asking import ADMINISTRATOR, JOE, ROW, ask, client_of

import aioliferay.testing
from aioliferay.testing import FakePortal, Upload

ADD = "/api/jsonws/dlapp/add-file-entry"
VERSIONS = ["6.2", "7.0", "7.4"]
DOCUMENTS = {
    "6.2": "com.liferay.portlet.documentlibrary",
    "7.0": "com.liferay.document.library.kernel.exception",
}

pytestmark = pytest.mark.anyio


def form(title="a", **changed):
    """The parameters of an upload."""
    given = {"repositoryId": 20182, "folderId": 0, "sourceFileName": f"{title}.txt", "mimeType": "text/plain"}
    return given | {"title": title, "description": "d", "changeLog": ""} | changed


async def upload(portal, content=b"abc", auth=ADMINISTRATOR, **changed):
    """Upload a file; the answer."""
    async with client_of(portal, auth=auth) as client:
        return await client.post(ADD, data=form(**changed), files={"file": ("f.txt", content, "text/plain")})


def told(answer):
    """The exception and message of a failure, on any version."""
    body = answer.json() if isinstance(answer, httpx.Response) else answer
    return (body["error"]["type"], body["error"]["message"]) if "error" in body else (body["exception"], body["message"])


@pytest.mark.parametrize("version", VERSIONS)
async def test_upload_makes_document(version):
    """A file and its parameters make a document, which tells its size and can be read, listed, counted and deleted."""
    portal = FakePortal(version)
    entry = (await upload(portal)).json()
    assert ("a", "txt", "text/plain", 3) == (entry["title"], entry["extension"], entry["mimeType"], int(entry["size"]))
    assert isinstance(entry["size"], int if version == "6.2" else str)
    place = {"repositoryId": 20182, "folderId": 0}
    read = [
        {"/dlapp/get-file-entry": {"fileEntryId": entry["fileEntryId"]}},
        {"/dlapp/get-file-entry": {"groupId": 20182, "folderId": 0, "title": "a"}},
        {"/dlapp/get-file-entry-by-uuid-and-group-id": {"uuid": entry["uuid"], "groupId": 20182}},
    ]
    assert [entry] * 3 == await ask(portal, read)
    listed = [{"/dlapp/get-file-entries": place}, {"/dlapp/get-file-entries": place | {"start": 1, "end": 5}}]
    assert [[entry], [], 1] == await ask(portal, [*listed, {"/dlapp/get-file-entries-count": place}])
    assert [None] == await ask(portal, [{"/dlapp/delete-file-entry": {"fileEntryId": entry["fileEntryId"]}}])
    assert 0 == await ask(portal, {"/dlapp/get-file-entries-count": place})


async def test_upload_is_recorded():
    """The portal keeps what came: the name of the part, of the file, its type, size, hash and bytes."""
    portal = FakePortal()
    await upload(portal, b"hello")
    expected = Upload(1, "file", "f.txt", "text/plain", 5, hashlib.sha256(b"hello").hexdigest(), b"hello")
    assert [expected] == portal.uploads
    (run,) = portal.executions
    assert b"hello" == run.parameters["file"]


@pytest.mark.parametrize(("given", "content"), [([104, 105], b"hi"), ("[-1, 300]", b"\xff,"), (None, b""), ([], b"")])
@pytest.mark.parametrize("version", VERSIONS)
async def test_bytes_make_document(version, given, content):
    """The other overload takes bytes in a command, and null for an empty file."""
    portal = FakePortal(version)
    entry = await ask(portal, {"/dlapp/add-file-entry": form() | {"bytes": given} | ROW})
    assert len(content) == int(entry["size"])
    (document,) = portal._samples.documents.library.inside(20182, 0)
    assert content == b"".join(document.chunks())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"title": "a/b*?", "sourceFileName": "x.txt"}, ("{documents}.FileNameException", "a/b*?.txt")),
        ({"title": "", "sourceFileName": ""}, ("{documents}.FileNameException", "{documents}.FileNameException")),
        (
            {"folderId": 987654},
            ("com.liferay.portal.NoSuchRepositoryEntryException", "No RepositoryEntry exists with the primary key 987654"),
        ),
        (
            {"repositoryId": 1},
            ("com.liferay.portal.NoSuchGroupException", "No Group exists with the key {{repositoryId=1}}"),
        ),
        ({"title": "there"}, ("{documents}.DuplicateFileException", "there")),
    ],
)
async def test_upload_that_cannot_be_is_refused(changed, expected):
    """A bad title, a folder or site that is not there, or a title twice is the portal's own exception."""
    portal = FakePortal()
    await upload(portal, title="there")
    answer = await upload(portal, **changed)
    assert tuple(text.format(documents=DOCUMENTS["6.2"]) for text in expected) == told(answer)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"title": "there"}, f"{DOCUMENTS['7.0']}.DuplicateFileEntryException"),
        ({"folderId": 7}, f"{DOCUMENTS['7.0']}.NoSuchFolderException"),
    ],
)
async def test_later_portals_name_exceptions_as_theirs(changed, expected):
    """7.x has other packages and names."""
    portal = FakePortal("7.0")
    await upload(portal, title="there")
    assert expected == told(await upload(portal, **changed))[0]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, "java.lang.SecurityException"),
        (("test@liferay.com", "x"), "java.lang.SecurityException"),
        (JOE, "com.liferay.portal.security.auth.PrincipalException"),
    ],
)
async def test_upload_is_for_administrators(auth, expected):
    """Guests and ordinary users may not add documents."""
    assert expected == told(await upload(FakePortal(), auth=auth))[0]


async def test_documents_are_seen_by_who_may():
    """An ordinary user sees what guests may see, and changes nothing."""
    portal = FakePortal()
    private, public = portal.document("private"), portal.document("public", guest=True)
    place = {"repositoryId": 20182, "folderId": 0}
    assert ["public"] == [row["title"] for row in await ask(portal, {"/dlapp/get-file-entries": place}, JOE)]
    read = {"/dlapp/get-file-entry": {"fileEntryId": private.file_entry_id}}
    assert "PrincipalException" in told(await ask(portal, read, JOE))[0]
    remove = {"/dlapp/delete-file-entry": {"fileEntryId": public.file_entry_id}}
    assert "PrincipalException" in told(await ask(portal, remove, JOE))[0]


@pytest.mark.parametrize(
    ("version", "command", "expected"),
    [
        ("6.2", {"/dlapp/get-file-entry": {"fileEntryId": 7}}, "com.liferay.portal.NoSuchRepositoryEntryException"),
        ("7.0", {"/dlapp/get-file-entry": {"fileEntryId": 7}}, f"{DOCUMENTS['7.0']}.NoSuchFileEntryException"),
        (
            "6.2",
            {"/dlapp/get-file-entry": {"groupId": 20182, "folderId": 0, "title": "x"}},
            f"{DOCUMENTS['6.2']}.NoSuchFileEntryException",
        ),
        (
            "6.2",
            {"/dlapp/get-file-entry-by-uuid-and-group-id": {"uuid": "x", "groupId": 20182}},
            f"{DOCUMENTS['6.2']}.NoSuchFileEntryException",
        ),
        (
            "6.2",
            {"/dlapp/delete-file-entry-by-title": {"repositoryId": 20182, "folderId": 0, "title": "x"}},
            f"{DOCUMENTS['6.2']}.NoSuchFileEntryException",
        ),
        (
            "6.2",
            {"/dlapp/add-file-entry": form() | {"bytes": [1], "serviceContext": None}},
            "java.lang.NullPointerException",
        ),
    ],
)
async def test_missing_document_is_told(version, command, expected):
    """What is not there is an exception of the version's."""
    assert expected == told(await ask(FakePortal(version), command))[0]


async def test_type_is_guessed_where_none_is_told():
    """The name of the file tells the type, unless the caller does; the service context brings the uuid and the guests."""
    portal = FakePortal()
    context = {"serviceContext.uuid": "u-1", "serviceContext.addGuestPermissions": "true"}
    first = (await upload(portal, mimeType="application/octet-stream", sourceFileName="x.png", **context)).json()
    second = (await upload(portal, title="b", mimeType="", sourceFileName="x")).json()
    assert ("image/png", "u-1") == (first["mimeType"], first["uuid"])
    assert ("application/octet-stream", "") == (second["mimeType"], second["extension"])
    (document, _) = portal._samples.documents.library.inside(20182, 0)
    assert document.is_public


@pytest.mark.parametrize("version", ["6.2", "7.0"])
async def test_document_gets_new_version(version):
    """An update changes bytes, title and version; without a file it keeps its bytes."""
    portal = FakePortal(version)
    document = portal.document("a.txt", b"first")
    etag = document.etag
    given = {"fileEntryId": document.file_entry_id, "sourceFileName": None, "mimeType": "text/plain", "title": None}
    given |= {"description": "", "changeLog": ""} | ROW
    major, minor = {"majorVersion": True, "bytes": [65]}, {"majorVersion": False, "bytes": []}
    answers = await ask(portal, [{"/dlapp/update-file-entry": given | changed} for changed in (major, minor)])
    assert [("2.0", 1), ("2.1", 1)] == [(answer["version"], int(answer["size"])) for answer in answers]
    assert (b"A", "a.txt") == (b"".join(document.chunks()), document.title)
    assert etag != document.etag


@pytest.mark.parametrize(
    ("version", "throwable", "is_told"),
    [("6.2", None, True), ("7.0", None, True), ("7.4", None, False), ("7.4", True, True)],
)
async def test_upload_above_limit_is_upload_exception(version, throwable, is_told):
    """What is longer than the portal takes is refused with status 200, on a default 7.4 by `{}`, as if it had worked."""
    portal = FakePortal(version, serialize_throwable=throwable, max_upload_bytes=2000)
    answer = await upload(portal, b"x" * 3000)
    assert (200, is_told) == (answer.status_code, answer.content != b"{}")
    if is_told:
        assert "SizeLimitExceededException: the request was rejected because its size (" in answer.text
    assert [] == portal.uploads == portal.executions
    portal.knobs.max_upload_bytes = 5000
    assert "fileEntryId" in (await upload(portal, b"x" * 3000)).json()


async def test_limit_holds_for_streams():
    """A body of unknown length is refused when it turns out too long."""

    async def body():
        for _ in range(20):
            yield b"x" * 100_000

    portal = FakePortal(max_upload_bytes=1_500_000)
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    async with client_of(portal, auth=ADMINISTRATOR) as client:
        answer = await client.post(ADD, content=body(), headers=headers)
    assert "its size (2000000) exceeds the configured maximum (1500000)" in answer.json()["message"]
    assert (2_000_000, b"") == (portal.requests[0].length, portal.requests[0].body)


async def test_big_upload_is_counted():
    """A file above 1 MiB makes a document of its size, whose bytes are not there."""
    portal = FakePortal()
    content = b"0123456789" * 150_000
    entry = (await upload(portal, content)).json()
    assert (1_500_000, "1.0") == (entry["size"], entry["version"])
    (recorded,) = portal.uploads
    assert (1_500_000, hashlib.sha256(content).hexdigest(), None) == (recorded.size, recorded.sha256, recorded.content)
    assert b"" == portal.requests[0].body
    assert portal.requests[0].length > 1_500_000
    (document,) = portal._samples.documents.library.inside(20182, 0)
    assert (1_500_000, recorded.sha256, []) == (document.size, document.sha256, list(document.chunks()))


async def test_small_upload_in_chunks_is_kept():
    """A short body without a length is kept whole."""
    portal = FakePortal()
    lines = [b"--B", b'Content-Disposition: form-data; name="cmd"', b"", b'{"/portal/get-build-number": {}}', b"--B--", b""]

    async def body():
        for line in lines:
            yield line + b"\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    async with client_of(portal, auth=ADMINISTRATOR) as client:
        assert 6205 == (await client.post("/api/jsonws/invoke", content=body(), headers=headers)).json()
    assert b"\r\n".join([*lines, b""]) == portal.requests[0].body


async def test_own_services_are_told_of_big_files():
    """A service of one's own learns size and hash of any file."""
    portal = FakePortal()

    @portal.service("/foo/take")
    def take(file: aioliferay.testing.File) -> str:
        return f"{file.filename} {file.content_type} {file.size} {file.sha256[:8]} {len(file)}"

    async with client_of(portal, auth=ADMINISTRATOR) as client:
        for size, kept in ((3, 3), (2_000_000, 0)):
            content = b"x" * size
            files = {"file": ("a b.txt", content, "text/x")}
            expected = f"a b.txt text/x {size} {hashlib.sha256(content).hexdigest()[:8]} {kept}"
            assert expected == (await client.post("/api/jsonws/foo/take", files=files)).json()
