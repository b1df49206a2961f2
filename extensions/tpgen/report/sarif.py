"""Findings as SARIF 2.1.0, which GitHub's code scanning and the viewers of editors read."""

import hashlib
import json
import os
import re
from collections import Counter
from importlib import metadata
from typing import Any
from urllib.parse import quote

from tpgen.check import registry
from tpgen.check.rule import Rule
from tpgen.core.finding import CheckResult, Finding
from tpgen.core.installation import docs_address

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"


def render(result: CheckResult) -> str:
    """Return one run; the paths of the result must start at the top of the repository."""
    version, docs = metadata.version("tpgen"), docs_address()
    rules = registry.all_rules() | registry.gate_rules()
    page = {"helpUri": f"{docs}/checks.md#all-rules"} if docs else {}
    driver = {
        "name": "tpgen",
        "version": version,
        "semanticVersion": version,
        "rules": [_rule(rule) | page for rule in rules.values()],
    }
    seen: Counter[str] = Counter()
    results = []
    for finding in result.findings:
        # The same if lines move, or if a message counts days or lines.
        words = re.sub(r"\d+", "0", finding.message)
        key = f"{finding.code}:{finding.path}:{words}".encode(errors="surrogateescape")
        fingerprint = hashlib.sha256(key).hexdigest()[:16]
        seen[fingerprint] += 1
        results.append(_result(finding, f"{fingerprint}:{seen[fingerprint]}"))
    run = {
        "tool": {"driver": driver},
        # `ast` and we count characters; without it a reader takes UTF-16 units.
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top of the repository."}}},
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    # Without the trees: some hold what looks like a key, new for each run.
    text = (
        f"{rule.why}\n\n**What to do:** {rule.fix}\n\n**Policy:** {rule.section}\n\n"
        f"`tpgen explain {rule.code}` shows examples."
    )
    return {
        "id": rule.code,
        "name": rule.name.title().replace("-", ""),
        "shortDescription": {"text": rule.name.replace("-", " ").capitalize()},
        "fullDescription": {"text": f"{rule.why} Policy: {rule.section}."},
        "help": {"text": text.replace("**", ""), "markdown": text},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["testing-policy"]},
    }


def _result(finding: Finding, fingerprint: str) -> dict[str, Any]:
    uri = quote(os.fsencode(finding.path), safe="/")
    region = {"startLine": max(finding.line, 1), "startColumn": max(finding.column, 1)}
    place = {"artifactLocation": {"uri": uri, "uriBaseId": ROOT}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": [*registry.all_rules(), *registry.gate_rules()].index(finding.code),
        "level": finding.level,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
        # GitHub's own key, `primaryLocationLineHash`, is left to its upload action, which reads
        # the lines, and warns about another value.
        "partialFingerprints": {"tpgen/v1": fingerprint},
        "properties": {"confidence": finding.confidence},
    }
