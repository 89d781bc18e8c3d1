"""The generator: what it makes of catalogs, as text and as code that runs; and how it treats a folder."""

from __future__ import annotations

import ast
import hashlib
import importlib
import itertools
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_overloads

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from aioliferay import catalogs, codegen
from aioliferay._core import codec, naming
from aioliferay._core.catalog import Parameter
from aioliferay._core.messages import Ok
from aioliferay.catalogs import KNOWN, shipped
from aioliferay.codegen._models import _TAKEN, model_names
from aioliferay.codegen._names import Capitals, class_names, module_names
from aioliferay.codegen._types import Types, java_type
from aioliferay.errors import CatalogError
from aioliferay.services import OrderByComparator, Service
from wire import Wire

anyio_test = pytest.mark.anyio
DATA = Path(__file__).with_name("data") / "codegen"
each_golden = pytest.mark.parametrize("name", ["old", "new"])
_numbers = itertools.count()


def golden(name):
    return catalogs.from_file(DATA / f"{name}.json")


def parsed(*actions, types=()):
    """Return the catalog of 7.x with these services: path, parameters by name, result."""
    listed = [
        {
            "path": path,
            "method": "GET" if codec.is_read_by_name(path) else "POST",
            "parameters": [{"name": name, "type": kind} for name, kind in parameters.items()],
            "returns": {"type": returns},
        }
        for path, parameters, returns in actions
    ]
    return catalogs.parse(json.dumps({"services": listed, "types": [*types]}))


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Write files as a package, and import that; names are new each time."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(files):
        name = f"generated_{next(_numbers)}"
        codegen.write(files, tmp_path / name)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    for name in [name for name in sys.modules if name.startswith("generated_")]:
        del sys.modules[name]


def sent(batch):
    return [json.loads(call.command.statement) for call in batch._queue.pending()]


# --- the text


@each_golden
def test_generated_text_is_golden(name):
    """Two small catalogs, of 6.2 and of 7.x, give exactly these files. `python tests/test_codegen.py` makes them anew."""
    expected = {file.name.removesuffix(".txt"): file.read_text("utf-8") for file in sorted((DATA / name).iterdir())}
    assert expected == codegen.generate(golden(name))


