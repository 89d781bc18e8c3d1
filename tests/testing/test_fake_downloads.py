"""Downloads: `/documents`, WebDAV with Digest, ranges, portraits."""

import base64
import hashlib
import json
from urllib.parse import quote_plus

import anyio
import httpx
import pytest
from asking import ADMINISTRATOR, JOE, ask, client_of, sign_in

from aioliferay.testing import FakePortal
from aioliferay.testing._digest import challenge, verified_user

TEXT = bytes(range(256)) * 3
DIGEST = httpx.DigestAuth(*ADMINISTRATOR)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "where", ["/documents/20182/0/{title}", "/documents/20182/{uuid}", "/documents/20182/0/{title}/{uuid}"]
)
async def test_document_is_read_in_session(where):
    """A document has three URLs; in a session that may see it, each gives its bytes, type and name."""
    portal = FakePortal()
    document = portal.document("a b+c.txt", TEXT, mime_type="text/x")
    path = where.format(title=quote_plus(document.title), uuid=document.uuid)
    async with client_of(portal) as client:
        await sign_in(client)
        answer = await client.get(path)
        head = await client.head(path)
    assert (200, TEXT, "text/x") == (answer.status_code, answer.content, answer.headers["content-type"])
    assert 'attachment; filename="a b+c.txt"' == answer.headers["content-disposition"]
    assert answer.headers["last-modified"].endswith(" GMT")
    assert (b"", "768") == (head.content, head.headers["content-length"])
    assert "etag" not in answer.headers
    assert document.path in {where.format(title=quote_plus(document.title), uuid="x"), document.path}


@pytest.mark.parametrize(
    ("who", "guest", "expected"),
    [
        (None, False, 302),
        ("basic", False, 302),
        (ADMINISTRATOR, False, 200),
        (JOE, False, 401),
        (JOE, True, 200),
        (None, True, 200),
    ],
)
async def test_document_is_seen_by_who_may(who, guest, expected):
    """Basic counts for nothing: a guest is sent to sign in, an ordinary user is refused, unless everybody may see it."""
    portal = FakePortal()
    path = portal.document("a", b"abc", guest=guest).path
    async with client_of(portal, auth=ADMINISTRATOR if who == "basic" else None) as client:
        if isinstance(who, tuple):
            await sign_in(client, *who)
        answer = await client.get(f"{path}?version=1.0")
    assert expected == answer.status_code
    if expected == 302:
        location = "http://portal.test/c/portal/login?redirect=%2Fdocuments%2F20182%2F0%2Fa%3Fversion%3D1.0"
        assert location == answer.headers["location"]


