"""What the page about files of calls shows: its commands are run with its files, and what it says comes out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from aioliferay.testing import FakePortal
from cli_home import Home
from command import COMMAND

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parent.parent / "docs" / "howto" / "run-files.md"
BLOCK = re.compile(
    r"^```\{code-block\} (?P<kind>\w+)\n(?::caption: (?P<name>[^\n]*)\n\n)?(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    kind: str
    name: str | None
    text: str


def blocks() -> list[Block]:
    return [Block(found["kind"], found["name"], found["text"]) for found in BLOCK.finditer(PAGE.read_text("utf-8"))]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files of the page, and a portal that has a name."""
    home = Home(tmp_path, monkeypatch)
    for block in blocks():
        if block.name not in {None, "results.jsonl"}:
            (tmp_path / block.name).write_text(block.text, "utf-8")
    (tmp_path / "aioliferay").symlink_to(COMMAND)
    with FakePortal().serve() as url:
        home.name(f'default = "staging"\n[portals.staging]\nserver = "{url}"\n')
        monkeypatch.setenv("AIOLIFERAY_USER", "test@liferay.com")
        monkeypatch.setenv("AIOLIFERAY_PASSWORD", "test")
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        yield tmp_path


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607 - a page of ours


def test_results_of_the_page_are_those_of_its_commands(desk):
    """The first command, run with the file that is shown, gives the results, the exit code and the words that are shown."""
    command, *_ = (block.text for block in blocks() if block.kind == "bash")
    (shown,) = (block.text for block in blocks() if block.name == "results.jsonl")
    (words,) = (block.text for block in blocks() if block.kind == "text" and block.name is None)
    done = run(command, desk)
    lines = sorted((json.loads(line) for line in (desk / "results.jsonl").read_text("utf-8").splitlines()), key=str)
    assert sorted(map(json.loads, shown.splitlines()), key=str) == lines
    assert (1, "", words) == (done.returncode, done.stdout, done.stderr)


def test_every_command_of_the_page_does_its_work(desk):
    """Each command of the page runs, in a folder with the files that the page shows."""
    commands = [block.text for block in blocks() if block.kind == "bash"]
    for command in commands:
        for file in ("results.jsonl", "run.sqlite"):
            (desk / file).unlink(missing_ok=True)
        done = run(command, desk)
        assert done.returncode == ("calls.jsonl --out" in command), done.stderr
    users = [json.loads(line) for line in (desk / "users.jsonl").read_text("utf-8").splitlines()]
    emails = {each["id"]: each["result"]["emailAddress"] for each in users}
    assert {"test": "test@liferay.com", "joe": "joe@liferay.com"} == emails
