import json
import pathlib
from datetime import datetime
from typing import Annotated, ClassVar

import pytest
from asking import ROW, ask
from discovering import DATA, discover, reduced, services_of

import aioliferay.testing
from aioliferay.testing import Bean, Excluded, FakePortal, File, JavaEnum, JavaLong, JavaType, Locale, Long, Shown
from aioliferay.testing._discovery_types import Types
from aioliferay.testing._java import java_type
from aioliferay.testing._sample_beans import bean_types, class_name

FILES = [pathlib.Path(DATA) / "discovery-of-samples.json", pathlib.Path(__file__).parent / "discovery-of-files.json"]
KNOWN = {
    version: [service for file in FILES for service in json.loads(file.read_text("utf-8"))[version]]
    for version in ("7.0", "7.4")
}
LATER = ["7.0", "7.4"]

pytestmark = pytest.mark.anyio


class Part(Bean):
    """A class with nothing to hide."""

    java_class: ClassVar[str] = "a.Part"
    length: float


class Thing(Bean):
    """An interface, whose implementation is another class."""

    java_class: ClassVar[str] = "a.model.Thing"
    is_interface: ClassVar[bool] = True
    thing_id: Long
    part: Part
    secret: Annotated[str, Excluded]
    labels: Annotated[list[str], Shown]
    others: list[str]


class Colour(JavaEnum):
    """A constant."""

    RED = 1


@pytest.mark.parametrize(
    ("version", "query", "expected"),
    [
        ("7.0", "discover=/nope/*", "/blogsentry/get-entry"),
        ("7.0", "discover&contextName=bookmarks", "/bookmarks.bookmarksfolder/get-folder"),
        ("7.4", "discover=x&contextName=blogs", "/blogs.blogsentry/get-entry"),
        ("6.2", "discover=/blogs*/get-entry", "/blogsentry/get-entry"),
    ],
)
async def test_discovery_selects(version, query, expected):
    """6.2 selects by path with wildcards, 7.x by context name and never by path: without one, what has no context."""
    answer = await discover(FakePortal(version), query)
    actions = answer["actions" if version == "6.2" else "services"]
    assert expected in {action["path"] for action in actions}
    contexts = {action["path"].split("/")[1].rpartition(".")[0] for action in actions}
    assert {query.partition("contextName=")[2]} == contexts
    assert version == "6.2" or contexts == {answer["contextName"]}


@pytest.mark.parametrize(("version", "release"), [("7.0", "7.0.6"), ("7.4", "7.4.3.112")])
async def test_discovery_has_keys_in_order(version, release):
    """The answer of 7.x has six keys, a service five: what is not there is left out."""
    answer = await discover(FakePortal(version), "discover=1")
    assert ["contextName", "basePath", "baseURL", "services", "types", "version"] == list(answer)
    assert ("", "/api/jsonws", "http://portal.test/api/jsonws", release) == (
        answer["contextName"],
        answer["basePath"],
        answer["baseURL"],
        answer["version"],
    )
    assert {("method", "name", "parameters", "path", "returns")} == {tuple(service) for service in answer["services"]}


async def test_discovery_of_unknown_context_is_empty():
    """A context that nothing is registered for has no services and no types."""
    answer = await discover(FakePortal("7.0"), "discover&contextName=nope")
    assert ("nope", [], []) == (answer["contextName"], answer["services"], answer["types"])


async def test_discovery_tells_methods_name_on_later_portals():
    """7.x names the Java class, without Service, and the method."""
    services = (await discover(FakePortal("7.0")))["services"]
    names = {action["path"]: action["name"] for action in services}
    assert ("User#getUserById", "BlogsEntry#deleteEntry") == (
        names["/user/get-user-by-id"],
        names["/blogsentry/delete-entry"],
    )


async def test_discovery_describes_own_types():
    """Maps, lists, arrays and beans of one's own services are described."""
    portal = FakePortal()

    @portal.service("/foo/take")
    def take(numbers: list[Long], texts: dict[str, str], content: bytes, names: aioliferay.testing.Array[str]) -> None:
        """Take anything."""

    (action,) = (await discover(portal, "discover=/foo/*"))["actions"]
    expected = ["list<object<java.lang.Long>>", "map<string,string>", "byte[]", "string[]"]
    assert expected == [parameter["type"] for parameter in action["parameters"]]
    assert ["method", "parameters", "path", "response"] == list(action)


