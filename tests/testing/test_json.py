"""The two JSON dialects, read and written."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Annotated, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._java import (
    Array,
    Bean,
    Excluded,
    JavaEnum,
    JavaLong,
    JavaMap,
    JavaType,
    Long,
    Model,
    Shown,
)
from aioliferay.testing._json import JsonError, JsonWriter, StackOverflow, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: "." in repr(number))  # see `_plain_number`
NUMBERS = st.integers(-(2**63), 2**63 - 1) | FLOATS
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda deeper: st.lists(deeper, max_size=4) | st.dictionaries(TEXT, deeper, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
@given(value=VALUES)
def test_parse_reads_all_proper_json(version, value):
    """Both dialects read what is proper JSON."""
    assert value == parse(json.dumps(value), version)
    assert value == parse(json.dumps(value, ensure_ascii=False, indent=1), version)


@pytest.mark.parametrize("version", ["6.2", "7.4"])
@given(text=st.text(st.sampled_from("{}[]\"':,;=x1- \\\n\0e.truefalsenull/#")))
def test_parse_of_any_text_is_a_value_or_a_refusal(version, text):
    """No text makes the parser fail in any other way."""
    with contextlib.suppress(JsonError):
        parse(text, version)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a':'b'}", {"a": "b"}),
        ("[1,]", [1]),
        ("{'a':1,}", {"a": 1}),
        ("[1,,2]", [1, None, 2]),
        ("[1;2]", [1, 2]),
        ("{'a'=1;'b'=>2}", {"a": 1, "b": 2}),
        ('{"a":1} x', {"a": 1}),
        ("[1]]", [1]),
        ("hello world", "hello world"),
        ('<?xml version="1.0"?>', "<?xml version"),
        ("NaN", "NaN"),
        ("TRUE", True),
        ("Null", None),
        ("007", 7),
        ("-12", -12),
        ("1.5e3", 1500.0),
        ("'\\x41\\u00e9\\q\\/'", "Aéq/"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\ud83d"', "\ud83d"),
        ("\ufeff{}", "\ufeff"),
    ],
)
def test_parse_loose(text, value):
    """6.2 reads loosely: quotes, separators, bare words, octal numbers, anything behind."""
    assert value == parse(text, "6.2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[",
        "[1",
        "{'a'",
        "{'a':1",
        "{'a':1 'b':2}",
        "{a:1}",
        "{/foo/hello:{}}",
        "{'a' 1}",
        "{'a':1,'a':2}",
        "'a",
        "'a\nb'",
        "'\\xes'",
        "'\\u12'",
        "020182",
        "9223372036854775808",
        "-9223372036854775809",
        "1" * 60,
        "1x",
        "-",
        "}",
        "// comment",
    ],
)
def test_parse_loose_refuses(text):
    """6.2 refuses what is cut off, doubled, commented, without quotes, or no number of Java's."""
    with pytest.raises(JsonError):
        parse(text, "6.2")


@pytest.mark.parametrize("text", ["", "{'a':1}", "[1,]", "[1] x", "hello", "NaN", "{/a:1}", "/*x*/1", "1" * 5000])
def test_parse_strict_refuses(text):
    """7.x refuses all looseness."""
    with pytest.raises(JsonError):
        parse(text, "7.4")


def test_parse_strict_takes_the_last_of_equal_keys():
    """7.x keeps the last of equal keys."""
    assert parse('{"a":1,"a":2}', "7.0") == {"a": 2}


@pytest.mark.parametrize(("text", "place"), [("[a:b,c:d]", 3), ("[Ljava.lang.String;@1b2c3d4e", 27)])
def test_parse_loose_says_where(text, place):
    """The place in an error's text is the recorded one, an oddity at the end of the text included."""
    with pytest.raises(JsonError, match=f"Expected a ',' or ']' at character {place}$"):
        parse(text, "6.2")


@pytest.mark.parametrize("version", ["6.2", "7.4"])
def test_parse_overflows(version):
    """Two thousand brackets are too many for the portal's stack."""
    with pytest.raises(StackOverflow):
        parse("[" * 100_000, version)


def test_parse_of_a_thousand_levels():
    """A thousand levels are not too many for 6.2."""
    assert parse("[" * 1000 + "]" * 1000, "6.2")


class Colour(JavaEnum):
    RED = 1


class Tree(Bean):
    java_class: ClassVar[str] = "a.Tree"
    tall_ness: Long
    leaves: list[int]
    rings: Annotated[Array[Long], Shown]
    names: dict[str, str]
    secret: Annotated[str, Excluded]
    twin: Bean | None

    def __init__(self, twin=None):
        self.tall_ness = 3
        self.leaves = [1]
        self.rings = Array([1, 2])
        self.names = {"la": "arbor"}
        self.secret = "root"
        self.twin = twin


@given(VALUES)
def test_write_is_json_in_both_dialects(value):
    """What is written reads back: 6.2 exactly, 7.x with big whole numbers as text."""
    value = [value] if isinstance(value, dict) else value
    assert shallow(value) == json.loads(JsonWriter("6.2").write(value))
    assert texted(shallow(value)) == texted(json.loads(JsonWriter("7.4").write(value)))


