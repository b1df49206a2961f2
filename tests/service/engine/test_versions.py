"""A small service runs on the lowest and on the highest versions of all that the engine needs."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.service.engine.environments import ENGINE, ROOT, UV, environment, run
from tests.service.engine.trees import POLICY

SAMPLE = Path(__file__).with_name("sample")
# Of the service: the lowest versions that the engine supports.
LOWEST = ("fastapi==0.115.0", "syrupy==6.0.0")
HIGHEST = ("fastapi", "syrupy")
TESTS = 29


def newest_python() -> str:
    """Return the newest CPython of this machine, as it is found without a download."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = {sys.version_info[:2]: sys.executable}
    for python in versions.glob("3.*/bin/python"):
        if version := re.match(r"3\.(\d+)\.\d+$", python.parents[1].name):
            found[3, int(version[1])] = str(python)
    for minor in range(sys.version_info[1] + 1, 20):
        code, said = run(UV, "python", "find", "--no-project", f"3.{minor}")
        if code == 0:
            found[3, minor] = said.strip()
    return found[max(found)]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The small service, with the suites of the template."""
    folder = shutil.copytree(SAMPLE, tmp_path / "service")
    suites = ROOT / "template/service/tests/policy/suites"
    shutil.copytree(
        suites,
        folder / "tests/policy/suites",
        ignore=lambda _, names: {name for name in names if "{" in name or name == "__pycache__"},
    )
    shutil.copy(ROOT / "template/service/tests/policy/__init__.py", folder / "tests/policy")
    (folder / "tests/policy/policy.toml").write_text(POLICY)
    return folder


def assert_runs(python: Path, service: Path) -> None:
    """Run the service's tests: first to write the snapshots, then to compare with them."""
    for options in (("--snapshot-update",), ()):
        code, said = run(
            python, "-m", "pytest", "-ra", *options, cwd=service, TEST_POSTGRES="embedded"
        )
        assert code == 0, said
    assert f"{TESTS} passed, 1 skipped" in said, said
    assert "names no row of a tenant" in said


def test_the_lowest_versions(sample: Path, tmp_path: Path) -> None:
    python = environment(
        tmp_path / "venv", "--resolution=lowest-direct", f"{ENGINE}[embedded]", *LOWEST
    )
    assert_runs(python, sample)


def test_the_highest_versions(sample: Path, tmp_path: Path) -> None:
    newest = newest_python()
    if newest == sys.executable:
        print("this machine has no newer CPython than the one that runs the tests")
    python = environment(tmp_path / "venv", f"{ENGINE}[embedded]", *HIGHEST, python=newest)
    assert_runs(python, sample)
