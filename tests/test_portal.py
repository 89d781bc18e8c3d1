"""What a session knows of its portal, and the warning for who mixes versions."""

from __future__ import annotations

import warnings

import pytest

from aioliferay import BatchError, Session
from aioliferay._portal import Portal
from aioliferay._services import Service
from aioliferay.errors import PortalVersionWarning
from aioliferay.services import PortalVersion
from aioliferay.testing import FakePortal

anyio_test = pytest.mark.anyio
_ADMINISTRATOR = ("test@liferay.com", "test")


class OldService(Service):
    """A service of 6.2."""

    __slots__ = ()
    portal_version = "6.2"

    def get_entry(self, *, entry_id):
        return self._call("/blogsentry/get-entry", {"entryId": entry_id}, "entryId", dict, {})


@anyio_test
async def test_services_of_another_version_warn_once():
    """Services of 6.2 on a 7.x portal warn once a session, at the line of the caller, with the right package."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            await session.portal_version()
            with pytest.warns(
                PortalVersionWarning, match=r"services of Liferay 6\.2 .* Liferay 7\.4.*services\.v73"
            ) as caught:
                service = OldService(session)
            assert [__file__] == [each.filename for each in caught]
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                batch = session.batch()
                OldService(batch).get_entry(entry_id=1)
                service.get_entry(entry_id=1).cancel()
            await batch.aclose()


@anyio_test
async def test_services_of_another_version_warn_when_it_is_learnt():
    """The version may become known later: by a question, or by a refusal in a form that only 7.x has."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            OldService(session)
            with pytest.warns(PortalVersionWarning, match="is Liferay 7.4"):
                await session.portal_version()
        async with Session(url, auth=_ADMINISTRATOR) as session:
            with pytest.warns(PortalVersionWarning, match="is Liferay 7.x"), pytest.raises(BatchError):
                async with session.batch() as batch:
                    OldService(batch).get_entry(entry_id=20795)


@anyio_test
async def test_warning_as_an_error_harms_no_exchange():
    """Who makes the warning an error has it raised at the line where services are called, never in the middle of a batch."""
    with FakePortal("7.4").serve() as url:
        async with Session(url, auth=_ADMINISTRATOR) as session:
            with pytest.raises(BatchError):
                async with session.batch() as batch:
                    OldService(batch).get_entry(entry_id=20795)
            with pytest.raises(PortalVersionWarning):
                OldService(session)


@pytest.mark.parametrize(
    ("used", "known"),
    [("6.2", PortalVersion(6, 2)), ("7.3", PortalVersion(7, 4)), ("7.1", PortalVersion(7, 1)), ("7.3", None)],
)
def test_services_that_fit_do_not_warn(used, known):
    """Services of the portal's own version, or the newest for a newer portal, do not warn; nor does anything yet unknown."""
    portal = Portal()
    portal.note_services(used)
    if known is not None:
        portal.note_version(known)
    portal.note_services(used)


def test_services_of_7_on_an_unknown_7_do_not_warn():
    """That a portal is some 7.x says nothing against services of any 7.x."""
    portal = Portal(is_modern=True)
    portal.note_services("7.0")
    with pytest.warns(PortalVersionWarning):
        portal.note_services("6.2")
