"""The factories of models: what they declare, and the imports that they need."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tpgen.core.names import to_snake

from .columns import TEXT, Column, conditions, declared, placeholder, value

# Kinds of columns of which one can differ from row to row, where several are unique together.
DIFFERING = {"String", "Integer", "Numeric", "Float", "Date", "DateTime"}


class Line(NamedTuple):
    """`name = value` in the body of a factory."""

    name: str
    value: str


@dataclass(frozen=True)
class Factory:
    """A factory to write.

    Attributes:
        exclude: the lines that only other lines use.
        rename: the lines that are not called like their attribute, each with the attribute.
    """

    name: str
    model: str
    exclude: tuple[str, ...]
    rename: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


def factory(model: Mapping[str, Any], known: Mapping[str, str]) -> Factory:
    """Return the factory of a model; `known` are the factories that exist, by their models."""
    columns = {column.name: column for column in _columns(model)}
    takes, requires = model["constructor"]["takes"], model["constructor"]["requires"]
    relationships = {reference["relationship"] for reference in model["references"]}
    # The rows that the constructor takes; of the others, it takes the ids.
    rows = {name for name in relationships if name and (takes is None or name in takes)}
    body: dict[str, str] = {}
    keys: set[str] = set()
    for reference in model["references"]:
        if not keys.issuperset(reference["columns"]):
            body |= _of_reference(model, reference, known, rows, keys)
            keys |= set(reference["columns"])
    for column in columns.values():
        is_optional = column.nullable or column.default
        is_taken = takes is None or column.name in takes
        if column.name not in keys and (column.name in requires or (is_taken and not is_optional)):
            body[column.name] = "None" if column.nullable else value(column)
    for name, many in requires.items():
        if name not in {*body, *columns}:
            # A relationship that no required foreign key sets, or another parameter.
            empty = {True: "LazyFunction(list)", False: "None"}.get(many)
            body[name] = empty or placeholder(name, "the constructor asks for it")
    body |= _of_checks(model, body, columns)
    return Factory(
        f"{model['name']}Factory",
        model["name"],
        exclude=tuple(
            name for name in body if body[name].startswith("SubFactory(") and name not in rows
        ),
        rename=tuple((declared(name), name) for name in body if declared(name) != name),
        lines=tuple(Line(declared(name), text) for name, text in body.items()),
    )


def imports(models: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the lines that import some models, and the enums of their columns."""
    enums = [column["enum"] for model in models for column in model["columns"]]
    places = [*models, *(enum for enum in enums if enum and enum["name"])]
    lines = (f"from {each['module']} import {each['name'].partition('.')[0]}" for each in places)
    return tuple(dict.fromkeys(lines))


def _columns(model: Mapping[str, Any]) -> Iterator[Column]:
    """Yield the columns, with what the constraints of the model say of them."""
    columns = {column["name"]: Column(**column) for column in model["columns"]}
    keys = {name for reference in model["references"] for name in reference["columns"]}
    unique = set()
    for together in model["uniques"]:
        free = [columns[name] for name in columns if name in together and name not in keys]
        if len(together) > 1:
            able = (each for each in free if each.kind in DIFFERING)
            free = [each for each in able if not each.default and not each.enum]
        unique |= {column.name for column in free[-1:]}
    found = defaultdict(list)
    for check in model["checks"]:
        for condition in conditions(check["text"], check["columns"]) or ():
            found[condition.name].append(condition)
    for name, column in columns.items():
        yield replace(column, unique=name in unique, conditions=tuple(found[name]))


def _of_checks(
    model: Mapping[str, Any], body: Mapping[str, str], columns: Mapping[str, Column]
) -> Iterator[tuple[str, str]]:
    """Yield a placeholder for each check that is more than simple conditions."""
    for check in model["checks"]:
        if conditions(check["text"], check["columns"]) is None:
            words = re.findall(r"\w+", re.sub(TEXT, "", check["text"]))
            names = [check["columns"][word] for word in words if word in check["columns"]]
            # A check without any value passes, unless it requires one.
            requires_one = "is not null" in check["text"].lower()
            given = [name for name in names if name in body][-1:]
            for name in given or (names[:1] if requires_one else []):
                text = f"CHECK ({' '.join(check['text'].split())})"
                yield name, placeholder(name, text, columns[name].unique)


def _of_reference(
    model: Mapping[str, Any],
    reference: Mapping[str, Any],
    known: Mapping[str, str],
    rows: set[str],
    done: set[str],
) -> dict[str, str]:
    """Return the lines of a foreign key; `done` are the columns that other keys have set."""
    target, columns = reference["target"], reference["columns"]
    shared = [column for column in columns if column in done]
    takes_row = reference["relationship"] in rows
    if target is None or shared or target["name"] not in known:
        names = [reference["relationship"]] if takes_row else [c for c in columns if c not in done]
        row = f"of an existing {target['name']}" if target else "of a row that has no model"
        which = f" with the same {', '.join(shared)}" if shared else ""
        return {name: placeholder(name, row + which) for name in names}
    # Such as `tenant` for `tenant_id`.
    row = re.sub(
        "_(id|uuid|pk)$", "", columns[0] if len(columns) == 1 else to_snake(target["name"])
    )
    is_free = declared(row) == row and all(row != column["name"] for column in model["columns"])
    name = reference["relationship"] or (row if is_free else f"{row.strip('_')}_row")
    pairs = zip(columns, reference["attributes"], strict=True)
    selves = {column: f'SelfAttribute("{declared(name)}.{other}")' for column, other in pairs}
    if takes_row:
        required = model["constructor"]["requires"]
        selves = {column: text for column, text in selves.items() if column in required}
    return {name: f"SubFactory({known[target['name']]})", **selves}
