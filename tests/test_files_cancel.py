"""A cancel at every step of an upload and of a download: nothing is left behind, and whoever comes next is served."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from aioliferay import Cancelled, LiferayError, NotRun, NotSent, Ok, RetryPolicy, Session, Unknown
from file_server import Library, serving
from test_cancellation import cancelled_at

pytestmark = pytest.mark.anyio
PATH = "/dlapp/add-file-entry"
DATA = os.urandom(200_000)
ONCE = RetryPolicy(attempts=1)
STEPS = [*range(12), *range(12, 60, 4), *range(60, 400, 40), 30_000]  # the last is more than anything takes


def _busy(session):
    pool = session._exchange.invoker.transport._client._transport._pool
    return [connection for connection in pool.connections if not connection.is_idle()]


async def _tasks_are_over(session):
    """Wait until the session has no task of its own."""
    with anyio.fail_after(5):
        await session._tasks.join()


class Shop:
    """Takes forms and answers calls; keeps the sizes of the forms that came whole."""

    def __init__(self):
        self.sizes = []

    async def __call__(self, connection):
        while True:
            asked = await connection.request()
            if asked.target.endswith("/invoke"):
                await connection.json([asked.body.decode()])
            else:
                self.sizes.append([len(value) for _, value in asked.parts])
                await connection.json({"done": True})


async def _pieces(ended):
    try:
        for start in range(0, len(DATA), 50_000):
            await anyio.lowlevel.checkpoint()
            yield DATA[start : start + 50_000]
    finally:
        ended.append(True)


CONTENTS = {
    "bytes": lambda _, __: DATA,
    "path": lambda path, _: path,
    "iterator": lambda _, ended: _pieces(ended),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("how", ["cancel()", "session"])
async def test_upload_cancelled_at_every_step(tmp_path, content, how):
    """Whenever an upload is cancelled, it ends truthfully and with it its connection, its file and its iterator."""
    path = tmp_path / "data"
    path.write_bytes(DATA)
    was_ended = False
    for step in STEPS:
        shop, ended = Shop(), []
        async with serving(shop) as url:
            session = Session(url, retry=ONCE)
            call = session.upload(PATH, {"a": 1}, files={"file": content(path, ended)})
            for _ in range(step):
                await anyio.lowlevel.checkpoint()
                if was_ended := call.done():
                    break
            if how == "cancel()":
                call.cancel()
            else:
                session._tasks.cancel()
            await _tasks_are_over(session)
            assert [] == _busy(session)
            assert '[{"/x/get-y":{"n":1}}]' == await session.call("/x/get-y", {"n": 1})
            await session.aclose()
        match call.outcome:
            case Ok(result):
                assert {"done": True} == result
            case Cancelled(is_sent=False) | NotRun() | NotSent():
                assert [] == shop.sizes
            case other:
                assert isinstance(other, Unknown | Cancelled)
        assert shop.sizes in ([], [[1, len(DATA)]])
    assert was_ended, "the steps must reach beyond the end of the upload"


@pytest.mark.parametrize("is_resumable", [True, False])
async def test_download_cancelled_at_every_step(tmp_path, is_resumable):
    """Whenever a download is cancelled, nothing is left but a part that can be continued, and the next download is whole."""
    target = tmp_path / "data"
    headers = {"etag": '"1"'} if is_resumable else {}
    was_ended = was_partial = False
    for step in STEPS:
        library = Library(DATA, headers=headers)
        async with serving(library) as url, Session(url, retry=ONCE) as session:
            was_ended = await cancelled_at(step, partial(session.download, "/data", target))
            assert [] == _busy(session)
            assert [] == session._exchange.traffic.runs
            left = {path.name for path in tmp_path.iterdir()}
            assert left in ({"data"}, {".data.partial"}, set())
            was_partial |= ".data.partial" in left
            done = await session.download("/data", target)
        assert ".data.partial" in left or not done.is_resumed
        assert DATA == target.read_bytes()
        assert ["data"] == [path.name for path in tmp_path.iterdir()]
        target.unlink()
    assert was_ended, "the steps must reach beyond the end of the download"
    assert is_resumable or not was_partial


@pytest.mark.parametrize("step", range(1, 30, 3))
async def test_task_cancelled_by_its_own_library(tmp_path, step, anyio_backend_name):
    """A task of asyncio's that is cancelled once, and not again and again, leaves nothing behind either."""
    if anyio_backend_name != "asyncio":
        pytest.skip("asyncio's own way")
    library = Library(DATA)
    async with serving(library) as url, Session(url, retry=ONCE) as session:
        task = asyncio.ensure_future(session.download("/data", tmp_path / "data"))
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, LiferayError):
            await task
        assert [] == _busy(session)
        assert DATA == await session.download("/data")
    assert {path.name for path in tmp_path.iterdir()} in (set(), {"data"}, {".data.partial"})
