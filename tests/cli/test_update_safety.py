"""No update loses a line: what it refuses, what it keeps, and what an interruption leaves."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from tpgen.core.errors import UserError
from tpgen.core.git import Git
from tpgen.update import git_merge as merging

from tests.hooks import Repository, repository
from tests.processes import clean_environment
from tests.updating import Pair, tree

ANSWERS = ".copier-answers.yml"
POLICY_FILE = "tests/policy/policy.toml"
WARNING = "writing; if it is interrupted"
BACK = "git reset --hard && git clean -fd :/"


@pytest.fixture(scope="session")
def newer(small: Pair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A service, and a template whose newer release changes, adds, removes and renames files."""
    made = small.copy(tmp_path_factory.mktemp("newer"))
    policy = "template/service/tests/policy/"
    made.replace("questions/policy.yml", "new_code: 85", "new_code: 90")
    made.source.git("mv", f"{policy}slow.py", f"{policy}watch.py")
    made.source.git("rm", "--quiet", f"{policy}tasks.py")
    made.source.write({f"{policy}stray.py": "def nothing() -> None: ...\n"})
    made.release()
    return made


@pytest.fixture
def pair(newer: Pair, tmp_path: Path) -> Pair:
    """Both, for this test alone."""
    return newer.copy(tmp_path)


def refused(pair: Pair, *arguments: str, **variables: str) -> str:
    """Update, which must change nothing; give the reason."""
    before, head = tree(pair.service.path), pair.service.git("rev-parse", "HEAD")
    status = pair.service.git("status", "--porcelain", "--ignored")
    done = pair.tpgen("update", *arguments, **variables)
    assert done.code == 2, done.text
    assert tree(pair.service.path) == before
    assert pair.service.git("rev-parse", "HEAD") == head
    assert pair.service.git("status", "--porcelain", "--ignored") == status
    (line,) = [one for one in done.text.splitlines() if one.startswith("tpgen: ")]
    return line


def answer(pair: Pair, key: str, value: str) -> None:
    """Change what the service remembers, and commit that."""
    known = yaml.safe_load(pair.read(ANSWERS)) | {key: value}
    assert pair.service.commit({ANSWERS: yaml.safe_dump(known)}, "--no-verify").code == 0


@pytest.mark.parametrize("name", ["codecov.yml", "src/gateway/new.py"])
def test_a_dirty_tree(pair: Pair, name: str) -> None:
    pair.service.write({name: "# mine\n"})
    said = refused(pair)
    assert f"{name} is not committed: commit, or `git stash push --include-untracked -- .`" in said


class LooksTooEarly(Git):
    """A git whose look at the tree came before the edit."""

    def uncommitted(self, below: str = ".") -> list[str]:
        return []


@pytest.mark.parametrize("git", [Git, LooksTooEarly])
@pytest.mark.parametrize("name", ["changed", "added", "renamed"])
def test_an_edit_while_the_update_is_prepared(tmp_path: Path, name: str, git: type[Git]) -> None:
    """It is there afterwards, and so is all else as it was."""
    made = repository(tmp_path / "service")
    assert made.commit({"changed": "1\n", "was": "2\n", "gone": "3\n"}).code == 0
    shutil.copytree(made.path, tmp_path / "old", ignore=shutil.ignore_patterns(".git"))
    new = repository(tmp_path / "new")
    new.write({"changed": "one\n", "added": "four\n", "renamed": "2\n"})
    versions = merging.versions(Git(made.path), tmp_path / "old", new.path, "new")
    made.write({name: "mine\n", "of mine": "too\n"})
    before = tree(made.path)
    with pytest.raises(UserError, match="while the update was prepared, so nothing was written"):
        merging.merge(replace(versions, git=git(made.path)))
    assert tree(made.path) == before


def follow(pair: Pair, said: str) -> None:
    """Run the one command that a refusal recommends, as a shell does; then the update works."""
    [command] = re.findall(r"`(git [^`]+)`", said)
    done = pair.service.run("sh", "-ec", command)
    assert done.code == 0, done.text
    if pair.service.git("status", "--porcelain"):
        pair.service.git("add", "--all")
        pair.service.git("commit", "--quiet", "--no-verify", "--message", "as the refusal says")
    done = pair.tpgen("update")
    assert done.code in {0, 1}, done.text
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")


def test_no_repository(pair: Pair) -> None:
    shutil.rmtree(pair.service.path / ".git")
    done = pair.tpgen("update")
    assert done.code == 2
    assert "is not committed to git" in done.text
    follow(pair, done.text)


def test_what_is_not_committed(pair: Pair) -> None:
    pair.service.write({"Makefile": "all:\n", "new.txt": "new\n"})
    follow(pair, refused(pair))
    assert "Makefile" in pair.service.git("stash", "show", "--include-untracked")


def test_a_merge_that_is_not_finished(pair: Pair) -> None:
    pair.service.git("checkout", "--quiet", "-b", "other")
    pair.service.commit({"codecov.yml": "# one\n"}, "--no-verify")
    pair.service.git("checkout", "--quiet", "main")
    pair.service.commit({"codecov.yml": "# other\n"}, "--no-verify")
    pair.service.run("git", "merge", "other")
    follow(pair, refused(pair))


@pytest.mark.parametrize(
    ("source", "reason"),
    {
        "../tpgen": "a path that depends on the folder where `copier copy` ran",
        "/nowhere/tpgen": "git says: fatal: repository '/nowhere/tpgen' does not exist",
        "/": "git says: fatal: repository '/' does not exist",
        "git+file:///nowhere/tpgen.git": "Is there a network, and may you read it?",
        "alias:tpgen.git": "Is there a network, and may you read it?",
    }.items(),
)
def test_a_template_that_can_not_be_updated_from(pair: Pair, source: str, reason: str) -> None:
    answer(pair, "_src_path", source)
    assert reason in refused(pair)


