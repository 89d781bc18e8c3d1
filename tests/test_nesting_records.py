"""Every known statement with variables, white-lists and nesting, asked for through the library instead of by hand.

Each is translated: a statement becomes a call, a white-list `select=`, `@p: "$u.x"` a reference `u["x"]`, or `u.each["x"]`
if that is a list. From the results the answer is put together as the portal put it together, and compared with the recorded
one. The records are those of `testing/test_wire.py` and `testing/test_vectors.py`, also those that the environment names.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from aioliferay import RawParams, ServerError, Session
from aioliferay.testing import FakePortal

sys.path.append(str(Path(__file__).parent / "testing"))
import test_vectors
import test_wire
from foo_services import register_foo
from wire_replay import LOGINS, Replay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioliferay import BatchSession, Call

PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
LISTS = {  # services whose results are lists: a reference to one is a reference to its elements
    "/group/get-user-sites", "/user/get-company-users", "/user/get-group-users", "/organization/get-organizations",
    "/bookmarksfolder/get-folders", "/country/get-countries", "/foo/get-foo-datas",
}  # fmt: skip

# What is not asked for: a pattern that a record's whole name matches, and why.
LEFT_OUT = {
    r"nesting/whitelist/(empty|dotted|star)/.*|(62|7x)/whitelist_empty": "select= takes plain names, and at least one",
    r"nesting/list/fan-out-full/.*": "four properties of a company are shown at top level (basics/mixed-10), not there",
    r"62/inner_(list_var|root_listref)": "inner placement refers to the outermost statement by a name, which calls have not",
    r"auth/.*": "about who calls, in ways that are no session's",
}

# Where a portal that is asked by hand fails or answers something odd: what the library makes of it. Of an object the stated
# properties count; a pattern is an error's text; "" is what is no object.
_WANTED = {"userId": 20199, "contactId": 20200}
_WHOLE_USER = {"userId": 20199, "contactId": 20200, "screenName": "test", "emailAddress": "test@liferay.com"}
_USERS = [(20159, "20159"), (20199, "test"), (20514, "joe")]
_WELCOME = "Welcome 173 to Jupiter"
TRAPS: dict[str, Any] = {
    r"nesting/nest/whitelist-before-reference/.*": {
        "firstName": "Test",
        "emailAddress": "test@liferay.com",
        "contact": {"birthday": 0},
    },
    r"nesting/list/fan-out-unlisted/.*": [
        {"groupId": group_id, "c": {"webId": "liferay.com"}} for group_id in (20201, 20182)
    ],
    r"nesting/nest/sibling/.*": _WANTED | {"companyId": 20155, "c": {"contactId": 20200}, "co": {"webId": "liferay.com"}},
    r"nesting/nest/shadow/.*": _WANTED | {"u": {"contactId": 20200, "companyId": 20155, "co": {"webId": "liferay.com"}}},
    r"nesting/nest/unknown-property/.*": _WHOLE_USER
    | {
        "c": re.compile(
            r"DependencyError: /contact/get-contact: it needs 'nope' of /user/get-current-user, whose .* only .*"
        )
    },
    r"nesting/nest/flag-two-levels/.*": _WHOLE_USER
    | {
        "c": re.compile(
            r"DependencyError: .*: it needs \['group'\]\['companyId'\] of /user/get-current-user, whose .* only .*"
        )
    },
    r"nesting/whitelist/user-list/.*": [{"userId": user_id, "screenName": name} for user_id, name in _USERS],
    r"nesting/leak/guest-user": {"userId": 20159, "defaultUser": True},
    r"nesting/parent/string/.*": {"": "/opt/liferay/home/deploy", "m": 6205},
    r"nesting/parent/long-array/.*": [{"": 20199, "m": 6205}],
    r"nesting/parent/null/.*": {"": None, "n": 6205},
    r"nesting/parent/null-reference/.*": {
        "": None,
        "r": re.compile(r"DependencyError: .*: it needs 'countryId' of /country/fetch-country, whose result is NoneType"),
    },
    r"nesting/batch/cross-reference": [{"contactId": 20200}, {"contactId": 20200, "userId": 20199}],
    r"(62|7x)/cross_batch": [{"id": 173, "name": "John Doe"}, _WELCOME],
    r"(62|7x)/cross_batch2": [{"id": 173}, {"id": 7, "name": "James Bond", "w": _WELCOME}],
    r"(62|7x)/batch_future_ref": [{"id": 7, "w": "world"}, "Welcome 7 to x"],
    r"(62|7x)/sibling_ref": {"id": 7, "b": {"id": -13, "name": "Dr. Evil"}, "c": "Welcome -13 to x"},
    r"(62|7x)/wl_flag_unlisted": {"name": "John Doe", "world": _WELCOME},
    r"(62|7x)/wl_flag_unlisted_list": [{"value": "foo!", "resource": {"id": number}} for number in (1, 2, 3)],
    r"(62|7x)/nested_on_null": {"": None, "t": "world"},
    r"62/nested_on_string": {"": "world", "t": "world"},
    r"62/hack": {"array": [1, 2, 3], "value": "value"},
    r"7x/flag_deep": {"page": 3, "data": {"id": 2}, "w": "Welcome 2 to deep"},
}


@dataclass(eq=False)
class Statement:
    """A statement as it was written by hand, and the call that it has become."""

    name: str
    white_list: list[str] | None
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    children: list[Statement] = field(default_factory=list)
    call: Call[Any] | None = None
    over: Statement | None = None  # whose result is the list for each element of which it runs


def parsed(key: str, body: dict[str, Any]) -> Statement:
    head, _, path = key.rpartition("=")
    name, bracket, listed = head.strip().partition("[")
    white_list = [item.strip() for item in listed.removesuffix("]").split(",")] if bracket else None
    statement = Statement(name, white_list, path.strip())
    for inner, value in body.items():
        if inner.startswith("$") and isinstance(value, dict):
            statement.children.append(parsed(inner, value))
        else:
            statement.params[inner] = value
    return statement


class Translation:
    """The calls of some statements."""

    def __init__(self, text: str) -> None:
        command = json.loads(text)
        commands = command if isinstance(command, list) else [command]
        self.is_single = not isinstance(command, list)
        self.statements = [parsed(key, body) for item in commands for key, body in item.items()]
        self.calls: list[Call[Any]] = []
        self._made: dict[str, Statement] = {}

    async def send(self, portal: FakePortal, auth: tuple[str, str], dependent: Any) -> None:
        async with Session(portal.url, auth=auth, http=httpx.AsyncClient(transport=portal.transport())) as session:
            batch = session.batch(dependent=dependent)
            for statement in self.statements:
                self._queue(batch, statement, {})
            await batch.invoke(return_exceptions=True)

    def _queue(self, batch: BatchSession, statement: Statement, above: dict[str, Statement]) -> None:
        params = dict(self._parameter(statement, item, above) for item in statement.params.items())
        if not all(map(PLAIN.fullmatch, params)):
            params = RawParams(params)
        statement.call = batch.call(statement.path, params, select=statement.white_list)
        self.calls.append(statement.call)
        self._made[statement.name] = statement
        for child in statement.children:
            self._queue(batch, child, above | {statement.name: statement})

    def _parameter(self, statement: Statement, item: tuple[str, Any], above: dict[str, Statement]) -> tuple[str, Any]:
        """Return a parameter; what takes a property of a result is a reference, wherever the call was made before."""
        name, *properties = item[1].split(".") if item[0].startswith("@") and isinstance(item[1], str) else [""]
        source = above.get(name) or self._made.get(name)
        if source is None or not properties:
            return item
        reference: Any = source.call
        if source.path in LISTS:
            statement.over, reference = source, reference.each
        for wanted in properties:
            reference = reference[wanted]
        return item[0].removeprefix("@"), reference

    @property
    def answer(self) -> Any:
        """The results put together: each inside of what it was nested in; what is no object beside it, under no name."""
        values = [answer_of(statement, {}) for statement in self.statements]
        if not self.is_single:
            return values
        return {} if values[0] is None else values[0]


def answer_of(statement: Statement, places: dict[Statement, int]) -> Any:
    assert statement.call is not None
    error = statement.call.exception()
    value = statement.call.result() if error is None else f"{type(error).__name__}: {error}"
    if statement.over is not None and error is None:
        value = value[places[statement.over]]
    if not statement.children:
        return value
    if isinstance(value, list):
        return [with_children(statement, item, {**places, statement: place}) for place, item in enumerate(value)]
    return with_children(statement, value, places)


def with_children(statement: Statement, value: Any, places: dict[Statement, int]) -> dict[str, Any]:
    inner = {child.name.removeprefix("$"): answer_of(child, places) for child in statement.children}
    return {**(value if isinstance(value, dict) else {"": value}), **inner}


def reduced(recorded: Any, actual: Any, statement: Statement) -> Any:
    """Take out of an answer what is in it only because something was nested: 6.2 shows every getter of the outer object."""
    if isinstance(recorded, list) and isinstance(actual, list) and len(recorded) == len(actual):
        return [reduced(one, other, statement) for one, other in zip(recorded, actual, strict=True)]
    if not isinstance(recorded, dict) or not isinstance(actual, dict) or not statement.children:
        return recorded
    kept = {name: value for name, value in recorded.items() if statement.white_list is not None or name in actual}
    inner = {child.name.removeprefix("$"): child for child in statement.children}
    return {name: reduced(value, actual.get(name), inner[name]) if name in inner else value for name, value in kept.items()}


def is_met(expected: Any, actual: Any) -> bool:
    """Tell whether an answer is as stated in `TRAPS`."""
    if isinstance(expected, re.Pattern):
        return isinstance(actual, str) and expected.fullmatch(actual) is not None
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(is_met(value, actual.get(name, re)) for name, value in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(is_met, expected, actual))
    return expected == actual


def keys_of(command: Any) -> Iterator[str]:
    if isinstance(command, dict):
        for key, value in command.items():
            yield key
            yield from keys_of(value)
    if isinstance(command, list):
        for item in command:
            yield from keys_of(item)


def is_about_statements(text: str) -> bool:
    """Tell whether a request's body has a name, a white-list, or something nested, in a form that is JSON."""
    try:
        return any(re.match(r"[^/]*=|[$@]|.*\.\$", key) for key in keys_of(json.loads(text)))
    except (ValueError, RecursionError):
        return False


