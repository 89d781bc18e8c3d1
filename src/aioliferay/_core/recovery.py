"""After a failed request: what may be sent again, in which parts, when; and whose the failure is. It is told the time and
the dice, and does not know how anything is sent.

One request has one fate: `codec.decode` gives every call of a failed request the same kind of outcome. What follows from it:

    not sent, no connection     all of it again, after a pause
    not run, 429 or 408         all of it again, after the pause that was asked for
    not run, 413                all of it again, in smaller parts
    unknown, the portal's error reads again by halves, until each bad one is alone; writes stay unknown, unless inferred
    unknown, answer too large   reads again by halves
    unknown, no answer          reads again after a pause, unless the time was out; writes stay unknown
    unknown, 502 503 504        as no answer
    anything else               is final

A statement with several calls in it (a nest) does not go again in a search: it is settled, and its maker takes it apart.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pydantic_core import from_json

from aioliferay._core.messages import Command, Failed, NotRun, NotSent, Ok, Outcome, Unknown
from aioliferay._core.refusals import is_getter_failure
from aioliferay.errors import (
    AnswerTooLargeError,
    AuthenticationError,
    ConnectError,
    LiferayError,
    NoAnswerError,
    NoSuchServiceError,
    ProtocolError,
    ResultError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_TOO_LARGE: Final = 413
_ASKED_TO_WAIT: Final = frozenset({408, 429})
_GATEWAY: Final = frozenset({502, 503, 504})
_CALLER: Final = re.compile(r"\bUser \d+")  # who was refused is not what was refused
_CONTEXT: Final = re.compile(r"^/.*[.](?=[^./]+/)")
_ASSIGNED: Final = r"(?<=[=\"'{(:,])"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What is sent again, when, and how often. Only what provably did not run, reads, and what is declared idempotent.

    Attributes:
        attempts: requests in all for the same calls, the first included; 1 repeats nothing.
        first_delay: seconds before the first repetition at most; it doubles from one to the next. The real pause is a random
            part of it, so that many clients do not come back at once.
        max_delay: seconds that a pause grows to.
        longest_retry_after: seconds; if the portal asks for a longer pause (`Retry-After`), the call fails at once.
        timed_out_reads: repeat a read also when its time ran out. A real portal works on after the client has gone
            (`real-timings.md` §4), so this doubles its work when it is slow already.
        ratio: repetitions of the whole session, as a share of its requests: 0.2 is one for five.
        burst: repetitions that a session has in hand beyond that share. One comes back every second.

    Raises:
        ValueError: a number is out of its range.
    """

    attempts: int = 3
    first_delay: float = 0.1
    max_delay: float = 5.0
    longest_retry_after: float = 30.0
    timed_out_reads: bool = False
    ratio: float = 0.2
    burst: int = 20

    def __post_init__(self) -> None:
        if not self.attempts >= 1:
            raise ValueError(f"attempts= counts the first request too: at least 1, not {self.attempts}")
        for name in ("first_delay", "max_delay", "longest_retry_after", "ratio", "burst"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}= cannot be {getattr(self, name)}: it takes 0 or more")

    def back_off(self, attempt: int, dice: float) -> float:
        """Return the pause after request `attempt` (from 1), in seconds; `dice` is from 0 to 1."""
        return min(self.max_delay, self.first_delay * 2.0 ** min(attempt - 1, 60)) * dice


class RetryAllowance:
    """How many repetitions a session may still make. Every method is told the time, in seconds of any clock."""

    def __init__(self, policy: RetryPolicy, now: float) -> None:
        self._policy = policy
        self._left = float(policy.burst)
        self._most = max(self._left, 1.0)
        self._then = now

    def earn(self) -> None:
        """Note that a request was sent for the first time."""
        self._left = min(self._left + self._policy.ratio, self._most)

    def spend(self, now: float) -> bool:
        """Take one repetition; return False if there is none left."""
        self._left = min(self._left + max(now - self._then, 0.0), self._most)
        self._then = now
        if self._left < 0.999999:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What must be known beside the outcomes of a request.

    Attributes:
        attempt: requests that these calls have had, this one included.
        dice: from 0 to 1.
        date: seconds since 1970, for a `Retry-After` that names a date.
        patience: seconds for which somebody still waits.
        headers: of the answer, names in lower case.
        is_guided: the portal's message has not misled this batch yet.
        is_inferring: `on_failure="infer"`.
    """

    attempt: int
    dice: float
    date: float
    patience: float
    headers: Mapping[str, str]
    is_guided: bool = True
    is_inferring: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What to do after a request.

    Attributes:
        settled: positions in the request, with their outcomes: these calls have ended.
        again: groups of positions, to be sent in this order; groups of reads may go in parallel.
        kind: "done"; "retry" all of one group after `delay` seconds; "isolate" the failed call, group by group; "split"
            what was too large; "verify" that the call of `again` fails once more: then take `proven`, else `disproved`.
        last: outcomes of the calls of `again`, if they are not sent again after all.
        suspect: the group of `again` that holds only the call that the portal's message names, if there is one.
        unran: positions of the calls that did not run, as the message lets conclude.
    """

    kind: Literal["done", "retry", "isolate", "split", "verify"]
    settled: Sequence[tuple[int, Outcome[Any]]] = ()
    again: Sequence[Sequence[int]] = ()
    last: Mapping[int, Outcome[Any]] | None = None
    delay: float = 0.0
    suspect: int | None = None
    unran: Sequence[int] = ()
    proven: Step | None = None
    disproved: Step | None = None


