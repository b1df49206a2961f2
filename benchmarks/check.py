"""`tpgen check`, from the start of the process to its end, against ruff without its cache."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

from .measure import Row, in_turn, ratio
from .service import Service

FILES = 10_000
TARGET = 5
OURS = Path(__file__).parents[1] / "tests"


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    large, small = service.copy("large", {}).path, service.copy("staged", {}).path
    for folder in (large, small):
        _commit(folder)
    _fill(large)
    step = "src/gateway/pipeline/steps/detect_pii.py"
    staged = [step, "tests/unit/pipeline/steps/test_detect_pii.py"]
    check, ruff = [sys.executable, "-m", "tpgen", "check"], [sys.executable, "-m", "ruff", "check"]
    sides = {
        "check": _side(check, large),
        "ruff": _side([*ruff, "--no-cache", "--quiet"], large),
        "staged": _side([*check, *staged], small),
        "pass": _side([sys.executable, "-c", "pass"], small),
    }
    times = in_turn(sides, repeats)
    files = f"{FILES:,} test files"
    return [
        ratio(f"`tpgen check` of {files} / `ruff check`", times, "check", "ruff", TARGET),
        ratio("`tpgen check` of two staged files / `python -c pass`", times, "staged", "pass"),
    ]


def _commit(folder: Path) -> None:
    who = ["-c", "user.name=Jane", "-c", "user.email=jane@example.com"]
    for command in (["init", "--quiet"], ["add", "-A"], [*who, "commit", "--quiet", "-m", "one"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def _fill(folder: Path) -> None:
    """Add copies of real tests: those of the service, and our own."""
    for number, text in enumerate(islice(cycle(_tests(folder)), FILES)):
        file = folder / f"tests/unit/part{number // 100}/test_{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)


def _tests(folder: Path) -> list[bytes]:
    # Not those of the rules: they are made of what a check has to look at twice.
    files = [*sorted((folder / "tests").rglob("test_*.py")), *sorted(OURS.glob("test_*.py"))]
    return [file.read_bytes() for file in files]


def _side(command: Sequence[str], folder: Path) -> Callable[[], float]:
    def timed() -> float:
        # Whoever runs a command twice has it byte-compiled.
        env = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        start = time.perf_counter()
        # Findings are no failure here: both find some.
        ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
        assert ended.returncode in (0, 1), ended.stderr.decode()
        return time.perf_counter() - start

    return timed
