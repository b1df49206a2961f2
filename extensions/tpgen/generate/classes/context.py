"""What a skeleton may ask about a component that is a class."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    "length": "16",
    "span": "(9, 25)",
}
# Methods that open and close a client, and ask nothing.
LIFECYCLE = {"aclose", "close", "connect", "disconnect", "open", "setup", "shutdown", "start"}
LIFECYCLE |= {"startup", "stop"}
# Code of what carries the requests of a client, by its type: a ClientSuite has both.
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
        name: of the parameter that is of this type.
        choices: the texts that it allows, where it is a Literal or an Enum.
        example: code of one value, where it is a class of the service.
    """

    code: str = "Any"
    imports: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    example: str = "…"
    name: str = ""


class Facts:
    """A component, as a skeleton sees it.

    Attributes:
        name: as a module has it: `detect_pii`.
        class_name, module, path: where it is, or where it is to be built.
        exists: whether it is there.
        type: of a variable that holds one; `Any` if it does not exist.
        http: code of what carries the requests of a client, by its type.
    """

    http = HTTP

    def __init__(self, component: Component) -> None:
        self.component = component
        self.name = component.name
        self.class_name = component.class_name
        self.module = component.module
        self.path: Path = component.path
        self.exists = component.exists
        self.type = component.class_name if component.exists else "Any"

    @property
    def definition(self) -> Definition:
        """Its class.

        Raises:
            Misuse: there is none yet.
        """
        return self.component.built

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
        """What the constructor asks for under a name; `Any` where that is no plain type."""
        found = (one for one in self.component.parameters if one.name == name)
        return next(map(self._typed, found), Typed())

    @property
    def mode(self) -> Typed:
        """The parameter that says what becomes of a message: `on_detection`, or one like it.

        Its name is empty where there is none that takes "redact".
        """
        if not self.exists:
            return Typed(name="on_detection")
        takes = [self._typed(one) for one in self.component.parameters]
        called = [one for one in takes if one.name == "on_detection"]
        found = called or [one for one in takes if "redact" in one.choices]
        return found[0] if len(found) == 1 and self._takes_texts(found[0]) else Typed()

    def returns(self, method: str) -> Typed:
        """What a method promises, at last: of `Found = list[Detection]`, the list."""
        if not self.exists:
            return Typed(example='Detection("email", 9, 25)')
        code = self.component.code
        module, node = code.methods(self.definition)[method]
        module, promised = code.expand(module, node.returns)
        if promised is None:
            return Typed()
        promised = unquoted(promised)
        leaves = ((code.target(*leaf), leaf[1]) for leaf in code.leaves(module, promised))
        example = next((self._example(item, leaf) for item, leaf in leaves if item), "…")
        imports = code.imports_of(module, [promised])
        return Typed(ast.unparse(promised), imports, example=example)

    @property
    def errors(self) -> Typed:
        """The exceptions that its module defines or raises; those of httpx where there are none.

        One whose base is among them is left out.
        """
        if not self.exists:
            return Typed("httpx.HTTPError", ["import httpx"])
        module, code = self.definition.module, self.component.code
        raised = (one.exc for one in ast.walk(module.tree) if isinstance(one, ast.Raise))
        called = (one.func if isinstance(one, ast.Call) else one for one in raised)
        named = [one for one in called if isinstance(one, ast.Name | ast.Attribute)]
        every = {ast.unparse(one): one for one in [*map(ast.Name, module.definitions), *named]}
        found = {name: code.resolve(module, one) for name, one in every.items()}
        own = {name: one for name, one in found.items() if one and self._is_error(one)}
        nodes = {one.node for one in own.values()}
        bases = {name: {base.node for base in code.lineage(one)[1:]} for name, one in own.items()}
        widest = [name for name in own if not bases[name] & nodes]
        if not widest:
            return Typed("(httpx.HTTPError, ValueError)", ["import httpx"])
        text = widest[0] if len(widest) == 1 else f"({', '.join(widest)})"
        return Typed(text, code.imports_of(module, [every[name] for name in widest]))

    @property
    def calls(self) -> list[str]:
        """The names of the methods that may ask the upstream, the likeliest first."""
        if not self.exists:
            return []
        methods = self.component.code.methods(self.definition)
        found = [
            (name, node)
            for name, (_, node) in methods.items()
            if name not in LIFECYCLE and is_called_on_objects(node)
        ]
        # What says nothing can be told of nothing; what is not awaited may ask nobody.
        found.sort(key=lambda one: (_says_nothing(one[1]), not _is_awaited(one[1])))
        return [name for name, _ in found]

    def call(self, method: str, on: str) -> Construction:
        """Return the code that calls a method of `on`, to the end; see `arguments.call`.

        It is empty without a method.
        """
        if not method:
            return Construction()
        made = call(self.component, method)
        module, node = self.component.code.methods(self.definition)[method]
        promised = self.component.code.expand(module, node.returns)[1]
        kind = last_name(getattr(promised, "value", None))
        made.call = _to_its_end(f"{on}.{made.call}", node, kind)
        return made

    def _typed(self, one: Parameter) -> Typed:
        code = self.component.code
        choices = code.choices(one.module, one.annotation)
        annotation = plain(one.annotation)
        found = code.resolve(one.module, annotation)
        if annotation is None or found is None or code.target(one.module, annotation):
            return Typed(choices=choices, name=one.name)
        imports = code.imports_of(one.module, [annotation])
        return Typed(ast.unparse(annotation), imports, choices, name=one.name)

    def _takes_texts(self, mode: Typed) -> bool:
        """Whether a mode may be "redact": it says so, or says nothing at all."""
        (one,) = (one for one in self.component.parameters if one.name == mode.name)
        target = self.component.code.target(one.module, one.annotation)
        return "redact" in mode.choices if mode.choices or target else True

    def _is_error(self, one: Definition) -> bool:
        lineage = (each.node for each in self.component.code.lineage(one))
        classes = [node for node in lineage if isinstance(node, ast.ClassDef)]
        bases = [base for node in classes for base in base_names(node)]
        return any(base.endswith(("Error", "Exception")) for base in bases)

    def _example(self, item: Definition, leaf: ast.expr) -> str:
        fields = [one for one in self.component.code.parameters(item) if not one.has_default]
        pairs = ", ".join(f"{one.name}={EXAMPLES.get(one.name, '…')}" for one in fields)
        return f"{ast.unparse(leaf)}({pairs})"


def _says_nothing(node: Function) -> bool:
    return isinstance(node.returns, ast.Constant) and node.returns.value is None


def _is_awaited(node: Function) -> bool:
    """Whether it is a coroutine: no generator."""
    return isinstance(node, ast.AsyncFunctionDef) and not is_generator(node)


def _to_its_end(code: str, node: Function, kind: str) -> str:
    """A call that is awaited, or whose pieces are all taken.

    Args:
        kind: the container that the method promises.
    """
    if _is_awaited(node):
        return f"await {code}"
    if kind in {"AsyncIterator", "AsyncIterable", "AsyncGenerator"}:
        return f"[piece async for piece in {code}]"
    return f"await {code}" if kind in {"Awaitable", "Coroutine"} else code
