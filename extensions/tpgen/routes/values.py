"""Values for a JSON Schema of an OpenAPI document: a valid one, and ones that break one rule."""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cache, cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from itertools import chain, islice
from math import ceil, floor
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

from tpgen.errors import Misuse

Schema = Mapping[str, Any]

# More than these in a test would cost memory and time, and show no more.
LONGEST_TEXT = 10_000_000
LONGEST_LIST = 10_000

# From here on a repetition is written as one.
REPEATED = 12

NEVER: dict[str, Any] = {"not": {}}


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


def valid(schema: Schema, document: Schema, name: str) -> Any:
    """A readable value that a schema takes: the same one at each call.

    Args:
        schema: a schema of the document.
        document: what its references point into.
        name: what the value is of; a text is a word made from it.

    Raises:
        Misuse: no such value was found.
    """
    for value in _first(_node(schema, document, name)):
        return value
    raise Misuse(
        f"found no value that the schema of {name} takes: give it an example in the source, as "
        "`Field(examples=[…])`, and run this again"
    )


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
    node = _node(schema, document, name)
    seen = set()
    for violation in _violations(node, value):
        text = json.dumps(violation.value, sort_keys=True)
        if text not in seen and not node.accepts(violation.value):
            seen.add(text)
            yield violation


def other(schema: Schema, document: Schema, value: Any) -> Any:
    """Another valid value, unlike this one in one place that names no row, or None."""
    node = _node(schema, document, "body")
    others = (one for one in _variants(node, value) if one != value)
    return next(filter(node.accepts, others), None)


def accepts(schema: Schema, document: Schema, value: Any) -> bool:
    """Whether a schema takes a value."""
    return _node(schema, document, "value").accepts(value)


def resolved(schema: Schema, document: Schema) -> Schema:
    """A schema, or another part of a document, with its references followed."""
    return _node(schema, document, "value").schema


def places(
    schema: Schema, document: Schema, value: Any
) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    """The places of a valid value, down to the first item of its lists, with their schemas."""
    yield from _places(_node(schema, document, "body"), value)


