"""TPG405: what keeps gitleaks quiet."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tpgen.check import fixes
from tpgen.check.gitleaks import faults
from tpgen.rules.silenced_secret_scan import MARK

from tests.checking import check, findings, folder

ALLOW = MARK.decode()
USUAL = "[extend]\nuseDefault = true\n"
QUIET = {
    "comment": ("tests/a.py", f"KEY = 1  # {ALLOW}\n"),
    "json": ("tests/a.json", f'{{"note": "{ALLOW}"}}\n'),
    "ignore": (".gitleaksignore", "# why\ntests/a.py:generic-api-key:4\n"),
    "paths": (".gitleaks.toml", f"{USUAL}[[allowlists]]\npaths = ['''^tests/''']\n"),
    "old table": (".gitleaks.toml", f"{USUAL}[allowlist]\npaths = ['.*\\.json$']\n"),
    "regexes": (".gitleaks.toml", f"{USUAL}[[allowlists]]\nregexes = ['tp_.*']\n"),
    "stopword": (".gitleaks.toml", f"{USUAL}[[allowlists]]\nstopwords = ['tp_live']\n"),
    "of a rule": (
        ".gitleaks.toml",
        f"{USUAL}[[rules]]\nid = 'a'\n[[rules.allowlists]]\npaths = ['tests']\n",
    ),
    "table": (".gitleaks.toml", f"{USUAL}[[rule]]\nid = 'a'\n"),
    "key": (".gitleaks.toml", f"{USUAL}[[rules]]\nid = 'a'\nregexp = 'b'\n"),
    "no default": (".gitleaks.toml", "title = 'a'\n"),
    "false default": (".gitleaks.toml", "[extend]\nuseDefault = false\n"),
    "rule off": (".gitleaks.toml", f"{USUAL}disabledRules = ['private-key']\n"),
    "no toml": (".gitleaks.toml", "[extend\n"),
    "workflow": (".github/workflows/ci.yml", "env:\n  GITLEAKS_CONFIG: other.toml\n"),
    "make": ("Makefile", "export GITLEAKS_CONFIG = other.toml\n"),
    "env": (".env", "GITLEAKS_CONFIG=/dev/null\n"),
    "skip": (".github/workflows/ci.yml", "env:\n  SKIP: ruff,gitleaks\n"),
}
LOUD = {
    ".gitleaks.toml": f"{USUAL}\n[[allowlists]]\nregexes = ['''^tp_test_[A-Za-z0-9_-]*$''']\n"
    "paths = ['^docs/']\n",
    ".gitleaksignore": "# nothing\n\n",
    "Makefile": "scan:\n\tenv -u GITLEAKS_CONFIG gitleaks dir . --ignore-gitleaks-allow\n",
    ".env": "GITLEAKS_CONFIG=.gitleaks.toml\n",
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


def test_fix_takes_the_comment_out_and_nothing_else(tmp_path: Path) -> None:
    """A comment goes, with its line where it is alone; a text that says the same stays."""
    before = f"# {ALLOW}\nKEY = 'é'  # {ALLOW}\nTEXT = '# {ALLOW}'\nX = 1  # why {ALLOW}\n"
    here = folder(tmp_path, {"tests/a.py": before})
    found = check(here, "TPG405")
    fixes.apply(here, found)
    after = (tmp_path / "tests/a.py").read_text()
    assert after == f"KEY = 'é'\nTEXT = '# {ALLOW}'\nX = 1  # why {ALLOW}\n"
    assert [one.line for one in found if not one.edits] == [3, 4]


@settings(max_examples=60, deadline=None)
@given(st.text("[]extnd.rules= 'allowtpgh\"\n", max_size=80))
def test_no_configuration_breaks_it(text: str) -> None:
    """Whatever a configuration holds, each fault has a message."""
    assert all(one.message for one in faults(text, ["tp"]))
    assert all(one.message for one in faults(f"[allowlist]\n{text}", ["tp"]))
