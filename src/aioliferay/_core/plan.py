"""Which calls travel together: dependencies → stages. Knows the order that must be kept; knows neither bytes nor results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Planned:
    """What the planner must know of a call: the positions of the calls it waits for, and whether it only reads."""

    parents: tuple[int, ...]
    is_read: bool


def stages(calls: Sequence[Planned]) -> list[list[int]]:
    """Return the positions of the calls, stage by stage: send one stage, then fill in the references of the next.

    A call comes after the calls it refers to. A write comes after all calls made before it, and no call overtakes a write
    made before it, so the portal sees what it would see if the calls came one by one. Within a stage call order is kept.
    """
    levels: list[int] = []
    highest = last_write = 0
    for planned in calls:
        level = max((levels[parent] + 1 for parent in planned.parents), default=0)
        level = max(level, last_write if planned.is_read else highest)
        highest = max(highest, level)
        if not planned.is_read:
            last_write = level
        levels.append(level)
    result: list[list[int]] = [[] for _ in range(highest + 1)] if levels else []
    for position, level in enumerate(levels):
        result[level].append(position)
    return result


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request that would be sent.

    Attributes:
        paths: the services, in the order of the statements.
        body: the encoded body; None where results of an earlier request are to be filled in first.
    """

    paths: tuple[str, ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `BatchSession.explain()` says: the requests that would be sent. Printing it gives a readable text.

    Attributes:
        url: where the requests go.
        requests: in the order of sending.
    """

    url: str
    requests: tuple[PlannedRequest, ...]

    @property
    def curl(self) -> str:
        """A command line that sends the first request, without credentials; empty if there is none."""
        if not self.requests or self.requests[0].body is None:
            return ""
        body = self.requests[0].body.decode().replace("'", "'\\''")
        return f"curl -u USER '{self.url}' -H 'Content-Type: application/json' --data-binary '{body}'"

    def __str__(self) -> str:
        if not self.requests:
            return "nothing is queued: no request would be sent"
        lines = [f"{len(self.requests)} request(s) to {self.url}"]
        for number, request in enumerate(self.requests, 1):
            size = "size known when results are filled in" if request.body is None else f"{len(request.body)} bytes"
            lines.append(f"{number}. {len(request.paths)} calls, {size}")
            lines.extend(f"   {path}" for path in request.paths)
        return "\n".join([*lines, self.curl])
