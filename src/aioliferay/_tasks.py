"""A session's background work, on asyncio and trio. Knows how to start, await and end it; does not know what it does.

Not a task group: that would tie opening and closing a session to one task, and wrap the exceptions of a block.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_logger = logging.getLogger("aioliferay")


class BackgroundTasks:
    """Tasks that belong to a session, whoever started them."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._handles: set[asyncio.Task[None]] = set()  # the event loop itself holds its tasks only weakly
        self._ended: anyio.Event | None = None

    def start(self, work: Callable[[], Awaitable[None]], *, lost: Callable[[], None]) -> None:
        """Run `work` in a task of its own from the next scheduler tick on; its exceptions are logged.

        `lost` is called instead if the event loop ends before the task began.

        Raises:
            RuntimeError: no event loop runs here.
        """
        if _is_trio():
            import trio  # noqa: PLC0415 - only who runs under trio has it

            run = self._run(self._new_scope(), work)
            trio.lowlevel.spawn_system_task(_as_is, run, context=contextvars.copy_context())
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("no event loop runs here: make calls inside an async function") from None
        task = loop.create_task(self._run(scope := self._new_scope(), work))
        self._handles.add(task)
        task.add_done_callback(lambda _: self._forget(scope, task, lost))

    async def join(self) -> None:
        """Wait until no task is left, also of those started meanwhile. Cancelling this wait leaves the tasks alone."""
        while self._scopes:
            self._ended = self._ended or anyio.Event()
            await self._ended.wait()

    def cancel(self) -> None:
        """Cancel every task; `join` then waits for their ends."""
        for scope in list(self._scopes):
            scope.cancel()

    def _new_scope(self) -> anyio.CancelScope:
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        return scope

    async def _run(self, scope: anyio.CancelScope, work: Callable[[], Awaitable[None]]) -> None:
        try:
            with scope:
                await work()
        except Exception:
            _logger.exception("a background task of a session failed")
        finally:
            self._end(scope)

    def _end(self, scope: anyio.CancelScope) -> None:
        self._scopes.discard(scope)
        if not self._scopes and self._ended is not None:
            self._ended.set()
            self._ended = None

    def _forget(self, scope: anyio.CancelScope, task: asyncio.Task[None], lost: Callable[[], None]) -> None:
        self._handles.discard(task)
        if scope in self._scopes:  # cancelled with its loop before its first step
            self._end(scope)
            lost()


async def _as_is(work: Awaitable[None]) -> None:
    await work


def _is_trio() -> bool:
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True
