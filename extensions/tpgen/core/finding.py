"""The results of a check."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["error", "warning", "note"]
Confidence = Literal["high", "low"]


@dataclass(frozen=True)
class Edit:
    """A safe correction: the bytes from `start` to `end` of the file become `text`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Finding:
    """A place where the files fall short of the policy; lines and columns are counted from 1.

    Attributes:
        path: relative to the project, with `/`.
        code: of the rule; the engine fills it in.
        level: an "error" fails the check; a "note" says what was not checked.
        confidence: "low" for what may well be right; the engine makes it a warning.
        content_hash: of the file that the edits were made for; the engine fills it in.
    """

    path: str
    line: int
    column: int
    message: str
    code: str = ""
    level: Level = "error"
    confidence: Confidence = "high"
    edits: tuple[Edit, ...] = ()
    content_hash: str = field(default="", compare=False)

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Return the key that findings are sorted by."""
        return self.path, self.line, self.column, self.code, self.message


@dataclass
class CheckResult:
    """The findings of a check, and the number of files and of further findings."""

    findings: list[Finding] = field(default_factory=list)
    checked: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # files, also partly read, by reason
    exempt: int = 0
    in_baseline: int = 0

    def add(self, other: "CheckResult") -> None:
        """Add the result of other files."""
        self.findings += other.findings
        self.checked += other.checked
        self.left_out += other.left_out
        self.exempt += other.exempt
        self.in_baseline += other.in_baseline
