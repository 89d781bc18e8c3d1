"""Reads JSON as flexjson (6.2, loose) and jodd (7.x, strict) do, and writes results in both dialects."""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NoReturn, cast

from aioliferay.testing._java import (
    Array,
    Bean,
    JavaLong,
    JavaMap,
    Model,
    Version,
    as_java,
    epoch_milliseconds,
    getters_of,
    java_type,
)
from aioliferay.testing._text import hash_order, java_double

DEEPEST = 3000  # two for each level
BARE_WORD = re.compile(r'[^\x00-\x1f,:\]}/\\"\[{;=#]*')
BLANKS = "".join(map(chr, range(1, 33)))
NUMBER_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![^\[,:\x00-\x20])[-0-9][^,\]}\x00-\x20]*', re.DOTALL)
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
LONG_LIMIT = 1 << 63

_Reading = Generator["_Reading", object, object]


class JsonError(Exception):
    """Text that is no JSON to the portal's parser; `text` is the parser's message, `java_class` what 7.x's throws."""

    def __init__(self, text: str, *, java_class: str = "jodd.json.JsonException") -> None:
        super().__init__(text)
        self.text = text
        self.java_class = java_class


class StackOverflow(Exception):  # noqa: N818 # Java's name for it
    """Nested too deeply for the portal's parser: the server answers 500 with a page of its own."""


def parse(text: str, version: Version) -> object:
    """The value of a JSON text: 6.2 ignores what follows it, 7.x does not.

    Raises `JsonError`, and `StackOverflow` from about 1,500 levels on.
    """
    return LooseParser(text).value() if version == "6.2" else _strict(text)


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"Syntax error! Invalid char: {name}")


def _strict(text: str) -> object:
    try:
        plain = NUMBER_OR_STRING.sub(_plain_number, text)
        return json.loads(plain, parse_constant=_refuse_constant, strict=False)
    except json.JSONDecodeError as error:
        raise JsonError(f"Syntax error! {error.msg}\noffset: {error.pos}") from error
    except RecursionError as error:
        raise StackOverflow from error
    except ValueError as error:
        raise JsonError("Syntax error! Invalid number") from error


def _plain_number(match: re.Match[str]) -> str:
    """A number as JSON has it: jodd reads zeros in front, and of `2.5` and `25e-1` only the first as a fraction."""
    word = match.group()
    if word[0] == '"' or word in {"NaN", "Infinity"}:
        return word
    is_whole = re.fullmatch(r"-?\d+", word, re.ASCII)
    if not is_whole and not re.fullmatch(r"-?\d+(\.\d*)?([eE][+-]?\d+)?", word, re.ASCII):
        raise JsonError(f'For input string: "{word}"', java_class="java.lang.NumberFormatException")
    if is_whole:
        return re.sub("^(-?)0+(?=[0-9])", r"\1", word)
    number = float(word)
    if "." in word:
        return repr(number)
    return str(int(min(max(number, -LONG_LIMIT), LONG_LIMIT - 1)))


