"""The body of an answer as it comes in: counted, and decompressed in small steps. Knows bytes and their limit; does not
know where they come from.

The HTTP library's own decoders inflate whatever the network gave at once: 64 KiB become 64 MiB, or with two layers far more.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Final

from aioliferay.errors import AnswerTooLargeError, LiferayError, NoAnswerError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STEP: Final = 65_536  # bytes that go into a decompressor, or come out of it, at once
_MAX_LAYERS: Final = 2  # a portal and a proxy before it may both compress; more is an attack
_GZIP: Final = 16 + zlib.MAX_WBITS
_KNOWN: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


def acceptable(asked: str | None) -> str:
    """Return the value for Accept-Encoding: what `asked` has of the encodings that can be read here, or all of these."""
    names = [] if asked is None else [name.strip() for name in asked.split(",")]
    readable = [name for name in names if name.partition(";")[0].strip().lower() in {*_KNOWN, "identity"}]
    return ", ".join(readable) or "gzip, deflate"


class Body:
    """Collects a body of at most `max_bytes`: as it is received, and after each layer of compression.

    Errors carry `status`. Memory stays at the limit, plus an eighth of it (how a buffer grows), plus a small constant.
    """

    def __init__(self, encoding: str = "", *, max_bytes: int, status: int) -> None:
        self._max_bytes = max_bytes
        self._status = status
        self._error: LiferayError | None = None
        self._received = 0
        self._whole = io.BytesIO()
        names = [name.strip().lower() for name in encoding.split(",")]
        layers = [_Layer(name) for name in reversed(names) if name in _KNOWN]
        self._layers = layers
        unknown = [name for name in names if name not in _KNOWN and name not in {"", "identity"}]
        if unknown:
            self._refuse(f"it is encoded as {unknown[0]!r}; gzip and deflate are what is asked for")
        elif len(layers) > _MAX_LAYERS:
            self._refuse(f"it is compressed {len(layers)} times over")

    @property
    def is_refused(self) -> bool:
        """Whether nothing more is taken: `finish()` tells why."""
        return self._error is not None

    def expect(self, size: int) -> None:
        """Refuse a body that is announced with more bytes than the limit has."""
        if size > self._max_bytes:
            self._refuse_size()

    def feed(self, data: bytes) -> None:
        """Take the next bytes as they were received."""
        self._received += len(data)
        if self._error is None and self._received > self._max_bytes:
            self._refuse_size()
        if self._error is not None:
            return
        pieces: Iterable[bytes] = (data,)
        for layer in self._layers:
            pieces = layer.inflated(pieces, self._max_bytes)
        try:
            for piece in pieces:
                self._whole.write(piece)
        except zlib.error as error:
            self._refuse(f"its compressed data is damaged ({error})")
        except _FullError:
            self._refuse_size()

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            AnswerTooLargeError: it is larger than the limit.
            ProtocolError: it cannot be read.
            NoAnswerError: its compressed data breaks off.
        """
        if self._error is None and any(layer.is_open for layer in self._layers):
            self._error = NoAnswerError("the answer was not complete: its compressed data breaks off")
        if self._error is not None:
            raise self._error
        return self._whole.getvalue()

    def _refuse(self, reason: str) -> None:
        self._error = ProtocolError(f"the answer cannot be read: {reason}", status=self._status)
        self._whole = io.BytesIO()

    def _refuse_size(self) -> None:
        self._error = AnswerTooLargeError(
            f"the answer is larger than {self._max_bytes} bytes and was not read to its end: ask for less with select=, "
            "put fewer calls into a batch, or raise limits=BatchLimits(max_answer_bytes=...)",
            status=self._status,
        )
        self._whole = io.BytesIO()


class _FullError(Exception):
    """A layer has given more than the limit."""


class _Layer:
    """One layer of compression. Bytes behind its end are ignored, as HTTP clients do."""

    def __init__(self, name: str) -> None:
        self._wbits = _KNOWN[name]
        self._inflater: zlib._Decompress | None = None
        self._head = b""
        self._given = 0

    @property
    def is_open(self) -> bool:
        """Whether it has begun and not come to its end."""
        return bool(self._head) if self._inflater is None else not self._inflater.eof

    def inflated(self, pieces: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
        """Decompress, in steps of which none is large."""
        for data in pieces:
            for start in range(0, len(data), _STEP):
                for piece in self._steps(data[start : start + _STEP]):
                    self._given += len(piece)
                    if self._given > max_bytes:
                        raise _FullError
                    yield piece

    def _steps(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._inflater = zlib.decompressobj(self._wbits if self._wbits == _GZIP else _deflate_wbits(data))
        piece = b" " * _STEP
        while not self._inflater.eof and (data or len(piece) == _STEP):  # a full step may have left something inside
            piece = self._inflater.decompress(data, _STEP)
            data = self._inflater.unconsumed_tail
            if piece:
                yield piece


def _deflate_wbits(data: bytes) -> int:
    # By the standard "deflate" has zlib's header; some servers leave it away.
    has_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
