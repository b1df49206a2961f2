"""The SQLAlchemy models of a service, as its syntax trees show them; nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tpgen.core.errors import Misuse
from tpgen.core.service import Service

from .trees import model_of

MARKS = ("mapped_column", "Column(", "Mapped[", "__tablename__", "__table__", "__mapper_args__")
NO_BASES = {"object", "Generic", "Protocol", "ABC", "MappedAsDataclass", "Enum", "BaseModel"}


def names(service: Service) -> list[str]:
    """The models of the service, by the look of their classes; nothing is imported."""
    return sorted({name for found in by_module(service).values() for name in found})


def without_factory(service: Service, factories: str, path: str) -> list[str]:
    """Return the models that have no factory in a text.

    Args:
        service: where the models are.
        factories: the text of the factories.
        path: of its file, for errors.
    """
    return sorted(set(names(service)) - set(factories_of(factories, path)))


def factories_of(factories: str, path: str) -> dict[str, str]:
    """The factories of the text, by their models.

    Raises:
        Misuse: the text is no Python.
    """
    try:
        tree = ast.parse(factories)
    except SyntaxError as error:
        raise Misuse(
            f"{path}:{error.lineno}: {error.msg}; correct it, then run the same command again"
        ) from None
    classes = reversed(_classes(tree))
    return {model: owner.name for owner in classes if (model := model_of(owner))}


def _classes(node: ast.Module | ast.ClassDef) -> list[ast.ClassDef]:
    return [each for each in node.body if isinstance(each, ast.ClassDef)]


def places(service: Service) -> dict[str, tuple[str, int]]:
    """The file and the line of each model, by its name."""
    return {
        name: (_file(service, module), line)
        for module, found in by_module(service).items()
        for name, line in found.items()
    }


def primary_keys(service: Service) -> dict[str, str]:
    """Return the attribute of the primary key of each model that states one column as its key."""
    found = {}
    for _, tree in _trees(service):
        for cls in _classes(tree):
            keys = [
                name
                for line in cls.body
                if isinstance(line, ast.Assign | ast.AnnAssign) and isinstance(line.value, ast.Call)
                if any(word.arg == "primary_key" for word in line.value.keywords)
                for name in _targets(line)
            ]
            if len(keys) == 1:
                found[cls.name] = keys[0]
    return found


def _file(service: Service, module: str) -> str:
    """The file of a module, relative to the service."""
    folder = service.packages[0].parent / module.replace(".", "/")
    file = folder.with_suffix(".py")
    found = file if file.is_file() else folder / "__init__.py"
    return found.relative_to(service.root).as_posix()


def by_module(service: Service) -> dict[str, dict[str, int]]:
    """The names of the models with their lines, by the module that defines them."""
    classes = {module: _classes(tree) for module, tree in _trees(service)}
    everywhere = [cls for found in classes.values() for cls in found]
    rooted = _closure(everywhere, {cls.name for cls in everywhere if _has_root(cls, everywhere)})
    models = _closure(
        [cls for cls in everywhere if not _is_base(cls)],
        {cls.name for cls in everywhere if _looks_mapped(cls, rooted)},
    )
    found = {
        module: {cls.name: cls.lineno for cls in each if cls.name in models and not _is_base(cls)}
        for module, each in classes.items()
    }
    return {module: each for module, each in found.items() if each}


def _trees(service: Service) -> Iterator[tuple[str, ast.Module]]:
    for package in service.packages:
        for path in sorted(package.rglob("*.py")):
            if _is_migration(path):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            if any(mark in text for mark in MARKS) or "table=True" in text:
                parts = path.relative_to(package.parent).with_suffix("").parts
                try:
                    yield ".".join(parts).removesuffix(".__init__"), ast.parse(text)
                except SyntaxError:
                    # Half written: the import says so, where this module is asked for.
                    continue


def _is_migration(path: Path) -> bool:
    """Return whether a module belongs to Alembic, whose mapped classes are those of the past."""
    return path.parent.name == "versions" and (path.parents[1] / "env.py").is_file()


def _closure(classes: list[ast.ClassDef], names: set[str]) -> set[str]:
    """The names, and those of the classes that inherit from one of them."""
    size = -1
    while size != len(names):
        size = len(names)
        names = names | {cls.name for cls in classes if names & set(map(_last, cls.bases))}
    return names


def _has_root(cls: ast.ClassDef, classes: list[ast.ClassDef]) -> bool:
    """Whether it has a base that may be the declarative one: an import, or a variable."""
    own = {each.name for each in classes}
    return bool(set(map(_last, cls.bases)) - own - NO_BASES - {""})


def _is_base(cls: ast.ClassDef) -> bool:
    bases = set(map(_last, cls.bases))
    abstract = any("__abstract__" in _targets(line) for line in cls.body)
    return abstract or bool(bases & {"DeclarativeBase", "DeclarativeBaseNoMeta"})


def _looks_mapped(cls: ast.ClassDef, rooted: set[str]) -> bool:
    if _is_base(cls):
        return False
    decorated = any("mapped" in _last(_called(each)) for each in cls.decorator_list)
    table = any(each.arg == "table" for each in cls.keywords)
    has_columns = any(
        _last(_called(getattr(line, "value", None))) in {"mapped_column", "Column"}
        or (isinstance(line, ast.AnnAssign) and _last(line.annotation) == "Mapped")
        or bool({"__tablename__", "__table__"} & _targets(line))
        for line in cls.body
    )
    return decorated or table or (has_columns and cls.name in rooted)


def _targets(line: ast.stmt) -> set[str]:
    if isinstance(line, ast.Assign):
        return {_last(target) for target in line.targets}
    return {_last(line.target)} if isinstance(line, ast.AnnAssign) else set()


def _called(node: ast.AST | None) -> ast.AST | None:
    return node.func if isinstance(node, ast.Call) else node


def _last(node: ast.AST | None) -> str:
    """The last part of a dotted name; of `Base[int]` that of `Base`."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
