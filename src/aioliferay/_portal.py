"""What a session knows of its portal: the version, the catalog. Warns who mixes versions; asks the portal nothing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from aioliferay._alarms import user_site
from aioliferay._plain import Known
from aioliferay.errors import PortalVersionWarning, ServerError

if TYPE_CHECKING:
    from aioliferay._core.catalog import Catalog
    from aioliferay._core.messages import Answer
    from aioliferay._core.version import PortalVersion

_MODERN: Final = frozenset({403, 404, 500})


@dataclass(slots=True)
class Portal:
    """What is known of the portal of a session.

    Attributes:
        version: None as long as nobody asked, or an answer told.
        is_modern: whether an answer had a form that only 7.x gives.
    """

    version: PortalVersion | None = None
    is_modern: bool = False
    _catalog: Catalog | None = None
    _known: WeakSet[Known] = field(default_factory=WeakSet[Known])
    _used: set[str] = field(default_factory=set[str])
    _warned: set[str] = field(default_factory=set[str])

    @property
    def catalog(self) -> Catalog | None:
        """The portal's services, if they were loaded: calls are checked by it."""
        return self._catalog

    @catalog.setter
    def catalog(self, catalog: Catalog | None) -> None:
        self._catalog = catalog
        for known in self._known:
            known.forms.clear()

    def new_known(self) -> Known:
        """Return what another session remembers."""
        known = Known()
        self._known.add(known)
        return known

    def note_version(self, version: PortalVersion) -> None:
        """Remember the version, and warn if services of another are in use."""
        self.version = version
        self._warn()

    def note_failure(self, answer: Answer, error: Exception) -> None:
        """Learn from a refusal: 6.2 refuses with status 200, 7.x with 403, 404 or 500 (`protocol.md` A.3)."""
        if not self.is_modern and isinstance(error, ServerError) and answer.status in _MODERN:
            self.is_modern = answer.body.lstrip().startswith(b"{")
            try:
                self._warn()
            except PortalVersionWarning:  # made an error: it is raised where services are used again, this is no place
                self._warned.clear()

    def note_services(self, version: str) -> None:
        """Remember that services of a version, such as "6.2", are in use, and warn if the portal is of another."""
        if version not in self._warned:
            self._used.add(version)
            self._warn()

    def _warn(self) -> None:
        if self.version is not None:
            fitting, told = self.version.catalog, f"Liferay {self.version}"
        elif self.is_modern:
            fitting, told = "7.3", "Liferay 7.x"
        else:
            return
        for used in sorted(self._used - self._warned - {fitting}):
            if self.version is None and used != "6.2":
                continue
            text = (
                f"services of Liferay {used} are called on a portal that is {told}: some are elsewhere there, or take other "
                f"parameters; use aioliferay.services.v{fitting.replace('.', '')}"
            )
            self._warned.add(used)  # first: made an error, the warning ends this
            file, line = user_site()
            warnings.warn_explicit(text, PortalVersionWarning, file, line)
