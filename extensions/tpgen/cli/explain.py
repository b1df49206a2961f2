"""`tpgen explain RULE`: print the page of a rule."""

import argparse
from collections.abc import Iterable
from textwrap import fill, indent

from tpgen.check import registry
from tpgen.check.rule import Rule, tree
from tpgen.core.terminal import say

from . import completion

WIDTH = 88


def add_arguments(parser: argparse.ArgumentParser) -> None:
    text = "code or name of the rule (default: list all rules)"
    rule = parser.add_argument("rule", nargs="?", default="", metavar="RULE", help=text)
    rule.completer = completion.rules  # type: ignore[attr-defined]


def run(chosen: argparse.Namespace) -> int:
    rules = (registry.all_rules() | registry.gate_rules()).values()
    say(page(registry.find(chosen.rule)) if chosen.rule else index(rules))
    return 0


def page(rule: Rule) -> str:
    """Return the page of a rule: the policy, why, examples of both, and what to do."""
    when = f", {rule.days_ago} days ago" if rule.days_ago else ""
    examples = {f"Committed before{when}": rule.before, "Found": rule.bad, "Fine": rule.good}
    parts = [
        f"{rule.code} {rule.name}",
        _paragraph(f"Policy: {rule.section}"),
        _paragraph(rule.why),
    ]
    for title, files in examples.items():
        shown = [f"{path}\n{_content(content)}" for path, content in tree(files).items()]
        if shown:
            parts += [f"{title}:", *(indent(text, "    ") for text in shown)]
    return "\n\n".join([*parts, _paragraph(f"What to do: {rule.fix}")]) + "\n"


def index(rules: Iterable[Rule]) -> str:
    """Return the code and the name of each rule, each above what the policy says."""
    entries = [
        f"{rule.code}  {rule.name}\n{indent(_paragraph(rule.section, WIDTH - 8), ' ' * 8)}"
        for rule in rules
    ]
    return "\n".join([*entries, "", "`tpgen explain CODE` prints the whole page of a rule", ""])


def _paragraph(text: str, width: int = WIDTH) -> str:
    return fill(" ".join(text.split()), width, break_long_words=False)


def _content(content: str | bytes) -> str:
    if isinstance(content, bytes):
        content = f"({len(content)} bytes that are not text: {content[:12]!r}…)"
    return indent(content.rstrip("\n") or "(empty)", "    ")
