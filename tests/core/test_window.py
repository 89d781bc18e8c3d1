"""When an automatic batch closes, and how a stream finds its size and its pace: tried against simulated servers."""

from __future__ import annotations

import math
import pickle
from functools import partial
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_servers import Bucket, Crowd, Server, Size, Stream, linear, table

from aioliferay._core.window import Pace, Window

_CALLS = 100_000
_SIZES = (1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)
_LANES = (2, 4, 1, 8)
_WITHIN = 1.15  # times the time of the best fixed setting

# Costs in seconds, measured on a real portal: `real-timings.md` §0 to §4.
_BASIC = linear(0.110, 0.00002)
_SESSION = linear(0.0005, 0.00002)
_WRITES = linear(0.110, 0.010)
_LISTED_POINTS = (1, 0.0008), (10, 0.0039), (50, 0.0162), (100, 0.0377), (200, 0.0825), (500, 2.161)
_LISTED = table(*_LISTED_POINTS)
_LISTED_BASIC = table(*_LISTED_POINTS, fixed=0.110)
_NESTED = table((1, 0.0009), (10, 0.0041), (50, 0.0336), (100, 0.203), (200, 1.319))
_CUBIC = table((1, 0.004), (2, 0.015), (5, 0.042), (10, 0.153), (15, 0.488), (20, 1.06), (30, 3.4), (50, 15.0))
_SLOW = linear(0.01, 0.001)

_STEADY = {
    "basic": partial(Server, _BASIC),
    "basic far away": partial(Server, _BASIC, network=0.02),
    "basic shared": partial(Server, _BASIC, is_sharing=True),
    "session": partial(Server, _SESSION),
    "session far away": partial(Server, _SESSION, network=0.02),
    "session shared": partial(Server, _SESSION, is_sharing=True, network=0.001),
    "session strained": partial(Server, _SESSION, is_sharing=True, strain=0.25),
    "session of one worker": partial(Server, _SESSION, workers=1),
    "writes": partial(Server, _WRITES),
    "white-listed": partial(Server, _LISTED),
    "white-listed shared": partial(Server, _LISTED, is_sharing=True),
    "white-listed strained": partial(Server, _LISTED, is_sharing=True, strain=0.25),
    "white-listed basic": partial(Server, _LISTED_BASIC),
    "nested": partial(Server, _NESTED),
    "nested far away": partial(Server, _NESTED, is_sharing=True, network=0.02),
}


def _limited(cost, limit, *values, **options):
    """Return a maker of servers with a limit of their own each."""
    settings = {name: options.pop(name) for name in ("counts_calls", "says_when") if name in options}
    return lambda **more: Server(cost, limit(*values, **settings), **options, **more)


_LIMITED = {
    "5 requests a second": _limited(_SESSION, Bucket, 5, 5),
    "5 requests a second, says when": _limited(_SESSION, Bucket, 5, 5, says_when=True),
    "5 requests a second, one by one": _limited(_SESSION, Bucket, 5, 1),
    "5 requests a second, one by one, says when": _limited(_SESSION, Bucket, 5, 1, says_when=True),
    "10 requests a second, basic": _limited(_BASIC, Bucket, 10, 10),
    "10 requests a second, basic, says when": _limited(_BASIC, Bucket, 10, 10, says_when=True),
    "20 requests a second, white-listed": _limited(_LISTED, Bucket, 20, 20),
    "20,000 calls a second": _limited(_SESSION, Bucket, 20_000, 20_000, counts_calls=True),
    "5,000 calls a second, says when": _limited(_SESSION, Bucket, 5000, 5000, counts_calls=True, says_when=True),
    "20,000 calls a second, 500 at once": _limited(_SESSION, Bucket, 20_000, 500, counts_calls=True),
    "1 at once": _limited(_BASIC, Crowd, 1),
    "2 at once, far away": _limited(_SESSION, Crowd, 2, network=0.02),
    "3 at once, of 4 workers": _limited(_SESSION, Crowd, 3, workers=4, network=0.01),
    "3 at once, of 4 workers, says when": _limited(_SLOW, Crowd, 3, 1.0, workers=4),
    "300 calls in one": _limited(_SESSION, Size, 300),
    "900 calls in one, basic": _limited(_BASIC, Size, 900),
}


def _pace(**changes):
    return Pace(**{"max_calls": 1000, "max_parallel": 8} | changes)


