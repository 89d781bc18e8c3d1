"""Commands and direct URLs, run on a portal's engine."""

from __future__ import annotations

import asyncio
import json

import pytest
from engine_bench import GUEST, Bench, foo_registry
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._java import Array, JavaError, JavaType, Long, Model
from aioliferay.testing._registry import Caller, Execution


@pytest.fixture
def registry():
    return foo_registry()


@pytest.fixture
def old(registry):
    return Bench(registry)


@pytest.fixture
def new(registry):
    return Bench(registry, "7.4")


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
@given(text=st.text() | st.binary() | st.text(st.sampled_from("{}[]\"$a=/foo.hl,:@ '")))
def test_invoke_of_any_text(version, text):
    """Any text at all has an answer that is JSON."""
    answer = Bench(foo_registry(), version).invoke(text)
    assert answer.is_page or json.loads(answer.body) is not Ellipsis


def test_invoke_none_is_an_empty_body(old):
    """A request without a command has an empty one."""
    assert {"exception": "java.lang.IllegalStateException", "message": "Unable to deserialize object"} == old.result(None)


def test_invoke_of_bytes_that_are_no_utf8(old):
    """Other encodings are refused by name."""
    assert {
        "exception": "java.lang.IllegalArgumentException",
        "message": "java.nio.charset.MalformedInputException: Input length = 1",
    } == old.result(b'"\xff"')


@pytest.mark.parametrize("version", ["6.2", "7.4"])
def test_invoke_too_deep_is_a_page(registry, version):
    """Where the portal's stack overflows, it answers a page of its own."""
    bench = Bench(registry, version)
    answer = bench.invoke("[" * 100_000)
    assert (500, b"", True, True) == (answer.status, answer.body, answer.is_error, answer.is_page)
    assert bench.direct("/foo/use1", extra={"fooData": "{" + '"a":{' * 90_000}).is_page


def test_journal_notes_what_ran(old):
    """The journal has one entry for each service method that ran, nested and failed ones too, and none after."""
    old.invoke(
        [
            {"/foo/hello": {}},
            {"$a = /foo/get-foo-data": {"id": 7, "$h = /foo/hello": {}}},
            {"/edge/fail": {"message": "x"}},
            {"/foo/hello": {}},
        ]
    )
    assert [
        ("/foo/hello", 0, None),
        ("/foo/get-foo-data", 1, None),
        ("/foo/hello", 1, None),
        ("/edge/fail", 2, "java.lang.RuntimeException"),
    ] == [(entry.path, entry.statement, entry.error) for entry in old.journal]
    assert Execution("/foo/get-foo-data", {"id": 7}, 20199, 1, 1, None) == old.journal[1]


def test_hooks_surround_each_statement(old):
    """Before and after each top-level statement the caller is asked, after a failed one too."""
    calls = []

    async def before(place):
        calls.append(("before", place))

    async def after(place):
        calls.append(("after", place))

    old.invoke([{"/foo/hello": {}}, {}, {"/foo/hello": {}}], before=before, after=after)
    assert [("before", 0), ("after", 0), ("before", 1), ("after", 1)] == calls
    calls.clear()
    assert b'"world"' == old.direct("/foo/hello", before=before, after=after).body
    assert [("before", 0), ("after", 0)] == calls


def test_hook_may_cut_off(old):
    """What a hook raises passes through; nothing has run if it was raised before."""

    async def cut(place):
        raise ConnectionResetError(place)

    with pytest.raises(ConnectionResetError):
        old.invoke([{"/foo/hello": {}}], before=cut)
    assert [] == old.journal
    with pytest.raises(ConnectionResetError):
        old.invoke([{"/foo/hello": {}}], after=cut)
    assert ["/foo/hello"] == [entry.path for entry in old.journal]


def test_service_may_be_async_and_want_the_caller(old, registry):
    """A service may be a coroutine, and may ask who calls."""

    @registry.service("/foo/who")
    async def who(caller: Caller, user_id: Long, company_id: Long) -> list[Long]:
        await asyncio.sleep(0)
        return [caller.user_id, user_id, company_id]

    assert [20199, 20199, 20155] == old.result({"/foo/who": {}})
    assert [20199, 5, 20155] == old.result({"/foo/who": {"userId": 5}})


