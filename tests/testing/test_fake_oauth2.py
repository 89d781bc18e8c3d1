"""OAuth 2 of 7.x: asking for tokens, and what they open."""

import base64
import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from asking import ADMINISTRATOR, JOE, client_of, sign_in

from aioliferay.testing import FakePortal, TokenRequest

TOKEN, AUTHORIZE, INVOKE = "/o/oauth2/token", "/o/oauth2/authorize", "/api/jsonws/invoke"
WHO = {"$u[userId] = /user/get-current-user": {}}
LATER = ["7.0", "7.4"]
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "http://127.0.0.1:8765/callback"

pytestmark = pytest.mark.anyio


def identity(portal, *, is_public=False):
    """The fields that name the application."""
    client = portal.oauth2_public_client if is_public else portal.oauth2_client
    return {"client_id": client.id} | ({} if is_public else {"client_secret": client.secret})


async def who(client, token):
    """Whom a bearer of the token acts for; the status if it is none that counts."""
    response = await client.post(INVOKE, json=[WHO], headers={"Authorization": f"Bearer {token}"})
    return int(response.json()[0]["userId"]) if response.status_code == 200 else response.status_code


async def code_for(client, portal, auth=JOE, *, is_public=True, **changed):
    """Ask for a code as somebody; the query of where the browser is sent."""
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s&1"}
    asked = {"response_type": "code", "client_id": identity(portal, is_public=is_public)["client_id"]}
    asked |= {"redirect_uri": CALLBACK} | challenge | changed
    kept = {name: value for name, value in asked.items() if value is not None}
    answer = await client.get(f"{AUTHORIZE}?{urlencode(kept)}", auth=auth)
    assert 302 == answer.status_code
    assert answer.headers["location"].startswith(f"{asked['redirect_uri']}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.mark.parametrize("version", LATER)
@pytest.mark.parametrize("is_basic", [True, False])
@pytest.mark.parametrize(
    ("grant", "user_id"),
    [
        ({"grant_type": "client_credentials"}, 20199),
        ({"grant_type": "password", "username": "joe@liferay.com", "password": "joe"}, 20514),
    ],
)
async def test_grant_gives_token(version, is_basic, grant, user_id):
    """An application gets a token for itself, that is the administrator, or for a user whose password it knows."""
    portal = FakePortal(version)
    async with client_of(portal) as client:
        known = identity(portal)
        auth = (known["client_id"], known["client_secret"]) if is_basic else None
        answer = await client.post(TOKEN, data=grant | ({} if is_basic else known), auth=auth)
        told = answer.json()
        assert ("application/json", "no-store") == (answer.headers["content-type"], answer.headers["cache-control"])
        assert ("Bearer", 600) == (told["token_type"], told["expires_in"])
        assert "liferay-json-web-services.everything" in told["scope"].split()
        assert ("refresh_token" in told) == (grant["grant_type"] == "password")
        assert user_id == await who(client, told["access_token"])
    assert user_id == portal.requests[-1].user_id
    assert [TokenRequest(1, grant["grant_type"], known["client_id"], None)] == portal.token_requests


@pytest.mark.parametrize(
    ("sent", "status", "expected"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "joe@liferay.com"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "joe@liferay.com", "password": "x"}, 400, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody", "password": "x"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_grant"),
        ({"grant_type": ["password", "password"]}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "x"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "", "client_secret": ""}, 401, "invalid_client"),
    ],
)
async def test_bad_token_request_is_refused(sent, status, expected):
    """A refusal is RFC 6749's: its code as JSON, 401 where the application is not known, 400 else."""
    portal = FakePortal("7.4")
    async with client_of(portal) as client:
        answer = await client.post(TOKEN, data=identity(portal) | sent)
    assert (status, expected) == (answer.status_code, answer.json()["error"])
    assert "application/json" == answer.headers["content-type"]
    assert [expected] == [request.error for request in portal.token_requests]


async def test_wrong_basic_of_application_is_challenged():
    """An application that proved itself by Basic, in vain, is told to do so."""
    portal = FakePortal("7.0")
    async with client_of(portal) as client:
        answer = await client.post(TOKEN, data={"grant_type": "client_credentials"}, auth=("x", "y"))
    assert (401, "Basic") == (answer.status_code, answer.headers["www-authenticate"])
    assert "x" == portal.token_requests[0].client_id


async def test_public_application_has_no_credentials():
    """One without a secret gets tokens for users only."""
    portal = FakePortal("7.4")
    async with client_of(portal) as client:
        grant = {"grant_type": "client_credentials"} | identity(portal, is_public=True)
        assert "unauthorized_client" == (await client.post(TOKEN, data=grant)).json()["error"]
        grant = {"grant_type": "password", "username": JOE[0], "password": JOE[1]} | identity(portal, is_public=True)
        assert 20514 == await who(client, (await client.post(TOKEN, data=grant)).json()["access_token"])


