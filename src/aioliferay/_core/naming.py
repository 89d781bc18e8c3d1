"""Names on three sides: Java's (`entryId`), those in a path (`get-entry`), and Python's (`entry_id`, `get_entry`).
Knows Liferay's own rules (`CamelCaseUtil`, `protocol.md` A.9); knows no service.
"""

from __future__ import annotations

import keyword
import re
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONS: Final = frozenset({"returns", "select", "idempotent", "is_read", "timeout"})  # what every call takes besides
_TAKEN: Final = OPTIONS | {"self", "options", *keyword.kwlist}
_KEPT: Final = re.compile(r"_(?=_)")


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """Return Python's name for a Java name: a run of capitals is one word, as in Liferay's dashed names.

    `entryId` -> `entry_id`, `friendlyURLMap` -> `friendly_url_map`, `classPKs` -> `class_p_ks` (the portal's own reading).
    What Python or an option of a call has taken gets an underscore behind: `from` -> `from_`.
    """
    letters: list[str] = []
    for place, letter in enumerate(normalized(name)):
        if place and letter.isupper():
            letters.append("_")
        letters.append(letter.lower())
    return free("".join(letters))


def free(name: str) -> str:
    """Return a name that nothing has taken: the name itself, or with an underscore behind it."""
    return f"{name}_" if name in _TAKEN else name


@lru_cache(maxsize=4096)
def camel(name: str) -> str:
    """Return the parameter that a Python name means, as the portal reads it: `entry_id` -> `entryId`.

    `class_pk` is `classPk`, which to the portal is also `classPK`. Of two underscores the first is kept: `a__b` -> `a_B`.
    """
    head, *rest = _words(name)
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@lru_cache(maxsize=4096)
def dashed(name: str) -> str:
    """Return the method in a path that a Python name means: `get_entry` -> `get-entry`, `a__b` -> `a_-b`."""
    return "-".join(_words(name))


def _words(name: str) -> list[str]:
    if name.endswith("_") and name[:-1] in _TAKEN:
        name = name[:-1]
    return [word.replace("\0", "_") for word in _KEPT.sub("\0", name).split("_")]


@lru_cache(maxsize=4096)
def normalized(name: str) -> str:
    """Return a Java name as the portal compares it: of a run of capitals only the first stays (`classPK` -> `classPk`)."""
    letters = list(name)
    is_run = False
    for place, letter in enumerate(name):
        is_upper = place > 0 and letter.isupper()
        following = name[place + 1 : place + 2]
        if is_upper and is_run and (not following or following.isupper()):
            letters[place] = letter.lower()
        is_run = is_upper
    return "".join(letters)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name that was probably meant, or None."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