@each_golden
@pytest.mark.parametrize("length", [88, 125])
def test_generated_text_is_formatted(name, length, tmp_path):
    """`ruff format` leaves generated files as they are, at its default width and at a larger one."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed here")
    codegen.write(codegen.generate(golden(name)), tmp_path)
    command = [ruff, "format", "--isolated", "--check", "--no-cache", "--line-length", str(length), str(tmp_path)]
    assert "" == subprocess.run(command, check=False, capture_output=True, text=True).stderr.strip()  # noqa: S603 - as above


@pytest.mark.parametrize("version", ["6.2", "7.3"])
def test_generated_text_does_not_depend_on_the_order(version):
    """The same services in another order give the same text."""
    catalog = shipped(version)
    actions = [*catalog.actions]
    actions.sort(key=lambda action: hashlib.sha256(repr(action).encode()).digest())
    shuffled = catalog.model_copy(update={"actions": tuple(actions)}).model_dump_json()
    assert codegen.generate(catalog) == codegen.generate(type(catalog).model_validate_json(shuffled, by_name=True))


def test_lines_are_short():
    """Lines have at most 88 columns, but for those whose one name is too long."""
    for file, text in codegen.generate(shipped("7.3")).items():
        for line in text.splitlines():
            assert len(line) <= 88 or len(line.split()) <= 4, f"{file}: {line}"


def test_services_are_chosen_by_wildcards():
    """Wildcards choose services, whatever the case; names of classes do not depend on what is chosen."""
    chosen = codegen.generate(golden("old"), services="BLOGS*")
    assert ["__init__.py", "_blogsentry.py"] == [*chosen]
    several = codegen.generate(golden("old"), services=["dlapp", "second.*"])
    assert ["__init__.py", "_dlapp.py", "_second_entry.py"] == [*several]
    assert '"SecondEntryService": "_second_entry"' in several["__init__.py"]


def test_what_cannot_be_generated_is_told():
    """No service that matches, no service at all, a version that is not known: the text says so."""
    with pytest.raises(ValueError, match=r"^no service matches 'x\*' or 'y'; there are 5, such as blogsentry, dlapp, "):
        codegen.generate(golden("old"), services=["x*", "y"])
    with pytest.raises(ValueError, match=r"^no service matches '\*'; there are 0$"):
        codegen.generate(parsed())
    with pytest.raises(ValueError, match=r"^version= is one of 6.2, 7.0, .* not '8'"):
        codegen.generate(golden("old"), version="8")


def test_models_are_left_out_on_demand():
    """Without models, results are JSON objects."""
    files = codegen.generate(golden("new"), models=False)
    assert "models.py" not in files
    assert "models" not in files["_todo_todoitem.py"]


# --- nothing that a portal says becomes code


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b'c", "x"),
        ("/a/b\n", "x"),
        ("/a b/c", "x"),
        ("/a/c.2", "x"),
        ("/a/é", "x"),
        ("/a/b", "x-y"),
        ("/a/b", "x: int = exit()"),
        ("/a/b", "é"),
        ("/a/b", ""),
        ("/a/b", "x\n"),
    ],
)
def test_names_that_would_be_code_are_refused(path, name):
    """A path or a parameter with another name than a plain one is refused: nothing could call it."""
    with pytest.raises(CatalogError, match=r"cannot be called: .* not a plain name; generate the other services, by"):
        codegen.generate(parsed((path, {name: "long"}, "void")))
    fine = parsed((path, {name: "long"}, "void"), ("/fine/get", {"x": "long"}, "void"))
    assert ["__init__.py", "_fine.py"] == [*codegen.generate(fine, services="fine")]


_NASTY = [
    '"""',
    "\\",
    "'''",
    "\n    pass\n",
    "\x00",
    "\u2028",
    '"',
    "{x}",
    "é",
    "\ud7ff",
    "#",
    "`",
    "\\N{x}",
    '"""\\"""',
    "x" * 99,
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(_NASTY) | st.text(max_size=9), max_size=8).map("".join))
@example('"' * 7)
@example("ends in \\")
def test_texts_of_the_portal_stay_texts(text):
    """Descriptions, types and versions with quotes, backslashes and line ends are no code, and change no structure."""
    action = {
        "path": "/a/get-it",
        "method": "GET",
        "name": f"{text}#x",
        "description": text,
        "deprecated": True,
        "parameters": [{"name": "id", "type": f"long{text}", "description": text}],
        "returns": {"type": f"a.{text}"},
    }
    other = {**action, "parameters": []}
    types = [{"type": "a.B", "properties": [{"name": "c", "type": text}, {"name": text, "type": "long"}]}]
    files = codegen.generate(
        catalogs.parse(
            json.dumps({"version": text, "services": [action, other, {**other, "returns": {"type": "a.B"}}], "types": types})
        ),
        others=[],
    )
    for source in files.values():
        assert source.startswith(codegen.MARKER)
        tree = ast.parse(source)
        compile(source, "x", "exec")
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        kinds = {type(node) for each in classes for node in each.body}
        assert kinds <= {ast.Expr, ast.Assign, ast.AnnAssign, ast.FunctionDef}
    documented = ast.parse(files["_a.py"])
    assert " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()) in " ".join(
        " ".join(ast.get_docstring(node) or "" for node in ast.walk(documented) if isinstance(node, ast.FunctionDef)).split()
    )


# --- names


