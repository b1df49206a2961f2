"""TPG403: a live key of the service itself, in text as it stands."""

import re
import secrets
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.gitleaks import key_prefix
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

MARK = "_live_"
PLACEHOLDER = re.compile(r"(?i)example|your|placeholder|redacted|change_?me|replace|dummy")


def check(file: File) -> Iterator[Finding]:
    prefix = key_prefix(file.project)
    key = re.compile(rf"(?<![A-Za-z0-9]){prefix}{MARK}([A-Za-z0-9_-]{{8,}})")
    for number, line in enumerate(file.lines, 1):
        found = key.search(line) if MARK in line else None
        # Three different characters or fewer are a placeholder, too.
        if found and len(set(found[1])) > 3 and not PLACEHOLDER.search(found[1]):
            yield file.finding(
                number,
                f"this is a live key ({prefix}{MARK}…): revoke it, because it stays in every "
                f"clone, and use a test key ({prefix}_test_…) or one made at run time",
                column=found.start() + 1,
            )


RULE = FileRule(
    code="TPG403",
    name="live-key",
    section="Data: no real API keys anywhere in tests; tp_test_xxx is fine, live keys never",
    why="A key in a repository is in every clone, and in the log of every test that fails. "
    "gitleaks finds the keys of other providers, and keys in archives and in base64; it skips "
    "lock files and keys that contain the alphabet, and this rule does not.",
    fix="Revoke the key first, then remove it. A test uses a test key, or makes one at run time "
    "(`secrets.token_hex()`); a real one comes from the environment.",
    applies=lambda path: True,
    # The second in UTF-16, as PowerShell writes files.
    triggers=(MARK.encode(), MARK.encode("utf-16-le")[:-1]),
    reads_project=True,
    check=check,
    # Made at run time, so that no scanner reports this file.
    bad=lambda: {"tests/unit/test_client.py": f'KEY = "tp{MARK}{secrets.token_hex(16)}"\n'},
    good=lambda: {"tests/unit/test_client.py": f'KEY = "tp_test_{secrets.token_hex(16)}"\n'},
)
