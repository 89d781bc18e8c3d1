"""Sessions by cookie: signing in and out, the token of a session, and how a session ends."""

import json
import re

import anyio
import httpx
import pytest
from asking import ADMINISTRATOR, client_of, sign_in, token_of

from aioliferay.testing import FakePortal, SignInAttempt

INVOKE = "/api/jsonws/invoke"
WHO = {"$u[userId] = /user/get-current-user": {}}
REFUSED = {"exception": "java.lang.SecurityException", "message": "Authenticated access required"}
VERSIONS = ["6.2", "7.0", "7.4"]

pytestmark = pytest.mark.anyio


async def who(client, **options):
    """Whom the portal takes the sender of a call for."""
    response = await client.post(INVOKE, json=[WHO], **options)
    return int(response.json()[0]["userId"])


@pytest.mark.parametrize("version", VERSIONS)
async def test_browser_signs_in_over_tcp(version):
    """The home page's cookies and a form make a session, whose token stands in the home page and opens the services."""
    portal = FakePortal(version)
    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await sign_in(client)
            assert (302, f"{url}/c") == (answer.status_code, answer.headers["location"])
            assert f"{url}/" == (await client.get("/c")).headers["location"]
            assert 20199 == await who(client, headers={"X-CSRF-Token": await token_of(client)})
            assert 200 == (await client.get("/c/portal/logout")).status_code
            assert 200 == (await client.get("/")).status_code
    assert [SignInAttempt(2, "test@liferay.com", is_successful=True)] == portal.sign_ins
    assert 20199 == portal.requests[-3].user_id


async def test_cookies_tell_of_session_and_support():
    """The first page sets three cookies, signing in another session's and seven that remember it."""
    async with client_of(FakePortal()) as client:
        await client.get("/")
        assert ["COOKIE_SUPPORT", "GUEST_LANGUAGE_ID", "JSESSIONID"] == sorted(client.cookies)
        guest = client.cookies["JSESSIONID"]
        form = {"login": "test@liferay.com", "password": "test", "rememberMe": "true"}
        await client.post("/c/portal/login", data=form)
        remembered = {"COMPANY_ID", "ID", "LOGIN", "PASSWORD", "REMEMBER_ME", "SCREEN_NAME", "USER_UUID"}
        assert remembered <= set(client.cookies)
        assert guest != client.cookies["JSESSIONID"]
        again = await client.get("/")
    assert ["GUEST_LANGUAGE_ID"] == [cookie.split("=")[0] for cookie in again.headers.get_list("set-cookie")]


async def test_cookies_of_session_only_without_remembering():
    """Who does not want to be remembered gets cookies that end with the browser."""
    async with client_of(FakePortal()) as client:
        answer = await sign_in(client, rememberMe="false")
    told = answer.headers.get_list("set-cookie")
    assert ["JSESSIONID", "COMPANY_ID", "ID", "USER_UUID"] == [cookie.split("=")[0] for cookie in told]
    assert not any("Max-Age" in cookie for cookie in told)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("login", "password"), [("test@liferay.com", "wrong"), ("nobody@liferay.com", "x"), ("default@liferay.com", "x")]
)
async def test_wrong_password_is_page_of_500(version, login, password):
    """Who cannot be signed in gets a small page of status 500, and stays a guest."""
    portal = FakePortal(version)
    async with client_of(portal) as client:
        answer = await sign_in(client, login, password)
        assert (500, "text/html;charset=UTF-8") == (answer.status_code, answer.headers["content-type"])
        assert len(answer.content) < 1000
        assert "/c/portal/layout" in (await client.get("/c")).headers["location"]
    assert [(login, False)] == [(attempt.login, attempt.is_successful) for attempt in portal.sign_ins]


async def test_form_without_cookies_is_page_of_500():
    """Who keeps no cookies cannot sign in; the password is not even looked at."""
    portal = FakePortal()
    async with client_of(portal) as client:
        answer = await client.post("/c/portal/login", data={"login": "test@liferay.com", "password": "wrong"})
        assert 500 == answer.status_code
        assert (await sign_in(client)).is_redirect
    assert [False, True] == [attempt.is_successful for attempt in portal.sign_ins]
    user = portal._samples._store.row("User", 20199)
    assert 0 == user["failedLoginAttempts"]


async def test_form_needs_no_session_before():
    """The cookie that tells of cookies is enough: a session is made on signing in."""
    form = {"login": "test@liferay.com", "password": "test"}
    async with client_of(FakePortal(), cookies={"COOKIE_SUPPORT": "true"}) as client:
        assert (await client.post("/c/portal/login", data=form)).is_redirect
        assert 20199 == await who(client, headers={"X-CSRF-Token": await token_of(client)})


