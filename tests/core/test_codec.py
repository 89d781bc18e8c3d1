"""Commands as bytes."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aioliferay._core import codec
from aioliferay._core.encoding import write
from aioliferay._core.messages import RawParams, Reference

_PLAIN_PATH = re.compile(r"\A/([-\w]+\.)*[-\w]+/[-\w]+(\.\d+)?\Z", re.ASCII)
_PLAIN_NAME = re.compile(r"\A[A-Za-z_]\w*\Z", re.ASCII)
_USER_ID = Reference("call", "userId")

# Arbitrary text, and text made of what the statement language is made of (`protocol.md` A.4, A.5).
_FOREIGN = (
    st.text() | st.text(st.sampled_from("abZ9_-./$@+:=[],{} \"'\n\r\t\\\x00\u00e9\uff0f")) | st.from_regex(_PLAIN_PATH)
)
_VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "path",
    [
        "/user/get-user-by-id",
        "/blogs.blogsentry/delete-entry",
        "/suprasurf-portlet.surfboard/hello-world",
        "/group/get-group.2",
        "/foo/test-add-class-name_-rollback",
        "/a.b.c/d",
    ],
)
def test_command_path(path):
    """Paths of every generation are taken as they are: core, context, plugin, overload by count, underscore."""
    assert json.loads(codec.command(path).statement) == {path: {}}


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "user/get", "/user", "/user/", "//get", "/user/get/", "/user/get/user-id/1", "/user/get?x=1", "/user/get#x",
        " /user/get",
        "/user/get ", "/user/get\n", "$a = /user/get", "/user/get = /role/get", "/us er/get", "/user/get.x",
        "/user/get.", "/.user/get", "/user./get", "/a..b/get", "/../get", "/us\u00e9r/get", "/user/get.\u0662",
        "/user\uff0fget",
    ],
)  # fmt: skip
def test_command_refuses_a_path(path):
    """A path that is not exactly one service's is refused at the line of the call, and the text says what it should be."""
    with pytest.raises(ValueError, match="is not of the form '/service/method'"):
        codec.command(path)


@pytest.mark.parametrize("path", [None, 7, b"/user/get", ["/user/get"]])
def test_command_refuses_a_path_that_is_no_text(path):
    """A path is text."""
    with pytest.raises(TypeError, match="the path must be text such as '/user/get-user-by-id', not "):
        codec.command(path)


@pytest.mark.parametrize(
    "name",
    ["", "a b", "$x", "$x = /a/b", "@p", "+p", "-p", "p.q", "p:java.lang.String", "a=b", "1a", "\u00e9", "a\n", "p[0]"],
)
def test_command_refuses_a_parameter_name(name):
    """A name that is more than a plain name is refused, with path and name, unless it stands in `RawParams`."""
    with pytest.raises(ValueError, match=re.escape(f"/a/b: {name!r} is not a plain parameter name")):
        codec.command("/a/b", {"fine": 1, name: 2})
    assert json.loads(codec.command("/a/b", RawParams({name: 2})).statement) == {"/a/b": {name: 2}}


@pytest.mark.parametrize("name", [1, None, b"x", ("a",)])
def test_command_refuses_a_parameter_name_that_is_no_text(name):
    """A name is text, also in `RawParams`."""
    for params in ({name: 1}, RawParams({name: 1})):
        with pytest.raises(TypeError, match=re.escape(f"/a/b: the name of a parameter must be text, not {name!r}")):
            codec.command("/a/b", params)


@pytest.mark.parametrize("params", [[("a", 1)], "a=1", 7, {"a"}])
def test_command_refuses_parameters_that_are_no_mapping(params):
    """Parameters are a mapping."""
    with pytest.raises(TypeError, match="/a/b: the parameters must be a mapping of names to values, not "):
        codec.command("/a/b", params)


def test_command_takes_any_mapping():
    """Any mapping will do, not only a dictionary."""
    assert json.loads(codec.command("/a/b", MappingProxyType({"x": 1})).statement) == {"/a/b": {"x": 1}}


@given(_FOREIGN)
@example("$x[a] = /user/get-user-by-id")
def test_command_path_is_refused_or_plain(path):
    """Whatever text is given as a path, it is refused, or names one service and nothing else."""
    try:
        command = codec.command(path, {"x": 1})
    except ValueError:
        return
    assert _PLAIN_PATH.match(path)
    assert json.loads(command.statement) == {path: {"x": 1}}


