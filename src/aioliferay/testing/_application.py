"""What happens to a request, from its bytes to the response: checks, pages, credentials, faults, the engine."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import anyio

from aioliferay.testing import _pages as pages
from aioliferay.testing._discovery import discovery
from aioliferay.testing._faults import ConnectionCutError, Fault, Faults
from aioliferay.testing._java import JavaError
from aioliferay.testing._registry import Caller, Execution, Registry
from aioliferay.testing._sample_store import COMPANY_ID
from aioliferay.testing._visit import Visit
from aioliferay.testing._web import Incoming, read_credentials, read_request, resolve_path

if TYPE_CHECKING:
    from aioliferay.testing._engine import Engine
    from aioliferay.testing._java import Version
    from aioliferay.testing._samples import Samples

_SERVICES = "/api/jsonws"
_LONGEST_TARGET = 4000  # characters; portal.properties: invoker.filter.uri.max.length
_LONGEST_HEAD = 8192  # bytes; Tomcat's maxHttpHeaderSize
_GOOD_HOST = re.compile(r"(?:[A-Za-z0-9._\-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?")


@dataclasses.dataclass(slots=True)
class RecordedRequest:
    """A request that reached the portal; names of headers are lower-case, `number` counts from 1.

    `user_id` is None for a guest; `status` is None as long as there is no answer, for ever if the connection was cut.
    """

    number: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    user_id: int | None = None
    status: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Costs:
    """What the portal waits for, in seconds."""

    password: float
    statement: float


@dataclasses.dataclass(frozen=True, slots=True)
class Application:
    """The portal without its transport."""

    version: Version
    engine: Engine
    registry: Registry
    samples: Samples
    faults: Faults
    costs: Costs
    executions: list[Execution]

    async def respond(self, recorded: RecordedRequest, base_url: str) -> pages.PortalResponse:
        """Answer a request.

        Raises `ConnectionCutError` where a fault cuts the connection before anything of the answer is sent.
        """
        refusal = _container_refusal(recorded)
        if refusal is not None:
            return refusal
        # 7.4 decodes the whole path as a form value: there `+` is a space (A.5)
        raw_path = recorded.path.replace("+", "%20") if self.version == "7.4" else recorded.path
        path = resolve_path(raw_path.encode("latin-1"))
        if path is None:
            return pages.container_error(400, "Bad Request")
        if path.startswith("/o/") and self.version == "6.2":
            return pages.container_error(503, "Service Unavailable")
        if path == _SERVICES or path.startswith(_SERVICES + "/"):
            return await self._service(path.removeprefix(_SERVICES), recorded, base_url)
        return pages.portal_page(path, version=self.version, base_url=base_url, number=recorded.number)

    async def _service(self, path: str, recorded: RecordedRequest, base_url: str) -> pages.PortalResponse:
        caller = await self._authenticate(recorded)
        if caller is None:
            return pages.PortalResponse(401, b"", headers={"WWW-Authenticate": 'Basic realm="PortalRealm"'})
        try:
            incoming = read_request(
                method=recorded.method,
                query=recorded.query,
                content_type=recorded.headers.get("content-type", ""),
                body=recorded.body,
            )
        except JavaError as error:
            return self._json(200, self.engine.failure(error).body, recorded)
        if path in {"", "/"}:
            return self._overview(incoming, recorded, base_url + _SERVICES)
        return await self._call(path, incoming, recorded, caller=caller)

    async def _authenticate(self, recorded: RecordedRequest) -> Caller | None:
        """Tell the caller, perhaps a guest; None where 7.x answers 401."""
        guest = Caller(None, COMPANY_ID, is_administrator=False)
        credentials = read_credentials(recorded.headers.get("authorization"))
        if credentials is None:
            return guest
        known = self.samples.user_id(credentials.login)
        if known is not None:
            if self.costs.password:
                await anyio.sleep(self.costs.password)
            if self.samples.is_password(known, credentials.password):
                recorded.user_id = known
                return Caller(known, COMPANY_ID, is_administrator=self.samples.is_administrator(known))
        return guest if self.version == "6.2" else None

    def _overview(self, incoming: Incoming, recorded: RecordedRequest, base_url: str) -> pages.PortalResponse:
        if "discover" not in incoming.parameters:
            return pages.services_page(version=self.version, number=recorded.number)
        actions = self.registry.published(self.version)
        body = discovery(actions, version=self.version, base_url=base_url, parameters=incoming.parameters)
        return self._json(200, body, recorded, incoming=incoming)

    async def _call(
        self, path: str, incoming: Incoming, recorded: RecordedRequest, *, caller: Caller
    ) -> pages.PortalResponse:
        fault = self.faults.take()
        if fault.delay:
            await anyio.sleep(fault.delay)
        if fault.is_refusal:
            return _refusal(fault)
        visit = Visit(self.engine, caller, fault, self.executions, recorded.number, self.costs.statement)
        if path == "/invoke":
            answer = await visit.invoke(incoming)
        else:
            answer = await visit.direct(path, incoming, verb=recorded.method)
        if answer.is_page:
            return pages.container_error(answer.status, "Internal Server Error")
        if fault.drop is not None and fault.truncate is None:
            raise ConnectionCutError  # the statement to cut at did not come
        return self._json(answer.status, answer.body, recorded, incoming=incoming, fault=fault)

    def _json(
        self,
        status: int,
        body: bytes,
        recorded: RecordedRequest,
        *,
        incoming: Incoming | None = None,
        fault: Fault | None = None,
    ) -> pages.PortalResponse:
        if incoming is not None:
            body = _as_script(body, incoming.parameters, self.version)
        number = None if "jsessionid" in recorded.headers.get("cookie", "").lower() else recorded.number
        user_agent = recorded.headers.get("user-agent", "") if self.version == "6.2" else ""
        whole = body if fault is None else fault.rewritten(body)
        response = pages.json_response(status, whole, number=number, user_agent=user_agent)
        if fault is not None:
            response.headers.update(fault.headers)
            response.shorten(fault.truncate, is_cut=fault.drop is not None)
        return response


def _container_refusal(recorded: RecordedRequest) -> pages.PortalResponse | None:
    target = len(recorded.path) + len(recorded.query) + bool(recorded.query)
    head = target + sum(len(name) + len(value) + 4 for name, value in recorded.headers.items())
    if head > _LONGEST_HEAD or not _GOOD_HOST.fullmatch(recorded.headers.get("host", "")):
        return pages.container_error(400, "Bad Request")
    if target > _LONGEST_TARGET:
        return pages.container_error(414, "URI Too Long")
    if recorded.method == "TRACE":
        return pages.container_error(405, "Method Not Allowed")
    return None


def _refusal(fault: Fault) -> pages.PortalResponse:
    status = 200 if fault.status is None else fault.status
    if fault.body is not None:
        response = pages.PortalResponse(status, fault.rewritten(b""), headers={})
    elif fault.html:
        response = pages.page(status, f"HTTP Status {status}")
    else:
        response = pages.PortalResponse(status, b"", headers={})
    response.headers.update(fault.headers)
    response.shorten(fault.truncate, is_cut=fault.drop is not None)
    return response


def _as_script(body: bytes, parameters: dict[str, object], version: Version) -> bytes:
    """JSONP, and 6.2's assignment to a variable."""
    if callback := str(parameters.get("callback", "")):
        return f"/**/{callback}(".encode() + body + b")"
    if (variable := str(parameters.get("inst", ""))) and version == "6.2":
        return f"var {variable}=".encode() + body + b";"
    return body