def test_defaults_do_not_fill_what_a_flag_left_empty(old, registry):
    """A parameter whose reference leads nowhere is missing, even if the portal could know it."""

    @registry.service("/foo/me")
    def me(user_id: Long) -> Long:
        return user_id

    assert 20199 == old.result({"/foo/me": {}})
    assert "No JSON web service action" in old.result({"$u = /foo/me": {"@userId": "$u.userId"}})["message"]


def test_mistake_in_a_service_passes_through(old, registry):
    """What is no Java exception is a mistake in the fake service, and is noted."""

    @registry.service("/foo/broken")
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        old.invoke({"/foo/broken": {}})
    assert "ZeroDivisionError" == old.journal[-1].error


def test_guests(registry):
    """A guest is told what does not exist; what exists is refused unless it is open."""

    @registry.service("/foo/closed")
    def closed(number: int) -> None: ...

    command = {"/foo/closed": {"number": 1}}
    assert {
        "exception": "java.lang.SecurityException",
        "message": "Authenticated access required",
    } == Bench(registry).result(command, caller=GUEST)
    answer = Bench(registry, "7.0").invoke(command, caller=GUEST)
    text = "Access denied to com.liferay.portal.kernel.service.FooService#closed"
    assert (403, text) == (answer.status, json.loads(answer.body)["exception"])
    bench = Bench(registry)
    assert "Conversion failed: x" in bench.result({"/foo/closed": {"number": "x"}}, caller=GUEST)["message"]
    assert "No JSON web" in bench.result({"/foo/nope": {}}, caller=GUEST)["message"]
    assert "world" == bench.result({"/foo/hello": {}}, caller=GUEST)
    assert ["/foo/hello"] == [entry.path for entry in bench.journal]


@pytest.mark.parametrize(
    ("error", "old_status", "early", "later"),
    [
        (JavaError("a.NoSuchUserException", "x", is_not_found=True), 200, 500, 404),
        (JavaError("com.liferay.portal.kernel.security.auth.PrincipalException$MustBeAuthenticated"), 200, 403, 403),
        (JavaError("java.lang.SecurityException"), 200, 403, 403),
        (JavaError("java.lang.RuntimeException"), 200, 500, 500),
    ],
)
def test_failure_status(registry, error, old_status, early, later):
    """6.2 never sets a status; later portals do, for missing rows only from 7.1 on."""
    statuses = [Bench(registry, version).engine.failure(error).status for version in ("6.2", "7.0", "7.4")]
    assert [old_status, early, later] == statuses


def test_failure_bodies(registry):
    """An error without a message shows its class; 7.x adds the deepest cause; a default 7.4 says nothing."""
    cause = JavaError("a.C", cause=JavaError("a.D", "deep"))
    error = JavaError("a.B", cause=cause)
    bodies = [
        json.loads(Bench(registry, version, **options).engine.failure(error).body)
        for version, options in [("6.2", {}), ("7.0", {}), ("7.4", {"is_throwable_serialized": None})]
    ]
    assert [
        {"exception": "a.B", "message": "a.B"},
        {
            "exception": "a.B",
            "throwable": "a.B",
            "error": {"message": "a.B", "type": "a.B"},
            "rootCause": {"message": "deep", "type": "a.D"},
        },
        {},
    ] == bodies
    text = json.loads(Bench(registry).engine.failure(JavaError("a.B", "null")).body)
    assert {"exception": "a.B", "message": "a.B"} == text


def test_extra_parameters_reach_every_statement(old):
    """Other request parameters are merged into each statement, nested ones too; a statement's own win."""
    command = [
        {"$a = /foo/get-foo-data": {"id": 1, "$w = /foo/hello-world": {"@userId": "$a.id"}}},
        {"/foo/hello-world": {"userId": 2, "worldName": "own"}},
    ]
    first, second = old.result(command, extra={"worldName": "shared"})
    assert ("Welcome 1 to shared", "Welcome 2 to own") == (first["w"], second)


