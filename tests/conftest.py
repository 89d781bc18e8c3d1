"""What all tests share: a portal without a network, and a session with it."""

from __future__ import annotations

import pytest

from wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def session(wire):
    return wire.session(auth=("test@liferay.com", "test"))
