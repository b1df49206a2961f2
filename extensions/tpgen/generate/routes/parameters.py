"""Parameters and form fields of a route: a valid value of each, and malformed ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import values
from .expressions import Change
from .schemas import Node
from .violations import violations

_CREDENTIAL = re.compile(
    r"(x-)?(auth(-.*)?|authorization|api-?key|((auth|access|session|id)-?)?token|session(-?id)?)"
)


@dataclass(frozen=True)
class Parameter:
    """A value of a request that is sent as text, or as a file.

    Attributes:
        place: `path`, `query`, `header`, `cookie`, or `data` and `files` for a form.
    """

    name: str
    place: str
    required: bool
    node: Node

    @cached_property
    def valid(self) -> Any:
        """Return a valid value."""
        return (f"{self.name}.txt", b"hello") if self.place == "files" else values.valid(self.node)

    @property
    def is_credential(self) -> bool:
        """Return whether the fixtures of the tests give it, as an optional idempotency key."""
        name = self.name.lower().replace("_", "-")
        is_key = self.place in ("header", "cookie") and bool(_CREDENTIAL.fullmatch(name))
        return is_key or (self.is_idempotency_key and not self.required)

    @property
    def is_sent(self) -> bool:
        """Return whether a valid request has it beside the URL."""
        is_here = self.place not in ("path", "cookie")
        return is_here and self.required and not self.is_credential

    @property
    def is_idempotency_key(self) -> bool:
        """Return whether it is the header `Idempotency-Key`."""
        name = self.name.lower().replace("_", "-")
        return self.place == "header" and name == "idempotency-key"

    @property
    def removal(self) -> Change:
        """Return the change that removes it from a request."""
        argument = {"query": "params", "header": "headers"}.get(self.place, self.place)
        return Change((argument, self.name), is_removal=True)

    def change_to(self, value: Any) -> Change:
        """Return the change that gives it a value in a request."""
        return Change(self.removal.place, as_text(value) if self.place == "header" else value)

    def malformed(self) -> Iterator[Any]:
        """Yield malformed values that a request can carry."""
        if self.place in ("files", "cookie"):
            return
        for value in (change.apply(self.valid) for change in violations(self.node, self.valid)):
            if self._can_carry(value) and self._is_refused_as_text(value):
                yield value

    def _can_carry(self, value: Any) -> bool:
        """Return whether a request can have this value in this place."""
        text = as_text(value)
        if value == [] or (value == "" and self.place in ("data", "path")):
            return False
        if self.place == "header":
            return text.isascii() and text.replace("\t", "").isprintable()
        return self.place != "path" or ("/" not in text and text not in (".", ".."))

    def _is_refused_as_text(self, value: Any) -> bool:
        """Return whether a malformed value is malformed as text: "7" is valid for a number."""
        sent = list(map(as_text, value)) if isinstance(value, list) else as_text(value)
        return not self.node.accepts(sent) and not self.node.accepts([sent])


def as_text(value: Any) -> str:
    """Return a value as a URL or a header carries it."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
