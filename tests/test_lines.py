"""Lines of NDJSON and CSV: where they stand, what they ask for, which are none; and lines of results."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aioliferay import AccessDeniedError, ConnectError, NoAnswerError, NotFoundError
from aioliferay import _lines as lines
from aioliferay._lines import BadLine, CsvLines, JsonLines, LineCommand, Place, ended, failure_line, result_line

TEMPLATE = '{"path": "/x/get-y", "params": {"id": "{id}", "n": "{n:int}"}, "id": "{id}"}'


def read(reader: Any, *blocks: bytes) -> list[LineCommand | BadLine]:
    found = [each for block in blocks for each in reader.feed(block)]
    return [*found, *reader.finish()]


def command(line: bytes) -> LineCommand:
    (made,) = read(JsonLines(), line)
    assert isinstance(made, LineCommand), made
    return made


def reason(line: bytes) -> str:
    (bad,) = read(JsonLines(), line)
    assert isinstance(bad, BadLine), bad
    return bad.reason


def blocks_of(content: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
    return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_line_is_a_command():
    """A line says path, parameters, and whatever else a call takes; its id comes along."""
    line = (
        b'{"path": "/user/get-user-by-id", "params": {"userId": 20199}, "id": "a", "select": ["userId"], "is_read": false}'
    )
    made = command(line)
    assert ("/user/get-user-by-id", {"userId": 20199}, "a") == (made.path, made.params, made.id)
    assert (["userId"], False, None) == (made.select, made.is_read, made.idempotent)
    assert Place(1, 1, 1, len(line)) == made.place


@pytest.mark.parametrize(
    ("expected", "rest"),
    [
        (True, '"path": "/user/get-user-by-id"'),
        (False, '"path": "/user/update-user"'),
        (True, '"path": "/user/update-user", "idempotent": true'),
        (True, '"path": "/user/search", "is_read": true'),
        (False, '"path": "/user/get-next-number", "is_read": false'),
        (False, '"path": "/user/get-next-number", "idempotent": false'),
    ],
)
def test_command_tells_whether_it_may_be_repeated(expected, rest):
    """Reads may be repeated, by name or by word, and what is declared idempotent; this is said to the session, too."""
    made = command(f"{{{rest}}}".encode())
    assert expected is made.is_repeatable
    assert isinstance(made.is_read, bool)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nonsense", "it is no JSON: expected ident at character 2"),
        ('{"path": "/x/y"', "it is no JSON: EOF while parsing an object at character 15"),
        ('{"path": "/x/y", "params": {"a": NaN}}', "it is no JSON"),
        ('{"path": "/x/y", "params": {"a": "\\ud800"}}', "it is no JSON"),
        ("[" * 300, "it is no JSON: recursion limit exceeded"),
        ('["/x/y"]', 'it is no object, such as {"path": '),
        ("7", "it is no object"),
        ("{}", "it has no path"),
        ('{"params": {}}', "it has no path"),
        ('{"path": 7}', "its path is no text"),
        ('{"path": "/x/y", "parms": {}}', "its key 'parms' means nothing: did you mean 'params'?"),
        ('{"path": "/x/y", "zzzzz": 1}', "its key 'zzzzz' means nothing: there are path, params, id"),
        ('{"path": "/x/y", "params": [1]}', 'its params are no object, such as {"userId": 20199}'),
        ('{"path": "/x/y", "select": "a"}', 'its select is no list of names, such as ["userId"]'),
        ('{"path": "/x/y", "select": [1]}', "its select is no list of names"),
        ('{"path": "/x/y", "idempotent": 1}', "its idempotent is neither true nor false"),
        ('{"path": "/x/y", "is_read": "yes"}', "its is_read is neither true nor false"),
        ('{"path": "/x/y", "id": {}}', "its id is neither text, number, true, false nor null"),
        ('{"path": "/x/y", "id": 1e999}', "its id is neither"),
    ],
)
def test_line_that_is_no_command_is_told(line, text):
    """What is wrong with a line is told in a few words, with the remedy where there is one."""
    assert reason(line.encode()).startswith(text)


def test_bad_line_keeps_its_id():
    """A line that is no command, and has an id, is told with that."""
    (bad,) = read(JsonLines(), b'{"pth": 1, "id": "a7"}')
    assert "a7" == bad.id
    (bad,) = read(JsonLines(), b'{"pth": 1, "id": [1]}')
    assert bad.id is None


def test_null_is_as_good_as_left_out():
    """Null for anything but the path is as good as nothing."""
    made = command(b'{"path": "/x/get-y", "params": null, "id": null, "select": null, "idempotent": null, "is_read": null}')
    assert (None, None, None, True) == (made.params, made.id, made.select, made.is_read)


def test_blank_lines_line_ends_and_marks_do_not_matter():
    """A byte order mark, CRLF, blank lines, and a last line without an end: the numbers of lines are those of an editor."""
    content = b'\xef\xbb\xbf{"path": "/x/a"}\r\n\r\n   \n{"path": "/x/b"}\n\n{"path": "/x/c"}'
    places = [(each.path, each.place) for each in read(JsonLines(), content)]
    assert [("/x/a", Place(1, 1, 1, 21)), ("/x/b", Place(2, 4, 4, 44)), ("/x/c", Place(5, 6, 6, 61))] == places


def test_input_in_utf_16_is_refused():
    """UTF-16, which some editors write, is told as what it is."""
    for encoding in ("utf-16-le", "utf-16-be"):
        with pytest.raises(ValueError, match="it is UTF-16: save it as UTF-8"):
            read(JsonLines(), ('\ufeff{"path": "/x/y"}\n').encode(encoding))


def test_line_in_another_encoding_is_bad_and_harms_no_other():
    """A line that is no UTF-8 is a bad one."""
    made = read(JsonLines(), '{"path": "/x/y", "id": "ä"}\n'.encode("latin-1"), b'{"path": "/x/z"}\n')
    assert [BadLine, LineCommand] == [type(each) for each in made]


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_line_that_is_too_long_is_bad_and_is_not_held(size, monkeypatch):
    """A line that is too long is told, however it comes, and the lines around it are read."""
    monkeypatch.setattr(lines, "LONGEST_LINE", 50)
    content = b'{"path": "/x/a"}\n' + b'{"path": "' + b"x" * 60 + b'"}\n' + b'{"path": "/x/b"}\n' + b"y" * 51
    first, long, second, last = read(JsonLines(), *blocks_of(content, list(range(0, 200, size))))
    assert ("/x/a", "/x/b") == (first.path, second.path)
    assert "it is longer than 16,777,216 bytes" == long.reason == last.reason
    assert (Place(2, 2, 2, 90), Place(4, 4, 4, 158)) == (long.place, last.place)


@given(
    st.lists(st.sampled_from([b'{"path": "/x/a"}', b"", b"  ", b"bad", b'{"path": "/x/b", "id": "\xc3\xa4"}'])),
    st.lists(st.integers(0, 200)),
    st.booleans(),
)
def test_blocks_may_be_cut_anywhere(content, cuts, has_end):
    """However the input is cut into blocks, the same lines come out, and each line of the input belongs to one of them."""
    whole = b"\n".join(content) + (b"\n" if has_end else b"")
    found = read(JsonLines(), *blocks_of(whole, cuts))
    assert read(JsonLines(), whole) == found
    assert [line for number, line in enumerate(whole.split(b"\n"), 1) if line.strip()] == [
        whole.split(b"\n")[each.place.line - 1] for each in found
    ]
    behind = 1
    for each in found:
        assert (behind, each.place.last) == (each.place.first, each.place.line)
        assert whole[: each.place.end].rstrip(b"\n").split(b"\n")[-1] == whole.split(b"\n")[each.place.line - 1]
        behind = each.place.last + 1


def test_reader_can_begin_in_the_middle():
    """A later run reads on where an earlier one was: numbers and offsets go on."""
    content = b'{"path": "/x/a"}\n{"path": "/x/b"}\n{"path": "/x/c"}\n'
    whole = read(JsonLines(), content)
    assert whole[1:] == read(JsonLines(1, whole[0].place.end), content[whole[0].place.end :])


def test_record_of_csv_becomes_a_command():
    """The first line names the columns, and a template makes a command of each other record, however they are spaced."""
    content = b'\xef\xbb\xbfid, n \r\n"a, ""b""",7\r\n'
    (made,) = read(CsvLines(TEMPLATE), content)
    assert ("/x/get-y", {"id": 'a, "b"', "n": 7}, 'a, "b"') == (made.path, made.params, made.id)
    assert Place(1, 2, 2, len(content)) == made.place


