"""Signing in: the flow by itself, step by step."""

from __future__ import annotations

import contextlib
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import AuthenticationError, ProtocolError, SignIn
from aioliferay._sign_in import SignedIn
from aioliferay.auth import Answer, Request
from aioliferay.errors import LiferayError, SignInWarning

_SERVER = "http://portal.test"
_HOME = Answer(200, body=b"x" * 4700, set_cookies=("JSESSIONID=guest; Path=/", "COOKIE_SUPPORT=true; Path=/"))
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
    for steps in ([Answer(302, {"location": "http://evil.test/"})], [on] * 6):
        with pytest.raises(ProtocolError, match="its front page shows no token"):
            _run(_HOME, _IN, *steps)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"liferay-portal": "x"}, b"<html>"),
        Answer(200, body=b"<form>"),
        Answer(403, body=b"<html>"),
        Answer(302, {"location": f"{_SERVER}/web/guest/home?p_p_id=58&_58_struts_action=%2Flogin%2Flogin"}),
    ],
)
def test_wrong_password_is_recognised(answer):
    """A refused form is told as such: 6.2 answers a page with status 500; a portal may show the form again."""
    with pytest.raises(AuthenticationError, match="does not take this user with this password") as caught:
        _run(_HOME, answer)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_busy_portal_is_no_wrong_password(status):
    """A portal that is busy or starting says nothing of the password: signing in may be tried again."""
    with pytest.raises(ProtocolError, match=f"status {status}"):
        _run(_HOME, Answer(status))


def test_portal_without_a_sign_in_page():
    """Where there is no sign-in page, basic authentication takes its place, with a warning; a refusal then is final."""
    way = SignIn("u", "p")
    with pytest.warns(SignInWarning, match="has no sign-in page"):
        _, session = _run(_HOME, Answer(404), way=way)
    assert "Basic dTpw" == way.signed(Request("GET", _SERVER), session).headers["Authorization"]
    assert not way.is_due(session, 1e9)
    assert way.farewell(_SERVER, session) is None
    with pytest.raises(AuthenticationError):
        next(way.obtain(_SERVER, session, 0.0))
    with pytest.raises(AuthenticationError, match="cannot go by basic"):
        _run(_HOME, Answer(404), way=SignIn("a:b", "p"))


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
        (Answer(500, {}, b"<html>"), "doubtful"),
        (Answer(500, {"liferay-portal": "x"}, b"{}"), "accepted"),
        (Answer(200, body=b"{}", is_unauthenticated=True), "doubtful"),
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
@given(st.lists(_ANSWERS, min_size=9, max_size=9))
def test_any_answers_end_in_a_session_or_an_error(answers):
    """Whatever a portal answers, signing in ends with a session or one of the library's errors, and soon."""
    with contextlib.suppress(LiferayError):
        sent, session = _run(*answers)
        assert len(sent) <= 8
        assert session.token or session.basic
