"""Properties of every element of a result: taken out, and results put together in the same shape. Lists may hold lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aioliferay._core.nesting import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Shape = tuple["Shape | None", ...]
"""How elements stand in lists: None is an element, a tuple is a list."""


class Elements(NamedTuple):
    """What a property is in each element, in order, and how the elements stand in lists."""

    shape: Shape
    values: list[object]


def taken(result: object, names: Sequence[str]) -> Elements:
    """Return what the property `names` (from the outside in) is in every element of a result; `MISSING` where it is not.

    Raises:
        TypeError: the result is no list.
    """
    if not isinstance(result, list):
        raise TypeError("no list")
    values: list[object] = []
    return Elements(_shape(cast("list[object]", result), names, values), values)


def _shape(items: list[object], names: Sequence[str], values: list[object]) -> Shape:
    shape: list[Shape | None] = []
    for item in items:
        if isinstance(item, list):
            shape.append(_shape(cast("list[object]", item), names, values))
        else:
            shape.append(None)
            values.append(found(item, names))
    return tuple(shape)


def in_shape(shape: Shape, results: Sequence[Any]) -> list[Any]:
    """Return results, one an element, in lists of the shape."""
    return _in_shape(shape, iter(results))


def _in_shape(shape: Shape, results: Iterator[Any]) -> list[Any]:
    return [next(results) if part is None else _in_shape(part, results) for part in shape]
