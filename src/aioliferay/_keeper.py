"""Credentials that are obtained from the portal, kept for one session, and renewed once for all calls that wait for it.
Knows when to renew and whom to tell; a `Renewable` knows how.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay._auth import Authentication
from aioliferay.errors import AuthenticationError, LiferayError, NotSentError

if TYPE_CHECKING:
    from aioliferay._auth import Renewable
    from aioliferay._core.messages import Answer, Request
    from aioliferay._tasks import BackgroundTasks

Carry = Callable[["Request"], Awaitable["Answer"]]
_FAREWELL_SECONDS: Final = 2.0
_FRUITLESS: Final = 2  # credentials in a row that the portal gave and then did not accept


class _Renewal:
    """A renewal under way: what to wait for, and how it ended."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.error: BaseException | None = None

    def end(self, error: BaseException | None = None) -> None:
        self.error = error
        self.ended.set()


class Keeper:
    """The credentials of one session.

    A cancelled caller does not cancel the renewal that others wait for: it runs in a task of the session's own. What the
    portal refuses for good, such as a wrong password, is asked for once: later calls fail with the same error at once.
    """

    def __init__(self, way: Renewable[Any], server: str, tasks: BackgroundTasks) -> None:
        self.way = way
        self._server = server
        self._tasks = tasks
        self._credentials: Any = None
        self._renewal: _Renewal | None = None
        self._failure: AuthenticationError | None = None
        self._fruitless = 0

    async def send(self, request: Request, carry: Carry, *, may_repeat: Callable[[Answer, bool], bool]) -> Answer:
        """Send a request with credentials, renewed before if they are due, and after if the portal refuses them.

        `may_repeat` tells of an answer, and whether it proves that nothing ran, if the request may be sent again.

        Raises:
            AuthenticationError: the portal gives no credentials.
            LiferayError: no answer.
        """
        credentials = await self._current(carry)
        answer = await carry(self.way.signed(request, credentials))
        verdict = self.way.verdict(answer, credentials)
        if verdict != "accepted":
            renewed = await self._renewed(credentials, carry)
            if renewed is None or not may_repeat(replace(answer, is_unauthenticated=True), verdict == "refused"):
                return answer
            credentials = renewed
            answer = await carry(self.way.signed(request, credentials))
            verdict = self.way.verdict(answer, credentials)
        if verdict == "accepted":
            self._fruitless = 0
            if self._credentials is not None and _is_same(self._credentials, credentials):
                self._credentials = self.way.used(self._credentials, time.time())
        return answer

    async def signed(self, request: Request, carry: Carry) -> Request:
        """Return a request with credentials, for one whose answer does not tell whether they are accepted: that of a file.

        Raises:
            LiferayError: the portal gives none.
        """
        return self.way.signed(request, await self._current(carry))

    async def aclose(self, carry: Carry) -> None:
        """Give the credentials back, if they are of a kind that can be; for 2 seconds at most, and whatever comes of it."""
        credentials, self._credentials = self._credentials, None
        request = None if credentials is None else self.way.farewell(self._server, credentials)
        if request is not None:
            with anyio.move_on_after(_FAREWELL_SECONDS), suppress(LiferayError):
                await carry(request)

    async def _current(self, carry: Carry) -> Any:
        # Once: what has a very short life is due again at once.
        if self._credentials is None or self.way.is_due(self._credentials, time.time()):
            await self._renew(self._credentials, carry)
        return self._credentials

    async def _renewed(self, refused: Any, carry: Carry) -> Any:
        """Return credentials in place of refused ones; None if it is of no use to ask for more."""
        if self._is_replaced(refused):
            return await self._current(carry)
        if self._renewal is None:  # the first of those that were refused
            self._fruitless += 1
            if self._fruitless > _FRUITLESS:
                self._failure = AuthenticationError("the portal gives credentials and then does not accept them")
                return None
        with suppress(AuthenticationError):
            await self._renew(refused, carry)
            return await self._current(carry)
        return None

    def _is_replaced(self, credentials: Any) -> bool:
        return self._credentials is not None and not _is_same(self._credentials, credentials)

    async def _renew(self, old: Any, carry: Carry) -> None:
        if self._failure is not None:
            raise self._failure.for_call("").with_traceback(None)
        if self._renewal is None:
            renewal = self._renewal = _Renewal()
            lost = partial(renewal.end, NotSentError("the event loop ended before there were credentials"))
            self._tasks.start(partial(self._run, renewal, old, carry), lost=lost)
        renewal = self._renewal
        await renewal.ended.wait()
        if isinstance(renewal.error, LiferayError):
            raise renewal.error.for_call("")
        if renewal.error is not None:
            raise NotSentError(f"no credentials: {type(renewal.error).__name__}: {renewal.error}") from renewal.error

    async def _run(self, renewal: _Renewal, old: Any, carry: Carry) -> None:
        error: BaseException | None = NotSentError("the session was closed before there were credentials")
        try:
            self._credentials = await self._obtain(old, carry)
            error = None
        except AuthenticationError as failure:
            self._failure = error = failure
        except Exception as failure:  # noqa: BLE001 - whatever it is, those who wait are told
            error = failure
        finally:
            self._renewal = None
            renewal.end(error)

    async def _obtain(self, old: Any, carry: Carry) -> Any:
        flow = self.way.obtain(self._server, old, time.time())
        try:
            step: Any = next(flow)
            while True:
                result: Any = await (step() if not hasattr(step, "url") else carry(step))
                step = flow.send(result)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()


def kept(
    auth: Authentication | Renewable[Any] | None, server: str, tasks: BackgroundTasks
) -> Authentication | Keeper | None:
    """Return the authentication of a session: a keeper, if its credentials come from the portal."""
    return auth if auth is None or isinstance(auth, Authentication) else Keeper(auth, server, tasks)


def _is_same(one: Any, other: Any) -> bool:
    return one is other or getattr(one, "id", one) == getattr(other, "id", other)
