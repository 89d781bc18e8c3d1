"""What a session has open, for whom, and how it is closed. Knows the portal's address; makes no calls."""

from __future__ import annotations

import copy
import sys
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import anyio

from aioliferay._auth import Authentication, authentication_of, concealing
from aioliferay._calling import checked_timeout
from aioliferay._core.messages import merged
from aioliferay._exchange import Exchange
from aioliferay._files import Files
from aioliferay._hints import Hints
from aioliferay._http import Transport
from aioliferay._invoker import Invoker
from aioliferay._keeper import Keeper, kept
from aioliferay._options import INVOKE, Terms, checked_headers, root_of, user_agent, warn_if_insecure
from aioliferay._tasks import BackgroundTasks, is_prompt
from aioliferay._trial import trial_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from aioliferay._core.packing import BatchLimits
    from aioliferay._core.recovery import RetryPolicy
    from aioliferay._plain import Known
    from aioliferay.observe import Hook

_GRACE_SECONDS: Final = 5.0
_LAST_SECONDS: Final = 1.0
_PERSONAL: Final = frozenset({"authorization", "cookie", "x-csrf-token"})  # headers that say who calls


class SessionBase(Files):
    """What every front door stands on: the connections to one portal, who calls, and on which terms.

    The arguments are those of `Session`.
    """

    @concealing
    def __init__(  # noqa: PLR0913 - the architecture's own list; grouped options come with their issues
        self,
        server: str,
        *,
        auth: tuple[str, str] | Authentication | Any = None,
        timeout: float | None = 30.0,
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
        limits: BatchLimits | None = None,
        http: Any = None,
        hooks: Sequence[Hook] = (),
        hints: bool | None = None,
    ) -> None:
        is_foreign = hasattr(auth, "async_auth_flow")
        auth = own = authentication_of(auth)
        library_auth = auth if is_foreign else getattr(http, "auth", None) if auth is None else None
        self.server: str = root_of(server)
        self._tasks = BackgroundTasks()
        invoker = Invoker(
            url=self.server + INVOKE,
            transport=Transport(http, auth=auth if is_foreign else None, has_own_auth=auth is not None),
            auth=None if is_foreign else kept(own, self.server, self._tasks, seconds=timeout),
            headers=merged({"User-Agent": user_agent()}, checked_headers(headers or {})),
            hooks=tuple(hooks),
            trial=trial_of(library_auth, {}),
        )
        self._exchange = Exchange(invoker, checked_timeout(timeout), Terms().changed({"limits": limits, "retry": retry}))
        self._hints = Hints() if (sys.flags.dev_mode if hints is None else hints) else None
        self._is_closed = False
        self.known: Known = invoker.portal.new_known()
        self._exchange.traffic.doors.add(self)
        self._is_guest_here = False  # over the connections of another session
        self._open_line()
        warn_if_insecure(self.server, own, stacklevel=3)

    @concealing
    def acting_as(
        self, auth: tuple[str, str] | Authentication | Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Return a session for somebody else at the same portal, over the connections of this one.

        It has this session's options, catalog and headers, but for those that say who calls, and its own credentials: no
        request carries those of two. It ends with this session, and need not be closed; `aclose()` waits for its own calls,
        signs it out if it has signed in, and leaves the connections open.

        Args:
            auth: as of `Session`; None for a guest.
            headers: in place of this session's headers of the same names, or beside them.

        Raises:
            ClosedError: this session is closed.
            TypeError, ValueError: as `Session`.
        """
        self._check_open()
        is_foreign = hasattr(auth, "async_auth_flow")
        auth = own = authentication_of(auth)
        other = copy.copy(self)
        other._tasks = tasks = _GuestTasks(self._tasks)  # noqa: SLF001 - a twin
        here = self._exchange.invoker
        inherited = {name: value for name, value in here.headers.items() if name.lower() not in _PERSONAL}
        invoker = Invoker(
            url=here.url,
            transport=here.transport.shared(auth if is_foreign else None),
            auth=None if is_foreign else kept(own, self.server, tasks, seconds=self._exchange.timeout),
            headers=merged(inherited, checked_headers(headers or {})),
            hooks=here.hooks,
            portal=here.portal,
            trial=trial_of(auth if is_foreign else None, {}),
        )
        traffic = self._exchange.traffic
        if isinstance(invoker.auth, Keeper):
            traffic.keepers.add(invoker.auth)
        other._exchange = Exchange(invoker, self._exchange.timeout, self._exchange.terms, traffic)  # noqa: SLF001 - as above
        other._is_guest_here = True  # noqa: SLF001 - as above
        other.known = here.portal.new_known()
        other._open_line()  # noqa: SLF001 - as above
        traffic.doors.add(other)
        warn_if_insecure(self.server, own, stacklevel=3)
        return other

    def _open_line(self) -> None:
        """Get ready for calls: nobody makes any at what is only the ground of a door."""

    @property
    def url(self) -> str:
        """Where calls are posted."""
        return self._exchange.invoker.url

    @property
    def is_closed(self) -> bool:
        """Whether the session has been closed, or is about to be: it takes no more calls."""
        return self._is_closed

    async def aclose(self) -> None:
        """Close the session: wait up to 5 seconds for calls in flight, cancel the rest, close the connections.

        From now on every call fails with a `ClosedError`. Cancelling this skips the wait. Closing twice does nothing.
        """
        await self._close(_GRACE_SECONDS)

    async def _close(self, grace: float) -> None:
        self._is_closed = True
        self.known.close()
        if self._is_guest_here:
            await self._depart(grace)
            return
        traffic, invoker = self._exchange.traffic, self._exchange.invoker
        traffic.is_closing = True
        for door in traffic.doors:
            door._is_closed = True  # noqa: SLF001 - a twin
            door.known.close()
        for bell in traffic.bells:
            bell.ring()
        keepers = [*traffic.keepers]
        invoker.close_soon()
        for keeper in keepers:
            keeper.close_soon()
        try:
            if grace:
                with anyio.move_on_after(grace):
                    await traffic.join()
                    await self._tasks.join()
        finally:
            traffic.is_closed = True
            # Bounded: a callback that closes its own session from a task of its own would wait for itself.
            with anyio.move_on_after(_LAST_SECONDS, shield=True):
                traffic.cancel()
                self._tasks.cancel()
                await traffic.join()
                await self._tasks.join()
                if grace:
                    async with anyio.create_task_group() as farewells:
                        for farewell in (invoker.aclose, *(keeper.aclose for keeper in keepers)):
                            farewells.start_soon(farewell)
            with anyio.CancelScope(shield=True):
                await invoker.transport.aclose()

    async def _depart(self, grace: float) -> None:
        """Close a session that has no connections of its own."""
        traffic, invoker = self._exchange.traffic, self._exchange.invoker
        invoker.close_soon()
        try:
            with anyio.move_on_after(grace):
                await traffic.join(self._exchange)
                await self._tasks.join()
        finally:
            with anyio.move_on_after(_LAST_SECONDS, shield=True):
                traffic.cancel(self._exchange)
                self._tasks.cancel()
                await traffic.join(self._exchange)
                await self._tasks.join()
                if grace and not traffic.is_closed:
                    await invoker.aclose()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave(kind)

    async def leave(self, kind: type[BaseException] | None) -> None:
        """Close the session after a block that ended so: without an exception, by one of that kind."""
        # Who leaves by an exception will not look at what is read; who is cancelled, or interrupted, wants out at once.
        if kind is not None:
            self._exchange.traffic.cancel(self._exchange if self._is_guest_here else None, only_reads=True)
        await self._close(0 if is_prompt(kind) else _GRACE_SECONDS)

    def __del__(self) -> None:
        exchange: Exchange | None = getattr(self, "_exchange", None)
        if exchange is None or self.is_closed or self._is_guest_here:
            return
        if exchange.invoker.count and exchange.invoker.transport.is_own:
            text = f"a session with {self.server} was never closed: use `async with`, or await session.aclose()"
            warnings.warn(text, ResourceWarning, stacklevel=1, source=self)

    def __repr__(self) -> str:
        return f"<Session {self.server}{' closed' if self.is_closed else ''}>"


class _GuestTasks(BackgroundTasks):
    """The tasks of a session over the connections of another, which has them among its own."""

    def __init__(self, home: BackgroundTasks) -> None:
        super().__init__()
        self.home: BackgroundTasks = home.home if isinstance(home, _GuestTasks) else home

    def start(self, work: Callable[[], Awaitable[None]], *, lost: Callable[[], None]) -> anyio.CancelScope:
        scope = self._new_scope()

        def gone() -> None:
            self._end(scope)
            lost()

        self.home.start(partial(self._run, scope, work), lost=gone)
        return scope
