"""How far one request came. Knows neither calls nor HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Trip:
    """How far one request came: its calls were taken, it got a connection to be made, its first byte may have left.

    Attributes:
        sender: of its calls, until it is over.
        is_taken: no further calls are for this request.
        is_plain: nothing is known of its calls but their statements, and none has ended in another way than by its result.
        is_begun: it got a connection to be made.
        is_sent: its first byte may have left.
        number: in its session.
        status: of the answer, as soon as its head is there.
        elapsed: seconds, once it is over.
    """

    sender: Any = None
    is_taken: bool = True
    is_plain: bool = True
    is_sent: bool = False
    is_begun: bool = False
    number: int = 0
    status: int | None = None
    elapsed: float | None = None
