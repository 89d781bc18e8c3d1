"""What callers may ask of a session or a batch, checked."""

from __future__ import annotations

import math
import warnings

import httpx
import pytest

from aioliferay import BatchSession, Session, _options
from aioliferay._auth import BasicAuth, BearerAuth
from aioliferay._core.packing import BatchLimits
from aioliferay._core.recovery import RetryPolicy
from aioliferay._options import Terms, checked, checked_headers, root_of, warn_if_insecure
from aioliferay._sign_in import SignIn
from aioliferay.auth import OAuth2ClientCredentials, OAuth2Password
from aioliferay.errors import InsecureTransportWarning

_BASIC = BasicAuth("joe", "topsecret")


@pytest.fixture(autouse=True)
def _nobody_warned(monkeypatch):
    monkeypatch.setattr(_options, "_warned", set())


def test_terms_without_options():
    """A batch without options travels on its session's limits and retries; writes go together, failures are isolated."""
    own = Terms(limits=BatchLimits(max_calls=7), retry=RetryPolicy(attempts=5))
    assert own == own.changed({})
    assert own == own.changed({"limits": None, "retry": None, "deadline": None})
    assert (False, False, math.inf) == (own.are_writes_alone, own.is_inferring, own.deadline)


def test_terms_with_options():
    """Each option of a batch takes the place of its session's, whose own terms stay as they are."""
    own = Terms(limits=BatchLimits(max_calls=7))
    limits, retry = BatchLimits(max_calls=8), RetryPolicy(attempts=1)
    changed = own.changed({"limits": limits, "retry": retry, "writes": "alone", "on_failure": "infer", "deadline": 3})
    assert Terms(limits, retry, are_writes_alone=True, is_inferring=True, deadline=3.0) == changed
    assert Terms(limits=BatchLimits(max_calls=7)) == own


def test_terms_may_name_the_default():
    """An option may be given the value that it has anyway; a deadline may be infinite, which is none."""
    assert Terms() == Terms().changed({"writes": "together", "on_failure": "isolate", "deadline": math.inf})


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            {"write": "alone"},
            TypeError,
            "a batch has no option 'write'; it has writes, on_failure, dependent, deadline, limits, retry",
        ),
        ({"writes": "apart"}, ValueError, "writes= is 'together' or 'alone', not 'apart'"),
        ({"writes": None}, ValueError, "writes= is 'together' or 'alone', not None"),
        ({"on_failure": "guess"}, ValueError, "on_failure= is 'isolate' or 'infer', not 'guess'"),
        ({"dependent": "both"}, ValueError, "dependent= is 'auto' or 'nested' or 'staged', not 'both'"),
        ({"deadline": 0}, ValueError, "deadline= takes a positive number of seconds, not 0"),
        ({"deadline": math.nan}, ValueError, "deadline= takes a positive number of seconds, not nan"),
        ({"deadline": "3"}, TypeError, "deadline= takes a number of seconds or None, not str"),
        ({"deadline": True}, TypeError, "deadline= takes a number of seconds or None, not bool"),
        ({"limits": 500}, TypeError, "limits= takes a BatchLimits, not int"),
        ({"retry": {"attempts": 3}}, TypeError, "retry= takes a RetryPolicy, not dict"),
    ],
)
def test_terms_refuse(options, error, text):
    """An option that does not exist, or cannot have this value, is refused by its name, with what it takes."""
    with pytest.raises(error) as refused:
        Terms().changed(options)
    assert text == str(refused.value)


def test_checked_gives_back_what_it_was_given():
    """What is of the right kind, or nothing, passes as it is."""
    limits = BatchLimits()
    assert limits is checked(limits, BatchLimits, "limits")
    assert checked(None, BatchLimits, "limits") is None


