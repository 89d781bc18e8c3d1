"""What must hold of a scenario that was played: the portal's journal against the outcomes of the calls. Knows what a client
can know from the answers that it has read; does not know how the library comes to its outcomes.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from aioliferay import Cancelled, Failed, NotRun, NotSent, Ok, Unknown
from faults import HELD, LOSING, Kind

if TYPE_CHECKING:
    from scenarios import Ask, Attempt, Evidence, Made

Fate = Literal[
    "results",
    "error",
    "refused",
    "too large",
    "gate",
    "gateway",
    "unreadable",
    "lost",
    "timed out",
    "no trace",
    "no connection",
]
_DOUBTFUL = {"gateway", "unreadable", "lost", "timed out"}
_RETRIED = {"gateway", "lost", "refused", "no connection"}
_NOT_RUN = {"no connection", "refused", "too large", "gate"}
_STATUSES: dict[int, Fate] = {
    401: "gate",
    408: "refused",
    413: "too large",
    429: "refused",
    502: "gateway",
    503: "gateway",
    504: "gateway",
}
_UNSEEN = {Kind.RESET_UNREAD, Kind.RESET_AT_ACCEPT}  # the proxy cannot tell whose request it was
_BURST = 20  # of RetryPolicy, which scenarios leave as it is


@dataclass
class Case:
    """The evidence, looked at call by call."""

    evidence: Evidence

    @cached_property
    def carried(self) -> dict[int, list[Attempt]]:
        """The requests that each call was in, by its key."""
        carried: dict[int, list[Attempt]] = defaultdict(list)
        for attempt in self.evidence.attempts:
            for key in attempt.keys:
                carried[key].append(attempt)
        return carried

    @cached_property
    def entered(self) -> Counter[int]:
        """How often the service of each call was entered."""
        return Counter(execution.parameters["key"] for execution in self.evidence.executions)

    @cached_property
    def ran(self) -> Counter[int]:
        """How often it did what it was asked."""
        return Counter(execution.parameters["key"] for execution in self.evidence.executions if execution.error is None)

    @property
    def is_cancelled(self) -> bool:
        """Whether the client was cancelled, or might have been."""
        return self.evidence.scenario.cancel_after is not None

    def fate(self, attempt: Attempt) -> Fate:
        """What the client learned from a request."""
        if attempt.answer is None:
            return self._fate_without_answer(attempt)
        status, body = attempt.answer.status, attempt.answer.body
        if status in _STATUSES:
            return _STATUSES[status]
        if body.startswith(b"["):
            return "results"
        is_error = body.startswith(b"{") and (status >= 400 or b'"exception"' in body)
        return "error" if is_error else "unreadable"

    def _fate_without_answer(self, attempt: Attempt) -> Fate:
        kinds = {fault.kind for fault in self.evidence.scenario.faults}
        has_clock = bool(kinds & HELD)  # the client's patience is short: on a slow machine anything may exceed it
        if attempt.passage is not None:
            return "timed out" if has_clock and attempt.passage.fault not in LOSING else "lost"
        if kinds & _UNSEEN and not has_clock and Kind.REFUSED not in kinds:
            return "lost"
        return "no trace" if has_clock or self.is_cancelled or kinds & _UNSEEN else "no connection"

    @cached_property
    def asks(self) -> dict[int, Ask]:
        """What each key stands for."""
        return {made.ask.key: made.ask for made in self.evidence.made}

    def named(self, attempt: Attempt) -> int | None:
        """The key of the only call of a request that the portal's message speaks of, where the library concludes from it."""
        asks = [self.asks[key] for key in attempt.keys]
        is_inferring = self.evidence.scenario.on_failure == "infer" and not all(ask.is_repeatable for ask in asks)
        if not is_inferring or attempt.answer is None or self.fate(attempt) != "error":
            return None
        message = str(json.loads(attempt.answer.body).get("message", ""))
        keys = [int(text) for text in re.findall(r"primary key (\d+)", message)]
        keys += [ask.key for ask in asks if f"with path {ask.path} " in message]
        return keys[0] if len(keys) == 1 and self._is_proven(keys[0], attempt) else None

    def _is_proven(self, key: int, attempt: Attempt) -> bool:
        """Whether the message can be relied on: a read that it names is asked again, alone, and must fail again."""
        later = [each for each in self.carried[key] if each.number > attempt.number and each.keys == [key]]
        return not self.asks[key].is_read or any(self.fate(each) == "error" for each in later)

    def is_doubted(self, attempt: Attempt) -> bool:
        """Whether nobody can know, after this request, if one of its writes ran."""
        fate = self.fate(attempt)
        return fate in _DOUBTFUL or (fate == "error" and len(attempt.keys) > 1 and self.named(attempt) is None)


