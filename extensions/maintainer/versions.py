"""The version of a release: the files that state it, and whether it may come next."""

import re
from collections.abc import Mapping
from datetime import date

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from tpgen.core.errors import UserError
from tpgen.core.git import Git
from tpgen.update.template import Template

from . import wheel

PROJECT, LOCK, CHANGELOG, PAGE = "pyproject.toml", "uv.lock", "CHANGELOG.md", "docs/policy.md"
NUMBERS = "questions/policy.yml"
_IN_PROJECT = r'(?ms)(^\[project\]\n(?:(?!\[)[^\n]*\n)*?version = ")([^"\n]+)(")'
# Each file with what is before the version, the version, and what is behind it. In uv.lock these
# are the bytes that `uv lock` writes, which needs the package index or uv's cache.
PLACES = [
    (PROJECT, _IN_PROJECT),
    (f"{wheel.ENGINE}/pyproject.toml", _IN_PROJECT),
    (LOCK, r'(?m)(^\[\[package\]\]\nname = "tpgen"\nversion = ")([^"\n]+)(")'),
    (LOCK, r'(?m)(^\[\[package\]\]\nname = "pytest-tpgen"\nversion = ")([^"\n]+)(")'),
    (PAGE, r"(?m)(^Version )(\S+)(\.$)"),
    (NUMBERS, r'(?m)(^ +engine_version: ")([^"\n]+)(")'),
]
UNRELEASED = re.compile(r"^## Unreleased[ \t]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
RELEASED = re.compile(r"^## (\d\S*)", re.MULTILINE)
_ADMITTED = re.compile(r'^ +engine: "([^"\n]*)"', re.MULTILINE)


def parse(text: str) -> Version:
    """Return a version that can be released.

    Raises:
        UserError: it is not a plain version or pre-release, as PEP 440 spells it.
    """
    if re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?", text) and str(Version(text)) == text:
        return Version(text)
    raise UserError(f"{text!r} is not a version to release: write it like 0.2.0, or 0.2.0rc1")


def texts(git: Git, wanted: Version) -> dict[str, str]:
    """Return the files that state the version, with the new one.

    Raises:
        UserError: one has no place for it, or the version does not come next.
    """
    old = {path: read(git, path) for path in (CHANGELOG, *dict(PLACES))}
    for path, pattern in PLACES:
        if (times := len(re.findall(pattern, old[path]))) != 1:
            raise UserError(f"{path} must state the version once, and states it {times} times")
    _require_next(git, wanted, old)
    _require_admitted(old[NUMBERS], wanted)
    new = {**old, CHANGELOG: _changelog(old[CHANGELOG], wanted)}
    for path, pattern in PLACES:
        new[path] = re.sub(pattern, rf"\g<1>{wanted}\g<3>", new[path])
    return new


def read(git: Git, path: str) -> str:
    """Return the text of a file of the repository.

    Raises:
        UserError: it can't be read.
    """
    try:
        return (git.root / path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {error}; `git log -- {path}` finds it") from None


def _require_next(git: Git, wanted: Version, texts: Mapping[str, str]) -> None:
    """Refuse a version that is not later than all tags, or earlier than the project's."""
    tags = {version: tag for tag, version in Template(str(git.root), git).versions.items()}
    if tag := tags.get(wanted):
        raise UserError(f"the tag {tag} exists already: release a later version")
    if tags and wanted < max(tags):
        raise UserError(
            f"{wanted} is older than {tags[max(tags)]}, the newest tag: release a later one"
        )
    stated = re.findall(_IN_PROJECT, texts[PROJECT])[0][1]
    if wanted < Version(stated):
        raise UserError(
            f"{wanted} is older than {stated}, which {PROJECT} states: release a later one"
        )
    last = RELEASED.search(texts[CHANGELOG])
    if last and last[1] not in map(str, tags):
        # Without its tag this would pass for the first release, and be compared with nothing.
        raise UserError(
            f"{CHANGELOG} has a section {last[1]}, and this clone has no tag of it: "
            "`git fetch --tags`; if it was never released, move its lines to `## Unreleased`"
        )


def _require_admitted(numbers: str, wanted: Version) -> None:
    """Refuse a version that the policy does not work with, as the engine has the same version."""
    found = _ADMITTED.search(numbers)
    stated = found[1] if found else ""
    try:
        is_admitted = bool(stated) and SpecifierSet(stated).contains(wanted, prereleases=True)
    except InvalidSpecifier:
        is_admitted = False
    if not is_admitted:
        raise UserError(
            f'{NUMBERS} states `engine: "{stated}"`, which does not admit {wanted}, the engine of '
            "this release: write the versions that the policy works with, and commit"
        )


def _changelog(text: str, version: Version) -> str:
    notes = UNRELEASED.search(text)
    if notes is None or not any(line and line[0] != "#" for line in notes[1].split("\n")):
        raise UserError(
            f"{CHANGELOG} has no line below `## Unreleased`: write there what this release "
            "changes for users, and commit"
        )
    head = f"## Unreleased\n\n## {version} ({date.today()})\n\n"
    return text[: notes.start()] + head + notes[1].lstrip("\n") + text[notes.end() :]
