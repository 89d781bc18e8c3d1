"""Replays recorded exchanges against a FakePortal and says where the answers differ.

Compared are the status, a few headers, and JSON as JSON. What differs from run to run is brought into line first: ids of
rows that callers made are renamed as first seen; dates, uuids, hashes and keys count as equal when both are there; who
signed in when, and how often in vain, is not compared, nor is HTML.
"""

import ast
import base64
import copy
import json
import pathlib
import re
from collections.abc import Iterable
from typing import Any

import anyio

from aioliferay.testing import FakePortal

Record = dict[str, Any]

FIRST_MADE_ID = 20400  # the recorded server's own rows have ids below
MADE_IDS = frozenset(
    [
        "entryId",
        "folderId",
        "fileEntryId",
        "tagId",
        "vocabularyId",
        "organizationId",
        "smallImageId",
        "resourceBlockId",
        "contactId",
        "defaultPrivatePlid",
        "defaultPublicPlid",
        "layoutSetId",
        "tableId",
        "passwordPolicyId",
        "primaryKey",
        "primaryKeyObj",
    ]
)
CHANGING = re.compile(
    r"(?<!display)(date|uuid|digest|password|key|treePath|tableId|Plid|layoutSetId|resourceBlockId)$", re.IGNORECASE
)
SIGN_IN_HISTORY = frozenset(["failedLoginAttempts", "lastFailedLoginDate", "lastLoginDate", "loginDate"])
NUMBERED = re.compile(r"(?<![\d.])\d{5}(?![\d.])")

LOGINS = {
    "basic-admin": "test@liferay.com:test",
    "basic-nonadmin": "joe@liferay.com:joe",
    "basic-wrong": "test@liferay.com:wrong",
}
_GOOD = base64.b64encode(b"test@liferay.com:test").decode()
CUSTOM_HEADERS = {
    "custom:no-colon": "Basic " + base64.b64encode(b"test@liferay.com").decode(),
    "custom:empty": "Basic " + base64.b64encode(b":").decode(),
    "custom:only-scheme": "Basic",
    "custom:scheme-and-space": "Basic ",
    "custom:two-spaces": f"Basic  {_GOOD}",
    "custom:lower-case-scheme": f"basic {_GOOD}",
    "custom:upper-case-scheme": f"BASIC {_GOOD}",
    "custom:no-scheme": _GOOD,
    "custom:unpadded": f"Basic {_GOOD.rstrip('=')}",
    "custom:empty-header": "",
    "custom:at-sign-encoded": "Basic " + base64.b64encode(b"test%40liferay.com:test").decode(),
    "custom:long": "Basic " + base64.b64encode(b"test@liferay.com:" + b"x" * 3000).decode(),
    "custom:screen-name": "Basic " + base64.b64encode(b"test:test").decode(),
    "custom:user-id": "Basic " + base64.b64encode(b"20199:test").decode(),
}


def load(paths: Iterable[pathlib.Path]) -> dict[str, Record]:
    """The records of some files by name, in recorded order."""
    lines = [line for path in paths for line in path.read_text("utf-8").split("\n") if line.strip()]
    return {record["name"]: record for record in map(json.loads, lines)}


