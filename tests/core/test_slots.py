"""How many batches of an automatic batch are in flight, and whether the next one waits longer, by what requests take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core.slots import Load, Slots


def told(*seconds):
    """Return slots that have learnt from requests."""
    slots = Slots(4, 8)
    for each in seconds:
        slots.note(each, is_alone=False)
    return slots


@pytest.mark.parametrize(
    ("seconds", "count"),
    [
        ([], 4),
        ([0.02] * 3, 4),  # too few to tell
        ([0.02] * 4, 8),
        ([0.02, 0.025, 0.022, 0.027, 0.021], 8),
        ([0.001] * 16, 4),  # near
        ([0.11, 0.22, 0.22, 0.22, 0.22], 4),  # two processors, four requests at once
        ([0.02] * 8 + [0.5] * 3, 8),  # a few that are slow do not matter
        ([0.02] * 8 + [0.5] * 16, 4),
        ([0.02] * 8 + [0.5] * 16 + [0.02] * 9, 8),
    ],
)
def test_count(seconds, count):
    """More batches are in flight while requests take long, but hardly longer than the fastest one."""
    assert count == told(*seconds).count


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([], False), ([0.009], True), ([0.01], False), ([0.02, 0.004, 0.02], True), ([0.004] + [0.02] * 16, False)],
)
def test_near(seconds, expected):
    """A portal is near if one of the last answers came within 10 ms: the others may have waited for each other."""
    assert told(*seconds).is_near is expected


def test_a_busy_portal():
    """A portal that needs 110 ms of one of two processors for each request never sees eight at once."""
    slots, counts = told(0.11), []
    for _ in range(400):
        counts.append(slots.count)
        slots.note(0.11 * max(1.0, slots.count / 2), is_alone=False)
    assert {4} == {*counts}


def test_a_way_that_became_longer():
    """A request that is alone in flight tells anew what it takes at least: a portal may have moved farther away."""
    slots = told(*[0.02] * 20, *[0.06] * 16)
    assert slots.count == 4
    slots.note(0.06, is_alone=True)
    assert slots.count == 8


@given(st.lists(st.floats(0, 100), max_size=40), st.integers(1, 9))
def test_limits_of_the_user(seconds, limit):
    """Where a user has set a limit, it is that, whatever requests take."""
    slots = Slots(limit, limit)
    for each in seconds:
        slots.note(each, is_alone=True)
        assert limit == slots.count


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0] * 8, [False] * 8),  # the first answer only starts the clocks
        ([1.0] * 9, [False] * 8 + [True]),
        ([0.94] * 20, [False] * 20),
        ([0.96] * 20, [False] * 8 + [True] * 12),
        ([1.0] * 9 + [0.81] * 20, [False] * 8 + [True] * 21),  # few requests leave a thread a little time
        ([1.0] * 9 + [0.5] * 4, [False] * 8 + [True] * 4 + [False]),
        ([1.0] * 9 + [0.5] * 8 + [0.9] * 20, [False] * 8 + [True] * 4 + [False] * 25),
        ([0.0] * 30, [False] * 30),
    ],
)
def test_load(shares, expected):
    """A thread takes the time if it was at work nearly always from answer to answer; then until it has a fifth left."""
    load, worked, told = Load(), 5.0, []
    for position, share in enumerate(shares):
        worked += 0.003 * share
        load.note(100 + 0.003 * position, worked)
        told.append(load.is_full)
    assert expected == told


def test_load_after_a_pause():
    """One answer after a long pause shows that the thread has time."""
    load = Load()
    for position in range(9):
        load.note(position, position)
    assert load.is_full
    load.note(60.0, 9.0)
    assert not load.is_full
