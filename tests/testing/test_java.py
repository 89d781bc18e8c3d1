"""Java's types, values and errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar

import pytest

from aioliferay.testing._java import (
    Array,
    Bean,
    Calendar,
    File,
    IntObject,
    JavaEnum,
    JavaError,
    JavaLong,
    JavaMap,
    JavaType,
    Locale,
    LocaleMap,
    Long,
    LongObject,
    Model,
    Name,
    ServiceContext,
    as_java,
    class_of,
    epoch_milliseconds,
    getters_of,
    java_type,
    properties_of,
    simple_class_name,
)


class Suit(JavaEnum):
    HEARTS = 1


class Card(Bean):
    java_class: ClassVar[str] = "a.b.Card"
    suit: Suit
    face_value: Annotated[int, Name("FACE")]
    _hidden: int
    unset: str

    def __init__(self):
        self.suit = Suit.HEARTS
        self.face_value = 7

    @property
    def full_name(self) -> str:
        return "seven of hearts"


class Plain(Bean):
    pass


@pytest.mark.parametrize(
    ("annotation", "name", "items"),
    [
        (int, "int", []),
        (Long, "long", []),
        (LongObject, "java.lang.Long", []),
        (IntObject, "java.lang.Integer", []),
        (int | None, "java.lang.Integer", []),
        (Long | None, "java.lang.Long", []),
        (None, "void", []),
        (str | None, "java.lang.String", []),
        (bytes, "byte[]", ["byte"]),
        (datetime, "java.util.Date", []),
        (Calendar, "java.util.Calendar", []),
        (list[int], "java.util.List", ["java.lang.Integer"]),
        (list, "java.util.List", []),
        (Array[Long], "long[]", ["long"]),
        (Array[LongObject], "java.lang.Long[]", ["java.lang.Long"]),
        (Array[Array[Long]], "long[][]", ["long[]"]),
        (LocaleMap, "java.util.Map", ["java.util.Locale", "java.lang.String"]),
        (dict, "java.util.Map", []),
        (File, "java.io.File", []),
        (ServiceContext, "com.liferay.portal.service.ServiceContext", []),
        (Suit, "Suit", []),
        (Card, "a.b.Card", []),
        (Plain, "Plain", []),
        (object, "java.lang.Object", []),
        (Annotated[int, "note"], "int", []),
        (Annotated[object, JavaType("x.Y")], "x.Y", []),
    ],
)
def test_java_type(annotation, name, items):
    """Annotations stand for Java types."""
    kind = java_type(annotation)
    assert (name, items) == (kind.name, [item.name for item in kind.items])


def test_java_type_knows_arrays_and_primitives():
    """Types tell whether they are arrays, and whether null is possible."""
    assert [True, False] == [java_type(kind).is_array for kind in (Array[int], list[int])]
    assert [True, False, False] == [java_type(kind).is_primitive for kind in (Long, LongObject, str)]


def test_java_error_text():
    """An error's text is Throwable.toString()."""
    assert "a.B: boom" == str(JavaError("a.B", "boom"))
    assert "a.B" == str(JavaError("a.B"))


def test_as_java_marks_longs_and_arrays():
    """Values keep what their declared type says of them."""
    assert isinstance(as_java(5, java_type(Long)), JavaLong)
    assert not isinstance(as_java(bool(1), java_type(Long)), JavaLong)
    array = as_java([1], java_type(Array[Long]))
    assert isinstance(array, Array)
    assert "long" == array.component.name
    assert isinstance(array[0], JavaLong)
    assert isinstance(as_java([1], java_type(list[LongObject]))[0], JavaLong)
    assert isinstance(as_java({"a": 1}, java_type(dict[str, Long]))["a"], JavaLong)
    assert [1, -1] == as_java(b"\x01\xff", java_type(bytes))
    assert isinstance(as_java(Array([1]), java_type(object)), Array)
    assert File(b"x") is not None
    assert b"x" == as_java(File(b"x"), java_type(File))


def test_bean_getters():
    """A bean has the getters of its annotated attributes that are set, and of its properties."""
    assert [("FACE", 7), ("fullName", "seven of hearts"), ("suit", Suit.HEARTS)] == [
        (getter.name, getter.read()) for getter in getters_of(Card())
    ]
    assert {"FACE", "suit", "unset", "fullName"} == set(properties_of(Card))


def test_model_getters():
    """A model has shown and hidden getters; a value may be computed or thrown."""
    model = Model("a.User", {"b": 1}, nested={"a": lambda: 2, "b": 3, "c": JavaError("x.Y")})
    getters = getters_of(model)
    assert [("a", False), ("b", True), ("c", False)] == [(getter.name, getter.is_plain) for getter in getters]
    assert [2, 1] == [getter.read() for getter in getters[:2]]
    with pytest.raises(JavaError):
        getters[2].read()
    assert 1 == model["b"]
    assert 3 == model.nested["b"]
    assert isinstance(model["c"], JavaError)


def test_scalar_getters():
    """A string has getters, one more since Java 11; other scalars have none."""
    assert [("empty", True)] == [(getter.name, getter.read()) for getter in getters_of("")]
    assert [("blank", True), ("empty", False)] == [(getter.name, getter.read()) for getter in getters_of(" ", java=11)]
    assert [] == getters_of(5)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Model("a.model.User", {}), "UserImpl"),
        (Model("a.model.impl.UserImpl", {}), "UserImpl"),
        (JavaMap(), "HashMap"),
        (JavaMap(is_hash=False), "LinkedHashMap"),
        ({}, "HashMap"),
        ([], "ArrayList"),
        (Card(), "Card"),
        (Plain(), "Plain"),
        ("x", "String"),
        (5, "Integer"),
        (object(), "Object"),
    ],
)
def test_simple_class_name(value, name):
    """Error texts name classes without their package."""
    assert name == simple_class_name(value)


@pytest.mark.parametrize(
    ("value", "old", "new"),
    [
        (5, "Long", "Integer"),
        (2**31, "Long", "Long"),
        (JavaLong(5), "Long", "Long"),
        (True, "Boolean", "Boolean"),
        (1.5, "Double", "Double"),
        ("x", "String", "String"),
    ],
)
def test_class_of(value, old, new):
    """6.2 reads whole numbers as Long, 7.x small ones as Integer."""
    assert [f"java.lang.{old}", f"java.lang.{new}"] == [class_of(value, "6.2"), class_of(value, "7.4")]


def test_epoch_milliseconds():
    """A moment without time zone is UTC."""
    assert 1500 == epoch_milliseconds(datetime(1970, 1, 1, 0, 0, 1, 500_000))  # noqa: DTZ001 # the point of the test
    assert 1500 == epoch_milliseconds(datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC))


def test_locale_is_text():
    """A locale is its language id."""
    assert "pt_BR" == Locale("pt_BR")
