"""Print the columns and references of a model, and of the models that it needs, as JSON.

The service's own interpreter runs this with the name of the model, its module and the other modules
to import. It needs the standard library and SQLAlchemy.
"""

import enum
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NewType, cast, get_args, get_type_hints

import sqlalchemy as sa
from sqlalchemy.orm import ColumnProperty, Mapped, Mapper, configure_mappers

KINDS = {
    "Enum", "Boolean", "Integer", "Float", "Numeric", "Uuid", "ARRAY", "JSON", "INET",
    "DateTime", "Date", "Time", "Interval", "INTERVAL", "LargeBinary", "String",
}  # fmt: skip


def _model(mapper: Mapper[Any], references: list[dict[str, Any]]) -> dict[str, Any]:
    hints = _hints(mapper.class_)
    columns = [prop for prop in mapper.column_attrs if isinstance(prop.columns[0], sa.Column)]
    keys = {column.name: prop.key for prop in mapper.column_attrs for column in prop.columns}
    checks = [
        str(check.sqltext.compile(compile_kwargs={"literal_binds": True}))
        for check in _constraints(mapper, sa.CheckConstraint)
    ]
    return {
        **_place(mapper.class_),
        "columns": [_column(mapper, prop, hints.get(prop.key)) for prop in columns],
        "references": references,
        "uniques": [names for columns in _uniques(mapper) if (names := _names(mapper, columns))],
        "checks": [{"text": text, "columns": keys} for text in checks],
        "constructor": _constructor(mapper),
    }


def _place(cls: type) -> dict[str, str]:
    return {"module": cls.__module__, "name": cls.__qualname__}


def _hints(cls: type) -> dict[str, Any]:
    """Return the types of the attributes, inside `Mapped[…]`, that can be resolved."""
    hints: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        for name, annotation in vars(owner).get("__annotations__", {}).items():
            alone = {"__annotations__": {name: annotation}, "__module__": owner.__module__}
            # A name may be imported only for type checkers.
            with suppress(NameError, TypeError, AttributeError):
                hints |= get_type_hints(type(owner.__name__, (), alone))
    return {name: _plain(hint) for name, hint in hints.items()}


def _plain(hint: Any) -> Any:
    if isinstance(hint, NewType):
        return _plain(hint.__supertype__)
    origin = getattr(hint, "__origin__", None)
    if origin is None:
        return hint
    if isinstance(origin, type) and not issubclass(origin, Mapped):
        return origin
    inner = [each for each in get_args(hint) if each is not type(None)]
    return _plain(inner[0]) if inner else None


def _column(mapper: Mapper[Any], prop: ColumnProperty[Any], hint: Any) -> dict[str, Any]:
    column, sql = prop.columns[0], cast(Any, prop.columns[0].type)
    while isinstance(sql, sa.types.TypeDecorator) and not isinstance(sql, sa.Interval):
        sql = sql.impl
    kinds = [cls.__name__ for cls in type(sql).__mro__ if cls.__name__ in KINDS]
    return {
        "name": prop.key,
        "kind": kinds[0] if kinds else None,
        "type": repr(column.type),
        "decorated": sql is not column.type,
        "python": getattr(hint, "__name__", None),
        "length": getattr(sql, "length", None),
        "precision": getattr(sql, "precision", None),
        "scale": getattr(sql, "scale", None),
        "timezone": bool(getattr(sql, "timezone", False)),
        "nullable": all(each.nullable for each in prop.columns),
        "default": any(_has_default(mapper, each) for each in prop.columns),
        "enum": _enum(sql, hint),
    }


def _has_default(mapper: Mapper[Any], column: Any) -> bool:
    return bool(
        column.default is not None
        or column.server_default is not None
        or column.table.autoincrement_column is column
        or column is mapper.version_id_col
        or (column is mapper.polymorphic_on and mapper.polymorphic_identity is not None)
    )


def _enum(sql: Any, hint: Any) -> dict[str, Any] | None:
    cls = getattr(sql, "enum_class", None)
    if cls is None and isinstance(hint, type) and issubclass(hint, enum.Enum):
        cls = hint
    if cls is not None:
        return {**_place(cls), "first": next(iter(cls)).name}
    values = getattr(sql, "enums", None)
    return {"name": None, "first": values[0]} if values else None