def _assert_no_fixed_setting_is_much_better(make, seeds, most=8):
    """Assert that none of the grid takes less than 1/1.15 of the time that the adapted pace takes."""
    adapted = [Stream(_pace(max_parallel=most), make(seed=seed), _CALLS).run() for seed in seeds]
    bound = max(adapted) / _WITHIN
    for calls, parallel in product(_SIZES, [lanes for lanes in _LANES if lanes <= most]):
        fixed = Stream(_pace(calls=calls, parallel=parallel), make(seed=99), _CALLS).run(bound)
        assert math.inf == fixed, f"{calls} calls, {parallel} at once: {fixed:.2f} s; adapted: {adapted} s"


@pytest.mark.slow
@pytest.mark.parametrize("make", _STEADY.values(), ids=_STEADY)
def test_pace_is_within_15_percent_of_the_best_fixed_setting(make):
    """Whatever requests cost, an adapted stream is at most 15 % slower than the best setting that one could choose."""
    _assert_no_fixed_setting_is_much_better(make, range(4))


@pytest.mark.parametrize("make", _LIMITED.values(), ids=_LIMITED)
def test_pace_is_within_15_percent_of_the_best_fixed_setting_at_a_limit(make):
    """Whatever a server refuses, an adapted stream is at most 15 % slower than the best setting that one could choose."""
    _assert_no_fixed_setting_is_much_better(make, range(4))


@pytest.mark.slow
@pytest.mark.parametrize("cost", [_BASIC, _SESSION, _LISTED, _NESTED], ids=["basic", "session", "white-listed", "nested"])
def test_pace_is_within_15_percent_of_the_best_fixed_setting_as_delivered(cost):
    """The same with four requests at once at most, as it is by default, and the network between."""
    _assert_no_fixed_setting_is_much_better(partial(Server, cost, network=0.02), range(4), most=4)


def test_pace_of_calls_that_cost_too_much_together():
    """Where a call costs the more, the more come with it, the first two requests are all that is lost."""
    took = Stream(_pace(), Server(_CUBIC), 20_000).run()
    assert 20_000 * _CUBIC(1) / 2 + 2 * _CUBIC(50) > took


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "moment", "after", "best"),
    [
        (_SESSION, 0.5, _BASIC, (1000, 2)),
        (_BASIC, 3.0, _SESSION, (1000, 2)),
        (_LISTED, 7.0, _NESTED, (10, 2)),
        (_NESTED, 10.0, _LISTED, (50, 2)),
        (_LISTED, 7.0, _BASIC, (1000, 2)),
        (_NESTED, 10.0, _BASIC, (1000, 2)),
    ],
    ids=["dearer", "cheaper", "dearer in number", "cheaper in number", "from calls to requests", "from nests to requests"],
)
def test_pace_follows_a_server_that_changes(before, moment, after, best):
    """A server that becomes another one on the way is noticed: what remains takes at most a half more than at its best."""
    for seed in range(3):
        stream = Stream(_pace(max_parallel=4), Server(before, seed=seed), 300_000)
        remaining = []

        def change(server, stream=stream, remaining=remaining):
            server.cost = after
            remaining.append(300_000 - stream.answered)

        took = stream.run(changes=[(moment, change)]) - moment
        calls, parallel = best
        assert 1.5 * remaining[0] * after(calls) / calls / parallel > took


def test_pace_leaves_a_steady_server_alone():
    """Noise does not make it wander: once found, most of the time the best size is used."""
    for seed in range(3):
        pace = _pace(max_parallel=4)
        sizes = []
        looks = [(time, lambda _server, pace=pace, sizes=sizes: sizes.append(pace.calls)) for time in range(10, 45)]
        Stream(pace, Server(_LISTED_BASIC, seed=seed), _CALLS).run(changes=looks)
        assert 0.8 * len(sizes) < sizes.count(200)


@pytest.mark.parametrize("total", [2000, 10_000])
@pytest.mark.parametrize("cost", [_BASIC, _SESSION], ids=["basic", "session"])
def test_pace_of_a_short_stream(cost, total):
    """To find out costs a short stream the time of four requests at most."""
    for seed in range(4):
        assert total * cost(1000) / 1000 / 2 + 4 * cost(1000) > Stream(_pace(), Server(cost, seed=seed), total).run()


