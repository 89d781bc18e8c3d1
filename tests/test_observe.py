"""What happened on the wire, as records, and who receives them."""

from __future__ import annotations

import dataclasses
import inspect
import logging

import httpx
import pytest

from aioliferay import BatchError, CallCancelledError, LiferayError, NoAnswerError, ServerError, observe
from aioliferay.observe import ExchangeCompleted, ExchangeFailed, ExchangeStarted, LoggingHook
from wire import Wire

_EVENTS = [
    ExchangeStarted(1, 2, 30),
    ExchangeCompleted(1, 2, 30, 400, 200, 0.5),
    ExchangeFailed(2, 2, 30, ServerError("no", path="/a/b"), 0.25),
    ExchangeFailed(3, 2, 30, None, 0.125),
]


class _Notes:
    """A hook of a user's own, deriving from nothing."""

    def __init__(self):
        self.events = []

    def on_event(self, event, /):
        """Keep the event."""
        self.events.append(event)


class _Broken:
    """A hook that raises."""

    def on_event(self, _, /):
        """Raise."""
        raise LookupError("my mistake")


@pytest.mark.parametrize("event", _EVENTS)
def test_events_are_frozen(event):
    """What happened does not change."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.number = 7


def test_exports():
    """The module names what it offers."""
    own = {name for name, member in vars(observe).items() if getattr(member, "__module__", "") == "aioliferay.observe"}
    assert {*own, "ExchangeEvent"} == set(observe.__all__)


@pytest.mark.parametrize(
    ("expected", "event"),
    [
        ("request 1: 2 calls, 30 bytes", _EVENTS[0]),
        ("request 1: done in 0.5000 s, 400 bytes received", _EVENTS[1]),
        ("request 2: failed after 0.2500 s: /a/b was refused: no", _EVENTS[2]),
        ("request 3: failed after 0.1250 s: cancelled", _EVENTS[3]),
    ],
)
def test_logging_hook(expected, event, caplog):
    """One line an event, to the library's logger, as detail."""
    with caplog.at_level(logging.DEBUG, "aioliferay"):
        LoggingHook().on_event(event)
    assert [("aioliferay", logging.DEBUG, expected)] == caplog.record_tuples


def test_logging_hook_with_a_logger_of_your_own(caplog):
    """Logger and level may be chosen."""
    with caplog.at_level(logging.INFO, "mine"):
        LoggingHook(logging.getLogger("mine"), logging.WARNING).on_event(_EVENTS[0])
    assert [("mine", logging.WARNING, "request 1: 2 calls, 30 bytes")] == caplog.record_tuples


def test_logging_hook_ignores_other_events(caplog):
    """An event that this version does not know is left to others."""
    with caplog.at_level(logging.DEBUG):
        LoggingHook().on_event("an event of a later version")
    assert caplog.records == []


def test_logging_hook_is_lazy(caplog):
    """Where the level is off, no text is made."""

    class Loud(Exception):  # noqa: N818 - it is a probe, not an error
        """Complains when it is turned into text."""

        def __str__(self):
            raise AssertionError("nobody wanted this text")

    with caplog.at_level(logging.INFO, "aioliferay"):
        LoggingHook().on_event(ExchangeFailed(1, 1, 1, Loud(), 0.0))
    assert caplog.records == []


@pytest.mark.anyio
async def test_events_of_a_batch():
    """A batch that succeeds is told as started and completed, with its number, calls, bytes, status and time."""
    wire, notes = Wire(), _Notes()
    session = wire.session(hooks=[notes])
    async with session, session.batch() as batch:
        batch.call("/x/get-echo", {"value": 1})
        batch.call("/x/get-echo", {"value": 2})
    started, completed = notes.events
    sent = len(wire.requests[0].content)
    assert ExchangeStarted(1, 2, sent) == started
    received = len(httpx.Response(200, json=[1, 2]).content)
    assert ExchangeCompleted(1, 2, sent, received, 200, completed.elapsed) == completed
    assert completed.elapsed >= 0


@pytest.mark.anyio
async def test_events_are_numbered():
    """Requests of one session are numbered from 1, single calls and batches alike."""
    notes = _Notes()
    async with Wire().session(hooks=[notes]) as session:
        await session.call("/x/get-echo", {"value": 1})
        await session.call("/x/get-echo", {"value": 2})
    assert [1, 1, 2, 2] == [event.number for event in notes.events]


@pytest.mark.anyio
async def test_events_of_a_refused_batch():
    """A refusal by the portal is a failure, with its error."""
    notes = _Notes()
    with pytest.raises(BatchError):
        async with Wire().session(hooks=[notes]) as session, session.batch() as batch:
            batch.call("/x/get-fail")
    _, failed = notes.events
    assert isinstance(failed, ExchangeFailed)
    assert isinstance(failed.error, ServerError)


@pytest.mark.anyio
async def test_events_of_a_network_failure():
    """So is a failure of the network."""
    wire, notes = Wire(), _Notes()
    wire.answer = ConnectionError("gone")
    async with wire.session(hooks=[notes]) as session:
        with pytest.raises(NoAnswerError):
            await session.call("/x/get-echo")
    assert [ExchangeStarted, ExchangeFailed] == [type(event) for event in notes.events]


@pytest.mark.anyio
async def test_events_of_a_cancelled_request():
    """A cancelled request is told as failed without an error."""
    wire, notes = Wire(), _Notes()
    wire.hold()
    session = wire.session(hooks=[notes])
    call = session.call("/x/get-echo")
    await wire.arrived.wait()
    session._tasks.cancel()
    with pytest.raises(CallCancelledError):
        await call
    await session.aclose()
    assert [ExchangeStarted, ExchangeFailed] == [type(event) for event in notes.events]
    assert notes.events[1].error is None


@pytest.mark.anyio
async def test_a_broken_hook_harms_nobody(caplog):
    """What a hook raises is logged; the call and the other hooks do not notice."""
    notes = _Notes()
    async with Wire().session(hooks=[_Broken(), notes]) as session:
        assert await session.call("/x/get-echo", {"value": 7}) == 7
    assert [ExchangeStarted, ExchangeCompleted] == [type(event) for event in notes.events]
    assert [LookupError, LookupError] == [record.exc_info[0] for record in caplog.records]


@pytest.mark.anyio
async def test_events_hold_no_secret():
    """Neither password nor parameters stand in what hooks are told."""
    notes = _Notes()
    async with Wire().session(auth=("user", "topsecret"), hooks=[notes]) as session:
        await session.call("/x/get-echo", {"value": "parameter"})
        with pytest.raises(LiferayError):
            await session.call("/x/get-fail")
    assert "topsecret" not in repr(notes.events)
    assert "parameter" not in repr(notes.events)


def test_hook_has_one_method():
    """A hook is one method: everything else is up to its owner."""
    assert [name for name, _ in inspect.getmembers(observe.Hook, inspect.isfunction) if not name.startswith("_")] == [
        "on_event"
    ]
