"""The rows that a request names, made by the service's own factories for the caller."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tpgen.core.names import alike, to_snake
from tpgen.core.policy import factories
from tpgen.core.service import Service
from tpgen.source import models
from tpgen.source.code import Code
from tpgen.source.trees import Function, called, classes, last_name, model_of, plain, tree_of

# The endings of plurals, and of the words that they are of.
PLURALS = (("ies", "y"), ("sses", "ss"), ("ses", "s"), ("xes", "x"), ("s", ""))


@dataclass(frozen=True)
class Row:
    """A row that a fixture of its name makes, or the caller itself, who has no factory.

    Attributes:
        belongs: keyword arguments that make it the caller's, or a part of rows made before.
    """

    name: str
    model: str
    factory: str = ""
    belongs: tuple[str, ...] = ()

    @property
    def create(self) -> str:
        return f"await {self.factory}.create({', '.join(['session=session', *self.belongs])})"


class Rows:
    """The rows that the tests of a service can make, read from syntax trees."""

    def __init__(self, service: Service) -> None:
        self.keys = models.primary_keys(Code(service.packages))
        self.factories = tree_of(service.root / factories(service.root))
        self.conftest, self.auth = _auth(service)
        # The factories, by their models.
        self.classes = {model_of(node): node for node in classes(self.factories) if model_of(node)}

    @cached_property
    def caller(self) -> tuple[str, str]:
        """Fixture and model of the caller whose credentials `auth` gives; empty if not visible."""
        arguments = self.auth.args if self.auth else None
        for argument in [*arguments.args, *arguments.kwonlyargs] if arguments else ():
            stated = last_name(plain(argument.annotation))
            for model in self.classes:
                if stated == model or (not stated and to_snake(model) == argument.arg):
                    return argument.arg, model
        return "", ""

    @property
    def caller_module(self) -> str:
        """Return the module from which the conftest or the factories import the caller's model."""
        for node in [*self.conftest.body, *self.factories.body]:
            if isinstance(node, ast.ImportFrom) and self.caller[1] in {a.name for a in node.names}:
                return "." * node.level + (node.module or "")
        return ""

    def find(self, parameter: str, before: str = "", made: Sequence[Row] = ()) -> Row | None:
        """Return the row that `agent_id` names, or the part of the path before it; or None."""
        own = re.sub(r"[_-]?(id|slug|name|uuid|pk|key)$", "", to_snake(parameter))
        found = self.named([own, before], made)
        return Row(*self.caller) if found and found.model == self.caller[1] else found

    def key(self, row: Row, parameter: str = "") -> str:
        """Return the attribute that a parameter holds: `slug` for `slug`, or else the key."""
        factory = self.classes.get(row.model)
        is_stated = factory and parameter in _attributes(factory)
        return parameter if is_stated else self.keys.get(row.model, "id")

    def named(self, words: Sequence[str], made: Sequence[Row] = ()) -> Row | None:
        """Return a row of the model of the first word that has one, or None.

        The model of `lines` is `Line`, or the only one that ends so, such as `OrderLine`.
        """
        singular = [re.sub(f"{old}$", new, word) for word in words for old, new in PLURALS]
        wanted = [alike(word) for word in (*words, *singular) if word]
        by_name = {alike(model): model for model in self.classes}
        found = [by_name[word] for word in wanted if word in by_name][:1]
        if not found:
            ends = tuple(f"_{word}" for word in wanted)
            found = [model for model in self.classes if to_snake(model).endswith(ends)]
        if len(found) != 1:
            return None
        node = self.classes[found[0]]
        return Row(f"{to_snake(found[0])}_row", found[0], node.name, self._belongs(node, made))

    def _belongs(self, node: ast.ClassDef, made: Sequence[Row], depth: int = 3) -> tuple[str, ...]:
        """Return the arguments that connect a row with the rows made before, and with the caller.

        Such as `project=project_row`, `tenant=agent.tenant` or `folder__tenant=agent.tenant`.
        """
        references = {name: factory for name, factory in _attributes(node).items() if factory}
        name, model = self.caller
        shared, known = dict[str, str](), {row.factory: row.name for row in reversed(made)}
        if caller := self.classes.get(model):
            shared, known = _attributes(caller), {caller.name: name, **known}
        found: dict[str, str] = {}
        for attribute, factory in references.items():
            of_caller = f"{name}.{attribute}" if shared.get(attribute) == factory else ""
            if value := known.get(factory, of_caller):
                found.setdefault(factory, f"{attribute}={value}")
        if found:
            return tuple(found.values())
        by_name = {factory.name: factory for factory in self.classes.values()}
        for attribute, factory in references.items():
            inner = by_name.get(factory)
            if inner and depth and (belongs := self._belongs(inner, made, depth - 1)):
                return tuple(f"{attribute}__{argument}" for argument in belongs)
        return ()


def _auth(service: Service) -> tuple[ast.Module, Function | None]:
    """Return the fixture `auth` and its conftest; that of the integration tests if it has one."""
    files = (service.root / "tests").rglob("conftest.py")
    order = sorted(files, key=lambda file: ("integration" not in file.parts, len(file.parts), file))
    for tree in map(tree_of, order):
        for node in tree.body:
            if isinstance(node, Function) and node.name == "auth":
                return tree, node
    return ast.Module([], []), None


def _attributes(node: ast.ClassDef) -> dict[str, str]:
    """Return the attributes of a factory, each with the factory of the row that it refers to."""
    found = {}
    for line in node.body:
        if isinstance(line, ast.Assign):
            value = line.value
            is_row = called(value) == "SubFactory"
            arguments = value.args if is_row and isinstance(value, ast.Call) else []
            found[ast.unparse(line.targets[0])] = last_name(arguments[0]) if arguments else ""
    return found
