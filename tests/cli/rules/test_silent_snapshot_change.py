"""TPG305: which change of a snapshot is silent."""

from pathlib import Path

import pytest
from tpgen.check import project

from tests.checking import check, findings, git, repository, write

AMBR = "tests/api/__snapshots__/test_agents.ambr"
TESTS = "tests/api/test_agents.py"
CODE = "TPG305"


def snapshot(**shapes: str) -> str:
    entries = "".join(f"# name: {name}\n  '{shape}'\n# ---\n" for name, shape in shapes.items())
    return f"# serializer version: 1\n{entries}"


BEFORE = {
    AMBR: snapshot(test_reads="old", test_lists="old"),
    TESTS: """\
def test_reads(client, snapshot):
    assert client.get("/agents/1") == snapshot


def test_lists(client, snapshot):
    assert client.get("/agents") == snapshot
""",
}
READS = snapshot(test_reads="new", test_lists="old")


@pytest.mark.parametrize(
    "test",
    [
        BEFORE[TESTS],
        "# more to come\n" + BEFORE[TESTS],
        BEFORE[TESTS].replace('"/agents/1"', "'/agents/1'"),
        BEFORE[TESTS].replace('get("/agents")', 'get("/agents?all=1")'),
        BEFORE[TESTS] + "\n\ndef test_other():\n    assert 1 + 1 == 2\n",
    ],
    ids=["untouched", "comment", "quotes", "other test", "new test"],
)
def test_a_test_that_says_what_it_said_owns_a_silent_change(tmp_path: Path, test: str) -> None:
    found = findings(tmp_path, {AMBR: READS, TESTS: test}, select=CODE, before=BEFORE)
    assert found == [f"{AMBR}:2:1 {CODE}"]


def test_the_finding_names_the_snapshot_and_its_tests(tmp_path: Path) -> None:
    [finding] = check(repository(tmp_path, {AMBR: READS}, before=BEFORE), CODE)
    assert "test_reads" in finding.message
    assert TESTS in finding.message


def test_an_assertion_in_the_test_says_the_new_shape(tmp_path: Path) -> None:
    changed = BEFORE[TESTS].replace('get("/agents/1")', 'get("/agents/1").json()')
    assert findings(tmp_path, {AMBR: READS, TESTS: changed}, select=CODE, before=BEFORE) == []


def test_a_new_snapshot_of_a_new_test_is_no_change(tmp_path: Path) -> None:
    more = snapshot(test_reads="old", test_lists="old", test_finds="new")
    assert findings(tmp_path, {AMBR: more}, select=CODE, before=BEFORE) == []


def test_a_case_that_a_class_inherits_is_owned_by_the_class(tmp_path: Path) -> None:
    """The parameters and the name of the case follow the name of the class."""
    suite = "class TestReads(RouteSuite):\n    path = '/agents/{}'\n"
    before = {AMBR: snapshot(**{"TestReads.test_happy[a]": "old"}), TESTS: suite.format(1)}
    after = {AMBR: snapshot(**{"TestReads.test_happy[a]": "new"})}
    assert findings(tmp_path, after, select=CODE, before=before) != []
    write(tmp_path, {TESTS: suite.format(2)})
    assert check(project.find(tmp_path, []), CODE) == []


def test_snapshots_in_files_of_their_own_are_seen(tmp_path: Path) -> None:
    one = "tests/api/__snapshots__/test_agents/test_reads.json"
    before = {one: '{"label": 1}', TESTS: BEFORE[TESTS]}
    after = {one: '{"title": 1}'}
    assert findings(tmp_path, after, select=CODE, before=before) == [f"{one}:1:1 {CODE}"]


def test_a_commit_of_the_pull_request_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI all is committed: what counts is where the branch left its target."""
    here = repository(tmp_path, before=BEFORE)
    git(tmp_path, "checkout", "-q", "-b", "change")
    write(tmp_path, {AMBR: READS})
    git(tmp_path, "commit", "-qam", "new shape")
    assert check(here, CODE) == []
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "main")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert [one.path for one in check(project.find(tmp_path, []), CODE)] == [AMBR]


def test_what_github_checks_out_is_compared_with_the_branch_to_merge_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The merge of both, on no branch; a slash in a name, and what moved there, change nothing."""
    moved, here = "tests/api/__snapshots__/test_keys.ambr", repository(tmp_path, before=BEFORE)
    write(tmp_path, {moved: READS, "tests/api/test_keys.py": BEFORE[TESTS]})
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "keys")
    git(tmp_path, "switch", "-qc", "change")
    write(tmp_path, {AMBR: READS})
    git(tmp_path, "commit", "-qam", "new shape")
    git(tmp_path, "switch", "-q", "main")
    write(tmp_path, {moved: snapshot(test_reads="newer")})
    git(tmp_path, "commit", "-qam", "moved")
    git(tmp_path, "update-ref", "refs/remotes/origin/release/1.x", "main")
    git(tmp_path, "switch", "-q", "--detach")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "merged", "change")
    monkeypatch.setenv("GITHUB_BASE_REF", "release/1.x")
    assert [one.path for one in check(project.find(here.root, []), CODE)] == [AMBR]


def test_an_update_of_the_template_changes_suites_and_snapshots_alike(tmp_path: Path) -> None:
    answers = ".copier-answers.yml"
    before = {**BEFORE, answers: "_commit: v1\n"}
    after = {AMBR: READS, answers: "_commit: v2\n"}
    assert findings(tmp_path, after, select=CODE, before=before) == []
