"""The template of a service in any version: fetched by git, rendered by Copier."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tpgen.check import moved
from tpgen.check.moved import Moved
from tpgen.check.project import ANSWERS
from tpgen.core.errors import UserError
from tpgen.core.git import Git, environment

from . import answers
from .answers import Answers
from .git_merge import NO_HOOKS

if TYPE_CHECKING:
    from packaging.version import Version

HOOKS = ".pre-commit-config.yaml"
PINS = "pyproject.toml"
HOSTS = {"gh": "https://github.com", "gl": "https://gitlab.com"}


@dataclass(frozen=True)
class Rendered:
    """The files of one version of the template for a service.

    Attributes:
        folder: where they are.
        answers: what Copier made of the answers.
        is_left_alone: whether an update never writes the file at a path: it belongs to the service.
        is_written_once: whether an update writes that file only if it is missing.
    """

    folder: Path
    answers: Answers
    is_left_alone: Callable[[str], bool]
    is_written_once: Callable[[str], bool]

    @property
    def files(self) -> list[str]:
        """Return the files, as paths below the folder."""
        found = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def check(self, version: str) -> None:
        """Parse the rendered Python and TOML.

        Raises:
            UserError: a file has a syntax error.
        """
        parsers: dict[str, Callable[[str], object]] = {".py": ast.parse, ".toml": tomllib.loads}
        for path in self.files:
            if parse := parsers.get(Path(path).suffix):
                try:
                    parse((self.folder / path).read_text(encoding="utf-8"))
                except (ValueError, SyntaxError) as error:
                    raise UserError(
                        f"the template at {version} is broken, so nothing was changed: {path} that "
                        f"it renders can't be read: {error}; tell its maintainers, and take another "
                        "version: `tpgen update --to VERSION`"
                    ) from None

    def remove(self, is_unwanted: Callable[[str], bool]) -> None:
        """Remove the files whose path is unwanted."""
        for path in filter(is_unwanted, self.files):
            (self.folder / path).unlink()


@dataclass(frozen=True)
class Template:
    """The repository of a template, in a bare clone.

    Attributes:
        source: its address, as the answers of the service have it.
        git: the clone.
    """

    source: str
    git: Git

    @cached_property
    def releases(self) -> list[str]:
        """Return the tags that are versions by PEP 440, newest first; no pre-releases."""
        known = self.versions
        stable = [tag for tag in known if not known[tag].is_prerelease]
        return sorted(stable, key=lambda tag: known[tag], reverse=True)

    @cached_property
    def versions(self) -> "dict[str, Version]":
        """Return the tags that are versions by PEP 440, as in Copier."""
        from packaging.version import InvalidVersion, Version

        known = {}
        for tag in os.fsdecode(self.git.run("tag", "--list")).split():
            try:
                known[tag] = Version(tag)
            except InvalidVersion:
                continue
        return known

    @property
    def newest(self) -> str:
        """Return the newest release, or the newest commit if there is no release."""
        return self.releases[0] if self.releases else self.describe("HEAD")

    def describe(self, revision: str) -> str:
        """Return the name of a revision that Copier writes into the answers."""
        return self.git.line("describe", "--tags", "--always", revision)

    def commit(self, version: str) -> str:
        """Return the commit of a version.

        Raises:
            UserError: there is no such version.
        """
        found = self.git.commit(version)
        if found is None:
            has = f"it has {', '.join(self.releases[:5])}" if self.releases else "it has no tags"
            raise UserError(f"the template at {self.source} has no {version} ({has})")
        return found

    def is_newer(self, version: str, than: str) -> bool:
        """Return whether a version comes after another one."""
        if version in self.versions and than in self.versions:
            return self.versions[version] > self.versions[than]
        # A commit has no version, even if its name looks like one.
        new = self.commit(version)
        base = self.git.try_run("merge-base", new, self.commit(than))
        return base is None or base.decode().strip() != new

    def moved_tag(self, root: Path, version: str) -> str:
        """Return a warning if the tag of a release was moved after the service took it.

        Args:
            root: the service, whose pin of the engine names the commit.
            version: the release that the service has.
        """
        pin = rf'@([0-9a-f]{{40}})#[^"]*",\s+# {re.escape(version)}$'
        file = root / PINS
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        found = re.search(pin, text, re.MULTILINE)
        commit = self.git.commit(version)
        if found is None or commit is None or found[1] == commit:
            return ""
        return (
            f"the tag {version} of the template was moved: this service was made from commit "
            f"{found[1][:10]}, and it is {commit[:10]} now"
        )

    def moved(self, version: str) -> Moved:
        """Return what a version renamed, by its own table; nothing if it has no table.

        Raises:
            UserError: the table can't be read.
        """
        table = self.git.try_run("show", f"{self.commit(version)}:{moved.TABLE}")
        return Moved() if table is None else moved.parse(table.decode(errors="replace"))

    def render(self, version: str, known: Answers, into: Path) -> Rendered:
        """Let Copier render a version for a service.

        Args:
            version: which one.
            known: the answers of the service.
            into: the folder to create.

        Raises:
            UserError: Copier refuses, or would replace an answer by its default.
        """
        into.mkdir(parents=True)
        (into / ANSWERS).write_text(known.text, encoding="utf-8")
        with _copier(version) as copier, self._cloned_once():
            worker = copier.run_copy(
                self.source,
                into,
                vcs_ref=self.commit(version),
                defaults=True,
                overwrite=True,
                quiet=True,
            )
            settings = worker.template
            owners = [
                _matcher(worker, patterns)
                for patterns in (settings.exclude, settings.skip_if_exists)
            ]
        for path in list(into.rglob(".git")):  # of a submodule, whose files belong to the template
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        _set_version(into, version)
        made = Rendered(into, answers.read(into), *owners)
        for key, value in known.given.items():
            taken = made.answers.given.get(key, value)
            if not _is_same(taken, value):
                raise UserError(
                    f"the template at {version} refuses the answer `{key}: {value}` and would take "
                    f"`{taken}`; give another: `tpgen update --data {key}=VALUE`"
                )
        return made

    @contextmanager
    def _cloned_once(self) -> Iterator[None]:
        """Let Copier clone from our clone under the address of the template."""
        from plumbum import local

        number = int(local.env.get("GIT_CONFIG_COUNT", "0"))
        setting = {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"url.{self.git.root}.insteadOf",
            f"GIT_CONFIG_VALUE_{number}": _address(self.source),
        }
        with local.env(**setting):
            yield


def _is_same(taken: object, given: object) -> bool:
    """Return whether Copier took an answer as it was given: `yes` is `true`."""
    if isinstance(taken, bool) and isinstance(given, str):
        return taken is (given.lower() in {"true", "yes", "y", "on", "1"})
    return taken == given


def _matcher(worker: Any, patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a path matches patterns of the template's settings, as in an update.

    Args:
        worker: of Copier, after it made a copy.
        patterns: such as those of `_exclude`.
    """
    from pathspec import PathSpec

    context = {**worker.answers.combined, "_copier_operation": "update"}
    rendered = (worker.jinja_env.from_string(pattern).render(context) for pattern in patterns)
    lines = [line for text in rendered for line in text.splitlines()]
    return PathSpec.from_lines("gitignore", lines).match_file


