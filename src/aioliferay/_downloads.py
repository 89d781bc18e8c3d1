"""One download from its first request to the whole file: redirects, repetitions, the rest of a part. Knows who is asked, and
who is shown credentials; does not know where the file goes.
"""

from __future__ import annotations

import base64
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urldefrag, urlsplit

import anyio

from aioliferay._auth import BasicAuth
from aioliferay._bodies import Stream
from aioliferay._core import downloads, recovery
from aioliferay._core.messages import Command, NotSent, Outcome, Request, Unknown, merged
from aioliferay._core.refusals import refused
from aioliferay._keeper import Keeper
from aioliferay._sources import report
from aioliferay._targets import Part
from aioliferay._trip import Trip
from aioliferay._uploads import LONGEST_PAUSE
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConnectError,
    LiferayError,
    NoAnswerError,
    NotSentError,
    ProtocolError,
    RedirectError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from aioliferay._core.messages import Answer
    from aioliferay._exchange import Exchange
    from aioliferay._sources import Progress
    from aioliferay._targets import Target

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_GET: Final = Command("", b"", None, (), is_read=True)
_ASKING: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
_SIGNED_IN: Final = "the portal gives documents to signed-in sessions only: use auth=SignIn(user, password), or WebDAV"


@dataclass(frozen=True, slots=True)
class Download:
    """What `Session.download` has written.

    Attributes:
        path: of the file; None if it went into a file that was open.
        size: in bytes.
        content_type: as the portal says, such as `text/plain`.
        filename: the name that the portal gives the file, without folders; None if it gives none.
        is_resumed: whether a part of it had come before.
    """

    path: Path | None
    size: int
    content_type: str
    filename: str | None
    is_resumed: bool


@dataclass(slots=True)
class Asker:
    """Who asks for files: a session, as far as that is needed.

    Attributes:
        server: the portal's root; its origin gets credentials, no other does.
        exchange: the way there.
        check: makes a call that tells whether the credentials are accepted, and renews them.
    """

    server: str
    exchange: Exchange
    check: Callable[[], Awaitable[object]]

    def is_home(self, url: str) -> bool:
        """Tell whether a URL is one of the portal's."""
        return self.exchange.invoker.transport.is_home(url, self.server)

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        stream: Stream,
        *,
        timeout: float | None,  # noqa: ASYNC109 - it is handed on
    ) -> Answer:
        """Send one request, with credentials unless the stream is foreign."""
        invoker, limits = self.exchange.invoker, self.exchange.terms.limits
        invoker.count += 1
        if stream.is_foreign:
            kept = {name: value for name, value in invoker.headers.items() if name.lower() == "user-agent"}
            headers = merged(kept, headers)
        else:
            headers = merged(invoker.headers, headers)
            stream.digest = self._digest(url)
        request = Request("GET", url, headers)
        if stream.is_foreign or stream.digest is not None:
            send = invoker.transport.send
            return await send(request, Trip(), timeout=timeout, max_bytes=limits.max_answer_bytes, stream=stream)
        return await invoker.carry(request, Trip(), stream, timeout=timeout, max_bytes=limits.max_answer_bytes)

    def _digest(self, url: str) -> tuple[str, str] | None:
        """Return user and password for WebDAV, which knows no basic authentication (`protocol.md` F.26)."""
        auth = self.exchange.invoker.auth
        if not isinstance(auth, BasicAuth) or not urlsplit(url).path.startswith(f"{urlsplit(self.server).path}/webdav/"):
            return None
        (request,) = auth.flow(Request("GET", url))
        user, _, password = base64.b64decode(request.headers["Authorization"][6:]).decode().partition(":")
        return user, password


def _web_address(location: str) -> str:
    """Return where a redirect leads; nothing if that is no plain address on the web."""
    try:
        url = urldefrag(location).url
        is_plain = "@" not in urlsplit(url).netloc
    except ValueError:
        return ""
    return url if is_plain and url.lower().startswith(("http://", "https://")) else ""


class _WrongPartError(LiferayError):
    """The portal answered with another part of the file than was asked for."""


