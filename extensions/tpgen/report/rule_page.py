"""Render the output of `tpgen explain`: the page of a rule, and the list of all."""

import textwrap
from collections.abc import Iterable, Mapping

from tpgen.check.rule import Rule, tree

from .text import printable

WIDTH = 88
# The most lines of a file.
LINES = 40


def of(rule: Rule) -> str:
    """Return the page of a rule: the policy, why, examples of both, and what to do."""
    parts = [
        f"{rule.code} {rule.name}",
        _paragraph(f"Policy: {rule.section}"),
        _paragraph(rule.why),
        *_trees(rule),
        _paragraph(f"What to do: {rule.fix}"),
    ]
    return "\n\n".join(parts) + "\n"


def index(rules: Iterable[Rule]) -> str:
    """Return the code and the name of each rule, each above what the policy says."""
    entries = [
        f"{rule.code}  {rule.name}\n{textwrap.indent(_paragraph(rule.section, WIDTH - 8), ' ' * 8)}"
        for rule in rules
    ]
    return "\n".join([*entries, "", "`tpgen explain CODE` prints the whole page of a rule", ""])


def _trees(rule: Rule) -> list[str]:
    when = f", {rule.days_ago} days ago" if rule.days_ago else ""
    trees = {
        f"Committed before{when}": tree(rule.before),
        "Found": tree(rule.bad),
        "Fine": tree(rule.good),
    }
    shown = {title: _shown(files) for title, files in trees.items() if files}
    return [f"{title}:\n\n{textwrap.indent(text, '    ')}" for title, text in shown.items()]


def _paragraph(text: str, width: int = WIDTH) -> str:
    return textwrap.fill(" ".join(text.split()), width, break_long_words=False)


def _shown(files: Mapping[str, str | bytes]) -> str:
    """Return the files, each below its path."""
    return "\n\n".join(
        f"{printable(path)}\n{textwrap.indent(_content(content), '    ')}"
        for path, content in files.items()
    )


def _content(content: str | bytes) -> str:
    """Return the lines of a file, cut if there are many or if one is long."""
    if isinstance(content, bytes):
        text = content.decode(errors="replace")
        if any(not (each.isprintable() or each.isspace()) or each == "\ufffd" for each in text):
            return f"({len(content)} bytes that are not text: {content[:12]!r}…)"
        content = text
    lines = content.splitlines() or ["(empty)"]
    more = [f"… ({len(lines) - LINES} lines more)"] if len(lines) > LINES else []
    return "\n".join([*map(_cut, lines[:LINES]), *more])


def _cut(line: str) -> str:
    line = printable(line.replace("\t", "    "))
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
