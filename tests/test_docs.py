"""Executes the documentation: every code block of the README and of docs/ runs, and what it shows is what comes out."""

from __future__ import annotations

import ast
import asyncio
import builtins
import doctest
import inspect
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import types
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

import aioliferay
import aioliferay.observe
import aioliferay.testing
from aioliferay.testing import FakePortal

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
SERVER = "http://localhost:8080"
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q '.[cli]' && .venv/bin/aioliferay demo"
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s tests"

NOT_EXECUTED = {  # by language and beginning of the block: the reason why nothing is run
    ("text", "intent →"): "a picture",
    ("text", "src/aioliferay/\n├──"): "the list of modules: tests/test_layout.py holds the code to it",
    ("text", "[{"): "a request's body: compared with what the library sends by test_body_shown_is_what_is_sent",
    (
        "bash",
        "pip install",
    ): "needs a package index, which a test run may not have; the two lines of the README install the same",
    ("bash", "python docs/examples/"): "the examples are run by test_example_runs",
}
COMMANDS = {  # lines that are run or checked in a way of their own
    DEMO: "test_readme_lines_are_those_of_the_project",
    TESTS: "test_readme_lines_are_those_of_the_project",
}

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"#\s*->\s*(.*?)\s*$")
_CHECKER = doctest.OutputChecker()


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, first line (from 1), language and text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_pytest(self):
        return self.language == "python" and re.search(r"^(async )?def test_", self.text, re.MULTILINE) is not None

    @property
    def is_script(self):
        return self.language == "python" and not self.is_pytest

    @property
    def excuse(self):
        return next((why for (lang, start), why in NOT_EXECUTED.items() if self.is_of(lang, start)), "")

    def is_of(self, language, start):
        return self.language == language and self.text.startswith(start)


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start("text")) + 1, match["language"].strip(), match["text"])
        for match in _FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def all_blocks(condition):
    return pytest.mark.parametrize("block", [pytest.param(b, id=b.place) for b in BLOCKS if condition(b)])


def shown_as(value, text):
    """Fail unless `value` looks like `text`; `...` stands for anything."""
    if not _CHECKER.check_output(f"{text}\n", f"{value}\n", doctest.ELLIPSIS):
        raise AssertionError(f"shown: {text}\nis:    {value}")


class Checks(ast.NodeTransformer):
    """Makes each expression that ends in a comment `# -> text` compare itself with the text."""

    def __init__(self, source):
        self.shown = {n: match[1] for n, line in enumerate(source.splitlines(), 1) if (match := _SHOWN.search(line))}

    def visit_Expr(self, node):
        text = self.shown.pop(node.end_lineno, None)
        if text is None:
            return node
        value = node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print":
            value.func = ast.Name("_printed", ast.Load())
        else:
            value = ast.Call(ast.Name("repr", ast.Load()), [value], [])
        check = ast.Expr(ast.Call(ast.Name("_shown_as", ast.Load()), [value, ast.Constant(text)], []))
        return ast.fix_missing_locations(ast.copy_location(check, node))