class Replay:
    """One portal and what has been learnt of its ids."""

    def __init__(self, portal: FakePortal) -> None:
        self.portal = portal
        self.names: dict[str, str] = {}

    def differences(self, record: Record) -> list[str]:
        """Send the record's request; where the answer is not the recorded one."""
        status, headers, body = self.send(record["request"], record["auth"])
        expected = record["response"]
        found = []
        if status != expected["status"]:
            found.append(f"status {status} for {expected['status']}")
        found += _header_differences(expected, headers)
        return found + self._body_differences(expected, body)

    def _body_differences(self, expected: Record, body: bytes) -> list[str]:
        if expected.get("truncated"):
            expected = expected | {"body_start": expected["body"], "length": expected["full_length"]}
        if "body_start" in expected and _is_script(expected):
            return self._start_differences(expected, body)
        if "body" not in expected or not _is_script(expected):
            return []
        before, recorded = _unwrapped(expected["body"])
        after, actual = _unwrapped(body.decode("utf-8", "replace"))
        if before != after:
            return [f"script {after!r} for {before!r}"]
        return self._json_differences(recorded, actual)

    def _json_differences(self, recorded: Any, actual: Any) -> list[str]:
        self._learn(recorded, actual)
        wanted = _settled(self._renamed(recorded))
        got = _settled(actual)
        return [] if wanted == got else _paths(wanted, got)

    def _start_differences(self, expected: Record, body: bytes) -> list[str]:
        text = body.decode()
        start = expected["body_start"]
        if text.startswith(start):
            return [] if len(text) == expected["length"] else [f"length {len(text)} for {expected['length']}"]
        cut = start.rfind("},{")
        if cut < 0:
            return [f"starts with {text[:200]!r} for {start[:200]!r}"]
        depth = len(start) - len(start.lstrip("["))
        recorded = json.loads(start[: cut + 1] + "]" * depth)
        actual = json.loads(text)
        for _ in range(depth - 1):
            recorded, actual = recorded[0], actual[0]
        return self._json_differences(recorded, actual[: len(recorded)])

    def _learn(self, recorded: Any, actual: Any) -> None:
        if isinstance(recorded, dict) and isinstance(actual, dict):
            for name in recorded.keys() & actual.keys():
                value = recorded[name]
                if name in MADE_IDS and isinstance(value, int) and value >= FIRST_MADE_ID and actual[name] is not None:
                    self.names.setdefault(str(value), str(actual[name]))
                self._learn(value, actual[name])
        elif isinstance(recorded, list) and isinstance(actual, list):
            for one, other in zip(recorded, actual, strict=False):
                self._learn(one, other)

    def _renamed(self, value: Any) -> Any:
        return json.loads(self._rename(json.dumps(value)))

    def _rename(self, text: str) -> str:
        return NUMBERED.sub(lambda match: self.names.get(match[0], match[0]), text)

    def send(self, request: Record, auth: str) -> tuple[int, dict[str, str], bytes]:
        """Send a request as somebody; status, headers, body."""
        headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
        headers.setdefault("host", "localhost:8080")
        if auth in LOGINS:
            headers["authorization"] = "Basic " + base64.b64encode(LOGINS[auth].encode()).decode()
        elif auth.startswith("custom:"):
            headers["authorization"] = CUSTOM_HEADERS[auth]
        path, query = (self._rename(request.get(part, "")) for part in ("path", "query"))
        return anyio.run(self._exchange, request["method"], path, query, headers, self._body(request))

    def _body(self, request: Record) -> bytes:
        if "body_b64" in request:
            return base64.b64decode(request["body_b64"])
        if request.get("body_recipe", "").startswith(("[", "{", '"')):  # others are words for people
            return _made(request["body_recipe"])
        return self._rename(request.get("body") or "").encode()

    async def _exchange(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8080),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(copy.copy(message))

        await self.portal(scope, receive, send)
        got = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], got, b"".join(message.get("body", b"") for message in sent[1:])


def _made(recipe: str) -> bytes:
    """The body that a recipe describes: sums and products of literals, written as JSON if it says so."""
    expression, _, form = recipe.partition(", json.dumps")
    value = _value(ast.parse(expression, mode="eval").body)
    return (json.dumps(value) if form or recipe != expression else value).encode()


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        return left * right if isinstance(node.op, ast.Mult) else left + right
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): _value(item) for key, item in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    return ast.literal_eval(node)


def _is_script(expected: Record) -> bool:
    """Whether an answer is JSON, or a script of the services with JSON in it."""
    return expected["headers"].get("content-type", "").lower() in {
        "application/json;charset=utf-8",
        "application/json; charset=utf-8",
        "text/javascript;charset=utf-8",
    }


def _header_differences(expected: Record, actual: dict[str, str]) -> list[str]:
    found = []
    names = ["content-type", "liferay-portal", "location", "www-authenticate"]
    if expected["status"] >= 400:  # else it tells what the recording client wanted
        names.append("connection")
    for name in names:
        wanted, got = expected["headers"].get(name, ""), actual.get(name, "")
        if _plain(wanted) != _plain(got):
            found.append(f"{name} {got!r} for {wanted!r}")
    return found


def _plain(value: str) -> str:
    return value.replace(" ", "").lower()


def _unwrapped(text: str) -> tuple[str, Any]:
    """What a script has around its JSON, and the JSON."""
    wrapped = re.fullmatch(r"(/\*\*/[\w.]+\(|var \w+=)(.*)(\)|;)", text, re.DOTALL)
    head, inner = (wrapped[1], wrapped[2]) if wrapped else ("", text)
    return head, json.loads(inner) if inner else None


def _settled(value: Any, name: str = "") -> Any:
    """The value with everything that changes from run to run made alike; that it is there still counts."""
    if isinstance(value, dict):
        return {key: _settled(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item, name) for item in value]
    if name in SIGN_IN_HISTORY:
        return "<sign-in history>"
    if CHANGING.search(name) and value not in {None, ""} and not isinstance(value, bool):
        return f"<{type(value).__name__}>"
    return value


def _paths(wanted: Any, got: Any, path: str = "$") -> list[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        missing = [f"{path}.{key}: missing" for key in wanted.keys() - got.keys()]
        extra = [f"{path}.{key}: extra {got[key]!r}" for key in got.keys() - wanted.keys()]
        both = wanted.keys() & got.keys()
        return missing + extra + [line for key in sorted(both) for line in _paths(wanted[key], got[key], f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [line for n, pair in enumerate(zip(wanted, got, strict=True)) for line in _paths(*pair, f"{path}[{n}]")]
    return [] if wanted == got else [f"{path}: {str(got)[:300]!r} for {str(wanted)[:300]!r}"]