async def test_form_without_password_shows_form():
    """Without a login or a password there is nothing to check: the answer is the way to the form."""
    portal = FakePortal()
    async with client_of(portal) as client:
        await client.get("/")
        answers = [await client.post("/c/portal/login", data={"login": "x"}), await client.get("/c/portal/login")]
        answers.append(await client.post("/c/portal/login", files={"login": "x"}))
    assert all("p_p_id=58" in answer.headers["location"] for answer in answers)
    assert [] == portal.sign_ins


async def test_sign_in_goes_where_it_was_asked_to():
    """`redirect` names the page after signing in, on this portal only; whoever is signed in goes there at once."""
    async with client_of(FakePortal()) as client:
        answer = await sign_in(client, redirect="/group/x?y=1")
        assert "http://portal.test/group/x?y=1" == answer.headers["location"]
        assert "http://portal.test/c" == (await sign_in(client, redirect="http://evil.test/")).headers["location"]
        assert "http://portal.test/c" == (await client.get("/c/portal/login")).headers["location"]
        assert "http://portal.test/x" == (await client.get("/c/portal/login?redirect=/x")).headers["location"]


MULTIPART = {"files": {"cmd": (None, json.dumps([WHO]))}}
RIGHT, WRONG = "{token}", "AAAAAAAA"


@pytest.mark.parametrize(
    ("version", "query", "header", "form", "expected"),
    [
        ("6.2", None, None, None, 500),
        ("6.2", RIGHT, None, None, 200),
        ("6.2", None, RIGHT, None, 200),
        ("6.2", WRONG, None, None, 500),
        ("6.2", None, WRONG, None, 500),
        ("6.2", RIGHT, WRONG, None, 200),
        ("6.2", WRONG, RIGHT, None, 500),
        ("6.2", "", RIGHT, None, 200),
        ("6.2", "", None, None, 500),
        ("6.2", "{guest}", None, None, 500),
        ("6.2", None, None, {"cmd": json.dumps([WHO]), "p_auth": RIGHT}, 200),
        ("6.2", None, None, {"cmd": json.dumps([WHO]), "p_auth": WRONG}, 500),
        ("7.0", None, None, None, 403),
        ("7.0", WRONG, RIGHT, None, 403),
        ("7.4", None, WRONG, None, 403),
        ("7.4", None, RIGHT, None, 200),
        ("7.4", RIGHT, None, None, 200),
    ],
)
async def test_call_in_session_needs_token(version, query, header, form, expected):
    """A call by cookie shows the session's token, as p_auth before X-CSRF-Token, or gets a page: 500 on 6.2, 403 later."""
    async with client_of(FakePortal(version)) as client:
        guest = await token_of(client)
        await sign_in(client)
        known = {"{token}": await token_of(client), "{guest}": guest}
        told = {"X-CSRF-Token": known.get(header, header)} if header is not None else {}
        url = INVOKE if query is None else f"{INVOKE}?p_auth={known.get(query, query)}"
        if form is None:
            answer = await client.post(url, json=[WHO], headers=told)
        else:
            answer = await client.post(url, data=form | {"p_auth": known.get(form["p_auth"], form["p_auth"])})
    assert expected == answer.status_code
    if expected == 200:
        assert 20199 == int(answer.json()[0]["userId"])
    else:
        assert "text/html;charset=UTF-8" == answer.headers["content-type"]
        assert "Liferay" in answer.headers["liferay-portal"]
        assert "content-length" not in answer.headers


@pytest.mark.parametrize(("version", "expected"), [("6.2", 200), ("7.0", 403), ("7.4", 403)])
async def test_multipart_call_needs_token_on_later_portals(version, expected):
    """6.2 asks for no token where the body is multipart; 7.x, as the fake has it, does."""
    async with client_of(FakePortal(version)) as client:
        await sign_in(client)
        assert expected == (await client.post(INVOKE, **MULTIPART)).status_code
        both = MULTIPART["files"] | {"p_auth": (None, await token_of(client))}
        assert 200 == (await client.post(INVOKE, files=both)).status_code


@pytest.mark.parametrize("version", VERSIONS)
async def test_discovery_in_session_needs_no_token(version):
    """Discovery and the page of the services are open."""
    async with client_of(FakePortal(version)) as client:
        await sign_in(client)
        assert "basePath" in (await client.get("/api/jsonws?discover=/portal/*")).json()
        assert await token_of(client) in (await client.get("/api/jsonws")).text


