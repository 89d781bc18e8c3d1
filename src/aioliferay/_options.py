"""What callers may ask of a session or a batch, checked. Knows what is allowed; does nothing with it."""

from __future__ import annotations

import ipaddress
import math
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict
from urllib.parse import urlsplit

from aioliferay._auth import authentication_of, concealing
from aioliferay._calling import checked_timeout
from aioliferay._core.packing import BatchLimits
from aioliferay._core.recovery import RetryPolicy
from aioliferay.errors import InsecureTransportWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aioliferay._auth import Authentication
    from aioliferay.observe import Hook

INVOKE: Final = "/api/jsonws/invoke"
_SECRETS: Final = {  # by the name of the class: the HTTP library has a BasicAuth of its own
    "BasicAuth": "password",
    "SignIn": "password",
    "OAuth2Password": "password",
    "OAuth2ClientCredentials": "client secret",
    "OAuth2AuthorizationCode": "token",
    "BearerAuth": "token",
    "Fetched": "token",
    "ForwardedCookies": "cookie",
}
_warned: set[str] = set()  # servers: once for each in a process


class SessionOptions(TypedDict, total=False):
    """What a `BatchSession` hands on to a session of its own."""

    auth: tuple[str, str] | Authentication | Any
    timeout: float | None
    headers: Mapping[str, str] | None
    http: Any
    hooks: Sequence[Hook]


class BatchOptions(TypedDict, total=False):
    """Options of a batch."""

    writes: Literal["together", "alone"]
    """"alone" sends each write in a request of its own, so that the outcome of each is known; reads never share it."""
    on_failure: Literal["isolate", "infer"]
    """"infer" lets the library conclude from the portal's message which call of a refused request failed."""
    dependent: Literal["auto", "nested", "staged"]
    """How calls go that need results of others: "nested" in their statements, where that is possible; "staged", in later
    requests; "auto" decides by what a request of this session costs."""
    deadline: float | None
    """Seconds from the closing of the batch within which each of its calls must have ended, whatever happens to it."""
    limits: BatchLimits | None
    """In place of the session's."""
    retry: RetryPolicy | None
    """In place of the session's."""


class DoorOptions(SessionOptions, BatchOptions, total=False):
    """What `BatchSession` takes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which calls travel; see `BatchOptions`. `deadline` in seconds, infinite for none.

    `are_kinds_apart`: reads and writes share no request, as in batches that form by themselves.
    """

    limits: BatchLimits = BatchLimits()  # noqa: RUF009 - frozen
    retry: RetryPolicy = RetryPolicy()  # noqa: RUF009 - frozen
    are_writes_alone: bool = False
    are_kinds_apart: bool = False
    is_inferring: bool = False
    dependent: Literal["auto", "nested", "staged"] = "auto"
    deadline: float = math.inf

    def changed(self, options: BatchOptions) -> Terms:
        """Return the terms of a batch with these options.

        Raises:
            TypeError, ValueError: an option has a value that it cannot have.
        """
        if not options:
            return self
        if unknown := set(options) - BatchOptions.__optional_keys__:
            raise TypeError(f"a batch has no option {min(unknown)!r}; it has {', '.join(BatchOptions.__annotations__)}")
        deadline = checked_timeout(options.get("deadline"), "deadline")
        return replace(
            self,
            limits=checked(options.get("limits"), BatchLimits, "limits") or self.limits,
            retry=checked(options.get("retry"), RetryPolicy, "retry") or self.retry,
            are_writes_alone=_one_of("writes", options.get("writes", "together"), "together", "alone") == "alone",
            is_inferring=_one_of("on_failure", options.get("on_failure", "isolate"), "isolate", "infer") == "infer",
            dependent=_one_of("dependent", options.get("dependent", "auto"), "auto", "nested", "staged"),
            deadline=math.inf if deadline is None else deadline,
        )


def checked(value: Any, kind: type[Any], name: str) -> Any:
    """Return the value as it is: an instance of the kind, or None.

    Raises:
        TypeError: it is neither.
    """
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name}= takes a {kind.__name__}, not {type(value).__name__}")
    return value


def _one_of(name: str, value: object, *allowed: str) -> Any:
    if value not in allowed:
        raise ValueError(f"{name}= is {' or '.join(map(repr, allowed))}, not {value!r}")
    return value


def warn_if_insecure(server: str, auth: object, stacklevel: int) -> None:
    """Warn, once for a server, that a secret would travel over plain HTTP to another computer."""
    parts = urlsplit(server)
    secret = _SECRETS.get(type(auth).__name__)
    if parts.scheme == "https" or secret is None or server in _warned or _is_loopback(parts.hostname or ""):
        return
    _warned.add(server)
    text = f"the {secret} for {server} would travel over plain HTTP, where others on the way can read it: use https"
    warnings.warn(text, InsecureTransportWarning, stacklevel=stacklevel + 1)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".test")):  # reserved (RFC 6761): `.test` leads to no computer
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def apart(options: Any) -> tuple[Any, Any]:
    """Return the options of a session and those of a batch, taken out of `options`; a password is hidden from then on."""
    own = {name: options.pop(name) for name in [*options] if name in SessionOptions.__optional_keys__}
    if "auth" in own:
        own["auth"] = authentication_of(own["auth"])
    return own, options


@lru_cache
def user_agent() -> str:
    """Return how the library calls itself to the portal."""
    from importlib.metadata import version  # noqa: PLC0415 - it loads a parser of e-mails

    return f"aioliferay/{version('aioliferay')}"


@concealing
def checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return a copy of the headers.

    Raises:
        TypeError: they are no mapping, or a name or value is no text.
        ValueError: a name is of those that each request decides.
    """
    if not hasattr(headers, "items"):
        raise TypeError(f"headers= maps names to values, both text; it is {type(headers).__name__}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"headers= maps names to values, both text; {name!r} is mapped to {type(value).__name__}")
        if name.lower() in {"content-length", "transfer-encoding"}:
            raise ValueError(f"headers= cannot set {name!r}: it says how long a request is, which each request decides")
    return dict(headers)


@concealing
def root_of(server: str) -> str:
    """Return the URL of the portal's root, without the path of its JSON web services.

    Raises:
        TypeError: it is no text.
        ValueError: it is no URL of this form, or holds credentials.
    """
    if not isinstance(server, str):
        raise TypeError(f"the server must be a URL as text, such as 'http://localhost:8080', not {type(server).__name__}")
    if "@" in server:
        raise ValueError("the server URL holds credentials, which end up in logs: give them as auth=(user, password)")
    try:
        parts = urlsplit(server.strip())
        has_port_problem = parts.port is not None and parts.port <= 0
    except ValueError as error:
        raise ValueError(f"the server URL cannot be read: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or has_port_problem:
        raise ValueError(f"the server must be a URL such as 'http://localhost:8080', not {server!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"the server must be the URL of the portal's root, without '?' and '#': {server!r}")
    root = parts.path.rstrip("/")
    for known in (INVOKE, INVOKE.removesuffix("/invoke")):
        root = root.removesuffix(known)
    return f"{parts.scheme}://{parts.netloc}{root}"
