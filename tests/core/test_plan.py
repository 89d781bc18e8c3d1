"""Which calls travel together."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core import codec
from aioliferay._core.messages import Command
from aioliferay._core.plan import BatchLimits, Explanation, Planned, PlannedRequest, stages, waves


def _read(*parents):
    return Planned(parents, is_read=True)


def _write(*parents):
    return Planned(parents, is_read=False)


@st.composite
def plans(draw, *, reads_only=False):
    """Draw calls whose parents were all made before them."""
    calls = []
    for position in range(draw(st.integers(0, 12))):
        earlier = st.integers(0, position - 1) if position else st.nothing()
        parents = tuple(sorted(draw(st.sets(earlier, max_size=3)))) if position else ()
        calls.append(Planned(parents, is_read=reads_only or draw(st.booleans())))
    return calls


def _stage_of(calls):
    return {position: number for number, stage in enumerate(stages(calls)) for position in stage}


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], []),
        ([_read()], [[0]]),
        ([_write(), _write(), _write()], [[0, 1, 2]]),
        ([_read(), _read(0), _read(1)], [[0], [1], [2]]),
        ([_read(), _read(0), _read(), _read(2)], [[0, 2], [1, 3]]),
        ([_read(), _read(0), _write(), _read()], [[0], [1, 2, 3]]),
        ([_read(), _write(0), _write(), _read(), _write(3)], [[0], [1, 2, 3], [4]]),
    ],
)
def test_stages_examples(calls, expected):
    """Independent calls share a stage; a dependent one waits; a write pulls what follows behind it."""
    assert expected == stages(calls)


@given(plans())
def test_stages_hold_each_call_once(calls):
    """Every call is sent, and none twice; within a stage call order is kept; no stage is empty."""
    planned = stages(calls)
    assert list(range(len(calls))) == sorted(position for stage in planned for position in stage)
    assert all(stage and stage == sorted(stage) for stage in planned)


@given(plans())
def test_stages_send_parents_earlier(calls):
    """A call is sent in a later stage than every call whose result it needs."""
    stage_of = _stage_of(calls)
    for position, planned in enumerate(calls):
        assert all(stage_of[parent] < stage_of[position] for parent in planned.parents)


@given(plans())
def test_stages_keep_writes_in_place(calls):
    """A write runs after everything made before it, and nothing made after it overtakes it."""
    order = [position for stage in stages(calls) for position in stage]
    rank = {position: place for place, position in enumerate(order)}
    for position, planned in enumerate(calls):
        if not planned.is_read:
            assert all(rank[earlier] < rank[position] for earlier in range(position))
            assert all(rank[position] < rank[later] for later in range(position + 1, len(calls)))


@given(plans(reads_only=True))
def test_stages_of_reads_are_as_few_as_the_depth(calls):
    """Reads take exactly as many requests as the longest chain of references has links."""
    depths = []
    for planned in calls:
        depths.append(max((depths[parent] + 1 for parent in planned.parents), default=1))
    assert max(depths, default=0) == len(stages(calls))


@given(plans())
def test_stages_of_independent_calls_are_one(calls):
    """Without references everything travels in one request, whatever is read or written."""
    free = [Planned((), planned.is_read) for planned in calls]
    assert ([list(range(len(free)))] if free else []) == stages(free)


def test_explanation_of_nothing():
    """An empty batch explains itself, and offers no command line."""
    explanation = Explanation("http://portal.test/api/jsonws/invoke", ())
    assert "nothing is queued: no request would be sent" == str(explanation)
    assert "" == explanation.curl


def test_explanation_lists_requests():
    """The text names each request's calls and size, and ends with a command line."""
    first = PlannedRequest(("/user/get-user-by-id",), b'[{"/user/get-user-by-id":{}}]')
    second = PlannedRequest(("/contact/get-contact", "/group/get-group"), None)
    explanation = Explanation("http://portal.test/api/jsonws/invoke", (first, second))
    assert [
        "2 request(s) to http://portal.test/api/jsonws/invoke",
        "1. 1 calls, 29 bytes",
        "   /user/get-user-by-id",
        "2. 2 calls, size known when results are filled in",
        "   /contact/get-contact",
        "   /group/get-group",
        explanation.curl,
    ] == str(explanation).splitlines()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_explanation_curl_survives_a_shell(text):
    """The command line carries any body unharmed through a shell's quoting, and no credentials."""
    body = json.dumps([{"/x/y": {"text": text}}], ensure_ascii=False).encode()
    words = shlex.split(Explanation("http://portal.test/invoke", (PlannedRequest(("/x/y",), body),)).curl)
    assert ["curl", "-u", "USER", "http://portal.test/invoke"] == words[:4]
    assert body.decode() == words[words.index("--data-binary") + 1]


