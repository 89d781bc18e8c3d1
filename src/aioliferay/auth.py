"""Ways to say who calls. The usual ones are in `aioliferay` itself; here is everything, also to write one of your own."""

from __future__ import annotations

from aioliferay._auth import Authentication, BasicAuth, BearerAuth
from aioliferay._core.messages import Answer, Request
from aioliferay._oauth2 import OAuth2AuthorizationCode, OAuth2ClientCredentials, OAuth2Password, OAuth2Token
from aioliferay._sign_in import SignIn

__all__ = [
    "Answer",
    "Authentication",
    "BasicAuth",
    "BearerAuth",
    "OAuth2AuthorizationCode",
    "OAuth2ClientCredentials",
    "OAuth2Password",
    "OAuth2Token",
    "Request",
    "SignIn",
]
