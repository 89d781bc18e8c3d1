"""What all commands have in common: plain lines, one line for an error, sessions, passwords, Ctrl-C. Knows no command."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import typer
from rich.console import Console

from aioliferay import AuthenticationError, BatchError, LiferayError, RetryPolicy, Session
from aioliferay._demo import DemoError, Interruption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
    from types import FrameType

    from aioliferay.observe import Hook

T = TypeVar("T")
NO_RETRY: Final = RetryPolicy(attempts=1)
"""The demo counts requests, and who waits at a terminal is told of a failure at once."""

URL_WITH_CREDENTIALS: Final = "the URL holds credentials: name the user with --user and the password with --password-env"
_TIMEOUT: Final = 30.0
_LONGEST_ERROR: Final = 600
_LONGEST_COLOURED: Final = 200_000  # characters: colours take longer than the portal did
_UNUSUAL: Final = re.compile(r"[^\n\x20-\x7e]")


class CommandError(Exception):
    """What goes wrong outside the library, told in one line with its remedy."""


class InterruptedBySignal(Exception):  # noqa: N818 - no error: the user wants it
    """The user stopped the command; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Screen:
    """Standard output and error as plain lines: nothing is wrapped or cut, and there are no colours in a pipe."""

    def __init__(self) -> None:
        self._out = _console()
        self._error = _console(stderr=True)

    @property
    def width(self) -> int | None:
        """Columns of the terminal, for whoever folds lines; None where nobody looks: in a pipe, in a file."""
        return self._out.width if sys.stdout.isatty() else None

    def say(self, text: str = "", *, style: str = "") -> None:
        """Write a line to standard output."""
        self._out.print(_printable(text), style=style)

    def warn(self, text: str) -> None:
        """Write a line to standard error; that nobody reads it must not stop the clean-up that it tells of."""
        with suppress(OSError, SystemExit):
            self._error.print(_printable(text))

    def hand_over(self, document: str) -> None:
        """Write a text for programs to standard output, as it is."""
        sys.stdout.write(document)
        sys.stdout.flush()

    def show(self, document: str) -> None:
        """Write JSON, or a text that holds some: as it is in a pipe; what would do harm, or get lost, is escaped."""
        self.hand_over(f"{self._safe(document)}\n")

    def show_json(self, document: str) -> None:
        """Write JSON like `show`, and coloured where somebody looks."""
        if not sys.stdout.isatty() or len(document) > _LONGEST_COLOURED:
            self.show(document)
            return
        from rich.highlighter import JSONHighlighter  # noqa: PLC0415 - most commands write no JSON

        self._out.print(JSONHighlighter()(self._safe(document)))

    def _safe(self, document: str) -> str:
        if sys.stdout.isatty():
            document = _UNUSUAL.sub(lambda found: found[0] if found[0].isprintable() else _escaped(found[0]), document)
        return _carried(document, sys.stdout.encoding or "utf-8")


def run(job: Callable[[Interruption], Awaitable[T]]) -> T:
    """Run the job in an event loop of its own; SIGINT and SIGTERM stop it in order, whatever it is doing.

    Raises:
        InterruptedBySignal: it was stopped; what it raised on its way out does not count.
    """

    async def supervised() -> list[T]:
        results: list[T] = []
        interruption = Interruption()
        loop = asyncio.get_running_loop()
        with _handled(lambda number: loop.call_soon_threadsafe(interruption.stop, number)), interruption.job:
            try:
                results.append(await job(interruption))
            except (LiferayError, DemoError):
                if interruption.signal is None:
                    raise
        if interruption.signal is not None:
            raise InterruptedBySignal(interruption.signal)
        return results

    with _warnings_told():
        return anyio.run(supervised)[0]


@contextmanager
def _warnings_told() -> Generator[None]:
    """Have the library's warnings told in a line each: who uses a command looks for no line of source code."""

    def tell(message: Warning | str, *_: object, **__: object) -> None:
        Screen().warn(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = tell
        yield


@contextmanager
def _handled(stop: Callable[[int], object]) -> Generator[None]:
    """Have `stop` called with each signal's number, also for signals that were ignored so far (as in background jobs)."""

    def receive(number: int, _: FrameType | None) -> None:
        stop(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    wanted = [number for name in names if (number := getattr(signal, name, None)) is not None]
    if signal.SIG_IGN in (signal.getsignal(number) for number in wanted[2:]):
        wanted = wanted[:2]  # started with nohup
    previous = {number: signal.signal(number, receive) for number in wanted}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def password_in(variable: str) -> str:
    """Return the password in an environment variable.

    Raises:
        CommandError: there is none.
    """
    password = os.environ.get(variable)
    if password is None:
        # It is not shown: it may be the password itself, given by mistake.
        raise CommandError("the environment variable that --password-env names is not set: give its name, and export it")
    if not password:
        raise CommandError("the environment variable that --password-env names is empty: it must hold the password")
    return password


def open_session(server: str, auth: Any, hooks: Sequence[Hook] = (), *, timeout: float = _TIMEOUT) -> Session:
    """Return a session, which sends nothing a second time; `timeout` in seconds, for each request.

    Raises:
        CommandError: the URL cannot work.
    """
    if "@" in server:
        raise CommandError(URL_WITH_CREDENTIALS)
    try:
        return Session(server, auth=auth, hooks=hooks, retry=NO_RETRY, timeout=timeout)
    except ValueError as error:
        raise CommandError(str(error)) from None


@contextmanager
def ended_well(remedies: Mapping[type[LiferayError], str] | None = None) -> Generator[None]:
    """Turn what the block raises into one line on standard error and an exit code.

    Args:
        remedies: of this command, told after the text of such errors.
    """
    try:
        yield
    except InterruptedBySignal as stopped:
        Screen().warn("interrupted")
        raise typer.Exit(128 + stopped.number) from None
    except BrokenPipeError:
        raise  # typer knows what to do
    except (CommandError, DemoError, LiferayError, OSError) as error:
        Screen().warn(f"error: {_told(error, remedies or {})}")
        raise typer.Exit(1) from None


def _told(error: Exception, remedies: Mapping[type[LiferayError], str]) -> str:
    first = error.exceptions[0] if isinstance(error, BatchError) else error
    if isinstance(first, AuthenticationError):
        return (
            "the portal does not know this user with this password: check --user (usually the e-mail address) and the "
            "environment variable that --password-env names"
        )
    text = str(error) if isinstance(error, CommandError) else shortened(str(error))
    return "; ".join([text, *(remedy for kind, remedy in remedies.items() if isinstance(first, kind))])


def shortened(text: str) -> str:
    """Return a text that fits into a line: a portal's may be long."""
    return f"{text[:_LONGEST_ERROR]} ..." if len(text) > _LONGEST_ERROR else text


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, soft_wrap=True, markup=False, highlight=False, emoji=False)


def _printable(text: str) -> str:
    """Return one line that does nothing to a terminal: what a portal sends may hold line ends and escape sequences."""
    return "".join(char if char.isprintable() else " " for char in text)


def _carried(document: str, encoding: str) -> str:
    """Return JSON in which an encoding's missing letters are escaped: the stream itself would escape them as Python does."""
    try:
        document.encode(encoding)
    except UnicodeEncodeError:
        return _UNUSUAL.sub(lambda found: _escaped(found[0]), document)
    return document


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
