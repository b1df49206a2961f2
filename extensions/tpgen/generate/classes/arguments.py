"""The code that creates a component in a test: values, fakes, and placeholders for the rest."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tpgen.source.code import Definition, Module, Parameter, last_name, signature
from tpgen.source.components import Component
from tpgen.source.trees import inner, is_component, is_enum, unsubscripted

from .fakes import FILL_IN, Fake, Fakes, items

KEY = "bytes(range(32))"
# Code by the type of a parameter, and the import that it needs.
VALUES = {
    "bool": ("False", ""),
    "bytes": (KEY, ""),
    "float": ("1.0", ""),
    "int": ("1", ""),
    **dict.fromkeys(("dict", "Mapping"), ("{}", "")),
    **dict.fromkeys(("list", "Iterable", "Collection", "Sequence"), ("[]", "")),
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
# Types that wrap a text, and the import that they need.
WRAPPERS = {
    "httpx.URL": ("httpx.URL", "import httpx"),
    "pydantic.SecretStr": ("SecretStr", "from pydantic import SecretStr"),
}
MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping"}
SESSION_MAKERS = {"async_sessionmaker", "sessionmaker"}
# Containers, as brackets around one item.
BRACKETS = {
    **dict.fromkeys(("list", "List", "Sequence", "Iterable", "Collection"), "[{}]"),
    **dict.fromkeys(("tuple", "Tuple"), "({},)"),
    **dict.fromkeys(("set", "Set"), "{{{}}}"),
    "frozenset": "frozenset([{}])",
}


@dataclass
class Construction:
    """A call in a test, and what the test file needs for it.

    Attributes:
        call: such as `DetectPII(backend=FakeDetector(self.detections))`.
        fakes: classes to define above.
        imports: lines; that of the component is among them.
        used: the types with given code that the call uses.
        unknown: the calls of `fill_in` in it.
    """

    call: str = ""
    fakes: list[Fake] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)

    @property
    def example(self) -> str:
        """Return the call as it stands in a placeholder: `…` for what is not known."""
        text = self.call
        for placeholder in self.unknown:
            text = text.replace(placeholder, "…")
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
        component: the component.
        given: code by the name of a parameter; ignored if there is no such parameter.
        types: code by the full name of a type, such as `httpx.AsyncClient`.
        found: code of what a fake returns, if its method returns what the component finds; no
            fakes are made if it is empty.
        unbuilt: the arguments of a component that does not exist yet; tests of it fail and say
            where to build it.
        fails: make the fakes raise.
    """
    if not component.exists:
        place = f'"{component.module}:{component.class_name}", "{component.path}"'
        imports = ["from pytest_tpgen.suites import to_build"]
        return Construction(f"to_build({place})({unbuilt})", imports=imports)
    maker = _Maker(component, given or {}, types or {}, found, fails)
    return maker.done(maker.new(component.built))


def call(component: Component, method: str) -> Construction:
    """Return the code that calls a method of a component."""
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
        """Return the construction with this call."""
        self.made.call = code
        self.made.fakes = self.fakes.made
        self.made.imports += self.fakes.imports
        return self.made

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
                is_bare = parameter.is_positional
                arguments.append(code if is_bare else f"{parameter.name}={code}")
        return f"{name}({', '.join(arguments)})"

    def _argument(self, parameter: Parameter) -> str:
        """Return the code for a parameter; empty if its default serves."""
        module, kind = self.code.expand(parameter.module, parameter.annotation)
        code = self._given(parameter, module, kind) or self._of_test(parameter, module, kind)
        if code or parameter.has_default:
            return code
        asked = f": {ast.unparse(parameter.annotation)}" if parameter.annotation else ""
        return self._value(parameter.name, module, kind) or self._fill_in(
            f"{parameter.name}=…", f"takes {parameter.name}{asked}"
        )

    def _given(self, parameter: Parameter, module: Module, kind: ast.expr | None) -> str:
        """Return the code that was given for a name; for an Enum, as its member."""
        code = self.given.get(parameter.name, "")
        target = self.code.target(module, kind)
        if not code or (target and not is_enum(target.node)):
            return ""
        if target:
            self._import_class(target)
            return f"{target.name}({code})"
        return self._wrapped(code, module, kind) or code

    def _of_test(self, parameter: Parameter, module: Module, kind: ast.expr | None) -> str:
        """Return the code that was given for a type, or a fake; also in a container."""
        name = self.code.full_name(module, unsubscripted(kind)) if kind else ""
        if name in self.types:
            self.made.used.add(name)
            return self.types[name]
        target = self.code.target(module, kind)
        if self.found and target and self.fakes.stands_in(target, parameter.has_default):
            fake = self.fakes.make(target)
            return f"{fake.name}({self.found if fake.finds else ''})"
        container = last_name(unsubscripted(kind)) if kind else ""
        if container in BRACKETS and (parts := inner(kind)):
            item = self._of_test(parameter, *self.code.expand(module, parts[0]))
            return BRACKETS[container].format(item) if item else ""
        return ""

    def _value(self, name: str, module: Module, kind: ast.expr | None) -> str:
        """Return a value of a type; empty if none is known."""
        if target := self.code.target(module, kind):
            return self._object(target)
        word = last_name(unsubscripted(kind)) if kind else ""
        if word in SESSION_MAKERS:
            return self._session_maker()
        if word == "str":
            return f'"{name}"'
        if parts := inner(kind):
            item_module, item = self.code.expand(module, parts[-1 if word in MAPPINGS else 0])
            # A component can hardly do without a part of it, nor without a key.
            if last_name(item) == "bytes" or self.code.target(item_module, item):
                code = self._value(name, item_module, item)
                return BRACKETS[word].format(code) if code and word in BRACKETS else ""
            if word in {"tuple", "Tuple"} and getattr(parts[-1], "value", None) is not ...:
                return ""
        if wrapped := self._wrapped(f'"{name}"', module, kind):
            return wrapped
        value, line = VALUES.get(word, ("", ""))
        self.made.imports += [line] if line else []
        return value

    def _wrapped(self, text: str, module: Module, kind: ast.expr | None) -> str:
        """Return a text in the type that wraps it; empty if the type wraps none."""
        wrapper, line = WRAPPERS.get(self.code.full_name(module, kind), ("", ""))
        self.made.imports += [line] if line else []
        return f"{wrapper}({text})" if wrapper else ""

    def _object(self, target: Definition) -> str:
        """Return the code of an object of a class of the service; empty if it is too deep."""
        if not is_component(target.node) or target.node in self.within or len(self.within) > 3:
            return ""
        return self.new(target)

    def _session_maker(self) -> str:
        """Return the first sessionmaker that a module of the service defines."""
        for module in self.code.matching("**/*.py"):
            for name, node in module.definitions.items():
                value = getattr(node, "value", None)
                if isinstance(value, ast.Call) and last_name(value.func) in SESSION_MAKERS:
                    self.made.imports.append(f"from {module.name} import {name}")
                    return name
        return ""

    def _import_class(self, owner: Definition) -> None:
        self.made.imports.append(f"from {owner.module.name} import {owner.name}")

    def _fill_in(self, code: str, reason: str) -> str:
        self.made.imports.append(FILL_IN)
        self.made.unknown.append(f"fill_in({f'{code}  # {reason}'!r})")
        return self.made.unknown[-1]
