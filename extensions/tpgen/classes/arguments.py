"""What a test gives a component's constructor: values, fakes, and a blank where none is known."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from .code import (
    Code,
    Definition,
    Function,
    Module,
    Parameter,
    base_names,
    is_component,
    last_name,
    signature,
)
from .components import Component

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
MAKERS = {"async_sessionmaker", "sessionmaker"}
# How a fake gives what it is told to, by the container that its method promises.
GIVING = {
    **dict.fromkeys(("list", "List", "Sequence", "Iterable", "Collection"), "return self.found"),
    **dict.fromkeys(("tuple", "Tuple"), "return tuple(self.found)"),
    **dict.fromkeys(("set", "Set", "frozenset"), "return set(self.found)"),
    **dict.fromkeys(("Iterator", "Generator"), "yield from self.found"),
    **dict.fromkeys(("AsyncIterator", "AsyncGenerator"), "for one in self.found:\n    yield one"),
}


@dataclass(frozen=True)
class Fake:
    """A stand-in for something of the service that a component is given.

    Attributes:
        name: of its class.
        stands_for: the class that the constructor asks for.
        bases: that class in parentheses, where it is no protocol.
        methods: each as its `def` line and its body.
    """

    name: str
    stands_for: str
    bases: str
    methods: tuple[tuple[str, str], ...]


@dataclass
class Construction:
    """The call that makes a component in a test, and what the test file needs for it.

    Attributes:
        call: such as `DetectPII(backend=FakeDetector(self.detections))`.
        fakes: classes to define above.
        imports: lines; the component's own is among them.
    """

    call: str = ""
    fakes: list[Fake] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)


def construct(
    component: Component,
    given: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    found: str = "",
) -> Construction:
    """Say how a test makes a component.

    Args:
        component: one that exists.
        given: code for a parameter, by its name; left out where there is no such parameter.
        types: code for a parameter, by the last name of its type.
        found: code of what a fake shall give, where it promises what the component's own method
            does; empty where nothing is faked.
    """
    assert component.definition
    maker = _Maker(component, given or {}, types or {}, found)
    maker.made.call = maker.new(component.definition)
    return maker.made


def call(component: Component, method: str) -> Construction:
    """Say how a test calls a method of a component."""
    assert component.definition
    maker = _Maker(component, {}, {}, "")
    module, node = component.code.methods(component.definition)[method]
    maker.made.call = maker.call(method, signature(module, node))
    return maker.made


@dataclass
class _Maker:
    component: Component
    given: Mapping[str, str]
    types: Mapping[str, str]
    found: str
    made: Construction = field(default_factory=Construction)
    depth: int = 0

    @property
    def code(self) -> Code:
        return self.component.code

    def new(self, owner: Definition) -> str:
        """Code that makes an object of a class."""
        self.made.imports.append(f"from {owner.module.name} import {owner.name}")
        return self.call(owner.name, self.code.parameters(owner))

    def call(self, name: str, parameters: Iterable[Parameter]) -> str:
        pairs = [f"{one.name}={code}" for one in parameters if (code := self.argument(one))]
        return f"{name}({', '.join(pairs)})"

    def argument(self, one: Parameter) -> str:
        """The code for a parameter; nothing where its default will do."""
        annotation = _not_none(one.annotation)
        target = self.code.resolve(one.module, annotation)
        if one.name in self.given:
            return self._converted(one, target)
        if target and self._is_faked(target, one):
            return self._fake(target)
        if one.has_default:
            return ""
        return self._value(one, annotation) or self._made(target) or self._blank(one)

    def _made(self, target: Definition | None) -> str:
        """An object of a class of the service that is made without more ado."""
        if target is None or not is_component(target.node) or self.depth > 2:
            return ""
        self.depth += 1
        code = self.new(target)
        self.depth -= 1
        return code

    def _converted(self, one: Parameter, target: Definition | None) -> str:
        """What was given; as a member, where the parameter is an Enum."""
        if target and isinstance(target.node, ast.ClassDef):
            self.made.imports.append(f"from {target.module.name} import {target.name}")
            return f"{target.name}({self.given[one.name]})"
        return self.given[one.name]

    def _value(self, one: Parameter, annotation: ast.expr | None) -> str:
        kind = last_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
        if kind in self.types:
            return self.types[kind]
        if self.found and kind == "Callable" and self._promises(annotation):
            return f"lambda *_: {self.found}"
        if kind in MAKERS:
            return self._session_maker()
        if "key" in one.name and "Fernet" in one.module.imports and kind in {"bytes", "str"}:
            self.made.imports.append(VALUES["Fernet"][1])
            return "Fernet.generate_key()" + (".decode()" if kind == "str" else "")
        if kind == "str":
            return f'"{one.name}"'
        value, line = VALUES.get(kind, ("", ""))
        self.made.imports += [line] if line else []
        return value

    def _session_maker(self) -> str:
        """The first sessionmaker that a module of the service makes at its top."""
        for module in self.code.matching("**/*.py"):
            for name, node in module.definitions.items():
                value = getattr(node, "value", None)
                if isinstance(value, ast.Call) and last_name(value.func) in MAKERS:
                    self.made.imports.append(f"from {module.name} import {name}")
                    return name
        return ""

    def _blank(self, one: Parameter) -> str:
        asked = f": {ast.unparse(one.annotation)}" if one.annotation else ""
        self.made.imports.append("from tests.policy.suites import blank")
        return f"blank({f'{one.name}=…  # takes {one.name}{asked}'!r})"

    def _is_faked(self, target: Definition, one: Parameter) -> bool:
        """Whether the test stands in for it: a protocol, or what finds what the step returns."""
        if not self.found or not isinstance(target.node, ast.ClassDef):
            return False
        if {"Protocol", "ABC"} & set(base_names(target.node)) and not one.has_default:
            return True
        methods = self.code.methods(target).values()
        return any(self._promises(node.returns) for _, node in methods)

    def _fake(self, target: Definition) -> str:
        methods = [(m, n) for m, n in self.code.methods(target).values() if not _is_static(n)]
        is_protocol = "Protocol" in base_names(cast(ast.ClassDef, target.node))
        fake = Fake(
            f"Fake{target.name}",
            target.name,
            "" if is_protocol else f"({target.name})",
            tuple((_def_line(node), self._body(node)) for _, node in methods),
        )
        if fake not in self.made.fakes:
            self.made.fakes.append(fake)
            self.made.imports.append(f"from {target.module.name} import {target.name}")
            for module, node in methods:
                self._import_types(module, node)
        return f"{fake.name}({self.found})"

    def _import_types(self, module: Module, node: Function) -> None:
        arguments = [one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg)]
        defaults = [*node.args.defaults, *node.args.kw_defaults]
        expressions = [*arguments, *defaults, node.returns]
        self.made.imports += self.code.imports_of(module, expressions)

    def _body(self, node: Function) -> str:
        container = node.returns
        kind = last_name(container.value) if isinstance(container, ast.Subscript) else ""
        if self._promises(container) and kind in GIVING:
            return GIVING[kind]
        if container is None or getattr(container, "value", "") is None:
            return "return None"
        self.made.imports.append("from tests.policy.suites import blank")
        text = f"blank({f'return …  # what {node.name} gives'!r})"
        return f"answer: {ast.unparse(container)} = {text}\nreturn answer"

    def _promises(self, annotation: ast.expr | None) -> bool:
        """Whether a type speaks of what the component's own methods return."""
        assert self.component.definition
        own = self.code.methods(self.component.definition).values()
        wanted = {name for _, node in own for name in _items(node.returns)}
        return bool(wanted & set(_items(annotation)))


def _items(annotation: ast.expr | None) -> Iterator[str]:
    """The names of capital letter in a type, without containers: `Detection` of `list[Detection]`."""
    for node in ast.walk(annotation) if annotation else ():
        name = last_name(node) if isinstance(node, ast.Name | ast.Attribute) else ""
        if name[:1].isupper() and name not in GIVING:
            yield name


def _not_none(annotation: ast.expr | None) -> ast.expr | None:
    """`X` of `X | None`, of `Optional[X]` and of `Annotated[X, …]`."""
    if isinstance(annotation, ast.BinOp):
        is_none = isinstance(annotation.left, ast.Constant) and annotation.left.value is None
        return _not_none(annotation.right if is_none else annotation.left)
    if isinstance(annotation, ast.Subscript):
        name = last_name(annotation.value)
        if name == "Optional":
            return annotation.slice
        if name == "Annotated" and isinstance(annotation.slice, ast.Tuple):
            return _not_none(annotation.slice.elts[0])
    return annotation


def _def_line(node: Function) -> str:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}:"


def _is_static(node: Function) -> bool:
    return any(last_name(one) in {"property", "staticmethod"} for one in node.decorator_list)
