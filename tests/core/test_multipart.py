"""Forms with files: fields by Liferay's rules, names that cannot break out, and what a direct URL answers."""

from __future__ import annotations

import datetime as dt
import email
import email.policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aioliferay import RawParams
from aioliferay._core import codec, multipart
from aioliferay._core.messages import Answer, Failed, NotRun, Ok, Unknown
from aioliferay._core.values import OrderByComparator, ServiceContext, Typed
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    NoSuchServiceError,
    NotFoundError,
    ProtocolError,
    RedirectError,
    ServerError,
)

PATH = "/dlapp/add-file-entry"
COMMAND = codec.command(PATH)
BOUNDARY = "aioliferay-0123456789abcdef"
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)


def _fields(params):
    return dict(multipart.fields_of(codec.command(PATH, params)))


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ('a text, as it is: \r\n"äöü 漢"', 'a text, as it is: \r\n"äöü 漢"'),
        ("", ""),
        ("[1, 2]", "[1, 2]"),
        (7, "7"),
        (-(2**63), "-9223372036854775808"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ([1, 2], "[1,2]"),
        (["ä", 'b"'], '["ä","b\\""]'),
        ({"en_US": "Hello"}, '{"en_US":"Hello"}'),
        (b"hi\xfd", "[104,105,-3]"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "1767225600000"),
        (ServiceContext(scope_group_id=7, asset_tag_names=["x"]), '{"scopeGroupId":7,"assetTagNames":["x"]}'),
    ],
)
def test_field_of_a_value(value, sent):
    """A field has text as it is, numbers and booleans as text, and everything else as JSON text."""
    assert {"value": sent} == _fields({"value": value})


def test_field_of_null():
    """Null is a field of its own kind: `-name`, whatever is in it."""
    assert {"-description": ""} == _fields({"description": None})


def test_field_of_a_class():
    """A class is named by `+name`, and a value of it by `name:class` and JSON text."""
    assert {"+obc": "a.b.C"} == _fields({"obc": OrderByComparator("a.b.C")})
    assert {"map:java.util.HashMap": '{"a":[1]}'} == _fields({"map": Typed("java.util.HashMap", {"a": [1]})})


def test_field_of_raw_names():
    """Names that a program writes in Liferay's language are sent as they are."""
    raw = RawParams({"-description": None, "+serviceContext": None, "serviceContext.addGuestPermissions": True})
    assert {"-description": "", "+serviceContext": "", "serviceContext.addGuestPermissions": "true"} == _fields(raw)


def test_recorded_form_is_what_is_sent():
    """Fields, a file, and the end are the bytes that Liferay 6.2.5 took (`uploads/text/add` of the recordings)."""
    body = multipart.field("RecBoundary7d4", "repositoryId", "20182")
    body += multipart.file_head("RecBoundary7d4", "file", filename="a.txt", content_type="text/plain") + b"Hello\r\n"
    body += multipart.closing("RecBoundary7d4")
    assert body == (
        b'--RecBoundary7d4\r\nContent-Disposition: form-data; name="repositoryId"\r\n\r\n20182\r\n'
        b'--RecBoundary7d4\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nHello\r\n--RecBoundary7d4--\r\n"
    )


def test_file_without_a_type_has_no_line_for_it():
    """By default the portal decides by the name which type a file has."""
    assert b"Content-Type" not in multipart.file_head(BOUNDARY, "file", filename="a.txt")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a b.txt", "a b.txt"),
        ("Grüße 漢字 😀.txt", "Grüße 漢字 😀.txt"),
        ('a"; name="other', "a%22; name=%22other"),
        ("a\r\nContent-Type: text/html\r\n\r\nx", "a%0D%0AContent-Type: text/html%0D%0A%0D%0Ax"),
        ("a\\", "a%5C"),
        ("a\x00\x7f", "a%00%7F"),
        ("100%.txt", "100%.txt"),
        ("\udce9.txt", "?.txt"),
    ],
)
def test_name_cannot_break_out(name, sent):
    """A name cannot end its quotes or its line: browsers' escapes, and UTF-8 for the rest."""
    assert sent == multipart.escaped(name)
    assert b'filename="%s"\r\n' % sent.encode() in multipart.file_head(BOUNDARY, "file", filename=name)


