"""`/group` and `/role`: the sites and roles of a fresh portal."""

import re
from typing import Annotated

from aioliferay.testing._java import Array, JavaError, JavaType, LocaleMap, Long, Model
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_folders import authored
from aioliferay.testing._sample_models import CLASS_NAME_IDS
from aioliferay.testing._sample_sites import RoleRow, role_model, role_models
from aioliferay.testing._sample_store import (
    ADMINISTRATOR_ID,
    COMPANY_ID,
    ORDINARY_USER_ID,
    Actions,
    Store,
    is_null,
    register,
    require_short,
    window,
)

Group = Annotated[Model, JavaType("com.liferay.portal.model.Group")]
Role = Annotated[Model, JavaType("com.liferay.portal.model.Role")]
Comparator = Annotated[
    object,
    JavaType("com.liferay.portal.kernel.util.OrderByComparator", (JavaType("com.liferay.portal.model.Group"),)),
]
Settings = Annotated[
    dict[str, object] | None,
    JavaType("java.util.LinkedHashMap", (JavaType("java.lang.String"), JavaType("java.lang.Object"))),
]

_ROLES_OF = {
    ADMINISTRATOR_ID: ("Administrator", "Power User", "User"),
    ORDINARY_USER_ID: ("Power User", "User"),
}


