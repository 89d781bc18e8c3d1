"""How far one request came. Knows neither calls nor HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio


class Queue(Protocol):
    """Where calls wait that leave together."""

    def flush_soon(self, call: Any, /) -> None:
        """Send everything queued on the next scheduler tick, because somebody waits for `call`."""


@dataclass(slots=True)
class Trip:
    """How far one request came: its calls were taken, it got a connection to be made, its first byte may have left.

    Attributes:
        sender: of its calls, until it is over.
        queue: sends its calls as soon as somebody waits for one; None once they were taken.
        loop: asyncio's, in which its calls are waited for, if that is known: to ask for it costs as much as a future.
        is_plain: nothing is known of its calls but their statements, and none has ended in another way than by its result.
        is_bare: none of its calls has a type, or is waited for: their results can be given to them without a look at each.
        is_begun: it got a connection to be made.
        is_sent: its first byte may have left.
        number: in its session.
        status: of the answer, as soon as its head is there.
        elapsed: seconds, once it is over.
    """

    sender: Any = None
    queue: Queue | None = None
    loop: asyncio.AbstractEventLoop | None = None
    is_plain: bool = True
    is_bare: bool = False
    is_sent: bool = False
    is_begun: bool = False
    number: int = 0
    status: int | None = None
    elapsed: float | None = None
