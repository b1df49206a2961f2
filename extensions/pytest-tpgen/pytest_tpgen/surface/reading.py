"""Read the public surface of a class at run time."""

import ast
import dataclasses
import enum
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import annotations, expressions
from .annotations import Scope
from .model import Kind, Member, MemberKind, Parameter, Signature, Surface, SurfaceError
from .parsing import visit
from .scopes import (
    for_type_checkers,
    lineage,
    module_of,
    package_of,
    scope_of,
    tree_of,
    types_of_bases,
    values_of,
)
from .versions import stated

if TYPE_CHECKING:
    import griffe

KINDS: dict[Any, Kind] = {
    inspect.Parameter.POSITIONAL_ONLY: "positional-only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.VAR_POSITIONAL: "variadic",
    inspect.Parameter.KEYWORD_ONLY: "keyword-only",
    inspect.Parameter.VAR_KEYWORD: "keywords",
}
COMPARISONS = {"__eq__", "__ge__", "__gt__", "__hash__", "__le__", "__lt__"}
# Special methods that nobody calls, by name or by syntax: Python or a decorator uses them.
INTERNAL = {
    *(set(dir(object)) - COMPARISONS - {"__init_subclass__"}),
    *("__abstractmethods__", "__attrs_init__", "__attrs_post_init__", "__attrs_pre_init__"),
    *("__class_getitem__", "__copy__", "__deepcopy__", "__del__", "__get_validators__"),
    *("__getnewargs__", "__getnewargs_ex__", "__getstate__", "__post_init__", "__replace__"),
    *("__set_name__", "__setstate__", "__wrapped__"),
}
# What a property returns that has one of these decorators.
MANAGERS = {
    "contextmanager": "AbstractContextManager",
    "asynccontextmanager": "AbstractAsyncContextManager",
}
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
EMPTY = inspect.Parameter.empty


def load(of: str) -> type:
    """Return the class that `package.module:Class` names.

    Raises:
        SurfaceError: there is no such module or class, or the module can't be imported.
    """
    module, _, name = of.partition(":")
    if not module or not name:
        raise SurfaceError(f"{of!r} names no class: write it as `package.module:Class`")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise SurfaceError(
            f"{module} has no {name}: if the class was removed or renamed, that is breaking; if you "
            "meant it, delete this test, or state the new name in `of`"
        ) from None
    except (Exception, SystemExit) as error:
        raise SurfaceError(f"{module} can't be imported: {error!r}") from error
    found = typing.get_origin(found) or found  # an alias such as `Strings = Page[str]`
    if not isinstance(found, type):
        raise SurfaceError(f"{of} is a {type(found).__name__}, not a class")
    return found


def read(cls: type, name: str = "") -> Surface:
    """Return the public surface of a class.

    Members of its bases are its own, except those of bases of other packages: these are named in
    the class line, and change with the releases of those packages.

    Args:
        name: by which it is known, if that is not its own.

    Raises:
        SurfaceError: a decorator hides a signature.
    """
    return _Reader(cls, name or cls.__name__).surface()


def _overloads(function: Any) -> list[Any]:
    """Return the overloads of a function; none of a method in C, or of a descriptor of its own."""
    if hasattr(function, "__module__") and hasattr(function, "__qualname__"):
        return list(typing.get_overloads(function))
    return []


