import json

import anyio
import httpx
import pytest

import aioliferay.testing
from aioliferay.testing import Caller, FakePortal, JavaError, Long

ADMINISTRATOR = ("test@liferay.com", "test")
INVOKE = "/api/jsonws/invoke"
READ = [{"/portal/get-build-number": {}}]

pytestmark = pytest.mark.anyio


def client_of(portal, auth=ADMINISTRATOR):
    return httpx.AsyncClient(transport=portal.transport(), base_url=portal.url, auth=auth)


@pytest.mark.parametrize(("version", "expected"), [("6.2", 6205), ("7.0", 7006), ("7.4", 7413)])
async def test_portal_has_build_number_of_version(version, expected):
    """Each version answers with a build number of its own."""
    async with client_of(FakePortal(version)) as client:
        assert [expected] == (await client.post(INVOKE, json=READ)).json()


def test_portal_of_unknown_version_is_refused():
    """Only three versions are known."""
    with pytest.raises(ValueError, match=r"no fake portal of version '5.2'"):
        FakePortal("5.2")


async def test_portal_serves_own_services():
    """A function becomes a service, with Java's names and conversions."""
    portal = FakePortal()

    @portal.service("/foo/hello-world")
    def hello_world(user_id: int, world_name: str) -> str:
        return f"Welcome {user_id} to {world_name}"

    @portal.service("/foo/whose")
    async def whose(caller: Caller) -> Long:
        await anyio.lowlevel.checkpoint()
        return caller.user_id or 0

    @portal.service("/foo/fail")
    def fail() -> None:
        raise JavaError("java.lang.IllegalStateException", "boom")

    commands = [{"/foo/hello-world": {"userId": "7", "worldName": "Jupiter"}}, {"/foo/whose": {}}]
    async with client_of(portal) as client:
        assert ["Welcome 7 to Jupiter", 20199] == (await client.post(INVOKE, json=commands)).json()
        expected = {"exception": "java.lang.IllegalStateException", "message": "boom"}
        assert expected == (await client.post(INVOKE, json={"/foo/fail": {}})).json()


async def test_service_open_to_guests_runs_for_guests():
    """A guest may call what is open to guests, and nothing else."""
    portal = FakePortal()

    @portal.service("/foo/open", guest=True)
    def open_to_all(caller: Caller) -> bool:
        return caller.user_id is None

    async with client_of(portal, auth=None) as client:
        assert [True] == (await client.post(INVOKE, json=[{"/foo/open": {}}])).json()
        assert "java.lang.SecurityException" == (await client.post(INVOKE, json=READ)).json()["exception"]


async def test_portal_records_requests():
    """Every request is recorded as it came, with whose it was and how it was answered."""
    portal = FakePortal()
    async with client_of(portal) as client:
        await client.post(f"{INVOKE}?x=1", content=b"[]", headers={"X-Test": "A"})
        await client.get("/no/such/page", auth=None)
    first, second = portal.requests
    assert (1, "POST", INVOKE, "x=1", b"[]", 20199, 200) == (
        first.number,
        first.method,
        first.path,
        first.query,
        first.body,
        first.user_id,
        first.status,
    )
    assert "A" == first.headers["x-test"]
    assert (2, "GET", None, 404) == (second.number, second.method, second.user_id, second.status)


async def test_portal_keeps_journal_of_executions():
    """The journal says what really ran: all before a failure and the failing method, nothing after it."""
    portal = FakePortal()
    commands = [*READ, {"/group/get-group": {"groupId": 1}}, *READ]
    async with client_of(portal) as client:
        await client.post(INVOKE, json=commands)
    assert [
        ("/portal/get-build-number", 1, 0, None),
        ("/group/get-group", 1, 1, "com.liferay.portal.NoSuchGroupException"),
    ] == [(run.path, run.request, run.statement, run.error) for run in portal.executions]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("6.2", (200, None)), ("7.0", (401, 'Basic realm="PortalRealm"')), ("7.4", (401, 'Basic realm="PortalRealm"'))],
)
async def test_wrong_password_makes_guest_or_401(version, expected):
    """6.2 takes who sends a wrong password for a guest, 7.x sends him away with an empty body."""
    async with client_of(FakePortal(version), auth=("test@liferay.com", "wrong")) as client:
        response = await client.post(INVOKE, json=READ)
    assert expected == (response.status_code, response.headers.get("www-authenticate"))
    assert (version == "6.2") == bool(response.content)


async def test_unreadable_credentials_are_none():
    """A Basic header that is no base64 is passed over, on 7.x too."""
    async with client_of(FakePortal("7.0"), auth=None) as client:
        response = await client.post(INVOKE, json=READ, headers={"Authorization": "Basic @@@@"})
    assert 403 == response.status_code


