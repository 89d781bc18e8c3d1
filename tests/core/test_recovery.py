"""After a failed request: what is sent again, when, and whose the failure is."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core import codec
from aioliferay._core.messages import Answer, Failed, NestCommand, NotRun, NotSent, Ok, Unknown
from aioliferay._core.recovery import (
    RetryAllowance,
    RetryPolicy,
    Situation,
    named_position,
    next_step,
    out_of_budget,
    retry_after,
    shows_caller,
)
from aioliferay.errors import (
    AccessDeniedError,
    AnswerTooLargeError,
    AuthenticationError,
    ConnectError,
    NoAnswerError,
    NoSuchServiceError,
    NotFoundError,
    NotSentError,
    ProtocolError,
    RedirectError,
    ResultError,
    ServerError,
)

_SENT = "Sun, 06 Nov 1994 08:49:37 GMT"
_SENT_SECONDS = 784111777.0
_BOOM = ServerError("boom", exception="java.lang.RuntimeException")


def _commands(kinds):
    """Return one command a letter, with keys from 100: (r)ead, (w)rite, (i)dempotent write."""
    verbs = {"r": "get", "w": "add", "i": "update"}
    return [
        codec.command(f"/thing/{verbs[kind]}-thing", {"id": 100 + place}, idempotent=True if kind == "i" else None)
        for place, kind in enumerate(kinds)
    ]


def _nest_of(command):
    """Return a command as one with two calls in it."""
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    return NestCommand(**values, members=2)


def _situation(**changes):
    return Situation(**{"attempt": 1, "dice": 0.5, "date": _SENT_SECONDS, "patience": math.inf, "headers": {}} | changes)


def _step(kinds, outcome, error, *, policy=None, **changes):
    commands = _commands(kinds)
    outcomes = [outcome(error.for_call(command.path)) for command in commands]
    step = next_step(commands, outcomes, _situation(**changes), policy or RetryPolicy())
    assert all(outcomes[place] is told for place, told in step.settled) or changes.get("is_inferring")
    again = [place for group in step.again for place in group]
    assert list(range(len(kinds))) == sorted([*again, *(place for place, _ in step.settled)])
    assert set(again) <= set(step.last or ())
    return step


@pytest.mark.parametrize(
    ("kinds", "outcome", "error", "kind", "again"),
    [
        ("rwi", NotSent, ConnectError("refused"), "retry", [[0, 1, 2]]),
        ("rwi", NotSent, NotSentError("no time left"), "done", []),
        ("rwi", NotRun, ProtocolError("full", status=413), "split", [[0, 1, 2]]),
        ("w", NotRun, ProtocolError("full", status=413), "done", []),
        ("rwi", NotRun, ProtocolError("busy", status=429), "retry", [[0, 1, 2]]),
        ("w", NotRun, ProtocolError("slow", status=408), "retry", [[0]]),
        ("rwi", NotRun, ProtocolError("proxy", status=407), "done", []),
        ("rwi", NotRun, RedirectError("elsewhere"), "done", []),
        ("rwi", NotRun, AuthenticationError("who", status=401), "done", []),
        ("rrr", Unknown, AuthenticationError("who"), "done", []),
        ("rwi", Unknown, NoAnswerError("reset"), "retry", [[0, 2]]),
        ("ww", Unknown, NoAnswerError("reset"), "done", []),
        ("rwi", Unknown, NoAnswerError("late", is_timeout=True), "done", []),
        ("rwi", Unknown, ProtocolError("gateway", status=502), "retry", [[0, 2]]),
        ("rwi", Unknown, ProtocolError("busy", status=503), "retry", [[0, 2]]),
        ("rwi", Unknown, ProtocolError("gateway", status=504), "retry", [[0, 2]]),
        ("rwi", Unknown, ProtocolError("broken", status=500), "done", []),
        ("rwi", Unknown, ProtocolError("a wrong count"), "done", []),
        ("rrr", Unknown, _BOOM, "isolate", [[0, 1], [2]]),
        ("rri", Unknown, _BOOM, "isolate", [[0, 1], [2]]),
        ("rir", Unknown, NotFoundError("no thing 101"), "isolate", [[0, 1], [2]]),
        ("rwi", Unknown, _BOOM, "isolate", [[0, 2]]),
        ("ww", Unknown, _BOOM, "isolate", []),
        ("rrrr", Unknown, AnswerTooLargeError("large"), "isolate", [[0, 1], [2, 3]]),
        ("rwr", Unknown, AnswerTooLargeError("large"), "isolate", [[0, 2]]),
        ("r", Unknown, AnswerTooLargeError("large"), "done", []),
        ("r", Failed, _BOOM, "done", []),
        ("w", Failed, NotFoundError("no thing 100"), "done", []),
    ],
)
def test_next_step_table(kinds, outcome, error, kind, again):
    """All of it again if nothing ran; only what may be repeated if something may have; nothing where it cannot help."""
    step = _step(kinds, outcome, error)
    assert (kind, again) == (step.kind, [list(group) for group in step.again])


def test_next_step_of_results():
    """Results are final, also those that do not fit."""
    outcomes = [Ok(1), Ok(None, ResultError("misfit"))]
    assert list(enumerate(outcomes)) == next_step(_commands("rw"), outcomes, _situation(), RetryPolicy()).settled


def test_next_step_after_a_timeout_repeats_reads_if_asked():
    """A read that timed out is repeated only on request: the portal may still be at work on the first."""
    policy = RetryPolicy(timed_out_reads=True)
    step = _step("rwi", Unknown, NoAnswerError("late", is_timeout=True), policy=policy)
    assert ("retry", [[0, 2]]) == (step.kind, step.again)


@pytest.mark.parametrize(
    ("changes", "policy", "delay"),
    [
        ({}, {}, 0.05),
        ({"attempt": 2}, {}, 0.1),
        ({"headers": {"retry-after": "7"}}, {}, 7.05),
        ({"headers": {"retry-after": "30"}}, {}, 30.05),
        ({"patience": 7.06, "headers": {"retry-after": "7"}}, {}, 7.05),
        ({"attempt": 3}, {}, None),
        ({"attempt": 1}, {"attempts": 1}, None),
        ({"headers": {"retry-after": "31"}}, {}, None),
        ({"headers": {"retry-after": "1"}}, {"longest_retry_after": 0}, None),
        ({"patience": 7.05, "headers": {"retry-after": "7"}}, {}, None),
        ({"patience": 0.0}, {"first_delay": 0}, None),
    ],
)
def test_next_step_waits_no_longer_than_anybody(changes, policy, delay):
    """The pause is the portal's wish and a jitter; if tries, the policy or the waiters' time are used up, there is none."""
    for outcome, error in ((NotRun, ProtocolError("busy", status=429)), (NotSent, ConnectError("refused"))):
        step = _step("rw", outcome, error, policy=RetryPolicy(**policy), **changes)
        assert ("done" if delay is None else "retry") == step.kind
        assert (delay or 0.0) == pytest.approx(step.delay)


def test_next_step_asks_the_named_call_alone():
    """If the message names one of many reads, that one goes alone and the others together."""
    step = _step("rrrr", Unknown, NotFoundError("No Thing exists with the primary key 102"))
    assert ([[2], [0, 1, 3]], 0) == (step.again, step.suspect)


def test_next_step_once_misled_goes_by_halves():
    """A message that has misled this batch is not believed again."""
    step = _step("rrrr", Unknown, NotFoundError("No Thing exists with the primary key 102"), is_guided=False)
    assert ([[0, 1], [2, 3]], None) == (step.again, step.suspect)


def test_next_step_infers_what_ran():
    """With `on_failure="infer"` what stood before the named call ran, it failed, and what stood after it did not run."""
    step = _step("wrwrw", Unknown, NotFoundError("no thing 102"), is_inferring=True, is_guided=False)
    settled = dict(step.settled)
    assert [[1], [3, 4]] == step.again
    assert ([3, 4], [0, 2]) == (step.unran, sorted(settled))
    assert ("ok", None, True) == (settled[0].name, settled[0].value, settled[0].is_inferred)
    assert "its result was lost" in str(settled[0].error)
    assert ("failed", True, 1) == (settled[2].name, settled[2].is_inferred, settled[2].error.calls)
    assert ["unknown", "not run", "not run"] == [step.last[place].name for place in (1, 3, 4)]
    assert step.last[3].is_inferred


def test_next_step_infers_and_asks_a_read_again():
    """A read that the message names is asked again alone: only its second failure lets conclude on the writes beside it."""
    commands, error = _commands("wrw"), NotFoundError("no thing 101")
    outcomes = [Unknown(error.for_call(command.path)) for command in commands]
    step = next_step(commands, outcomes, _situation(is_inferring=True), RetryPolicy())
    assert ("verify", [[1]]) == (step.kind, step.again)
    assert ([[2]], [2]) == (step.proven.again, step.proven.unran)
    assert ([[1]], [0, 2]) == (step.disproved.again, [place for place, _ in step.disproved.settled])


@pytest.mark.parametrize(
    ("kinds", "error", "again"),
    [
        ("wrw", ServerError("boom"), [[1]]),
        ("wrw", AnswerTooLargeError("101 bytes"), [[1]]),
        ("ii", ServerError("no thing 101"), [[0], [1]]),
    ],
)
def test_next_step_infers_nothing_without_a_name(kinds, error, again):
    """Only the portal's own message that names a call lets something be concluded; where all can be repeated, nothing is."""
    assert again == _step(kinds, Unknown, error, is_inferring=True).again


