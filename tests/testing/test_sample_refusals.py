import pytest
from asking import JOE, ask
from asking import ROW as CONTEXT

from aioliferay.testing import FakePortal

pytestmark = pytest.mark.anyio

PORTAL = "com.liferay.portal."
REFUSED = f"{PORTAL}security.auth.PrincipalException"
TOO_LONG = f"{PORTAL}kernel.exception.SystemException"


def folder(name, *, kind="bookmarksfolder", parent=0, **more):
    more = CONTEXT | ({"groupId": 20182} if kind == "journalfolder" else {}) | more
    return {f"/{kind}/add-folder": {"parentFolderId": parent, "name": name, "description": ""} | more}


def tag(name, **more):
    return {"/assettag/add-tag": {"name": name, "tagProperties": None} | CONTEXT | more}


def role(name):
    return {"/role/add-role": {"name": name, "titleMap": {}, "descriptionMap": {}, "type": 1}}


@pytest.mark.parametrize(
    ("command", "exception"),
    [
        (folder("  "), "com.liferay.portlet.bookmarks.FolderNameException"),
        (folder("null"), "com.liferay.portlet.bookmarks.FolderNameException"),
        (folder("a//b"), "com.liferay.portlet.bookmarks.FolderNameException"),
        (folder("a", parent=1), "com.liferay.portlet.bookmarks.NoSuchFolderException"),
        (folder("a/b", kind="journalfolder"), "com.liferay.portlet.journal.FolderNameException"),
        (folder("a", kind="journalfolder", groupId=1), f"{PORTAL}NoSuchGroupException"),
        (tag(None), "java.lang.NullPointerException"),
        (tag(" "), "com.liferay.portlet.asset.AssetTagException"),
        (tag("a\nb"), "com.liferay.portlet.asset.AssetTagException"),
        (tag("x" * 76), TOO_LONG),
        (tag("a", serviceContext={"scopeGroupId": 1}), REFUSED),
        (
            {"/assetvocabulary/add-vocabulary": {"title": "null"} | CONTEXT},
            "com.liferay.portlet.asset.VocabularyNameException",
        ),
        ({"/assettag/get-groups-tags": {"groupIds": None}}, "java.lang.NullPointerException"),
        ({"/assettag/get-tags-count": {"groupId": 20182, "name": None}}, "java.lang.NullPointerException"),
        (role(""), f"{PORTAL}RoleNameException"),
        (role("a,b"), f"{PORTAL}RoleNameException"),
        (role("a*"), f"{PORTAL}RoleNameException"),
        (role("123"), f"{PORTAL}RoleNameException"),
        (role("User"), f"{PORTAL}DuplicateRoleException"),
        (role("x" * 76), TOO_LONG),
        ({"/role/delete-role": {"roleId": 20162}}, f"{PORTAL}RequiredRoleException"),
        ({"/role/get-user-roles": {"userId": 1}}, REFUSED),
        ({"/user/delete-user": {"userId": 1}}, REFUSED),
        ({"/user/delete-user": {"userId": 20199}}, f"{PORTAL}RequiredUserException"),
        ({"/user/get-group-users": {"groupId": 1}}, f"{PORTAL}NoSuchGroupException"),
        ({"/user/get-group-users": {"groupId": 0}}, REFUSED),
        ({"/user/has-group-user": {"groupId": 1, "userId": 1}}, f"{PORTAL}NoSuchGroupException"),
        ({"/user/has-group-user": {"groupId": 0, "userId": 1}}, REFUSED),
        ({"/user/get-organization-user-ids": {"organizationId": 1}}, f"{PORTAL}NoSuchOrganizationException"),
        ({"/organization/get-organization": {"organizationId": 0}}, REFUSED),
        ({"/group/get-group": {"groupId": 0}}, REFUSED),
        ({"/blogsentry/subscribe": {"groupId": 1}}, REFUSED),
    ],
)
async def test_administrator_is_refused(command, exception):
    """What an administrator may not do, or not so, is refused in the portal's own way."""
    assert exception == (await ask(FakePortal(), command))["exception"]


@pytest.mark.parametrize(
    ("command", "exception"),
    [
        (folder("a", parent=1), "com.liferay.portlet.bookmarks.NoSuchFolderException"),
        ({"/role/get-role": {"roleId": 1}}, REFUSED),
        ({"/role/has-user-role": {"userId": 20199, "companyId": 20155, "name": "x", "inherited": False}}, REFUSED),
        ({"/user/delete-user": {"userId": 20514}}, f"{PORTAL}RequiredUserException"),
        ({"/group/has-user-group": {"userId": 20199, "groupId": 20182}}, REFUSED),
        ({"/group/has-user-group": {"userId": 20199, "groupId": 1}}, f"{PORTAL}NoSuchGroupException"),
        ({"/blogsentry/unsubscribe": {"groupId": 20182}}, REFUSED),
    ],
)
async def test_ordinary_user_is_refused(command, exception):
    """Others than administrators are refused more, but hear of what is missing where the portal looks that up first."""
    assert exception == (await ask(FakePortal(), command, auth=JOE))["exception"]


async def test_ordinary_user_sees_own_sites_only():
    """Lists of sites leave out what the caller may not see."""
    question = {"/group/get-groups": {"companyId": 20155, "parentGroupId": 0, "site": False}}
    assert ["/joe"] == [site["friendlyURL"] for site in await ask(FakePortal(), question, auth=JOE)]
    assert 2 == len(await ask(FakePortal(), question))


