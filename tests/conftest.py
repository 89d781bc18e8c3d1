"""What all tests share: a portal without a network, and a session with it."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest

from wire import Wire


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
