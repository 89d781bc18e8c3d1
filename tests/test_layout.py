"""The law of the layout, held against the library and against small trees that break it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layout import entries_of, imports_of, impurities_of, problems_of, sources_of

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[1]
_PAGE = """
    src/pkg/
    ├── __init__.py       facade, nothing else
    ├── errors.py      1  every error
    ├── _core/            RULE: pure
    │   ├── nouns.py   2  the nouns
    │   └── codec.py   3  bytes
    ├── _http.py       4  the network
    ├── _sessions.py   5  the doors
    ├── _files.py      6  planned: files
    ├── testing/       7  a fake
    └── cli.py         8  the command line
"""
_GOOD = {
    "pkg": "from pkg._sessions import Session",
    "pkg.errors": "",
    "pkg._core": '"""Pure."""',
    "pkg._core.nouns": "import pkg.errors",
    "pkg._core.codec": "from pkg._core import nouns\nfrom pkg.errors import E",
    "pkg._http": "from ._core.codec import encode\nimport httpx",
    "pkg._sessions": "from . import _http\nfrom pkg._core import codec",
    "pkg.testing": "from pkg.testing._engine import run",
    "pkg.testing._engine": "import json",
    "pkg.testing.plugin": "def fixture():\n    from pkg import Session",
    "pkg.cli": "from pkg import Session\nfrom pkg.testing import FakePortal",
}


def _problems(**changes):
    sources = {**_GOOD, **{name.replace("__", "."): source for name, source in changes.items()}}
    present = {name: source for name, source in sources.items() if source is not None}
    lines = [line.removeprefix("    ") for line in _PAGE.splitlines()]
    return problems_of(present, entries_of("\n".join(lines), "pkg"), "pkg")


def test_layout_of_the_library():
    """The library keeps the law: every module is in the list, imports only from above, in no cycle, with a pure core."""
    page = _ROOT / "docs" / "explanation" / "architecture.md"
    if not page.exists():
        pytest.skip("the page is not part of what is tested here")
    entries = entries_of(page.read_text("utf-8"), "aioliferay")
    assert {"aioliferay.errors", "aioliferay._core.codec", "aioliferay._sessions"} <= set(entries)
    assert [] == problems_of(sources_of(_ROOT / "src" / "aioliferay"), entries, "aioliferay")


def test_layout_of_a_good_tree():
    """A tree that keeps the law has no problems: packages, relative imports, late imports and a facade included."""
    assert _problems() == []


def test_entries_of_a_page():
    """The list is read from the drawing: names, ranks, what is only planned."""
    entries = entries_of("\n".join(line.removeprefix("    ") for line in _PAGE.splitlines()), "pkg")
    assert [
        ("pkg", None),
        ("pkg.errors", 1),
        ("pkg._core", None),
        ("pkg._core.nouns", 2),
        ("pkg._core.codec", 3),
        ("pkg._http", 4),
        ("pkg._sessions", 5),
        ("pkg._files", 6),
        ("pkg.testing", 7),
        ("pkg.cli", 8),
    ] == [(entry.name, entry.rank) for entry in entries.values()]
    assert [entry.name for entry in entries.values() if entry.is_planned] == ["pkg._files"]


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("pkg.errors imports pkg._http, which is further down", {"pkg__errors": "import pkg._http"}),
        (
            "pkg._core.nouns imports pkg._core.codec, which is further down",
            {"pkg___core__nouns": "import typing\nif typing.TYPE_CHECKING:\n    from pkg._core.codec import x"},
        ),
        (
            "pkg._core.nouns imports pkg._core.codec, which is further down",
            {"pkg___core__nouns": "def late():\n    from . import codec"},
        ),
        ("pkg._http imports pkg._sessions, which is further down", {"pkg___http": "from pkg import _sessions"}),
        ("pkg._http imports pkg, which is further down", {"pkg___http": "from pkg import Session"}),
        (
            "pkg._http imports pkg.cli, which is further down",
            {"pkg___http": "import importlib\nimportlib.import_module('pkg.cli')"},
        ),
        ("pkg._extra is not in the list", {"pkg___extra": ""}),
        ("pkg._core.extra is not in the list", {"pkg___core__extra": ""}),
        ("pkg._files is there, and the list calls it planned", {"pkg___files": ""}),
        ("pkg.cli is in the list, and not there", {"pkg__cli": None}),
        ("pkg._core.codec: it imports time", {"pkg___core__codec": "import time"}),
        ("pkg._core.codec: it waits (AsyncFunctionDef)", {"pkg___core__codec": "async def f(): ..."}),
        (
            "pkg.testing._engine imports pkg.errors: the fake portal must not share the client's bugs",
            {"pkg__testing___engine": "from pkg.errors import E"},
        ),
    ],
)
def test_layout_of_a_bad_tree(expected, changes):
    """Each way to break the law is seen."""
    assert expected in _problems(**changes)


def test_layout_of_a_cycle():
    """A cycle is seen, also inside a folder, where no rank forbids it, and when it closes by a type-only import."""
    (problem,) = _problems(
        pkg__testing___engine="import typing\nif typing.TYPE_CHECKING:\n    from pkg.testing._web import W",
        pkg__testing___web="from pkg.testing._engine import run",
    )
    assert problem.startswith("a cycle: ")
    assert {"pkg.testing._engine", "pkg.testing._web"} <= set(problem.removeprefix("a cycle: ").split(" → "))


def test_layout_of_a_list_out_of_order():
    """Numbers that do not rise make the list worthless, and are seen."""
    entries = entries_of("├── a.py 2  x\n└── b.py 1  y", "pkg")
    assert "the numbers of the list do not rise" in problems_of({"pkg.a": "", "pkg.b": ""}, entries, "pkg")


@pytest.mark.parametrize(
    "source",
    [
        "async def f(): ...",
        "import anyio.lowlevel",
        "from asyncio import sleep",
        "import time as t",
        "def f():\n    import random",
        "import logging",
        "from httpx import Client",
        "from os.path import join",
        "import socket",
        "x = open('file')",
        "import datetime as dt\nx = dt.datetime.now(dt.UTC)",
        "import uuid\nx = uuid.uuid4()",
        "print(1)",
        "__import__('time')",
        "x = [y async for y in z]",
    ],
)
def test_impurities_are_seen(source):
    """Whatever waits, reads a clock, throws dice, logs or touches the world is seen, wherever it stands."""
    assert list(impurities_of(source))


def test_impurities_of_pure_code():
    """Time, numbers and text as values are pure."""
    assert [] == list(impurities_of("import datetime as dt\nimport re\nimport uuid\nx = dt.datetime(2012, 2, 28)\n"))


def test_imports_of_relative_names():
    """Relative imports are resolved from modules and from packages."""
    sources = {"pkg": "", "pkg.a": "", "pkg.sub": "", "pkg.sub.b": "", "pkg.sub.c": ""}
    assert {"pkg.a"} == imports_of("pkg.sub.b", "from ..a import x", sources)
    assert {"pkg.a", "pkg.sub.c"} == imports_of("pkg.sub.b", "from .. import a\nfrom . import c", sources)
    assert {"pkg.sub.b"} == imports_of("pkg.sub", "from .b import x", sources)
    assert {"pkg.sub"} == imports_of("pkg.a", "from .sub import x\nimport json", sources)
