"""TPG402: which addresses may be somebody's, where the policy asks for reserved ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpgen.check.mail import addresses

from tests.checking import findings

POLICY = {"tests/policy/policy.toml": '[personal_data]\nemails = "reserved"\n'}
SOMEBODYS = [
    'A = "jane@acme.io"',
    "mailto:sales@firma.co.uk",
    "MAIL=jane@acme.com",
    '{"to": "Jane <jane.doe+1@tappass.ai>"}',
]
NOBODYS = [
    "jane@example.com jane@mail.example.org a@b.test c@d.invalid e@localhost",
    "git@github.com:org/repo.git",
    "postgresql://user:secret@db.company.com/app",
    "https://user@host.com/path",
    "lodash@4.17.21 icon@2x.png pytest@fixture",
    "@pytest.mark.integration",
    "product = left@self.weight.to(device)",
    "1234+jane@users.noreply.github.com",
    "# Copyright 2026 Jane Doe <jane@acme.io>",
]


@pytest.mark.parametrize("line", SOMEBODYS)
def test_an_address_outside_is_found(line: str, tmp_path: Path) -> None:
    """An address at a domain that may exist is a finding, in code and in data."""
    tree = {**POLICY, "tests/unit/a.txt": f"{line}\n"}
    found = findings(tmp_path, tree, select="TPG402")
    assert [finding.split(":")[0] for finding in found] == ["tests/unit/a.txt"]


@pytest.mark.parametrize("line", NOBODYS)
def test_what_is_no_address_is_not(line: str, tmp_path: Path) -> None:
    """Reserved domains, remotes, URLs, versions, decorators and credits are no finding."""
    assert findings(tmp_path, {**POLICY, "tests/unit/a.txt": line}, select="TPG402") == []


def test_only_where_the_policy_says_so(tmp_path: Path) -> None:
    assert findings(tmp_path, {"tests/a.txt": SOMEBODYS[0]}, select="TPG402") == []


def test_an_address_at_a_free_provider_is_reported_once(tmp_path: Path) -> None:
    """By TPG401, which needs no policy."""
    tree = {**POLICY, "tests/a.txt": f"x\n  w.devries71@{'gmail'}.com\n"}
    assert findings(tmp_path, tree, select="TPG401,TPG402") == ["tests/a.txt:2:1 TPG401"]


@given(st.text("ab@.:/com-\\ \n#\"'*", max_size=60))
def test_an_address_stands_where_it_is_reported(text: str) -> None:
    for address in addresses(text):
        line = text.split("\n")[address.line - 1]
        assert line[address.column - 1 :].startswith(f"{address.local}@{address.domain}")
