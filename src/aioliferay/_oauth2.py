"""OAuth 2 access tokens of a 7.x portal: the grants that it knows, and how tokens are renewed. Sends nothing itself."""

from __future__ import annotations

import base64
import hashlib
import inspect
import math
import secrets
import webbrowser
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import urlencode

from pydantic_core import from_json

from aioliferay._auth import Step, bearer_verdict, concealing
from aioliferay._core.messages import Request
from aioliferay._loopback import code_from_browser
from aioliferay.errors import AuthenticationError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping

    from aioliferay._auth import Verdict
    from aioliferay._core.messages import Answer

_AHEAD_SECONDS: Final = 60.0
_UNSAVED: Final = "on_token failed: a new token was not saved"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class OAuth2Token:
    """An access token, as it can be saved and handed in again.

    Attributes:
        access_token: what goes with each request.
        refresh_token: for which the portal gives a new one; "" if there is none.
        expires_at: seconds since 1970, infinite if the portal does not tell.
        lifetime: seconds that it lasts in all.
        scope: what it allows.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = math.inf
    lifetime: float = math.inf
    scope: str = ""
    id: object = field(default_factory=object, repr=False, compare=False)

    def to_dict(self) -> dict[str, str | float | None]:
        """Return the token as plain JSON has it, to be saved where nobody else can read it."""
        times = {"expires_at": self.expires_at, "lifetime": self.lifetime}
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            **{name: seconds if math.isfinite(seconds) else None for name, seconds in times.items()},
            "scope": self.scope,
        }

    @classmethod
    @concealing
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Return the token that `to_dict` made this of.

        Raises:
            TypeError, ValueError: it is none of these; the text shows no token.
        """
        try:
            texts = [saved["access_token"], saved.get("refresh_token", ""), saved.get("scope", "")]
            times = [saved.get("expires_at"), saved.get("lifetime")]
        except (KeyError, TypeError, AttributeError):
            raise ValueError("no saved token: it has no access_token") from None
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a saved token has its tokens and its scope as text")
        if not all(seconds is None or (isinstance(seconds, int | float) and not math.isnan(seconds)) for seconds in times):
            raise TypeError("a saved token has its times in seconds, or null")
        ends = [math.inf if seconds is None else float(seconds) for seconds in times]
        return cls(texts[0], texts[1], ends[0], ends[1], texts[2])


class _OAuth2(ABC):
    """What all grants share: how tokens are asked for, shown, and renewed."""

    def __init__(  # noqa: PLR0913 - OAuth 2's own words
        self,
        client_id: str,
        client_secret: str = "",
        *,
        scope: str = "",
        token: OAuth2Token | None = None,
        on_token: Callable[[OAuth2Token], Awaitable[object] | object] | None = None,
        token_url: str = "",
    ) -> None:
        is_text = isinstance(client_id, str) and isinstance(client_secret, str)
        self._client = {"client_id": client_id} | ({"client_secret": client_secret} if client_secret else {})
        del client_secret  # what prints the local variables of a traceback shall not find it
        if not is_text:
            raise TypeError(f"{type(self).__name__} takes the client's id and secret as text")
        self._scope = {"scope": scope} if scope else {}
        self._token = token
        self._on_token = on_token
        self._token_url = token_url

    def __repr__(self) -> str:
        client: Mapping[str, str] = getattr(self, "_client", {})  # none, while its constructor fails
        return f"{type(self).__name__}({client.get('client_id', '')!r}, secrets hidden)"

    def obtain(self, server: str, old: OAuth2Token | None, now: float) -> Generator[Any, Any, OAuth2Token]:
        """Return the token that was handed in, or refresh the old one, or ask for a new one.

        Raises:
            AuthenticationError: the portal refuses client or user.
            ProtocolError: it answers something else than a token.
        """
        given = self._token if old is None else None  # for each session anew: what it became is the session's
        if given is not None and not self.is_due(given, now):
            return given
        refresh_token = (old or given or _NONE).refresh_token
        token: OAuth2Token | None = None
        if refresh_token:
            # It may have ended, or was revoked: then the user is asked, or the client shows its secret, anew.
            with suppress(AuthenticationError):
                token = yield from self._ask(server, {"grant_type": "refresh_token", "refresh_token": refresh_token}, now)
        if token is None:
            grant = yield from self._grant(server)
            token = yield from self._ask(server, grant, now)
        if self._on_token is not None:
            yield Step(partial(_told, self._on_token, token), told=_UNSAVED)
        return token

    def is_due(self, credentials: OAuth2Token, now: float) -> bool:
        """Tell whether a token has a minute left at most, or half of its life if that is shorter."""
        return now >= credentials.expires_at - min(_AHEAD_SECONDS, credentials.lifetime / 2)

    def signed(self, request: Request, credentials: OAuth2Token) -> Request:
        """Return the request with its `Authorization` header."""
        return request.with_header("Authorization", f"Bearer {credentials.access_token}")

    def verdict(self, answer: Answer, credentials: OAuth2Token) -> Verdict:  # noqa: ARG002 - as `Renewable`
        """Tell what an answer says of the token: with status 401 nothing ran."""
        return bearer_verdict(answer)

    def used(self, credentials: OAuth2Token, now: float) -> OAuth2Token:  # noqa: ARG002 - as `Renewable`
        """Return the token: its use changes nothing."""
        return credentials

    def farewell(self, server: str, credentials: OAuth2Token) -> Request | None:  # noqa: ARG002 - as above
        """Return None: a token simply ends."""
        return None

    @abstractmethod
    def _grant(self, server: str) -> Generator[Any, Any, Mapping[str, str]]:
        """Return the form of a first request for a token, after whatever it takes to have it."""

    def _ask(self, server: str, grant: Mapping[str, str], now: float) -> Generator[Request, Answer, OAuth2Token]:
        form = urlencode({**grant, **self._client, **(self._scope if grant["grant_type"] != "refresh_token" else {})})
        url = self._token_url or f"{server}/o/oauth2/token"
        answer = yield Request("POST", url, _FORM, form.encode())
        return _token_of(answer, grant.get("refresh_token", ""), now)


