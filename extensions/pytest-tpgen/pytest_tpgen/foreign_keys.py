"""Let a foreign key that a test gives win over the row that the factory would make for it.

`AgentFactory.create(session=db, tenant_id=tenant.id)` must not make another tenant. A factory
states the row in one of two ways, and both are followed:

- by the model's relationship: `tenant = SubFactory(TenantFactory)`
- by a row that is excluded: `tenant_id = SelfAttribute("tenant.id")`

If the given columns identify the row, the factory takes that row instead of making one. If they
do not, as `tenant_id = SelfAttribute("agent.tenant.id")`, it makes an `agent` that has them.

A subclass or a trait of a factory gives a foreign key as a test does: `tenant_id = 1`.
"""

from collections import defaultdict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from factory.builder import DeclarationSet
from factory.declarations import SKIP, LazyAttribute, Maybe, SelfAttribute, SubFactory
from factory.enums import BuilderPhase, get_builder_phase
from sqlalchemy import inspect
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.exc import UnmappedColumnError

# How a SubFactory gets the session: factory-boy makes its instances without arguments of ours.
SESSION: ContextVar[Session] = ContextVar("session")


@dataclass(frozen=True)
class Reference:
    """A row that a factory makes because another one refers to it.

    Attributes:
        target: the model of the row.
        columns: where each column of the factory gets its value: `{"tenant_id": "id"}`.
        identity: the attributes that identify a row, if all are given.
        is_mapped: whether the row is a relationship of the model.
    """

    target: Mapper[Any]
    columns: Mapping[str, str]
    identity: frozenset[str]
    is_mapped: bool


def references(options: Any) -> dict[str, Reference]:
    """Return the rows that a factory makes for foreign keys, by their names in the factory."""
    try:
        mapper = inspect(options.model)
    except NoInspectionAvailable:
        return {}
    declared = options.pre_declarations.declarations
    names = {attribute: name for name, attribute in options.rename.items()}
    found = {}
    for relationship in mapper.relationships:
        name = names.get(relationship.key, relationship.key)
        if name in declared and relationship.direction.name == "MANYTOONE":
            columns = {names.get(own, own): other for own, other in _pairs(mapper, relationship)}
            identity = frozenset(columns.values())
            found[name] = Reference(relationship.mapper, columns, identity, True)
    for name, declaration in declared.items():
        if isinstance(declaration, SubFactory) and name not in found:
            target = inspect(declaration.get_factory()._meta.model, raiseerr=False)
            columns = _copied(declared, name, mapper, options.rename)
            if columns and isinstance(target, Mapper):
                key = frozenset(_attribute(target, column) for column in target.primary_key)
                found[name] = Reference(target, columns, key, False)
    base: Any = getattr(options.base_factory, "_meta", None)
    for name, reference in getattr(base, "references", {}).items():
        if (
            not reference.is_mapped
            and declared.get(name) is base.pre_declarations.declarations[name]
        ):
            found[name] = reference
    return found


def given_by_class(options: Any) -> dict[str, dict[str, str]]:
    """Return the columns that a subclass or a trait gives for inherited rows: `{row: columns}`."""
    declared = options.pre_declarations.declarations
    given = {
        row: {
            name: path
            for name, path in reference.columns.items()
            if name in declared
            and not _is_copied(declared[name], row)
            and (isinstance(declared[name], Maybe) or _is_newer(options.factory, name, row))
        }
        for row, reference in options.references.items()
    }
    return {row: columns for row, columns in given.items() if columns}


def _is_copied(declaration: Any, row: str) -> bool:
    """Return whether a foreign key is copied from a row, as by `SelfAttribute("tenant.id")`."""
    return (
        isinstance(declaration, SelfAttribute)
        and not declaration.depth
        and declaration.attribute_name.startswith(f"{row}.")
    )


def _is_newer(factory: Any, name: str, other: str) -> bool:
    """Return whether a factory or one of its bases declares a name, and inherits another one."""
    for parent in factory.__mro__:
        if name in vars(parent) or other in vars(parent):
            return other not in vars(parent)
    return False


def _copied(
    declared: Mapping[str, Any], row: str, mapper: Mapper[Any], rename: Mapping[str, str]
) -> dict[str, str]:
    """Return the foreign keys that are copied from a row, as by `SelfAttribute("tenant.id")`."""
    copied = {}
    for name, declaration in declared.items():
        while isinstance(declaration, Maybe):  # what a trait gives instead
            declaration = declaration.no
        column = mapper.columns.get(rename.get(name, name))
        if column is not None and column.foreign_keys and _is_copied(declaration, row):
            copied[name] = declaration.attribute_name.removeprefix(f"{row}.")
    return copied


def _pairs(mapper: Mapper[Any], relationship: Any) -> list[tuple[str, str]]:
    """Return the attributes of a foreign key, each with the one that it refers to."""
    try:
        return [
            (_attribute(mapper, own), _attribute(relationship.mapper, other))
            for own, other in relationship.local_remote_pairs
        ]
    except UnmappedColumnError:
        return []


