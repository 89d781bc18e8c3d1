"""The typed services that come with the library: every action of every catalog, against a batch that sends nothing."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_overloads

import pytest

from aioliferay import ServerError, Session, codegen, services
from aioliferay._core import codec, naming
from aioliferay._core.messages import Ok
from aioliferay.catalogs import KNOWN, shipped
from aioliferay.services import OrderByComparator, ServiceContext, UploadFile, for_version
from aioliferay.services.v62 import BlogsEntryService, DLAppService, GroupService, UserService
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
every_version = pytest.mark.parametrize("version", KNOWN)

# By hand, and not by the generator's own table: a value for each type, what it is on the wire, and what a signature says.
_ID = (7, 7, "int | Reference")
_TEXT = ("é", "é", "str | Reference | None")
_IDS = ([1, 2], [1, 2], "list[int] | Reference | None")
_TEXTS = (["a"], ["a"], "list[str] | Reference | None")
_BEANS = ([{"a": 1}], [{"a": 1}], "Sequence[JavaObject] | Reference | None")
_BEAN = ({"a": 1}, {"a": 1}, "JavaObject | Reference | None")
_SAMPLES = {
    "long": _ID,
    "int": _ID,
    "boolean": (True, True, "bool | Reference"),
    "double": (1.5, 1.5, "float | Reference"),
    "string": _TEXT,
    "java.lang.Class<>": _TEXT,
    "object<java.lang.Boolean>": (False, False, "bool | Reference | None"),
    "object<java.lang.Double>": (2.5, 2.5, "float | Reference | None"),
    "object<java.lang.Integer>": (8, 8, "int | Reference | None"),
    "long[]": _IDS,
    "list<object<java.lang.Long>>": _IDS,
    "string[]": _TEXTS,
    "list<string>": _TEXTS,
    "java.util.Collection<string>": _TEXTS,
    "byte[]": (b"\x01\xff", "[1,-1]", "bytes | Reference | None"),
    "map<string,string>": ({"en_US": "Hi"}, {"en_US": "Hi"}, "Mapping[str, str] | Reference | None"),
    "map<string,string[]>": ({"k": ["v"]}, {"k": ["v"]}, "Mapping[str, list[str]] | Reference | None"),
    "map<object<java.lang.Long>,string[]>": ({"1": ["v"]}, {"1": ["v"]}, "Mapping[str, list[str]] | Reference | None"),
    "map<object<java.lang.Long>,object<java.lang.Boolean>>": (
        {"1": True},
        {"1": True},
        "Mapping[str, bool] | Reference | None",
    ),
    "map<string>": ({"k": [1]}, {"k": [1]}, "Mapping[str, Any] | Reference | None"),
    "map<string,object>": ({"k": 1}, {"k": 1}, "Mapping[str, Any] | Reference | None"),
    "java.util.LinkedHashMap<string,object>": ({"k": 1}, {"k": 1}, "Mapping[str, Any] | Reference | None"),
    "java.util.Collection<object<com.liferay.portal.model.Portlet>>": _BEANS,
    "list<>": ([1], [1], "Sequence[Any] | Reference | None"),
    "object<java.io.File>": (None, None, "UploadFile | None"),
    "file": (None, None, "UploadFile | None"),
    "object": ({"k": 1}, {"k": 1}, "Any"),  # in 7.x, where its name tells nothing more
    "list": ([1], [1], "Sequence[Any] | Reference | None"),  # as above
}
_CONTEXT = (ServiceContext(scope_group_id=5), {"scopeGroupId": 5}, "ServiceContext | None")
_ORDER = (OrderByComparator("a.B"), "a.B", "OrderByComparator | None")
_MOMENT = (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), 1577836800000, "int | datetime | Reference")
_DATES = {
    "availabilityDate", "createDate", "createDateGT", "createDateLT", "displayDate", "displayDateGT", "displayDateLT",
    "endDate", "endTime", "expirationDate", "modifiedDate", "publishDate", "requestedDeliveryDate", "reviewDate",
    "schedulerEndDate", "schedulerStartDate", "startDate", "startTime",
}  # fmt: skip
_RESULTS = {
    "void": [(None, None)],
    "boolean": [(True, True)],
    "int": [(3, 3)],
    "long": [(3, 3), ("3", 3)],  # 6.2 sends a number, 7.x text
    "string": [("a", "a"), (None, None)],
    "long[]": [([1], [1]), (["1"], [1])],
    "byte[]": [([-1], [-1])],
    "string[]": [(["a"], ["a"])],
}


def sample(parameter):
    """Return a value for a parameter, what it is on the wire, and what the signature says."""
    kind, name = parameter.type, parameter.name
    if ".OrderByComparator" in kind:
        return _ORDER
    if kind.rstrip(">").endswith(".ServiceContext"):
        return _CONTEXT
    if kind == "long" and name in _DATES:
        return _MOMENT
    if kind in _SAMPLES:
        return _SAMPLES[kind]
    return _BEANS if kind.startswith("list<object<com.") else _BEAN


def classes(version):
    package = for_version(version)
    return [getattr(package, name) for name in package.__all__]


def methods(version, door):
    """Yield each action of a catalog, with its method of the class that was generated."""
    by_name = {each.name: each(door) for each in classes(version)}
    for action in shipped(version).actions:
        yield action, getattr(by_name[action.service], naming.free(action.path.rpartition("/")[2].replace("-", "_")))


def arguments(action):
    return {naming.snake(parameter.name): sample(parameter)[0] for parameter in action.parameters}


def on_the_wire(action):
    sent = {parameter.name: sample(parameter)[1] for parameter in action.parameters}
    for parameter in action.parameters:
        if ".OrderByComparator" in parameter.type:
            sent[f"+{parameter.name}"] = sent.pop(parameter.name)
    return {action.path: sent}


@every_version
@anyio_test
async def test_every_action_is_a_statement(version, session):
    """Each action of each catalog can be called: path, names and values are what the catalog says."""
    batch = session.batch()
    expected = []
    for action, method in methods(version, batch):
        expected.append(on_the_wire(action))
        method(**arguments(action))
    calls = batch._queue.pending()
    assert len(shipped(version).actions) == len(calls)
    sent = [json.loads(call.command.statement) for call in calls]
    assert [] == [pair for pair in zip(expected, sent, strict=True) if pair[0] != pair[1]]
    assert [action.is_read for action in shipped(version).actions] == [call.command.is_read for call in calls]
    await batch.aclose()


def known_by_name():
    """Return what parameters of 6.2 take that are of one type wherever their name occurs, by kind and name."""
    found = {}
    for action in shipped("6.2").actions:
        for parameter in action.parameters:
            told = sample(parameter)[2]
            kind = "list" if told.startswith(("list", "Sequence")) else "object"
            found.setdefault((kind, parameter.name), set()).add(told)
    return {
        key: told for key, (told, *more) in found.items() if not more and told.startswith(("list", "Mapping", "Sequence"))
    }


def signatures(method):
    """Return what a method takes and returns: a signature for each overload."""
    return [inspect.signature(each) for each in get_overloads(method.__func__)] or [inspect.signature(method)]


@every_version
def test_every_parameter_has_its_type(version, session):
    """Each parameter is a keyword of the type that the catalog's means; exactly one overload takes those of an action."""
    known = {} if version == "6.2" else known_by_name()
    wrong = []
    for action, method in methods(version, session):
        takes = {naming.snake(each.name): known.get((each.type, each.name)) or sample(each)[2] for each in action.parameters}
        found = []
        for signature in signatures(method):
            keywords = [each for name, each in signature.parameters.items() if name not in {"self", "returns", "options"}]
            assert {inspect.Parameter.KEYWORD_ONLY} >= {each.kind for each in keywords}
            told = {each.name: each.annotation for each in keywords}
            needed = {each.name for each in keywords if each.default is inspect.Parameter.empty}
            found += [told] if needed <= takes.keys() <= told.keys() else []
        if [takes] != [{name: told.get(name) for name in takes} for told in found]:
            wrong.append((action.path, takes, found))
    assert [] == wrong


