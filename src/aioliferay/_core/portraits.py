"""The address of a user's picture, as Liferay's Mobile SDK makes it (`PortraitUtil`). Asks nobody."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, cast

from aioliferay._core.naming import snake


def portrait_url(user: Mapping[str, Any] | object, *, male: bool = True, server: str = "") -> str:
    """Return the address of a user's portrait.

    Without `server` it is a path, which `Session.download` takes. The portal shows the picture to everybody who has the
    address: it holds a token, made of the user's UUID (`protocol.md` B.1). Who has no picture is shown a general one.

    Args:
        user: a result of the portal's, or a model of one: its `portraitId` and `uuid` are needed.
        male: which of the two general pictures stands for it.
        server: URL of the portal's root.

    Raises:
        ValueError: the user has no such properties.
    """
    portrait_id, uuid = _of(user, "portraitId"), _of(user, "uuid")
    digest = hashlib.sha1(str(uuid).encode(), usedforsecurity=False).digest()
    token = base64.b64encode(digest).decode().translate({ord("+"): "%2B", ord("/"): "%2F", ord("="): "%3D"})
    kind = "male" if male else "female"
    return f"{server.rstrip('/')}/image/user_{kind}_portrait?img_id={int(portrait_id)}&img_id_token={token}"


def _of(user: object, name: str) -> Any:
    if isinstance(user, Mapping):
        value = cast("Mapping[str, Any]", user).get(name)
    else:
        value = getattr(user, snake(name), getattr(user, name, None))
    if value is None:
        raise ValueError(f"the user has no {name!r}: ask the portal for it, such as by select=['portraitId', 'uuid']")
    return value
