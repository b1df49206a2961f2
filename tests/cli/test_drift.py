"""`tpgen drift`: where the template's files in a service were edited by hand."""

import json
from pathlib import Path

import pytest

from tests.updating import Pair

KIND = """
[kinds.job]
help = "a job"
sources = ["jobs/{name}.py"]
tests = { "tests/unit/jobs/test_{name}.py" = "job.py.j2" }
"""


@pytest.fixture
def pair(first: Pair, tmp_path: Path) -> Pair:
    """A service of this test's own."""
    return first.copy(tmp_path)


def test_a_fresh_copy_has_none(pair: Pair) -> None:
    """Nor has one whose starter files were edited, or that has a kind of its own."""
    mine = ("src/gateway/app.py", "tests/conftest.py", "tests/unit/test_openai.py", "README.md")
    for name in mine:
        (pair.service.path / name).open("a").write("# mine\n")
    (pair.service.path / "tests/factories.py").unlink()
    (pair.service.path / "tests/policy/policy.toml").open("a").write(KIND)
    pair.service.write({"tests/policy/skeletons/job.py.j2": "\n"})
    done = pair.tpgen("drift")
    assert (done.code, done.text) == (0, "no file of the template differs from v1.0.0\n")


def test_edits_and_what_is_gone(pair: Pair) -> None:
    """Each place with its lines, whether it is committed or not."""
    edited = pair.read("codecov.yml").replace("target: 85%", "target: 60%")
    assert pair.service.commit({"codecov.yml": edited}, "--no-verify").code == 0
    line = edited.splitlines().index("        target: 60%") + 1
    (pair.service.path / "tests/policy/slow.py").unlink()
    (pair.service.path / "tests/policy/tasks.py").write_bytes(b"\xff\n")
    done = pair.tpgen("drift")
    assert done.code == 1
    assert done.text == (
        f"codecov.yml:{line}:\n    -        target: 85%\n    +        target: 60%\n"
        "tests/policy/slow.py: is missing\n"
        "tests/policy/tasks.py: was edited\n"
        "3 files of the template differ from v1.0.0\n"
    )
    assert pair.tpgen("drift", "tests").text.endswith(
        "2 files of the template differ from v1.0.0\n"
    )
    assert pair.tpgen("drift", "src", "Makefile").code == 0


def test_it_is_told_to_programs(pair: Pair) -> None:
    text = pair.read(".gitignore")
    pair.service.write({".gitignore": text + "mine\n"})
    done = pair.tpgen("drift", "--json")
    assert done.code == 1
    region = {"line": text.count("\n") + 1, "removed": [], "added": ["mine"]}
    assert json.loads(done.text) == {
        "version": 1,
        "from": "v1.0.0",
        "drift": [{"path": ".gitignore", "state": "edited", "regions": [region]}],
    }


def test_the_version_that_the_service_was_made_from_counts(pair: Pair) -> None:
    """Not the newest one: a service that is behind has not drifted."""
    pair.replace("questions/policy.yml", "new_code: 85", "new_code: 90")
    pair.release()
    assert pair.tpgen("drift").code == 0
    assert pair.tpgen("update").code == 0
    assert pair.tpgen("drift").text == "no file of the template differs from v2.0.0\n"


def test_ends_of_lines_are_none(pair: Pair) -> None:
    """Whichever way git ends them here."""
    file = pair.service.path / "codecov.yml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert pair.tpgen("drift").code == 0


def test_a_file_that_nobody_has(pair: Pair) -> None:
    done = pair.tpgen("drift", "codecov.yaml")
    assert (done.code, done.text) == (
        2,
        "tpgen: codecov.yaml is neither here nor in the template: name a file or a folder\n",
    )


def test_lines_are_those_of_an_editor(pair: Pair) -> None:
    """A form feed or a line separator ends none."""
    text = pair.read("codecov.yml").replace("target: 85%", "target: 60%")
    pair.service.write({"codecov.yml": f"# \f \u2028 mine\n{text}"})
    line = text.splitlines().index("        target: 60%") + 2
    assert f"codecov.yml:{line}:\n" in pair.tpgen("drift").text


def test_by_way_of_a_link(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(pair.service.path)
    (pair.service.path / "tests/policy/slow.py").unlink()
    done = pair.tpgen("drift", str(tmp_path / "link/tests"))
    assert (done.code, done.text.partition(":")[0]) == (1, "tests/policy/slow.py")
