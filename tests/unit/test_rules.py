"""What every rule keeps to: its trees are its tests, its page tells all that a person needs."""

import pkgutil
import re
from pathlib import Path

import pytest
from tpgen import rules
from tpgen.check import registry
from tpgen.check.rule import Rule
from tpgen.cli import explain

from tests.checking import findings
from tests.conftest import ROOT

RULES = registry.all_rules()
# Rules that ask git or ruff about their trees: `tests/cli` has the tests of these trees.
ASK_PROGRAMS = {"TPG202", "TPG305", "TPG501", "TPG503"}
NAMES = [one.name for one in pkgutil.iter_modules(rules.__path__)]
# What stands behind these is ours: the policy lists cases there, or says nothing.
NO_QUOTES = ("all:", "What to test:")


def quotes(rule: Rule) -> bool:
    """Whether its section says what the policy says in its own words."""
    return not rule.section.startswith(NO_QUOTES)


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> Rule:
    """Each rule in turn."""
    return RULES[request.param]


@pytest.fixture(params=sorted(RULES.keys() - ASK_PROGRAMS))
def alone(request: pytest.FixtureRequest) -> Rule:
    """Each of the other rules."""
    return RULES[request.param]


def test_its_bad_tree_gives_its_code(alone: Rule, tmp_path: Path) -> None:
    found = findings(tmp_path, alone.bad)
    assert [one for one in found if one.endswith(alone.code)], found


def test_its_good_tree_gives_nothing(alone: Rule, tmp_path: Path) -> None:
    """No finding of any rule, so that nobody who does what a page says meets another one."""
    assert findings(tmp_path, alone.good) == []


def test_its_page_says_all(rule: Rule) -> None:
    page = explain.page(rule)
    flat = " ".join(page.split())
    for text in (rule.code, rule.name, rule.section, rule.why, rule.fix):
        assert " ".join(text.split()) in flat
    assert max(map(len, page.splitlines())) <= 100


def test_no_two_rules_are_called_the_same() -> None:
    assert len({rule.name for rule in RULES.values()}) == len(RULES) == len(NAMES)


def test_a_module_is_called_as_its_rule() -> None:
    assert sorted(rule.name.replace("-", "_") for rule in RULES.values()) == sorted(NAMES)


def test_a_code_and_a_name_have_their_form(rule: Rule) -> None:
    assert re.fullmatch(r"TPG[0-5]\d\d", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)


@pytest.mark.parametrize("code", [code for code, one in RULES.items() if quotes(one)])
def test_it_quotes_the_policy(code: str) -> None:
    """Each part of its section behind the title stands there, but for case and punctuation."""
    policy = plain((ROOT / "tests/samples/testing-policy.txt").read_text())
    quoted = RULES[code].section.rpartition(": ")[2]
    parts = [plain(part) for part in re.split(r"[;,—]", quoted)]
    assert [part for part in parts if " " in part and part not in policy] == []


def test_the_docs_list_every_rule() -> None:
    """Each with its code, its name, what it is about, and whether `--fix` mends it."""
    page = (ROOT / "docs/checks.md").read_text()
    rows = re.findall(r"^\| (TPG\d+) \| `([a-z-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert [(code, name) for code, name, _ in rows] == [
        (code, rule.name) for code, rule in RULES.items()
    ]
