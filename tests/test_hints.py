"""Hints where batching is lost: when they come, what they say, and when they do not."""

from __future__ import annotations

import linecache
import subprocess
import sys
import warnings

import anyio
import httpx
import pytest

from aioliferay import Session, _hints
from aioliferay.errors import BatchHint
from aioliferay.testing import FakePortal

BUILD = "/portal/get-build-number"


@pytest.fixture
def portal():
    return FakePortal()


@pytest.fixture
def session_of(portal, monkeypatch):
    monkeypatch.setattr(_hints, "_told", set())

    def opened(**options):
        return Session(
            portal.url, auth=("test@liferay.com", "test"), http=httpx.AsyncClient(transport=portal.transport()), **options
        )

    return opened


async def in_a_row(session, count):
    for _ in range(count):
        await session.call(BUILD)


@pytest.mark.anyio
async def test_row_of_calls_brings_one_hint(session_of):
    """Calls in a row from one line bring one hint, with the line, its text, and the same line on a batch."""
    with pytest.warns(BatchHint) as told:
        async with session_of(hints=True) as session:
            await in_a_row(session, 20)
    (hint,) = told
    text = str(hint.message)
    line = in_a_row.__code__.co_firstlineno + 2
    assert f"{__file__}:{line} (await session.call(BUILD))" in text
    assert "`batch.call(BUILD)`" in text
    assert (__file__, line) == (hint.filename, hint.lineno)


@pytest.mark.anyio
async def test_hint_comes_once_a_line(session_of):
    """A line that was told of is not told of again, from whatever task or session."""
    with pytest.warns(BatchHint) as told:
        async with session_of(hints=True) as session, session_of(hints=True) as other:
            for each in (session, other, session):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(in_a_row, each, 6)
    assert 1 == len(told)


@pytest.mark.anyio
async def test_calls_that_are_not_awaited_count(session_of):
    """Calls that are all made first and awaited afterwards are a row, too: each has a request of its own."""
    with pytest.warns(BatchHint):
        async with session_of(hints=True) as session:
            calls = [session.call(BUILD) for _ in range(_hints.ENOUGH)]
            for call in calls:
                await call


@pytest.mark.anyio
async def test_services_are_told_of_by_the_line_that_uses_them(session_of):
    """A call through a service is told of by the user's line, and without a rewrite of what has no `call(`."""
    with pytest.warns(BatchHint, match=r"await services\.portal\.get_build_number\(\).*call = batch\.call\(\.\.\.\)"):
        async with session_of(hints=True) as session:
            services = session.services
            for _ in range(_hints.ENOUGH):
                await services.portal.get_build_number()


@pytest.mark.anyio
async def test_no_hint_for_few_or_scattered_calls(session_of):
    """Fewer calls, calls of different lines, of different tasks, or on a batch are no row."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with session_of(hints=True) as session:
            await in_a_row(session, _hints.ENOUGH - 1)
            await session.call(BUILD)
            await session.call(BUILD)
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(in_a_row, session, 1)
            async with session.batch() as batch:
                for _ in range(20):
                    batch.call(BUILD)


@pytest.mark.anyio
async def test_no_hint_for_who_pauses(session_of, monkeypatch):
    """A task that calls now and then, such as one that watches a portal, waits for something else than requests."""
    monkeypatch.setattr(_hints, "_GAP_SECONDS", -1.0)  # as if every pause were a long one
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with session_of(hints=True) as session:
            await in_a_row(session, 20)


@pytest.mark.anyio
async def test_no_hint_unless_asked(session_of):
    """Outside of development mode a session watches nothing."""
    assert not sys.flags.dev_mode
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with session_of() as session:
            await in_a_row(session, 20)


@pytest.mark.anyio
async def test_places_are_bounded(session_of, monkeypatch):
    """However many tasks call, what is remembered of them is bounded."""
    monkeypatch.setattr(_hints, "_MOST_PLACES", 3)
    async with session_of(hints=True) as session:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(in_a_row, session, 1)
        assert 3 >= len(session._hints._rows)


@pytest.mark.parametrize(("options", "count"), [((), 0), (("-X", "dev"), 1)])
def test_development_mode_shows_hints(options, count):
    """`python -X dev`, or PYTHONDEVMODE, is enough; without, nothing is said."""
    script = """
import anyio, httpx
from aioliferay import Session
from aioliferay.testing import FakePortal

async def main():
    portal = FakePortal()
    async with httpx.AsyncClient(transport=portal.transport()) as client:
        async with Session(portal.url, auth=("test@liferay.com", "test"), http=client) as session:
            for _ in range(12):
                await session.call("/portal/get-build-number")

anyio.run(main)
"""
    done = subprocess.run([sys.executable, *options, "-c", script], check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    assert count == done.stderr.count("BatchHint")


def test_line_without_source_has_a_hint_without_it():
    """Where the source is not to be had, the place is told all the same."""
    linecache.clearcache()
    assert "calls in a row from <stdin>:1, each in" in _hints._text("<stdin>", 1)
