"""Fakes for what the constructor of a component takes: classes that a test file defines."""

import ast
from copy import deepcopy
from dataclasses import dataclass, field

from tpgen.source.code import Code, Definition, Function, Module, last_name
from tpgen.source.trees import base_names, is_called_on_objects, is_generator, unquoted

# The body of a method that returns what the component finds, by the container that it returns.
RETURNS = {
    **dict.fromkeys(("list", "List"), "return list(self.found)"),
    **dict.fromkeys(("Sequence", "Iterable", "Collection"), "return self.found"),
    **dict.fromkeys(("tuple", "Tuple"), "return tuple(self.found)"),
    **dict.fromkeys(("set", "Set"), "return set(self.found)"),
    "frozenset": "return frozenset(self.found)",
    **dict.fromkeys(("Iterator", "Generator"), "yield from self.found"),
    **dict.fromkeys(("AsyncIterator", "AsyncGenerator"), "for item in self.found:\n    yield item"),
}
FILL_IN = "from pytest_tpgen.suites import fill_in"
ASYNC = {"AsyncIterator", "AsyncGenerator"}
FAILURE = 'raise ConnectionError("the backend can\'t be reached")'


@dataclass(frozen=True)
class Fake:
    """A fake of a class of the service.

    Attributes:
        name: of its class.
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
class Fakes:
    """The fakes of one test file.

    Attributes:
        code: of the service.
        items: what the component finds: the full names of its classes.
        fail: whether each method of a fake raises.
        made: the fakes.
        imports: the lines that they need.
    """

    code: Code
    items: set[str]
    fail: bool = False
    made: list[Fake] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)

    def stands_in(self, target: Definition, has_default: bool) -> bool:
        """Return whether a test fakes a class: a protocol, or one that finds what it looks for."""
        assert isinstance(target.node, ast.ClassDef)
        if {"Protocol", "ABC"} & set(base_names(target.node)) and not has_default:
            return True
        methods = self.code.methods(target).values()
        return any(self._finds(module, node.returns) for module, node in methods)

    def make(self, target: Definition) -> Fake:
        """Return a fake of a class of the service."""
        assert isinstance(target.node, ast.ClassDef)
        methods = self.code.methods(target).values()
        fake = Fake(
            f"{'Failing' if self.fail else 'Fake'}{target.name}",
            target.name,
            "" if "Protocol" in base_names(target.node) else f"({target.name})",
            tuple(
                self._method(module, node) for module, node in methods if is_called_on_objects(node)
            ),
        )
        if fake not in self.made:
            self.made.append(fake)
            self.imports.append(f"from {target.module.name} import {target.name}")
        return fake

    def _finds(self, module: Module, annotation: ast.expr | None) -> bool:
        return bool(self.items & items(self.code, module, annotation))

    def _method(self, module: Module, node: Function) -> tuple[str, str]:
        """Return the `def` line and the body of a method."""
        container = self.code.expand(module, node.returns)[1]
        kind = last_name(container.value) if isinstance(container, ast.Subscript) else ""
        arguments, returns = _unquoted(node)
        types = [part.annotation for part in ast.walk(arguments) if isinstance(part, ast.arg)]
        defaults = [*arguments.defaults, *arguments.kw_defaults]
        self.imports += self.code.imports_of(module, [*types, *defaults, returns])
        # A protocol declares an async generator without `async`: there is no `yield` in it.
        is_async = isinstance(node, ast.AsyncFunctionDef) or (
            kind in ASYNC and not is_generator(node)
        )
        promised = f" -> {ast.unparse(returns)}" if returns else ""
        word = "async def" if is_async else "def"
        line = f"{word} {node.name}({ast.unparse(arguments)}){promised}:"
        if self.fail:
            # Only a function with a `yield` is an async generator.
            return line, FAILURE + ("\nyield" if kind in ASYNC else "")
        if self._finds(module, node.returns) and kind in RETURNS:
            return line, RETURNS[kind]
        if returns is None or getattr(returns, "value", "") is None:
            return line, "return None"
        self.imports.append(FILL_IN)
        text = f"fill_in({f'return …  # what {node.name} gives'!r})"
        return line, f"answer: {ast.unparse(returns)} = {text}\nreturn answer"


def items(code: Code, module: Module, annotation: ast.expr | None) -> set[str]:
    """Return the full names of the classes in a type, without containers."""
    found = {
        code.full_name(home, leaf)
        for home, leaf in code.leaves(module, annotation)
        if last_name(leaf)[:1].isupper() and last_name(leaf) not in RETURNS
    }
    return found - {"typing.Any"}


def _unquoted(node: Function) -> tuple[ast.arguments, ast.expr | None]:
    """Return the parameters and the return type of a method, without quoted types."""
    arguments = deepcopy(node.args)
    for part in ast.walk(arguments):
        if isinstance(part, ast.arg) and part.annotation:
            part.annotation = unquoted(part.annotation)
    return arguments, unquoted(node.returns) if node.returns else None
