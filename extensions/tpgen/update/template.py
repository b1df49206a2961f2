"""The template of a service in any version: fetched by git, rendered by Copier."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from tpgen.check import moved
from tpgen.check.moved import Moved
from tpgen.check.project import ANSWERS
from tpgen.core.errors import UserError
from tpgen.core.git import OF_A_HOOK, Git
from tpgen.core.settings import WHERE as PROJECT

from . import answers
from .answers import Answers
from .git_merge import NO_HOOKS, complaint

if TYPE_CHECKING:
    from packaging.version import Version

HOOKS = ".pre-commit-config.yaml"
CORRECT = f"write its address as `_src_path` into {ANSWERS}, such as "
CORRECT += "git+https://HOST/TEAM/tpgen.git, and commit that"
HOSTS = {"gh": "https://github.com", "gl": "https://gitlab.com"}


@dataclass(frozen=True)
class Rendered:
    """The files of one version of the template for a service."""

    folder: Path
    answers: Answers  # what Copier made of those of the service
    is_left_alone: Callable[[str], bool]  # a file, by its path: an update never writes it

    @property
    def files(self) -> list[str]:
        """Return the files, as paths below the folder."""
        found = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def check(self, version: str) -> None:
        """Parse the rendered Python and TOML."""
        for path in self.files:
            if not path.endswith((".py", ".toml")):
                continue
            parse: Callable[[str], object] = ast.parse if path.endswith(".py") else tomllib.loads
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
    """The repository of a template, in a bare clone."""

    source: str  # its address, as the answers of the service have it
    git: Git

    @cached_property
    def releases(self) -> list[str]:
        """Return the tags that are versions by PEP 440, newest first; no pre-releases."""
        stable = [tag for tag, version in self.versions.items() if not version.is_prerelease]
        return sorted(stable, key=lambda tag: self.versions[tag], reverse=True)

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
        return self.releases[0] if self.releases else self._describe("HEAD")

    def _describe(self, revision: str) -> str:
        """Return the name of a revision that Copier writes into the answers."""
        return self.git.line("describe", "--tags", "--always", revision)

    def commit(self, version: str) -> str:
        """Return the commit of a version."""
        found = self.git.commit(version)
        if found is None:
            has = f"it has {', '.join(self.releases[:5])}" if self.releases else "it has no tags"
            raise UserError(f"the template at {self.source} has no {version} ({has})")
        return found

    def version_to_take(self, old: str, wanted: str = "") -> str:
        """Return the version to update to: the newest one, or the one that was asked for."""
        version = wanted or self.newest
        commit, old_commit = self.commit(version), self.commit(old)
        if commit == old_commit:
            return old
        if version not in self.versions:
            version = self._describe(commit)
        if {version, old} <= self.versions.keys():
            is_newer = self.versions[version] > self.versions[old]
        else:  # A commit has no version, even if its name looks like one.
            ancestor = self.git.try_run("merge-base", "--is-ancestor", commit, old_commit)
            is_newer = ancestor is None
        if wanted and not is_newer:
            raise UserError(
                f"{version} is older than {old}, which this service has: an update only "
                "goes forward; to go back, revert the commit of the update"
            )
        return version if is_newer else old

    def moved_tag(self, root: Path, version: str) -> str:
        """Return a warning if the version has another commit than the service's pin of the engine."""
        file = root / PROJECT
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        pin = rf'@([0-9a-f]{{40}})#[^"]*",\s+# {re.escape(version)}$'
        found = re.search(pin, text, re.MULTILINE)
        commit = self.commit(version)
        if found is None or found[1] == commit:
            return ""
        return (
            f"the tag {version} of the template was moved: this service was made from commit "
            f"{found[1][:10]}, and it is {commit[:10]} now"
        )

    def moved(self, version: str) -> Moved:
        """Return what a version renamed, by its own table; nothing if it has no table."""
        table = self.git.try_run("show", f"{self.commit(version)}:{moved.TABLE}")
        return Moved() if table is None else moved.parse(table.decode(errors="replace"))

    def render(self, version: str, known: Answers, into: Path) -> Rendered:
        """Let Copier render a version for a service with these answers into a new folder."""
        into.mkdir(parents=True)
        content = {"_commit": known.version, "_src_path": known.source, **known.given}
        (into / ANSWERS).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        try:
            is_left_alone = self._run_copier(self.commit(version), into)
        except ModuleNotFoundError:  # without the extra `update`
            raise
        except Exception as error:  # noqa: BLE001 - a template may raise anything
            raise UserError(
                f"Copier can't render the template at {version} with the answers of this service, "
                f"so nothing was changed: {said_by_copier(error)}. `tpgen update --data KEY=VALUE` "
                "overrides an answer"
            ) from None
        for path in list(into.rglob(".git")):  # of a submodule, whose files belong to the template
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        _set_version(into, version)
        made = Rendered(into, answers.read(into), is_left_alone)
        for key, value in known.given.items():
            taken = made.answers.given.get(key, value)
            is_same = taken == value
            if isinstance(taken, bool) and isinstance(value, str):
                is_same = taken is (value.lower() in {"true", "yes", "y", "on", "1"})
            if not is_same:
                raise UserError(
                    f"the template at {version} refuses the answer `{key}: {value}` and would take "
                    f"`{taken}`; give another: `tpgen update --data {key}=VALUE`"
                )
        return made

    def _run_copier(self, commit: str, into: Path) -> Callable[[str], bool]:
        """Let Copier clone our clone under the address of the template, and render.

        Return whether a path matches `_exclude` of the template in an update.
        """
        import copier
        from pathspec import PathSpec
        from plumbum import local

        number = int(local.env.get("GIT_CONFIG_COUNT", "0"))
        variables = {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"url.{self.git.root}.insteadOf",
            f"GIT_CONFIG_VALUE_{number}": _address(self.source),
        }
        options: dict[str, Any] = {"defaults": True, "overwrite": True, "quiet": True}
        with warnings.catch_warnings(), redirect_stdout(sys.stderr), local.env(**variables):
            warnings.simplefilter("ignore")
            worker = copier.run_copy(self.source, into, vcs_ref=commit, **options)
        context = {**worker.answers.combined, "_copier_operation": "update"}
        patterns = [
            worker.jinja_env.from_string(pattern).render(context)
            for pattern in worker.template.exclude
        ]
        return PathSpec.from_lines("gitignore", "\n".join(patterns).splitlines()).match_file