class _Named(NamedTuple):
    expected: int | None
    message: str
    params: list
    path: str = "/thing/get-thing"


@pytest.mark.parametrize(
    "case",
    [
        _Named(1, "No Thing exists with the primary key 102", [{"id": 101}, {"id": 102}]),
        _Named(1, "No Thing exists with the primary key 102", [{"id": 101}, {"id": "102"}]),
        _Named(0, "No Thing exists with the key {ids=7}", [{"ids": [[5], 7]}, {"ids": [8]}]),
        _Named(0, "no thing -7.", [{"id": -7}, {"id": 7}]),
        _Named(None, "No Thing exists with the primary key 103", [{"id": 101}, {"id": 102}]),
        _Named(None, "No Thing exists with the primary key 102", [{"id": 102}, {"id": 102}]),
        _Named(None, "no 101 in 102", [{"id": 101}, {"id": 102}]),
        _Named(None, "no thing 1020, 9102, 102.5, 5.102, x102, 102x, -102, 102-a", [{"id": 101}, {"id": 102}]),
        _Named(1, "User 101 must have VIEW permission for com.x.Group 102", [{"id": 101}, {"id": 102}]),
        _Named(None, "User 101 must have permission to perform action", [{"id": 101}, {"id": 102}]),
        _Named(1, "No User exists with the primary key 102", [{"id": 101}, {"id": 102}]),
        _Named(1, "No Country exists with the key {a2=XX}", [{"a2": "DE"}, {"a2": "XX"}]),
        _Named(1, 'no country "XX"', [{"a2": "DE"}, {"a2": "XX"}]),
        _Named(None, "No Country exists with the key {a2=XX}", [{"a2": "XX"}, {"a2": "XX"}]),
        _Named(None, "No Country exists with the key {a2=XXL}", [{"a2": "DE"}, {"a2": "XX"}]),
        _Named(None, "XX exists not", [{"a2": "DE"}, {"a2": "XX"}]),
        _Named(None, "No Thing exists with the key {a=X}", [{"a": "X"}, {"a": "Y"}]),
        _Named(None, "{companyId=10157, name=joe}", [{"c": 10157, "name": "ann"}, {"c": 10157, "name": "joe"}]),
        _Named(None, "{a=true, b=1.5, c=null}", [{"a": True}, {"b": 1.5, "c": None}]),
        _Named(None, "", [{"id": 101}, {"id": 102}]),
    ],
    ids=lambda case: case.message or "hidden",
)
def test_named_position(case):
    """A message names a call by a key of that call alone. Who was refused, part of a number or of a word name nobody."""
    commands = [codec.command(case.path, params) for params in case.params]
    assert case.expected == named_position(ServerError(case.message), commands)


