"""Users and their contacts as beans: what a plain call shows, and the getters that nesting and white-lists bring out."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aioliferay.testing._java import JavaError, JavaLong, Model
from aioliferay.testing._sample_store import COMPANY_ID, DEFAULT_USER_ID, STARTED_AT, Store

CLASS_NAME_IDS = {"Group": 20001, "Company": 20003, "Role": 20004, "User": 20005, "Country": 20027}
_EXPANDO_TABLE_ID = 21200
_AREAS = {
    "AssetTag": "asset model",
    "AssetVocabulary": "asset model",
    "BlogsEntry": "blogs model",
    "BookmarksFolder": "bookmarks model",
    "JournalFolder": "journal model",
}

_CONTACT_TEXTS = [
    "aimSn",
    "employeeNumber",
    "employeeStatusId",
    "facebookSn",
    "hoursOfOperation",
    "icqSn",
    "jabberSn",
    "jobClass",
    "jobTitle",
    "middleName",
    "msnSn",
    "mySpaceSn",
    "skypeSn",
    "smsSn",
    "twitterSn",
    "userName",
    "ymSn",
]
_USER_ORIGINALS = [
    "companyId",
    "contactId",
    "createDate",
    "defaultUser",
    "emailAddress",
    "facebookId",
    "modifiedDate",
    "openId",
    "portraitId",
    "screenName",
    "status",
    "userId",
    "uuid",
]
_NO_PASSWORD_LIMIT = {
    "allowDictionaryWords": True,
    "changeRequired": False,
    "changeable": True,
    "checkSyntax": False,
    "defaultPolicy": True,
    "description": "Default Password Policy",
    "expireable": False,
    "graceLimit": 0,
    "history": False,
    "historyCount": 6,
    "lockout": False,
    "lockoutDuration": JavaLong(0),
    "maxAge": JavaLong(8640000),
    "maxFailure": 3,
    "minAge": JavaLong(0),
    "minAlphanumeric": 0,
    "minLength": 6,
    "minLowerCase": 0,
    "minNumbers": 1,
    "minSymbols": 0,
    "minUpperCase": 1,
    "name": "Default Password Policy",
    "passwordPolicyId": JavaLong(20198),
    "regex": "(?=.{4})(?:[a-zA-Z0-9]*)",
    "requireUnlock": True,
    "resetFailureCount": JavaLong(600),
    "resetTicketMaxAge": JavaLong(86400),
    "userId": JavaLong(DEFAULT_USER_ID),
    "userName": "",
    "warningTime": JavaLong(86400),
}
_UTC = {
    "DSTSavings": 0,
    "ID": "UTC",
    "displayName": "Coordinated Universal Time",
    "lastRawOffset": 0,
    "lastRuleInstance": None,
    "rawOffset": 0,
}
_ENGLISH = {
    "ISO3Country": "USA",
    "ISO3Language": "eng",
    "country": "US",
    "displayCountry": "United States",
    "displayLanguage": "English",
    "displayName": "English (United States)",
    "displayScript": "",
    "displayVariant": "",
    "language": "en",
    "script": "",
    "variant": "",
}


class Person(NamedTuple):
    """What tells one user from another; ids as JavaLong, `group_id` of the personal site (0: none)."""

    user_id: int
    contact_id: int
    group_id: int
    screen_name: str
    email_address: str
    first_name: str
    last_name: str
    password: str


def model_getters(store: Store, name: str, columns: Mapping[str, object], *, key: int) -> dict[str, object]:
    """The getters every row has besides its columns."""
    java_class = store.java(_AREAS.get(name, "model"), name)
    return {
        "cachedModel": True,
        "columnBitmask": JavaLong(0),
        "escapedModel": False,
        "expandoBridge": _expando(name, java_class, key),
        "modelAttributes": {column: value for column, value in columns.items() if not column.endswith("CurrentValue")},
        "modelClass": java_class,
        "modelClassName": java_class,
        "new": False,
        "primaryKey": JavaLong(key),
        "primaryKeyObj": JavaLong(key),
    }


def _expando(name: str, java_class: str, key: int) -> Model:
    shown: dict[str, object] = {
        "attributeNames": {},
        "className": java_class,
        "classPK": JavaLong(key),
        "companyId": JavaLong(COMPANY_ID),
        "indexEnabled": name != "User",
        "table": {
            "classNameId": JavaLong(CLASS_NAME_IDS.get(name, 0)),
            "companyId": JavaLong(COMPANY_ID),
            "name": "CUSTOM_FIELDS",
            "tableId": JavaLong(_EXPANDO_TABLE_ID),
        },
    }
    return Model("com.liferay.portlet.expando.model.impl.ExpandoBridgeImpl", shown)


def originals(columns: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    """The getters that show a column as it was read."""
    return {f"original{name[0].upper()}{name[1:]}": columns[name] for name in names}


def contact_model(store: Store, person: Person, *, date: dt.datetime) -> Model:
    """A user's contact."""
    texts: dict[str, object] = dict.fromkeys(_CONTACT_TEXTS, "")
    shown = texts | {
        "accountId": JavaLong(20157),
        "birthday": 0,
        "classNameId": JavaLong(CLASS_NAME_IDS["User"]),
        "classPK": JavaLong(person.user_id),
        "companyId": JavaLong(COMPANY_ID),
        "contactId": JavaLong(person.contact_id),
        "createDate": date,
        "emailAddress": person.email_address,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "male": True,
        "modifiedDate": date,
        "parentContactId": JavaLong(0),
        "prefixId": 0,
        "suffixId": 0,
        "userId": JavaLong(person.user_id),
    }
    full_name = f"{person.first_name} {person.last_name}"
    nested = model_getters(store, "Contact", shown, key=person.contact_id) | {"fullName": full_name}
    return Model(store.java("model", "Contact"), shown, nested=nested)


