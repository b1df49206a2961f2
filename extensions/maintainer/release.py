"""`make release VERSION=0.2.0`: version, changelog, tag and policy page agree, or it refuses."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from tpgen.core.errors import Misuse
from tpgen.core.git import Git, names
from tpgen.report.text import shortened
from tpgen.update.answers import Answers
from tpgen.update.template import Template

from . import wheel
from .policy_page import NOTICE, Policy, missing, outdated, overnight, read

if TYPE_CHECKING:
    from packaging.version import Version

TEMPLATE = Path(__file__).parents[2]
PROJECT, LOCK, CHANGELOG, PAGE = "pyproject.toml", "uv.lock", "CHANGELOG.md", "docs/policy.md"
# Where a version stands, between what is before and what is behind it.
PLACES = {
    PROJECT: r'(?ms)(^\[project\]\n(?:(?!\[)[^\n]*\n)*?version = ")([^"\n]+)(")',
    LOCK: r'(?m)(^\[\[package\]\]\nname = "tpgen"\nversion = ")([^"\n]+)(")',
    PAGE: r"(?m)(^Version )(\S+)(\.$)",
}
NUMBERS = "questions/policy.yml"
# The same of the engine, which is released with the template.
ENGINE_PLACES = {
    f"{wheel.ENGINE}/pyproject.toml": PLACES[PROJECT],
    NUMBERS: r'(?m)(^ +engine_version: ")([^"\n]+)(")',
}
ENGINE_LOCKED = PLACES[LOCK].replace('"tpgen"', '"pytest-tpgen"')
EVERYWHERE = [*PLACES.items(), *ENGINE_PLACES.items(), (LOCK, ENGINE_LOCKED)]
ADMITTED = re.compile(r'^ +engine: "([^"\n]*)"', re.MULTILINE)
UNRELEASED = re.compile(r"^## Unreleased[ \t]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
# The paragraph or list below this line, and the names in it.
AT_ONCE = re.compile(r"^Required at once:[ \t]*\n(?:[ \t]*\n)?((?:.*\S.*\n?)+)", re.MULTILINE)
NAMES = re.compile(r"`([\w.]+)`")
RELEASED = re.compile(r"^## (\d\S*)", re.MULTILINE)
# All that a service may have: what the policy demands of a part is seen where the part is.
PARTS = {"pipeline": True, "vault": True, "frontend": True}
COMBINATIONS = [
    dict(zip(PARTS, values, strict=True)) for values in product((True, False), repeat=len(PARTS))
]
SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Release this repository in the version that is given.

    Returns:
        0, or 2 where a person must change something first, and nothing was written.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if len(given) != 1:
            raise Misuse("say which version, and nothing else: `make release VERSION=0.2.0`")
        print(release(TEMPLATE, given[0]))
    except Misuse as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def release(folder: Path, version: str) -> str:
    """Write a version wherever it stands, commit that, and tag it.

    Args:
        folder: a repository of the template.
        version: to release.

    Returns:
        What was done, and the next command.

    Raises:
        Misuse: something does not agree, or git refuses; all is as it was before.
    """
    wanted = _version(version)
    git = _repository(folder)
    texts = _texts(git, wanted)
    template = Template(str(git.root), git)
    _answers_fit(template)
    _agreed(git, template)
    _renders(template)
    commit = _commit(git, texts, version)
    return (
        f"released {version}: {', '.join(texts)} and the wheel say so, in the commit {commit[:9]} with the tag "
        f"v{version}\nnext: git push --atomic origin main v{version}"
    )


def _version(text: str) -> "Version":
    from packaging.version import InvalidVersion, Version

    try:
        found = Version(text)
    except InvalidVersion:
        found = None
    if found and text == ".".join(map(str, found.release)) + "".join(map(str, found.pre or ())):
        return found
    raise Misuse(f"{text!r} is no version to release: write it like 0.2.0, or 0.2.0rc1")


def _repository(folder: Path) -> Git:
    """The repository of the template, on main, with nothing that is not committed."""
    git = Git.at(folder)
    top = git is not None and not git.run("rev-parse", "--show-prefix").strip()
    if git is None or not top or not git.has_commits or not (folder / "copier.yml").exists():
        raise Misuse(f"{folder} is no clone of the template: run `make release` in one")
    branch = git.run("branch", "--show-current").decode().strip()
    if branch != "main":
        where = f"this is the branch {branch}" if branch else "this is none (a detached HEAD)"
        raise Misuse(f"a release is made on the branch main, and {where}: `git switch main`")
    if changed := git.uncommitted():
        raise Misuse(
            f"a release needs a clean tree, and these are not committed: "
            f"{shortened(changed, SHOWN)}; commit them, or `git stash --include-untracked`"
        )
    return git


def _texts(git: Git, wanted: "Version") -> dict[str, str]:
    """The files that say the version, with the new one.

    Raises:
        Misuse: one has no place for it, or it does not come after what is there.
    """
    old = {path: _read(git, path) for path in (CHANGELOG, *dict(EVERYWHERE))}
    for path, pattern in EVERYWHERE:
        if (times := len(re.findall(pattern, old[path]))) != 1:
            raise Misuse(f"{path} says {times} times which version this is, not once: mend it")
    _newer(git, wanted, old)
    _admitted(old[NUMBERS], wanted)
    return {path: _with_version(path, text, str(wanted)) for path, text in old.items()}


def _read(git: Git, path: str) -> str:
    try:
        return (git.root / path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Misuse(f"{path} can't be read: {error}; `git log -- {path}` finds it") from None


def _newer(git: Git, wanted: "Version", texts: Mapping[str, str]) -> None:
    """Make sure that nothing of this version, or of a later one, is there."""
    from packaging.version import Version

    known = {found: tag for tag, found in Template(str(git.root), git).versions.items()}
    if tag := known.get(wanted):
        raise Misuse(f"the tag {tag} is there already: release a later version")
    if known and wanted < max(known):
        raise Misuse(
            f"{wanted} is older than {known[max(known)]}, the newest tag: release a later one"
        )
    found = re.search(PLACES[PROJECT], texts[PROJECT])
    assert found
    if wanted < Version(found[2]):
        raise Misuse(
            f"{wanted} is older than {found[2]}, which {PROJECT} says: release a later one"
        )
    last = RELEASED.search(texts[CHANGELOG])
    if last and last[1] not in map(str, known):
        # Without its tag a clone would take this for the first release, and compare nothing.
        raise Misuse(
            f"{CHANGELOG} has a section {last[1]}, and there is no tag of it here: "
            "`git fetch --tags`; if it was never released, move its lines to `## Unreleased`"
        )


def _admitted(numbers: str, wanted: "Version") -> None:
    """Make sure that the policy works with the engine of this release."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    found = ADMITTED.search(numbers)
    stated = found[1] if found else ""
    try:
        is_admitted = SpecifierSet(stated).contains(wanted, prereleases=True)
    except InvalidSpecifier:
        is_admitted = False
    if not is_admitted or not stated:
        raise Misuse(
            f'{NUMBERS} says `engine: "{stated}"`, which does not admit {wanted}, the engine of '
            "this release: write the versions that the policy works with, and commit"
        )


