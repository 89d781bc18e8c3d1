"""Credentials that a session has for good, such as a password: tried by one request, before others show them too. Knows when
the portal is to be asked; does not know what is asked, nor how it is sent.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

import anyio

from aioliferay._auth import BasicAuth, BearerAuth
from aioliferay._core.refusals import is_of_the_gate, refusal
from aioliferay.errors import AuthenticationError, LiferayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aioliferay._core.messages import Answer

_AHEAD_SECONDS: Final = 1.0  # for which others wait for a first answer: a real portal refuses a password in 0.12 s
_SHUT_SECONDS: Final = 60.0
_REFUSED_BEFORE: Final = (
    "the portal has just refused these credentials, and was not asked again: it may lock an account after some attempts"
)


class Trial:
    """Credentials that a session has for good, such as a password: whether the portal takes them.

    A wrong password is tried once, not by every call: a portal may lock an account after some attempts. Until the portal has
    answered, one request goes ahead of all others, for a second at most. What the portal refuses it is not shown again for a
    minute; what it took before, once it has refused it twice in a row.

    Args:
        is_password: whether a request goes ahead: of tokens nobody is locked out.

    Attributes:
        is_examined: an answer has shown that the portal knows who calls; or there is no way to find out.
        doubts: refusals so far that guests get too.
        now: tells the seconds of a clock that only goes forward.
    """

    def __init__(self, *, is_password: bool) -> None:
        self.is_examined: bool = False
        self.doubts: int = 0
        self.now: Callable[[], float] = time.monotonic
        self._is_password = is_password
        self._is_open = not is_password  # requests need not wait for one another
        self._ahead: anyio.Event | None = None
        self._examination: anyio.Lock | None = None
        self._left = 1  # refusals until it is not asked again
        self._refusal: AuthenticationError | None = None
        self._until = 0.0

    async def send(self, send: Callable[[float], Awaitable[Answer]], patience: float = math.inf) -> Answer:
        """Send a request, after the one that goes ahead; `send` is told the seconds for which it has waited.

        Raises:
            AuthenticationError: the portal has just refused the credentials; nothing was sent.
            LiferayError: as `send`.
        """
        waited = await self._turn(patience)
        ahead = anyio.Event() if not self._is_open and self._ahead is None else None
        self._ahead = ahead or self._ahead
        try:
            answer = await send(waited)
        except BaseException:
            self._is_open = True  # no answer tells nothing, and the next one may take as long
            raise
        else:
            self._note(answer)
            return answer
        finally:
            if ahead is not None:
                self._ahead = None
                ahead.set()

    def confirm(self) -> None:
        """Note that an answer has shown that the portal knows who calls."""
        self.is_examined = self._is_open = True
        self._left, self._refusal = 2, None

    async def examine(self, ask: Callable[[], Awaitable[Answer]]) -> AuthenticationError | None:
        """Send a call that every user may make, and return the error if that shows that the credentials are wrong.

        It is for after a refusal that guests get too: 6.2 looks for the service before it looks at who calls
        (`protocol.md` F.7). Calls that need it at the same time share one.
        """
        self._examination = self._examination or anyio.Lock()
        async with self._examination:
            if self.is_examined:
                return None
            try:
                self._check()
                answer = await ask()
            except AuthenticationError as refused_before:
                return refused_before
            except LiferayError:
                return None
            error = self._note(answer)
            self.is_examined = error is None
            return error

    async def _turn(self, patience: float) -> float:
        """Wait while another request goes ahead; return the seconds of the wait."""
        self._check()
        if self._is_open:
            return 0.0
        begun, has_waited = anyio.current_time(), False
        with anyio.move_on_after(min(_AHEAD_SECONDS, patience / 2)) as scope:
            while not self._is_open and self._ahead is not None:
                has_waited = True
                await self._ahead.wait()
                self._check()
        self._is_open |= scope.cancelled_caught
        return anyio.current_time() - begun if has_waited else 0.0

    def _check(self) -> None:
        if self._refusal is not None and self.now() < self._until:
            raise self._refusal.for_call("")
        if self._refusal is not None:
            self._refusal, self._is_open = None, not self._is_password

    def _note(self, answer: Answer) -> AuthenticationError | None:
        are_results = answer.status == 200 and answer.body.startswith(b"[")  # of most answers nothing more need be read
        error = None if are_results or not is_of_the_gate(answer) else refusal(answer)
        if not isinstance(error, AuthenticationError):
            self._is_open = True
            return None
        self.is_examined, self._is_open = False, not self._is_password
        self._left -= 1
        if self._left <= 0:
            self._refusal = AuthenticationError(_REFUSED_BEFORE, status=error.status)
            self._refusal.__cause__ = error
            self._until = self.now() + _SHUT_SECONDS
        return error


def trial_of(auth: object, headers: Mapping[str, str]) -> Trial | None:
    """Return the trial of the credentials of a session; None if it has none, or such that change or may be renewed."""
    if auth is None:
        given = [value for name, value in headers.items() if name.lower() == "authorization"]
        return Trial(is_password=given[0][:6].lower() == "basic ") if given else None
    kind: Any = type(auth)
    flow = getattr(kind, "flow", None)
    is_password = flow is BasicAuth.flow or (kind.__name__ == "BasicAuth" and hasattr(kind, "async_auth_flow"))  # httpx's
    return Trial(is_password=is_password) if is_password or flow is BearerAuth.flow else None
