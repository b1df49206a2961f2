"""Define a rule: each is one module of `tpgen.rules`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tpgen.core.finding import Finding

from .file import File
from .project import Project

Tree = Mapping[str, str | bytes]
CODE_OF_READING = "TPG001"
CODE_OF_EXEMPTIONS = "TPG002"
CODE_OF_BASELINE = "TPG003"
OF_THE_ENGINE = "TPG0"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of the policy, with the trees that are its tests, its page and `tpgen explain`.

    Attributes:
        name: of the fault, so that it reads well after "exempt": "mock-import".
        section: the policy's section, and the sentence that asks for the rule.
        bad: files, each with at least one finding, by path; a function if they are built.
        good: files without any.
        before: files that were committed before those of `bad` or `good` are put in the index.
        days_ago: how long ago they were.
        diff_only: whether it looks at a change only, so that its findings go with the change.
    """

    code: str
    name: str
    section: str
    why: str
    fix: str
    bad: Tree | Callable[[], Tree]
    good: Tree | Callable[[], Tree]
    before: Tree | Callable[[], Tree] = field(default_factory=dict)
    days_ago: int = 0
    diff_only: bool = False


@dataclass(frozen=True, kw_only=True)
class FileRule(Rule):
    """A rule that looks at one file at a time.

    Attributes:
        applies: returns whether it looks at a path; other files are not read for it.
        triggers: bytes of which one must be in the file, so that others need no parsing; empty if
            it looks at every file.
        reads_project: whether its findings depend on more than the file, the policy and the
            settings, such as other files, Git or the date; they are then never cached.
    """

    check: Callable[[File], Iterable[Finding]]
    applies: Callable[[str], bool]
    triggers: tuple[bytes, ...] = ()
    reads_project: bool = False


@dataclass(frozen=True, kw_only=True)
class ProjectRule(Rule):
    """A rule that looks at the whole project: its policy, its components, its history.

    Attributes:
        check: yields the findings; those in files that the check is not about are dropped.
    """

    check: Callable[[Project], Iterable[Finding]]


def tree(given: Tree | Callable[[], Tree]) -> dict[str, Any]:
    """Return the files of `bad`, `good` or `before`."""
    return dict(given() if callable(given) else given)
