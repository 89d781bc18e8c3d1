"""What the application is told by its environment."""

import os
from dataclasses import dataclass, field
from typing import Self

from aioliferay import SignIn
from aioliferay.fastapi import CallersCookies, CallersToken, Forward, PortalOptions


@dataclass(frozen=True)
class Settings:
    """Which portal and site, and as whom the portal is called.

    With `forward`, each request calls as its own user. Without, all of them call as the user of the option `auth`.
    """

    server: str = "http://localhost:8080"
    site: int = 20182
    forward: Forward | None = None
    options: PortalOptions = field(default_factory=PortalOptions)

    @classmethod
    def from_environment(cls) -> Self:
        """Read `LIFERAY_URL`, `LIFERAY_SITE`, and either `LIFERAY_USER` and `LIFERAY_PASSWORD` or `LIFERAY_FORWARD`."""
        server = os.environ.get("LIFERAY_URL", cls.server)
        site = int(os.environ.get("LIFERAY_SITE", cls.site))
        if user := os.environ.get("LIFERAY_USER"):
            return cls(server, site, options={"auth": SignIn(user, os.environ["LIFERAY_PASSWORD"])})
        is_bearer = os.environ.get("LIFERAY_FORWARD", "cookie") == "bearer"
        return cls(server, site, forward=CallersToken() if is_bearer else CallersCookies())
