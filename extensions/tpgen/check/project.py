"""The folder that is checked, and its facts; each is found when a rule asks for it."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from tpgen.core import policy, settings
from tpgen.core.errors import UserError
from tpgen.core.git import Git, TrackedFiles
from tpgen.core.service import POLICY, Service
from tpgen.core.settings import Exclusion
from tpgen.source.code import Code

from . import places
from .file import File

ANSWERS = ".copier-answers.yml"
REPOSITORIES = "other Git repositories"


@dataclass(frozen=True, eq=False)
class Project:
    """A service, or any other repository with tests.

    Attributes:
        asked: the files that the check is about, relative to the root; None for all.
        base: the revision that a change is compared with; by default the branch that a pull
            request goes to, else HEAD.
        apart: the folders of services in it, with `/`: they are projects of their own.
        contents: what takes the place of a file on the disk, by path.
    """

    root: Path
    asked: frozenset[str] | None = None
    base: str = ""
    apart: tuple[str, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)
    _files: dict[str, File | None] = field(default_factory=dict)

    @cached_property
    def policy(self) -> Mapping[str, Any]:
        """Return its policy; empty if it has none, or none that can be read."""
        try:
            return policy.read(self.root)
        except UserError:
            return {}

    def number(self, table: str, key: str, default: Any) -> Any:
        """Return a value of the policy, or the default if it has none."""
        found = self.policy.get(table)
        return found.get(key, default) if isinstance(found, dict) else default

    @cached_property
    def excluded(self) -> Sequence[Exclusion]:
        """Return the files that no rule looks at; UserError if a pattern can't fit any file."""
        found = settings.read(self.root).exclude
        try:
            for exclusion in found:
                places.require_pattern(self.root, exclusion.path)
        except ValueError as error:
            raise UserError(f"{settings.WHERE}: an exclusion {error}") from None
        return found

    def _exclusion(self, path: str) -> Exclusion | None:
        return next((each for each in self.excluded if places.matches(path, each.path)), None)

    @property
    def is_service(self) -> bool:
        return (self.root / POLICY).is_file()

    @cached_property
    def service(self) -> Service:
        return Service(self.root)

    @cached_property
    def code(self) -> Code:
        """Return the modules of its packages."""
        return Code(self.service.packages)

    @cached_property
    def git(self) -> Git | None:
        return Git.at(self.root)

    @cached_property
    def tracked(self) -> TrackedFiles:
        """Return what git lists in its folder, excluded files too."""
        return places.list_files(self.root, self.git)

    @cached_property
    def files(self) -> list[str]:
        """Return all of its files that are not excluded."""
        found = (path for path in self.tracked.paths if not path.startswith(self.apart))
        return [path for path in found if not self._exclusion(path)]

    @property
    def checked(self) -> list[str]:
        """Return the files that the check is about."""
        if self.asked is None:
            return self.files
        return sorted(path for path in self.asked if not self._exclusion(path))

    @property
    def left_out(self) -> Counter[str]:
        """Return the number of files that are left out before they are read, by reason."""
        named = self.tracked.paths if self.asked is None else self.asked
        found = Counter(str(found) for found in map(self._exclusion, named) if found)
        if self.asked is None and self.tracked.repositories:
            found[REPOSITORIES] = len(self.tracked.repositories)
        return found

    def is_asked(self, path: str) -> bool:
        return self.asked is None or path in self.asked

    def file(self, path: str) -> File | None:
        """Return a file of the project; None if it can't be read."""
        if path not in self._files:
            self._files[path] = self.read(path)
        return self._files[path]

    def read(self, path: str) -> File | None:
        """Return the same, which is not kept: for a rule that goes through many files."""
        try:
            return File.read(path, self)
        except OSError:
            return None

    @cached_property
    def compared(self) -> str:
        """Return the commit where this change begins; UserError if there is no such revision."""
        assert self.git
        target = os.environ.get("GITHUB_BASE_REF")
        named = self.base or (f"origin/{target}" if target else "HEAD")
        if self.git.commit(named) is None:
            raise UserError(
                f"there is no revision {named} to compare with: fetch it (in CI with "
                "`fetch-depth: 0`), or name another with --base"
            )
        return self.git.line("merge-base", named, "HEAD")

    @cached_property
    def changed(self) -> Mapping[str, str]:
        """Return the files that differ from the base: path to `A`, `M` or `D`; empty without git."""
        if not self.git or not self.git.has_commits:
            return {}
        return self.git.changed(self.compared)

    def before(self, path: str) -> str:
        """Return a file as it was in the base; empty if it was not there."""
        found = self.git.show(self.compared, path) if self.git and self.changed else None
        return (found or b"").decode(errors="replace")

    @cached_property
    def template_commit(self) -> str:
        """Return the commit in which the template last wrote its files; empty if git can't tell."""
        is_known = self.git and self.git.has_commits and not self.git.is_shallow
        return self.template_commit_in("HEAD") if is_known else ""

    def template_commit_in(self, revision: str) -> str:
        """Return the same, as it was in a revision."""
        assert self.git
        log, path = ["log", "-1", "--format=%H"], [revision, "--", ANSWERS]
        # Not any edit of that file: an address may be corrected in it. A template that was not a
        # repository has no `_commit` there.
        return self.git.line(*log, "-G^_commit:", *path) or self.git.line(*log, *path)

    @cached_property
    def is_update(self) -> bool:
        """Return whether this change brings another version of the template."""
        if ANSWERS not in self.changed:
            return False
        now = self.file(ANSWERS)
        versions = [
            re.findall(r"^_commit:.*$", text, re.MULTILINE)
            for text in (now.text if now else "", self.before(ANSWERS))
        ]
        return versions[0] != versions[1]


