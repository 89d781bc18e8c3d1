"""What a fake 6.2 knows of the real one: all of its methods, and how it takes what is sent to them."""

import asyncio
import json
from collections import defaultdict

import anyio
import httpx
import pytest
from asking import ADMINISTRATOR, JOE, ask
from discovering import discover, names_of, read_catalog
from engine_bench import ADMINISTRATOR as ENGINE_ADMINISTRATOR
from engine_bench import Bench

from aioliferay.testing import FakePortal, Long
from aioliferay.testing._catalog import catalog, parse_type
from aioliferay.testing._convert import convert
from aioliferay.testing._discovery import old_type
from aioliferay.testing._java import JavaError
from aioliferay.testing._registry import Registry

REAL = read_catalog()
ACTIONS = REAL["actions"]
TYPES = {parameter["type"] for action in ACTIONS for parameter in action["parameters"]}
OVERLOADS = defaultdict(list)
TYPES_OF = defaultdict(set)
for _action in ACTIONS:
    OVERLOADS[_action["path"]].append(names_of(_action))
    for _parameter in _action["parameters"]:
        TYPES_OF[_action["path"], _parameter["name"]].add(_parameter["type"])
NUMBERS = {"boolean", "double", "int", "long"}
ALWAYS_THERE = {"serviceContext"}
KNOWN_OF_CALLER = {"userId", "companyId"}
UNPLAYED = "java.lang.UnsupportedOperationException"


def values_of(path, sent):
    """Values that any method of the path takes: nought where it must not be null."""
    return {name: 0 if TYPES_OF[path, name] & NUMBERS else None for name in sent}


def chosen(path, sent):
    """The rule of A.5, written once more: all parameters sent, most of them, first in the server's order."""
    complete = [names for names in OVERLOADS[path] if set(names) <= sent | ALWAYS_THERE]
    return max(complete, key=len) if complete else None


def expected_of(path, sent):
    """The path and parameters of the method that a signed-in caller reaches; else what he is told."""
    found = chosen(path, sent)
    if found is None:
        found = chosen(path, sent | KNOWN_OF_CALLER)
    return f"No JSON web service action with path {path} and method null for /" if found is None else (path, found)


class Unplayed:
    """An engine with the catalog and nothing else; the path and parameters of the method a call reached, or its refusal."""

    def __init__(self):
        self.bench = Bench(Registry(catalog()))
        self.who = {"caller": ENGINE_ADMINISTRATOR, "request": 1, "journal": self.bench.journal}

    async def reached(self, path, sent):
        """By a command."""
        command = json.dumps({path: values_of(path, sent)})
        return self._reached(await self.bench.engine.invoke(command, extra={}, **self.who))

    async def reached_directly(self, path, sent):
        """By a URL."""
        return self._reached(await self.bench.engine.direct(path, extra=values_of(path, sent), **self.who))

    def _reached(self, answer):
        told = json.loads(answer.body)
        if told["exception"] != UNPLAYED:
            return told["message"]
        run = self.bench.journal.pop()
        return run.path, tuple(run.parameters)


def test_every_method_is_found_by_its_parameters():
    """Each of the 1198 methods is found by exactly its parameters' names, in a command and by its URL."""
    engine = Unplayed()

    async def run():
        for action in ACTIONS:
            path, sent = action["path"], set(names_of(action))
            expected = expected_of(path, sent)
            assert (path, True) == (expected[0], sent <= set(expected[1]))
            assert expected == await engine.reached(path, sent)
            assert expected == await engine.reached_directly(path, sent)

    asyncio.run(run())
    assert 1198 == len(ACTIONS)


def test_missing_or_misspelt_parameter_is_refused():
    """Without one of its parameters, or with one misspelt, a method is not found, unless another takes what is left."""
    engine = Unplayed()
    refused = 0

    async def run():
        nonlocal refused
        for action in ACTIONS:
            path, names = action["path"], names_of(action)
            for name in names:
                for sent in ({*names} - {name}, {*names, f"{name}x"} - {name}):
                    expected = expected_of(path, sent)
                    assert expected == await engine.reached(path, sent)
                    refused += isinstance(expected, str)

    asyncio.run(run())
    assert refused > 7000


def test_samples_leave_every_method_findable():
    """With the samples in place too, a portal knows each method: a guest is refused none as unknown."""
    portal = FakePortal()

    async def run():
        async with httpx.AsyncClient(transport=portal.transport()) as client:
            for action in ACTIONS:
                path = action["path"]
                command = {path: values_of(path, names_of(action))}
                told = (await client.post(f"{portal.url}/api/jsonws/invoke", json=command)).json()
                assert "Authenticated access required" == told["message"]

    anyio.run(run)
    assert not portal.executions