@pytest.mark.parametrize(
    ("message", "paths", "expected"),
    [
        (
            "No JSON web service action associated with path /thing/get-x and method POST",
            ["/thing/get-y", "/thing/get-x"],
            1,
        ),
        ("No JSON web service action associated with path /thing/get-x-y", ["/thing/get-x", "/thing/get-x-y"], 1),
        ("No JSON web service action associated with path /thing/get-x-y", ["/thing/get-x", "/thing/get-y"], None),
        ("No JSON web service action associated with path /thing/get-x", ["/thing/get-x", "/thing/get-x"], None),
        ("No JSON web service action with path /tasks/get-x", ["/thing/get-x", "/tasks-portlet.tasks/get-x"], 1),
        ("No JSON web service action with path /tasks-portlet.tasks/get-x", ["/a/b", "/tasks-portlet.tasks/get-x"], 1),
        ("No JSON web service action with path /tasks/get-x", ["/a.tasks/get-x", "/b.tasks/get-x"], None),
        ("No JSON web service action associated with 7", ["/thing/get-x", "/thing/get-y"], None),
    ],
)
def test_named_position_by_path(message, paths, expected):
    """A service that the portal does not know is named by its path, of which it drops the context of a missing plugin."""
    commands = [codec.command(path, {"id": 7 + place}) for place, path in enumerate(paths)]
    assert expected == named_position(NoSuchServiceError(message), commands)


