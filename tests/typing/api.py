"""What type checkers make of the public interface. Never run: `mypy --strict` and pyright read it."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict, assert_type

import httpx
from pydantic import BaseModel

from aioliferay import (
    Authentication,
    BasicAuth,
    BatchCallback,
    BatchError,
    BatchLimits,
    BatchSession,
    BearerAuth,
    Call,
    Cancelled,
    ConnectError,
    Failed,
    LiferayError,
    NotRun,
    NotSent,
    NotSentError,
    Ok,
    Outcome,
    RawParams,
    Reference,
    ResultError,
    RetryPolicy,
    ServerError,
    Session,
    TransportError,
    Unknown,
)
from aioliferay.auth import Answer, Request
from aioliferay.observe import (
    ExchangeCompleted,
    ExchangeEvent,
    ExchangeFailed,
    ExchangeStarted,
    Hook,
    LoggingHook,
    RetryScheduled,
)

if TYPE_CHECKING:
    from collections.abc import Generator


class User(BaseModel):
    """A result as a model."""

    user_id: int


@dataclass
class Group:
    """A result as a dataclass."""

    group_id: int


class Row(TypedDict):
    """A result as a typed dictionary."""

    name: str


async def calls(session: Session) -> None:
    """`returns=` gives the type of the result, on a session."""
    assert_type(session.call("/user/get-user-by-id", {"userId": 1}, returns=User), Call[User])
    assert_type(session.call("/group/get-group", returns=Group), Call[Group])
    assert_type(session.call("/x/get-row", returns=Row), Call[Row])
    assert_type(session.call("/x/get-ids", returns=list[int]), Call[list[int]])
    assert_type(session.call("/x/get-count", returns=int), Call[int])
    assert_type(session.call("/x/delete-it", returns=None), Call[None])
    assert_type(session.call("/x/get-any"), Call[Any])
    assert_type(session.call("/x/get-any", RawParams({"+x": "java.util.Date"})), Call[Any])
    assert_type(session.call("/x/get-it", returns=User, select=["userId"], idempotent=True, timeout=1.5), Call[User])
    assert_type(await session.call("/x/get-it", returns=User), User)
    assert_type(await session.call("/x/get-ids", returns=list[int]), list[int])
    assert_type(session.batch(strict=True), BatchSession)
    maybe: Call[int | None] = session.call("/x/get-maybe", returns=int | None)
    assert_type(await maybe, int | None)


async def batches(session: Session) -> None:
    """A batch has the same overloads; `invoke` gives a list."""
    async with BatchSession(session) as batch:
        assert_type(batch, BatchSession)
        user = batch.call("/user/get-user-by-id", {"userId": 1}, returns=User)
        assert_type(user, Call[User])
        assert_type(user["contactId"], Reference)
        assert_type(user["address"]["city"], Reference)
        assert_type(user.each["contactId"], Reference)
        assert_type(user.each["address"]["city"], Reference)
        assert_type(batch.call("/contact/get-contact", {"contactId": user["contactId"]}), Call[Any])
        each = batch.call("/user/get-user-by-id", {"userId": user.each["userId"]}, returns=list[User], select="model")
        assert_type(each, Call[list[User]])
        assert_type(batch.explain().requests[0].body, bytes | None)
        assert_type(batch.explain().dependent, Literal["nested", "staged"])
        assert_type(session.batch(dependent="staged", limits=BatchLimits(max_nested=10)), BatchSession)
        assert_type(batch.call("/x/delete-it", returns=None), Call[None])
        assert_type(batch.call("/x/get-ids", returns=list[int]), Call[list[int]])
        assert_type(await batch.invoke(), list[Any])
        assert_type(await batch.invoke(return_exceptions=True), list[Any])
        assert_type(len(batch), int)
        batch.invoke_soon()
    assert_type(user.result(), User)
    assert_type(user.exception(), LiferayError | None)
    assert_type(user.done(), bool)
    assert_type(user.cancel(), bool)
    assert_type(user.outcome, Outcome[User])
    first, second = await asyncio.gather(user, session.call("/x/get-count", returns=int))
    assert_type(first, User)
    assert_type(second, int)


def outcomes(call: Call[User]) -> str:
    """`match` narrows an outcome, and checkers know that these are all: else the function could end without a text."""
    match call.outcome:
        case Ok(value, None):
            assert_type(value, User)
            return "it ran"
        case Ok(_, misfit):
            assert_type(misfit, ResultError | None)
            return "it ran, but its result does not fit"
        case Failed(error):
            assert_type(error, LiferayError)
            return "the portal refused it"
        case NotSent(error) | NotRun(error):
            assert_type(error, LiferayError)
            return "it did not run"
        case Unknown():
            return "nobody knows"
        case Cancelled(error, is_sent):
            assert_type(error, LiferayError)
            assert_type(is_sent, bool)
            return "it was given up"


def add_callbacks(call: Call[User]) -> None:
    """A callback of a call gets that call."""

    def told(ended: Call[User]) -> None:
        assert_type(ended.result(), User)

    call.add_done_callback(told)
    call.add_done_callback(lambda ended: ended.result().user_id)


class Told:
    """A callback of a batch, with plain methods."""

    def on_success(self, results: list[Any], /) -> None:
        """Take the results."""

    def on_failure(self, error: BatchError, /) -> None:
        """Take the errors."""
        assert_type(error.exceptions, tuple[Exception | ExceptionGroup[Exception], ...])


class ToldLater:
    """A callback of a batch, with async methods."""

    async def on_success(self, results: list[Any], /) -> None:
        """Take the results."""

    async def on_failure(self, error: BatchError, /) -> None:
        """Take the errors."""


class ToldBoth:
    """A callback of a batch with names of its own for the arguments, and one method of each kind."""

    def on_success(self, answers: list[Any]) -> None:
        """Take the results."""

    async def on_failure(self, why: BatchError) -> None:
        """Take the errors."""


def callbacks(session: Session) -> None:
    """Any class with the two methods is a callback."""
    everybody: list[BatchCallback] = [Told(), ToldLater(), ToldBoth()]
    batch = session.batch(callback=Told())
    batch.callback = everybody[1]
    batch.callback = ToldBoth()
    batch.callback = None
    assert_type(session.batch().callback, BatchCallback | None)


class TokenAuth:
    """A user's own way to authenticate; derives from nothing."""

    def flow(self, request: Request, /) -> Generator[Request, Answer, None]:
        """Ask for a token when the portal wants one."""
        answer = yield request
        assert_type(answer, Answer)
        if answer.status == 401:
            yield request.with_header("Authorization", "Token " + answer.headers.get("x-token", ""))


