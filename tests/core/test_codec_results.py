"""Answers as outcomes, and results as the types that were asked for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
import uuid
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator
from pydantic_core import to_json
from typing_extensions import TypedDict

from aioliferay._core import codec
from aioliferay._core.messages import Answer, Failed, Ok, Unknown
from aioliferay.errors import LiferayError, ResultError, ServerError

_COMMANDS = [codec.command(f"/a/b-{number}") for number in range(4)]
_HEADERS = st.dictionaries(st.sampled_from(["location", "content-type", "x"]), st.text())
_HALF_JSON = st.recursive(
    st.sampled_from([None, True, 1.5, "x", "", "java.lang.RuntimeException: x", "exception", "message", "error", "type"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["exception", "message", "error", "type", "throwable", "x"]), inner)
    ),
)
_BODIES = st.binary() | st.text().map(str.encode) | _HALF_JSON.map(lambda value: json.dumps(value).encode())
_STATUSES = st.sampled_from([200, 201, 301, 302, 401, 403, 404, 500, 503]) | st.integers(-1, 999)


@given(st.builds(Answer, _STATUSES, _HEADERS, _BODIES), st.integers(0, 4))
def test_decode_of_anything(answer, count):
    """Whatever comes back, each call gets one outcome, and a result only from an array of exactly n with status 200."""
    outcomes = codec.decode(answer, _COMMANDS[:count])
    assert count == len(outcomes)
    results = [outcome for outcome in outcomes if isinstance(outcome, Ok)]
    assert len(results) in {0, count}
    if results:
        assert answer.status == 200
        assert len(json.loads(answer.body)) == count
    for outcome, command in zip(outcomes, _COMMANDS, strict=False):
        if not isinstance(outcome, Ok):
            assert isinstance(outcome.error, LiferayError)
            assert command.path == outcome.error.path
            assert command.path in str(outcome.error)


@given(st.builds(Answer, _STATUSES, _HEADERS, _BODIES), st.integers(0, 4))
def test_results_are_those_of_decode(answer, count):
    """The short way to results finds them exactly where the long way does."""
    outcomes = codec.decode(answer, _COMMANDS[:count])
    results = codec.results(answer, count)
    if count:
        expected = [outcome.value for outcome in outcomes] if all(isinstance(each, Ok) for each in outcomes) else None
        assert repr(expected) == repr(results)
    assert results is None or count == len(results)


@given(st.lists(_HALF_JSON, max_size=4))
def test_decode_of_results(values):
    """An array of n results gives each call its own, in order, whatever it is: also null, empty, and objects like errors."""
    answer = Answer(200, {}, json.dumps(values).encode())
    assert [Ok(value) for value in values] == codec.decode(answer, _COMMANDS[: len(values)])


def test_decode_of_a_deep_or_wide_answer():
    """An answer that no parser can hold is a protocol error, not a crash."""
    for body in (b"[" * 100_000, b"[" + b"1" * 10_000 + b"]", b'["\\ud800"]', b"[\xff]"):
        (outcome,) = codec.decode(Answer(200, {}, body), _COMMANDS[:1])
        assert isinstance(outcome, Unknown)
        assert len(str(outcome.error)) < 500


class _User(BaseModel):
    user_id: int = Field(alias="userId")
    created: dt.datetime | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    uuid: uuid.UUID


class _Fussy(BaseModel):
    model_config = ConfigDict(strict=True)
    uuid: uuid.UUID

    @field_validator("uuid")
    @classmethod
    def _refuse(cls, _):
        raise KeyError("unheard of")


@dataclasses.dataclass
class _Point:
    x: int


class _Row(TypedDict):
    x: int


@pytest.mark.parametrize(
    ("expected", "value", "returns"),
    [
        (12345, "12345", int),
        (12345, 12345, int),
        ([1, 2], ["1", 2], list[int]),
        (None, None, type(None)),
        (None, None, None),
        (None, None, int | None),
        (_Point(7), {"x": "7"}, _Point),
        ({"x": 7}, {"x": "7", "y": 1}, _Row),
        (dt.datetime(2012, 2, 28, tzinfo=dt.UTC), 1330387200000, dt.datetime),
        (dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC), 1000, dt.datetime),
        (_User(userId=7, created=dt.datetime(2012, 2, 28, tzinfo=dt.UTC)), {"userId": "7", "created": 1330387200000}, _User),
        (_Strict(uuid=uuid.UUID(int=1)), {"uuid": str(uuid.UUID(int=1))}, _Strict),
        (5, 5, Annotated[int, Field(gt=1)]),
        (5, 5, Annotated[int, ["unhashable"]]),
        ("x", "x", Any),
    ],
)
def test_fit(expected, value, returns):
    """A result becomes any type that pydantic understands; a long is a number, whether the portal sent text or not."""
    assert Ok(expected) == codec.fit(Ok(value), codec.adapter_for(returns), "/a/b")


def test_fit_without_a_type():
    """Without `returns=` the result stays as it came, and what is no result stays what it is."""
    failed = Failed(ServerError("no"))
    assert Ok("7") == codec.fit(Ok("7"), None, "/a/b")
    assert failed is codec.fit(failed, codec.adapter_for(int), "/a/b")


@pytest.mark.parametrize(
    ("text", "value", "returns"),
    [
        ("/a/b: the result does not fit returns=int: the result itself: Input should be a valid integer", "x", int),
        ("returns=_User: userId: Field required", {}, _User),
        ("returns=list[_User]: 1.userId: Input should be a valid integer", [{"userId": 1}, {"userId": []}], list[_User]),
        ("userId: Input should be a valid integer, unable to parse string as an integer (2 problems in all)",
         {"userId": "x", "created": []}, _User),
        ("Input should be None", {}, None),
        ("/a/b: the result cannot be read as returns=: KeyError: 'unheard of'", {"uuid": str(uuid.UUID(int=1))}, _Fussy),
    ],
)  # fmt: skip
def test_fit_of_a_misfit(text, value, returns):
    """A result that does not fit is kept as it came; the error names the call, the type and the place."""
    outcome = codec.fit(Ok(value), codec.adapter_for(returns), "/a/b")
    assert value == outcome.value
    assert isinstance(outcome.error, ResultError)
    assert value == outcome.error.value
    assert text in str(outcome.error)
    assert outcome.error.__cause__ is not None


class _Tree(BaseModel):
    name: str
    kids: list[_Tree] = []


_BIRTHDAY = {"userId": "1", "created": 86_400_000}
_SEVERAL = [
    (_User, _BIRTHDAY), (list[_User], [_BIRTHDAY]), (dict[str, _User], {"x": _BIRTHDAY}), (_User | None, None),
    (_Tree, {"name": "root", "kids": [{"name": "leaf"}]}), (_Strict, {"uuid": str(uuid.UUID(int=1))}), (None, None),
    (dt.datetime, 86_400_000), (dt.date, 0), (int, "7"), (float, 1.5), (bool, True), (str, "s"), (bytes, "abc"),
    (set[int], [1, 1]), (tuple[int, str], [1, "x"]), (uuid.UUID, str(uuid.UUID(int=2))), (Literal["x"], "x"),
    (Annotated[int, Field(gt=1)], 5),
]  # fmt: skip


@given(st.lists(st.sampled_from(_SEVERAL), min_size=2, max_size=6))
def test_results_of_several_types(row):
    """Results of several types are read at once from the second answer on, and are what each is by itself."""
    adapters = [codec.adapter_for(returns) for returns, _ in row]
    values = [value for _, value in row]
    answer = Answer(200, body=json.dumps(values).encode())
    expected = [codec.fit(Ok(value), adapter, "/a/b").value for adapter, value in zip(adapters, values, strict=True)]
    codec._row_of.cache_clear()
    first, *rest = [codec.typed_results(answer, adapters) for _ in range(4)]
    assert first in (None, expected)
    assert (first is None) is (len(set(adapters)) > 1)
    assert [expected] * 3 == rest


def test_results_of_several_types_that_do_not_fit():
    """What is no such row is left to whoever looks at each result: it is another type, one too many, or refused."""
    adapters = [codec.adapter_for(int), codec.adapter_for(str)]
    good = Answer(200, body=b'[1,"x"]')
    assert [None, [1, "x"]] == [codec.typed_results(good, adapters) for _ in range(2)]
    bodies = (b'["x","x"]', b'[1,"x",2]', b"[1]", b'{"exception":"x"}')
    for status, body in (*((200, body) for body in bodies), (500, b'[1,"x"]')):
        assert codec.typed_results(Answer(status, body=body), adapters) is None
    assert [1, "x"] == codec.typed_results(good, adapters)


def test_types_that_have_no_names():
    """Types that pydantic cannot refer to by name are read one by one, however often they come."""
    odd, usual = codec.Adapter({"type": "int"}), codec.adapter_for(str)
    odd._schema = {"type": "such as pydantic may have some day"}
    answer = Answer(200, body=b'[1,"x"]')
    assert [None] * 4 == [codec.typed_results(answer, [odd, usual]) for _ in range(4)]


def test_adapter_for_remembers():
    """The adapter of a type is made once."""
    assert codec.adapter_for(list[int]) is codec.adapter_for(list[int])


@pytest.mark.parametrize("returns", [5, object(), threading.Lock])
def test_adapter_for_refuses(returns):
    """What pydantic does not understand is refused at the line of the call."""
    with pytest.raises(TypeError, match="is not a type that pydantic understands"):
        codec.adapter_for(returns)


def test_adapter_for_refuses_an_unknown_name():
    """A name that nobody has defined is refused at the line of the call, not when the result has come."""
    with pytest.raises(TypeError, match="is not a type that pydantic understands: it names one that is not defined yet"):
        codec.adapter_for("NoSuchType")


_NAMES = ["type", "default", "expected", "metadata", "items_schema", "config", "fields", "choices", "ref", "definitions"]


@pytest.mark.parametrize("name", _NAMES)
def test_fields_may_have_any_name(name):
    """A model's fields may be named as the parts of a schema are: dates in them are milliseconds all the same."""
    inner = create_model("Inner", when=(dt.datetime, ...))
    outer = create_model("Outer", **{name: (inner, ...)})
    expected = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)
    for kind, value in ((outer, {name: {"when": 86_400_000}}), (list[outer], [{name: {"when": 86_400_000}}])):
        read = codec.fit(Ok(value), codec.adapter_for(kind), "/a/b").value
        assert expected == getattr(read[0] if isinstance(read, list) else read, name).when
    assert codec.adapter_for(create_model("Plain", **{name: (int, 0)}) | None) is not None