@pytest.mark.parametrize(
    ("version", "token", "expected"), [("6.2", "good", 302), ("7.0", "good", 200), ("7.4", "good", 200), ("7.4", "bad", 401)]
)
async def test_bearer_may_read_documents_of_later_portals(version, token, expected):
    """On 7.x a bearer's token opens documents as it opens services."""
    portal = FakePortal(version)
    path = portal.document("a", b"abc").path
    async with client_of(portal) as client:
        if version != "6.2" and token == "good":
            known = {"client_id": portal.oauth2_client.id, "client_secret": portal.oauth2_client.secret}
            answer = await client.post("/o/oauth2/token", data=known | {"grant_type": "client_credentials"})
            token = answer.json()["access_token"]
        assert expected == (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code


@pytest.mark.parametrize(
    "path", ["20182/0/nope", "20182/nope", "20182/0/nope/nope", "20182", "x/0/a", "20182/x/a", "1/2/3/4/5"]
)
async def test_missing_document_is_page_of_404(path):
    """What is not there is a page of status 404, for guests too."""
    async with client_of(FakePortal()) as client:
        answer = await client.get(f"/documents/{path}")
    assert (404, "text/html;charset=UTF-8") == (answer.status_code, answer.headers["content-type"])


async def test_uploaded_document_is_downloaded():
    """What was uploaded comes back; what was too big to keep is not there."""
    portal = FakePortal()
    given = {"repositoryId": 20182, "folderId": 0, "sourceFileName": "é 漢.txt", "mimeType": "text/plain"}
    given |= {"title": "é 漢", "description": "", "changeLog": ""}
    async with client_of(portal, auth=ADMINISTRATOR) as client:
        for title, content in (("é 漢", TEXT), ("big", b"x" * 1_100_000)):
            await client.post(
                "/api/jsonws/dlapp/add-file-entry", data=given | {"title": title}, files={"file": ("f", content)}
            )
    async with client_of(portal) as client:
        await sign_in(client)
        answer = await client.get(f"/documents/20182/0/{quote_plus('é 漢')}")
        assert (TEXT, 404) == (answer.content, (await client.get("/documents/20182/0/big")).status_code)
        assert "attachment; filename*=UTF-8''%C3%A9%20%E6%BC%A2.txt" == answer.headers["content-disposition"]
    read = {"/dlapp/get-file-entry": {"groupId": 20182, "folderId": 0, "title": "é 漢"}}
    assert 1 == (await ask(portal, read))["readCount"]


async def test_ranges_are_ignored_by_default():
    """`/documents` sends the whole document whatever range is asked for; If-Modified-Since counts if it is its very time."""
    portal = FakePortal()
    path = portal.document("a", TEXT, guest=True).path
    async with client_of(portal) as client:
        answer = await client.get(path, headers={"Range": "bytes=0-2", "If-Modified-Since": "Sat, 01 Jan 2028 00:00:00 GMT"})
        assert (200, TEXT, None) == (answer.status_code, answer.content, answer.headers.get("accept-ranges"))
        again = await client.get(path, headers={"If-Modified-Since": answer.headers["last-modified"]})
    assert (304, b"") == (again.status_code, again.content)


@pytest.mark.parametrize(
    ("wanted", "status", "start", "end"),
    [
        ("bytes=0-2", 206, 0, 3),
        ("bytes=100-", 206, 100, 768),
        ("bytes=-5", 206, 763, 768),
        ("bytes=-5000", 206, 0, 768),
        ("bytes=700-5000", 206, 700, 768),
        ("bytes=0-767", 206, 0, 768),
        ("bytes=768-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=5-4", 200, 0, 768),
        ("bytes=-", 200, 0, 768),
        ("bytes=0-1,5-6", 200, 0, 768),
        ("lines=0-1", 200, 0, 768),
    ],
)
@pytest.mark.parametrize("way", ["documents", "webdav"])
async def test_range_is_served(way, wanted, status, start, end):
    """With `ranges`, and by WebDAV always, a range is 206, one beyond the end 416, and nonsense the whole document."""
    portal = FakePortal(ranges=way == "documents")
    document = portal.document("a", TEXT, guest=True)
    path, auth = (document.path, None) if way == "documents" else (document.webdav_path, DIGEST)
    async with client_of(portal, auth=auth) as client:
        answer = await client.get(path, headers={"Range": wanted})
    assert (status, TEXT[start:end]) == (answer.status_code, answer.content)
    told = {206: f"bytes {start}-{end - 1}/768", 416: "bytes */768"}
    assert told.get(status) == answer.headers.get("content-range")
    assert str(end - start) == answer.headers["content-length"]


async def test_range_depends_on_document_being_the_same():
    """If-Range with the ETag or time of the document gives the range, of another the whole one."""
    portal = FakePortal(ranges=True)
    document = portal.document("a", TEXT, guest=True)
    async with client_of(portal) as client:
        first = (await client.get(document.path)).headers
        assert (document.etag, "bytes") == (first["etag"], first["accept-ranges"])
        part = {"Range": "bytes=5-9"}
        for condition in (first["etag"], first["last-modified"]):
            assert 206 == (await client.get(document.path, headers=part | {"If-Range": condition})).status_code
        assert document is portal.document("a", b"other bytes", guest=True)
        answer = await client.get(document.path, headers=part | {"If-Range": first["etag"]})
    assert (200, b"other bytes") == (answer.status_code, answer.content)
    assert "2.0" == document.entry["version"]


async def test_documents_may_be_elsewhere():
    """A portal may send who asks for a document to another server, if he may see it."""
    portal = FakePortal()
    portal.knobs.documents_location = "http://store.test/x?sig=1"
    path = portal.document("a", TEXT).path
    async with client_of(portal) as client:
        assert "/c/portal/login" in (await client.get(path)).headers["location"]
        await sign_in(client)
        answer = await client.get(path)
    assert (302, "http://store.test/x?sig=1", b"") == (answer.status_code, answer.headers["location"], answer.content)


@pytest.mark.parametrize("kept", [0, 1, 70_000, 7_999_999, 10**9])
async def test_download_can_be_cut(kept):
    """A download may be cut after some bytes, which all arrive; the head had announced the whole."""
    portal = FakePortal()
    document = portal.document("a", 8_000_000, guest=True)
    portal.misbehave(path="/documents/*", drop="after", truncate=kept)
    got = bytearray()
    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url) as client, client.stream("GET", document.path) as answer:
            assert "8000000" == answer.headers["content-length"]
            try:
                async for chunk in answer.aiter_bytes():
                    got += chunk
                is_whole = True
            except httpx.RemoteProtocolError:
                is_whole = False
    assert b"".join(document.chunks(0, min(kept, document.size))) == got
    assert is_whole == (kept >= document.size)
    assert portal.requests[0].status is None


