"""What goes into one request."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aioliferay._core import codec
from aioliferay._core.messages import Command
from aioliferay._core.packing import BatchLimits, Nested, Room, is_one, waves


class _Load(NamedTuple):
    sizes: list[int]
    are_reads: list[bool]
    room: Room
    nests: dict[int, Nested]

    def waves(self):
        return waves(*self)

    def requests(self):
        return [request for wave in self.waves() for request in wave]

    def calls(self, places):
        """Return how many calls have their results in the statements."""
        return sum(nest.calls if (nest := self.nests.get(place)) else 1 for place in places)

    def nested(self, places):
        return sum(self.nests[place].size for place in places if place in self.nests)

    def units(self, places):
        """Return the statements, those that are glued to the one before together with it."""
        starts = [place for place in places if place not in self.nests or not self.nests[place].is_glued]
        return [range(*pair) for pair in pairwise([*starts, places.stop])]

    def is_mixed(self, places):
        """Tell whether a nest stands with a write outside of it."""
        writes = [place for place in places if not self.are_reads[place]]
        nests = [place for place in places if place in self.nests]
        return any(write != nest for write in writes for nest in nests)

    def has_both(self, places):
        """Tell whether reads and writes stand together."""
        return len({self.are_reads[place] for place in places}) > 1

    def fits(self, places):
        body = codec.encode([Command("/x/y", b"s" * self.sizes[place], None, (), is_read=True) for place in places])
        return len(body) <= self.room.max_bytes and self.nested(places) <= self.room.max_nested


@st.composite
def loads(draw):
    """Draw the sizes of some statements, which of them read, which are nests (never too large), and limits."""
    calls, nested = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    sizes = draw(st.lists(st.integers(10, 120), max_size=20))
    reads = draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    nests = {}
    for place in draw(st.lists(st.integers(0, len(sizes) - 1), unique=True).map(sorted)) if sizes else ():
        can_be_glued = place > 0 and place - 1 not in nests and reads[place - 1] and reads[place]
        size, brought = draw(st.integers(1, nested)), draw(st.integers(1, nested + 1))
        nests[place] = Nested(size, brought, can_be_glued and draw(st.booleans()))
    size = draw(st.just(1000) | st.integers(1, 300))
    alone, apart = draw(st.booleans()), draw(st.booleans())
    room = Room(max_calls=calls, max_bytes=size, max_nested=nested, are_writes_alone=alone, are_kinds_apart=apart)
    return _Load(sizes, reads, room, nests)


@given(loads())
def test_waves_hold_each_statement_once_in_order(load):
    """However a batch is cut, every statement is sent once and in order, and no wave or request is empty."""
    assert list(range(len(load.sizes))) == [place for request in load.requests() for place in request]
    assert all(wave and all(wave) for wave in load.waves())


@given(loads())
def test_waves_keep_the_limits(load):
    """No request has more bytes or nested calls than allowed, unless one statement is too large by itself."""
    assert all(load.fits(request) or len(load.units(request)) == 1 for request in load.requests())


@given(loads())
@example(_Load([10, 10], [True, True], Room(max_calls=2, max_bytes=1000, max_nested=1), {0: Nested(1, 2, is_glued=False)}))
def test_waves_keep_the_limit_of_calls(load):
    """No request brings the results of more calls than allowed, unless one statement does so by itself."""
    requests = [request for request in load.requests() if len(load.units(request)) > 1]
    assert all(load.calls(request) <= load.room.max_calls for request in requests)


@given(loads())
def test_waves_keep_nests_with_their_statement(load):
    """A nest whose outermost result is a statement of its own stays with that, whatever the limits."""
    assert all(request.start not in load.nests or not load.nests[request.start].is_glued for request in load.requests())


@given(loads())
def test_waves_in_parallel_only_read(load):
    """Requests go in parallel only if they only read; two waves in a row never could have been one."""
    only_reads = [all(load.are_reads[place] for request in wave for place in request) for wave in load.waves()]
    assert all(is_reading or len(wave) == 1 for wave, is_reading in zip(load.waves(), only_reads, strict=True))
    assert not any(first and second for first, second in pairwise(only_reads))


@given(loads())
def test_waves_with_writes_alone_never_mix(load):
    """With writes alone a write shares its request with nothing; without, requests are as few as call order allows."""
    if load.room.are_writes_alone:
        assert all(len(request) == 1 or all(load.are_reads[place] for place in request) for request in load.requests())
        return
    for first, second in pairwise(load.requests()):
        joined = range(first.start, load.units(second)[0].stop)
        is_apart = load.room.are_kinds_apart and load.has_both(joined)
        assert not load.fits(joined) or load.calls(joined) > load.room.max_calls or load.is_mixed(joined) or is_apart


@given(loads())
def test_waves_with_kinds_apart_never_mix(load):
    """With kinds apart, no request has reads and writes, whatever is nested or glued."""
    assert not (load.room.are_kinds_apart and any(load.has_both(request) for request in load.requests()))


@given(loads())
def test_waves_keep_nests_from_writes(load):
    """No request has a nest and a write outside of it: if the nest is refused, nobody knows whether the write ran."""
    assert not any(load.is_mixed(request) for request in load.requests())


@pytest.mark.parametrize(
    ("kinds", "are_writes_alone", "expected"),
    [
        ("", False, []),
        ("rrwr", False, [["rrw"], ["r"]]),
        ("rrrrrrr", False, [["rrr", "rrr", "r"]]),
        ("rrrrwrrrr", False, [["rrr"], ["rwr"], ["rrr"]]),
        ("rrrrwwrr", True, [["rrr", "r"], ["w"], ["w"], ["rr"]]),
        ("wrw", True, [["w"], ["r"], ["w"]]),
    ],
)
def test_waves_examples(kinds, are_writes_alone, expected):
    """Reads go side by side; what comes after a write waits for it."""
    room = Room(max_calls=3, max_bytes=1000, are_writes_alone=are_writes_alone)
    planned = waves([10] * len(kinds), [kind == "r" for kind in kinds], room)
    assert expected == [["".join(kinds[place] for place in request) for request in wave] for wave in planned]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("rrrrr", [["rrr", "rr"]]),
        ("rrwwr", [["rr"], ["ww"], ["r"]]),
        ("wrrrrw", [["w"], ["rrr", "r"], ["w"]]),
        ("wwwww", [["www"], ["ww"]]),
    ],
)
def test_waves_examples_with_kinds_apart(kinds, expected):
    """Writes still share requests with one another, and so do reads."""
    room = Room(max_calls=3, max_bytes=1000, are_kinds_apart=True)
    planned = waves([10] * len(kinds), [kind == "r" for kind in kinds], room)
    assert expected == [["".join(kinds[place] for place in request) for request in wave] for wave in planned]


def test_waves_fill_a_request_to_the_last_byte():
    """A body of exactly the limit is one request; one byte less allowed makes it two."""
    for most, expected in ((64, [[range(3)]]), (63, [[range(2), range(2, 3)]])):
        assert expected == waves([10, 20, 30], [True] * 3, Room(max_calls=9, max_bytes=most))


def test_waves_look_at_each_size_once():
    """Planning is linear: however small the requests become, each statement's size is looked at once."""

    class Counting(list[int]):
        looks = 0

        def __iter__(self):
            for size in super().__iter__():
                self.looks += 1
                yield size

        def __getitem__(self, place):
            self.looks += 1
            return super().__getitem__(place)

    sizes = Counting([10] * 1000)
    waves(sizes, [True] * 1000, Room(max_calls=2, max_bytes=1_000_000))
    assert 1000 == sizes.looks


