"""Commands of a stream: what one says, and how they come out of any iterable, a bounded number ahead. Sends none."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, cast

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aioliferay._calling import CallOptions, Params
    from aioliferay._tasks import BackgroundTasks


@dataclass(frozen=True, slots=True)
class StreamCommand:
    """One command of a stream: the arguments of `Session.call`, as a value.

    Attributes:
        path: of the service.
        params: its parameters.
        returns: type of the result.
        select: names of properties, or "model".
        idempotent: whether running it twice does no harm.
        is_read: whether it changes nothing.
        timeout: seconds that it may take, from when it is taken out of the iterable.
    """

    path: str
    params: Params = None
    returns: Any = Any
    select: Sequence[str] | None = None
    idempotent: bool | None = None
    is_read: bool | None = None
    timeout: float | None = None


def read(command: Any, returns: Any) -> tuple[str, Params, Any, CallOptions]:
    """Return what a command says: path, parameters, type of the result (`returns` if it does not say), options.

    Raises:
        TypeError: it is none.
    """
    if isinstance(command, tuple) and len(command) == 2:
        path, params = command
        return path, params, returns, {}
    if isinstance(command, str):
        return command, None, returns, {}
    if isinstance(command, StreamCommand):
        given = {name: getattr(command, name) for name in ("select", "idempotent", "is_read", "timeout")}
        options = cast("CallOptions", {name: value for name, value in given.items() if value is not None})
        return command.path, command.params, returns if command.returns is Any else command.returns, options
    raise TypeError(f"a command is a path, a pair (path, params) or a StreamCommand, not {type(command).__name__}")


class Supply(Protocol):
    """Where commands come from.

    Attributes:
        is_over: nothing more will come, as far as is known.
        failure: what the iterable raised; it is over then.
    """

    is_over: bool
    failure: BaseException | None

    def take(self, count: int) -> list[Any]:
        """Return up to `count` commands that are there already."""
        ...

    def cancel(self) -> None:
        """Take no more."""
        ...

    async def aclose(self) -> None:
        """Take no more, and see the iterable closed."""
        ...


def supply_of(commands: object, tasks: BackgroundTasks, note: Callable[[], object], *, ahead: int) -> Supply:
    """Return the supply of an iterable; an asynchronous one is read `ahead` commands ahead, and `note` called for each.

    Raises:
        TypeError: it is none.
    """
    if isinstance(commands, AsyncIterable):
        return _Pulled(aiter(commands), tasks, note, ahead)
    if isinstance(commands, Iterable) and not isinstance(commands, str | bytes):
        return _AtHand(iter(commands))
    raise TypeError(f"a stream takes an iterable of commands, or an asynchronous one, not {type(commands).__name__}")


class _AtHand:
    """Commands of a plain iterable: there is always another, until there is none."""

    def __init__(self, commands: Iterator[Any]) -> None:
        self.is_over = False
        self.failure: BaseException | None = None
        self._commands = commands

    def take(self, count: int) -> list[Any]:
        taken: list[Any] = []
        try:
            taken.extend(islice(self._commands, count))
            self.is_over = self.is_over or len(taken) < count
        except Exception as failure:  # noqa: BLE001 - the caller's own; it is raised where the results are taken
            self.is_over, self.failure = True, failure
        return taken

    def cancel(self) -> None:
        self.is_over = True

    async def aclose(self) -> None:
        self.cancel()
        close = getattr(self._commands, "close", None)
        if callable(close):
            close()


class _Pulled:
    """Commands of an asynchronous iterable, which a task of its own reads: it alone touches the iterator."""

    def __init__(self, commands: AsyncIterator[Any], tasks: BackgroundTasks, note: Callable[[], object], ahead: int) -> None:
        self.is_over = False
        self.failure: BaseException | None = None
        self._commands = commands
        self._ahead = ahead
        self._queue: deque[Any] = deque()
        self._note = note
        self._went: anyio.Event | None = None
        self._ended = anyio.Event()
        self._scope = tasks.start(self._pull, lost=self._end)

    def take(self, count: int) -> list[Any]:
        taken = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
        if self._went is not None:
            self._went.set()
        return taken

    def cancel(self) -> None:
        self._scope.cancel()

    async def aclose(self) -> None:
        self.cancel()
        with anyio.CancelScope(shield=True):
            await self._ended.wait()

    async def _pull(self) -> None:
        try:
            async for command in self._commands:
                self._queue.append(command)
                self._note()
                while len(self._queue) >= self._ahead:
                    self._went = anyio.Event()
                    await self._went.wait()
        except Exception as failure:  # noqa: BLE001 - as above
            self.failure = failure
        finally:
            close = getattr(self._commands, "aclose", None)
            if close is not None:
                with anyio.CancelScope(shield=True):
                    await close()
            self._end()

    def _end(self) -> None:
        self.is_over = True
        self._ended.set()
        self._note()