_ENTITIES = {
    "announcementsdelivery": "AnnouncementsDelivery",
    "app": "App",
    "assetcategoryproperty": "AssetCategoryProperty",
    "auditevent": "AuditEvent",
    "backgroundtask": "BackgroundTask",
    "blogs.blogsentry": "BlogsEntry",
    "blogsentry": "BlogsEntry",
    "classname": "ClassName",
    "comment.commentmanagerjsonws": "CommentManagerJSONWS",
    "commerce.commerceaccountgroupcommerceaccountrel": "CommerceAccountGroupCommerceAccountRel",
    "commerce.commerceapplicationmodelcproductrel": "CommerceApplicationModelCProductRel",
    "commerce.commercebomentry": "CommerceBOMEntry",
    "commerce.commerceinventorybookedquantity": "CommerceInventoryBookedQuantity",
    "commerce.commercemlforecastalertentry": "CommerceMLForecastAlertEntry",
    "commerce.commerceorderitem": "CommerceOrderItem",
    "commerce.commercepricingclasscpdefinitionrel": "CommercePricingClassCPDefinitionRel",
    "commerce.cpdavailabilityestimate": "CPDAvailabilityEstimate",
    "commerce.cpdefinitionoptionvaluerel": "CPDefinitionOptionValueRel",
    "commerce.cpspecificationoption": "CPSpecificationOption",
    "ct.ctcollection": "CTCollection",
    "ddl.ddlrecordset": "DDLRecordSet",
    "ddm.ddmforminstancerecordversion": "DDMFormInstanceRecordVersion",
    "ddmstructure": "DDMStructure",
    "dlapp": "DLApp",
    "dlfileentrytype": "DLFileEntryType",
    "dltrash": "DLTrash",
    "exportimport": "ExportImport",
    "flagsentry": "FlagsEntry",
    "journalarticle": "JournalArticle",
    "kaleo.kaleodefinition": "KaleoDefinition",
    "kb.kbarticle": "KBArticle",
    "layout.layoutseoentry": "LayoutSEOEntry",
    "mbmessage": "MBMessage",
    "mdr.mdrrulegroupinstance": "MDRRuleGroupInstance",
    "microblogs.microblogsentry": "MicroblogsEntry",
    "oauth.oauthuser": "OAuthUser",
    "orglabor": "OrgLabor",
    "portletpreferences": "PortletPreferences",
    "pushnotifications.pushnotificationsdevice": "PushNotificationsDevice",
    "resourceblock": "ResourceBlock",
    "sap.sapentry": "SAPEntry",
    "scframeworkversion": "SCFrameworkVersion",
    "screens.screensddmstructureversion": "ScreensDDMStructureVersion",
    "socialactivitysetting": "SocialActivitySetting",
    "sync-web.syncdlobject": "SyncDLObject",
    "usergroupgrouprole": "UserGroupGroupRole",
    "wedeployauth.wedeployauthapp": "WeDeployAuthApp",
    "wiki.wikinode": "WikiNode",
}


@pytest.mark.parametrize(("service", "entity"), _ENTITIES.items())
def test_capitals_are_right(service, entity):
    """Capitals are those of Java, though a path has none: from classes, parameters, methods, and known words."""
    assert entity == Capitals([shipped(version) for version in KNOWN]).entity(service)


def test_names_are_the_same_in_every_version():
    """A service has the same class name in every version that has it."""
    known = [shipped(version) for version in KNOWN]
    found: dict[str, set[str]] = {}
    for catalog in known:
        for service, name in class_names(catalog.services, Capitals([catalog, *known])).items():
            found.setdefault(service.rpartition(".")[2], set()).add(name)
    assert {} == {service: names for service, names in found.items() if len(names) > 1}


@pytest.mark.parametrize(
    ("service", "path", "parameters", "entity"),
    [
        ("surfboard", "get-it", {}, "Surfboard"),
        ("surfboard", "get-surf-board", {}, "SurfBoard"),
        ("surfstory", "get-surf-stories", {}, "SurfStory"),
        ("surfboard", "get-it", {"surfBOARDId": "long"}, "SurfBOARD"),
        ("surfboard", "get-it", {"surfBoarding": "long", "mysurfBoard": "long"}, "SurfBoard"),
        (
            "surfboardshop",
            "get-it",
            {"surfboardId": "long", "surfId": "long", "boardId": "long", "shopId": "int"},
            "SurfboardShop",
        ),
        ("surfboard", "get-it", {"boards": "long", "surfboards": "long"}, "Surfboard"),
        ("surfboard", "get-it", {"x": "list<com.x.Outer$SURFBoard>"}, "SURFBoard"),
        ("3d", "get-it", {}, "X3d"),
        ("surf_board", "get-it", {}, "SurfBoard"),
        ("xmlrss", "get-it", {}, "XMLRSS"),
    ],
)
def test_capitals_of_a_portals_own_services(service, path, parameters, entity):
    """Of a plugin's service, its own parameters and methods tell the words."""
    assert entity == Capitals([parsed((f"/{service}/{path}", parameters, "void"))]).entity(service)


def test_names_are_unique():
    """Two services of the same name have different classes and modules: the context tells them apart, or a number."""
    services = ["a.b", "a-c.b", "a_c.b", "b", "B", "a.c-d", "a.c_d"]
    assert {
        "B": "BService",
        "b": "BService2",
        "a-c.b": "ACBService",
        "a.b": "ABService",
        "a.c-d": "CDService",
        "a.c_d": "ACDService",
        "a_c.b": "ACBService2",
    } == class_names(services, Capitals([]))
    names = module_names(services)
    assert {"a.b": "_a_b", "a-c.b": "_a_c_b", "a_c.b": "_a_c_b2"}.items() <= names.items()
    assert len(services) == len({name.lower() for name in names.values()})


