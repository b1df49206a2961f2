"""Malformed values: ones that break one rule of a JSON Schema."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from math import ceil, floor
from typing import Any

from .schemas import FORMATS, Node, Schema, node_of
from .values import LONGEST_LIST, dashed, first_of, items_of, whole

# A longer one would cost memory and time, and show no more.
LONGEST_TEXT = 10_000_000


@dataclass(frozen=True)
class Violation:
    """A value that breaks one rule of a schema.

    Attributes:
        path: where in the value.
        why: the keyword of the broken rule, such as `maxLength`.
        value: the whole malformed value.
    """

    path: tuple[str | int, ...]
    why: str
    value: Any


def violations(
    schema: Schema, document: Schema, value: Any, name: str = "body"
) -> Iterator[Violation]:
    """Malformed variants of a valid value, each once.

    Args:
        schema: a schema of the document.
        document: what its references point into.
        value: a valid value.
        name: what the value is of.
    """
    node = node_of(schema, document, name)
    seen = set()
    for violation in _violations(node, value):
        text = json.dumps(violation.value, sort_keys=True)
        if text not in seen and not node.accepts(violation.value):
            seen.add(text)
            yield violation


# What pydantic too takes for no such type, also where it is lax.
WRONG_TYPE = {
    "integer": "seven",
    "number": "seven",
    "boolean": "perhaps",
    "string": 7,
    "array": "text",
    "object": "text",
}


def _violations(node: Node, value: Any) -> Iterator[Violation]:
    if node.schema.get("not") == {}:
        return
    for branch in node.branches:
        for base in [value] if branch.accepts(value) else first_of(branch):
            yield from _violations(branch, base)
    if node.branches:
        return
    for keyword, candidates in _broken(node, value):
        yield from _alone(node, keyword, candidates)
    if isinstance(value, dict):
        yield from _in_object(node, value)
    elif isinstance(value, list):
        yield from _in_list(node, value)


def _alone(node: Node, keyword: str, candidates: Iterable[Any]) -> Iterator[Violation]:
    """The first candidate that breaks this rule, and no other if there is one."""
    wrong = [value for value in candidates if not node.accepts(value)]
    alone = filter(node.without(keyword).accepts, wrong)
    for value in islice(chain(alone, wrong), 1):
        yield Violation((), keyword, value)


def _broken(node: Node, value: Any) -> Iterator[tuple[str, Iterable[Any]]]:
    """The rules of one value, each with candidates that may break it."""
    schema = node.schema
    read = FORMATS.get(schema.get("format", ""), ("", None))[1]
    fixed = "enum" if "enum" in schema else "const" if "const" in schema else ""
    if fixed:
        yield fixed, _no_members(node, schema.get("enum") or [schema.get("const")])
    elif read and node.kind == "string":
        yield "format", [f"no-{schema['format']}"]
    elif "contentSchema" in schema:
        yield "contentSchema", []
    elif node.kind in WRONG_TYPE:
        yield "type", [WRONG_TYPE[node.kind]]
    if fixed or value is None:
        return
    breakers = _BREAKERS.get(node.kind, {})
    for keyword in schema:
        if keyword in breakers:
            yield keyword, breakers[keyword](node, value, schema[keyword])


def _no_members(node: Node, members: list[Any]) -> Iterator[Any]:
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
    """A longer number, or the value with one character that the pattern has no place for."""
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


_NUMBER_BREAKERS: dict[str, Callable[[Node, Any, Any], Iterable[Any]]] = {
    "minimum": lambda node, value, low: [(ceil(low / _step(node)) - 1) * _step(node)],
    "maximum": lambda node, value, high: [(floor(high / _step(node)) + 1) * _step(node)],
    "exclusiveMinimum": lambda node, value, low: [whole(low)],
    "exclusiveMaximum": lambda node, value, high: [whole(high)],
    "multipleOf": lambda node, value, step: [value + 1, value + step / 2],
}

# `uniqueItems` is not here: it is how pydantic writes a set, and a set takes what comes twice.
_BREAKERS: dict[str, dict[str, Callable[[Node, Any, Any], Iterable[Any]]]] = {
    "string": {"minLength": _too_short, "maxLength": _too_long, "pattern": _unlike_pattern},
    "array": {"minItems": _too_few, "maxItems": _too_many},
    "object": {"minProperties": lambda node, value, least: [{}]},
    "integer": _NUMBER_BREAKERS,
    "number": _NUMBER_BREAKERS,
}


def _step(node: Node) -> float:
    return whole(node.schema.get("multipleOf", 1))


def _in_object(node: Node, value: dict[str, Any]) -> Iterator[Violation]:
    schema = node.schema
    for name in schema.get("required", ()):
        yield Violation((name,), "required", {key: value[key] for key in value if key != name})
    for name in schema.get("properties", {}):
        child = node.child(name)
        for base in [value[name]] if name in value else first_of(child):
            for one in _violations(child, base):
                yield replace(one, path=(name, *one.path), value={**value, name: one.value})
    more = schema.get("additionalProperties")
    if more is False:
        yield Violation(("unknown",), "additionalProperties", {**value, "unknown": 1})
    elif more:
        child = node.at(more, "key")
        for one in chain.from_iterable(_violations(child, base) for base in first_of(child)):
            yield replace(one, path=("key", *one.path), value={**value, "key": one.value})


def _in_list(node: Node, value: list[Any]) -> Iterator[Violation]:
    # An empty default hides what an item must be.
    value = value or items_of(node, 1)
    count = max(len(node.schema.get("prefixItems", [])), 1)
    for index, item in enumerate(value[:count]):
        for one in _violations(node.items(index), item):
            changed = [*value[:index], one.value, *value[index + 1 :]]
            yield replace(one, path=(index, *one.path), value=changed)
