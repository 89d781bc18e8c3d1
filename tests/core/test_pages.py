"""What a client reads from pages and headers when it signs in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core.pages import cookie_header, cookies_of, token_of


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
        ("A=b=c", {"A": "b=c"}),
        (" A = b ", {"A": "b"}),
        ("no cookie", {}),
        ("=x", {}),
        ("", {}),
    ],
)
def test_cookies_of(header, cookies):
    """Cookies are read from their headers; one of no age, or no value, is removed."""
    assert cookies == cookies_of([header])


def test_cookie_header():
    """Cookies go back in one header."""
    assert "A=1; B=2" == cookie_header({"A": "1", "B": "2"})
    assert {"A": "2", "B": None} == cookies_of(["A=1", "B=1", "A=2", "B=; Max-Age=0"])


@given(st.lists(st.text()))
def test_cookies_of_anything(headers):
    """Whatever the headers hold, no line break gets into a request."""
    cookies = {name: value for name, value in cookies_of(headers).items() if value is not None}
    assert not {"\r", "\n", "\0"} & set(cookie_header(cookies))
