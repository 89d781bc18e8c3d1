"""How tests ask a portal in process."""

import httpx

ADMINISTRATOR = ("test@liferay.com", "test")
JOE = ("joe@liferay.com", "joe")
ROW = {"serviceContext": {"scopeGroupId": 20182}}


async def ask(portal, command, auth=ADMINISTRATOR):
    """Send one command to a portal; its answer."""
    async with httpx.AsyncClient(transport=portal.transport(), auth=auth) as client:
        response = await client.post(f"{portal.url}/api/jsonws/invoke", json=command)
        return response.json()
