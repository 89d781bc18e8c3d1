"""A session's background work, on asyncio and trio. Knows how to start, await and end it; does not know what it does.

Not a task group: that would tie opening and closing a session to one task, and wrap the exceptions of a block.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

import anyio
import sniffio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_logger = logging.getLogger("aioliferay")


class BackgroundTasks:
    """Tasks that belong to a session, whoever started them. `loop`: asyncio's, of the last one; None under trio."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._scopes: dict[anyio.CancelScope, int] = {}  # and the task's id, once it runs
        self._handles: set[asyncio.Task[None]] = set()  # the event loop itself holds its tasks only weakly
        self._ended: anyio.Event | None = None

    def start(self, work: Callable[[], Awaitable[None]], *, lost: Callable[[], None]) -> anyio.CancelScope:
        """Run `work` in a task of its own from the next scheduler tick on and return what cancels it; exceptions are logged.

        `lost` is called instead if the event loop ends before the task began.

        Raises:
            RuntimeError: no event loop runs here.
        """
        if is_trio():
            import trio  # noqa: PLC0415 - only who runs under trio has it

            self.loop = None
            scope = self._new_scope()
            trio.lowlevel.spawn_system_task(_as_is, self._run(scope, work), context=contextvars.copy_context())
            return scope
        try:
            self.loop = loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("no event loop runs here: make calls inside an async function") from None
        scope = self._new_scope()
        task = loop.create_task(self._run(scope, work))
        self._handles.add(task)
        task.add_done_callback(lambda _: self._forget(scope, task, lost))
        return scope

    async def join(self) -> None:
        """Wait until no other task is left, also of those started meanwhile. Cancelling this wait leaves the tasks alone."""
        while self._others():
            self._ended = self._ended or anyio.Event()
            await self._ended.wait()

    def cancel(self) -> None:
        """Cancel every other task; `join` then waits for their ends."""
        for scope in self._others():
            scope.cancel()

    def _others(self) -> list[anyio.CancelScope]:
        # A callback may close the session from inside one of its tasks, which must neither wait for nor cancel itself.
        own = anyio.get_current_task().id
        return [scope for scope, task in self._scopes.items() if task != own]

    def _new_scope(self) -> anyio.CancelScope:
        scope = anyio.CancelScope()
        self._scopes[scope] = 0
        return scope

    async def _run(self, scope: anyio.CancelScope, work: Callable[[], Awaitable[None]]) -> None:
        self._scopes[scope] = anyio.get_current_task().id
        try:
            with scope:
                await work()
        except Exception:
            _logger.exception("a background task of a session failed")
        except (KeyboardInterrupt, SystemExit):
            if not is_trio():  # which takes it for a bug of its own
                raise
            _logger.exception("a callback in a background task of a session wanted to end the program")
        finally:
            self._end(scope)

    def _end(self, scope: anyio.CancelScope) -> None:
        self._scopes.pop(scope, None)
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    def _forget(self, scope: anyio.CancelScope, task: asyncio.Task[None], lost: Callable[[], None]) -> None:
        self._handles.discard(task)
        if scope in self._scopes:  # cancelled with its loop before its first step
            self._end(scope)
            lost()


class End:
    """Something that comes to its end, once, and can be waited for. An event takes 2 µs to make: only who waits pays it."""

    __slots__ = ("_event", "_is_there")

    def __init__(self) -> None:
        self._is_there = False
        self._event: anyio.Event | None = None

    def set(self) -> None:
        """Note that it is there."""
        self._is_there = True
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is there."""
        if not self._is_there:
            self._event = self._event or anyio.Event()
            await self._event.wait()


async def _as_is(work: Awaitable[None]) -> None:
    await work


def is_trio() -> bool:
    """Tell whether trio runs this task."""
    return sniffio.thread_local.name == "trio"


def current_loop() -> object:
    """Return what tells the running event loop from every other."""
    if is_trio():
        import trio  # noqa: PLC0415 - only who runs under trio has it

        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


def is_prompt(kind: type[BaseException] | None) -> bool:
    """Tell whether who leaves a block so, by cancellation or Ctrl-C, wants out at once."""
    return kind is not None and not issubclass(kind, Exception)