def test_no_answers(pair: Pair) -> None:
    pair.service.git("rm", "--quiet", ANSWERS)
    pair.service.commit({}, "--no-verify")
    assert f"{ANSWERS} is missing" in refused(pair)


def test_a_tag_that_is_gone(pair: Pair) -> None:
    pair.source.git("tag", "--delete", "v1.0.0")
    said = refused(pair)
    assert "has no v1.0.0 (it has v2.0.0), which this service was made from" in said
    assert f"set `_commit` in {ANSWERS} to the version that the service matches" in said


def test_a_file_that_git_ignores(pair: Pair) -> None:
    """Its edits would be overwritten: git does not know them."""
    pair.service.git("rm", "--cached", "--quiet", "codecov.yml")
    ignore = pair.read(".gitignore") + "codecov.yml\n"
    pair.service.commit({".gitignore": ignore}, "--no-verify")
    pair.service.write({"codecov.yml": "# mine\n"})
    said = refused(pair)
    assert "git ignores codecov.yml, where a file of the template is" in said
    follow(pair, said)
    assert "\n# mine\n" in pair.read("codecov.yml")


def test_an_ignored_file_where_a_new_one_belongs(pair: Pair) -> None:
    ignore = pair.read(".gitignore") + "stray.py\n"
    pair.service.commit({".gitignore": ignore}, "--no-verify")
    pair.service.write({"tests/policy/stray.py": "# mine\n"})
    assert "git ignores tests/policy/stray.py" in refused(pair)


@pytest.mark.parametrize(
    ("mine", "new"),
    [("scratch", "scratch/a.py"), ("work/p.txt", "work"), ("deep/er/p.txt", "deep")],
)
def test_ignored_files_in_the_place_of_a_folder_or_in_one(pair: Pair, mine: str, new: str) -> None:
    ignore = pair.read(".gitignore") + "scratch\nwork/*\ndeep/\n"
    pair.service.commit({".gitignore": ignore}, "--no-verify")
    pair.service.write({mine: "mine\n"})
    pair.source.write({f"template/service/{new}": "# new\n"})
    pair.release("v3.0.0")
    assert f"git ignores {mine}, where a file of the template is" in refused(pair)


def test_a_change_that_git_overlooks(pair: Pair) -> None:
    pair.service.git("update-index", "--assume-unchanged", "Makefile")
    (pair.service.path / "Makefile").open("a").write("# mine\n")
    said = refused(pair)
    assert "git was told to overlook changes of Makefile" in said
    follow(pair, said)
    assert pair.read("Makefile").endswith("# mine\n")


def test_another_git_command(pair: Pair) -> None:
    (pair.service.path / ".git/index.lock").touch()
    assert "index.lock is there: another git command runs here, or was killed" in refused(pair)


def test_in_a_hook_of_git(pair: Pair) -> None:
    """git tells a hook of the service's repository; the template's is another one."""
    pair.service.git("tag", "v9.9.9")
    done = pair.tpgen("update", "--check", GIT_DIR=str(pair.service.path / ".git"))
    assert "→ v2.0.0" in done.text
    done = pair.tpgen("update", GIT_DIR=str(pair.source.path / ".git"))
    assert done.code == 0, done.text
    assert "new_code = 90" in pair.service.git("show", ":tests/policy/policy.toml")


@pytest.mark.parametrize("arguments", [(), ("--to", "v2.0.0")])
def test_a_tag_that_is_no_version(pair: Pair, arguments: tuple[str, ...]) -> None:
    """git describes a commit by it; the service is remembered by the version."""
    pair.source.git("tag", "--annotate", "-m", "x", "stable", "v1.0.0")
    pair.source.git("tag", "--annotate", "-m", "x", "newest", "v2.0.0")
    done = pair.tpgen("update", *arguments)
    assert done.code == 0, done.text
    assert yaml.safe_load(pair.read(ANSWERS))["_commit"] == "v2.0.0"
    assert 'rev: "v2.0.0"' in pair.read(".pre-commit-config.yaml")


def test_a_commit_whose_name_looks_like_a_version(pair: Pair) -> None:
    """`55559b4` would be version 55559, beta 4."""
    made = (pair.source.git("commit-tree", "v1.0.0^{tree}", "-m", str(n)) for n in range(2000))
    commit = next(one for one in made if re.fullmatch(r"[1-9]\d{4,5}[abc]?\d", one[:7]))
    pair.source.git("branch", "old", commit)
    answer(pair, "_commit", commit[:7])
    assert "→ v2.0.0" in pair.tpgen("update", "--check").text


def test_a_kind_that_both_have(pair: Pair) -> None:
    """git merges both tables, which is no policy any more: a person must look."""
    kind = '[kinds.job]\nhelp = "a job"\nsources = ["jobs/{name}.py"]\n'
    kind += '[[kinds.job.tests]]\npath = "tests/unit/test_{name}.py"\nskeleton = "client.py.j2"\n'
    mine = pair.read("tests/policy/policy.toml") + kind
    assert pair.service.commit({"tests/policy/policy.toml": mine}, "--no-verify").code == 0
    line = "# Add the kinds of this service below this line"
    pair.replace("template/service/tests/policy/policy.toml.jinja", line, f"{kind}\n{line}")
    pair.release("v3.0.0")
    done = pair.tpgen("update")
    assert done.code == 1, done.text
    assert "broken    tests/policy/policy.toml is not TOML" in done.text


