"""What would be sent: the plan of a batch, told to people. Nothing happens to its calls; loaded when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aioliferay._core import packing, plan
from aioliferay._core.explaining import Explanation, PlannedCall, PlannedRequest, PlannedStatement
from aioliferay._core.packing import Nested
from aioliferay._stages import command_of, everyone, room_of, route_of, widened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioliferay._call import Call
    from aioliferay._core.messages import Command
    from aioliferay._options import Terms
    from aioliferay._stages import Learnt


def explanation_of(url: str, calls: Sequence[Call[Any]], terms: Terms, learnt: Learnt) -> Explanation:
    """Tell which requests the calls would be sent in, and why."""
    route = route_of(calls, terms, learnt)
    requests: list[PlannedRequest] = []
    for number, stage in enumerate(route.plan.stages, 1):
        drafts = [_draft(entry, calls) for entry in stage]
        nests = {place: draft.nested for place, draft in enumerate(drafts) if draft.nested is not None}
        sizes = [len(draft.body or b"") for draft in drafts]
        for wave in packing.waves(sizes, [draft.is_read for draft in drafts], room_of(terms), nests):
            requests += [_planned_request(drafts[request.start : request.stop], number) for request in wave]
    return Explanation(url, tuple(requests), route.dependent, route.why, route.plan.reasons)


class _Draft(NamedTuple):
    statement: PlannedStatement
    body: bytes | None
    is_read: bool
    nested: Nested | None = None


def _planned_request(drafts: Sequence[_Draft], stage: int) -> PlannedRequest:
    bodies = [draft.body for draft in drafts if draft.body is not None]
    body = b"[%b]" % b",".join(bodies) if len(bodies) == len(drafts) else None
    return PlannedRequest(tuple(draft.statement for draft in drafts), body, stage)


def _draft(entry: plan.Entry, calls: Sequence[Call[Any]]) -> _Draft:
    if isinstance(entry, int):
        command = widened(calls[entry])
        body = command.statement if command.params is None else None
        statement = PlannedStatement((_planned_call(entry, command),), None if body is None else len(body))
        return _Draft(statement, body, command.is_read)
    inside = {position: calls[position] for position in everyone(entry)}
    positions = {id(call) for call in inside.values()}
    references = [reference for call in inside.values() for reference in call.command.references]
    is_known = all(id(reference.source) in positions or reference.source.done() for reference in references)
    body = command_of(entry, inside).statement if is_known else None
    members = [_planned_call(position, calls[position].command) for position in entry.root.calls()]
    statement = PlannedStatement(tuple(members), None if body is None else len(body), not entry.root.is_shown)
    is_read = all(call.command.is_read for call in inside.values())
    return _Draft(statement, body, is_read, Nested(entry.size, len(members), not entry.root.is_shown))


def _planned_call(position: int, command: Command) -> PlannedCall:
    retry: Literal["idempotent", "write"] = "idempotent" if command.is_idempotent else "write"
    return PlannedCall(command.path, position, "read" if command.is_read else retry)