class GroupServices:
    """The sites and who belongs to them."""

    def __init__(self, store: Store, members: dict[int, list[int]]) -> None:
        self._store = store
        self._members = members

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        by_name = self.get_group_by_name if self._store.version == "6.2" else self.get_group_by_key
        actions: Actions = [
            ("/group/get-company-group", self.get_company_group),
            ("/group/get-group", self.get_group),
            ("/group/get-group", by_name),
            ("/group/get-groups", self.get_groups),
            ("/group/get-user-group", self.get_user_group),
            ("/group/get-user-sites-groups", self.get_user_sites),
            ("/group/get-user-sites-groups-count", self.get_user_sites_count),
            ("/group/has-user-group", self.has_user_group),
            ("/group/get-user-sites-groups", self.get_user_sites_of_classes),
            ("/group/search", self.search_by_name),
            ("/group/search-count", self.search_count_by_name),
        ]
        if self._store.version != "7.4":
            actions.append(("/group/search", self.search))
        if self._store.version == "6.2":
            actions.append(("/group/get-user-sites", self.get_user_sites))
        register(registry, self._store.java("service", "GroupService"), actions)

    def get_group(self, group_id: Long, caller: Caller) -> Group:
        """The site with that id, which administrators and its own people may see."""
        if group_id <= 0:
            raise self._store.refusal(caller, "VIEW", f"{self._store.java('model', 'Group')} {group_id}")
        return self._visible(self._store.row("Group", group_id), caller)

    def get_group_by_name(self, company_id: Long, name: str, caller: Caller) -> Group:
        """The site of that name, on 6.2."""
        return self._visible(self._store.only("Group", {"companyId": company_id, "name": name}), caller)

    def get_group_by_key(self, company_id: Long, group_key: str, caller: Caller) -> Group:
        """The site of that name, on 7.x."""
        rows = self._store.table("Group").values()
        found = next((row for row in rows if row["companyId"] == company_id and row["name"] == group_key), None)
        if found is None:
            raise self._store.missing("Group", f"key {{companyId={company_id}, groupKey={group_key}}}")
        return self._visible(found, caller)

    def get_company_group(self, company_id: Long, caller: Caller) -> Group:
        """The site that holds what is global."""
        return self._visible(self._of_class("Company", company_id, company_id), caller)

    def get_user_group(self, company_id: Long, user_id: Long, caller: Caller) -> Group:
        """A user's personal site."""
        return self._visible(self._of_class("User", company_id, user_id), caller)

    def _of_class(self, name: str, company_id: int, class_pk: int) -> Model:
        key = {"companyId": company_id, "classNameId": CLASS_NAME_IDS[name], "classPK": class_pk}
        return self._store.only("Group", key)

    def get_groups(self, *, company_id: Long, parent_group_id: Long, site: bool, caller: Caller) -> list[Group]:
        """The sites (or what is none) below another; 0 is the top."""
        wanted = {"companyId": company_id, "parentGroupId": parent_group_id, "site": site}
        rows = self._store.table("Group").values()
        found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
        return [row for row in found if self._may_view(row, caller)]

    def get_user_sites(self, caller: Caller) -> list[Group]:
        """The caller's personal site and those he is a member of."""
        rows = self._store.table("Group").items()
        personal = [row for _, row in rows if row["classPK"] == caller.user_id]
        return personal + [row for key, row in rows if self._is_member(caller.user_id or 0, key)]

    def get_user_sites_of_classes(self, class_names: Array[str] | None, max: int, caller: Caller) -> list[Group]:  # noqa: A002 - the portal's name
        """The sites of some kinds (class names of models; null for all) of the caller's, `max` at most; -1 for all."""
        sites = self.get_user_sites(caller)
        found = [site for site in sites if class_names is None or site["className"] in class_names]
        return found if max < 0 else found[:max]

    def get_user_sites_count(self, caller: Caller) -> int:
        """How many `get-user-sites` gives, and for administrators the control panel's one more."""
        return len(self.get_user_sites(caller)) + caller.is_administrator

    def has_user_group(self, user_id: Long, group_id: Long, caller: Caller) -> bool:
        """Whether the user is a member of the site, for those who may see either."""
        require_member_view(self._store, caller, user_id=user_id, group_id=group_id)
        return self._is_member(user_id, group_id)

    def _is_member(self, user_id: int, group_id: int) -> bool:
        return user_id in self._members.get(group_id, ())

    def search(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        company_id: Long,
        class_name_ids: Array[Long] | None,
        keywords: str | None,
        params: Settings,
        start: int,
        end: int,
        obc: Comparator,
        caller: Caller,
    ) -> list[Group]:
        """The sites whose name holds the keywords; an order is not looked at."""
        del obc
        wanted = dict(params or {})
        rows = [
            row
            for row in self._store.table("Group").values()
            if row["companyId"] == company_id
            and row["classNameId"] in (class_name_ids or [row["classNameId"]])
            and (keywords or "").lower() in str(row["name"]).lower()
            and row["site"] == wanted.get("site", row["site"])
        ]
        return [row for row in window(rows, start, end) if self._may_view(row, caller)]

    def search_by_name(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        company_id: Long,
        name: str | None,
        description: str | None,
        params: Array[str] | None,
        start: int,
        end: int,
        caller: Caller,
    ) -> list[Group]:
        """The sites of a name; `%` stands for anything, `params` ("site:true") are texts where 6.2 wants booleans."""
        del description
        if params:
            raise JavaError("java.lang.ClassCastException", "java.lang.String cannot be cast to java.lang.Boolean")
        rows = [row for row in self._store.table("Group").values() if row["companyId"] == company_id]
        found = window([row for row in rows if (name or "").strip("%") in str(row["name"])], start, end)
        return [row for row in found if self._may_view(row, caller)]

    def search_count_by_name(
        self, *, company_id: Long, name: str | None, description: str | None, params: Array[str] | None
    ) -> int:
        """How many sites have a name, whoever may see them."""
        everything = Caller(None, COMPANY_ID, is_administrator=True)
        found = self.search_by_name(
            company_id=company_id, name=name, description=description, params=params, start=-1, end=-1, caller=everything
        )
        return len(found)

    def _may_view(self, group: Model, caller: Caller) -> bool:
        is_own = group["classPK"] == caller.user_id
        return caller.is_administrator or is_own or self._is_member(caller.user_id or 0, int(str(group["groupId"])))

    def _visible(self, group: Model, caller: Caller) -> Model:
        if not self._may_view(group, caller):
            raise self._store.refusal(caller, "VIEW", f"{self._store.java('model', 'Group')} {group['groupId']}")
        return group


def require_member_view(store: Store, caller: Caller, *, user_id: int, group_id: int) -> None:
    """Let pass who may see the user, or else the members of the site, which must exist then."""
    if user_id == caller.user_id or (caller.is_administrator and user_id in store.table("User")):
        return
    if group_id > 0:
        store.row("Group", group_id)
        store.require_administrator(caller, "VIEW_MEMBERS", f"{store.java('model', 'Group')} {group_id}")
    else:
        raise store.refusal(caller, "VIEW_MEMBERS", f"{store.java('model', 'Group')} {group_id}")