class Watching:
    """A hook of a user's own."""

    def on_event(self, event: ExchangeEvent, /) -> None:
        """Take note."""
        self.bytes = self._bytes_of(event)

    @staticmethod
    def _bytes_of(event: ExchangeEvent) -> int:
        match event:
            case ExchangeStarted():
                return assert_type(event.calls, int)
            case ExchangeCompleted():
                return event.received_bytes
            case ExchangeFailed():
                assert_type(event.error, BaseException | None)
                return 0
            case RetryScheduled():
                assert_type(event.delay, float)
                return 0


def sessions() -> None:
    """Every way to make a session."""
    hooks: list[Hook] = [Watching(), LoggingHook()]
    own: Authentication = TokenAuth()
    Session("http://localhost:8080")
    Session("http://localhost:8080", auth=("test@liferay.com", "test"), timeout=None, headers={"X": "1"}, hooks=hooks)
    Session("http://localhost:8080", auth=own)
    Session("http://localhost:8080", auth=TokenAuth(), http=httpx.AsyncClient())
    Session("http://localhost:8080", auth=BearerAuth("token"))
    BatchSession("http://localhost:8080", auth=BasicAuth("u", "p"), timeout=5, callback=Told(), strict=True)


async def errors(session: Session) -> None:
    """Attributes of errors have types."""
    try:
        await session.call("/x/add-y", {"at": dt.datetime.now(dt.UTC)})
    except ServerError as error:
        assert_type(error.exception, str)
        assert_type(error.is_a("NoSuchEntryException"), bool)
        assert_type(error.path, str | None)
    except ConnectError as error:
        causes: tuple[TransportError, NotSentError] = (error, error)
        assert_type(causes[0].path, str | None)
    try:
        await session.batch().invoke()
    except* ServerError as group:
        assert_type(group, ExceptionGroup[ServerError])


def results_are_covariant(call: Call[User]) -> Outcome[BaseModel]:
    """An outcome of a narrower type is one of a wider type."""
    return call.outcome


async def failures(session: Session, error: BatchError) -> None:
    """What a failed batch tells, and the options for it."""
    limits, retry = BatchLimits(max_calls=100), RetryPolicy(attempts=2)
    Session("http://localhost:8080", limits=limits, retry=retry)
    session.batch(writes="alone", on_failure="infer", deadline=10, limits=limits, retry=retry)
    BatchSession("http://localhost:8080", auth=("joe", "joe"), writes="alone", limits=limits)
    session.batch(writes="apart")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what is refused
    assert_type(error.position, int | None)
    assert_type(error.site, tuple[str, int] | None)
    rest = error.remaining()
    assert_type(await rest.invoke(), list[Any])
    assert_type(len(rest), int)
    async with error.remaining():
        pass
