"""Web applications of the tests, under uvicorn or in process, and what callers bring: cookies, tokens of the portal."""

from __future__ import annotations

import contextlib
import socket
import threading

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from aioliferay.fastapi import AutoDep, BatchDep, OwnSessionDep, SessionDep, install_handlers, portal_lifespan

USERS = {"test": ("test@liferay.com", "test"), "joe": ("joe@liferay.com", "joe")}  # by screen name


@contextlib.contextmanager
def served(app):
    """Serve an application from a thread of its own; yield its base URL. Fail if its lifespan did."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(app, lifespan="on", ws="none", log_config=None, access_log=False, backlog=512)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
    if not server.started:
        raise RuntimeError("the application did not start")


def cookies_of(portal, name):
    """Return the cookies of a browser in which that user has signed in at the portal."""
    login, password = USERS[name]
    with portal.serve() as url, httpx.Client(base_url=url, follow_redirects=True) as browser:
        browser.get("/")
        browser.post("/c/portal/login", data={"login": login, "password": password})
        return {cookie.name: cookie.value for cookie in browser.cookies.jar}


def token_of(portal, name):
    """Return an access token that the portal gave for that user."""
    login, password = USERS[name]
    client = portal.oauth2_client
    form = {"grant_type": "password", "client_id": client.id, "client_secret": client.secret}
    with portal.serve() as url:
        answer = httpx.post(f"{url}/o/oauth2/token", data={**form, "username": login, "password": password})
    return answer.json()["access_token"]


def lifespan_of(portal, **options):
    """Return a lifespan whose session calls the portal in process."""
    http = httpx.AsyncClient(transport=portal.transport())
    return portal_lifespan(portal.url, http=http, **options)


async def who(session):
    return (await session.call("/user/get-current-user", select=["screenName"]))["screenName"]


def app_of(portal, **options):
    """Return an application whose endpoints tell as whom each dependency calls."""
    app = FastAPI(lifespan=lifespan_of(portal, **options))
    install_handlers(app)

    @app.api_route("/session", methods=["GET", "POST"])
    async def by_session(session: SessionDep):
        return await who(session)

    @app.get("/auto")
    async def by_auto(auto: AutoDep):
        return await who(auto)

    @app.get("/batch")
    async def by_batch(batch: BatchDep):
        return await who(batch)

    @app.get("/own")
    async def by_own_session(session: OwnSessionDep):
        return await who(session)

    return app


@contextlib.contextmanager
def client_of(app, backend="asyncio"):
    with TestClient(app, backend=backend, raise_server_exceptions=False) as client:
        yield client


def posts_of(portal):
    return [each for each in portal.requests if each.path.endswith("/invoke")]
