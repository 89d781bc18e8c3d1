"""Properties of every element of a result, and results put together in the same shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core.elements import in_shape, taken
from aioliferay._core.nesting import MISSING, found

_ELEMENTS = st.none() | st.integers() | st.text(max_size=2) | st.dictionaries(st.sampled_from("ab"), st.integers())
_LISTS = st.lists(st.recursive(_ELEMENTS, st.lists, max_leaves=12))


def _flat(value):
    return [element for item in value for element in _flat(item)] if isinstance(value, list) else [value]


def _mapped(value, function):
    return [_mapped(item, function) for item in value] if isinstance(value, list) else function(value)


@given(_LISTS)
def test_taken_and_put_back(result):
    """A property is taken out of every element, in order, and results come back in the same lists of lists."""
    elements = taken(result, ["a"])
    assert [found(element, ["a"]) for element in _flat(result)] == elements.values
    assert _mapped(result, lambda element: found(element, ["a"])) == in_shape(elements.shape, elements.values)
    assert result == in_shape(elements.shape, _flat(result))


@given(_LISTS, _LISTS)
def test_shapes_are_equal_if_the_lists_are_alike(first, second):
    """Two lists have the same shape if and only if their elements stand in lists alike, whatever the elements are."""
    is_alike = _mapped(first, lambda _: None) == _mapped(second, lambda _: None)
    assert is_alike == (taken(first, ["a"]).shape == taken(second, ["b"]).shape)


@pytest.mark.parametrize(
    ("result", "names", "shape", "values"),
    [
        ([], ["a"], (), []),
        ([[]], ["a"], ((),), []),
        ([{"a": 1}, {"a": None}], ["a"], (None, None), [1, None]),
        ([{"a": [1, 2]}], ["a"], (None,), [[1, 2]]),
        ([[{"a": 1}], [], {"a": 2}], ["a"], ((None,), (), None), [1, 2]),
        ([{"a": {"b": 1}}, {"a": {}}, {"a": 7}], ["a", "b"], (None,) * 3, [1, MISSING, MISSING]),
        ([{"b": 1}, None, 7, "a"], ["a"], (None,) * 4, [MISSING] * 4),
    ],
)
def test_taken(result, names, shape, values):
    """Null is a value; an element that has no such property is told from that; a list in a property is no element."""
    assert (shape, values) == taken(result, names)


@pytest.mark.parametrize("result", [None, {"a": 1}, {}, "a", 7, MISSING])
def test_taken_of_no_list(result):
    """Only a list has elements."""
    with pytest.raises(TypeError, match="no list"):
        taken(result, ["a"])