class _Reader:
    def __init__(self, cls: type, name: str) -> None:
        self.cls, self.name = cls, name
        self.lineage = lineage(cls)
        self.scope = scope_of(cls)
        self.values = values_of(cls)

    def surface(self) -> Surface:
        members: dict[str, Member] = {}
        others = self._others()
        if issubclass(self.cls, enum.Enum):
            members = dict(self._choices())
        else:
            members |= {
                name: member for name, member in self._attributes().items() if name not in others
            }
            if not hasattr(self.cls, "__required_keys__") and not _is_protocol(self.cls):
                members["__init__"] = self._constructor()
        is_final = bool(vars(self.cls).get("__final__"))
        return Surface(self.name, self._bases(), members | others, is_final)

    def _bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._public_bases(self.cls)))

    def _public_bases(self, cls: type) -> Iterator[str]:
        bases = [(typing.get_origin(base) or base, base) for base in types_of_bases(cls)]
        is_private = any(_is_private(origin) for origin, _ in bases)
        if cls is self.cls and is_private and (variables := getattr(cls, "__parameters__", ())):
            yield f"Generic[{', '.join(each.__name__ for each in variables)}]"
        for origin, base in bases:
            if origin is object or getattr(origin, "__qualname__", "") == "ABC":
                continue
            if origin is typing.Generic and (is_private or cls is not self.cls):
                continue
            if _is_private(origin):
                yield from self._public_bases(origin)
            elif text := annotations.annotation(base, self.scope):
                yield text if isinstance(origin, type) or "[" in text else base.__name__

    def _choices(self) -> Iterator[tuple[str, Member]]:
        for name, choice in self.cls.__members__.items():  # type: ignore[attr-defined]
            if not name.startswith("_"):
                value = annotations.default(choice.value, None, "")
                yield name, Member(name, "attribute", value=value)

    def _others(self) -> dict[str, Member]:
        """Return methods, properties and nested classes; those of the class itself come first."""
        found: dict[str, Member] = {}
        known = set()
        for owner in self._each(self.lineage):
            for name, raw in vars(owner).items():
                if name in known or not _is_public(name) or _is_generated(owner, name):
                    continue
                known.add(name)
                if member := self._member(name, raw):
                    found[name] = member
        return found

    def _each(self, owners: Iterable[type]) -> Iterator[type]:
        """Yield classes of the lineage, of which each has values for its type variables."""
        for owner in owners:
            self.scope = dataclasses.replace(self.scope, values=self.values.get(owner, {}))
            yield owner
        # Of a constructor nobody knows whose fields it takes.
        values = {name: each for owner in self.values.values() for name, each in owner.items()}
        self.scope = dataclasses.replace(self.scope, values=values)

    def _member(self, name: str, raw: Any) -> Member | None:
        """Return a member; None if it is an attribute, which `_attributes` reads."""
        if name == "__init_subclass__":
            return self._init_subclass(name, raw.__func__)
        if name.startswith("__") and (name in INTERNAL or not callable(raw)):
            return None
        if name in getattr(self.cls, "__members__", {}):
            return None
        if isinstance(raw, property):
            return self._property(name, raw.fget, raw.fset)
        if isinstance(raw, functools.cached_property):
            member = self._property(name, raw.func, None)
            return dataclasses.replace(member, kind="cached property")
        if isinstance(raw, staticmethod):
            return self._method(name, raw.__func__, "static method")
        if isinstance(raw, classmethod):
            inside = raw.__func__
            if isinstance(inside, property):
                return self._property(name, inside.fget, None)
            return self._method(name, inside, "class method")
        if isinstance(raw, functools.partialmethod):
            kinds: dict[type, MemberKind] = {
                classmethod: "class method",
                staticmethod: "static method",
            }
            return self._method(name, raw, kinds.get(type(raw.func), "method"))
        if isinstance(raw, functools.singledispatchmethod):
            return self._method(name, raw.func, "method")
        if isinstance(raw, type):
            if raw.__qualname__.rpartition(".")[0] in {base.__qualname__ for base in self.lineage}:
                return Member(name, "class", nested=_Reader(raw, name).surface())
            if name in self._annotated():
                return None
            return Member(name, "attribute", type=f"type[{raw.__name__}]", has_default=True)
        wrapped: Any = next(
            (vars_of[key] for key in ("fget", "func", "wrapped") if key in (vars_of := _vars(raw))),
            None,
        )
        if isinstance(wrapped, property):
            return self._property(name, wrapped.fget, wrapped.fset)
        binds = hasattr(type(raw), "__get__")
        if binds and name not in self._annotated() and (returned := _returned(raw)):
            text = annotations.annotation(returned, self.scope)
            return Member(name, "attribute", type=text, has_default=True)
        if binds and callable(raw) and not inspect.ismemberdescriptor(raw):
            if not hasattr(raw, "__qualname__") and not hasattr(raw, "__wrapped__"):
                # A descriptor that only looks like a method: nobody can tell what it returns.
                return Member(name, "attribute", type=type(raw).__name__, has_default=True)
            return self._method(name, raw, "method")
        if binds and inspect.isroutine(wrapped) and not isinstance(raw, functools.partial):
            return self._property(name, wrapped, None)
        if isinstance(raw, functools.partial):
            return self._method(name, raw, "static method")
        if name in self._read_only() or type(raw).__name__ == "_tuplegetter":
            return Member(name, "property", type=self._field_type(name))
        return None

    def _init_subclass(self, name: str, function: Any) -> Member | None:
        """Return it if it takes arguments by name: else it only passes on what it gets."""
        if hasattr(function, "__deprecated__") and not hasattr(function, "__wrapped__"):
            return None  # `@deprecated` made it
        member = self._method(name, function, "class method")
        is_empty = all(each.is_variadic for each in member.signatures[0].parameters)
        return None if is_empty else member

    def _read_only(self) -> set[str]:
        """Return the fields that can't be set: those of a frozen class."""
        parameters = getattr(self.cls, "__dataclass_params__", None)
        setter = getattr(self.cls.__setattr__, "__name__", "")
        if getattr(parameters, "frozen", False) or setter == "_frozen_setattrs":
            return set(self._annotated())
        config = getattr(self.cls, "model_config", None)
        if isinstance(config, Mapping) and config.get("frozen"):
            return set(self._annotated())
        fields = getattr(self.cls, "__pydantic_fields__", {})
        return {name for name, field in fields.items() if field.frozen}

    def _annotated(self) -> dict[str, Any]:
        """Return the annotations of the class and its bases, as objects or texts."""
        found: dict[str, Any] = {}
        for owner in reversed(self.lineage):
            found |= _annotations_of(owner)
        return found

    def _field_type(self, name: str) -> str | None:
        return annotations.annotation(self._annotated().get(name, EMPTY), self.scope)

    def _attributes(self) -> dict[str, Member]:
        """Return the attributes that the class states, and those that `__init__` assigns."""
        found: dict[str, str | None] = {}
        on_class: set[str] = set()
        for owner in self._each(reversed(self.lineage)):
            for name, given in _annotations_of(owner).items():
                if _is_public(name):
                    found[name] = annotations.annotation(given, self.scope)
            for name, given in self._in_source(owner):
                if _is_public(name) and not name.startswith("__"):
                    found[name] = found.get(name) or given
            for name, raw in vars(owner).items():
                on_class |= set() if inspect.ismemberdescriptor(raw) else {name}
                is_value = not callable(raw) and not hasattr(type(raw), "__get__")
                if _is_public(name) and not name.startswith("__") and is_value:
                    found.setdefault(name, _type_of(raw))
        hidden = {name for name, given in self._annotated().items() if _is_no_attribute(given)}
        if hasattr(self.cls, "__pydantic_fields__"):
            hidden |= {"model_config"}
        for name in getattr(self.cls, "__optional_keys__", ()):
            text = found.get(name) or ""
            if not text.startswith(("NotRequired[", "Required[")):
                found[name] = f"NotRequired[{text}]"
        read_only = self._read_only()
        # The default of a dataclass's field is for its constructor.
        on_class -= {*getattr(self.cls, "__dataclass_fields__", ()), *read_only}
        return {
            name: Member(
                name,
                "property" if name in read_only else "attribute",
                type=text,
                has_default=name in on_class and not (text or "ClassVar").startswith("ClassVar"),
            )
            for name, text in found.items()
            if name not in hidden
        }

    def _in_source(self, owner: type) -> Iterator[tuple[str, str | None]]:
        """Yield the attributes of a class in its source, each with its type if that is stated."""
        node = _source_of(owner)
        if node is None:
            return
        init = node.members.get("__init__")
        is_function = init is not None and not init.is_alias and init.is_function
        given = {each.name: each for each in init.parameters} if is_function else {}  # type: ignore[union-attr]
        for name, member in node.members.items():
            if member.is_alias or not member.is_attribute or "property" in member.labels:
                continue
            stated, value = member.annotation, member.value  # type: ignore[union-attr]
            if stated is None and str(value) in given:
                stated = given[str(value)].annotation
            text = annotations.annotation(str(stated), self.scope) if stated is not None else None
            if stated is None and value is not None:
                with suppress(ValueError, SyntaxError):
                    text = _type_of(ast.literal_eval(str(value)))
            yield name, text

    def _property(self, name: str, getter: Any, setter: Any) -> Member:
        if getter is None:
            return Member(name, "attribute")
        signature = self._signature(name, getter, is_bound=True)
        set_to = None
        if setter is not None:
            parameters = self._signature(name, setter, is_bound=True).parameters
            set_to = parameters[0].annotation if parameters else None
        decorators = _decorators(getter)
        managers = [MANAGERS[each] for each in decorators if each in MANAGERS]
        return Member(
            name,
            "property",
            type=managers[0] if managers else signature.returns,
            setter=set_to,
            has_setter=setter is not None,
            decorators=tuple(each for each in decorators if each not in MANAGERS),
        )

    def _method(self, name: str, function: Any, kind: MemberKind) -> Member:
        is_bound = kind != "static method"
        found = _overloads(inspect.unwrap(function)) if callable(function) else []
        found = [getattr(each, "__func__", each) for each in found]
        signatures = tuple(
            self._signature(name, each, is_bound=is_bound) for each in found or [function]
        )
        if found:
            signatures = self._with_defaults(signatures, function, is_bound)
        return Member(name, kind, signatures, decorators=_decorators(function))

    def _constructor(self) -> Member:
        init = next((vars(o)["__init__"] for o in self.lineage if "__init__" in vars(o)), None)
        new: Any = next((vars(o)["__new__"] for o in self.lineage if "__new__" in vars(o)), None)
        new = getattr(new, "__func__", new)
        found: list[Any] = []
        for function in filter(inspect.isfunction, (init, new)):
            found = found or [*_overloads(inspect.unwrap(function))]
        if found:
            overloads = tuple(self._signature("__init__", each, is_bound=True) for each in found)
            signatures = self._with_defaults(overloads, init or new, is_bound=True)
        else:
            signatures = (self._of_class(init),)
        made = tuple(
            dataclasses.replace(each, returns="None", is_async=False) for each in signatures
        )
        return Member("__init__", "constructor", made)

    def _with_defaults(
        self, overloads: tuple[Signature, ...], function: Any, is_bound: bool
    ) -> tuple[Signature, ...]:
        """Return overloads in which `= ...` is the default that the function has."""
        given = [each for overload in overloads for each in overload.parameters]
        if not any(each.default == "Ellipsis" for each in given):
            return overloads
        known: dict[str, str | None] = {}
        with suppress(SurfaceError):
            signature = self._signature("", function, is_bound=is_bound)
            known = {each.name: each.default for each in signature.parameters}
        return tuple(
            dataclasses.replace(
                overload,
                parameters=tuple(
                    dataclasses.replace(each, default=known.get(each.name) or "...")
                    if each.default == "Ellipsis"
                    else each
                    for each in overload.parameters
                ),
            )
            for overload in overloads
        )

    def _of_class(self, init: Any) -> Signature:
        try:
            found = _inspect(self.cls)
        except (ValueError, TypeError):
            # Of a class in C, such as `dict`, nobody knows what it takes.
            taken = (Parameter("args", "variadic", "object"),)
            more = (Parameter("kwargs", "keywords", "object"),)
            return Signature(taken if issubclass(self.cls, BaseException) else taken + more)
        if init is not None and (_takes_anything(found) or hasattr(init, "__wrapped__")):
            # A metaclass, `__new__` or a decorator passes on what `__init__` takes.
            return self._signature("__init__", init, is_bound=True)
        return self._convert(found, init or self.cls)

    def _signature(self, name: str, function: Any, *, is_bound: bool) -> Signature:
        is_partial = isinstance(function, functools.partialmethod)
        try:
            found = _signature_of(_as_partial(function) if is_partial else function, is_bound)
        except (ValueError, TypeError):
            raise SurfaceError(
                f"{self.name}.{name}: Python can't tell its signature, because it is not written "
                "in Python: wrap it in a method"
            ) from None
        if found is None or (_takes_anything(found) and self._is_hidden(function)):
            raise SurfaceError(
                f"{self.name}.{name}: its decorator hides the signature: put `@functools.wraps` "
                "on the function that the decorator returns, and let it take `*args, **kwargs`"
            )
        return self._convert(found, function, is_bound=is_bound)

    def _is_hidden(self, function: Any) -> bool:
        """Return whether a function is the inner one of a decorator, without a link to the outer."""
        path = getattr(function, "__qualname__", "")
        owners = {base.__qualname__ for base in self.lineage}
        is_own = path.rpartition(".")[0] in owners
        return "<locals>" in path and not is_own and not hasattr(function, "__wrapped__")

    def _convert(
        self, found: inspect.Signature, function: Any, *, is_bound: bool = False
    ) -> Signature:
        inside = inspect.unwrap(getattr(function, "func", function))
        names = {**self.scope.names}
        if inspect.isfunction(inside):
            names |= inside.__globals__ | for_type_checkers(inside.__module__)
        names |= {each.__name__: each for each in getattr(inside, "__type_params__", ())}
        scope = dataclasses.replace(self.scope, names=names)
        variable = _self_variable(inside, scope) if is_bound else ""
        if variable:
            scope = dataclasses.replace(scope, values={**scope.values, variable: typing.Self})
        parameters: list[Parameter] = []
        for each in found.parameters.values():
            kind = KINDS[each.kind]
            options = annotations.typed_dict(each.annotation, scope) if kind == "keywords" else None
            if options:
                parameters += _options(options, self.scope.package)
                continue
            default = None
            if each.default is not EMPTY:
                default = annotations.default(each.default, inside, each.name)
                default = "..." if _has_version(self.cls, default) else default
            text = annotations.annotation(each.annotation, scope)
            if text and kind == "variadic" and text.startswith("*"):
                text = expressions.annotation(text)
            parameters.append(Parameter(each.name, kind, text, default))
        returns = annotations.annotation(found.return_annotation, scope)
        return Signature(tuple(parameters), returns, _is_async(function))


