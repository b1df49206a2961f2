"""Findings for programs. The shape is kept: whatever changes it also changes `version`."""

import json
from collections.abc import Sequence
from typing import Any

from tpgen.check import registry
from tpgen.core.finding import Finding

VERSION = 1


def render(findings: Sequence[Finding]) -> str:
    """One object: `version`, how many there are of each level, and the findings.

    A byte of a file's name that is no UTF-8 is a lone surrogate, as `os.fsdecode` gives it.

    Args:
        findings: sorted.
    """
    levels = ("error", "warning", "note")
    content = {
        "version": VERSION,
        "counts": {level: sum(one.level == level for one in findings) for level in levels},
        "findings": [_finding(one) for one in findings],
    }
    return json.dumps(content, indent=2) + "\n"


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": registry.find(one.code).name,
        "level": one.level,
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "message": one.message,
        "fixable": bool(one.edits),
    }
