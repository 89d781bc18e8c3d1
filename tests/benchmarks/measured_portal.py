"""The fake portal with the costs of a real one: its pages are the fake portal's own, and its services are answered here, as
fast as a real Liferay 6.2.5 with two processors was seen to answer. Knows costs; does not know who calls.
"""

from __future__ import annotations

import asyncio
from typing import Final

from loopback_server import Connection, answered, precise_loop, seen, serve

from aioliferay.testing import FakePortal

PASSWORD: Final = 0.110  # seconds, for the check of a password with each request
REQUEST: Final = 0.0005  # for a request that is signed in
READ: Final = 0.00002  # for each read
_INVOKE: Final = "/api/jsonws/invoke"


class Processors:
    """Two processors that take work in the order in which it comes."""

    def __init__(self) -> None:
        self._free_at = [0.0, 0.0]

    def done_at(self, now: float, seconds: float) -> float:
        """Return when work that comes now is done."""
        which = self._free_at.index(min(self._free_at))
        self._free_at[which] = max(now, self._free_at[which]) + seconds
        return self._free_at[which]


class Front(Connection):
    """What stands before the fake portal."""

    processors = Processors()
    port = 0  # of the fake portal

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer calls of services when the time for them has come, and let the portal answer the rest."""
        target = head.split(b" ", 2)[1].decode()
        loop = asyncio.get_running_loop()
        if target == "/stats":
            super().answer(head, body)
        elif target == _INVOKE:
            count, answer = answered("invoke", "null", body)
            seen["requests"] += 1
            seen["statements"] += count
            is_basic = b"\r\nauthorization: basic " in head.lower()
            seconds = (PASSWORD if is_basic else REQUEST) + READ * count
            loop.call_at(self.processors.done_at(loop.time(), seconds), self.transport.write, answer)
        else:
            self._passing = loop.create_task(self._pass(head, body))

    async def _pass(self, head: bytes, body: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"connection:")]
        writer.write(b"\r\n".join([*lines, b"Connection: close", b"", body]))
        self.transport.write(await reader.read())
        writer.close()
        self.transport.close()  # as the portal said


if __name__ == "__main__":
    with FakePortal("6.2").serve() as url, asyncio.Runner(loop_factory=precise_loop) as runner:
        Front.port = int(url.rpartition(":")[2])
        runner.run(serve(Front))
