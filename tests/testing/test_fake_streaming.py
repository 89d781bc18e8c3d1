"""Long uploads and downloads over TCP: what passes through the portal is not kept.

`AIOLIFERAY_STREAM_BYTES` sets how long they are: 2_000_000_000 takes some twenty seconds.
"""

import gc
import hashlib
import os
import tracemalloc

import httpx
import pytest
from asking import ADMINISTRATOR, sign_in

from aioliferay.testing import FakePortal
from aioliferay.testing._content import MadeContent

SIZE = int(os.environ.get("AIOLIFERAY_STREAM_BYTES", "64_000_000"))
MOST_MEMORY = 12_000_000  # bytes, of the portal and its client in one process

pytestmark = pytest.mark.anyio
HEAD = (
    b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n',
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n',
)
FIELDS = {"repositoryId": "20182", "folderId": "0", "sourceFileName": "f.bin", "mimeType": "x/y", "title": "long"}
FIELDS |= {"description": "", "changeLog": ""}


@pytest.fixture
def peak():
    """How many bytes were in use at most since the test began, beyond those that were."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    yield lambda: tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()


def body(content):
    """A multipart body in pieces."""
    for name, value in FIELDS.items():
        yield HEAD[0] % (name.encode(), value.encode())
    yield HEAD[1]
    yield from content.chunks()
    yield b"\r\n--B--\r\n"


@pytest.mark.parametrize("has_length", [True, False])
async def test_long_upload_takes_no_memory(peak, has_length):
    """A long file, of told length or not, is counted and hashed as it comes."""
    content = MadeContent(SIZE)
    length = sum(map(len, body(MadeContent(0)))) + SIZE

    async def pieces():
        for piece in body(content):
            yield piece

    portal = FakePortal()
    headers = {"Content-Type": "multipart/form-data; boundary=B"} | ({"Content-Length": str(length)} if has_length else {})
    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url, auth=ADMINISTRATOR, timeout=600) as client:
            answer = await client.post("/api/jsonws/dlapp/add-file-entry", content=pieces(), headers=headers)
    assert SIZE == answer.json()["size"]
    (recorded,) = portal.uploads
    assert (SIZE, content.sha256) == (recorded.size, recorded.sha256)
    assert length == portal.requests[0].length
    assert peak() < MOST_MEMORY


async def test_long_download_takes_no_memory(peak):
    """A long document is made while it is sent."""
    portal = FakePortal()
    document = portal.document("long.bin", SIZE)
    got, digest = 0, hashlib.sha256()
    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url, timeout=600) as client:
            await sign_in(client)
            async with client.stream("GET", document.path) as answer:
                async for chunk in answer.aiter_raw():
                    got += len(chunk)
                    digest.update(chunk)
    assert (SIZE, document.sha256) == (got, digest.hexdigest())
    assert peak() < MOST_MEMORY
