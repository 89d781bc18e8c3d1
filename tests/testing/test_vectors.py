"""Every request and answer in tests/data/vectors.jsonl, and in the file the environment names, tried on the engine."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from foo_services import register_foo

from aioliferay.testing._engine import Answer, Engine
from aioliferay.testing._registry import Caller, Registry

HERE = Path(__file__).parent.parent / "data" / "vectors.jsonl"
EXTRA = [Path(name) for name in os.environ.get("AIOLIFERAY_VECTORS", "").split(os.pathsep) if name]
LEFT_OUT = {
    r"sdk/.*": "describes what the Mobile SDK's client does, nothing that a portal answers",
}
CALLER = Caller(user_id=20199, company_id=20155, is_administrator=True)


def vectors() -> list[dict[str, Any]]:
    """The recorded vectors, and those kept elsewhere."""
    return [json.loads(line) for path in [HERE, *EXTRA] for line in path.read_text("utf-8").splitlines() if line.strip()]


def reason_left_out(vector: dict[str, Any]) -> str | None:
    """Why a vector is not tried here, None if it is."""
    return next((reason for pattern, reason in LEFT_OUT.items() if re.fullmatch(pattern, vector["name"])), None)


def versions(vector: dict[str, Any]) -> list[tuple[str, bool]]:
    """The portals an answer belongs to: the version, and whether it writes errors out."""
    text = vector["response"]["version"]
    if "default configuration" in text:
        return [("7.4", False)]
    found = [("6.2", True)] if "6.2" in text else []
    if re.search(r"7\.0", text):
        found.append(("7.0", True))
    if re.search(r"7\.(x|[1-4])", text):
        found.append(("7.4", True))
    return found


def replay(vector: dict[str, Any], version: str, *, is_written_out: bool) -> Answer:
    """The engine's answer to a vector's request."""
    registry = Registry()
    register_foo(registry)
    engine = Engine(registry, version, is_throwable_serialized=is_written_out, java=11)
    request = vector["request"]
    query = dict(request.get("query", {}))
    rest = request["path"].removeprefix("/api/jsonws")
    common: dict[str, Any] = {"caller": CALLER, "request": 1, "journal": []}
    if rest != "/invoke":
        path = rest.replace("%2B", "+")
        return asyncio.run(engine.direct(path, extra=query, verb=request["method"], **common))
    body = request["raw_body"] if "raw_body" in request else json.dumps(request.get("body"))
    command = query.pop("cmd", body)
    return asyncio.run(engine.invoke(command, extra=query, **common))


def blurred(body: Any, match: str) -> Any:
    """The part of an answer's body that the vector says must agree."""
    body = copy.deepcopy(body)
    if match.startswith("exception-type-only"):
        return body.get("error", {}).get("type", body["exception"])
    if "except what follows the last" in match:
        body["message"] = body["message"].rpartition(" for ")[0]
    if "except the package" in match:
        body = json.loads(re.sub(r"[\w.]+\.(NoSuchJSONWebServiceException)", r"\1", json.dumps(body)))
    if "ignoring rootCause.message" in match:
        del body["rootCause"]["message"]
    return body


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in vectors()])
def test_engine_answers_as_recorded(vector):
    """The engine answers each recorded request with the recorded status and body."""
    if reason_left_out(vector):
        pytest.skip(reason_left_out(vector))
    response = vector["response"]
    portals = versions(vector)
    assert portals, "a vector names no known version"
    for version, is_written_out in portals:
        answer = replay(vector, version, is_written_out=is_written_out)
        body = json.loads(answer.body)
        assert response["status"] == answer.status, body
        if response["match"] == "one-of":
            assert body in response["body"]
        else:
            assert blurred(response["body"], response["match"]) == blurred(body, response["match"])


def test_left_out_rules_name_something():
    """Each rule in the table of what is left out applies to some vector."""
    for pattern in LEFT_OUT:
        assert [vector for vector in vectors() if re.fullmatch(pattern, vector["name"])]
