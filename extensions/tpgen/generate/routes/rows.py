"""The rows that a request speaks of, made by the service's own factories for whoever calls."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tpgen.core.names import alike, to_snake
from tpgen.core.policy import factories
from tpgen.core.service import Service
from tpgen.source import models
from tpgen.source.trees import Function, last_name, model_of, plain, tree_of


@dataclass(frozen=True)
class Row:
    """A row that a test makes, or the caller itself.

    Attributes:
        name: of the variable that holds it.
        model: its class.
        factory: of the class that makes it; empty for the caller.
        belongs: keyword arguments that make it the caller's, or a part of rows made before.
    """

    name: str
    model: str
    factory: str = ""
    belongs: tuple[str, ...] = ()

    @property
    def create(self) -> str:
        """The expression that makes it."""
        return f"await {self.factory}.create({', '.join(['session=session', *self.belongs])})"

    def uses(self, name: str) -> bool:
        """Whether a variable is needed to make it."""
        return any(re.search(rf"=\s*{name}\b", one) for one in self.belongs)


class Rows:
    """What rows a service's tests can make, read from syntax trees."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.factories = tree_of(service.root / factories(service.root))
        self.conftest, self.auth = _auth(service)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The factories, by their models."""
        classes = (node for node in self.factories.body if isinstance(node, ast.ClassDef))
        return {model: node for node in classes if (model := model_of(node))}

    @cached_property
    def caller(self) -> tuple[str, str]:
        """Fixture and type of the caller that `auth` speaks for; empty if that can't be seen."""
        arguments = self.auth.args if self.auth else None
        for argument in [*arguments.args, *arguments.kwonlyargs] if arguments else ():
            if model := self._type(argument):
                return argument.arg, model
        return "", ""

    def _type(self, argument: ast.arg) -> str:
        """The model that a fixture is a row of, by its annotation, else by its name."""
        if argument.annotation:
            stated = last_name(plain(argument.annotation))
            return stated if stated in self.classes else ""
        return next((model for model in self.classes if to_snake(model) == argument.arg), "")

    @property
    def caller_module(self) -> str:
        """Where the conftest, or the module of the factories, has the caller's type from."""
        for node in [*self.conftest.body, *self.factories.body]:
            if isinstance(node, ast.ImportFrom) and self.caller[1] in {a.name for a in node.names}:
                return "." * node.level + (node.module or "")
        return ""

    def find(self, parameter: str, before: str = "", made: Sequence[Row] = ()) -> Row | None:
        """The row that a parameter such as `agent_id` names; None where no factory makes one.

        Args:
            parameter: its name.
            before: what stands before it in the path, such as `agents`.
            made: the rows before it, which it may be a part of.
        """
        own = re.sub(r"[_-]?(id|slug|name|uuid|pk|key)$", "", to_snake(parameter))
        wanted = [own, before, *singular(before)]
        model = self._model([alike(one) for one in wanted], [one.model for one in made])
        return self._row(model, made) if model else None

    def one_of(self, word: str, made: Sequence[Row] = ()) -> Row | None:
        """A row of what a word of the path, such as `agents`, is the plural of."""
        model = self._listed_model(word, made)
        return self._row(model, made) if model else None

    def listed(self, word: str, made: Sequence[Row] = ()) -> Row | None:
        """Return a row that a list such as `agents` shows to the caller."""
        model = self._listed_model(word, made)
        return self._made_row(model, made) if model else None

    def _listed_model(self, word: str, made: Sequence[Row]) -> str:
        """The model that a word of the path is the plural of; empty if no factory makes it."""
        wanted = [alike(one) for one in singular(word)]
        return self._model(wanted, [one.model for one in made])

    def _model(self, wanted: Sequence[str], above: Sequence[str]) -> str:
        """The model of a word: `OrderLine` for `line` below an order, or where no other ends so."""
        words = [word for word in wanted if word]
        below = [alike(model) + word for model in reversed(above) for word in words]
        for word in (*words, *below):
            if found := [model for model in self.classes if alike(model) == word]:
                return found[0]
        ends = tuple(f"_{word}" for word in words)
        found = [model for model in self.classes if to_snake(model).endswith(ends or "/")]
        return found[0] if len(found) == 1 else ""

    def _row(self, model: str, made: Sequence[Row]) -> Row:
        if model == self.caller[1]:
            return Row(self.caller[0], model)
        return self._made_row(model, made)

    def _made_row(self, model: str, made: Sequence[Row]) -> Row:
        node = self.classes[model]
        return Row(to_snake(model), model, node.name, self._belongs(node, made))

    def attribute(self, row: Row, parameter: str) -> str:
        """The attribute of a row that a parameter holds: `slug` for `slug`, else its key."""
        node = next((one for one in self.classes.values() if one.name == row.factory), None)
        return parameter if node and parameter in _declared(node) else self.key(row)

    def key(self, row: Row) -> str:
        """Return the attribute that identifies a row."""
        return self._keys.get(row.model, "id")

    @property
    def keys(self) -> set[str]:
        """The names of the primary keys that are not called `id`."""
        return set(self._keys.values()) - {"id"}

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        return models.primary_keys(self.service)

    def _belongs(self, node: ast.ClassDef, made: Sequence[Row], depth: int = 3) -> tuple[str, ...]:
        """`project=project` of a row made before, and `tenant=agent.tenant` of the caller.

        Or `folder__tenant=agent.tenant`, where the folder of a note has a tenant.
        """
        references = {key: value for key, value in _declared(node).items() if value}
        known: dict[str, str] = {}
        for attribute, factory in references.items():
            if theirs := self._known(attribute, factory, made):
                known.setdefault(factory, f"{attribute}={theirs}")
        if known:
            return tuple(known.values())
        for attribute, factory in references.items():
            inner = next((one for one in self.classes.values() if one.name == factory), None)
            if inner and depth and (belongs := self._belongs(inner, made, depth - 1)):
                return tuple(f"{attribute}__{one}" for one in belongs)
        return ()

    def _known(self, attribute: str, factory: str, made: Sequence[Row]) -> str:
        """What an attribute refers to: a row made before, the caller, or what the caller has too."""
        for row in made:
            if row.factory == factory:
                return row.name
        name, model = self.caller
        caller = self.classes.get(model)
        if caller is None:
            return ""
        if factory == caller.name:
            return name
        return f"{name}.{attribute}" if _declared(caller).get(attribute) == factory else ""


def _auth(service: Service) -> tuple[ast.Module, Function | None]:
    """Return the conftest with the fixture `auth`, and the fixture: that of the route tests first."""
    files = (service.root / "tests").rglob("conftest.py")
    order = sorted(files, key=lambda file: ("integration" not in file.parts, len(file.parts), file))
    for tree in map(tree_of, order):
        for node in tree.body:
            if isinstance(node, Function) and node.name == "auth":
                return tree, node
    return ast.Module([], []), None


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


def singular(word: str) -> list[str]:
    """What a word of the path may be the plural of."""
    endings = {"ies": "y", "sses": "ss", "ses": "s", "xes": "x", "s": ""}
    return [word.removesuffix(old) + new for old, new in endings.items() if word.endswith(old)]
