"""Commands that go together: how large they are, what a pace learns from their requests, and which of them go again."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from aioliferay import BatchLimits, NotSent, StreamCommand
from aioliferay._chunks import Chunk, reopen
from aioliferay._core.messages import NotRun, Ok, Unknown
from aioliferay._core.window import Pace
from aioliferay._drafts import Drafts, drafts_of
from aioliferay._invoker import Posted
from aioliferay._options import Terms
from aioliferay._supply import entry_of
from aioliferay._trip import Trip
from aioliferay.errors import (
    AnswerTooLargeError,
    AuthenticationError,
    ConnectError,
    NoAnswerError,
    ProtocolError,
    ServerError,
)

SITE = ("here.py", 1)
anyio_test = pytest.mark.anyio


def entry(command, returns=Any):
    return entry_of(command, returns, catalog=None, site=SITE)


def drafts(commands):
    found = drafts_of(commands, Any, catalog=None, site=SITE)
    assert found is not None
    return found


def chunk_of(*commands, first=0):
    chunk = Chunk(first)
    for command in commands:
        chunk.add(command, entry(command))
    return chunk


def test_chunk_counts():
    """A chunk knows its positions and bytes, whether it only reads, and leaves out what cannot be sent."""
    chunk = chunk_of("/x/get-it", 7, "/x/get-all", first=40)
    assert range(40, 43) == chunk.places
    assert ["/x/get-it", 7, "/x/get-all"] == chunk.commands
    assert ["/x/get-it", "/x/get-all"] == [call.path for call in chunk.calls]
    assert len(b'{"/x/get-it":{}},{"/x/get-all":{}},') == chunk.length
    assert (True, True) == (chunk.has_calls, chunk.is_reading)
    assert not chunk_of(7).has_calls
    assert not chunk_of("/x/get-it", "/x/update-it").is_reading


@pytest.mark.parametrize("commands", [["/x/get-it"] * 3, ["/x/get-it", "/x/update-it"], []])
def test_chunk_counts_many_as_one_by_one(commands):
    """Calls that are put in together count as much as if they were put in one by one."""
    pairs = [(path, {"value": number}) for number, path in enumerate(commands)]
    many, singly = Chunk(7), chunk_of("/x/get-it", *pairs, first=7)
    many.add("/x/get-it", entry("/x/get-it"))
    many.add_all(pairs, drafts(pairs))
    many.add_all([], drafts([]))
    for name in ("commands", "places", "length", "has_calls", "is_reading"):
        assert getattr(many, name) == getattr(singly, name)
    assert [call.statement for call in many.calls] == [call.statement for call in singly.calls]
    fresh = Chunk(0)
    for start in range(0, len(pairs) or 1, 2):
        fresh.add_all(pairs[start : start + 2], drafts(pairs[start : start + 2]))
    fresh.add_all([], drafts([]))
    assert bool(commands) == fresh.has_calls
    assert (fresh.places, fresh.length) == (range(len(pairs)), many.length - len(b'{"/x/get-it":{}},'))
    assert isinstance(fresh.calls, Drafts)
    assert [call.statement for call in fresh.calls] == [call.statement for call in many.calls[1:]]
    fresh.add("/x/get-it", entry("/x/get-it"))
    assert [call.statement for call in fresh.calls] == [*[call.statement for call in many.calls[1:]], b'{"/x/get-it":{}}']


class Learner:
    """Takes down what a pace is told."""

    def __init__(self):
        self.told = []

    def answered(self, _, *, calls, seconds, under_way):
        self.told.append(("answered", calls, round(seconds, 6), under_way))

    def refused(self, _, *, calls, status, pause):
        self.told.append(("refused", calls, status, pause))


def posted(chunk, error=None, calls=None, **headers):
    count = len(chunk.calls) if calls is None else calls
    results, outcomes = ([None] * count, ()) if error is None else ((), [Unknown(error)] * count)
    return Posted(1, results, outcomes, error, headers, 0)


async def learnt(chunk, *errors, seconds=0.5, **headers):
    """Return what a pace is told after requests of a chunk with these errors (None is none), and whether it is troubled."""
    learner = Learner()
    for error in errors:
        chunk.learn(posted(chunk, error, **headers), Trip(elapsed=seconds), pace=learner, longest=30.0)
    return learner.told


def of_status(status, kind=ProtocolError):
    error = kind("no")
    error.status = status
    return error


@anyio_test
async def test_learn_answers():
    """A request that was answered tells its calls, its time, and how many were under way."""
    chunk = chunk_of("/x/get-it", "/x/get-it")
    chunk.under_way = 3
    assert [("answered", 2, 0.5, 3)] == await learnt(chunk, None)
    assert not chunk.is_troubled


@anyio_test
async def test_learn_refusals():
    """A portal that asks to wait, or is not there, is told with the pause that it asks for, up to the longest."""
    chunk = chunk_of("/x/get-it")
    assert [("refused", 1, 429, 7.0)] == await learnt(chunk, of_status(429), **{"retry-after": "7"})
    assert 7.0 == chunk.asked
    assert [("refused", 1, 503, None)] == await learnt(chunk, of_status(503))
    assert [("refused", 1, 503, 30.0)] == await learnt(chunk, of_status(503), **{"retry-after": "3600"})
    assert 3600 == chunk.asked
    assert [("refused", 1, 503, None)] == await learnt(chunk, ConnectError("no"))
    assert chunk.is_troubled


@anyio_test
async def test_learn_time_that_ran_out():
    """A request without an answer in time was too large, if it could be smaller; one that was cut off tells nothing."""
    chunk, timeout = chunk_of("/x/get-it", "/x/get-it"), NoAnswerError("no", is_timeout=True)
    assert [("refused", 2, 413, None)] == await learnt(chunk, timeout)
    assert [] == await learnt(chunk_of("/x/get-it"), timeout)
    assert [] == await learnt(chunk, NoAnswerError("no"), of_status(413), of_status(401, AuthenticationError))


@anyio_test
async def test_learn_search():
    """A chunk with a failed call is told as a whole, with the requests that looked for it; a call alone is not."""
    assert [("answered", 1, 0.5, 1)] == await learnt(chunk_of("/x/get-it"), ServerError(exception="x"))
    for error in (ServerError(exception="x"), AnswerTooLargeError("large")):
        chunk, learner = chunk_of("/x/get-it", "/x/get-it"), Learner()
        for each, calls in [(error, 2), (None, 1), (ServerError(exception="x"), 1)]:
            chunk.learn(posted(chunk, each, calls), Trip(elapsed=0.5), pace=learner, longest=30.0)
        assert [] == learner.told
        assert chunk.is_searched
        chunk.learn_search(learner)
        ((kind, calls, seconds, under_way),) = learner.told
        assert ("answered", 2, 1) == (kind, calls, under_way)
        assert seconds >= 0.5


@anyio_test
async def test_learn_search_after_a_pause():
    """Of a chunk that had to wait, the time before does not count; without a request there is nothing to tell."""
    chunk, learner = chunk_of("/x/get-it", "/x/get-it"), Learner()
    chunk.learn_search(learner)
    await learnt(chunk, ServerError(exception="x"), of_status(429))
    chunk.learn_search(learner)
    assert [] == learner.told


def test_pace_takes_what_is_learnt():
    """What a chunk tells is what a real pace takes: a refusal makes it wait."""

    async def main():
        pace, chunk = Pace(max_calls=9, max_parallel=2), chunk_of("/x/get-it")
        chunk.learn(posted(chunk), Trip(elapsed=0.1), pace=pace, longest=30.0)
        assert pace.resumes < anyio.current_time()
        chunk.learn(posted(chunk, of_status(503), **{"retry-after": "9"}), Trip(), pace=pace, longest=3.0)
        assert 2.5 < pace.resumes - anyio.current_time() <= 3.0

    anyio.run(main)


def settled(command, outcome):
    call = entry(command)
    if isinstance(outcome, Unknown):
        call.doubt()
    call.settle(outcome)
    return call


def lost(calls=5, kind=ServerError, status=200):
    error = kind(exception="x") if kind is ServerError else kind("no")
    error.calls, error.status = calls, status
    return Unknown(error)


REPEATABLE = StreamCommand("/x/update-it", idempotent=True)


@pytest.mark.parametrize(
    ("command", "outcome", "goes_again"),
    [
        ("/x/get-it", Ok(1), False),
        ("/x/get-it", NotRun(of_status(429)), True),
        ("/x/update-it", NotRun(of_status(429)), True),
        ("/x/get-it", Unknown(of_status(503)), True),
        ("/x/update-it", Unknown(of_status(503)), False),
        (REPEATABLE, Unknown(of_status(503)), True),
        ("/x/get-it", Unknown(of_status(502)), False),
        ("/x/get-it", NotSent(ConnectError("no")), False),
        ("/x/get-it", lost(), True),
        (REPEATABLE, lost(), True),
        ("/x/update-it", lost(), False),
        ("/x/get-it", lost(calls=1), False),
        ("/x/get-it", lost(kind=AuthenticationError), False),
        ("/x/get-it", Unknown(NoAnswerError("no")), False),
    ],
)
def test_unfinished(command, outcome, goes_again):
    """After a pause that the portal asked for, what did not run or only reads goes again; and what went down with others."""
    chunk, call = chunk_of(command), settled(command, outcome)
    assert [] == chunk.unfinished([call], Terms())
    chunk.is_troubled = True
    assert [call][: int(goes_again)] == chunk.unfinished([call], Terms())
    call.exception()


def test_unfinished_is_bounded():
    """What is asked to wait for too long ends at once, and who wants no search for failed calls gets none."""
    chunk, call = chunk_of("/x/get-it"), settled("/x/get-it", NotRun(of_status(429)))
    chunk.is_troubled, chunk.asked = True, 31.0
    assert [] == chunk.unfinished([call], Terms())
    chunk.asked = 0.0
    without = Terms(limits=BatchLimits(isolation_requests=0))
    assert [] == chunk.unfinished([settled("/x/get-it", lost())], without)
    assert [call] == chunk.unfinished([call], without)
    call.exception()


def test_reopen_keeps_the_doubt():
    """A call that may have run is never said not to have been sent, however the request after it ends."""
    for outcome, then in [(NotRun(of_status(429)), NotSent), (Unknown(of_status(503)), Unknown)]:
        call = settled(REPEATABLE, outcome)
        reopen(call)
        assert not call.done()
        call.settle(NotSent(ConnectError("no")), is_told=True)
        assert then is type(call.outcome)
