"""The service's own files that need new names or new fixtures after an update."""

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tpgen.check import engine
from tpgen.check.moved import Moved
from tpgen.check.places import is_python, is_test_path
from tpgen.check.project import ANSWERS, Project
from tpgen.core.finding import Finding
from tpgen.rules.removed_import import RULE, check

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
        """What `tpgen check --fix` can't change."""
        return [finding for finding in self.findings if not finding.edits]


def outdated(
    project: Project, old: Rendered, new: Rendered, moved: Moved, into: Path
) -> list[OwnFile]:
    """Return the service's own files that use what the new policy no longer has.

    Args:
        project: the service.
        old: its files of the template, as they were.
        new: the same, as they will be.
        moved: what the new version renamed.
        into: a folder to make, for its tests as they will be.
    """
    gone = set(old.files) - set(new.files)
    for path in project.files:
        is_test = is_python(path) and is_test_path(path) and path not in gone
        if (is_test or path == SETTINGS) and (project.root / path).is_file():
            _copy(project.root / path, into / path)
    for path in new.files:
        is_needed = path.startswith("tests/policy/") or path == ANSWERS
        if is_needed and (new.folder / path).is_file():
            _copy(new.folder / path, into / path)
    found: dict[str, list[Finding]] = defaultdict(list)
    rule = replace(RULE, check=partial(check, moved=moved))
    turned_off = _turned_off(old, new)
    for finding in engine.run(Project(into), [rule]):
        if finding.code == RULE.code:
            part = next((part for name, part in turned_off.items() if name in finding.message), "")
            if part:
                message = (
                    f"needs what `{part}` gives, which is turned off: delete the tests that do"
                )
                finding = replace(finding, message=message)
            found[finding.path].append(finding)
    return [OwnFile(path, findings) for path, findings in found.items()]


def _turned_off(old: Rendered, new: Rendered) -> dict[str, str]:
    """Return the modules that are gone because a part is turned off, each with the part."""
    before, after = old.answers.given, new.answers.given
    parts = [key for key, value in before.items() if value is True and after.get(key) is False]
    gone = [path for path in set(old.files) - set(new.files) if path.endswith(".py")]
    modules = (path.removesuffix(".py").replace("/", ".") for path in gone)
    return dict.fromkeys(modules, " and ".join(parts)) if parts else {}


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
