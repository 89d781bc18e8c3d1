"""`/bookmarksfolder` and `/journalfolder`: folders that callers add, read and delete."""

import datetime as dt
from typing import Annotated

from aioliferay.testing._convert import loose_long
from aioliferay.testing._java import JavaError, JavaLong, JavaType, Long, Model, ServiceContext
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_models import model_getters
from aioliferay.testing._sample_store import (
    COMPANY_ID,
    GUEST_SITE_ID,
    Actions,
    Store,
    is_null,
    register,
    require_short,
    returning,
    window,
)

BookmarksFolder = Annotated[Model, JavaType("com.liferay.portlet.bookmarks.model.BookmarksFolder")]
JournalFolder = Annotated[Model, JavaType("com.liferay.portlet.journal.model.JournalFolder")]

BAD_CHARACTERS = frozenset("&'@\\]}:,=>/<\n[{%|+#`?\"\r;*~")
_IDS_OF_A_FOLDER = 3


def scope_of(context: ServiceContext | None) -> int:
    """The site a row goes into: the Guest site if the service context names none (F.36)."""
    if context is None:
        raise JavaError("java.lang.NullPointerException")
    group_id = loose_long(context.attributes.get("scopeGroupId"))
    return group_id if group_id > 0 else GUEST_SITE_ID


def uuid_of(context: ServiceContext | None, store: Store) -> str:
    """The uuid of a new row: the service context's, or a fresh one."""
    given = None if context is None else context.attributes.get("uuid")
    return str(given) if given else store.uuid()


def is_word(text: str | None) -> bool:
    """Whether a text may be the name of a tag."""
    return text is not None and not is_null(text) and BAD_CHARACTERS.isdisjoint(text)


class FolderServices:
    """What the folders of bookmarks and of web content have in common."""

    area: str
    table: str

    def __init__(self, store: Store) -> None:
        self._store = store

    def get_folder(self, folder_id: Long) -> Model:
        """The folder with that id."""
        return self._store.row(self.table, folder_id, area=self.area, exception="NoSuchFolderException")

    def delete_folder(self, folder_id: Long, caller: Caller) -> None:
        """Delete a folder; for administrators."""
        self.get_folder(folder_id)
        self._store.require_administrator(caller, "DELETE", f"{self._java_class} {folder_id}")
        rows = self._store.table(self.table)
        for below in [key for key, row in rows.items() if row["parentFolderId"] == folder_id]:
            self.delete_folder(below, caller)
        del rows[folder_id]

    def delete_folder_and_trash(self, folder_id: Long, include_trashed_entries: bool, caller: Caller) -> None:  # noqa: FBT001 - the portal's parameter
        """Delete a folder; there is no trash."""
        del include_trashed_entries
        self.delete_folder(folder_id, caller)

    def get_folders(self, group_id: Long) -> list[Model]:
        """The folders of a site, by name."""
        rows = [row for row in self._store.table(self.table).values() if row["groupId"] == group_id]
        return sorted(rows, key=lambda row: (int(str(row["parentFolderId"])), str(row["name"]).lower()))

    def get_folders_below(self, group_id: Long, parent_folder_id: Long) -> list[Model]:
        """The folders in a folder; 0 is the top."""
        return [row for row in self.get_folders(group_id) if row["parentFolderId"] == parent_folder_id]

    def get_folders_page(self, *, group_id: Long, parent_folder_id: Long, start: int, end: int) -> list[Model]:
        """The folders in a folder, from `start` to before `end`."""
        return window(self.get_folders_below(group_id, parent_folder_id), start, end)

    def get_folders_count(self, group_id: Long, parent_folder_id: Long) -> int:
        """How many folders are in a folder."""
        return len(self.get_folders_below(group_id, parent_folder_id))

    @property
    def _java_class(self) -> str:
        return self._store.java(f"{self.area} model", self.table)

    def _require_add(self, caller: Caller, group_id: int, parent: int) -> None:
        if parent == 0:
            self._store.require_site(caller, group_id, "ADD_FOLDER", self._java_class)
        else:
            self.get_folder(parent)
            self._store.require_administrator(caller, "ADD_SUBFOLDER", f"{self._java_class} {parent}")

    def _add(  # noqa: PLR0913 - keyword-only, and each a column of the row
        self, caller: Caller, group_id: int, *, parent: int, name: str, description: str | None, uuid: str
    ) -> Model:
        store = self._store
        require_short(name)
        folder_id = store.next_id(_IDS_OF_A_FOLDER)
        date = store.now()
        above = self._parent(group_id, parent)
        parent_path = "/" if above is None else str(above["treePath"])
        shown: dict[str, object] = authored(store, caller, date=date) | {
            "description": description or "",
            "folderId": folder_id,
            "groupId": JavaLong(group_id),
            "name": name,
            "parentFolderId": JavaLong(0 if above is None else parent),
            "status": 0,
            "statusByUserId": JavaLong(0),
            "statusByUserName": "",
            "statusDate": None,
            "treePath": f"{parent_path}{folder_id}/",
            "uuid": uuid,
        }
        nested = model_getters(store, self.table, shown, key=folder_id)
        folder = store.table(self.table)[folder_id] = Model(self._java_class, shown, nested=nested)
        return folder

    def _parent(self, group_id: int, parent: int) -> Model | None:
        """The folder to add to, None for the top: that of another site does not count."""
        found = self._store.table(self.table).get(parent)
        return found if found is not None and found["groupId"] == group_id else None


