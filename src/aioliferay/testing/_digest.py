"""Digest authentication as WebDAV wants it: RFC 2069 as Liferay offers it, and RFC 2617's `qop=auth`. Knows no user."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REALM = "PortalRealm"
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_SECRET = "nonces of the stand-in"  # noqa: S105 - guards nothing


def challenge(number: int, *, has_qop: bool) -> str:
    """The WWW-Authenticate header of the answer to the request of that number."""
    qop = ', qop="auth"' if has_qop else ""
    return f'Digest realm="{_REALM}", nonce="{_nonce(number)}"{qop}'


def verified_user(header: str, *, method: str, target: str, password_of: Callable[[str], str | None]) -> str | None:
    """The user whom an Authorization header proves, None if it proves nobody.

    `target` is the path and query as sent, `password_of` tells the password of a user.
    """
    scheme, _, rest = header.partition(" ")
    fields = {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(rest)}
    password = password_of(fields.get("username", ""))
    nonce = fields.get("nonce", "")
    is_known = re.fullmatch(r"[0-9a-f]{32}", nonce) is not None and nonce == _nonce(int(nonce[:8], 16))
    is_for_this = (fields.get("realm"), fields.get("uri")) == (_REALM, target)
    if scheme.lower() != "digest" or password is None or not is_known or not is_for_this:
        return None
    secret = _hash(f"{fields['username']}:{_REALM}:{password}")
    action = _hash(f"{method}:{target}")
    middle = nonce
    if "qop" in fields:
        if fields["qop"] != "auth":
            return None
        middle = f"{nonce}:{fields.get('nc', '')}:{fields.get('cnonce', '')}:auth"
    wanted = _hash(f"{secret}:{middle}:{action}")
    return fields["username"] if hmac.compare_digest(wanted.encode(), fields.get("response", "").encode()) else None


def _nonce(number: int) -> str:
    return f"{number:08x}{_hash(f'{number}:{_SECRET}')[:24]}"


def _hash(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
