"""Java classes that 7.x describes → pydantic models, as text. Knows which classes results are of; knows no service."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from pydantic.alias_generators import to_camel

from aioliferay._core import naming
from aioliferay._core.codec import is_plain_name
from aioliferay.codegen import _text
from aioliferay.codegen._types import field_type, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aioliferay._core.catalog import Action, Catalog, JavaClass, Property

_IMPORTED: Final = frozenset(
    {"Any", "BaseModel", "ClassVar", "ConfigDict", "Decimal", "Field", "False", "Model", "None", "True"}
)
_VAGUE: Final = frozenset({"com", "impl", "kernel", "liferay", "model", "portal"})  # parts of packages that tell little
# What a field of pydantic's models cannot be called, and the names of types, which a field would hide from the next one.
_TAKEN: Final = frozenset({
    "bool", "construct", "copy", "datetime", "dict", "float", "from_orm", "int", "json", "list", "model_computed_fields",
    "model_config", "model_construct", "model_copy", "model_dump", "model_dump_json", "model_extra", "model_fields",
    "model_fields_set", "model_json_schema", "model_parametrized_name", "model_post_init", "model_rebuild", "model_validate",
    "model_validate_json", "model_validate_strings", "parse_file", "parse_obj", "parse_raw", "schema", "schema_json", "str",
    "update_forward_refs", "validate",
})  # fmt: skip
_BASE: Final = '''

def _spelt(name: str) -> str:
    """Return a name as the portal spells it."""
    return _SPELT.get(name) or to_camel(name)


class Model(BaseModel):
    """A result: what the portal does not tell is None, what is not described is dropped."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=_spelt,
        populate_by_name=True,
        extra="ignore",
        protected_namespaces=(),
        defer_build=True,
    )
'''


def model_names(catalog: Catalog, actions: Iterable[Action]) -> dict[str, str]:
    """Return the names of models by the Java classes that results are of, or properties of these, and that are described."""
    waiting = sorted({name for action in actions for name in names_of(action.returns)})
    found: dict[str, JavaClass] = {}
    while waiting:
        described = catalog.by_class.get(waiting.pop())
        if described is not None and described.properties and described.name not in found:
            found[described.name] = described
            waiting += [name for each in described.properties for name in names_of(each.type)]
    simple = Counter(next(_wishes(name)).lower() for name in found)
    taken = {name.lower() for name in _IMPORTED} | {name for name, count in simple.items() if count > 1}
    names: dict[str, str] = {}
    for name in sorted(found):
        names[name] = next(each for each in _wishes(name) if each.lower() not in taken)
        taken.add(names[name].lower())
    return names


def _wishes(java_class: str) -> Iterator[str]:
    """Yield names for a model: the simple one, one with a part of the package in front, those with a number behind.

    Of classes with the same simple name none is called so: the next one would change the name of the first.
    """
    *package, simple = [re.sub(r"\W", "", part, flags=re.ASCII) for part in re.split(r"[.$]", java_class)]
    simple = f"{simple[:1].upper()}{simple[1:]}"
    simple = simple if simple[:1].isalpha() else f"X{simple}"
    yield simple
    for part in reversed([part for part in package if part not in _VAGUE]):
        yield f"{part.capitalize()}{simple}"
    yield from (f"{simple}{number}" for number in range(2, 10_000))


def models_source(catalog: Catalog, models: Mapping[str, str], origin: str, marker: str) -> str:
    """Return the source of the module of models."""
    classes = sorted((name, java_class, _named(catalog.by_class[java_class])) for java_class, name in models.items())
    spelt: dict[str, str] = {}
    for name, each in ((name, each) for _, _, named in classes for name, each in named.items()):
        if each.name != to_camel(name):
            spelt.setdefault(name, each.name)
    body: list[str] = []
    for name, java_class, named in classes:
        told = re.sub(r"[^\w.$]", "", java_class)
        body += ["", "", f"class {name}(Model):", *_text.docstring(4, f"The Java class `{told}`."), ""]
        body += [_field(field, each, models, spelt) for field, each in named.items()]
    used = set(re.findall(r"\b(?:Any|datetime|Decimal|Field)\b", "\n".join(body)))
    head = [*_text.docstring(0, f"What the services of {origin} return."), "", "from __future__ import annotations", ""]
    head += [*_text.imports("datetime", used & {"datetime"}), *_text.imports("decimal", used & {"Decimal"})]
    head += [*_text.imports("typing", {"ClassVar"} | used & {"Any"}), ""]
    head += _text.imports("pydantic", {"BaseModel", "ConfigDict"} | used & {"Field"})
    head += [*_text.imports("pydantic.alias_generators", {"to_camel"}), "", "_SPELT: dict[str, str] = {"]
    head += [*(f'    "{name}": "{wire}",' for name, wire in sorted(spelt.items())), "}"]
    return _text.source(marker, [*head, *_BASE.split("\n")[:-1], *body])


def _named(described: JavaClass) -> dict[str, Property]:
    """Return the properties by the names of fields."""
    named: dict[str, Property] = {}
    for each in sorted(described.properties, key=lambda one: one.name):
        if is_plain_name(each.name):
            named.setdefault(_field_name(each.name), each)  # what has the same name here, has it to the portal, too
    return named


def _field_name(name: str) -> str:
    snake = naming.snake(name).strip("_") if name.startswith("_") else naming.snake(name)
    return f"{snake}_" if snake in _TAKEN or not snake[:1].isalpha() else snake


def _field(name: str, described: Property, models: Mapping[str, str], spelt: Mapping[str, str]) -> str:
    kind = field_type(described.name, described.type, models)
    is_known = spelt.get(name, to_camel(name)) == described.name  # in two models one field may have two spellings
    default = "None" if is_known else f'Field(default=None, alias="{described.name}")'
    return f"    {name}: {kind if kind == 'Any' else f'{kind} | None'} = {default}"