def test_record_of_csv_may_have_lines():
    """A quoted field may hold line ends and blank lines: the record is known by the line where it begins."""
    first, second = read(CsvLines(TEMPLATE), b'id,n\n\n"a\n\nb",1\nc,2\n')
    assert ("a\n\nb", Place(1, 3, 5, 15)) == (first.id, first.place)
    assert ("c", Place(6, 6, 6, 19)) == (second.id, second.place)


def test_other_delimiters_of_csv():
    """Semicolons and tabs are as good."""
    for delimiter in (";", "\t"):
        content = f"id{delimiter}n\na,b{delimiter}1\n".encode()
        (made,) = read(CsvLines(TEMPLATE, delimiter=delimiter), content)
        assert "a,b" == made.id


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (b"a", "it has 1 fields, and the header has 2"),
        (b"a,1,2", "it has 3 fields, and the header has 2"),
        (b"a,x", "its column 'n' is no whole number"),
        (b'"a"b,1', "it is no CSV: ',' expected after '\"'"),
        (b"\xe4,1", "it is no text in UTF-8"),
        (b"x" * 70 + b",1", "it is longer than 16,777,216 bytes"),
        (b'"a\n' + b"x" * 70 + b'",1', "it is longer than 16,777,216 bytes"),
        (b'"' + b"x" * 30 + b"\n" + b"x" * 30 + b'",1', "it is no CSV: field larger than field limit (40)"),
    ],
)
def test_bad_record_of_csv_is_told_and_harms_no_other(record, text, monkeypatch):
    """What is wrong with a record is told, and the records after it are read."""
    monkeypatch.setattr(lines, "LONGEST_LINE", 60)
    monkeypatch.setattr(lines, "LONGEST_FIELD", 40)
    limit = csv.field_size_limit(40)
    try:
        found = read(CsvLines(TEMPLATE), b"id,n\nbefore,1\n", record + b"\nafter,2\n")
    finally:
        csv.field_size_limit(limit)
    assert "before" == found[0].id
    assert text == found[1].reason
    assert "after" == found[-1].id


