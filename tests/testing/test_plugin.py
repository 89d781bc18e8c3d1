import subprocess
import sys

import pytest

from aioliferay.testing import FakePortal


def test_fixture_is_fresh_portal(fake_portal):
    """Each test gets a portal of its own."""
    assert isinstance(fake_portal, FakePortal)
    assert [] == fake_portal.requests


@pytest.mark.anyio
async def test_session_talks_to_portal(liferay_session, fake_portal):
    """The session is the administrator's and reaches the portal in process."""
    assert 6205 == await liferay_session.call("/portal/get-build-number")
    assert 20199 == fake_portal.requests[0].user_id


def test_plugin_loads_no_web_server():
    """Pytest starts without a web server or an HTTP client, and without the fake portal."""
    program = (
        "import sys; import aioliferay.testing.plugin; "
        "print([name for name in ('starlette', 'uvicorn', 'aioliferay.testing.portal') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    assert "[]" == done.stdout.strip()