async def test_later_discovery_shows_docstring_and_deprecation():
    """On 7.x a service's docstring is its description, and a deprecated one is told to be so."""
    portal = FakePortal("7.0")

    def old(thing_id: Long) -> Thing:
        """Do not call this."""

    old.__deprecated__ = "call something else"
    portal.service("/foo.bar/get-old", interface="a.b.BarServiceImpl#getOld")(old)
    expected = {
        "deprecated": True,
        "description": "Do not call this.",
        "method": "GET",
        "name": "Bar#getOld",
        "parameters": [{"name": "thingId", "type": "long"}],
        "path": "/foo.bar/get-old",
        "returns": {"type": "a.model.Thing"},
    }
    answer = await discover(portal, "discover&contextName=foo")
    assert ([expected], list(expected)) == (answer["services"], list(answer["services"][0]))
    part = {"properties": [{"name": "length", "type": "double"}], "type": "a.Part"}
    properties = {"labels": "list", "part": "a.Part", "thingId": "long"}
    thing = {
        "interface": True,
        "properties": [{"name": name, "type": kind} for name, kind in properties.items()],
        "type": "a.model.Thing",
    }
    assert ([thing, part], list(thing)) == (answer["types"], list(answer["types"][0]))


@pytest.mark.parametrize(
    ("annotation", "parameter", "result"),
    [
        (bool, "boolean", "boolean"),
        (bool | None, "boolean", "boolean"),
        (int | None, "int", "int"),
        (Long, "long", "long"),
        (float | None, "double", "double"),
        (str, "string", "string"),
        (datetime, "long", "long"),
        (Locale, "string", "string"),
        (object, "map", "map"),
        (bytes, "byte[]", "byte[]"),
        (aioliferay.testing.Array[Locale], "string[]", "string[]"),
        (list, "list", "list"),
        (list[Long], "list<long>", "list<long>"),
        (list[dict[str, str]], "list<map>", "list<map>"),
        (dict[str, aioliferay.testing.Array[str]], "map<string,string[]>", "map<string,string[]>"),
        (File, "file", "com.liferay.portal.json.data.FileData"),
        (Thing, "a.model.Thing", "a.model.Thing"),
        (list[Thing], "list<a.model.Thing>", "list<a.model.Thing>"),
        (Colour, "Colour", "Colour"),
        (None, "void", "void"),
    ],
)
def test_later_types_have_names(annotation, parameter, result):
    """7.x writes short names for what Java has many classes of, and a class's full name for the rest."""
    kind = java_type(annotation)
    assert (parameter, result) == (Types("7.0").name(kind), Types("7.0").name(kind, is_result=True))


@pytest.mark.parametrize(
    ("name", "parameter", "result"),
    [
        ("java.lang.Class", "string", "java.lang.Class"),
        ("java.math.BigDecimal", "bigdecimal", "bigdecimal"),
        ("java.lang.Short", "short", "short"),
        ("java.io.Serializable", "map", "map"),
        ("java.util.TimeZone", "string", "string"),
        ("java.util.Collection", "list", "list"),
        ("java.util.ArrayList", "list", "list"),
        ("java.util.LinkedHashMap", "map", "map"),
        (
            "com.liferay.portal.model.User[]",
            "com.liferay.portal.kernel.model.User[]",
            "com.liferay.portal.kernel.model.User[]",
        ),
    ],
)
def test_later_names_of_java_classes(name, parameter, result):
    """A class that no annotation stands for has its name too; what 7.x moved is called as there."""
    kind = JavaType(name)
    assert (parameter, result) == (Types("7.0").name(kind), Types("7.0").name(kind, is_result=True))


def test_class_without_known_properties_has_none():
    """Of a class that the fake knows nothing of, discovery tells the name only."""
    types = Types("7.4")
    types.name(java_type(Colour))
    assert [{"type": "Colour"}] == types.described()


@pytest.mark.parametrize("version", LATER)
async def test_sample_services_of_later_portals_are_real(version):
    """Each sample service of 7.x has a path, verb, parameters and types that the real portal of its version publishes."""
    services = await services_of(FakePortal(version))
    assert [] == [service for service in map(reduced, services) if service not in KNOWN[version]]
    assert len(services) == len(FakePortal(version)._registry.actions)
    assert len(services) > 100


