"""What would be sent, told to people: requests, stages, statements, and why. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call of a statement.

    Attributes:
        path: of the service.
        position: of the call in the batch, from 0.
        retry: a "read" and what is "idempotent" may be sent again after a request that may have run it, a "write" never.
    """

    path: str
    position: int
    retry: Literal["read", "idempotent", "write"]


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """One element of a request's array.

    Attributes:
        calls: whose results it brings; more than one if calls are nested in it.
        size: its bytes; None where results of an earlier request are to be filled in first.
        is_repeated: whether its outermost call runs a second time, for those that are nested in it: that one is a statement
            of its own before it.
    """

    calls: tuple[PlannedCall, ...]
    size: int | None
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request that would be sent.

    Attributes:
        statements: in their order.
        body: the encoded body; None where results of an earlier request are to be filled in first. A call that runs for each
            element of a list becomes as many statements.
        stage: from 1. A stage is sent when all requests of the one before have been answered.
    """

    statements: tuple[PlannedStatement, ...]
    body: bytes | None
    stage: int = 1

    @property
    def calls(self) -> tuple[PlannedCall, ...]:
        """The calls whose results the request brings, in the order of the statements."""
        return tuple(call for statement in self.statements for call in statement.calls)

    @property
    def paths(self) -> tuple[str, ...]:
        """The services of these calls."""
        return tuple(call.path for call in self.calls)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `BatchSession.explain()` says: the requests that would be sent. Printing it gives a readable text.

    Attributes:
        url: where the requests go.
        requests: in the order of sending.
        dependent: "nested" if calls that need results of others are nested where that is possible, or "staged".
        why: what decided that, if calls need results of others; else empty.
        reasons: why calls wait for a later stage, by their position in the batch.
    """

    url: str
    requests: tuple[PlannedRequest, ...]
    dependent: Literal["nested", "staged"] = "staged"
    why: str = ""
    reasons: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def stages(self) -> int:
        """How many stages there are."""
        return max((request.stage for request in self.requests), default=0)

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
        if self.why:
            lines.append(f"dependent calls are {self.dependent}: {self.why}")
        for number, request in enumerate(self.requests, 1):
            lines.append(f"{number}. {self._head(request)}")
            for statement in request.statements:
                lines.extend(self._lines(statement, is_later=request.stage > 1))
        return "\n".join([*lines, self.curl])

    def _head(self, request: PlannedRequest) -> str:
        size = "size known when results are filled in" if request.body is None else f"{len(request.body)} bytes"
        stage = f"stage {request.stage}, " if self.stages > 1 else ""
        return f"{stage}{len(request.calls)} calls, {size}"

    def _lines(self, statement: PlannedStatement, *, is_later: bool) -> list[str]:
        size = "" if statement.size is None else f", {statement.size} bytes"
        nest = statement.calls if statement.is_repeated else statement.calls[1:]
        lines: list[str] = []
        if statement.is_repeated:
            lines.append(f"   the call before, once more{size}")
        else:
            first = statement.calls[0]
            reason = f"; {self.reasons[first.position]}" if is_later and first.position in self.reasons else ""
            lines.append(f"   {first.path} ({first.retry}{size}){reason}")
        return [*lines, *(f"      nested: {call.path} ({call.retry})" for call in nest)]
