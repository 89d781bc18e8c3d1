"""A job on disk for tests: its lines, its runs one after another, and what these put down and tell."""

from __future__ import annotations

import json
from dataclasses import replace

from aioliferay._job import Job, Notice, Summary
from aioliferay._journal import Change, Journal, Sent
from aioliferay._running import run_job

READ, WRITE, BAD_READ, BAD_WRITE = "/x/get-echo", "/x/add-echo", "/x/get-fail", "/x/add-fail"


class Desk:
    """A job on disk, and what was told of its runs."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.notices: list[Notice] = []
        self.progress = []
        self.job = Job(
            source=str(folder / "calls.jsonl"),
            results=str(folder / "out.jsonl"),
            journal=str(folder / "run.sqlite"),
            owner="j",
        )

    def ask(self, *paths) -> None:
        """Write a line for each path, with its number as the value; what is no path is written as it is."""
        lines = [
            json.dumps({"path": path, "params": {"value": number}, "id": f"n{number}"}) if path.startswith("/") else path
            for number, path in enumerate(paths, 1)
        ]
        (self.folder / "calls.jsonl").write_text("".join(f"{line}\n" for line in lines))

    async def run(self, session, **changes) -> Summary:
        stop = changes.pop("stop", None)
        return await run_job(
            session,
            replace(self.job, **changes),
            on_progress=self.progress.append,
            on_notice=self.notices.append,
            stop=stop,
        )

    def results(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "out.jsonl").read_bytes().splitlines()]

    def outcomes(self) -> dict[int, str]:
        return {line["line"]: line["outcome"] for line in sorted(self.results(), key=lambda line: line["line"])}

    def told(self) -> list[tuple[int, str]]:
        return [(notice.line, notice.outcome) for notice in self.notices]

    async def killed(self, session, *lines) -> None:
        """Leave a journal as a run does that is killed when it has sent these lines, and has read none but them."""
        self.ask()
        await self.run(session)
        self.leave_sent(*lines)

    def leave_sent(self, *lines) -> None:
        journal = Journal(self.folder / "run.sqlite")
        journal.commit(Change(sent=[Sent(line, f'"n{line}"', WRITE) for line in lines]))
        journal.close()
