"""What a sample portal keeps: rows by id, the next id, a clock of its own; and how each version names its exceptions."""

import datetime as dt
import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aioliferay.testing._java import JavaError, JavaLong, Model, Version
from aioliferay.testing._registry import Caller, Registry

COMPANY_ID = 20155
GUEST_SITE_ID = 20182
DEFAULT_USER_ID = 20159
ADMINISTRATOR_ID = 20199
ORDINARY_USER_ID = 20514

STARTED_AT = dt.datetime(2026, 11, 22, 22, 25, 31, 661000, dt.UTC)
_FIRST_FREE_ID = 20520
_NAMESPACE = uuid.UUID("46ba01c9-8409-46fc-908b-a44c8c8515e3")

PACKAGES: dict[Version, dict[str, str]] = {
    "6.2": {
        "portal": "com.liferay.portal.",
        "model": "com.liferay.portal.model.",
        "service": "com.liferay.portal.service.",
        "security": "com.liferay.portal.security.auth.",
        "blogs": "com.liferay.portlet.blogs.",
        "blogs model": "com.liferay.portlet.blogs.model.",
        "blogs service": "com.liferay.portlet.blogs.service.",
        "bookmarks": "com.liferay.portlet.bookmarks.",
        "bookmarks model": "com.liferay.portlet.bookmarks.model.",
        "bookmarks service": "com.liferay.portlet.bookmarks.service.",
        "journal": "com.liferay.portlet.journal.",
        "journal model": "com.liferay.portlet.journal.model.",
        "journal service": "com.liferay.portlet.journal.service.",
        "asset": "com.liferay.portlet.asset.",
        "asset model": "com.liferay.portlet.asset.model.",
        "asset service": "com.liferay.portlet.asset.service.",
        "documents": "com.liferay.portlet.documentlibrary.",
        "documents model": "com.liferay.portlet.documentlibrary.model.",
        "documents service": "com.liferay.portlet.documentlibrary.service.",
    },
    "7.0": {
        "portal": "com.liferay.portal.kernel.exception.",
        "model": "com.liferay.portal.kernel.model.",
        "service": "com.liferay.portal.kernel.service.",
        "security": "com.liferay.portal.kernel.security.auth.",
        "blogs": "com.liferay.blogs.kernel.exception.",
        "blogs model": "com.liferay.blogs.kernel.model.",
        "blogs service": "com.liferay.blogs.kernel.service.",
        "bookmarks": "com.liferay.bookmarks.exception.",
        "bookmarks model": "com.liferay.bookmarks.model.",
        "bookmarks service": "com.liferay.bookmarks.service.",
        "journal": "com.liferay.journal.exception.",
        "journal model": "com.liferay.journal.model.",
        "journal service": "com.liferay.journal.service.",
        "asset": "com.liferay.asset.kernel.exception.",
        "asset model": "com.liferay.asset.kernel.model.",
        "asset service": "com.liferay.asset.kernel.service.",
        "documents": "com.liferay.document.library.kernel.exception.",
        "documents model": "com.liferay.document.library.kernel.model.",
        "documents service": "com.liferay.document.library.kernel.service.",
    },
}
PACKAGES["7.4"] = PACKAGES["7.0"] | {
    "blogs": "com.liferay.blogs.exception.",
    "blogs model": "com.liferay.blogs.model.",
    "blogs service": "com.liferay.blogs.service.",
}


Actions = list[tuple[str, Callable[..., Any]]]