@given(
    fields=st.dictionaries(
        _NAME, st.one_of(_TEXT, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.lists(_TEXT)), max_size=4
    ),
    files=st.dictionaries(
        _NAME.map("f_{}".format), st.tuples(st.text(min_size=1), st.binary(max_size=300)), min_size=1, max_size=3
    ),
)
@example(fields={"a": "\r\n--aioliferay"}, files={"f": ('"\r\n\\', b"\r\n--aioliferay--\r\n")})
def test_form_is_read_back_by_another_parser(fields, files):
    """Whatever is in fields and files, Python's own parser of messages reads the same parts, byte for byte."""
    expected = multipart.fields_of(codec.command(PATH, fields))
    body = b"".join(multipart.field(BOUNDARY, name, value) for name, value in expected)
    for name, (filename, content) in files.items():
        head = multipart.file_head(BOUNDARY, name, filename=filename, content_type="application/octet-stream")
        body += head + content + b"\r\n"
    body += multipart.closing(BOUNDARY)
    parts = _parsed(body)
    assert [(name, value.encode()) for name, value in expected] == [part[:2] for part in parts[: len(expected)]]
    read = [(name, content, filename) for name, content, filename in parts[len(expected) :]]
    assert [(name, content, multipart.escaped(filename)) for name, (filename, content) in files.items()] == read


def _parsed(body):
    """Read a form with Python's parser of messages."""
    head = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    assert [] == whole.defects
    parts = []
    for part in whole.get_payload():
        assert {name.lower() for name in part} <= {"content-disposition", "content-type"}
        name, filename = (part.get_param(key, header="content-disposition") for key in ("name", "filename"))
        told = None if filename is None else filename.encode("utf-8", "surrogateescape").decode()
        content = part._payload.encode("ascii", "surrogateescape")  # the public way guesses an encoding
        parts.append((name, content, told))
    return parts


@pytest.mark.parametrize("kind", ["text", "text/plain\r\nX: y", "text/plain; a=ä", " text/plain", "text/plain ", "", "/"])
def test_type_that_could_not_stand_in_a_header(kind):
    """A MIME type that is none is refused at once."""
    with pytest.raises(ValueError, match="is no MIME type"):
        multipart.check_content_type(kind, "here")


@pytest.mark.parametrize("kind", ["text/plain", 'text/plain; charset="utf-8"', "application/vnd.a+json", None])
def test_type_that_can_stand_in_a_header(kind):
    """MIME types, also with parameters, are sent as they are."""
    multipart.check_content_type(kind, "here")


def _decoded(status, body, *, may_be_null=False, **headers):
    return multipart.decode(Answer(status, headers, body), COMMAND, may_be_null=may_be_null)


@pytest.mark.parametrize(
    ("body", "value"), [(b'{"a":1}', {"a": 1}), (b"[]", []), (b"7", 7), (b'"x"', "x"), (b"true", True), (b"null", None)]
)
def test_result_of_a_direct_url(body, value):
    """A direct URL answers the result itself, whatever JSON it is."""
    assert Ok(value) == _decoded(200, body)


def test_empty_object_is_null_where_null_may_be():
    """Null and nothing are `{}` on a direct URL."""
    assert Ok(None) == _decoded(200, b"{}", may_be_null=True)


def test_empty_object_is_a_rejection_where_a_result_is_due():
    """From 7.3 on a rejected upload is `{}` with status 200: what became of it is unknown, and the text says why."""
    outcome = _decoded(200, b"{}")
    assert isinstance(outcome, Unknown)
    assert type(outcome.error) is ServerError
    assert "it rejected the upload and hides why" in str(outcome.error)
    assert "returns=None would say" in str(outcome.error)


_REJECTED = (
    b'{"exception":"com.liferay.portal.kernel.upload.UploadException","message":"x.SizeLimitExceededException: too large"}'
)
_GUEST = b'{"exception":"java.lang.SecurityException","message":"Authenticated access required"}'
_UNKNOWN_PATH = b'{"exception":"java.lang.RuntimeException","message":"No JSON web service action associated with path /x"}'


@pytest.mark.parametrize(
    ("status", "body", "outcome", "error"),
    [
        (200, _REJECTED, Failed, ServerError),
        (200, _GUEST, NotRun, AuthenticationError),
        (200, _UNKNOWN_PATH, Failed, NoSuchServiceError),
        (401, b"", NotRun, AuthenticationError),
        (403, b"<html>no</html>", Failed, AccessDeniedError),
        (404, b"{}", Failed, NotFoundError),
        (500, b"{}", Failed, ServerError),
        (413, b"", NotRun, ProtocolError),
        (429, b"", NotRun, ProtocolError),
        (503, b"", Unknown, ProtocolError),
        (201, b'{"a":1}', Unknown, ProtocolError),
        (200, b"", Unknown, ProtocolError),
        (200, b"nonsense", Unknown, ProtocolError),
        (200, b"<html>/c/portal/login</html>", NotRun, AuthenticationError),
    ],
)
def test_refusal_of_a_direct_url(status, body, outcome, error):
    """What a refusal says of the call is known as of a call that travels alone."""
    told = _decoded(status, body)
    assert (outcome, error) == (type(told), type(told.error))
    assert told.error.path == PATH


def test_redirect_of_an_upload():
    """A redirect is not followed: nothing ran."""
    told = _decoded(302, b"", location="http://elsewhere.test/")
    assert (NotRun, RedirectError) == (type(told), type(told.error))
