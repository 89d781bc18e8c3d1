import re

import pytest
from asking import JOE, ROW, ask

from aioliferay.testing import FakePortal

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"/country/get-country-by-a3": {"a3": "DEU"}}, "germany"),
        ({"/country/get-country-by-name": {"name": "isle-of-man"}}, "isle-of-man"),
        ({"/country/fetch-country-by-a3": {"a3": "FRA"}}, "france"),
        ({"/region/get-region": {"regionId": 1003}}, "Manitoba"),
        ({"/region/get-region": {"countryId": 1, "regionCode": "QC"}}, "Quebec"),
        ({"/region/fetch-region": {"countryId": 1, "regionCode": "ON"}}, "Ontario"),
        ({"/role/get-role": {"roleId": 20166}}, "User"),
        ({"/group/get-company-group": {"companyId": 20155}}, "20155"),
        ({"/group/get-user-group": {"companyId": 20155, "userId": 20514}}, "20514"),
        ({"/company/get-company-by-id": {"companyId": 20155}}, "Liferay"),
    ],
)
async def test_lookup_finds_row(command, expected):
    """A row is found by each of its keys."""
    assert expected == (await ask(FakePortal(), command))["name"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"/region/get-regions": {}}, 13),
        ({"/region/get-regions": {"active": True}}, 13),
        ({"/region/get-regions": {"active": False}}, 0),
        ({"/region/get-regions": {"countryId": 1}}, 13),
        ({"/region/get-regions": {"countryId": 2}}, 0),
        ({"/country/get-countries": {}}, 249),
        ({"/role/get-user-roles": {"userId": 20199}}, 3),
        ({"/role/get-user-roles": {"userId": 20514}}, 2),
        ({"/group/get-groups": {"companyId": 20155, "parentGroupId": 0, "site": True}}, 2),
        ({"/group/get-user-sites-groups": {}}, 2),
        ({"/group/get-user-sites-groups": {"classNames": ["com.liferay.portal.model.User"], "max": -1}}, 1),
        ({"/group/get-user-sites-groups": {"classNames": None, "max": 1}}, 1),
        (
            {
                "/group/search": {
                    "companyId": 20155,
                    "name": "%ues%",
                    "description": "%",
                    "params": [],
                    "start": 0,
                    "end": 9,
                }
            },
            1,
        ),
        ({"/user/get-company-users": {"companyId": 20155, "start": 0, "end": 2}}, 2),
        ({"/user/get-company-users": {"companyId": 1, "start": 0, "end": 2}}, 0),
        ({"/user/get-group-users": {"groupId": 20182}}, 1),
        ({"/blogsentry/get-group-entries": {"groupId": 20182, "status": 0, "max": 7}}, 7),
        ({"/blogsentry/get-group-entries": {"groupId": 20182, "status": -1, "start": 35, "end": 45}}, 5),
        ({"/blogsentry/get-group-entries": {"groupId": 20182, "status": 0, "start": -1, "end": -1}}, 40),
        ({"/blogsentry/get-group-entries": {"groupId": 20182, "displayDate": 0, "status": 0, "max": 7}}, 0),
        (
            {
                "/blogsentry/get-group-entries": {
                    "groupId": 20182,
                    "displayDate": 1893456000000,
                    "status": 0,
                    "start": 1,
                    "end": 3,
                }
            },
            2,
        ),
        ({"/blogsentry/get-company-entries": {"companyId": 20155, "displayDate": 1893456000000, "status": 0, "max": 3}}, 3),
    ],
)
async def test_listing_has_length(command, expected):
    """A list holds what its parameters select."""
    assert expected == len(await ask(FakePortal(), command))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"/group/get-user-sites-groups-count": {}}, 3),
        ({"/group/search-count": {"companyId": 20155, "name": "%G%", "description": "%", "params": []}}, 1),
        ({"/user/has-group-user": {"groupId": 20182, "userId": 20514}}, False),
        ({"/role/has-user-role": {"userId": 20199, "companyId": 20155, "name": "Administrator", "inherited": False}}, True),
        ({"/role/has-user-role": {"userId": 20514, "companyId": 20155, "name": "Administrator", "inherited": False}}, False),
        ({"/blogsentry/get-group-entries-count": {"groupId": 20182, "displayDate": 1893456000000, "status": 0}}, 40),
        ({"/user/get-user-id-by-screen-name": {"companyId": 20155, "screenName": "joe"}}, 20514),
        ({"/dlapp/get-folders-count": {"repositoryId": 20182, "parentFolderId": 0}}, 0),
    ],
)
async def test_question_has_answer(command, expected):
    """A service that counts or tells gives a plain value."""
    assert expected == await ask(FakePortal(), command)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"/company/get-company-by-id": {"companyId": 1}}, "No Company exists with the primary key 1"),
        ({"/company/get-company-by-web-id": {"webId": "x"}}, "No Company exists with the key {webId=x}"),
        ({"/company/get-company-by-mx": {"mx": "x"}}, "No Company exists with the key {mx=x}"),
        ({"/assettag/get-tag": {"tagId": 1}}, "No AssetTag exists with the primary key 1"),
        ({"/organization/get-organization": {"organizationId": 1}}, "No Organization exists with the primary key 1"),
        (
            {"/group/get-company-group": {"companyId": 1}},
            "No Group exists with the key {companyId=1, classNameId=20003, classPK=1}",
        ),
        (
            {"/group/get-group": {"companyId": 20155, "name": None}},
            "No Group exists with the key {companyId=20155, name=null}",
        ),
        (
            {"/role/has-user-role": {"userId": 20199, "companyId": 20155, "name": "x", "inherited": False}},
            "No Role exists with the key {companyId=20155, name=x}",
        ),
    ],
)
async def test_lookup_of_nothing_names_key(command, expected):
    """What is not there is named by its table and key."""
    answer = await ask(FakePortal(), command)
    assert expected == answer["message"]
    assert re.fullmatch(r"com\.liferay\.port(al|let\.\w+)\.NoSuch\w+Exception", answer["exception"])