# --- types


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("long", "int | Reference"),
        ("char", "str | Reference"),
        ("java.lang.String", "str | Reference | None"),
        ("java.util.Locale", "str | Reference | None"),
        ("java.util.Date", "int | datetime | Reference | None"),
        ("number", "float | Reference | None"),
        ("biginteger", "int | Reference | None"),
        ("bigdecimal", "Decimal | float | Reference | None"),
        ("java.math.BigDecimal", "Decimal | float | Reference | None"),
        ("java.lang.Object", "Any"),
        ("map", "Any"),  # 7.x says so of java.lang.Object, too
        ("object<map>", "Mapping[str, Any] | Reference | None"),
        ("map<string,map<string,list<long>>>", "Mapping[str, Mapping[str, list[int]]] | Reference | None"),
        ("map<*,*>", "Mapping[str, Any] | Reference | None"),
        ("java.util.HashMap<string,java.io.Serializable>", "Mapping[str, Any] | Reference | None"),
        ("list<*>", "Sequence[Any] | Reference | None"),
        ("list<string>", "list[str] | Reference | None"),
        ("java.util.Set<long>", "list[int] | Reference | None"),
        ("list<com.x.Y<com.x.Z>>", "Sequence[JavaObject] | Reference | None"),
        ("byte[]", "bytes | Reference | None"),
        ("byte[][]", "Sequence[bytes] | Reference | None"),
        ("int[][]", "Sequence[list[int]] | Reference | None"),
        ("file[]", "Sequence[UploadFile] | Reference | None"),
        ("object<java.io.File>", "UploadFile | None"),
        ("com.liferay.portal.kernel.json.JSONArray", "Sequence[Any] | Reference | None"),
        ("com.liferay.portal.kernel.util.OrderByComparator<com.x.Y>", "OrderByComparator | None"),
        ("object<com.liferay.portal.service.ServiceContext>", "ServiceContext | None"),
        ("com.x.Y", "JavaObject | Reference | None"),
        (" list < long > ", "list[int] | Reference | None"),
        ("list<long", "JavaObject | Reference | None"),
        ("<>", "JavaObject | Reference | None"),
        ("", "JavaObject | Reference | None"),
        ("list<" * 30 + ">" * 30, "Any"),
        ("[]" * 9999, "Any"),
    ],
)
def test_parameters_take_pythons_types(kind, taken):
    """Each form in which discoveries name a type has its type in Python."""
    assert taken == Types(parsed()).parameter(Parameter(name="x", type=kind))


@pytest.mark.parametrize(
    ("name", "is_date"),
    [
        ("date", True),
        ("displayDate", True),
        ("displayDateGT", True),
        ("endDateLT", True),
        ("startTime", True),
        ("lastAccessTime", True),
        ("update", False),
        ("dateId", False),
        ("expirationTime", False),
        ("time", False),
    ],
)
def test_dates_are_told_by_their_names(name, is_date):
    """A long that is called a date takes one: discoveries call Java's dates so."""
    expected = "int | datetime | Reference" if is_date else "int | Reference"
    assert expected == Types(parsed()).parameter(Parameter(name=name, type="long"))
    assert "int | Reference" == Types(parsed()).parameter(Parameter(name=name, type="int"))


def test_reduced_types_are_known_by_name():
    """What a list or map is of, a catalog with full types tells, if it says the same wherever the name occurs."""
    types = Types(shipped("7.3"), [shipped("6.2")])
    told = {
        ("groupIds", "list"): "list[int] | Reference | None",
        ("categoryIds", "list"): "list[int] | Reference | None",  # list<Long> here, long[] there
        ("titleMap", "object"): "Mapping[str, str] | Reference | None",
        ("titleMap", "list"): "Sequence[Any] | Reference | None",
        ("params", "object"): "Mapping[str, Any] | Reference | None",
        ("params", "list"): "list[str] | Reference | None",
        ("unknownIds", "list"): "Sequence[Any] | Reference | None",
        ("unknown", "object"): "Any",
        ("groupIds", "list<string>"): "list[str] | Reference | None",
    }
    assert told == {key: types.parameter(Parameter(name=key[0], type=key[1])) for key in told}
    assert "Any" == Types(shipped("6.2"), [shipped("6.2")]).parameter(Parameter(name="titleMap", type="object"))


