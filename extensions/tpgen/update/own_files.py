"""The service's own files that need new names or new fixtures after an update."""

import shutil
from dataclasses import replace
from pathlib import Path

from tpgen.check.file import Unreadable
from tpgen.check.moved import Moved
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.project import ANSWERS, Project
from tpgen.core.finding import Finding
from tpgen.rules import removed_import

from .template import Rendered

SETTINGS = "pyproject.toml"


def outdated(
    project: Project, old: Rendered, new: Rendered, moved: Moved, into: Path
) -> list[Finding]:
    """Return where the service's own files use what the new policy does not have.

    Its tests are checked as they will be, in a new folder `into`.
    """
    removed = set(old.files) - set(new.files)
    tests = (path for path in project.files if is_python(path) and is_test_path(path))
    mine = [project.root / path for path in (SETTINGS, *tests) if path not in removed]
    theirs = [new.folder / path for path in new.files if is_policy(path) or path == ANSWERS]
    for root, files in ((project.root, mine), (new.folder, theirs)):
        for path in filter(Path.is_file, files):
            to = into / path.relative_to(root)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
    later = Project(into)
    found: list[Finding] = []
    for file in filter(None, map(later.file, filter(removed_import.RULE.applies, later.files))):
        try:
            found += list(removed_import.check(file, moved))
        except Unreadable:
            continue
    after = new.answers.given
    parts = [key for key, on in old.answers.given.items() if on is True and after.get(key) is False]
    modules = [path.removesuffix(".py").replace("/", ".") for path in removed]
    message = f"needs what `{' and '.join(parts)}` gives, which is turned off: delete the tests"
    for index, finding in enumerate(found):
        if parts and any(module in finding.message for module in modules):
            found[index] = replace(finding, message=f"{message} that do")
    return found
