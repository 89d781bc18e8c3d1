"""`/assettag` and `/assetvocabulary`: tags and vocabularies that callers add, read and delete."""

from typing import Annotated

from aioliferay.testing._java import Array, JavaError, JavaLong, JavaType, LocaleMap, Long, Model, ServiceContext
from aioliferay.testing._json import BLANKS
from aioliferay.testing._registry import Caller, Registry
from aioliferay.testing._sample_folders import authored, is_word, scope_of
from aioliferay.testing._sample_models import model_getters
from aioliferay.testing._sample_sites import localized
from aioliferay.testing._sample_store import Actions, Store, is_null, register, require_short, window

Tag = Annotated[Model, JavaType("com.liferay.portlet.asset.model.AssetTag")]
Vocabulary = Annotated[Model, JavaType("com.liferay.portlet.asset.model.AssetVocabulary")]
VocabularyPage = Annotated[Model, JavaType("com.liferay.portlet.asset.model.AssetVocabularyDisplay")]
TagPage = Annotated[Model, JavaType("com.liferay.portlet.asset.model.AssetTagDisplay")]
Comparator = Annotated[object, JavaType("com.liferay.portal.kernel.util.OrderByComparator")]
TagComparator = Annotated[
    object,
    JavaType("com.liferay.portal.kernel.util.OrderByComparator", (JavaType("com.liferay.portlet.asset.model.AssetTag"),)),
]

JsonArray = Annotated[list[dict[str, object]], JavaType("com.liferay.portal.kernel.json.JSONArray")]

_BAD_CHARACTERS = "& ' @ \\ ] } : , = > / <  [ { % | + # ` ? \"  ; / * ~"


