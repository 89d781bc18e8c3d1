"""Every error of the library, as one tree. Knows what each error means; does not know how it comes about.

    LiferayError
    ├── TransportError              the network is at fault
    │   ├── ConnectError            no connection was made: nothing reached the portal (is a NotSentError too)
    │   └── NoAnswerError           the request went out and no whole answer came back: a write may have run
    ├── NotSentError                the call never left this process; it may be made again
    ├── ServerError                 the portal is at fault, or says that you are: its exception class and message
    │   ├── AuthenticationError     it does not know who calls
    │   ├── AccessDeniedError       it knows, and refuses
    │   ├── NoSuchServiceError      no service of that path and those parameter names
    │   └── NotFoundError           NoSuchUserException, NoSuchEntryException and their like
    ├── ProtocolError               the answer is not what `/api/jsonws/invoke` answers: HTML, garbage, a wrong count
    │   └── AnswerTooLargeError     the answer is larger than `BatchLimits.max_answer_bytes`: it was not read to its end
    ├── CatalogError                what should be a catalog of services is none
    ├── RedirectError               the portal is elsewhere (redirects are not followed: POST would become GET)
    ├── ResultError                 the call ran, but its result does not fit `returns=`
    ├── DependencyError             the call needs the result of a call that failed
    ├── CallCancelledError          the call was cancelled
    ├── CallbackError               a callback of yours raised
    ├── NotSettledError             a result was asked for too early (is a RuntimeError too)
    ├── ClosedError                 the session or batch is closed (is a RuntimeError too)
    ├── TooManyCallsError           an automatic batch has too many calls pending (is a NotSentError and a RuntimeError too)
    ├── BatchSplitError             an early await would split a strict batch (is a RuntimeError too)
    └── BatchError                  several calls failed (is an ExceptionGroup too)

Mistakes that show at the line of the call (a bad path, a value that cannot be encoded) are `TypeError` and `ValueError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType


class LiferayError(Exception):
    """The root of all errors of this library.

    The error of a call tells where it belongs, in these attributes and in a note that its traceback shows. None where it is
    not known, or no call carries the error.

    Attributes:
        path: the path of the call, such as `/user/get-user-by-id`.
        command: the command; its `statement` is what was sent, in bytes.
        position: of the call in its batch, from 0.
        site: file and line where the call was made.
        request: number of the request in its session, from 1: the last one that carried the call.
        status: HTTP status of the answer.
        elapsed: seconds from the beginning of that request.
        outcome: what became of the call: "ok", "failed", "not sent", "not run", "unknown" or "cancelled".
    """

    command: Any = None
    position: int | None = None
    site: tuple[str, int] | None = None
    request: int | None = None
    status: int | None = None
    elapsed: float | None = None
    outcome: str | None = None

    def __init__(self, message: str = "", *, path: str | None = None) -> None:
        super().__init__(message)
        self.path: str | None = path

    def __str__(self) -> str:
        text = str(self.args[0]) if self.args else ""
        return f"{self.path}: {text}" if self.path else text

    def for_call(self, path: str) -> Self:
        """Return a copy for one call, with the same cause: one error for all would mix up tracebacks."""
        # Not `copy`: libraries such as Dask's teach it to copy causes and tracebacks of exceptions, too.
        twin = type(self).__new__(type(self), *self.args)
        vars(twin).update(vars(self))
        twin.path = path
        twin.__cause__ = self.__cause__
        if hasattr(twin, "__notes__"):
            twin.__notes__ = list(twin.__notes__)
        return twin

    def note_place(self) -> None:
        """Put what is known of the call into a note."""
        where = "" if self.site is None else f" made at {self.site[0]}:{self.site[1]}"
        parts = [f"call {self.path or ''}{where}" if self.position is None else f"call {self.position} of its batch,{where}"]
        if self.request is not None:
            status = "no answer" if self.status is None else f"status {self.status}"
            parts.append(f"request {self.request}, {status}, {self.elapsed or 0:.3f} s")
        parts.append(f"outcome: {self.outcome}")
        self.add_note("; ".join(parts))


class TransportError(LiferayError):
    """The network failed; the subclasses tell what that means to the call. `__cause__` is the HTTP library's error."""


