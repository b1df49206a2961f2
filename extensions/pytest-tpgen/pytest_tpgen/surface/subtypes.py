"""Whether a type accepts all values of another; types are texts as `expressions` writes them."""

import ast
import builtins
import collections
import collections.abc
import contextlib
import datetime
import decimal
import enum
import fractions
import io
import os
import pathlib
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from . import annotations, expressions

ANYTHING = ("Any", "object")
MODULES: tuple[Any, ...] = (
    *(builtins, collections.abc, collections, contextlib, datetime, decimal, enum, fractions, io),
    *(os, pathlib, types, typing, uuid),
)
# A value of the first is one of the second for a type checker, though not by its class.
PROMOTED = {("int", "float"), ("int", "complex"), ("float", "complex"), ("bool", "float")}
# These don't change what they hold, so that `Sequence[bool]` is a `Sequence[int]`.
COVARIANT = {
    *("AbstractAsyncContextManager", "AbstractContextManager", "AbstractSet", "AsyncGenerator"),
    *("AsyncIterable", "AsyncIterator", "Awaitable", "Collection", "Container", "Coroutine"),
    *("Generator", "ItemsView", "Iterable", "Iterator", "KeysView", "Reversible", "Sequence"),
    *("TypeGuard", "ValuesView", "frozenset", "tuple", "type"),
}
QUALIFIERS = ("ClassVar", "Final", "NotRequired", "ReadOnly", "Required")
# What these hold, or are generic in, without arguments of their own.
ELEMENTS = {
    **dict.fromkeys(("Path", "PurePath", "TextIO", "str"), "str"),
    **dict.fromkeys(("bytearray", "bytes", "range"), "int"),
    "BinaryIO": "bytes",
}

# What a bare generic type holds: `list` is `list[Any]`.
BARE = {"Callable": ["...", "Any"], "tuple": ["Any", "..."]}

# Finds a class or a NewType by its name; None if there is none.
Resolve = Callable[[str], Any]


def known(name: str) -> type | None:
    """Return a class of the standard library."""
    if name == "AbstractSet":
        return collections.abc.Set
    for module in MODULES:
        found = typing.get_origin(getattr(module, name, None)) or getattr(module, name, None)
        if isinstance(found, type):
            return found
    return None


