"""Schemas of an OpenAPI document: resolve them, and ask which values they accept."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

Schema = Mapping[str, Any]

NEVER: dict[str, Any] = {"not": {}}

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_IPV4, _IPV6 = r"\d+(\.\d+){3}", r"[0-9a-fA-F.]*:[0-9a-fA-F:.]*"
# An example of each format, and the pattern of its texts if services refuse other texts.
# Addresses and domains are the ones reserved for examples.
FORMATS = {
    "uuid": ("00000000-0000-4000-8000-000000000001", _UUID),
    **{f"uuid{n}": (f"00000000-0000-{n}000-8000-000000000001", _UUID) for n in range(1, 9)},
    "date": ("2026-01-31", r"\d{4}-\d\d-\d\d"),
    "date-time": ("2026-01-31T12:00:00Z", r"\d{4}-\d\d-\d\d.*"),
    "time": ("12:00:00", r"\d\d:\d\d.*"),
    "duration": ("PT1H", r"-?P.+"),
    "email": ("name@example.com", r"[^@\s]+@[^@\s]+\.\w+"),
    "uri": ("https://example.com/", r"\w+:.+"),
    "url": ("https://example.com/", r"\w+:.+"),
    "hostname": ("example.com", ""),
    "ipv4": ("192.0.2.1", _IPV4),
    "ipv6": ("2001:db8::1", _IPV6),
}

_checker = FormatChecker(formats=())


def _has_form(pattern: str, value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(pattern, value, re.DOTALL))


for _format, (_, _form) in FORMATS.items():
    if _form:
        _checker.checks(_format)(partial(_has_form, _form))


def in_python(pattern: str) -> str:
    """Return a pattern of Rust, the language of pydantic's engine, as one of Python."""
    return pattern.replace(r"\z", r"\Z")


def _check_pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    # A pattern that Python can't read accepts any text.
    with suppress(re.error):
        check = Draft202012Validator.VALIDATORS["pattern"]
        yield from check(validator, in_python(pattern), value, schema)


_extend: Callable[..., Any] = extend
_Validator = _extend(Draft202012Validator, {"pattern": _check_pattern})


@dataclass(frozen=True)
class Node:
    """A schema with its references followed and its `allOf` merged.

    Attributes:
        document: the OpenAPI document that the references point into.
        name: of the property or parameter; texts are made from it.
        above: the references that led here; one that is repeated would never end.
    """

    schema: dict[str, Any]
    document: Schema
    name: str
    above: frozenset[str]

    def at(self, schema: Schema | bool, name: str = "") -> "Node":
        """Return the node of another schema below this one."""
        return node_of(schema, self.document, name or self.name, self.above)

    def child(self, name: str) -> "Node":
        """Return the node of a property."""
        return self.at(self.schema["properties"][name], name)

    def items(self, index: int = 0) -> "Node":
        """Return the node of the item at an index of a list."""
        first = self.schema.get("prefixItems", [])
        return self.at(first[index] if index < len(first) else self.schema.get("items", {}))

    def without(self, keyword: str) -> "Node":
        """Return the same schema without one of its rules."""
        return replace(self, schema={k: v for k, v in self.schema.items() if k != keyword})

    @property
    def properties(self) -> dict[str, "Node"]:
        """Return the nodes of all properties, by name."""
        return {name: self.child(name) for name in self.schema.get("properties", {})}

    @property
    def kind(self) -> str:
        """Return the type, or what other keywords imply."""
        if "type" in self.schema:
            return str(self.schema["type"])
        by_keyword = {"properties": "object", "items": "array"}
        return next((kind for word, kind in by_keyword.items() if word in self.schema), "")

    @cached_property
    def branches(self) -> list["Node"]:
        """Return the alternatives of `anyOf`, `oneOf` or a list of types; null is the last."""
        schema, kind = self.schema, self.schema.get("type")
        options = schema.get("anyOf") or schema.get("oneOf") or []
        if not options and isinstance(kind, list):
            options = [{"type": name} for name in kind]
        left_out = {"anyOf", "oneOf", "default", "type" if isinstance(kind, list) else ""}
        common = {word: rule for word, rule in schema.items() if word not in left_out}
        nodes = [self.at(option) for option in options]
        nodes = [replace(node, schema=_merged(common, node.schema)) for node in nodes]
        return sorted(nodes, key=lambda node: node.kind == "null")

    def branch_of(self, value: Any) -> "Node":
        """Return the alternative that accepts a value, down to one without alternatives."""
        branch = next((branch for branch in self.branches if branch.accepts(value)), None)
        return branch.branch_of(value) if branch else self

    def accepts(self, value: Any) -> bool:
        """Return whether a value is valid."""
        return bool(self._validator.is_valid(value))

    @cached_property
    def _validator(self) -> Any:
        shared = {
            word: self.document[word] for word in ("components", "$defs") & self.document.keys()
        }
        return _Validator({**self.schema, **shared}, format_checker=_checker)


def node_of(
    schema: Schema | bool, document: Schema, name: str, above: frozenset[str] = frozenset()
) -> Node:
    """Return the node of a schema of a document."""
    if isinstance(schema, bool):
        schema = {} if schema else NEVER
    flat, above = _flat(schema, document, above)
    return Node(flat, document, name, above)


def resolved(part: Schema, document: Schema) -> Schema:
    """Return a schema, or another part of a document, with its references followed."""
    return node_of(part, document, "value").schema


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


def _merged(base: Schema, more: Schema) -> dict[str, Any]:
    both = {**base, **more}
    if "properties" in base and "properties" in more:
        both["properties"] = {**base["properties"], **more["properties"]}
    if "required" in base and "required" in more:
        both["required"] = list(dict.fromkeys([*base["required"], *more["required"]]))
    return both
