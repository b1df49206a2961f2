"""The template of a service, at whatever version: fetched by git, rendered by Copier."""

import re
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpgen.check.git import Git, names
from tpgen.check.project import ANSWERS
from tpgen.errors import Misuse

from . import answers
from .answers import Answers
from .merging import complaint

if TYPE_CHECKING:
    from packaging.version import Version

# What Copier and the template's own pre-commit config take them for.
SETTINGS = ("copier.yml", "copier.yaml")
# The filters that Copier gives a template.
FILTERS = "jinja2_ansible_filters.AnsibleCoreFiltersExtension"
HOOKS = ".pre-commit-config.yaml"
HOSTS = {"gh": "https://github.com", "gl": "https://gitlab.com"}


@dataclass(frozen=True)
class Rendered:
    """What the template gives a service in one version, of what an update may write.

    Attributes:
        folder: where it lies.
        answers: what Copier made of the answers.
    """

    folder: Path
    answers: Answers


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
        known = self._versions
        stable = [tag for tag in known if not known[tag].is_prerelease]
        return sorted(stable, key=lambda tag: known[tag], reverse=True)

    @cached_property
    def _versions(self) -> "dict[str, Version]":
        from packaging.version import InvalidVersion, Version

        known = {}
        for tag in self.git.run("tag", "--list").decode().split():
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
            raise Misuse(
                f"the template at {self.source} has no {version} ({has}): a tag that was taken "
                f"back? Whoever keeps the template can set it again, or write the version that "
                f"the service is like as `_commit` into {ANSWERS} and commit that"
            )
        return found

    def is_newer(self, version: str, than: str) -> bool:
        """Whether a version comes after another one."""
        if version in self._versions and than in self._versions:
            return self._versions[version] > self._versions[than]
        # A commit has no version, also where its name looks like one.
        new, old = self.commit(version), self.commit(than)
        try:
            return self.git.run("merge-base", new, old).decode().strip() != new
        except subprocess.CalledProcessError:
            return True

    def show(self, version: str, path: str) -> str:
        """A file of the template itself; nothing where it has none."""
        try:
            found = self.git.run("show", f"{self.commit(version)}:{path}")
        except subprocess.CalledProcessError:
            return ""
        return found.decode(errors="replace")

    def files(self, version: str, folder: str) -> list[str]:
        """The files below a folder of the template itself."""
        listed = self.git.run(
            "ls-tree", "-r", "--name-only", "-z", self.commit(version), "--", folder
        )
        return names(listed)

    def not_owned(self, version: str, given: Mapping[str, Any]) -> list[str]:
        """What an update leaves alone, as patterns: the files that are the person's.

        Raises:
            Misuse: there are no settings of Copier.
        """
        from jinja2 import Environment, TemplateError

        path = next((one for one in SETTINGS if self.show(version, one)), "")
        if not path:
            raise Misuse(f"{self.source} is no template at {version}: it has no copier.yml")
        texts = [str(one) for one in self._config(version, path).get("_exclude") or ()]
        context = {**given, "_copier_operation": "update"}
        jinja = Environment(extensions=[FILTERS])
        try:
            lines = (jinja.from_string(one).render(context).splitlines() for one in texts)
            return [line for several in lines for line in several if line]
        except TemplateError as error:
            raise Misuse(f"{path} of the template at {version}: `_exclude`: {error}") from None

    def _config(self, version: str, path: str) -> dict[str, Any]:
        """What a file of settings says, with what it includes."""
        import yaml

        def included(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> dict[str, Any]:
            pattern = str(loader.construct_scalar(node))
            several = [one for one in self.files(version, ".") if fnmatch(one, pattern)]
            return {
                key: value for one in several for key, value in self._config(version, one).items()
            }

        class Loader(yaml.SafeLoader):
            pass

        Loader.add_constructor("!include", included)
        try:
            documents = list(yaml.load_all(self.show(version, path), Loader))
        except yaml.YAMLError as error:
            said = " ".join(str(error).split())
            raise Misuse(f"{path} of the template at {version} can't be read: {said}") from None
        known = [one for one in documents if isinstance(one, dict)]
        return {key: value for one in known for key, value in one.items()}

    def render(
        self, version: str, known: Answers, into: Path, leaving_out: Sequence[str]
    ) -> Rendered:
        """Let Copier render a version for a service.

        Args:
            version: which one.
            known: the answers of the service.
            into: a folder to make.
            leaving_out: patterns of the files that are not to be rendered.

        Raises:
            Misuse: Copier refuses; or an answer of the service does not fit, which Copier would
                replace by its default.
        """
        into.mkdir(parents=True)
        (into / ANSWERS).write_text(known.text, encoding="utf-8")
        with _copier(version) as copier:
            copier.run_copy(
                self.source,
                into,
                vcs_ref=self.commit(version),
                exclude=leaving_out,
                defaults=True,
                overwrite=True,
                quiet=True,
            )
        _name(into, version)
        made = Rendered(into, answers.read(into))
        for key, value in known.given.items():
            if key in made.answers.given and made.answers.given[key] != value:
                self._refuse(version, known, key, into.with_name(f"{into.name}.refused"))
        return made

    def _refuse(self, version: str, known: Answers, key: str, into: Path) -> None:
        """Say why an answer does not fit: Copier tells it of an answer that is given anew."""
        value = known.given[key]
        with _copier(version) as copier:
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


def _name(folder: Path, version: str) -> None:
    """Call the version what it was asked for: Copier takes whatever `git describe` says first."""
    described = answers.read(folder).version
    if described == version:
        return
    for name in (ANSWERS, HOOKS):
        file = folder / name
        if file.is_file():
            # As a word of its own: the value of `_commit`, and of `rev`.
            word = rf'(?m)(: "?){re.escape(described)}("?)$'
            file.write_text(re.sub(word, rf"\g<1>{version}\g<2>", file.read_text()))


def fetch(source: str, into: Path) -> Template:
    """Clone a template.

    Args:
        source: as a service remembers it.
        into: a folder to make.

    Raises:
        Misuse: it is nothing that a service can be updated from, or can't be reached.
    """
    address = _address(source)
    command = ["git", "clone", "--quiet", "--bare", "--", address, str(into)]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except subprocess.CalledProcessError as error:
        raise Misuse(
            f"the template at {source} can't be fetched, so nothing was changed. git says: "
            f"{complaint(error)}. Is there a network, and may you read it? `git ls-remote "
            f"{address}` tries again"
        ) from None
    return Template(source, Git(into))


def _address(source: str) -> str:
    """What git takes for the place of a template."""
    host, _, path = source.partition(":")
    if host in HOSTS:
        return f"{HOSTS[host]}/{path.strip('/').removesuffix('.git')}.git"
    address = source.removeprefix("git+")
    if re.match(r"[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:", address):
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
    if Git.at(folder) is None:
        raise Misuse(f"the template of this service, {source}, is no git repository: {how}")
    return str(folder)


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
        said = " ".join(str(error).split()) or type(error).__name__
        # Our template says a wrong answer by the name of a file that can't be rendered.
        said = re.sub(r"^Error rendering template path .*mandatory\(.*?\)[^:]*: ", "", said)
        raise Misuse(
            f"Copier can't render the template at {version} with the answers of this service, so "
            f"nothing was changed: {said}. `tpgen update --data KEY=VALUE` answers a question anew"
        ) from None
