"""What becomes of endless commands, as an asynchronous iterator. Knows who iterates; the flow does the work.

No generator: whoever iterates is suspended between items, where no scope and no task group must be open (PEP 789). The work
is done by background tasks of the session, and the iterator only takes what they have put down.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, cast

from aioliferay._call import Call
from aioliferay._core.messages import Ok, Outcome
from aioliferay._flow import Flow, StreamOptions
from aioliferay._settling import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from types import TracebackType

    from aioliferay._session_base import SessionBase
    from aioliferay.errors import LiferayError

C = TypeVar("C")


class StreamItem(Generic[C]):
    """What became of one command of a stream.

    Attributes:
        position: of the command in the stream, from 0.
        command: as it was given.
        result: None if there is none.
        error: why there is no result; None if there is one.
    """

    __slots__ = ("_outcome", "command", "error", "position", "result")  # no dataclass: a stream makes millions of them

    def __init__(self, position: int, command: C, outcome: Outcome[Any]) -> None:
        self.position: int = position
        self.command: C = command
        self.result: Any = getattr(outcome, "value", None)
        self.error: LiferayError | None = outcome.error
        self._outcome: Outcome[Any] | None = outcome

    @property
    def outcome(self) -> Outcome[Any]:
        """`Ok`, `Failed`, `NotSent`, `NotRun`, `Unknown` or `Cancelled`, as of a call."""
        return Ok(self.result) if self._outcome is None else self._outcome

    @property
    def _parts(self) -> tuple[int, C, Outcome[Any]]:
        return self.position, self.command, self.outcome

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StreamItem) and self._parts == other._parts  # pyright: ignore[reportUnknownMemberType]  # of any C

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return f"StreamItem(position={self.position!r}, command={self.command!r}, outcome={self.outcome!r})"


_new: Final[Callable[[type[StreamItem[Any]]], Any]] = StreamItem.__new__


class Stream(Generic[C]):
    """What becomes of the commands of a stream, one item after another: an asynchronous iterator; see `Session.stream`.

    `aclose()`, or leaving its block, ends it early: what is in flight is aborted. `stop()` ends it gently.
    """

    def __init__(
        self, session: SessionBase, commands: Iterable[C] | AsyncIterable[C], options: StreamOptions, returns: Any = Any
    ) -> None:
        self._flow = Flow(session, commands, options, returns)
        self._thread = threading.get_ident()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamItem[C]:
        flow = self._flow
        while True:  # another task may have taken what came
            for position, command, end in flow.items:
                if not flow.are_plain:
                    if end.__class__ is Call:
                        end = end.outcome if end.has_error else end._end  # noqa: SLF001, PLW2901 - see `_many`
                    if end.__class__ in OUTCOMES:
                        return StreamItem(position, command, cast("Outcome[Any]", end))
                item: StreamItem[C] = _new(StreamItem)
                item.position = position
                item.command = command
                item.result = end
                item.error = item._outcome = None  # noqa: SLF001 - it is one of ours
                return item
            await flow.fill()

    def stop(self) -> None:
        """Take no further commands. What is on its way still comes, as does what was taken and not sent: as not sent."""
        self._flow.stop()

    async def aclose(self) -> None:
        """End the stream: abort what is in flight, take no further commands. Nothing comes any more."""
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
