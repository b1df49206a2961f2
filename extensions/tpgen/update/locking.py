"""Run the lock command of a service after an update changed the pin of the engine, or its wheel."""

import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from tpgen.core.git import Git

from .git_merge import Merged

PROJECT = "pyproject.toml"
WHEELS = "vendor/"
ENGINE = "pytest-tpgen"
# Plain `uv lock` and `poetry lock` keep the old hash of a wheel whose name stays the same.
COMMANDS = {
    "uv.lock": ("uv", "lock", "--upgrade-package", ENGINE),
    "poetry.lock": ("poetry", "update", "--lock", ENGINE),
    "pdm.lock": ("pdm", "lock"),
}
# With these uv would only compare the lock, or keep it.
REFUSING = ("UV_LOCKED", "UV_FROZEN")


@dataclass(frozen=True)
class Lock:
    """A lock file.

    Attributes:
        name: of the file.
        command: what writes it.
    """

    name: str
    command: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.command)


def outdated(root: Path, changed: Collection[str]) -> Lock | None:
    """Return the lock file that an update outdates; None if there is none that tpgen knows.

    Args:
        root: the service.
        changed: the paths of the files that the update changes.
    """
    if not any(path == PROJECT or path.startswith(WHEELS) for path in changed):
        return None
    found = (Lock(name, command) for name, command in COMMANDS.items() if (root / name).is_file())
    return next(found, None)


def run(root: Path, merged: Merged, lock: Lock) -> Merged:
    """Run the lock command after a merge and stage its result, or say why a person must.

    Args:
        root: the service.
        merged: the outcome of the merge.
        lock: its lock file.
    """
    if PROJECT in {*merged.conflicts, *merged.missing, *merged.renamed, *merged.aside}:
        return replace(merged, unlocked=f"once {PROJECT} is settled")
    file = root / lock.name
    before = file.read_bytes()
    reason = "it was interrupted"
    try:
        reason = _failure(root, lock)
    finally:
        if reason:  # Git can't restore a lock file that it ignores.
            file.write_bytes(before)
    if reason:
        return replace(merged, unlocked=reason)
    Git(root).try_run("add", "--", lock.name)  # Git may ignore it.
    return replace(merged, locked=str(lock))


def _failure(root: Path, lock: Lock) -> str:
    """Run the lock command; return why it failed, or an empty string."""
    env = {name: value for name, value in os.environ.items() if name not in REFUSING}
    try:
        done = subprocess.run(
            lock.command,
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return f"it can't run here: {error.strerror}"
    if not done.returncode:
        return ""
    lines = [*filter(None, map(str.strip, f"{done.stderr}\n{done.stdout}".splitlines()))]
    errors = [line for line in lines if "error" in line.lower()]
    return f"it failed: {(errors or lines or [f'exit code {done.returncode}'])[0]}"