@given(st.dictionaries(_FOREIGN, _VALUES))
@example({"$x = /user/delete-user": {"userId": 1}})
def test_command_names_are_refused_or_plain(params):
    """Whatever text is given as names, they are refused, or are plain: no second service, no class, no null by sign."""
    try:
        command = codec.command("/a/b", params)
    except ValueError:
        return
    assert all(_PLAIN_NAME.match(name) for name in params)
    assert json.loads(command.statement) == {"/a/b": params}


@given(st.lists(_FOREIGN))
@example(["firstName] = /user/delete-user"])
def test_command_selection_is_refused_or_plain(names):
    """Whatever text is given to `select=`, it is refused, or is a list of plain names."""
    try:
        command = codec.command("/a/b", select=names)
    except ValueError:
        return
    assert names
    assert all(_PLAIN_NAME.match(name) for name in names)
    assert json.loads(command.statement) == {f"$it[{','.join(names)}] = /a/b": {}}


@given(st.dictionaries(st.from_regex(_PLAIN_NAME), _VALUES | st.dictionaries(_FOREIGN, _VALUES), max_size=4))
def test_command_values_never_become_syntax(params):
    """Values travel as values, also where their keys look like statements."""
    try:
        command = codec.command("/a/b", params)
    except ValueError as error:
        assert "UTF-8" in str(error)  # noqa: PT017 - the only reason left to refuse
        return
    assert json.loads(command.statement) == {"/a/b": params}


def test_command_selection():
    """`select=` becomes the portal's white-list, in the order given; any sequence of names will do."""
    assert codec.command("/a/b", select=["x", "y"]).statement == b'{"$it[x,y] = /a/b":{}}'
    assert codec.command("/a/b", select=(name for name in "xy")).select == ("x", "y")
    assert codec.command("/a/b").select == ()


@pytest.mark.parametrize(
    ("select", "error", "text"),
    [
        ("firstName", TypeError, "takes a list of property names"),
        ([1], TypeError, "takes a list of property names"),
        ([], ValueError, "names no property"),
        (iter([]), ValueError, "names no property"),
        (["a", "b.c"], ValueError, "'b.c' in select= is not a plain property name"),
    ],
)
def test_command_refuses_a_selection(select, error, text):
    """A selection that would cut everything away, or is a single text, is refused with path and remedy."""
    with pytest.raises(error, match=re.escape(text)) as caught:
        codec.command("/a/b", select=select)
    assert str(caught.value).startswith("/a/b: ")


@pytest.mark.parametrize(
    ("is_read", "path"),
    [
        (True, "/user/get-user-by-id"),
        (True, "/group/has-user-group"),
        (True, "/x/is-y.2"),
        (True, "/x/get"),
        (True, "/blogs.blogsentry/get-entry"),
        (False, "/blogsentry/delete-entry"),
        (False, "/x/getaway"),
        (False, "/x/issue-token"),
        (False, "/get-x/add-y"),
        (False, "/x/add-get-is"),
    ],
)
def test_command_is_read(is_read, path):
    """`get*`, `has*` and `is*` only read; every other method may write."""
    assert is_read is codec.command(path).is_read


def test_command_is_read_as_declared():
    """What the caller declares counts more than the name; a raw parameter may hide a write, so nothing is assumed there."""
    declared = codec.command("/x/add-y", idempotent=True)
    assert declared.is_repeatable
    assert not declared.is_read  # it still keeps its order among the writes
    assert not codec.command("/x/get-y", idempotent=False).is_repeatable
    assert not codec.command("/x/get-y", RawParams()).is_repeatable
    assert codec.command("/x/get-y", RawParams(), idempotent=True).is_repeatable


def test_command_names_path_and_parameter_of_a_bad_value():
    """A value that cannot be encoded fails at the line of the call, with path and parameter, also beside a reference."""
    with pytest.raises(TypeError, match=re.escape("/a/b: parameter 'x' has a value that cannot be sent")):
        codec.command("/a/b", {"x": object()})
    with pytest.raises(ValueError, match=re.escape("/a/b: parameter 'x' is out of the range of a long")):
        codec.command("/a/b", {"userId": _USER_ID, "x": 2**63})
    with pytest.raises(ValueError, match="UTF-8 cannot carry"):
        codec.command("/a/b", {"userId": _USER_ID, "x": "\ud800"})


class _Hostile:
    """A mapping-like object whose reading fails in an unusual way."""

    def __iter__(self):
        return iter(["x"])

    def items(self):
        return b"\xff".decode()


