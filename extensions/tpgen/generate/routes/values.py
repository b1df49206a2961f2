"""Values that a JSON Schema takes: readable, and the same at each call."""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from math import floor
from pathlib import Path
from random import Random
from typing import Any

from tpgen.core.errors import Misuse

from .schemas import FORMATS, Node, Schema, in_python, node_of

# A longer one would cost memory and time, and show no more.
LONGEST_LIST = 10_000


def valid(schema: Schema, document: Schema, name: str) -> Any:
    """A readable value that a schema takes: the same one at each call.

    Args:
        schema: a schema of the document.
        document: what its references point into.
        name: what the value is of; a text is a word made from it.

    Raises:
        Misuse: no such value was found.
    """
    for value in first_of(node_of(schema, document, name)):
        return value
    raise Misuse(
        f"found no value that the schema of {name} takes: give it an example in the source, as "
        "`Field(examples=[…])`, and run this again"
    )


def other(schema: Schema, document: Schema, value: Any) -> Any:
    """Another valid value, unlike this one in one place that names no row, or None."""
    node = node_of(schema, document, "body")
    others = (one for one in _variants(node, value) if one != value)
    return next(filter(node.accepts, others), None)


def full(schema: Schema, document: Schema) -> dict[str, Any] | None:
    """An object with each of its properties, but for nulls and ids of rows; None if there is none."""
    node = node_of(schema, document, "body")
    names = [name for name in node.schema.get("properties", {}) if not names_a_row(name)]
    firsts = {name: _first_of_all(node.child(name)) for name in names}
    value = _paired({name: first[0] for name, first in firsts.items() if first})
    return value if value and node.accepts(value) else None


def places(
    schema: Schema, document: Schema, value: Any
) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    """The places of a valid value, down to the first item of its lists, with their schemas."""
    yield from _places(node_of(schema, document, "body"), value)


def first_of(node: Node) -> list[Any]:
    """The first value that a schema takes, if there is one."""
    return list(islice(filter(node.accepts, _candidates(node)), 1))


def _first_of_all(node: Node) -> list[Any]:
    """The first value that is more than nothing, if there is one."""
    values = (value for value in _candidates(node) if value is not None)
    return list(islice(filter(node.accepts, values), 1))


def _candidates(node: Node) -> Iterator[Any]:
    schema = node.schema
    if schema.get("not") == {}:
        return
    examples = schema.get("examples", [])
    yield from examples if isinstance(examples, list) else ()
    yield from (schema[word] for word in ("example", "const") if word in schema)
    # A null that the source gives as default says that the value is left out.
    yield from (schema["default"] for _ in [0] if schema.get("default") is not None)
    yield from schema.get("enum", ())
    if node.branches:
        yield from chain.from_iterable(map(_candidates, node.branches))
        return
    yield from _MAKERS.get(node.kind, _texts)(node)
    if "pattern" in schema:
        rules = schema["pattern"], schema.get("minLength", 0), schema.get("maxLength", 1000)
        yield from _matching(*rules)


def _objects(node: Node) -> Iterator[Any]:
    known = node.schema.get("properties", {})
    more = node.schema.get("additionalProperties", {})
    names = list(node.schema.get("required", ()))
    spare = [*(name for name in known if name not in names), *(f"key-{n + 1}" for n in range(9))]
    names += spare[: max(node.schema.get("minProperties", 0) - len(names), 0)]
    values = {name: first_of(node.at(known.get(name, more), name)) for name in names}
    if all(values.values()):
        value = {name: first for name, [first] in values.items()}
        yield from (_paired(value), value)


TWIN = re.compile(r"^(confirm|repeat|retype)-|-(again|confirm|confirmation|repeat|repeated)$")
START = re.compile(r"(^|-)(from|start|starts|begin|begins|since)(-|$)")
END = re.compile(r"(^|-)(to|end|ends|until|till)(-|$)")
A_DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")


def _paired(value: dict[str, Any]) -> dict[str, Any]:
    """The same, with each text repeated that is asked for twice, and no end before its start."""
    by_word = {dashed(name): one for name, one in value.items()}
    starts = [one for word, one in by_word.items() if START.search(word) and _is_date(one)]
    paired = dict(value)
    for name, one in value.items():
        word = dashed(name)
        twin = by_word.get(TWIN.sub("", word), one)
        if type(twin) is type(one):
            paired[name] = twin
        if END.search(word) and _is_date(one) and any(one <= start for start in starts):
            paired[name] = f"{int(one[:4]) + 1}{one[4:]}"
    return paired


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and bool(A_DATE.match(value))


def _lists(node: Node) -> Iterator[Any]:
    fixed = [
        first_of(node.items(index)) for index in range(len(node.schema.get("prefixItems", [])))
    ]
    length = max(node.schema.get("minItems", 0), 1)
    value = [one for first in fixed for one in first]
    if len(value) < length:
        value += items_of(node, length - len(value))
    yield value
    yield []


