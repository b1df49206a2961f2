"""The code that creates a component in a test: values, fakes, and placeholders for the rest."""

import ast
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from tpgen.source.code import Definition, Function, Module, Parameter, last_name
from tpgen.source.components import Component
from tpgen.source.trees import (
    base_names,
    inner,
    is_called_on_objects,
    is_component,
    is_enum,
    unquoted,
    unsubscripted,
)

KEY = "bytes(range(32))"
# Code by the type of a parameter, and the import that it needs.
VALUES = {
    "bool": ("False", ""),
    "bytes": (KEY, ""),
    "float": ("1.0", ""),
    "int": ("1", ""),
    **dict.fromkeys(("dict", "Mapping"), ("{}", "")),
    **dict.fromkeys(("list", "Iterable", "Collection", "Sequence"), ("[]", "")),
    "set": ("set()", ""),
    "Decimal": ("Decimal(1)", "from decimal import Decimal"),
    "timedelta": ("timedelta(seconds=1)", "from datetime import timedelta"),
    "UUID": ("uuid4()", "from uuid import uuid4"),
    "AESGCM": (
        f"AESGCM({KEY})",
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
    ),
    "Fernet": ("Fernet(Fernet.generate_key())", "from cryptography.fernet import Fernet"),
}
# The body of a method that returns what the component finds, by the container that it returns.
RETURNS = {
    "list": "return list(self.found)",
    **dict.fromkeys(("Sequence", "Iterable", "Collection"), "return self.found"),
    "tuple": "return tuple(self.found)",
    **dict.fromkeys(("Iterator", "Generator"), "yield from self.found"),
    **dict.fromkeys(("AsyncIterator", "AsyncGenerator"), "for item in self.found:\n    yield item"),
}
ASYNC = {"AsyncIterator", "AsyncGenerator"}
FAILURE = 'raise ConnectionError("the backend can\'t be reached")'


@dataclass(frozen=True)
class Fake:
    """A fake of a class of the service.

    Attributes:
        stands_for: the class that the constructor takes.
        bases: that class in parentheses; empty if it is a protocol.
        methods: each as its `def` line and its body.
    """

    name: str
    stands_for: str
    bases: str
    methods: tuple[tuple[str, str], ...]

    @property
    def finds(self) -> bool:
        """Return whether a method returns what the component finds."""
        return any("self.found" in body for _, body in self.methods)


@dataclass
class Construction:
    """A call in a test, and what the test file needs for it.

    Attributes:
        call: such as `DetectPII(backend=FakeDetector(self.detections))`.
        fakes: classes to define above.
        used: the types with given code that the call uses.
    """

    call: str = ""
    fakes: list[Fake] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


