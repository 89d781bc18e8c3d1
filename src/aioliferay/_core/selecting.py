"""The properties that a type has, under the portal's names. Knows pydantic models, dataclasses and typed dictionaries."""

from __future__ import annotations

import dataclasses
from inspect import get_annotations
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, is_typeddict

from pydantic import AliasChoices, AliasPath, BaseModel


def names_of(returns: Any) -> tuple[str, ...]:
    """Return the names that a type reads from a result: those of its fields, by their aliases; of a list, its elements'.

    Raises:
        TypeError: the type has no fields.
    """
    kind: Any = _element_of(returns)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        names = [_alias_of(field.validation_alias or field.alias, name) for name, field in fields.items()]
    elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    elif is_typeddict(kind):
        names = list(get_annotations(kind))
    else:
        names = []
    if not names:
        raise TypeError(
            f"select='model' takes the names from returns=, and {returns!r} has none: give a model, or a list of models"
        )
    return tuple(dict.fromkeys(names))


def _element_of(returns: Any) -> Any:
    """Return the type of what stands in lists, without None."""
    origin = get_origin(returns)
    if origin in (Union, UnionType):
        kinds = [kind for kind in get_args(returns) if kind is not NoneType]
        return _element_of(kinds[0]) if len(kinds) == 1 else returns
    if isinstance(origin, type) and issubclass(origin, list | tuple | set | frozenset) and get_args(returns):
        return _element_of(get_args(returns)[0])
    if hasattr(returns, "__metadata__"):  # Annotated
        return _element_of(get_args(returns)[0])
    return origin if isinstance(origin, type) and issubclass(origin, BaseModel) else returns


def _alias_of(alias: str | AliasPath | AliasChoices | None, name: str) -> str:
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    if isinstance(alias, AliasPath):
        return str(alias.path[0])
    return name if alias is None else alias
