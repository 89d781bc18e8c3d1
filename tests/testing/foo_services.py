"""The /foo and /edge services that the recorded vectors were made with, as each vector's note describes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from aioliferay.testing._java import (
    Array,
    Bean,
    Calendar,
    Excluded,
    IntObject,
    JavaError,
    Locale,
    LocaleMap,
    Long,
    LongObject,
    Name,
    Shown,
)
from aioliferay.testing._text import java_string

if TYPE_CHECKING:
    from aioliferay.testing._registry import Registry

PACKAGE = "com.liferay.portal.jsonwebservice"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = EPOCH + timedelta(milliseconds=1330419334285)


class FooData(Bean):
    """An interface: only its implementation can be instantiated."""

    java_class: ClassVar[str] = f"{PACKAGE}.FooData"
    is_interface: ClassVar[bool] = True
    height: int
    id: int
    name: str
    value: str

    def __init__(self) -> None:
        self.height = 177
        self.id = -1
        self.name = "John Doe"
        self.value = "foo!"

    def __str__(self) -> str:
        return f"h={self.height}/id={self.id}/n={self.name}/v={self.value}"


class FooDataImpl(FooData):
    """The implementation."""

    java_class: ClassVar[str] = f"{PACKAGE}.FooDataImpl"
    is_interface: ClassVar[bool] = False


class FooDataAltImpl(Bean):
    """A bean with an array that is shown and a property that never is."""

    java_class: ClassVar[str] = f"{PACKAGE}.FooDataAltImpl"
    array: Annotated[Array[int], Shown]
    height: int
    id: int
    name: str
    value: Annotated[str, Excluded]

    def __init__(self) -> None:
        self.array = Array([9, 5, 7])
        self.height = 8
        self.id = 2
        self.name = "life"
        self.value = "hidden"


class FooDataPage(Bean):
    """A bean with a bean and a list in it."""

    java_class: ClassVar[str] = f"{PACKAGE}.FooDataPage"
    data: FooDataAltImpl
    list: Annotated[list[FooDataImpl], Shown]
    page: int

    def __init__(self) -> None:
        self.data = FooDataAltImpl()
        self.list = foo_datas()
        self.page = 3


class FooBar(Bean):
    """A bean with a secret."""

    java_class: ClassVar[str] = f"{PACKAGE}.FooBar"
    array: Annotated[Array[int], Shown]
    secret: Annotated[str, Excluded]
    value: str

    def __init__(self) -> None:
        self.array = Array([1, 2, 3])
        self.secret = "secret"
        self.value = "value"


KNOWN_DATA = {7: ("James Bond", 173, "licensed"), -13: ("Dr. Evil", 59, "fun")}


def foo_data(number: int) -> FooDataImpl:
    """The bean of a number."""
    bean = FooDataImpl()
    bean.id = number
    if number in KNOWN_DATA:
        bean.name, bean.height, bean.value = KNOWN_DATA[number]
    return bean


def foo_datas() -> list[FooDataImpl]:
    """Three beans."""
    return [foo_data(number) for number in (1, 2, 3)]


def register_foo(registry: Registry) -> None:
    """Register everything under /foo, and /edge."""
    _register_reads(registry)
    _register_overloads(registry)
    _register_uses(registry)
    _register_edge_results(registry)
    _register_edge_failures(registry)
    _register_edge_conversions(registry)


def _register_reads(registry: Registry) -> None:
    @registry.service("/foo/hello", guest=True)
    def hello() -> str:
        return "world"

    @registry.service("/foo/hello-world", guest=True)
    def hello_world(user_id: IntObject, world_name: str | None) -> str:
        return f"Welcome {java_string(user_id)} to {java_string(world_name)}"

    @registry.service("/foo/null-return", guest=True)
    def null_return() -> str | None:
        return None

    @registry.service("/foo/get-foo-data", guest=True)
    def get_foo_data(id: int) -> FooData:  # noqa: A002 # the parameter's name on the wire
        return foo_data(id)

    @registry.service("/foo/get-foo-datas", guest=True)
    def get_foo_datas() -> list[FooDataImpl]:
        return foo_datas()

    @registry.service("/foo/get-foo-datas2", guest=True)
    def get_foo_datas2() -> Array[FooDataImpl]:
        return Array(foo_datas())

    @registry.service("/foo/get-foo-datas3", guest=True)
    def get_foo_datas3() -> Array[int]:
        return Array([1, 2, 3])

    @registry.service("/foo/get-foo-data-page", guest=True)
    def get_foo_data_page() -> FooDataPage:
        return FooDataPage()

    @registry.service("/foo/bar", guest=True)
    def bar() -> FooBar:
        return FooBar()


def _register_overloads(registry: Registry) -> None:
    @registry.service("/foo/method-one", guest=True)
    def method_one_ids(id: Long, name_id: Long) -> str:  # noqa: A002 # the parameter's name on the wire
        return f"m-2{'' if id is not None and name_id is not None else '!'}"

    @registry.service("/foo/method-one", guest=True)
    def method_one_all(id: LongObject, name_id: LongObject, subname: str | None) -> str:  # noqa: A002 # the parameter's name on the wire
        return "m-3"

    @registry.service("/foo/method-one", guest=True)
    def method_one_name(id: LongObject, name: str | None) -> str:  # noqa: A002 # the parameter's name on the wire
        return "m-1"

    @registry.service("/foo/null-lover", guest=True)
    def null_lover(name: str | None, number: int) -> str:
        return "null!" if name is None else f"[{name}|{number}]"

    @registry.service("/foo/camel", guest=True)
    def camel(good_name: str | None, bad_name: Annotated[str | None, Name("badNAME")]) -> str:
        return f"{java_string(good_name)}*{java_string(bad_name)}"


def _register_uses(registry: Registry) -> None:
    @registry.service("/foo/use1", guest=True)
    def use1(foo_data: FooDataImpl | None) -> str:
        return f"using #1: {foo_data or 'null'}"

    @registry.service("/foo/use2", guest=True)
    def use2(foo_data: FooData | None) -> str:
        return f"using #2: {foo_data or 'null'}"

    @registry.service("/foo/hey", guest=True)
    def hey(calendar: Calendar, user_ids: Array[Long], locales: list[Locale], ids: Array[LongObject]) -> str:
        parts = [f"{items[0]}/{len(items)}" for items in (user_ids, locales, ids)]
        return ", ".join([str(calendar.year), *parts])

    @registry.service("/foo/search", guest=True)
    def search(name: str, params: Array[str]) -> str:
        return f"search {name}>{','.join(params)}"

    @registry.service("/foo/complex", guest=True)
    def complex_(longs: list[LongObject], ints: Array[int], map: dict[str, Long]) -> int:  # noqa: A002 # the parameter's name on the wire
        return len(longs) + len(ints) + len(map)

    @registry.service("/foo/complex-with-arrays", guest=True)
    def complex_with_arrays(long_arrays: list[Array[Long]], map_names: dict[str, Array[str]]) -> str:
        arrays = "|".join(java_string(list(array)) for array in long_arrays)
        names = "|".join(f"{key}={java_string(list(value))}" for key, value in map_names.items())
        return f"{arrays}|*{names}|"


def _register_edge_results(registry: Registry) -> None:  # noqa: C901 # a list of services
    @registry.service("/edge/do-void", guest=True)
    def do_void() -> None:
        return None

    @registry.service("/edge/get-prim-long", guest=True)
    def get_prim_long() -> Long:
        return 42

    @registry.service("/edge/get-long", guest=True)
    def get_long() -> LongObject:
        return 12345678901234

    @registry.service("/edge/get-double", guest=True)
    def get_double() -> float:
        return 1.5

    @registry.service("/edge/get-bool", guest=True)
    def get_bool() -> bool:
        return True

    @registry.service("/edge/get-date", guest=True)
    def get_date() -> datetime:
        return MOMENT

    @registry.service("/edge/get-map", guest=True)
    def get_map() -> dict[str, object]:
        return {"a": 1, "when": EPOCH, "l": [1, 2], "n": None}

    @registry.service("/edge/get-empty", guest=True)
    def get_empty() -> list[object]:
        return []

    @registry.service("/edge/get-longs", guest=True)
    def get_longs() -> list[LongObject]:
        return [1, 2, 3]

    @registry.service("/edge/get-long-arr", guest=True)
    def get_long_arr() -> Array[Long]:
        return Array([1, 2, 3])


def _register_edge_failures(registry: Registry) -> None:
    @registry.service("/edge/fail", guest=True)
    def fail(message: str | None) -> None:
        raise JavaError("java.lang.RuntimeException", message)

    @registry.service("/edge/fail-checked", guest=True)
    def fail_checked(message: str | None) -> None:
        raise JavaError("com.liferay.portal.NoSuchUserException", message, is_not_found=True)

    @registry.service("/edge/fail-principal", guest=True)
    def fail_principal() -> None:
        raise JavaError("com.liferay.portal.security.auth.PrincipalException", "must be authenticated")

    @registry.service("/edge/fail-cause", guest=True)
    def fail_cause() -> None:
        raise JavaError("java.lang.RuntimeException", "outer", cause=JavaError("java.lang.IllegalStateException", "inner"))

    @registry.service("/edge/fail-security", guest=True)
    def fail_security() -> None:
        raise JavaError("java.lang.SecurityException", "Authenticated access required")

    @registry.service("/edge/fail-null", guest=True)
    def fail_null() -> None:
        raise JavaError("java.lang.RuntimeException")


def _register_edge_conversions(registry: Registry) -> None:  # noqa: C901 # as above
    @registry.service("/edge/echo", guest=True)
    def echo(value: str | None) -> str | None:
        return value

    @registry.service("/edge/bool", guest=True)
    def bool_(flag: bool) -> str:  # noqa: FBT001 # as the service has it
        return java_string(flag)

    @registry.service("/edge/int", guest=True)
    def int_(number: int) -> str:
        return str(number)

    @registry.service("/edge/long", guest=True)
    def long(number: Long) -> str:
        return str(number)

    @registry.service("/edge/double", guest=True)
    def double(number: float) -> str:
        return java_string(number)

    @registry.service("/edge/date", guest=True)
    def date(date: datetime) -> str:
        return str(round((date - EPOCH).total_seconds() * 1000))

    @registry.service("/edge/locale", guest=True)
    def locale(locale: Locale) -> str:
        return locale

    @registry.service("/edge/longs", guest=True)
    def longs(ids: Array[LongObject]) -> str:
        return java_string(list(ids))

    @registry.service("/edge/bytes", guest=True)
    def bytes_(bytes: bytes) -> str:  # noqa: A002 # the parameter's name on the wire
        return java_string([byte - 256 if byte > 127 else byte for byte in bytes])

    @registry.service("/edge/title-map", guest=True)
    def title_map(title_map: LocaleMap) -> str:
        return f"{{{', '.join(f'{key}={java_string(title_map[key])}' for key in sorted(title_map))}}}"
