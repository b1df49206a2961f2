"""Exemptions from rules in `pyproject.toml`: each with a reason, an issue and a last day."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tpgen.core import settings
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.core.settings import WHERE

from . import registry
from .places import matches, require_pattern
from .project import Project
from .rule import CODE_OF_EXEMPTIONS, Rule

# To exempt for longer is another change that somebody reviews.
LONGEST = timedelta(days=366)
TEXTS = ("rule", "path", "reason", "issue")
KEYS = (*TEXTS, "until")
# A well-formed code may be that of a rule that an update removed.
CODE = re.compile(r"TPG[1-9]\d\d")
# "#12", "org/repo#12", "ABC-12", or an address.
ISSUE = re.compile(r"([\w.-]+/[\w.-]+)?#\d+|[A-Z][A-Z0-9]+-\d+|https?://\S*\d\S*")


@dataclass(frozen=True)
class Exemption:
    """Findings that a team tolerates for a while.

    Attributes:
        path: which files, as a pattern: `*` stays within a folder, `**` does not.
        until: the last day that it holds.
    """

    rule: str
    path: str
    reason: str
    issue: str
    until: date
    line: int = field(default=1, compare=False)

    def covers(self, finding: Finding) -> bool:
        return finding.code == self.rule and matches(finding.path, self.path)

    @property
    def has_ended(self) -> bool:
        return self.until < date.today()


def uncovered(exemptions: Sequence[Exemption], found: Iterable[Finding]) -> list[Finding]:
    """Return the findings that no exemption in force covers."""
    in_force = [exemption for exemption in exemptions if not exemption.has_ended]
    return [finding for finding in found if not any(each.covers(finding) for each in in_force)]


def outdated(
    exemptions: Sequence[Exemption],
    project: Project,
    rules: Sequence[Rule],
    found: Sequence[Finding],
) -> Iterator[Finding]:
    """Yield a finding for each exemption that has ended, and for all that covers nothing."""
    if not project.is_asked(WHERE):
        return
    ran = {rule.code for rule in rules}
    # A finding in a change may come back with the next change.
    lasting = {rule.code for rule in rules if not rule.diff_only}
    for exemption in exemptions:
        title = f"the exemption of {exemption.path} from {exemption.rule}"
        is_whole = project.asked is None and exemption.rule in lasting
        message = ""
        if exemption.rule not in registry.all_rules():
            message = f"{title} is from a rule that no longer exists: remove it"
        elif is_whole and not any(map(exemption.covers, found)):
            message = f"{title} covers nothing: remove it"
        elif exemption.has_ended and exemption.rule in ran:
            message = f"{title} expired on {exemption.until}: fix what it covers"
            message += f" ({exemption.issue})"
        if message:
            yield Finding(WHERE, exemption.line, 1, message, CODE_OF_EXEMPTIONS)
    for path in [each.path for each in project.excluded if project.asked is None]:
        if not any(matches(file, path) for file in project.tracked.paths):
            message = f"the exclusion of {path} matches no file: correct its path, or remove it"
            text = settings.read(project.root).text
            line = text.count("\n", 0, max(0, text.find(path))) + 1
            yield Finding(WHERE, line, 1, message, CODE_OF_EXEMPTIONS)


def read(root: Path) -> list[Exemption]:
    """Return the exemptions of a project; a UserError names the line of one that is invalid."""
    found = settings.read(root)
    if not isinstance(found.table.get("exemptions", []), list):
        raise UserError(f"{WHERE}: write each exemption as a table of its own:\n{example()}")
    return [_exemption(root, table, line) for table, line in found.exemptions]


def example() -> str:
    """Return an exemption as it stands in `pyproject.toml`, to paste."""
    return f"""\
    [[tool.tpgen.exemptions]]
    rule = "TPG104"
    path = "tests/legacy/**"
    reason = "moves to MockTransport with the new client"
    issue = "#123"
    until = {date.today() + timedelta(days=90)}"""


def _exemption(root: Path, table: Any, line: int) -> Exemption:
    try:
        if not isinstance(table, dict):
            raise TypeError("must be a table")
        for key in sorted(table.keys() - set(KEYS)):
            near = get_close_matches(key, KEYS, 1)
            hint = f"is it `{near[0]}`?" if near else f"the keys are {', '.join(KEYS)}"
            raise ValueError(f"has the unknown key `{key}` ({hint})")
        for key in TEXTS:
            if not isinstance(table.get(key), str) or not table[key].strip():
                raise ValueError(f"lacks `{key}`, a text")
        if not ISSUE.fullmatch(table["issue"].strip()):
            raise ValueError(f"has the `issue` {table['issue']!r}: write #12 or an address")
        if type(table.get("until")) is not date:
            raise ValueError("lacks `until`, a date without quotes")
        if table["until"] > date.today() + LONGEST:
            raise ValueError(f"ends on {table['until']}: that is more than a year from now")
        require_pattern(root, table["path"])
        return Exemption(**{**table, "rule": _code(table["rule"].strip())}, line=line)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{WHERE}:{line}: an exemption {error}; one looks like this:\n{example()}"
        ) from None


def _code(word: str) -> str:
    if CODE.fullmatch(word):
        return word
    try:
        code = registry.find_checked(word).code
    except UserError as error:
        raise ValueError(f"names no rule: {error}") from None
    if code == CODE_OF_EXEMPTIONS:
        raise ValueError(f"is from {code}, the rule about exemptions, which has none")
    return code
