"""The parameters of a route: a valid value of each in a request, and malformed ones."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import values
from .schemas import Schema, accepts
from .violations import Violation, violations

Request = dict[str, Any]

_AUTH_PARAMETER = re.compile(
    r"(x-)?(authorization|api-?key|((auth|access|session|id|bearer)-?)?token|auth(-.*)?)|session(-?id)?",
)
_PICTURE = re.compile(r"(^|[_-])(image|photo|avatar|picture)s?$")
# How each file of this format begins.
PNG = b"\x89PNG\r\n\x1a\n"
_KEY = re.compile(r"idempotency[-_]key", re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    """One value of a request that travels as text, or a file.

    Attributes:
        place: `path`, `query`, `header`, `cookie`, or `data` and `files` for a form.
    """

    name: str
    place: str
    required: bool
    schema: Schema
    document: Mapping[str, Any]

    @cached_property
    def valid(self) -> Any:
        if self.place == "files":
            is_picture = _PICTURE.search(self.name.lower())
            return (f"{self.name}.png", PNG) if is_picture else (f"{self.name}.txt", b"hello")
        return values.valid(self.schema, self.document, self.name)

    @property
    def is_secret(self) -> bool:
        """Whether the fixtures of the tests give it, as a credential or a key of the request."""
        name = self.name.lower().replace("_", "-")
        if self.place == "query":
            return name in {"api-key", "access-token"}
        is_auth = self.place in ("header", "cookie") and bool(_AUTH_PARAMETER.fullmatch(name))
        return is_auth or (self.is_idempotency_key and not self.required)

    @property
    def is_idempotency_key(self) -> bool:
        return self.place == "header" and bool(_KEY.fullmatch(self.name))

    def put(self, request: Request, value: Any) -> Request:
        """The request with this value."""
        if self.place in ("header", "cookie"):
            value = as_text(value)
        return with_value(request, self.argument, self.name, value)

    @property
    def argument(self) -> str:
        """The part of a request that it is in."""
        parts = {"query": "params", "header": "headers", "cookie": "cookies"}
        return parts.get(self.place, self.place)

    def malformed(self, request: Request) -> Iterator[Request]:
        """The requests in which this one alone is wrong."""
        if self.place == "files":
            return
        for violation in violations(self.schema, self.document, self.valid, self.name):
            if self._is_sent(violation.value) and self._stays_wrong(violation):
                yield self.put(request, violation.value)

    def _is_sent(self, value: Any) -> bool:
        """Whether this place can carry it."""
        if value == [] or (value == "" and self.place in ("data", "path", "cookie")):
            return False
        text = as_text(value)
        if self.place in ("header", "cookie"):
            return text.isascii() and text.replace("\t", "").isprintable()
        return self.place != "path" or ("/" not in text and text not in (".", ".."))

    def _stays_wrong(self, violation: Violation) -> bool:
        """Whether it is wrong as text too: "7" is a fine number, and each list has a first item."""
        value = violation.value
        innermost = value[0] if isinstance(value, list) else value
        if violation.why == "type":
            return isinstance(innermost, str) and not accepts(self.schema, self.document, [value])
        if isinstance(innermost, str):
            return True
        # Also a number beyond its bounds, unless any text will do.
        return not accepts(self.schema, self.document, "any text")


def as_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def with_value(request: Request, argument: str, name: str, value: Any) -> Request:
    return {**request, argument: {**request.get(argument, {}), name: value}}


def without(request: Request, parameter: Parameter) -> Request:
    held = request.get(parameter.argument, {})
    rest = {name: value for name, value in held.items() if name != parameter.name}
    others = {key: value for key, value in request.items() if key != parameter.argument}
    return {**others, parameter.argument: rest} if rest else others


def sent(request: Request) -> Request:
    """The request with its cookies as a header: httpx wants them on the client else."""
    if "cookies" not in request:
        return request
    pairs = "; ".join(f"{name}={value}" for name, value in request["cookies"].items())
    rest = {key: value for key, value in request.items() if key != "cookies"}
    return with_value(rest, "headers", "Cookie", pairs)
