"""The answer to `?discover`, in the format of 6.2 and in that of 7.x (A.10). Knows no service by name."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aioliferay.testing._java import JavaType, Version
    from aioliferay.testing._registry import Action

_BASE_PATH = "/api/jsonws"
_OLD_NAMES = {
    "java.lang.String": "string",
    "java.util.Locale": "string",
    "java.util.Date": "long",
    "java.util.List": "list",
    "java.util.Map": "map",
    "java.lang.Object": "object",
}
_NEW_NAMES = _OLD_NAMES | {
    "com.liferay.portal.service.ServiceContext": "com.liferay.portal.kernel.service.ServiceContext",
    "java.io.File": "file",
    "java.lang.Object": "map",
    "com.liferay.portal.kernel.json.JSONArray": "list",
    "java.util.LinkedHashMap": "object",
    "java.util.Map": "object",
}
_PLAIN = frozenset({"boolean", "byte", "char", "double", "float", "int", "long", "short", "void"})


def discovery(actions: Sequence[Action], *, version: Version, base_url: str, parameters: Mapping[str, object]) -> bytes:
    """The JSON text for a request with those parameters; `discover` is among them."""
    ordered = sorted(actions, key=lambda action: (action.path, len(action.parameters)))
    if version == "6.2":
        answer = _old(ordered, base_url, str(parameters["discover"]))
    else:
        answer = _new(ordered, base_url, context=str(parameters.get("contextName", "")), version=version)
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _old(actions: Sequence[Action], base_url: str, wildcards: str) -> dict[str, object]:
    patterns = [pattern for pattern in wildcards.split(",") if pattern]
    described = [
        {
            "method": action.method,
            "parameters": [{"name": each.name, "type": old_type(each.type)} for each in action.parameters],
            "path": action.path,
            "response": _old_response(action.returns),
        }
        for action in actions
        if not patterns or any(_matches(action.path, pattern) for pattern in patterns)
    ]
    answer: dict[str, object] = {
        "actions": described,
        "context": "",
        "basePath": _BASE_PATH,
        "baseURL": base_url,
    }
    return answer | {"discover": patterns} if patterns else answer


def _matches(path: str, pattern: str) -> bool:
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), path) is not None


def old_type(kind: JavaType) -> str:
    """A parameter's type as 6.2 names it."""
    if kind.name in _PLAIN:
        return kind.name
    if kind.is_array:
        return f"{old_type(kind.items[0])}[]" if kind.items else kind.name
    name = _OLD_NAMES.get(kind.name)
    if kind.items:
        return f"{name or kind.name}<{','.join(old_type(item) for item in kind.items)}>"
    return name or f"object<{kind.name}>"


def _old_response(kind: JavaType) -> str:
    return "object<list>" if kind.name == "java.util.List" else old_type(kind)


def _new(actions: Sequence[Action], base_url: str, *, context: str, version: Version) -> dict[str, object]:
    described = [
        {
            "method": action.method,
            "name": action.interface.rpartition(".")[2],
            "parameters": [{"name": each.name, "type": new_type(each.type)} for each in action.parameters],
            "path": action.path,
            "returns": {"type": "object" if _is_bean(action.returns) else new_type(action.returns)},
        }
        for action in actions
        if _context(action.path) == context or not context
    ]
    return {
        "services": described,
        "types": [],
        "basePath": _BASE_PATH,
        "baseURL": base_url,
        "contextName": context,
        "version": version,
    }


def _context(path: str) -> str:
    return path.split("/")[1].rpartition(".")[0]


def _is_bean(kind: JavaType) -> bool:
    return "." in new_type(kind)


def new_type(kind: JavaType) -> str:
    """A parameter's type as 7.x names it."""
    if kind.is_array:
        return kind.name if kind.name == "byte[]" else "list"
    return kind.name if kind.name in _PLAIN else _NEW_NAMES.get(kind.name, kind.name)
