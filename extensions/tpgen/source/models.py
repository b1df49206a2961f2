"""The SQLAlchemy models of a service, as its syntax trees show them; nothing is imported."""

import ast
from collections.abc import Iterator

from tpgen.core.errors import UserError

from .code import Code, Definition, Module
from .trees import base_names, called, classes, last_name, model_of, unsubscripted
from .trees import names as names_of

# What a module with models contains.
MARKS = (b"mapped_column", b"Column(", b"Mapped[", b"__table", b"__mapper_args__", b"table=True")
NOT_DECLARATIVE = {"object", "Generic", "Protocol", "ABC", "MappedAsDataclass", "Enum", "BaseModel"}
ROOTS = {"DeclarativeBase", "DeclarativeBaseNoMeta"}


def definitions(code: Code) -> list[Definition]:
    """Return the models of a service, by the look of their classes."""
    owners = [
        Definition(module, node) for module in _modules(code) for node in classes(module.tree)
    ]
    return [owner for owner in owners if _is_model(code, owner)]


def without_factory(code: Code, factories: str, path: str) -> list[str]:
    """Return the models that have no factory in a text, which is that of the file `path`."""
    names = {model.name for model in definitions(code)}
    return sorted(names - set(factories_of(factories, path)))


def factories_of(factories: str, path: str) -> dict[str, str]:
    """Return the factories in a text, by their models; raise `UserError` if it is not Python."""
    try:
        tree = ast.parse(factories)
    except SyntaxError as error:
        raise UserError(
            f"{path}:{error.lineno}: {error.msg}; correct it, then run the same command again"
        ) from None
    owners = reversed(classes(tree))
    return {model: owner.name for owner in owners if (model := model_of(owner))}


def primary_keys(code: Code) -> dict[str, str]:
    """Return the attribute of the primary key of each model that states one column as its key."""
    found = {}
    modules = _modules(code)
    for owner in (node for module in modules for node in classes(module.tree)):
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


def _modules(code: Code) -> Iterator[Module]:
    for module in code.holding(*MARKS):
        # The mapped classes of Alembic's migrations are those of the past.
        folder = module.path.parent
        if folder.name != "versions" or not (folder.parent / "env.py").is_file():
            yield module


def _is_model(code: Code, owner: Definition) -> bool:
    """Return whether a class is mapped: it has columns, own or inherited, and a declarative base."""
    lineage = [base.node for base in code.lineage(owner) if isinstance(base.node, ast.ClassDef)]
    concrete = [node for node in lineage if not _is_base(node)]
    if owner.node not in concrete:
        return False
    if any("mapped" in called(decorator) for node in concrete for decorator in node.decorator_list):
        return True
    # A base that is imported from a library, or a variable, may be the declarative one.
    bases = {name for node in lineage for name in base_names(node)}
    others = bases - {node.name for node in lineage} - NOT_DECLARATIVE - {""}
    is_table = any(keyword.arg == "table" for node in concrete for keyword in node.keywords)
    has_columns = any(_is_column(line) for node in concrete for line in node.body)
    return bool(others) and (is_table or has_columns)


def _is_base(owner: ast.ClassDef) -> bool:
    is_abstract = any("__abstract__" in names_of(line) for line in owner.body)
    return is_abstract or not ROOTS.isdisjoint(base_names(owner))


def _is_column(line: ast.stmt) -> bool:
    if not isinstance(line, ast.Assign | ast.AnnAssign):
        return False
    annotation = line.annotation if isinstance(line, ast.AnnAssign) else None
    is_mapped = annotation and last_name(unsubscripted(annotation)) == "Mapped"
    is_table = not {"__tablename__", "__table__"}.isdisjoint(names_of(line))
    return bool(is_mapped) or is_table or called(line.value) in {"mapped_column", "Column"}
