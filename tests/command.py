"""The command line under test: called in this process, or started as the command that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from aioliferay import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND = str(Path(sysconfig.get_path("scripts"), "aioliferay"))


class Ended(NamedTuple):
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def caller(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return a function that runs the command in this process."""

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["aioliferay", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Ended(exit_.value.code, out, err)

    return call


@contextmanager
def started(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start the installed command; no proxy stands between it and this computer, and nothing of it outlives the block."""
    environment = {**os.environ, "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1", **variables}
    pipe = subprocess.PIPE
    command = [COMMAND, *arguments]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:  # noqa: S603 - our own
        try:
            yield process
        finally:
            process.kill()
