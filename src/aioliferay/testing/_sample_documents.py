"""`/dlapp`: documents that callers add, change, read and delete."""

import mimetypes
from typing import Annotated

from aioliferay.testing._content import Content, CountedContent, KeptContent
from aioliferay.testing._documents import Document, Library, content_of
from aioliferay.testing._java import File, JavaError, JavaLong, JavaType, Long, Model, ServiceContext
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_folders import uuid_of
from aioliferay.testing._sample_store import ADMINISTRATOR_ID, COMPANY_ID, Actions, Store, is_null, register, window

FileEntry = Annotated[Model, JavaType("com.liferay.portal.kernel.repository.model.FileEntry")]

_BAD_CHARACTERS = frozenset('\\/:*?"<>|')
_UNKNOWN_TYPE = "application/octet-stream"


class DocumentServices:
    """The services of the document library."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.library = Library(store)

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        actions: Actions = [
            ("/dlapp/add-file-entry", self.add_file_entry_bytes),
            ("/dlapp/add-file-entry", self.add_file_entry),
            ("/dlapp/delete-file-entry", self.delete_file_entry),
            ("/dlapp/delete-file-entry-by-title", self.delete_file_entry_by_title),
            ("/dlapp/get-file-entries", self.get_file_entries),
            ("/dlapp/get-file-entries", self.get_file_entries_page),
            ("/dlapp/get-file-entries-count", self.get_file_entries_count),
            ("/dlapp/get-file-entry", self.get_file_entry),
            ("/dlapp/get-file-entry", self.get_file_entry_by_title),
            ("/dlapp/get-file-entry-by-uuid-and-group-id", self.get_file_entry_by_uuid),
            ("/dlapp/get-folders-count", self.get_folders_count),
        ]
        if self._store.version != "7.4":
            actions.append(("/dlapp/update-file-entry", self.update_file_entry_bytes))
            actions.append(("/dlapp/update-file-entry", self.update_file_entry))
        register(registry, self._store.java("documents service", "DLAppService"), actions)

    def put(  # noqa: PLR0913 - keyword-only, and each its own fact of the document
        self, title: str, content: bytes | int, *, folder: str, group_id: int, mime_type: str | None, is_public: bool
    ) -> Document:
        """Put a document of the administrator's into a folder, in place of one of that title."""
        folder_id = self.library.folder_id(group_id, [name for name in folder.split("/") if name], is_made=True) or 0
        shown = self._described(title, title, mime_type) | {"description": ""}
        known = self.library.by_title(group_id, folder_id, title)
        if known is not None:
            self.library.replace(known, shown, content_of(content), is_major=True)
            known.is_public = is_public
            return known
        owner = self._owned(ADMINISTRATOR_ID, group_id, folder_id)
        return self.library.add(owner | shown, content_of(content), uuid=self._store.uuid(), is_public=is_public)

    def add_file_entry_bytes(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        repository_id: Long,
        folder_id: Long,
        source_file_name: str | None,
        mime_type: str | None,
        title: str | None,
        description: str | None,
        change_log: str | None,
        bytes: bytes | None,  # noqa: A002 - the portal's name
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> FileEntry:
        """Add a document; for administrators."""
        return self.add_file_entry(
            repository_id=repository_id,
            folder_id=folder_id,
            source_file_name=source_file_name,
            mime_type=mime_type,
            title=title,
            description=description,
            change_log=change_log,
            file=None if bytes is None else File(bytes),
            service_context=service_context,
            caller=caller,
        )

    def add_file_entry(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        repository_id: Long,
        folder_id: Long,
        source_file_name: str | None,
        mime_type: str | None,
        title: str | None,
        description: str | None,
        change_log: str | None,
        file: File | None,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> FileEntry:
        """Add a document; for administrators. Without a file it is empty."""
        del change_log
        if service_context is None:
            raise JavaError("java.lang.NullPointerException")
        self._require_folder(repository_id, folder_id)
        package = "portlet.documentlibrary" if self._store.version == "6.2" else "document.library"
        self._store.require_site(caller, repository_id, "ADD_DOCUMENT", f"com.liferay.{package}")
        source = source_file_name or ""
        named = source if title is None or is_null(title) else title
        shown = self._described(named, source, mime_type) | {"description": description or ""}
        self._require_name(repository_id, folder_id, named, str(shown["extension"]))
        is_public = str(service_context.attributes.get("addGuestPermissions", "")).lower() == "true"
        owner = self._owned(caller.user_id or 0, repository_id, folder_id)
        uuid = uuid_of(service_context, self._store)
        return self.library.add(owner | shown, _content(file), uuid=uuid, is_public=is_public).entry

    def update_file_entry_bytes(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        file_entry_id: Long,
        source_file_name: str | None,
        mime_type: str | None,
        title: str | None,
        description: str | None,
        change_log: str | None,
        major_version: bool,
        bytes: bytes | None,  # noqa: A002 - the portal's name
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> FileEntry:
        """Give a document a new version; for administrators."""
        return self.update_file_entry(
            file_entry_id=file_entry_id,
            source_file_name=source_file_name,
            mime_type=mime_type,
            title=title,
            description=description,
            change_log=change_log,
            major_version=major_version,
            file=None if bytes is None else File(bytes),
            service_context=service_context,
            caller=caller,
        )

    def update_file_entry(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        file_entry_id: Long,
        source_file_name: str | None,
        mime_type: str | None,
        title: str | None,
        description: str | None,
        change_log: str | None,
        major_version: bool,
        file: File | None,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> FileEntry:
        """Give a document a new version; for administrators. Without a file it keeps its bytes."""
        del change_log, service_context
        document = self._changeable(self._found(file_entry_id), caller, "UPDATE")
        named = document.title if title is None or is_null(title) else title
        source = source_file_name or document.filename
        shown = self._described(named, source, mime_type) | {"description": description or ""}
        content = None if file is None or not file.size else _content(file)
        self.library.replace(document, shown, content, is_major=major_version)
        return document.entry

    def delete_file_entry(self, file_entry_id: Long, caller: Caller) -> None:
        """Delete a document; for administrators."""
        self.library.remove(self._changeable(self._found(file_entry_id), caller, "DELETE"))

    def delete_file_entry_by_title(self, repository_id: Long, folder_id: Long, title: str | None, caller: Caller) -> None:
        """Delete the document of that title; for administrators."""
        document = self._titled(repository_id, folder_id, title)
        self.library.remove(self._changeable(document, caller, "DELETE"))

    def get_file_entry(self, file_entry_id: Long, caller: Caller) -> FileEntry:
        """The document with that id."""
        return self._visible(self._found(file_entry_id), caller)

    def get_file_entry_by_title(self, group_id: Long, folder_id: Long, title: str | None, caller: Caller) -> FileEntry:
        """The document of that title in a folder."""
        return self._visible(self._titled(group_id, folder_id, title), caller)

    def get_file_entry_by_uuid(self, uuid: str | None, group_id: Long, caller: Caller) -> FileEntry:
        """The document of that uuid in a site."""
        document = self.library.by_uuid(group_id, uuid or "")
        if document is None:
            raise self._missing(f"key {{uuid={uuid}, groupId={group_id}}}")
        return self._visible(document, caller)

    def get_file_entries(self, repository_id: Long, folder_id: Long, caller: Caller) -> list[FileEntry]:
        """The documents in a folder that the caller may see, by title."""
        self._require_folder(repository_id, folder_id)
        return [one.entry for one in self.library.inside(repository_id, folder_id) if one.is_visible_to(caller)]

    def get_file_entries_page(
        self, *, repository_id: Long, folder_id: Long, start: int, end: int, caller: Caller
    ) -> list[FileEntry]:
        """The documents in a folder from `start` to before `end`."""
        return window(self.get_file_entries(repository_id, folder_id, caller), start, end)

    def get_file_entries_count(self, repository_id: Long, folder_id: Long, caller: Caller) -> int:
        """How many documents in a folder the caller may see."""
        return len(self.get_file_entries(repository_id, folder_id, caller))

    def get_folders_count(self, repository_id: Long, parent_folder_id: Long) -> int:
        """How many folders are in a folder."""
        return self.library.folders_below(repository_id, parent_folder_id)

    def _owned(self, user_id: int, group_id: int, folder_id: int) -> dict[str, object]:
        author = self._store.row("User", user_id)
        return {
            "companyId": JavaLong(COMPANY_ID),
            "folderId": JavaLong(folder_id),
            "groupId": JavaLong(group_id),
            "repositoryId": JavaLong(group_id),
            "treePath": f"/{folder_id}/",
            "userId": author["userId"],
            "userName": author["fullName"],
        }

    def _described(self, title: str, source: str, mime_type: str | None) -> dict[str, object]:
        """What a document's name and the name of its file tell; the latter tells the type where none is given."""
        kind = mime_type
        if kind is None or is_null(kind) or kind == _UNKNOWN_TYPE:
            kind = mimetypes.guess_type(source)[0] or _UNKNOWN_TYPE
        extension = source.rpartition(".")[2] if "." in source else ""
        return {"extension": extension, "mimeType": kind, "title": title}

    def _require_folder(self, group_id: int, folder_id: int) -> None:
        if group_id not in self._store.table("Group"):
            raise self._store.missing("Group", f"key {{repositoryId={group_id}}}")
        if self.library.has_folder(group_id, folder_id):
            return
        if self._store.version == "6.2":
            raise self._store.missing("RepositoryEntry", f"primary key {folder_id}")
        raise self._store.missing(
            "DLFolder", f"primary key {folder_id}", area="documents", exception="NoSuchFolderException"
        )

    def _require_name(self, group_id: int, folder_id: int, title: str, extension: str) -> None:
        if not title or not _BAD_CHARACTERS.isdisjoint(title):
            full = f"{title}.{extension}" if extension and not title.endswith(f".{extension}") else title
            raise self._store.error("documents", "FileNameException", full)
        if self.library.by_title(group_id, folder_id, title) is None:
            return
        if self._store.version == "6.2":
            raise self._store.error("documents", "DuplicateFileException", title)
        text = f"A file entry already exists with title {title}"
        raise self._store.error("documents", "DuplicateFileEntryException", text)

    def _found(self, file_entry_id: int) -> Document:
        document = self.library.by_id(file_entry_id)
        if document is not None:
            return document
        if self._store.version == "6.2":
            raise self._store.missing("RepositoryEntry", f"primary key {file_entry_id}")
        raise self._missing(f"primary key {file_entry_id}")

    def _titled(self, group_id: int, folder_id: int, title: str | None) -> Document:
        self._require_folder(group_id, folder_id)
        document = self.library.by_title(group_id, folder_id, title or "")
        if document is None:
            raise self._missing(f"key {{groupId={group_id}, folderId={folder_id}, title={title}}}")
        return document

    def _missing(self, key: str) -> JavaError:
        return self._store.missing("DLFileEntry", key, area="documents", exception="NoSuchFileEntryException")

    def _visible(self, document: Document, caller: Caller) -> Model:
        if not document.is_visible_to(caller):
            raise self._store.refusal(caller, "VIEW", self._resource(document))
        return document.entry

    def _changeable(self, document: Document, caller: Caller, action: str) -> Document:
        self._store.require_administrator(caller, action, self._resource(document))
        return document

    def _resource(self, document: Document) -> str:
        return f"{self._store.java('documents model', 'DLFileEntry')} {document.file_entry_id}"


def _content(file: File | None) -> Content:
    if file is not None and file.counted is not None:
        return CountedContent(*file.counted)
    return KeptContent(bytes(file or b""))
