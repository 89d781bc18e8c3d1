"""Companies, sites and roles as beans: what a plain call shows of them, and the further getters."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import escape

from aioliferay.testing._java import JavaLong, Model
from aioliferay.testing._sample_models import CLASS_NAME_IDS, model_getters, originals
from aioliferay.testing._sample_store import COMPANY_ID, DEFAULT_USER_ID, STARTED_AT, Store

_GROUP_ORIGINALS = [
    "active",
    "classNameId",
    "classPK",
    "companyId",
    "friendlyURL",
    "groupId",
    "liveGroupId",
    "name",
    "parentGroupId",
    "site",
    "type",
    "uuid",
]
_GROUP_IS_NOT = [
    "company",
    "companyStagingGroup",
    "controlPanel",
    "layout",
    "layoutPrototype",
    "layoutSetPrototype",
    "limitedToParentSiteMembers",
    "organization",
    "staged",
    "stagedRemotely",
    "stagingGroup",
    "userGroup",
    "userPersonalSite",
]
_ROLES = (
    (20162, "Administrator", "Administrators are super users who can do anything."),
    (20163, "Guest", "Unauthenticated users always have this role."),
    (20164, "Owner", "This is an implied role with respect to the objects users create."),
    (20165, "Power User", "Power Users have their own personal site."),
    (20166, "User", "Authenticated users should be assigned this role."),
)


class Site(NamedTuple):
    """What tells one site from another; `class_pk` is the user of a personal site, else the site itself."""

    group_id: int
    class_pk: int
    creator_id: int
    name: str
    friendly_url: str

    @property
    def is_personal(self) -> bool:
        """Whether this is a user's own site."""
        return self.class_pk not in {self.group_id, COMPANY_ID}

    @property
    def class_name(self) -> str:
        """The model that the site is of."""
        names = {self.group_id: "Group", COMPANY_ID: "Company"}
        return names.get(self.class_pk, "User")


class RoleRow(NamedTuple):
    """What tells one role from another; `type` 1 is a role of the whole portal, texts are by language."""

    role_id: int
    name: str
    descriptions: Mapping[str, str]
    type: int = 1
    titles: Mapping[str, str] = MappingProxyType({})


def company_model(store: Store) -> Model:
    """The only company."""
    shown: dict[str, object] = {
        "accountId": JavaLong(20157),
        "active": True,
        "companyId": JavaLong(COMPANY_ID),
        "homeURL": "",
        "key": "rO0ABXNyAB9qYXZheC5jcnlwdG8uc3BlYy5TZWNyZXRLZXlTcGVj",
        "logoId": JavaLong(0),
        "maxUsers": 0,
        "mx": "liferay.com",
        "system": False,
        "webId": "liferay.com",
    }
    nested = model_getters(store, "Company", shown, key=COMPANY_ID)
    nested |= {"emailAddress": "admin@liferay.com", "groupId": JavaLong(20195), "name": "Liferay"}
    nested |= {"keyObj": {"algorithm": "AES", "format": "RAW"}}
    return Model(store.java("model", "Company"), shown, nested=nested)


def full_company_model(store: Store, company: Model) -> Model:
    """The company as `get-company-by-id` shows it: with what its row does not hold."""
    further = {name: company[name] for name in ("emailAddress", "groupId", "name")}
    further["defaultUser"] = store.table("User")[DEFAULT_USER_ID]
    return Model(company.model_class, company.shown | further, nested=company.nested)


def group_model(store: Store, site: Site) -> Model:
    """A site, or a user's personal one."""
    shown: dict[str, object] = {
        "active": True,
        "classNameId": JavaLong(CLASS_NAME_IDS[site.class_name]),
        "classPK": JavaLong(site.class_pk),
        "companyId": JavaLong(COMPANY_ID),
        "creatorUserId": JavaLong(site.creator_id),
        "description": "",
        "friendlyURL": site.friendly_url,
        "groupId": JavaLong(site.group_id),
        "liveGroupId": JavaLong(0),
        "manualMembership": True,
        "membershipRestriction": 0,
        "name": site.name,
        "parentGroupId": JavaLong(0),
        "remoteStagingGroupCount": 0,
        "site": not site.is_personal,
        "treePath": f"/{site.group_id}/",
        "type": 0 if site.is_personal else 1,
        "typeSettings": "",
        "uuid": store.uuid(),
    }
    return Model(store.java("model", "Group"), shown, nested=_group_getters(store, site, shown))


