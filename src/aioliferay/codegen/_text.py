"""Pieces of Python source, laid out as `ruff format` leaves them, at 88 columns and at more. Knows no service."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH: Final = 88


def told(text: str) -> str:
    """Return a text of the portal's as a docstring may hold it: on one line, and nothing in it ends the docstring."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words).replace("\\", "\\\\").replace('"""', '""\\"')


def docstring(indent: int, summary: str, *parts: Sequence[str] | str) -> list[str]:
    """Return the lines of a docstring: a summary, then paragraphs and sections with a blank line before each."""
    space = " " * indent
    lines = _wrapped(summary, space, first=f'{space}"""', width=WIDTH - 3)
    if not parts and len(lines) == 1:
        return [f'{lines[0]}"""']
    for part in parts:
        lines += ["", *(_wrapped(part, space) if isinstance(part, str) else (f"{space}{line}" for line in part))]
    return [*lines, f'{space}"""']


def section(name: str, entries: Iterable[str], indent: int) -> list[str]:
    """Return a section of a docstring, such as `Args:`, to stand at an indent."""
    width = WIDTH - indent
    return [f"{name}:", *(line for entry in entries for line in _wrapped(entry, " " * 8, first="    ", width=width))]


def words(text: str, indent: int) -> list[str]:
    """Return a literal of words as an argument, in lines of its own if it has several or does not fit in one."""
    space = " " * indent
    if "\n" not in text and indent + len(text) + 3 <= WIDTH:
        return [f'{space}"{text}",']
    lines = [line for part in text.split("\n") for line in _wrapped(part, f"{space}  ", first=space)]
    return [f'{space}"""', *lines, f'{space}""",']


def mapping(entries: Mapping[str, str], indent: int) -> list[str]:
    """Return a dictionary of names and expressions as an argument."""
    space = " " * indent
    items = [f'"{name}": {value}' for name, value in entries.items()]
    line = f"{space}{{{', '.join(items)}}},"
    return [line] if len(line) <= WIDTH else [f"{space}{{", *(f"{space}    {item}," for item in items), f"{space}}},"]


def imports(module: str, names: Iterable[str], indent: int = 0) -> list[str]:
    """Return the lines that import names, in order; none if there are no names."""
    space = " " * indent
    ordered = sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name.lower()))
    line = f"{space}from {module} import {', '.join(ordered)}"
    if not ordered or len(line) <= WIDTH:
        return [line] if ordered else []
    return [f"{space}from {module} import (", *(f"{space}    {name}," for name in ordered), f"{space})"]


def source(marker: str, lines: Iterable[str]) -> str:
    """Return a whole file, which begins with the marker."""
    return "\n".join([marker, *(line.rstrip() for line in lines)]) + "\n"


def _wrapped(text: str, space: str, *, first: str | None = None, width: int = WIDTH) -> list[str]:
    begin = space if first is None else first
    # A word that is too long stays whole: it is a path, or a type.
    return textwrap.wrap(
        text, width, initial_indent=begin, subsequent_indent=space, break_long_words=False, break_on_hyphens=False
    )
