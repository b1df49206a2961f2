"""The Git repository of a project."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import UserError

# Variables of a hook that name another repository: `git rev-parse --local-env-vars` without the
# settings that `git -c` passes on.
OF_A_HOOK = {
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE"),
    *("GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE", "GIT_WORK_TREE"),
}
# The mode of a submodule in the index.
GITLINK = "160000"
# These override settings that would change what git prints or merges, or forbid a bare repository.
SETTINGS = [
    *("color.ui=false", "color.diff=false", "color.grep=false", "color.status=false"),
    *("column.ui=never", "diff.noPrefix=false", "diff.orderFile=/dev/null"),
    *("grep.column=false", "grep.fullName=false", "grep.lineNumber=false"),
    *("log.showSignature=false", "safe.bareRepository=all", "submodule.recurse=false"),
    *("merge.renames=true", "merge.renameLimit=0", "merge.directoryRenames=false"),
    *("core.safecrlf=false", "rerere.enabled=false"),
]


@dataclass(frozen=True)
class TrackedFiles:
    """The files that git lists below a folder, and could add; paths are relative to it."""

    paths: list[str]
    repositories: frozenset[str] = frozenset()  # submodules, and others that lie in the folder
    sparse: frozenset[str] = frozenset()  # those of `paths` that a sparse checkout leaves out


@dataclass(frozen=True)
class Git:
    """The Git repository of a project; `root`, the project, may be a folder in its work tree."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Git | None":
        """Return the repository of a folder; None if there is none, or no git."""
        here = root.resolve()
        if not any((folder / ".git").exists() for folder in (here, *here.parents)):
            return None
        git = cls(root)
        try:
            return git if git.line("rev-parse", "--is-inside-work-tree") == "true" else None
        except OSError:
            return None
        except subprocess.CalledProcessError as error:
            if b"safe.directory" not in error.stderr:
                return None
            said = error.stderr.decode(errors="replace").strip()
            raise UserError(f"git says: {said}") from None

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> bytes:
        """Run a git command, with more variables, and return its output."""
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        command = ["git", "-C", str(self.root), *settings, *arguments]
        # In a hook, these would name the repository of the hook.
        known = {name: text for name, text in os.environ.items() if name not in OF_A_HOOK}
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            env={**known, **(env or {})},
        ).stdout

    def try_run(self, *arguments: str) -> bytes | None:
        """Run a git command and return its output, or None if it failed."""
        try:
            return self.run(*arguments)
        except subprocess.CalledProcessError:
            return None

    def line(self, *arguments: str) -> str:
        """Run a git command and return its output, which is one line."""
        return os.fsdecode(self.run(*arguments).rstrip(b"\n"))

    def files(self) -> TrackedFiles:
        """Return the files below the project; `UserError` if git can't read its index."""
        options = ["-z", "-t", "--stage", "--cached", "--others", "--exclude-standard"]
        try:
            listed = self.run("ls-files", *options)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip()
            raise UserError(f"git can't list the files of {self.root}; git says: {said}") from None
        paths, repositories, sparse = set(), set(), set()
        for line in names(listed):
            # "H 100644 <hash> 0\tpath", "S ..." if it is not checked out, "? path" if it is new.
            tag, mode, path = line[0], line[2:8], line.partition("\t")[2] or line[2:]
            if path.endswith("/") or (tag != "?" and mode == GITLINK):
                repositories.add(path.rstrip("/"))
                continue
            paths.add(path)
            if tag in "Ss":
                sparse.add(path)
        return TrackedFiles(sorted(paths), frozenset(repositories), frozenset(sparse))

    @cached_property
    def has_commits(self) -> bool:
        """Return whether the repository has a commit."""
        return self.commit("HEAD") is not None

    @cached_property
    def is_shallow(self) -> bool:
        """Return whether the history is cut off: the oldest commit seems to add all files."""
        return self.line("rev-parse", "--is-shallow-repository") == "true"

    def commit(self, revision: str) -> str | None:
        """Return the commit of a revision, or None."""
        found = self.try_run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return found.decode().strip() if found else None

    def changed(self, base: str, below: str = ".") -> Mapping[str, str]:
        """Return the files that differ from a revision, each with `A` (also untracked), `M` or `D`."""
        options = ["--name-status", "--no-renames", "-z", "--relative"]
        listed = names(self.run("diff", *options, base, "--", below))
        found = {path: state for state, path in zip(listed[::2], listed[1::2], strict=True)}
        new = names(self.run("ls-files", "-z", "--others", "--exclude-standard", "--", below))
        return found | {path: "A" for path in new}

    def renamed(self, base: str, below: str) -> set[str]:
        """Return the old names of the files in the index that were renamed since a revision."""
        options = ["--cached", "--find-renames", "--diff-filter=R", "--name-status", "-z"]
        return set(names(self.run("diff", *options, "--relative", base, "--", below))[1::3])

    def uncommitted(self, below: str = ".") -> list[str]:
        """Return the paths below a folder that are not committed, as of the repository's top."""
        options = ["--porcelain", "-z", "--no-renames", "--untracked-files=all"]
        options.append("--ignore-submodules=none")
        status = self.run("--no-optional-locks", "status", *options, "--", below)
        return [line[3:] for line in names(status)]

    def grep(self, *arguments: str) -> list[str]:
        """Return the files that `git grep` finds; with a revision, each as `revision:path`."""
        # Git ends with 1 if it finds none.
        return names(self.try_run("grep", "-lz", *arguments) or b"")

    def show(self, revision: str, path: str) -> bytes | None:
        """Return a file as it was in a revision, or None if it was not there."""
        return self.try_run("show", f"{revision}:./{path}")


def names(listed: bytes) -> list[str]:
    """Return the parts of what git prints with `-z`."""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
