"""What `pyproject.toml` exempts from the rules: each with a reason, an issue and an end."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from tpgen.core import settings
from tpgen.core.errors import Misuse
from tpgen.core.finding import Finding
from tpgen.core.settings import WHERE

from .places import matches
from .project import Project
from .rule import Rule

CODE_OF_EXEMPTIONS = "TPG002"
# Whoever needs longer says so again, in a change that somebody reviews.
LONGEST = timedelta(days=366)
TEXTS = ("rule", "path", "reason", "issue")
KEYS = (*TEXTS, "until")
# What looks like a code may be one of yesterday's; a name is never shown without its code.
CODE = re.compile(r"TPG[1-9]\d\d")
# "#12", "org/repo#12", "ABC-12", or an address.
ISSUE = re.compile(r"([\w.-]+/[\w.-]+)?#\d+|[A-Z][A-Z0-9]+-\d+|https?://\S*\d\S*")


@dataclass(frozen=True)
class Exemption:
    """Findings that a team put up with for a while.

    Attributes:
        rule: its code.
        path: which files, as a pattern: `*` stays within a folder, `**` does not.
        reason: why.
        issue: where its end is worked on: "#12", or an address.
        until: the last day that it holds.
        line: of its table in `pyproject.toml`.
    """

    rule: str
    path: str
    reason: str
    issue: str
    until: date
    line: int = field(default=1, compare=False)

    @property
    def is_of_no_rule(self) -> bool:
        """Whether an update took its rule away."""
        from . import registry  # The rules import this module.

        return self.rule not in registry.all_rules()

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
        # What is found in a change only may be found again in the next.
        lasting = {rule.code for rule in rules if not rule.of_a_change}
        for one in self.all:
            title = f"the exemption of {one.path} from {one.rule}"
            if one.is_of_no_rule:
                message = f"{title} is from a rule that no longer exists: remove it"
                yield Finding(WHERE, one.line, 1, message, CODE_OF_EXEMPTIONS)
            elif one not in used and one.rule in lasting and project.asked is None:
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
    found = settings.read(root)
    if not isinstance(found.table.get("exemptions", []), list):
        raise Misuse(f"{WHERE}: write each exemption as a table of its own:\n{example()}")
    return Exemptions([_exemption(root, table, line) for table, line in found.exemptions])


def example() -> str:
    """An exemption as it stands in `pyproject.toml`, to paste."""
    return f"""\
    [[tool.tpgen.exemptions]]
    rule = "TPG104"
    path = "tests/legacy/**"
    reason = "moves to MockTransport with the new client"
    issue = "#123"
    until = {date.today() + timedelta(days=90)}"""


def _exemption(root: Path, table: Any, line: int) -> Exemption:
    _require_keys(table, line)
    if not ISSUE.fullmatch(table["issue"].strip()):
        _refuse(line, f"names no issue: {table['issue']!r}, where #12 or an address belongs")
    _require_place(root, table["path"], line)
    if table["until"] > date.today() + LONGEST:
        _refuse(line, f"ends on {table['until']}: that is more than a year from now")
    return Exemption(**{**table, "rule": _code(table["rule"], line)}, line=line)


def _require_keys(table: Any, line: int) -> None:
    if not isinstance(table, dict):
        _refuse(line, "is no table")
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            hint = f"is it `{near[0]}`?" if near else f"there are {', '.join(KEYS)}"
            _refuse(line, f"has the unknown key `{key}` ({hint})")
    for key in TEXTS:
        if not isinstance(table.get(key), str) or not table[key].strip():
            _refuse(line, f"lacks `{key}`, a text")
    if type(table.get("until")) is not date:
        _refuse(line, "lacks `until`, a day without quotes")


def _require_place(root: Path, path: str, line: int) -> None:
    """A path that can't fit any file is a mistake, not one that is done with."""
    if path.startswith(("/", "./", "~")) or "\\" in path or ".." in path.split("/"):
        _refuse(line, f"has the `path` {path!r}: write it from the folder of {WHERE} on, with /")
    if not re.search(r"[*?]", path) and (root / path).is_dir():
        _refuse(line, f"has the `path` of a folder: write {path.rstrip('/') + '/**'!r}")


def _code(word: str, line: int) -> str:
    from . import registry  # The rules import this module.

    if CODE.fullmatch(word.strip()):
        return word.strip()
    try:
        code = registry.find(word.strip()).code
    except Misuse as error:
        _refuse(line, f"names no rule: {error}")
    if code == CODE_OF_EXEMPTIONS:
        _refuse(line, f"is from {code}, the rule about exemptions: that one always holds")
    return code


def _refuse(line: int, reason: str) -> NoReturn:
    raise Misuse(f"{WHERE}:{line}: an exemption {reason}; one looks like this:\n{example()}")