def test_types_are_read_as_trees():
    """A type is read with what it is of."""
    assert ("map", (("string", ()), ("list", (("java.lang.Long", ()),)))) == java_type(
        "map<string,list<object<java.lang.Long>>>"
    )


_RESULTS = [
    ("list<long>", "list[int]", ["1"], [1]),
    ("boolean[]", "list[bool]", [True], [True]),
    ("double", "float", 1, 1.0),
    ("number", "float | None", None, None),
    ("object<java.lang.Boolean>", "bool | None", None, None),
    ("java.util.Date", "int | None", 5, 5),
    ("java.util.Locale", "str | None", "en", "en"),
]


@pytest.mark.parametrize(("kind", "told", "answer", "value"), _RESULTS)
@anyio_test
async def test_simple_results_have_one_type(kind, told, answer, value, imported):
    """A simple result is of its type, at run time and to type checkers; it takes no `returns=`."""
    files = codegen.generate(parsed(("/x/get-it", {}, kind)), others=[])
    assert f"-> Call[{told}]:" in files["_x.py"]
    assert "returns:" not in files["_x.py"]
    batch = Wire().session().batch()
    call = imported(files).XService(batch).get_it()
    outcome = codec.fit(Ok(answer), call.adapter, call.path)
    assert (value, None) == (outcome.value, outcome.error)
    await batch.aclose()


# --- the code


@anyio_test
async def test_golden_code_of_62_runs(imported):
    """Generated code sends what the catalog says, whatever the names are."""
    package = imported(codegen.generate(golden("old")))
    assert ["BlogsEntryService", "DLAppService", "EntryService", "SecondEntryService", "SurfboardService"] == dir(package)
    batch = Wire().session().batch()
    surfboard = package.SurfboardService(batch)
    assert isinstance(surfboard, Service)
    assert ("", "sample-portlet.surfboard") == (surfboard.portal_version, surfboard.name)
    surfboard.list_()
    surfboard.import_(from_="a", returns_=True, self_=None)
    surfboard.search_all(class_pk=1, class_pk_2=2, class_pk_3=3, x_=None)
    surfboard.find(id=1, name="a")
    surfboard.get_and_count(name="a")
    surfboard.get_and_count(name="a", board=None)
    surfboard.get_find_2(select=["a"], timeout=5)
    package.BlogsEntryService(batch).get_group_entries(
        group_id=1, display_date_gt=datetime(1970, 1, 2, tzinfo=UTC), status=0, obc=OrderByComparator("a.B")
    )
    assert [
        {"/sample-portlet.surfboard/list": {}},
        {"/sample-portlet.surfboard/import": {"from": "a", "returns": True, "self": None}},
        {"/sample-portlet.surfboard/search-all": {"classPK": 1, "classPk": 2, "class_pk": 3, "__x": None}},
        {"/sample-portlet.surfboard/find": {"id": 1, "name": "a"}},
        {"/sample-portlet.surfboard/get-and-count": {"name": "a"}},
        {"/sample-portlet.surfboard/get-and-count": {"name": "a", "board": None}},
        {"$it[a] = /sample-portlet.surfboard/get_find": {}},
        {"/blogsentry/get-group-entries": {"groupId": 1, "displayDateGT": 86_400_000, "status": 0, "+obc": "a.B"}},
    ] == sent(batch)
    # Whether it reads is what the catalog says, where the name says something else.
    assert [True, False, True, False, False, False, False, True] == [call.command.is_read for call in batch._queue.pending()]
    assert surfboard.search_all(class_pk=1, class_pk_2=2, class_pk_3=3, x_=0, is_read=False).command.is_read is False
    await batch.aclose()


class Title(BaseModel):
    """A type of the caller's own."""

    title: str


def settled(call, answer):
    """Return what a call gives if the portal answers this."""
    outcome = codec.fit(Ok(answer), call.adapter, call.path)
    assert outcome.error is None
    return outcome.value


_ITEM = {
    "todoItemId": "9223372036854775807", "classPK": "7", "createDate": 1000, "list": {"items": [{"todoItemId": 1}]},
    "from": "a", "UUID": "u", "titleMap": {"en_US": "x"}, "price": 1.5, "unknown": [1], "json": "j", "modelConfig": "m",
}  # fmt: skip