async def test_basic_beats_session():
    """Right Basic credentials need no token, whosever session it is; wrong ones count for nothing on 6.2, 401 later."""
    async with client_of(FakePortal()) as client:
        await sign_in(client, "joe@liferay.com", "joe")
        assert 20199 == await who(client, auth=ADMINISTRATOR)
        assert 500 == (await client.post(INVOKE, json=[WHO], auth=("test@liferay.com", "x"))).status_code
        token = {"X-CSRF-Token": await token_of(client)}
        assert 20514 == await who(client, auth=("test@liferay.com", "x"), headers=token)
    async with client_of(FakePortal("7.4")) as client:
        await sign_in(client)
        token = {"X-CSRF-Token": await token_of(client)}
        answer = await client.post(INVOKE, json=[WHO], auth=("test@liferay.com", "x"), headers=token)
        assert (401, 'Basic realm="PortalRealm"') == (answer.status_code, answer.headers["www-authenticate"])


async def test_cookies_of_call_sign_nobody_in():
    """The session that a call with Basic began is a guest's: it needs no token, and opens nothing."""
    async with client_of(FakePortal()) as client:
        await who(client, auth=ADMINISTRATOR)
        assert "JSESSIONID" in client.cookies
        answer = await client.post(INVOKE, json=[WHO])
        assert REFUSED == answer.json()
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["JSESSIONID=nope", f"JSESSIONID={99:032X}", f'JSESSIONID="{0:032X}"', "JSESSIONID", "x"])
async def test_unknown_session_is_guest_with_new_one(cookie):
    """A session that the portal does not know is as none: the caller is a guest and gets another."""
    async with client_of(FakePortal()) as client:
        answer = await client.post(INVOKE, json=[WHO], headers={"Cookie": cookie, "X-CSRF-Token": "AAAAAAAA"})
    assert REFUSED == answer.json()
    assert answer.headers["set-cookie"].startswith("JSESSIONID=")


async def test_sign_out_ends_session():
    """After signing out the cookie and token open nothing, and the remembering cookies are gone."""
    async with client_of(FakePortal()) as client:
        await sign_in(client)
        token = {"X-CSRF-Token": await token_of(client)}
        cookies = dict(client.cookies)
        await client.get("/c/portal/logout")
        assert not {"COMPANY_ID", "ID", "PASSWORD", "REMEMBER_ME"} & set(client.cookies)
        header = {"Cookie": f"JSESSIONID={cookies['JSESSIONID']}"}
        assert REFUSED == (await client.post(INVOKE, json=[WHO], headers=token | header)).json()


@pytest.mark.parametrize(("version", "status"), [("6.2", 200), ("7.0", 403)])
async def test_restart_forgets_sessions(version, status):
    """After `forget_sessions` those signed in are guests, and may sign in again."""
    portal = FakePortal(version)
    async with client_of(portal) as client:
        await sign_in(client)
        old = await token_of(client)
        portal.forget_sessions()
        answer = await client.post(INVOKE, json=[WHO], headers={"X-CSRF-Token": old})
        assert (status, "application/json;charset=UTF-8") == (answer.status_code, answer.headers["content-type"])
        await sign_in(client)
        assert old != await token_of(client)
        assert 20199 == await who(client, headers={"X-CSRF-Token": await token_of(client)})


async def test_idle_session_ends():
    """A session ends after so many idle seconds; each use puts that off."""
    now = 100.0
    portal = FakePortal(session_seconds=60, clock=lambda: now)
    async with client_of(portal) as client:
        await sign_in(client)
        token = {"X-CSRF-Token": await token_of(client)}
        for _ in range(3):
            now += 59
            assert 20199 == await who(client, headers=token)
        now += 61
        assert REFUSED == (await client.post(INVOKE, json=[WHO], headers=token)).json()
        portal.knobs.session_seconds = 600
        await sign_in(client)
        now += 500
        assert 20199 == await who(client, headers={"X-CSRF-Token": await token_of(client)})


async def test_time_is_event_loops():
    """Without a clock of one's own, the event loop's counts."""
    portal = FakePortal(session_seconds=0.05)
    async with client_of(portal) as client:
        await sign_in(client)
        token = {"X-CSRF-Token": await token_of(client)}
        await anyio.sleep(0.1)
        assert REFUSED == (await client.post(INVOKE, json=[WHO], headers=token)).json()


@pytest.mark.parametrize("version", VERSIONS)
async def test_portal_may_have_no_sign_in_page(version):
    """Without a sign-in page its path is not there, and no page has a token; Basic works as ever."""
    portal = FakePortal(version, sign_in_page=False)
    async with client_of(portal) as client:
        home = await client.get("/")
        assert (200, False) == (home.status_code, "authToken" in home.text)
        assert [404, 404] == [(await client.get("/c/portal/login")).status_code, (await sign_in(client)).status_code]
        assert 20199 == await who(client, auth=ADMINISTRATOR)
    assert [] == portal.sign_ins