@pytest.mark.parametrize(
    ("version", "path", "expected"),
    [
        ("6.2", "/blogsentry/get-entry", "com.liferay.portlet.blogs.NoSuchEntryException"),
        ("7.0", "/blogsentry/get-entry", "com.liferay.blogs.kernel.exception.NoSuchEntryException"),
        ("7.4", "/blogs.blogsentry/get-entry", "com.liferay.blogs.exception.NoSuchEntryException"),
    ],
)
async def test_missing_entry_has_exception_of_version(version, path, expected):
    """Later versions moved their exceptions to other packages, and 7.4 the service to another path."""
    portal = FakePortal(version, serialize_throwable=True)
    answer = await ask(portal, {path: {"entryId": 1}})
    assert expected == (answer["exception"] if version == "6.2" else answer["error"]["type"])


@pytest.mark.parametrize("version", ["6.2", "7.0"])
async def test_joe_reads_entry_and_may_not_delete_it(version):
    """An ordinary user may read blog entries but not delete them."""
    portal = FakePortal(version)
    entry_id = int(
        (await ask(portal, {"/blogsentry/get-group-entries": {"groupId": 20182, "status": 0, "max": 1}}, JOE))[0]["entryId"]
    )
    assert str(entry_id) == str((await ask(portal, {"/blogsentry/get-entry": {"entryId": entry_id}}, JOE))["entryId"])
    answer = await ask(portal, {"/blogsentry/delete-entry": {"entryId": entry_id}}, JOE)
    expected = {
        "6.2": "com.liferay.portal.security.auth.PrincipalException",
        "7.0": "com.liferay.portal.kernel.security.auth.PrincipalException$MustHavePermission",
    }
    assert expected[version] == (answer["exception"] if version == "6.2" else answer["error"]["type"])
    assert str(entry_id) == str((await ask(portal, {"/blogsentry/get-entry": {"entryId": entry_id}}))["entryId"])


@pytest.mark.parametrize(
    "command",
    [
        {"/user/delete-user": {"userId": 20199}},
        {"/user/get-user-by-id": {"userId": 20199}},
        {"/user/get-company-users-count": {"companyId": 20155}},
        {"/contact/get-contact": {"contactId": 20200}},
        {"/role/delete-role": {"roleId": 20166}},
        {"/role/get-user-roles": {"userId": 20199}},
        {"/assettag/add-tag": {"name": "x", "tagProperties": None} | ROW},
        {"/organization/delete-organization": {"organizationId": 1}},
    ],
)
async def test_joe_is_refused(command):
    """What is for administrators is refused to an ordinary user."""
    answer = await ask(FakePortal(), command, JOE)
    assert answer["exception"].endswith(("PrincipalException", "NoSuchOrganizationException"))


async def test_joe_sees_himself():
    """An ordinary user is told about himself, his contact and his site."""
    portal = FakePortal()
    answer = await ask(
        portal,
        [
            {"/user/get-user-by-id": {}},
            {"/contact/get-contact": {"contactId": 20515}},
            {"/group/get-user-sites": {}},
            {"/group/get-group": {"groupId": 20516}},
        ],
        JOE,
    )
    assert ["Joe", "Joe"] == [answer[0]["firstName"], answer[1]["firstName"]]
    assert [20516, 20516] == [answer[2][0]["groupId"], answer[3]["groupId"]]


async def test_group_is_found_by_key_on_later_portals():
    """7.x looks for a site by `groupKey`."""
    portal = FakePortal("7.0")
    assert "20182" == (await ask(portal, {"/group/get-group": {"companyId": 20155, "groupKey": "Guest"}}))["groupId"]
    answer = await ask(portal, {"/group/get-group": {"companyId": 20155, "groupKey": "x"}})
    assert "No Group exists with the key {companyId=20155, groupKey=x}" == answer["exception"]


async def test_wrong_password_is_noted():
    """A wrong password is counted in the user."""
    portal = FakePortal()
    await ask(portal, [], ("joe@liferay.com", "wrong"))
    assert 1 == (await ask(portal, {"/user/get-user-by-id": {}}, JOE))["failedLoginAttempts"]


async def test_blog_entry_can_be_put_in():
    """A test puts in the entries it needs."""
    portal = FakePortal(blog_entries=0)
    entry_id = portal.add_blog_entry("My Title", content="<p>x</p>")
    entry = await ask(portal, {"/blogsentry/get-entry": {"groupId": 20182, "urlTitle": "my-title"}})
    assert (entry_id, "<p>x</p>") == (entry["entryId"], entry["content"])


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.4"])
def test_portals_start_alike(version):
    """Two fresh portals have the same rows under the same ids."""
    one, other = (FakePortal(version).add_blog_entry("x") for _ in range(2))
    assert one == other
