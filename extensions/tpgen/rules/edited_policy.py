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
    """Yield each file that differs from what the template last wrote.

    In a change that is an update: each edited file that it removes.
    """
    git = project.git
    commit = project.template_commit if project.is_service else ""
    if not git or not commit:
        return
    if project.is_update:
        yield from _lost(project, git)
        return
    for path, state in sorted(git.changed(commit, FOLDER).items()):
        if state in "MD" and not _only_adds(project, commit, path):
            yield _finding(path, state, commit)


def _lost(project: Project, git: Git) -> Iterator[Finding]:
    """Yield each edited file that an update removes; `tpgen update` would keep it."""
    base = project.compared
    made = project.template_commit_in(base)
    renamed = git.renamed(base, FOLDER)
    for path, state in sorted(project.changed.items()):
        is_lost = state == "D" and path not in renamed
        was = git.show(made, path) if is_lost and made and is_policy(path) else None
        if was is not None and was != git.show(base, path):
            message = (
                f"this update removes {path}, which had been edited here: `git show "
                f"{base[:10]}:./{path}` has it; move what you need of it"
            )
            yield Finding(path, 1, 1, message, level="warning")


def _finding(path: str, state: str, commit: str) -> Finding:
    what = "was edited by hand" if state == "M" else "is gone"
    message = (
        f"{path} is the template's, and {what}: `git checkout {commit[:10]} -- {path}` restores "
        "it; change the policy in the template, for every service"
    )
    return Finding(path, 1, 1, message)


def _only_adds(project: Project, commit: str, path: str) -> bool:
    """Return whether a service only adds kinds of its own to the numbers and kinds of the policy."""
    git = project.git
    if path != POLICY.as_posix() or git is None:
        return False
    try:
        now = (project.root / path).read_bytes()
    except OSError:
        return False
    return adds_only_kinds(git.show(commit, path) or b"", now)


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
    before={
        ANSWERS: "_commit: v1.0.0\n",
        "tests/policy/policy.toml": "[slow]\nseconds = 1.0\n",
    },
    bad={"tests/policy/policy.toml": "[slow]\nseconds = 30.0\n"},
    good={
        "tests/policy/policy.toml": "[slow]\nseconds = 1.0\n\n[kinds.job]\n"
        'help = "a nightly job"\nsources = ["jobs/{name}.py"]\n\n[[kinds.job.tests]]\n'
        'path = "tests/unit/jobs/test_{name}.py"\nskeleton = "job.py.j2"\n'
    },
)
