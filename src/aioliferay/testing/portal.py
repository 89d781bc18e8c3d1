"""FakePortal: an ASGI application that answers like a Liferay portal 6.2, 7.0 or 7.4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from starlette.requests import ClientDisconnect, Request

from aioliferay.testing._application import Application, Costs, RecordedRequest
from aioliferay.testing._catalog import catalog
from aioliferay.testing._engine import Engine
from aioliferay.testing._faults import ConnectionCutError, Drop, Fault, Faults
from aioliferay.testing._java import Version
from aioliferay.testing._registry import ALL_VERSIONS, Execution, Registry
from aioliferay.testing._sample_store import GUEST_SITE_ID
from aioliferay.testing._samples import ENTRY_TEXT, Samples
from aioliferay.testing._server import ABORT, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import httpx
    from starlette.types import Receive, Scope, Send

_F = TypeVar("_F", bound="Callable[..., Any]")


class FakePortal:
    """A portal in memory: administrator `test@liferay.com`/`test`, user `joe@liferay.com`/`joe`, sites, blogs and more.

    On 6.2 it knows every method that a 6.2.5 publishes, takes and refuses their parameters as that does, and fails with
    java.lang.UnsupportedOperationException where no service plays the method.

    It is an ASGI application; `serve()` puts it behind a real socket, `transport()` gives it to an `httpx.AsyncClient`
    in process.

    `password_cost` (seconds for each request that names a known user; about 0.11 on a real portal) and `statement_cost`
    (seconds for each top-level statement) are waited for with `anyio.sleep`. `serialize_throwable` tells whether
    failures have a body: by default they do, except on 7.4. `blog_entries` is how many entries site 20182 starts with.
    Raises `ValueError` for an unknown version.

    `requests` and `executions` record what came and which service methods really ran, in order.
    """

    url = "http://portal.test"

    def __init__(
        self,
        version: Version = "6.2",
        *,
        password_cost: float = 0.0,
        statement_cost: float = 0.0,
        serialize_throwable: bool | None = None,
        blog_entries: int = 40,
    ) -> None:
        if version not in get_args(Version):
            raise ValueError(f"no fake portal of version {version!r}, only of {', '.join(get_args(Version))}")
        self.version: Version = version
        self.requests: list[RecordedRequest] = []
        self.executions: list[Execution] = []
        self._samples = Samples(version, blog_entries=blog_entries)
        self._faults = Faults()
        self._registry = Registry(catalog()) if version == "6.2" else Registry()
        self._samples.register(self._registry)
        is_serialized = version != "7.4" if serialize_throwable is None else serialize_throwable
        self._application = Application(
            version=version,
            engine=Engine(self._registry, version, is_throwable_serialized=is_serialized),
            registry=self._registry,
            samples=self._samples,
            faults=self._faults,
            costs=Costs(password_cost, statement_cost),
            executions=self.executions,
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
    ) -> None:
        """Let the next `times` service calls go wrong; each request to /invoke or a direct URL takes the next fault in line.

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
        self._faults.add(fault, times=times)

    def add_blog_entry(self, title: str, *, group_id: int = GUEST_SITE_ID, content: str = ENTRY_TEXT) -> int:
        """Put an entry of the administrator's into a site, as the portal's own form does; give its id."""
        return self._samples.add_blog_entry(title, group_id=group_id, content=content)

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
            recorded = self._record(request, await request.body())
        except ClientDisconnect:
            return
        base_url = f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"
        try:
            response = await self._application.respond(recorded, base_url)
            recorded.status = None if response.is_cut else response.status_code
            if request.method == "HEAD":
                response.without_body()
            await response(scope, receive, send)
        except ConnectionCutError:
            await _cut(scope, receive)

    def _record(self, request: Request, body: bytes) -> RecordedRequest:
        path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        query: bytes = request.scope["query_string"]
        recorded = RecordedRequest(
            number=len(self.requests) + 1,
            method=request.method,
            path=path.decode("latin-1"),
            query=query.decode("latin-1"),
            headers=dict(request.headers),
            body=body,
        )
        self.requests.append(recorded)
        return recorded


async def _live(receive: Receive, send: Send) -> None:
    for moment in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{moment}.complete"})


async def _cut(scope: Scope, receive: Receive) -> None:
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionCutError
    abort()
    await receive()  # of the disconnection: nothing else is left to come