class Types:
    """The relations of types.

    Args:
        resolve: finds a class by its name, which that of its package precedes if that is another.
        package: the package of the class.
    """

    def __init__(self, resolve: Resolve = lambda name: None, package: str = "") -> None:
        self._resolve, self._package = resolve, package

    def equal(self, old: str | None, new: str | None) -> bool:
        """Return whether two types are the same, with unions in any order."""
        if old is None or new is None:
            return old == new
        return old == new or _key(self._unaliased(old)) == _key(self._unaliased(new))

    def accepts(self, wide: str, narrow: str) -> bool:
        """Return whether each value of a type is one of another."""
        return self._accepts(self._unaliased(wide), self._unaliased(narrow))

    def _unaliased(self, text: str) -> ast.expr:
        """Return the expression of a type, in which an alias of a class has the class's name."""
        return _Unaliased(self._resolve, self._package).visit(_parsed(text))  # type: ignore[no-any-return]

    def is_subclass(self, narrow: str, wide: str) -> bool:
        """Return whether a class is another, or inherits from it."""
        if narrow == wide or (narrow, wide) in PROMOTED:
            return True
        if wide == "Self":
            return False  # of a subclass it is that subclass
        below, above = (self._resolve(name) or known(name) for name in (narrow, wide))
        if below is None:
            return False
        while hasattr(below, "__supertype__"):  # a NewType
            below = below.__supertype__
        try:
            if _is_typed_dict(below):
                if _is_typed_dict(above):
                    return _has_keys(below, above)
                below = collections.abc.Mapping
            if above is not None and issubclass(below, above):
                return True
        except (TypeError, NameError):
            pass
        # The class was defined again under the same name, or its name can't be resolved.
        return above is None and wide in {base.__qualname__ for base in below.__mro__}

    def _accepts(self, wide: ast.expr, narrow: ast.expr) -> bool:
        some = _members(wide)
        texts = {_key(each) for each in some}
        if texts & {*ANYTHING}:
            return True
        if {"Literal[True]", "Literal[False]"} <= texts:
            some = [*some, _parsed("bool")]
        return all(any(self._one(each, other) for other in some) for each in _members(narrow))

    def _one(self, narrow: ast.expr, wide: ast.expr) -> bool:
        if _key(narrow) in (_key(wide), "Never"):
            return True
        name, inside = _split(narrow)
        wide_name, wide_inside = _split(wide)
        if name in ("TypeGuard", "TypeIs") and name != wide_name:
            return self._one(ast.Name("bool"), wide)
        if name == "Literal":
            return wide_name != "Literal" and self.is_subclass(_class_of(inside[0]), wide_name)
        if wide_name in ("None", "Literal") or name in (*ANYTHING, "None"):
            return False
        if name == wide_name == "Callable":
            return self._callable(inside, wide_inside)
        return self.is_subclass(name, wide_name) and self._arguments(
            (name, inside), (wide_name, wide_inside)
        )

    def _callable(self, narrow: list[ast.expr], wide: list[ast.expr]) -> bool:
        if not wide:
            return True
        narrow = narrow or _bare("Callable", wide)
        if not self._accepts(wide[-1], narrow[-1]):
            return False
        given, taken = wide[0], narrow[0]
        if _key(given) in ("...", _key(taken)):
            return True
        if not isinstance(given, ast.List) or not isinstance(taken, ast.List):
            return False
        return len(given.elts) == len(taken.elts) and all(
            self._accepts(mine, theirs) for theirs, mine in zip(given.elts, taken.elts, strict=True)
        )

    def _arguments(
        self, narrow: tuple[str, list[ast.expr]], wide: tuple[str, list[ast.expr]]
    ) -> bool:
        """Return whether the arguments of a generic type fit those of one of its bases."""
        (name, inside), (wide_name, wanted) = narrow, wide
        if not wanted:
            return True
        if name in ELEMENTS and not inside:
            inside = [_parsed(ELEMENTS[name])]
        own = self._resolve(name) if name != wide_name else None
        bases = self._bases(own, inside) if own is not known(name) else []
        related = [base for base in bases if self.is_subclass(_split(base)[0], wide_name)]
        if related:
            return any(
                _is_open(base, wide_name) or self._arguments(_split(base), (wide_name, wanted))
                for base in related
            )
        if not inside and name != wide_name and known(name) is None:
            return True  # such as a class with `__iter__`, which states there what it holds
        inside = inside or _bare(name, wanted)
        if name == "tuple":
            return self._tuple(inside, wanted, wide_name)
        if len(inside) > len(wanted) and (name != wide_name or known(name)):
            # `dict[str, int]` is an `Iterable[str]`, `Coroutine[Any, Any, int]` an `Awaitable[int]`.
            inside = inside[-1:] if name == "Coroutine" else inside[: len(wanted)]
        if len(inside) != len(wanted):
            return False
        return all(
            self._argument(wide_name, index, mine, theirs)
            for index, (mine, theirs) in enumerate(zip(inside, wanted, strict=True))
        )

    def _bases(self, cls: Any, inside: list[ast.expr]) -> list[ast.expr]:
        """Return the bases of a class, or the type of a NewType, with their arguments.

        Args:
            inside: the arguments of the class itself.
        """
        if hasattr(cls, "__supertype__"):
            bases: Any = (cls.__supertype__,)
        elif _is_typed_dict(cls):
            return [_parsed("Mapping[str, object]")]
        else:
            bases = vars(cls).get("__orig_bases__", cls.__bases__) if cls else ()
        names = [each.__name__ for each in getattr(cls, "__parameters__", ())]
        values = dict(zip(names, inside or _bare("", [ast.Name("")] * len(names)), strict=False))
        scope = annotations.Scope({}, self._package)
        found = [_parsed(annotations.annotation(base, scope) or "") for base in bases]
        return [_Filled(values).visit(base) for base in found]

    def _tuple(self, inside: list[ast.expr], wanted: list[ast.expr], wide_name: str) -> bool:
        elements = [each for each in inside if _key(each) != "..."]
        if wide_name != "tuple":
            return len(wanted) == 1 and all(self._accepts(wanted[0], each) for each in elements)
        if _key(wanted[-1]) == "...":
            return all(self._accepts(wanted[0], each) for each in elements)
        return len(elements) == len(inside) == len(wanted) and all(
            self._accepts(theirs, mine) for mine, theirs in zip(inside, wanted, strict=True)
        )

    def _argument(self, owner: str, index: int, narrow: ast.expr, wide: ast.expr) -> bool:
        if _key(wide) == _key(narrow) or _key(wide) == "Any":
            return True
        is_covariant = owner in COVARIANT or (owner == "Mapping" and index == 1)
        return is_covariant and self._accepts(wide, narrow)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return ast.Name(text)