def _self_variable(function: Any, scope: Scope) -> str:
    """Return the name of `T` in `def __enter__(self: T) -> T`, which means `Self`; else nothing."""
    if not inspect.isfunction(function) or not function.__code__.co_argcount:
        return ""
    text = annotations.annotation(
        _annotations_of(function).get(function.__code__.co_varnames[0], EMPTY), scope
    )
    name = (text or "").removeprefix("type[").removesuffix("]")
    return name if isinstance(scope.names.get(name), typing.TypeVar) else ""


def _is_private(kind: Any) -> bool:
    return isinstance(kind, type) and kind.__name__.startswith("_")


def _has_version(cls: type, default: str) -> bool:
    """Return whether the text of a default contains the version of the package of a class."""
    if not re.search(r"[\"'].*\d\.\d", default):
        return False
    versions = map(re.escape, _versions(package_of(cls)))
    return any(re.search(rf"(?<![\d.]){each}(?!\.?\d)", default) for each in versions)


@functools.cache
def _versions(package: str) -> set[str]:
    """Return the version of an installed package, and the one that it states itself."""
    found = {getattr(sys.modules.get(package), "__version__", None)}
    found |= {metadata.version(name) for name in metadata.packages_distributions().get(package, [])}
    # Of an editable installation, Python does not know which packages it has.
    found |= {stated(Path.cwd())}
    return {each for each in found if isinstance(each, str) and "." in each}


