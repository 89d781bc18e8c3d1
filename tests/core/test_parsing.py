"""What is read with the help of orjson, compared with what pydantic reads by itself."""

from __future__ import annotations

import json
import subprocess
import sys

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from aioliferay._core import parsing
from aioliferay._core.codec import command, decode, results
from aioliferay._core.messages import Answer

_COMMAND = command("/a/b")
_READ = parsing.reader(orjson.loads)
_MIDDLE = b" " * 8_000 + b"\n"
_LARGE = b" " * 100_000
_ODD = [
    *(str(sign * (power + more)) for power in (2**63, 2**64, 10**18, 10**19) for more in (-1, 0, 1) for sign in (1, -1)),
    *(
        "-0",
        "0.0",
        "-0.0",
        "0e5",
        "-0e-0",
        "1e400",
        "-1e400",
        "1e-400",
        "1E+2",
        "5e-324",
        "2.4703282292062328e-324",
        "01",
        "1.",
        ".5",
    ),
    *("1" * 4300, "-" + "1" * 4301, "0." + "1" * 5000, "1" * 300 + ".5", "1e99999999999999999999", "0e99999999999999999999"),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "-NaN",
        "true",
        "null",
        "tru",
        "'a'",
        "",
        " ",
        "\x00",
        "\x0b",
        "\ufeff[]",
        "/**/",
    ),
    *(
        r'"\ud800"',
        r'"\udc00\ud800"',
        r'"\ud83d\ude00"',
        r'"\u0000"',
        r'"\/"',
        r'"\x"',
        '"\x01"',
        '"\x7f"',
        '"\t"',
        '"a',
        '"é😀"',
    ),
    *(
        '{"a":1,"b":2,"a":3}',
        r'{"\u0061":1,"a":2}',
        r'{"\ud800":1}',
        "{1:2}",
        "[1,]",
        '{"a":1,}',
        "[1 2]",
        "1],[2",
        "1,2",
        "]][[",
    ),
    *("1352000000000", "1352000000000123", "[20199,20205,20211]", '"5a3c1c1e-7f0b-4e0e-9d0f-2b8a6f1d9c11"', f'"{"7" * 40}"'),
]
_BYTES = [b'"\xff"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf[]", b"\xc2\xa0[]", b"\xff", b"[]\x00", b"[] x", b"[],"]
_NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?\Z").map(str)
_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_TEXTS = st.recursive(
    st.sampled_from(_ODD) | _NUMBERS | st.builds(json.dumps, _VALUES) | st.integers(10**17, 10**21).map(str),
    lambda inner: (
        st.lists(inner).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(st.sampled_from('abc"'), inner)).map(
            lambda parts: "{" + ", ".join(f'"{a}" :{b}' for a, b in parts) + "}"
        )
    ),
)
_PARTS = st.sampled_from(
    [*_BYTES, b"[", b"]", b"{", b"}", b",", b":", b'"', b"-", b"\n", b'"a":', b"1" * 6, b"123456789012"]
)
_BODIES = _TEXTS.map(str.encode) | st.lists(_PARTS | st.sampled_from(_ODD).map(str.encode)).map(b"".join) | st.binary()


def _outcome(read, body):
    """Tell values apart that are equal: numbers of different types, the two zeros, keys in another order."""
    try:
        return repr(read(body))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error), str(error)


def _assert_same(body):
    for whole in (body, _MIDDLE + body, _LARGE + body):
        assert _outcome(from_json, whole) == _outcome(_READ, whole)


@given(_BODIES)
@example(b'["' + b"x" * 7 + b'",-9223372036854775809]')
def test_reading_of_anything(body):
    """Whatever an answer holds, with orjson it becomes the same values, or raises the same error with the same text."""
    _assert_same(body)


@pytest.mark.parametrize("body", [*map(str.encode, _ODD), *_BYTES, b"", b"\n" * 1000])
def test_reading_of_oddities(body):
    """What parsers disagree about is read as pydantic reads it: by itself, in a list, as a property, after other values."""
    for whole in (body, b"[%b]" % body, b'{"a":%b}' % body, b"[1,[],{}, %b ,2]" % body):
        _assert_same(whole)


@pytest.mark.parametrize("levels", [1, 50, 198, 200])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_reading_of_nested_values(levels, opened, closed):
    """Values may be nested in 200 levels."""
    _assert_same(opened * levels + b"1" + closed * levels)


def test_reading_of_many_small_values():
    """Small answers and large ones are read in different ways; the values are the same."""
    for count in (1, 198, 199, 200, 201, 3000):
        body = json.dumps(
            [{"entryId": number, "createDate": 1352000000000 + number, "title": "x" * 40} for number in range(count)]
        )
        _assert_same(body.encode())


@given(st.text("0123456789,-a", max_size=80), st.integers(0, 60), st.text("0123456789,-a", max_size=80))
def test_long_numbers_are_found(before, digits, after):
    """Nineteen digits in a row are found wherever they begin, and nothing else is taken for them."""
    body = f"{before}{'7' * digits}{after}"
    longest = max(map(len, "".join(char if char.isdigit() else " " for char in body).split()), default=0)
    assert (longest >= 19) is parsing.has_long_number(body.encode())


@pytest.mark.parametrize("separator", [b",", b", ", b"-"])
@pytest.mark.parametrize("last", [b"1" * 18, b"1" * 19])
def test_long_numbers_among_many_short_ones(separator, last):
    """Many ids in a row are not taken for a long number, and do not hide one."""
    for width in range(1, 19):
        body = b"[" + separator.join([b"7" * width] * 5000) + separator + last + b"]"
        assert (len(last) == 19) is parsing.has_long_number(body)


def test_reading_without_orjson(monkeypatch):
    """Without orjson, pydantic reads by itself."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert parsing.faster() is None
    assert parsing.reader(parsing.faster()) is from_json


def test_reading_with_orjson():
    """With orjson it reads what is not small, unless a number in it may be beyond 64 bits."""
    assert parsing.faster() is orjson.loads
    bodies: list[bytes] = []
    read = parsing.reader(lambda body: bodies.append(body) or orjson.loads(body))
    small, large, exact = b"[1352000000000]", _LARGE + b"[1352000000000]", _LARGE + b"[18446744073709551616]"
    assert [[1352000000000], [1352000000000], [18446744073709551616]] == [*map(read, (small, large, exact))]
    assert [large] == bodies


@given(_BODIES)
def test_answers_are_read_with_or_without_orjson(body):
    """Outcomes and their texts do not depend on whether orjson is installed."""
    answer = Answer(200, {}, _MIDDLE + body)
    with pytest.MonkeyPatch.context() as patch:
        outcomes = []
        for read in (_READ, from_json):
            patch.setattr(parsing, "read", read)
            outcomes.append((repr(decode(answer, [_COMMAND])), repr(results(answer, 1))))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("is_there", [True, False])
def test_importing_with_or_without_orjson(is_there):
    """The library takes orjson where it is installed, and is imported without it, too."""
    script = f"""
import sys
if not {is_there}:
    sys.modules["orjson"] = None
from aioliferay._core.codec import parsing
print(sys.modules.get("orjson") is not None, parsing.read is parsing.from_json, parsing.read(b"[1]"))
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert f"{is_there} {not is_there} [1]" == told.stdout.strip()
