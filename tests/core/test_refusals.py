"""What an answer says that is not a list of results. The answers stand in `tests/data/answers.jsonl`: recorded from a
running 6.2.5, those of the Mobile SDK's own tests, and one of each form that `protocol.md` A.3 describes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import aioliferay
from aioliferay._core import codec
from aioliferay._core.messages import Answer
from aioliferay._core.refusals import refusal, refused

_ANSWERS = [
    json.loads(line) for line in (Path(__file__).parents[1] / "data" / "answers.jsonl").read_text("utf-8").splitlines()
]
_COMMANDS = [codec.command("/user/get-user-by-id", {"userId": number}) for number in range(10)]


def _answer_of(record):
    return Answer(record["status"], record["headers"], record["body"].encode())


@pytest.mark.parametrize("record", _ANSWERS, ids=lambda record: record["name"])
def test_refusal_of_known_answers(record):
    """Every known form of a refusal ends each call with an error of its own, of the right kind and outcome."""
    outcomes = codec.decode(_answer_of(record), _COMMANDS[: record["calls"]])
    assert [record["outcome"]] * record["calls"] == [type(outcome).__name__ for outcome in outcomes]
    assert [record["error"]] * record["calls"] == [type(outcome.error).__name__ for outcome in outcomes]
    assert record["calls"] == len({id(outcome.error) for outcome in outcomes})
    for outcome in outcomes:
        assert outcome.error.path == "/user/get-user-by-id"
        assert "/user/get-user-by-id" in str(outcome.error)


@pytest.mark.parametrize(
    "record", [record for record in _ANSWERS if "exception" in record], ids=lambda record: record["name"]
)
def test_refusal_tells_what_the_portal_told(record):
    """Java's class and message, the status and the number of calls stand in attributes, in all dialects."""
    (outcome, *_) = codec.decode(_answer_of(record), _COMMANDS[: record["calls"]])
    error = outcome.error
    assert isinstance(error, aioliferay.ServerError)
    assert record["exception"] == error.exception
    assert record.get("message", error.message) == error.message
    assert (record["status"], record["calls"]) == (error.status, error.calls)


@pytest.mark.parametrize(
    "record", [record for record in _ANSWERS if "location" in record], ids=lambda record: record["name"]
)
def test_refusal_by_redirect_names_the_new_address(record):
    """A redirect is never followed; its error carries the new address and the status."""
    (outcome, *_) = codec.decode(_answer_of(record), _COMMANDS[: record["calls"]])
    assert (record["location"], record["status"]) == (outcome.error.location, outcome.error.status)
    assert (record["location"] or "without saying where") in str(outcome.error)


@pytest.mark.parametrize("record", [record for record in _ANSWERS if "excerpt" in record], ids=lambda record: record["name"])
def test_refusal_quotes_what_is_no_answer(record):
    """What is not of the portal's services is quoted, a page by its title, with its status."""
    (outcome, *_) = codec.decode(_answer_of(record), _COMMANDS[: record["calls"]])
    assert (record["excerpt"], record["status"]) == (outcome.error.excerpt, outcome.error.status)
    assert record["excerpt"] in str(outcome.error) or "busy or starting" in str(outcome.error)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_refusal_by_a_busy_server(status):
    """A server that is busy or starting is named as such, with the time after which to try again where it tells."""
    assert "is busy or starting; try again later" in str(refusal(Answer(status, {}, b"")))
    assert "is busy or starting; try again after 120" in str(refusal(Answer(status, {"retry-after": "120"}, b"wait")))


def test_refusal_of_results():
    """An array is no refusal, whatever its status; reading it is somebody else's work."""
    assert refusal(Answer(200, {}, b"[1]")) is None
    assert refusal(Answer(500, {}, b"[1]")) is None
    assert refusal(Answer(200, {}, b'{"userId":1}')) is None


def test_refusal_of_one_call_names_it():
    """The text of a call that travelled alone says that this call was refused, and what to do."""
    answer = Answer(200, {}, b'{"exception":"java.lang.SecurityException","message":"Authenticated access required"}')
    (outcome,) = codec.decode(answer, _COMMANDS[:1])
    expected = (
        "/user/get-user-by-id was refused: Authenticated access required (java.lang.SecurityException); "
        "check the credentials given as auth="
    )
    assert expected == str(outcome.error)


def test_refusal_of_a_batch_says_that_nobody_knows_which():
    """The text of a refused batch says how many calls it had, and that the portal does not name the one that failed."""
    answer = Answer(200, {}, b'{"exception":"java.lang.RuntimeException","message":"boom"}')
    (outcome, _) = codec.decode(answer, _COMMANDS[:2])
    assert "refused the batch of 2 calls and does not say which one failed: boom" in str(outcome.error)


def test_refusal_quotes_little_of_a_long_page():
    """However long a page is, an error's text stays readable."""
    page = b"<html><body>" + b"word " * 100_000
    (outcome,) = codec.decode(Answer(200, {}, page), _COMMANDS[:1])
    assert len(str(outcome.error)) < 500
    assert len(outcome.error.excerpt) <= 120


def test_refused_gives_each_call_its_own_cause():
    """The errors of one request are copies: the cause is shared, the path is not."""
    error = aioliferay.ProtocolError("broken", status=502)
    error.__cause__ = ValueError("why")
    commands = [codec.command(path) for path in ("/a/get-b", "/c/get-d")]
    outcomes = refused(error, commands)
    assert ["/a/get-b", "/c/get-d"] == [outcome.error.path for outcome in outcomes]
    assert all(outcome.error.__cause__ is error.__cause__ for outcome in outcomes)
    assert error.path is None


def test_refused_of_no_calls():
    """A request without calls has no outcomes."""
    assert refused(aioliferay.ProtocolError("broken"), []) == []


@pytest.mark.parametrize("status", [400, 404, 413, 418, 429, 500, 502, 503, 504])
def test_refusal_without_json_names_the_status(status):
    """An error of something between client and portal is named by its status, and never taken for the portal's."""
    for body in (b"", b"busy", b"<html>busy</html>"):
        error = refusal(Answer(status, {}, body))
        assert isinstance(error, aioliferay.ProtocolError)
        assert re.search(rf"status {status}\b", str(error))
