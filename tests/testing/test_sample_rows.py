import pytest
from asking import JOE, ROW, ask

from aioliferay.testing import FakePortal

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("version", "path"), [("7.0", "/blogsentry/add-entry"), ("7.4", "/blogs.blogsentry/add-entry")])
async def test_entry_can_be_added_on_later_portals(version, path):
    """On 7.x a blog entry is added by the service and then read, trashed, restored and deleted."""
    portal = FakePortal(version, blog_entries=0, serialize_throwable=True)
    prefix = path.removesuffix("add-entry")
    entry = {
        "title": "An Entry!",
        "subtitle": "s",
        "description": "d",
        "content": "<p>c</p>",
        "displayDateMonth": 0,
        "displayDateDay": 31,
        "displayDateYear": 2020,
        "displayDateHour": 12,
        "displayDateMinute": 30,
        "allowPingbacks": False,
        "allowTrackbacks": True,
        "trackbacks": [],
        "coverImageCaption": "",
        "coverImageImageSelector": None,
        "smallImageImageSelector": None,
    }
    added = await ask(portal, {path: entry | ROW})
    assert ("an-entry", 1580473800000, True) == (added["urlTitle"], added["displayDate"], added["allowTrackbacks"])
    key = {"entryId": added["entryId"]}
    trashed = await ask(
        portal,
        [{prefix + "move-entry-to-trash": key}, {prefix + "restore-entry-from-trash": key}, {prefix + "get-entry": key}],
    )
    assert [8, 0] == [trashed[0]["status"], trashed[2]["status"]]
    assert [None] == await ask(portal, [{prefix + "delete-entry": key}])
    untitled = await ask(portal, {path: entry | {"title": ""} | ROW})
    assert untitled["error"]["type"].endswith("EntryTitleException")
    undated = await ask(portal, {path: entry | {"displayDateDay": 32} | ROW})
    assert undated["error"]["type"].endswith("EntryDisplayDateException")


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/bookmarksfolder", {"parentFolderId": 0, "name": "f", "description": ""} | ROW),
        ("/journalfolder", {"groupId": 20182, "parentFolderId": 0, "name": "f", "description": "", "serviceContext": {}}),
    ],
)
async def test_folder_lives_and_dies(path, parameters):
    """A folder is added, found in each list, holds a folder of its own, and is deleted once."""
    portal = FakePortal()
    folder = await ask(portal, {f"{path}/add-folder": parameters})
    child = await ask(portal, {f"{path}/add-folder": parameters | {"parentFolderId": folder["folderId"], "name": "g"}})
    assert f"{folder['treePath']}{child['folderId']}/" == child["treePath"]
    lists = await ask(
        portal,
        [
            {f"{path}/get-folders": {"groupId": 20182}},
            {f"{path}/get-folders": {"groupId": 20182, "parentFolderId": 0}},
            {f"{path}/get-folders": {"groupId": 20182, "parentFolderId": 0, "start": 0, "end": 5}},
            {f"{path}/get-folders-count": {"groupId": 20182, "parentFolderId": folder["folderId"]}},
        ],
    )
    assert [2, 1, 1, 1] == [len(lists[0]), len(lists[1]), len(lists[2]), lists[3]]
    key = {"folderId": folder["folderId"], "includeTrashedEntries": True}
    assert [None] == await ask(portal, [{f"{path}/delete-folder": key}])
    answer = await ask(portal, {f"{path}/get-folder": {"folderId": folder["folderId"]}})
    assert answer["exception"].endswith("NoSuchFolderException")


async def test_folder_in_unknown_site_is_refused():
    """A service context with an unknown site ends in a PrincipalException."""
    parameters = {"parentFolderId": 0, "name": "f", "description": "", "serviceContext": {"scopeGroupId": 1}}
    answer = await ask(FakePortal(), {"/bookmarksfolder/add-folder": parameters})
    assert "com.liferay.portal.security.auth.PrincipalException" == answer["exception"]


async def test_fetch_of_journal_folder_gives_null():
    """`fetch` gives null where `get` fails."""
    assert [None] == await ask(FakePortal(), [{"/journalfolder/fetch-folder": {"folderId": 1}}])


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
async def test_tags_live_and_die(version):
    """Tags are added, found and deleted; a name is taken once."""
    portal = FakePortal(version, serialize_throwable=True)
    own = {"tagProperties": None} if version == "6.2" else {"groupId": 20182}
    obc = "orderByComparator" if version == "7.4" else "obc"
    tags = await ask(portal, [{"/assettag/add-tag": {"name": name} | own | ROW} for name in ("B", "a")])
    assert ["b", "a"] == [tag["name"] for tag in tags]
    everywhere = {"groupIds": [20182, 20201], "name": "", "start": 0, "end": 5}
    everywhere |= {"tagProperties": []} if version == "6.2" else {}
    assert 2 == len(await ask(portal, {"/assettag/get-tags": everywhere}))
    search = {"groupId": 20182, "name": "%A%", "start": 0, "end": 5} | ({"tagProperties": []} if version == "6.2" else {})
    page = {"groupId": 20182, "start": 1, "end": 2, obc: None}
    answer = await ask(
        portal,
        [
            {"/assettag/get-group-tags": {"groupId": 20182}},
            {"/assettag/get-group-tags": page},
            {"/assettag/get-tags": search},
            {"/assettag/search": search},
            {"/assettag/get-tags-count": {"groupId": 20182, "name": ""}},
            {"/assettag/get-group-tags-count": {"groupId": 20182}},
            {"/assettag/get-group-tags-display": {"groupId": 20182, "name": "", "start": 0, "end": 1}},
        ],
    )
    assert ["a", "b"] == [tag["name"] for tag in answer[0]]
    assert ["b", "a"] == [answer[1][0]["name"], answer[2][0]["name"]]
    assert [{"text": "a", "value": "a"}] == answer[3]
    assert [2, 2] == answer[4:6]
    assert (1, 1, 2) == (len(answer[6]["tags"]), answer[6]["page"], answer[6]["total"])
    again = await ask(portal, {"/assettag/add-tag": {"name": "A"} | own | ROW})
    assert "A tag with the name a already exists" == (again["message"] if version == "6.2" else again["exception"])
    assert [None] == await ask(portal, [{"/assettag/delete-tags": {"tagIds": [int(tag["tagId"]) for tag in tags]}}])


