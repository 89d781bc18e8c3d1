"""Java's hash order, texts and spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._text import (
    hash_order,
    java_double,
    java_split,
    java_string,
    normalize_camel_case,
    string_hash,
    to_camel_case,
)


def java_hash_map(keys):
    """A HashMap played through entry by entry: a table of chains, split at each growth."""
    table = [[] for _ in range(16)]

    def slot(key, size):
        code = 0
        raw = key.encode("utf-16-be", "surrogatepass")
        for place in range(0, len(raw), 2):
            code = (31 * code + raw[place] * 256 + raw[place + 1]) % 2**32
        return (code ^ code >> 16) % size

    def grown(table):
        bigger = [[] for _ in range(2 * len(table))]
        for chain in table:
            for key in chain:
                bigger[slot(key, len(bigger))].append(key)
        return bigger

    for count, key in enumerate(keys, 1):
        chain = table[slot(key, len(table))]
        chain.append(key)
        if len(chain) > 8 and len(table) < 64:
            table = grown(table)
        if count > len(table) * 3 // 4:
            table = grown(table)
    return [key for chain in table for key in chain]


@given(st.lists(st.text(max_size=6), unique=True, max_size=120))
def test_hash_order_is_that_of_a_hash_map_filled_step_by_step(keys):
    """Keys come back in the order of the table's chains, whatever growth lay between."""
    assert java_hash_map(keys) == hash_order(keys)


@given(st.integers(9, 14))
def test_hash_order_with_one_long_chain(count):
    """Keys of one hash keep their order of insertion, though the table grows for them."""
    pairs = ["Aa", "BB"]
    same = [a + b + c + d for a in pairs for b in pairs for c in pairs for d in pairs][:count]
    assert same == hash_order(same)
    others = ["x", "y", "z"]
    assert java_hash_map(same + others) == hash_order(same + others)


def test_hash_order_of_recorded_commands():
    """Of two commands in one object the recorded 6.2.5 ran these first, in both orders."""
    keys = ["/company/get-company-by-web-id", "/portal/get-build-number"]
    assert keys[1] == hash_order(keys)[0] == hash_order(keys[::-1])[0]
    assert ["/foo/hello-world", "/foo/hello"] == hash_order(["/foo/hello", "/foo/hello-world"])


def test_hash_order_of_a_map_made_for_few_entries():
    """A map made for three entries has a table of four."""
    assert ["-name", "name", "number"] == sorted(hash_order(["number", "-name", "name"], 3))
    assert ["a", "b"] == hash_order(["b", "a"], 0)


@pytest.mark.parametrize(("text", "code"), [("", 0), ("hello", 99162322), ("Aa", 2112), ("BB", 2112), ("😀", 1772899)])
def test_string_hash(text, code):
    """Hash codes are those of java.lang.String, over UTF-16 units."""
    assert code == string_hash(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.5, "1.5"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e7, "1.0E7"),
        (123456.0, "123456.0"),
        (2.5e-5, "2.5E-5"),
        (-1.25e300, "-1.25E300"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_java_double(number, text):
    """A double is written as Double.toString writes it."""
    assert text == java_double(number)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (1e10, "1.0E10"),
        ("x", "x"),
        ([], "[]"),
        ([1, None, "a"], "[1, null, a]"),
        ({"a": [1, {"b": False}]}, "{a=[1, {b=false}]}"),
    ],
)
def test_java_string(value, text):
    """Values become text as String.valueOf makes it."""
    assert text == java_string(value)


def test_java_string_of_deep_nesting():
    """A thousand levels are no problem, as recorded."""
    value = 1
    for _ in range(5000):
        value = {"a": value}
    assert "{a=" * 5000 + "1" + "}" * 5000 == java_string(value)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("camelCase", "camelCase"),
        ("camelCASEWord", "camelCaseWord"),
        ("camelCASE", "camelCase"),
        ("badNAME", "badName"),
        ("aBCD.eFGH", "aBcd.eFGH"),
        ("", ""),
    ],
)
def test_normalize_camel_case(name, normal):
    """Runs of capitals become one word, up to the first full stop."""
    assert normal == normalize_camel_case(name)


def test_to_camel_case():
    """Dashed names of a URL become camelCase."""
    assert "worldName" == to_camel_case("world-name")
    assert "serviceContext.scopeGroupId" == to_camel_case("service-context.scope-group-id")


@pytest.mark.parametrize(
    ("text", "parts"), [("", []), (" ", []), ("a", ["a"]), ("a,b", ["a", "b"]), ("a,,b,", ["a", "", "b"])]
)
def test_java_split(text, parts):
    """A list ends without a last empty part."""
    assert parts == java_split(text)
