"""The sample services of a fake portal, kept in memory: who and what a fresh 6.2.5 has, under which ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aioliferay.testing._sample_blogs import BlogServices
from aioliferay.testing._sample_countries import CountryServices
from aioliferay.testing._sample_documents import DocumentServices
from aioliferay.testing._sample_folders import BookmarksFolderServices, JournalFolderServices
from aioliferay.testing._sample_groups import GroupServices, RoleServices
from aioliferay.testing._sample_organizations import OrganizationServices
from aioliferay.testing._sample_portraits import PortraitServices
from aioliferay.testing._sample_store import ADMINISTRATOR_ID, GUEST_SITE_ID, Store
from aioliferay.testing._sample_tags import TagServices, VocabularyServices
from aioliferay.testing._sample_users import UserServices

if TYPE_CHECKING:
    from aioliferay.testing._java import Version
    from aioliferay.testing._registry import Registry
    from aioliferay.testing._sample_portraits import Portrait


class _Services(Protocol):
    def register(self, registry: Registry) -> None: ...


ENTRY_TEXT = "<p>content of the entry</p>"


class Samples:
    """What one portal has; every portal starts with the same ids, times and uuids."""

    def __init__(self, version: Version, *, blog_entries: int) -> None:
        self._store = Store(version)
        self._users = UserServices(self._store)
        self._blogs = BlogServices(self._store)
        self._portraits = PortraitServices(self._store)
        self.documents = DocumentServices(self._store)
        for number in range(1, blog_entries + 1):
            self.add_blog_entry(f"Entry {number}", group_id=GUEST_SITE_ID, content=ENTRY_TEXT)

    def register(self, registry: Registry) -> None:
        """Register every sample service."""
        store = self._store
        kept: list[_Services] = [
            self._users,
            self._blogs,
            self._portraits,
            self.documents,
            CountryServices(store),
            GroupServices(store, self._users.members),
            RoleServices(store),
            BookmarksFolderServices(store),
            JournalFolderServices(store),
            TagServices(store),
            OrganizationServices(store),
        ]
        if store.version == "6.2":
            kept.append(VocabularyServices(store))
        for services in kept:
            services.register(registry)

    def add_blog_entry(self, title: str, *, group_id: int, content: str) -> int:
        """Put an entry of the administrator's into a site; give its id."""
        return int(str(self._blogs.add(title, group_id=group_id, content=content)["entryId"]))

    def user_id(self, email_address: str) -> int | None:
        """The user of that e-mail address, None if there is none."""
        return self._users.user_id(email_address)

    def password_of(self, email_address: str) -> str | None:
        """The password of the user of that e-mail address, None if nobody may sign in by it."""
        user_id = self.user_id(email_address)
        return None if user_id is None else self._store.passwords.get(user_id) or None

    def is_password(self, user_id: int, password: str) -> bool:
        """Whether the user may sign in with that password; the default user never may. A failure is noted in the user."""
        known = self._store.passwords.get(user_id)
        if known and known == password:
            return True
        self._users.note_failure(user_id)
        return False

    def portrait(self, portrait_id: int) -> Portrait | None:
        """The picture of that id."""
        return self._portraits.portraits.get(portrait_id)

    def is_administrator(self, user_id: int) -> bool:
        """Whether the user may do everything."""
        return user_id == ADMINISTRATOR_ID