def _bare(name: str, wanted: list[ast.expr]) -> list[ast.expr]:
    """Return the arguments of a generic type that states none."""
    return [_parsed(text) for text in BARE.get(name, ["Any"] * len(wanted))]


def _is_open(base: ast.expr, wide: str) -> bool:
    """Return whether a base is a generic class without arguments, as in `class Items(list)`."""
    if not isinstance(base, ast.Name) or base.id in ELEMENTS:
        return False
    return base.id == wide or known(base.id) is not None


class _Unaliased(ast.NodeTransformer):
    """Replaces the alias of a class of a package by the class's name."""

    def __init__(self, resolve: Resolve, package: str) -> None:
        self._resolve, self._package = resolve, package

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self._resolve(node.id) if node.id != "Self" else None
        name = getattr(found, "__qualname__", node.id)
        return ast.Name(name) if self._resolve(name) is found else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        package, _, name = ast.unparse(node).partition(".")
        return _parsed(name) if package == self._package else node


class _Filled(ast.NodeTransformer):
    """Replaces type variables by their values."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def _is_typed_dict(cls: Any) -> bool:
    return hasattr(cls, "__required_keys__")


def _has_keys(below: Any, above: Any) -> bool:
    """Return whether a TypedDict has all keys of another, which makes it a subtype."""
    return bool(
        above.__annotations__.items() <= below.__annotations__.items()
        and above.__required_keys__ <= below.__required_keys__
        and above.__optional_keys__ <= below.__optional_keys__
    )


def _members(node: ast.expr) -> list[ast.expr]:
    """Return the members of a union; each value of a `Literal` is one."""
    found = []
    for each in expressions.members(node):
        name, inside = _split(each)
        if name in QUALIFIERS and inside:
            found += _members(inside[0])
        elif name == "Literal":
            found += [_parsed(f"Literal[{ast.unparse(value)}]") for value in inside]
        else:
            found.append(each)
    return found


def _split(node: ast.expr) -> tuple[str, list[ast.expr]]:
    """Return the name of a type, and its arguments: none if they are those of the bare name."""
    if not isinstance(node, ast.Subscript):
        name = ast.unparse(node)
        return ("Never" if name == "NoReturn" else name), []
    name, inside = ast.unparse(node.value), expressions.arguments(node)
    texts = [ast.unparse(each) for each in inside]
    is_bare = texts == BARE.get(name, ["Any"] * len(texts)) and name not in QUALIFIERS
    return name, [] if is_bare else inside


def _key(node: ast.expr) -> str:
    """Return a text that is the same for equal types."""
    members = _members(node)
    if len(members) > 1:
        keys = {_key(each) for each in members} - {"Never"}
        keys -= {narrow for narrow, wide in PROMOTED if wide in keys}
        return " | ".join(sorted(keys))
    node = members[0]
    if isinstance(node, ast.List):
        return f"[{', '.join(map(_key, node.elts))}]"
    name, inside = _split(node)
    if name == "Literal":
        return ast.unparse(node)
    if not inside:
        return name
    return f"{name}[{', '.join(map(_key, inside))}]"


def _class_of(literal: ast.expr) -> str:
    """Return the class of the value of a `Literal`."""
    if isinstance(literal, ast.Attribute):
        return ast.unparse(literal.value)
    try:
        return type(ast.literal_eval(literal)).__name__
    except ValueError:
        return "object"
