"""The text of annotations and defaults of running code."""

import ast
import builtins
import collections.abc
import dataclasses
import enum
import inspect
import pathlib
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from . import expressions


@dataclass(frozen=True)
class Scope:
    """Where an annotation stands.

    Attributes:
        names: in which a text is evaluated: code with `from __future__ import annotations` has the
            same stub as code without.
        package: whose classes are written without it, such as `Reply` beside `httpx.Response`.
        values: of type variables: `_Raw[int]` as a base, or `Self`.
        within: the aliases that are being written, of which each may contain itself, and the texts.
    """

    names: Mapping[str, Any]
    package: str
    values: Mapping[str, Any] = field(default_factory=dict)
    within: tuple[Any, ...] = ()

    def inside(self, alias: Any) -> "Scope":
        return replace(self, within=(*self.within, alias))

    def is_inside(self, alias: Any) -> bool:
        return any(
            alias is each or (isinstance(alias, str) and alias == each) for each in self.within
        )


def annotation(found: Any, scope: Scope) -> str | None:
    """Return the text of an annotation; None if it is missing."""
    if found is inspect.Parameter.empty:
        return None
    text = _describe(found, scope.inside(found) if typing.get_origin(found) else scope)
    if text is None:
        text = repr(found)
        try:
            ast.parse(text, mode="eval")
        except SyntaxError:  # no type: such as a module, by mistake
            text = str(getattr(found, "__name__", type(found).__name__)).rpartition(".")[2]
    return expressions.annotation(text)


def resolve(text: str, scope: Scope) -> Any:
    """Return what the text of an annotation evaluates to; None if it can't be evaluated."""
    with suppress(Exception):
        return eval(text, {"__builtins__": vars(builtins)}, dict(scope.names))
    return None


def typed_dict(found: Any, scope: Scope) -> type | None:
    """Return the TypedDict of `**options: Unpack[Options]`; None if it is something else."""
    for _ in range(2):  # with `from __future__ import annotations`, a text may hold a text
        found = resolve(found, scope) if isinstance(found, str) else found
    inside = typing.get_args(found)
    if inside and _name(typing.get_origin(found)) == "Unpack":
        kind = resolve(inside[0], scope) if isinstance(inside[0], str) else inside[0]
        if isinstance(kind, typing.ForwardRef):
            kind = resolve(kind.__forward_arg__, scope)
        if hasattr(kind, "__required_keys__"):
            return typing.cast(type, kind)
    return None


def default(value: Any, function: object, name: str) -> str:
    """Return the text of a default: a literal, the name of a value, or `...`."""
    if type(value).__module__.partition(".")[0] == "attr":
        return "..."  # a factory makes it
    text = _literal(value)
    is_object = type(value).__module__ != "builtins" and not isinstance(value, enum.Enum)
    stated = _in_source(function, name) if text is None or is_object else None
    # What a call makes may be another value at each import, such as `datetime.now()`.
    if stated and (text is None or stated.endswith(")")):
        text = stated
    return expressions.default(text or "...")


def _describe(found: Any, scope: Scope) -> str | None:
    """Return the text of a type; None if the object is not a type."""
    if found is None or found is type(None):
        return "None"
    if found is ...:
        return "..."
    if isinstance(found, str | typing.ForwardRef):
        text = found if isinstance(found, str) else found.__forward_arg__
        return _describe_text(text, scope) or expressions.annotation(text)
    if _is_type_alias(found):
        return _alias(found, (), scope) or str(found.__name__)
    if isinstance(found, list):
        return f"[{', '.join(str(_describe(each, scope)) for each in found)}]"
    if isinstance(found, dataclasses.InitVar):
        return _describe(found.type, scope)
    if isinstance(found, typing.ParamSpecArgs | typing.ParamSpecKwargs):
        kind = "args" if isinstance(found, typing.ParamSpecArgs) else "kwargs"
        return f"{found.__origin__.__name__}.{kind}"
    if origin := typing.get_origin(found):
        return _generic(found, origin, scope)
    if isinstance(found, type):
        return _qualified(found, scope.package)
    if isinstance(found, typing.TypeVar) and found.__name__ in scope.values:
        others = {name: each for name, each in scope.values.items() if name != found.__name__}
        return _describe(scope.values[found.__name__], replace(scope, values=others))
    for name in ("__name__", "_name"):
        if type(found).__module__ in ("typing", "typing_extensions") and hasattr(found, name):
            return str(getattr(found, name))
    return None


