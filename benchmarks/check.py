"""`tpgen check` against ruff without its cache: processor time of all their processes."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

from .measure import Row, in_turn, ratio
from .service import Service

FILES = 10_000
TARGET = 8
OURS = Path(__file__).parents[1] / "tests"


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    theirs, ours, small = (service.copy(name, {}).path for name in ("theirs", "ours", "staged"))
    for folder in (theirs, ours, small):
        _commit(folder)
    _fill(theirs, sorted((small / "tests").rglob("test_*.py")))
    # These speak of mocks and pauses in texts, so that a check has to look at most of them twice.
    _fill(ours, sorted(OURS.glob("*/test_*.py")))
    step = "src/gateway/pipeline/steps/detect_pii.py"
    staged = [step, "tests/unit/pipeline/steps/test_detect_pii.py"]
    check, ruff = [sys.executable, "-m", "tpgen", "check"], [sys.executable, "-m", "ruff", "check"]
    cold = [*check, "--no-cache"]
    sides = {
        "theirs": _side(cold, theirs),
        "theirs, warm": _side(check, theirs),
        "theirs by ruff": _side([*ruff, "--no-cache", "--quiet"], theirs),
        "ours": _side(cold, ours),
        "ours by ruff": _side([*ruff, "--no-cache", "--quiet"], ours),
        "staged": _side([*check, *staged], small),
        "pass": _side([sys.executable, "-c", "pass"], small),
    }
    times = in_turn(sides, repeats)
    what = f"`tpgen check` / `ruff check`, {FILES:,} test files"
    return [
        ratio(f"{what} of a service", times, "theirs", "theirs by ruff", TARGET),
        ratio(f"{what} of a service, with its cache", times, "theirs, warm", "theirs by ruff"),
        ratio(f"{what} of tpgen", times, "ours", "ours by ruff"),
        ratio("`tpgen check` of two staged files / `python -c pass`", times, "staged", "pass"),
    ]


def _commit(folder: Path) -> None:
    who = ["-c", "user.name=Jane", "-c", "user.email=jane@example.com"]
    for command in (["init", "--quiet"], ["add", "-A"], [*who, "commit", "--quiet", "-m", "one"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def _fill(folder: Path, tests: Sequence[Path]) -> None:
    """Add copies of real tests."""
    texts = [test.read_bytes() for test in tests]
    for number, text in enumerate(islice(cycle(texts), FILES)):
        file = folder / f"tests/unit/part{number // 100}/test_{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)


def _side(command: Sequence[str], folder: Path) -> Callable[[], float]:
    def timed() -> float:
        # Whoever runs a command twice has it byte-compiled.
        env = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        start = _processor_time()
        # Findings are not a failure here: both find some.
        ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
        assert ended.returncode in (0, 1), ended.stderr.decode()
        return _processor_time() - start

    return timed


def _processor_time() -> float:
    """Return the time of all child processes that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
