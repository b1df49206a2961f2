"""Values as Python source."""

import re
from typing import Any

# From here on a repetition is written as one.
REPEATED = 12


def source(value: Any) -> str:
    """A value as Python source, with long repetitions as such: `201 * "x"`."""
    if isinstance(value, dict):
        pairs = (f"{source(key)}: {source(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        if len(value) >= REPEATED and all(one == value[0] for one in value):
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