def test_limits_by_default():
    """A batch is cut at 500 calls, 50 nested ones or 1 MiB, four requests go at once, an answer is read up to 32 MiB."""
    limits = BatchLimits()
    assert (500, 2**20, 50) == (limits.max_calls, limits.max_bytes, limits.max_nested)
    assert (4, 2**25) == (limits.max_parallel, limits.max_answer_bytes)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("max_calls", 1), ("max_bytes", 1), ("max_parallel", 1), ("max_answer_bytes", 1), ("max_nested", 0),
        ("isolation_requests", 0), ("isolation_seconds", 0),
    ],
)  # fmt: skip
def test_limits_out_of_range(name, least):
    """A limit that nothing could keep is refused with its name; none may be nested, and nothing spent on isolation."""
    assert least == getattr(BatchLimits(**{name: least}), name)
    for value in (least - 1, float("nan")):
        with pytest.raises(ValueError, match=f"{name}= cannot be {value}: it takes {least} or more"):
            BatchLimits(**{name: value})


@given(
    st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=9),
    st.builds(
        Room,
        max_calls=st.integers(1, 9),
        max_bytes=st.integers(1, 60),
        are_writes_alone=st.booleans(),
        are_kinds_apart=st.booleans(),
    ),
)
def test_one_request_is_known_beforehand(statements, room):
    """Whether statements go in one request is told without packing them, and as packing does; a giant is packed."""
    sizes, are_reads = [size for size, _ in statements], [is_read for _, is_read in statements]
    packed = [request for wave in waves(sizes, are_reads, room) for request in wave]
    is_giant = len(sizes) == 1 and sizes[0] + 2 > room.max_bytes
    # A write alone is one request, too: that is told only of reads, as there is no use in it.
    is_lone_write = room.are_writes_alone and are_reads == [False]
    assert (len(packed) == 1 and not is_giant and not is_lone_write) == is_one(sizes, room, lambda: set(are_reads))