@pytest.mark.parametrize("login", ["nobody@liferay.com", "default@liferay.com", "test", "20199"])
async def test_only_email_address_of_a_person_signs_in(login):
    """Neither names nor ids nor the default user sign in."""
    async with client_of(FakePortal(), auth=(login, "")) as client:
        assert "java.lang.SecurityException" == (await client.post(INVOKE, json=READ)).json()["exception"]


async def test_session_cookie_signs_nobody_in():
    """A call without a cookie gets a new session; a call with it gets none, and is a guest's without Basic."""
    portal = FakePortal()
    async with client_of(portal) as client:
        first = await client.post(INVOKE, json=READ)
        second = await client.post(INVOKE, json=READ)
        guest = await client.post(INVOKE, json=READ, auth=None)
    assert "JSESSIONID" in first.headers["set-cookie"]
    assert "set-cookie" not in second.headers
    assert "java.lang.SecurityException" == guest.json()["exception"]


@pytest.mark.parametrize(
    ("version", "throwable", "expected"),
    [
        (
            "6.2",
            None,
            (
                200,
                {
                    "exception": "com.liferay.portal.NoSuchGroupException",
                    "message": "No Group exists with the primary key 1",
                },
            ),
        ),
        ("7.4", None, (404, {})),
    ],
)
async def test_failure_has_body_of_version(version, throwable, expected):
    """6.2 tells the exception with status 200, 7.4 nothing but the status."""
    async with client_of(FakePortal(version, serialize_throwable=throwable)) as client:
        response = await client.post(INVOKE, json={"/group/get-group": {"groupId": 1}})
    assert expected == (response.status_code, response.json())


@pytest.mark.parametrize(("version", "throwable"), [("7.0", None), ("7.4", True)])
async def test_later_failure_can_be_told(version, throwable):
    """7.0 tells the exception, and 7.4 when it is asked to."""
    async with client_of(FakePortal(version, serialize_throwable=throwable)) as client:
        answer = (await client.post(INVOKE, json={"/group/get-group": {"groupId": 1}})).json()
    assert "com.liferay.portal.kernel.exception.NoSuchGroupException" == answer["error"]["type"]


@pytest.mark.parametrize(
    ("version", "expected"), [("6.2", "/group/get-group+x"), ("7.0", "/group/get-group+x"), ("7.4", "/group/get-group x")]
)
async def test_plus_in_direct_url_is_space_on_latest(version, expected):
    """7.4 decodes the path of a direct URL like a form's value."""
    async with client_of(FakePortal(version, serialize_throwable=True)) as client:
        answer = (await client.get("/api/jsonws/group/get-group+x")).json()
    assert f"path {expected} and" in (answer["message"] if version == "6.2" else answer["exception"])


@pytest.mark.parametrize(
    ("query", "version", "expected"),
    [
        ("callback=a.b", "6.2", "/**/a.b([6205])"),
        ("callback=a.b", "7.0", "/**/a.b([7006])"),
        ("inst=x", "6.2", "var x=[6205];"),
        ("inst=x", "7.0", "[7006]"),
    ],
)
async def test_answer_can_be_script(query, version, expected):
    """`callback` wraps the answer on every version, `inst` on 6.2."""
    async with client_of(FakePortal(version)) as client:
        assert expected == (await client.post(f"{INVOKE}?{query}", json=READ)).text


async def test_multipart_carries_command_and_parameters():
    """A multipart body may hold the command and other parameters, which every statement gets."""
    fields = {"cmd": (None, json.dumps([{"/group/get-group": {}}])), "groupId": (None, "20182")}
    async with client_of(FakePortal()) as client:
        assert "Guest" == (await client.post(INVOKE, files=fields)).json()[0]["name"]


async def test_multipart_files_reach_direct_services():
    """A part with a file name is a file, under its name; a repeated part is several."""
    portal = FakePortal("7.4")

    @portal.service("/foo/measure")
    def measure(file: aioliferay.testing.File, title: str) -> str:
        return f"{title}: {file.filename}, {len(file)} bytes"

    async with client_of(portal) as client:
        response = await client.post("/api/jsonws/foo/measure", files={"file": ("a.txt", b"abc")}, data={"title": "t"})
    assert "t: a.txt, 3 bytes" == response.json()


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("multipart/form-data", b"x", "the request was rejected because no multipart boundary was found"),
        ("multipart/form-data; boundary=B", b"--B\r\nno end", "Stream ended unexpectedly"),
        ("multipart/form-data; boundary=B", b"--B\r\nno head\r\n--B--", "Stream ended unexpectedly"),
    ],
)
async def test_broken_multipart_is_upload_exception(content_type, body, expected):
    """A multipart body that cannot be read fails with status 200, on 7.x too."""
    async with client_of(FakePortal("7.0")) as client:
        response = await client.post(INVOKE, content=body, headers={"Content-Type": content_type})
    assert 200 == response.status_code
    assert f"org.apache.commons.fileupload.FileUploadException: {expected}" == response.json()["exception"]


