"""Distinguish killed runs from live ones, so that the next run can clean up after them.

A run holds a lock on a file. The kernel releases the lock when the process ends, also if it is
killed. So a lease that can be locked, or is missing, belongs to a dead run of this machine.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

# Whether this run spares what earlier runs kept by `--keep-db`.
keeps_kept = False


@dataclass(frozen=True)
class Lease:
    """A live run: `id` is in the names of all that it creates, `folder` holds its files."""

    id: str
    folder: Path
    lock: FileLock

    def release(self) -> None:
        """End the lease. The next run may remove what has its id."""
        # Another run may remove the files as soon as the first one is gone.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()


def state_folder() -> Path:
    """Return the folder of this user's leases and cached clusters.

    Raises:
        OSError: it can't be created, or another user owns a folder of that name.
    """
    folder = Path(tempfile.gettempdir()) / f"tpgen-{user_id()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    found = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or found.st_uid != user_id():
        raise PermissionError(f"{folder} is not yours")
    if os.name == "posix" and found.st_mode & 0o022:
        raise PermissionError(f"{folder} can be written by others")
    return folder


def host() -> str:
    """Return six hex digits that identify this state folder among those of all machines.

    The machine's name is not used: two machines with one name would treat each other's runs as dead.
    """
    file = state_folder() / "host"
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=file.parent) as new:
            new.write(secrets.token_hex(3))
            new.flush()
            # Of two runs that start together the first one's counts.
            with contextlib.suppress(FileExistsError):
                os.link(new.name, file)
    return file.read_text()


def take() -> Lease:
    """Take a lease for this process."""
    id = secrets.token_hex(4)
    runs = state_folder() / "runs"
    runs.mkdir(mode=0o711, exist_ok=True)
    # Locked before it has its name: another run never sees it unlocked.
    unnamed = Path(tempfile.mkdtemp(prefix="new-", dir=state_folder()))
    unnamed.chmod(0o711)
    lock = _locked(unnamed / "lock")
    folder = unnamed.rename(runs / id)
    return Lease(id, folder, lock)


def mark_kept(id: str) -> None:
    """Mark what a run made as kept for a person to look at."""
    (state_folder() / "runs" / id / "kept").touch()


def is_alive(id: str) -> bool:
    """Return whether what a run made must stay: the run lives, or its database is kept.

    Only right for leases of this host.
    """
    file = state_folder() / "runs" / id / "lock"
    if keeps_kept and file.with_name("kept").exists():
        return True
    if not file.exists():
        return False
    try:
        _locked(file).release()
    except Timeout:
        return True
    except FileNotFoundError:  # another run removed the folder meanwhile
        pass
    return False


def user_id() -> int:
    """Return the id of this user; 0 where the system has none."""
    return os.getuid() if hasattr(os, "getuid") else 0


def _locked(file: Path) -> FileLock:
    """Return a lock that is held.

    Raises:
        Timeout: another process holds it.
    """
    lock = FileLock(file, timeout=0, thread_local=False)
    lock.acquire()
    return lock


def dead_folders() -> Iterator[Path]:
    """Yield the folders of dead runs."""
    for folder in (state_folder() / "runs").glob("*"):
        if not is_alive(folder.name):
            yield folder
