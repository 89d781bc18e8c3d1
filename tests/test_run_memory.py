"""`aioliferay run` with more lines than memory should hold, against a server that answers at once, as the command itself."""

from __future__ import annotations

import os
import re
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cli_home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = int(os.environ.get("AIOLIFERAY_RUN_LINES", "30000"))  # the figures of the documentation are those of 1,000,000
MOST = 120 * 1024  # KiB, above what the interpreter takes
COMMAND_LINE = '{"path": "/tally/get-number", "params": {"number": %d}, "id": "n%d"}\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
NUMBER = re.compile(rb'"number": ?(\d+)')

SCRIPT = """
import re, sys, time
from pathlib import Path

def most():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

start = most()
from aioliferay.cli import main
sys.argv[0] = "aioliferay"
try:
    main()
finally:
    print(most() - start, time.process_time())
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="what a process has used at most is told by Linux only"),
]


class Answering(socketserver.StreamRequestHandler):
    """Answers each statement with the number in it, and understands no more of a request than that."""

    def handle(self) -> None:
        while True:
            length = 0
            while (line := self.rfile.readline()) not in {b"", b"\r\n"}:
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            if not line:
                return
            body = b"[%b]" % b",".join(NUMBER.findall(self.rfile.read(length)))
            self.wfile.write(HEAD % len(body) + body)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def answering() -> Iterator[str]:
    """Serve from threads of its own, and yield the URL."""
    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def measured(*arguments: str) -> tuple[int, float]:
    """Run the command line; return by how much its memory grew at most, in KiB, and the seconds that it computed."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert 0 == done.returncode, done.stderr
    growth, seconds = done.stdout.split()
    return int(growth), float(seconds)


@pytest.mark.parametrize("has_journal", [True, False])
def test_memory_does_not_grow_with_lines(tmp_path, monkeypatch, has_journal):
    """Lines without end take some megabytes, whatever is kept of them; each has its result, and the journal stays small."""
    Home(tmp_path, monkeypatch)
    source, results, journal = (tmp_path / name for name in ("calls.jsonl", "results.jsonl", "run.sqlite"))
    with source.open("w") as file:
        file.writelines(COMMAND_LINE % (number, number) for number in range(1, LINES + 1))
    with answering() as url:
        files = [str(source), "--out", str(results), *(("--journal", str(journal)) if has_journal else ())]
        begin = time.perf_counter()
        growth, computed = measured("run", *files, "--server", url, "--auth", "none", "--quiet")
        seconds = time.perf_counter() - begin
    told = f"{LINES:,} lines: {growth / 1024:.0f} MiB, {seconds:.1f} s, of these {computed:.1f} s on the processor"
    print(told)  # noqa: T201 - the figures, for who asks with -s
    assert growth < MOST
    assert each_has_its_result(results)
    assert size_of(journal) < 100_000


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def each_has_its_result(results: Path) -> bool:
    seen = bytearray(LINES + 1)
    expected = re.compile(rb'\{"line":(\d+),"id":"n(\d+)","outcome":"ok","result":(\d+)\}\n')
    with results.open("rb") as file:
        for line in file:
            number, *others = map(int, expected.fullmatch(line).groups())
            assert [number, number] == others
            seen[number] += 1
    return seen.count(1) == LINES