def test_pace_of_requests_that_are_never_let_in():
    """If a limit is less than one request, requests become smaller until they are let in, within a minute or so."""
    stream = Stream(_pace(), _limited(_SESSION, Bucket, 200, 10, counts_calls=True)(), 2000)
    assert 2000 / 200 + 90 > stream.run()


def test_pace_tries_what_was_too_large_again_but_seldom():
    """A size that was refused (413) is remembered: of a thousand requests a few find out whether it still is."""
    refused = []

    class Counted(Size):
        def refuse(self, now, calls, active):
            refused.extend([calls] * (calls > self.most))
            return super().refuse(now, calls, active)

    stream = Stream(_pace(max_parallel=2), Server(_SESSION, Counted(300)), 250_000)
    stream.run()
    assert 1 <= len(refused) <= 0.03 * stream.requests


@pytest.mark.parametrize(
    ("expected", "window", "now", "opened", "in_flight"),
    [
        (5.0, Window(), 5.0, 4.999, 0),
        (4.999 + 0.002, Window(), 5.0, 4.999, 1),
        (4.0 + 0.5, Window(0.5), 5.0, 4.0, 3),
        (4.0, Window(0), 4.5, 4.0, 1),
    ],
)
def test_window_closes(expected, window, now, opened, in_flight):
    """A batch closes at once if nothing of its lane is under way, else when its window is over."""
    assert expected == window.closes_at(now, opened=opened, in_flight=in_flight)


@pytest.mark.parametrize("seconds", [-0.001, math.inf, -math.inf, math.nan])
def test_window_refuses(seconds):
    """A window that never closes, or did so before, is a mistake that is told on its line."""
    with pytest.raises(ValueError, match=r"^a window cannot be .+ seconds: it takes 0 or more, such as 0.002$"):
        Window(seconds)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("max_calls= cannot be 0: it takes 1 or more", {"max_calls": 0}),
        ("max_parallel= cannot be -1: it takes 1 or more", {"max_parallel": -1}),
        ("calls= cannot be 0: it takes 1 to max_calls=, which is 1000", {"calls": 0}),
        ("calls= cannot be 1001: it takes 1 to max_calls=, which is 1000", {"calls": 1001}),
        ("parallel= cannot be 9: it takes 1 to max_parallel=, which is 8", {"parallel": 9}),
    ],
)
def test_pace_refuses(text, numbers):
    """Numbers out of range are told with the range."""
    with pytest.raises(ValueError, match=f"^{text}$"):
        _pace(**numbers)


@pytest.mark.parametrize(
    ("calls", "parallel", "numbers"),
    [
        (50, 2, {}),
        (7, 1, {"max_calls": 7, "max_parallel": 1}),
        (1000, 8, {"calls": 1000, "parallel": 8}),
        (1000, 2, {"calls": 1000}),
    ],
)
def test_pace_starts(calls, parallel, numbers):
    """It starts with little, at once, unless the user fixes a number."""
    pace = _pace(**numbers)
    assert (calls, parallel, -math.inf) == (pace.calls, pace.parallel, pace.resumes)


@pytest.mark.parametrize(
    "limits", [(), (Crowd(1),), (Size(300),), (Bucket(100, 2),)], ids=["none", "crowd", "size", "bucket"]
)
def test_pace_keeps_what_the_user_fixed(limits):
    """A number that the user gave is never changed, whatever happens; the other one is found."""
    for fixed in ({"calls": 250}, {"parallel": 4}, {"calls": 250, "parallel": 4}):
        pace = _pace(**fixed)
        seen = []

        def look(_server, pace=pace, seen=seen):
            seen.append((pace.calls, pace.parallel))

        Stream(pace, Server(_SESSION, *limits), 50_000).run(changes=[(step / 50, look) for step in range(50)])
        sizes, lanes = zip(*seen, strict=True)
        assert "calls" not in fixed or {250} == {*sizes}
        assert "parallel" not in fixed or {4} == {*lanes}


def _answer(pace, now, seconds=0.1, *, calls=None, under_way=None):
    pace.answered(now, calls=calls or pace.calls, seconds=seconds, under_way=under_way or pace.parallel)


def test_pace_pauses_as_long_as_it_is_told():
    """Nothing is to be sent until the pause is over that the server asked for. What had left before is no news."""
    pace = _pace()
    pace.refused(10.0, calls=50, status=503, pause=3.0)
    assert (13.0, 1) == (pace.resumes, pace.parallel)
    pace.refused(10.1, calls=50, status=503, pause=None)
    assert (13.0, 1) == (pace.resumes, pace.parallel)
    pace.refused(10.2, calls=50, status=503, pause=4.0)
    assert (14.2, 1) == (pace.resumes, pace.parallel)


