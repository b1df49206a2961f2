"""Findings as SARIF 2.1.0, which GitHub's code scanning and the viewers of editors read."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from typing import Any
from urllib.parse import quote

from tpgen.check import registry
from tpgen.check.rule import Rule
from tpgen.core.finding import CheckResult, Finding
from tpgen.core.installation import docs_address

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
PAGE = "checks.md#all-rules"


def render(result: CheckResult) -> str:
    """Return one run, with all rules and a result for each finding.

    Args:
        result: its paths start at the top of the repository.
    """
    rules = list(registry.all_rules().values())
    run = {
        "tool": {"driver": _driver(rules)},
        # `ast` and we count characters; without it a reader takes UTF-16 units.
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top of the repository."}}},
        "results": _results(result.findings, [rule.code for rule in rules]),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _driver(rules: Sequence[Rule]) -> dict[str, Any]:
    docs = docs_address()
    page = {"helpUri": f"{docs}/{PAGE}"} if docs else {}
    version = metadata.version("tpgen")
    return {
        "name": "tpgen",
        "version": version,
        "semanticVersion": version,
        "rules": [_rule(rule) | page for rule in rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    words = rule.name.split("-")
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in words),
        "shortDescription": {"text": " ".join(words).capitalize()},
        "fullDescription": {"text": f"{rule.why} Policy: {rule.section}."},
        "help": {"text": _help(rule, ""), "markdown": _help(rule, "**")},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["testing-policy"]},
    }


def _help(rule: Rule, bold: str) -> str:
    """Return what to do. Without the trees: some hold what looks like a key, new for each run."""
    parts = {"What to do": rule.fix, "Policy": rule.section}
    lines = [rule.why, *(f"{bold}{title}:{bold} {text}" for title, text in parts.items())]
    return "\n\n".join([*lines, f"`tpgen explain {rule.code}` shows examples."])


def _results(findings: Sequence[Finding], codes: Sequence[str]) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    results = []
    for finding in findings:
        fingerprint = _fingerprint(finding)
        seen[fingerprint] += 1
        key = f"{fingerprint}:{seen[fingerprint]}"
        results.append(_result(finding, codes.index(finding.code), key))
    return results


def _result(finding: Finding, index: int, fingerprint: str) -> dict[str, Any]:
    region = {"startLine": max(finding.line, 1), "startColumn": max(finding.column, 1)}
    uri = quote(os.fsencode(finding.path), safe="/")
    place = {"artifactLocation": {"uri": uri, "uriBaseId": ROOT}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.level,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
        # GitHub's own key, `primaryLocationLineHash`, is left to its upload action, which reads
        # the lines, and warns about another value.
        "partialFingerprints": {"tpgen/v1": fingerprint},
        "properties": {"confidence": finding.confidence},
    }


def _fingerprint(finding: Finding) -> str:
    """Return what stays the same if lines move, or if a message counts days or lines."""
    words = re.sub(r"\d+", "0", finding.message)
    key = f"{finding.code}:{finding.path}:{words}".encode(errors="surrogateescape")
    return hashlib.sha256(key).hexdigest()[:16]