def test_a_policy_in_conflict(pair: Pair) -> None:
    """What comes next is to settle it, not to bring back the file of before."""
    mine = pair.read("tests/policy/policy.toml").replace("new_code = 85", "new_code = 60")
    assert pair.service.commit({"tests/policy/policy.toml": mine}, "--no-verify").code == 0
    done = pair.tpgen("update")
    assert "conflict  tests/policy/policy.toml: changed by both sides" in done.text
    said = pair.tpgen("check")
    assert said.code == 2
    assert "policy.toml has conflict markers of an update: choose the right lines" in said.text


def test_a_policy_that_this_tpgen_does_not_know(pair: Pair) -> None:
    line = 'help = "the client of an upstream"'
    pair.replace("template/service/tests/policy/policy.toml.jinja", line, f'owner = "me"\n{line}')
    pair.release("v3.0.0")
    said = refused(pair)
    assert "this tpgen is too old for the new policy, so nothing was changed (" in said
    assert "`owner` of [kinds.client] is unknown" in said


def test_a_policy_that_nobody_can_read(pair: Pair) -> None:
    pair.replace("template/service/tests/policy/policy.toml.jinja", "[slow]\n", "[slow\n")
    pair.release("v3.0.0")
    said = refused(pair)
    assert "the template at v3.0.0 is broken, so nothing was changed: tests/policy/policy" in said
    assert "(at line 7, column 6)" in said


def test_a_suite_with_a_syntax_error(pair: Pair) -> None:
    """Not announced as required cases that are gone."""
    pair.source.write({"template/service/tests/policy/stray.py": "def broken(:\n"})
    pair.release("v3.0.0")
    said = refused(pair)
    assert (
        "tests/policy/stray.py that it renders can't be read: invalid syntax (<unknown>, line 1)"
        in said
    )


def test_a_file_of_the_service_that_looks_like_one_of_the_template(pair: Pair) -> None:
    """Git takes it for a renamed one, and would change it without a word."""
    name = "tests/policy/told.py"
    mine = {"src/gateway/mine.py": pair.read(name) + "# mine\n"}
    pair.service.git("rm", "--quiet", name)
    assert pair.service.commit(mine, "--no-verify").code == 0
    theirs = pair.source.path / "template/service" / name
    theirs.write_text(theirs.read_text() + "# theirs\n")
    pair.release("v3.0.0")
    done = pair.tpgen("update")
    assert done.code == 1, done.text
    assert f"missing   {name}: the template changed it, and it was removed here" in done.text
    assert pair.read("src/gateway/mine.py").endswith("# mine\n")
    assert "mine.py" not in pair.service.git("status", "--porcelain")


def test_one_service_of_a_repository_with_others_that_are_dirty(pair: Pair, tmp_path: Path) -> None:
    """Neither an update nor its way back touches what is open in them, staged or not."""
    top = repository(tmp_path / "mono")
    ignored = shutil.ignore_patterns(".git")
    shutil.copytree(pair.service.path, top.path / "services/gateway", ignore=ignored)
    assert (
        top.commit({"services/mail/a.py": "1\n", "services/mail/b.py": "1\n"}, "--no-verify").code
        == 0
    )
    top.write({"services/mail/a.py": "staged\n"})
    top.git("add", "services/mail/a.py")
    top.write({"services/mail/b.py": "dirty\n", "services/mail/new.py": "new\n"})
    other = tree(top.path / "services/mail")
    service = Pair(pair.source, Repository(top.path / "services/gateway"))
    before = tree(service.service.path)
    done = service.tpgen("update")
    assert done.code == 0, done.text
    back = re.findall(r"if it is interrupted: `(.*)`", done.text)[0]
    assert f"`{back}` takes the update back." in done.text
    assert tree(service.service.path) != before
    assert service.service.run("sh", "-c", f"cd tests && {back}").code == 0
    assert (tree(service.service.path), tree(top.path / "services/mail")) == (before, other)
    staged = top.git("diff", "--cached", "--name-only").split()
    assert staged == ["services/mail/a.py"]


def test_the_template_is_transferred_once(pair: Pair, tmp_path: Path) -> None:
    """Copier clones it for each version, which takes most of the time of a fleet."""
    trace = tmp_path / "trace"
    before = pair.read(ANSWERS)
    assert pair.tpgen("update", GIT_TRACE=str(trace)).code == 0
    asked = [line for line in trace.read_text().splitlines() if "trace: run_command:" in line]
    source = str(pair.source.path)
    assert len([line for line in asked if "upload-pack" in line and source in line]) == 1, asked
    remembered = [line for line in before.splitlines() if line.startswith("_src_path")]
    assert remembered[0] in pair.read(ANSWERS).splitlines()


def test_a_part_that_is_turned_off_names_the_files_that_need_it(pair: Pair) -> None:
    name = "tests/integration/test_mine.py"
    mine = "from tests.policy.suites.vault import VaultSuite\n\n\nclass TestMine(VaultSuite): ...\n"
    assert pair.service.commit({name: mine}, "--no-verify").code == 0
    done = pair.tpgen("update", "--data", "vault=false")
    needs = "needs what `vault` gives, which is turned off: delete the tests that do"
    assert f"by hand   {name}:1: {needs}" in done.text


SETTINGS = {
    "color.ui": "always",
    "color.diff": "always",
    "column.ui": "always",
    "core.attributesFile": "{folder}/attributes",
    "core.quotePath": "true",
    "diff.mnemonicPrefix": "true",
    "diff.noPrefix": "true",
    "diff.renames": "copies",
    "grep.column": "true",
    "grep.fullName": "true",
    "grep.lineNumber": "true",
    "grep.patternType": "fixed",
    "log.showSignature": "true",
    "merge.conflictStyle": "diff3",
    "merge.renames": "false",
    "safe.bareRepository": "explicit",
    "status.relativePaths": "false",
    "status.showUntrackedFiles": "no",
    "submodule.recurse": "true",
}


