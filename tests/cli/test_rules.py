"""What every rule that asks git or ruff keeps to: its trees are its tests."""

from pathlib import Path

import pytest
from tpgen.check import registry
from tpgen.check.rule import Rule

from tests.checking import findings
from tests.conftest import ROOT
from tests.service.test_docs import Reader, blocks
from tests.unit.test_rules import ASK_PROGRAMS

RULES = {code: rule for code, rule in registry.all_rules().items() if code in ASK_PROGRAMS}


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> Rule:
    """Each rule in turn."""
    return RULES[request.param]


def test_its_bad_tree_gives_its_code(rule: Rule, tmp_path: Path) -> None:
    found = findings(tmp_path, rule.bad, before=rule.before, days_ago=rule.days_ago)
    assert [one for one in found if one.endswith(rule.code)], found


def test_its_good_tree_gives_nothing(rule: Rule, tmp_path: Path) -> None:
    """No finding of any rule, so that nobody who does what a page says meets another one."""
    assert findings(tmp_path, rule.good, before=rule.before, days_ago=rule.days_ago) == []


def test_the_docs_are_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    reader = Reader(tmp_path)
    for block in blocks(ROOT / "docs/checks.md"):
        reader.do(*block)
    assert (reader.folder / "checks.sarif").exists()
