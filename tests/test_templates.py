"""Templates of commands: what stands for a field, what a field becomes, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._templates import Template

COLUMNS = ("id", "n", "flag", "more", "a:b")


def filled(value, row=("7", "12", "true", '{"x": [1]}', "colon"), columns=COLUMNS):
    """Fill a template that has the value in it."""
    return Template(json.dumps({"value": value}), columns).filled(row)["value"]


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ("7", "{id}"),
        ("user 7 of 12", "user {id} of {n}"),
        ("712", "{id}{n}"),
        ("{7}", "{{{id}}}"),
        ("{id}", "{{id}}"),
        ("colon", "{a:b}"),
        ("colon!", "{a:b}!"),
        (12, "{n:int}"),
        (12.0, "{n:float}"),
        (True, "{flag:bool}"),
        ({"x": [1]}, "{more:json}"),
        ("7", "{id?}"),
        (12, "{n:int?}"),
        ("plain", "plain"),
        ("", ""),
        (["7", [12], {"id": "7", "{id}": 5}], ["{id}", ["{n:int}"], {"id": "{id}", "{id}": 5}]),
        ([1, 1.5, True, None], [1, 1.5, True, None]),
    ],
)
def test_fields_take_their_places(expected, value):
    """In texts a column stands for its field; alone and with a type it is a value; names and all else stay as they are."""
    result = filled(value)
    assert (expected, type(expected)) == (result, type(result))


@pytest.mark.parametrize(("value", "expected"), [("{id?}", None), ("{id:int?}", None), ("{id:json?}", None), ("{id}", "")])
def test_empty_field_is_null_only_where_it_may_be(value, expected):
    """An empty field is null with a question mark, and empty text without one."""
    assert expected == filled(value, ("", "", "", "", ""))


@pytest.mark.parametrize(
    ("value", "field", "text"),
    [
        ("{id:int}", "", "its column 'id' is no whole number"),
        ("{id:int}", "1.5", "its column 'id' is no whole number"),
        ("{id:int}", "1_000", "its column 'id' is no whole number"),
        ("{id:int}", "9" * 5000, "its column 'id' is no whole number"),
        ("{id:int?}", "x", "its column 'id' is no whole number"),
        ("{id:float}", "nan", "its column 'id' is no number"),
        ("{id:float}", "1e999", "its column 'id' is no number"),
        ("{id:float}", "1,5", "its column 'id' is no number"),
        ("{id:bool}", "1", "its column 'id' is no true or false"),
        ("{id:json}", "{", "its column 'id' is no JSON"),
        ("{id:json}", "NaN", "its column 'id' is no JSON"),
    ],
)
def test_field_of_another_type_is_told_without_showing_it(value, field, text):
    """A field that is not of its type is told by the column's name: the field itself may be a secret."""
    with pytest.raises(ValueError, match=f"^{text}$"):
        filled(value, (field, "", "", "", ""))


@pytest.mark.parametrize(
    ("expected", "value", "field"), [(-3, "int", " -3 "), (0.5, "float", ".5"), (False, "bool", "FALSE")]
)
def test_numbers_and_truths_may_be_written_as_usual(expected, value, field):
    """Spaces around a number, and capitals in a truth, do not matter."""
    assert expected == filled(f"{{id:{value}}}", (field, "", "", "", ""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": ', "the template is no JSON: EOF"),
        ('{"a": NaN}', "the template is no JSON"),
        ('{"a": "\\ud800"}', "the template is no JSON"),
        ('["{id}"]', "the template is no object, such as"),
        ('{"a": "{idd}"}', r"names a column \{idd\} that is not there: did you mean \{id\}\?"),
        ('{"a": "{zzz}"}', r"names a column \{zzz\} that is not there: there are id, n"),
        ('{"a": "{id:integer}"}', "names a type 'integer' that is not there: there are int, float, bool, json"),
        ('{"a": "x {id:int}"}', r"\{id:int\} in the template has text beside it"),
        ('{"a": "{id?}{n}"}', r"\{id\?\} in the template has text beside it"),
        ('{"a": "x { y"}', r"a lone \{: write \{\{ or \}\} for a brace, \{column\} for a field"),
        ('{"a": "x }"}', r"a lone \}"),
        ('{"a": "{}"}', r"a lone \{\}"),
    ],
)
def test_template_that_cannot_work_is_refused(text, message):
    """What a template gets wrong is told before any record is read, with the remedy."""
    with pytest.raises(ValueError, match=message):
        Template(text, COLUMNS)


def test_columns_of_one_name_are_refused():
    """Two columns of one name are told; columns without a name do not matter."""
    with pytest.raises(ValueError, match="the header has two columns 'a': give one of them another name"):
        Template("{}", ("a", "b", "a"))
    assert {} == Template("{}", ("a", "", "")).filled(("1", "2", "3"))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=20), st.text(max_size=20))
def test_field_is_never_read_as_a_template(text, field):
    """Whatever a field holds, it is put in as it is."""
    assert f"{text}{field}{text}" == filled(f"{text}{{id}}{text}", (field, "", "", "", ""))
    assert field == filled("{id}", (field, "", "", "", ""))