def test_pace_pauses_longer_and_longer():
    """A server that does not say when is asked again after a request's time, then twice that, at most every five seconds."""
    pace = _pace(calls=50, parallel=1)
    _answer(pace, 1.0, 0.25)
    pauses = []
    now = 1.0
    for _ in range(8):
        pace.refused(now, calls=50, status=429, pause=None)
        pauses.append(pace.resumes - now)
        now = pace.resumes
    assert pytest.approx([0.25, 0.5, 1, 2, 4, 5, 5, 5]) == pauses
    _answer(pace, now + 0.25, 0.25)
    pace.refused(now + 1, calls=50, status=429, pause=-1.0)
    assert now + 1 == pace.resumes


def test_pace_has_less_under_way_where_a_crowd_is_refused():
    """Refused for too many at once (503), half as many go on; later one more at a time is tried."""
    pace = _pace(calls=100, max_parallel=8)
    pace._setting = pace._setting._replace(parallel=8)
    seen = []
    now = 0.0
    for step in range(400):
        now += 0.1
        if pace.parallel > 5:
            pace.refused(now, calls=100, status=503, pause=0.0)
        else:
            _answer(pace, now, 0.1)
        if step == 0 or pace.parallel != seen[-1]:
            seen.append(pace.parallel)
    assert [4, 5, 6] == seen[:3]


def test_pace_halves_what_was_too_large():
    """After 413 requests have half as many calls; a single call that is too large says nothing of the others."""
    pace = _pace()
    for _ in range(3):
        pace.refused(0.0, calls=pace.calls, status=413, pause=None)
    assert (6, -math.inf) == (pace.calls, pace.resumes)
    pace.refused(0.0, calls=1, status=413, pause=None)
    assert 6 == pace.calls


def test_pace_takes_back_what_an_answer_disproves():
    """A larger request that was answered shows that its size was not the reason of a refusal."""
    pace = _pace()
    _answer(pace, 0.1)
    assert 100 == pace.calls
    pace.refused(0.2, calls=100, status=429, pause=1.0)
    assert 50 == pace.calls
    _answer(pace, 0.3, 0.2, calls=100)
    assert 100 == pace.calls


def test_pace_gives_up_a_trial_that_nothing_shows():
    """If there is too little to send, nobody can tell whether another setting is better: it is dropped for a while."""
    pace = _pace()
    _answer(pace, 0.1)
    assert 100 == pace.calls
    for step in range(2, 40):
        _answer(pace, step / 10, under_way=1)
    assert 50 == pace.calls


def test_pace_never_grows():
    """It takes no more memory after many answers than after a few."""
    pace = _pace()
    Stream(pace, _limited(_LISTED, Bucket, 40, 5)(), 20_000).run()
    few = len(pickle.dumps(pace))
    Stream(pace, _limited(_LISTED, Crowd, 2)(), 200_000).run()
    assert few * 1.2 > len(pickle.dumps(pace))


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 413, 429, 503]),
        st.floats(0, 100),  # seconds until it happens
        st.floats(0, 1000),  # seconds that the request took
        st.integers(1, 1200),
        st.integers(1, 20),
        st.none() | st.floats(-1, 100),
    ),
    max_size=80,
)


@given(st.integers(1, 1000), st.integers(1, 16), st.none() | st.just(1), st.none() | st.just(1), _EVENTS)
def test_pace_survives_whatever_happens(max_calls, max_parallel, calls, parallel, events):
    """Whatever a server does, the numbers stay in their ranges, and the time to resume never goes back."""
    pace = Pace(max_calls=max_calls, max_parallel=max_parallel, calls=calls, parallel=parallel)
    now = 0.0
    for status, later, seconds, number, under_way, pause in events:
        now += later
        before = pace.resumes
        if status:
            pace.refused(now, calls=number, status=status, pause=pause)
        else:
            pace.answered(now, calls=number, seconds=seconds, under_way=under_way)
        assert 1 <= pace.calls <= max_calls
        assert 1 <= pace.parallel <= max_parallel
        assert before <= pace.resumes < now + 101
        assert isinstance(pace.calls, int)
        assert isinstance(pace.parallel, int)