async def test_token_request_is_a_posted_form():
    """Only a form that is posted is a token request."""
    portal = FakePortal("7.4")
    async with client_of(portal) as client:
        assert 405 == (await client.get(TOKEN)).status_code
        answer = await client.post(TOKEN, json={"grant_type": "client_credentials"})
    assert "invalid_request" == answer.json()["error"]


async def test_refresh_rotates():
    """A refresh token gives new ones of both kinds and is good for nothing then; another application may not use it."""
    portal = FakePortal("7.4")
    grant = {"grant_type": "password", "username": JOE[0], "password": JOE[1], "scope": "a b"} | identity(portal)
    async with client_of(portal) as client:
        first = (await client.post(TOKEN, data=grant)).json()
        renew = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        stolen = await client.post(TOKEN, data=renew | identity(portal, is_public=True))
        second = (await client.post(TOKEN, data=renew | identity(portal))).json()
        again = await client.post(TOKEN, data=renew | identity(portal))
        assert ["invalid_grant"] * 2 == [stolen.json()["error"], again.json()["error"]]
        assert "a b" == second["scope"]
        assert not {first["access_token"], first["refresh_token"]} & {second["access_token"], second["refresh_token"]}
        assert [20514, 20514] == [await who(client, each["access_token"]) for each in (first, second)]


async def test_token_expires():
    """A token is good for so many seconds; then it is 401, as an unknown one, and a refresh token still helps."""
    now = 0.0
    portal = FakePortal("7.4", oauth2_seconds=60, clock=lambda: now)
    grant = {"grant_type": "password", "username": JOE[0], "password": JOE[1]} | identity(portal)
    async with client_of(portal) as client:
        told = (await client.post(TOKEN, data=grant)).json()
        assert 60 == told["expires_in"]
        now = 59.0
        assert 20514 == await who(client, told["access_token"])
        now = 60.0
        answer = await client.post(INVOKE, json=[WHO], headers={"Authorization": f"Bearer {told['access_token']}"})
        assert (401, "Bearer", b"") == (answer.status_code, answer.headers["www-authenticate"], answer.content)
        assert 401 == await who(client, "unknown")
        portal.knobs.oauth2_seconds = 5
        renew = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]} | identity(portal)
        assert 5 == (await client.post(TOKEN, data=renew)).json()["expires_in"]


@pytest.mark.parametrize(("refresh", "expected"), [(False, None), (True, "invalid_grant")])
async def test_tokens_can_be_revoked(refresh, expected):
    """`revoke_tokens` ends all access tokens, and if told so the others."""
    portal = FakePortal("7.4")
    grant = {"grant_type": "password", "username": JOE[0], "password": JOE[1]} | identity(portal)
    async with client_of(portal) as client:
        told = (await client.post(TOKEN, data=grant)).json()
        portal.revoke_tokens(refresh=refresh)
        assert 401 == await who(client, told["access_token"])
        renew = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]} | identity(portal)
        assert expected == (await client.post(TOKEN, data=renew)).json().get("error")


@pytest.mark.parametrize("is_public", [True, False])
async def test_code_gives_token(is_public):
    """A user who is asked gives a code, once, and only to who knows the verifier and the place it was sent to."""
    portal = FakePortal("7.4")
    async with client_of(portal) as client:
        told = await code_for(client, portal, is_public=is_public)
        assert "s&1" == told["state"]
        grant = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        grant |= {"code": told["code"]} | identity(portal, is_public=is_public)
        answer = (await client.post(TOKEN, data=grant)).json()
        assert 20514 == await who(client, answer["access_token"])
        assert "refresh_token" in answer
        assert "invalid_grant" == (await client.post(TOKEN, data=grant)).json()["error"]


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({"code_verifier": "x"}, 0),
        ({"code_verifier": ""}, 0),
        ({"redirect_uri": "http://127.0.0.1/callback"}, 0),
        ({"client_id": "id-of-the-fake-portal", "client_secret": "secret-of-the-fake-portal"}, 0),
        ({}, 600),
    ],
)
async def test_code_is_not_redeemed_by_others(changed, seconds):
    """A wrong verifier, place or application, or waiting too long, is no valid grant."""
    now = 0.0
    portal = FakePortal("7.4", clock=lambda: now)
    async with client_of(portal) as client:
        grant = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        grant |= {"code": (await code_for(client, portal))["code"]} | identity(portal, is_public=True)
        now += seconds
        assert "invalid_grant" == (await client.post(TOKEN, data=grant | changed)).json()["error"]


@pytest.mark.parametrize(
    ("changed", "is_public", "expected"),
    [
        ({"response_type": "token"}, True, "unsupported_response_type"),
        ({"code_challenge": None}, True, "invalid_request"),
        ({"code_challenge_method": "plain"}, True, "invalid_request"),
        ({"code_challenge_method": None}, False, "invalid_request"),
    ],
)
async def test_bad_request_for_code_goes_back_with_error(changed, is_public, expected):
    """What is wrong with a request for a code is told to the application, with its state."""
    portal = FakePortal("7.4")
    async with client_of(portal) as client:
        told = await code_for(client, portal, is_public=is_public, **changed)
    assert {"error": expected, "state": "s&1"} == told


