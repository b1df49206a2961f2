"""The names in which the annotations of a class are evaluated, as type checkers see them."""

import ast
import functools
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from . import expressions
from .annotations import Scope
from .subtypes import Types


def lineage(cls: type) -> list[type]:
    """Return a class and its bases of the same package."""
    package = package_of(cls)
    return [base for base in cls.__mro__ if package_of(base) == package]


def types_of(cls: type) -> Types:
    """Return the relations of the types in the package of a class."""
    package = package_of(cls)
    names = {**scope_of(cls).names, "Self": cls, cls.__name__: cls}
    modules = [
        vars(module)
        for path, module in list(sys.modules.items())
        if path.partition(".")[0] == package and module is not None
    ]

    def resolve(name: str) -> Any:
        first, _, rest = name.partition(".")
        # One that only has the name as an alias comes last.
        aliases = []
        for known in [names, *modules, *([sys.modules] if rest else [])]:
            if first in known:
                found = known[first]
                for part in rest.split(".") if rest else ():
                    found = getattr(found, part, None)
                found = typing.get_origin(found) or found
                if not isinstance(found, type | typing.NewType) or isinstance(found, _Absent):
                    continue
                if rest or found.__name__ == name:
                    # A foreign class is written with its package.
                    if rest or package_of(found) in (package, *expressions.BARE):
                        return found
                elif name != "Self":
                    aliases.append(found)
        return cls if name == "Self" else next(iter(aliases), None)

    return Types(resolve, package)


def package_of(cls: Any) -> str:
    """Return the top package of a class or a NewType."""
    return str(cls.__module__).partition(".")[0]


def scope_of(cls: type) -> Scope:
    """Return the names in which the annotations of a class are evaluated."""
    found: dict[str, Any] = {}
    for base in reversed(lineage(cls)):
        found |= {name: value for name, value in vars(base).items() if isinstance(value, type)}
    for base in reversed(lineage(cls)):
        found |= _names_of(module_of(base))
        found |= {each.__name__: each for each in getattr(base, "__type_params__", ())}
    return Scope(found, package_of(cls))


def _names_of(module: str) -> dict[str, Any]:
    """Return the names of a module as type checkers see them."""
    loaded = vars(sys.modules.get(module, types.ModuleType("")))
    return loaded | for_type_checkers(module)


@functools.cache
def for_type_checkers(module: str) -> dict[str, Any]:
    """Return what a module states below `if TYPE_CHECKING`.

    It is run, because what is imported there may be an alias: otherwise a verdict would depend on
    the modules that something else has loaded.
    """
    names = {**vars(sys.modules.get(module, types.ModuleType("")))}
    before = {**names}
    tree = tree_of(module)
    blocks = (node for node in tree.body if isinstance(node, ast.If)) if tree else ()
    for block in blocks:
        if ast.unparse(block.test).rpartition(".")[2] != "TYPE_CHECKING":
            continue
        for line in (each for node in block.body for each in _parts(node)):
            try:
                exec(compile(ast.Module([line], []), module, "exec", dont_inherit=True), names)  # noqa: S102
            except (Exception, SystemExit):  # noqa: BLE001 - such as a package that has only stubs
                names |= _stand_ins(line, str(names.get("__package__") or ""))
    return {name: value for name, value in names.items() if before.get(name) is not value}


def _parts(node: ast.stmt) -> list[ast.stmt]:
    """Return an import of each name."""
    if isinstance(node, ast.ImportFrom):
        return [
            ast.ImportFrom(node.module, [each], node.level, lineno=1, col_offset=0)
            for each in node.names
        ]
    return [node]


def _stand_ins(node: ast.stmt, package: str) -> dict[str, type]:
    """Return classes that stand for what an import does not find."""
    if isinstance(node, ast.ImportFrom):
        above = "." * node.level + (node.module or "")
        path = resolve_name(above, package) if node.level else above
        return {each.asname or each.name: _absent(f"{path}.{each.name}") for each in node.names}
    if isinstance(node, ast.Import):
        # `import a.b` binds `a`, and `import a.b as c` binds `a.b`.
        paths = [(each.asname, each.name) for each in node.names]
        bound = [(name, path if name else path.partition(".")[0]) for name, path in paths]
        return {name or path: _absent(path) for name, path in bound}
    return {}


class _Absent(type):
    """The class of the classes, and modules, that can't be imported."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{cls.__module__}.{cls.__name__}.{name}".strip("."))


def _absent(path: str) -> type:
    module, _, name = path.rpartition(".")
    return _Absent(
        name, (), {"__module__": module, "__class_getitem__": classmethod(types.GenericAlias)}
    )


def values_of(cls: type) -> dict[type, dict[str, Any]]:
    """Return the values that the bases of a class have for their type variables, by name."""
    found: dict[type, dict[str, Any]] = {}

    def visit(owner: type, known: Mapping[str, Any]) -> None:
        for base in types_of_bases(owner):
            origin = typing.get_origin(base) or base
            if not isinstance(origin, type) or origin in found:
                continue
            pairs = zip(getattr(origin, "__parameters__", ()), typing.get_args(base), strict=False)
            found[origin] = {
                variable.__name__: known.get(getattr(given, "__name__", ""), given)
                for variable, given in pairs
                if given is not variable or given.__name__ in known
            }
            visit(origin, found[origin])

    visit(cls, {})
    return found


def types_of_bases(cls: type) -> tuple[Any, ...]:
    """Return the bases of a class as they are written, with their arguments."""
    stated = vars(cls).get("__orig_bases__")
    if stated is None and hasattr(cls, "__required_keys__"):
        return (typing.TypedDict,)  # before Python 3.12, a TypedDict does not know its bases
    return tuple(stated if stated is not None else cls.__bases__)


@functools.cache
def tree_of(module: str) -> ast.Module | None:
    """Return the source of a module that is loaded; None if it can't be read."""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    try:
        return ast.parse(Path(file).read_text("utf-8")) if file.endswith(".py") else None
    except (OSError, SyntaxError, ValueError):
        return None


def module_of(owner: type) -> str:
    """Return the module that has the source of a class: packages may state their own as `__module__`."""
    own = (raw for raw in vars(owner).values() if inspect.isfunction(raw))
    made = (raw for raw in own if raw.__qualname__.startswith(f"{owner.__qualname__}."))
    return next((raw.__module__ for raw in made), owner.__module__)
