"""Ways to say who calls. The usual ones are in `aioliferay` itself; here is everything, also to write one of your own."""

from __future__ import annotations

from typing import Any

from aioliferay._auth import Authentication, BasicAuth, BearerAuth
from aioliferay._core.messages import Answer, Request
from aioliferay._forwarded import ForwardedCookies
from aioliferay._oauth2 import OAuth2AuthorizationCode, OAuth2ClientCredentials, OAuth2Password, OAuth2Token
from aioliferay._sessions import Session
from aioliferay._sign_in import SignIn

__all__ = [
    "Answer",
    "Authentication",
    "BasicAuth",
    "BearerAuth",
    "ForwardedCookies",
    "OAuth2AuthorizationCode",
    "OAuth2ClientCredentials",
    "OAuth2Password",
    "OAuth2Token",
    "Request",
    "SignIn",
    "sign_in",
]


async def sign_in(server: str, user: str, password: str, **options: Any) -> Session:
    """Return a session that is signed in already, to learn at once whether user and password are right.

    Args:
        server: URL of the portal's root.
        user: as in the portal's sign-in form: e-mail address, screen name or number, as the portal is set up.
        password: of the user.
        **options: those of `Session`.

    Raises:
        AuthenticationError: the portal does not take this user with this password. It is tried once.
        LiferayError: no answer, or a refusal.
    """
    try:
        way = SignIn(user, password)
    finally:
        del password  # what prints the local variables of a traceback shall not find it
    session = Session(server, auth=way, **options)
    try:
        await session.current_user()
    except BaseException:
        await session.aclose()
        raise
    return session