def test_quote_that_is_never_closed_is_told_with_its_lines():
    """A quote that is never closed takes the rest with it: the lines are told."""
    content = b'id,n\na,1\n"b,2\nc,3\nd,4\n'
    first, bad = read(CsvLines(TEMPLATE), content)
    assert ("a", Place(3, 3, 5, len(content))) == (first.id, bad.place)
    assert "it is no CSV: unexpected end of data" == bad.reason


def test_template_makes_a_command_or_a_bad_line():
    """A template whose objects are no commands makes bad lines; one that cannot work is refused with the header."""
    (bad,) = read(CsvLines('{"pth": "{id}"}'), b"id,n\na,1\n")
    assert bad.reason.startswith("its key 'pth' means nothing")
    with pytest.raises(ValueError, match=r"names a column \{idd\} that is not there"):
        read(CsvLines('{"path": "{idd}"}'), b"id,n\na,1\n")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "it has no header"),
        (b"\n\n", "it has no header"),
        (b'"id"x,n\na,1\n', "its header cannot be read: it is no CSV"),
    ],
)
def test_csv_without_header_is_refused(content, text):
    """Without a header nothing can be read."""
    with pytest.raises(ValueError, match=text):
        read(CsvLines(TEMPLATE), content)


def test_part_of_csv_takes_its_columns_from_elsewhere():
    """A part that does not begin with the header is told the columns, and goes on with numbers and offsets."""
    content = b"id,n\na,1\nb,2\n"
    whole = CsvLines(TEMPLATE)
    both = read(whole, content)
    assert ("id", "n") == whole.columns
    part = CsvLines(TEMPLATE, columns=whole.columns, number=2, offset=9)
    assert both[1:] == read(part, content[9:])


FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)


@settings(max_examples=200)
@given(st.lists(st.tuples(FIELDS, st.integers(0, 99)), max_size=8), st.lists(st.integers(0, 300)))
def test_csv_that_python_writes_is_read_however_it_is_cut(rows, cuts):
    """What Python's own writer makes comes back, whatever is in the fields and however the input is cut into blocks."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "n"), *rows])
    content = text.getvalue().encode()
    found = read(CsvLines(TEMPLATE), *blocks_of(content, cuts))
    assert rows == [(each.params["id"], each.params["n"]) for each in found]
    assert read(CsvLines(TEMPLATE), content) == found
    behind = 1
    for each in found:
        assert behind == each.place.first <= each.place.line <= each.place.last
        behind = each.place.last + 1


ASKED = LineCommand("/x/get-y", place=Place(3, 4, 4, 99), id=7)


def test_result_is_a_line_of_json():
    """A result stands in one line with the line of its command, and with its id."""
    line = result_line(ASKED, {"text": "ä\n", "big": 2**70})
    assert b'{"line":4,"id":7,"outcome":"ok","result":{"text":"\xc3\xa4\\n","big":%d}}\n' % 2**70 == line


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFoundError("no user", exception="a.NoSuchUserException"), {"exception": "a.NoSuchUserException", "status": 200}),
        (AccessDeniedError("", exception="", status=403), {"exception": "", "status": 403}),
        (NoAnswerError("no answer", is_timeout=True), {"is_timeout": True}),
        (ConnectError("no connection"), {}),
    ],
)
def test_failure_tells_what_is_known_of_its_error(error, expected):
    """A failure tells its outcome, its path, and the kind, text and portal's class of its error."""
    line = failure_line(ASKED, "failed", error)
    assert line.endswith(b"}\n")
    assert {
        "line": 4,
        "id": 7,
        "outcome": "failed",
        "path": "/x/get-y",
        "error": {"type": type(error).__name__, "message": str(error), **expected},
    } == json.loads(line)


def test_bad_line_has_a_result():
    """A line that is no command has a line of results, too."""
    line = failure_line(BadLine(Place(1, 2, 2, 9), "it has no path", "x"), "invalid", "it has no path")
    error = {"type": "ValueError", "message": "it has no path"}
    assert {"line": 2, "id": "x", "outcome": "invalid", "error": error} == json.loads(line)


def test_line_of_results_can_be_read_again():
    """What a line of results says of its line can be read back, and what is no such line is refused."""
    assert (4, "ok") == ended(result_line(ASKED, None))
    assert (4, "unknown") == ended(failure_line(ASKED, "unknown", "x"))
    for content in (b"{", b"[]", b'{"line": "4", "outcome": "ok"}', b'{"line": true, "outcome": "ok"}', b'{"line": 4}'):
        with pytest.raises(ValueError, match=r"it is no JSON object|it tells no line|EOF"):
            ended(content)
