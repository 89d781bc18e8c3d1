"""What the arguments of `aioliferay call` mean: paths, names and values. Knows no portal, and sends nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, cast

from aioliferay._core.naming import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aioliferay import BatchSession, Call
    from aioliferay._services import Method

_ARGUMENT: Final = re.compile(r"(?P<name>[^=]*?)(?P<sign>:?=)(?P<value>.*)", re.DOTALL)
_PYTHON: Final = re.compile(r"(?P<service>[A-Za-z][\w.-]*)\.(?P<method>[A-Za-z]\w*)", re.ASCII)
_BETWEEN: Final = "+"


class Asked(NamedTuple):
    """One call: its path, or `service.method` as in Python, and its parameters."""

    path: str
    params: dict[str, object]

    def made(self, batch: BatchSession, *, select: Sequence[str] | None) -> Call[Any]:
        """Queue it in a batch.

        Raises:
            TypeError, ValueError: the path, a name or a value is none that the portal takes.
        """
        python = _PYTHON.fullmatch(self.path)
        options: Any = {} if select is None else {"select": select}
        if python is None:
            return batch.call(self.path, self.params, **options)
        # What an option of Python's is called, such as timeout, can be a parameter of the portal's as well.
        params = {f"{name}_" if name in OPTIONS else name: value for name, value in self.params.items()}
        method: Method = getattr(batch.services[python["service"]], python["method"])
        return method(**params, **options)

    @property
    def service(self) -> str:
        """The name of the service, as far as there is one: `blogs.blogsentry`."""
        python = _PYTHON.fullmatch(self.path)
        return python["service"] if python else self.path.strip("/").partition("/")[0]


def parsed(arguments: Sequence[str], document: str | None = None) -> list[Asked]:
    """Return the calls that the arguments ask for.

    Args:
        arguments: PATH [NAME=VALUE ...], and the same again behind each lone `+`.
        document: the JSON object of more parameters.

    Raises:
        ValueError: they cannot be read; the text names the place and the remedy, and shows no value.
    """
    calls = [_asked(group) for group in _groups(arguments)]
    if document is not None:
        if len(calls) > 1:
            raise ValueError("--json-params goes with one call, and there are more: use name=value and name:=json")
        for name, value in _object(document).items():
            _add(calls[0].params, name, value)
    return calls


def names(text: str) -> list[str]:
    """Return names with commas between.

    Raises:
        ValueError: there are none.
    """
    told = [name.strip() for name in text.split(",") if name.strip()]
    if not told:
        raise ValueError("--select takes names of properties with commas between, such as firstName,emailAddress")
    return told


def _groups(arguments: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for argument in (*arguments, _BETWEEN):
        if argument != _BETWEEN:
            group.append(argument)
            continue
        if not group:
            raise ValueError("a call is missing: write a path before and after each +")
        yield group
        group = []


def _asked(group: Sequence[str]) -> Asked:
    path, *rest = group
    if "=" in path:
        raise ValueError(f"a path comes first, such as /user/get-user-by-id, and not {path.partition('=')[0]!r}=...")
    params: dict[str, object] = {}
    for argument in rest:
        found = _ARGUMENT.fullmatch(argument)
        if found is None:
            raise ValueError(
                f"{argument[:40]!r} is no parameter: write name=value for text, name:=value for JSON, or a lone + before "
                "the next path"
            )
        is_json = found["sign"] == ":="
        _add(params, found["name"], _value(found["name"], found["value"]) if is_json else found["value"])
    return Asked(path, params)


def _add(params: dict[str, object], name: str, value: object) -> None:
    if name in params:
        raise ValueError(f"parameter {name!r} is given twice: give it once, several values as a list, name:='[1, 2]'")
    params[name] = value


def _value(name: str, text: str) -> object:
    try:
        return _json(text)
    except ValueError as error:
        raise ValueError(f"{name}:= is no JSON: {_reason(error)}; write {name}=... for text as it is") from None


def _object(document: str) -> dict[str, object]:
    try:
        value = _json(document)
    except ValueError as error:
        raise ValueError(f"--json-params is no JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        text = '--json-params takes a JSON object, such as {"userId": 20199}'
        raise ValueError(text)  # noqa: TRY004 - of the kind that `parsed` promises
    return cast("dict[str, object]", value)


def _json(text: str) -> object:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON knows no {constant}")


def _reason(error: ValueError) -> str:
    """Return what is wrong and where; Python's own text shows none of the value."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[0].lower()}{error.msg[1:]}, at character {error.pos + 1}"
    return str(error)
