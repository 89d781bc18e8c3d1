"""The jobs of `aioliferay demo`: the same work in one batch and one by one, counted and timed. Knows what to call, and how
to leave nothing behind; does not know the command line.
"""

from __future__ import annotations

import time
import uuid
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
import anyio.lowlevel
from pydantic import BaseModel, Field

from aioliferay import (
    BatchSession,
    Call,
    Failed,
    LiferayError,
    NotFoundError,
    NotRun,
    NotSent,
    Ok,
    ServerError,
    Session,
)
from aioliferay.observe import ExchangeEvent, ExchangeStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

LOOKS: tuple[float, ...] = (0.0, 0.5, 1.5, 4.0)
"""Seconds before each look for folders that may be left: a portal works on after its client has gone."""

_EACH: Final = 10
GUEST_SITE: Final = 20182
_APPROVED: Final = 0
_TOP: Final = 0
_ANSWER_SECONDS: Final = 5.0
_CLEANUP_SECONDS: Final = 60.0
_CLEANUP_CALL_SECONDS: Final = 10.0
_DELETE_ENTRY: Final = "/blogsentry/delete-entry"
_ADD_FOLDER: Final = "/bookmarksfolder/add-folder"
_DELETE_FOLDER: Final = "/bookmarksfolder/delete-folder"


class DemoError(Exception):
    """The demo cannot do its work, or its check failed; the text says why."""


class Screen(Protocol):
    """Where the demo writes."""

    def say(self, text: str = "", *, style: str = "") -> None:
        """Write a line of the demo's result."""

    def warn(self, text: str) -> None:
        """Write a line that is not part of the result."""


class Interruption:
    """The wish to stop. Reads stop at once; a write in flight has five seconds to bring its answer, so that it is known."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.job = anyio.CancelScope()
        self._write: anyio.CancelScope | None = None

    def stop(self, signal_number: int) -> None:
        """Ask for the end. Asking again changes nothing: cleaning up takes the time it takes."""
        if self.signal is not None:
            return
        self.signal = signal_number
        self.job.cancel()
        if self._write is not None:
            self._write.deadline = anyio.current_time() + _ANSWER_SECONDS

    @asynccontextmanager
    async def finished(self) -> AsyncGenerator[None]:
        """Let the block's write come to its end before the interruption takes effect."""
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._write = anyio.CancelScope(shield=True)
        try:
            with self._write:
                yield
        finally:
            self._write = None
        await anyio.lowlevel.checkpoint_if_cancelled()


@dataclass(slots=True)
class Way:
    """One way to do the work, and what it took: calls, HTTP requests, and seconds in all."""

    name: str
    calls: int
    requests: int = 0
    seconds: float = 0.0


class Meter:
    """Counts the HTTP requests of a session, as a hook of it."""

    def __init__(self) -> None:
        self.requests = 0

    def on_event(self, event: ExchangeEvent, /) -> None:
        """Count a request that leaves."""
        self.requests += isinstance(event, ExchangeStarted)

    @contextmanager
    def measured(self, way: Way) -> Generator[None]:
        """Add what the block takes to `way`."""
        requests, started = self.requests, time.perf_counter()
        yield
        way.seconds += time.perf_counter() - started
        way.requests += self.requests - requests


class Entry(BaseModel):
    """What the demo reads of a blog entry."""

    entry_id: int = Field(alias="entryId")


class _User(BaseModel):
    user_id: int = Field(alias="userId")


class _Site(BaseModel):
    group_id: int = Field(alias="groupId")
    class_pk: int = Field(alias="classPK")
    is_site: bool = Field(alias="site")


class Folder(BaseModel):
    """What the demo reads of a bookmarks folder."""

    folder_id: int = Field(alias="folderId")
    name: str


async def delete_entries(session: Session, meter: Meter, screen: Screen) -> None:
    """Delete ten blog entries in one batch and ten one by one, in the site of a fresh portal.

    Raises:
        LiferayError: a call failed.
        DemoError: the portal does not have the entries that it should.
    """
    which = {"groupId": GUEST_SITE, "status": _APPROVED}
    async with session.batch() as reads:
        before = reads.call("/blogsentry/get-group-entries-count", which, returns=int)
        window = {**which, "start": 0, "end": 2 * _EACH}
        entries = reads.call("/blogsentry/get-group-entries", window, select=["entryId"], returns=list[Entry])
    ids = [entry.entry_id for entry in entries.result()]
    _check("blog entries to delete", due=2 * _EACH, found=len(ids))
    batched = await _delete_together(session, meter, screen, ids[:_EACH])
    single = await _delete_one_by_one(session, meter, screen, ids[_EACH:])
    after = await session.call("/blogsentry/get-group-entries-count", which, returns=int)
    _check("blog entries left", due=before.result() - 2 * _EACH, found=after)
    _compare(batched, single, screen)
    screen.say(f"Checked: the portal had {before.result()} blog entries before and has {after} now.")


