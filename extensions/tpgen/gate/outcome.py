"""What the gate found, and its JSON, which the comment on a pull request is made from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tpgen.core.errors import UserError
from tpgen.core.finding import Finding

VERSION = 1
# The most ranges of lines in a message, and characters of a text in the JSON.
RANGES, LONGEST = 10, 4000
SCHEMA = Path(__file__).parent / "gate.schema.json"


@dataclass(frozen=True)
class JudgedFile:
    """A file of the source that the change adds or edits.

    Attributes:
        path: relative to the service.
        new: how many statements and branches of it are new or edited.
        covered: how many of these ran.
        percent: of the whole file that is covered.
    """

    path: str
    new: int
    covered: int
    percent: float

    @property
    def new_percent(self) -> float:
        """Return the percentage of the new code that is covered."""
        return 100 * self.covered / self.new if self.new else 100


@dataclass(frozen=True)
class UnprovedCase:
    """A required case of a changed component, or one that was proved on the base.

    Attributes:
        component: such as "route GET /v1/agents".
        case: in words.
        why: it is not proved.
    """

    component: str
    case: str
    why: str


@dataclass
class Outcome:
    """What the gate found.

    Attributes:
        base: the commit where the change begins.
        findings: one for each place that lacks a test.
        files: of the source, that the change adds or edits.
        cases: that are not proved.
    """

    base: str
    findings: list[Finding] = field(default_factory=list)
    files: list[JudgedFile] = field(default_factory=list)
    cases: list[UnprovedCase] = field(default_factory=list)

    @property
    def blocks(self) -> bool:
        """Return whether the change must not be merged."""
        return any(finding.level == "error" for finding in self.findings)


def as_json(outcome: Outcome) -> str:
    """Return an outcome as one JSON object; gate.schema.json describes it."""
    keys = ("code", "level", "path", "line", "message")
    findings = [{key: getattr(found, key) for key in keys} for found in outcome.findings]
    for each in findings:
        each["message"] = str(each["message"])[:LONGEST]
    cases = [replace(case, why=case.why[:LONGEST]) for case in outcome.cases]
    content = {"version": VERSION, **asdict(replace(outcome, cases=cases)), "findings": findings}
    return json.dumps(content, indent=2) + "\n"


def from_json(file: Path) -> Outcome:
    """Read an outcome that another job wrote, perhaps one that runs a stranger's code.

    Raises:
        UserError: the file is not an outcome.
    """
    import fastjsonschema

    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        fastjsonschema.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), content)
    except fastjsonschema.JsonSchemaValueException as error:
        said = str(error.message)[:200]
        raise UserError(f"{file} is not what `tpgen gate --json FILE` writes: {said}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file} can't be read: {error}") from None
    return Outcome(
        content["base"],
        [Finding(column=1, **known) for known in content["findings"]],
        [JudgedFile(**known) for known in content["files"]],
        [UnprovedCase(**known) for known in content["cases"]],
    )


def shortened(lines: Sequence[int]) -> str:
    """Return the numbers of lines as ranges: "3-5, 9"."""
    found: list[list[int]] = []
    for line in sorted(lines):
        if found and line == found[-1][-1] + 1:
            found[-1].append(line)
        else:
            found.append([line])
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found[:RANGES]]
    more = f" and {len(found) - RANGES} more places" if len(found) > RANGES else ""
    return ", ".join(shown) + more
