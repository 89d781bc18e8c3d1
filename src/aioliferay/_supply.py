"""Commands of a stream: what one says, and how they come out of any iterable, a bounded number ahead. Sends none."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

import anyio

from aioliferay._calling import make_call
from aioliferay._core.messages import NotSent
from aioliferay._drafts import Drafts, drafts_of
from aioliferay._many import kinds_of, lengths_of
from aioliferay.errors import NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aioliferay._call import Call
    from aioliferay._calling import CallOptions, Params
    from aioliferay._core.catalog import Catalog
    from aioliferay._tasks import BackgroundTasks

_AT_ONCE: Final = 16  # commands of a plain iterable before the first look at the clock; then twice as many, and so on
_MOMENT: Final = 0.005  # seconds that a plain iterable may hold up everybody else
_LAST_SECONDS: Final = 5.0  # for an asynchronous iterable to clean up


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
    kind = command.__class__
    if (kind is tuple or issubclass(kind, tuple)) and len(command) == 2:
        path, params = command
        return path, params, returns, {}
    if isinstance(command, str):
        return command, None, returns, {}
    if isinstance(command, StreamCommand):
        given = {name: getattr(command, name) for name in ("select", "idempotent", "is_read", "timeout")}
        options = cast("CallOptions", {name: value for name, value in given.items() if value is not None})
        return command.path, command.params, returns if command.returns is Any else command.returns, options
    raise TypeError(f"a command is a path, a pair (path, params) or a StreamCommand, not {kind.__name__}")


def entry_of(command: Any, returns: Any, *, catalog: Catalog | None, site: tuple[str, int]) -> Call[Any] | NotSent:
    """Return the call that a command is; what is no command, or cannot be sent, ends here and harms no other."""
    try:
        path, params, returns, options = read(command, returns)
        return make_call(path, params, returns=returns, sender=None, options=options, catalog=catalog, site=site)
    except Exception as cause:  # noqa: BLE001 - a parameter may be of any class, and raise anything
        error = NotSentError(f"no command that can be sent: {str(cause) or type(cause).__name__}")
        error.__cause__ = _without_frames(cause)
        return NotSent(error)


def entries_of(
    commands: Sequence[Any], returns: Any, *, catalog: Catalog | None, site: tuple[str, int]
) -> tuple[Drafts | list[Call[Any] | NotSent], Totals]:
    """Return the entry of each command, and what they are together."""
    drafts = drafts_of(commands, returns, catalog=catalog, site=site)
    if drafts is not None:
        return drafts, Totals(drafts.length, drafts.are_reads)
    entries: list[Call[Any] | NotSent] = []
    for command in commands:
        plain = drafts_of([command], returns, catalog=catalog, site=site)
        entries.append(plain[0] if plain else entry_of(command, returns, catalog=catalog, site=site))
    calls = [entry for entry in entries if not isinstance(entry, NotSent)]
    return entries, Totals(sum(lengths_of(calls)) + len(calls), False not in kinds_of(calls))


class Totals(NamedTuple):
    """What commands are together: how many bytes, with a comma for each, and whether all only read."""

    length: int
    are_reads: bool


def _without_frames(cause: BaseException) -> BaseException:
    """Return the exception without what only tells of this library, and refers back to who holds the exception."""
    step: BaseException | None = cause
    while step is not None:
        step.__traceback__ = None
        step = step.__cause__ or step.__context__
    return cause


class Bell:
    """Wakes whoever waits. Who waits has just seen that there is nothing to do."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        """Wake them."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self, until: float = math.inf) -> None:
        """Wait until it rings, or for a time."""
        event = self._event = self._event or anyio.Event()
        if until == math.inf:
            await event.wait()
            return
        with anyio.CancelScope(deadline=until):
            await event.wait()


class Supply(Protocol):
    """Where commands come from.

    Attributes:
        ahead: how many commands of an asynchronous iterable may be there before they are taken.
        is_over: nothing more will come, as far as is known.
        failure: what the iterable raised; it is over then.
    """

    ahead: int
    is_over: bool
    failure: BaseException | None

    def take(self, count: int) -> list[Any]:
        """Return up to `count` commands that are there already."""
        ...

    async def aclose(self) -> None:
        """See that nobody reads on, and a generator closed; what was read already may still be taken."""
        ...


