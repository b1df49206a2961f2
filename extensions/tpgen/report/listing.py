"""Print the exemptions of a project: `tpgen exemptions`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tpgen.check import registry
from tpgen.check.exemptions import Exemption, Exemptions

from .text import printable


def render(
    exemptions: Exemptions, cases: Sequence[Mapping[str, Any]] = (), excluded: Sequence[str] = ()
) -> str:
    """Return the exemptions, those that end first at the top.

    Args:
        exemptions: from rules.
        cases: the required cases that do not apply, each with `case` and `reason`, some with
            `issue` and `until`.
        excluded: the patterns of `exclude`.
    """
    lines = [line for one in sorted(exemptions.all, key=_order) for line in _lines(one)]
    for exempt in cases:
        until = exempt.get("until")
        end = f", {_end(until)}" if until else ""
        issue = f" ({printable(exempt['issue'])})" if "issue" in exempt else ""
        lines.append(f"{printable(exempt['case'])}: does not apply{end}")
        lines.append(f"    {printable(exempt['reason'])}{issue}")
    lines += [f"excluded from all rules: {printable(pattern)}" for pattern in excluded]
    return "".join(f"{line}\n" for line in lines or ["nothing is exempt"])


def _order(one: Exemption) -> tuple[date, str, str]:
    return one.until, one.rule, one.path


def _lines(one: Exemption) -> list[str]:
    name = "(no rule any more)" if one.is_of_no_rule else registry.find(one.rule).name
    return [
        f"{one.rule} {name} in {printable(one.path)}: {_end(one.until)}",
        f"    {printable(one.reason)} ({printable(one.issue)})",
    ]


def _end(until: date) -> str:
    days = (until - date.today()).days
    if days < 0:
        return f"ENDED on {until}"
    return f"until {until}, {days} day{'s' * (days != 1)} left"
