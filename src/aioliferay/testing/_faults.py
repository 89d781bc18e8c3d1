"""Misbehaviour on request: which fault meets which request and what it does to an answer. Knows no HTTP library."""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import json
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

Drop = Literal["before", "after"]


class ConnectionCutError(Exception):
    """The portal cut the connection: nothing more reaches the client."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the portal does wrong to one request; see `FakePortal.misbehave`."""

    delay: float = 0.0
    status: int | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    drop: Drop | None = None
    statement: int = 0
    truncate: int | None = None
    html: bool = False
    count: int = 0
    body: str | bytes | None = None

    def __post_init__(self) -> None:
        if self.drop not in {None, "before", "after"}:
            raise ValueError(f"drop is 'before', 'after' or None, not {self.drop!r}")
        if self.delay < 0 or self.statement < 0 or (self.truncate or 0) < 0:
            raise ValueError("delay, statement and truncate count from 0 up")

    @property
    def is_refusal(self) -> bool:
        """Whether the request is answered without running anything."""
        return self.status is not None or self.html

    def before_statement(self, index: int) -> None:
        """Cut here if that was asked for; called before statement `index` runs."""
        if self.drop == "before" and index == self.statement:
            raise ConnectionCutError

    def after_statement(self, index: int) -> None:
        """Cut here if that was asked for; called after statement `index` ran."""
        if self.drop == "after" and index == self.statement and self.truncate is None:
            raise ConnectionCutError

    def rewritten(self, body: bytes) -> bytes:
        """The answer's body with another content or count of items."""
        if self.body is not None:
            body = self.body.encode() if isinstance(self.body, str) else self.body
        return _recounted(body, self.count) if self.count else body


NO_FAULT = Fault()


def _recounted(body: bytes, count: int) -> bytes:
    answer: object = json.loads(body)
    if not isinstance(answer, list):
        return body
    items = cast("list[object]", answer)
    changed = items[:count] if count < 0 else [*items, *[None] * count]
    return json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()


class Faults:
    """The faults in waiting, in the order in which requests meet them."""

    def __init__(self) -> None:
        self._waiting: collections.deque[Fault] = collections.deque()
        self._elsewhere: list[tuple[str, Fault]] = []

    def add(self, fault: Fault, *, times: int, path: str | None = None) -> None:
        """Let the next `times` service calls not yet spoken for meet `fault`, or the next requests to `path`, a pattern.

        Raises `ValueError` if `times` is less than 1.
        """
        if times < 1:
            raise ValueError(f"a fault happens at least once, not {times} times")
        if path is None:
            self._waiting.extend([fault] * times)
        else:
            self._elsewhere.extend([(path, fault)] * times)

    def take_at(self, path: str) -> Fault | None:
        """The fault of the request to `path` that has just come, if one was put there."""
        for place, (pattern, fault) in enumerate(self._elsewhere):
            if fnmatch.fnmatchcase(path, pattern):
                del self._elsewhere[place]
                return fault
        return None

    def take(self) -> Fault:
        """The fault of the request that has just come."""
        return self._waiting.popleft() if self._waiting else NO_FAULT
