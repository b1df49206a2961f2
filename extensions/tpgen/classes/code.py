"""A service's code as syntax trees: what a name means, what a class takes and can do.

Nothing is imported or run. Imports are followed within the service's own packages.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tpgen.errors import Misuse

Function = ast.FunctionDef | ast.AsyncFunctionDef
NOT_COMPONENTS = {
    *("ABC", "BaseModel", "Enum", "Flag", "IntEnum", "NamedTuple", "Protocol", "StrEnum"),
    *("BaseException", "Exception", "TypedDict"),
}


@dataclass(frozen=True, eq=False)
class Module:
    """A module of the service.

    Attributes:
        path: its file.
        folder: where its top-level package is.
        text: what it holds, where the file is not written yet.
    """

    path: Path
    folder: Path
    text: bytes | None = None

    @property
    def name(self) -> str:
        """Its dotted name."""
        parts = self.path.relative_to(self.folder).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree.

        Raises:
            Misuse: it can't be read.
        """
        try:
            return ast.parse(self.path.read_bytes() if self.text is None else self.text)
        except (OSError, SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            where = f"{self.path.relative_to(self.folder.parent)}:{line}"
            raise Misuse(
                f"{where} can't be read ({getattr(error, 'msg', error)}): correct it, then run "
                "the same command again"
            ) from None

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """What it defines at the top, by name; the last one counts."""
        return {name: node for node in _statements(self.tree) for name in _names(node)}

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """What it imports at the top: name to module and name there (none for a module)."""
        found = {}
        for node in _statements(self.tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    found[one.asname or one.name.partition(".")[0]] = (one.name, "")
            elif isinstance(node, ast.ImportFrom):
                origin = self._absolute(node)
                found |= {one.asname or one.name: (origin, one.name) for one in node.names}
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") + ["self"] * (self.path.stem == "__init__")
        return ".".join([*package[: -node.level], *([node.module] if node.module else [])])


@dataclass(frozen=True)
class Parameter:
    """One parameter of a constructor or method.

    Attributes:
        module: where it is written, so where its annotation has its meaning.
    """

    name: str
    annotation: ast.expr | None
    has_default: bool
    module: Module


@dataclass(frozen=True, eq=False)
class Definition:
    """Something that a module defines at its top."""

    module: Module
    node: ast.stmt

    @property
    def name(self) -> str:
        """Its name there; nothing for an assignment to several."""
        return (_names(self.node) or [""])[0]


class Code:
    """The modules of some packages.

    Args:
        packages: the folders of top-level packages.
    """

    def __init__(self, packages: Sequence[Path]) -> None:
        self.packages = packages
        self.module = cache(self._module)

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
        if isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name):
            origin = module.imports.get(name.value.id)
            found = origin and self._find(".".join(filter(None, origin)))
            return self._lookup(found, name.attr) if found else None
        return self._lookup(module, name.id) if isinstance(name, ast.Name) else None

    def find(self, dotted: str) -> Definition | None:
        """What `package.module.Name` names; None outside these packages."""
        module, _, name = dotted.rpartition(".")
        found = self._find(module)
        return self._lookup(found, name) if found else None

    def parameters(self, owner: Definition) -> list[Parameter]:
        """What a class's constructor takes: of `__init__` or of a dataclass, its own or a base's."""
        for one in self.lineage(owner):
            own = _methods(one.node)
            if "__init__" in own:
                return signature(one.module, own["__init__"])
            if _is_dataclass(one.node):
                return self._fields(owner)
        return []

    def methods(self, owner: Definition) -> dict[str, tuple[Module, Function]]:
        """The public methods of a class, its bases' too, with the module of each."""
        found: dict[str, tuple[Module, Function]] = {}
        for one in self.lineage(owner):
            for name, node in _methods(one.node).items():
                if not name.startswith("_"):
                    found.setdefault(name, (one.module, node))
        return found

    def lineage(self, owner: Definition) -> list[Definition]:
        """A class and its bases in the service, the class first."""
        found = [owner]
        for one in found:
            bases = one.node.bases if isinstance(one.node, ast.ClassDef) else []
            resolved = (self.resolve(one.module, _unsubscripted(base)) for base in bases)
            found += [
                base for base in resolved if base and base.node not in {f.node for f in found}
            ]
        return found

    def choices(self, module: Module, annotation: ast.expr | None) -> list[str]:
        """The texts that a parameter takes: of a Literal, of an Enum; none where it is neither."""
        if isinstance(annotation, ast.BinOp):
            return self.choices(module, annotation.left) + self.choices(module, annotation.right)
        if isinstance(annotation, ast.Subscript):
            inner = (
                annotation.slice.elts
                if isinstance(annotation.slice, ast.Tuple)
                else [annotation.slice]
            )
            if last_name(annotation.value) == "Literal":
                return [str(one.value) for one in inner if isinstance(one, ast.Constant)]
            return self.choices(module, inner[0])
        found = self.resolve(module, annotation)
        if found is None:
            return []
        if isinstance(found.node, ast.ClassDef):
            return _members(found.node) if "Enum" in "".join(base_names(found.node)) else []
        return self.choices(found.module, getattr(found.node, "value", None))

    def imports_of(self, module: Module, expressions: Sequence[ast.AST | None]) -> list[str]:
        """The import lines that some expressions of a module need elsewhere."""
        names = [n.id for e in expressions if e for n in ast.walk(e) if isinstance(n, ast.Name)]
        lines = []
        for name in dict.fromkeys(names):
            if name in module.imports:
                origin, inner = module.imports[name]
                alias = "" if name == (inner or origin) else f" as {name}"
                what = f"from {origin} import {inner}" if inner else f"import {origin}"
                lines.append(what + alias)
            elif name in module.definitions:
                lines.append(f"from {module.name} import {name}")
        return lines

    def _module(self, path: Path, folder: Path) -> Module:
        return Module(path, folder)

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
        found = self._find(origin)
        return self._lookup(found, inner, depth - 1) if found and inner and depth else None

    def _fields(self, owner: Definition) -> list[Parameter]:
        found: dict[str, Parameter] = {}
        for one in reversed(self.lineage(owner)):
            body = one.node.body if isinstance(one.node, ast.ClassDef) else []
            for node in filter(_is_field, body):
                assert isinstance(node, ast.AnnAssign)
                name = getattr(node.target, "id", "")
                has_default = _has_default(node.value)
                found[name] = Parameter(name, node.annotation, has_default, one.module)
        return list(found.values())


def signature(module: Module, node: Function) -> list[Parameter]:
    """The parameters of a method, without `self` and the starred ones."""
    positional = node.args.posonlyargs + node.args.args
    first = len(positional) - len(node.args.defaults)
    pairs = [(one, number >= first) for number, one in enumerate(positional)][1:]
    defaults = [default is not None for default in node.args.kw_defaults]
    pairs += zip(node.args.kwonlyargs, defaults, strict=True)
    return [Parameter(one.arg, one.annotation, default, module) for one, default in pairs]


def is_component(node: ast.stmt) -> bool:
    """Whether a class may be a component: concrete, and neither an error, an enum nor a model."""
    if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
        return False
    if any(name.endswith(("Error", "Exception")) for name in [node.name, *base_names(node)]):
        return False
    return not NOT_COMPONENTS & set(base_names(node)) and not _is_abstract(node)


def base_names(node: ast.ClassDef) -> list[str]:
    """The last part of the name of each base."""
    return [last_name(_unsubscripted(base)) for base in node.bases]


def last_name(expression: ast.expr | None) -> str:
    """`C` of `a.b.C`, also where it is written as text; nothing where it is no name."""
    if isinstance(expression, ast.Constant):
        return str(expression.value).rpartition(".")[2]
    return str(getattr(expression, "attr", "") or getattr(expression, "id", ""))


def is_builtin(name: str) -> bool:
    """Whether Python has this name without an import."""
    return hasattr(builtins, name)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements at the top, also those below an `if` or a `try`."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if isinstance(node, ast.If | ast.Try):
            waiting[:0] = [*node.body, *node.orelse]


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | Function):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    alias = getattr(node, "name", None)  # Of a `type X = …`.
    return [t.id for t in [*targets, alias] if isinstance(t, ast.Name)]


