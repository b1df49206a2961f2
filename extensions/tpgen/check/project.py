"""The folder that is checked, and what is known of it: each fact is found when it is asked for."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from tpgen.core import policy, settings
from tpgen.core.errors import Misuse
from tpgen.core.git import Git
from tpgen.core.service import POLICY, Service

from . import places
from .file import File

ANSWERS = ".copier-answers.yml"


@dataclass(frozen=True, eq=False)
class Project:
    """A service, or any other repository with tests.

    Attributes:
        root: its folder.
        asked: the files that the check is about, relative to the root; None for all.
        base: the revision that a change is compared with; by default the branch that a pull
            request goes to, else HEAD.
    """

    root: Path
    asked: frozenset[str] | None = None
    base: str = ""
    _files: dict[str, File | None] = field(default_factory=dict)

    @cached_property
    def policy(self) -> Mapping[str, Any]:
        """The policy that it holds; nothing where it holds none, or none that can be read."""
        try:
            return policy.read(self.root)
        except Misuse:
            return {}

    @cached_property
    def excluded(self) -> Sequence[str]:
        """Patterns of what is not the project's own, from `exclude` of `[tool.tpgen]`.

        Raises:
            Misuse: they can't be read.
        """
        return settings.read(self.root).exclude

    @property
    def is_service(self) -> bool:
        """Whether it was made from the template."""
        return (self.root / POLICY).is_file()

    @cached_property
    def service(self) -> Service:
        """The same as the commands that write tests see it."""
        return Service(self.root)

    @cached_property
    def git(self) -> Git | None:
        """Its git repository, if it has one."""
        return Git.at(self.root)

    @cached_property
    def files(self) -> list[str]:
        """All of its files, but those that it excludes."""
        found = places.list_files(self.root, self.git)
        return [path for path in found if not self._is_excluded(path)] if self.excluded else found

    @cached_property
    def paths(self) -> frozenset[str]:
        """The same, to look one up."""
        return frozenset(self.files)

    @property
    def checked(self) -> list[str]:
        """The files that the check is about."""
        if self.asked is None:
            return self.files
        return sorted(path for path in self.asked if not self._is_excluded(path))

    def is_asked(self, path: str) -> bool:
        """Whether the check is about a file."""
        return self.asked is None or path in self.asked

    def file(self, path: str) -> File | None:
        """A file of the project; None where there is none that can be read."""
        if path not in self._files:
            self._files[path] = self.read(path)
        return self._files[path]

    def read(self, path: str) -> File | None:
        """The same, which is not kept: for a rule that goes through many files."""
        try:
            return File.read(path, self)
        except OSError:
            return None

    @cached_property
    def changed(self) -> Mapping[str, str]:
        """The files that differ from the base: path to `A`, `M` or `D`; nothing without git."""
        if not self.git or not self.git.has_commits:
            return {}
        return self.git.changed(self.compared)

    @cached_property
    def template_commit(self) -> str:
        """The commit in which the template last wrote its files; empty where git can't tell."""
        git = self.git
        if not git or not git.has_commits or git.is_shallow:
            return ""
        return self.template_commit_in("HEAD")

    def template_commit_in(self, revision: str) -> str:
        """The same, as it was in a revision."""
        assert self.git
        log, path = ["log", "-1", "--format=%H"], [revision, "--", ANSWERS]
        # Not each touch of that file: an address may be corrected in it. A template that was no
        # repository has no `_commit` there.
        said = self.git.run(*log, "-G^_commit:", *path) or self.git.run(*log, *path)
        return said.decode().strip()

    @cached_property
    def is_update(self) -> bool:
        """Whether this change brings another version of the template."""
        if ANSWERS not in self.changed:
            return False
        now = self.file(ANSWERS)
        return _version(now.text if now else "") != _version(self.before(ANSWERS))

    def before(self, path: str) -> str:
        """A file as it was in the base; nothing where it was not there."""
        found = self.git.show(self.compared, path) if self.git and self.changed else None
        return (found or b"").decode(errors="replace")

    def number(self, table: str, key: str, default: Any) -> Any:
        """A value of the policy, or what stands in where the project holds none."""
        found = self.policy.get(table, {})
        return found.get(key, default) if isinstance(found, dict) else default

    def _is_excluded(self, path: str) -> bool:
        return any(places.matches(path, pattern) for pattern in self.excluded)

    @cached_property
    def compared(self) -> str:
        """The commit where this change begins.

        Raises:
            Misuse: there is no such revision.
        """
        assert self.git
        git, target = self.git, os.environ.get("GITHUB_BASE_REF")
        named = self.base or (f"origin/{target}" if target else "HEAD")
        if git.commit(named) is None:
            raise Misuse(
                f"there is no revision {named} to compare with: fetch it (in CI with "
                "`fetch-depth: 0`), or name another with --base"
            )
        return git.run("merge-base", named, "HEAD").decode().strip()