def test_explanation_curl_of_an_unknown_body():
    """There is no command line for a request whose body is not known yet."""
    assert "" == Explanation("http://portal.test/invoke", (PlannedRequest(("/x/y",), None),)).curl


@st.composite
def loads(draw):
    """Draw the sizes of some calls, which of them read, and limits."""
    sizes = draw(st.lists(st.integers(10, 120), max_size=30))
    are_reads = draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    limits = {
        "max_calls": draw(st.integers(1, 8)),
        "max_bytes": draw(st.integers(1, 300)),
        "are_writes_alone": draw(st.booleans()),
    }
    return sizes, are_reads, limits


def _body_size(sizes, request):
    return len(codec.encode([Command("/x/y", b"s" * sizes[place], None, (), is_read=True) for place in request]))


@given(loads())
def test_waves_hold_each_call_once_in_order(load):
    """However a batch is cut, every call is sent once and in call order, and no wave or request is empty."""
    sizes, are_reads, limits = load
    planned = waves(sizes, are_reads, **limits)
    assert list(range(len(sizes))) == [place for wave in planned for request in wave for place in request]
    assert all(wave and all(wave) for wave in planned)


@given(loads())
def test_waves_keep_the_limits(load):
    """No request has more calls or bytes than allowed, unless a single call is too large by itself."""
    sizes, are_reads, limits = load
    for wave in waves(sizes, are_reads, **limits):
        for request in wave:
            assert len(request) <= limits["max_calls"]
            assert len(request) == 1 or _body_size(sizes, request) <= limits["max_bytes"]


@given(loads())
def test_waves_in_parallel_only_read(load):
    """Requests go in parallel only if they only read; two waves in a row never could have been one."""
    sizes, are_reads, limits = load
    planned = waves(sizes, are_reads, **limits)
    only_reads = [all(are_reads[place] for request in wave for place in request) for wave in planned]
    assert all(is_reading or len(wave) == 1 for wave, is_reading in zip(planned, only_reads, strict=True))
    assert not any(first and second for first, second in pairwise(only_reads))


@given(loads())
def test_waves_with_writes_alone_never_mix(load):
    """With writes alone a write shares its request with nothing; without, requests are as few as call order allows."""
    sizes, are_reads, limits = load
    requests = [request for wave in waves(sizes, are_reads, **limits) for request in wave]
    if limits["are_writes_alone"]:
        assert all(len(request) == 1 or all(are_reads[place] for place in request) for request in requests)
        return
    for first, second in pairwise(requests):
        joined = range(first.start, second.start + 1)
        assert len(joined) > limits["max_calls"] or _body_size(sizes, joined) > limits["max_bytes"]


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
    reads = [kind == "r" for kind in kinds]
    planned = waves([10] * len(kinds), reads, max_calls=3, max_bytes=1000, are_writes_alone=are_writes_alone)
    assert expected == [["".join(kinds[place] for place in request) for request in wave] for wave in planned]


def test_waves_fill_a_request_to_the_last_byte():
    """A body of exactly the limit is one request; one byte less allowed makes it two."""
    exact = _body_size([10, 20, 30], range(3))
    for most, expected in ((exact, [[range(3)]]), (exact - 1, [[range(2), range(2, 3)]])):
        assert expected == waves([10, 20, 30], [True] * 3, max_calls=9, max_bytes=most)


def test_waves_look_at_each_size_once():
    """Planning is linear: however small the requests become, each call's size is looked at once."""

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
    waves(sizes, [True] * 1000, max_calls=2, max_bytes=1_000_000)
    assert 1000 == sizes.looks


def test_limits_by_default():
    """A batch is cut at 500 calls or 1 MiB, four requests go at once, and an answer is read up to 32 MiB."""
    limits = BatchLimits()
    assert (500, 2**20, 4, 2**25) == (limits.max_calls, limits.max_bytes, limits.max_parallel, limits.max_answer_bytes)


@pytest.mark.parametrize(
    "name", ["max_calls", "max_bytes", "max_parallel", "max_answer_bytes", "isolation_requests", "isolation_seconds"]
)
def test_limits_out_of_range(name):
    """A limit that nothing could keep is refused with its name; nothing may be spent on isolation, which turns it off."""
    least = 0 if name.startswith("isolation") else 1
    assert least == getattr(BatchLimits(**{name: least}), name)
    for value in (least - 1, float("nan")):
        with pytest.raises(ValueError, match=f"{name}= cannot be {value}: it takes {least} or more"):
            BatchLimits(**{name: value})