def test_command_with_a_broken_mapping():
    """Whatever reading the parameters raises arrives as itself or as a ValueError with the path."""
    with pytest.raises(ValueError, match="codec can't decode byte"):
        codec.command("/a/b", _Hostile())


def test_command_with_references_waits():
    """A command with references is not encoded before they are known; it says whose results it needs."""
    waiting = codec.command("/a/get-b", {"userId": _USER_ID, "n": 1}, select=["x"])
    assert waiting.statement == b""
    assert [_USER_ID] == waiting.references
    assert waiting.is_read
    ready = codec.bind(waiting, {"userId": "20199"})
    assert json.loads(ready.statement) == {"$it[x] = /a/get-b": {"userId": "20199", "n": 1}}
    assert (None, [], ("x",), True) == (ready.params, ready.references, ready.select, ready.is_read)


def test_command_with_references_is_a_copy():
    """What the caller does to its own parameters later changes nothing: no other values, no code."""
    params = {"userId": _USER_ID, "ids": [1]}
    waiting = codec.command("/a/b", params)
    params["$x = /user/delete-user"] = {}
    params["ids"].append(2)
    assert json.loads(codec.bind(waiting, {"userId": 7}).statement) == {"/a/b": {"userId": 7, "ids": [1]}}


def test_command_with_a_reference_in_raw_params():
    """References work beside raw names, which keep their meaning."""
    waiting = codec.command("/a/b", RawParams({"+x": "java.util.Date", "userId": _USER_ID}))
    assert json.loads(codec.bind(waiting, {"userId": 7}).statement) == {"/a/b": {"+x": "java.util.Date", "userId": 7}}


def test_bind_encodes_what_a_result_holds():
    """A property that is a list, or nothing, is filled in as it came."""
    waiting = codec.command("/a/b", {"x": _USER_ID})
    assert codec.bind(waiting, {"x": [1, None]}).statement == b'{"/a/b":{"x":[1,null]}}'
    with pytest.raises(ValueError, match="/a/b: parameter 'x' is out of the range"):
        codec.bind(waiting, {"x": 2**64})


def test_bind_of_a_ready_command():
    """A command without references takes further parameters too."""
    assert codec.bind(codec.command("/a/b"), {"x": 1}).statement == b'{"/a/b":{"x":1}}'


@given(st.lists(st.dictionaries(st.from_regex(_PLAIN_NAME), _VALUES, max_size=3), max_size=6))
def test_encode_is_an_array_with_one_key_a_statement(many):
    """Any number of calls is an array of that length, each element with exactly one key, the path."""
    body = codec.encode([codec.command(f"/a/b-{number}", params) for number, params in enumerate(many)])
    assert [{f"/a/b-{number}": params} for number, params in enumerate(many)] == json.loads(body)


def test_encode_values_of_liferay_types():
    """Dates, bytes and UUIDs travel in the portal's forms; text is UTF-8, not escapes."""
    params = {"at": dt.date(1970, 1, 2), "bytes": b"\x00\xff", "uuid": uuid.UUID(int=1), "name": "Zo\u00eb"}
    expected = '{"/a/b":{"at":86400000,"bytes":"[0,-1]","uuid":"00000000-0000-0000-0000-000000000001","name":"Zo\u00eb"}}'
    assert expected.encode() == codec.command("/a/b", params).statement


@pytest.mark.parametrize("name", ["x", "a b", '"'])
def test_reference_inside_of_a_property(name):
    """A reference goes on to properties of a property, tells whether every element is meant, and reads as written."""
    reference = Reference("call", "group", is_each=True)[name]["url"]
    assert ("call", "group", True, (name, "url")) == (reference.source, reference.name, reference.is_each, reference.inner)
    assert f"'call'.each['group'][{name!r}]['url']" == repr(reference)
    assert ["x"] == [found.name for found in codec.command("/a/b", {"y": Reference("call", "x")["z"]}).references]


@pytest.mark.parametrize("name", [0, None, slice(1)])
def test_reference_names_properties(name):
    """A property has a name; a list is no property's, and is not gone through by accident."""
    with pytest.raises(
        TypeError, match=re.escape(f"a reference names a property: 'call'['userId']['name'], not [{name!r}]")
    ):
        _USER_ID[name]
    with pytest.raises(TypeError, match="not iterable"):
        iter(_USER_ID)


def test_command_is_raw():
    """A command remembers whether its names may be code, also when it waits for results."""
    for params in ({"x": 1}, {"x": _USER_ID}):
        assert not codec.command("/a/b", params).is_raw
        assert codec.command("/a/b", RawParams(params)).is_raw
        assert codec.bind(codec.command("/a/b", RawParams(params)), {"x": 1}).is_raw


