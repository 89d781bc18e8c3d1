"""How a portal tells its version: by a header of its pages, and by the build number."""

import re

import httpx
import pytest
from asking import ADMINISTRATOR, ask
from discovering import discover

from aioliferay.testing import FakePortal

VERSIONS = ["6.2", "7.0", "7.4"]
HEADERS = {
    "6.2": "Liferay Portal Community Edition 6.2 CE GA6 (Newton / Build 6205 / January 6, 2016)",
    "7.0": "Liferay Community Edition Portal 7.0.6 GA7 (Wilberforce / Build 7006 / April 17, 2018)",
    "7.4": "Liferay Community Edition Portal 7.4.3.112 CE GA112 (Cavanaugh / Build 7413 / February 20, 2024)",
}

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("verb", ["HEAD", "GET"])
@pytest.mark.parametrize("path", ["/", "/web/guest/home"])
async def test_pages_name_the_version(version, verb, path):
    """The home page says which portal it is, to HEAD as to GET."""
    portal = FakePortal(version)
    async with httpx.AsyncClient(transport=portal.transport()) as client:
        response = await client.request(verb, portal.url + path)
    assert (200, HEADERS[version]) == (response.status_code, response.headers["liferay-portal"])


@pytest.mark.parametrize("version", VERSIONS)
async def test_build_number_is_that_of_the_header(version):
    """The service and the pages tell the same build."""
    build = re.search(r"Build (\d+)", HEADERS[version])
    assert int(build[1]) == await ask(FakePortal(version), {"/portal/get-build-number": {}})


@pytest.mark.parametrize("version", ["7.0", "7.4"])
async def test_discovery_tells_the_release_of_the_header(version):
    """Discovery of 7.x and the pages tell the same release."""
    assert f" {(await discover(FakePortal(version)))['version']} " in HEADERS[version]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("auth", [ADMINISTRATOR, None, ("test@liferay.com", "wrong")])
@pytest.mark.parametrize("path", ["invoke?cmd=[]", "invoke?cmd=x", "portal/get-build-number", "portal/nope", "?discover"])
async def test_answers_of_services_never_name_the_version(version, auth, path):
    """No answer of the services has the header, neither a success nor a failure."""
    portal = FakePortal(version)
    async with httpx.AsyncClient(transport=portal.transport(), auth=auth) as client:
        response = await client.get(f"{portal.url}/api/jsonws/{path}")
    assert "liferay-portal" not in response.headers