@anyio_test
async def test_golden_code_of_7x_gives_models(imported):
    """Results of described classes are models by default, of plain and of overloaded methods; so are their elements."""
    package = imported(codegen.generate(golden("new")))
    batch = Wire().session().batch()
    service = package.TodoItemService(batch)
    models = importlib.import_module(f"{package.__name__}.models")
    item = settled(service.get_todo_item(todo_item_id=1), _ITEM)
    assert isinstance(item, models.TodoTodoItem)
    assert (2**63 - 1, 7, "a", "u", Decimal("1.5")) == (item.todo_item_id, item.class_pk, item.from_, item.u_uid, item.price)
    assert (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "j", "m", None) == (
        item.create_date,
        item.json_,
        item.model_config_,
        item.done,
    )
    assert 1 == item.list_.items[0].todo_item_id
    assert [models.TodoTodoItem()] == settled(service.get_todo_items(owner_ids=[1]), [{}])
    assert isinstance(settled(service.get_todo_items(list_name="a"), {}), models.TodoList)
    assert settled(service.fetch_todo_item(external_reference_code="a"), None) is None
    assert isinstance(settled(service.fetch_todo_item(external_reference_code="a"), {}), models.TodoTodoItem)
    assert settled(service.fetch_todo_item(external_reference_code="a", returns=Title), None) is None
    assert Title(title="a") == settled(service.get_todo_item(todo_item_id=1, returns=Title), {"title": "a"})
    assert [Title(title="a")] == settled(service.get_todo_items(owner_ids=[], returns=list[Title]), [{"title": "a"}])
    assert {"a": 1} == settled(service.get_hidden(), {"a": 1})
    assert item == models.TodoTodoItem.model_validate(item.model_dump(by_alias=True))
    await batch.aclose()


@anyio_test
async def test_models_are_imported_when_a_result_is_one(imported):
    """The module of models costs nobody anything who does not need it."""
    package = imported(codegen.generate(golden("new")))
    batch = Wire().session().batch()
    service = package.TodoItemService(batch)
    service.get_anything()
    service.get_todo_item(todo_item_id=1, returns=dict)
    assert f"{package.__name__}.models" not in sys.modules
    service.get_todo_item(todo_item_id=1)
    assert f"{package.__name__}.models" in sys.modules
    await batch.aclose()


@anyio_test
async def test_models_name_what_to_select(imported):
    """`select="model"` takes the portal's names of the model's fields."""
    package = imported(codegen.generate(golden("new")))
    batch = Wire().session().batch()
    call = package.TodoItemService(batch).get_todo_item(todo_item_id=1, select="model")
    assert {"todoItemId", "classPK", "from", "UUID", "json"} <= {*call.command.select}
    await batch.aclose()


@anyio_test
async def test_results_for_each_element_are_lists(imported):
    """A call that runs for each element of a list gives a list of what it gives by itself."""
    package = imported(codegen.generate(golden("new")))
    old = imported(codegen.generate(golden("old")))
    batch = Wire().session().batch()
    ids = package.TodoItemService(batch).get_todo_items(owner_ids=[1]).each["todoItemId"]
    one = package.TodoItemService(batch).get_todo_item(todo_item_id=ids)
    models = importlib.import_module(f"{package.__name__}.models")
    assert [models.TodoTodoItem(todo_item_id=1)] == settled(one, [{"todoItemId": "1"}])
    lists = package.TodoItemService(batch).get_todo_items(owner_ids=ids)
    assert [[models.TodoTodoItem()], []] == settled(lists, [[{}], []])
    assert [3, 4] == settled(old.BlogsEntryService(batch).get_group_entries_count(group_id=ids), ["3", 4])
    assert [None] == settled(old.BlogsEntryService(batch).delete_entry(entry_id=ids), [None])
    await batch.aclose()


@anyio_test
async def test_what_is_fetched_may_be_null(imported):
    """What an overload may not find is None, also if the caller names a type."""
    fetched = [("/x/fetch-it", {"id": "long"}, "a.B"), ("/x/fetch-it", {"key": "string"}, "a.B")]
    package = imported(codegen.generate(parsed(*fetched), others=[]))
    batch = Wire().session().batch()
    service = package.XService(batch)
    assert settled(service.fetch_it(id=1), None) is None
    assert settled(service.fetch_it(id=1, returns=Title), None) is None
    assert Title(title="a") == settled(service.fetch_it(key="a", returns=Title), {"title": "a"})
    await batch.aclose()