def _with_version(path: str, text: str, version: str) -> str:
    if path != CHANGELOG:
        # In uv.lock these are the bytes that `uv lock` writes, which needs the index or its cache.
        for pattern in (one for place, one in EVERYWHERE if place == path):
            text = re.sub(pattern, rf"\g<1>{version}\g<3>", text)
        return text
    notes = UNRELEASED.search(text)
    if notes is None or not any(line and line[0] != "#" for line in notes[1].split("\n")):
        raise Misuse(
            f"{CHANGELOG} has no line below `## Unreleased`: write there what this release "
            "changes for those who use it, and commit"
        )
    head = f"## Unreleased\n\n## {version} ({date.today()})\n\n"
    return text[: notes.start()] + head + notes[1].lstrip("\n") + text[notes.end() :]


def _agreed(git: Git, template: Template) -> None:
    """Make sure that page and policy agree, and that no service is broken overnight.

    Raises:
        Misuse: they do not.
    """
    page = _read(git, PAGE)
    with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
        new = _policy(template, "HEAD", Path(folder) / "new")
        if lines := missing(page, new):
            _refuse(f"{PAGE} lacks what the policy demands; put it there, and commit:", lines)
        if not template.releases:
            return
        last = template.newest
        old = _policy(template, last, Path(folder) / "old")
    if lines := outdated(page, old, new):
        _refuse(
            f"{PAGE} says what held at {last} and holds no more; take it out, and commit:", lines
        )
    if lines := overnight(old, new, at_once(_read(git, CHANGELOG))):
        mark = f'@pytest.mark.required_from("{date.today() + NOTICE}")'
        _refuse(
            "a service is never broken overnight, and these cases would fail in one too soon; mark "
            f"each with `{mark}` or a later day, say that day in {PAGE}, and commit. If a case "
            "can't wait, name its test in backticks below a line `Required at once:` of "
            f"`## Unreleased` in {CHANGELOG}:",
            lines,
        )


