"""The variables and functions of a skeleton about a component that is a class."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from tpgen.source.code import Function, last_name, signature
from tpgen.source.components import Component
from tpgen.source.trees import callee, is_called_on_objects, is_generator, unquoted

from .arguments import Construction, Maker

# Examples for the fields of what a step finds, by their names.
EXAMPLES = {"kind": '"email"', "start": "9", "end": "25"}
# Methods that open and close a client, and send no request.
LIFECYCLE = {"aclose", "close", "connect", "disconnect", "open", "shutdown", "start", "stop"}
ASYNC_ITERATORS = {"AsyncIterator", "AsyncIterable", "AsyncGenerator"}


@dataclass(frozen=True)
class Typed:
    """A type as code, the imports that it needs, and what is known of its values.

    Attributes:
        choices: the texts that it allows, if it is a Literal or an Enum.
        name: of the parameter that has this type.
    """

    code: str = "Any"
    imports: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    example: str = "…"
    name: str = ""


class ComponentContext:
    """A component, as a skeleton sees it.

    Attributes:
        class_name, module, path: of the component, or where it is to be built.
        type: of a variable that holds one; `Any` if it does not exist.
        http: code of what sends the requests of a client, by its type: a ClientSuite has both.
    """

    http: ClassVar = {
        "httpx.AsyncClient": "http",
        "httpx.AsyncBaseTransport": "self.transport",
        "httpx.BaseTransport": "self.transport",
        "httpx.Client": "httpx.Client(transport=self.transport)",
    }

    def __init__(self, component: Component) -> None:
        self.component, self.code = component, component.code
        self.name, self.class_name = component.name, component.class_name
        self.module, self.path = component.module, component.path
        self.exists = component.exists
        self.type = component.class_name if component.exists else "Any"

    def make(
        self,
        given: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        found: str = "",
        *,
        unbuilt: str = "",
        fails: bool = False,
    ) -> Construction:
        """Return the code that creates one; see `Maker`. `unbuilt` are the arguments without one."""
        if not self.exists:
            place = f'"{self.module}:{self.class_name}", "{self.path}"'
            imports = ["from pytest_tpgen.suites import to_build"]
            return Construction(f"to_build({place})({unbuilt})", imports=imports)
        maker = Maker(self.component, given or {}, types or {}, found, fails)
        maker.made.call = maker.new(self.component.built)
        return maker.made

    @property
    def mode(self) -> Typed:
        """Return the parameter that decides about a message; without a name if there is none."""
        if not self.exists:
            return Typed(name="on_detection")
        found = []
        for parameter in self.component.parameters:
            values = self.code.choices(parameter.module, parameter.annotation)
            if "redact" in values or (parameter.name == "on_detection" and not values):
                found.append(Typed(choices=values, name=parameter.name))
        return found[0] if len(found) == 1 else Typed()

    def returns(self, method: str) -> Typed:
        """Return the type of what a method returns: of `Found = list[Detection]`, the list."""
        if not self.exists:
            return Typed(example='Detection("email", 9, 25)')
        module, node = self.code.methods(self.component.built)[method]
        module, promised = self.code.expand(module, node.returns)
        if promised is None:
            return Typed()
        promised = unquoted(promised)
        found = Typed(ast.unparse(promised), self.code.imports_of(module, [promised]))
        for home, leaf in self.code.leaves(module, promised):
            if item := self.code.target(home, leaf):
                fields = [field for field in self.code.parameters(item) if not field.has_default]
                pairs = (f"{field.name}={EXAMPLES.get(field.name, '…')}" for field in fields)
                return replace(found, example=f"{ast.unparse(leaf)}({', '.join(pairs)})")
        return found

    @property
    def errors(self) -> Typed:
        """Return the exceptions of the service that its module raises, or else those of httpx."""
        if not self.exists:
            return Typed("httpx.HTTPError", ["import httpx"])
        module = self.component.built.module
        raised = (node.exc for node in ast.walk(module.tree) if isinstance(node, ast.Raise))
        names = [callee(error) for error in raised if error]
        named = {ast.unparse(name): name for name in names if self.code.target(module, name)}
        text = ", ".join(named) or "httpx.HTTPError, ValueError"
        imports = self.code.imports_of(module, [*named.values()]) or ["import httpx"]
        return Typed(text if len(named) == 1 else f"({text})", imports)

    @property
    def calls(self) -> list[str]:
        """Return the methods that may send a request, the likeliest first."""
        if not self.exists:
            return []
        nodes = [node for _, node in self.code.methods(self.component.built).values()]
        # What returns nothing proves nothing; what is not awaited may send no request.
        nodes.sort(
            key=lambda node: (getattr(node.returns, "value", "") is None, not _is_coroutine(node))
        )
        found = (node.name for node in nodes if is_called_on_objects(node))
        return [name for name in found if name not in LIFECYCLE]

    def call(self, method: str, on: str) -> Construction:
        """Return the code that calls a method of `on`, if one is given, and takes all it yields."""
        if not method:
            return Construction()
        module, node = self.code.methods(self.component.built)[method]
        maker = Maker(self.component)
        code = f"{on}.{maker.call(method, signature(module, node))}"
        promised = self.code.expand(module, node.returns)[1]
        if _is_coroutine(node):
            code = f"await {code}"
        elif last_name(getattr(promised, "value", None)) in ASYNC_ITERATORS:
            code = f"[piece async for piece in {code}]"
        maker.made.call = code
        return maker.made


def _is_coroutine(node: Function) -> bool:
    return isinstance(node, ast.AsyncFunctionDef) and not is_generator(node)
