"""Parameters and form fields of a route: a valid value of each, and malformed ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import values
from .expressions import Change
from .schemas import Node

_CREDENTIAL = re.compile(
    r"(x-)?(auth(-.*)?|authorization|api-?key|((auth|access|session|id)-?)?token|session(-?id)?)"
)


@dataclass(frozen=True)
class Parameter:
    """A value of a request that is sent as text, or as a file.

    Attributes:
        place: `path`, `cookie`, or the argument of httpx: `params`, `headers`, `data`, `files`.
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
    def is_sent(self) -> bool:
        """Return whether a valid request has it beside the URL and what the fixtures give."""
        return self.required and self.place not in ("path", "cookie") and not self._is_credential

    def change_to(self, value: Any) -> Change:
        """Return the change that gives it a value in a request."""
        return Change((self.place, self.name), as_text(value) if self.place == "headers" else value)

    def changes(self) -> Iterator[Change]:
        """Yield the changes that make it malformed in a request, except for one of the path."""
        if self.is_sent:
            yield Change((self.place, self.name), is_removal=True)
        if not self._is_credential and self.place not in ("path", "cookie"):
            yield from map(self.change_to, self.malformed())

    def malformed(self) -> Iterator[Any]:
        """Yield malformed values that a request can carry."""
        if self.place == "files":
            return
        for change in values.violations(self.node, self.valid):
            value = change.apply(self.valid)
            sent = list(map(as_text, value)) if isinstance(value, list) else as_text(value)
            # "7" is valid for a number, and a form or a path has no place for an empty text.
            is_valid_as_text = self.node.accepts(sent) or self.node.accepts([sent])
            if (
                not is_valid_as_text
                and sent != []
                and (sent or self.place in ("params", "headers"))
            ):
                yield value

    @property
    def _is_credential(self) -> bool:
        """Return whether the fixtures of the tests give it."""
        name = self.name.lower().replace("_", "-")
        return self.place in ("headers", "cookie") and bool(_CREDENTIAL.fullmatch(name))


def as_text(value: Any) -> str:
    """Return a value as a URL or a header carries it."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
