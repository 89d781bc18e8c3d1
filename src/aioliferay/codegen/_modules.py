"""The source of a module that holds one service, and of the package of such modules. Knows no catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aioliferay.codegen import _text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aioliferay.codegen._methods import Method, Signature

_VARIABLES: Final = {"Any": "AnyT", "JSONObject": "ObjectT", "list[Any]": "ArrayT", "list[JSONObject]": "ListT"}
_MODEL: Final = re.compile(r"(list\[)?models\.(\w+)")
_STANDARD: Final = {"collections.abc": {"Mapping", "Sequence"}, "datetime": {"datetime"}, "decimal": {"Decimal"}}
_OTHERS: Final = {
    "aioliferay": {"Call", "Reference"},
    "aioliferay.services": {"CallOptions", "JSONObject", "JavaObject", "OrderByComparator", "ServiceContext", "UploadFile"},
    "typing_extensions": {"TypeVar"},
}
_MODELS: Final = '''

def _models() -> Any:
    """Import the models when a result is one: that takes longer than to import this."""
    from . import models

    return models
'''
_LAZY: Final = '''
if not TYPE_CHECKING:
    from importlib import import_module

    def __getattr__(name):
        """Import a service when it is asked for."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        service = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = service
        return service

    def __dir__():
        """Return the names of the services, whether they are imported or not."""
        return [*__all__]
