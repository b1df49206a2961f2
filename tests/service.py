"""A rendered service to try things on: a tree of files in, an outcome out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_copie.plugin import Copie

ENGINE = Path(__file__).parents[1] / "extensions/pytest-tpgen"

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
        env = clean_environment()
        # Before the site-packages, where the service that the environment was made for is.
        env |= {"PYTHONPATH": str(self.path / "src"), **variables}
        env["PATH"] = f"{self.environment / 'bin'}{os.pathsep}{env['PATH']}"
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
        env = clean_environment() | {"VIRTUAL_ENV": str(self.environment)}
        done = subprocess.run(
            [sys.executable, "-m", "tpgen", *arguments],
            cwd=self.path / at,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr)

    def pytest(self, *arguments: str, **variables: str) -> Outcome:
        """Run its suite, on the embedded server unless the arguments say otherwise."""
        if not any(argument.startswith("--postgres") for argument in arguments):
            arguments = ("--postgres=embedded", *arguments)
        return self.run("pytest", "-p", "no:cacheprovider", *arguments, **variables)


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