def _group_getters(store: Store, site: Site, shown: dict[str, object]) -> dict[str, object]:
    is_guest = site.name == "Guest"
    return (
        model_getters(store, "Group", shown, key=site.group_id)
        | dict.fromkeys(_GROUP_IS_NOT, False)
        | originals(shown, _GROUP_ORIGINALS)
        | _layouts(store, site)
        | {
            "className": store.java("model", site.class_name),
            "community": not site.is_personal,
            "creatorUserUuid": store.uuid(),
            "descriptiveName": "Liferay" if is_guest else site.name,
            "guest": is_guest,
            "liveGroup": None,
            "organizationId": JavaLong(0),
            "parentGroup": None,
            "parentLiveGroupTypeSettingsProperties": dict[str, str](),
            "regularSite": not site.is_personal,
            "root": True,
            "typeLabel": "system" if site.is_personal else "open",
            "typeSettingsProperties": dict[str, str](),
            "user": site.is_personal,
        }
    )


def _layouts(store: Store, site: Site) -> dict[str, object]:
    private_pages = int(site.is_personal)
    return {
        "defaultPrivatePlid": JavaLong(site.group_id + 300 if private_pages else 0),
        "defaultPublicPlid": JavaLong(site.group_id + 3),
        "privateLayoutSet": _layout_set(store, site, pages=private_pages, is_private=True),
        "privateLayoutsPageCount": private_pages,
        "publicLayoutSet": _layout_set(store, site, pages=1, is_private=False),
        "publicLayoutsPageCount": 1,
    }


def _layout_set(store: Store, site: Site, *, pages: int, is_private: bool) -> Model:
    shown: dict[str, object] = {
        "colorSchemeId": "01",
        "companyId": JavaLong(COMPANY_ID),
        "createDate": STARTED_AT,
        "css": "",
        "groupId": JavaLong(site.group_id),
        "layoutSetId": JavaLong(site.group_id + (1 if is_private else 2)),
        "layoutSetPrototypeLinkEnabled": False,
        "layoutSetPrototypeUuid": "",
        "logo": False,
        "logoId": JavaLong(0),
        "modifiedDate": STARTED_AT,
        "pageCount": pages,
        "privateLayout": is_private,
        "settings": "",
        "themeId": "classic",
        "wapColorSchemeId": "01",
        "wapThemeId": "mobile",
    }
    return Model(store.java("model", "LayoutSet"), shown)


def role_models(store: Store) -> list[Model]:
    """The roles a fresh portal has for everybody."""
    return [role_model(store, RoleRow(role_id, name, {"en_US": text})) for role_id, name, text in _ROLES]


def role_model(store: Store, row: RoleRow) -> Model:
    """A role."""
    shown: dict[str, object] = {
        "classNameId": JavaLong(CLASS_NAME_IDS["Role"]),
        "classPK": JavaLong(row.role_id),
        "companyId": JavaLong(COMPANY_ID),
        "createDate": STARTED_AT,
        "description": localized("Description", row.descriptions),
        "descriptionCurrentValue": row.descriptions.get("en_US", ""),
        "modifiedDate": STARTED_AT,
        "name": row.name,
        "roleId": JavaLong(row.role_id),
        "subtype": "",
        "title": localized("Title", row.titles),
        "titleCurrentValue": row.titles.get("en_US") or row.name,
        "type": row.type,
        "userId": JavaLong(DEFAULT_USER_ID),
        "userName": "",
        "uuid": store.uuid(),
    }
    return Model(store.java("model", "Role"), shown, nested=model_getters(store, "Role", shown, key=row.role_id))


def localized(tag: str, texts: Mapping[str, str]) -> str:
    """The XML in which the portal keeps texts by language; "" for no text."""
    given = {language: text for language, text in texts.items() if text}
    if not given:
        return ""
    others = sorted(given.keys() - {"en_US"})
    languages = [*(["en_US"] if "en_US" in given else []), *others]
    known = ",".join(["en_US", *others])
    parts = [f'<{tag} language-id="{language}">{escape(given[language])}</{tag}>' for language in languages]
    head = f"<?xml version='1.0' encoding='UTF-8'?><root available-locales=\"{known}\" default-locale=\"en_US\">"
    return f"{head}{''.join(parts)}</root>"
