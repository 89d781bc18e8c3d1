"""Makes a Java argument of a value that came as JSON or text, as JSONWebServiceActionImpl and jodd do. Knows no paths."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from aioliferay.testing._java import (
    Array,
    Bean,
    File,
    JavaEnum,
    JavaError,
    JavaType,
    Locale,
    Model,
    ServiceContext,
    Version,
    properties_of,
)
from aioliferay.testing._json import JsonError, parse
from aioliferay.testing._text import java_string

MAP_CLASSES = (
    "java.util.HashMap",
    "java.util.LinkedHashMap",
    # Classes of 6.2's parameters that can be instantiated: of an instance only the properties set are kept, as a dict.
    "com.liferay.portal.kernel.search.SearchContext",
    "com.liferay.portal.kernel.util.UnicodeProperties",
    "com.liferay.portal.theme.ThemeDisplay",
    "com.liferay.portlet.asset.service.persistence.AssetEntryQuery",
    "com.liferay.portlet.dynamicdatamapping.storage.Fields",
    "com.liferay.portlet.social.model.SocialActivityCounterDefinition",
)
TRUE_WORDS = ("yes", "y", "true", "on", "1")
FALSE_WORDS = ("no", "n", "false", "off", "0")
BITS = {"byte": 8, "short": 16, "int": 32, "integer": 32, "long": 64}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ConversionError(Exception):
    """A value that jodd cannot convert; `text` is the message."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def convert(value: object, kind: JavaType, version: Version) -> object:
    """The argument of type `kind` made of `value`, which is not None.

    Raises `JavaError` in the portal's words: mostly a ClassCastException "Conversion failed: ...".
    """
    if kind.is_array:
        return _array(value, kind, version)
    if kind.python is not None and issubclass(kind.python, JavaEnum) and version != "6.2":
        return _constant(java_string(value), kind)
    return CONTAINERS.get(kind.name, _plain)(value, kind, version)


def moment(milliseconds: int) -> datetime:
    """The time in UTC, at the nearest end of Python's calendar where Java's goes further."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime(9999, 12, 31, tzinfo=UTC) if milliseconds > 0 else datetime(1, 1, 1, tzinfo=UTC)


def _plain(value: object, kind: JavaType, version: Version) -> object:
    try:
        return _jodd(value, kind, version)
    except ConversionError as error:
        if isinstance(value, Mapping):
            return _filled(kind, cast("Mapping[str, object]", value), version, error)
        text = java_string(value).strip()
        if not text.startswith("{"):
            raise JavaError("java.lang.ClassCastException", error.text) from error
        parsed = parse_value(text, version)
        if not isinstance(parsed, Mapping):
            raise JavaError("java.lang.ClassCastException", error.text) from error
        return _filled(kind, cast("Mapping[str, object]", parsed), version, error)


def parse_value(text: str, version: Version) -> object:
    """JSON text inside a parameter; raises the parser's own Java exception."""
    try:
        return parse(text, version)
    except JsonError as error:
        raise JavaError("flexjson.JSONException" if version == "6.2" else error.java_class, error.text) from error


def _filled(kind: JavaType, entries: Mapping[str, object], version: Version, error: ConversionError) -> object:
    if kind.name in MAP_CLASSES:
        return dict(entries)
    if kind.name.endswith(".ServiceContext"):
        return ServiceContext(entries)
    cls = implementation_of(kind, version)
    if cls is None:
        raise JavaError("java.lang.ClassCastException", error.text)
    return fill(cls(), entries, version)


def implementation_of(kind: JavaType, version: Version) -> type[Bean] | None:
    """The class to instantiate for a bean parameter; for an interface 7.x tries the one called `...Impl`."""
    cls = kind.python
    if cls is None or not issubclass(cls, Bean):
        return None
    if not cls.is_interface:
        return cls
    subclasses = {sub.java_class: sub for sub in all_subclasses(cls) if not sub.is_interface}
    return subclasses.get(implementation_name(kind.name)) if version != "6.2" else None


def implementation_name(name: str) -> str:
    """What Liferay calls the implementation of a model: `a.model.User` -> `a.model.impl.UserImpl`."""
    return f"{name.replace('.model.', '.model.impl.')}Impl"


def all_subclasses(cls: type[Bean]) -> list[type[Bean]]:
    """The subclasses of a bean's class, at any depth."""
    direct = cls.__subclasses__()
    return direct + [deeper for sub in direct for deeper in all_subclasses(sub)]


def fill(bean: Bean, entries: Mapping[str, object], version: Version) -> Bean:
    """Set what the bean has of `entries`; the rest, and what does not convert, is passed over."""
    for name, value in entries.items():
        set_property(bean, name, value, version)
    return bean


