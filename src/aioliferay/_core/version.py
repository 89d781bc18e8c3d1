"""Which Liferay a portal is. Knows how portals call themselves; asks none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_BUILD: Final = re.compile(r"Build\s+(\d{4,6})")
_NUMBER: Final = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})(?![\d])")
_QUARTERLY: Final = re.compile(r"20\d\d\.[qQ]\d")
KNOWN: Final = ("6.2", "7.0", "7.1", "7.2", "7.3")  # whose catalogs come with the library


@dataclass(frozen=True, slots=True, order=True)
class PortalVersion:
    """A version of Liferay, such as 6.2 or 7.3; `str()` gives it so. Versions can be compared.

    Attributes:
        major: 6 or 7.
        minor: the number behind it.
        build: such as 6205, 0 if it is not known.
        text: how the portal calls itself, "" if it did not.
    """

    major: int
    minor: int
    build: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def catalog(self) -> str:
        """The version whose services fit best, of those that come with the library: 7.3 for all that is newer."""
        fitting = [known for known in KNOWN if _pair(known) <= (self.major, self.minor)]
        return fitting[-1] if fitting else KNOWN[0]

    @classmethod
    def from_build(cls, build: int, text: str = "") -> PortalVersion:
        """Return the version of a build number: 6205 is 6.2, 7110 is 7.1."""
        return cls(build // 1000, build // 100 % 10, build, text)

    @classmethod
    def from_text(cls, text: str) -> PortalVersion | None:
        """Return the version that a text names, such as a `Liferay-Portal` header; None if it names none.

        The header of 6.2.5 is `Liferay Portal Community Edition 6.2 CE GA6 (Newton / Build 6205 / January 6, 2016)`.
        Quarterly releases (`2024.q1.5`) are 7.4.
        """
        if match := _BUILD.search(text):
            return cls.from_build(int(match[1][:4]), text)
        if _QUARTERLY.search(text):
            return cls(7, 4, 0, text)
        match = _NUMBER.search(text)
        return cls(int(match[1]), int(match[2]), 0, text) if match else None


def version_of(version: PortalVersion | str | float | tuple[int, int]) -> PortalVersion:
    """Return the version that is meant by `"6.2"`, `"6.2.5"`, `"v62"`, `6205`, `(7, 1)` or a `PortalVersion`.

    Raises:
        ValueError: none is.
    """
    if isinstance(version, PortalVersion):
        return version
    if isinstance(version, tuple) and len(version) == 2:
        return PortalVersion(*version)
    text = str(version)
    if text.isdigit():
        number = int(text)
        if number >= 1000:
            return PortalVersion.from_build(number)
    if match := re.fullmatch(r"v(\d)(\d{1,2})", text):
        return PortalVersion(int(match[1]), int(match[2]))
    known = PortalVersion.from_text(text)
    if known is None:
        raise ValueError(f"{version!r} is no version of Liferay: give one such as '6.2', '7.3', or a build number")
    return PortalVersion(known.major, known.minor, known.build)


def _pair(known: str) -> tuple[int, ...]:
    return tuple(map(int, known.split(".")))