@every_version
def test_every_result_has_its_type(version, session):
    """What cannot have another type takes no `returns=`; objects come as JSON objects, and lists as lists of these."""
    kinds = {}
    for action in shipped(version).actions:
        kinds.setdefault((action.path, names_of(action)), set()).add(action.returns)
    wrong = []
    for action, method in methods(version, session):
        names = names_of(action)
        told = [
            (signature.return_annotation, "returns" in signature.parameters)
            for signature in signatures(method)
            if names == signature.parameters.keys() - {"self", "returns", "options", "service_context"}
        ]
        result = result_of(kinds[action.path, names], action.path, version)
        wrong += [] if [result] == told else [(action.path, told)]
    assert [] == wrong


def names_of(action):
    return frozenset(naming.snake(parameter.name) for parameter in action.parameters) - {"service_context"}


def result_of(kinds, path, version):
    """Return what a method says of its result, and whether it takes `returns=`; `kinds` are those of its overloads."""
    simple = {"void": "None", "boolean": "bool", "int": "int", "long": "int", "string": "str | None"}
    simple |= {"long[]": "list[int]", "byte[]": "list[int]", "string[]": "list[str]"}
    kind, *others = sorted(kinds)
    if others:
        assert ["void"] == others  # of two overloads that differ in the context only, one returns nothing
        return "Call[ListT | None]", True
    if kind in simple:
        return f"Call[{simple[kind]}]", False
    if kind in {"list", "object<list>"} or kind.endswith("[]"):
        return "Call[ListT]", True
    if kind.endswith("JSONArray>"):
        return "Call[ArrayT]", True
    if kind == "object" and version == "6.2":
        return "Call[AnyT]", True
    return ("Call[ObjectT | None]" if "/fetch-" in path else "Call[ObjectT]"), True