@pytest.mark.parametrize("auth", [_BASIC, httpx.BasicAuth("joe", "topsecret")])
@pytest.mark.parametrize(
    "server",
    [
        "http://portal.example.org",
        "http://10.0.0.7:8080",
        "http://[fe80::1]",
        "http://localhost.example.org",
        "http://test",
        "http://notlocalhost",
    ],
)
def test_insecure_password_warns(server, auth):
    """A password over plain HTTP to another computer is worth one warning a server; it points at the caller's line."""
    with pytest.warns(InsecureTransportWarning, match="plain HTTP") as caught:
        warn_if_insecure(server, auth, stacklevel=1)
    warn_if_insecure(server, auth, stacklevel=1)
    assert [__file__] == [warning.filename for warning in caught]
    assert f"the password for {server} would travel" in str(caught[0].message)
    assert "topsecret" not in str(caught[0].message)


def test_insecure_password_warns_for_each_server():
    """Another server, also another port, is another warning."""
    for server in ("http://portal.example.org", "http://portal.example.org:8080"):
        with pytest.warns(InsecureTransportWarning):
            warn_if_insecure(server, _BASIC, stacklevel=1)


@pytest.mark.parametrize(
    ("auth", "secret"),
    [
        (SignIn("joe", "topsecret"), "password"),
        (OAuth2Password("id", user="joe", password="topsecret"), "password"),
        (OAuth2ClientCredentials("id", "topsecret"), "client secret"),
        (BearerAuth("topsecret"), "token"),
    ],
)
def test_every_secret_in_the_open_warns(auth, secret):
    """The warning says what would be read on the way: a password, a client's secret, a token."""
    with pytest.warns(InsecureTransportWarning, match=f"the {secret} for http://portal.example.org would travel"):
        warn_if_insecure("http://portal.example.org", auth, stacklevel=1)


@pytest.mark.parametrize(
    ("server", "auth"),
    [
        ("https://portal.example.org", _BASIC),
        ("http://localhost:8080", _BASIC),
        ("http://LOCALHOST", _BASIC),
        ("http://joe.localhost", _BASIC),
        ("http://127.0.0.1:8080", _BASIC),
        ("http://127.3.2.1", _BASIC),
        ("http://[::1]:8080", _BASIC),
        ("http://portal.test", _BASIC),
        ("http://portal.example.org", None),
        ("http://portal.example.org", httpx.DigestAuth("joe", "topsecret")),
    ],
)
def test_what_is_no_password_in_the_open_does_not_warn(server, auth):
    """Nothing is said over TLS, to this very computer, to names that lead nowhere, or where no password is sent."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_insecure(server, auth, stacklevel=1)


def test_headers_are_copied():
    """What the caller does to its own mapping later does not reach the session."""
    own = {"X-Tenant": "7"}
    headers = checked_headers(own)
    own["X-Tenant"] = "8"
    assert {"X-Tenant": "7"} == headers


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "TRANSFER-ENCODING"])
def test_headers_that_each_request_decides(name):
    """How long a request is, is no matter of the caller's."""
    with pytest.raises(ValueError, match=f"headers= cannot set '{name}'"):
        checked_headers({name: "1"})


@pytest.mark.parametrize("headers", [{"X": 1}, {1: "x"}, {"X": b"x"}])
def test_headers_are_text(headers):
    """A name or value that is no text is refused; the value is not shown."""
    with pytest.raises(TypeError, match="headers= maps names to values, both text; "):
        checked_headers(headers)


def test_root_of_leaves_the_context_path():
    """A portal below a path stays there."""
    assert "https://portal.test/web" == root_of(" https://portal.test/web/api/jsonws/invoke/ ")


def test_passwords_are_in_no_local_variable_of_a_failed_session():
    """Where a session cannot be made, no frame of the library holds the password in a local variable."""

    def make_session():
        Session("no url", auth=("joe", "topsecret"))

    def make_batch():
        BatchSession("no url", auth=("joe", "topsecret"), deadline=-1)

    for make in (make_session, make_batch):
        with pytest.raises(ValueError, match=r"no url|deadline") as caught:
            make()
        frame = caught.value.__traceback__
        shown = []
        while frame is not None:
            if "aioliferay" in frame.tb_frame.f_globals["__name__"]:
                shown += [repr(value) for name, value in frame.tb_frame.f_locals.items() if name != "self"]
            frame = frame.tb_next
        assert shown
        assert "topsecret" not in "".join(shown)
