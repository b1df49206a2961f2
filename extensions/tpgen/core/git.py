"""What git knows of a project."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import Misuse

# Variables that name a repository, or a part of one: `git rev-parse --local-env-vars` without the
# settings that `git -c` passes on.
OF_A_HOOK = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

# Settings of a person that would change what git prints, or let it look at no bare repository.
SETTINGS = tuple(
    word
    for setting in (
        *(f"color.{what}=false" for what in ("ui", "diff", "grep", "status")),
        "column.ui=never",
        "diff.noPrefix=false",
        "diff.orderFile=/dev/null",
        "grep.column=false",
        "grep.fullName=false",
        "grep.lineNumber=false",
        "log.showSignature=false",
        "safe.bareRepository=all",
        "submodule.recurse=false",
    )
    for word in ("-c", setting)
)


@dataclass(frozen=True)
class Git:
    """The git repository that a project lies in.

    Attributes:
        root: the folder of the project: the top of the work tree, or below it.
    """

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Git | None":
        """The repository of a folder; None where there is none, or no git.

        Raises:
            Misuse: git refuses to look, because the repository is somebody else's.
        """
        here = root.resolve()
        if not any((folder / ".git").exists() for folder in (here, *here.parents)):
            return None
        try:
            inside = _git(root, "rev-parse", "--is-inside-work-tree").strip() == b"true"
        except OSError:
            return None
        except subprocess.CalledProcessError as error:
            if b"safe.directory" in error.stderr:
                raise Misuse(f"git says: {error.stderr.decode(errors='replace').strip()}") from None
            return None
        return cls(root) if inside else None

    def run(
        self, *arguments: str, given: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        """What a git command says.

        Args:
            arguments: those of git.
            given: its standard input.
            env: variables of its environment, on top of ours.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        return _git(self.root, *arguments, given=given, env=env)

    def files(self) -> list[str]:
        """The files below the project that are in the index, or could be added to it."""
        listed = self.run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return sorted(set(names(listed)))

    @cached_property
    def has_commits(self) -> bool:
        """Whether anything was committed here."""
        return self.commit("HEAD") is not None

    @cached_property
    def is_shallow(self) -> bool:
        """Whether history is cut off, so that the oldest commit seems to have brought all."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def commit(self, revision: str) -> str | None:
        """The commit that a revision names, or None."""
        try:
            said = self.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except subprocess.CalledProcessError:
            return None
        return said.decode().strip()

    def changed(self, base: str, below: str = ".") -> Mapping[str, str]:
        """The files that differ from a revision, in the work tree: path to `A`, `M` or `D`.

        Args:
            base: the revision. Files that are new and not in the index count as added.
            below: the folder to look at.
        """
        options = ["--name-status", "--no-renames", "-z", "--relative"]
        said = names(self.run("diff", *options, base, "--", below))
        found = {path: state for state, path in zip(said[::2], said[1::2], strict=True)}
        new = names(self.run("ls-files", "-z", "--others", "--exclude-standard", "--", below))
        return found | {path: "A" for path in new}

    def renamed(self, base: str, below: str) -> set[str]:
        """The old names of the files in the index that had others in a revision."""
        options = ["--cached", "--find-renames", "--diff-filter=R", "--name-status", "-z"]
        return set(names(self.run("diff", *options, "--relative", base, "--", below))[1::3])

    def uncommitted(self, below: str = ".") -> list[str]:
        """Return what is not committed, with files that git does not know.

        Args:
            below: the folder to look at, relative to the project.

        Returns:
            paths relative to the top of the repository.
        """
        options = [
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignore-submodules=none",
        ]
        status = self.run("--no-optional-locks", "status", *options, "--", below)
        return [line[3:] for line in names(status)]

    def grep(self, *arguments: str) -> list[str]:
        """Return the files that `git grep` finds; with a revision, each as `revision:path`."""
        try:
            return names(self.run("grep", "-lz", *arguments))
        except subprocess.CalledProcessError:
            # Git ends with 1 if it finds none.
            return []

    def show(self, revision: str, path: str) -> bytes | None:
        """A file as it was in a revision; None where it was not there."""
        try:
            return self.run("show", f"{revision}:./{path}")
        except subprocess.CalledProcessError:
            return None


def names(said: bytes) -> list[str]:
    """The parts of what git says with `-z`."""
    return [os.fsdecode(name) for name in said.split(b"\0") if name]


def _git(
    root: Path, *arguments: str, given: bytes = b"", env: Mapping[str, str] | None = None
) -> bytes:
    command: Sequence[str] = ["git", "-C", str(root), *SETTINGS, *arguments]
    whole = {**environment(), **(env or {})}
    return subprocess.run(command, input=given, capture_output=True, check=True, env=whole).stdout


def environment() -> dict[str, str]:
    """Return the environment for a git command that must find the repository by its folder.

    Git tells a hook which repository it works in, in a linked work tree even by absolute paths.
    A command in another folder would then read that repository, or write into it.
    """
    return {name: text for name, text in os.environ.items() if name not in OF_A_HOOK}
