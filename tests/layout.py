"""The law of the layout: who may import whom, and what the pure part must not know. Works on sources, imports nothing."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ENTRY = re.compile(r"^(?P<indent>[│ ]*)[├└]── (?P<name>[\w.]+)(?P<is_folder>/?)(?: +(?P<rank>\d+))? +(?P<about>\S.*)$")
_FORBIDDEN_IN_CORE = {
    "anyio", "asyncio", "concurrent", "ctypes", "fcntl", "glob", "httpx", "io", "logging", "mmap", "multiprocessing",
    "os", "pathlib", "random", "respx", "sched", "secrets", "select", "selectors", "shutil", "signal", "sniffio", "socket",
    "ssl", "subprocess", "sys", "tempfile", "threading", "time", "trio", "urllib", "uvicorn",
}  # fmt: skip
_FORBIDDEN_NAMES = {"open", "print", "input", "__import__", "exec", "eval"}
_FORBIDDEN_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "getenv"}
_ASYNC = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


@dataclass(frozen=True)
class Entry:
    """One line of the list: a module, or a folder of modules, with its rank from above to below."""

    name: str
    rank: int | None
    is_planned: bool


def entries_of(page: str, package: str) -> dict[str, Entry]:
    """Read the list of modules from the page that explains it."""
    entries: dict[str, Entry] = {}
    folder = package
    for line in page.splitlines():
        if (match := _ENTRY.match(line)) is None:
            continue
        is_inner = len(match["indent"]) > 0
        name = f"{folder if is_inner else package}.{match['name'].removesuffix('.py')}".removesuffix(".__init__")
        if match["is_folder"]:
            folder = name
        rank = int(match["rank"]) if match["rank"] else None
        entries[name] = Entry(name, rank, match["about"].startswith("planned"))
    return entries


def sources_of(root: Path) -> dict[str, str]:
    """Return the source of every module below the package's folder `root`, by dotted name."""
    sources = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root.parent).with_suffix("").parts
        sources[".".join(parts).removesuffix(".__init__")] = file.read_text("utf-8")
    return sources


def imports_of(module: str, source: str, sources: Mapping[str, str]) -> set[str]:
    """Return the modules of `sources` that `module` imports: at the top, in a function, or for types only."""
    is_package = any(name.startswith(f"{module}.") for name in sources)
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(module, node, is_package=is_package)
            found |= {inner if (inner := f"{base}.{alias.name}") in sources else base for alias in node.names}
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            found |= {word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)}
    return {name for name in found if name in sources}


def _base_of(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def problems_of(sources: Mapping[str, str], entries: Mapping[str, Entry], package: str) -> list[str]:
    """Return everything that breaks the law, one line each."""
    graph = {module: imports_of(module, source, sources) - {module} for module, source in sources.items()}
    core = {module: source for module, source in sources.items() if module.startswith(f"{package}._core")}
    return [
        *_problems_of_list(sources, entries, package),
        *_problems_of_order(graph, entries, package),
        *_problems_of_cycles(graph),
        *(f"{module}: {impurity}" for module, source in core.items() for impurity in impurities_of(source)),
    ]


def _entry_of(module: str, entries: Mapping[str, Entry]) -> Entry | None:
    while module not in entries and "." in module:
        module = module.rpartition(".")[0]
    return entries.get(module)


def _problems_of_list(sources: Mapping[str, str], entries: Mapping[str, Entry], package: str) -> Iterator[str]:
    for module in sources:
        entry = _entry_of(module, entries)
        is_listed = entry is not None and (module == entry.name or entry.name not in {package, f"{package}._core"})
        if not is_listed:
            yield f"{module} is not in the list"
        elif entry is not None and entry.is_planned:
            yield f"{module} is there, and the list calls it planned"
    for name, entry in entries.items():
        if name not in sources and not entry.is_planned:
            yield f"{name} is in the list, and not there"
    ranks = [entry.rank for entry in entries.values() if entry.rank is not None]
    if ranks != sorted(set(ranks)):
        yield "the numbers of the list do not rise"


def _problems_of_order(graph: Mapping[str, set[str]], entries: Mapping[str, Entry], package: str) -> Iterator[str]:
    ranks = {module: entry.rank or 0 for module in graph if (entry := _entry_of(module, entries)) is not None}
    ranks[package] = max((ranks.get(module, 0) for module in graph.get(package, ())), default=0)  # the facade
    for module, imported in graph.items():
        for other in sorted(imported):
            is_inside = module != package and _entry_of(module, entries) is _entry_of(other, entries)
            if module == package or is_inside or other == f"{package}._core":
                continue
            if ranks.get(module, 0) <= ranks.get(other, 0):
                yield f"{module} imports {other}, which is further down"
            elif module.startswith(f"{package}.testing") and module != f"{package}.testing.plugin":
                yield f"{module} imports {other}: the fake portal must not share the client's bugs"


def _problems_of_cycles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"a cycle: {' → '.join(error.args[1])}"


def impurities_of(source: str) -> Iterator[str]:
    """Tell what in a module of the pure part waits, reads a clock, throws dice, logs, or touches the world."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _ASYNC) or (isinstance(node, ast.comprehension) and node.is_async):
            yield f"it waits ({type(node).__name__})"
        elif isinstance(node, ast.Import):
            yield from (f"it imports {alias.name}" for alias in node.names if alias.name.split(".")[0] in _FORBIDDEN_IN_CORE)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in _FORBIDDEN_IN_CORE:
                yield f"it imports {node.module}"
        elif isinstance(node, ast.Name) and node.id in _FORBIDDEN_NAMES:
            yield f"it uses {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr in _FORBIDDEN_CALLS:
            yield f"it uses {ast.unparse(node)}"
