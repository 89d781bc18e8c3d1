"""What a client reads from the portal's pages and headers when it signs in: the token, cookies. Knows no request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# `Liferay.authToken="XXXXXXXX"`, in 7.x with single quotes and spaces (`protocol.md` F.30); eight characters by default.
_TOKEN: Final = re.compile(rb"""Liferay\.authToken\s*=\s*(["'])([A-Za-z0-9_-]{8,64})\1""")
_GONE: Final = re.compile(r";\s*max-age\s*=\s*-?0+\s*(?:;|$)", re.IGNORECASE)
_COOKIE: Final = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*([^;\x00-\x1f]*)")


def token_of(page: bytes) -> str | None:
    """Return the token of a session, as a page of the portal shows it; None if it shows none."""
    match = _TOKEN.search(page)
    return match[2].decode("ascii") if match else None


def cookies_of(headers: Iterable[str]) -> dict[str, str | None]:
    """Return the cookies that `Set-Cookie` headers set, and None for those that they remove."""
    cookies: dict[str, str | None] = {}
    for header in headers:
        if match := _COOKIE.match(header):
            value = match[2].strip()
            cookies[match[1]] = None if _GONE.search(header) or not value else value
    return cookies


def cookie_header(cookies: Mapping[str, str]) -> str:
    """Return the `Cookie` header for cookies."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
