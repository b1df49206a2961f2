"""Values, and changes of a request, as Python source."""

import re
from dataclasses import dataclass, replace
from typing import Any

# A repetition of this length or longer is written as one: `201 * "x"`.
REPEATED = 12

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """One change of a value.

    Attributes:
        place: the keys and indexes that lead to it.
        value: what to put there.
        is_removal: whether to remove what is there instead.
    """

    place: Place
    value: Any = None
    is_removal: bool = False

    @property
    def source(self) -> str:
        """Return a call such as `without("json.text")` or `with_value("params.limit", 0)`."""
        names = ", ".join(map(source, self.place))
        if not any("." in str(step) for step in self.place):
            names = source(".".join(map(str, self.place)))
        if not self.place:
            return source(self.value)
        return (
            f"without({names})" if self.is_removal else f"with_value({names}, {source(self.value)})"
        )

    def below(self, *steps: str | int) -> "Change":
        """Return the same change of a value that holds the changed one at a place."""
        return replace(self, place=(*steps, *self.place))

    def apply(self, value: Any) -> Any:
        """Return the changed value; the given one stays as it is."""
        if not self.place:
            return self.value
        step, *rest = self.place
        copy: Any = value.copy() if value else {}
        if self.is_removal and not rest:
            del copy[step]
        else:
            inner = copy.get(step) if isinstance(copy, dict) else copy[step]
            copy[step] = replace(self, place=tuple(rest)).apply(inner)
        return copy


def source(value: Any) -> str:
    """Return a value as Python source, with long repetitions as such: `201 * "x"`."""
    if isinstance(value, dict):
        pairs = (f"{source(key)}: {source(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        if len(value) >= REPEATED and all(item == value[0] for item in value):
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
