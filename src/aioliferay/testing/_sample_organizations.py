"""`/organization`: organizations that callers add and delete."""

from typing import Annotated

from aioliferay.testing._java import JavaLong, JavaType, Long, Model, ServiceContext
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_folders import authored
from aioliferay.testing._sample_models import model_getters
from aioliferay.testing._sample_store import Actions, Store, is_null, register, window

Organization = Annotated[Model, JavaType("com.liferay.portal.model.Organization")]


class OrganizationServices:
    """The organizations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        actions: Actions = [
            ("/organization/delete-organization", self.delete_organization),
            ("/organization/get-organization", self.get_organization),
            ("/organization/get-organizations", self.get_organizations),
            ("/organization/get-organizations", self.get_organizations_page),
            ("/organization/get-organizations-count", self.get_organizations_count),
        ]
        if self._store.version == "6.2":
            actions.append(("/organization/add-organization", self.add_organization))
        register(registry, self._store.java("service", "OrganizationService"), actions)

    def add_organization(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        parent_organization_id: Long,
        name: str,
        type: str,  # noqa: A002 - the portal's name
        region_id: Long,
        country_id: Long,
        status_id: int,
        comments: str,
        site: bool,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> Organization:
        """Add an organization; for administrators. Its site is not made."""
        del service_context, site
        store = self._store
        store.require_administrator(caller, "ADD_ORGANIZATION", "com.liferay.portal")
        if is_null(name):
            raise store.error("portal", "OrganizationNameException")
        organization_id = store.next_id()
        shown = authored(store, caller, date=store.now()) | {
            "comments": comments,
            "countryId": JavaLong(country_id),
            "name": name,
            "organizationId": organization_id,
            "parentOrganizationId": JavaLong(parent_organization_id),
            "recursable": True,
            "regionId": JavaLong(region_id),
            "statusId": status_id,
            "treePath": f"/{organization_id}/",
            "type": type,
            "uuid": store.uuid(),
        }
        nested = model_getters(store, "Organization", shown, key=organization_id)
        row = store.table("Organization")[organization_id] = Model(store.java("model", "Organization"), shown, nested=nested)
        return row

    def delete_organization(self, organization_id: Long, caller: Caller) -> None:
        """Delete an organization; for administrators."""
        self.get_organization(organization_id, caller)
        resource = f"{self._store.java('model', 'Organization')} {organization_id}"
        self._store.require_administrator(caller, "DELETE", resource)
        del self._store.table("Organization")[organization_id]

    def get_organization(self, organization_id: Long, caller: Caller) -> Organization:
        """The organization with that id; for administrators."""
        resource = f"{self._store.java('model', 'Organization')} {organization_id}"
        if organization_id <= 0:
            raise self._store.refusal(caller, "VIEW", resource)
        organization = self._store.row("Organization", organization_id)
        self._store.require_administrator(caller, "VIEW", resource)
        return organization

    def get_organizations(self, company_id: Long, parent_organization_id: Long) -> list[Organization]:
        """The organizations below another; 0 is the top."""
        rows = self._store.table("Organization").values()
        key = (company_id, parent_organization_id)
        return [row for row in rows if (row["companyId"], row["parentOrganizationId"]) == key]

    def get_organizations_page(
        self, *, company_id: Long, parent_organization_id: Long, start: int, end: int
    ) -> list[Organization]:
        """The organizations below another from `start` to before `end`."""
        return window(self.get_organizations(company_id, parent_organization_id), start, end)

    def get_organizations_count(self, company_id: Long, parent_organization_id: Long) -> int:
        """How many organizations are below another."""
        return len(self.get_organizations(company_id, parent_organization_id))
