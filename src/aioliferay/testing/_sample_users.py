"""`/user`, `/contact`, `/company`, `/portal` and their people: the administrator, joe, and the default user."""

from collections.abc import Mapping
from typing import Annotated

from aioliferay.testing._java import Array, JavaType, Long, Model
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_groups import require_member_view
from aioliferay.testing._sample_models import Person, contact_model, user_model
from aioliferay.testing._sample_sites import Site, company_model, full_company_model, group_model
from aioliferay.testing._sample_store import (
    ADMINISTRATOR_ID,
    COMPANY_ID,
    DEFAULT_USER_ID,
    GUEST_SITE_ID,
    ORDINARY_USER_ID,
    STARTED_AT,
    Actions,
    Store,
    register,
    window,
)

User = Annotated[Model, JavaType("com.liferay.portal.model.User")]
Contact = Annotated[Model, JavaType("com.liferay.portal.model.Contact")]
Company = Annotated[Model, JavaType("com.liferay.portal.model.Company")]

BUILD_NUMBERS = {"6.2": 6205, "7.0": 7006, "7.4": 7413}
_PEOPLE = (
    Person(DEFAULT_USER_ID, 20160, 0, "20159", "default@liferay.com", "", "", ""),
    Person(ADMINISTRATOR_ID, 20200, 20201, "test", "test@liferay.com", "Test", "Test", "test"),
    Person(ORDINARY_USER_ID, 20515, 20516, "joe", "joe@liferay.com", "Joe", "Bloggs", "joe"),
)
_SITES = (
    Site(20195, COMPANY_ID, DEFAULT_USER_ID, "20155", "/global"),
    Site(GUEST_SITE_ID, GUEST_SITE_ID, DEFAULT_USER_ID, "Guest", "/guest"),
    Site(20201, ADMINISTRATOR_ID, ADMINISTRATOR_ID, "20199", "/test"),
    Site(20516, ORDINARY_USER_ID, ORDINARY_USER_ID, "20514", "/joe"),
)


