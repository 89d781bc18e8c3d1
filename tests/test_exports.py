"""The facade: what is public, and what importing it costs."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import aioliferay
from aioliferay import errors

_MODULES_OF_EXTRAS = {"starlette", "uvicorn", "typer", "pytest", "trio", "aioliferay.testing", "aioliferay.cli"}


def test_all_is_reality():
    """`__all__` names every public member, each once, and nothing else is there."""
    everything = {name: getattr(aioliferay, name) for name in aioliferay.__all__}
    submodules = {name for name, member in vars(aioliferay).items() if inspect.ismodule(member)}
    public = {name for name in vars(aioliferay) if not name.startswith("_")} - submodules
    assert sorted(public) == sorted(everything)
    assert {*everything, "errors"} == set(dir(aioliferay))
    with pytest.raises(AttributeError, match="module 'aioliferay' has no attribute 'Sesion'"):
        _ = aioliferay.Sesion


def test_all_is_small():
    """One can learn all names in an afternoon."""
    assert len(aioliferay.__all__) <= 40


def test_all_errors_are_public():
    """Whatever a program catches has a public name here; what shows a mistake is in `aioliferay.errors` only."""
    kinds = {
        name for name, member in vars(errors).items() if inspect.isclass(member) and issubclass(member, (Exception, Warning))
    }
    assert {
        "AnswerTooLargeError",
        "BatchHint",
        "BatchSplitError",
        "CallbackError",
        "CatalogError",
        "InsecureTransportWarning",
        "NotSettledError",
        "PortalVersionWarning",
        "RedirectError",
        "SignInWarning",
        "TooManyCallsError",
    } == kinds - set(aioliferay.__all__)


@pytest.mark.parametrize("name", aioliferay.__all__)
def test_members_live_in_the_public_place(name):
    """Tracebacks, pickles and the documentation name `aioliferay`, not a private module."""
    member = getattr(aioliferay, name)
    if inspect.isclass(member):
        assert ("aioliferay", name) == (member.__module__, member.__qualname__)


@pytest.mark.parametrize("name", aioliferay.__all__)
def test_members_are_documented(name):
    """Every public class tells what it is; every public method too."""
    member = getattr(aioliferay, name)
    if not inspect.isclass(member):
        return
    assert member.__doc__
    own = {key: value for key, value in vars(member).items() if not key.startswith("_")}
    methods = {key: value for key, value in own.items() if inspect.isfunction(value) or isinstance(value, property)}
    assert [] == [key for key, value in methods.items() if not value.__doc__]


def test_package_is_typed():
    """Type checkers may believe the annotations."""
    assert (Path(aioliferay.__file__).parent / "py.typed").exists()


def test_version_is_known():
    """The installed package tells its version."""
    assert importlib.metadata.version("aioliferay")


def _imported_by(statement):
    """Return what a fresh interpreter has loaded after a statement, beside what the dependencies load by themselves."""
    return _loaded_after(statement) - _loaded_after("import anyio, httpx, pydantic")


def _loaded_after(statement):
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split())  # noqa: S603 - our own words


def test_names_are_loaded_when_used():
    """`import aioliferay` loads nothing but itself."""
    assert {"aioliferay"} == {name for name in _imported_by("import aioliferay") if name.startswith("aioliferay")}


@pytest.mark.parametrize("name", [name for name in aioliferay.__all__ if name.endswith(("Error", "Warning"))])
def test_errors_name_the_public_place_in_any_case(name):
    """An error that is raised before anybody has asked the facade for it is called the same."""
    assert "aioliferay" == vars(errors)[name].__module__


def test_import_is_light():
    """A session needs httpx, anyio and pydantic, and loads neither extras nor trio."""
    imported = _imported_by("from aioliferay import Session")
    assert "aioliferay._sessions" in imported
    assert set() == imported & _MODULES_OF_EXTRAS


def test_import_loads_no_catalogs_services_or_files():
    """What few programs need is loaded when it is asked for: catalogs, typed services, files, OAuth 2, explanations."""
    names = ["catalogs", "services", "codegen", "_core.catalog", "_moving", "_oauth2", "_explained"]
    imported = _imported_by("from aioliferay import Session")
    assert set() == {f"aioliferay.{name}" for name in names} & imported


def test_plugin_import_is_light():
    """The pytest plugin, which every test run of its user's loads, loads no server, command line or trio."""
    imported = _imported_by("import aioliferay.testing.plugin")
    assert set() == imported & {"starlette", "uvicorn", "typer", "trio"}
