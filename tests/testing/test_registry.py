"""Which method a path and the names of parameters lead to."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._java import Locale, Long, Name
from aioliferay.testing._registry import Caller, Registry, split_context


@pytest.fixture
def registry():
    registry = Registry()

    @registry.service("/foo/method-one")
    def ids(id: Long, name_id: Long) -> str: ...  # noqa: A002 # a name on the wire

    @registry.service("/foo/method-one")
    def full(id: Long, name_id: Long, subname: str) -> str: ...  # noqa: A002 # a name on the wire

    @registry.service("/foo/method-one")
    def name(id: Long, name: str) -> str: ...  # noqa: A002 # a name on the wire

    @registry.service("/foo/nothing")
    def nothing() -> None: ...

    @registry.service("/blogs.foo/get-camel", versions=frozenset({"7.0", "7.4"}), guest=True)
    def get_camel(caller: Caller, bad_name: Annotated[str, Name("badNAME")]) -> list[Locale]: ...

    return registry


def test_service_registers_what_the_signature_says(registry):
    """An action has the path, the parameters in order without the caller, the types, the verb."""
    action = registry.actions[-1]
    assert ("/blogs.foo/get-camel", "GET", True, "caller") == (
        action.path,
        action.method,
        action.is_guest_open,
        action.caller_argument,
    )
    assert [("badNAME", "java.lang.String", "bad_name")] == [
        (parameter.name, parameter.type.name, parameter.argument) for parameter in action.parameters
    ]
    assert "java.util.List" == action.returns.name
    assert "com.liferay.portal.kernel.service.FooService#getCamel" == action.interface
    assert "POST" == registry.actions[0].method


def test_service_returns_the_function(registry):
    """The decorator leaves the function as it is; without annotations everything is an object."""

    @registry.service("/foo/bare", method="GET", interface="a.B#c")
    def bare(thing):
        return thing

    assert 5 == bare(5)
    action = registry.actions[-1]
    assert ("GET", "a.B#c", "java.lang.Object") == (action.method, action.interface, action.returns.name)
    assert "java.lang.Object" == action.parameters[0].type.name


@pytest.mark.parametrize("path", ["", "foo/bar", "/foo", "/foo/bar/baz", "/foo/bar.1", "/foo/"])
def test_service_refuses_a_malformed_path(registry, path):
    """A path has two parts."""
    with pytest.raises(ValueError, match="no path of a service"):
        registry.service(path)


def test_service_refuses_a_second_method_of_the_same_signature(registry):
    """Two methods with the same parameters could not be told apart, unless they belong to different versions."""
    with pytest.raises(ValueError, match="already"):
        registry.service("/foo/nothing")(lambda: None)
    registry.service("/blogs.foo/get-camel", versions=frozenset({"6.2"}))(registry.actions[-1].function)


def test_service_refuses_annotations_that_cannot_be_read(registry):
    """A type that is imported for the type checker only has no meaning at run time."""

    def hello(when: NotImported) -> str: ...  # noqa: F821 # the point of the test

    with pytest.raises(TypeError, match="cannot be read at run time"):
        registry.service("/foo/later")(hello)


@pytest.mark.parametrize(
    ("path", "names", "found"),
    [
        ("/foo/method-one", ["id", "name"], (2, "name")),
        ("/foo/method-one", ["id", "nameId"], (2, "nameId")),
        ("/foo/method-one", ["id", "nameId", "name"], (2, "name")),
        ("/foo/method-one", ["id", "nameId", "subname", "name"], (3, "subname")),
        ("/foo/method-one.3", ["id"], (3, "subname")),
        ("/foo/method-one.2", [], (2, "name")),
        ("/foo/method-one.2", ["nameId"], (2, "nameId")),
    ],
)
@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
def test_find(registry, path, names, found, version):
    """The method with most parameters sent wins, among equals the first by signature."""
    action = registry.find(path, names, version)
    assert found == (len(action.parameters), action.parameters[-1].name)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/foo/method-one", ["id"]),
        ("/foo/method-one.9", ["id", "name"]),
        ("/foo/methodOne", ["id", "name"]),
        ("/Foo/method-one", ["id", "name"]),
        ("foo/method-one", ["id", "name"]),
        ("/foo/nothing/", []),
        ("", []),
        ("/blogs.foo/get-camel", []),
        ("/other.foo/get-camel", ["badName"]),
    ],
)
@pytest.mark.parametrize("version", ["6.2", "7.0"])
def test_find_nothing(registry, path, names, version):
    """A wrong path, count or set of names leads nowhere."""
    assert registry.find(path, names, version) is None


def test_find_by_version(registry):
    """6.2 compares normalised names exactly and reads any text as a count; 7.x ignores case."""
    assert registry.find("/foo/method-one", ["ID", "NAME"], "6.2") is None
    assert registry.find("/foo/method-one", ["ID", "NAME"], "7.0")
    assert registry.find("/foo/nothing.x", [], "6.2")
    assert registry.find("/foo/nothing.x", [], "7.4") is None
    assert registry.find("/blogs.foo/get-camel", ["badName"], "6.2") is None
    assert registry.find("/blogs.foo/get-camel.1", [], "7.4")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/foo/x", (None, "/foo/x")),
        ("/a.foo/x", ("/a", "/foo/x")),
        ("/a.b.foo/x.1", ("/a.b", "/foo/x.1")),
        ("/foo/x.1", (None, "/foo/x.1")),
        ("/a.b", (None, "/a.b")),
        ("", (None, "")),
    ],
)
def test_split_context(path, parts):
    """The context stands before the last full stop of the first part."""
    assert parts == split_context(path)


@given(st.text(), st.lists(st.text()), st.sampled_from(["6.2", "7.0", "7.4"]))
def test_find_takes_any_text(path, names, version):
    """No path is too odd to be looked up."""
    assert Registry().find(path, names, version) is None