class UserServices:
    """The people and what is known about them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for site in _SITES:
            store.table("Group")[site.group_id] = group_model(store, site)
        for person in _PEOPLE:
            store.table("Contact")[person.contact_id] = contact_model(store, person, date=STARTED_AT)
            store.table("User")[person.user_id] = user_model(store, person, date=STARTED_AT)
            store.passwords[person.user_id] = person.password
        self._company = company_model(store)
        self.members = {GUEST_SITE_ID: [ADMINISTRATOR_ID]}

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        users: Actions = [
            ("/user/delete-user", self.delete_user),
            ("/user/get-company-users", self.get_company_users),
            ("/user/get-company-users-count", self.get_company_users_count),
            ("/user/get-current-user", self.get_current_user),
            ("/user/get-group-user-ids", self.get_group_user_ids),
            ("/user/get-group-users", self.get_group_users),
            ("/user/get-organization-user-ids", self.get_organization_user_ids),
            ("/user/has-group-user", self.has_group_user),
            ("/user/get-user-by-email-address", self.get_user_by_email_address),
            ("/user/get-user-by-id", self.get_user_by_id),
            ("/user/get-user-by-screen-name", self.get_user_by_screen_name),
            ("/user/get-user-id-by-email-address", self.get_user_id_by_email_address),
            ("/user/get-user-id-by-screen-name", self.get_user_id_by_screen_name),
        ]
        companies: Actions = [
            ("/company/get-company-by-id", self.get_company_by_id),
            ("/company/get-company-by-mx", self.get_company_by_mx),
            ("/company/get-company-by-web-id", self.get_company_by_web_id),
        ]
        portal: Actions = [("/portal/get-build-number", self.get_build_number)]
        if self._store.version != "7.4":
            portal.append(("/portal/get-auto-deploy-directory", self.get_auto_deploy_directory))
        java = self._store.java
        register(registry, java("service", "UserService"), users)
        register(registry, java("service", "CompanyService"), companies)
        register(registry, java("service", "PortalService"), portal)
        register(registry, java("service", "ContactService"), [("/contact/get-contact", self.get_contact)])

    def user_id(self, email_address: str) -> int | None:
        """The user of that e-mail address; names and ids are no logins."""
        users = self._store.table("User").items()
        return next((key for key, user in users if user["emailAddress"] == email_address), None)

    def note_failure(self, user_id: int) -> None:
        """Count a wrong password."""
        user = self._store.table("User")[user_id].shown
        user["failedLoginAttempts"] = int(str(user["failedLoginAttempts"])) + 1
        user["lastFailedLoginDate"] = self._store.now()

    def get_build_number(self) -> int:
        """6205, 7006 or 7413."""
        return BUILD_NUMBERS[self._store.version]

    def get_auto_deploy_directory(self) -> str:
        """A text without parameters."""
        return "/opt/liferay/home/deploy"

    def get_current_user(self, caller: Caller) -> User:
        """The caller."""
        return self._store.row("User", caller.user_id or DEFAULT_USER_ID)

    def get_user_by_id(self, user_id: Long, caller: Caller) -> User:
        """The user with that id, whom only administrators and he himself may see."""
        user = self._store.row("User", user_id)
        self._require_view(user_id, caller)
        return user

    def get_user_by_email_address(self, company_id: Long, email_address: str, caller: Caller) -> User:
        """The user with that e-mail address."""
        return self._visible(caller, {"companyId": company_id, "emailAddress": email_address})

    def get_user_by_screen_name(self, company_id: Long, screen_name: str, caller: Caller) -> User:
        """The user with that screen name."""
        return self._visible(caller, {"companyId": company_id, "screenName": screen_name})

    def get_user_id_by_email_address(self, company_id: Long, email_address: str, caller: Caller) -> Long:
        """The id of the user with that e-mail address."""
        return _id(self._visible(caller, {"companyId": company_id, "emailAddress": email_address}))

    def get_user_id_by_screen_name(self, company_id: Long, screen_name: str, caller: Caller) -> Long:
        """The id of the user with that screen name."""
        return _id(self._visible(caller, {"companyId": company_id, "screenName": screen_name}))

    def get_company_users(self, *, company_id: Long, start: int, end: int, caller: Caller) -> list[User]:
        """Everybody; for administrators."""
        self._store.require_administrator(caller, "VIEW", f"{self._store.java('model', 'Company')} {company_id}")
        return window([*self._store.table("User").values()], start, end) if company_id == COMPANY_ID else []

    def get_company_users_count(self, company_id: Long, caller: Caller) -> int:
        """How many `get-company-users` gives, all in all."""
        return len(self.get_company_users(company_id=company_id, start=-1, end=-1, caller=caller))

    def get_group_users(self, group_id: Long, caller: Caller) -> list[User]:
        """The members of a site; for administrators."""
        return [self._store.row("User", key) for key in self.get_group_user_ids(group_id, caller)]

    def get_group_user_ids(self, group_id: Long, caller: Caller) -> Array[Long]:
        """The ids of the members of a site; for administrators."""
        if group_id > 0:
            self._store.row("Group", group_id)
        else:
            raise self._store.refusal(caller, "VIEW_MEMBERS", f"{self._store.java('model', 'Group')} {group_id}")
        self._store.require_administrator(caller, "VIEW", f"{self._store.java('model', 'Group')} {group_id}")
        return Array(self.members.get(group_id, ()))

    def has_group_user(self, group_id: Long, user_id: Long, caller: Caller) -> bool:
        """Whether the user is a member of the site, for those who may see either."""
        require_member_view(self._store, caller, user_id=user_id, group_id=group_id)
        return user_id in self.members.get(group_id, ())

    def get_organization_user_ids(self, organization_id: Long, caller: Caller) -> Array[Long]:
        """No organization has members here."""
        if organization_id > 0:
            self._store.row("Organization", organization_id)
        if organization_id <= 0 or not caller.is_administrator:
            resource = f"{self._store.java('model', 'Organization')} {organization_id}"
            raise self._store.refusal(caller, "VIEW_MEMBERS", resource)
        return Array()

    def delete_user(self, user_id: Long, caller: Caller) -> None:
        """Delete another user; for administrators, who are refused one that does not exist."""
        if user_id == caller.user_id:
            raise self._store.error("portal", "RequiredUserException")
        if not caller.is_administrator or user_id not in self._store.table("User"):
            raise self._store.refusal(caller, "DELETE", f"{self._store.java('model', 'User')} {user_id}")
        del self._store.table("User")[user_id]
        self._store.passwords.pop(user_id)

    def get_contact(self, contact_id: Long, caller: Caller) -> Contact:
        """The contact with that id, which only administrators and the contact's user may see."""
        contact = self._store.row("Contact", contact_id)
        self._require_view(_id(contact), caller)
        return contact

    def get_company_by_id(self, company_id: Long) -> Company:
        """The company with that id."""
        if company_id != COMPANY_ID:
            raise self._store.missing("Company", f"primary key {company_id}")
        return full_company_model(self._store, self._company)

    def get_company_by_web_id(self, web_id: str | None) -> Company:
        """The company with that web id ("liferay.com")."""
        if web_id != self._company["webId"]:
            raise self._store.missing("Company", f"key {{webId={'null' if web_id is None else web_id}}}")
        return self._company

    def get_company_by_mx(self, mx: str | None) -> Company:
        """The company with that mail domain."""
        if mx != self._company["mx"]:
            raise self._store.missing("Company", f"key {{mx={'null' if mx is None else mx}}}")
        return self._company

    def _visible(self, caller: Caller, key: Mapping[str, object]) -> Model:
        user = self._store.only("User", key)
        self._require_view(_id(user), caller)
        return user

    def _require_view(self, user_id: int, caller: Caller) -> None:
        if user_id != caller.user_id:
            resource = f"{self._store.java('model', 'User')} {user_id}"
            self._store.require_administrator(caller, "VIEW", resource)


def _id(user: Model) -> int:
    return int(str(user["userId"]))
