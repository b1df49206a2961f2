"""TPG405: a comment, an entry or a setting that keeps gitleaks from reporting a key."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tpgen.check.file import File
from tpgen.check.gitleaks import faults, key_prefix
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

# Split, so that gitleaks does not skip this line.
ALLOW = "gitleaks:" + "allow"
PROSE = (".md", ".rst", ".txt")


def check(file: File) -> Iterator[Finding]:
    name = PurePosixPath(file.path).name
    if name == ".gitleaks.toml":
        for message, near in faults(file.text, key_prefix(file.project)):
            numbers = [number for number, line in enumerate(file.lines, 1) if near in line]
            yield file.finding(numbers[0] if numbers else 1, message)
    is_ignore = name == ".gitleaksignore"
    if not is_ignore and ALLOW.encode() not in file.data:
        return
    for number, line in enumerate(file.lines, 1):
        # Documentation names the comment as code.
        text = re.sub(r"`[^`]*`", "", line) if file.path.endswith(PROSE) else line
        if ALLOW in text:
            message = "the comment hides any secret in this line: remove it, and the secret with it"
            yield file.finding(number, message)
        elif is_ignore and text.strip() and not text.startswith("#"):
            yield file.finding(
                number,
                "gitleaks skips this secret forever: revoke it, remove it from the history, and "
                "remove this line",
            )


RULE = FileRule(
    code="TPG405",
    name="silenced-secret-scan",
    section="Data: gitleaks scans tests/ too; a committed live key will block CI",
    why="gitleaks reports nothing about what it was told to skip: the check stays green over a "
    "live key. The template owns `.gitleaks.toml`; tpgen knows a few forms of it that cannot hide "
    "a live key, and reports any other.",
    fix="Remove the comment, the entry or the setting, and the secret that it hid. Test keys get "
    "a pattern of their own in `.gitleaks.toml` (`^tp_test_[A-Za-z0-9_-]*$`), never a folder; a "
    "key that was revoked gets its commit and its file; a rule of your own gets an id that starts "
    "with `own-`.",
    applies=lambda path: True,
    reads_project=True,
    check=check,
    bad={
        ".gitleaksignore": "tests/unit/test_client.py:generic-api-key:4\n",
        ".gitleaks.toml": "[extend]\nuseDefault = true\n\n[[allowlists]]\npaths = ['^tests/']\n",
    },
    good={
        ".gitleaks.toml": "[extend]\nuseDefault = true\n\n"
        "[[allowlists]]\nregexes = ['^tp_test_[A-Za-z0-9_-]*$']\n",
    },
)
