"""What a command says, and how properties of results are read."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._java import Bean, JavaError, JavaMap, Model
from aioliferay.testing._statements import get_property, parse_statement


class Leaf(Bean):
    java_class: ClassVar[str] = "a.Leaf"
    size: int

    def __init__(self):
        self.size = 3


class Tree(Bean):
    java_class: ClassVar[str] = "a.Tree"
    leaf: Leaf
    leaves: list[Leaf]

    def __init__(self):
        self.leaf = Leaf()
        self.leaves = [Leaf()]

    @property
    def height(self) -> int:
        return 9


def parsed(key, body=None, version="6.2"):
    return parse_statement([], None, key, {} if body is None else body, version)


@pytest.mark.parametrize(
    ("key", "name", "white_list", "path"),
    [
        ("/foo/x", None, None, "/foo/x"),
        (" /foo/x ", None, None, "/foo/x"),
        ("$a = /foo/x", "$a", None, "/foo/x"),
        ("a=/foo/x", "a", None, "/foo/x"),
        ("$a[b, c] = /foo/x", "$a", ["b", "c"], "/foo/x"),
        ("$a[] = /foo/x", "$a", [], "/foo/x"),
        ("$a[b2 = /foo/x", "$a", ["b"], "/foo/x"),
        ("[a2] = /foo/x", "", ["a2"], "/foo/x"),
        ("/group/get?groupId=20182", "/group/get?groupId", None, "20182"),
        ("$a = b = c", "$a", None, "b = c"),
    ],
)
def test_parse_statement(key, name, white_list, path):
    """A key is a name, a white-list and a path."""
    statement = parsed(key)
    assert (name, white_list, path) == (statement.name, statement.white_list, statement.path)


def test_parse_statement_body():
    """A body has parameters, flags and nested statements."""
    statements = []
    body = {"badNAME": 1, "@id": "$p.id", "@x": None, "$n = /foo/y": {"a.$m = /foo/z": {}}, "w = /foo/q": {}}
    statement = parse_statement(statements, None, "$p = /foo/x", body, "6.2")
    assert {"badName": 1, "w = /foo/q": {}} == statement.parameters
    assert [("id", "$p.id"), ("x", None)] == sorted(statement.flags)
    assert ["$n", "a.$m"] == [statements[1].name, statements[2].name]
    assert [False, False, True] == [each.is_inner for each in statements]
    assert 5 == statement.size


@pytest.mark.parametrize(
    ("key", "body", "version", "java_class", "text"),
    [
        ("/x", [], "6.2", "java.lang.ClassCastException", "java.util.ArrayList cannot be cast to java.util.Map"),
        ("/x", {"$a": 5}, "7.4", "java.lang.ClassCastException", "java.lang.Integer cannot be cast to java.util.Map"),
        ("/x", {"$a = /y": None}, "6.2", "java.lang.NullPointerException", None),
        ("/x", {"@a": 5}, "6.2", "java.lang.ClassCastException", "java.lang.Long cannot be cast to java.lang.String"),
        ("$a[ = /x", {}, "6.2", "java.lang.StringIndexOutOfBoundsException", "String index out of range: -1"),
    ],
)
def test_parse_statement_refuses(key, body, version, java_class, text):
    """A body of the wrong shape fails with Java's own exceptions."""
    with pytest.raises(JavaError) as caught:
        parsed(key, body, version)
    assert (java_class, text) == (caught.value.java_class, caught.value.message)


@given(st.text(st.sampled_from("$[]=,./ ab@*")))
def test_parse_statement_of_any_key(key):
    """Any key is a statement or Java's exception."""
    has_open_end = key.partition("=")[0].strip().endswith("[") and "=" in key
    if key.partition("=")[0].count("[") == 1 and has_open_end:
        with pytest.raises(JavaError, match="StringIndexOutOfBounds"):
            parsed(key)
    else:
        assert parsed(key).path == key.partition("=")[2 if "=" in key else 0].strip()


def test_get_property():
    """A path of names leads through beans, maps and hidden getters."""
    model = Model("a.User", {"id": 1}, nested={"group": Model("a.Group", {"id": 2})})
    assert 2 == get_property(model, "group.id")
    assert 3 == get_property({"tree": Tree()}, "tree.leaf.size")
    assert get_property("", "empty")


@pytest.mark.parametrize(
    ("root", "path", "text"),
    [
        (JavaMap(), "id", "Map key not found: id. Invalid property: HashMap#id (HashMap#id, forced=false)"),
        (Tree(), "leaf.x", "Simple property not found: x. Invalid property: Tree#leaf.x (Leaf#x, forced=false)"),
        (Tree(), "leaves.x", "Simple property not found: x. Invalid property: Tree#leaves.x (ArrayList#x, forced=false)"),
        (Model("a.User", {}), "x", "Simple property not found: x. Invalid property: UserImpl#x (UserImpl#x, forced=false)"),
        (Model("a.User", {"x": JavaError("a.B", "no")}), "x", "Getter failed: UserImpl#getX(); <--- a.B: no"),
    ],
)
def test_get_property_that_is_not_there(root, path, text):
    """What is not there is a BeanException in jodd's words."""
    with pytest.raises(JavaError) as caught:
        get_property(root, path)
    assert ("jodd.bean.BeanException", text) == (caught.value.java_class, caught.value.message)


def test_get_property_of_null():
    """Null has no properties."""
    with pytest.raises(JavaError, match="NullPointerException"):
        get_property(None, "x")


def inner_of(parent_key, name):
    parent = parsed(parent_key, {f"{name} = /foo/y": {}})
    return parent, parent.children[0]


@pytest.mark.parametrize("root", [Tree(), {"leaf": Leaf()}, JavaMap({"leaf": Leaf()}), Model("a.Tree", {"leaf": Leaf()})])
def test_push_and_pop(root):
    """An inner statement runs on a property, which it replaces; what the service keeps stays as it was."""
    parent, child = inner_of("$p = /foo/x", "leaf.$n")
    assert isinstance(child.push(root), Leaf)
    assert ("$p.leaf", "$n", False) == (parent.name, child.name, child.is_inner)
    whole = child.pop("new")
    assert "new" == get_property(whole, "leaf")
    assert ("$p", "leaf.$n", True) == (parent.name, child.name, child.is_inner)
    assert isinstance(root, JavaMap) or isinstance(get_property(root, "leaf"), Leaf)


@pytest.mark.parametrize(
    ("root", "name", "text"),
    [
        (Tree(), "height", "Simple property not found: height. Invalid property: Tree#height (Tree#height, forced=false)"),
        (
            Model("a.User", {}, nested={"contact": 1}),
            "contact",
            "Simple property not found: contact. Invalid property: UserImpl#contact (UserImpl#contact, forced=false)",
        ),
        ("text", "empty", "Simple property not found: empty. Invalid property: String#empty (String#empty, forced=false)"),
    ],
)
def test_pop_into_a_property_without_setter(root, name, text):
    """A property that cannot be set fails only when the nested statement's turn is over."""
    _, child = inner_of("/foo/x", f"{name}.$n")
    value = child.push(root)
    with pytest.raises(JavaError) as caught:
        child.pop(value)
    assert text == caught.value.message
