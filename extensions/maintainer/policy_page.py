"""What a version of the template demands, and whether the policy page says just that."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tpgen.check import demands
from tpgen.core import policy
from tpgen.core.errors import Misuse
from tpgen.core.policy import Kind
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code
from tpgen.update.policy_changes import flat, said_of

# How long a service has before a new required case fails.
NOTICE = timedelta(days=14)


@dataclass(frozen=True)
class Policy:
    """What one version of the template demands of a service.

    Attributes:
        sentences: one for each value of `policy.toml`; none where that had no words yet.
        required: the cases of each kind as the policy page lists them, by the title above them.
        kinds: the kinds, by name.
        asked: the suites that prove the components of each kind.
        stated: the cases that each suite states itself.
        cases: all cases of each suite, by name; those that it inherits too.
    """

    sentences: Sequence[str]
    required: Mapping[str, Sequence[str]]
    kinds: Mapping[str, Kind]
    asked: Mapping[str, set[str]]
    stated: Mapping[str, Sequence[Case]]
    cases: Mapping[str, Mapping[str, Case]]


def read(root: Path) -> Policy:
    """Return what the policy of a service requires.

    Args:
        root: the service, which may be of an older release.
    """
    document, kinds = policy.read(root), policy.kinds(root, old_form=True)
    code = Code([root / "tests"])
    heirs, stated = cases.subclasses(code), cases.read(code)
    asked = {name: demands.suites(kind) for name, kind in kinds.items()}
    said = [said_of(document, name, value) for name, value in flat(document)]
    return Policy(
        sentences=said if "words" in document else [],
        required={
            f"For {kind.help}:": [_item(one) for one in stated if heirs[one.suite] & asked[name]]
            for name, kind in kinds.items()
        },
        kinds=kinds,
        asked=asked,
        stated={suite: [one for one in stated if one.suite == suite] for suite in heirs},
        cases={suite: _all_cases(suite, stated, heirs) for suite in heirs},
    )


def _all_cases(
    suite: str, stated: Sequence[Case], heirs: Mapping[str, set[str]]
) -> dict[str, Case]:
    """The cases of a suite, by name; what it states itself goes before what it inherits."""
    found = {one.name: one for one in stated if suite in heirs[one.suite]}
    return found | {one.name: one for one in stated if one.suite == suite}


def _item(case: Case) -> str:
    day = f" (required from {case.required_from})" if case.required_from else ""
    return f"- {case.words}{day}"


def missing(page: str, new: Policy) -> list[str]:
    """What a page does not say of a policy, as lines to paste.

    Args:
        page: the text of the policy page.
        new: the policy.
    """
    said, listed = " ".join(page.split()), _listed(page)
    lines = [sentence for sentence in new.sentences if sentence not in said]
    for title, items in new.required.items():
        lacking = [item for item in items if item not in listed.get(title, ())]
        if lacking or title not in listed:
            lines += [title, *lacking]
    return lines


def outdated(page: str, old: Policy, new: Policy) -> list[str]:
    """What a page still says, and the policy does not any more.

    Args:
        page: the text of the policy page.
        old: the policy as it was released last.
        new: as it is now.
    """
    said, listed = " ".join(page.split()), _listed(page)
    lines = [one for one in old.sentences if one not in new.sentences and one in said]
    for title, items in old.required.items():
        kept = new.required.get(title)
        gone = [one for one in items if one not in (kept or ()) and one in listed.get(title, ())]
        if gone or (kept is None and title in listed):
            lines += [title, *gone]
    return lines


def _listed(page: str) -> dict[str, set[str]]:
    """The items below each title "For …:", without what is said of them behind a colon."""
    found: dict[str, set[str]] = {}
    title = ""
    for line in page.splitlines():
        if line.startswith("#") or (line.startswith("For ") and line.endswith(":")):
            title = line
            found.setdefault(title, set())
        elif line.startswith("- ") and title:
            found[title].add(line.partition(": ")[0].rstrip())
    return found


def overnight(old: Policy, new: Policy, at_once: Collection[str] = ()) -> list[str]:
    """Return the cases that would fail in a service within the notice, a line for each.

    Args:
        old: the policy as it was released last.
        new: as it is now.
        at_once: cases that the changelog announces: `test_x`, or `XSuite.test_x`.
    """
    earliest = date.today() + NOTICE
    hit = [*_new_cases(old, new), *_new_suites(old, new)]
    return [
        f"{case.suite}.{case.name} in {case.path}, {case.required_from or 'without a day'}"
        for case in dict.fromkeys(hit)
        if (case.required_from is None or case.required_from < earliest)
        and not {case.name, f"{case.suite}.{case.name}"} & set(at_once)
    ]


def _new_cases(old: Policy, new: Policy) -> Iterator[Case]:
    """The cases that a test class of a service gets by a suite that it has, or gets sooner."""
    for suite in old.cases.keys() & new.cases.keys():
        for name, case in new.cases[suite].items():
            was = old.cases[suite].get(name)
            if was is None or (was.is_future and _sooner(case, was)):
                yield case


def _sooner(case: Case, was: Case) -> bool:
    days = case.required_from, was.required_from
    return days[0] is None or (days[1] is not None and days[0] < days[1])


def _new_suites(old: Policy, new: Policy) -> Iterator[Case]:
    """The cases of the suites that a component must have, and had not to."""
    for name, kind in new.kinds.items():
        for suite in sorted(new.asked[name] - _asked_before(old, kind, new.asked[name])):
            # `tpgen check` warns of a missing suite where all cases that it states have a day.
            if not new.stated.get(suite):
                raise Misuse(
                    f"the suite {suite}, new for {kind.help}, states no case that could say from "
                    "which day on it is required: state one there, with its day"
                )
            yield from new.stated[suite]


def _asked_before(old: Policy, kind: Kind, asked: set[str]) -> set[str]:
    """Return the suites that the components of a kind needed, also by another name of the kind.

    Releases before 0.3 named no suites: what they had of those asked now was asked then.
    """
    same = [
        name
        for name, was in old.kinds.items()
        if name == kind.name or (was.introspect, was.sources) == (kind.introspect, kind.sources)
    ]
    named = {suite for name in same for suite in old.asked[name]}
    return named or (asked & old.stated.keys() if same else set())