def _set_version(folder: Path, version: str) -> None:
    """Write the version under the name that was asked for; Copier uses `git describe`."""
    described = answers.read(folder).version
    # The value of `_commit` and of `rev`, and the comment of the pin.
    word = rf'(?m)(: "?|",  # ){re.escape(described)}("?)$'
    for file in (folder / ANSWERS, folder / HOOKS, folder / PROJECT):
        if described != version and file.is_file():
            text = re.sub(word, rf"\g<1>{version}\g<2>", file.read_text(encoding="utf-8"))
            file.write_text(text, encoding="utf-8")


def said_by_copier(error: Exception) -> str:
    """Return the message of an error of Copier, in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    # Our template refuses an answer by the name of a file that can't be rendered.
    return re.sub(r"^Error rendering template path .*mandatory\(.*?\)[^:]*: ", "", said)


@contextmanager
def workshop() -> Iterator[Path]:
    """Give a temporary folder for what is fetched and rendered."""
    for name in OF_A_HOOK:  # They would win over the folders that Copier runs git in.
        os.environ.pop(name, None)
    try:
        with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
            # Two updates at once would fetch into the same clone in Copier's usual cache.
            os.environ.setdefault("COPIER_CACHE_DIR", f"{folder}/copier")
            yield Path(folder)
    except OSError as error:
        raise UserError(f"{error}, and nothing was changed") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"git failed, and nothing was changed: {complaint(error)}") from None


def fetch(known: Answers, into: Path) -> Template:
    """Clone the template of a service into a new folder."""
    address = _address(known.source)
    try:
        Git(into.parent).run(*NO_HOOKS, "clone", "--quiet", "--bare", "--", address, str(into))
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise UserError(
            f"the template at {known.source} can't be fetched, so nothing was changed: git says: "
            f"{said}. Is there a network, and may you read it? `git ls-remote {quote(address)}` "
            f"tries again. If it has moved, {CORRECT}"
        ) from None
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
    """Return the address of a template as git takes it."""
    host, _, path = source.partition(":")
    if host in HOSTS:
        return f"{HOSTS[host]}/{path.strip('/').removesuffix('.git')}.git"
    address = source.removeprefix("git+")
    if re.match(r"[a-z][a-z0-9+.-]*://|[\w.-]+(@[\w.-]+)?:", address):
        return address
    folder = Path(address).expanduser()
    if not folder.is_absolute():
        raise UserError(
            f"the template of this service is {source}, a path that depends on the folder where "
            f"`copier copy` ran: {CORRECT}"
        )
    return str(folder)