def source(value: Any) -> str:
    """A value as Python source, with long repetitions as such: `201 * "x"`."""
    if isinstance(value, dict):
        pairs = (f"{source(key)}: {source(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        if len(value) >= REPEATED and all(one == value[0] for one in value):
            return f"{len(value)} * [{source(value[0])}]"
        return f"[{', '.join(map(source, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(source, value))}{',' * (len(value) == 1)})"
    if isinstance(value, str):
        return _text_source(value)
    if isinstance(value, bytes):
        return f"b{_quoted(value.decode('latin-1'))}"
    return repr(value)


def _text_source(text: str) -> str:
    run = rf"{{{REPEATED - 1},}}"
    pieces = re.finditer(rf"(.)\1{run}|(?:(?!(.)\2{run}).)+", text, re.DOTALL)
    return " + ".join(_piece(match[0]) for match in pieces) or '""'


def _piece(text: str) -> str:
    if len(text) >= REPEATED and len(set(text)) == 1:
        return f"{len(text)} * {_quoted(text[0])}"
    return _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    # What Python can't read is the service's to judge.
    with suppress(re.error):
        check = Draft202012Validator.VALIDATORS["pattern"]
        yield from check(validator, _in_python(pattern), value, schema)


def _in_python(pattern: str) -> str:
    """A pattern of pydantic's own engine, which writes the end of a text in another way."""
    return pattern.replace(r"\z", r"\Z")


_extend: Callable[..., Any] = extend
_Validator = _extend(Draft202012Validator, {"pattern": _pattern})


@dataclass(frozen=True)
class _Node:
    """A schema, its references followed and its `allOf` merged, at its place in a document.

    Attributes:
        above: the references that led here: one that comes again would have no end.
    """

    schema: dict[str, Any]
    document: Schema
    name: str
    above: frozenset[str]

    def at(self, schema: Schema | bool, name: str = "") -> "_Node":
        return _node(schema, self.document, name or self.name, self.above)

    def child(self, name: str) -> "_Node":
        return self.at(self.schema["properties"][name], name)

    def items(self, index: int = 0) -> "_Node":
        first = self.schema.get("prefixItems", [])
        return self.at(first[index] if index < len(first) else self.schema.get("items", {}))

    def without(self, keyword: str) -> "_Node":
        return replace(self, schema={k: v for k, v in self.schema.items() if k != keyword})

    @property
    def kind(self) -> str:
        """Its type, or what its other keywords say."""
        if "type" in self.schema:
            return str(self.schema["type"])
        by_keyword = {"properties": "object", "items": "array"}
        return next((kind for word, kind in by_keyword.items() if word in self.schema), "")

    @cached_property
    def branches(self) -> list["_Node"]:
        """Its alternatives, null the last one; none where it has but one form."""
        schema, kind = self.schema, self.schema.get("type")
        options = schema.get("anyOf") or schema.get("oneOf") or []
        if not options and isinstance(kind, list):
            options = [{"type": one} for one in kind]
        left_out = {"anyOf", "oneOf", "default", "type" if isinstance(kind, list) else ""}
        common = {word: rule for word, rule in schema.items() if word not in left_out}
        nodes = [self.at(option) for option in options]
        nodes = [replace(node, schema=_merged(common, node.schema)) for node in nodes]
        return sorted(nodes, key=lambda node: node.kind == "null")

    def accepts(self, value: Any) -> bool:
        return bool(self._validator.is_valid(value))

    @cached_property
    def _validator(self) -> Any:
        return _Validator(self.whole, format_checker=_checker)

    @property
    def whole(self) -> dict[str, Any]:
        """The schema with what its references point to."""
        shared = {
            word: self.document[word] for word in ("components", "$defs") if word in self.document
        }
        return {**self.schema, **shared}


def _node(
    schema: Schema | bool, document: Schema, name: str, above: frozenset[str] = frozenset()
) -> _Node:
    if isinstance(schema, bool):
        schema = {} if schema else NEVER
    flat, above = _flat(schema, document, above)
    return _Node(flat, document, name, above)


def _flat(
    schema: Schema, document: Schema, above: frozenset[str]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Follow the references of a schema and merge its `allOf`."""
    parts, here = list(schema.get("allOf", ())), above
    if reference := schema.get("$ref"):
        if reference in above:
            return NEVER, above
        here = above | {reference}
        parts.append(_target(reference, document))
    merged: dict[str, Any] = {}
    followed = here
    for part in parts:
        flat, more = _flat(part, document, here)
        merged, followed = _merged(merged, flat), followed | more
    own = {word: rule for word, rule in schema.items() if word not in ("$ref", "allOf")}
    return _merged(merged, own), followed


def _target(reference: str, document: Schema) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def _merged(one: Schema, two: Schema) -> dict[str, Any]:
    both = {**one, **two}
    if "properties" in one and "properties" in two:
        both["properties"] = {**one["properties"], **two["properties"]}
    if "required" in one and "required" in two:
        both["required"] = list(dict.fromkeys([*one["required"], *two["required"]]))
    return both


def _like(pattern: str) -> Callable[[str], object]:
    def read(text: str) -> object:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return read


def _url(text: str) -> object:
    if not urlsplit(text).scheme:
        raise ValueError(text)
    return text


# An example of each format, and what reads it, where a malformed one is refused by services.
# Addresses and domains are the ones reserved for examples.
FORMATS: dict[str, tuple[str, Callable[[str], object] | None]] = {
    "uuid": ("00000000-0000-4000-8000-000000000001", UUID),
    **{f"uuid{n}": (f"00000000-0000-{n}000-8000-000000000001", UUID) for n in range(1, 9)},
    "date": ("2026-01-31", date.fromisoformat),
    "date-time": ("2026-01-31T12:00:00Z", datetime.fromisoformat),
    "time": ("12:00:00", time.fromisoformat),
    "duration": ("PT1H", _like(r"-?P(?=.)(\d+[YMWD])*(T(\d+(\.\d+)?[HMS])+)?")),
    "email": ("name@example.com", _like(r"[^@\s]+@[^@\s]+\.\w+")),
    "name-email": ("name@example.com", _like(r".*[^@\s]+@[^@\s]+\.\w+>?")),
    "uri": ("https://example.com/", _url),
    "url": ("https://example.com/", _url),
    "multi-host-uri": ("postgresql://example.com/name", _url),
    "hostname": ("example.com", None),
    "ipv4": ("192.0.2.1", IPv4Address),
    "ipv6": ("2001:db8::1", IPv6Address),
    "ipv4network": ("192.0.2.0/24", IPv4Network),
    "ipv6network": ("2001:db8::/32", IPv6Network),
    "ipvanyaddress": ("192.0.2.1", ip_address),
    "ipvanynetwork": ("192.0.2.0/24", ip_network),
    "ipvanyinterface": ("192.0.2.1/24", ip_interface),
    "json-string": ("{}", json.loads),
    "byte": ("aGVsbG8=", None),
    "base64": ("aGVsbG8=", None),
    "base64url": ("aGVsbG8=", None),
}

_checker = FormatChecker(formats=())


def _add(format: str, read: Callable[[str], object]) -> None:
    @_checker.checks(format, raises=ValueError)
    def is_one(value: object) -> bool:
        if isinstance(value, str):
            read(value)
        return True


for _format, (_, _read) in FORMATS.items():
    if _read:
        _add(_format, _read)


def _first(node: _Node) -> list[Any]:
    """The first value that a schema takes, if there is one."""
    return list(islice(filter(node.accepts, _candidates(node)), 1))


def _candidates(node: _Node) -> Iterator[Any]:
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


def _objects(node: _Node) -> Iterator[Any]:
    known = node.schema.get("properties", {})
    more = node.schema.get("additionalProperties", {})
    names = list(node.schema.get("required", ()))
    for number in range(node.schema.get("minProperties", 0) - len(names)):
        names.append(f"key-{number + 1}")
    values = {name: _first(node.at(known.get(name, more), name)) for name in names}
    if all(values.values()):
        yield {name: first for name, [first] in values.items()}


def _lists(node: _Node) -> Iterator[Any]:
    fixed = [_first(node.items(index)) for index in range(len(node.schema.get("prefixItems", [])))]
    length = max(node.schema.get("minItems", 0), 1)
    value = [one for first in fixed for one in first]
    if len(value) < length:
        value += _items(node, length - len(value))
    yield value
    yield []


def _items(node: _Node, count: int) -> list[Any]:
    """More items for a list, all different where they must be; fewer where there are no more."""
    item = node.items(LONGEST_LIST)
    first = _first(item)
    if not first or not node.schema.get("uniqueItems"):
        return first * count
    made = {json.dumps(one): one for one in first}
    for one in filter(item.accepts, _variants(item, first[0], count + 1)):
        if len(made) == count:
            break
        made[json.dumps(one)] = one
    return list(made.values())


def _texts(node: _Node) -> Iterator[Any]:
    schema = node.schema
    if sample := FORMATS.get(schema.get("format", schema.get("contentEncoding", ""))):
        yield sample[0]
    if "contentSchema" in schema:
        yield from map(json.dumps, _first(node.at(schema["contentSchema"])))
    word = _word(node.name)
    plain = word.replace("-", "")
    shapes = (word, word.replace("-", "_"), plain, plain.title(), plain.upper(), "x", "X", "1")
    for text in shapes:
        yield _fitted(text, schema.get("minLength", 0), schema.get("maxLength", len(text)))


def _word(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    return re.sub(r"[^a-z0-9]+", "-", parted).strip("-") or "text"


def _fitted(text: str, least: int, most: int) -> str:
    return text[:most] + text[-1] * (least - len(text[:most]))


def _numbers(node: _Node) -> Iterator[Any]:
    schema = node.schema
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    bounds = [bound for bound in (low, high) if bound is not None]
    around = [floor(bound / step) * step + n * step for bound in bounds for n in (0, 1, -1)]
    middle = [sum(bounds) / 2] if len(bounds) == 2 else []
    yield from map(_whole, [1, *around, *bounds, *middle, step, 0])


def _whole(number: float) -> float:
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
            _in_python(pattern),
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


_MAKERS: dict[str, Callable[[_Node], Iterable[Any]]] = {
    "object": _objects,
    "array": _lists,
    "string": _texts,
    "integer": _numbers,
    "number": _numbers,
    "boolean": lambda node: (False, True),
    "null": lambda node: (None,),
}


def _variants(node: _Node, value: Any, count: int = 3) -> Iterator[Any]:
    """Values like this one; not all of them are valid."""
    if branch := _branch(node, value):
        yield from _variants(branch, value, count)
        return
    yield from node.schema.get("enum", ())
    if isinstance(value, dict):
        yield from _objects_like(node, value)
    elif isinstance(value, list):
        for one in _variants(node.items(), value[0]) if value else _first(node.items()):
            yield [one, *value[1:]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        step = node.schema.get("multipleOf", 1)
        yield from (
            _whole(value + sign * n * step) for n in range(1, count + 1) for sign in (1, -1)
        )
    elif isinstance(value, str):
        yield from (_numbered(value, n, node) for n in range(2, count + 2))


def _numbered(text: str, number: int, node: _Node) -> str:
    suffix = str(number)
    if node.schema.get("format") == "email":
        return suffix + text
    longer = f"{text}-{suffix}"
    return longer if node.accepts(longer) else text[: -len(suffix)] + suffix


def _objects_like(node: _Node, value: dict[str, Any]) -> Iterator[Any]:
    properties = {
        name: node.child(name)
        for name in node.schema.get("properties", {})
        if not names_a_row(name)
    }
    for name, child in properties.items():
        if name in value:
            others = (one for one in _variants(child, value[name]) if one != value[name])
            yield from ({**value, name: one} for one in filter(child.accepts, others))
    for name, child in properties.items():
        if name not in value:
            yield from ({**value, name: one} for one in _first(child) if one is not None)


def names_a_row(name: str) -> bool:
    """Whether a property's name says that its value is the id of something."""
    return bool(re.search(r"(^|[_-])id$|[a-z]Id$", name))


def _branch(node: _Node, value: Any) -> _Node | None:
    return next((branch for branch in node.branches if branch.accepts(value)), None)


def _places(node: _Node, value: Any) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    if branch := _branch(node, value):
        yield from _places(branch, value)
        return
    yield (), node.schema
    nested: list[tuple[str | int, _Node]] = []
    if isinstance(value, dict):
        nested = [
            (name, node.child(name)) for name in node.schema.get("properties", {}) if name in value
        ]
    elif isinstance(value, list) and value:
        nested = [(0, node.items())]
    for step, child in nested:
        inner = value[step]
        yield from (((step, *path), schema) for path, schema in _places(child, inner))


# What pydantic too takes for no such type, also where it is lax.
WRONG_TYPE = {
    "integer": "seven",
    "number": "seven",
    "boolean": "perhaps",
    "string": 7,
    "array": "text",
    "object": "text",
}


def _violations(node: _Node, value: Any) -> Iterator[Violation]:
    if node.schema.get("not") == {}:
        return
    for branch in node.branches:
        for base in [value] if branch.accepts(value) else _first(branch):
            yield from _violations(branch, base)
    if node.branches:
        return
    for keyword, candidates in _broken(node, value):
        yield from _alone(node, keyword, candidates)
    if isinstance(value, dict):
        yield from _in_object(node, value)
    elif isinstance(value, list):
        yield from _in_list(node, value)


def _alone(node: _Node, keyword: str, candidates: Iterable[Any]) -> Iterator[Violation]:
    """The first candidate that breaks this rule, and no other if there is one."""
    wrong = [value for value in candidates if not node.accepts(value)]
    alone = filter(node.without(keyword).accepts, wrong)
    for value in islice(chain(alone, wrong), 1):
        yield Violation((), keyword, value)


def _broken(node: _Node, value: Any) -> Iterator[tuple[str, Iterable[Any]]]:
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


def _no_members(node: _Node, members: list[Any]) -> Iterator[Any]:
    numbers = [member for member in members if isinstance(member, int | float)]
    yield from [max(numbers) + 1] if len(numbers) == len(members) else []
    yield f"no-{_word(node.name)}"


def _too_short(node: _Node, value: str, least: int) -> Iterator[str]:
    if least > 0:
        yield from (value[: least - 1], "x" * (least - 1))


def _too_long(node: _Node, value: str, most: int) -> Iterator[str]:
    if most < LONGEST_TEXT:
        last = value[-1:] or "x"
        yield from (text * (most + 1) for text in dict.fromkeys(["x", "1", "X", last]))
        yield value + last * (most + 1 - len(value))


def _unlike_pattern(node: _Node, value: str, pattern: str) -> Iterator[str]:
    """A longer number, or the value with one character that the pattern has no place for."""
    if value.isdecimal():
        yield 40 * value[:1]
    middle = len(value) // 2
    for character in "!-_ /aA1\t\xe9\0":
        yield value[:middle] + character + value[middle + 1 :]
    yield from (value + value, value[:-1], "no match", "")


def _too_few(node: _Node, value: list[Any], least: int) -> Iterator[Any]:
    if least > 0:
        yield value[: least - 1]


def _too_many(node: _Node, value: list[Any], most: int) -> Iterator[Any]:
    if most < LONGEST_LIST:
        more = [] if len(value) > most else _items(node, most + 1)
        yield (value + more)[: most + 1] if "prefixItems" in node.schema else more


_NUMBER_BREAKERS: dict[str, Callable[[_Node, Any, Any], Iterable[Any]]] = {
    "minimum": lambda node, value, low: [(ceil(low / _step(node)) - 1) * _step(node)],
    "maximum": lambda node, value, high: [(floor(high / _step(node)) + 1) * _step(node)],
    "exclusiveMinimum": lambda node, value, low: [_whole(low)],
    "exclusiveMaximum": lambda node, value, high: [_whole(high)],
    "multipleOf": lambda node, value, step: [value + 1, value + step / 2],
}

# `uniqueItems` is not here: it is how pydantic writes a set, and a set takes what comes twice.
_BREAKERS: dict[str, dict[str, Callable[[_Node, Any, Any], Iterable[Any]]]] = {
    "string": {"minLength": _too_short, "maxLength": _too_long, "pattern": _unlike_pattern},
    "array": {"minItems": _too_few, "maxItems": _too_many},
    "object": {"minProperties": lambda node, value, least: [{}]},
    "integer": _NUMBER_BREAKERS,
    "number": _NUMBER_BREAKERS,
}


def _step(node: _Node) -> float:
    return _whole(node.schema.get("multipleOf", 1))


def _in_object(node: _Node, value: dict[str, Any]) -> Iterator[Violation]:
    schema = node.schema
    for name in schema.get("required", ()):
        yield Violation((name,), "required", {key: value[key] for key in value if key != name})
    for name in schema.get("properties", {}):
        child = node.child(name)
        for base in [value[name]] if name in value else _first(child):
            for one in _violations(child, base):
                yield replace(one, path=(name, *one.path), value={**value, name: one.value})
    more = schema.get("additionalProperties")
    if more is False:
        yield Violation(("unknown",), "additionalProperties", {**value, "unknown": 1})
    elif more:
        child = node.at(more, "key")
        for one in chain.from_iterable(_violations(child, base) for base in _first(child)):
            yield replace(one, path=("key", *one.path), value={**value, "key": one.value})


def _in_list(node: _Node, value: list[Any]) -> Iterator[Violation]:
    # An empty default hides what an item must be.
    value = value or _items(node, 1)
    count = max(len(node.schema.get("prefixItems", [])), 1)
    for index, item in enumerate(value[:count]):
        for one in _violations(node.items(index), item):
            changed = [*value[:index], one.value, *value[index + 1 :]]
            yield replace(one, path=(index, *one.path), value=changed)
