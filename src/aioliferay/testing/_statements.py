"""What a command says: statements with their names, white-lists, flags and nested statements. Runs nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

from aioliferay.testing._convert import set_property
from aioliferay.testing._java import (
    Bean,
    JavaError,
    JavaMap,
    Model,
    Version,
    class_of,
    getters_of,
    properties_of,
    simple_class_name,
)
from aioliferay.testing._text import hash_order, java_split, normalize_camel_case


class Statement:
    """One statement: a call, what of its result is kept, and the statements nested in it.

    `parameters` are those sent plus the flags resolved so far; `size` is the number of keys sent. `name` grows by the
    inner property while a nested `property.$x` statement runs.
    """

    def __init__(self, parent: Statement | None, path: str, *, size: int) -> None:
        self.parent = parent
        self.path = path
        self.size = size
        self.name: str | None = None
        self.white_list: list[str] | None = None
        self.parameters: dict[str, object] = {}
        self.flags: list[tuple[str, str | None]] = []
        self.children: list[Statement] = []
        self.is_executed = False
        self.push_target: object = None

    @property
    def is_inner(self) -> bool:
        """True for `property.$x`, whose result goes inside a property of the parent's."""
        return self.name is not None and ".$" in self.name

    def push(self, result: object) -> object:
        """Step into the property an inner statement is about; returns its value."""
        parent, name = cast("Statement", self.parent), cast("str", self.name)
        inner, _, rest = name.partition(".$")
        # A service may hand out what it keeps; the result of a nested statement must not end up there.
        self.push_target = _copied(result)
        value = get_property(result, inner)
        parent.name = f"{'null' if parent.name is None else parent.name}.{inner}"
        self.name = f"${rest}"
        return value

    def pop(self, value: object) -> object:
        """Step out again with the property's new value; returns the whole."""
        parent = cast("Statement", self.parent)
        outer, _, inner = cast("str", parent.name).rpartition(".")
        parent.name = outer
        self.name = f"{inner}.{self.name}"
        target, self.push_target = self.push_target, None
        _assign(target, inner, value)
        return target


def parse_statement(
    statements: list[Statement], parent: Statement | None, key: str, body: object, version: Version
) -> Statement:
    """The statement of a key and its body, nested ones included; each is added to `statements`.

    Raises `JavaError`: ClassCastException or NullPointerException for a body that is no object.
    """
    name, equals, path = key.partition("=")
    entries = as_map(body, version)
    statement = Statement(parent, (path if equals else name).strip(), size=len(entries))
    statements.append(statement)
    if equals:
        _take_name(statement, name.strip())
    for entry in hash_order(entries):
        value = entries[entry]
        if entry.startswith("@"):
            if value is not None and not isinstance(value, str):
                raise wrong_class(value, "java.lang.String", version)
            statement.flags.append((entry[1:], value))
        elif entry.startswith("$") or ".$" in entry:
            statement.children.append(parse_statement(statements, statement, entry, value, version))
        else:
            statement.parameters[normalize_camel_case(entry)] = value
    return statement


def _take_name(statement: Statement, name: str) -> None:
    bracket = name.find("[")
    if bracket != -1:
        if bracket + 1 > len(name) - 1:
            raise out_of_bounds()
        # The last letter is dropped whatever it is: `$c[a2] ` and `$c[a2x` mean the same.
        statement.white_list = [part.strip() for part in java_split(name[bracket + 1 : -1])]
        name = name[:bracket]
    statement.name = name


def as_map(value: object, version: Version) -> Mapping[str, object]:
    """The value as a Java Map. Raises NullPointerException or ClassCastException."""
    if value is None:
        raise JavaError("java.lang.NullPointerException")
    if not isinstance(value, Mapping):
        raise wrong_class(value, "java.util.Map", version)
    return cast("Mapping[str, object]", value)


def wrong_class(value: object, wanted: str, version: Version) -> JavaError:
    """The ClassCastException of a value that is not of the wanted class."""
    return JavaError("java.lang.ClassCastException", f"{class_of(value, version)} cannot be cast to {wanted}")


def out_of_bounds() -> JavaError:
    """What `"".substring(1)` throws."""
    return JavaError("java.lang.StringIndexOutOfBoundsException", "String index out of range: -1")


def _copied(value: object) -> object:
    if isinstance(value, Model):
        return Model(value.model_class, value.shown, nested=value.nested)
    kept = value
    is_kept = isinstance(value, Bean) or (isinstance(value, dict) and not isinstance(value, JavaMap))
    return copy.copy(kept) if is_kept else kept


def get_property(root: object, path: str) -> object:
    """A property by its dotted path, hidden getters included (BeanUtil.getDeclaredProperty).

    Raises BeanException for what is not there, NullPointerException for a property of null.
    """
    value = root
    for name in path.split("."):
        if value is None:
            raise JavaError("java.lang.NullPointerException")
        if isinstance(value, Mapping):
            entries = cast("Mapping[str, object]", value)
            if name not in entries:
                raise _no_property("Map key", name, root, path, entries)
            value = entries[name]
            continue
        getter = next((getter for getter in getters_of(value) if getter.name == name), None)
        if getter is None:
            raise _no_property("Simple property", name, root, path, value)
        value = read_getter(value, getter.name, getter.read)
    return value


def read_getter(bean: object, name: str, read: object) -> object:
    """A getter's value; what it throws comes as BeanException "Getter failed"."""
    try:
        return read()  # type: ignore[operator] # a getter's function
    except JavaError as error:
        text = f"Getter failed: {simple_class_name(bean)}#get{name[:1].upper()}{name[1:]}(); <--- {error}"
        raise JavaError("jodd.bean.BeanException", text, cause=error) from error


def _no_property(kind: str, name: str, root: object, path: str, bean: object) -> JavaError:
    place = f"{simple_class_name(root)}#{path} ({simple_class_name(bean)}#{name}, forced=false)"
    return JavaError("jodd.bean.BeanException", f"{kind} not found: {name}. Invalid property: {place}")


def _assign(target: object, name: str, value: object) -> None:
    if isinstance(target, dict):
        cast("dict[str, object]", target)[name] = value
        return
    is_settable = isinstance(target, Model) and name in target.shown
    if isinstance(target, Bean) and not isinstance(target, Model):
        attribute = properties_of(type(target)).get(name, ("", None))[0]
        descriptor = getattr(type(target), attribute, None) if attribute else None
        is_settable = bool(attribute) and not (isinstance(descriptor, property) and descriptor.fset is None)
        if is_settable:
            setattr(target, attribute, value)
            return
    if not is_settable:
        raise _no_property("Simple property", name, target, name, target)
    set_property(target, name, value, "6.2")