class LooseParser:
    """flexjson's tokener: both kinds of quotes, bare words as strings, `;` as comma, `=` as colon, octal numbers.

    Objects and arrays are generators on a stack of their own, for the portal reads a thousand levels.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._index = 0

    def value(self) -> object:
        """The first value; whatever follows is not looked at."""
        stack: list[_Reading] = [self._value()]
        result: object = None
        while stack:
            if len(stack) > DEEPEST:
                raise StackOverflow
            try:
                deeper = stack[-1].send(result)
            except StopIteration as done:
                stack.pop()
                result = done.value
            else:
                stack.append(deeper)
                result = None
        return result

    def _value(self) -> _Reading:
        char = self._clean()
        if char == "{":
            return (yield self._object())
        if char == "[":
            return (yield self._array())
        if char in ("'", '"'):
            return self._string(char)
        self._back(char)
        return self._bare()

    def _object(self) -> _Reading:
        entries: dict[str, object] = {}
        while (char := self._clean()) != "}":
            if char not in ("'", '"'):
                raise self._error("A JSONObject text must end with '}'" if not char else "Expected a quoted key")
            key = self._string(char)
            if (char := self._clean()) not in (":", "="):
                raise self._error("Expected a ':' after a key")
            if char == "=" and (char := self._next()) != ">":
                self._back(char)
            value = yield self._value()
            if key in entries:
                raise JsonError(f'Duplicate key "{key}"')
            entries[key] = value
            if not self._is_continued("}"):
                break
        return entries

    def _array(self) -> _Reading:
        items: list[object] = []
        while (char := self._clean()) != "]":
            self._back(char)
            items.append(None if char == "," else (yield self._value()))
            if not self._is_continued("]"):
                break
        return items

    def _is_continued(self, end: str) -> bool:
        """Pass a separator; False if the end came instead."""
        char = self._clean()
        if char not in (",", ";", end) or not char:
            raise self._error(f"Expected a ',' or '{end}'")
        return char != end

    def _string(self, quote: str) -> str:
        parts: list[str] = []
        plain = re.compile(rf"[^{quote}\\\n\r\0]*")
        while True:
            run = cast("re.Match[str]", plain.match(self._text, self._place)).group()
            self._place += len(run)
            self._index += len(run)
            parts.append(run)
            char = self._next()
            if char == quote:
                return "".join(parts)
            if char != "\\":
                raise self._error("Unterminated string")
            parts.append(self._escape())

    def _escape(self) -> str:
        char = self._next()
        digits = {"u": 4, "x": 2}.get(char)
        if digits is None:
            return ESCAPES.get(char, char)
        code = self._text[self._place : self._place + digits]
        self._place += digits
        self._index += digits
        if not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", code):
            raise JsonError(f'For input string: "{code}"')
        if re.fullmatch("[dD][89abAB]..", code) and re.match(r"\\u[dD][c-fC-F]", self._text[self._place :][:4]):
            low = self._text[self._place + 2 : self._place + 6]
            self._place += 6
            self._index += 6
            return bytes.fromhex(code + low).decode("utf-16-be", "surrogatepass")
        return chr(int(code, 16))

    def _bare(self) -> object:
        word = cast("re.Match[str]", BARE_WORD.match(self._text, self._place)).group()
        self._place += len(word)
        self._index += len(word)
        self._back(self._next())
        word = word.strip(BLANKS)
        if not word:
            raise self._error("Missing value")
        constants = {"true": True, "false": False, "null": None}
        if word.lower() in constants:
            return constants[word.lower()]
        return _number(word) if word[0] in "0123456789-" else word

    def _clean(self) -> str:
        while (char := self._next()) and char <= " ":
            pass
        return char

    def _next(self) -> str:
        char = self._text[self._place : self._place + 1].replace("\0", "")
        self._place += len(char)
        self._index += len(char)
        return char

    def _back(self, char: str) -> None:
        """Step back; at the end of the text only the count goes back, which shows in error texts."""
        self._place -= len(char)
        self._index -= 1

    def _error(self, text: str) -> JsonError:
        return JsonError(f"{text} at character {self._index}")


def _number(word: str) -> object:
    if re.fullmatch(r"-?\d+", word, re.ASCII):
        is_octal = len(word) > 1 and word[0] == "0"
        if is_octal and not re.fullmatch("[0-7]+", word):
            raise JsonError(f'For input string: "{word}"')
        number = int(word, 8 if is_octal else 10) if len(word) < 50 else LONG_LIMIT  # far too long
        if not -LONG_LIMIT <= number < LONG_LIMIT:
            raise JsonError(f'For input string: "{word}"')
        return number
    if re.fullmatch(r"-?\d+(\.\d*)?([eE][+-]?\d+)?", word, re.ASCII):
        return float(word)
    raise JsonError(f'For input string: "{word}"')


class JsonWriter:
    """Writes a result; `includes` are the paths of collections that are shown although serialisation is shallow."""

    def __init__(self, version: Version, includes: Iterable[tuple[str, ...]] = ()) -> None:
        self._version = version
        self._seen: set[tuple[str, ...]] = set()
        self._includes = {path[:end] for path in includes for end in range(1, len(path) + 1)}

    def write(self, value: object, path: tuple[str, ...] = ()) -> str:
        """The JSON text. Raises TypeError for what no Java service could return."""
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, enum.Enum | str):
            return self._text(value.name if isinstance(value, enum.Enum) else value)
        if isinstance(value, int):
            return self._whole(value)
        if isinstance(value, float):
            return java_double(value) if math.isfinite(value) else "null"
        if isinstance(value, datetime):
            return str(epoch_milliseconds(value))
        return self._composite(value, path)

    def _composite(self, value: object, path: tuple[str, ...]) -> str:
        if isinstance(value, Array) and value.component.is_primitive:
            items = cast("Iterable[object]", value)
            return f"[{','.join(str(i) if type(i) is JavaLong else self.write(i, path) for i in items)}]"
        if isinstance(value, list):
            return f"[{','.join(self.write(item, path) for item in cast('list[object]', value))}]"
        if isinstance(value, Mapping):
            return self._object(self._map_entries(cast("Mapping[str, object]", value), path), path)
        if isinstance(value, Bean):
            return self._object(self._bean_entries(value, path), path)
        if isinstance(value, bytes | tuple):
            return self.write(as_java(cast("object", value), java_type(list[object])), path)
        raise TypeError(f"a service returned {value!r}, which has no JSON form")

    def _object(self, entries: Iterable[tuple[str, object]], path: tuple[str, ...]) -> str:
        return f"{{{','.join(f'{self._text(key)}:{self.write(item, (*path, key))}' for key, item in entries)}}}"

    def _map_entries(self, entries: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
        keys: Iterable[str] = entries
        if isinstance(entries, JavaMap) and entries.is_hash:
            keys = hash_order(entries, entries.capacity)
        for key in keys:
            is_hidden = self._version == "6.2" and key == "class"
            is_list = isinstance(entries[key], list | tuple | bytes)
            if not is_hidden and not (is_list and (*path, key) not in self._includes):
                yield key, entries[key]

    def _bean_entries(self, bean: Bean, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
        getters = getters_of(bean)
        if self._version == "6.2" and isinstance(bean, Model):
            # What one model shows at a path, 6.2 shows of each later one that has it, hidden or not.
            self._seen.update((*path, getter.name) for getter in getters if getter.is_plain)
        for getter in getters:
            is_hidden = not getter.is_plain and (*path, getter.name) not in self._seen
            if is_hidden or getter.is_excluded:
                continue
            value = getter.read()
            is_shown = getter.is_marked or (*path, getter.name) in self._includes
            if is_shown or not isinstance(value, list | tuple | bytes | Mapping):
                yield getter.name, value

    def _whole(self, number: int) -> str:
        is_long = isinstance(number, JavaLong) or not -(2**31) <= number < 2**31
        return f'"{int(number)}"' if is_long and self._version != "6.2" else str(int(number))

    def _text(self, text: str) -> str:
        escaped = json.dumps(text, ensure_ascii=False)
        escaped = re.sub(r"\\u00[01][0-9a-f]|\x7f", _upper_case, escaped)
        return escaped if self._version == "6.2" else escaped.replace("/", "\\/")


def _upper_case(match: re.Match[str]) -> str:
    return match.group().upper().replace("\\U", "\\u") if len(match.group()) > 1 else "\\u007F"