def test_the_settings_of_a_person_change_nothing(pair: Pair, tmp_path: Path) -> None:
    """All at once: what is said and what is merged is the same."""
    rules = pair.source.path / "extensions/tpgen/rules"
    rules.mkdir(parents=True, exist_ok=True)
    (rules / "a_rule.py").write_text('    code="TPG999",\n    name="a-new-rule",\n')
    pair.release("v3.0.0")
    (tmp_path / "attributes").write_text("* -diff\n")
    plain, unusual = pair.copy(tmp_path / "plain"), pair.copy(tmp_path / "unusual")
    values = {key: value.format(folder=tmp_path) for key, value in SETTINGS.items()}
    variables = {"GIT_CONFIG_COUNT": str(len(values))}
    for number, (key, value) in enumerate(values.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    said = [plain.tpgen("update"), unusual.tpgen("update", **variables)]
    texts = [
        re.sub(r"\b[0-9a-f]{7,40}\b", "…", one.text.replace(f"/{name}/", "/"))
        for one, name in zip(said, ("plain", "unusual"), strict=True)
    ]
    assert [one.code for one in said] == [0, 0], texts
    assert texts[0] == texts[1]
    # The same commit, but for the address that it was rendered from.
    trees = [tree(one.service.path) for one in (plain, unusual)]
    assert trees[0].keys() == trees[1].keys()
    assert len({name for name in trees[0] if trees[0][name] != trees[1][name]}) <= 3
    drifted = [plain.tpgen("drift"), unusual.tpgen("drift", **variables)]
    assert drifted[0].text == drifted[1].text


def test_longer_markers_are_markers(pair: Pair) -> None:
    """With `conflict-marker-size` in the attributes of the repository."""
    attributes = {".gitattributes": "tests/** conflict-marker-size=12\n"}
    mine = pair.read(POLICY_FILE).replace("new_code = 85", "new_code = 99")
    assert pair.service.commit({**attributes, POLICY_FILE: mine}, "--no-verify").code == 0
    done = pair.tpgen("update")
    assert done.code == 1
    assert (
        f"conflict  {POLICY_FILE}: changed by both sides; what differs stands between" in done.text
    )


def test_a_tag_that_was_moved_is_told(pair: Pair) -> None:
    text = re.sub(r"@[0-9a-f]{40}#", f"@{'a' * 40}#", pair.read("pyproject.toml"))
    assert pair.service.commit({"pyproject.toml": text}, "--no-verify").code == 0
    done = pair.tpgen("update", "--check")
    assert (
        "the tag v1.0.0 of the template was moved: this service was made from commit aaaaaaaaaa"
        in done.text
    )


def test_an_answer_that_never_fitted_is_replaced(pair: Pair) -> None:
    """The command that the refusal recommends works."""
    answer(pair, "vault", "maybe")
    said = refused(pair)
    assert "refuses the answer `vault: maybe` and would take `True`; give another:" in said
    assert pair.tpgen("update", "--data", "vault=yes").code == 0


def test_what_is_renamed_by_both(pair: Pair) -> None:
    """And what can be done about it, in the words that are printed."""
    pair.service.git("mv", "tests/policy/slow.py", "tests/policy/mine.py")
    pair.service.commit({}, "--no-verify")
    done = pair.tpgen("update")
    assert done.code == 1, done.text
    for name in ("mine", "watch"):
        assert f"renamed   tests/policy/{name}.py: renamed here and in the template" in done.text
    assert "tests/policy/slow.py: " not in done.text
    pair.service.git("rm", "--quiet", "--force", "tests/policy/mine.py")
    pair.service.git("add", "tests/policy/watch.py")
    assert pair.service.run("git", "commit", "--no-verify", "-m", "chosen").code == 0


def test_a_file_that_becomes_a_folder(pair: Pair) -> None:
    policy = pair.source.path / "template/service/tests/policy"
    (policy / "told.py").unlink()
    pair.source.write({"template/service/tests/policy/told.py/inner.txt": "new\n"})
    mine = pair.read("tests/policy/told.py") + "# mine\n"
    assert pair.service.commit({"tests/policy/told.py": mine}, "--no-verify").code == 0
    pair.release("v3.0.0")
    done = pair.tpgen("update")
    assert done.code == 1, done.text
    assert "aside     tests/policy/told.py~" in done.text
    assert b"# mine" in b"".join(tree(pair.service.path).values())


@pytest.mark.parametrize("moved", [True, False], ids=["one place", "two places"])
def test_ownership_that_is_included_and_computed(pair: Pair, moved: bool) -> None:
    """What is the person's may stand in a file of the questions, and need a filter of Copier's."""
    text = (pair.source.path / "copier.yml").read_text()
    head, _, rest = text.partition("_exclude:\n")
    owners, _, rest = rest.partition("\n\n")
    if not moved:
        head, owners = f"{head}_exclude:\n{owners}\n\n", ""
    condition = "name | regex_search('^G') and policy.new_code and _copier_operation == 'update'"
    more = f"  - \"{{{{ 'Makefile' if {condition} else '' }}}}\""
    pair.source.write(
        {
            "copier.yml": f"{head}{rest}\n---\n!include questions/owners.yml\n",
            "questions/owners.yml": f"_exclude:\n{owners}\n{more}\n",
            "template/service/Makefile.jinja": "all:\n",
            "template/service/tests/conftest.py.jinja": "# new\n",
        }
    )
    pair.release("v3.0.0")
    before = pair.read("Makefile"), pair.read("tests/conftest.py")
    done = pair.tpgen("update")
    assert done.code == 0, done.text
    assert (pair.read("Makefile"), pair.read("tests/conftest.py")) == before


def test_a_starter_that_the_template_has_no_more(pair: Pair) -> None:
    """It stays, also where the template calls it its own from now on."""
    pair.replace("copier.yml", "%}/tests/**{%", "%}/tests/integration/**{%")
    pair.source.git("rm", "--quiet", "template/service/tests/factories.py.jinja")
    pair.release("v3.0.0")
    before = pair.read("tests/factories.py")
    done = pair.tpgen("update")
    assert done.code == 0, done.text
    assert pair.read("tests/factories.py") == before


def test_a_sparse_checkout(pair: Pair) -> None:
    """What is checked out is merged there, and all of it in git."""
    pair.service.git("sparse-checkout", "set", "src", "tests")
    done = pair.tpgen("update")
    assert done.code == 0, done.text
    assert "new_code = 90" in pair.service.git("show", ":tests/policy/policy.toml")
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")
    assert not (pair.service.path / ".github").exists()


def test_a_bare_repository(pair: Pair) -> None:
    bare = pair.source.path.with_name("bare.git")
    pair.source.git("clone", "--quiet", "--bare", ".", str(bare))
    for name in (ANSWERS, ".pre-commit-config.yaml"):
        text = pair.read(name).replace(f"git+{pair.source.path.as_uri()}", str(bare))
        pair.service.write({name: text.replace(pair.source.path.as_uri(), str(bare))})
    pins = pair.read("pyproject.toml").replace(pair.source.path.as_uri(), bare.as_uri())
    pair.service.commit({"pyproject.toml": pins}, "--no-verify")
    done = pair.tpgen("update")
    assert done.code == 0, done.text
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")


def test_a_folder_of_the_template_that_is_a_link_here(pair: Pair) -> None:
    """No edit behind it is lost."""
    pair.service.git("mv", "tests/policy", "mine")
    (pair.service.path / "tests/policy").symlink_to("../mine")
    (pair.service.path / "mine/tasks.py").open("a").write("# mine\n")
    pair.service.commit({}, "--no-verify")
    done = pair.tpgen("update")
    assert done.code in (1, 2), done.text
    assert "# mine" in pair.read("mine/tasks.py")
    assert "mine/" not in pair.service.git("status", "--porcelain")


def test_a_path_that_looks_like_a_pattern(pair: Pair) -> None:
    """`page[1].txt` is a file that was removed here, and no name for `page1.txt`."""
    pair.source.write({"template/service/tests/policy/page[1].txt": "one\n"})
    pair.release("v3.0.0")
    assert pair.tpgen("update").code == 0
    assert pair.service.commit({}, "--no-verify").code == 0
    mine = {"tests/policy/page1.txt": "mine\n"}
    pair.service.git("rm", "--quiet", "-f", ":(literal)tests/policy/page[1].txt")
    assert pair.service.commit(mine, "--no-verify").code == 0
    pair.source.write({"template/service/tests/policy/page[1].txt": "two\n"})
    pair.release("v4.0.0")
    done = pair.tpgen("update")
    assert "missing   tests/policy/page[1].txt: the template changed it" in done.text
    assert pair.read("tests/policy/page1.txt") == "mine\n"
    [command] = re.findall(r"`(git show [^`]+)`", done.text)
    assert pair.service.run("sh", "-c", command).text == "two\n"


def test_a_submodule_of_the_template(pair: Pair, tmp_path: Path) -> None:
    """Its files are the template's, as Copier gives them."""
    shared = repository(tmp_path / "shared")
    assert shared.commit({"words.txt": "shared\n"}).code == 0
    add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"]
    pair.source.git(*add, str(shared.path), "template/service/tests/policy/shared")
    pair.release("v3.0.0")
    allowed = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow"}
    done = pair.tpgen("update", GIT_CONFIG_VALUE_0="always", **allowed)
    assert done.code == 0, done.text
    assert pair.read("tests/policy/shared/words.txt") == "shared\n"
    assert "100644" in pair.service.git("ls-files", "--stage", "tests/policy/shared/words.txt")


def test_an_edit_in_a_submodule_of_the_service(pair: Pair, tmp_path: Path) -> None:
    """Whatever git was told to ignore of it: the way back would take it along."""
    mine = repository(tmp_path / "mine")
    assert mine.commit({"words.txt": "mine\n"}).code == 0
    add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", "mine"]
    pair.service.git(*add, str(mine.path), "mine")
    pair.service.git("config", "submodule.mine.ignore", "all")
    assert pair.service.commit({}, "--no-verify").code == 0
    pair.service.write({"mine/words.txt": "edited\n"})
    assert (
        "mine is not committed: commit, or `git stash push --include-untracked -- .`, in that sub"
        in (refused(pair))
    )


def test_once_more_before_it_is_committed(pair: Pair) -> None:
    """A bot that tries again does not take a conflict for done."""
    (pair.service.path / "tests/policy/tasks.py").open("a").write("# mine\n")
    pair.service.commit({}, "--no-verify")
    assert pair.tpgen("update").code == 1
    done = pair.tpgen("update")
    assert done.code == 2
    assert "an update needs a clean tree" in done.text


def test_a_conflict_that_git_can_not_mark(pair: Pair) -> None:
    """It is as it was here; the printed command shows the template's."""
    mine = pair.read("codecov.yml").replace("target: 85%", "target: 60%")
    pair.service.commit({"codecov.yml": mine, ".gitattributes": "*.yml -merge\n"}, "--no-verify")
    done = pair.tpgen("update")
    assert done.code == 1
    assert "codecov.yml: changed by both sides; it is as it was here, and `git show" in done.text
    assert pair.read("codecov.yml") == mine
    [command] = re.findall(r"`(git show [^`]+codecov.yml)`", done.text)
    assert "target: 90%" in pair.service.run("sh", "-c", command).text


def test_lines_that_end_as_windows_ends_them(pair: Pair) -> None:
    """As git has them: only what was edited is a conflict."""
    pair.service.git("config", "core.autocrlf", "false")
    name = "tests/policy/policy.toml"
    pair.service.write({name: pair.read(name).replace("\n", "\r\n").encode()})
    pair.service.commit({}, "--no-verify")
    done = pair.tpgen("update")
    assert done.code == 0, done.text
    assert "new_code = 90" in pair.read(name)


def test_what_can_not_be_printed(pair: Pair) -> None:
    """Nothing is written before the plan could be printed."""
    before = tree(pair.service.path)
    command = f"{sys.executable} -m tpgen update"
    done = pair.service.run("sh", "-c", f"{command} >/dev/full")
    assert (done.code, done.text) == (2, "tpgen: [Errno 28] No space left on device\n")
    assert tree(pair.service.path) == before


def test_a_text_is_taken_as_it_is(pair: Pair) -> None:
    """Not as YAML, which sees a comment, a number or a table in it."""
    for said in ("Talks to #ops", "Gateway: fast", "123", "yes"):
        assert pair.tpgen("update", "--data", f"description={said}").code == 0
        assert yaml.safe_load(pair.read(ANSWERS))["description"] == said
        pair.service.git("reset", "--quiet", "--hard")


def test_nobody_reads_on(pair: Pair) -> None:
    """What was merged is not called unchanged."""
    done = pair.service.run("sh", "-c", f"{sys.executable} -u -m tpgen update | head -1")
    assert done.code == 0
    assert "nothing was changed" not in done.text
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")


def test_an_older_version(pair: Pair) -> None:
    assert pair.tpgen("update").code == 0
    pair.service.commit({}, "--no-verify")
    said = refused(pair, "--to", "v1.0.0")
    assert "v1.0.0 is older than v2.0.0, which this service has" in said


def test_a_version_that_is_not_there(pair: Pair) -> None:
    assert "has no v7 (it has v2.0.0, v1.0.0)" in refused(pair, "--to", "v7")


@pytest.mark.parametrize("data", ["colour=red", "region"])
def test_an_answer_to_no_question(pair: Pair, data: str) -> None:
    reason = {"colour=red": "there is no question `colour` at v2.0.0; there are", "region": "KEY"}
    assert reason[data] in refused(pair, "--data", data)


def test_an_answer_that_does_not_fit_any_more(pair: Pair) -> None:
    file = pair.source.path / "questions/key_prefix.jinja"
    file.write_text(file.read_text().replace("{1,9}", "{4,9}"))
    pair.release("v3.0.0")
    said = refused(pair)
    assert (
        'v3.0.0 with the answers of this service, so nothing was changed: key_prefix: "tp" must be'
        in said
    )
    assert pair.tpgen("update", "--data", "key_prefix=tpgen").code == 0
    assert yaml.safe_load(pair.read(ANSWERS))["key_prefix"] == "tpgen"


def test_an_answer_that_a_validator_refuses(pair: Pair) -> None:
    """Copier alone would replace it by the default, and say nothing."""
    questions = pair.source.path / "questions/parts.yml"
    rule = '\n  validator: "{% if vault %}no vaults any more{% endif %}"\n'
    text = questions.read_text()
    questions.write_text(text.replace("\n\nfrontend:", f"{rule}\nfrontend:"))
    pair.release("v3.0.0")
    said = refused(pair)
    assert "no vaults any more. `tpgen update --data KEY=VALUE` overrides an answer" in said


def test_what_waits(pair: Pair) -> None:
    """Exit code 1 while an update waits; an object for programs; nothing is written."""
    done = pair.tpgen("update", "--check")
    assert (done.code, done.text) == (
        1,
        "update available: v1.0.0 → v2.0.0: `tpgen update`\n",
    )
    done = pair.tpgen("update", "--check", "--json")
    said = json.loads(done.text)
    assert (done.code, said["waits"], said["from"], said["to"]) == (1, True, "v1.0.0", "v2.0.0")
    assert pair.service.git("status", "--porcelain") == ""
    assert pair.tpgen("update").code == 0
    pair.service.commit({}, "--no-verify")
    for arguments in (["--check"], []):
        done = pair.tpgen("update", *arguments)
        assert (done.code, done.text) == (
            0,
            "no update available: this service has v2.0.0\n",
        )


def test_a_dry_run_writes_nothing(pair: Pair) -> None:
    before = tree(pair.service.path)
    done = pair.tpgen("update", "--dry-run")
    assert done.code == 0
    assert "covered to 90 %" in done.text
    assert "renamed   tests/policy/slow.py -> tests/policy/watch.py" in done.text
    assert "gone      tests/policy/tasks.py" in done.text
    assert tree(pair.service.path) == before
    assert pair.service.git("status", "--porcelain") == ""


def test_a_file_that_the_service_never_had(pair: Pair) -> None:
    """A service that was wired by hand has few of the template's files; the others don't concern it."""
    pair.service.git("checkout", "--quiet", "--orphan", "wired")
    pair.service.git("rm", "--quiet", "--force", "codecov.yml")
    assert pair.service.commit({}, "--no-verify").code == 0
    done = pair.tpgen("update")
    assert done.code == 0, done.text
    assert "codecov.yml: the template changed it" not in done.text
    assert not (pair.service.path / "codecov.yml").exists()


def test_a_removed_file_that_the_template_renames(pair: Pair) -> None:
    """Git has it under its new name, which the service never had."""
    pair.service.git("rm", "--quiet", "tests/policy/slow.py")
    assert pair.service.commit({}, "--no-verify").code == 0
    done = pair.tpgen("update")
    assert done.code == 1, done.text
    assert "missing   tests/policy/watch.py: the template changed it" in done.text


def test_what_a_person_must_look_at(pair: Pair) -> None:
    """A conflict, an edited file that is gone, one that a person removed; a rename merges."""
    numbers = pair.read("tests/policy/policy.toml").replace("new_code = 85", "new_code = 70")
    mine = {
        "tests/policy/policy.toml": numbers,
        "tests/policy/tasks.py": pair.read("tests/policy/tasks.py") + "# mine\n",
        "tests/policy/slow.py": pair.read("tests/policy/slow.py") + "# mine too\n",
    }
    (pair.service.path / "codecov.yml").unlink()
    assert pair.service.commit(mine, "--no-verify").code == 0
    done = pair.tpgen("update")
    assert done.code == 1, done.text
    assert "conflict  tests/policy/policy.toml: changed by both sides" in done.text
    assert "kept      tests/policy/tasks.py: the template removed it" in done.text
    assert "missing   codecov.yml: the template changed it, and it was removed here" in done.text
    assert "new_code = 70\n=======\nnew_code = 90\n" in pair.read("tests/policy/policy.toml")
    assert pair.read("tests/policy/tasks.py").endswith("# mine\n")
    assert pair.read("tests/policy/watch.py").endswith("# mine too\n")
    assert not (pair.service.path / "codecov.yml").exists()
    show = done.text.partition("so it stays away: `")[2].partition("`")[0]
    assert "target: 90%" in pair.service.run(*show.split()).text
    # Nobody commits it by mistake.
    assert pair.service.run("git", "commit", "-m", "oops").code != 0
    pair.service.git("reset", "--hard", "--quiet")
    assert pair.service.git("status", "--porcelain") == ""


def test_plain_copier_says_nothing_of_a_lost_edit_and_the_check_does(pair: Pair) -> None:
    mine = pair.read("tests/policy/tasks.py") + "# mine\n"
    assert pair.service.commit({"tests/policy/tasks.py": mine}, "--no-verify").code == 0
    assert pair.update("copier").code == 0
    assert not (pair.service.path / "tests/policy/tasks.py").exists()
    found = json.loads(pair.theirs("check", "--format=json", "--select=TPG501").text)["findings"]
    assert [(one["level"], one["path"]) for one in found] == [("warning", "tests/policy/tasks.py")]
    show = found[0]["message"].partition("`")[2].partition("`")[0]
    assert pair.service.run(*show.split()).text == mine


def test_an_edit_that_a_renamed_file_takes_along_is_not_lost(pair: Pair) -> None:
    """Nor does the check say so, before the update is committed and after."""
    mine = pair.read("tests/policy/slow.py") + "# mine\n"
    pair.service.commit({"tests/policy/slow.py": mine}, "--no-verify")
    assert pair.tpgen("update").code == 0
    assert "# mine" in pair.read("tests/policy/watch.py")
    assert (
        json.loads(pair.theirs("check", "--format=json", "--select=TPG501").text)["findings"] == []
    )
    pair.service.git("commit", "--quiet", "--no-verify", "-m", "update")
    said = pair.theirs("check", "--format=json", "--select=TPG501", "--base=HEAD~1")
    assert json.loads(said.text)["findings"] == []


def test_two_branches_one_of_which_scaffolds(pair: Pair) -> None:
    """The update and a new component merge; so do two components."""
    assert pair.service.commit({"src/gateway/__init__.py": ""}, "--no-verify").code == 0
    for name, component in (("left", "detect_keys"), ("right", "detect_links")):
        pair.service.git("checkout", "--quiet", "-b", name, "main")
        assert pair.tpgen("step", component, "--with-source").code == 0
        assert pair.service.commit({}, "--no-verify").code == 0
    pair.service.git("checkout", "--quiet", "main")
    assert pair.tpgen("update").code == 0
    pair.service.commit({}, "--no-verify")
    for name in ("left", "right"):
        done = pair.service.run("git", "merge", "--no-edit", "--no-verify", name)
        assert done.code == 0, done.text
    for component in ("detect_keys", "detect_links"):
        assert (pair.service.path / f"tests/unit/pipeline/steps/test_{component}.py").exists()
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")


def test_a_service_in_a_folder_of_a_repository(pair: Pair, tmp_path: Path) -> None:
    """Its neighbours are left alone, and paths are those of the service."""
    shutil.rmtree(pair.service.path / ".git")
    top = tmp_path / "top"
    (top / "services").mkdir(parents=True)
    shutil.move(pair.service.path, top / "services/mail")
    (top / "other.txt").write_text("other\n")
    mail = top / "services/mail"
    (mail / "tests/policy/tasks.py").open("a").write("# mine\n")
    whole = repository(top)
    done = Pair(pair.source, type(whole)(mail)).tpgen("update", "--json")
    assert done.code == 1, done.text
    assert json.loads(done.text[done.text.index("{") :])["merged"]["kept"] == [
        "tests/policy/tasks.py"
    ]
    changed = whole.git("diff", "--cached", "--name-only").splitlines()
    assert changed and all(name.startswith("services/mail/") for name in changed)


def start(pair: Pair) -> "subprocess.Popen[str]":
    """Start an update, in a group of processes of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tpgen", "update"],
        cwd=pair.service.path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_it_writes(process: "subprocess.Popen[str]") -> list[str]:
    """What an update says until it begins to write."""
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if WARNING in line:
            break
    return said


def test_killed_at_any_moment(pair: Pair) -> None:
    """Ten times: nothing has changed, or the command that was told brings all back."""
    before = tree(pair.service.path)
    began = time.monotonic()
    with start(pair) as whole:
        assert WARNING in "".join(until_it_writes(whole))
        writes = time.monotonic()
        assert whole.wait() == 0
    ended = time.monotonic()
    assert tree(pair.service.path) != before
    pair.service.run("sh", "-c", BACK)
    assert tree(pair.service.path) == before
    moments = random.Random(5)
    touched = 0
    for number in range(10):
        with start(pair) as process:
            if number % 2:
                # While it writes, which is short.
                assert BACK in until_it_writes(process)[-1]
                left = moments.uniform(0, ended - writes)
            else:
                left = moments.uniform(0, writes - began)
            with suppress(subprocess.TimeoutExpired):
                process.wait(left)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        touched += tree(pair.service.path) != before
        (pair.service.path / ".git/index.lock").unlink(missing_ok=True)
        pair.service.run("sh", "-c", BACK)
        assert tree(pair.service.path) == before
        assert pair.service.git("status", "--porcelain") == ""
        assert pair.service.git("fsck", "--no-dangling") == ""
    assert touched


def full_disk(folder: Path, size: str) -> None:
    """Put a small disk where a folder is; skip where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr}")


