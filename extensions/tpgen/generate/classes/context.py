"""The variables and functions of a skeleton about a component that is a class."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from tpgen.source.code import Definition, Function, Parameter, last_name
from tpgen.source.components import Component
from tpgen.source.trees import base_names, is_called_on_objects, is_generator, plain, unquoted

from .arguments import Construction, call, construct

# Examples for the fields of what a step finds, by their names.
EXAMPLES = {
    **dict.fromkeys(("kind", "label", "type", "entity", "category", "name"), '"email"'),
    **dict.fromkeys(("start", "begin", "offset"), "9"),
    **dict.fromkeys(("end", "stop"), "25"),
    **dict.fromkeys(("text", "value", "match"), '"jane@example.com"'),
    **dict.fromkeys(("score", "confidence"), "1.0"),
}
# Methods that open and close a client, and send no request.
LIFECYCLE = {"aclose", "close", "connect", "disconnect", "open", "setup", "shutdown", "start"}
LIFECYCLE |= {"startup", "stop"}
ASYNC_ITERATORS = {"AsyncIterator", "AsyncIterable", "AsyncGenerator"}
# Code of what sends the requests of a client, by its type: a ClientSuite has both.
HTTP = {
    "httpx.AsyncClient": "http",
    "httpx.AsyncBaseTransport": "self.transport",
    "httpx.BaseTransport": "self.transport",
    "httpx.Client": "httpx.Client(transport=self.transport)",
}


@dataclass(frozen=True)
class Typed:
    """A type as code, the imports that it needs, and what is known of its values.

    Attributes:
        name: of the parameter that has this type.
        choices: the texts that it allows, if it is a Literal or an Enum.
        example: code of one value, if it is a class of the service.
    """

    code: str = "Any"
    imports: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    example: str = "…"
    name: str = ""


class ComponentContext:
    """A component, as a skeleton sees it.

    Attributes:
        name: as its module is called: `detect_pii`.
        class_name, module, path: of the component, or where it is to be built.
        exists: whether it exists.
        type: of a variable that holds one; `Any` if it does not exist.
        http: code of what sends the requests of a client, by its type.
    """

    http = HTTP

    def __init__(self, component: Component) -> None:
        self.component = component
        self.name = component.name
        self.class_name = component.class_name
        self.module = component.module
        self.path = component.path
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
        """Return the code that creates one; see `arguments.construct`."""
        return construct(self.component, given, types, found, unbuilt=unbuilt, fails=fails)

    def parameter(self, name: str) -> Typed:
        """Return the type of a parameter of the constructor; `Any` if it is not a plain type."""
        found = (known for known in self.component.parameters if known.name == name)
        return next(map(self._typed, found), Typed())

    @property
    def mode(self) -> Typed:
        """Return the parameter that decides about a message, such as `on_detection`.

        Its name is empty if there is none.
        """
        if not self.exists:
            return Typed(name="on_detection")
        typed = [self._typed(parameter) for parameter in self.component.parameters]
        found = [
            parameter
            for parameter in typed
            if "redact" in parameter.choices
            or (parameter.name == "on_detection" and not parameter.choices)
        ]
        return found[0] if len(found) == 1 else Typed()

    def returns(self, method: str) -> Typed:
        """Return the type of what a method returns: of `Found = list[Detection]`, the list."""
        if not self.exists:
            return Typed(example='Detection("email", 9, 25)')
        code = self.component.code
        module, node = code.methods(self.component.built)[method]
        module, promised = code.expand(module, node.returns)
        if promised is None:
            return Typed()
        promised = unquoted(promised)
        leaves = ((code.target(home, leaf), leaf) for home, leaf in code.leaves(module, promised))
        example = next((self._example(item, leaf) for item, leaf in leaves if item), "…")
        imports = code.imports_of(module, [promised])
        return Typed(ast.unparse(promised), imports, example=example)

    @property
    def errors(self) -> Typed:
        """Return the exceptions that its module defines or raises, without subclasses of others.

        Those of httpx, if there are none.
        """
        if not self.exists:
            return Typed("httpx.HTTPError", ["import httpx"])
        module, code = self.component.built.module, self.component.code
        raised = (node.exc for node in ast.walk(module.tree) if isinstance(node, ast.Raise))
        called = (error.func if isinstance(error, ast.Call) else error for error in raised)
        named = [error for error in called if isinstance(error, ast.Name | ast.Attribute)]
        names = [*map(ast.Name, module.definitions), *named]
        found = {
            ast.unparse(name): (name, definition)
            for name in names
            if (definition := code.resolve(module, name)) and self._is_error(definition)
        }
        nodes = {definition.node for _, definition in found.values()}
        widest = [
            name
            for name, definition in found.values()
            if nodes.isdisjoint(base.node for base in code.lineage(definition)[1:])
        ]
        if not widest:
            return Typed("(httpx.HTTPError, ValueError)", ["import httpx"])
        codes = [ast.unparse(name) for name in widest]
        text = codes[0] if len(codes) == 1 else f"({', '.join(codes)})"
        return Typed(text, code.imports_of(module, widest))

    @property
    def calls(self) -> list[str]:
        """Return the methods that may send a request, the likeliest first."""
        if not self.exists:
            return []
        methods = self.component.code.methods(self.component.built)
        found = [
            (name, node)
            for name, (_, node) in methods.items()
            if name not in LIFECYCLE and is_called_on_objects(node)
        ]
        # What returns nothing proves nothing; what is not awaited may send no request.
        found.sort(key=lambda method: (_returns_none(method[1]), not _is_coroutine(method[1])))
        return [name for name, _ in found]

    def call(self, method: str, on: str) -> Construction:
        """Return the code that calls a method of `on` and takes all that it yields.

        It is empty without a method.
        """
        if not method:
            return Construction()
        made = call(self.component, method)
        module, node = self.component.code.methods(self.component.built)[method]
        promised = self.component.code.expand(module, node.returns)[1]
        container = last_name(getattr(promised, "value", None))
        code = f"{on}.{made.call}"
        if not _is_coroutine(node) and container in ASYNC_ITERATORS:
            made.call = f"[piece async for piece in {code}]"
        elif _is_coroutine(node) or container in {"Awaitable", "Coroutine"}:
            made.call = f"await {code}"
        else:
            made.call = code
        return made

    def _typed(self, parameter: Parameter) -> Typed:
        code = self.component.code
        choices = code.choices(parameter.module, parameter.annotation)
        annotation = plain(parameter.annotation)
        found = code.resolve(parameter.module, annotation)
        if annotation is None or found is None or code.target(parameter.module, annotation):
            return Typed(choices=choices, name=parameter.name)
        imports = code.imports_of(parameter.module, [annotation])
        return Typed(ast.unparse(annotation), imports, choices, name=parameter.name)

    def _is_error(self, definition: Definition) -> bool:
        lineage = (base.node for base in self.component.code.lineage(definition))
        classes = [node for node in lineage if isinstance(node, ast.ClassDef)]
        bases = [base for node in classes for base in base_names(node)]
        return any(base.endswith(("Error", "Exception")) for base in bases)

    def _example(self, item: Definition, leaf: ast.expr) -> str:
        parameters = self.component.code.parameters(item)
        names = [parameter.name for parameter in parameters if not parameter.has_default]
        pairs = ", ".join(f"{name}={EXAMPLES.get(name, '…')}" for name in names)
        return f"{ast.unparse(leaf)}({pairs})"


def _returns_none(node: Function) -> bool:
    return isinstance(node.returns, ast.Constant) and node.returns.value is None


def _is_coroutine(node: Function) -> bool:
    return isinstance(node, ast.AsyncFunctionDef) and not is_generator(node)
