"""The SQLAlchemy models of a service, as its syntax trees show them; nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.core.service import Service

from .trees import base_names, called, classes, last_name, model_of, unsubscripted
from .trees import names as names_of

MARKS = ("mapped_column", "Column(", "Mapped[", "__tablename__", "__table__", "__mapper_args__")
NOT_DECLARATIVE = {"object", "Generic", "Protocol", "ABC", "MappedAsDataclass", "Enum", "BaseModel"}


def names(service: Service) -> list[str]:
    """Return the models of the service, by the look of their classes."""
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
    """Return the factories in a text, by their models.

    Raises:
        UserError: the text is not Python.
    """
    try:
        tree = ast.parse(factories)
    except SyntaxError as error:
        raise UserError(
            f"{path}:{error.lineno}: {error.msg}; correct it, then run the same command again"
        ) from None
    owners = reversed(classes(tree))
    return {model: owner.name for owner in owners if (model := model_of(owner))}


def places(service: Service) -> dict[str, tuple[str, int]]:
    """Return the file and the line of each model, by its name."""
    return {
        name: (_file(service, module), line)
        for module, found in by_module(service).items()
        for name, line in found.items()
    }


def primary_keys(service: Service) -> dict[str, str]:
    """Return the attribute of the primary key of each model that states one column as its key."""
    found = {}
    for _, tree in _trees(service):
        for owner in classes(tree):
            keys = [
                name
                for line in owner.body
                if isinstance(line, ast.Assign | ast.AnnAssign) and isinstance(line.value, ast.Call)
                if any(keyword.arg == "primary_key" for keyword in line.value.keywords)
                for name in names_of(line)
            ]
            if len(keys) == 1:
                found[owner.name] = keys[0]
    return found


def by_module(service: Service) -> dict[str, dict[str, int]]:
    """Return the names of the models with their lines, by the module that defines them."""
    modules = {module: classes(tree) for module, tree in _trees(service)}
    everywhere = [owner for owners in modules.values() for owner in owners]
    own = {owner.name for owner in everywhere}
    # A base that is imported, or a variable, may be the declarative one.
    declarative = {
        owner.name for owner in everywhere if set(base_names(owner)) - own - NOT_DECLARATIVE - {""}
    }
    declarative = _with_subclasses(everywhere, declarative)
    mapped = {owner.name for owner in everywhere if _looks_mapped(owner, declarative)}
    concrete = [owner for owner in everywhere if not _is_base(owner)]
    models = _with_subclasses(concrete, mapped)
    found = {
        module: {
            owner.name: owner.lineno
            for owner in owners
            if owner.name in models and owner in concrete
        }
        for module, owners in modules.items()
    }
    return {module: models for module, models in found.items() if models}


def _file(service: Service, module: str) -> str:
    """Return the file of a module, relative to the service."""
    folder = service.packages[0].parent / module.replace(".", "/")
    file = folder.with_suffix(".py")
    found = file if file.is_file() else folder / "__init__.py"
    return found.relative_to(service.root).as_posix()


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
                    # Half written: the import says so, if this module is asked for.
                    continue


def _is_migration(path: Path) -> bool:
    """Return whether a module belongs to Alembic, whose mapped classes are those of the past."""
    return path.parent.name == "versions" and (path.parents[1] / "env.py").is_file()


def _with_subclasses(owners: list[ast.ClassDef], found: set[str]) -> set[str]:
    """Return the names, and those of the classes that inherit from one of them."""
    size = -1
    while size != len(found):
        size = len(found)
        found = found | {owner.name for owner in owners if found & set(base_names(owner))}
    return found


def _is_base(owner: ast.ClassDef) -> bool:
    is_abstract = any("__abstract__" in names_of(line) for line in owner.body)
    return is_abstract or not {"DeclarativeBase", "DeclarativeBaseNoMeta"}.isdisjoint(
        base_names(owner)
    )


def _looks_mapped(owner: ast.ClassDef, declarative: set[str]) -> bool:
    if _is_base(owner):
        return False
    is_decorated = any("mapped" in called(decorator) for decorator in owner.decorator_list)
    is_table = any(keyword.arg == "table" for keyword in owner.keywords)
    has_columns = owner.name in declarative and any(map(_is_column, owner.body))
    return is_decorated or is_table or has_columns


def _is_column(line: ast.stmt) -> bool:
    if not isinstance(line, ast.Assign | ast.AnnAssign):
        return False
    annotation = line.annotation if isinstance(line, ast.AnnAssign) else None
    is_mapped = annotation and last_name(unsubscripted(annotation)) == "Mapped"
    is_table = not {"__tablename__", "__table__"}.isdisjoint(names_of(line))
    return bool(is_mapped) or is_table or called(line.value) in {"mapped_column", "Column"}
