"""The front door of batches that form by themselves. Knows what users may ask of them; not when they are closed."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypedDict, Unpack

from aioliferay._auth import authentication_of, concealing
from aioliferay._calling import CallOptions, make_call
from aioliferay._core.window import Window
from aioliferay._gathering import Gathering
from aioliferay._options import BatchOptions, SessionOptions, apart, checked_headers
from aioliferay._plain import Door
from aioliferay._room import Room
from aioliferay._services import HasServices
from aioliferay._session_base import SessionBase
from aioliferay.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from types import TracebackType

    from aioliferay._auth import Authentication
    from aioliferay._call import Call
    from aioliferay._calling import Params
    from aioliferay._portal import Portal

_MOST_USERS: Final = 1024
_LIBRARY: Final = __name__.partition(".")[0]


class GatherOptions(TypedDict, total=False):
    """Options of batches that form by themselves."""

    window: float
    """Seconds that calls wait for others while a request is in flight; by default 0.002, or 0.01 in a busy program."""
    max_pending: int
    """Calls that may be pending at once; 10,000 by default."""
    deduplicate: bool
    """Whether reads with the same path, parameters and `select=` share a statement as long as one of them is pending. No
    read that is made after a write has ended shares an older one; with `select=` they share as long as one is queued."""


class AutoOptions(GatherOptions, BatchOptions, total=False):
    """What `Session.auto` takes."""


class AutoDoorOptions(SessionOptions, AutoOptions, total=False):
    """What `AutoBatchSession` takes."""


class AutoBatchSession(Door, HasServices):
    """Calls that are made about the same time, by any task, travel together.

    A call leaves on the next scheduler tick if no request of its kind is in flight, else when one returns or after the
    window, whichever comes first. A thousand tasks that each await one call make two requests. Reads and writes never share
    one. Several requests may be in flight, as many as `limits=` says; a slow one does not hold up calls that come meanwhile.
    Each call has its own outcome and its own failure, as in a batch. The order of writes is kept within a request, and not
    from one to another: await what must come first. Calls that are not awaited are sent, too.

    A parameter may be what a pending call of the same object will bring, as in a batch.

    Leaving the block waits for the calls that are pending. If it raises, what has not left is not sent.

    Args:
        session: a `Session`; or the URL of a portal, for a session of its own that ends with it.
        **options: `window=`, seconds that calls wait for others while a request is in flight (0.002; 0.01 while a near
            portal keeps the program's own thread busy). `max_pending=`, calls that may be pending at once (10,000): then
            `call` raises, and `await ready()` waits. `deduplicate=True` lets reads with the same path and parameters share a
            statement as long as one of them is pending; each has a result of its own, which may be what the portal said a
            moment before the call was made. `limits=`: how many calls and bytes a request has, and how many requests are in
            flight (by default 4; up to 16 while the portal is far, and not busy).
            `retry=`, `writes=`, `on_failure=`, `dependent=`, `deadline=`: as of `BatchSession`. With a URL also options of
            `Session`.

    Raises:
        TypeError, ValueError: an option has a value that it cannot have.
    """

    @concealing
    def __init__(self, session: SessionBase | str, **options: Unpack[AutoDoorOptions]) -> None:
        self._is_owner = not isinstance(session, SessionBase)
        own, rest = apart(options)
        window = Window(_seconds(rest.pop("window"))) if "window" in rest else None
        max_pending = _count(rest.pop("max_pending", 10_000))
        is_sharing = bool(rest.pop("deduplicate", False))
        if not isinstance(session, SessionBase):
            session = SessionBase(session, retry=rest.get("retry"), limits=rest.get("limits"), **own)
        elif own:
            raise TypeError(f"{', '.join(own)}: these belong to the session, which is given already")
        terms = session.exchange.terms.changed(rest)
        self._room = Room(window, terms, max_pending=max_pending, is_sharing=is_sharing)
        self._users: OrderedDict[Hashable, tuple[SessionBase, Gathering]] = OrderedDict()
        self._identity: Hashable = None
        self._session = session
        self._line = self._gathering = Gathering(self._room, session.exchange, session.tasks, session.known)
        self.portal: Portal = session.portal

    @concealing
    def acting_as(
        self, auth: tuple[str, str] | Authentication | Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Return the same for somebody else: calls of equal credentials and headers travel together, others never do.

        The limits are for all of them together. It need not be closed. What was used last is kept for 1,024 users.

        Args:
            auth: as of `Session`; None for a guest. Pairs, `BasicAuth`, `BearerAuth` and `SignIn` are equal if they hold the
                same, any other object is equal to itself.
            headers: in place of the session's headers of the same names, or beside them, such as `Accept-Language`.

        Raises:
            ClosedError: it is closed, or its session is.
            TypeError, ValueError: as `Session`.
        """
        self._check_open(None)
        auth = authentication_of(auth) if isinstance(auth, tuple) else auth  # at once: it hides the password
        named = checked_headers(headers or {})
        identity = self._identity, _key_of(auth), frozenset((name.lower(), each) for name, each in named.items())
        known = self._users.pop(identity, None)
        if known is None:
            session = self._session.acting_as(auth, headers=headers)
            known = session, Gathering(self._room, session.exchange, session.tasks, session.known)
            while len(self._users) >= _MOST_USERS:
                self._users.popitem(last=False)
        self._users[identity] = known
        other = copy.copy(self)
        other._is_owner, other._identity = False, identity  # noqa: SLF001 - a twin
        other._session, other._gathering = known  # noqa: SLF001 - as above
        other._line = other._gathering  # noqa: SLF001 - as above
        return other

    def _call_with_care(self, path: str, params: Params, returns: Any, options: CallOptions) -> Call[Any]:
        self._check_open(path)
        line, catalog = self._gathering, self.portal.catalog
        call = make_call(path, params, returns=returns, sender=line, options=options, catalog=catalog)
        line.append(call)
        self._session.known.learn(path, catalog)
        return call

    async def ready(self) -> None:
        """Wait until a call may be made, where many are pending: `await auto.ready()`, and then at once `auto.call(...)`.

        Cancelling it harms nobody else.
        """
        await self._room.ready()

    def upload(self, path: str, *_: object, **__: object) -> NoReturn:
        """Refuse: files never travel in a batch.

        Raises:
            TypeError: always; the text says what to do.
        """
        raise TypeError(f"{path}: a file never travels in a batch: give it to session.upload({path!r}, ...)")

    @property
    def is_closed(self) -> bool:
        """Whether no more calls are taken."""
        return self._room.is_closed or self._session.is_closed

    async def aclose(self) -> None:
        """Take no more calls, and wait for those that are pending. A session of its own is closed too.

        Where it acts as somebody else, it only waits, for the calls of this user that are pending now: it is closed with
        what it was made from. Cancelling skips the wait.
        """
        if self._identity is not None:
            await self._gathering.join()
            return
        self._room.close()
        await self._room.join()
        if self._is_owner:
            await self._session.aclose()

    def __len__(self) -> int:
        """Return the number of calls that are pending, of all users."""
        return self._room.pending

    def __bool__(self) -> bool:
        """Return True, also without calls."""
        return True

    async def __aenter__(self) -> Self:
        self._check_open(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self.aclose()
            elif self._identity is None:
                self._room.close()
                self._room.abandon(error)
        except BaseException as failure:
            kind = type(failure)
            raise
        finally:
            if self._is_owner:
                await self._session.leave(kind)

    def __repr__(self) -> str:
        return f"<AutoBatchSession {self._session.server} {len(self)} pending{' closed' if self.is_closed else ''}>"

    def _check_open(self, path: str | None) -> None:
        if self._room.is_closed:
            raise ClosedError("the automatic batch is closed: make another one with session.auto()", path=path)
        if self._session.is_closed:
            raise ClosedError("the session is closed: open a new one", path=path)


class _Itself:
    """An object that is equal to itself only, as a key."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _key_of(auth: object) -> Hashable:
    """Return what is equal for equal credentials. Foreign objects, such as of a subclass, may be equal for others."""
    is_ours = auth is None or type(auth).__module__.partition(".")[0] == _LIBRARY
    try:
        hash(auth)
    except TypeError:  # a bearer token's function may be no key
        is_ours = False
    return auth if is_ours else _Itself(auth)


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"window= takes a number of seconds, not {type(value).__name__}")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"max_pending= takes a number of calls, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"max_pending= takes at least 1, not {value}")
    return value
