"""Templates: JSON in whose texts the fields of a record stand for `{column}`. Knows nothing of portals, files and CSV."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic_core import from_json

from aioliferay._core.naming import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = Sequence[str]
    Maker = Callable[[Row], Any]

T = TypeVar("T")
_PIECE: Final = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
_TRUTHS: Final = {"true": True, "false": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Template:
    """JSON that becomes a value of its own for each record.

    In a text, `{column}` stands for the field of that column, and `{{` and `}}` for braces. A text that is nothing but
    `{column:int}`, `{column:float}`, `{column:bool}` or `{column:json}` becomes a value of that type, and with a question
    mark (`{column?}`, `{column:int?}`) null where the field is empty. Names in objects stay as they are: to a portal, names
    are code.

    Raises:
        ValueError: the text is no JSON, or names a column or a type that is not there.
    """

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        try:
            value: Any = from_json(text, allow_inf_nan=False)
        except ValueError as error:
            raise ValueError(f"the template is no JSON: {error}") from None
        if not isinstance(value, dict):
            example = '{"path": "/group/get-group", "params": {"groupId": "{group_id}"}}'
            raise ValueError(f"the template is no object, such as {example}")  # noqa: TRY004 - of the kind that is promised
        _check(columns)
        self._places = {name: place for place, name in enumerate(columns)}
        self._make = self._maker(value)

    def filled(self, row: Row) -> Any:
        """Return the value for a record, which has a field for each column.

        Raises:
            ValueError: a field is not of the type that it should be. The text does not show the field.
        """
        return self._make(row)

    def _maker(self, value: Any) -> Maker:
        if isinstance(value, str):
            return self._of_text(value)
        if isinstance(value, list):
            makers = list(map(self._maker, cast("list[object]", value)))
            return lambda row: [make(row) for make in makers]
        if isinstance(value, dict):
            pairs = [(name, self._maker(each)) for name, each in cast("dict[str, Any]", value).items()]
            return lambda row: {name: make(row) for name, make in pairs}
        return lambda _: value

    def _of_text(self, text: str) -> Maker:
        if (whole := _PIECE.fullmatch(text)) and len(whole[0]) > 2:
            return self._of_column(whole[0][1:-1])
        makers: list[Maker] = []
        behind = 0
        for found in _PIECE.finditer(text):
            makers += [_always(text[behind : found.start()]), self._of_piece(found[0])]
            behind = found.end()
        if not makers:
            return _always(text)
        makers.append(_always(text[behind:]))
        return lambda row: "".join([make(row) for make in makers])

    def _of_piece(self, piece: str) -> Maker:
        if piece in {"{{", "}}"}:
            return _always(piece[0])
        if len(piece) <= 2:
            raise ValueError(f"the template has a lone {piece}: write {{{{ or }}}} for a brace, {{column}} for a field")
        name = piece[1:-1]
        if name not in self._places and self._split(name)[1:] != ("", False):
            raise ValueError(f"{piece} in the template has text beside it: a type or a question mark is for a whole value")
        return self._of_column(name)

    def _of_column(self, told: str) -> Maker:
        name, kind, is_optional = (told, "", False) if told in self._places else self._split(told)
        place = self._places.get(name)
        if place is None:
            meant = nearest(name, self._places)
            hint = f"did you mean {{{meant}}}?" if meant else f"there are {', '.join(self._places)}"
            raise ValueError(f"the template names a column {{{name}}} that is not there: {hint}")
        if kind and kind not in _TYPES:
            raise ValueError(f"the template names a type {kind!r} that is not there: there are {', '.join(_TYPES)}")
        convert = _TYPES[kind][0] if kind else str

        def make(row: Row) -> Any:
            field = row[place]
            if is_optional and not field:
                return None
            try:
                return convert(field)
            except ValueError:
                raise ValueError(f"its column {name!r} is no {_TYPES[kind][1]}") from None

        return make

    @staticmethod
    def _split(told: str) -> tuple[str, str, bool]:
        is_optional = told.endswith("?")
        name, _, kind = told.removesuffix("?").partition(":")
        return name, kind, is_optional


def _check(columns: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in columns:
        if name and name in seen:
            raise ValueError(f"the header has two columns {name!r}: give one of them another name")
        seen.add(name)


def _always(value: T) -> Callable[[Row], T]:
    return lambda _: value


def _int(text: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _bool(text: str) -> bool:
    if text.strip().lower() not in _TRUTHS:
        raise ValueError(text)
    return _TRUTHS[text.strip().lower()]


def _json(text: str) -> Any:
    return from_json(text, allow_inf_nan=False)


_TYPES: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "int": (_int, "whole number"),
    "float": (_float, "number"),
    "bool": (_bool, "true or false"),
    "json": (_json, "JSON"),
}
