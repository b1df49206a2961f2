"""The exceptions of a project: `tpgen exemptions`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tpgen.check import registry
from tpgen.check.baseline import WHERE, Entry
from tpgen.check.exemptions import Exemption
from tpgen.core.settings import Exclusion

from .text import printable


def render(
    exemptions: Sequence[Exemption],
    cases: Sequence[Mapping[str, Any]] = (),
    excluded: Sequence[Exclusion] = (),
    baseline: Mapping[Entry, int] | None = None,
) -> str:
    """Return all exceptions; of the exemptions, those that end first are at the top.

    Args:
        exemptions: from rules.
        cases: the required cases that do not apply, each with `case` and `reason`, some with
            `issue` and `until`.
        excluded: the files that no rule looks at.
        baseline: the findings that the project had when it adopted the policy.
    """
    lines = []
    for exemption in sorted(exemptions, key=lambda each: (each.until, each.rule, each.path)):
        is_gone = exemption.rule not in registry.all_rules()
        name = "(no longer a rule)" if is_gone else registry.find(exemption.rule).name
        lines.append(f"{exemption.rule} {name} in {exemption.path}: {_end(exemption.until)}")
        lines.append(f"    {exemption.reason} ({exemption.issue})")
    for exempt in cases:
        end = f", {_end(exempt['until'])}" if exempt.get("until") else ""
        issue = f" ({exempt['issue']})" if "issue" in exempt else ""
        lines += [f"{exempt['case']}: does not apply{end}", f"    {exempt['reason']}{issue}"]
    lines += [f"excluded from all rules: {exclusion}" for exclusion in excluded]
    if baseline:
        lines.append(f"{WHERE}: {sum(baseline.values())} findings")
    return "".join(f"{printable(line)}\n" for line in lines or ["nothing is exempt"])


def _end(until: date) -> str:
    days = (until - date.today()).days
    left = f"until {until}, {days} day{'s' * (days != 1)} left"
    return left if days >= 0 else f"EXPIRED on {until}"