async def test_confidential_application_needs_no_challenge():
    """One with a secret gets a code without a challenge, and redeems it without a verifier."""
    portal = FakePortal("7.4")
    portal.oauth2_client.redirect_uris = ("https://app.test/back?x=1",)
    plain = {"code_challenge": None, "code_challenge_method": None, "state": None}
    async with client_of(portal) as client:
        asked = {"response_type": "code", "client_id": portal.oauth2_client.id, "redirect_uri": "https://app.test/back?x=1"}
        answer = await client.get(f"{AUTHORIZE}?{urlencode(asked)}", auth=ADMINISTRATOR)
        told = parse_qs(urlsplit(answer.headers["location"]).query)
        assert {"code", "x"} == told.keys()
        grant = {"grant_type": "authorization_code", "code": told["code"][0], "redirect_uri": asked["redirect_uri"]}
        answer = await client.post(TOKEN, data=grant | identity(portal))
        assert 20199 == await who(client, answer.json()["access_token"])
        portal.oauth2_client.redirect_uris = (CALLBACK,)
        assert "code" in await code_for(client, portal, is_public=False, **plain)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "x"},
        {"redirect_uri": "http://evil.test/callback"},
        {"redirect_uri": "http://127.0.0.1:8765/other"},
        {"redirect_uri": "http://127.0.0.1.evil.test/callback"},
        {"redirect_uri": ""},
    ],
)
async def test_unknown_place_gets_nothing(changed):
    """An unknown application or a place that is not registered is a page, not a redirect."""
    portal = FakePortal("7.4")
    asked = {"response_type": "code", "client_id": portal.oauth2_client.id, "redirect_uri": CALLBACK} | changed
    async with client_of(portal) as client:
        answer = await client.get(f"{AUTHORIZE}?{urlencode(asked)}", auth=JOE)
    assert (400, None) == (answer.status_code, answer.headers.get("location"))


def test_loopback_redirects_may_have_any_port():
    """A registered address of this computer without a port stands for all ports, IPv6 too."""
    client = FakePortal("7.4").oauth2_client
    client.redirect_uris = ("http://[::1]/x", "http://127.0.0.1:9/x", "https://app.test/x")
    uris = ("http://[::1]:5/x", "http://127.0.0.1:9/x", "http://127.0.0.1:8/x", "https://app.test:5/x")
    assert [True, True, False, False] == [client.may_redirect_to(uri) for uri in uris]


async def test_guest_is_sent_to_sign_in_and_back():
    """Who is not signed in is sent to the sign-in page, and comes back from it to get the code."""
    portal = FakePortal("7.4")
    query = urlencode(
        {
            "response_type": "code",
            "client_id": portal.oauth2_public_client.id,
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
    )
    async with client_of(portal) as client:
        for auth in (None, (JOE[0], "wrong")):
            answer = await client.get(f"{AUTHORIZE}?{query}", auth=auth)
            assert 302 == answer.status_code
            redirect = parse_qs(urlsplit(answer.headers["location"]).query)["redirect"][0]
            assert (f"{AUTHORIZE}?{query}", "/c/portal/login") == (redirect, urlsplit(answer.headers["location"]).path)
        answer = await sign_in(client, *JOE, redirect=redirect)
        back = await client.get(answer.headers["location"])
    assert back.headers["location"].startswith(f"{CALLBACK}?code=")


async def test_old_portal_has_no_oauth2():
    """On 6.2 there is nothing under /o, and a bearer's token counts for nothing."""
    async with client_of(FakePortal("6.2")) as client:
        assert 503 == (await client.post(TOKEN)).status_code
        answer = await client.post(INVOKE, json=WHO, headers={"Authorization": "Bearer x"})
    assert "Authenticated access required" == answer.json()["message"]


async def test_password_costs_at_token_endpoint(monkeypatch):
    """A token by password costs a password check, calls with the token cost none."""
    portal = FakePortal("7.4", password_cost=30.0)
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr("anyio.sleep", sleep)
    grant = {"grant_type": "password", "username": JOE[0], "password": JOE[1]} | identity(portal)
    async with client_of(portal) as client:
        token = (await client.post(TOKEN, data=grant)).json()["access_token"]
        assert 20514 == await who(client, token)
    assert [30.0] == waited


async def test_token_endpoint_can_go_wrong_over_tcp():
    """The endpoint may be told to answer anything, or nothing."""
    portal = FakePortal("7.4")
    portal.misbehave(path=TOKEN, body="<html>")
    portal.misbehave(path=TOKEN, drop="before")
    with portal.serve() as url:
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.post(TOKEN, data={"grant_type": "client_credentials"} | identity(portal))
            assert (200, "<html>") == (answer.status_code, answer.text)
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(TOKEN)
    assert 1 == len(portal.token_requests)
