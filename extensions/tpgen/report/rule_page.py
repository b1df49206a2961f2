"""What `tpgen explain` prints: the page of a rule, and the list of all."""

import textwrap
from collections.abc import Iterable, Mapping

from tpgen.check.rule import Rule, tree

from .text import printable

WIDTH = 88
# Of a file, as much as a page has room for.
LINES = 40


def of(rule: Rule) -> str:
    """The page of a rule: what it is about, what it finds, what it does not, and what to do."""
    parts = [
        f"{rule.code} {rule.name}",
        _paragraph(f"Policy: {rule.section}"),
        _paragraph(rule.why),
        *(f"{title}:\n\n{textwrap.indent(shown, '    ')}" for title, shown in _trees(rule)),
        _paragraph(f"What to do: {rule.fix}"),
    ]
    return "\n\n".join(parts) + "\n"


def index(rules: Iterable[Rule]) -> str:
    """A line for each rule: its code, its name and what the policy says."""
    rules = list(rules)
    width = max(len(rule.name) for rule in rules)
    room = WIDTH - width - len("TPG205    ")
    lines = [
        f"{rule.code}  {rule.name:{width}}  {textwrap.shorten(rule.section, room, placeholder='…')}"
        for rule in rules
    ]
    return "".join(f"{line}\n" for line in [*lines, "", "`tpgen explain CODE` says more"])


def _trees(rule: Rule) -> list[tuple[str, str]]:
    when = f", {rule.days_ago} days ago" if rule.days_ago else ""
    trees = {
        f"Committed before{when}": tree(rule.before),
        "Found": tree(rule.bad),
        "Fine": tree(rule.good),
    }
    return [(title, _shown(files)) for title, files in trees.items() if files]


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False)


def _shown(files: Mapping[str, str | bytes]) -> str:
    """The files, each below its path."""
    return "\n\n".join(
        f"{printable(path)}\n{textwrap.indent(_content(content), '    ')}"
        for path, content in files.items()
    )


def _content(content: str | bytes) -> str:
    """The lines of a file, cut where there are many or where one is long."""
    if isinstance(content, bytes):
        text = _decoded(content)
        if text is None:
            return f"({len(content)} bytes that are no text: {content[:12]!r}…)"
        content = text
    lines = content.splitlines() or ["(empty)"]
    left = [f"… ({len(lines) - LINES} lines more)"] if len(lines) > LINES else []
    return "\n".join([*map(_cut, lines[:LINES]), *left])


def _decoded(content: bytes) -> str | None:
    """A text, or None where there is none to print."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(one.isprintable() or one.isspace() for one in text) else None


def _cut(line: str) -> str:
    line = "".join(one if one.isprintable() or one == "\t" else printable(one) for one in line)
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