_JAVA = "com.liferay.portal.NoSuchUserException"
_GETTER = ServerError("Getter failed: x", exception="jodd.bean.BeanException")


@pytest.mark.parametrize(
    ("is_shown", "outcome", "paths"),
    [
        (True, Ok(1), ["/a/get-x"]),
        (True, Ok(1), ["/p.a/get-x", "/a/get-x.2"]),
        (False, Ok(1), ["/p.a/get-x", "/q-portlet.a/get-x"]),
        (True, Failed(NotFoundError("no user", exception=_JAVA)), ["/a/get-x"]),
        (False, Unknown(NotFoundError("no user", exception=_JAVA)), ["/a/get-x", "/p.a/get-x"]),
        (True, Unknown(_GETTER), ["/a/get-x"]),
        (False, Failed(_BOOM), ["/a/get-x"]),
        (False, Failed(NoSuchServiceError("No JSON web service action", exception="com.liferay.X")), ["/a/get-x"]),
        (True, Failed(NoSuchServiceError("No such", exception="com.liferay.X", status=404)), ["/p.a/get-x"]),
        (True, Failed(NotFoundError("hidden", status=404)), ["/p.a/get-x"]),
        (False, Failed(AccessDeniedError("a page", status=403)), ["/a/get-x"]),
        (True, Failed(AccessDeniedError("denied", exception="java.lang.SecurityException", status=403)), ["/p.a/get-x"]),
        (False, NotRun(AuthenticationError("who", status=401)), ["/a/get-x"]),
        (False, Unknown(ProtocolError("a page", status=500)), ["/a/get-x"]),
        (False, NotSent(NotSentError("not sent")), ["/a/get-x"]),
    ],
)
def test_shows_caller(is_shown, outcome, paths):
    """A result of the core, an error of a service of the core, or any answer of 7.x's but the gate's: the user is known."""
    assert is_shown == shows_caller([outcome] * len(paths), [codec.command(path, {}) for path in paths])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:37 GMT"}, 60.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:37 GMT", "date": "Sun, 06 Nov 1994 08:50:30 GMT"}, 7.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:37 GMT", "date": "today"}, 60.0),
        ({"retry-after": _SENT, "date": "Mon, 07 Nov 1994 08:49:37 GMT"}, 0.0),
        *(({"retry-after": text}, None) for text in ("", "soon", "-5", "1.5", "²", "1e3", "Sun, 99 Nov 1994 99:49:37 GMT")),
    ],
)
def test_retry_after(headers, expected):
    """Seconds or a date, by the portal's clock where it tells it; a date that is over is now; nonsense asks for nothing."""
    assert expected == retry_after(headers, _SENT_SECONDS)


@pytest.mark.parametrize("name", ["attempts", "first_delay", "max_delay", "longest_retry_after", "ratio", "burst"])
def test_policy_out_of_range(name):
    """A number that means nothing is refused with its name."""
    for value in (-1, math.nan, *([0] if name == "attempts" else [])):
        with pytest.raises(ValueError, match=rf"{name}= .*{value}"):
            RetryPolicy(**{name: value})


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 10), st.floats(0, 100))
def test_back_off_is_a_part_of_a_growing_pause(attempt, dice, first, most):
    """The pause is a random part of one that doubles each time, up to a limit, however often it is tried."""
    policy = RetryPolicy(first_delay=first, max_delay=most)
    pause = policy.back_off(attempt, dice)
    assert 0 <= pause <= most
    assert pause <= policy.back_off(attempt + 1, dice)
    assert pytest.approx(min(most, first) * dice) == policy.back_off(1, dice)


