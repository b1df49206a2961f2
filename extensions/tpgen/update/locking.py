"""Run the lock command of a service after an update changed the pin of the engine, or its wheel."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from tpgen.core.git import Git
from tpgen.core.settings import WHERE as PROJECT

from .git_merge import Merged

WHEELS = "vendor/"
# Lock file to the command that writes it. Plain `uv lock` and `poetry lock` keep the old hash of a
# wheel whose name stays the same.
COMMANDS = {
    "uv.lock": "uv lock --upgrade-package pytest-tpgen",
    "poetry.lock": "poetry update --lock pytest-tpgen",
    "pdm.lock": "pdm lock",
}
# With these uv would only compare the lock, or keep it.
REFUSING = ("UV_LOCKED", "UV_FROZEN")


def outdated(root: Path, changed: Collection[str]) -> str:
    """Return the lock file that a change of these files outdates; empty if tpgen knows none."""
    if not any(path == PROJECT or path.startswith(WHEELS) for path in changed):
        return ""
    return next((name for name in COMMANDS if (root / name).is_file()), "")


def run(root: Path, lock: str, merged: Merged) -> None:
    """Run the command of a lock file after a merge and stage its result, or note why it failed."""
    if PROJECT in {*merged.conflicts, *merged.missing, *merged.renamed, *merged.aside}:
        merged.unlocked = f"once {PROJECT} is settled"
        return
    before = (root / lock).read_bytes()
    merged.unlocked = "it was interrupted"
    try:
        done = subprocess.run(
            COMMANDS[lock].split(),
            cwd=root,
            env={name: value for name, value in os.environ.items() if name not in REFUSING},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        merged.unlocked = _reason(done) if done.returncode else ""
    except OSError as error:
        merged.unlocked = f"it can't run here: {error.strerror}"
    finally:
        if merged.unlocked:  # Git can't restore a lock file that it ignores.
            (root / lock).write_bytes(before)
    if not merged.unlocked:
        merged.locked = COMMANDS[lock]
        Git(root).try_run("add", "--", lock)  # Git may ignore it.


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    output = (done.stderr + b"\n" + done.stdout).decode(errors="replace")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return f"it failed: {(errors or lines or [f'exit code {done.returncode}'])[0]}"