async def test_download_can_be_shorter_or_another():
    """A download may be short without telling, or something else, or late."""
    portal = FakePortal()
    path = portal.document("a", TEXT, guest=True).path
    portal.misbehave(path="/documents/*", truncate=5)
    portal.misbehave(path="/documents/*", body=b"<html>", headers={"Content-Type": "text/html"})
    portal.misbehave(path="/documents/*", status=503, delay=0.01)
    portal.misbehave(path="/documents/*", headers={"X-Odd": "1"})
    async with client_of(portal) as client:
        answers = [await client.get(path) for _ in range(5)]
    assert [TEXT[:5], b"<html>", b"", TEXT, TEXT] == [answer.content for answer in answers]
    assert [200, 200, 503, 200, 200] == [answer.status_code for answer in answers]
    assert [None, "1", None] == [answer.headers.get("x-odd") for answer in answers[2:]]
    assert ["5", "6"] == [answer.headers["content-length"] for answer in answers[:2]]
    assert "text/html" == answers[1].headers["content-type"]


async def test_made_up_document_is_read_anywhere():
    """A document of so many bytes has always the same ones, by their place, in no two places alike."""
    document = FakePortal().document("a", 1_000_000)
    whole = b"".join(document.chunks())
    assert (1_000_000, hashlib.sha256(whole).hexdigest()) == (document.size, document.sha256)
    for start, end in ((0, 1), (65_520, 65_530), (131_000, 500_000), (999_999, 1_000_000), (5, 5)):
        assert whole[start:end] == b"".join(document.chunks(start, end))
    blocks = {whole[place : place + 50_000] for place in range(0, 1_000_000, 50_000)}
    assert 20 == len(blocks)


