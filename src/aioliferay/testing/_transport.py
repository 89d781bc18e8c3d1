"""A portal in process: an httpx transport in which a cut connection looks as it does over a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from aioliferay.testing._faults import ConnectionCutError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class PortalTransport(httpx.ASGITransport):
    """Calls the portal without a socket."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app=app, client=("127.0.0.1", 0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises `httpx.RemoteProtocolError` when the portal cuts the connection.
        """
        try:
            return await super().handle_async_request(request)
        except ConnectionCutError:
            raise httpx.RemoteProtocolError("server disconnected without sending a response", request=request) from None