def check_iterable(commands: object) -> None:
    """Check that commands can be taken from it.

    Raises:
        TypeError: they cannot.
    """
    is_text = isinstance(commands, str | bytes)
    if is_text or not isinstance(commands, AsyncIterable | Iterable):
        raise TypeError(f"a stream takes an iterable of commands, or an asynchronous one, not {type(commands).__name__}")


def supply_of(
    commands: AsyncIterable[Any] | Iterable[Any], tasks: BackgroundTasks, note: Callable[[], object], *, ahead: int
) -> Supply:
    """Return the supply of an iterable; `note` is called for each command of an asynchronous one, which is read ahead."""
    if isinstance(commands, AsyncIterable):
        return _Pulled(aiter(commands), tasks, note, ahead=ahead)
    return _AtHand(iter(commands), ahead)


class _AtHand:
    """Commands of a plain iterable: there is always another, until there is none. It may be slow, and is asked in turns."""

    def __init__(self, commands: Iterator[Any], ahead: int) -> None:
        self.ahead = ahead
        self.is_over = False
        self.failure: BaseException | None = None
        self._commands = commands

    def take(self, count: int) -> list[Any]:
        taken: list[Any] = []
        until = time.perf_counter() + _MOMENT
        try:
            while not self.is_over and len(taken) < count:
                wanted = min(count, max(_AT_ONCE, 2 * len(taken)))
                taken.extend(islice(self._commands, wanted - len(taken)))
                self.is_over = len(taken) < wanted
                if time.perf_counter() > until:
                    break
        except BaseException as failure:
            self.is_over, self.failure = True, raised(failure)
            if not isinstance(failure, Exception):
                raise
        return taken

    async def aclose(self) -> None:
        self.is_over = True
        commands: Any = self._commands
        if isinstance(commands, Generator):  # nothing else: who gave a file may want to read on
            commands.close()


class _Pulled:
    """Commands of an asynchronous iterable, which a task of its own reads: it alone touches the iterator.

    A generator may have scopes open where it is suspended. So none of ours may be opened when it is resumed, or closed.
    """

    def __init__(
        self, commands: AsyncIterator[Any], tasks: BackgroundTasks, note: Callable[[], object], *, ahead: int
    ) -> None:
        self.ahead = ahead
        self.is_over = False
        self.failure: BaseException | None = None
        self._commands = commands
        self._queue: deque[Any] = deque()
        self._note = note
        self._taken = Bell()
        self._is_asking = True
        self._is_closing = False
        self._ended = anyio.Event()
        self._scope = tasks.start(self._pull, lost=self._end)

    def take(self, count: int) -> list[Any]:
        taken = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
        self._taken.ring()
        return taken

    async def aclose(self) -> None:
        self._is_closing = True
        if self._is_asking:
            self._scope.cancel()
        self._taken.ring()
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_LAST_SECONDS):
                await self._ended.wait()
            self._scope.cancel()
            await self._ended.wait()

    async def _pull(self) -> None:
        try:
            async for command in self._commands:
                self._queue.append(command)
                self._note()
                if not await self._has_room():
                    break
        except BaseException as failure:
            if not self._scope.cancel_called:
                self.failure = raised(failure)
            if not isinstance(failure, Exception):
                raise
        finally:
            try:
                close = getattr(self._commands, "aclose", None)
                if close is not None:
                    await close()
            finally:
                self._end()

    async def _has_room(self) -> bool:
        """Wait for room; return False if no more is wanted."""
        self._is_asking = False
        while len(self._queue) >= self.ahead and not self._is_closing:
            await self._taken.wait()
        self._is_asking = not self._is_closing
        return self._is_asking

    def _end(self) -> None:
        self.is_over = True
        self._ended.set()
        self._note()


def raised(failure: BaseException) -> BaseException:
    """Return what is raised, where the items are taken, for a failure of the caller's own code.

    A cancellation that nobody asked for must not look like one there.
    """
    if isinstance(failure, Exception | KeyboardInterrupt | SystemExit):
        return failure
    told = RuntimeError(f"{type(failure).__name__} was raised in a stream that nobody had cancelled")
    told.__cause__ = failure
    return told
