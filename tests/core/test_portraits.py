"""The address of a user's picture."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.files import portrait_url

USER = {"portraitId": 7, "uuid": "d7c4a9e2-0ef1-4f5e-8b8a-d6b7f4a2c9e1"}


@given(st.integers(0, 2**63 - 1), st.uuids().map(str))
def test_token_is_made_of_the_uuid(portrait_id, uuid):
    """The address has the picture's number, and the SHA-1 of the user's UUID in Base64, fit for a URL."""
    query = urlsplit(portrait_url({"portraitId": portrait_id, "uuid": uuid})).query
    token = base64.b64encode(hashlib.sha1(uuid.encode()).digest()).decode()  # noqa: S324 - the portal's own choice
    assert {"img_id": [str(portrait_id)], "img_id_token": [token]} == parse_qs(query, strict_parsing=True)


def test_address_is_that_of_the_mobile_sdk():
    """The path names the general picture; a server goes before it, with or without its slash."""
    assert portrait_url(USER) == "/image/user_male_portrait?img_id=7&img_id_token=" + _token(USER["uuid"])
    assert portrait_url(USER, male=False).startswith("/image/user_female_portrait?")
    for server in ("http://localhost:8080/portal", "http://localhost:8080/portal/"):
        assert portrait_url(USER, server=server).startswith("http://localhost:8080/portal/image/user_male_portrait?")


def _token(uuid):
    told = base64.b64encode(hashlib.sha1(uuid.encode()).digest()).decode()  # noqa: S324 - the portal's own choice
    return told.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def test_user_may_be_a_model():
    """A user is a result, in which 7.x has a long as text, or a model, with names in Java's or in Python's spelling."""
    expected = portrait_url(USER)
    assert expected == portrait_url({**USER, "portraitId": "7"})
    assert expected == portrait_url(SimpleNamespace(portrait_id=7, uuid=USER["uuid"]))
    assert expected == portrait_url(SimpleNamespace(**USER))


@pytest.mark.parametrize("user", [{}, {"portraitId": 7}, {"uuid": "x"}, object()])
def test_user_without_these_properties(user):
    """A user of whom the portal told less is refused, with what to do."""
    with pytest.raises(ValueError, match=r"select=\['portraitId', 'uuid'\]"):
        portrait_url(user)
