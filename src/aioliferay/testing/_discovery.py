"""The answer to `?discover`, in the format of 6.2 and in that of 7.x (A.10). Knows no service by name."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING

from aioliferay.testing._discovery_types import Types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aioliferay.testing._java import JavaType, Version
    from aioliferay.testing._registry import Action

RELEASES: dict[Version, str] = {"7.0": "7.0.6", "7.4": "7.4.3.112"}
_BASE_PATH = "/api/jsonws"
_OLD_NAMES = {
    "java.lang.String": "string",
    "java.util.Locale": "string",
    "java.util.Date": "long",
    "java.util.List": "list",
    "java.util.Map": "map",
    "java.lang.Object": "object",
}
_PLAIN = frozenset({"boolean", "byte", "char", "double", "float", "int", "long", "short", "void"})
_COMPARATOR = "com.liferay.portal.kernel.util.OrderByComparator"  # no generic class yet on 6.2


def discovery(actions: Sequence[Action], *, version: Version, base_url: str, parameters: Mapping[str, object]) -> bytes:
    """The JSON text for a request with those parameters; `discover` is among them. `actions` are in order."""
    if version == "6.2":
        answer = _old(actions, base_url, str(parameters["discover"]))
    else:
        answer = _new(actions, base_url, context=str(parameters.get("contextName", "")), version=version)
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return (text if version == "6.2" else text.replace("/", "\\/")).encode()


def _old(actions: Sequence[Action], base_url: str, wildcards: str) -> dict[str, object]:
    patterns = [pattern for pattern in wildcards.split(",") if pattern]
    accepted = [re.compile(fnmatch.translate(pattern.replace("[", "[[]"))) for pattern in patterns]
    described = [
        action.described or _old_action(action)
        for action in actions
        if not accepted or any(pattern.fullmatch(action.path) for pattern in accepted)
    ]
    answer: dict[str, object] = {
        "actions": described,
        "context": "",
        "basePath": _BASE_PATH,
        "baseURL": base_url,
    }
    return answer | {"discover": patterns} if patterns else answer


def _old_action(action: Action) -> dict[str, object]:
    return {
        "method": action.method,
        "parameters": [{"name": each.name, "type": old_type(each.type)} for each in action.parameters],
        "path": action.path,
        "response": _old_response(action.returns),
    }


def old_type(kind: JavaType) -> str:
    """A parameter's type as 6.2 names it."""
    if kind.name in _PLAIN:
        return kind.name
    if kind.is_array:
        return f"{old_type(kind.items[0])}[]" if kind.items else kind.name
    name = _OLD_NAMES.get(kind.name)
    if kind.items and kind.name != _COMPARATOR:
        return f"{name or kind.name}<{','.join(old_type(item) for item in kind.items)}>"
    return name or f"object<{kind.name}>"


def _old_response(kind: JavaType) -> str:
    return "object<list>" if kind.name == "java.util.List" else old_type(kind)


def _new(actions: Sequence[Action], base_url: str, *, context: str, version: Version) -> dict[str, object]:
    types = Types(version)
    services = [_service(action, types) for action in actions if _context(action.path) == context]
    return {
        "contextName": context,
        "basePath": _BASE_PATH,
        "baseURL": base_url,
        "services": services,
        "types": types.described(),
        "version": RELEASES[version],
    }


def _service(action: Action, types: Types) -> dict[str, object]:
    """One service; JSONWebServiceDiscoverAction puts the keys in this order, and leaves out what is not there."""
    told: dict[str, object] = {"deprecated": True} if action.is_deprecated else {}
    if action.description:
        told["description"] = action.description
    owner, _, method = action.interface.rpartition(".")[2].partition("#")
    return told | {
        "method": action.method,
        "name": f"{owner.replace('Impl', '').replace('Service', '')}#{method}",
        "parameters": [{"name": each.name, "type": types.name(each.type)} for each in action.parameters],
        "path": action.path,
        "returns": {"type": types.name(action.returns, is_result=True)},
    }


def _context(path: str) -> str:
    return path.split("/")[1].rpartition(".")[0]