def test_allowance_is_a_burst_and_a_share():
    """A session has a burst in hand, earns a share of its requests and one a second, never more than the burst."""
    allowance = RetryAllowance(RetryPolicy(ratio=0.5, burst=2), now=10.0)
    assert [True, True, False] == [allowance.spend(10.0) for _ in range(3)]
    for _ in range(2):
        allowance.earn()
    assert [True, False] == [allowance.spend(10.0) for _ in range(2)]
    assert [True, False] == [allowance.spend(11.0) for _ in range(2)]
    assert [True, True, False] == [allowance.spend(99.0) for _ in range(3)]
    for _ in range(100):
        allowance.earn()
    assert [True, True, False] == [allowance.spend(99.0) for _ in range(3)]


def test_allowance_of_a_clock_that_goes_back():
    """A clock that jumps back takes nothing away."""
    allowance = RetryAllowance(RetryPolicy(burst=1), now=10.0)
    assert allowance.spend(5.0)
    assert not allowance.spend(5.5)


def test_out_of_budget_says_so():
    """A call that was not isolated keeps its outcome; its error tells what was spent, and what to do. A result stays."""
    told = "the search for the failed calls spent its budget of 3 requests: raise it with limits=BatchLimits(...)"
    for error in (ServerError("boom", calls=2), ProtocolError("large"), NoAnswerError()):
        outcome = Unknown(error)
        assert outcome is out_of_budget(outcome, "3 requests")
        assert str(error).endswith("; " + told)
    assert Ok(1) == out_of_budget(Ok(1), "3 requests")


class _Portal:
    """A model: it runs statements in order, stops at the first bad one, and counts what each has done."""

    def __init__(self, bad, *, message):
        self.bad, self.message = bad, message
        self.ran = {}
        self.requests = 0

    def answer(self, commands):
        self.requests += 1
        results = []
        for command in commands:
            (params,) = json.loads(command.statement).values()
            if params["id"] in self.bad:
                body = {"exception": "com.x.NoSuchThingException", "message": self.message(params["id"])}
                return Answer(200, {}, json.dumps(body).encode())
            self.ran[params["id"]] = self.ran.get(params["id"], 0) + 1
            results.append(params["id"])
        return Answer(200, {}, json.dumps(results).encode())


def _played(commands, portal, **changes):
    """Do what `next_step` says until every call has ended; return the outcomes by position."""
    ended, is_guided = {}, True
    work = [(list(range(len(commands))), False)]
    while work:
        group, is_suspect = work.pop(0)
        sent = [commands[place] for place in group]
        outcomes = codec.decode(portal.answer(sent), sent)
        is_guided = is_guided and not (is_suspect and outcomes[0].error is None)
        step = next_step(sent, outcomes, _situation(is_guided=is_guided, **changes), RetryPolicy())
        if step.kind == "verify":
            (named,) = step.again[0]
            (ended[group[named]],) = codec.decode(portal.answer([sent[named]]), [sent[named]])
            step = step.proven if isinstance(ended[group[named]], Failed) else step.disproved
        for place, outcome in step.settled:
            assert group[place] not in ended
            ended[group[place]] = outcome
        again = [[group[place] for place in places if group[place] not in ended] for places in step.again]
        work = [(places, number == step.suspect) for number, places in enumerate(again) if places] + work
    assert list(range(len(commands))) == sorted(ended)
    return ended


_MESSAGES = [lambda key: f"No Thing exists with the primary key {key}", lambda _: "boom", lambda _: "no thing 100"]


@given(st.data(), st.integers(1, 200), st.sampled_from(_MESSAGES))
def test_isolation_of_reads(data, count, message):
    """Every good read has its result and every bad one its own error, by few requests, whether the message names the bad
    one, nobody, or always the same.
    """
    bad = data.draw(st.sets(st.integers(100, 99 + count), max_size=6))
    portal = _Portal(bad, message=message)
    for place, outcome in _played(_commands("r" * count), portal).items():
        if 100 + place in bad:
            assert ("failed", 1) == (outcome.name, outcome.error.calls)
        else:
            assert Ok(100 + place) == outcome
    assert portal.requests - 1 <= 2 * len(bad) * math.ceil(math.log2(count)) + 2


