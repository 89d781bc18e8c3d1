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
        """Take statements, encoded, with commas between."""
        self._statements = bytearray(statements)
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
        if others:
            self._statements += b","
            self._statements += others._statements
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


def drafts_of(commands: Sequence[Any], returns: Any, *, catalog: Catalog | None, site: tuple[str, int]) -> Drafts | None:
    """Return the calls of commands, as `make_call` would have made them; None if there is more to look at in one of them."""
    try:
        adapter = None if returns is Any else NOTHING if returns is None else adapter_for(returns)
    except TypeError:
        return None
    found = _numbers_of(commands, catalog) or _statements_of(commands, catalog)
    return found and Drafts(found[0], len(commands), adapter, site, are_reads=found[1])


def _numbers_of(commands: Sequence[Any], catalog: Catalog | None) -> tuple[bytes, bool] | None:
    """Return the statements of commands of one service, if each has a number for its only parameter, and if they read.

    Both this and `_statements_of` look at what `Door.call` looks at. It is written out again: to call a function for it
    would cost a stream as much as it does.
    """
    if {*map(type, commands)} != {tuple} or len(commands[0]) != 2:
        return None
    path, given = commands[0]
    form = forms.get(path) if path.__class__ is str else None
    if form is None or not _is_known(form, catalog) or given.__class__ is not dict or len(given) != 1:
        return None
    (name,) = given
    try:
        form = form.of_number[name]
        numbers = [
            params[name] for each, params in commands if each is path and params.__class__ is dict and len(params) == 1
        ]
    except (KeyError, TypeError, ValueError):  # another name, or no pair
        return None
    if len(numbers) < len(commands) or {*map(type, numbers)} != {int} or max(map(int.bit_length, numbers)) > 63:
        return None
    return form.statements(numbers, write), form.is_read


def _statements_of(commands: Sequence[Any], catalog: Catalog | None) -> tuple[bytes, bool] | None:
    """Return the statements of commands, and whether all of them read."""
    form: Form | None = None
    are_reads, known, statements = True, "", list[dict[str, dict[str, object]]]()
    for command in commands:
        if command.__class__ is not tuple or len(command) != 2:
            return None
        path, given = command
        if form is None or path is not known:
            form = forms.get(path) if path.__class__ is str else None
            if form is None or not _is_known(form, catalog):
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
        return write(statements)[1:-1], are_reads
    except (TypeError, PydanticSerializationError):  # a text that UTF-8 cannot carry
        return None


def _is_known(form: Form, catalog: Catalog | None) -> bool:
    """Tell whether a service does what its name tells."""
    return catalog is None or catalog.reads.get(form.path) is form.is_read