class NotSentError(LiferayError):
    """The call never left this process: making it again cannot do it twice."""


class ConnectError(TransportError, NotSentError):
    """No connection to the portal was made (refused, no such host, TLS, proxy, no free connection in time)."""


class NoAnswerError(TransportError):
    """The request was sent, or partly sent, and no whole answer came. Whether the portal ran it, nobody can know.

    `is_timeout` tells that the time ran out: the portal may still be at work (`real-timings.md` §4).
    """

    def __init__(self, message: str = "", *, is_timeout: bool = False, path: str | None = None) -> None:
        super().__init__(message, path=path)
        self.is_timeout = is_timeout


class ServerError(LiferayError):
    """The portal answered with one of its exceptions (`protocol.md` A.3).

    Attributes:
        exception: full name of the Java class, `""` where the portal does not tell (7.3+ by default).
        message: the portal's text, `""` where it does not tell.
        status: HTTP status (200 on 6.2, whatever happened).
        calls: number of calls in the refused request. The portal does not say which of them failed: with more than one,
            this error is the error of the whole request.
    """

    def __init__(
        self, message: str = "", *, exception: str = "", status: int = 200, calls: int = 1, path: str | None = None
    ) -> None:
        super().__init__(message, path=path)
        self.message = message
        self.exception = exception
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # an answer has one, always
        self.calls = calls

    def is_a(self, name: str) -> bool:
        """Tell whether the Java class is `name`, given in full or without its package (`"NoSuchEntryException"`)."""
        outer = self.exception.partition("$")[0]
        simple = self.exception.rpartition(".")[2]
        return bool(name) and name in {self.exception, outer, simple, *simple.split("$")}

    remedy = ""

    def __str__(self) -> str:
        told = self.message or "the portal gives no reason"
        if self.exception and self.exception != self.message:
            told += f" ({self.exception})"
        if self.status != 200:
            told += f" [status {self.status}]"
        if self.remedy:
            told += f"; {self.remedy}"
        if self.calls == 1:
            return f"{self.path} was refused: {told}" if self.path else told
        where = f"{self.path}: " if self.path else ""
        return f"{where}the portal refused the batch of {self.calls} calls and does not say which one failed: {told}"


class AuthenticationError(ServerError):
    """The portal does not know who calls: no or wrong credentials, in any of the forms in which it says so."""

    remedy = "check the credentials given as auth="


class AccessDeniedError(ServerError):
    """The portal knows who calls, and refuses: no permission, a service access policy, an address not allowed."""


class NoSuchServiceError(ServerError):
    """No service has this path and these parameter names. A missing or misspelt parameter gives the same error."""

    remedy = "check the path and the names of all parameters: the portal finds a service by both"


class NotFoundError(ServerError):
    """The portal knows the service, but not the thing that was asked for (`NoSuch...Exception`, or status 404)."""


class ProtocolError(LiferayError):
    """The answer is not what the invoker answers. `status` is the HTTP status, `excerpt` the beginning of the body."""

    def __init__(self, message: str = "", *, status: int = 200, excerpt: str = "", path: str | None = None) -> None:
        super().__init__(message, path=path)
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # an answer has one, always
        self.excerpt = excerpt


class AnswerTooLargeError(ProtocolError):
    """The answer is larger than `BatchLimits.max_answer_bytes`, or decompresses to more: it was not read to its end."""


class CatalogError(LiferayError):
    """What should be the answer of a portal's discovery cannot be read; the text names the place."""


class RedirectError(LiferayError):
    """The portal sends the client elsewhere: `location` is the new URL, `status` the HTTP status."""

    def __init__(self, message: str = "", *, location: str = "", status: int = 302, path: str | None = None) -> None:
        super().__init__(message, path=path)
        self.location = location
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # an answer has one, always


class ResultError(LiferayError):
    """The call ran and its result does not fit `returns=`; `value` is the result as it came."""

    def __init__(self, message: str = "", *, value: object = None, path: str | None = None) -> None:
        super().__init__(message, path=path)
        self.value = value


