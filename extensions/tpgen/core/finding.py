"""What a rule found."""

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Edit:
    """A safe correction: the bytes from `start` to `end` of the file become `text`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Finding:
    """A place where the files fall short of the policy.

    Attributes:
        path: the file, relative to the project, with `/`.
        line: counted from 1.
        column: counted from 1, in characters.
        message: what is wrong and what to do, in one sentence.
        code: of the rule; the engine fills it in.
        level: an "error" fails the check; a "warning" will one day; a "note" says what was not
            looked at.
        edits: what `--fix` does about it; nothing where only a person can tell.
        seen: a digest of what the file held when the edits were made; the engine fills it in.
    """

    path: str
    line: int
    column: int
    message: str
    code: str = ""
    level: Level = "error"
    edits: tuple[Edit, ...] = ()
    seen: str = field(default="", compare=False)

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """What findings are sorted by."""
        return self.path, self.line, self.column, self.code, self.message
