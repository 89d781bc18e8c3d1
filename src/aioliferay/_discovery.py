"""Asks a portal which version it is, and which services it has. Knows the questions, not what comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from aioliferay._core.refusals import refusal
from aioliferay._core.version import PortalVersion
from aioliferay._services import HasServices
from aioliferay.errors import CatalogError, ClosedError, ProtocolError

if TYPE_CHECKING:
    from aioliferay._core.catalog import Catalog
    from aioliferay._core.messages import Answer
    from aioliferay._exchange import Exchange
    from aioliferay._portal import Portal
    from aioliferay._services import Door

_HEADER: Final = "liferay-portal"
_SERVICES: Final = "/api/jsonws"


class Explorer(HasServices):
    """The part of a session that gets to know its portal."""

    server: str
    _exchange: Exchange

    @property
    def portal(self) -> Portal:
        """What the session knows of its portal."""
        return self._exchange.invoker.portal

    @property
    def catalog(self) -> Catalog | None:
        """The portal's services, if they were loaded by `discover()`, or set here, such as `catalogs.shipped("6.2")`.

        With a catalog, `services` refuses wrong names before anything is sent, `select=` refuses properties that results do
        not have (where the catalog describes them, as 7.x does), and reads and writes are told apart by it.
        """
        return self.portal.catalog

    @catalog.setter
    def catalog(self, catalog: Catalog | None) -> None:
        from aioliferay._core.catalog import Catalog  # noqa: PLC0415 - its models cost time that most programs need not spend

        if catalog is not None and not isinstance(catalog, Catalog):
            raise TypeError(f"the catalog of a session is a Catalog or None, not {type(catalog).__name__}")
        self.portal.catalog = catalog

    async def discover(self, *contexts: str) -> Catalog:
        """Ask the portal for its services, keep them as the session's catalog, and return them.

        6.2 answers with those of its core. 7.x answers with those of one context: without an argument, with the core. Name
        the contexts of others, such as `discover("blogs", "journal")`; these are added to the session's catalog. A plugin of
        6.2 is asked by its context, such as `discover("sample-portlet")`.

        Raises:
            CatalogError: the portal answers something else.
            LiferayError: no answer, or a refusal.
        """
        parts = [await self._discovered(context) for context in contexts or ("",)]
        known = [] if self.catalog is None or not contexts else [self.catalog]  # now: others may have asked meanwhile
        first, *rest = [*known, *parts]
        catalog = first.merged(rest) if rest else first
        self.catalog = catalog
        version = parts[0].portal_version if parts[0].is_modern else PortalVersion(6, 2)
        if self.portal.version is None and version is not None:
            self.portal.note_version(version)
        return catalog

    async def portal_version(self) -> PortalVersion:
        """Return the portal's version. It is asked for once, and remembered.

        The `Liferay-Portal` header of the portal's front page tells it, to everybody. Where it is hidden, the service
        `/portal/get-build-number` does, to users (`protocol.md` B.1).

        Raises:
            LiferayError: no answer, or a refusal.
        """
        known = self.portal.version
        if known is not None and known.build:
            return known
        text = (await self._ask("HEAD", f"{self.server}/")).headers.get(_HEADER, "")
        version = PortalVersion.from_text(text)
        if version is None:
            build: int = await cast("Door", self).call("/portal/get-build-number", returns=int)
            version = PortalVersion.from_build(build)
        self.portal.note_version(version)
        return version

    async def current_user(self) -> dict[str, Any]:
        """Return who this session calls as: what the portal tells of the user, such as `userId` and `emailAddress`.

        Raises:
            AuthenticationError: the portal does not know who calls.
            LiferayError: no answer, or a refusal.
        """
        user: dict[str, Any] = await cast("Door", self).call("/user/get-current-user")
        return user

    async def _discovered(self, context: str) -> Catalog:
        query = f"discover=/*&contextName={quote(context, safe='')}" if context else "discover=/*"
        catalog = _read(await self._ask("GET", f"{self.server}{_SERVICES}?{query}"))
        if context and not catalog.is_modern:  # 6.2 looks at no name of a context: a plugin answers at an address of its own
            address = f"{self.server}/{quote(context, safe='')}{_SERVICES}?discover=/*"
            catalog = _read(await self._ask("GET", address))
        return catalog

    async def _ask(self, method: str, url: str) -> Answer:
        if self._exchange.traffic.is_closed:
            raise ClosedError("the session is closed: open a new one")
        limit = self._exchange.terms.limits.max_answer_bytes
        return await self._exchange.invoker.ask(method, url, timeout=self._exchange.timeout, max_bytes=limit)


def _read(answer: Answer) -> Catalog:
    """Return the catalog of an answer."""
    from aioliferay._core.catalog import parse  # noqa: PLC0415 - as above

    try:
        return parse(answer.body if answer.status == 200 else b"")
    except CatalogError as error:
        problem = error
    told = refusal(answer)
    if told is None and answer.status == 200:
        raise problem
    raise told or ProtocolError(f"no discovery, but status {answer.status}", status=answer.status)
