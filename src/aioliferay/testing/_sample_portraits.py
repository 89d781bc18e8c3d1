"""`/user/update-portrait` and `/user/delete-portrait`: pictures of people."""

import base64
import datetime as dt
import hashlib
from typing import NamedTuple

from aioliferay.testing._java import JavaLong, Long, Model
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_store import Actions, Store, register
from aioliferay.testing._sample_users import User


class Portrait(NamedTuple):
    """A picture; `token` is what its URL must show as `img_id_token`."""

    content: bytes
    token: str
    modified: dt.datetime


class PortraitServices:
    """The portraits, which are not scaled as the real portal does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.portraits: dict[int, Portrait] = {}

    def register(self, registry: Registry) -> None:
        """Register the services."""
        actions: Actions = [
            ("/user/delete-portrait", self.delete_portrait),
            ("/user/update-portrait", self.update_portrait),
        ]
        register(registry, self._store.java("service", "UserService"), actions)

    def update_portrait(self, user_id: Long, bytes: bytes | None, caller: Caller) -> User:  # noqa: A002 - the portal's name
        """Give a user a picture; for administrators and the user."""
        user = self._changeable(user_id, caller)
        portrait_id = self._store.next_id()
        digest = hashlib.sha1(str(user["uuid"]).encode(), usedforsecurity=False).digest()
        token = base64.b64encode(digest).decode()
        self.portraits[portrait_id] = Portrait(bytes or b"", token, self._store.now())
        self._point(user, portrait_id)
        return user

    def delete_portrait(self, user_id: Long, caller: Caller) -> None:
        """Take a user's picture away; for administrators and the user."""
        self._point(self._changeable(user_id, caller), 0)

    def _point(self, user: Model, portrait_id: int) -> None:
        self.portraits.pop(int(str(user["portraitId"])), None)
        user.shown["portraitId"] = JavaLong(portrait_id)

    def _changeable(self, user_id: int, caller: Caller) -> Model:
        user = self._store.row("User", user_id)
        if user_id != caller.user_id:
            self._store.require_administrator(caller, "UPDATE", f"{self._store.java('model', 'User')} {user_id}")
        return user