@pytest.mark.anyio
@pytest.mark.parametrize("auth", [ADMINISTRATOR, JOE])
async def test_unplayed_method_says_so(auth):
    """A method that nothing plays fails and says what to do about it; the journal has it with its arguments."""
    portal = FakePortal()
    told = await ask(portal, {"/address/delete-address": {"addressId": "7"}}, auth)
    assert UNPLAYED == told["exception"]
    expected = (
        "the stand-in knows /address/delete-address but does not play it; "
        'register it with portal.service("/address/delete-address")'
    )
    assert expected == told["message"]
    (run,) = portal.executions
    assert ("/address/delete-address", {"addressId": 7}, UNPLAYED) == (run.path, run.parameters, run.error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("command", "exception", "message"),
    [
        ({"/address/delete-address": {"addressId": None}}, "java.lang.IllegalArgumentException", None),
        (
            {"/address/delete-address": {"addressId": "x"}},
            "java.lang.ClassCastException",
            'Conversion failed: x; <--- java.lang.NumberFormatException: For input string: "x"',
        ),
        ({"/address/delete-address.2": {"addressId": 1}}, "java.lang.RuntimeException", "No JSON web service action"),
        ({"/bookmarksentry/get-group-entries-count.1": {}}, "java.lang.IllegalArgumentException", None),
        ({"/bookmarksentry/get-group-entries-count.1": {"groupId": 1}}, UNPLAYED, None),
        ({"/classname/fetch-class-name-id": {"clazz": "com.liferay.portal.model.User"}}, UNPLAYED, None),
        (
            {"/classname/fetch-class-name-id": {"clazz": "User"}},
            "java.lang.ClassCastException",
            "Conversion failed: User; <--- java.lang.ClassNotFoundException: User",
        ),
        (
            {"/bookmarksentry/open-entry": {"entry": {"entryId": 1}}},
            "java.lang.ClassCastException",
            "Conversion failed: com.liferay.portlet.bookmarks.model.BookmarksEntry",
        ),
        (
            {"/bookmarksentry/open-entry": {"+entry": None}},
            "java.lang.InstantiationException",
            "com.liferay.portlet.bookmarks.model.BookmarksEntry",
        ),
        ({"/dlapp/search": {"repositoryId": 1, "+searchContext": None, "searchContext.end": 5}}, UNPLAYED, None),
        ({"/dlapp/search": {"repositoryId": 1, "searchContext": {"end": 5}}}, UNPLAYED, None),
    ],
)
async def test_parameters_are_converted_before_it_fails(command, exception, message):
    """A method that nothing plays takes its parameters as the real one does."""
    told = await ask(FakePortal(), command)
    assert exception == told["exception"]
    assert told["message"].startswith(message or "")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("sent", "exception", "message"),
    [
        ({"obc": None}, UNPLAYED, None),
        ({"-obc": 1}, UNPLAYED, None),
        (
            {"+obc": "com.liferay.portlet.asset.util.comparator.AssetTagNameComparator"},
            "java.lang.IllegalArgumentException",
            "Unmatched argument type com.liferay.portlet.asset.util.comparator.AssetTagNameComparator for method argument 3",
        ),
        ({"+obc": "com.liferay.portal.model.User"}, "java.lang.IllegalArgumentException", "Unmatched argument type"),
        ({"obc:no.such.Class": ""}, "java.lang.ClassNotFoundException", "no.such.Class"),
        ({"obc": "abc"}, "java.lang.ClassCastException", "Conversion failed: com.liferay.portal.kernel.util.OrderBy"),
        ({"+obc": None}, "java.lang.InstantiationException", "java.lang.InstantiationException"),
    ],
)
async def test_comparator_is_null_or_refused(sent, exception, message):
    """No comparator but null gets through, as recorded for the methods that are played."""
    told = await ask(FakePortal(), {"/trashentry/get-entries": {"groupId": 20182, "start": 0, "end": 2} | sent})
    assert exception == told["exception"]
    assert told["message"].startswith(message or "")


