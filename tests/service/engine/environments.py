"""Environments with other versions than our own, made from the package index or its cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import clean_environment

ROOT = Path(__file__).parents[3]
ENGINE = ROOT / "extensions/pytest-tpgen"
UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> tuple[int, str]:
    """Return the exit code of a command, and its output and errors."""
    environment = {**clean_environment(), "UV_PYTHON_DOWNLOADS": "never", **variables}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def skip_without_index(said: str) -> None:
    """Skip the test if a command failed because no package index answers, but never in CI."""
    unreachable = (
        "error sending request",
        "Network is unreachable",
        "dns error",
        "Could not connect",
    )
    if not os.environ.get("CI") and any(words in said for words in unreachable):
        pytest.skip("no package index can be reached")


def environment(folder: Path, *arguments: str | Path, python: str = sys.executable) -> Path:
    """Make a virtual environment, and return its interpreter.

    Args:
        folder: where it is made.
        arguments: of `uv pip install`.
        python: the interpreter that it is made from.
    """
    code, said = run(UV, "venv", "--quiet", "--python", python, folder)
    assert code == 0, said
    code, said = run(UV, "pip", "install", "--quiet", "--python", folder, *arguments)
    if code:
        skip_without_index(said)
    assert code == 0, said
    return folder / "bin/python"
