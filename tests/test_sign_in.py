"""Signing in: the flow by itself, step by step."""

from __future__ import annotations

import contextlib
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import AuthenticationError, ProtocolError, SignIn
from aioliferay._auth import lasting_seconds
from aioliferay._sign_in import SignedIn, is_sign_in_page
from aioliferay.auth import Answer, Request
from aioliferay.errors import LiferayError, RedirectError, SignInWarning

_SERVER = "http://portal.test"
_NAME = {"liferay-portal": "Liferay Portal"}
_HOME = Answer(200, _NAME, b"x" * 4700, set_cookies=("JSESSIONID=guest; Path=/", "COOKIE_SUPPORT=true; Path=/"))
_IN = Answer(
    302, {"location": f"{_SERVER}/c"}, set_cookies=("JSESSIONID=mine; Path=/", "ID=1", "COOKIE_SUPPORT=; Max-Age=0")
)
_PAGE = Answer(200, body=b"<script>Liferay.authToken = 'a1B2c3D4';</script>")


def _run(*answers, way=None, old=None):
    """Run a sign-in with these answers; return what was sent, and the session."""
    flow = (way or SignIn("test@liferay.com", "s3cret&")).obtain(_SERVER, old, 100.0)
    sent = [next(flow)]
    for answer in answers:
        try:
            sent.append(flow.send(answer))
        except StopIteration as end:
            return sent, end.value
    raise AssertionError(f"it wants more: {sent[-1]}")


def test_sign_in_is_what_a_browser_does():
    """The front page for its cookies, the form, the front page for its token: as recorded (`auth/cookie/*`)."""
    sent, session = _run(_HOME, _IN, _PAGE)
    assert [("GET", "/"), ("POST", "/c/portal/login"), ("GET", "/")] == [
        (each.method, each.url.removeprefix(_SERVER)) for each in sent
    ]
    assert "JSESSIONID=guest; COOKIE_SUPPORT=true" == sent[1].headers["Cookie"]
    assert b"login=test%40liferay.com&password=s3cret%26&rememberMe=true" == sent[1].body
    assert "JSESSIONID=mine; ID=1" == sent[2].headers["Cookie"]
    assert ("a1B2c3D4", 100.0) == (session.token, session.last_used)


def test_signed_requests_carry_cookies_and_token_in_headers():
    """A call shows cookies and token in headers; the token is never in a URL."""
    way = SignIn("u", "p")
    signed = way.signed(Request("POST", f"{_SERVER}/api"), SignedIn({"A": "1", "B": "2"}, "a1B2c3D4"))
    assert ("A=1; B=2", "a1B2c3D4") == (signed.headers["Cookie"], signed.headers["X-CSRF-Token"])
    assert f"{_SERVER}/api" == signed.url
    assert "/c/portal/logout" in way.farewell(_SERVER, SignedIn({"A": "1"}, "t")).url


def test_redirects_to_the_front_page_are_followed_at_the_portal_only():
    """The token may be on a page that the front page leads to; cookies go to no other origin, and not in circles."""
    on = Answer(302, {"location": f"{_SERVER}/web/guest"})
    sent, session = _run(_HOME, _IN, on, _PAGE)
    assert (f"{_SERVER}/web/guest", "a1B2c3D4") == (sent[3].url, session.token)
    for steps in ([Answer(302, {"location": "http://evil.test/"})], [on] * 6, [Answer(302, {"location": "http://["})]):
        with pytest.raises(ProtocolError, match="its front page shows no token") as caught:
            _run(_HOME, _IN, *steps, Answer(200))
        assert 60.0 == lasting_seconds(caught.value)


def test_who_cannot_be_used_is_signed_out():
    """A session whose token no page shows is of no use: it is ended, and no other is begun for a minute."""
    flow = SignIn("u", "p").obtain(_SERVER, None, 0.0)
    next(flow)
    for answer in (_HOME, _IN):
        flow.send(answer)
    farewell = flow.send(Answer(200))
    assert (f"{_SERVER}/c/portal/logout", "JSESSIONID=mine; ID=1") == (farewell.url, farewell.headers["Cookie"])


def test_front_page_may_lead_on_before_signing_in():
    """The front page may lead to another page of the portal's, which sets the cookies; all of them go with the form."""
    to_guest = Answer(302, {"location": f"{_SERVER}/web/guest"}, set_cookies=("A=1",))
    sent, _ = _run(to_guest, _HOME, _IN, _PAGE)
    assert ["/", "/web/guest", "/c/portal/login", "/"] == [each.url.removeprefix(_SERVER) for each in sent]
    assert "A=1; JSESSIONID=guest; COOKIE_SUPPORT=true" == sent[2].headers["Cookie"]
    assert "" == sent[0].headers["Cookie"]  # also none of a given client's


