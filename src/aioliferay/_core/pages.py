"""What a client reads from the portal's pages and headers when it signs in: the token, cookies. Knows no request."""

from __future__ import annotations

import re
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# `Liferay.authToken="XXXXXXXX"`, in 7.x with single quotes and spaces (`protocol.md` F.30); eight characters by default.
_TOKEN: Final = re.compile(rb"""Liferay\.authToken\s*=\s*(["'])([A-Za-z0-9_-]{8,64})\1""")
_COOKIE: Final = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*([\x20-\x3a\x3c-\x7e]*?)\s*(?:;|$)")  # ASCII only
_MAX_AGE: Final = re.compile(r";\s*max-age\s*=\s*(-?\d{1,12})\s*(?:;|$)", re.IGNORECASE | re.ASCII)
_EXPIRES: Final = re.compile(r";\s*expires\s*=\s*([^;]{1,60})", re.IGNORECASE)
_PATH: Final = re.compile(r";\s*path\s*=\s*(/[^;]*)", re.IGNORECASE)
_EPOCH: Final = 86400.0  # one day after: with such dates cookies are removed


def token_of(page: bytes) -> str | None:
    """Return the token of a session, as a page of the portal shows it; None if it shows none."""
    match = _TOKEN.search(page)
    return match[2].decode("ascii") if match else None


def cookies_of(headers: Iterable[str], *, root: str = "", now: float = _EPOCH) -> dict[str, str | None]:
    """Return the cookies that `Set-Cookie` headers set for the portal, and None for those that they remove.

    `root` is the path of the portal, and `now` the time in seconds since 1970. Cookies of other paths, such as those of a
    plugin, are left out, and those that are not ASCII, which no request could carry.
    """
    cookies: dict[str, str | None] = {}
    for header in headers:
        match = _COOKIE.match(header)
        if match and _is_within(root, header):
            cookies[match[1]] = None if not match[2] or _has_ended(header, now) else match[2]
    return cookies


def _is_within(root: str, header: str) -> bool:
    path = _PATH.search(header)
    return path is None or f"{root}/".startswith(path[1].rstrip("/ ") + "/")


def _has_ended(header: str, now: float) -> bool:
    if age := _MAX_AGE.search(header):  # it counts more (RFC 6265)
        return int(age[1]) <= 0
    expires = _EXPIRES.search(header)
    when = parsedate_tz(expires[1]) if expires else None
    try:
        return when is not None and mktime_tz(when) <= now
    except (ValueError, OverflowError):
        return False


def cookie_header(cookies: Mapping[str, str]) -> str:
    """Return the `Cookie` header for cookies."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
