"""The keyring of the operating system: secrets read, kept and removed, if there is one. Knows not what they open."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Final

from aioliferay._terminal import CommandError, Screen

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALL: Final = "pip install 'aioliferay[keyring]'"
_OTHERWISE: Final = "until then, AIOLIFERAY_PASSWORD or ~/.netrc can hold the password"


def read(service: str, user: str | None) -> tuple[str, str] | None:
    """Return user and secret kept for a service: those of this user, or of whomever the keyring names.

    Without a keyring there is nothing. Where it fails, a line on standard error tells so.
    """
    backend = _backend()
    if backend is None:
        return None
    try:
        found = backend.get_credential(service, user)
    except Exception as error:  # noqa: BLE001 - backends are many, and raise what they like
        Screen().warn(f"note: the keyring cannot be read: {_told(error)}")
        return None
    if found is None or not found.password or (user is not None and found.username != user):
        return None  # some backends answer with another user of the service
    return found.username, found.password


def keep(service: str, user: str, secret: str) -> None:
    """Keep a secret.

    Raises:
        CommandError: there is no keyring, or it does not take it.
    """
    backend = required()
    _changed(lambda: backend.set_password(service, user, secret), secret)
    if read(service, user) != (user, secret):
        raise CommandError(f"the keyring ({name_of(backend)}) did not keep it: choose another backend; {_OTHERWISE}")


def remove(service: str, user: str) -> bool:
    """Remove a secret; tell whether there was one.

    Raises:
        CommandError: the keyring fails.
    """
    if read(service, user) is None:
        return False
    _changed(lambda: required().delete_password(service, user))
    return True


def required() -> Any:
    """Return the keyring.

    Raises:
        CommandError: there is none.
    """
    if importlib.util.find_spec("keyring") is None:
        raise CommandError(f"the keyring needs keyring, which is not installed: {INSTALL}; {_OTHERWISE}")
    backend = _backend()
    if backend is None:
        raise CommandError(
            f"this computer offers no keyring: install a backend, see https://pypi.org/project/keyring; {_OTHERWISE}"
        )
    return backend


def name_of(backend: Any) -> str:
    """Return how a keyring calls itself."""
    return str(getattr(backend, "name", type(backend).__name__))


def _backend() -> Any:
    try:
        import keyring  # noqa: PLC0415 - it takes its time, and only some commands need it
        from keyring.backends import fail  # noqa: PLC0415 - as above
    except ImportError:
        return None
    try:
        backend = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - its configuration may name anything
        Screen().warn(f"note: the keyring cannot be loaded: {_told(error)}")
        return None
    return None if isinstance(backend, fail.Keyring) else backend


def _changed(change: Callable[[], object], secret: str = "") -> None:
    try:
        change()
    except Exception as error:  # noqa: BLE001 - as in `read`
        told = _told(error).replace(secret, "...") if secret else _told(error)
        raise CommandError(f"the keyring does not do it: {told}; is it unlocked? {_OTHERWISE}") from None


def _told(error: Exception) -> str:
    """Return what may be shown of an error: text only of the library's own, as another's may hold anything."""
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    kind = type(error).__name__
    return f"{kind}: {str(error)[:200]}" if isinstance(error, KeyringError) and str(error) else kind