def fill(folder: Path, left: int) -> None:
    """Fill a disk but for some bytes."""
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(b"\0" * max(0, free - left))


LEFT = [0, 16 * 1024, 40 * 1024, 60 * 1024, 4 * 1024 * 1024]


@pytest.mark.parametrize("left", LEFT)
def test_a_full_disk(pair: Pair, tmp_path: Path, left: int) -> None:
    """Wherever it gets full: nothing has changed."""
    disk = tmp_path / "disk"
    full_disk(disk, "12m")
    try:
        shutil.copytree(pair.service.path, disk / "service", symlinks=True)
        small = Pair(pair.source, type(pair.service)(disk / "service"))
        before = tree(disk / "service")
        small.service.git("status", "--porcelain")
        fill(disk, left)
        done = small.tpgen("update")
        (disk / "filler").unlink()
        assert (done.code == 0) == (left == LEFT[-1]), done.text
        if done.code:
            assert done.code == 2
            assert "nothing was changed" in done.text or "brings everything back" in done.text
            small.service.run("sh", "-c", BACK)
        else:
            assert "new_code = 90" in (disk / "service/tests/policy/policy.toml").read_text()
            small.service.git("reset", "--quiet", "--hard")
        assert tree(disk / "service") == before
        assert small.service.git("status", "--porcelain") == ""
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_no_room_for_what_is_rendered(pair: Pair, tmp_path: Path) -> None:
    full_disk(tmp_path / "tmp", "200k")
    try:
        said = refused(pair, TMPDIR=str(tmp_path / "tmp"))
        assert "nothing was changed" in said
    finally:
        subprocess.run(["umount", str(tmp_path / "tmp")], check=True)


