"""The spine: calls go out together, outcomes come back one by one. Knows how a batch gets through, request by request, also
where the portal or the network fails; does not know who closed it.
"""

from __future__ import annotations

import math
import random
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack

import anyio

from aioliferay._core import codec, recovery
from aioliferay._core.messages import NotRun, NotSent, Ok, Outcome, Unknown
from aioliferay._core.refusals import is_getter_failure
from aioliferay._deadline import expire
from aioliferay._many import are_plain, depart, pending_of, settle_results
from aioliferay._nests import NestedCalls, conclude, end_cancelled, settle_cancelled
from aioliferay._options import Terms
from aioliferay._stages import are_independent, members_of, nested, requests_of, route_of, single, whole_body_of
from aioliferay._trip import Trip
from aioliferay._under_way import Traffic, UnderWay
from aioliferay.errors import (
    AnswerTooLargeError,
    AuthenticationError,
    ClosedError,
    LiferayError,
    NotSentError,
    ProtocolError,
    ServerError,
)
from aioliferay.observe import RetryScheduled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aioliferay._call import Call
    from aioliferay._core import plan
    from aioliferay._invoker import Invoker, Posted
    from aioliferay._stages import Learnt
    from aioliferay._under_way import Sharing

_TERMS: Final = Terms()


@dataclass(slots=True)
class _Group:
    """Calls that go in one request: how many they have had, and what ends them if there is no further one."""

    calls: Sequence[Call[Any]]
    attempt: int = 1
    last: Mapping[int, Outcome[Any]] | None = None  # by the id of the call; set in the search for a failed call
    is_suspect: bool = False
    body: bytes | None = None  # of the request, if it was made already
    trip: Trip = field(default_factory=Trip)  # of the last request