def user_model(store: Store, person: Person, *, date: dt.datetime) -> Model:
    """A user who signed in before, or the default user; his contact and personal site must be in the store."""
    is_default = person.user_id == DEFAULT_USER_ID
    has_come = not is_default
    shown: dict[str, object] = {
        "agreedToTermsOfUse": is_default,
        "comments": "",
        "companyId": JavaLong(COMPANY_ID),
        "contactId": JavaLong(person.contact_id),
        "createDate": date,
        "defaultUser": is_default,
        "emailAddress": person.email_address,
        "emailAddressVerified": has_come,
        "facebookId": JavaLong(0),
        "failedLoginAttempts": 0,
        "firstName": person.first_name,
        "graceLoginCount": 0,
        "greeting": "Welcome!" if is_default else f"Welcome {person.first_name} {person.last_name}!",
        "jobTitle": "",
        "languageId": "en_US",
        "lastFailedLoginDate": None,
        "lastLoginDate": date if has_come else None,
        "lastLoginIP": "127.0.0.1" if has_come else "",
        "lastName": person.last_name,
        "ldapServerId": JavaLong(0 if is_default else -1),
        "lockout": False,
        "lockoutDate": None,
        "loginDate": date,
        "loginIP": "127.0.0.1" if has_come else "",
        "middleName": "",
        "modifiedDate": date,
        "openId": "",
        "portraitId": JavaLong(0),
        "reminderQueryAnswer": "",
        "reminderQueryQuestion": "",
        "screenName": person.screen_name,
        "status": 0,
        "timeZoneId": "UTC",
        "userId": JavaLong(person.user_id),
        "uuid": store.uuid(),
    }
    return Model(store.java("model", "User"), shown, nested=_user_getters(store, person, shown))


def _user_getters(store: Store, person: Person, shown: dict[str, object]) -> dict[str, object]:
    secrets = {
        "digest": ",".join(_hash(person, realm) for realm in ("1", "2", "3")),
        "password": "AAAAoAAB9A" + _hash(person, "password")[:38],
        "passwordEncrypted": True,
        "passwordModifiedDate": None,
        "passwordReset": False,
    }
    getters = model_getters(store, "User", shown | secrets, key=person.user_id) | secrets
    yes = "active emailAddressComplete emailAddressVerificationComplete male reminderQueryComplete setupComplete"
    return (
        getters
        | dict.fromkeys([*yes.split(), "termsOfUseComplete"], True)
        | originals(shown, _USER_ORIGINALS)
        | _user_relations(store, person)
        | {
            "companyMx": "liferay.com",
            "displayEmailAddress": person.email_address,
            "female": False,
            "fullName": f"{person.first_name} {person.last_name}",
            "groupId": JavaLong(person.group_id),
            "login": person.email_address,
            "passwordModified": False,
            "passwordUnencrypted": None,
            "privateLayoutsPageCount": 1,
            "publicLayoutsPageCount": 1,
            "userUuid": shown["uuid"],
        }
    )


def _user_relations(store: Store, person: Person) -> dict[str, object]:
    policy = _NO_PASSWORD_LIMIT | {"companyId": JavaLong(COMPANY_ID), "createDate": STARTED_AT}
    policy |= {"modifiedDate": STARTED_AT, "uuid": store.uuid()}
    user_class_id = CLASS_NAME_IDS["User"]
    key = f"{{companyId={COMPANY_ID}, classNameId={user_class_id}, classPK={person.user_id}}}"
    staged_type = {
        "className": store.java("model", "User"),
        "classNameId": JavaLong(user_class_id),
        "classSimpleName": "User",
        "referrerClassName": None,
        "referrerClassNameId": JavaLong(0),
    }
    groups: dict[int, Model | JavaError] = {**store.table("Group")}
    return {
        "birthday": 0,
        "contact": store.table("Contact").get(person.contact_id),
        "group": groups.get(person.group_id, store.missing("Group", f"key {key}")),
        "locale": _ENGLISH,
        "passwordPolicy": Model(store.java("model", "PasswordPolicy"), policy),
        "stagedModelType": Model("com.liferay.portal.kernel.lar.StagedModelType", staged_type),
        "timeZone": Model("sun.util.calendar.ZoneInfo", _UTC),
    }


def _hash(person: Person, realm: str) -> str:
    return hashlib.sha256(f"{person.email_address}:{realm}:{person.password}".encode()).hexdigest()[:32]
