"""A template with releases, and services made from it."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.conftest import ROOT
from tests.hooks import Repository, release, repository, template
from tests.processes import Outcome
from tests.rendering import replace_once

# Modules of the policy that releases in the tests rename and remove; no other module needs them.
MODULES = {
    "slow": '"""When a test is slow."""\n\nSECONDS = 1.0\nMINUTES = SECONDS / 60\n',
    "tasks": '"""Stray tasks."""\n\n\ndef stray() -> list[str]:\n    return []\n',
    "told": '"""Deferred failures."""\n\n\nclass Deferred(Exception):\n    """One of them."""\n',
}
# What a template gives once: updates leave it alone, and take a third less time without it.
STARTER = ["src", "tests/contract", "tests/integration", "tests/unit"]
COPIER = [sys.executable, "-W", "ignore", "-m", "copier"]


@dataclass(frozen=True)
class Pair:
    """A service in a repository, and the template that it was made from.

    Attributes:
        source: the template.
        service: the service, with all that it was made of committed.
    """

    source: Repository
    service: Repository

    def copy(self, to: Path) -> "Pair":
        """The same in another folder, so that both may be changed."""
        for one in (self.source, self.service):
            shutil.copytree(one.path, to / one.path.name, symlinks=True)
        made = at(to)
        known = yaml.safe_load(made.read(".copier-answers.yml"))["_src_path"].removeprefix("git+")
        for name in (".copier-answers.yml", ".pre-commit-config.yaml", "pyproject.toml"):
            text = made.read(name).replace(known, made.source.path.as_uri())
            (made.service.path / name).write_text(text)
        made.service.git("add", "--all")
        made.service.git("commit", "--quiet", "--amend", "--no-edit")
        return made

    def replace(self, name: str, old: str, new: str) -> None:
        """Change one place of the template, which must be there exactly once."""
        replace_once(self.source.path, name, old, new)

    def release(self, tag: str = "v2.0.0") -> None:
        """Commit what was changed in the template, and give it a tag."""
        release(self.source, tag)

    def tpgen(self, *arguments: str, **variables: str) -> Outcome:
        """Run our command in the service."""
        return self.service.python("tpgen", *arguments, **variables)

    def theirs(self, *arguments: str) -> Outcome:
        """Run the command as the template now has it, as the service's hook would."""
        extensions = str(self.source.path / "extensions")
        return self.tpgen(*arguments, PYTHONPATH=extensions)

    def update(self, way: str = "tpgen") -> Outcome:
        """Update the service, by `tpgen update` or by plain `copier update`."""
        if way == "tpgen":
            return self.tpgen("update")
        return self.service.python("copier", "update", "--defaults", "--quiet")

    def read(self, name: str) -> str:
        """A file of the service."""
        return (self.service.path / name).read_text()


def at(folder: Path) -> Pair:
    """A template and a service that were made there."""
    return Pair(Repository(folder / "tpgen"), Repository(folder / "service"))


def made(folder: Path, tag: str = "v1.0.0", revision: str = "", *, starter: bool = True) -> Pair:
    """Release this template, and make a service from it.

    Args:
        folder: where both are put.
        tag: of the release.
        revision: take the template as it was in a commit of ours.
        starter: whether the template has its starter; one of a commit of ours always has.
    """
    source = template(folder / "tpgen", tag, revision)
    if not revision:
        for name in () if starter else STARTER:
            shutil.rmtree(source.path / "template/service" / name)
        modules = {
            f"template/service/tests/policy/{name}.py": text for name, text in MODULES.items()
        }
        assert source.commit(modules, "--amend").code == 0
        source.git("tag", "--force", tag)
    copy(source, folder / "service")
    return Pair(source, repository(folder / "service"))


def copy(source: Repository, to: Path, *options: str) -> None:
    """Make a service from the newest release of a template."""
    address = f"git+{source.path.as_uri()}"
    done = source.python("copier", "copy", "--quiet", "--defaults", *options, address, str(to))
    assert done.code == 0, done.text


def releases() -> dict[str, str]:
    """The first released version and the two newest ones, each with its commit.

    That is where the changelog got its heading.
    """
    found = {}
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (\d\S*) \(", text, re.MULTILINE)
    for version in dict.fromkeys([*versions[:2], *versions[-1:]]):
        search = ["git", "log", "--format=%H", f"-S## {version} (", "--", "CHANGELOG.md"]
        done = subprocess.run(search, cwd=ROOT, check=True, capture_output=True, text=True)
        if commits := done.stdout.split():
            found[version] = commits[-1]
    return found


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, less those of git."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def lines(folder: Path) -> set[bytes]:
    """All lines of all files."""
    return {line for content in tree(folder).values() for line in content.splitlines()}