def find(start: Path, paths: list[str], base: str = "", content: bytes | None = None) -> Project:
    """Return the project around a folder: the nearest one above with a policy, Git or settings.

    Args:
        start: where the command runs.
        paths: files and folders that were typed; empty for the whole project.
        base: the revision to compare with, if not the usual one.
        content: what takes the place of the one file that was typed; it need not exist.
    """
    start = start.resolve()
    everything = Project(_root(start), base=base)
    if base and everything.git:
        # Also if no rule compares.
        _ = everything.compared
    if content is not None:
        name = _relative(everything.root, start, paths[0])
        return replace(everything, asked=frozenset([name]), contents={name: content})
    if not paths:
        return everything
    asked = frozenset(path for typed in paths for path in _expanded(everything, start, typed))
    return replace(everything, asked=asked)


def services(here: Project) -> list[Project]:
    """Return a project; of a repository with several services, what is beside them, and each.

    A service has its own policy and settings, which hold wherever the command runs.
    """
    if here.is_service:
        return [here]
    answers = (path for path in here.tracked.paths if path.endswith(f"/{ANSWERS}"))
    folders = (path.removesuffix(ANSWERS) for path in answers)
    tops = tuple(folder for folder in folders if (here.root / folder / POLICY).is_file())
    if not tops:
        return [here]
    rest = here.asked
    if rest is not None:
        rest = frozenset(path for path in rest if not path.startswith(tops))
    return [replace(here, asked=rest, apart=tops), *(_below(here, top) for top in tops)]


def _below(here: Project, top: str) -> Project:
    """Return what of a project is in a folder, as a project of its own."""
    inside = {path.removeprefix(top): path for path in here.asked or () if path.startswith(top)}
    contents = {path: here.contents[full] for path, full in inside.items() if full in here.contents}
    asked = None if here.asked is None else frozenset(inside)
    return Project(here.root / top, asked, here.base, contents=contents)


def _root(start: Path) -> Path:
    above = [start, *start.parents]
    for sign in (POLICY, Path(".git"), Path("pyproject.toml")):
        for folder in above:
            if (folder / sign).exists():
                return folder
    return start


def _expanded(project: Project, start: Path, typed: str) -> Iterator[str]:
    """Yield the files that a path means; one in a submodule is refused: it has its own policy."""
    path = _relative(project.root, start, typed)
    place = project.root / path
    if not os.path.lexists(place):
        raise UserError(f"{typed} does not exist; `tpgen check` without a path checks all files")
    is_folder = place.is_dir() and not place.is_symlink()
    repositories = project.tracked.repositories if is_folder else frozenset()
    for above in (path, *map(str, PurePosixPath(path).parents)):
        is_repository = above in repositories or (project.root / above / ".git").exists()
        if is_repository and above != ".":
            raise UserError(
                f"{path} belongs to another Git repository: `cd {above}`, and run the command there"
            )
    if is_folder:
        folder = "" if path == "." else f"{path}/"
        yield from (each for each in project.tracked.paths if each.startswith(folder))
    else:
        yield path


def _relative(root: Path, start: Path, typed: str) -> str:
    # A symlink itself is meant, so that nothing is resolved.
    absolute = Path(os.path.abspath(start / typed))
    if not absolute.is_relative_to(root):
        # The project itself may have been reached by a symlink.
        absolute = absolute.parent.resolve() / absolute.name
    if not absolute.is_relative_to(root):
        raise UserError(f"{typed} is not in {root}: run the command in its project")
    return absolute.relative_to(root).as_posix()
