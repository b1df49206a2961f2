"""Schemas of an OpenAPI document: follow their references, and ask which values they accept."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

Schema = Mapping[str, Any]

NEVER: Schema = {"not": {}}

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_ID = "00000000-0000-{}000-8000-00000000000{}"
# Two examples of each format, and the pattern of its texts. Addresses and domains are the ones
# reserved for examples.
FORMATS = {
    "uuid": (_ID.format(4, 1), _ID.format(4, 2), _UUID),
    **{f"uuid{n}": (_ID.format(n, 1), _ID.format(n, 2), _UUID) for n in range(1, 9)},
    "date": ("2026-01-31", "2026-02-01", r"^\d{4}-\d\d-\d\d$"),
    "date-time": ("2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z", r"^\d{4}-\d\d-\d\d"),
    "time": ("12:00:00", "13:00:00", r"^\d\d:\d\d"),
    "duration": ("PT1H", "PT2H", r"^-?P."),
    "email": ("name@example.com", "other@example.com", r"^[^@\s]+@[^@\s]+\.\w+$"),
    "uri": ("https://example.com/", "https://example.com/other", r"^\w+:."),
    "ipv4": ("192.0.2.1", "192.0.2.2", r"^\d+(\.\d+){3}$"),
    "ipv6": ("2001:db8::1", "2001:db8::2", r"^[0-9a-fA-F.]*:[0-9a-fA-F:.]*$"),
}


def _check(pattern: str, value: Any) -> Iterator[ValidationError]:
    # A pattern of Rust, the language of pydantic's engine, that Python can't read accepts any text.
    with suppress(re.error):
        if isinstance(value, str) and not re.search(pattern, value):
            yield ValidationError("does not match")


_extend: Callable[..., Any] = extend
_Validator = _extend(
    Draft202012Validator,
    {
        "pattern": lambda _, pattern, value, schema: _check(pattern, value),
        "format": lambda _, name, value, schema: _check(FORMATS.get(name, ("",))[-1], value),
    },
)


@dataclass(frozen=True)
class Node:
    """A schema of a document, with its references followed.

    Attributes:
        name: of the property or parameter; texts are made from it.
        above: the references that led here; one that is repeated would never end.
    """

    rules: Schema
    document: Schema
    name: str
    above: frozenset[str]

    @property
    def kind(self) -> str:
        """Return the type; empty if the schema states none."""
        return str(self.rules.get("type", ""))

    @property
    def properties(self) -> dict[str, "Node"]:
        schemas = self.rules.get("properties", {})
        return {name: self._below(schema, name) for name, schema in schemas.items()}

    @property
    def items(self) -> "Node":
        return self._below(self.rules.get("items", {}), self.name)

    @cached_property
    def branches(self) -> list["Node"]:
        """Return the alternatives of `anyOf` or `oneOf`; null is the last."""
        options = self.rules.get("anyOf") or self.rules.get("oneOf") or []
        nodes = [self._below(option, self.name) for option in options]
        return sorted(nodes, key=lambda node: node.kind == "null")

    def branch_of(self, value: Any) -> "Node":
        """Return the alternative that accepts a value, down to one without alternatives."""
        branch = next((branch for branch in self.branches if branch.accepts(value)), None)
        return branch.branch_of(value) if branch else self

    def accepts(self, value: Any) -> bool:
        rules = {**self.rules, "components": self.document.get("components", {})}
        return bool(_Validator(rules).is_valid(value))

    def _below(self, schema: Schema, name: str) -> "Node":
        return node_of(schema, self.document, name, self.above)


def node_of(
    schema: Schema, document: Schema, name: str, above: frozenset[str] = frozenset()
) -> Node:
    """Return the node of a schema, or of another part of a document that may be a reference."""
    rules = {word: rule for word, rule in schema.items() if word not in ("$ref", "allOf")}
    parts = [*schema.get("allOf", ())]
    if reference := schema.get("$ref"):
        if reference in above:
            return Node(NEVER, document, name, above)
        above |= {reference}
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        parts.append(target)
    for part in parts:
        inner = node_of(part, document, name, above)
        rules, above = {**inner.rules, **rules}, inner.above
    return Node(rules, document, name, above)