def reason_left_out(name: str) -> str | None:
    return next((reason for pattern, reason in LEFT_OUT.items() if re.fullmatch(pattern, name)), None)


def trap_of(name: str) -> Any:
    return next((expected for pattern, expected in TRAPS.items() if re.fullmatch(pattern, name)), None)


WIRE = [
    name
    for name, record in test_wire.RECORDS.items()
    if (name.startswith("nesting/") or is_about_statements(record["request"].get("body") or ""))
    and not {"body", "body_start"}.isdisjoint(record["response"])
]
VECTORS = {
    f"{vector['name']}@{version}": (vector, version)
    for vector in test_vectors.vectors()
    if is_about_statements(json.dumps(vector["request"].get("body")))
    for version, _ in test_vectors.versions(vector)
}
NAMES = [*WIRE, *VECTORS]
IN_SCOPE = [name for name in NAMES if reason_left_out(name.partition("@")[0]) is None]
TRAPPED = [name for name in IN_SCOPE if trap_of(name.partition("@")[0]) is not None]
BOTH = pytest.mark.parametrize("dependent", ["staged", "nested"])


class Asked:
    """A record that was asked for through the library: its calls, the recorded answer, and the portal that was asked."""

    def __init__(self, name: str, dependent: str) -> None:
        self.replay: Replay | None = None
        self.is_cut = False  # only the beginning of the answer, a long list, was kept
        auth = LOGINS["basic-admin"]
        if name in VECTORS:
            vector, version = VECTORS[name]
            self.portal = FakePortal(version, serialize_throwable=True)
            register_foo(self.portal._registry)
            text, self.recorded = json.dumps(vector["request"]["body"]), vector["response"]["body"]
        else:
            record = test_wire.RECORDS[name]
            self.replay = prepared(name)
            self.portal, auth = self.replay.portal, LOGINS[record["auth"]]
            text, self.recorded = self.replay._body(record["request"]).decode(), recorded_of(record["response"])
            self.is_cut = "body_start" in record["response"] or record["response"].get("truncated", False)
        self.portal.requests.clear()
        self.translation = Translation(text)
        anyio.run(self.translation.send, self.portal, tuple(auth.split(":")), dependent)

    def differences(self) -> list[str]:
        """Return where the results are not those of the record, or how the failure is another."""
        if isinstance(self.recorded, dict) and "exception" in self.recorded:
            return self._other_failure(self.recorded)
        recorded, actual, statements = self.recorded, self.translation.answer, self.translation.statements
        if self.is_cut:
            actual = actual[: len(recorded)] if self.translation.is_single else [actual[0][: len(recorded[0])]]
        if self.translation.is_single:
            recorded = reduced(recorded, actual, statements[0])
        else:
            recorded = list(map(reduced, recorded, actual, statements))
        if self.replay is not None:
            return self.replay._json_differences(recorded, actual)
        return [] if recorded == actual else [f"{actual} for {recorded}"]

    def _other_failure(self, recorded: dict[str, Any]) -> list[str]:
        errors = [error for call in self.translation.calls if (error := call.exception()) is not None]
        if len(errors) != 1 or not isinstance(errors[0], ServerError):
            return [f"{errors} for {recorded}"]
        told = recorded.get("error", {"type": recorded["exception"], "message": recorded.get("message")})
        found = {"type": errors[0].exception, "message": errors[0].message}
        is_jdk_text = "cannot be cast" in found["message"]
        return [] if told == found or (is_jdk_text and told["type"] == found["type"]) else [f"{found} for {told}"]