async def test_nameless_part_is_no_parameter():
    """A part whose disposition has no name is passed over."""
    body = b'--B\r\nContent-Disposition: form-data; x="y"\r\n\r\n1\r\n--B--'
    async with client_of(FakePortal()) as client:
        response = await client.post(INVOKE, content=body, headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert "Unable to deserialize object" == response.json()["message"]


async def test_repeated_command_takes_first():
    """Of a parameter `cmd` given twice the first counts."""
    async with client_of(FakePortal()) as client:
        assert [] == (await client.get(f"{INVOKE}?cmd=[]&cmd=x")).json()


async def test_form_above_limit_is_not_parsed():
    """A form of more than 2 MiB is taken for a raw body."""
    form = b"cmd=[]&x=" + b"x" * 2_097_152
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with client_of(FakePortal()) as client:
        answer = (await client.post(INVOKE, content=form, headers=headers)).json()
    assert "java.lang.IllegalArgumentException" == answer["exception"]


async def test_long_answer_is_sent_in_chunks():
    """An answer above 8 kB has no Content-Length."""
    async with client_of(FakePortal()) as client:
        response = await client.post(INVOKE, json=[{"/country/get-countries": {}}])
    assert "content-length" not in response.headers
    assert 249 == len(response.json()[0])


async def test_json_rpc_call_is_answered():
    """A JSON-RPC call posted to a service is answered with its id and version; garbage is a direct call."""
    call = {"jsonrpc": "2.0", "id": 3, "method": "get-build-number"}
    async with client_of(FakePortal()) as client:
        assert {"result": 6205, "id": 3, "jsonrpc": "2.0"} == (await client.post("/api/jsonws/portal", json=call)).json()
        answer = (await client.post("/api/jsonws/portal", content=b"{no json}")).json()
    assert "No JSON web service action associated with path /portal and method POST for /" == answer["message"]


async def test_json_rpc_failure_is_plain():
    """A JSON-RPC call that fails gets the failure itself."""
    call = {"method": "get-group", "params": {"groupId": 1}}
    async with client_of(FakePortal()) as client:
        answer = (await client.post("/api/jsonws/group", json=call)).json()
    assert "No Group exists with the primary key 1" == answer["message"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/api/jsonws/../../x", 404), ("/../x", 400), ("/api/jsonws/a%2Fb", 400), ("/api/jsonws/%zz", 400), ("/x/..", 200)],
)
async def test_odd_path_is_resolved_or_refused(path, expected):
    """Dots are resolved, within the root; encoded slashes and broken escapes are refused."""
    assert expected == await status_of(FakePortal(), raw_path=path.encode())


async def test_trace_is_refused():
    """TRACE is the one verb that Tomcat refuses."""
    assert 405 == await status_of(FakePortal(), method="TRACE")


async def test_path_without_raw_form_is_read():
    """A server that does not hand on the raw path will do."""
    assert 200 == await status_of(FakePortal(), path=INVOKE)


async def status_of(portal, *, method="GET", path="/", raw_path=None):
    """The status of the answer to a request that no HTTP client would send."""
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [],
        "server": ("localhost", 80),
    }
    if raw_path is not None:
        scope["raw_path"] = raw_path
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await portal(scope, receive, send)
    return sent[0]["status"]


async def test_head_has_no_body():
    """HEAD is answered with the length only."""
    async with client_of(FakePortal()) as client:
        response = await client.head("/")
    assert (b"", True) == (response.content, int(response.headers["content-length"]) > 0)
    assert response.headers["liferay-portal"].startswith("Liferay Portal Community Edition 6.2 CE GA6")


async def test_portal_lives_under_a_server_with_lifespan():
    """The application knows the lifespan protocol."""
    received = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive():
        return {"type": next(received)}

    async def send(message):
        sent.append(message["type"])

    await FakePortal()({"type": "lifespan"}, receive, send)
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == sent


async def test_half_sent_request_is_not_recorded():
    """A client that goes away within its request leaves nothing."""
    portal = FakePortal()

    async def receive():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": INVOKE, "query_string": b"", "headers": []}
    await portal(scope, receive, None)
    assert [] == portal.requests


def test_facade_names_what_it_has():
    """Each public name is there and says that it lives in the facade."""
    assert sorted(aioliferay.testing.__all__) == dir(aioliferay.testing)
    for name in aioliferay.testing.__all__:
        public = getattr(aioliferay.testing, name)
        assert not isinstance(public, type) or "aioliferay.testing" == public.__module__
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = aioliferay.testing.nope