@pytest.mark.parametrize(
    ("version", "quoting", "expected"),
    [
        ("6.2", None, 'Liferay.authToken="{}";'),
        ("7.0", None, "Liferay.authToken = '{}';"),
        ("6.2", "Liferay.authToken='{token}'", "Liferay.authToken='{}'"),
        ("7.4", 'Liferay.authToken    =  "{token}" ;', 'Liferay.authToken    =  "{}" ;'),
        ("6.2", "", ""),
        ("6.2", "{x} % {token}", "{{x}} % {}"),
    ],
)
async def test_token_is_quoted_as_told(version, quoting, expected):
    """The page's statement with the token may look any way; it stands some 4,700 characters down a page of 20,000."""
    async with client_of(FakePortal(version, quoting=quoting)) as client:
        page = (await client.get("/")).text
        session = client.cookies["JSESSIONID"]
        script = re.search(r"<script>(.*)</script>", page)
    again = FakePortal(version)
    token = again._sessions.begin(int(session, 16)).token if quoting is not None else script[1][-10:-2]
    assert expected.format(token) == script[1]
    assert 4650 < script.start() < 4750
    assert 15_000 < len(page) < 25_000


async def test_password_costs_where_it_is_checked(monkeypatch):
    """The price of a password is paid on signing in and for each call with Basic, not for calls in a session."""
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    async def times(awaitable):
        waited.clear()
        await awaitable
        return len(waited)

    monkeypatch.setattr("anyio.sleep", sleep)
    async with client_of(FakePortal(password_cost=30.0)) as client:
        assert 0 == await times(sign_in(client, "nobody@liferay.com"))
        assert 1 == await times(sign_in(client, password="wrong"))
        assert 1 == await times(sign_in(client))
        token = {"X-CSRF-Token": await token_of(client)}
        assert 0 == await times(who(client, headers=token))
        assert 1 == await times(who(client, auth=ADMINISTRATOR))


async def test_page_can_go_wrong():
    """Any page may be told to go wrong: to be late, another, cut off, or not to be there."""
    portal = FakePortal()
    portal.misbehave(path="/", body="nothing here")
    portal.misbehave(path="/c/portal/*", status=503, headers={"Retry-After": "7"})
    portal.misbehave(path="/", drop="before")
    portal.misbehave(path="/c/portal/login", drop="after")
    async with client_of(portal) as client:
        assert (200, "nothing here") == ((home := await client.get("/")).status_code, home.text)
        assert 3 == len(home.headers.get_list("set-cookie"))
        answer = await client.post("/c/portal/login")
        assert (503, "7") == (answer.status_code, answer.headers["retry-after"])
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")
        with pytest.raises(httpx.RemoteProtocolError):
            await sign_in(client)
        assert [True] == [attempt.is_successful for attempt in portal.sign_ins]
        assert (await sign_in(client)).is_redirect


async def test_service_can_go_wrong_by_its_path():
    """A fault for a path meets requests to it, and not the service calls in line."""
    portal = FakePortal()
    portal.misbehave(path="/api/jsonws/portal/*", delay=0.01, html=True, status=502)
    async with client_of(portal, auth=ADMINISTRATOR) as client:
        assert 200 == (await client.post(INVOKE, json=[WHO])).status_code
        assert 502 == (await client.get("/api/jsonws/portal/get-build-number")).status_code
        assert 6205 == (await client.get("/api/jsonws/portal/get-build-number")).json()


async def test_stack_overflow_begins_session_too():
    """A command of 2,000 brackets ends in a page of the container, in the session there is."""
    async with client_of(FakePortal(), auth=ADMINISTRATOR) as client:
        answers = [await client.post(INVOKE, content=b"[" * 2000) for _ in range(2)]
    assert [500, 500] == [answer.status_code for answer in answers]
    assert [2, 0] == [len(answer.headers.get_list("set-cookie")) for answer in answers]


@pytest.mark.parametrize("path", ["/nope.txt", "/api/nope", "/no/such/page"])
async def test_missing_page_is_404(path):
    """What is not there is 404, in the session there is."""
    async with client_of(FakePortal()) as client:
        answers = [await client.get(path) for _ in range(2)]
    assert [404, 404] == [answer.status_code for answer in answers]
    assert "set-cookie" not in answers[1].headers


async def test_logout_of_remembered_guest_keeps_login():
    """Signing out leaves the name for the next form to one who wants to be remembered."""
    async with client_of(FakePortal()) as client:
        gone = (await client.get("/c/portal/logout")).headers.get_list("set-cookie")
        assert any(cookie.startswith("LOGIN=") for cookie in gone)
        kept = (await client.get("/c/portal/logout", headers={"Cookie": "REMEMBER_ME=true"})).headers.get_list("set-cookie")
    assert not any(cookie.startswith("LOGIN=") for cookie in kept)
