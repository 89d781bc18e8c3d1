"""Streams of more calls than memory could hold, over real sockets, against a server in a process of its own.

`AIOLIFERAY_STREAM_CALLS` sets how many calls are made: a million, as the targets say, takes a minute. `-s` shows figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = int(os.environ.get("AIOLIFERAY_STREAM_CALLS", "20000"))
MOST = {"null": 8, "entry": 60}  # MiB that may come on top of what a first part of the stream took
WHOLE = 120  # MiB above the bare interpreter
# Not what `getrusage` tells: that is inherited from whoever started the process.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process has used is told by Linux"),
]

SERVER = """
import asyncio, sys

ENTRY = b'{"entryId":"1","title":"%s","content":"%s"}' % (b"t" * 60, b"c" * 500)
HEAD = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n"

class Portal(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, bytearray()

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\\r\\n\\r\\n")) >= 0:
            head = bytes(self.buffer[:end]).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\\r\\n")[0])
            if len(self.buffer) < end + 4 + length:
                return
            count = self.buffer.count(b'{"/', end + 4, end + 4 + length)
            del self.buffer[: end + 4 + length]
            body = b"[%b]" % b",".join([RESULT] * count)
            self.transport.write(HEAD % len(body) + body)

async def main():
    global RESULT
    RESULT = ENTRY if sys.argv[1] == "entry" else b"null"
    server = await asyncio.get_running_loop().create_server(Portal, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

SCRIPT = """
import json, sys, time

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024

at_start = peak()

import anyio
from aioliferay import Session

url, backend, shape, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
options = json.loads(sys.argv[5])

def commands(count):
    for number in range(count):
        yield "/blogsentry/get-entry", {"entryId": number}

async def run(session, count):
    seen = 0
    async for item in session.stream(commands(count), returns=None if shape == "null" else dict, **options):
        assert item.outcome.name == "ok" and item.position == seen
        seen += 1
    assert seen == count

async def main():
    async with Session(url) as session:
        await run(session, 10_000)
        warm = peak()
        started, used = time.perf_counter(), time.process_time()
        await run(session, count)
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
    figures = {"growth": peak() - warm, "whole": peak() - at_start, "rate": count / seconds, "cpu": cpu / count * 1e6}
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))

anyio.run(main, backend=backend)
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("options", [{"calls": 1000, "parallel": 4}, {}], ids=["fixed", "adapted"])
@pytest.mark.parametrize("shape", ["null", "entry"])
def test_memory_does_not_grow_with_calls(backend, shape, options):
    """A stream takes some megabytes, however many calls it makes and whatever their results are."""
    with subprocess.Popen([sys.executable, "-c", SERVER, shape], stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own words
        try:
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            words = [url, backend, shape, str(CALLS), json.dumps(options)]
            command = [sys.executable, "-W", "error", "-c", SCRIPT, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)  # noqa: S603 - our own words
        finally:
            server.kill()
    assert "" == done.stderr
    figures = json.loads(done.stdout)
    print(backend, shape, options, figures)  # noqa: T201 - for who measures
    assert figures["growth"] < MOST[shape]
    assert figures["whole"] < WHOLE
