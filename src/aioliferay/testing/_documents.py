"""The document library of a fake portal: which documents are where, and who may see them. Knows no service and no HTTP."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, quote_plus

from aioliferay.testing._content import KeptContent, MadeContent
from aioliferay.testing._java import JavaLong, Model

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from aioliferay.testing._content import Content
    from aioliferay.testing._registry import Caller
    from aioliferay.testing._sample_store import Store


@dataclasses.dataclass(slots=True)
class Document:
    """A document of the portal's library, as it is now; of one that was replaced, what came after."""

    entry: Model
    content: Content
    is_public: bool
    place: tuple[str, ...]

    @property
    def file_entry_id(self) -> int:
        """The id, as `fileEntryId` tells it."""
        return int(cast("int", self.entry["fileEntryId"]))

    @property
    def uuid(self) -> str:
        """The uuid."""
        return str(self.entry["uuid"])

    @property
    def title(self) -> str:
        """The title, by which it is found."""
        return str(self.entry["title"])

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.content.size

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hexadecimal."""
        return self.content.sha256

    @property
    def path(self) -> str:
        """The path of its URL by folder and title; `/<uuid>` may follow."""
        return f"/documents/{self.entry['groupId']}/{self.entry['folderId']}/{quote_plus(self.title)}"

    @property
    def webdav_path(self) -> str:
        """The path of its URL for WebDAV."""
        site, *folders = self.place
        return "/".join(["/webdav", *(quote(name, safe="") for name in (site, "document_library", *folders, self.title))])

    @property
    def etag(self) -> str:
        """What servers in front of a portal call its present bytes."""
        text = f"{self.uuid}-{self.entry['version']}-{self.entry['modifiedDate']}-{self.size}"
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'

    @property
    def modified(self) -> dt.datetime:
        """When it was changed last, to the second."""
        return cast("dt.datetime", self.entry["modifiedDate"]).replace(microsecond=0)

    @property
    def filename(self) -> str:
        """The name that `/documents` proposes for it: its title with the extension of the file it came from."""
        dot = f".{self.entry['extension']}"
        return self.title if dot == "." or self.title.endswith(dot) else self.title + dot

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end`; none where they were counted only, as of uploads above 1 MiB."""
        return self.content.chunks(start, end)

    def is_visible_to(self, caller: Caller) -> bool:
        """Whether the caller may see it: administrators, who put it there, and everybody where guests may."""
        return self.is_public or caller.is_administrator or caller.user_id == self.entry["userId"]


class Library:
    """All documents, and the folders they are in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._documents: dict[int, Document] = {}
        self._folders: dict[int, tuple[int, int, str]] = {}
        self._names = 0

    def has_folder(self, group_id: int, folder_id: int) -> bool:
        """Whether a site has a folder; 0 is the top of each."""
        return folder_id == 0 or self._folders.get(folder_id, (0, 0, ""))[0] == group_id

    def folder_id(self, group_id: int, names: list[str], *, is_made: bool = False) -> int | None:
        """The folder of that path in a site; None if it is not there and not to be made."""
        found = 0
        for name in names:
            key = (group_id, found, name)
            below = next((folder_id for folder_id, known in self._folders.items() if known == key), None)
            if below is None:
                if not is_made:
                    return None
                below = self._store.next_id()
                self._folders[below] = key
            found = below
        return found

    def folders_below(self, group_id: int, folder_id: int) -> int:
        """How many folders a folder has."""
        return sum(known[:2] == (group_id, folder_id) for known in self._folders.values())

    def by_id(self, file_entry_id: int) -> Document | None:
        """The document of that id."""
        return self._documents.get(file_entry_id)

    def by_title(self, group_id: int, folder_id: int, title: str) -> Document | None:
        """The document of that title in a folder."""
        return next((one for one in self.inside(group_id, folder_id) if one.title == title), None)

    def by_uuid(self, group_id: int, uuid: str) -> Document | None:
        """The document of that uuid in a site."""
        found = (one for one in self._documents.values() if one.uuid == uuid and one.entry["groupId"] == group_id)
        return next(found, None)

    def inside(self, group_id: int, folder_id: int) -> list[Document]:
        """The documents in a folder, by title."""
        key = (group_id, folder_id)
        found = [one for one in self._documents.values() if (one.entry["groupId"], one.entry["folderId"]) == key]
        return sorted(found, key=lambda one: one.title.lower())

    def add(self, shown: dict[str, object], content: Content, *, uuid: str, is_public: bool) -> Document:
        """Put a document into the library: `shown` is what tells it from others."""
        file_entry_id = self._store.next_id(10)  # the portal's counter goes on for its version, asset and friends
        self._names += 1
        date = self._store.now()
        rest: dict[str, object] = {
            "classNameId": JavaLong(0),
            "classPK": JavaLong(0),
            "createDate": date,
            "custom1ImageId": JavaLong(0),
            "custom2ImageId": JavaLong(0),
            "extraSettings": "",
            "fileEntryId": file_entry_id,
            "fileEntryTypeId": JavaLong(0),
            "largeImageId": JavaLong(0),
            "manualCheckInRequired": False,
            "modifiedDate": date,
            "name": str(self._names),
            "readCount": 0,
            "size": JavaLong(content.size),
            "smallImageId": JavaLong(0),
            "uuid": uuid,
            "version": "1.0",
        }
        place = self._place(int(str(shown["groupId"])), int(str(shown["folderId"])))
        entry = Model("com.liferay.portal.kernel.repository.model.FileEntry", shown | rest)
        document = self._documents[file_entry_id] = Document(entry, content, is_public, place)
        return document

    def replace(self, document: Document, shown: dict[str, object], content: Content | None, *, is_major: bool) -> None:
        """Give a document other bytes, if there are some, and another version."""
        major, _, minor = str(document.entry["version"]).partition(".")
        version = f"{int(major) + 1}.0" if is_major else f"{major}.{int(minor) + 1}"
        document.content = document.content if content is None else content
        changed = shown | {"modifiedDate": self._store.now(), "version": version, "size": JavaLong(document.size)}
        # an answer of this request already holds the old row
        document.entry = Model(document.entry.model_class, document.entry.shown | changed)

    def remove(self, document: Document) -> None:
        """Take a document away."""
        self._documents.pop(document.file_entry_id, None)

    def note_reading(self, document: Document) -> None:
        """Count that the document was read."""
        document.entry.shown["readCount"] = int(cast("int", document.entry["readCount"])) + 1

    def site_id(self, name: str) -> int | None:
        """The site with that name in URLs ("guest")."""
        groups = self._store.table("Group").items()
        return next((key for key, group in groups if group["friendlyURL"] == f"/{name}"), None)

    def _place(self, group_id: int, folder_id: int) -> tuple[str, ...]:
        names: list[str] = []
        while folder_id:
            _, folder_id, name = self._folders[folder_id]
            names.append(name)
        return (str(self._store.table("Group")[group_id]["friendlyURL"]).removeprefix("/"), *reversed(names))


def content_of(given: bytes | int) -> Content:
    """A document's bytes: those given, or as many as given, made up when they are read."""
    return MadeContent(given) if isinstance(given, int) else KeptContent(given)