@pytest.mark.parametrize("location", ["https://portal.test/", "http://other.test/", "http://portal.test:81/", "http://["])
def test_password_goes_to_no_other_origin(location):
    """A front page that leads to another origin or scheme ends signing in before the password goes out."""
    flow = SignIn("u", "p").obtain(_SERVER, None, 0.0)
    next(flow)
    with pytest.raises(RedirectError, match="give that address as the server") as caught:
        flow.send(Answer(302, {"location": location}))
    assert location == caught.value.location


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_no_password_goes_to_a_portal_in_trouble(status):
    """Where the front page is no page, as while the portal starts, no password is sent, and it may be tried again."""
    with pytest.raises(ProtocolError, match=f"status {status}.*: no password was sent") as caught:
        _run(Answer(status, body=b"<html>"))
    assert not lasting_seconds(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, _NAME, b"<html>"),
        Answer(200, _NAME, b"<form>"),
        Answer(403, _NAME, b"<html>"),
        Answer(302, {"location": f"{_SERVER}/c/portal/login"}),
        Answer(302, {"location": f"{_SERVER}/web/guest/home?p_p_id=58&_58_struts_action=%2Flogin%2Flogin"}),
    ],
)
def test_wrong_password_is_recognised(answer):
    """A refused form is told as such: 6.2 answers a page with status 500; a portal may show the form again."""
    with pytest.raises(AuthenticationError, match="does not take this user with this password") as caught:
        _run(_HOME, answer)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_wrong_password_at_a_portal_without_a_name():
    """A portal may hide its name on all its pages: then any page in answer to the form tells of a wrong password."""
    with pytest.raises(AuthenticationError):
        _run(Answer(200, body=b"x", set_cookies=("A=1",)), Answer(500, body=b"<html>"))


def test_redirect_that_signs_nobody_in():
    """A redirect without a new session is no sign-in, wherever it leads; it is not tried again for a minute."""
    for cookies in ((), ("JSESSIONID=guest",), ("OTHER=1",), ("JSESSIONID=x; Path=/plugin",)):
        with pytest.raises(ProtocolError, match="signed nobody in") as caught:
            _run(_HOME, Answer(302, {"location": f"{_SERVER}/sign-in?error=1"}, set_cookies=cookies))
        assert 60.0 == lasting_seconds(caught.value)
    blogin = Answer(302, {"location": f"{_SERVER}/web/blogin?from=login"}, set_cookies=("ID=1",))
    assert "a1B2c3D4" == _run(_HOME, blogin, _PAGE)[1].token


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_portal_is_no_wrong_password(status):
    """A portal that is busy or starting says nothing of the password: signing in may be tried again."""
    with pytest.raises(ProtocolError, match=f"status {status}"):
        _run(_HOME, Answer(status))


def test_portal_without_a_sign_in_page():
    """Where there is no sign-in page, basic authentication takes its place, with a warning; a refusal then is final."""
    way = SignIn("u", "p")
    with pytest.warns(SignInWarning, match="has no sign-in page"):
        sent, session = _run(_HOME, Answer(404), Answer(404), Answer(200, body=b"6205"), way=way)
    assert ("Basic dTpw", "") == (sent[3].headers["Authorization"], sent[3].headers["Cookie"])
    assert "Basic dTpw" == way.signed(Request("GET", _SERVER), session).headers["Authorization"]
    assert not way.is_due(session, 1e9)
    assert way.farewell(_SERVER, session) is None
    with pytest.raises(AuthenticationError):
        next(way.obtain(_SERVER, session, 0.0))
    with pytest.raises(AuthenticationError, match="cannot go by basic"):
        _run(_HOME, Answer(404), Answer(404), way=SignIn("a:b", "p"))


@pytest.mark.filterwarnings("ignore::aioliferay.errors.SignInWarning")
@pytest.mark.parametrize(
    ("probe", "kind"),
    [
        (Answer(401), AuthenticationError),
        (
            Answer(200, body=b'{"exception":"java.lang.SecurityException","message":"Authenticated access required"}'),
            AuthenticationError,
        ),
        (Answer(503, body=b"<html>"), ProtocolError),
        (Answer(302, {"location": "http://elsewhere.test/"}), ProtocolError),
    ],
)
def test_basic_authentication_is_probed(probe, kind):
    """Before it takes the place of the sign-in page, one call tells whether the portal takes the password."""
    with pytest.raises(kind):
        _run(_HOME, Answer(404), Answer(404), probe)


