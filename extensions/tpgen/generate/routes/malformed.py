"""Malformed requests as code: what is changed in the valid one."""

from collections.abc import Sequence
from typing import Any

from .expressions import source
from .parameters import Request

Place = tuple[str | int, ...]


def changed(valid: Request, malformed: Request) -> str:
    """A malformed request as code: `without("json.text")`, `with_value("params.limit", 0)`.

    Args:
        valid: the request that it was made from.
        malformed: the whole request; it is written so where more than one argument differs.
    """
    place, is_there, value = _inmost(valid, *_difference(valid, malformed))
    if not place:
        return source(malformed)
    names = ", ".join(map(source, place))
    if len(place) > 1 and not any("." in str(step) for step in place):
        names = source(".".join(map(str, place)))
    return f"with_value({names}, {source(value)})" if is_there else f"without({names})"


def _difference(one: Any, two: Any) -> tuple[Place, bool, Any]:
    """Where alone two values differ, and what the second one has there, if anything."""
    if isinstance(one, dict) and isinstance(two, dict):
        keys: Sequence[str | int] = list({**one, **two})
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        keys = range(len(one))
    else:
        return (), True, two
    differing = [key for key in keys if not _same(one, two, key)]
    if len(differing) != 1:
        return (), True, two
    [key] = differing
    if isinstance(two, dict) and key not in two:
        return (key,), False, None
    if isinstance(one, dict) and key not in one:
        return (key,), True, two[key]
    place, is_there, value = _difference(one[key], two[key])
    return (key, *place), is_there, value


def _inmost(valid: Request, place: Place, is_there: bool, value: Any) -> tuple[Place, bool, Any]:
    """The one parameter in an argument that is there for it alone: `params.limit`."""
    held = value if is_there else valid.get(str(place[0])) if place else None
    if len(place) != 1 or place == ("json",) or not isinstance(held, dict) or len(held) != 1:
        return place, is_there, value
    [name] = held
    return (*place, name), is_there, held[name]


def _same(one: Any, two: Any, key: str | int) -> bool:
    if isinstance(one, dict) and (key not in one or key not in two):
        return False
    # As code, for True is 1.
    return source(one[key]) == source(two[key])
