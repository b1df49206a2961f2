"""`tpgen update`, from the start of the process to its end, against `copier update`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from .measure import Row, in_turn, ratio
from .service import Service
from tests.updating import Pair, made

TARGET = 1
COPIER = [sys.executable, "-m", "copier"]
TPGEN = [sys.executable, "-m", "tpgen"]


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark; it makes a service of its own, from a template with releases."""
    with TemporaryDirectory(prefix="tpgen-benchmark-") as folder:
        pair = made(Path(folder))
        pair.replace("questions/policy.yml", "new_code: 85", "new_code: 90")
        pair.release()
        sides = {
            "ours": _side(pair, *TPGEN, "update"),
            "theirs": _side(pair, *COPIER, "update", "--defaults", "--quiet"),
            "check": _side(pair, *TPGEN, "update", "--check"),
            "their check": _side(pair, *COPIER, "check-update", "--quiet"),
            "drift": _side(pair, *TPGEN, "drift"),
            "copy": _side(pair, *COPIER, "--version"),
        }
        times = in_turn(sides, repeats)
    return [
        ratio("`tpgen update` / `copier update`", times, "ours", "theirs", TARGET),
        ratio("`tpgen update --check` / `copier check-update`", times, "check", "their check"),
        ratio("`tpgen drift` / `copier --version`", times, "drift", "copy"),
    ]


def _side(pair: Pair, *command: str) -> Callable[[], float]:
    def timed() -> float:
        pair.service.git("reset", "--quiet", "--hard")
        # Whoever runs a command twice has it byte-compiled.
        env = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        folder = pair.service.path
        start = time.perf_counter()
        ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        # Those that only look say by 1 or 2 that an update waits.
        assert ended.returncode in (0, 1, 2), ended.stderr.decode()
        return seconds

    return timed
