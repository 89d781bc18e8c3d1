"""The OAuth 2 provider of 7.x: clients, codes and tokens, by RFC 6749 and 7636. Knows no HTTP and no password."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aioliferay.testing._knobs import Knobs

_SCOPE = " ".join(f"liferay-json-web-services.everything{end}" for end in ("", ".read", ".read.userprofile", ".write"))
_CODE_SECONDS = 600
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
GRANTS = ("authorization_code", "client_credentials", "password", "refresh_token")


@dataclasses.dataclass(slots=True)
class OAuth2Client:
    """An application that may ask for tokens: a public one has no `secret`.

    A redirect URI of this computer that names no port stands for those with any.
    """

    id: str
    secret: str | None
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1/callback", "http://localhost/callback")

    def may_redirect_to(self, uri: str) -> bool:
        """Whether codes may go there."""
        return uri in self.redirect_uris or _without_port(uri) in self.redirect_uris


@dataclasses.dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint; `number` is that of the request, `error` RFC 6749's code where it was refused."""

    number: int
    grant_type: str
    client_id: str
    error: str | None


class OAuth2Error(Exception):
    """A refusal by RFC 6749; `status` is HTTP's."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.status = 401 if code == "invalid_client" else 400


class _Token(NamedTuple):
    user_id: int
    client_id: str
    scope: str
    expires_at: float


class _Code(NamedTuple):
    token: _Token
    redirect_uri: str
    challenge: str


class OAuth2:
    """The applications of one portal and what they were given."""

    def __init__(self, knobs: Knobs, administrator_id: int) -> None:
        self.client = OAuth2Client("id-of-the-fake-portal", "secret-of-the-fake-portal")
        self.public_client = OAuth2Client("public-id-of-the-fake-portal", None)
        self._knobs = knobs
        self._administrator_id = administrator_id
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}
        self._codes: dict[str, _Code] = {}
        self._made = 0

    def client_of(self, client_id: str) -> OAuth2Client | None:
        """The application with that id."""
        return next((client for client in (self.client, self.public_client) if client.id == client_id), None)

    def user_of(self, access_token: str) -> int | None:
        """Whom a bearer of the token acts for, None if it is unknown or expired."""
        token = self._access.get(access_token)
        return token.user_id if token is not None and self._knobs.clock() < token.expires_at else None

    def forget(self, *, refresh: bool) -> None:
        """Forget all access tokens, and with `refresh` those to renew them with."""
        self._access.clear()
        if refresh:
            self._refresh.clear()

    def authorize(self, sent: Mapping[str, str], client: OAuth2Client, user_id: int) -> str:
        """Where a browser goes with the answer of a user who was asked and agreed: with a code, or an error."""
        problem = _problem(sent, client)
        if problem:
            answer = {"error": problem}
        else:
            token = _Token(user_id, client.id, sent.get("scope") or _SCOPE, self._knobs.clock() + _CODE_SECONDS)
            code = self._secret("code")
            self._codes[code] = _Code(token, sent["redirect_uri"], sent.get("code_challenge", ""))
            answer = {"code": code}
        if "state" in sent:
            answer["state"] = sent["state"]
        return sent["redirect_uri"] + ("&" if "?" in sent["redirect_uri"] else "?") + urlencode(answer)

    def identify(self, sent: Mapping[str, str], basic: tuple[str, str] | None) -> OAuth2Client:
        """The application that sent a token request, by its form or by Basic.

        Raises `OAuth2Error` (invalid_client) for one that is unknown or does not prove itself.
        """
        client_id, secret = basic or (sent.get("client_id", ""), sent.get("client_secret", ""))
        client = self.client_of(client_id)
        if client is None or not hmac.compare_digest((client.secret or "").encode(), secret.encode()):
            raise OAuth2Error("invalid_client", "Client authentication failed")
        return client

    def grant(self, sent: Mapping[str, str], client: OAuth2Client, user_id: int | None) -> dict[str, object]:
        """The answer to a token request; `user_id` is whom the password grant proved.

        Raises `OAuth2Error`.
        """
        kind = sent.get("grant_type", "")
        if kind == "authorization_code":
            return self._tokens(self._redeem(sent, client))
        if kind == "refresh_token":
            return self._tokens(self._renew(sent, client))
        scope = sent.get("scope") or _SCOPE
        if kind == "client_credentials":
            if client.secret is None:
                raise OAuth2Error("unauthorized_client", "A public client has no credentials")
            return self._tokens(_Token(self._administrator_id, client.id, scope, 0), has_refresh=False)
        if user_id is None:
            raise OAuth2Error("invalid_grant", "No user of that name and password")
        return self._tokens(_Token(user_id, client.id, scope, 0))

    def _redeem(self, sent: Mapping[str, str], client: OAuth2Client) -> _Token:
        code = self._codes.pop(_required(sent, "code"), None)  # a code is good for one try
        if code is None or code.token.client_id != client.id or self._knobs.clock() >= code.token.expires_at:
            raise OAuth2Error("invalid_grant", "No such code")
        if code.redirect_uri != sent.get("redirect_uri"):
            raise OAuth2Error("invalid_grant", "Another redirect URI")
        if code.challenge:
            digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
                raise OAuth2Error("invalid_grant", "The code verifier does not match")
        return code.token

    def _renew(self, sent: Mapping[str, str], client: OAuth2Client) -> _Token:
        token = self._refresh.get(_required(sent, "refresh_token"))
        if token is None or token.client_id != client.id:
            raise OAuth2Error("invalid_grant", "No such refresh token")
        del self._refresh[sent["refresh_token"]]
        return token

    def _tokens(self, token: _Token, *, has_refresh: bool = True) -> dict[str, object]:
        seconds = self._knobs.oauth2_seconds
        access = self._secret("access")
        self._access[access] = token._replace(expires_at=self._knobs.clock() + seconds)
        answer: dict[str, object] = {"access_token": access, "token_type": "Bearer", "expires_in": seconds}
        answer["scope"] = token.scope
        if has_refresh:
            answer["refresh_token"] = self._secret("refresh")
            self._refresh[str(answer["refresh_token"])] = token
        return answer

    def _secret(self, kind: str) -> str:
        self._made += 1
        return hashlib.sha256(f"{kind} {self._made}".encode()).hexdigest()


def _problem(sent: Mapping[str, str], client: OAuth2Client) -> str:
    """RFC 6749's code for a request for a code that is refused, or nothing."""
    if sent.get("response_type") != "code":
        return "unsupported_response_type"
    has_challenge = bool(sent.get("code_challenge"))
    is_known = sent.get("code_challenge_method") == "S256" if has_challenge else client.secret is not None
    return "" if is_known else "invalid_request"


def require_known(sent: Mapping[str, str], repeated: Iterable[str]) -> None:
    """Refuse a token request that is no proper one.

    Raises `OAuth2Error`.
    """
    if any(repeated):
        raise OAuth2Error("invalid_request", "A parameter was sent twice")
    kind = _required(sent, "grant_type")
    if kind not in GRANTS:
        raise OAuth2Error("unsupported_grant_type", "No such grant type")
    for name in {"password": ("username", "password")}.get(kind, ()):
        _required(sent, name)


def _required(sent: Mapping[str, str], name: str) -> str:
    if not sent.get(name):
        raise OAuth2Error("invalid_request", f"The parameter {name} is missing")
    return sent[name]


def _without_port(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.hostname not in _LOOPBACK:
        return uri
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit(parts._replace(netloc=host))
