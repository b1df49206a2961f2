"""Runs of pytest that start in a tenth of the time, where many are needed."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.service import Outcome, Service, clean_environment

# They migrate and connect by themselves, which takes longer; a mutation of a command names them.
LEFT_OUT = "--ignore-glob=*/test_commands.py"
PLUGINS = Path(__file__).with_name("plugins")
# What a suite imports, less the plugins of pytest, whose asserts pytest rewrites when it loads them.
DEPENDENCIES = [
    "alembic.autogenerate",
    "alembic.command",
    "anyio._backends._asyncio",
    "asyncpg",
    "cryptography.hazmat.primitives.ciphers.aead",
    "email.message",
    "factory",
    "fastapi",
    "httpx",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.ext.asyncio",
    "uvicorn",
]


@dataclass(frozen=True)
class Warm:
    """A process that has imported `DEPENDENCIES`, and runs pytest in forks of itself.

    Attributes:
        process: of `plugins/forking.py`.
    """

    process: "subprocess.Popen[str]"

    def pytest(
        self,
        *arguments: str,
        cwd: Path,
        path: Sequence[Path] = (),
        variables: Mapping[str, str],
    ) -> Outcome:
        """Run pytest.

        Args:
            arguments: of pytest; variables of the process are expanded in them.
            cwd: where it runs.
            path: folders to import from first.
            variables: its whole environment.
        """
        assert self.process.stdin and self.process.stdout
        with tempfile.NamedTemporaryFile() as output:
            asked = {
                "arguments": arguments,
                "cwd": str(cwd),
                "path": [*map(str, path)],
                "variables": dict(variables),
                "output": output.name,
            }
            print(json.dumps(asked), file=self.process.stdin, flush=True)
            code = int(self.process.stdout.readline())
            return Outcome(code, Path(output.name).read_text())


@dataclass(frozen=True)
class Suite:
    """Runs the tests of services, on a Postgres that all runs share.

    Attributes:
        warm: runs pytest; its variable DATABASE_URL holds the address of the Postgres.
    """

    warm: Warm

    def red(self, service: Service, *tests: str) -> tuple[set[str], str]:
        """The tests that failed, as `Class::test[parameters]`, and what pytest said."""
        record = service.path / ".outcomes.json"
        record.unlink(missing_ok=True)
        # pytest's own traceback parses each file that it shows.
        options = ["--postgres=$DATABASE_URL", "-poutcomes", "-pno:cacheprovider", "--tb=native"]
        done = self.warm.pytest(
            *options,
            *(tests or [LEFT_OUT]),
            cwd=service.path,
            path=[service.path / "src", PLUGINS],
            variables=clean_environment() | {"OUTCOMES": str(record)},
        )
        failed = [str(done.code)]
        if done.code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            failed = json.loads(record.read_text())["failed"]
        return {name.partition("::")[2] or name for name in failed}, done.text


@contextmanager
def warm(
    python: Path, *wrapper: str | Path, cwd: Path | None = None, **variables: str
) -> Iterator[Warm]:
    """Start such a process with an interpreter; the wrapper is a command that starts a command."""
    command = [*wrapper, python, PLUGINS / "forking.py", *DEPENDENCIES]
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=clean_environment() | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Warm(process)