class RoleServices:
    """The roles; administrators have three, others two."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for role in role_models(store):
            store.table("Role")[int(str(role["roleId"]))] = role
        self._system_ids = frozenset(store.table("Role"))

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        actions: Actions = [
            ("/role/delete-role", self.delete_role),
            ("/role/get-role", self.get_role),
            ("/role/get-role", self.get_role_by_name),
            ("/role/get-user-roles", self.get_user_roles),
            ("/role/has-user-role", self.has_user_role),
            ("/role/has-user-roles", self.has_user_roles),
        ]
        if self._store.version == "6.2":
            actions.append(("/role/add-role", self.add_role))
        register(registry, self._store.java("service", "RoleService"), actions)

    def get_role(self, role_id: Long, caller: Caller) -> Role:
        """The role with that id; users see those that every portal has."""
        self._require_view(role_id, caller)
        return self._store.row("Role", role_id)

    def get_role_by_name(self, company_id: Long, name: str, caller: Caller) -> Role:
        """The role of that name."""
        role = self._store.only("Role", {"companyId": company_id, "name": name})
        self._require_view(int(str(role["roleId"])), caller)
        return role

    def get_user_roles(self, user_id: Long, caller: Caller) -> list[Role]:
        """The roles a user has himself; others than he may ask as administrators."""
        self._require_user_view(user_id, caller)
        return [self._store.only("Role", {"name": name}) for name in _ROLES_OF.get(user_id, ("User",))]

    def has_user_role(self, *, user_id: Long, company_id: Long, name: str, inherited: bool, caller: Caller) -> bool:
        """Whether the user has the role, which must exist; nothing is inherited here."""
        del inherited
        self._require_user_view(user_id, caller)
        self._store.only("Role", {"companyId": company_id, "name": name})
        return name in _ROLES_OF.get(user_id, ("User",))

    def has_user_roles(self, *, user_id: Long, company_id: Long, names: Array[str], inherited: bool, caller: Caller) -> bool:
        """Whether the user has one of the roles; those after the first he has are not looked at."""
        self._require_user_view(user_id, caller)
        known = {"user_id": user_id, "company_id": company_id}
        return any(self.has_user_role(**known, name=name, inherited=inherited, caller=caller) for name in names)

    def _require_view(self, role_id: int, caller: Caller) -> None:
        if role_id not in self._system_ids:
            self._store.require_administrator(caller, "VIEW", f"{self._store.java('model', 'Role')} {role_id}")

    def _require_user_view(self, user_id: int, caller: Caller) -> None:
        if user_id != caller.user_id and not (caller.is_administrator and user_id in self._store.table("User")):
            raise self._store.refusal(caller, "VIEW", f"{self._store.java('model', 'User')} {user_id}")

    def add_role(
        self,
        *,
        name: str | None,
        title_map: LocaleMap | None,
        description_map: LocaleMap | None,
        type: int,  # noqa: A002 - the portal's name
        caller: Caller,
    ) -> Role:
        """Add a role; for administrators."""
        store = self._store
        store.require_administrator(caller, "ADD_ROLE", "com.liferay.portal")
        if name is None or is_null(name) or "," in name or "*" in name or re.fullmatch("[0-9]+", name):
            raise store.error("portal", "RoleNameException")
        if any(row["name"] == name for row in store.table("Role").values()):
            raise store.error("portal", "DuplicateRoleException", "{roleId=0}")
        require_short(name)
        role_id = store.next_id()
        row = RoleRow(role_id, name, _by_language(description_map), type, _by_language(title_map))
        role = store.table("Role")[role_id] = role_model(store, row)
        role.shown |= authored(store, caller, date=store.now())
        return role

    def delete_role(self, role_id: Long, caller: Caller) -> None:
        """Delete a role; for administrators."""
        resource = f"{self._store.java('model', 'Role')} {role_id}"
        self._store.require_administrator(caller, "DELETE", resource)
        self._store.row("Role", role_id)
        if role_id in self._system_ids:
            raise self._store.error("portal", "RequiredRoleException")
        del self._store.table("Role")[role_id]


def _by_language(texts: LocaleMap | None) -> dict[str, str]:
    return {str(language): text for language, text in (texts or {}).items()}