def _attribute(mapper: Mapper[Any], column: Any) -> str:
    return mapper.get_property_by_column(column).key


class Declarations(DeclarationSet):
    """The declarations of a factory, in which a given foreign key wins."""

    def __init__(self, options: Any, declared: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._options = options
        super().update(declared)  # type: ignore[no-untyped-call]

    def copy(self) -> "Declarations":
        """Return a copy, to which factory-boy adds what a call of the factory gives."""
        made = Declarations.__new__(Declarations)
        made._options = self._options
        made.declarations = dict(self.declarations)
        contexts = {name: dict(context) for name, context in self.contexts.items() if context}
        made.contexts = defaultdict(dict, contexts)
        for row, given in self._options.given_by_class.items():
            made._follow(row, self._options.references[row], given, {})
        return made

    def update(self, values: Mapping[str, Any]) -> None:
        """Add what a call of the factory gives."""
        if not values:
            return
        super().update(values)  # type: ignore[no-untyped-call]
        for row, reference in self._options.references.items():
            given = {name: path for name, path in reference.columns.items() if name in values}
            own = self._options.given_by_class.get(row, ())
            fixed = list(given) or [
                name for name in own if not isinstance(self.declarations[name], Maybe)
            ]
            if fixed and any(name.startswith(f"{row}__") for name in values):
                raise TypeError(
                    f"{self._options.factory.__name__}: {' and '.join(fixed)} can't be given "
                    f"together with attributes of a new {row} (`{row}__…`): give one of them"
                )
            if given:
                self._follow(row, reference, given, values)

    def _follow(
        self,
        row: str,
        reference: Reference,
        given: Mapping[str, str],
        values: Mapping[str, Any],
    ) -> None:
        """Change what a factory declares for a row, some of whose columns are given."""
        is_identified = reference.identity <= set(given.values())
        if row in values:
            if reference.is_mapped and is_identified:
                check = partial(_same, self._options.factory.__name__, row, given, values[row])
                self.declarations[row] = LazyAttribute(check)
            return
        inherited = self.declarations[row]
        is_made = get_builder_phase(inherited) == BuilderPhase.ATTRIBUTE_RESOLUTION
        if is_identified and (is_made or reference.is_mapped):
            identity = {name: path for name, path in given.items() if path in reference.identity}
            found = LazyAttribute(partial(_find, reference.target, identity))
            key = self.declarations[next(iter(identity))]
            self.declarations[row] = _where_given(key, row, found, inherited)
        elif is_made:
            for name, path in given.items():
                if isinstance(self.declarations[name], Maybe):
                    raise TypeError(
                        f"{self._options.factory.__name__}: a trait can't give {name}, which is "
                        f"copied from {row}.{path}: give {row} instead"
                    )
                attribute, levels = _own_column(reference.target, path, row)
                self.contexts[row][attribute] = SelfAttribute(f"{'.' * (levels + 1)}{name}")


def _where_given(key: Any, row: str, found: LazyAttribute, inherited: Any) -> Any:
    """Return what to declare for a row: the found one, or the inherited one without the trait."""
    if isinstance(key, Maybe):
        other = _where_given(key.no, row, found, inherited)
        return Maybe(key.decider, _where_given(key.yes, row, found, inherited), other)
    return inherited if key is SKIP or _is_copied(key, row) else found


def _find(target: Mapper[Any], identity: Mapping[str, str], resolver: Any) -> Any:
    """Return the row that the given columns identify; SKIP leaves the relationship unset."""
    values = {attribute: getattr(resolver, name) for name, attribute in identity.items()}
    session = SESSION.get(None)
    if session is None or None in values.values():
        return SKIP
    keys = [_attribute(target, column) for column in target.primary_key]
    if set(values) == set(keys):
        # From the session's own rows, mostly without a query.
        row = session.get(target.class_, tuple(values[key] for key in keys))
    else:
        row = session.query(target.class_).filter_by(**values).one_or_none()
    return SKIP if row is None else row


def _same(factory: str, row: str, given: Mapping[str, str], value: Any, resolver: Any) -> Any:
    """Return the given row, after a check that it is the one of the given foreign key."""
    if get_builder_phase(value) is None and value is not None:
        for name, attribute in given.items():
            if getattr(resolver, name) != getattr(value, attribute):
                raise TypeError(
                    f"{factory}: {name} is not the {attribute} of the given {row}: give one of them"
                )
    return value


def _own_column(target: Mapper[Any], path: str, row: str) -> tuple[str, int]:
    """Return the foreign key of a row that decides `tenant.id`, and how deep that row lies."""
    *way, attribute = path.split(".")
    if not way:
        return attribute, 1
    for name in way[:-1]:
        target = target.relationships[name].mapper
    relationship = target.relationships.get(way[-1])
    if relationship is not None:
        for own, other in _pairs(target, relationship):
            if other == attribute:
                return "__".join([*way[:-1], own]), len(way)
    raise TypeError(
        f"the foreign key is copied from {row}.{path}, which can't be set: give {row} instead"
    )
