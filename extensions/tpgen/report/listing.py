"""The exceptions of a project: `tpgen exemptions`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tpgen.check import registry
from tpgen.check.baseline import WHERE, Baseline
from tpgen.check.exemptions import Exemption, Exemptions
from tpgen.core.settings import Exclusion

from .text import printable


def render(
    exemptions: Exemptions,
    cases: Sequence[Mapping[str, Any]] = (),
    excluded: Sequence[Exclusion] = (),
    baseline: Baseline | None = None,
) -> str:
    """Return all exceptions; of the exemptions, those that end first are at the top.

    Args:
        exemptions: from rules.
        cases: the required cases that do not apply, each with `case` and `reason`, some with
            `issue` and `until`.
        excluded: the files that no rule looks at.
        baseline: the findings that the project had when it adopted the policy.
    """
    ordered = sorted(exemptions.all, key=lambda each: (each.until, each.rule, each.path))
    lines = [line for exemption in ordered for line in _lines(exemption)]
    for exempt in cases:
        until = exempt.get("until")
        end = f", {_end(until)}" if until else ""
        issue = f" ({printable(exempt['issue'])})" if "issue" in exempt else ""
        lines.append(f"{printable(exempt['case'])}: does not apply{end}")
        lines.append(f"    {printable(exempt['reason'])}{issue}")
    lines += [f"excluded from all rules: {printable(str(exclusion))}" for exclusion in excluded]
    if baseline and baseline.entries:
        lines.append(f"{WHERE}: {baseline.entries.total()} findings")
    return "".join(f"{line}\n" for line in lines or ["nothing is exempt"])


def _lines(exemption: Exemption) -> list[str]:
    is_gone = exemption.is_of_no_rule
    name = "(no longer a rule)" if is_gone else registry.find(exemption.rule).name
    return [
        f"{exemption.rule} {name} in {printable(exemption.path)}: {_end(exemption.until)}",
        f"    {printable(exemption.reason)} ({printable(exemption.issue)})",
    ]


def _end(until: date) -> str:
    days = (until - date.today()).days
    if days < 0:
        return f"EXPIRED on {until}"
    return f"until {until}, {days} day{'s' * (days != 1)} left"
