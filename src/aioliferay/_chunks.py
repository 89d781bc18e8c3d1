"""Commands of a stream that go together: how large they are, what is learnt from their requests, and which of them go again.
Sends none; the pace draws the conclusions.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay._core.messages import NotSent, Unknown
from aioliferay._core.recovery import retry_after
from aioliferay._drafts import Drafts
from aioliferay._settling import OUTCOMES
from aioliferay.errors import AnswerTooLargeError, AuthenticationError, ConnectError, NoAnswerError, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioliferay._call import Call
    from aioliferay._core.window import Pace
    from aioliferay._invoker import Posted
    from aioliferay._options import Terms
    from aioliferay._trip import Trip

_SLOW_DOWN: Final = frozenset({429, 503})  # after a 413 the session sends fewer bytes; how many calls these are, varies


class Chunk:
    """Commands that go together: their positions follow one another. An entry without a call could not be made one.

    Attributes:
        first: position of the first command.
        commands: as they were given.
        entries: their calls.
        length: bytes of their statements, with a comma for each.
        has_calls: whether there is anything to send.
        is_reading: whether all of them only read.
        is_done: whether all of them have ended.
        due: when it goes out though it might be larger; None if that was not asked yet.
        under_way: requests of its kind when it left, itself included.
        left: when it left; None if no request was answered since the portal asked to wait.
        asked: seconds that the portal has asked to wait for.
        is_troubled: whether a request with some of it had no results.
        is_searched: whether that was for some of its calls, which are looked for.
    """

    __slots__ = (
        "asked", "commands", "due", "entries", "first", "has_calls", "is_done", "is_reading", "is_searched", "is_troubled",
        "left", "length", "under_way",
    )  # fmt: skip

    def __init__(self, first: int) -> None:
        self.first = first
        self.commands: list[Any] = []
        self.entries: Drafts | list[Call[Any] | NotSent] = []
        self.length = 0
        self.has_calls = False
        self.is_reading = True
        self.is_done = False
        self.due: float | None = None
        self.under_way = 1
        self.left: float | None = None
        self.asked = 0.0
        self.is_troubled = False
        self.is_searched = False

    @property
    def calls(self) -> Sequence[Call[Any]]:
        """Those that can be sent."""
        if isinstance(self.entries, Drafts):
            return self.entries
        return [entry for entry in self.entries if not isinstance(entry, NotSent)]

    @property
    def ends(self) -> Sequence[Any]:
        """Of each command how it ended, as of a call that has nothing but a result; or its call."""
        if isinstance(self.entries, Drafts) and self.entries.ends:
            return self.entries.ends
        return self.entries

    @property
    def are_results(self) -> bool:
        """Whether all of these ends are results."""
        ends = self.entries.ends if isinstance(self.entries, Drafts) else ()
        return bool(ends) and OUTCOMES.isdisjoint(map(type, ends))

    @property
    def places(self) -> range:
        """Positions of the commands."""
        return range(self.first, self.first + len(self.entries))

    def add(self, command: Any, entry: Call[Any] | NotSent) -> None:
        """Put one more in."""
        self.commands.append(command)
        if not isinstance(self.entries, list):
            self.entries = [*self.entries]
        self.entries.append(entry)
        if not isinstance(entry, NotSent):
            self.has_calls = True
            self.is_reading = self.is_reading and entry.is_read
            self.length += len(entry.statement) + 1

    def add_all(self, commands: Sequence[Any], drafts: Drafts) -> None:
        """Put plain ones in."""
        self.commands += commands
        if not self.entries:
            self.entries = drafts
        elif isinstance(self.entries, Drafts):
            self.entries.join(drafts)
        else:
            self.entries += drafts
        self.has_calls = self.has_calls or bool(drafts)
        self.is_reading = self.is_reading and drafts.are_reads
        self.length += drafts.length

    def unfinished(self, calls: Sequence[Call[Any]], terms: Terms) -> list[Call[Any]]:
        """Return the calls that go again: the portal has asked to wait, or the search for others has spent its budget."""
        if not self.is_troubled or self.asked > terms.retry.longest_retry_after:
            return []
        may_search = terms.limits.isolation_requests > 1
        return [call for call in calls if call.is_asked_to_wait or (may_search and _is_lost(call))]

    def learn(self, posted: Posted, trip: Trip, *, pace: Pace, longest: float) -> None:
        """Let the pace learn from a request; a pause of more than `longest` seconds is no reason to be idle for so long."""
        now, seconds, error = anyio.current_time(), trip.elapsed or 0.0, posted.error
        calls = len(posted.results or posted.outcomes)
        self.left = now - seconds if self.left is None else self.left
        self.is_troubled = self.is_troubled or error is not None
        if error is not None and (error.status in _SLOW_DOWN or isinstance(error, ConnectError)):
            asked = retry_after(posted.headers, time.time())
            self.asked, self.left = asked or 0.0, None
            pause = None if asked is None else min(asked, longest)
            pace.refused(now, calls=calls, status=error.status or 503, pause=pause)
        elif isinstance(error, NoAnswerError) and error.is_timeout and calls > 1:
            # Not an answer that took long: the more calls a request has whose time runs out, the cheaper each would seem.
            pace.refused(now, calls=calls, status=413, pause=None)
        elif isinstance(error, ServerError | AnswerTooLargeError) and calls > 1:
            self.is_searched = True
        elif not self.is_searched and (error is None or isinstance(error, ServerError)):
            pace.answered(now, calls=calls, seconds=seconds, under_way=self.under_way)

    def learn_search(self, pace: Pace) -> None:
        """Let the pace learn what the whole has cost, if a failed call was looked for: more than each request tells."""
        if self.is_searched and self.left is not None:
            now = anyio.current_time()
            pace.answered(now, calls=len(self.calls), seconds=now - self.left, under_way=self.under_way)


def _is_lost(call: Call[Any]) -> bool:
    """Tell whether a call that does no harm went down with others, one of which failed."""
    outcome = call.outcome_unseen
    if not isinstance(outcome, Unknown) or not call.command.is_repeatable:
        return False
    error = outcome.error
    return isinstance(error, ServerError) and not isinstance(error, AuthenticationError) and error.calls > 1


def reopen(call: Call[Any]) -> None:
    """Let a call go again."""
    is_doubtful = call.is_doubtful
    call.reopen(None)
    if is_doubtful:  # an earlier request may have run it, whatever becomes of the next
        call.doubt()
