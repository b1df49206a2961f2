"""A rendered service to try things on: a tree of files in, an outcome out."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.processes import PLUGINS, Outcome, Warm, clean_environment, warmed

ENGINE = Path(__file__).parents[1] / "extensions/pytest-tpgen"


@dataclass(frozen=True)
class Service:
    """A rendered service, and the environment that its own files ask for.

    Attributes:
        path: its folder.
        environment: the folder of its virtual environment.
    """

    path: Path
    environment: Path

    def copy(self, to: Path) -> "Service":
        """A service that a test may change; byte-compiled as far as this one is."""
        shutil.copytree(self.path, to, ignore=shutil.ignore_patterns(".venv"))
        return Service(to, self.environment)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, by their path in the service."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Change one place of a file, which must be there exactly once."""
        replace_once(self.path, name, old, new)

    def start(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command of the environment in the service; its errors go with its output."""
        env = self._variables(variables)
        return subprocess.Popen(
            command,
            executable=shutil.which(command[0], path=env["PATH"]),
            cwd=self.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, **variables: str) -> Outcome:
        """Run a command of the environment in the service, to its end."""
        with self.start(*command, **variables) as process:
            text, _ = process.communicate()
        return Outcome(process.returncode, text)

    def tpgen(self, *arguments: str, at: str = ".") -> Outcome:
        """Run our command in a folder of the service, whose environment is the active one."""
        env = clean_environment()
        env |= {"VIRTUAL_ENV": str(self.environment), "TEST_POSTGRES": "embedded"}
        run = warmed(Path(sys.executable)).run
        return run("tpgen", *arguments, cwd=self.path / at, variables=env, errors_last=True)

    def pytest(self, *arguments: str, **variables: str) -> Outcome:
        """Run its suite, on the embedded server unless the arguments say otherwise.

        What the environment holds is looked at once: `run` sees what is installed later.
        """
        if not any(argument.startswith("--postgres") for argument in arguments):
            arguments = ("--postgres=embedded", *arguments)
        arguments = ("-pno:cacheprovider", *arguments)
        if (self.path / "src/sitecustomize.py").exists():  # for what a new process does first
            return self.run("pytest", *arguments, **variables)
        run = warmed(self.environment / "bin/python").pytest
        return run(*arguments, cwd=self.path, variables=self._variables(variables))

    def _variables(self, given: Mapping[str, str]) -> dict[str, str]:
        env = clean_environment()
        # Before the site-packages, where the service that the environment was made for is.
        env |= {"PYTHONPATH": str(self.path / "src")}
        # What mypy knows of the site-packages holds for each copy of the service.
        env |= {"MYPY_CACHE_DIR": str(self.environment / ".mypy_cache"), **given}
        env["PATH"] = f"{self.environment / 'bin'}{os.pathsep}{env['PATH']}"
        return env


# They migrate and connect by themselves, which takes longer; a mutation of a command names them.
LEFT_OUT = "--ignore-glob=*/test_commands.py"


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
        path = f"{service.path / 'src'}{os.pathsep}{PLUGINS}"
        variables = {"OUTCOMES": str(record), "PYTHONPATH": path}
        done = self.warm.pytest(
            *options,
            *(tests or [LEFT_OUT]),
            cwd=service.path,
            variables=clean_environment() | variables,
        )
        failed = [str(done.code)]
        if done.code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            failed = json.loads(record.read_text())["failed"]
        return {name.partition("::")[2] or name for name in failed}, done.text


def replace_once(folder: Path, name: str, old: str, new: str) -> None:
    """Change one place of a file in a folder, which must be there exactly once."""
    text = (folder / name).read_text()
    assert text.count(old) == 1, f"{name} has {text.count(old)} times: {old}"
    (folder / name).write_text(text.replace(old, new))


def render(copie: Copie, **answers: object) -> Path:
    """Render a service with these answers; the proposed ones for the rest.

    Its engine is the wheel: uncommitted changes are in no commit that could be fetched.
    """
    result = copie.copy(extra_answers={"engine_source": "wheel", **answers})
    assert result.exception is None, result.exception
    assert result.project_dir is not None
    return result.project_dir


def install(folder: Path) -> Service:
    """Create the environment that the files of a rendered service ask for, with our engine."""
    subprocess.run(["uv", "sync", "--quiet"], cwd=folder, check=True)
    use_our_engine(folder / ".venv")
    return Service(folder, folder / ".venv")


def use_our_engine(environment: Path) -> None:
    """Replace the engine of an environment by the one of this working tree."""
    python = environment / "bin/python"
    command = ["uv", "pip", "install", "--quiet", "--no-deps", "--python", str(python)]
    subprocess.run([*command, "--editable", str(ENGINE)], check=True)
