"""The template of a service, at whatever version: fetched by git, rendered by Copier."""

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
from tpgen.core.errors import Misuse
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
    """What the template gives a service in one version.

    Attributes:
        folder: where it lies.
        answers: what Copier made of the answers.
        is_left_alone: whether an update leaves the file at a path alone, since it is the person's.
        is_written_once: whether it does so with a file that is there already.
    """

    folder: Path
    answers: Answers
    is_left_alone: Callable[[str], bool]
    is_written_once: Callable[[str], bool]

    @property
    def files(self) -> list[str]:
        """The files, as paths below the folder."""
        found = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def check(self, version: str) -> None:
        """Make sure that what was rendered can be read.

        Raises:
            Misuse: a Python or TOML file has a syntax error.
        """
        readers: dict[str, Callable[[str], object]] = {".py": ast.parse, ".toml": tomllib.loads}
        for path in self.files:
            if read := readers.get(Path(path).suffix):
                try:
                    read((self.folder / path).read_text(encoding="utf-8"))
                except (ValueError, SyntaxError) as error:
                    line = getattr(error, "lineno", None) or getattr(error, "args", ("",))[0]
                    raise Misuse(
                        f"the template at {version} is broken, so nothing was changed: {path} that "
                        f"it renders can't be read ({getattr(error, 'msg', error)}, {line}); tell "
                        "its maintainers, and take another version by `tpgen update --to VERSION`"
                    ) from None

    def remove(self, is_unwanted: Callable[[str], bool]) -> None:
        """Remove files, by what is said of their paths."""
        for path in filter(is_unwanted, self.files):
            (self.folder / path).unlink()


@dataclass(frozen=True)
class Template:
    """The repository of a template, in a bare clone.

    Attributes:
        source: where it is, as the service remembers it.
        git: the clone.
    """

    source: str
    git: Git

    @cached_property
    def releases(self) -> list[str]:
        """The tags that are versions by PEP 440, the newest first; no pre-releases."""
        known = self.versions
        stable = [tag for tag in known if not known[tag].is_prerelease]
        return sorted(stable, key=lambda tag: known[tag], reverse=True)

    @cached_property
    def versions(self) -> "dict[str, Version]":
        """The tags that are versions by PEP 440, of which Copier says the same."""
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
        """The newest release; the newest commit where nothing was released."""
        return self.releases[0] if self.releases else self.describe("HEAD")

    def describe(self, revision: str) -> str:
        """The name that Copier remembers a revision by."""
        return self.git.run("describe", "--tags", "--always", revision).decode().strip()

    def commit(self, version: str) -> str:
        """The commit of a version.

        Raises:
            Misuse: there is none.
        """
        found = self.git.commit(version)
        if found is None:
            has = f"it has {', '.join(self.releases[:5])}" if self.releases else "it has no tags"
            raise Misuse(f"the template at {self.source} has no {version} ({has})")
        return found

    def moved_tag(self, root: Path, version: str) -> str:
        """Return how a release changed after the service took it; empty if it did not.

        Args:
            root: the service, whose pin of the engine names the commit.
            version: which release it has.
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

    def is_newer(self, version: str, than: str) -> bool:
        """Whether a version comes after another one."""
        if version in self.versions and than in self.versions:
            return self.versions[version] > self.versions[than]
        # A commit has no version, also where its name looks like one.
        new, old = self.commit(version), self.commit(than)
        try:
            return self.git.run("merge-base", new, old).decode().strip() != new
        except subprocess.CalledProcessError:
            return True

    def lines(self, version: str, pattern: str, folder: str) -> list[str]:
        """The whole lines that match, of the files below a folder of the template itself.

        Args:
            version: which one.
            pattern: an extended regular expression.
            folder: such as `extensions/tpgen/rules`.
        """
        matching = [
            "-h",
            "--text",
            "--extended-regexp",
            f"^{pattern}$",
            self.commit(version),
            "--",
            folder,
        ]
        try:
            return self.git.run("grep", *matching).decode(errors="replace").splitlines()
        except subprocess.CalledProcessError:
            return []  # none does

    def moved(self, version: str) -> Moved:
        """Return what a version renamed, by its own table; nothing if it has none.

        Raises:
            Misuse: the table can't be read.
        """
        try:
            table = self.git.run("show", f"{self.commit(version)}:{moved.TABLE}")
        except subprocess.CalledProcessError:
            return Moved()  # older versions have none
        return moved.parse(table.decode(errors="replace"))

    def render(self, version: str, known: Answers, into: Path) -> Rendered:
        """Let Copier render a version for a service.

        Args:
            version: which one.
            known: the answers of the service.
            into: a folder to make.

        Raises:
            Misuse: Copier refuses; or an answer of the service does not fit, which Copier would
                replace by its default.
        """
        into.mkdir(parents=True)
        (into / ANSWERS).write_text(known.text, encoding="utf-8")
        with _copier(version) as copier, self._fetched_once():
            worker = copier.run_copy(
                self.source,
                into,
                vcs_ref=self.commit(version),
                defaults=True,
                overwrite=True,
                quiet=True,
            )
            settings = worker.template
            owners = [_matching(worker, one) for one in (settings.exclude, settings.skip_if_exists)]
        for path in list(into.rglob(".git")):  # of a submodule, whose files the template gives
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        _name(into, version)
        made = Rendered(into, answers.read(into), *owners)
        for key, value in known.given.items():
            if key in made.answers.given and not _is_same(made.answers.given[key], value):
                self._refuse(version, known, key, into.with_name(f"{into.name}.refused"))
        return made

    @contextmanager
    def _fetched_once(self) -> Iterator[None]:
        """Let Copier clone from our own clone, by the address that it remembers."""
        from plumbum import local

        number = int(local.env.get("GIT_CONFIG_COUNT", "0"))
        setting = {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"url.{self.git.root}.insteadOf",
            f"GIT_CONFIG_VALUE_{number}": _address(self.source),
        }
        with local.env(**setting):
            yield

    def _refuse(self, version: str, known: Answers, key: str, into: Path) -> None:
        """Say why an answer does not fit: Copier tells it of an answer that is given anew."""
        value = known.given[key]
        with _copier(version) as copier, self._fetched_once():
            copier.run_copy(
                self.source,
                into,
                data={key: value},
                vcs_ref=self.commit(version),
                defaults=True,
                quiet=True,
            )
        raise Misuse(
            f"the answer `{key}: {value}` does not fit the template at {version} any more; say "
            f"another: `tpgen update --data {key}=…`"
        )


def _is_same(made: object, given: object) -> bool:
    """Return whether Copier took an answer as it was given: `yes` is what `true` is."""
    if isinstance(made, bool) and isinstance(given, str):
        return made is (given.lower() in {"true", "yes", "y", "on", "1"})
    return made == given


def _matching(worker: Any, patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path matches patterns of the template's settings, as they are in an update.

    Args:
        worker: Copier's, after it made a copy.
        patterns: such as those of `_exclude`.
    """
    from pathspec import PathSpec

    context = {**worker.answers.combined, "_copier_operation": "update"}
    several = (worker.jinja_env.from_string(one).render(context) for one in patterns)
    lines = [line for one in several for line in one.splitlines()]
    return PathSpec.from_lines("gitignore", lines).match_file


