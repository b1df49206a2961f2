"""The code of a service as syntax trees: what names mean, what classes take and can do.

Nothing is imported or run. Imports are followed within the service's own packages.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tpgen.core.errors import UserError

from . import trees
from .trees import Function, last_name, unsubscripted

__all__ = ["Code", "Definition", "Function", "Module", "Parameter", "last_name", "signature"]

# Bases outside the service whose constructor takes nothing.
WITHOUT_CONSTRUCTOR = {"ABC", "Generic", "Protocol", "object"}


@dataclass(frozen=True, eq=False)
class Module:
    """A module below `folder`, which holds its top-level package; `text` replaces its content."""

    path: Path
    folder: Path
    text: bytes | None = None

    @property
    def name(self) -> str:
        """Return its dotted name."""
        parts = self.path.relative_to(self.folder).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def data(self) -> bytes:
        return self.path.read_bytes() if self.text is None else self.text

    @cached_property
    def tree(self) -> ast.Module:
        """Return its syntax tree, or raise `UserError`."""
        try:
            return ast.parse(self.data)
        except (OSError, SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            root = self.folder.parent if self.folder.name == "src" else self.folder
            raise UserError(
                f"{self.path.relative_to(root)}:{line} can't be read "
                f"({getattr(error, 'msg', error)}): correct it, then run the same command again"
            ) from None

    def mentions(self, word: str) -> bool:
        """Return whether its text holds a word, in small or capital letters."""
        try:
            return word.encode() in self.data.lower()
        except OSError:
            return True

    @property
    def is_readable(self) -> bool:
        try:
            return bool(self.tree)
        except UserError:
            return False

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Return what it defines at the top, by name; the last definition counts."""
        return {
            name: node for node in trees.statements(self.tree.body) for name in trees.names(node)
        }

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Return what it imports at the top: name to module and name there (empty for a module)."""
        found = {}
        for node in trees.statements(self.tree.body):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
            elif isinstance(node, ast.ImportFrom):
                # A relative import begins at the package; for its `__init__`, that is the module.
                package = self.name.split(".") + ["self"] * (self.path.stem == "__init__")
                above = package[: -node.level] if node.level else []
                origin = ".".join([*above, *filter(None, [node.module])])
                found |= {alias.asname or alias.name: (origin, alias.name) for alias in node.names}
        return found


@dataclass(frozen=True)
class Parameter:
    """A parameter; `stars` (`*` or `**`) if it stands for arguments that are not known."""

    name: str
    annotation: ast.expr | None
    has_default: bool
    module: Module
    is_positional: bool = False
    stars: str = ""


@dataclass(frozen=True, eq=False)
class Definition:
    """A definition at the top of a module."""

    module: Module
    node: ast.stmt

    @property
    def name(self) -> str:
        """Return its name there; empty for an assignment to several."""
        return (trees.names(self.node) or [""])[0]


class Code:
    """The modules of some top-level packages, given as folders."""

    def __init__(self, packages: Sequence[Path]) -> None:
        self.packages = packages
        self.module = cache(Module)

    def matching(self, pattern: str) -> Iterator[Module]:
        """Yield the modules whose file, relative to a package, matches (`pipeline/*.py`)."""
        for package in self.packages:
            for path in sorted(package.glob(pattern)):
                if path.is_file() and path.suffix == ".py":
                    yield self.module(path, package.parent)

    @cached_property
    def modules(self) -> Sequence[Module]:
        return [*self.matching("**/*.py")]

    def holding(self, *words: bytes) -> Iterator[Module]:
        """Yield the modules that hold one of some words, and can be parsed."""
        for module in self.modules:
            if any(word in module.data for word in words) and module.is_readable:
                yield module

    def resolve(self, module: Module, expression: ast.expr | None) -> Definition | None:
        """Return the definition that a name stands for, through imports; None outside the service."""
        name = expression.value if isinstance(expression, ast.Constant) else expression
        if isinstance(name, str):
            return self._lookup(module, name)
        if isinstance(name, ast.Attribute):
            return self.find(self._origin(module, name))
        return self._lookup(module, name.id) if isinstance(name, ast.Name) else None

    def expand(
        self, module: Module, annotation: ast.expr | None, depth: int = 10
    ) -> tuple[Module, ast.expr | None]:
        """Follow texts, `X | None`, aliases and bounds; return the type, and where it has its meaning."""
        bare = trees.plain(annotation)
        found = self.resolve(module, bare)
        value = getattr(found.node, "value", None) if found else None
        if isinstance(value, ast.Call) and trees.called(value) == "TypeVar":
            value = next((word.value for word in value.keywords if word.arg == "bound"), value)
        if found is None or not isinstance(value, ast.expr) or isinstance(value, ast.Call):
            return module, bare
        return self.expand(found.module, value, depth - 1) if depth else (module, bare)

    def target(self, module: Module, annotation: ast.expr | None) -> Definition | None:
        """Return the class of the service that a type is in the end, or None."""
        found = self.resolve(*self.expand(module, annotation))
        return found if found and isinstance(found.node, ast.ClassDef) else None

    def leaves(
        self, module: Module, annotation: ast.expr | None
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield the names in a type, containers included, each with its module."""
        waiting, seen = [(module, annotation)], set()
        for origin, part in waiting:
            home, expanded = self.expand(origin, part)
            if expanded is None or expanded in seen:
                continue
            seen.add(expanded)
            if isinstance(expanded, ast.Name | ast.Attribute):
                yield home, expanded
            elif not trees.is_literal(expanded):
                children = ast.iter_child_nodes(expanded)
                waiting += [(home, child) for child in children if isinstance(child, ast.expr)]

    def full_name(self, module: Module, expression: ast.expr | None) -> str:
        """Return `httpx.AsyncClient`, whatever a module calls it; empty for other expressions."""
        found = self.resolve(module, expression)
        if found:
            return f"{found.module.name}.{found.name}"
        return self._origin(module, expression) if expression else ""

    def find(self, dotted: str) -> Definition | None:
        """Return what `package.module.Name` names, or None outside these packages."""
        module, _, name = dotted.rpartition(".")
        found = self.find_module(module)
        return self._lookup(found, name) if found else None

    def parameters(self, owner: Definition) -> list[Parameter]:
        """Return the parameters of a constructor: of `__init__` or of a dataclass, own or inherited.

        One parameter with stars stands for those that can't be read.
        """
        lineage = self.lineage(owner)
        # A base outside the service may have a constructor.
        is_known = all(
            last_name(unsubscripted(base)) in WITHOUT_CONSTRUCTOR
            or self.resolve(heir.module, unsubscripted(base))
            for heir in lineage
            for base in getattr(heir.node, "bases", [])
        )
        stars = "" if is_known else "**"
        for base in lineage:
            if init := trees.methods(base.node).get("__init__"):
                named = signature(base.module, init)
                stars = "**" if init.args.kwarg else "*" if init.args.vararg else ""
                if named or not stars:
                    return named
            elif any(trees.fields(base.node)):
                fields = {
                    last_name(node.target): (node.annotation, has_default, parent.module)
                    for parent in reversed(lineage)
                    for node, has_default in trees.fields(parent.node)
                }
                return [Parameter(name, *field) for name, field in fields.items()]
        return [Parameter("", None, False, owner.module, stars=stars)] if stars else []

    def methods(self, owner: Definition) -> dict[str, tuple[Module, Function]]:
        found: dict[str, tuple[Module, Function]] = {}
        for base in self.lineage(owner):
            for name, node in trees.methods(base.node).items():
                if not name.startswith("_"):
                    found.setdefault(name, (base.module, node))
        return found

    def lineage(self, owner: Definition) -> list[Definition]:
        """Return a class and its bases in the service, the class first."""
        found = {owner.node: owner}
        waiting = [owner]
        for heir in waiting:
            for base in getattr(heir.node, "bases", []):
                resolved = self.resolve(heir.module, unsubscripted(base))
                if resolved and resolved.node not in found:
                    found[resolved.node] = resolved
                    waiting.append(resolved)
        return waiting

    def choices(self, module: Module, annotation: ast.expr | None) -> list[str]:
        """Return the texts that a parameter takes: of a Literal or an Enum; else none."""
        module, expanded = self.expand(module, annotation)
        values: Sequence[ast.AST | None] = (
            trees.inner(expanded) if trees.is_literal(expanded) else ()
        )
        found = self.resolve(module, expanded)
        texts = [getattr(value, "value", None) for value in values]
        if found and trees.is_enum(found.node):
            is_str = "StrEnum" in trees.base_names(found.node)
            for line in getattr(found.node, "body", []):
                if isinstance(line, ast.Assign):
                    is_auto = is_str and trees.called(line.value) == "auto"
                    name = trees.names(line)[0].lower()
                    texts.append(name if is_auto else getattr(line.value, "value", None))
        return [text for text in texts if isinstance(text, str)]

    def imports_of(self, module: Module, expressions: Sequence[ast.AST | None]) -> list[str]:
        """Return the import lines that some expressions of a module need elsewhere."""
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

    def find_module(self, dotted: str) -> Module | None:
        """Return the module of this name, or None outside these packages."""
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
        found = self.find_module(origin)
        if found is None and module.name.startswith("tests."):
            # pytest puts the folder of a test file on the path.
            found = self.find_module(f"{module.name.rpartition('.')[0]}.{origin}")
        return self._lookup(found, inner, depth - 1) if found and inner and depth else None

    def _origin(self, module: Module, expression: ast.expr, depth: int = 10) -> str:
        """Return the full name of what a name was imported as, through the service's modules."""
        if not isinstance(expression, ast.Name | ast.Attribute):
            return ""
        text = ast.unparse(expression)
        root, _, rest = text.partition(".")
        origin, inner = module.imports.get(root, (root, ""))
        if not inner and origin.partition(".")[0] == root:
            return text
        home = self.find_module(origin) if inner and depth else None
        if home and inner in home.imports:
            origin, inner = self._origin(home, ast.Name(inner), depth - 1), ""
        return ".".join(filter(None, [origin, inner, rest]))


def signature(module: Module, node: Function) -> list[Parameter]:
    """Return the parameters of a method, without `self` and the starred ones."""
    positional = node.args.posonlyargs + node.args.args
    required = len(positional) - len(node.args.defaults)
    nameless = len(node.args.posonlyargs)
    found = [
        Parameter(argument.arg, argument.annotation, number >= required, module, number < nameless)
        for number, argument in enumerate(positional)
    ]
    by_name = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    more = (Parameter(word.arg, word.annotation, bool(value), module) for word, value in by_name)
    return [*found[1:], *more]