def set_property(target: object, name: str, value: object, version: Version) -> None:
    """Set one property of a parameter; a failure is silent, as on the portal."""
    if isinstance(target, ServiceContext):
        target.attributes[name] = value
    elif isinstance(target, dict):
        cast("dict[str, object]", target)[name] = value
    elif isinstance(target, Model):
        target.shown[name] = value
    elif isinstance(target, Bean) and name in (properties := properties_of(type(target))):
        attribute, kind = properties[name]
        try:
            setattr(target, attribute, None if value is None else convert(value, kind, version))
        except (JavaError, AttributeError):
            return


def default_value(kind: JavaType) -> object:
    """A new instance, for `+name`; raises InstantiationException for what has no constructor."""
    if kind.name.endswith(".ServiceContext"):
        return ServiceContext()
    makers: dict[str, object] = {
        **{name: {} for name in MAP_CLASSES},
        "java.util.ArrayList": [],
        "java.lang.String": "",
        "java.util.Date": datetime.now(UTC),
    }
    if kind.name in makers:
        return copy.copy(makers[kind.name])
    cls = kind.python
    if cls is not None and issubclass(cls, Bean) and not cls.is_interface:
        return cls()
    is_abstract = kind.name == "com.liferay.portal.kernel.util.OrderByComparator"
    raise JavaError("java.lang.InstantiationException", None if is_abstract else kind.name)


def _array(value: object, kind: JavaType, version: Version) -> object:
    component = kind.items[0] if kind.items else JavaType("java.lang.Object")
    if version == "7.4" and isinstance(value, bytes) and component.name == "byte":
        return bytes(value)
    items = _parsed_list(value, version)
    if component.is_primitive and any(item is None for item in items):
        raise JavaError("java.lang.IllegalArgumentException")
    converted = [item if item is None else _item(item, kind, 0, version) for item in items]
    if component.name == "byte":
        return bytes(cast("int", item) & 0xFF for item in converted)
    return Array(converted, component)


def _item(value: object, kind: JavaType, place: int, version: Version) -> object:
    wanted = kind.items[place] if len(kind.items) > place else JavaType("java.lang.Object")
    try:
        return _jodd(value, wanted, version)
    except ConversionError as error:
        if isinstance(value, Mapping) and version != "6.2":
            cls = implementation_of(wanted, version)
            if cls is not None:
                return fill(cls(), cast("Mapping[str, object]", value), version)
        raise JavaError("jodd.typeconverter.TypeConversionException", error.text) from error


def _list(value: object, kind: JavaType, version: Version) -> list[object]:
    return [item if item is None else _item(item, kind, 0, version) for item in _parsed_list(value, version)]


def _calendar(value: object, kind: JavaType, version: Version) -> datetime:
    del kind, version
    return moment(loose_long(value))


def _parsed_list(value: object, version: Version) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    text = java_string(value).strip()
    parsed = parse_value(text if text.startswith("[") else f"[{text}]", version)
    return cast("list[object]", parsed)


def _map(value: object, kind: JavaType, version: Version) -> dict[object, object]:
    entries = value
    text = java_string(value)
    if not isinstance(entries, Mapping):
        entries = parse_value(text.strip(), version)
    if not isinstance(entries, Mapping):
        raise JavaError("java.lang.ClassCastException", f"Conversion failed: {text}")
    if not kind.items:
        return dict(cast("Mapping[object, object]", entries))
    pairs = cast("Mapping[object, object]", entries).items()
    return {_item(key, kind, 0, version): item if item is None else _item(item, kind, 1, version) for key, item in pairs}


def _locale(text: str) -> Locale:
    language, _, country = text.strip().partition("_")
    return Locale(f"{language.lower()}_{country.upper()}" if country else language.lower())


def _constant(text: str, kind: JavaType) -> object:
    constants = cast("type[JavaEnum]", kind.python).__members__
    if text not in constants:
        raise JavaError("java.lang.IllegalArgumentException", f"No enum constant {kind.name}.{text}")
    return constants[text]


def loose_long(value: object) -> int:
    """GetterUtil.getLong: nought for what is no number."""
    text = java_string(value)
    return int(text) if re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text, re.ASCII) else 0


def _jodd(value: object, kind: JavaType, version: Version) -> object:
    """TypeConverterManager.convertType."""
    simple_name = kind.name.rpartition(".")[2].lower()
    if simple_name in BITS:
        return _whole(value, BITS[simple_name])
    if kind.name in SCALARS:
        return SCALARS[kind.name](value, version)
    if kind.is_array or kind.name in CONTAINERS:
        return convert(value, kind, version)
    if kind.python is not None and isinstance(value, kind.python):
        return value
    raise ConversionError(f"Conversion failed: {kind.name}")


