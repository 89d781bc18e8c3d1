"""Statements nested in others: references, white-lists, lists and inner properties."""

from __future__ import annotations

import asyncio
import json

import pytest
from engine_bench import Bench, foo_registry
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._invoker import Invoker
from aioliferay.testing._java import JavaError, Long, Model
from aioliferay.testing._statements import parse_statement

KEYS = [
    "$a = /foo/get-foo-data",
    "$b[id] = /foo/get-foo-datas",
    "/foo/bar",
    "list.$c = /foo/hello",
    "$p = ",
    "@id",
    "id",
    "-id",
    "$d = /foo/get-foo-data-page",
    "data.$x = /foo/get-foo-data",
]


@pytest.fixture
def registry():
    return foo_registry()


@pytest.fixture
def old(registry):
    return Bench(registry)


@pytest.fixture
def new(registry):
    return Bench(registry, "7.4")


@pytest.mark.parametrize("version", ["6.2", "7.4"])
@given(
    command=st.recursive(
        st.none() | st.integers() | st.text(),
        lambda deeper: (
            st.dictionaries(
                st.sampled_from(KEYS),
                deeper | st.sampled_from(["$a.id", "$b.id", "$d.list.id"]),
            )
            | st.lists(deeper, max_size=2)
        ),
    )
)
def test_invoke_of_any_statement(version, command):
    """Any nesting of statements has an answer that is JSON."""
    answer = Bench(foo_registry(), version).invoke(command)
    assert json.loads(answer.body) is not Ellipsis


def user(identity=1):
    return Model(
        "com.liferay.portal.model.User",
        {"userId": identity, "name": "u"},
        nested={"password": "secret", "group": Model("a.Group", {"groupId": 9}), "roleIds": [1]},
    )


@pytest.fixture
def users(registry):
    @registry.service("/user/get-user")
    def get_user(user_id: Long) -> Model:
        return user(user_id)

    @registry.service("/user/get-users")
    def get_users(count: int) -> list[Model]:
        return [user(number) for number in range(count)]

    @registry.service("/user/get-list")
    def get_list(id: Long) -> list[Long]:  # noqa: A002 # a name on the wire
        return [id]

    @registry.service("/user/get-lists")
    def get_lists() -> list[list[int]]:
        return [[1], []]

    @registry.service("/user/get-broken")
    def get_broken() -> Model:
        return Model("a.User", {"userId": 1}, nested={"group": JavaError("a.NoSuchGroupException", "no")})

    return registry


def test_hidden_getters_in_6_2(users):
    """6.2 hides a password in plain calls only: nested statements and white-lists show it."""
    bench = Bench(users)
    assert {"userId": 1, "name": "u"} == bench.result({"$u = /user/get-user": {"userId": 1}})
    assert {"password": "secret", "group": {"groupId": 9}} == bench.result(
        {"$u[password,group,roleIds] = /user/get-user": {"userId": 1}}
    )
    nested = bench.result({"$u = /user/get-user": {"userId": 1, "$h = /foo/hello": {}}})
    assert {"userId": 1, "name": "u", "password": "secret", "group": {"groupId": 9}, "h": "world"} == nested


def test_hidden_getters_in_7_x(users):
    """7.x shows no more in nested statements than in plain calls, yet references reach everything."""
    bench = Bench(users, "7.4")
    assert {"password": None} == bench.result({"$u[password] = /user/get-user": {"userId": 1}})
    nested = bench.result({"$u = /user/get-user": {"userId": 1, "$e = /edge/echo": {"@value": "$u.password"}}})
    assert {"userId": 1, "name": "u", "e": "secret"} == nested


def test_getter_that_fails(users):
    """A getter that throws fails any white-list, and no plain call."""
    bench = Bench(users)
    assert {"userId": 1} == bench.result({"/user/get-broken": {}})
    assert {
        "exception": "jodd.bean.BeanException",
        "message": "Getter failed: UserImpl#getGroup(); <--- a.NoSuchGroupException: no",
    } == bench.result({"$u[userId] = /user/get-broken": {}})


def test_nested_lists(users):
    """A nested statement runs once per element; 6.2 shows lists in it, 7.x drops them."""
    command = {"$u[userId] = /user/get-users": {"count": 2, "$l = /user/get-list": {"@id": "$u.userId"}}}
    assert [{"userId": 0, "l": [0]}, {"userId": 1, "l": [1]}] == Bench(users).result(command)
    assert [["userId"], ["userId"]] == [list(each) for each in Bench(users, "7.4").result(command)]
    command = {"$l = /user/get-lists": {"$h = /foo/hello": {}}}
    assert [[{"h": "world"}], []] == Bench(users).result(command)


def test_grandchildren_keep_the_first_reference(users):
    """Once a nested statement has run, what is nested in it keeps the references of the first round."""
    command = {
        "$u[userId] = /user/get-users": {
            "count": 2,
            "$v[name] = /user/get-user": {"userId": 5, "$e = /edge/echo": {"@value": "$u.userId"}},
        }
    }
    assert ["0", "0"] == [each["v"]["e"] for each in Bench(users).result(command)]