def shallow(value):
    if isinstance(value, dict):
        kept = {key: shallow(item) for key, item in value.items() if not isinstance(item, list)}
        return {key: item for key, item in kept.items() if key != "class"}
    return [shallow(item) for item in value] if isinstance(value, list) else value


def texted(value):
    if isinstance(value, dict):
        return {key: texted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [texted(item) for item in value]
    is_long = isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**31
    return str(value) if is_long else value


@pytest.mark.parametrize(
    ("value", "old", "new"),
    [
        (None, "null", "null"),
        (True, "true", "true"),
        (Colour.RED, '"RED"', '"RED"'),
        (JavaLong(5), "5", '"5"'),
        (5, "5", "5"),
        (1e10, "1.0E10", "1.0E10"),
        (float("nan"), "null", "null"),
        (datetime(1970, 1, 2, tzinfo=UTC), "86400000", "86400000"),
        ("a/b", '"a/b"', '"a\\/b"'),
        ("\x01\x1f\x7f\n\u2028", '"\\u0001\\u001F\\u007F\\n\u2028"', '"\\u0001\\u001F\\u007F\\n\u2028"'),
        ([JavaLong(1)], "[1]", '["1"]'),
        (Array([JavaLong(1)], JavaType("long")), "[1]", "[1]"),
        (Array([JavaLong(1)], JavaType("java.lang.Long")), "[1]", '["1"]'),
        (b"\x01\xff", "[1,-1]", "[1,-1]"),
        ((1, 2), "[1,2]", "[1,2]"),
        ({"a": {"b": 1}, "l": [1]}, '{"a":{"b":1}}', '{"a":{"b":1}}'),
        ({"class": 1}, "{}", '{"class":1}'),
    ],
)
def test_write_value(value, old, new):
    """Values are written as the version does: longs as text, slashes escaped, capitals in escapes."""
    assert old == JsonWriter("6.2").write(value)
    assert new == JsonWriter("7.0").write(value)


def test_write_bean():
    """A bean shows its getters by name, no collection but those marked, and never what is excluded."""
    assert '{"rings":[1,2],"tallNess":3,"twin":{"rings":[1,2],"tallNess":3,"twin":null}}' == JsonWriter("6.2").write(
        Tree(Tree())
    )
    assert '{"rings":[1,2],"tallNess":"3","twin":null}' == JsonWriter("7.4").write(Tree())


def test_write_included_paths():
    """A collection at an included path is shown, and the objects on the way to it."""
    value = {"a": {"l": [1], "m": [2]}, "l": [3]}
    assert '{"a":{"l":[1]}}' == JsonWriter("6.2", [("a", "l")]).write(value)
    assert '{"leaves":[1],"rings":[1,2],"tallNess":3,"twin":null}' == JsonWriter("6.2", [("leaves",)]).write(Tree())


def test_write_map_of_the_invoker():
    """A map the invoker made is written in hash order or, in 7.x, in order of insertion."""
    keys = ["userId", "contactId", "c"]
    old = json.loads(JsonWriter("6.2").write(JavaMap(dict.fromkeys(keys))))
    assert ["c", "contactId", "userId"] == sorted(old)
    new = JsonWriter("7.4").write(JavaMap(dict.fromkeys(keys), is_hash=False))
    assert '{"userId":null,"contactId":null,"c":null}' == new


def test_write_shows_hidden_getters_after_another_model():
    """In 6.2 a model shows its hidden getters that an earlier model in the same list shows."""
    user = Model("a.User", {"name": "x", "tags": [1]})
    company = Model("a.Company", {"id": 1}, nested={"name": "y", "other": 2})
    assert '[{"name":"x","tags":[1]},{"id":1,"name":"y"}]' == JsonWriter("6.2").write([user, company])
    assert '[{"id":1},{"name":"x","tags":[1]}]' == JsonWriter("6.2").write([company, user])
    assert '[{"name":"x","tags":[1]},{"id":1}]' == JsonWriter("7.4").write([user, company])


def test_write_refuses_what_is_not_java():
    """A result that no Java service could return is a mistake of the fake service."""
    with pytest.raises(TypeError, match="no JSON form"):
        JsonWriter("6.2").write(object())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[007, -07, 0]", [7, -7, 0]),
        ("[1., 2.5, 25e-1, 1e3, -0]", [1.0, 2.5, 2, 1000, 0]),
        ('["007", "a\\"007"]', ["007", 'a"007']),
        ("[9223372036854775808]", [9223372036854775808]),
    ],
)
def test_numbers_of_later_versions(text, value):
    """7.x reads zeros in front, cuts numbers with an exponent only, and knows whole numbers of any size."""
    assert value == parse(text, "7.4")


@pytest.mark.parametrize("text", ["[-]", "[1x]", "[1.2.3]", '{"a":1"b":2}'])
def test_no_numbers_of_later_versions(text):
    """What begins as a number and is none fails as such."""
    with pytest.raises(JsonError) as caught:
        parse(text, "7.0")
    assert "java.lang.NumberFormatException" == caught.value.java_class


def test_words_of_later_versions_are_no_numbers():
    """Digits within a word do not make it a number."""
    with pytest.raises(JsonError) as caught:
        parse("[aGVsbG8=]", "7.4")
    assert "jodd.json.JsonException" == caught.value.java_class
