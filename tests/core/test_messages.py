"""The nouns that travel."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from aioliferay._core.messages import (
    Answer,
    Cancelled,
    Command,
    Failed,
    NotRun,
    NotSent,
    Ok,
    RawParams,
    Reference,
    Request,
    Unknown,
)
from aioliferay.errors import CallCancelledError, NotSentError, ResultError, ServerError

_SECRET = "dGVzdA=="


def test_reference_repr():
    """A reference reads as it was written."""
    assert "<Call /user/get-user-by-id pending>['userId']" == repr(Reference(_Source(), "userId"))


def test_raw_params_is_a_mapping():
    """`RawParams` is made like a dictionary, and stays distinguishable from one."""
    params = RawParams({"+serviceContext": None}, name="x")
    assert {"+serviceContext": None, "name": "x"} == params
    assert isinstance(params, RawParams)


def test_command_references():
    """A command tells which results it waits for: none once it is encoded."""
    first, second = Reference(_Source(), "userId"), Reference(_Source(), "groupId")
    waiting = Command("/a/b", b"", {"x": first, "y": 1, "z": second}, (), is_read=False)
    assert [first, second] == waiting.references
    assert [] == Command("/a/b", b'{"/a/b":{}}', None, (), is_read=False).references


def test_request_with_header_leaves_the_original():
    """A header is added to a copy; a header of the same name is replaced."""
    request = Request("POST", "http://portal.test/", {"A": "1"}, b"[]")
    assert Request("POST", "http://portal.test/", {"A": "1", "B": "2"}, b"[]") == request.with_header("B", "2")
    assert Request("POST", "http://portal.test/", {"A": "3"}, b"[]") == request.with_header("A", "3")
    assert {"A": "1"} == request.headers


@pytest.mark.parametrize(
    "noun",
    [
        Request("POST", "http://portal.test/", {"Authorization": _SECRET}, _SECRET.encode()),
        Answer(200, {"set-cookie": _SECRET}, _SECRET.encode()),
    ],
)
def test_repr_shows_no_secret(noun):
    """Neither headers nor bodies show in a `repr`: both may hold secrets."""
    assert _SECRET not in repr(noun)
    assert _SECRET not in str(noun)


_NOUNS = [
    Request("GET", "http://portal.test/"),
    Answer(200),
    Command("/a/b", b"{}", None, (), is_read=False),
    Ok(1),
    Failed(ServerError("no")),
    NotSent(NotSentError("no")),
    NotRun(ServerError("no")),
    Unknown(ServerError("no")),
    Cancelled(CallCancelledError("no"), is_sent=True),
    Reference("call", "userId"),
]


@pytest.mark.parametrize("noun", _NOUNS, ids=lambda noun: type(noun).__name__)
def test_nouns_are_frozen(noun):
    """Nobody changes what was handed on."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(noun, dataclasses.fields(noun)[0].name, None)


@pytest.mark.parametrize("noun", _NOUNS, ids=lambda noun: type(noun).__name__)
def test_nouns_copy_and_pickle(noun):
    """Every noun can be copied and pickled, so results may cross process borders."""
    assert repr(noun) == repr(copy.copy(noun))
    assert repr(noun) == repr(pickle.loads(pickle.dumps(noun)))  # noqa: S301 - pickled one line above


def test_ok_without_error():
    """A result that fits carries no error, and one that does not fit carries both."""
    misfit = ResultError("no number")
    assert Ok(3).error is None
    assert ("x", misfit) == (Ok("x", misfit).value, Ok("x", misfit).error)


class _Source:
    def __repr__(self):
        return "<Call /user/get-user-by-id pending>"
