"""Change the text of a stub, and keep the lines of members that did not change."""

from collections.abc import Collection
from textwrap import dedent, indent

from .comparing import CLASS
from .model import INDENT, Surface
from .parsing import lines_of


def merged(stub: str, now: Surface, changed: Collection[str]) -> str:
    """Return a stub in which some members are as they are now; the others keep their text.

    Args:
        changed: the members to write, which may be new or removed; `class` is the class line.
    """
    text = dedent(stub).strip("\n")
    places = lines_of(text)
    lines: list[str | None] = list(text.split("\n"))
    first = next(i for i, line in enumerate(lines, 1) if (line or "").rstrip().endswith(":"))
    head = now.header if CLASS in changed else text.split("\n")[:first]
    for name in changed:
        new = None
        if name in now.members:
            new = indent("\n".join(now.members[name].lines()), INDENT)
        if name in places:
            for start, end in places[name]:
                lines[start - 1 : end] = [None] * (end - start + 1)
            lines[places[name][0][0] - 1] = new
        elif new:
            lines.append(new)
    body = [line for line in lines[first:] if line is not None and line.strip() != "..."]
    return "\n".join([*head, *(body or [f"{INDENT}..."])]) + "\n"
