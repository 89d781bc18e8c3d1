"""Clocks that jump to the next thing that is due, on both back ends: what waits for hours takes no time."""

from __future__ import annotations

import asyncio

import pytest


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while anything can run. For tests without sockets and threads."""

    def __init__(self):
        super().__init__()
        self._now = 0.0

    def time(self):
        return self._now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0]._when)
        super()._run_once()


def run_jumping(backend, test, *arguments):
    """Run an async function under such a clock."""
    if backend == "trio":
        trio, testing = pytest.importorskip("trio"), pytest.importorskip("trio.testing")
        return trio.run(test, *arguments, clock=testing.MockClock(autojump_threshold=0))
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(test(*arguments))
