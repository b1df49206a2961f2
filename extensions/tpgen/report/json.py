"""Findings for programs. A change of the shape changes `version`; new keys do not."""

import json
from collections import Counter

from tpgen.check import registry
from tpgen.core.finding import CheckResult

VERSION = 1
KEYS = ("level", "confidence", "path", "line", "column", "message")


def render(result: CheckResult) -> str:
    """Return one object; a byte of a path that is not UTF-8 is a lone surrogate in it."""
    counts = Counter(finding.level for finding in result.findings)
    findings = [
        {"code": finding.code, "name": registry.find(finding.code).name}
        | {key: getattr(finding, key) for key in KEYS}
        | {"fixable": bool(finding.edits)}
        for finding in result.findings
    ]
    content = {
        "version": VERSION,
        "counts": {level: counts[level] for level in ("error", "warning", "note")},
        "checked": result.checked,
        "left_out": dict(sorted(result.left_out.items())),
        "exempt": result.exempt,
        "in_baseline": result.in_baseline,
        "findings": findings,
    }
    return json.dumps(content, indent=2) + "\n"
