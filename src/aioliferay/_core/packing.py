"""Statements → requests by count and bytes, and what a request may hold. Knows sizes; knows neither contents nor results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How large requests and answers may become, and how much is spent on finding the failed calls of a refused batch.

    Attributes:
        max_calls: calls in one request.
        max_bytes: bytes of one request's body; a single call that is larger goes alone.
        max_nested: calls in one request that are nested in others; 0 nests none. A portal's time for them grows faster than
            their number (`real-timings.md` §4).
        max_parallel: requests of one batch that are under way at once; only requests that read go in parallel.
        max_answer_bytes: bytes of one answer, decompressed; a larger one is not read to its end.
        isolation_requests: further requests for one batch that was refused; 0 leaves the failure with all of its calls.
        isolation_seconds: seconds for these further requests.

    Raises:
        ValueError: a number is out of its range.
    """

    max_calls: int = 500
    max_bytes: int = 1_048_576
    max_nested: int = 50
    max_parallel: int = 4
    max_answer_bytes: int = 33_554_432
    isolation_requests: int = 200
    isolation_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, least in (
            ("max_calls", 1), ("max_bytes", 1), ("max_nested", 0), ("max_parallel", 1), ("max_answer_bytes", 1),
            ("isolation_requests", 0), ("isolation_seconds", 0),
        ):  # fmt: skip
            if not getattr(self, name) >= least:
                raise ValueError(f"{name}= cannot be {getattr(self, name)}: it takes {least} or more")


class Nested(NamedTuple):
    """What a nest adds to a request.

    Attributes:
        size: calls nested in it.
        calls: how many calls it brings the results of.
        is_glued: whether it must follow the statement before it at once.
    """

    size: int
    calls: int
    is_glued: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What fits into one request; whether each write has one for itself, or shares none with reads. See `BatchLimits`."""

    max_calls: int
    max_bytes: int
    max_nested: int = 0
    are_writes_alone: bool = False
    are_kinds_apart: bool = False


def is_one(sizes: Sequence[int], room: Room, kinds: Callable[[], set[bool]]) -> bool:
    """Tell whether statements of these sizes, none of them a nest, go in one request; `kinds` tells whether they read."""
    if not 0 < len(sizes) <= room.max_calls or sum(sizes) + len(sizes) + 1 > room.max_bytes:
        return False
    if not (room.are_writes_alone or room.are_kinds_apart):
        return True
    found = kinds()
    return len(found) == 1 and (found == {True} or not room.are_writes_alone)


def waves(
    sizes: Sequence[int], are_reads: Sequence[bool], room: Room, nests: Mapping[int, Nested] | None = None
) -> list[list[range]]:
    """Return the requests for statements of these sizes (bytes), as ranges of positions; `nests` are by position.

    The requests of one wave only read and may go in parallel; waves go one after another. The order is kept. A statement
    that is larger than `max_bytes` is alone, or with the one that is glued to it. A nest never shares a request with a write
    outside of it: it may be refused where none of its calls would be by itself, and nobody would know whether the write ran.
    """
    result: list[list[range]] = []
    was_reading = False
    for request in _mixed(sizes, are_reads, room, nests) if nests else _plain(sizes, are_reads, room):
        is_reading = all(are_reads[position] for position in request)
        if is_reading and was_reading:
            result[-1].append(request)
        else:
            result.append([request])
        was_reading = is_reading
    return result


def _plain(sizes: Sequence[int], are_reads: Sequence[bool], room: Room) -> Iterator[range]:
    start = 0
    total = 1  # the brackets, less the comma that the first statement lacks
    for position, size in enumerate(sizes):
        is_full = position - start == room.max_calls or total + size + 1 > room.max_bytes
        if _must_part(are_reads[start], are_reads[position], room):
            is_full = True
        if is_full and position > start:
            yield range(start, position)
            start, total = position, 1
        total += size + 1
    if sizes:
        yield range(start, len(sizes))


def _must_part(first: bool, other: bool, room: Room) -> bool:  # noqa: FBT001 - whether they read
    return (room.are_writes_alone and not (first and other)) or (room.are_kinds_apart and first is not other)


def _mixed(sizes: Sequence[int], are_reads: Sequence[bool], room: Room, nests: Mapping[int, Nested]) -> Iterator[range]:
    start = 0
    filled = _Filled()
    for position, size in enumerate(sizes):
        own = nests.get(position)
        more = _Filled(1, size + 1) if own is None else _Filled(own.calls, size + 1, own.size, has_nest=True)
        more.has_write = not are_reads[position]
        whole = more
        if own is None and (follower := nests.get(position + 1)) is not None and follower.is_glued:
            length = more.length + sizes[position + 1] + 1
            whole = _Filled(1 + follower.calls, length, follower.size, more.has_write, has_nest=True)
        is_full = not filled.takes(whole, room)
        if _must_part(are_reads[start], are_reads[position], room):
            is_full = True
        if is_full and position > start and not (own is not None and own.is_glued):
            yield range(start, position)
            start, filled = position, _Filled()
        filled.add(more)
    yield range(start, len(sizes))


@dataclass(slots=True)
class _Filled:
    """What a request has, or what comes to it. `length` counts a comma for each statement."""

    calls: int = 0
    length: int = 0
    nested: int = 0
    has_write: bool = False
    has_nest: bool = False

    def takes(self, more: _Filled, room: Room) -> bool:
        """Tell whether more fits in; `length` and two brackets are a comma more than a body has."""
        is_apart = (more.has_write and self.has_nest) or (more.has_nest and self.has_write)
        return not is_apart and (
            self.calls + more.calls <= room.max_calls
            and self.length + more.length + 1 <= room.max_bytes
            and self.nested + more.nested <= max(room.max_nested, more.nested)
        )

    def add(self, more: _Filled) -> None:
        """Put more in."""
        self.calls += more.calls
        self.length += more.length
        self.nested += more.nested
        self.has_write = self.has_write or more.has_write
        self.has_nest = self.has_nest or more.has_nest
