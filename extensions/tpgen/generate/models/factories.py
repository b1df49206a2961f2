"""The factories of models: what they declare, and the imports that they need."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tpgen.core.names import to_snake

from .columns import Column, last_to_differ, placeholder, value
from .constraints import FLIPPED, Condition, conditions, mentioned

# Methods and settings of factory-boy's factories, and the parameter for the database session.
RESERVED = {"AssociatedClassError", "Meta", "Params", "UnknownStrategy", "UnsupportedStrategy"}
RESERVED |= {"build", "build_batch", "create", "create_batch", "generate", "generate_batch"}
RESERVED |= {"reset_sequence", "session", "simple_generate", "simple_generate_batch", "stub"}
RESERVED |= {"stub_batch"}


@dataclass(frozen=True)
class Line:
    """`name = value` in the body of a factory."""

    name: str
    value: str


@dataclass(frozen=True)
class Factory:
    """A factory to write.

    Attributes:
        name: of its class.
        model: the class of its rows.
        exclude: the lines that only other lines use.
        rename: the lines that are not called like their attribute, each with the attribute.
        lines: what it declares.
    """

    name: str
    model: str
    exclude: tuple[str, ...]
    rename: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Factories:
    """The factories that a model needs, as a skeleton renders them.

    Attributes:
        model: its name.
        present: the factory that the service has for it already, if it has one.
        made: the missing factories, each after those that it uses.
        imports: the lines that import their models and enums.
    """

    model: str
    present: str | None = None
    made: tuple[Factory, ...] = ()
    imports: tuple[str, ...] = ()


def factory(model: Mapping[str, Any], known: Mapping[str, str]) -> Factory:
    """Return the factory of a model.

    Args:
        model: the model, as the probe describes it.
        known: the factories that exist, by their models.
    """
    keys, exclude = _references(model, known)
    columns = {column.name: column for column in _columns(model)}
    body: list[Line] = []
    for column in columns.values():
        body += keys[column.name] if column.name in keys else _of_column(column, model)
    body += _of_parameters(model, {line.name for line in body} | set(keys))
    checked = _with_placeholders_of_checks(model, body, columns)
    rename = _rename(columns, [line.name for line in checked if line.name not in exclude])
    lines = tuple(_renamed(line, rename) for line in checked)
    pairs = tuple((new, old) for old, new in rename.items())
    return Factory(f"{model['name']}Factory", model["name"], tuple(exclude), pairs, lines)


def _is_usable(name: str) -> bool:
    """Return whether a factory can declare an attribute by this name.

    factory-boy reads `tenant__name` as an attribute of the row `tenant`, and ignores values under
    names that begin with an underscore.
    """
    return name not in RESERVED and "__" not in name and not name.startswith("_")


def _rename(columns: Collection[str], declared: Sequence[str]) -> dict[str, str]:
    """Return the attributes that need another name in a factory, with that name."""
    # A test must be able to set the others too.
    others = [name for name in columns if name not in declared]
    unusable = [name for name in declared if not _is_usable(name)]
    unusable += [name for name in others if "__" in name or name == "session"]
    taken = {*columns, *declared}
    found = {}
    for name in unusable:
        new = re.sub("_+", "_", name.strip("_"))
        while not _is_usable(new) or new in taken:
            # Not `session_`: factory-boy would read `session___name` as an attribute of `session`.
            new += "_value" if name in columns else "_row"
        found[name] = new
        taken.add(new)
    return found


def _renamed(line: Line, rename: Mapping[str, str]) -> Line:
    text = line.value
    for old, new in rename.items():
        text = text.replace(f'SelfAttribute("{old}.', f'SelfAttribute("{new}.')
        text = text.replace(f'fill_in("{old} = ', f'fill_in("{new} = ')
        text = re.sub(rf"(lambda (\w+): \2\.){re.escape(old)}\b", rf"\g<1>{new}", text)
    return Line(rename.get(line.name, line.name), text)


def _columns(model: Mapping[str, Any]) -> list[Column]:
    columns = [
        Column(**raw, model=model["name"], unique=False, conditions=()) for raw in model["columns"]
    ]
    keys = {name for reference in model["references"] for name in reference["columns"]}
    unique = set()
    for together in model["uniques"]:
        free = [column for column in columns if column.name in together and column.name not in keys]
        if chosen := free[0] if len(together) == 1 and free else last_to_differ(free):
            unique.add(chosen.name)
    by_name = _conditions(model, {column.name: column for column in columns})
    return [
        replace(
            column,
            unique=column.name in unique,
            conditions=tuple(by_name.get(column.name, ())),
        )
        for column in columns
    ]


def _conditions(
    model: Mapping[str, Any], columns: Mapping[str, Column]
) -> dict[str, list[Condition]]:
    """Return the conditions of the checks, by the attribute whose value must meet them."""
    found: dict[str, list[Condition]] = {}
    for check in model["checks"]:
        for condition in conditions(check["text"], check["columns"]) or ():
            other = columns.get(condition.operand)
            if other and condition.operator in {"<", "<="}:
                # The greater follows the less, which may have a least of its own.
                flipped = FLIPPED[condition.operator]
                condition = Condition(condition.operand, flipped, condition.name)
                other = columns[condition.operand]
            # Where the other may be null it is left out, and the check passes.
            if other is None or not (other.nullable or other.default):
                found.setdefault(condition.name, []).append(condition)
    return found


def _of_column(column: Column, model: Mapping[str, Any]) -> list[Line]:
    takes, requires = model["constructor"]["takes"], model["constructor"]["requires"]
    if column.name in requires:
        return [Line(column.name, "None" if column.nullable else value(column))]
    is_optional = column.nullable or column.default or column.kind == "TSVECTOR"
    is_taken = takes is None or column.name in takes
    return [Line(column.name, value(column))] if is_taken and not is_optional else []


def _of_parameters(model: Mapping[str, Any], done: set[str]) -> list[Line]:
    """Return what a constructor requires beside columns: relationships, and its own parameters."""
    columns = {column["name"] for column in model["columns"]}
    values = {True: "LazyFunction(list)", False: "None"}
    return [
        Line(name, values.get(many) or placeholder(name, "the constructor asks for it"))
        for name, many in model["constructor"]["requires"].items()
        if name not in done | columns
    ]


def _with_placeholders_of_checks(
    model: Mapping[str, Any], body: list[Line], columns: Mapping[str, Column]
) -> list[Line]:
    """Return the lines, with a placeholder for each check that is more than simple conditions."""
    values = {line.name: line.value for line in body}
    for check in model["checks"]:
        names = mentioned(check["text"], check["columns"])
        of_enum = any(columns[name].enum or columns[name].kind == "Boolean" for name in names)
        if of_enum or conditions(check["text"], check["columns"]) is not None:
            continue
        declared = [name for name in names if name in values]
        requires_one = "not null" in check["text"].lower() or "num_nonnulls" in check["text"]
        for name in declared[-1:] or (names[:1] if requires_one else []):
            text = f"CHECK ({' '.join(check['text'].split())})"
            values[name] = placeholder(name, text, columns[name].unique)
    return [Line(name, text) for name, text in values.items()]


def _references(
    model: Mapping[str, Any], known: Mapping[str, str]
) -> tuple[dict[str, list[Line]], list[str]]:
    """Return the lines of the foreign keys, by column, and those that the constructor must not get."""
    lines: dict[str, list[Line]] = {}
    exclude = []
    for reference in model["references"]:
        new = [column for column in reference["columns"] if column not in lines]
        if not new:
            continue
        found = _lines(model, reference, known, new)
        lines |= {column: [] for column in new} | {new[0]: found}
        if not any("fill_in(" in line.value for line in found) and not _by_name(model, reference):
            exclude.append(found[0].name)
    return lines, exclude


def _by_name(model: Mapping[str, Any], reference: Mapping[str, Any]) -> bool:
    """Return whether the constructor takes the row itself, rather than its id."""
    takes, name = model["constructor"]["takes"], reference["relationship"]
    return bool(name) and (takes is None or name in takes)


def _lines(
    model: Mapping[str, Any],
    reference: Mapping[str, Any],
    known: Mapping[str, str],
    new: Sequence[str],
) -> list[Line]:
    """Return the lines of a foreign key; `new` are the columns that no other key has set."""
    target, columns = reference["target"], reference["columns"]
    if target is None:
        return [Line(name, placeholder(name, "of a row that has no model")) for name in new]
    name = reference["relationship"] or _name_for(model, reference)
    shared = [column for column in columns if column not in new]
    if shared or target["name"] not in known:
        which = f"with the same {', '.join(shared)}" if shared else "that is there already"
        row = f"{'an' if target['name'][0] in 'AEIOU' else 'a'} {target['name']} {which}"
        if _by_name(model, reference):
            return [Line(name, placeholder(name, row))]
        return [Line(column, placeholder(column, f"of {row}")) for column in new]
    pairs = zip(columns, reference["attributes"], strict=True)
    selves = [Line(column, f'SelfAttribute("{name}.{other}")') for column, other in pairs]
    if _by_name(model, reference):
        selves = [line for line in selves if line.name in model["constructor"]["requires"]]
    return [Line(name, f"SubFactory({known[target['name']]})"), *selves]


def _name_for(model: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    """Return the name of the row that a foreign key refers to: `tenant` for `tenant_id`."""
    target = to_snake(reference["target"]["name"])
    own = {column["name"] for column in model["columns"]}
    column: str = reference["columns"][0]
    for ending in ("id", "uuid", "pk", *reference["attributes"]):
        short = column.removesuffix(f"_{ending}")
        if len(reference["columns"]) == 1 and short not in own and _is_usable(short):
            return short
    return target if target not in own and _is_usable(target) else f"{target}_row"


def imports(models: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the lines that import some models, and the enums of their columns."""
    lines = [f"from {model['module']} import {model['name']}" for model in models]
    enums = [column["enum"] for model in models for column in model["columns"]]
    lines += [
        f"from {enum['module']} import {enum['name'].partition('.')[0]}"
        for enum in enums
        if enum and enum["name"]
    ]
    return tuple(dict.fromkeys(lines))
