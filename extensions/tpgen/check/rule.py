"""What a rule is: one file of `tpgen.rules` each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tpgen.core.finding import Finding

from .file import File
from .project import Project

Tree = Mapping[str, str | bytes]
CODE_OF_READING = "TPG001"
OF_THE_ENGINE = "TPG0"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of the policy, with the trees that are its tests, its page and `tpgen explain`.

    Attributes:
        code: such as TPG101; the hundreds follow the policy's sections.
        name: of the fault, so that it reads well after "exempt": "mock-import".
        section: the policy's section, and the sentence that asks for the rule.
        why: what goes wrong otherwise.
        fix: what to do instead.
        bad: files, each with at least one finding, by path; a function where they are built.
        good: files without any.
        before: files that were committed before those of `bad` or `good` are put in the index.
        days_ago: how long ago they were.
        of_a_change: whether it looks at a change, so that what is found once is gone later.
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
    of_a_change: bool = False


@dataclass(frozen=True, kw_only=True)
class FileRule(Rule):
    """A rule that needs one file at a time.

    Attributes:
        check: gives the findings of a file.
        applies: which files it looks at; only those paths are read for it.
        triggers: of these bytes one must be in the file; nothing where every file is to be looked
            at. It saves most of the parsing.
    """

    check: Callable[[File], Iterable[Finding]]
    applies: Callable[[str], bool]
    triggers: tuple[bytes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProjectRule(Rule):
    """A rule that needs the project as a whole: its policy, its components, its history.

    Attributes:
        check: gives the findings; those at files that nobody asked about are dropped.
    """

    check: Callable[[Project], Iterable[Finding]]


def tree(given: Tree | Callable[[], Tree]) -> dict[str, Any]:
    """The files of `bad`, `good` or `before`."""
    return dict(given() if callable(given) else given)
