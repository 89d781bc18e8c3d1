"""What a client reads from pages and headers when it signs in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core.messages import Answer
from aioliferay._core.pages import cookie_header, cookies_of, token_of
from aioliferay._core.refusals import is_of_the_gate


@pytest.mark.parametrize(
    ("page", "token"),
    [
        (b'Liferay.authToken="a1B2c3D4"', "a1B2c3D4"),
        (b"Liferay.authToken='a1B2c3D4';", "a1B2c3D4"),
        (b"Liferay.authToken = 'a1B2c3D4';", "a1B2c3D4"),
        (b'Liferay.authToken  =\n\t"a1B2c3D4";', "a1B2c3D4"),
        (b"<script>var x = 1; Liferay.authToken='a1B2c3D4'; Liferay.currentURL='/'</script>", "a1B2c3D4"),
        (b"Liferay.authToken='first111' Liferay.authToken='second22'", "first111"),
        (b"Liferay.authToken='a1B2c3D4\"", None),
        (b"Liferay.authToken=a1B2c3D4", None),
        (b"Liferay.authToken=''", None),
        (b"Liferay.authToken='short'", None),
        (b"Liferay.authToken='not a token'", None),
        (b"LiferayXauthToken='a1B2c3D4'", None),
        (b"", None),
    ],
)
def test_token_of(page, token):
    """The token is read in any quoting, wherever in the page it stands; what is none is not taken for one (F.30)."""
    assert token == token_of(page)


@given(st.binary())
def test_token_of_anything(page):
    """Whatever a page holds, reading it does not fail."""
    assert token_of(page) is None


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("JSESSIONID=ABC; Path=/; HttpOnly", {"JSESSIONID": "ABC"}),
        ("ID=4a6f; Max-Age=31536000; Path=/; HttpOnly", {"ID": "4a6f"}),
        ('ID=""; Max-Age=0; Path=/', {"ID": None}),
        ("ID=; Path=/", {"ID": None}),
        ("ID=x; Expires=Thu, 01-Jan-1970 00:00:10 GMT; max-age=0", {"ID": None}),
        ("ID=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", {"ID": None}),
        ("ID=x; Expires=Thu, 01-Jan-1970 00:00:10 GMT", {"ID": None}),
        ("ID=x; Expires=Thu, 01 Jan 99999999 00:00:10 GMT", {"ID": "x"}),
        ("ID=x; Expires=Sat, 01 Jan 2000 00:00:00 GMT; Path=/", {"ID": None}),
        ("ID=x; Expires=Sat, 01 Jan 2000 00:00:00 GMT; Max-Age=5", {"ID": "x"}),
        ("ID=x; Expires=Fri, 01 Jan 2100 00:00:00 GMT", {"ID": "x"}),
        ("ID=x; Expires=never", {"ID": "x"}),
        ("X=\u00fc; Path=/", {}),
        ("X=a b", {"X": "a b"}),
        ("X=a\x7f", {}),
        ("X=1; Path=/plugin", {}),
        ("X=1; Path=/portal", {"X": "1"}),
        ("X=1; path=/portal/ ; HttpOnly", {"X": "1"}),
        ("X=1; Path=/port", {}),
        ("A=b=c", {"A": "b=c"}),
        (" A = b ", {"A": "b"}),
        ("no cookie", {}),
        ("=x", {}),
        ("", {}),
    ],
)
def test_cookies_of(header, cookies):
    """Cookies are read from their headers; those that have ended, or have no value, are removed; others' are left out."""
    assert cookies == cookies_of([header], root="/portal", now=1e9)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401), True),
        (Answer(302, {"location": "http://portal.test/c/portal/login?redirect=x"}), True),
        (Answer(200, body=b'{"exception":"java.lang.SecurityException","message":"Authenticated access required"}'), True),
        (Answer(200, body=b'{"exception":"x.PrincipalException","message":"User 0 must be authenticated"}'), False),
        (Answer(200, body=b"[1]"), False),
        (Answer(500, body=b"<html>"), False),
    ],
)
def test_is_of_the_gate(answer, expected):
    """What the gate says of a caller whom it does not know is told from what a service says of one whom it refuses."""
    assert expected is is_of_the_gate(answer)


def test_cookie_header():
    """Cookies go back in one header."""
    assert "A=1; B=2" == cookie_header({"A": "1", "B": "2"})
    assert {"A": "2", "B": None} == cookies_of(["A=1", "B=1", "A=2", "B=; Max-Age=0"])


@given(st.lists(st.text()))
def test_cookies_of_anything(headers):
    """Whatever the headers hold, no line break gets into a request."""
    cookies = {name: value for name, value in cookies_of(headers).items() if value is not None}
    assert not {"\r", "\n", "\0"} & set(cookie_header(cookies))