@dataclass(slots=True)
class Fetch:
    """One download; takes the body of its answers.

    Attributes:
        url: absolute.
        timeout: the longest pause; None if the caller limits the whole.
    """

    url: str
    target: Target
    asker: Asker
    progress: Progress | None
    timeout: float | None = LONGEST_PAUSE
    is_resumed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    _total: int | None = None
    _validator: str = ""
    _offset: int = 0
    _is_taken: bool = False
    _has_checked: bool = False
    _failure: Exception | None = None

    async def run(self) -> None:
        """Fetch the file.

        Raises:
            LiferayError: it does not come.
            OSError: it cannot be written.
        """
        try:
            part = await self.target.open(self.url)
            if part is not None and part.size != part.total:
                self._total, self._validator = part.total, part.validator
            await self._attempts()
            await self.target.finish()
        except LiferayError as error:
            error.path = error.path or self.path
            raise
        finally:
            self.target.abandon(self._part())

    @property
    def path(self) -> str:
        """What is fetched, for texts: without the query, which may hold what no log should."""
        return urlsplit(self.url).path

    def _part(self) -> Part | None:
        if not self._validator or not self.target.size:
            return None
        return Part(self.url, self._validator, self.target.size, self._total)

    async def _attempts(self) -> None:
        attempt = 1
        self.asker.exchange.retries(anyio.current_time()).earn()
        while True:
            error, headers = await self._attempt()
            if self._failure is not None:
                raise self._failure
            if error is None:
                return
            if isinstance(error, _WrongPartError):
                self._validator, self._total = "", None
            elif downloads.is_sign_in(error) and self._may_check():
                await self._check(error)
            elif downloads.is_sign_in(error) and self._has_checked:
                text = "the portal accepts the credentials, and this user may not see the file"
                raise AccessDeniedError(text, status=error.status or 0)
            else:
                await self._pause(error, headers, attempt)
                attempt += 1

    def _may_check(self) -> bool:
        if self._has_checked or not isinstance(self.asker.exchange.invoker.auth, Keeper):
            return False
        self._has_checked = True
        return True

    async def _check(self, error: LiferayError) -> None:
        try:
            await self.asker.check()
        except LiferayError as failure:
            raise error from failure

    async def _pause(self, error: LiferayError, headers: Mapping[str, str], attempt: int) -> None:
        """Wait until the next attempt; raise the error if there is none."""
        now = anyio.current_time()
        situation = recovery.Situation(
            attempt=attempt,
            dice=random.random(),  # noqa: S311 - it spreads pauses
            date=time.time(),
            patience=float("inf"),
            headers=headers,
        )
        outcome: Outcome[None] = refused(error, [_GET])[0]
        if isinstance(error, TransportError | NotSentError):
            outcome = NotSent(error) if isinstance(error, NotSentError) else Unknown(error)
        exchange = self.asker.exchange
        step = recovery.next_step([_GET], [outcome], situation, exchange.terms.retry)
        if step.kind != "retry" or not exchange.retries(now).spend(now):
            raise self._helpful(error)
        await anyio.sleep(step.delay)

    def _helpful(self, error: LiferayError) -> LiferayError:
        if isinstance(error, AuthenticationError) and error.status != 401:
            if isinstance(self.asker.exchange.invoker.auth, BasicAuth | None):
                error.remedy = _SIGNED_IN
        elif isinstance(error, ConnectError | NoAnswerError) and self._part() is not None and error.args:
            error.args = (f"{error.args[0]}; {self.target.size} bytes have come",)
        return error

    async def _attempt(self) -> tuple[LiferayError | None, Mapping[str, str]]:
        self._offset = self.target.size if self._validator else 0
        self._is_taken = False
        try:
            answer = await self._followed()
        except LiferayError as failure:
            return failure, {}
        if self._is_taken:
            if self._total is not None and self.target.size != self._total:
                text = f"the file broke off: {self.target.size} bytes of {self._total} have come"
                return NoAnswerError(text), {}
            return None, answer.headers
        if answer.status == 416 and self._offset:
            return _WrongPartError("it is not as long any more"), answer.headers
        error = downloads.failure_of(answer)
        if error is None:  # a page, and what was asked for
            await self._begin_anew(answer)
            await self.write(answer.body)
        return error, answer.headers

    async def _followed(self) -> Answer:
        """Ask, and go where the portal sends us. Whoever is not the portal sees no credentials, nor does who comes after."""
        url, is_trusted = self.url, self.asker.is_home(self.url)
        for _ in range(_MOST_REDIRECTS + 1):
            headers = dict(_ASKING)
            if self._offset:
                headers |= {"Range": f"bytes={self._offset}-", "If-Range": self._validator}
            stream = Stream(sink=self, is_foreign=not is_trusted)
            answer = await self.asker.ask(url, headers, stream, timeout=self.timeout)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location or downloads.is_sign_in(downloads.failure_of(answer)):
                return answer
            url = _web_address(location)
            if not url:
                raise RedirectError(f"it is redirected to {location[:200]!r}", location=location, status=answer.status)
            is_trusted = is_trusted and self.asker.is_home(url)
        text = f"it is redirected more than {_MOST_REDIRECTS} times, at last to {url[:200]!r}"
        raise RedirectError(text, location=url)

    async def begin(self, answer: Answer) -> bool:
        """Look at the head of an answer, and tell whether it brings the file."""
        try:
            return await self._begin(answer)
        except _WrongPartError:
            raise
        except Exception as error:
            self._failure = error
            raise

    async def _begin(self, answer: Answer) -> bool:
        if answer.status == 206 and self._offset:
            total = downloads.total_of_rest(answer, self._offset, self._total)
            if total is None or self._is_other(answer):
                raise _WrongPartError("it is another part of it")
            self._total = total
            self.headers = answer.headers
            self.is_resumed = True
        elif downloads.is_whole(answer):
            await self._begin_anew(answer)
        else:
            return False
        self._is_taken = True
        return True

    def _is_other(self, answer: Answer) -> bool:
        """Tell whether a part is of another state of the file than the bytes that have come."""
        validator = downloads.validator_of(answer.headers)
        return validator.startswith('"') and self._validator.startswith('"') and validator != self._validator

    async def _begin_anew(self, answer: Answer) -> None:
        encoding = answer.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            text = f"the file comes encoded as {encoding!r}, which was not asked for: what is between here and the portal?"
            raise ProtocolError(text, status=answer.status)
        self.headers = answer.headers
        self.is_resumed = False
        self._validator = downloads.validator_of(answer.headers)
        self._total = downloads.size_of(answer.headers)
        await self.target.restart(self._total)

    async def write(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        try:
            await self.target.write(data)
            await report(self.progress, self.target.size, self._total, path=self.path)
        except Exception as error:
            self._failure = error
            raise