class DependencyError(NotSentError):
    """The call refers to the result of a call that failed or lacks the property; it was not sent. `__cause__` tells why."""


class CallCancelledError(LiferayError):
    """The call was cancelled, by `call.cancel()` or with the task that sent it.

    Not `asyncio.CancelledError`: the task that awaits the call is not cancelled itself.
    """


class CallbackError(LiferayError):
    """A callback raised; `__cause__` is what it raised. The other callbacks have run all the same."""


class NotSettledError(LiferayError, RuntimeError):
    """`result()`, `exception()` or `outcome` was asked of a call that has not ended yet: await it first."""


class ClosedError(NotSentError, RuntimeError):
    """The session or batch is closed: the call was not sent."""


class TooManyCallsError(NotSentError, RuntimeError):
    """More calls are pending than `max_pending=` of an automatic batch allows: this one was not made.

    `await auto.ready()` waits until one can be made.
    """


class BatchSplitError(LiferayError, RuntimeError):
    """A call was made on a `strict=True` batch after an early `await` had sent it: a second request would be needed."""


class BatchSplitWarning(UserWarning):
    """An early `await` inside the block sent the batch before it was complete: it takes more requests than it needs."""


class BatchHint(UserWarning):
    """Calls in a row from one line travel in a request each, where a batch would carry them in one.

    Told once for each line, in Python's development mode (`python -X dev`) or by `Session(hints=True)`.
    """


class PortalVersionWarning(UserWarning):
    """Services of one Liferay version are called on a portal of another."""


class SignInWarning(UserWarning):
    """A portal has no sign-in page, so that the password goes with every request."""


class InsecureTransportWarning(UserWarning):
    """A password would travel over plain HTTP to another computer, where everybody on the way can read it."""


class Remainder(Protocol):
    """The batch that `BatchError.remaining()` gives: a `BatchSession`."""

    async def invoke(self, *, return_exceptions: bool = False) -> list[Any]:
        """Send the calls, and return their results in call order."""
        ...

    def __len__(self) -> int: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class BatchError(ExceptionGroup[Exception], LiferayError):
    """Calls of a batch failed; `exceptions` holds one error a failed call, in call order. Works with `except*`."""

    _renew: Callable[[Sequence[Exception]], Remainder] | None = None
    _rest: Remainder | None = None

    def __init__(self, message: str, exceptions: Sequence[Exception], /) -> None:
        super().__init__(message, exceptions)
        self.path: str | None = None

    def derive(self, excs: Sequence[Exception], /) -> BatchError:  # type: ignore[override]  # narrower on purpose: a part of a BatchError is one
        """Return a `BatchError` with some of the errors; `split` and `except*` call this."""
        return BatchError(self.message, excs).with_renewal(self._renew)

    def with_renewal(self, renew: Callable[[Sequence[Exception]], Remainder] | None) -> Self:
        """Give the error what `remaining()` needs: a function from errors to a batch of those that may be sent again."""
        self._renew = renew
        return self

    def remaining(self) -> Remainder:
        """Return a batch, always the same, of those calls that provably did not run: the same objects, queued again.

        Leave its block, or `await` its `invoke()`, to send them; whoever awaits one of them gets the new result. Calls whose
        outcome is unknown are not among them, nor those that the portal refused, nor what depends on such a call.

        Raises:
            ClosedError: the session has been closed meanwhile.
            LiferayError: this error comes from no batch.
        """
        if self._renew is None:
            raise LiferayError("this error comes from no batch: there is nothing to send again")
        self._rest = self._rest or self._renew(self.exceptions)
        return self._rest

    def __str__(self) -> str:
        first = str(self.exceptions[0]) if self.exceptions else ""
        return f"{self.message}; the first: {first}"


for _kind in (
    LiferayError,
    TransportError,
    ConnectError,
    NoAnswerError,
    NotSentError,
    ServerError,
    AuthenticationError,
    AccessDeniedError,
    NoSuchServiceError,
    NotFoundError,
    ProtocolError,
    ResultError,
    DependencyError,
    CallCancelledError,
    ClosedError,
    BatchError,
    BatchSplitWarning,
):
    _kind.__module__ = "aioliferay"  # tracebacks name the public place
del _kind
