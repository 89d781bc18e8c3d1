"""The nouns that travel: command, reference, request, answer, outcome. Knows their shape; does nothing with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aioliferay.errors import LiferayError, ResultError

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Reference:
    """A property of the future result of a call, written `call["userId"]`; used as a parameter of a later call.

    `call["group"]["name"]` is a property of a property. `call.each["userId"]` is that property of every element of a list:
    the call that it is a parameter of runs once for each, and its result is a list in the same order.

    Attributes:
        source: the call whose result is meant.
        name: the property's name, as the portal spells it.
        is_each: whether every element of a list is meant.
        inner: names of properties inside of that property, from the outside in.
    """

    source: Any
    name: str
    is_each: bool = False
    inner: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Reference:
        """Refer to a property of this property."""
        if not isinstance(name, str):
            raise TypeError(f"a reference names a property: {self!r}['name'], not [{name!r}]")
        return Reference(self.source, self.name, self.is_each, (*self.inner, name))

    __iter__ = None  # with __getitem__ alone, Python would try to iterate

    def __repr__(self) -> str:
        names = "".join(f"[{name!r}]" for name in (self.name, *self.inner))
        return f"{self.source!r}{'.each' if self.is_each else ''}{names}"


class RawParams(dict[str, object]):
    """Parameters whose *names* may carry Liferay's statement language: `-name`, `+name`, `name:Class`, `name.property`.

    Such names are code: `+name` makes the portal instantiate a class, `$x = /path` calls another service with your rights.
    Never put names into it that come from outside your program. Plain parameters need no `RawParams`.
    The names are documented in Liferay's "JSON Web Services Invoker" (`protocol.md` A.5).
    """


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked of the portal: one service with its parameters, checked and (unless it has references) encoded.

    Attributes:
        path: `/[context.]service/method[.N]`.
        statement: the encoded element of the request's array; empty while references are open.
        params: the parameters, kept only while references are open.
        select: names of the properties asked for; empty for the full result.
        is_read: whether it changes nothing (`get*`, `has*`, `is*`): it may be repeated, and go in parallel with others.
        is_idempotent: whether the caller says that running it twice does no harm.
        is_raw: whether its parameters are `RawParams`.
        listed: names in the statement's white-list. Others than `select` if calls refer to more, or none if the portal could
            not apply it: then the result is cut down to `select` here.
    """

    path: str
    statement: bytes = field(repr=False)  # like the parameters it may hold what no log should
    params: Mapping[str, object] | None = field(repr=False)
    select: tuple[str, ...]
    is_read: bool
    is_idempotent: bool = False
    is_raw: bool = False
    listed: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        """How many calls its statement brings the results of."""
        return 1

    @property
    def is_nest(self) -> bool:
        """Whether calls are nested in its statement."""
        return False

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again though it may have run: a read, or declared idempotent."""
        return self.is_read or self.is_idempotent

    @property
    def references(self) -> list[Reference]:
        """The results of other calls that this one waits for."""
        if self.params is None:
            return []
        return [value for value in self.params.values() if isinstance(value, Reference)]


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What commands of one path have in common that have no options and no references.

    A command of a form has a content, which stands between `head` and `tail` in its statement: its parameters, encoded, or
    the value of the only one, if that is a number.

    Attributes:
        path: of the service.
        is_read: whether it only reads.
        head: what is before the content.
        tail: what is behind it.
        is_number: whether the content is a number.
        of_number: the form of commands that have a number for their only parameter, by its name. Names that are in it were
            checked: whatever their values are, they need no further look.
    """

    path: str
    is_read: bool
    head: bytes
    tail: bytes
    is_number: bool = False
    of_number: dict[str, Form] = field(default_factory=dict["str", "Form"])

    def learn(self, name: str) -> None:
        """Note that a name was checked."""
        head = b'%b{"%b":' % (self.head, name.encode())
        self.of_number[name] = Form(self.path, self.is_read, head, b"}}", is_number=True)

    def statement(self, content: bytes | int) -> bytes:
        """Return the statement of a content."""
        return b"%b%b%b" % (self.head, content if isinstance(content, bytes) else b"%d" % content, self.tail)

    def statements(self, contents: Sequence[Any], write: Callable[[Any], bytes]) -> bytes:
        """Return the statements of contents, at least one, with commas between.

        `write` returns numbers as JSON, all in one go: it takes a fifth of what it takes to write each.
        """
        between = b"%b,%b" % (self.tail, self.head)
        inner = write(contents)[1:-1].replace(b",", between) if self.is_number else between.join(contents)
        return b"%b%b%b" % (self.head, inner, self.tail)


@dataclass(frozen=True, slots=True)
class NestCommand(Command):
    """Calls that are nested in one another, as one command. `members`: how many it brings the results of."""

    members: int = 0

    @property
    def calls(self) -> int:
        """How many calls its statement brings the results of."""
        return self.members

    @property
    def is_nest(self) -> bool:
        """Whether calls are nested in its statement."""
        return True


def merged(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return both mappings of headers in one; a name of the second takes the place of its like, whatever the case."""
    taken = {name.lower() for name in second}
    return {name: value for name, value in first.items() if name.lower() not in taken} | dict(second)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, as authentication sees it. Its `repr` shows neither headers nor body: both may hold secrets.

    Attributes:
        method: `"POST"` for an invocation; a flow of its own may need others.
        url: absolute.
        headers: names as they are sent.
        body: bytes of the content.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)

    def with_header(self, name: str, value: str) -> Request:
        """Return the same request with one more header."""
        return Request(self.method, self.url, merged(self.headers, {name: value}), self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status, headers with lower-case names, the whole body in bytes.

    `is_unauthenticated` tells, to an authentication flow, that the portal does not know who calls: status 401, a sign-in
    page, or 6.2's "Authenticated access required" with status 200. `set_cookies` has the `Set-Cookie` headers.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    is_unauthenticated: bool = False
    set_cookies: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T_co]):
    """The portal ran the call; `value` is its result.

    `error` is set when the result does not fit `returns=`: then `value` is the result as it came. With `on_failure="infer"`
    it is also set, and `value` is None, when the call is known to have run (`is_inferred`) but its result was lost.
    """

    name: ClassVar[str] = "ok"
    value: T_co
    error: ResultError | None = None
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The portal refused this very call: what it does was not done. `is_inferred`: so the portal's message lets conclude."""

    name: ClassVar[str] = "failed"
    error: LiferayError
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """The call never left this process."""

    name: ClassVar[str] = "not sent"
    error: LiferayError


@dataclass(frozen=True, slots=True)
class NotRun:
    """The request left, and the call provably did not run. `is_inferred`: so the portal's message lets conclude."""

    name: ClassVar[str] = "not run"
    error: LiferayError
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may have run or not: nobody on this side can know."""

    name: ClassVar[str] = "unknown"
    error: LiferayError


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave the call up. `is_sent` tells whether its request had left by then."""

    name: ClassVar[str] = "cancelled"
    error: LiferayError
    is_sent: bool


Outcome = Ok[T_co] | Failed | NotSent | NotRun | Unknown | Cancelled
