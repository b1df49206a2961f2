"""TPG501: what counts as an edit of the policy, on a rendered service."""

import re
from pathlib import Path

import pytest
from tpgen.check import project

from tests.checking import check, git, repository, write
from tests.rendering import Service

CODE = "TPG501"
SUITE = "tests/policy/suites/route.py"
NUMBERS = "tests/policy/policy.toml"
KIND = """

[kinds.job]
help = "a nightly job"
sources = ["jobs/{name}.py"]

[[kinds.job.tests]]
path = "tests/unit/jobs/test_{name}.py"
skeleton = "job.py.j2"
"""


@pytest.fixture
def root(service: Service) -> Path:
    """A service as it was copied and committed."""
    repository(service.path)
    return service.path


def edited(root: Path) -> list[str]:
    return [one.path for one in check(project.find(root, []), CODE)]


def test_a_fresh_copy_is_clean(root: Path) -> None:
    assert edited(root) == []


@pytest.mark.parametrize("committed", [False, True], ids=["staged", "committed"])
def test_an_edit_is_found(root: Path, committed: bool) -> None:
    write(root, {SUITE: (root / SUITE).read_text() + "# mine\n"})
    git(root, "add", "-A")
    if committed:
        git(root, "commit", "-qm", "an edit")
    assert edited(root) == [SUITE]


def test_a_file_that_is_gone_is_found(root: Path) -> None:
    (root / SUITE).unlink()
    assert edited(root) == [SUITE]


def test_a_number_is_found_and_a_kind_of_the_services_own_is_not(root: Path) -> None:
    numbers = (root / NUMBERS).read_text()
    write(root, {NUMBERS: numbers + KIND, "tests/policy/skeletons/job.py.j2": "\n"})
    assert edited(root) == []
    write(root, {NUMBERS: numbers.replace("seconds = 1.0", "seconds = 30.0")})
    assert edited(root) == [NUMBERS]


def test_a_known_kind_is_not_to_be_changed(root: Path) -> None:
    numbers = (root / NUMBERS).read_text()
    write(root, {NUMBERS: numbers.replace('methods = ["run"]', 'methods = ["walk"]')})
    assert edited(root) == [NUMBERS]


def test_what_an_update_brings_is_no_edit(root: Path) -> None:
    """Neither while it is staged nor once it is committed."""
    answers = (root / ".copier-answers.yml").read_text()
    newer = re.sub("^_commit: .*", "_commit: v9.9.9", answers, flags=re.MULTILINE)
    write(root, {SUITE: "# of the next version\n", ".copier-answers.yml": newer})
    assert edited(root) == []
    git(root, "commit", "-qam", "copier update")
    assert edited(root) == []


def test_another_edit_of_the_answers_is_no_update(root: Path) -> None:
    """Such as a corrected address of the template."""
    answers = (root / ".copier-answers.yml").read_text()
    write(root, {SUITE: "# mine\n", ".copier-answers.yml": answers + "# new\n"})
    assert edited(root) == [SUITE]
    git(root, "commit", "-qam", "an edit")
    assert edited(root) == [SUITE]


def test_a_shallow_clone_does_not_know(root: Path, tmp_path: Path) -> None:
    """Its only commit seems to have brought all: nothing is said rather than something wrong."""
    write(root, {SUITE: "# mine\n"})
    git(root, "commit", "-qam", "an edit")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    assert edited(tmp_path / "shallow") == []
    git(tmp_path, "clone", "-q", f"file://{root}", "whole")
    assert edited(tmp_path / "whole") == [SUITE]