def test_models_told_apart_by_a_tag():
    """Models that a tag tells apart are read by it, also where the tag is a word of a schema."""

    class Good(BaseModel):
        kind: Literal["type"]
        when: dt.datetime

    class Bad(BaseModel):
        kind: Literal["default"]

    union = Annotated[Good | Bad, Field(discriminator="kind")]
    read = codec.fit(Ok({"kind": "type", "when": 86_400_000}), codec.adapter_for(union), "/a/b").value
    assert dt.datetime(1970, 1, 2, tzinfo=dt.UTC) == read.when


class _Dated(BaseModel):
    when: dt.date


_UNIONS = [int, list[str], int | str, dict[str, int], _Dated, _Dated | None, dt.date | int, float | None, bool | str]


@given(st.sampled_from(_UNIONS), st.data())
def test_results_of_one_type_are_read_as_each_by_itself(kind, data):
    """Results that all have one type come out of the JSON as they do one by one; if one does not fit, nobody guesses."""
    values = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text() | st.floats(allow_nan=False)
    values |= st.builds(lambda when: {"when": when}, st.integers(-(10**12), 10**12) | st.just("2020-01-02") | st.none())
    results = data.draw(st.lists(values | st.lists(st.text(), max_size=2), min_size=1, max_size=4))
    answer = Answer(200, body=to_json(results))
    adapter = codec.adapter_for(kind)
    each = [codec.fit(Ok(value), adapter, "/a/b") for value in results]
    together = codec.typed_results(answer, [adapter] * len(results))
    if any(outcome.error is not None for outcome in each):
        assert together is None
    else:
        assert [repr(outcome.value) for outcome in each] == [repr(value) for value in together]


def test_results_of_one_type_are_all_or_none():
    """An answer with another status, with too few results, or that is no list, is nobody's result."""
    adapter = codec.adapter_for(int)
    assert [1, 2] == codec.typed_results(Answer(200, body=b"[1,2]"), [adapter] * 2)
    for status, body in ((500, b"[1,2]"), (200, b"[1]"), (200, b"{}"), (200, b"[1,"), (200, b'[1,"x"]')):
        assert codec.typed_results(Answer(status, body=body), [adapter] * 2) is None
