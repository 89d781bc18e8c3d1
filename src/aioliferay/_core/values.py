"""Java objects that parameters take, as Python values: service contexts, comparators, files. Knows what they may hold."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic and dataclasses read it
import re
from collections.abc import AsyncIterable, Mapping  # noqa: TC003 - pydantic and dataclasses read it
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, BinaryIO, ClassVar, Final, Protocol
from uuid import UUID  # noqa: TC003 - pydantic and dataclasses read it

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

_JAVA_CLASS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[.$][A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


class WorkflowAction(IntEnum):
    """What becomes of what a service adds or updates (`WorkflowConstants`)."""

    PUBLISH = 1
    SAVE_DRAFT = 2


def _alias(name: str) -> str:
    return _SPELT.get(name, to_camel(name))


_SPELT: Final = {"layout_full_url": "layoutFullURL", "layout_url": "layoutURL", "portal_url": "portalURL"}
_SPELT["current_url"] = "currentURL"


class ServiceContext(BaseModel):
    """The circumstances of a call, which many services take: site, permissions, tags, workflow.

    What is left out, or None, is not sent, and the portal fills it in. **Without `scope_group_id` the portal works in the
    Guest site**, and says nothing. It ignores names that it does not know, so they are refused here (`protocol.md` F.36).
    The same class serves 6.2 (`com.liferay.portal.service`) and 7.x (`com.liferay.portal.kernel.service`). 7.x ignores
    what it no longer has, and 6.2 what it does not have yet.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=_alias, populate_by_name=True, extra="forbid", frozen=True, defer_build=True
    )

    scope_group_id: int | None = None
    """The site to work in."""
    company_id: int | None = None
    user_id: int | None = None
    uuid: str | UUID | None = None
    """Of what is added."""
    add_group_permissions: bool | None = None
    """Whether members of the site get the default permissions."""
    add_guest_permissions: bool | None = None
    """Whether guests get the default permissions."""
    derive_default_permissions: bool | None = None
    group_permissions: list[str] | None = None
    """Names of actions that members of the site may do, such as `VIEW`."""
    guest_permissions: list[str] | None = None
    """Names of actions that guests may do."""
    asset_category_ids: list[int] | None = None
    asset_tag_names: list[str] | None = None
    asset_link_entry_ids: list[int] | None = None
    asset_priority: float | None = None
    """7.x only."""
    asset_entry_visible: bool | None = None
    workflow_action: WorkflowAction | int | None = None
    """Publish, or save as a draft."""
    expando_bridge_attributes: Mapping[str, Any] | None = None
    """Values of custom fields by their names."""
    attributes: Mapping[str, Any] | None = None
    """Whatever the service reads from `ServiceContext.getAttribute`."""
    create_date: dt.datetime | None = None
    """With a time zone."""
    modified_date: dt.datetime | None = None
    """With a time zone."""
    indexing_enabled: bool | None = None
    language_id: str | None = None
    command: str | None = None
    plid: int | None = None
    current_url: str | None = None
    layout_full_url: str | None = None
    layout_url: str | None = None
    portal_url: str | None = None

    def to_params(self) -> dict[str, object]:
        """Return what is set, under the portal's names."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {_alias(name): value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Typed:
    """A parameter as an object of a Java class that you name: the portal makes one, and fills it with `value`.

    On the wire it is `+name: class` without a value, and `name:class: "<JSON text>"` with one (`protocol.md` A.5); text is
    taken for JSON text already. The class must be of the type that the service declares. Since 7.2.1 the portal instantiates
    only classes that it has in a list.

    Raises:
        ValueError: the class is not named in full, such as `java.util.HashMap`.
    """

    java_class: str
    value: object = field(default=None)

    def __post_init__(self) -> None:
        if not isinstance(self.java_class, str):
            raise TypeError(f"a Java class is named by text, not {type(self.java_class).__name__}")
        if not _JAVA_CLASS.fullmatch(self.java_class):
            raise ValueError(f"{self.java_class[:200]!r} does not name a Java class, such as 'java.util.HashMap'")


class OrderByComparator(Typed):
    """The order of a list, named by its Java class.

    Such as `OrderByComparator("com.liferay.portlet.blogs.util.comparator.EntryDisplayDateComparator")`. The direction cannot
    be set: the portal makes the comparator without arguments, and has no setter for it.
    """

    __slots__ = ()

    def __init__(self, java_class: str) -> None:
        super().__init__(java_class)


class FilePath(Protocol):
    """A path, as `pathlib.Path` is one."""

    def __fspath__(self) -> str:
        """Return the path as text."""
        ...


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file for a service that takes one. Files never travel in a batch.

    Attributes:
        content: its bytes; a path to read from; a file opened for reading bytes; or an asynchronous iterator of bytes.
        filename: the name that the portal is told, by default that of the path.
        content_type: its MIME type; by default the portal decides by the name.
    """

    content: bytes | FilePath | BinaryIO | AsyncIterable[bytes] = field(repr=False)
    filename: str | None = None
    content_type: str | None = None
