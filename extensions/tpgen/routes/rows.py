"""The rows that a request speaks of, made by the service's own factories for whoever calls."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tpgen.classes.code import last_name
from tpgen.naming import alike, to_snake
from tpgen.service import Service

FACTORIES = "tests/factories.py"
CONFTEST = "tests/conftest.py"


@dataclass(frozen=True)
class Row:
    """A row that a test makes, or the caller itself.

    Attributes:
        name: of the variable that holds it.
        factory: of the class that makes it; empty for the caller.
        belongs: keyword arguments that make it the caller's.
    """

    name: str
    factory: str
    belongs: str

    @property
    def create(self) -> str:
        """The statement that makes it."""
        belongs = f", {self.belongs}" if self.belongs else ""
        return f"{self.name} = await {self.factory}.create(session=session{belongs})"


class Rows:
    """What rows a service's tests can make, read from syntax trees."""

    def __init__(self, service: Service) -> None:
        self.factories = _tree(service, FACTORIES)
        self.conftest = _tree(service, CONFTEST)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The factories, by their models."""
        return {
            last_name(line.value): node
            for node in self.factories.body
            if isinstance(node, ast.ClassDef)
            for meta in node.body
            if isinstance(meta, ast.ClassDef)
            for line in meta.body
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "model"
        }

    @cached_property
    def caller(self) -> tuple[str, str]:
        """Fixture and type of whoever `auth` speaks for; empty where that can't be seen."""
        for node in self.conftest.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "auth":
                for one in node.args.args:
                    if last_name(one.annotation) in self.classes:
                        return one.arg, last_name(one.annotation)
        return "", ""

    @property
    def caller_module(self) -> str:
        """Where `tests/conftest.py` has the caller's type from."""
        for node in self.conftest.body:
            if isinstance(node, ast.ImportFrom) and self.caller[1] in {a.name for a in node.names}:
                return "." * node.level + (node.module or "")
        return ""

    def find(self, parameter: str, before: str = "") -> Row | None:
        """The row that a parameter such as `agent_id` names; None where no factory makes one.

        Args:
            parameter: its name.
            before: what stands before it in the path, such as `agents`.
        """
        own = re.sub(r"[_-]?(id|slug|name|uuid|pk|key)$", "", to_snake(parameter))
        wanted = {alike(own), alike(before), *(alike(one) for one in _singular(before))} - {""}
        for model, node in self.classes.items():
            if alike(model) in wanted:
                if model == self.caller[1]:
                    return Row(self.caller[0], "", "")
                return Row(to_snake(model), node.name, self._belongs(node))
        return None

    def attribute(self, row: Row, parameter: str) -> str:
        """The attribute of a row that a parameter holds: `slug` for `slug`, else `id`."""
        node = next((one for one in self.classes.values() if one.name == row.factory), None)
        return parameter if node and parameter in _declared(node) else "id"

    def _belongs(self, node: ast.ClassDef, depth: int = 3) -> str:
        """`tenant=agent.tenant`, where a factory of the caller has a tenant too.

        Or `folder__tenant=agent.tenant`, where the folder of a note has one.
        """
        name, model = self.caller
        caller = self.classes.get(model)
        theirs = _declared(caller) if caller else {}
        references = {key: value for key, value in _declared(node).items() if value}
        for attribute, factory in references.items():
            if caller and factory == caller.name:
                return f"{attribute}={name}"
            if factory == theirs.get(attribute):
                return f"{attribute}={name}.{attribute}"
        for attribute, factory in references.items():
            inner = next((one for one in self.classes.values() if one.name == factory), None)
            if inner and depth and (belongs := self._belongs(inner, depth - 1)):
                return f"{attribute}__{belongs}"
        return ""


def _tree(service: Service, path: str) -> ast.Module:
    file = service.root / path
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _declared(node: ast.ClassDef) -> Mapping[str, str]:
    """The attributes of a factory; for each the factory of the row that it refers to, if any."""
    return {
        ast.unparse(line.targets[0]): last_name(line.value.args[0])
        if isinstance(line.value, ast.Call)
        and last_name(line.value.func) == "SubFactory"
        and line.value.args
        else ""
        for line in node.body
        if isinstance(line, ast.Assign)
    }


def _singular(word: str) -> list[str]:
    """What a word of the path may be the plural of."""
    endings = {"ies": "y", "sses": "ss", "ses": "s", "xes": "x", "s": ""}
    return [word.removesuffix(old) + new for old, new in endings.items() if word.endswith(old)]
