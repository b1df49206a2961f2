"""The service's own files that need new names or new fixtures after an update."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tpgen.check.file import File, Unreadable
from tpgen.check.moved import Moved
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.project import ANSWERS, Project
from tpgen.core.finding import Finding
from tpgen.rules import removed_import

from .template import Rendered

SETTINGS = "pyproject.toml"


@dataclass(frozen=True)
class OwnFile:
    """A file of the service that the new policy breaks.

    Attributes:
        path: relative to the service.
        findings: what must change in it.
    """

    path: str
    findings: Sequence[Finding]

    @property
    def by_hand(self) -> list[Finding]:
        """Return the findings that `tpgen check --fix` can't fix."""
        return [finding for finding in self.findings if not finding.edits]


def outdated(
    project: Project, old: Rendered, new: Rendered, moved: Moved, into: Path
) -> list[OwnFile]:
    """Return the service's own files that use what the new policy does not have.

    Args:
        project: the service.
        old: the template's files before the update.
        new: the template's files after it.
        moved: what the new version renamed.
        into: a folder to create, for the tests of the service as they will be.
    """
    removed = set(old.files) - set(new.files)
    for path in project.files:
        is_test = is_python(path) and is_test_path(path) and path not in removed
        if (is_test or path == SETTINGS) and (project.root / path).is_file():
            _copy(project.root / path, into / path)
    for path in new.files:
        if is_policy(path) or path == ANSWERS:
            _copy(new.folder / path, into / path)
    later = Project(into)
    parts = _parts_turned_off(old, new)
    found = []
    for file in filter(None, map(later.file, filter(removed_import.RULE.applies, later.files))):
        if findings := [_explained(finding, parts) for finding in _findings(file, moved)]:
            found.append(OwnFile(file.path, findings))
    return found


def _findings(file: File, moved: Moved) -> list[Finding]:
    try:
        return list(removed_import.check(file, moved))
    except Unreadable:
        return []


def _parts_turned_off(old: Rendered, new: Rendered) -> dict[str, str]:
    """Return the modules that are removed because a part is turned off, each with the part."""
    before, after = old.answers.given, new.answers.given
    parts = [key for key, value in before.items() if value is True and after.get(key) is False]
    removed = [path for path in set(old.files) - set(new.files) if path.endswith(".py")]
    modules = (path.removesuffix(".py").replace("/", ".") for path in removed)
    return dict.fromkeys(modules, " and ".join(parts)) if parts else {}


def _explained(finding: Finding, parts: dict[str, str]) -> Finding:
    part = next((part for module, part in parts.items() if module in finding.message), "")
    message = f"needs what `{part}` gives, which is turned off: delete the tests that do"
    return replace(finding, message=message) if part else finding


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
