"""When an automatic batch closes; how large a stream's requests become, how many go at once, and when. It is told the time,
and knows neither the calls nor how they are sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

_FIRST_CALLS: Final = 50  # a portal's time may grow faster than their number: 100 nests had no answer in a minute
_FIRST_PARALLEL: Final = 2  # two processors halve the time, and one does not mind
_SEVERAL: Final = 8  # answers after which a trial should have shown something
_MEMORY: Final = 32  # answers that a mean looks back on
_CHANGED: Final = 1.5  # so many times dearer or cheaper, again and again, is another server, not noise
_FLAT: Final = 1.3  # a request that takes only so much longer than a smaller one lets the size grow faster
_SHORT: Final = 0.01  # seconds: so does a request as short as this
_LONGEST: Final = 10.0  # seconds that a request may be expected to take, lest it times out
_OVERLAP: Final = 0.1  # a share of a request's time that may be unlike the rest of it
_MAX_PAUSE: Final = 5.0  # seconds, if the server does not say; who is refused after it may be too large to be let in at all
_TICK: Final = 1e-7  # seconds: sums and differences of times are not exact

_Name = Literal["larger", "smaller", "more", "fewer", "finer"]
_BACK: Final[dict[_Name, _Name]] = {
    "larger": "smaller", "smaller": "larger", "more": "fewer", "fewer": "more", "finer": "larger",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """When the calls that wait in a lane go out together: at once if nothing of the lane is under way, else after `seconds`.

    Raises:
        ValueError: seconds is negative or not finite.
    """

    seconds: float = 0.002

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < math.inf:
            raise ValueError(f"a window cannot be {self.seconds} seconds: it takes 0 or more, such as 0.002")

    def closes_at(self, now: float, *, opened: float, in_flight: int) -> float:
        """Return when to send what has waited since `opened`, with `in_flight` requests of the lane under way."""
        return opened + self.seconds if in_flight else now


class _Setting(NamedTuple):
    calls: int
    parallel: int


@dataclass(slots=True)
class _Mean:
    """What a call costs, in seconds of the whole stream, by the last answers."""

    count: int = 0
    value: float = 0.0

    def add(self, cost: float) -> None:
        self.count = min(self.count + 1, _MEMORY)
        self.value += (cost - self.value) / self.count


@dataclass(slots=True)
class _Way:
    """One way to change the setting: when to try it next, how often it failed, how much dearer it was (inf: not known)."""

    due: float = -math.inf
    fails: int = 0
    ratio: float = math.inf

    def fail(self, now: float, wait: float, ratio: float = math.inf) -> None:
        self.fails += now >= self.due  # else it is the same failure
        self.due = max(self.due, now + wait * 2.0 ** min(self.fails - 1, 6))
        self.ratio = ratio


@dataclass(slots=True)
class _Trial:
    """Another setting, tried until it has shown whether it is better."""

    name: _Name
    setting: _Setting
    started: float
    seconds: float  # that a request took before
    mean: _Mean = field(default_factory=_Mean)
    ratio: float = math.inf  # what a call costs now, by what it cost before, give or take the doubt
    doubt: float = 0.0
    least: float = math.inf


class _Gate:
    """When the next request may leave for a server that refuses some: after a pause, then at the rate that was let in.

    However a limit counts, between two refusals it lets in what it allows: the time between them, by answers, is the
    interval at which requests leave from then on. It shrinks, at first slowly, until a refusal measures it again.
    """

    def __init__(self) -> None:
        self.resumes = -math.inf
        self.interval = 0.0  # seconds from request to request; 0 is no limit
        self.measured = 0.0  # the interval before it shrank
        self.answers = 0  # since the last refusal
        self.pause = 0.0  # the last one, if the server did not say how long
        self._refused = math.nan
        self._counted = 0
        self._shrinking = 0.0

    def lanes(self, seconds: float) -> float:
        """Return how many requests of this length the interval allows to be under way."""
        return max(1, math.ceil(seconds / self.interval - 0.2)) if self.interval else math.inf

    def answered(self, now: float, seconds: float, parallel: int) -> None:
        left = now - seconds
        self.pause = 0.0
        if not left < self._refused:
            self.answers += 1
        elif self.interval:  # it was let in before the refusal: count it where it belongs
            self._counted += 1
            self.interval *= 1 - 1 / self._counted
            self.measured = self.interval
        if self.interval:
            self._shrinking = min(self._shrinking * 1.1, 0.1)
            self.interval *= 1 - self._shrinking
            if self.interval * parallel < 0.9 * seconds:  # so slow is the server by itself
                self.interval = self.measured = 0.0
            self.resumes = max(self.resumes, left + self.interval)

    def wait(self, now: float, pause: float | None, seconds: float) -> None:
        """Let nothing leave for `pause` seconds; by default as long as a request takes, and twice as long the next time."""
        self.pause = min(max(self.pause * 2, seconds, 0.001), _MAX_PAUSE)
        self.resumes = max(self.resumes, now + (self.pause if pause is None else max(pause, 0.0)))

    def measure(self, now: float) -> float:
        """Return the time by answers up to this refusal, or NaN if it is not known."""
        if not self.answers:
            self._refused = now if math.isnan(self._refused) else self._refused
            return math.nan
        measured = min(max(now - self._refused, 0.0) / self.answers, _MAX_PAUSE)
        self._counted, self._refused, self.answers = self.answers, now, 0
        if self.interval:  # a limit that lets nothing be saved up is met by the last interval, not by the mean
            measured = math.sqrt(measured * self.interval)
            self.narrow(measured)
        return measured

    def narrow(self, interval: float) -> None:
        self.interval = self.measured = interval
        self._shrinking = max(0.002, 0.05 / self._counted)


class Pace:
    """How many calls go in one request of a stream, and how many requests go at once.

    What counts is the cost of a call in seconds of the whole stream. By Little's law that is `seconds / (parallel * calls)`
    of a request with `parallel` of its kind under way, whatever queues there are. From the present setting another is tried,
    twice or half as large in one number, for as long as it takes to tell a gain from noise. What is cheaper is kept, and the
    next trial goes on in that direction. What is not is tried again later: the later, the more it cost and the more often it
    failed. So a change of the server is noticed, and a steady server is left alone. Refusals bound the size (413), slow down
    (429, see `_Gate`), or halve what is under way (503).

    Args:
        max_calls, max_parallel: calls in one request, and requests at once, at most.
        calls, parallel: the same, if they are not to be adapted.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, *, max_calls: int, max_parallel: int, calls: int | None = None, parallel: int | None = None) -> None:
        for name, value, most in (("calls", calls, max_calls), ("parallel", parallel, max_parallel)):
            if most < 1:
                raise ValueError(f"max_{name}= cannot be {most}: it takes 1 or more")
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"{name}= cannot be {value}: it takes 1 to max_{name}=, which is {most}")
        self._setting = _Setting(calls or min(_FIRST_CALLS, max_calls), parallel or min(_FIRST_PARALLEL, max_parallel))
        self._most = _Setting(max_calls, max_parallel)
        self._is_size_fixed, self._are_lanes_fixed = calls is not None, parallel is not None
        self._gate = _Gate()
        self._ways: dict[_Name, _Way] = {name: _Way() for name in _BACK}
        self._ways["fewer"].due = math.inf  # until `more` has failed
        self._trial: _Trial | None = None
        self._ceiling, self._largest = max_calls, 0  # calls in one request: at most, until `larger` is due; answered so far
        self._factor = 0  # by which a size is tried larger, as soon as there was an answer
        self._is_sublinear, self._is_cautious = True, False  # a larger one took less than twice the time; some were refused
        self._mean, self._odd = _Mean(), _Mean()
        self._noise = 0.1  # of one answer, as a share
        self._seconds = 0.05  # that the last request took
        self._since = -math.inf  # when the present setting began
        self._clean = -math.inf  # when a request of another size was last seen under way
        self._filled = -math.inf  # when sending began, at first or after a refusal

    @property
    def _present(self) -> _Setting:
        return self._trial.setting if self._trial else self._setting

    @property
    def calls(self) -> int:
        """Calls for the next request."""
        return self._present.calls

    @property
    def parallel(self) -> int:
        """Requests to have under way."""
        most = self._present.parallel
        return most if self._are_lanes_fixed else int(min(most, self._gate.lanes(self._seconds)))

    @property
    def resumes(self) -> float:
        """The time before which nothing is to be sent."""
        return self._gate.resumes

    def answered(self, now: float, *, calls: int, seconds: float, under_way: int) -> None:
        """Note that a request of `calls` calls took `seconds`, or was given up after them; it left as one of `under_way`."""
        left = now - seconds
        if not self._factor:
            self._filled = left
            self._factor = 4 if seconds < _SHORT else 2
        self._note(now, calls, seconds)
        if left < self._since - _TICK:
            if calls != self.calls:
                self._clean = now
        elif self._shows(left, under_way):
            cost = max(self._seconds / self.parallel, self._gate.measured) / max(calls, 1)
            if self._trial is None:
                self._learn(now, cost)
            else:
                self._trial.mean.add(cost)
                self._trial.least = min(self._trial.least, cost)
                self._judge(now, self._trial)
        elif self._trial is not None and now > self._trial.started + 32 * self._seconds:  # there is too little to send
            self._ways[self._trial.name].fail(now, 32 * self._seconds)
            self._settle(now)
        if self._trial is None and self._mean.count:
            self._try(now)

    def refused(self, now: float, *, calls: int, status: int, pause: float | None) -> None:
        """Note that a request was refused with 413, 429 or 503; `pause` is what the server asked for, in seconds."""
        if status == 413:
            self._shrink(now, calls)
        elif now < self.resumes:  # it had left before the pause: the same refusal
            self._gate.resumes = max(self.resumes, now + (pause or 0.0))
        else:
            self._gate.wait(now, pause, self._seconds)
            if self.calls <= max(self._largest, self._setting.calls):
                self._give_way(now, status)
            else:  # nobody knows whether requests of this size are refused, or any
                self._ways["larger"].fail(now, self.resumes - now + max(self._seconds, self._gate.interval))
                self._ceiling = self._setting.calls
                self._settle(now)
        self._filled = max(now, self.resumes)

    def _note(self, now: float, calls: int, seconds: float) -> None:
        self._seconds = max(seconds, _TICK)
        self._largest = max(self._largest, calls)
        if calls > self._ceiling and self._ways["larger"].ratio == math.inf:  # it was let in, after all
            self._ceiling, self._ways["larger"] = self._most.calls, _Way()
        was_limited = self._gate.interval > 0
        self._gate.answered(now, self._seconds, self._present.parallel)
        if was_limited and not self._gate.interval and (self._trial is None or self._trial.name != "larger"):
            self._forget(now)

    def _shows(self, left: float, under_way: int) -> bool:
        """Tell whether a request had as many as it should beside it, and all of its size."""
        slack = _OVERLAP * self._seconds + _TICK
        is_full = under_way >= self.parallel or self._gate.interval > 0 or left <= self._filled + slack
        return is_full and self._clean <= left + slack

    def _learn(self, now: float, cost: float) -> None:
        mean, usual = self._mean, self._mean.value or cost
        spread = max(_CHANGED, 1 + 3 * self._noise)
        is_odd = not usual / spread < cost < usual * spread
        if not is_odd or (self._odd.value > usual) is not (cost > usual):
            self._odd = _Mean()
        if is_odd:  # the least odd of them counts
            odd = self._odd.value or cost
            self._odd = _Mean(self._odd.count + 1, min(odd, cost) if cost > usual else max(odd, cost))
        if mean.count:
            self._noise += (1.25 * min(abs(cost / usual - 1), 1.0) - self._noise) / 16
        mean.add(min(cost, 2 * usual))
        if self._odd.count > max(self.parallel, 1 if not usual / 4 < self._odd.value < usual * 4 else 2):
            self._begin_again(now)

    def _begin_again(self, now: float) -> None:
        """As if with another server."""
        self._ways = {name: _Way(now) for name in _BACK}
        self._forget(now)

    def _targets(self, now: float) -> dict[_Name, _Setting]:
        calls, parallel = self._setting
        ceiling = self._most.calls if self._ways["larger"].due <= now else self._ceiling
        larger, smaller, more, fewer = calls, calls, parallel, parallel
        if not self._is_size_fixed:
            smaller = max(1, calls // (8 if self._seconds > _LONGEST else 2))
            if self._seconds * self._factor <= _LONGEST:
                larger = calls * self._factor
                larger = ceiling if larger >= (ceiling / 1.5 if self._is_sublinear else ceiling) else larger
        if not self._are_lanes_fixed:
            fewer = max(1, parallel // 2)
            if not self._gate.interval:
                more = min(parallel + 1 if self._is_cautious else parallel * 2, self._most.parallel)
        is_open = max(self._ways["smaller"].ratio, self._ways["more"].ratio) < 1.15  # each of both alone changes little
        return {
            "larger": _Setting(max(calls, larger), parallel),
            "smaller": _Setting(smaller, parallel),
            "more": _Setting(calls, more),
            "fewer": _Setting(calls, fewer),
            "finer": _Setting(smaller, more) if is_open else self._setting,
        }

    def _try(self, now: float) -> None:
        is_limited = self._gate.interval * self._setting.parallel > 1.2 * self._seconds
        for name, setting in self._targets(now).items():
            way = self._ways[name]
            needed = _SEVERAL if way.fails and way.ratio < math.inf else 3
            if is_limited or self._seconds > 1 or (name == "larger" and way.due == -math.inf):
                needed = 1
            if setting != self._setting and (way.due <= now or name == "larger") and self._mean.count >= needed:
                self._trial, self._since = _Trial(name, setting, now, self._seconds), now
                break
            if is_limited and setting != self._setting:  # where requests are counted, more calls in one cost nothing
                break

    def _settle(self, now: float) -> None:
        self._trial = None
        self._since = self._clean = now

    def _forget(self, now: float) -> None:
        self._mean, self._odd, self._noise = _Mean(), _Mean(), 0.1
        self._settle(now)

    def _judge(self, now: float, trial: _Trial) -> None:
        count, lanes = trial.mean.count, trial.setting.parallel
        ratio = trial.ratio = trial.mean.value / self._mean.value
        doubt = trial.doubt = 2 * max(self._noise, 0.03) * math.sqrt(1 / count + 1 / self._mean.count)
        is_over = count >= max(_SEVERAL, 2 * lanes)
        is_told = count >= lanes - 1  # one answer of many at once may be lucky
        if trial.name != "larger" and trial.least > 4 * self._mean.value:  # no setting explains that
            if count > 1:
                self._begin_again(now)
        elif is_told and ratio < 1 - (doubt / 2 if is_over else doubt):
            self._keep(now, trial)
        elif ratio - 2 * doubt > 1 or (is_told and (is_over or ratio - doubt > 1)):
            self._reject(now, trial)

    def _keep(self, now: float, trial: _Trial) -> None:
        way, back = self._ways[trial.name], self._ways[_BACK[trial.name]]
        way.fails, way.ratio, back.ratio = 0, math.inf, 1 / max(trial.ratio, 0.4)
        wait = (now - trial.started) * max(16, 60 * (back.ratio - 1))
        back.due = now + wait if back.due == math.inf else max(back.due, now + wait)
        self._ceiling = trial.setting.calls
        if trial.setting.calls > self._setting.calls:
            grown, is_short = self._seconds / trial.seconds, self._seconds < _SHORT
            self._is_sublinear = is_short or grown < 0.6 * trial.setting.calls / self._setting.calls
            self._factor = 4 if is_short or (grown < _FLAT and trial.setting.calls <= 2 * _FIRST_CALLS) else 2
        self._setting, self._mean, self._odd, self._trial = trial.setting, trial.mean, _Mean(), None

    def _reject(self, now: float, trial: _Trial) -> None:
        took, excess = now - trial.started, trial.ratio - trial.doubt - 1
        self._ways[trial.name].fail(now, took * max(1 if trial.ratio < 1 else 4, 30 * excess), trial.ratio)
        if trial.name == "larger":
            self._ceiling = self._setting.calls * (2 if trial.setting.calls >= 4 * self._setting.calls else 1)
        if trial.name == "more" and self._ways["fewer"].due == math.inf:
            self._ways["fewer"].due = now + 32 * took
        self._settle(now)

    def _shrink(self, now: float, calls: int) -> None:
        if self._is_size_fixed or calls == 1:  # one call is too large by itself
            return
        self._ceiling = max(calls // 2, self._setting.calls if self._setting.calls < calls else 1)
        self._ways["larger"].fail(now, 8 * self._seconds)
        if self.calls > self._ceiling:
            self._setting = self._setting._replace(calls=min(self._setting.calls, self._ceiling))
            self._forget(now)

    def _give_way(self, now: float, status: int) -> None:
        answers, measured = self._gate.answers, self._gate.measure(now)
        trial, parallel = self._trial, self._setting.parallel
        is_rate = answers > 2 * parallel or measured * parallel > (1.0 if status == 429 else 1.5) * self._seconds
        is_rate = status == 429 if math.isnan(measured) else is_rate  # requests by time are limited, not requests at once
        self._is_cautious = True
        if trial is not None and trial.name == "larger" and status == 429 and trial.ratio < 1.2:  # fewer requests are needed
            self._keep(now, trial)
        elif trial is not None:
            self._ways[trial.name].fail(now, 8 * self._seconds if trial.setting.parallel > parallel else now - trial.started)
            self._settle(now)
        elif not is_rate and parallel > 1 and not self._are_lanes_fixed:
            self._setting = self._setting._replace(parallel=(parallel + 1) // 2)
            self._ways["more"].fail(now, 8 * self._seconds)
            self._forget(now)
        if not math.isnan(measured) and (is_rate or self._setting.parallel == 1 or self._are_lanes_fixed):
            if not self._gate.interval:
                self._gate.narrow(measured)
                if self._ways["larger"].ratio < 2:  # it may cost nothing now
                    self._ways["larger"] = _Way()
            self._forget(now)
        if self._gate.pause == _MAX_PAUSE and not self._is_size_fixed:
            self._largest = max(1, self._setting.calls // 2)
            self._setting = self._setting._replace(calls=self._largest)
            self._forget(now)
