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
from aioliferay._core.messages import Answer, Failed, NotRun, Unknown
from aioliferay._core.refusals import is_getter_failure, is_unauthenticated, refusal, refused
from aioliferay.errors import AccessDeniedError, AuthenticationError, ProtocolError, RedirectError

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


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (407, "status 407 with 'no', which is no answer of the portal's JSON web services"),
        (408, "status 408: the portal did not receive the request in time"),
        (413, "status 413: the request is too large for the portal, or for what stands before it; send less in one call"),
        (429, "status 429 with 'no': the portal, or what stands before it, is busy or starting; try again later"),
    ],
)
@pytest.mark.parametrize("calls", [1, 3])
def test_refused_before_it_was_processed(status, text, calls):
    """By HTTP's definition such a request was not processed: no call of it ran, read or write, and the text says why."""
    commands = [codec.command("/user/delete-user", {"userId": number}) for number in range(calls)]
    assert text == str(refusal(Answer(status, {}, b"no")))
    for body in (b"no", b"<html><p>no</p></html>"):
        outcomes = codec.decode(Answer(status, {}, body), commands)
        assert [NotRun] * calls == [type(outcome) for outcome in outcomes]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_refused_by_who_may_have_passed_it_on(status):
    """What answered may have given the request to the portal before: nobody knows what ran."""
    assert [Unknown] == [type(outcome) for outcome in codec.decode(Answer(status, {}, b"no"), _COMMANDS[:1])]


_CORE = "/user/get-user-by-id"
_PLUGIN = "/tasks-portlet.tasksentry/get-tasks-entry"
_JAVA = "java.lang.SecurityException"
_GATE = "Authenticated access required"


@pytest.mark.parametrize(
    ("error", "paths", "expected"),
    [
        (AuthenticationError("the portal asks for credentials", status=401), [_CORE, _PLUGIN], NotRun),
        (AuthenticationError("the portal answered its sign-in page"), [_PLUGIN], NotRun),
        (AuthenticationError(_GATE, exception=_JAVA), [_CORE], NotRun),
        (AuthenticationError(_GATE, exception=_JAVA), [_PLUGIN], NotRun),
        (AuthenticationError(_GATE, exception=_JAVA), [_CORE, _CORE], NotRun),
        (AuthenticationError(_GATE, exception=_JAVA), [_CORE, _PLUGIN], Unknown),
        (AuthenticationError(_GATE, exception=_JAVA), [_PLUGIN, _CORE], Unknown),
        (AuthenticationError(_GATE, exception=_JAVA, status=403), [_CORE], NotRun),
        (AuthenticationError(_GATE, exception=_JAVA, status=403), [_CORE, _CORE], Unknown),
        (AuthenticationError("User 1 must be authenticated", exception=_JAVA), [_CORE], Failed),
        (AuthenticationError("User 1 must be authenticated", exception=_JAVA), [_CORE, _CORE], Unknown),
        (AccessDeniedError("Access denied for 10.0.0.7", status=403), [_CORE, _PLUGIN], NotRun),
        (AccessDeniedError("Access denied for 10.0.0.7", exception=_JAVA), [_CORE], Failed),
        (AccessDeniedError("Access denied to com.x", exception=_JAVA, status=403), [_CORE, _CORE], Unknown),
        (AccessDeniedError("it hides its errors", status=403), [_CORE], Failed),
        (AccessDeniedError("it hides its errors", status=403), [_CORE, _CORE], Unknown),
        (RedirectError("elsewhere", location="https://portal.test/"), [_CORE, _PLUGIN], NotRun),
        (ProtocolError("a web page"), [_CORE], Unknown),
    ],
)
def test_refused_at_the_gate_ran_nothing(error, paths, expected):
    """A refusal at the gate ran nothing. Guests are refused statement by statement, so a plugin's open service, or a later
    portal's, may have run before another was refused.
    """
    outcomes = refused(error, [codec.command(path, {"userId": 1}) for path in paths])
    assert [expected] * len(paths) == [type(outcome) for outcome in outcomes]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401), True),
        (Answer(200, {}, b'{"exception":"java.lang.SecurityException: Authenticated access required"}'), True),
        (Answer(200, {}, b'{"exception":"java.lang.SecurityException","message":"Authenticated access required"}'), True),
        (Answer(200, {}, b'<form action="/c/portal/login">'), True),
        (Answer(302, {"location": "/c/portal/login?p_l_id=1"}), True),
        (Answer(403, {}, b"no"), False),
        (Answer(200, {}, b'[{"exception":"java.lang.SecurityException","message":"Authenticated access required"}]'), False),
        (Answer(200, {}, b'{"userId":1}'), False),
        (Answer(503), False),
    ],
)
def test_is_unauthenticated(answer, expected):
    """All forms of "who are you?" are told from a refusal of somebody known, and from results."""
    assert expected == is_unauthenticated(answer)


_GETTER = "Getter failed: UserImpl#getGroup(); <--- com.liferay.portal.NoSuchGroupException: No Group exists with the key"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"exception": "jodd.bean.BeanException", "message": _GETTER}, True),
        ({"exception": f"jodd.bean.BeanException: {_GETTER}"}, True),
        ({"exception": _GETTER, "error": {"type": "jodd.bean.BeanException", "message": _GETTER}}, True),
        ({"exception": "jodd.bean.BeanException", "message": "Map key not found: id. Invalid property: HashMap#id"}, False),
        ({"exception": "java.lang.RuntimeException", "message": _GETTER}, False),
        ({"exception": "java.lang.RuntimeException"}, False),
        ({}, False),
    ],
)
def test_is_getter_failure(body, expected):
    """That a white-list could not be applied is told in each dialect from what else goes wrong with properties."""
    error = refusal(Answer(500, {}, json.dumps(body).encode()))
    assert expected == is_getter_failure(error)


def test_is_getter_failure_of_no_answer():
    """What is not told by the portal is none."""
    assert not is_getter_failure(ProtocolError(_GETTER))


@pytest.mark.parametrize(
    ("path", "select", "expected"),
    [
        ("/user/update-user", ["userId"], Unknown),
        ("/user/update-user", None, Failed),
        ("/user/get-user-by-id", ["userId"], Failed),
    ],
)
def test_refused_after_it_ran(path, select, expected):
    """The service has run by the time that a white-list is applied: what such a write did is not known to have failed."""
    answer = Answer(200, {}, json.dumps({"exception": "jodd.bean.BeanException", "message": _GETTER}).encode())
    (outcome,) = codec.decode(answer, [codec.command(path, select=select)])
    assert expected is type(outcome)
