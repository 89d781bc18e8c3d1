"""What a portal notes of requests and uploads, and what it waits for. Knows no part of the portal."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True)
class RecordedRequest:
    """A request that reached the portal; names of headers are lower-case, `number` counts from 1.

    `user_id` is None for a guest; `status` is None as long as there is no answer, for ever if the connection was cut.
    `length` counts the bytes of the body; one of a multipart request above 1 MiB is not kept, and empty here.
    """

    number: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    length: int = 0
    user_id: int | None = None
    status: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded: the part `name` of the request of that number, of `size` bytes.

    `content` is None above 1 MiB: of such a file only the size and the SHA-256, in hexadecimal, are known.
    """

    number: int
    name: str
    filename: str
    content_type: str
    size: int
    sha256: str
    content: bytes | None


@dataclasses.dataclass(frozen=True, slots=True)
class Costs:
    """What the portal waits for, in seconds."""

    password: float
    statement: float
