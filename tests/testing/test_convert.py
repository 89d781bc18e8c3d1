"""How values that came as JSON or text become Java arguments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing._convert import (
    convert,
    default_value,
    implementation_of,
    moment,
    set_property,
)
from aioliferay.testing._java import (
    Array,
    Bean,
    Calendar,
    File,
    IntObject,
    JavaEnum,
    JavaError,
    JavaType,
    Locale,
    LocaleMap,
    Long,
    LongObject,
    Model,
    ServiceContext,
    java_type,
)


class Suit(JavaEnum):
    HEARTS = 1


class Card(Bean):
    java_class: ClassVar[str] = "a.model.Card"
    is_interface: ClassVar[bool] = True
    rank: int
    name: str | None

    def __init__(self):
        self.rank = 2
        self.name = "two"


class CardImpl(Card):
    java_class: ClassVar[str] = "a.model.impl.CardImpl"
    is_interface: ClassVar[bool] = False

    @property
    def fixed(self) -> int:
        return 1


SETTINGS = Annotated[object, JavaType("java.util.LinkedHashMap")]
COMPARATOR = Annotated[object, JavaType("x.Comparator")]


@given(st.integers())
def test_whole_numbers_wrap(number):
    """A JSON number too big for the type wraps around; 7.x may read such numbers."""
    assert (number - convert(number, java_type(Long), "7.4")) % 2**64 == 0
    assert -(2**31) <= convert(number, java_type(int), "7.4") < 2**31


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_as_text(number):
    """A number may come as text, with blanks around it."""
    assert number == convert(f" {number} ", java_type(Long), "6.2")


@pytest.mark.parametrize(
    ("value", "annotation", "argument"),
    [
        (20182.7, Long, 20182),
        (1e300, Long, 2**63 - 1),
        (float("nan"), Long, 0),
        (True, Long, 1),
        ("+5", IntObject, 5),
        ("1.5", float, 1.5),
        (2, float, 2.0),
        ("yes", bool, True),
        (1, bool, True),
        ("OFF", bool, False),
        (False, bool, False),
        (5, str, "5"),
        ({"a": 1}, str, "{a=1}"),
        ("1330419334285", Calendar, datetime(2012, 2, 28, 8, 55, 34, 285_000, UTC)),
        ("soon", Calendar, datetime(1970, 1, 1, tzinfo=UTC)),
        (0, datetime, datetime(1970, 1, 1, tzinfo=UTC)),
        ("1000", datetime, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("2012-02-28", datetime, datetime(2012, 2, 28, tzinfo=UTC)),
        ("pt_br", Locale, "pt_BR"),
        ("en", Locale, "en"),
        ("1,2", Array[Long], [1, 2]),
        ("[1,null]", Array[LongObject], [1, None]),
        ([1, "2"], Array[Long], [1, 2]),
        ([[1], [2, 3]], list[Array[Long]], [[1], [2, 3]]),
        ("[104,200]", bytes, b"h\xc8"),
        ([104, -56], bytes, b"h\xc8"),
        (["en", None], list[Locale], ["en", None]),
        ([{"a": 1}], list, [{"a": 1}]),
        ({"en_US": "Hi", "de": None}, LocaleMap, {"en_US": "Hi", "de": None}),
        ('{"en_US":"Hi"}', LocaleMap, {"en_US": "Hi"}),
        ({"a": 1}, dict, {"a": 1}),
        ("text", File, b"text"),
        (File(b"x"), File, b"x"),
        ("x", object, "x"),
    ],
)
@pytest.mark.parametrize("version", ["6.2", "7.4"])
def test_convert(value, annotation, argument, version):
    """Values convert as on the portal."""
    assert argument == convert(value, java_type(annotation), version)


@pytest.mark.parametrize(
    ("value", "annotation", "text"),
    [
        ("abc", Long, 'Conversion failed: abc; <--- java.lang.NumberFormatException: For input string: "abc"'),
        ({}, Long, 'Conversion failed: {}; <--- java.lang.NumberFormatException: For input string: "{}"'),
        ([1], Long, 'Conversion failed: [1]; <--- java.lang.NumberFormatException: For input string: "[1]"'),
        (
            "9" * 19,
            Long,
            f'Conversion failed: {"9" * 19}; <--- java.lang.NumberFormatException: For input string: "{"9" * 19}"',
        ),
        ("x", float, 'Conversion failed: x; <--- java.lang.NumberFormatException: For input string: "x"'),
        ("maybe", bool, "Conversion failed: maybe"),
        ("tomorrow", datetime, 'For input string: "tomorrow"'),
        ("2030-01-02T03:04:05Z", datetime, 'For input string: "02T03:04:05Z"'),
        ("2030-13-01", datetime, "Conversion failed: 2030-13-01"),
        ([104, 105], File, "Conversion failed: [104, 105]"),
        ("abc", COMPARATOR, "Conversion failed: x.Comparator"),
        ({}, COMPARATOR, "Conversion failed: x.Comparator"),
        ("abc", SETTINGS, "Conversion failed: java.util.LinkedHashMap"),
        ([], SETTINGS, "Conversion failed: java.util.LinkedHashMap"),
        ("{}", COMPARATOR, "Conversion failed: x.Comparator"),
        (5, ServiceContext, "Conversion failed: com.liferay.portal.service.ServiceContext"),
        ({"rank": 5}, Card, "Conversion failed: a.model.Card"),
        ("HEARTS", Suit, "Conversion failed: Suit"),
        ("[1]", LocaleMap, "Conversion failed: [1]"),
    ],
)
def test_convert_refuses(value, annotation, text):
    """What does not convert is a ClassCastException in jodd's words (6.2)."""
    with pytest.raises(JavaError) as caught:
        convert(value, java_type(annotation), "6.2")
    assert ("java.lang.ClassCastException", text) == (caught.value.java_class, caught.value.message)


