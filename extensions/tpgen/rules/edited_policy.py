"""TPG501: a file of the policy that was edited by hand."""

from collections.abc import Iterator

from tpgen.check.places import is_policy
from tpgen.check.project import ANSWERS, Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding
from tpgen.core.git import Git
from tpgen.core.policy import adds_only_kinds
from tpgen.core.service import POLICY

FOLDER = "tests/policy"


def check(project: Project) -> Iterator[Finding]:
    """Yield each edited file; in a change that is an update, each edited file that it removes."""
    git = project.git
    commit = project.template_commit if project.is_service else ""
    if not git or not commit:
        return
    if project.is_update:
        yield from _lost(project, git)
        return
    for path, state in sorted(git.changed(commit, FOLDER).items()):
        file = project.read(path) if path == str(POLICY) else None
        # A service may add kinds of its own.
        if state not in "MD" or (
            file and adds_only_kinds(git.show(commit, path) or b"", file.data)
        ):
            continue
        message = (
            f"{path} is the template's, and {'is gone' if state == 'D' else 'was edited by hand'}: "
            f"`git checkout {commit[:10]} -- {path}` restores it; change the policy in the "
            "template, for every service"
        )
        yield Finding(path, 1, 1, message)


def _lost(project: Project, git: Git) -> Iterator[Finding]:
    """Yield each edited file that an update removes; `tpgen update` would keep it."""
    base = project.compared
    written, renamed = project.template_commit_in(base), git.renamed(base, FOLDER)
    for path, state in sorted(project.changed.items()):
        is_lost = state == "D" and is_policy(path) and path not in renamed
        original = git.show(written, path) if is_lost and written else None
        if original is not None and original != git.show(base, path):
            message = (
                f"this update removes {path}, which had been edited here: `git show "
                f"{base[:10]}:./{path}` has it; move what you need of it"
            )
            yield Finding(path, 1, 1, message, level="warning")


NUMBERS = "[slow]\nseconds = 1.0\n"
KIND = """
[kinds.job]
help = "a nightly job"
sources = ["jobs/{name}.py"]
tests = [{path = "tests/unit/jobs/test_{name}.py", skeleton = "job.py.j2"}]
"""
RULE = ProjectRule(
    code="TPG501",
    name="edited-policy",
    section="all: the policy is one, for every service",
    why="A number that is edited in one service is a policy of its own that nobody decided, and a "
    "conflict at the next update. `copier update` removes an edited file without a message, if the "
    "template no longer has it.",
    fix="Restore the file, and change the policy in the template. A kind of components that "
    "only this service has may be added to policy.toml, with a suite and a skeleton in new files.",
    check=check,
    before={ANSWERS: "_commit: v1.0.0\n", str(POLICY): NUMBERS},
    bad={str(POLICY): NUMBERS.replace("1.0", "30.0")},
    good={str(POLICY): NUMBERS + KIND},
)
