"""Fixtures for pytest: `fake_portal`, and `liferay_session`, a session with it in process, on asyncio and trio alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import aioliferay
    from aioliferay.testing import FakePortal


@pytest.fixture
def fake_portal() -> FakePortal:
    """Make a fresh portal 6.2."""
    from aioliferay.testing import FakePortal  # noqa: PLC0415 - pytest's start must not load web servers

    return FakePortal()


@pytest.fixture
def liferay_session(fake_portal: FakePortal) -> aioliferay.Session:
    """Make a session of the administrator's with `fake_portal`, in process: nothing of it needs closing."""
    import httpx  # noqa: PLC0415 - as above

    import aioliferay  # noqa: PLC0415 - as above, and coverage must see it imported

    client = httpx.AsyncClient(transport=fake_portal.transport())
    return aioliferay.Session(fake_portal.url, auth=("test@liferay.com", "test"), http=client)