def test_inner_statements(old, new, registry):
    """A result may go inside a property, or each element of one."""
    command = {"$p[data,page] = /foo/get-foo-data-page": {"data.$x = /foo/hello": {}}}
    assert "world" == old.result(command)["data"]["x"]
    assert "world" == new.result(command)["data"]["x"]
    lists = {"/foo/get-foo-data-page": {"list.$x = /foo/hello": {}}}
    assert ["world"] * 3 == [each["x"] for each in old.result(lists)["list"]]
    command = {"$p = /foo/get-foo-data-page": {"list.$x = /foo/hello-world": {"@userId": "$p.page", "worldName": "w"}}}
    for bench in (old, Bench(registry, "7.0"), new):
        assert ["Welcome 3 to w"] * 3 == [each["x"] for each in bench.result(command)["list"]]


def test_inner_statements_with_nested_ones(old, new):
    """While a list is stepped into, a statement below its inner one finds no parent to step out of."""
    inner = {"@id": "$p.list.id", "$y = /foo/hello": {}}
    command = {"$p = /foo/get-foo-data-page": {"list.$x = /foo/get-foo-data": inner}}
    assert "java.lang.NullPointerException" == old.result(command)["exception"]
    assert "java.lang.NullPointerException" == new.result(command)["error"]["type"]


def test_inner_statements_of_two_levels(old, new):
    """Only one level of properties is possible."""
    command = {"$p[a] = /edge/get-map": {"data.x.$y = /foo/hello": {}}}
    assert "Map key not found: data" in old.result(command)["message"]
    for bench, text in [(old, "Only 1-level"), (new, "Inner properties with more than 1 level")]:
        with pytest.raises(JavaError, match=text):
            asyncio.run(bench_nest(bench))


async def bench_nest(bench):
    """Nest an inner statement that was not pushed, as no command can."""

    async def call(statement, place):
        return None

    version = bench.engine._version
    statement = parse_statement([], None, "$p = /foo/x", {"a.b.$y = /foo/y": {}}, version)
    await Invoker(version, call)._nest(statement.children[0], {})


def test_deep_references(old, new, registry):
    """References of several levels work up to 7.0."""
    command = {"$p = /foo/get-foo-data-page": {"$w = /foo/hello-world": {"@userId": "$p.data.id", "worldName": "d"}}}
    assert "Welcome 2 to d" == old.result(command)["w"]
    assert "Welcome 2 to d" == Bench(registry, "7.0").result(command)["w"]
    assert "No JSON web" in new.result(command)["exception"]


@pytest.mark.parametrize(
    ("key", "java_class", "text"),
    [
        ("[a] = /foo/hello", "java.lang.StringIndexOutOfBoundsException", "String index out of range: -1"),
        ("$a*b = /foo/hello", "java.lang.IllegalArgumentException", "a*b has special characters"),
    ],
)
def test_names_that_6_2_cannot_write(old, new, key, java_class, text):
    """6.2 runs the statement and then fails over its name; 7.x does not look at it."""
    assert {"exception": java_class, "message": text} == old.result({key: {}})
    assert ["/foo/hello"] == [entry.path for entry in old.journal]
    assert not new.invoke({key: {}}).is_error


def test_maps_of_services_stay_as_they_were(users):
    """A nested result goes into the answer, not into the map a service may keep."""
    kept = {"a": 1}

    @users.service("/user/get-kept")
    def get_kept() -> dict[str, int]:
        return kept

    assert {"a": 1, "h": "world"} == Bench(users).result({"/user/get-kept": {"$h = /foo/hello": {}}})
    assert {"a": 1} == kept


def test_excluded_and_marked_properties(old, new):
    """What is excluded stays out of nested answers, what is marked stays in."""
    command = {"/foo/bar": {"$new1 = /foo/bar": {"$new2 = /foo/hello": {}}}}
    for bench in (old, new):
        answer = bench.result(command)
        assert {"array", "value", "new1"} == set(answer)
        assert [1, 2, 3] == answer["array"]
        assert {"value": "value", "new2": "world"}.items() <= answer["new1"].items()
        assert "secret" not in answer["new1"]
    assert {"secret": None} == old.result({"$b[secret] = /foo/bar": {}})


def test_complex_parameters(old, new):
    """Arrays of arrays and maps of arrays can be sent."""
    sent = {"longArrays": [[1, 2, 3], [8, 9]], "mapNames": {"p1": ["one", "two"]}}
    for bench in (old, new):
        assert "[1, 2, 3]|[8, 9]|*p1=[one, two]|" == bench.result({"/foo/complex-with-arrays": sent})
        assert 6 == bench.result({"/foo/complex": {"longs": "1,2,3", "ints": "1,2", "map": '{"key" : 122}'}})
        assert "-56" in bench.result({"/edge/bytes": {"bytes": "[104,200]"}})
        assert "search a>b:c" == bench.result({"/foo/search": {"name": "a", "params": ["b:c"]}})
