"""What batches save behind a web application: 200 concurrent requests for the example's dashboard, which needs eight calls.

    python tests/benchmarks/fastapi_dashboard.py

Three processes on loopback: a fake portal, the application under uvicorn, and this client. The portal checks a password as a
real one does: for 110 ms, two at a time, because that one had two cores (`real-timings.md` §0 and §1).
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import anyio
import httpx
import uvicorn

ROOT = Path(__file__).parents[2]
WAYS = {"session": "`SessionDep`: single calls", "batch": "`BatchDep`", "auto": "`AutoDep`"}
PASSWORD_SECONDS = 0.110
CORES = 2
USER = ("test@liferay.com", "test")


class Portal:
    """A fake portal that checks passwords as fast as a real one with two cores, and tells how many requests it had."""

    def __init__(self):
        from aioliferay.testing import FakePortal  # noqa: PLC0415 - only in the portal's process

        self.portal = FakePortal()
        self.checks = asyncio.Semaphore(CORES)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/-/requests":
            count = json.dumps(len([each for each in self.portal.requests if each.path.endswith("/invoke")])).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(count))]})
            await send({"type": "http.response.body", "body": count})
            return
        if scope["type"] == "http" and any(value.startswith(b"Basic ") for _, value in scope["headers"]):
            async with self.checks:
                await anyio.sleep(PASSWORD_SECONDS)
        await self.portal(scope, receive, send)


def application(server, kind):
    """Return the application: the example's dashboard by each of the dependencies."""
    sys.path.insert(0, str(ROOT / "docs" / "examples"))
    from fastapi import FastAPI  # noqa: PLC0415 - only in the application's process
    from fastapi_app.blog import Dashboard, read_dashboard  # noqa: PLC0415 - as above

    from aioliferay import BasicAuth, SignIn  # noqa: PLC0415 - as above
    from aioliferay.fastapi import AutoDep, BatchDep, SessionDep, portal_lifespan  # noqa: PLC0415 - as above

    auth = SignIn(*USER) if kind == "signed-in" else BasicAuth(*USER)
    app = FastAPI(lifespan=portal_lifespan(server, auth=auth, timeout=None))

    @app.get("/session")
    async def by_session(calls: SessionDep) -> Dashboard:
        return await read_dashboard(calls, 20182)

    @app.get("/batch")
    async def by_batch(calls: BatchDep) -> Dashboard:
        return await read_dashboard(calls, 20182)

    @app.get("/auto")
    async def by_auto(calls: AutoDep) -> Dashboard:
        return await read_dashboard(calls, 20182)

    @app.get("/-/cpu")
    async def cpu() -> float:
        return time.process_time()

    return app


def serve(app):
    """Serve on any free port, and say where: who connects before the application has started waits for it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - as said
    uvicorn.Server(uvicorn.Config(app, ws="none", log_level="warning")).run([listener])


@contextlib.contextmanager
def process(*arguments):
    """Run this script in another process; yield where it serves."""
    with subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - ours
        try:
            yield child.stdout.readline().strip()
        finally:
            child.terminate()


async def one_round(app, way, count):
    """Return the seconds that each of so many concurrent requests took."""
    limits = httpx.Limits(max_connections=count)
    seconds = []
    async with httpx.AsyncClient(base_url=app, limits=limits, timeout=600) as client:

        async def ask():
            began = time.perf_counter()
            answer = await client.get(f"/{way}")
            seconds.append(time.perf_counter() - began)
            if answer.json()["entries"] != 40:
                raise RuntimeError(answer.text)

        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(ask)
    return seconds


def measure(kind, way, count, rounds):
    """Return requests to the portal, median and 95th percentile of the latency, and the application's CPU time.

    All of them of the fastest round, because what disturbs a round on a shared machine only makes it slower.
    """
    figures = []
    with process("portal") as portal, process("app", portal, kind) as app:
        httpx.get(f"{app}/{way}", timeout=600).raise_for_status()  # signs in, loads what is loaded once
        for _ in range(rounds):
            requests, cpu = httpx.get(f"{portal}/-/requests").json(), httpx.get(f"{app}/-/cpu").json()
            seconds = sorted(anyio.run(one_round, app, way, count))
            requests = httpx.get(f"{portal}/-/requests").json() - requests
            cpu = httpx.get(f"{app}/-/cpu").json() - cpu
            figures.append((requests, statistics.median(seconds), seconds[int(count * 0.95) - 1], cpu))
    return min(figures, key=lambda figure: figure[2])


def report(count, rounds):
    """Print the table of docs/howto/fastapi.md."""
    day = f"{dt.datetime.now(tz=dt.UTC):%d %B %Y}, {os.cpu_count()} cores, Python {platform.python_version()}"
    names = [f"{name} {version(name)}" for name in ("fastapi", "starlette", "uvicorn", "httpx", "anyio")]
    lines = (
        ", ".join([day, *names]),
        f"{count} concurrent requests, the fastest of {rounds} rounds\n",
        "| credentials | dependency | requests to the portal | median | 95th percentile | CPU of the application |",
        "|---|---|---|---|---|---|",
    )
    print(*lines, sep="\n", flush=True)  # noqa: T201 - it is a report
    for kind in ("basic", "signed-in"):
        for way, name in WAYS.items():
            is_slow = kind == "basic" and way != "auto"
            requests, median, most, cpu = measure(kind, way, count, 1 if is_slow else rounds)
            cells = f"{requests:,.0f} | {median * 1000:,.0f} ms | {most * 1000:,.0f} ms | {cpu:,.2f} s"
            print(f"| {kind} | {name} | {cells} |", flush=True)  # noqa: T201 - as above


def main():
    """Do what the arguments say: measure, or be one of the two servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", nargs="*", default=["report"])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    match options.role:
        case ["portal"]:
            serve(Portal())
        case ["app", server, kind]:
            serve(application(server, kind))
        case _:
            report(options.count, options.rounds)


if __name__ == "__main__":
    main()
