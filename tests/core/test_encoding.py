"""Python values as the portal takes them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import numbers
import pathlib
import re
import sys
import uuid
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, model_serializer
from pydantic_core import to_json

from aioliferay._core import encoding
from aioliferay._core.messages import Reference


class _Colour(enum.Enum):
    RED = 1


class _Level(enum.IntEnum):
    HIGH = 7


class _Status(enum.StrEnum):
    DRAFT = "draft"


class _OldStatus(str, enum.Enum):  # noqa: UP042 - users have such enums
    DRAFT = "draft"


class _Rights(enum.IntFlag):
    VIEW = 1
    UPDATE = 2


class _Wide(int):
    """A number with a name of its own."""


class _Loud(str):
    """Text that shows itself in another way."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"


class _Link(BaseModel):
    url: str
    is_new: bool = Field(default=True, alias="isNew")


class _Page(BaseModel):
    title: str
    at: dt.datetime
    links: list[_Link] = []
    colour: _Colour = _Colour.RED


@dataclasses.dataclass
class _Point:
    x: int
    when: dt.date | None = None


@numbers.Integral.register
class _Number:
    """Stands for numpy's integers: registered, not derived."""

    def __index__(self):
        return 5


_NOON = dt.datetime(2012, 2, 28, 12, 0, 0, 1999, tzinfo=dt.UTC)


def _encoded(params):
    return encoding.encode(encoding.plain(params))


def _decoded(value):
    return json.loads(_encoded({"x": value}))["x"]


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (None, None),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (7, _Wide(7)),
        (1.5, 1.5),
        (0.25, Fraction(1, 4)),
        ("1.10", Decimal("1.10")),
        ("a\u0000\u00e9\U0001f600/", "a\u0000\u00e9\U0001f600/"),
        ("quiet", _Loud("quiet")),
        ("RED", _Colour.RED),
        (7, _Level.HIGH),
        (3, _Rights.VIEW | _Rights.UPDATE),
        ("draft", _Status.DRAFT),
        ("draft", _OldStatus.DRAFT),
        (1330387200000, dt.date(2012, 2, 28)),
        (1330430400001, _NOON),
        (1330430400001, _NOON.astimezone(dt.timezone(dt.timedelta(hours=-7)))),
        (-1, dt.datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=dt.UTC)),
        ("[104,101,-3]", b"he\xfd"),
        ("[104,101,-3]", bytearray(b"he\xfd")),
        ("[-128,127]", memoryview(b"\x80\x7f")),
        ("[]", b""),
        ("6f1d1e1e-0000-4000-8000-000000000000", uuid.UUID("6f1d1e1e-0000-4000-8000-000000000000")),
        ([1, [None, "RED"]], (1, [None, _Colour.RED])),
        ([3], {3}),
        ([3], frozenset({3})),
        (["a"], {"a": 1}.keys()),
        ({"en_US": "Hello"}, {"en_US": "Hello"}),
        ({"a": {"b": [1330387200000]}}, MappingProxyType({"a": {"b": (dt.date(2012, 2, 28),)}})),
        ({"draft": 1}, {_Status.DRAFT: 1}),
        ({"draft": 1}, {_OldStatus.DRAFT: 1}),
        ({"x": 1, "when": 1330387200000}, _Point(1, dt.date(2012, 2, 28))),
        ({"url": "/", "isNew": True}, _Link(url="/")),
        (
            {"title": "T", "at": 1330430400001, "links": [{"url": "/", "isNew": True}], "colour": "RED"},
            _Page(title="T", at=_NOON, links=[_Link(url="/")]),
        ),
        ([1, "RED"], RootModel[list[Any]]([1, _Colour.RED])),
    ],
)
def test_encode_kinds(expected, value):
    """Each kind of value takes the form that the portal's converters read (`protocol.md` A.6)."""
    actual = _decoded(value)
    assert expected == actual
    assert type(expected) is type(actual)


def test_encode_registered_integer():
    """Integers of other libraries are integers."""
    assert _decoded(_Number()) == 5


def test_encode_keeps_names_and_order():
    """Parameters keep their names and their order; no parameters are an empty object."""
    assert _encoded({"b": 1, "a": _Colour.RED}) == b'{"b":1,"a":"RED"}'
    assert _encoded({}) == b"{}"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2**63, ValueError, "out of the range of a long"),
        (-(2**63) - 1, ValueError, "out of the range of a long"),
        pytest.param(10**5000, ValueError, "out of the range of a long", id="5001 digits"),
        (math.nan, ValueError, "not a finite number"),
        (math.inf, ValueError, "not a finite number"),
        (Decimal("-Infinity"), ValueError, "not a finite number"),
        (Decimal("sNaN"), ValueError, "not a finite number"),
        (Fraction(10**400), ValueError, "not a finite number"),
        (dt.datetime(2012, 2, 28, tzinfo=dt.UTC).replace(tzinfo=None), ValueError, "without a time zone"),
        (dt.timedelta(1), TypeError, "points in time only"),
        (dt.time(), TypeError, "points in time only"),
        (object(), TypeError, "cannot be sent: object"),
        (1j, TypeError, "cannot be sent: complex"),
        (_Point, TypeError, "cannot be sent: type"),
        (iter([]), TypeError, "cannot be sent: list_iterator"),
        (pathlib.Path("x"), TypeError, "a file never travels in a batch"),
        ("\ud800", ValueError, "UTF-8 cannot carry"),
        (["\ud800"], ValueError, "UTF-8 cannot carry"),
        ({"a": "\ud800"}, ValueError, "UTF-8 cannot carry"),
        ({"\ud800": 1}, ValueError, "UTF-8 cannot carry"),
        ({1: 2}, TypeError, "a key that is not text: 1"),
        (Reference("call", "userId"), TypeError, "parameter 'x'"),
        ([Reference("call", "userId")], TypeError, "parameter 'x'"),
        ({"a": Reference("call", "userId")}, TypeError, "parameter 'x"),
    ],
)
def test_encode_refuses(value, error, text):
    """What has no form on the wire is refused, with the parameter's name."""
    with pytest.raises(error, match=re.escape(text)) as caught:
        _encoded({"fine": [1], "x": value})
    assert "'x" in str(caught.value)


