"""Graphs of calls that need results of others: the services that they ask, what a graph is, and how graphs are generated.
Knows neither how calls travel nor what is right.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import httpx
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from aioliferay import RawParams, Session
from aioliferay.testing import Array, Bean, FakePortal, JavaError, Long, LongObject, Name, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

VERSIONS = ("6.2", "7.0", "7.4")
LISTS = {"things": "thing", "grid": "thing", "holes": "thing", "texts": "text", "sites": "group"}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOST_ELEMENTS = 9  # for each of which a call runs


class Owner(Bean):
    id: Long
    name: str


class Thing(Bean):
    create_date: dt.datetime
    flag: bool
    id: Long
    ids: Annotated[Array[Long], Shown]
    name: str
    nothing: str | None
    number: int
    owner: Owner
    published: dt.datetime
    rate: float


def _thing(key: int, text: str, place: int = 0) -> Thing:
    thing, owner = Thing(), Owner()
    owner.id, owner.name = key + 1, f"öwner of {text}"
    thing.id = 1000 * (key + 1) + place
    thing.create_date = thing.published = _EPOCH + dt.timedelta(milliseconds=1330419334285 + thing.id)
    thing.flag, thing.number, thing.rate = bool(key % 2), key - 3, key + place / 4
    thing.name, thing.nothing, thing.owner = f"☃ {text}", None, owner
    thing.ids = Array([thing.id, key])
    return thing


def _refuse(text: str) -> None:
    message = f"No Thing exists with the key {text}"
    raise JavaError("com.liferay.portlet.thing.NoSuchThingException", message, is_not_found=True)


def _picky(key: int, text: str) -> Thing:
    """Refuse one of three, and who asks for nothing: of a list's elements some."""
    if text.startswith("None") or sum(map(ord, text)) % 3 == 0:
        _refuse(text)
    return _thing(key, text)


def _map(key: int, text: str) -> dict[str, object]:
    inner = {"größe": text, "数": key}
    result = {"id": key, "größe": f"gr {text}", "a b": key + 7, "数": text, "modifiedDate": _EPOCH, "inner": inner}
    return result | {"list": [1]}  # which no portal shows


_RESULTS: dict[str, Callable[[int, str], object]] = {
    "thing": _thing,
    "map": _map,
    "things": lambda key, text: [_thing(key, text, place) for place in range((key + len(text)) % 4)],
    "grid": lambda key, text: [[_thing(key, text, place) for place in range(count)] for count in (2, 0, 1)],
    "holes": lambda key, text: [_thing(key, text), None, _thing(key, text, 2)],
    "null": lambda _key, _text: None,
    "text": lambda _key, text: text,
    "number": lambda key, text: key + len(text),
    "texts": lambda key, text: [text, str(key)],
    "picky": _picky,
    "bad": lambda _key, text: _refuse(text),
}
_KINDS: dict[str, Any] = {
    "text": str | None,
    "number": LongObject,
    "whole": Long,
    "numbers": Array[LongObject] | None,
    "moment": dt.datetime | None,
    "flag": bool | None,
    "url": Annotated[str | None, Name("theURL")],
}


class Exchange(NamedTuple):
    """A request: its body, the keys of the calls in it, each as often as it is there, and the answer."""

    body: bytes
    keys: list[int]
    answer: bytes

    @property
    def is_refused(self) -> bool:
        """Whether the portal refused it."""
        return not self.answer.startswith(b"[")

    @property
    def has_nest(self) -> bool:
        """Whether calls are nested in it: each call has a literal parameter before those."""
        return b',"$' in self.body


