"""What a test gives a component's constructor: values, fakes, and `fill_in` where none is known."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tpgen.source.code import Definition, Module, Parameter, last_name, signature
from tpgen.source.components import Component
from tpgen.source.trees import inner, is_component, is_enum, unsubscripted

from .fakes import FILL_IN, Fake, Fakes, items

KEY = "bytes(range(32))"
# Code by the type of a parameter; the import that it needs beside it.
VALUES = {
    "bool": ("False", ""),
    "bytes": (KEY, ""),
    "float": ("1.0", ""),
    "int": ("1", ""),
    "dict": ("{}", ""),
    "Mapping": ("{}", ""),
    "list": ("[]", ""),
    "Iterable": ("[]", ""),
    "Collection": ("[]", ""),
    "Sequence": ("[]", ""),
    "tuple": ("()", ""),
    "set": ("set()", ""),
    "frozenset": ("frozenset()", ""),
    "Decimal": ("Decimal(1)", "from decimal import Decimal"),
    "timedelta": ("timedelta(seconds=1)", "from datetime import timedelta"),
    "UUID": ("uuid4()", "from uuid import uuid4"),
    "AESGCM": (
        f"AESGCM({KEY})",
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
    ),
    "Fernet": ("Fernet(Fernet.generate_key())", "from cryptography.fernet import Fernet"),
}
# What holds a text, and the import that it needs.
HOLDERS = {
    "httpx.URL": ("httpx.URL", "import httpx"),
    "pydantic.SecretStr": ("SecretStr", "from pydantic import SecretStr"),
}
MAKERS = {"async_sessionmaker", "sessionmaker"}
# Containers of several, as brackets around their items.
BRACKETS = {
    **dict.fromkeys(("list", "List", "Sequence", "Iterable", "Collection"), "[{}]"),
    **dict.fromkeys(("tuple", "Tuple"), "({},)"),
    **dict.fromkeys(("set", "Set"), "{{{}}}"),
    "frozenset": "frozenset([{}])",
}
MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping"}


@dataclass
class Construction:
    """The call that makes a component in a test, and what the test file needs for it.

    Attributes:
        call: such as `DetectPII(backend=FakeDetector(self.detections))`.
        fakes: classes to define above.
        imports: lines; the component's own is among them.
        used: the types, of those that code was given for, that the call makes use of.
        unknown: the calls of `fill_in` in it.
        calls_fail: whether it uses `fail`, a function that raises.
    """

    call: str = ""
    fakes: list[Fake] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    calls_fail: bool = False

    @property
    def example(self) -> str:
        """The call, to be read inside a placeholder: `…` for what is not known."""
        text = self.call
        for one in self.unknown:
            text = text.replace(one, "…")
        return text


def construct(
    component: Component,
    given: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    found: str = "",
    *,
    unbuilt: str = "",
    fails: bool = False,
) -> Construction:
    """Return the code with which a test creates a component.

    Args:
        component: one that exists.
        given: code for a parameter, by its name; left out where there is no such parameter.
        types: code for a parameter, by the full name of its type, such as `httpx.AsyncClient`.
        found: code of what a fake shall give, where it promises what the component's own method
            does; empty where nothing is faked.
        unbuilt: the arguments of a component that does not exist yet; tests of it fail and say
            where to build it.
        fails: make the fakes raise.
    """
    if not component.exists:
        return _to_build(component, unbuilt)
    maker = _Maker(component, given or {}, types or {}, found, fails)
    return maker.done(maker.new(component.built))


def _to_build(component: Component, arguments: str) -> Construction:
    place = f'"{component.module}:{component.class_name}", "{component.path}"'
    imports = ["from pytest_tpgen.suites import to_build"]
    return Construction(f"to_build({place})({arguments})", imports=imports)


def call(component: Component, method: str) -> Construction:
    """Say how a test calls a method of a component."""
    maker = _Maker(component, {}, {}, "", fails=False)
    module, node = component.code.methods(component.built)[method]
    return maker.done(maker.call(method, signature(module, node)))


class _Maker:
    def __init__(
        self,
        component: Component,
        given: Mapping[str, str],
        types: Mapping[str, str],
        found: str,
        fails: bool,
    ) -> None:
        self.code = component.code
        self.given, self.types, self.found = given, types, found
        own = self.code.methods(component.built).values()
        finds = {name for module, node in own for name in items(self.code, module, node.returns)}
        self.fakes = Fakes(self.code, finds, fails)
        self.made = Construction()
        self.within: list[ast.stmt] = []

    def done(self, code: str) -> Construction:
        """The construction with this call."""
        self.made.call = code
        self.made.fakes = self.fakes.made
        self.made.imports += self.fakes.imports
        return self.made

    def new(self, owner: Definition) -> str:
        """Code that makes an object of a class."""
        self.made.imports.append(f"from {owner.module.name} import {owner.name}")
        self.within.append(owner.node)
        code = self.call(owner.name, self.code.parameters(owner))
        self.within.pop()
        return code

    def call(self, name: str, parameters: Iterable[Parameter]) -> str:
        """Code that calls something with what it takes."""
        given = []
        for one in parameters:
            if one.stars:
                given.append(one.stars + self._fill_in("…", f"what {name} takes"))
            elif code := self._argument(one):
                given.append(code if one.is_positional else f"{one.name}={code}")
        return f"{name}({', '.join(given)})"

    def _argument(self, one: Parameter) -> str:
        """The code for a parameter; nothing where its default will do."""
        module, kind = self.code.expand(one.module, one.annotation)
        known = (
            self._given(one, module, kind)
            or self._of_type(module, kind)
            or self._faked(one, module, kind)
        )
        if known or one.has_default:
            return known
        asked = f": {ast.unparse(one.annotation)}" if one.annotation else ""
        return self._value(one, module, kind) or self._fill_in(
            f"{one.name}=…", f"takes {one.name}{asked}"
        )

    def _given(self, one: Parameter, module: Module, kind: ast.expr | None) -> str:
        """What was given under this name; as a member, where the parameter is an Enum."""
        code = self.given.get(one.name, "")
        target = self.code.target(module, kind)
        if not code or (target and not is_enum(target.node)):
            return ""
        if target:
            self.made.imports.append(f"from {target.module.name} import {target.name}")
            return f"{target.name}({code})"
        return self._held(code, module, kind) or code

    def _held(self, text: str, module: Module, kind: ast.expr | None) -> str:
        """A text in what a type holds it in; nothing where it is no such type."""
        holder, line = HOLDERS.get(self.code.full_name(module, kind), ("", ""))
        self.made.imports += [line] if line else []
        return f"{holder}({text})" if holder else ""

    def _of_type(self, module: Module, kind: ast.expr | None) -> str:
        """What was given for this type."""
        name = self.code.full_name(module, unsubscripted(kind)) if kind else ""
        if name in self.types:
            self.made.used.add(name)
        return self.types.get(name, "")

    def _faked(self, one: Parameter, module: Module, kind: ast.expr | None) -> str:
        """A fake, or something with a fake in it, that finds what the test says."""
        target = self.code.target(module, kind)
        if not self.found:
            return ""
        if target and self.fakes.stands_in(target, one.has_default):
            fake = self.fakes.make(target)
            return f"{fake.name}({self.found if fake.finds else ''})"
        if not isinstance(kind, ast.Subscript):
            return ""
        parts, name = inner(kind), last_name(kind.value)
        if name in BRACKETS:
            item = Parameter(one.name, parts[0], one.has_default, module)
            code = self._faked(item, *self.code.expand(module, parts[0]))
            return BRACKETS[name].format(code) if code else ""
        is_finder = name == "Callable" and self.fakes.promises(module, parts[-1])
        return self._function(*self.code.expand(module, parts[-1])) if is_finder else ""

    def _function(self, module: Module, returns: ast.expr | None) -> str:
        """A function that finds what the test says; nothing where it would have to wait."""
        name = last_name(returns.value) if isinstance(returns, ast.Subscript) else ""
        code = {"tuple": f"tuple({self.found})", "set": f"set({self.found})"}.get(name, self.found)
        code = f"iter({code})" if name == "Iterator" else code
        if name not in {*BRACKETS, "Iterator"}:
            return ""
        self.made.calls_fail = self.fakes.fail
        return "fail" if self.fakes.fail else f"lambda *_: {code}"

    def _value(self, one: Parameter, module: Module, annotation: ast.expr | None) -> str:
        """What serves as well as anything; nothing where that is not so."""
        target = self.code.target(module, annotation)
        if target:
            return self._object(target)
        if isinstance(annotation, ast.Subscript):
            several = self._several(one, module, annotation)
            if several is not None:
                return several
        kind = last_name(unsubscripted(annotation)) if annotation else ""
        if kind in MAKERS:
            return self._session_maker()
        if "key" in one.name and "Fernet" in one.module.imports and kind in {"bytes", "str"}:
            self.made.imports.append(VALUES["Fernet"][1])
            return "Fernet.generate_key()" + (".decode()" if kind == "str" else "")
        if kind == "str":
            return f'"{one.name}"'
        if held := self._held(f'"{one.name}"', module, annotation):
            return held
        value, line = VALUES.get(kind, ("", ""))
        self.made.imports += [line] if line else []
        return value

    def _several(self, one: Parameter, module: Module, annotation: ast.Subscript) -> str | None:
        """A container, where an empty one may not do; nothing where nobody knows its items."""
        name, parts = last_name(annotation.value), inner(annotation)
        if name in MAPPINGS:
            return "" if self._matters(module, parts[-1]) else None
        if name not in BRACKETS:
            return None
        is_fixed = name in {"tuple", "Tuple"} and not _is_ellipsis(parts[-1])
        if not is_fixed and not self._matters(module, parts[0]):
            return None
        kinds = parts if is_fixed else parts[:1]
        pairs = [self.code.expand(module, kind) for kind in kinds]
        codes = [self._value(one, *pair) for pair in pairs]
        return BRACKETS[name].format(", ".join(codes)) if all(codes) else ""

    def _matters(self, module: Module, item: ast.expr) -> bool:
        """Whether a component can hardly do without such an item: a part of it, or a key."""
        module, kind = self.code.expand(module, item)
        return last_name(kind) == "bytes" or self.code.target(module, kind) is not None

    def _object(self, target: Definition) -> str:
        """An object of a class of the service that is made without more ado."""
        if not is_component(target.node) or target.node in self.within or len(self.within) > 3:
            return ""
        return self.new(target)

    def _session_maker(self) -> str:
        """The first sessionmaker that a module of the service makes at its top."""
        for module in self.code.matching("**/*.py"):
            for name, node in module.definitions.items():
                value = getattr(node, "value", None)
                if isinstance(value, ast.Call) and last_name(value.func) in MAKERS:
                    self.made.imports.append(f"from {module.name} import {name}")
                    return name
        return ""

    def _fill_in(self, code: str, reason: str) -> str:
        self.made.imports.append(FILL_IN)
        self.made.unknown.append(f"fill_in({f'{code}  # {reason}'!r})")
        return self.made.unknown[-1]


def _is_ellipsis(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is ...