def _vars(raw: object) -> dict[str, Any]:
    return getattr(raw, "__dict__", None) or {
        name: getattr(raw, name)
        for name in getattr(type(raw), "__slots__", ())
        if isinstance(name, str) and hasattr(raw, name)
    }


def _returned(descriptor: Any) -> type | None:
    """Return the class that `__get__` of a descriptor returns; None if it does not state one."""
    getter = type(descriptor).__get__
    found = _annotations_of(getter).get("return")
    if isinstance(found, str):
        found = annotations.resolve(found, Scope(getter.__globals__, ""))
    return found if isinstance(found, type) and found not in (Any, object) else None


def _is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _is_generated(owner: type, name: str) -> bool:
    """Return whether a dataclass, pydantic or Python made a method, not the source."""
    if name not in ("__eq__", "__hash__", "model_post_init"):
        return False
    node = _source_of(owner)
    return node is None or name not in node.members


def _is_protocol(cls: type) -> bool:
    return bool(getattr(cls, "_is_protocol", False))


def _annotations_of(owner: Any) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return dict(annotationlib.get_annotations(owner, format=annotationlib.Format.FORWARDREF))
    return inspect.get_annotations(owner)


def _inspect(function: Any, **options: Any) -> inspect.Signature:
    if sys.version_info >= (3, 14):
        import annotationlib

        options["annotation_format"] = annotationlib.Format.FORWARDREF
    return inspect.signature(function, **options)


