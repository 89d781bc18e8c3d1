"""The classes in the samples' signatures: what 7.x calls them, and the properties it tells of them. Knows no row."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from aioliferay.testing._java import JavaType
from aioliferay.testing._sample_store import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioliferay.testing._java import Version


class BeanType(NamedTuple):
    """A class as discovery describes it."""

    properties: Mapping[str, JavaType]
    is_interface: bool


_KINDS = {
    "boolean": JavaType("boolean"),
    "date": JavaType("java.util.Date"),
    "double": JavaType("double"),
    "int": JavaType("int"),
    "list": JavaType("java.util.List"),
    "long": JavaType("long"),
    "string": JavaType("java.lang.String"),
    "user": JavaType("com.liferay.portal.model.User"),
}
_AUTHORED = {"long": "companyId userId", "string": "userName", "date": "createDate modifiedDate"}
_DISPLAY = {"int": "end page start total"}
_FOLDER = {
    "int": "status",
    "long": "folderId groupId parentFolderId statusByUserId",
    "string": "description name statusByUserName treePath uuid",
    "date": "statusDate",
}

# What the rows show; of the names in 6.2, which is what the signatures use. By type, then by class.
_SHOWN: dict[str, list[Mapping[str, str]]] = {
    "com.liferay.portal.kernel.repository.model.FileEntry": [
        _AUTHORED,
        {
            "boolean": "manualCheckInRequired",
            "int": "readCount",
            "long": "classNameId classPK custom1ImageId custom2ImageId fileEntryId fileEntryTypeId folderId groupId"
            " largeImageId repositoryId size smallImageId",
            "string": "description extension extraSettings mimeType name title treePath uuid version",
        },
    ],
    "com.liferay.portal.model.Company": [
        {
            "boolean": "active system",
            "int": "maxUsers",
            "long": "accountId companyId groupId logoId",
            "string": "emailAddress homeURL key mx name webId",
            "user": "defaultUser",
        }
    ],
    "com.liferay.portal.model.Contact": [
        _AUTHORED,
        {
            "boolean": "male",
            "date": "birthday",
            "int": "prefixId suffixId",
            "long": "accountId classNameId classPK contactId parentContactId",
            "string": "aimSn emailAddress employeeNumber employeeStatusId facebookSn firstName hoursOfOperation icqSn"
            " jabberSn jobClass jobTitle lastName middleName msnSn mySpaceSn skypeSn smsSn twitterSn ymSn",
        },
    ],
    "com.liferay.portal.model.Country": [
        {
            "boolean": "active zipRequired",
            "long": "countryId",
            "string": "a2 a3 idd name nameCurrentValue number",
        }
    ],
    "com.liferay.portal.model.Group": [
        {
            "boolean": "active manualMembership site",
            "int": "membershipRestriction remoteStagingGroupCount type",
            "long": "classNameId classPK companyId creatorUserId groupId liveGroupId parentGroupId",
            "string": "description friendlyURL name treePath typeSettings uuid",
        }
    ],
    "com.liferay.portal.model.Organization": [
        _AUTHORED,
        {
            "boolean": "recursable",
            "int": "statusId",
            "long": "countryId organizationId parentOrganizationId regionId",
            "string": "comments name treePath type uuid",
        },
    ],
    "com.liferay.portal.model.Region": [
        {"boolean": "active", "long": "countryId regionId", "string": "name regionCode"},
    ],
    "com.liferay.portal.model.Role": [
        _AUTHORED,
        {
            "int": "type",
            "long": "classNameId classPK roleId",
            "string": "description descriptionCurrentValue name subtype title titleCurrentValue uuid",
        },
    ],
    "com.liferay.portal.model.User": [
        {
            "boolean": "agreedToTermsOfUse defaultUser emailAddressVerified lockout",
            "date": "createDate lastFailedLoginDate lastLoginDate lockoutDate loginDate modifiedDate",
            "int": "failedLoginAttempts graceLoginCount status",
            "long": "companyId contactId facebookId ldapServerId portraitId userId",
            "string": "comments emailAddress firstName greeting jobTitle languageId lastLoginIP lastName loginIP"
            " middleName openId reminderQueryAnswer reminderQueryQuestion screenName timeZoneId uuid",
        }
    ],
    "com.liferay.portlet.asset.model.AssetTag": [
        _AUTHORED,
        {"int": "assetCount", "long": "groupId tagId", "string": "name uuid"},
    ],
    "com.liferay.portlet.asset.model.AssetTagDisplay": [_DISPLAY, {"list": "tags"}],
    "com.liferay.portlet.blogs.model.BlogsEntry": [
        _AUTHORED,
        {
            "boolean": "allowPingbacks allowTrackbacks smallImage",
            "date": "displayDate statusDate",
            "int": "status",
            "long": "entryId groupId smallImageId statusByUserId",
            "string": "content coverImageCaption description smallImageURL statusByUserName subtitle title trackbacks"
            " urlTitle uuid",
        },
    ],
    "com.liferay.portlet.bookmarks.model.BookmarksFolder": [_AUTHORED, _FOLDER, {"long": "resourceBlockId"}],
    "com.liferay.portlet.journal.model.JournalFolder": [_AUTHORED, _FOLDER],
    # no rows: what their getters give, without the portal's own objects, and without arrays
    "com.liferay.portal.kernel.json.JSONArray": [],
    "com.liferay.portal.kernel.servlet.taglib.ui.ImageSelector": [
        {"string": "imageCropRegion imageMimeType imageTitle"},
    ],
    "com.liferay.portal.kernel.util.OrderByComparator": [{"boolean": "ascending", "string": "orderBy"}],
    "com.liferay.portal.service.ServiceContext": [
        {
            "boolean": "addGroupPermissions addGuestPermissions failOnPortalException indexingEnabled signedIn",
            "date": "createDate modifiedDate",
            "double": "assetPriority",
            "int": "workflowAction",
            "long": "companyId plid scopeGroupId userId",
            "string": "command currentURL languageId layoutFullURL layoutURL pathMain portalURL portletId remoteAddr"
            " remoteHost userDisplayURL uuid",
        }
    ],
}
_CLASSES = frozenset(
    {
        "com.liferay.portal.kernel.servlet.taglib.ui.ImageSelector",
        "com.liferay.portal.service.ServiceContext",
        "com.liferay.portlet.asset.model.AssetTagDisplay",
    }
)


def class_name(name: str, version: Version) -> str:
    """The full name of a class in a version, by its name in 6.2: 7.x moved models and services to other packages."""
    for area, package in PACKAGES["6.2"].items():
        if area.endswith(("model", "service")) and name.startswith(package):
            return PACKAGES[version][area] + name.removeprefix(package)
    return name


@functools.cache
def bean_types(version: Version) -> Mapping[str, BeanType]:
    """What discovery tells of each class, by its full name in the version.

    Models are interfaces: discovery looks for their implementation in the portal's own packages, and so finds those of
    the portal only, not those of its applications.
    """
    return {class_name(name, version): BeanType(_properties(shown), _is_interface(name)) for name, shown in _SHOWN.items()}


def _properties(shown: list[Mapping[str, str]]) -> dict[str, JavaType]:
    return {name: _KINDS[kind] for names in shown for kind, text in names.items() for name in text.split()}


def _is_interface(name: str) -> bool:
    return not name.startswith("com.liferay.portal.model.") and name not in _CLASSES