@dataclass
class Maker:
    """Writes a call with its arguments; what the call needs is in `made`.

    Args:
        given: code by the name of a parameter; ignored if there is no such parameter.
        types: code by the full name of a type, such as `httpx.AsyncClient`.
        found: code of what a fake returns, if its method returns what the component finds; no
            fakes are made if it is empty.
        fails: make the fakes raise.
    """

    component: Component
    given: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    found: str = ""
    fails: bool = False

    def __post_init__(self) -> None:
        self.code = self.component.code
        self.items = self._items(self.component.built)
        self.made = Construction()
        self.within: list[ast.stmt] = []

    def new(self, owner: Definition) -> str:
        """Return the code that creates an object of a class."""
        self._import_class(owner)
        self.within.append(owner.node)
        code = self.call(owner.name, self.code.parameters(owner))
        self.within.pop()
        return code

    def call(self, name: str, parameters: Iterable[Parameter]) -> str:
        """Return the code that calls something with its arguments."""
        arguments = []
        for parameter in parameters:
            if parameter.stars:
                arguments.append(parameter.stars + self._fill_in("…", f"what {name} takes"))
            elif code := self._argument(parameter):
                keyword = "" if parameter.is_positional else f"{parameter.name}="
                arguments.append(keyword + code)
        return f"{name}({', '.join(arguments)})"

    def _argument(self, parameter: Parameter) -> str:
        """Return the code for a parameter; empty if its default serves."""
        module, kind = self.code.expand(parameter.module, parameter.annotation)
        target = self.code.target(module, kind)
        code = self.given.get(parameter.name)
        if code and target and is_enum(target.node):
            self._import_class(target)
            return f"{target.name}({code})"
        if code and not target:
            return self._text(code, kind)
        name = self.code.full_name(module, unsubscripted(kind)) if kind else ""
        if name in self.types:
            self.made.used.add(name)
            return self.types[name]
        if self.found and target:
            is_abstract = not {"Protocol", "ABC"}.isdisjoint(base_names(target.node))
            # A test fakes a protocol, and a class that returns what the component finds.
            if (is_abstract and not parameter.has_default) or self.items & self._items(target):
                return self._fake(target)
        if parameter.has_default:
            return ""
        asked = f": {ast.unparse(parameter.annotation)}" if parameter.annotation else ""
        return self._value(parameter.name, module, kind, target) or self._fill_in(
            f"{parameter.name}=…", f"takes {parameter.name}{asked}"
        )

    def _value(
        self, name: str, module: Module, kind: ast.expr | None, target: Definition | None
    ) -> str:
        """Return a value of a type; empty if none is known."""
        if target:
            is_known = is_component(target.node) and target.node not in self.within
            return self.new(target) if is_known else ""
        word = last_name(unsubscripted(kind)) if kind else ""
        if word in {"str", "SecretStr"}:
            return self._text(f'"{name}"', kind)
        for item in inner(kind):
            # A component can hardly do without a part of it, nor without a key.
            if last_name(item) == "bytes" or self.code.target(module, item):
                return ""
        value, line = VALUES.get(word, ("", ""))
        self.made.imports += [line] if line else []
        return value

    def _text(self, code: str, kind: ast.expr | None) -> str:
        if last_name(kind) != "SecretStr":
            return code
        self.made.imports.append("from pydantic import SecretStr")
        return f"SecretStr({code})"

    def _import_class(self, owner: Definition) -> None:
        self.made.imports.append(f"from {owner.module.name} import {owner.name}")

    def _fill_in(self, code: str, reason: str) -> str:
        self.made.imports.append("from pytest_tpgen.suites import fill_in")
        return f"fill_in({f'{code}  # {reason}'!r})"

    def _fake(self, target: Definition) -> str:
        """Return the code of a fake of a class of the service."""
        methods = self.code.methods(target).values()
        fake = Fake(
            f"{'Failing' if self.fails else 'Fake'}{target.name}",
            target.name,
            "" if "Protocol" in base_names(target.node) else f"({target.name})",
            tuple(self._method(*method) for method in methods if is_called_on_objects(method[1])),
        )
        if fake not in self.made.fakes:
            self.made.fakes.append(fake)
            self._import_class(target)
        return f"{fake.name}({self.found if fake.finds else ''})"

    def _items(self, owner: Definition) -> set[str]:
        """Return the full names of the classes that the methods of a class return."""
        methods = self.code.methods(owner).values()
        return set().union(*(self._leaves(module, node) for module, node in methods))

    def _leaves(self, module: Module, node: Function) -> set[str]:
        """Return the full names of the classes that a method returns, without containers."""
        return {
            self.code.full_name(home, leaf)
            for home, leaf in self.code.leaves(module, node.returns)
            if last_name(leaf)[:1].isupper() and last_name(leaf) not in {"Any", *RETURNS}
        }

    def _method(self, module: Module, node: Function) -> tuple[str, str]:
        """Return the `def` line and the body of a method."""
        container = self.code.expand(module, node.returns)[1]
        kind = last_name(container.value) if isinstance(container, ast.Subscript) else ""
        arguments, returns = deepcopy(node.args), node.returns and unquoted(node.returns)
        for argument in ast.walk(arguments):
            if isinstance(argument, ast.arg) and argument.annotation:
                argument.annotation = unquoted(argument.annotation)
        self.made.imports += self.code.imports_of(module, [arguments, returns])
        # A protocol declares an async generator without `async`: there is no `yield` in it.
        is_async = isinstance(node, ast.AsyncFunctionDef) or kind in ASYNC
        word = "async def" if is_async else "def"
        promised = f" -> {ast.unparse(returns)}" if returns else ""
        line = f"{word} {node.name}({ast.unparse(arguments)}){promised}:"
        if self.fails:
            # Only a function with a `yield` is an async generator.
            return line, FAILURE + ("\nyield" if kind in ASYNC else "")
        if self.items & self._leaves(module, node) and kind in RETURNS:
            return line, RETURNS[kind]
        if returns is None or getattr(returns, "value", "") is None:
            return line, "return None"
        text = self._fill_in("return …", f"what {node.name} gives")
        return line, f"answer: {ast.unparse(returns)} = {text}\nreturn answer"