def _signature_of(function: Any, is_bound: bool) -> inspect.Signature | None:
    """Return the signature of a function without `self`; None if a decorator hides it.

    A wrapper of `functools.wraps` has the signature of the function that it wraps, which is right
    if it passes on all arguments. With parameters of its own beside `*args`, it may take others.
    """
    found = _without_self(_inspect(function), is_bound)
    while hasattr(function, "__wrapped__") and not hasattr(function, "__signature__"):
        # Other objects than functions, such as those of `lru_cache`, pass on all arguments.
        if type(function) is types.FunctionType:
            own = _without_self(_inspect(function, follow_wrapped=False), is_bound)
            named = [each for each in own.parameters.values() if each.kind not in VARIADIC]
            if len(named) == len(own.parameters):
                return own
            public = [each for each in named if not each.name.startswith("_")]
            is_same = all(each == found.parameters.get(each.name) for each in public)
            if not is_same or not _takes_anything(own):
                return None
        function = function.__wrapped__
    return found


def _without_self(found: inspect.Signature, is_bound: bool) -> inspect.Signature:
    parameters = list(found.parameters.values())
    kinds = [KINDS[each.kind] for each in parameters[:1]]
    has_self = is_bound and kinds in (["positional"], ["positional-only"])
    return found.replace(parameters=parameters[1:]) if has_self else found