def _describe_text(text: str, scope: Scope) -> str | None:
    value = None if scope.is_inside(text) else resolve(text, scope)
    if value is not None and not scope.is_inside(value):
        inside = scope.inside(text)
        # These two look for themselves.
        is_seen = isinstance(value, str) or _is_type_alias(value)
        return _describe(value, inside if is_seen else inside.inside(value))
    parts = expressions.split(text)
    # Python can't evaluate a union with a text in it, such as `"Headers" | None`.
    if value is None and len(parts) > 1:
        return expressions.union([str(_describe(each, scope)) for each in parts])
    return None


def _generic(found: Any, origin: Any, scope: Scope) -> str:
    inside = typing.get_args(found)
    name = _qualified(origin, scope.package)
    if _is_type_alias(origin) and (text := _alias(origin, inside, scope)):
        return text
    if origin is typing.Union or origin is types.UnionType:
        return expressions.union([str(_describe(each, scope)) for each in inside])
    if name == "Annotated":
        return str(_describe(inside[0], scope))
    if name == "Literal":
        return f"Literal[{', '.join(_literal(each) or '...' for each in inside)}]"
    if name in ("AbstractContextManager", "AbstractAsyncContextManager") and len(inside) == 2:
        # Python 3.13 adds what `__exit__` returns.
        inside = inside[:1] if inside[1] == bool | None else inside
    texts = [str(_describe(each, scope)) for each in inside]
    if not texts and str(found).endswith("[()]"):
        texts = ["()"]
    return f"{name}[{', '.join(texts)}]" if texts else name


def _is_type_alias(found: Any) -> bool:
    return type(found).__name__ == "TypeAliasType"


def _alias(found: Any, arguments: tuple[Any, ...], scope: Scope) -> str | None:
    """Return what an alias of `type Name = …` stands for; None where it contains itself."""
    if not scope.is_inside(found):
        with suppress(Exception):  # it may be a name that is imported for type checkers only
            value = found.__value__[arguments] if arguments else found.__value__
            return _describe(value, scope.inside(found))
    return None


def _qualified(kind: Any, package: str) -> str:
    """Return the name of a class, after the package it is from if that is another one."""
    owner = str(getattr(kind, "__module__", "")).partition(".")[0]
    if owner.lstrip("_") in sys.stdlib_module_names:
        owner = owner.lstrip("_")  # `asyncio.Future` is from `_asyncio`
    name = _name(kind)
    return name if owner in ("", package, *expressions.BARE) else f"{owner}.{name}"


def _name(kind: Any) -> str:
    if kind is collections.abc.Set:
        return "AbstractSet"
    if getattr(kind, "__module__", "") == "builtins" and not hasattr(builtins, kind.__name__):
        # Such as TracebackType, whose own name is `traceback`.
        known = (name for name, value in vars(types).items() if value is kind)
        return next(known, str(kind.__name__))
    name = getattr(kind, "__qualname__", None) or getattr(kind, "_name", None) or str(kind)
    return str(name).rpartition("<locals>.")[2].removeprefix("typing.")


def _literal(value: Any) -> str | None:
    """Return the literal of a value; None if its text would be no expression, or not stable."""
    if isinstance(value, enum.Enum):  # before `str`: a member may be both
        if type(value).__name__.startswith("_"):
            return None  # a sentinel
        return f"{_name(type(value))}.{value.name}"
    if isinstance(value, str):
        return expressions.quote(value)
    if isinstance(value, type) or inspect.isroutine(value):
        return None if "<lambda>" in value.__qualname__ else _name(value)
    if isinstance(value, set | frozenset):
        texts = [_literal(each) for each in value]
        inside = ", ".join(sorted(text for text in texts if text))
        text = f"{{{inside}}}" if inside else "set()"
        text = f"frozenset({text})" if isinstance(value, frozenset) else text
        return None if None in texts else text
    if isinstance(value, pathlib.PurePath):
        return f"Path({expressions.quote(str(value))})"
    text = repr(value)
    if " at 0x" in text or len(text) > 200:
        return None
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return None
    # Such as `datetime.timedelta(seconds=5)`.
    module = type(value).__module__
    return text.removeprefix(f"{module}.") if module != "builtins" else text


def _in_source(function: object, name: str) -> str | None:
    """Return the default of a parameter as the source has it: `NOT_GIVEN`, or a call."""
    try:
        source = textwrap.dedent(inspect.getsource(typing.cast(Callable[..., Any], function)))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    pairs = [
        *zip(positional[len(positional) - len(given.defaults) :], given.defaults, strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    for argument, value in pairs:
        if argument.arg == name and isinstance(value, ast.Name | ast.Attribute):
            return ast.unparse(value).rpartition(".")[2]
        if argument.arg == name and isinstance(value, ast.Call):
            return expressions.call(value)
    return None
