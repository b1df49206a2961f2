"""A service's code as syntax trees: what a name means, what a class takes and can do.

Nothing is imported or run. Imports are followed within the service's own packages.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from . import trees
from .modules import Module
from .trees import Function, last_name, unsubscripted

__all__ = ["Code", "Definition", "Function", "Module", "Parameter", "last_name", "signature"]

# Bases outside the service whose constructor takes nothing.
BARE = {"ABC", "Generic", "Protocol", "object"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a constructor or method.

    Attributes:
        module: where it is written, so where its annotation has its meaning.
        is_positional: whether it can't be given by name.
        stars: of one that stands for any number: nobody can say from it what to give.
    """

    name: str
    annotation: ast.expr | None
    has_default: bool
    module: Module
    is_positional: bool = False
    stars: str = ""


@dataclass(frozen=True, eq=False)
class Definition:
    """Something that a module defines at its top."""

    module: Module
    node: ast.stmt

    @property
    def name(self) -> str:
        """Its name there; nothing for an assignment to several."""
        return (trees.names(self.node) or [""])[0]


class Code:
    """The modules of some packages.

    Args:
        packages: the folders of top-level packages.
    """

    def __init__(self, packages: Sequence[Path]) -> None:
        self.packages = packages
        self.module = cache(Module)

    def matching(self, pattern: str) -> Iterator[Module]:
        """The modules whose file, relative to a package, has this form (`pipeline/*.py`)."""
        for package in self.packages:
            for path in sorted(package.glob(pattern)):
                if path.is_file() and path.suffix == ".py":
                    yield self.module(path, package.parent)

    def resolve(self, module: Module, expression: ast.expr | None) -> Definition | None:
        """The definition that a name stands for, through imports; None outside the service."""
        name = expression.value if isinstance(expression, ast.Constant) else expression
        if isinstance(name, str):
            return self._lookup(module, name)
        if isinstance(name, ast.Attribute):
            return self.find(self._origin(module, name))
        return self._lookup(module, name.id) if isinstance(name, ast.Name) else None

    def expand(
        self, module: Module, annotation: ast.expr | None, depth: int = 10
    ) -> tuple[Module, ast.expr | None]:
        """What a type is at last, and the module where that has its meaning.

        Texts, `X | None`, names that are given to types and bounds of TypeVars are followed.
        """
        one = trees.plain(annotation)
        found = self.resolve(module, one)
        value = trees.aliased(found.node) if found else None
        if found is None or value is None or not depth:
            return module, one
        return self.expand(found.module, value, depth - 1)

    def target(self, module: Module, annotation: ast.expr | None) -> Definition | None:
        """The class of the service that a type is at last; None where it is none."""
        found = self.resolve(*self.expand(module, annotation))
        return found if found and isinstance(found.node, ast.ClassDef) else None

    def leaves(
        self, module: Module, annotation: ast.expr | None
    ) -> Iterator[tuple[Module, ast.expr]]:
        """The names that a type is made of at last, containers and all, each with its module."""
        waiting, seen = [(module, annotation)], set()
        for origin, one in waiting:
            home, at_last = self.expand(origin, one)
            if at_last is None or at_last in seen:
                continue
            seen.add(at_last)
            if isinstance(at_last, ast.Name | ast.Attribute):
                yield home, at_last
            elif not trees.is_literal(at_last):
                parts = ast.iter_child_nodes(at_last)
                waiting += [(home, part) for part in parts if isinstance(part, ast.expr)]

    def full_name(self, module: Module, expression: ast.expr | None) -> str:
        """`httpx.AsyncClient`, however a module calls it; nothing where it is no name."""
        found = self.resolve(module, expression)
        if found:
            return f"{found.module.name}.{found.name}"
        return self._origin(module, expression) if expression else ""

    def find(self, dotted: str) -> Definition | None:
        """What `package.module.Name` names; None outside these packages."""
        module, _, name = dotted.rpartition(".")
        found = self._find(module)
        return self._lookup(found, name) if found else None

    def parameters(self, owner: Definition) -> list[Parameter]:
        """What a class's constructor takes: of `__init__` or of a dataclass, its own or a base's.

        Returns:
            one parameter with stars, where that can't be seen.
        """
        passed_on: list[Parameter] = []
        for one in self.lineage(owner):
            own = trees.methods(one.node)
            if "__init__" in own:
                named = signature(one.module, own["__init__"])
                passed_on = _stars(one.module, own["__init__"])
                if named or not passed_on:
                    return [self._bound(owner, each) for each in named]
            elif trees.is_dataclass(one.node):
                return self._fields(owner)
        is_known = not passed_on and not self._has_foreign_base(owner)
        return (
            [] if is_known else passed_on or [Parameter("", None, False, owner.module, stars="**")]
        )

    def methods(self, owner: Definition) -> dict[str, tuple[Module, Function]]:
        """The public methods of a class, its bases' too, with the module of each."""
        found: dict[str, tuple[Module, Function]] = {}
        for one in self.lineage(owner):
            for name, node in trees.methods(one.node).items():
                if not name.startswith("_"):
                    found.setdefault(name, (one.module, node))
        return found

    def lineage(self, owner: Definition) -> list[Definition]:
        """A class and its bases in the service, the class first."""
        found = [owner]
        for one in found:
            bases = one.node.bases if isinstance(one.node, ast.ClassDef) else []
            resolved = (self.resolve(one.module, unsubscripted(base)) for base in bases)
            found += [
                base for base in resolved if base and base.node not in {f.node for f in found}
            ]
        return found

    def choices(self, module: Module, annotation: ast.expr | None) -> list[str]:
        """The texts that a parameter takes: of a Literal, of an Enum; none where it is neither."""
        if isinstance(annotation, ast.BinOp):
            return self.choices(module, annotation.left) + self.choices(module, annotation.right)
        module, at_last = self.expand(module, annotation)
        if trees.is_literal(at_last):
            texts = (one.value for one in trees.inner(at_last) if isinstance(one, ast.Constant))
            return [one for one in texts if isinstance(one, str)]
        found = self.resolve(module, at_last)
        return trees.members(found.node) if found else []

    def imports_of(self, module: Module, expressions: Sequence[ast.AST | None]) -> list[str]:
        """The import lines that some expressions of a module need elsewhere."""
        names = [n.id for e in expressions if e for n in ast.walk(e) if isinstance(n, ast.Name)]
        lines = []
        for name in dict.fromkeys(names):
            if name in module.imports:
                origin, inner = module.imports[name]
                is_same = name == (inner or origin.partition(".")[0])
                alias = "" if is_same else f" as {name}"
                what = f"from {origin} import {inner}" if inner else f"import {origin}"
                lines.append(what + alias)
            elif name in module.definitions:
                lines.append(f"from {module.name} import {name}")
        return lines

    def _find(self, dotted: str) -> Module | None:
        for package in self.packages:
            base = package.parent.joinpath(*dotted.split("."))
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if dotted and path.is_file():
                    return self.module(path, package.parent)
        return None

    def _lookup(self, module: Module, name: str, depth: int = 10) -> Definition | None:
        if name in module.definitions:
            return Definition(module, module.definitions[name])
        origin, inner = module.imports.get(name, ("", ""))
        # pytest puts the folder of a test file on the path.
        beside = f"{module.name.rpartition('.')[0]}.{origin}"
        found = self._find(origin) or self._find(beside)
        return self._lookup(found, inner, depth - 1) if found and inner and depth else None

    def _origin(self, module: Module, expression: ast.expr, depth: int = 10) -> str:
        """The full name of what a name was imported as, through the service's own modules."""
        if not isinstance(expression, ast.Name | ast.Attribute):
            return ""
        text = ast.unparse(expression)
        root, _, rest = text.partition(".")
        origin, inner = module.imports.get(root, (root, ""))
        if not inner and origin.partition(".")[0] == root:
            return text
        home = self._find(origin) if inner and depth else None
        if home and inner in home.imports:
            origin, inner = self._origin(home, ast.Name(inner), depth - 1), ""
        return ".".join(filter(None, [origin, inner, rest]))

    def _bound(self, owner: Definition, one: Parameter) -> Parameter:
        """A parameter whose type is a TypeVar, with the type that a class binds it to."""
        variable = trees.plain(one.annotation)
        for heir in self.lineage(owner) if isinstance(variable, ast.Name) else ():
            for base in getattr(heir.node, "bases", []):
                origin = self.resolve(heir.module, unsubscripted(base))
                names = trees.type_variables(origin.node) if origin else []
                if origin and origin.module == one.module and last_name(variable) in names:
                    kinds = dict(zip(names, trees.inner(base), strict=False))
                    kind = kinds.get(last_name(variable))
                    return replace(one, annotation=kind, module=heir.module) if kind else one
        return one

    def _has_foreign_base(self, owner: Definition) -> bool:
        """Whether a class has a base outside the service, which may have a constructor."""
        return any(
            self.resolve(one.module, unsubscripted(base)) is None
            and last_name(unsubscripted(base)) not in BARE
            for one in self.lineage(owner)
            for base in getattr(one.node, "bases", [])
        )

    def _fields(self, owner: Definition) -> list[Parameter]:
        found: dict[str, Parameter] = {}
        for one in reversed(self.lineage(owner)):
            body = one.node.body if isinstance(one.node, ast.ClassDef) else []
            for node in filter(trees.is_field, body):
                assert isinstance(node, ast.AnnAssign)
                name = getattr(node.target, "id", "")
                has_default = trees.has_default(node.value)
                found[name] = Parameter(name, node.annotation, has_default, one.module)
        return list(found.values())


def signature(module: Module, node: Function) -> list[Parameter]:
    """The parameters of a method, without `self` and the starred ones."""
    positional = node.args.posonlyargs + node.args.args
    first = len(positional) - len(node.args.defaults)
    nameless = len(node.args.posonlyargs)
    found = [
        Parameter(one.arg, one.annotation, number >= first, module, number < nameless)
        for number, one in enumerate(positional)
    ]
    by_name = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    more = (Parameter(one.arg, one.annotation, bool(value), module) for one, value in by_name)
    return [*found[1:], *more]


def _stars(module: Module, node: Function) -> list[Parameter]:
    """The last starred parameter of a method, where it has one."""
    pairs = (("**", node.args.kwarg), ("*", node.args.vararg))
    found = [(stars, one) for stars, one in pairs if one]
    return [
        Parameter(one.arg, one.annotation, False, module, stars=stars) for stars, one in found[:1]
    ]