async def test_vocabularies_live_and_die():
    """Vocabularies are added in three ways, shown by page, and deleted."""
    portal = FakePortal()
    texts = {"titleMap": {"en_US": "two"}, "descriptionMap": {}, "settings": ""}
    add = "/assetvocabulary/add-vocabulary"
    commands = [
        {add: {"title": "one"} | ROW},
        {add: texts | ROW},
        {add: {"title": "t", **texts, "titleMap": {"en_US": "three"}} | ROW},
    ]
    added = await ask(portal, commands)
    assert ["one", "two", "three"] == [vocabulary["name"] for vocabulary in added]
    page = {"groupId": 20182, "name": "%o%", "start": 0, "end": 5, "obc": None}
    answer = await ask(
        portal,
        [
            {"/assetvocabulary/get-group-vocabularies-display": page},
            {"/assetvocabulary/get-group-vocabularies": {"groupId": 20182}},
            {"/assetvocabulary/get-group-vocabularies-count": {"groupId": 20182}},
            {"/assetvocabulary/get-vocabularies": {"vocabularyIds": [added[0]["vocabularyId"]]}},
            {"/assetvocabulary/get-groups-vocabularies": {"groupIds": [20182, 20201]}},
        ],
    )
    assert [2, 3, 3, "one", 3] == [answer[0]["total"], len(answer[1]), answer[2], answer[3][0]["name"], len(answer[4])]
    again = await ask(portal, {add: {"title": "one"} | ROW})
    assert again["exception"].endswith("DuplicateVocabularyException")
    nameless = await ask(portal, {add: {"title": ""} | ROW})
    assert nameless["exception"].endswith("VocabularyNameException")
    ids = [vocabulary["vocabularyId"] for vocabulary in added]
    assert [[]] == await ask(portal, [{"/assetvocabulary/delete-vocabularies": {"vocabularyIds": ids}}])


async def test_organizations_live_and_die():
    """Organizations are added, listed by their parent, and deleted."""
    portal = FakePortal()
    parameters = {
        "parentOrganizationId": 0,
        "name": "o",
        "type": "regular-organization",
        "regionId": 0,
        "countryId": 0,
        "statusId": 12017,
        "comments": "",
        "site": False,
        "serviceContext": {},
    }
    added = await ask(portal, {"/organization/add-organization": parameters})
    where = {"companyId": 20155, "parentOrganizationId": 0}
    answer = await ask(
        portal,
        [
            {"/organization/get-organizations": where | {"start": 0, "end": 9}},
            {"/organization/get-organizations-count": where},
            {"/user/get-organization-user-ids": {"organizationId": added["organizationId"]}},
            {"/organization/delete-organization": {"organizationId": added["organizationId"]}},
        ],
    )
    assert ["o", 1, [], None] == [answer[0][0]["name"], *answer[1:]]
    nameless = await ask(portal, {"/organization/add-organization": parameters | {"name": ""}})
    assert nameless["exception"].endswith("OrganizationNameException")


async def test_roles_live_and_die():
    """A role is added, found by its name, and deleted; a user is deleted, too, and is nobody from then on."""
    portal = FakePortal()
    role = {"name": "r", "titleMap": {"en_US": "R"}, "descriptionMap": {"en_US": "text"}, "type": 1}
    added = await ask(portal, {"/role/add-role": role})
    assert ("R", "text") == (added["titleCurrentValue"], added["descriptionCurrentValue"])
    commands = [{"/role/delete-role": {"roleId": added["roleId"]}}, {"/user/delete-user": {"userId": 20514}}]
    assert [None, None] == await ask(portal, commands)
    assert "java.lang.SecurityException" == (await ask(portal, {"/portal/get-build-number": {}}, JOE))["exception"]


async def test_folder_keeps_the_uuid_it_was_given():
    """A uuid in the service context becomes the row's; without one the portal makes one."""
    portal = FakePortal()
    context = {"scopeGroupId": 20182, "uuid": "11111111-2222-3333-4444-555555555555"}
    folder = {"parentFolderId": 0, "name": "mine", "description": ""}
    with_uuid = await ask(portal, {"/bookmarksfolder/add-folder": folder | {"serviceContext": context}})
    without = await ask(portal, {"/bookmarksfolder/add-folder": folder | ROW})
    assert context["uuid"] == with_uuid["uuid"]
    assert without["uuid"] not in {"", context["uuid"]}
