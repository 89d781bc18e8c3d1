"""What tests of streams share: what a stream brings, what it leaves, and commands that come only when they are let."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aioliferay import Session, StreamItem
    from aioliferay._stream import Stream

READ, WRITE, BAD_READ, BAD_WRITE = "/x/get-echo", "/x/update-echo", "/x/get-fail", "/x/update-fail"


def reads(count: int, path: str = READ) -> list[tuple[str, dict[str, int]]]:
    """Return commands whose results are their positions."""
    return [(path, {"value": value}) for value in range(count)]


def writes(count: int) -> list[tuple[str, dict[str, int]]]:
    """Return writes whose results are their positions."""
    return reads(count, WRITE)


async def all_of(stream: Stream[Any]) -> list[StreamItem[Any]]:
    """Return all items of a stream."""
    return [item async for item in stream]


def names_of(items: list[StreamItem[Any]]) -> list[str]:
    """Return the names of the outcomes, in the order of the commands."""
    return [item.outcome.name for item in sorted(items, key=lambda item: item.position)]


def assert_nothing_left(session: Session) -> None:
    """Fail if a stream has left a task, or a request, behind."""
    assert not session._tasks._scopes
    assert not session._exchange.traffic.runs


class Tap:
    """An asynchronous iterable of commands that come when they are let: `await tap.let(3)`.

    Attributes:
        given: how many have come.
        is_closed: whether the generator was closed.
    """

    def __init__(self, commands: list[Any]) -> None:
        self.given = 0
        self.is_closed = False
        self._commands = commands
        self._allowed = 0
        self._more = anyio.Event()

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Give commands."""
        try:
            for command in self._commands:
                while self._allowed <= self.given:
                    await self._more.wait()
                self.given += 1
                yield command
        finally:
            self.is_closed = True

    async def let(self, count: int) -> None:
        """Let so many more come, and wait until everything stands still."""
        self._allowed += count
        self._more.set()
        self._more = anyio.Event()
        await anyio.wait_all_tasks_blocked()
