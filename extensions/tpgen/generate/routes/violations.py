"""Malformed values: each breaks one rule of a schema."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from math import ceil, floor
from typing import Any

from .expressions import Change
from .schemas import FORMATS, Node
from .values import LONGEST_LIST, dashed, first_of, items_of, whole

# A longer text would cost memory and time, and show nothing more.
LONGEST_TEXT = 10_000_000
# Values that pydantic refuses for a type even in its lax mode.
WRONG_TYPE = {
    "integer": "seven",
    "number": "seven",
    "boolean": "perhaps",
    "string": 7,
    "array": "text",
    "object": "text",
}

Breaker = Callable[[Node, Any, Any], Iterable[Any]]


def violations(node: Node, value: Any) -> Iterator[Change]:
    """Yield the changes that make a valid value malformed, each result once."""
    seen = set()
    for change in _violations(node, value):
        wrong = change.apply(value)
        text = json.dumps(wrong, sort_keys=True)
        if text not in seen and not node.accepts(wrong):
            seen.add(text)
            yield change


def _violations(node: Node, value: Any) -> Iterator[Change]:
    if node.schema.get("not") == {}:
        return
    for branch in node.branches:
        if branch.accepts(value):
            yield from _violations(branch, value)
        else:
            yield from (Change((), wrong) for wrong in _wrong(branch, first_of(branch)))
    if node.branches:
        return
    for keyword, candidates in _broken(node, value):
        yield from _alone(node, keyword, candidates)
    if isinstance(value, dict):
        yield from _in_object(node, value)
    elif isinstance(value, list):
        yield from _in_list(node, value)


def _wrong(node: Node, values: Iterable[Any]) -> Iterator[Any]:
    """Yield the malformed variants of some values."""
    for value in values:
        yield from (change.apply(value) for change in _violations(node, value))


def _alone(node: Node, keyword: str, candidates: Iterable[Any]) -> Iterator[Change]:
    """Yield the first candidate that breaks only this rule, else the first that breaks it."""
    wrong = [value for value in candidates if not node.accepts(value)]
    first = islice(chain(filter(node.without(keyword).accepts, wrong), wrong), 1)
    yield from (Change((), value) for value in first)


def _broken(node: Node, value: Any) -> Iterator[tuple[str, Iterable[Any]]]:
    """Yield the rules for one value, each with candidates that may break it."""
    schema = node.schema
    fixed = "enum" if "enum" in schema else "const" if "const" in schema else ""
    if fixed:
        yield fixed, _not_members(node, schema.get("enum") or [schema.get("const")])
    elif FORMATS.get(schema.get("format", ""), ("", ""))[1] and node.kind == "string":
        yield "format", [f"no-{schema['format']}"]
    elif node.kind in WRONG_TYPE:
        yield "type", [WRONG_TYPE[node.kind]]
    if fixed or value is None:
        return
    breakers = _BREAKERS.get(node.kind, {})
    for keyword in schema:
        if keyword in breakers:
            yield keyword, breakers[keyword](node, value, schema[keyword])


def _not_members(node: Node, members: list[Any]) -> Iterator[Any]:
    numbers = [member for member in members if isinstance(member, int | float)]
    yield from [max(numbers) + 1] if len(numbers) == len(members) else []
    yield f"no-{dashed(node.name)}"


def _too_short(node: Node, value: str, least: int) -> Iterator[str]:
    if least > 0:
        yield from (value[: least - 1], "x" * (least - 1))


def _too_long(node: Node, value: str, most: int) -> Iterator[str]:
    if most < LONGEST_TEXT:
        last = value[-1:] or "x"
        yield from (text * (most + 1) for text in dict.fromkeys(["x", "1", "X", last]))
        yield value + last * (most + 1 - len(value))


def _unlike_pattern(node: Node, value: str, pattern: str) -> Iterator[str]:
    """Yield a longer number, and the value with one character that the pattern may not allow."""
    if value.isdecimal():
        yield 40 * value[:1]
    middle = len(value) // 2
    for character in "!-_ /aA1\t\xe9\0":
        yield value[:middle] + character + value[middle + 1 :]
    yield from (value + value, value[:-1], "no match", "")


def _too_few(node: Node, value: list[Any], least: int) -> Iterator[Any]:
    if least > 0:
        yield value[: least - 1]


def _too_many(node: Node, value: list[Any], most: int) -> Iterator[Any]:
    if most < LONGEST_LIST:
        more = [] if len(value) > most else items_of(node, most + 1)
        yield (value + more)[: most + 1] if "prefixItems" in node.schema else more


_NUMBER_BREAKERS: dict[str, Breaker] = {
    "minimum": lambda node, value, low: [(ceil(low / _step(node)) - 1) * _step(node)],
    "maximum": lambda node, value, high: [(floor(high / _step(node)) + 1) * _step(node)],
    "exclusiveMinimum": lambda node, value, low: [whole(low)],
    "exclusiveMaximum": lambda node, value, high: [whole(high)],
    "multipleOf": lambda node, value, step: [value + 1, value + step / 2],
}

# Without `uniqueItems`: pydantic writes it for a set, which accepts equal items.
_BREAKERS: dict[str, dict[str, Breaker]] = {
    "string": {"minLength": _too_short, "maxLength": _too_long, "pattern": _unlike_pattern},
    "array": {"minItems": _too_few, "maxItems": _too_many},
    "object": {"minProperties": lambda node, value, least: [{}]},
    "integer": _NUMBER_BREAKERS,
    "number": _NUMBER_BREAKERS,
}


def _step(node: Node) -> float:
    return whole(node.schema.get("multipleOf", 1))


def _in_object(node: Node, value: dict[str, Any]) -> Iterator[Change]:
    schema = node.schema
    yield from (Change((name,), is_removal=True) for name in schema.get("required", ()))
    for name, child in node.properties.items():
        if name in value:
            yield from (change.below(name) for change in _violations(child, value[name]))
        else:
            yield from (Change((name,), wrong) for wrong in _wrong(child, first_of(child)))
    more = schema.get("additionalProperties")
    if more is False:
        yield Change(("unknown",), 1)
    elif more:
        child = node.at(more, "key")
        yield from (Change(("key",), wrong) for wrong in _wrong(child, first_of(child)))


def _in_list(node: Node, value: list[Any]) -> Iterator[Change]:
    if not value:
        # An empty default does not show what an item must be.
        yield from (Change((), [wrong]) for wrong in _wrong(node.items(), items_of(node, 1)))
    count = max(len(node.schema.get("prefixItems", [])), 1)
    for index, item in enumerate(value[:count]):
        yield from (change.below(index) for change in _violations(node.items(index), item))
