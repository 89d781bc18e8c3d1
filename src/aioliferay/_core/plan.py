"""Which calls travel together: dependencies → stages, and stages → requests by count and bytes. Knows the order that must be
kept; knows neither contents nor results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How large requests and answers may become, and how much is spent on finding the failed calls of a refused batch.

    Attributes:
        max_calls: calls in one request.
        max_bytes: bytes of one request's body; a single call that is larger goes alone.
        max_parallel: requests of one batch that are under way at once; only requests that read go in parallel.
        max_answer_bytes: bytes of one answer, decompressed; a larger one is not read to its end.
        isolation_requests: further requests for one batch that was refused; 0 leaves the failure with all of its calls.
        isolation_seconds: seconds for these further requests.

    Raises:
        ValueError: a number is out of its range.
    """

    max_calls: int = 500
    max_bytes: int = 1_048_576
    max_parallel: int = 4
    max_answer_bytes: int = 33_554_432
    isolation_requests: int = 200
    isolation_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, least in (
            ("max_calls", 1), ("max_bytes", 1), ("max_parallel", 1), ("max_answer_bytes", 1),
            ("isolation_requests", 0), ("isolation_seconds", 0),
        ):  # fmt: skip
            if not getattr(self, name) >= least:
                raise ValueError(f"{name}= cannot be {getattr(self, name)}: it takes {least} or more")


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


def waves(
    sizes: Sequence[int], are_reads: Sequence[bool], *, max_calls: int, max_bytes: int, are_writes_alone: bool = False
) -> list[list[range]]:
    """Return the requests for calls of these sizes (bytes of their statements), as ranges of positions.

    The requests of one wave only read and may go in parallel; waves go one after another. Call order is kept. A call that
    is larger than `max_bytes` is alone; with `are_writes_alone` each write is too.
    """
    result: list[list[range]] = []
    was_reading = False
    for request in _requests(sizes, are_reads, max_calls, max_bytes, are_writes_alone=are_writes_alone):
        is_reading = all(are_reads[position] for position in request)
        if is_reading and was_reading:
            result[-1].append(request)
        else:
            result.append([request])
        was_reading = is_reading
    return result


def _requests(
    sizes: Sequence[int], are_reads: Sequence[bool], max_calls: int, max_bytes: int, *, are_writes_alone: bool
) -> Iterator[range]:
    start = 0
    total = 1  # the brackets, less the comma that the first statement lacks
    for position, size in enumerate(sizes):
        is_full = position - start == max_calls or total + size + 1 > max_bytes
        if are_writes_alone and not (are_reads[position] and are_reads[start]):
            is_full = True
        if is_full and position > start:
            yield range(start, position)
            start, total = position, 1
        total += size + 1
    if sizes:
        yield range(start, len(sizes))


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
