"""Processes that tests start: in a clean environment, and warm where many are needed."""

import atexit
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLUGINS = Path(__file__).with_name("plugins")
# What a suite and our commands import, less the plugins of pytest, whose asserts pytest rewrites,
# and less Copier: plumbum keeps the variables of the process that imports it.
DEPENDENCIES = [
    "alembic.autogenerate",
    "alembic.command",
    "anyio._backends._asyncio",
    "asyncpg",
    "cryptography.hazmat.primitives.ciphers.aead",
    "factory",
    "fastapi",
    "httpx",
    "jinja2.ext",
    "jinja2.sandbox",
    "pathspec",
    "pydantic.dataclasses",
    "pydantic_settings",
    "pytest",
    "questionary",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.ext.asyncio",
    "uvicorn",
    "yaml",
]
# What a person's shell may hold, and a test must not see.
HIDDEN = {
    "CI",
    "DATABASE_URL",
    "GITHUB_ACTIONS",
    "GITHUB_BASE_REF",
    "GITHUB_STEP_SUMMARY",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "TEST_POSTGRES",
    "VIRTUAL_ENV",
}


def clean_environment() -> dict[str, str]:
    """Our variables, less those that would change what a command of a service does."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in HIDDEN and not name.startswith("PYTEST_")
    }


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: its exit code.
        text: its output and its errors.
    """

    code: int
    text: str

    def count(self, noun: str) -> int:
        """How many tests pytest's last line says of `passed`, `failed`, `errors`, …"""
        found = re.search(rf"(\d+) {noun.rstrip('s')}s?\b", self.text.strip().rpartition("\n")[2])
        return int(found[1]) if found else 0

    @property
    def failed(self) -> set[str]:
        """The names of the tests that failed or broke, without file and parameters."""
        lines = re.findall(r"^(?:FAILED|ERROR) (\S+)", self.text, re.MULTILINE)
        return {line.rpartition("::")[2].partition("[")[0] for line in lines}


@dataclass(frozen=True)
class Warm:
    """A process that has imported `DEPENDENCIES`, and runs modules in forks of itself.

    Attributes:
        process: of `plugins/forking.py`.
    """

    process: "subprocess.Popen[str]"

    def run(
        self,
        module: str,
        *arguments: str,
        cwd: Path,
        variables: Mapping[str, str],
        errors_last: bool = False,
    ) -> Outcome:
        """Do what `python -m MODULE` does.

        Args:
            module: such as `pytest`.
            arguments: of the module; variables of the warm process are expanded in them.
            cwd: where it runs.
            variables: its whole environment.
            errors_last: give the errors after the output, not among it.
        """
        assert self.process.stdin and self.process.stdout
        with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
            asked = {
                "module": module,
                "arguments": arguments,
                "cwd": str(cwd),
                "variables": dict(variables),
                "output": output.name,
                "errors": (errors if errors_last else output).name,
            }
            print(json.dumps(asked), file=self.process.stdin, flush=True)
            code = int(self.process.stdout.readline())
            return Outcome(code, f"{output.read().decode()}{errors.read().decode()}")

    def pytest(self, *arguments: str, cwd: Path, variables: Mapping[str, str]) -> Outcome:
        """Run pytest, as `run` does."""
        # What is imported already can't have its asserts rewritten: that would be a warning.
        quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        return self.run("pytest", *quiet, *arguments, cwd=cwd, variables=variables)


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


@cache
def warmed(python: Path) -> Warm:
    """One such process for all runs with an interpreter; it ends when we do."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(warm(python))
