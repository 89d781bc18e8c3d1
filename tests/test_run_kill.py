"""`aioliferay run`, killed at any moment: with the portal as the judge, no line is lost and no write runs twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest

from aioliferay.testing import FakePortal
from cli_home import Home
from command import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("AIOLIFERAY_KILLS", "16"))  # for each way of sending writes
LINES = 320
BAD = frozenset({7, 100})
READ, WRITE = "/tally/get-number", "/tally/add-number"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="there is no signal 9")]


class Desk:
    """A job on disk, the portal that judges it, and the command that runs it."""

    def __init__(self, folder: Path, dice: random.Random, writes: str) -> None:
        folder.mkdir()
        self.dice = dice
        self.source, self.results, self.journal = (folder / name for name in ("calls.jsonl", "results.jsonl", "run.sqlite"))
        self.writes = writes
        self.portal = FakePortal(statement_cost=0.0015)
        self.are_writes = {number: dice.random() < 0.3 for number in range(1, LINES + 1)}
        for path in (READ, WRITE):
            self.portal.service(path, guest=True)(self.answer)
        with self.source.open("w") as file:
            for number, is_write in self.are_writes.items():
                command = {"path": WRITE if is_write else READ, "params": {"number": number}, "id": f"n{number}"}
                file.write("no command\n" if number in BAD else json.dumps(command) + "\n")

    @staticmethod
    def answer(number: int) -> int:
        return number

    def command(self, url: str, *more: str) -> list[str]:
        files = [str(self.source), "--out", str(self.results), "--journal", str(self.journal)]
        return [COMMAND, "run", *files, "--server", url, "--auth", "none", "--writes", self.writes, "--calls", "20", *more]

    def told(self) -> list[dict[str, object]]:
        """Whole lines of the results."""
        content = self.results.read_bytes() if self.results.exists() else b""
        return [json.loads(line) for line in content.splitlines(keepends=True) if line.endswith(b"\n")]

    def ran(self) -> Counter[object]:
        """How often each write ran."""
        return Counter(each.parameters["number"] for each in [*self.portal.executions] if each.path == WRITE)

    def moments(self) -> Iterator[bool]:
        """Tell, again and again, whether this is the moment; what decides that is chosen anew for each run."""
        kind = self.dice.choice(["at a time", "results grew", "journal grew", "a write ran"])
        seconds, times = self.dice.uniform(0.2, 1.2), self.dice.randrange(1, 12)
        log = self.journal.with_name("run.sqlite-wal")
        start, size, ran, length, changes = time.monotonic(), size_of(self.results), self.ran().total(), size_of(log), 0
        while True:
            changes += size_of(log) != length
            length = size_of(log)
            yield {
                "at a time": time.monotonic() - start > seconds,
                "results grew": size_of(self.results) > size + 150 * times,
                "a write ran": self.ran().total() >= ran + times,
                "journal grew": changes >= times,
            }[kind]

    def kill(self, url: str) -> bool:
        """Start the command and kill it at a moment of its own; return False if it came to its end before."""
        with subprocess.Popen(self.command(url, "--quiet"), stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own
            for is_now in self.moments():
                if process.poll() is not None:
                    assert 1 == process.returncode  # of the bad lines
                    return False
                if is_now:
                    break
                time.sleep(0.0005)
            process.kill()
        return True

    def finish(self, url: str, *more: str) -> str:
        """Run the command to its end, and return what it tells."""
        done = subprocess.run(self.command(url, *more), capture_output=True, text=True, check=False)  # noqa: S603 - our own
        assert 1 == done.returncode, done.stderr
        return done.stderr

    def judge(self) -> None:
        """Compare what the results say with what the portal did."""
        told, ran = self.told(), self.ran()
        assert [*self.are_writes] == sorted(line["line"] for line in told)
        assert {1} >= set(ran.values())
        for line in told:
            number = line["line"]
            if number in BAD:
                assert "invalid" == line["outcome"]
            elif line["outcome"] == "ok":
                assert (f"n{number}", number) == (line["id"], line["result"])
                assert self.are_writes[number] is (number in ran)
            else:
                assert ("unknown", WRITE, True) == (line["outcome"], line["path"], self.are_writes[number])


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("writes", ["alone", "together"])
def test_run_survives_kills(writes, tmp_path, monkeypatch):
    """However often it is killed, each line ends once, or is unknown and ran once at most; such lines go again if asked."""
    Home(tmp_path, monkeypatch)
    dice = random.Random(writes)  # noqa: S311 - no secret
    kills, unknown = 0, 0
    for job in count():
        if kills >= KILLS:
            break
        desk = Desk(tmp_path / f"job-{job}", dice, writes)
        with desk.portal.serve() as url:
            while kills < KILLS and desk.kill(url):
                kills += 1
                assert {1} >= set(desk.ran().values())
                assert {1} >= set(Counter(line["line"] for line in desk.told()).values())
            desk.finish(url)
            desk.judge()
            lost = {line["line"] for line in desk.told() if line["outcome"] == "unknown"}
            assert f"{len(lost)} unknown" in desk.finish(url) or not lost
            desk.finish(url, "--repeat-unknown")
        again = desk.told()[LINES:]
        assert sorted(lost) == sorted(line["line"] for line in again if line["outcome"] == "ok")
        assert all(desk.ran()[number] in ({1, 2} if number in lost else {1}) for number in desk.ran())
        unknown += len(lost)
    assert unknown, "no kill hit a write"
