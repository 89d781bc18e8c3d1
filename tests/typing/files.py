"""What type checkers make of uploads and downloads. Never run: `mypy --strict` and pyright read it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, assert_type

from pydantic import BaseModel

from aioliferay import Call, Session
from aioliferay.files import Download, UploadFile, portrait_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = "/dlapp/add-file-entry"


class Entry(BaseModel):
    """A result as a model."""

    title: str


async def pieces() -> AsyncIterator[bytes]:
    """Give a content piece by piece."""
    yield b""


def told(_: int, __: int | None) -> None:
    """Be told how far something is."""


async def told_later(_: int, __: int | None) -> None:
    """Be told how far something is."""


class Later:
    """Reads and writes asynchronously."""

    async def read(self, size: int) -> bytes:
        """Return some bytes."""
        return b""[:size]

    async def write(self, data: bytes) -> None:
        """Take some bytes."""


def file_of_its_own() -> BinaryIO:
    """Open a file."""
    return Path("x").open("rb")


async def uploads(session: Session) -> None:
    """The result of an upload has the type that `returns=` names; contents are of many kinds."""
    assert_type(session.upload(PATH, files={"file": b""}), Call[Any])
    assert_type(session.upload(PATH, {"title": "t"}, files={"file": Path("x")}, returns=Entry), Call[Entry])
    assert_type(session.upload(PATH, files={"file": pieces()}, returns=None), Call[None])
    assert_type(await session.upload(PATH, {"file": UploadFile(io.BytesIO(), "name")}, returns=Entry), Entry)
    session.upload(PATH, files={"a": bytearray(), "b": io.BytesIO(), "c": UploadFile(b"")}, progress=told, timeout=5)
    session.upload(PATH, files={"file": file_of_its_own()}, progress=told_later)
    session.upload(PATH, files={"file": Later()})
    session.upload(PATH, files={"file": "x"})  # type: ignore[dict-item]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def downloads(session: Session) -> None:
    """Without a place a download returns bytes, else what was written."""
    assert_type(await session.download("/x"), bytes)
    assert_type(await session.download("/x", progress=told, timeout=None), bytes)
    assert_type(await session.download("/x", "x", resume=False), Download)
    assert_type(await session.download("/x", Path("x")), Download)
    assert_type(await session.download("/x", io.BytesIO()), Download)
    assert_type(await session.download("/x", Later()), Download)
    assert_type(await session.download(portrait_url({"portraitId": 1, "uuid": "x"}, male=False)), bytes)
