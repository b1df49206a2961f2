"""`tpgen step NAME`, from the start of the process to its end, against the floor and Copier."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .measure import Row, in_turn, ratio
from .service import Service

TARGET = 0.6
NAME = "detect_keys"
WRITTEN = ("tests/unit/pipeline/steps", "tests/integration/pipeline")


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    ours = service.copy("scaffold", {}).path
    step = [sys.executable, "-m", "tpgen", "step"]
    sides = {
        "new": _side([*step, NAME], ours, lambda: _take_away(ours)),
        "there": _side([*step, "detect_pii"], ours),
        "copier": _side([sys.executable, "-m", "copier", "--version"], ours),
        "pass": _side([sys.executable, "-c", "pass"], ours),
    }
    times = in_turn(sides, max(repeats, 5))
    return [
        ratio("`tpgen step`, two new files / `copier --version`", times, "new", "copier", TARGET),
        ratio("`tpgen step`, two new files / `python -c pass`", times, "new", "pass"),
        ratio("`tpgen step`, files of a person's / `copier --version`", times, "there", "copier"),
    ]


def _side(
    command: Sequence[str], folder: Path, prepare: Callable[[], None] = lambda: None
) -> Callable[[], float]:
    def timed() -> float:
        prepare()
        # Whoever runs a command twice has it byte-compiled.
        env = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
        return time.perf_counter() - start

    return timed


def _take_away(folder: Path) -> None:
    for place in WRITTEN:
        (folder / place / f"test_{NAME}.py").unlink(missing_ok=True)
    shutil.rmtree(folder / ".tpgen", ignore_errors=True)