async def _delete_together(session: Session, meter: Meter, screen: Screen, ids: list[int]) -> Way:
    way = Way("in one batch", calls=len(ids))
    screen.say("Ten blog entries deleted in one batch", style="bold")
    with meter.measured(way):
        async with session.batch() as batch:
            calls = [batch.call(_DELETE_ENTRY, {"entryId": entry_id}, returns=None) for entry_id in ids]
    for number, call in enumerate(calls):
        _show(screen, number, call, f"entryId={ids[number]}")
    _conclude(way, screen)
    return way


async def _delete_one_by_one(session: Session, meter: Meter, screen: Screen, ids: list[int]) -> Way:
    way = Way("one by one", calls=len(ids))
    screen.say("Ten others deleted one by one", style="bold")
    for number, entry_id in enumerate(ids):
        with meter.measured(way):
            call = session.call(_DELETE_ENTRY, {"entryId": entry_id}, returns=None)
            await call
        _show(screen, number, call, f"entryId={entry_id}")
    _conclude(way, screen)
    return way


@dataclass(frozen=True, slots=True)
class Visit:
    """Who calls and where: the portal's build number, the user's id, the id of the site to work in."""

    build: int
    user_id: int
    site: int


async def arrive(session: Session, site: int | None) -> Visit:
    """Ask the portal who calls, and find the user's own site if none is given.

    Raises:
        LiferayError: a call failed.
        DemoError: it is not a Liferay 6.2, or the user has no site of their own.
    """
    build = await session.call("/portal/get-build-number", returns=int)
    if not 6200 <= build < 7000:
        raise DemoError(f"the portal's build number is {build}; the demo needs a Liferay 6.2, whose is 62..")
    async with session.batch() as batch:
        me = batch.call("/user/get-current-user", select=["userId"], returns=_User)
        places = batch.call("/group/get-user-sites", select=["groupId", "classPK", "site"], returns=list[_Site])
    user_id = me.result().user_id
    if site is None:
        own = (place.group_id for place in places.result() if place.class_pk == user_id and not place.is_site)
        site = next(own, None)
    if site is None:
        raise DemoError("the user has no site of their own on this portal: name a site by its id with --site")
    return Visit(build, user_id, site)


class Folders:
    """The bookmarks folders of one run; knows which of them may still be there, also where an answer never came."""

    def __init__(self, session: Session, site: int) -> None:
        self.session = session
        self.mark = f"aioliferay demo {uuid.uuid4().hex[:8]}"  # no other folder has a name that begins so
        self._site = site
        self._adds: dict[str, Call[Any]] = {}
        self._gone: set[str] = set()

    def add(self, door: Session | BatchSession, number: int) -> tuple[str, Call[Folder]]:
        """Ask for the run's folder of that number, through a session or a batch; return its name and the call."""
        name = f"{self.mark} {number:02}"
        # Without scopeGroupId the portal puts it into the Guest site and says nothing.
        params = {"parentFolderId": _TOP, "name": name, "description": "", "serviceContext": {"scopeGroupId": self._site}}
        self._adds[name] = call = door.call(_ADD_FOLDER, params, returns=Folder)
        return name, call

    def delete(self, door: Session | BatchSession, folder: Folder) -> Call[None]:
        """Ask for the end of a folder."""
        call = door.call(_DELETE_FOLDER, {"folderId": folder.folder_id}, returns=None)
        call.add_done_callback(lambda ended: self._note_delete(folder.name, ended))
        return call

    async def find(self, names: Iterable[str] | None = None) -> list[Folder]:
        """Return those of the folders (all that the run asked for) that are there."""
        listed = self.session.call(
            "/bookmarksfolder/get-folders",
            {"groupId": self._site, "parentFolderId": _TOP},
            select=["folderId", "name"],
            returns=list[Folder],
            timeout=_CLEANUP_CALL_SECONDS,
        )
        wanted = set(self._adds if names is None else names)
        return [folder for folder in await listed if folder.name in wanted]

    def left(self) -> list[str]:
        """Return the names of the folders that may be there."""
        return [name for name, call in self._adds.items() if name not in self._gone and not _is_surely_absent(call)]

    async def clean_up(self, screen: Screen) -> None:
        """Find what may be left and delete it. Raises nothing for a failure: `left` then still tells what may be there."""
        if not self.left():
            return
        screen.warn("cleaning up: looking for the folders that the demo added")
        is_sure = False
        for pause in LOOKS:
            await anyio.sleep(pause)
            try:
                await self._sweep()
            except LiferayError:
                is_sure = False
                continue
            is_sure = True
            if not self.left():
                break
        if is_sure:  # what never turned up was never added
            self._gone |= set(self._adds)
            screen.warn("cleaned up: no folder of the demo is left")

    async def _sweep(self) -> None:
        names = self.left()
        folders = await self.find(names)
        if folders:
            try:
                async with self.session.batch() as batch:
                    for folder in folders:
                        self.delete(batch, folder)
            except LiferayError:
                for folder in await self.find(names):  # one that cannot be deleted must not protect the others
                    await self.delete(self.session, folder)
        found = {folder.name for folder in folders}
        self._gone |= {name for name in names if name not in found and not _may_yet_come(self._adds[name])}

    def _note_delete(self, name: str, call: Call[None]) -> None:
        if isinstance(call.outcome, Ok) or isinstance(call.exception(), NotFoundError):
            self._gone.add(name)