async def test_client_may_leave_a_download():
    """Who leaves a long download does not hold up the portal, which sends no more."""
    portal = FakePortal()
    document = portal.document("a", 10**15, guest=True)  # more than can be sent
    with portal.serve() as url:
        parts = httpx.URL(url)
        async with await anyio.connect_tcp(parts.host, parts.port) as stream:
            await stream.send(f"GET {document.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await stream.receive(100_000)).startswith(b"HTTP/1.1 200 OK")
        async with httpx.AsyncClient(base_url=url) as client:
            assert 200 == (await client.get("/")).status_code


@pytest.mark.parametrize("qop", [False, True])
@pytest.mark.parametrize("version", ["6.2", "7.4"])
async def test_webdav_wants_digest(version, qop):
    """WebDAV challenges for Digest, Basic counts for nothing, and who answers the challenge gets the document."""
    portal = FakePortal(version)
    portal.knobs.qop = qop
    document = portal.document("a b.txt", TEXT, folder="Reports/Q 1")
    assert "/webdav/guest/document_library/Reports/Q%201/a%20b.txt" == document.webdav_path
    async with client_of(portal) as client:
        refusals = [await client.get(document.webdav_path, auth=auth) for auth in (None, ADMINISTRATOR)]
        assert [401, 401] == [answer.status_code for answer in refusals]
        told = refusals[0].headers["www-authenticate"]
        assert told.startswith('Digest realm="PortalRealm", nonce="')
        assert qop == ("qop" in told)
        answer = await client.get(document.webdav_path, auth=DIGEST)
        assert (TEXT, "bytes") == (answer.content, answer.headers["accept-ranges"])
        assert 'attachment; filename="a b.txt"' == answer.headers["content-disposition"]
        assert ("etag" in answer.headers, "last-modified" in answer.headers) == (False, False)
        assert 20199 == portal.requests[-1].user_id
        wrong = httpx.DigestAuth("test@liferay.com", "wrong")
        assert 401 == (await client.get(document.webdav_path, auth=wrong)).status_code


@pytest.mark.parametrize(
    ("method", "path", "auth", "expected"),
    [
        ("GET", "/webdav/guest/document_library/nope", DIGEST, 404),
        ("GET", "/webdav/guest/document_library/no/a", DIGEST, 404),
        ("GET", "/webdav/nope/document_library/a", DIGEST, 404),
        ("GET", "/webdav/guest/journal/a", DIGEST, 404),
        ("GET", "/webdav", DIGEST, 404),
        ("HEAD", "/webdav/guest/document_library/a", DIGEST, 200),
        ("PUT", "/webdav/guest/document_library/a", DIGEST, 405),
        ("GET", "/webdav/guest/document_library/a", httpx.DigestAuth(*JOE), 412),
        ("GET", "/webdav/guest/document_library/a?x=1", DIGEST, 200),
    ],
)
async def test_webdav_answers_with_status(method, path, auth, expected):
    """WebDAV answers what it cannot do by a status without a body."""
    portal = FakePortal()
    portal.document("a", TEXT)
    async with client_of(portal, auth=auth) as client:
        answer = await client.request(method, path)
    assert expected == answer.status_code
    assert answer.content in {b"", TEXT}


async def test_webdav_knows_sessions_and_etags():
    """A session opens WebDAV too; with `ranges` it tells an ETag."""
    portal = FakePortal(ranges=True)
    document = portal.document("a", TEXT)
    async with client_of(portal) as client:
        await sign_in(client)
        answer = await client.get(document.webdav_path)
    assert (document.etag, TEXT) == (answer.headers["etag"], answer.content)


def proof(nonce, **changed):
    """An Authorization header for GET /x by u/p, with some fields changed."""
    given = {"username": "u", "realm": "PortalRealm", "nonce": nonce, "uri": "/x"} | changed

    def md5(text):
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    known, action = md5("u:PortalRealm:p"), md5("GET:/x")
    middle = f"{nonce}:{given['nc']}:{given['cnonce']}:auth" if "qop" in given else nonce
    given = {"response": md5(f"{known}:{middle}:{action}")} | given
    return "Digest " + ", ".join(
        f"{name}={value if name in ('nc', 'qop') else json.dumps(value)}" for name, value in given.items()
    )


@pytest.mark.parametrize(
    ("changed", "is_right"),
    [
        ({}, True),
        ({"qop": "auth", "nc": "00000001", "cnonce": "abc"}, True),
        ({"qop": "auth-int", "nc": "00000001", "cnonce": "abc"}, False),
        ({"username": "other"}, False),
        ({"realm": "Other"}, False),
        ({"uri": "/y"}, False),
        ({"response": "0" * 32}, False),
        ({"response": "é"}, False),
    ],
)
def test_digest_proves_user(changed, is_right):
    """A Digest counts for its user, realm, nonce and URI, with and without `qop`."""
    nonce = challenge(7, has_qop=False).partition('nonce="')[2][:32]
    header = proof(nonce, **changed)
    found = verified_user(header, method="GET", target="/x", password_of={"u": "p"}.get)
    assert ("u" if is_right else None) == found


@pytest.mark.parametrize("header", ["", "Digest", "Basic eDp5", proof("0" * 32), proof("x" * 32), proof("")])
def test_digest_of_unknown_nonce_proves_nobody(header):
    """Without a nonce of the portal's nothing is proved."""
    assert verified_user(header, method="GET", target="/x", password_of={"u": "p"}.get) is None


@pytest.mark.parametrize("version", ["6.2", "7.4"])
async def test_portrait_is_shown_by_token(version):
    """A picture is shown to who knows the hash of the user's uuid, else everybody's; once seen it need not be sent."""
    portal = FakePortal(version)
    user = await ask(portal, {"/user/update-portrait": {"userId": 20514, "bytes": [1, 2, 255]}})
    token = base64.b64encode(hashlib.sha1(user["uuid"].encode(), usedforsecurity=False).digest()).decode()
    async with client_of(portal) as client:
        known = {"img_id": user["portraitId"], "img_id_token": token}
        answer = await client.get("/image/user_male_portrait", params=known)
        assert (b"\x01\x02\xff", "image/png") == (answer.content, answer.headers["content-type"])
        since = {"If-Modified-Since": answer.headers["last-modified"]}
        assert 304 == (await client.get("/image/user_female_portrait", params=known, headers=since)).status_code
        for changed in ({"img_id": 0}, {"img_id_token": "x"}, {"img_id": "x"}, {"img_id": 7}):
            other = await client.get("/image/user_portrait", params=known | changed)
            assert (200, b"\x89PNG") == (other.status_code, other.content[:4])
        assert 404 == (await client.get("/image/other")).status_code
    assert {} == await ask(portal, {"/user/delete-portrait": {"userId": 20514}}, JOE)
    async with client_of(portal) as client:
        assert b"\x89PNG" == (await client.get("/image/user_male_portrait", params=known)).content[:4]


async def test_portrait_of_another_is_for_administrators():
    """An ordinary user changes his own picture only."""
    answer = await ask(FakePortal(), {"/user/update-portrait": {"userId": 20199, "bytes": []}}, JOE)
    assert "com.liferay.portal.security.auth.PrincipalException" == answer["exception"]


async def test_folders_are_made_once():
    """Documents of one folder are in the same one, whose number of folders is told."""
    portal = FakePortal()
    first, second = portal.document("a", folder="X/Y"), portal.document("b", folder="/X/Y/")
    top = portal.document("c", folder="X")
    assert first.entry["folderId"] == second.entry["folderId"] != top.entry["folderId"]
    counts = [
        {"/dlapp/get-folders-count": {"repositoryId": 20182, "parentFolderId": each}} for each in (0, top.entry["folderId"])
    ]
    assert [1, 1] == await ask(portal, counts)