def test_parameters_listed_twice_are_one():
    """Discoveries that list a parameter twice (LPS-31221) mean one."""
    twice = {"name": "id", "type": "long"}
    action = {"path": "/x/get-it", "method": "GET", "parameters": [twice, twice], "response": "void"}
    catalog = catalogs.parse(json.dumps({"actions": [action]}))
    assert 1 == codegen.generate(catalog, others=[])["_x.py"].count("id: int | Reference")


def test_models_of_classes_with_one_name_are_told_apart():
    """Of classes with the same simple name, each model has a part of its package in front; or a number behind."""
    names = ["com.a.model.X", "com.b.model.X", "com.a.model.Y", "com.a.Z$x", "com.b.kernel.any", "com.3.q", "com.a.impl.a.X"]
    types = [{"type": name, "properties": [{"name": "p", "type": "long"}]} for name in names]
    catalog = parsed(*((f"/x/get-{number}", {}, name) for number, name in enumerate(names)), types=types)
    assert {
        "com.3.q": "Q",
        "com.a.Z$x": "ZX",
        "com.a.impl.a.X": "AX",
        "com.a.model.X": "X2",
        "com.a.model.Y": "Y",
        "com.b.kernel.any": "BAny",
        "com.b.model.X": "BX",
    } == model_names(catalog, catalog.actions)


def test_one_field_with_two_spellings_keeps_both(imported):
    """Where models spell a field differently, each reads its own spelling."""
    types = [
        {"type": "a.X", "properties": [{"name": "classPK", "type": "long"}, {"name": "_x", "type": "long"}]},
        {"type": "a.Y", "properties": [{"name": "classPk", "type": "long"}, {"name": "1", "type": "long"}]},
    ]
    catalog = parsed(("/x/get-x", {}, "a.X"), ("/x/get-y", {}, "list<a.Y>"), types=types)
    package = imported(codegen.generate(catalog))
    models = importlib.import_module(f"{package.__name__}.models")
    assert 1 == models.X.model_validate({"classPK": 1}).class_pk == models.Y.model_validate({"classPk": 1}).class_pk
    assert (None, ["class_pk"]) == (models.X.model_validate({"classPk": 1}).class_pk, [*models.Y.model_fields])


def test_fields_hide_nothing_of_pydantics():
    """What a model of pydantic's has, no field is called."""
    assert {name for name in dir(BaseModel) if not name.startswith("_")} <= _TAKEN


def test_methods_hide_nothing_they_need(imported):
    """A method may be called like a type, a decorator or a part of its own class: it gets another name."""
    paths = ["type", "int", "overload", "name", "portal-version", "datetime", "_call", "__init__", "3d", "None", "models"]
    package = imported(codegen.generate(parsed(*((f"/x/{path}", {"self": "list<int>"}, "int") for path in paths))))
    expected = {"type_", "int_", "overload_", "name_", "portal_version_", "datetime_", "call_call", "call_init", "call_3d"}
    assert expected | {"None_", "models_"} == {each for each in vars(package.XService) if not each.startswith("__")} - {
        "name"
    }


# --- random catalogs


_VALUES = {
    "long": 1, "string": "s", "boolean": True, "double": 1.5, "list<long>": [1], "map<string,string>": {"a": "b"},
    "com.x.Y": {"c": 1}, "file": None, "java.lang.Integer": 5,
}  # fmt: skip
_CLASHING = ["self", "returns", "options", "class", "classPK", "params", "cls", "int", "list", "__x", "None"]
_words = st.from_regex(r"[a-zA-Z0-9_-]{1,6}", fullmatch=True) | st.sampled_from(["get-x", "list", "import", "name", "_call"])
_parameters = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,6}", fullmatch=True) | st.sampled_from(_CLASHING),
    st.sampled_from([*_VALUES]),
    max_size=5,
).filter(lambda parameters: len(parameters) == len({naming.normalized(name) for name in parameters}))
_services = st.sampled_from(["a", "b.a", "b-c.a", "b_c.a", "x3"])
_actions = st.tuples(_services, _words, _parameters, st.sampled_from([*_VALUES, "void"]))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_actions, min_size=1, max_size=12))
def test_any_catalog_gives_code_that_sends_it(imported, actions):
    """Whatever services a catalog has: each of its actions can be called, and sends just its path and parameters."""
    catalog = parsed(*((f"/{service}/{word}", parameters, returns) for service, word, parameters, returns in actions))
    package = imported(codegen.generate(catalog, others=[]))
    classes = {each.name: each for each in (getattr(package, name) for name in package.__all__)}
    for action in catalog.actions:
        door = Recorder()
        names = {naming.normalized(each.name): each for each in action.parameters}
        values = {name: _VALUES[each.type] for name, each in names.items()}
        for method, documented in documented_methods(classes[action.service], action.path):
            if documented.keys() == names.keys():
                getattr(classes[action.service](door), method)(**{documented[name]: values[name] for name in names})
        (statement,) = door.sent
        assert {action.path: values} == {path: normalized(params) for path, params in statement.items()}