def test_bind_some_of_the_references():
    """What is known is filled in and checked at once; the rest stays open, and so does everything else."""
    other = Reference("other", "x", is_each=True)
    waiting = codec.command("/a/get-b", {"userId": _USER_ID, "n": 1, "x": other}, select=["x"], idempotent=True)
    part = codec.bind(waiting, {"userId": 7})
    assert ({"userId": 7, "n": 1, "x": other}, b"", [other]) == (part.params, part.statement, part.references)
    ready = codec.bind(part, {"x": 2})
    assert json.loads(ready.statement) == {"$it[x] = /a/get-b": {"userId": 7, "n": 1, "x": 2}}
    assert codec.bind(waiting, {"userId": 7, "x": 2}) == ready
    with pytest.raises(TypeError, match="/a/get-b: parameter 'userId' has a value that cannot be sent"):
        codec.bind(waiting, {"userId": object()})


_PARAMS = st.dictionaries(st.from_regex(_PLAIN_NAME), st.integers(-9, 9) | st.just("it] = /x"), max_size=3)
_SELECTS = st.lists(st.from_regex(r"\A[a-z]{1,3}\Z"), max_size=3)


@given(_PARAMS, _SELECTS, _SELECTS, st.booleans())
def test_relisted(params, select, listed, is_waiting):
    """Another white-list, or none, takes the place of the old one, also while references are open; all else stays."""
    command = codec.command("/a/b", {**params, "ref": _USER_ID} if is_waiting else params, select=select or None)
    other = codec.relisted(command, tuple(listed))
    assert (tuple(select), tuple(listed)) == (other.select, other.listed)
    ready = codec.bind(other, {"ref": 1}) if is_waiting else other
    key = f"$it[{','.join(listed)}] = /a/b" if listed else "/a/b"
    assert json.loads(ready.statement) == {key: {**params, "ref": 1} if is_waiting else params}
    assert codec.relisted(other, command.listed) == command


@given(_PARAMS, _SELECTS, st.booleans())
def test_literal(params, select, is_waiting):
    """The parameters that are no references are an encoded object by themselves, whatever the white-list is."""
    references = {"ref": _USER_ID, "more": _USER_ID["x"]} if is_waiting else {}
    command = codec.command("/a/b", {**params, **references}, select=select or None)
    assert params == json.loads(codec.literal(command, {}))
    assert params == json.loads(codec.literal(codec.relisted(command, ("z",)), {}))
    if is_waiting:
        assert {**params, "more": [None]} == json.loads(codec.literal(command, {"more": [None]}))


def test_literal_of_a_value_that_cannot_be_sent():
    """What a result holds is checked like any value, with path and parameter."""
    waiting = codec.command("/a/b", {"x": _USER_ID})
    with pytest.raises(ValueError, match="/a/b: parameter 'x' is out of the range"):
        codec.literal(waiting, {"x": 2**64})
    with pytest.raises(TypeError, match="/a/b: parameter 'x' has a value that cannot be sent"):
        codec.literal(waiting, {"x": object()})


def test_what_is_remembered_is_bounded(monkeypatch):
    """However many paths and names a program makes up, not more than some thousand are kept."""
    codec.command("/remembered/get-it", {"remembered": 1, "serviceContext": {}})
    form = codec.forms["/remembered/get-it"]
    assert (form.path, form.is_read, form.of_number.keys()) == ("/remembered/get-it", True, {"remembered"})
    monkeypatch.setattr(codec, "_MOST_NAMES", 2)
    codec.command("/remembered/get-it", {"more": 1, "forgotten": 2, "lost": 3})
    assert codec.forms["/remembered/get-it"] is form
    assert len(form.of_number) == 2
    monkeypatch.setattr(codec, "_MOST_PATHS", 0)
    codec.command("/forgotten/get-it", {"forgotten": 1})
    assert "/forgotten/get-it" not in codec.forms


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_statements_of_numbers_are_those_of_commands(numbers):
    """However statements are written that have one number each, they are what a command's statement is."""
    commands = [codec.command("/a/get-b", {"x": number}) for number in numbers]
    form = codec.forms["/a/get-b"].of_number["x"]
    assert [form.statement(number) for number in numbers] == [command.statement for command in commands]
    assert b"[%b]" % form.statements(numbers, write) == codec.encode(commands)
