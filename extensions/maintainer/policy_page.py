"""Compare the policy page with what a version of the template requires of a service."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from tpgen.check import requirements
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.policy import Kind
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code
from tpgen.update.policy_changes import flat, said_of

# How long a service has before a new required case fails.
NOTICE = timedelta(days=14)
# A title, such as "For a pipeline step:", and an item below it. The sentences about the numbers of
# the policy have no title; a title itself has no item.
Line = tuple[str, str]


@dataclass(frozen=True)
class Policy:
    """The requirements of one version of the template on a service.

    Attributes:
        lines: what the policy page must say.
        kinds: the kinds, by name.
        stated: the cases that each suite states itself.
        cases: all cases of each suite by name, with those that it inherits.
    """

    lines: Sequence[Line]
    kinds: Mapping[str, Kind]
    stated: Mapping[str, Sequence[Case]]
    cases: Mapping[str, Mapping[str, Case]]


def read(root: Path) -> Policy:
    """Return the policy of a service.

    Args:
        root: the folder of the service.
    """
    document, kinds = policy.read(root), policy.kinds(root)
    code = Code([root / "tests"])
    subclasses, known = cases.subclasses(code), cases.read(code)
    lines = [("", said_of(document, name, value)) for name, value in flat(document)]
    for kind in kinds.values():
        suites = requirements.suites(kind)
        title = f"For {kind.help}:"
        items = [_item(case) for case in known if subclasses[case.suite] & suites]
        lines += [(title, item) for item in ("", *items)]
    return Policy(
        lines=lines,
        kinds=kinds,
        stated={suite: [case for case in known if case.suite == suite] for suite in subclasses},
        cases={suite: _all_cases(suite, known, subclasses) for suite in subclasses},
    )


def _all_cases(
    suite: str, known: Sequence[Case], subclasses: Mapping[str, set[str]]
) -> dict[str, Case]:
    """Return the cases of a suite by name; its own replace those that it inherits."""
    inherited = {case.name: case for case in known if suite in subclasses[case.suite]}
    return inherited | {case.name: case for case in known if case.suite == suite}


def _item(case: Case) -> str:
    day = f" (required from {case.required_from})" if case.required_from else ""
    return f"- {case.words}{day}"


class Page:
    """The policy page.

    Args:
        text: of the page.
    """

    def __init__(self, text: str) -> None:
        self._text = " ".join(text.split())
        self._lines = {*_listed(text)}

    def missing(self, new: Policy) -> list[str]:
        """Return the lines that the page does not have, to paste."""
        return [*_shown(line for line in new.lines if not self._has(line))]

    def outdated(self, old: Policy, new: Policy) -> list[str]:
        """Return the lines of the page that were right at the last release, and are not now."""
        gone = (line for line in old.lines if line not in new.lines)
        return [*_shown(line for line in gone if self._has(line))]

    def _has(self, line: Line) -> bool:
        title, sentence = line
        return line in self._lines if title else sentence in self._text


def _listed(text: str) -> Iterator[Line]:
    """Yield the titles and the items below them, without the remarks behind a colon."""
    title = ""
    for line in text.splitlines():
        if line.startswith("#") or (line.startswith("For ") and line.endswith(":")):
            title = line
            yield title, ""
        elif line.startswith("- ") and title:
            yield title, line.partition(": ")[0].rstrip()


def _shown(lines: Iterable[Line]) -> Iterator[str]:
    for title, group in groupby(lines, itemgetter(0)):
        yield from filter(None, [title, *(item for _, item in group)])


def overnight(old: Policy, new: Policy, at_once: Collection[str] = ()) -> list[str]:
    """Return the cases that would fail in a service before the notice is over, a line for each.

    Args:
        old: the policy of the last release.
        new: the policy of this one.
        at_once: cases that the changelog announces: `test_x`, or `XSuite.test_x`.
    """
    earliest = date.today() + NOTICE
    return [
        f"{case.suite}.{case.name} in {case.path}, {case.required_from or 'without a day'}"
        for case in dict.fromkeys([*_new_cases(old, new), *_new_suites(old, new)])
        if (case.required_from is None or case.required_from < earliest)
        and not {case.name, f"{case.suite}.{case.name}"} & set(at_once)
    ]


def _new_cases(old: Policy, new: Policy) -> Iterator[Case]:
    """Yield the cases that suites got, or got an earlier day for."""
    for suite in old.cases.keys() & new.cases.keys():
        for name, case in new.cases[suite].items():
            before = old.cases[suite].get(name)
            if before is None or (before.is_future and _is_sooner(case, before)):
                yield case


def _is_sooner(case: Case, before: Case) -> bool:
    return (case.required_from or date.min) < (before.required_from or date.min)


def _new_suites(old: Policy, new: Policy) -> Iterator[Case]:
    """Yield the cases of the suites that the components of a kind did not need before."""
    for kind in new.kinds.values():
        for suite in sorted(requirements.suites(kind) - _suites_before(old, kind)):
            # `tpgen check` warns of a missing suite if all cases that it states have a day.
            if not new.stated.get(suite):
                raise UserError(
                    f"the suite {suite}, new for {kind.help}, states no case that could say from "
                    "which day on it is required: state one there, with its day"
                )
            yield from new.stated[suite]


def _suites_before(old: Policy, kind: Kind) -> set[str]:
    """Return the suites that a kind needed, also if it had another name."""
    return {
        suite
        for before in old.kinds.values()
        if before.name == kind.name
        or (before.introspect, before.sources) == (kind.introspect, kind.sources)
        for suite in requirements.suites(before)
    }