def compiled(source, filename):
    """Compile a block that may await at its top level; raise if a `# ->` belongs to no expression."""
    tree = ast.parse(source)
    checks = Checks(source)
    tree = checks.visit(tree)
    if checks.shown:
        raise SyntaxError(f"{filename}: nothing is shown by {checks.shown}")
    return compile(tree, filename, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def run_python(blocks, url):
    """Run the blocks in order, in one namespace and one event loop."""
    module = types.ModuleType("page")
    namespace = module.__dict__
    namespace |= {"_shown_as": shown_as, "_printed": lambda *values: " ".join(map(str, values)), "__builtins__": builtins}
    with asyncio.Runner() as runner:
        for block in blocks:
            source = "\n" * (block.line - 1) + block.text.replace(SERVER, url)
            run = types.FunctionType(compiled(source, str(block.page)), namespace)

            async def step(run=run):
                if inspect.isawaitable(result := run()):
                    await result

            runner.run(step())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_python_blocks_run(page):
    """The Python blocks of a page run in order against a portal, and show what they say they show."""
    blocks = [block for block in blocks_of(page) if block.is_script]
    with FakePortal().serve() as url:
        run_python(blocks, url)


@all_blocks(lambda block: block.is_pytest)
def test_pytest_block_passes(block, tmp_path):
    """A block with tests passes under pytest with the plugin, in a project of its own."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n")
    (tmp_path / "test_block.py").write_text(block.text, encoding="utf-8")
    done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_block.py"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d* passed", done.stdout)
    assert not re.search(r"skipped|deselected|xfailed", done.stdout)


@all_blocks(lambda block: block.language == "bash" and not block.excuse)
def test_bash_block_lines_run(block):
    """Each command line of the library that a page shows does its work."""
    for line in block.text.strip().splitlines():
        if line in COMMANDS:
            continue
        words = shlex.split(line, comments=True)
        assert words[0] == "aioliferay", f"{block.place}: nothing runs this line: {line}"
        if words[1:2] == ["serve"]:
            check_serve(words)
        else:
            done = run([installed("aioliferay"), *words[1:]])
            assert done.returncode == 0, done.stderr


def check_serve(words):
    command = [installed("aioliferay"), *words[1:], *([] if "--port" in words else ["--port", "0"])]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:  # noqa: S603 - our own command
        try:
            said = ""
            while "http://" not in said:
                line = process.stdout.readline()
                assert line, f"it ended: {said}"
                said += line
        finally:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(example):
    """Each example file runs against a portal, and prints what its docstring says."""
    with FakePortal().serve() as url:
        done = run([sys.executable, str(example), url])
    assert done.returncode == 0, done.stderr
    promised = ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))).partition("It prints:\n\n")[2]
    assert promised, "the docstring says what it prints"
    shown_as(done.stdout.rstrip(), inspect.cleandoc(promised))


@all_blocks(lambda _: True)
def test_block_is_executed_or_excused(block):
    """No block is passed over in silence: its language is run, or a reason is written down."""
    is_directive = block.language.startswith("{")  # sphinx-build -W takes care of it
    assert is_directive or block.language in {"python", "bash"} or block.excuse, f"{block.place}: {block.language!r}"


def test_excuse_is_in_use():
    """No reason for passing over a block outlives its block."""
    used = {key for block in BLOCKS for key in NOT_EXECUTED if block.is_of(*key)}
    assert set(NOT_EXECUTED) == used


def test_body_shown_is_what_is_sent():
    """A request's body that a page shows is, byte for byte, what the library sends for the calls shown before it."""
    shown = {block.text.strip() for block in BLOCKS if block.language == "text" and block.text.startswith("[{")}
    sent = set()
    for page in PAGES:
        portal = FakePortal()
        with portal.serve() as url:
            run_python([block for block in blocks_of(page) if block.is_script], url)
        sent |= {request.body.decode() for request in portal.requests}
    assert set() == shown - sent


def test_readme_lines_are_those_of_the_project():
    """The README's two lines are the ones that continuous integration and nox go through."""
    lines = [line for block in blocks_of(ROOT / "README.md") if block.language == "bash" for line in block.text.splitlines()]
    assert DEMO in lines
    assert TESTS in lines
    assert TESTS in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    noxfile = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in noxfile.body if isinstance(node, ast.FunctionDef)}
    assert {"tests", "demo"} <= sessions


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_links_lead_somewhere(page):
    """Every relative link of a page leads to a file of the project."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [] == [target for target in targets if target and not (page.parent / target).exists()]


@pytest.mark.parametrize("module", [aioliferay, aioliferay.observe, aioliferay.testing], ids=lambda module: module.__name__)
def test_reference_covers_public_names(module):
    """The reference has every public name, once."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.md")))
    documented = re.findall(rf"\.\. auto\w+:: {re.escape(module.__name__)}\.(\w+)$", text, re.MULTILINE)
    assert sorted(module.__all__) == sorted(documented)


def test_runner_refuses_what_is_not_shown():
    """The runner fails when a block shows a wrong value, or shows what is no expression."""
    with pytest.raises(AssertionError, match="shown: 3"):
        run_python([Block(DOCS, 1, "python", "1 + 1  # -> 3\n")], "")
    with pytest.raises(SyntaxError, match="nothing is shown"):
        run_python([Block(DOCS, 1, "python", "x = 2  # -> 2\n")], "")
    run_python([Block(DOCS, 1, "python", "import asyncio\nawait asyncio.sleep(0)\nprint('a', 2)  # -> a 2\n")], "")


def test_sphinx_builds_without_warnings(tmp_path):
    """The documentation builds, and any warning would be an error."""
    pytest.importorskip("sphinx", reason="the documentation's tools are a group of their own: nox -s docs")
    done = run([sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(DOCS), str(tmp_path)])
    assert done.returncode == 0, done.stderr


def reason(block):
    return next(
        (why for (lang, start), why in NOT_EXECUTED.items() if block.language == lang and block.text.startswith(start)), ""
    )


def installed(command):
    found = shutil.which(command, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert found, f"{command} is not installed"
    return found


def run(command, *, cwd=ROOT):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own commands
