"""What a portal tells of its services."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import catalogs
from aioliferay._core.catalog import Action, Catalog, element_type, parse
from aioliferay.errors import CatalogError

_OLD = {
    "actions": [
        {
            "method": "GET",
            "parameters": [{"name": "groupId", "type": "long"}, {"name": "name", "type": "string"}],
            "path": "/group/get-group",
            "response": "object<com.liferay.portal.model.Group>",
        },
        {
            "method": "GET",
            "parameters": [{"name": "groupId", "type": "long"}],
            "path": "/group/get-group",
            "response": "object<com.liferay.portal.model.Group>",
        },
        {
            "method": "POST",
            "parameters": [
                {"name": "name", "type": "string"},
                {"name": "serviceContext", "type": "object<com.liferay.portal.service.ServiceContext>"},
            ],
            "path": "/group/add-group",
            "response": "void",
        },
    ],
    "context": "",
    "basePath": "/api/jsonws",
    "surprise": [1],
}
_NEW = {
    "contextName": "blogs",
    "version": "7.1.3",
    "services": [
        {
            "method": "GET",
            "name": "BlogsEntry#getEntries",
            "path": "/blogs.blogsentry/get-entries",
            "parameters": [{"name": "from", "type": "long", "description": "of what"}],
            "returns": {"type": "list<com.liferay.blogs.model.BlogsEntry>", "description": "them"},
            "description": 'Returns "them"',
            "deprecated": True,
        },
        {"method": "GET", "path": "/blogs.blogsentry/search-entries", "returns": {"type": "list"}},
        {"method": "GET", "path": "/blogs.blogsentry/get-bare", "returns": {"type": "com.liferay.blogs.model.Bare"}},
    ],
    "types": [
        {"type": "com.liferay.blogs.model.BlogsEntry", "properties": [{"name": "title", "type": "string"}]},
        {"type": "com.liferay.blogs.model.Bare", "interface": True, "properties": [{"name": "x", "type": "int"}]},
    ],
}


def _parsed(document):
    return parse(json.dumps(document))


def test_parse_6_2():
    """6.2 lists `actions` with a `response`; unknown keys are ignored."""
    catalog = _parsed(_OLD)
    assert {"group": {"get_group", "add_group"}} == {name: {*methods} for name, methods in catalog.services.items()}
    first = catalog.actions[0]
    assert ("/group/get-group", "GET", True) == (first.path, first.method, first.is_read)
    assert "object<com.liferay.portal.model.Group>" == first.returns
    assert "get_group(group_id: long, name: string)" == first.signature
    assert [True, False] == [parameter.is_primitive for parameter in first.parameters]
    assert {""} == catalog.contexts
    assert catalog.portal_version is None


def test_parse_7():
    """7.x lists `services` of one context, with descriptions, and `types` with properties."""
    catalog = _parsed(_NEW)
    action = catalog.actions[0]
    assert ("BlogsEntry#getEntries", 'Returns "them"', True) == (action.name, action.description, action.is_deprecated)
    assert ("blogs", "blogs.blogsentry") == (action.context, action.service)
    assert "from_" == action.parameters[0].python_name
    assert {"blogs"} == catalog.contexts
    assert "7.1" == str(catalog.portal_version)
    assert {"title"} == catalog.properties("/blogs.blogsentry/get-entries")
    assert frozenset() == catalog.properties("/blogs.blogsentry/search-entries")
    assert frozenset() == catalog.properties("/blogs.blogsentry/get-bare")  # what implements an interface may have more


def test_reads_are_known_by_the_catalog():
    """Whether a service reads is what the catalog says of its verb, not its name; of what it does not list, nothing."""
    catalog = _parsed(_NEW)
    assert True is catalog.is_read("/blogs.blogsentry/search-entries")
    assert None is catalog.is_read("/blogs.other/get-entries")
    old = _parsed(_OLD)
    assert False is old.is_read("/group/add-group")
    assert True is old.is_read("/group/get-group.2")
    assert True is old.is_read("/group/get-group.9")  # no such overload: what the others say
    assert None is old.is_read("/group.x/get")
    assert {"/group/add-group": False, "/group/get-group": True}.items() <= old.reads.items()


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["group_id"], 1),
        (["name", "group_id"], 2),
        (["name"], None),
        ([], None),
        (["group_id", "nope"], None),
    ],
)
def test_find_tells_overloads_apart(names, count):
    """Overloads are told apart by the names of their parameters, all of which must be there."""
    found = _parsed(_OLD).find("/group/get-group", names)
    assert count == (found and len(found.parameters))


def test_find_does_without_what_the_portal_sets():
    """A service context need not be given, and on 7.x nor who calls; of overloads that fit, the smallest is taken."""
    catalog = _parsed(_OLD)
    assert catalog.find("/group/add-group", ["name"]) is not None
    assert catalog.find("/group/add-group", ["service_context"]) is None
    assert catalog.find("/nope/nope", []) is None
    user = {"userId": "long", "companyId": "long", "serviceContext": "x"}
    actions = [
        {"method": "GET", "path": "/a/get", "response": "int", "parameters": [{"name": n, "type": t} for n, t in some]}
        for some in ([*user.items()], [*user.items()][:2], [*user.items()][1:])
    ]
    assert _parsed({"actions": actions}).find("/a/get", []) is None
    modern = [action | {"returns": {"type": "int"}} for action in actions]
    assert 2 == len(_parsed({"services": modern}).find("/a/get", []).parameters)


def test_merged_adds_what_is_new():
    """Catalogs of several contexts of a portal become one; the later one counts where both list the same."""
    old, new, old_actions = _parsed(_OLD), _parsed(_NEW), _OLD["actions"]
    both = old.merged([new, new])
    assert len(old.actions) + len(new.actions) == len(both.actions)
    assert both.is_modern
    again = old.merged([_parsed({"actions": old_actions[:1], "context": ""})])
    assert 1 == len(again.actions)  # what was asked last counts for the whole context
    assert {"", "blogs"} == both.contexts
    assert ("7.1.3", 2) == (both.version, len(both.types))
    assert old.merged([]).actions == old.actions


@pytest.mark.parametrize(
    ("returns", "inner"),
    [
        ("object<a.B>", "a.B"),
        ("list<a.B>", "a.B"),
        ("list<object<a.B>>", "a.B"),
        ("a.B", "a.B"),
        ("a.B[]", "a.B"),
        ("object<list>", "list"),
        ("java.util.List<a.B>", "a.B"),
        ("map<string,a.B>", "map<string,a.B>"),
        ("void", "void"),
    ],
)
def test_element_type(returns, inner):
    """The class whose properties a result shows is the one inside of a list, an array or `object<>`."""
    assert inner == element_type(returns)


def _broken(change):
    document = json.loads(json.dumps(_OLD))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('202{"actions":[]}', "begins with '202{"),
        ("<html>", "begins with '<html>'"),
        (b"\xff\xfe", "a discovery answers JSON"),
        ("[]", "a JSON object, not '[]'"),
        ('{"exception":"x"}', 'has neither: \'{"exception":"x"}\'; the portal refused it'),
        ('{"a":1}', "has 'actions' or 'services', and this has neither"),
        ('{"actions":{}}', "'actions' of a discovery is a list, not dict"),
        ('{"services":[],"types":5}', "'types' of a discovery is a list, not int"),
        ('{"services":[5]}', "services[0]: Input should be a valid dictionary"),
        ('{"services":[{"path":"/a/b","method":"GET"}]}', "services[0].returns.type: Input should be a valid string"),
        ('{"services":[{"path":"/a/b","method":"GET","returns":{}}]}', "services[0].returns.type"),
        ('{"services":[{"path":"a/b","method":"GET","returns":{"type":"int"}}]}', "services[0].path: String should match"),
        ('{"services":[{"path":"/a/b","method":"GET","returns":null}]}', "services[0].returns.type"),
        ('{"services":[],"types":[{"properties":[]}]}', "types[0].type: Field required"),
        (_broken(lambda it: it["actions"][0].pop("path")), "actions[0].path: Field required"),
        (_broken(lambda it: it["actions"][1]["parameters"][0].pop("type")), "actions[1].parameters[0].type: Field required"),
        (_broken(lambda it: it["actions"][1].update(method=5, path=3)), "(2 problems in all)"),
    ],
)
def test_parse_names_the_place(text, told):
    """A broken document is refused with the place where it is broken; a refusal or a web page is told as such."""
    with pytest.raises(CatalogError, match=re.escape(told)):
        parse(text)


def test_parse_takes_what_is_empty():
    """A portal without services, or with parts left out, has an empty catalog."""
    assert () == parse('{"actions": []}').actions
    assert () == parse(b'{"services": [], "types": null, "version": null}').types


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["actions", "services", "types", "path", "method", "parameters", "returns", "type", "name"]),
                inner,
            )
        ),
    )
)
def test_parse_never_fails_otherwise(document):
    """Whatever JSON comes, the answer is a catalog or a CatalogError."""
    with contextlib.suppress(CatalogError):
        assert isinstance(parse(json.dumps(document)), Catalog)


def test_shipped_catalogs():
    """Five catalogs come with the library; together they take less than 400 kB."""
    sizes = {version: len(catalogs.shipped(version).actions) for version in catalogs.KNOWN}
    assert {"6.2": 1198, "7.0": 1299, "7.1": 1431, "7.2": 1740, "7.3": 2868} == sizes
    assert catalogs.shipped("7.4") is catalogs.shipped("7.3")
    assert catalogs.shipped(6205) is catalogs.shipped("6.2")
    assert isinstance(catalogs.shipped("7.0").actions[0], Action)


def test_parse_takes_what_is_unusual():
    """An unknown verb may write; what is null counts as left out; a path that no command can name is told, and skipped."""
    action = {"method": "get", "path": "/a/b", "response": "int", "parameters": None, "description": None}
    patch = {"method": "PATCH", "path": "/a/c", "response": "int"}
    catalog = _parsed({"actions": [action, patch, {**action, "path": "/single"}, {**action, "path": "/a/v1/b"}]})
    assert [True, False] == [each.is_read for each in catalog.actions]
    assert ("", ()) == (catalog.actions[0].description, catalog.actions[0].parameters)
    assert ("/single", "/a/v1/b") == catalog.skipped


def test_overloads_of_equal_names_keep_their_verbs():
    """Overloads may differ in types alone: none is lost when catalogs are merged, and a write among them counts."""
    document = {
        "services": [
            {"method": verb, "path": "/foo/do", "parameters": [{"name": "id", "type": kind}], "returns": {"type": "int"}}
            for verb, kind in (("POST", "long"), ("GET", "string"))
        ]
    }
    catalog = _parsed(document)
    assert False is catalog.is_read("/foo/do")
    assert False is catalog.merged([]).is_read("/foo/do")
    assert False is catalog.merged([_parsed(_NEW)]).is_read("/foo/do")