@pytest.fixture(scope="module")
def versions(small: Pair, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Two versions of what the template gives, and a folder to work in."""
    folder = tmp_path_factory.mktemp("property")
    old, new = folder / "old", folder / "new"
    shutil.copytree(small.service.path, old, ignore=shutil.ignore_patterns(".git"))
    shutil.copytree(old, new)
    for number, path in enumerate(sorted(new.rglob("*.*"))):
        if not path.is_file():
            continue
        text = path.read_text()
        if number % 7 == 0:
            path.rename(path.with_name(f"new_{path.name}"))
        elif number % 7 == 1:
            path.unlink()
        elif number % 7 < 5:
            lines = text.splitlines(keepends=True)
            lines[len(lines) // 2 : len(lines) // 2 + 2] = [f"# of the template {number}\n"]
            path.write_text("".join(lines))
    return old, new, folder


NAMES = st.integers(0, 10_000)
EDITS = st.lists(
    st.tuples(NAMES, st.sampled_from(["insert", "replace", "delete", "append", "crlf"]), NAMES),
    min_size=1,
    max_size=12,
)


@example(edits=[(0, "append", 0), (1, "insert", 3), (2, "replace", 9)])
@given(edits=EDITS)
def test_every_edited_line_is_there_or_in_a_conflict(
    versions: tuple[Path, Path, Path], edits: list[tuple[int, str, int]]
) -> None:
    """Random edits of random files, then the merge of the two versions."""
    old, new, folder = versions
    shutil.rmtree(folder / "service", ignore_errors=True)
    shutil.copytree(old, folder / "service")
    mine = written(folder / "service", edits)
    made = repository(folder / "service")
    both = merging.versions(Git(made.path), old, new, "new")
    merged = merging.merge(both)
    after = tree(made.path)
    for name, line in mine.items():
        there = [path for path, content in after.items() if line in content]
        assert there, (name, line, merged)
        assert any(p == name or p.endswith(f"new_{Path(name).name}") for p in there)
    marked = {name for name, content in after.items() if b"\n>>>>>>> " in content}
    assert marked <= set(merged.conflicts)


def written(folder: Path, edits: list[tuple[int, str, int]]) -> dict[str, bytes]:
    """Make some edits; give the line that each file got, in a spelling that is no UTF-8."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    mine = {}
    for number, (which, what, where) in enumerate(edits):
        path = files[which % len(files)]
        lines = path.read_bytes().splitlines(keepends=True)
        at = where % (len(lines) + 1)
        line = b"# mine \xe9 %d\n" % number
        if what == "crlf":
            lines = [one.rstrip(b"\r\n") + b"\r\n" for one in lines]
        elif what == "delete":
            del lines[at : at + 3]
        elif what == "append":
            lines.append(line)
        else:
            lines[at : at + (what == "replace")] = [line]
        path.write_bytes(b"".join(lines))
        if line in lines:
            mine[path.relative_to(folder).as_posix()] = line.rstrip(b"\n")
    content = tree(folder)
    return {name: line for name, line in mine.items() if line in content[name]}