def _version(answers: str) -> str:
    found = re.search(r"^_commit:.*$", answers, re.MULTILINE)
    return found[0] if found else ""


def find(start: Path, paths: list[str], base: str = "") -> Project:
    """The project of a folder, and the files that were typed.

    Args:
        start: where the command runs; the root is the nearest folder above with a policy, a
            `pyproject.toml` or a `.git`.
        paths: files and folders; all of the project where there are none.
        base: the revision to compare with, if not the usual one.

    Raises:
        Misuse: a path is not there, or outside.
    """
    start = start.resolve()
    root = _root(start)
    everything = Project(root, base=base)
    if not paths:
        return everything
    return Project(root, frozenset(_expanded(everything, start, paths)), base)


def services(here: Project) -> list[Project]:
    """A project, or the projects of a repository with several services: itself and each of them.

    A service has a policy and settings of its own, so that its files are checked as its own,
    wherever the command runs.
    """
    if here.is_service:
        return [here]
    tops = sorted(top for top in _folders(here) if _is_service(here.root / top))
    return [_without(here, tops), *(_below(here, top) for top in tops)] if tops else [here]


def _folders(here: Project) -> set[str]:
    """The folders that may be services; where files are named, no others are listed for that."""
    if here.asked is None:
        end = f"/{POLICY.as_posix()}"
        return {path.removesuffix(end) for path in here.files if path.endswith(end)}
    return {str(above) for path in here.asked for above in PurePosixPath(path).parents} - {"."}


def _is_service(folder: Path) -> bool:
    return (folder / POLICY).is_file() and (folder / ANSWERS).is_file()


def _without(here: Project, tops: Sequence[str]) -> Project:
    """What of a project is in none of these folders."""
    own = [path for path in here.checked if not path.startswith(tuple(f"{top}/" for top in tops))]
    return replace(here, asked=frozenset(own))


def _below(here: Project, top: str) -> Project:
    """What of a project is in a folder, as a project of its own."""
    if here.asked is None:
        return Project(here.root / top, base=here.base)
    own = [path.removeprefix(f"{top}/") for path in here.asked if path.startswith(f"{top}/")]
    return Project(here.root / top, frozenset(own), here.base)


def _root(start: Path) -> Path:
    above = [start, *start.parents]
    for sign in (POLICY, Path(".git"), Path("pyproject.toml")):
        for folder in above:
            if (folder / sign).exists():
                return folder
    return start


def _expanded(project: Project, start: Path, paths: list[str]) -> Iterator[str]:
    for typed in paths:
        # A symlink itself is meant, so that nothing is resolved.
        absolute = Path(os.path.abspath(start / typed))
        if not absolute.is_relative_to(project.root):
            # The project itself may have been reached by a symlink.
            absolute = absolute.parent.resolve() / absolute.name
        if not os.path.lexists(absolute):
            raise Misuse(f"{typed} is not there; `tpgen check` alone checks all")
        if not absolute.is_relative_to(project.root):
            raise Misuse(f"{typed} is not in {project.root}: run the command in its project")
        path = absolute.relative_to(project.root).as_posix()
        if absolute.is_dir() and not absolute.is_symlink():
            below = "" if path == "." else f"{path}/"
            yield from (one for one in project.files if one.startswith(below))
        else:
            yield path