class Portal:
    """A fake portal with services of our own, the requests that came over its wire, and a way to make it new again."""

    def __init__(self, version: str) -> None:
        self.fake = FakePortal(version, blog_entries=0)
        self.exchanges: list[Exchange] = []
        self._client = httpx.AsyncClient(transport=_Recorder(self))
        self._rows: dict[str, str] = {}  # what was written, by its id
        for verb in ("get", "add", "update", "fetch", "delete"):
            for shape, make in _RESULTS.items():
                for kind, annotation in _KINDS.items():
                    self._offer(f"/graph/{verb}-{shape}-of-{kind}", make, annotation)
        self._offer_state()
        store = self.fake._samples._store
        self._seed = {name: dict(rows) for name, rows in store._tables.items()}, store._next_id, store._now

    def _offer(self, path: str, make: Callable[[int, str], object], annotation: Any) -> None:
        is_write = "/get-" not in path

        def serve(key: int, value: object, more: str | None) -> object:
            text = f"{list(value) if isinstance(value, list) else value}|{more}"
            result = make(key, text)
            if is_write:
                self._rows[str(1000 * (key + 1))] = text
            return result

        serve.__annotations__ = {"key": int, "value": annotation, "more": str | None, "return": object}
        self.fake.service(path)(serve)

    def _offer_state(self) -> None:
        @self.fake.service("/graph/get-count")
        def count(key: int) -> dict[str, object]:
            return {"id": len(self._rows)}

        @self.fake.service("/graph/get-row")
        def row(key: int, value: str | None) -> dict[str, object]:
            if value not in self._rows:
                _refuse(str(value))
            return {"id": value, "name": self._rows[str(value)]}

    def reset(self) -> None:
        """Make it what it was before anything ran. A new one would cost 10 ms."""
        for seen in self._rows, self.exchanges, self.fake.requests, self.fake.executions:
            seen.clear()
        store = self.fake._samples._store
        tables, store._next_id, store._now = self._seed
        store._tables = {name: dict(rows) for name, rows in tables.items()}

    def session(self, **options: Any) -> Session:
        """Return a session for the administrator."""
        return Session(self.fake.url, auth=("test@liferay.com", "test"), http=self._client, **options)


class _Recorder(httpx.AsyncBaseTransport):
    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._inner = portal.fake.transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        keys = list(_keys(json.loads(request.content)))
        self._portal.exchanges.append(Exchange(request.content, keys, await response.aread()))
        return response


def _keys(value: Any) -> Iterator[int]:
    for name, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if name == "key":
            yield item
        else:
            yield from _keys(item)


class Ref(NamedTuple):
    """A property, `names` from the outside in, of the result of call `parent`, or of each of its elements."""

    parent: int
    names: tuple[str, ...]
    is_each: bool = False


class Service(NamedTuple):
    """A service: its path on 6.2, the shape of its result, kinds of parameters by name, whether it only reads, and whether
    its result tells of what was written before.
    """

    path: str
    shape: str
    parameters: Mapping[str, str]
    is_read: bool = True
    is_stateful: bool = False

    def path_on(self, version: str) -> str:
        """Return the path on a portal of that version."""
        if version == "6.2":
            return self.path
        return self.path.replace("/bookmarksfolder/", "/bookmarks.bookmarksfolder/").replace(
            "/journalfolder/", "/journal.journalfolder/"
        )

    @property
    def is_sample(self) -> bool:
        """Whether its results are Liferay's models."""
        return not self.path.startswith("/graph/")


