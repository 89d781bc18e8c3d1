"""Which portal a command talks to, and as whom: its options, what they come to, and what to tell where it is refused."""

from __future__ import annotations

import sys
import webbrowser
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from aioliferay import _credentials as credentials
from aioliferay import _portals
from aioliferay._portals import Kind, NamedPortal
from aioliferay._terminal import CommandError, Screen, open_session, password_in, shortened
from aioliferay.auth import BasicAuth, OAuth2AuthorizationCode, OAuth2ClientCredentials, OAuth2Token, SignIn
from aioliferay.errors import AuthenticationError, BatchError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from aioliferay import Session
    from aioliferay.observe import Hook

PortalOption = Annotated[
    str | None, typer.Option("--portal", metavar="NAME", help="A portal of the file that `aioliferay portals` tells.")
]
ServerOption = Annotated[str | None, typer.Option("--server", metavar="URL", help="Or the portal at this URL.")]
UserOption = Annotated[str | None, typer.Option("--user", help="Who calls, usually an e-mail address.")]
PasswordEnvOption = Annotated[
    str | None,
    typer.Option("--password-env", metavar="VAR", help="Name of the environment variable with the user's password."),
]
AuthOption = Annotated[
    Kind | None, typer.Option("--auth", help="Kind of authentication.  [default: sign-in]", show_default=False)
]
_OF_USERS: Final = frozenset({Kind.SIGN_IN, Kind.BASIC})
_PLAIN: Final = (
    "the portal does not know this user with this password: check --user (usually the e-mail address) and the "
    "environment variable that --password-env names"
)


