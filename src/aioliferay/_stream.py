"""What becomes of endless commands, as an asynchronous iterator. Knows who iterates; the flow does the work.

No generator: whoever iterates is suspended between items, where no scope and no task group must be open (PEP 789). The work
is done by background tasks of the session, and the iterator only takes what they have put down.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from aioliferay._core.messages import NotSent, Outcome
from aioliferay._flow import Flow, StreamOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from types import TracebackType

    from aioliferay._call import Call
    from aioliferay._session_base import SessionBase
    from aioliferay.errors import LiferayError

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class StreamItem(Generic[C]):
    """What became of one command of a stream.

    Attributes:
        position: of the command in the stream, from 0.
        command: as it was given.
        outcome: `Ok`, `Failed`, `NotSent`, `NotRun`, `Unknown` or `Cancelled`, as of a call.
    """

    position: int
    command: C
    outcome: Outcome[Any]

    @property
    def result(self) -> Any:
        """The result; None if there is none."""
        return getattr(self.outcome, "value", None)

    @property
    def error(self) -> LiferayError | None:
        """Why there is no result; None if there is one."""
        return self.outcome.error


class Stream(Generic[C]):
    """What becomes of the commands of a stream, one item after another: an asynchronous iterator; see `Session.stream`.

    `aclose()`, or leaving its block, ends it early: what is in flight is aborted. `stop()` ends it gently.
    """

    def __init__(
        self, session: SessionBase, commands: Iterable[C] | AsyncIterable[C], options: StreamOptions, returns: Any = Any
    ) -> None:
        self._flow = Flow(session, commands, options, returns)
        self._thread = threading.get_ident()
        self._items: deque[tuple[int, C, Call[Any] | NotSent]] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamItem[C]:
        if not self._items:
            self._items = await self._flow.next_items()
        position, command, entry = self._items.popleft()
        return StreamItem(position, command, entry if isinstance(entry, NotSent) else entry.outcome)

    def stop(self) -> None:
        """Take no further commands. What is on its way still comes, as does what was taken and not sent: as not sent."""
        self._flow.stop()

    async def aclose(self) -> None:
        """End the stream: abort what is in flight, take no further commands. Nothing comes any more."""
        self._items.clear()
        await self._flow.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        flow: Flow | None = getattr(self, "_flow", None)
        if flow is not None and threading.get_ident() == self._thread:
            with contextlib.suppress(RuntimeError):  # its event loop is closed
                flow.cancel()
