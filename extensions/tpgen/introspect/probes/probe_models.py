"""Says in JSON what a model asks of a new row, and the models that it needs.

Run by the service's own interpreter, with the model's module, its name and the other modules to
import: only the standard library and SQLAlchemy are there.
"""

import enum
import inspect
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NewType, cast, get_args, get_type_hints

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import ColumnProperty, Mapped, Mapper, configure_mappers

KINDS = {
    "Enum", "Boolean", "Integer", "Float", "Numeric", "Uuid", "ARRAY", "JSON", "HSTORE",
    "DateTime", "Date", "Time", "Interval", "INTERVAL", "LargeBinary", "BYTEA", "String",
    "INET", "CIDR", "MACADDR", "MACADDR8", "TSVECTOR",
}  # fmt: skip


def models(module: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield the model, and what it needs by its not-null foreign keys, whatever those need, …"""
    waiting, seen = [sa.inspect(getattr(sys.modules[module], name))], set()
    while waiting:
        mapper = waiting.pop()
        if mapper not in seen:
            seen.add(mapper)
            references = list(_references(mapper))
            waiting += [target for _, target in references if target]
            yield _model(mapper, [reference for reference, _ in references])


def _model(mapper: Mapper[Any], references: list[dict[str, Any]]) -> dict[str, Any]:
    hints = _hints(mapper.class_)
    return {
        **_place(mapper.class_),
        "columns": [
            _column(mapper, prop, hints.get(prop.key))
            for prop in mapper.column_attrs
            if isinstance(prop.columns[0], sa.Column)
        ],
        "references": references,
        "uniques": [names for columns in _uniques(mapper) if (names := _names(mapper, columns))],
        "checks": [_check(mapper, check) for check in _constraints(mapper, sa.CheckConstraint)],
        "constructor": _constructor(mapper),
    }


def _place(cls: type) -> dict[str, str]:
    return {"module": cls.__module__, "name": cls.__qualname__}


def _hints(cls: type) -> dict[str, Any]:
    """The types of the attributes, within `Mapped[…]`, as far as their names are to be had."""
    hints: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        for name, annotation in vars(owner).get("__annotations__", {}).items():
            alone = {"__annotations__": {name: annotation}, "__module__": owner.__module__}
            try:
                hints |= get_type_hints(type(owner.__name__, (), alone))
            except (NameError, TypeError, AttributeError):
                # Imported for type checkers only.
                continue
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
    decorated = isinstance(sql, sa.types.TypeDecorator) and not isinstance(sql, sa.Interval)
    while isinstance(sql, sa.types.TypeDecorator) and not isinstance(sql, sa.Interval):
        sql = sql.impl_instance if hasattr(sql, "impl_instance") else sql.impl
    kinds = [cls.__name__ for cls in type(sql).__mro__ if cls.__name__ in KINDS]
    return {
        "name": prop.key,
        "kind": kinds[0] if kinds else None,
        "type": repr(column.type),
        "decorated": decorated,
        "python": getattr(hint, "__name__", None),
        "length": getattr(sql, "length", None),
        "precision": getattr(sql, "precision", None),
        "scale": getattr(sql, "scale", None),
        "timezone": bool(getattr(sql, "timezone", False)),
        "as_uuid": bool(getattr(sql, "as_uuid", False)),
        "nullable": all(each.nullable for each in prop.columns),
        "default": any(_has_default(mapper, each) for each in prop.columns),
        "discriminator": mapper.polymorphic_on is column,
        "enum": _enum(sql, hint),
    }


def _has_default(mapper: Mapper[Any], column: Any) -> bool:
    """Whether a row gets a value without being told."""
    field = getattr(mapper.class_, "model_fields", {}).get(column.key)
    return bool(
        column.default is not None
        or column.server_default is not None
        or column.table.autoincrement_column is column
        or column is mapper.version_id_col
        or (column is mapper.polymorphic_on and mapper.polymorphic_identity is not None)
        # SQLModel tells the defaults only to pydantic.
        or (field is not None and not field.is_required())
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
    """The foreign keys that each row must have, the widest first, and what each refers to."""
    keys = _constraints(mapper, sa.ForeignKeyConstraint)
    for key in sorted(keys, key=lambda key: -len(key.columns)):
        if any(column.nullable for column in key.columns) or _inherited(mapper, key):
            continue
        names = _names(mapper, key.columns)
        if not names:
            continue
        relationship = _relationship(mapper, key)
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


def _inherited(mapper: Mapper[Any], key: sa.ForeignKeyConstraint) -> bool:
    """Whether the key ties the row of a subclass to that of its parent."""
    tables = {each.local_table for each in mapper.iterate_to_root()}
    return (
        all(column.primary_key for column in key.columns)
        and key.parent is not key.referred_table
        and key.referred_table in tables
    )


def _relationship(mapper: Mapper[Any], key: sa.ForeignKeyConstraint) -> Any:
    for each in mapper.relationships:
        to_one = each.direction.name == "MANYTOONE" and each.secondary is None
        if to_one and not each.viewonly and each.local_columns == set(key.columns):
            return each
    return None


def _target(mapper: Mapper[Any], key: sa.ForeignKeyConstraint) -> Mapper[Any] | None:
    for registry in {mapper.registry, *_registries()}:
        for each in registry.mappers:
            single = each.inherits and each.inherits.local_table is each.local_table
            if each.local_table is key.referred_table and not single:
                found: Mapper[Any] = each
                return found
    return None


def _registries() -> Iterator[Any]:
    """Those of all the modules that were imported: a service may have more than one Base."""
    for module in [sys.modules[name] for name in sys.argv[2:]]:
        for each in vars(module).values():
            if isinstance(each, type) and hasattr(each, "registry") and hasattr(each, "metadata"):
                yield each.registry


def _constraints(mapper: Mapper[Any], kind: type) -> list[Any]:
    tables = [table for table in mapper.tables if isinstance(table, sa.Table)]
    # They are in sets: their order would differ from run to run.
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
    """The attributes of the columns; none where one of them has none."""
    by_column = {column: prop.key for prop in mapper.column_attrs for column in prop.columns}
    names = [by_column.get(column) for column in columns]
    return [name for name in names if name] if all(names) else []


def _check(mapper: Mapper[Any], check: sa.CheckConstraint) -> dict[str, Any]:
    try:
        text = check.sqltext.compile(
            dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"literal_binds": True},
        )
    except (sa.exc.SQLAlchemyError, NotImplementedError):
        text = check.sqltext
    columns = {column.name: prop.key for prop in mapper.column_attrs for column in prop.columns}
    return {"text": str(text).replace("%%", "%"), "columns": columns}


def _constructor(mapper: Mapper[Any]) -> dict[str, Any]:
    """What the class takes: `takes` is null where it takes any attribute; and what it must have."""
    if hasattr(mapper.class_, "model_fields"):
        return {"takes": None, "requires": {}}
    parameters = list(inspect.signature(mapper.class_).parameters.values())
    named = [
        each for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters)
    lists = {each.key: each.uselist for each in mapper.relationships}
    return {
        "takes": None if anything else [each.name for each in named],
        "requires": {
            each.name: lists.get(each.name) for each in named if each.default is each.empty
        },
    }


if __name__ == "__main__":
    read_only = import_module("read_only")
    read_only.enter(Path.cwd())
    for each in sys.argv[2:]:
        import_module(each)
    configure_mappers()
    # Below whatever the service prints when it is imported.
    print(json.dumps(list(models(sys.argv[2], sys.argv[1])), default=str))
    read_only.leave()
