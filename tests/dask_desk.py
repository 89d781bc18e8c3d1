"""A job on a cluster for tests: the portal that judges it, its lines, and what its runs put down."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial

from aioliferay import Session
from aioliferay.dask import Job
from aioliferay.testing import FakePortal, JavaError

READ, WRITE, REFUSED = "/tally/get-number", "/tally/add-number", "/tally/get-nothing"


class CountingPortal(FakePortal):
    """A portal that knows how many requests it has had at once, and lets a test do something when a write runs."""

    def __init__(self, *, guest=True, **options) -> None:
        super().__init__(**options)
        self.now = self.most = 0
        self.on_write = lambda _: None
        self.is_refusing = True
        self.service(READ, guest=guest)(self.read)
        self.service(WRITE, guest=guest)(self.write)
        self.service(REFUSED, guest=guest)(self.refuse)

    def read(self, number: int) -> int:
        return number

    def write(self, number: int) -> int:
        self.on_write(number)
        return number

    def refuse(self, number: int) -> int:
        if self.is_refusing:
            raise JavaError("com.liferay.test.NoSuchThingException", "no such thing", is_not_found=True)
        return number

    async def __call__(self, scope, receive, send) -> None:
        self.now += scope["type"] == "http"
        self.most = max(self.most, self.now)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.now -= scope["type"] == "http"


class Desk:
    """A job in a folder, and the portal that judges it."""

    def __init__(self, folder, portal: CountingPortal, url: str) -> None:
        self.folder = folder
        self.portal = portal
        self.opens = partial(Session, url)
        self.source = folder / "calls.jsonl"
        self.job = Job(
            source=str(self.source), results=str(folder / "out.jsonl"), journal=str(folder / "run.sqlite"), owner="guest"
        )
        self.paths: list[str] = []

    def ask(self, *paths: str) -> None:
        """Write a line for each path, with its number as the value; what is no path is written as it is."""
        self.paths = [*paths]
        lines = [
            json.dumps({"path": path, "params": {"number": number}, "id": f"n{number}"}) if path.startswith("/") else path
            for number, path in enumerate(paths, 1)
        ]
        self.source.write_text("".join(f"{line}\n" for line in lines))

    def told(self) -> list[dict[str, object]]:
        """The lines of all results, by number."""
        contents = [file.read_bytes() for file in self.folder.glob("out-*.jsonl")]
        lines = [json.loads(line) for content in contents for line in content.splitlines()]
        return sorted(lines, key=lambda line: line["line"])

    def ran(self) -> Counter[int]:
        """How often each write ran."""
        return Counter(each.parameters["number"] for each in [*self.portal.executions] if each.path == WRITE)

    def writes(self) -> list[int]:
        return [number for number, path in enumerate(self.paths, 1) if path == WRITE]