@dataclass(frozen=True)
class Node:
    """One call of a graph. `select` may be "model", `returns` is a name in `RETURNS`."""

    service: Service
    arguments: Mapping[str, object]
    select: tuple[str, ...] | str | None = None
    returns: str = "any"
    idempotent: bool | None = None

    @property
    def refs(self) -> list[Ref]:
        """What it needs of other calls."""
        return [value for value in self.arguments.values() if isinstance(value, Ref)]

    def params(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return these values as parameters: names with full stops are Liferay's own language."""
        return RawParams(values) if any("." in name for name in self.service.parameters) else values

    @property
    def is_fan(self) -> bool:
        """Whether it runs for each element of a list."""
        return any(ref.is_each for ref in self.refs)

    @property
    def is_read(self) -> bool:
        """Whether the library may take it for one that only reads."""
        return self.service.is_read and self.idempotent is not False

    @property
    def is_repeatable(self) -> bool:
        """Whether it may run more than once."""
        return self.is_read or bool(self.idempotent)

    @property
    def is_untraced(self) -> bool:
        """Whether the portal's journal does not tell which call it was: samples know no key."""
        return self.service.is_sample and "description" not in self.arguments

    @property
    def selected(self) -> tuple[str, ...] | None:
        """The names that the caller selects."""
        return ("id", "name", "createDate") if self.select == "model" else self.select


@dataclass(frozen=True)
class Graph:
    """Calls, each after those that it needs, and the terms of their batch. `is_warm`: the session knows its portal."""

    nodes: tuple[Node, ...]
    version: str
    writes: str = "together"
    limits: tuple[tuple[str, int], ...] = ()
    is_warm: bool = False

    def listed(self, place: int) -> tuple[str, ...] | None:
        """Return what must be selected for the caller and for who needs a property; None for everything."""
        selected = self.nodes[place].selected
        if selected is None:
            return None
        wanted = [ref.names[0] for node in self.nodes for ref in node.refs if ref.parent == place]
        plain = [name for name in wanted if name.isascii() and name.isidentifier()]  # others cannot be selected
        return tuple(dict.fromkeys([*selected, *plain]))


class Model(BaseModel):
    id: int | None
    title: str | None = Field(alias="name")
    createDate: int | None  # noqa: N815 - the portal's name


RETURNS: dict[str, Any] = {
    "any": Any,
    "none": None,
    "int": int,
    "model": Model,
    "models": list[Model],
    "grid": list[list[Model]],
    "dict": dict[str, Any],
    "nullable": Model | None,
}
_THING = (
    *(
        "id",
        "name",
        "nothing",
        "number",
        "rate",
        "flag",
        "createDate",
        "published",
        "ids",
        "owner",
        "owner.id",
        "owner.name",
    ),
)
_NAMES: dict[str, tuple[str, ...]] = {
    "thing": _THING,
    "picky": _THING,
    "bad": _THING,
    "map": ("id", "größe", "a b", "数", "modifiedDate", "inner.größe", "inner.数", "list"),
    "null": ("id",),
    "text": ("empty", "id"),
    "number": ("id",),
    "count": ("id",),
    "row": ("id", "name"),
    "user": ("userId", "contactId", "companyId", "firstName", "emailAddress", "createDate", "lastLoginDate"),
    "contact": ("contactId", "classPK", "userId", "firstName", "male"),
    "group": ("groupId", "creatorUserId", "classPK", "companyId", "name", "site"),
    "folder": ("folderId", "name", "parentFolderId", "groupId", "userId", "userName"),
    "country": ("countryId", "name", "a2", "active"),
}
_BARREN = {"null", "text", "number", "texts", "holes", "bad"}  # who needs a property of these seldom gets it
_ODD = ("nope", "nope.id", "id.x", "2", "$1", "a]b", "a.b", "owner.nope", "nothing.x")
_FITTING: dict[str, tuple[str, ...]] = {
    "number": ("id", "number", "owner.id", "a b", "inner.数", "nothing"),
    "whole": ("id", "number", "owner.id", "a b", "inner.数"),
    "numbers": ("ids",),
    "moment": ("createDate", "modifiedDate", "lastLoginDate", "published"),
    "flag": ("flag", "male", "site", "active"),
    "user id": ("userId", "creatorUserId", "classPK"),
    "contact id": ("contactId",),
    "company id": ("companyId",),
    "group id": ("groupId",),
    "folder id": ("folderId", "parentFolderId"),
    "country id": ("countryId",),
}
_LITERALS: dict[str, tuple[object, ...]] = {
    "text": ("a", "ü☃", "", None, "x,y"),
    "url": ("/a", "/ü", None),
    "number": (5, 70, None),
    "whole": (5, 70),
    "numbers": ([1, 2], [], None),
    "moment": (0, 1330419334285),
    "flag": (True, False),
    "user id": (20199, 20514, 20199, 20514, 20159, 1),
    "contact id": (20200, 20515, 20200, 20515, 1),
    "company id": (20155,),
    "group id": (20182, 20201, 20516, 20182, 1),
    "folder id": (0, 0, 0, 7),
    "country id": (4, 19, 4, 19, 9999),
}


def _own(verb: str, shapes: Sequence[str], kinds: Sequence[str]) -> list[Service]:
    return [
        Service(
            f"/graph/{verb}-{shape}-of-{kind}",
            shape,
            {"theURL" if kind == "url" else "value": kind, "more": "text"},
            is_read=verb == "get",
        )
        for shape in shapes
        for kind in kinds
    ]


_STATE = [
    Service("/graph/get-count", "count", {}, is_stateful=True),
    Service("/graph/get-row", "row", {"value": "text"}, is_stateful=True),
]
_USERS = [
    Service("/user/get-user-by-id", "user", {"userId": "user id"}),
    Service("/contact/get-contact", "contact", {"contactId": "contact id"}),
    Service("/group/get-group", "group", {"groupId": "group id"}),
    Service("/group/get-user-group", "group", {"companyId": "company id", "userId": "user id"}),
]
_FOLDER = {"parentFolderId": "folder id", "name": "text", "description": "text"}
_IN_SITE = _FOLDER | {"serviceContext.scopeGroupId": "group id"}
_FOLDERS = [
    Service("/group/get-user-sites-groups", "sites", {}),
    Service("/country/get-country", "country", {"countryId": "country id"}),
    Service("/country/fetch-country", "country", {"countryId": "country id"}, is_read=False),
    Service("/bookmarksfolder/get-folder", "folder", {"folderId": "folder id"}, is_stateful=True),
    Service("/journalfolder/fetch-folder", "folder", {"folderId": "folder id"}, is_read=False, is_stateful=True),
    Service("/bookmarksfolder/add-folder", "folder", _IN_SITE, is_read=False, is_stateful=True),
    Service("/bookmarksfolder/add-folder", "folder", _FOLDER, is_read=False, is_stateful=True),
]
_ADDED = ("thing", "thing", "thing", "things", "map", "holes", "bad", "text", "null")
_ADDING = _own("add", _ADDED, ("text", "number", "url"))
_WRITES = [
    *_ADDING,
    *_own("update", ("thing", "bad", "null"), ("text",)),
    *_own("fetch", ("thing", "null", "map"), ("number",)),
    *_own("delete", ("null", "bad"), ("whole",)),
]
_READS = [
    *_own("get", ("thing", "thing", "things", "things", "map"), ("text", "number", "text", "whole")) * 8,
    *_own("get", tuple(_RESULTS), tuple(_KINDS)),
]
_SERVICES = {
    "mixed": [*_READS, *_WRITES, *_STATE * 3, *_USERS * 2, *_FOLDERS * 2],
    "reads": [*_READS, *_STATE, *_USERS, *_FOLDERS[:2]],
    "writes": [*_ADDING * 3, *_WRITES, *_READS[:5], *_STATE * 3],
    "models": [*_USERS * 4, *_FOLDERS * 2, *_FOLDERS[-2:] * 4],
}
_PLAIN: list[dict[str, Any]] = [
    *[{}] * 10,
    {"select": ("flag", "nope")},
    {"select": "model", "returns": "model"},
    {"select": "model", "returns": "models"},
    *[{"returns": returns} for returns in RETURNS],
    {"idempotent": True},
    {"idempotent": False},
]
_SELECTED = ("companyId", "groupId")  # on 6.2, the second is a name that only a white-list shows of a user
_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "mixed": [*_PLAIN, *[{"select": ("id", "name")}] * 3, {"select": ("userId", "name")}],
    "reads": [*_PLAIN, *[{"select": ("id", "name")}] * 3],
    "writes": [*_PLAIN[10:], *[{}] * 3, *[{"select": ("id", "name")}] * 12, {"select": ("id",), "idempotent": False}],
    "models": [*[{}] * 8, *[{"select": ("companyId", "groupId")}] * 4, *[{"select": ("userId",)}] * 2, {"idempotent": True}],
}
_SOURCES = ("literal", "last", "last", "last", "last", "last", "before", "before", "any", "any", "any", "odd", "odd")
_TERMS: list[dict[str, Any]] = [
    *[{}] * 6,
    {"is_warm": True},
    {"writes": "alone"},
    {"limits": (("max_calls", 2),)},
    {"limits": (("max_calls", 4), ("max_nested", 2))},
    {"limits": (("max_bytes", 300),)},
    {"limits": (("max_nested", 0),)},
]