def authored(store: Store, caller: Caller, *, date: dt.datetime) -> dict[str, object]:
    """What every row tells about who added it and when."""
    author = store.row("User", caller.user_id or 0)
    return {
        "companyId": JavaLong(COMPANY_ID),
        "createDate": date,
        "modifiedDate": date,
        "userId": author["userId"],
        "userName": author["fullName"],
    }


class BookmarksFolderServices(FolderServices):
    """Folders of bookmarks."""

    area = "bookmarks"
    table = "BookmarksFolder"

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        prefix = "/bookmarksfolder/" if self._store.version == "6.2" else "/bookmarks.bookmarksfolder/"
        actions: Actions = [
            (prefix + "add-folder", self.add_folder),
            (prefix + "delete-folder", self.delete_folder),
            (prefix + "delete-folder", self.delete_folder_and_trash),
            (prefix + "get-folder", returning(self.get_folder, BookmarksFolder)),
            (prefix + "get-folders", returning(self.get_folders, list[BookmarksFolder])),
            (prefix + "get-folders", returning(self.get_folders_below, list[BookmarksFolder])),
            (prefix + "get-folders", returning(self.get_folders_page, list[BookmarksFolder])),
            (prefix + "get-folders-count", self.get_folders_count),
        ]
        register(registry, self._store.java("bookmarks service", "BookmarksFolderService"), actions)

    def add_folder(
        self,
        *,
        parent_folder_id: Long,
        name: str | None,
        description: str | None,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> BookmarksFolder:
        """Add a folder; for administrators."""
        group_id = scope_of(service_context)
        self._require_add(caller, group_id, parent_folder_id)
        if name is None or is_null(name) or "\\\\" in name or "//" in name:
            raise self._store.error(self.area, "FolderNameException")
        uuid = uuid_of(service_context, self._store)
        folder = self._add(caller, group_id, parent=parent_folder_id, name=name, description=description, uuid=uuid)
        folder.shown["resourceBlockId"] = JavaLong(1)
        return folder


class JournalFolderServices(FolderServices):
    """Folders of web content."""

    area = "journal"
    table = "JournalFolder"

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        prefix = "/journalfolder/" if self._store.version == "6.2" else "/journal.journalfolder/"
        actions: Actions = [
            (prefix + "add-folder", self.add_folder),
            (prefix + "delete-folder", self.delete_folder),
            (prefix + "delete-folder", self.delete_folder_and_trash),
            (prefix + "fetch-folder", self.fetch_folder),
            (prefix + "get-folder", returning(self.get_folder, JournalFolder)),
            (prefix + "get-folders", returning(self.get_folders, list[JournalFolder])),
            (prefix + "get-folders", returning(self.get_folders_below, list[JournalFolder])),
            (prefix + "get-folders", returning(self.get_folders_page, list[JournalFolder])),
            (prefix + "get-folders-count", self.get_folders_count),
        ]
        register(registry, self._store.java("journal service", "JournalFolderService"), actions)

    def add_folder(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        group_id: Long,
        parent_folder_id: Long,
        name: str | None,
        description: str | None,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> JournalFolder:
        """Add a folder; for administrators."""
        self._require_add(caller, scope_of(service_context), parent_folder_id)
        if name is None or not is_word(name):
            raise self._store.error(self.area, "FolderNameException")
        above = 0 if self._parent(group_id, parent_folder_id) is None else parent_folder_id
        if any(row["name"] == name for row in self.get_folders_below(group_id, above)):
            raise self._store.error(self.area, "DuplicateFolderNameException", name)
        self._store.row("Group", group_id)
        uuid = uuid_of(service_context, self._store)
        return self._add(caller, group_id, parent=parent_folder_id, name=name, description=description, uuid=uuid)

    def fetch_folder(self, folder_id: Long) -> JournalFolder | None:
        """The folder with that id, or null."""
        return self._store.table(self.table).get(folder_id)