def next_step(
    commands: Sequence[Command], outcomes: Sequence[Outcome[Any]], situation: Situation, policy: RetryPolicy
) -> Step:
    """Return what to do after a request with these outcomes, all of one kind."""
    first = outcomes[0]
    error = first.error
    everything = range(len(commands))
    match first:
        case NotSent() if isinstance(error, ConnectError):
            return _retried(everything, outcomes, situation, policy)
        case NotRun() if _status(error) == _TOO_LARGE and len(commands) > 1:
            apart = [(position, outcomes[position]) for position in everything if commands[position].is_nest]
            again = [position for position in everything if not commands[position].is_nest]
            return Step("split", apart, [again], dict(enumerate(outcomes)))
        case NotRun() if _status(error) in _ASKED_TO_WAIT:
            return _retried(everything, outcomes, situation, policy)
        case Unknown():
            return _after_doubt(commands, outcomes, situation, policy)
        case _:
            return Step("done", list(enumerate(outcomes)))


def _after_doubt(
    commands: Sequence[Command], outcomes: Sequence[Outcome[Any]], situation: Situation, policy: RetryPolicy
) -> Step:
    error = outcomes[0].error
    if isinstance(error, AuthenticationError):  # the parts would show the same credentials: a portal may lock an account
        return Step("done", list(enumerate(outcomes)))
    repeatable = [position for position, command in enumerate(commands) if command.is_repeatable]
    if isinstance(error, ServerError | AnswerTooLargeError) and len(commands) > 1:
        return _isolated(commands, outcomes, situation, repeatable)
    if isinstance(error, NoAnswerError):
        is_worth_it = policy.timed_out_reads or not error.is_timeout
    else:
        is_worth_it = isinstance(error, ProtocolError) and error.status in _GATEWAY
    return _retried(repeatable if is_worth_it else (), outcomes, situation, policy)


def _retried(positions: Sequence[int], outcomes: Sequence[Outcome[Any]], situation: Situation, policy: RetryPolicy) -> Step:
    delay = policy.back_off(situation.attempt, situation.dice)
    asked = retry_after(situation.headers, situation.date)
    if asked is not None:
        delay += asked
    is_too_long = delay >= situation.patience or (asked or 0) > policy.longest_retry_after
    if not positions or situation.attempt >= policy.attempts or is_too_long:
        return Step("done", list(enumerate(outcomes)))
    kept = set(positions)
    settled = [(position, outcome) for position, outcome in enumerate(outcomes) if position not in kept]
    return Step("retry", settled, [positions], dict(enumerate(outcomes)), delay)


def _isolated(
    commands: Sequence[Command], outcomes: Sequence[Outcome[Any]], situation: Situation, repeatable: Sequence[int]
) -> Step:
    error = cast("LiferayError", outcomes[0].error)
    if any(command.is_nest for command in commands):  # it is taken apart; and no message tells which of its calls failed
        situation = replace(situation, is_inferring=False, is_guided=False)
        repeatable = [position for position in repeatable if not commands[position].is_nest]
    named = named_position(error, commands) if situation.is_inferring or situation.is_guided else None
    if situation.is_inferring and named is not None and isinstance(error, ServerError) and len(repeatable) < len(commands):
        concluded = _inferred(commands, error, named)
        if not commands[named].is_read:
            return concluded
        doubted = _isolated(commands, outcomes, replace(situation, is_inferring=False), repeatable)
        return Step("verify", again=[[named]], last=dict(enumerate(outcomes)), proven=concluded, disproved=doubted)
    kept = set(repeatable)
    settled = [(position, outcome) for position, outcome in enumerate(outcomes) if position not in kept]
    last = dict(enumerate(outcomes))
    if settled:  # one of these may be the one that failed: the others together first
        return Step("isolate", settled, [repeatable] if repeatable else [], last)
    if situation.is_guided and named is not None and all(command.is_read for command in commands):
        rest = [position for position in repeatable if position != named]
        return Step("isolate", (), [[named], rest], last, suspect=0)
    middle = (len(repeatable) + 1) // 2
    return Step("isolate", (), [repeatable[:middle], repeatable[middle:]], last)