class OAuth2ClientCredentials(_OAuth2):
    """Access as the user that the portal's OAuth 2 application has for its client, without any other user.

    A token is asked for with the first call, and renewed a minute before it ends, once for all calls that wait, and once
    more if the portal refuses it.

    Args:
        client_id: as the portal shows it in *Control Panel → OAuth 2 Administration*.
        client_secret: as above.
        scope: what to ask for, with spaces between, such as `liferay-json-web-services.everything.read`.
        token: one that was saved.
        on_token: called with each new token, to save it; may be async. If it fails, that is logged, and calls go on.
        token_url: where tokens are given, by default `/o/oauth2/token` of the portal.
    """

    def _grant(self, server: str) -> Generator[Any, Any, Mapping[str, str]]:  # noqa: ARG002 - as in its base
        yield from ()
        return {"grant_type": "client_credentials"}


class OAuth2Password(_OAuth2):
    """Access as a user whose password the program has. The other arguments are those of `OAuth2ClientCredentials`."""

    def __init__(self, client_id: str, client_secret: str = "", *, user: str, password: str, **options: Any) -> None:
        is_text = isinstance(user, str) and isinstance(password, str)
        self._user = {"username": user, "password": password}
        del password  # as in the base
        try:
            super().__init__(client_id, client_secret, **options)
        finally:
            del client_secret
        if not is_text:
            raise TypeError("OAuth2Password takes user and password as text")

    def _grant(self, server: str) -> Generator[Any, Any, Mapping[str, str]]:  # noqa: ARG002 - as in its base
        yield from ()
        return {"grant_type": "password", **self._user}


class OAuth2AuthorizationCode(_OAuth2):
    """Access as a user who signs in with a browser, for command-line programs; with PKCE, so that no secret is needed.

    Without a token that was handed in, the first call opens the portal's page in a browser, and waits up to five minutes
    until the portal sends the browser back to this computer. A program that has tokens from elsewhere, such as a web
    application, hands them in as `token=`; they are refreshed all the same.

    Args:
        client_id: of the portal's OAuth 2 application.
        client_secret: if it has one.
        redirect_uri: where the portal sends the browser back to, as registered there: an address of this computer.
        open_url: shows a page to the user, by default in a browser.
        authorize_url: where users are asked, by default `/o/oauth2/authorize` of the portal.
        **options: those of `OAuth2ClientCredentials`.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str = "",
        *,
        redirect_uri: str = "http://127.0.0.1:8765/callback",
        open_url: Callable[[str], object] = webbrowser.open,
        authorize_url: str = "",
        **options: Any,
    ) -> None:
        try:
            super().__init__(client_id, client_secret, **options)
        finally:
            del client_secret  # as in the base
        self._redirect_uri = redirect_uri
        self._open_url = open_url
        self._authorize_url = authorize_url

    def _grant(self, server: str) -> Generator[Any, Any, Mapping[str, str]]:
        verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client["client_id"],
            "redirect_uri": self._redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **self._scope,
        }
        url = f"{self._authorize_url or f'{server}/o/oauth2/authorize'}?{urlencode(query)}"
        ask = partial(code_from_browser, url, self._redirect_uri, state, self._open_url)
        code: str = yield Step(ask, is_personal=True)
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri}
        return {**grant, "code_verifier": verifier}


_NONE: Final = OAuth2Token("")


async def _told(on_token: Callable[[OAuth2Token], Awaitable[object] | object], token: OAuth2Token) -> None:
    result = on_token(token)
    if inspect.isawaitable(result):
        await result


def _token_of(answer: Answer, refresh_token: str, now: float) -> OAuth2Token:
    """Return the token in an answer; `refresh_token` stays if there is no other."""
    try:
        found: Any = from_json(answer.body)
    except ValueError:
        found = None
    told = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if answer.status in {400, 401, 403} and isinstance(told.get("error"), str):
        more = told.get("error_description")
        text = f"{told['error']}: {more}" if isinstance(more, str) and more else told["error"]
        raise AuthenticationError(f"the portal gives no access token: {text[:300]}", status=answer.status)
    access_token = told.get("access_token")
    is_text = (
        isinstance(access_token, str) and access_token.isascii() and access_token.isprintable() and " " not in access_token
    )
    if answer.status != 200 or not is_text or not access_token:
        what = "no access token" if answer.status == 200 else f"status {answer.status}"
        raise ProtocolError(
            f"the portal's token endpoint answered {what}; is OAuth 2 switched on there?", status=answer.status
        )
    lifetime = _seconds(told.get("expires_in"))
    again, scope = told.get("refresh_token"), told.get("scope")
    return OAuth2Token(
        str(access_token),
        again if isinstance(again, str) and again else refresh_token,
        now + lifetime,
        lifetime,
        scope if isinstance(scope, str) else "",
    )


def _seconds(value: object) -> float:
    try:
        seconds = float(cast("Any", value))
    except (TypeError, ValueError, OverflowError):
        return math.inf
    return math.inf if math.isnan(seconds) else max(seconds, 0.0)
