"""Which calls travel together."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aioliferay._core.packing import Nested, Room, waves
from aioliferay._core.plan import Need, Nest, Plan, Planned, plan

_SOMETIMES = st.sampled_from([False, False, False, True])
_LEVELS = st.sampled_from([40, 40, 40, 2, 1, 0])
_MOSTLY = st.sampled_from([True, True, True, False])


def _call(*needs, **options):
    return Planned(tuple(need if isinstance(need, Need) else Need(need) for need in needs), **options)


def _write(*needs, **options):
    return _call(*needs, is_read=False, **options)


@st.composite
def plans(draw, *, reads_only=False):
    """Draw calls whose parents were all made before them, often just before."""
    calls = []
    for position in range(draw(st.integers(0, 12))):
        earlier = st.just(position - 1) | st.integers(0, position - 1) if position else st.nothing()
        parents = sorted(draw(st.sets(earlier, max_size=3))) if position else []
        needs = tuple(Need(parent, draw(_SOMETIMES), draw(_MOSTLY)) for parent in parents)
        is_read = reads_only or draw(st.booleans())
        is_host, elements = draw(_MOSTLY), draw(st.sampled_from([1, 1, 2, 4, 1000]))
        calls.append(Planned(needs, is_read, draw(st.booleans()), is_host, draw(_MOSTLY), draw(_LEVELS), elements))
    return calls


_ROOMS = st.sampled_from([0, 1, 2, 3, 5, 50])


class _Run(NamedTuple):
    """One execution of a call at the portal: its stage and statement, and the nodes of its nest from the outermost to it."""

    call: int
    place: tuple[int, int]
    chain: tuple

    @property
    def is_shown(self):
        return not self.chain or self.chain[-1].is_shown

    def is_before(self, other):
        """Tell whether it is sure to end before another begins: siblings in a nest run in any order."""
        if self.place != other.place:
            return self.place < other.place
        return len(self.chain) < len(other.chain) and self.chain == other.chain[: len(self.chain)]


def _runs(planned):
    runs = []
    for number, stage in enumerate(planned.stages):
        for place, entry in enumerate(stage):
            todo = [(entry.root,)] if isinstance(entry, Nest) else []
            if isinstance(entry, int):
                runs.append(_Run(entry, (number, place), ()))
            while todo:
                chain = todo.pop()
                runs.append(_Run(chain[-1].call, (number, place), chain))
                todo += [(*chain, child) for child in chain[-1].children]
    return runs


def _stage_of(planned):
    return {run.call: run.place[0] for run in _runs(planned) if run.is_shown}


def _nests(planned):
    return [entry for stage in planned.stages for entry in stage if isinstance(entry, Nest)]


def _drawn(node):
    """Show a statement of a nest: its call, in brackets if it is run only for those in it, a star if it runs per element."""
    text = f"{node.call}" if node.is_shown else f"({node.call})"
    inner = f"[{' '.join(map(_drawn, node.children))}]" if node.children else ""
    return text + "*" * node.is_fan + inner


def _shown(planned):
    return [
        " ".join(f"{entry}" if isinstance(entry, int) else _drawn(entry.root) for entry in stage) for stage in planned.stages
    ]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], []),
        ([_call()], [[0]]),
        ([_write(), _write(), _write()], [[0, 1, 2]]),
        ([_call(), _call(0), _call(1)], [[0], [1], [2]]),
        ([_call(), _call(0), _call(), _call(2)], [[0, 2], [1, 3]]),
        ([_call(), _call(0), _write(), _call()], [[0], [1, 2, 3]]),
        ([_call(), _write(0), _write(), _call(), _write(3)], [[0], [1, 2, 3], [4]]),
    ],
)
def test_plan_staged(calls, expected):
    """Independent calls share a stage; a dependent one waits; a write pulls what follows behind it."""
    assert expected == plan(calls).stages
    assert (0, 0) == (plan(calls).nested, plan(calls).saved)


_LISTED = {"is_selected": True}
_FAN = _call(Need(0, is_each=True))


@pytest.mark.parametrize(
    ("calls", "max_nested", "expected"),
    [
        ([_call(**_LISTED), _call(0)], 50, ["0[1]"]),
        ([_call(), _call(0)], 50, ["0 (0)[1]"]),
        ([_call(), _call(0), _call(), _call(0)], 50, ["0 (0)[1 3] 2"]),
        ([_call(**_LISTED), _call(0, **_LISTED), _call(1), _call(1)], 50, ["0[1[2 3]]"]),
        ([_call(**_LISTED), _call(0), _call(1), _call(1)], 50, ["0[1 (1)[2 3]]"]),
        ([_call(**_LISTED), _call(0), _call(1, 0)], 50, ["0[1 (1)[2]]"]),
        ([_call(**_LISTED), _call(Need(0, is_each=True))], 50, ["0[1*]"]),
        ([_write(**_LISTED), _write(0, **_LISTED), _call(1, 0)], 50, ["0[1[2]]"]),
        ([_write(**_LISTED), _call(0), _call(0)], 50, ["0[1 2]"]),
        ([_write(**_LISTED), _call(0), _call(1)], 50, ["0[1 (1)[2]]"]),
        ([_write(**_LISTED), _call(0, **_LISTED), _call(1)], 50, ["0[1[2]]"]),
        ([_call(can_nest=False, **_LISTED), _call(0)], 50, ["0[1]"]),
        ([_call(**_LISTED), _call(0), _call(0)], 1, ["0[1]", "2"]),
        ([_call(elements=4, **_LISTED), _FAN, _call(0), _call(0)], 5, ["0[1* 2]", "3"]),
        ([_call(elements=4, **_LISTED), _FAN], 3, ["0", "1"]),
        ([_call(), _call(0), _call(1)], 2, ["0 (0)[1]", "2"]),
        ([_call(), _call(0), _call(1)], 3, ["0 (0)[1 (1)[2]]"]),
        ([_call(), _call(), _call(0, 1), _call(2)], 50, ["0 1", "2 (2)[3]"]),
        ([_call(), _call(0, can_nest=False), _call(), _call(1, 2)], 50, ["0 2", "1 (1)[3]"]),
        ([_call(), _call(0, can_nest=False), _call(1, 0)], 50, ["0", "1 (1)[2]"]),
        ([_call(), _call(Need(0, can_nest=False)), _call(1, Need(0, can_nest=False))], 50, ["0", "1 (1)[2]"]),
    ],
)
def test_plan_nested(calls, max_nested, expected):
    """A call is nested under its parent; one that is wanted in full runs a second time; what a nest cannot hold waits."""
    assert expected == _shown(plan(calls, max_nested))


@pytest.mark.parametrize(
    ("calls", "max_nested", "reason"),
    [
        ([_call(), _call(0)], 0, "it needs a result"),
        ([_call(can_host=False), _call(0)], 9, "the call that it needs may have no result, or has parameters"),
        ([_call(), _call(0, can_nest=False)], 9, "it has parameters with which it cannot be nested"),
        ([_call(), _call(0, deepest=0)], 9, "so deep in a nest its result would get lost"),
        ([_write(), _call(0)], 9, "the write that it needs is not sent twice, and has no select="),
        ([_call(**_LISTED), _write(0)], 9, "a write gets the results of reads in a later request"),
        ([_write(**_LISTED), _write(Need(0, is_each=True))], 9, "a write for each element waits for the list"),
        ([_write(**_LISTED), _call(), _write(0)], 9, "calls keep their order about a write"),
        ([_call(), _call(Need(0, can_nest=False))], 9, "the portal cannot hand over such a property as it is alone"),
        ([_call(), _call(0), _call(Need(0, is_each=True), 1)], 9, "it runs for each element of a list, and needs another"),
        ([_call(), _FAN, _call(1)], 9, "the call that it needs runs for each element of a list"),
        ([_call(), _call(0), _call(1)], 2, "a request has at most 2 nested calls (max_nested=)"),
        ([_call(), _call(), _call(0, 1)], 9, "it needs results of calls that are not nested in one another"),
        ([_call(), _write(), _call(0)], 9, "calls keep their order about a write"),
        ([_write(**_LISTED), _write(0), _call(0)], 9, "calls keep their order about a write"),
        ([_call(), _call(0, can_nest=False), _write()], 9, "calls keep their order about a write"),
    ],
)
def test_plan_reasons(calls, max_nested, reason):
    """Whatever keeps a call from the first stage is told."""
    planned = plan(calls, max_nested)
    assert planned.reasons[len(calls) - 1].startswith(reason)
    assert len(calls) - 1 not in [run.call for run in _runs(planned) if len(run.chain) > 1]


@given(plans(), _ROOMS)
def test_plan_shows_each_call_once(calls, max_nested):
    """The result of every call is brought once; within a stage call order is kept; no stage is empty."""
    planned = plan(calls, max_nested)
    assert list(range(len(calls))) == sorted(run.call for run in _runs(planned) if run.is_shown)
    outermost = [[entry if isinstance(entry, int) else entry.root.call for entry in stage] for stage in planned.stages]
    assert all(stage and stage == sorted(stage) for stage in outermost)
    for nest in _nests(planned):
        runs = [run for run in _runs(planned) if run.chain and run.chain[0] is nest.root]
        assert sorted(run.call for run in runs if run.is_shown) == sorted(nest.root.calls())


@given(plans(), _ROOMS)
def test_plan_has_what_a_call_needs(calls, max_nested):
    """The results that a call needs are those of an earlier stage, or of the statements that it stands in."""
    planned = plan(calls, max_nested)
    stage_of = _stage_of(planned)
    for run in _runs(planned):
        above = {node.call for node in run.chain[:-1]}
        inside = [need for need in calls[run.call].needs if stage_of[need.parent] >= run.place[0]]
        assert all(need.parent in above and need.can_nest for need in inside)
        assert all(need.parent == run.chain[-2].call for need in inside if need.is_each)
        assert all(calls[run.call].can_nest and calls[node.call].can_host for node in run.chain[:-1])
        assert (
            not run.chain
            or len(run.chain) - 1 == run.chain[-1].depth <= (0, calls[run.call].deepest)[run.is_shown]
            or not run.is_shown
        )


@given(plans(), _ROOMS)
def test_plan_nests_nothing_below_a_fan(calls, max_nested):
    """A call that runs for each element says so, and nothing is nested in it."""
    for run in _runs(plan(calls, max_nested)):
        if run.chain[1:]:
            node = run.chain[-1]
            assert node.is_fan == any(need.is_each for need in calls[run.call].needs)
            assert node.parent is run.chain[-2]
            assert not (node.is_fan and node.children)


def test_plan_nests_nothing_below_a_fan_that_could_host():
    """Nothing is nested below a nested fan whoever says that it could host."""
    assert ["0 (0)[1*]", "2"] == _shown(plan([_call(), _FAN, _call(1)], 9))


@given(plans(), _ROOMS)
def test_plan_keeps_the_order_about_writes(calls, max_nested):
    """A write runs once, after everything made before it and before everything made after it, nests and all."""
    runs = _runs(plan(calls, max_nested))
    for position, call in enumerate(calls):
        if call.is_read:
            continue
        (own,) = [run for run in runs if run.call == position]
        assert all(run.is_before(own) for run in runs if run.call < position)
        assert all(own.is_before(run) for run in runs if run.call > position)
        assert all(not calls[node.call].is_read for node in own.chain)


@given(plans(), _ROOMS)
def test_plan_hides_only_what_runs_twice(calls, max_nested):
    """What hosts others is white-listed: where the full result is wanted it runs again, just after it or beside it."""
    planned = plan(calls, max_nested)
    runs = _runs(planned)
    for run in runs:
        if run.chain and run.chain[-1].children:
            assert calls[run.call].is_selected == run.is_shown
        if not run.is_shown:
            (shown,) = [other for other in runs if other.is_shown and other.call == run.call]
            assert run.chain[-1].children
            assert not run.chain[-1].is_fan
            stage, place = run.place
            assert shown.place == ((stage, place) if run.chain[1:] else (stage, place - 1))


@given(plans(), _ROOMS)
def test_plan_keeps_nests_small(calls, max_nested):
    """No nest runs more than `max_nested` calls in its outermost, as far as lists are known; each has its own number."""
    planned = plan(calls, max_nested)
    for nest in _nests(planned):
        inside = [run.chain[-1] for run in _runs(planned) if run.chain[1:] and run.chain[0] is nest.root]
        assert sum(calls[node.parent.call].elements if node.is_fan else 1 for node in inside) == nest.size
        assert 1 <= nest.size <= max_nested
    assert sum(nest.size for nest in _nests(planned)) == planned.nested
    numbers = [run.chain[-1].number for run in _runs(planned) if run.chain]
    assert len(numbers) == len(set(numbers))


def _requests(stage, calls):
    """Return how many requests a stage takes if nothing is too large for one."""
    nests = {place: Nested(1, 1, is_glued=False) for place, entry in enumerate(stage) if isinstance(entry, Nest)}
    reads = [calls[entry if isinstance(entry, int) else entry.root.call].is_read for entry in stage]
    return sum(map(len, waves([1] * len(stage), reads, Room(max_calls=999, max_bytes=999, max_nested=999), nests)))


@given(plans(), _ROOMS)
def test_plan_nested_takes_no_more_stages(calls, max_nested):
    """Nesting never takes more stages, and tells how many requests it saves."""
    staged, nested = plan(calls), plan(calls, max_nested)
    assert all(_stage_of(nested)[position] <= stage for position, stage in _stage_of(staged).items())
    assert (
        len(staged.stages) - sum(_requests(stage, calls) for stage in nested.stages) if nested.nested else 0
    ) == nested.saved


@given(plans(), _ROOMS)
def test_plan_tells_why_a_call_waits(calls, max_nested):
    """There is a reason for each call that is a statement of its own in a later stage, and for no other."""
    planned = plan(calls, max_nested)
    late = {run.call for run in _runs(planned) if run.place[0] and not run.chain[1:]}
    assert late == planned.reasons.keys()
    assert all(planned.reasons.values())


@given(plans(reads_only=True))
def test_plan_staged_reads_take_as_few_stages_as_the_depth(calls):
    """Reads take exactly as many requests as the longest chain of references has links."""
    depths = []
    for planned in calls:
        depths.append(max((depths[need.parent] + 1 for need in planned.needs), default=1))
    assert max(depths, default=0) == len(plan(calls).stages)


@given(plans(), _ROOMS)
def test_plan_of_independent_calls_is_one_stage(calls, max_nested):
    """Without references everything travels in one request, whatever is read or written."""
    free = [call._replace(needs=()) for call in calls]
    assert ([list(range(len(free)))] if free else []) == plan(free, max_nested).stages


@given(plans(), _ROOMS, st.data())
def test_plan_refuses_a_cycle(calls, max_nested, data):
    """A call that needs itself or a later one could never be sent."""
    assume(calls)
    position = data.draw(st.integers(0, len(calls) - 1))
    needed = data.draw(st.integers(position, len(calls)))
    calls[position] = calls[position]._replace(needs=(*calls[position].needs, Need(needed)))
    with pytest.raises(ValueError, match=f"call {position} needs the result of call {needed}, which is not made before it"):
        plan(calls, max_nested)


@pytest.mark.parametrize(
    "call",
    [
        lambda _: _call(),
        lambda position: _call(*range(position)[-1:], **_LISTED),
        lambda position: _call(*range(position)[-1:]),
        lambda position: _call(*range(position)[:1]),
        lambda position: _call(*{*range(position)[:1], *range(position)[-1:]}, **_LISTED),
        lambda position: _call(*range(position)[-40:], **_LISTED),
        lambda position: _write(*range(position)[-1:], **_LISTED),
        lambda position: (_write if position % 9 == 0 else _call)(*range(position)[-1:], **_LISTED),
    ],
    ids=["free", "chain", "chain-in-full", "star", "chain-and-first", "ladder", "writes", "mixed"],
)
@pytest.mark.parametrize("max_nested", [0, 50])
def test_plan_is_linear(call, max_nested):
    """Ten times the calls take ten times the steps, whatever depends on what."""
    few, many = (_steps([call(position) for position in range(count)], max_nested) for count in (500, 5000))
    assert many <= 10.5 * few


def _steps(calls, max_nested):
    """Return how many functions run to plan the calls, Python's own among them."""
    steps = 0

    def count(_, event, __):
        nonlocal steps
        steps += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        plan(calls, max_nested)
    finally:
        sys.setprofile(before)
    return steps


@pytest.mark.parametrize(
    ("nested", "max_nested", "milliseconds"), [(0, 0, 0), (1, 50, 0.36), (10, 50, 4.05), (50, 50, 31.25), (120, 50, 71.7)]
)
def test_plan_seconds(nested, max_nested, milliseconds):
    """A portal's time for nests grows faster than their number within a request, and evenly with the requests."""
    assert pytest.approx(milliseconds / 1000, abs=0.0001) == Plan([], {}, nested).seconds(max_nested)