def test_encode_refuses_an_awaitable():
    """A coroutine or a call as a value is most likely a forgotten `await`, and the text says so."""

    async def forgotten():
        """Do nothing."""

    coroutine = forgotten()
    with pytest.raises(TypeError, match="await it first"):
        _encoded({"x": coroutine})
    coroutine.close()


def test_plain_is_a_copy():
    """What the caller does to its own values later changes nothing."""
    ids = [1, 2]
    names = {"en_US": "Hello"}
    copied = encoding.plain({"ids": ids, "names": names})
    ids.append(3)
    names["de_DE"] = "Hallo"
    assert {"ids": [1, 2], "names": {"en_US": "Hello"}} == copied


def test_encode_names_the_place():
    """Inside a mapping the error names the key too."""
    with pytest.raises(TypeError, match=re.escape("parameter 'x.a.b' has a value that cannot be sent")):
        _encoded({"x": {"a": [{"b": object()}]}})


def test_encode_finds_the_bad_text_among_good():
    """The parameter with the text that cannot travel is named, not its neighbours."""
    with pytest.raises(ValueError, match="parameter 'b'"):
        _encoded({"a": ["\u00e9", {"k": 1}], "b": "\udfff"})
    with pytest.raises(ValueError, match=re.escape(repr("\udfff"))):
        _encoded({"\udfff": 1})


def test_encode_depth():
    """A hundred levels travel; more, or a value that contains itself, do not."""
    value: list[Any] = [1]
    for _ in range(99):
        value = [value]
    assert value == _decoded(value)
    with pytest.raises(ValueError, match="deeper than 100 levels"):
        _encoded({"x": [[value]]})
    value.append(value)
    with pytest.raises(ValueError, match="or contains itself"):
        _encoded({"x": value})


class _Broken(BaseModel):
    @model_serializer
    def broken(self):
        return b"\xff".decode()


def test_encode_of_a_broken_model():
    """A model whose own serializer fails is an error of the caller's."""
    with pytest.raises((TypeError, ValueError)):
        _encoded({"x": _Broken()})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(_JSON)
def test_encode_json_round_trip(value):
    """Every JSON value travels unchanged: an independent reader gets back what was given."""
    actual = _decoded(value)
    assert value == actual
    assert repr(value) == repr(actual)


@given(st.datetimes(timezones=st.timezones()))
def test_encode_datetime_round_trip(value):
    """A point in time arrives exactly, cut to the millisecond, whatever its zone."""
    expected = value.astimezone(dt.UTC) if 1 < value.year < 9999 else None
    milliseconds = _decoded(value)
    if expected is not None:
        actual = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
        assert expected.replace(microsecond=expected.microsecond // 1000 * 1000) == actual


@given(st.dates())
def test_encode_date_round_trip(value):
    """A date is its midnight in UTC."""
    days, rest = divmod(_decoded(value), 86_400_000)
    assert (value, 0) == (dt.date(1970, 1, 1) + dt.timedelta(days), rest)


@given(st.binary())
def test_encode_bytes_round_trip(value):
    """Bytes are JSON text of Java's signed bytes."""
    signed = json.loads(_decoded(value))
    assert all(-128 <= byte <= 127 for byte in signed)
    assert value == bytes(byte % 256 for byte in signed)


@given(st.uuids())
def test_encode_uuid_round_trip(value):
    """A UUID is its text."""
    assert value == uuid.UUID(_decoded(value))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_encode_decimal_round_trip(value):
    """A decimal number keeps every digit."""
    assert value.as_tuple() == Decimal(_decoded(value)).as_tuple()


@given(st.builds(_Page, title=st.text(st.characters(exclude_categories=["Cs"])), at=st.datetimes(timezones=st.just(dt.UTC))))
def test_encode_model_round_trip(page):
    """A model arrives by its aliases, its values encoded like any others."""
    expected = {"title": page.title, "at": _decoded(page.at), "links": _decoded(page.links), "colour": page.colour.name}
    assert expected == _decoded(page)


class _Strange:
    """Nothing that the portal knows."""


@given(st.recursive(_JSON | st.builds(_Strange) | st.text() | st.floats() | st.integers(), st.lists, max_leaves=5))
def test_encode_never_sends_malformed_json(value):
    """Whatever is given, it is refused with a TypeError or ValueError that names it, or strict JSON comes out."""
    try:
        body = _encoded({"x": value})
    except (TypeError, ValueError) as error:
        assert "parameter 'x" in str(error)  # noqa: PT017 - either of two ends is right
    else:
        json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@given(
    st.lists(
        st.dictionaries(
            st.text(),
            st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.characters(max_codepoint=0x9F),
        )
    )
)
def test_many_are_written_alike_with_or_without_orjson(values):
    """JSON's own types are written the same, whether orjson is installed or not."""
    assert orjson.dumps(values) == to_json(values) == encoding.write(values)


def test_writer_without_orjson(monkeypatch):
    """Without orjson, pydantic writes by itself."""
    assert encoding.fastest() is orjson.dumps
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert encoding.fastest() is to_json
