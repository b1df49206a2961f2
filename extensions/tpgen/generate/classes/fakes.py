"""Stand-ins for what a component is given: classes that a test file defines."""

import ast
from copy import deepcopy
from dataclasses import dataclass, field

from tpgen.source.code import Code, Definition, Function, Module, last_name
from tpgen.source.trees import base_names, is_called_on_objects, is_generator, unquoted

# How a fake gives what it is told to, by the container that its method promises.
GIVING = {
    **dict.fromkeys(("list", "List"), "return list(self.found)"),
    **dict.fromkeys(("Sequence", "Iterable", "Collection"), "return self.found"),
    **dict.fromkeys(("tuple", "Tuple"), "return tuple(self.found)"),
    **dict.fromkeys(("set", "Set"), "return set(self.found)"),
    "frozenset": "return frozenset(self.found)",
    **dict.fromkeys(("Iterator", "Generator"), "yield from self.found"),
    **dict.fromkeys(("AsyncIterator", "AsyncGenerator"), "for one in self.found:\n    yield one"),
}
FILL_IN = "from pytest_tpgen.suites import fill_in"
ASYNC = {"AsyncIterator", "AsyncGenerator"}
FAILURE = 'raise ConnectionError("the backend can\'t be reached")'


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

    @property
    def finds(self) -> bool:
        """Whether it gives what it is told to."""
        return any("self.found" in body for _, body in self.methods)


@dataclass
class Fakes:
    """The fakes of one test file.

    Args:
        code: of the service.
        items: what the component finds: the full names of its classes.
        fail: whether each method of a fake raises.

    Attributes:
        made: the fakes.
        imports: the lines that they need.
    """

    code: Code
    items: set[str]
    fail: bool = False
    made: list[Fake] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)

    def stands_in(self, target: Definition, has_default: bool) -> bool:
        """Whether a test stands in for a class: a protocol, or what finds what it looks for."""
        assert isinstance(target.node, ast.ClassDef)
        if {"Protocol", "ABC"} & set(base_names(target.node)) and not has_default:
            return True
        methods = self.code.methods(target).values()
        return any(self.promises(module, node.returns) for module, node in methods)

    def promises(self, module: Module, annotation: ast.expr | None) -> bool:
        """Whether a type speaks of what the component finds."""
        return bool(self.items & items(self.code, module, annotation))

    def make(self, target: Definition) -> Fake:
        """A fake of a class of the service."""
        assert isinstance(target.node, ast.ClassDef)
        methods = self.code.methods(target).values()
        fake = Fake(
            f"{'Failing' if self.fail else 'Fake'}{target.name}",
            target.name,
            "" if "Protocol" in base_names(target.node) else f"({target.name})",
            tuple(self._method(*one) for one in methods if is_called_on_objects(one[1])),
        )
        if fake not in self.made:
            self.made.append(fake)
            self.imports.append(f"from {target.module.name} import {target.name}")
        return fake

    def _method(self, module: Module, node: Function) -> tuple[str, str]:
        """The `def` line and the body of a method."""
        container = self.code.expand(module, node.returns)[1]
        kind = last_name(container.value) if isinstance(container, ast.Subscript) else ""
        arguments, returns = _unquoted(node)
        types = [one.annotation for one in ast.walk(arguments) if isinstance(one, ast.arg)]
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
        if self.promises(module, node.returns) and kind in GIVING:
            return line, GIVING[kind]
        return line, self._answer(node.name, returns)

    def _answer(self, name: str, returns: ast.expr | None) -> str:
        """The body of a method that gives what only a person knows, or nothing."""
        if returns is None or getattr(returns, "value", "") is None:
            return "return None"
        self.imports.append(FILL_IN)
        text = f"fill_in({f'return …  # what {name} gives'!r})"
        return f"answer: {ast.unparse(returns)} = {text}\nreturn answer"


def items(code: Code, module: Module, annotation: ast.expr | None) -> set[str]:
    """The classes that a type speaks of, without containers, by their full names."""
    found = {
        code.full_name(home, one)
        for home, one in code.leaves(module, annotation)
        if last_name(one)[:1].isupper() and last_name(one) not in GIVING
    }
    return found - {"typing.Any"}


def _unquoted(node: Function) -> tuple[ast.arguments, ast.expr | None]:
    """What a method takes and returns, as code."""
    arguments = deepcopy(node.args)
    for one in ast.walk(arguments):
        if isinstance(one, ast.arg) and one.annotation:
            one.annotation = unquoted(one.annotation)
    return arguments, unquoted(node.returns) if node.returns else None