def test_only_a_portal_has_no_sign_in_page():
    """What shows neither name nor token of a portal is perhaps none, and one that starts has no pages: no basic there."""
    with pytest.raises(ProtocolError, match="status 404"):
        _run(Answer(200, body=b"welcome", set_cookies=("A=1",)), Answer(404))
    with pytest.raises(ProtocolError, match="status 404"):
        _run(_HOME, Answer(404), Answer(302))
    with pytest.raises(ProtocolError, match="none of a portal: no password was sent"):
        _run(Answer(200, body=b"welcome"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://portal.test/c/portal/login", True),
        ("http://portal.test/web/guest/login/?error=1", True),
        ("/web/guest/home?p_p_id=58&p_p_state=maximized&_58_struts_action=%2Flogin%2Flogin", True),
        ("/home?p_p_id=com_liferay_login_web_portlet_LoginPortlet", True),
        ("/home?_x_mvcRenderCommandName=%2Flogin%2Flogin", True),
        ("/home?p_p_id=580", False),
        ("/web/login-help?from=login", False),
        ("/blogin", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_is_sign_in_page(url, expected):
    """The sign-in page is known by the end of its path, by its portlet or by its action; "login" elsewhere is no sign."""
    assert expected is is_sign_in_page(url)


def test_session_ends_when_nobody_uses_it():
    """A session that was idle for longer than the portal keeps it is renewed ahead; each use makes it last longer."""
    way = SignIn("u", "p", idle_seconds=10)
    session = SignedIn({}, "t", "", 100.0)
    assert not way.is_due(session, 110.0)
    assert way.is_due(session, 110.1)
    assert not way.is_due(way.used(session, 105.0), 110.1)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, body=b"[1]"), "accepted"),
        (Answer(200, body=b'{"exception":"x"}'), "accepted"),
        (Answer(500, {"liferay-portal": "x"}, b"\n <html>"), "refused"),
        (Answer(403, {"liferay-portal": "x"}, b"<html>"), "refused"),
        (Answer(500, {}, b"<html>"), "accepted"),
        (Answer(500, {}, b"<html>", set_cookies=("JSESSIONID=other; Path=/",)), "doubtful"),
        (Answer(401), "doubtful"),
        (Answer(302, {"location": "http://portal.test/c/portal/login"}), "doubtful"),
        (Answer(200, body=b"[1]", set_cookies=("JSESSIONID=other; Path=/plugin",)), "accepted"),
        (Answer(500, {"liferay-portal": "x"}, b"{}"), "accepted"),
        (
            Answer(200, body=b'{"exception":"java.lang.SecurityException","message":"Authenticated access required"}'),
            "doubtful",
        ),
        (
            Answer(403, body=b'{"exception":"x.PrincipalException","message":"User 0 must be authenticated"}'),
            "accepted",
        ),
        (Answer(200, body=b"[1]", set_cookies=("JSESSIONID=other",)), "doubtful"),
        (Answer(403, body=b"{}", set_cookies=("JSESSIONID=other",)), "doubtful"),
        (Answer(403, body=b"{}", set_cookies=("JSESSIONID=mine", "OTHER=1")), "accepted"),
    ],
)
def test_verdict(answer, verdict):
    """The portal's own page is the gate's, before anything ran; a new session is a guest's: what ran, ran as a guest."""
    assert verdict == SignIn("u", "p").verdict(answer, SignedIn({"JSESSIONID": "mine"}, "t"))


def test_secrets_stay_secret():
    """Neither way nor session show a secret."""
    shown = f"{SignIn('u', 's3cret')!r} {SignedIn({'A': 's3cret'}, 's3cret', 's3cret')!r}"
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("user", "password", "kind"), [(1, "p", TypeError), ("u", None, TypeError), ("u", "\ud800", ValueError)]
)
def test_sign_in_takes_text(user, password, kind):
    """User and password are text; what cannot be sent is refused without being shown."""
    with pytest.raises(kind):
        SignIn(user, password)


_ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 204, 302, 401, 403, 404, 500, 503]),
    st.dictionaries(st.sampled_from(["location", "liferay-portal"]), st.text(max_size=30)),
    st.binary(max_size=60),
    st.booleans(),
    st.lists(st.text(max_size=20), max_size=3).map(tuple),
)


@pytest.mark.filterwarnings("ignore::aioliferay.errors.SignInWarning")
@given(st.lists(_ANSWERS, min_size=16, max_size=16))
def test_any_answers_end_in_a_session_or_an_error(answers):
    """Whatever a portal answers, signing in ends with a session or one of the library's errors, and soon."""
    with contextlib.suppress(LiferayError):
        sent, session = _run(*answers)
        assert len(sent) <= 13
        assert session.token or session.basic
