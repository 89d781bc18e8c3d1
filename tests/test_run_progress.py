"""What `aioliferay run` tells on its way: by a bar on a terminal, by a line now and then in a log, and of single lines."""

from __future__ import annotations

import io
import sys

import pytest

from aioliferay._job import Notice, Progress, Summary
from aioliferay._run_commands import Estimate, Teller


def progress(lines: int, offset: int, size: int | None = 1000, **counts: int) -> Progress:
    return Progress({"ok": lines, **counts}, lines, offset, size)


def test_estimate_looks_back_some_seconds():
    """Rate and time left are those of the last seconds, not of the whole run."""
    estimate = Estimate()
    estimate.add(0.0, progress(0, 0))
    assert (0.0, 0.0, None) == (estimate.rate, estimate.part, estimate.seconds)
    for second in range(1, 101):
        estimate.add(float(second), progress(second * 10, second * 5))
    assert (10.0, 0.5, 100.0) == (estimate.rate, estimate.part, estimate.seconds)
    for second in range(101, 131):
        estimate.add(float(second), progress(1000 + (second - 100) * 100, 500 + (second - 100)))
    assert 100.0 == estimate.rate
    assert 470.0 == estimate.seconds
    assert len(estimate._looks) < 30


@pytest.mark.parametrize(
    ("expected", "size", "offset"),
    [
        ("1,000 lines, 100 a second, 2 failed, 90 s left", 1000, 100),
        ("1,000 lines, 100 a second, 2 failed, 2 min left", 1600, 100),
        ("1,000 lines, 100 a second, 2 failed, 2 h 5 min left", 75_100, 100),
        ("1,000 lines, 100 a second, 2 failed", None, 100),
        ("1,000 lines, 100 a second, 2 failed", 1000, 0),
    ],
)
def test_estimate_is_told_in_words(expected, size, offset):
    """Lines, rate, what went wrong, and the time left, as far as it is known."""
    estimate = Estimate()
    estimate.add(0.0, progress(0, 0, size))
    last = Progress({"ok": 998, "failed": 2, "unknown": 0}, 1000, offset, size)
    estimate.add(10.0, last)
    assert expected == estimate.told(last)


def test_log_has_a_line_now_and_then(capsys):
    """Where nobody looks, a line comes every ten seconds, and none if the run is quiet."""
    for is_quiet in (False, True):
        now = [0.0]
        with Teller(is_quiet=is_quiet, clock=lambda now=now: now[0]) as teller:
            for second in range(0, 26, 5):
                now[0] = float(second)
                teller.show(progress(second, second * 10))
    assert ["10%: 10 lines, 1 a second, 90 s left", "20%: 20 lines, 1 a second, 80 s left"] == (
        capsys.readouterr().err.splitlines()
    )


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_has_a_bar(monkeypatch):
    """Where somebody looks there is a bar, and what is told of lines stands above it; nothing does harm to the terminal."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Teller() as teller:
        teller.show(progress(5, 500))
        teller.show(progress(6, 600, failed=1))
        teller.tell(Notice(7, 7, "invalid", "a\x1b[2J", "", "it is no JSON"))
    teller.finish(Summary({"ok": 6}, 6), "", has_journal=True)
    text = screen.getvalue()
    assert "60%" in text
    assert "7 lines, " in text
    assert "1 failed" in text
    assert "line 7 (id a [2J): it is no JSON\n" in text
    assert text.endswith("ended: 6 ok\n")


def test_notice_names_the_path_once(capsys):
    """The path of a line is told, unless the error begins with it."""
    teller = Teller()
    teller.tell(Notice(1, 1, "unknown", None, "/x/y", "/x/y: no answer"))
    teller.tell(Notice(2, 2, "unknown", 7, "/x/y", "no answer"))
    assert ["line 1: unknown: /x/y: no answer", "line 2 (id 7): unknown: /x/y: no answer"] == (
        capsys.readouterr().err.splitlines()
    )
