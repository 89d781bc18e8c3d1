"""What the head of an answer says of a file."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aioliferay._core import downloads
from aioliferay._core.messages import Answer
from aioliferay.errors import AccessDeniedError, AuthenticationError, NotFoundError, ProtocolError, RedirectError

_NOW = "Sun, 22 Nov 2026 22:44:46 GMT"
_BEFORE = "Sun, 22 Nov 2026 22:44:45 GMT"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("", None),
        ("attachment", None),
        ('attachment; filename="rec priv.txt"', "rec priv.txt"),
        ("attachment; filename=plain.txt", "plain.txt"),
        ('inline; x=y; FileName = "a;b.txt" ; z', "a;b.txt"),
        ('attachment; filename="say \\"hi\\".txt"', 'say "hi".txt'),
        ("attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%E6%BC%A2.txt", "Grüße 漢.txt"),
        ("attachment; filename=\"fallback.txt\"; filename*=utf-8'en'%e2%82%ac.txt", "€.txt"),
        ("attachment; filename*=ISO-8859-1''%A3.txt", "£.txt"),
        ("attachment; filename*=UTF-8''%FF; filename=b.txt", "b.txt"),
        ("attachment; filename*=KOI8-R''%C1; filename=b.txt", "b.txt"),
        ("attachment; filename*=nonsense; filename=b.txt", "b.txt"),
        ('attachment; filename="Gr%C3%BC%C3%9Fe.txt"', "Grüße.txt"),
        ('attachment; filename="100%25.txt"', "100%25.txt"),
        ('attachment; filename="100%.txt"', "100%.txt"),
        ('attachment; filename="%FF.txt"', "%FF.txt"),
        ('attachment; filename="first.txt"; filename="second.txt"', "first.txt"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\Users\\\\me\\\\a.txt"', "a.txt"),
        ("attachment; filename*=UTF-8''..%2F..%2Fa.txt", "a.txt"),
        ('attachment; filename=".."', None),
        ('attachment; filename="a/"', None),
        ('attachment; filename=""', None),
        ('attachment; filename="a\x00\tb.txt"', "ab.txt"),
        ('attachment; filename="unclosed.txt', "unclosed.txt"),
        (f'attachment; filename="{"x" * 999}"', "x" * 255),
    ],
)
def test_name_of_a_file(disposition, name):
    """A name comes by the standard, or as Liferay gives one that is not ASCII; never with folders or control characters."""
    assert name == downloads.filename_of(disposition)


_PIECE = st.sampled_from(
    ["attachment", ";", "filename", "filename*", "=", '"', "\\", "'", "UTF-8", "%", "%2F", "/", "..", "a", " "]
)


@given(st.one_of(st.text(), st.lists(_PIECE).map("".join)))
@example('attachment; filename="' + "\\" * 5000)
def test_name_is_safe_whatever_comes(disposition):
    """Whatever a server sends, there is a name that cannot lead out of a folder, or none, and no error."""
    name = downloads.filename_of(disposition)
    assert name is None or (name not in {"", ".", ".."} and not {"/", "\\", "\x00", "\n"} & set(name))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=100))
def test_name_comes_back(name):
    """A name that was encoded by the standard comes back as it was."""
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    stripped = name.strip()
    expected = None if stripped in {"", ".", ".."} else stripped
    assert expected == downloads.filename_of(f"attachment; filename*=UTF-8''{encoded}")


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({}, ""),
        ({"etag": '"abc"'}, '"abc"'),
        ({"etag": 'W/"abc"'}, ""),
        ({"etag": 'W/"abc"', "last-modified": _BEFORE, "date": _NOW}, ""),
        ({"etag": "abc"}, ""),
        ({"etag": '"a\tb"'}, ""),
        ({"etag": '"abc"', "accept-ranges": "none"}, ""),
        ({"last-modified": _BEFORE, "date": _NOW}, _BEFORE),
        ({"last-modified": _NOW, "date": _NOW}, ""),
        ({"last-modified": _BEFORE}, ""),
        ({"last-modified": "yesterday", "date": _NOW}, ""),
        ({"last-modified": "Sun, 22 Nov 99999 22:44:45 GMT", "date": _NOW}, ""),
    ],
)
def test_validator_of_a_file(headers, validator):
    """Only what tells two states of a file apart for certain lets its rest be asked for."""
    assert validator == downloads.validator_of(headers)


@given(st.dictionaries(st.sampled_from(["etag", "last-modified", "date", "accept-ranges"]), st.text()))
def test_validator_can_stand_in_a_header(headers):
    """Whatever comes, the validator is one line of printable ASCII."""
    validator = downloads.validator_of(headers)
    assert validator.isascii()
    assert not validator or validator.isprintable()


@pytest.mark.parametrize(
    ("content_range", "length", "known", "total"),
    [
        ("bytes 10-99/100", "90", None, 100),
        ("bytes 10-99/100", "90", 100, 100),
        ("bytes 10-99/100", None, 100, 100),
        ("bytes 10-99/100", "90", 101, None),
        ("bytes 10-99/100", "91", None, None),
        ("bytes 9-99/100", "91", None, None),
        ("bytes 11-99/100", "89", None, None),
        ("bytes 10-98/100", "89", None, None),
        ("bytes 10-100/100", "91", None, None),
        ("bytes 10-9/10", "0", None, None),
        ("bytes 10-99/*", "90", None, None),
        ("bytes */100", None, None, None),
        ("items 10-99/100", "90", None, None),
        ("", "90", None, None),
        ("bytes 10-99/100 and more", "90", None, None),
    ],
)
def test_rest_of_a_file(content_range, length, known, total):
    """A rest is taken only if it is all that is missing, from the byte that is next, of a file as long as before."""
    headers = {"content-range": content_range} | ({} if length is None else {"content-length": length})
    assert total == downloads.total_of_rest(Answer(206, headers), 10, known)
    assert None is downloads.total_of_rest(Answer(200, headers), 10, known)


@pytest.mark.parametrize(
    ("text", "size"), [("7", 7), ("", None), ("-7", None), ("7, 7", None), ("\u0667", None), ("9" * 30, None)]
)
def test_size_of_a_file(text, size):
    """A length is a plain number, or it is not known."""
    assert size == downloads.size_of({"content-length": text})


def test_page_and_file():
    """HTML without a name may be a page of the portal; with one it is a file, and so is everything else."""
    page, name = {"content-type": "Text/HTML; charset=UTF-8"}, {"content-disposition": 'attachment; filename="a.html"'}
    assert downloads.is_page(Answer(200, page))
    assert not downloads.is_page(Answer(200, page | name))
    assert not downloads.is_page(Answer(200, {"content-type": "text/plain"}))
    assert downloads.is_whole(Answer(200, page | name))
    assert not downloads.is_whole(Answer(200, page))
    assert not downloads.is_whole(Answer(404, name))


_SIGN_IN = b'<html><form action="/c/portal/login">'


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (302, {"location": "http://portal.test/c/portal/login?redirect=x"}, b"", AuthenticationError),
        (302, {"location": "http://portal.test/elsewhere"}, b"", RedirectError),
        (302, {}, b"", RedirectError),
        (401, {}, b"", AuthenticationError),
        (200, {"content-type": "text/html"}, _SIGN_IN, AuthenticationError),
        (200, {"content-type": "text/html"}, b"<html>minutes</html>", type(None)),
        (200, {"content-type": "text/html"}, b"", type(None)),
        (403, {}, b"", AccessDeniedError),
        (403, {}, b"<html>no</html>", AccessDeniedError),
        (412, {}, b"", AccessDeniedError),
        (404, {}, b"<html>no such page</html>", NotFoundError),
        (404, {}, b"", NotFoundError),
        (410, {}, b"", NotFoundError),
        (503, {"retry-after": "7"}, b"", ProtocolError),
        (500, {}, b"<html>oops</html>", ProtocolError),
        (206, {}, b"", ProtocolError),
        (304, {}, b"", ProtocolError),
        (204, {}, b"", ProtocolError),
    ],
)
def test_failure_of_an_answer(status, headers, body, kind):
    """Each answer without a file has its error; a page that is no sign-in page is what was asked for."""
    error = downloads.failure_of(Answer(status, headers, body))
    assert kind is type(error)
    assert downloads.is_sign_in(error) == (kind is AuthenticationError)
    if status == 503:
        assert "try again after 7" in str(error)
    if kind is ProtocolError and status != 503:
        assert str(error) == f"the portal answered status {status} where a file was due"
