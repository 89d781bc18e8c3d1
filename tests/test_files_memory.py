"""Files that are larger than the memory that moving them takes, over real sockets, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aioliferay.testing import FakePortal

pytestmark = pytest.mark.slow

pytest.importorskip("resource", reason="what a process has used at most is told by POSIX systems only")
SIZE = 96 * 1024 * 1024
MOST = 12 * 1024  # KiB that may come on top: buffers of sockets, and what Python does not give back at once

SCRIPT = """
import resource, sys, anyio, pathlib
from aioliferay import Session
from aioliferay.auth import SignIn

url, backend, folder, size = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
params = {"repositoryId": 20182, "folderId": 0, "sourceFileName": "a", "mimeType": "a/b", "description": "", "changeLog": ""}

async def pieces():
    for _ in range(size // 65_536):
        yield bytes(65_536)

async def move(session, title, content, document):
    sizes = [(await session.upload("/dlapp/add-file-entry", params | {"title": title}, files={"file": content}))["size"]]
    return sizes + [(await session.download(f"/documents/20182/0/{document}", folder / "got")).size]

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # what getrusage tells is inherited from whoever started this process
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)

async def main():
    async with Session(url, auth=SignIn("test@liferay.com", "test")) as session:
        await move(session, "small", b"x", "small-document")
        before = peak()
        print(*await move(session, "path", folder / "big", "large-document"))
        print(*await move(session, "iterator", pieces(), "large-document"))
        with open(folder / "big", "rb") as file:
            print(*await move(session, "file", file, "large-document"))
        print(peak() - before)

anyio.run(main, backend=backend)
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_memory_does_not_grow_with_files(tmp_path, backend):
    """Uploads and downloads of large files take some megabytes at most, whatever their content comes from."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(SIZE)
    portal = FakePortal()
    portal.document("large-document", SIZE)
    portal.document("small-document", b"x")
    with portal.serve() as url:
        command = [sys.executable, "-W", "error", "-c", SCRIPT, url, backend, str(tmp_path), str(SIZE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)  # noqa: S603 - our own words
    assert "" == done.stderr
    *sizes, growth = done.stdout.splitlines()
    assert [f"{SIZE} {SIZE}"] * 3 == sizes
    assert int(growth) < MOST
    assert SIZE == Path(tmp_path / "got").stat().st_size
