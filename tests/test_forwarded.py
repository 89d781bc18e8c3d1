"""The browser's own session, used on its behalf: the flow by itself, and against a portal with a browser beside it."""

from __future__ import annotations

import contextlib
import io
import traceback

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import AuthenticationError, BatchError, BearerAuth, ProtocolError, Session
from aioliferay._auth import lasting_seconds
from aioliferay.auth import Answer, ForwardedCookies, Request
from aioliferay.errors import LiferayError, RedirectError
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
every_version = pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
_SERVER = "http://portal.test"
_NAME = {"liferay-portal": "Liferay Portal"}
_COOKIES = {"JSESSIONID": "mine", "COOKIE_SUPPORT": "true"}
_PAGE = Answer(200, _NAME, b"<script>Liferay.authToken = 'a1B2c3D4';</script>")


def _run(*answers, way=None, old=None, server=_SERVER):
    """Run the flow with these answers; return what was sent, and the session."""
    flow = (way or ForwardedCookies(_COOKIES)).obtain(server, old, 100.0)
    sent = [next(flow)]
    for answer in answers:
        try:
            sent.append(flow.send(answer))
        except StopIteration as end:
            return sent, end.value
    raise AssertionError(f"it wants more: {sent[-1]}")


def test_the_token_is_read_from_the_front_page():
    """One visit to the front page, with the browser's cookies and nothing else, brings the token."""
    (request,), session = _run(_PAGE)
    assert ("GET", f"{_SERVER}/") == (request.method, request.url)
    assert {"Cookie": "JSESSIONID=mine; COOKIE_SUPPORT=true"} == dict(request.headers)
    assert ("a1B2c3D4", _COOKIES) == (session.token, session.cookies)


def test_calls_show_cookies_and_token_in_headers():
    """A call shows cookies and token, never in its URL; use changes nothing, nobody is signed out, and it is never due."""
    way = ForwardedCookies(_COOKIES)
    _, session = _run(_PAGE, way=way)
    signed = way.signed(Request("POST", f"{_SERVER}/api"), session)
    assert ("JSESSIONID=mine; COOKIE_SUPPORT=true", "a1B2c3D4") == (signed.headers["Cookie"], signed.headers["X-CSRF-Token"])
    assert f"{_SERVER}/api" == signed.url
    assert session is way.used(session, 9e9)
    assert None is way.farewell(_SERVER, session)
    assert not way.is_due(session, 9e9)


def test_the_front_page_may_lead_on_at_the_portal():
    """Redirects are followed at the portal, also relative ones; the cookies are all of the browser's and no others."""
    server = f"{_SERVER}/liferay"
    steps = [Answer(302, {"location": "web/guest"}, set_cookies=("OTHER=1",)), Answer(302, {"location": f"{_SERVER}/x"})]
    sent, session = _run(*steps, _PAGE, server=server)
    assert [f"{server}/", f"{server}/web/guest", f"{_SERVER}/x"] == [each.url for each in sent]
    assert 1 == len({each.headers["Cookie"] for each in sent})
    assert "a1B2c3D4" == session.token


@pytest.mark.parametrize("location", ["https://portal.test/", "http://other.test/", "//other.test/", "http://["])
def test_cookies_go_to_no_other_origin(location):
    """A front page that leads to another origin or scheme ends it: the cookies do not go there."""
    with pytest.raises(RedirectError, match="give that address as the server") as caught:
        _run(Answer(302, {"location": location}))
    assert (location, 302) == (caught.value.location, caught.value.status)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, _NAME, _PAGE.body, set_cookies=("JSESSIONID=another; Path=/",)),
        Answer(200, _NAME, _PAGE.body, set_cookies=("JSESSIONID=; Max-Age=0",)),
        Answer(302, {"location": f"{_SERVER}/c/portal/login?redirect=%2F"}),
        Answer(302, {"location": "/c/portal/login"}),
    ],
)
def test_an_ended_session_is_recognised(answer):
    """Who has no session any more gets a new one, or the way to the sign-in page: nobody is known then, for a minute."""
    with pytest.raises(AuthenticationError, match="has ended, or nobody is signed in there") as caught:
        _run(answer)
    assert 60.0 == lasting_seconds(caught.value)


def test_a_refused_token_is_read_anew_once():
    """If the portal refuses a session, its token is read again: another one is taken, the same one means that it is over."""
    _, old = _run(_PAGE)
    _, new = _run(Answer(200, _NAME, b"Liferay.authToken='XXXXXXXX'"), old=old)
    assert "XXXXXXXX" == new.token
    with pytest.raises(AuthenticationError, match="has ended"):
        _run(_PAGE, old=old)