@every_version
def test_every_method_is_documented(version, session):
    """What a method calls, and whether that reads or writes, is in its docstring; with Java's types of what it takes."""
    for action, method in methods(version, session):
        does = "reads" if action.is_read else "writes"
        for each in [method, *get_overloads(method.__func__)]:
            assert each.__doc__.replace("\n       ", "").startswith(f"Call `{action.path}`, which {does}")
        told = " ".join("".join(each.__doc__ for each in [method, *get_overloads(method.__func__)]).split())
        assert [] == [each for each in action.parameters if f"`{each.type} {each.name}`" not in told]
        assert action.returns == "void" or f"`{action.returns}`" in told


@pytest.mark.parametrize(("kind", "answers"), _RESULTS.items())
@anyio_test
async def test_results_become_their_type(kind, answers, session):
    """A long is a number whether the portal sends a number or text; what returns nothing gives None."""
    batch = session.batch()
    for version in KNOWN:
        done = 0
        for action, method in methods(version, batch):
            if action.returns == kind:
                call = method(**arguments(action))
                for answer, expected in answers:
                    outcome = codec.fit(Ok(answer), call.adapter, action.path)
                    assert (expected, None) == (outcome.value, outcome.error)
                done += 1
        assert done or kind.endswith("[]")
    await batch.aclose()


@every_version
@anyio_test
async def test_service_context_can_be_left_out(version, session):
    """Without a service context, or with None, nothing of it is sent: the portal makes one."""
    batch = session.batch()
    expected = []
    for action, method in methods(version, batch):
        if any(parameter.name == "serviceContext" for parameter in action.parameters):
            given = arguments(action) | {"service_context": None}
            method(**given)
            del given["service_context"]
            method(**given)
            statement = on_the_wire(action)
            del statement[action.path]["serviceContext"]
            expected += [statement, statement]
    assert expected == [json.loads(call.command.statement) for call in batch._queue.pending()]
    assert len(expected) > 300
    await batch.aclose()


@every_version
def test_none_is_refused_for_primitives(version, session):
    """What the portal refuses with an exception for the whole batch is refused here, with the name of the parameter."""
    for action, method in methods(version, session.batch()):
        for parameter in action.parameters:
            if parameter.type in {"boolean", "double", "int", "long"}:
                name = naming.snake(parameter.name)
                with pytest.raises(
                    TypeError, match=rf"^{action.path}: {name} cannot be None: .*{parameter.name} is a number"
                ):
                    method(**arguments(action) | {name: None})


@anyio_test
async def test_none_is_sent_for_objects(session):
    """Java's null is sent for everything else."""
    batch = session.batch()
    for action, method in methods("6.2", batch):
        null = {each.name for each in action.parameters if each.type not in {"boolean", "double", "int", "long"}}
        method(**arguments(action) | {naming.snake(name): None for name in null})
        sent = json.loads(batch._queue.pending()[-1].command.statement)[action.path]
        assert dict.fromkeys(null - {"serviceContext"}) == {name: value for name, value in sent.items() if name in null}
    await batch.aclose()