def prepared(name: str) -> Replay:
    """Return a portal after everything that came before a record."""
    portal = FakePortal(blog_entries=0)
    for pattern, prepare in test_wire.STAGES:
        if re.fullmatch(pattern, name):
            prepare(portal)
    replay = Replay(portal)
    for each in test_wire.chain(name)[:-1]:
        replay.differences(test_wire.RECORDS[each])
    return replay


def recorded_of(response: dict[str, Any]) -> Any:
    """Return a recorded answer, or what was kept of it."""
    if "body_start" not in response and not response.get("truncated"):
        return json.loads(response["body"])
    start = response.get("body_start") or response["body"]
    depth = len(start) - len(start.lstrip("["))
    return json.loads(start[: start.rfind("},{") + 1] + "]" * depth)


@BOTH
@pytest.mark.parametrize("name", [name for name in IN_SCOPE if name not in TRAPPED])
def test_record_asked_through_the_library(name, dependent):
    """What was asked by hand can be asked for in calls that refer to one another, with the same results or failure."""
    assert [] == Asked(name, dependent).differences()


@BOTH
@pytest.mark.parametrize("name", TRAPPED)
def test_trap_is_avoided(name, dependent):
    """Where a statement written by hand fails or misleads, the calls succeed, or the one to blame tells what it lacks."""
    asked = Asked(name, dependent)
    expected = trap_of(name.partition("@")[0])
    if name.endswith("/array"):
        expected = [expected, 6205]
    assert is_met(expected, asked.translation.answer), asked.translation.answer
    assert asked.differences()


