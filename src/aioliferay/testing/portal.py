"""FakePortal: an ASGI application that answers like a Liferay portal 6.2, 7.0 or 7.4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import anyio
from starlette.requests import ClientDisconnect, Request

from aioliferay.testing._application import Application
from aioliferay.testing._browser import Browser
from aioliferay.testing._catalog import catalog
from aioliferay.testing._downloads import Downloads
from aioliferay.testing._engine import Engine
from aioliferay.testing._faults import ConnectionCutError, Drop, Fault, Faults
from aioliferay.testing._gate import Gate
from aioliferay.testing._java import Version
from aioliferay.testing._knobs import LATER_QUOTING, OLD_QUOTING, Knobs
from aioliferay.testing._multipart import LARGEST_KEPT_FILE, MultipartReader
from aioliferay.testing._oauth2 import OAuth2, TokenRequest
from aioliferay.testing._provider import Provider
from aioliferay.testing._records import Costs, RecordedRequest, Upload
from aioliferay.testing._registry import ALL_VERSIONS, Execution, Registry
from aioliferay.testing._sample_store import ADMINISTRATOR_ID, GUEST_SITE_ID
from aioliferay.testing._samples import ENTRY_TEXT, Samples
from aioliferay.testing._server import CONNECTION, serve
from aioliferay.testing._sessions import Sessions, SignInAttempt
from aioliferay.testing._web import MULTIPART, Body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import httpx
    from starlette.types import Receive, Scope, Send

    from aioliferay.testing._documents import Document
    from aioliferay.testing._oauth2 import OAuth2Client
    from aioliferay.testing._server import Connection

_F = TypeVar("_F", bound="Callable[..., Any]")


class FakePortal:
    """A portal in memory: administrator `test@liferay.com`/`test`, user `joe@liferay.com`/`joe`, sites, blogs and more.

    On 6.2 it knows every method that a 6.2.5 publishes, takes and refuses their parameters as that does, and fails with
    java.lang.UnsupportedOperationException where no service plays the method.

    It is an ASGI application; `serve()` puts it behind a real socket, `transport()` gives it to an `httpx.AsyncClient`
    in process.

    `password_cost` (seconds for each request that names a known user and a password; about 0.11 on a real portal) and
    `statement_cost` (seconds for each top-level statement) are waited for with `anyio.sleep`. `serialize_throwable`
    tells whether failures have a body: by default they do, except on 7.4. `blog_entries` is how many entries site 20182
    starts with. The other options set `knobs`, where they may be changed later. Raises `ValueError` for an unknown version.

    Attributes:
        requests: what came, in order.
        executions: which service methods really ran, in order.
        sign_ins: each login and password posted to `/c/portal/login`, and whether they were right.
        token_requests: each request to `/o/oauth2/token` (7.x), and how it was refused.
        uploads: each file that came to the services as a part of a multipart body.
        knobs: how the ways in behave: sessions, tokens, uploads, ranges.
        oauth2_client: the application that may ask for tokens; its `redirect_uris` may be changed.
        oauth2_public_client: one without a secret, which has to send a `code_challenge`.
    """

    url = "http://portal.test"

    def __init__(  # noqa: PLR0913 - keyword-only, and each its own fact of the portal
        self,
        version: Version = "6.2",
        *,
        password_cost: float = 0.0,
        statement_cost: float = 0.0,
        serialize_throwable: bool | None = None,
        blog_entries: int = 40,
        session_seconds: float = 1800.0,
        sign_in_page: bool = True,
        quoting: str | None = None,
        oauth2_seconds: int = 600,
        max_upload_bytes: int | None = None,
        ranges: bool = False,
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:
        if version not in get_args(Version):
            raise ValueError(f"no fake portal of version {version!r}, only of {', '.join(get_args(Version))}")
        self.version: Version = version
        self.requests: list[RecordedRequest] = []
        self.executions: list[Execution] = []
        self.sign_ins: list[SignInAttempt] = []
        self.token_requests: list[TokenRequest] = []
        self.uploads: list[Upload] = []
        self.knobs: Knobs = Knobs(
            session_seconds=session_seconds,
            sign_in_page=sign_in_page,
            quoting=quoting if quoting is not None else OLD_QUOTING if version == "6.2" else LATER_QUOTING,
            oauth2_seconds=oauth2_seconds,
            max_upload_bytes=max_upload_bytes,
            ranges=ranges,
            clock=clock,
        )
        self._samples = Samples(version, blog_entries=blog_entries)
        self._faults = Faults()
        self._registry = Registry(catalog()) if version == "6.2" else Registry()
        self._samples.register(self._registry)
        self._sessions = Sessions(self.knobs)
        self._oauth2 = OAuth2(self.knobs, ADMINISTRATOR_ID)
        self.oauth2_client: OAuth2Client = self._oauth2.client
        self.oauth2_public_client: OAuth2Client = self._oauth2.public_client
        is_serialized = version != "7.4" if serialize_throwable is None else serialize_throwable
        engine = Engine(self._registry, version, is_throwable_serialized=is_serialized)
        self._application = self._assembled(engine, Costs(password_cost, statement_cost))

    def _assembled(self, engine: Engine, costs: Costs) -> Application:
        browser = Browser(self.version, self._samples, self._sessions, self.knobs, costs, self.sign_ins)
        gate = Gate(self.version, browser, self._oauth2)
        return Application(
            version=self.version,
            engine=engine,
            registry=self._registry,
            sessions=self._sessions,
            browser=browser,
            gate=gate,
            provider=Provider(browser, self._oauth2, self.token_requests),
            downloads=Downloads(browser, self._samples, self.knobs, gate.caller_of),
            faults=self._faults,
            costs=costs,
            executions=self.executions,
            uploads=self.uploads,
        )

    def service(
        self,
        path: str,
        *,
        versions: frozenset[Version] = ALL_VERSIONS,
        guest: bool = False,
        method: Literal["GET", "POST"] | None = None,
        interface: str = "",
    ) -> Callable[[_F], _F]:
        """Register the decorated function, plain or async, as the service `path` ("/foo/hello-world").

        Its parameters' names and annotations are those on the wire (`user_id: int` is `userId`); several functions of
        one path are overloads; a parameter annotated `Caller` receives the caller. `guest` opens it to callers who are
        not signed in. On 6.2 it plays the portal's own method of that path and those parameters, if there is one; on 7.x
        its docstring is the javadoc that discovery shows.
        """
        return self._registry.service(path, versions=versions, guest=guest, method=method, interface=interface)

    def misbehave(  # noqa: PLR0913 - keyword-only, and each its own kind of fault
        self,
        *,
        times: int = 1,
        delay: float = 0.0,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        drop: Drop | None = None,
        statement: int = 0,
        truncate: int | None = None,
        html: bool = False,
        count: int = 0,
        body: str | bytes | None = None,
        path: str | None = None,
    ) -> None:
        """Let the next `times` service calls go wrong; each request to /invoke or a direct URL takes the next fault in line.

        With `path` (a pattern as of `fnmatch`: `/c/portal/login`, `/documents/*`) it is the next requests to such a path
        that go wrong, whatever is there: `drop` and `statement` then mean the whole request, and a `body` without a
        `status` is put in place of the real answer's.

        `delay`: seconds before anything runs. `status`, or `html` for a page: this answer, and nothing runs.
        `drop="before"`: the connection is cut before statement `statement` (0 based) runs, "after": once it ran, without
        an answer. `truncate`: bytes kept of the answer's body; with `drop="after"` all statements run, the answer's head
        announces the whole body, and the connection is cut within it. `count`: as many items more or less in an answer
        that is an array. `body`: this body for the answer. `headers` are added to the answer. Raises `ValueError` for
        an unknown `drop` or a negative amount.
        """
        fault = Fault(
            delay=delay,
            status=status,
            headers=dict(headers or {}),
            drop=drop,
            statement=statement,
            truncate=truncate,
            html=html,
            count=count,
            body=body,
        )
        self._faults.add(fault, times=times, path=path)

    def add_blog_entry(self, title: str, *, group_id: int = GUEST_SITE_ID, content: str = ENTRY_TEXT) -> int:
        """Put an entry of the administrator's into a site, as the portal's own form does; give its id."""
        return self._samples.add_blog_entry(title, group_id=group_id, content=content)

    def document(  # noqa: PLR0913 - keyword-only, and each its own fact of the document
        self,
        title: str,
        content: bytes | int = b"",
        *,
        folder: str = "",
        group_id: int = GUEST_SITE_ID,
        mime_type: str | None = None,
        guest: bool = False,
    ) -> Document:
        """Put a document of the administrator's into the library of a site, in place of one of that title.

        `content` is its bytes, or how many it has: these are made up while they are sent, and take no memory. `folder`
        is a path ("Reports/2024") whose folders are made if needed. `guest` lets everybody see it. The result tells
        `path`, `webdav_path`, `size`, `sha256`, `etag`, `chunks()` and more.
        """
        return self._samples.documents.put(
            title, content, folder=folder, group_id=group_id, mime_type=mime_type, is_public=guest
        )

    def forget_sessions(self) -> None:
        """End every session, as a restart of the portal does; their cookies are then as unknown ones."""
        self._sessions.forget(len(self.requests))

    def revoke_tokens(self, *, refresh: bool = False) -> None:
        """Let no access token be good any more, and with `refresh` none to renew them with either."""
        self._oauth2.forget(refresh=refresh)

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AbstractContextManager[str]:
        """Serve over TCP from a background thread; the context manager yields the base URL. Port 0 is any free one."""
        return serve(self, host=host, port=port)

    def transport(self) -> httpx.ASGITransport:
        """Make a transport for `httpx.AsyncClient` that calls the portal in process, whatever the host's name."""
        from aioliferay.testing._transport import PortalTransport  # noqa: PLC0415 - only this way in needs httpx

        return PortalTransport(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        request = Request(scope, receive)
        try:
            headers = dict(request.headers)
            body = await _received(request, headers, self.knobs.max_upload_bytes)
        except ClientDisconnect:
            return
        recorded = self._record(scope, headers, body)
        base_url = f"{scope.get('scheme', 'http')}://{headers.get('host') or request.url.netloc}"
        try:
            response = await self._application.respond(recorded, body, base_url)
            recorded.status = None if response.is_cut else response.status_code
            if request.method == "HEAD":
                response.without_body()
            await response(scope, receive, send)
        except ConnectionCutError:
            await _cut(scope, receive)

    def _record(self, scope: Scope, headers: dict[str, str], body: Body) -> RecordedRequest:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        recorded = RecordedRequest(
            number=len(self.requests) + 1,
            method=scope["method"],
            path=path.decode("latin-1"),
            query=query.decode("latin-1"),
            headers=headers,
            body=body.content,
            length=len(body.content) if body.multipart is None else body.multipart.length,
        )
        self.requests.append(recorded)
        return recorded


async def _received(request: Request, headers: Mapping[str, str], limit: int | None) -> Body:
    """The body of a request; of a long multipart one only what was read from it while it came."""
    content_type = headers.get("content-type", "")
    is_multipart = content_type[: len(MULTIPART)].lower() == MULTIPART
    length = headers.get("content-length", "")
    if not is_multipart or (length.isdecimal() and int(length) <= LARGEST_KEPT_FILE):
        return Body(await request.body(), None, limit)
    reader = MultipartReader(content_type)
    kept = bytearray()
    async for piece in request.stream():
        reader.feed(piece)
        if reader.length <= LARGEST_KEPT_FILE:
            kept += piece
        else:
            kept.clear()
    return Body(bytes(kept), reader, limit)


async def _live(receive: Receive, send: Send) -> None:
    for moment in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{moment}.complete"})


async def _cut(scope: Scope, receive: Receive) -> None:
    connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
    if connection is None:
        raise ConnectionCutError
    await connection.cut()
    await receive()  # of the disconnection: nothing else is left to come