def test_wrong_case_on_later_portals(old, new):
    """7.x finds a method whatever the case, and then passes null."""
    command = {"/foo/hello-world": {"USERID": 1, "worldname": "x"}}
    assert "Welcome null to null" == new.result(command)
    assert "No JSON web" in old.result(command)["message"]


def test_missing_action_names_the_context(registry):
    """The message names path, method and context, as each version does."""
    assert (
        "No JSON web service action with path /blogsentry/x and method null for //blogs"
        == Bench(registry).result({"/blogs.blogsentry/x": {}})["message"]
    )
    assert (
        "No JSON web service action with path /blogs.blogsentry/x and method null for blogs"
        == Bench(registry, "7.0").result({"/blogs.blogsentry/x": {}})["exception"]
    )


@pytest.mark.parametrize(
    ("path", "extra", "body"),
    [
        ("/foo/hello", {}, "world"),
        ("/foo/hello/", {}, "world"),
        ("/foo/hello-world/user-id/1/world-name/a b", {}, "Welcome 1 to a b"),
        ("/foo/hello-world/user-id/1", {"worldName": "q", "userId": "2"}, "Welcome 2 to q"),
        ("/foo/hello-world/-user-id/world-name/x", {}, "Welcome null to x"),
        ("/foo/null-return", {}, {}),
        ("/edge/get-long-arr", {}, [1, 2, 3]),
    ],
)
def test_direct(old, path, extra, body):
    """A direct URL has its parameters in the path, the query and the form."""
    assert body == json.loads(old.direct(path, extra=extra).body)


@pytest.mark.parametrize(
    ("path", "verb", "text"),
    [
        ("/group", "POST", "associated with path /group and method POST for /"),
        ("/group/nope/a/b", "GET", "associated with path /group/nope and method GET for /"),
        ("/group/get-group/get-group", None, "associated with path /group/get-group/get-group and method null for /"),
        ("/", "GET", "associated with path / and method GET for /"),
        ("", "GET", "associated with path  and method GET for /"),
    ],
)
def test_direct_without_action(old, path, verb, text):
    """The message of a direct URL says "associated", and names the verb; JSON-RPC has none."""
    answer = json.loads(old.direct(path, verb=verb).body)
    assert {"exception": "java.lang.RuntimeException", "message": f"No JSON web service action {text}"} == answer


def test_direct_without_action_in_7_x(new):
    """7.x says "with path" and 404."""
    answer = new.direct("/foo/nope")
    assert 404 == answer.status
    assert "No JSON web service action with path /foo/nope and method GET for null" in json.loads(answer.body)["exception"]


def test_direct_values(old):
    """A value is missing, sent twice, or JSON of a JSON-RPC call."""
    missing = json.loads(old.direct("/$c[a2]=/country/get-country").body)
    assert {
        "exception": "java.lang.IllegalArgumentException",
        "message": "Missing value for parameter get-country",
    } == missing
    twice = json.loads(old.direct("/edge/longs", extra={"ids": ["1", "2"]}).body)
    assert {"exception": "flexjson.JSONException", "message": "Expected a ',' or ']' at character 27"} == twice
    assert "[1, 2]" == json.loads(old.direct("/edge/longs", verb=None, extra={"ids": [1, 2]}).body)


def test_arrays_as_results(registry):
    """A bare array of longs is numbers in a bean, and text at the top of an invoked answer (7.x)."""

    class Numbers(Model):
        pass

    @registry.service("/foo/numbers")
    def numbers() -> Model:
        return Numbers("a.Numbers", {"ids": Array([1], JavaType("long"))})

    @registry.service("/foo/raw")
    def raw() -> bytes:
        return b"\xff"

    bench = Bench(registry, "7.4")
    assert [{"ids": [1]}, ["1", "2", "3"], [-1]] == bench.result(
        [{"/foo/numbers": {}}, {"/edge/get-long-arr": {}}, {"/foo/raw": {}}]
    )
