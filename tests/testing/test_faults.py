import json

import anyio
import httpx
import pytest

from aioliferay.testing import FakePortal

ADMINISTRATOR = ("test@liferay.com", "test")
INVOKE = "/api/jsonws/invoke"
READ = {"/portal/get-build-number": {}}

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["in process", "over TCP"])
def link(request):
    """A portal and how a client reaches it."""
    portal = FakePortal()
    if request.param == "in process":
        yield portal, {"base_url": portal.url, "transport": portal.transport()}
    else:
        with portal.serve() as url:
            yield portal, {"base_url": url}


async def post(link, commands):
    """Post a batch on a connection of its own."""
    _, reach = link
    async with httpx.AsyncClient(auth=ADMINISTRATOR, **reach) as client:
        return await client.post(INVOKE, json=commands)


@pytest.mark.parametrize(
    ("drop", "statement", "expected"),
    [("before", 0, []), ("before", 2, [0, 1]), ("after", 0, [0]), ("after", 1, [0, 1]), ("after", 9, [0, 1, 2])],
)
async def test_cut_connection_leaves_what_ran(link, drop, statement, expected):
    """The connection is cut before or after a statement: no answer comes, and the journal says what ran."""
    portal, _ = link
    portal.misbehave(drop=drop, statement=statement)
    with pytest.raises(httpx.RemoteProtocolError):
        await post(link, [READ] * 3)
    assert expected == [run.statement for run in portal.executions]
    assert None is portal.requests[0].status
    assert [6205] == (await post(link, [READ])).json()


async def test_cut_is_before_failing_statement_too(link):
    """A connection can be cut after a statement that failed."""
    portal, _ = link
    portal.misbehave(drop="after")
    with pytest.raises(httpx.RemoteProtocolError):
        await post(link, [{"/group/get-group": {"groupId": 1}}])
    assert ["com.liferay.portal.NoSuchGroupException"] == [run.error for run in portal.executions]


async def test_answer_is_cut_within(link):
    """The head of an answer announces more than comes before the connection is cut."""
    portal, _ = link
    portal.misbehave(drop="after", truncate=3)
    with pytest.raises(httpx.RemoteProtocolError):
        await post(link, [READ] * 3)
    assert 3 == len(portal.executions)
    assert None is portal.requests[0].status


async def test_answer_is_truncated(link):
    """A truncated answer is good HTTP and bad JSON."""
    portal, _ = link
    portal.misbehave(truncate=3)
    assert "[62" == (await post(link, [READ])).text


@pytest.mark.parametrize("status", [413, 429, 503])
async def test_refusal_runs_nothing(link, status):
    """A status is answered at once, with the headers asked for, and nothing runs."""
    portal, _ = link
    portal.misbehave(status=status, headers={"Retry-After": "2"})
    response = await post(link, [READ])
    assert (status, "2", b"") == (response.status_code, response.headers["retry-after"], response.content)
    assert [] == portal.executions


async def test_refusal_may_have_body(link):
    """A status may come with any body."""
    portal, _ = link
    portal.misbehave(status=500, body=b"\xff", headers={"Content-Type": "text/plain"})
    response = await post(link, [READ])
    assert (500, b"\xff", "text/plain") == (response.status_code, response.content, response.headers["content-type"])


async def test_page_takes_the_place_of_the_answer(link):
    """A page of HTML comes instead of JSON, and nothing runs."""
    portal, _ = link
    portal.misbehave(html=True)
    response = await post(link, [READ])
    assert (200, True) == (response.status_code, response.text.startswith("<!DOCTYPE html>"))
    assert "text/html;charset=UTF-8" == response.headers["content-type"]
    assert [] == portal.executions


@pytest.mark.parametrize(("count", "expected"), [(1, [6205, 6205, None]), (-1, [6205])])
async def test_answer_has_wrong_count(link, count, expected):
    """The answer has more items than commands, or fewer."""
    portal, _ = link
    portal.misbehave(count=count)
    assert expected == (await post(link, [READ] * 2)).json()


async def test_count_of_an_object_is_left_alone(link):
    """An answer that is no array has no items to add."""
    portal, _ = link
    portal.misbehave(count=1)
    assert 6205 == (await post(link, READ)).json()


async def test_body_takes_the_place_of_the_answer(link):
    """The commands run and another body is sent, with the headers asked for."""
    portal, _ = link
    portal.misbehave(body='{"é": 1}', headers={"X-Test": "1"})
    response = await post(link, [READ])
    assert ({"é": 1}, "1") == (response.json(), response.headers["x-test"])
    assert 1 == len(portal.executions)


async def test_faults_wait_in_line(link):
    """Faults meet requests in the order in which they were asked for; pages and discovery meet none."""
    portal, reach = link
    portal.misbehave(status=503, times=2)
    portal.misbehave(status=429)
    async with httpx.AsyncClient(auth=ADMINISTRATOR, **reach) as client:
        pages = [(await client.get(path)).status_code for path in ("/", "/api/jsonws?discover=/nope")]
        calls = [(await client.post(INVOKE, json=[])).status_code for _ in range(2)]
        direct = (await client.get("/api/jsonws/portal/get-build-number")).status_code
        rest = (await client.post(INVOKE, json=[])).status_code
    assert ([200, 200], [503, 503], 429, 200) == (pages, calls, direct, rest)


@pytest.mark.parametrize("fault", [{"drop": "soon"}, {"delay": -1}, {"statement": -1}, {"truncate": -1}, {"times": 0}])
def test_impossible_fault_is_refused(fault):
    """A fault that cannot be is a mistake of the test's."""
    with pytest.raises(ValueError, match=r"drop is|count from 0|at least once"):
        FakePortal().misbehave(**fault)


async def test_direct_call_can_be_cut():
    """A direct URL is one statement."""
    portal = FakePortal()
    portal.misbehave(drop="after")
    async with httpx.AsyncClient(transport=portal.transport(), auth=ADMINISTRATOR) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{portal.url}/api/jsonws/portal/get-build-number")
    assert 1 == len(portal.executions)


async def test_costs_are_waited_for(monkeypatch):
    """A password costs its time once a request, a statement for each; a delay comes on top; guests pay no password."""
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    portal = FakePortal(password_cost=0.11, statement_cost=0.25)
    portal.misbehave(delay=3.0)
    async with httpx.AsyncClient(transport=portal.transport(), base_url=portal.url) as client:
        await client.post(INVOKE, content=json.dumps([READ] * 2), auth=ADMINISTRATOR)
        await client.post(INVOKE, content="[]", auth=("test@liferay.com", "wrong"))
        await client.post(INVOKE, content="[]")
        await client.post(INVOKE, content="[]", auth=("nobody@liferay.com", "x"))
    assert [0.11, 3.0, 0.25, 0.25, 0.11] == waited
