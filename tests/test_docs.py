"""Executes the documentation: every code block of the README and of docs/ runs, and what it shows is what comes out."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
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
from dataclasses import dataclass
from pathlib import Path

import pytest

import aioliferay
import aioliferay.observe
import aioliferay.testing
from aioliferay.testing import FakePortal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
SERVER = "http://localhost:8080"
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q '.[cli]' && .venv/bin/aioliferay demo"
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s tests"

NOT_EXECUTED = {  # by language and beginning of the block: the reason why nothing is run
    ("text", "intent →"): "a picture",
    ("text", "user"): "a picture of calls and requests: what is sent is executed beside it",
    ("text", '{"$1['): "a statement with a remark on each line: what is sent is executed below it",
    ("text", "src/aioliferay/\n├──"): "the list of modules: tests/test_layout.py holds the code to it",
    ("text", "[{"): "a request's body: compared with what the library sends by test_body_shown_is_what_is_sent",
    (
        "bash",
        "pip install",
    ): "needs a package index, which a test run may not have",
    ("bash", "python docs/examples/"): "the examples are run by test_example_runs",
    ("toml", 'default = "staging"'): "a file of portals: tests/test_portals.py reads it",
}
COMMANDS = {  # lines that are run or checked in a way of their own
    DEMO: "test_readme_lines_are_those_of_the_project",
    TESTS: "test_readme_lines_are_those_of_the_project",
}

PYTEST_INI = """\
[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"(?P<code>.*?)# -> (?P<text>.*)")
_MORE = re.compile(r"\s*#    (?P<text>.*)")
_CHECKER = doctest.OutputChecker()
_LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


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
    if not _CHECKER.check_output(f"{text}\n", f"{value}\n", _LOOSE):
        raise AssertionError(f"shown: {text}\nis:    {value}")


class Checks(ast.NodeTransformer):
    """Makes each expression compare itself with the text of the comment `# -> text` behind it or in the lines below."""

    def __init__(self, source):
        self.shown = {}
        last = None
        for number, line in enumerate(source.splitlines(), 1):
            if match := _SHOWN.fullmatch(line):
                last = number if match["code"].strip() else number - 1
                self.shown[last] = match["text"]
            elif last is not None and (match := _MORE.fullmatch(line)):
                self.shown[last] += " " + match["text"]
            else:
                last = None

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
def test_page_python_blocks_run(page, monkeypatch):
    """The Python blocks of a page run in order against a portal, and show what they say they show."""
    # On a machine that is busy, a request to a quick portal takes more than the 10 ms from which on calls are nested.
    monkeypatch.setattr("aioliferay._stages._LEAST_SAVING", 0.06)
    blocks = [block for block in blocks_of(page) if block.is_script]
    with FakePortal().serve() as url:
        run_python(blocks, url)


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="from a pipe, the prompt of 3.13 takes no class; from a keyboard it does"
)
def test_tutorial_works_at_the_prompt():
    """The blocks of the tutorial can be typed, as they stand, at the prompt that it tells to open."""
    blocks = [block for block in blocks_of(DOCS / "tutorial" / "first-batch.md") if block.is_script]
    with FakePortal().serve() as url:
        typed = "\n".join(block.text for block in blocks).replace(SERVER, url)
        done = run([sys.executable, "-W", "error", "-m", "asyncio"], typed=typed)
    assert "Error" not in re.sub(r"BatchError|NotFoundError", "", done.stdout + done.stderr)
    assert "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]" in done.stdout


@all_blocks(lambda block: block.is_pytest)
def test_pytest_block_passes(block, tmp_path):
    """A block with tests passes under pytest with the plugin, in a project of its own."""
    (tmp_path / "pytest.ini").write_text(PYTEST_INI)
    (tmp_path / "test_block.py").write_text(block.text, encoding="utf-8")
    done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_block.py"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d* passed", done.stdout)
    assert not re.search(r"skipped|deselected|xfailed", done.stdout)


@all_blocks(lambda block: block.language == "bash" and not block.excuse)
def test_bash_block_lines_run(block, tmp_path):
    """Each command line of the library that a page shows does its work; where it names a portal, there is one."""
    with FakePortal().serve() as url:
        check_lines(block, url, tmp_path)


def check_lines(block, url, folder):
    for line in block.text.replace(SERVER, url).strip().splitlines():
        if line in COMMANDS:
            continue
        words = shlex.split(line, comments=True)
        assert words[0] == "aioliferay", f"{block.place}: nothing runs this line: {line}"
        if words[1:2] == ["serve"]:
            check_serve(words)
        else:
            done = run([installed("aioliferay"), *words[1:]], cwd=folder, env=environment_of(url, folder))
            assert done.returncode == 0, done.stderr


def environment_of(url, folder):
    """Return the environment of a user of the command line: a portal has a name, and there is a password for it."""
    file = folder / "aioliferay.toml"
    file.write_text(f'default = "staging"\n[portals.staging]\nserver = "{url}"\n')
    user = {"AIOLIFERAY_USER": "test@liferay.com", "AIOLIFERAY_PASSWORD": "test"}
    return {**os.environ, **user, "AIOLIFERAY_CONFIG": str(file)}


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


