"""The index of the rules: each is a module of `tpgen.rules`."""

import importlib
import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

from tpgen.core.errors import UserError

from .rule import OF_THE_ENGINE, Rule

MODULES = (
    "asserts_nothing",
    "component_without_suite",
    "database_dump",
    "disagreeing_config",
    "edited_policy",
    "expired_exemption",
    "flaky_skip_without_issue",
    "live_key",
    "missing_marker",
    "mock_fixture",
    "mock_import",
    "monkeypatched_attribute",
    "old_flaky_skip",
    "personal_data",
    "removed_import",
    "rerun_without_reason",
    "silenced_secret_scan",
    "silent_snapshot_change",
    "sleep_in_test",
    "stale_baseline",
    "too_many_reruns",
    "unreadable_file",
    "unreserved_email",
)


@cache
def all_rules() -> dict[str, Rule]:
    """Return the rules, sorted by code."""
    found = [importlib.import_module(f"tpgen.rules.{name}").RULE for name in MODULES]
    return {rule.code: rule for rule in sorted(found, key=lambda rule: rule.code)}


@cache
def gate_rules() -> dict[str, Rule]:
    """Return the rules of `tpgen gate`, which judge by what ran, sorted by code."""
    return {rule.code: rule for rule in importlib.import_module("tpgen.gate.codes").RULES}


def find(word: str) -> Rule:
    """Return a rule, by its code or its name."""
    rules = all_rules() | gate_rules()
    by_word = rules | {rule.name: rule for rule in rules.values()}
    if found := by_word.get(word.upper(), by_word.get(word)):
        return found
    near = get_close_matches(word, by_word, 1)
    hint = f"; is it {near[0]}?" if near else ""
    raise UserError(f"there is no rule {word}{hint}; `tpgen explain` lists them all")


def find_checked(word: str) -> Rule:
    """Return a rule of `tpgen check`, by its code or its name.

    Raises:
        UserError: there is none, or it is a rule of the gate.
    """
    rule = find(word)
    if rule.code in gate_rules():
        raise UserError(
            f"{rule.code} {rule.name} is a rule of `tpgen gate`: `tpgen check` does not run it, "
            "and it can't be exempted"
        )
    return rule


def selected(select: Sequence[str], ignore: Sequence[str]) -> list[Rule]:
    """Return the rules that a command line asks for.

    Args:
        select: codes, prefixes of codes such as TPG1, or names; none for all rules. The rules
            about unreadable files, exemptions and the baseline always run.
        ignore: those to leave out, in the same form.
    """
    chosen = _meant(select) | _meant([OF_THE_ENGINE]) if select else set(all_rules())
    left = chosen - _meant(ignore)
    if not left:
        raise UserError("no rule is left to run: name fewer with --ignore")
    return [rule for code, rule in all_rules().items() if code in left]


def _meant(words: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for word in words:
        if re.fullmatch(r"TPG\d{0,2}", word, re.IGNORECASE):
            meant = {code for code in all_rules() if code.startswith(word.upper())}
            if not meant:
                raise UserError(f"no rule begins with {word}; `tpgen explain` lists them all")
            found |= meant
        else:
            found.add(find_checked(word).code)
    return found
