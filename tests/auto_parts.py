"""For the tests of automatic batches: a portal that answers each request when it is told, and what must not be left."""

from __future__ import annotations

import json
from contextlib import contextmanager

import anyio
import anyio.lowlevel
import httpx
import pytest

from wire import Wire


class HeldWire(Wire):
    """A `Wire` whose requests each wait for a gate of their own, as long as it is holding."""

    def __init__(self):
        super().__init__()
        self.gates = []
        self.cut = set()  # gates of requests that run, and have no answer
        self.is_holding = False
        self.before = None  # awaited with each request, before it is answered

    async def handle_async_request(self, request):
        self.gate = gate = anyio.Event()
        self.gates.append(gate)
        if not self.is_holding:
            gate.set()
        if self.before is not None:
            await self.before(request)
        answer = await super().handle_async_request(request)
        if gate in self.cut:
            raise httpx.ReadError("cut")
        return answer

    def let_all(self):
        """Answer all requests, also those that come."""
        self.is_holding = False
        for gate in self.gates:
            gate.set()

    @property
    def sizes(self):
        """How many statements each request had."""
        return [len(batch) for batch in self.batches]

    def values(self, number):
        """The values that a request carried."""
        return values_of(self.requests[number])


def values_of(request):
    """Return the parameter `value` of each statement of a request."""
    return [params.get("value") for statement in json.loads(request.content) for params in statement.values()]


def lanes_of(auto):
    return [lane for gathering in auto._room.parties for lane in gathering.lanes.values()]


async def nothing_is_left_of(*autos):
    """Fail if calls, tasks, requests or places of automatic batches are left, once all tasks have come to rest."""
    await anyio.wait_all_tasks_blocked()
    for auto in autos:
        room, session = auto._room, auto._session
        assert room.pending == 0
        assert not room._waiting
        assert (0, room._slots.most) == (room._in_flight, room.connections.value)
        assert not room._line
        assert not any(gathering.pending or gathering.shared for gathering in room.parties)
        for lane in lanes_of(auto):
            assert not lane._calls
            assert (0, 0, []) == (lane._length, lane._measured, lane._in_flight)
            assert not lane._has_carrier
        assert [] == session._exchange.traffic.runs
        assert {} == session._tasks._scopes


async def ticks(count=3):
    """Let other tasks take so many steps."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def read(auto, value, **options):
    return auto.call("/x/get-echo", {"value": value}, **options)


def write(auto, value, **options):
    return auto.call("/x/update-echo", {"value": value}, **options)


def thing(auto, **properties):
    """Read an object with these properties."""
    return auto.call("/x/get-echo", {"value": properties})


@contextmanager
def takes(seconds):
    """Expect that so much time passes, on a clock that jumps."""
    started = anyio.current_time()
    yield
    assert anyio.current_time() - started == pytest.approx(seconds)
