"""How tests ask a portal what it publishes, and what is known of the real one."""

import gzip
import json
import pathlib
import re

import httpx

DATA = pathlib.Path(__file__).parents[1] / "data"
CATALOG_FILE = pathlib.Path(__file__).parents[2] / "src" / "aioliferay" / "catalogs" / "liferay-6.2.json.gz"
CONTEXTS = {"6.2": [""], "7.0": ["", "bookmarks", "journal"], "7.4": ["", "blogs", "bookmarks", "journal"]}


def read_catalog():
    """The discovery answer of a running 6.2.5."""
    return json.loads(gzip.decompress(CATALOG_FILE.read_bytes()))


def names_of(action):
    """The names of an action's parameters, in order."""
    return tuple(parameter["name"] for parameter in action["parameters"])


async def discover(portal, query="discover"):
    """A portal's answer to a discovery request."""
    async with httpx.AsyncClient(transport=portal.transport()) as client:
        return (await client.get(f"{portal.url}/api/jsonws?{query}")).json()


async def services_of(portal):
    """What a 7.x portal publishes in all contexts of its samples."""
    answers = [await discover(portal, f"discover&contextName={context}") for context in CONTEXTS[portal.version]]
    return [service for answer in answers for service in answer["services"]]


def reduced(service):
    """A service of 7.x with no more than what the Mobile SDK's builder keeps of it, from which the known ones come."""
    return {
        "method": service["method"],
        "path": service["path"],
        "parameters": [{"name": each["name"], "type": _reduced_type(each["type"])} for each in service["parameters"]],
        "returns": {"type": _reduced_result(service["returns"]["type"])},
    }


def _reduced_type(name):
    if name.startswith("list<") or (name.endswith("[]") and name != "byte[]"):
        return "list"
    return "object" if name == "map" or name.startswith("map<") else name


def _reduced_result(name):
    kept = "list" if name.endswith(".JSONArray") else _reduced_type(name)
    return "object" if re.match(r"com\.", kept) else kept