@pytest.mark.parametrize(("status", "seconds"), [(200, 60.0), (404, 0.0), (503, 0.0)])
def test_a_page_without_a_token_is_of_no_use(status, seconds):
    """A front page without a token is asked for again after a minute; trouble of the portal may be over at once."""
    with pytest.raises(ProtocolError, match=f"shows no token .status {status}.") as caught:
        _run(Answer(status, _NAME, b"<html>"))
    assert seconds == lasting_seconds(caught.value)


def test_redirects_have_an_end():
    """A front page that leads from redirect to redirect is given up."""
    with pytest.raises(ProtocolError, match="from redirect to redirect"):
        _run(*[Answer(302, {"location": "/on"})] * 7)


def test_what_an_answer_says_of_the_session():
    """A page of the portal in place of an answer is a refusal; a new session, or a refusal of guests, is a doubt."""
    way = ForwardedCookies({"SID": "mine"}, session_cookie="SID")
    _, session = _run(_PAGE, way=way)
    assert "accepted" == way.verdict(Answer(200, body=b"[1]", set_cookies=("SID=mine", "JSESSIONID=x")), session)
    assert "refused" == way.verdict(Answer(403, _NAME, b" <html>"), session)
    assert "refused" == way.verdict(Answer(500, _NAME, b"<html>"), session)
    assert "accepted" == way.verdict(Answer(500, {}, b"<html>"), session)  # of the container
    assert "doubtful" == way.verdict(Answer(200, body=b"[1]", set_cookies=("SID=another",)), session)
    refusal = b'{"exception":"java.lang.SecurityException: Authenticated access required"}'
    assert "doubtful" == way.verdict(Answer(200, body=refusal), session)


@pytest.mark.parametrize(
    ("cookies", "kind"),
    [
        ("JSESSIONID=s3cret", TypeError),
        ({"JSESSIONID": 1}, TypeError),
        ({1: "s3cret"}, TypeError),
        ({}, ValueError),
        ({"ID": "s3cret"}, ValueError),
        ({"JSESSIONID": ""}, ValueError),
        ({"JSESSIONID": "s3cret; ID=1"}, ValueError),
        ({"JSESSIONID": "s3cret\r\nX: 1"}, ValueError),
        ({"JSESSIONID": "s3cr\xe9t"}, ValueError),
        ({"JSESSIONID": "s3cret", "A B": "1"}, ValueError),
        ({"JSESSIONID": "s3cret" * 1000}, ValueError),
    ],
)
def test_cookies_are_what_a_header_can_carry(cookies, kind):
    """What is no cookie, or would smuggle in another header or cookie, is refused, and neither text nor frames show it."""
    with pytest.raises(kind) as caught:
        ForwardedCookies(cookies)
    error = caught.value
    assert "s3cret" not in str(error)
    own = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "aioliferay" in frame.f_code.co_filename]
    assert own
    assert not any("s3cret" in repr(value) for frame in own for name, value in frame.f_locals.items() if name != "self")


def test_equal_cookies_are_one_identity():
    """Objects are equal if their cookies are, in any order; a set holds one of them."""
    one, other = ForwardedCookies(_COOKIES), ForwardedCookies(dict(reversed(_COOKIES.items())))
    assert one == other
    assert 1 == len({one, other})
    assert one != ForwardedCookies({**_COOKIES, "JSESSIONID": "yours"})
    assert one != ForwardedCookies(_COOKIES, session_cookie="COOKIE_SUPPORT")
    assert one != BearerAuth("mine")


def test_the_mapping_given_is_not_kept():
    """What happens to the caller's mapping later does not change who calls."""
    cookies = {"JSESSIONID": "mine"}
    way = ForwardedCookies(cookies)
    cookies["JSESSIONID"] = "yours"
    assert ForwardedCookies({"JSESSIONID": "mine"}) == way


def test_secrets_stay_secret():
    """Neither the way nor its session shows a value."""
    way = ForwardedCookies({"JSESSIONID": "s3cret"})
    _, session = _run(_PAGE, way=way)
    assert "ForwardedCookies(JSESSIONID; values hidden)" == repr(way)
    assert not {"s3cret", "a1B2c3D4"} & {*repr(session).split("'")}


_ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 204, 302, 401, 403, 404, 500, 503]),
    st.dictionaries(st.sampled_from(["location", "liferay-portal"]), st.text(max_size=30)),
    st.one_of(st.binary(max_size=60), st.just(_PAGE.body)),
    st.booleans(),
    st.lists(st.text(max_size=20), max_size=3).map(tuple),
)


@given(st.lists(_ANSWERS, min_size=8, max_size=8))
def test_any_answers_end_in_a_session_or_an_error(answers):
    """Whatever a portal answers, it ends with a token or one of the library's errors, and soon."""
    with contextlib.suppress(LiferayError):
        sent, session = _run(*answers)
        assert len(sent) <= 6
        assert session.token


async def _browser(url, user=("joe@liferay.com", "joe")):
    """Sign in as a browser does, and return its cookies."""
    login, password = user
    async with httpx.AsyncClient(base_url=url, follow_redirects=True) as browser:
        await browser.get("/")
        await browser.post("/c/portal/login", data={"login": login, "password": password})
        return {cookie.name: cookie.value for cookie in browser.cookies.jar}


@every_version
@anyio_test
async def test_calls_are_made_as_the_browser_s_user(version):
    """Any number of calls read the token once, act as the user of the browser, and leave the browser signed in."""
    portal = FakePortal(version)
    with portal.serve() as url:
        cookies = await _browser(url)
        before = len(portal.requests)
        async with Session(url, auth=ForwardedCookies(cookies)) as session, anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(_assert_is_joe, session)
        ours = portal.requests[before:]
        assert {20514} == {each.user_id for each in ours if each.path.endswith("/invoke")}
        assert ["/"] == [each.path for each in ours if not each.path.endswith("/invoke")]
        async with Session(url, auth=ForwardedCookies(cookies)) as session:
            await _assert_is_joe(session)


async def _assert_is_joe(session):
    assert "joe" == (await session.current_user())["screenName"]


@every_version
@anyio_test
async def test_the_portal_forgets_the_session(version):
    """When the session has ended, calls fail as not authenticated, and what was written did not run; nobody signs in."""
    portal = FakePortal(version)
    delete = "/blogs.blogsentry/delete-entry" if version == "7.4" else "/blogsentry/delete-entry"
    with portal.serve() as url:
        cookies = await _browser(url, ("test@liferay.com", "test"))
        async with Session(url, auth=ForwardedCookies(cookies)) as session:
            await session.current_user()
            portal.forget_sessions()
            with pytest.raises(AuthenticationError):
                await session.call("/user/get-user-by-id", {"userId": 20514})
            count = len(portal.requests)
            with pytest.raises(AuthenticationError):
                await session.call(delete, {"entryId": portal.add_blog_entry("kept")})
            assert ["/api/jsonws/invoke"] == [each.path for each in portal.requests[count:]]  # no page is asked for again
    assert 1 == len(portal.sign_ins)
    assert delete not in [each.path for each in portal.executions if each.error is None]


@pytest.mark.parametrize("version", ["6.2", "7.4"])
@anyio_test
async def test_cookies_of_a_guest_are_a_guest_s(version):
    """A browser that has not signed in has a session, too: the portal decides what it may."""
    portal = FakePortal(version)
    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url) as browser:
            await browser.get("/")
            cookies = {cookie.name: cookie.value for cookie in browser.cookies.jar}
        async with Session(url, auth=ForwardedCookies(cookies)) as session:
            with pytest.raises(LiferayError) as caught:
                await session.call("/user/get-user-by-id", {"userId": 20514})
    assert {"6.2": 200, "7.4": 403}[version] == caught.value.status
    assert not any(each.user_id for each in portal.requests)


@anyio_test
async def test_errors_show_no_secret():
    """Neither errors nor the frames of the library that they come through show a cookie or the token."""
    portal = FakePortal()
    with portal.serve() as url:
        cookies = await _browser(url)
        async with Session(url, auth=ForwardedCookies({"JSESSIONID": cookies["JSESSIONID"]})) as session:
            await session.current_user()
            portal.forget_sessions()
            with pytest.raises(BatchError) as caught:
                async with session.batch() as batch:
                    batch.call("/user/get-user-by-id", {"userId": 1})
    said = io.StringIO()
    traceback.TracebackException.from_exception(caught.value, capture_locals=True).print(file=said)
    assert "has ended" in said.getvalue()
    library = [line for line in said.getvalue().splitlines() if cookies["JSESSIONID"] in line and "cookies = " not in line]
    assert [] == library
