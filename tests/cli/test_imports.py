"""The packages import each other in one direction: the contracts in `pyproject.toml`."""

import subprocess
import sys
from pathlib import Path

from tpgen.core.commands import COMMANDS

ROOT = Path(__file__).parents[2]


def test_imports_point_downward() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_two_packages_have_a_module_of_the_same_name() -> None:
    """A name that is there twice is one role in two packages, or that of a command."""
    roles = {"__init__.py", "context.py", "messages.py", *(f"{name}.py" for name in COMMANDS)}
    names = [path.name for path in (ROOT / "extensions/tpgen").rglob("*.py")]
    assert {name for name in names if names.count(name) > 1} <= roles
