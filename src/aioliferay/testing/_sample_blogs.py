"""`/blogsentry` (on 7.4 `/blogs.blogsentry`): entries that can be read and deleted, and added on 7.x only, as in reality."""

import datetime as dt
import re
from typing import Annotated, cast

from aioliferay.testing._java import Array, JavaLong, JavaType, Long, Model, ServiceContext, epoch_milliseconds
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_models import model_getters
from aioliferay.testing._sample_store import ADMINISTRATOR_ID, COMPANY_ID, GUEST_SITE_ID, Actions, Store, register, window

Entry = Annotated[Model, JavaType("com.liferay.portlet.blogs.model.BlogsEntry")]
ImageSelector = Annotated[object, JavaType("com.liferay.portal.kernel.servlet.taglib.ui.ImageSelector")]

APPROVED, IN_TRASH, ANY_STATUS = 0, 8, -1
_DISPLAYED_AT = dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.UTC)
_IDS_OF_AN_ENTRY = 8  # the portal's counter goes on for its resource, asset and friends


class BlogServices:
    """The blog entries."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_old = store.version == "6.2"

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        prefix = "/blogs.blogsentry/" if self._store.version == "7.4" else "/blogsentry/"
        actions: Actions = [
            (prefix + "delete-entry", self.delete_entry),
            (prefix + "get-company-entries", self.get_company_entries),
            (prefix + "get-entry", self.get_entry),
            (prefix + "get-entry", self.get_entry_by_url_title),
            (prefix + "get-group-entries", self.get_group_entries),
            (prefix + "get-group-entries", self.get_group_entries_until),
            (prefix + "get-group-entries", self.get_group_entries_page),
            (prefix + "get-group-entries", self.get_group_entries_page_until),
            (prefix + "get-group-entries-count", self.get_group_entries_count),
            (prefix + "get-group-entries-count", self.get_group_entries_count_until),
            (prefix + "move-entry-to-trash", self.move_entry_to_trash),
            (prefix + "restore-entry-from-trash", self.restore_entry_from_trash),
            (prefix + "subscribe", self.subscribe),
            (prefix + "unsubscribe", self.unsubscribe),
        ]
        if not self._is_old:
            actions.append((prefix + "add-entry", self.add_entry))
        register(registry, self._store.java("blogs service", "BlogsEntryService"), actions)

    def add(
        self, title: str, *, group_id: int, content: str, description: str = "d", displayed_at: dt.datetime = _DISPLAYED_AT
    ) -> Model:
        """Put an entry of the administrator's into a site."""
        store = self._store
        entry_id = store.next_id(_IDS_OF_AN_ENTRY)
        date = store.now()
        shown: dict[str, object] = {
            "allowPingbacks": False,
            "allowTrackbacks": False,
            "companyId": JavaLong(COMPANY_ID),
            "content": content,
            "createDate": date,
            "description": description,
            "displayDate": displayed_at,
            "entryId": entry_id,
            "groupId": JavaLong(group_id),
            "modifiedDate": date,
            "smallImage": False,
            "smallImageId": JavaLong(entry_id + 1),
            "smallImageURL": "",
            "status": APPROVED,
            "statusByUserId": JavaLong(ADMINISTRATOR_ID),
            "statusByUserName": "Test Test",
            "statusDate": date,
            "title": title,
            "trackbacks": "",
            "urlTitle": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-"),
            "userId": JavaLong(ADMINISTRATOR_ID),
            "userName": "Test Test",
            "uuid": store.uuid(),
        }
        java_class = store.java("blogs model", "BlogsEntry")
        nested = model_getters(store, "BlogsEntry", shown, key=entry_id)
        entry = store.table("BlogsEntry")[entry_id] = Model(java_class, shown, nested=nested)
        return entry

    def add_entry(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        title: str,
        subtitle: str,
        description: str,
        content: str,
        display_date_month: int,
        display_date_day: int,
        display_date_year: int,
        display_date_hour: int,
        display_date_minute: int,
        allow_pingbacks: bool,
        allow_trackbacks: bool,
        trackbacks: Array[str] | None,
        cover_image_caption: str,
        cover_image_image_selector: ImageSelector,
        small_image_image_selector: ImageSelector,
        service_context: ServiceContext,
        caller: Caller,
    ) -> Entry:
        """Add an entry; the month counts from 0, pictures are not kept."""
        del trackbacks, cover_image_image_selector, small_image_image_selector
        group_id = int(str(service_context.attributes.get("scopeGroupId") or GUEST_SITE_ID))
        resource = f"{self._store.java('blogs model', 'BlogsEntry')} {group_id}"
        self._store.require_administrator(caller, "ADD_ENTRY", resource)
        if not title:
            raise self._store.error("blogs", "EntryTitleException", "Title is null")
        clock = dt.timedelta(hours=display_date_hour, minutes=display_date_minute)
        try:
            day = dt.datetime(display_date_year, display_date_month + 1, display_date_day, tzinfo=dt.UTC)
        except ValueError:
            raise self._store.error("blogs", "EntryDisplayDateException") from None
        entry = self.add(title, group_id=group_id, content=content, description=description, displayed_at=day + clock)
        entry.shown |= {"allowPingbacks": allow_pingbacks, "allowTrackbacks": allow_trackbacks}
        entry.shown |= {"coverImageCaption": cover_image_caption, "subtitle": subtitle}
        return entry

    def delete_entry(self, entry_id: Long, caller: Caller) -> None:
        """Delete an entry; for administrators."""
        self._changeable(entry_id, caller, "DELETE")
        del self._store.table("BlogsEntry")[entry_id]

    def get_entry(self, entry_id: Long) -> Entry:
        """The entry with that id."""
        return self._store.row("BlogsEntry", entry_id, area="blogs", exception="NoSuchEntryException")

    def get_entry_by_url_title(self, group_id: Long, url_title: str) -> Entry:
        """The entry of a site with that name in URLs."""
        key = {"groupId": group_id, "urlTitle": url_title}
        return self._store.only("BlogsEntry", key, area="blogs", exception="NoSuchEntryException")

    def get_company_entries(
        self,
        *,
        company_id: Long,
        display_date: dt.datetime,
        status: int,
        max: int,  # noqa: A002 - the portal's name
    ) -> list[Entry]:
        """The newest entries of all sites displayed before a date."""
        rows = self._newest("companyId", company_id, status=status, until=display_date)
        return rows[: _bound(max)]

    def get_group_entries(self, group_id: Long, status: int, max: int) -> list[Entry]:  # noqa: A002 - the portal's name
        """The newest entries of a site, `max` at most."""
        return self._newest("groupId", group_id, status=status)[: _bound(max)]

    def get_group_entries_until(
        self,
        *,
        group_id: Long,
        display_date: dt.datetime,
        status: int,
        max: int,  # noqa: A002 - the portal's name
    ) -> list[Entry]:
        """The newest entries of a site displayed before a date, `max` at most."""
        return self._newest("groupId", group_id, status=status, until=display_date)[: _bound(max)]

    def get_group_entries_page(self, *, group_id: Long, status: int, start: int, end: int) -> list[Entry]:
        """The entries of a site, newest first, from `start` to before `end`."""
        return window(self._newest("groupId", group_id, status=status), start, end)

    def get_group_entries_page_until(
        self, *, group_id: Long, display_date: dt.datetime, status: int, start: int, end: int
    ) -> list[Entry]:
        """The entries of a site displayed before a date, newest first, from `start` to before `end`."""
        return window(self._newest("groupId", group_id, status=status, until=display_date), start, end)

    def get_group_entries_count(self, group_id: Long, status: int) -> int:
        """How many entries a site has."""
        return len(self._newest("groupId", group_id, status=status))

    def get_group_entries_count_until(self, group_id: Long, display_date: dt.datetime, status: int) -> int:
        """How many entries of a site are displayed before a date."""
        return len(self._newest("groupId", group_id, status=status, until=display_date))

    def move_entry_to_trash(self, entry_id: Long, caller: Caller) -> Entry:
        """Hide an entry; for administrators."""
        return self._with_status(self._changeable(entry_id, caller, "DELETE"), IN_TRASH)

    def restore_entry_from_trash(self, entry_id: Long, caller: Caller) -> None:
        """Show a hidden entry again; for administrators."""
        self._with_status(self._changeable(entry_id, caller, "DELETE"), APPROVED)

    def subscribe(self, group_id: Long, caller: Caller) -> None:
        """Do nothing for a site that exists; for administrators."""
        self._store.require_site(caller, group_id, "SUBSCRIBE", "com.liferay.portlet.blogs")

    def unsubscribe(self, group_id: Long, caller: Caller) -> None:
        """Do nothing for a site that exists; for administrators."""
        self._store.require_site(caller, group_id, "SUBSCRIBE", "com.liferay.portlet.blogs")

    def _changeable(self, entry_id: int, caller: Caller, action: str) -> Model:
        entry = self.get_entry(entry_id)
        resource = f"{self._store.java('blogs model', 'BlogsEntry')} {entry_id}"
        self._store.require_administrator(caller, action, resource)
        return entry

    def _with_status(self, entry: Model, status: int) -> Model:
        date = self._store.now()
        # an answer of this request already holds the old row
        changed = entry.shown | {"status": status, "statusDate": date, "modifiedDate": date}
        entry_id = int(str(changed["entryId"]))
        fresh = Model(entry.model_class, changed, nested=entry.nested)
        self._store.table("BlogsEntry")[entry_id] = fresh
        return fresh

    def _newest(self, name: str, value: int, *, status: int, until: dt.datetime | None = None) -> list[Model]:
        rows = [row for row in reversed(self._store.table("BlogsEntry").values()) if row[name] == value]
        if status != ANY_STATUS:
            rows = [row for row in rows if row["status"] == status]
        if until is not None:
            rows = [row for row in rows if _displayed_at(row) < epoch_milliseconds(until)]
        return sorted(rows, key=lambda row: -_displayed_at(row))


def _bound(most: int) -> int:
    return max(0, most)


def _displayed_at(entry: Model) -> int:
    return epoch_milliseconds(cast("dt.datetime", entry["displayDate"]))
