"""What the command line finds on a computer, for tests: a home of their own, a file of portals, a keyring in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import keyring.core
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

if TYPE_CHECKING:
    import pytest

PLACE = "TEST_KEYRING"
TESTS = str(Path(__file__).parent)
VARIABLES = ("AIOLIFERAY_USER", "AIOLIFERAY_PASSWORD", "AIOLIFERAY_CLIENT_SECRET", "AIOLIFERAY_CONFIG", "XDG_CONFIG_HOME")


class FileKeyring(KeyringBackend):
    """Keeps secrets in the file that an environment variable names, so that several processes share them.

    Attributes:
        is_locked: whether it refuses everything.
        is_forgetful: whether it takes secrets and keeps none.
    """

    priority = 1  # type: ignore[assignment]  # a property of the class, and a number does
    name = "keyring of the tests"
    is_locked = False
    is_forgetful = False

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get(service, {}).get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        kept = self.kept
        kept.setdefault(service, {})[username] = password
        if not self.is_forgetful:
            self._file.write_text(json.dumps(kept))

    def delete_password(self, service: str, username: str) -> None:
        kept = self.kept
        if kept.get(service, {}).pop(username, None) is None:
            raise PasswordDeleteError("no such password")
        self._file.write_text(json.dumps({name: users for name, users in kept.items() if users}))

    @property
    def kept(self) -> dict[str, dict[str, str]]:
        """Secrets by service and user."""
        if self.is_locked:
            raise KeyringLocked("it is locked")
        return json.loads(self._file.read_text()) if self._file.exists() else {}

    @property
    def _file(self) -> Path:
        return Path(os.environ[PLACE])


class OpenKeyring(FileKeyring):
    """Finds a user without being asked for one, as those of some systems do."""

    def get_credential(self, service: str, username: str | None) -> Credential | None:
        users = self.kept.get(service, {})
        found = username if username in users else next(iter(users), None)
        return None if found is None else Credential(found, users[found])


class Credential:
    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password


class Home:
    """A home of its own for commands, in this process and in others."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        self.variables = {
            "HOME": str(folder),
            PLACE: str(folder / "keyring.json"),
            "PYTHON_KEYRING_BACKEND": "cli_home.FileKeyring",
            "PYTHONPATH": TESTS,
            "no_proxy": "127.0.0.1",
        }
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in self.variables.items():
            patch.setenv(name, value)
        self.keyring = self.put(FileKeyring())

    def put(self, backend: FileKeyring) -> FileKeyring:
        """Have this keyring used in this process."""
        self._patch.setattr(keyring.core, "_keyring_backend", backend)
        return backend

    def name(self, text: str) -> Path:
        """Write the file of named portals."""
        file = self.folder / "portals.toml"
        file.write_text(text, "utf-8")
        self._patch.setenv("AIOLIFERAY_CONFIG", str(file))
        return file

    def netrc(self, text: str, mode: int = 0o600) -> Path:
        """Write `~/.netrc`."""
        file = self.folder / ".netrc"
        file.write_text(text, "utf-8")
        file.chmod(mode)
        return file