def judge(evidence: Evidence) -> None:
    """Raise an AssertionError that says what is wrong, if the outcomes are not true, or say less than could be known."""
    case = Case(evidence)
    judge_calls(case)
    _has_one_item_a_call(evidence)
    _keeps_order(case)
    _keeps_limits(evidence)
    _isolates_reads(case)
    assert not evidence.leftovers, f"left behind: {evidence.leftovers}"
    if _is_fair(case):
        for made in evidence.made:
            _has_come_through(case, made)


def judge_calls(case: Case) -> None:
    """Judge each call by itself, whatever else travelled at the same time."""
    for made in case.evidence.made:
        _is_settled_once(made)
        _agrees_with_journal(case, made)
        _is_as_wise_as_possible(case, made)


def _is_settled_once(made: Made) -> None:
    assert made.endings == 1, f"{made.ask} ended {made.endings} times"
    assert made.outcome is not None, f"{made.ask} has no outcome"
    assert made.outcome.error is made.error, f"{made.ask}: the error is not the outcome's"


def _agrees_with_journal(case: Case, made: Made) -> None:
    ask, outcome = made.ask, made.outcome
    entered, ran = case.entered[ask.key], case.ran[ask.key]
    assert ask.is_repeatable or entered <= 1, f"{ask} was entered {entered} times"
    told = f"{ask} is {outcome}, but the portal ran it {ran} times and refused it {entered - ran} times"
    match outcome:
        case Ok():
            assert ran, told
            assert outcome.is_inferred or outcome.value == ask.value, f"{ask} has a result of another: {outcome}"
        case Failed():
            assert not ran or ask.is_read, told  # an earlier request may have read it, without a result
            assert entered or "absent" in ask.kind or _is_forged(case, made), told
        case NotSent() | NotRun() | Cancelled(is_sent=False):
            assert not entered, told
        case Cancelled():
            assert ask.is_read, f"{ask} may have run: its outcome is not cancelled but unknown"
        case _:
            pass


def _is_forged(case: Case, made: Made) -> bool:
    return any(
        attempt.passage is not None and attempt.passage.fault is Kind.HIDDEN_ERROR for attempt in case.carried[made.ask.key]
    )


def _is_as_wise_as_possible(case: Case, made: Made) -> None:
    ask, outcome, carried = made.ask, made.outcome, case.carried[made.ask.key]
    doubted = [attempt for attempt in carried if case.is_doubted(attempt)]
    told = f"{ask} is {outcome}, after {[case.fate(attempt) for attempt in carried]}"
    if case.is_cancelled:
        assert carried or not isinstance(outcome, Unknown), told
        return
    assert not isinstance(outcome, Cancelled), f"{told}; nobody cancelled it"
    if isinstance(outcome, Failed) and not outcome.is_inferred:
        assert case.fate(carried[-1]) == "error", told
        assert len(carried[-1].keys) == 1, f"{told}, together with others"
    if any(case.fate(attempt) == "no trace" for attempt in carried):
        return
    if isinstance(outcome, NotSent):
        assert all(case.fate(attempt) in _NOT_RUN for attempt in carried), told
    if not ask.is_repeatable:
        assert bool(doubted) == isinstance(outcome, Unknown), told
        assert not doubted or doubted == carried[-1:], f"{told}: it was sent again after it may have run"
    elif isinstance(outcome, Unknown):
        last = case.fate(carried[-1]) if carried else "nothing"
        is_given_up = case.evidence.scenario.isolation_requests < 200 and last == "error"
        has_shared = any(len(attempt.keys) > 1 and case.fate(attempt) == "error" for attempt in carried)
        is_late = (bool(doubted) or has_shared) and (last in _NOT_RUN or (last == "error" and not ask.is_read))
        assert is_given_up or is_late or carried[-1:] == doubted[-1:], told


def _has_one_item_a_call(evidence: Evidence) -> None:
    if evidence.items is None:
        assert evidence.scenario.cancel_after is not None, "invoke() returned nothing"
        return
    assert len(evidence.made) == len(evidence.items), f"{len(evidence.items)} items for {len(evidence.made)} calls"
    for made, item in zip(evidence.made, evidence.items, strict=True):
        expected = made.error if made.error is not None else made.outcome.value
        assert expected is item or expected == item, f"{made.ask} has {item!r} in the list"


def _keeps_order(case: Case) -> None:
    """Writes run in call order, the first time that each runs."""
    reads = {made.ask.key for made in case.evidence.made if made.ask.is_read}
    order = list(dict.fromkeys(execution.parameters["key"] for execution in case.evidence.executions))
    writes = [key for key in order if key not in reads]
    assert sorted(writes) == writes, f"writes ran in the order {writes}"