def _set_version(folder: Path, version: str) -> None:
    """Write the version under the name that was asked for; Copier uses `git describe`."""
    described = answers.read(folder).version
    if described == version:
        return
    for name in (ANSWERS, HOOKS, PINS):
        file = folder / name
        if file.is_file():
            # The value of `_commit` and of `rev`, and the comment of the pin.
            word = rf'(?m)(: "?|",  # ){re.escape(described)}("?)$'
            text = re.sub(word, rf"\g<1>{version}\g<2>", file.read_text(encoding="utf-8"))
            file.write_text(text, encoding="utf-8")


def fetch(known: Answers, into: Path) -> Template:
    """Clone the template of a service.

    Args:
        known: the answers of the service.
        into: the folder to create.

    Raises:
        UserError: the template can't be fetched, or lacks the version that the service was made from.
    """
    address = _address(known.source)
    command = ["git", *NO_HOOKS, "clone", "--quiet", "--bare", "--", address, str(into)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment()
    )
    if done.returncode:
        cause = "it must be the top of a git repository"
        if not Path(address).is_absolute():
            cause = "is there a network, and may you read it?"
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(
            f"the template at {known.source} can't be fetched, so nothing was changed: {cause} "
            f"(git says: {said}); `git ls-remote {quote(address)}` tries again"
        )
    template = Template(known.source, Git(into))
    try:
        template.commit(known.version)
    except UserError as error:
        raise UserError(
            f"{error}, which this service was made from: if the tag was deleted, have it restored, "
            f"or set `_commit` in {ANSWERS} to the version that the service matches, and commit"
        ) from None
    return template


def _address(source: str) -> str:
    """Return the address of a template as git takes it.

    Raises:
        UserError: it is a relative path, or a folder that does not exist.
    """
    host, _, path = source.partition(":")
    if host in HOSTS:
        return f"{HOSTS[host]}/{path.strip('/').removesuffix('.git')}.git"
    address = source.removeprefix("git+")
    if re.match(r"[a-z][a-z0-9+.-]*://|[\w.-]+(@[\w.-]+)?:", address):
        return address
    folder = Path(address).expanduser()
    if folder.is_absolute() and folder.exists():
        return str(folder)
    reason = "does not exist any more"
    if not folder.is_absolute():
        reason = "depends on the folder where `copier copy` ran"
    raise UserError(
        f"the template of this service is {source}, a path that {reason}: write the address of its "
        f"repository as `_src_path` into {ANSWERS}, such as git+https://HOST/TEAM/tpgen.git, and "
        "commit that"
    )


def said_by_copier(error: Exception) -> str:
    """Return the message of an error of Copier, in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    # Our template refuses an answer by the name of a file that can't be rendered.
    return re.sub(r"^Error rendering template path .*mandatory\(.*?\)[^:]*: ", "", said)


@contextmanager
def _copier(version: str) -> Iterator[Any]:
    """Provide Copier, with its errors as one sentence and its output on standard error.

    Raises:
        UserError: Copier failed.
    """
    import copier

    try:
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield copier
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a template may raise anything
        raise UserError(
            f"Copier can't render the template at {version} with the answers of this service, so "
            f"nothing was changed: {said_by_copier(error)}. `tpgen update --data KEY=VALUE` "
            "overrides an answer"
        ) from None