class TagServices:
    """The tags of the sites."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        is_old = self._store.version == "6.2"
        actions: Actions = [
            ("/assettag/delete-tag", self.delete_tag),
            ("/assettag/delete-tags", self.delete_tags),
            ("/assettag/get-group-tags", self.get_group_tags),
            ("/assettag/get-group-tags-count", self.get_group_tags_count),
            ("/assettag/get-group-tags-display", self.get_group_tags_display),
            ("/assettag/get-groups-tags", self.get_groups_tags),
            ("/assettag/get-tag", self.get_tag),
            ("/assettag/get-tags-count", self.get_tags_count),
            ("/assettag/add-tag", self.add_tag if is_old else self.add_group_tag),
            ("/assettag/get-tags", self.get_tags if is_old else self.get_tags_by_name),
            ("/assettag/get-tags", self.get_tags_of_groups if is_old else self.get_tags_of_groups_by_name),
            ("/assettag/search", self.search_old if is_old else self.search),
        ]
        by_order = self.get_group_tags_ordered if self._store.version == "7.4" else self.get_group_tags_by_obc
        actions.append(("/assettag/get-group-tags", by_order))
        register(registry, self._store.java("asset service", "AssetTagService"), actions)

    def add_tag(
        self, *, name: str | None, tag_properties: Array[str] | None, service_context: ServiceContext | None, caller: Caller
    ) -> Tag:
        """Add a tag, on 6.2; its properties are not kept."""
        del tag_properties
        return self._add(name, scope_of(service_context), caller)

    def add_group_tag(self, *, group_id: Long, name: str, service_context: ServiceContext | None, caller: Caller) -> Tag:
        """Add a tag, on 7.x."""
        scope_of(service_context)
        return self._add(name, group_id, caller)

    def _add(self, name: str | None, group_id: int, caller: Caller) -> Model:
        store = self._store
        java_class = store.java("asset model", "AssetTag")
        store.require_site(caller, group_id, "ADD_TAG", "com.liferay.portlet.asset")
        if name is None:
            raise JavaError("java.lang.NullPointerException")
        word = name.strip(BLANKS).lower()
        if any(row["name"] == word for row in self.get_group_tags(group_id)):
            raise store.error("asset", "DuplicateTagException", f"A tag with the name {word} already exists")
        if not is_word(word):
            raise store.error("asset", "AssetTagException", _BAD_CHARACTERS)
        require_short(word)
        tag_id = store.next_id()
        own: dict[str, object] = {
            "assetCount": 0,
            "groupId": JavaLong(group_id),
            "name": word,
            "tagId": tag_id,
        }
        if store.version != "6.2":
            own["uuid"] = store.uuid()
        shown = authored(store, caller, date=store.now()) | own
        nested = model_getters(store, "AssetTag", shown, key=tag_id)
        tag = store.table("AssetTag")[tag_id] = Model(java_class, shown, nested=nested)
        return tag

    def delete_tag(self, tag_id: Long, caller: Caller) -> None:
        """Delete a tag; for administrators."""
        self.get_tag(tag_id)
        resource = f"{self._store.java('asset model', 'AssetTag')} {tag_id}"
        self._store.require_administrator(caller, "DELETE", resource)
        del self._store.table("AssetTag")[tag_id]

    def delete_tags(self, tag_ids: Array[Long], caller: Caller) -> None:
        """Delete tags; for administrators."""
        for tag_id in tag_ids:
            self.delete_tag(tag_id, caller)

    def get_tag(self, tag_id: Long) -> Tag:
        """The tag with that id."""
        return self._store.row("AssetTag", tag_id, area="asset", exception="NoSuchTagException")

    def get_group_tags(self, group_id: Long) -> list[Tag]:
        """The tags of a site, by name."""
        rows = self._store.table("AssetTag").values()
        return sorted((row for row in rows if row["groupId"] == group_id), key=lambda row: str(row["name"]))

    def get_group_tags_by_obc(self, *, group_id: Long, start: int, end: int, obc: TagComparator) -> list[Tag]:
        """The tags of a site from `start` to before `end`; an order is not looked at."""
        del obc
        return window(self.get_group_tags(group_id), start, end)

    def get_group_tags_ordered(
        self, *, group_id: Long, start: int, end: int, order_by_comparator: TagComparator
    ) -> list[Tag]:
        """The tags of a site from `start` to before `end`; an order is not looked at."""
        return self.get_group_tags_by_obc(group_id=group_id, start=start, end=end, obc=order_by_comparator)

    def get_group_tags_count(self, group_id: Long) -> int:
        """How many tags a site has."""
        return len(self.get_group_tags(group_id))

    def get_group_tags_display(self, *, group_id: Long, name: str | None, start: int, end: int) -> TagPage:
        """The tags of a site as a page of a table."""
        tags = self.get_tags_by_name(group_id=group_id, name=name or "", start=-1, end=-1)
        return _page("com.liferay.portlet.asset.model.AssetTagDisplay", {"tags": tags}, start=start, end=end)

    def get_groups_tags(self, group_ids: Array[Long]) -> list[Tag]:
        """The tags of several sites by name, one of each name."""
        found: dict[str, Model] = {}
        for tag in (tag for group_id in group_ids for tag in self.get_group_tags(group_id)):
            found.setdefault(str(tag["name"]), tag)
        return [found[name] for name in sorted(found)]

    def get_tags(self, *, group_id: Long, name: str, tag_properties: Array[str] | None, start: int, end: int) -> list[Tag]:
        """The tags of a site whose name holds a text; `%` stands for anything, properties are not looked at."""
        del tag_properties
        return self.get_tags_by_name(group_id=group_id, name=name, start=start, end=end)

    def get_tags_by_name(self, *, group_id: Long, name: str, start: int, end: int) -> list[Tag]:
        """The tags of a site whose name holds a text; `%` stands for anything."""
        part = name.strip("%").lower()
        return window([tag for tag in self.get_group_tags(group_id) if part in str(tag["name"])], start, end)

    def get_tags_of_groups(
        self, *, group_ids: Array[Long], name: str, tag_properties: Array[str] | None, start: int, end: int
    ) -> list[Tag]:
        """The tags of several sites whose name holds a text, on 6.2."""
        del tag_properties
        return self.get_tags_of_groups_by_name(group_ids=group_ids, name=name, start=start, end=end)

    def get_tags_of_groups_by_name(self, *, group_ids: Array[Long], name: str, start: int, end: int) -> list[Tag]:
        """The tags of several sites whose name holds a text, on 7.x."""
        found = [self.get_tags_by_name(group_id=each, name=name, start=-1, end=-1) for each in group_ids]
        return window([tag for tags in found for tag in tags], start, end)

    def search_old(self, *, group_id: Long, name: str, tag_properties: Array[str] | None, start: int, end: int) -> JsonArray:
        """The names of those tags as a list to choose from, on 6.2."""
        del tag_properties
        return self.search(group_id=group_id, name=name, start=start, end=end)

    def search(self, *, group_id: Long, name: str, start: int, end: int) -> JsonArray:
        """The names of those tags as a list to choose from, on 7.x."""
        tags = self.get_tags_by_name(group_id=group_id, name=name, start=start, end=end)
        return [{"text": tag["name"], "value": tag["name"]} for tag in tags]

    def get_tags_count(self, group_id: Long, name: str) -> int:
        """How many tags of a site have a name that holds a text."""
        return len(self.get_tags_by_name(group_id=group_id, name=name, start=-1, end=-1))


class VocabularyServices:
    """The vocabularies of the sites."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        actions: Actions = [
            ("/assetvocabulary/add-vocabulary", self.add_vocabulary),
            ("/assetvocabulary/add-vocabulary", self.add_translated_vocabulary),
            ("/assetvocabulary/add-vocabulary", self.add_titled_vocabulary),
            ("/assetvocabulary/delete-vocabularies", self.delete_vocabularies),
            ("/assetvocabulary/delete-vocabularies", self.delete_vocabularies_at_once),
            ("/assetvocabulary/delete-vocabulary", self.delete_vocabulary),
            ("/assetvocabulary/get-group-vocabularies", self.get_group_vocabularies),
            ("/assetvocabulary/get-group-vocabularies-count", self.get_group_vocabularies_count),
            ("/assetvocabulary/get-group-vocabularies-display", self.get_group_vocabularies_display),
            ("/assetvocabulary/get-groups-vocabularies", self.get_groups_vocabularies),
            ("/assetvocabulary/get-vocabularies", self.get_vocabularies),
            ("/assetvocabulary/get-vocabulary", self.get_vocabulary),
        ]
        register(registry, self._store.java("asset service", "AssetVocabularyService"), actions)

    def add_vocabulary(self, *, title: str, service_context: ServiceContext | None, caller: Caller) -> Vocabulary:
        """Add a vocabulary by its title."""
        return self._add(scope_of(service_context), caller, name=title, title=title)

    def add_translated_vocabulary(
        self,
        *,
        title_map: LocaleMap,
        description_map: LocaleMap | None,
        settings: str | None,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> Vocabulary:
        """Add a vocabulary by its titles; the one in English is kept."""
        texts = {str(locale): text for locale, text in title_map.items()}
        name = texts.get("en_US", "")
        vocabulary = self._add(scope_of(service_context), caller, name=name, title=localized("Title", texts))
        return _described(vocabulary, description_map, settings)

    def add_titled_vocabulary(  # noqa: PLR0913 - the portal's parameters
        self,
        *,
        title: str,
        title_map: LocaleMap,
        description_map: LocaleMap | None,
        settings: str | None,
        service_context: ServiceContext | None,
        caller: Caller,
    ) -> Vocabulary:
        """Add a vocabulary by its title and its names."""
        texts = {str(locale): text for locale, text in title_map.items()}
        shown = localized("Title", texts) if is_null(title) else title
        vocabulary = self._add(scope_of(service_context), caller, name=texts.get("en_US", ""), title=shown)
        vocabulary.shown["titleCurrentValue"] = texts.get("en_US", "") if is_null(title) else title
        return _described(vocabulary, description_map, settings)

    def _add(self, group_id: int, caller: Caller, *, name: str, title: str) -> Model:
        store = self._store
        java_class = store.java("asset model", "AssetVocabulary")
        store.require_site(caller, group_id, "ADD_VOCABULARY", "com.liferay.portlet.asset")
        if is_null(name):
            raise store.error("asset", "VocabularyNameException")
        if any(row["name"] == name for row in self.get_group_vocabularies(group_id)):
            message = f"A category vocabulary with the name {name} already exists"
            raise store.error("asset", "DuplicateVocabularyException", message)
        require_short(name)
        vocabulary_id = store.next_id()
        shown = authored(store, caller, date=store.now()) | {
            "description": "",
            "descriptionCurrentValue": "",
            "groupId": JavaLong(group_id),
            "name": name,
            "settings": "",
            "title": title,
            "titleCurrentValue": name,
            "uuid": store.uuid(),
            "vocabularyId": vocabulary_id,
        }
        nested = model_getters(store, "AssetVocabulary", shown, key=vocabulary_id)
        row = store.table("AssetVocabulary")[vocabulary_id] = Model(java_class, shown, nested=nested)
        return row

    def delete_vocabulary(self, vocabulary_id: Long, caller: Caller) -> None:
        """Delete a vocabulary; for administrators."""
        self.get_vocabulary(vocabulary_id)
        resource = f"{self._store.java('asset model', 'AssetVocabulary')} {vocabulary_id}"
        self._store.require_administrator(caller, "DELETE", resource)
        del self._store.table("AssetVocabulary")[vocabulary_id]

    def delete_vocabularies(self, vocabulary_ids: Array[Long], caller: Caller) -> None:
        """Delete vocabularies; for administrators."""
        for vocabulary_id in vocabulary_ids:
            self.delete_vocabulary(vocabulary_id, caller)

    def delete_vocabularies_at_once(
        self, *, vocabulary_ids: Array[Long], service_context: ServiceContext | None, caller: Caller
    ) -> list[Vocabulary]:
        """Delete vocabularies and give those that could not be deleted: none."""
        del service_context
        self.delete_vocabularies(vocabulary_ids, caller)
        return []

    def get_vocabulary(self, vocabulary_id: Long) -> Vocabulary:
        """The vocabulary with that id."""
        return self._store.row("AssetVocabulary", vocabulary_id, area="asset", exception="NoSuchVocabularyException")

    def get_group_vocabularies(self, group_id: Long) -> list[Vocabulary]:
        """The vocabularies of a site."""
        return [row for row in self._store.table("AssetVocabulary").values() if row["groupId"] == group_id]

    def get_groups_vocabularies(self, group_ids: Array[Long]) -> list[Vocabulary]:
        """The vocabularies of several sites."""
        return [vocabulary for group_id in group_ids for vocabulary in self.get_group_vocabularies(group_id)]

    def get_vocabularies(self, vocabulary_ids: Array[Long]) -> list[Vocabulary]:
        """The vocabularies with those ids."""
        return [self.get_vocabulary(vocabulary_id) for vocabulary_id in vocabulary_ids]

    def get_group_vocabularies_count(self, group_id: Long) -> int:
        """How many vocabularies a site has."""
        return len(self.get_group_vocabularies(group_id))

    def get_group_vocabularies_display(
        self, *, group_id: Long, name: str, start: int, end: int, obc: Comparator
    ) -> VocabularyPage:
        """The vocabularies of a site as a page of a table; an order is not looked at."""
        del obc
        part = name.strip("%")
        rows = [row for row in self.get_group_vocabularies(group_id) if part in str(row["name"])]
        java_class = "com.liferay.portlet.asset.model.AssetVocabularyDisplay"
        return _page(java_class, {"vocabularies": rows}, start=start, end=end)


def _page(java_class: str, rows: dict[str, list[Model]], *, start: int, end: int) -> Model:
    shown: dict[str, object] = {"end": end, "start": start}
    shown["page"] = end // (end - start) if end > start else 0
    for name, found in rows.items():
        shown |= {name: window(found, start, end), "total": len(found)}
    return Model(java_class, shown)


def _described(vocabulary: Model, descriptions: LocaleMap | None, settings: str | None) -> Model:
    texts = {str(locale): text for locale, text in (descriptions or {}).items()}
    vocabulary.shown |= {
        "description": localized("Description", texts),
        "descriptionCurrentValue": texts.get("en_US", ""),
        "settings": settings or "",
    }
    return vocabulary
