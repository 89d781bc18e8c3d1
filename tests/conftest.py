"""What all tests share: a portal without a network, and a session with it."""

from __future__ import annotations

import os
from pathlib import Path

import certifi
import coverage
import pytest
from hypothesis import HealthCheck, settings

from wire import Wire

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # the machine may be; and the first text that Hypothesis makes in a process takes seconds


def pytest_configure(config):
    """Where one of several processes is traced, trace none that tests start."""
    if hasattr(config, "workerinput"):
        os.environ.pop("COVERAGE_PROCESS_START", None)


def pytest_sessionfinish(session):
    """Save what was traced in one of several processes: they end without a word."""
    if hasattr(session.config, "workerinput") and (tracing := coverage.Coverage.current()):
        tracing.stop()
        tracing.save()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def session(wire):
    return wire.session(auth=("test@liferay.com", "test"))


@pytest.fixture(scope="module")
def one_certificate(tmp_path_factory):
    """Let each session's client read one certificate, not 150: that costs 25 ms, and no scenario uses TLS."""
    text = Path(certifi.where()).read_text("ascii")
    end = "-----END CERTIFICATE-----\n"
    file = tmp_path_factory.mktemp("certificates") / "one.pem"
    file.write_text(text[text.index("-----BEGIN") : text.index(end) + len(end)], "ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield
