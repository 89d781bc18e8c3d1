"""How tests ask a portal in process."""

import re

import httpx

ADMINISTRATOR = ("test@liferay.com", "test")
JOE = ("joe@liferay.com", "joe")
ROW = {"serviceContext": {"scopeGroupId": 20182}}


async def ask(portal, command, auth=ADMINISTRATOR):
    """Send one command to a portal; its answer."""
    async with httpx.AsyncClient(transport=portal.transport(), auth=auth) as client:
        response = await client.post(f"{portal.url}/api/jsonws/invoke", json=command)
        return response.json()


def client_of(portal, **options):
    """A client of a portal in process, as a guest unless told otherwise."""
    return httpx.AsyncClient(transport=portal.transport(), base_url=portal.url, **options)


async def sign_in(client, login=ADMINISTRATOR[0], password=ADMINISTRATOR[1], **form):
    """Sign in as a browser does; the answer to the form."""
    await client.get("/")
    return await client.post("/c/portal/login", data={"login": login, "password": password, "rememberMe": "true"} | form)


async def token_of(client):
    """The token that the home page shows."""
    return re.search(r"""Liferay.authToken ?= ?["'](\w{8})["']""", (await client.get("/")).text)[1]
