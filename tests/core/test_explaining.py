"""What would be sent, told to people."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core.explaining import Explanation, PlannedCall, PlannedRequest, PlannedStatement

_URL = "http://portal.test/api/jsonws/invoke"
_USER = PlannedCall("/user/get-user-by-id", 0, "read")
_CONTACT = PlannedCall("/contact/get-contact", 1, "read")
_DELETE = PlannedCall("/group/delete-group", 2, "write")
_UPDATE = PlannedCall("/group/update-group", 3, "idempotent")


def _alone(call, size=None):
    return PlannedStatement((call,), size)


def test_explanation_of_nothing():
    """An empty batch explains itself, has no stages, and offers no command line."""
    explanation = Explanation(_URL, ())
    assert "nothing is queued: no request would be sent" == str(explanation)
    assert ("", 0, "staged", "") == (explanation.curl, explanation.stages, explanation.dependent, explanation.why)


def test_explanation_lists_requests():
    """The text names each request's statements and sizes, and how a call may be sent again; it ends with a command line."""
    body = b'[{"/user/get-user-by-id":{}},{"/group/delete-group":{}}]'
    first = PlannedRequest((_alone(_USER, 28), _alone(_DELETE, 26)), body)
    explanation = Explanation(_URL, (first, PlannedRequest((_alone(_UPDATE, 26),), b'[{"/group/update-group":{}}]')))
    assert [
        f"2 request(s) to {_URL}",
        "1. 2 calls, 56 bytes",
        "   /user/get-user-by-id (read, 28 bytes)",
        "   /group/delete-group (write, 26 bytes)",
        "2. 1 calls, 28 bytes",
        "   /group/update-group (idempotent, 26 bytes)",
        explanation.curl,
    ] == str(explanation).splitlines()
    assert 1 == explanation.stages


def test_explanation_lists_stages():
    """With several stages each request tells its own, and each call of a later one why it waits, where that is known."""
    first = PlannedRequest((_alone(_USER, 28),), b'[{"/user/get-user-by-id":{}}]')
    later = PlannedRequest((_alone(_CONTACT), _alone(_DELETE, 26)), None, 2)
    reasons = {0: "never told: it is in the first stage", 1: "it needs a result"}
    explanation = Explanation(_URL, (first, later), "staged", "max_nested=0", reasons)
    assert [
        f"2 request(s) to {_URL}",
        "dependent calls are staged: max_nested=0",
        "1. stage 1, 1 calls, 29 bytes",
        "   /user/get-user-by-id (read, 28 bytes)",
        "2. stage 2, 2 calls, size known when results are filled in",
        "   /contact/get-contact (read); it needs a result",
        "   /group/delete-group (write, 26 bytes)",
        explanation.curl,
    ] == str(explanation).splitlines()
    assert 2 == explanation.stages


def test_explanation_lists_nests():
    """Nested calls stand below the one that they are nested in, which may be the call of the statement before."""
    shown = PlannedStatement((_USER, _CONTACT), 90)
    again = PlannedStatement((_CONTACT, _UPDATE), 80, is_repeated=True)
    request = PlannedRequest((shown, _alone(_USER, 28), again), b"[]")
    explanation = Explanation(_URL, (request,), "nested", 'dependent="nested"')
    assert [
        f"1 request(s) to {_URL}",
        'dependent calls are nested: dependent="nested"',
        "1. 5 calls, 2 bytes",
        "   /user/get-user-by-id (read, 90 bytes)",
        "      nested: /contact/get-contact (read)",
        "   /user/get-user-by-id (read, 28 bytes)",
        "   the call before, once more, 80 bytes",
        "      nested: /contact/get-contact (read)",
        "      nested: /group/update-group (idempotent)",
        explanation.curl,
    ] == str(explanation).splitlines()


def test_explanation_of_a_later_nest():
    """A nest of a later stage tells why its outermost call waits, and a repeated one nothing of a size not known yet."""
    nest = PlannedStatement((_CONTACT, _UPDATE), None)
    again = PlannedStatement((_UPDATE,), None, is_repeated=True)
    explanation = Explanation(_URL, (PlannedRequest((nest, again), None, 2),), "nested", "", {1: "x", 3: "y"})
    assert [
        "   /contact/get-contact (read); x",
        "      nested: /group/update-group (idempotent)",
        "   the call before, once more",
        "      nested: /group/update-group (idempotent)",
    ] == str(explanation).splitlines()[2:]


def test_request_calls():
    """A request tells whose results it brings, in the order of its statements."""
    request = PlannedRequest((PlannedStatement((_USER, _CONTACT), 9), _alone(_DELETE)), None)
    assert (_USER, _CONTACT, _DELETE) == request.calls
    assert ("/user/get-user-by-id", "/contact/get-contact", "/group/delete-group") == request.paths


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_explanation_curl_survives_a_shell(text):
    """The command line carries any body unharmed through a shell's quoting, and no credentials."""
    body = json.dumps([{"/x/y": {"text": text}}], ensure_ascii=False).encode()
    words = shlex.split(Explanation(_URL, (PlannedRequest((_alone(_USER),), body),)).curl)
    assert ["curl", "-u", "USER", _URL] == words[:4]
    assert body.decode() == words[words.index("--data-binary") + 1]


def test_explanation_curl_of_an_unknown_body():
    """There is no command line for a request whose body is not known yet."""
    assert "" == Explanation(_URL, (PlannedRequest((_alone(_USER),), None),)).curl


@pytest.mark.parametrize("requests", [(), (PlannedRequest((_alone(_USER, 28),), b"[]"),)])
def test_explanation_has_reasons_of_its_own(requests):
    """Explanations do not share what they say."""
    Explanation(_URL, requests).reasons[0] = "x"
    assert {} == Explanation(_URL, requests).reasons