class Recorder:
    """A front door that keeps what it would send."""

    def __init__(self):
        self.sent = []

    def call(self, path, params, **_):
        self.sent.append(json.loads(codec.command(path, params).statement))


def normalized(params):
    """Return parameters by their names as the portal compares them."""
    return {naming.normalized(name): value for name, value in params.items()}


def documented_methods(service, path):
    """Yield the methods of a path, and what their docstrings say of parameters: Python's names by the portal's."""
    for name, method in vars(service).items():
        for each in get_overloads(method) or [method] if callable(method) else []:
            told = " ".join((each.__doc__ or "").split())
            if told.startswith(f"Call `{path}`, "):
                found = re.findall(r"(\w+): `\S+ (\w+)`", told)
                yield name, {naming.normalized(wire): python for python, wire in found}


# --- folders


def test_differences_are_told(tmp_path):
    """A folder that lacks files, has others, or has generated ones too many differs; other files do not count."""
    files = {"a.py": f"{codegen.MARKER}\n", "b.py": f"{codegen.MARKER} b\n", "c.py": f"{codegen.MARKER} c\n"}
    out = tmp_path / "x" / "y"
    assert ["a.py", "b.py", "c.py"] == codegen.differences(files, out).missing
    assert codegen.write(files, out)
    assert not codegen.differences(files, out)
    (out / "mine.py").write_bytes(b"\xff")
    (out / "data.txt").write_text(codegen.MARKER)
    (out / "sub.py").mkdir()
    (out / "old.py").write_text(f"{codegen.MARKER} from another catalog\n")
    (out / "b.py").write_text(f"{codegen.MARKER} b\n# changed\n")
    (out / "c.py").unlink()
    told = codegen.differences(files, out)
    assert "missing: c.py\ndiffering: b.py\nsuperfluous: old.py" == str(told)
    untouched = (out / "a.py").stat().st_mtime_ns
    assert told == codegen.write(files, out)
    assert untouched == (out / "a.py").stat().st_mtime_ns
    assert {"a.py", "b.py", "c.py", "mine.py", "data.txt", "sub.py"} == {each.name for each in out.iterdir()}
    assert (files["b.py"], b"\xff") == ((out / "b.py").read_text("utf-8"), (out / "mine.py").read_bytes())


def test_foreign_files_are_not_overwritten(tmp_path):
    """A file in the way that was not generated is an error that names it, and nothing is written."""
    (tmp_path / "b.py").write_text("mine = 1\n")
    with pytest.raises(FileExistsError, match=r"b\.py was not generated by aioliferay, so it is not overwritten: move it"):
        codegen.write({"a.py": f"{codegen.MARKER}\n", "b.py": f"{codegen.MARKER}\n"}, tmp_path)
    assert ["b.py"] == [each.name for each in tmp_path.iterdir()]
    assert "mine = 1\n" == (tmp_path / "b.py").read_text("utf-8")
    (tmp_path / "c.py").mkdir()
    with pytest.raises(FileExistsError, match=r"c\.py was not generated"):
        codegen.write({"c.py": f"{codegen.MARKER}\n"}, tmp_path)


def test_lines_end_alike_everywhere(tmp_path):
    """Files are the same on every system: UTF-8, with one character at the end of a line."""
    codegen.write({"a.py": f"{codegen.MARKER}\né\n"}, tmp_path)
    assert f"{codegen.MARKER}\né\n".encode() == (tmp_path / "a.py").read_bytes()


if __name__ == "__main__":
    for golden_name in ("old", "new"):
        (DATA / golden_name).mkdir(exist_ok=True)
        for file in (DATA / golden_name).iterdir():
            file.unlink()
        for file_name, text in codegen.generate(golden(golden_name)).items():
            (DATA / golden_name / f"{file_name}.txt").write_text(text, "utf-8")
