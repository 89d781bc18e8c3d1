"""The properties that a type reads from a result, under the portal's names. Knows whatever pydantic understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import PydanticUserError, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

_INNER: Final = ("schema", "items_schema")  # where models, lists, defaults and validators keep what they hold


def names_of(returns: Any) -> tuple[str, ...]:
    """Return the names that a type reads from a result: those of its fields, by their aliases; of a list, its elements'.

    Raises:
        TypeError: the type has no fields.
    """
    try:
        names = _names(cast("dict[str, Any]", TypeAdapter(returns).core_schema), {})
    except PydanticUserError as error:
        raise TypeError(f"returns={returns!r} is not a type that pydantic understands: {error.message}") from error
    if not names:
        raise TypeError(
            f"select='model' takes the names from returns=, and {returns!r} has none: give a model, or a list of models"
        )
    return tuple(dict.fromkeys(names))


def _names(schema: Mapping[str, Any], definitions: Mapping[str, Mapping[str, Any]]) -> list[str]:  # noqa: PLR0911 - a table
    kind = schema["type"]
    if kind == "definitions":
        known = {inner["ref"]: inner for inner in schema["definitions"]}
        return _names(schema["schema"], {**definitions, **known})
    if kind == "definition-ref":
        return _names(definitions[schema["schema_ref"]], {})
    if kind in {"model-fields", "typed-dict"}:
        return [_alias_of(field, name) for name, field in schema["fields"].items()]
    if kind == "dataclass-args":
        return [_alias_of(field, field["name"]) for field in schema["fields"] if field.get("init", True)]
    if kind == "union":
        choices = [choice for choice in schema["choices"] if not isinstance(choice, tuple) and choice["type"] != "none"]
        return _names(choices[0], definitions) if len(choices) == 1 else []
    if kind == "tuple":
        return _names(schema["items_schema"][0], definitions) if schema["items_schema"] else []
    for key in _INNER:
        if isinstance(inner := schema.get(key), dict):
            return _names(cast("dict[str, Any]", inner), definitions)
    return []


def _alias_of(field: Mapping[str, Any], name: str) -> str:
    """Return the name that a field is read from; of several, and of a path into the result, the first."""
    alias: Any = field.get("validation_alias", name)
    while not isinstance(alias, str):
        alias = alias[0]
    return alias
