"""TPG405: what keeps gitleaks quiet."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpgen.check.gitleaks import faults, live_key_rule
from tpgen.rules.silenced_secret_scan import ALLOW

from tests.checking import findings
from tests.conftest import ROOT

USUAL = "[extend]\nuseDefault = true\n"
CONFIG = ".gitleaks.toml"


def toml_of(rule: Mapping[str, object]) -> str:
    """The table of a rule."""
    # What `repr` writes of texts, numbers and lists is TOML.
    return "[[rules]]\n" + "".join(f"{key} = {value!r}\n" for key, value in rule.items())


QUIET = {
    "comment": ("tests/a.py", f"KEY = 1  # {ALLOW}\n"),
    "json": ("tests/a.json", f'{{"note": "{ALLOW}"}}\n'),
    "ignore": (".gitleaksignore", "# why\ntests/a.py:generic-api-key:4\n"),
    "paths": (CONFIG, f"{USUAL}[[allowlists]]\npaths = ['^docs/']\n"),
    "old table": (CONFIG, f"{USUAL}[allowlist]\nregexes = ['^tp_test_[A-Za-z0-9_-]*$']\n"),
    "regexes": (CONFIG, f"{USUAL}[[allowlists]]\nregexes = ['tp_.*']\n"),
    "provider": (CONFIG, f"{USUAL}[[allowlists]]\nregexes = ['^AKIA']\n"),
    "open end": (CONFIG, f"{USUAL}[[allowlists]]\nregexes = ['^tp_test_']\n"),
    "other target": (
        CONFIG,
        f"{USUAL}[[allowlists]]\nregexTarget = 'line'\nregexes = ['^tp_test_[A-Za-z0-9_-]*$']\n",
    ),
    "no list": (CONFIG, f"{USUAL}[allowlists]\nregexes = ['^AKIA']\n"),
    "stopword": (CONFIG, f"{USUAL}[[allowlists]]\nstopwords = ['tp_live']\n"),
    "table": (CONFIG, f"{USUAL}[[rule]]\nid = 'own-a'\n"),
    "path": (CONFIG, f"{USUAL}path = 'other.toml'\n"),
    "url": (CONFIG, f"{USUAL}url = 'https://example.com/other.toml'\n"),
    "redefined": (CONFIG, f"{USUAL}[[rules]]\nid = 'aws-access-token'\nregex = 'x'\n"),
    "weaker": (CONFIG, USUAL + toml_of(live_key_rule("tp") | {"entropy": 9})),
    "no default": (CONFIG, "title = 'a'\n"),
    "false default": (CONFIG, "[extend]\nuseDefault = false\n"),
    "rule off": (CONFIG, f"{USUAL}disabledRules = ['private-key']\n"),
    "no toml": (CONFIG, "[extend\n"),
}
LOUD = {
    ".gitleaks.toml": f"{USUAL}\n[[allowlists]]\nregexes = ['''^tp_test_[A-Za-z0-9_-]*$''']\n"
    "[[rules]]\nid = 'own-token'\nregex = 'own_[a-z]{20}'\n" + toml_of(live_key_rule("tp")),
    ".gitleaksignore": "# nothing\n\n",
    "docs/keys.md": f"Never write `{ALLOW}`.\n",
}


REVOKED = {"condition": '"AND"', "commits": f'["{"a1" * 20}"]', "paths": "['^src/a b/x\\.py$']"}
NOT_ONE = {
    "or": {"condition": '"OR"'},
    "short": {"commits": '["a1b2c3d"]'},
    "open": {"paths": "['^src/']"},
    "any": {"paths": "['^src/.*$']"},
    "one of two": {"paths": "['^src/x\\.py$', 'y']"},
    "none": {"paths": "[]"},
}


def allowlist(given: Mapping[str, str]) -> str:
    """A configuration with one allowlist."""
    return f"{USUAL}[[allowlists]]\n" + "".join(f"{key} = {given[key]}\n" for key in given)


def test_a_revoked_key_can_be_accepted(tmp_path: Path) -> None:
    """One file in one commit may be named: the history of a merged key stays."""
    tree = {".gitleaks.toml": allowlist(REVOKED)}
    assert findings(tmp_path, tree, select="TPG405") == []


@pytest.mark.parametrize("name", NOT_ONE)
def test_no_more_than_that(name: str, tmp_path: Path) -> None:
    """What lets through more than one file in one commit is a finding."""
    tree = {".gitleaks.toml": allowlist({**REVOKED, **NOT_ONE[name]})}
    assert findings(tmp_path, tree, select="TPG405") != []


@pytest.mark.parametrize("name", QUIET)
def test_what_silences_is_found(name: str, tmp_path: Path) -> None:
    """Each way to make gitleaks say nothing is a finding."""
    path, content = QUIET[name]
    found = findings(tmp_path, {path: content}, select="TPG405")
    assert [one.split(":")[0] for one in found] == [path]


@pytest.mark.parametrize("path", LOUD)
def test_what_does_not_silence_is_not(path: str, tmp_path: Path) -> None:
    """A configuration that lets only test keys through is no finding."""
    assert findings(tmp_path, {path: LOUD[path]}, select="TPG405") == []


def test_the_line_of_a_fault_is_reported(tmp_path: Path) -> None:
    tree = {CONFIG: f"{USUAL}\n[[allowlists]]\nregexes = ['^AKIA']\n"}
    assert findings(tmp_path, tree, select="TPG405") == [f"{CONFIG}:5:1 TPG405"]


def test_the_configuration_of_the_template_is_safe() -> None:
    """With the rule for live keys exactly as this rule knows it."""
    text = (ROOT / "template/service/.gitleaks.toml.jinja").read_text()
    text = text.replace("{{ package }}", "gateway").replace("{{ key_prefix }}", "gw")
    assert list(faults(text, "gw")) == []
    assert [near for _, near in faults(text, "tp")] == ["gw-live-key"]


@pytest.mark.parametrize("value", ["1", "true", "[1]", "{a = 1}", "'a'", "[[1]]", "1979-05-27"])
@pytest.mark.parametrize("name", ["extend", "rules", "allowlists", "title"])
def test_a_value_of_another_type_breaks_nothing(name: str, value: str) -> None:
    assert list(faults(f"{name} = {value}", "tp"))


@given(st.text("[]extnd.rules= 'allowtpgh\"\n", max_size=80))
def test_no_configuration_breaks_it(text: str) -> None:
    """Whatever a configuration holds, each fault has a message."""
    assert all(message for message, _ in faults(text, "tp"))
    assert all(message for message, _ in faults(f"[[allowlists]]\n{text}", "tp"))