async def add_and_delete_folders(
    session: Session, meter: Meter, screen: Screen, *, site: int, interruption: Interruption
) -> None:
    """Add ten bookmarks folders in one batch and delete them in another, then ten one by one. Nothing of them stays.

    Raises:
        LiferayError: a call failed.
        DemoError: the portal does not have the folders that it should.
    """
    folders = Folders(session, site)
    try:
        batched = await _in_batches(folders, meter, screen, interruption)
        single = await _one_by_one(folders, meter, screen, interruption)
        _check("folders of the demo left", due=0, found=len(await folders.find()))
        _compare(batched, single, screen)
        screen.say(f"Checked: site {site} had ten of them after the first request, and has none now.")
    finally:
        with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
            await folders.clean_up(screen)
        if left := folders.left():
            screen.warn(
                f"not cleaned up: up to {len(left)} bookmarks folders may be left at the top of site {site}; "
                f"their names begin with {folders.mark!r}"
            )


async def _in_batches(folders: Folders, meter: Meter, screen: Screen, interruption: Interruption) -> Way:
    way = Way("in batches", calls=2 * _EACH)
    screen.say("Ten folders added in one batch and deleted in another", style="bold")
    async with interruption.finished():
        with meter.measured(way):
            async with folders.session.batch() as batch:
                adds = [folders.add(batch, number) for number in range(1, _EACH + 1)]
    for number, (name, add) in enumerate(adds):
        _show(screen, number, add, f"name={name!r}")
    _check("folders after the first request", due=_EACH, found=len(await folders.find()))
    added = [add.result() for _, add in adds]
    async with interruption.finished():
        with meter.measured(way):
            async with folders.session.batch() as batch:
                deletes = [folders.delete(batch, folder) for folder in added]
    for number, delete in enumerate(deletes):
        _show(screen, _EACH + number, delete, f"folderId={added[number].folder_id}")
    _conclude(way, screen)
    return way


async def _one_by_one(folders: Folders, meter: Meter, screen: Screen, interruption: Interruption) -> Way:
    way = Way("one by one", calls=2 * _EACH)
    screen.say("Ten others added and deleted one by one", style="bold")
    for number in range(_EACH):
        async with interruption.finished():
            with meter.measured(way):
                name, add = folders.add(folders.session, _EACH + number + 1)
                folder = await add
        _show(screen, 2 * number, add, f"name={name!r}")
        async with interruption.finished():
            with meter.measured(way):
                delete = folders.delete(folders.session, folder)
                await delete
        _show(screen, 2 * number + 1, delete, f"folderId={folder.folder_id}")
    _conclude(way, screen)
    return way


def _is_surely_absent(add: Call[Any]) -> bool:
    return add.done() and isinstance(add.outcome, Failed | NotSent | NotRun)


def _may_yet_come(add: Call[Any]) -> bool:
    """Tell whether the portal may still be at work on it: it has not answered."""
    return not add.done() or not (isinstance(add.outcome, Ok) or isinstance(add.exception(), ServerError))


def _check(what: str, *, due: int, found: int) -> None:
    if found != due:
        raise DemoError(f"the portal has {found} {what} where {due} were due: does somebody else work on it?")


def _show(screen: Screen, index: int, call: Call[Any], parameter: str) -> None:
    result = call.result()
    told = result.folder_id if isinstance(result, Folder) else "null"
    screen.say(f"{index + 1:4}  {call.path} {parameter} -> {told}")


def _conclude(way: Way, screen: Screen) -> None:
    plural = "" if way.requests == 1 else "s"
    screen.say(f"      {way.calls} calls, {way.requests} HTTP request{plural}, {way.seconds:.3f} s")
    screen.say()


def _compare(batched: Way, single: Way, screen: Screen) -> None:
    screen.say(f"{'':14}{'calls':>5}{'HTTP requests':>16}{'seconds':>10}", style="bold")
    for way in (batched, single):
        screen.say(f"{way.name:14}{way.calls:5}{way.requests:16}{way.seconds:10.3f}")
    requests, seconds = single.requests / batched.requests, single.seconds / batched.seconds
    screen.say(f"One by one took {requests:.0f} times as many requests, and {seconds:.1f} times as long.")