@anyio_test
async def test_files_do_not_travel_in_a_batch(session):
    """A file given to a batch is an error on the line of the call, which says what to do."""
    batch = session.batch()
    given = {"repository_id": 1, "folder_id": 0, "source_file_name": "a", "mime_type": "b", "title": "c"}
    with pytest.raises(TypeError, match=r"^/dlapp/add-file-entry: a file never travels in a batch: give it to session\.upl"):
        DLAppService(batch).add_file_entry(**given, description="", change_log="", file=UploadFile(b"x"))
    assert 0 == len(batch)


def test_wrong_parameters_are_told(session):
    """Of a method with overloads, names that none takes are refused with the nearest, and with what the overloads take."""
    with pytest.raises(
        TypeError, match=r"group.get_group: no parameter is called 'group_ids', did you mean 'group_id'\?; it takes"
    ):
        GroupService(session).get_group(group_ids=1)
    with pytest.raises(TypeError, match="no overload takes company_id: 'name' missing"):
        GroupService(session).get_group(company_id=1)
    with pytest.raises(TypeError, match="entryId"):
        BlogsEntryService(session).get_entry(entryId=1)


@anyio_test
async def test_services_work_end_to_end():
    """A typed service reads and writes on a portal: alone, in a batch, with results of other calls as parameters."""
    with FakePortal("6.2").serve() as url:
        async with Session(url, auth=("test@liferay.com", "test")) as session:
            user = await UserService(session).get_user_by_id(user_id=20199)
            entries = await BlogsEntryService(session).get_group_entries(group_id=20182, status=0, max=3)
            entry_id = entries[0]["entryId"]
            async with session.batch() as batch:
                again = UserService(batch).get_user_by_id(user_id=20199, select=["companyId"])
                count = UserService(batch).get_company_users_count(company_id=again["companyId"])
                deleted = BlogsEntryService(batch).delete_entry(entry_id=entry_id)
            assert {"companyId": user["companyId"]} == await again
            assert (3, 3, None) == (await count, len(entries), await deleted)
            with pytest.raises(ServerError, match=f"No BlogsEntry exists with the primary key {entry_id}"):
                await BlogsEntryService(session).get_entry(entry_id=entry_id)


_IMPORTS = """
import sys
from aioliferay import Session
before = set(sys.modules)
from aioliferay.services.v62 import BlogsEntryService
print(*sorted(set(sys.modules) - before))
from aioliferay.services.v62 import UserService
from aioliferay.services import v62
assert v62.UserService is UserService and "WikiPageService" in dir(v62)
print(*sorted(set(sys.modules) - before))
"""


def test_import_of_one_service_imports_no_other():
    """Who uses one service pays for one: no other is imported, no catalog, no generator."""
    command = [sys.executable, "-c", _IMPORTS]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603 - our own words
    first = ["aioliferay.services", "aioliferay.services.v62", "aioliferay.services.v62._blogsentry"]
    assert [first, [*first, "aioliferay.services.v62._user"]] == [line.split() for line in printed]


@every_version
def test_packages_list_their_services(version):
    """A package has a class for each service, says so to `dir` and to `import *`, and knows no other name."""
    package = for_version(version)
    assert sorted(package.__all__) == package.__all__ == [name for name in dir(package) if name.endswith("Service")]
    assert sorted(shipped(version).services) == sorted(each.name for each in classes(version))
    assert {version} == {each.portal_version for each in classes(version)}
    with pytest.raises(AttributeError, match="has no attribute 'BlogEntryService'"):
        package.BlogEntryService  # noqa: B018 - it is what raises


@every_version
def test_packages_are_what_the_generator_makes(version):
    """What is on disk is what this version of the library generates; if not: `pip install -e .` makes it anew."""
    files = codegen.generate(shipped(version), version=version)
    folder = Path(importlib.import_module(f"aioliferay.services.v{version.replace('.', '')}").__file__).parent
    assert "" == str(codegen.differences(files, folder)), "stale: run `pip install -e .` again"


def test_public_names_are_enough(session):
    """Generated code imports public names only: it works in a package of a user's own."""
    imported = set()
    for each in classes("6.2"):
        source = Path(inspect.getfile(each)).read_text("utf-8")
        imported |= set(re.findall(r"^ *from (aioliferay[\w.]*) import", source, re.MULTILINE))
    assert {"aioliferay", "aioliferay.services"} == imported
    assert {*services.__all__} <= {*dir(services)}
