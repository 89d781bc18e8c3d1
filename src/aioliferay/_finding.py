"""What a pattern means in a catalog: services, methods, or the names nearest to it. Shows nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioliferay._core.catalog import Action, Catalog

_ADDRESS: Final = re.compile(r"^(https?://[^/]+)?/api/(secure/)?jsonws(?=/)")
_NONE, _PART, _WHOLE = range(3)
_CLOSE: Final = 0.74


class Method(NamedTuple):
    """One method of a service: a path, and its overloads, one at least."""

    overloads: tuple[Action, ...]

    @property
    def name(self) -> str:
        """Its name for people: `blogsentry.get_entry`."""
        return f"{self.overloads[0].service}.{self.overloads[0].python_name}"

    @property
    def path(self) -> str:
        """Its path, such as `/blogsentry/get-entry`."""
        return self.overloads[0].path

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return all(action.is_read for action in self.overloads)


@dataclass(frozen=True)
class Found:
    """What a pattern means.

    Attributes:
        services: methods of each service that is meant, by its name.
        methods: methods meant besides, of services that are not.
        more: names that only contain the pattern, left out where others are called exactly so.
    """

    services: dict[str, list[Method]]
    methods: list[Method]
    more: int = 0


def find(catalog: Catalog, pattern: str | None) -> Found:
    """Return what a pattern means, all services without one. Names that it is, or else those that contain it.

    Capitals do not matter, nor does the spelling: `get_entry`, `get-entry`, `getEntry`, `BlogsEntry`, `BlogsEntryService`,
    `blogsentry.get_entry`, `/blogsentry/get-entry`; the context may be left out. `*` and `?` stand for any text and letter.
    """
    services = {
        name: sorted(map(Method, methods.values()), key=lambda method: method.path)
        for name, methods in sorted(catalog.services.items())
    }
    if pattern is None:
        return Found(services, [])
    found = Found({}, [])
    for key in _readings(pattern):
        found = _found(services, key)
        if found.services or found.methods:
            break
    return found


def _found(services: dict[str, list[Method]], key: str) -> Found:
    grades = {name: _grade(key, _names_of_service(name)) for name in services}
    of_methods = {
        method: _grade(key, _names_of_method(method, is_qualified="." in key))
        for name in services
        for method in services[name]
    }
    best = max([*grades.values(), *of_methods.values()], default=_NONE)
    if best == _NONE:
        return Found({}, [])
    meant = {name: services[name] for name in services if grades[name] == best}
    methods = [method for method in of_methods if of_methods[method] == best and method.overloads[0].service not in meant]
    shown = {method for each in meant.values() for method in each}.union(methods)
    more = sum(grades[name] == _PART for name in services if name not in meant)
    more += sum(of_methods[method] == _PART for method in of_methods if method not in shown)
    return Found(meant, methods, more if best == _WHOLE else 0)


def nearest(catalog: Catalog, pattern: str, count: int = 4) -> list[str]:
    """Return names of services and methods that were probably meant, the nearest first."""
    key = next(iter(_readings(pattern))).replace("*", "").replace("?", "")
    is_qualified = "." in key
    scores: dict[str, float] = {}
    for name, methods in sorted(catalog.services.items()):
        scores[name] = _likeness(key, _names_of_service(name))
        for method in map(Method, methods.values()):
            told = method.name if is_qualified else method.overloads[0].python_name
            score = _likeness(key, _names_of_method(method, is_qualified=is_qualified))
            scores[told] = max(score, scores.get(told, 0.0))
    close = sorted((name for name in scores if scores[name] >= _CLOSE), key=lambda name: (-scores[name], name))
    return close[:count]


def services_like(catalog: Catalog, glob: str) -> list[str]:
    """Return the services whose whole name a glob means: `blogs*`, `blogs.blogsentry`, `blogsentry`, `BlogsEntryService`."""
    for key in _readings(glob):
        if like := [name for name in sorted(catalog.services) if _is_like(key, _names_of_service(name))]:
            return like
    return []


@lru_cache(maxsize=16384)
def _key(name: str) -> str:
    """Return a name as names are compared: without capitals, dashes and underscores, and with dots between its parts."""
    bare = _ADDRESS.sub("", name.strip()).lower().strip("/")
    return re.sub(r"[-_\s]+", "", bare).replace("/", ".").replace("#", ".")


def _readings(pattern: str) -> Iterator[str]:
    """Return the keys that a pattern may mean, the likelier first."""
    key = _key(pattern)
    yield key
    without = re.sub(r"(?<=[^.])service(?=\.|$)", "", key)
    if without != key:
        yield without


def _names_of_service(name: str) -> tuple[str, ...]:
    return _key(name), _key(name.rpartition(".")[2])


def _names_of_method(method: Method, *, is_qualified: bool) -> tuple[str, ...]:
    _, service, name = method.path.split("/")
    if not is_qualified:
        return (_key(name),)
    return _key(method.path), f"{_key(service.rpartition('.')[2])}.{_key(name)}"


def _grade(key: str, names: tuple[str, ...]) -> int:
    if "*" in key or "?" in key:
        return _PART if _is_like(key, names) else _NONE
    if key in names:
        return _WHOLE
    return _PART if any(key in name for name in names) else _NONE


def _is_like(key: str, names: tuple[str, ...]) -> bool:
    pattern = _compiled(key)
    return any(pattern.fullmatch(name) for name in names)


@lru_cache
def _compiled(key: str) -> re.Pattern[str]:
    return re.compile(re.escape(key).replace(r"\*", ".*").replace(r"\?", "."))


def _likeness(key: str, names: tuple[str, ...]) -> float:
    """Return how like the key is to one of the names, or to its beginning, from 0 to 1."""
    best = 0.0
    for name in names:
        matcher = SequenceMatcher(None, name, key)
        best = max(best, matcher.ratio() if matcher.quick_ratio() > best else 0.0)
        matcher.set_seq1(name[: len(key)])
        best = max(best, 0.95 * matcher.ratio())
    return best