@dataclass(slots=True)
class Exchange:
    """The way from a session to its portal and back.

    Attributes:
        invoker: sends one request.
        timeout: of a request whose calls set no other, in seconds.
        terms: on which calls travel, unless their batch has others.
        traffic: what it shares with others over the same connections.
    """

    invoker: Invoker
    timeout: float | None = None
    terms: Terms = _TERMS
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def learnt(self) -> Learnt:
        """What decides how calls go that need results of others."""
        self.traffic.learnt.fastest = self.invoker.fastest
        return self.traffic.learnt

    async def run(
        self, calls: Sequence[Call[Any]], terms: Terms | None = None, until: float = math.inf, **sharing: Unpack[Sharing]
    ) -> None:
        """Send the calls, in one request where that is possible, and settle each of them.

        Never raises what a call suffers. When it is cancelled, what is under way is aborted, every call is settled (a write
        that may have run as unknown), and the cancellation goes on; a cancellation by `cancel()` ends here.
        """
        run = UnderWay(calls, terms or self.terms, until, owner=self, **sharing)
        self.traffic.runs.append(run)
        try:
            with run.scope:
                if run.is_plain and (body := whole_body_of(calls, run.terms, self.traffic.most_bytes)) is not None:
                    await self._deliver(run, _Group(calls, body=body))
                elif run.is_plain or are_independent(calls):
                    await self._send(run, pending_of(calls))
                else:
                    for stage in route_of(calls, run.terms, self.learnt).plan.stages:
                        await self._send_stage(run, stage)
        finally:
            for call in () if run.is_settled else pending_of((*run.parts, *calls)):
                end_cancelled(call)
            self.traffic.runs.remove(run)
            run.end()

    async def _send_stage(self, run: UnderWay, stage: Sequence[plan.Entry]) -> None:
        """Send the calls of a stage, each by itself or in its nest, in as many requests as the limits ask for."""
        departing: list[Call[Any]] = []
        for entry in stage:
            if isinstance(entry, int):
                departing += self._single(run, run.calls[entry])
            elif (nest := nested(entry, run.calls, run.position)) is not None:
                departing.append(nest)
                run.has_nests = True
            else:  # one of its calls was given up meanwhile, or lacks a result; the order stays
                await self._send(run, departing)
                departing = []
                await self._one_by_one(run, members_of(entry, run.calls))
        await self._send(run, departing)

    def _single(self, run: UnderWay, call: Call[Any]) -> list[Call[Any]]:
        departing = single(call, run.position)
        run.parts += [part for part in departing if part is not call]
        return departing

    async def _one_by_one(self, run: UnderWay, calls: Sequence[Call[Any]], error: LiferayError | None = None) -> None:
        """Send calls that were to be nested, each by itself, stage by stage; `error` if the portal refused the nest."""
        calls = sorted({id(call): call for call in calls if not call.done()}.values(), key=run.position)
        for stage in route_of(calls, replace(run.terms, dependent="staged"), self.learnt).plan.stages:
            ready = [self._single(run, calls[entry]) for entry in stage if isinstance(entry, int)]
            await self._send(run, [call for departing in ready for call in departing], error)

    async def _send(self, run: UnderWay, calls: Sequence[Call[Any]], error: LiferayError | None = None) -> None:
        """Send calls in as many requests as the limits ask for; `error` if they go again in search of the failed one."""
        for wave in requests_of(calls, run.terms, self.traffic.most_bytes, has_nests=run.has_nests):
            await self._together(run, [_group_after(request, error) for request in wave])

    async def _together(self, run: UnderWay, groups: Sequence[_Group]) -> None:
        """Send groups of calls: in parallel if all of them only read, else one after another."""
        if len(groups) > 1 and all(call.is_read for group in groups for call in group.calls):
            run.limit_parallel()
            async with anyio.create_task_group() as tasks:
                for group in groups:
                    tasks.start_soon(partial(self._deliver, run, group))
        else:
            for group in groups:
                await self._deliver(run, group)

    async def _deliver(self, run: UnderWay, group: _Group) -> None:
        """Send one group until each of its calls has ended, also those of nests that were taken apart on the way."""
        nests = [call for call in group.calls if isinstance(call, NestedCalls)] if run.has_nests else []
        await self._deliver_group(run, group)
        for nest in nests:
            self.traffic.learnt.note(nest, run.terms.limits.max_nested)
        if left := [call for nest in nests for call in nest.left]:
            await self._one_by_one(run, left, next((nest.error for nest in nests if nest.error is not None), None))

    async def _deliver_group(self, run: UnderWay, group: _Group) -> None:
        while True:
            async with run.connections or nullcontext(), self.traffic.gate():
                posted = await self._post(run, group)
            if posted is None:
                return
            if posted.error is None:
                if group.is_suspect:
                    run.is_guided = False
                are_typed = posted.typed is not None and group.trip.is_plain
                results = posted.results if posted.typed is None or are_typed else posted.untyped()
                for call, result in settle_results(group.calls, results, group.trip, are_typed=are_typed):
                    conclude(call, Ok(result), run.position)
                run.is_settled = len(group.calls) == len(run.calls)
                return
            if is_getter_failure(posted.error) and _drop_white_list(group.calls):
                group = _group_after(group.calls, posted.error)
                continue
            step = await self._verified(run, group, self._next_step(run, group, posted))
            _carry_out(run, group, step)
            _hold(run, group, posted.error, step)
            groups = [_group_of(group, step, number) for number in range(len(step.again))]
            if step.kind != "retry":
                break
            (group,) = groups
            self.invoker.notice(RetryScheduled(posted.number, sum(call.command.calls for call in group.calls), step.delay))
            await anyio.sleep(step.delay)
        if step.kind == "split":
            self.traffic.most_bytes = min(self.traffic.most_bytes, max(posted.sent_bytes // 2, 1))
            await self._send(run, groups[0].calls)
        else:
            await self._together(run, groups)

    async def _verified(self, run: UnderWay, group: _Group, step: recovery.Step) -> recovery.Step:
        """Return the step; if it wants to know more, send the suspect alone, and return what follows from its end."""
        if step.kind != "verify":
            return step
        suspect = _group_of(group, step, 0)
        (call,) = suspect.calls
        await self._deliver(run, suspect)
        return (step.proven if call.has_failed else step.disproved) or recovery.Step("done")

    async def _post(self, run: UnderWay, group: _Group) -> Posted | None:
        """Send one request with the calls of the group that still want it; return None if nothing was sent."""
        now = anyio.current_time()
        group.calls = calls = self._live(run, group, now)
        if not calls:
            return None
        if group.last is not None and not run.may_search(now):
            self._give_up_search(run, group)
            return None
        body, group.body = group.body, None
        if body is not None and len(calls) == len(run.calls) and run.trip is not None:
            trip = run.trip
        else:
            body, trip = None, run.next_trip()
            if run.is_plain:
                trip.is_plain = are_plain(calls)
                depart(calls, trip)
            else:
                trip.is_plain = False
                for call in calls:
                    call.depart(trip)
        group.trip = trip
        end = self._end_of(run, calls, now, is_search=group.last is not None)
        if group.attempt == 1:
            self.retries(now).earn()
        try:
            posted = await self.invoker.post(
                calls,
                trip,
                body=body,
                now=now,
                timeout=None if math.isinf(end) else end - now,
                max_bytes=run.terms.limits.max_answer_bytes,
            )
        except BaseException:
            settle_cancelled(calls, trip)
            raise
        if run.meter is not None:
            run.meter(posted, trip)
        if posted.error is not None:
            self._note_failure(run, group, posted, trip)
        return posted

    def _note_failure(self, run: UnderWay, group: _Group, posted: Posted, trip: Trip) -> None:
        trip.is_sent = trip.is_sent and not isinstance(posted.outcomes[0], NotRun)  # what left did not run
        if isinstance(posted.outcomes[0], Unknown):
            for call in group.calls:
                call.doubt()
            if group.last is not None and anyio.current_time() >= run.latest(is_search=True):
                self._give_up_search(run, group)

    def _live(self, run: UnderWay, group: _Group, now: float) -> Sequence[Call[Any]]:
        """Return the calls of a group that still want to be sent."""
        is_first = group.attempt == 1 and group.last is None
        if run.is_plain and not self.traffic.is_closed and run.until > now and (run.held is None or not is_first):
            is_whole = run.trip is not None and run.trip.is_plain and len(group.calls) == len(run.calls)
            return group.calls if is_whole else pending_of(group.calls)
        live: list[Call[Any]] = []
        for call in group.calls:
            if call.done():
                continue
            if run.has_nests and isinstance(call, NestedCalls) and not call.is_whole(now):
                call.take_apart()
            elif call.limit(now, math.inf) <= now or run.until <= now:
                expire(call)
            elif self.traffic.is_closed:
                error: NotSentError = ClosedError("the session is closed: open a new one", path=call.path)
                call.settle(NotSent(error), position=run.position(call))
            elif is_first and run.held is not None:
                text = "it was not sent, because a request of its batch before it has no result, and a batch keeps its order"
                error = NotSentError(text, path=call.path)
                error.__cause__ = run.held
                call.settle(NotSent(error), position=run.position(call))
            else:
                live.append(call)
        return live

    def _end_of(self, run: UnderWay, calls: Sequence[Call[Any]], now: float, *, is_search: bool) -> float:
        """Return when the request ends: by the session's limit, or with its most patient call if each set one of its own.

        A call that is less patient does not end the request for the others: it is told by itself when its time is over.
        """
        end = math.inf if self.timeout is None else now + self.timeout
        if not run.is_plain and all(call.has_timeout for call in calls):
            end = max(call.limit(now, end) for call in calls)
        return min(end, run.latest(is_search=is_search))

    def _next_step(self, run: UnderWay, group: _Group, posted: Posted) -> recovery.Step:
        now = anyio.current_time()
        situation = recovery.Situation(
            attempt=group.attempt,
            dice=random.random(),  # noqa: S311 - it spreads pauses
            date=time.time(),
            patience=min(max(call.limit(now, math.inf) for call in group.calls), run.until) - now,
            headers=posted.headers,
            is_guided=run.is_guided,
            is_inferring=run.terms.is_inferring,
        )
        commands = [call.command for call in group.calls]
        step = recovery.next_step(commands, posted.outcomes, situation, run.terms.retry)
        if step.kind == "retry" and not self.retries(now).spend(now):
            return recovery.Step("done", list(enumerate(posted.outcomes)))
        return step

    def retries(self, now: float) -> recovery.RetryAllowance:
        """Return how many repetitions the session may still make."""
        self.traffic.allowance = self.traffic.allowance or recovery.RetryAllowance(self.terms.retry, now)
        return self.traffic.allowance

    def _give_up_search(self, run: UnderWay, group: _Group) -> None:
        limits = run.terms.limits
        spent = f"{limits.isolation_requests} requests and {limits.isolation_seconds:g} s"
        for call in group.calls:
            if group.last is not None:
                conclude(call, recovery.out_of_budget(group.last[id(call)], spent), run.position)


def _carry_out(run: UnderWay, group: _Group, step: recovery.Step) -> None:
    for position, outcome in step.settled:
        conclude(group.calls[position], outcome, run.position)
    for position in step.unran:
        group.calls[position].infer_not_run()


def _hold(run: UnderWay, group: _Group, error: LiferayError, step: recovery.Step) -> None:
    """Let nothing that comes later in the batch be sent, if a write is over of which the portal did not tell the end."""
    is_answered = isinstance(error, ServerError | AnswerTooLargeError) and not isinstance(error, AuthenticationError)
    is_own_fault = isinstance(error, ProtocolError) and error.status in {200, 413}
    if is_answered or is_own_fault or run.held is not None:
        return
    if any(not group.calls[position].command.is_read for position, _ in step.settled):
        run.held = error


def _group_of(group: _Group, step: recovery.Step, number: int) -> _Group:
    """Return the group that a step sends again, in its place among the step's groups."""
    positions = step.again[number]
    calls = [group.calls[position] for position in positions]
    if step.kind == "split":
        return _Group(calls)
    last = {id(group.calls[position]): step.last[position] for position in positions} if step.last is not None else None
    if step.kind == "retry":
        return _Group(calls, group.attempt + 1, None if group.last is None else last, group.is_suspect)
    return _Group(calls, 1, last, step.suspect == number)


def _group_after(calls: Sequence[Call[Any]], error: LiferayError | None) -> _Group:
    if error is None:
        return _Group(calls)
    return _Group(calls, last={id(call): Unknown(error.for_call(call.path)) for call in calls})


def _drop_white_list(calls: Sequence[Call[Any]]) -> bool:
    """Let a read that went alone ask for its full result, which is cut down here; tell whether it is to go again.

    The portal calls every getter of an object to apply a white-list, and one of them has failed (`protocol.md` F). Others'
    white-lists stay: they may name what a plain call does not show.
    """
    (call, *others) = calls
    if others or call.command.is_nest or not (call.command.is_read and call.command.listed):
        return False
    call.bind(codec.relisted(call.command, ()))
    return True