def _inferred(commands: Sequence[Command], error: ServerError, named: int) -> Step:
    """Conclude from the call that the message names; reads are sent again all the same, to have their results."""
    settled: list[tuple[int, Outcome[Any]]] = []
    before: list[int] = []
    for position, command in enumerate(commands[:named]):
        if command.is_read:
            before.append(position)
        else:
            lost = ResultError("it ran, as the portal's message lets conclude, but its result was lost", path=command.path)
            settled.append((position, Ok(None, lost, is_inferred=True)))
    failed = commands[named]
    if not failed.is_read:
        settled.append((named, Failed(_own(error, failed), is_inferred=True)))
    after = list(range(named + 1, len(commands)))
    groups = [before, after]
    last: dict[int, Outcome[Any]] = {position: Unknown(error.for_call(commands[position].path)) for position in before}
    last |= {position: NotRun(error.for_call(commands[position].path), is_inferred=True) for position in after}
    return Step("isolate", settled, [group for group in groups if group], last, unran=after)


def _own(error: ServerError, command: Command) -> ServerError:
    own = error.for_call(command.path)
    own.calls = 1
    return own


def named_position(error: LiferayError, commands: Sequence[Command]) -> int | None:
    """Return the position of the only command that the portal's message speaks of: by its path, or by a key of its own.

    A key is a number, or a text that the message quotes or assigns (`{a2=XX}`), among the values of a statement, and no
    other statement of the request has it. None if there is no such command, or several.
    """
    if not isinstance(error, ServerError) or not error.message:
        return None
    if isinstance(error, NoSuchServiceError):
        # The text names the path, but a missing plugin context drops its prefix (`protocol.md` F.14): compare both forms.
        keys = [{command.path, _CONTEXT.sub("/", command.path)} for command in commands]
        return _only_owner(keys, lambda key: _occurs(key, error.message, before=r"(?<!\S)"))
    message = _CALLER.sub("", error.message)
    values = [list(_scalars(from_json(command.statement))) for command in commands]
    numbers = [{text for text, is_number in pairs if is_number} for pairs in values]
    texts = [{text for text, is_number in pairs if not is_number and len(text) > 1} for pairs in values]
    if any(_occurs(number, message) for number in set[str]().union(*numbers)):
        return _only_owner(numbers, lambda key: _occurs(key, message))
    return _only_owner(texts, lambda key: _occurs(key, message, before=_ASSIGNED))


def _only_owner(keys: Sequence[set[str]], occurs: Callable[[str], bool]) -> int | None:
    owners = Counter(key for own in keys for key in own)
    named = {key for key in owners if occurs(key)}
    unique = {position for position, own in enumerate(keys) if any(owners[key] == 1 for key in own & named)}
    return unique.pop() if len(unique) == 1 else None


def _occurs(key: str, message: str, *, before: str = r"(?<![\w.-])") -> bool:
    return key in message and re.search(before + re.escape(key) + r"(?![\w-]|[.]\w)", message) is not None


def _scalars(value: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            yield from _scalars(item)
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]  # it narrows Any to list[Unknown]
            yield from _scalars(item)
    elif isinstance(value, str):
        yield value, value.lstrip("-").isdigit()
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value), True


def shows_caller(outcomes: Sequence[Outcome[Any]], commands: Sequence[Command]) -> bool:
    """Tell whether what became of a request shows that the portal knew who called.

    7.x refuses wrong credentials before anything else. 6.2 takes them for none, looks for the service, and converts its
    parameters; only then it looks at who calls, and nothing in its core is open to guests (`protocol.md` F.7).
    """
    error = outcomes[0].error
    are_core = [_CONTEXT.match(command.path) is None for command in commands]
    if error is None:
        return any(are_core)
    if not isinstance(error, ServerError) or isinstance(error, AuthenticationError):
        return False
    if error.status >= 400:
        return bool(error.exception) or error.status != 403  # which may be a page of what stands before the portal
    has_run = error.exception.startswith("com.liferay.") or is_getter_failure(error)
    return has_run and not isinstance(error, NoSuchServiceError) and all(are_core)


def retry_after(headers: Mapping[str, str], date: float) -> float | None:
    """Return the seconds that the header `Retry-After` asks for, in either of its forms; None without one that can be read.

    `date` is the time of this computer, in seconds since 1970; the answer's own `Date` counts more, because clocks differ.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    when = _http_date(text)
    sent = _http_date(headers.get("date", ""))
    return None if when is None else max(when - (date if sent is None else sent), 0.0)


def _http_date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def out_of_budget(outcome: Outcome[Any], spent: str) -> Outcome[Any]:
    """Return the outcome of a call that was not sent again because isolation has spent its budget; its error says so."""
    error = outcome.error
    if error is not None:
        text = f"the search for the failed calls spent its budget of {spent}: raise it with limits=BatchLimits(...)"
        if isinstance(error, ServerError):
            error.remedy = text
        else:
            error.args = (f"{error.args[0] if error.args else ''}; {text}", *error.args[1:])
    return outcome


def _status(error: LiferayError | None) -> int | None:
    return error.status if isinstance(error, ProtocolError) else None