def _name(folder: Path, version: str) -> None:
    """Call the version by the name that was asked for: Copier uses what `git describe` says."""
    described = answers.read(folder).version
    if described == version:
        return
    for name in (ANSWERS, HOOKS, PINS):
        file = folder / name
        if file.is_file():
            # As a word of its own: the value of `_commit` and of `rev`, the comment of the pin.
            word = rf'(?m)(: "?|",  # ){re.escape(described)}("?)$'
            text = re.sub(word, rf"\g<1>{version}\g<2>", file.read_text(encoding="utf-8"))
            file.write_text(text, encoding="utf-8")


def fetch(known: Answers, into: Path) -> Template:
    """Clone the template of a service.

    Args:
        known: what the service remembers of it.
        into: a folder to make.

    Raises:
        Misuse: it is nothing that a service can be updated from, or can't be reached; or it has
            not the version that the service was made from.
    """
    address = _address(known.source)
    command = ["git", *NO_HOOKS, "clone", "--quiet", "--bare", "--", address, str(into)]
    try:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, env=environment()
        )
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        cause = "it must be the top of a git repository"
        if not Path(address).is_absolute():
            cause = "is there a network, and may you read it?"
        raise Misuse(
            f"the template at {known.source} can't be fetched, so nothing was changed: {cause} "
            f"(git says: {said}); `git ls-remote {quote(address)}` tries again"
        ) from None
    template = Template(known.source, Git(into))
    try:
        template.commit(known.version)
    except Misuse as error:
        raise Misuse(
            f"{error}, which this service was made from: if the tag was deleted, have it restored, "
            f"or set `_commit` in {ANSWERS} to the version that the service matches, and commit"
        ) from None
    return template


def _address(source: str) -> str:
    """What git takes for the place of a template."""
    host, _, path = source.partition(":")
    if host in HOSTS:
        return f"{HOSTS[host]}/{path.strip('/').removesuffix('.git')}.git"
    address = source.removeprefix("git+")
    if re.match(r"[a-z][a-z0-9+.-]*://|[\w.-]+(@[\w.-]+)?:", address):
        return address
    folder = Path(address).expanduser()
    how = (
        f"write the address of its repository as `_src_path` into {ANSWERS}, such as "
        "git+https://HOST/TEAM/tpgen.git, and commit that"
    )
    if not folder.is_absolute():
        raise Misuse(
            f"the template of this service is remembered as {source}, a path that depends on the "
            f"folder where `copier copy` ran, so it can't be updated from there: {how}"
        )
    if not folder.exists():
        raise Misuse(f"the template of this service is not at {source} any more: {how}")
    return str(folder)


def said_by_copier(error: Exception) -> str:
    """Return what Copier says of an error, in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    # Our template says a wrong answer by the name of a file that can't be rendered.
    return re.sub(r"^Error rendering template path .*mandatory\(.*?\)[^:]*: ", "", said)


@contextmanager
def _copier(version: str) -> Iterator[Any]:
    """Copier, whose complaints become one sentence, and whose words don't mix with ours."""
    import copier
    from copier.errors import UnsafeTemplateError

    try:
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield copier
    except Misuse:
        raise
    except UnsafeTemplateError:
        raise Misuse(
            f"the template at {version} runs tasks, migrations or extensions, which tpgen does "
            "not: look at them, and run `copier update --trust`"
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misuse(f"Copier can't render the template: {reason}; nothing was changed") from None
    except Exception as error:  # noqa: BLE001 - a template may raise anything
        raise Misuse(
            f"Copier can't render the template at {version} with the answers of this service, so "
            f"nothing was changed: {said_by_copier(error)}. `tpgen update --data KEY=VALUE` answers a question anew"
        ) from None
