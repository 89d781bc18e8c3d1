import httpx
import pytest

import aioliferay.testing
from aioliferay.testing import FakePortal, Long

pytestmark = pytest.mark.anyio


def client_of(portal):
    return httpx.AsyncClient(transport=portal.transport(), base_url=portal.url)


@pytest.mark.parametrize(
    ("version", "query", "expected"),
    [
        ("7.0", "discover=/nope/*", "/blogsentry/get-entry"),
        ("7.0", "discover&contextName=bookmarks", "/bookmarks.bookmarksfolder/get-folder"),
        ("6.2", "discover=/blogs*/get-entry", "/blogsentry/get-entry"),
    ],
)
async def test_discovery_selects(version, query, expected):
    """6.2 selects by path with wildcards, 7.x by context name and never by path."""
    async with client_of(FakePortal(version)) as client:
        answer = (await client.get(f"/api/jsonws?{query}")).json()
    actions = answer["actions" if version == "6.2" else "services"]
    assert expected in {action["path"] for action in actions}
    assert ("contextName" not in query) or {"bookmarks"} == {action["path"][1:].partition(".")[0] for action in actions}


async def test_discovery_tells_methods_name_on_later_portals():
    """7.x names the Java class and method."""
    async with client_of(FakePortal("7.0")) as client:
        services = (await client.get("/api/jsonws?discover")).json()["services"]
    names = {action["path"]: action["name"] for action in services}
    assert "UserService#getUserById" == names["/user/get-user-by-id"]


async def test_discovery_describes_own_types():
    """Maps, lists, arrays and beans of one's own services are described."""
    portal = FakePortal()

    @portal.service("/foo/take")
    def take(numbers: list[Long], texts: dict[str, str], content: bytes, names: aioliferay.testing.Array[str]) -> None:
        """Take anything."""

    async with client_of(portal) as client:
        (action,) = (await client.get("/api/jsonws?discover=/foo/*")).json()["actions"]
    expected = ["list<object<java.lang.Long>>", "map<string,string>", "byte[]", "string[]"]
    assert expected == [parameter["type"] for parameter in action["parameters"]]
