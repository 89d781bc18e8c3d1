"""What happens to a request, from its bytes to the response: checks, pages, credentials, faults, the engine."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, NamedTuple

import anyio

from aioliferay.testing import _pages as pages
from aioliferay.testing._discovery import discovery
from aioliferay.testing._faults import ConnectionCutError, Fault, Faults
from aioliferay.testing._java import JavaError
from aioliferay.testing._records import Upload
from aioliferay.testing._sessions import session_id
from aioliferay.testing._visit import Visit
from aioliferay.testing._web import Body, Incoming, read_request, resolve_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioliferay.testing._browser import Browser
    from aioliferay.testing._downloads import Downloads
    from aioliferay.testing._engine import Engine
    from aioliferay.testing._gate import Gate
    from aioliferay.testing._java import Version
    from aioliferay.testing._provider import Provider
    from aioliferay.testing._records import Costs, RecordedRequest
    from aioliferay.testing._registry import Caller, Execution, Registry
    from aioliferay.testing._sessions import Sessions, Visitor

_SERVICES = "/api/jsonws"
_LONGEST_TARGET = 4000  # characters; portal.properties: invoker.filter.uri.max.length
_LONGEST_HEAD = 8192  # bytes; Tomcat's maxHttpHeaderSize
_NOT_COPIED = frozenset({"content-length", "content-range", "set-cookie"})
_GOOD_HOST = re.compile(r"(?:[A-Za-z0-9._\-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?")


class _Asked(NamedTuple):
    """A request with all that was found out about it."""

    recorded: RecordedRequest
    body: Body
    visitor: Visitor
    base_url: str


@dataclasses.dataclass(frozen=True, slots=True)
class Application:
    """The portal without its transport."""

    version: Version
    engine: Engine
    registry: Registry
    sessions: Sessions
    browser: Browser
    gate: Gate
    provider: Provider
    downloads: Downloads
    faults: Faults
    costs: Costs
    executions: list[Execution]
    uploads: list[Upload]

    async def respond(self, recorded: RecordedRequest, body: Body, base_url: str) -> pages.PortalResponse:
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
        visitor = self.sessions.visitor(recorded.headers.get("cookie"), recorded.number)
        asked = _Asked(recorded, body, visitor, base_url)
        fault = self.faults.take_at(path)
        return await (self._answer(path, asked) if fault is None else self._misbehave(fault, path, asked))

    async def _misbehave(self, fault: Fault, path: str, asked: _Asked) -> pages.PortalResponse:
        """What becomes of a request to a path that was told to go wrong."""
        if fault.delay:
            await anyio.sleep(fault.delay)
        if fault.is_refusal:
            return _refusal(fault)
        if fault.drop == "before":
            raise ConnectionCutError
        response = await self._answer(path, asked)
        if fault.drop == "after" and fault.truncate is None:
            raise ConnectionCutError
        return _spoilt(response, fault)

    async def _answer(self, path: str, asked: _Asked) -> pages.PortalResponse:
        if path == _SERVICES or path.startswith(_SERVICES + "/"):
            return await self._service(path.removeprefix(_SERVICES), asked)
        if path.startswith("/o/") and self.version == "6.2":
            return pages.container_error(503, "Service Unavailable", cookies=self.browser.bare_cookies(asked.visitor))
        if path in {"/o/oauth2/token", "/o/oauth2/authorize"}:
            return await self.provider.answer(path, asked.recorded, asked.visitor, asked.base_url)
        if path == "/webdav" or path.startswith(("/documents/", "/image/", "/webdav/")):
            return self._file(path, asked)
        return await self.browser.answer(path, asked.recorded, asked.visitor, asked.base_url)

    def _file(self, path: str, asked: _Asked) -> pages.PortalResponse:
        recorded, _, visitor, base_url = asked
        if path.startswith("/image/"):
            return self.downloads.image(path, recorded, visitor)
        if not path.startswith("/documents/"):
            return self.downloads.webdav(path, recorded, visitor)
        viewer = self.gate.viewer(recorded, visitor)
        if isinstance(viewer, pages.PortalResponse):
            return viewer
        return self.downloads.document(recorded, visitor, base_url, caller=viewer)

    async def _service(self, path: str, asked: _Asked) -> pages.PortalResponse:
        recorded = asked.recorded
        entry = await self.gate.enter(recorded, asked.visitor)
        if isinstance(entry, pages.PortalResponse):
            return entry
        content_type = recorded.headers.get("content-type", "")
        try:
            incoming = read_request(method=recorded.method, query=recorded.query, content_type=content_type, body=asked.body)
        except JavaError as error:
            return self._json(self.engine.failure(error).body, asked)
        if incoming.files:
            self.uploads.extend(_uploads(recorded, incoming))
        if path in {"", "/"}:
            return self._overview(incoming, asked)
        if entry.is_by_session and not self.gate.has_token(recorded, asked.visitor, incoming.parameters):
            return self.browser.themed(500 if self.version == "6.2" else 403, "Status", asked.visitor)
        return await self._call(path, incoming, asked, caller=entry.caller)

    def _overview(self, incoming: Incoming, asked: _Asked) -> pages.PortalResponse:
        if "discover" not in incoming.parameters:
            return self.browser.themed(200, "json-web-services-api", asked.visitor)
        actions = self.registry.published(self.version)
        base_url = asked.base_url + _SERVICES
        body = discovery(actions, version=self.version, base_url=base_url, parameters=incoming.parameters)
        return self._json(_as_script(body, incoming.parameters, self.version), asked)

    async def _call(self, path: str, incoming: Incoming, asked: _Asked, *, caller: Caller) -> pages.PortalResponse:
        fault = self.faults.take()
        if fault.delay:
            await anyio.sleep(fault.delay)
        if fault.is_refusal:
            return _refusal(fault)
        recorded = asked.recorded
        visit = Visit(self.engine, caller, fault, self.executions, recorded.number, self.costs.statement)
        if path == "/invoke":
            answer = await visit.invoke(incoming)
        else:
            answer = await visit.direct(path, incoming, verb=recorded.method)
        if answer.is_page:
            key = _new_session(asked.visitor)
            cookies = () if key is None else (pages.session_cookie(key), pages.LANGUAGE_COOKIE)
            return pages.container_error(answer.status, "Internal Server Error", cookies=cookies)
        if fault.drop is not None and fault.truncate is None:
            raise ConnectionCutError  # the statement to cut at did not come
        body = fault.rewritten(_as_script(answer.body, incoming.parameters, self.version))
        response = self._json(body, asked, status=answer.status)
        response.headers.update(fault.headers)
        response.shorten(fault.truncate, is_cut=fault.drop is not None)
        return response

    def _json(self, body: bytes, asked: _Asked, *, status: int = 200) -> pages.PortalResponse:
        user_agent = asked.recorded.headers.get("user-agent", "") if self.version == "6.2" else ""
        return pages.json_response(status, body, key=_new_session(asked.visitor), user_agent=user_agent)


def _new_session(visitor: Visitor) -> str | None:
    """The id of the session that a request begins, unless it belongs to one."""
    return None if visitor.session else session_id(visitor.number)


def _uploads(recorded: RecordedRequest, incoming: Incoming) -> Iterator[Upload]:
    for name, file in incoming.files:
        content = None if file.counted else bytes(file)
        yield Upload(recorded.number, name, file.filename, file.content_type, file.size, file.sha256, content)


def _spoilt(response: pages.PortalResponse, fault: Fault) -> pages.PortalResponse:
    """The answer with what a fault makes of it; another body is no longer streamed."""
    if fault.body is not None:
        kept = {name: value for name, value in response.headers.items() if name not in _NOT_COPIED}
        cookies = tuple(response.headers.getlist("set-cookie"))
        response = pages.PortalResponse(response.status_code, fault.rewritten(b""), headers=kept, cookies=cookies)
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
