"""A rendered service to measure: made as a user makes it, run with a time-out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.processes import HIDDEN
from tests.rendering import use_our_engine

ROOT = Path(__file__).parents[1]
SECONDS_FOR_ONE_RUN = 180
SECONDS_TO_CLEAN_UP = 20


class BenchmarkFailed(Exception):
    """A run that was to be measured failed; the text holds the end of its output."""


@dataclass(frozen=True)
class Run:
    """A run of pytest.

    Attributes:
        began: when its process was started.
        seconds: how long that process lived.
        events: what the clock wrote: `done` or `over`, the test, the time.
        peak: the most memory that its process had, in MB.
    """

    began: float
    seconds: float
    events: list[tuple[str, str, float]] = field(default_factory=list)
    peak: float = 0.0

    @property
    def first_test(self) -> float:
        """The seconds until the code of the first test had run."""
        return next(at for what, _, at in self.events if what == "done") - self.began

    def took(self) -> Mapping[str, list[float]]:
        """The seconds of each test `test_KIND_N`, by its kind, in the order of the run.

        A test's time is from the end of the test before it to its own end.
        """
        over = [(test, at) for what, test, at in self.events if what == "over"]
        seconds: dict[str, list[float]] = {}
        for (_, before), (test, at) in pairwise(over):
            seconds.setdefault(test.split("_")[-2], []).append(at - before)
        return seconds


@dataclass(frozen=True)
class Service:
    """A rendered service and its environment.

    Attributes:
        path: its folder.
        environment: the folder of its virtual environment.
    """

    path: Path
    environment: Path

    @property
    def package(self) -> str:
        """The name of its Python package."""
        return next((self.path / "src").iterdir()).name

    def copy(self, name: str, files: Mapping[str, str]) -> "Service":
        """A service beside this one, with some files of its own, in the same environment."""
        path = self.path.with_name(name)
        shutil.copytree(self.path, path, ignore=shutil.ignore_patterns(".venv", ".git"))
        for file, text in files.items():
            (path / file).write_text(text)
        return Service(path, self.environment)

    def pytest(self, *arguments: str, **variables: str) -> Run:
        """Run pytest on some of its tests, and time it.

        Raises:
            BenchmarkFailed: a test failed, or the run took too long.
        """
        clock = self.path / "clock.json"
        command = ["pytest", "-q", "-p", "tests.clock", *arguments]
        began = time.monotonic()
        self.run(*command, BENCHMARK_CLOCK=str(clock), **variables)
        seconds = time.monotonic() - began
        return Run(began, seconds, **json.loads(clock.read_text()))

    def run(self, *command: str, **variables: str) -> str:
        """Run a command of the environment in the service, and give its output."""
        with self.start(*command, **variables) as process:
            try:
                text, _ = process.communicate(timeout=SECONDS_FOR_ONE_RUN)
            except subprocess.TimeoutExpired:
                raise BenchmarkFailed(f"{command} took over {SECONDS_FOR_ONE_RUN} s") from None
        if process.returncode != 0:
            raise BenchmarkFailed(f"{' '.join(command)} in {self.path}:\n{text[-2000:]}")
        return text

    @contextmanager
    def start(self, *command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command in the background; it is ended, with what it started, after the block."""
        env = _environment() | {"PYTHONPATH": str(self.path / "src"), **variables}
        env["PATH"] = f"{self.environment / 'bin'}{os.pathsep}{env['PATH']}"
        process = subprocess.Popen(
            [self.environment / "bin" / command[0], *command[1:]],
            cwd=self.path,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # So that Ctrl-C reaches it through `_end` alone, once, and with all its children.
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _environment() -> dict[str, str]:
    """Ours, without what would change the service's suite or keep byte code from being kept."""
    hidden = HIDDEN | {"PYTHONDONTWRITEBYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt a process that still runs, so that it cleans up; kill it if it does not end."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_TO_CLEAN_UP)


@contextmanager
def rendered() -> Iterator[Service]:
    """The service as the proposed answers give it, installed and byte-compiled; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tpgen-benchmark-") as folder:
        # The embedded server runs as another user where we are root.
        Path(folder).chmod(0o755)
        path = Path(folder) / "service"
        copier = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", "--vcs-ref=HEAD"]
        # Uncommitted changes are in no commit that could be fetched.
        _quietly(*copier, "--data=engine_source=wheel", str(ROOT), str(path), cwd=ROOT)
        _quietly("uv", "sync", "--quiet", "--compile-bytecode", cwd=path)
        use_our_engine(path / ".venv")
        shutil.copy(Path(__file__).with_name("clock.py"), path / "tests/clock.py")
        service = Service(path, path / ".venv")
        service.run("python", "-m", "compileall", "-q", "src", "tests")
        yield service


def _quietly(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=_environment(), check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
