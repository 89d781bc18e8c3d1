"""A nest as one statement, and its result. The portal's part is played by `_Portal`, which knows of a statement what
`protocol.md` A.4 says, and nothing of this library.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core import codec
from aioliferay._core.messages import Reference
from aioliferay._core.nesting import MISSING, Bare, Flag, command_of, found, results_of, selected
from aioliferay._core.plan import Need, Nest, Planned, plan

_NAMES = ["a", "b", "c"]


class _Portal:
    """Runs one statement: nested ones per element of a list, in any order, with properties of what stands above them."""

    def __init__(self, services, order=list):
        self._services = services
        self._order = order

    def run(self, statement):
        ((key, body),) = json.loads(statement).items()
        return self._run(key, body, {})

    def _run(self, key, body, above):
        head, _, path = key.partition(" = ")
        name, bracket, listed = head.partition("[")
        params = {param: value for param, value in body.items() if param[0] not in "@$"}
        for param, flag in body.items():
            if param[0] == "@":
                source, _, wanted = flag.partition(".")
                params[param[1:]] = above[source][wanted]  # what the white-list hides is not there
        result = self._services[path](params)
        if bracket:
            result = _cut(result, listed.removesuffix("]").split(","))
        for child in self._order([key for key in body if key[0] == "$"]):
            result = self._nested(name, result, child, body[child], above)
        return result

    def _nested(self, name, result, key, body, above):
        if isinstance(result, list):
            return [self._nested(name, item, key, body, above) for item in result]
        value = self._run(key, body, above | {name: result})
        return result | {key[1:].partition("[")[0].partition(" = ")[0]: value}


def _cut(result, names):
    if isinstance(result, list):
        return [_cut(item, names) for item in result]
    return {name: result.get(name) for name in names}


class _Told(NamedTuple):
    """A call: what the planner is told, the properties it is cut down to, whether its result is a list, its references."""

    planned: Planned
    select: list[str]
    size: int | None
    references: list[tuple[Need, str]]

    def serve(self, position, params):
        """Return a result in which every property tells whose it is."""
        return _listed(self.size, lambda place: {name: f"{position}{place}{name}{params}" for name in _NAMES})


def _listed(size, make):
    return make("") if size is None else [make(f"#{place}") for place in range(size)]


@st.composite
def graphs(draw):
    """Draw calls that refer to one another, often to the one before."""
    calls = []
    for position in range(draw(st.integers(2, 8))):
        earlier = st.just(position - 1) | st.integers(0, position - 1) if position else st.nothing()
        parents = sorted(draw(st.sets(earlier, max_size=2))) if position else []
        needs = [Need(parent, calls[parent].size is not None) for parent in parents]
        if draw(st.integers(0, 9)) == 9:  # whoever wrote it took a list for something else, or the other way round
            needs = [need._replace(is_each=not need.is_each) for need in needs]
        names = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2, unique=True)
        references = [(need, name) for need in needs for name in draw(names)]
        select = draw(st.just([]) | names)
        is_read = draw(st.sampled_from([True, True, False]))
        is_fan = any(need.is_each for need in needs)
        size = draw(st.sampled_from([None, None, None, 0, 1, 3]))
        calls.append(_Told(Planned(needs, is_read, bool(select), not is_fan), select, size, references))
    return calls


def _bare(calls, position, inside):
    """Return a call as the shell hands it over: its white-list has what others in the nest refer to."""
    told = calls[position]
    wanted = [name for other in inside for need, name in calls[other].references if need.parent == position]
    flags = [Flag(f"{name}{need.parent}", need.parent, name) for need, name in told.references if need.parent in inside]
    verb = "get" if told.planned.is_read else "add"
    command = codec.command(f"/s/{verb}-{position}", {"own": position}, select=told.select or None)
    if told.select:
        command = codec.relisted(command, tuple(dict.fromkeys([*told.select, *wanted])))
    return Bare(command, codec.literal(command, {}), flags)


def _alone(calls, position, inside):
    """Return what a call of a nest would return if it came after the others, one statement each; in full."""
    told = calls[position]
    params: dict[str, Any] = {"own": position}
    lists = {}
    for need, name in told.references:
        if need.parent not in inside:
            continue
        result = _alone(calls, need.parent, inside)
        if result is MISSING or isinstance(result, list) != need.is_each:
            return MISSING
        if need.is_each:
            lists[f"{name}{need.parent}"] = [item[name] for item in result]
        else:
            params[f"{name}{need.parent}"] = result[name]
    if not lists:
        return told.serve(position, _sorted(params))
    return [
        told.serve(position, _sorted(params | dict(zip(lists, row, strict=True))))
        for row in zip(*lists.values(), strict=True)
    ]


def _sorted(params):
    return dict(sorted(params.items()))


def _nests(calls, max_nested=50):
    planned = plan([told.planned for told in calls], max_nested)
    return [entry for stage in planned.stages for entry in stage if isinstance(entry, Nest)]


@given(graphs(), st.sampled_from([list, reversed]), st.sampled_from([1, 2, 50]))
def test_nest_round_trip(calls, order, max_nested):
    """From the answer to a nest each call gets what it would have got alone, whatever the order in which siblings run."""
    services = {
        f"/s/{'get' if told.planned.is_read else 'add'}-{position}": lambda params, told=told, position=position: told.serve(
            position, _sorted(params)
        )
        for position, told in enumerate(calls)
    }
    for nest in _nests(calls, max_nested):
        inside = {nest.root.call, *nest.root.calls()}
        command = command_of(nest, {position: _bare(calls, position, inside) for position in inside})
        results = [(call, result) for call, _, result in results_of(nest, _Portal(services, order).run(command.statement))]
        assert [position for position, _ in results] == list(nest.root.calls())
        for position, result in results:
            expected = _alone(calls, position, inside)
            select = calls[position].select
            assert (selected(expected, select) if select else expected) == (selected(result, select) if select else result)


@given(graphs())
def test_nest_as_a_command(calls):
    """A nest says that it is one, and how many results it brings; it may go again only if each of its calls may."""
    for nest in _nests(calls):
        inside = sorted({nest.root.call, *nest.root.calls()})
        command = command_of(nest, {position: _bare(calls, position, inside) for position in inside})
        are_reads = [calls[position].planned.is_read for position in inside]
        assert (True, len([*nest.root.calls()]), all(are_reads)) == (command.is_nest, command.calls, command.is_read)
        assert (None, (), ()) == (command.params, command.select, command.listed)
        assert all(are_reads) == command.is_repeatable
        assert codec.encode([command]) == b"[%b]" % command.statement


def _call(path, params=None, flags=(), select=None, **options):
    """Return a call to be nested, and what the planner is told of it."""
    references = {flag.parameter: Reference("call", flag.name) for flag in flags}
    command = codec.command(path, {**(params or {}), **references}, select=select)
    needs = [Need(flag.source, **options) for flag in flags]
    return Bare(command, codec.literal(command, {}), list(flags)), Planned(needs, is_selected=bool(select))


_USER = _call("/user/get-user-by-id", {"userId": 7}, select=["screenName", "contactId"])
_WHOLE_USER = _call("/user/get-user-by-id", {"userId": 7})
_CONTACT = _call("/contact/get-contact", flags=[Flag("contactId", 0, "contactId")], select=["birthday"])


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (
            [_USER, _CONTACT],
            (
                '{"$1[screenName,contactId] = /user/get-user-by-id":{"userId":7,'
                '"$2[birthday] = /contact/get-contact":{"@contactId":"$1.contactId"}}}'
            ),
        ),
        (
            [_WHOLE_USER, _CONTACT],
            (
                '{"$1[contactId] = /user/get-user-by-id":{"userId":7,'
                '"$2[birthday] = /contact/get-contact":{"@contactId":"$1.contactId"}}}'
            ),
        ),
        (
            [_WHOLE_USER, _call("/contact/get-contact", {"x": [1]}, [Flag("contactId", 0, "contactId")]), _CONTACT],
            (
                '{"$1[contactId] = /user/get-user-by-id":{"userId":7,'
                '"$2 = /contact/get-contact":{"x":[1],"@contactId":"$1.contactId"},'
                '"$3[birthday] = /contact/get-contact":{"@contactId":"$1.contactId"}}}'
            ),
        ),
        (
            [
                _call("/group/get-user-sites", select=["name"]),
                _call("/company/get-company-by-id", flags=[Flag("companyId", 0, "companyId")], is_each=True),
            ],
            (
                '{"$1[name,companyId] = /group/get-user-sites":{'
                '"$2 = /company/get-company-by-id":{"@companyId":"$1.companyId"}}}'
            ),
        ),
        (
            [
                _WHOLE_USER,
                _call("/a/get-b", {"z": 1}, [Flag("userId", 0, "userId")]),
                _call("/a/get-c", flags=[Flag("x", 1, "bId"), Flag("y", 0, "userId")]),
            ],
            (
                '{"$1[userId] = /user/get-user-by-id":{"userId":7,"$2 = /a/get-b":{"z":1,"@userId":"$1.userId"},'
                '"$3[bId] = /a/get-b":{"z":1,"@userId":"$1.userId","$4 = /a/get-c":{"@x":"$3.bId","@y":"$1.userId"}}}}'
            ),
        ),
    ],
    ids=["in-white-list", "in-full", "siblings", "per-element", "grandchild"],
)
def test_nest_statement(calls, expected):
    """The white-list of what hosts others has what they refer to; a call wanted in full stands there once more for them."""
    stages = plan([planned for _, planned in calls], 50).stages
    (nest,) = [entry for stage in stages for entry in stage if isinstance(entry, Nest)]
    assert expected == command_of(nest, {position: bare for position, (bare, _) in enumerate(calls)}).statement.decode()


def test_nest_of_idempotent_writes_is_repeatable():
    """A nest may go again if each of its calls may, a declared write too."""
    calls = [Planned((), is_read=False, is_selected=True), Planned((Need(0),), is_read=False)]
    ((nest,),) = plan(calls, 9).stages
    for is_idempotent in (True, False):
        first = codec.command("/a/add-b", {}, select=["bId"], idempotent=is_idempotent)
        second = codec.command("/a/update-b", {"bId": Reference("call", "bId")}, idempotent=True)
        bare = {0: Bare(first, b"{}", []), 1: Bare(second, b"{}", [Flag("bId", 0, "bId")])}
        command = command_of(nest, bare)
        assert (False, is_idempotent) == (command.is_read, command.is_repeatable)


def _chain(*needs, is_selected=True):
    """Return a nest of calls, each in the one before."""
    calls = [Planned((), is_selected=is_selected), *(Planned((need,), is_selected=True) for need in needs)]
    (nest,) = [entry for entry in plan(calls, 50).stages[0] if isinstance(entry, Nest)]
    return nest


@pytest.mark.parametrize(
    ("nest", "value", "expected"),
    [
        (_chain(Need(0)), {"a": 1, "2": 5}, [{"a": 1}, 5]),
        (_chain(Need(0), Need(1)), {"a": 1, "2": {"b": 2, "3": None}}, [{"a": 1}, {"b": 2}, None]),
        (_chain(Need(0), Need(1)), {"a": 1}, [{"a": 1}, MISSING, MISSING]),
        (_chain(Need(0)), None, [None, MISSING]),
        (_chain(Need(0)), [{"2": 5}], [[{}], MISSING]),
        (_chain(Need(0, is_each=True)), [{"a": 1, "2": 5}, {"a": 3, "2": 7}], [[{"a": 1}, {"a": 3}], [5, 7]]),
        (_chain(Need(0, is_each=True)), [[{"2": 5}], []], [[[{}], []], [[5], []]]),
        (_chain(Need(0, is_each=True)), [{"2": 5}, {}], [[{}, {}], MISSING]),
        (_chain(Need(0, is_each=True)), [{"2": 5}, None], [[{}, None], MISSING]),
        (_chain(Need(0, is_each=True)), {"a": 1, "2": 5}, [{"a": 1}, MISSING]),
        (_chain(Need(0, is_each=True)), [], [[], []]),
        (_chain(Need(0), is_selected=False), {"a": 1, "2": 5}, [5]),
    ],
)
def test_results_of(nest, value, expected):
    """Each call gets its own result without traces of others; what is not there, or has another form, is missing."""
    assert expected == [result for _, _, result in results_of(nest, value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1, "b": 2, "z": 3}, {"b": 2, "a": 1}),
        ({"a": 1}, {"b": None, "a": 1}),
        ([{"a": 1, "b": 2}, {}], [{"b": 2, "a": 1}, {"b": None, "a": None}]),
        ([[{"b": 2}], None], [[{"b": 2, "a": None}], None]),
        ([], []),
        (7, {"b": None, "a": None}),
        (None, None),
        (MISSING, MISSING),
    ],
)
def test_selected(value, expected):
    """A result is cut down as the portal does it: an unknown name comes as None, of a list each element is cut."""
    assert expected == selected(value, ["b", "a"])
    assert not isinstance(value, dict) or ["b", "a"] == list(selected(value, ["b", "a"]))


@pytest.mark.parametrize(
    ("value", "names", "expected"),
    [
        ({"a": {"b": 1}}, ["a"], {"b": 1}),
        ({"a": {"b": 1}}, ["a", "b"], 1),
        ({"a": None}, ["a"], None),
        ({"a": None}, ["a", "b"], MISSING),
        ({"a": 1}, ["b"], MISSING),
        ([{"a": 1}], ["a"], MISSING),
        ("text", ["a"], MISSING),
        (None, ["a", "b"], MISSING),
        (7, [], 7),
    ],
)
def test_found(value, names, expected):
    """A property of a property is found from the outside in; null is a value, what is not there is missing."""
    assert expected == found(value, names)
