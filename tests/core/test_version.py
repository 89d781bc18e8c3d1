"""Which Liferay a portal is."""

from __future__ import annotations

import re

import pytest

from aioliferay._core.version import PortalVersion, version_of


@pytest.mark.parametrize(
    ("text", "version", "build"),
    [
        ("Liferay Portal Community Edition 6.2 CE GA6 (Newton / Build 6205 / January 6, 2016)", "6.2", 6205),
        ("Liferay Community Edition Portal 7.0.6 GA7 (Wilberforce / Build 7006 / April 17, 2018)", "7.0", 7006),
        ("Liferay DXP Digital Enterprise 7.1.10 GA1 (Judson / Build 7110 / July 2, 2018)", "7.1", 7110),
        ("Liferay Digital Experience Platform 7.4.13 Update 92 (Cavanaugh / Build 7413 / August 1, 2023)", "7.4", 7413),
        ("Liferay Digital Experience Platform 2024.Q1.5", "7.4", 0),
        ("7.0.6", "7.0", 0),
        ("7.4", "7.4", 0),
        ("Build 620512", "6.2", 6205),
    ],
)
def test_from_text(text, version, build):
    """The header of a page tells version and build; so does what discovery says."""
    found = PortalVersion.from_text(text)
    assert version == str(found)
    assert build == found.build
    assert text == found.text


@pytest.mark.parametrize("text", ["", "Liferay Portal", "Apache-Coyote/1", "1.2.3.4.5 x"])
def test_from_text_of_nothing(text):
    """A header that is cut down to a bare name tells no version."""
    found = PortalVersion.from_text(text)
    assert found is None or found.major < 6


@pytest.mark.parametrize(
    ("given", "catalog"),
    [
        ("6.2", "6.2"),
        ("6.2.5", "6.2"),
        ("v62", "6.2"),
        ("v73", "7.3"),
        (6205, "6.2"),
        ("7110", "7.1"),
        ((7, 2), "7.2"),
        (7.3, "7.3"),
        ("7.4", "7.3"),
        ("2024.q3.1", "7.3"),
        ("6.1", "6.2"),
        (PortalVersion(7, 0), "7.0"),
    ],
)
def test_version_of(given, catalog):
    """A version may be given in any usual way; the services of the newest one that is not newer fit best."""
    assert catalog == version_of(given).catalog


@pytest.mark.parametrize("given", ["", "six", "62", 62, "version"])
def test_version_of_nothing(given):
    """What is no version is refused, and the text says what one looks like."""
    with pytest.raises(ValueError, match=re.escape(f"{given!r} is no version of Liferay: give one such as '6.2'")):
        version_of(given)


def test_versions_can_be_compared():
    """Versions are ordered, and show themselves briefly."""
    assert PortalVersion(6, 2, 6205) < PortalVersion(7, 0, 7006) < PortalVersion(7, 4)
    assert "6.2" == f"{PortalVersion(6, 2)}"