@pytest.mark.parametrize(
    ("value", "annotation", "java_class"),
    [
        ([None], Array[Long], "java.lang.IllegalArgumentException"),
        (["x"], Array[Long], "jodd.typeconverter.TypeConversionException"),
        (["x"], list[Card], "jodd.typeconverter.TypeConversionException"),
        ("CLUBS", Suit, "java.lang.IllegalArgumentException"),
        ("2030-01-02T99", datetime, "java.lang.ClassCastException"),
        ("soon", datetime, "java.lang.ClassCastException"),
        ("a b", Array[str], "jodd.json.JsonException"),
    ],
)
def test_convert_refuses_later(value, annotation, java_class):
    """Other refusals of 7.4."""
    with pytest.raises(JavaError) as caught:
        convert(value, java_type(annotation), "7.4")
    assert java_class == caught.value.java_class


def test_convert_text_of_arrays():
    """Text for an array is JSON: 6.2 takes bare words, 7.x does not."""
    assert ["en", "fr"] == convert("en,fr", java_type(Array[str]), "6.2")
    assert ["en", "fr"] == convert('"en","fr"', java_type(Array[str]), "7.0")


def test_convert_bean():
    """A bean is made from an object or its text; what it has not is passed over, what does not convert as well."""
    made = convert({"rank": "5", "name": None, "nope": 1, "fixed": 2, "class": "x"}, java_type(CardImpl), "6.2")
    assert (5, None) == (made.rank, made.name)
    assert 2 == convert('{"rank":"x"}', java_type(CardImpl), "6.2").rank
    assert made is convert(made, java_type(Card), "6.2")


def test_convert_interface():
    """7.x finds the implementation of an interface by its name, also in lists."""
    assert CardImpl is implementation_of(java_type(Card), "7.0")
    assert isinstance(convert({"rank": 1}, java_type(Card), "7.0"), CardImpl)
    assert isinstance(convert([{"rank": 1}], java_type(list[Card]), "7.4")[0], CardImpl)
    assert implementation_of(java_type(int), "7.0") is None


def test_convert_service_context():
    """A service context is made from an object or its text."""
    kind = java_type(ServiceContext)
    assert {"scopeGroupId": 1} == convert({"scopeGroupId": 1}, kind, "6.2").attributes
    assert {"scopeGroupId": 1} == convert('{"scopeGroupId":1}', kind, "7.4").attributes


def test_convert_enumeration():
    """7.x takes a constant's name."""
    assert Suit.HEARTS is convert("HEARTS", java_type(Suit), "7.0")


def test_convert_iso_dates():
    """7.4 reads dates with an ISO time and months of one digit."""
    kind = java_type(datetime)
    assert datetime(2012, 2, 8, tzinfo=UTC) == convert("2012-2-8", kind, "7.4")
    assert datetime(2012, 2, 8, 3, 4, 5, tzinfo=UTC) == convert("2012-02-08T03:04:05Z", kind, "7.4")
    assert datetime(2012, 2, 8, 3, 4, 5, tzinfo=UTC) == convert("2012-02-08 03:04:05", kind, "6.2")


def test_convert_file_to_bytes():
    """7.4 takes an uploaded file for an array of bytes."""
    assert b"\xff" == convert(File(b"\xff"), java_type(bytes), "7.4")


def test_convert_nested_text_in_a_bean_that_is_no_object():
    """Text that begins like an object must be one."""
    with pytest.raises(JavaError) as caught:
        convert("{1", java_type(CardImpl), "6.2")
    assert "flexjson.JSONException" == caught.value.java_class


def test_set_property():
    """A property may be set on contexts, maps, models and beans; on others nothing happens."""
    context, entries, model, bean = ServiceContext(), {}, Model("a.B", {}), CardImpl()
    for target in (context, entries, model, bean, 5):
        set_property(target, "rank", 7, "6.2")
    assert [7, 7, 7, 7] == [context.attributes["rank"], entries["rank"], model["rank"], bean.rank]


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (JavaType("java.util.HashMap"), {}),
        (JavaType("java.util.ArrayList"), []),
        (java_type(str), ""),
    ],
)
def test_default_value(kind, kept):
    """A class with a constructor makes a new instance each time."""
    assert kept == default_value(kind)
    assert default_value(kind) is not default_value(kind) or not isinstance(kept, dict | list)


def test_default_value_of_beans():
    """A bean can be made, an interface or a primitive cannot."""
    assert isinstance(default_value(java_type(CardImpl)), CardImpl)
    assert isinstance(default_value(java_type(ServiceContext)), ServiceContext)
    for annotation, name in [(Card, "a.model.Card"), (Long, "long")]:
        with pytest.raises(JavaError) as caught:
            default_value(java_type(annotation))
        assert ("java.lang.InstantiationException", name) == (caught.value.java_class, caught.value.message)


@given(st.integers(-(2**63), 2**63 - 1))
def test_moment_of_any_long(number):
    """Any long is a time, at the nearest end of the calendar if need be."""
    assert moment(number).tzinfo is UTC


def test_convert_to_named_map():
    """A map whose class is named is filled from an object or from its text, its values as they are."""
    for value in ({"a": 1}, '{"a":1}'):
        assert {"a": 1} == convert(value, java_type(SETTINGS), "6.2")


def test_instance_of_abstract_class_has_no_message():
    """An abstract class cannot be made either, and Java does not say which it was."""
    with pytest.raises(JavaError) as caught:
        default_value(JavaType("com.liferay.portal.kernel.util.OrderByComparator"))
    assert ("java.lang.InstantiationException", None) == (caught.value.java_class, caught.value.message)