class Store:
    """The rows of one portal, by table and id; ids, times and uuids come out the same in every run."""

    def __init__(self, version: Version) -> None:
        self.version: Version = version
        self.passwords: dict[int, str] = {}
        self._tables: dict[str, dict[int, Model]] = {}
        self._next_id = _FIRST_FREE_ID
        self._now = STARTED_AT + dt.timedelta(minutes=5)

    def table(self, name: str) -> dict[int, Model]:
        """The rows called `name` ("User", "BlogsEntry"), in the order they were made."""
        return self._tables.setdefault(name, {})

    def next_id(self, count: int = 1) -> JavaLong:
        """A fresh id; the portal's counter goes on by `count`, for rows nobody sees."""
        self._next_id += count
        return JavaLong(self._next_id - count)

    def now(self) -> dt.datetime:
        """A time, later at each call."""
        self._now += dt.timedelta(milliseconds=13)
        return self._now

    def uuid(self) -> str:
        """A fresh uuid."""
        return str(uuid.uuid5(_NAMESPACE, str(self.next_id())))

    def java(self, area: str, name: str) -> str:
        """The full name that this version gives to a class of an area."""
        return PACKAGES[self.version][area] + name

    def error(self, area: str, name: str, message: str | None = None, *, is_not_found: bool = False) -> JavaError:
        """An exception of this version."""
        return JavaError(self.java(area, name), message, is_not_found=is_not_found)

    def row(self, table: str, key: int, *, area: str = "portal", exception: str = "") -> Model:
        """The row with that id; the version's NoSuch...Exception if there is none."""
        try:
            return self.table(table)[key]
        except KeyError:
            raise self.missing(table, f"primary key {key}", area=area, exception=exception) from None

    def only(self, table: str, key: Mapping[str, object], *, area: str = "portal", exception: str = "") -> Model:
        """The row whose properties are `key`, whose order is the one of the exception's message."""
        for row in self.table(table).values():
            if all(row[name] == value for name, value in key.items()):
                return row
        text = ", ".join(f"{name}={'null' if value is None else value}" for name, value in key.items())
        raise self.missing(table, f"key {{{text}}}", area=area, exception=exception)

    def missing(self, table: str, key: str, *, area: str = "portal", exception: str = "") -> JavaError:
        """The exception for a row that is not there."""
        name = exception or f"NoSuch{table}Exception"
        return self.error(area, name, f"No {table} exists with the {key}", is_not_found=True)

    def refusal(self, caller: Caller, action: str, resource: str) -> JavaError:
        """The PrincipalException for a caller who lacks a permission (`action` on `resource`, "<class> <id>")."""
        if self.version == "6.2":
            return self.error("security", "PrincipalException")
        message = f"User {caller.user_id} must have {action} permission for {resource}"
        return self.error("security", "PrincipalException$MustHavePermission", message)

    def require_site(self, caller: Caller, group_id: int, action: str, resource: str) -> None:
        """Let administrators pass, and only for a site that exists."""
        if not caller.is_administrator or group_id not in self.table("Group"):
            raise self.refusal(caller, action, f"{resource} {group_id}")

    def require_administrator(self, caller: Caller, action: str, resource: str) -> None:
        """Let administrators pass only."""
        if not caller.is_administrator:
            raise self.refusal(caller, action, resource)


def is_null(text: str | None) -> bool:
    """What Liferay's Validator takes for no text: None, blanks, and the word "null" among blanks."""
    return text is None or text.strip(" ") in {"", "null"}


LONGEST_TEXT = 75


def require_short(*texts: str | None) -> None:
    """Raise the database's complaint about a text that is longer than its column."""
    if any(len(text or "") > LONGEST_TEXT for text in texts):
        message = "org.hibernate.exception.DataException: Could not execute JDBC batch update"
        raise JavaError("com.liferay.portal.kernel.exception.SystemException", message)


def register(registry: Registry, interface: str, actions: Actions) -> None:
    """Register each function under its path; several of one path are overloads."""
    for path, function in actions:
        head, *rest = path.rpartition("/")[2].split("-")
        method = head + "".join(word.capitalize() for word in rest)
        registry.service(path, interface=f"{interface}#{method}")(_null_checked(function))


def _null_checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as Java has it: a null where it needs a value is a NullPointerException."""

    @functools.wraps(function)
    def call(**given: Any) -> Any:
        try:
            return function(**given)
        except (AttributeError, TypeError):
            if any(value is None for value in given.values()):
                raise JavaError("java.lang.NullPointerException") from None
            raise

    call.__doc__ = None  # or else discovery would show it as the portal's javadoc
    return call


def returning(function: Callable[..., Any], annotation: object) -> Callable[..., Any]:
    """The function with another annotation of its result: rows of several tables may come by one function."""

    @functools.wraps(function)
    def call(**given: Any) -> Any:
        return function(**given)

    call.__annotations__ = function.__annotations__ | {"return": annotation}
    return call


def window(rows: Sequence[Model], start: int, end: int) -> list[Model]:
    """The rows from `start` to before `end`, as the portal counts them: -1 and -1 are all."""
    return list(rows) if start == end == -1 else list(rows[max(start, 0) : max(end, 0)])