@pytest.mark.parametrize("page", sorted({b.page for b in BLOCKS if b.is_of("text", "[{")}), ids=lambda page: page.stem)
def test_body_shown_is_what_is_sent(page):
    """A request's body that a page shows is, byte for byte, what the library sends for the calls that the page shows."""
    blocks = blocks_of(page)
    portal = FakePortal()
    with portal.serve() as url:
        run_python([block for block in blocks if block.is_script], url)
    shown = {block.text.strip() for block in blocks if block.is_of("text", "[{")}
    assert set() == shown - {request.body.decode() for request in portal.requests}


def test_readme_lines_are_those_of_the_project():
    """The README's two lines are the ones that continuous integration and nox go through."""
    lines = [line for block in blocks_of(ROOT / "README.md") if block.language == "bash" for line in block.text.splitlines()]
    assert DEMO in lines
    assert TESTS in lines
    assert TESTS in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    noxfile = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in noxfile.body if isinstance(node, ast.FunctionDef)}
    assert {"tests", "demo"} <= sessions


READ, FAILING_READ, FAILING_WRITE = "/user/get-user-by-id", "/blogsentry/get-entry", "/blogsentry/delete-entry"
FAILURES = {  # the first cells of the README's table: how to bring it about
    "the portal refused the batch: a read that failed": {"calls": [FAILING_READ, READ]},
    "the portal refused the batch: any other read": {"calls": [READ, FAILING_READ]},
    "the portal refused the batch: a write": {"calls": [FAILING_WRITE, READ]},
    "the portal refused a call that travelled alone": {"calls": [FAILING_WRITE]},
    "no connection: nothing was sent": {"server": "http://127.0.0.1:1"},
    "a write was sent, no answer came": {"calls": [FAILING_WRITE], "fault": {"drop": "after"}},
    "a read had no answer, nor had its repetitions": {"fault": {"drop": "after", "times": 3}},
    "the portal asked for credentials (status 401, sign-in page)": {"fault": {"status": 401}},
    "the portal redirected": {"fault": {"status": 302, "headers": {"Location": "http://elsewhere.test/"}}},
    "status 408, 413 or 429: too slow, too large, too many": {"fault": {"status": 429, "headers": {"Retry-After": "60"}}},
    "status 502, 503 or 504, after a write": {"calls": [FAILING_WRITE], "fault": {"status": 503}},
    "HTML, garbage, or a wrong number of results": {"fault": {"count": 1}},
    "the block raised before the batch was sent": {"raises": KeyError},
    "the result does not fit `returns=`": {"returns": list[int]},
}


async def fail(url, *, calls=(READ,), raises=None, returns=dict):
    async with aioliferay.Session(url, auth=("test@liferay.com", "test")) as session:
        with contextlib.suppress(aioliferay.BatchError, *filter(None, [raises])):
            async with session.batch() as batch:
                made = [batch.call(path, {"userId": 20199, "entryId": 1}, returns=returns) for path in calls]
                if raises:
                    raise raises
    return made[0]


def test_readme_table_of_failures_is_true():
    """What the README says of each failure is what the call has: the error's class, and the outcome."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("| what happened |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = {cells[0]: cells[1:] for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in table)}
    assert list(FAILURES) == list(rows)
    for what, given in FAILURES.items():
        options = dict(given)
        portal = FakePortal()
        if fault := options.pop("fault", None):
            portal.misbehave(**fault)
        with portal.serve() as url:
            call = asyncio.run(fail(options.pop("server", url), **options))
        error, outcome = rows[what]
        assert f"`{type(call.outcome).__name__}`" == outcome
        failure = call.exception()
        if error == "none":
            assert failure is None
        elif error.startswith("the portal's"):
            assert failure.exception == "com.liferay.portlet.blogs.NoSuchEntryException"
        else:
            assert f"`{type(failure).__name__}`" in error


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
    directive = rf"^\.\. (?:autoclass|autoexception|py:data):: {re.escape(module.__name__)}\.(\w+)(?:\(\))?$"
    documented = re.findall(directive, text, re.MULTILINE)
    assert sorted(module.__all__) == sorted(documented)


def test_runner_refuses_what_is_not_shown():
    """The runner fails when a block shows a wrong value, or shows what is no expression."""
    with pytest.raises(AssertionError, match="shown: 3"):
        run_python([Block(DOCS, 1, "python", "1 + 1  # -> 3\n")], "")
    with pytest.raises(SyntaxError, match="nothing is shown"):
        run_python([Block(DOCS, 1, "python", "x = 2  # -> 2\n")], "")
    with pytest.raises(AssertionError, match="shown: a b"):
        run_python([Block(DOCS, 1, "python", "print('a', 'c')\n# -> a\n#    b\n")], "")
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


def run(command, *, cwd=ROOT, typed="", env=None):
    return subprocess.run(  # noqa: S603 - our own commands
        command, cwd=cwd, input=typed, capture_output=True, text=True, timeout=120, check=False, env=env
    )