def _whole(value: object, bits: int) -> int:
    """A whole number: a fraction is cut off and stays within the type's bounds, a whole number wraps around."""
    half = 1 << (bits - 1)
    if isinstance(value, float):
        return 0 if math.isnan(value) else int(min(max(value, -half), half - 1))
    if isinstance(value, int):
        return (int(value) + half) % (1 << bits) - half
    text = java_string(value).strip().removeprefix("+")
    if not re.fullmatch(r"[+-]?\d{1,50}", text, re.ASCII) or not -half <= int(text) < half:
        raise ConversionError(_not_a_number(value, text))
    return int(text)


def _not_a_number(value: object, text: str) -> str:
    return f'Conversion failed: {java_string(value)}; <--- java.lang.NumberFormatException: For input string: "{text}"'


def _fraction(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    text = java_string(value).strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        raise ConversionError(_not_a_number(value, text))
    return float(text)


def _boolean(value: object) -> bool:
    word = java_string(value).strip().lower()
    if word not in TRUE_WORDS + FALSE_WORDS:
        raise ConversionError(f"Conversion failed: {java_string(value)}")
    return word in TRUE_WORDS


def _class(value: object) -> str:
    """A class by its full name, which the fake takes for one it could load."""
    text = java_string(value)
    if not re.fullmatch(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)+", text, re.ASCII):
        raise ConversionError(f"Conversion failed: {text}; <--- java.lang.ClassNotFoundException: {text}")
    return text


def _file(value: object) -> File:
    if isinstance(value, File):
        return value
    if isinstance(value, str):
        return File(value.encode())
    raise ConversionError(f"Conversion failed: {java_string(value)}")


def _date(value: object, version: Version) -> datetime:
    if isinstance(value, int | float):
        return moment(int(value))
    text = java_string(value).strip()
    if re.fullmatch(r"\d{1,18}", text, re.ASCII):
        return moment(int(text))
    return _iso_date(text) if version == "7.4" else _jodd_date(text)


def _jodd_date(text: str) -> datetime:
    """JDateTime's lenient `YYYY-MM-DD hh:mm:ss.mss`: a field ends at its separator, or with the text."""
    fields: list[int] = []
    rest: str | None = text
    for separator in ("-", "-", " ", ":", ":", ".", "\0"):
        if rest is None:
            break
        field, found, tail = rest.partition(separator)
        rest = tail if found else None
        if not re.fullmatch(r"[+-]?\d+", field, re.ASCII):
            raise ConversionError(f'For input string: "{field}"')
        fields.append(int(field))
    return _checked_date(fields, text)


def _checked_date(fields: list[int], text: str) -> datetime:
    year, month, day, hour, minute, second, milli = fields + [1, 1, 1, 0, 0, 0, 0][len(fields) :]
    try:
        return datetime(year, month, day, hour, minute, second, milli * 1000, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ConversionError(f"Conversion failed: {text}") from error


def _iso_date(text: str) -> datetime:
    """`yyyy-M-d`, with an ISO time if wanted."""
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\S+))?", text, re.ASCII)
    if match is None:
        raise ConversionError(f"Conversion failed: {text}")
    year, month, day, time = match.groups()
    try:
        moment = datetime.fromisoformat(f"{year}-{int(month):02}-{int(day):02}T{time or '00:00:00'}")
    except ValueError as error:
        raise ConversionError(f"Conversion failed: {text}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


CONTAINERS: dict[str, Callable[[object, JavaType, Version], object]] = {
    "java.util.Calendar": _calendar,
    "java.util.Collection": _list,
    "java.util.List": _list,
    "java.util.Map": _map,
}
SCALARS: dict[str, Callable[[object, Version], object]] = {
    "boolean": lambda value, _: _boolean(value),
    "double": lambda value, _: _fraction(value),
    "float": lambda value, _: _fraction(value),
    "java.io.File": lambda value, _: _file(value),
    "java.lang.Boolean": lambda value, _: _boolean(value),
    "java.lang.Class": lambda value, _: _class(value),
    "java.lang.Double": lambda value, _: _fraction(value),
    "java.lang.Float": lambda value, _: _fraction(value),
    "java.lang.Object": lambda value, _: value,
    "java.lang.String": lambda value, _: java_string(value),
    "java.util.Date": _date,
    "java.util.Locale": lambda value, _: _locale(java_string(value)),
}