def _keeps_limits(evidence: Evidence) -> None:
    scenario = evidence.scenario
    reads = {made.ask.key for made in evidence.made if made.ask.is_read}
    for attempt in evidence.attempts:
        count = len(attempt.keys)
        assert count <= scenario.max_calls, f"{count} calls in request {attempt.number}"
        assert count == 1 or attempt.size <= scenario.max_bytes, f"{attempt.size} bytes in request {attempt.number}"
        assert count == len(set(attempt.keys)), f"a call is twice in request {attempt.number}"
        is_alone = count == 1 or reads.issuperset(attempt.keys)
        assert is_alone or scenario.writes == "together", f"request {attempt.number} holds a write and other calls"
    if not any(fault.kind in HELD for fault in scenario.faults):  # these are open here until their client is seen to be gone
        assert evidence.most_at_once <= scenario.max_parallel, f"{evidence.most_at_once} requests at once"


def _isolates_reads(case: Case) -> None:
    """Of n reads, k of them bad, nothing else wrong: every one has its own end, after few further requests."""
    scenario, made = case.evidence.scenario, case.evidence.made
    count = len(made)
    is_plain = not scenario.faults and not case.is_cancelled and scenario.isolation_requests == 200
    is_whole = scenario.max_calls >= count and scenario.max_bytes > 10_000
    if not (is_plain and is_whole and all(each.ask.is_read for each in made)):
        return
    bad = sum(not each.ask.is_good for each in made)
    further = len(case.evidence.attempts) - 1
    most = 2 * bad * math.log2(count) + 2
    assert further <= most, f"{further} further requests for {bad} bad of {count} reads: more than {most:.0f}"


def _is_fair(case: Case) -> bool:
    """Whether patience was enough for every call to come through, unless a write is in doubt: it holds the others back."""
    scenario = case.evidence.scenario
    if case.is_cancelled or scenario.isolation_requests < 200:
        return False
    retried = _RETRIED | ({"timed out"} if scenario.timed_out_reads else set())
    fates = [case.fate(attempt) for attempt in case.evidence.attempts]
    allowed = retried | {"results", "error", "too large"} | ({"gate"} if scenario.is_refreshing else set())
    failures = sum(fate in retried for fate in fates)
    return allowed.issuperset(fates) and fates.count("gate") <= 1 and failures < scenario.attempts and failures <= _BURST


def _has_come_through(case: Case, made: Made) -> None:
    ask, outcome, carried = made.ask, made.outcome, case.carried[made.ask.key]
    fates = [case.fate(attempt) for attempt in carried]
    told = f"{ask} is {outcome}, after {fates}"
    held = [
        attempt
        for attempt in case.evidence.attempts
        if case.fate(attempt) in _DOUBTFUL and any(not case.asks[key].is_repeatable for key in attempt.keys)
    ]
    is_sole = [len(attempt.keys) == 1 and case.fate(attempt) == "too large" for attempt in carried]
    if held or any(is_sole) or any(case.named(attempt) for attempt in carried):
        return
    if not ask.is_repeatable and isinstance(outcome, Unknown):
        return  # `_is_as_wise_as_possible` has seen why
    is_forged = _is_forged(case, made)
    expected = (Ok,) if ask.is_good and not is_forged else (Failed,) if ask.is_read else (Failed, Unknown)
    assert isinstance(outcome, (Ok, *expected) if is_forged else expected), told


@dataclass
class Tally:
    """Counts calls by fault, outcome and journal, reads apart from writes."""

    scenarios: int = 0
    counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def add(self, evidence: Evidence) -> None:
        """Count the calls of one scenario."""
        self.scenarios += 1
        case = Case(evidence)
        for made in evidence.made:
            name = made.outcome.name + (", inferred" if getattr(made.outcome, "is_inferred", False) else "")
            key = made.ask.key
            journal = "ran" if case.ran[key] else "refused" if case.entered[key] else "did not run"
            kind = "read" if made.ask.is_read else "repeatable write" if made.ask.is_repeatable else "write"
            self.counts[evidence.scenario.label, kind, name, journal] += 1

    def table(self) -> str:
        """Return the counts as a table in Markdown, a row for each fault, after a line with what there was in all."""
        columns = ["ok", "failed", "not run", "not sent", "unknown, ran", "unknown, did not run", "cancelled"]
        cells: Counter[tuple[str, str]] = Counter()
        for (label, _, name, journal), count in self.counts.items():
            outcome = name.removesuffix(", inferred")
            told = "ran" if journal == "ran" else "did not run"
            cells[label, f"{outcome}, {told}" if outcome == "unknown" else outcome] += count
        writes = sum(count for (_, kind, _, _), count in self.counts.items() if kind != "read")
        inferred = sum(count for (_, _, name, _), count in self.counts.items() if name.endswith(", inferred"))
        lines = [
            f"{self.scenarios:,} scenarios, {cells.total():,} calls, {writes:,} of them writes; {inferred:,} inferred",
            "",
            f"| fault | {' | '.join(columns)} |",
            "|---|" + "---:|" * len(columns),
        ]
        for label in sorted({label for label, _ in cells}):
            row = " | ".join(f"{cells[label, column]:,}" for column in columns)
            lines += [f"| {label} | {row} |"]
        return "\n".join(lines)
