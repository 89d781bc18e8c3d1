"""Calls whose time runs out. Knows the clock and ends each call in time; does not know what the call waits for."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from aioliferay._core.messages import NotSent, Unknown
from aioliferay._many import have_timeouts
from aioliferay.errors import NoAnswerError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioliferay._call import Call
    from aioliferay._tasks import BackgroundTasks


def watch(tasks: BackgroundTasks, calls: Sequence[Call[Any]], until: float = math.inf) -> anyio.CancelScope | None:
    """End each of the calls, from a background task, when its own time or `until` has come.

    The request that carries it goes on for the others. Returns what ends the watch; None if no call is in a hurry.
    """
    if math.isinf(until) and not have_timeouts(calls):
        return None
    now = anyio.current_time()
    ends = [(min(call.limit(now, math.inf), until), call) for call in calls]
    hurried = sorted([end for end in ends if not math.isinf(end[0])], key=lambda end: end[0])
    return tasks.start(partial(_watch, hurried), lost=_nothing) if hurried else None


async def _watch(ends: Sequence[tuple[float, Call[Any]]]) -> None:
    for when, call in ends:
        if not call.done():
            await anyio.sleep_until(when)
            expire(call)


def expire(call: Call[Any]) -> None:
    """End a call whose time has run out, if it has not ended."""
    if call.done():
        return
    if call.is_sent:
        text = f"no answer within {call.allowed}; the portal may still be at work on it"
        call.settle(Unknown(NoAnswerError(text, is_timeout=True, path=call.path)))
    else:
        call.settle(NotSent(NotSentError(f"its time ran out ({call.allowed}) before it was sent", path=call.path)))


def _nothing() -> None:
    """Lose nothing: the calls are settled by whoever sends them."""
