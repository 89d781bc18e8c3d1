"""Reads a multipart body piece by piece, as commons-fileupload on the portal. Knows no request and keeps no big file."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from aioliferay.testing._java import File, JavaError

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_KEPT_FILE = 1_048_576  # bytes; of a larger one only length and SHA-256 are kept
_LONGEST_FIELD = 262_144  # bytes; portal.properties: com.liferay.portal.upload.LiferayFileItem.threshold.size
_LONGEST_HEAD = 10_240  # bytes; FileUpload's HEADER_PART_SIZE_MAX
_DISPOSITION_VALUE = re.compile(r'\b(name|filename)="([^"]*)"', re.IGNORECASE)
_CUT_SHORT = "Stream ended unexpectedly"


def upload_error(message: str, name: str = "FileUploadException") -> JavaError:
    """The portal's UploadException for a failure of commons-fileupload."""
    cause = f"org.apache.commons.fileupload.{name}: {message}"
    return JavaError("com.liferay.portal.kernel.upload.UploadException", cause)


def size_error(size: int, most: int) -> JavaError:
    """The refusal of a body that is too long."""
    message = f"the request was rejected because its size ({size}) exceeds the configured maximum ({most})"
    return upload_error(message, "FileUploadBase$SizeLimitExceededException")


class MultipartReader:
    """Takes a body in pieces of any size; `length` is how many bytes came.

    Raises nothing while it reads: `parts()` raises what was found.
    """

    def __init__(self, content_type: str) -> None:
        self.length = 0
        self._parts: list[_Part] = []
        self._part: _Part | None = None
        self._error: JavaError | None = None
        self._buffer = b""
        self._is_done = False
        self._step: Callable[[], bool] = self._skip_preamble
        boundary = re.search(r'boundary="?([^";]+)"?', content_type)
        if boundary is None:
            self._fail(upload_error("the request was rejected because no multipart boundary was found"))
        self._mark = b"--" + (boundary[1].encode("latin-1") if boundary else b"")
        self._delimiter = b"\r\n" + self._mark

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        self.length += len(piece)
        if self._is_done:
            return
        self._buffer += piece
        while not self._is_done and self._step():
            pass

    def parts(self) -> list[tuple[str, str | File]]:
        """Names and values of all parts, once the body has ended: text, or a file where the part had a file name.

        Raises `JavaError` (UploadException) for a body that is broken, or has a field that is too long.
        """
        has_begun = self._step != self._skip_preamble
        if has_begun and not self._is_done:  # a body without the boundary counts as one without parts
            raise upload_error(_CUT_SHORT)
        if self._error is not None:
            raise self._error
        return [(part.name, part.value()) for part in self._parts if part.name is not None]

    def _skip_preamble(self) -> bool:
        start = self._buffer.find(self._mark)
        if start < 0:
            self._buffer = self._buffer[-len(self._mark) :]
            return False
        return self._after_mark(start + len(self._mark))

    def _after_mark(self, place: int) -> bool:
        self._buffer = self._buffer[place:]
        self._step = self._read_line_end
        return True

    def _read_line_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if self._buffer.startswith(b"--"):
            self._is_done = True
            return False
        self._buffer = self._buffer.removeprefix(b"\r\n")
        self._step = self._read_head
        return True

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        limit = self._buffer.find(self._delimiter)
        if (limit >= 0 and not 0 <= end < limit) or max(end, len(self._buffer) if end < 0 else 0) > _LONGEST_HEAD:
            self._fail(upload_error(_CUT_SHORT))
            return False
        if end < 0:
            return False
        self._part = _Part(self._buffer[:end].decode("utf-8", "replace"))
        self._parts.append(self._part)
        self._buffer = self._buffer[end + 4 :]
        self._step = self._read_content
        return True

    def _read_content(self) -> bool:
        end = self._buffer.find(self._delimiter)
        if end >= 0:
            self._take(self._buffer[:end])
            return self._after_mark(end + len(self._delimiter))
        sure = len(self._buffer) - len(self._delimiter) + 1
        if sure > 0:
            self._take(self._buffer[:sure])
            self._buffer = self._buffer[sure:]
        return False

    def _take(self, content: bytes) -> None:
        part = self._part
        if part is None:
            return
        part.take(content)
        if part.filename is None and part.size > _LONGEST_FIELD:
            text = f"The field {part.name} exceeds its maximum permitted size of {_LONGEST_FIELD} bytes"
            self._error = JavaError("com.liferay.portal.kernel.upload.UploadException", text)
            self._part = None  # the rest of it is not kept

    def _fail(self, error: JavaError) -> None:
        self._error = error
        self._is_done = True
        self._buffer = b""


class _Part:
    """One part as it comes; `name` is None for one that counts for nothing."""

    def __init__(self, head: str) -> None:
        self.name: str | None = None
        self.filename: str | None = None
        self.content_type = ""
        self.size = 0
        self._content = bytearray()
        self._digest = hashlib.sha256(usedforsecurity=False)
        for line in head.splitlines():
            field, _, value = line.partition(":")
            if field.lower() == "content-type":
                self.content_type = value.strip()
            elif field.lower() == "content-disposition":
                values = {name.lower(): text for name, text in _DISPOSITION_VALUE.findall(line)}
                self.name, self.filename = values.get("name"), values.get("filename")

    def take(self, content: bytes) -> None:
        was_kept = self.size <= LARGEST_KEPT_FILE
        self.size += len(content)
        if self.size <= LARGEST_KEPT_FILE:
            self._content += content
            return
        if was_kept:
            self._digest.update(self._content)
            self._content = bytearray()
        self._digest.update(content)

    def value(self) -> str | File:
        if self.filename is None:
            return self._content.decode("utf-8", "replace")
        file = File(self._content)
        file.filename, file.content_type = self.filename, self.content_type
        if self.size > LARGEST_KEPT_FILE:
            file.counted = (self.size, self._digest.hexdigest())
        return file