@pytest.mark.parametrize(("version", "package"), [("7.0", "com.liferay.blogs.kernel"), ("7.4", "com.liferay.blogs")])
async def test_results_name_their_model(version, package):
    """A row's type is the model's full name in the version; so is that of the elements of a list."""
    types = {service["name"]: service["returns"]["type"] for service in await services_of(FakePortal(version))}
    entry = f"{package}.model.BlogsEntry"
    assert (entry, f"list<{entry}>") == (types["BlogsEntry#getEntry"], types["BlogsEntry#getGroupEntries"])
    folder = "com.liferay.journal.model.JournalFolder"
    assert (folder, f"list<{folder}>") == (types["JournalFolder#getFolder"], types["JournalFolder#getFolders"])
    assert "list<com.liferay.portal.kernel.model.User>" == types["User#getGroupUsers"]


@pytest.mark.parametrize("version", LATER)
async def test_every_class_is_described(version):
    """Each class named in a service or a property is in the types, with its properties in order."""
    portal = FakePortal(version)
    for context in ("", "blogs", "bookmarks", "journal"):
        answer = await discover(portal, f"discover&contextName={context}")
        described = {each["type"]: each for each in answer["types"]}
        text = json.dumps(answer)
        assert [] == [name for name in bean_types(version) if f'"{name}"' in text and name not in described]
        for each in described.values():
            names = [one["name"] for one in each["properties"]]
            assert sorted(names) == names
            assert all(("." not in one["type"]) or one["type"] in described for one in each["properties"])


async def test_models_of_the_portal_are_classes():
    """7.x finds the implementation of its own models; those of its applications it takes for interfaces."""
    types = {each["type"]: each for each in (await discover(FakePortal("7.0")))["types"]}
    assert "interface" not in types["com.liferay.portal.kernel.model.User"]
    assert types["com.liferay.asset.kernel.model.AssetTag"]["interface"]
    assert types["com.liferay.portal.kernel.util.OrderByComparator"]["interface"]


ROWS = [
    {"/assettag/add-tag": {"groupId": 20182, "name": "x"} | ROW},
    {"/bookmarks.bookmarksfolder/add-folder": {"parentFolderId": 0, "name": "x", "description": ""} | ROW},
    {"/journal.journalfolder/add-folder": {"groupId": 20182, "parentFolderId": 0, "name": "x", "description": ""} | ROW},
]
OLD_ROWS = [
    {
        "/organization/add-organization": {
            "parentOrganizationId": 0,
            "name": "x",
            "type": "regular-organization",
            "regionId": 0,
            "countryId": 0,
            "statusId": 12017,
            "comments": "",
            "site": False,
        }
    }
]
ENTRY = {"title": "x", "subtitle": "", "description": "", "content": "", "coverImageCaption": "", "trackbacks": []}
ENTRY |= {"displayDateMonth": 0, "displayDateDay": 1, "displayDateYear": 2020, "displayDateHour": 0}
ENTRY |= {"displayDateMinute": 0, "allowPingbacks": False, "allowTrackbacks": False}
ENTRY |= {"coverImageImageSelector": None, "smallImageImageSelector": None}


def kind_of(value):
    """The type that a value shown in a row has in Java; None for null, which may be of any."""
    kinds = {bool: "boolean", JavaLong: "long", int: "int", str: "java.lang.String", datetime: "java.util.Date"}
    return kinds.get(type(value))


async def test_properties_are_those_of_the_rows():
    """The properties that discovery tells are those that rows show, under the same types."""
    portal, old = FakePortal("7.0"), FakePortal("6.2")
    await ask(portal, [*ROWS, {"/blogsentry/add-entry": ENTRY | ROW}])
    await ask(old, OLD_ROWS)
    tables = portal._samples._store._tables
    rows = [next(reversed(table.values())) for table in tables.values()]
    rows += old._samples._store.table("Organization").values()
    compared = set()
    for row in rows:
        properties = bean_types("7.0")[class_name(row.model_class, "7.0")].properties
        assert row.shown.keys() == properties.keys()
        for name in row.shown.keys() - {"birthday"}:  # a Date, of which the rows show 0 for 1970
            assert kind_of(row[name]) in {None, properties[name].name}
        compared.add(row.model_class.rpartition(".")[2])
    assert compared == {
        *("AssetTag", "BlogsEntry", "BookmarksFolder", "Contact", "Country", "Group", "JournalFolder", "Organization"),
        *("Region", "Role", "User"),
    }


async def test_properties_of_the_company_are_those_of_its_answer():
    """The company has the properties that it shows when asked for by its id."""
    answer = await ask(FakePortal("7.0"), {"/company/get-company-by-id": {"companyId": 20155}})
    assert answer.keys() == bean_types("7.0")["com.liferay.portal.kernel.model.Company"].properties.keys()