@pytest.mark.parametrize(
    ("name", "staged", "nested"),
    [
        ("nesting/nest/no-reference/single", 1, 1),
        ("nesting/nest/grandchild-child/array", 3, 1),
        ("nesting/nest/four-levels/single", 3, 1),
        ("nesting/nest/sibling/single", 3, 1),
        ("nesting/list/fan-out/array", 2, 1),
        ("nesting/list/fan-out-nested/single", 2, 1),
        ("nesting/batch/same-names", 2, 1),
        ("nesting/growth/filtered-100", 2, 2),
        ("nesting/growth/unfiltered-10", 2, 1),
        ("nesting/write/flag-service-context/single", 3, 2),
    ],
)
def test_nesting_saves_requests(name, staged, nested):
    """Calls that were nested by hand travel in one request, but for writes that need a read, and more than may be nested."""
    assert [staged, nested] == [len(Asked(name, dependent).portal.requests) for dependent in ("staged", "nested")]


@pytest.mark.parametrize("pattern", [*LEFT_OUT, *TRAPS])
def test_patterns_name_something(pattern):
    """Every line of the tables is about some record that is in the repository, whatever the environment adds."""
    assert [name for name in NAMES if re.fullmatch(pattern, name.partition("@")[0])]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in IN_SCOPE and not name.startswith("auth/")])
def test_left_out_record_cannot_be_asked_for(name):
    """No record is left out that could be asked for with the recorded answer."""
    try:
        differences = Asked(name, "nested").differences()
    except ValueError:
        return
    assert differences
