"""Two small catalogs as portals answer them, and a server that answers a discovery with whatever a test wants."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from command import Ended

_ENTRY = "object<com.liferay.portlet.blogs.model.BlogsEntry>"
OLD = {
    "actions": [
        {
            "method": "GET",
            "parameters": [{"name": "entryId", "type": "long"}],
            "path": "/blogsentry/get-entry",
            "response": _ENTRY,
        },
        {
            "method": "GET",
            "parameters": [{"name": "groupId", "type": "long"}, {"name": "urlTitle", "type": "string"}],
            "path": "/blogsentry/get-entry",
            "response": _ENTRY,
        },
        {
            "method": "POST",
            "parameters": [
                {"name": "title", "type": "string"},
                {"name": "serviceContext", "type": "object<com.liferay.portal.service.ServiceContext>"},
            ],
            "path": "/blogsentry/add-entry",
            "response": _ENTRY,
        },
        {"method": "GET", "parameters": [], "path": "/sample-portlet.foo/get-blogs-count", "response": "int"},
        {"method": "POST", "parameters": [], "path": "/sample-portlet.foo/refresh", "response": "void"},
    ],
    "basePath": "/api/jsonws",
    "context": "",
}
NEW = {
    "contextName": "blogs",
    "services": [
        {
            "deprecated": True,
            "description": "Returns the entry.\n Or fails.",
            "method": "GET",
            "name": "BlogsEntry#getEntry",
            "parameters": [{"name": "entryId", "type": "long", "description": "its primary key"}],
            "path": "/blogs.blogsentry/get-entry",
            "returns": {"type": "com.liferay.blogs.model.BlogsEntry"},
        },
    ],
    "types": [
        {
            "type": "com.liferay.blogs.model.BlogsEntry",
            "interface": True,
            "properties": [{"name": "content", "type": "string"}, {"name": "entryId", "type": "long"}],
        }
    ],
    "version": "7.3.4",
}


def assert_error(ended: Ended, *parts: str) -> None:
    """Fail unless the command ended with one line of error, and wrote nothing else."""
    assert (1, "") == (ended.code, ended.out)
    assert 1 == len(ended.err.splitlines()), ended.err
    assert ended.err.startswith("error: ")
    for part in parts:
        assert part in ended.err
    assert 800 > len(ended.err)


@contextmanager
def answering(
    status: int, body: str, *, headers: dict[str, str] | None = None, before: Callable[[], Any] = lambda: None
) -> Iterator[str]:
    """Serve on a free port of the loopback interface; `before` is called before each answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            before()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body.encode())), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing where the client has gone, in the middle of what is too large: a later test would see it."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
