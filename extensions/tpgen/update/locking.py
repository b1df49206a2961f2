"""The lock file of a service, which must follow the engine: its pin, or its wheel."""

import os
import subprocess
from collections.abc import Collection
from contextlib import suppress
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
# With these uv would compare the lock, or leave it as it is.
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


def of(root: Path, changed: Collection[str]) -> Lock | None:
    """Return the lock file that an update makes outdated; None if tpgen knows none.

    Args:
        root: the service.
        changed: the paths of the files that the update changes.
    """
    if not any(path == PROJECT or path.startswith(WHEELS) for path in changed):
        return None
    found = (Lock(name, command) for name, command in COMMANDS.items() if (root / name).is_file())
    return next(found, None)


def follow(root: Path, merged: Merged, lock: Lock) -> Merged:
    """Run the lock command after a merge, and stage its result; or say why a person must.

    Args:
        root: the service.
        merged: the outcome of the merge.
        lock: its lock file.
    """
    if PROJECT in {*merged.conflicts, *merged.missing, *merged.renamed, *merged.aside}:
        return replace(merged, unlocked=f"once {PROJECT} is settled")
    file = root / lock.name
    before = file.read_bytes()
    done = False
    try:
        reason = _reason(root, lock)
        done = not reason
    finally:
        if not done:  # A lock file that git ignores can't be restored by git.
            file.write_bytes(before)
    if reason:
        return replace(merged, unlocked=reason)
    with suppress(subprocess.CalledProcessError):  # git ignores it
        Git(root).run("add", "--", lock.name)
    return replace(merged, locked=str(lock))


def _reason(root: Path, lock: Lock) -> str:
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
    said = [*filter(None, map(str.strip, f"{done.stderr}\n{done.stdout}".splitlines()))]
    errors = [line for line in said if "error" in line.lower()]
    return f"it failed: {(errors or said or [f'exit code {done.returncode}'])[0]}"
