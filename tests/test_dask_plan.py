"""What a job on a cluster rests on, without a cluster: what travels, what journals need, the plan of the page."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aioliferay import Session
from aioliferay._journal import Change, Journal
from aioliferay.dask import ClusterSummary, FromEnvironment
from dask_plan import PORTALS, rate

PAGE = Path(__file__).parent.parent / "docs" / "howto" / "dask.md"


def test_password_does_not_travel(monkeypatch):
    """What goes to the scheduler and the workers holds the names of variables, and no password."""
    monkeypatch.setenv("AIOLIFERAY_USER", "test@liferay.com")
    monkeypatch.setenv("AIOLIFERAY_PASSWORD", "top secret")
    opens = FromEnvironment("http://portal.test")
    assert "test@liferay.com" == opens.owner
    assert isinstance(opens(), Session)
    assert b"top secret" not in pickle.dumps(opens)
    assert "top secret" not in repr(opens)


def test_journal_needs_no_shared_memory(tmp_path):
    """An open journal has a log beside it, and no shared memory, which no network file system has."""
    journal = Journal(tmp_path / "run.sqlite")
    journal.commit(Change(spans=[(1, 1)]))
    assert {"run.sqlite", "run.sqlite-wal"} == {file.name for file in tmp_path.iterdir()}
    journal.close()


def test_summary_of_nothing_is_well():
    """A summary adds up its partitions, also none."""
    summary = ClusterSummary()
    assert (True, {}, 0, [], "", None) == (
        summary.is_well,
        summary.counts,
        summary.lines,
        summary.failures,
        summary.stopped,
        summary.error,
    )


PLAN = re.compile(r"^\| (\d+) processors: ([^|]+) \| (\d+) \| (\d+) \| ([\d,]+) \| ([\d.]+) h \|$", re.MULTILINE)


@pytest.mark.parametrize("row", PLAN.findall(PAGE.read_text("utf-8")), ids=lambda row: "-".join(row[:4]))
def test_plan_of_the_page_is_what_the_simulation_says(row):
    """What the page plans for 100 million lines comes out of the simulation with the real controller, or nearly so."""
    processors, name, workers, requests, calls, hours = row
    portal = PORTALS[name](int(processors))
    total = 400_000 if "select" in name else 4_000_000
    simulated = rate(portal, total, workers=int(workers), requests=int(requests))
    stated = int(calls.replace(",", ""))
    assert pytest.approx(stated, rel=0.2) == simulated
    assert pytest.approx(1e8 / stated / 3600, abs=0.1) == float(hours)


def test_import_says_what_to_install():
    """Without Dask, the import says which extra has it."""
    code = "import sys; sys.modules['distributed'] = None; import aioliferay.dask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert "ImportError: aioliferay.dask needs Dask's distributed: pip install 'aioliferay[dask]'" in done.stderr
