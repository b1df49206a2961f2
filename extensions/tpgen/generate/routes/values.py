"""Valid values of a schema: readable, and the same in each run."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from math import floor
from typing import Any

from tpgen.core.errors import UserError

from .patterns import matching
from .schemas import FORMATS, Node

# A longer list would cost memory and time, and show nothing more.
LONGEST_LIST = 10_000
# The number of different texts or numbers that are tried.
ALTERNATIVES = 100


def valid(node: Node) -> Any:
    """Return a readable value that a schema accepts.

    Raises:
        UserError: no such value was found.
    """
    for value in first_of(node):
        return value
    raise UserError(
        f"found no value that the schema of {node.name} accepts: give it an example in the "
        "source, as `Field(examples=[…])`, and run this again"
    )


def other(node: Node, value: Any) -> Any:
    """Return a valid value that differs from another one in one place, or None.

    The place is never the id of a row, which would have to exist.
    """
    return next(filter(node.accepts, _variants(node, value)), None)


def places(node: Node, value: Any) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """Yield each place in a valid value and its schema; of a list only the first item."""
    node = node.branch_of(value)
    yield (), node
    nested: list[tuple[str | int, Node]] = []
    if isinstance(value, dict):
        nested = [(name, child) for name, child in node.properties.items() if name in value]
    elif isinstance(value, list) and value:
        nested = [(0, node.items())]
    for step, child in nested:
        yield from (((step, *path), inner) for path, inner in places(child, value[step]))


def first_of(node: Node) -> list[Any]:
    """Return the first value that a schema accepts, if there is one."""
    return list(islice(filter(node.accepts, _candidates(node)), 1))


def items_of(node: Node, count: int) -> list[Any]:
    """Return items for a list; different ones, or fewer, if they must be unique."""
    item = node.items(LONGEST_LIST)
    first = first_of(item)
    if not first or not node.schema.get("uniqueItems"):
        return count * first
    found = {json.dumps(value): value for value in first}
    for value in filter(item.accepts, _variants(item, first[0])):
        if len(found) == count:
            break
        found[json.dumps(value)] = value
    return list(found.values())


def names_a_row(name: str) -> bool:
    """Return whether the name of a property says that its value is the id of something."""
    return bool(re.search(r"(^|[_-])id$|[a-z]Id$", name))


def dashed(name: str) -> str:
    """Return a name in lowercase words with dashes: `page-token` for `pageToken`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    return re.sub(r"[^a-z0-9]+", "-", parted).strip("-") or "text"


def whole(number: float) -> float:
    """Return a number as an integer if it is one."""
    return int(number) if number == floor(number) else number


def _candidates(node: Node) -> Iterator[Any]:
    """Yield values that the schema may accept, the most readable first."""
    schema = node.schema
    if schema.get("not") == {}:
        return
    examples = schema.get("examples", [])
    yield from examples if isinstance(examples, list) else ()
    yield from (schema[word] for word in ("example", "const") if word in schema)
    # A default of None means that the property is left out.
    yield from (schema["default"] for _ in [0] if schema.get("default") is not None)
    yield from schema.get("enum", ())
    if node.branches:
        yield from chain.from_iterable(map(_candidates, node.branches))
    else:
        yield from _MAKERS.get(node.kind, _texts)(node)


def _variants(node: Node, value: Any) -> Iterator[Any]:
    """Yield values that differ from a valid one in one place, valid or not."""
    node = node.branch_of(value)
    if isinstance(value, dict):
        for name, child in node.properties.items():
            if names_a_row(name):
                continue
            changed = _variants(child, value[name]) if name in value else _candidates(child)
            known = (new for new in filter(child.accepts, changed) if new is not None)
            yield from ({**value, name: new} for new in known)
    elif isinstance(value, list) and value:
        yield from ([first, *value[1:]] for first in _variants(node.items(), value[0]))
    elif isinstance(value, str) and node.kind == "string":
        yield from (new for new in chain(_numbered(value, node), _candidates(node)) if new != value)
    else:
        yield from (new for new in _candidates(node) if new != value)


def _objects(node: Node) -> Iterator[Any]:
    known = node.schema.get("properties", {})
    more = node.schema.get("additionalProperties", {})
    names = list(node.schema.get("required", ()))
    spare = [*(name for name in known if name not in names), *(f"key-{n + 1}" for n in range(9))]
    names += spare[: max(node.schema.get("minProperties", 0) - len(names), 0)]
    values = {name: first_of(node.at(known.get(name, more), name)) for name in names}
    if all(values.values()):
        yield {name: value for name, [value] in values.items()}


def _lists(node: Node) -> Iterator[Any]:
    fixed = range(len(node.schema.get("prefixItems", ())))
    value = [item for index in fixed for item in first_of(node.items(index))]
    length = max(node.schema.get("minItems", 0), 1)
    if len(value) < length:
        value += items_of(node, length - len(value))
    yield value
    yield []


def _texts(node: Node) -> Iterator[Any]:
    schema = node.schema
    if sample := FORMATS.get(schema.get("format", "")):
        yield sample[0]
    word = dashed(node.name)
    plain = word.replace("-", "")
    least = schema.get("minLength", 0)
    for text in (word, word.replace("-", "_"), plain, plain.title(), plain.upper(), "x", "X", "1"):
        yield _fitted(text, least, schema.get("maxLength", len(text)))
    if "pattern" in schema:
        yield from matching(schema["pattern"], least)


def _numbered(text: str, node: Node) -> Iterator[str]:
    """Yield variants of a text: `name-2`, `nam2` if that is too long, `2name@…` of an address."""
    for number in map(str, range(2, ALTERNATIVES)):
        if node.schema.get("format") == "email":
            yield number + text
        longer = f"{text}-{number}"
        yield longer if node.accepts(longer) else text[: -len(number)] + number


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
    start = floor((low or 0) / step) * step
    more = (start + number * step for number in range(1, ALTERNATIVES))
    yield from map(whole, [1, *around, *bounds, *middle, *more, 0])


_MAKERS: dict[str, Callable[[Node], Iterable[Any]]] = {
    "object": _objects,
    "array": _lists,
    "string": _texts,
    "integer": _numbers,
    "number": _numbers,
    "boolean": lambda node: (False, True),
    "null": lambda node: (None,),
}