def _as_partial(method: functools.partialmethod[Any]) -> Any:
    """Return the function that a partial method is, with `self`."""
    inside = getattr(method.func, "__func__", method.func)
    holder = type(
        "Holder", (), {"method": functools.partialmethod(inside, *method.args, **method.keywords)}
    )
    return holder.method  # type: ignore[attr-defined]


def _takes_anything(found: inspect.Signature) -> bool:
    kinds = [KINDS[each.kind] for each in found.parameters.values()]
    return "variadic" in kinds and "keywords" in kinds


def _is_async(function: Any) -> bool:
    """Return whether a call returns a coroutine.

    A plain wrapper of an async function counts as async: most return the coroutine.
    """
    while function is not None:
        if inspect.iscoroutinefunction(function):
            return True
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return False
        function = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
    return False


def _decorators(function: Any) -> tuple[str, ...]:
    """Return the decorators that change how a method is called or inherited."""
    found = ["abstractmethod"] if getattr(function, "__isabstractmethod__", False) else []
    while function is not None:
        code = getattr(function, "__code__", None)
        if getattr(function, "__globals__", {}).get("__name__") == "contextlib" and code:
            outer = code.co_qualname.partition(".")[0]
            found += [outer] if outer in ("contextmanager", "asynccontextmanager") else []
        function = getattr(function, "__wrapped__", None)
    return tuple(found)


def _options(options: type, package: str) -> Iterator[Parameter]:
    """Yield the keys of a TypedDict, which are the keyword arguments of a method."""
    scope = dataclasses.replace(scope_of(options), package=package)
    required = vars(options)["__required_keys__"]
    stated: dict[str, Any] = {}
    for base in reversed(options.__mro__):
        stated |= _annotations_of(base)
    for name, given in stated.items():
        text = annotations.annotation(given, scope) or ""
        # With `from __future__ import annotations`, Python does not see these qualifiers.
        qualifier, _, inside = text.partition("[")
        if qualifier in ("NotRequired", "Required"):
            text, is_required = inside[:-1], qualifier == "Required"
        else:
            is_required = name in required
        yield Parameter(name, "keyword-only", text, None if is_required else "...")


def _is_no_attribute(given: object) -> bool:
    """Return whether an annotation is only about the constructor of a dataclass."""
    words = given if isinstance(given, str) else repr(given)
    return "InitVar" in words or "KW_ONLY" in words


def _type_of(value: object) -> str | None:
    kind = type(value)
    return kind.__name__ if kind in (bool, int, float, str, bytes) else None


class _Assignments(ast.NodeTransformer):
    """Splits `a, b = 1, 2` into two assignments, because griffe reads only single ones."""

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | list[ast.Assign]:
        if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Tuple):
            return node
        targets, values = node.targets[0].elts, getattr(node.value, "elts", [])
        if len(targets) != len(values):
            values = [ast.Constant(...)] * len(targets)
        pairs = zip(targets, values, strict=True)
        return [ast.Assign([target], value, lineno=node.lineno) for target, value in pairs]


@functools.cache
def _module(name: str) -> "griffe.Module | None":
    tree = tree_of(name)
    return visit(ast.unparse(_Assignments().visit(tree))) if tree else None


def _source_of(owner: type) -> "griffe.Class | None":
    """Return the class in the source of its module; None if the source can't be read."""
    found: Any = _module(module_of(owner))
    for name in owner.__qualname__.split("."):
        found = found.members.get(name) if found is not None and not found.is_alias else None
    return found if found is not None and not found.is_alias and found.is_class else None
