"""The schemas of an OpenAPI document: followed, merged, and asked what they accept."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

Schema = Mapping[str, Any]

NEVER: dict[str, Any] = {"not": {}}

BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
# The text of a Decimal, as newer releases of pydantic write it.
DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"


def with_decimals(part: Any) -> Any:
    """A part of a document, with the text of a Decimal told from any text.

    Older releases of pydantic write a Decimal with bounds as a number, or a text without rules.
    """
    if isinstance(part, list):
        return [with_decimals(one) for one in part]
    if not isinstance(part, dict):
        return part
    changed = {word: with_decimals(one) for word, one in part.items()}
    options = changed.get("anyOf")
    if isinstance(options, list) and any(map(_is_bounded, options)):
        told = {"type": "string", "pattern": DECIMAL}
        changed["anyOf"] = [told if one == {"type": "string"} else one for one in options]
    return changed


def _is_bounded(option: Schema) -> bool:
    return option.get("type") == "number" and bool(option.keys() & BOUNDS)


def accepts(schema: Schema, document: Schema, value: Any) -> bool:
    """Whether a schema takes a value."""
    return node_of(schema, document, "value").accepts(value)


def resolved(schema: Schema, document: Schema) -> Schema:
    """A schema, or another part of a document, with its references followed."""
    return node_of(schema, document, "value").schema


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    # What Python can't read is the service's to judge.
    with suppress(re.error):
        check = Draft202012Validator.VALIDATORS["pattern"]
        yield from check(validator, in_python(pattern), value, schema)


def in_python(pattern: str) -> str:
    """A pattern of pydantic's own engine, which writes the end of a text in another way."""
    return pattern.replace(r"\z", r"\Z")


_extend: Callable[..., Any] = extend
_Validator = _extend(Draft202012Validator, {"pattern": _pattern})


@dataclass(frozen=True)
class Node:
    """A schema, its references followed and its `allOf` merged, at its place in a document.

    Attributes:
        above: the references that led here: one that comes again would have no end.
    """

    schema: dict[str, Any]
    document: Schema
    name: str
    above: frozenset[str]

    def at(self, schema: Schema | bool, name: str = "") -> "Node":
        return node_of(schema, self.document, name or self.name, self.above)

    def child(self, name: str) -> "Node":
        return self.at(self.schema["properties"][name], name)

    def items(self, index: int = 0) -> "Node":
        first = self.schema.get("prefixItems", [])
        return self.at(first[index] if index < len(first) else self.schema.get("items", {}))

    def without(self, keyword: str) -> "Node":
        return replace(self, schema={k: v for k, v in self.schema.items() if k != keyword})

    @property
    def kind(self) -> str:
        """Its type, or what its other keywords say."""
        if "type" in self.schema:
            return str(self.schema["type"])
        by_keyword = {"properties": "object", "items": "array"}
        return next((kind for word, kind in by_keyword.items() if word in self.schema), "")

    @cached_property
    def branches(self) -> list["Node"]:
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


def node_of(
    schema: Schema | bool, document: Schema, name: str, above: frozenset[str] = frozenset()
) -> Node:
    if isinstance(schema, bool):
        schema = {} if schema else NEVER
    flat, above = _flat(schema, document, above)
    return Node(flat, document, name, above)


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
