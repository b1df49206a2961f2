"""The service in which a command runs: its packages, its interpreter, its code."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import UserError

POLICY = Path("tests/policy/policy.toml")
NO_PACKAGES = {"alembic", "build", "dist", "docs", "migrations", "scripts", "site", "tests", "venv"}


@dataclass(frozen=True)
class Service:
    """A service, and how long its code may run while its app or its models are read."""

    root: Path
    reading_seconds: float = 60

    @cached_property
    def packages(self) -> list[Path]:
        """Return the folders of its top-level packages, in `src/` or beside `tests/`."""
        sources = self.root / "src"
        found = _folders_with_python(sources) or _folders_with_python(self.root) - {sources}
        return sorted(found)

    @cached_property
    def python(self) -> Path:
        """Return the interpreter of the service's own environment."""
        of_uv, active = map(os.environ.get, ("UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"))
        for folder in filter(None, [of_uv, ".venv", active]):
            python = self.root / folder / "bin" / "python"
            if python.exists():
                return python
        raise UserError(f"{self.root} has no environment to run its code in: `uv sync` makes one")

    def run(
        self,
        arguments: Sequence[str],
        *,
        seconds: float | None = None,
        variables: Mapping[str, str] | None = None,
        is_shown: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        """Run the service's own interpreter in its folder; show what it prints, or return that."""
        folders = [*{package.parent for package in self.packages}, self.root]
        known = os.environ.get("PYTHONPATH", "")
        path_of_modules = os.pathsep.join(filter(None, [*map(str, folders), known]))
        env = {**os.environ, "PYTHONPATH": path_of_modules, **(variables or {})}
        # With this variable pytest would complete the command line instead of running.
        env.pop("_ARGCOMPLETE", None)
        try:
            return subprocess.run(
                [self.python, *arguments],
                cwd=self.root,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr if is_shown else subprocess.PIPE,
                stderr=None if is_shown else subprocess.PIPE,
                text=True,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise UserError(
                f"the code of the service did not end within {seconds} seconds while it was read: "
                "look whether it waits for a server, or runs for ever, when it is imported"
            ) from None


def find(start: Path) -> Service:
    """Return the service that a folder belongs to."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / POLICY).is_file():
            return Service(folder)
    raise UserError(
        f"{start} is not in a service: neither it nor a folder above holds {POLICY}; "
        "`cd` into one, or create one: `tpgen new DEST`"
    )


def _folders_with_python(folder: Path) -> set[Path]:
    folders = {file.parent for file in folder.glob("*/*.py")}
    return {each for each in folders if each.name.isidentifier() and each.name not in NO_PACKAGES}
