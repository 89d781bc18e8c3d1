"""The properties that a type has, under the portal's names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, Optional, TypeVar, Union

import pytest
import typing_extensions
from pydantic import AliasChoices, AliasGenerator, AliasPath, BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass

from aioliferay._core.selecting import names_of

T = TypeVar("T")


class Plain(BaseModel):
    userId: int  # noqa: N815 - as the portal spells it
    screenName: str = "nobody"  # noqa: N815 - as above


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    user_id: int
    screen_name: str = "nobody"


class CamelToo(BaseModel):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel, serialization_alias=str.upper))
    user_id: int


class Aliased(BaseModel):
    user_id: int = Field(alias="userId")
    name: str = Field(validation_alias="screenName", serialization_alias="screen")
    mail: str = Field(validation_alias=AliasChoices("emailAddress", "mail"))
    site: str = Field(validation_alias=AliasPath("group", "friendlyURL"))
    city: str = Field(validation_alias=AliasChoices(AliasPath("address", 0, "city"), "city"))


class SamePlace(BaseModel):
    name: str = Field(validation_alias=AliasPath("group", "name"))
    url: str = Field(validation_alias=AliasPath("group", "friendlyURL"))


class Child(Plain):
    parent: Plain


class Box(BaseModel, Generic[T]):
    content: T


@dataclass
class Data:
    userId: int  # noqa: N815 - as above
    tags: list[str] = field(default_factory=list)


@pydantic_dataclass
class PydanticData:
    userId: int  # noqa: N815 - as above


@pydantic_dataclass
class AliasedData:
    user_id: int = Field(alias="userId")


@dataclass
class Computed:
    userId: int  # noqa: N815 - as above
    seen: int = field(default=0, init=False)


class Dictionary(typing_extensions.TypedDict, total=False):
    userId: int
    screenName: str


class ChildDictionary(Dictionary):
    parent: Dictionary


class Tuple(NamedTuple):
    user_id: int


class Empty(BaseModel):
    pass


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (Plain, ["userId", "screenName"]),
        (Child, ["userId", "screenName", "parent"]),
        (Camel, ["userId", "screenName"]),
        (CamelToo, ["userId"]),
        (Aliased, ["userId", "screenName", "emailAddress", "group", "address"]),
        (SamePlace, ["group"]),
        (Box[int], ["content"]),
        (Data, ["userId", "tags"]),
        (PydanticData, ["userId"]),
        (Dictionary, ["userId", "screenName"]),
        (ChildDictionary, ["userId", "screenName", "parent"]),
        pytest.param(AliasedData, ["userId"]),
        pytest.param(Computed, ["userId"]),
        pytest.param(RootModel[list[Plain]], ["userId", "screenName"]),
    ],
)
def test_names_of(returns, expected):
    """Fields go by the names under which they are read: the first alias, the outermost property of a path, each once."""
    assert tuple(expected) == names_of(returns)


@pytest.mark.parametrize(
    "returns",
    [
        list[Plain],
        list[list[Plain]],
        tuple[Plain, ...],
        set[Plain],
        frozenset[Plain],
        Plain | None,
        Optional[list[Plain]],  # noqa: UP045 - it is another form to Python 3.11 to 3.13
        Union[None, list[Plain | None]],  # noqa: UP007 - as above
        Annotated[Plain, "note"],
        Annotated[list[Annotated[Plain, "note"]], Field(max_length=3)],
    ],
)
def test_names_of_elements(returns):
    """Of lists the elements count, and None does not: the portal applies a white-list to each element."""
    assert ("userId", "screenName") == names_of(returns)


@pytest.mark.parametrize(
    "returns",
    [
        Any, None, int, str, dict, dict[str, Plain], list, list[int], Plain | Data, Plain | int | None, Sequence[Plain], T,
        Tuple, Empty,
    ],
)  # fmt: skip
def test_names_of_a_type_without_fields(returns):
    """A type that names no properties is told as it was given, with the remedy."""
    expected = f"select='model' takes the names from returns=, and {returns!r} has none: give a model, or a list of models"
    with pytest.raises(TypeError, match=f"^{re.escape(expected)}$"):
        names_of(returns)


class Tree(BaseModel):
    groupId: int  # noqa: N815 - as the portal spells it
    children: list[Tree]


@pytest.mark.parametrize("returns", [Tree, list[Tree], Tree | None])
def test_names_of_a_type_that_holds_itself(returns):
    """A type that holds itself has its names."""
    assert ("groupId", "children") == names_of(returns)


@pytest.mark.parametrize("returns", [Plain(userId=1), "Plain"])
def test_names_of_what_is_no_type(returns):
    """What pydantic does not understand is told so."""
    with pytest.raises(TypeError, match="is not a type that pydantic understands"):
        names_of(returns)