def _methods(node: ast.stmt) -> dict[str, Function]:
    body = node.body if isinstance(node, ast.ClassDef) else []
    return {one.name: one for one in body if isinstance(one, Function)}


def _members(node: ast.ClassDef) -> list[str]:
    values = [one.value for one in node.body if isinstance(one, ast.Assign)]
    return [str(value.value) for value in values if isinstance(value, ast.Constant)]


def _is_dataclass(node: ast.stmt) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
    calls = (one.func if isinstance(one, ast.Call) else one for one in decorators)
    return any(last_name(one) in {"dataclass", "define", "frozen"} for one in calls)


def _is_abstract(node: ast.ClassDef) -> bool:
    decorators = [one for method in _methods(node).values() for one in method.decorator_list]
    return any(last_name(one) == "abstractmethod" for one in decorators)


def _is_field(node: ast.stmt) -> bool:
    """Whether a statement makes a parameter: no ClassVar, and no `field(init=False)`."""
    if not isinstance(node, ast.AnnAssign):
        return False
    keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
    outside = [one for one in keywords if one.arg == "init" and not getattr(one.value, "value", 1)]
    return not outside and last_name(_unsubscripted(node.annotation)) != "ClassVar"


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and last_name(value.func) in {"field", "Factory"}:
        return bool({one.arg for one in value.keywords} & {"default", "default_factory", "factory"})
    return value is not None


def _unsubscripted(expression: ast.expr) -> ast.expr:
    return expression.value if isinstance(expression, ast.Subscript) else expression