def at_once(changelog: str) -> set[str]:
    """Return the cases that a changelog announces as required from the next release on."""
    notes = UNRELEASED.search(changelog)
    lists = AT_ONCE.findall(notes[1]) if notes else []
    return {name for text in lists for name in NAMES.findall(text)}


def _refuse(why: str, lines: Sequence[str]) -> NoReturn:
    raise Misuse("\n".join([why, "", *lines]))


def _policy(template: Template, version: str, into: Path) -> Policy:
    try:
        known = Answers(template.source, version, PARTS)
        made = template.render(version, known, into)
        made.check(version)
        return read(made.folder)
    except Misuse as error:
        raise Misuse(f"{version} gives a service no policy: {error}") from None


def _answers_fit(template: Template) -> None:
    """Make sure that each answer of a service still means what it meant.

    Copier alone, as Renovate runs it, would replace an answer that does not fit by the proposed
    one, and says nothing.

    Raises:
        Misuse: a question is gone, has another type, or lacks a choice.
    """
    if not template.releases:
        return
    new = _questions(template.git, "HEAD")
    lines = []
    for name, question in _questions(template.git, template.commit(template.newest)).items():
        now = new.get(name)
        lost = _choices(question) - _choices(now or {})
        if now is None:
            lines.append(f"{name}: is gone")
        elif question["type"] != now["type"]:
            lines.append(f"{name}: was of the type {question['type']} and is {now['type']}")
        elif lost and _choices(now):
            lines.append(f"{name}: lacks {', '.join(sorted(lost))}")
    if lines:
        _refuse(
            "services have given answers, which Copier would replace without a word; keep these "
            "questions, and let a new one take its `default` from the old answer:",
            lines,
        )


def _questions(git: Git, revision: str) -> dict[str, Mapping[str, Any]]:
    """Return the questions of a revision that a person answers, by their names."""
    listed = git.run("ls-tree", "-r", "-z", "--name-only", revision, "questions/")
    found: dict[str, Mapping[str, Any]] = {}
    for path in names(listed):
        if path.endswith(".yml"):
            text = git.run("show", f"{revision}:{path}")
            for name, question in (yaml.safe_load(text) or {}).items():
                is_asked = isinstance(question, dict) and question.get("when", True) is not False
                if is_asked and "type" in question:
                    found[name] = question
    return found


def _choices(question: Mapping[str, Any]) -> set[str]:
    return set(map(str, question.get("choices", ())))


def _renders(template: Template) -> None:
    """Make sure that each combination of parts renders, and can be read.

    Raises:
        Misuse: one does not.
    """
    for parts in COMBINATIONS:
        with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
            known = Answers(template.source, "HEAD", parts)
            try:
                template.render("HEAD", known, Path(folder) / "made").check("HEAD")
            except Misuse as error:
                said = ", ".join(f"{name}={str(value).lower()}" for name, value in parts.items())
                raise Misuse(f"a service with {said} can't be made: {error}") from None


def _commit(git: Git, texts: Mapping[str, str], version: str) -> str:
    """Write the files, commit and tag them; all of it, or nothing.

    Returns:
        The commit.

    Raises:
        Misuse: something failed; the repository is as it was.
    """
    before = git.run("rev-parse", "HEAD").decode().strip()
    title = f"Release {version}"
    try:
        for path, text in texts.items():
            (git.root / path).write_text(text, encoding="utf-8")
        wheel.build(git.root)
        git.run("add", "--all", "--force", "--", wheel.FOLDER)
        git.run("commit", "--quiet", "-m", title, "--", *texts, wheel.FOLDER)
        git.run("tag", "--annotate", "-m", title, f"v{version}")
    except Misuse:
        _take_back(git, before, version)
        raise
    except (OSError, subprocess.CalledProcessError) as error:
        _take_back(git, before, version)
        said = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
        raise Misuse(f"the release failed, and all is as it was before: {said}") from None
    except BaseException:
        _take_back(git, before, version)
        raise
    return git.run("rev-parse", "HEAD").decode().strip()


def _take_back(git: Git, before: str, version: str) -> None:
    try:
        git.run("reset", "--quiet", "--hard", before)
        git.run("clean", "--quiet", "-fd", "--", wheel.FOLDER)
        if git.commit(f"refs/tags/v{version}"):
            git.run("tag", "--delete", f"v{version}")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise Misuse(
            f"the release failed, and git can't take it back: {said}; do it by hand: "
            f"`git reset --hard {before}` and `git tag --delete v{version}`"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
