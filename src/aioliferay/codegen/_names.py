"""How classes and modules of services are called: `dlapp` is `DLAppService`. Knows words from catalogs, few by itself."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from aioliferay.codegen._types import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aioliferay._core.catalog import Catalog

_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_ACRONYMS: Final = frozenset({"api", "erc", "id", "ip", "jsonws", "seo", "uri", "url", "uuid"})
_WORDS: Final = frozenset({"block", "manager"})  # in names of Liferay's services, and nowhere else in its catalogs
_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_VOWEL: Final = re.compile(r"[aeiouy\d]")


class Capitals:
    """How the names of services are written, as far as catalogs tell: in lower case one word looks like two.

    Args:
        catalogs: where they write a class differently, the first has the say.
    """

    def __init__(self, catalogs: Sequence[Catalog]) -> None:
        self._classes: dict[str, str] = {}
        self._parameters: dict[str, set[str]] = defaultdict(set)
        self._methods: dict[str, set[str]] = defaultdict(set)
        self._contexts = {context for catalog in catalogs for context in catalog.contexts}
        for catalog in catalogs:
            for name in sorted(_classes_of(catalog)):
                self._classes.setdefault(name.lower(), name)
            for action in catalog.actions:
                simple = action.service.rpartition(".")[2]
                self._methods[simple].add(action.path.rpartition("/")[2])
                self._parameters[simple].update(parameter.name for parameter in action.parameters)
        self._acronyms = _ACRONYMS | {word.lower() for word in self._words() if len(word) > 1 and word.isupper()}
        self._known = self._acronyms | _WORDS | {word.lower() for word in self._words() if len(word) > 2}

    def entity(self, service: str) -> str:
        """Return the entity of a service: `BlogsEntry` of `blogs.blogsentry`."""
        simple = service.rpartition(".")[2].lower()
        if simple in self._classes:
            return self._classes[simple]
        words = self._in_parameters(simple) or self._in_methods(simple) or self._segmented(simple) or [simple]
        name = "".join(self._written(part) for word in words for part in re.split(r"[^a-z0-9]", word, flags=re.IGNORECASE))
        return name if name[:1].isalpha() else f"X{name}"

    def _words(self) -> Iterator[str]:
        names = [*self._classes.values(), *(name for names in self._parameters.values() for name in names)]
        yield from (word for name in names for word in _WORD.findall(name))
        yield from (word for context in self._contexts for word in re.split(r"[^A-Za-z]+", context))
        yield from (word for methods in self._methods.values() for method in methods for word in method.split("-"))

    def _written(self, word: str) -> str:
        is_acronym = word.lower() in self._acronyms or (len(word) > 1 and not _VOWEL.search(word.lower()))
        return word.upper() if is_acronym else word[:1].upper() + word[1:]

    def _in_parameters(self, simple: str) -> list[str]:
        """Find `commercebomentry` in `commerceBOMEntryId`, as words; where it is written with the most capitals."""
        found: list[str] = []
        for name in self._parameters[simple]:
            begin = name.lower().find(simple)
            end = begin + len(simple)
            if begin >= 0 and (begin == 0 or name[begin].isupper()) and not name[end : end + 1].islower():
                found.append(name[begin:end])
        best = min(found, key=lambda name: (-sum(letter.isupper() for letter in name), name), default="")
        return _WORD.findall(best)

    def _in_methods(self, simple: str) -> list[str]:
        """Find `commerceorderitem` in `get-commerce-order-items`, as words."""
        forms = {simple, f"{simple}s", f"{simple.removesuffix('y')}ies"}
        for method in sorted(self._methods[simple]):
            words = method.split("-")
            for begin in range(len(words)):
                for end in range(len(words), begin, -1):
                    if "".join(words[begin:end]) in forms:
                        return _lengths(simple, words[begin:end])
        return []

    def _segmented(self, simple: str) -> list[str]:
        """Split into the fewest words that are known, the longest first; into none if that cannot be done."""
        best: list[list[str] | None] = [None] * len(simple) + [[]]
        for begin in range(len(simple) - 1, -1, -1):
            for end in range(len(simple), begin, -1):
                rest = best[end]
                if rest is not None and simple[begin:end] in self._known:
                    shortest = best[begin]
                    if shortest is None or len(rest) + 1 < len(shortest):
                        best[begin] = [simple[begin:end], *rest]
        return best[0] or []


def _lengths(text: str, words: Iterable[str]) -> list[str]:
    """Split a text into words as long as these; the last may be shorter, or longer."""
    parts: list[str] = []
    for word in words:
        parts.append(text[: len(word)])
        text = text[len(word) :]
    return parts if not text else [*parts[:-1], parts[-1] + text]


def _classes_of(catalog: Catalog) -> set[str]:
    """Return the simple names of the Java classes that a catalog names."""
    types = {parameter.type for action in catalog.actions for parameter in action.parameters}
    types |= {action.returns for action in catalog.actions} | {each.name for each in catalog.types}
    full = {name for kind in types for name in names_of(kind)}
    services = {action.name.partition("#")[0] for action in catalog.actions if action.name}
    simple = {re.split(r"[.$]", name)[-1] for name in full | services}
    return {name for name in simple if _IDENTIFIER.fullmatch(name)}


def class_names(services: Iterable[str], capitals: Capitals) -> dict[str, str]:
    """Return the name of a class for each service: where two are of the same name, the later has its context's in front."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for service in sorted(services, key=lambda each: (each.rpartition(".")[0], each)):
        entity = capitals.entity(service)
        context = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", service.rpartition(".")[0]))
        names[service] = _free([f"{entity}Service", f"{context}{entity}Service"], taken)
    return names


def module_names(services: Iterable[str]) -> dict[str, str]:
    """Return the name of a module for each service, such as `_blogs_blogsentry`."""
    taken: set[str] = set()
    return {each: _free([f"_{re.sub(r'[^A-Za-z0-9_]', '_', each).strip('_').lower()}"], taken) for each in sorted(services)}


def _free(wished: list[str], taken: set[str]) -> str:
    """Return the first name that is not taken, whatever its case, or one with a number behind."""
    numbered = (f"{wished[-1]}{number}" for number in range(2, 10_000))
    name = next(name for each in (wished, numbered) for name in each if name.lower() not in taken)
    taken.add(name.lower())
    return name
