"""A TCP proxy before a portal that goes wrong on request: it cuts, delays, truncates and doubles. Keeps a record of what it
did. Knows requests and answers of HTTP, but neither calls nor outcomes.
"""

from __future__ import annotations

import re
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel

from faults import END, FORGED, HELD, OF_CONNECTIONS, Fault, Kind, forged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from faults import Upstream

_CHUNK = 65_536
_LINGER_NOT = struct.pack("ii", 1, 0)  # closing a socket then resets the connection


@dataclass(slots=True)
class Passage:
    """What became of one request: `number` in order of first bytes; `head` and `body` as far as they were read.

    `is_run`: the portal was given it. `is_answered`: a whole answer was sent. `is_late`: it came on a connection which the
    proxy had closed on its side, and was not read further.
    """

    number: int
    connection: int
    fault: Kind | None = None
    head: bytes = b""
    body: bytes = b""
    is_run: bool = False
    is_answered: bool = False
    is_late: bool = False

    def header(self, name: str) -> str | None:
        """Return the value of a header of the request."""
        found = re.search(rb"(?im)^%s: *([^\r\n]*)" % re.escape(name.encode()), self.head)
        return found[1].decode() if found else None


class _Gone(Exception):  # noqa: N818 - no error: clients may leave
    """The client has closed or reset its connection."""