@pytest.mark.anyio
async def test_registered_service_plays_its_method():
    """A service of the portal's own path and parameters, however spelt, replaces the real one; overloads stay."""
    portal = FakePortal()

    @portal.service("/phone/get-phones")
    def get_phones(class_pk: Long, class_name: str) -> str:
        return f"phones of {class_name} {class_pk}"

    @portal.service("/group/get-user-places")
    def get_user_places(class_names: list[str], max: int) -> str:  # noqa: A002 - the portal's name
        return "places"

    sent = {"className": "X", "classPK": 7}
    assert "phones of X 7" == await ask(portal, {"/phone/get-phones": sent})
    sent = {"classNames": [], "max": 1}
    assert "places" == await ask(portal, {"/group/get-user-places": sent})
    assert UNPLAYED == (await ask(portal, {"/group/get-user-places": sent | {"userId": 1}}))["exception"]


@pytest.mark.anyio
async def test_discovery_lists_the_catalog():
    """A fake 6.2 tells what the real one tells, word for word, and a test's own services at their place."""
    portal = FakePortal()
    assert REAL | {"baseURL": f"{portal.url}/api/jsonws"} == await discover(portal)

    @portal.service("/foo/take")
    def take(numbers: list[Long]) -> None: ...

    @portal.service("/phone/delete-phone")
    def delete_phone(phone_id: Long) -> bool: ...

    added = {"method": "POST", "parameters": [{"name": "numbers", "type": "list<object<java.lang.Long>>"}]}
    added |= {"path": "/foo/take", "response": "void"}
    changed = [action | {"response": "boolean"} if action["path"] == "/phone/delete-phone" else action for action in ACTIONS]
    actions = (await discover(portal))["actions"]
    assert sorted([*changed, added], key=lambda action: action["path"]) == actions


@pytest.mark.anyio
async def test_portals_share_nothing_of_a_test():
    """What one portal's test registers is not known to the next portal."""
    portal = FakePortal()

    @portal.service("/phone/delete-phone")
    def delete_phone(phone_id: Long) -> None: ...

    command = {"/phone/delete-phone": {"phoneId": 1}}
    assert {} == await ask(portal, command)
    assert UNPLAYED == (await ask(FakePortal(), command))["exception"]
    assert "No JSON web service action" in (await ask(FakePortal("7.0"), command))["exception"]


def test_samples_are_methods_of_the_catalog():
    """Each sample service of 6.2 has the path, verb, parameters and types of a real method."""
    samples = FakePortal()._registry.actions
    known = {(action["path"], names_of(action)): action for action in ACTIONS}
    for sample in samples:
        real = known[sample.path, tuple(parameter.name for parameter in sample.parameters)]
        assert real["method"] == sample.method
        assert [each["type"] for each in real["parameters"]] == [old_type(each.type) for each in sample.parameters]
        response = old_type(sample.returns)
        assert real["response"] == ("object<list>" if response.startswith("list") else response)
        (parsed,) = [each for each in catalog().overloads[sample.path] if each.signature == sample.signature]
        dates = [["java.util.Date" == each.type.name for each in action.parameters] for action in (parsed, sample)]
        assert dates[0] == dates[1]
    assert 132 == len(samples)


def test_types_of_the_catalog_are_understood():
    """Every type is read as what it says: written again, it is the same text."""
    lost = {"list<>": "list", "object<list>": "list", "object<map>": "map", "java.lang.Class<>": "object<java.lang.Class>"}
    responses = {action["response"] for action in ACTIONS}
    assert {text: lost.get(text, text) for text in TYPES | responses} == {
        text: old_type(parse_type(text)) for text in TYPES | responses
    }


def test_type_parameters_may_have_their_own():
    """Types within types are read to any depth."""
    text = "map<string,map<object<java.lang.Long>,list<string[]>>>"
    assert text == old_type(parse_type(text))


@pytest.mark.parametrize("text", sorted(TYPES))
def test_types_of_the_catalog_take_a_value_or_refuse_it(text):
    """No value of JSON is beyond a type: it is taken, or refused with one of Java's exceptions; interfaces take none."""
    kind = parse_type(text)
    refusals = []
    for value in VALUES:
        try:
            convert(value, kind, "6.2")
        except JavaError as error:
            refusals.append(error.java_class)
    assert set(refusals) <= REFUSALS
    assert (text in INTERFACES) == (len(refusals) == len(VALUES))


VALUES = (0, "1", "x", True, [], [1], {}, {"a": 1}, "{}", "[]", "a.B")
REFUSALS = {
    "flexjson.JSONException",
    "java.lang.ClassCastException",
    "jodd.typeconverter.TypeConversionException",
}
INTERFACES = {
    "object<com.liferay.portal.kernel.search.Query>",
    "object<com.liferay.portal.kernel.util.OrderByComparator>",
    "object<com.liferay.portlet.bookmarks.model.BookmarksEntry>",
}
