"""The change that the gate judges, read from real repositories."""

import os
from pathlib import Path

import pytest
from tpgen.core.errors import UserError
from tpgen.gate import diff

from tests.hooks import Repository, repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = repository(tmp_path / "repo")
    made.commit({"a.py": "one\ntwo\nthree\nfour\n", "b.py": "x\n" * 9, "sub/c.py": "c\n"})
    return made


def lines(repo: Repository, base: str = "main", below: str = ".") -> dict[str, list[int]]:
    found = diff.read(repo.path / below, base)
    return {path: sorted(file.lines) for path, file in found.files.items()}


def diverge(repo: Repository) -> None:
    """Commit to a new branch `work`, which is checked out, and afterwards to main."""
    repo.git("switch", "--quiet", "--create", "work")
    repo.commit({"a.py": "ONE\ntwo\nthree\nfour\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit({"b.py": "y\n"})
    repo.git("switch", "--quiet", "work")


def test_new_and_edited_lines(repo: Repository) -> None:
    repo.write({"a.py": "one\nTWO\nthree\nfour\nfive\n", "new.py": "1\n2", "ü 'x\".py": "1"})
    repo.git("add", "a.py")
    assert lines(repo) == {"a.py": [2, 5], "new.py": [1, 2], "ü 'x\".py": [1]}


def test_deleted_lines_leave_the_file_touched(repo: Repository) -> None:
    repo.write({"a.py": "one\nfour\n"})
    assert lines(repo) == {"a.py": []}
    assert diff.read(repo.path, "main").files["a.py"].cuts == {1}


def test_a_deleted_file(repo: Repository) -> None:
    repo.git("rm", "--quiet", "a.py")
    found = diff.read(repo.path, "main")
    assert not found.files
    assert found.removed == {"a.py"}
    assert found.before("a.py").startswith("one")


def test_a_renamed_file_is_not_edited(repo: Repository) -> None:
    repo.git("mv", "b.py", "d.py")
    found = diff.read(repo.path, "main")
    assert not found.files
    assert found.removed == {"b.py"}


def test_a_file_that_is_renamed_but_not_added(repo: Repository) -> None:
    (repo.path / "b.py").rename(repo.path / "d.py")
    assert not diff.read(repo.path, "main").files
    assert repo.git("status", "--short").splitlines() == ["D b.py", "?? d.py"]


def test_a_file_that_comes_from_another_top_folder_is_new(repo: Repository) -> None:
    (repo.path / "src").mkdir()
    repo.git("mv", "b.py", "src/d.py")
    assert lines(repo) == {"src/d.py": [*range(1, 10)]}


def test_an_edit_in_the_instant_of_a_commit(repo: Repository) -> None:
    """Of the same size: git compares the content then, because its index is as old."""
    repo.git("config", "core.trustctime", "false")
    os.utime(repo.path / "a.py", (1, 1))
    repo.git("add", "a.py")
    repo.write({"a.py": (repo.path / "a.py").read_text().upper()})
    for path in ("a.py", ".git/index"):
        os.utime(repo.path / path, (1, 1))
    assert lines(repo) == {"a.py": [1, 2, 3, 4]}


def test_a_renamed_package_is_not_edited(repo: Repository) -> None:
    repo.commit({"app/a.py": "x = 1\n", "app/b.py": "y = 1\n"})
    repo.git("mv", "app", "orders")
    repo.write({"orders/b.py": "y = 2\n"})
    assert {*diff.read(repo.path, "main").files} == {"orders/b.py"}


def test_a_renamed_and_edited_file(repo: Repository) -> None:
    repo.git("mv", "b.py", "d.py")
    repo.write({"d.py": "x\n" * 9 + "y\n"})
    found = diff.read(repo.path, "main")
    assert found.files["d.py"].lines == {10}
    assert found.files["d.py"].was == "b.py"
    assert found.before("d.py") == "x\n" * 9


def test_a_file_that_becomes_a_link(repo: Repository) -> None:
    (repo.path / "a.py").unlink()
    (repo.path / "a.py").symlink_to("b.py")
    repo.write({"b.py": "y\n"})
    assert lines(repo) == {"b.py": [1]}


def test_a_service_below_the_top(repo: Repository) -> None:
    repo.write({"sub/c.py": "c\nd\n", "a.py": "changed\n", "sub/new.py": "1\n"})
    assert lines(repo, below="sub") == {"c.py": [2], "new.py": [1]}


def test_what_a_merge_brings_is_not_part_of_the_change(repo: Repository) -> None:
    diverge(repo)
    repo.git("merge", "--quiet", "--no-edit", "main")
    assert lines(repo) == {"a.py": [1]}


def test_commits_of_the_base_after_the_branch_are_not_part_of_it(repo: Repository) -> None:
    diverge(repo)
    assert lines(repo) == {"a.py": [1]}
    repo.git("rebase", "--quiet", "main")
    assert lines(repo) == {"a.py": [1]}


def test_the_settings_of_a_person_change_nothing(repo: Repository) -> None:
    for setting in ("diff.noPrefix", "diff.mnemonicPrefix"):
        repo.git("config", setting, "true")
    for setting, value in {
        "diff.context": "9",
        "diff.external": "false",
        "color.ui": "always",
    }.items():
        repo.git("config", setting, value)
    repo.write({".gitattributes": "*.py binary\n", "a.py": "one\nTWO\nthree\nfour\n"})
    assert lines(repo) == {".gitattributes": [1], "a.py": [2]}


def test_a_submodule_is_not_part_of_the_change(repo: Repository, tmp_path: Path) -> None:
    other = repository(tmp_path / "other")
    other.commit({"x.py": "1\n"})
    allow = ("-c", "protocol.file.allow=always")
    repo.git(*allow, "submodule", "--quiet", "add", other.path.as_uri(), "module")
    assert "module" not in lines(repo)
    assert "module/x.py" not in lines(repo)


def test_a_missing_base_says_what_to_fetch(repo: Repository) -> None:
    with pytest.raises(UserError, match=r"no revision origin/main .* `--base main`"):
        diff.read(repo.path, "origin/main")
    repo.git("remote", "add", "origin", "https://git.example.com/repo")
    with pytest.raises(UserError, match=r"no revision origin/main .* `git fetch origin main`"):
        diff.read(repo.path, "origin/main")


def test_a_shallow_clone_says_what_to_fetch(repo: Repository, tmp_path: Path) -> None:
    repo.git("switch", "--quiet", "--create", "work")
    repo.commit({"a.py": "1\n"})
    repo.commit({"a.py": "2\n"})
    clone = Repository(tmp_path / "clone")
    options = ("--quiet", "--depth=1", "--no-single-branch")
    repo.git("clone", *options, repo.path.as_uri(), str(clone.path))
    clone.git("checkout", "--quiet", "origin/work")
    with pytest.raises(UserError, match=r"shallow, .* `git fetch --unshallow`"):
        diff.read(clone.path, "origin/main")


def test_what_git_cannot_add_is_one_error(repo: Repository) -> None:
    """A repository without a commit in the folder."""
    repository(repo.path / "inner")
    (repo.path / "inner/.git/refs/heads/main").unlink()
    with pytest.raises(UserError, match="git can't compare with"):
        diff.read(repo.path, "main")


def test_branches_without_a_common_commit(repo: Repository) -> None:
    repo.git("switch", "--quiet", "--orphan", "alone")
    repo.commit({"x.py": "1\n"})
    with pytest.raises(UserError, match="no commit in common"):
        diff.read(repo.path, "main")


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="in no Git repository"):
        diff.read(tmp_path, "main")
