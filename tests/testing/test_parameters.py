"""What is sent for a call, and the arguments made of it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest

from aioliferay.testing._java import Bean, File, JavaError, JavaType, Long, ServiceContext
from aioliferay.testing._parameters import VOID, Parameters, RepeatedText, arguments, ordered
from aioliferay.testing._registry import KNOWN_CLASSES, Registry
from aioliferay.testing._text import hash_order


class Data(Bean):
    java_class: ClassVar[str] = "com.liferay.Data"
    is_interface: ClassVar[bool] = True
    id: int

    def __init__(self):
        self.id = -1


class DataImpl(Data):
    java_class: ClassVar[str] = "com.liferay.DataImpl"
    is_interface: ClassVar[bool] = False


class DataSpecial(DataImpl):
    java_class: ClassVar[str] = "com.liferay.DataSpecial"


class DataUtil(DataImpl):
    java_class: ClassVar[str] = "com.liferay.DataUtil"


def action_of(function):
    registry = Registry()
    registry.service("/foo/x")(function)
    return registry.actions[0]


def prepared(function, sent, version="6.2"):
    parameters = Parameters()
    parameters.put_sent(sent)
    return arguments(action_of(function), parameters, version, set(KNOWN_CLASSES))


def take(data: Data, count: int = 0) -> None: ...


def take_context(service_context: ServiceContext) -> None: ...


@pytest.mark.parametrize(
    ("key", "value", "name", "kept", "hint"),
    [
        ("a", 1, "a", 1, None),
        ("-a", 1, "a", None, None),
        ("+a", None, "a", VOID, None),
        ("+a", "", "a", VOID, ""),
        ("+a", "x.Y", "a", VOID, "x.Y"),
        ("+a:x.Y", None, "a", VOID, "x.Y"),
        ("+a:x.Y", "{}", "a", "{}", "x.Y"),
        ("a:x.Y", {"b": 1}, "a", VOID, "x.Y"),
        ("a:x.Y", "{}", "a", "{}", "x.Y"),
        ("a:x.Y", " ", "a", VOID, "x.Y"),
    ],
)
def test_put(key, value, name, kept, hint):
    """A modifier nulls, instantiates or types a parameter."""
    sent = Parameters()
    sent.put(key, value)
    assert kept == sent.values[name]
    assert hint == sent.types.get(name)


def test_put_inner():
    """A name with a full stop is a property of a parameter."""
    sent = Parameters()
    sent.put("a.b.c", 1)
    assert {"a": [("b.c", 1)]} == sent.inner
    assert {"serviceContext"} == set(sent.values)


def test_put_request():
    """Request parameters are normalised; one sent twice is an array without readable text, unless it is files."""
    sent = Parameters()
    sent.put_request({"groupID": "1", "x": ["a", "b"], "f": [File(b"a")]})
    assert "1" == sent.values["groupId"]
    assert isinstance(sent.values["x"], RepeatedText)
    assert [File(b"a")] == sent.values["f"]
    sent.put_request({"x": ["a", "b"]}, is_json_rpc=True)
    assert ["a", "b"] == sent.values["x"]


def test_put_path():
    """A direct URL names parameters with dashes, in pairs, or alone with a sign."""
    sent = Parameters()
    sent.put_path(["", "user-id", "1", "-world-name", "+foo-data", "", "x", "-5"])
    assert {"userId": "1", "worldName": None, "fooData": VOID, "x": "-5"} == {
        name: value for name, value in sent.values.items() if name != "serviceContext"
    }


def test_put_path_without_value():
    """A name at the end of a URL has no value."""
    with pytest.raises(JavaError, match="Missing value for parameter user-id"):
        Parameters().put_path(["user-id"])


def test_ordered_by_version():
    """6.2 makes the map as big as the command, 7.x as usual."""
    sent = {f"p{number}": number for number in range(9)} | {"-p3": 1}
    assert sent == ordered(sent, "6.2", size=len(sent))
    assert hash_order(sent, 10) == list(ordered(sent, "6.2", size=10))
    assert hash_order(sent, 16) == list(ordered(sent, "7.4", size=64))


def test_arguments_of_hints():
    """A class hint makes an instance of the class, or of the JSON text."""
    sent = {"+data": "com.liferay.DataImpl", "data.id": 7, "count": "2"}
    made = prepared(take, sent)
    assert (DataImpl, 7, 2) == (type(made["data"]), made["data"].id, made["count"])
    made = prepared(take, {"data:com.liferay.DataImpl": '{"id":5}', "count": 1}, "7.4")
    assert 5 == made["data"].id


@pytest.mark.parametrize(
    ("hint", "version", "java_class", "text"),
    [
        ("no.such.Class", "6.2", "java.lang.ClassNotFoundException", "no.such.Class"),
        (
            "java.util.HashMap",
            "6.2",
            "java.lang.IllegalArgumentException",
            "Unmatched argument type java.util.HashMap for method argument 0",
        ),
        ("com.liferay.Data", "6.2", "java.lang.InstantiationException", "com.liferay.Data"),
        (
            "com.liferay.DataUtil",
            "7.4",
            "java.lang.IllegalArgumentException",
            "Not instantiating com.liferay.DataUtil",
        ),
        (
            "com.liferay.DataSpecial",
            "7.4",
            "jodd.typeconverter.TypeConversionException",
            "com.liferay.DataSpecial is not allowed to be instantiated",
        ),
    ],
)
def test_arguments_refuse_hints(hint, version, java_class, text):
    """A class must exist, fit and, on 7.4, be the declared one or its implementation."""
    with pytest.raises(JavaError) as caught:
        prepared(take, {"+data": hint, "count": 1}, version)
    assert (java_class, text) == (caught.value.java_class, caught.value.message)


def test_arguments_allow_subclasses_before_7_4():
    """6.2 and 7.0 instantiate any class that fits."""
    assert isinstance(prepared(take, {"+data": "com.liferay.DataSpecial", "count": 1}, "7.0")["data"], DataSpecial)


def test_arguments_without_a_number():
    """Null for a number is an IllegalArgumentException, for an object it is passed on."""
    with pytest.raises(JavaError) as caught:
        prepared(take, {"data": None, "count": None})
    assert ("java.lang.IllegalArgumentException", None) == (caught.value.java_class, caught.value.message)
    assert prepared(take, {"data": None, "data.id": 1, "count": 1})["data"] is None


def test_arguments_of_service_contexts():
    """A service context need not be sent; properties and hints work on it, null stays null."""
    assert {} == prepared(take_context, {})["serviceContext"].attributes
    assert {"uuid": "u"} == prepared(take_context, {"serviceContext.uuid": "u"})["serviceContext"].attributes
    assert prepared(take_context, {"serviceContext": None})["serviceContext"] is None
    old = "com.liferay.portal.service.ServiceContext"
    new = "com.liferay.portal.kernel.service.ServiceContext"
    assert isinstance(prepared(take_context, {"+serviceContext": old})["serviceContext"], ServiceContext)
    assert isinstance(prepared(take_context, {"+serviceContext": new}, "7.4")["serviceContext"], ServiceContext)
    with pytest.raises(JavaError, match=new):
        prepared(take_context, {"+serviceContext": new})


def test_arguments_of_an_unknown_class():
    """A parameter of a class the fake knows nothing of takes hints by name only."""

    def sort(obc: Annotated[object, JavaType("x.Comparator")], end: Long) -> None: ...

    assert prepared(sort, {"obc": None, "end": 1})["obc"] is None
    with pytest.raises(JavaError, match=r"no\.such"):
        prepared(sort, {"+obc": "no.such", "end": 1})