@lru_cache
def _choice(shape: str, kind: str, *, is_odd: bool) -> tuple[tuple[str, ...], ...]:
    """Return names of properties for a parameter of that kind: most fit, some do not, a few are not there."""
    known = _NAMES[LISTS.get(shape, shape)]
    fitting = [name for name in known if name in _FITTING.get(kind, known)]
    names = (*known, *_ODD) if is_odd else (*fitting * (24 // max(len(fitting), 1)), *known[:3], _ODD[0])
    return tuple(tuple(name.split(".")) if name != "a.b" else (name,) for name in names)


@dataclass
class _Draft:
    """A graph that is being generated: its calls so far, and of how many elements their results are at most."""

    draw: Any
    nodes: list[Node]
    widths: list[int]

    def add(self, service: Service, options: dict[str, Any]) -> None:
        arguments: dict[str, object] = {"key": len(self.nodes)}
        for name, kind in service.parameters.items():
            is_zipped = any(isinstance(value, Ref) and value.is_each for value in arguments.values())
            is_left_out = name == "more" and self.draw(st.integers(0, 1 if is_zipped else 3)) > 0
            arguments[name] = None if is_left_out else self._argument(kind)
        if "description" in arguments:
            arguments["description"] = f"key {len(self.nodes)}"
        node = Node(service, arguments, **options)
        self.nodes.append(node)
        base = max([self.widths[ref.parent] for ref in node.refs if ref.is_each], default=1)
        self.widths.append(base * 3 if service.shape in LISTS else base)

    def _argument(self, kind: str) -> object:
        if not self.nodes:
            return self.draw(st.sampled_from(_LITERALS[kind]))
        source = self.draw(st.sampled_from(_SOURCES))
        parent = len(self.nodes) - 1
        if source == "before":
            parent = max(parent - 1, 0)
        elif source == "any":
            parent = self.draw(st.integers(0, parent))
        if source != "odd" and self.nodes[parent].service.shape in _BARREN:
            parent = next((place for place, node in enumerate(self.nodes) if node.service.shape not in _BARREN), parent)
        node = self.nodes[parent]
        if source == "literal" or self.widths[parent] > _MOST_ELEMENTS:
            return self.draw(st.sampled_from(_LITERALS[kind]))
        choice = _choice(node.service.shape, kind, is_odd=source == "odd")
        if node.select and node.service.is_sample:
            # Where a getter fails, the library asks for full results instead: these have no null for an unknown name.
            choice = tuple(names for names in choice if ".".join(names) not in _ODD)
        names = self.draw(st.sampled_from(choice))
        is_list = node.service.shape in LISTS
        is_each = node.is_fan or is_list is not (source == "odd" and self.draw(st.booleans()))
        return Ref(parent, names, is_each)


@st.composite
def graphs(draw: Any) -> Graph:
    """Generate a graph of 1 to 7 calls."""
    draft = _Draft(draw, [], [])
    about = draw(st.sampled_from(list(_SERVICES)))
    for _ in range(draw(st.sampled_from((1, 2, 3, 3, 4, 4, 5, 6, 7)))):
        draft.add(draw(st.sampled_from(_SERVICES[about])), draw(st.sampled_from(_OPTIONS[about])))
    return _sound(Graph(tuple(draft.nodes), draw(st.sampled_from(VERSIONS)), **draw(st.sampled_from(_TERMS))))


def _sound(graph: Graph) -> Graph:
    """Return the graph without what no client can make right: a write in a write, where one of the two answers a list.

    The portal runs the inner one for each element of what the outer one answers, and 7.x shows no list that is nested.
    """
    nodes = list(graph.nodes)
    for node in graph.nodes:
        for parent in () if node.is_read else {ref.parent for ref in node.refs}:
            if {node.service.shape, nodes[parent].service.shape} & LISTS.keys() and not nodes[parent].is_read:
                nodes[parent] = replace(nodes[parent], select=None)
    return replace(graph, nodes=tuple(nodes))
