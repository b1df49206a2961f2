"""`tpgen check` in several processes: what they find, and how they end."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tpgen.check import engine, registry
from tpgen.check.project import Project
from tpgen.core.errors import UserError

from tests.checking import check, repository

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"


def test_two_processes_find_what_one_does(tmp_path: Path) -> None:
    """Above some hundreds of files they share the work."""
    tree = {
        f"tests/a{number % 7}/test_{number}.py": SLEEPS for number in range(2 * engine.MANY - 10)
    }
    here = repository(tmp_path, tree | {"tests/test_bad.py": "import time\ntime.sleep(1\n"})
    rules = registry.selected(["TPG205"], [])
    some = here.files[::2], here.files[1::2]
    first, second = (
        engine.run(Project(tmp_path, frozenset(part)), rules).findings for part in some
    )
    assert len(here.files) > engine.MANY > max(map(len, some))
    assert engine.run(here, rules).findings == sorted([*first, *second], key=lambda one: one.order)


def kill_one(at_most: float) -> None:
    """Kill the first process that is started here, as a system does that runs out of memory."""
    end = time.monotonic() + at_most
    while time.monotonic() < end:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)
            return
        time.sleep(0.001)


def test_a_process_that_is_killed_ends_the_check(tmp_path: Path) -> None:
    """It says so; nobody waits for ever for what it would have found."""
    tree = {f"tests/test_{number}.py": SLEEPS * 50 for number in range(3 * engine.MANY)}
    here = repository(tmp_path, tree)
    killer = threading.Thread(target=kill_one, args=(10,))
    killer.start()
    with pytest.raises(UserError, match="a process of the check was killed"):
        check(here, "TPG205")
    killer.join()


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tpgen", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, start_new_session=True)


@contextmanager
def checking(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a check of many files, and wait until it has processes of its own."""
    tree = {f"tests/test_{number}.py": SLEEPS * 200 for number in range(3 * engine.MANY)}
    repository(folder, tree)
    with started(folder, "check", "--select=TPG205") as process:
        end = time.monotonic() + 30
        while time.monotonic() < end and not children(process.pid):
            time.sleep(0.01)
        yield process


def test_ctrl_c_ends_quietly(tmp_path: Path) -> None:
    """All processes of the check, as a terminal tells them."""
    with checking(tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_termination_leaves_no_process(tmp_path: Path) -> None:
    """As `kill` and a CI that gives up send it, to the command alone."""
    with checking(tmp_path) as process:
        process.terminate()
        out, _ = process.communicate(timeout=30)
        group = subprocess.run(
            ["ps", "-o", "pid=", "-g", str(process.pid)], capture_output=True, check=False
        )
    assert (process.returncode, out, group.stdout.split()) == (143, b"", [])


SIGNALLED = """
import os, signal, sys
from tpgen.cli.main import main
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.{sign}))
sys.argv = ["tpgen", "check", "--select=TPG205"]
sys.exit(main())
"""


@pytest.mark.parametrize(("sign", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_during_a_fork_is_not_lost(sign: str, code: int, tmp_path: Path) -> None:
    """Python prints and forgets what a handler raises in that moment."""
    repository(tmp_path, {f"tests/test_{n}.py": SLEEPS for n in range(3 * engine.MANY)})
    script = [sys.executable, "-c", SIGNALLED.format(sign=sign)]
    ended = subprocess.run(script, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, b"", b"")


def children(process: int) -> list[str]:
    """The processes that one has started, without what git does for it."""
    said = subprocess.run(
        ["ps", "-o", "comm=", "--ppid", str(process)], capture_output=True, text=True, check=False
    )
    return [name for name in said.stdout.split() if name != "git"]


@pytest.mark.parametrize("command", [["check"], ["explain"], ["explain", "TPG205"]])
def test_a_reader_that_has_enough(command: list[str], tmp_path: Path) -> None:
    """As `tpgen check | head -1`; more is printed than fits into a pipe, or flushed at the end."""
    repository(tmp_path, {f"tests/test_{number}.py": SLEEPS for number in range(900)})
    with started(tmp_path, *command) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (141, b"")
