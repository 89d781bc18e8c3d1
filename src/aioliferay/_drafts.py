"""Calls of a stream that are made only where somebody looks at one: of most, nobody wants more than what they bring. Knows
what is sent and what came of it; sends nothing.
"""

# ruff: noqa: SLF001 - by way of constructors it would cost three times as much; see `_plain.py`

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from pydantic_core import PydanticSerializationError, from_json, to_json

from aioliferay._call import Call
from aioliferay._core.codec import NOTHING, adapter_for, forms
from aioliferay._core.encoding import write
from aioliferay._settling import PENDING
from aioliferay._trip import Trip

if TYPE_CHECKING:
    from aioliferay._core.catalog import Catalog
    from aioliferay._core.codec import Adapter
    from aioliferay._core.messages import Form


class Drafts(Sequence[Call[Any]]):
    """Plain calls that go together. Who looks at one finds all of them made, as if they had been from the start.

    Attributes:
        trip: of the request that they are in.
        adapter: what reads the result of each.
        ends: how they ended, in their order, as of `Settling`, if nobody had looked at one before; else empty.
        are_reads: whether all of them only read.
    """

    __slots__ = ("_calls", "_count", "_site", "_statements", "adapter", "are_reads", "ends", "trip")

    def __init__(
        self, statements: bytes, count: int, adapter: Adapter | None, site: tuple[str, int], *, are_reads: bool
    ) -> None:
        """Take statements: a JSON array, encoded."""
        self._statements = bytearray(memoryview(statements)[1:-1])
        self._count = count
        self._site = site
        self._calls: list[Call[Any]] | None = None
        self.adapter: Adapter | None = adapter
        self.are_reads: bool = are_reads
        self.ends: Sequence[Any] = ()
        self.trip: Trip = Trip()

    @property
    def is_plain(self) -> bool:
        """Whether none has ended in another way than by its result."""
        return self.trip.is_plain

    @property
    def length(self) -> int:
        """Bytes of the statements, with a comma for each."""
        return len(self._statements) + 1 if self._count else 0

    @property
    def body(self) -> bytes:
        """The body of a request with all of them."""
        return b"".join((b"[", self._statements, b"]"))

    def join(self, others: Drafts) -> None:
        """Take others in, of the same stream; nobody has looked at one of either yet."""
        self._statements += b"," + others._statements if others else b""
        self._count += others._count
        self.are_reads = self.are_reads and others.are_reads

    def take(self, ends: Sequence[Any]) -> bool:
        """Let the calls end so; return False if somebody has looked at one: then each must be told."""
        if self._calls is not None:
            return False
        self.ends = ends
        return True

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Call[Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Call[Any]]: ...
    def __getitem__(self, place: int | slice) -> Call[Any] | Sequence[Call[Any]]:
        return self._made()[place]

    def __iter__(self) -> Iterator[Call[Any]]:
        return iter(self._made())

    def _made(self) -> list[Call[Any]]:
        if self._calls is None:
            statements: list[dict[str, Any]] = from_json(self.body)
            self._calls = [self._call(path, params) for statement in statements for path, params in statement.items()]
            for call, end in zip(self._calls, self.ends, strict=False):
                call._end = end
        return self._calls

    def _call(self, path: str, params: dict[str, object]) -> Call[Any]:
        call: Call[Any] = Call()
        call._content = to_json(params)
        call._form = forms[path]
        call._adapter = self.adapter
        call._trip = self.trip
        call._end = PENDING
        call._waiters = call._more = call._code = None
        call._place = self._site
        return call


def as_drafts(calls: object) -> Drafts | None:
    """Return calls if they are drafts, else None."""
    return calls if type(calls) is Drafts else None  # `isinstance` is slow to say no to a kind of sequence


def drafts_of(  # noqa: PLR0911 - as many reasons to look closer
    commands: Sequence[Any], returns: Any, *, catalog: Catalog | None, site: tuple[str, int]
) -> Drafts | None:
    """Return the calls of commands, as `make_call` would have made them; None if there is more to look at in one of them.

    What `Door.call` looks at is written out again: to call a function for it would cost a stream as much as it does.
    """
    try:
        adapter = None if returns is Any else NOTHING if returns is None else adapter_for(returns)
    except TypeError:
        return None
    reads = None if catalog is None else catalog.reads.get
    form: Form | None = None
    are_reads, known, statements = True, "", list[dict[str, dict[str, object]]]()
    for command in commands:
        if command.__class__ is not tuple or len(command) != 2:
            return None
        path, given = command
        if form is None or path is not known:
            form = forms.get(path) if path.__class__ is str else None
            if form is None or (reads is not None and reads(path) is not form.is_read):
                return None
            known, are_reads = path, are_reads and form.is_read
        if given.__class__ is not dict:
            return None
        for name in given:
            value = given[name]
            kind: Any = value.__class__
            if name not in form.of_number or not (
                (kind is int and value.bit_length() < 64) or kind is str or kind is bool or value is None
            ):
                return None
        statements.append({path: given})
    try:
        return Drafts(write(statements), len(statements), adapter, site, are_reads=are_reads)
    except (TypeError, PydanticSerializationError):  # a text that UTF-8 cannot carry
        return None
