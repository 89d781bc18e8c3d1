"""How Java orders the keys of a HashMap, writes values as text and spells names. Knows no types of services."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import cast

SMALLEST_TABLE = 64
LONGEST_CHAIN = 8


def string_hash(text: str) -> int:
    """`String.hashCode`, as an unsigned number of 32 bits."""
    units = text.encode("utf-16-be", "surrogatepass")
    code = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (code * 31 + (high << 8) + low) & 0xFFFFFFFF
    return code


def hash_order(keys: Iterable[str], capacity: int = 16) -> list[str]:
    """The keys in the order a Java 8 HashMap gives them back; `keys` in order of insertion.

    The table doubles when three quarters full, and a chain of eight in a table below 64 doubles it too. Both keep
    the order within a chain, so that only the last size counts.
    """
    spread = [(key, _spread(string_hash(key))) for key in keys]
    size = max(1, 1 << max(0, capacity - 1).bit_length())
    chains: dict[int, int] = {}
    for count, (_, code) in enumerate(spread, 1):
        slot = code & (size - 1)
        chains[slot] = chains.get(slot, 0) + 1
        has_long_chain = chains[slot] > LONGEST_CHAIN and size < SMALLEST_TABLE
        for _ in range(has_long_chain + (count > size * 0.75)):
            size *= 2
            chains = _chain_lengths((pair[1] for pair in spread[:count]), size)
    return [key for key, _ in sorted(spread, key=lambda pair: pair[1] & (size - 1))]


def _spread(code: int) -> int:
    return code ^ (code >> 16)


def _chain_lengths(codes: Iterable[int], size: int) -> dict[int, int]:
    lengths: dict[int, int] = {}
    for code in codes:
        lengths[code & (size - 1)] = lengths.get(code & (size - 1), 0) + 1
    return lengths


def java_double(number: float) -> str:
    """`Double.toString`: `1.5`, `1.0E10`, `NaN`."""
    if math.isnan(number) or math.isinf(number):
        return "NaN" if math.isnan(number) else "-Infinity" if number < 0 else "Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:  # the bounds in Double.toString's contract
        return repr(float(number))
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    text = "".join(map(str, digits))
    fraction = text[1:].rstrip("0") or "0"
    return f"{'-' * sign}{text[0]}.{fraction}E{len(text) - 1 + int(exponent)}"


def java_string(value: object) -> str:
    """`String.valueOf` of a value read from JSON: `{a=1}`, `[1, 2]`, `null`. Any depth of nesting."""
    parts: list[str] = []
    todo: list[Iterator[object] | str] = [iter([value])]
    while todo:
        top = todo.pop()
        if isinstance(top, str):
            parts.append(top)
            continue
        item = next(top, _END)
        if item is _END:
            continue
        todo.append(top)
        if isinstance(item, _Text):
            parts.append(item)
        elif isinstance(item, Mapping):
            todo += ["}", _map_tokens(cast("Mapping[str, object]", item)), "{"]
        elif isinstance(item, list | tuple):
            todo += ["]", _list_tokens(cast("list[object]", item)), "["]
        else:
            parts.append(_scalar(item))
    return "".join(parts)


class _Text(str):
    __slots__ = ()


_END = object()


def _map_tokens(entries: Mapping[str, object]) -> Iterator[object]:
    for place, key in enumerate(hash_order(entries)):
        yield _Text((", " if place else "") + key + "=")
        yield entries[key]


def _list_tokens(items: list[object]) -> Iterator[object]:
    for place, item in enumerate(items):
        if place:
            yield _Text(", ")
        yield item


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return java_double(value) if isinstance(value, float) else str(value)


def normalize_camel_case(name: str) -> str:
    """`badNAME` -> `badName`, up to the first full stop (CamelCaseUtil.normalizeCamelCase)."""
    letters = list(name)
    is_run = False
    for place, letter in enumerate(name):
        if letter == ".":
            break
        following = name[place + 1 : place + 2]
        is_upper = place > 0 and letter.isupper()
        if is_upper and is_run and (following in ("", ".") or following.isupper()):
            letters[place] = letter.lower()
        is_run = is_upper
    return "".join(letters)


def to_camel_case(name: str) -> str:
    """`world-name` -> `worldName` (CamelCaseUtil.toCamelCase)."""
    head, *rest = name.split("-")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def java_split(text: str, separator: str = ",") -> list[str]:
    """Liferay's StringUtil.split: no part for an empty text and none for an ending separator."""
    text = text.strip()
    if not text:
        return []
    parts = text.split(separator)
    return parts[:-1] if parts[-1] == "" else parts
