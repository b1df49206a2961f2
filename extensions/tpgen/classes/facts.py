"""What a skeleton may ask about a component that is a class."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .arguments import Construction, call, construct
from .code import Definition, Function, base_names
from .components import Component

# Examples for the fields of what a step finds, by their names.
EXAMPLES = {
    **dict.fromkeys(("kind", "label", "type", "entity", "category", "name"), '"email"'),
    **dict.fromkeys(("start", "begin", "offset"), "9"),
    **dict.fromkeys(("end", "stop"), "25"),
    **dict.fromkeys(("text", "value", "match"), '"jane@example.com"'),
    **dict.fromkeys(("score", "confidence"), "1.0"),
    "length": "16",
    "span": "(9, 25)",
}


@dataclass(frozen=True)
class Typed:
    """A type as code, the imports that it needs, and what is known of its values.

    Attributes:
        choices: the texts that it allows, where it is a Literal or an Enum.
        example: code of one value, where it is a class of the service.
    """

    code: str = "Any"
    imports: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    example: str = "…"


class Facts:
    """A component, as a skeleton sees it.

    Attributes:
        name: as a module has it: `detect_pii`.
        class_name, module, path: where it is, or where it is to be built.
        exists: whether it is there.
    """

    def __init__(self, component: Component) -> None:
        self.component = component
        self.name = component.name
        self.class_name = component.class_name
        self.module = component.module
        self.path: Path = component.path
        self.exists = component.exists

    @property
    def definition(self) -> Definition:
        """Its class; there must be one."""
        assert self.component.definition
        return self.component.definition

    def make(
        self,
        given: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        found: str = "",
    ) -> Construction:
        """How a test makes one; see `arguments.construct`."""
        return construct(self.component, given, types, found)

    def parameter(self, name: str) -> Typed:
        """What the constructor asks for under a name; `Any` where that is no plain type."""
        code = self.component.code
        for one in self.component.parameters:
            if one.name == name:
                target = code.resolve(one.module, one.annotation)
                choices = code.choices(one.module, one.annotation)
                if target is None or isinstance(target.node, ast.ClassDef):
                    return Typed(choices=choices)
                imports = code.imports_of(one.module, [one.annotation])
                return Typed(target.name, imports, choices)
        return Typed()

    def returns(self, method: str) -> Typed:
        """What a method promises."""
        module, node = self.component.code.methods(self.definition)[method]
        if node.returns is None:
            return Typed()
        imports = self.component.code.imports_of(module, [node.returns])
        items = (self.component.code.resolve(module, one) for one in _names(node.returns))
        item = next((one for one in items if one), None)
        return Typed(ast.unparse(node.returns), imports, example=self._example(item))

    @property
    def errors(self) -> Typed:
        """The exceptions that its module defines; what httpx raises where it defines none."""
        module = self.definition.module
        own = [
            name
            for name, node in module.definitions.items()
            if isinstance(node, ast.ClassDef)
            if any(base.endswith(("Error", "Exception")) for base in base_names(node))
        ]
        if not own:
            return Typed("(httpx.HTTPError, ValueError)", ["import httpx"])
        code = own[0] if len(own) == 1 else f"({', '.join(own)})"
        return Typed(code, [f"from {module.name} import {name}" for name in own])

    @property
    def first_method(self) -> str:
        """The name of its first method that is awaited; of its first one where none is."""
        methods = self.component.code.methods(self.definition)
        awaited = [name for name, (_, node) in methods.items() if _is_awaited(node)]
        return [*awaited, *methods][0]

    def call(self, method: str) -> Construction:
        """How a test calls a method; see `arguments.call`."""
        return call(self.component, method)

    def _example(self, item: Definition | None) -> str:
        if item is None or not isinstance(item.node, ast.ClassDef):
            return "…"
        fields = [one for one in self.component.code.parameters(item) if not one.has_default]
        pairs = ", ".join(f"{one.name}={EXAMPLES.get(one.name, '…')}" for one in fields)
        return f"{item.name}({pairs})"


def _names(annotation: ast.expr) -> list[ast.Name]:
    return [one for one in ast.walk(annotation) if isinstance(one, ast.Name)]


def _is_awaited(node: Function) -> bool:
    """Whether it is a coroutine: no generator."""
    yields = any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node))
    return isinstance(node, ast.AsyncFunctionDef) and not yields
