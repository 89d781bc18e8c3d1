"""What is in a document: bytes, bytes made up as they are read, or only how many there were. Knows no portal."""

from __future__ import annotations

import functools
import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 65_536  # bytes sent at once
_PERIOD = 65_521  # a prime: bytes of two places that are any power of two apart differ


class Content(ABC):
    """A document's `size` bytes; `is_there` is False where they were counted only."""

    is_there = True

    def __init__(self, size: int) -> None:
        self.size = size

    @functools.cached_property
    def sha256(self) -> str:
        """The SHA-256 of all bytes, in hexadecimal; where they are made for it, about two seconds for 1 GB."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()

    @abstractmethod
    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, in pieces of 64 KiB at most."""


class KeptContent(Content):
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self._data = data

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Slices of the bytes."""
        last = self.size if end is None else end
        for place in range(start, last, _BLOCK):
            yield self._data[place : min(place + _BLOCK, last)]


class MadeContent(Content):
    """Bytes that are made up when read, each by its place: no memory, and no two stretches of 64 KiB are alike."""

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes, with the number of each period in front of it."""
        last = self.size if end is None else end
        place = start
        while place < last:
            number, offset = divmod(place, _PERIOD)
            length = min(_PERIOD - offset, last - place)
            yield (number.to_bytes(8, "big") + _pattern())[offset : offset + length]
            place += length


class CountedContent(Content):
    """Bytes that came and were not kept: there are none to read."""

    is_there = False

    def __init__(self, size: int, sha256: str) -> None:
        super().__init__(size)
        self.sha256 = sha256

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Nothing."""
        del start, end
        yield from ()


@functools.cache
def _pattern() -> bytes:
    """One period without its number."""
    wanted = _PERIOD - 8
    blocks = (hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(wanted // 32 + 1))
    return b"".join(blocks)[:wanted]