'''


@dataclass(frozen=True, slots=True)
class ServiceClass:
    """What a module holds.

    Attributes:
        service: such as `blogs.blogsentry`.
        name: of the class.
        origin: whose service it is, such as "Liferay 6.2".
        version: of Liferay, where the service is that of every portal of this version, else "".
        methods: in order.
    """

    service: str
    name: str
    origin: str
    version: str
    methods: Sequence[Method]


class _Names:
    """What a module has to import, and its type variables by their defaults."""

    def __init__(self) -> None:
        self.used: set[str] = {"Call", "CallOptions"}
        self.variables: dict[str, str] = {}

    def note(self, annotation: str) -> str:
        """Remember what an annotation needs, and return it."""
        self.used.update(re.findall(r"[A-Za-z_]\w*", annotation))
        return annotation

    def variable(self, default: str) -> str:
        """Return the type variable that stands for the result where `returns=` is left out."""
        if default not in self.variables:
            model = _MODEL.match(default)
            name = f"{model[2]}{'List' * bool(model[1])}T" if model else _VARIABLES[default]
            taken = {*self.variables.values(), *_VARIABLES.values()} if model else set[str]()
            self.variables[default] = f"Model{name}" if name in taken else name
            self.note(f"{default} TypeVar")
        return self.variables[default]


def service_source(service: ServiceClass, marker: str) -> str:
    """Return the source of a module that holds one service."""
    names = _Names()
    about = f"The service `{service.service}` of {service.origin}"
    count = len(service.methods)
    body = ["", "", f"class {service.name}(Service):"]
    body += _text.docstring(4, f"{about}: {count} method{'s' * (count != 1)}.")
    body += ["", "    __slots__ = ()"]
    if service.version:
        body.append(f'    portal_version: ClassVar[str] = "{service.version}"')
    body.append(f'    name: ClassVar[str] = "{service.service}"')
    for method in service.methods:
        body += _single(method, names) if len(method.signatures) == 1 else _overloaded(method, names)
    if "models" in names.used:
        names.note("Any")  # of the function that imports them
    head = [*_text.docstring(0, f"{about}."), "", "from __future__ import annotations", "", *_imports(names)]
    return _text.source(marker, [*head, *(_MODELS.split("\n")[:-1] if "models" in names.used else ()), *body])


def _imports(names: _Names) -> Iterator[str]:
    used = names.used
    yield from _text.imports("typing", {"TYPE_CHECKING", "ClassVar", "Unpack"} | used & {"Any", "overload"})
    yield ""
    yield from _text.imports("aioliferay.services", {"Service"} | used & {"ANY"})
    yield from ("", "if TYPE_CHECKING:")
    blocks = [
        [line for module, known in _STANDARD.items() for line in _text.imports(module, known & used, 4)],
        [line for module, known in _OTHERS.items() for line in _text.imports(module, known & used, 4)],
        _text.imports(".", {"models"} & used, 4),
        [f'    {name} = TypeVar("{name}", default={default})' for default, name in sorted(names.variables.items())],
    ]
    for place, block in enumerate(block for block in blocks if block):
        yield from ["", *block] if place else block


def _single(method: Method, names: _Names) -> Iterator[str]:
    """Return the lines of a method without overloads."""
    (signature,) = method.signatures
    yield ""
    yield from _signature(method, signature, names)
    if method.is_named_otherwise:
        yield '        if options.get("is_read") is None:'
        yield f'            options["is_read"] = {method.is_read}'
    path, arguments = f'"{method.path}"', {each.wire: each.name for each in signature.arguments}
    primitives = " ".join(each.wire for each in signature.arguments if each.is_primitive)
    call = "_find" if signature.result.is_optional and not signature.result.word else "_call"
    returned = _returned(signature, names)
    lines = [f"            {path},", *_text.mapping(arguments, 12), *_text.words(primitives, 12)]
    lines += [f"            {each}," for each in (returned, "options", *["_models"] * ("@" in returned))]
    line = f"        return self.{call}({' '.join(each.strip() for each in lines).removesuffix(',')})"
    is_short = len(line) <= _text.WIDTH and all(each.endswith(",") and '"""' not in each for each in lines)
    yield from [line] if is_short else [f"        return self.{call}(", *lines, "        )"]


def _returned(signature: Signature, names: _Names) -> str:
    """Return the expression that stands for the type of the result."""
    result = signature.result
    if result.word:
        return f'"{result.word}"'
    return f'returns or "{_word(result.type)}"' if "models." in result.type else f"returns or {names.note('ANY')}"


def _word(type_: str) -> str:
    """Return the word for a type, as `Service._call` reads it."""
    model = _MODEL.match(type_)
    return f"@{model[2]}{'[]' * bool(model[1])}" if model else "object"


def _overloaded(method: Method, names: _Names) -> Iterator[str]:
    """Return the lines of a method with overloads."""
    names.note("Any overload")
    for signature in method.signatures:
        yield from ("", "    @overload", *_signature(method, signature, names))
    yield ""
    line = f"    def {method.name}(self, **params: Any) -> Call[Any]:"
    yield from [line] if len(line) <= _text.WIDTH else _exploded(method.name, ["**params: Any"], "Any")
    yield from _text.docstring(8, f"Call `{method.path}`, which {_does(method)}; its overloads say what it takes.")
    if method.is_named_otherwise:
        yield '        if params.get("is_read") is None:'
        yield f'            params["is_read"] = {method.is_read}'
    yield "        return self._overloaded("
    yield f'            "{method.path}",'
    yield from _text.words("\n".join(map(_line, method.signatures)), 12)
    yield "            params,"
    if any("models." in signature.result.type for signature in method.signatures):
        yield "            _models,"
    yield "        )"


def _line(signature: Signature) -> str:
    """Return an overload as `Service._overloaded` reads it."""
    result = signature.result
    word = result.word or f"{_word(result.type)}{'?' * result.is_optional}"
    arguments = [f"{f'{each.name}=' * each.is_renamed}{each.wire}:{each.kind}" for each in signature.arguments]
    return " ".join([*arguments, word])


def _signature(method: Method, signature: Signature, names: _Names) -> Iterator[str]:
    """Return the lines up to the body."""
    result = signature.result
    kind = names.note(result.type) if result.word else names.variable(result.type)
    keywords = [f"{each.name}: {names.note(each.type)}{' = None' * each.is_optional}" for each in signature.arguments]
    keywords += [f"returns: type[{kind}] | None = None"] * (not result.word)
    keywords = [*["*"] * bool(keywords), *keywords, "**options: Unpack[CallOptions]"]
    yield from _exploded(method.name, keywords, f"{kind}{' | None' * result.is_optional}")
    yield from _text.docstring(8, f"Call `{method.path}`, which {_does(method)}.", *_told(signature))


def _told(signature: Signature) -> Iterator[str | Sequence[str]]:
    """Yield what the portal tells of an overload."""
    if signature.description.strip():
        yield _text.told(signature.description)
    if signature.is_deprecated:
        yield "Deprecated."
    if signature.arguments:
        told = [(f"{each.name}: `{each.kind} {each.wire}`", _text.told(each.description)) for each in signature.arguments]
        yield _text.section("Args", [", ".join(filter(None, parts)) for parts in told], 8)
    if signature.result.type != "None":
        yield _text.section("Returns", [" or ".join(f"`{each}`" for each in signature.returns)], 8)


def _exploded(name: str, parameters: Sequence[str], result: str) -> list[str]:
    lines = [f"    def {name}(", "        self,", *(f"        {each}," for each in parameters)]
    return [*lines, f"    ) -> Call[{result}]:"]


def _does(method: Method) -> str:
    return "reads" if method.is_read else "writes"


def package_source(modules: Mapping[str, str], origin: str, marker: str) -> str:
    """Return the source of the package; `modules` gives the module of each class."""
    pairs = sorted(modules.items())
    lines = [*_text.docstring(0, f"The services of {origin}.", "Each is a class. It is imported when it is asked for."), ""]
    lines += ["from __future__ import annotations", "", "from typing import TYPE_CHECKING", "", "if TYPE_CHECKING:"]
    for name, module in sorted(pairs, key=lambda pair: pair[1]):
        lines += _text.imports(f".{module}", [name], 4)
    lines += ["", "__all__ = [", *(f'    "{name}",' for name, _ in pairs), "]", ""]
    lines += ["_MODULES = {", *(f'    "{name}": "{module}",' for name, module in pairs), "}", *_LAZY.split("\n")[:-1]]
    return _text.source(marker, lines)
