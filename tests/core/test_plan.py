"""Which calls travel together."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core.plan import Explanation, Planned, PlannedRequest, stages


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
