"""`make release VERSION=0.2.0`: version, changelog, tag and policy page agree, or it refuses."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import yaml
from tpgen.core.errors import UserError
from tpgen.core.git import Git, names
from tpgen.report.text import shortened
from tpgen.update.answers import Answers
from tpgen.update.template import Template

from . import policy_page, versions, wheel
from .policy_page import NOTICE, Page, Policy
from .versions import CHANGELOG, PAGE, UNRELEASED

TEMPLATE = Path(__file__).parents[2]
# The paragraph or list below this line, and the names in it.
AT_ONCE = re.compile(r"^Required at once:[ \t]*\n(?:[ \t]*\n)?((?:.*\S.*\n?)+)", re.MULTILINE)
NAMES = re.compile(r"`([\w.]+)`")
# With all parts, a service has all that the policy requires.
PARTS = {"pipeline": True, "vault": True, "frontend": True}
COMBINATIONS = [
    dict(zip(PARTS, values, strict=True)) for values in product((True, False), repeat=len(PARTS))
]
SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Release this repository in the version that is given.

    Returns:
        0, or 2 if something must be changed first, and nothing was written.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if len(given) != 1:
            raise UserError("give one version: `make release VERSION=0.2.0`")
        print(release(TEMPLATE, given[0]))
    except UserError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def release(
    folder: Path, version: str, combinations: Sequence[Mapping[str, bool]] = COMBINATIONS
) -> str:
    """Write a version wherever it is stated, commit that, and tag it.

    Args:
        folder: a repository of the template.
        version: to release.
        combinations: answers for parts of the template, each of which must render.

    Returns:
        What was done, and the next command.

    Raises:
        UserError: something does not agree, or git refuses; the repository is as it was before.
    """
    wanted = versions.parse(version)
    git = _repository(folder)
    texts = versions.texts(git, wanted)
    template = Template(str(git.root), git)
    _require_same_questions(template)
    _require_policy_page(git, template)
    _require_rendering(template, combinations)
    commit = _commit(git, texts, version)
    return (
        f"released {version}: {', '.join(texts)} and the wheel state it, in the commit "
        f"{commit[:9]} with the tag v{version}\nnext: git push --atomic origin main v{version}"
    )


def _repository(folder: Path) -> Git:
    """Return the repository of the template, on main and without uncommitted changes."""
    git = Git.at(folder)
    top = git is not None and not git.run("rev-parse", "--show-prefix").strip()
    if git is None or not top or not git.has_commits or not (folder / "copier.yml").exists():
        raise UserError(f"{folder} is not a clone of the template: run `make release` in one")
    branch = git.run("branch", "--show-current").decode().strip()
    if branch != "main":
        where = f"this is the branch {branch}" if branch else "this is a detached HEAD"
        raise UserError(f"a release is made on the branch main, and {where}: `git switch main`")
    if changed := git.uncommitted():
        raise UserError(
            f"a release needs a clean tree, and these are not committed: "
            f"{shortened(changed, SHOWN)}; commit them, or `git stash --include-untracked`"
        )
    return git


def _require_policy_page(git: Git, template: Template) -> None:
    """Refuse a page that differs from the policy, and cases that fail before the notice is over."""
    page = Page(versions.read(git, PAGE))
    with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
        new = _policy(template, "HEAD", Path(folder) / "new")
        if lines := page.missing(new):
            _refuse(f"{PAGE} lacks what the policy requires; add it, and commit:", lines)
        if not template.releases:
            return
        last = template.newest
        old = _policy(template, last, Path(folder) / "old")
    if lines := page.outdated(old, new):
        _refuse(
            f"{PAGE} says what was right at {last} and is not any more; remove it, and commit:",
            lines,
        )
    if lines := policy_page.overnight(old, new, at_once(versions.read(git, CHANGELOG))):
        mark = f'@pytest.mark.required_from("{date.today() + NOTICE}")'
        _refuse(
            "these cases would fail in services too soon; mark each with "
            f"`{mark}` or a later day, state that day in {PAGE}, and commit. If a case "
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
    raise UserError("\n".join([why, "", *lines]))


def _policy(template: Template, version: str, into: Path) -> Policy:
    try:
        made = template.render(version, Answers(template.source, version, PARTS), into)
        made.check(version)
        return policy_page.read(made.folder)
    except UserError as error:
        raise UserError(f"a service of {version} has no policy: {error}") from None


def _require_same_questions(template: Template) -> None:
    """Refuse a question that is gone, has another type, or lacks a choice.

    Copier alone, as Renovate runs it, silently replaces an answer that does not fit by the default.
    """
    if not template.releases:
        return
    new = _questions(template.git, "HEAD")
    old = _questions(template.git, template.commit(template.newest))
    lines = [line for name in old for line in _misfits(name, old[name], new.get(name))]
    if lines:
        _refuse(
            "services have given answers, which Copier would silently replace; keep these "
            "questions, and let a new one take its `default` from the old answer:",
            lines,
        )


def _misfits(name: str, old: Mapping[str, Any], new: Mapping[str, Any] | None) -> Iterator[str]:
    if new is None:
        yield f"{name}: is gone"
    elif old["type"] != new["type"]:
        yield f"{name}: was of the type {old['type']} and is {new['type']}"
    elif _choices(new) and (lost := _choices(old) - _choices(new)):
        yield f"{name}: lacks {', '.join(sorted(lost))}"


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


def _require_rendering(template: Template, combinations: Sequence[Mapping[str, bool]]) -> None:
    """Refuse a combination of parts that does not render, or renders files that can't be read."""
    for parts in combinations:
        with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
            known = Answers(template.source, "HEAD", parts)
            try:
                template.render("HEAD", known, Path(folder) / "made").check("HEAD")
            except UserError as error:
                said = ", ".join(f"{name}={str(value).lower()}" for name, value in parts.items())
                raise UserError(f"a service with {said} can't be made: {error}") from None


def _commit(git: Git, texts: Mapping[str, str], version: str) -> str:
    """Write the files, commit and tag them; all of it, or nothing.

    Returns:
        The commit.
    """
    title = f"Release {version}"
    with _all_or_nothing(git, version):
        for path, text in texts.items():
            (git.root / path).write_text(text, encoding="utf-8")
        wheel.build(git.root)
        git.run("add", "--all", "--force", "--", wheel.FOLDER)
        git.run("commit", "--quiet", "-m", title, "--", *texts, wheel.FOLDER)
        git.run("tag", "--annotate", "-m", title, f"v{version}")
    return git.run("rev-parse", "HEAD").decode().strip()


@contextmanager
def _all_or_nothing(git: Git, version: str) -> Iterator[None]:
    """Take a failed release back, also after Ctrl-C."""
    before = git.run("rev-parse", "HEAD").decode().strip()
    try:
        yield
    except BaseException as error:
        _take_back(git, before, version)
        if not isinstance(error, (OSError, subprocess.CalledProcessError)):
            raise
        said = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
        raise UserError(f"the release failed, and was taken back: {said}") from None


def _take_back(git: Git, before: str, version: str) -> None:
    try:
        git.run("reset", "--quiet", "--hard", before)
        git.run("clean", "--quiet", "-fd", "--", wheel.FOLDER)
        if git.commit(f"refs/tags/v{version}"):
            git.run("tag", "--delete", f"v{version}")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise UserError(
            f"the release failed, and git can't take it back: {said}; run "
            f"`git reset --hard {before}` and `git tag --delete v{version}`"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
