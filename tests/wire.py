"""A portal without a network: answers what is posted, keeps a journal, and can be held in mid-request."""

from __future__ import annotations

import json
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from aioliferay import RetryPolicy, Session


class Wire(httpx.AsyncBaseTransport):
    """Runs `/x/<verb>-echo` (the result is parameter `value`) and `/x/<verb>-fail` (a NoSuchEntryException)."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.batches: list[list[str]] = []
        self.executed: list[tuple[str, Any]] = []
        self.gate: anyio.Event | None = None
        self.arrived = anyio.Event()
        self.steps = 0
        self.answer: httpx.Response | Exception | None = None
        self.script: list[httpx.Response | Exception | None] = []  # what becomes of the next requests; None runs them
        self.busy = self.most_busy = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, at `steps` checkpoints before and after running it."""
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            return await self._answer(request)
        finally:
            self.busy -= 1

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        statements = json.loads(request.content)
        self.batches.append([next(iter(statement)) for statement in statements])
        self.arrived.set()
        await self._dawdle()
        if self.gate is not None:
            await self.gate.wait()
        planned = self.script.pop(0) if self.script else self.answer
        if isinstance(planned, Exception):
            raise planned
        answer = planned or self._run(statements)
        await self._dawdle()
        return answer

    def session(self, **options: Any) -> Session:
        """Return a session that talks to this portal; nothing is repeated unless `retry=` says so."""
        options = {"retry": RetryPolicy(attempts=1), **options}
        return Session("http://portal.test", http=httpx.AsyncClient(transport=self), **options)

    def hold(self) -> anyio.Event:
        """Let requests arrive and wait until the returned event is set."""
        self.gate = anyio.Event()
        self.arrived = anyio.Event()
        return self.gate

    async def _dawdle(self) -> None:
        for _ in range(self.steps):
            await anyio.lowlevel.checkpoint()

    def _run(self, statements: list[dict[str, dict[str, Any]]]) -> httpx.Response:
        results: list[Any] = []
        for statement in statements:
            ((path, params),) = statement.items()
            self.executed.append((path, params.get("value")))
            if path.endswith("fail"):
                told = {"exception": "com.liferay.NoSuchEntryException", "message": f"no entry {params.get('value')}"}
                return httpx.Response(200, json=told)
            results.append(params.get("value"))
        return httpx.Response(200, json=results)


def under_virtual_time(test):
    """Return the test, which takes a wire, as one that runs on trio with a clock that jumps."""

    def run(wire):
        pytest.importorskip("trio.testing")
        trio = pytest.importorskip("trio")
        trio.run(test, wire, clock=trio.testing.MockClock(autojump_threshold=0))

    run.__doc__ = test.__doc__
    return run
