"""What all commands have in common: plain lines, a password's place, what Ctrl-C does. Knows no command and no portal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import anyio
from rich.console import Console

from aioliferay._demo import DemoError, Interruption
from aioliferay.errors import LiferayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import FrameType

T = TypeVar("T")


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

    return anyio.run(supervised)[0]


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


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, soft_wrap=True, markup=False, highlight=False, emoji=False)


def _printable(text: str) -> str:
    """Return one line that does nothing to a terminal: what a portal sends may hold line ends and escape sequences."""
    return "".join(char if char.isprintable() else " " for char in text)
