"""`tpgen explain RULE`: print the page of a rule."""

import argparse

from tpgen.check import registry
from tpgen.core.terminal import say
from tpgen.report import rule_page

from . import completion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    text = "code or name of the rule (default: list all rules)"
    rule = parser.add_argument("rule", nargs="?", default="", metavar="RULE", help=text)
    rule.completer = completion.rules  # type: ignore[attr-defined]


def run(chosen: argparse.Namespace) -> int:
    """Print the page of a rule, or a line for each."""
    rules = registry.all_rules().values()
    say(rule_page.of(registry.find(chosen.rule)) if chosen.rule else rule_page.index(rules))
    return 0