_KINDS = st.text("rwi", min_size=1, max_size=12)


@given(st.data(), _KINDS, st.sampled_from(_MESSAGES))
def test_isolation_never_repeats_a_write(data, kinds, message):
    """Whatever fails and whatever the message says: a write runs at most once, and a call that did not run never counts
    as done.
    """
    keys = range(100, 100 + len(kinds))
    bad = data.draw(st.sets(st.sampled_from(keys)))
    portal = _Portal(bad, message=message)
    for place, outcome in _played(_commands(kinds), portal).items():
        ran = portal.ran.get(100 + place, 0)
        assert ran <= 1 or kinds[place] != "w"
        assert ran or not isinstance(outcome, Ok)
        assert kinds[place] != "w" or not ran or isinstance(outcome, Ok | Unknown)
        assert kinds[place] == "w" or isinstance(outcome, Ok | Failed)


@given(st.data(), _KINDS)
def test_isolation_by_inference_leaves_nothing_unknown(data, kinds):
    """With `on_failure="infer"` and a portal that names the failed call, each outcome is what really happened."""
    bad = data.draw(st.sets(st.sampled_from(range(100, 100 + len(kinds)))))
    portal = _Portal(bad, message=_MESSAGES[0])
    for place, outcome in _played(_commands(kinds), portal, is_inferring=True).items():
        assert ("failed" if 100 + place in bad else "ok") == outcome.name
        assert kinds[place] != "w" or (100 + place not in bad) == portal.ran.get(100 + place, 0)


def _step_with_nests(kinds, outcome, error, **changes):
    """Return the step after a request of which the statements with a capital letter are nests."""
    plain = _commands(kinds.lower())
    pairs = zip(kinds, plain, strict=True)
    commands = [_nest_of(command) if kind.isupper() else command for kind, command in pairs]
    outcomes = [outcome(error.for_call(command.path)) for command in commands]
    step = next_step(commands, outcomes, _situation(**changes), RetryPolicy())
    assert all(outcomes[place] is told for place, told in step.settled)
    return step.kind, [place for place, _ in step.settled], [list(group) for group in step.again]


@pytest.mark.parametrize(
    ("kinds", "outcome", "error", "expected"),
    [
        ("rWRw", NotRun, ProtocolError("full", status=413), ("split", [1, 2], [[0, 3]])),
        ("RR", NotRun, ProtocolError("full", status=413), ("split", [0, 1], [[]])),
        ("R", NotRun, ProtocolError("full", status=413), ("done", [0], [])),
        ("rRr", Unknown, _BOOM, ("isolate", [1], [[0, 2]])),
        ("RWI", Unknown, _BOOM, ("isolate", [0, 1, 2], [])),
        ("rRr", Unknown, NotFoundError("no thing 101"), ("isolate", [1], [[0, 2]])),
        ("rRr", Unknown, NotFoundError("no thing 102"), ("isolate", [1], [[0, 2]])),
        ("rRr", Unknown, AnswerTooLargeError("large"), ("isolate", [1], [[0, 2]])),
        ("R", Failed, _BOOM, ("done", [0], [])),
        ("rRW", Unknown, NoAnswerError("reset"), ("retry", [2], [[0, 1]])),
        ("rRW", NotRun, ProtocolError("busy", status=429), ("retry", [], [[0, 1, 2]])),
    ],
)
def test_next_step_with_nests(kinds, outcome, error, expected):
    """A nest is repeated as a whole, but not in search of a failed call, nor in parts: its maker takes it apart."""
    assert expected == _step_with_nests(kinds, outcome, error)


def test_next_step_infers_nothing_from_a_nest():
    """A message that names a key in a nest tells nothing: any of its calls may have failed."""
    assert ("isolate", [0, 1, 2], []) == _step_with_nests("wWw", Unknown, NotFoundError("no thing 101"), is_inferring=True)


@pytest.mark.parametrize("kinds", ["Ww", "wW"])
def test_next_step_infers_nothing_beside_a_nest(kinds):
    """What fails in a nest may have any key, handed over from a result: beside one a message names no call for sure."""
    error = NotFoundError(f"no thing {100 + kinds.index('w')}")
    assert ("isolate", [0, 1], []) == _step_with_nests(kinds, Unknown, error, is_inferring=True)
