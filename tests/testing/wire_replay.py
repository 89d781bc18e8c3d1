"""Replays recorded exchanges against a FakePortal and says where the answers differ.

Compared are the status, a few headers, the cookies where they were recorded, JSON as JSON and other bodies as they are.
What differs from run to run is brought into line first: ids and uuids of rows that callers made are renamed as first seen;
dates, hashes and keys count as equal when both are there; who signed in when, how often in vain, and how often a document
was read is not compared, nor is HTML.

A record that was made in a session is sent with the cookies of its chain, and signs in first if the chain does not; a
Digest answers a challenge of the portal's.
"""

import ast
import base64
import copy
import hashlib
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
HISTORY = frozenset(["failedLoginAttempts", "lastFailedLoginDate", "lastLoginDate", "loginDate", "readCount"])
NUMBERED = re.compile(r"(?<![\d.])\d{5}(?![\d.])|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IN_SESSION = re.compile(
    r"auth/cookie2?/.*|auth/csrf-multipart/(?!left).*|uploads/private-file/download-cookie.*|discovery/page/cookie-check-again"
)
TOKEN = re.compile(r'Liferay\.authToken="(\w{8})"')
NONCE = re.compile(r'nonce="(\w+)"')
SIGN_IN_FORM = "login=test%40liferay.com&password=test&rememberMe=true"
NOT_COMPARED = ("text/html", "image/")
OF_TOMCAT = {"localhost:8080", "127.0.0.1:8080"}  # other hosts' cookies have domains

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
        self.cookies: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []

    def differences(self, record: Record) -> list[str]:
        """Send the record's request; where the answer is not the recorded one."""
        request, expected = record["request"], record["response"]
        sent = {}
        if IN_SESSION.fullmatch(record["name"]):
            if record["auth"].startswith("cookie") and not record["name"].startswith("auth/cookie/"):
                self._sign_in()
            sent = self.cookies
        if record["name"].endswith("/remember-me-only"):
            sent = {name: value for name, value in sent.items() if name != "JSESSIONID"}
        status, headers, body = self.send(request, record["auth"], cookies=sent)
        found = []
        if status != expected["status"]:
            found.append(f"status {status} for {expected['status']}")
        if "location" in expected["headers"]:
            renamed = expected["headers"] | {"location": self._rename(expected["headers"]["location"])}
            expected = expected | {"headers": renamed}
        found += _header_differences(expected, headers)
        known = request.get("headers", {})
        if (
            known.get("Host", "localhost:8080") in OF_TOMCAT and "Transfer-Encoding" not in known
        ):  # that one was sent by hand
            found += _cookie_differences(expected, self.told)
        return found + self._body_differences(expected, body)

    def _body_differences(self, expected: Record, body: bytes) -> list[str]:
        if expected.get("truncated"):
            expected = expected | {"body_start": expected["body"], "length": expected["full_length"]}
        if "body_start" in expected and _is_script(expected):
            return self._start_differences(expected, body)
        if "body" not in expected or expected["headers"].get("content-type", "text/html").startswith(NOT_COMPARED):
            return []
        if not _is_script(expected):
            text = body.decode("utf-8", "replace")
            return [] if text == expected["body"] else [f"body {text[:200]!r} for {expected['body'][:200]!r}"]
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
                if name == "uuid" and isinstance(value, str) and actual[name]:
                    self.names.setdefault(value, actual[name])
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

    def send(
        self, request: Record, auth: str, *, cookies: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as somebody; status, headers, body."""
        headers = {name.lower(): self._told(value) for name, value in request.get("headers", {}).items()}
        headers.setdefault("host", "localhost:8080")
        if auth in LOGINS:
            headers["authorization"] = "Basic " + base64.b64encode(LOGINS[auth].encode()).decode()
        elif auth.startswith("custom:"):
            headers["authorization"] = CUSTOM_HEADERS[auth]
        if cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        path, query = (self._told(self._rename(request.get(part, ""))) for part in ("path", "query"))
        method, body = request["method"], self._body(request)
        if auth.startswith("digest"):
            headers["authorization"] = self._digest(method, path, "test" if auth == "digest" else "wrong")
        status, self.told, content = anyio.run(self._exchange, method, path, query, headers, body)
        self._keep(self.told, content)
        return status, dict(self.told), content

    def _sign_in(self) -> None:
        """Have a session of the administrator's, if there is none."""
        if "token" in self.tokens:
            return
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.send({"method": "GET", "path": "/"}, "none")
        request = {"method": "POST", "path": "/c/portal/login", "headers": form, "body": SIGN_IN_FORM}
        self.send(request, "none", cookies=self.cookies)
        self.send({"method": "GET", "path": "/"}, "none", cookies=self.cookies)

    def _keep(self, headers: list[tuple[str, str]], content: bytes) -> None:
        """Keep the cookies and the tokens of an answer; the first token is a guest's."""
        for name, value in headers:
            if name == "set-cookie":
                pair, *attributes = value.split("; ")
                cookie, _, kept = pair.partition("=")
                self.cookies.pop(cookie, None)
                if "Max-Age=0" not in attributes:
                    self.cookies[cookie] = kept
        found = TOKEN.search(content.decode("utf-8", "replace"))
        if found is not None:
            self.tokens["token" if "REMEMBER_ME" in self.cookies else "guest_token"] = found[1]

    def _told(self, text: str) -> str:
        for name, token in self.tokens.items():
            text = text.replace(f"{{{name}}}", token)
        return text

    def _digest(self, method: str, path: str, password: str) -> str:
        """The Authorization header that answers a challenge of the portal's."""
        challenged = {"host": "localhost:8080"}
        _, told, _ = anyio.run(self._exchange, "GET", "/webdav", "", challenged, b"")
        nonce = NONCE.search(dict(told)["www-authenticate"])[1]
        known = _md5(f"test@liferay.com:PortalRealm:{password}")
        response = _md5(f"{known}:{nonce}:{_md5(f'{method}:{path}')}")
        fields = {"username": "test@liferay.com", "realm": "PortalRealm", "nonce": nonce, "uri": path, "response": response}
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())

    def _body(self, request: Record) -> bytes:
        if "body_b64" in request:
            return base64.b64decode(request["body_b64"])
        if request.get("body_recipe", "").startswith(("[", "{", '"')):  # others are words for people
            return _made(request["body_recipe"])
        if request.get("body_recipe") == 'multipart with 1,000,000 x "m"':
            return request["body"].rstrip("m").encode() + b"m" * 1_000_000 + b"\r\n--RecBoundary7d4--\r\n"
        return self._told(self._rename(request.get("body") or "")).encode()

    async def _exchange(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
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
        got = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
        return sent[0]["status"], got, b"".join(message.get("body", b"") for message in sent[1:])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


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
    if _is_whole(expected):
        names += ["accept-ranges", "cache-control", "content-disposition", "expires", "pragma"]
    if expected["status"] >= 400:  # else it tells what the recording client wanted
        names.append("connection")
    for name in names:
        wanted, got = (NONCE.sub('nonce="<nonce>"', headers.get(name, "")) for headers in (expected["headers"], actual))
        if _plain(wanted) != _plain(got):
            found.append(f"{name} {got!r} for {wanted!r}")
    return found


def _is_whole(expected: Record) -> bool:
    """Whether a record has all headers; those that are committed are reduced."""
    return "x-frame-options" in expected["headers"]


def _cookie_differences(expected: Record, told: list[tuple[str, str]]) -> list[str]:
    """Where the cookies are others, or have other attributes; a reduced record does not tell them."""
    if not _is_whole(expected):
        return []
    wanted = sorted(expected["headers"].get("set-cookie-names", []))
    got = sorted(re.sub("=[^;]*", "", value, count=1) for name, value in told if name == "set-cookie")
    return [] if wanted == got else [f"cookies {got} for {wanted}"]


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
        is_document = "fileEntryTypeId" in value  # whose `name` counts all that there were
        return {key: _settled(item, "key" if is_document and key == "name" else key) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item, name) for item in value]
    if name in HISTORY:
        return "<history>"
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
