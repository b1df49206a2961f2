"""Build malformed requests from a valid one. A request is a dict of arguments of httpx."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

# The value of a place that is removed.
_MISSING = object()


@dataclass(frozen=True)
class Change:
    """A change that makes a valid request malformed.

    Attributes:
        place: the way to it: an argument of httpx, keys, indexes.
        value: what is there instead.
    """

    place: tuple[str | int, ...]
    value: Any

    def __str__(self) -> str:
        place = ".".join(map(str, self.place))
        return f"without {place}" if self.value is _MISSING else f"{place}={self.value}"

    def of(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the malformed request that a valid one becomes."""
        malformed: dict[str, Any] = _changed(request, self.place, self.value)
        return malformed


def without(*place: str | int) -> Change:
    """Return the change that removes something: `without("json.text")`.

    Args:
        place: the way to it, separated by dots; one argument for each step if a key has a dot.
    """
    return Change(_steps(place), _MISSING)


def with_value(*place_and_value: Any) -> Change:
    """Return the change that sets a wrong value: `with_value("json.lines.0.count", "seven")`.

    Args:
        place_and_value: the place as `without` takes it, then the value.
    """
    *place, value = place_and_value
    return Change(_steps(tuple(place)), value)


@dataclass(frozen=True)
class Sender:
    """Send requests to one route: `await send(auth)`, or `await send(auth, json={})`.

    Attributes:
        client: of the app.
        method: an HTTP method.
        url: of the requests that have no `url` of their own.
        valid: the request that is sent if no other one is given.
    """

    client: httpx.AsyncClient
    method: str
    url: str
    valid: Mapping[str, Any]

    async def __call__(
        self, headers: Mapping[str, str] | Mapping[str, bytes], /, **request: Any
    ) -> httpx.Response:
        """Send a request; its own headers take precedence over those given."""
        sent = {**(request or self.valid)}
        both = {**headers, **sent.pop("headers", {})}
        url = sent.pop("url", self.url)
        return await self.client.request(self.method, url, headers=both, **sent)


def request_id(request: object) -> str:
    """Return the id of a test case: the request, without repetitions that only make it long."""
    return re.sub(r"(.)\1{9,}", r"\1...", str(request))


def _steps(place: tuple[Any, ...]) -> tuple[str | int, ...]:
    return tuple(place[0].split(".")) if len(place) == 1 else place


def _changed(held: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """Return a copy with another value at a place; what leads there is created if missing."""
    step, *rest = place
    copy = list(held) if isinstance(held, list) else dict(held or {})
    at: Any = int(step) if isinstance(copy, list) else step
    if rest:
        inner = copy[at] if isinstance(copy, list) else copy.get(at)
        copy[at] = _changed(inner, tuple(rest), value)
    elif value is not _MISSING:
        copy[at] = value
    elif isinstance(copy, list):
        del copy[at]
    else:
        copy.pop(at, None)
    return copy