class Wish(NamedTuple):
    """What the options say; None where they do not."""

    portal: str | None = None
    server: str | None = None
    user: str | None = None
    password_env: str | None = None
    auth: Kind | None = None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            typer.BadParameter: as its name says.
        """
        if self.portal is not None and self.server is not None:
            raise typer.BadParameter("one of them says which portal", param_hint="'--portal' / '--server'")
        for name, value in (("--user", self.user), ("--password-env", self.password_env)):
            if value is not None and self.auth is not None and self.auth not in _OF_USERS:
                raise typer.BadParameter(f"it does not go with --auth {self.auth.value}", param_hint=f"'{name}'")


@dataclass(frozen=True, slots=True)
class Access:
    """A portal, and the way in.

    Attributes:
        portal: which one.
        kind: of authentication; "none" for a guest.
        auth: what a session takes.
        source: where the password or secret came from, in words; "" if there is none.
        is_wanted: whether options or file say that calls are a guest's.
    """

    portal: NamedPortal
    kind: Kind = Kind.NONE
    auth: Any = field(default=None, repr=False)
    source: str = ""
    is_wanted: bool = False

    @property
    def told(self) -> str:
        """The kind of authentication in words: `sign-in, password from the keyring`."""
        if self.kind is Kind.NONE:
            return "none: calls are a guest's"
        what = "password" if self.kind in _OF_USERS else "client secret" if self.kind is Kind.OAUTH2_CLIENT else "token"
        return f"{self.kind.value}, {what} from {self.source}" if self.source else self.kind.value

    @property
    def invitation(self) -> str:
        """What a guest can do to be one no longer."""
        if self.is_wanted:
            return "call as a user: --auth sign-in, --user and --password-env"
        return f"`{credentials.login_line(self.portal)}`, or name a user with --user and --password-env"

    def session(self, hooks: Sequence[Hook] = (), *, timeout: float | None = None) -> Session:
        """Return a session; `timeout` in seconds, for each request, in place of the portal's own.

        Raises:
            CommandError: the URL cannot work.
        """
        seconds = timeout or self.portal.timeout
        return open_session(self.portal.server, self.auth, hooks, **({} if seconds is None else {"timeout": seconds}))

    @contextmanager
    def refusals_told(self) -> Generator[None]:
        """Turn what the portal says of credentials into what can be done about them.

        Raises:
            CommandError: in place of an AuthenticationError.
        """
        try:
            yield
        except (AuthenticationError, BatchError, NotSentError) as error:
            first = error.exceptions[0] if isinstance(error, BatchError) else error
            if told := self.refused(first):
                raise CommandError(told) from None
            raise

    def refused(self, error: Exception) -> str:
        """Return what an error says is wrong with the credentials, and the remedy; "" if it is of another kind."""
        if isinstance(self.auth, CodeAccess) and self.auth.needs_user:
            login = credentials.login_line(self.portal)
            return f"the portal wants the user to sign in anew, and nobody is here to see a browser: type `{login}`"
        return self._unknown(error) if isinstance(error, AuthenticationError) else ""

    def _unknown(self, error: AuthenticationError) -> str:
        login = credentials.login_line(self.portal)
        if self.kind is Kind.NONE:
            where = f"{error.path}: " if error.path else ""
            told = shortened(error.message or "access is denied")
            return f"{where}{told}: the portal wants to know who calls; {self.invitation}"
        if self.kind is Kind.OAUTH2_CODE:
            return f"{shortened(error.message)}; `{login}` asks you anew, with the client_id of [portals.{self.portal.name}]"
        if self.kind is Kind.OAUTH2_CLIENT:
            return f"{shortened(error.message)}; check client_id in [portals.{self.portal.name}], and {self.source}"
        if self.source == "--password-env":
            return _PLAIN
        remedy = f"; `{login}` keeps another" if self.source == credentials.KEYRING else ""
        return (
            "the portal does not know this user with this password: check the user (usually the e-mail address) and the "
            f"password, which came from {self.source}{remedy}"
        )


def plain_access(server: str, user: str | None, password_env: str | None) -> Access:
    """Return the way in that options alone describe: by basic authentication, or as a guest.

    Raises:
        CommandError: the variable holds no password, or the user's name cannot be sent so.
    """
    if user is None:
        return Access(NamedPortal(server))
    auth = _made(BasicAuth, user, password_in(password_env or ""))
    return Access(NamedPortal(server), Kind.BASIC, auth, "--password-env")


def access_of(wish: Wish) -> Access:
    """Return the portal and the way in that options, environment, file, keyring and `~/.netrc` come to.

    Raises:
        CommandError: no portal, or credentials that cannot be used.
    """
    portal = _portals.chosen(wish.portal, wish.server)
    kind = kind_of(portal, wish)
    if kind is Kind.NONE:
        return Access(portal, is_wanted=True)
    if kind is Kind.OAUTH2_CLIENT:
        return client_access(portal, credentials.client_secret_of(portal))
    if kind is Kind.OAUTH2_CODE:
        return code_access(portal, credentials.token_of(portal), may_ask=sys.stderr.isatty())
    secret = credentials.password_of(portal, wish.user, wish.password_env)
    return Access(portal) if secret is None else password_access(portal, kind, secret)


def kind_of(portal: NamedPortal, wish: Wish) -> Kind:
    """Return the kind of authentication that is meant.

    Raises:
        CommandError: it lacks something, or the options do not go with it.
    """
    kind = wish.auth or portal.auth or Kind.SIGN_IN
    if kind not in _OF_USERS and (wish.user or wish.password_env):
        raise CommandError(
            f"{portal.option} uses {kind.value}, which takes no --user and no --password-env: leave them out, or add "
            "--auth sign-in"
        )
    if kind in {Kind.OAUTH2_CLIENT, Kind.OAUTH2_CODE} and not portal.client_id:
        place = f"to [portals.{portal.name}]" if portal.name else "to a portal, and name that with --portal,"
        raise CommandError(f"{kind.value} needs an OAuth 2 application: add client_id = ... {place} in {_portals.place()}")
    return kind


def password_access(portal: NamedPortal, kind: Kind, secret: credentials.Secret) -> Access:
    """Return the way in of a user with a password.

    Raises:
        CommandError: they cannot be sent.
    """
    way = BasicAuth if kind is Kind.BASIC else SignIn
    return Access(portal, kind, _made(way, secret.user, secret.value), secret.source)


def client_access(portal: NamedPortal, secret: credentials.Secret | None) -> Access:
    """Return the way in of an OAuth 2 client.

    Raises:
        CommandError: there is no secret.
    """
    if secret is None:
        raise CommandError(
            f"there is no secret for the client of {portal.server}: `{credentials.login_line(portal)}` keeps one in the "
            f"keyring, or export {credentials.CLIENT_SECRET}"
        )
    auth = OAuth2ClientCredentials(portal.client_id, secret.value, scope=portal.scope, token_url=portal.token_url)
    return Access(portal, Kind.OAUTH2_CLIENT, auth, secret.source)


def code_access(portal: NamedPortal, token: OAuth2Token | None, *, may_ask: bool) -> Access:
    """Return the way in of a user whom the portal asks in a browser; a token that was kept spares him that.

    Raises:
        CommandError: nobody can be asked, and there is no token.
    """
    if token is None and not may_ask:
        raise CommandError(f"nobody has signed in to {portal.server}: type `{credentials.login_line(portal)}`")
    source = "the browser" if token is None else credentials.KEYRING
    return Access(portal, Kind.OAUTH2_CODE, CodeAccess(portal, token, may_ask=may_ask), source)


class CodeAccess(OAuth2AuthorizationCode):
    """OAuth 2 with a browser, whose tokens are kept in the keyring. `needs_user` tells that nobody was there to be asked."""

    def __init__(self, portal: NamedPortal, token: OAuth2Token | None, *, may_ask: bool) -> None:
        secret = credentials.client_secret_of(portal)
        places = {"redirect_uri": portal.redirect_uri, "authorize_url": portal.authorize_url, "token_url": portal.token_url}
        super().__init__(
            portal.client_id,
            "" if secret is None else secret.value,
            scope=portal.scope,
            token=token,
            on_token=self._keep,
            open_url=self._show,
            **{name: value for name, value in places.items() if value},
        )
        self.is_kept = False
        self.needs_user = False
        self._portal = portal
        self._may_ask = may_ask

    def _keep(self, token: OAuth2Token) -> None:
        try:
            credentials.keep_token(self._portal, token)
        except CommandError as error:
            Screen().warn(f"note: the access token is good for this once: {error}")
        else:
            self.is_kept = True

    def _show(self, url: str) -> None:
        if not self._may_ask:
            self.needs_user = True
            raise CommandError("nobody is here to see a browser")
        Screen().warn(f"sign in with your browser; if none opens, go to {url}")
        webbrowser.open(url)


def _made(way: type[Any], user: str, password: str) -> Any:
    try:
        return way(user, password)
    except ValueError as error:
        raise CommandError(f"{error}; see --user and the password") from None