def _references(mapper: Mapper[Any]) -> Iterator[tuple[dict[str, Any], Mapper[Any] | None]]:
    """Yield the required foreign keys, the widest first, and the model that each refers to."""
    keys = _constraints(mapper, sa.ForeignKeyConstraint)
    for key in sorted(keys, key=lambda key: -len(key.columns)):
        # A key of joined inheritance connects the row of a subclass with the row of its parent.
        is_inherited = key.parent is not key.referred_table and key.referred_table in mapper.tables
        names = _names(mapper, key.columns)
        if is_inherited or not names or any(column.nullable for column in key.columns):
            continue
        to_one = (each for each in mapper.relationships if each.direction.name == "MANYTOONE")
        own = (each for each in to_one if each.local_columns == set(key.columns))
        relationship = next((each for each in own if not each.viewonly), None)
        target = relationship.mapper if relationship else _target(mapper, key)
        others = _names(target, [each.column for each in key.elements]) if target else []
        yield (
            {
                "relationship": relationship.key if relationship else None,
                "columns": names,
                "target": _place(target.class_) if target and others else None,
                "attributes": others,
            },
            target,
        )


def _target(mapper: Mapper[Any], key: sa.ForeignKeyConstraint) -> Mapper[Any] | None:
    # The subclasses of a model may share its table.
    found = [each for each in mapper.registry.mappers if each.local_table is key.referred_table]
    return next((each for each in found if each.inherits not in found), None)


def _constraints(mapper: Mapper[Any], kind: type) -> list[Any]:
    tables = [table for table in mapper.tables if isinstance(table, sa.Table)]
    # Sorted, because the order of sets differs from run to run.
    owners = [owner for table in tables for owner in (table, *table.columns)]
    found = {each for owner in owners for each in owner.constraints if isinstance(each, kind)}
    return sorted(found, key=lambda each: ([column.key for column in each.columns], str(each)))


def _uniques(mapper: Mapper[Any]) -> Iterator[list[Any]]:
    for kind in (sa.PrimaryKeyConstraint, sa.UniqueConstraint):
        for constraint in _constraints(mapper, kind):
            yield list(constraint.columns)
    for table in mapper.tables:
        for index in sorted(getattr(table, "indexes", ()), key=lambda index: str(index.name)):
            if index.unique:
                words = re.findall(r"\w+", " ".join(map(str, index.expressions)))
                yield [column for column in table.columns if column.name in words]


def _names(mapper: Mapper[Any], columns: Any) -> list[str]:
    """Return the attributes of some columns; none if one of them has no attribute."""
    by_column = {column: prop.key for prop in mapper.column_attrs for column in prop.columns}
    names = [by_column.get(column) for column in columns]
    return [name for name in names if name] if all(names) else []


def _constructor(mapper: Mapper[Any]) -> dict[str, Any]:
    """Return the parameters of the class; `takes` is None if it accepts any attribute."""
    parameters = inspect.signature(mapper.class_).parameters.values()
    named = [each for each in parameters if not each.kind.name.startswith("VAR_")]
    lists = {each.key: each.uselist for each in mapper.relationships}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    required = [each.name for each in named if each.default is each.empty]
    return {
        "takes": None if takes_any else [each.name for each in named],
        "requires": {name: lists.get(name) for name in required},
    }


def read(name: str, *modules: str) -> list[dict[str, Any]]:
    """Return a model of the first module, and those that its required foreign keys lead to."""
    for module in modules:
        importlib.import_module(module)
    configure_mappers()
    mappers = [sa.inspect(getattr(sys.modules[modules[0]], name))]
    found = []
    for mapper in mappers:
        references = list(_references(mapper))
        needed = {target: None for _, target in references if target}
        mappers += [target for target in needed if target not in mappers]
        found.append(_model(mapper, [reference for reference, _ in references]))
    return found


if __name__ == "__main__":
    read_only = importlib.import_module("read_only")
    read_only.run(Path.cwd(), lambda: read(*sys.argv[1:]))