async def test_journal_folder_of_same_name_is_refused():
    """Two web content folders of one parent have different names."""
    portal = FakePortal()
    made = await ask(portal, folder("a", kind="journalfolder"))
    answer = await ask(portal, folder("a", kind="journalfolder"))
    assert ("com.liferay.portlet.journal.DuplicateFolderNameException", "a") == (answer["exception"], answer["message"])
    assert "a" == (await ask(portal, folder("a", kind="journalfolder", parent=made["folderId"])))["name"]


async def test_deleted_folder_takes_those_in_it_along():
    """A folder's folders go with it; one of another site is no parent."""
    portal = FakePortal()
    outer = (await ask(portal, folder("a")))["folderId"]
    inner = (await ask(portal, folder("b", parent=outer)))["folderId"]
    elsewhere = await ask(portal, folder("c", parent=outer, serviceContext={"scopeGroupId": 20201}))
    assert (0, f"/{elsewhere['folderId']}/") == (elsewhere["parentFolderId"], elsewhere["treePath"])
    await ask(portal, {"/bookmarksfolder/delete-folder": {"folderId": outer}})
    answer = await ask(portal, {"/bookmarksfolder/get-folder": {"folderId": inner}})
    assert f"No BookmarksFolder exists with the primary key {inner}" == answer["message"]


async def test_description_of_null_is_kept_as_empty():
    """A text that is null shows as none; a scope that is no number as the Guest site."""
    made = await ask(FakePortal(), folder("a", description=None, serviceContext={"scopeGroupId": "x"}))
    assert ("", 20182) == (made["description"], made["groupId"])


async def test_tags_of_sites_come_by_name_once():
    """Tags of several sites are sorted, and of those of one name the first site's is given."""
    portal = FakePortal()
    made = [(await ask(portal, tag(name)))["tagId"] for name in (" B ", "a")]
    await ask(portal, tag("b", serviceContext={"scopeGroupId": 20201}))
    found = await ask(portal, {"/assettag/get-groups-tags": {"groupIds": [20182, 20201]}})
    assert [("a", made[1]), ("b", made[0])] == [(each["name"], each["tagId"]) for each in found]


async def test_added_role_tells_its_author_and_texts():
    """A role is its author's, has texts by language, and is not for others to see."""
    portal = FakePortal()
    command = role("Writer")
    command["/role/add-role"] |= {"titleMap": {"en_US": "A & B", "de_DE": "C"}, "descriptionMap": {"de_DE": "D"}}
    made = await ask(portal, command)
    head = "<?xml version='1.0' encoding='UTF-8'?>"
    locales = '<root available-locales="en_US,de_DE" default-locale="en_US">'
    title = '<Title language-id="en_US">A &amp; B</Title><Title language-id="de_DE">C</Title></root>'
    assert head + locales + title == made["title"]
    assert head + locales + '<Description language-id="de_DE">D</Description></root>' == made["description"]
    assert (20199, "Test Test", "") == (made["userId"], made["userName"], made["descriptionCurrentValue"])
    for question in ({"roleId": made["roleId"]}, {"companyId": 20155, "name": "Writer"}):
        assert REFUSED == (await ask(portal, {"/role/get-role": question}, auth=JOE))["exception"]


async def test_title_of_vocabulary_is_kept_as_sent():
    """A title is no translation: it is not wrapped."""
    made = await ask(FakePortal(), {"/assetvocabulary/add-vocabulary": {"title": "V"} | CONTEXT})
    assert ("V", "V", "V") == (made["name"], made["title"], made["titleCurrentValue"])


async def test_entries_without_room_are_none():
    """A negative number of entries is none."""
    question = {"groupId": 20182, "status": 0, "max": -1}
    assert [] == await ask(FakePortal(), {"/blogsentry/get-group-entries": question})


async def test_texts_that_may_be_null():
    """Where the portal does without a text, null is none."""
    maps = {"titleMap": {"en_US": "V"}, "descriptionMap": None, "settings": None}
    made = await ask(FakePortal(), {"/assetvocabulary/add-vocabulary": maps | CONTEXT})
    assert ("", "") == (made["description"], made["settings"])
    page = await ask(
        FakePortal(), {"/assettag/get-group-tags-display": {"groupId": 20182, "name": None, "start": 0, "end": 5}}
    )
    assert [] == page["tags"]
    search = {"companyId": 20155, "name": None, "description": None, "params": None, "start": 0, "end": 9}
    assert 4 == len(await ask(FakePortal(), {"/group/search": search}))
    answer = await ask(FakePortal(), {"/company/get-company-by-mx": {"mx": None}})
    assert "No Company exists with the key {mx=null}" == answer["message"]


async def test_model_names_its_own_class():
    """A row tells its class by the full name, and of its attributes those that are columns."""
    portal = FakePortal()
    made = await ask(portal, folder("a"))
    question = {"$f[modelClassName] = /bookmarksfolder/get-folder": {"folderId": made["folderId"]}}
    expected = {"modelClassName": "com.liferay.portlet.bookmarks.model.BookmarksFolder"}
    assert expected == await ask(portal, question)
    answer = await ask(portal, {"$r[modelAttributes] = /role/get-role": {"roleId": 20162}})
    assert "titleCurrentValue" not in answer["modelAttributes"]
    assert "title" in answer["modelAttributes"]
