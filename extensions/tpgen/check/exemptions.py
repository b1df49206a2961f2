"""What `pyproject.toml` exempts from the rules: each with a reason, an issue and an end."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from tpgen.errors import Misuse

from .finding import Finding
from .places import matches
from .project import Project
from .rule import Rule

WHERE = "pyproject.toml"
CODE_OF_EXEMPTIONS = "TPG002"
EXAMPLE = """\
    [[tool.tpgen.exemptions]]
    rule = "TPG104"
    path = "tests/legacy/**"
    reason = "moves to MockTransport with the new client"
    issue = "#123"
    until = 2027-01-31"""


@dataclass(frozen=True)
class Exemption:
    """Findings that a team put up with for a while.

    Attributes:
        rule: its code.
        path: which files, as a pattern: `*` stays within a folder, `**` does not.
        reason: why.
        issue: where its end is worked on: "#12", or an address.
        until: the last day that it holds.
        line: of its first key in `pyproject.toml`.
    """

    rule: str
    path: str
    reason: str
    issue: str
    until: date
    line: int = field(default=1, compare=False)

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is meant."""
        return finding.code == self.rule and matches(finding.path, self.path)

    @property
    def has_ended(self) -> bool:
        """Whether its last day is over."""
        return self.until < date.today()


@dataclass(frozen=True)
class Exemptions:
    """All exemptions of a project."""

    all: Sequence[Exemption] = ()

    def apply(
        self, project: Project, rules: Sequence[Rule], found: Iterable[Finding]
    ) -> Iterator[Finding]:
        """The findings that no exemption in force covers, and those about the exemptions."""
        used = set()
        for finding in found:
            covering = [one for one in self.all if one.covers(finding)]
            used |= set(covering)
            if not any(not one.has_ended for one in covering):
                yield finding
        if project.is_asked(WHERE):
            yield from self._about(project, rules, used)

    def _about(
        self, project: Project, rules: Sequence[Rule], used: set[Exemption]
    ) -> Iterator[Finding]:
        ran = {rule.code for rule in rules}
        for one in self.all:
            title = f"the exemption of {one.path} from {one.rule}"
            if one not in used and one.rule in ran and project.asked is None:
                message = f"{title} covers nothing any more: take it out"
                yield Finding(WHERE, one.line, 1, message, CODE_OF_EXEMPTIONS)
            elif one.has_ended and one.rule in ran:
                message = f"{title} ended on {one.until}: mend what it covers ({one.issue})"
                yield Finding(WHERE, one.line, 1, message, CODE_OF_EXEMPTIONS)


def read(root: Path) -> Exemptions:
    """The exemptions of a project.

    Raises:
        Misuse: `pyproject.toml` can't be read, or one lacks something.
    """
    try:
        text = (root / WHERE).read_text(encoding="utf-8")
        tables = tomllib.loads(text).get("tool", {}).get("tpgen", {}).get("exemptions", [])
    except FileNotFoundError:
        return Exemptions()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misuse(f"{WHERE} can't be read: {error}; correct it first") from None
    if not isinstance(tables, list):
        raise Misuse(f"{WHERE}: write each exemption as a table of its own:\n{EXAMPLE}")
    lines = [
        text.count("\n", 0, found.start()) + 1
        for found in re.finditer(r"^\s*\[\[\s*tool\.tpgen\.exemptions\s*\]\]", text, re.MULTILINE)
    ]
    lines += [1] * len(tables)
    return Exemptions([_exemption(one, line) for one, line in zip(tables, lines, strict=False)])


def _exemption(table: Any, line: int) -> Exemption:
    known = [one.name for one in fields(Exemption) if one.name != "line"]
    if not isinstance(table, dict) or set(table) - set(known):
        _refuse(line, f"has other keys than {', '.join(known)}")
    for key in known[:-1]:
        if not isinstance(table.get(key), str) or not table[key].strip():
            _refuse(line, f"lacks `{key}`")
    if type(table.get("until")) is not date:
        _refuse(line, "lacks `until`, a date such as 2027-01-31")
    if not re.fullmatch(r"TPG\d{3}", table["rule"]):
        _refuse(line, f"names no rule: {table['rule']!r}")
    if not re.search(r"\d", table["issue"]):
        _refuse(line, f"names no issue: {table['issue']!r}, where #12 or an address belongs")
    return Exemption(**table, line=line)


def _refuse(line: int, reason: str) -> None:
    raise Misuse(f"{WHERE}:{line}: an exemption {reason}; one looks like this:\n{EXAMPLE}")
