"""What a session asks its portal: version and services."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anyio
import httpx
import pytest

from aioliferay import (
    AuthenticationError,
    ClosedError,
    ConnectError,
    LiferayError,
    ProtocolError,
    ServerError,
    Session,
    catalogs,
)
from aioliferay.errors import CatalogError, RedirectError
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_ADMINISTRATOR = ("test@liferay.com", "test")


def _session(answer):
    """Return a session with a portal that answers by `answer(request)`."""
    return Session("http://portal.test", auth=_ADMINISTRATOR, http=httpx.AsyncClient(transport=httpx.MockTransport(answer)))


@pytest.mark.parametrize(("version", "found"), [("6.2", "6.2"), ("7.0", "7.0"), ("7.4", "7.4")])
@anyio_test
async def test_portal_version_is_read_from_the_front_page(version, found):
    """The version is in the header of the portal's front page; it is asked for once."""
    portal = FakePortal(version)
    with portal.serve() as url:
        async with Session(url) as session:
            first = await session.portal_version()
            assert found == str(first)
            assert first.build // 100 == int(found.replace(".", ""))
            assert first is await session.portal_version()
    assert [("HEAD", "/")] == [(request.method, request.path) for request in portal.requests]


@anyio_test
async def test_portal_version_of_a_portal_that_hides_it():
    """Where the header tells nothing, the build number does, which takes a user."""

    def answer(request):
        if request.method == "HEAD":
            return httpx.Response(302, headers={"Location": "/web/guest", "Liferay-Portal": "Liferay Portal"})
        assert "/api/jsonws/invoke" == request.url.path
        return httpx.Response(200, json=["7110"])

    async with _session(answer) as session:
        version = await session.portal_version()
    assert ("7.1", 7110) == (str(version), version.build)


@anyio_test
async def test_discover_loads_what_the_portal_has():
    """`discover()` returns the portal's services, and the session checks names by them from then on."""
    portal = FakePortal("6.2")
    with portal.serve() as url:
        async with Session(url) as session:
            catalog = await session.discover()
            assert session.catalog is catalog
            assert "get-entry" in {action.path.rpartition("/")[2] for action in catalog.actions}
            assert "6.2" == str(session.portal.version)
            with pytest.raises(AttributeError, match=r"did you mean services\.blogsentry"):
                session.services.blogentry  # noqa: B018 - to look is to ask
            await session.discover()
    assert 2 == len(portal.requests)


@anyio_test
async def test_discover_asks_7_for_one_context_at_a_time():
    """7.x lists the services of one context: further ones are added to the session's catalog."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            core = await session.discover()
            assert {""} == core.contexts
            assert "blogs.blogsentry" not in core.services
            both = await session.discover("blogs", "journal")
            assert {"", "blogs", "journal"} == both.contexts
            assert {"blogs.blogsentry", "user"} <= both.services.keys()
            assert {""} == (await session.discover()).contexts
            assert "7.4" == str(session.portal.version)


@anyio_test
async def test_discover_asks_a_plugin_of_6_2_at_its_own_address():
    """6.2 looks at no name of a context: a plugin's services are listed at an address of the plugin."""
    asked = []

    def answer(request):
        asked.append(str(request.url))
        own = request.url.path.startswith("/a-portlet/")
        path = "/a-portlet.thing/get-it" if own else "/portal/get-build-number"
        return httpx.Response(200, json={"actions": [{"method": "GET", "path": path, "parameters": [], "response": "int"}]})

    async with _session(answer) as session:
        catalog = await session.discover("a-portlet")
        assert {"a-portlet.thing"} == catalog.services.keys()
        both = await session.discover("", "a-portlet")
        assert {"a-portlet.thing", "portal"} == both.services.keys()
    assert "http://portal.test/api/jsonws?discover=/*&contextName=a-portlet" == asked[0]
    assert "http://portal.test/a-portlet/api/jsonws?discover=/*" == asked[1]


@pytest.mark.parametrize(
    ("kind", "text", "response"),
    [
        (CatalogError, "neither", httpx.Response(200, json={"hello": 1})),
        (CatalogError, "actions[0].path: Field required", httpx.Response(200, json={"actions": [{}]})),
        (ProtocolError, "web page", httpx.Response(200, text="<html>hello</html>")),
        (ServerError, "boom", httpx.Response(200, json={"exception": "java.lang.RuntimeException", "message": "boom"})),
        (AuthenticationError, "credentials", httpx.Response(401)),
        (RedirectError, "elsewhere.test", httpx.Response(302, headers={"Location": "http://elsewhere.test/"})),
        (LiferayError, "404", httpx.Response(404, json={})),
        (ProtocolError, "nothing at all", httpx.Response(200)),
        (ProtocolError, "status 204", httpx.Response(204, text="x")),
    ],
)
@anyio_test
async def test_discover_tells_what_is_wrong(kind, text, response):
    """What is no discovery is told as what it is; the session keeps the catalog that it had."""
    async with _session(lambda _: response) as session:
        session.catalog = catalogs.shipped("6.2")
        with pytest.raises(kind, match=re.escape(text)):
            await session.discover()
        assert session.catalog is catalogs.shipped("6.2")


@anyio_test
async def test_questions_to_a_portal_that_is_not_there():
    """Where nothing listens, both questions end with a ConnectError; on a closed session, with a ClosedError."""
    session = Session("http://127.0.0.1:9")
    for ask in (session.discover, session.portal_version):
        with pytest.raises(ConnectError):
            await ask()
    await session.aclose()
    for ask in (session.discover, session.portal_version):
        with pytest.raises(ClosedError, match="the session is closed"):
            await ask()


def test_catalog_of_a_session_is_a_catalog(session):
    """What is no catalog is refused at once."""
    with pytest.raises(TypeError, match="a Catalog or None, not str"):
        session.catalog = "6.2"
    session.catalog = None
    assert session.catalog is None


def test_catalogs_from_files(tmp_path):
    """A catalog can be read from a file, also a compressed one."""
    plain = tmp_path / "portal.json"
    plain.write_text(json.dumps({"actions": []}))
    assert () == catalogs.from_file(plain).actions
    packed = Path(catalogs.__file__).with_name("liferay-6.2.json.gz")
    assert 1198 == len(catalogs.from_file(packed).actions)
    (tmp_path / "cut.gz").write_bytes(packed.read_bytes()[:900])
    with pytest.raises(CatalogError, match="cannot be decompressed"):
        catalogs.from_file(tmp_path / "cut.gz")
    with pytest.raises(OSError, match="nowhere"):
        catalogs.from_file(tmp_path / "nowhere")


@anyio_test
async def test_discover_loses_nothing_of_what_others_ask():
    """Concurrent questions about several contexts add up: what one learns, the other does not forget."""

    async def answer(request):
        context = request.url.params["contextName"]
        await anyio.sleep(0.01)
        service = {"method": "GET", "path": f"/{context}.x/get-it", "parameters": [{"name": "actions", "type": "int"}]}
        return httpx.Response(200, json={"services": [service | {"returns": {"type": "int"}}], "version": "7.4.3"})

    async with _session(answer) as session:
        async with anyio.create_task_group() as group:
            group.start_soon(session.discover, "c")
            group.start_soon(session.discover, "d")
        assert {"c", "d"} == session.catalog.contexts
        assert "7.4" == str(session.portal.version)
