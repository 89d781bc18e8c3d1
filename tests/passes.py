"""A way to authenticate whose credentials are numbers, and a portal that gives and takes them."""

# ruff: noqa: ARG002 - what a way to authenticate is asked with

from __future__ import annotations

import json
from dataclasses import dataclass

import anyio
import httpx

from aioliferay import AuthenticationError, Session
from aioliferay.auth import Request


@dataclass(frozen=True)
class Pass:
    """Credentials of the tests' own."""

    number: int
    until: float = float("inf")


class Passes:
    """A way to authenticate: `GET /pass` answers the number of the pass."""

    def __init__(self, lifetime=float("inf")):
        self.lifetime = lifetime
        self.asked = 0

    def obtain(self, server, old, now):
        self.asked += 1
        answer = yield Request("GET", f"{server}/pass")
        if answer.status != 200:
            raise AuthenticationError("no pass", status=answer.status)
        return Pass(int(answer.body), now + self.lifetime)

    def is_due(self, credentials, now):
        return now >= credentials.until

    def signed(self, request, credentials):
        return request.with_header("X-Pass", str(credentials.number))

    def verdict(self, answer, credentials):
        return {401: "refused", 418: "doubtful"}.get(answer.status, "accepted")

    def used(self, credentials, now):
        return credentials

    def farewell(self, server, credentials):
        return Request("DELETE", f"{server}/pass/{credentials.number}")


class Gate(httpx.AsyncBaseTransport):
    """A portal that lets in who shows the present pass."""

    def __init__(self):
        self.present = 1
        self.issued = None  # the present one
        self.asked = self.given_back = 0
        self.executed = []
        self.refusal = 401
        self.open = anyio.Event()
        self.open.set()
        self.pass_status = 200

    async def handle_async_request(self, request):
        await anyio.lowlevel.checkpoint()
        if request.method == "DELETE":
            self.given_back += 1
            return httpx.Response(200)
        if request.url.path == "/pass":
            self.asked += 1
            await self.open.wait()
            return httpx.Response(self.pass_status, text=str(self.issued or self.present))
        if request.headers.get("x-pass") != str(self.present):
            return httpx.Response(self.refusal, text="{}")
        statements = json.loads(request.content)
        self.executed += [next(iter(each)) for each in statements]
        return httpx.Response(200, json=[1] * len(statements))

    def session(self, auth):
        return Session("http://portal.test", auth=auth, http=httpx.AsyncClient(transport=self))