class _Socket:
    """A connected socket without a buffer of its own."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self._held = b""

    async def begins(self) -> bool:
        """Wait for the first byte of a request, without reading it; return False if the client has gone."""
        if self._held:
            return True
        await anyio.wait_readable(self.plain)
        try:
            return bool(self.plain.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    async def until(self, end: bytes) -> bytes:
        while end not in self._held:
            self._held += await self._some()
        head, _, self._held = self._held.partition(end)
        return head + end

    async def exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            self._held += await self._some()
        data, self._held = self._held[:size], self._held[size:]
        return data

    async def _some(self) -> bytes:
        await anyio.wait_readable(self.plain)
        try:
            data = self.plain.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise _Gone from error
        if not data:
            raise _Gone
        return data

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.plain.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(self.plain)
            except OSError as error:
                raise _Gone from error

    async def gone(self) -> None:
        """Wait until the client has closed the connection; what it still sends is dropped."""
        with suppress(_Gone):
            while True:
                await self._some()

    def reset(self) -> None:
        with suppress(OSError):
            self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)

    def finish(self) -> None:
        with suppress(OSError):
            self.plain.shutdown(socket.SHUT_WR)


def _bound(address: tuple[str, int] = ("127.0.0.1", 0)) -> socket.socket:
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    plain.settimeout(0)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    plain.bind(address)
    return plain


@dataclass(slots=True)
class FaultProxy:
    """Listens on the loopback interface and hands requests on to `upstream`, but for the faults. Enter it with `async with`.

    `max_requests`: an answer with this number on its connection is the last and says so, as Tomcat's 100th. `closes_idle`:
    each answer is the connection's last, and does not say so. `passages` may be cleared: `count` goes on.
    """

    upstream: Upstream
    faults: Sequence[Fault] = ()
    max_requests: int | None = None
    closes_idle: bool = False
    passages: list[Passage] = field(default_factory=list)
    count: int = 0
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    _open: set[_Socket] = field(default_factory=set)
    _spent: dict[int, int] = field(default_factory=dict)
    _listener: socket.socket = field(default_factory=_bound)
    _is_listening: bool = False
    _group: anyio.abc.TaskGroup | None = None
    _acceptor: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _has_accepted: anyio.Event = field(default_factory=anyio.Event)
    _quiet: anyio.Event = field(default_factory=anyio.Event)

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Serve until the end of the block."""
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                if not self._is_refused():
                    self.listen()
                yield self
                group.cancel_scope.cancel()
        finally:
            self._listener.close()

    def listen(self) -> None:
        """Take connections, again if they were refused."""
        if self._group is not None and not self._is_listening:
            self._is_listening = True
            self._listener.listen(128)
            self._acceptor, self._has_accepted = anyio.CancelScope(), anyio.Event()
            self._group.start_soon(self._accept)

    async def refuse(self, last: _Socket | None = None) -> None:
        """Refuse connections from now on, and close those that there are, but for the last one."""
        self._acceptor.cancel()
        await self._has_accepted.wait()
        if not self._is_listening:
            return
        self._accept_waiting()
        self._is_listening = False
        address = self._listener.getsockname()
        self._listener.close()
        self._listener = _bound(address)
        for each in self._open - {last}:
            each.finish()

    def note_refusal(self) -> None:
        """Count a client that was refused; after as many as the fault says, connections are taken again."""
        if not self._is_listening:
            self._take(Kind.REFUSED)
            if not self._is_refused():
                self.listen()

    async def quiet(self) -> None:
        """Wait until every connection has ended: nothing is executed any more. The client must have closed its own."""
        while self._open:
            self._quiet = anyio.Event()
            await self._quiet.wait()

    async def _accept(self) -> None:
        try:
            with self._acceptor:
                while True:
                    await anyio.wait_readable(self._listener)
                    self._accept_waiting()
        finally:
            self._has_accepted.set()

    def _accept_waiting(self) -> None:
        with suppress(BlockingIOError):
            while self._group is not None:
                plain, _ = self._listener.accept()
                plain.settimeout(0)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._open.add(wire := _Socket(plain))
                self._group.start_soon(self._attend, wire, self.connections)

    async def _attend(self, wire: _Socket, connection: int) -> None:
        try:
            if self._take(Kind.RESET_AT_ACCEPT):
                wire.reset()
                return
            served = 0
            with suppress(_Gone):
                while await wire.begins():
                    served += 1
                    if not await self._pass(wire, connection, served):
                        break
        finally:
            wire.plain.close()
            self._open.discard(wire)
            self._quiet.set()

    async def _pass(self, wire: _Socket, connection: int, served: int) -> bool:
        """Serve one request; return whether the connection may have another."""
        passage = self._new_passage(connection)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            fault = self._due(passage)
            if fault is not None and fault.kind is Kind.RESET_UNREAD:
                passage.fault = fault.kind
                wire.reset()
                return False
            passage.head = await wire.until(END)
            size = int(passage.header("content-length") or 0)
            if fault is not None and fault.kind is Kind.RESET_WITHIN:
                passage.fault = fault.kind
                passage.body = await wire.exactly(size // 2)
                wire.reset()
                return False
            passage.body = await wire.exactly(size)
            if fault is not None and fault.kind is Kind.TOO_LARGE and size <= fault.largest:
                fault = None
            return await self._answer(wire, passage, fault, is_last=served == self.max_requests)
        finally:
            self.at_once -= 1

    async def _answer(self, wire: _Socket, passage: Passage, fault: Fault | None, *, is_last: bool) -> bool:
        kind = passage.fault = None if fault is None else fault.kind
        answer = b""
        if kind is not Kind.HELD_BEFORE and (kind not in FORGED or (fault is not None and fault.is_run)):
            passage.is_run = True
            answer = await self.upstream(passage.head, passage.body)
        if kind in FORGED:
            answer = forged(kind)
        if kind in HELD:
            await wire.gone()
            return False
        is_refusing = self._is_refused()
        if is_last or is_refusing:
            answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        if is_refusing and self._is_listening:
            await self.refuse(wire)
        if await _delivered(wire, answer, kind):
            passage.is_answered = True
            if self.closes_idle:
                wire.finish()
                await self._see_late(wire, passage.connection)
                return False
            return not (is_last or is_refusing)
        return False

    def _new_passage(self, connection: int) -> Passage:
        passage = Passage(self.count, connection)
        self.count += 1
        self.passages.append(passage)
        return passage

    async def _see_late(self, wire: _Socket, connection: int) -> None:
        if await wire.begins():
            late = self._new_passage(connection)
            late.is_late = True
            with suppress(_Gone):
                late.head = await wire.until(END)
            wire.reset()

    def _is_refused(self) -> bool:
        return any(
            fault.kind is Kind.REFUSED and self._is_spent(index) is False and self.count >= fault.first
            for index, fault in enumerate(self.faults)
        )

    def _is_spent(self, index: int) -> bool:
        times = self.faults[index].times
        return times is not None and self._spent.get(index, 0) >= times

    def _take(self, kind: Kind) -> bool:
        for index, fault in enumerate(self.faults):
            if fault.kind is kind and self.count >= fault.first and not self._is_spent(index):
                self._spent[index] = self._spent.get(index, 0) + 1
                return True
        return False

    def _due(self, passage: Passage) -> Fault | None:
        for index, fault in enumerate(self.faults):
            if fault.kind in OF_CONNECTIONS or passage.number < fault.first or self._is_spent(index):
                continue
            self._spent[index] = self._spent.get(index, 0) + 1
            return fault
        return None


async def _delivered(wire: _Socket, answer: bytes, kind: Kind | None) -> bool:
    """Send the answer, or what the fault leaves of it; return whether it was whole, so that the connection may go on."""
    body = answer.index(END) + len(END)
    sent = {
        Kind.RESET_AFTER: 0,
        Kind.CUT_IN_HEAD: body // 2,
        Kind.CUT_AT_BODY: body,
        Kind.CUT_IN_BODY: (body + len(answer)) // 2,
        Kind.TRUNCATED: (body + len(answer)) // 2,
    }
    if kind in sent:
        await wire.send(answer[: sent[kind]])
        if kind is not Kind.TRUNCATED:
            for _ in range(3):  # what has left may be read before the reset comes
                await anyio.lowlevel.checkpoint()
            wire.reset()
        return False
    if kind is Kind.DELAYED:
        await anyio.sleep(0.005)
    pieces = [answer]
    if kind is Kind.DRIBBLED:
        pieces = [answer[place : place + 1] for place in range(len(answer))]
    elif kind is Kind.DOUBLED:
        pieces = [answer + answer]
    elif kind is Kind.DOUBLED_APART:
        pieces = [answer, answer]
    for piece in pieces:
        await wire.send(piece)
        if len(pieces) > 1:
            await anyio.lowlevel.checkpoint()
    return True
