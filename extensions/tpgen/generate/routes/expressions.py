"""Values, and changes of a request, as Python source."""

import json
from dataclasses import dataclass, replace
from typing import Any

# A repetition of this length or longer is written as one: `201 * "x"`.
REPEATED = 12

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """One change of a value: at a place, by keys and indexes, put another value or remove it."""

    place: Place
    value: Any = None
    is_removal: bool = False

    @property
    def source(self) -> str:
        """Return a call such as `without("json.text")` or `with_value("params.limit", 0)`."""
        names = source(".".join(map(str, self.place)))
        changed = f"with_value({names}, {source(self.value)})"
        return f"without({names})" if self.is_removal else changed

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
    """Return a value as Python source with double quotes, and repetitions as `201 * "x"`."""
    if isinstance(value, str | list) and len(value) >= REPEATED and value == len(value) * value[:1]:
        return f"{len(value)} * {source(value[:1])}"
    if isinstance(value, dict):
        pairs = (f"{source(key)}: {source(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