def items_of(node: Node, count: int) -> list[Any]:
    """More items for a list, all different where they must be; fewer where there are no more."""
    item = node.items(LONGEST_LIST)
    first = first_of(item)
    if not first or not node.schema.get("uniqueItems"):
        return first * count
    made = {json.dumps(one): one for one in first}
    for one in filter(item.accepts, _variants(item, first[0], count + 1)):
        if len(made) == count:
            break
        made[json.dumps(one)] = one
    return list(made.values())


def _texts(node: Node) -> Iterator[Any]:
    schema = node.schema
    if sample := FORMATS.get(schema.get("format", schema.get("contentEncoding", ""))):
        yield sample[0]
    if "contentSchema" in schema:
        yield from map(json.dumps, first_of(node.at(schema["contentSchema"])))
    word = dashed(node.name)
    plain = word.replace("-", "")
    shapes = (word, word.replace("-", "_"), plain, plain.title(), plain.upper(), "x", "X", "1")
    for text in shapes:
        yield _fitted(text, schema.get("minLength", 0), schema.get("maxLength", len(text)))


def dashed(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    return re.sub(r"[^a-z0-9]+", "-", parted).strip("-") or "text"


def _fitted(text: str, least: int, most: int) -> str:
    return text[:most] + text[-1] * (least - len(text[:most]))


def _numbers(node: Node) -> Iterator[Any]:
    schema = node.schema
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    bounds = [bound for bound in (low, high) if bound is not None]
    around = [floor(bound / step) * step + n * step for bound in bounds for n in (0, 1, -1)]
    middle = [sum(bounds) / 2] if len(bounds) == 2 else []
    yield from map(whole, [1, *around, *bounds, *middle, step, 0])


def whole(number: float) -> float:
    return int(number) if number == floor(number) else number


@cache
def _matching(pattern: str, least: int, most: int) -> list[str]:
    """The simplest text of a pattern, if any: what Hypothesis finds, the same in each run."""
    import hypothesis
    from hypothesis.configuration import set_hypothesis_home_dir

    # Else it writes tables of its own into the current folder.
    set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
    quiet = hypothesis.settings(
        database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    with suppress(hypothesis.errors.HypothesisException, re.error):
        texts = hypothesis.strategies.from_regex(
            in_python(pattern),
            fullmatch=True,
            alphabet=hypothesis.strategies.characters(codec="ascii"),
        )
        return [
            hypothesis.find(
                texts,
                lambda text: text.isprintable() and least <= len(text) <= most,
                settings=quiet,
                random=Random(0),
            )
        ]
    return []


_MAKERS: dict[str, Callable[[Node], Iterable[Any]]] = {
    "object": _objects,
    "array": _lists,
    "string": _texts,
    "integer": _numbers,
    "number": _numbers,
    "boolean": lambda node: (False, True),
    "null": lambda node: (None,),
}


def _variants(node: Node, value: Any, count: int = 3) -> Iterator[Any]:
    """Values like this one; not all of them are valid."""
    if branch := _branch(node, value):
        yield from _variants(branch, value, count)
        return
    yield from node.schema.get("enum", ())
    if isinstance(value, dict):
        yield from _objects_like(node, value)
    elif isinstance(value, list):
        for one in _variants(node.items(), value[0]) if value else first_of(node.items()):
            yield [one, *value[1:]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        step = node.schema.get("multipleOf", 1)
        yield from (whole(value + sign * n * step) for n in range(1, count + 1) for sign in (1, -1))
    elif isinstance(value, str):
        yield from (_numbered(value, n, node) for n in range(2, count + 2))


def _numbered(text: str, number: int, node: Node) -> str:
    suffix = str(number)
    if node.schema.get("format") == "email":
        return suffix + text
    longer = f"{text}-{suffix}"
    return longer if node.accepts(longer) else text[: -len(suffix)] + suffix


def _objects_like(node: Node, value: dict[str, Any]) -> Iterator[Any]:
    properties = {
        name: node.child(name)
        for name in node.schema.get("properties", {})
        if not names_a_row(name)
    }
    for name, child in properties.items():
        if name in value:
            others = (one for one in _variants(child, value[name]) if one != value[name])
            yield from (_paired({**value, name: one}) for one in filter(child.accepts, others))
    for name, child in properties.items():
        if name not in value:
            yield from ({**value, name: one} for one in first_of(child) if one is not None)


def names_a_row(name: str) -> bool:
    """Whether a property's name says that its value is the id of something."""
    return bool(re.search(r"(^|[_-])id$|[a-z]Id$", name))


def _branch(node: Node, value: Any) -> Node | None:
    return next((branch for branch in node.branches if branch.accepts(value)), None)


def _places(node: Node, value: Any) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    if branch := _branch(node, value):
        yield from _places(branch, value)
        return
    yield (), node.schema
    nested: list[tuple[str | int, Node]] = []
    if isinstance(value, dict):
        nested = [
            (name, node.child(name)) for name in node.schema.get("properties", {}) if name in value
        ]
    elif isinstance(value, list) and value:
        nested = [(0, node.items())]
    for step, child in nested:
        inner = value[step]
        yield from (((step, *path), schema) for path, schema in _places(child, inner))
