"""The version that a change of the surface needs (semver; `0.x` by its own rule)."""

import re
import subprocess
import tomllib
from contextlib import suppress
from pathlib import Path

from packaging.version import InvalidVersion, Version


def next_version(released: str, *, is_breaking: bool) -> str:
    """Return the lowest version after a release that a change fits.

    From 1.0 on, a breaking change is a major step and another one a minor step. Before, a breaking
    change is a minor step and another one a patch.

    Args:
        released: the version of the release, such as 1.4.2.

    Raises:
        ValueError: it is not a version.
    """
    major, minor, patch = _release(released)
    if major == 0:
        return f"0.{minor + 1}.0" if is_breaking else f"0.{minor}.{patch + 1}"
    return f"{major + 1}.0.0" if is_breaking else f"{major}.{minor + 1}.0"


def reaches(version: str, needed: str) -> bool:
    """Return whether a version, which may be a pre-release such as 2.0.0rc1, makes a step."""
    return _release(version) >= _release(needed)


def _release(version: str) -> tuple[int, int, int]:
    try:
        parts = (*Version(version).release, 0, 0)
    except InvalidVersion:
        raise ValueError(f"{version!r} is not a version, such as 1.4.2") from None
    return parts[0], parts[1], parts[2]


def last_tag(root: Path) -> tuple[str, str]:
    """Return the highest tag of a final release below HEAD, and its version; empty without one."""
    command = ["git", "tag", "--merged=HEAD"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except OSError:  # git is not installed
        return "", ""
    found = []
    for tag in done.stdout.split():
        with suppress(InvalidVersion):
            version = Version(tag)
            if not version.is_prerelease and (tag.startswith("v") or "." in tag):
                found.append((version, tag))
    if not found:
        return "", ""
    version, tag = max(found)
    return tag, version.base_version


def released(root: Path) -> str:
    """Return the last release of a project: by its tags, else by its changelog or its version."""
    return last_tag(root)[1] or written_down(root)


def written_down(root: Path) -> str:
    """Return the last release in the changelog, else the version; empty if neither is there."""
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8") if changelog.is_file() else ""
    if re.search(r"^## \W*unreleased", text, re.MULTILINE | re.IGNORECASE):
        if found := re.search(r"^## \W*v?(\d+\.\d+(\.\d+)?\S*?)[\])]?(\s|$)", text, re.MULTILINE):
            return found[1]
        return ""
    return stated(root)


def stated(root: Path) -> str:
    """Return the version in pyproject.toml; empty if it has none."""
    file = root / "pyproject.toml"
    if not file.is_file():
        return ""
    found = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("version", "")
    return found if isinstance(found, str) else ""
