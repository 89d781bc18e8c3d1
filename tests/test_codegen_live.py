"""Services and models that are generated from what a 7.x portal tells: their names hold, and they work on that portal."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import typing

import pytest
from pydantic import BaseModel

from aioliferay import Session, codegen
from aioliferay._core import codec
from aioliferay.catalogs import parse
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_ADMINISTRATOR = ("test@liferay.com", "test")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return what writes files as a package and imports it, with all that type checkers see."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(files, name):
        codegen.write(files, tmp_path / name)
        with monkeypatch.context() as patch:
            patch.setattr(typing, "TYPE_CHECKING", True)
            return {path.stem: importlib.import_module(f"{name}.{path.stem}") for path in (tmp_path / name).glob("*.py")}

    before = set(sys.modules)
    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


@anyio_test
async def test_every_name_in_generated_code_is_defined(package):
    """Each annotation of each method can be evaluated, and each model can be read, alone and in lists."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            catalog = await session.discover("", "blogs", "journal", "bookmarks")
            modules = package(codegen.generate(catalog), "portal_services_a")
            checked = 0
            for name, module in modules.items():
                for service in vars(module).values():
                    if (
                        inspect.isclass(service)
                        and service.__module__ == module.__name__
                        and not issubclass(service, BaseModel)
                    ):
                        for method in vars(service).values():
                            if inspect.isfunction(method):
                                assert typing.get_type_hints(method, vars(module)), (name, method)
                                checked += 1
                if hasattr(module, "_models"):
                    assert module._models() is modules["models"]
            assert checked > 80
            models = [
                each for each in vars(modules["models"]).values() if inspect.isclass(each) and issubclass(each, BaseModel)
            ]
            for model in models:
                assert codec.adapter_for(list[model] if model is not BaseModel else int) is not None
            groups = await modules["_group"].GroupService(session).get_user_sites_groups()
            assert {"Group"} == {type(group).__name__ for group in groups}
            assert 20182 in {group.group_id for group in groups}


def test_a_write_with_the_name_of_a_read_stays_a_write(package):
    """Where the catalog says `POST` of a method whose name reads, no option that is None makes it a read."""
    overloads = [[{"name": "id", "type": "long"}], [{"name": "id", "type": "long"}, {"name": "x", "type": "long"}]]
    services = [
        {"path": "/foo/get-or-add", "method": "POST", "parameters": overloads[0], "returns": {"type": "int"}},
        *({"path": "/foo/is-new", "method": "POST", "parameters": each, "returns": {"type": "int"}} for each in overloads),
        {"path": "/foo/search", "method": "GET", "returns": {"type": "list"}},
    ]
    modules = package(codegen.generate(parse(json.dumps({"services": services}))), "portal_services_b")
    batch = Session("http://portal.test").batch()
    foo = modules["_foo"].FooService(batch)
    calls = [foo.get_or_add(id=1), foo.get_or_add(id=1, is_read=None), foo.is_new(id=1, is_read=None), foo.is_new(id=1)]
    assert [False] * 4 == [call.command.is_read for call in calls]
    assert [True, False] == [foo.search().command.is_read, foo.search(is_read=False).command.is_read]
    batch._queue.take()


@pytest.mark.parametrize(("service", "name"), [("1foo", "1foo#getX"), ("foo-bar", "Foo-Bar#x")])
def test_odd_names_break_nothing(package, service, name):
    """A service whose name is no name in Python has a class all the same, and harms no other."""
    services = [
        {"path": f"/{service}/get-x", "method": "GET", "name": name, "returns": {"type": "com.x.1foo"}},
        {"path": "/good/get-x", "method": "GET", "returns": {"type": "int"}},
    ]
    files = codegen.generate(parse(json.dumps({"services": services})))
    modules = package(files, f"portal_services_{len(service)}_{ord(service[0])}")
    assert "_good" in modules
